//! One record per person: category and contract, postings, activities exercised, competences evidenced.
//! Evidence is only ever added. The file of a person gathers what every other step knows of them, marks excepted:
//! those have a query of their own, for those who may see marks.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::schema::{
    academies, certificates, evaluations, evidence, exam_sessions, exercised_activities, people, postings, registrations, results,
    staff_records,
};
use super::people::{NewPerson, record_person};
use super::reference::get_framework;
use super::training::{Followed, full_name, list_followed};
use super::{Conn, Day, MultiBackend, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::academy::Academy;
use crate::domain::certificate::CertificateState;
use crate::domain::deliberation::Outcome;
use crate::domain::evaluation::EvaluationState;
use crate::domain::framework::{Framework, Item};
use crate::domain::ids::{Uai, fold, person_key};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::staff::{self as rule, EvidenceSource, Period, PostingLevel};

/// Lines of the directory on one page.
pub const PER_PAGE: usize = 50;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = staff_records, treat_none_as_null = true)]
pub struct StaffRecordRow {
    pub person_id: String,
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Day>,
    pub updated_at: Stamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = postings)]
pub struct PostingRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    pub level: PostingLevel,
    pub place: String,
    pub uai: Option<String>,
    pub department: Option<String>,
    pub quota: i32,
    pub starts_on: Day,
    pub ends_on: Option<Day>,
}

impl PostingRow {
    #[must_use]
    pub fn period(&self) -> Period {
        Period {
            quota: self.quota,
            starts_on: self.starts_on.0,
            ends_on: self.ends_on.map(|day| day.0),
        }
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = exercised_activities)]
pub struct ActivityRow {
    pub id: String,
    pub person_id: String,
    pub framework_id: String,
    pub item_code: String,
    pub since: Day,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evidence)]
pub struct EvidenceRow {
    pub id: String,
    pub person_id: String,
    pub framework_id: String,
    pub item_code: String,
    pub source: EvidenceSource,
    pub level: i32,
    pub dated_on: Day,
    pub author: String,
    pub reference: Option<String>,
    pub created_at: Stamp,
}

#[derive(Debug, Clone)]
pub struct StatusChange {
    pub person_id: String,
    /// Code of a category of the regulation pack, when one fits.
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Date>,
}

#[derive(Debug, Clone)]
pub struct NewPosting {
    pub person_id: String,
    pub level: PostingLevel,
    pub place: String,
    pub uai: Option<Uai>,
    pub department: Option<String>,
    pub quota: i32,
    pub starts_on: Date,
    pub ends_on: Option<Date>,
}

#[derive(Debug, Clone)]
pub struct NewEvidence {
    pub person_id: String,
    pub framework_id: String,
    /// Code of a competence of that framework.
    pub item_code: String,
    pub source: EvidenceSource,
    pub level: i32,
    pub dated_on: Date,
    /// What it rests on: a report, a visit, a session of the exam.
    pub reference: Option<String>,
}

// ---------------------------------------------------------------- commands

/// Opens the record of somebody who is no candidate; a person who already has one keeps it as it is.
///
/// # Errors
/// Not found for another academy; refused when another academy already holds this person's record.
pub fn open_record(tx: &mut Tx<'_>, new: &NewPerson) -> Stored<(String, bool)> {
    may_or_hide(tx, Action::ManageStaff, &new.academy_code)?;
    let key = person_key(&new.birth_name, &new.first_names, new.birth_date);
    let known: Option<(String, String)> = people::table
        .filter(people::identity_key.eq(key))
        .order(people::homonym)
        .select((people::id, people::academy_code))
        .first(tx.conn)
        .optional()?;
    match known {
        Some((id, academy)) if academy == new.academy_code => Ok((id, false)),
        Some(_) => Err(Refusal::new(
            "known_elsewhere",
            "Une personne de même nom, mêmes prénoms et même date de naissance a déjà une fiche dans une autre académie\u{a0}: \
             demandez à l’administrateur de la plateforme de la rattacher à la vôtre.",
        )
        .into()),
        None => Ok((record_person(tx, new)?, true)),
    }
}

/// Says what the person is: category, corps, status, date of the contract. The state before stays in the audit chain.
///
/// # Errors
/// Not found for a person of another academy.
pub fn update_status(tx: &mut Tx<'_>, change: &StatusChange) -> Stored<()> {
    managed_person(tx, &change.person_id)?;
    let row = StaffRecordRow {
        person_id: change.person_id.clone(),
        category: change.category.clone(),
        corps: change.corps.clone(),
        status: change.status.clone(),
        contract_date: change.contract_date.map(Day),
        updated_at: tx.stamp(),
    };
    let state = |row: &StaffRecordRow| {
        json!({
            "category": row.category, "corps": row.corps, "status": row.status,
            "contract_date": row.contract_date.map(|day| day.0.to_string()),
        })
    };
    let before: Option<StaffRecordRow> = staff_records::table
        .find(&row.person_id)
        .select(StaffRecordRow::as_select())
        .first(tx.conn)
        .optional()?;
    let (was, is) = (before.as_ref().map(state), state(&row));
    if was.as_ref() == Some(&is) {
        return Ok(());
    }
    if before.is_some() {
        diesel::update(staff_records::table.find(&row.person_id))
            .set(&row)
            .execute(tx.conn)?;
    } else {
        diesel::insert_into(staff_records::table)
            .values(&row)
            .execute(tx.conn)?;
    }
    tx.audit("update_status", ("person", &row.person_id), was.as_ref(), Some(&is), &is)
}

/// Adds a posting. The quotas of postings that overlap never exceed 100 %.
///
/// # Errors
/// Not found for a person of another academy; refused by [`rule::check_posting`].
pub fn record_posting(tx: &mut Tx<'_>, new: &NewPosting) -> Stored<String> {
    let academy = managed_person(tx, &new.person_id)?;
    let existing: Vec<PostingRow> = postings::table
        .filter(postings::person_id.eq(&new.person_id))
        .select(PostingRow::as_select())
        .load(tx.conn)?;
    let period = Period {
        quota: new.quota,
        starts_on: new.starts_on,
        ends_on: new.ends_on,
    };
    let same = |row: &&PostingRow| row.period() == period && row.level == new.level && row.place == new.place;
    if let Some(row) = existing.iter().find(same) {
        // The same form sent twice records one posting.
        return Ok(row.id.clone());
    }
    let periods: Vec<Period> = existing.iter().map(PostingRow::period).collect();
    rule::check_posting(&periods, &period)?;
    let row = PostingRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        academy_code: academy,
        level: new.level,
        place: new.place.clone(),
        uai: new.uai.as_ref().map(|uai| uai.as_str().to_owned()),
        department: new
            .department
            .clone()
            .or_else(|| new.uai.as_ref().and_then(Uai::department)),
        quota: new.quota,
        starts_on: Day(new.starts_on),
        ends_on: new.ends_on.map(Day),
    };
    diesel::insert_into(postings::table)
        .values(&row)
        .execute(tx.conn)?;
    let state = json!({
        "posting": row.id, "level": row.level, "place": row.place, "uai": row.uai, "quota": row.quota,
        "starts_on": new.starts_on.to_string(), "ends_on": new.ends_on.map(|day| day.to_string()),
    });
    tx.audit("record_posting", ("person", &row.person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

/// Says when a posting ends (or ended); its last day is included.
///
/// # Errors
/// Not found for another academy; refused when it already ended otherwise, or for an end before the start.
pub fn end_posting(tx: &mut Tx<'_>, posting_id: &str, ends_on: Date) -> Stored<String> {
    let row: PostingRow = postings::table
        .find(posting_id)
        .select(PostingRow::as_select())
        .first(tx.conn)?;
    managed_person(tx, &row.person_id)?;
    rule::check_ending(&row.period(), ends_on)?;
    if row.ends_on.is_some() {
        return Ok(row.person_id);
    }
    diesel::update(postings::table.find(posting_id))
        .set(postings::ends_on.eq(Some(Day(ends_on))))
        .execute(tx.conn)?;
    let detail = json!({ "posting": posting_id, "place": row.place, "ends_on": ends_on.to_string() });
    tx.audit("end_posting", ("person", &row.person_id), None, Some(&detail), &detail)?;
    Ok(row.person_id)
}

/// Notes an activity the person exercises, as named by one version of the framework.
///
/// # Errors
/// Not found for another academy or an unknown framework; refused when the item is no activity of it.
pub fn note_activity(
    tx: &mut Tx<'_>,
    person_id: &str,
    framework_id: &str,
    item_code: &str,
    since: Date,
) -> Stored<String> {
    managed_person(tx, person_id)?;
    let item_code = cited_item(tx.conn, framework_id, item_code, Cited::Activity)?;
    let known: Option<String> = exercised_activities::table
        .filter(exercised_activities::person_id.eq(person_id))
        .filter(exercised_activities::framework_id.eq(framework_id))
        .filter(exercised_activities::item_code.eq(&item_code))
        .select(exercised_activities::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let row = ActivityRow {
        id: new_id(tx.at),
        person_id: person_id.to_owned(),
        framework_id: framework_id.to_owned(),
        item_code,
        since: Day(since),
    };
    diesel::insert_into(exercised_activities::table)
        .values(&row)
        .execute(tx.conn)?;
    let state = json!({ "framework": framework_id, "item": row.item_code, "since": since.to_string() });
    tx.audit("note_activity", ("person", person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

/// Adds what was seen of a competence. Nothing is ever overwritten: a later evidence stands beside the earlier ones.
///
/// # Errors
/// Not found for another academy or an unknown framework; refused for a wrong level, a day to come, or an item that
/// is no competence of that framework.
pub fn add_evidence(tx: &mut Tx<'_>, new: &NewEvidence) -> Stored<String> {
    let academy = managed_person(tx, &new.person_id)?;
    let item_code = cited_item(tx.conn, &new.framework_id, &new.item_code, Cited::Competence)?;
    let today = today_in(&academy, tx.at)?;
    rule::check_evidence(new.level, new.dated_on, today)?;
    let same: Vec<EvidenceRow> = evidence::table
        .filter(evidence::person_id.eq(&new.person_id))
        .filter(evidence::framework_id.eq(&new.framework_id))
        .filter(evidence::item_code.eq(&item_code))
        .filter(evidence::source.eq(new.source))
        .filter(evidence::level.eq(new.level))
        .filter(evidence::dated_on.eq(Day(new.dated_on)))
        .select(EvidenceRow::as_select())
        .load(tx.conn)?;
    let author = tx.actor.name.clone();
    if let Some(row) = same.into_iter().find(|row| row.author == author && row.reference == new.reference) {
        return Ok(row.id);
    }
    let row = EvidenceRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        framework_id: new.framework_id.clone(),
        item_code,
        source: new.source,
        level: new.level,
        dated_on: Day(new.dated_on),
        author,
        reference: new.reference.clone(),
        created_at: tx.stamp(),
    };
    diesel::insert_into(evidence::table)
        .values(&row)
        .execute(tx.conn)?;
    let state = json!({
        "evidence": row.id, "framework": row.framework_id, "item": row.item_code, "source": row.source,
        "level": row.level, "dated_on": new.dated_on.to_string(),
    });
    tx.audit("add_evidence", ("person", &row.person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

// ---------------------------------------------------------------- queries

/// What the directory is narrowed to; empty text narrows nothing.
#[derive(Debug, Clone, Default)]
pub struct StaffFilter {
    /// Words of the name, accents and case aside.
    pub name: String,
    pub department: String,
    /// Holders of a valid certificate, or the others.
    pub certified: Option<bool>,
}

#[derive(Debug, Clone)]
pub struct StaffLine {
    pub person_id: String,
    pub name: String,
    pub birth_name: String,
    pub corps: String,
    pub status: String,
    /// Places of the postings of today.
    pub places: Vec<String>,
    pub departments: Vec<String>,
    /// Quota in use today, in per cent.
    pub quota: i32,
    /// Number of the valid certificate.
    pub certificate: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct StaffPage {
    pub lines: Vec<StaffLine>,
    pub total: usize,
    /// The page shown, from 1: a page beyond the last shows the last.
    pub page: usize,
}

pub(super) type People<'a> = people::BoxedQuery<'a, MultiBackend>;

pub(super) fn selected<'a>(academy: &'a str, filter: &'a StaffFilter, today: Date) -> People<'a> {
    let mut query = people::table.filter(people::academy_code.eq(academy)).into_boxed();
    for word in fold(&filter.name).split_whitespace() {
        let pattern = format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        query = query.filter(
            people::sort_key
                .like(pattern.clone())
                .escape('\\')
                .or(people::identity_key.like(pattern).escape('\\')),
        );
    }
    if !filter.department.is_empty() {
        let posted = postings::table
            .filter(postings::person_id.eq(people::id))
            .filter(postings::department.eq(&filter.department))
            .filter(postings::starts_on.le(Day(today)))
            .filter(postings::ends_on.is_null().or(postings::ends_on.ge(Day(today))));
        let registered = registrations::table
            .filter(registrations::person_id.eq(people::id))
            .filter(registrations::department.eq(&filter.department));
        query = query.filter(diesel::dsl::exists(posted).or(diesel::dsl::exists(registered)));
    }
    let held = certificates::table
        .filter(certificates::person_id.eq(people::id))
        .filter(certificates::state.eq(CertificateState::Valid));
    match filter.certified {
        Some(true) => query.filter(diesel::dsl::exists(held)),
        Some(false) => query.filter(diesel::dsl::not(diesel::dsl::exists(held))),
        None => query,
    }
}

/// The directory of an academy: five queries whatever the number of people.
///
/// # Errors
/// Not found for an unknown academy; the database's own.
pub fn list_staff(
    conn: &mut Conn,
    academy: &str,
    filter: &StaffFilter,
    page: usize,
    at: Timestamp,
) -> Stored<StaffPage> {
    let today = today_in(academy, at)?;
    let total: i64 = selected(academy, filter, today).count().get_result(conn)?;
    let total = usize::try_from(total).unwrap_or(0);
    let page = page.clamp(1, total.div_ceil(PER_PAGE).max(1));
    let offset = i64::try_from((page - 1) * PER_PAGE).unwrap_or(0);
    let rows: Vec<(String, String, Option<String>, String)> = selected(academy, filter, today)
        .order((people::sort_key, people::id))
        .offset(offset)
        .limit(i64::try_from(PER_PAGE).unwrap_or(50))
        .select((people::id, people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let mut records: HashMap<String, StaffRecordRow> = staff_records::table
        .filter(staff_records::person_id.eq_any(&ids))
        .select(StaffRecordRow::as_select())
        .load(conn)?
        .into_iter()
        .map(|row: StaffRecordRow| (row.person_id.clone(), row))
        .collect();
    let mut posted: HashMap<String, Vec<PostingRow>> = HashMap::new();
    let current: Vec<PostingRow> = postings::table
        .filter(postings::person_id.eq_any(&ids))
        .order((postings::starts_on, postings::id))
        .select(PostingRow::as_select())
        .load(conn)?;
    for row in current.into_iter().filter(|row| row.period().covers(today)) {
        posted.entry(row.person_id.clone()).or_default().push(row);
    }
    // Candidates without a record show what they registered with.
    let registered: Vec<(String, String, String, String, String)> = registrations::table
        .filter(registrations::person_id.eq_any(&ids))
        .order((registrations::submitted_at, registrations::id))
        .select((
            registrations::person_id,
            registrations::corps,
            registrations::status,
            registrations::school_name,
            registrations::department,
        ))
        .load(conn)?;
    let mut registered: HashMap<String, (String, String, String, String)> = registered
        .into_iter()
        .map(|(id, corps, status, school, department)| (id, (corps, status, school, department)))
        .collect();
    let mut held: HashMap<String, String> = certificates::table
        .filter(certificates::person_id.eq_any(&ids))
        .filter(certificates::state.eq(CertificateState::Valid))
        .select((certificates::person_id, certificates::number))
        .load(conn)?
        .into_iter()
        .collect();
    let lines = rows
        .into_iter()
        .map(|(id, birth, usage, first)| {
            let record = records.remove(&id);
            let own = posted.remove(&id).unwrap_or_default();
            let (corps, status, school, department) = registered.remove(&id).unwrap_or_default();
            let or_registered = |values: Vec<String>, value: String| match (values.is_empty(), value.is_empty()) {
                (true, false) => vec![value],
                _ => values,
            };
            let mut departments: Vec<String> = own.iter().filter_map(|row| row.department.clone()).collect();
            departments.sort_unstable();
            departments.dedup();
            StaffLine {
                name: full_name(&birth, usage.as_deref(), &first),
                birth_name: birth,
                quota: own.iter().map(|row| row.quota).sum(),
                places: or_registered(own.into_iter().map(|row| row.place).collect(), school),
                departments: or_registered(departments, department),
                corps: record.as_ref().map_or(corps, |row| row.corps.clone()),
                status: record.map_or(status, |row| row.status),
                certificate: held.remove(&id),
                person_id: id,
            }
        })
        .collect();
    Ok(StaffPage { lines, total, page })
}

/// Departments that the directory can be narrowed to.
///
/// # Errors
/// Not found for an unknown academy.
pub fn list_departments(conn: &mut Conn, academy: &str) -> Stored<Vec<String>> {
    let all: String = academies::table
        .find(academy)
        .select(academies::departments)
        .first(conn)?;
    Ok(all.split_whitespace().map(str::to_owned).collect())
}

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
}

impl StaffFile {
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
    let record = staff_records::table
        .find(person_id)
        .select(StaffRecordRow::as_select())
        .first(conn)
        .optional()?;
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
        exams: list_exams(conn, academy, person_id, at)?,
        certificates: list_certificates(conn, person_id)?,
    })
}

/// Exam files of a person; the outcome shows only after the instant of publication.
fn list_exams(conn: &mut Conn, academy: &str, person_id: &str, at: Timestamp) -> Stored<Vec<ExamLine>> {
    type Row = (String, i32, Option<Stamp>, String, String, String, Option<Outcome>);
    let rows: Vec<Row> = registrations::table
        .inner_join(exam_sessions::table)
        .left_join(results::table)
        .filter(registrations::person_id.eq(person_id))
        .filter(exam_sessions::academy_code.eq(academy))
        .order((exam_sessions::year.desc(), registrations::id))
        .select((
            exam_sessions::id,
            exam_sessions::year,
            exam_sessions::published_at,
            registrations::id,
            registrations::number,
            registrations::state,
            results::outcome.nullable(),
        ))
        .load(conn)?;
    let lines = rows.into_iter().map(|(session_id, year, published_at, registration_id, number, state, outcome)| {
        let is_public = published_at.is_some_and(|published| published.0 <= at);
        ExamLine {
            session_id,
            year,
            registration_id,
            number,
            state,
            outcome: outcome.filter(|_| is_public),
        }
    });
    Ok(lines.collect())
}

/// Published marks of a person, for those who may see marks: registration, épreuve, state, hundredths.
///
/// # Errors
/// The database's own.
pub fn list_published_marks(
    conn: &mut Conn,
    academy: &str,
    person_id: &str,
    at: Timestamp,
) -> Stored<Vec<(String, i32, EvaluationState, Option<i32>)>> {
    Ok(evaluations::table
        .inner_join(registrations::table.on(registrations::id.eq(evaluations::registration_id)))
        .inner_join(exam_sessions::table.on(exam_sessions::id.eq(registrations::session_id)))
        .filter(registrations::person_id.eq(person_id))
        .filter(exam_sessions::academy_code.eq(academy))
        .filter(exam_sessions::published_at.le(Stamp(at)))
        .order((exam_sessions::year.desc(), evaluations::epreuve))
        .select((
            evaluations::registration_id,
            evaluations::epreuve,
            evaluations::state,
            evaluations::mark,
        ))
        .load(conn)?)
}

fn list_certificates(conn: &mut Conn, person_id: &str) -> Stored<Vec<CertificateLine>> {
    let rows: Vec<(String, i32, CertificateState, Stamp)> = certificates::table
        .filter(certificates::person_id.eq(person_id))
        .order((certificates::year.desc(), certificates::number.desc()))
        .select((
            certificates::number,
            certificates::year,
            certificates::state,
            certificates::issued_at,
        ))
        .load(conn)?;
    let lines = rows.into_iter().map(|(number, year, state, issued_at)| CertificateLine {
        number,
        year,
        state,
        issued_at,
    });
    Ok(lines.collect())
}

// ---------------------------------------------------------------- shared with the training

/// Asks the table of permissions; whoever may not is told that the thing does not exist.
pub(super) fn may_or_hide(tx: &Tx<'_>, action: Action, academy: &str) -> Stored<()> {
    if may(tx.actor, action, Object::academy(academy)) {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}

/// The day it is in an academy at an instant: five of them live far from Paris.
pub(super) fn today_in(academy: &str, at: Timestamp) -> Stored<Date> {
    let academy = Academy::find(academy).ok_or(StoreError::NotFound)?;
    Ok(academy.date(at))
}

/// The academy of a person whose record the actor may change.
fn managed_person(tx: &mut Tx<'_>, person_id: &str) -> Stored<String> {
    let academy: String = people::table
        .find(person_id)
        .select(people::academy_code)
        .first(tx.conn)?;
    may_or_hide(tx, Action::ManageStaff, &academy)?;
    Ok(academy)
}

/// What a record may cite of a framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cited {
    Activity,
    Competence,
}

/// The code as the framework writes it.
fn cited_item(conn: &mut Conn, framework_id: &str, code: &str, kind: Cited) -> Stored<String> {
    let framework = get_framework(conn, framework_id)?;
    match (framework.find(code), kind) {
        (Some(Item::Activity(item)), Cited::Activity) => return Ok(item.code.clone()),
        (Some(Item::Competence(item)), Cited::Competence) => return Ok(item.code.clone()),
        _ => {}
    }
    let what = match kind {
        Cited::Activity => "une activité",
        Cited::Competence => "une compétence",
    };
    Err(Refusal::new(
        "no_such_item",
        format!(
            "«\u{a0}{code}\u{a0}» n’est pas {what} du référentiel «\u{a0}{}\u{a0}»\u{a0}: choisissez dans la liste.",
            framework.title
        ),
    )
    .into())
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
