//! Presences at one meeting: from a signed sheet, from a trainee's phone, or from the trainer. The hours of a module
//! are always the sum of what its meetings noted; a second note corrects the first, which stays to be read.

use diesel::prelude::*;
use serde_json::json;

use super::own::person_of_user;
use super::{MeetingRow, Sheet, TrainingRow, managed_training, note_lines};
use crate::domain::refusal::Refusal;
pub use crate::domain::training::meeting::PresenceMethod;
use crate::domain::training::meeting::check_signing;
use crate::store::schema::{enrolments, meeting_presences as t, training_meetings, training_sessions};
use crate::store::staff::today_in;
use crate::store::{Conn, Stamp, StoreError, Stored, Tx};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct PresenceRow {
    pub meeting_id: String,
    pub enrolment_id: String,
    pub minutes: i32,
    pub method: PresenceMethod,
    pub noted_by_name: String,
    pub noted_at: Stamp,
}

/// Notes the presences of a meeting: enrolment and minutes, zero for an absence. Returns how many changed.
///
/// # Errors
/// Not found for another academy; refused, with the trainee's name, for a presence that cannot be.
pub fn note_meeting(
    tx: &mut Tx<'_>,
    meeting_id: &str,
    method: PresenceMethod,
    lines: &[(String, u32)],
    reason: &str,
) -> Stored<usize> {
    let meeting: MeetingRow =
        training_meetings::table.find(meeting_id).select(MeetingRow::as_select()).first(tx.conn)?;
    let training = managed_training(tx, &meeting.training_session_id)?;
    note(tx, &training, &meeting, method, lines, reason)
}

/// A trainee signs their own presence on a phone, while the meeting lasts. Signing twice is signing once.
///
/// # Errors
/// Not found for a meeting of a training one does not follow; refused too early, too late or once cancelled.
pub fn sign_presence(tx: &mut Tx<'_>, meeting_id: &str) -> Stored<MeetingRow> {
    let person = person_of_user(tx.conn, &tx.actor.user_id)?.ok_or(StoreError::NotFound)?;
    let (meeting, training): (MeetingRow, TrainingRow) = training_meetings::table
        .find(meeting_id)
        .inner_join(training_sessions::table)
        .select((MeetingRow::as_select(), TrainingRow::as_select()))
        .first(tx.conn)?;
    let enrolment: String = enrolments::table
        .filter(enrolments::training_session_id.eq(&training.id))
        .filter(enrolments::person_id.eq(&person.id))
        .filter(enrolments::withdrawn_at.is_null())
        .select(enrolments::id)
        .first(tx.conn)?;
    check_signing(meeting.starts_at.0, meeting.ends_at.0, tx.at)?;
    let already: i64 = t::table.find((meeting_id, &enrolment)).count().get_result(tx.conn)?;
    if already == 0 {
        // A presence signed on the phone never passes the hours of its module unseen: the reason says where it comes from.
        note(
            tx,
            &training,
            &meeting,
            PresenceMethod::Phone,
            &[(enrolment, meeting.minutes())],
            "signature sur téléphone",
        )?;
    }
    Ok(meeting)
}

fn note(
    tx: &mut Tx<'_>,
    training: &TrainingRow,
    meeting: &MeetingRow,
    method: PresenceMethod,
    lines: &[(String, u32)],
    reason: &str,
) -> Stored<usize> {
    if meeting.cancelled_at.is_some() {
        return Err(
            Refusal::new("meeting_cancelled", "Cette séance est annulée\u{a0}: aucune présence ne s’y note.").into()
        );
    }
    if let Some((_, minutes)) = lines.iter().find(|(_, minutes)| *minutes > meeting.minutes()) {
        return Err(Refusal::new(
            "longer_than_meeting",
            format!(
                "La séance dure {}\u{a0}: une présence de {} n’est pas possible.",
                crate::domain::training::shown(meeting.minutes()),
                crate::domain::training::shown(*minutes)
            ),
        )
        .into());
    }
    let day = today_in(&training.academy_code, meeting.starts_at.0)?;
    // Other meetings of the same module on the same day: the sheet of the day holds their sum.
    let siblings: Vec<(String, Stamp)> = training_meetings::table
        .filter(training_meetings::training_session_id.eq(&training.id))
        .filter(training_meetings::module_code.eq(&meeting.module_code))
        .filter(training_meetings::id.ne(&meeting.id))
        .select((training_meetings::id, training_meetings::starts_at))
        .load(tx.conn)?;
    let mut same_day = Vec::new();
    for (id, starts_at) in siblings {
        if today_in(&training.academy_code, starts_at.0)? == day {
            same_day.push(id);
        }
    }
    let known: Vec<PresenceRow> = t::table
        .filter(t::meeting_id.eq(&meeting.id).or(t::meeting_id.eq_any(&same_day)))
        .select(PresenceRow::as_select())
        .load(tx.conn)?;
    let mut changed = Vec::new();
    let mut totals = Vec::new();
    for (enrolment, minutes) in lines {
        let own = known.iter().find(|row| row.meeting_id == meeting.id && row.enrolment_id == *enrolment);
        if own.is_some_and(|row| row.minutes.unsigned_abs() == *minutes) || (own.is_none() && *minutes == 0) {
            continue;
        }
        let others: u32 = known
            .iter()
            .filter(|row| row.meeting_id != meeting.id && row.enrolment_id == *enrolment)
            .map(|row| row.minutes.unsigned_abs())
            .sum();
        totals.push((enrolment.clone(), others + minutes));
        changed.push((enrolment, *minutes, own.is_some()));
    }
    let sheet = Sheet { module: meeting.module_code.clone(), held_on: day, reason: reason.to_owned(), lines: totals };
    note_lines(tx, training, &sheet)?;
    let mut rows = Vec::new();
    for (enrolment, minutes, is_known) in &changed {
        let row = PresenceRow {
            meeting_id: meeting.id.clone(),
            enrolment_id: (*enrolment).clone(),
            minutes: i32::try_from(*minutes).unwrap_or(i32::MAX),
            method,
            noted_by_name: tx.actor.name.clone(),
            noted_at: tx.stamp(),
        };
        if *is_known {
            diesel::update(t::table.find((&meeting.id, *enrolment)))
                .set((
                    t::minutes.eq(row.minutes),
                    t::method.eq(method),
                    t::noted_by_name.eq(&row.noted_by_name),
                    t::noted_at.eq(row.noted_at),
                ))
                .execute(tx.conn)?;
        } else {
            rows.push(row);
        }
    }
    if !rows.is_empty() {
        crate::each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(&rows).execute(c))?;
    }
    if !changed.is_empty() {
        let detail = json!({ "method": method.as_str(), "lines": changed.len(), "reason": reason });
        tx.audit("note_meeting", ("meeting", &meeting.id), None, None, &detail)?;
    }
    Ok(changed.len())
}

/// Presences noted for a meeting.
///
/// # Errors
/// The database's own.
pub fn list_presences(conn: &mut Conn, meeting_id: &str) -> Stored<Vec<PresenceRow>> {
    Ok(t::table
        .filter(t::meeting_id.eq(meeting_id))
        .order(t::enrolment_id)
        .select(PresenceRow::as_select())
        .load(conn)?)
}
