//! Lines about people: records of staff, certificates and marks from before this program. Who somebody is is read in
//! one way for all three; what is told of them depends on the kind.

use std::collections::HashMap;

use jiff::civil::Date;

use super::ImportKind;
use crate::domain::holder::FIRST_SESSION;
use crate::domain::ids::{Civility, DateRefused, EmailAddress, FrenchDate, Mark, Phone, person_key};
use crate::domain::registration::EXAMPLE;
use crate::domain::table::{ColumnSpec, Columns, Line, Report, Table, check_set_aside};

/// Somebody as a line tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonDraft {
    pub line: u64,
    pub civility: Civility,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    pub birth_date: Date,
    pub email: Option<EmailAddress>,
    pub phone: Option<Phone>,
    pub corps: Option<String>,
    pub status: Option<String>,
    pub contract_date: Option<Date>,
    pub identity_key: String,
    pub told: Told,
}

/// What the line tells of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Record,
    /// A certificate from before.
    Certificate {
        year: i32,
        number: Option<String>,
        issued_on: Option<Date>,
        /// What the line says proves it; the import itself, when it says nothing.
        evidence: Option<String>,
    },
    /// A mark from before.
    Mark {
        year: i32,
        epreuve: i32,
        mark: Mark,
        evidence: Option<String>,
    },
}

impl Told {
    /// What makes two lines about one person say the same thing twice.
    fn key(&self) -> String {
        match self {
            Told::Record => String::new(),
            Told::Certificate { year, .. } => year.to_string(),
            Told::Mark { year, epreuve, .. } => format!("{year}/{epreuve}"),
        }
    }
}

const CIVILITY: usize = 0;
const BIRTH_NAME: usize = 1;
const USAGE_NAME: usize = 2;
const FIRST_NAMES: usize = 3;
const BIRTH_DATE: usize = 4;
const EMAIL: usize = 5;
const PHONE: usize = 6;
const CORPS: usize = 7;
const STATUS: usize = 8;
const CONTRACT_DATE: usize = 9;
const YEAR: usize = 10;
const EVIDENCE: usize = 11;
const NUMBER: usize = 12;
const ISSUED_ON: usize = 13;
const EPREUVE: usize = 12;
const MARK: usize = 13;

const fn column(label: &'static str, required: bool, aliases: &'static [&'static str]) -> ColumnSpec {
    ColumnSpec { label, aliases, required }
}

/// In the order of the constants above, which index it.
pub(super) fn columns(kind: ImportKind) -> Vec<ColumnSpec> {
    let is_record = kind == ImportKind::Staff;
    let mut columns = vec![
        column("Civilité", true, &["Civ", "Titre"]),
        column("Nom de naissance", true, &["Nom naissance", "Nom", "Nom de famille", "Nom patronymique"]),
        column("Nom d’usage", false, &["Nom usage", "Nom marital"]),
        column("Prénom", true, &["Prénoms", "Prénom usuel"]),
        column("Date de naissance", true, &["Né le", "Née le", "Naissance", "Date naissance"]),
        column("Courriel", false, &["E-mail", "Email", "Mail", "Mél", "Adresse électronique", "Adresse mail"]),
        column("Téléphone", false, &["Tél", "Portable", "Mobile", "Numéro de téléphone"]),
        column("Corps", is_record, &["Corps ou catégorie", "Catégorie", "Grade"]),
        column("Statut", is_record, &["Position statutaire", "Type de contrat"]),
        column(
            "Date de titularisation ou du contrat",
            false,
            &["Date contrat", "Date de titularisation", "Date du contrat", "Titularisation", "Date du CDI"],
        ),
    ];
    match kind {
        ImportKind::Holders => columns.extend([
            column("Session", true, &["Année", "Année de session", "Session d’obtention"]),
            column("Justificatif", false, &["Preuve", "Source"]),
            column("Numéro", false, &["N°", "Numéro du certificat", "Numéro de certificat"]),
            column("Délivré le", false, &["Date de délivrance", "Date", "Date du certificat"]),
        ]),
        ImportKind::KeptMarks => columns.extend([
            column("Session d’origine", true, &["Session origine", "Session", "Année d’origine", "Année"]),
            column("Justificatif", false, &["Preuve", "Source"]),
            column("Épreuve", true, &["Numéro d’épreuve", "N° d’épreuve"]),
            column("Note", true, &["Note obtenue", "Note conservée"]),
        ]),
        _ => {}
    }
    columns
}

/// Checks a list of people, of certificates or of marks, whatever is held: everything wrong of every line.
pub fn check_people(kind: ImportKind, table: &Table, set_aside: &[(u64, String)], today: Date) -> Report<PersonDraft> {
    let mut findings = Vec::new();
    let columns = Columns::locate(table, &columns(kind), &mut findings);
    let aside = check_set_aside(table, set_aside, &mut findings);
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut accepted = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let mut line = Line::open(row, &columns);
        let is_aside = aside.contains(&row.line);
        let draft = check_line(&mut line, kind, today);
        if let Some(draft) = draft.filter(|_| !is_aside) {
            let key = format!("{} {}", draft.identity_key, draft.told.key());
            match seen.get(&key) {
                Some(earlier) => line.error(BIRTH_NAME, "duplicate_person", format!("Même personne qu’à la ligne {earlier}\u{a0}: mêmes nom, prénom et date de naissance, aux accents et majuscules près. Gardez une seule des deux lignes.")),
                None => {
                    seen.insert(key, row.line);
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

fn date_code(refused: &DateRefused) -> &'static str {
    match refused {
        DateRefused::NoSuchDay { .. } | DateRefused::NoSuchMonth { .. } => "date_impossible",
        DateRefused::Shape(_) | DateRefused::ShortYear(_) => "date_invalid",
    }
}

fn check_line(line: &mut Line<'_>, kind: ImportKind, today: Date) -> Option<PersonDraft> {
    let civility = line.required(CIVILITY, Civility::parse, |_| "civility_unknown");
    let birth_name = line.required_text(BIRTH_NAME, 100);
    if birth_name.as_deref() == Some(EXAMPLE) {
        line.error(BIRTH_NAME, "example_line", "C’est la ligne d’exemple du modèle\u{a0}: effacez-la.");
    }
    let usage_name = line.text(USAGE_NAME, 100);
    let first_names = line.required_text(FIRST_NAMES, 100);
    let birth_date = line.required(BIRTH_DATE, FrenchDate::parse, date_code).map(FrenchDate::date);
    if let Some(born) = birth_date.filter(|born| *born >= today || today.year() - born.year() > 100) {
        let message =
            format!("Une naissance le {} n’est pas possible\u{a0}: corrigez l’année.", FrenchDate::from(born));
        line.error(BIRTH_DATE, "date_impossible", message);
    }
    let email = line.optional(EMAIL, EmailAddress::parse, |_| "email_invalid");
    let phone = line.optional(PHONE, Phone::parse, |_| "phone_invalid");
    let is_record = kind == ImportKind::Staff;
    let mut text = |column| if is_record { line.required_text(column, 100) } else { line.text(column, 100) };
    let (corps, status) = (text(CORPS), text(STATUS));
    let contract_date = line.optional(CONTRACT_DATE, FrenchDate::parse, date_code).map(FrenchDate::date);
    let told = check_told(line, kind, today);
    if is_record && (corps.is_none() || status.is_none()) {
        return None;
    }
    let (birth_name, first_names, birth_date) = (birth_name?, first_names?, birth_date?);
    Some(PersonDraft {
        line: line.number(),
        civility: civility?,
        identity_key: person_key(&birth_name, &first_names, birth_date),
        birth_name,
        usage_name,
        first_names,
        birth_date,
        email,
        phone,
        corps,
        status,
        contract_date,
        told: told?,
    })
}

fn check_told(line: &mut Line<'_>, kind: ImportKind, today: Date) -> Option<Told> {
    if kind == ImportKind::Staff {
        return Some(Told::Record);
    }
    let latest = i32::from(today.year());
    let year = line.required(
        YEAR,
        |typed| match typed.trim().parse::<i32>() {
            Ok(year) if (FIRST_SESSION..=latest).contains(&year) => Ok(year),
            _ => Err(format!(
                "«\u{a0}{}\u{a0}» n’est pas une session déjà tenue\u{a0}: écrivez une année de {FIRST_SESSION} à {latest}.",
                typed.chars().take(20).collect::<String>()
            )),
        },
        |_| "session_invalid",
    );
    let evidence = line.text(EVIDENCE, 300);
    if kind == ImportKind::Holders {
        let number = line.text(NUMBER, 60);
        let issued_on = line.optional(ISSUED_ON, FrenchDate::parse, date_code).map(FrenchDate::date);
        return Some(Told::Certificate { year: year?, number, issued_on, evidence });
    }
    let epreuve = line.required(
        EPREUVE,
        |typed| match typed.trim() {
            "1" => Ok(1),
            "2" => Ok(2),
            _ => Err("L’épreuve est 1 (séance de formation) ou 2 (étude de cas).".to_owned()),
        },
        |_| "epreuve_invalid",
    );
    let mark = line.required(MARK, Mark::parse, |_| "mark_invalid");
    Some(Told::Mark { year: year?, epreuve: epreuve?, mark: mark?, evidence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::table::read_csv;

    fn codes(kind: ImportKind, text: &str) -> Vec<(u64, &'static str)> {
        let today = jiff::civil::date(2026, 11, 25);
        let report = check_people(kind, &read_csv(text.as_bytes()).expect("a table"), &[], today);
        report.findings.iter().map(|finding| (finding.line, finding.code)).collect()
    }

    #[test]
    fn every_fault_of_every_line_is_told() {
        let staff = "Civilité;Nom de naissance;Prénom;Date de naissance;Courriel;Corps;Statut\n";
        assert_eq!(
            codes(
                ImportKind::Staff,
                &format!(
                    "{staff}M.;Petit;Jean;14/03/1984;;PLP;titulaire\nX;;Jean;31/02/1984;rien;;\nM.;PETIT;jean;1984-03-14;;PLP;titulaire\n"
                )
            ),
            [
                (3, "civility_unknown"),
                (3, "missing_value"),
                (3, "date_impossible"),
                (3, "email_invalid"),
                (3, "missing_value"),
                (3, "missing_value"),
                (4, "duplicate_person"),
            ]
        );
        let marks = "Civilité;Nom;Prénom;Né le;Session;Épreuve;Note\n";
        assert_eq!(
            codes(
                ImportKind::KeptMarks,
                &format!(
                    "{marks}M.;Petit;Jean;14/03/1984;2024;1;12,5\nM.;Petit;Jean;14/03/1984;2024;2;11\nM.;Petit;Jean;14/03/1984;2024;2;13\nM.;A;B;14/03/1984;2017;3;douze\n"
                )
            ),
            [(4, "duplicate_person"), (5, "session_invalid"), (5, "epreuve_invalid"), (5, "mark_invalid")]
        );
    }
}
