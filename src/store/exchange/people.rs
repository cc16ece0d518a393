//! Lines about people compared with the records of the academy, then written: contact and situation of staff,
//! certificates and marks from before. A name never changes here: that is an act of its own, with its document.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::super::holder::{
    EarlierCertificateRow, NewEarlierMark, NewHolder, correct_holder, record_holder, record_kept_mark_earlier,
};
use super::super::people::{NewPerson, PersonRow, find_known, fold_email, record_person};
use super::super::schema::{earlier_certificates, earlier_marks, people as t, staff_records};
use super::super::staff::{StatusChange, today_in, update_status};
use super::super::{Conn, Day, StoreError, Stored, Tx};
use super::{Drafted, MOST_ABSENT, Plan, Planned, counted, fate_of};
use crate::domain::exchange::people::{PersonDraft, Told};
use crate::domain::exchange::{Change, Fate, ImportKind, differences};
use crate::domain::holder::check_correctable;
use crate::domain::ids::{FrenchDate, Mark, fold};
use crate::domain::table::{Finding, Report, Severity};

const CHUNK: usize = 5_000;

type Held = (PersonRow, Option<String>, Option<String>, Option<String>, Option<Day>);

/// Records of these people: person to row, category, corps, status and date of contract.
fn held_by(conn: &mut Conn, ids: &[&str]) -> Stored<HashMap<String, Held>> {
    let mut held = HashMap::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<Held> = t::table
            .left_join(staff_records::table)
            .filter(t::id.eq_any(chunk))
            .select((
                PersonRow::as_select(),
                staff_records::category.nullable(),
                staff_records::corps.nullable(),
                staff_records::status.nullable(),
                staff_records::contract_date.nullable(),
            ))
            .load(conn)?;
        held.extend(rows.into_iter().map(|row| (row.0.id.clone(), row)));
    }
    Ok(held)
}

pub(super) fn plan(
    conn: &mut Conn,
    what: ImportKind,
    academy_code: &str,
    mut report: Report<PersonDraft>,
) -> Stored<Plan> {
    let keys: Vec<&str> = report.accepted.iter().map(|draft| draft.identity_key.as_str()).collect();
    let mut known: HashMap<String, String> = HashMap::new();
    for chunk in keys.chunks(CHUNK) {
        known.extend(find_known(conn, chunk)?);
    }
    let ids: Vec<&str> = known.values().map(String::as_str).collect();
    let held = held_by(conn, &ids)?;
    let certificates = earlier_certificates_of(conn, what, &ids)?;
    let marks = earlier_marks_of(conn, what, &ids)?;
    let (mut lines, mut elsewhere) = (Vec::new(), HashSet::new());
    for draft in &report.accepted {
        let id = known.get(&draft.identity_key);
        let row = id.and_then(|id| held.get(id));
        if row.is_some_and(|(person, ..)| person.academy_code != academy_code) {
            elsewhere.insert(draft.line);
            report.findings.push(Finding {
                line: draft.line,
                column: Some("Nom de naissance".to_owned()),
                code: "known_elsewhere",
                severity: Severity::Error,
                message: "Cette personne a déjà une fiche dans une autre académie : demandez à cette académie de vous la transmettre, ou mettez la ligne de côté.".to_owned(),
            });
            continue;
        }
        let fate = match (row, &draft.told) {
            (None, _) => Fate::New,
            (Some(row), Told::Record) => compare(row, draft, &mut report.findings),
            (Some((person, ..)), Told::Certificate { year, number, issued_on, evidence }) => {
                match certificates.get(&(person.id.clone(), *year)) {
                    None => Fate::New,
                    Some(held) => fate_of(certificate_changes(held, number, *issued_on, evidence)),
                }
            }
            (Some((person, ..)), Told::Mark { year, epreuve, mark, .. }) => {
                match marks.get(&(person.id.clone(), *year, *epreuve)) {
                    Some(held) if *held != mark.hundredths() => {
                        fate_of(differences(vec![("Note", Mark::from_hundredths(*held).shown(), mark.shown())]))
                    }
                    Some(_) => Fate::Unchanged,
                    None => Fate::New,
                }
            }
        };
        // What an import may not touch is told with both values, and waits for the office.
        let against = match (row, &draft.told, &fate) {
            (Some((person, ..)), Told::Certificate { year, .. }, Fate::Changed(changes)) => certificates
                .get(&(person.id.clone(), *year))
                .filter(|held| check_correctable(held.state).is_err())
                .map(|_| ("Session", "certificate_checked", "ce certificat a déjà été vérifié ou écarté par le bureau des examens\u{a0}: demandez-lui de le corriger, ou mettez la ligne de côté.", changes)),
            (_, Told::Mark { .. }, Fate::Changed(changes)) => Some(("Note", "mark_known", "une autre note est déjà enregistrée pour cette épreuve et cette session\u{a0}: faites-la vérifier ou écarter, ou mettez la ligne de côté.", changes)),
            _ => None,
        };
        if let Some((column, code, sentence, changes)) = against {
            elsewhere.insert(draft.line);
            let values: Vec<String> = changes
                .iter()
                .map(|change| {
                    format!("{}\u{a0}: {} ici, {} dans le fichier", change.column, shown(&change.before), change.after)
                })
                .collect();
            report.findings.push(Finding {
                line: draft.line,
                column: Some(column.to_owned()),
                code,
                severity: Severity::Error,
                message: format!("{}\u{a0}; {sentence}", values.join(", ")),
            });
            continue;
        }
        let label = format!("{} {}", draft.usage_name.as_deref().unwrap_or(&draft.birth_name), draft.first_names);
        lines.push(Planned {
            line: draft.line,
            label,
            fate,
            id: id.cloned(),
            draft: Drafted::Person(Box::new(draft.clone())),
        });
    }
    report.accepted.retain(|draft| !elsewhere.contains(&draft.line));
    report.findings.sort_by_key(|finding| finding.line);
    let told: HashSet<&String> = known.values().collect();
    let (mut absent, mut absent_total) = (Vec::new(), 0);
    if what == ImportKind::Staff {
        let all: Vec<(String, String, Option<String>, String)> = t::table
            .filter(t::academy_code.eq(academy_code))
            .order((t::sort_key, t::id))
            .select((t::id, t::birth_name, t::usage_name, t::first_names))
            .load(conn)?;
        for (_, birth, usage, first) in all.into_iter().filter(|(id, ..)| !told.contains(id)) {
            absent_total += 1;
            if absent.len() < MOST_ABSENT {
                absent.push(format!("{} {first}", usage.unwrap_or(birth)));
            }
        }
    }
    Ok(Plan { report: counted(report, |draft| draft.line), lines, absent, absent_total })
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "rien" } else { text }
}

type Certificates = HashMap<(String, i32), EarlierCertificateRow>;

/// Certificates from before of these people, by person and session.
fn earlier_certificates_of(conn: &mut Conn, what: ImportKind, ids: &[&str]) -> Stored<Certificates> {
    use earlier_certificates as c;
    let mut found = HashMap::new();
    for chunk in ids.chunks(CHUNK).filter(|_| what == ImportKind::Holders) {
        let rows: Vec<EarlierCertificateRow> =
            c::table.filter(c::person_id.eq_any(chunk)).select(EarlierCertificateRow::as_select()).load(conn)?;
        found.extend(rows.into_iter().map(|row| ((row.person_id.clone(), row.year), row)));
    }
    Ok(found)
}

/// Marks from before of these people, by person, session and épreuve.
fn earlier_marks_of(conn: &mut Conn, what: ImportKind, ids: &[&str]) -> Stored<HashMap<(String, i32, i32), i32>> {
    use earlier_marks as m;
    let mut found = HashMap::new();
    for chunk in ids.chunks(CHUNK).filter(|_| what == ImportKind::KeptMarks) {
        let rows: Vec<(String, i32, i32, i32)> = m::table
            .filter(m::person_id.eq_any(chunk))
            .select((m::person_id, m::year, m::epreuve, m::mark))
            .load(conn)?;
        found.extend(rows.into_iter().map(|(person, year, epreuve, mark)| ((person, year, epreuve), mark)));
    }
    Ok(found)
}

fn certificate_changes(
    held: &EarlierCertificateRow,
    number: &Option<String>,
    issued_on: Option<Date>,
    evidence: &Option<String>,
) -> Vec<Change> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    differences(vec![
        ("Justificatif", held.evidence.clone(), text(evidence)),
        ("Numéro", text(&held.number), text(number)),
        (
            "Délivré le",
            held.issued_on.map(|day| day.0.to_string()).unwrap_or_default(),
            issued_on.map(|day| day.to_string()).unwrap_or_default(),
        ),
    ])
}

fn compare(row: &Held, draft: &PersonDraft, findings: &mut Vec<Finding>) -> Fate {
    let (person, _, corps, status, contract) = row;
    let held = |text: &Option<String>| text.clone().unwrap_or_default();
    let same_name = |a: &str, b: &str| fold(a) == fold(b);
    let renamed = draft
        .usage_name
        .as_deref()
        .is_some_and(|told| !same_name(told, person.usage_name.as_deref().unwrap_or(&person.birth_name)));
    if renamed {
        findings.push(Finding {
            line: draft.line,
            column: Some("Nom d’usage".to_owned()),
            code: "name_change_apart",
            severity: Severity::Warning,
            message: "Ce nom d’usage n’est pas celui de la fiche : un changement de nom s’enregistre sur la fiche, avec sa raison ; l’import n’y touche pas.".to_owned(),
        });
    }
    fate_of(differences(vec![
        ("Courriel", person.email.clone(), draft.email.as_ref().map(ToString::to_string).unwrap_or_default()),
        (
            "Téléphone",
            held(&person.phone),
            draft.phone.as_ref().map(|phone| phone.as_str().to_owned()).unwrap_or_default(),
        ),
        ("Corps", held(corps), draft.corps.clone().unwrap_or_default()),
        ("Statut", held(status), draft.status.clone().unwrap_or_default()),
        (
            "Date de titularisation ou du contrat",
            contract.map(|day| day.0.to_string()).unwrap_or_default(),
            draft.contract_date.map(|day| day.to_string()).unwrap_or_default(),
        ),
    ]))
}

pub(super) fn write(tx: &mut Tx<'_>, academy_code: &str, lines: &[&Planned<Drafted>]) -> Stored<()> {
    // One person may have several lines: the first of them opens the record.
    let mut opened: HashMap<&str, String> = HashMap::new();
    let by_import = format!("Liste importée le {}", FrenchDate::from(today_in(academy_code, tx.at)?));
    for line in lines {
        let Drafted::Person(draft) = &line.draft else { continue };
        let known = line.id.clone().or_else(|| opened.get(draft.identity_key.as_str()).cloned());
        let is_new = known.is_none();
        let person_id = match known {
            Some(id) => id,
            None => record_person(tx, &new_person(academy_code, draft))?,
        };
        opened.insert(&draft.identity_key, person_id.clone());
        match &draft.told {
            Told::Record if !is_new => update(tx, &person_id, draft)?,
            Told::Record => {}
            Told::Certificate { year, number, issued_on, evidence } => {
                let held = earlier_certificates_of(tx.conn, ImportKind::Holders, &[person_id.as_str()])?
                    .remove(&(person_id.clone(), *year));
                let kept = held.as_ref();
                let new = NewHolder {
                    person_id,
                    year: *year,
                    number: number.clone().or_else(|| kept.and_then(|held| held.number.clone())),
                    issued_on: issued_on.or_else(|| kept.and_then(|held| held.issued_on.map(|day| day.0))),
                    evidence: evidence
                        .clone()
                        .or_else(|| kept.map(|held| held.evidence.clone()))
                        .unwrap_or_else(|| by_import.clone()),
                };
                match held {
                    Some(held) => correct_holder(tx, &held.id, &new),
                    None => record_holder(tx, &new).map(drop),
                }
                .map_err(|error| on_line(line.line, error))?;
            }
            Told::Mark { year, epreuve, mark, evidence } => {
                let new = NewEarlierMark {
                    person_id,
                    year: *year,
                    epreuve: *epreuve,
                    mark: *mark,
                    evidence: evidence.clone().unwrap_or_else(|| by_import.clone()),
                };
                record_kept_mark_earlier(tx, &new).map_err(|error| on_line(line.line, error))?;
            }
        }
    }
    Ok(())
}

/// A rule that says no inside the import names its line; nothing of the file is then written.
pub(super) fn on_line(line: u64, error: StoreError) -> StoreError {
    match error {
        StoreError::Refused(mut no) => {
            no.sentence = format!("Ligne {line}\u{a0}: {}", no.sentence);
            StoreError::Refused(no)
        }
        other => other,
    }
}

fn new_person(academy_code: &str, draft: &PersonDraft) -> NewPerson {
    NewPerson {
        academy_code: academy_code.to_owned(),
        civility: draft.civility.as_str().to_owned(),
        birth_name: draft.birth_name.clone(),
        usage_name: draft.usage_name.clone(),
        first_names: draft.first_names.clone(),
        birth_date: draft.birth_date,
        birth_place: None,
        email: draft.email.as_ref().map(ToString::to_string).unwrap_or_default(),
        phone: draft.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        corps: draft.corps.clone().unwrap_or_default(),
        status: draft.status.clone().unwrap_or_default(),
        contract_date: draft.contract_date,
    }
}

fn update(tx: &mut Tx<'_>, person_id: &str, draft: &PersonDraft) -> Stored<()> {
    let held = held_by(tx.conn, &[person_id])?.remove(person_id).ok_or(StoreError::NotFound)?;
    let (person, category, corps, status, contract) = held;
    update_contact(
        tx,
        &person,
        draft.email.as_ref().map(|email| email.as_str()),
        draft.phone.as_ref().map(|phone| phone.as_str()),
    )?;
    let corps_now = draft.corps.clone().or_else(|| corps.clone()).unwrap_or_default();
    let status_now = draft.status.clone().or_else(|| status.clone()).unwrap_or_default();
    // The category was decided for a corps and a status: it stands as long as they do.
    let same = corps.as_ref() == Some(&corps_now) && status.as_ref() == Some(&status_now);
    let contract_now = draft.contract_date.or(contract.map(|day| day.0));
    if same && contract_now == contract.map(|day| day.0) {
        return Ok(());
    }
    update_status(
        tx,
        &StatusChange {
            person_id: person_id.to_owned(),
            category: category.filter(|_| same),
            corps: corps_now,
            status: status_now,
            contract_date: contract_now,
            starts_on: None,
        },
    )
}

/// Brings address and telephone up to date; what is not told stays.
pub(super) fn update_contact(
    tx: &mut Tx<'_>,
    person: &PersonRow,
    email: Option<&str>,
    phone: Option<&str>,
) -> Stored<()> {
    let email = email.unwrap_or(&person.email);
    let phone = phone.map(str::to_owned).or_else(|| person.phone.clone());
    if email == person.email && phone == person.phone {
        return Ok(());
    }
    diesel::update(t::table.find(&person.id))
        .set((
            t::email.eq(email),
            t::email_key.eq(fold_email(email)),
            t::phone.eq(&phone),
            t::version.eq(t::version + 1),
        ))
        .execute(tx.conn)?;
    let before = json!({ "email": person.email, "phone": person.phone });
    let after = json!({ "email": email, "phone": phone });
    tx.audit("update_contact", ("person", &person.id), Some(&before), Some(&after), &json!({ "by": "import" }))
}
