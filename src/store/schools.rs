//! The schools of each academy under their UAI, as the office imports them: a file or a record that only holds a code
//! shows a name.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use serde_json::json;

use super::audit::Act;
use super::schema::schools as t;
use super::staff::may_or_hide;
use super::{Conn, Stamp, Stored, Tx};
use crate::domain::exchange::schools::SchoolDraft;
use crate::domain::ids::fold;
use crate::domain::permission::Action;
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = t)]
pub struct SchoolRow {
    pub uai: String,
    pub academy_code: String,
    pub name: String,
    pub commune: String,
    pub department: String,
    pub kind: String,
    pub sort_key: String,
    pub updated_at: Stamp,
}

impl SchoolRow {
    /// « Lycée Turgot (Limoges) ».
    #[must_use]
    pub fn shown(&self) -> String {
        if self.commune.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.commune) }
    }
}

const CHUNK: usize = 400;

/// Writes new schools and brings others up to date; the caller has compared them. Returns (new, changed).
pub(super) fn record_schools(
    tx: &mut Tx<'_>,
    academy_code: &str,
    new: &[&SchoolDraft],
    changed: &[&SchoolDraft],
) -> Stored<(usize, usize)> {
    may_or_hide(tx, Action::ManageSchools, academy_code)?;
    let row = |draft: &SchoolDraft, at: Stamp| SchoolRow {
        uai: draft.uai.as_str().to_owned(),
        academy_code: academy_code.to_owned(),
        name: draft.name.clone(),
        commune: draft.commune.clone(),
        department: draft.department.clone(),
        kind: draft.kind.clone(),
        sort_key: fold(&draft.name),
        updated_at: at,
    };
    let mut acts = Vec::new();
    for chunk in new.chunks(CHUNK) {
        let rows: Vec<SchoolRow> = chunk.iter().map(|draft| row(draft, tx.stamp())).collect();
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(&rows).execute(c))?;
        acts.extend(rows.iter().map(|row| act("record_school", row)));
    }
    for draft in changed {
        let row = row(draft, tx.stamp());
        diesel::update(t::table.find(&row.uai).filter(t::academy_code.eq(academy_code))).set(&row).execute(tx.conn)?;
        acts.push(act("update_school", &row));
    }
    tx.audit_all(acts)?;
    Ok((new.len(), changed.len()))
}

fn act(action: &'static str, row: &SchoolRow) -> Act {
    Act {
        action,
        object_kind: "school",
        object_id: row.uai.clone(),
        before: None,
        after: Some(json!(row)),
        detail: json!({ "name": row.name }),
    }
}

/// The school of a code, when it is in the list.
///
/// # Errors
/// The database's own.
pub fn find(conn: &mut Conn, uai: &str) -> Stored<Option<SchoolRow>> {
    Ok(t::table.find(uai.trim().to_ascii_uppercase()).select(SchoolRow::as_select()).first(conn).optional()?)
}

/// The names of many schools at once: code to school.
///
/// # Errors
/// The database's own.
pub fn find_many(conn: &mut Conn, codes: &[&str]) -> Stored<HashMap<String, SchoolRow>> {
    let mut found = HashMap::new();
    for chunk in codes.chunks(5_000) {
        let rows: Vec<SchoolRow> = t::table.filter(t::uai.eq_any(chunk)).select(SchoolRow::as_select()).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.uai.clone(), row)));
    }
    Ok(found)
}

/// The names of these schools, by code; none where the academy keeps no list.
///
/// # Errors
/// The database's own.
pub fn find_names(conn: &mut Conn, academy_code: &str, codes: &[String]) -> Stored<Option<BTreeMap<String, String>>> {
    let any: Option<String> =
        t::table.filter(t::academy_code.eq(academy_code)).select(t::uai).first(conn).optional()?;
    if any.is_none() {
        return Ok(None);
    }
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    Ok(Some(find_many(conn, &codes)?.into_iter().map(|(uai, school)| (uai, school.shown())).collect()))
}

/// Schools of an academy after a place in the alphabet (name, code), for exports and lists.
///
/// # Errors
/// The database's own.
pub fn list_schools(conn: &mut Conn, academy_code: &str, after: (&str, &str), limit: i64) -> Stored<Vec<SchoolRow>> {
    Ok(t::table
        .filter(t::academy_code.eq(academy_code))
        .filter(t::sort_key.gt(after.0).or(t::sort_key.eq(after.0).and(t::uai.gt(after.1))))
        .order((t::sort_key, t::uai))
        .limit(limit)
        .select(SchoolRow::as_select())
        .load(conn)?)
}
