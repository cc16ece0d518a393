//! What a trainee does for themselves: their trainings and hours, a request for a place, documents, and what they think.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::meetings::when;
use crate::domain::academy::Academy;
use crate::domain::training::place::RequestState;
use crate::office::training as office;
use crate::store::training::{
    Answer, OpenTraining, OwnTraining, answer, ask_place, cancel_request, find_own, list_open, person_of_user,
};
use crate::web::AppState;
use crate::web::download::attached;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::outbox::note_page_opened;
use crate::web::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use crate::web::routes::{Gate, Routes};
use crate::web::staff::write;

pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/formation/mes-formations", Gate::SignedIn, index)
        .post("/formation/mes-formations/{id}/demande", Gate::SignedIn, ask)
        .post("/formation/mes-formations/{id}/retrait", Gate::SignedIn, take_back)
        .get("/formation/mes-formations/{id}/avis", Gate::SignedIn, opinion)
        .post("/formation/mes-formations/{id}/avis", Gate::SignedIn, give_opinion)
        .get("/formation/mes-formations/{id}/{document}", Gate::SignedIn, document)
}

struct Coming {
    when: String,
    module: String,
    place: String,
    link: Option<String>,
    is_cancelled: bool,
}

struct OwnCard {
    own: OwnTraining,
    coming: Vec<Coming>,
    is_over: bool,
}

struct OpenCard {
    open: OpenTraining,
    state: Option<RequestState>,
    left: Option<i64>,
}

impl OpenCard {
    fn is_asked(&self) -> bool {
        self.state.is_some_and(RequestState::is_open)
    }
}

#[derive(Template)]
#[template(path = "training/own.html")]
struct OwnPage {
    page: Page,
    has_record: bool,
    cards: Vec<OwnCard>,
    open: Vec<OpenCard>,
}

async fn index(State(state): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let user = actor.user_id.clone();
    let now = state.clock().now();
    note_page_opened(&state, &actor, "/formation/mes-formations").await?;
    let (person, own, open) = state
        .db
        .read(move |conn| {
            let Some(person) = person_of_user(conn, &user)? else { return Ok((None, Vec::new(), Vec::new())) };
            let today = Academy::find(&person.academy_code).map(|academy| academy.date(now)).unwrap_or_default();
            let own = find_own(conn, &person.id)?;
            let open = list_open(conn, &person.academy_code, &person.id, today)?;
            Ok((Some(person), own, open))
        })
        .await?;
    let cards = own
        .into_iter()
        .map(|own| {
            let training = &own.followed.training;
            let coming = own
                .meetings
                .iter()
                .filter(|row| row.ends_at.0 > now)
                .take(30)
                .map(|row| Coming {
                    when: when(&training.academy_code, row),
                    module: row.module_code.clone(),
                    place: row.place.clone(),
                    link: row.remote_link.clone(),
                    is_cancelled: row.cancelled_at.is_some(),
                })
                .collect();
            let is_over =
                Academy::find(&training.academy_code).is_some_and(|academy| academy.date(now) > training.ends_on.0);
            OwnCard { coming, is_over, own }
        })
        .collect::<Vec<_>>();
    let followed: Vec<String> = cards
        .iter()
        .filter(|card| card.own.followed.enrolment.withdrawn_at.is_none())
        .map(|card| card.own.followed.training.id.clone())
        .collect();
    let open = open
        .into_iter()
        .filter(|open| !followed.contains(&open.training.id))
        .map(|open| OpenCard {
            state: open.request.as_ref().map(|request| request.state),
            left: open
                .offer
                .places
                .map(|places| (i64::from(places) - i64::try_from(open.taken).unwrap_or(i64::MAX)).max(0)),
            open,
        })
        .collect();
    html(&OwnPage { page: shell.page("Mes formations"), has_record: person.is_some(), cards, open })
}

async fn ask(State(state): State<AppState>, actor: CurrentActor, Path(id): Path<String>) -> Result<Response, AppError> {
    Ok(match write(&state, &actor, move |tx| ask_place(tx, &id)).await? {
        Ok(()) => {
            Flash::success("Votre demande est transmise. La réponse s’affichera ici, et un message vous préviendra.")
        }
        Err(refusal) => Flash::warning(refusal.to_string()),
    }
    .then("/formation/mes-formations"))
}

async fn take_back(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    Ok(match write(&state, &actor, move |tx| cancel_request(tx, &id)).await? {
        Ok(()) => Flash::success("Votre demande est retirée."),
        Err(refusal) => Flash::warning(refusal.to_string()),
    }
    .then("/formation/mes-formations"))
}

/// One's own enrolment in a training; anybody else's does not exist.
async fn own_training(state: &AppState, actor: &CurrentActor, id: String) -> Result<OwnTraining, AppError> {
    let user = actor.user_id.clone();
    let found = state
        .db
        .read(move |conn| {
            let Some(person) = person_of_user(conn, &user)? else { return Ok(None) };
            Ok(find_own(conn, &person.id)?.into_iter().find(|own| own.followed.training.id == id))
        })
        .await?;
    found.ok_or_else(AppError::not_found)
}

const NOTES: &[(&str, &str)] = &[("4", "Tout à fait"), ("3", "Plutôt"), ("2", "Plutôt pas"), ("1", "Pas du tout")];

#[derive(Template)]
#[template(path = "training/opinion_form.html")]
struct OpinionPage {
    page: Page,
    form: Form,
    training_id: String,
    has_answered: bool,
    notes: &'static [(&'static str, &'static str)],
}

fn opinion_page(shell: &Shell, own: &OwnTraining, form: Form) -> OpinionPage {
    OpinionPage {
        page: shell
            .page("Votre avis sur la formation")
            .under("Mes formations", "/formation/mes-formations")
            .with_errors(form.is_refused()),
        training_id: own.followed.training.id.clone(),
        has_answered: own.has_answered,
        form,
        notes: NOTES,
    }
}

async fn opinion(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let own = own_training(&state, &actor, id).await?;
    html(&opinion_page(&shell, &own, Form::empty()))
}

async fn give_opinion(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let own = own_training(&state, &actor, id.clone()).await?;
    let note = |field: &str| raw.trimmed(field).parse::<i32>().ok().filter(|note| (1..=4).contains(note));
    let read = (note("contenu"), note("organisation"), note("utilite"));
    let remark: String = raw.trimmed("remarque").chars().take(1_000).collect();
    let mut form = Form::from_raw(raw);
    for (field, given) in [("contenu", read.0), ("organisation", read.1), ("utilite", read.2)] {
        if given.is_none() {
            form.refuse(field, "Choisissez une réponse.");
        }
    }
    if let (Some(content), Some(organisation), Some(usefulness)) = read {
        let given = Answer { content, organisation, usefulness, remark };
        match write(&state, &actor, move |tx| answer(tx, &id, &given)).await? {
            Ok(()) => {
                return Ok(Flash::success("Merci. Votre avis est enregistré sans votre nom.")
                    .then("/formation/mes-formations"));
            }
            Err(refusal) => form.refuse("contenu", refusal.to_string()),
        }
    }
    html_to_correct(&opinion_page(&shell, &own, form))
}

async fn document(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let own = own_training(&state, &actor, id.clone()).await?;
    if own.followed.enrolment.withdrawn_at.is_some() {
        return Err(AppError::not_found());
    }
    let (academy, enrolment) = (own.followed.training.academy_code, own.followed.enrolment.id);
    let db = state.db.clone();
    let (content_type, drawn) = tokio::task::spawn_blocking(move || match name.as_str() {
        "convocation.pdf" => {
            office::convocation_of(&db, &academy, &id, &enrolment, false).map(|bytes| ("application/pdf", bytes))
        }
        "convocation.ics" => office::convocation_of(&db, &academy, &id, &enrolment, true)
            .map(|bytes| ("text/calendar; charset=utf-8", bytes)),
        "attestation.pdf" => {
            crate::office::attestation::attestation_of(&db, &id, &enrolment).map(|bytes| ("application/pdf", bytes))
        }
        _ => Err(crate::store::StoreError::NotFound),
    })
    .await
    .map_err(AppError::internal)??;
    let name = if content_type.starts_with("text/") { "formation.ics" } else { "formation.pdf" };
    Ok(attached(content_type, name, drawn))
}
