//! Retention in two steps: `propose` lists what the pack's periods let go, `execute` takes away exactly that list, if it
//! is unedited, recent, not yet executed, and every line of it is still true. The trace keeps counts and the list's
//! fingerprint, never a name. Minutes, certificates, the register and marks that may still serve are never listed.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::schema::{
    account_requests, action_plans, address_changes, assignments, audit_entries, conflicts, decisions, documents,
    drafts, evaluation_lines, evaluations, exam_sessions, file_notes, file_presences, identity_checks, jurors,
    kept_mark_claims, letters, links, login_sessions, message_files, messages, outbox, paper_files, passkey_challenges,
    passkeys, people, piece_files, piece_reasons, piece_request_items, piece_requests, pieces, registrations,
    resumed_drafts, role_grants, slots, users, working_notes,
};
use super::{Conn, Stamp, StoreError, Stored, Tx, reference};
use crate::domain::audit::sha256_hex;
use crate::domain::permission::Role;
use crate::domain::refusal::Refusal;
use crate::domain::retention::{Kind, Limit, check_age, day_of, limit};

/// One thing to take away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    pub kind: String,
    /// The row's own identifier: no name, no address.
    pub id: String,
    /// The day its period began.
    pub since: String,
    pub count: i64,
    /// Period and reference.
    pub law: String,
    /// What the rows were when the list was made, hashed.
    pub fingerprint: String,
}

/// A list, as it is written in the file that people read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub format: u32,
    pub proposed_at: String,
    pub lines: Vec<Line>,
}

fn broken(error: impl ToString) -> StoreError {
    StoreError::Broken(error.to_string())
}

/// Lists what may go now, writes in the audit chain which list it was, and returns its text.
///
/// # Errors
/// [`StoreError::NotFound`] for who is not at the machine.
pub fn propose(tx: &mut Tx<'_>) -> Stored<String> {
    if !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    let lines = due(tx.conn, tx.at)?;
    let proposal = Proposal { format: 1, proposed_at: tx.at.to_string(), lines };
    let mut text = serde_json::to_string_pretty(&proposal)?;
    text.push('\n');
    let detail = json!({ "lines": proposal.lines.len() });
    tx.audit("propose_purge", ("purge", &sha256_hex(text.as_bytes())), None, None, &detail)?;
    Ok(text)
}

/// Takes away what the list says, all of it or nothing; returns how many of each kind.
///
/// # Errors
/// `unknown_list` (edited, or of another database), `executed_list`, `stale_list`, `changed_rows`.
pub fn execute(tx: &mut Tx<'_>, text: &str) -> Stored<BTreeMap<String, i64>> {
    if !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    let hash = sha256_hex(text.as_bytes());
    let acts: Vec<String> = audit_entries::table
        .filter(audit_entries::object_kind.eq("purge"))
        .filter(audit_entries::object_id.eq(&hash))
        .select(audit_entries::action)
        .load(tx.conn)?;
    if !acts.iter().any(|act| act == "propose_purge") {
        return Err(Refusal::new(
            "unknown_list",
            "Cette liste n’est pas celle qui a été proposée ici\u{a0}: elle a été modifiée, ou vient d’une autre base. Proposez-en une nouvelle.",
        )
        .into());
    }
    if acts.iter().any(|act| act == "purge") {
        return Err(
            Refusal::new("executed_list", "Cette liste a déjà été exécutée\u{a0}: proposez-en une nouvelle.").into()
        );
    }
    let proposal: Proposal = serde_json::from_str(text)?;
    check_age(proposal.proposed_at.parse().map_err(broken)?, tx.at)?;
    let still = due(tx.conn, tx.at)?;
    let holds = |line: &&Line| {
        still.iter().any(|now| now.kind == line.kind && now.id == line.id && now.fingerprint == line.fingerprint)
    };
    let changed = proposal.lines.iter().filter(|line| !holds(line)).count();
    if changed > 0 {
        return Err(Refusal::new(
            "changed_rows",
            format!("{changed} ligne(s) de cette liste ne sont plus vraies\u{a0}: rien n’est supprimé. Proposez une nouvelle liste."),
        )
        .into());
    }
    let mut counts = BTreeMap::new();
    for line in &proposal.lines {
        let kind = Kind::from_word(&line.kind).ok_or_else(|| broken(&line.kind))?;
        take_away(tx, kind, &line.id)?;
        *counts.entry(line.kind.clone()).or_insert(0) += line.count;
    }
    tx.audit("purge", ("purge", &hash), None, None, &json!(counts))?;
    Ok(counts)
}

/// Everything that is due, in a fixed order.
fn due(conn: &mut Conn, now: jiff::Timestamp) -> Stored<Vec<Line>> {
    let pack = reference::regulation_for_year(conn, now.to_zoned(jiff::tz::TimeZone::UTC).year())?;
    let pack = reference::rules_of(conn, &pack)?;
    let mut lines = Vec::new();
    for kind in Kind::ALL {
        let Some(limit) = limit(&pack, *kind, now) else { continue };
        match kind {
            Kind::Draft => old_drafts(conn, &limit, &mut lines)?,
            Kind::DraftAccount => draft_accounts(conn, &limit, &mut lines)?,
            Kind::AccessTraces => access_traces(conn, &limit, &mut lines)?,
            Kind::WorkingNotes => notes(conn, &limit, &mut lines)?,
            Kind::JuryContact => jury_contacts(conn, &limit, &mut lines)?,
            Kind::Registration => applications(conn, &limit, &mut lines)?,
        }
    }
    lines.sort();
    Ok(lines)
}

fn line(kind: Kind, id: &str, since: Stamp, count: i64, limit: &Limit, state: &serde_json::Value) -> Line {
    Line {
        kind: kind.as_str().to_owned(),
        id: id.to_owned(),
        since: day_of(since.0).to_string(),
        count,
        law: limit.law.clone(),
        fingerprint: sha256_hex(state.to_string().as_bytes()),
    }
}

/// Forms that nobody has touched since, and that were never sent: a sent one is a registration.
fn old_drafts(conn: &mut Conn, limit: &Limit, lines: &mut Vec<Line>) -> Stored<()> {
    let rows: Vec<(String, i32, Stamp)> = drafts::table
        .filter(drafts::updated_at.lt(Stamp(limit.before)))
        .filter(drafts::id.ne_all(registrations::table.select(registrations::id)))
        .order(drafts::id)
        .select((drafts::id, drafts::version, drafts::updated_at))
        .load(conn)?;
    lines.extend(rows.iter().map(|(id, version, at)| line(Kind::Draft, id, *at, 1, limit, &json!([id, version]))));
    Ok(())
}

/// Candidates' accounts without a file, a seat, another role or a live session.
fn draft_accounts(conn: &mut Conn, limit: &Limit, lines: &mut Vec<Line>) -> Stored<()> {
    let others = role_grants::table
        .filter(role_grants::role.ne(Role::Candidate).or(role_grants::academy_code.is_not_null()))
        .select(role_grants::user_id);
    let rows: Vec<(String, String, Stamp)> = users::table
        .filter(users::created_at.lt(Stamp(limit.before)))
        .filter(users::id.ne_all(others))
        // An account with a form goes after its form: the next list names it.
        .filter(users::id.ne_all(drafts::table.select(drafts::user_id)))
        .filter(users::id.ne_all(identity_checks::table.select(identity_checks::user_id)))
        .filter(users::id.eq_any(role_grants::table.select(role_grants::user_id)))
        .filter(
            users::id
                .ne_all(people::table.filter(people::user_id.is_not_null()).select(people::user_id.assume_not_null())),
        )
        .filter(
            users::id
                .ne_all(jurors::table.filter(jurors::user_id.is_not_null()).select(jurors::user_id.assume_not_null())),
        )
        .filter(
            users::id.ne_all(
                login_sessions::table
                    .filter(login_sessions::seen_at.ge(Stamp(limit.before)))
                    .select(login_sessions::user_id),
            ),
        )
        .order(users::id)
        .select((users::id, users::email_key, users::created_at))
        .load(conn)?;
    lines.extend(rows.iter().map(|(id, key, at)| line(Kind::DraftAccount, id, *at, 1, limit, &json!([id, key]))));
    Ok(())
}

/// Links, sessions and mails are one line a table: nobody reads them one by one.
fn access_traces(conn: &mut Conn, limit: &Limit, lines: &mut Vec<Line>) -> Stored<()> {
    let before = Stamp(limit.before);
    let counts = [
        ("links", links::table.filter(links::expires_at.lt(before)).count().get_result::<i64>(conn)?),
        (
            "account_requests",
            account_requests::table.filter(account_requests::expires_at.lt(before)).count().get_result(conn)?,
        ),
        (
            "login_sessions",
            login_sessions::table.filter(login_sessions::expires_at.lt(before)).count().get_result(conn)?,
        ),
        (
            "address_changes",
            address_changes::table.filter(address_changes::expires_at.lt(before)).count().get_result(conn)?,
        ),
        ("outbox", old_mails(before).count().get_result(conn)?),
    ];
    // What is older than the day of the list only grows until it is executed: the table is the line.
    let due = counts.iter().filter(|(_, count)| *count > 0);
    lines.extend(due.map(|(table, count)| line(Kind::AccessTraces, table, before, *count, limit, &json!(table))));
    Ok(())
}

/// Mails that are over, with their words and their recipients still there.
fn old_mails(before: Stamp) -> outbox::BoxedQuery<'static, super::MultiBackend> {
    outbox::table
        .filter(outbox::created_at.lt(before))
        .filter(outbox::state.eq_any(["sent", "failed"]))
        .filter(outbox::recipient.ne(""))
        .into_boxed()
}

fn notes(conn: &mut Conn, limit: &Limit, lines: &mut Vec<Line>) -> Stored<()> {
    let rows: Vec<(String, Option<Stamp>, Stamp)> = working_notes::table
        .inner_join(evaluations::table.inner_join(exam_sessions::table))
        .filter(exam_sessions::published_at.lt(Some(Stamp(limit.before))))
        .order((exam_sessions::id, working_notes::updated_at))
        .select((exam_sessions::id, exam_sessions::published_at, working_notes::updated_at))
        .load(conn)?;
    let mut by_session: BTreeMap<String, (Stamp, Vec<String>)> = BTreeMap::new();
    for (session, published, updated) in rows {
        let since = published.unwrap_or(updated);
        by_session.entry(session).or_insert_with(|| (since, Vec::new())).1.push(updated.0.to_string());
    }
    for (session, (since, updates)) in by_session {
        let count = i64::try_from(updates.len()).unwrap_or(i64::MAX);
        lines.push(line(Kind::WorkingNotes, &session, since, count, limit, &json!(updates)));
    }
    Ok(())
}

fn jury_contacts(conn: &mut Conn, limit: &Limit, lines: &mut Vec<Line>) -> Stored<()> {
    let rows: Vec<(String, String, Option<String>, Option<Stamp>)> = jurors::table
        .inner_join(exam_sessions::table)
        .filter(exam_sessions::published_at.lt(Some(Stamp(limit.before))))
        .filter(jurors::email.ne("").or(jurors::phone.is_not_null()))
        .order(jurors::id)
        .select((jurors::id, jurors::email, jurors::phone, exam_sessions::published_at))
        .load(conn)?;
    for (id, email, phone, published) in rows {
        let since = published.unwrap_or(Stamp(limit.before));
        lines.push(line(Kind::JuryContact, &id, since, 1, limit, &json!([id, email, phone])));
    }
    Ok(())
}

fn applications(conn: &mut Conn, limit: &Limit, lines: &mut Vec<Line>) -> Stored<()> {
    let rows: Vec<(String, i32, Option<Stamp>)> = registrations::table
        .inner_join(exam_sessions::table)
        .filter(exam_sessions::published_at.lt(Some(Stamp(limit.before))))
        // An emptied application says so by its school: it is not listed twice.
        .filter(registrations::school_name.ne(""))
        .order(registrations::id)
        .select((registrations::id, registrations::version, exam_sessions::published_at))
        .load(conn)?;
    for (id, version, published) in rows {
        let since = published.unwrap_or(Stamp(limit.before));
        lines.push(line(Kind::Registration, &id, since, 1, limit, &json!([id, version])));
    }
    Ok(())
}

fn take_away(tx: &mut Tx<'_>, kind: Kind, id: &str) -> Stored<()> {
    match kind {
        Kind::Draft => forget_form(tx, id),
        Kind::DraftAccount => forget_account(tx, id),
        Kind::AccessTraces => forget_traces(tx, id),
        Kind::WorkingNotes => {
            let of_session = evaluations::table.filter(evaluations::session_id.eq(id)).select(evaluations::id);
            diesel::delete(working_notes::table.filter(working_notes::evaluation_id.eq_any(of_session)))
                .execute(tx.conn)?;
            Ok(())
        }
        Kind::JuryContact => {
            // The address is also a key of its session: a purged one is the row's own.
            diesel::update(jurors::table.find(id))
                .set((
                    jurors::email.eq(""),
                    jurors::email_key.eq(format!("purged:{id}")),
                    jurors::phone.eq(None::<String>),
                ))
                .execute(tx.conn)?;
            Ok(())
        }
        Kind::Registration => empty_application(tx, id),
    }
}

/// A form, its messages and its files: a draft and the application it became have the same id.
/// The rows go here; the files they named are then nobody's, and the daily sweep takes them from the vault.
pub(super) fn forget_form(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    let own = || messages::table.filter(messages::file_id.eq(id)).select(messages::id);
    diesel::delete(message_files::table.filter(message_files::message_id.eq_any(own()))).execute(tx.conn)?;
    diesel::delete(messages::table.filter(messages::file_id.eq(id))).execute(tx.conn)?;
    diesel::delete(piece_files::table.filter(piece_files::file_id.eq(id))).execute(tx.conn)?;
    diesel::delete(identity_checks::table.filter(identity_checks::draft_id.eq(id))).execute(tx.conn)?;
    diesel::delete(drafts::table.find(id)).execute(tx.conn)?;
    Ok(())
}

fn forget_account(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    diesel::delete(role_grants::table.filter(role_grants::user_id.eq(id))).execute(tx.conn)?;
    diesel::delete(login_sessions::table.filter(login_sessions::user_id.eq(id))).execute(tx.conn)?;
    diesel::delete(passkeys::table.filter(passkeys::user_id.eq(id))).execute(tx.conn)?;
    diesel::delete(passkey_challenges::table.filter(passkey_challenges::user_id.eq(id))).execute(tx.conn)?;
    diesel::delete(address_changes::table.filter(address_changes::user_id.eq(id))).execute(tx.conn)?;
    diesel::delete(links::table.filter(links::user_id.eq(id))).execute(tx.conn)?;
    diesel::delete(users::table.find(id)).execute(tx.conn)?;
    Ok(())
}

fn forget_traces(tx: &mut Tx<'_>, table: &str) -> Stored<()> {
    let pack = reference::regulation_for_year(tx.conn, tx.at.to_zoned(jiff::tz::TimeZone::UTC).year())?;
    let pack = reference::rules_of(tx.conn, &pack)?;
    let Some(limit) = limit(&pack, Kind::AccessTraces, tx.at) else { return Ok(()) };
    let before = Stamp(limit.before);
    match table {
        "links" => diesel::delete(links::table.filter(links::expires_at.lt(before))).execute(tx.conn)?,
        "account_requests" => {
            diesel::delete(account_requests::table.filter(account_requests::expires_at.lt(before))).execute(tx.conn)?
        }
        "login_sessions" => {
            diesel::delete(login_sessions::table.filter(login_sessions::expires_at.lt(before))).execute(tx.conn)?
        }
        "address_changes" => {
            diesel::delete(address_changes::table.filter(address_changes::expires_at.lt(before))).execute(tx.conn)?
        }
        // The row stays, emptied: its key is what keeps the same act from being told twice.
        "outbox" => {
            let ids: Vec<String> = old_mails(before).select(outbox::id).load(tx.conn)?;
            for chunk in ids.chunks(500) {
                diesel::update(outbox::table.filter(outbox::id.eq_any(chunk)))
                    .set((
                        outbox::recipient.eq(""),
                        outbox::recipient_name.eq(""),
                        outbox::body_text.eq(""),
                        outbox::body_html.eq(None::<String>),
                        outbox::bounce_reason.eq(None::<String>),
                    ))
                    .execute(tx.conn)?;
            }
            ids.len()
        }
        other => return Err(broken(other)),
    };
    Ok(())
}

/// What the office wrote while it examined: checklist, requests, notes, letters with their documents.
fn forget_examination(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    let asked = || piece_requests::table.filter(piece_requests::registration_id.eq(id)).select(piece_requests::id);
    diesel::delete(piece_request_items::table.filter(piece_request_items::request_id.eq_any(asked())))
        .execute(tx.conn)?;
    diesel::delete(piece_requests::table.filter(piece_requests::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(piece_reasons::table.filter(piece_reasons::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(pieces::table.filter(pieces::registration_id.eq(id))).execute(tx.conn)?;
    let sent = || letters::table.filter(letters::registration_id.eq(id)).select(letters::id);
    diesel::delete(documents::table.filter(documents::subject_id.eq_any(sent()))).execute(tx.conn)?;
    diesel::delete(letters::table.filter(letters::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(file_notes::table.filter(file_notes::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(file_presences::table.filter(file_presences::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(assignments::table.filter(assignments::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(paper_files::table.filter(paper_files::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(action_plans::table.filter(action_plans::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(kept_mark_claims::table.filter(kept_mark_claims::registration_id.eq(id))).execute(tx.conn)?;
    Ok(())
}

/// Leaves the number, the marks and the outcome: the minutes rest on them, their seal is computed from them, and a mark
/// of ten may still be asked for at a later session. Takes everything else.
fn empty_application(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    forget_form(tx, id)?;
    forget_examination(tx, id)?;
    diesel::delete(conflicts::table.filter(conflicts::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(slots::table.filter(slots::registration_id.eq(id))).execute(tx.conn)?;
    diesel::delete(decisions::table.filter(decisions::registration_id.eq(id)).filter(decisions::kind.ne("outcome")))
        .execute(tx.conn)?;
    diesel::delete(
        documents::table
            .filter(documents::subject_id.eq(id))
            .filter(documents::kind.ne_all(["minutes", "certificate"])),
    )
    .execute(tx.conn)?;
    // A candidature posted again left an acknowledgement under each draft that it was taken up from.
    let resumed: Vec<String> = resumed_drafts::table
        .filter(resumed_drafts::registration_id.eq(id))
        .select(resumed_drafts::draft_id)
        .load(tx.conn)?;
    diesel::delete(documents::table.filter(documents::subject_id.eq_any(resumed))).execute(tx.conn)?;
    diesel::delete(resumed_drafts::table.filter(resumed_drafts::registration_id.eq(id))).execute(tx.conn)?;
    let own = || evaluations::table.filter(evaluations::registration_id.eq(id)).select(evaluations::id);
    diesel::delete(evaluation_lines::table.filter(evaluation_lines::evaluation_id.eq_any(own()))).execute(tx.conn)?;
    diesel::delete(working_notes::table.filter(working_notes::evaluation_id.eq_any(own()))).execute(tx.conn)?;
    diesel::update(evaluations::table.filter(evaluations::registration_id.eq(id)))
        .set(evaluations::appraisal.eq(None::<String>))
        .execute(tx.conn)?;
    diesel::update(registrations::table.find(id))
        .set((
            registrations::school_name.eq(""),
            registrations::uai.eq(None::<String>),
            registrations::contract_date.eq(None::<super::Day>),
            registrations::accommodation.eq(None::<String>),
            registrations::version.eq(registrations::version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}
