//! Views of the queue that an officer keeps under a name: the filters as the address holds them, one of them the default.

use diesel::prelude::*;

use super::super::schema::saved_views as t;
use super::super::{Conn, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::refusal::Refusal;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct ViewRow {
    pub id: String,
    pub user_id: String,
    pub name: String,
    /// `etat=submitted&a_decider=oui`: fields of the queue's filter only.
    pub query: String,
    pub is_default: bool,
    pub created_at: Stamp,
}

/// Views of one officer, at most.
const MOST: i64 = 30;

/// Keeps a view under a name; the same name replaces the view it had.
///
/// # Errors
/// A refusal without a name, or when there are too many.
pub fn save_view(tx: &mut Tx<'_>, name: &str, query: &str, is_default: bool) -> Stored<()> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 60 {
        return Err(Refusal::new("view_name", "Donnez à la vue un nom de 60 lettres au plus.").into());
    }
    let user = tx.actor.user_id.clone();
    diesel::delete(t::table.filter(t::user_id.eq(&user)).filter(t::name.eq(name))).execute(tx.conn)?;
    let held: i64 = t::table.filter(t::user_id.eq(&user)).count().get_result(tx.conn)?;
    if held >= MOST {
        return Err(Refusal::new("view_many", "Vous avez déjà 30 vues\u{a0}: supprimez-en une d’abord.").into());
    }
    if is_default {
        diesel::update(t::table.filter(t::user_id.eq(&user))).set(t::is_default.eq(false)).execute(tx.conn)?;
    }
    let row = ViewRow {
        id: new_id(tx.at),
        user_id: user,
        name: name.to_owned(),
        query: query.to_owned(),
        is_default,
        created_at: tx.stamp(),
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    Ok(())
}

/// Forgets a view of one's own.
///
/// # Errors
/// [`StoreError::NotFound`] for someone else's.
pub fn drop_view(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    let gone = diesel::delete(t::table.find(id).filter(t::user_id.eq(&tx.actor.user_id))).execute(tx.conn)?;
    if gone == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// The views of an officer, by name.
///
/// # Errors
/// The database's own.
pub fn list_views(conn: &mut Conn, user_id: &str) -> Stored<Vec<ViewRow>> {
    Ok(t::table.filter(t::user_id.eq(user_id)).order((t::name, t::id)).select(ViewRow::as_select()).load(conn)?)
}
