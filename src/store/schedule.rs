//! Slots: who sits when, where and before which commission. Every write passes the rules of `domain::schedule` inside
//! the session's lock, so that two officers can never give one room, one juror or one candidate twice.

mod facts;
mod queries;

use diesel::prelude::*;
use jiff::Timestamp;
use serde_json::json;

use super::jury::{CommissionRow, JurorRow};
use super::schema::{conflicts, evaluations, slots as t};
use super::session::{self, SessionRow};
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id, reference};
use crate::domain::evaluation::EvaluationState;
use crate::domain::jury::IMPARTIALITY_LAW;
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::{Booking, Placement, Proposal, commissions_needed};
use crate::domain::session::{SessionState, require};
use crate::each_backend;

use facts::{Scope, frame_of, proposing};
pub use queries::{
    AgendaLine, Missing, SlotFilter, SlotView, agenda_of_user, count_slots, describe, get_slot, list_conflicted_slots,
    list_days, list_missing, list_slots, slots_of_registration,
};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct SlotRow {
    pub id: String,
    pub session_id: String,
    pub registration_id: String,
    pub epreuve: i32,
    pub commission_id: String,
    pub starts_at: Stamp,
    pub ends_at: Stamp,
    pub site: String,
    pub uai: Option<String>,
    pub room: String,
    pub convoked_at: Option<Stamp>,
    pub version: i32,
}

/// Where a slot moves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub commission: String,
    pub starts_at: Timestamp,
    /// Empty: where the épreuve is held by default.
    pub site: String,
    pub uai: Option<String>,
    pub room: String,
}

/// States in which slots may be placed; in the second one, to repair.
const OPEN_STATES: &[SessionState] = &[SessionState::ListFixed, SessionState::Convened];

/// Twelve columns a row: well under SQLite's 32,766 bound values.
const CHUNK: usize = 1_000;

fn open_schedule(tx: &mut Tx<'_>, session_id: &str) -> Stored<SessionRow> {
    let session = session::session_for(tx, session_id, Action::ManageSchedule)?;
    require(session.state, OPEN_STATES, "La modification du calendrier des épreuves")?;
    Ok(session)
}

fn row_of(tx: &Tx<'_>, session_id: &str, booking: Booking) -> SlotRow {
    SlotRow {
        id: new_id(tx.at),
        session_id: session_id.to_owned(),
        registration_id: booking.registration,
        epreuve: booking.epreuve,
        commission_id: booking.commission,
        starts_at: Stamp(booking.starts_at),
        ends_at: Stamp(booking.ends_at),
        site: booking.site,
        uai: booking.uai,
        room: booking.room,
        convoked_at: None,
        version: 1,
    }
}

fn check_words(site: &str, room: &str) -> Result<(), Refusal> {
    if site.chars().count() > 150 || room.chars().count() > 60 {
        return Err(Refusal::new("place_too_long", "Le lieu tient en 150 caractères et la salle en 60 : abrégez."));
    }
    Ok(())
}

/// Places a candidate for an épreuve. Returns the slot's id.
///
/// # Errors
/// The first rule that says no; [`StoreError::NotFound`] for a candidate or a commission of another session.
pub fn place(tx: &mut Tx<'_>, session_id: &str, asked: &Placement) -> Stored<String> {
    let session = open_schedule(tx, session_id)?;
    check_words(&asked.site, &asked.room)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let frame = frame_of(&session, &pack)?;
    let facts = facts::load(tx.conn, &session, Scope::around(&frame, asked, None))?;
    let booking = facts.check(&frame, asked)?;
    let row = row_of(tx, session_id, booking);
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    tx.audit("place", ("registration", &row.registration_id), None, Some(&json!(row)), &trace(&row))?;
    Ok(row.id)
}

/// Places many at once, all or none, with the same checks made in memory. Returns how many.
///
/// # Errors
/// As [`place`], for the first placement that does not hold.
pub fn place_all(tx: &mut Tx<'_>, session_id: &str, asked: &[Placement]) -> Stored<usize> {
    let session = open_schedule(tx, session_id)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let frame = frame_of(&session, &pack)?;
    let mut facts = facts::load(tx.conn, &session, Scope::All)?;
    let mut rows = Vec::with_capacity(asked.len());
    for one in asked {
        check_words(&one.site, &one.room)?;
        let booking = facts.check(&frame, one)?;
        facts.agenda.book(booking.clone());
        rows.push(row_of(tx, session_id, booking));
    }
    for chunk in rows.chunks(CHUNK) {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(chunk).execute(c))?;
    }
    tx.audit("place_all", ("session", session_id), None, Some(&json!(rows)), &json!({ "slots": rows.len() }))?;
    Ok(rows.len())
}

/// Moves a slot, if nobody changed it since `version` was read. Who was convened is to be told again.
///
/// # Errors
/// As [`place`]; [`StoreError::Conflict`] for whoever comes second; a refusal when the épreuve is already evaluated.
pub fn move_slot(tx: &mut Tx<'_>, slot_id: &str, version: i32, to: &Move) -> Stored<i32> {
    let (row, session) = slot_to_change(tx, slot_id, version)?;
    check_words(&to.site, &to.room)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let frame = frame_of(&session, &pack)?;
    let asked = Placement {
        registration: row.registration_id.clone(),
        epreuve: row.epreuve,
        commission: to.commission.clone(),
        starts_at: to.starts_at,
        site: to.site.clone(),
        uai: to.uai.clone(),
        room: to.room.clone(),
    };
    let facts = facts::load(tx.conn, &session, Scope::around(&frame, &asked, Some(slot_id)))?;
    let booking = facts.check(&frame, &asked)?;
    let after = SlotRow { id: row.id.clone(), version: version + 1, ..row_of(tx, &session.id, booking) };
    let changed = diesel::update(t::table.find(slot_id).filter(t::version.eq(version)))
        .set((
            t::commission_id.eq(&after.commission_id),
            t::starts_at.eq(after.starts_at),
            t::ends_at.eq(after.ends_at),
            t::site.eq(&after.site),
            t::uai.eq(&after.uai),
            t::room.eq(&after.room),
            t::convoked_at.eq(None::<Stamp>),
            t::version.eq(version + 1),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(changed_meanwhile());
    }
    tx.audit(
        "move_slot",
        ("registration", &row.registration_id),
        Some(&json!(row)),
        Some(&json!(after)),
        &trace(&after),
    )?;
    Ok(version + 1)
}

/// Takes a slot away, if nobody changed it since `version` was read.
///
/// # Errors
/// [`StoreError::Conflict`] for whoever comes second; a refusal when the épreuve is already evaluated.
pub fn remove_slot(tx: &mut Tx<'_>, slot_id: &str, version: i32) -> Stored<()> {
    let (row, _) = slot_to_change(tx, slot_id, version)?;
    if diesel::delete(t::table.find(slot_id).filter(t::version.eq(version))).execute(tx.conn)? == 0 {
        return Err(changed_meanwhile());
    }
    tx.audit("remove_slot", ("registration", &row.registration_id), Some(&json!(row)), None, &trace(&row))
}

/// What the audit chain says in clear of a slot: no name, no accommodation.
fn trace(row: &SlotRow) -> serde_json::Value {
    json!({ "slot": row.id, "epreuve": row.epreuve, "commission": row.commission_id, "starts_at": row.starts_at.0.to_string() })
}

fn changed_meanwhile() -> StoreError {
    StoreError::Conflict(
        "Ce créneau a été modifié entre-temps par une autre personne : relisez le calendrier avant de le changer."
            .into(),
    )
}

fn slot_to_change(tx: &mut Tx<'_>, slot_id: &str, version: i32) -> Stored<(SlotRow, SessionRow)> {
    let row: SlotRow = t::table.find(slot_id).select(SlotRow::as_select()).first(tx.conn)?;
    let session = open_schedule(tx, &row.session_id)?;
    if row.version != version {
        return Err(changed_meanwhile());
    }
    let evaluated: i64 = evaluations::table
        .filter(evaluations::registration_id.eq(&row.registration_id))
        .filter(evaluations::epreuve.eq(row.epreuve))
        .filter(evaluations::state.eq_any([EvaluationState::Marked, EvaluationState::Absent]))
        .count()
        .get_result(tx.conn)?;
    if evaluated > 0 {
        return Err(
            Refusal::new("already_evaluated", "Cette épreuve est déjà évaluée : son créneau ne change plus.").into()
        );
    }
    Ok((row, session))
}

/// What a proposal would add to the calendar as it stands; nothing is written.
///
/// # Errors
/// The database's own.
pub fn plan_missing(conn: &mut Conn, session: &SessionRow) -> Stored<Proposal> {
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let frame = proposing(frame_of(session, &pack)?);
    let mut facts = facts::load(conn, session, Scope::All)?;
    Ok(crate::domain::schedule::propose(&frame, &mut facts.agenda, &facts.panels, &facts.candidates))
}

/// How many commissions a session of this many candidates needs.
///
/// # Errors
/// The database's own.
pub fn count_commissions_needed(conn: &mut Conn, session: &SessionRow, candidates: usize) -> Stored<usize> {
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    Ok(commissions_needed(&proposing(frame_of(session, &pack)?), candidates))
}

/// Whether a juror may join a commission that already has slots.
///
/// # Errors
/// A refusal naming the slot or the conflict that stands in the way.
pub(super) fn check_seat(
    conn: &mut Conn,
    session: &SessionRow,
    juror: &JurorRow,
    commission: &CommissionRow,
) -> Stored<()> {
    let held: Vec<String> =
        t::table.filter(t::commission_id.eq(&commission.id)).select(t::registration_id).load(conn)?;
    if held.is_empty() {
        return Ok(());
    }
    let conflicted: i64 = conflicts::table
        .filter(conflicts::juror_id.eq(&juror.id))
        .filter(conflicts::dismissed_at.is_null())
        .filter(
            conflicts::registration_id
                .eq_any(t::table.filter(t::commission_id.eq(&commission.id)).select(t::registration_id)),
        )
        .count()
        .get_result(conn)?;
    if conflicted > 0 {
        return Err(Refusal::new(
            "conflict_of_interest",
            format!(
                "{} a un empêchement pour {conflicted} candidat(s) déjà placé(s) devant la commission « {} » : choisissez un autre membre, ou levez l’empêchement avec un motif.",
                juror.shown_name(),
                commission.label
            ),
        )
        .under(IMPARTIALITY_LAW)
        .into());
    }
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let frame = frame_of(session, &pack)?;
    let facts = facts::load(conn, session, Scope::All)?;
    Ok(facts.agenda.check_seat(&frame, (&juror.id, &juror.shown_name()), &commission.id)?)
}
