//! What leaves as a file: candidates, marks, results, register, staff, one header line in French, streamed page by page.
//! Every cell is formula-safe; an export is an act, written in the audit chain.

use std::io::Write;

use diesel::prelude::*;
use serde_json::json;

use super::schema::{certificates, evaluations, people, registrations, results, staff_records};
use super::session::find_session_of_year;
use super::{Conn, Db, Lock, StoreError, Stored};
use crate::domain::academy::Academy;
use crate::domain::deliberation::Outcome;
use crate::domain::evaluation::EvaluationState;
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::session::SessionState;
use crate::domain::table::CsvWriter;
use crate::words;

words! {
    /// What may be exported.
    pub enum Exported {
        Candidates = "candidates",
        Marks = "marks",
        Results = "results",
        Register = "register",
        Staff = "staff",
    }
}

/// Rows read at a time: memory stays flat whatever the size of the session.
const PAGE: i64 = 1_000;

/// Writes the export to `out` and returns the number of lines after the header.
///
/// # Errors
/// Not found for those without the right or an unknown session; a refusal for results that no jury has sealed.
pub fn export(db: &Db, actor: &Actor, what: Exported, academy: &str, year: i16, out: &mut dyn Write) -> Stored<u64> {
    if !may(actor, Action::Export, Object::academy(academy)) || Academy::find(academy).is_none() {
        return Err(StoreError::NotFound);
    }
    let session = db.read_now(|conn| find_session_of_year(conn, academy, year))?;
    let session_id = match (&session, what) {
        (Some(session), _) => session.id.clone(),
        (None, Exported::Staff) => String::new(),
        (None, _) => {
            return Err(Refusal::new(
                "no_session",
                format!("L’académie {academy} n’a pas de session {year} : vérifiez le code et l’année."),
            )
            .into());
        }
    };
    let sealed = session.as_ref().is_some_and(|session| {
        matches!(session.state, SessionState::Sealed | SessionState::Published | SessionState::Archived)
    });
    if what == Exported::Results && !sealed {
        return Err(Refusal::new("not_sealed", "Les résultats s’exportent une fois la délibération scellée.").into());
    }
    let mut sheet = CsvWriter::new(out).map_err(failed)?;
    sheet.row(header(what).iter().copied()).map_err(failed)?;
    let mut rows = 0;
    db.read_now(|conn| {
        let mut offset = 0;
        loop {
            let page = match what {
                Exported::Candidates => candidates(conn, &session_id, offset)?,
                Exported::Marks => marks(conn, &session_id, offset)?,
                Exported::Results => outcomes(conn, &session_id, offset)?,
                Exported::Register => register(conn, &session_id, offset)?,
                Exported::Staff => staff(conn, academy, offset)?,
            };
            if page.is_empty() {
                return Ok(());
            }
            offset += PAGE;
            for cells in page {
                sheet.row(cells.iter().map(String::as_str)).map_err(failed)?;
                rows += 1;
            }
        }
    })?;
    sheet.finish().map_err(failed)?;
    let lock = session.map_or(Lock::House, |session| Lock::Session(session.id));
    let object = academy.to_owned();
    let detail = json!({ "what": what, "year": year, "rows": rows });
    db.write_now(actor, lock, move |tx| tx.audit("export", ("academy", &object), None, None, &detail))?;
    Ok(rows)
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("fichier d’export : {error}"))
}

const fn header(what: Exported) -> &'static [&'static str] {
    match what {
        Exported::Candidates => &[
            "numero_candidat",
            "civilite",
            "nom_naissance",
            "nom_usage",
            "prenom",
            "date_naissance",
            "courriel",
            "telephone",
            "corps",
            "statut",
            "uai",
            "etablissement",
            "departement",
            "recevabilite",
            "etat",
        ],
        Exported::Marks => &["numero_candidat", "epreuve", "note", "etat", "session_origine"],
        Exported::Results => &["numero_candidat", "nom", "prenom", "resultat"],
        Exported::Register => &["numero_certificat", "nom", "prenom", "delivre_le", "etat"],
        Exported::Staff => {
            &["civilite", "nom_naissance", "nom_usage", "prenom", "date_naissance", "courriel", "corps", "statut"]
        }
    }
}

type Page = Vec<Vec<String>>;

fn candidates(conn: &mut Conn, session_id: &str, offset: i64) -> Stored<Page> {
    use super::people::PersonRow;
    use super::registration::RegistrationRow;
    let rows: Vec<(RegistrationRow, PersonRow)> = registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id))
        .order(registrations::rank)
        .limit(PAGE)
        .offset(offset)
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(file, person)| {
            vec![
                file.number,
                person.civility,
                person.birth_name,
                person.usage_name.unwrap_or_default(),
                person.first_names,
                person.birth_date.0.to_string(),
                person.email,
                person.phone.unwrap_or_default(),
                file.corps,
                file.status,
                file.uai.unwrap_or_default(),
                file.school_name,
                file.department,
                file.eligibility,
                file.state,
            ]
        })
        .collect())
}

fn marks(conn: &mut Conn, session_id: &str, offset: i64) -> Stored<Page> {
    let rows: Vec<(String, i32, Option<i32>, EvaluationState, Option<i32>)> = evaluations::table
        .inner_join(registrations::table)
        .filter(evaluations::session_id.eq(session_id))
        .order((registrations::rank, evaluations::epreuve))
        .limit(PAGE)
        .offset(offset)
        .select((
            registrations::number,
            evaluations::epreuve,
            evaluations::mark,
            evaluations::state,
            evaluations::origin_year,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(number, epreuve, mark, state, origin)| {
            let state = match state {
                EvaluationState::Expected => "à saisir",
                EvaluationState::Marked => "notée",
                EvaluationState::Absent => "absent",
                EvaluationState::Kept => "conservée",
            };
            vec![
                number,
                epreuve.to_string(),
                mark.map(|mark| Mark::from_hundredths(mark).shown()).unwrap_or_default(),
                state.to_owned(),
                origin.map(|year| year.to_string()).unwrap_or_default(),
            ]
        })
        .collect())
}

fn outcomes(conn: &mut Conn, session_id: &str, offset: i64) -> Stored<Page> {
    let rows: Vec<(String, String, Option<String>, String, Outcome)> = results::table
        .inner_join(registrations::table.inner_join(people::table))
        .filter(results::session_id.eq(session_id))
        .order((people::sort_key, registrations::rank))
        .limit(PAGE)
        .offset(offset)
        .select((registrations::number, people::birth_name, people::usage_name, people::first_names, results::outcome))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(number, birth, usage, first, outcome)| {
            vec![number, usage.unwrap_or(birth), first, outcome.label().to_owned()]
        })
        .collect())
}

fn register(conn: &mut Conn, session_id: &str, offset: i64) -> Stored<Page> {
    use super::certificate::CertificateRow;
    let rows: Vec<CertificateRow> = certificates::table
        .filter(certificates::session_id.eq(session_id))
        .order(certificates::rank)
        .limit(PAGE)
        .offset(offset)
        .select(CertificateRow::as_select())
        .load(conn)?;
    rows.into_iter()
        .map(|row| {
            let snapshot = row.read_snapshot()?;
            Ok(vec![
                row.number,
                snapshot.usage_name.unwrap_or(snapshot.birth_name),
                snapshot.first_names,
                snapshot.issued_on.to_string(),
                row.state.label().to_owned(),
            ])
        })
        .collect()
}

fn staff(conn: &mut Conn, academy: &str, offset: i64) -> Stored<Page> {
    use super::people::PersonRow;
    let rows: Vec<(PersonRow, String, String)> = people::table
        .inner_join(staff_records::table)
        .filter(people::academy_code.eq(academy))
        .order((people::sort_key, people::id))
        .limit(PAGE)
        .offset(offset)
        .select((PersonRow::as_select(), staff_records::corps, staff_records::status))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(person, corps, status)| {
            vec![
                person.civility,
                person.birth_name,
                person.usage_name.unwrap_or_default(),
                person.first_names,
                person.birth_date.0.to_string(),
                person.email,
                corps,
                status,
            ]
        })
        .collect())
}
