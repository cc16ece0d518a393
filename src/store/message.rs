//! Messages between a candidate and the office: one thread per draft or registration, with who has read what.
//! A message is sent once, whatever is posted twice; the mail that tells of it holds a link and nothing of the text.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::outbox::{self, NewMail};
use super::schema::{drafts, exam_sessions, message_files, messages as t, people, registrations, users};
use super::session::SessionRow;
use super::{Conn, Stamp, StoreError, Stored, Tx};
use crate::domain::message::{check_body, check_pace};
use crate::domain::permission::{Action, Actor, Object, may};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct MessageRow {
    pub id: String,
    /// A draft, or the registration it became: the identifier is the same.
    pub file_id: String,
    pub session_id: String,
    pub from_office: bool,
    pub author_id: String,
    pub author_name: String,
    pub body: String,
    pub sent_at: Stamp,
    pub read_at: Option<Stamp>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_files)]
pub struct MessageFileRow {
    pub id: String,
    pub message_id: String,
    pub file_name: String,
    pub content_type: String,
    pub size: i32,
    pub sha256: String,
}

/// The file a thread is about, and who may write in it.
#[derive(Debug, Clone)]
pub struct ThreadFile {
    pub id: String,
    pub session: SessionRow,
    pub owner: Option<String>,
    /// The candidate's name, and where they are written to.
    pub name: String,
    pub email: String,
    /// None while it is a draft.
    pub number: Option<String>,
}

/// Which side of the thread one is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Candidate,
    Office,
}

impl ThreadFile {
    /// The side of this actor; none for whoever has no business there.
    #[must_use]
    pub fn side_of(&self, actor: &Actor) -> Option<Side> {
        let mut object = Object::academy(&self.session.academy_code);
        if let Some(owner) = &self.owner {
            object = object.owned_by(owner);
        }
        if may(actor, Action::SeeOwnFile, object) && !actor.is_system {
            Some(Side::Candidate)
        } else if may(actor, Action::ExamineFiles, object) {
            Some(Side::Office)
        } else {
            None
        }
    }
}

/// # Errors
/// [`StoreError::NotFound`] when no draft and no registration has this identifier.
pub fn get_file(conn: &mut Conn, file_id: &str) -> Stored<ThreadFile> {
    let registered: Option<(SessionRow, super::people::PersonRow, String)> = registrations::table
        .inner_join(exam_sessions::table)
        .inner_join(people::table)
        .filter(registrations::id.eq(file_id))
        .select((SessionRow::as_select(), super::people::PersonRow::as_select(), registrations::number))
        .first(conn)
        .optional()?;
    if let Some((session, person, number)) = registered {
        return Ok(ThreadFile {
            id: file_id.to_owned(),
            session,
            name: person.letter_name(),
            email: person.email,
            owner: person.user_id,
            number: Some(number),
        });
    }
    let (session, owner, name, email): (SessionRow, String, String, String) = drafts::table
        .inner_join(exam_sessions::table)
        .inner_join(users::table)
        .filter(drafts::id.eq(file_id))
        .select((SessionRow::as_select(), users::id, users::name, users::email))
        .first(conn)?;
    Ok(ThreadFile { id: file_id.to_owned(), session, owner: Some(owner), name, email, number: None })
}

/// A message to send. `id` comes with the form, so that the same form sent twice is one message.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub id: String,
    pub file_id: String,
    pub body: String,
    pub files: Vec<NewFile>,
}

/// A file already inspected and kept in the vault.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub file_name: String,
    pub content_type: String,
    pub size: i32,
    pub sha256: String,
}

/// Sends a message to the other side; `notice` writes the mail that tells the candidate of an answer.
///
/// # Errors
/// [`StoreError::NotFound`] for whoever is on neither side; the refusal of an empty or endless text, or of one
/// message too many within an hour.
pub fn send(tx: &mut Tx<'_>, new: &NewMessage, notice: &dyn Fn(&ThreadFile) -> NewMail) -> Stored<()> {
    let file = get_file(tx.conn, &new.file_id)?;
    let side = file.side_of(tx.actor).ok_or(StoreError::NotFound)?;
    let body = check_body(&new.body)?;
    let known: Option<(String, String)> =
        t::table.find(&new.id).select((t::file_id, t::author_id)).first(tx.conn).optional()?;
    if let Some((file_id, author)) = known {
        return if file_id == new.file_id && author == tx.actor.user_id { Ok(()) } else { Err(StoreError::NotFound) };
    }
    let an_hour_ago = Stamp(tx.at.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap_or(tx.at));
    let sent = t::table
        .filter(t::author_id.eq(&tx.actor.user_id))
        .filter(t::sent_at.gt(an_hour_ago))
        .count()
        .get_result(tx.conn)?;
    check_pace(sent, side == Side::Office)?;
    let row = MessageRow {
        id: new.id.clone(),
        file_id: file.id.clone(),
        session_id: file.session.id.clone(),
        from_office: side == Side::Office,
        author_id: tx.actor.user_id.clone(),
        author_name: tx.actor.name.clone(),
        body,
        sent_at: tx.stamp(),
        read_at: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    for one in &new.files {
        diesel::insert_into(message_files::table)
            .values(&MessageFileRow {
                id: super::new_id(tx.at),
                message_id: row.id.clone(),
                file_name: one.file_name.clone(),
                content_type: one.content_type.clone(),
                size: one.size,
                sha256: one.sha256.clone(),
            })
            .execute(tx.conn)?;
    }
    // Who answers has read what they answer to.
    mark_read_by(tx, &file.id, side)?;
    if side == Side::Office && !file.email.is_empty() {
        let mail = NewMail { dedupe_key: format!("message:{}", row.id), ..notice(&file) };
        outbox::queue(tx, vec![mail])?;
    }
    let detail = json!({ "file": row.file_id, "from_office": row.from_office, "files": new.files.len() });
    tx.audit("send_message", ("message", &row.id), None, Some(&json!(row)), &detail)
}

/// Notes that this side has read what the other wrote.
///
/// # Errors
/// [`StoreError::NotFound`] for whoever is on neither side.
pub fn mark_read(tx: &mut Tx<'_>, file_id: &str) -> Stored<usize> {
    let file = get_file(tx.conn, file_id)?;
    let side = file.side_of(tx.actor).ok_or(StoreError::NotFound)?;
    mark_read_by(tx, file_id, side)
}

fn mark_read_by(tx: &mut Tx<'_>, file_id: &str, side: Side) -> Stored<usize> {
    Ok(diesel::update(
        t::table
            .filter(t::file_id.eq(file_id))
            .filter(t::from_office.eq(side == Side::Candidate))
            .filter(t::read_at.is_null()),
    )
    .set(t::read_at.eq(tx.stamp()))
    .execute(tx.conn)?)
}

/// A thread, oldest first, with the files of each message.
///
/// # Errors
/// The database's own.
pub fn list_thread(conn: &mut Conn, file_id: &str) -> Stored<Vec<(MessageRow, Vec<MessageFileRow>)>> {
    let rows: Vec<MessageRow> = t::table
        .filter(t::file_id.eq(file_id))
        .order((t::sent_at, t::id))
        .select(MessageRow::as_select())
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut files: HashMap<String, Vec<MessageFileRow>> = HashMap::new();
    for file in message_files::table
        .filter(message_files::message_id.eq_any(ids))
        .order((message_files::file_name, message_files::id))
        .select(MessageFileRow::as_select())
        .load::<MessageFileRow>(conn)?
    {
        files.entry(file.message_id.clone()).or_default().push(file);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let attached = files.remove(&row.id).unwrap_or_default();
            (row, attached)
        })
        .collect())
}

/// A file attached to a message of this thread.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_attached(conn: &mut Conn, file_id: &str, attached_id: &str) -> Stored<MessageFileRow> {
    Ok(message_files::table
        .inner_join(t::table)
        .filter(message_files::id.eq(attached_id))
        .filter(t::file_id.eq(file_id))
        .select(MessageFileRow::as_select())
        .first(conn)?)
}

/// Messages that a side has not read, by file: for the candidate's files, or for a queue of the office.
///
/// # Errors
/// The database's own.
pub fn count_unread(conn: &mut Conn, file_ids: &[String], reader: Side) -> Stored<HashMap<String, i64>> {
    Ok(t::table
        .filter(t::file_id.eq_any(file_ids))
        .filter(t::from_office.eq(reader == Side::Candidate))
        .filter(t::read_at.is_null())
        .group_by(t::file_id)
        .select((t::file_id, diesel::dsl::count_star()))
        .load::<(String, i64)>(conn)?
        .into_iter()
        .collect())
}

/// Messages of candidates that the office has not read in a session, by file: the office's queue.
///
/// # Errors
/// The database's own.
pub fn count_unread_of_session(conn: &mut Conn, session_id: &str) -> Stored<HashMap<String, i64>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::from_office.eq(false))
        .filter(t::read_at.is_null())
        .group_by(t::file_id)
        .select((t::file_id, diesel::dsl::count_star()))
        .load::<(String, i64)>(conn)?
        .into_iter()
        .collect())
}

/// One thread in the office's list.
#[derive(Debug, Clone)]
pub struct ThreadLine {
    pub file_id: String,
    pub last_at: Stamp,
    pub unread: i64,
}

/// Threads of a session, the latest first; `unread` keeps those that wait for the office. Two queries, whatever the page.
///
/// # Errors
/// The database's own.
pub fn list_threads(
    conn: &mut Conn,
    session_id: &str,
    unread: bool,
    limit: i64,
    offset: i64,
) -> Stored<Vec<ThreadLine>> {
    let waiting = count_unread_of_session(conn, session_id)?;
    // « All » is written as a filter too, so that both sights are one query.
    let kept: Vec<&str> = waiting.keys().map(String::as_str).collect();
    let rows: Vec<(String, Option<Stamp>)> = t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::file_id.eq_any(kept).or((!unread).into_sql::<diesel::sql_types::Bool>()))
        .group_by(t::file_id)
        .select((t::file_id, diesel::dsl::max(t::sent_at)))
        .order((diesel::dsl::max(t::sent_at).desc(), t::file_id))
        .limit(limit)
        .offset(offset)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(file_id, last)| {
            Some(ThreadLine { unread: waiting.get(&file_id).copied().unwrap_or(0), last_at: last?, file_id })
        })
        .collect())
}

/// How many threads a session has: all of them, and those that wait for the office.
///
/// # Errors
/// The database's own.
pub fn count_threads(conn: &mut Conn, session_id: &str) -> Stored<(i64, i64)> {
    let threads = t::table.filter(t::session_id.eq(session_id));
    let all = threads.select(diesel::dsl::count(t::file_id).aggregate_distinct()).first(conn)?;
    let unread = threads
        .filter(t::from_office.eq(false))
        .filter(t::read_at.is_null())
        .select(diesel::dsl::count(t::file_id).aggregate_distinct())
        .first(conn)?;
    Ok((all, unread))
}

/// The files of these threads: a registration's candidate, or a draft's account.
///
/// # Errors
/// The database's own.
pub fn list_names(conn: &mut Conn, file_ids: &[String]) -> Stored<HashMap<String, (String, Option<String>)>> {
    let mut names: HashMap<String, (String, Option<String>)> = drafts::table
        .inner_join(users::table)
        .filter(drafts::id.eq_any(file_ids))
        .select((drafts::id, users::name))
        .load::<(String, String)>(conn)?
        .into_iter()
        .map(|(id, name)| (id, (name, None)))
        .collect();
    let registered: Vec<(String, String, super::people::PersonRow)> = registrations::table
        .inner_join(people::table)
        .filter(registrations::id.eq_any(file_ids))
        .select((registrations::id, registrations::number, super::people::PersonRow::as_select()))
        .load(conn)?;
    names.extend(registered.into_iter().map(|(id, number, person)| (id, (person.shown_name(), Some(number)))));
    Ok(names)
}
