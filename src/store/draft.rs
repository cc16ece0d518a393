//! Drafts of registration: started, saved step by step, abandoned, submitted. A draft belongs to one account and one session;
//! its identifier becomes the registration's. Savings are no acts of the exam, so that the audit chain begins at the submission.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use super::people::{PersonRow, find_by_identity, find_person_of_user, identity_keys};
use super::schema::{
    drafts as t, evaluations, exam_sessions, identity_checks, kept_mark_claims, kept_marks, registrations, users,
    yearly_registrations,
};
use super::session::{self, SessionRow};
use super::{Conn, Stamp, StoreError, Stored, Tx, holder, new_id, reference, retention, schools};
use crate::domain::academy::Academy;
use crate::domain::evaluation::EvaluationState;
use crate::domain::holder::CheckState;
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::registration::draft::{Answers, Context, KnownMark, Step, Typed, read_identity};
use crate::domain::regulation::RegulationPack;
use crate::domain::session::{CALENDAR_LAW, SessionState};

mod again;
mod plan;
mod submission;

pub use plan::{PlanRow, PlanView, change_plan, find_plan, get_plan, is_plan_asked, may_change_plan};
pub use submission::{Submitted, find_submitted, submit};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct DraftRow {
    pub id: String,
    pub user_id: String,
    pub session_id: String,
    pub answers: String,
    pub version: i32,
    pub created_at: Stamp,
    pub updated_at: Stamp,
}

/// A draft with all that its pages need.
#[derive(Debug, Clone)]
pub struct DraftView {
    pub draft: DraftRow,
    pub answers: Answers,
    pub session: SessionRow,
    pub pack: std::sync::Arc<RegulationPack>,
    pub academy: &'static Academy,
    /// The record already tied to the account, when there is one.
    pub person: Option<PersonRow>,
    pub known: Vec<KnownMark>,
    /// Names of the listed schools that the answers name; none where the academy keeps no list.
    pub schools: Option<BTreeMap<String, String>>,
    pub today: jiff::civil::Date,
    pub is_open: bool,
    /// An officer has still to say whether this person is one already known.
    pub waits_for_check: bool,
}

impl DraftView {
    /// What the steps are read against.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            pack: &self.pack,
            academy: self.academy,
            year: self.session.year16(),
            today: self.today,
            known: &self.known,
            schools: self.schools.as_ref(),
        }
    }
}

/// Whether a candidate may still act on this session: its calendar with the pack's grace, and the list not fixed.
fn takes_registrations(session: &SessionRow, pack: &RegulationPack, now: jiff::Timestamp, with_grace: bool) -> bool {
    let grace = if with_grace { pack.registration.closing_grace_minutes.value } else { 0 };
    matches!(session.state, SessionState::Preparation | SessionState::Registration)
        && session.list_fixed_at.is_none()
        && session.calendar().is_open(now, grace)
}

/// What is said when it is too early or too late.
fn closed(session: &SessionRow, now: jiff::Timestamp) -> Refusal {
    let shown = |at| Academy::find(&session.academy_code).map_or_else(String::new, |academy| academy.show(at));
    let sentence = if now < session.registration_opens_at.0 {
        format!("Les inscriptions à la session {} ouvrent le {}.", session.year, shown(session.registration_opens_at.0))
    } else {
        format!(
            "Les inscriptions à la session {} sont closes depuis le {} : votre brouillon reste lisible, écrivez au bureau des examens.",
            session.year,
            shown(session.registration_closes_at.0)
        )
    };
    Refusal::new("registration_closed", sentence).under(CALENDAR_LAW)
}

/// Starts a draft, or gives the one already begun for this session.
///
/// # Errors
/// A refusal when registration is closed or the person already registered this year; [`StoreError::NotFound`] for whoever is no candidate.
pub fn start(tx: &mut Tx<'_>, session_id: &str) -> Stored<String> {
    let session = session::load_session(tx.conn, session_id)?;
    let object = Object::academy(&session.academy_code).owned_by(&tx.actor.user_id);
    if !may(tx.actor, Action::Apply, object) {
        return Err(StoreError::NotFound);
    }
    let known: Option<String> = t::table
        .filter(t::user_id.eq(&tx.actor.user_id))
        .filter(t::session_id.eq(session_id))
        .select(t::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    if !takes_registrations(&session, &pack, tx.at, false) {
        return Err(closed(&session, tx.at).into());
    }
    if let Some(person) = find_person_of_user(tx.conn, &tx.actor.user_id)? {
        refuse_second(tx.conn, &session, &person.id, &pack)?;
    }
    let row = DraftRow {
        id: new_id(tx.at),
        user_id: tx.actor.user_id.clone(),
        session_id: session.id.clone(),
        answers: serde_json::to_string(&Answers::default())?,
        version: 1,
        created_at: tx.stamp(),
        updated_at: tx.stamp(),
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    Ok(row.id)
}

/// One registration a year for one person, at the rectorat of their academy.
fn refuse_second(conn: &mut Conn, session: &SessionRow, person_id: &str, pack: &RegulationPack) -> Stored<()> {
    let other: Option<(String, String)> = yearly_registrations::table
        .inner_join(registrations::table.inner_join(exam_sessions::table))
        .filter(yearly_registrations::person_id.eq(person_id))
        .filter(yearly_registrations::year.eq(session.year))
        .select((exam_sessions::academy_code, registrations::number))
        .first(conn)
        .optional()?;
    let law = pack.eligibility.own_academy.law.clone();
    match other {
        Some((academy, number)) if academy == session.academy_code => Err(Refusal::new(
            "already_registered",
            format!("Vous êtes déjà inscrit(e) à la session {}, sous le numéro {number} : retrouvez ce dossier dans « Mon dossier ».", session.year),
        )
        .under(law)
        .into()),
        Some((academy, number)) => {
            let there = Academy::find(&academy).map_or_else(String::new, Academy::full_name);
            Err(Refusal::new(
                "registered_elsewhere",
                format!(
                    "Vous êtes déjà inscrit(e) à la session {} dans l’{there}, sous le numéro {number} : on s’inscrit au rectorat de sa propre académie, une seule fois par session. Si vous avez changé d’académie, retirez d’abord cette candidature.",
                    session.year
                ),
            )
            .under(law)
            .into())
        }
        // A candidature withdrawn takes no place: it is taken up again as long as registration is open.
        None => Ok(()),
    }
}

/// Keeps what was typed in a step, right or wrong, if the step has not been saved from elsewhere since `version`.
///
/// # Errors
/// [`StoreError::Conflict`] for the second tab, a refusal once registration is closed.
pub fn save_step(tx: &mut Tx<'_>, draft_id: &str, step: Step, version: u32, typed: Typed) -> Stored<()> {
    let view = get_own(tx.conn, &tx.actor.user_id, draft_id, tx.at)?;
    if !may(tx.actor, Action::Apply, Object::academy(&view.session.academy_code).owned_by(&view.draft.user_id)) {
        return Err(StoreError::NotFound);
    }
    if !view.is_open {
        return Err(closed(&view.session, tx.at).into());
    }
    if view.answers.version(step) != version {
        return Err(StoreError::Conflict(
            "Cette étape a été enregistrée entre-temps depuis un autre onglet ou un autre appareil.".into(),
        ));
    }
    let mut answers = view.answers;
    answers.keep(step, typed);
    diesel::update(t::table.find(draft_id))
        .set((
            t::answers.eq(serde_json::to_string(&answers)?),
            t::version.eq(t::version + 1),
            t::updated_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Throws a draft away, at its owner's request.
///
/// # Errors
/// [`StoreError::NotFound`] for anyone else's.
pub fn abandon(tx: &mut Tx<'_>, draft_id: &str) -> Stored<()> {
    let view = get_own(tx.conn, &tx.actor.user_id, draft_id, tx.at)?;
    retention::forget_form(tx, &view.draft.id)?;
    tx.audit("abandon_draft", ("draft", draft_id), None, None, &json!({ "session": view.session.id }))
}

/// A draft of this user, with all that its pages need.
///
/// # Errors
/// [`StoreError::NotFound`], for another's as for a missing one.
pub fn get_own(conn: &mut Conn, user_id: &str, draft_id: &str, now: jiff::Timestamp) -> Stored<DraftView> {
    let draft: DraftRow =
        t::table.find(draft_id).filter(t::user_id.eq(user_id)).select(DraftRow::as_select()).first(conn)?;
    view(conn, draft, now)
}

/// The drafts of a user, the latest first.
///
/// # Errors
/// The database's own.
pub fn list_of_user(conn: &mut Conn, user_id: &str, now: jiff::Timestamp) -> Stored<Vec<DraftView>> {
    let rows: Vec<DraftRow> =
        t::table.filter(t::user_id.eq(user_id)).order(t::updated_at.desc()).select(DraftRow::as_select()).load(conn)?;
    rows.into_iter().map(|draft| view(conn, draft, now)).collect()
}

fn view(conn: &mut Conn, draft: DraftRow, now: jiff::Timestamp) -> Stored<DraftView> {
    let session = session::load_session(conn, &draft.session_id)?;
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    let person = find_person_of_user(conn, &draft.user_id)?;
    let answers: Answers = serde_json::from_str(&draft.answers)?;
    let today = academy.date(now);
    let context = Context { pack: &pack, academy, year: session.year16(), today, known: &[], schools: None };
    let holder = match &person {
        Some(person) => Some(person.id.clone()),
        None => find_theirs(conn, &draft.user_id, &answers, &context)?,
    };
    let known = match holder {
        Some(id) => list_known_marks(conn, &id, &pack, session.year16())?,
        None => Vec::new(),
    };
    let schools = schools::find_names(conn, &session.academy_code, &answers.school_codes())?;
    let is_open = takes_registrations(&session, &pack, now, true);
    let waiting: i64 = identity_checks::table
        .filter(identity_checks::draft_id.eq(&draft.id))
        .filter(identity_checks::verdict.is_null())
        .count()
        .get_result(conn)?;
    Ok(DraftView {
        draft,
        answers,
        pack,
        academy,
        person,
        known,
        schools,
        today,
        is_open,
        waits_for_check: waiting > 0,
        session,
    })
}

/// The record not yet tied to an account that this one will be tied to: the same identity, at the same verified address.
fn find_theirs(conn: &mut Conn, user_id: &str, answers: &Answers, context: &Context<'_>) -> Stored<Option<String>> {
    let Some(identity) = read_identity(answers, context) else { return Ok(None) };
    let (usage, first, born) = (identity.usage_name.as_deref(), &identity.first_names, identity.birth_date);
    let keys = identity_keys(&identity.birth_name, usage, first, born);
    let email_key: String = users::table.find(user_id).select(users::email_key).first(conn)?;
    let theirs = find_by_identity(conn, &keys)?
        .into_iter()
        .find(|person| person.user_id.is_none() && !email_key.is_empty() && person.email_key == email_key);
    Ok(theirs.map(|person| person.id))
}

/// Marks of earlier published sessions that the pack lets this person keep, the latest of each épreuve first: which one
/// is kept is the candidate's choice.
///
/// # Errors
/// The database's own.
pub fn list_known_marks(conn: &mut Conn, person_id: &str, pack: &RegulationPack, year: i16) -> Stored<Vec<KnownMark>> {
    let rows: Vec<(i32, Option<i32>, Option<i32>, i32)> = evaluations::table
        .inner_join(registrations::table)
        .inner_join(exam_sessions::table.on(exam_sessions::id.eq(evaluations::session_id)))
        .filter(registrations::person_id.eq(person_id))
        // A mark is nobody's to use before it is public.
        .filter(exam_sessions::published_at.is_not_null())
        .filter(evaluations::state.eq_any([EvaluationState::Marked, EvaluationState::Kept]))
        .order((evaluations::epreuve, exam_sessions::year.desc()))
        .select((evaluations::epreuve, evaluations::mark, evaluations::origin_year, exam_sessions::year))
        .load(conn)?;
    // Marks of before this service count once an officer has verified them.
    let earlier = holder::list_earlier_marks(conn, person_id)?
        .into_iter()
        .filter(|row| row.state == CheckState::Verified)
        .map(|row| (row.epreuve, Some(row.mark), None, row.year));
    let mut rows: Vec<(i32, Option<i32>, Option<i32>, i32)> = rows.into_iter().chain(earlier).collect();
    rows.sort_by_key(|(epreuve, _, _, year)| (*epreuve, -*year));
    let mut known: Vec<KnownMark> = Vec::new();
    for (epreuve, mark, origin, held) in rows {
        let (Some(mark), Ok(epreuve)) = (mark, u8::try_from(epreuve)) else { continue };
        let origin = i16::try_from(origin.unwrap_or(held)).unwrap_or(i16::MAX);
        let one = KnownMark { epreuve, mark: Mark::from_hundredths(mark), origin };
        // A mark kept once is read again in each session that it served.
        if !known.contains(&one) && pack.kept_marks.refusal(&pack.marks, mark, origin, year).is_none() {
            known.push(one);
        }
    }
    Ok(known)
}

/// Sessions a candidate may register for now, each with whether this user already has a file or a draft there.
///
/// # Errors
/// The database's own.
pub fn list_choices(conn: &mut Conn, now: jiff::Timestamp) -> Stored<Vec<SessionRow>> {
    Ok(session::list_open_registrations(conn, now)?
        .into_iter()
        .filter(|row| matches!(row.state, SessionState::Preparation | SessionState::Registration))
        .filter(|row| row.registration_opens_at.0 <= now)
        .collect())
}

/// A mark of elsewhere that a candidate asks to keep, and what became of it.
#[derive(Debug, Clone, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = kept_mark_claims)]
pub struct ClaimRow {
    pub id: String,
    pub registration_id: String,
    pub epreuve: i32,
    pub mark: i32,
    pub origin_year: i32,
    pub origin_academy: String,
    pub state: String,
    pub reason: Option<String>,
    pub decided_by_name: Option<String>,
    pub decided_at: Option<Stamp>,
}

/// # Errors
/// The database's own.
pub fn list_claims(conn: &mut Conn, registration_id: &str) -> Stored<Vec<ClaimRow>> {
    Ok(kept_mark_claims::table
        .filter(kept_mark_claims::registration_id.eq(registration_id))
        .order(kept_mark_claims::epreuve)
        .select(ClaimRow::as_select())
        .load(conn)?)
}

/// An officer has read the transcript of a mark claimed: it is kept, or set aside with a reason; a mail says that a
/// decision can be read.
///
/// # Errors
/// A refusal without a reason, or once the list is fixed; [`StoreError::Conflict`] when it is decided already;
/// [`StoreError::NotFound`] for another academy.
pub fn decide_claim(
    tx: &mut Tx<'_>,
    claim_id: &str,
    holds: bool,
    reason: &str,
    notify: super::examination::Notify<'_>,
) -> Stored<()> {
    let claim: ClaimRow = kept_mark_claims::table.find(claim_id).select(ClaimRow::as_select()).first(tx.conn)?;
    let session = super::registration::get_session_of(tx.conn, &claim.registration_id)?;
    let session = session::session_for(tx, &session.id, Action::ExamineFiles)?;
    crate::domain::session::require(session.state, super::registration::OPEN_STATES, "La vérification d’une note")
        .map_err(|no| no.under(CALENDAR_LAW))?;
    let reason = reason.trim();
    if reason.chars().count() < 10 {
        return Err(
            Refusal::new("reason_missing", "Dites en une phrase au moins ce que vous avez vu sur le relevé.").into()
        );
    }
    let changed = diesel::update(kept_mark_claims::table.find(claim_id).filter(kept_mark_claims::state.eq("claimed")))
        .set((
            kept_mark_claims::state.eq(if holds { "accepted" } else { "refused" }),
            kept_mark_claims::reason.eq(reason),
            kept_mark_claims::decided_by_name.eq(&tx.actor.name),
            kept_mark_claims::decided_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(StoreError::Conflict("Cette note a déjà été vérifiée : rechargez la page.".into()));
    }
    if holds {
        let standing: i64 = kept_marks::table
            .filter(kept_marks::registration_id.eq(&claim.registration_id))
            .filter(kept_marks::epreuve.eq(claim.epreuve))
            .count()
            .get_result(tx.conn)?;
        if standing > 0 {
            return Err(Refusal::new(
                "mark_kept_already",
                format!(
                    "Une note est déjà conservée pour l’épreuve {} de ce dossier\u{a0}: écartez cette demande, ou corrigez d’abord le dossier.",
                    claim.epreuve
                ),
            )
            .into());
        }
        diesel::insert_into(kept_marks::table)
            .values(&super::registration::KeptMarkRow {
                id: new_id(tx.at),
                registration_id: claim.registration_id.clone(),
                epreuve: claim.epreuve,
                mark: claim.mark,
                origin_year: claim.origin_year,
            })
            .execute(tx.conn)?;
    }
    let detail = json!({ "epreuve": claim.epreuve, "origin": claim.origin_year, "holds": holds, "reason": reason });
    tx.audit("check_kept_mark", ("registration", &claim.registration_id), Some(&json!(claim)), Some(&detail), &detail)?;
    // Whoever must sit the épreuve after all has to know it.
    let person_id: String =
        registrations::table.find(&claim.registration_id).select(registrations::person_id).first(tx.conn)?;
    let person = super::people::get_person(tx.conn, &person_id)?;
    if !person.email.is_empty() {
        let mail = notify(&session, &person, &format!("claim:{}", claim.id));
        super::outbox::queue(tx, vec![mail])?;
    }
    Ok(())
}
