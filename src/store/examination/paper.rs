//! Files that the office enters or completes for a candidate, from paper, through the very checks of an import line.
//! The day of receipt is a fact of its own: entered late, a file received in time is in time.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::super::registration::{self, OPEN_STATES, RegistrationRow};
use super::super::schema::{decisions, paper_files as t, people, registrations};
use super::super::staff::career::{self, Told};
use super::super::{Conn, Day, Stamp, StoreError, Stored, Tx, eligibility, reference, session};
use super::file_for;
use super::requests::local_day;
use crate::domain::academy::Academy;
use crate::domain::eligibility::{Facts, assess};
use crate::domain::examination::check_received;
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::registration::CandidateDraft;
use crate::domain::session::{LIST_LAW, require};
use crate::domain::table::{Encoding, Finding, Row, Table};
use crate::store::people::{PersonRow, fold_email};

/// The fields of the form, in the words of the import's columns.
pub const COLUMNS: [(&str, &str); 18] = [
    ("civilite", "Civilité"),
    ("nom", "Nom de naissance"),
    ("nom_usage", "Nom d’usage"),
    ("prenom", "Prénom"),
    ("naissance", "Date de naissance"),
    ("courriel", "Courriel"),
    ("telephone", "Téléphone"),
    ("corps", "Corps"),
    ("statut", "Statut"),
    ("uai", "UAI"),
    ("etablissement", "Établissement"),
    ("departement", "Département"),
    ("contrat", "Date de titularisation ou du contrat"),
    ("formation", "Formation suivie (O/N)"),
    ("note1", "Note conservée épreuve 1"),
    ("note2", "Note conservée épreuve 2"),
    ("origine", "Session d’origine"),
    ("amenagement", "Aménagement"),
];

/// One line of an import, from the fields of a form.
#[must_use]
pub fn line_of(value: impl Fn(&str) -> String) -> Table {
    Table {
        headers: COLUMNS.iter().map(|(_, label)| (*label).to_owned()).collect(),
        rows: vec![Row { line: 2, cells: COLUMNS.iter().map(|(name, _)| value(name)).collect() }],
        encoding: Encoding::Utf8,
        delimiter: None,
        sheet: None,
        sheets: Vec::new(),
    }
}

/// The field a finding is about.
#[must_use]
pub fn field_of(finding: &Finding) -> &'static str {
    let named = finding.column.as_deref().and_then(|column| COLUMNS.iter().find(|(_, label)| *label == column));
    named.map_or("nom", |(name, _)| name)
}

/// What came of a form: a file, or the findings beside their fields.
pub type Checked<T> = Result<T, Vec<Finding>>;

fn draft_of(
    tx: &mut Tx<'_>,
    session: &session::SessionRow,
    table: &Table,
    but: Option<&str>,
) -> Stored<Checked<CandidateDraft>> {
    let (code, year) = (session.academy_code.clone(), session.year16());
    let report = registration::preview_but(tx.conn, &code, year, Some(session), table, &[], tx.at, but)?;
    if report.is_blocked() {
        return Ok(Err(report.blocking().cloned().collect()));
    }
    Ok(report.accepted.into_iter().next().ok_or_else(Vec::new))
}

/// Enters a file received on paper; returns its id.
///
/// # Errors
/// A refusal once the list is fixed, or for a file received after the closing of registration.
pub fn enter_paper_file(
    tx: &mut Tx<'_>,
    session_id: &str,
    table: &Table,
    received_on: jiff::civil::Date,
) -> Stored<Checked<String>> {
    let session = session::session_for(tx, session_id, Action::ImportPeople)?;
    require(session.state, OPEN_STATES, "La saisie d’un dossier").map_err(|no| no.under(LIST_LAW))?;
    let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    check_received(
        received_on,
        academy.date(session.registration_opens_at.0),
        academy.date(session.registration_closes_at.0),
        local_day(&session, tx.at),
    )?;
    let draft = match draft_of(tx, &session, table, None)? {
        Ok(draft) => draft,
        Err(findings) => return Ok(Err(findings)),
    };
    let pack = reference::get_regulation(tx.conn, &session.regulation_id)?;
    registration::register(tx, &session, &pack, std::slice::from_ref(&draft), "office")?;
    let (id, number): (String, String) = registrations::table
        .filter(registrations::session_id.eq(session_id))
        .order(registrations::rank.desc())
        .select((registrations::id, registrations::number))
        .first(tx.conn)?;
    diesel::insert_into(t::table)
        .values((
            t::registration_id.eq(&id),
            t::received_on.eq(Day(received_on)),
            t::entered_by_name.eq(&tx.actor.name),
            t::entered_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "number": number, "received_on": received_on.to_string() });
    tx.audit("enter_paper_file", ("registration", &id), None, None, &detail)?;
    Ok(Ok(id))
}

/// The day a paper file was received, and who entered it.
///
/// # Errors
/// The database's own.
pub fn find_paper(conn: &mut Conn, registration_id: &str) -> Stored<Option<(Day, String, Stamp)>> {
    Ok(t::table
        .find(registration_id)
        .select((t::received_on, t::entered_by_name, t::entered_at))
        .first(conn)
        .optional()?)
}

/// The fields of a file as its form shows them: identity apart, which is not changed here.
#[must_use]
pub fn fields_of(file: &RegistrationRow, person: &PersonRow) -> Vec<(&'static str, String)> {
    let day = |day: jiff::civil::Date| format!("{:02}/{:02}/{:04}", day.day(), day.month(), day.year());
    vec![
        ("civilite", person.civility.clone()),
        ("nom", person.birth_name.clone()),
        ("nom_usage", person.usage_name.clone().unwrap_or_default()),
        ("prenom", person.first_names.clone()),
        ("naissance", day(person.birth_date.0)),
        ("courriel", person.email.clone()),
        ("telephone", person.phone.clone().unwrap_or_default()),
        ("corps", file.corps.clone()),
        ("statut", file.status.clone()),
        ("uai", file.uai.clone().unwrap_or_default()),
        ("etablissement", file.school_name.clone()),
        ("departement", file.department.clone()),
        ("contrat", file.contract_date.map(|date| day(date.0)).unwrap_or_default()),
        ("formation", if file.trained { "O" } else { "N" }.to_owned()),
        ("amenagement", file.accommodation.clone().unwrap_or_default()),
    ]
}

/// Fields that stay as they are when a file is completed: the person is the one who asked.
pub const IDENTITY: [&str; 5] = ["civilite", "nom", "nom_usage", "prenom", "naissance"];

/// Completes a file on the candidate's behalf, before the list is fixed. When the facts of eligibility change, the rule
/// proposes again and an earlier decision no longer stands.
///
/// # Errors
/// A refusal once the list is fixed; a conflict when the file changed meanwhile.
pub fn complete_file(
    tx: &mut Tx<'_>,
    registration_id: &str,
    version: i32,
    value: impl Fn(&str) -> String,
) -> Stored<Checked<()>> {
    let (row, session) = file_for(tx, registration_id)?;
    require(session.state, OPEN_STATES, "La correction d’un dossier").map_err(|no| no.under(LIST_LAW))?;
    if row.state == "withdrawn" {
        return Err(
            Refusal::new("withdrawn", "Cette candidature est retirée\u{a0}: il n’y a plus rien à corriger.").into()
        );
    }
    let person: PersonRow = people::table.find(&row.person_id).select(PersonRow::as_select()).first(tx.conn)?;
    let known = fields_of(&row, &person);
    let kept = |name: &str| known.iter().find(|(field, _)| *field == name).map(|(_, text)| text.clone());
    let table = line_of(|name| {
        if IDENTITY.contains(&name) {
            kept(name).unwrap_or_default()
        } else if name.starts_with("note") || name == "origine" {
            // Kept marks are the candidate's to ask for, not the office's to type over.
            String::new()
        } else {
            value(name)
        }
    });
    let draft = match draft_of(tx, &session, &table, Some(registration_id))? {
        Ok(draft) => draft,
        Err(findings) => return Ok(Err(findings)),
    };
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let facts = Facts {
        corps: draft.corps.clone(),
        status: draft.status.clone(),
        contract_date: draft.contract_date,
        academy: Some(session.academy_code.clone()),
        department: Some(draft.department.clone()),
    };
    let assessment = assess(&pack, &facts);
    let before = json!({ "file": row, "person": person });
    let changed = diesel::update(registrations::table.find(registration_id).filter(registrations::version.eq(version)))
        .set((
            registrations::eligibility.eq(assessment.outcome.as_str()),
            registrations::category.eq(&assessment.category),
            registrations::corps.eq(&draft.corps),
            registrations::status.eq(&draft.status),
            registrations::contract_date.eq(draft.contract_date.map(Day)),
            registrations::uai.eq(draft.uai.as_str()),
            registrations::school_name.eq(draft.school_name.clone().unwrap_or_default()),
            registrations::department.eq(&draft.department),
            registrations::trained.eq(draft.trained),
            registrations::accommodation.eq(&draft.accommodation),
            registrations::version.eq(registrations::version + 1),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(StoreError::Conflict(format!(
            "Le dossier {} a été modifié entre-temps par une autre personne\u{a0}: relisez-le avant de le corriger.",
            row.number
        )));
    }
    diesel::update(people::table.find(&row.person_id))
        .set((
            people::email.eq(draft.email.as_str()),
            people::email_key.eq(fold_email(draft.email.as_str())),
            people::phone.eq(draft.phone.as_ref().map(|phone| phone.as_str().to_owned())),
            people::version.eq(people::version + 1),
        ))
        .execute(tx.conn)?;
    let decision = eligibility::find_decision(tx.conn, registration_id)?.ok_or(StoreError::NotFound)?;
    let known_facts: Value = serde_json::from_str(&decision.facts)?;
    if known_facts != json!(facts) {
        diesel::update(decisions::table.find(&decision.id))
            .set(decisions::superseded_at.eq(tx.stamp()))
            .execute(tx.conn)?;
        let proposed = eligibility::proposed(tx, &session, registration_id, &assessment)?;
        diesel::insert_into(decisions::table).values(&proposed).execute(tx.conn)?;
        // Whatever was decided rested on facts that are no longer these.
        diesel::update(registrations::table.find(registration_id))
            .set(registrations::state.eq("submitted"))
            .execute(tx.conn)?;
        let told = Told {
            person_id: row.person_id.clone(),
            corps: draft.corps.clone(),
            status: draft.status.clone(),
            contract_date: draft.contract_date,
        };
        career::follow(tx, &session.academy_code, &[told])?;
    }
    let after: RegistrationRow =
        registrations::table.find(registration_id).select(RegistrationRow::as_select()).first(tx.conn)?;
    let named: Vec<&str> = COLUMNS
        .iter()
        .filter(|(name, _)| !IDENTITY.contains(name) && kept(name).is_some_and(|old| old != value(name)))
        .map(|(_, label)| *label)
        .collect();
    let detail = json!({ "number": row.number, "fields": named });
    tx.audit("complete_file", ("registration", registration_id), Some(&before), Some(&json!(after)), &detail)?;
    Ok(Ok(()))
}
