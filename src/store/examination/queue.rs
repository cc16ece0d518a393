//! The office's queue of files: what it filters by, how it sorts, and counts that come from the very same filter.
//! The number of queries does not depend on the number of files.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::super::registration::RegistrationRow;
use super::super::schema::{
    assignments, decisions, kept_mark_claims, messages, people, piece_request_items, piece_requests, pieces,
    registrations as t,
};
use super::super::{Conn, Day, MultiBackend, Stored, eligibility, message};
use super::list_assignments;
use crate::store::people::PersonRow;
use crate::words;

/// Who takes care of the files looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Care {
    Nobody,
    User(String),
}

words! {
    /// How the queue is sorted; a minus before the word reverses it on pages.
    #[derive(Default)]
    pub enum Sort {
        #[default]
        Name = "nom",
        Number = "numero",
        Received = "depot",
        Department = "departement",
        State = "etat",
    }
}

/// What the office filters its queue by; empty, it shows every file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// Beginning of a name, accents aside.
    pub name: Option<String>,
    pub state: Option<String>,
    pub proposal: Option<String>,
    pub category: Option<String>,
    pub department: Option<String>,
    /// Code of a piece that is missing or refused; `""` for any.
    pub missing: Option<String>,
    /// Only files that wait for an officer's decision.
    pub undecided: bool,
    /// Only files with a request whose answer is awaited.
    pub awaiting: bool,
    /// Only files whose awaited answer is late.
    pub late: bool,
    /// Only files whose candidate wrote something that the office has not read.
    pub unread: bool,
    /// Only files that claim a kept mark which this office has to check.
    pub claims: bool,
    pub care: Option<Care>,
}

type Matching<'a> =
    diesel::helper_types::IntoBoxed<'a, diesel::helper_types::InnerJoin<t::table, people::table>, MultiBackend>;

/// Pieces that a request still waits for, with their requests: the shape of three filters.
macro_rules! awaited {
    () => {
        piece_request_items::table
            .inner_join(piece_requests::table)
            .inner_join(
                pieces::table.on(pieces::registration_id
                    .eq(piece_requests::registration_id)
                    .and(pieces::code.eq(piece_request_items::code))),
            )
            .filter(piece_requests::closed_at.is_null())
            .filter(pieces::state.eq_any(["missing", "refused"]))
    };
}

fn matching<'a>(session_id: &str, filter: &QueueFilter, today: jiff::civil::Date) -> Matching<'a> {
    let session = session_id.to_owned();
    let mut query = t::table.inner_join(people::table).into_boxed().filter(t::session_id.eq(session.clone()));
    if let Some(name) = &filter.name {
        let key = crate::domain::ids::fold(name).replace(['%', '_'], "");
        query = query.filter(people::sort_key.like(format!("{key}%")));
    }
    if let Some(state) = &filter.state {
        query = query.filter(t::state.eq(state.clone()));
    }
    if let Some(proposal) = &filter.proposal {
        query = query.filter(t::eligibility.eq(proposal.clone()));
    }
    if let Some(category) = &filter.category {
        query = query.filter(t::category.eq(category.clone()));
    }
    if let Some(department) = &filter.department {
        query = query.filter(t::department.eq(department.clone()));
    }
    if let Some(code) = &filter.missing {
        // What a withdrawn or refused file lacks is asked from nobody.
        query = query.filter(t::state.eq_any(["submitted", "admitted"]));
        let lacking = pieces::table.filter(pieces::state.eq_any(["missing", "refused"]));
        query = if code.is_empty() {
            query.filter(t::id.eq_any(lacking.select(pieces::registration_id)))
        } else {
            query.filter(t::id.eq_any(lacking.filter(pieces::code.eq(code.clone())).select(pieces::registration_id)))
        };
    }
    if filter.undecided {
        let waiting = decisions::table
            .filter(decisions::session_id.eq(session.clone()))
            .filter(decisions::kind.eq("eligibility"))
            .filter(decisions::superseded_at.is_null())
            .filter(decisions::outcome.is_null())
            .filter(decisions::proposed.ne("eligible"))
            .select(decisions::registration_id);
        query = query.filter(t::state.eq("submitted")).filter(t::id.eq_any(waiting));
    }
    if filter.awaiting || filter.late {
        query = query.filter(t::state.eq_any(["submitted", "admitted"]));
        let waiting = awaited!().filter(piece_requests::session_id.eq(session.clone()));
        query = if filter.late {
            let late = waiting.filter(piece_requests::due_on.lt(Day(today)));
            query.filter(t::id.eq_any(late.select(piece_requests::registration_id)))
        } else {
            query.filter(t::id.eq_any(waiting.select(piece_requests::registration_id)))
        };
    }
    if filter.unread {
        let waiting = messages::table
            .filter(messages::session_id.eq(session))
            .filter(messages::from_office.eq(false))
            .filter(messages::read_at.is_null());
        query = query.filter(t::id.eq_any(waiting.select(messages::file_id)));
    }
    if filter.claims {
        let waiting = kept_mark_claims::table.filter(kept_mark_claims::state.eq("claimed"));
        // A mark that nobody will sit with is not to check.
        query = query
            .filter(t::state.ne_all(["withdrawn", "refused"]))
            .filter(t::id.eq_any(waiting.select(kept_mark_claims::registration_id)));
    }
    match &filter.care {
        None => query,
        Some(Care::Nobody) => query.filter(t::id.ne_all(assignments::table.select(assignments::registration_id))),
        Some(Care::User(id)) => query.filter(t::id.eq_any(
            assignments::table.filter(assignments::user_id.eq(id.clone())).select(assignments::registration_id),
        )),
    }
}

fn sorted<'a>(query: Matching<'a>, sort: Sort, reversed: bool) -> Matching<'a> {
    match (sort, reversed) {
        (Sort::Name, false) => query.order((people::sort_key, t::rank)),
        (Sort::Name, true) => query.order((people::sort_key.desc(), t::rank)),
        (Sort::Number, false) => query.order(t::rank),
        (Sort::Number, true) => query.order(t::rank.desc()),
        (Sort::Received, false) => query.order((t::submitted_at, t::rank)),
        (Sort::Received, true) => query.order((t::submitted_at.desc(), t::rank)),
        (Sort::Department, false) => query.order((t::department, people::sort_key, t::rank)),
        (Sort::Department, true) => query.order((t::department.desc(), people::sort_key, t::rank)),
        (Sort::State, false) => query.order((t::state, t::eligibility, people::sort_key, t::rank)),
        (Sort::State, true) => query.order((t::state.desc(), t::eligibility.desc(), people::sort_key, t::rank)),
    }
}

/// How many files match.
///
/// # Errors
/// The database's own.
pub fn count_queue(conn: &mut Conn, session_id: &str, filter: &QueueFilter, today: jiff::civil::Date) -> Stored<i64> {
    Ok(matching(session_id, filter, today).count().get_result(conn)?)
}

/// The identifiers of all matching files, in their order: what « previous » and « next » walk through.
///
/// # Errors
/// The database's own.
pub fn list_queue_ids(
    conn: &mut Conn,
    session_id: &str,
    filter: &QueueFilter,
    (sort, reversed): (Sort, bool),
    today: jiff::civil::Date,
) -> Stored<Vec<String>> {
    Ok(sorted(matching(session_id, filter, today), sort, reversed).select(t::id).load(conn)?)
}

/// A file, its person, and how many pieces it lacks.
#[derive(Debug, Clone)]
pub struct FileLine {
    pub registration: RegistrationRow,
    pub person: PersonRow,
    pub missing_pieces: i64,
}

/// One line of the queue.
#[derive(Debug, Clone)]
pub struct QueueLine {
    pub file: FileLine,
    pub is_decided: bool,
    /// Name of the officer who takes care of it.
    pub care: Option<String>,
    /// The day until which an answer is awaited.
    pub waits_until: Option<jiff::civil::Date>,
    /// Messages of the candidate that the office has not read.
    pub unread: i64,
}

/// A page of the queue. Six queries, whatever the page.
///
/// # Errors
/// The database's own.
pub fn list_queue(
    conn: &mut Conn,
    session_id: &str,
    filter: &QueueFilter,
    (sort, reversed): (Sort, bool),
    today: jiff::civil::Date,
    (limit, offset): (i64, i64),
) -> Stored<Vec<QueueLine>> {
    let rows: Vec<(RegistrationRow, PersonRow)> = sorted(matching(session_id, filter, today), sort, reversed)
        .limit(limit)
        .offset(offset)
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    lines_of(conn, rows)
}

/// The files named, in alphabetical order, as far as they are of this session.
///
/// # Errors
/// The database's own.
pub fn list_named(conn: &mut Conn, session_id: &str, ids: &[String]) -> Stored<Vec<QueueLine>> {
    let rows: Vec<(RegistrationRow, PersonRow)> = t::table
        .inner_join(people::table)
        .filter(t::session_id.eq(session_id))
        .filter(t::id.eq_any(ids))
        .order((people::sort_key, t::rank))
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    lines_of(conn, rows)
}

fn lines_of(conn: &mut Conn, rows: Vec<(RegistrationRow, PersonRow)>) -> Stored<Vec<QueueLine>> {
    let ids: Vec<String> = rows.iter().map(|(file, _)| file.id.clone()).collect();
    let missing: HashMap<String, i64> = pieces::table
        .filter(pieces::registration_id.eq_any(&ids))
        .filter(pieces::state.eq_any(["missing", "refused"]))
        .group_by(pieces::registration_id)
        .select((pieces::registration_id, diesel::dsl::count_star()))
        .load::<(String, i64)>(conn)?
        .into_iter()
        .collect();
    let care = list_assignments(conn, &ids)?;
    let decided: HashSet<String> = eligibility::list_decided(conn, &ids)?;
    let waiting = list_awaited(conn, &ids)?;
    let unread = message::count_unread(conn, &ids, message::Side::Office)?;
    Ok(rows
        .into_iter()
        .map(|(registration, person)| QueueLine {
            is_decided: decided.contains(&registration.id),
            care: care.get(&registration.id).map(|(_, name)| name.clone()),
            waits_until: waiting.get(&registration.id).copied(),
            unread: unread.get(&registration.id).copied().unwrap_or(0),
            file: FileLine {
                missing_pieces: missing.get(&registration.id).copied().unwrap_or(0),
                registration,
                person,
            },
        })
        .collect())
}

/// Until when an answer is awaited from each of these files that was asked for pieces.
///
/// # Errors
/// The database's own.
pub fn list_awaited(conn: &mut Conn, ids: &[String]) -> Stored<HashMap<String, jiff::civil::Date>> {
    Ok(awaited!()
        .filter(piece_requests::registration_id.eq_any(ids))
        .select((piece_requests::registration_id, piece_requests::due_on))
        .load::<(String, Day)>(conn)?
        .into_iter()
        .map(|(id, day)| (id, day.0))
        .collect())
}

/// Views of the queue that the program offers, with the number of files in each: by the filter itself, so they agree.
///
/// # Errors
/// The database's own.
pub fn count_views(
    conn: &mut Conn,
    session_id: &str,
    filters: &[QueueFilter],
    today: jiff::civil::Date,
) -> Stored<Vec<i64>> {
    filters.iter().map(|filter| count_queue(conn, session_id, filter, today)).collect()
}
