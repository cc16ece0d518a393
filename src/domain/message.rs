//! What may be written in the thread between a candidate and the office: plain text, neither empty nor endless, at a
//! pace that a person reads. What goes with it is looked into as a piece is (`piece`).
//! A message is no act of procedure: what decides something has its own step and its own document.

use super::piece::PieceLimits;
use super::refusal::Refusal;

/// Longest message, in letters.
pub const LONGEST: usize = 4000;
/// Most files that go with one message.
pub const MOST_FILES: usize = 3;

/// Most bytes of one attached file: three of them still pass within one request.
pub const HEAVIEST: u64 = 5_000_000;

/// Messages that one account sends within an hour: a candidate writes to one office, an officer answers many candidates.
const MOST_PER_HOUR: [i64; 2] = [10, 200];

/// The bounds of a file that goes with a message: those of a piece, lighter.
#[must_use]
pub fn bounds(mut limits: PieceLimits) -> PieceLimits {
    limits.file_bytes.value = limits.file_bytes.value.min(HEAVIEST);
    limits
}

/// Whether an account that sent this many messages within the last hour may send one more.
///
/// # Errors
/// The number that is reached, and when one may write again.
pub fn check_pace(sent: i64, from_office: bool) -> Result<(), Refusal> {
    let most = MOST_PER_HOUR[usize::from(from_office)];
    if sent < most {
        return Ok(());
    }
    Err(Refusal::new(
        "messages_too_many",
        format!(
            "Vous avez envoyé {sent}\u{a0}messages en une heure, et {most} au plus sont acceptés\u{a0}: celui-ci n’est pas parti. Son texte est gardé ci-dessous\u{a0}: envoyez-le dans une heure."
        ),
    ))
}

/// The text as it is kept.
///
/// # Errors
/// An empty message, or one too long to be read.
pub fn check_body(typed: &str) -> Result<String, Refusal> {
    let text: String = typed.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let length = text.chars().count();
    if length == 0 {
        return Err(Refusal::new("message_empty", "Écrivez votre message avant de l’envoyer."));
    }
    if length > LONGEST {
        return Err(Refusal::new(
            "message_too_long",
            format!("Ce message compte {length}\u{a0}caractères\u{a0}: raccourcissez-le à {LONGEST} au plus."),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_writes_so_many_messages_an_hour_and_is_told_when_to_go_on() {
        for (sent, from_office, goes) in [
            (0, false, true),
            (9, false, true),
            (10, false, false),
            (10, true, true),
            (199, true, true),
            (200, true, false),
        ] {
            let answer = check_pace(sent, from_office);
            assert_eq!(answer.is_ok(), goes, "{sent} {from_office}");
            assert!(answer.err().is_none_or(|no| no.to_string().contains("dans une heure")), "{sent}");
        }
    }

    #[test]
    fn a_message_is_neither_empty_nor_endless_and_keeps_its_lines() {
        assert_eq!(check_body("  Bonjour,\nmerci.\u{7} ").unwrap(), "Bonjour,\nmerci.");
        assert_eq!(check_body(" \n ").unwrap_err().code, "message_empty");
        assert_eq!(check_body(&"é".repeat(LONGEST)).unwrap().chars().count(), LONGEST);
        assert_eq!(check_body(&"é".repeat(LONGEST + 1)).unwrap_err().code, "message_too_long");
    }
}
