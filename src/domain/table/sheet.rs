//! Columns by name and cells by column: what every import needs before its own rules begin. Headers
//! meet by their folded names, in any order; each line collects all its findings, not only the first.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use super::{Finding, Row, Severity, Table};
use crate::domain::ids::{fold, is_invisible};

/// A column an import understands: its title in our own templates, and other titles offices use.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSpec {
    pub label: &'static str,
    pub aliases: &'static [&'static str],
    pub required: bool,
}

/// Where each known column stands in this file, by its place in the specification.
pub struct Columns {
    found: Vec<(Option<usize>, String)>,
    width: usize,
}

impl Columns {
    pub fn locate(table: &Table, specs: &[ColumnSpec], findings: &mut Vec<Finding>) -> Self {
        let mut on_header = |column: &str, code, severity, message| {
            findings.push(Finding { line: 1, column: Some(column.to_owned()), code, severity, message });
        };
        let titles: Vec<String> = table.headers.iter().map(|h| tidy(h)).collect();
        let mut by_title: HashMap<String, usize> = HashMap::new();
        let mut unknown = Vec::new();
        for (place, title) in titles.iter().enumerate() {
            if title_key(title).is_empty() {
                unknown.push(place);
                continue;
            }
            match by_title.entry(title_key(title)) {
                Entry::Vacant(free) => {
                    free.insert(place);
                }
                Entry::Occupied(_) => on_header(
                    title,
                    "duplicate_column",
                    Severity::Error,
                    format!("La colonne «\u{a0}{title}\u{a0}» figure deux fois\u{a0}: gardez-en une seule."),
                ),
            }
        }
        // Our own title wins over the others: « Téléphone » beside « Portable » is no contradiction.
        let mut found = Vec::with_capacity(specs.len());
        for spec in specs {
            let place =
                [&spec.label].into_iter().chain(spec.aliases).find_map(|title| by_title.remove(&title_key(title)));
            let shown = place.and_then(|place| titles.get(place)).map_or(spec.label, String::as_str);
            found.push((place, shown.to_owned()));
        }
        unknown.extend(by_title.into_values());
        unknown.sort_unstable();
        for place in unknown {
            let title = titles.get(place).map_or("", String::as_str);
            let number = place + 1;
            let message = if title.is_empty() {
                format!("La colonne n°\u{a0}{number} n’a pas de titre\u{a0}: elle est ignorée.")
            } else {
                format!(
                    "La colonne n°\u{a0}{number} «\u{a0}{title}\u{a0}» n’est pas connue, ou une autre la remplace\u{a0}: elle est ignorée."
                )
            };
            on_header(title, "unknown_column", Severity::Warning, message);
        }
        for (spec, (place, _)) in specs.iter().zip(&found) {
            if spec.required && place.is_none() {
                on_header(
                    spec.label,
                    "missing_column",
                    Severity::Error,
                    format!("La colonne «\u{a0}{}\u{a0}» manque\u{a0}: ajoutez-la à la première ligne.", spec.label),
                );
            }
        }
        if table.rows.is_empty() {
            findings.push(Finding {
                line: 1,
                column: None,
                code: "no_rows",
                severity: Severity::Error,
                message: "Le fichier n’a que sa ligne de titres\u{a0}: aucune personne à importer.".to_owned(),
            });
        }
        Columns { found, width: table.headers.len() }
    }
}

/// Gives columns of the file the titles of ours: (our title, place in the file). A title of ours that stands over
/// another column gives way.
pub fn rename(table: &mut Table, chosen: &[(String, usize)]) {
    for (label, place) in chosen {
        for (other, title) in table.headers.iter_mut().enumerate() {
            if other != *place && title_key(title) == title_key(label) {
                *title = format!("colonne {}", other + 1);
            }
        }
        if let Some(title) = table.headers.get_mut(*place) {
            title.clone_from(label);
        }
    }
}

/// Which columns of the file our specifications recognise, in their order.
pub fn recognised(table: &Table, specs: &[ColumnSpec]) -> Vec<Option<usize>> {
    Columns::locate(table, specs, &mut Vec::new()).found.into_iter().map(|(place, _)| place).collect()
}

/// Titles are compared without parentheses' content: « Formation suivie (O/N) » is « Formation suivie ».
fn title_key(title: &str) -> String {
    let folded = fold(title.split('(').next().unwrap_or(title));
    folded.trim_end_matches([' ', ':', '*', '.']).to_owned()
}

/// One line of text: composed letters, single spaces, nothing around and nothing invisible within.
pub fn tidy(text: &str) -> String {
    let plain = text.is_ascii() && !text.contains("  ") && !text.bytes().any(|b| b.is_ascii_whitespace() && b != b' ');
    if plain {
        return text.trim().to_owned();
    }
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).nfc().collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One row being checked.
pub struct Line<'t> {
    row: &'t Row,
    columns: &'t Columns,
    pub findings: Vec<Finding>,
}

impl<'t> Line<'t> {
    pub fn open(row: &'t Row, columns: &'t Columns) -> Self {
        let mut line = Line { row, columns, findings: Vec::new() };
        if row.cells.len() > columns.width {
            line.push(
                None,
                "too_many_cells",
                Severity::Error,
                "Cette ligne a plus de cellules que de titres\u{a0}: un séparateur s’est glissé dans un texte."
                    .to_owned(),
            );
        }
        line
    }

    pub fn number(&self) -> u64 {
        self.row.line
    }

    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }

    pub fn error(&mut self, column: usize, code: &'static str, message: impl Into<String>) {
        let title = self.title(column);
        self.push(title, code, Severity::Error, message.into());
    }

    pub fn warn(&mut self, column: usize, code: &'static str, message: impl Into<String>) {
        let title = self.title(column);
        self.push(title, code, Severity::Warning, message.into());
    }

    fn push(&mut self, column: Option<String>, code: &'static str, severity: Severity, message: String) {
        self.findings.push(Finding { line: self.row.line, column, code, severity, message });
    }

    fn title(&self, column: usize) -> Option<String> {
        self.columns.found.get(column).map(|(_, title)| title.clone())
    }

    fn place(&self, column: usize) -> Option<usize> {
        self.columns.found.get(column).and_then(|(place, _)| *place)
    }

    /// The cell without the blanks around it; empty when the column or the cell is missing.
    pub fn cell(&self, column: usize) -> &'t str {
        self.place(column).map_or("", |place| self.row.cell(place).trim())
    }

    /// A single-line text of at most `max` characters, none when the cell is empty.
    pub fn text(&mut self, column: usize, max: usize) -> Option<String> {
        let text = tidy(self.cell(column));
        if text.is_empty() {
            return None;
        }
        if text.chars().any(char::is_control) {
            self.error(
                column,
                "control_character",
                "Ce texte contient un caractère invisible interdit\u{a0}: retapez-le.",
            );
            return None;
        }
        if text.chars().count() > max {
            self.error(column, "value_too_long", format!("Ce texte dépasse {max} caractères\u{a0}: abrégez-le."));
            return None;
        }
        Some(text)
    }

    /// The same, where an empty cell is an error (unless the whole column is missing: said once, on line 1).
    pub fn required_text(&mut self, column: usize, max: usize) -> Option<String> {
        self.require(column).then(|| self.text(column, max)).flatten()
    }

    /// A value that must be there and must parse.
    pub fn required<T, E: ToString>(
        &mut self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
        code: impl FnOnce(&E) -> &'static str,
    ) -> Option<T> {
        if self.require(column) { self.optional(column, parse, code) } else { None }
    }

    /// A value that may be missing but must parse when it is there.
    pub fn optional<T, E: ToString>(
        &mut self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
        code: impl FnOnce(&E) -> &'static str,
    ) -> Option<T> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return None;
        }
        match parse(cell) {
            Ok(value) => Some(value),
            Err(refused) => {
                self.error(column, code(&refused), refused.to_string());
                None
            }
        }
    }

    /// Yes or no, no when empty.
    pub fn yes_or_no(&mut self, column: usize) -> bool {
        match fold(self.cell(column)).as_str() {
            "" | "n" | "non" | "0" | "faux" => false,
            "o" | "oui" | "x" | "1" | "vrai" => true,
            _ => {
                self.error(column, "yes_no_invalid", "Écrivez «\u{a0}O\u{a0}» pour oui ou «\u{a0}N\u{a0}» pour non.");
                false
            }
        }
    }

    fn require(&mut self, column: usize) -> bool {
        if self.place(column).is_none() {
            return false;
        }
        // A lone hyphen is how people fill a box they leave empty.
        if fold(self.cell(column)).is_empty() {
            let title = self.title(column).unwrap_or_default();
            self.error(column, "missing_value", format!("«\u{a0}{title}\u{a0}» est à remplir."));
            return false;
        }
        true
    }
}

/// Lines set aside must exist and say why; what is wrong with them is an error on the header's line.
pub(in crate::domain) fn check_set_aside(
    table: &Table,
    set_aside: &[(u64, String)],
    findings: &mut Vec<Finding>,
) -> HashSet<u64> {
    let lines: HashSet<u64> = table.rows.iter().map(|row| row.line).collect();
    let mut wrong = |code, message| {
        findings.push(Finding { line: 1, column: None, code, severity: Severity::Error, message });
    };
    for (line, reason) in set_aside {
        if !lines.contains(line) {
            wrong(
                "set_aside_unknown_line",
                format!("La ligne {line}, à mettre de côté, ne porte aucune personne dans ce fichier."),
            );
        } else if reason.trim().is_empty() {
            wrong("set_aside_without_reason", format!("Dites pourquoi la ligne {line} est mise de côté."));
        }
    }
    set_aside.iter().map(|(line, _)| *line).filter(|line| lines.contains(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_seen_is_not_kept() {
        for (typed, kept) in [
            ("  Anne  Marie ", "Anne Marie"),
            ("Anne\u{a0}Marie\r\nLouise", "Anne Marie Louise"),
            ("Zoe\u{308}", "Zoë"),
            ("a\u{202e}nnA\u{200b}", "annA"),
            ("\u{feff}", ""),
            ("a \u{200b} b", "a b"),
        ] {
            assert_eq!(tidy(typed), kept);
        }
    }

    proptest! {
        #[test]
        fn tidying_twice_changes_nothing(text in any::<String>()) {
            let once = tidy(&text);
            prop_assert_eq!(tidy(&once), once);
        }
    }
}
