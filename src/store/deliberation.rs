//! The jury deliberates on its commissions' proposals: outcomes computed and explained, marks changed with a reason,
//! then sealed for good. Reopening takes a reason, a second person, and leaves a trace.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use super::audit::Act;
use super::evaluation::EvaluationRow;
use super::people::PersonRow;
use super::registration::RegistrationRow;
use super::schema::{deliberations as t, evaluations, jurors, people, registrations, results};
use super::session::{self, set_state};
use super::{Conn, Stamp, StoreError, Stored, Tx, reference};
use crate::domain::deliberation::{EpreuveFact, Explained, Outcome, SealedLine, decide, seal};
use crate::domain::evaluation::EvaluationState;
use crate::domain::ids::Mark;
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::session::{SessionState, require};
use crate::each_backend;

/// Reference of the deliberation.
pub const LAW: &str = "arrêté du 5 mai 2017 (MENE1710931A), art. 5";

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct DeliberationRow {
    pub session_id: String,
    pub state: String,
    pub opened_at: Stamp,
    pub opened_by: String,
    pub president_name: String,
    pub sealed_at: Option<Stamp>,
    pub sealed_by: Option<String>,
    pub sealed_by_name: Option<String>,
    pub seal: Option<String>,
    pub reopening_reason: Option<String>,
    pub reopening_asked_by: Option<String>,
    pub reopening_asked_by_name: Option<String>,
    pub reopening_asked_at: Option<Stamp>,
    pub reopenings: i32,
}

/// A candidate before the jury: file, person, one evaluation per épreuve, and the outcome once computed.
#[derive(Debug, Clone)]
pub struct CandidateLine {
    pub registration: RegistrationRow,
    pub person: PersonRow,
    pub evaluations: Vec<EvaluationRow>,
    pub explained: Option<Explained>,
}

/// Opens the deliberation: every épreuve must be settled; outcomes are computed for all.
///
/// # Errors
/// A refusal that names the first missing evaluations, or a missing president.
pub fn open(tx: &mut Tx<'_>, session_id: &str) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::Deliberate)?;
    require(session.state, &[SessionState::Convened], "La délibération").map_err(|no| no.under(LAW))?;
    let missing: Vec<(String, i32)> = evaluations::table
        .inner_join(registrations::table)
        .filter(evaluations::session_id.eq(session_id))
        .filter(evaluations::state.eq(EvaluationState::Expected))
        .filter(registrations::state.eq("admitted"))
        .order((registrations::rank, evaluations::epreuve))
        .select((registrations::number, evaluations::epreuve))
        .load(tx.conn)?;
    if let Some((number, epreuve)) = missing.first() {
        return Err(Refusal::new(
            "marks_missing",
            format!(
                "{} évaluation(s) manquent, à commencer par le candidat {number}, épreuve {epreuve} : faites-les saisir, ou notez l’absence.",
                missing.len()
            ),
        )
        .under(LAW)
        .into());
    }
    let president: Option<(String, String)> = jurors::table
        .filter(jurors::session_id.eq(session_id))
        .filter(jurors::is_president.eq(true))
        .select((jurors::first_names, jurors::last_name))
        .first(tx.conn)
        .optional()?;
    let Some((first, last)) = president else {
        return Err(Refusal::new("no_president", "Le jury n’a pas de président : nommez-le avant de délibérer.")
            .under(LAW)
            .into());
    };
    let row = DeliberationRow {
        session_id: session_id.to_owned(),
        state: "open".into(),
        opened_at: tx.stamp(),
        opened_by: tx.actor.user_id.clone(),
        president_name: format!("{first} {last}"),
        sealed_at: None,
        sealed_by: None,
        sealed_by_name: None,
        seal: None,
        reopening_reason: None,
        reopening_asked_by: None,
        reopening_asked_by_name: None,
        reopening_asked_at: None,
        reopenings: 0,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    compute_results(tx, session_id, None)?;
    set_state(tx, session_id, SessionState::Deliberation)?;
    tx.audit("open_deliberation", ("session", session_id), None, Some(&json!(row)), &json!({}))
}

/// Changes a mark in deliberation: who, why, from what to what, all kept.
///
/// # Errors
/// A refusal without a written reason, off the scale or on a kept mark; a conflict for whoever comes second.
pub fn change_mark(tx: &mut Tx<'_>, evaluation_id: &str, version: i32, mark: Option<Mark>, reason: &str) -> Stored<()> {
    let row: EvaluationRow =
        evaluations::table.find(evaluation_id).select(EvaluationRow::as_select()).first(tx.conn)?;
    let session = session::session_for(tx, &row.session_id, Action::Deliberate)?;
    require(session.state, &[SessionState::Deliberation], "La modification d’une note").map_err(|no| no.under(LAW))?;
    if row.state == EvaluationState::Kept {
        return Err(Refusal::new("mark_kept", "Une note conservée d’une session précédente ne se modifie pas.")
            .under(LAW)
            .into());
    }
    if reason.trim().chars().count() < 10 {
        return Err(Refusal::new(
            "reason_missing",
            "Écrivez le motif de la modification : il figure au procès-verbal.",
        )
        .under(LAW)
        .into());
    }
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    if let Some(mark) = mark
        && let Some(sentence) = pack.marks.refusal(mark.hundredths())
    {
        return Err(Refusal::new("mark_off_scale", sentence).into());
    }
    let state = if mark.is_some() { EvaluationState::Marked } else { EvaluationState::Absent };
    let changed = diesel::update(evaluations::table.find(evaluation_id).filter(evaluations::version.eq(version)))
        .set((
            evaluations::state.eq(state),
            evaluations::mark.eq(mark.map(Mark::hundredths)),
            evaluations::version.eq(version + 1),
            evaluations::entered_by.eq(&tx.actor.user_id),
            evaluations::entered_by_name.eq(&tx.actor.name),
            evaluations::entered_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(StoreError::Conflict(
            "Cette note a été modifiée entre-temps : relisez la valeur actuelle avant de la changer.".into(),
        ));
    }
    compute_results(tx, &row.session_id, Some(&row.registration_id))?;
    let detail = json!({
        "epreuve": row.epreuve, "from": row.mark, "to": mark.map(Mark::hundredths), "reason": reason.trim(),
    });
    tx.audit("change_mark", ("evaluation", evaluation_id), Some(&json!(row)), Some(&detail), &detail)
}

/// Applies the pass rule to all candidates of the session, or to one.
fn compute_results(tx: &mut Tx<'_>, session_id: &str, only: Option<&str>) -> Stored<()> {
    let session = session::load_session(tx.conn, session_id)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let lines = load_lines(tx.conn, session_id, only)?;
    let ids: Vec<&str> = lines.iter().map(|line| line.registration.id.as_str()).collect();
    for chunk in ids.chunks(500) {
        diesel::delete(results::table.filter(results::registration_id.eq_any(chunk))).execute(tx.conn)?;
    }
    for chunk in lines.chunks(400) {
        let mut rows = Vec::with_capacity(chunk.len());
        let mut acts = Vec::with_capacity(chunk.len());
        for line in chunk {
            let explained = decide(&pack, &facts_of(&line.evaluations));
            let text = serde_json::to_string(&explained)?;
            rows.push((
                results::registration_id.eq(line.registration.id.clone()),
                results::session_id.eq(session_id.to_owned()),
                results::outcome.eq(explained.outcome),
                results::explanation.eq(text),
                results::decided_at.eq(tx.stamp()),
            ));
            acts.push(Act {
                action: "propose_outcome",
                object_kind: "registration",
                object_id: line.registration.id.clone(),
                before: None,
                after: Some(json!(explained)),
                detail: json!({ "number": line.registration.number }),
            });
        }
        each_backend!(&mut *tx.conn, c => diesel::insert_into(results::table).values(&rows).execute(c))?;
        tx.audit_all(acts)?;
    }
    Ok(())
}

/// The facts the rule asks for, one per épreuve.
#[must_use]
pub fn facts_of(evaluations: &[EvaluationRow]) -> Vec<EpreuveFact> {
    evaluations
        .iter()
        .map(|row| EpreuveFact { epreuve: row.epreuve, mark: row.mark, origin: row.origin_year })
        .collect()
}

/// Seals the deliberation: from here no mark changes. Returns the fingerprint printed on the minutes.
///
/// # Errors
/// A refusal when the deliberation is not open.
pub fn seal_deliberation(tx: &mut Tx<'_>, session_id: &str) -> Stored<String> {
    let session = session::session_for(tx, session_id, Action::SealDeliberation)?;
    require(session.state, &[SessionState::Deliberation], "Le scellement").map_err(|no| no.under(LAW))?;
    compute_results(tx, session_id, None)?;
    let lines = load_lines(tx.conn, session_id, None)?;
    let sealed = seal(session_id, &sealed_lines(&lines)?);
    let before = get_deliberation(tx.conn, session_id)?;
    diesel::update(t::table.find(session_id))
        .set((
            t::state.eq("sealed"),
            t::sealed_at.eq(tx.stamp()),
            t::sealed_by.eq(&tx.actor.user_id),
            t::sealed_by_name.eq(&tx.actor.name),
            t::seal.eq(&sealed),
            t::reopening_reason.eq(None::<String>),
            t::reopening_asked_by.eq(None::<String>),
            t::reopening_asked_by_name.eq(None::<String>),
            t::reopening_asked_at.eq(None::<Stamp>),
        ))
        .execute(tx.conn)?;
    set_state(tx, session_id, SessionState::Sealed)?;
    let detail = json!({ "seal": sealed, "candidates": lines.len() });
    tx.audit("seal_deliberation", ("session", session_id), Some(&json!(before)), Some(&detail), &detail)?;
    Ok(sealed)
}

fn sealed_lines(lines: &[CandidateLine]) -> Stored<Vec<SealedLine>> {
    let mut sealed = Vec::with_capacity(lines.len());
    for line in lines {
        let explained = line.explained.as_ref().ok_or_else(|| {
            StoreError::Broken(format!("le candidat {} n’a pas de résultat calculé", line.registration.number))
        })?;
        sealed.push(SealedLine {
            number: line.registration.number.clone(),
            facts: explained.facts.iter().map(|fact| (fact.epreuve, fact.mark)).collect(),
            outcome: explained.outcome,
        });
    }
    sealed.sort_by(|a, b| a.number.cmp(&b.number));
    Ok(sealed)
}

/// Whether marks and outcomes are still those that were sealed: `cplds verify` asks it of every sealed session.
///
/// # Errors
/// The database's own.
pub fn seal_holds(conn: &mut Conn, session_id: &str) -> Stored<bool> {
    let row = get_deliberation(conn, session_id)?;
    let lines = load_lines(conn, session_id, None)?;
    // Marks are read again from the evaluations: a change of either table breaks the seal.
    let agree = lines
        .iter()
        .all(|line| line.explained.as_ref().is_some_and(|explained| explained.facts == facts_of(&line.evaluations)));
    Ok(agree && row.seal == Some(seal(session_id, &sealed_lines(&lines)?)))
}

/// Asks to reopen a sealed deliberation; it stays sealed until a second person agrees.
///
/// # Errors
/// A refusal without a reason, or once the results are published.
pub fn ask_reopening(tx: &mut Tx<'_>, session_id: &str, reason: &str) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::AskReopening)?;
    require(session.state, &[SessionState::Sealed], "La réouverture").map_err(|no| no.under(LAW))?;
    if reason.trim().chars().count() < 10 {
        return Err(Refusal::new(
            "reason_missing",
            "Écrivez pourquoi la délibération doit être rouverte : le motif est conservé.",
        )
        .into());
    }
    diesel::update(t::table.find(session_id))
        .set((
            t::reopening_reason.eq(reason.trim()),
            t::reopening_asked_by.eq(&tx.actor.user_id),
            t::reopening_asked_by_name.eq(&tx.actor.name),
            t::reopening_asked_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    tx.audit("ask_reopening", ("session", session_id), None, None, &json!({ "reason": reason.trim() }))
}

/// Agrees to a reopening asked by somebody else: the deliberation is open again, the old seal stays in the chain.
///
/// # Errors
/// A refusal when nothing was asked, or when the same person asks and agrees.
pub fn grant_reopening(tx: &mut Tx<'_>, session_id: &str) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::GrantReopening)?;
    require(session.state, &[SessionState::Sealed], "La réouverture").map_err(|no| no.under(LAW))?;
    let row = get_deliberation(tx.conn, session_id)?;
    let Some(asked_by) = row.reopening_asked_by.as_deref() else {
        return Err(Refusal::new(
            "reopening_not_asked",
            "Personne n’a demandé de réouverture : il n’y a rien à accorder.",
        )
        .into());
    };
    if asked_by == tx.actor.user_id {
        return Err(Refusal::new(
            "second_person",
            "La réouverture demande une deuxième personne : celle qui l’a demandée ne peut pas l’accorder.",
        )
        .into());
    }
    diesel::update(t::table.find(session_id))
        .set((
            t::state.eq("open"),
            t::sealed_at.eq(None::<Stamp>),
            t::sealed_by.eq(None::<String>),
            t::sealed_by_name.eq(None::<String>),
            t::seal.eq(None::<String>),
            t::reopenings.eq(t::reopenings + 1),
        ))
        .execute(tx.conn)?;
    // The minutes of a reopened deliberation are drawn again when it is sealed again.
    super::documents::drop_draft(tx, "minutes", session_id)?;
    diesel::update(super::schema::exam_sessions::table.find(session_id))
        .set(super::schema::exam_sessions::publication_at.eq(None::<Stamp>))
        .execute(tx.conn)?;
    set_state(tx, session_id, SessionState::Deliberation)?;
    let detail = json!({ "reason": row.reopening_reason, "asked_by": asked_by, "old_seal": row.seal });
    tx.audit("grant_reopening", ("session", session_id), Some(&json!(row)), Some(&detail), &detail)
}

/// # Errors
/// [`StoreError::NotFound`] when the deliberation was never opened.
pub fn get_deliberation(conn: &mut Conn, session_id: &str) -> Stored<DeliberationRow> {
    Ok(t::table.find(session_id).select(DeliberationRow::as_select()).first(conn)?)
}

/// # Errors
/// The database's own.
pub fn find_deliberation(conn: &mut Conn, session_id: &str) -> Stored<Option<DeliberationRow>> {
    Ok(t::table.find(session_id).select(DeliberationRow::as_select()).first(conn).optional()?)
}

/// Every candidate of the session with marks and outcome, in alphabetical order. Three queries.
///
/// # Errors
/// The database's own.
pub fn list_candidates(conn: &mut Conn, session_id: &str) -> Stored<Vec<CandidateLine>> {
    load_lines(conn, session_id, None)
}

fn load_lines(conn: &mut Conn, session_id: &str, only: Option<&str>) -> Stored<Vec<CandidateLine>> {
    let mut files = registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id.to_owned()))
        .filter(registrations::state.eq("admitted"))
        .into_boxed();
    let mut marks = evaluations::table.filter(evaluations::session_id.eq(session_id.to_owned())).into_boxed();
    let mut outcomes = results::table.filter(results::session_id.eq(session_id.to_owned())).into_boxed();
    if let Some(registration_id) = only {
        files = files.filter(registrations::id.eq(registration_id.to_owned()));
        marks = marks.filter(evaluations::registration_id.eq(registration_id.to_owned()));
        outcomes = outcomes.filter(results::registration_id.eq(registration_id.to_owned()));
    }
    let files: Vec<(RegistrationRow, PersonRow)> = files
        .order((people::sort_key, registrations::rank))
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    let mut by_file: BTreeMap<String, Vec<EvaluationRow>> = BTreeMap::new();
    for row in marks.order(evaluations::epreuve).select(EvaluationRow::as_select()).load(conn)? {
        by_file.entry(row.registration_id.clone()).or_default().push(row);
    }
    let mut explained: BTreeMap<String, String> = outcomes
        .select((results::registration_id, results::explanation))
        .load::<(String, String)>(conn)?
        .into_iter()
        .collect();
    files
        .into_iter()
        .map(|(registration, person)| {
            let evaluations = by_file.remove(&registration.id).unwrap_or_default();
            let explained = explained.remove(&registration.id).map(|text| serde_json::from_str(&text)).transpose()?;
            Ok(CandidateLine { registration, person, evaluations, explained })
        })
        .collect()
}

/// One candidate's marks and outcome. Those who ask must have the right to see them.
///
/// # Errors
/// The database's own.
pub fn find_candidate(conn: &mut Conn, session_id: &str, registration_id: &str) -> Stored<Option<CandidateLine>> {
    Ok(load_lines(conn, session_id, Some(registration_id))?.pop())
}

/// (outcome, count) of a deliberated session.
///
/// # Errors
/// The database's own.
pub fn count_outcomes(conn: &mut Conn, session_id: &str) -> Stored<Vec<(Outcome, i64)>> {
    Ok(results::table
        .filter(results::session_id.eq(session_id))
        .group_by(results::outcome)
        .select((results::outcome, diesel::dsl::count_star()))
        .load(conn)?)
}

/// Sessions whose deliberation is sealed: their seals are checked by `cplds verify`.
///
/// # Errors
/// The database's own.
pub fn list_sealed(conn: &mut Conn) -> Stored<Vec<String>> {
    Ok(t::table.filter(t::state.eq("sealed")).order(t::session_id).select(t::session_id).load(conn)?)
}

/// Makes sure that an evaluation is one of this session.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn belongs(conn: &mut Conn, session_id: &str, evaluation_id: &str) -> Stored<()> {
    evaluations::table
        .find(evaluation_id)
        .filter(evaluations::session_id.eq(session_id))
        .select(evaluations::id)
        .first::<String>(conn)?;
    Ok(())
}
