//! A framework brought in by the office as a new version: the full text of the Bulletin officiel, which this
//! program does not ship. JSON is the stored form; CSV is what a spreadsheet gives. Both pass the same checks.
//! CSV has one header line: `code;nature;intitulé;niveaux;compétences;familles;source;note` (lists separated by spaces).

use std::collections::BTreeMap;

use super::{Activity, Competence, Domain, Family, Framework, FrameworkRefused, FrameworkSource, Level, Objective};
use crate::domain::ids;
use crate::domain::regulation::Status;

/// More lines than any framework has: a longer file is a mistake.
const MOST_ROWS: usize = 2_000;
const COLUMNS: [&str; 8] = ["code", "nature", "intitule", "niveaux", "competences", "familles", "source", "note"];

/// What the office says of the version it imports; the file holds the items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkIdentity {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub published: Option<String>,
}

/// One line of the file, fields trimmed, in the order of `COLUMNS`.
struct Row {
    line: u64,
    fields: [String; COLUMNS.len()],
}

impl Row {
    fn get(&self, column: &str) -> &str {
        COLUMNS
            .iter()
            .position(|name| *name == column)
            .and_then(|index| self.fields.get(index))
            .map_or("", String::as_str)
    }

    fn words(&self, column: &str) -> Vec<String> {
        self.get(column).split([' ', ',', '\u{a0}']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn note(&self) -> Option<String> {
        Some(self.get("note")).filter(|note| !note.is_empty()).map(str::to_owned)
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

    /// Reads a spreadsheet saved as CSV with semicolons. Every item is `to_check` until it is validated.
    ///
    /// # Errors
    /// Each faulty line with its number, then the faults of the whole.
    pub fn parse_csv(identity: FrameworkIdentity, text: &str) -> Result<Self, FrameworkRefused> {
        let rows = rows(text)?;
        let mut reasons = Vec::new();
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
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
        for row in &rows {
            let next = format!("S{}", sources.len() + 1);
            let source = sources.entry(row.get("source").to_owned()).or_insert(next).clone();
            if let Err(sentence) = framework.add(row, source) {
                reasons.push(format!("Ligne {} : {sentence}", row.line));
            }
        }
        framework.sources =
            sources.into_iter().map(|(label, code)| FrameworkSource { code, label, url: None }).collect();
        if let Err(refused) = framework.clone().checked() {
            reasons.extend(refused.reasons);
        }
        if reasons.is_empty() { Ok(framework) } else { Err(FrameworkRefused { reasons }) }
    }

    /// Puts one line in its place; a parent comes before its children.
    fn add(&mut self, row: &Row, source: String) -> Result<(), String> {
        let (code, label, note, status) =
            (row.get("code").to_owned(), row.get("intitule").to_owned(), row.note(), Status::ToCheck);
        if row.get("source").is_empty() {
            return Err("la source n’est pas indiquée.".to_owned());
        }
        let parent = code.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
        match ids::fold(row.get("nature")).as_str() {
            "famille" => self.families.push(Family { code, label, source, status, note }),
            "competence" => {
                self.competences.push(Competence { families: row.words("familles"), code, label, source, status, note })
            }
            "domaine" => self.domains.push(Domain { code, label, source, status, note, objectives: Vec::new() }),
            "objectif" => self
                .domains
                .iter_mut()
                .find(|domain| domain.code == parent)
                .ok_or_else(|| format!("l’objectif « {code} » vient avant son domaine « {parent} », ou sans lui."))?
                .objectives
                .push(Objective { code, label, source, status, note, activities: Vec::new() }),
            "activite" => {
                let levels = row.words("niveaux").iter().map(|word| level(word)).collect::<Result<Vec<_>, _>>()?;
                let competences = row.words("competences");
                self.domains
                    .iter_mut()
                    .flat_map(|domain| &mut domain.objectives)
                    .find(|objective| objective.code == parent)
                    .ok_or_else(|| {
                        format!("l’activité « {code} » vient avant son objectif « {parent} », ou sans lui.")
                    })?
                    .activities
                    .push(Activity { code, label, levels, competences, source, status, note });
            }
            other => {
                return Err(format!(
                    "la nature « {other} » n’est pas reconnue : écrire domaine, objectif, activité, compétence ou famille."
                ));
            }
        }
        Ok(())
    }
}

/// A territorial level, as people write it.
fn level(word: &str) -> Result<Level, String> {
    match ids::fold(word).as_str() {
        "academie" | "academique" => Ok(Level::Academie),
        "departement" | "departemental" => Ok(Level::Departement),
        "bassin" => Ok(Level::Bassin),
        "district" => Ok(Level::District),
        "eple" | "etablissement" => Ok(Level::Eple),
        _ => Err(format!(
            "le niveau « {word} » n’est pas reconnu : écrire académie, département, bassin, district ou EPLE."
        )),
    }
}

fn rows(text: &str) -> Result<Vec<Row>, FrameworkRefused> {
    let refused = |sentence: String| FrameworkRefused { reasons: vec![sentence] };
    // With CRLF the reader counts a record's line before its line feed, one too few.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').trim(csv::Trim::All).from_reader(text.as_bytes());
    let unreadable = |cause: csv::Error| {
        let line = cause.position().map_or(1, csv::Position::line);
        refused(format!(
            "Le fichier n’est pas lisible à la ligne {line} : vérifier le nombre de colonnes et les guillemets."
        ))
    };
    let header: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(ids::fold).collect();
    if header != COLUMNS {
        return Err(refused(
            "La première ligne doit être : code;nature;intitulé;niveaux;compétences;familles;source;note.".to_owned(),
        ));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        if rows.len() == MOST_ROWS {
            return Err(refused(format!("Le fichier dépasse {MOST_ROWS} lignes : ce n’est pas un référentiel.")));
        }
        let line = record.position().map_or(0, csv::Position::line);
        let mut fields: [String; COLUMNS.len()] = Default::default();
        for (field, value) in fields.iter_mut().zip(record.iter()) {
            value.clone_into(field);
        }
        rows.push(Row { line, fields });
    }
    Ok(rows)
}
