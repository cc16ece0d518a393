//! Training sessions, their trainees and tutors, and the hours noted from attendance sheets.
//! A training keeps the regulation pack it was opened under. A tutor is kept by address as well as by record,
//! because the jury must find a tutor among its members whatever list they came from.

mod answers;
mod convocations;
mod file;
mod follow_up;
mod meetings;
mod own;
mod places;
mod presences;
mod statistics;

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

pub use self::answers::{Answer, Opinion, answer, find_opinion, has_answered};
pub use self::convocations::{Convened, list_to_convene, mark_convened};
pub use self::file::{
    Followed, HeldDay, Sight, Trainee, TrainingFile, TrainingLine, get_training, get_training_academy, list_enrollable,
    list_followed, list_trainings, list_tutor_emails,
};
pub use self::follow_up::{
    ChangeRow, ExemptionRow, FollowUp, TutorLoad, TutorMeetingRow, choose_modules, exempt, find_follow_up,
    list_tutor_loads, note_tutor_meeting,
};
pub use self::meetings::{
    Clash, MeetingRow, NewMeeting, cancel_meeting, change_meeting, find_meeting, get_meeting, list_clashes,
    list_meetings, plan_meeting,
};
pub use self::own::{OpenTraining, OwnTraining, find_own, list_open, person_of_user};
pub use self::places::{
    Offer, Placed, RequestRow, RequestView, Untold, ask_place, cancel_request, decide_request, describe_offer,
    find_offer, list_requests, list_untold, mark_told, place,
};
pub use self::presences::{PresenceMethod, PresenceRow, list_presences, note_meeting, sign_presence};
pub use self::statistics::{Statistics, statistics};
use super::reference::rules_of;
use super::schema::{attendances, enrolments, people, training_sessions};
use super::staff::{may_or_hide, today_in};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::regulation::TrainingRules;
use crate::domain::training::{self as rule, AttendanceFacts, Presence};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = training_sessions)]
pub struct TrainingRow {
    pub id: String,
    pub academy_code: String,
    pub title: String,
    /// Year of the start of classes: 2026 for 2026-2027.
    pub school_year: i32,
    pub regulation_id: String,
    pub starts_on: Day,
    pub ends_on: Day,
    pub place: String,
    pub created_at: Stamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = enrolments)]
pub struct EnrolmentRow {
    pub id: String,
    pub training_session_id: String,
    pub person_id: String,
    pub tutor_person_id: Option<String>,
    pub tutor_name: Option<String>,
    pub tutor_email_key: Option<String>,
    pub enrolled_at: Stamp,
    pub withdrawn_at: Option<Stamp>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = attendances)]
pub struct AttendanceRow {
    pub id: String,
    pub enrolment_id: String,
    pub module_code: String,
    pub held_on: Day,
    pub minutes: i32,
    pub noted_by: String,
    pub noted_at: Stamp,
}

#[derive(Debug, Clone)]
pub struct NewTraining {
    pub academy_code: String,
    pub title: String,
    pub school_year: i32,
    pub regulation_id: String,
    pub starts_on: Date,
    pub ends_on: Date,
    pub place: String,
}

/// Who accompanies a trainee: somebody with a record here, or somebody known by name and address.
#[derive(Debug, Clone)]
pub enum Tutor {
    Person(String),
    Outside { name: String, email: EmailAddress },
}

#[derive(Debug, Clone)]
pub struct Designation {
    pub tutor: Tutor,
    /// Whoever designates says that the tutor fulfils the conditions of the order.
    pub is_qualified: bool,
}

/// One attendance sheet: a module, a day, and the minutes of each trainee present.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub module: String,
    pub held_on: Date,
    /// Why the module takes more than its hours; empty when it does not.
    pub reason: String,
    /// Enrolment and minutes; zero takes back a presence noted by mistake.
    pub lines: Vec<(String, u32)>,
}

// ---------------------------------------------------------------- commands

/// Opens a training under a regulation pack, which it keeps.
///
/// # Errors
/// Not found for a foreign academy or an unknown pack; refused for dates outside the school year.
pub fn open_training(tx: &mut Tx<'_>, new: &NewTraining) -> Stored<String> {
    may_or_hide(tx, Action::ManageTraining, &new.academy_code)?;
    training_rules(tx.conn, &new.regulation_id)?;
    rule::check_dates(new.school_year, new.starts_on, new.ends_on)?;
    let same: Option<String> = training_sessions::table
        .filter(training_sessions::academy_code.eq(&new.academy_code))
        .filter(training_sessions::title.eq(&new.title))
        .filter(training_sessions::starts_on.eq(Day(new.starts_on)))
        .filter(training_sessions::ends_on.eq(Day(new.ends_on)))
        .filter(training_sessions::place.eq(&new.place))
        .select(training_sessions::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = same {
        // The same form sent twice opens one training.
        return Ok(id);
    }
    let row = TrainingRow {
        id: new_id(tx.at),
        academy_code: new.academy_code.clone(),
        title: new.title.clone(),
        school_year: new.school_year,
        regulation_id: new.regulation_id.clone(),
        starts_on: Day(new.starts_on),
        ends_on: Day(new.ends_on),
        place: new.place.clone(),
        created_at: tx.stamp(),
    };
    diesel::insert_into(training_sessions::table).values(&row).execute(tx.conn)?;
    let state = json!({
        "title": row.title, "school_year": row.school_year, "regulation": row.regulation_id,
        "starts_on": new.starts_on.to_string(), "ends_on": new.ends_on.to_string(), "place": row.place,
    });
    tx.audit("open_training", ("training", &row.id), None, Some(&state), &state)?;
    Ok(row.id)
}

/// Puts somebody on the list of trainees; somebody who had left comes back under the same enrolment.
///
/// # Errors
/// Not found when the training or the person is of another academy; refused for a tutor who cannot be.
pub fn enrol(tx: &mut Tx<'_>, training_id: &str, person_id: &str, tutor: Option<&Designation>) -> Stored<String> {
    let training = managed_training(tx, training_id)?;
    person_of(tx.conn, &training.academy_code, person_id)?;
    let existing: Option<EnrolmentRow> = enrolments::table
        .filter(enrolments::training_session_id.eq(training_id))
        .filter(enrolments::person_id.eq(person_id))
        .select(EnrolmentRow::as_select())
        .first(tx.conn)
        .optional()?;
    let id = match existing {
        Some(row) if row.withdrawn_at.is_none() => row.id,
        Some(row) => {
            diesel::update(enrolments::table.find(&row.id))
                .set(enrolments::withdrawn_at.eq(None::<Stamp>))
                .execute(tx.conn)?;
            let detail = json!({ "person": person_id, "training": training_id });
            tx.audit("enrol_again", ("enrolment", &row.id), None, None, &detail)?;
            row.id
        }
        None => {
            let row = EnrolmentRow {
                id: new_id(tx.at),
                training_session_id: training_id.to_owned(),
                person_id: person_id.to_owned(),
                tutor_person_id: None,
                tutor_name: None,
                tutor_email_key: None,
                enrolled_at: tx.stamp(),
                withdrawn_at: None,
            };
            diesel::insert_into(enrolments::table).values(&row).execute(tx.conn)?;
            let detail = json!({ "person": person_id, "training": training_id });
            tx.audit("enrol", ("enrolment", &row.id), None, Some(&detail), &detail)?;
            row.id
        }
    };
    if let Some(tutor) = tutor {
        designate_tutor(tx, &id, tutor)?;
    }
    Ok(id)
}

/// The trainee leaves the training; the hours noted stay.
///
/// # Errors
/// Not found for an enrolment of another academy.
pub fn withdraw_trainee(tx: &mut Tx<'_>, enrolment_id: &str) -> Stored<()> {
    let (enrolment, training) = managed_enrolment(tx, enrolment_id)?;
    if enrolment.withdrawn_at.is_some() {
        return Ok(());
    }
    diesel::update(enrolments::table.find(enrolment_id))
        .set(enrolments::withdrawn_at.eq(Some(tx.stamp())))
        .execute(tx.conn)?;
    let detail = json!({ "person": enrolment.person_id, "training": enrolment.training_session_id });
    tx.audit("withdraw_trainee", ("enrolment", enrolment_id), None, None, &detail)?;
    places::promote(tx, &training)
}

/// Names the tutor, until the épreuves; a later designation replaces it and the audit chain keeps both.
///
/// # Errors
/// Not found for another academy; refused when the tutor is the trainee or is not vouched for.
pub fn designate_tutor(tx: &mut Tx<'_>, enrolment_id: &str, designation: &Designation) -> Stored<()> {
    let (enrolment, training) = managed_enrolment(tx, enrolment_id)?;
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    let trainee_email: String = people::table.find(&enrolment.person_id).select(people::email_key).first(tx.conn)?;
    let (person_id, name, email_key) = match &designation.tutor {
        Tutor::Person(id) => {
            let (name, email) = person_of(tx.conn, &training.academy_code, id)?;
            (Some(id.clone()), name, email)
        }
        Tutor::Outside { name, email } => {
            // Somebody with a record here is linked to it, so that a change of address is followed.
            let known: Option<String> = people::table
                .filter(people::academy_code.eq(&training.academy_code))
                .filter(people::email_key.eq(email.key()))
                .order(people::id)
                .select(people::id)
                .first(tx.conn)
                .optional()?;
            (known, name.clone(), email.key())
        }
    };
    let is_trainee = person_id.as_deref() == Some(enrolment.person_id.as_str()) || email_key == trainee_email;
    rule::check_tutor(&rules, is_trainee, designation.is_qualified)?;
    let same = enrolment.tutor_email_key.as_deref() == Some(email_key.as_str())
        && enrolment.tutor_name.as_deref() == Some(name.as_str());
    if same {
        return Ok(());
    }
    let before = json!({ "tutor": enrolment.tutor_name, "email": enrolment.tutor_email_key });
    let after = json!({ "tutor": name, "email": email_key });
    diesel::update(enrolments::table.find(enrolment_id))
        .set((
            enrolments::tutor_person_id.eq(person_id),
            enrolments::tutor_name.eq(Some(&name)),
            enrolments::tutor_email_key.eq(Some(&email_key)),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "tutor": name, "qualified": true, "trainee": enrolment.person_id });
    tx.audit("designate_tutor", ("enrolment", enrolment_id), Some(&before), Some(&after), &detail)
}

/// One presence of one trainee.
///
/// # Errors
/// Those of [`note_sheet`].
pub fn note_attendance(
    tx: &mut Tx<'_>,
    enrolment_id: &str,
    module: &str,
    held_on: Date,
    minutes: u32,
    reason: &str,
) -> Stored<usize> {
    let training_id: String =
        enrolments::table.find(enrolment_id).select(enrolments::training_session_id).first(tx.conn)?;
    let sheet = Sheet {
        module: module.to_owned(),
        held_on,
        reason: reason.to_owned(),
        lines: vec![(enrolment_id.to_owned(), minutes)],
    };
    note_sheet(tx, &training_id, &sheet)
}

/// Notes a whole sheet or nothing of it; returns how many presences changed. Noting the same sheet again changes none.
///
/// # Errors
/// Not found for a training or a trainee of elsewhere; refused with the trainee's name for a presence that cannot be.
pub fn note_sheet(tx: &mut Tx<'_>, training_id: &str, sheet: &Sheet) -> Stored<usize> {
    let training = managed_training(tx, training_id)?;
    note_lines(tx, &training, sheet)
}

/// [`note_sheet`] once it is known that the actor may note these lines.
fn note_lines(tx: &mut Tx<'_>, training: &TrainingRow, sheet: &Sheet) -> Stored<usize> {
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    let today = today_in(&training.academy_code, tx.at)?;
    let names: HashMap<String, (String, Option<Stamp>)> = list_enrolled(tx.conn, &training.id)?
        .into_iter()
        .map(|(row, name)| (row.id, (name, row.withdrawn_at)))
        .collect();
    let ids: Vec<&str> = sheet.lines.iter().map(|(id, _)| id.as_str()).collect();
    let mut noted: HashMap<String, Vec<AttendanceRow>> = HashMap::new();
    for row in attendances_of(tx.conn, &ids)? {
        noted.entry(row.enrolment_id.clone()).or_default().push(row);
    }
    let mut changed = 0;
    for (enrolment_id, minutes) in &sheet.lines {
        let (name, withdrawn_at) = names.get(enrolment_id).ok_or(StoreError::NotFound)?;
        let known = noted.get(enrolment_id).map_or(&[][..], Vec::as_slice);
        let same_line = |row: &&AttendanceRow| row.module_code == sheet.module && row.held_on.0 == sheet.held_on;
        let current = known.iter().find(same_line);
        let before = current.map_or(0, |row| row.minutes.unsigned_abs());
        if before == *minutes {
            continue;
        }
        let named = |refusal: Refusal| Refusal { sentence: format!("{name}\u{a0}: {}", refusal.sentence), ..refusal };
        if withdrawn_at.is_some() {
            return Err(named(Refusal::new(
                "trainee_withdrawn",
                "cette personne a quitté la formation\u{a0}: réinscrivez-la avant de noter une présence.",
            ))
            .into());
        }
        if *minutes > 0 {
            let others = |keep: &dyn Fn(&AttendanceRow) -> bool| -> u32 {
                known.iter().filter(|row| keep(row)).map(|row| row.minutes.unsigned_abs()).sum()
            };
            let facts = AttendanceFacts {
                rules: &rules,
                starts_on: training.starts_on.0,
                ends_on: training.ends_on.0,
                today,
                module_minutes: others(&|row| row.module_code == sheet.module && row.held_on.0 != sheet.held_on),
                day_minutes: others(&|row| row.module_code != sheet.module && row.held_on.0 == sheet.held_on),
            };
            let presence =
                Presence { module: &sheet.module, held_on: sheet.held_on, minutes: *minutes, reason: &sheet.reason };
            rule::check_attendance(&facts, &presence).map_err(named)?;
        }
        write_presence(tx, enrolment_id, sheet, *minutes, current)?;
        changed += 1;
    }
    Ok(changed)
}

fn write_presence(
    tx: &mut Tx<'_>,
    enrolment_id: &str,
    sheet: &Sheet,
    minutes: u32,
    current: Option<&AttendanceRow>,
) -> Stored<()> {
    let stored = i32::try_from(minutes).map_err(|e| StoreError::Broken(e.to_string()))?;
    let (noted_by, noted_at) = (tx.actor.name.clone(), tx.stamp());
    match current {
        Some(row) if minutes == 0 => {
            diesel::delete(attendances::table.find(&row.id)).execute(tx.conn)?;
        }
        Some(row) => {
            diesel::update(attendances::table.find(&row.id))
                .set((
                    attendances::minutes.eq(stored),
                    attendances::noted_by.eq(noted_by),
                    attendances::noted_at.eq(noted_at),
                ))
                .execute(tx.conn)?;
        }
        None => {
            diesel::insert_into(attendances::table)
                .values(&AttendanceRow {
                    id: new_id(tx.at),
                    enrolment_id: enrolment_id.to_owned(),
                    module_code: sheet.module.clone(),
                    held_on: Day(sheet.held_on),
                    minutes: stored,
                    noted_by,
                    noted_at,
                })
                .execute(tx.conn)?;
        }
    }
    if let Some(row) = current {
        // What was noted stays to be read beside what replaces it.
        follow_up::keep_change(tx, row, stored, &sheet.reason)?;
    }
    let before = current.map(|row| json!({ "minutes": row.minutes, "noted_by": row.noted_by }));
    let after = json!({ "minutes": minutes });
    let detail = json!({
        "module": sheet.module, "held_on": sheet.held_on.to_string(), "minutes": minutes,
        "was": current.map(|row| row.minutes), "reason": sheet.reason,
    });
    tx.audit("note_attendance", ("enrolment", enrolment_id), before.as_ref(), Some(&after), &detail)
}

// ---------------------------------------------------------------- shared

/// The training part of a stored regulation pack, parsed once per text.
fn training_rules(conn: &mut Conn, pack_id: &str) -> Stored<TrainingRules> {
    Ok(rules_of(conn, pack_id)?.training.clone())
}

/// Name as shown in lists: the name in use, then the first names.
#[must_use]
pub fn full_name(birth_name: &str, usage_name: Option<&str>, first_names: &str) -> String {
    let name = usage_name.filter(|name| !name.is_empty()).unwrap_or(birth_name);
    format!("{name} {first_names}")
}

fn managed_training(tx: &mut Tx<'_>, id: &str) -> Stored<TrainingRow> {
    let training: TrainingRow = training_sessions::table.find(id).select(TrainingRow::as_select()).first(tx.conn)?;
    may_or_hide(tx, Action::ManageTraining, &training.academy_code)?;
    Ok(training)
}

fn managed_enrolment(tx: &mut Tx<'_>, id: &str) -> Stored<(EnrolmentRow, TrainingRow)> {
    let enrolment: EnrolmentRow = enrolments::table.find(id).select(EnrolmentRow::as_select()).first(tx.conn)?;
    let training = managed_training(tx, &enrolment.training_session_id)?;
    Ok((enrolment, training))
}

/// Name and address key of a person of this academy.
fn person_of(conn: &mut Conn, academy: &str, id: &str) -> Stored<(String, String)> {
    let (birth, usage, first, email): (String, Option<String>, String, String) = people::table
        .find(id)
        .filter(people::academy_code.eq(academy))
        .select((people::birth_name, people::usage_name, people::first_names, people::email_key))
        .first(conn)?;
    Ok((full_name(&birth, usage.as_deref(), &first), email))
}

fn list_enrolled(conn: &mut Conn, training_id: &str) -> Stored<Vec<(EnrolmentRow, String)>> {
    let rows: Vec<(EnrolmentRow, String, Option<String>, String)> = enrolments::table
        .inner_join(people::table.on(people::id.eq(enrolments::person_id)))
        .filter(enrolments::training_session_id.eq(training_id))
        .order((people::sort_key, enrolments::id))
        .select((EnrolmentRow::as_select(), people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    let named = rows.into_iter().map(|(row, birth, usage, first)| {
        let name = full_name(&birth, usage.as_deref(), &first);
        (row, name)
    });
    Ok(named.collect())
}

fn attendances_of(conn: &mut Conn, enrolment_ids: &[&str]) -> Stored<Vec<AttendanceRow>> {
    Ok(attendances::table
        .filter(attendances::enrolment_id.eq_any(enrolment_ids))
        .order((attendances::held_on, attendances::module_code, attendances::id))
        .select(AttendanceRow::as_select())
        .load(conn)?)
}
