//! Evaluations in the database: entered by those who sit in the candidate's commission, compared and swapped by version.
//! Working notes are each juror's own and stand in their own table: they are never shown to the candidate.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::registration::RegistrationRow;
use super::schema::{
    commission_members, commissions, evaluation_lines, evaluations as t, exam_sessions, jurors, people, registrations,
    slots, working_notes,
};
use super::session::{self, SessionRow};
use super::{Conn, Stamp, StoreError, Stored, Tx, reference};
use crate::domain::evaluation::{Entry, EvaluationState, check_entry};
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::session::{SessionState, require};
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct EvaluationRow {
    pub id: String,
    pub session_id: String,
    pub registration_id: String,
    pub epreuve: i32,
    pub state: EvaluationState,
    pub mark: Option<i32>,
    pub origin_year: Option<i32>,
    pub appraisal: Option<String>,
    pub version: i32,
    pub entered_by: Option<String>,
    pub entered_by_name: Option<String>,
    pub entered_at: Option<Stamp>,
}

/// Enters or corrects an evaluation, if nobody changed it since `version` was read. Returns the new version.
///
/// # Errors
/// Not found for those outside the commission; a refusal for a bad entry or after the deliberation began;
/// a conflict, naming what stands now, for whoever comes second.
pub fn enter(tx: &mut Tx<'_>, evaluation_id: &str, version: i32, entry: &Entry) -> Stored<i32> {
    let row: EvaluationRow = t::table.find(evaluation_id).select(EvaluationRow::as_select()).first(tx.conn)?;
    let (academy_code, state, regulation_id): (String, SessionState, String) = exam_sessions::table
        .find(&row.session_id)
        .select((exam_sessions::academy_code, exam_sessions::state, exam_sessions::regulation_id))
        .first(tx.conn)?;
    let starts_at = seat_of(tx, &row, &academy_code)?;
    require(state, &[SessionState::Convened], "La saisie d’une évaluation")?;
    if row.state == EvaluationState::Kept {
        return Err(Refusal::new(
            "mark_kept",
            "Cette note est conservée d’une session précédente, à la demande du candidat : il n’y a rien à saisir.",
        )
        .into());
    }
    let pack = reference::rules_of(tx.conn, &regulation_id)?;
    check_entry(&pack, row.epreuve, starts_at.0, tx.at, entry)?;
    let new_state = if entry.mark.is_some() { EvaluationState::Marked } else { EvaluationState::Absent };
    let mark = entry.mark.map(Mark::hundredths);
    let changed = diesel::update(t::table.find(evaluation_id).filter(t::version.eq(version)))
        .set((
            t::state.eq(new_state),
            t::mark.eq(mark),
            t::appraisal.eq(&entry.appraisal),
            t::version.eq(version + 1),
            t::entered_by.eq(&tx.actor.user_id),
            t::entered_by_name.eq(&tx.actor.name),
            t::entered_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        let now = t::table.find(evaluation_id).select(EvaluationRow::as_select()).first(tx.conn)?;
        return Err(StoreError::Conflict(standing(&now)));
    }
    replace_lines(tx, evaluation_id, &entry.lines)?;
    let after = json!({ "state": new_state, "mark": mark, "appraisal": entry.appraisal, "lines": entry.lines });
    let detail = json!({ "epreuve": row.epreuve, "version": version + 1 });
    tx.audit("enter_evaluation", ("evaluation", evaluation_id), Some(&json!(row)), Some(&after), &detail)?;
    Ok(version + 1)
}

/// What stands now, for the juror who comes second: both values are then on their screen.
fn standing(row: &EvaluationRow) -> String {
    let value = match (row.state, row.mark) {
        (EvaluationState::Absent, _) => "« absent »".to_owned(),
        (_, Some(mark)) => format!("la note {}", Mark::from_hundredths(mark).shown()),
        _ => "une valeur".to_owned(),
    };
    format!(
        "{} a enregistré {value} pendant votre saisie. Votre saisie est conservée ci-dessous : comparez, puis enregistrez la valeur retenue.",
        row.entered_by_name.as_deref().unwrap_or("Une autre personne")
    )
}

/// The hour of the épreuve, once it is sure that the actor sits in its commission.
fn seat_of(tx: &mut Tx<'_>, row: &EvaluationRow, academy_code: &str) -> Stored<Stamp> {
    let seats: Vec<(Option<String>, Stamp)> = slots::table
        .inner_join(commissions::table.inner_join(commission_members::table.inner_join(jurors::table)))
        .filter(slots::registration_id.eq(&row.registration_id))
        .filter(slots::epreuve.eq(row.epreuve))
        .select((jurors::user_id, slots::starts_at))
        .load(tx.conn)?;
    let members: Vec<String> = seats.iter().filter_map(|(user, _)| user.clone()).collect();
    if !may(tx.actor, Action::EnterMarks, Object::academy(academy_code).with_members(&members)) {
        return Err(StoreError::NotFound);
    }
    seats.first().map(|(_, starts_at)| *starts_at).ok_or(StoreError::NotFound)
}

fn replace_lines(tx: &mut Tx<'_>, evaluation_id: &str, lines: &[(String, i32)]) -> Stored<()> {
    diesel::delete(evaluation_lines::table.filter(evaluation_lines::evaluation_id.eq(evaluation_id)))
        .execute(tx.conn)?;
    if lines.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|(code, level)| {
            (
                evaluation_lines::evaluation_id.eq(evaluation_id.to_owned()),
                evaluation_lines::line_code.eq(code.clone()),
                evaluation_lines::level.eq(*level),
            )
        })
        .collect();
    each_backend!(&mut *tx.conn, c => diesel::insert_into(evaluation_lines::table).values(&rows).execute(c))?;
    Ok(())
}

/// Keeps a juror's own working notes. They are nobody else's and are not communicable (CE 371453).
///
/// # Errors
/// Not found for those outside the commission; a refusal once the deliberation is sealed.
pub fn keep_notes(tx: &mut Tx<'_>, evaluation_id: &str, notes: &str) -> Stored<()> {
    let row: EvaluationRow = t::table.find(evaluation_id).select(EvaluationRow::as_select()).first(tx.conn)?;
    let session = session::load_session(tx.conn, &row.session_id)?;
    seat_of(tx, &row, &session.academy_code)?;
    require(session.state, &[SessionState::Convened, SessionState::Deliberation], "La prise de notes")?;
    let own = working_notes::table.find((evaluation_id, &tx.actor.user_id));
    let changed = diesel::update(own)
        .set((working_notes::notes.eq(notes), working_notes::updated_at.eq(tx.stamp())))
        .execute(tx.conn)?;
    if changed == 0 {
        diesel::insert_into(working_notes::table)
            .values((
                working_notes::evaluation_id.eq(evaluation_id),
                working_notes::user_id.eq(&tx.actor.user_id),
                working_notes::notes.eq(notes),
                working_notes::updated_at.eq(tx.stamp()),
            ))
            .execute(tx.conn)?;
    }
    // The notes themselves stay out of the chain: they are destroyed after the appeal period.
    tx.audit("keep_notes", ("evaluation", evaluation_id), None, None, &json!({}))
}

/// One line of a juror's day: a candidate before their commission.
#[derive(Debug, Clone)]
pub struct SeatLine {
    pub evaluation: EvaluationRow,
    pub candidate_number: String,
    pub candidate_name: String,
    pub school_name: String,
    pub commission: String,
    pub starts_at: Stamp,
    pub ends_at: Stamp,
    pub site: String,
    pub room: String,
    pub session: SessionRow,
}

/// Everything the user is to evaluate, by hour: only their own commissions. One query.
///
/// # Errors
/// The database's own.
pub fn list_for_juror(conn: &mut Conn, user_id: &str) -> Stored<Vec<SeatLine>> {
    type Line = (
        EvaluationRow,
        String,
        (String, Option<String>, String),
        String,
        String,
        (Stamp, Stamp, String, String),
        SessionRow,
    );
    let rows: Vec<Line> = slots::table
        .inner_join(commissions::table.inner_join(commission_members::table.inner_join(jurors::table)))
        .inner_join(registrations::table.inner_join(people::table))
        .inner_join(exam_sessions::table)
        .inner_join(t::table.on(t::registration_id.eq(slots::registration_id).and(t::epreuve.eq(slots::epreuve))))
        .filter(jurors::user_id.eq(user_id))
        .filter(registrations::state.eq("admitted"))
        .order((slots::starts_at, registrations::number))
        .select((
            EvaluationRow::as_select(),
            registrations::number,
            (people::birth_name, people::usage_name, people::first_names),
            registrations::school_name,
            commissions::label,
            (slots::starts_at, slots::ends_at, slots::site, slots::room),
            SessionRow::as_select(),
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(
            |(
                evaluation,
                number,
                (birth, usage, first),
                school_name,
                commission,
                (starts_at, ends_at, site, room),
                session,
            )| SeatLine {
                evaluation,
                candidate_number: number,
                candidate_name: format!("{} {first}", usage.unwrap_or(birth)),
                school_name,
                commission,
                starts_at,
                ends_at,
                site,
                room,
                session,
            },
        )
        .collect())
}

/// What the evaluation page shows to a juror of the commission: the line, the grid's levels, their own notes.
#[derive(Debug, Clone)]
pub struct EvaluationView {
    pub line: SeatLine,
    pub levels: HashMap<String, i32>,
    pub notes: String,
}

/// # Errors
/// [`StoreError::NotFound`] for those outside the commission.
pub fn get_for_juror(conn: &mut Conn, user_id: &str, evaluation_id: &str) -> Stored<EvaluationView> {
    let line = list_for_juror(conn, user_id)?
        .into_iter()
        .find(|line| line.evaluation.id == evaluation_id)
        .ok_or(StoreError::NotFound)?;
    let levels = evaluation_lines::table
        .filter(evaluation_lines::evaluation_id.eq(evaluation_id))
        .select((evaluation_lines::line_code, evaluation_lines::level))
        .load::<(String, i32)>(conn)?
        .into_iter()
        .collect();
    let notes: Option<String> =
        working_notes::table.find((evaluation_id, user_id)).select(working_notes::notes).first(conn).optional()?;
    Ok(EvaluationView { line, levels, notes: notes.unwrap_or_default() })
}

/// Evaluations of a session with their candidates, in alphabetical order: the office's and the jury's table.
///
/// # Errors
/// The database's own.
pub fn list_of_session(
    conn: &mut Conn,
    session_id: &str,
) -> Stored<Vec<(EvaluationRow, RegistrationRow, super::people::PersonRow)>> {
    Ok(t::table
        .inner_join(registrations::table.inner_join(people::table))
        .filter(t::session_id.eq(session_id))
        .order((people::sort_key, registrations::rank, t::epreuve))
        .select((EvaluationRow::as_select(), RegistrationRow::as_select(), super::people::PersonRow::as_select()))
        .load(conn)?)
}

/// (state, count) of the session's evaluations.
///
/// # Errors
/// The database's own.
pub fn count_progress(conn: &mut Conn, session_id: &str) -> Stored<Vec<(EvaluationState, i64)>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .group_by(t::state)
        .select((t::state, diesel::dsl::count_star()))
        .load(conn)?)
}
