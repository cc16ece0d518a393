//! Pieces asked back from a candidate by a day, reminded once before it, answered when they arrive.
//! Whether a request is answered is never stored: the pieces themselves say it, whoever receives them.

use diesel::prelude::*;
use jiff::Span;
use jiff::civil::Date;
use serde_json::json;

use super::super::registration::OPEN_STATES;
use super::super::schema::{exam_sessions, people, piece_request_items as items, piece_requests as t, pieces};
use super::super::schema::{registrations, required_pieces};
use super::super::session::{self, SessionRow};
use super::super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id, outbox, reference};
use super::{Notify, file_for};
use crate::domain::academy::Academy;
use crate::domain::examination::{PIECES_LAW, check_due, is_reminder_due};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::session::require;
use crate::each_backend;
use crate::store::people::PersonRow;

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct RequestRow {
    pub id: String,
    pub session_id: String,
    pub registration_id: String,
    /// What the officer wrote; empty when only the pieces are named.
    pub message: String,
    pub due_on: Day,
    pub asked_at: Stamp,
    pub asked_by: String,
    pub asked_by_name: String,
    pub reminded_at: Option<Stamp>,
    /// Set when the office gives the request up.
    pub closed_at: Option<Stamp>,
}

/// A request with the pieces it names: (label, state).
#[derive(Debug, Clone)]
pub struct RequestView {
    pub request: RequestRow,
    pub pieces: Vec<(String, String)>,
}

impl RequestView {
    /// Every piece asked for has arrived.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.pieces.iter().all(|(_, state)| state == "received" || state == "accepted")
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.request.closed_at.is_none() && !self.is_answered()
    }
}

/// The day it is in the academy of this session.
#[must_use]
pub fn local_day(session: &SessionRow, at: jiff::Timestamp) -> Date {
    Academy::find(&session.academy_code)
        .map_or_else(|| at.to_zoned(jiff::tz::TimeZone::UTC).date(), |academy| academy.date(at))
}

/// The day a request made on this day would leave the candidate for answering; `None` where the pack sets no delay.
///
/// # Errors
/// The database's own.
pub fn proposed_due(conn: &mut Conn, session: &SessionRow, today: Date) -> Stored<Option<Date>> {
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let days = pack.examination.as_ref().map(|rules| i64::from(rules.request_days.value));
    Ok(days.and_then(|days| today.checked_add(Span::new().days(days)).ok()))
}

/// The day by which this candidate is to answer: that of the request that waits, or of one made now; while their file
/// is a draft, the day registrations close.
///
/// # Errors
/// The database's own.
pub fn answer_due(conn: &mut Conn, session: &SessionRow, registration_id: &str, now: jiff::Timestamp) -> Stored<Date> {
    if let Some(asked) = list_requests(conn, registration_id)?.into_iter().find(RequestView::is_open) {
        return Ok(asked.request.due_on.0);
    }
    let is_registered = diesel::select(diesel::dsl::exists(registrations::table.find(registration_id)));
    let proposed =
        if is_registered.get_result(conn)? { proposed_due(conn, session, local_day(session, now))? } else { None };
    Ok(proposed.unwrap_or_else(|| local_day(session, session.registration_closes_at.0)))
}

/// Asks a candidate for every piece that is missing or refused, by a day; one mail leaves, with a link only.
///
/// # Errors
/// A refusal when nothing is missing, when a request already waits, or for a day that leaves no time.
pub fn ask_pieces(
    tx: &mut Tx<'_>,
    registration_id: &str,
    message: &str,
    due_on: jiff::civil::Date,
    notify: Notify<'_>,
) -> Stored<String> {
    let (row, session) = file_for(tx, registration_id)?;
    require(session.state, OPEN_STATES, "La demande de pièces")?;
    if row.state != "submitted" {
        return Err(Refusal::new(
            "file_settled",
            format!("Le dossier {} n’est plus en cours d’examen\u{a0}: aucune pièce n’est à demander.", row.number),
        )
        .into());
    }
    check_due(due_on, local_day(&session, tx.at))?;
    let missing: Vec<String> = pieces::table
        .filter(pieces::registration_id.eq(registration_id))
        .filter(pieces::state.eq_any(["missing", "refused"]))
        .order(pieces::code)
        .select(pieces::code)
        .load(tx.conn)?;
    if missing.is_empty() {
        return Err(Refusal::new("nothing_missing", format!("Aucune pièce ne manque au dossier {}.", row.number))
            .under(PIECES_LAW)
            .into());
    }
    if list_requests(tx.conn, registration_id)?.iter().any(RequestView::is_open) {
        return Err(Refusal::new(
            "request_open",
            format!(
                "Une demande est déjà en cours pour le dossier {}\u{a0}: envoyez un rappel, ou fermez-la.",
                row.number
            ),
        )
        .into());
    }
    let request = RequestRow {
        id: new_id(tx.at),
        session_id: session.id.clone(),
        registration_id: registration_id.to_owned(),
        message: message.trim().to_owned(),
        due_on: Day(due_on),
        asked_at: tx.stamp(),
        asked_by: tx.actor.user_id.clone(),
        asked_by_name: tx.actor.name.clone(),
        reminded_at: None,
        closed_at: None,
    };
    diesel::insert_into(t::table).values(&request).execute(tx.conn)?;
    let rows: Vec<_> =
        missing.iter().map(|code| (items::request_id.eq(request.id.clone()), items::code.eq(code.clone()))).collect();
    each_backend!(&mut *tx.conn, c => diesel::insert_into(items::table).values(&rows).execute(c))?;
    let detail = json!({ "number": row.number, "pieces": missing, "due_on": due_on.to_string() });
    tx.audit("ask_pieces", ("registration", registration_id), None, Some(&json!(request)), &detail)?;
    tell(tx, &session, &row.person_id, &format!("request:{}", request.id), notify)?;
    Ok(request.id)
}

/// Queues one mail to the person of a file; someone without an address is written to by post.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    person_id: &str,
    key: &str,
    notify: Notify<'_>,
) -> Stored<()> {
    let person: PersonRow = people::table.find(person_id).select(PersonRow::as_select()).first(tx.conn)?;
    if !person.email.is_empty() {
        outbox::queue(tx, vec![notify(session, &person, key)])?;
    }
    Ok(())
}

/// Reminds a candidate by an officer's act; the same day reminds once.
///
/// # Errors
/// A refusal when no request waits.
pub fn remind(tx: &mut Tx<'_>, registration_id: &str, notify: Notify<'_>) -> Stored<()> {
    let (row, session) = file_for(tx, registration_id)?;
    require(session.state, OPEN_STATES, "Le rappel")?;
    let open = list_requests(tx.conn, registration_id)?.into_iter().find(RequestView::is_open);
    let Some(open) = open else {
        return Err(Refusal::new(
            "no_request",
            format!("Aucune demande n’attend de réponse au dossier {}.", row.number),
        )
        .into());
    };
    remind_once(tx, &session, &row.person_id, &open.request, notify)
}

fn remind_once(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    person_id: &str,
    request: &RequestRow,
    notify: Notify<'_>,
) -> Stored<()> {
    diesel::update(t::table.find(&request.id)).set(t::reminded_at.eq(tx.stamp())).execute(tx.conn)?;
    let day = local_day(session, tx.at);
    tx.audit(
        "remind_pieces",
        ("registration", &request.registration_id),
        None,
        None,
        &json!({ "due_on": request.due_on.0.to_string() }),
    )?;
    tell(tx, session, person_id, &format!("reminder:{}:{day}", request.id), notify)
}

/// Gives a request up: the candidate is no longer late.
///
/// # Errors
/// [`StoreError::NotFound`] for a request of another file.
pub fn close_request(tx: &mut Tx<'_>, registration_id: &str, request_id: &str) -> Stored<()> {
    file_for(tx, registration_id)?;
    let closed = diesel::update(
        t::table.find(request_id).filter(t::registration_id.eq(registration_id)).filter(t::closed_at.is_null()),
    )
    .set(t::closed_at.eq(tx.stamp()))
    .execute(tx.conn)?;
    if closed == 0 {
        return Err(StoreError::NotFound);
    }
    tx.audit("close_request", ("registration", registration_id), None, None, &json!({ "request": request_id }))
}

/// A reminder that is due: the session it is written under, and the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReminder {
    pub session_id: String,
    pub request_id: String,
}

/// Requests whose automatic reminder is due at this instant, by the days that each session's regulation says.
///
/// # Errors
/// The database's own.
pub fn list_due_reminders(conn: &mut Conn, now: jiff::Timestamp) -> Stored<Vec<DueReminder>> {
    let waiting: Vec<String> = items::table
        .inner_join(t::table)
        .inner_join(pieces::table.on(pieces::registration_id.eq(t::registration_id).and(pieces::code.eq(items::code))))
        .filter(t::reminded_at.is_null())
        .filter(t::closed_at.is_null())
        .filter(pieces::state.eq_any(["missing", "refused"]))
        .order(t::due_on)
        .limit(500)
        .select(items::request_id)
        .load(conn)?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(RequestRow, SessionRow)> = t::table
        .inner_join(exam_sessions::table)
        .inner_join(registrations::table)
        .filter(t::id.eq_any(waiting))
        .filter(registrations::state.eq("submitted"))
        .order((t::due_on, t::id))
        .select((RequestRow::as_select(), SessionRow::as_select()))
        .load(conn)?;
    let mut due = Vec::new();
    for (request, session) in rows {
        if !OPEN_STATES.contains(&session.state) {
            continue;
        }
        let pack = reference::rules_of(conn, &session.regulation_id)?;
        let Some(rules) = &pack.examination else { continue };
        let days = i64::from(rules.reminder_days.value);
        if is_reminder_due(request.due_on.0, local_day(&session, now), days) {
            due.push(DueReminder { session_id: session.id, request_id: request.id });
        }
    }
    Ok(due)
}

/// Sends the automatic reminder of a request, unless it left, was answered or given up meanwhile; `false` then.
///
/// # Errors
/// The database's own.
pub fn remind_due(tx: &mut Tx<'_>, request_id: &str, notify: Notify<'_>) -> Stored<bool> {
    let request: RequestRow = t::table.find(request_id).select(RequestRow::as_select()).first(tx.conn)?;
    let session = session::session_for(tx, &request.session_id, Action::ExamineFiles)?;
    let still = request.reminded_at.is_none()
        && list_requests(tx.conn, &request.registration_id)?
            .iter()
            .any(|view| view.request.id == request.id && view.is_open());
    if !still {
        return Ok(false);
    }
    let person_id: String =
        registrations::table.find(&request.registration_id).select(registrations::person_id).first(tx.conn)?;
    remind_once(tx, &session, &person_id, &request, notify)?;
    Ok(true)
}

/// Requests made to a candidate, latest first, each with the state of its pieces.
///
/// # Errors
/// The database's own.
pub fn list_requests(conn: &mut Conn, registration_id: &str) -> Stored<Vec<RequestView>> {
    let requests: Vec<RequestRow> = t::table
        .filter(t::registration_id.eq(registration_id))
        .order((t::asked_at.desc(), t::id.desc()))
        .select(RequestRow::as_select())
        .load(conn)?;
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
    let named: Vec<(String, String, String, String)> = items::table
        .inner_join(t::table)
        .inner_join(pieces::table.on(pieces::registration_id.eq(t::registration_id).and(pieces::code.eq(items::code))))
        .inner_join(
            required_pieces::table
                .on(required_pieces::session_id.eq(t::session_id).and(required_pieces::code.eq(items::code))),
        )
        .filter(items::request_id.eq_any(ids))
        .order(items::code)
        .select((items::request_id, items::code, required_pieces::label, pieces::state))
        .load(conn)?;
    Ok(requests
        .into_iter()
        .map(|request| RequestView {
            pieces: named
                .iter()
                .filter(|(id, ..)| *id == request.id)
                .map(|(_, _, label, state)| (label.clone(), state.clone()))
                .collect(),
            request,
        })
        .collect())
}

/// The day each of these files was last reminded, if it was.
///
/// # Errors
/// The database's own.
pub fn list_reminded(
    conn: &mut Conn,
    session: &SessionRow,
    registration_ids: &[String],
) -> Stored<std::collections::HashMap<String, jiff::civil::Date>> {
    Ok(t::table
        .filter(t::registration_id.eq_any(registration_ids))
        .filter(t::closed_at.is_null())
        .filter(t::reminded_at.is_not_null())
        .select((t::registration_id, t::reminded_at.assume_not_null()))
        .load::<(String, Stamp)>(conn)?
        .into_iter()
        .map(|(id, at)| (id, local_day(session, at.0)))
        .collect())
}
