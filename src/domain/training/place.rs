//! A place in a training: who may ask for one, what the module asks to have followed before, and who comes next.
//! Places are counted by the office; the waiting list keeps the order of the requests.

use jiff::civil::Date;

use super::{Hours, shown};
use crate::domain::ids::FrenchDate;
use crate::domain::refusal::Refusal;

words! {
    /// What became of a request.
    pub enum RequestState {
        Asked = "asked",
        Waiting = "waiting",
        Enrolled = "enrolled",
        Refused = "refused",
        Cancelled = "cancelled",
    }
}

impl RequestState {
    /// The French tag of screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            RequestState::Asked => "à examiner",
            RequestState::Waiting => "en liste d’attente",
            RequestState::Enrolled => "inscription acceptée",
            RequestState::Refused => "refusée",
            RequestState::Cancelled => "retirée",
        }
    }

    /// Still waits for somebody.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, RequestState::Asked | RequestState::Waiting)
    }
}

/// # Errors
/// The training takes no request, or it is over.
pub fn check_request(takes_requests: bool, ends_on: Date, today: Date) -> Result<(), Refusal> {
    if today > ends_on {
        return Err(Refusal::new(
            "training_over",
            format!("Cette formation a fini le {}\u{a0}: choisissez-en une autre.", FrenchDate::from(ends_on)),
        ));
    }
    if !takes_requests {
        return Err(Refusal::new(
            "no_requests",
            "Cette formation ne reçoit pas de demande en ligne\u{a0}: adressez-vous au responsable de formation.",
        ));
    }
    Ok(())
}

/// Are there places left? `None` is without limit.
#[must_use]
pub fn has_place(places: Option<u32>, taken: usize) -> bool {
    places.is_none_or(|places| taken < places as usize)
}

/// The modules to have followed whole before this training are behind the person, or excused with a reason.
///
/// # Errors
/// Names each module that is not, with the hours that are missing.
pub fn check_prerequisites(required: &[&str], hours: &Hours, reason: &str) -> Result<(), Refusal> {
    let missing: Vec<String> = required
        .iter()
        .filter_map(|code| {
            let module = hours.modules.iter().find(|module| module.code == *code)?;
            let left = module.progress.left();
            (left > 0).then(|| format!("{code} (il manque {})", shown(left)))
        })
        .collect();
    if missing.is_empty() || !reason.trim().is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        "prerequisite_missing",
        format!(
            "Cette formation demande d’avoir suivi avant\u{a0}: {}. Inscrivez la personne plus tard, ou indiquez pourquoi elle en est dispensée.",
            missing.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::regulation::RegulationPack;
    use crate::domain::training::hours;
    use jiff::civil::date;

    #[test]
    fn a_training_without_limit_is_never_full() {
        assert!(has_place(None, 500));
        assert!(has_place(Some(2), 1));
        assert!(!has_place(Some(2), 2));
    }

    #[test]
    fn a_request_comes_while_the_training_takes_them_and_lasts() {
        let end = date(2027, 6, 18);
        assert!(check_request(true, end, end).is_ok());
        assert_eq!(check_request(true, end, date(2027, 6, 19)).unwrap_err().code, "training_over");
        assert_eq!(check_request(false, end, end).unwrap_err().code, "no_requests");
    }

    #[test]
    fn a_prerequisite_is_followed_exempted_or_excused() {
        let rules = RegulationPack::embedded().unwrap().training;
        let partly = hours(&rules, [("MO1", 600)], &[]);
        let refused = check_prerequisites(&["MO1"], &partly, " ").unwrap_err();
        assert!(refused.sentence.contains("MO1 (il manque 10\u{a0}h)"), "{refused}");
        assert!(check_prerequisites(&["MO1"], &partly, "expérience de dix ans").is_ok());
        assert!(check_prerequisites(&["MO1"], &hours(&rules, [("MO1", 1_200)], &[]), "").is_ok());
        assert!(check_prerequisites(&["MO1"], &hours(&rules, [], &["MO1"]), "").is_ok());
    }
}
