//! The attestation of equivalence: drawn from what stood when the office verified, kept once, the same bytes ever
//! after. It is no certificate and bears no mark.

use super::documents::keep_all;
use crate::domain::academy::french_date;
use crate::domain::holder::LAW;
use crate::pdf::attendance::{AttestationSheet, attestation};
use crate::pdf::{Office, Person, Signatory};
use crate::store::documents::{DocumentRow, NewDocument, find_document};
use crate::store::holder::find_equivalence;
use crate::store::{Db, StoreError, Stored};

/// The attestation of a person whose equivalence was verified.
///
/// # Errors
/// Not found before the verification; the database's own, or a document that cannot be drawn.
pub fn equivalence_attestation(db: &Db, person_id: &str) -> Stored<DocumentRow> {
    let row = db.read_now(|conn| find_equivalence(conn, person_id))?.ok_or(StoreError::NotFound)?;
    let snapshot = row.read_snapshot()?;
    if let Some(kept) = db.read_now(|conn| find_document(conn, "equivalence", &row.id))? {
        return Ok(kept);
    }
    let deemed = if snapshot.civility == "Mme" { "réputée" } else { "réputé" };
    let sheet = AttestationSheet {
        person: Person {
            civility: snapshot.civility.clone(),
            first_names: snapshot.first_names.clone(),
            birth_name: snapshot.birth_name.clone(),
            usage_name: snapshot.usage_name.clone(),
        },
        birth_date: Some(snapshot.birth_date),
        office: Office {
            academy: snapshot.academy.clone(),
            region: snapshot.region.clone(),
            service: snapshot.service.clone(),
            phone: String::new(),
            email: String::new(),
            city: snapshot.city.clone(),
        },
        title: "Attestation d’équivalence".into(),
        paragraphs: vec![
            format!(
                "est {deemed} titulaire du certificat de professionnalisation en matière de lutte contre le décrochage scolaire, par équivalence, au titre suivant\u{a0}:"
            ),
            format!("{}.", snapshot.ground.label()),
            format!("Référence\u{a0}: {LAW}. Pièces vérifiées par le service le {}.", french_date(snapshot.decided_on)),
            format!("Numéro au registre des équivalences\u{a0}: {}.", snapshot.number),
            "Cette attestation n’est pas un certificat délivré après examen\u{a0}; elle ne comporte aucune note."
                .into(),
        ],
        table: None,
        place: snapshot.city.clone(),
        date: snapshot.decided_on,
        signatory: Signatory {
            name: snapshot.signatory_name.clone(),
            title: snapshot.signatory_title.clone(),
            delegation: snapshot.delegation.clone(),
        },
        simulated: db.clock().is_simulated(),
    };
    let made = NewDocument {
        academy_code: row.academy_code.clone(),
        session_id: None,
        subject_id: row.id.clone(),
        kind: "equivalence".into(),
        file_name: format!("attestation-{}.pdf", snapshot.number),
        content_type: "application/pdf".into(),
        bytes: attestation(&sheet)?,
    };
    keep_all(db, vec![made])?;
    db.read_now(|conn| find_document(conn, "equivalence", &row.id))?.ok_or(StoreError::NotFound)
}
