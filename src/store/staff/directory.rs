//! The directory of an academy: a page of people with where they work and what they hold, in as many queries
//! whatever their number. Candidates without a record yet show what they registered with.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{PostingRow, StaffRecordRow, today_in};
use crate::domain::certificate::CertificateState;
use crate::domain::ids::fold;
use crate::store::schema::{academies, certificates, former_names, people, postings, registrations, staff_records};
use crate::store::training::full_name;
use crate::store::{Conn, Day, MultiBackend, Stored};

/// Lines of the directory on one page.
pub const PER_PAGE: usize = 50;

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

type People<'a> = people::BoxedQuery<'a, MultiBackend>;

pub(in crate::store) fn selected<'a>(academy: &'a str, filter: &'a StaffFilter, today: Date) -> People<'a> {
    let mut query = people::table.filter(people::academy_code.eq(academy)).into_boxed();
    for word in fold(&filter.name).split_whitespace() {
        let borne = former_names::table.filter(former_names::person_id.eq(people::id));
        let pattern = format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        query = query.filter(
            people::sort_key
                .like(pattern.clone())
                .escape('\\')
                .or(people::identity_key.like(pattern.clone()).escape('\\'))
                .or(diesel::dsl::exists(borne.filter(former_names::search_key.like(pattern).escape('\\')))),
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
    let all: String = academies::table.find(academy).select(academies::departments).first(conn)?;
    Ok(all.split_whitespace().map(str::to_owned).collect())
}
