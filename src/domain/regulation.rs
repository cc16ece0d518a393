//! A regulation pack: every value the exam applies, each with the text it comes from and how sure we are.
//! A session takes a pack at opening and keeps it; a later pack never changes a past session.
//! No constant of the regulation is written in Rust: it is read from TOML, checked whole, or refused whole.
//! `apply` answers with the values, `check` holds the consistency rules, `values` lists the legal values for the administration page.

mod apply;
mod check;
mod values;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::piece::PieceLimits;

pub use values::PackValue;
pub(in crate::domain) use values::hours;

/// The packs shipped with the program, oldest first. One that was ever loaded never changes: a correction is a new pack.
const EMBEDDED: [&str; 2] =
    [include_str!("../reference/regulation-2017.toml"), include_str!("../reference/regulation-2017-2.toml")];

words! {
    /// How sure the office may be of a legal value.
    pub enum Status {
        /// Read in the text it cites.
        Confirmed = "confirmed",
        /// A default: screens show « à vérifier » until an administrator validates it.
        ToCheck = "to_check",
        /// A default that an administrator of the platform has made their own.
        Validated = "validated",
    }
}

impl Status {
    /// The French tag shown beside the value.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Status::Confirmed => "établi",
            Status::ToCheck => "à vérifier",
            Status::Validated => "validé",
        }
    }
}

words! {
    /// Where an épreuve takes place.
    pub enum Setting {
        /// Where the candidate works: the commission travels.
        Site = "site",
        /// An examination centre: the candidate travels.
        Centre = "centre",
    }
}

words! {
    /// How marks become a result.
    pub enum PassMode {
        /// The threshold is to be reached at each épreuve, without compensation.
        Each = "each",
        /// The threshold is to be reached by the mean of the épreuves, none being under the floor.
        Average = "average",
    }
}

words! {
    /// The three parts of the training (MENE1710932A, art. 1).
    pub enum ModuleKind {
        Theory = "theory",
        Deepening = "deepening",
        Practice = "practice",
    }
}

words! {
    pub enum PeriodUnit {
        Months = "months",
        Days = "days",
    }
}

/// A legal value, the reference to quote beside it, and how sure it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valued<T> {
    pub value: T,
    /// Reference to quote, in French: « arrêté du 5 mai 2017 (NOR …), article 3 ».
    pub law: String,
    pub status: Status,
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegulationPack {
    pub id: String,
    pub version: u32,
    pub title: String,
    /// Full name of the certificate, as printed.
    pub certificate: String,
    /// Id of the framework whose competences the evaluation grids cite.
    pub framework: String,
    pub in_force_from: Valued<Date>,
    pub texts: Vec<LegalText>,
    pub corps: Vec<Alias>,
    pub statuses: Vec<Alias>,
    pub categories: Vec<Category>,
    pub eligibility: EligibilityRules,
    pub registration: RegistrationRules,
    /// Absent of the first pack: no reminder leaves by itself under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examination: Option<ExaminationRules>,
    pub pieces: Vec<Piece>,
    /// Bounds of the files handed in; the first pack set none.
    #[serde(default)]
    pub pieces_limits: Option<PieceLimits>,
    pub epreuves: Vec<Epreuve>,
    pub marks: MarkScale,
    pub pass: PassRule,
    pub kept_marks: KeptMarkRule,
    pub jury: JuryRules,
    pub training: TrainingRules,
    /// Absent from the first pack.
    #[serde(default)]
    pub competences: Option<CompetenceRules>,
    /// Absent from the first pack: the record then says nothing of service obligations.
    #[serde(default)]
    pub service: Option<ServiceRules>,
    pub data_periods: Vec<DataPeriod>,
    pub appeals: AppealWording,
}

/// A text the pack rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalText {
    pub code: String,
    pub kind: String,
    pub title: String,
    pub nor: Option<String>,
    pub published: Option<String>,
    /// What it rules, in one French sentence.
    pub rules: String,
    pub url: Option<String>,
}

/// A corps or a status, and the ways people write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    pub code: String,
    pub label: String,
    /// Spellings, compared after folding (see [`crate::domain::eligibility`]).
    pub names: Vec<String>,
}

/// One of the publics named by the decree: a corps among `corps` with a status among `statuses` may sit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    pub code: String,
    pub label: String,
    pub corps: Vec<String>,
    pub statuses: Vec<String>,
    /// Statuses the decree shuts out for these corps: a refusal is proposed.
    #[serde(default)]
    pub refused_statuses: Vec<String>,
    pub law: String,
    pub status: Status,
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibilityRules {
    /// Words that change neither a corps nor a status: grades, subjects, working time.
    pub neutral_words: Vec<String>,
    /// Registration is at the rectorat of one's own academy.
    pub own_academy: Valued<bool>,
    pub minimum_service_years: Valued<Option<u32>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationRules {
    /// Minutes after the closing time during which a file may still be submitted.
    pub closing_grace_minutes: Valued<u32>,
    /// Greatest number of sessions one may sit; `None` is without limit.
    pub attempts: Valued<Option<u32>>,
}

/// The office's delays when it examines files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExaminationRules {
    /// Days left to a candidate to send missing pieces, proposed to the officer.
    pub request_days: Valued<u32>,
    /// Days before that day on which a reminder leaves.
    pub reminder_days: Valued<u32>,
}

/// A supporting document of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    pub code: String,
    pub label: String,
    pub required: Valued<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epreuve {
    /// `1` or `2`: stable, stored with marks.
    pub code: String,
    pub title: String,
    /// What the épreuve asks, in one French sentence.
    pub object: String,
    pub setting: Valued<Setting>,
    pub law: String,
    pub parts: Vec<EpreuvePart>,
    pub grid: Vec<GridLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpreuvePart {
    pub code: String,
    pub label: String,
    pub before_commission: bool,
    pub minutes: Valued<u32>,
}

/// A line of the evaluation grid: a help to the commission, never a mark of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridLine {
    pub code: String,
    pub label: String,
    /// Codes of the framework's competences.
    pub competences: Vec<String>,
    pub law: String,
    pub status: Status,
    pub note: Option<String>,
}

/// Bounds and step of a mark, in hundredths of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkScale {
    pub minimum: Valued<i32>,
    pub maximum: Valued<i32>,
    pub step: Valued<i32>,
}

/// What makes a candidate pass, in hundredths of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassRule {
    pub mode: Valued<PassMode>,
    pub threshold: Valued<i32>,
    /// Under this mark at one épreuve, nobody passes; only matters for an average.
    pub floor: Valued<Option<i32>>,
}

/// What mark may be kept for a later session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptMarkRule {
    /// Lowest mark that may be kept, in hundredths.
    pub threshold: Valued<i32>,
    /// Number of later sessions for which it serves; `None` is without limit.
    pub valid_sessions: Valued<Option<u32>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JuryRules {
    pub roles: Vec<JuryRole>,
    /// Members who must be present; `None` sets none, otherwise a missing quorum blocks.
    pub quorum: Valued<Option<u32>>,
    pub commission_minimum: Valued<u32>,
    pub commission_maximum: Valued<u32>,
    pub commission_default: Valued<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JuryRole {
    pub code: String,
    pub label: String,
    /// A jury without this role gets a warning; it never blocks.
    pub expected: Valued<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRules {
    pub required_to_sit: Valued<bool>,
    pub theory_minutes: Valued<u32>,
    pub deepening_minutes: Valued<u32>,
    pub practice_minutes: Valued<u32>,
    /// Who may be a tutor, in one French sentence.
    pub tutor: Valued<String>,
    /// Trainees one tutor accompanies at most, as advice; packs before 2026 said nothing of it.
    pub tutor_load: Option<Valued<u32>>,
    pub modules: Vec<TrainingModule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingModule {
    pub code: String,
    pub kind: ModuleKind,
    pub title: String,
    pub minutes: Valued<u32>,
}

/// Service obligations of the MLDS staff, shown for information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRules {
    pub school_weekly_minutes: Valued<u32>,
    pub school_weeks: Valued<u32>,
    pub office_weekly_minutes: Valued<u32>,
    /// Levels of posting (words of [`crate::domain::staff::PostingLevel`]) under the rule of schools.
    pub school_levels: Valued<Vec<String>>,
    /// Family of the mission letter that counts in teaching hours.
    pub teaching_family: Valued<String>,
    /// What the decree on the allowance says, in one French sentence.
    pub allowance: Valued<String>,
    pub teaching: Vec<TeachingHours>,
}

/// Weekly teaching hours of a corps at full time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeachingHours {
    pub corps: String,
    pub weekly_minutes: Valued<u32>,
}

/// The level aimed at, and the modules thought to build each competence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompetenceRules {
    /// Id of the framework whose competences the modules cite.
    pub framework: String,
    /// From 1 to 4; an academy may set its own.
    pub target_level: Valued<i32>,
    #[serde(default)]
    pub modules: Vec<ModuleCompetences>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleCompetences {
    /// Code of a module of the training.
    pub module: String,
    pub competences: Valued<Vec<String>>,
}

/// How long personal data of one kind are kept; `None` is for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPeriod {
    pub code: String,
    pub label: String,
    pub unit: PeriodUnit,
    pub period: Valued<Option<u32>>,
}

/// The sentences of letters; `{court}`, `{academy}`, `{months}`, `{date}`, `{service}` and `{telephone}` are filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppealWording {
    pub months: Valued<u32>,
    pub gracious: Valued<String>,
    pub contentious: Valued<String>,
    pub acknowledgement: Valued<String>,
    pub algorithm_notice: Valued<String>,
}

/// Why a pack cannot be used; every fault is listed, so that its author corrects them at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Ce règlement ne peut pas être utilisé : {}", .reasons.join(" "))]
pub struct PackRefused {
    /// French sentences, in the order of the file.
    pub reasons: Vec<String>,
}

impl RegulationPack {
    /// Reads and checks a pack.
    ///
    /// # Errors
    /// Lists every fault: unreadable TOML, unknown references, totals that do not add up, values off the scale.
    pub fn parse(text: &str) -> Result<Self, PackRefused> {
        let pack: Self =
            toml::from_str(text).map_err(|cause| PackRefused { reasons: vec![check::unreadable(text, &cause)] })?;
        let reasons = check::faults(&pack);
        if reasons.is_empty() { Ok(pack) } else { Err(PackRefused { reasons }) }
    }

    /// The latest pack shipped with the program.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn embedded() -> Result<Self, PackRefused> {
        Self::parse(EMBEDDED[EMBEDDED.len() - 1])
    }

    /// The texts of the shipped packs, oldest first, for the store to keep and hash.
    #[must_use]
    pub const fn embedded_texts() -> &'static [&'static str] {
        &EMBEDDED
    }

    #[must_use]
    pub fn epreuve(&self, code: &str) -> Option<&Epreuve> {
        self.epreuves.iter().find(|epreuve| epreuve.code == code)
    }

    #[must_use]
    pub fn category(&self, code: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.code == code)
    }

    #[must_use]
    pub fn piece(&self, code: &str) -> Option<&Piece> {
        self.pieces.iter().find(|piece| piece.code == code)
    }

    /// Codes of the pieces without which a file is incomplete.
    pub fn required_pieces(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.required.value)
    }

    #[must_use]
    pub fn data_period(&self, code: &str) -> Option<&DataPeriod> {
        self.data_periods.iter().find(|period| period.code == code)
    }
}

#[cfg(test)]
mod tests;
