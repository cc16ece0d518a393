//! Publication of the results, at the instant the office has planned: before it, nothing here answers anyone.
//! Publishing writes the jury's grid levels as evidence on each person's record and queues one mail per candidate.

use diesel::prelude::*;
use serde_json::json;

use super::deliberation::{CandidateLine, find_candidate, list_candidates};
use super::outbox::{self, NewMail};
use super::people::PersonRow;
use super::schema::{evaluation_lines, evaluations, evidence, exam_sessions as t, people, registrations, results};
use super::session::{self, SessionRow, set_state};
use super::{Conn, Day, Stamp, Stored, Tx, new_id, reference};
use crate::domain::academy::Academy;
use crate::domain::deliberation::Outcome;
use crate::domain::permission::Action;
use crate::domain::publication::{check_plan, is_public};
use crate::each_backend;

/// Plans the instant of publication.
///
/// # Errors
/// A refusal when the deliberation is not sealed or the instant is past.
pub fn plan(tx: &mut Tx<'_>, session_id: &str, at: jiff::Timestamp) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::PlanPublication)?;
    check_plan(session.state, at, tx.at)?;
    diesel::update(t::table.find(session_id)).set(t::publication_at.eq(Stamp(at))).execute(tx.conn)?;
    tx.audit("plan_publication", ("session", session_id), None, None, &json!({ "at": at.to_string() }))
}

/// Sessions whose instant has come and that nobody has published yet.
///
/// # Errors
/// The database's own.
pub fn list_due(conn: &mut Conn, now: jiff::Timestamp) -> Stored<Vec<String>> {
    Ok(t::table
        .filter(t::publication_at.le(Stamp(now)))
        .filter(t::published_at.is_null())
        .filter(t::state.eq(crate::domain::session::SessionState::Sealed))
        .select(t::id)
        .load(conn)?)
}

/// Publishes a session whose instant has come; asking again changes nothing. Returns whether it published.
///
/// `mail` writes the message of one candidate, without any mark in it.
///
/// # Errors
/// The database's own.
pub fn publish_due(
    tx: &mut Tx<'_>,
    session_id: &str,
    mail: &dyn Fn(&SessionRow, &PersonRow) -> NewMail,
) -> Stored<bool> {
    let session = session::session_for(tx, session_id, Action::PlanPublication)?;
    let due = session.publication_at.is_some_and(|at| at.0 <= tx.at);
    if !due || session.state != crate::domain::session::SessionState::Sealed {
        return Ok(false);
    }
    diesel::update(t::table.find(session_id)).set(t::published_at.eq(tx.stamp())).execute(tx.conn)?;
    set_state(tx, session_id, crate::domain::session::SessionState::Published)?;
    record_evidence(tx, &session)?;
    let told: Vec<PersonRow> = people::table
        .inner_join(registrations::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq("admitted"))
        .order(registrations::rank)
        .select(PersonRow::as_select())
        .load(tx.conn)?;
    let mails = told.iter().filter(|person| !person.email.is_empty()).map(|person| mail(&session, person)).collect();
    let queued = outbox::queue(tx, mails)?;
    tx.audit("publish", ("session", session_id), Some(&json!(session)), None, &json!({ "mails": queued }))?;
    Ok(true)
}

/// Name and address of whoever the publication will tell, in the order of the list.
///
/// # Errors
/// The database's own.
pub fn list_to_tell(conn: &mut Conn, session_id: &str) -> Stored<Vec<(String, String)>> {
    let told: Vec<PersonRow> = people::table
        .inner_join(registrations::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq("admitted"))
        .filter(people::email.ne(""))
        .order(registrations::rank)
        .select(PersonRow::as_select())
        .load(conn)?;
    Ok(told.iter().map(|person| (person.letter_name(), person.email.clone())).collect())
}

/// The jury's levels, as dated evidence on the competences that each grid line cites.
fn record_evidence(tx: &mut Tx<'_>, session: &SessionRow) -> Stored<()> {
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let lines: Vec<(String, i32, String, i32)> = evaluation_lines::table
        .inner_join(evaluations::table.inner_join(registrations::table))
        .filter(evaluations::session_id.eq(&session.id))
        .filter(registrations::state.eq("admitted"))
        .select((registrations::person_id, evaluations::epreuve, evaluation_lines::line_code, evaluation_lines::level))
        .load(tx.conn)?;
    let day = Academy::find(&session.academy_code)
        .map_or_else(|| tx.at.to_zoned(jiff::tz::TimeZone::UTC).date(), |academy| academy.date(tx.at));
    let author = format!("jury de la session {}", session.year);
    let mut rows = Vec::new();
    for (person_id, epreuve, line_code, level) in lines {
        let Some(grid) = pack.epreuve(&epreuve.to_string()) else { continue };
        let Some(line) = grid.grid.iter().find(|line| line.code == line_code) else { continue };
        for competence in &line.competences {
            rows.push((
                evidence::id.eq(new_id(tx.at)),
                evidence::person_id.eq(person_id.clone()),
                evidence::framework_id.eq(session.framework_id.clone()),
                evidence::item_code.eq(competence.clone()),
                evidence::source.eq("jury"),
                evidence::level.eq(level),
                evidence::dated_on.eq(Day(day)),
                evidence::author.eq(author.clone()),
                evidence::reference.eq(Some(line_code.clone())),
                evidence::created_at.eq(tx.stamp()),
            ));
        }
    }
    for chunk in rows.chunks(400) {
        let chunk = chunk.to_vec();
        each_backend!(&mut *tx.conn, c => diesel::insert_into(evidence::table).values(&chunk).execute(c))?;
    }
    Ok(())
}

/// The result of a candidate, once it is public; `None` before, whoever asks.
///
/// # Errors
/// The database's own.
pub fn find_public_result(
    conn: &mut Conn,
    session: &SessionRow,
    registration_id: &str,
) -> Stored<Option<CandidateLine>> {
    if !is_public(session.state) {
        return Ok(None);
    }
    find_candidate(conn, &session.id, registration_id)
}

/// Names of the admitted, in alphabetical order without rank, once public; `None` before.
///
/// # Errors
/// The database's own.
pub fn list_admitted(conn: &mut Conn, session: &SessionRow) -> Stored<Option<Vec<PersonRow>>> {
    if !is_public(session.state) {
        return Ok(None);
    }
    admitted_people(conn, &session.id).map(Some)
}

/// The admitted of a sealed session, for the office: the list of admitted is drawn before it is public.
///
/// # Errors
/// The database's own.
pub fn admitted_people(conn: &mut Conn, session_id: &str) -> Stored<Vec<PersonRow>> {
    Ok(results::table
        .inner_join(registrations::table.inner_join(people::table))
        .filter(results::session_id.eq(session_id))
        .filter(results::outcome.eq(Outcome::Admitted))
        .order((people::sort_key, registrations::rank))
        .select(PersonRow::as_select())
        .load(conn)?)
}

/// Everyone's transcript facts, for rendering.
///
/// # Errors
/// The database's own.
pub fn list_results(conn: &mut Conn, session_id: &str) -> Stored<Vec<CandidateLine>> {
    list_candidates(conn, session_id)
}

/// Published sessions, latest first: (session) for the public page of results.
///
/// # Errors
/// The database's own.
pub fn list_published(conn: &mut Conn) -> Stored<Vec<SessionRow>> {
    Ok(t::table
        .filter(t::published_at.is_not_null())
        .order((t::year.desc(), t::academy_code))
        .select(SessionRow::as_select())
        .load(conn)?)
}
