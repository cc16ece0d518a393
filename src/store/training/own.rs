//! What somebody sees of their own trainings: followed, asked for, open to requests, with what is to come.
//! The person is the one linked to the account; nobody reads another's.

use diesel::prelude::*;
use jiff::civil::Date;

use super::places::{RequestRow, count_taken, find_request};
use super::{Followed, MeetingRow, Offer, TrainingRow, find_offer, list_followed, list_meetings};
use crate::domain::regulation::TrainingRules;
use crate::domain::training::{self as rule, Hours};
use crate::store::people::PersonRow;
use crate::store::schema::{people, training_offers, training_sessions};
use crate::store::{Conn, Day, Stored};

/// The person linked to an account.
///
/// # Errors
/// The database's own.
pub fn person_of_user(conn: &mut Conn, user_id: &str) -> Stored<Option<PersonRow>> {
    Ok(people::table.filter(people::user_id.eq(user_id)).select(PersonRow::as_select()).first(conn).optional()?)
}

/// A training one follows, with its meetings.
#[derive(Debug, Clone)]
pub struct OwnTraining {
    pub followed: Followed,
    pub offer: Offer,
    pub meetings: Vec<MeetingRow>,
    pub has_answered: bool,
}

/// The trainings one follows or followed, the latest first.
///
/// # Errors
/// The database's own.
pub fn find_own(conn: &mut Conn, person_id: &str) -> Stored<Vec<OwnTraining>> {
    let mut own = Vec::new();
    // One person follows a handful of trainings in a career.
    for followed in list_followed(conn, person_id)? {
        let offer = find_offer(conn, &followed.training.id)?;
        let meetings = list_meetings(conn, &followed.training.id)?;
        let has_answered = super::has_answered(conn, &followed.enrolment.id)?;
        own.push(OwnTraining { followed, offer, meetings, has_answered });
    }
    Ok(own)
}

/// A training of one's academy that takes requests.
#[derive(Debug, Clone)]
pub struct OpenTraining {
    pub training: TrainingRow,
    pub offer: Offer,
    pub taken: usize,
    pub request: Option<RequestRow>,
}

/// Trainings of an academy that take requests and are not over, the next first.
///
/// # Errors
/// The database's own.
pub fn list_open(conn: &mut Conn, academy: &str, person_id: &str, today: Date) -> Stored<Vec<OpenTraining>> {
    let rows: Vec<(TrainingRow, Offer)> = training_sessions::table
        .inner_join(training_offers::table)
        .filter(training_sessions::academy_code.eq(academy))
        .filter(training_sessions::ends_on.ge(Day(today)))
        .filter(training_offers::takes_requests.eq(true))
        .order((training_sessions::starts_on, training_sessions::id))
        .limit(20)
        .select((TrainingRow::as_select(), Offer::as_select()))
        .load(conn)?;
    rows.into_iter()
        .map(|(training, offer)| {
            let taken = count_taken(conn, &training.id)?;
            let request = find_request(conn, &training.id, person_id)?;
            Ok(OpenTraining { training, offer, taken, request })
        })
        .collect()
}

/// Hours of a person over every training followed, counted by these rules.
pub(super) fn hours_of_person(conn: &mut Conn, rules: &TrainingRules, person_id: &str) -> Stored<Hours> {
    let followed = list_followed(conn, person_id)?;
    let mut minutes: Vec<(String, u32)> = Vec::new();
    let mut exempted: Vec<String> = Vec::new();
    for one in &followed {
        for module in &one.hours.modules {
            minutes.push((module.code.clone(), module.progress.done));
            if module.progress.exempted > 0 {
                exempted.push(module.code.clone());
            }
        }
    }
    let exempted: Vec<&str> = exempted.iter().map(String::as_str).collect();
    Ok(rule::hours(rules, minutes.iter().map(|(code, minutes)| (code.as_str(), *minutes)), &exempted))
}
