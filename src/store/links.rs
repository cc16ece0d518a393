//! Links sent by mail: 256 random bits of which only the hash is kept, used once, before their end.
//! An invitation opens the account of its address and ties it to the candidate's file or the juror's seat it names;
//! possession of the mailbox is the proof, so that a link is only ever mailed, never shown to who asked for it.

use diesel::prelude::*;
use serde_json::json;

use super::accounts::{NewUser, UserRow, create_user, find_user_by_email, get_user, give};
use super::schema::{exam_sessions, jurors, links as t, people, users};
use super::sessions::end_sessions;
use super::{Conn, Stamp, StoreError, Stored, Tx};
use crate::domain::account::{LinkPurpose, manages_accounts};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::{Action, Object, Role, may};
use crate::domain::refusal::Refusal;
use crate::each_backend;
use crate::secret::{random_token, token_hash};

/// A link to make.
#[derive(Debug, Clone)]
pub struct Link {
    pub purpose: LinkPurpose,
    pub email: EmailAddress,
    pub name: String,
    /// The account whose password is chosen; known already for an invited colleague.
    pub user_id: Option<String>,
    /// The candidate's record to tie to the account.
    pub person_id: Option<String>,
    /// The juror's seat to tie to the account.
    pub juror_id: Option<String>,
    pub expires: jiff::Timestamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
struct LinkRow {
    token_hash: String,
    purpose: LinkPurpose,
    email: String,
    name: String,
    user_id: Option<String>,
    person_id: Option<String>,
    juror_id: Option<String>,
    created_at: Stamp,
    expires_at: Stamp,
    used_at: Option<Stamp>,
}

/// Makes a link and returns its token, to be put in a mail of the same transaction.
///
/// # Errors
/// [`StoreError::NotFound`] when the file, the seat or the account is not the actor's to invite.
/// A new password is asked by the program alone, on behalf of whoever typed the address.
pub fn create_link(tx: &mut Tx<'_>, link: &Link) -> Stored<String> {
    may_create(tx, link)?;
    cancel_misdirected(tx, link)?;
    let token = record_links(tx, std::slice::from_ref(link))?.pop().ok_or(StoreError::NotFound)?;
    let detail = json!({ "purpose": link.purpose, "person": link.person_id, "juror": link.juror_id });
    let object = link.user_id.as_deref().or(link.person_id.as_deref()).or(link.juror_id.as_deref()).unwrap_or("new");
    tx.audit("create_link", ("user", object), None, None, &detail)?;
    Ok(token)
}

/// An invitation sent again to a corrected address closes the ones that went to the wrong mailbox.
fn cancel_misdirected(tx: &mut Tx<'_>, link: &Link) -> Stored<()> {
    let key = link.email.key();
    let waiting = || {
        t::table
            .filter(t::used_at.is_null())
            .filter(t::purpose.eq(LinkPurpose::Invitation))
            .select((t::token_hash, t::email))
    };
    let mut found: Vec<(String, String)> = Vec::new();
    if let Some(person_id) = &link.person_id {
        found.extend(waiting().filter(t::person_id.eq(person_id)).load(tx.conn)?);
    }
    if let Some(juror_id) = &link.juror_id {
        found.extend(waiting().filter(t::juror_id.eq(juror_id)).load(tx.conn)?);
    }
    let elsewhere: Vec<String> =
        found.into_iter().filter(|(_, email)| email.to_lowercase() != key).map(|(hash, _)| hash).collect();
    if !elsewhere.is_empty() {
        diesel::update(t::table.filter(t::token_hash.eq_any(elsewhere)))
            .set(t::expires_at.eq(tx.stamp()))
            .execute(tx.conn)?;
    }
    Ok(())
}

/// Makes the links of a command that has asked the permission and writes its own audit line; tokens in the same order.
pub(super) fn record_links(tx: &mut Tx<'_>, links: &[Link]) -> Stored<Vec<String>> {
    let mut tokens = Vec::with_capacity(links.len());
    let mut rows = Vec::with_capacity(links.len());
    for link in links {
        let token = random_token().map_err(|e| StoreError::Unavailable(e.to_string()))?;
        rows.push(LinkRow {
            token_hash: token_hash(&token),
            purpose: link.purpose,
            email: link.email.as_str().to_owned(),
            name: link.name.trim().to_owned(),
            user_id: link.user_id.clone(),
            person_id: link.person_id.clone(),
            juror_id: link.juror_id.clone(),
            created_at: tx.stamp(),
            expires_at: Stamp(link.expires),
            used_at: None,
        });
        tokens.push(token);
    }
    for chunk in rows.chunks(500) {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(chunk).execute(c))?;
    }
    Ok(tokens)
}

fn may_create(tx: &mut Tx<'_>, link: &Link) -> Stored<()> {
    if tx.actor.is_system {
        return Ok(());
    }
    if link.purpose == LinkPurpose::Password {
        return Err(StoreError::NotFound);
    }
    if let Some(person_id) = &link.person_id {
        let academy: String = people::table.find(person_id).select(people::academy_code).first(tx.conn)?;
        let invites = [Action::ImportPeople, Action::ExamineFiles, Action::ManageTraining, Action::ManageUsers];
        if !invites.iter().any(|action| may(tx.actor, *action, Object::academy(&academy))) {
            return Err(StoreError::NotFound);
        }
    }
    if let Some(juror_id) = &link.juror_id {
        let academy = seat_of(tx, juror_id)?.academy;
        let invites = [Action::ManageJury, Action::SendConvocations];
        if !invites.iter().any(|action| may(tx.actor, *action, Object::academy(&academy))) {
            return Err(StoreError::NotFound);
        }
    }
    if link.person_id.is_none() && link.juror_id.is_none() && !manages_accounts(tx.actor) {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

#[derive(Queryable)]
struct Seat {
    academy: String,
    tied: Option<String>,
    session_id: String,
    is_president: bool,
}

fn seat_of(tx: &mut Tx<'_>, juror_id: &str) -> Stored<Seat> {
    Ok(jurors::table
        .inner_join(exam_sessions::table)
        .filter(jurors::id.eq(juror_id))
        .select((exam_sessions::academy_code, jurors::user_id, jurors::session_id, jurors::is_president))
        .first(tx.conn)?)
}

/// A link as the page that opens it shows it, before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    pub purpose: LinkPurpose,
    pub email: String,
    pub name: String,
    /// The account exists and has a password: an invitation then only adds to it.
    pub has_password: bool,
    pub for_candidate: bool,
    pub for_juror: bool,
}

/// What a link would do.
///
/// # Errors
/// [`StoreError::NotFound`] for an unknown token; `link_used` or `link_expired` with what to do.
pub fn get_link(conn: &mut Conn, token: &str, now: jiff::Timestamp) -> Stored<LinkView> {
    let row = live(conn, token, now)?;
    let user = owner(conn, &row)?;
    Ok(LinkView {
        purpose: row.purpose,
        has_password: user.is_some_and(|user| user.password_hash.is_some()),
        email: row.email,
        name: row.name,
        for_candidate: row.person_id.is_some(),
        for_juror: row.juror_id.is_some(),
    })
}

fn live(conn: &mut Conn, token: &str, now: jiff::Timestamp) -> Stored<LinkRow> {
    let row: LinkRow = t::table.find(token_hash(token)).select(LinkRow::as_select()).first(conn)?;
    if row.used_at.is_some() {
        return Err(Refusal::new(
            "link_used",
            "Ce lien a déjà servi. Connectez-vous, ou demandez un nouveau lien par « Mot de passe oublié ».",
        )
        .into());
    }
    if row.expires_at.0 <= now {
        return Err(Refusal::new(
            "link_expired",
            "Ce lien n’est plus valable. Demandez-en un nouveau par « Mot de passe oublié », ou au service qui vous l’a envoyé.",
        )
        .into());
    }
    Ok(row)
}

fn owner(conn: &mut Conn, row: &LinkRow) -> Stored<Option<UserRow>> {
    match &row.user_id {
        Some(id) => get_user(conn, id).map(Some),
        None => find_user_by_email(conn, &row.email.to_lowercase()),
    }
}

/// What became of a used link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub user_id: String,
    pub purpose: LinkPurpose,
}

/// Uses a link: keeps the password chosen, marks the address as verified, ties the account, gives the role.
///
/// An account that has a password keeps it when an invitation comes without one.
/// Run as the program: nobody is signed in yet, the token is the proof.
///
/// # Errors
/// Those of [`get_link`]; `password_missing`; `already_tied` when the file or the seat belongs to another account.
pub fn use_link(tx: &mut Tx<'_>, token: &str, password_hash: Option<&str>) -> Stored<Claimed> {
    if !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    let row = live(tx.conn, token, tx.at)?;
    let user_id = match owner(tx.conn, &row)? {
        Some(user) => {
            if user.disabled_at.is_some() {
                return Err(Refusal::new(
                    "account_disabled",
                    "Ce compte est désactivé : adressez-vous au service des examens de votre académie.",
                )
                .into());
            }
            let keeps = row.purpose == LinkPurpose::Invitation && user.password_hash.is_some();
            if password_hash.is_none() && !keeps {
                return Err(password_missing());
            }
            user.id
        }
        None if row.purpose == LinkPurpose::Password => return Err(StoreError::NotFound),
        None if password_hash.is_none() => return Err(password_missing()),
        None => {
            let email = EmailAddress::parse(&row.email).map_err(|e| StoreError::Broken(e.to_string()))?;
            create_user(tx, &NewUser { email, name: row.name.clone() })?
        }
    };
    if let Some(hash) = password_hash {
        diesel::update(users::table.find(&user_id)).set(users::password_hash.eq(hash)).execute(tx.conn)?;
        end_sessions(tx, &user_id, None)?;
        // Whoever chose a password closes the other doors to choosing one.
        diesel::update(
            t::table
                .filter(t::user_id.eq(&user_id))
                .filter(t::purpose.eq(LinkPurpose::Password))
                .filter(t::used_at.is_null()),
        )
        .set(t::used_at.eq(Some(tx.stamp())))
        .execute(tx.conn)?;
    }
    diesel::update(users::table.find(&user_id).filter(users::verified_at.is_null()))
        .set(users::verified_at.eq(Some(tx.stamp())))
        .execute(tx.conn)?;
    if let Some(person_id) = &row.person_id {
        tie_person(tx, person_id, &user_id)?;
    }
    if let Some(juror_id) = &row.juror_id {
        tie_juror(tx, juror_id, &user_id)?;
    }
    let used = diesel::update(t::table.find(&row.token_hash).filter(t::used_at.is_null()))
        .set(t::used_at.eq(Some(tx.stamp())))
        .execute(tx.conn)?;
    if used == 0 && row.purpose == LinkPurpose::Invitation {
        return Err(StoreError::Conflict("Ce lien vient de servir.".into()));
    }
    let detail = json!({ "purpose": row.purpose, "person": row.person_id, "juror": row.juror_id });
    tx.audit("use_link", ("user", &user_id), None, None, &detail)?;
    Ok(Claimed { user_id, purpose: row.purpose })
}

fn password_missing() -> StoreError {
    Refusal::new("password_missing", "Choisissez un mot de passe pour ouvrir ce compte.").into()
}

fn already_tied() -> StoreError {
    Refusal::new(
        "already_tied",
        "Ce dossier est déjà rattaché à un autre compte : connectez-vous avec celui-ci, ou adressez-vous au service qui vous a envoyé le lien.",
    )
    .into()
}

pub(super) fn tie_person(tx: &mut Tx<'_>, person_id: &str, user_id: &str) -> Stored<()> {
    let (academy, tied): (String, Option<String>) =
        people::table.find(person_id).select((people::academy_code, people::user_id)).first(tx.conn)?;
    let other: Option<String> =
        people::table.filter(people::user_id.eq(user_id)).select(people::id).first(tx.conn).optional()?;
    if tied.as_deref().is_some_and(|tied| tied != user_id) || other.is_some_and(|other| other != person_id) {
        return Err(already_tied());
    }
    if tied.is_none() {
        diesel::update(people::table.find(person_id))
            .set((people::user_id.eq(user_id), people::version.eq(people::version + 1)))
            .execute(tx.conn)?;
    }
    give(tx, user_id, Role::Candidate, Some(&academy))
}

pub(super) fn tie_juror(tx: &mut Tx<'_>, juror_id: &str, user_id: &str) -> Stored<()> {
    let seat = seat_of(tx, juror_id)?;
    let other: Option<String> = jurors::table
        .filter(jurors::session_id.eq(&seat.session_id))
        .filter(jurors::user_id.eq(user_id))
        .select(jurors::id)
        .first(tx.conn)
        .optional()?;
    if seat.tied.as_deref().is_some_and(|tied| tied != user_id) || other.is_some_and(|other| other != juror_id) {
        return Err(already_tied());
    }
    if seat.tied.is_none() {
        diesel::update(jurors::table.find(juror_id)).set(jurors::user_id.eq(user_id)).execute(tx.conn)?;
    }
    give(tx, user_id, Role::JuryMember, Some(&seat.academy))?;
    if seat.is_president {
        // The order that names the jury names its president: without this role nobody could preside the deliberation.
        give(tx, user_id, Role::JuryPresident, Some(&seat.academy))?;
    }
    Ok(())
}
