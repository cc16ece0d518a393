//! A mission letter drawn to be signed, and the signed copies that come back. The draft is drawn each time from what
//! was recorded; a signed copy is kept as it was received, and never replaced.

use jiff::civil::Date;

use super::documents::{office_of, signatory_of};
use crate::domain::academy::Academy;
use crate::domain::mission::LAW;
use crate::pdf::mission::{MissionSheet, mission};
use crate::pdf::{Person, SimpleTable};
use crate::store::mission::get_letter;
use crate::store::staff::find_situation;
use crate::store::{Db, StoreError, Stored, people, reference};

/// The draft of one letter: name of the file, bytes.
///
/// # Errors
/// Not found for an unknown letter; the database's own, or a document that cannot be drawn.
pub fn draw_letter(db: &Db, person_id: &str, letter_id: &str) -> Stored<(String, Vec<u8>)> {
    let (letter, person, academy, corps) = db.read_now(|conn| {
        let letter = get_letter(conn, person_id, letter_id)?;
        let academy = reference::get_academy(conn, &letter.row.academy_code)?;
        // A career that is only known from later on still says who the letter is for.
        let situation = match find_situation(conn, person_id, letter.row.starts_on.0)? {
            Some(line) => Some(line),
            None => find_situation(conn, person_id, Date::MAX)?,
        };
        let corps = situation.map(|line| format!("{} ({})", line.corps, line.status)).unwrap_or_default();
        Ok((letter, people::get_person(conn, person_id)?, academy, corps))
    })?;
    let zone = Academy::find(&academy.code).ok_or(StoreError::NotFound)?;
    let rows = letter.shares.iter().map(|(_, label, share)| vec![label.clone(), format!("{share}\u{a0}%")]).collect();
    let sheet = MissionSheet {
        person: Person {
            civility: person.civility.clone(),
            first_names: person.first_names.clone(),
            birth_name: person.birth_name.clone(),
            usage_name: person.usage_name.clone(),
        },
        office: office_of(&academy),
        version: letter.row.version,
        starts_on: letter.row.starts_on.0,
        ends_on: letter.row.ends_on.0,
        corps,
        missions_at: letter.row.place.clone(),
        missions: letter.row.missions.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
        split: SimpleTable { headers: vec!["Famille de missions".into(), "Part du temps".into()], rows },
        law: LAW.into(),
        place: academy.city.clone(),
        date: zone.date(letter.row.recorded_at.0),
        signatory: signatory_of(&academy),
        simulated: db.clock().is_simulated(),
    };
    let name = format!("lettre-de-mission-{}-v{}.pdf", person.sort_key.replace([' ', '\''], "-"), letter.row.version);
    Ok((name, mission(&sheet)?))
}
