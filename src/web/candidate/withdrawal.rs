//! A candidate withdraws, after a page that says what it means, until the list is fixed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::own_file;
use crate::store::Lock;
use crate::store::registration::{self, OPEN_STATES};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::RawForm;
use crate::web::page::{self, CurrentActor, Flash, Page, Shell};

#[derive(Template)]
#[template(path = "candidate/withdrawal.html")]
struct WithdrawalPage {
    page: Page,
    id: String,
    number: String,
    title: String,
    version: i32,
    allowed: bool,
}

pub async fn confirm(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(registration_id): Path<String>,
) -> Result<Response, AppError> {
    let view = own_file(&app, &actor, registration_id).await?;
    let page = shell.page("Retirer ma candidature").under("Mon dossier", "/mon-dossier");
    page::html(&WithdrawalPage {
        page,
        title: crate::web::draft::title_of(&view.session),
        allowed: OPEN_STATES.contains(&view.session.state) && view.registration.state == "submitted",
        version: view.registration.version,
        number: view.registration.number,
        id: view.registration.id,
    })
}

pub async fn withdraw(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(registration_id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version: i32 = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("Rechargez la page avant de retirer votre candidature."))?;
    let view = own_file(&app, &actor, registration_id).await?;
    let file = view.registration.id.clone();
    app.db
        .write(&actor, Lock::Session(view.session.id.clone()), move |tx| registration::withdraw(tx, &file, version))
        .await?;
    Ok(Flash::success("Votre candidature est retirée.").then("/mon-dossier"))
}
