//! The yearly survey: what an academy reports on the young people it accompanied, as counts only.
//! The questionnaire is versioned data; answers are checked against it, summed for the nation, and masked
//! before anything is published. Nothing here can hold a name: an answer is a number under a cell's key.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::regulation::{Status, Valued};

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
#[error("Ce questionnaire ne peut pas être utilisé : {}", .reasons.join(" "))]
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
        let survey: Self = toml::from_str(text)
            .map_err(|cause| SurveyRefused { reasons: vec![format!("Le fichier n’est pas lisible : {}.", cause.message())] })?;
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
        self.keys(table).iter().flatten().filter_map(|key| counts.get(key)).fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// What an academy must correct before it submits, or should look at.
    #[must_use]
    pub fn check(&self, counts: &Counts) -> Vec<Finding> {
        let mut found = Vec::new();
        let error = |place: &str, sentence: String| Finding { severity: Severity::Error, place: place.to_owned(), sentence };
        let known: BTreeSet<String> = self.tables.iter().flat_map(|table| self.keys(table).into_iter().flatten()).collect();
        for key in counts.keys().filter(|key| !known.contains(*key)) {
            found.push(error(key, format!("La case « {key} » n’existe pas dans ce questionnaire.")));
        }
        for table in &self.tables {
            let missing = self.keys(table).iter().flatten().filter(|key| !counts.contains_key(*key)).count();
            if missing > 0 {
                found.push(error(&table.code, format!("Le tableau « {} » a {missing} case(s) vide(s) : saisir 0 quand il n’y a personne.", table.label)));
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
                found.push(Finding { severity: Severity::Warning, place: first.code.clone(), sentence: "Aucun jeune accompagné n’est déclaré : vérifier avant d’envoyer.".to_owned() });
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
        let labels = |choices: &[Choice]| choices.iter().map(|choice| choice.label.clone()).chain(["Ensemble".to_owned()]).collect();
        PublishedTable {
            code: table.code.clone(),
            label: table.label.clone(),
            rows: labels(rows),
            columns: labels(columns),
            cells: full
                .iter()
                .enumerate()
                .map(|(r, line)| line.iter().enumerate().map(|(c, count)| (!masked.contains(&(r, c))).then_some(*count)).collect())
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
                    None => found.push(format!("Le tableau « {} » cite la dimension « {code} », qui n’existe pas.", table.code)),
                    Some(dimension) if dimension.categories.is_empty() => found.push(format!("La dimension « {code} » n’a aucune catégorie.")),
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

/// The counts of a table with a last column and a last row of totals.
fn with_totals(keys: &[Vec<String>], counts: &Counts) -> Vec<Vec<u32>> {
    let add = |sum: u32, count: &u32| sum.saturating_add(*count);
    let mut full: Vec<Vec<u32>> = keys
        .iter()
        .map(|line| {
            let mut line: Vec<u32> = line.iter().map(|key| counts.get(key).copied().unwrap_or(0)).collect();
            line.push(line.iter().fold(0, add));
            line
        })
        .collect();
    let width = full.first().map_or(0, Vec::len);
    full.push((0..width).map(|c| full.iter().filter_map(|line| line.get(c)).fold(0, add)).collect());
    full
}

/// Which cells of a table with totals to mask. Each line and column adds up to its total, so one masked
/// cell alone in it could be computed: another is masked with it, the smallest count first, totals last.
fn masks(full: &[Vec<u32>], below: u32) -> BTreeSet<(usize, usize)> {
    let height = full.len();
    let width = full.first().map_or(0, Vec::len);
    let at = |(r, c): (usize, usize)| full.get(r).and_then(|line| line.get(c)).copied().unwrap_or(0);
    let cells = || (0..height).flat_map(|r| (0..width).map(move |c| (r, c)));
    let lines: Vec<Vec<(usize, usize)>> = (0..height)
        .map(|r| (0..width).map(|c| (r, c)).collect())
        .chain((0..width).map(|c| (0..height).map(|r| (r, c)).collect()))
        .collect();
    let mut masked: BTreeSet<(usize, usize)> = cells().filter(|cell| at(*cell) < below).collect();
    let is_total = |(r, c): (usize, usize)| usize::from(r + 1 == height) + usize::from(c + 1 == width);
    loop {
        let alone = lines.iter().find(|line| line.iter().filter(|cell| masked.contains(*cell)).count() == 1);
        let Some(line) = alone else { return masked };
        let Some(companion) = line.iter().copied().filter(|cell| !masked.contains(cell)).min_by_key(|cell| (is_total(*cell), at(*cell))) else {
            return masked;
        };
        masked.insert(companion);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey() -> Survey { Survey::embedded().unwrap() }

    /// Complete answers that agree: everyone in the first cell of each table.
    fn answers(survey: &Survey, total: u32) -> Counts {
        let mut counts = Counts::new();
        for table in &survey.tables {
            for key in survey.keys(table).into_iter().flatten() { counts.insert(key, 0); }
            let first = survey.keys(table).concat().remove(0);
            counts.insert(first, total);
        }
        counts
    }

    #[test]
    fn the_shipped_questionnaire_asks_what_the_survey_is_about() {
        let survey = survey();
        let codes: Vec<_> = survey.dimension("devenir").unwrap().categories.iter().map(|choice| choice.code.as_str()).collect();
        assert_eq!(codes, ["retour", "apprentissage", "formation", "service-civique", "emploi", "diplome", "partenaire", "poursuite", "sans-solution", "perdu-de-vue"]);
        assert_eq!(survey.masked_below.value, 5);
        assert!(survey.tables.iter().all(|table| !survey.keys(table).is_empty()));
    }

    #[test]
    fn complete_answers_that_agree_have_no_finding() {
        let survey = survey();
        assert_eq!(survey.check(&answers(&survey, 40)), []);
    }

    #[test]
    fn each_fault_of_the_answers_is_found() {
        let survey = survey();
        type Damage = fn(&mut Counts);
        let rows: [(Damage, Severity, &str, &str); 5] = [
            (|counts| { counts.insert("T4.emploi.f".to_owned(), 3); }, Severity::Error, "T4", "doivent être égaux"),
            (|counts| { counts.remove("T2.lp.g"); }, Severity::Error, "T2", "1 case(s) vide(s)"),
            (|counts| { counts.insert("T1.nom.Dupont".to_owned(), 1); }, Severity::Error, "T1.nom.Dupont", "n’existe pas"),
            (|counts| counts.values_mut().for_each(|count| *count = 0), Severity::Warning, "T1", "Aucun jeune"),
            (|counts| { counts.insert("T3.prevention.f".to_owned(), 12); }, Severity::Warning, "T3", "moins que les 40"),
        ];
        for (damage, severity, place, words) in rows {
            let mut counts = answers(&survey, 40);
            damage(&mut counts);
            let found = survey.check(&counts);
            assert!(found.iter().any(|f| f.severity == severity && f.place == place && f.sentence.replace('\u{a0}', " ").contains(words)), "{place}: {found:?}");
        }
    }

    #[test]
    fn the_national_sum_adds_academies_cell_by_cell() {
        let survey = survey();
        let (one, two) = (answers(&survey, 7), answers(&survey, 5));
        let sum = survey.sum([&one, &two]);
        assert_eq!(survey.total(survey.table("T4").unwrap(), &sum), 12);
        assert_eq!(survey.sum([]), Counts::new());
    }

    #[test]
    fn no_masked_count_can_be_found_by_subtraction() {
        let rows: [&[&[u32]]; 6] = [
            &[&[10, 20], &[3, 30], &[40, 50]],
            &[&[10, 20], &[30, 40]],
            &[&[1, 2], &[0, 1]],
            &[&[4, 100], &[100, 100], &[100, 100]],
            &[&[3, 3], &[50, 60], &[70, 80]],
            &[&[0, 0], &[90, 90]],
        ];
        for counts in rows {
            let mut full: Vec<Vec<u32>> = counts.iter().map(|line| line.iter().copied().chain([line.iter().sum()]).collect()).collect();
            full.push((0..full[0].len()).map(|c| full.iter().map(|line| line[c]).sum()).collect());
            let masked = masks(&full, 5);
            for (r, line) in full.iter().enumerate() {
                assert!(line.iter().enumerate().all(|(c, count)| *count >= 5 || masked.contains(&(r, c))), "{counts:?}");
                assert_ne!((0..line.len()).filter(|c| masked.contains(&(r, *c))).count(), 1, "row {r} of {counts:?}");
            }
            for c in 0..full[0].len() {
                assert_ne!((0..full.len()).filter(|r| masked.contains(&(*r, c))).count(), 1, "column {c} of {counts:?}");
            }
        }
    }

    #[test]
    fn a_table_without_small_counts_is_published_whole_with_its_totals() {
        let survey = survey();
        let table = survey.table("T1").unwrap();
        let counts: Counts = survey.keys(table).into_iter().flatten().zip(5..).collect();
        let published = survey.publish(table, &counts);
        assert_eq!(published.rows.last().map(String::as_str), Some("Ensemble"));
        assert!(published.cells.iter().flatten().all(Option::is_some));
        assert_eq!(published.cells.last().unwrap().last().unwrap(), &Some(survey.total(table, &counts)));
    }

    #[test]
    fn a_damaged_questionnaire_is_refused() {
        for (from, to, expected) in [
            ("rows = \"age\"", "rows = \"taille\"", "qui n’existe pas"),
            ("code = \"T2\"", "code = \"T1\"", "est donné deux fois"),
            ("code = \"16-17\"", "code = \"16.17\"", "ne doit contenir que des lettres"),
            ("counts_each_once = true", "names = true", "n’est pas lisible"),
        ] {
            assert!(EMBEDDED.contains(from));
            let refused = Survey::parse(&EMBEDDED.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(refused.contains(expected), "{to}: {refused}");
        }
    }
}
