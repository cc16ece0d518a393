//! Schools of an academy, as the annuaire gives them: code, name, commune, department, kind. The code decides the
//! department; what stands beside it can only disagree.

use std::collections::HashMap;

use crate::domain::ids::{Uai, UaiRefused, parse_department};
use crate::domain::table::{ColumnSpec, Columns, Line, Report, Table, check_set_aside};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolDraft {
    pub line: u64,
    pub uai: Uai,
    pub name: String,
    pub commune: String,
    pub department: String,
    /// Lycée professionnel, collège, CIO… as the office writes it.
    pub kind: String,
}

const UAI: usize = 0;
const NAME: usize = 1;
const COMMUNE: usize = 2;
const DEPARTMENT: usize = 3;
const KIND: usize = 4;

const fn column(label: &'static str, required: bool, aliases: &'static [&'static str]) -> ColumnSpec {
    ColumnSpec { label, aliases, required }
}

/// In the order of the constants above, which index it.
pub(super) const COLUMNS: [ColumnSpec; 5] = [
    column("UAI", true, &["RNE", "Code UAI", "Numéro UAI", "Identifiant de l’établissement", "Code établissement"]),
    column("Nom", true, &["Établissement", "Nom de l’établissement", "Dénomination", "Appellation officielle"]),
    column("Commune", false, &["Ville", "Nom commune", "Localité"]),
    column("Département", false, &["Code département", "Dépt", "Dpt"]),
    column("Type", false, &["Nature", "Type d’établissement", "Libellé nature"]),
];

pub fn check_schools(table: &Table, departments: &[String], set_aside: &[(u64, String)]) -> Report<SchoolDraft> {
    let mut findings = Vec::new();
    let columns = Columns::locate(table, &COLUMNS, &mut findings);
    let aside = check_set_aside(table, set_aside, &mut findings);
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut accepted = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let mut line = Line::open(row, &columns);
        let is_aside = aside.contains(&row.line);
        let draft = check_line(&mut line, departments);
        if let Some(draft) = draft.filter(|_| !is_aside) {
            match seen.get(draft.uai.as_str()) {
                Some(earlier) => line.error(
                    UAI,
                    "duplicate_school",
                    format!("Même code qu’à la ligne {earlier}\u{a0}: gardez une seule des deux lignes."),
                ),
                None => {
                    seen.insert(draft.uai.as_str().to_owned(), row.line);
                }
            }
            if !line.has_errors() {
                accepted.push(draft);
            }
        }
        findings.append(&mut line.findings);
    }
    let set_aside = set_aside.iter().filter(|(line, _)| aside.contains(line)).cloned().collect();
    Report { accepted, findings, set_aside, encoding: table.encoding, total_rows: table.rows.len() }
}

fn check_line(line: &mut Line<'_>, departments: &[String]) -> Option<SchoolDraft> {
    let code = |refused: &UaiRefused| match refused {
        UaiRefused::CheckLetter { .. } => "uai_check_letter",
        UaiRefused::Shape(_) => "uai_invalid",
    };
    let uai = line.required(UAI, Uai::parse, code);
    let name = line.required_text(NAME, 150);
    let commune = line.text(COMMUNE, 100).unwrap_or_default();
    let kind = line.text(KIND, 100).unwrap_or_default();
    let typed = parse_department(line.cell(DEPARTMENT));
    let department = uai.as_ref().and_then(Uai::department).or_else(|| typed.clone());
    match (&department, &uai) {
        (Some(place), Some(uai)) if !departments.contains(place) => line.error(
            UAI,
            "school_outside_academy",
            format!("L’établissement {uai} est dans le département {place}, qui n’est pas de cette académie\u{a0}: retirez cette ligne, ou mettez-la de côté."),
        ),
        (None, Some(uai)) => line.error(
            UAI,
            "department_unknown",
            format!("Le code UAI {uai} ne dit pas le département\u{a0}: remplissez la colonne «\u{a0}Département\u{a0}»."),
        ),
        (Some(place), Some(_)) if typed.as_ref().is_some_and(|typed| typed != place) => line.warn(
            DEPARTMENT,
            "department_mismatch",
            format!("Le code UAI dit le département {place}\u{a0}: c’est lui qui est retenu."),
        ),
        _ => {}
    }
    Some(SchoolDraft { line: line.number(), uai: uai?, name: name?, commune, department: department?, kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::table::read_csv;

    #[test]
    fn a_school_is_read_by_its_code() {
        let text = "UAI;Nom;Ville;Dépt\n0870015U;Lycée Turgot;Limoges;87\n0870015X;Faux;;\n0750655E;Ailleurs;Paris;75\n0870015U;Encore;;87\n";
        let report = check_schools(&read_csv(text.as_bytes()).expect("a table"), &["87".to_owned()], &[]);
        let codes: Vec<_> = report.findings.iter().map(|finding| (finding.line, finding.code)).collect();
        assert_eq!(codes, [(3, "uai_check_letter"), (4, "school_outside_academy"), (5, "duplicate_school")]);
        assert_eq!(report.accepted.len(), 1);
        assert_eq!(report.accepted[0].department, "87");
    }
}
