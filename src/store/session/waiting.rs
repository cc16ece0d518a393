//! What waits for the office in a session, counted by the very filters of the pages that show it.

use diesel::prelude::*;

use super::super::examination::letters;
use super::super::examination::queue::{Care, QueueFilter, count_queue};
use super::super::outbox::{Followed, count_followed};
use super::super::schema::{corrections, identity_checks};
use super::super::{Conn, Stored, message};
use super::SessionRow;

/// One number for each thing that waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Files that need an officer's decision.
    pub undecided: i64,
    /// Files whose awaited answer is past its day.
    pub late: i64,
    /// Files with a kept mark that the office has to check.
    pub claims: i64,
    /// People who cannot submit until the office says who they are.
    pub homonyms: i64,
    /// Threads with a message that the office has not read.
    pub unread: i64,
    /// Mails refused or come back.
    pub lost: i64,
    /// Corrections asked for and not answered, in the whole academy.
    pub corrections: i64,
    /// Candidates of the fixed list without their letter.
    pub untold: i64,
    /// Files under examination that nobody takes care of.
    pub unassigned: i64,
}

/// Counts what waits on this day.
///
/// # Errors
/// The database's own.
pub fn count_waiting(conn: &mut Conn, session: &SessionRow, today: jiff::civil::Date) -> Stored<Waiting> {
    let none = QueueFilter::default();
    let mut files = |filter: QueueFilter| count_queue(conn, &session.id, &filter, today);
    let undecided = files(QueueFilter { undecided: true, ..none.clone() })?;
    let late = files(QueueFilter { late: true, ..none.clone() })?;
    let claims = files(QueueFilter { claims: true, ..none.clone() })?;
    let unassigned = files(QueueFilter { state: Some("submitted".into()), care: Some(Care::Nobody), ..none })?;
    Ok(Waiting {
        undecided,
        late,
        claims,
        unassigned,
        homonyms: identity_checks::table
            .filter(identity_checks::session_id.eq(&session.id))
            .filter(identity_checks::verdict.is_null())
            .count()
            .get_result(conn)?,
        unread: message::count_threads(conn, &session.id)?.1,
        lost: count_followed(conn, &session.id, Followed::Lost)?,
        corrections: corrections::table
            .filter(corrections::academy_code.eq(&session.academy_code))
            .filter(corrections::answered_at.is_null())
            .count()
            .get_result(conn)?,
        untold: if session.list_fixed_at.is_some() { letters::count_untold(conn, &session.id)? } else { 0 },
    })
}
