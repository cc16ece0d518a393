//! UAI, the code of a school: seven digits and a letter that checks them. The first three digits tell
//! the department, in the ministry's own numbering (087 is Haute-Vienne, 620 Corse-du-Sud).

use std::fmt;

const CHECK_LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPRSTUVWXYZ";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uai(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UaiRefused {
    #[error(
        "«\u{a0}{0}\u{a0}» n’est pas un code UAI\u{a0}: il en faut sept chiffres puis une lettre, par exemple 0870015U."
    )]
    Shape(String),
    #[error(
        "Le code UAI {given} contient une faute\u{a0}: sa lettre de contrôle ne correspond pas à ses chiffres (pour {digits}, ce serait {expected}). Vérifiez-le dans l’annuaire de l’éducation."
    )]
    CheckLetter { given: String, digits: String, expected: char },
}

impl Uai {
    pub fn parse(typed: &str) -> Result<Self, UaiRefused> {
        let code: String = typed.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let shape = || UaiRefused::Shape(typed.trim().chars().take(20).collect());
        let Some((digits, letter)) = code.as_bytes().split_at_checked(7).filter(|(_, l)| l.len() == 1) else {
            return Err(shape());
        };
        if !digits.iter().all(u8::is_ascii_digit) || !letter.iter().all(u8::is_ascii_uppercase) {
            return Err(shape());
        }
        let number = digits.iter().fold(0usize, |n, d| n * 10 + usize::from(d - b'0'));
        let expected = CHECK_LETTERS[number % 23];
        if letter != [expected] {
            let digits = code.chars().take(7).collect();
            return Err(UaiRefused::CheckLetter { given: code, digits, expected: char::from(expected) });
        }
        Ok(Uai(code))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The department's usual code (`87`, `2A`, `974`), or none when the prefix names no department.
    pub fn department(&self) -> Option<String> {
        match self.0.get(..3)? {
            "620" => Some("2A".to_owned()),
            "720" => Some("2B".to_owned()),
            "000" | "020" => None,
            prefix if prefix.starts_with("97") || prefix.starts_with("98") => Some(prefix.to_owned()),
            prefix if prefix.starts_with('0') && prefix <= "095" => Some(prefix.get(1..)?.to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for Uai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A department as people type it (`1`, `087`, `2a`) in its usual code (`01`, `87`, `2A`).
pub fn parse_department(typed: &str) -> Option<String> {
    let code = typed.trim().to_ascii_uppercase();
    if matches!(code.as_str(), "2A" | "2B") {
        return Some(code);
    }
    if matches!(code.as_str(), "02A" | "02B") {
        return code.get(1..).map(str::to_owned);
    }
    if code.is_empty() || code.len() > 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match code.parse::<u16>().ok()? {
        20 => None,
        n @ 1..=95 => Some(format!("{n:02}")),
        n @ (971..=978 | 984 | 986..=989) => Some(n.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_true_code_is_read_in_either_case() {
        for typed in ["0750655E", "0870015u", " 0870015U ", "087 0015 U"] {
            assert!(Uai::parse(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn a_wrong_letter_names_the_one_the_digits_call_for() {
        let refused = Uai::parse("0870056I");
        assert_eq!(
            refused,
            Err(UaiRefused::CheckLetter { given: "0870056I".into(), digits: "0870056".into(), expected: 'N' })
        );
    }

    #[test]
    fn what_has_another_shape_is_not_a_code() {
        for typed in ["", "0870056", "870056N", "08700566N", "087005ÉN", "0870056N1", "É870056N"] {
            assert!(matches!(Uai::parse(typed), Err(UaiRefused::Shape(_))), "{typed}");
        }
    }

    fn of(digits: u32) -> Uai {
        let letter = char::from(CHECK_LETTERS[digits as usize % 23]);
        Uai::parse(&format!("{digits:07}{letter}")).expect("the letter was just computed")
    }

    #[test]
    fn the_department_follows_from_the_digits() {
        for (digits, department) in [
            (870015, Some("87")),
            (6200001, Some("2A")),
            (7200001, Some("2B")),
            (9740001, Some("974")),
            (9760001, Some("976")),
            (10001, Some("01")),
            (990001, None),
        ] {
            assert_eq!(of(digits).department().as_deref(), department, "{digits}");
        }
    }

    #[test]
    fn a_department_is_read_as_people_type_it() {
        for (typed, code) in [
            ("87", Some("87")),
            ("1", Some("01")),
            ("087", Some("87")),
            ("2a", Some("2A")),
            ("974", Some("974")),
            ("20", None),
            ("Creuse", None),
        ] {
            assert_eq!(parse_department(typed).as_deref(), code, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn any_single_wrong_digit_is_caught(n in 0u32..10_000_000, place in 0usize..7, shift in 1u8..10) {
            let mut code = of(n).as_str().as_bytes().to_vec();
            code[place] = b'0' + (code[place] - b'0' + shift) % 10;
            let typed = String::from_utf8(code).expect("digits and a letter");
            let caught = matches!(Uai::parse(&typed), Err(UaiRefused::CheckLetter { .. }));
            prop_assert!(caught);
        }
    }
}
