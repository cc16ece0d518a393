//! How dates, instants and names are written on French screens.
//! Instants are shown in the zone of the academy; nothing here reads the time or the machine's zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub const PARIS: &str = "Europe/Paris";

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const DAYS: [&str; 7] = [
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
];

/// `1er mars 2027`.
#[must_use]
pub fn date(day: Date) -> String {
    let number = if day.day() == 1 {
        "1er".to_owned()
    } else {
        day.day().to_string()
    };
    format!("{number}\u{a0}{} {}", month(day), day.year())
}

/// `lundi 1er mars 2027`.
#[must_use]
pub fn long_date(day: Date) -> String {
    let index = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    format!("{} {}", DAYS.get(index).unwrap_or(&""), date(day))
}

/// `01/03/2027`, for tables.
#[must_use]
pub fn short_date(day: Date) -> String {
    format!("{:02}/{:02}/{:04}", day.day(), day.month(), day.year())
}

/// `1er mars 2027 à 9 h 05`, in the zone of the academy (an IANA name).
#[must_use]
pub fn instant(at: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let local = at.to_zoned(zone);
    let minute = match local.minute() {
        0 => String::new(),
        minute => format!("\u{a0}{minute:02}"),
    };
    format!("{} à {}\u{a0}h{minute}", date(local.date()), local.hour())
}

/// `de Limoges`, `d’Orléans`: a name after *de*.
#[must_use]
pub fn of(name: &str) -> String {
    let first = name
        .chars()
        .next()
        .map(|letter| letter.to_lowercase().to_string());
    let is_vowel = first.is_some_and(|letter| "aàâeéèêiîoôuùy".contains(&letter));
    if let Some(rest) = name.strip_prefix("Le ") {
        format!("du {rest}")
    } else if let Some(rest) = name.strip_prefix("La ") {
        format!("de La {rest}")
    } else if is_vowel {
        format!("d’{name}")
    } else {
        format!("de {name}")
    }
}

/// `1 candidat`, `2 candidats`, `0 candidat`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number}\u{a0}{}", if number < 2 { one } else { many })
}

fn month(day: Date) -> &'static str {
    let index = usize::try_from(day.month() - 1).unwrap_or(0);
    MONTHS.get(index).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_office_writes_them() {
        let first = jiff::civil::date(2027, 3, 1);
        assert_eq!(long_date(first), "lundi 1er\u{a0}mars 2027");
        assert_eq!(short_date(first), "01/03/2027");
        assert_eq!(
            date(jiff::civil::date(2026, 12, 31)),
            "31\u{a0}décembre 2026"
        );
    }

    #[test]
    fn an_instant_follows_the_zone_through_the_change_of_hour() {
        let before: Timestamp = "2027-03-28T00:59:00Z".parse().expect("instant");
        let after: Timestamp = "2027-03-28T01:00:00Z".parse().expect("instant");
        assert_eq!(
            instant(before, PARIS),
            "28\u{a0}mars 2027 à 1\u{a0}h\u{a0}59"
        );
        assert_eq!(instant(after, PARIS), "28\u{a0}mars 2027 à 3\u{a0}h");
        assert_eq!(
            instant(after, "Indian/Reunion"),
            "28\u{a0}mars 2027 à 5\u{a0}h"
        );
    }

    #[test]
    fn an_academy_is_named_after_its_article() {
        assert_eq!(of("Limoges"), "de Limoges");
        assert_eq!(of("Orléans-Tours"), "d’Orléans-Tours");
        assert_eq!(of("La Réunion"), "de La Réunion");
    }
}
