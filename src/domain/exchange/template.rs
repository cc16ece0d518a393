//! The files an office downloads to fill: our titles, one line of example that no import takes, and the values each
//! column understands.

use std::io::{self, Write};

use super::ImportKind;
use crate::domain::registration::EXAMPLE;
use crate::domain::table::{FileKind, SheetWriter};

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
        "Qualité" => "IA-IPR",
        "Président (O/N)" | "Présidence de commission (O/N)" => "N",
        "Commission" => "Commission A",
        _ => "",
    }
}

fn values(column: &str) -> &'static str {
    match column {
        "Civilité" => "Mme, M.",
        "Date de naissance" | "Date de titularisation ou du contrat" | "Délivré le" => "JJ/MM/AAAA",
        "Formation suivie (O/N)" | "Président (O/N)" | "Présidence de commission (O/N)" => "O, N",
        "Note conservée épreuve 1" | "Note conservée épreuve 2" | "Note" => "de 10 à 20, par demi-point",
        "Épreuve" => "1 (séance de formation), 2 (étude de cas)",
        "UAI" => "sept chiffres et une lettre de contrôle",
        "Département" => "code du département, 87 par exemple",
        "Session d’origine" | "Session" => "une année, 2024 par exemple",
        "Statut" => "Titulaire, Contractuel en CDI, Maître contractuel, Maître délégué en CDI",
        "Courriel" => "une adresse par personne",
        _ => "texte",
    }
}

/// Writes the template of an import.
///
/// # Errors
/// Those of `out`.
pub fn write(kind: ImportKind, file: FileKind, out: impl Write) -> io::Result<()> {
    let columns = kind.columns();
    let mut sheet = SheetWriter::new(file, out, kind.label())?;
    sheet.row(columns.iter().map(|column| column.label))?;
    sheet.row(columns.iter().map(|column| example(column.label)))?;
    if sheet.next_sheet("Valeurs attendues")? {
        sheet.row(["Colonne", "À remplir", "Valeurs"])?;
        for column in &columns {
            let need = if column.required { "obligatoire" } else { "facultatif" };
            sheet.row([column.label, need, values(column.label)])?;
        }
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
