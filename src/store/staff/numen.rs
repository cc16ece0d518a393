//! The NUMEN on a record: kept sealed, one person per number, read in clear only by an act that leaves its trace.
//! Nothing here sees the number itself: it comes sealed, and leaves sealed.

use diesel::prelude::*;
use serde_json::json;

use super::managed_person;
use crate::domain::refusal::Refusal;
use crate::numen::SealedNumen;
use crate::store::schema::numens as t;
use crate::store::{Conn, StoreError, Stored, Tx};

/// Records the number, or replaces the one before.
///
/// # Errors
/// Not found for another academy; refused when somebody else has this number.
pub fn record_numen(tx: &mut Tx<'_>, person_id: &str, numen: &SealedNumen) -> Stored<()> {
    managed_person(tx, person_id)?;
    let bearer: Option<String> =
        t::table.filter(t::keyed_hash.eq(&numen.keyed_hash)).select(t::person_id).first(tx.conn).optional()?;
    match bearer {
        Some(bearer) if bearer == person_id => return Ok(()),
        Some(_) => {
            return Err(Refusal::new(
                "numen_taken",
                "Ce NUMEN est déjà enregistré pour une autre personne\u{a0}: vérifiez le numéro, puis l’identité.",
            )
            .into());
        }
        None => {}
    }
    let replaced = diesel::delete(t::table.find(person_id)).execute(tx.conn)? > 0;
    diesel::insert_into(t::table)
        .values((
            t::person_id.eq(person_id),
            t::sealed.eq(&numen.sealed),
            t::keyed_hash.eq(&numen.keyed_hash),
            t::recorded_by_name.eq(&tx.actor.name),
            t::recorded_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    tx.audit("record_numen", ("person", person_id), None, None, &json!({ "replaced": replaced }))
}

/// Takes the number off the record.
///
/// # Errors
/// Not found for another academy.
pub fn remove_numen(tx: &mut Tx<'_>, person_id: &str) -> Stored<()> {
    managed_person(tx, person_id)?;
    if diesel::delete(t::table.find(person_id)).execute(tx.conn)? == 0 {
        return Ok(());
    }
    tx.audit("remove_numen", ("person", person_id), None, None, &json!({}))
}

/// The sealed number, for somebody who asked to read it: the trace says who and when.
///
/// # Errors
/// Not found for another academy, or without a number.
pub fn reveal_numen(tx: &mut Tx<'_>, person_id: &str) -> Stored<String> {
    managed_person(tx, person_id)?;
    let sealed = find_sealed_numen(tx.conn, person_id)?.ok_or(StoreError::NotFound)?;
    tx.audit("reveal_numen", ("person", person_id), None, None, &json!({}))?;
    Ok(sealed)
}

/// # Errors
/// The database's own.
pub fn find_sealed_numen(conn: &mut Conn, person_id: &str) -> Stored<Option<String>> {
    Ok(t::table.find(person_id).select(t::sealed).first(conn).optional()?)
}
