//! NUMEN: the confidential number of each member of staff of the education ministry. Thirteen characters: two
//! digits of the academy of origin, a letter, two digits, five digits, three letters. Its text is never shown by
//! `Debug` nor logged; screens show the masked form.

use std::fmt;

use super::person::is_invisible;

/// A well-formed NUMEN, in capitals.
#[derive(Clone, PartialEq, Eq)]
pub struct Numen(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Un NUMEN compte 13\u{a0}caractères\u{a0}: deux chiffres, une lettre, sept chiffres puis trois lettres, par exemple \
     17E0512345ABC. Vérifiez celui que vous avez saisi."
)]
pub struct NumenRefused;

impl Numen {
    /// Reads what is typed; spaces and lower case are forgiven.
    ///
    /// # Errors
    /// Any other shape. The sentence never repeats what was typed.
    pub fn parse(typed: &str) -> Result<Self, NumenRefused> {
        let text: String =
            typed.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c)).map(|c| c.to_ascii_uppercase()).collect();
        let fits = |(at, byte): (usize, u8)| match at {
            2 | 10..=12 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_digit(),
        };
        if text.len() == 13 && text.bytes().enumerate().all(fits) { Ok(Numen(text)) } else { Err(NumenRefused) }
    }

    /// The number in clear: for sealing, and for whoever asked to see it and left a trace.
    #[must_use]
    pub fn in_clear(&self) -> &str {
        &self.0
    }

    /// `17E•••••••ABC`.
    #[must_use]
    pub fn masked(&self) -> String {
        let part = |range: std::ops::Range<usize>| self.0.get(range).unwrap_or_default();
        format!("{}•••••••{}", part(0..3), part(10..13))
    }
}

impl fmt::Debug for Numen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numen(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_characters_in_their_order_and_nothing_else() {
        for typed in ["17E0512345ABC", " 17e 05 12345 abc ", "17E0512345AB\u{a0}C"] {
            assert_eq!(Numen::parse(typed).expect(typed).in_clear(), "17E0512345ABC");
        }
        for typed in
            ["", "22B0987654XY", "17E0512345ABCD", "1750512345ABC", "17E05I2345ABC", "17É0512345ABC", "ABC0512345ABC"]
        {
            let refused = Numen::parse(typed).expect_err(typed);
            assert!(typed.is_empty() || !refused.to_string().contains(typed), "what was typed is not repeated");
        }
    }

    #[test]
    fn the_number_is_masked_everywhere_but_where_it_is_asked() {
        let numen = Numen::parse("17E0512345ABC").expect("well formed");
        assert_eq!(numen.masked(), "17E•••••••ABC");
        assert!(!format!("{numen:?}").contains("0512345"));
    }
}
