//! Names a person has borne. A change is a command with its date and its justification; the earlier name stays,
//! shown and searched, and finds the person again when a file still bears it. Certificates keep their snapshot.

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::{managed_person, today_in};
use crate::domain::ids::{fold, person_key, sort_key};
use crate::domain::refusal::Refusal;
use crate::domain::staff::career::{CivilStatus, check_name_change};
use crate::store::people::{PersonRow, get_person};
use crate::store::schema::{former_names as t, people};
use crate::store::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct FormerNameRow {
    pub id: String,
    pub person_id: String,
    pub identity_key: String,
    pub search_key: String,
    pub civility: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    /// The day the name was left.
    pub changed_on: Day,
    pub reason: String,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
}

impl FormerNameRow {
    /// « Mme Nadia Morel, née Lefèvre » without the agreement: civility, first names, usage name, birth name.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.usage_name.as_deref() {
            Some(usage) => format!("{} {} {usage} ({})", self.civility, self.first_names, self.birth_name),
            None => format!("{} {} {}", self.civility, self.first_names, self.birth_name),
        }
    }
}

#[derive(Debug, Clone)]
pub struct NameChange {
    pub person_id: String,
    /// The version of the person that was read.
    pub version: i32,
    pub status: CivilStatus,
    pub changed_on: Date,
    /// The document that justifies the change.
    pub reason: String,
}

/// Changes the civil status; the one before becomes a former name.
///
/// # Errors
/// Not found for another academy; a conflict when the person changed since; refused by [`check_name_change`], or
/// when somebody else is already known under the new identity.
pub fn change_name(tx: &mut Tx<'_>, change: &NameChange) -> Stored<()> {
    let academy = managed_person(tx, &change.person_id)?;
    let before = get_person(tx.conn, &change.person_id)?;
    let today = today_in(&academy, tx.at)?;
    let was = CivilStatus {
        civility: before.civility.clone(),
        birth_name: before.birth_name.clone(),
        usage_name: before.usage_name.clone(),
        first_names: before.first_names.clone(),
    };
    if before.version != change.version {
        return Err(StoreError::Conflict(format!(
            "L’état civil a été modifié entre-temps par une autre personne\u{a0}: il est maintenant «\u{a0}{}\u{a0}». Relisez-le avant de le changer.",
            before.letter_name()
        )));
    }
    let is = &change.status;
    check_name_change(&was, is, change.changed_on, before.birth_date.0, &change.reason, today)?;
    let identity_key = person_key(&is.birth_name, &is.first_names, before.birth_date.0);
    if identity_key != before.identity_key && is_borne_by_another(tx.conn, &identity_key, &before.id)? {
        return Err(Refusal::new(
            "identity_taken",
            "Une autre personne est déjà connue sous ces nom, prénoms et date de naissance\u{a0}: vérifiez qu’il ne s’agit pas \
             d’une seconde fiche de la même personne, et demandez alors leur rapprochement à l’administrateur.",
        )
        .into());
    }
    let former = FormerNameRow {
        id: new_id(tx.at),
        person_id: before.id.clone(),
        identity_key: before.identity_key.clone(),
        search_key: search_key(&was),
        civility: was.civility,
        birth_name: was.birth_name,
        usage_name: was.usage_name,
        first_names: was.first_names,
        changed_on: Day(change.changed_on),
        reason: change.reason.trim().to_owned(),
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
    };
    diesel::insert_into(t::table).values(&former).execute(tx.conn)?;
    diesel::update(people::table.find(&before.id).filter(people::version.eq(change.version)))
        .set((
            people::identity_key.eq(&identity_key),
            people::civility.eq(&is.civility),
            people::birth_name.eq(&is.birth_name),
            people::usage_name.eq(&is.usage_name),
            people::first_names.eq(&is.first_names),
            people::sort_key.eq(sort_key(is.usage_name.as_deref().unwrap_or(&is.birth_name), &is.first_names)),
            people::version.eq(people::version + 1),
        ))
        .execute(tx.conn)?;
    let after: PersonRow = get_person(tx.conn, &before.id)?;
    let detail = json!({ "changed_on": change.changed_on.to_string(), "reason": former.reason });
    tx.audit("change_name", ("person", &before.id), Some(&json!(before)), Some(&json!(after)), &detail)
}

/// Whether somebody else bears this identity, or bore it.
fn is_borne_by_another(conn: &mut Conn, identity_key: &str, person_id: &str) -> Stored<bool> {
    let now = people::table.filter(people::identity_key.eq(identity_key)).filter(people::id.ne(person_id));
    let once = t::table.filter(t::identity_key.eq(identity_key)).filter(t::person_id.ne(person_id));
    Ok(diesel::select(diesel::dsl::exists(now)).get_result::<bool>(conn)?
        || diesel::select(diesel::dsl::exists(once)).get_result::<bool>(conn)?)
}

/// Every word of a name, folded, for the search of the directory.
fn search_key(status: &CivilStatus) -> String {
    let usage = status.usage_name.as_deref().unwrap_or_default();
    format!("{} {} {}", fold(usage), fold(&status.birth_name), fold(&status.first_names))
}

/// Names the person bore, the latest first.
///
/// # Errors
/// The database's own.
pub fn list_former_names(conn: &mut Conn, person_id: &str) -> Stored<Vec<FormerNameRow>> {
    Ok(t::table
        .filter(t::person_id.eq(person_id))
        .order((t::changed_on.desc(), t::recorded_at.desc()))
        .select(FormerNameRow::as_select())
        .load(conn)?)
}
