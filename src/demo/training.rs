//! The training year of a demonstration: a session by the pack, trainees with a tutor, every hour noted by sheet.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use super::story::Cast;
use crate::domain::ids::EmailAddress;
use crate::store::training::{self, Designation, NewTraining, Sheet, Tutor};
use crate::store::{Db, Lock, StoreError, Stored, reference};

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
    let mut day = date(year - 1, 9, 21);
    let mut sheets = Vec::new();
    for module in &pack.training.modules {
        let mut left = module.minutes.value;
        while left > 0 {
            let minutes = left.min(DAY);
            // The last trainee of the list misses the last day of each module: real hours, not ideal ones.
            let absent =
                (left == minutes).then(|| enrolments.last().cloned()).flatten().filter(|_| enrolments.len() > 1);
            sheets.push(Sheet {
                module: module.code.clone(),
                held_on: day,
                reason: String::new(),
                lines: enrolments
                    .iter()
                    .filter(|one| Some(*one) != absent.as_ref())
                    .map(|one| (one.clone(), minutes))
                    .collect(),
            });
            left -= minutes;
            day = next_day(day)?;
        }
    }
    let training_id = id.clone();
    db.write_now(&cast.trainer, Lock::House, move |tx| {
        for sheet in &sheets {
            training::note_sheet(tx, &training_id, sheet)?;
        }
        Ok(())
    })?;
    Ok(id)
}

/// Three training days a week at most, never at the weekend.
fn next_day(day: Date) -> Stored<Date> {
    let mut next = day.checked_add(2.days()).map_err(|e| StoreError::Broken(e.to_string()))?;
    while matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday) {
        next = next.tomorrow().map_err(|e| StoreError::Broken(e.to_string()))?;
    }
    Ok(next)
}
