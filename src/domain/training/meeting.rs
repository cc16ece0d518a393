//! Dated meetings of a training: when they may stand, when a trainee may sign on a phone, and what clashes with them.
//! A clash is told and never forbids: whoever plans decides.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::{LONGEST_DAY, find_module, shown};
use crate::domain::ids::FrenchDate;
use crate::domain::refusal::Refusal;
use crate::domain::regulation::TrainingRules;

/// Minutes before the start and after the end during which a trainee may still sign on a phone.
const SIGNING_MARGIN: i64 = 30;

words! {
    /// How a presence was known.
    pub enum PresenceMethod {
        Paper = "paper",
        Phone = "phone",
        Trainer = "trainer",
    }
}

impl PresenceMethod {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            PresenceMethod::Paper => "feuille signée",
            PresenceMethod::Phone => "téléphone",
            PresenceMethod::Trainer => "notée par le formateur",
        }
    }
}

/// A meeting as it is typed: local hours of the academy.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    pub module: &'a str,
    pub starts: DateTime,
    pub ends: DateTime,
}

/// # Errors
/// An unknown module, an end before the start or on another day, a day outside the training, or a day too long.
pub fn check_meeting(rules: &TrainingRules, (first, last): (Date, Date), planned: &Planned<'_>) -> Result<(), Refusal> {
    if find_module(rules, planned.module).is_none() {
        return Err(Refusal::new(
            "no_such_module",
            format!(
                "Le module «\u{a0}{}\u{a0}» n’existe pas dans le règlement de cette formation\u{a0}: choisissez-le dans la liste.",
                planned.module
            ),
        ));
    }
    let day = planned.starts.date();
    if planned.ends <= planned.starts || planned.ends.date() != day {
        return Err(Refusal::new(
            "hours_out_of_order",
            "La séance finit après avoir commencé, le même jour\u{a0}: corrigez l’heure de fin.",
        ));
    }
    if day < first || day > last {
        return Err(Refusal::new(
            "outside_training",
            format!(
                "Le {} est en dehors de la formation, qui va du {} au {}.",
                FrenchDate::from(day),
                FrenchDate::from(first),
                FrenchDate::from(last)
            ),
        ));
    }
    let minutes = planned.ends.duration_since(planned.starts).as_mins();
    if minutes > i64::from(LONGEST_DAY) {
        return Err(Refusal::new(
            "day_too_long",
            format!(
                "Une séance dure au plus {}\u{a0}: corrigez les heures, ou planifiez deux séances.",
                shown(LONGEST_DAY)
            ),
        ));
    }
    Ok(())
}

/// May a trainee sign now, on a phone? From half an hour before the meeting to half an hour after it.
///
/// # Errors
/// Too early or too late, with the hours in which it is possible left to the sentence of the page.
pub fn check_signing(starts_at: Timestamp, ends_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let margin = SignedDuration::from_mins(SIGNING_MARGIN);
    if now < starts_at.saturating_sub(margin).unwrap_or(starts_at) {
        return Err(Refusal::new(
            "signing_not_open",
            "La séance n’a pas commencé\u{a0}: vous pourrez signer une demi-heure avant son début.",
        ));
    }
    if now > ends_at.saturating_add(margin).unwrap_or(ends_at) {
        return Err(Refusal::new(
            "signing_over",
            "La séance est finie\u{a0}: demandez au formateur ou au responsable de formation de noter votre présence.",
        ));
    }
    Ok(())
}

/// Two stretches of time that share an instant; what ends when the other starts does not clash.
#[must_use]
pub fn overlap(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::regulation::RegulationPack;
    use jiff::civil::{date, datetime};

    #[test]
    fn a_meeting_stands_in_one_day_of_its_training() {
        let rules = RegulationPack::embedded().unwrap().training;
        let year = (date(2026, 9, 14), date(2027, 6, 18));
        let check = |module, starts, ends| check_meeting(&rules, year, &Planned { module, starts, ends });
        let at = |day: i8, hour: i8| datetime(2026, 10, day, hour, 0, 0, 0);
        assert!(check("MO1", at(6, 9), at(6, 17)).is_ok());
        for (module, starts, ends, code) in [
            ("MO9", at(6, 9), at(6, 17), "no_such_module"),
            ("MO1", at(6, 9), at(6, 9), "hours_out_of_order"),
            ("MO1", at(6, 9), at(7, 10), "hours_out_of_order"),
            ("MO1", at(6, 6), at(6, 19), "day_too_long"),
            ("MO1", datetime(2026, 9, 13, 9, 0, 0, 0), datetime(2026, 9, 13, 10, 0, 0, 0), "outside_training"),
        ] {
            assert_eq!(check(module, starts, ends).unwrap_err().code, code);
        }
    }

    #[test]
    fn a_phone_signs_around_the_meeting_and_not_another_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (starts, ends) = (at("2026-10-06T07:00:00Z"), at("2026-10-06T15:00:00Z"));
        let code = |now: &str| check_signing(starts, ends, at(now)).err().map(|refusal| refusal.code);
        assert_eq!(code("2026-10-06T06:29:59Z"), Some("signing_not_open"));
        assert_eq!(code("2026-10-06T06:30:00Z"), None);
        assert_eq!(code("2026-10-06T15:30:00Z"), None);
        assert_eq!(code("2026-10-06T15:30:01Z"), Some("signing_over"));
        assert_eq!(code("2026-10-07T08:00:00Z"), Some("signing_over"));
    }

    #[test]
    fn what_follows_does_not_clash() {
        let at = |hour: i64| Timestamp::from_second(hour * 3_600).unwrap();
        assert!(overlap((at(8), at(10)), (at(9), at(11))));
        assert!(!overlap((at(8), at(10)), (at(10), at(11))));
    }
}
