//! Accommodations: the measure granted is kept, never the reason. A text that could tell an illness is
//! reduced to the measures recognised in it, and the finding never repeats what was typed.

use crate::domain::ids::fold;

/// Known measures and the folded phrases that name them.
const MEASURES: [(&str, &[&str]); 9] = [
    ("Tiers temps", &["tiers temps", "1/3 temps", "temps majore", "majoration de temps", "temps supplementaire"]),
    ("Salle particulière", &["salle particuliere", "salle a part", "salle isolee", "salle separee"]),
    ("Sujet agrandi", &["sujet agrandi", "sujets agrandis", "gros caracteres", "agrandissement"]),
    ("Sujet en braille", &["braille"]),
    ("Secrétaire", &["secretaire", "scripteur", "lecteur"]),
    ("Ordinateur", &["ordinateur", "materiel informatique"]),
    ("Accès de plain-pied", &["plain pied", "rez de chaussee", "ascenseur", "acces facilite", "locaux accessibles"]),
    ("Interprète", &["interprete", "langue des signes", "codeur lpc"]),
    ("Pauses", &["pauses", "pause"]),
];

/// Beginnings of words that speak of health and not of an arrangement.
const MEDICAL: [&str; 44] = [
    "dys",
    "tdah",
    "tda",
    "autis",
    "asperger",
    "tsa",
    "diabet",
    "cancer",
    "handicap",
    "malad",
    "syndrome",
    "trouble",
    "depress",
    "epilep",
    "scleros",
    "surdit",
    "sourd",
    "malentend",
    "malvoy",
    "deficien",
    "aveugl",
    "cecit",
    "grossess",
    "enceint",
    "medic",
    "traitement",
    "patholog",
    "diagnos",
    "rqth",
    "mdph",
    "invalid",
    "chirurg",
    "operat",
    "fauteuil",
    "arthr",
    "migrain",
    "lombal",
    "cardia",
    "anxi",
    "phobi",
    "bipol",
    "psych",
    "hospital",
    "fractur",
];

const LONGEST_PLAIN_TEXT: usize = 80;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accommodation {
    None,
    /// The text was only the measure, in our words.
    Measure(String),
    /// A short text that names no known measure and nothing medical: kept, to be read by someone.
    ToRead(String),
    /// More was typed than may be kept; what is left of it, if any measure was recognised.
    Reduced(Option<String>),
}

impl Accommodation {
    pub fn read(typed: &str) -> Self {
        let folded = fold(typed);
        let words = folded.trim_end_matches(['.', ',', ';']);
        if matches!(words, "" | "n" | "non" | "neant" | "aucun" | "aucune" | "sans objet" | "0") {
            return Accommodation::None;
        }
        let mut rest = folded.clone();
        let mut measures = Vec::new();
        for (measure, phrases) in MEASURES {
            for phrase in phrases {
                if rest.contains(phrase) {
                    rest = rest.replace(phrase, " ");
                    if !measures.contains(&measure) {
                        measures.push(measure);
                    }
                }
            }
        }
        let measure = (!measures.is_empty()).then(|| measures.join(", "));
        let medical = folded
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| MEDICAL.iter().any(|beginning| word.starts_with(beginning)));
        let too_long = typed.chars().count() > LONGEST_PLAIN_TEXT;
        let only_joints = rest
            .split(|c: char| !c.is_alphanumeric())
            .all(|word| matches!(word, "" | "et" | "avec" | "un" | "une" | "des" | "de" | "en" | "oui"));
        match measure {
            measure if medical || too_long => Accommodation::Reduced(measure),
            Some(measure) if only_joints => Accommodation::Measure(measure),
            Some(measure) => Accommodation::Reduced(Some(measure)),
            None => Accommodation::ToRead(typed.split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_alone_is_kept_in_our_words() {
        for (typed, kept) in [
            ("Tiers temps", "Tiers temps"),
            ("tiers-temps", "Tiers temps"),
            ("1/3 temps + salle particulière", "Tiers temps, Salle particulière"),
            ("Temps majoré et ordinateur.", "Tiers temps, Ordinateur"),
        ] {
            assert_eq!(Accommodation::read(typed), Accommodation::Measure(kept.into()), "{typed}");
        }
    }

    #[test]
    fn a_diagnosis_is_never_kept() {
        for typed in [
            "Tiers temps (dyslexie)",
            "TIERS TEMPS, diabète de type 1",
            "tiers temps suite à une hospitalisation",
            "Tiers temps demandé par le Dr Untel",
        ] {
            assert_eq!(Accommodation::read(typed), Accommodation::Reduced(Some("Tiers temps".into())), "{typed}");
        }
        for typed in ["RQTH", "Sclérose en plaques", &"bla ".repeat(30)] {
            assert_eq!(Accommodation::read(typed), Accommodation::Reduced(None), "{typed}");
        }
    }

    #[test]
    fn nothing_and_another_short_measure_are_told_apart() {
        for typed in ["", "Non", "néant", "-", "Aucun."] {
            assert_eq!(Accommodation::read(typed), Accommodation::None, "{typed}");
        }
        assert_eq!(Accommodation::read("Pupitre  réglable"), Accommodation::ToRead("Pupitre réglable".into()));
    }
}
