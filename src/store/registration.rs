//! Registrations of a session: previewed and imported from a spreadsheet, listed, withdrawn.
//! An import is checked again inside its transaction against what stands then: all of it is written, or nothing.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::{Value, json};

use super::audit::Act;
use super::exchange::{self, Planned};
use super::people::{PersonRow, find_known, fold_email, identity_keys};
use super::schema::{
    decisions, exam_sessions, former_names, kept_marks, people, person_identities, pieces, registrations as t,
    yearly_registrations,
};
use super::session::{self, SessionRow};
use super::staff::career::{self, Told};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, eligibility, new_id, reference};
use crate::domain::academy::Academy;
use crate::domain::eligibility::{Assessment, Facts, Outcome, assess};
use crate::domain::exchange::{Accepted, Fate};
use crate::domain::ids::{Mark, sort_key};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::registration::{
    CandidateDraft, ImportContext, ImportReport, MarkScale, ProposedOutcome, check_candidates,
};
use crate::domain::regulation::RegulationPack;
use crate::domain::session::{LIST_LAW, SessionState, require};
use crate::domain::table::Table;
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = t, treat_none_as_null = true)]
pub struct RegistrationRow {
    pub id: String,
    pub session_id: String,
    pub person_id: String,
    pub rank: i32,
    /// `22-27-0001`: shown to the candidate, never a certificate's number.
    pub number: String,
    /// `submitted`, `admitted` (on the list), `refused`, `withdrawn`.
    pub state: String,
    /// `eligible`, `refusal_proposed`, `to_examine`: the rule's proposal.
    pub eligibility: String,
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Day>,
    pub uai: Option<String>,
    pub school_name: String,
    pub department: String,
    pub trained: bool,
    pub accommodation: Option<String>,
    pub source: String,
    pub submitted_at: Stamp,
    pub version: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = kept_marks)]
pub struct KeptMarkRow {
    pub id: String,
    pub registration_id: String,
    pub epreuve: i32,
    pub mark: i32,
    pub origin_year: i32,
}

/// Columns of the largest batch insert stay far under SQLite's 32,766 bound values.
const CHUNK: usize = 400;

/// States in which the office may still add or change files.
pub const OPEN_STATES: &[SessionState] =
    &[SessionState::Preparation, SessionState::Registration, SessionState::Examination];

/// Checks a spreadsheet against a session that may not exist yet (`session` = `None`: the pack in force for the year).
///
/// # Errors
/// [`StoreError::NotFound`] for an unknown academy or a year without a pack.
pub fn preview_import(
    conn: &mut Conn,
    academy_code: &str,
    year: i16,
    session: Option<&SessionRow>,
    table: &Table,
    set_aside: &[(u64, String)],
    now: jiff::Timestamp,
) -> Stored<ImportReport> {
    preview_but(conn, academy_code, year, session, table, set_aside, now, None)
}

/// The same, as if one file were not there: the one that is being corrected.
#[allow(clippy::too_many_arguments)] // those of the preview, and the file left out
pub(super) fn preview_but(
    conn: &mut Conn,
    academy_code: &str,
    year: i16,
    session: Option<&SessionRow>,
    table: &Table,
    set_aside: &[(u64, String)],
    now: jiff::Timestamp,
    but: Option<&str>,
) -> Stored<ImportReport> {
    let academy = Academy::find(academy_code).ok_or(StoreError::NotFound)?;
    let pack_id = match session {
        Some(session) => session.regulation_id.clone(),
        None => reference::regulation_for_year(conn, year)?,
    };
    let pack = reference::get_regulation(conn, &pack_id)?;
    let mut registered = HashMap::new();
    let mut registered_emails = HashMap::new();
    if let Some(session) = session {
        let known: Vec<(String, String, String)> = t::table
            .inner_join(people::table.inner_join(person_identities::table))
            .filter(t::session_id.eq(&session.id))
            .filter(t::state.ne("withdrawn"))
            .filter(t::id.ne(but.unwrap_or_default()))
            .select((person_identities::identity_key, people::email_key, t::number))
            .load(conn)?;
        for (identity, email, number) in known {
            if !email.is_empty() {
                registered_emails.insert(email, number.clone());
            }
            registered.insert(identity, number);
        }
        // Somebody who registered and has changed name since is the same candidate under the former one.
        let former: Vec<(String, String)> = t::table
            .inner_join(former_names::table.on(former_names::person_id.eq(t::person_id)))
            .filter(t::session_id.eq(&session.id))
            .filter(t::state.ne("withdrawn"))
            .select((former_names::identity_key, t::number))
            .load(conn)?;
        for (identity, number) in former {
            registered.entry(identity).or_insert(number);
        }
    }
    let known_sessions: Vec<i32> = exam_sessions::table
        .filter(exam_sessions::academy_code.eq(academy_code))
        .filter(exam_sessions::published_at.is_not_null())
        .select(exam_sessions::year)
        .load(conn)?;
    let propose = |corps: &str, status: &str| {
        let facts = Facts { corps: corps.to_owned(), status: status.to_owned(), ..Facts::default() };
        let assessment = assess(&pack, &facts);
        let sentence = assessment.reasons().join(" ");
        match assessment.outcome {
            Outcome::Eligible => ProposedOutcome::Eligible,
            Outcome::RefusalProposed => ProposedOutcome::RefusalProposed(sentence),
            Outcome::ToExamine => ProposedOutcome::ToExamine(sentence),
        }
    };
    let context = ImportContext {
        academy_name: academy.name.clone(),
        academy_departments: academy.departments.clone(),
        session_year: year,
        registration_reference: pack.eligibility.own_academy.law.clone(),
        mark_scale: MarkScale {
            min: Mark::from_hundredths(pack.marks.minimum.value),
            max: Mark::from_hundredths(pack.marks.maximum.value),
            step: Mark::from_hundredths(pack.marks.step.value),
        },
        kept_threshold: Mark::from_hundredths(pack.kept_marks.threshold.value),
        known_sessions: known_sessions.into_iter().filter_map(|year| i16::try_from(year).ok()).collect(),
        registered,
        registered_emails,
        may_update: true,
        set_aside: set_aside.to_vec(),
        today: academy.date(now),
        assess: &propose,
    };
    Ok(check_candidates(table, &context))
}

/// What an import wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub registered: usize,
    pub set_aside: usize,
    pub refusals_proposed: usize,
    pub to_examine: usize,
    /// Files already there: changed by this import, the same as the line, or left as they were.
    pub updated: usize,
    pub unchanged: usize,
    pub left: usize,
}

/// Registers every accepted line whose person has no file yet, or nothing when an error is left.
///
/// # Errors
/// A refusal when the list is fixed, when nothing is accepted, or when a line is in error and not set aside.
pub fn import_candidates(
    tx: &mut Tx<'_>,
    session_id: &str,
    table: &Table,
    set_aside: &[(u64, String)],
) -> Stored<Imported> {
    reimport_candidates(tx, session_id, table, set_aside, &Accepted::NewOnly)
}

/// The same, and brings up to date the files whose changes are accepted.
///
/// # Errors
/// Those of [`import_candidates`]; a conflict when a file changed since it was compared.
pub fn reimport_candidates(
    tx: &mut Tx<'_>,
    session_id: &str,
    table: &Table,
    set_aside: &[(u64, String)],
    accepted: &Accepted,
) -> Stored<Imported> {
    let session = session::session_for(tx, session_id, Action::ImportPeople)?;
    require(session.state, OPEN_STATES, "L’import de candidats").map_err(|no| no.under(LIST_LAW))?;
    let mut report =
        preview_import(tx.conn, &session.academy_code, session.year16(), Some(&session), table, set_aside, tx.at)?;
    let plan = exchange::compare_candidates(tx.conn, Some(&session), &mut report)?;
    let blocking = report.blocking().count();
    if blocking > 0 {
        return Err(exchange::blocked(blocking));
    }
    if report.accepted.is_empty() {
        return Err(Refusal::new(
            "import_empty",
            "Aucune ligne à importer : le fichier ne contient aucun candidat accepté.",
        )
        .into());
    }
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let (_, unchanged, changed) = exchange::fates(&plan.lines);
    let updates: Vec<&Planned<CandidateDraft>> =
        plan.lines.iter().filter(|line| matches!(line.fate, Fate::Changed(_)) && accepted.takes(line.line)).collect();
    exchange::update_candidates(tx, &session, &pack, &updates)?;
    let (updated, left) = (updates.len(), changed - updates.len());
    let new: Vec<CandidateDraft> =
        plan.lines.into_iter().filter(|line| line.fate == Fate::New).map(|line| line.draft).collect();
    let written = register(tx, &session, &pack, &new, "import")?;
    let detail = json!({
        "registered": written.registered,
        "updated": updated,
        "set_aside": set_aside.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect::<Vec<_>>(),
    });
    tx.audit("import_candidates", ("session", &session.id), None, None, &detail)?;
    Ok(Imported { set_aside: set_aside.len(), updated, unchanged, left, ..written })
}

/// Writes people, files, pieces to receive, kept marks and proposed decisions for drafts already checked.
pub(super) fn register(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    pack: &RegulationPack,
    drafts: &[CandidateDraft],
    source: &str,
) -> Stored<Imported> {
    let wanted = session::list_required_pieces(tx.conn, &session.id)?;
    let last_rank: Option<i32> =
        t::table.filter(t::session_id.eq(&session.id)).select(diesel::dsl::max(t::rank)).first(tx.conn)?;
    let mut rank = last_rank.unwrap_or(0);
    let mut done = Imported::default();
    for chunk in drafts.chunks(CHUNK) {
        let person_ids = record_people(tx, &session.academy_code, chunk)?;
        refuse_second_registrations(tx.conn, session, &person_ids, chunk)?;
        let mut rows = Vec::with_capacity(chunk.len());
        let mut piece_rows = Vec::new();
        let mut kept_rows = Vec::new();
        let mut decision_rows = Vec::with_capacity(chunk.len());
        let mut yearly_rows = Vec::with_capacity(chunk.len());
        let mut acts = Vec::with_capacity(chunk.len());
        for (draft, person_id) in chunk.iter().zip(person_ids) {
            rank += 1;
            let facts = Facts {
                corps: draft.corps.clone(),
                status: draft.status.clone(),
                contract_date: draft.contract_date,
                academy: Some(session.academy_code.clone()),
                department: Some(draft.department.clone()),
            };
            let assessment = assess(pack, &facts);
            match assessment.outcome {
                Outcome::Eligible => {}
                Outcome::RefusalProposed => done.refusals_proposed += 1,
                Outcome::ToExamine => done.to_examine += 1,
            }
            let row = RegistrationRow {
                id: new_id(tx.at),
                session_id: session.id.clone(),
                person_id,
                rank,
                number: candidate_number(&session.academy_code, session.year, rank),
                state: "submitted".into(),
                eligibility: assessment.outcome.as_str().into(),
                category: assessment.category.clone(),
                corps: draft.corps.clone(),
                status: draft.status.clone(),
                contract_date: draft.contract_date.map(Day),
                uai: Some(draft.uai.as_str().to_owned()),
                school_name: draft.school_name.clone().unwrap_or_default(),
                department: draft.department.clone(),
                trained: draft.trained,
                accommodation: draft.accommodation.clone(),
                source: source.into(),
                submitted_at: tx.stamp(),
                version: 1,
            };
            for (code, _) in &wanted {
                piece_rows.push((
                    pieces::registration_id.eq(row.id.clone()),
                    pieces::code.eq(code.clone()),
                    pieces::state.eq("missing"),
                    pieces::noted_by.eq(tx.actor.user_id.clone()),
                    pieces::noted_at.eq(tx.stamp()),
                ));
            }
            for kept in &draft.kept {
                kept_rows.push(KeptMarkRow {
                    id: new_id(tx.at),
                    registration_id: row.id.clone(),
                    epreuve: i32::from(kept.epreuve),
                    mark: kept.mark.hundredths(),
                    origin_year: i32::from(kept.origin),
                });
            }
            decision_rows.push(eligibility::proposed(tx, session, &row.id, &assessment)?);
            yearly_rows.push((
                yearly_registrations::person_id.eq(row.person_id.clone()),
                yearly_registrations::year.eq(session.year),
                yearly_registrations::registration_id.eq(row.id.clone()),
            ));
            acts.push(Act {
                action: "register",
                object_kind: "registration",
                object_id: row.id.clone(),
                before: None,
                after: Some(json!(row)),
                detail: json!({ "number": row.number, "line": draft.line, "eligibility": row.eligibility }),
            });
            rows.push(row);
        }
        each_backend!(&mut *tx.conn, c => {
            diesel::insert_into(t::table).values(&rows).execute(c)?;
            diesel::insert_into(yearly_registrations::table).values(&yearly_rows).execute(c)?;
            diesel::insert_into(pieces::table).values(&piece_rows).execute(c)?;
            diesel::insert_into(kept_marks::table).values(&kept_rows).execute(c)?;
            diesel::insert_into(decisions::table).values(&decision_rows).execute(c)
        })?;
        tx.audit_all(acts)?;
        done.registered += rows.len();
    }
    Ok(done)
}

/// Finds or records the people of a batch, in the order of the drafts.
fn record_people(tx: &mut Tx<'_>, academy_code: &str, drafts: &[CandidateDraft]) -> Stored<Vec<String>> {
    let keys_of = |draft: &CandidateDraft| {
        identity_keys(&draft.birth_name, draft.usage_name.as_deref(), &draft.first_names, draft.birth_date)
    };
    let keys: Vec<String> = drafts.iter().flat_map(keys_of).collect();
    let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut known = find_known(tx.conn, &asked)?;
    let mut identities = Vec::new();
    let mut ids = Vec::with_capacity(drafts.len());
    let mut new_people = Vec::new();
    let (mut begun, mut followed) = (Vec::new(), Vec::new());
    let mut acts = Vec::new();
    for draft in drafts {
        let keys = keys_of(draft);
        let told = |id: &str| Told {
            person_id: id.to_owned(),
            corps: draft.corps.clone(),
            status: draft.status.clone(),
            contract_date: draft.contract_date,
        };
        if let Some(id) = keys.iter().find_map(|key| known.get(key)) {
            // The person keeps their civil status; corps and contract are added to their career.
            followed.push(told(id));
            ids.push(id.clone());
            continue;
        }
        let row = PersonRow {
            id: new_id(tx.at),
            academy_code: academy_code.to_owned(),
            identity_key: draft.identity_key.clone(),
            homonym: 0,
            civility: draft.civility.as_str().to_owned(),
            birth_name: draft.birth_name.clone(),
            usage_name: draft.usage_name.clone(),
            first_names: draft.first_names.clone(),
            birth_date: Day(draft.birth_date),
            birth_place: None,
            email: draft.email.as_str().to_owned(),
            email_key: fold_email(draft.email.as_str()),
            phone: draft.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            sort_key: sort_key(draft.usage_name.as_deref().unwrap_or(&draft.birth_name), &draft.first_names),
            user_id: None,
            created_at: tx.stamp(),
            version: 1,
        };
        acts.push(Act {
            action: "record_person",
            object_kind: "person",
            object_id: row.id.clone(),
            before: None,
            after: Some(json!(row)),
            detail: json!({ "academy": academy_code }),
        });
        begun.push(told(&row.id));
        for key in keys {
            identities.push((
                person_identities::identity_key.eq(key.clone()),
                person_identities::homonym.eq(0),
                person_identities::person_id.eq(row.id.clone()),
            ));
            known.insert(key, row.id.clone());
        }
        ids.push(row.id.clone());
        new_people.push(row);
    }
    each_backend!(&mut *tx.conn, c => {
        diesel::insert_into(people::table).values(&new_people).execute(c)?;
        diesel::insert_into(person_identities::table).values(&identities).execute(c)
    })?;
    career::begin(tx, academy_code, &begun)?;
    tx.audit_all(acts)?;
    career::follow(tx, academy_code, &followed)?;
    Ok(ids)
}

/// One registration a year for one person: a line whose person already has one, here or in another academy, is refused.
fn refuse_second_registrations(
    conn: &mut Conn,
    session: &SessionRow,
    person_ids: &[String],
    drafts: &[CandidateDraft],
) -> Stored<()> {
    let year = session.year;
    let mut taken: std::collections::HashSet<String> = yearly_registrations::table
        .filter(yearly_registrations::year.eq(year))
        .filter(yearly_registrations::person_id.eq_any(person_ids))
        .select(yearly_registrations::person_id)
        .load::<String>(conn)?
        .into_iter()
        .collect();
    // A withdrawn file keeps its place in its session: it is taken up again, not doubled.
    taken.extend(
        t::table
            .filter(t::session_id.eq(&session.id))
            .filter(t::person_id.eq_any(person_ids))
            .select(t::person_id)
            .load::<String>(conn)?,
    );
    for (person_id, draft) in person_ids.iter().zip(drafts) {
        if !taken.insert(person_id.clone()) {
            return Err(Refusal::new(
                "already_registered",
                format!(
                    "Ligne {} : cette personne est déjà inscrite à la session {year}, ici ou dans une autre académie. Mettez la ligne de côté.",
                    draft.line
                ),
            )
            .under(LIST_LAW)
            .into());
        }
    }
    Ok(())
}

/// `22-27-0001`: the candidate's number in the session.
pub(super) fn candidate_number(academy_code: &str, year: i32, rank: i32) -> String {
    format!("{academy_code}-{:02}-{rank:04}", year % 100)
}

/// Withdraws a file, by the candidate or on their behalf, until the list is fixed.
///
/// # Errors
/// A refusal once the list is fixed or the file already withdrawn; a conflict when the file changed meanwhile.
pub fn withdraw(tx: &mut Tx<'_>, registration_id: &str, version: i32) -> Stored<()> {
    let row: RegistrationRow = t::table.find(registration_id).select(RegistrationRow::as_select()).first(tx.conn)?;
    let session = session::load_session(tx.conn, &row.session_id)?;
    let owner: Option<String> = people::table.find(&row.person_id).select(people::user_id).first(tx.conn)?;
    let object = Object { academy: Some(&session.academy_code), owner: owner.as_deref(), members: &[] };
    if !may(tx.actor, Action::ExamineFiles, object) && !may(tx.actor, Action::SeeOwnFile, object) {
        return Err(StoreError::NotFound);
    }
    require(session.state, OPEN_STATES, "Le retrait de candidature").map_err(|no| no.under(LIST_LAW))?;
    if row.state == "withdrawn" {
        return Err(Refusal::new("already_withdrawn", "Cette candidature est déjà retirée.").into());
    }
    set_file_state(tx, &row, version, "withdrawn")?;
    // Who moves may still register at the rectorat of their new academy.
    diesel::delete(yearly_registrations::table.filter(yearly_registrations::registration_id.eq(&row.id)))
        .execute(tx.conn)?;
    tx.audit("withdraw", ("registration", &row.id), Some(&json!(row)), None, &json!({ "number": row.number }))
}

/// Changes a file's state if nobody changed the file since it was read.
///
/// # Errors
/// [`StoreError::Conflict`] for the one who comes second.
pub(super) fn set_file_state(tx: &mut Tx<'_>, row: &RegistrationRow, version: i32, state: &str) -> Stored<()> {
    let changed = diesel::update(t::table.find(&row.id).filter(t::version.eq(version)))
        .set((t::state.eq(state), t::version.eq(t::version + 1)))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(StoreError::Conflict(format!(
            "Le dossier {} a été modifié entre-temps par une autre personne : relisez-le avant de décider.",
            row.number
        )));
    }
    Ok(())
}

/// Notes a piece as received, accepted or refused.
///
/// # Errors
/// [`StoreError::NotFound`] for a piece that this file does not need.
pub fn note_piece(tx: &mut Tx<'_>, registration_id: &str, code: &str, state: &str) -> Stored<()> {
    let row: RegistrationRow = t::table.find(registration_id).select(RegistrationRow::as_select()).first(tx.conn)?;
    session::session_for(tx, &row.session_id, Action::ExamineFiles)?;
    if !["missing", "received", "accepted", "refused"].contains(&state) {
        return Err(
            Refusal::new("piece_state", "L’état de la pièce n’est pas compris : choisissez dans la liste.").into()
        );
    }
    let changed = diesel::update(pieces::table.find((registration_id, code)))
        .set((pieces::state.eq(state), pieces::noted_by.eq(&tx.actor.user_id), pieces::noted_at.eq(tx.stamp())))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound);
    }
    tx.audit("note_piece", ("registration", registration_id), None, None, &json!({ "piece": code, "state": state }))
}

/// Counts of a session's files by (state, eligibility).
///
/// # Errors
/// The database's own.
pub fn count_files(conn: &mut Conn, session_id: &str) -> Stored<Vec<(String, String, i64)>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .group_by((t::state, t::eligibility))
        .select((t::state, t::eligibility, diesel::dsl::count_star()))
        .load(conn)?)
}

/// A file named in the address of a session must be one of its own.
///
/// # Errors
/// [`StoreError::NotFound`] for a file of another session, or of none.
pub fn must_be_of(conn: &mut Conn, registration_id: &str, session_id: &str) -> Stored<()> {
    let found: String = t::table.find(registration_id).select(t::session_id).first(conn)?;
    if found == session_id { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Everything the file page shows.
#[derive(Debug, Clone)]
pub struct FileView {
    pub session: SessionRow,
    pub registration: RegistrationRow,
    pub person: PersonRow,
    /// (code, label, state) of each piece asked for.
    pub pieces: Vec<(String, String, String)>,
    pub kept_marks: Vec<KeptMarkRow>,
    pub decision: Option<eligibility::DecisionRow>,
}

/// A file of this academy, with everything its page shows.
///
/// # Errors
/// [`StoreError::NotFound`], for a foreign file as for a missing one.
pub fn get_file(conn: &mut Conn, academy_code: &str, registration_id: &str) -> Stored<FileView> {
    let (registration, session, person): (RegistrationRow, SessionRow, PersonRow) = t::table
        .inner_join(exam_sessions::table)
        .inner_join(people::table)
        .filter(t::id.eq(registration_id))
        .filter(exam_sessions::academy_code.eq(academy_code))
        .select((RegistrationRow::as_select(), SessionRow::as_select(), PersonRow::as_select()))
        .first(conn)?;
    view(conn, session, registration, person)
}

/// The session a registration belongs to, whoever asks: for documents drawn by the program.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_session_of(conn: &mut Conn, registration_id: &str) -> Stored<SessionRow> {
    Ok(t::table
        .inner_join(exam_sessions::table)
        .filter(t::id.eq(registration_id))
        .select(SessionRow::as_select())
        .first(conn)?)
}

/// The files a user owns, latest session first.
///
/// # Errors
/// The database's own.
pub fn list_files_of_user(conn: &mut Conn, user_id: &str) -> Stored<Vec<FileView>> {
    let rows: Vec<(RegistrationRow, SessionRow, PersonRow)> = t::table
        .inner_join(exam_sessions::table)
        .inner_join(people::table)
        .filter(people::user_id.eq(user_id))
        .order(exam_sessions::year.desc())
        .select((RegistrationRow::as_select(), SessionRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    rows.into_iter().map(|(registration, session, person)| view(conn, session, registration, person)).collect()
}

fn view(conn: &mut Conn, session: SessionRow, registration: RegistrationRow, person: PersonRow) -> Stored<FileView> {
    let labels: HashMap<String, String> = session::list_required_pieces(conn, &session.id)?.into_iter().collect();
    let states: Vec<(String, String)> = pieces::table
        .filter(pieces::registration_id.eq(&registration.id))
        .order(pieces::code)
        .select((pieces::code, pieces::state))
        .load(conn)?;
    let pieces = states
        .into_iter()
        .map(|(code, state)| {
            let label = labels.get(&code).cloned().unwrap_or_else(|| code.clone());
            (code, label, state)
        })
        .collect();
    let kept_marks = kept_marks::table
        .filter(kept_marks::registration_id.eq(&registration.id))
        .order(kept_marks::epreuve)
        .select(KeptMarkRow::as_select())
        .load(conn)?;
    let decision = eligibility::find_decision(conn, &registration.id)?;
    Ok(FileView { session, registration, person, pieces, kept_marks, decision })
}

/// The stored assessment of a file, as it was computed.
///
/// # Errors
/// [`StoreError::Broken`] when the record does not read.
pub fn assessment_of(decision: &eligibility::DecisionRow) -> Stored<Assessment> {
    Ok(serde_json::from_value::<Assessment>(serde_json::from_str::<Value>(&decision.explanation)?)?)
}
