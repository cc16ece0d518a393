//! One record per person, across sessions and academies, found again by a folded identity and guarded by a unique index.
//! Created by an import, a form or the staff pages; never twice, whatever comes at the same time.

use diesel::prelude::*;
use serde_json::json;

use super::schema::{people as t, staff_records};
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
    let identity_key = person_key(&new.birth_name, &new.first_names, new.birth_date);
    let known: Option<String> =
        t::table.filter(t::identity_key.eq(&identity_key)).order(t::homonym).select(t::id).first(tx.conn).optional()?;
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
    Ok(row.id)
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
