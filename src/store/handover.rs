//! A record passes from one academy to another by an accepted handover. Before the answer the destination reads the
//! request alone; after it, the record and its history are the destination's, and the former academy keeps the exam
//! files of its own sessions, which stay where they are.

use diesel::prelude::*;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::json;

use super::schema::{handovers as t, people, postings};
use super::staff::{managed_person, may_or_hide};
use super::training::full_name;
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::academy::Academy;
use crate::domain::handover::{self as rule, HandoverState};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct HandoverRow {
    pub id: String,
    pub person_id: String,
    pub from_academy: String,
    pub to_academy: String,
    pub takes_effect_on: Day,
    pub reason: String,
    pub state: HandoverState,
    pub proposed_by_name: String,
    pub proposed_at: Stamp,
    pub answered_by_name: Option<String>,
    pub answered_at: Option<Stamp>,
    pub answer: Option<String>,
}

#[derive(Debug, Clone)]
pub struct NewHandover {
    pub person_id: String,
    pub to_academy: String,
    /// The first day of the person in the destination.
    pub takes_effect_on: Date,
    pub reason: String,
}

/// A request with the only thing that either side needs to know who it is about.
#[derive(Debug, Clone)]
pub struct HandoverLine {
    pub row: HandoverRow,
    pub name: String,
}

/// Proposes the record to another academy.
///
/// # Errors
/// Not found for another academy's record; refused by [`rule::check_proposal`], or for an unknown destination.
pub fn propose_handover(tx: &mut Tx<'_>, new: &NewHandover) -> Stored<String> {
    let from = managed_person(tx, &new.person_id)?;
    if Academy::find(&new.to_academy).is_none() {
        return Err(Refusal::new("no_such_academy", "Choisissez l’académie d’accueil dans la liste.").into());
    }
    let pending = find_pending(tx.conn, &new.person_id)?.is_some();
    rule::check_proposal(&from, &new.to_academy, pending, &new.reason)?;
    let row = HandoverRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        from_academy: from,
        to_academy: new.to_academy.clone(),
        takes_effect_on: Day(new.takes_effect_on),
        reason: new.reason.trim().to_owned(),
        state: HandoverState::Proposed,
        proposed_by_name: tx.actor.name.clone(),
        proposed_at: tx.stamp(),
        answered_by_name: None,
        answered_at: None,
        answer: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "handover": row.id, "to": row.to_academy, "reason": row.reason });
    tx.audit("propose_handover", ("person", &row.person_id), None, Some(&json!(row)), &detail)?;
    Ok(row.id)
}

/// Takes a proposal back before it is answered. Returns the person.
///
/// # Errors
/// Not found for another academy; refused when it was answered.
pub fn withdraw_handover(tx: &mut Tx<'_>, id: &str) -> Stored<String> {
    let row = get_row(tx.conn, id)?;
    may_or_hide(tx, Action::ManageStaff, &row.from_academy)?;
    rule::check_answer(row.state, true, "")?;
    settle(tx, &row, HandoverState::Withdrawn, None)?;
    Ok(row.person_id)
}

/// Accepts the record, with its history: postings of the former academy that still ran end the day before. Returns
/// the person.
///
/// # Errors
/// Not found for whoever is not of the destination; refused when it was answered already.
pub fn accept_handover(tx: &mut Tx<'_>, id: &str) -> Stored<String> {
    let row = get_row(tx.conn, id)?;
    may_or_hide(tx, Action::AnswerHandover, &row.to_academy)?;
    rule::check_answer(row.state, true, "")?;
    let last_day = row.takes_effect_on.0.checked_sub(1.day()).map_err(|e| StoreError::Broken(e.to_string()))?;
    let running = postings::table
        .filter(postings::person_id.eq(&row.person_id))
        .filter(postings::academy_code.eq(&row.from_academy))
        .filter(postings::starts_on.le(Day(last_day)))
        .filter(postings::ends_on.is_null().or(postings::ends_on.gt(Day(last_day))));
    let ended: Vec<String> = running.select(postings::id).load(tx.conn)?;
    diesel::update(postings::table.filter(postings::id.eq_any(&ended)))
        .set(postings::ends_on.eq(Some(Day(last_day))))
        .execute(tx.conn)?;
    let moved = diesel::update(people::table.find(&row.person_id).filter(people::academy_code.eq(&row.from_academy)))
        .set((people::academy_code.eq(&row.to_academy), people::version.eq(people::version + 1)))
        .execute(tx.conn)?;
    if moved == 0 {
        return Err(StoreError::Conflict(
            "Cette fiche a changé d’académie entre-temps\u{a0}: il n’y a plus rien à accepter.".into(),
        ));
    }
    settle(tx, &row, HandoverState::Accepted, None)?;
    Ok(row.person_id)
}

/// Declines the record, with a reason the other academy reads.
///
/// # Errors
/// Not found for whoever is not of the destination; refused when it was answered already, or without a reason.
pub fn decline_handover(tx: &mut Tx<'_>, id: &str, reason: &str) -> Stored<()> {
    let row = get_row(tx.conn, id)?;
    may_or_hide(tx, Action::AnswerHandover, &row.to_academy)?;
    rule::check_answer(row.state, false, reason)?;
    settle(tx, &row, HandoverState::Declined, Some(reason.trim()))
}

fn settle(tx: &mut Tx<'_>, row: &HandoverRow, state: HandoverState, answer: Option<&str>) -> Stored<()> {
    diesel::update(t::table.find(&row.id))
        .set((
            t::state.eq(state),
            t::answered_by_name.eq(Some(&tx.actor.name)),
            t::answered_at.eq(Some(tx.stamp())),
            t::answer.eq(answer),
        ))
        .execute(tx.conn)?;
    let action = match state {
        HandoverState::Accepted => "accept_handover",
        HandoverState::Declined => "decline_handover",
        HandoverState::Withdrawn | HandoverState::Proposed => "withdraw_handover",
    };
    let detail = json!({ "handover": row.id, "from": row.from_academy, "to": row.to_academy, "answer": answer });
    tx.audit(action, ("person", &row.person_id), Some(&json!(row)), Some(&json!({ "state": state })), &detail)
}

fn get_row(conn: &mut Conn, id: &str) -> Stored<HandoverRow> {
    Ok(t::table.find(id).select(HandoverRow::as_select()).first(conn)?)
}

// ---------------------------------------------------------------- queries

/// The request that waits for an answer, when there is one.
///
/// # Errors
/// The database's own.
pub fn find_pending(conn: &mut Conn, person_id: &str) -> Stored<Option<HandoverRow>> {
    Ok(t::table
        .filter(t::person_id.eq(person_id))
        .filter(t::state.eq(HandoverState::Proposed))
        .select(HandoverRow::as_select())
        .first(conn)
        .optional()?)
}

/// Every handover of a record, the latest first.
///
/// # Errors
/// The database's own.
pub fn list_handovers_of(conn: &mut Conn, person_id: &str) -> Stored<Vec<HandoverRow>> {
    Ok(t::table
        .filter(t::person_id.eq(person_id))
        .order((t::proposed_at.desc(), t::id.desc()))
        .select(HandoverRow::as_select())
        .load(conn)?)
}

/// Requests that an academy received or sent, those that wait first, within `limit`.
///
/// # Errors
/// The database's own.
pub fn list_handovers(conn: &mut Conn, academy: &str, limit: i64) -> Stored<Vec<HandoverLine>> {
    type Name = (String, Option<String>, String);
    let rows: Vec<(HandoverRow, Name)> = t::table
        .inner_join(people::table)
        .filter(t::to_academy.eq(academy).or(t::from_academy.eq(academy)))
        .order((t::proposed_at.desc(), t::id.desc()))
        .limit(limit)
        .select((HandoverRow::as_select(), (people::birth_name, people::usage_name, people::first_names)))
        .load(conn)?;
    let mut lines: Vec<HandoverLine> = rows
        .into_iter()
        .map(|(row, (birth, usage, first))| HandoverLine { name: full_name(&birth, usage.as_deref(), &first), row })
        .collect();
    lines.sort_by_key(|line| line.row.state != HandoverState::Proposed);
    Ok(lines)
}

/// One request, for either of its two academies.
///
/// # Errors
/// Not found for any other.
pub fn get_handover(conn: &mut Conn, academy: &str, id: &str) -> Stored<HandoverLine> {
    let row = get_row(conn, id)?;
    if row.to_academy != academy && row.from_academy != academy {
        return Err(StoreError::NotFound);
    }
    let (birth, usage, first): (String, Option<String>, String) = people::table
        .find(&row.person_id)
        .select((people::birth_name, people::usage_name, people::first_names))
        .first(conn)?;
    Ok(HandoverLine { name: full_name(&birth, usage.as_deref(), &first), row })
}
