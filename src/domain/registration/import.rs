//! Checks a spreadsheet of candidates before anything is written: every error of every line, with its
//! sentence. Facts arrive in the context (who is registered, which marks are held here); eligibility is
//! asked of the pack through `assess` and only ever proposed. Nothing is decided here but the reading.

use std::collections::HashMap;

use jiff::civil::Date;

use self::checks::{
    check_accommodation, check_birth_date, check_contract_date, check_department, check_kept_marks, date_code, uai_code,
};
use crate::domain::ids::{Civility, EmailAddress, FrenchDate, Mark, Phone, Uai, person_key};
use crate::domain::table::{ColumnSpec, Columns, Line, Report, Table, check_set_aside};

mod checks;

pub type ImportReport = Report<CandidateDraft>;

/// What the pack says of a corps and a status; a person confirms it, never the import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposedOutcome {
    Eligible,
    RefusalProposed(String),
    ToExamine(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkScale {
    pub min: Mark,
    pub max: Mark,
    pub step: Mark,
}

pub struct ImportContext<'a> {
    pub academy_name: String,
    pub academy_departments: Vec<String>,
    pub session_year: i16,
    /// The text that binds a candidate to their own rectorat, as the pack cites it.
    pub registration_reference: String,
    pub mark_scale: MarkScale,
    /// The least mark that may be kept for a later session.
    pub kept_threshold: Mark,
    /// Sessions whose marks this academy holds here.
    pub known_sessions: Vec<i16>,
    /// People of this session: `person_key` to the number or name a reader knows them by.
    pub registered: HashMap<String, String>,
    /// Addresses of this session: `EmailAddress::key` to the same.
    pub registered_emails: HashMap<String, String>,
    /// True where somebody already registered is compared with their file rather than refused.
    pub may_update: bool,
    pub set_aside: Vec<(u64, String)>,
    pub today: Date,
    pub assess: &'a dyn Fn(&str, &str) -> ProposedOutcome,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CandidateDraft {
    pub line: u64,
    pub civility: Civility,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    pub birth_date: Date,
    pub email: EmailAddress,
    pub phone: Option<Phone>,
    pub corps: String,
    pub status: String,
    pub uai: Uai,
    pub school_name: Option<String>,
    pub department: String,
    pub contract_date: Option<Date>,
    pub trained: bool,
    pub kept: Vec<KeptMarkDraft>,
    pub accommodation: Option<String>,
    pub identity_key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptMarkDraft {
    pub epreuve: u8,
    pub mark: Mark,
    pub origin: i16,
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
const UAI: usize = 9;
const SCHOOL: usize = 10;
const DEPARTMENT: usize = 11;
const CONTRACT_DATE: usize = 12;
const TRAINED: usize = 13;
const KEPT_1: usize = 14;
const KEPT_2: usize = 15;
const ORIGIN: usize = 16;
const ACCOMMODATION: usize = 17;

const fn required(label: &'static str, aliases: &'static [&'static str]) -> ColumnSpec {
    ColumnSpec { label, aliases, required: true }
}

const fn optional(label: &'static str, aliases: &'static [&'static str]) -> ColumnSpec {
    ColumnSpec { label, aliases, required: false }
}

/// In the order of the constants above, which index it.
pub const COLUMNS: [ColumnSpec; 18] = [
    required("Civilité", &["Civ", "Titre"]),
    required("Nom de naissance", &["Nom naissance", "Nom", "Nom de famille", "Nom patronymique"]),
    optional("Nom d’usage", &["Nom usage", "Nom marital"]),
    required("Prénom", &["Prénoms", "Prénom usuel"]),
    required("Date de naissance", &["Né le", "Née le", "Naissance", "Date naissance"]),
    required("Courriel", &["E-mail", "Email", "Mail", "Mél", "Adresse électronique", "Adresse mail"]),
    optional("Téléphone", &["Tél", "Portable", "Mobile", "Numéro de téléphone"]),
    required("Corps", &["Corps ou catégorie", "Catégorie", "Grade"]),
    required("Statut", &["Position statutaire", "Type de contrat"]),
    required("UAI", &["RNE", "Code UAI", "UAI établissement", "Code établissement"]),
    optional("Établissement", &["Établissement d’affectation", "Affectation", "Nom de l’établissement"]),
    optional("Département", &["Dépt", "Dpt", "Code département"]),
    optional(
        "Date de titularisation ou du contrat",
        &["Date contrat", "Date de titularisation", "Date du contrat", "Titularisation", "Date du CDI"],
    ),
    optional("Formation suivie (O/N)", &["Formé", "Formation"]),
    optional("Note conservée épreuve 1", &["Note épreuve 1", "Note conservée 1", "Note conservee 1"]),
    optional("Note conservée épreuve 2", &["Note épreuve 2", "Note conservée 2"]),
    optional(
        "Session d’origine",
        &["Session de la note", "Session origine", "Session d’origine de la note", "Année d’origine"],
    ),
    optional("Aménagement", &["Aménagements", "Aménagement d’épreuve", "Aménagements d’épreuves"]),
];

/// The name on the example line of a template, which no import takes.
pub const EXAMPLE: &str = "EXEMPLE (ligne à effacer)";

pub fn check_candidates(table: &Table, context: &ImportContext<'_>) -> ImportReport {
    let mut findings = Vec::new();
    let columns = Columns::locate(table, &COLUMNS, &mut findings);
    let aside = check_set_aside(table, &context.set_aside, &mut findings);
    let mut seen = Seen::default();
    let mut accepted = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let mut line = Line::open(row, &columns);
        let is_aside = aside.contains(&row.line);
        let draft = check_line(&mut line, context, &mut seen, is_aside);
        if let Some(draft) = draft.filter(|_| !is_aside && !line.has_errors()) {
            accepted.push(draft);
        }
        findings.append(&mut line.findings);
    }
    let set_aside = context.set_aside.iter().filter(|(line, _)| aside.contains(line)).cloned().collect();
    Report { accepted, findings, set_aside, encoding: table.encoding, total_rows: table.rows.len() }
}

/// People and addresses met higher in the file, by the line where they stand.
#[derive(Default)]
struct Seen {
    people: HashMap<String, u64>,
    emails: HashMap<String, (u64, Option<String>)>,
}

/// Reads everything the line holds before giving up on any of it, so that all its errors are told.
fn check_line(
    line: &mut Line<'_>,
    context: &ImportContext<'_>,
    seen: &mut Seen,
    is_aside: bool,
) -> Option<CandidateDraft> {
    let civility = line.required(CIVILITY, Civility::parse, |_| "civility_unknown");
    let birth_name = line.required_text(BIRTH_NAME, 100);
    if birth_name.as_deref() == Some(EXAMPLE) {
        line.error(BIRTH_NAME, "example_line", "C’est la ligne d’exemple du modèle\u{a0}: effacez-la.");
    }
    let usage_name = line.text(USAGE_NAME, 100);
    let first_names = line.required_text(FIRST_NAMES, 100);
    let birth_date = line.required(BIRTH_DATE, FrenchDate::parse, date_code).map(FrenchDate::date);
    if let Some(born) = birth_date {
        check_birth_date(line, born, context.today);
    }
    let email = line.required(EMAIL, EmailAddress::parse, |_| "email_invalid");
    let phone = line.optional(PHONE, Phone::parse, |_| "phone_invalid");
    let corps = line.required_text(CORPS, 100);
    let status = line.required_text(STATUS, 100);
    let uai = line.required(UAI, Uai::parse, uai_code);
    let school_name = line.text(SCHOOL, 150);
    let department = check_department(line, uai.as_ref(), context);
    let contract_date = line.optional(CONTRACT_DATE, FrenchDate::parse, date_code).map(FrenchDate::date);
    check_contract_date(line, contract_date, birth_date, context.today);
    let trained = line.yes_or_no(TRAINED);
    let kept = check_kept_marks(line, context);
    let accommodation = check_accommodation(line);

    let key = |name: Option<&str>| {
        name.zip(first_names.as_deref()).zip(birth_date).map(|((name, first), born)| person_key(name, first, born))
    };
    let identity_key = key(birth_name.as_deref());
    // Whoever signs once with the usage name and once with the birth name is one person.
    let usage_key = key(usage_name.as_deref()).filter(|usage| Some(usage) != identity_key.as_ref());
    check_identity(line, context, seen, is_aside, (identity_key.as_deref(), usage_key.as_deref()), email.as_ref());
    // A line set aside is not examined: nobody is going to read a proposal about it.
    if let (Some(corps), Some(status), false) = (&corps, &status, is_aside) {
        match (context.assess)(corps, status) {
            ProposedOutcome::Eligible => {}
            ProposedOutcome::RefusalProposed(sentence) => line.warn(STATUS, "eligibility_refusal_proposed", sentence),
            ProposedOutcome::ToExamine(sentence) => line.warn(CORPS, "eligibility_to_examine", sentence),
        }
    }
    Some(CandidateDraft {
        line: line.number(),
        civility: civility?,
        birth_name: birth_name?,
        usage_name,
        first_names: first_names?,
        birth_date: birth_date?,
        email: email?,
        phone,
        corps: corps?,
        status: status?,
        uai: uai?,
        school_name,
        department: department?,
        contract_date,
        trained,
        kept,
        accommodation,
        identity_key: identity_key?,
    })
}

/// One person once, one address for one person: in the file, then against the session.
fn check_identity(
    line: &mut Line<'_>,
    context: &ImportContext<'_>,
    seen: &mut Seen,
    is_aside: bool,
    (identity, usage): (Option<&str>, Option<&str>),
    email: Option<&EmailAddress>,
) {
    let (mut same_person, mut is_told) = (None, false);
    for identity in identity.into_iter().chain(usage) {
        if same_person.is_some() {
            break;
        }
        if let Some(known) = context.registered.get(identity).filter(|_| !is_told && !context.may_update) {
            is_told = true;
            line.error(BIRTH_NAME, "already_registered", format!("Cette personne est déjà inscrite à la session {} ({known})\u{a0}: modifiez son dossier plutôt que de l’inscrire deux fois.", context.session_year));
        }
        match seen.people.get(identity) {
            Some(earlier) => {
                same_person = Some(*earlier);
                line.error(BIRTH_NAME, "duplicate_person", format!("Même personne qu’à la ligne {earlier}\u{a0}: mêmes nom, prénom et date de naissance, aux accents et majuscules près. Gardez une seule des deux lignes."));
            }
            None if !is_aside => {
                seen.people.insert(identity.to_owned(), line.number());
            }
            None => {}
        }
    }
    let Some(email) = email else { return };
    let key = email.key();
    let registered = identity.is_some_and(|identity| context.registered.contains_key(identity));
    if let Some(known) = context.registered_emails.get(&key).filter(|_| !registered) {
        line.error(
            EMAIL,
            "duplicate_email",
            format!(
                "L’adresse {email} est déjà celle d’une autre personne inscrite ({known})\u{a0}: chacun a la sienne."
            ),
        );
    }
    match seen.emails.get(&key) {
        // The same person twice has been told once already.
        Some((_, holder)) if same_person.is_some() && holder.as_deref() == identity => {}
        Some((earlier, _)) => {
            line.error(EMAIL, "duplicate_email", format!("L’adresse {email} est déjà celle de la ligne {earlier}\u{a0}: chacun a la sienne, car les convocations partent par courriel."));
        }
        None if !is_aside => {
            seen.emails.insert(key, (line.number(), identity.map(str::to_owned)));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests;
