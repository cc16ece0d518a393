//! Checks a spreadsheet of candidates before anything is written: every error of every line, with its
//! sentence. Facts arrive in the context (who is registered, which marks are held here); eligibility is
//! asked of the pack through `assess` and only ever proposed. Nothing is decided here but the reading.

use std::collections::HashMap;

use jiff::civil::Date;

use super::accommodation::Accommodation;
use crate::domain::ids::{
    Civility, DateRefused, EmailAddress, FrenchDate, Mark, MarkRefused, Phone, Uai, UaiRefused, parse_department,
    person_key,
};
use crate::domain::table::{ColumnSpec, Columns, Line, Report, Table, check_set_aside};

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
const COLUMNS: [ColumnSpec; 18] = [
    required("Civilité", &["Civ", "Titre"]),
    required("Nom de naissance", &["Nom", "Nom de famille", "Nom patronymique"]),
    optional("Nom d’usage", &["Nom marital"]),
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
        &["Date de titularisation", "Date du contrat", "Titularisation", "Date du CDI"],
    ),
    optional("Formation suivie (O/N)", &["Formé", "Formation"]),
    optional("Note conservée épreuve 1", &["Note épreuve 1", "Note conservée 1"]),
    optional("Note conservée épreuve 2", &["Note épreuve 2", "Note conservée 2"]),
    optional("Session d’origine", &["Session de la note", "Session d’origine de la note", "Année d’origine"]),
    optional("Aménagement", &["Aménagements", "Aménagement d’épreuve", "Aménagements d’épreuves"]),
];

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

    let identity_key = birth_name
        .as_deref()
        .zip(first_names.as_deref())
        .zip(birth_date)
        .map(|((name, first), born)| person_key(name, first, born));
    check_identity(line, context, seen, is_aside, identity_key.as_deref(), email.as_ref());
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

fn date_code(refused: &DateRefused) -> &'static str {
    match refused {
        DateRefused::NoSuchDay { .. } | DateRefused::NoSuchMonth { .. } => "date_impossible",
        DateRefused::Shape(_) | DateRefused::ShortYear(_) => "date_invalid",
    }
}

fn uai_code(refused: &UaiRefused) -> &'static str {
    match refused {
        UaiRefused::CheckLetter { .. } => "uai_check_letter",
        UaiRefused::Shape(_) => "uai_invalid",
    }
}

/// No text sets an age: only what cannot be, or is surely a slip, is told.
fn check_birth_date(line: &mut Line<'_>, born: Date, today: Date) {
    let years = today.year() - born.year();
    if born >= today || years > 100 {
        let message = format!("Une naissance le {} n’est pas possible\u{a0}: corrigez l’année.", FrenchDate::from(born));
        line.error(BIRTH_DATE, "date_impossible", message);
    } else if years < 18 {
        let message = format!("Né(e) le {}\u{a0}: vérifiez l’année de naissance.", FrenchDate::from(born));
        line.warn(BIRTH_DATE, "birth_date_unlikely", message);
    }
}

fn check_contract_date(line: &mut Line<'_>, contract: Option<Date>, born: Option<Date>, today: Date) {
    let Some(contract) = contract else { return };
    let shown = FrenchDate::from(contract);
    if born.is_some_and(|born| contract <= born) {
        line.error(CONTRACT_DATE, "contract_date_impossible", format!("La date du {shown} précède la naissance\u{a0}: corrigez l’une des deux."));
    } else if contract > today {
        line.warn(CONTRACT_DATE, "contract_date_in_future", format!("La date du {shown} est à venir\u{a0}: vérifiez-la."));
    }
}

/// The school's code decides the department; what was typed beside it can only disagree.
fn check_department(line: &mut Line<'_>, uai: Option<&Uai>, context: &ImportContext<'_>) -> Option<String> {
    let typed = line.cell(DEPARTMENT);
    let typed_code = parse_department(typed);
    let from_school = uai.and_then(Uai::department);
    if !typed.is_empty() && typed_code.is_none() {
        line.warn(
            DEPARTMENT,
            "department_unknown",
            format!("Le département «\u{a0}{typed}\u{a0}» n’est pas connu\u{a0}: écrivez son code, 87 par exemple. Celui de l’établissement est retenu."),
        );
    }
    let (place, column, subject) = match (&from_school, &typed_code, uai) {
        (Some(school), typed, Some(uai)) => {
            if let Some(typed) = typed.as_ref().filter(|typed| *typed != school) {
                let message = format!("Le département {typed} n’est pas celui de l’établissement {uai}, qui est dans le {school}\u{a0}: le {school} est retenu.");
                line.warn(DEPARTMENT, "department_mismatch", message);
            }
            (school.clone(), UAI, format!("L’établissement {uai}, dans le département {school},"))
        }
        (_, Some(typed), _) => (typed.clone(), DEPARTMENT, format!("Le département {typed}")),
        (_, None, Some(uai)) => {
            line.error(UAI, "department_unknown", format!("Le code UAI {uai} ne dit pas le département\u{a0}: remplissez la colonne «\u{a0}Département\u{a0}»."));
            return None;
        }
        _ => return None,
    };
    if !context.academy_departments.contains(&place) {
        let message = format!(
            "{subject} n’est pas dans l’académie {}\u{a0}: on s’inscrit auprès du rectorat dont on relève ({}).",
            of_place(&context.academy_name),
            context.registration_reference
        );
        line.error(column, "school_outside_academy", message);
    }
    Some(place)
}

/// « de Limoges », « d’Amiens ».
fn of_place(name: &str) -> String {
    let vowel = crate::domain::ids::fold(name).starts_with(['a', 'e', 'i', 'o', 'u', 'y']);
    if vowel { format!("d’{name}") } else { format!("de {name}") }
}

fn check_kept_marks(line: &mut Line<'_>, context: &ImportContext<'_>) -> Vec<KeptMarkDraft> {
    let marks = [(1, KEPT_1), (2, KEPT_2)].map(|(epreuve, column)| (epreuve, check_kept_mark(line, context, column)));
    let typed = !line.cell(KEPT_1).is_empty() || !line.cell(KEPT_2).is_empty();
    let readable = marks.iter().any(|(_, mark)| mark.is_some());
    let origin = check_origin(line, context, typed, readable);
    let kept: Vec<KeptMarkDraft> = marks
        .into_iter()
        .filter_map(|(epreuve, mark)| Some(KeptMarkDraft { epreuve, mark: mark?, origin: origin? }))
        .collect();
    if kept.len() == 2 {
        line.warn(
            KEPT_2,
            "no_epreuve_to_sit",
            "Les deux notes sont conservées\u{a0}: aucune épreuve à passer. Vérifiez que cette inscription est voulue.",
        );
    }
    kept
}

fn check_kept_mark(line: &mut Line<'_>, context: &ImportContext<'_>, column: usize) -> Option<Mark> {
    let mark = line.optional(column, Mark::parse, |_| "kept_mark_invalid")?;
    let MarkScale { min, max, step } = context.mark_scale;
    if mark < context.kept_threshold || mark > max {
        let message = format!(
            "La note {mark} ne peut pas être conservée\u{a0}: une note conservée est comprise entre {} et {max}.",
            context.kept_threshold
        );
        line.error(column, "kept_mark_out_of_range", message);
        return None;
    }
    match mark.check(min, max, step) {
        Ok(()) => Some(mark),
        Err(refused @ (MarkRefused::OffStep { .. } | MarkRefused::OutOfRange { .. } | MarkRefused::NotANumber(_))) => {
            line.error(column, "kept_mark_invalid", refused.to_string());
            None
        }
    }
}

fn check_origin(line: &mut Line<'_>, context: &ImportContext<'_>, typed: bool, readable: bool) -> Option<i16> {
    let cell = line.cell(ORIGIN);
    if cell.is_empty() {
        if typed {
            line.error(ORIGIN, "kept_mark_origin_missing", "Une note conservée demande sa session d’origine\u{a0}: écrivez l’année, 2026 par exemple.");
        }
        return None;
    }
    if !typed {
        line.warn(ORIGIN, "kept_mark_origin_unused", "Une session d’origine est donnée sans note conservée\u{a0}: elle est ignorée.");
        return None;
    }
    let year = Some(cell).filter(|c| c.len() == 4 && c.bytes().all(|b| b.is_ascii_digit())).and_then(|c| c.parse::<i16>().ok());
    let Some(year) = year else {
        line.error(ORIGIN, "kept_mark_origin_invalid", format!("La session d’origine «\u{a0}{}\u{a0}» doit être une seule année, 2026 par exemple.", cell.chars().take(30).collect::<String>()));
        return None;
    };
    if year >= context.session_year {
        line.error(ORIGIN, "kept_mark_origin_invalid", format!("Une note conservée vient d’une session passée\u{a0}: {year} n’est pas antérieure à {}.", context.session_year));
        return None;
    }
    if readable && !context.known_sessions.contains(&year) {
        line.warn(ORIGIN, "kept_mark_origin_unknown", format!("Les notes de la session {year} ne sont pas tenues ici\u{a0}: vérifiez la note conservée sur le relevé de notes."));
    }
    Some(year)
}

fn check_accommodation(line: &mut Line<'_>) -> Option<String> {
    match Accommodation::read(line.cell(ACCOMMODATION)) {
        Accommodation::None => None,
        Accommodation::Measure(measure) => Some(measure),
        Accommodation::ToRead(text) => {
            line.warn(ACCOMMODATION, "accommodation_to_read", "Cet aménagement n’est pas dans la liste connue\u{a0}: vérifiez que son texte ne dit que la mesure accordée.");
            Some(text)
        }
        Accommodation::Reduced(Some(measure)) => {
            let message = format!("Seule la mesure est conservée («\u{a0}{measure}\u{a0}»), jamais son motif\u{a0}; le reste du texte n’est pas enregistré.");
            line.warn(ACCOMMODATION, "accommodation_reduced", message);
            Some(measure)
        }
        Accommodation::Reduced(None) => {
            line.warn(ACCOMMODATION, "accommodation_reduced", "Ce texte ne dit aucune mesure connue et n’est pas enregistré\u{a0}: inscrivez la mesure accordée, sans son motif, dans le dossier.");
            None
        }
    }
}

/// One person once, one address for one person: in the file, then against the session.
fn check_identity(
    line: &mut Line<'_>,
    context: &ImportContext<'_>,
    seen: &mut Seen,
    is_aside: bool,
    identity: Option<&str>,
    email: Option<&EmailAddress>,
) {
    let mut same_person = None;
    if let Some(identity) = identity {
        if let Some(known) = context.registered.get(identity) {
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
        line.error(EMAIL, "duplicate_email", format!("L’adresse {email} est déjà celle d’une autre personne inscrite ({known})\u{a0}: chacun a la sienne."));
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
