//! What a training offers, who asks for a place, and the convocations: the manager's side.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{FOLLOWS, MANAGES, load};
use crate::domain::permission::{Action, Object, may};
use crate::office::training as office;
use crate::store::training::{Offer, Placed, TrainingFile, decide_request, describe_offer, find_offer};
use crate::web::AppState;
use crate::web::download::attached;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use crate::web::routes::Routes;
use crate::web::staff::write;

pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/formation/{id}/offre", MANAGES, offer)
        .post("/formation/{id}/offre", MANAGES, describe)
        .post("/formation/{id}/demandes/{request}", MANAGES, decision)
        .post("/formation/{id}/convocations", MANAGES, convene)
        .get("/formation/{id}/stagiaires/{enrolment}/convocation.pdf", FOLLOWS, convocation)
        .get("/formation/{id}/stagiaires/{enrolment}/designation.pdf", MANAGES, designation)
        .get("/formation/{id}/stagiaires/{enrolment}/attestation.pdf", MANAGES, attestation)
}

/// A training of an academy whose training the actor manages; elsewhere it does not exist.
pub async fn managed(state: &AppState, actor: &CurrentActor, id: &str) -> Result<TrainingFile, AppError> {
    let (file, _) = load(state, actor, id, "").await?;
    let object = Object::academy(&file.training.academy_code);
    if may(actor, Action::ManageTraining, object) { Ok(file) } else { Err(AppError::not_found()) }
}

// ---------------------------------------------------------------- offer

#[derive(Template)]
#[template(path = "training/offer.html")]
struct OfferPage {
    page: Page,
    form: Form,
    training_id: String,
}

fn offer_page(shell: &Shell, file: &TrainingFile, form: Form) -> OfferPage {
    OfferPage {
        page: shell
            .page("Places et prérequis")
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{}", file.training.id))
            .with_errors(form.is_refused()),
        training_id: file.training.id.clone(),
        form,
    }
}

async fn offer(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let known = state.db.read(move |conn| find_offer(conn, &id)).await?;
    let form = Form::filled([
        ("places", known.places.map_or_else(String::new, |places| places.to_string())),
        ("lien", known.remote_link.clone().unwrap_or_default()),
        ("formateurs", known.trainers.clone()),
        ("prerequis", known.requires.clone()),
        ("demandes", if known.takes_requests { "oui".to_owned() } else { String::new() }),
        ("version", known.version.to_string()),
    ]);
    html(&offer_page(&shell, &file, form))
}

async fn describe(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let version: i32 = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("Rechargez la page avant d’enregistrer les places."))?;
    let takes_requests = raw.trimmed("demandes") == "oui";
    let mut read = Reading::of(raw);
    let places = read.optional("places", |text| match text.parse::<i32>() {
        Ok(places) if (1..=1_000).contains(&places) => Ok(places),
        _ => Err("Écrivez un nombre de places entre 1 et 1 000, ou rien s’il n’y a pas de limite."),
    });
    let link = read.optional("lien", |text| {
        if text.starts_with("https://") && text.len() <= 300 {
            Ok(text.to_owned())
        } else {
            Err("Le lien commence par https:// et compte 300 caractères au plus.")
        }
    });
    let trainers = read.free_text("formateurs", 300);
    let requires = read.free_text("prerequis", 200);
    let mut form = read.into_form();
    if let (Some(places), Some(remote_link), Some(trainers), Some(requires)) = (places, link, trainers, requires) {
        let requires: Vec<String> =
            requires.split([' ', ',', ';', '\u{a0}']).filter(|code| !code.is_empty()).map(str::to_uppercase).collect();
        let offer = Offer {
            training_session_id: id.clone(),
            places,
            remote_link,
            trainers,
            requires: requires.join(" "),
            takes_requests,
            version,
        };
        match write(&state, &actor, move |tx| describe_offer(tx, &offer)).await? {
            Ok(()) => return Ok(Flash::success("L’offre est enregistrée.").then(&format!("/formation/{id}"))),
            Err(refusal) => form.refuse("prerequis", refusal.to_string()),
        }
    }
    html_to_correct(&offer_page(&shell, &file, form))
}

// ---------------------------------------------------------------- requests

async fn decision(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, request)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    managed(&state, &actor, &id).await?;
    let accepts = match raw.trimmed("reponse") {
        "accepter" => true,
        "refuser" => false,
        _ => return Err(AppError::bad_request("Choisissez d’accepter ou de refuser la demande.")),
    };
    let reason: String = raw.trimmed("motif").chars().take(500).collect();
    match write(&state, &actor, move |tx| decide_request(tx, &request, accepts, &reason)).await? {
        Ok(placed) => {
            let done = match placed {
                Some(Placed::Enrolled(_)) => "La personne est inscrite ; un message la prévient.".to_owned(),
                Some(Placed::Waiting(rank)) => {
                    format!("Toutes les places sont prises : la personne est en liste d’attente, au rang {rank}.")
                }
                None => "La demande est refusée ; un message prévient la personne.".to_owned(),
            };
            Ok(Flash::success(done).then(&format!("/formation/{id}#demandes")))
        }
        Err(refusal) => Ok(Flash::warning(refusal.to_string()).then(&format!("/formation/{id}#demandes"))),
    }
}

// ---------------------------------------------------------------- documents

async fn convene(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let (db, url, of) = (state.db.clone(), state.config.public_url.clone(), id.clone());
    let who = actor.0.clone();
    let count = tokio::task::spawn_blocking(move || office::convene(&db, &who, &file.training.academy_code, &of, &url))
        .await
        .map_err(AppError::internal)??;
    let done = match count {
        0 => "Chacun a déjà reçu les dates telles qu’elles sont : aucun message n’est parti.".to_owned(),
        1 => "Une convocation part.".to_owned(),
        n => format!("{n}\u{a0}convocations partent."),
    };
    Ok(Flash::success(done).then(&format!("/formation/{id}")))
}

async fn convocation(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
) -> Result<Response, AppError> {
    // A tutor reads those of their own trainees: `load` shows them no other.
    let (file, _) = load(&state, &actor, &id, "").await?;
    if !file.trainees.iter().any(|trainee| trainee.enrolment.id == enrolment) {
        return Err(AppError::not_found());
    }
    let db = state.db.clone();
    let drawn = tokio::task::spawn_blocking(move || {
        office::convocation_of(&db, &file.training.academy_code, &id, &enrolment, false)
    })
    .await
    .map_err(AppError::internal)??;
    Ok(attached("application/pdf", "convocation-formation.pdf", drawn))
}

async fn designation(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let db = state.db.clone();
    let drawn = tokio::task::spawn_blocking(move || {
        office::designation_order(&db, &file.training.academy_code, &id, &enrolment)
    })
    .await
    .map_err(AppError::internal)??;
    Ok(attached("application/pdf", "designation-tuteur.pdf", drawn))
}

async fn attestation(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
) -> Result<Response, AppError> {
    managed(&state, &actor, &id).await?;
    let db = state.db.clone();
    let drawn = tokio::task::spawn_blocking(move || crate::office::attestation::attestation_of(&db, &id, &enrolment))
        .await
        .map_err(AppError::internal)??;
    Ok(attached("application/pdf", "attestation-formation.pdf", drawn))
}
