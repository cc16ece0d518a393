//! Invitations of a whole session: its candidates claim their files, its jurors their seats.
//! One mail per person and session, however often the office asks. The text is the caller's; links are in `links`.

use std::collections::HashSet;

use diesel::prelude::*;
use serde_json::json;

use super::links::{Link, create_link, record_links};
use super::outbox::{self, NewMail, OutboxRow};
use super::people::{PersonRow, fold_email};
use super::schema::{jurors, outbox as mails, people, registrations};
use super::session::{SessionRow, session_for};
use super::{Conn, StoreError, Stored, Tx};
use crate::domain::account::{INVITATION_LASTS, LinkPurpose};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;

/// What an invitation opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    CandidateFile,
    JurySeat,
}

/// What the text of an invitation needs. The token stands in the mail, and nowhere else.
#[derive(Debug, Clone)]
pub struct InvitationFacts<'a> {
    pub opens: Opens,
    pub session: &'a SessionRow,
    pub name: String,
    pub email: String,
    pub token: String,
    pub expires: jiff::Timestamp,
    /// Set on the mail by the command itself, whatever the text gives.
    pub dedupe_key: String,
}

struct Guest {
    id: String,
    name: String,
    email: EmailAddress,
}

/// Invites every candidate of the session who has an address and no account yet; returns how many.
///
/// # Errors
/// [`StoreError::NotFound`] for another academy's session.
pub fn invite_people(
    tx: &mut Tx<'_>,
    session_id: &str,
    message: &dyn Fn(&InvitationFacts<'_>) -> NewMail,
) -> Stored<usize> {
    let session = session_for(tx, session_id, Action::ImportPeople)?;
    let guests = list_guests(tx.conn, session_id, Opens::CandidateFile)?;
    invite(tx, &session, Opens::CandidateFile, guests, message)
}

/// Invites every juror of the session who has an address and no account yet; returns how many.
///
/// # Errors
/// [`StoreError::NotFound`] for another academy's session.
pub fn invite_jurors(
    tx: &mut Tx<'_>,
    session_id: &str,
    message: &dyn Fn(&InvitationFacts<'_>) -> NewMail,
) -> Stored<usize> {
    let session = session_for(tx, session_id, Action::ManageJury)?;
    let guests = list_guests(tx.conn, session_id, Opens::JurySeat)?;
    invite(tx, &session, Opens::JurySeat, guests, message)
}

/// Candidates or jurors of the session who have an address and no account yet, invited or not.
fn list_guests(conn: &mut Conn, session_id: &str, opens: Opens) -> Stored<Vec<Guest>> {
    if opens == Opens::CandidateFile {
        let rows: Vec<PersonRow> = registrations::table
            .inner_join(people::table)
            .filter(registrations::session_id.eq(session_id))
            .filter(registrations::state.ne("withdrawn"))
            .filter(people::user_id.is_null())
            .filter(people::email.ne(""))
            .order(registrations::rank)
            .select(PersonRow::as_select())
            .load(conn)?;
        return Ok(rows.into_iter().filter_map(|row| guest(&row.id, row.letter_name(), &row.email)).collect());
    }
    let rows: Vec<(String, String, String, String, String)> = jurors::table
        .filter(jurors::session_id.eq(session_id))
        .filter(jurors::user_id.is_null())
        .filter(jurors::email.ne(""))
        .order((jurors::sort_key, jurors::id))
        .select((jurors::id, jurors::civility, jurors::first_names, jurors::last_name, jurors::email))
        .load(conn)?;
    let named = rows.into_iter();
    Ok(named
        .filter_map(|(id, civility, first, last, email)| guest(&id, format!("{civility} {first} {last}"), &email))
        .collect())
}

/// An address that imports accepted long ago and no mail can leave for is left out, not an error for all the others.
fn guest(id: &str, name: String, email: &str) -> Option<Guest> {
    match EmailAddress::parse(email) {
        Ok(email) => Some(Guest { id: id.to_owned(), name, email }),
        Err(cause) => {
            tracing::warn!(id, %cause, "not invited");
            None
        }
    }
}

fn invite(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    opens: Opens,
    mut guests: Vec<Guest>,
    message: &dyn Fn(&InvitationFacts<'_>) -> NewMail,
) -> Stored<usize> {
    // A link for a mail that the outbox would not queue again could never be read by anyone.
    let known = load_invited(tx.conn, &session.id)?;
    guests.retain(|guest| !known.contains(&guest.id));
    if guests.is_empty() {
        return Ok(0);
    }
    let expires = end_of_link(tx)?;
    let links: Vec<Link> = guests
        .iter()
        .map(|guest| Link {
            purpose: LinkPurpose::Invitation,
            email: guest.email.clone(),
            name: guest.name.clone(),
            user_id: None,
            person_id: (opens == Opens::CandidateFile).then(|| guest.id.clone()),
            juror_id: (opens == Opens::JurySeat).then(|| guest.id.clone()),
            expires,
        })
        .collect();
    let tokens = record_links(tx, &links)?;
    let queued = guests
        .into_iter()
        .zip(tokens)
        .map(|(guest, token)| {
            let dedupe_key = format!("invitation:{}:{}", session.id, guest.id);
            let facts = InvitationFacts {
                opens,
                session,
                name: guest.name,
                email: guest.email.as_str().to_owned(),
                token,
                expires,
                dedupe_key: dedupe_key.clone(),
            };
            // The key, the session and the academy are ours: a text that forgot them would invite twice.
            NewMail {
                dedupe_key,
                session_id: Some(session.id.clone()),
                academy_code: Some(session.academy_code.clone()),
                ..message(&facts)
            }
        })
        .collect();
    let count = outbox::queue(tx, queued)?;
    let action = if opens == Opens::JurySeat { "invite_jurors" } else { "invite_people" };
    tx.audit(action, ("session", &session.id), None, None, &json!({ "count": count }))?;
    Ok(count)
}

/// Sends a lost mail again to this address. Whoever it is for and has no account yet gets the address on their record
/// too; an account's address is its owner's alone to change. An invitation leaves with a new link.
/// Returns the names of the records corrected.
///
/// # Errors
/// [`StoreError::NotFound`] for a mail that is not lost or not this academy's; `has_account` for an invitation already
/// answered; `juror_address` when another juror of the session has this address.
pub fn send_again(
    tx: &mut Tx<'_>,
    session_id: &str,
    mail_id: &str,
    to: &EmailAddress,
    invitation: &dyn Fn(&InvitationFacts<'_>) -> NewMail,
) -> Stored<Vec<String>> {
    let session = session_for(tx, session_id, Action::SendConvocations)?;
    let mail = outbox::get_lost_mail(tx.conn, session_id, mail_id)?;
    let corrected = correct_address(tx, session_id, &mail.recipient, to)?;
    let prefix = format!("invitation:{session_id}:");
    let fresh = match mail.dedupe_key.strip_prefix(&prefix) {
        Some(guest_id) => Some(invite_again(tx, &session, guest_id, &mail, to, invitation)?),
        None => None,
    };
    outbox::queue_again(tx, &mail, to.as_str(), fresh)?;
    Ok(corrected)
}

/// Candidates and jurors of the session who were known at the old address and have no account.
fn correct_address(tx: &mut Tx<'_>, session_id: &str, from: &str, to: &EmailAddress) -> Stored<Vec<String>> {
    let old = fold_email(from);
    if to.key() == old {
        return Ok(Vec::new());
    }
    let candidates: Vec<PersonRow> = registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(people::user_id.is_null())
        .filter(people::email_key.eq(&old))
        .select(PersonRow::as_select())
        .load(tx.conn)?;
    let seats: Vec<(String, String, String)> = jurors::table
        .filter(jurors::session_id.eq(session_id))
        .filter(jurors::user_id.is_null())
        .filter(jurors::email_key.eq(&old))
        .select((jurors::id, jurors::first_names, jurors::last_name))
        .load(tx.conn)?;
    let detail = json!({ "from": from, "to": to.as_str() });
    let mut corrected = Vec::new();
    for person in &candidates {
        diesel::update(people::table.find(&person.id))
            .set((
                people::email.eq(to.as_str()),
                people::email_key.eq(to.key()),
                people::version.eq(people::version + 1),
            ))
            .execute(tx.conn)?;
        tx.audit("correct_address", ("person", &person.id), None, None, &detail)?;
        corrected.push(person.letter_name());
    }
    for (id, first, last) in seats {
        let taken: i64 = jurors::table
            .filter(jurors::session_id.eq(session_id))
            .filter(jurors::email_key.eq(to.key()))
            .count()
            .get_result(tx.conn)?;
        if taken > 0 {
            return Err(Refusal::new(
                "juror_address",
                "Cette adresse est déjà celle d’un autre membre du jury de la session\u{a0}: vérifiez-la.",
            )
            .into());
        }
        diesel::update(jurors::table.find(&id))
            .set((jurors::email.eq(to.as_str()), jurors::email_key.eq(to.key())))
            .execute(tx.conn)?;
        tx.audit("correct_address", ("juror", &id), None, None, &detail)?;
        corrected.push(format!("{first} {last}"));
    }
    Ok(corrected)
}

/// The invitation of one guest with a new link; the links that went elsewhere end.
fn invite_again(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    guest_id: &str,
    mail: &OutboxRow,
    to: &EmailAddress,
    invitation: &dyn Fn(&InvitationFacts<'_>) -> NewMail,
) -> Stored<NewMail> {
    let person: Option<Option<String>> =
        people::table.find(guest_id).select(people::user_id).first(tx.conn).optional()?;
    let opens = if person.is_some() { Opens::CandidateFile } else { Opens::JurySeat };
    let account: Option<String> = match person {
        Some(account) => account,
        None => jurors::table.find(guest_id).select(jurors::user_id).first(tx.conn)?,
    };
    if account.is_some() {
        return Err(Refusal::new(
            "has_account",
            "Cette personne a déjà ouvert son compte\u{a0}: l’invitation n’a plus d’objet.",
        )
        .into());
    }
    let expires = end_of_link(tx)?;
    let token = create_link(
        tx,
        &Link {
            purpose: LinkPurpose::Invitation,
            email: to.clone(),
            name: mail.recipient_name.clone(),
            user_id: None,
            person_id: (opens == Opens::CandidateFile).then(|| guest_id.to_owned()),
            juror_id: (opens == Opens::JurySeat).then(|| guest_id.to_owned()),
            expires,
        },
    )?;
    Ok(invitation(&InvitationFacts {
        opens,
        session,
        name: mail.recipient_name.clone(),
        email: to.as_str().to_owned(),
        token,
        expires,
        dedupe_key: mail.dedupe_key.clone(),
    }))
}

/// Who already has their mail, by id of person or juror.
fn load_invited(conn: &mut Conn, session_id: &str) -> Stored<HashSet<String>> {
    let prefix = format!("invitation:{session_id}:");
    let keys: Vec<String> = mails::table
        .filter(mails::session_id.eq(session_id))
        .filter(mails::dedupe_key.like(format!("{prefix}%")))
        .select(mails::dedupe_key)
        .load(conn)?;
    Ok(keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect())
}

/// Name and address of whoever the next invitation would reach, candidates or jurors.
///
/// # Errors
/// The database's own.
pub fn list_to_invite(conn: &mut Conn, session_id: &str, is_jury: bool) -> Stored<Vec<(String, String)>> {
    let invited = load_invited(conn, session_id)?;
    let opens = if is_jury { Opens::JurySeat } else { Opens::CandidateFile };
    let guests = list_guests(conn, session_id, opens)?;
    let new = guests.into_iter().filter(|guest| !invited.contains(&guest.id));
    Ok(new.map(|guest| (guest.name, guest.email.as_str().to_owned())).collect())
}

/// How far the invitations of a session have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub with_account: usize,
    /// Invited, and not yet come.
    pub invited: usize,
    pub to_invite: usize,
    /// Whom no mail can reach.
    pub without_address: usize,
}

impl Progress {
    fn of(guests: Vec<(String, Option<String>, String)>, invited: &HashSet<String>) -> Self {
        let mut progress = Progress::default();
        for (id, account, email) in guests {
            let count = if account.is_some() {
                &mut progress.with_account
            } else if EmailAddress::parse(&email).is_err() {
                &mut progress.without_address
            } else if invited.contains(&id) {
                &mut progress.invited
            } else {
                &mut progress.to_invite
            };
            *count += 1;
        }
        progress
    }
}

/// Candidates and jurors of a session, by how far their invitation has come.
///
/// # Errors
/// The database's own.
pub fn count_progress(conn: &mut Conn, session_id: &str) -> Stored<(Progress, Progress)> {
    let invited = load_invited(conn, session_id)?;
    let candidates = registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.ne("withdrawn"))
        .select((people::id, people::user_id, people::email))
        .load(conn)?;
    let seats = jurors::table
        .filter(jurors::session_id.eq(session_id))
        .select((jurors::id, jurors::user_id, jurors::email))
        .load(conn)?;
    Ok((Progress::of(candidates, &invited), Progress::of(seats, &invited)))
}

fn end_of_link(tx: &Tx<'_>) -> Stored<jiff::Timestamp> {
    tx.at.checked_add(INVITATION_LASTS).map_err(|e| StoreError::Broken(e.to_string()))
}
