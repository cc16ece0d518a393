//! How a person is reached. An address is accepted only when a mail can leave for it without surprise
//! (plain ASCII, no quoting, a domain with an ending); a number gets one written form whatever was typed.

use std::fmt;

/// Kept as typed; two addresses are the same when their `key` is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailRefused {
    #[error("Une adresse électronique s’écrit sur une seule ligne, sans espace.")]
    Blank,
    #[error("L’adresse électronique dépasse 254 caractères.")]
    TooLong,
    #[error(
        "«\u{a0}{0}\u{a0}» n’est pas une adresse électronique\u{a0}: il faut un seul «\u{a0}@\u{a0}», par exemple prenom.nom@ac-limoges.fr."
    )]
    NoAt(String),
    #[error(
        "L’adresse «\u{a0}{0}\u{a0}» contient un caractère qu’une adresse électronique n’admet pas (accent, espace, ponctuation) ou un point mal placé."
    )]
    Character(String),
    #[error(
        "L’adresse «\u{a0}{0}\u{a0}» s’arrête trop tôt\u{a0}: son domaine n’a pas de terminaison (.fr, par exemple)."
    )]
    NoEnding(String),
}

impl EmailAddress {
    pub fn parse(typed: &str) -> Result<Self, EmailRefused> {
        let text = typed.trim();
        if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(EmailRefused::Blank);
        }
        if text.len() > 254 {
            return Err(EmailRefused::TooLong);
        }
        let Some((local, domain)) =
            text.split_once('@').filter(|(l, d)| !l.is_empty() && !d.is_empty() && !d.contains('@'))
        else {
            return Err(EmailRefused::NoAt(text.to_owned()));
        };
        let atom = |s: &str| {
            !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        };
        let label = |s: &str| {
            (1..=63).contains(&s.len())
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !s.starts_with('-')
                && !s.ends_with('-')
        };
        if local.len() > 64 || !local.split('.').all(atom) || !domain.split('.').all(label) {
            return Err(EmailRefused::Character(text.to_owned()));
        }
        // A purely numeric ending would be an IP address, and a single label a machine of the local network.
        let ending = domain.rsplit_once('.').map(|(_, ending)| ending);
        match ending {
            Some(e) if e.len() >= 2 && e.bytes().any(|b| b.is_ascii_alphabetic()) => Ok(EmailAddress(text.to_owned())),
            _ => Err(EmailRefused::NoEnding(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which two spellings of one mailbox meet.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `+` then 8 to 15 digits, as the international plan (E.164) writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "«\u{a0}{0}\u{a0}» n’est pas un numéro de téléphone\u{a0}: écrivez dix chiffres (05 55 01 02 03) ou un numéro international (+33 5 55 01 02 03)."
)]
pub struct PhoneRefused(String);

/// Trunk prefixes of the overseas departments, whose country code is not 33.
const OVERSEAS: [(&str, &str); 15] = [
    ("590", "590"),
    ("690", "590"),
    ("691", "590"),
    ("594", "594"),
    ("694", "594"),
    ("596", "596"),
    ("696", "596"),
    ("697", "596"),
    ("262", "262"),
    ("263", "262"),
    ("269", "262"),
    ("639", "262"),
    ("692", "262"),
    ("693", "262"),
    ("508", "508"),
];

impl Phone {
    pub fn parse(typed: &str) -> Result<Self, PhoneRefused> {
        let refused = || PhoneRefused(typed.trim().chars().take(30).collect());
        let text = typed.replace("(0)", "");
        let mut digits = String::with_capacity(16);
        let mut international = false;
        for c in text.chars() {
            match c {
                '0'..='9' => digits.push(c),
                '+' if digits.is_empty() && !international => international = true,
                '.' | '-' | '/' | '(' | ')' | '\u{2010}' | '\u{2011}' => {}
                c if c.is_whitespace() => {}
                _ => return Err(refused()),
            }
        }
        if !international && digits.starts_with("00") {
            international = true;
            digits.drain(..2);
        }
        if international {
            if let Some(national) = digits.strip_prefix("33") {
                // People keep the trunk zero after the country code: +33 05 55...
                let national = national.strip_prefix('0').unwrap_or(national).to_owned();
                return Self::french(&national).ok_or_else(refused);
            }
            return if (8..=15).contains(&digits.len()) && !digits.starts_with('0') {
                Ok(Phone(format!("+{digits}")))
            } else {
                Err(refused())
            };
        }
        // A spreadsheet that took the number for a quantity lost its leading zero.
        let national = digits.strip_prefix('0').unwrap_or(&digits);
        Self::french(national).ok_or_else(refused)
    }

    fn french(national: &str) -> Option<Self> {
        if national.len() != 9 || national.starts_with('0') {
            return None;
        }
        let country = OVERSEAS.iter().find(|(prefix, _)| national.starts_with(prefix)).map_or("33", |(_, c)| c);
        Some(Phone(format!("+{country}{national}")))
    }

    /// The stored form: `+33555010203`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// French numbers by pairs (`05 55 01 02 03`), others as they are dialled (`+32475123456`).
    pub fn shown(&self) -> String {
        let national = ["+33", "+590", "+594", "+596", "+262", "+508"]
            .iter()
            .find_map(|country| self.0.strip_prefix(country))
            .filter(|national| national.len() == 9);
        let Some(national) = national else {
            return self.0.clone();
        };
        let mut shown = String::from("0");
        for (i, digit) in national.chars().enumerate() {
            if i % 2 == 1 {
                shown.push('\u{a0}');
            }
            shown.push(digit);
        }
        shown
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_ordinary_address_is_kept_as_typed_and_compared_in_lower_case() {
        let address = EmailAddress::parse(" Jean.O'Brien+mlds@Ac-Limoges.example\u{a0}").expect("an address");
        assert_eq!(address.as_str(), "Jean.O'Brien+mlds@Ac-Limoges.example");
        assert_eq!(address.key(), "jean.o'brien+mlds@ac-limoges.example");
    }

    #[test]
    fn an_address_without_a_domain_ending_says_so() {
        for typed in ["ines.durand@ac-limoges", "x@192.168.0.1", "a@b.c"] {
            assert!(matches!(EmailAddress::parse(typed), Err(EmailRefused::NoEnding(_))), "{typed}");
        }
    }

    #[test]
    fn nothing_that_could_add_a_header_or_a_recipient_passes() {
        for typed in [
            "",
            "a@b.fr\r\nBcc: c@d.fr",
            "a b@c.fr",
            "a@b@c.fr",
            "a@",
            "@b.fr",
            "a,b@c.fr",
            "<a@b.fr>",
            "\"a\"@b.fr",
            "a..b@c.fr",
            ".a@c.fr",
            "é@c.fr",
            "a@-c.fr",
            "a@c..fr",
            "a@c.fr.",
            "a\u{0}@c.fr",
            "a\u{200b}@c.fr",
        ] {
            assert!(EmailAddress::parse(typed).is_err(), "{typed:?}");
        }
        assert_eq!(EmailAddress::parse(&format!("a@{}fr", "b.".repeat(200))), Err(EmailRefused::TooLong));
    }

    #[test]
    fn one_number_has_one_form_however_it_is_typed() {
        for typed in [
            "0555010203",
            "05\u{a0}55\u{a0}01\u{a0}02\u{a0}03",
            "05.55.01.02.03",
            "05 55 01 02 03",
            "+33 5 55 01 02 03",
            "+33 (0)5 55 01 02 03",
            "0033555010203",
            "05-55-01-02-03",
            "555010203",
        ] {
            let phone = Phone::parse(typed).expect(typed);
            assert_eq!(phone.as_str(), "+33555010203", "{typed}");
            assert_eq!(phone.shown(), "05\u{a0}55\u{a0}01\u{a0}02\u{a0}03");
        }
    }

    #[test]
    fn overseas_numbers_carry_their_own_country_code() {
        for (typed, stored) in [
            ("0690 12 34 56", "+590690123456"),
            ("+590 690 12 34 56", "+590690123456"),
            ("0596 12 34 56", "+596596123456"),
            ("0692 12 34 56", "+262692123456"),
            ("0639 12 34 56", "+262639123456"),
            ("+32 475 12 34 56", "+32475123456"),
        ] {
            assert_eq!(Phone::parse(typed).expect(typed).as_str(), stored, "{typed}");
        }
        assert_eq!(Phone::parse("0690123456").expect("Guadeloupe").shown(), "06\u{a0}90\u{a0}12\u{a0}34\u{a0}56");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for typed in
            ["", "05 55", "055501020304", "0055", "à rappeler", "05 55 01 02 0O", "+33 5 55 01 02", "+", "5+55010203"]
        {
            assert!(Phone::parse(typed).is_err(), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn a_shown_number_reads_back_as_itself(n in 100_000_000u64..1_000_000_000) {
            let phone = Phone::parse(&format!("0{n}")).expect("nine digits after the zero");
            prop_assert_eq!(Phone::parse(&phone.shown()), Ok(phone.clone()));
            prop_assert_eq!(Phone::parse(phone.as_str()), Ok(phone));
        }
    }
}
