//! The thirty academies, their departments, their time zone and their administrative court, read from reference data.
//! Instants are kept in UTC and shown in the academy's zone: five academies are overseas.
//! Also how French letters write an academy (« académie d’Amiens »); `french` writes dates and times.

mod french;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::regulation::Status;
use french::french_day;
pub use french::{french_date, french_date_time, french_time, french_weekday_date};

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
#[error("Donnée de référence inutilisable, ligne {line} : {reason}")]
pub struct ReferenceRefused {
    pub line: usize,
    pub reason: String,
}

/// A local time that does not designate one instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstantRefused {
    #[error("{} à {} n’existe pas dans {academy} : l’heure légale avance cette nuit-là. Choisissez une heure plus tardive.",
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
        self.court()
            .map_or_else(|| "le tribunal administratif compétent".to_owned(), |court| format!("le {}", court.name))
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
mod tests;
