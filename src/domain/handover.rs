//! Handing a record over to another academy: the academy that holds it proposes with its reason, the other accepts
//! or declines. Until then the other sees the request alone; afterwards the former keeps what its own acts need.

use super::refusal::Refusal;

words! {
    /// Where a handover stands.
    pub enum HandoverState {
        Proposed = "proposed",
        Accepted = "accepted",
        Declined = "declined",
        Withdrawn = "withdrawn",
    }
}

impl HandoverState {
    /// The French word shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            HandoverState::Proposed => "en attente de réponse",
            HandoverState::Accepted => "acceptée",
            HandoverState::Declined => "déclinée",
            HandoverState::Withdrawn => "retirée",
        }
    }
}

/// # Errors
/// The destination is the holder itself, a proposal already waits for its answer, or no reason is given.
pub fn check_proposal(from: &str, to: &str, is_pending: bool, reason: &str) -> Result<(), Refusal> {
    if from == to {
        return Err(Refusal::new(
            "same_academy",
            "Cette personne relève déjà de cette académie\u{a0}: choisissez l’académie d’accueil.",
        ));
    }
    if is_pending {
        return Err(Refusal::new(
            "handover_pending",
            "Une transmission de cette fiche attend déjà une réponse\u{a0}: retirez-la avant d’en proposer une autre.",
        ));
    }
    check_reason(reason)
}

/// # Errors
/// The proposal was answered or withdrawn already, or a refusal comes without its reason.
pub fn check_answer(state: HandoverState, accepts: bool, reason: &str) -> Result<(), Refusal> {
    if state != HandoverState::Proposed {
        return Err(Refusal::new(
            "handover_settled",
            format!("Cette transmission est déjà {}\u{a0}: il n’y a plus rien à répondre.", state.label()),
        ));
    }
    if accepts { Ok(()) } else { check_reason(reason) }
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::new(
            "reason_missing",
            "Indiquez le motif en une phrase\u{a0}: l’autre académie le lira, et il reste dans l’historique.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_proposal_at_a_time_to_somebody_else_with_its_reason() {
        let code = |result: Result<(), Refusal>| result.err().map(|no| no.code);
        assert_eq!(code(check_proposal("22", "13", false, "mutation")), None);
        assert_eq!(code(check_proposal("22", "22", false, "mutation")), Some("same_academy"));
        assert_eq!(code(check_proposal("22", "13", true, "mutation")), Some("handover_pending"));
        assert_eq!(code(check_proposal("22", "13", false, "  ")), Some("reason_missing"));
    }

    #[test]
    fn an_answer_is_given_once_and_a_refusal_says_why() {
        let code = |result: Result<(), Refusal>| result.err().map(|no| no.code);
        assert_eq!(code(check_answer(HandoverState::Proposed, true, "")), None);
        assert_eq!(code(check_answer(HandoverState::Proposed, false, "")), Some("reason_missing"));
        for settled in [HandoverState::Accepted, HandoverState::Declined, HandoverState::Withdrawn] {
            assert_eq!(code(check_answer(settled, true, "")), Some("handover_settled"));
        }
    }
}
