//! Trainings as they are read back: lists, one training with its trainees and hours, one person's trainings,
//! and the tutors that the jury must not seat before their own trainee.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use jiff::civil::Date;

use super::follow_up::{ExemptionRow, exemptions_of};
use super::{AttendanceRow, EnrolmentRow, TrainingRow, attendances_of, full_name, list_enrolled, training_rules};
use crate::domain::regulation::TrainingRules;
use crate::domain::training::{self as rule, Hours};
use crate::store::schema::{enrolments, people, training_sessions};
use crate::store::staff::{StaffFilter, selected};
use crate::store::{Conn, StoreError, Stored};

/// Whose trainees are seen: all of the academy, or those one tutor accompanies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    Academy,
    TutoredBy { email_key: String },
}

#[derive(Debug, Clone)]
pub struct TrainingLine {
    pub training: TrainingRow,
    /// Trainees who have not left, within sight.
    pub trainees: usize,
    pub without_tutor: usize,
}

/// The trainings of an academy, the latest first.
///
/// # Errors
/// The database's own.
pub fn list_trainings(conn: &mut Conn, academy: &str, sight: &Sight) -> Stored<Vec<TrainingLine>> {
    let rows: Vec<TrainingRow> = training_sessions::table
        .filter(training_sessions::academy_code.eq(academy))
        .order((training_sessions::school_year.desc(), training_sessions::starts_on.desc(), training_sessions::id))
        .select(TrainingRow::as_select())
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let enrolled: Vec<(String, Option<String>)> = enrolments::table
        .filter(enrolments::training_session_id.eq_any(&ids))
        .filter(enrolments::withdrawn_at.is_null())
        .select((enrolments::training_session_id, enrolments::tutor_email_key))
        .load(conn)?;
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    for (id, tutor) in enrolled {
        if sees(sight, tutor.as_deref()) {
            let count = counts.entry(id).or_default();
            count.0 += 1;
            count.1 += usize::from(tutor.is_none());
        }
    }
    let lines = rows.into_iter().map(|training| {
        let (trainees, without_tutor) = counts.get(&training.id).copied().unwrap_or_default();
        TrainingLine { training, trainees, without_tutor }
    });
    Ok(lines.filter(|line| *sight == Sight::Academy || line.trainees > 0).collect())
}

#[derive(Debug, Clone)]
pub struct Trainee {
    pub enrolment: EnrolmentRow,
    pub name: String,
    pub hours: Hours,
    pub attendances: Vec<AttendanceRow>,
    /// Modules excused, each with its reason.
    pub exemptions: Vec<ExemptionRow>,
}

/// A day of a module that was noted, and how many were there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldDay {
    pub held_on: Date,
    pub module: String,
    pub present: usize,
}

/// Everything shown on the page of a training.
#[derive(Debug, Clone)]
pub struct TrainingFile {
    pub training: TrainingRow,
    pub rules: TrainingRules,
    /// In alphabetical order, those who left last.
    pub trainees: Vec<Trainee>,
    /// The latest first.
    pub days: Vec<HeldDay>,
}

/// # Errors
/// Not found for a training of another academy, or one in which the tutor accompanies nobody.
pub fn get_training(conn: &mut Conn, academy: &str, id: &str, sight: &Sight) -> Stored<TrainingFile> {
    let training: TrainingRow = training_sessions::table
        .find(id)
        .filter(training_sessions::academy_code.eq(academy))
        .select(TrainingRow::as_select())
        .first(conn)?;
    let rules = training_rules(conn, &training.regulation_id)?;
    let mut enrolled = list_enrolled(conn, id)?;
    enrolled.retain(|(row, _)| sees(sight, row.tutor_email_key.as_deref()));
    if enrolled.is_empty() && *sight != Sight::Academy {
        return Err(StoreError::NotFound);
    }
    enrolled.sort_by_key(|(row, _)| row.withdrawn_at.is_some());
    let ids: Vec<&str> = enrolled.iter().map(|(row, _)| row.id.as_str()).collect();
    let noted = attendances_of(conn, &ids)?;
    let mut days: BTreeMap<(Date, String), usize> = BTreeMap::new();
    let mut by_enrolment: HashMap<String, Vec<AttendanceRow>> = HashMap::new();
    for row in noted {
        *days.entry((row.held_on.0, row.module_code.clone())).or_default() += 1;
        by_enrolment.entry(row.enrolment_id.clone()).or_default().push(row);
    }
    let mut excused = exemptions_of(conn, &ids)?;
    let trainees = enrolled
        .into_iter()
        .map(|(enrolment, name)| {
            let attendances = by_enrolment.remove(&enrolment.id).unwrap_or_default();
            let exemptions = excused.remove(&enrolment.id).unwrap_or_default();
            Trainee { hours: count(&rules, &attendances, &exemptions), enrolment, name, attendances, exemptions }
        })
        .collect();
    let days =
        days.into_iter().rev().map(|((held_on, module), present)| HeldDay { held_on, module, present }).collect();
    Ok(TrainingFile { training, rules, trainees, days })
}

/// One training somebody follows or followed, with its hours.
#[derive(Debug, Clone)]
pub struct Followed {
    pub training: TrainingRow,
    pub enrolment: EnrolmentRow,
    pub hours: Hours,
}

/// The trainings of one person, the latest first. The caller has checked whose person it is.
///
/// # Errors
/// The database's own.
pub fn list_followed(conn: &mut Conn, person_id: &str) -> Stored<Vec<Followed>> {
    let rows: Vec<(EnrolmentRow, TrainingRow)> = enrolments::table
        .inner_join(training_sessions::table)
        .filter(enrolments::person_id.eq(person_id))
        .order((training_sessions::starts_on.desc(), enrolments::id))
        .select((EnrolmentRow::as_select(), TrainingRow::as_select()))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|(row, _)| row.id.as_str()).collect();
    let noted = attendances_of(conn, &ids)?;
    let mut rules: HashMap<String, TrainingRules> = HashMap::new();
    for (_, training) in &rows {
        if !rules.contains_key(&training.regulation_id) {
            rules.insert(training.regulation_id.clone(), training_rules(conn, &training.regulation_id)?);
        }
    }
    let excused = exemptions_of(conn, &ids)?;
    let followed = rows.into_iter().filter_map(|(enrolment, training)| {
        let rules = rules.get(&training.regulation_id)?;
        let own = noted.iter().filter(|row| row.enrolment_id == enrolment.id);
        let exempted = excused.get(&enrolment.id).map_or(&[][..], Vec::as_slice);
        Some(Followed { hours: count(rules, own, exempted), enrolment, training })
    });
    Ok(followed.collect())
}

/// Tutors of these people, for conflicts of interest: person, tutor's address, tutor's record when there is one.
///
/// # Errors
/// The database's own.
pub fn list_tutor_emails(conn: &mut Conn, person_ids: &[String]) -> Stored<Vec<(String, String, Option<String>)>> {
    let mut found = Vec::new();
    // In slices: an engine takes a bounded number of parameters.
    for ids in person_ids.chunks(1_000) {
        let rows: Vec<(String, Option<String>, Option<String>)> = enrolments::table
            .filter(enrolments::person_id.eq_any(ids))
            .filter(enrolments::tutor_email_key.is_not_null())
            .order((enrolments::person_id, enrolments::id))
            .select((enrolments::person_id, enrolments::tutor_email_key, enrolments::tutor_person_id))
            .load(conn)?;
        found.extend(rows.into_iter().filter_map(|(person, email, tutor)| Some((person, email?, tutor))));
    }
    Ok(found)
}

/// People of the academy of that name who may be enrolled: not on the list already, in alphabetical order.
///
/// # Errors
/// The database's own.
pub fn list_enrollable(
    conn: &mut Conn,
    academy: &str,
    training_id: &str,
    typed: &str,
    limit: i64,
) -> Stored<Vec<(String, String)>> {
    let on_list = enrolments::table
        .filter(enrolments::training_session_id.eq(training_id))
        .filter(enrolments::withdrawn_at.is_null())
        .select(enrolments::person_id);
    let filter = StaffFilter { name: typed.to_owned(), ..StaffFilter::default() };
    // Without a department nothing depends on the day.
    let rows: Vec<(String, String, Option<String>, String)> = selected(academy, &filter, Date::ZERO)
        .filter(people::id.ne_all(on_list))
        .order((people::sort_key, people::id))
        .limit(limit)
        .select((people::id, people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, birth, usage, first)| (id, full_name(&birth, usage.as_deref(), &first))).collect())
}

fn count<'a>(
    rules: &TrainingRules,
    rows: impl IntoIterator<Item = &'a AttendanceRow>,
    exemptions: &[ExemptionRow],
) -> Hours {
    let noted = rows.into_iter().map(|row| (row.module_code.as_str(), row.minutes.unsigned_abs()));
    let exempted: Vec<&str> = exemptions.iter().map(|row| row.module_code.as_str()).collect();
    rule::hours(rules, noted, &exempted)
}

fn sees(sight: &Sight, tutor: Option<&str>) -> bool {
    match sight {
        Sight::Academy => true,
        Sight::TutoredBy { email_key } => tutor == Some(email_key.as_str()),
    }
}

/// The academy that holds a training: for work that acts on behalf of the program.
///
/// # Errors
/// Not found for an unknown training.
pub fn get_training_academy(conn: &mut Conn, id: &str) -> Stored<String> {
    Ok(training_sessions::table.find(id).select(training_sessions::academy_code).first(conn)?)
}
