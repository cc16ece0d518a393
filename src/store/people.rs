//! One record per person, across sessions and academies, found again by a folded identity and guarded by a unique index.
//! Created by an import, a form or the staff pages; never twice, whatever comes at the same time.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::schema::{former_names, people as t, person_identities};
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
    let keys = identity_keys(&new.birth_name, new.usage_name.as_deref(), &new.first_names, new.birth_date);
    let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = find_known(tx.conn, &asked)?;
    if let Some(known) = keys.iter().find_map(|key| found.get(key)) {
        let told = Told {
            person_id: known.clone(),
            corps: new.corps.clone(),
            status: new.status.clone(),
            contract_date: new.contract_date,
        };
        career::follow(tx, &new.academy_code, &[told])?;
        return Ok(known.clone());
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
    let told = Told {
        person_id: row.id.clone(),
        corps: new.corps.clone(),
        status: new.status.clone(),
        contract_date: new.contract_date,
    };
    career::begin(tx, &new.academy_code, &[told])?;
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
    let mut ids: Vec<String> = person_identities::table
        .filter(person_identities::identity_key.eq_any(keys))
        .select(person_identities::person_id)
        .distinct()
        .load(conn)?;
    ids.extend(
        former_names::table
            .filter(former_names::identity_key.eq_any(keys))
            .select(former_names::person_id)
            .load::<String>(conn)?,
    );
    Ok(t::table.filter(t::id.eq_any(ids)).order((t::homonym, t::id)).select(PersonRow::as_select()).load(conn)?)
}

/// The record of the person who signs in with this account.
///
/// # Errors
/// The database's own.
pub fn find_person_of_user(conn: &mut Conn, user_id: &str) -> Stored<Option<PersonRow>> {
    Ok(t::table.filter(t::user_id.eq(user_id)).select(PersonRow::as_select()).first(conn).optional()?)
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
    let signed: Vec<(String, String)> = person_identities::table
        .filter(person_identities::identity_key.eq_any(identity_keys))
        .order(person_identities::homonym.desc())
        .select((person_identities::identity_key, person_identities::person_id))
        .load(conn)?;
    // Who bears the name now comes last, and wins over who bore it or only signs with it.
    Ok(former.into_iter().chain(signed).chain(current).collect())
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
