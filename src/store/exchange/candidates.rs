//! A list of candidates imported again: each line is compared with the file it made, and the accepted changes are
//! written while files are open. Corps, status, date or department that change make the rule speak again.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use jiff::Timestamp;
use serde_json::json;

use super::super::eligibility;
use super::super::people::PersonRow;
use super::super::registration::{self, KeptMarkRow, RegistrationRow};
use super::super::schema::{decisions, kept_marks, people, registrations as t};
use super::super::session::SessionRow;
use super::super::staff::career;
use super::super::{Conn, Day, StoreError, Stored, Tx, new_id};
use super::people::update_contact;
use super::{Drafted, MOST_ABSENT, Place, Plan, Planned, counted, fate_of};
use crate::domain::eligibility::{Facts, assess};
use crate::domain::exchange::{Fate, differences};
use crate::domain::ids::Mark;
use crate::domain::registration::CandidateDraft;
use crate::domain::regulation::RegulationPack;
use crate::domain::table::{Finding, Report, Severity, Table};

/// Checks a list of candidates and compares it with the files of the session.
pub(super) fn plan(
    conn: &mut Conn,
    place: &Place,
    table: &Table,
    set_aside: &[(u64, String)],
    now: Timestamp,
) -> Stored<Plan> {
    let session = place.session.as_ref();
    let mut report =
        registration::preview_import(conn, &place.academy_code, place.year, session, table, set_aside, now)?;
    let compared = compare(conn, session, &mut report)?;
    let lines = compared.lines.into_iter().map(|line| Planned {
        line: line.line,
        label: line.label,
        fate: line.fate,
        id: line.id,
        draft: Drafted::Candidate(Box::new(line.draft)),
    });
    Ok(Plan {
        lines: lines.collect(),
        report: counted(report, |draft| draft.line),
        absent: compared.absent,
        absent_total: compared.absent_total,
    })
}

/// What a list of candidates would do to a session.
#[derive(Default)]
pub struct Compared {
    pub lines: Vec<Planned<CandidateDraft>>,
    /// Registered, and not in the file.
    pub absent: Vec<String>,
    pub absent_total: usize,
}

/// Compares the accepted lines of a report with the files of the session; a session that is not open yet holds none.
///
/// # Errors
/// The database's own.
pub fn compare(conn: &mut Conn, session: Option<&SessionRow>, report: &mut Report<CandidateDraft>) -> Stored<Compared> {
    let held: Vec<(RegistrationRow, PersonRow)> = match session {
        None => Vec::new(),
        Some(session) => t::table
            .inner_join(people::table)
            .filter(t::session_id.eq(&session.id))
            .order(t::rank)
            .select((RegistrationRow::as_select(), PersonRow::as_select()))
            .load(conn)?,
    };
    let mut marks: HashMap<String, Vec<KeptMarkRow>> = HashMap::new();
    if let Some(session) = session {
        let rows: Vec<KeptMarkRow> = kept_marks::table
            .inner_join(t::table)
            .filter(t::session_id.eq(&session.id))
            .order(kept_marks::epreuve)
            .select(KeptMarkRow::as_select())
            .load(conn)?;
        for row in rows {
            marks.entry(row.registration_id.clone()).or_default().push(row);
        }
    }
    let by_key: HashMap<&str, &(RegistrationRow, PersonRow)> =
        held.iter().map(|pair| (pair.1.identity_key.as_str(), pair)).collect();
    let (mut plan, mut gone) = (Compared::default(), HashSet::new());
    for draft in &report.accepted {
        let label = format!("{} {}", draft.usage_name.as_deref().unwrap_or(&draft.birth_name), draft.first_names);
        let (fate, id) = match by_key.get(draft.identity_key.as_str()) {
            None => (Fate::New, None),
            Some((file, _)) if file.state == "withdrawn" => {
                gone.insert(draft.line);
                report.findings.push(Finding {
                    line: draft.line,
                    column: Some("Nom de naissance".to_owned()),
                    code: "withdrawn",
                    severity: Severity::Error,
                    message: format!(
                        "La candidature {} de cette personne a été retirée : retirez la ligne, ou mettez-la de côté.",
                        file.number
                    ),
                });
                continue;
            }
            Some((file, person)) => {
                let kept = marks.get(&file.id).map(Vec::as_slice).unwrap_or_default();
                (fate_of(differences(fields(file, person, kept, draft))), Some(file.id.clone()))
            }
        };
        plan.lines.push(Planned { line: draft.line, label, fate, draft: draft.clone(), id });
    }
    if !gone.is_empty() {
        report.accepted.retain(|draft| !gone.contains(&draft.line));
        report.findings.sort_by_key(|finding| finding.line);
    }
    let told: HashSet<&str> = plan.lines.iter().map(|line| line.draft.identity_key.as_str()).collect();
    for (file, person) in
        held.iter().filter(|(file, person)| file.state != "withdrawn" && !told.contains(person.identity_key.as_str()))
    {
        plan.absent_total += 1;
        if plan.absent.len() < MOST_ABSENT {
            plan.absent.push(format!("{} ({})", person.shown_name(), file.number));
        }
    }
    Ok(plan)
}

fn fields(
    file: &RegistrationRow,
    person: &PersonRow,
    kept: &[KeptMarkRow],
    draft: &CandidateDraft,
) -> Vec<(&'static str, String, String)> {
    let held = |text: &Option<String>| text.clone().unwrap_or_default();
    let yes = |is: bool| if is { "O" } else { "N" }.to_owned();
    let mark_held = |epreuve: i32| {
        let row = kept.iter().find(|row| row.epreuve == epreuve);
        row.map(|row| format!("{} ({})", Mark::from_hundredths(row.mark).shown(), row.origin_year)).unwrap_or_default()
    };
    let mark_told = |epreuve: u8| {
        let told = draft.kept.iter().find(|kept| kept.epreuve == epreuve);
        told.map(|kept| format!("{} ({})", kept.mark.shown(), kept.origin)).unwrap_or_default()
    };
    vec![
        ("Courriel", person.email.clone(), draft.email.to_string()),
        (
            "Téléphone",
            held(&person.phone),
            draft.phone.as_ref().map(|phone| phone.as_str().to_owned()).unwrap_or_default(),
        ),
        ("Corps", file.corps.clone(), draft.corps.clone()),
        ("Statut", file.status.clone(), draft.status.clone()),
        ("UAI", held(&file.uai), draft.uai.as_str().to_owned()),
        ("Établissement", file.school_name.clone(), held(&draft.school_name)),
        ("Département", file.department.clone(), draft.department.clone()),
        (
            "Date de titularisation ou du contrat",
            file.contract_date.map(|day| day.0.to_string()).unwrap_or_default(),
            draft.contract_date.map(|day| day.to_string()).unwrap_or_default(),
        ),
        ("Formation suivie (O/N)", yes(file.trained), yes(draft.trained)),
        ("Note conservée épreuve 1", mark_held(1), mark_told(1)),
        ("Note conservée épreuve 2", mark_held(2), mark_told(2)),
        ("Aménagement", held(&file.accommodation), held(&draft.accommodation)),
    ]
}

/// Writes the accepted changes of files already there. The caller has checked the session and the right.
///
/// # Errors
/// A conflict when a file changed meanwhile; the database's own.
pub fn update_candidates(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    pack: &RegulationPack,
    lines: &[&Planned<CandidateDraft>],
) -> Stored<()> {
    for line in lines {
        let Some(id) = &line.id else { continue };
        let draft = &line.draft;
        let (file, person): (RegistrationRow, PersonRow) = t::table
            .inner_join(people::table)
            .filter(t::id.eq(id))
            .select((RegistrationRow::as_select(), PersonRow::as_select()))
            .first(tx.conn)?;
        update_contact(tx, &person, Some(draft.email.as_str()), draft.phone.as_ref().map(|phone| phone.as_str()))?;
        let contract_date = draft.contract_date.or(file.contract_date.map(|day| day.0));
        let told = career::Told {
            person_id: person.id.clone(),
            corps: draft.corps.clone(),
            status: draft.status.clone(),
            contract_date,
        };
        career::follow(tx, &session.academy_code, &[told])?;
        let mut after = RegistrationRow {
            corps: draft.corps.clone(),
            status: draft.status.clone(),
            contract_date: contract_date.map(Day),
            uai: Some(draft.uai.as_str().to_owned()),
            school_name: draft.school_name.clone().unwrap_or_else(|| file.school_name.clone()),
            department: draft.department.clone(),
            trained: draft.trained,
            accommodation: draft.accommodation.clone().or_else(|| file.accommodation.clone()),
            version: file.version + 1,
            ..file.clone()
        };
        let asks_again = (&after.corps, &after.status, &after.department, contract_date)
            != (&file.corps, &file.status, &file.department, file.contract_date.map(|day| day.0));
        if asks_again {
            let facts = Facts {
                corps: draft.corps.clone(),
                status: draft.status.clone(),
                contract_date,
                academy: Some(session.academy_code.clone()),
                department: Some(draft.department.clone()),
            };
            let assessment = assess(pack, &facts);
            after.eligibility = assessment.outcome.as_str().into();
            after.category.clone_from(&assessment.category);
            // A refusal decided on other facts does not outlive them.
            after.state = "submitted".into();
            diesel::update(
                decisions::table
                    .filter(decisions::registration_id.eq(id))
                    .filter(decisions::kind.eq("eligibility"))
                    .filter(decisions::superseded_at.is_null()),
            )
            .set(decisions::superseded_at.eq(Some(tx.stamp())))
            .execute(tx.conn)?;
            let decision = eligibility::proposed(tx, session, id, &assessment)?;
            diesel::insert_into(decisions::table).values(&decision).execute(tx.conn)?;
        }
        let changed = diesel::update(t::table.find(id).filter(t::version.eq(file.version)))
            .set((
                t::corps.eq(&after.corps),
                t::status.eq(&after.status),
                t::contract_date.eq(after.contract_date),
                t::uai.eq(&after.uai),
                t::school_name.eq(&after.school_name),
                t::department.eq(&after.department),
                t::trained.eq(after.trained),
                t::accommodation.eq(&after.accommodation),
                t::eligibility.eq(&after.eligibility),
                t::category.eq(&after.category),
                t::state.eq(&after.state),
                t::version.eq(after.version),
            ))
            .execute(tx.conn)?;
        if changed == 0 {
            return Err(StoreError::Conflict(format!(
                "Le dossier {} a été modifié entre-temps : relisez l’aperçu.",
                file.number
            )));
        }
        for kept in &draft.kept {
            diesel::delete(
                kept_marks::table
                    .filter(kept_marks::registration_id.eq(id))
                    .filter(kept_marks::epreuve.eq(i32::from(kept.epreuve))),
            )
            .execute(tx.conn)?;
            let row = KeptMarkRow {
                id: new_id(tx.at),
                registration_id: id.clone(),
                epreuve: i32::from(kept.epreuve),
                mark: kept.mark.hundredths(),
                origin_year: i32::from(kept.origin),
            };
            diesel::insert_into(kept_marks::table).values(&row).execute(tx.conn)?;
        }
        let detail = json!({ "number": file.number, "line": line.line, "reassessed": asks_again });
        tx.audit("update_registration", ("registration", id), Some(&json!(file)), Some(&json!(after)), &detail)?;
    }
    Ok(())
}
