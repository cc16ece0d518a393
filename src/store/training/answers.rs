//! What trainees think of a training: one answer each, kept without who gave it, shown only once five have answered.
//! The table of those who answered and the table of answers share nothing but the training.

use diesel::prelude::*;

use super::own::person_of_user;
use crate::domain::refusal::Refusal;
use crate::store::schema::{enrolments, training_answered, training_answers as t};
use crate::store::{Conn, StoreError, Stored, Tx};

/// Answers under this number are not shown: an author could be guessed.
pub const FEWEST: usize = 5;

/// One answer; each note goes from 1 (no) to 4 (yes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub content: i32,
    pub organisation: i32,
    pub usefulness: i32,
    pub remark: String,
}

/// All the answers to a training, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinion {
    pub answers: usize,
    /// How many gave each note, from 1 to 4: content, organisation, usefulness. Empty while too few answered.
    pub counts: Vec<(&'static str, [usize; 4])>,
    /// In alphabetical order, so that their order says nothing of who wrote them.
    pub remarks: Vec<String>,
}

/// Gives one's answer to a training one follows or followed. Answering twice is answering once.
///
/// # Errors
/// Not found for a training one does not follow; refused for a note outside 1 to 4.
pub fn answer(tx: &mut Tx<'_>, training_id: &str, given: &Answer) -> Stored<()> {
    let person = person_of_user(tx.conn, &tx.actor.user_id)?.ok_or(StoreError::NotFound)?;
    let enrolment: String = enrolments::table
        .filter(enrolments::training_session_id.eq(training_id))
        .filter(enrolments::person_id.eq(&person.id))
        .select(enrolments::id)
        .first(tx.conn)?;
    if [given.content, given.organisation, given.usefulness].iter().any(|note| !(1..=4).contains(note)) {
        return Err(Refusal::new("note_out_of_range", "Choisissez une réponse pour chaque question.").into());
    }
    if has_answered(tx.conn, &enrolment)? {
        return Ok(());
    }
    diesel::insert_into(training_answered::table)
        .values(training_answered::enrolment_id.eq(&enrolment))
        .execute(tx.conn)?;
    // Not an identifier of ours: those begin with the instant they were made at.
    let id = crate::secret::random_token().map_err(|e| StoreError::Unavailable(e.to_string()))?;
    diesel::insert_into(t::table)
        .values((
            t::id.eq(id),
            t::training_session_id.eq(training_id),
            t::content.eq(given.content),
            t::organisation.eq(given.organisation),
            t::usefulness.eq(given.usefulness),
            t::remark.eq(given.remark.trim()),
        ))
        .execute(tx.conn)?;
    shuffle(tx, training_id)
    // No line of the audit chain: its instant and its author, beside the order of the rows, would name who wrote what.
}

/// Writes the answers of a training again in the order of their random keys, so that the order of the rows tells nothing.
fn shuffle(tx: &mut Tx<'_>, training_id: &str) -> Stored<()> {
    let mut rows: Vec<(String, String, i32, i32, i32, String)> =
        t::table.filter(t::training_session_id.eq(training_id)).load(tx.conn)?;
    rows.sort();
    diesel::delete(t::table.filter(t::training_session_id.eq(training_id))).execute(tx.conn)?;
    for row in rows {
        diesel::insert_into(t::table)
            .values((
                t::id.eq(row.0),
                t::training_session_id.eq(row.1),
                t::content.eq(row.2),
                t::organisation.eq(row.3),
                t::usefulness.eq(row.4),
                t::remark.eq(row.5),
            ))
            .execute(tx.conn)?;
    }
    Ok(())
}

/// # Errors
/// The database's own.
pub fn has_answered(conn: &mut Conn, enrolment_id: &str) -> Stored<bool> {
    let known: i64 = training_answered::table.find(enrolment_id).count().get_result(conn)?;
    Ok(known > 0)
}

/// The answers to a training, counted; only their number while fewer than five answered.
///
/// # Errors
/// The database's own.
pub fn find_opinion(conn: &mut Conn, training_id: &str) -> Stored<Opinion> {
    let rows: Vec<(i32, i32, i32, String)> = t::table
        .filter(t::training_session_id.eq(training_id))
        .select((t::content, t::organisation, t::usefulness, t::remark))
        .load(conn)?;
    if rows.len() < FEWEST {
        return Ok(Opinion { answers: rows.len(), ..Opinion::default() });
    }
    let count = |pick: fn(&(i32, i32, i32, String)) -> i32| {
        let mut counts = [0; 4];
        for row in &rows {
            let place = usize::try_from(pick(row) - 1).unwrap_or(0);
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        counts
    };
    let counts = vec![
        ("Le contenu répond à mes besoins", count(|row| row.0)),
        ("L’organisation convient", count(|row| row.1)),
        ("La formation me sert dans mon travail", count(|row| row.2)),
    ];
    let mut remarks: Vec<String> = rows.into_iter().map(|row| row.3).filter(|remark| !remark.is_empty()).collect();
    remarks.sort();
    Ok(Opinion { answers: remarks.len().max(counts[0].1.iter().sum()), counts, remarks })
}
