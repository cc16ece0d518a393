//! Sentences an academy prepares for its officers, kept and changed by the office, used when refusing and asking.

use diesel::prelude::*;
use serde_json::json;

use super::super::schema::wordings as t;
use super::super::{Conn, StoreError, Stored, Tx, new_id};
use crate::domain::examination::wording::{self, WordingKind};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct WordingRow {
    pub id: String,
    pub academy_code: String,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub version: i32,
}

fn checked(title: &str, body: &str) -> Stored<()> {
    if title.trim().is_empty() || title.chars().count() > 80 {
        return Err(Refusal::new("wording_title", "Donnez au modèle un titre de 80 lettres au plus.").into());
    }
    if body.trim().is_empty() || body.chars().count() > wording::LONGEST {
        return Err(Refusal::new("wording_body", "Écrivez le texte du modèle, en 2 000 lettres au plus.").into());
    }
    Ok(wording::check(body)?)
}

fn taken(error: StoreError) -> StoreError {
    if error.is_unique_violation() {
        Refusal::new("wording_taken", "Un modèle de ce genre porte déjà ce titre\u{a0}: choisissez-en un autre.").into()
    } else {
        error
    }
}

/// Writes a wording of an academy; returns its id.
///
/// # Errors
/// A refusal for a title already taken or a place that does not exist.
pub fn add_wording(tx: &mut Tx<'_>, academy_code: &str, kind: WordingKind, title: &str, body: &str) -> Stored<String> {
    if !may(tx.actor, Action::ExamineFiles, Object::academy(academy_code)) {
        return Err(StoreError::NotFound);
    }
    checked(title, body)?;
    let row = WordingRow {
        id: new_id(tx.at),
        academy_code: academy_code.to_owned(),
        kind: kind.as_str().to_owned(),
        title: title.trim().to_owned(),
        body: body.trim().to_owned(),
        version: 1,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn).map_err(|error| taken(error.into()))?;
    tx.audit("add_wording", ("wording", &row.id), None, Some(&json!(row)), &json!({ "title": row.title }))?;
    Ok(row.id)
}

/// Changes a wording; what was written with it stays as it was.
///
/// # Errors
/// A conflict when a colleague changed it meanwhile.
pub fn change_wording(tx: &mut Tx<'_>, id: &str, version: i32, title: &str, body: &str) -> Stored<()> {
    let row = own_wording(tx, id)?;
    checked(title, body)?;
    let changed = diesel::update(t::table.find(id).filter(t::version.eq(version)))
        .set((t::title.eq(title.trim()), t::body.eq(body.trim()), t::version.eq(t::version + 1)))
        .execute(tx.conn)
        .map_err(|error| taken(error.into()))?;
    if changed == 0 {
        return Err(StoreError::Conflict(format!(
            "Le modèle «\u{a0}{}\u{a0}» a été modifié entre-temps. Il dit à présent\u{a0}: {}",
            row.title, row.body
        )));
    }
    let detail = json!({ "title": title.trim() });
    tx.audit("change_wording", ("wording", id), Some(&json!(row)), None, &detail)
}

/// Removes a wording.
///
/// # Errors
/// [`StoreError::NotFound`] for another academy's.
pub fn drop_wording(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    let row = own_wording(tx, id)?;
    diesel::delete(t::table.find(id)).execute(tx.conn)?;
    tx.audit("drop_wording", ("wording", id), Some(&json!(row)), None, &json!({ "title": row.title }))
}

fn own_wording(tx: &mut Tx<'_>, id: &str) -> Stored<WordingRow> {
    let row: WordingRow = t::table.find(id).select(WordingRow::as_select()).first(tx.conn)?;
    if may(tx.actor, Action::ExamineFiles, Object::academy(&row.academy_code)) {
        Ok(row)
    } else {
        Err(StoreError::NotFound)
    }
}

/// The wordings of these academies, by kind then title.
///
/// # Errors
/// The database's own.
pub fn list_wordings(conn: &mut Conn, academy_codes: &[String]) -> Stored<Vec<WordingRow>> {
    Ok(t::table
        .filter(t::academy_code.eq_any(academy_codes))
        .order((t::academy_code, t::kind, t::title))
        .select(WordingRow::as_select())
        .load(conn)?)
}

/// One wording of an academy.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_wording(conn: &mut Conn, academy_codes: &[String], id: &str) -> Stored<WordingRow> {
    Ok(t::table.find(id).filter(t::academy_code.eq_any(academy_codes)).select(WordingRow::as_select()).first(conn)?)
}
