//! What is printed on a certificate to find and to check it: its number, without gaps per academy and
//! session, and a control key that cannot be guessed and that catches typing mistakes by itself.
//!
//! The key is ten symbols of Crockford's alphabet, read as elements of the field of 32 elements
//! (polynomials over GF(2) modulo x^5 + x^2 + 1, `a` standing for x = 2). Symbols k1..k9 are random,
//! and k10 = k1·a^9 + k2·a^8 + ... + k9·a. All weights are distinct and none is zero, so every
//! mistake on one symbol and every exchange of two symbols, adjacent or not, is caught.

use std::fmt;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RANDOM_SYMBOLS: usize = 9;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ControlKey(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlKeyRefused {
    #[error("La clé de contrôle a dix caractères\u{a0}; celle-ci en a {0}.")]
    Length(usize),
    #[error("La clé de contrôle ne contient pas le caractère «\u{a0}{0}\u{a0}»\u{a0}: relisez-la sur le certificat.")]
    Character(char),
    #[error("La clé de contrôle contient une faute de frappe\u{a0}: relisez-la sur le certificat.")]
    Check,
}

impl ControlKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ControlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a key from nine random bytes, of which the five low bits serve (45 bits in all, unbiased).
/// The bytes must come from a cryptographic generator: the caller owns randomness.
pub fn control_key_from_random(random: [u8; RANDOM_SYMBOLS]) -> ControlKey {
    let symbols = random.map(|byte| byte & 31);
    let all = symbols.into_iter().chain([check_symbol(&symbols)]);
    ControlKey(all.map(|s| char::from(ALPHABET[usize::from(s)])).collect())
}

/// Reads a key as people type it: any case, spaces and hyphens ignored, O for 0, I and L for 1.
pub fn check_control_key(typed: &str) -> Result<ControlKey, ControlKeyRefused> {
    let mut symbols = Vec::with_capacity(RANDOM_SYMBOLS + 1);
    let mut count = 0;
    for c in typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}' | '\u{2011}')) {
        count += 1;
        if count <= RANDOM_SYMBOLS + 1 {
            symbols.push(symbol(c).ok_or(ControlKeyRefused::Character(c))?);
        }
    }
    if count != RANDOM_SYMBOLS + 1 {
        return Err(ControlKeyRefused::Length(count));
    }
    match symbols.split_last() {
        Some((check, random)) if *check == check_symbol(random) => {
            Ok(ControlKey(symbols.iter().map(|s| char::from(ALPHABET[usize::from(*s)])).collect()))
        }
        _ => Err(ControlKeyRefused::Check),
    }
}

fn symbol(typed: char) -> Option<u8> {
    let read = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|a| char::from(*a) == read)?;
    u8::try_from(place).ok()
}

/// Horner's scheme in the field: each step adds a symbol and multiplies the sum by `a`.
fn check_symbol(random: &[u8]) -> u8 {
    random.iter().fold(0, |sum, symbol| {
        let doubled = (sum ^ symbol) << 1;
        if doubled & 0b10_0000 != 0 { doubled ^ 0b10_0101 } else { doubled }
    })
}

/// `22-2027-0007`: academy, session, rank from 1, on at least four digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateNumber {
    pub academy: String,
    pub session_year: i16,
    pub rank: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("«\u{a0}{0}\u{a0}» n’est pas un numéro de certificat\u{a0}: il s’écrit comme 22-2027-0007.")]
pub struct CertificateNumberRefused(String);

impl CertificateNumber {
    pub fn parse(typed: &str) -> Result<Self, CertificateNumberRefused> {
        let refused = || CertificateNumberRefused(typed.trim().chars().take(30).collect());
        let digits = |s: &&str| s.bytes().all(|b| b.is_ascii_digit());
        let mut parts = typed.trim().split(['-', '\u{2010}', '\u{2011}']);
        let mut next = || parts.next().filter(digits).ok_or_else(refused);
        let (academy, year, rank) = (next()?, next()?, next()?);
        // A rank longer than four digits has no leading zero: one certificate has one spelling.
        let rank_is_plain = rank.len() == 4 || (rank.len() > 4 && !rank.starts_with('0'));
        if academy.len() != 2 || year.len() != 4 || !rank_is_plain || parts.next().is_some() {
            return Err(refused());
        }
        let session_year = year.parse().map_err(|_| refused())?;
        let rank = rank.parse().ok().filter(|rank| *rank > 0).ok_or_else(refused)?;
        Ok(CertificateNumber { academy: academy.to_owned(), session_year, rank })
    }
}

impl fmt::Display for CertificateNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:04}-{:04}", self.academy, self.session_year, self.rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_known_key_keeps_its_check_symbol_for_ever() {
        assert_eq!(control_key_from_random([0; 9]).as_str(), "0000000000");
        // One in the last random place weighs `a`, which is 2; in the first, a^9 = 11010 = 26 = T.
        assert_eq!(control_key_from_random([0, 0, 0, 0, 0, 0, 0, 0, 1]).as_str(), "0000000012");
        assert_eq!(control_key_from_random([1, 0, 0, 0, 0, 0, 0, 0, 0]).as_str(), "100000000T");
    }

    #[test]
    fn a_key_is_read_as_people_type_it() {
        let key = control_key_from_random([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        for typed in ["100000000T", "lOOOO-ooooT", "i0000 0000t"] {
            assert_eq!(check_control_key(typed), Ok(key.clone()), "{typed}");
        }
        assert_eq!(check_control_key("100000000U"), Err(ControlKeyRefused::Character('U')));
        assert_eq!(check_control_key("100"), Err(ControlKeyRefused::Length(3)));
        assert_eq!(check_control_key("100000000TT"), Err(ControlKeyRefused::Length(11)));
        assert_eq!(check_control_key("100000000V"), Err(ControlKeyRefused::Check));
    }

    #[test]
    fn a_certificate_number_has_one_spelling() {
        let number = CertificateNumber { academy: "22".into(), session_year: 2027, rank: 7 };
        assert_eq!(number.to_string(), "22-2027-0007");
        assert_eq!(CertificateNumber::parse(" 22-2027-0007 "), Ok(number));
        assert_eq!(CertificateNumber::parse("22-2027-12345").map(|n| n.rank), Ok(12345));
        for typed in [
            "",
            "22-2027-7",
            "22-2027-0000",
            "22-2027-00007",
            "2-2027-0007",
            "22-2027-0007-1",
            "22-27-0007",
            "AA-2027-0007",
        ] {
            assert!(CertificateNumber::parse(typed).is_err(), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn any_single_wrong_symbol_is_caught(random in any::<[u8; 9]>(), place in 0usize..10, other in 0usize..32) {
            let key = control_key_from_random(random);
            let mut typed = key.as_str().as_bytes().to_vec();
            prop_assume!(typed[place] != ALPHABET[other]);
            typed[place] = ALPHABET[other];
            let typed = String::from_utf8(typed).expect("ASCII");
            prop_assert_eq!(check_control_key(&typed), Err(ControlKeyRefused::Check));
        }

        #[test]
        fn any_exchange_of_two_symbols_is_caught(random in any::<[u8; 9]>(), a in 0usize..10, b in 0usize..10) {
            let key = control_key_from_random(random);
            prop_assert_eq!(check_control_key(key.as_str()), Ok(key.clone()));
            let mut typed = key.as_str().as_bytes().to_vec();
            prop_assume!(typed[a] != typed[b]);
            typed.swap(a, b);
            let typed = String::from_utf8(typed).expect("ASCII");
            prop_assert_eq!(check_control_key(&typed), Err(ControlKeyRefused::Check));
        }

        #[test]
        fn every_number_reads_back_as_itself(rank in 1u32.., year in 1000i16..=9999) {
            let number = CertificateNumber { academy: "22".into(), session_year: year, rank };
            prop_assert_eq!(CertificateNumber::parse(&number.to_string()), Ok(number));
        }
    }
}
