//! The answers read over, the declaration, the submission, and the page that acknowledges it.
//! The acknowledgement says who received what, when, under which number, and what comes next (CRPA, art. R. 112-5).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::answers::{self, Section};
use super::{Contact, closed_page, contact, own, page_of, title_of};
use crate::domain::academy::{Academy, french_date};
use crate::office::acknowledgement;
use crate::store::draft::{self as store, Submitted};
use crate::store::registration::list_files_of_user;
use crate::store::{Lock, StoreError, reference};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell};
use crate::web::session::shown_instant;

#[derive(Template)]
#[template(path = "draft/review.html")]
struct ReviewPage {
    page: Page,
    form: Form,
    draft: String,
    version: i32,
    title: String,
    sections: Vec<Section>,
    pieces: Vec<String>,
    ready: bool,
    law: String,
}

pub async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(draft): Path<String>,
) -> Result<Response, AppError> {
    review_page(&app, &shell, &actor, draft, Form::empty()).await
}

async fn review_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    draft: String,
    form: Form,
) -> Result<Response, AppError> {
    let view = own(app, actor, draft).await?;
    if !view.is_open {
        return closed_page(app, shell, &view, Vec::new(), form.is_refused()).await;
    }
    let session_id = view.session.id.clone();
    let pieces = app.db.read(move |conn| crate::store::session::list_required_pieces(conn, &session_id)).await?;
    let sections = answers::sections(&view);
    let refused = form.is_refused();
    let template = ReviewPage {
        page: page_of(shell, &view, "Vérifier vos réponses").with_errors(refused),
        form,
        version: view.draft.version,
        title: title_of(&view.session),
        ready: !sections.iter().any(Section::is_faulty),
        sections,
        pieces: pieces.into_iter().map(|(_, label)| label).collect(),
        law: view.pack.eligibility.own_academy.law.clone(),
        draft: view.draft.id,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

pub async fn submit(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(draft): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session_id = match own(&app, &actor, draft.clone()).await {
        Ok(view) => view.session.id,
        // Sent twice: the first one has already made it a registration.
        Err(error) => {
            let user = actor.user_id.clone();
            let known = app.db.read(move |conn| store::find_submitted(conn, &user, &draft)).await?;
            return known.map(|id| page::see_other(&receipt_of(&id))).ok_or(error);
        }
    };
    let version: i32 = raw.trimmed("version").parse().unwrap_or(0);
    let mut form = Form::from_raw(raw);
    if form.value("declaration") != "oui" {
        form.refuse("declaration", "Cochez la déclaration : sans elle, le dossier ne peut pas être déposé.");
        return review_page(&app, &shell, &actor, draft, form).await;
    }
    let head = {
        let id = session_id.clone();
        app.db
            .read(move |conn| {
                let session = crate::store::session::load_session(conn, &id)?;
                let wording = reference::rules_of(conn, &session.regulation_id)?.appeals.acknowledgement.value.clone();
                Ok(acknowledgement::Wording { wording, academy: reference::get_academy(conn, &session.academy_code)? })
            })
            .await?
    };
    let public_url = app.config.public_url.clone();
    let mut tries = 0;
    let submitted = loop {
        tries += 1;
        let (id, head, public_url) = (draft.clone(), head.clone(), public_url.clone());
        let outcome = app
            .db
            .write(&actor, Lock::Session(session_id.clone()), move |tx| {
                store::submit(tx, &id, version, &|session, person, row| {
                    acknowledgement::mail(&head, session, person, row, &public_url)
                })
            })
            .await;
        match outcome {
            // The same person came in by another door at this very moment: look again, once.
            Err(error) if error.is_unique_violation() && tries < 3 => {}
            other => break other,
        }
    };
    match submitted {
        Ok(Submitted::Registered(id)) => {
            let done = receipt_of(&id);
            draw(&app, id).await;
            Ok(page::see_other(&done))
        }
        Ok(Submitted::IdentityToCheck) => Ok(Flash::warning(
            "Votre dossier n’est pas encore déposé : le bureau des examens doit d’abord vérifier votre identité.",
        )
        .then(&format!("/inscription/{draft}"))),
        Err(StoreError::Refused(no)) if no.code == "registration_closed" => {
            let view = own(&app, &actor, draft).await?;
            closed_page(&app, &shell, &view, Vec::new(), true).await
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("declaration", no.to_string());
            review_page(&app, &shell, &actor, draft, form).await
        }
        Err(StoreError::Conflict(sentence)) => {
            form.refuse("declaration", sentence);
            review_page(&app, &shell, &actor, draft, form).await
        }
        Err(other) => Err(other.into()),
    }
}

fn receipt_of(registration_id: &str) -> String {
    format!("/mon-dossier/{registration_id}/depot")
}

/// Draws the acknowledgement outside the write; one that fails is drawn when it is asked for.
async fn draw(app: &AppState, registration_id: String) {
    let db = app.db.clone();
    let drawn = tokio::task::spawn_blocking(move || acknowledgement::document(&db, &registration_id)).await;
    match drawn {
        Ok(Ok(_)) => {}
        Ok(Err(cause)) => tracing::error!(%cause, "acknowledgement not drawn"),
        Err(cause) => tracing::error!(%cause, "acknowledgement not drawn"),
    }
}

#[derive(Template)]
#[template(path = "draft/receipt.html")]
struct ReceiptPage {
    page: Page,
    id: String,
    number: String,
    title: String,
    received: String,
    closes_on: String,
    email: String,
    contact: Contact,
    missing: Vec<String>,
}

pub async fn receipt(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(registration): Path<String>,
) -> Result<Response, AppError> {
    let user = actor.user_id.clone();
    let files = app.db.read(move |conn| list_files_of_user(conn, &user)).await?;
    let file = files
        .into_iter()
        .find(|file| file.registration.id == registration && file.registration.source == "form")
        .ok_or_else(AppError::not_found)?;
    let contact = contact(&app, &file.session.academy_code).await?;
    let closes = Academy::find(&file.session.academy_code)
        .map(|academy| french_date(academy.date(file.session.registration_closes_at.0)))
        .unwrap_or_default();
    let page = shell.page("Dossier déposé").under("Mon dossier", "/mon-dossier");
    page::html(&ReceiptPage {
        page,
        title: title_of(&file.session),
        received: shown_instant(&file.session, file.registration.submitted_at.0),
        closes_on: closes,
        email: file.person.email.clone(),
        contact,
        missing: file
            .pieces
            .iter()
            .filter(|(_, _, state)| state == "missing" || state == "refused")
            .map(|(_, label, _)| label.clone())
            .collect(),
        number: file.registration.number,
        id: file.registration.id,
    })
}
