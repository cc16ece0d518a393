//! Accounts that people open themselves: a link mailed to the address proves the mailbox, then the account is theirs.
//! An address already known costs the same work and sends a mail too, so that nobody learns who has an account.
//! A file already known under the address is tied only once its owner has given the birth date it bears.

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::{UserRow, find_user_by_email, get_user, give};
use crate::domain::account::ACCOUNT_LINK_LASTS;
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Role;
use crate::domain::refusal::Refusal;
use crate::secret::{random_token, token_hash};
use crate::store::links::{tie_juror, tie_person};
use crate::store::outbox::{self, NewMail};
use crate::store::schema::{account_requests as t, jurors, people, users};
use crate::store::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};

/// Queues the mail that answers a request: the link for an address without account, a word of caution for the others.
///
/// # Errors
/// The database's own; nothing here depends on whether the address is known.
pub fn request_account(
    tx: &mut Tx<'_>,
    email: &EmailAddress,
    link_letter: &dyn Fn(&str) -> NewMail,
    known_letter: &dyn Fn(&UserRow, &str) -> NewMail,
) -> Stored<()> {
    let token = random_token().map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let known = find_user_by_email(tx.conn, &email.key())?;
    let expires = tx.at.checked_add(ACCOUNT_LINK_LASTS).map_err(|e| StoreError::Broken(e.to_string()))?;
    diesel::insert_into(t::table)
        .values((
            t::token_hash.eq(token_hash(&token)),
            t::email.eq(email.as_str()),
            t::email_key.eq(email.key()),
            t::created_at.eq(tx.stamp()),
            t::expires_at.eq(Stamp(expires)),
            // Written for a known address too, so that both take the same time; it opens nothing.
            t::used_at.eq(known.is_some().then(|| tx.stamp())),
        ))
        .execute(tx.conn)?;
    let mail = match &known {
        Some(user) => known_letter(user, &token),
        None => link_letter(&token),
    };
    outbox::queue(tx, vec![mail])?;
    tx.audit("request_account", ("account_request", &token_hash(&token)), None, None, &json!({}))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t)]
struct RequestRow {
    token_hash: String,
    email: String,
    expires_at: Stamp,
    used_at: Option<Stamp>,
}

fn live(conn: &mut Conn, token: &str, now: jiff::Timestamp) -> Stored<RequestRow> {
    let row: RequestRow = t::table.find(token_hash(token)).select(RequestRow::as_select()).first(conn)?;
    if row.used_at.is_some() {
        return Err(Refusal::new(
            "link_used",
            "Ce lien a déjà servi\u{a0}: connectez-vous, ou demandez-en un autre par «\u{a0}Créer un compte\u{a0}».",
        )
        .into());
    }
    if row.expires_at.0 <= now {
        return Err(Refusal::new(
            "link_expired",
            "Ce lien n’est plus valable\u{a0}: il ne l’est que trente minutes. Demandez-en un autre par «\u{a0}Créer un compte\u{a0}».",
        )
        .into());
    }
    Ok(row)
}

/// The address a live link proves.
///
/// # Errors
/// [`StoreError::NotFound`] for an unknown token; `link_used` or `link_expired`.
pub fn get_requested_address(conn: &mut Conn, token: &str, now: jiff::Timestamp) -> Stored<String> {
    Ok(live(conn, token, now)?.email)
}

/// Opens the account: a candidate without an academy yet, whose mailbox is proven; seats in a jury come along.
///
/// Without a password, the account is entered by a passkey or by « Mot de passe oublié ».
///
/// # Errors
/// Those of [`get_requested_address`]; `account_exists` when somebody invited this address meanwhile.
pub fn open_account(tx: &mut Tx<'_>, token: &str, name: &str, password_hash: Option<&str>) -> Stored<String> {
    if !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    let row = live(tx.conn, token, tx.at)?;
    let email = EmailAddress::parse(&row.email).map_err(|e| StoreError::Broken(e.to_string()))?;
    if find_user_by_email(tx.conn, &email.key())?.is_some() {
        return Err(Refusal::new(
            "account_exists",
            "Un compte a été ouvert à cette adresse entre-temps\u{a0}: connectez-vous, ou choisissez un nouveau mot de passe par «\u{a0}Mot de passe oublié\u{a0}».",
        )
        .into());
    }
    let user = UserRow {
        id: new_id(tx.at),
        email: email.as_str().to_owned(),
        email_key: email.key(),
        name: name.trim().to_owned(),
        password_hash: password_hash.map(str::to_owned),
        created_at: tx.stamp(),
        verified_at: Some(tx.stamp()),
        disabled_at: None,
    };
    diesel::insert_into(users::table).values(&user).execute(tx.conn)?;
    // Every link mailed to this address is over, not only this one.
    diesel::update(t::table.filter(t::email_key.eq(&user.email_key)).filter(t::used_at.is_null()))
        .set(t::used_at.eq(Some(tx.stamp())))
        .execute(tx.conn)?;
    tx.audit("open_account", ("user", &user.id), None, None, &json!({ "request": row.token_hash }))?;
    give(tx, &user.id, Role::Candidate, None)?;
    let seats: Vec<String> = jurors::table
        .filter(jurors::email_key.eq(&user.email_key))
        .filter(jurors::user_id.is_null())
        .order(jurors::id)
        .select(jurors::id)
        .load(tx.conn)?;
    for seat in seats {
        tie_juror(tx, &seat, &user.id)?;
    }
    Ok(user.id)
}

/// Whether a file known under this account's proven address waits for its owner.
///
/// # Errors
/// The database's own.
pub fn has_file_to_tie(conn: &mut Conn, user_id: &str) -> Stored<bool> {
    let user = get_user(conn, user_id)?;
    if user.verified_at.is_none() {
        return Ok(false);
    }
    let own: i64 = people::table.filter(people::user_id.eq(user_id)).count().get_result(conn)?;
    let waiting: i64 = people::table
        .filter(people::email_key.eq(&user.email_key))
        .filter(people::user_id.is_null())
        .count()
        .get_result(conn)?;
    Ok(own == 0 && waiting > 0)
}

/// Ties the file of this address and birth date to the account; the date is what a shared mailbox does not know.
///
/// # Errors
/// `birth_date` when no file bears it; [`StoreError::NotFound`] for someone else's account.
pub fn tie_file(tx: &mut Tx<'_>, user_id: &str, birth_date: Date) -> Stored<()> {
    if tx.actor.user_id != user_id || !has_file_to_tie(tx.conn, user_id)? {
        return Err(StoreError::NotFound);
    }
    let user = get_user(tx.conn, user_id)?;
    let found: Vec<String> = people::table
        .filter(people::email_key.eq(&user.email_key))
        .filter(people::user_id.is_null())
        .filter(people::birth_date.eq(Day(birth_date)))
        .order(people::id)
        .select(people::id)
        .load(tx.conn)?;
    let [person] = found.as_slice() else {
        return Err(Refusal::new(
            "birth_date",
            "Cette date ne correspond à aucun dossier de votre adresse\u{a0}: vérifiez-la, ou adressez-vous au bureau des examens de votre académie.",
        )
        .into());
    };
    tie_person(tx, person, user_id)?;
    tx.audit("tie_file", ("user", user_id), None, None, &json!({ "person": person }))
}
