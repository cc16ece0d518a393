//! The order that fixes the list of candidates (arrêté de liste): a project to read first, then the order, kept.
//! Source: arrêté du 5 mai 2017 (MENE1710931A), art. 2. Names stand in alphabetical order, without rank.

use super::documents::{keep_one, office_of, shown, signatory_of, today, visas};
use crate::domain::academy::Academy;
use crate::domain::refusal::Refusal;
use crate::domain::session::LIST_LAW;
use crate::pdf::SimpleTable;
use crate::pdf::orders::{OrderSheet, order};
use crate::store::documents::{self, DocumentRow};
use crate::store::examination::list::{Listed, list_candidates};
use crate::store::session::SessionRow;
use crate::store::{Db, Stored, reference};

/// The order of a fixed list, drawn once and kept.
///
/// # Errors
/// A refusal before the list is fixed.
pub fn list_order_document(db: &Db, session: &SessionRow) -> Stored<DocumentRow> {
    if let Some(kept) = db.read_now(|conn| documents::find_document(conn, "list_order", &session.id))? {
        return Ok(kept);
    }
    if session.list_fixed_at.is_none() {
        return Err(Refusal::new("list_not_fixed", "L’arrêté s’établit quand la liste est fixée.")
            .under(LIST_LAW)
            .into());
    }
    keep_one(db, session, "list_order", "arrete-liste.pdf", draw(db, session)?)
}

/// What the order would be today, to be read before it is fixed; it is kept nowhere.
///
/// # Errors
/// The database's own, or an order that cannot be drawn.
pub fn list_project(db: &Db, session: &SessionRow) -> Stored<Vec<u8>> {
    draw(db, session)
}

fn draw(db: &Db, session: &SessionRow) -> Stored<Vec<u8>> {
    let (academy, pack, listed) = db.read_now(|conn| {
        Ok((
            reference::get_academy(conn, &session.academy_code)?,
            reference::rules_of(conn, &session.regulation_id)?,
            list_candidates(conn, session)?,
        ))
    })?;
    let year = session.year;
    let total = listed.len();
    let dated = match session.list_fixed_at {
        Some(at) => format!("La liste a été arrêtée le {}.", shown(session, at.0)),
        None => "Projet : la liste n’est pas encore arrêtée.".to_owned(),
    };
    let title = format!("Arrêté fixant la liste des candidats admis à se présenter à l’examen, session {year}");
    let sheet = OrderSheet {
        office: office_of(&academy),
        title: if session.list_fixed_at.is_some() { title } else { format!("Projet – {title}") },
        visas: visas(&pack),
        articles: vec![
            (
                "Article 1er".into(),
                vec![format!(
                    "Les candidats dont les noms suivent, au nombre de {total}, sont admis à se présenter aux épreuves de la session {year} de l’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire. Ils sont nommés par ordre alphabétique."
                )],
            ),
            (
                "Article 2".into(),
                vec![format!("Le présent arrêté est publié par les soins du service des examens. {dated}")],
            ),
        ],
        table: Some(SimpleTable {
            headers: vec!["Numéro".into(), "Candidat".into(), "Établissement".into(), "Dépt".into()],
            rows: listed.into_iter().map(Listed::cells).collect(),
        }),
        place: academy.city.clone(),
        date: match (session.list_fixed_at, Academy::find(&session.academy_code)) {
            (Some(at), Some(zone)) => zone.date(at.0),
            _ => today(session, db.clock()),
        },
        signatory: signatory_of(&academy),
        simulated: db.clock().is_simulated(),
    };
    Ok(order(&sheet)?)
}
