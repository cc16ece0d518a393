//! Corrections people ask of what is held about them (GDPR, article 16): which data may be asked, and what a value may be.
//! A mark or a decision is never corrected: it is contested by an appeal. A new address is the account's own affair.

use jiff::civil::Date;

use super::ids::{Civility, FrenchDate, Phone};
use super::refusal::Refusal;

words! {
    /// What may be asked to be corrected.
    pub enum Field {
        Civility = "civility",
        BirthName = "birth_name",
        UsageName = "usage_name",
        FirstNames = "first_names",
        BirthDate = "birth_date",
        BirthPlace = "birth_place",
        Phone = "phone",
    }
}

impl Field {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Field::Civility => "Civilité",
            Field::BirthName => "Nom de naissance",
            Field::UsageName => "Nom d’usage",
            Field::FirstNames => "Prénoms",
            Field::BirthDate => "Date de naissance",
            Field::BirthPlace => "Lieu de naissance",
            Field::Phone => "Téléphone",
        }
    }

    /// Part of the civil status: its correction keeps the earlier name, like a change of name.
    #[must_use]
    pub const fn is_name(self) -> bool {
        matches!(self, Field::Civility | Field::BirthName | Field::UsageName | Field::FirstNames)
    }
}

/// The article every answer cites.
pub const LAW: &str = "règlement (UE) 2016/679, article 16";

/// Reads a proposed value as the record would keep it; a birth date becomes `AAAA-MM-JJ`.
///
/// # Errors
/// `bad_value` with what is expected.
pub fn check_value(field: Field, typed: &str, today: Date) -> Result<String, Refusal> {
    let text = typed.trim();
    let no = |sentence: String| Refusal::new("bad_value", sentence);
    if text.is_empty() && field != Field::UsageName {
        return Err(no("Indiquez la valeur exacte.".to_owned()));
    }
    if text.chars().count() > 120 {
        return Err(no("Cette valeur est trop longue\u{a0}: cent vingt caractères au plus.".to_owned()));
    }
    match field {
        Field::Civility => Civility::parse(text).map(|_| ()).map_err(|e| no(e.to_string())).map(|()| text.to_owned()),
        Field::BirthDate => {
            let date = FrenchDate::parse(text).map_err(|e| no(e.to_string()))?.date();
            if date >= today {
                return Err(no("Une date de naissance est passée\u{a0}: vérifiez l’année.".to_owned()));
            }
            Ok(date.to_string())
        }
        Field::Phone => Phone::parse(text).map(|_| text.to_owned()).map_err(|e| no(e.to_string())),
        Field::BirthName | Field::UsageName | Field::FirstNames | Field::BirthPlace => {
            if text.chars().any(|c| c.is_control() || c.is_ascii_digit() && field != Field::BirthPlace) {
                return Err(no(
                    "Un nom ne contient que des lettres, des espaces, des apostrophes et des tirets.".to_owned()
                ));
            }
            Ok(text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_the_record_would_keep_it() {
        let today = jiff::civil::date(2026, 6, 15);
        for (field, typed, kept) in [
            (Field::BirthDate, "1/3/1985", Some("1985-03-01")),
            (Field::BirthDate, "01/03/2030", None),
            (Field::BirthName, "  Lefèvre ", Some("Lefèvre")),
            (Field::BirthName, "Lef3vre", None),
            (Field::BirthName, "", None),
            (Field::UsageName, "", Some("")),
            (Field::Civility, "Docteur", None),
            (Field::Phone, "abc", None),
        ] {
            assert_eq!(check_value(field, typed, today).ok().as_deref(), kept, "{field} {typed}");
        }
    }
}
