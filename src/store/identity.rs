//! Who is who: drafts whose identity is one already known under another account, and what an officer says of each.
//! « The same » ties the record to the account; « distinct » declares two homonyms. Both take a reason and leave a trace.

use diesel::prelude::*;
use serde_json::json;

use super::message::{self, NewMessage, ThreadFile};
use super::outbox::NewMail;
use super::people::PersonRow;
use super::schema::{drafts, identity_checks as t, people, users};
use super::session;
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::registration::draft::{Answers, IdentityVerdict as Verdict, Step};
use crate::domain::session::CALENDAR_LAW;

#[derive(Debug, Clone, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct CheckRow {
    pub id: String,
    pub draft_id: String,
    pub session_id: String,
    pub user_id: String,
    pub person_id: String,
    pub asked_at: Stamp,
    pub verdict: Option<String>,
    pub reason: Option<String>,
    pub decided_by: Option<String>,
    pub decided_by_name: Option<String>,
    pub decided_at: Option<Stamp>,
}

/// One question for the office: the person already known, and what was typed in the draft.
#[derive(Debug, Clone)]
pub struct CheckView {
    pub check: CheckRow,
    pub person: PersonRow,
    pub user_name: String,
    pub user_email: String,
    /// What the draft says, field by field; empty once it is submitted or thrown away.
    pub typed: Vec<(String, String)>,
}

/// The questions of a session, those that wait first. Bounded: a session has few.
///
/// # Errors
/// The database's own.
pub fn list_checks(conn: &mut Conn, session_id: &str) -> Stored<Vec<CheckView>> {
    let rows: Vec<(CheckRow, PersonRow, String, String)> = t::table
        .inner_join(people::table)
        .inner_join(users::table.on(users::id.eq(t::user_id)))
        .filter(t::session_id.eq(session_id))
        .order((t::verdict.is_not_null(), t::asked_at, t::id))
        .limit(200)
        .select((CheckRow::as_select(), PersonRow::as_select(), users::name, users::email))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|(check, ..)| check.draft_id.as_str()).collect();
    let answers: Vec<(String, String)> =
        drafts::table.filter(drafts::id.eq_any(ids)).select((drafts::id, drafts::answers)).load(conn)?;
    rows.into_iter()
        .map(|(check, person, user_name, user_email)| {
            let typed = match answers.iter().find(|(id, _)| *id == check.draft_id) {
                Some((_, text)) => identity_of(&serde_json::from_str(text)?),
                None => Vec::new(),
            };
            Ok(CheckView { check, person, user_name, user_email, typed })
        })
        .collect()
}

fn identity_of(answers: &Answers) -> Vec<(String, String)> {
    let typed = answers.typed(Step::Identity);
    ["civilite", "prenoms", "nom", "nom_usage", "naissance", "lieu_naissance"]
        .iter()
        .map(|field| {
            let value = typed.and_then(|typed| typed.get(*field)).and_then(|values| values.first());
            ((*field).to_owned(), value.cloned().unwrap_or_default())
        })
        .collect()
}

/// Says whether the account's person is the one already known, and tells the candidate in their thread.
///
/// # Errors
/// A refusal without a reason, twice, or when the record is another account's; [`StoreError::NotFound`] for another academy.
pub fn decide(
    tx: &mut Tx<'_>,
    check_id: &str,
    verdict: Verdict,
    reason: &str,
    notice: &dyn Fn(&ThreadFile) -> NewMail,
) -> Stored<()> {
    let check: CheckRow = t::table.find(check_id).select(CheckRow::as_select()).first(tx.conn)?;
    session::session_for(tx, &check.session_id, Action::ExamineFiles)?;
    let reason = reason.trim();
    if reason.chars().count() < 10 {
        return Err(Refusal::new("reason_missing", "Dites en une phrase au moins sur quoi vous vous fondez.").into());
    }
    if check.verdict.is_some() {
        return Err(StoreError::Conflict("Cette identité a déjà été vérifiée : rechargez la page.".into()));
    }
    let person: PersonRow = people::table.find(&check.person_id).select(PersonRow::as_select()).first(tx.conn)?;
    if verdict == Verdict::Same && person.user_id.as_ref().is_some_and(|owner| *owner != check.user_id) {
        return Err(Refusal::new(
            "account_exists",
            "Cette fiche est déjà rattachée à un autre compte : répondez à la personne de se connecter avec celui-là.",
        )
        .under(CALENDAR_LAW)
        .into());
    }
    diesel::update(t::table.find(check_id))
        .set((
            t::verdict.eq(verdict.as_str()),
            t::reason.eq(reason),
            t::decided_by.eq(&tx.actor.user_id),
            t::decided_by_name.eq(&tx.actor.name),
            t::decided_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "draft": check.draft_id, "verdict": verdict, "reason": reason });
    tx.audit("decide_identity", ("person", &check.person_id), Some(&json!(check)), Some(&detail), &detail)?;
    let is_draft: i64 = drafts::table.find(&check.draft_id).count().get_result(tx.conn)?;
    if is_draft > 0 {
        let new = NewMessage {
            id: new_id(tx.at),
            file_id: check.draft_id,
            body: "Votre identité est vérifiée. Vous pouvez maintenant relire vos réponses et déposer votre dossier."
                .into(),
            files: Vec::new(),
        };
        message::send(tx, &new, notice)?;
    }
    Ok(())
}
