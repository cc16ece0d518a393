//! Everything the page of a person shows, gathered in one read: record, postings, activities, evidence, training,
//! exam files and certificates. Marks stay out: they have a query of their own, for those who may see marks.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;

use super::career::line_on;
use super::{
    ActivityRow, CareerRow, EvidenceRow, FormerNameRow, PostingRow, StaffRecordRow, list_career, list_former_names,
    today_in,
};
use crate::domain::certificate::CertificateState;
use crate::domain::deliberation::Outcome;
use crate::domain::evaluation::EvaluationState;
use crate::domain::framework::Framework;
use crate::domain::holder::Qualification;
use crate::domain::mission::Share;
use crate::domain::obligations::Post;
use crate::domain::staff::{self as rule, Period};
use crate::store::handover::{HandoverRow, list_handovers_of};
use crate::store::holder::{
    EarlierCertificateRow, EquivalenceRow, find_equivalence, find_qualification, list_earlier_certificates,
};
use crate::store::mission::{Letter, list_letters};
use crate::store::reference::get_framework;
use crate::store::schema::{
    certificates, evaluations, evidence, exam_sessions, exercised_activities, people, postings, registrations, results,
    staff_records,
};
use crate::store::training::{Followed, full_name, list_followed};
use crate::store::{Conn, Day, Stamp, Stored};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = people)]
pub struct Identity {
    pub id: String,
    pub academy_code: String,
    pub civility: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    pub birth_date: Day,
    pub birth_place: Option<String>,
    pub email: String,
    pub phone: Option<String>,
}

impl Identity {
    /// « Mme Nadia Anne ».
    #[must_use]
    pub fn civil_name(&self) -> String {
        format!("{} {}", self.civility, self.first_names)
    }

    #[must_use]
    pub fn full_name(&self) -> String {
        full_name(&self.birth_name, self.usage_name.as_deref(), &self.first_names)
    }
}

/// An item of the framework as it was named by the version it was recorded under.
#[derive(Debug, Clone)]
pub struct NamedItem {
    pub code: String,
    pub label: String,
    pub framework_id: String,
    pub framework_version: u32,
}

#[derive(Debug, Clone)]
pub struct ExamLine {
    /// The academy whose session it is: its file stays there.
    pub academy_code: String,
    pub session_id: String,
    pub year: i32,
    pub registration_id: String,
    pub number: String,
    pub state: String,
    /// What the jury decided, once it is published.
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Clone)]
pub struct CertificateLine {
    pub number: String,
    pub year: i32,
    pub state: CertificateState,
    pub issued_at: Stamp,
}

/// Everything the page of a person shows.
#[derive(Debug, Clone)]
pub struct StaffFile {
    pub identity: Identity,
    pub today: Date,
    pub record: Option<StaffRecordRow>,
    /// The latest first.
    pub postings: Vec<PostingRow>,
    pub quota_today: i32,
    pub activities: Vec<(ActivityRow, NamedItem)>,
    /// The latest first.
    pub evidence: Vec<(EvidenceRow, NamedItem)>,
    pub followed: Vec<Followed>,
    pub exams: Vec<ExamLine>,
    pub certificates: Vec<CertificateLine>,
    /// The latest first.
    pub former_names: Vec<FormerNameRow>,
    /// Lines of the career, the latest first day first; the one in force is told by `in_force`.
    pub career: Vec<CareerRow>,
    pub in_force: Option<String>,
    /// The latest version first.
    pub letters: Vec<Letter>,
    /// By what the qualification is held.
    pub held: Option<Qualification>,
    pub earlier: Vec<EarlierCertificateRow>,
    pub equivalence: Option<EquivalenceRow>,
    /// The latest first.
    pub handovers: Vec<HandoverRow>,
}

impl StaffFile {
    /// The split of the mission letter of today.
    #[must_use]
    pub fn split_today(&self) -> Vec<Share> {
        self.letters.iter().find(|letter| letter.covers(self.today)).map(Letter::split).unwrap_or_default()
    }

    /// The postings of today, as the rule on obligations reads them.
    #[must_use]
    pub fn posts_today(&self) -> Vec<Post> {
        let current = self.postings.iter().filter(|row| row.period().covers(self.today));
        current.map(|row| Post { place: row.place.clone(), level: row.level, quota: row.quota }).collect()
    }

    /// The latest level evidenced for each competence, in the order of their codes.
    #[must_use]
    pub fn latest_levels(&self) -> Vec<(&NamedItem, &EvidenceRow)> {
        let mut latest: Vec<(&NamedItem, &EvidenceRow)> = Vec::new();
        for (row, item) in &self.evidence {
            let known = |other: &(&NamedItem, &EvidenceRow)| {
                other.0.code == item.code && other.0.framework_id == item.framework_id
            };
            if !latest.iter().any(known) {
                latest.push((item, row));
            }
        }
        latest.sort_by(|a, b| (&a.0.framework_id, &a.0.code).cmp(&(&b.0.framework_id, &b.0.code)));
        latest
    }
}

/// # Errors
/// Not found for a person of another academy.
pub fn get_staff_file(conn: &mut Conn, academy: &str, person_id: &str, at: Timestamp) -> Stored<StaffFile> {
    let identity: Identity = people::table
        .find(person_id)
        .filter(people::academy_code.eq(academy))
        .select(Identity::as_select())
        .first(conn)?;
    let today = today_in(academy, at)?;
    let record = staff_records::table.find(person_id).select(StaffRecordRow::as_select()).first(conn).optional()?;
    let posted: Vec<PostingRow> = postings::table
        .filter(postings::person_id.eq(person_id))
        .order((postings::starts_on.desc(), postings::id.desc()))
        .select(PostingRow::as_select())
        .load(conn)?;
    let periods: Vec<Period> = posted.iter().map(PostingRow::period).collect();
    let activities: Vec<ActivityRow> = exercised_activities::table
        .filter(exercised_activities::person_id.eq(person_id))
        .order((exercised_activities::since.desc(), exercised_activities::item_code))
        .select(ActivityRow::as_select())
        .load(conn)?;
    let seen: Vec<EvidenceRow> = evidence::table
        .filter(evidence::person_id.eq(person_id))
        .order((evidence::dated_on.desc(), evidence::created_at.desc(), evidence::id.desc()))
        .select(EvidenceRow::as_select())
        .load(conn)?;
    let cited = activities.iter().map(|row| row.framework_id.as_str());
    let cited = cited.chain(seen.iter().map(|row| row.framework_id.as_str()));
    let frameworks = frameworks_of(conn, cited)?;
    let mut career = list_career(conn, person_id)?;
    let in_force = line_on(&career, today).map(|row| row.id.clone());
    career.sort_by_key(|row| std::cmp::Reverse((row.starts_on, row.rank)));
    Ok(StaffFile {
        identity,
        today,
        record,
        quota_today: rule::quota_on(today, &periods),
        postings: posted,
        activities: activities
            .into_iter()
            .map(|row| {
                let item = named(&frameworks, &row.framework_id, &row.item_code);
                (row, item)
            })
            .collect(),
        evidence: seen
            .into_iter()
            .map(|row| {
                let item = named(&frameworks, &row.framework_id, &row.item_code);
                (row, item)
            })
            .collect(),
        followed: list_followed(conn, person_id)?,
        exams: list_exams(conn, person_id, at)?,
        certificates: list_certificates(conn, person_id)?,
        former_names: list_former_names(conn, person_id)?,
        career,
        in_force,
        letters: list_letters(conn, person_id)?,
        held: find_qualification(conn, person_id)?,
        earlier: list_earlier_certificates(conn, person_id)?,
        equivalence: find_equivalence(conn, person_id)?,
        handovers: list_handovers_of(conn, person_id)?,
    })
}

/// Exam files of a person, in whatever academy; the outcome shows only after the instant of publication.
fn list_exams(conn: &mut Conn, person_id: &str, at: Timestamp) -> Stored<Vec<ExamLine>> {
    type Row = (String, String, i32, Option<Stamp>, String, String, String, Option<Outcome>);
    let rows: Vec<Row> = registrations::table
        .inner_join(exam_sessions::table)
        .left_join(results::table)
        .filter(registrations::person_id.eq(person_id))
        .order((exam_sessions::year.desc(), registrations::id))
        .select((
            exam_sessions::academy_code,
            exam_sessions::id,
            exam_sessions::year,
            exam_sessions::published_at,
            registrations::id,
            registrations::number,
            registrations::state,
            results::outcome.nullable(),
        ))
        .load(conn)?;
    let lines =
        rows.into_iter().map(|(academy, session_id, year, published_at, registration_id, number, state, outcome)| {
            let is_public = published_at.is_some_and(|published| published.0 <= at);
            let outcome = outcome.filter(|_| is_public);
            ExamLine { academy_code: academy, session_id, year, registration_id, number, state, outcome }
        });
    Ok(lines.collect())
}

/// A mark that was published, in hundredths.
#[derive(Debug, Clone, Queryable)]
pub struct PublishedMark {
    pub registration_id: String,
    pub epreuve: i32,
    pub state: EvaluationState,
    pub mark: Option<i32>,
}

/// Published marks of a person of this academy, for those who may see marks there: they came with the record.
///
/// # Errors
/// The database's own.
pub fn list_published_marks(
    conn: &mut Conn,
    academy: &str,
    person_id: &str,
    at: Timestamp,
) -> Stored<Vec<PublishedMark>> {
    Ok(evaluations::table
        .inner_join(registrations::table.on(registrations::id.eq(evaluations::registration_id)))
        .inner_join(exam_sessions::table.on(exam_sessions::id.eq(registrations::session_id)))
        .inner_join(people::table.on(people::id.eq(registrations::person_id)))
        .filter(registrations::person_id.eq(person_id))
        .filter(people::academy_code.eq(academy))
        .filter(exam_sessions::published_at.le(Stamp(at)))
        .order((exam_sessions::year.desc(), evaluations::epreuve))
        .select((evaluations::registration_id, evaluations::epreuve, evaluations::state, evaluations::mark))
        .load(conn)?)
}

fn list_certificates(conn: &mut Conn, person_id: &str) -> Stored<Vec<CertificateLine>> {
    let rows: Vec<(String, i32, CertificateState, Stamp)> = certificates::table
        .filter(certificates::person_id.eq(person_id))
        .order((certificates::year.desc(), certificates::number.desc()))
        .select((certificates::number, certificates::year, certificates::state, certificates::issued_at))
        .load(conn)?;
    let lines =
        rows.into_iter().map(|(number, year, state, issued_at)| CertificateLine { number, year, state, issued_at });
    Ok(lines.collect())
}

type Frameworks = HashMap<String, Framework>;

/// The frameworks cited, each read once.
fn frameworks_of<'a>(conn: &mut Conn, ids: impl IntoIterator<Item = &'a str>) -> Stored<Frameworks> {
    let mut found = Frameworks::new();
    for id in ids {
        if !found.contains_key(id) {
            found.insert(id.to_owned(), get_framework(conn, id)?);
        }
    }
    Ok(found)
}

/// What an item was called; a code that no longer reads still shows as itself.
fn named(frameworks: &Frameworks, framework_id: &str, code: &str) -> NamedItem {
    let found = frameworks.get(framework_id);
    let label = found.and_then(|framework| framework.find(code)).map(|item| item.label());
    NamedItem {
        code: code.to_owned(),
        label: label.unwrap_or(code).to_owned(),
        framework_id: framework_id.to_owned(),
        framework_version: found.map_or(0, |framework| framework.version),
    }
}
