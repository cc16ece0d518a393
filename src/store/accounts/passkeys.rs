//! Passkeys of an account, several and named, and the challenges they answer: kept here, for minutes, used once.
//! What proves a key is decided by the pages with their library; this file keeps its texts whole.

use diesel::prelude::*;
use serde_json::json;

use super::get_user;
use crate::domain::account::{PASSKEY_CHALLENGE_LASTS, PASSKEYS_AT_MOST};
use crate::domain::refusal::Refusal;
use crate::secret::{random_token, token_hash};
use crate::store::schema::{passkey_challenges as c, passkeys as t, users};
use crate::store::{Conn, Stamp, StoreError, Stored, Tx, new_id};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct PasskeyRow {
    pub id: String,
    pub user_id: String,
    pub credential_id: String,
    /// As its owner calls it: « Mon téléphone ».
    pub name: String,
    /// The public key and its counter, in the JSON of the library.
    pub credential: String,
    pub created_at: Stamp,
    pub used_at: Option<Stamp>,
}

/// Keeps the state of a challenge and returns the token that finds it again; `user_id` when one is signed in.
///
/// # Errors
/// The database's own.
pub fn keep_challenge(tx: &mut Tx<'_>, user_id: Option<&str>, state: &str) -> Stored<String> {
    // Those nobody answered leave here: the table stays as small as what is live.
    diesel::delete(c::table.filter(c::expires_at.le(tx.stamp()))).execute(tx.conn)?;
    let token = random_token().map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let expires = tx.at.checked_add(PASSKEY_CHALLENGE_LASTS).map_err(|e| StoreError::Broken(e.to_string()))?;
    diesel::insert_into(c::table)
        .values((
            c::token_hash.eq(token_hash(&token)),
            c::user_id.eq(user_id),
            c::state.eq(state),
            c::expires_at.eq(Stamp(expires)),
        ))
        .execute(tx.conn)?;
    Ok(token)
}

/// The state of a challenge, which is then over; it must be of the same person.
///
/// # Errors
/// `challenge_over` for one that was used, is too old, or is somebody else's.
pub fn take_challenge(tx: &mut Tx<'_>, token: &str, user_id: Option<&str>) -> Stored<String> {
    let hash = token_hash(token);
    let found: Option<(Option<String>, String, Stamp)> =
        c::table.find(&hash).select((c::user_id, c::state, c::expires_at)).first(tx.conn).optional()?;
    diesel::delete(c::table.find(&hash)).execute(tx.conn)?;
    match found {
        Some((owner, state, expires)) if owner.as_deref() == user_id && expires.0 > tx.at => Ok(state),
        _ => Err(Refusal::new(
            "challenge_over",
            "Cette demande n’est plus valable\u{a0}: elle ne l’est que cinq minutes et ne sert qu’une fois. Recommencez.",
        )
        .into()),
    }
}

/// Adds a key to one's own account.
///
/// # Errors
/// `too_many_passkeys`, `known_passkey`; [`StoreError::NotFound`] for someone else's account.
pub fn add_passkey(
    tx: &mut Tx<'_>,
    user_id: &str,
    name: &str,
    credential_id: &str,
    credential: &str,
) -> Stored<String> {
    if tx.actor.user_id != user_id {
        return Err(StoreError::NotFound);
    }
    if count_passkeys(tx.conn, user_id)? >= PASSKEYS_AT_MOST {
        return Err(Refusal::new(
            "too_many_passkeys",
            "Votre compte a déjà dix clés d’accès\u{a0}: retirez-en une d’abord.",
        )
        .into());
    }
    let known: i64 = t::table.filter(t::credential_id.eq(credential_id)).count().get_result(tx.conn)?;
    if known > 0 {
        return Err(Refusal::new(
            "known_passkey",
            "Cette clé d’accès est déjà enregistrée\u{a0}: utilisez-la, ou choisissez un autre appareil.",
        )
        .into());
    }
    let row = PasskeyRow {
        id: new_id(tx.at),
        user_id: user_id.to_owned(),
        credential_id: credential_id.to_owned(),
        name: name.trim().to_owned(),
        credential: credential.to_owned(),
        created_at: tx.stamp(),
        used_at: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    tx.audit("add_passkey", ("user", user_id), None, None, &json!({ "passkey": row.id, "name": row.name }))?;
    Ok(row.id)
}

/// Removes a key of one's own account.
///
/// # Errors
/// `last_way_in` when nothing else opens the account; [`StoreError::NotFound`] for someone else's.
pub fn remove_passkey(tx: &mut Tx<'_>, user_id: &str, id: &str) -> Stored<()> {
    if tx.actor.user_id != user_id {
        return Err(StoreError::NotFound);
    }
    let row: PasskeyRow =
        t::table.find(id).filter(t::user_id.eq(user_id)).select(PasskeyRow::as_select()).first(tx.conn)?;
    let has_password = get_user(tx.conn, user_id)?.password_hash.is_some();
    if !has_password && count_passkeys(tx.conn, user_id)? == 1 {
        return Err(Refusal::new(
            "last_way_in",
            "C’est votre seul moyen de vous connecter\u{a0}: ajoutez une autre clé d’accès, ou choisissez un mot de passe par «\u{a0}Mot de passe oublié\u{a0}», puis retirez celle-ci.",
        )
        .into());
    }
    diesel::delete(t::table.find(id)).execute(tx.conn)?;
    tx.audit("remove_passkey", ("user", user_id), None, None, &json!({ "passkey": id, "name": row.name }))
}

/// Gives a key of one's own account another name.
///
/// # Errors
/// [`StoreError::NotFound`] for a key of someone else.
pub fn rename_passkey(tx: &mut Tx<'_>, user_id: &str, id: &str, name: &str) -> Stored<()> {
    if tx.actor.user_id != user_id {
        return Err(StoreError::NotFound);
    }
    let own = t::table.filter(t::id.eq(id)).filter(t::user_id.eq(user_id));
    if diesel::update(own).set(t::name.eq(name.trim())).execute(tx.conn)? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.audit("rename_passkey", ("user", user_id), None, None, &json!({ "passkey": id, "name": name.trim() }))
}

/// Notes that a key has just signed its owner in, with its new counter; false when it changed or went since it was read.
///
/// # Errors
/// The database's own.
pub fn note_use(tx: &mut Tx<'_>, read: &PasskeyRow, credential: &str) -> Stored<bool> {
    let unchanged = t::table.filter(t::id.eq(&read.id)).filter(t::credential.eq(&read.credential));
    let noted = diesel::update(unchanged)
        .set((t::used_at.eq(Some(tx.stamp())), t::credential.eq(credential)))
        .execute(tx.conn)?;
    Ok(noted > 0)
}

/// The keys of an account, the oldest first.
///
/// # Errors
/// The database's own.
pub fn list_passkeys(conn: &mut Conn, user_id: &str) -> Stored<Vec<PasskeyRow>> {
    Ok(t::table
        .filter(t::user_id.eq(user_id))
        .order((t::created_at, t::id))
        .select(PasskeyRow::as_select())
        .load(conn)?)
}

/// One key, of an account that is open.
///
/// # Errors
/// The database's own.
pub fn find_passkey(conn: &mut Conn, user_id: &str, credential_id: &str) -> Stored<Option<PasskeyRow>> {
    Ok(t::table
        .inner_join(users::table)
        .filter(users::disabled_at.is_null())
        .filter(t::user_id.eq(user_id))
        .filter(t::credential_id.eq(credential_id))
        .select(PasskeyRow::as_select())
        .first(conn)
        .optional()?)
}

/// # Errors
/// The database's own.
pub fn count_passkeys(conn: &mut Conn, user_id: &str) -> Stored<i64> {
    Ok(t::table.filter(t::user_id.eq(user_id)).count().get_result(conn)?)
}
