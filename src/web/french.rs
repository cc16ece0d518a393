//! Small turns of French that screens need and the domain does not: plurals, short dates, a first capital.
//! Long dates and hours are written by `domain::academy`, in the zone of the academy.

use jiff::civil::Date;

/// `01/03/2027`, for tables.
#[must_use]
pub fn short_date(day: Date) -> String {
    format!("{:02}/{:02}/{:04}", day.day(), day.month(), day.year())
}

/// `0 candidat`, `1 candidat`, `2 candidats`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number}\u{a0}{}", if number < 2 { one } else { many })
}

/// The first letter as a capital, with its accent: « épreuve » is « Épreuve ».
#[must_use]
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_one_are_singular() {
        let said = [0, 1, 2].map(|number| count(number, "dossier", "dossiers"));
        assert_eq!(said, ["0\u{a0}dossier", "1\u{a0}dossier", "2\u{a0}dossiers"]);
    }

    #[test]
    fn a_short_date_starts_with_the_day() {
        assert_eq!(short_date(jiff::civil::date(2027, 3, 1)), "01/03/2027");
    }
}
