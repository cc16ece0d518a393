//! The order that names the jury: a draft drawn on demand until it is signed, then the document that was signed, kept.
//! An amending order is another document, under its own reference; the first one stays.

use crate::domain::academy::{Academy, french_date};
use crate::domain::permission::Actor;
use crate::domain::regulation::RegulationPack;
use crate::office::documents::{office_of, signatory_of, visas};
use crate::pdf::SimpleTable;
use crate::pdf::orders::{OrderSheet, order};
use crate::store::documents::{self, NewDocument};
use crate::store::jury::{self, JuryView, OrderRow};
use crate::store::reference::AcademyRow;
use crate::store::session::SessionRow;
use crate::store::{Db, Lock, StoreError, Stored, reference};

/// Kind of the signed order among the documents; its subject is the session and the order's reference.
pub const ORDER_KIND: &str = "jury_order";

/// The order as a PDF: (file name, bytes).
///
/// # Errors
/// The database's own, or a document that cannot be drawn.
pub fn order_document(db: &Db, session: &SessionRow) -> Stored<(String, Vec<u8>)> {
    let (view, pack, academy) = db.read_now(|conn| {
        Ok((
            jury::get_jury(conn, session)?,
            reference::rules_of(conn, &session.regulation_id)?,
            reference::get_academy(conn, &session.academy_code)?,
        ))
    })?;
    let zone = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    let Some(signed) = &view.order else {
        let bytes = order(&sheet(
            session,
            &view,
            &pack,
            &academy,
            None,
            zone.date(db.clock().now()),
            db.clock().is_simulated(),
        ))?;
        return Ok((format!("projet-arrete-jury-{}.pdf", session.year), bytes));
    };
    let subject_id = format!("{}:{}", session.id, signed.order_reference);
    let kept = {
        let subject = subject_id.clone();
        db.read_now(move |conn| documents::find_document(conn, ORDER_KIND, &subject))?
    };
    if let Some(kept) = kept {
        return Ok((kept.file_name, kept.bytes));
    }
    let bytes =
        order(&sheet(session, &view, &pack, &academy, Some(signed), signed.signed_on.0, db.clock().is_simulated()))?;
    let new = NewDocument {
        academy_code: session.academy_code.clone(),
        session_id: Some(session.id.clone()),
        subject_id: subject_id.clone(),
        kind: ORDER_KIND.into(),
        file_name: format!("arrete-jury-{}.pdf", session.year),
        content_type: "application/pdf".into(),
        bytes,
    };
    let drawer = Actor::system("documents");
    db.write_now(&drawer, Lock::Session(session.id.clone()), move |tx| documents::keep_document(tx, new))?;
    let kept = db
        .read_now(move |conn| documents::find_document(conn, ORDER_KIND, &subject_id))?
        .ok_or(StoreError::NotFound)?;
    Ok((kept.file_name, kept.bytes))
}

fn sheet(
    session: &SessionRow,
    view: &JuryView,
    pack: &RegulationPack,
    academy: &AcademyRow,
    signed: Option<&OrderRow>,
    date: jiff::civil::Date,
    simulated: bool,
) -> OrderSheet {
    let quality = |code: &str| {
        pack.jury.roles.iter().find(|role| role.code == code).map_or(code, |role| role.label.as_str()).to_owned()
    };
    let president: Vec<String> =
        view.members.iter().filter(|juror| juror.is_president).map(|juror| juror.letter_name()).collect();
    let mut rows = Vec::new();
    for juror in &view.members {
        let seats = view.commissions.iter().filter_map(|one| {
            let seat = one.seats.iter().find(|seat| seat.juror.id == juror.id)?;
            Some(if seat.is_chair {
                format!("{} (préside)", one.commission.label)
            } else {
                one.commission.label.clone()
            })
        });
        let seats = seats.collect::<Vec<_>>().join(", ");
        rows.push(vec![
            juror.letter_name(),
            quality(&juror.quality),
            if seats.is_empty() { "–".to_owned() } else { seats },
        ]);
    }
    let title = match signed {
        Some(signed) => {
            format!("Arrêté {} portant nomination du jury, session {}", signed.order_reference, session.year)
        }
        None => format!("Projet d’arrêté portant nomination du jury, session {}", session.year),
    };
    let presided = if president.is_empty() {
        "La présidence du jury reste à désigner.".to_owned()
    } else {
        format!("Le jury est présidé par {}.", president.join(", "))
    };
    OrderSheet {
        office: office_of(academy),
        title,
        visas: visas(pack),
        articles: vec![
            (
                "Article 1er".into(),
                vec![format!(
                    "Sont nommées membres du jury de l’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire, session {}, les personnes dont les noms suivent. Les épreuves ont lieu du {} au {}.",
                    session.year,
                    french_date(session.epreuves_from.0),
                    french_date(session.epreuves_to.0)
                )],
            ),
            ("Article 2".into(), vec![presided]),
            ("Article 3".into(), vec!["Les commissions devant lesquelles se présentent les candidats sont composées comme il est dit au tableau ci-dessous.".into()]),
        ],
        table: Some(SimpleTable { headers: vec!["Membre".into(), "Qualité".into(), "Commission".into()], rows }),
        place: academy.city.clone(),
        date,
        signatory: signatory_of(academy),
        simulated,
    }
}
