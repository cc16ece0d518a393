//! What may be written in the thread between a candidate and the office: plain text, neither empty nor endless.
//! A message is no act of procedure: what decides something has its own step and its own document.

use super::refusal::Refusal;

/// Longest message, in letters.
pub const LONGEST: usize = 4000;
/// Most files that go with one message.
pub const MOST_FILES: usize = 3;

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
    fn a_message_is_neither_empty_nor_endless_and_keeps_its_lines() {
        assert_eq!(check_body("  Bonjour,\nmerci.\u{7} ").unwrap(), "Bonjour,\nmerci.");
        assert_eq!(check_body(" \n ").unwrap_err().code, "message_empty");
        assert_eq!(check_body(&"é".repeat(LONGEST)).unwrap().chars().count(), LONGEST);
        assert_eq!(check_body(&"é".repeat(LONGEST + 1)).unwrap_err().code, "message_too_long");
    }
}
