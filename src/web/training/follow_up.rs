//! What is noted of one trainee beside the hours: exempted modules, modules at choice, meetings with the tutor.

use axum::extract::{Path, State};
use axum::response::Response;

use super::{FOLLOWS, MANAGES};
use crate::store::training::{choose_modules, exempt, note_tutor_meeting};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::RawForm;
use crate::web::page::{CurrentActor, Flash};
use crate::web::routes::Routes;
use crate::web::staff::{day, write};

pub fn routes() -> Routes<AppState> {
    Routes::new()
        .post("/formation/{id}/stagiaires/{enrolment}/dispenses", MANAGES, exemption)
        .post("/formation/{id}/stagiaires/{enrolment}/modules", MANAGES, modules)
        .post("/formation/{id}/stagiaires/{enrolment}/entretiens", FOLLOWS, meeting)
}

fn back(id: &str, enrolment: &str) -> String {
    format!("/formation/{id}/stagiaires/{enrolment}")
}

async fn exemption(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (module, reason) =
        (raw.trimmed("module").to_owned(), raw.trimmed("motif").chars().take(300).collect::<String>());
    let lifted = raw.trimmed("lever") == "oui";
    let reason = if lifted { String::new() } else { reason };
    if reason.is_empty() && !lifted {
        let sentence = "Indiquez le motif de la dispense : il figurera sur l’attestation.";
        return Ok(Flash::warning(sentence).then(&format!("{}#dispenses", back(&id, &enrolment))));
    }
    let of = enrolment.clone();
    let done = write(&state, &actor, move |tx| exempt(tx, &of, &module, &reason)).await?;
    Ok(told(
        done,
        if lifted { "La dispense est levée." } else { "La dispense est enregistrée." },
        &back(&id, &enrolment),
    ))
}

async fn modules(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let chosen: Vec<String> = raw.all("modules").into_iter().map(str::to_owned).collect();
    let of = enrolment.clone();
    let done = write(&state, &actor, move |tx| choose_modules(tx, &of, &chosen)).await?;
    Ok(told(done, "Les modules choisis sont enregistrés.", &back(&id, &enrolment)))
}

async fn meeting(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let page = back(&id, &enrolment);
    let Ok(held_on) = day(raw.trimmed("jour")) else {
        return Ok(Flash::warning("Indiquez le jour de l’entretien.").then(&format!("{page}#entretiens")));
    };
    let notes: String = raw.trimmed("notes").chars().take(2_000).collect();
    let done = write(&state, &actor, move |tx| note_tutor_meeting(tx, &enrolment, held_on, &notes).map(|_| ())).await?;
    Ok(told(done, "L’entretien est noté.", &page))
}

fn told(done: Result<(), crate::domain::refusal::Refusal>, sentence: &str, page: &str) -> Response {
    match done {
        Ok(()) => Flash::success(sentence).then(page),
        Err(refusal) => Flash::warning(refusal.to_string()).then(page),
    }
}
