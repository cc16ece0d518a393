//! The directory of an academy: a page of people with where they work and what they hold, in as many queries
//! whatever their number. Candidates without a record yet show what they registered with.
//! `selected` is the one reading of the filters: the list, the export and the counts by place all go through it.

use std::collections::HashMap;

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{PostingRow, StaffRecordRow, today_in};
use crate::domain::certificate::CertificateState;
use crate::domain::holder::{CheckState, Qualification};
use crate::domain::ids::fold;
use crate::domain::staff::{Holding, PostingLevel};
use crate::store::holder::qualifications_of;
use crate::store::schema::{
    academies, certificates, earlier_certificates, enrolments, equivalences, exercised_activities, former_names,
    people, postings, registrations, staff_records, training_sessions,
};
use crate::store::training::full_name;
use crate::store::{Conn, Day, MultiBackend, Stored};

/// Lines of the directory on one page.
pub const PER_PAGE: usize = 50;

/// In the filter of departments: postings that name none, as those of a whole academy.
pub const NO_DEPARTMENT: &str = "aucun";

/// Where somebody is posted today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    At(PostingLevel),
    /// Without any posting today.
    Nowhere,
}

/// What the directory is narrowed to; empty text narrows nothing.
#[derive(Debug, Clone, Default)]
pub struct StaffFilter {
    /// Words of a name, borne now or before, accents and case aside.
    pub name: String,
    /// Department of a posting of today, or of a registration for somebody posted nowhere.
    pub department: String,
    pub posted: Option<Posted>,
    /// Corps as written on records, one of these; see [`corps_called`].
    pub corps: Option<Vec<String>>,
    pub holding: Option<Holding>,
    /// Codes of the framework: people who exercise one of them today.
    pub exercised: Vec<String>,
    pub order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    Name,
    NameDown,
    Corps,
    CorpsDown,
}

impl Order {
    /// Reads what an address says: `nom`, `-nom`, `corps`, `-corps`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "-nom" => Order::NameDown,
            "corps" => Order::Corps,
            "-corps" => Order::CorpsDown,
            _ => Order::Name,
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Order::Name => "nom",
            Order::NameDown => "-nom",
            Order::Corps => "corps",
            Order::CorpsDown => "-corps",
        }
    }
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
    /// By what the qualification is held.
    pub held: Option<Qualification>,
    pub in_training: bool,
}

#[derive(Debug, Clone, Default)]
pub struct StaffPage {
    pub lines: Vec<StaffLine>,
    pub total: usize,
    /// The page shown, from 1: a page beyond the last shows the last.
    pub page: usize,
}

type People<'a> = people::BoxedQuery<'a, MultiBackend>;

/// The people of an academy that a filter keeps; the order is not part of it.
pub(in crate::store) fn selected<'a>(academy: &'a str, filter: &'a StaffFilter, today: Date) -> People<'a> {
    let mut query = people::table.filter(people::academy_code.eq(academy)).into_boxed();
    for word in fold(&filter.name).split_whitespace() {
        let borne = former_names::table.filter(former_names::person_id.eq(people::id));
        let pattern = like(word);
        query = query.filter(
            people::sort_key
                .like(pattern.clone())
                .escape('\\')
                .or(people::identity_key.like(pattern.clone()).escape('\\'))
                .or(exists(borne.filter(former_names::search_key.like(pattern).escape('\\')))),
        );
    }
    if let Some(corps) = &filter.corps {
        let of_corps = staff_records::table
            .filter(staff_records::person_id.eq(people::id))
            .filter(staff_records::corps.eq_any(corps));
        query = query.filter(exists(of_corps));
    }
    if !filter.exercised.is_empty() {
        let exercises = exercised_activities::table
            .filter(exercised_activities::person_id.eq(people::id))
            .filter(exercised_activities::item_code.eq_any(&filter.exercised))
            .filter(exercised_activities::since.le(Day(today)))
            .filter(exercised_activities::until_on.is_null().or(exercised_activities::until_on.ge(Day(today))));
        query = query.filter(exists(exercises));
    }
    holding(placed(query, filter, today), filter.holding, today)
}

/// Narrows to a level and a department, which must be those of one same posting.
fn placed<'a>(query: People<'a>, filter: &'a StaffFilter, today: Date) -> People<'a> {
    let current = || {
        postings::table
            .filter(postings::person_id.eq(people::id))
            .filter(postings::starts_on.le(Day(today)))
            .filter(postings::ends_on.is_null().or(postings::ends_on.ge(Day(today))))
    };
    let registered = registrations::table
        .filter(registrations::person_id.eq(people::id))
        .filter(registrations::department.eq(&filter.department));
    let department = filter.department.as_str();
    match (filter.posted, department) {
        (None, "") => query,
        (Some(Posted::Nowhere), "") => query.filter(not(exists(current()))),
        (Some(Posted::Nowhere), NO_DEPARTMENT) => {
            let anywhere = registrations::table.filter(registrations::person_id.eq(people::id));
            query.filter(not(exists(current()))).filter(not(exists(anywhere)))
        }
        (Some(Posted::Nowhere), _) => query.filter(not(exists(current()))).filter(exists(registered)),
        (Some(Posted::At(level)), "") => query.filter(exists(current().filter(postings::level.eq(level)))),
        (Some(Posted::At(level)), NO_DEPARTMENT) => {
            query.filter(exists(current().filter(postings::level.eq(level)).filter(postings::department.is_null())))
        }
        (Some(Posted::At(level)), _) => query.filter(exists(
            current().filter(postings::level.eq(level)).filter(postings::department.eq(&filter.department)),
        )),
        (None, NO_DEPARTMENT) => {
            let anywhere = registrations::table.filter(registrations::person_id.eq(people::id));
            let unplaced = not(exists(current())).and(not(exists(anywhere)));
            query.filter(exists(current().filter(postings::department.is_null())).or(unplaced))
        }
        (None, _) => {
            let posted = exists(current().filter(postings::department.eq(&filter.department)));
            query.filter(posted.or(not(exists(current())).and(exists(registered))))
        }
    }
}

/// Narrows to what people hold, or are on the way to.
fn holding(query: People<'_>, wanted: Option<Holding>, today: Date) -> People<'_> {
    let issued = || {
        exists(
            certificates::table
                .filter(certificates::person_id.eq(people::id))
                .filter(certificates::state.eq(CertificateState::Valid)),
        )
    };
    let earlier = || {
        exists(
            earlier_certificates::table
                .filter(earlier_certificates::person_id.eq(people::id))
                .filter(earlier_certificates::state.eq(CheckState::Verified)),
        )
    };
    let deemed = || {
        exists(
            equivalences::table
                .filter(equivalences::person_id.eq(people::id))
                .filter(equivalences::state.eq(CheckState::Verified)),
        )
    };
    let in_training = || {
        exists(
            enrolments::table
                .inner_join(training_sessions::table)
                .filter(enrolments::person_id.eq(people::id))
                .filter(enrolments::withdrawn_at.is_null())
                .filter(training_sessions::ends_on.ge(Day(today))),
        )
    };
    match wanted {
        None => query,
        Some(Holding::Certified) => query.filter(issued().or(earlier())),
        Some(Holding::Equivalent) => query.filter(deemed()).filter(not(issued().or(earlier()))),
        Some(Holding::InTraining) => query.filter(in_training()),
        Some(Holding::Nothing) => query.filter(not(issued().or(earlier()).or(deemed()))),
    }
}

/// A pattern in which what the engine would read as a joker is a letter like another.
fn like(word: &str) -> String {
    format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// The directory of an academy: as many queries whatever the number of people.
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
    let corps = || staff_records::table.filter(staff_records::person_id.eq(people::id)).select(staff_records::corps);
    let query = selected(academy, filter, today);
    let query = match filter.order {
        Order::Name => query.order((people::sort_key, people::id)),
        Order::NameDown => query.order((people::sort_key.desc(), people::id.desc())),
        Order::Corps => query.order((corps().single_value().asc(), people::sort_key.asc(), people::id.asc())),
        Order::CorpsDown => query.order((corps().single_value().desc(), people::sort_key.asc(), people::id.asc())),
    };
    let rows: Vec<(String, String, Option<String>, String)> = query
        .offset(offset)
        .limit(i64::try_from(PER_PAGE).unwrap_or(50))
        .select((people::id, people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    let lines = lines_of(conn, rows, today)?;
    Ok(StaffPage { lines, total, page })
}

fn lines_of(
    conn: &mut Conn,
    rows: Vec<(String, String, Option<String>, String)>,
    today: Date,
) -> Stored<Vec<StaffLine>> {
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
    let mut held = qualifications_of(conn, &ids)?;
    let trained: Vec<String> = enrolments::table
        .inner_join(training_sessions::table)
        .filter(enrolments::person_id.eq_any(&ids))
        .filter(enrolments::withdrawn_at.is_null())
        .filter(training_sessions::ends_on.ge(Day(today)))
        .select(enrolments::person_id)
        .load(conn)?;
    let lines = rows.into_iter().map(|(id, birth, usage, first)| {
        let record = records.remove(&id);
        let own = posted.remove(&id).unwrap_or_default();
        let (corps, status, school, department) = registered.remove(&id).unwrap_or_default();
        let or_registered = |values: Vec<String>, value: String| match (own.is_empty(), value.is_empty()) {
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
            places: or_registered(own.iter().map(|row| row.place.clone()).collect(), school),
            departments: or_registered(departments, department),
            corps: record.as_ref().map_or(corps, |row| row.corps.clone()),
            status: record.map_or(status, |row| row.status),
            held: held.remove(&id),
            in_training: trained.contains(&id),
            person_id: id,
        }
    });
    Ok(lines.collect())
}

/// The corps of an academy's records that hold what is typed, accents and case aside.
///
/// # Errors
/// The database's own.
pub fn corps_called(conn: &mut Conn, academy: &str, typed: &str) -> Stored<Vec<String>> {
    let all: Vec<String> = staff_records::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .select(staff_records::corps)
        .distinct()
        .order(staff_records::corps)
        .load(conn)?;
    let typed = fold(typed);
    Ok(all.into_iter().filter(|corps| fold(corps).contains(&typed)).collect())
}

/// Departments that the directory can be narrowed to.
///
/// # Errors
/// Not found for an unknown academy.
pub fn list_departments(conn: &mut Conn, academy: &str) -> Stored<Vec<String>> {
    let all: String = academies::table.find(academy).select(academies::departments).first(conn)?;
    Ok(all.split_whitespace().map(str::to_owned).collect())
}
