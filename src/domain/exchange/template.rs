//! The files an office downloads to fill: our titles, one line of example that no import takes, and the values each
//! column understands.

use std::io::{self, Write};

use super::ImportKind;
use crate::domain::registration::EXAMPLE;
use crate::domain::regulation::RegulationPack;
use crate::domain::table::{Choices, FileKind, SheetWriter};

fn example(column: &str) -> &'static str {
    match column {
        "Civilité" => "Mme",
        "Nom de naissance" | "Nom" => EXAMPLE,
        "Nom d’usage" => "MARTIN",
        "Prénom" => "Anne-Marie",
        "Date de naissance" => "14/03/1984",
        "Courriel" => "anne-marie.martin@ac-academie.example",
        "Téléphone" => "05 55 01 02 03",
        "Corps" => "Certifié",
        "Statut" => "Titulaire",
        "UAI" => "0870015U",
        "Établissement" => "Lycée Turgot",
        "Département" => "87",
        "Commune" => "Limoges",
        "Type" => "Lycée polyvalent",
        "Date de titularisation ou du contrat" => "01/09/2010",
        "Formation suivie (O/N)" => "O",
        "Note conservée épreuve 1" | "Note" => "12,5",
        "Session d’origine" | "Session" => "2024",
        "Épreuve" => "1",
        "Justificatif" => "Procès-verbal de la session 2024",
        "Délivré le" => "30/06/2024",
        "Aménagement" => "tiers temps",
        "Qualité" => "Formateur",
        "Président (O/N)" | "Présidence de commission (O/N)" => "N",
        "Commission" => "Commission A",
        _ => "",
    }
}

/// What a column takes, in words; empty for a free text.
#[must_use]
pub fn expected(column: &str) -> String {
    let offered = offered(column).map(|(values, _)| values.join(", "));
    offered.unwrap_or_else(|| {
        match column {
            "Date de naissance" | "Date de titularisation ou du contrat" | "Délivré le" => {
                "une date, 14/03/1984 par exemple"
            }
            "Note conservée épreuve 1" | "Note conservée épreuve 2" | "Note" => {
                "une note de 10 à 20, par demi-point"
            }
            "UAI" => "sept chiffres et une lettre de contrôle",
            "Département" => "le code du département, 87 par exemple",
            "Session d’origine" | "Session" => "une année, 2024 par exemple",
            "Courriel" => "une adresse par personne",
            "Commission" => "le nom de la commission\u{a0}; une commission nouvelle est créée",
            _ => "",
        }
        .to_owned()
    })
}

/// The values a column offers, and whether it takes no other.
fn offered(column: &str) -> Option<(Vec<String>, bool)> {
    let list = |values: &[&str], is_closed| Some((values.iter().map(|value| (*value).to_owned()).collect(), is_closed));
    match column {
        "Civilité" => list(&["Mme", "M."], true),
        "Formation suivie (O/N)" | "Président (O/N)" | "Présidence de commission (O/N)" => list(&["O", "N"], true),
        "Épreuve" => list(&["1", "2"], true),
        // Other words are read too, and the rule speaks of them: a list that helps, not one that bars.
        "Statut" => list(&["Titulaire", "Contractuel en CDI", "Maître contractuel", "Maître délégué en CDI"], false),
        "Qualité" => {
            let pack = RegulationPack::embedded().ok()?;
            Some((pack.jury.roles.into_iter().map(|role| role.label).collect(), true))
        }
        _ => None,
    }
}

/// Writes the template of an import.
///
/// # Errors
/// Those of `out`.
pub fn write(kind: ImportKind, file: FileKind, out: impl Write) -> io::Result<()> {
    let columns = kind.columns();
    let choices: Vec<Choices> = columns
        .iter()
        .enumerate()
        .filter_map(|(place, column)| {
            offered(column.label).map(|(values, is_closed)| Choices { column: place, values, is_closed })
        })
        .collect();
    let mut sheet = SheetWriter::with_choices(file, out, kind.label(), &choices)?;
    sheet.row(columns.iter().map(|column| column.label))?;
    sheet.row(columns.iter().map(|column| example(column.label)))?;
    if sheet.next_sheet("Valeurs attendues")? {
        sheet.row(["Colonne", "À remplir", "Valeurs"])?;
        for column in &columns {
            let need = if column.required { "obligatoire" } else { "facultatif" };
            let values = expected(column.label);
            sheet.row([column.label, need, if values.is_empty() { "texte" } else { &values }])?;
        }
        sheet.row(["", "", ""])?;
        sheet.row([
            "La ligne d’exemple de la première feuille est à effacer\u{a0}: elle n’est jamais importée.",
            "",
            "",
        ])?;
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::table::read;

    #[test]
    fn every_template_reads_back_with_all_its_columns() {
        for kind in ImportKind::ALL {
            for file in FileKind::ALL {
                let mut out = Vec::new();
                write(*kind, *file, &mut out).expect("memory");
                let table = read(&out).expect("our own file");
                let titles: Vec<&str> = kind.columns().iter().map(|column| column.label).collect();
                assert_eq!(table.headers, titles, "{kind} {file}");
                assert_eq!(table.rows.len(), 1, "{kind} {file}");
            }
        }
    }
}
