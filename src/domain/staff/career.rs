//! Category, corps and contract over time, and the names a person has borne. Lines are added, never overwritten;
//! the line in force on a day is the latest that has begun. What another academy was told never drives the record.

use jiff::civil::Date;

use crate::domain::ids::FrenchDate;
use crate::domain::refusal::Refusal;

words! {
    /// Where a line of the career comes from.
    pub enum CareerSource {
        Office = "office",
        Registration = "registration",
        /// Told to an academy that does not hold the record: shown, never applied.
        Declared = "declared",
    }
}

impl CareerSource {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            CareerSource::Office => "saisie sur la fiche",
            CareerSource::Registration => "reprise d’une inscription",
            CareerSource::Declared => "déclarée à une autre académie, non reprise",
        }
    }
}

/// Index of the line in force on `day` among lines in the order they were recorded: (first day, source).
/// Of two lines that begin the same day, the one recorded last corrects the other.
#[must_use]
pub fn in_force(lines: &[(Date, CareerSource)], day: Date) -> Option<usize> {
    lines
        .iter()
        .enumerate()
        .filter(|(_, (starts_on, source))| *starts_on <= day && *source != CareerSource::Declared)
        .max_by_key(|(at, (starts_on, _))| (*starts_on, *at))
        .map(|(at, _)| at)
}

/// # Errors
/// A situation that has not begun: it is recorded on the day it begins.
pub fn check_career(starts_on: Date, birth_date: Date, today: Date) -> Result<(), Refusal> {
    if starts_on <= birth_date {
        return Err(Refusal::new(
            "career_before_birth",
            format!(
                "Cette situation commencerait le {}, avant la naissance\u{a0}: corrigez la date.",
                FrenchDate::from(starts_on)
            ),
        ));
    }
    super::check_not_ahead("career_ahead", "Une situation s’enregistre quand elle a commencé", starts_on, today)
}

/// The civil status that a change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CivilStatus {
    pub civility: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
}

/// # Errors
/// Nothing changes, no justification, or a day before birth or to come.
pub fn check_name_change(
    before: &CivilStatus,
    after: &CivilStatus,
    changed_on: Date,
    birth_date: Date,
    reason: &str,
    today: Date,
) -> Result<(), Refusal> {
    if before == after {
        return Err(Refusal::new(
            "nothing_changes",
            "Rien ne change dans l’état civil\u{a0}: corrigez la civilité, un nom ou les prénoms.",
        ));
    }
    if reason.trim().is_empty() {
        return Err(Refusal::new(
            "reason_missing",
            "Indiquez le justificatif vu (acte d’état civil, livret de famille, jugement, décret)\u{a0}: il reste à côté de l’ancien nom.",
        ));
    }
    if changed_on < birth_date {
        return Err(Refusal::new(
            "name_before_birth",
            format!("Le {} précède la naissance\u{a0}: corrigez la date du changement.", FrenchDate::from(changed_on)),
        ));
    }
    super::check_not_ahead("name_ahead", "Un changement de nom s’enregistre une fois effectif", changed_on, today)
}

/// Does the day an activity is left fit the day it was taken up?
///
/// # Errors
/// The end stands before the start, or in the future.
pub fn check_activity_end(since: Date, until: Date, today: Date) -> Result<(), Refusal> {
    if until < since {
        return Err(Refusal::new(
            "dates_out_of_order",
            format!(
                "Cette activité est exercée depuis le {}\u{a0}: elle ne peut pas avoir pris fin le {}, qui est avant.",
                FrenchDate::from(since),
                FrenchDate::from(until)
            ),
        ));
    }
    super::check_not_ahead("activity_ahead", "La fin d’une activité s’enregistre une fois passée", until, today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_line_in_force_is_the_latest_that_has_begun_and_never_a_declaration() {
        let lines = [
            (date(2018, 9, 1), CareerSource::Office),
            (date(2024, 9, 1), CareerSource::Registration),
            (date(2021, 9, 1), CareerSource::Office),
            (date(2025, 1, 1), CareerSource::Declared),
            (date(2024, 9, 1), CareerSource::Office),
        ];
        for (day, expected) in [
            (date(2018, 8, 31), None),
            (date(2018, 9, 1), Some(0)),
            (date(2022, 1, 1), Some(2)),
            (date(2024, 9, 1), Some(4)),
            (date(2026, 6, 15), Some(4)),
        ] {
            assert_eq!(in_force(&lines, day), expected, "{day}");
        }
    }

    #[test]
    fn a_name_changes_once_it_has_with_its_justification() {
        let before = CivilStatus {
            civility: "Mme".into(),
            birth_name: "Lefèvre".into(),
            usage_name: None,
            first_names: "Nadia".into(),
        };
        let after = CivilStatus { usage_name: Some("Morel".into()), ..before.clone() };
        let code = |after: &CivilStatus, on, reason| {
            check_name_change(&before, after, on, date(1984, 3, 14), reason, date(2026, 6, 15)).err().map(|no| no.code)
        };
        assert_eq!(code(&after, date(2026, 6, 13), "acte de mariage"), None);
        assert_eq!(code(&before, date(2026, 6, 13), "acte"), Some("nothing_changes"));
        assert_eq!(code(&after, date(2026, 6, 13), " "), Some("reason_missing"));
        assert_eq!(code(&after, date(2026, 6, 16), "acte"), Some("name_ahead"));
        assert_eq!(code(&after, date(1983, 1, 1), "acte"), Some("name_before_birth"));
    }
}
