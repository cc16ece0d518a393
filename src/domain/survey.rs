//! The yearly survey: what an academy reports on the young people it accompanied, as counts only.
//! The questionnaire is versioned data; answers are checked against it, summed for the nation, and masked
//! before anything is published. Nothing here can hold a name: an answer is a number under a cell's key.

pub mod mask;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::regulation::{Status, Valued};
use mask::{masks, with_totals};

const EMBEDDED: &str = include_str!("../reference/survey-2026.toml");

/// Answers: a count under each cell's key, `T1.16-17.f`.
pub type Counts = BTreeMap<String, u32>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    pub id: String,
    pub version: u32,
    pub title: String,
    /// Published counts under this number are masked.
    pub masked_below: Valued<u32>,
    pub dimensions: Vec<Dimension>,
    pub tables: Vec<Table>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    pub code: String,
    pub label: String,
    pub status: Status,
    pub categories: Vec<Choice>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub code: String,
    pub label: String,
}

/// A two-way table of the questionnaire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub code: String,
    pub label: String,
    /// Codes of dimensions.
    pub rows: String,
    pub columns: String,
    /// Every young person is in exactly one cell: the sums of all such tables agree.
    pub counts_each_once: bool,
}

words! {
    pub enum Severity {
        /// The answers cannot be submitted.
        Error = "error",
        /// To be looked at; submission stays possible.
        Warning = "warning",
    }
}

/// Something wrong in the answers of an academy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Key of the cell, or code of the table.
    pub place: String,
    /// French sentence.
    pub sentence: String,
}

/// Why a questionnaire cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Ce questionnaire ne peut pas être utilisé : {}", .reasons.join(" "))]
pub struct SurveyRefused {
    pub reasons: Vec<String>,
}

/// A table ready to be published: `None` is a masked count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedTable {
    pub code: String,
    pub label: String,
    /// Labels, the last one being « Ensemble ».
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    /// By row, then column, totals included.
    pub cells: Vec<Vec<Option<u32>>>,
}

impl Survey {
    /// Reads and checks a questionnaire.
    ///
    /// # Errors
    /// Lists every fault in French.
    pub fn parse(text: &str) -> Result<Self, SurveyRefused> {
        let survey: Self = toml::from_str(text).map_err(|cause| SurveyRefused {
            reasons: vec![format!("Le fichier n’est pas lisible : {}.", cause.message())],
        })?;
        let reasons = survey.faults();
        if reasons.is_empty() { Ok(survey) } else { Err(SurveyRefused { reasons }) }
    }

    /// The questionnaire shipped with the program.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn embedded() -> Result<Self, SurveyRefused> {
        Self::parse(EMBEDDED)
    }

    /// The text of the shipped questionnaire, for the store to keep and hash.
    #[must_use]
    pub const fn embedded_text() -> &'static str {
        EMBEDDED
    }

    #[must_use]
    pub fn dimension(&self, code: &str) -> Option<&Dimension> {
        self.dimensions.iter().find(|dimension| dimension.code == code)
    }

    #[must_use]
    pub fn table(&self, code: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.code == code)
    }

    /// The categories of a table's rows and columns.
    fn axes(&self, table: &Table) -> (&[Choice], &[Choice]) {
        let axis = |code: &str| self.dimension(code).map_or(&[][..], |dimension| dimension.categories.as_slice());
        (axis(&table.rows), axis(&table.columns))
    }

    /// Keys of a table's cells, row by row: also the names of the form's fields.
    #[must_use]
    pub fn keys(&self, table: &Table) -> Vec<Vec<String>> {
        let (rows, columns) = self.axes(table);
        rows.iter().map(|row| columns.iter().map(|column| key(table, row, column)).collect()).collect()
    }

    /// Sum of a table; very large counts saturate and are reported by [`Survey::check`].
    #[must_use]
    pub fn total(&self, table: &Table, counts: &Counts) -> u32 {
        self.keys(table)
            .iter()
            .flatten()
            .filter_map(|key| counts.get(key))
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// What an academy must correct before it submits, or should look at.
    #[must_use]
    pub fn check(&self, counts: &Counts) -> Vec<Finding> {
        let mut found = Vec::new();
        let error =
            |place: &str, sentence: String| Finding { severity: Severity::Error, place: place.to_owned(), sentence };
        let known: BTreeSet<String> =
            self.tables.iter().flat_map(|table| self.keys(table).into_iter().flatten()).collect();
        for key in counts.keys().filter(|key| !known.contains(*key)) {
            found.push(error(key, format!("La case « {key} » n’existe pas dans ce questionnaire.")));
        }
        for table in &self.tables {
            let missing = self.keys(table).iter().flatten().filter(|key| !counts.contains_key(*key)).count();
            if missing > 0 {
                found.push(error(
                    &table.code,
                    format!(
                        "Le tableau « {} » a {missing} case(s) vide(s) : saisir 0 quand il n’y a personne.",
                        table.label
                    ),
                ));
            }
        }
        let mut each_once = self.tables.iter().filter(|table| table.counts_each_once);
        if let Some(first) = each_once.next() {
            let expected = self.total(first, counts);
            for table in each_once {
                let total = self.total(table, counts);
                if total != expected {
                    found.push(error(&table.code, format!(
                        "Le tableau « {} » totalise {total} jeunes, le tableau « {} » en totalise {expected} : ces totaux doivent être égaux.",
                        table.label, first.label
                    )));
                }
            }
            if expected == 0 {
                found.push(Finding {
                    severity: Severity::Warning,
                    place: first.code.clone(),
                    sentence: "Aucun jeune accompagné n’est déclaré : vérifier avant d’envoyer.".to_owned(),
                });
            }
            for table in self.tables.iter().filter(|table| !table.counts_each_once) {
                let total = self.total(table, counts);
                if total < expected {
                    found.push(Finding { severity: Severity::Warning, place: table.code.clone(), sentence: format!(
                        "Le tableau « {} » totalise {total}, moins que les {expected} jeunes accompagnés : vérifier que chacun y figure.", table.label
                    ) });
                }
            }
        }
        found
    }

    /// The answers of several academies, added cell by cell.
    #[must_use]
    pub fn sum<'c>(&self, answers: impl IntoIterator<Item = &'c Counts>) -> Counts {
        let mut all = Counts::new();
        for (key, count) in answers.into_iter().flatten() {
            let cell = all.entry(key.clone()).or_insert(0);
            *cell = cell.saturating_add(*count);
        }
        all
    }

    /// A table as it may be published: counts under the threshold are masked, and so are the fewest
    /// others that keep a masked one from being found by subtracting from a total.
    #[must_use]
    pub fn publish(&self, table: &Table, counts: &Counts) -> PublishedTable {
        let (rows, columns) = self.axes(table);
        let full = with_totals(&self.keys(table), counts);
        let masked = masks(&full, self.masked_below.value);
        let labels = |choices: &[Choice]| {
            choices.iter().map(|choice| choice.label.clone()).chain(["Ensemble".to_owned()]).collect()
        };
        PublishedTable {
            code: table.code.clone(),
            label: table.label.clone(),
            rows: labels(rows),
            columns: labels(columns),
            cells: full
                .iter()
                .enumerate()
                .map(|(r, line)| {
                    line.iter().enumerate().map(|(c, count)| (!masked.contains(&(r, c))).then_some(*count)).collect()
                })
                .collect(),
        }
    }

    fn faults(&self) -> Vec<String> {
        let mut found = Vec::new();
        let safe = |code: &str| !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let mut twice = |kind: &str, codes: Vec<&str>| {
            let mut seen = BTreeSet::new();
            for code in codes {
                if !safe(code) {
                    found.push(format!("Le code « {code} » ({kind}) ne doit contenir que des lettres sans accent, des chiffres et des tirets."));
                }
                if !seen.insert(code) {
                    found.push(format!("Le code « {code} » ({kind}) est donné deux fois."));
                }
            }
        };
        twice("dimension", self.dimensions.iter().map(|dimension| dimension.code.as_str()).collect());
        twice("tableau", self.tables.iter().map(|table| table.code.as_str()).collect());
        for dimension in &self.dimensions {
            twice(&dimension.label, dimension.categories.iter().map(|category| category.code.as_str()).collect());
        }
        for table in &self.tables {
            for code in [&table.rows, &table.columns] {
                match self.dimension(code) {
                    None => found
                        .push(format!("Le tableau « {} » cite la dimension « {code} », qui n’existe pas.", table.code)),
                    Some(dimension) if dimension.categories.is_empty() => {
                        found.push(format!("La dimension « {code} » n’a aucune catégorie."))
                    }
                    Some(_) => {}
                }
            }
        }
        if self.tables.is_empty() {
            found.push("Le questionnaire n’a aucun tableau.".to_owned());
        }
        found
    }
}

fn key(table: &Table, row: &Choice, column: &Choice) -> String {
    format!("{}.{}.{}", table.code, row.code, column.code)
}

#[cfg(test)]
mod tests;
