//! Dated meetings of a training: planned, changed, cancelled, and what clashes with them.
//! Hours are typed in the academy's zone and kept in UTC; a cancelled meeting stays, for who was told of it.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::json;

use super::{TrainingRow, full_name, managed_training, training_rules};
use crate::domain::academy::Academy;
use crate::domain::refusal::Refusal;
use crate::domain::training::holidays::Holidays;
use crate::domain::training::meeting::{self as rule, Planned};
use crate::store::schema::{enrolments, people, registrations, slots, training_meetings, training_sessions};
use crate::store::{Conn, Stamp, StoreError, Stored, Tx, new_id};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = training_meetings)]
pub struct MeetingRow {
    pub id: String,
    pub training_session_id: String,
    pub module_code: String,
    pub starts_at: Stamp,
    pub ends_at: Stamp,
    pub place: String,
    pub remote_link: Option<String>,
    pub trainers: String,
    pub cancelled_at: Option<Stamp>,
    pub created_at: Stamp,
    pub version: i32,
}

impl MeetingRow {
    /// Length of the meeting.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        u32::try_from(self.ends_at.0.duration_since(self.starts_at.0).as_mins()).unwrap_or(0)
    }
}

/// A meeting as it is typed.
#[derive(Debug, Clone)]
pub struct NewMeeting {
    pub module: String,
    /// Local hours of the academy.
    pub starts: DateTime,
    pub ends: DateTime,
    pub place: String,
    pub remote_link: Option<String>,
    pub trainers: String,
}

// ---------------------------------------------------------------- commands

/// Plans a meeting. The same form sent twice plans one.
///
/// # Errors
/// Not found for another academy; refused for hours that cannot be.
pub fn plan_meeting(tx: &mut Tx<'_>, training_id: &str, new: &NewMeeting) -> Stored<String> {
    let training = managed_training(tx, training_id)?;
    let (starts_at, ends_at) = instants(tx, &training, new)?;
    let same: Option<String> = training_meetings::table
        .filter(training_meetings::training_session_id.eq(training_id))
        .filter(training_meetings::module_code.eq(&new.module))
        .filter(training_meetings::starts_at.eq(Stamp(starts_at)))
        .filter(training_meetings::cancelled_at.is_null())
        .select(training_meetings::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = same {
        return Ok(id);
    }
    let row = MeetingRow {
        id: new_id(tx.at),
        training_session_id: training_id.to_owned(),
        module_code: new.module.clone(),
        starts_at: Stamp(starts_at),
        ends_at: Stamp(ends_at),
        place: new.place.clone(),
        remote_link: new.remote_link.clone(),
        trainers: new.trainers.clone(),
        cancelled_at: None,
        created_at: tx.stamp(),
        version: 1,
    };
    diesel::insert_into(training_meetings::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "module": row.module_code, "starts_at": starts_at.to_string(), "place": row.place });
    tx.audit("plan_meeting", ("meeting", &row.id), None, Some(&json!(row)), &detail)?;
    Ok(row.id)
}

/// Changes a meeting that nobody has signed for.
///
/// # Errors
/// Not found for another academy; a conflict when it changed since it was read; refused for hours that cannot be, or
/// once it was signed or cancelled.
pub fn change_meeting(tx: &mut Tx<'_>, meeting_id: &str, version: i32, new: &NewMeeting) -> Stored<()> {
    let (before, training) = managed_meeting(tx, meeting_id, version)?;
    let (starts_at, ends_at) = instants(tx, &training, new)?;
    check_unsigned(tx, &before)?;
    diesel::update(training_meetings::table.find(meeting_id))
        .set((
            training_meetings::module_code.eq(&new.module),
            training_meetings::starts_at.eq(Stamp(starts_at)),
            training_meetings::ends_at.eq(Stamp(ends_at)),
            training_meetings::place.eq(&new.place),
            training_meetings::remote_link.eq(&new.remote_link),
            training_meetings::trainers.eq(&new.trainers),
            training_meetings::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "module": new.module, "starts_at": starts_at.to_string(), "place": new.place });
    tx.audit("change_meeting", ("meeting", meeting_id), Some(&json!(before)), Some(&detail), &detail)
}

/// Cancels a meeting that nobody has signed for.
///
/// # Errors
/// Those of [`change_meeting`].
pub fn cancel_meeting(tx: &mut Tx<'_>, meeting_id: &str, version: i32) -> Stored<()> {
    let (before, _) = managed_meeting(tx, meeting_id, version)?;
    check_unsigned(tx, &before)?;
    diesel::update(training_meetings::table.find(meeting_id))
        .set((training_meetings::cancelled_at.eq(Some(tx.stamp())), training_meetings::version.eq(version + 1)))
        .execute(tx.conn)?;
    tx.audit("cancel_meeting", ("meeting", meeting_id), Some(&json!(before)), None, &json!({}))
}

fn managed_meeting(tx: &mut Tx<'_>, meeting_id: &str, version: i32) -> Stored<(MeetingRow, TrainingRow)> {
    let row: MeetingRow = training_meetings::table.find(meeting_id).select(MeetingRow::as_select()).first(tx.conn)?;
    let training = managed_training(tx, &row.training_session_id)?;
    if row.version != version {
        return Err(StoreError::Conflict(
            "Cette séance a été modifiée pendant votre saisie\u{a0}: rechargez la page pour voir ce qui a changé."
                .into(),
        ));
    }
    Ok((row, training))
}

fn check_unsigned(tx: &mut Tx<'_>, row: &MeetingRow) -> Stored<()> {
    use crate::store::schema::meeting_presences as p;
    if row.cancelled_at.is_some() {
        return Err(
            Refusal::new("meeting_cancelled", "Cette séance est déjà annulée\u{a0}: planifiez-en une autre.").into()
        );
    }
    let signed: i64 =
        p::table.filter(p::meeting_id.eq(&row.id)).filter(p::minutes.gt(0)).count().get_result(tx.conn)?;
    if signed > 0 {
        return Err(Refusal::new(
            "meeting_signed",
            "Des présences sont déjà notées pour cette séance\u{a0}: corrigez-les d’abord, ou planifiez une autre séance.",
        )
        .into());
    }
    Ok(())
}

fn instants(tx: &mut Tx<'_>, training: &TrainingRow, new: &NewMeeting) -> Stored<(Timestamp, Timestamp)> {
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    let planned = Planned { module: &new.module, starts: new.starts, ends: new.ends };
    rule::check_meeting(&rules, (training.starts_on.0, training.ends_on.0), &planned)?;
    let academy = Academy::find(&training.academy_code).ok_or(StoreError::NotFound)?;
    let at = |local: DateTime| academy.instant(local).map_err(|e| Refusal::new("no_such_hour", e.to_string()));
    Ok((at(new.starts)?, at(new.ends)?))
}

// ---------------------------------------------------------------- queries

/// The meetings of a training in the order of their hours, cancelled ones included.
///
/// # Errors
/// The database's own.
pub fn list_meetings(conn: &mut Conn, training_id: &str) -> Stored<Vec<MeetingRow>> {
    Ok(training_meetings::table
        .filter(training_meetings::training_session_id.eq(training_id))
        .order((training_meetings::starts_at, training_meetings::id))
        .select(MeetingRow::as_select())
        .load(conn)?)
}

/// A meeting of a training.
///
/// # Errors
/// Not found when it is of another training.
pub fn get_meeting(conn: &mut Conn, training_id: &str, meeting_id: &str) -> Stored<MeetingRow> {
    Ok(training_meetings::table
        .find(meeting_id)
        .filter(training_meetings::training_session_id.eq(training_id))
        .select(MeetingRow::as_select())
        .first(conn)?)
}

/// Something that stands at the same time as a meeting, told in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    pub meeting_id: String,
    /// « Nadia LEFÈVRE passe l’épreuve 1 à la même heure », « vacances d’hiver ».
    pub sentence: String,
}

/// What clashes with the meetings to come: other meetings of the same people, their épreuves, school holidays.
/// Three queries, whatever the number of trainees.
///
/// # Errors
/// The database's own.
pub fn list_clashes(conn: &mut Conn, training: &TrainingRow, now: Timestamp) -> Stored<Vec<Clash>> {
    let meetings: Vec<MeetingRow> = list_meetings(conn, &training.id)?
        .into_iter()
        .filter(|row| row.cancelled_at.is_none() && row.ends_at.0 > now)
        .collect();
    let mut clashes = Vec::new();
    let academy = Academy::find(&training.academy_code);
    for row in &meetings {
        let day = academy.map(|academy| academy.date(row.starts_at.0));
        if let Some(holiday) = day.and_then(|day| Holidays::embedded()?.on(&training.academy_code, day)) {
            let sentence = format!("La séance tombe pendant les {}.", holiday.name);
            clashes.push(Clash { meeting_id: row.id.clone(), sentence });
        }
    }
    let people_here: Vec<(String, String, Option<String>, String)> = enrolments::table
        .inner_join(people::table.on(people::id.eq(enrolments::person_id)))
        .filter(enrolments::training_session_id.eq(&training.id))
        .filter(enrolments::withdrawn_at.is_null())
        .select((people::id, people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    let names: HashMap<String, String> = people_here
        .into_iter()
        .map(|(id, birth, usage, first)| (id, full_name(&birth, usage.as_deref(), &first)))
        .collect();
    let ids: Vec<&str> = names.keys().map(String::as_str).collect();
    let others: Vec<(String, String, Stamp, Stamp)> = training_meetings::table
        .inner_join(training_sessions::table)
        .inner_join(enrolments::table.on(enrolments::training_session_id.eq(training_sessions::id)))
        .filter(enrolments::person_id.eq_any(&ids))
        .filter(enrolments::withdrawn_at.is_null())
        .filter(training_sessions::id.ne(&training.id))
        .filter(training_meetings::cancelled_at.is_null())
        .filter(training_meetings::ends_at.gt(Stamp(now)))
        .order((training_meetings::starts_at, enrolments::person_id))
        .select((
            enrolments::person_id,
            training_sessions::title,
            training_meetings::starts_at,
            training_meetings::ends_at,
        ))
        .load(conn)?;
    let exams: Vec<(String, i32, Stamp, Stamp)> = slots::table
        .inner_join(registrations::table.on(registrations::id.eq(slots::registration_id)))
        .filter(registrations::person_id.eq_any(&ids))
        .filter(slots::ends_at.gt(Stamp(now)))
        .order((slots::starts_at, registrations::person_id))
        .select((registrations::person_id, slots::epreuve, slots::starts_at, slots::ends_at))
        .load(conn)?;
    for row in &meetings {
        let own = (row.starts_at.0, row.ends_at.0);
        for (person, title, ..) in others.iter().filter(|line| rule::overlap(own, (line.2.0, line.3.0))) {
            let name = names.get(person).map_or("", String::as_str);
            let sentence = format!("{name} suit à la même heure une séance de «\u{a0}{title}\u{a0}».");
            clashes.push(Clash { meeting_id: row.id.clone(), sentence });
        }
        for (person, epreuve, ..) in exams.iter().filter(|line| rule::overlap(own, (line.2.0, line.3.0))) {
            let name = names.get(person).map_or("", String::as_str);
            let sentence = format!("{name} passe à la même heure l’épreuve {epreuve} de l’examen.");
            clashes.push(Clash { meeting_id: row.id.clone(), sentence });
        }
    }
    Ok(clashes)
}

/// A meeting by its identifier alone: for an address that was signed for it.
///
/// # Errors
/// The database's own.
pub fn find_meeting(conn: &mut Conn, meeting_id: &str) -> Stored<Option<MeetingRow>> {
    Ok(training_meetings::table.find(meeting_id).select(MeetingRow::as_select()).first(conn).optional()?)
}
