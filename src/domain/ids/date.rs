//! Dates as French offices type them (14/03/1984) or as files carry them (1984-03-14). A day that does
//! not exist is named as such, because "invalid date" sends people to look for the wrong mistake.

use std::fmt;

use jiff::civil::Date;

use super::fold;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrenchDate(Date);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateRefused {
    #[error("«\u{a0}{0}\u{a0}» n’est pas une date\u{a0}; écrivez le jour, le mois et l’année, par exemple 14/03/1984.")]
    Shape(String),
    #[error("L’année de «\u{a0}{0}\u{a0}» doit avoir quatre chiffres, par exemple 14/03/1984.")]
    ShortYear(String),
    #[error("Le {day:02}/{month:02}/{year} n’existe pas\u{a0}: il n’y a pas de mois n°\u{a0}{month}.")]
    NoSuchMonth { day: u16, month: u16, year: u16 },
    #[error("Le {day:02}/{month:02}/{year} n’existe pas\u{a0}: {month_name} {year} a {last} jours.")]
    NoSuchDay { day: u16, month: u16, year: u16, month_name: &'static str, last: i8 },
}

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

const WEEKDAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];

impl FrenchDate {
    pub fn parse(typed: &str) -> Result<Self, DateRefused> {
        let text = typed.trim();
        let shape = || DateRefused::Shape(text.chars().take(30).collect());
        // A spreadsheet writes a pure date with a midnight that means nothing.
        let date = text.strip_suffix("00:00:00").map(|t| t.trim_end_matches(['T', ' '])).unwrap_or(text);
        if date.contains(char::is_alphabetic) {
            return Self::in_words(date).ok_or_else(shape)?;
        }
        let mut parts = [""; 3];
        let mut pieces = date.split(['/', '-', '.']);
        for part in &mut parts {
            *part = pieces.next().map(str::trim).ok_or_else(shape)?;
            if part.is_empty() || part.len() > 4 || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(shape());
            }
        }
        if pieces.next().is_some() {
            return Err(shape());
        }
        let [day, month, year] = if parts[0].len() == 4 { [parts[2], parts[1], parts[0]] } else { parts };
        if day.len() > 2 || month.len() > 2 {
            return Err(shape());
        }
        if year.len() != 4 {
            return Err(DateRefused::ShortYear(text.chars().take(30).collect()));
        }
        let number = |s: &str| s.parse::<u16>().map_err(|_| shape());
        Self::of(number(day)?, number(month)?, number(year)?)
    }

    /// « mercredi 14 mars 1984 », « 1er févr. 1984 »: nothing when it is not so written.
    fn in_words(text: &str) -> Option<Result<Self, DateRefused>> {
        let folded = fold(&text.replace(['.', ','], " "));
        let mut words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
        if words.first().is_some_and(|word| WEEKDAYS.contains(word)) {
            words.remove(0);
        }
        let [day, month, year] = words[..] else { return None };
        let day = day.strip_suffix("er").unwrap_or(day).parse().ok()?;
        // Shortened as people do, as long as one month alone answers: « jui » is two of them.
        let mut found = MONTHS.iter().zip(1..).filter(|(name, _)| month.len() >= 3 && fold(name).starts_with(month));
        let (Some((_, month)), None) = (found.next(), found.next()) else { return None };
        let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
        match (is_year, year.len()) {
            (true, 4) => Some(Self::of(day, month, year.parse().ok()?)),
            (true, 2) => Some(Err(DateRefused::ShortYear(text.chars().take(30).collect()))),
            _ => None,
        }
    }

    fn of(day: u16, month: u16, year: u16) -> Result<Self, DateRefused> {
        let no_month = DateRefused::NoSuchMonth { day, month, year };
        let Some(month_name) = usize::from(month).checked_sub(1).and_then(|m| MONTHS.get(m)).copied() else {
            return Err(no_month);
        };
        let narrow = |n: u16| i8::try_from(n).ok();
        let first =
            i16::try_from(year).ok().zip(narrow(month)).and_then(|(year, month)| Date::new(year, month, 1).ok());
        let Some(first) = first else {
            return Err(no_month);
        };
        let last = first.days_in_month();
        let found = narrow(day).and_then(|day| Date::new(first.year(), first.month(), day).ok());
        found.map(FrenchDate).ok_or(DateRefused::NoSuchDay { day, month, year, month_name, last })
    }

    pub const fn date(self) -> Date {
        self.0
    }

    /// As on French screens: `14/03/1984`.
    pub fn shown(self) -> String {
        format!("{:02}/{:02}/{:04}", self.0.day(), self.0.month(), self.0.year())
    }
}

impl From<Date> for FrenchDate {
    fn from(date: Date) -> Self {
        FrenchDate(date)
    }
}

impl fmt::Display for FrenchDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_and_iso_dates_are_the_same_day() {
        for typed in [
            "14/03/1984",
            "1984-03-14",
            "14.03.1984",
            "14-3-1984",
            " 14/03/1984 ",
            "1984-03-14 00:00:00",
            "1984-03-14T00:00:00",
            "14 mars 1984",
            "14 MARS 1984",
            "mercredi 14 mars 1984",
            "14\u{a0}mars\u{a0}1984",
        ] {
            let date = FrenchDate::parse(typed).expect(typed);
            assert_eq!(date.date().to_string(), "1984-03-14", "{typed}");
            assert_eq!(date.shown(), "14/03/1984");
        }
    }

    #[test]
    fn a_day_that_does_not_exist_is_named() {
        let sentence = |typed| FrenchDate::parse(typed).expect_err(typed).to_string();
        assert_eq!(sentence("31/02/1987"), "Le 31/02/1987 n’existe pas\u{a0}: février 1987 a 28 jours.");
        assert_eq!(sentence("29/02/1987"), "Le 29/02/1987 n’existe pas\u{a0}: février 1987 a 28 jours.");
        assert_eq!(sentence("12/13/1987"), "Le 12/13/1987 n’existe pas\u{a0}: il n’y a pas de mois n°\u{a0}13.");
        assert!(FrenchDate::parse("29/02/1988").is_ok());
    }

    #[test]
    fn an_ambiguous_year_is_refused_rather_than_guessed() {
        assert!(matches!(FrenchDate::parse("14/03/84"), Err(DateRefused::ShortYear(_))));
        assert!(matches!(FrenchDate::parse("14 mars 84"), Err(DateRefused::ShortYear(_))));
    }

    #[test]
    fn months_are_read_in_words_and_shortened() {
        for (typed, day) in [
            ("1er février 1984", "1984-02-01"),
            ("1er fevr. 1984", "1984-02-01"),
            ("15 août 1984", "1984-08-15"),
            ("15 AOUT 1984", "1984-08-15"),
            ("3 juil. 1984", "1984-07-03"),
            ("3 déc 1984", "1984-12-03"),
        ] {
            assert_eq!(FrenchDate::parse(typed).expect(typed).date().to_string(), day, "{typed}");
        }
        assert!(matches!(FrenchDate::parse("31 avril 1984"), Err(DateRefused::NoSuchDay { .. })));
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for typed in [
            "",
            "hier",
            "mars 1984",
            "14 jui 1984",
            "14 brumaire 1984",
            "14 mars 1984 à midi",
            "14/03",
            "1/2/3/1984",
            "30755",
            "014/03/1984",
            "00/00/0000",
            "14/00/1984",
        ] {
            assert!(FrenchDate::parse(typed).is_err(), "{typed}");
        }
    }
}
