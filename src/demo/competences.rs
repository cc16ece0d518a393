//! The competences of a demonstration: what the tutor and the trainers saw over the training year, and how a candidate
//! situates themselves. What the jury saw comes with the publication.

use jiff::civil::date;

use super::story::Cast;
use crate::store::competence::{NewAssessment, assess};
use crate::store::{Db, Lock, Stored, accounts, competence};

/// Competences of the shipped framework, in the order in which they are looked at.
const CODES: [&str; 8] = ["C04", "C05", "C06", "C08", "C01", "C07", "C03", "C02"];

fn new(code: &str, level: i32, year: i16, month: i8, comment: &str) -> NewAssessment {
    NewAssessment {
        code: code.to_owned(),
        level,
        dated_on: date(year, month, 12),
        comment: comment.to_owned(),
        corrects: None,
    }
}

/// The tutor looks in the autumn and in the spring, the trainer in between.
pub fn play(db: &Db, cast: &Cast, year: i16, people: &[String]) -> Stored<()> {
    for (actor, is_tutor) in [(&cast.tutor, true), (&cast.trainer, false)] {
        let people = people.to_vec();
        db.write_now(actor, Lock::House, move |tx| {
            for (rank, person) in people.iter().enumerate() {
                for (place, code) in CODES.iter().enumerate().take(5 + rank % 3) {
                    let start = i32::try_from((rank + place) % 2).unwrap_or(0) + 1;
                    if is_tutor {
                        assess(tx, person, &new(code, start, year - 1, 11, "Première visite en établissement."))?;
                        let comment = "Séance observée avec un groupe de remobilisation.";
                        assess(tx, person, &new(code, (start + 1).min(4), year, 4, comment))?;
                    } else if place % 2 == 0 {
                        assess(tx, person, &new(code, start + 1, year, 2, "Étude de cas en formation."))?;
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Somebody who has just opened their account situates themselves.
pub fn situate(db: &Db, user_id: &str, year: i16) -> Stored<()> {
    let found =
        db.read_now(|conn| Ok((accounts::find_actor(conn, user_id)?, competence::find_own_person(conn, user_id)?)))?;
    let (Some(actor), Some(person)) = found else { return Ok(()) };
    db.write_now(&actor, Lock::House, move |tx| {
        for (place, code) in CODES.iter().enumerate().take(6) {
            let level = i32::try_from(place % 3).unwrap_or(0) + 2;
            assess(tx, &person, &new(code, level, year, 6, "À la fin de l’année de formation."))?;
        }
        Ok(())
    })
}
