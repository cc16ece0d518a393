//! One record per person, across sessions and academies, found again by a folded identity and guarded by a unique index.
//! Created by an import, a form or the staff pages; never twice, whatever comes at the same time.

use diesel::prelude::*;
use serde_json::json;

use super::schema::{people as t, person_identities, staff_records};
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

/// Records the person, or finds the one already known under the same identity and brings corps and status up to date.
///
/// Civil status already recorded is not overwritten here: a name change is a command of its own.
///
/// # Errors
/// The database's own.
pub fn record_person(tx: &mut Tx<'_>, new: &NewPerson) -> Stored<String> {
    let keys = identity_keys(&new.birth_name, new.usage_name.as_deref(), &new.first_names, new.birth_date);
    let known: Option<String> = person_identities::table
        .filter(person_identities::identity_key.eq_any(&keys))
        .order((person_identities::homonym, person_identities::person_id))
        .select(person_identities::person_id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = known {
        diesel::update(staff_records::table.find(&id))
            .set((
                staff_records::corps.eq(&new.corps),
                staff_records::status.eq(&new.status),
                staff_records::contract_date.eq(new.contract_date.map(Day)),
                staff_records::updated_at.eq(tx.stamp()),
            ))
            .execute(tx.conn)?;
        return Ok(id);
    }
    record_new(tx, new, 0, &keys, None).map(|row| row.id)
}

/// Records somebody whom no key designates yet, or an officer has declared distinct (`homonym` above zero).
///
/// # Errors
/// The database's own; a unique violation when the same person is recorded elsewhere at this very moment.
pub(super) fn record_new(
    tx: &mut Tx<'_>,
    new: &NewPerson,
    homonym: i32,
    keys: &[String],
    user_id: Option<String>,
) -> Stored<PersonRow> {
    let row = PersonRow {
        id: new_id(tx.at),
        academy_code: new.academy_code.clone(),
        identity_key: person_key(&new.birth_name, &new.first_names, new.birth_date),
        homonym,
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
        user_id,
        created_at: tx.stamp(),
        version: 1,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    add_identities(tx, &row.id, homonym, keys)?;
    diesel::insert_into(staff_records::table)
        .values((
            staff_records::person_id.eq(&row.id),
            staff_records::corps.eq(&new.corps),
            staff_records::status.eq(&new.status),
            staff_records::contract_date.eq(new.contract_date.map(Day)),
            staff_records::updated_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "academy": row.academy_code });
    tx.audit("record_person", ("person", &row.id), None, Some(&json!(row)), &detail)?;
    Ok(row)
}

/// Every key under which a person is recognised: by their birth name, and by the usage name they may sign with.
#[must_use]
pub fn identity_keys(
    birth_name: &str,
    usage_name: Option<&str>,
    first_names: &str,
    birth_date: jiff::civil::Date,
) -> Vec<String> {
    let mut keys = vec![person_key(birth_name, first_names, birth_date)];
    if let Some(usage) = usage_name {
        let key = person_key(usage, first_names, birth_date);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Notes the keys of a person; one that is already somebody's stays theirs. `homonym` tells apart those declared distinct.
///
/// # Errors
/// The database's own; a unique violation when the same person is recorded elsewhere at this very moment.
pub fn add_identities(tx: &mut Tx<'_>, person_id: &str, homonym: i32, keys: &[String]) -> Stored<()> {
    let taken: Vec<String> = person_identities::table
        .filter(person_identities::identity_key.eq_any(keys))
        .filter(person_identities::homonym.eq(homonym))
        .select(person_identities::identity_key)
        .load(tx.conn)?;
    for key in keys.iter().filter(|key| !taken.contains(key)) {
        diesel::insert_into(person_identities::table)
            .values((
                person_identities::identity_key.eq(key),
                person_identities::homonym.eq(homonym),
                person_identities::person_id.eq(person_id),
            ))
            .execute(tx.conn)?;
    }
    Ok(())
}

/// Everyone known under one of these keys, declared homonyms included.
///
/// # Errors
/// The database's own.
pub fn find_by_identity(conn: &mut Conn, keys: &[String]) -> Stored<Vec<PersonRow>> {
    let ids: Vec<String> = person_identities::table
        .filter(person_identities::identity_key.eq_any(keys))
        .select(person_identities::person_id)
        .distinct()
        .load(conn)?;
    Ok(t::table.filter(t::id.eq_any(ids)).order((t::homonym, t::id)).select(PersonRow::as_select()).load(conn)?)
}

/// The record of the person who signs in with this account.
///
/// # Errors
/// The database's own.
pub fn find_person_of_user(conn: &mut Conn, user_id: &str) -> Stored<Option<PersonRow>> {
    Ok(t::table.filter(t::user_id.eq(user_id)).select(PersonRow::as_select()).first(conn).optional()?)
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
