//! Documents made once and kept as they were: each is found again by what it is about, and by its hash.
//! The bytes are immutable; asking twice gives the same bytes. Rendering happens before, outside any write.

use diesel::prelude::*;

use super::schema::documents as t;
use super::{Conn, Stamp, Stored, Tx, new_id};
use crate::domain::audit::sha256_hex;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct DocumentRow {
    pub id: String,
    pub academy_code: String,
    pub session_id: Option<String>,
    pub subject_id: String,
    pub kind: String,
    pub file_name: String,
    pub content_type: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
    pub created_at: Stamp,
}

/// A document just rendered.
#[derive(Debug, Clone)]
pub struct NewDocument {
    pub academy_code: String,
    pub session_id: Option<String>,
    /// What the document is about: a registration, a juror, a session… With `kind`, names it for good.
    pub subject_id: String,
    pub kind: String,
    pub file_name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// What is shown of a document in a list, without its bytes.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = t)]
pub struct DocumentLine {
    pub id: String,
    pub subject_id: String,
    pub kind: String,
    pub file_name: String,
    pub sha256: String,
    pub created_at: Stamp,
}

/// Keeps the document unless one of its kind exists for this subject; returns the id of the one that stands.
///
/// # Errors
/// The database's own.
pub fn keep_document(tx: &mut Tx<'_>, new: NewDocument) -> Stored<String> {
    let known: Option<String> = t::table
        .filter(t::kind.eq(&new.kind))
        .filter(t::subject_id.eq(&new.subject_id))
        .select(t::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let row = DocumentRow {
        id: new_id(tx.at),
        academy_code: new.academy_code,
        session_id: new.session_id,
        subject_id: new.subject_id,
        kind: new.kind,
        file_name: new.file_name,
        content_type: new.content_type,
        sha256: sha256_hex(&new.bytes),
        bytes: new.bytes,
        created_at: tx.stamp(),
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    Ok(row.id)
}

/// Forgets a document that may be made again (an order redrawn before it is signed). Sealed kinds are never dropped.
///
/// # Errors
/// The database's own.
pub fn drop_draft(tx: &mut Tx<'_>, kind: &str, subject_id: &str) -> Stored<()> {
    diesel::delete(t::table.filter(t::kind.eq(kind)).filter(t::subject_id.eq(subject_id))).execute(tx.conn)?;
    Ok(())
}

/// # Errors
/// The database's own.
pub fn find_document(conn: &mut Conn, kind: &str, subject_id: &str) -> Stored<Option<DocumentRow>> {
    Ok(t::table
        .filter(t::kind.eq(kind))
        .filter(t::subject_id.eq(subject_id))
        .select(DocumentRow::as_select())
        .first(conn)
        .optional()?)
}

/// # Errors
/// The database's own.
pub fn find_document_by_hash(conn: &mut Conn, sha256: &str) -> Stored<Option<DocumentLine>> {
    Ok(t::table.filter(t::sha256.eq(sha256)).select(DocumentLine::as_select()).first(conn).optional()?)
}

/// Documents of a session, by kind then name.
///
/// # Errors
/// The database's own.
pub fn list_session_documents(conn: &mut Conn, session_id: &str) -> Stored<Vec<DocumentLine>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .order((t::kind, t::file_name))
        .select(DocumentLine::as_select())
        .load(conn)?)
}

/// Documents about one subject (a registration, a juror).
///
/// # Errors
/// The database's own.
pub fn list_documents_about(conn: &mut Conn, subject_id: &str) -> Stored<Vec<DocumentLine>> {
    Ok(t::table
        .filter(t::subject_id.eq(subject_id))
        .order((t::created_at, t::kind))
        .select(DocumentLine::as_select())
        .load(conn)?)
}

/// Whether a document exists, without reading its bytes.
///
/// # Errors
/// The database's own.
pub fn find_line(conn: &mut Conn, kind: &str, subject_id: &str) -> Stored<Option<DocumentLine>> {
    Ok(t::table
        .filter(t::kind.eq(kind))
        .filter(t::subject_id.eq(subject_id))
        .select(DocumentLine::as_select())
        .first(conn)
        .optional()?)
}

/// Keeps many documents at once, except those whose kind and subject already have one.
///
/// # Errors
/// The database's own.
pub fn keep_documents(tx: &mut Tx<'_>, made: Vec<NewDocument>) -> Stored<()> {
    let subjects: Vec<&str> = made.iter().map(|new| new.subject_id.as_str()).collect();
    let known: std::collections::HashSet<(String, String)> = t::table
        .filter(t::subject_id.eq_any(subjects))
        .select((t::kind, t::subject_id))
        .load::<(String, String)>(tx.conn)?
        .into_iter()
        .collect();
    for new in made {
        if known.contains(&(new.kind.clone(), new.subject_id.clone())) {
            continue;
        }
        let row = DocumentRow {
            id: new_id(tx.at),
            academy_code: new.academy_code,
            session_id: new.session_id,
            subject_id: new.subject_id,
            kind: new.kind,
            file_name: new.file_name,
            content_type: new.content_type,
            sha256: sha256_hex(&new.bytes),
            bytes: new.bytes,
            created_at: tx.stamp(),
        };
        diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    }
    Ok(())
}

/// What a session already has a document of this kind about.
///
/// # Errors
/// The database's own.
pub fn list_subjects(conn: &mut Conn, session_id: &str, kind: &str) -> Stored<Vec<String>> {
    Ok(t::table.filter(t::session_id.eq(session_id)).filter(t::kind.eq(kind)).select(t::subject_id).load(conn)?)
}

/// Documents of a kind in a session, page by page: those whose id follows `after`.
///
/// # Errors
/// The database's own.
pub fn list_of_kind(
    conn: &mut Conn,
    session_id: &str,
    kind: &str,
    after: &str,
    limit: i64,
) -> Stored<Vec<DocumentRow>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::kind.eq(kind))
        .filter(t::id.gt(after))
        .order(t::id)
        .limit(limit)
        .select(DocumentRow::as_select())
        .load(conn)?)
}
