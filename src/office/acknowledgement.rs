//! The acknowledgement of receipt of a registration: the mail that tells of it, and the PDF kept once (CRPA, art. R. 112-5).
//! It says what was received, when, by whom and under which number; it decides nothing.

use super::documents::{keep_all, office_of};
use crate::domain::academy::{Academy, french_date};
use crate::mail::messages::{self, Facts, Letterhead, Received};
use crate::pdf::Signatory;
use crate::pdf::letter::{LetterSheet, letter};
use crate::store::documents::{DocumentRow, NewDocument, find_document};
use crate::store::outbox::NewMail;
use crate::store::people::PersonRow;
use crate::store::reference::AcademyRow;
use crate::store::registration::{self, RegistrationRow};
use crate::store::session::SessionRow;
use crate::store::{Db, StoreError, Stored, reference};

/// Kind of the document, under the registration's identifier.
pub const KIND: &str = "acknowledgement";

/// The pack's wording and the academy that signs.
#[derive(Debug, Clone)]
pub struct Wording {
    pub wording: String,
    pub academy: AcademyRow,
}

fn closes_on(session: &SessionRow) -> String {
    Academy::find(&session.academy_code)
        .map(|academy| french_date(academy.date(session.registration_closes_at.0)))
        .unwrap_or_default()
}

fn received_at(session: &SessionRow, row: &RegistrationRow) -> String {
    Academy::find(&session.academy_code).map(|academy| academy.show(row.submitted_at.0)).unwrap_or_default()
}

/// The mail of the acknowledgement: a link and no personal fact but the name and the number.
#[must_use]
pub fn mail(
    head: &Wording,
    session: &SessionRow,
    person: &PersonRow,
    row: &RegistrationRow,
    public_url: &str,
) -> NewMail {
    let name = person.letter_name();
    let link = format!("{public_url}/mon-dossier");
    let letterhead = Letterhead::of(&head.academy);
    let message = messages::acknowledgement(
        &Facts { head: &letterhead, name: &name, year: session.year, link: &link },
        &Received {
            wording: &head.wording,
            number: &row.number,
            received_at: &received_at(session, row),
            closes_on: &closes_on(session),
            listed_on: None,
        },
    );
    // A file withdrawn and posted again is acknowledged again.
    let key = match row.version {
        1 => format!("acknowledgement:{}", row.id),
        version => format!("acknowledgement:{}:{version}", row.id),
    };
    message.addressed("acknowledgement", key, &name, &person.email).of_session(session)
}

/// The PDF of the acknowledgement: drawn at the submission, the same bytes ever after.
///
/// # Errors
/// [`StoreError::NotFound`] for a registration that did not come by the form; a document that cannot be drawn.
pub fn document(db: &Db, registration_id: &str) -> Stored<DocumentRow> {
    if let Some(kept) = db.read_now(|conn| find_document(conn, KIND, registration_id))? {
        return Ok(kept);
    }
    let (view, academy, wording) = db.read_now(|conn| {
        let session = registration::get_session_of(conn, registration_id)?;
        let view = registration::get_file(conn, &session.academy_code, registration_id)?;
        let academy = reference::get_academy(conn, &session.academy_code)?;
        let wording = reference::rules_of(conn, &session.regulation_id)?.appeals.acknowledgement.value.clone();
        Ok((view, academy, wording))
    })?;
    if view.registration.source != "form" {
        return Err(StoreError::NotFound);
    }
    let (session, row, person) = (&view.session, &view.registration, &view.person);
    let received = received_at(session, row);
    let phone = if academy.phone.is_empty() { "non communiqué" } else { &academy.phone };
    let sentence =
        wording.replace("{date}", &received).replace("{service}", &academy.service).replace("{telephone}", phone);
    let mut paragraphs = vec![
        format!("{},", if person.civility == "Mme" { "Madame" } else { "Monsieur" }),
        sentence,
        format!(
            "Ce dossier d’inscription à la session {} de l’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire porte le numéro {}.",
            session.year, row.number
        ),
        format!(
            "Vous avez déclaré : {}, {} le {} ; {}, {} ; {}.",
            person.letter_name(),
            if person.civility == "Mme" { "née" } else { "né" },
            french_date(person.birth_date.0),
            row.corps,
            row.status,
            row.school_name
        ),
    ];
    let wanted: Vec<&str> = view.pieces.iter().map(|(_, label, _)| label.as_str()).collect();
    if !wanted.is_empty() {
        paragraphs.push(format!("Pièces demandées pour cette session : {}.", wanted.join(" ; ")));
    }
    paragraphs.push(format!(
        "Vous pouvez compléter ou retirer votre candidature jusqu’à ce que la liste des candidats soit arrêtée. Les inscriptions sont ouvertes jusqu’au {}. Le bureau des examens vérifie ensuite votre situation et vos pièces ; le recteur arrête la liste des candidats admis à se présenter (arrêté du 5 mai 2017, MENE1710931A, art. 2).",
        closes_on(session)
    ));
    paragraphs.push(
        "Cet accusé de réception est établi en application de l’article R. 112-5 du code des relations entre le public et l’administration. Il ne préjuge pas de la suite donnée à votre dossier.".to_owned(),
    );
    let date = Academy::find(&session.academy_code)
        .map(|academy| academy.date(row.submitted_at.0))
        .ok_or(StoreError::NotFound)?;
    let sheet = LetterSheet {
        office: office_of(&academy),
        addressee: vec![person.letter_name(), row.school_name.clone()],
        subject: format!("Accusé de réception du dossier d’inscription n°\u{a0}{}", row.number),
        reference: Some(row.number.clone()),
        paragraphs,
        appeal: Vec::new(),
        place: academy.city.clone(),
        date,
        // The service answers for it; nobody signs an acknowledgement.
        signatory: Signatory { name: String::new(), title: academy.service.clone(), delegation: None },
        simulated: db.clock().is_simulated(),
    };
    let made = NewDocument {
        academy_code: academy.code.clone(),
        session_id: Some(session.id.clone()),
        subject_id: row.id.clone(),
        kind: KIND.into(),
        file_name: format!("accuse-reception-{}.pdf", row.number),
        content_type: "application/pdf".into(),
        bytes: letter(&sheet)?,
    };
    keep_all(db, vec![made])?;
    db.read_now(|conn| find_document(conn, KIND, registration_id))?.ok_or(StoreError::NotFound)
}
