//! The training years of a demonstration: by the pack, with a tutor, dated meetings, every hour noted, an exemption,
//! a correction and opinions; and the year after, which has a waiting list.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use super::story::Cast;
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Actor;
use crate::domain::regulation::TrainingModule;
use crate::store::training::{self, Answer, Designation, NewMeeting, NewTraining, Offer, PresenceMethod, Tutor};
use crate::store::{Db, Lock, StoreError, Stored, accounts, people, reference};

/// Minutes of a training day.
const DAY: u32 = 360;

/// Opens the year, enrols `people` with the tutor of the cast, and notes every hour of the pack. Returns the training's id.
pub fn play(db: &Db, cast: &Cast, regulation_id: &str, year: i16, people: &[String]) -> Stored<String> {
    let new = NewTraining {
        academy_code: cast.academy.code.clone(),
        title: "Formation préparatoire au CPLDS".into(),
        school_year: i32::from(year) - 1,
        regulation_id: regulation_id.to_owned(),
        starts_on: date(year - 1, 9, 14),
        ends_on: date(year, 6, 18),
        place: "INSPÉ de l’académie".into(),
    };
    let id = db.write_now(&cast.trainer, Lock::House, move |tx| training::open_training(tx, &new))?;
    let tutor = EmailAddress::parse(&cast.tutor_email).map_err(|e| StoreError::Broken(e.to_string()))?;
    let (training_id, trainees, name) = (id.clone(), people.to_vec(), cast.tutor_name.clone());
    let enrolments = db.write_now(&cast.trainer, Lock::House, move |tx| {
        trainees
            .iter()
            .map(|person| {
                let designation = Designation {
                    tutor: Tutor::Outside { name: name.clone(), email: tutor.clone() },
                    is_qualified: true,
                };
                training::enrol(tx, &training_id, person, Some(&designation))
            })
            .collect::<Stored<Vec<String>>>()
    })?;
    let pack = db.read_now(|conn| reference::rules_of(conn, regulation_id))?;
    let meetings = plan(&pack.training.modules, date(year - 1, 9, 21))?;
    let (training_id, trainees) = (id.clone(), enrolments.clone());
    let absentee = enrolments.last().filter(|_| enrolments.len() > 1).cloned();
    let excused = enrolments.get(1).cloned();
    db.write_now(&cast.trainer, Lock::House, move |tx| {
        training::describe_offer(
            tx,
            &Offer {
                training_session_id: training_id.clone(),
                places: Some(30),
                trainers: "Équipe de formation de l’INSPÉ".into(),
                ..Offer::default()
            },
        )?;
        if let Some(excused) = &excused {
            training::exempt(tx, excused, "MA3", "A conçu et animé ce module en 2024-2025")?;
        }
        for (place, (meeting, is_last)) in meetings.iter().enumerate() {
            let meeting_id = training::plan_meeting(tx, &training_id, meeting)?;
            let minutes = rule_minutes(meeting);
            // The last trainee of the list misses the last day of each module: real hours, not ideal ones.
            let lines: Vec<(String, u32)> = trainees
                .iter()
                .filter(|one| !(*is_last && Some(*one) == absentee.as_ref()))
                .filter(|one| !(meeting.module == "MA3" && Some(*one) == excused.as_ref()))
                .map(|one| (one.clone(), minutes))
                .collect();
            let method = if place % 2 == 0 { PresenceMethod::Paper } else { PresenceMethod::Trainer };
            training::note_meeting(tx, &meeting_id, method, &lines, "")?;
            if place == 0
                && let Some(first) = trainees.first()
            {
                // Noted too long at first, corrected the week after: the trace stays.
                let early = [(first.clone(), minutes - 60)];
                training::note_meeting(tx, &meeting_id, method, &early, "départ à 14 h, signalé par le formateur")?;
            }
        }
        for (trainee, notes) in trainees.iter().zip(FOLLOW_UPS) {
            training::note_tutor_meeting(tx, trainee, date(year - 1, 12, 4), notes)?;
        }
        Ok(())
    })?;
    give_opinions(db, &id, people)?;
    Ok(id)
}

const FOLLOW_UPS: [&str; 3] = [
    "Observation d’une séance au micro-lycée ; la différenciation est à travailler avant la prochaine visite.",
    "Point sur le groupe de prévention : deux situations à présenter à l’équipe.",
    "Préparation de l’épreuve 1 : le déroulé de la séance est relu ensemble.",
];

/// A meeting of each day of each module, and whether it is the module's last.
fn plan(modules: &[TrainingModule], from: Date) -> Stored<Vec<(NewMeeting, bool)>> {
    let mut day = from;
    let mut meetings = Vec::new();
    for module in modules {
        let mut left = module.minutes.value;
        while left > 0 {
            let minutes = left.min(DAY);
            let starts = day.at(9, 0, 0, 0);
            let ends =
                starts.checked_add(i64::from(minutes).minutes()).map_err(|e| StoreError::Broken(e.to_string()))?;
            let meeting = NewMeeting {
                module: module.code.clone(),
                starts,
                ends,
                place: "INSPÉ, salle B 12".into(),
                remote_link: None,
                trainers: "Mme Hélène Faure".into(),
            };
            meetings.push((meeting, left == minutes));
            left -= minutes;
            day = next_day(day)?;
        }
    }
    Ok(meetings)
}

fn rule_minutes(meeting: &NewMeeting) -> u32 {
    u32::try_from(meeting.ends.duration_since(meeting.starts).as_mins()).unwrap_or(0)
}

/// Those who have an account say what they think of the year.
fn give_opinions(db: &Db, training_id: &str, people: &[String]) -> Stored<()> {
    let accounts: Vec<String> = db.read_now(|conn| {
        let mut accounts = Vec::new();
        for person in people {
            accounts.extend(people::get_person(conn, person)?.user_id);
        }
        Ok(accounts)
    })?;
    for (place, user) in accounts.into_iter().enumerate() {
        let Some(actor) = db.read_now(|conn| accounts::find_actor(conn, &user))? else { continue };
        let note = [4, 3, 4, 2][place % 4];
        let remark =
            if place == 0 { "Plus de temps en établissement, s’il vous plaît.".to_owned() } else { String::new() };
        let (training, given) =
            (training_id.to_owned(), Answer { content: note, organisation: 3, usefulness: 4, remark });
        db.write_now(&actor, Lock::House, move |tx| training::answer(tx, &training, &given))?;
    }
    Ok(())
}

/// The year after: meetings to come, two places, and somebody who waits for the third.
///
/// # Errors
/// The database's own.
pub fn open_next_year(db: &Db, academy: &str, regulation_id: &str, year: i16, people: Vec<String>) -> Stored<()> {
    let actor = Actor::system("demo");
    let new = NewTraining {
        academy_code: academy.to_owned(),
        title: "Formation préparatoire au CPLDS".into(),
        school_year: i32::from(year) - 1,
        regulation_id: regulation_id.to_owned(),
        starts_on: date(year - 1, 9, 13),
        ends_on: date(year, 6, 16),
        place: "INSPÉ de l’académie".into(),
    };
    let pack = db.read_now(|conn| reference::rules_of(conn, regulation_id))?;
    let meetings = plan(&pack.training.modules, date(year - 1, 9, 20))?;
    db.write_now(&actor, Lock::House, move |tx| {
        let id = training::open_training(tx, &new)?;
        training::describe_offer(
            tx,
            &Offer { training_session_id: id.clone(), places: Some(2), takes_requests: true, ..Offer::default() },
        )?;
        for (meeting, _) in meetings.iter().take(8) {
            training::plan_meeting(tx, &id, meeting)?;
        }
        for person in people.iter().take(3) {
            training::place(tx, &id, person, "")?;
        }
        Ok(())
    })
}

/// Three training days a week at most, never at the weekend.
fn next_day(day: Date) -> Stored<Date> {
    let mut next = day.checked_add(2.days()).map_err(|e| StoreError::Broken(e.to_string()))?;
    while matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday) {
        next = next.tomorrow().map_err(|e| StoreError::Broken(e.to_string()))?;
    }
    Ok(next)
}
