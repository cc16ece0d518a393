//! The life of an exam session: its calendar, its states and which step may follow which.
//! Rule: arrêté du 5 mai 2017 (MENE1710931A), art. 1 (period fixed by the recteur) and art. 2 (registration calendar).
//! Not here: who may do it (`permission`), and what each step decides (its own stem).

use jiff::Timestamp;
use jiff::civil::Date;

use super::refusal::Refusal;

words! {
    /// Where a session stands. A step never goes back silently.
    pub enum SessionState {
        Preparation = "preparation",
        Registration = "registration",
        Examination = "examination",
        ListFixed = "list_fixed",
        Convened = "convened",
        Deliberation = "deliberation",
        Sealed = "sealed",
        Published = "published",
        Archived = "archived",
    }
}

impl SessionState {
    /// Whether the convocations have left: before, hours and rooms are a draft of the office.
    #[must_use]
    pub const fn is_convened(self) -> bool {
        use SessionState as S;
        matches!(self, S::Convened | S::Deliberation | S::Sealed | S::Published | S::Archived)
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            SessionState::Preparation => "en préparation",
            SessionState::Registration => "inscriptions",
            SessionState::Examination => "examen des dossiers",
            SessionState::ListFixed => "liste arrêtée",
            SessionState::Convened => "épreuves",
            SessionState::Deliberation => "délibération",
            SessionState::Sealed => "délibération scellée",
            SessionState::Published => "résultats publiés",
            SessionState::Archived => "archivée",
        }
    }
}

/// Reference quoted when the calendar is in question.
pub const CALENDAR_LAW: &str = "arrêté du 5 mai 2017 (MENE1710931A), art. 1 et 2";
/// Reference quoted when the list of candidates is in question.
pub const LIST_LAW: &str = "arrêté du 5 mai 2017 (MENE1710931A), art. 2";

/// The dates an office sets when it opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    pub registration_opens_at: Timestamp,
    pub registration_closes_at: Timestamp,
    pub epreuves_from: Date,
    pub epreuves_to: Date,
}

impl Calendar {
    /// Checks that the steps come in their order and that the épreuves fall in the session's year or the school year before it.
    ///
    /// # Errors
    /// The first date that does not fit, with what to do.
    pub fn check(&self, year: i16) -> Result<(), Refusal> {
        let refused = |code, sentence: String| Err(Refusal::new(code, sentence).under(CALENDAR_LAW));
        if self.registration_closes_at <= self.registration_opens_at {
            return refused(
                "calendar_registration",
                "La clôture des inscriptions doit suivre leur ouverture : corrigez l’une des deux dates.".into(),
            );
        }
        if self.epreuves_to < self.epreuves_from {
            return refused(
                "calendar_epreuves",
                "La fin de la période des épreuves doit suivre son début : corrigez l’une des deux dates.".into(),
            );
        }
        let closes = self.registration_closes_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        if self.epreuves_from <= closes {
            return refused(
                "calendar_order",
                "Les épreuves ne peuvent commencer qu’après la clôture des inscriptions.".into(),
            );
        }
        let years = [self.epreuves_from.year(), self.epreuves_to.year()];
        if years.iter().any(|held| *held != year && *held != year - 1) {
            return refused(
                "calendar_year",
                format!(
                    "Une session porte l’année de ses épreuves : la session {year} ne peut pas avoir d’épreuves en {}.",
                    years[1]
                ),
            );
        }
        Ok(())
    }

    /// Whether a candidate may submit at this instant, `grace_minutes` after the closing being tolerated by the pack.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, grace_minutes: u32) -> bool {
        let grace = jiff::SignedDuration::from_mins(i64::from(grace_minutes));
        let closes = self.registration_closes_at.checked_add(grace).unwrap_or(self.registration_closes_at);
        // To the second: what reads 23:59:59 on the clock is still in time, whatever its fraction.
        self.registration_opens_at <= now && now.as_second() <= closes.as_second()
    }
}

/// The state in which a step may be taken, with the sentence for those who come too early or too late.
///
/// # Errors
/// Says which state the session is in and which one the step needs.
pub fn require(state: SessionState, allowed: &[SessionState], step: &str) -> Result<(), Refusal> {
    if allowed.contains(&state) {
        return Ok(());
    }
    let wanted: Vec<&str> = allowed.iter().map(|state| state.label()).collect();
    Err(Refusal::new(
        "session_state",
        format!(
            "{step} n’est pas possible : la session est à l’étape « {} » et cette action demande l’étape « {} ».",
            state.label(),
            wanted.join(" » ou « ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn calendar() -> Calendar {
        Calendar {
            registration_opens_at: "2026-06-01T06:00:00Z".parse().unwrap(),
            registration_closes_at: "2026-09-30T21:59:59Z".parse().unwrap(),
            epreuves_from: date(2027, 1, 11),
            epreuves_to: date(2027, 4, 30),
        }
    }

    #[test]
    fn registration_of_summer_2026_is_session_2027() {
        assert_eq!(calendar().check(2027), Ok(()));
    }

    #[test]
    fn each_misplaced_date_is_refused_by_name() {
        let good = calendar();
        let cases = [
            ("calendar_registration", Calendar { registration_closes_at: good.registration_opens_at, ..good }),
            ("calendar_epreuves", Calendar { epreuves_to: date(2027, 1, 10), ..good }),
            ("calendar_order", Calendar { epreuves_from: date(2026, 9, 30), ..good }),
            ("calendar_year", Calendar { epreuves_to: date(2028, 1, 10), ..good }),
        ];
        for (code, calendar) in cases {
            assert_eq!(calendar.check(2027).unwrap_err().code, code);
        }
    }

    #[test]
    fn registration_is_open_to_the_second_and_grace_comes_from_the_pack() {
        let calendar = calendar();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!calendar.is_open(at("2026-06-01T05:59:59Z"), 0));
        assert!(calendar.is_open(at("2026-06-01T06:00:00Z"), 0));
        assert!(calendar.is_open(at("2026-09-30T21:59:59Z"), 0));
        assert!(calendar.is_open(at("2026-09-30T21:59:59.999999Z"), 0));
        assert!(!calendar.is_open(at("2026-09-30T22:00:00Z"), 0));
        assert!(calendar.is_open(at("2026-09-30T22:10:00Z"), 15));
    }
}
