//! Places of a training: the offer, requests from people, the office's answer, and the waiting list in order.
//! Everything runs under the lock of the house, so that the last place is given once.

use diesel::prelude::*;
use serde_json::json;

use super::own::{hours_of_person, person_of_user};
use super::{TrainingRow, enrol, managed_training, training_rules};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::ModuleKind;
use crate::domain::training::find_module;
use crate::domain::training::place::{self as rule, RequestState};
use crate::store::outbox::{self, NewMail};
use crate::store::people::PersonRow;
use crate::store::schema::{enrolments, people, training_offers, training_requests, training_sessions};
use crate::store::staff::today_in;
use crate::store::{Conn, Stamp, StoreError, Stored, Tx, new_id};

/// What a training offers beside its dates. A training that was never described has no limit and takes no request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Queryable, Selectable, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = training_offers, treat_none_as_null = true)]
pub struct Offer {
    pub training_session_id: String,
    /// `None` is without limit.
    pub places: Option<i32>,
    pub remote_link: Option<String>,
    pub trainers: String,
    /// Codes of the modules to have followed before, separated by spaces.
    pub requires: String,
    pub takes_requests: bool,
    pub version: i32,
}

impl Offer {
    /// Codes of the modules to have followed before.
    #[must_use]
    pub fn required(&self) -> Vec<&str> {
        self.requires.split_whitespace().collect()
    }

    fn limit(&self) -> Option<u32> {
        self.places.and_then(|places| u32::try_from(places).ok())
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = training_requests)]
pub struct RequestRow {
    pub id: String,
    pub training_session_id: String,
    pub person_id: String,
    pub state: RequestState,
    pub asked_at: Stamp,
    pub asked_by_name: String,
    pub reason: Option<String>,
    pub decided_at: Option<Stamp>,
    pub decided_by_name: Option<String>,
    /// The state of which the person was last told.
    pub told_state: Option<String>,
}

/// A request with the name of who asks.
#[derive(Debug, Clone)]
pub struct RequestView {
    pub request: RequestRow,
    pub name: String,
}

/// Where an enrolment led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    Enrolled(String),
    /// Place in the waiting list, from 1.
    Waiting(usize),
}

// ---------------------------------------------------------------- commands

/// Says what the training offers. Places added are given at once to those who wait.
///
/// # Errors
/// Not found for another academy; a conflict when somebody described it meanwhile; refused for an unknown module.
pub fn describe_offer(tx: &mut Tx<'_>, offer: &Offer) -> Stored<()> {
    let training = managed_training(tx, &offer.training_session_id)?;
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    if let Some(unknown) = offer.required().into_iter().find(|code| find_module(&rules, code).is_none()) {
        let sentence = format!("Le module «\u{a0}{unknown}\u{a0}» n’existe pas dans le règlement de cette formation.");
        return Err(Refusal::new("no_such_module", sentence).into());
    }
    let before = find_offer(tx.conn, &training.id)?;
    if before.version != offer.version {
        return Err(StoreError::Conflict(
            "Quelqu’un d’autre a modifié cette formation pendant votre saisie\u{a0}: rechargez la page.".into(),
        ));
    }
    let after = Offer { version: offer.version + 1, ..offer.clone() };
    if before.version == 0 {
        diesel::insert_into(training_offers::table).values(&after).execute(tx.conn)?;
    } else {
        diesel::update(training_offers::table.find(&training.id)).set(&after).execute(tx.conn)?;
    }
    tx.audit("describe_training", ("training", &training.id), Some(&json!(before)), Some(&json!(after)), &json!({}))?;
    promote(tx, &training)
}

/// Asks for a place in a training of one's own academy. Asking twice is asking once.
///
/// # Errors
/// Not found for a training of another academy or an account without a record; refused when no request is taken.
pub fn ask_place(tx: &mut Tx<'_>, training_id: &str) -> Stored<()> {
    let person = person_of_user(tx.conn, &tx.actor.user_id)?.ok_or(StoreError::NotFound)?;
    let training: TrainingRow = training_sessions::table
        .find(training_id)
        .filter(training_sessions::academy_code.eq(&person.academy_code))
        .select(TrainingRow::as_select())
        .first(tx.conn)?;
    let offer = find_offer(tx.conn, training_id)?;
    rule::check_request(offer.takes_requests, training.ends_on.0, today_in(&training.academy_code, tx.at)?)?;
    if enrolled_as(tx.conn, training_id, &person.id)?.is_some() {
        return Ok(());
    }
    put_request(tx, training_id, &person.id, RequestState::Asked)
}

/// Takes one's own request back.
///
/// # Errors
/// Not found for somebody else's; refused once it was answered.
pub fn cancel_request(tx: &mut Tx<'_>, training_id: &str) -> Stored<()> {
    let person = person_of_user(tx.conn, &tx.actor.user_id)?.ok_or(StoreError::NotFound)?;
    let row = find_request(tx.conn, training_id, &person.id)?.ok_or(StoreError::NotFound)?;
    if row.state == RequestState::Cancelled {
        return Ok(());
    }
    if !row.state.is_open() {
        return Err(Refusal::new(
            "request_answered",
            "Votre demande a déjà reçu une réponse\u{a0}: adressez-vous au responsable de formation.",
        )
        .into());
    }
    settle(tx, &row, RequestState::Cancelled, None)
}

/// Accepts or refuses a request. Accepted without a place left, the person waits in the order of the requests.
///
/// # Errors
/// Not found for another academy; refused without a reason for a refusal, or for a prerequisite that is missing.
pub fn decide_request(tx: &mut Tx<'_>, request_id: &str, accepts: bool, reason: &str) -> Stored<Option<Placed>> {
    let row: RequestRow = training_requests::table.find(request_id).select(RequestRow::as_select()).first(tx.conn)?;
    let training = managed_training(tx, &row.training_session_id)?;
    if !row.state.is_open() {
        return Err(StoreError::Conflict(format!(
            "Cette demande a déjà reçu une réponse ({}){}\u{a0}: rechargez la page.",
            row.state.label(),
            row.decided_by_name.as_deref().map(|name| format!(", par {name}")).unwrap_or_default()
        )));
    }
    if accepts {
        return place(tx, &training.id, &row.person_id, reason).map(Some);
    }
    if reason.trim().is_empty() {
        return Err(Refusal::new(
            "reason_missing",
            "Indiquez le motif du refus\u{a0}: la personne le lira dans son espace.",
        )
        .into());
    }
    settle(tx, &row, RequestState::Refused, Some(reason.trim()))?;
    Ok(None)
}

/// Enrols somebody, or puts them on the waiting list when every place is taken.
///
/// # Errors
/// Not found for another academy; refused for a prerequisite that is missing and not excused by `reason`.
pub fn place(tx: &mut Tx<'_>, training_id: &str, person_id: &str, reason: &str) -> Stored<Placed> {
    let training = managed_training(tx, training_id)?;
    if let Some(enrolment) = enrolled_as(tx.conn, training_id, person_id)? {
        return Ok(Placed::Enrolled(enrolment));
    }
    let known: i64 = people::table
        .find(person_id)
        .filter(people::academy_code.eq(&training.academy_code))
        .count()
        .get_result(tx.conn)?;
    if known == 0 {
        return Err(StoreError::NotFound);
    }
    let offer = find_offer(tx.conn, training_id)?;
    let rules = training_rules(tx.conn, &training.regulation_id)?;
    let hours = hours_of_person(tx.conn, &rules, person_id)?;
    rule::check_prerequisites(&offer.required(), &hours, reason)?;
    if !rule::has_place(offer.limit(), count_taken(tx.conn, training_id)?) {
        put_request(tx, training_id, person_id, RequestState::Waiting)?;
        let rank = list_waiting(tx.conn, training_id)?.iter().position(|row| row.person_id == person_id);
        return Ok(Placed::Waiting(rank.map_or(1, |rank| rank + 1)));
    }
    let enrolment = enrol(tx, training_id, person_id, None)?;
    if let Some(row) = find_request(tx.conn, training_id, person_id)? {
        settle(tx, &row, RequestState::Enrolled, Some(reason.trim()).filter(|text| !text.is_empty()))?;
    }
    Ok(Placed::Enrolled(enrolment))
}

/// Gives the places that are free to those who wait, in the order of their requests.
pub(super) fn promote(tx: &mut Tx<'_>, training: &TrainingRow) -> Stored<()> {
    let offer = find_offer(tx.conn, &training.id)?;
    let taken = count_taken(tx.conn, &training.id)?;
    for (row, taken) in list_waiting(tx.conn, &training.id)?.into_iter().zip(taken..) {
        if !rule::has_place(offer.limit(), taken) {
            break;
        }
        enrol(tx, &training.id, &row.person_id, None)?;
        settle(tx, &row, RequestState::Enrolled, None)?;
    }
    Ok(())
}

fn put_request(tx: &mut Tx<'_>, training_id: &str, person_id: &str, state: RequestState) -> Stored<()> {
    // Turns never tie: who came second came later, whatever the clock's grain.
    let latest: Option<Stamp> = training_requests::table
        .filter(training_requests::training_session_id.eq(training_id))
        .order(training_requests::asked_at.desc())
        .select(training_requests::asked_at)
        .first(tx.conn)
        .optional()?;
    let next = latest.and_then(|latest| latest.0.checked_add(jiff::SignedDuration::from_micros(1)).ok());
    let at = Stamp(next.map_or(tx.at, |next| next.max(tx.at)));
    let by = tx.actor.name.clone();
    let (id, before) = match find_request(tx.conn, training_id, person_id)? {
        Some(row) if row.state == state => return Ok(()),
        // Whoever asked keeps their turn while the request goes from asked to waiting.
        Some(row) if row.state.is_open() && state == RequestState::Asked => return Ok(()),
        Some(row) => {
            let asked_at = if row.state.is_open() { row.asked_at } else { at };
            diesel::update(training_requests::table.find(&row.id))
                .set((
                    training_requests::state.eq(state),
                    training_requests::asked_at.eq(asked_at),
                    training_requests::reason.eq(None::<String>),
                    training_requests::decided_at.eq(None::<Stamp>),
                    training_requests::decided_by_name.eq(None::<String>),
                    training_requests::told_state.eq(None::<String>),
                ))
                .execute(tx.conn)?;
            (row.id, Some(json!({ "state": row.state.as_str() })))
        }
        None => {
            let row = RequestRow {
                id: new_id(tx.at),
                training_session_id: training_id.to_owned(),
                person_id: person_id.to_owned(),
                state,
                asked_at: at,
                asked_by_name: by,
                reason: None,
                decided_at: None,
                decided_by_name: None,
                told_state: None,
            };
            diesel::insert_into(training_requests::table).values(&row).execute(tx.conn)?;
            (row.id, None)
        }
    };
    let after = json!({ "state": state.as_str(), "training": training_id, "person": person_id });
    tx.audit("ask_training", ("training_request", &id), before.as_ref(), Some(&after), &after)
}

fn settle(tx: &mut Tx<'_>, row: &RequestRow, state: RequestState, reason: Option<&str>) -> Stored<()> {
    if row.state == state {
        return Ok(());
    }
    diesel::update(training_requests::table.find(&row.id))
        .set((
            training_requests::state.eq(state),
            training_requests::reason.eq(reason),
            training_requests::decided_at.eq(Some(tx.stamp())),
            training_requests::decided_by_name.eq(Some(&tx.actor.name)),
        ))
        .execute(tx.conn)?;
    let (before, after) =
        (json!({ "state": row.state.as_str() }), json!({ "state": state.as_str(), "reason": reason }));
    tx.audit("answer_training_request", ("training_request", &row.id), Some(&before), Some(&after), &after)
}

/// Somebody whom an answer waits to be told to.
#[derive(Debug, Clone)]
pub struct Untold {
    pub request: RequestRow,
    pub training: TrainingRow,
    pub person: PersonRow,
}

/// Marks these answers as told and queues the mails that tell them, in one transaction.
///
/// # Errors
/// The database's own.
pub fn mark_told(tx: &mut Tx<'_>, told: &[(String, RequestState)], mails: Vec<NewMail>) -> Stored<()> {
    for (id, state) in told {
        diesel::update(training_requests::table.find(id))
            .set(training_requests::told_state.eq(Some(state.as_str())))
            .execute(tx.conn)?;
    }
    outbox::queue(tx, mails).map(|_| ())
}

// ---------------------------------------------------------------- queries

/// What the training offers; version 0 when nobody described it yet.
///
/// # Errors
/// The database's own.
pub fn find_offer(conn: &mut Conn, training_id: &str) -> Stored<Offer> {
    let row: Option<Offer> =
        training_offers::table.find(training_id).select(Offer::as_select()).first(conn).optional()?;
    Ok(row.unwrap_or_else(|| Offer { training_session_id: training_id.to_owned(), ..Offer::default() }))
}

/// The requests of a training, those that wait first, then in the order they came.
///
/// # Errors
/// The database's own.
pub fn list_requests(conn: &mut Conn, training_id: &str) -> Stored<Vec<RequestView>> {
    let rows: Vec<(RequestRow, String, Option<String>, String)> = training_requests::table
        .inner_join(people::table)
        .filter(training_requests::training_session_id.eq(training_id))
        .order((training_requests::asked_at, training_requests::id))
        .select((RequestRow::as_select(), people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    let mut views: Vec<RequestView> = rows
        .into_iter()
        .map(|(request, birth, usage, first)| {
            let name = super::full_name(&birth, usage.as_deref(), &first);
            RequestView { request, name }
        })
        .collect();
    views.sort_by_key(|view| !view.request.state.is_open());
    Ok(views)
}

/// Answers that nobody was told of yet, the oldest first.
///
/// # Errors
/// The database's own.
pub fn list_untold(conn: &mut Conn, limit: i64) -> Stored<Vec<Untold>> {
    let answered = [RequestState::Waiting, RequestState::Enrolled, RequestState::Refused];
    let rows: Vec<(RequestRow, TrainingRow, PersonRow)> = training_requests::table
        .inner_join(training_sessions::table)
        .inner_join(people::table)
        .filter(training_requests::state.eq_any(answered))
        .filter(
            training_requests::told_state
                .is_null()
                .or(training_requests::told_state.ne(training_requests::state.nullable())),
        )
        .order((training_requests::asked_at, training_requests::id))
        .limit(limit)
        .select((RequestRow::as_select(), TrainingRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(request, training, person)| Untold { request, training, person }).collect())
}

fn list_waiting(conn: &mut Conn, training_id: &str) -> Stored<Vec<RequestRow>> {
    Ok(training_requests::table
        .filter(training_requests::training_session_id.eq(training_id))
        .filter(training_requests::state.eq(RequestState::Waiting))
        .order((training_requests::asked_at, training_requests::id))
        .select(RequestRow::as_select())
        .load(conn)?)
}

pub(super) fn find_request(conn: &mut Conn, training_id: &str, person_id: &str) -> Stored<Option<RequestRow>> {
    Ok(training_requests::table
        .filter(training_requests::training_session_id.eq(training_id))
        .filter(training_requests::person_id.eq(person_id))
        .select(RequestRow::as_select())
        .first(conn)
        .optional()?)
}

fn enrolled_as(conn: &mut Conn, training_id: &str, person_id: &str) -> Stored<Option<String>> {
    Ok(enrolments::table
        .filter(enrolments::training_session_id.eq(training_id))
        .filter(enrolments::person_id.eq(person_id))
        .filter(enrolments::withdrawn_at.is_null())
        .select(enrolments::id)
        .first(conn)
        .optional()?)
}

pub(super) fn count_taken(conn: &mut Conn, training_id: &str) -> Stored<usize> {
    let taken: i64 = enrolments::table
        .filter(enrolments::training_session_id.eq(training_id))
        .filter(enrolments::withdrawn_at.is_null())
        .count()
        .get_result(conn)?;
    Ok(usize::try_from(taken).unwrap_or(usize::MAX))
}

/// Codes of the modules at choice in the rules of a training.
pub(super) fn modules_at_choice(conn: &mut Conn, training_id: &str) -> Stored<Vec<String>> {
    let regulation: String =
        training_sessions::table.find(training_id).select(training_sessions::regulation_id).first(conn)?;
    let rules = training_rules(conn, &regulation)?;
    let at_choice = rules.modules.iter().filter(|module| module.kind == ModuleKind::Deepening);
    Ok(at_choice.map(|module| module.code.clone()).collect())
}
