//! The office's files: their import, withdrawals, and the session's exports; the queue and the files are in `examination`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use super::download;
use super::error::AppError;
use super::examination::Asked;
use super::exchange::session_routes;
use super::form::RawForm;
use super::page::{CurrentActor, Flash, Tone};
use super::routes::{Gate, Routes};
use super::session::own_session;
use crate::domain::exchange::ImportKind;
use crate::domain::permission::{Action, OFFICE};
use crate::store::Lock;
use crate::store::examination::requests::local_day;
use crate::store::export::{self, Exported};
use crate::store::registration;
use crate::store::session::SessionRow;

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .merge(session_routes(
            ImportKind::Candidates,
            [
                "/gestion/sessions/{id}/import",
                "/gestion/sessions/{id}/import/{draft}",
                "/gestion/sessions/{id}/import/{draft}/colonnes",
            ],
        ))
        .post("/gestion/sessions/{id}/dossiers/{registration}/retrait", office, withdraw)
        .get("/gestion/sessions/{id}/exports/{file}", office, download)
}

async fn load(app: &AppState, actor: &CurrentActor, id: String, action: Action) -> Result<SessionRow, AppError> {
    let who = actor.0.clone();
    Ok(app.db.read(move |conn| own_session(conn, &who, &id, action)).await?)
}

/// How the proposal or the state of a file is shown.
#[must_use]
pub fn state_tag(state: &str, eligibility: &str, decided: bool) -> (Tone, &'static str) {
    match (state, eligibility, decided) {
        ("withdrawn", ..) => (Tone::Neutral, "Retiré"),
        ("refused", ..) => (Tone::Error, "Refusé"),
        ("admitted", ..) => (Tone::Success, "Admis à se présenter"),
        (_, "eligible", _) | (_, _, true) => (Tone::Success, "Recevable"),
        (_, "refusal_proposed", _) => (Tone::Warning, "Refus proposé"),
        _ => (Tone::Warning, "À instruire"),
    }
}

async fn withdraw(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ExamineFiles).await?;
    let version: i32 = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("La version du dossier manque : rechargez la page."))?;
    let file = registration_id.clone();
    app.db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| registration::withdraw(tx, &file, version))
        .await?;
    Ok(Flash::success("La candidature est retirée.")
        .then(&format!("/gestion/sessions/{}/dossiers/{registration_id}", session.id)))
}

async fn download(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, file)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::Export).await?;
    let (name, kind) = download::asked(&file).ok_or_else(AppError::not_found)?;
    let what = Exported::from_word(name).ok_or_else(AppError::not_found)?;
    if what == Exported::Queue {
        // The queue leaves as it is filtered and sorted on its page.
        let asked = Asked::of_query(query.as_deref(), &actor.user_id)?;
        let (who, today) = (actor.0.clone(), local_day(&session, app.clock().now()));
        let planned =
            app.db.read(move |conn| export::plan_queue(conn, &who, &session, &asked.filter, asked.sort, today)).await?;
        return Ok(download::stream(&app, &actor, planned, kind));
    }
    let (academy, year) = (session.academy_code.clone(), session.year16());
    download::sheet(&app, &actor, what, &academy, year, kind).await
}
