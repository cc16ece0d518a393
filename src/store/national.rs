//! What the country sees of each academy: how many candidates, how many admitted. Counts only, never a person.
//! Results are counted once published, and not an instant before; small counts are masked by who shows them.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::prelude::*;

use super::schema::{exam_sessions, registrations, results};
use super::session::SessionRow;
use super::{Conn, StoreError, Stored};
use crate::domain::deliberation::Outcome;
use crate::domain::permission::{Action, Actor, Object, may};

/// One session of one academy.
#[derive(Debug, Clone)]
pub struct SessionCount {
    pub academy_code: String,
    pub year: i32,
    pub candidates: u32,
    /// `None` until the results are published.
    pub admitted: Option<u32>,
}

/// Every session with its counts, latest year first: three queries whatever their number.
///
/// # Errors
/// [`StoreError::NotFound`] for who may not see the country.
pub fn list_session_counts(conn: &mut Conn, actor: &Actor) -> Stored<Vec<SessionCount>> {
    if !may(actor, Action::SeeNational, Object::house()) {
        return Err(StoreError::NotFound);
    }
    let sessions: Vec<SessionRow> = exam_sessions::table
        .order((exam_sessions::year.desc(), exam_sessions::academy_code))
        .select(SessionRow::as_select())
        .load(conn)?;
    let candidates: Vec<(String, i64)> = registrations::table
        .filter(registrations::state.ne_all(["withdrawn", "refused"]))
        .group_by(registrations::session_id)
        .select((registrations::session_id, count_star()))
        .load(conn)?;
    let admitted: Vec<(String, i64)> = results::table
        .filter(results::outcome.eq(Outcome::Admitted.as_str()))
        .group_by(results::session_id)
        .select((results::session_id, count_star()))
        .load(conn)?;
    let candidates: HashMap<String, i64> = candidates.into_iter().collect();
    let admitted: HashMap<String, i64> = admitted.into_iter().collect();
    let number = |counts: &HashMap<String, i64>, id: &str| {
        u32::try_from(counts.get(id).copied().unwrap_or(0)).unwrap_or(u32::MAX)
    };
    Ok(sessions
        .into_iter()
        .map(|session| SessionCount {
            candidates: number(&candidates, &session.id),
            admitted: session.published_at.map(|_| number(&admitted, &session.id)),
            academy_code: session.academy_code,
            year: session.year,
        })
        .collect())
}
