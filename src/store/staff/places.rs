//! Where the qualification is: how many holders by department and level, and which posts that ask for the
//! certificate are filled by somebody without it. Counts go through the filters of the directory, so that each
//! number is the length of the list behind it.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;

use super::directory::{NO_DEPARTMENT, Posted, StaffFilter, list_departments, selected};
use super::{PostingRow, today_in};
use crate::domain::staff::{Holding, PostingLevel};
use crate::store::holder::qualifications_of;
use crate::store::schema::{enrolments, people, postings, registrations, training_sessions};
use crate::store::training::full_name;
use crate::store::{Conn, Day, Stored};

/// Columns of the table: each level, then people posted nowhere today.
pub const COLUMNS: usize = PostingLevel::ALL.len() + 1;

/// Where a column stands: the filter that gives its list.
#[must_use]
pub fn column_filter(column: usize) -> Posted {
    PostingLevel::ALL.get(column).map_or(Posted::Nowhere, |level| Posted::At(*level))
}

/// Holders of one department (or of none), by level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// Code of the department, or [`NO_DEPARTMENT`].
    pub department: String,
    pub counts: [usize; COLUMNS],
    /// People, each counted once whatever the levels.
    pub total: usize,
}

#[derive(Debug, Clone)]
pub struct Places {
    pub rows: Vec<PlaceRow>,
    /// People, each counted once wherever they are posted.
    pub total: usize,
}

/// How many people of a holding are posted where, in four queries. Somebody with two postings counts in each place.
///
/// # Errors
/// Not found for an unknown academy.
pub fn count_places(conn: &mut Conn, academy: &str, holding: Holding, at: Timestamp) -> Stored<Places> {
    let today = today_in(academy, at)?;
    let filter = StaffFilter { holding: Some(holding), ..StaffFilter::default() };
    let found: BTreeSet<String> =
        selected(academy, &filter, today).select(people::id).load(conn)?.into_iter().collect();
    let posted: Vec<(String, PostingLevel, Option<String>)> = postings::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(postings::starts_on.le(Day(today)))
        .filter(postings::ends_on.is_null().or(postings::ends_on.ge(Day(today))))
        .select((postings::person_id, postings::level, postings::department))
        .load(conn)?;
    let registered: Vec<(String, String)> = registrations::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .select((registrations::person_id, registrations::department))
        .load(conn)?;
    let anywhere: BTreeSet<&str> = posted.iter().map(|row| row.0.as_str()).collect();
    let nowhere = PostingLevel::ALL.len();
    // One person counts once in a cell, whatever the number of postings that put them there.
    let mut cells: BTreeSet<(String, usize, &str)> = BTreeSet::new();
    for (person, level, department) in posted.iter().filter(|row| found.contains(&row.0)) {
        let column = PostingLevel::ALL.iter().position(|own| own == level).unwrap_or(nowhere);
        cells.insert((department.clone().unwrap_or_else(|| NO_DEPARTMENT.to_owned()), column, person));
    }
    let unposted = |id: &str| found.contains(id) && !anywhere.contains(id);
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    for (person, department) in registered.iter().filter(|row| unposted(&row.0)) {
        placed.insert(person);
        cells.insert((department.clone(), nowhere, person));
    }
    for person in found.iter().filter(|id| unposted(id) && !placed.contains(id.as_str())) {
        cells.insert((NO_DEPARTMENT.to_owned(), nowhere, person));
    }
    type Row<'a> = ([usize; COLUMNS], BTreeSet<&'a str>);
    let mut rows: BTreeMap<String, Row<'_>> =
        list_departments(conn, academy)?.into_iter().map(|code| (code, Row::default())).collect();
    for (department, column, person) in cells {
        let (counts, people) = rows.entry(department).or_default();
        if let Some(count) = counts.get_mut(column) {
            *count += 1;
        }
        people.insert(person);
    }
    let rows = rows
        .into_iter()
        .map(|(department, (counts, people))| PlaceRow { department, counts, total: people.len() })
        .collect();
    Ok(Places { rows, total: found.len() })
}

/// A post that asks for the certificate, held today by somebody without it.
#[derive(Debug, Clone)]
pub struct Vacancy {
    pub posting: PostingRow,
    pub person_name: String,
    pub in_training: bool,
    /// The commitment has passed.
    pub is_overdue: bool,
}

/// Posts of an academy that ask for the certificate: how many there are today, and those without a holder, the
/// nearest commitment first and those without a date last.
///
/// # Errors
/// Not found for an unknown academy.
pub fn list_vacancies(conn: &mut Conn, academy: &str, at: Timestamp) -> Stored<(usize, Vec<Vacancy>)> {
    let today = today_in(academy, at)?;
    type Name = (String, Option<String>, String);
    let rows: Vec<(PostingRow, Name)> = postings::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(postings::requires_certificate.eq(true))
        .filter(postings::starts_on.le(Day(today)))
        .filter(postings::ends_on.is_null().or(postings::ends_on.ge(Day(today))))
        .order((people::sort_key, postings::id))
        .select((PostingRow::as_select(), (people::birth_name, people::usage_name, people::first_names)))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|(posting, _)| posting.person_id.as_str()).collect();
    let held = qualifications_of(conn, &ids)?;
    let trained: Vec<String> = enrolments::table
        .inner_join(training_sessions::table)
        .filter(enrolments::person_id.eq_any(&ids))
        .filter(enrolments::withdrawn_at.is_null())
        .filter(training_sessions::ends_on.ge(Day(today)))
        .select(enrolments::person_id)
        .load(conn)?;
    let total = rows.len();
    let mut vacancies: Vec<Vacancy> = rows
        .into_iter()
        .filter(|(posting, _)| !held.contains_key(&posting.person_id))
        .map(|(posting, (birth, usage, first))| Vacancy {
            person_name: full_name(&birth, usage.as_deref(), &first),
            in_training: trained.contains(&posting.person_id),
            is_overdue: posting.certificate_by.is_some_and(|day| day.0 < today),
            posting,
        })
        .collect();
    vacancies.sort_by_key(|vacancy| vacancy.posting.certificate_by.map_or(Date::MAX, |day| day.0));
    Ok((total, vacancies))
}
