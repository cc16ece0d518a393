//! A fixed list that must change: reopened for a reason, by two people, before any candidate has an hour.
//! The order that was signed is kept among the documents; the next one says its own date.

use diesel::prelude::*;
use serde_json::json;

use super::super::schema::{documents, evaluations, exam_sessions, list_reopenings as t, registrations, slots};
use super::super::session::{self, SessionRow};
use super::super::{Conn, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::session::{LIST_LAW, SessionState, require};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct ReopeningRow {
    pub id: String,
    pub session_id: String,
    pub reason: String,
    pub asked_by: String,
    pub asked_by_name: String,
    pub asked_at: Stamp,
    pub granted_by: Option<String>,
    pub granted_by_name: Option<String>,
    pub granted_at: Option<Stamp>,
}

fn reopenable(tx: &mut Tx<'_>, session: &SessionRow) -> Stored<()> {
    require(session.state, &[SessionState::ListFixed], "La réouverture de la liste")
        .map_err(|no| no.under(LIST_LAW))?;
    let placed: i64 = slots::table.filter(slots::session_id.eq(&session.id)).count().get_result(tx.conn)?;
    if placed > 0 {
        return Err(Refusal::new(
            "slots_placed",
            "Des candidats ont déjà un horaire d’épreuve\u{a0}: videz le calendrier avant de rouvrir la liste.",
        )
        .under(LIST_LAW)
        .into());
    }
    Ok(())
}

/// Asks for the list to be opened again.
///
/// # Errors
/// A refusal without a reason, once convocations left, or while another demand waits.
pub fn ask_reopening(tx: &mut Tx<'_>, session_id: &str, reason: &str) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::AskReopening)?;
    reopenable(tx, &session)?;
    let reason = reason.trim();
    if reason.chars().count() < 10 {
        return Err(
            Refusal::new("reason_missing", "Écrivez en une phrase pourquoi la liste doit être rouverte.").into()
        );
    }
    if find_asked(tx.conn, session_id)?.is_some() {
        return Err(Refusal::new(
            "already_asked",
            "La réouverture est déjà demandée\u{a0}: une autre personne doit l’accorder.",
        )
        .into());
    }
    let row = ReopeningRow {
        id: new_id(tx.at),
        session_id: session_id.to_owned(),
        reason: reason.to_owned(),
        asked_by: tx.actor.user_id.clone(),
        asked_by_name: tx.actor.name.clone(),
        asked_at: tx.stamp(),
        granted_by: None,
        granted_by_name: None,
        granted_at: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    tx.audit("ask_list_reopening", ("session", session_id), None, None, &json!({ "reason": reason }))
}

/// Opens the list again: files are examined anew, the order is kept as it was signed.
///
/// # Errors
/// A refusal for the person who asked, or when nothing is asked.
pub fn grant_reopening(tx: &mut Tx<'_>, session_id: &str) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::GrantReopening)?;
    reopenable(tx, &session)?;
    let Some(asked) = find_asked(tx.conn, session_id)? else {
        return Err(Refusal::new("nothing_asked", "Aucune réouverture n’est demandée.").into());
    };
    if asked.asked_by == tx.actor.user_id {
        return Err(Refusal::new(
            "same_person",
            "La réouverture s’accorde à deux\u{a0}: une autre personne que celle qui l’a demandée doit l’accorder.",
        )
        .into());
    }
    diesel::update(t::table.find(&asked.id))
        .set((t::granted_by.eq(&tx.actor.user_id), t::granted_by_name.eq(&tx.actor.name), t::granted_at.eq(tx.stamp())))
        .execute(tx.conn)?;
    diesel::update(
        documents::table.filter(documents::kind.eq("list_order")).filter(documents::subject_id.eq(session_id)),
    )
    .set((documents::kind.eq("list_order_withdrawn"), documents::subject_id.eq(&asked.id)))
    .execute(tx.conn)?;
    diesel::delete(evaluations::table.filter(evaluations::session_id.eq(session_id))).execute(tx.conn)?;
    diesel::update(
        registrations::table
            .filter(registrations::session_id.eq(session_id))
            .filter(registrations::state.eq("admitted")),
    )
    .set((registrations::state.eq("submitted"), registrations::version.eq(registrations::version + 1)))
    .execute(tx.conn)?;
    diesel::update(exam_sessions::table.find(session_id))
        .set(exam_sessions::list_fixed_at.eq(None::<Stamp>))
        .execute(tx.conn)?;
    session::set_state(tx, session_id, SessionState::Examination)?;
    let detail = json!({ "reason": asked.reason, "asked_by": asked.asked_by_name });
    tx.audit("reopen_list", ("session", session_id), Some(&json!(session)), None, &detail)
}

/// The demand that waits for a second person.
///
/// # Errors
/// The database's own.
pub fn find_asked(conn: &mut Conn, session_id: &str) -> Stored<Option<ReopeningRow>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::granted_at.is_null())
        .select(ReopeningRow::as_select())
        .first(conn)
        .optional()?)
}

/// Orders withdrawn by a reopening: (reopening, document).
///
/// # Errors
/// The database's own.
pub fn list_reopenings(conn: &mut Conn, session_id: &str) -> Stored<Vec<ReopeningRow>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::granted_at.is_not_null())
        .order(t::asked_at)
        .select(ReopeningRow::as_select())
        .load(conn)?)
}

/// The session of a reopening, for its document.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_reopening(conn: &mut Conn, session_id: &str, id: &str) -> Stored<ReopeningRow> {
    let row: Option<ReopeningRow> = t::table
        .find(id)
        .filter(t::session_id.eq(session_id))
        .select(ReopeningRow::as_select())
        .first(conn)
        .optional()?;
    row.ok_or(StoreError::NotFound)
}
