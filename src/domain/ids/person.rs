//! Who is who: names folded into keys, so that LOÏC, Loic and Loïc are one person and Œ meets OE.
//! The folded forms are for comparing and sorting only; what people typed is what is printed.

use std::fmt;

use jiff::civil::Date;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Comparison form of a text: compatibility decomposition, accents and case removed, ligatures opened,
/// apostrophes, hyphens and spaces as one space. Folding twice changes nothing.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfkd().flat_map(char::to_lowercase) {
        if is_combining_mark(c) || is_invisible(c) || (c.is_control() && !c.is_whitespace()) {
            continue;
        }
        if is_joint(c) {
            gap = !folded.is_empty();
            continue;
        }
        if gap {
            folded.push(' ');
            gap = false;
        }
        match opened(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    folded
}

/// Letters that decomposition leaves whole although people type them with plain ones.
fn opened(c: char) -> Option<&'static str> {
    Some(match c {
        'œ' => "oe",
        'æ' => "ae",
        'ß' => "ss",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ø' => "o",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ŋ' => "n",
        'ς' => "σ",
        _ => return None,
    })
}

fn is_joint(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\'' | '`'
                | '´'
                | '‘'
                | '’'
                | '‛'
                | '′'
                | 'ʼ'
                | 'ʻ'
                | 'ʹ'
                | '-'
                | '‐'
                | '‑'
                | '‒'
                | '–'
                | '—'
                | '―'
                | '−'
                | '_'
        )
}

/// Characters that leave no ink but make two equal names differ, or turn the text around them.
pub(in crate::domain) fn is_invisible(c: char) -> bool {
    c == '\u{ad}'
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{2064}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || c == '\u{feff}'
}

/// Alphabetical order of people. Two spaces end the name, so that LE comes before LE GUYADER.
pub fn sort_key(name: &str, first_names: &str) -> String {
    format!("{}  {}", fold(name), fold(first_names))
}

/// One person within an academy: birth name, first names and birth date, accents and case aside.
pub fn person_key(birth_name: &str, first_names: &str, birth_date: Date) -> String {
    format!("{}|{}|{birth_date}", fold(birth_name), fold(first_names))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Civility {
    Madame,
    Monsieur,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("La civilité «\u{a0}{0}\u{a0}» n’est pas connue\u{a0}: écrivez «\u{a0}Mme\u{a0}» ou «\u{a0}M.\u{a0}».")]
pub struct CivilityRefused(String);

impl Civility {
    pub fn parse(typed: &str) -> Result<Self, CivilityRefused> {
        match fold(typed).trim_end_matches('.') {
            "mme" | "madame" => Ok(Civility::Madame),
            "m" | "mr" | "monsieur" => Ok(Civility::Monsieur),
            _ => Err(CivilityRefused(typed.trim().chars().take(20).collect())),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Civility::Madame => "Mme",
            Civility::Monsieur => "M.",
        }
    }
}

impl fmt::Display for Civility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_name_fold_together() {
        for (a, b) in [
            ("BŒUF", "Boeuf"),
            ("Loïc", "LOIC"),
            ("O’BRIEN", "O'Brien"),
            ("DE LA TOUR D’AUVERGNE", "de la Tour-d'Auvergne"),
            ("ŠIMUNKOVÁ", "Simunkova"),
            ("Jean‑Baptiste", "  jean  baptiste "),
            ("STRAẞE", "strasse"),
            ("Łukasz Đorđević", "lukasz dordevic"),
            ("Lætitia", "LAETITIA"),
            ("I\u{307}pek", "ipek"),
            ("Zoe\u{308}\u{200b}", "Zoë"),
        ] {
            assert_eq!(fold(a), fold(b));
        }
        assert_ne!(fold("Martin"), fold("Martine"));
        assert_ne!(fold("LE GUYADER"), fold("LEGUYADER"));
    }

    #[test]
    fn a_short_name_sorts_before_a_longer_one_that_begins_like_it() {
        let mut people = [sort_key("LE GUYADER", "Anne"), sort_key("LEBRUN", "Anne"), sort_key("LE", "Zoé")];
        people.sort();
        assert_eq!(people, ["le  zoe", "le guyader  anne", "lebrun  anne"]);
    }

    #[test]
    fn a_person_is_the_same_with_and_without_accents() {
        let born = jiff::civil::date(1983, 9, 19);
        assert_eq!(person_key("FAURE", "Loïc", born), person_key("Faure", "Loic", born));
        assert_ne!(person_key("FAURE", "Loïc", born), person_key("FAURE", "Loïc", jiff::civil::date(1983, 9, 20)));
    }

    #[test]
    fn two_civilities_are_known() {
        for typed in ["Mme", "mme.", "MADAME"] {
            assert_eq!(Civility::parse(typed), Ok(Civility::Madame));
        }
        for typed in ["M.", "M", "Mr", "Monsieur"] {
            assert_eq!(Civility::parse(typed), Ok(Civility::Monsieur));
        }
        assert!(Civility::parse("Dr").is_err());
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn folding_ignores_case_of_french_letters(text in "[a-zàâäçéèêëîïôöùûüÿœæ' -]{0,30}") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text));
        }
    }
}
