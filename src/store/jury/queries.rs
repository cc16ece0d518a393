//! What pages and other steps ask of a jury. The number of queries never grows with the jury.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{CommissionRow, ConflictRow, JurorRow, MemberRow, OrderRow};
use crate::domain::jury::{Composition, Member, Observation, Seat, SeatedCommission, conformity};
use crate::domain::schedule::Panel;
use crate::store::schema::{
    commission_members, commissions, conflicts, juries, jurors as t, people, registrations, slots,
};
use crate::store::session::SessionRow;
use crate::store::{Conn, Stored, reference};

/// A juror in a commission.
#[derive(Debug, Clone)]
pub struct SeatView {
    pub juror: JurorRow,
    pub is_chair: bool,
}

#[derive(Debug, Clone)]
pub struct CommissionView {
    pub commission: CommissionRow,
    /// The chair first, then by name.
    pub seats: Vec<SeatView>,
    pub slots: i64,
}

#[derive(Debug, Clone)]
pub struct ConflictView {
    pub conflict: ConflictRow,
    pub juror_name: String,
    pub candidate_number: String,
    pub candidate_name: String,
}

/// Everything the jury's page shows.
#[derive(Debug, Clone)]
pub struct JuryView {
    pub members: Vec<JurorRow>,
    pub commissions: Vec<CommissionView>,
    pub conformity: Vec<Observation>,
    pub conflicts: Vec<ConflictView>,
    pub order: Option<OrderRow>,
}

/// # Errors
/// The database's own.
pub fn find_order(conn: &mut Conn, session_id: &str) -> Stored<Option<OrderRow>> {
    Ok(juries::table.find(session_id).select(OrderRow::as_select()).first(conn).optional()?)
}

/// Members in alphabetical order.
///
/// # Errors
/// The database's own.
pub fn list_jurors(conn: &mut Conn, session_id: &str) -> Stored<Vec<JurorRow>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .order((t::sort_key, t::id))
        .select(JurorRow::as_select())
        .load(conn)?)
}

/// # Errors
/// [`crate::store::StoreError::NotFound`] for a juror of another session.
pub fn get_juror(conn: &mut Conn, session_id: &str, id: &str) -> Stored<JurorRow> {
    Ok(t::table.find(id).filter(t::session_id.eq(session_id)).select(JurorRow::as_select()).first(conn)?)
}

/// # Errors
/// The database's own.
pub fn list_commissions(conn: &mut Conn, session_id: &str) -> Stored<Vec<CommissionRow>> {
    Ok(commissions::table
        .filter(commissions::session_id.eq(session_id))
        .order((commissions::label, commissions::id))
        .select(CommissionRow::as_select())
        .load(conn)?)
}

fn list_seats(conn: &mut Conn, session_id: &str) -> Stored<Vec<(MemberRow, JurorRow)>> {
    Ok(commission_members::table
        .inner_join(t::table)
        .filter(t::session_id.eq(session_id))
        .order((commission_members::commission_id, commission_members::is_chair.desc(), t::sort_key, t::id))
        .select((MemberRow::as_select(), JurorRow::as_select()))
        .load(conn)?)
}

/// Who sits where, and whether they chair it.
///
/// # Errors
/// The database's own.
pub fn list_seated(conn: &mut Conn, session_id: &str) -> Stored<Vec<(CommissionRow, MemberRow)>> {
    Ok(commissions::table
        .inner_join(commission_members::table)
        .filter(commissions::session_id.eq(session_id))
        .order((commissions::label, commissions::id, commission_members::juror_id))
        .select((CommissionRow::as_select(), MemberRow::as_select()))
        .load(conn)?)
}

/// Commissions with those who sit in them, as the schedule sees them.
///
/// # Errors
/// The database's own.
pub fn list_panels(conn: &mut Conn, session_id: &str) -> Stored<Vec<Panel>> {
    let mut seats: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for (member, juror) in list_seats(conn, session_id)? {
        seats.entry(member.commission_id).or_default().push((juror.id.clone(), juror.shown_name()));
    }
    Ok(list_commissions(conn, session_id)?
        .into_iter()
        .map(|row| Panel { jurors: seats.remove(&row.id).unwrap_or_default(), id: row.id, label: row.label })
        .collect())
}

/// The jury as the rule sees it.
pub(super) fn composition(conn: &mut Conn, session_id: &str) -> Stored<Composition> {
    let members = list_jurors(conn, session_id)?
        .into_iter()
        .map(|row| Member {
            name: row.shown_name(),
            id: row.id,
            role: row.quality,
            email_key: row.email_key,
            is_president: row.is_president,
        })
        .collect();
    let mut seats: HashMap<String, Vec<Seat>> = HashMap::new();
    for (member, _) in list_seats(conn, session_id)? {
        seats.entry(member.commission_id).or_default().push(Seat { juror: member.juror_id, is_chair: member.is_chair });
    }
    let commissions = list_commissions(conn, session_id)?
        .into_iter()
        .map(|row| SeatedCommission { seats: seats.remove(&row.id).unwrap_or_default(), label: row.label })
        .collect();
    Ok(Composition { members, commissions })
}

/// Members, commissions, what the rule says of them, conflicts with names, and the order when it is signed.
///
/// # Errors
/// The database's own.
pub fn get_jury(conn: &mut Conn, session: &SessionRow) -> Stored<JuryView> {
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let members = list_jurors(conn, &session.id)?;
    let slots: HashMap<String, i64> = slots::table
        .filter(slots::session_id.eq(&session.id))
        .group_by(slots::commission_id)
        .select((slots::commission_id, diesel::dsl::count_star()))
        .load::<(String, i64)>(conn)?
        .into_iter()
        .collect();
    let mut seats: HashMap<String, Vec<SeatView>> = HashMap::new();
    for (member, juror) in list_seats(conn, &session.id)? {
        seats.entry(member.commission_id).or_default().push(SeatView { juror, is_chair: member.is_chair });
    }
    let commissions = list_commissions(conn, &session.id)?
        .into_iter()
        .map(|commission| CommissionView {
            seats: seats.remove(&commission.id).unwrap_or_default(),
            slots: slots.get(&commission.id).copied().unwrap_or(0),
            commission,
        })
        .collect();
    let conformity = conformity(&pack, &composition(conn, &session.id)?);
    Ok(JuryView {
        members,
        commissions,
        conformity,
        conflicts: list_conflicts(conn, &session.id)?,
        order: find_order(conn, &session.id)?,
    })
}

/// Conflicts with names: those that stand first, then by juror and candidate.
///
/// # Errors
/// The database's own.
pub fn list_conflicts(conn: &mut Conn, session_id: &str) -> Stored<Vec<ConflictView>> {
    type Line = (ConflictRow, (String, String), String, (String, Option<String>, String));
    let rows: Vec<Line> = conflicts::table
        .inner_join(t::table)
        .inner_join(registrations::table.inner_join(people::table))
        .filter(conflicts::session_id.eq(session_id))
        .order((conflicts::dismissed_at.is_not_null(), t::sort_key, people::sort_key, conflicts::kind))
        .select((
            ConflictRow::as_select(),
            (t::last_name, t::first_names),
            registrations::number,
            (people::birth_name, people::usage_name, people::first_names),
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(conflict, (last, first), candidate_number, (birth, usage, names))| ConflictView {
            conflict,
            juror_name: format!("{last} {first}"),
            candidate_number,
            candidate_name: format!("{} {names}", usage.unwrap_or(birth)),
        })
        .collect())
}

/// Commissions of a session in which a user sits.
///
/// # Errors
/// The database's own.
pub fn commissions_of_user(conn: &mut Conn, session_id: &str, user_id: &str) -> Stored<Vec<CommissionRow>> {
    Ok(commissions::table
        .inner_join(commission_members::table.inner_join(t::table))
        .filter(commissions::session_id.eq(session_id))
        .filter(t::user_id.eq(user_id))
        .order(commissions::label)
        .select(CommissionRow::as_select())
        .load(conn)?)
}

/// Accounts of those who sit in a commission: what `permission` is asked with.
///
/// # Errors
/// The database's own.
pub fn commission_members_user_ids(conn: &mut Conn, commission_id: &str) -> Stored<Vec<String>> {
    let ids: Vec<Option<String>> = commission_members::table
        .inner_join(t::table)
        .filter(commission_members::commission_id.eq(commission_id))
        .select(t::user_id)
        .load(conn)?;
    Ok(ids.into_iter().flatten().collect())
}
