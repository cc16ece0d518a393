//! What the rules of the schedule need, loaded in a handful of queries: for one placement, only what is around it.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};

use super::SlotRow;
use crate::domain::academy::Academy;
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;
use crate::domain::schedule::{Agenda, Booking, Examinee, Frame, Panel, Placement};
use crate::store::schema::{commission_members, conflicts, kept_marks, people, registrations, slots as t};
use crate::store::session::SessionRow;
use crate::store::{Conn, Stamp, StoreError, Stored, jury};

/// Minutes required between two places when an officer places a slot: distances are not known here, the officer's are.
const REQUIRED_TRAVEL: u32 = 0;
/// Minutes a proposal leaves between two places, so that no commission is sent across a department in no time.
const PROPOSED_TRAVEL: u32 = 60;

/// The session as the rules see it.
pub(crate) fn frame_of<'a>(session: &'a SessionRow, pack: &'a RegulationPack) -> Stored<Frame<'a>> {
    Ok(Frame {
        pack,
        academy: Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?,
        from: session.epreuves_from.0,
        to: session.epreuves_to.0,
        centre_name: &session.centre_name,
        centre_uai: session.centre_uai.as_deref(),
        travel_minutes: REQUIRED_TRAVEL,
    })
}

/// The session as the proposer sees it: with time to go from one place to another.
pub(super) fn proposing(frame: Frame<'_>) -> Frame<'_> {
    Frame { travel_minutes: PROPOSED_TRAVEL, ..frame }
}

/// How much of the calendar is loaded.
pub(super) enum Scope {
    All,
    /// One candidate, and every slot near an hour; the slot being moved is left out.
    Around {
        registration: String,
        from: Timestamp,
        to: Timestamp,
        moved: Option<String>,
    },
}

impl Scope {
    pub(super) fn around(frame: &Frame<'_>, asked: &Placement, moved: Option<&str>) -> Self {
        // Longer than any épreuve with its extra third and any journey.
        let margin = SignedDuration::from_hours(24) + SignedDuration::from_mins(i64::from(frame.travel_minutes));
        Scope::Around {
            registration: asked.registration.clone(),
            from: asked.starts_at.checked_sub(margin).unwrap_or(asked.starts_at),
            to: asked.starts_at.checked_add(margin).unwrap_or(asked.starts_at),
            moved: moved.map(str::to_owned),
        }
    }
}

pub(super) struct Facts {
    pub(super) agenda: Agenda,
    pub(super) panels: Vec<Panel>,
    pub(super) candidates: Vec<Examinee>,
    by_registration: HashMap<String, usize>,
}

impl Facts {
    /// Checks a placement; a candidate or a commission that is not of this session is not found.
    pub(super) fn check(&self, frame: &Frame<'_>, asked: &Placement) -> Stored<Booking> {
        let candidate = self
            .by_registration
            .get(&asked.registration)
            .map(|at| &self.candidates[*at])
            .ok_or(StoreError::NotFound)?;
        let panel = self.panels.iter().find(|panel| panel.id == asked.commission).ok_or(StoreError::NotFound)?;
        if panel.jurors.is_empty() {
            return Err(Refusal::new(
                "empty_commission",
                format!("La commission « {} » n’a aucun membre : composez-la d’abord.", panel.label),
            )
            .into());
        }
        Ok(self.agenda.check(frame, candidate, asked)?)
    }
}

pub(super) fn load(conn: &mut Conn, session: &SessionRow, scope: Scope) -> Stored<Facts> {
    let panels = jury::list_panels(conn, &session.id)?;
    let only = match &scope {
        Scope::All => None,
        Scope::Around { registration, .. } => Some(registration.as_str()),
    };
    let candidates = list_examinees(conn, &session.id, only)?;
    let conflicted = list_conflicted(conn, &session.id, only)?;
    let bookings = list_bookings(conn, &session.id, &scope)?;
    let by_registration =
        candidates.iter().enumerate().map(|(at, candidate)| (candidate.registration.clone(), at)).collect();
    Ok(Facts { agenda: Agenda::new(panels.clone(), conflicted, bookings), panels, candidates, by_registration })
}

/// Candidates of a session in the order of their numbers, or one of them. Two queries.
pub(super) fn list_examinees(conn: &mut Conn, session_id: &str, only: Option<&str>) -> Stored<Vec<Examinee>> {
    type Line = (String, String, String, (String, Option<String>, String), Option<String>, String, Option<String>);
    let mut query =
        registrations::table.inner_join(people::table).filter(registrations::session_id.eq(session_id)).into_boxed();
    let mut kept_query = kept_marks::table
        .inner_join(registrations::table)
        .filter(registrations::session_id.eq(session_id))
        .into_boxed();
    if let Some(id) = only {
        query = query.filter(registrations::id.eq(id));
        kept_query = kept_query.filter(registrations::id.eq(id));
    }
    let mut kept: HashMap<String, Vec<i32>> = HashMap::new();
    for (registration, epreuve) in
        kept_query.select((kept_marks::registration_id, kept_marks::epreuve)).load::<(String, i32)>(conn)?
    {
        kept.entry(registration).or_default().push(epreuve);
    }
    let rows: Vec<Line> = query
        .order(registrations::rank)
        .select((
            registrations::id,
            registrations::number,
            registrations::state,
            (people::birth_name, people::usage_name, people::first_names),
            registrations::accommodation,
            registrations::school_name,
            registrations::uai,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(registration, number, state, (birth, usage, first), accommodation, school_name, uai)| Examinee {
            kept: kept.remove(&registration).unwrap_or_default(),
            registration,
            number,
            name: format!("{} {first}", usage.unwrap_or(birth)),
            admitted: state == "admitted",
            accommodation,
            school_name,
            uai,
        })
        .collect())
}

/// (commission, registration) that a conflict still standing keeps apart.
fn list_conflicted(conn: &mut Conn, session_id: &str, only: Option<&str>) -> Stored<HashSet<(String, String)>> {
    let mut query = conflicts::table
        .inner_join(commission_members::table.on(commission_members::juror_id.eq(conflicts::juror_id)))
        .filter(conflicts::session_id.eq(session_id))
        .filter(conflicts::dismissed_at.is_null())
        .into_boxed();
    if let Some(id) = only {
        query = query.filter(conflicts::registration_id.eq(id));
    }
    Ok(query
        .select((commission_members::commission_id, conflicts::registration_id))
        .load::<(String, String)>(conn)?
        .into_iter()
        .collect())
}

fn list_bookings(conn: &mut Conn, session_id: &str, scope: &Scope) -> Stored<Vec<Booking>> {
    let mut query = t::table.filter(t::session_id.eq(session_id)).into_boxed();
    if let Scope::Around { registration, from, to, moved } = scope {
        let near = t::starts_at.ge(Stamp(*from)).and(t::starts_at.le(Stamp(*to)));
        query = query.filter(near.or(t::registration_id.eq(registration)));
        if let Some(moved) = moved {
            query = query.filter(t::id.ne(moved));
        }
    }
    let rows: Vec<SlotRow> = query.select(SlotRow::as_select()).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Booking {
            registration: row.registration_id,
            epreuve: row.epreuve,
            commission: row.commission_id,
            starts_at: row.starts_at.0,
            ends_at: row.ends_at.0,
            site: row.site,
            uai: row.uai,
            room: row.room,
        })
        .collect())
}
