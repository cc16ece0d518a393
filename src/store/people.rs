//! One record per person, across sessions and academies, found again by a folded identity and guarded by a unique index.
//! Created by an import, a form or the staff pages; never twice, whatever comes at the same time.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::schema::{former_names, people as t};
use super::staff::career::{self, Told};
use super::{Conn, Day, Stamp, Stored, Tx, new_id};
use crate::domain::ids::{fold, person_key, sort_key};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct PersonRow {
    pub id: String,
    pub academy_code: String,
    pub identity_key: String,
    pub homonym: i32,
    pub civility: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    pub birth_date: Day,
    pub birth_place: Option<String>,
    pub email: String,
    pub email_key: String,
    pub phone: Option<String>,
    pub sort_key: String,
    pub user_id: Option<String>,
    pub created_at: Stamp,
    pub version: i32,
}

impl PersonRow {
    /// The name a person goes by: usage name when there is one.
    #[must_use]
    pub fn shown_name(&self) -> String {
        format!("{} {}", self.usage_name.as_deref().unwrap_or(&self.birth_name), self.first_names)
    }

    /// Civility, first names, and the name a letter is addressed to.
    #[must_use]
    pub fn letter_name(&self) -> String {
        format!("{} {} {}", self.civility, self.first_names, self.usage_name.as_deref().unwrap_or(&self.birth_name))
    }
}

/// Civil status and contact, already parsed.
#[derive(Debug, Clone)]
pub struct NewPerson {
    pub academy_code: String,
    pub civility: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    pub birth_date: jiff::civil::Date,
    pub birth_place: Option<String>,
    /// Empty when unknown.
    pub email: String,
    pub phone: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<jiff::civil::Date>,
}

/// Records the person, or finds the one already known under the same identity, now or under an earlier name.
///
/// Civil status already recorded is not overwritten here: a name change is a command of its own. Corps and status
/// told now become a line of the career when this academy holds the record, and a mere declaration when it does not.
///
/// # Errors
/// The database's own.
pub fn record_person(tx: &mut Tx<'_>, new: &NewPerson) -> Stored<String> {
    let identity_key = person_key(&new.birth_name, &new.first_names, new.birth_date);
    let told = |person_id: &str| Told {
        person_id: person_id.to_owned(),
        corps: new.corps.clone(),
        status: new.status.clone(),
        contract_date: new.contract_date,
    };
    if let Some(known) = find_known(tx.conn, &[&identity_key])?.remove(&identity_key) {
        career::follow(tx, &new.academy_code, &[told(&known)])?;
        return Ok(known);
    }
    let row = PersonRow {
        id: new_id(tx.at),
        academy_code: new.academy_code.clone(),
        identity_key,
        homonym: 0,
        civility: new.civility.clone(),
        birth_name: new.birth_name.clone(),
        usage_name: new.usage_name.clone(),
        first_names: new.first_names.clone(),
        birth_date: Day(new.birth_date),
        birth_place: new.birth_place.clone(),
        email: new.email.clone(),
        email_key: fold_email(&new.email),
        phone: new.phone.clone(),
        sort_key: sort_key(new.usage_name.as_deref().unwrap_or(&new.birth_name), &new.first_names),
        user_id: None,
        created_at: tx.stamp(),
        version: 1,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    career::begin(tx, &new.academy_code, &[told(&row.id)])?;
    let detail = json!({ "academy": row.academy_code });
    tx.audit("record_person", ("person", &row.id), None, Some(&json!(row)), &detail)?;
    Ok(row.id)
}

/// People already known under these identities, by the name they bear now or by one they bore: identity to person.
///
/// # Errors
/// The database's own.
pub fn find_known(conn: &mut Conn, identity_keys: &[&str]) -> Stored<HashMap<String, String>> {
    let former: Vec<(String, String)> = former_names::table
        .filter(former_names::identity_key.eq_any(identity_keys))
        .order(former_names::recorded_at)
        .select((former_names::identity_key, former_names::person_id))
        .load(conn)?;
    let current: Vec<(String, String)> = t::table
        .filter(t::identity_key.eq_any(identity_keys))
        .order(t::homonym.desc())
        .select((t::identity_key, t::id))
        .load(conn)?;
    // Who bears the name now comes last, and wins over who bore it.
    Ok(former.into_iter().chain(current).collect())
}

/// The key under which an address is compared: lower case, without spaces around.
#[must_use]
pub fn fold_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// # Errors
/// [`super::StoreError::NotFound`].
pub fn get_person(conn: &mut Conn, id: &str) -> Stored<PersonRow> {
    Ok(t::table.find(id).select(PersonRow::as_select()).first(conn)?)
}

/// People of an academy whose name begins by what is typed, accents aside.
///
/// # Errors
/// The database's own.
pub fn find_people(conn: &mut Conn, academy_code: &str, typed: &str, limit: i64) -> Stored<Vec<PersonRow>> {
    let key = fold(typed).replace(['%', '_'], "");
    Ok(t::table
        .filter(t::academy_code.eq(academy_code))
        .filter(t::sort_key.like(format!("{key}%")))
        .order(t::sort_key)
        .limit(limit)
        .select(PersonRow::as_select())
        .load(conn)?)
}
