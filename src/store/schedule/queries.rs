//! The calendar as pages show it: by day, by commission, by candidate, by juror. One query each.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;
use jiff::civil::Date;

use super::SlotRow;
use super::facts::{frame_of, list_examinees};
use crate::domain::academy::Academy;
use crate::domain::schedule::{epreuve_minutes, expected_epreuves, has_extra_third};
use crate::store::schema::{
    commission_members, commissions, conflicts, exam_sessions, jurors, people, registrations, slots as t,
};
use crate::store::session::SessionRow;
use crate::store::{Conn, Stamp, StoreError, Stored, reference};

/// A slot with what is read beside it.
#[derive(Debug, Clone)]
pub struct SlotView {
    pub slot: SlotRow,
    pub candidate_number: String,
    pub candidate_name: String,
    pub school_name: String,
    pub commission: String,
    /// Whether the candidate has one third more time; the reason is known to nobody here.
    pub extra_third: bool,
}

/// What the calendar is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct SlotFilter {
    /// A day on the academy's clocks.
    pub day: Option<Date>,
    pub commission: Option<String>,
}

type Line = (SlotRow, String, (String, Option<String>, String), (String, Option<String>), String);

fn view((slot, candidate_number, (birth, usage, first), (school_name, accommodation), commission): Line) -> SlotView {
    SlotView {
        slot,
        candidate_number,
        candidate_name: format!("{} {first}", usage.unwrap_or(birth)),
        school_name,
        commission,
        extra_third: has_extra_third(accommodation.as_deref()),
    }
}

macro_rules! line_columns {
    () => {
        (
            SlotRow::as_select(),
            registrations::number,
            (people::birth_name, people::usage_name, people::first_names),
            (registrations::school_name, registrations::accommodation),
            commissions::label,
        )
    };
}

/// The calendar of a session, by hour.
///
/// # Errors
/// The database's own.
pub fn list_slots(conn: &mut Conn, session: &SessionRow, filter: &SlotFilter) -> Stored<Vec<SlotView>> {
    let mut query = t::table
        .inner_join(registrations::table.inner_join(people::table))
        .inner_join(commissions::table)
        .filter(t::session_id.eq(&session.id))
        .into_boxed();
    if let Some(day) = filter.day {
        let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
        let midnight = |day: Date| day.to_zoned(academy.zone().clone()).map(|zoned| Stamp(zoned.timestamp()));
        let (Ok(from), Ok(to)) = (midnight(day), day.tomorrow().and_then(midnight)) else { return Ok(Vec::new()) };
        query = query.filter(t::starts_at.ge(from)).filter(t::starts_at.lt(to));
    }
    if let Some(commission) = &filter.commission {
        query = query.filter(t::commission_id.eq(commission.clone()));
    }
    let rows: Vec<Line> =
        query.order((t::starts_at, commissions::label, registrations::rank)).select(line_columns!()).load(conn)?;
    Ok(rows.into_iter().map(view).collect())
}

/// A slot of a session, with what is read beside it.
///
/// # Errors
/// [`StoreError::NotFound`] for a slot of another session.
pub fn get_slot(conn: &mut Conn, session_id: &str, slot_id: &str) -> Stored<SlotView> {
    let row: Line = t::table
        .inner_join(registrations::table.inner_join(people::table))
        .inner_join(commissions::table)
        .filter(t::id.eq(slot_id))
        .filter(t::session_id.eq(session_id))
        .select(line_columns!())
        .first(conn)?;
    Ok(view(row))
}

/// The slots of one candidate, by hour.
///
/// # Errors
/// The database's own.
pub fn slots_of_registration(conn: &mut Conn, registration_id: &str) -> Stored<Vec<SlotView>> {
    let rows: Vec<Line> = t::table
        .inner_join(registrations::table.inner_join(people::table))
        .inner_join(commissions::table)
        .filter(t::registration_id.eq(registration_id))
        .order((t::starts_at, t::epreuve))
        .select(line_columns!())
        .load(conn)?;
    Ok(rows.into_iter().map(view).collect())
}

/// A slot before one of the user's own commissions.
#[derive(Debug, Clone)]
pub struct AgendaLine {
    pub view: SlotView,
    pub is_chair: bool,
    pub session: SessionRow,
}

/// A juror's days, all sessions: only their own commissions.
///
/// # Errors
/// The database's own.
pub fn agenda_of_user(conn: &mut Conn, user_id: &str) -> Stored<Vec<AgendaLine>> {
    type Seat = (SlotRow, String, (String, Option<String>, String), (String, Option<String>), String, bool, SessionRow);
    let rows: Vec<Seat> = t::table
        .inner_join(registrations::table.inner_join(people::table))
        .inner_join(commissions::table.inner_join(commission_members::table.inner_join(jurors::table)))
        .inner_join(exam_sessions::table)
        .filter(jurors::user_id.eq(user_id))
        .order((t::starts_at, registrations::number))
        .select((
            SlotRow::as_select(),
            registrations::number,
            (people::birth_name, people::usage_name, people::first_names),
            (registrations::school_name, registrations::accommodation),
            commissions::label,
            commission_members::is_chair,
            SessionRow::as_select(),
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(slot, number, name, school, commission, is_chair, session)| AgendaLine {
            view: view((slot, number, name, school, commission)),
            is_chair,
            session,
        })
        .collect())
}

/// An épreuve for which an admitted candidate has no slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub registration_id: String,
    pub candidate_number: String,
    pub candidate_name: String,
    pub epreuve: i32,
}

/// Every slot that is still to be placed, by candidate number. Three queries, whatever the number.
///
/// # Errors
/// The database's own.
pub fn list_missing(conn: &mut Conn, session: &SessionRow) -> Stored<Vec<Missing>> {
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let placed: HashSet<(String, i32)> = t::table
        .filter(t::session_id.eq(&session.id))
        .select((t::registration_id, t::epreuve))
        .load::<(String, i32)>(conn)?
        .into_iter()
        .collect();
    let mut missing = Vec::new();
    for candidate in list_examinees(conn, &session.id, None)?.into_iter().filter(|candidate| candidate.admitted) {
        for (epreuve, _) in expected_epreuves(&pack, &candidate.kept) {
            if !placed.contains(&(candidate.registration.clone(), epreuve)) {
                missing.push(Missing {
                    registration_id: candidate.registration.clone(),
                    candidate_number: candidate.number.clone(),
                    candidate_name: candidate.name.clone(),
                    epreuve,
                });
            }
        }
    }
    Ok(missing)
}

/// How many slots a session has, and how many of them nobody has been convened to.
///
/// # Errors
/// The database's own.
pub fn count_slots(conn: &mut Conn, session_id: &str) -> Stored<(i64, i64)> {
    let all: i64 = t::table.filter(t::session_id.eq(session_id)).count().get_result(conn)?;
    let untold: i64 =
        t::table.filter(t::session_id.eq(session_id)).filter(t::convoked_at.is_null()).count().get_result(conn)?;
    Ok((all, untold))
}

/// Days that have slots, on the academy's clocks, with how many.
///
/// # Errors
/// The database's own.
pub fn list_days(conn: &mut Conn, session: &SessionRow) -> Stored<BTreeMap<Date, usize>> {
    let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    let starts: Vec<Stamp> = t::table.filter(t::session_id.eq(&session.id)).select(t::starts_at).load(conn)?;
    let mut days = BTreeMap::new();
    for start in starts {
        *days.entry(academy.date(start.0)).or_default() += 1;
    }
    Ok(days)
}

/// The title of an épreuve, its minutes for this candidate, and where it is held by default.
///
/// # Errors
/// [`StoreError::NotFound`] for a candidate of another session.
pub fn describe(
    conn: &mut Conn,
    session: &SessionRow,
    registration_id: &str,
    epreuve: i32,
) -> Stored<(String, u32, String)> {
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let frame = frame_of(session, &pack)?;
    let candidate =
        list_examinees(conn, &session.id, Some(registration_id))?.into_iter().next().ok_or(StoreError::NotFound)?;
    let epreuve = frame.epreuve(epreuve)?;
    let minutes = epreuve_minutes(epreuve, candidate.accommodation.as_deref());
    Ok((epreuve.title.clone(), minutes, frame.usual_site(epreuve, &candidate).0))
}

/// Slots placed before a juror who has a conflict that stands with that candidate: (juror, candidate, commission).
/// The calendar never lets one in; a search for conflicts, or a juror who declares one, may find it afterwards.
///
/// # Errors
/// The database's own.
pub fn list_conflicted_slots(conn: &mut Conn, session_id: &str) -> Stored<Vec<(String, String, String)>> {
    type Line = ((String, String), (String, Option<String>, String), String);
    let rows: Vec<Line> = t::table
        .inner_join(registrations::table.inner_join(people::table))
        .inner_join(commissions::table.inner_join(commission_members::table.inner_join(jurors::table)))
        .inner_join(
            conflicts::table
                .on(conflicts::juror_id.eq(jurors::id).and(conflicts::registration_id.eq(t::registration_id))),
        )
        .filter(t::session_id.eq(session_id))
        .filter(conflicts::dismissed_at.is_null())
        .order((registrations::rank, t::epreuve, jurors::sort_key))
        .select((
            (jurors::last_name, jurors::first_names),
            (people::birth_name, people::usage_name, people::first_names),
            commissions::label,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|((last, first), (birth, usage, names), label)| {
            (format!("{last} {first}"), format!("{} {names}", usage.unwrap_or(birth)), label)
        })
        .collect())
}
