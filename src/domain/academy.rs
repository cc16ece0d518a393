//! The thirty academies, their departments, their time zone and their administrative court, read from reference data.
//! Instants are kept in UTC and shown in the academy's zone: five academies are overseas.
//! Also how French letters write an academy (« académie d’Amiens »), a date and a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::regulation::Status;

/// Embedded data; a test reads every line, so the empty fallback is never served.
static ACADEMIES: LazyLock<Vec<Academy>> =
    LazyLock::new(|| parse(include_str!("../reference/academies.csv")).unwrap_or_default());
static COURTS: LazyLock<BTreeMap<String, Court>> =
    LazyLock::new(|| parse_courts(include_str!("../reference/courts.csv")).unwrap_or_default());

/// An academy: the territory of a rectorat.
#[derive(Debug, Clone, PartialEq)]
pub struct Academy {
    /// Two digits, e.g. `22`; begins certificate numbers.
    pub code: String,
    pub name: String,
    /// Académie région, e.g. « Nouvelle-Aquitaine », and its INSEE code.
    pub region: String,
    pub region_code: String,
    /// Department codes: `87`, `2A`, `974`.
    pub departments: Vec<String>,
    /// IANA name, e.g. `Indian/Reunion`.
    pub time_zone: String,
    zone: TimeZone,
}

/// The administrative court before which a decision of the academy is challenged (seat of the rectorat).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Court {
    /// Without article: « tribunal administratif de Limoges ».
    pub name: String,
    pub status: Status,
    pub note: Option<String>,
}

/// A line of reference data that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Donnée de référence inutilisable, ligne {line} : {reason}")]
pub struct ReferenceRefused {
    pub line: usize,
    pub reason: String,
}

/// A local time that does not designate one instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstantRefused {
    #[error("{} à {} n’existe pas dans {academy} : l’heure légale avance cette nuit-là. Choisissez une heure plus tardive.",
        french_day(.at.date()), french_time(.at.time()))]
    Skipped { at: DateTime, academy: String },
    #[error("La date {} est hors du calendrier accepté. Vérifiez l’année.", french_date(.at.date()))]
    OutOfRange { at: DateTime },
}

impl Academy {
    /// All academies, in the order of the reference file.
    #[must_use]
    pub fn all() -> &'static [Academy] {
        &ACADEMIES
    }

    /// The academy of this two-digit code.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Academy> {
        ACADEMIES.iter().find(|academy| academy.code == code)
    }

    /// The academy a department belongs to: `87` is Limoges, `974` is La Réunion.
    #[must_use]
    pub fn of_department(department: &str) -> Option<&'static Academy> {
        ACADEMIES.iter().find(|academy| academy.has_department(department))
    }

    #[must_use]
    pub fn has_department(&self, department: &str) -> bool {
        self.departments.iter().any(|own| own.eq_ignore_ascii_case(department))
    }

    /// « académie de Limoges », « académie d’Amiens », « académie de la Martinique ».
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("académie {}{}", preposition(&self.name), self.name)
    }

    /// « l’académie de Limoges ».
    #[must_use]
    pub fn with_article(&self) -> String {
        format!("l’{}", self.full_name())
    }

    /// « rectorat de l’académie de Limoges ».
    #[must_use]
    pub fn rectorat(&self) -> String {
        format!("rectorat de {}", self.with_article())
    }

    /// The administrative court of the rectorat's seat.
    #[must_use]
    pub fn court(&self) -> Option<&'static Court> {
        COURTS.get(&self.code)
    }

    /// « le tribunal administratif de Limoges », or a sentence piece that stays true when the court is not known.
    #[must_use]
    pub fn court_with_article(&self) -> String {
        self.court().map_or_else(|| "le tribunal administratif compétent".to_owned(), |court| format!("le {}", court.name))
    }

    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// An instant as the academy's clocks show it.
    #[must_use]
    pub fn local(&self, instant: Timestamp) -> Zoned {
        instant.to_zoned(self.zone.clone())
    }

    /// The instant at which the academy's clocks show this time.
    ///
    /// The hour that comes twice when winter time begins is taken the **second** time: a deadline then
    /// never falls earlier than someone reading the clock could think.
    ///
    /// # Errors
    /// The hour skipped when summer time begins designates no instant, and is refused.
    pub fn instant(&self, at: DateTime) -> Result<Timestamp, InstantRefused> {
        let ambiguous = self.zone.to_ambiguous_zoned(at);
        if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
            return Err(InstantRefused::Skipped { at, academy: self.with_article() });
        }
        ambiguous.later().map(|zoned| zoned.timestamp()).map_err(|_| InstantRefused::OutOfRange { at })
    }

    /// « mercredi 3 février 2027 à 14 h 30 », in the academy's zone.
    #[must_use]
    pub fn show(&self, instant: Timestamp) -> String {
        french_date_time(&self.local(instant))
    }

    /// The date it is in the academy at that instant.
    #[must_use]
    pub fn date(&self, instant: Timestamp) -> Date {
        self.local(instant).date()
    }
}

/// « de », « d’ », « de la », as an academy of that name takes it.
fn preposition(name: &str) -> &'static str {
    match name {
        "Martinique" | "Guadeloupe" | "Guyane" => "de la ",
        _ if name.starts_with(['A', 'E', 'I', 'O', 'U', 'Y', 'É', 'È', 'Î']) => "d’",
        _ => "de ",
    }
}

const MONTHS: [&str; 12] = [
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
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
fn french_day(date: Date) -> String {
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

/// Fields of a semicolon-separated reference file, header left out, with their line number.
fn rows<const N: usize>(text: &str) -> impl Iterator<Item = Result<(usize, [&str; N]), ReferenceRefused>> {
    text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()).map(|(index, line)| {
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        <[&str; N]>::try_from(fields).map(|fields| (index + 1, fields)).map_err(|fields| ReferenceRefused {
            line: index + 1,
            reason: format!("{} colonnes au lieu de {N}", fields.len()),
        })
    })
}

/// Reads `code;name;region;region code;departments;time zone`.
fn parse(text: &str) -> Result<Vec<Academy>, ReferenceRefused> {
    let mut codes = BTreeSet::new();
    let mut taken = BTreeSet::new();
    let mut academies = Vec::new();
    for row in rows::<6>(text) {
        let (line, [code, name, region, region_code, departments, time_zone]) = row?;
        let refuse = |reason: String| ReferenceRefused { line, reason };
        if !codes.insert(code) {
            return Err(refuse(format!("le code {code} est donné deux fois")));
        }
        if let Some(twice) = departments.split_whitespace().find(|department| !taken.insert(*department)) {
            return Err(refuse(format!("le département {twice} appartient déjà à une académie")));
        }
        let zone = TimeZone::get(time_zone).map_err(|_| refuse(format!("le fuseau {time_zone} est inconnu")))?;
        academies.push(Academy {
            code: code.to_owned(),
            name: name.replace('\'', "’"),
            region: region.replace('\'', "’"),
            region_code: region_code.to_owned(),
            departments: departments.split_whitespace().map(str::to_owned).collect(),
            time_zone: time_zone.to_owned(),
            zone,
        });
    }
    Ok(academies)
}

/// Reads `academy;court;status;note`.
fn parse_courts(text: &str) -> Result<BTreeMap<String, Court>, ReferenceRefused> {
    let mut courts = BTreeMap::new();
    for row in rows::<4>(text) {
        let (line, [academy, name, status, note]) = row?;
        let status = Status::from_word(status)
            .ok_or_else(|| ReferenceRefused { line, reason: format!("le statut {status} est inconnu") })?;
        let court = Court { name: name.to_owned(), status, note: (!note.is_empty()).then(|| note.to_owned()) };
        if courts.insert(academy.to_owned(), court).is_some() {
            return Err(ReferenceRefused { line, reason: format!("l’académie {academy} est donnée deux fois") });
        }
    }
    Ok(courts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};

    fn academy(code: &str) -> &'static Academy { Academy::find(code).unwrap() }
    /// No-break spaces shown as plain ones, so that the expected texts stay readable.
    fn plain(text: &str) -> String { text.replace('\u{a0}', " ") }

    #[test]
    fn the_reference_file_gives_thirty_academies_eighteen_regions_and_101_departments() {
        let academies = parse(include_str!("../reference/academies.csv")).unwrap();
        assert_eq!(academies.len(), 30);
        assert_eq!(academies.iter().map(|a| &a.region_code).collect::<BTreeSet<_>>().len(), 18);
        assert_eq!(academies.iter().map(|a| a.departments.len()).sum::<usize>(), 101);
        assert_eq!(academies.iter().filter(|a| a.time_zone != "Europe/Paris").count(), 5);
    }

    #[test]
    fn every_academy_has_a_court_and_every_court_an_academy() {
        let courts = parse_courts(include_str!("../reference/courts.csv")).unwrap();
        assert_eq!(courts.len(), 30);
        for academy in Academy::all() {
            assert!(courts.contains_key(&academy.code), "{}", academy.name);
        }
        assert_eq!(academy("22").court_with_article(), "le tribunal administratif de Limoges");
        assert_eq!(academy("24").court().unwrap().status, Status::ToCheck);
    }

    #[test]
    fn a_damaged_reference_file_is_refused_with_its_line() {
        let cases = [
            ("h\n22;Limoges;NA;75;87;Europe/Nowhere\n", 2, "fuseau"),
            ("h\n22;Limoges;NA;75;87;Europe/Paris\n22;Poitiers;NA;75;86;Europe/Paris\n", 3, "deux fois"),
            ("h\n22;Limoges;NA;75;87;Europe/Paris\n13;Poitiers;NA;75;87;Europe/Paris\n", 3, "département 87"),
            ("h\n22;Limoges\n", 2, "colonnes"),
        ];
        for (text, line, word) in cases {
            let refused = parse(text).unwrap_err();
            assert_eq!(refused.line, line);
            assert!(refused.reason.contains(word), "{refused}");
        }
    }

    #[test]
    fn an_academy_takes_its_article() {
        let cases = [
            ("22", "académie de Limoges"), ("20", "académie d’Amiens"), ("18", "académie d’Orléans-Tours"),
            ("02", "académie d’Aix-Marseille"), ("31", "académie de la Martinique"), ("28", "académie de La Réunion"),
            ("17", "académie de Nantes"), ("43", "académie de Mayotte"), ("27", "académie de Corse"), ("33", "académie de la Guyane"),
        ];
        for (code, expected) in cases {
            assert_eq!(academy(code).full_name(), expected);
        }
        assert_eq!(academy("20").rectorat(), "rectorat de l’académie d’Amiens");
        assert_eq!(academy("23").region, "Provence-Alpes-Côte d’Azur");
    }

    #[test]
    fn a_department_leads_to_its_academy() {
        for (department, code) in [("87", "22"), ("2a", "27"), ("974", "28"), ("76", "70")] {
            assert_eq!(Academy::of_department(department).unwrap().code, code);
        }
        assert!(!academy("22").has_department("86"));
        assert!(Academy::of_department("99").is_none());
        assert!(Academy::find("99").is_none());
    }

    #[test]
    fn an_instant_is_shown_in_the_zone_of_the_academy() {
        let instant: Timestamp = "2027-02-03T13:30:00Z".parse().unwrap();
        for (code, expected) in [
            ("22", "mercredi 3 février 2027 à 14 h 30"), ("28", "mercredi 3 février 2027 à 17 h 30"), ("31", "mercredi 3 février 2027 à 9 h 30"),
        ] {
            assert_eq!(plain(&academy(code).show(instant)), expected);
        }
    }

    #[test]
    fn a_deadline_at_midnight_is_a_different_instant_overseas() {
        let midnight = datetime(2026, 9, 30, 23, 59, 0, 0);
        let paris = academy("22").instant(midnight).unwrap();
        let martinique = academy("31").instant(midnight).unwrap();
        assert_eq!(paris.to_string(), "2026-09-30T21:59:00Z");
        assert_eq!(martinique.to_string(), "2026-10-01T03:59:00Z");
        assert_eq!(academy("31").date(martinique), date(2026, 9, 30));
    }

    #[test]
    fn the_skipped_hour_of_march_is_refused_in_french() {
        let refused = academy("22").instant(datetime(2027, 3, 28, 2, 30, 0, 0)).unwrap_err();
        let text = plain(&refused.to_string());
        assert!(text.starts_with("Le dimanche 28 mars 2027 à 2 h 30 n’existe pas dans l’académie de Limoges"), "{text}");
        // No summer time at La Réunion: the same hour exists there.
        assert!(academy("28").instant(datetime(2027, 3, 28, 2, 30, 0, 0)).is_ok());
    }

    #[test]
    fn the_doubled_hour_of_october_is_the_second_one() {
        let at = academy("22").instant(datetime(2027, 10, 31, 2, 30, 0, 0)).unwrap();
        assert_eq!(at.to_string(), "2027-10-31T01:30:00Z");
        // And showing it gives back what was typed.
        assert_eq!(academy("22").local(at).datetime(), datetime(2027, 10, 31, 2, 30, 0, 0));
    }

    #[test]
    fn dates_and_times_are_written_in_french() {
        for (day, expected) in [
            (date(2027, 3, 1), "1er mars 2027"), (date(2028, 2, 29), "29 février 2028"), (date(2026, 12, 11), "11 décembre 2026"),
        ] {
            assert_eq!(plain(&french_date(day)), expected);
        }
        for (hour, minute, expected) in [(14, 30, "14 h 30"), (9, 0, "9 h"), (0, 5, "0 h 05")] {
            assert_eq!(plain(&french_time(jiff::civil::time(hour, minute, 0, 0))), expected);
        }
        assert_eq!(plain(&french_weekday_date(date(2027, 8, 1))), "dimanche 1er août 2027");
    }
}
