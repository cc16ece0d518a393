//! What the commission of épreuve 1 will come and see: declared with the form, and changed by its candidate until the
//! convocations leave, for a place changes and a mark that was to be kept may be set aside.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::{ClaimRow, list_claims};
use crate::domain::academy::Academy;
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::registration::draft::{ActionPlan, Answers, Context, Fault, Step, Typed, read_plan};
use crate::domain::regulation::RegulationPack;
use crate::domain::session::{CALENDAR_LAW, SessionState, require};
use crate::store::registration::{FileView, KeptMarkRow, RegistrationRow};
use crate::store::schema::{action_plans as t, kept_marks, people, registrations};
use crate::store::session::{self, SessionRow};
use crate::store::{Conn, StoreError, Stored, Tx, reference, schools};

/// Where and when épreuve 1 may be seen, as the candidate declared it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = t)]
#[diesel(treat_none_as_null = true)]
pub struct PlanRow {
    pub registration_id: String,
    pub host_uai: Option<String>,
    pub host_name: String,
    pub action: String,
    pub young_people: i32,
    pub days: String,
    pub unavailable: String,
}

impl PlanRow {
    fn of(registration_id: &str, plan: &ActionPlan) -> Self {
        PlanRow {
            registration_id: registration_id.to_owned(),
            host_uai: plan.uai.as_ref().map(|uai| uai.as_str().to_owned()),
            host_name: plan.place.clone(),
            action: plan.action.clone(),
            young_people: plan.young_people,
            days: plan.days.join(", "),
            unavailable: plan.unavailable.clone(),
        }
    }
}

/// # Errors
/// The database's own.
pub fn find_plan(conn: &mut Conn, registration_id: &str) -> Stored<Option<PlanRow>> {
    Ok(t::table.find(registration_id).select(PlanRow::as_select()).first(conn).optional()?)
}

/// Writes what was declared with the form, when the épreuve is to be sat.
pub(super) fn plan_action(tx: &mut Tx<'_>, registration_id: &str, plan: Option<&ActionPlan>) -> Stored<()> {
    if let Some(plan) = plan {
        diesel::insert_into(t::table).values(&PlanRow::of(registration_id, plan)).execute(tx.conn)?;
    }
    Ok(())
}

/// Before the convocations leave.
const PLAN_STATES: &[SessionState] =
    &[SessionState::Preparation, SessionState::Registration, SessionState::Examination, SessionState::ListFixed];

/// Whether the session of épreuve 1 may be told or changed: it is sat, and the convocations have not left.
#[must_use]
pub fn is_plan_asked(view: &FileView, claims: &[ClaimRow]) -> bool {
    sits_first(&view.kept_marks, claims)
        && STANDING.contains(&view.registration.state.as_str())
        && may_change_plan(&view.session).is_ok()
}

/// Whether épreuve 1 is sat, as far as it is known: no mark is kept for it, none waits to be verified.
fn sits_first(kept: &[KeptMarkRow], claims: &[ClaimRow]) -> bool {
    kept.iter().all(|mark| mark.epreuve != 1)
        && claims.iter().all(|claim| claim.epreuve != 1 || claim.state != "claimed")
}

/// States of a registration that still has an épreuve before it.
const STANDING: [&str; 2] = ["submitted", "admitted"];

/// A registration whose plan this actor may read: its owner, or the office of its academy on their behalf.
fn file_for(
    conn: &mut Conn,
    actor: &Actor,
    registration_id: &str,
) -> Stored<(RegistrationRow, Option<String>, SessionRow)> {
    let (registration, owner): (RegistrationRow, Option<String>) = registrations::table
        .inner_join(people::table)
        .filter(registrations::id.eq(registration_id))
        .filter(registrations::state.eq_any(STANDING))
        .select((RegistrationRow::as_select(), people::user_id))
        .first(conn)?;
    let session = session::load_session(conn, &registration.session_id)?;
    let place = Object::academy(&session.academy_code);
    let is_own = owner.as_ref() == Some(&actor.user_id) && may(actor, Action::Apply, place.owned_by(&actor.user_id));
    if !is_own && !may(actor, Action::ExamineFiles, place) {
        return Err(StoreError::NotFound);
    }
    let kept: Vec<KeptMarkRow> = kept_marks::table
        .filter(kept_marks::registration_id.eq(registration_id))
        .select(KeptMarkRow::as_select())
        .load(conn)?;
    if !sits_first(&kept, &list_claims(conn, registration_id)?) {
        return Err(StoreError::NotFound);
    }
    Ok((registration, owner, session))
}

/// The plan of a registration, with all that its form needs.
#[derive(Debug, Clone)]
pub struct PlanView {
    pub registration: RegistrationRow,
    /// The account of its candidate, when there is one.
    pub owner: Option<String>,
    pub session: SessionRow,
    /// The posting of the registration, and the plan that stands, as if they had been typed.
    pub answers: Answers,
    pub schools: Option<BTreeMap<String, String>>,
    pub today: Date,
    academy: &'static Academy,
    pack: Arc<RegulationPack>,
}

impl PlanView {
    /// What the plan is read against.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            pack: &self.pack,
            academy: self.academy,
            year: self.session.year16(),
            today: self.today,
            known: &[],
            schools: self.schools.as_ref(),
        }
    }

    /// The plan that was typed, or what is to be corrected in it.
    ///
    /// # Errors
    /// Each fault beside its field.
    pub fn read(&self) -> Result<ActionPlan, Vec<Fault>> {
        read_plan(&self.answers, &self.context())
    }
}

/// The plan of a registration for its owner, or for the office of its academy on their behalf, with what was just typed
/// in the place of what stands.
///
/// # Errors
/// [`StoreError::NotFound`] for anyone else, a file that is no longer examined or admitted, an épreuve that is not sat.
pub fn get_plan(
    conn: &mut Conn,
    actor: &Actor,
    registration_id: &str,
    typed: Option<Typed>,
    now: jiff::Timestamp,
) -> Stored<PlanView> {
    let (registration, owner, session) = file_for(conn, actor, registration_id)?;
    let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    let mut answers = Answers::default();
    answers.keep(Step::Posting, posting_of(&registration));
    let typed = match typed {
        Some(typed) => Some(typed),
        None => find_plan(conn, registration_id)?.map(|plan| typed_of(&registration, &plan)),
    };
    if let Some(typed) = typed {
        answers.keep(Step::Action, typed);
    }
    Ok(PlanView {
        schools: schools::find_names(conn, &session.academy_code, &answers.school_codes())?,
        pack: reference::rules_of(conn, &session.regulation_id)?,
        today: academy.date(now),
        registration,
        owner,
        session,
        academy,
        answers,
    })
}

fn fields<const N: usize>(all: [(&str, String); N]) -> Typed {
    all.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect()
}

/// Whoever has no school of their own is in a service, and names one.
fn posting_of(registration: &RegistrationRow) -> Typed {
    let place = if registration.uai.is_some() { "etablissement" } else { "service" };
    fields([
        ("lieu", place.to_owned()),
        ("uai", registration.uai.clone().unwrap_or_default()),
        ("etablissement", registration.school_name.clone()),
        ("departement", registration.department.clone()),
    ])
}

fn typed_of(registration: &RegistrationRow, plan: &PlanRow) -> Typed {
    let is_own = plan.host_uai.is_some() && plan.host_uai == registration.uai;
    let elsewhere = |text: &str| if is_own { String::new() } else { text.to_owned() };
    let mut typed = fields([
        ("accueil", if is_own { "mon_etablissement" } else { "autre" }.to_owned()),
        ("accueil_uai", elsewhere(plan.host_uai.as_deref().unwrap_or_default())),
        ("accueil_nom", elsewhere(&plan.host_name)),
        ("action", plan.action.clone()),
        ("effectif", plan.young_people.to_string()),
        ("indisponible", plan.unavailable.clone()),
    ]);
    typed.insert("jours".to_owned(), plan.days.split(", ").map(str::to_owned).collect());
    typed
}

/// Whether the convocations have not left yet.
///
/// # Errors
/// `wrong_state`, with what to do then.
pub fn may_change_plan(session: &SessionRow) -> Result<(), Refusal> {
    require(session.state, PLAN_STATES, "Le changement de la séance").map_err(|no| no.under(CALENDAR_LAW))
}

/// Puts this plan in the place of the one that stood.
///
/// # Errors
/// [`StoreError::NotFound`] for another's file; a refusal once the convocations have left.
pub fn change_plan(tx: &mut Tx<'_>, registration_id: &str, plan: &ActionPlan) -> Stored<()> {
    let (.., session) = file_for(tx.conn, tx.actor, registration_id)?;
    may_change_plan(&session)?;
    let before = find_plan(tx.conn, registration_id)?;
    let row = PlanRow::of(registration_id, plan);
    if before.is_some() {
        diesel::update(t::table.find(registration_id)).set(&row).execute(tx.conn)?;
    } else {
        diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    }
    let before = before.map(|before| json!(before));
    tx.audit("plan_action", ("registration", registration_id), before.as_ref(), Some(&json!(row)), &json!({}))
}
