//! The versions of the framework that were loaded, so that what was recorded under one can still be read.
//! A version is never changed: a corrected text comes under a new id.

use diesel::prelude::*;

use super::schema::packs;
use super::{Conn, Stored};

/// A version in a list: id, title, and the version number it gives itself.
#[derive(Debug, Clone, Queryable)]
pub struct FrameworkVersion {
    pub id: String,
    pub title: String,
    pub version: String,
}

/// Every version, the latest loaded first.
///
/// # Errors
/// The database's own.
pub fn list_frameworks(conn: &mut Conn) -> Stored<Vec<FrameworkVersion>> {
    Ok(packs::table
        .filter(packs::kind.eq("framework"))
        .order((packs::loaded_at.desc(), packs::id.desc()))
        .select((packs::id, packs::title, packs::version))
        .load(conn)?)
}
