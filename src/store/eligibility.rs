//! Eligibility in the database: the rule's proposal kept with its facts, the officer's decision beside it,
//! and the list of candidates admitted to sit, fixed by the recteur's order.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::audit::Act;
use super::examination::{Notify, letters};
use super::registration::{KeptMarkRow, OPEN_STATES, RegistrationRow, set_file_state};
use super::schema::{decisions as t, evaluations, exam_sessions, kept_marks, registrations};
use super::session::{self, SessionRow};
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id, reference};
use crate::domain::eligibility::Assessment;
use crate::domain::examination::letter::LetterKind;
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::session::{LIST_LAW, SessionState, require};
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct DecisionRow {
    pub id: String,
    pub session_id: String,
    pub registration_id: String,
    pub kind: String,
    pub rule: String,
    pub law: String,
    pub pack_id: String,
    pub facts: String,
    pub explanation: String,
    pub proposed: String,
    pub outcome: Option<String>,
    pub reasons: Option<String>,
    pub proposed_at: Stamp,
    pub decided_at: Option<Stamp>,
    pub decided_by: Option<String>,
    pub decided_by_name: Option<String>,
    pub superseded_at: Option<Stamp>,
}

/// The decision record of an assessment: eligible files need nobody, the others wait for an officer.
pub(super) fn proposed(
    tx: &Tx<'_>,
    session: &SessionRow,
    registration_id: &str,
    assessment: &Assessment,
) -> Stored<DecisionRow> {
    let law = assessment.lines.first().map(|line| line.law.clone()).unwrap_or_default();
    Ok(DecisionRow {
        id: new_id(tx.at),
        session_id: session.id.clone(),
        registration_id: registration_id.to_owned(),
        kind: "eligibility".into(),
        rule: "publics_concernes".into(),
        law,
        pack_id: session.regulation_id.clone(),
        facts: serde_json::to_string(&assessment.facts)?,
        explanation: serde_json::to_string(assessment)?,
        proposed: assessment.outcome.as_str().to_owned(),
        outcome: None,
        reasons: None,
        proposed_at: tx.stamp(),
        decided_at: None,
        decided_by: None,
        decided_by_name: None,
        superseded_at: None,
    })
}

/// What an officer decides on a file that the rule does not settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Admissible,
    Refused,
}

impl Verdict {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Admissible => "admissible",
            Verdict::Refused => "refused",
        }
    }
}

/// Decides on one or several files alike, with one written motive; each letter is written, no mail leaves.
///
/// # Errors
/// Those of [`decide_and_tell`].
pub fn decide(tx: &mut Tx<'_>, files: &[(String, i32)], verdict: Verdict, reasons: &str) -> Stored<()> {
    decide_and_tell(tx, files, verdict, reasons, None)
}

/// Decides on one or several files alike, with one written motive, writes each letter and queues each mail.
/// A decision that corrects another leaves the first in the history, with its letter.
///
/// # Errors
/// A refusal when the list is fixed, the file is withdrawn, or the motive is missing; a conflict when a file changed.
pub fn decide_and_tell(
    tx: &mut Tx<'_>,
    files: &[(String, i32)],
    verdict: Verdict,
    reasons: &str,
    notify: Option<Notify<'_>>,
) -> Stored<()> {
    let reasons = reasons.trim();
    if reasons.chars().count() < 10 {
        return Err(Refusal::new(
            "reasons_missing",
            "Motivez la décision en une phrase au moins : le motif figurera dans la lettre au candidat.",
        )
        .under("code des relations entre le public et l’administration, art. L. 211-2 et L. 211-5")
        .into());
    }
    for (registration_id, version) in files {
        let row: RegistrationRow =
            registrations::table.find(registration_id).select(RegistrationRow::as_select()).first(tx.conn)?;
        let session = session::session_for(tx, &row.session_id, Action::ExamineFiles)?;
        require(session.state, OPEN_STATES, "La décision sur un dossier").map_err(|no| no.under(LIST_LAW))?;
        if row.state == "withdrawn" {
            return Err(Refusal::new(
                "withdrawn",
                format!("La candidature {} a été retirée : il n’y a plus rien à décider.", row.number),
            )
            .into());
        }
        let standing = find_decision(tx.conn, registration_id)?.ok_or(StoreError::NotFound)?;
        let before = json!(standing);
        set_file_state(tx, &row, *version, if verdict == Verdict::Refused { "refused" } else { "submitted" })?;
        let mut decision = standing.clone();
        decision.outcome = Some(verdict.as_str().to_owned());
        decision.reasons = Some(reasons.to_owned());
        decision.decided_at = Some(tx.stamp());
        decision.decided_by = Some(tx.actor.user_id.clone());
        decision.decided_by_name = Some(tx.actor.name.clone());
        if standing.outcome.is_some() {
            diesel::update(t::table.find(&standing.id)).set(t::superseded_at.eq(tx.stamp())).execute(tx.conn)?;
            decision.id = new_id(tx.at);
            diesel::insert_into(t::table).values(&decision).execute(tx.conn)?;
        } else {
            diesel::update(t::table.find(&decision.id))
                .set((
                    t::outcome.eq(&decision.outcome),
                    t::reasons.eq(&decision.reasons),
                    t::decided_at.eq(decision.decided_at),
                    t::decided_by.eq(&decision.decided_by),
                    t::decided_by_name.eq(&decision.decided_by_name),
                ))
                .execute(tx.conn)?;
        }
        let detail = json!({ "number": row.number, "proposed": decision.proposed, "outcome": verdict.as_str(), "reasons": reasons });
        tx.audit("decide_eligibility", ("registration", &row.id), Some(&before), Some(&detail), &detail)?;
        let kind = if verdict == Verdict::Refused { LetterKind::Refusal } else { LetterKind::Eligible };
        letters::issue(tx, &session, &row, &decision, kind, notify)?;
    }
    Ok(())
}

/// Every decision ever taken on a file, latest first.
///
/// # Errors
/// The database's own.
pub fn list_decisions(conn: &mut Conn, registration_id: &str) -> Stored<Vec<DecisionRow>> {
    Ok(t::table
        .filter(t::registration_id.eq(registration_id))
        .filter(t::kind.eq("eligibility"))
        .filter(t::decided_at.is_not_null())
        .order((t::decided_at.desc(), t::id.desc()))
        .select(DecisionRow::as_select())
        .load(conn)?)
}

/// What fixing the list would do, and what keeps it from being done.
#[derive(Debug, Clone, Default)]
pub struct ListPlan {
    pub admitted: i64,
    pub refused: i64,
    pub withdrawn: i64,
    /// Files that still wait for an officer: (number, proposal).
    pub undecided: Vec<(String, String)>,
}

/// # Errors
/// The database's own.
pub fn plan_list(conn: &mut Conn, session_id: &str) -> Stored<ListPlan> {
    let rows: Vec<(String, String, String, Option<String>)> = registrations::table
        .inner_join(t::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(t::kind.eq("eligibility"))
        .filter(t::superseded_at.is_null())
        .order(registrations::rank)
        .select((registrations::number, registrations::state, registrations::eligibility, t::outcome))
        .load(conn)?;
    let mut plan = ListPlan::default();
    for (number, state, eligibility, outcome) in rows {
        match (state.as_str(), eligibility.as_str(), outcome.as_deref()) {
            ("withdrawn", ..) => plan.withdrawn += 1,
            ("refused", ..) => plan.refused += 1,
            (_, "eligible", _) | (_, _, Some("admissible")) => plan.admitted += 1,
            _ => plan.undecided.push((number, eligibility)),
        }
    }
    Ok(plan)
}

/// Files that would stand on the list if it were fixed now.
///
/// # Errors
/// The database's own.
pub fn list_admissible(conn: &mut Conn, session_id: &str) -> Stored<std::collections::HashSet<String>> {
    let rows: Vec<(String, String, Option<String>)> = registrations::table
        .inner_join(t::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq("submitted"))
        .filter(t::kind.eq("eligibility"))
        .filter(t::superseded_at.is_null())
        .select((registrations::id, registrations::eligibility, t::outcome))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter(|(_, proposal, outcome)| proposal == "eligible" || outcome.as_deref() == Some("admissible"))
        .map(|(id, ..)| id)
        .collect())
}

/// Fixes the list of candidates admitted to sit: files settle, épreuves to mark are laid out, kept marks take their place.
///
/// # Errors
/// A refusal while a file waits for a decision, when nobody is admitted, or when the list is already fixed.
pub fn fix_list(tx: &mut Tx<'_>, session_id: &str) -> Stored<i64> {
    let session = session::session_for(tx, session_id, Action::FixList)?;
    require(session.state, OPEN_STATES, "L’arrêté de la liste").map_err(|no| no.under(LIST_LAW))?;
    if tx.at < session.registration_closes_at.0 {
        return Err(Refusal::new(
            "registration_still_open",
            "Les inscriptions ne sont pas closes : la liste s’arrête après leur clôture.",
        )
        .under(LIST_LAW)
        .into());
    }
    let plan = plan_list(tx.conn, session_id)?;
    if let Some((number, _)) = plan.undecided.first() {
        return Err(Refusal::new(
            "files_undecided",
            format!(
                "{} dossier(s) attendent une décision, à commencer par le {number} : décidez-les avant d’arrêter la liste.",
                plan.undecided.len()
            ),
        )
        .under(LIST_LAW)
        .into());
    }
    if plan.admitted == 0 {
        return Err(Refusal::new(
            "nobody_admitted",
            "Aucun candidat n’est admis à se présenter : la liste serait vide.",
        )
        .under(LIST_LAW)
        .into());
    }
    diesel::update(
        registrations::table
            .filter(registrations::session_id.eq(session_id))
            .filter(registrations::state.eq("submitted")),
    )
    .set((registrations::state.eq("admitted"), registrations::version.eq(registrations::version + 1)))
    .execute(tx.conn)?;
    lay_out_evaluations(tx, &session)?;
    diesel::update(exam_sessions::table.find(session_id))
        .set(exam_sessions::list_fixed_at.eq(tx.stamp()))
        .execute(tx.conn)?;
    session::set_state(tx, session_id, SessionState::ListFixed)?;
    let detail = json!({ "admitted": plan.admitted, "refused": plan.refused, "withdrawn": plan.withdrawn });
    tx.audit("fix_list", ("session", session_id), Some(&json!(session)), Some(&detail), &detail)?;
    Ok(plan.admitted)
}

/// One evaluation per candidate and épreuve: to be marked, or already settled by a kept mark with its origin.
fn lay_out_evaluations(tx: &mut Tx<'_>, session: &SessionRow) -> Stored<()> {
    let pack = reference::get_regulation(tx.conn, &session.regulation_id)?;
    let epreuves: Vec<i32> = pack.epreuves.iter().filter_map(|epreuve| epreuve.code.parse().ok()).collect();
    let admitted: Vec<String> = registrations::table
        .filter(registrations::session_id.eq(&session.id))
        .filter(registrations::state.eq("admitted"))
        .order(registrations::rank)
        .select(registrations::id)
        .load(tx.conn)?;
    let kept: HashMap<(String, i32), KeptMarkRow> = kept_marks::table
        .inner_join(registrations::table)
        .filter(registrations::session_id.eq(&session.id))
        .select(KeptMarkRow::as_select())
        .load(tx.conn)?
        .into_iter()
        .map(|row| ((row.registration_id.clone(), row.epreuve), row))
        .collect();
    let mut acts = Vec::new();
    for chunk in admitted.chunks(400) {
        let mut rows = Vec::with_capacity(chunk.len() * epreuves.len());
        for registration_id in chunk {
            for epreuve in &epreuves {
                let mark = kept.get(&(registration_id.clone(), *epreuve));
                if let Some(mark) = mark {
                    acts.push(Act {
                        action: "keep_mark",
                        object_kind: "registration",
                        object_id: registration_id.clone(),
                        before: None,
                        after: Some(json!(mark)),
                        detail: json!({ "epreuve": epreuve, "origin": mark.origin_year }),
                    });
                }
                rows.push((
                    evaluations::id.eq(new_id(tx.at)),
                    evaluations::session_id.eq(session.id.clone()),
                    evaluations::registration_id.eq(registration_id.clone()),
                    evaluations::epreuve.eq(*epreuve),
                    evaluations::state.eq(if mark.is_some() { "kept" } else { "expected" }),
                    evaluations::mark.eq(mark.map(|mark| mark.mark)),
                    evaluations::origin_year.eq(mark.map(|mark| mark.origin_year)),
                ));
            }
        }
        each_backend!(&mut *tx.conn, c => diesel::insert_into(evaluations::table).values(&rows).execute(c))?;
    }
    tx.audit_all(acts)
}

/// The decision in force on a file.
///
/// # Errors
/// The database's own.
pub fn find_decision(conn: &mut Conn, registration_id: &str) -> Stored<Option<DecisionRow>> {
    Ok(t::table
        .filter(t::registration_id.eq(registration_id))
        .filter(t::kind.eq("eligibility"))
        .filter(t::superseded_at.is_null())
        .select(DecisionRow::as_select())
        .first(conn)
        .optional()?)
}

/// Files that wait for an officer, with the rule's proposal: (registration, decision), by rank.
///
/// # Errors
/// The database's own.
pub fn list_undecided(conn: &mut Conn, session_id: &str) -> Stored<Vec<(RegistrationRow, DecisionRow)>> {
    Ok(registrations::table
        .inner_join(t::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq("submitted"))
        .filter(t::kind.eq("eligibility"))
        .filter(t::superseded_at.is_null())
        .filter(t::outcome.is_null())
        .filter(t::proposed.ne("eligible"))
        .order(registrations::rank)
        .select((RegistrationRow::as_select(), DecisionRow::as_select()))
        .load(conn)?)
}

/// Which of these files an officer has decided.
///
/// # Errors
/// The database's own.
pub fn list_decided(conn: &mut Conn, registration_ids: &[String]) -> Stored<std::collections::HashSet<String>> {
    Ok(t::table
        .filter(t::registration_id.eq_any(registration_ids))
        .filter(t::kind.eq("eligibility"))
        .filter(t::superseded_at.is_null())
        .filter(t::outcome.is_not_null())
        .select(t::registration_id)
        .load::<String>(conn)?
        .into_iter()
        .collect())
}
