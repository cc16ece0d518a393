//! Sentences an academy prepares once and uses often: grounds for refusing a piece, requests, refusals, answers.
//! A wording may hold a few named places, filled by the program in one pass: what is put there is never read again.

use super::super::refusal::Refusal;

words! {
    /// What a wording is for.
    pub enum WordingKind {
        PieceRefusal = "piece_refusal",
        PieceRequest = "piece_request",
        FileRefusal = "file_refusal",
        Message = "message",
    }
}

impl WordingKind {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            WordingKind::PieceRefusal => "Refus d’une pièce",
            WordingKind::PieceRequest => "Demande de pièces",
            WordingKind::FileRefusal => "Refus d’inscription",
            WordingKind::Message => "Réponse à un candidat",
        }
    }
}

/// The places a wording may hold, with what is put there.
pub const PLACES: &[(&str, &str)] = &[
    ("candidat", "civilité, prénom et nom"),
    ("numero", "numéro du dossier"),
    ("session", "année de la session"),
    ("pieces", "pièces demandées ou refusées"),
    ("date", "date limite de réponse"),
    ("service", "nom du service"),
];

/// Longest wording, in letters.
pub const LONGEST: usize = 2_000;

/// Reads a wording as an officer typed it.
///
/// # Errors
/// A place that does not exist, or a brace left open.
pub fn check(text: &str) -> Result<(), Refusal> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let name = rest[at..].strip_prefix('{').and_then(|after| after.split_once('}')).map(|(name, _)| name);
        match name {
            Some(name) if PLACES.iter().any(|(known, _)| *known == name) => rest = &rest[at + name.len() + 2..],
            Some(name) => {
                return Err(Refusal::new(
                    "unknown_place",
                    format!("«\u{a0}{{{name}}}\u{a0}» n’existe pas\u{a0}: choisissez parmi {}.", named_places()),
                ));
            }
            None => {
                return Err(Refusal::new(
                    "open_brace",
                    format!(
                        "Une accolade n’est pas fermée\u{a0}: écrivez une place entière, parmi {}.",
                        named_places()
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn named_places() -> String {
    PLACES.iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

/// Fills the places in one pass: a name that contains `{date}` stays as it is. Unknown places stay as typed.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        filled.push_str(before);
        let known = after[1..]
            .split_once('}')
            .and_then(|(name, left)| values.iter().find(|(place, _)| *place == name).map(|(_, value)| (*value, left)));
        match known {
            Some((value, left)) => {
                filled.push_str(value);
                rest = left;
            }
            None => {
                filled.push('{');
                rest = &after[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wording_holds_only_places_that_exist() {
        for (text, fits) in [
            ("Bonjour {candidat}, merci d’envoyer {pieces} avant le {date}.", true),
            ("Sans place.", true),
            ("Note\u{a0}: {note}", false),
            ("Une accolade { ouverte", false),
            ("fermée } seule", false),
            ("{candidat", false),
        ] {
            assert_eq!(check(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn what_fills_a_place_is_never_read_again() {
        let values = [("candidat", "M. {date}"), ("date", "3 septembre")];
        assert_eq!(fill("{candidat} avant le {date} {inconnu}", &values), "M. {date} avant le 3 septembre {inconnu}");
    }
}
