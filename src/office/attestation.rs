//! Attestations of attendance of a training: the real hours of each trainee, by part and by module, drawn from what was noted.

use super::documents::{in_parallel, keep_all, office_of, signatory_of};
use crate::domain::academy::{Academy, french_date};
use crate::domain::training::shown;
use crate::pdf::attendance::{AttestationSheet, attestation};
use crate::pdf::{Person, SimpleTable};
use crate::store::documents::{DocumentRow, NewDocument, find_document};
use crate::store::training::{Sight, Trainee, TrainingFile, get_training, get_training_academy};
use crate::store::{Db, StoreError, Stored, people, reference};

/// Draws the attestation of every trainee who stayed, and gives them all; a kept one is not drawn again.
///
/// # Errors
/// The database's own, or a document that cannot be drawn.
pub fn draw_attestations(db: &Db, training_id: &str) -> Stored<Vec<DocumentRow>> {
    let (academy, file) = db.read_now(|conn| {
        let code = get_training_academy(conn, training_id)?;
        Ok((reference::get_academy(conn, &code)?, get_training(conn, &code, training_id, &Sight::Academy)?))
    })?;
    let zone = Academy::find(&academy.code).ok_or(StoreError::NotFound)?;
    let today = zone.date(db.clock().now());
    let facts = Facts { academy: &academy, file: &file, today, simulated: db.clock().is_simulated() };
    let mut waiting = Vec::new();
    for trainee in file.trainees.iter().filter(|trainee| trainee.enrolment.withdrawn_at.is_none()) {
        let known = db.read_now(|conn| find_document(conn, "attestation", &trainee.enrolment.id))?;
        if known.is_none() {
            let person = db.read_now(|conn| people::get_person(conn, &trainee.enrolment.person_id))?;
            waiting.push((trainee.clone(), person));
        }
    }
    let made = in_parallel(&waiting, |(trainee, person)| {
        Ok(NewDocument {
            academy_code: academy.code.clone(),
            session_id: None,
            subject_id: trainee.enrolment.id.clone(),
            kind: "attestation".into(),
            file_name: format!("attestation-{}.pdf", person.sort_key.replace([' ', '\''], "-")),
            content_type: "application/pdf".into(),
            bytes: attestation(&sheet_of(&facts, trainee, person))?,
        })
    })?;
    keep_all(db, made)?;
    let mut documents = Vec::new();
    for trainee in &file.trainees {
        documents.extend(db.read_now(|conn| find_document(conn, "attestation", &trainee.enrolment.id))?);
    }
    Ok(documents)
}

/// What is the same on every attestation of a training.
struct Facts<'a> {
    academy: &'a reference::AcademyRow,
    file: &'a TrainingFile,
    today: jiff::civil::Date,
    simulated: bool,
}

/// The attestation of one trainee as the hours stand now; nothing is kept of it.
///
/// # Errors
/// Not found for somebody who is not, or no longer, a trainee of this training.
pub fn attestation_of(db: &Db, training_id: &str, enrolment_id: &str) -> Stored<Vec<u8>> {
    let (academy, file) = db.read_now(|conn| {
        let code = get_training_academy(conn, training_id)?;
        Ok((reference::get_academy(conn, &code)?, get_training(conn, &code, training_id, &Sight::Academy)?))
    })?;
    let zone = Academy::find(&academy.code).ok_or(StoreError::NotFound)?;
    let trainee = file
        .trainees
        .iter()
        .find(|trainee| trainee.enrolment.id == enrolment_id && trainee.enrolment.withdrawn_at.is_none())
        .ok_or(StoreError::NotFound)?;
    let person = db.read_now(|conn| people::get_person(conn, &trainee.enrolment.person_id))?;
    let today = zone.date(db.clock().now());
    let facts = Facts { academy: &academy, file: &file, today, simulated: db.clock().is_simulated() };
    Ok(attestation(&sheet_of(&facts, trainee, &person))?)
}

fn sheet_of(facts: &Facts<'_>, trainee: &Trainee, person: &people::PersonRow) -> AttestationSheet {
    AttestationSheet {
        person: Person {
            civility: person.civility.clone(),
            first_names: person.first_names.clone(),
            birth_name: person.birth_name.clone(),
            usage_name: person.usage_name.clone(),
        },
        birth_date: Some(person.birth_date.0),
        office: office_of(facts.academy),
        title: "Attestation de présence en formation".into(),
        paragraphs: vec![
            format!(
                "a suivi la formation « {} », du {} au {}, organisée en application de l’arrêté du 5 mai 2017 relatif à l’organisation de la formation conduisant au certificat (MENE1710932A).",
                facts.file.training.title,
                french_date(facts.file.training.starts_on.0),
                french_date(facts.file.training.ends_on.0)
            ),
            format!(
                "Durée effectivement suivie : {}, sur {} prévues.",
                shown(trainee.hours.total().done),
                shown(facts.file.rules.total_minutes())
            ),
        ]
        .into_iter()
        .chain(exemptions(trainee))
        .collect(),
        table: Some(hours_table(trainee)),
        place: facts.academy.city.clone(),
        date: facts.today,
        signatory: signatory_of(facts.academy),
        simulated: facts.simulated,
    }
}

fn hours_table(trainee: &Trainee) -> SimpleTable {
    let mut rows = Vec::new();
    for (label, part) in [
        ("Modules obligatoires", trainee.hours.theory),
        ("Modules d’approfondissement", trainee.hours.deepening),
        ("Modules de pratique", trainee.hours.practice),
    ] {
        rows.push(vec![label.to_owned(), shown(part.done), shown(part.due)]);
    }
    for module in &trainee.hours.modules {
        let label = format!("{} – {}", module.code, module.title);
        rows.push(vec![label, shown(module.progress.done), shown(module.progress.due)]);
    }
    SimpleTable { headers: vec!["Partie ou module".into(), "Heures suivies".into(), "Heures prévues".into()], rows }
}

/// Modules excused, told apart: a dispensation is never an hour of presence.
fn exemptions(trainee: &Trainee) -> Option<String> {
    let told: Vec<String> =
        trainee.exemptions.iter().map(|row| format!("{} ({})", row.module_code, row.reason)).collect();
    (!told.is_empty())
        .then(|| format!("Modules dispensés, qui ne comptent pas comme heures suivies : {}.", told.join(" ; ")))
}
