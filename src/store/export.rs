//! What leaves as a file: candidates, queue, list, marks, results, register, staff, jurors, schools, one header line in French.
//! Pages follow each other by key, each read by itself: a slow download holds no transaction. Every cell is
//! formula-safe; an export is an act, written in the audit chain whether or not it reached its end.

mod earlier;
mod queue;

use std::io::Write;

use diesel::prelude::*;
use serde_json::json;

use super::examination::queue::{QueueFilter, Sort, list_queue_ids};
use super::people::PersonRow;
use super::schema::{
    certificates, commission_members, commissions, evaluations, jurors, kept_marks, people, registrations, results,
    staff_records,
};
use super::session::{SessionRow, find_session_of_year};
use super::{Conn, Day, Db, Lock, StoreError, Stored, schools};
use crate::domain::academy::Academy;
use crate::domain::deliberation::Outcome;
use crate::domain::evaluation::EvaluationState;
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::session::{LIST_LAW, SessionState};
use crate::domain::table::{FileKind, SheetWriter};
use crate::words;

words! {
    /// What may be exported.
    pub enum Exported {
        Candidates = "candidates",
        /// Files as the office's queue shows them, by its filters and in its order.
        Queue = "queue",
        /// The fixed list, as it is published.
        List = "list",
        Marks = "marks",
        Results = "results",
        Register = "register",
        Staff = "staff",
        Jurors = "jurors",
        Schools = "schools",
        Holders = "holders",
        KeptMarks = "kept-marks",
    }
}

impl Exported {
    /// The right it takes.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Exported::Staff => Action::ManageStaff,
            Exported::Schools => Action::ManageSchools,
            Exported::Holders => Action::RecordHolder,
            // Marks of people: those who verify them, not all who record titles.
            Exported::KeptMarks => Action::CheckHolder,
            _ => Action::Export,
        }
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Exported::Candidates => "Candidats",
            Exported::Queue => "Dossiers à instruire",
            Exported::List => "Liste des candidats",
            Exported::Marks => "Notes",
            Exported::Results => "Résultats",
            Exported::Register => "Registre",
            Exported::Staff => "Personnels",
            Exported::Jurors => "Membres du jury",
            Exported::Schools => "Établissements",
            Exported::Holders => "Certificats délivrés avant cplds",
            Exported::KeptMarks => "Notes obtenues avant cplds",
        }
    }

    /// Whether it takes the year of a session.
    #[must_use]
    pub const fn is_of_a_session(self) -> bool {
        !matches!(self, Exported::Staff | Exported::Schools | Exported::Holders | Exported::KeptMarks)
    }
}

/// Rows read at a time: memory stays flat whatever the size of the session.
const PAGE: i64 = 1_000;

/// An export that may begin: everything that could refuse it has been asked.
#[derive(Debug, Clone)]
pub struct Planned {
    what: Exported,
    academy: String,
    year: i16,
    session: Option<SessionRow>,
    /// Of a queue: its files, in its order, chosen before the first line leaves.
    files: Vec<String>,
}

impl Planned {
    /// `queue-22-2027.xlsx`, or without a year what no session holds.
    #[must_use]
    pub fn file_name(&self, kind: FileKind) -> String {
        let (what, academy) = (self.what, &self.academy);
        match self.year {
            0 => format!("{what}-{academy}.{kind}"),
            year => format!("{what}-{academy}-{year}.{kind}"),
        }
    }
}

/// The queue of a session as it is filtered and sorted; the rest is asked as for any export.
///
/// # Errors
/// Those of [`plan`].
pub fn plan_queue(
    conn: &mut Conn,
    actor: &Actor,
    session: &SessionRow,
    filter: &QueueFilter,
    sort: (Sort, bool),
    today: jiff::civil::Date,
) -> Stored<Planned> {
    let mut planned = plan(conn, actor, Exported::Queue, &session.academy_code, session.year16())?;
    planned.files = list_queue_ids(conn, &session.id, filter, sort, today)?;
    Ok(planned)
}

/// Asks whether this export may be made, before a single byte of it leaves.
///
/// # Errors
/// Not found for those without the right or an unknown academy; a refusal for a session that is not there, or for
/// results that no jury has sealed.
pub fn plan(conn: &mut Conn, actor: &Actor, what: Exported, academy: &str, year: i16) -> Stored<Planned> {
    let object = Object::academy(academy);
    // The office exports the people it manages; whoever keeps the records exports them too.
    let allowed = may(actor, what.action(), object) || (what == Exported::Staff && may(actor, Action::Export, object));
    if !allowed || Academy::find(academy).is_none() {
        return Err(StoreError::NotFound);
    }
    let session = if what.is_of_a_session() { find_session_of_year(conn, academy, year)? } else { None };
    if session.is_none() && what.is_of_a_session() {
        return Err(Refusal::new(
            "no_session",
            format!("L’académie {academy} n’a pas de session {year}\u{a0}: vérifiez le code et l’année."),
        )
        .into());
    }
    let sealed = session.as_ref().is_some_and(|session| {
        matches!(session.state, SessionState::Sealed | SessionState::Published | SessionState::Archived)
    });
    if what == Exported::Results && !sealed {
        return Err(Refusal::new("not_sealed", "Les résultats s’exportent une fois la délibération scellée.").into());
    }
    if what == Exported::List && session.as_ref().is_some_and(|session| session.list_fixed_at.is_none()) {
        return Err(Refusal::new(
            "list_not_fixed",
            "La liste n’est pas encore arrêtée\u{a0}: elle s’exporte une fois l’arrêté pris. Exportez les candidats ou les dossiers en attendant.",
        )
        .under(LIST_LAW)
        .into());
    }
    let files = match &session {
        Some(session) if what == Exported::Queue => {
            // The day only matters for late answers, and every file is taken.
            let (filter, day) = (QueueFilter::default(), session.epreuves_from.0);
            list_queue_ids(conn, &session.id, &filter, (Sort::Name, false), day)?
        }
        _ => Vec::new(),
    };
    Ok(Planned { what, academy: academy.to_owned(), year, session, files })
}

/// Writes the export to `out` and returns the number of lines after the header.
///
/// # Errors
/// Those of [`plan`], of the database and of `out`.
pub fn export(
    db: &Db,
    actor: &Actor,
    what: Exported,
    academy: &str,
    year: i16,
    kind: FileKind,
    out: &mut dyn Write,
) -> Stored<u64> {
    let planned = db.read_now(|conn| plan(conn, actor, what, academy, year))?;
    write(db, actor, &planned, kind, out)
}

/// Writes an export already planned.
///
/// # Errors
/// Those of the database and of `out`; what had left by then is in the audit chain.
pub fn write(db: &Db, actor: &Actor, planned: &Planned, kind: FileKind, out: &mut dyn Write) -> Stored<u64> {
    let mut rows = 0;
    let written = write_rows(db, planned, kind, out, &mut rows);
    let lock = planned.session.as_ref().map_or(Lock::House, |session| Lock::Session(session.id.clone()));
    let object = planned.academy.clone();
    let detail = json!({
        "what": planned.what, "year": planned.year, "rows": rows, "format": kind, "whole": written.is_ok(),
    });
    db.write_now(actor, lock, move |tx| tx.audit("export", ("academy", &object), None, None, &detail))?;
    written.map(|()| rows)
}

fn write_rows(db: &Db, planned: &Planned, kind: FileKind, out: &mut dyn Write, rows: &mut u64) -> Stored<()> {
    let mut sheet = SheetWriter::new(kind, out, planned.what.as_str()).map_err(failed)?;
    sheet.row(header(planned.what).iter().copied()).map_err(failed)?;
    let session_id = planned.session.as_ref().map(|session| session.id.clone()).unwrap_or_default();
    let mut after = After::default();
    loop {
        let page = db.read_now(|conn| match planned.what {
            Exported::Candidates => candidates(conn, &session_id, &mut after),
            Exported::Queue => queue::lines(conn, planned, &mut after),
            Exported::List => queue::listed(conn, planned, &mut after),
            Exported::Marks => marks(conn, &session_id, &mut after),
            Exported::Results => outcomes(conn, &session_id, &mut after),
            Exported::Register => register(conn, &session_id, &mut after),
            Exported::Staff => staff(conn, &planned.academy, &mut after),
            Exported::Jurors => members(conn, &session_id, &mut after),
            Exported::Schools => list_of_schools(conn, &planned.academy, &mut after),
            Exported::Holders => earlier::certificates(conn, &planned.academy, &mut after),
            Exported::KeptMarks => earlier::marks(conn, &planned.academy, &mut after),
        })?;
        if page.is_empty() {
            return sheet.finish().map_err(failed);
        }
        for cells in page {
            sheet.row(cells.iter().map(String::as_str)).map_err(failed)?;
            *rows += 1;
        }
    }
}

/// Where the page before ended: a place in the order of the export.
#[derive(Default)]
struct After {
    number: i32,
    second: i32,
    key: String,
    id: String,
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("fichier d’export\u{a0}: {error}"))
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
            "date_contrat",
            "formation_suivie",
            "note_conservee_epreuve_1",
            "note_conservee_epreuve_2",
            "session_origine",
            "amenagement",
        ],
        Exported::Queue => queue::HEADER,
        Exported::List => super::examination::list::HEADER,
        Exported::Marks => &["numero_candidat", "epreuve", "note", "etat", "session_origine"],
        Exported::Results => &["numero_candidat", "nom", "prenom", "resultat"],
        Exported::Register => &["numero_certificat", "nom", "prenom", "delivre_le", "etat"],
        Exported::Staff => &[
            "civilite",
            "nom_naissance",
            "nom_usage",
            "prenom",
            "date_naissance",
            "courriel",
            "corps",
            "statut",
            "telephone",
            "date_contrat",
        ],
        Exported::Jurors => &[
            "civilite",
            "nom",
            "prenom",
            "courriel",
            "telephone",
            "qualite",
            "uai",
            "etablissement",
            "president",
            "commission",
            "presidence_de_commission",
        ],
        Exported::Schools => &["uai", "nom", "commune", "departement", "type"],
        Exported::Holders => &earlier::CERTIFICATE_TITLES,
        Exported::KeptMarks => &earlier::MARK_TITLES,
    }
}

type Page = Vec<Vec<String>>;

fn candidates(conn: &mut Conn, session_id: &str, after: &mut After) -> Stored<Page> {
    use super::people::PersonRow;
    use super::registration::{KeptMarkRow, RegistrationRow};
    let rows: Vec<(RegistrationRow, PersonRow)> = registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::rank.gt(after.number))
        .order(registrations::rank)
        .limit(PAGE)
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|(file, _)| file.id.as_str()).collect();
    let kept: Vec<KeptMarkRow> = kept_marks::table
        .filter(kept_marks::registration_id.eq_any(ids))
        .select(KeptMarkRow::as_select())
        .load(conn)?;
    after.number = rows.last().map_or(after.number, |(file, _)| file.rank);
    Ok(rows
        .into_iter()
        .map(|(file, mut person)| {
            let of = |epreuve: i32| kept.iter().find(|row| row.registration_id == file.id && row.epreuve == epreuve);
            let mark = |epreuve| of(epreuve).map(|row| Mark::from_hundredths(row.mark).shown()).unwrap_or_default();
            let origin = of(1).or(of(2)).map(|row| row.origin_year.to_string()).unwrap_or_default();
            let (mark_1, mark_2) = (mark(1), mark(2));
            let phone = person.phone.take().unwrap_or_default();
            let mut cells = vec![file.number];
            cells.extend(who(person));
            cells.extend([
                phone,
                file.corps,
                file.status,
                file.uai.unwrap_or_default(),
                file.school_name,
                file.department,
                file.eligibility,
                file.state,
                file.contract_date.map(|day| day.0.to_string()).unwrap_or_default(),
                if file.trained { "O" } else { "N" }.to_owned(),
                mark_1,
                mark_2,
                origin,
                file.accommodation.unwrap_or_default(),
            ]);
            cells
        })
        .collect())
}

fn marks(conn: &mut Conn, session_id: &str, after: &mut After) -> Stored<Page> {
    let rows: Vec<(i32, String, i32, Option<i32>, EvaluationState, Option<i32>)> = evaluations::table
        .inner_join(registrations::table)
        .filter(evaluations::session_id.eq(session_id))
        .filter(
            registrations::rank
                .gt(after.number)
                .or(registrations::rank.eq(after.number).and(evaluations::epreuve.gt(after.second))),
        )
        .order((registrations::rank, evaluations::epreuve))
        .limit(PAGE)
        .select((
            registrations::rank,
            registrations::number,
            evaluations::epreuve,
            evaluations::mark,
            evaluations::state,
            evaluations::origin_year,
        ))
        .load(conn)?;
    (after.number, after.second) = rows.last().map_or((after.number, after.second), |row| (row.0, row.2));
    Ok(rows
        .into_iter()
        .map(|(_, number, epreuve, mark, state, origin)| {
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

fn outcomes(conn: &mut Conn, session_id: &str, after: &mut After) -> Stored<Page> {
    let rows: Vec<(String, i32, String, String, Option<String>, String, Outcome)> = results::table
        .inner_join(registrations::table.inner_join(people::table))
        .filter(results::session_id.eq(session_id))
        .filter(
            people::sort_key
                .gt(after.key.clone())
                .or(people::sort_key.eq(after.key.clone()).and(registrations::rank.gt(after.number))),
        )
        .order((people::sort_key, registrations::rank))
        .limit(PAGE)
        .select((
            people::sort_key,
            registrations::rank,
            registrations::number,
            people::birth_name,
            people::usage_name,
            people::first_names,
            results::outcome,
        ))
        .load(conn)?;
    if let Some((key, rank, ..)) = rows.last() {
        (after.key, after.number) = (key.clone(), *rank);
    }
    Ok(rows
        .into_iter()
        .map(|(_, _, number, birth, usage, first, outcome)| {
            vec![number, usage.unwrap_or(birth), first, outcome.label().to_owned()]
        })
        .collect())
}

fn register(conn: &mut Conn, session_id: &str, after: &mut After) -> Stored<Page> {
    use super::certificate::CertificateRow;
    let rows: Vec<CertificateRow> = certificates::table
        .filter(certificates::session_id.eq(session_id))
        .filter(certificates::rank.gt(after.number))
        .order(certificates::rank)
        .limit(PAGE)
        .select(CertificateRow::as_select())
        .load(conn)?;
    after.number = rows.last().map_or(after.number, |row| row.rank);
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

fn staff(conn: &mut Conn, academy: &str, after: &mut After) -> Stored<Page> {
    let rows: Vec<(PersonRow, String, String, Option<Day>)> = people::table
        .inner_join(staff_records::table)
        .filter(people::academy_code.eq(academy))
        .filter(
            people::sort_key
                .gt(after.key.clone())
                .or(people::sort_key.eq(after.key.clone()).and(people::id.gt(after.id.clone()))),
        )
        .order((people::sort_key, people::id))
        .limit(PAGE)
        .select((PersonRow::as_select(), staff_records::corps, staff_records::status, staff_records::contract_date))
        .load(conn)?;
    if let Some((person, ..)) = rows.last() {
        (after.key, after.id) = (person.sort_key.clone(), person.id.clone());
    }
    Ok(rows
        .into_iter()
        .map(|(mut person, corps, status, contract)| {
            let phone = person.phone.take().unwrap_or_default();
            let mut cells = who(person);
            cells.extend([corps, status, phone, contract.map(|day| day.0.to_string()).unwrap_or_default()]);
            cells
        })
        .collect())
}

/// The first cells of every line about a person, as the imports read them.
fn who(person: PersonRow) -> Vec<String> {
    vec![
        person.civility,
        person.birth_name,
        person.usage_name.unwrap_or_default(),
        person.first_names,
        person.birth_date.0.to_string(),
        person.email,
    ]
}

/// The members of a jury, with the commission each sits in.
fn members(conn: &mut Conn, session_id: &str, after: &mut After) -> Stored<Page> {
    use super::jury::JurorRow;
    let rows: Vec<JurorRow> = jurors::table
        .filter(jurors::session_id.eq(session_id))
        .filter(
            jurors::sort_key
                .gt(after.key.clone())
                .or(jurors::sort_key.eq(after.key.clone()).and(jurors::id.gt(after.id.clone()))),
        )
        .order((jurors::sort_key, jurors::id))
        .limit(PAGE)
        .select(JurorRow::as_select())
        .load(conn)?;
    if let Some(last) = rows.last() {
        (after.key, after.id) = (last.sort_key.clone(), last.id.clone());
    }
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let seats: Vec<(String, String, bool)> = commission_members::table
        .inner_join(commissions::table)
        .filter(commission_members::juror_id.eq_any(ids))
        .order((commissions::label, commission_members::juror_id))
        .select((commission_members::juror_id, commissions::label, commission_members::is_chair))
        .load(conn)?;
    let yes = |is: bool| if is { "O" } else { "N" }.to_owned();
    Ok(rows
        .into_iter()
        .map(|row| {
            let seat = seats.iter().find(|(juror, ..)| *juror == row.id);
            vec![
                row.civility,
                row.last_name,
                row.first_names,
                row.email,
                row.phone.unwrap_or_default(),
                row.quality,
                row.uai.unwrap_or_default(),
                row.school_name.unwrap_or_default(),
                yes(row.is_president),
                seat.map(|(_, label, _)| label.clone()).unwrap_or_default(),
                yes(seat.is_some_and(|(.., chair)| *chair)),
            ]
        })
        .collect())
}

fn list_of_schools(conn: &mut Conn, academy: &str, after: &mut After) -> Stored<Page> {
    let rows = schools::list_schools(conn, academy, (&after.key, &after.id), PAGE)?;
    if let Some(last) = rows.last() {
        (after.key, after.id) = (last.sort_key.clone(), last.uai.clone());
    }
    Ok(rows.into_iter().map(|row| vec![row.uai, row.name, row.commune, row.department, row.kind]).collect())
}
