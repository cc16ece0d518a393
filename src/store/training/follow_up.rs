//! What is known of one trainee beside the hours: exempted modules, chosen modules, the tutor's meetings, corrections.
//! An exemption is granted with a reason and counts apart; a correction keeps what was noted before it.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::{AttendanceRow, managed_enrolment, training_rules};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::ModuleKind;
use crate::domain::training as rule;
use crate::store::people::fold_email;
use crate::store::schema::{
    attendance_changes, enrolments, module_choices, module_exemptions, training_sessions, tutor_meetings,
};
use crate::store::staff::today_in;
use crate::store::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = module_exemptions)]
pub struct ExemptionRow {
    pub id: String,
    pub enrolment_id: String,
    pub module_code: String,
    pub reason: String,
    pub granted_by_name: String,
    pub granted_at: Stamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tutor_meetings)]
pub struct TutorMeetingRow {
    pub id: String,
    pub enrolment_id: String,
    pub held_on: Day,
    pub notes: String,
    pub noted_by_name: String,
    pub noted_at: Stamp,
}

/// A presence corrected: what stood before, what stands after, who and why.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = attendance_changes)]
pub struct ChangeRow {
    pub id: String,
    pub enrolment_id: String,
    pub module_code: String,
    pub held_on: Day,
    pub minutes_before: i32,
    pub minutes_after: i32,
    pub reason: String,
    pub changed_by_name: String,
    pub changed_at: Stamp,
}

/// Everything of one trainee beside the hours.
#[derive(Debug, Clone, Default)]
pub struct FollowUp {
    pub chosen: Vec<String>,
    pub meetings: Vec<TutorMeetingRow>,
    pub changes: Vec<ChangeRow>,
}

// ---------------------------------------------------------------- commands

/// Excuses a trainee from a module, with its reason; a second grant changes the reason alone. An empty reason lifts it.
///
/// # Errors
/// Not found for another academy; refused for an unknown module.
pub fn exempt(tx: &mut Tx<'_>, enrolment_id: &str, module: &str, reason: &str) -> Stored<()> {
    let (_, training) = managed_enrolment(tx, enrolment_id)?;
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    if rule::find_module(&rules, module).is_none() {
        return Err(Refusal::new("no_such_module", "Choisissez le module dans la liste.").into());
    }
    let reason = reason.trim();
    let known: Option<ExemptionRow> = module_exemptions::table
        .filter(module_exemptions::enrolment_id.eq(enrolment_id))
        .filter(module_exemptions::module_code.eq(module))
        .select(ExemptionRow::as_select())
        .first(tx.conn)
        .optional()?;
    let before = known.as_ref().map(|row| json!({ "module": row.module_code, "reason": row.reason }));
    match &known {
        Some(row) if reason.is_empty() => {
            diesel::delete(module_exemptions::table.find(&row.id)).execute(tx.conn)?;
        }
        Some(row) => {
            diesel::update(module_exemptions::table.find(&row.id))
                .set((
                    module_exemptions::reason.eq(reason),
                    module_exemptions::granted_by_name.eq(&tx.actor.name),
                    module_exemptions::granted_at.eq(tx.stamp()),
                ))
                .execute(tx.conn)?;
        }
        None if reason.is_empty() => {
            return Err(Refusal::new(
                "reason_missing",
                "Indiquez le motif de la dispense\u{a0}: il figurera sur l’attestation.",
            )
            .into());
        }
        None => {
            diesel::insert_into(module_exemptions::table)
                .values(&ExemptionRow {
                    id: new_id(tx.at),
                    enrolment_id: enrolment_id.to_owned(),
                    module_code: module.to_owned(),
                    reason: reason.to_owned(),
                    granted_by_name: tx.actor.name.clone(),
                    granted_at: tx.stamp(),
                })
                .execute(tx.conn)?;
        }
    }
    let after = json!({ "module": module, "reason": reason });
    tx.audit("exempt_module", ("enrolment", enrolment_id), before.as_ref(), Some(&after), &after)
}

/// The modules of deepening that a trainee follows, as many as their hours take (MENE1710932A, art. 1).
///
/// # Errors
/// Not found for another academy; refused for a module that is not one of deepening, or for hours that do not fit.
pub fn choose_modules(tx: &mut Tx<'_>, enrolment_id: &str, chosen: &[String]) -> Stored<()> {
    let (_, training) = managed_enrolment(tx, enrolment_id)?;
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    let mut minutes = 0;
    for code in chosen {
        let module = rule::find_module(&rules, code).filter(|module| module.kind == ModuleKind::Deepening);
        let module = module.ok_or_else(|| {
            Refusal::new(
                "not_at_choice",
                format!("Le module «\u{a0}{code}\u{a0}» n’est pas au choix\u{a0}: choisissez dans la liste."),
            )
        })?;
        minutes += module.minutes.value;
    }
    if minutes > rules.deepening_minutes.value {
        return Err(Refusal::new(
            "too_many_modules",
            format!(
                "Les modules choisis durent {}\u{a0}: l’approfondissement en compte {}. Retirez-en un.",
                rule::shown(minutes),
                rule::shown(rules.deepening_minutes.value)
            ),
        )
        .under(&rules.deepening_minutes.law)
        .into());
    }
    diesel::delete(module_choices::table.filter(module_choices::enrolment_id.eq(enrolment_id))).execute(tx.conn)?;
    for code in chosen {
        diesel::insert_into(module_choices::table)
            .values((module_choices::enrolment_id.eq(enrolment_id), module_choices::module_code.eq(code)))
            .execute(tx.conn)?;
    }
    let detail = json!({ "modules": chosen });
    tx.audit("choose_modules", ("enrolment", enrolment_id), None, Some(&detail), &detail)
}

/// A meeting of the tutor with their trainee, noted by the tutor or by the training manager.
///
/// # Errors
/// Not found for a trainee of somebody else; refused for a day to come or without a word of what was said.
pub fn note_tutor_meeting(tx: &mut Tx<'_>, enrolment_id: &str, held_on: Date, notes: &str) -> Stored<String> {
    let (academy, tutor): (String, Option<String>) = enrolments::table
        .find(enrolment_id)
        .inner_join(training_sessions::table)
        .select((training_sessions::academy_code, enrolments::tutor_email_key))
        .first(tx.conn)?;
    let object = Object::academy(&academy);
    let is_manager = may(tx.actor, Action::ManageTraining, object);
    let is_tutor =
        may(tx.actor, Action::FollowTrainee, object) && tutor.as_deref() == Some(fold_email(&tx.actor.email).as_str());
    if !is_manager && !is_tutor {
        return Err(StoreError::NotFound);
    }
    let today = today_in(&academy, tx.at)?;
    crate::domain::staff::check_not_ahead("meeting_ahead", "Un entretien se note après coup", held_on, today)?;
    let notes = notes.trim();
    if notes.is_empty() {
        return Err(Refusal::new("notes_missing", "Écrivez en une phrase ce qui a été convenu.").into());
    }
    let row = TutorMeetingRow {
        id: new_id(tx.at),
        enrolment_id: enrolment_id.to_owned(),
        held_on: Day(held_on),
        notes: notes.to_owned(),
        noted_by_name: tx.actor.name.clone(),
        noted_at: tx.stamp(),
    };
    let twice: i64 = tutor_meetings::table
        .filter(tutor_meetings::enrolment_id.eq(enrolment_id))
        .filter(tutor_meetings::held_on.eq(row.held_on))
        .filter(tutor_meetings::notes.eq(notes))
        .count()
        .get_result(tx.conn)?;
    if twice > 0 {
        return Ok(row.id);
    }
    diesel::insert_into(tutor_meetings::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "held_on": held_on.to_string() });
    tx.audit("note_tutor_meeting", ("enrolment", enrolment_id), None, Some(&detail), &detail)?;
    Ok(row.id)
}

/// Keeps what a presence was before it is replaced.
pub(super) fn keep_change(tx: &mut Tx<'_>, was: &AttendanceRow, minutes: i32, reason: &str) -> Stored<()> {
    let row = ChangeRow {
        id: new_id(tx.at),
        enrolment_id: was.enrolment_id.clone(),
        module_code: was.module_code.clone(),
        held_on: was.held_on,
        minutes_before: was.minutes,
        minutes_after: minutes,
        reason: reason.to_owned(),
        changed_by_name: tx.actor.name.clone(),
        changed_at: tx.stamp(),
    };
    diesel::insert_into(attendance_changes::table).values(&row).execute(tx.conn)?;
    Ok(())
}

// ---------------------------------------------------------------- queries

/// Exemptions of these enrolments, by enrolment.
pub(super) fn exemptions_of(conn: &mut Conn, enrolment_ids: &[&str]) -> Stored<HashMap<String, Vec<ExemptionRow>>> {
    let rows: Vec<ExemptionRow> = module_exemptions::table
        .filter(module_exemptions::enrolment_id.eq_any(enrolment_ids))
        .order((module_exemptions::enrolment_id, module_exemptions::module_code))
        .select(ExemptionRow::as_select())
        .load(conn)?;
    let mut found: HashMap<String, Vec<ExemptionRow>> = HashMap::new();
    for row in rows {
        found.entry(row.enrolment_id.clone()).or_default().push(row);
    }
    Ok(found)
}

/// Choices, tutor's meetings and corrections of one trainee. The caller has checked whose trainee it is.
///
/// # Errors
/// The database's own.
pub fn find_follow_up(conn: &mut Conn, enrolment_id: &str) -> Stored<FollowUp> {
    Ok(FollowUp {
        chosen: module_choices::table
            .filter(module_choices::enrolment_id.eq(enrolment_id))
            .order(module_choices::module_code)
            .select(module_choices::module_code)
            .load(conn)?,
        meetings: tutor_meetings::table
            .filter(tutor_meetings::enrolment_id.eq(enrolment_id))
            .order((tutor_meetings::held_on.desc(), tutor_meetings::id))
            .select(TutorMeetingRow::as_select())
            .load(conn)?,
        changes: attendance_changes::table
            .filter(attendance_changes::enrolment_id.eq(enrolment_id))
            .order((attendance_changes::changed_at.desc(), attendance_changes::id))
            .select(ChangeRow::as_select())
            .load(conn)?,
    })
}

/// A tutor and how many trainees they accompany in trainings that last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TutorLoad {
    pub name: String,
    pub email_key: String,
    pub trainees: usize,
    pub is_overloaded: bool,
}

/// The tutors of an academy's trainings that are not over, the most loaded first.
///
/// # Errors
/// The database's own.
pub fn list_tutor_loads(conn: &mut Conn, academy: &str, today: Date) -> Stored<Vec<TutorLoad>> {
    let rows: Vec<(Option<String>, Option<String>, String)> = enrolments::table
        .inner_join(training_sessions::table)
        .filter(training_sessions::academy_code.eq(academy))
        .filter(training_sessions::ends_on.ge(Day(today)))
        .filter(enrolments::withdrawn_at.is_null())
        .filter(enrolments::tutor_email_key.is_not_null())
        .order((enrolments::tutor_email_key, training_sessions::id))
        .select((enrolments::tutor_email_key, enrolments::tutor_name, training_sessions::regulation_id))
        .load(conn)?;
    let mut loads: Vec<(TutorLoad, String)> = Vec::new();
    for (email, name, regulation) in rows {
        let email = email.unwrap_or_default();
        match loads.last_mut().filter(|(load, _)| load.email_key == email) {
            Some((load, _)) => load.trainees += 1,
            None => {
                let name = name.unwrap_or_default();
                loads.push((TutorLoad { name, email_key: email, trainees: 1, is_overloaded: false }, regulation));
            }
        }
    }
    let mut known: HashMap<String, crate::domain::regulation::TrainingRules> = HashMap::new();
    let mut told = Vec::with_capacity(loads.len());
    for (mut load, regulation) in loads {
        if !known.contains_key(&regulation) {
            known.insert(regulation.clone(), training_rules(conn, &regulation)?);
        }
        load.is_overloaded = known.get(&regulation).is_some_and(|rules| rule::is_overloaded(rules, load.trainees));
        told.push(load);
    }
    told.sort_by(|one, other| other.trainees.cmp(&one.trainees).then_with(|| one.name.cmp(&other.name)));
    Ok(told)
}
