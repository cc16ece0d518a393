//! The office's work on files: who takes care of each, who is looking at it now, and what officers tell one another.
//! Internal notes are for officers alone: no page of a candidate and no export of personal data reads them.

pub mod bulk;
pub mod letters;
pub mod list;
pub mod paper;
pub mod queue;
pub mod reopening;
pub mod requests;
pub mod views;
pub mod wordings;

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::outbox::NewMail;
use super::people::PersonRow;
use super::registration::{self, RegistrationRow};
use super::schema::{
    assignments, file_notes, file_presences, piece_reasons, pieces, registrations, role_grants, users,
};
use super::session::{self, SessionRow};
use super::{Conn, Stamp, Stored, Tx, new_id};
use crate::domain::permission::{Action, OFFICE, Role};
use crate::domain::refusal::Refusal;
use crate::each_backend;

/// Writes the mail of an act, for a person, under a key that is queued once; the words are not the store's.
pub type Notify<'a> = &'a (dyn Fn(&SessionRow, &PersonRow, &str) -> NewMail + Send + Sync);

/// The file and its session, when the actor may examine it; a foreign file is a missing one.
///
/// # Errors
/// [`StoreError::NotFound`].
pub(super) fn file_for(tx: &mut Tx<'_>, registration_id: &str) -> Stored<(RegistrationRow, SessionRow)> {
    let row: RegistrationRow =
        registrations::table.find(registration_id).select(RegistrationRow::as_select()).first(tx.conn)?;
    let session = session::session_for(tx, &row.session_id, Action::ExamineFiles)?;
    Ok((row, session))
}

/// Gives files to a colleague of the same academy, or (`None`) to nobody.
///
/// # Errors
/// A refusal for someone who does not examine files in this academy.
pub fn assign(tx: &mut Tx<'_>, registration_ids: &[String], to: Option<&str>) -> Stored<()> {
    let mut colleagues: Option<(String, Vec<(String, String)>)> = None;
    for registration_id in registration_ids {
        let (row, session) = file_for(tx, registration_id)?;
        if colleagues.as_ref().is_none_or(|(code, _)| *code != session.academy_code) {
            let known = list_colleagues(tx.conn, &session.academy_code)?;
            colleagues = Some((session.academy_code.clone(), known));
        }
        let before: Option<String> =
            assignments::table.find(registration_id).select(assignments::user_name).first(tx.conn).optional()?;
        let named = match to {
            None => None,
            Some(id) => {
                let found = colleagues.iter().flat_map(|(_, known)| known).find(|(known, _)| known == id);
                let (_, name) = found.ok_or_else(|| {
                    Refusal::new("not_a_colleague", "Choisissez un agent du service des examens de cette académie.")
                })?;
                Some((id.to_owned(), name.clone()))
            }
        };
        diesel::delete(assignments::table.find(registration_id)).execute(tx.conn)?;
        if let Some((id, name)) = &named {
            diesel::insert_into(assignments::table)
                .values((
                    assignments::registration_id.eq(registration_id),
                    assignments::user_id.eq(id),
                    assignments::user_name.eq(name),
                    assignments::assigned_by.eq(&tx.actor.user_id),
                    assignments::assigned_at.eq(tx.stamp()),
                ))
                .execute(tx.conn)?;
        }
        let name = named.map(|(_, name)| name);
        if name != before {
            let detail = json!({ "number": row.number, "from": before, "to": name });
            tx.audit("assign_file", ("registration", registration_id), None, None, &detail)?;
        }
    }
    Ok(())
}

/// Officers of an academy, by name: (id, name).
///
/// # Errors
/// The database's own.
pub fn list_colleagues(conn: &mut Conn, academy_code: &str) -> Stored<Vec<(String, String)>> {
    let roles: Vec<Role> = OFFICE.to_vec();
    let mut found: Vec<(String, String)> = users::table
        .inner_join(role_grants::table)
        .filter(role_grants::academy_code.eq(academy_code))
        .filter(role_grants::role.eq_any(roles))
        .filter(users::disabled_at.is_null())
        .order((users::name, users::id))
        .select((users::id, users::name))
        .load(conn)?;
    found.dedup();
    Ok(found)
}

/// To whom each of these files is given: registration to (user, name).
///
/// # Errors
/// The database's own.
pub fn list_assignments(conn: &mut Conn, registration_ids: &[String]) -> Stored<HashMap<String, (String, String)>> {
    Ok(assignments::table
        .filter(assignments::registration_id.eq_any(registration_ids))
        .select((assignments::registration_id, assignments::user_id, assignments::user_name))
        .load::<(String, String, String)>(conn)?
        .into_iter()
        .map(|(file, id, name)| (file, (id, name)))
        .collect())
}

/// Notes a piece as received, accepted, missing, or refused with its ground, which the candidate reads.
///
/// # Errors
/// A refusal when a refused piece has no ground.
pub fn judge_piece(tx: &mut Tx<'_>, registration_id: &str, code: &str, state: &str, reason: &str) -> Stored<()> {
    let reason = reason.trim();
    if state == "refused" && reason.chars().count() < 5 {
        return Err(Refusal::new(
            "piece_reason",
            "Dites pourquoi la pièce est refusée\u{a0}: le candidat le lira et saura quoi envoyer.",
        )
        .under(crate::domain::examination::PIECES_LAW)
        .into());
    }
    registration::note_piece(tx, registration_id, code, state)?;
    diesel::delete(piece_reasons::table.find((registration_id, code))).execute(tx.conn)?;
    if state == "refused" {
        diesel::insert_into(piece_reasons::table)
            .values((
                piece_reasons::registration_id.eq(registration_id),
                piece_reasons::code.eq(code),
                piece_reasons::reason.eq(reason),
            ))
            .execute(tx.conn)?;
    }
    Ok(())
}

/// What an officer says of one piece, and what they had in front of them when they said it.
#[derive(Debug, Clone)]
pub struct Judged {
    pub code: String,
    pub state: String,
    /// Of a refused piece: the candidate reads it.
    pub reason: String,
    /// [`seen_piece`] as the page showed it.
    pub seen: String,
}

/// What a page shows of a piece, in a word: its state and its latest file. A judgement on anything else is not this one's.
#[must_use]
pub fn seen_piece(state: &str, latest: Option<&str>) -> String {
    format!("{state}:{}", latest.unwrap_or_default())
}

/// The judgements of one page: all of them, or none and the faults by piece. What was left as it stood is not written again.
///
/// # Errors
/// [`StoreError::NotFound`] for a foreign file.
pub fn judge_pieces(
    tx: &mut Tx<'_>,
    registration_id: &str,
    judged: &[Judged],
) -> Stored<Result<usize, Vec<(String, Refusal)>>> {
    let (_, session) = file_for(tx, registration_id)?;
    let labels = session::list_required_pieces(tx.conn, &session.id)?;
    let now: HashMap<String, String> = pieces::table
        .filter(pieces::registration_id.eq(registration_id))
        .select((pieces::code, pieces::state))
        .load::<(String, String)>(tx.conn)?
        .into_iter()
        .collect();
    let files = super::pieces::list_files(tx.conn, registration_id)?;
    let reasons = list_reasons(tx.conn, registration_id)?;
    let (mut changes, mut faults) = (Vec::new(), Vec::new());
    for one in judged {
        let Some(state) = now.get(&one.code) else { return Err(super::StoreError::NotFound) };
        let is_same = one.state == *state
            && (one.state != "refused" || reasons.get(&one.code).is_some_and(|known| known == one.reason.trim()));
        if is_same {
            continue;
        }
        let latest = files.iter().rfind(|file| file.code == one.code && file.replaced_at.is_none());
        let stands = seen_piece(state, latest.map(|file| file.id.as_str()));
        let label = labels.iter().find(|(code, _)| *code == one.code).map_or(one.code.as_str(), |(_, label)| label);
        if stands != one.seen {
            faults.push((
                one.code.clone(),
                Refusal::new(
                    "piece_changed",
                    format!("La pièce «\u{a0}{label}\u{a0}» a changé pendant que vous la lisiez\u{a0}: un nouveau fichier est arrivé, ou un collègue l’a notée. Relisez-la, puis notez-la de nouveau."),
                ),
            ));
        } else if one.state == "refused" && one.reason.trim().chars().count() < 5 {
            faults.push((
                one.code.clone(),
                Refusal::new(
                    "piece_reason",
                    format!("Dites pourquoi la pièce «\u{a0}{label}\u{a0}» est refusée\u{a0}: le candidat le lira et saura quoi envoyer."),
                )
                .under(crate::domain::examination::PIECES_LAW),
            ));
        } else {
            changes.push(one);
        }
    }
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    for one in &changes {
        judge_piece(tx, registration_id, &one.code, &one.state, &one.reason)?;
    }
    Ok(Ok(changes.len()))
}

/// Why pieces of a file are refused: code to ground.
///
/// # Errors
/// The database's own.
pub fn list_reasons(conn: &mut Conn, registration_id: &str) -> Stored<HashMap<String, String>> {
    Ok(piece_reasons::table
        .filter(piece_reasons::registration_id.eq(registration_id))
        .select((piece_reasons::code, piece_reasons::reason))
        .load::<(String, String)>(conn)?
        .into_iter()
        .collect())
}

/// Minutes during which someone who opened a file is said to be on it.
const PRESENT_MINUTES: i64 = 2;

/// Notes that the actor is looking at this file.
///
/// # Errors
/// [`StoreError::NotFound`] for a foreign file.
pub fn note_presence(tx: &mut Tx<'_>, registration_id: &str) -> Stored<()> {
    file_for(tx, registration_id)?;
    let row = (
        file_presences::registration_id.eq(registration_id.to_owned()),
        file_presences::user_id.eq(tx.actor.user_id.clone()),
        file_presences::user_name.eq(tx.actor.name.clone()),
        file_presences::seen_at.eq(tx.stamp()),
    );
    let seen = tx.stamp();
    each_backend!(&mut *tx.conn, c => diesel::insert_into(file_presences::table)
        .values(&row)
        .on_conflict((file_presences::registration_id, file_presences::user_id))
        .do_update()
        .set(file_presences::seen_at.eq(seen))
        .execute(c))?;
    Ok(())
}

/// Names of the others who opened this file within the last two minutes.
///
/// # Errors
/// The database's own.
pub fn list_present(conn: &mut Conn, registration_id: &str, but: &str, now: jiff::Timestamp) -> Stored<Vec<String>> {
    let since = now.checked_sub(jiff::SignedDuration::from_mins(PRESENT_MINUTES)).unwrap_or(now);
    Ok(file_presences::table
        .filter(file_presences::registration_id.eq(registration_id))
        .filter(file_presences::user_id.ne(but))
        .filter(file_presences::seen_at.ge(Stamp(since)))
        .order(file_presences::user_name)
        .select(file_presences::user_name)
        .load(conn)?)
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = file_notes)]
pub struct NoteRow {
    pub id: String,
    pub registration_id: String,
    pub author_id: String,
    pub author_name: String,
    pub body: String,
    pub created_at: Stamp,
}

/// Writes an internal note. It is never changed, nor shown outside the office.
///
/// # Errors
/// A refusal for an empty note.
pub fn add_note(tx: &mut Tx<'_>, registration_id: &str, body: &str) -> Stored<()> {
    let (row, _) = file_for(tx, registration_id)?;
    let body = body.trim();
    if body.is_empty() {
        return Err(Refusal::new("note_empty", "Écrivez la note avant de l’enregistrer.").into());
    }
    let note = NoteRow {
        id: new_id(tx.at),
        registration_id: registration_id.to_owned(),
        author_id: tx.actor.user_id.clone(),
        author_name: tx.actor.name.clone(),
        body: body.to_owned(),
        created_at: tx.stamp(),
    };
    diesel::insert_into(file_notes::table).values(&note).execute(tx.conn)?;
    // The chain keeps that a note was written, and not its words.
    tx.audit("add_note", ("registration", registration_id), None, None, &json!({ "number": row.number }))
}

/// Internal notes of a file, latest first.
///
/// # Errors
/// The database's own.
pub fn list_notes(conn: &mut Conn, registration_id: &str) -> Stored<Vec<NoteRow>> {
    Ok(file_notes::table
        .filter(file_notes::registration_id.eq(registration_id))
        .order((file_notes::created_at.desc(), file_notes::id.desc()))
        .select(NoteRow::as_select())
        .load(conn)?)
}
