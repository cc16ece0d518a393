//! A framework brought in by the office as a new version: the full text of the Bulletin officiel, which this
//! program does not ship. JSON is the stored form; a spreadsheet is what people have. Both pass the same checks,
//! and every fault is found at once, with its line and its column. Parents come before their children.

use std::collections::BTreeMap;

use super::mapping::{Fate, Mapping};
use super::{Activity, Competence, Domain, Family, Framework, FrameworkRefused, FrameworkSource, Level, Objective};
use crate::domain::ids;
use crate::domain::regulation::Status;
use crate::domain::table::{ColumnSpec, Columns, Encoding, Finding, Line, Report, Severity, Table};

/// More lines than any framework has: a longer file is a mistake.
const MOST_ROWS: usize = 2_000;
const LONGEST_LABEL: usize = 500;

/// A file to begin with: one line of each kind.
pub const TEMPLATE: &[[&str; 8]] = &[
    ["code", "nature", "intitulé", "niveaux", "compétences", "familles", "source", "note"],
    ["F1", "famille", "Enseignement", "", "", "", "Circulaire n° 2016-212 du 30 décembre 2016", ""],
    ["C01", "compétence", "Conseil", "", "", "F1", "BO n° 29 du 21 juillet 2016", ""],
    ["D1", "domaine", "Prévention", "", "", "", "BO n° 29 du 21 juillet 2016", ""],
    ["D1.O1", "objectif", "Prévenir les ruptures", "", "", "", "BO n° 29 du 21 juillet 2016", ""],
    [
        "D1.O1.A1",
        "activité",
        "Participer au repérage des élèves en risque de décrochage",
        "EPLE, bassin",
        "C01",
        "",
        "BO n° 29 du 21 juillet 2016",
        "",
    ],
];

const CODE: usize = 0;
const KIND: usize = 1;
const LABEL: usize = 2;
const LEVELS: usize = 3;
const COMPETENCES: usize = 4;
const FAMILIES: usize = 5;
const SOURCE: usize = 6;
const NOTE: usize = 7;

const fn column(label: &'static str, required: bool) -> ColumnSpec {
    ColumnSpec { label, aliases: &[], required }
}

const COLUMNS: [ColumnSpec; 8] = [
    column("code", true),
    column("nature", true),
    column("intitulé", true),
    column("niveaux", false),
    column("compétences", false),
    column("familles", false),
    column("source", true),
    column("note", false),
];

/// What the office says of the version it imports; the file holds the items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkIdentity {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub published: Option<String>,
}

/// Words of addresses under `/referentiel`: no version may be called so.
const RESERVED: [&str; 4] = ["comparaison", "correspondances", "modele.csv", "modele.json"];

/// The identifier of a version, which stands in addresses printed for decades.
///
/// # Errors
/// The French sentence that says how to write it.
pub fn read_identity(id: &str) -> Result<String, String> {
    let is_safe = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.len() <= 60
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if is_safe && !RESERVED.contains(&id) {
        return Ok(id.to_owned());
    }
    Err("L’identifiant figure dans des adresses permanentes\u{a0}: écrivez-le en minuscules sans accent, chiffres et tirets, par exemple «\u{a0}referentiel-2016-bo29\u{a0}».".to_owned())
}

/// A file that was read: the framework when nothing blocks it, and everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    pub framework: Option<Framework>,
    /// Codes of the items read, and the findings.
    pub report: Report<String>,
}

impl Imported {
    fn of(framework: Framework, report: Report<String>) -> Self {
        Imported { framework: (!report.is_blocked()).then_some(framework), report }
    }

    fn unreadable(line: u64, column: Option<String>, message: String) -> Self {
        let finding = Finding { line, column, code: "unreadable", severity: Severity::Error, message };
        let report = Report {
            accepted: Vec::new(),
            findings: vec![finding],
            set_aside: Vec::new(),
            encoding: Encoding::Utf8,
            total_rows: 0,
        };
        Imported { framework: None, report }
    }
}

impl Framework {
    /// Reads the stored form.
    ///
    /// # Errors
    /// Unreadable JSON, or the faults of the content.
    pub fn parse_json(text: &str) -> Result<Self, FrameworkRefused> {
        let framework: Self = serde_json::from_str(text).map_err(|cause| FrameworkRefused {
            reasons: vec![format!(
                "Le fichier n’est pas lisible à la ligne {}, colonne {}.",
                cause.line(),
                cause.column()
            )],
        })?;
        framework.checked()
    }

    /// Reads a JSON file of the office; every fault has the line on which its code stands.
    #[must_use]
    pub fn read_json(text: &str) -> Imported {
        let text = text.trim_start_matches('\u{feff}');
        let framework: Self = match serde_json::from_str(text) {
            Ok(framework) => framework,
            Err(cause) => {
                return Imported::unreadable(
                    u64::try_from(cause.line()).unwrap_or(0),
                    Some(format!("caractère {}", cause.column())),
                    format!("Le fichier JSON n’est pas lisible à cet endroit\u{a0}: {}.", in_french(&cause)),
                );
            }
        };
        let line_of = |code: &str| {
            let written = serde_json::to_string(code).unwrap_or_default();
            let at = text.lines().position(|line| line.contains("\"code\"") && line.contains(&written));
            at.map_or(1, |at| u64::try_from(at + 1).unwrap_or(1))
        };
        let findings = framework
            .located_faults()
            .into_iter()
            .map(|fault| Finding {
                line: line_of(&fault.code),
                column: Some(fault.column.to_owned()),
                code: fault.kind,
                severity: Severity::Error,
                message: fault.sentence,
            })
            .collect();
        let accepted: Vec<String> = framework.items().map(|item| item.code().to_owned()).collect();
        let total_rows = accepted.len();
        let report = Report { accepted, findings, set_aside: Vec::new(), encoding: Encoding::Utf8, total_rows };
        let mut imported = Imported::of(framework, report);
        if imported.framework.is_none() {
            imported.report.accepted.clear();
        }
        imported
    }

    /// Reads a spreadsheet. Every item is `to_check` until it is validated.
    #[must_use]
    pub fn read_table(identity: FrameworkIdentity, table: &Table) -> Imported {
        let mut findings = Vec::new();
        let columns = Columns::locate(table, &COLUMNS, &mut findings);
        for finding in findings.iter_mut().filter(|finding| finding.code == "no_rows") {
            "Le fichier n’a que sa ligne de titres\u{a0}: aucun élément à importer.".clone_into(&mut finding.message);
        }
        let mut framework = Framework {
            id: identity.id,
            version: identity.version,
            title: identity.title,
            published: identity.published,
            sources: Vec::new(),
            families: Vec::new(),
            competences: Vec::new(),
            domains: Vec::new(),
        };
        let mut accepted = Vec::new();
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let is_blocked_by_header = findings.iter().any(|finding| finding.severity == Severity::Error);
        if table.rows.len() > MOST_ROWS {
            findings.push(Finding {
                line: 1,
                column: None,
                code: "too_many_rows",
                severity: Severity::Error,
                message: format!("Le fichier dépasse {MOST_ROWS} lignes\u{a0}: ce n’est pas un référentiel."),
            });
        } else if !is_blocked_by_header {
            for row in &table.rows {
                let mut line = Line::open(row, &columns);
                if let Some(code) = framework.add(&mut line) {
                    lines.entry(code.to_ascii_lowercase()).or_insert(line.number());
                    accepted.push(code);
                }
                findings.append(&mut line.findings);
            }
            // A line in error hides its item: what others say of it would only repeat the error.
            let is_whole = !findings.iter().any(|finding| finding.severity == Severity::Error);
            for fault in framework.located_faults() {
                let is_twice = fault.kind == "duplicate_code";
                if !is_whole && !is_twice {
                    continue;
                }
                let line = if is_twice {
                    let of = |row: &&crate::domain::table::Row| row.cell(0).trim().eq_ignore_ascii_case(&fault.code);
                    table.rows.iter().filter(of).nth(1).map(|row| row.line)
                } else {
                    lines.get(&fault.code.to_ascii_lowercase()).copied()
                };
                findings.push(Finding {
                    line: line.unwrap_or(1),
                    column: Some(fault.column.to_owned()),
                    code: fault.kind,
                    severity: Severity::Error,
                    message: fault.sentence,
                });
            }
        }
        findings.sort_by_key(|finding| finding.line);
        let report = Report {
            accepted,
            findings,
            set_aside: Vec::new(),
            encoding: table.encoding,
            total_rows: table.rows.len(),
        };
        Imported::of(framework, report)
    }

    /// Puts one line in its place, and says its code.
    fn add(&mut self, line: &mut Line<'_>) -> Option<String> {
        let code = line.required_text(CODE, 40);
        let label = line.required_text(LABEL, LONGEST_LABEL);
        let source = line.required_text(SOURCE, 200);
        let note = line.text(NOTE, 500);
        let kind = line.required_text(KIND, 40);
        let levels = read_levels(line);
        let (code, label, source, kind, levels) = (code?, label?, source?, kind?, levels?);
        let status = Status::ToCheck;
        let parent = code.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
        let orphan = |line: &mut Line<'_>, what: &str, above: &str| {
            line.error(CODE, "no_parent", format!("{what} «\u{a0}{code}\u{a0}» vient avant {above} «\u{a0}{parent}\u{a0}», ou sans lui\u{a0}: placez d’abord sa ligne."));
        };
        match ids::fold(&kind).as_str() {
            "famille" => {
                let source = self.source_code(source);
                self.families.push(Family { code: code.clone(), label, source, status, note });
            }
            "competence" => {
                let (source, families) = (self.source_code(source), words(line.cell(FAMILIES)));
                self.competences.push(Competence { families, code: code.clone(), label, source, status, note });
            }
            "domaine" => {
                let source = self.source_code(source);
                self.domains.push(Domain { code: code.clone(), label, source, status, note, objectives: Vec::new() });
            }
            "objectif" => {
                let source = self.source_code(source);
                let Some(domain) = self.domains.iter_mut().find(|domain| domain.code == parent) else {
                    orphan(line, "L’objectif", "son domaine");
                    return None;
                };
                let objective = Objective { code: code.clone(), label, source, status, note, activities: Vec::new() };
                domain.objectives.push(objective);
            }
            "activite" => {
                let (source, competences) = (self.source_code(source), words(line.cell(COMPETENCES)));
                let mut objectives = self.domains.iter_mut().flat_map(|domain| &mut domain.objectives);
                let Some(objective) = objectives.find(|objective| objective.code == parent) else {
                    orphan(line, "L’activité", "son objectif");
                    return None;
                };
                objective.activities.push(Activity {
                    code: code.clone(),
                    label,
                    levels,
                    competences,
                    source,
                    status,
                    note,
                });
            }
            _ => {
                line.error(
                    KIND,
                    "unknown_kind",
                    format!("La nature «\u{a0}{kind}\u{a0}» n’est pas reconnue\u{a0}: écrivez domaine, objectif, activité, compétence ou famille."),
                );
                return None;
            }
        }
        Some(code)
    }

    /// The code of a source, made at its first mention.
    fn source_code(&mut self, label: String) -> String {
        if let Some(known) = self.sources.iter().find(|source| source.label == label) {
            return known.code.clone();
        }
        let code = format!("S{}", self.sources.len() + 1);
        self.sources.push(FrameworkSource { code: code.clone(), label, url: None });
        code
    }

    /// The version as a spreadsheet that reads back: the header, then one row per item, parents first.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 8]> {
        let header = TEMPLATE.first().map(|row| row.map(str::to_owned)).unwrap_or_default();
        let families = self.families.iter().map(super::Item::Family);
        let competences = self.competences.iter().map(super::Item::Competence);
        let items = families.chain(competences).chain(self.tree().map(|(_, item)| item));
        let rows = items.map(|item| {
            let (mut levels, mut competences, mut families) = (String::new(), String::new(), String::new());
            match item {
                super::Item::Activity(own) => {
                    levels = own.levels.iter().map(|level| level.as_str()).collect::<Vec<_>>().join(", ");
                    competences = own.competences.join(" ");
                }
                super::Item::Competence(own) => families = own.families.join(" "),
                _ => {}
            }
            let source = self.source(item.source()).map_or(item.source(), |source| source.label.as_str());
            [
                item.code().to_owned(),
                item.kind().to_owned(),
                item.label().to_owned(),
                levels,
                competences,
                families,
                source.to_owned(),
                item.note().unwrap_or("").to_owned(),
            ]
        });
        std::iter::once(header).chain(rows).collect()
    }
}

/// The answers of the office for old items: `ancien code;nouveaux codes;motif d’abandon`, one line per old item.
#[must_use]
pub fn read_mapping(table: &Table) -> (Mapping, Vec<Finding>) {
    const OLD: usize = 0;
    const NEW: usize = 1;
    const REASON: usize = 2;
    const ANSWERS: [ColumnSpec; 3] =
        [column("ancien code", true), column("nouveaux codes", true), column("motif d’abandon", false)];
    let mut findings = Vec::new();
    let columns = Columns::locate(table, &ANSWERS, &mut findings);
    let mut mapping = Mapping::default();
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return (mapping, findings);
    }
    for row in &table.rows {
        let mut line = Line::open(row, &columns);
        let old = line.required_text(OLD, 40);
        let (codes, reason) = (words(line.cell(NEW)), line.text(REASON, 500));
        if let Some(old) = old {
            if mapping.fate(&old).is_some() {
                line.error(
                    OLD,
                    "duplicate_code",
                    format!(
                        "L’ancien code «\u{a0}{old}\u{a0}» a déjà sa réponse plus haut\u{a0}: gardez une seule ligne."
                    ),
                );
            } else if codes.is_empty() {
                if reason.is_none() {
                    line.error(
                        NEW,
                        "no_answer",
                        format!("Dites ce que devient «\u{a0}{old}\u{a0}»\u{a0}: des codes, ou un motif d’abandon."),
                    );
                }
                mapping.set(&old, Fate::Dropped(reason.unwrap_or_default()));
            } else {
                mapping.set(&old, Fate::Became(codes));
            }
        }
        findings.append(&mut line.findings);
    }
    (mapping, findings)
}

fn words(cell: &str) -> Vec<String> {
    cell.split([' ', ',', '\u{a0}', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Levels of a line; none read when one is unknown.
fn read_levels(line: &mut Line<'_>) -> Option<Vec<Level>> {
    let mut levels = Vec::new();
    for word in words(line.cell(LEVELS)) {
        match ids::fold(&word).as_str() {
            "academie" | "academique" => levels.push(Level::Academie),
            "departement" | "departemental" => levels.push(Level::Departement),
            "bassin" => levels.push(Level::Bassin),
            "district" => levels.push(Level::District),
            "eple" | "etablissement" => levels.push(Level::Eple),
            _ => {
                line.error(
                    LEVELS,
                    "unknown_level",
                    format!("Le niveau «\u{a0}{word}\u{a0}» n’est pas reconnu\u{a0}: écrivez académie, département, bassin, district ou EPLE."),
                );
                return None;
            }
        }
    }
    Some(levels)
}

/// What the reader of JSON stumbled on, for people who do not read English.
fn in_french(cause: &serde_json::Error) -> String {
    let told = cause.to_string();
    let quoted = told.split('`').nth(1).unwrap_or_default();
    if told.starts_with("missing field") {
        format!("le champ «\u{a0}{quoted}\u{a0}» manque")
    } else if told.starts_with("unknown field") {
        format!("le champ «\u{a0}{quoted}\u{a0}» n’est pas connu")
    } else if told.starts_with("unknown variant") {
        format!("la valeur «\u{a0}{quoted}\u{a0}» n’est pas connue")
    } else if cause.is_data() {
        "une valeur n’est pas de la nature attendue".to_owned()
    } else if cause.is_eof() {
        "le fichier s’arrête trop tôt".to_owned()
    } else {
        "la ponctuation (accolades, guillemets, virgules) est à vérifier".to_owned()
    }
}
