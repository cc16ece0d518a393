//! When results may be known: at an instant that the office sets once the deliberation is sealed.
//! Before it, nobody outside the jury and the exam office can learn anything, from any page, file or number.

use jiff::Timestamp;

use super::refusal::Refusal;
use super::session::{SessionState, require};

/// Checks the instant planned for publication.
///
/// # Errors
/// Not sealed yet, or an instant already past.
pub fn check_plan(state: SessionState, at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    require(state, &[SessionState::Sealed], "La publication")?;
    if at < now {
        return Err(Refusal::new(
            "publication_past",
            "L’instant de publication est déjà passé : choisissez une date et une heure à venir, ou publiez maintenant.",
        ));
    }
    Ok(())
}

/// Whether results may be shown to candidates and to everyone.
#[must_use]
pub fn is_public(state: SessionState) -> bool {
    matches!(state, SessionState::Published | SessionState::Archived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publication_waits_for_the_seal_and_for_its_instant() {
        let now = "2027-06-30T08:00:00Z".parse().unwrap();
        let later = "2027-07-01T08:00:00Z".parse().unwrap();
        assert_eq!(check_plan(SessionState::Deliberation, later, now).unwrap_err().code, "session_state");
        assert_eq!(check_plan(SessionState::Sealed, now, later).unwrap_err().code, "publication_past");
        assert_eq!(check_plan(SessionState::Sealed, later, now), Ok(()));
        assert!(!is_public(SessionState::Sealed));
        assert!(is_public(SessionState::Published));
    }
}
