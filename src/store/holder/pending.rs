//! What the office has to verify: everything from before this program that was recorded and not answered yet, for the
//! people whose record the academy holds today.

use diesel::prelude::*;

use crate::domain::holder::{CheckState, EquivalenceGround};
use crate::store::schema::{earlier_certificates as t, earlier_marks as m, equivalences as q, people};
use crate::store::training::full_name;
use crate::store::{Conn, Stamp, Stored};

/// What waits to be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Session of a certificate.
    Certificate(i32),
    /// Session and épreuve of a mark.
    Mark(i32, i32),
    Equivalence(EquivalenceGround),
}

#[derive(Debug, Clone)]
pub struct WaitingLine {
    pub person_id: String,
    pub name: String,
    pub what: Waiting,
    pub evidence: String,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
}

type Name = (String, Option<String>, String);
type Recorded = (String, String, String, Stamp);

/// Mentions to verify, the oldest first, within `limit` of each kind.
///
/// # Errors
/// The database's own.
pub fn list_waiting(conn: &mut Conn, academy: &str, limit: i64) -> Stored<Vec<WaitingLine>> {
    let name = (people::birth_name, people::usage_name, people::first_names);
    let certificates: Vec<(Recorded, Name, i32)> = t::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(t::state.eq(CheckState::ToVerify))
        .order((t::recorded_at, t::id))
        .limit(limit)
        .select(((t::person_id, t::evidence, t::recorded_by_name, t::recorded_at), name, t::year))
        .load(conn)?;
    let marks: Vec<(Recorded, Name, i32, i32)> = m::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(m::state.eq(CheckState::ToVerify))
        .order((m::recorded_at, m::id))
        .limit(limit)
        .select(((m::person_id, m::evidence, m::recorded_by_name, m::recorded_at), name, m::year, m::epreuve))
        .load(conn)?;
    let deemed: Vec<(Recorded, Name, EquivalenceGround)> = q::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(q::state.eq(CheckState::ToVerify))
        .order((q::recorded_at, q::id))
        .limit(limit)
        .select(((q::person_id, q::evidence, q::recorded_by_name, q::recorded_at), name, q::ground))
        .load(conn)?;
    let line = |(person_id, evidence, recorded_by_name, recorded_at): Recorded, name: &Name, what| WaitingLine {
        person_id,
        name: full_name(&name.0, name.1.as_deref(), &name.2),
        what,
        evidence,
        recorded_by_name,
        recorded_at,
    };
    let mut lines: Vec<WaitingLine> = Vec::new();
    lines.extend(certificates.into_iter().map(|(row, name, year)| line(row, &name, Waiting::Certificate(year))));
    lines.extend(marks.into_iter().map(|(row, name, year, epreuve)| line(row, &name, Waiting::Mark(year, epreuve))));
    lines.extend(deemed.into_iter().map(|(row, name, ground)| line(row, &name, Waiting::Equivalence(ground))));
    lines.sort_by_key(|line| line.recorded_at);
    Ok(lines)
}
