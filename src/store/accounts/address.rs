//! A change of address, confirmed at both ends: the new mailbox says yes by a link, the old one is told and may say no.
//! One change waits at a time. An address that already has an account gets a mail too, and the change never happens:
//! nobody learns that way who has an account.

use diesel::prelude::*;
use serde_json::json;

use super::{find_user_by_email, get_user};
use crate::domain::account::{ADDRESS_CANCEL_LASTS, ADDRESS_LINK_LASTS, LinkPurpose};
use crate::domain::ids::EmailAddress;
use crate::domain::refusal::Refusal;
use crate::secret::{random_token, token_hash};
use crate::store::outbox::{self, NewMail};
use crate::store::schema::{address_changes as t, links, people, users};
use crate::store::sessions::end_sessions;
use crate::store::{Conn, Stamp, StoreError, Stored, Tx};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct ChangeRow {
    pub user_id: String,
    pub old_email: String,
    pub new_email: String,
    pub new_email_key: String,
    confirm_hash: String,
    cancel_hash: String,
    pub asked_at: Stamp,
    pub expires_at: Stamp,
    pub confirmed_at: Option<Stamp>,
}

/// What the two mails of a change need; the tokens stand there and nowhere else.
#[derive(Debug, Clone)]
pub struct ChangeFacts {
    pub name: String,
    pub old_email: String,
    pub new_email: String,
    pub confirm_token: String,
    pub cancel_token: String,
    /// The new address already has an account: its mail says so, to its owner alone, and carries no link.
    pub is_taken: bool,
}

/// Asks for a change; a change that was waiting is over.
///
/// # Errors
/// `same_address`; [`StoreError::NotFound`] for someone else's account.
pub fn ask_address(
    tx: &mut Tx<'_>,
    user_id: &str,
    new: &EmailAddress,
    letters: &dyn Fn(&ChangeFacts) -> Vec<NewMail>,
) -> Stored<()> {
    if tx.actor.user_id != user_id {
        return Err(StoreError::NotFound);
    }
    let user = get_user(tx.conn, user_id)?;
    if user.email_key == new.key() {
        return Err(
            Refusal::new("same_address", "C’est déjà l’adresse de votre compte\u{a0}: indiquez-en une autre.").into()
        );
    }
    let token = || random_token().map_err(|e| StoreError::Unavailable(e.to_string()));
    let facts = ChangeFacts {
        name: user.name.clone(),
        old_email: user.email.clone(),
        new_email: new.as_str().to_owned(),
        confirm_token: token()?,
        cancel_token: token()?,
        is_taken: find_user_by_email(tx.conn, &new.key())?.is_some(),
    };
    let expires = tx.at.checked_add(ADDRESS_LINK_LASTS).map_err(|e| StoreError::Broken(e.to_string()))?;
    let row = ChangeRow {
        user_id: user_id.to_owned(),
        old_email: user.email,
        new_email: new.as_str().to_owned(),
        new_email_key: new.key(),
        confirm_hash: token_hash(&facts.confirm_token),
        cancel_hash: token_hash(&facts.cancel_token),
        asked_at: tx.stamp(),
        expires_at: Stamp(expires),
        confirmed_at: None,
    };
    diesel::delete(t::table.find(user_id)).execute(tx.conn)?;
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    outbox::queue(tx, letters(&facts))?;
    tx.audit("ask_address", ("user", user_id), None, None, &json!({}))
}

/// The change this account waits for, if any.
///
/// # Errors
/// The database's own.
pub fn find_waiting_change(conn: &mut Conn, user_id: &str, now: jiff::Timestamp) -> Stored<Option<ChangeRow>> {
    Ok(t::table
        .find(user_id)
        .filter(t::confirmed_at.is_null())
        .filter(t::expires_at.gt(Stamp(now)))
        .select(ChangeRow::as_select())
        .first(conn)
        .optional()?)
}

/// What a link of a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeLink {
    /// In the mail to the new address.
    Confirms,
    /// In the mail to the old one; also undoes a change already made.
    Cancels,
}

/// The change a link speaks of.
///
/// # Errors
/// [`StoreError::NotFound`] for an unknown token, `link_used` or `link_expired`.
pub fn get_change(conn: &mut Conn, token: &str, now: jiff::Timestamp) -> Stored<(ChangeLink, ChangeRow)> {
    let hash = token_hash(token);
    let row: ChangeRow = t::table
        .filter(t::confirm_hash.eq(&hash).or(t::cancel_hash.eq(&hash)))
        .select(ChangeRow::as_select())
        .first(conn)?;
    let link = if row.confirm_hash == hash { ChangeLink::Confirms } else { ChangeLink::Cancels };
    let cancel_end = row.asked_at.0.checked_add(ADDRESS_CANCEL_LASTS).unwrap_or(row.asked_at.0);
    let is_over = match link {
        ChangeLink::Confirms => row.expires_at.0 <= now,
        ChangeLink::Cancels => cancel_end <= now,
    };
    if link == ChangeLink::Confirms && row.confirmed_at.is_some() {
        return Err(Refusal::new(
            "link_used",
            "Ce lien a déjà servi\u{a0}: votre adresse est changée. Connectez-vous avec elle.",
        )
        .into());
    }
    if is_over {
        return Err(Refusal::new(
            "link_expired",
            "Ce lien n’est plus valable. Demandez de nouveau le changement depuis «\u{a0}Mon compte\u{a0}», ou écrivez à l’administrateur de votre académie.",
        )
        .into());
    }
    Ok((link, row))
}

/// Uses a link: confirms the change, or cancels (and undoes) it and closes every session. Returns which.
///
/// Run as the program: the token is the proof.
///
/// # Errors
/// Those of [`get_change`]; `address_taken` when an account was opened at the address meanwhile.
pub fn use_change(tx: &mut Tx<'_>, token: &str) -> Stored<ChangeLink> {
    if !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    let (link, row) = get_change(tx.conn, token, tx.at)?;
    match link {
        ChangeLink::Confirms => {
            let new = EmailAddress::parse(&row.new_email).map_err(|e| StoreError::Broken(e.to_string()))?;
            if find_user_by_email(tx.conn, &new.key())?.is_some() {
                return Err(Refusal::new(
                    "address_taken",
                    "Un compte existe déjà à cette adresse\u{a0}: choisissez-en une autre.",
                )
                .into());
            }
            move_account(tx, &row.user_id, &new)?;
            diesel::update(t::table.find(&row.user_id)).set(t::confirmed_at.eq(Some(tx.stamp()))).execute(tx.conn)?;
            tx.audit("confirm_address", ("user", &row.user_id), None, None, &json!({}))?;
        }
        ChangeLink::Cancels => {
            if row.confirmed_at.is_some() {
                let old = EmailAddress::parse(&row.old_email).map_err(|e| StoreError::Broken(e.to_string()))?;
                move_account(tx, &row.user_id, &old)?;
            }
            diesel::delete(t::table.find(&row.user_id)).execute(tx.conn)?;
            // Whoever asked in the owner's place is out at once.
            end_sessions(tx, &row.user_id, None)?;
            tx.audit("cancel_address", ("user", &row.user_id), None, None, &json!({}))?;
        }
    }
    Ok(link)
}

/// Gives the account its address; the person's own contact follows when it was the same.
fn move_account(tx: &mut Tx<'_>, user_id: &str, to: &EmailAddress) -> Stored<()> {
    let before = get_user(tx.conn, user_id)?;
    diesel::update(users::table.find(user_id))
        .set((users::email.eq(to.as_str()), users::email_key.eq(to.key()), users::verified_at.eq(Some(tx.stamp()))))
        .execute(tx.conn)?;
    diesel::update(people::table.filter(people::user_id.eq(user_id)).filter(people::email_key.eq(&before.email_key)))
        .set((people::email.eq(to.as_str()), people::email_key.eq(to.key()), people::version.eq(people::version + 1)))
        .execute(tx.conn)?;
    // Links to a new password lie in a mailbox that is no longer the account's.
    diesel::update(
        links::table
            .filter(links::user_id.eq(user_id))
            .filter(links::purpose.eq(LinkPurpose::Password))
            .filter(links::used_at.is_null()),
    )
    .set(links::used_at.eq(Some(tx.stamp())))
    .execute(tx.conn)?;
    Ok(())
}
