//! Mail waiting to leave: a row in the same transaction as the act it tells of, sent later by the courier.
//! A `dedupe_key` makes sure that the same act, replayed, sends one mail.

use std::time::Duration;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::schema::outbox as t;
use super::session::SessionRow;
use super::{Conn, Db, Lock, Stamp, Stored, Tx, documents, new_id};
use crate::domain::permission::Actor;
use crate::domain::refusal::Refusal;
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
    /// Set when the mail came back; with the server's status and words.
    pub bounced_at: Option<Stamp>,
    pub bounce_status: Option<String>,
    pub bounce_reason: Option<String>,
    /// When its recipient, signed in, opened the page it speaks of.
    pub read_at: Option<Stamp>,
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

impl NewMail {
    /// The mail as one of this session, so that its office follows it.
    #[must_use]
    pub fn of_session(self, session: &SessionRow) -> Self {
        NewMail { academy_code: Some(session.academy_code.clone()), session_id: Some(session.id.clone()), ..self }
    }
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
                bounced_at: None,
                bounce_status: None,
                bounce_reason: None,
                read_at: None,
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

/// Notes that a mail left. Links that open an account by themselves go from what is kept: once sent, whoever reads
/// the database must not be able to use them.
///
/// # Errors
/// The database's own.
pub fn mark_sent(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    let (text, html): (String, Option<String>) =
        t::table.find(id).select((t::body_text, t::body_html)).first(tx.conn)?;
    diesel::update(t::table.find(id))
        .set((
            t::state.eq("sent"),
            t::sent_at.eq(tx.stamp()),
            t::last_error.eq(None::<String>),
            t::body_text.eq(without_tokens(&text)),
            t::body_html.eq(html.map(|html| without_tokens(&html))),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// What stands where a link worked once.
const ERASED: &str = "lien-efface-apres-envoi";

/// The addresses of this site that let in whoever knows what follows them.
const DOORS: [&str; 3] = ["/lien/", "/compte/creation/", "/compte/adresse/"];

/// The same text, without what would let its reader in.
#[must_use]
pub fn without_tokens(text: &str) -> String {
    let mut kept = text.to_owned();
    for door in DOORS {
        let mut parts = kept.split(door);
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(part.len());
            text.push_str(door);
            text.push_str(ERASED);
            text.push_str(part.get(end..).unwrap_or_default());
        }
        kept = text;
    }
    kept
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

/// What the office looks for among the mails of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    All,
    Waiting,
    Sent,
    /// Refused by our server, or come back from theirs.
    Lost,
    /// Its recipient opened the page it speaks of.
    Read,
    /// Sent, not come back, and its page not opened yet.
    Unread,
}

type Filtered<'a> = t::BoxedQuery<'a, super::MultiBackend>;

fn followed<'a>(session_id: &str, which: Followed) -> Filtered<'a> {
    let query = t::table.filter(t::session_id.eq(session_id.to_owned())).into_boxed();
    match which {
        Followed::All => query,
        Followed::Waiting => query.filter(t::state.eq_any(["queued", "sending"])),
        Followed::Sent => query.filter(t::state.eq("sent")).filter(t::bounced_at.is_null()),
        Followed::Lost => query.filter(t::state.eq("failed").or(t::bounced_at.is_not_null())),
        Followed::Read => query.filter(t::read_at.is_not_null()),
        Followed::Unread => {
            query.filter(t::state.eq("sent")).filter(t::bounced_at.is_null()).filter(t::read_at.is_null())
        }
    }
}

/// Mails of a session as they are followed: the latest first.
///
/// # Errors
/// The database's own.
pub fn list_followed(
    conn: &mut Conn,
    session_id: &str,
    which: Followed,
    limit: i64,
    offset: i64,
) -> Stored<Vec<OutboxRow>> {
    Ok(followed(session_id, which)
        .order((t::created_at.desc(), t::recipient, t::id))
        .limit(limit)
        .offset(offset)
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// How many mails of a session each sight holds.
///
/// # Errors
/// The database's own.
pub fn count_followed(conn: &mut Conn, session_id: &str, which: Followed) -> Stored<i64> {
    Ok(followed(session_id, which).count().get_result(conn)?)
}

/// One mail of a session.
///
/// # Errors
/// [`super::StoreError::NotFound`] when it is another session's.
pub fn get_session_mail(conn: &mut Conn, session_id: &str, id: &str) -> Stored<OutboxRow> {
    Ok(t::table.find(id).filter(t::session_id.eq(session_id)).select(OutboxRow::as_select()).first(conn)?)
}

/// What a mail server says of a mail it could not hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub mail_id: String,
    pub status: String,
    pub reason: String,
}

/// Notes that a mail came back; the same report read twice is noted once. True when it is news.
///
/// # Errors
/// The database's own.
pub fn note_return(tx: &mut Tx<'_>, returned: &Returned) -> Stored<bool> {
    let row: Option<OutboxRow> = t::table
        .find(&returned.mail_id)
        .filter(t::state.eq("sent"))
        .filter(t::bounced_at.is_null())
        .select(OutboxRow::as_select())
        .first(tx.conn)
        .optional()?;
    let Some(row) = row else { return Ok(false) };
    diesel::update(t::table.find(&row.id))
        .set((
            t::bounced_at.eq(Some(tx.stamp())),
            t::bounce_status.eq(Some(&returned.status)),
            t::bounce_reason.eq(Some(&returned.reason)),
        ))
        .execute(tx.conn)?;
    let detail = serde_json::json!({ "kind": row.kind, "status": returned.status });
    tx.audit("mail_returned", ("mail", &row.id), None, None, &detail)?;
    Ok(true)
}

/// Sent mails to this address that name this page of the site, not opened yet.
///
/// # Errors
/// The database's own.
pub fn count_unread_to(conn: &mut Conn, address: &str, page: &str) -> Stored<i64> {
    Ok(unread_to(address, page).count().get_result(conn)?)
}

/// Notes that whoever holds this address, signed in, opened the private page that these mails name.
///
/// # Errors
/// The database's own.
pub fn note_read(tx: &mut Tx<'_>, address: &str, page: &str) -> Stored<usize> {
    let ids: Vec<String> = unread_to(address, page).select(t::id).load(tx.conn)?;
    Ok(diesel::update(t::table.filter(t::id.eq_any(ids))).set(t::read_at.eq(Some(tx.stamp()))).execute(tx.conn)?)
}

fn unread_to(address: &str, page: &str) -> Filtered<'static> {
    t::table
        .filter(t::recipient.eq(address.to_owned()))
        .filter(t::state.eq("sent"))
        .filter(t::read_at.is_null())
        .filter(t::body_text.like(format!("%{page}%")))
        .into_boxed()
}

/// A mail of the session that failed or came back: the only ones that leave again.
///
/// # Errors
/// [`super::StoreError::NotFound`] for any other.
pub fn get_lost_mail(conn: &mut Conn, session_id: &str, id: &str) -> Stored<OutboxRow> {
    Ok(t::table
        .find(id)
        .filter(t::session_id.eq(session_id))
        .filter(t::state.eq("failed").or(t::bounced_at.is_not_null()))
        .select(OutboxRow::as_select())
        .first(conn)?)
}

/// Puts a lost mail in the queue again, to this address, with the words given when it has new ones.
///
/// # Errors
/// A refusal when its link was erased and no new words come; the database's own.
pub fn queue_again(tx: &mut Tx<'_>, row: &OutboxRow, to: &str, fresh: Option<NewMail>) -> Stored<()> {
    let (text, html) = match fresh {
        Some(mail) => (mail.body_text, mail.body_html),
        None if row.body_text.contains(ERASED) => {
            return Err(Refusal::new(
                "mail_link_erased",
                "Ce message contenait un lien personnel, effacé après l’envoi\u{a0}: il ne peut pas repartir tel quel.",
            )
            .into());
        }
        None => (row.body_text.clone(), row.body_html.clone()),
    };
    diesel::update(t::table.find(&row.id))
        .set((
            t::state.eq("queued"),
            t::attempts.eq(0),
            t::next_attempt_at.eq(tx.stamp()),
            t::recipient.eq(to),
            t::body_text.eq(text),
            t::body_html.eq(html),
            t::last_error.eq(None::<String>),
            t::bounced_at.eq(None::<Stamp>),
            t::bounce_status.eq(None::<String>),
            t::bounce_reason.eq(None::<String>),
            t::read_at.eq(None::<Stamp>),
        ))
        .execute(tx.conn)?;
    let detail = serde_json::json!({ "kind": row.kind, "from": row.recipient, "to": to });
    tx.audit("resend_mail", ("mail", &row.id), None, None, &detail)
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
