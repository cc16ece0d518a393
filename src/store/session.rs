//! Exam sessions of an academy: opened with a calendar and a pack they keep for good.
//! Every step of a session begins by `get_session`, which hides what is another academy's.

pub mod waiting;

use diesel::prelude::*;
use serde_json::json;

use super::schema::{exam_sessions as t, packs, required_pieces};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id, reference};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;
use crate::domain::session::{Calendar, SessionState};
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct SessionRow {
    pub id: String,
    pub academy_code: String,
    pub year: i32,
    pub state: SessionState,
    pub regulation_id: String,
    pub framework_id: String,
    pub registration_opens_at: Stamp,
    pub registration_closes_at: Stamp,
    pub epreuves_from: Day,
    pub epreuves_to: Day,
    pub centre_name: String,
    pub centre_uai: Option<String>,
    pub list_fixed_at: Option<Stamp>,
    pub publication_at: Option<Stamp>,
    pub published_at: Option<Stamp>,
    pub created_by: String,
    pub created_at: Stamp,
    pub version: i32,
}

impl SessionRow {
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        Calendar {
            registration_opens_at: self.registration_opens_at.0,
            registration_closes_at: self.registration_closes_at.0,
            epreuves_from: self.epreuves_from.0,
            epreuves_to: self.epreuves_to.0,
        }
    }

    /// The year as the domain counts it.
    #[must_use]
    pub fn year16(&self) -> i16 {
        i16::try_from(self.year).unwrap_or(i16::MAX)
    }
}

/// What an officer gives to open a session.
#[derive(Debug, Clone)]
pub struct OpenSession {
    pub academy_code: String,
    pub year: i16,
    pub calendar: Calendar,
    pub centre_name: String,
    pub centre_uai: Option<String>,
    pub regulation_id: String,
    /// Codes of the pieces asked for, among those of the pack.
    pub pieces: Vec<String>,
}

/// Opens a session: it takes its regulation and framework now and keeps them.
///
/// # Errors
/// The calendar's refusal, an unknown pack or piece, or a session that already exists for this year.
pub fn open_session(tx: &mut Tx<'_>, open: &OpenSession) -> Stored<String> {
    if !may(tx.actor, Action::OpenSession, Object::academy(&open.academy_code)) {
        return Err(StoreError::NotFound);
    }
    open.calendar.check(open.year)?;
    let pack = reference::get_regulation(tx.conn, &open.regulation_id)?;
    let exists: i64 = t::table
        .filter(t::academy_code.eq(&open.academy_code))
        .filter(t::year.eq(i32::from(open.year)))
        .count()
        .get_result(tx.conn)?;
    if exists > 0 {
        return Err(already_open(open.year).into());
    }
    let framework_id: String = packs::table
        .find(&pack.framework)
        .select(packs::id)
        .first(tx.conn)
        .map_err(|_| StoreError::Broken(format!("référentiel {} absent", pack.framework)))?;
    let row = SessionRow {
        id: new_id(tx.at),
        academy_code: open.academy_code.clone(),
        year: i32::from(open.year),
        state: SessionState::Registration,
        regulation_id: open.regulation_id.clone(),
        framework_id,
        registration_opens_at: Stamp(open.calendar.registration_opens_at),
        registration_closes_at: Stamp(open.calendar.registration_closes_at),
        epreuves_from: Day(open.calendar.epreuves_from),
        epreuves_to: Day(open.calendar.epreuves_to),
        centre_name: open.centre_name.clone(),
        centre_uai: open.centre_uai.clone(),
        list_fixed_at: None,
        publication_at: None,
        published_at: None,
        created_by: tx.actor.user_id.clone(),
        created_at: tx.stamp(),
        version: 1,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn).map_err(|error| {
        let error = StoreError::from(error);
        if error.is_unique_violation() { already_open(open.year).into() } else { error }
    })?;
    insert_pieces(tx, &row.id, &open.pieces, &pack)?;
    let state = json!(row);
    tx.audit(
        "open_session",
        ("session", &row.id),
        None,
        Some(&state),
        &json!({ "year": open.year, "academy": open.academy_code }),
    )?;
    Ok(row.id)
}

fn already_open(year: i16) -> Refusal {
    Refusal::new(
        "session_exists",
        format!("La session {year} est déjà ouverte dans cette académie : ouvrez-la depuis le tableau de bord."),
    )
}

fn insert_pieces(tx: &mut Tx<'_>, session_id: &str, codes: &[String], pack: &RegulationPack) -> Stored<()> {
    let mut rows = Vec::new();
    for code in codes {
        let Some(piece) = pack.piece(code) else {
            return Err(Refusal::new(
                "unknown_piece",
                format!("La pièce « {code} » n’existe pas dans le règlement {}.", pack.id),
            )
            .into());
        };
        rows.push((
            required_pieces::session_id.eq(session_id.to_owned()),
            required_pieces::code.eq(piece.code.clone()),
            required_pieces::label.eq(piece.label.clone()),
        ));
    }
    each_backend!(&mut *tx.conn, c => diesel::insert_into(required_pieces::table).values(&rows).execute(c))?;
    Ok(())
}

/// The session, when it is one of this academy; a foreign one is as missing as one that does not exist.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_session(conn: &mut Conn, academy_code: &str, id: &str) -> Stored<SessionRow> {
    Ok(t::table.find(id).filter(t::academy_code.eq(academy_code)).select(SessionRow::as_select()).first(conn)?)
}

/// The session by its identifier alone: for commands that check the permission on its academy right after.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn load_session(conn: &mut Conn, id: &str) -> Stored<SessionRow> {
    Ok(t::table.find(id).select(SessionRow::as_select()).first(conn)?)
}

/// Loads a session and asks whether the actor may do this to it; a no is a missing session.
///
/// # Errors
/// [`StoreError::NotFound`] for a missing session and for one the actor has no business with.
pub fn session_for(tx: &mut Tx<'_>, id: &str, action: Action) -> Stored<SessionRow> {
    let session = load_session(tx.conn, id)?;
    if !may(tx.actor, action, Object::academy(&session.academy_code)) {
        return Err(StoreError::NotFound);
    }
    Ok(session)
}

/// # Errors
/// The database's own.
pub fn find_session_of_year(conn: &mut Conn, academy_code: &str, year: i16) -> Stored<Option<SessionRow>> {
    Ok(t::table
        .filter(t::academy_code.eq(academy_code))
        .filter(t::year.eq(i32::from(year)))
        .select(SessionRow::as_select())
        .first(conn)
        .optional()?)
}

/// Sessions of an academy, latest first.
///
/// # Errors
/// The database's own.
pub fn list_sessions(conn: &mut Conn, academy_code: &str) -> Stored<Vec<SessionRow>> {
    Ok(t::table
        .filter(t::academy_code.eq(academy_code))
        .order(t::year.desc())
        .select(SessionRow::as_select())
        .load(conn)?)
}

/// Sessions whose registration is open now, all academies: the public calendar.
///
/// # Errors
/// The database's own.
pub fn list_open_registrations(conn: &mut Conn, now: jiff::Timestamp) -> Stored<Vec<SessionRow>> {
    Ok(t::table
        .filter(t::registration_closes_at.ge(Stamp(now)))
        .filter(t::list_fixed_at.is_null())
        .order((t::registration_closes_at, t::academy_code))
        .select(SessionRow::as_select())
        .load(conn)?)
}

/// (code, label) of the pieces asked for.
///
/// # Errors
/// The database's own.
pub fn list_required_pieces(conn: &mut Conn, session_id: &str) -> Stored<Vec<(String, String)>> {
    Ok(required_pieces::table
        .filter(required_pieces::session_id.eq(session_id))
        .order(required_pieces::code)
        .select((required_pieces::code, required_pieces::label))
        .load(conn)?)
}

/// Moves the session to its next state, inside a command that has already decided.
///
/// # Errors
/// The database's own.
pub(super) fn set_state(tx: &mut Tx<'_>, session_id: &str, state: SessionState) -> Stored<()> {
    diesel::update(t::table.find(session_id))
        .set((t::state.eq(state), t::version.eq(t::version + 1)))
        .execute(tx.conn)?;
    Ok(())
}

/// The counts of a session's desk: what is done, what is late, what blocks.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    pub files: i64,
    pub admitted: i64,
    pub refused: i64,
    pub withdrawn: i64,
    pub undecided: i64,
    pub missing_pieces: i64,
    pub jurors: i64,
    pub commissions: i64,
    pub jury_signed: bool,
    pub open_conflicts: i64,
    pub slots: i64,
    pub slots_expected: i64,
    pub convoked: i64,
    pub marks_expected: i64,
    pub marks_missing: i64,
    pub results_admitted: i64,
    pub certificates: i64,
    pub mails_failed: i64,
}

/// Counts everything the desk shows; a fixed number of queries, whatever the size of the session.
///
/// # Errors
/// The database's own.
pub fn overview(conn: &mut Conn, session_id: &str) -> Stored<Overview> {
    use super::schema::{
        certificates, commissions, conflicts, juries, jurors, outbox, pieces, registrations, results, slots,
    };
    use crate::domain::deliberation::Outcome;
    use crate::domain::evaluation::EvaluationState;
    let mut seen = Overview::default();
    for (state, _, count) in super::registration::count_files(conn, session_id)? {
        seen.files += count;
        match state.as_str() {
            "admitted" => seen.admitted += count,
            "refused" => seen.refused += count,
            "withdrawn" => seen.withdrawn += count,
            _ => {}
        }
    }
    seen.undecided =
        i64::try_from(super::eligibility::plan_list(conn, session_id)?.undecided.len()).unwrap_or(i64::MAX);
    seen.missing_pieces = pieces::table
        .inner_join(registrations::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq_any(["submitted", "admitted"]))
        .filter(pieces::state.eq_any(["missing", "refused"]))
        .select(diesel::dsl::count(pieces::registration_id).aggregate_distinct())
        .first(conn)?;
    seen.jurors = jurors::table.filter(jurors::session_id.eq(session_id)).count().get_result(conn)?;
    seen.commissions = commissions::table.filter(commissions::session_id.eq(session_id)).count().get_result(conn)?;
    seen.jury_signed = juries::table.filter(juries::session_id.eq(session_id)).count().get_result::<i64>(conn)? > 0;
    seen.open_conflicts = conflicts::table
        .filter(conflicts::session_id.eq(session_id))
        .filter(conflicts::dismissed_at.is_null())
        .count()
        .get_result(conn)?;
    let placed = slots::table.filter(slots::session_id.eq(session_id));
    seen.slots = placed.count().get_result(conn)?;
    seen.convoked = placed.filter(slots::convoked_at.is_not_null()).count().get_result(conn)?;
    for (state, count) in super::evaluation::count_progress(conn, session_id)? {
        if state != EvaluationState::Kept {
            seen.marks_expected += count;
            seen.slots_expected += count;
        }
        if state == EvaluationState::Expected {
            seen.marks_missing += count;
        }
    }
    seen.results_admitted = results::table
        .filter(results::session_id.eq(session_id))
        .filter(results::outcome.eq(Outcome::Admitted))
        .count()
        .get_result(conn)?;
    seen.certificates = certificates::table.filter(certificates::session_id.eq(session_id)).count().get_result(conn)?;
    seen.mails_failed = outbox::table
        .filter(outbox::session_id.eq(session_id))
        .filter(outbox::state.eq("failed"))
        .count()
        .get_result(conn)?;
    Ok(seen)
}
