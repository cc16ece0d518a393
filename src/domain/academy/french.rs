//! Dates and times as French letters and screens write them, with the spaces that do not break.
//! A zone has been chosen before: these functions write what the academy's clocks show.

use jiff::Zoned;
use jiff::civil::{Date, Time, Weekday};

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

/// The month in French, January being 1.
fn month(number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or_default()
}

/// « 3 février 2027 », « 1er mars 2027 ».
#[must_use]
pub fn french_date(date: Date) -> String {
    let day = if date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    format!("{day}\u{a0}{} {}", month(date.month()), date.year())
}

/// « mercredi 3 février 2027 ».
#[must_use]
pub fn french_weekday_date(date: Date) -> String {
    let weekday = match date.weekday() {
        Weekday::Monday => "lundi",
        Weekday::Tuesday => "mardi",
        Weekday::Wednesday => "mercredi",
        Weekday::Thursday => "jeudi",
        Weekday::Friday => "vendredi",
        Weekday::Saturday => "samedi",
        Weekday::Sunday => "dimanche",
    };
    format!("{weekday} {}", french_date(date))
}

/// « Le dimanche 28 mars 2027 », to begin a sentence.
pub(super) fn french_day(date: Date) -> String {
    format!("Le {}", french_weekday_date(date))
}

/// « 14 h 30 », « 9 h », « 0 h 05 »; seconds are not shown.
#[must_use]
pub fn french_time(time: Time) -> String {
    match time.minute() {
        0 => format!("{}\u{a0}h", time.hour()),
        minute => format!("{}\u{a0}h\u{a0}{minute:02}", time.hour()),
    }
}

/// « mercredi 3 février 2027 à 14 h 30 ».
#[must_use]
pub fn french_date_time(at: &Zoned) -> String {
    format!("{} à {}", french_weekday_date(at.date()), french_time(at.time()))
}
