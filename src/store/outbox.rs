//! Mail waiting to leave: a row in the same transaction as the act it tells of, sent later by the courier.
//! A `dedupe_key` makes sure that the same act, replayed, sends one mail.

use std::time::Duration;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::schema::outbox as t;
use super::{Conn, Db, Lock, Stamp, Stored, Tx, documents, new_id};
use crate::domain::permission::Actor;
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct OutboxRow {
    pub id: String,
    pub academy_code: Option<String>,
    pub session_id: Option<String>,
    pub kind: String,
    pub dedupe_key: String,
    pub recipient: String,
    pub recipient_name: String,
    pub subject: String,
    pub body_text: String,
    pub body_html: Option<String>,
    pub attachments: String,
    pub state: String,
    pub attempts: i32,
    pub next_attempt_at: Stamp,
    pub last_error: Option<String>,
    pub created_at: Stamp,
    pub sent_at: Option<Stamp>,
}

/// A file that goes with a mail: named by the document it is, so that a queue of ten thousand stays small.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttachedDocument {
    pub kind: String,
    pub subject_id: String,
}

/// A message to queue.
#[derive(Debug, Clone)]
pub struct NewMail {
    pub academy_code: Option<String>,
    pub session_id: Option<String>,
    /// Name of the message (`convocation`, `results`…).
    pub kind: String,
    /// The act and the person: the same key is queued once.
    pub dedupe_key: String,
    pub recipient: String,
    pub recipient_name: String,
    pub subject: String,
    pub body_text: String,
    pub body_html: Option<String>,
    pub attachments: Vec<AttachedDocument>,
}

/// Queues mails whose keys are new; returns how many were queued.
///
/// # Errors
/// The database's own.
pub fn queue(tx: &mut Tx<'_>, mails: Vec<NewMail>) -> Stored<usize> {
    let mut queued = 0;
    for chunk in mails.chunks(200) {
        let keys: Vec<&str> = chunk.iter().map(|mail| mail.dedupe_key.as_str()).collect();
        let known: Vec<String> = t::table.filter(t::dedupe_key.eq_any(keys)).select(t::dedupe_key).load(tx.conn)?;
        let mut rows = Vec::with_capacity(chunk.len());
        for mail in chunk.iter().filter(|mail| !known.contains(&mail.dedupe_key)) {
            rows.push(OutboxRow {
                id: new_id(tx.at),
                academy_code: mail.academy_code.clone(),
                session_id: mail.session_id.clone(),
                kind: mail.kind.clone(),
                dedupe_key: mail.dedupe_key.clone(),
                recipient: mail.recipient.clone(),
                recipient_name: mail.recipient_name.clone(),
                subject: mail.subject.clone(),
                body_text: mail.body_text.clone(),
                body_html: mail.body_html.clone(),
                attachments: serde_json::to_string(&mail.attachments)?,
                state: "queued".into(),
                attempts: 0,
                next_attempt_at: tx.stamp(),
                last_error: None,
                created_at: tx.stamp(),
                sent_at: None,
            });
        }
        queued += rows.len();
        if !rows.is_empty() {
            each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(&rows).execute(c))?;
        }
    }
    Ok(queued)
}

/// Takes up to `limit` mails that are due and marks them as being sent, so that no other instance takes them.
/// A mail whose sender died is due again after ten minutes.
///
/// # Errors
/// The database's own.
pub fn claim(tx: &mut Tx<'_>, limit: i64) -> Stored<Vec<OutboxRow>> {
    let now = tx.stamp();
    let rows: Vec<OutboxRow> = t::table
        .filter(t::state.eq_any(["queued", "sending"]))
        .filter(t::next_attempt_at.le(now))
        .order(t::next_attempt_at)
        .limit(limit)
        .select(OutboxRow::as_select())
        .load(tx.conn)?;
    let lease = Stamp(tx.at.checked_add(jiff::SignedDuration::from_mins(10)).unwrap_or(tx.at));
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    diesel::update(t::table.filter(t::id.eq_any(ids)))
        .set((t::state.eq("sending"), t::attempts.eq(t::attempts + 1), t::next_attempt_at.eq(lease)))
        .execute(tx.conn)?;
    Ok(rows)
}

/// # Errors
/// The database's own.
pub fn mark_sent(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    diesel::update(t::table.find(id))
        .set((t::state.eq("sent"), t::sent_at.eq(tx.stamp()), t::last_error.eq(None::<String>)))
        .execute(tx.conn)?;
    Ok(())
}

/// Records a failure: tried again after `next`, or failed for good and shown to the office.
///
/// # Errors
/// The database's own.
pub fn mark_failed(tx: &mut Tx<'_>, id: &str, error: &str, next: Option<Duration>) -> Stored<()> {
    let seconds = next.map_or(0, |delay| i64::try_from(delay.as_secs()).unwrap_or(i64::MAX / 2));
    let at = tx.at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(tx.at);
    diesel::update(t::table.find(id))
        .set((
            t::state.eq(if next.is_some() { "queued" } else { "failed" }),
            t::last_error.eq(error),
            t::next_attempt_at.eq(Stamp(at)),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Mails of a session, the failed first, for the office.
///
/// # Errors
/// The database's own.
pub fn list_session_mails(conn: &mut Conn, session_id: &str, limit: i64, offset: i64) -> Stored<Vec<OutboxRow>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .order((t::state, t::created_at.desc(), t::recipient))
        .limit(limit)
        .offset(offset)
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// (state, count) of a session's mails.
///
/// # Errors
/// The database's own.
pub fn count_session_mails(conn: &mut Conn, session_id: &str) -> Stored<Vec<(String, i64)>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .group_by(t::state)
        .select((t::state, diesel::dsl::count_star()))
        .order(t::state)
        .load(conn)?)
}

/// Puts a failed mail back in the queue, to a corrected address when one is given.
///
/// # Errors
/// [`super::StoreError::NotFound`] when no failed mail of this session has this id.
pub fn resend(tx: &mut Tx<'_>, session_id: &str, id: &str, address: Option<&str>) -> Stored<()> {
    let row: OutboxRow = t::table
        .find(id)
        .filter(t::session_id.eq(session_id))
        .filter(t::state.eq("failed"))
        .select(OutboxRow::as_select())
        .first(tx.conn)?;
    diesel::update(t::table.find(id))
        .set((
            t::state.eq("queued"),
            t::attempts.eq(0),
            t::next_attempt_at.eq(tx.stamp()),
            t::recipient.eq(address.unwrap_or(&row.recipient)),
        ))
        .execute(tx.conn)?;
    tx.audit("resend_mail", ("mail", id), None, None, &serde_json::json!({ "kind": row.kind }))
}

/// The files of a mail, read when it leaves.
///
/// # Errors
/// The database's own; a document that is not made yet is an error, so that the mail waits for it.
pub fn load_attachments(conn: &mut Conn, row: &OutboxRow) -> Stored<Vec<documents::DocumentRow>> {
    let wanted: Vec<AttachedDocument> = serde_json::from_str(&row.attachments)?;
    wanted
        .iter()
        .map(|file| {
            documents::find_document(conn, &file.kind, &file.subject_id)?
                .ok_or_else(|| super::StoreError::Unavailable(format!("document {} pas encore produit", file.kind)))
        })
        .collect()
}

/// Claims a batch through the door of the house.
///
/// # Errors
/// The database's own.
pub async fn claim_batch(db: &Db, limit: i64) -> Stored<Vec<(OutboxRow, Vec<documents::DocumentRow>)>> {
    let courier = Actor::system("courier");
    let rows = db.write(&courier, Lock::House, move |tx| claim(tx, limit)).await?;
    let mut batch = Vec::with_capacity(rows.len());
    for row in rows {
        let (row, files) = db
            .read(move |conn| {
                let files = load_attachments(conn, &row);
                Ok((row, files))
            })
            .await?;
        match files {
            Ok(files) => batch.push((row, files)),
            Err(error) => {
                let why = error.to_string();
                db.write(&courier, Lock::House, move |tx| {
                    mark_failed(tx, &row.id, &why, Some(Duration::from_secs(60)))
                })
                .await?;
            }
        }
    }
    Ok(batch)
}
