//! Planning the instant of publication, and the public list of the admitted, which says nothing before it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::civil::DateTime;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::academy::Academy;
use crate::domain::permission::{Action, OFFICE};
use crate::domain::session::SessionState;
use crate::store::publication;
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/gestion/sessions/{id}/publication", Gate::Roles(OFFICE), show)
        .post("/gestion/sessions/{id}/publication", Gate::Roles(OFFICE), plan)
        .get("/resultats", Gate::Public, results)
}

#[derive(Template)]
#[template(path = "publication/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    zone: String,
    planned: Option<String>,
    published: Option<String>,
    can_plan: bool,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    plan_page(&app, &shell, &actor, id, Form::empty()).await
}

async fn plan_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let session = app.db.read(move |conn| own_session(conn, &who, &id, Action::PlanPublication)).await?;
    let refused = form.is_refused();
    let page = page_of(shell, &session, "Publication des résultats").with_errors(refused);
    let zone = Academy::find(&session.academy_code).map(|academy| academy.time_zone.clone()).unwrap_or_default();
    let template = ShowPage {
        page,
        form,
        zone: format!(
            "Heure de l’académie ({zone}). Avant cet instant, rien n’est visible en dehors du jury et du bureau."
        ),
        planned: session
            .publication_at
            .filter(|_| session.published_at.is_none())
            .map(|at| shown_instant(&session, at.0)),
        published: session.published_at.map(|at| shown_instant(&session, at.0)),
        can_plan: session.state == SessionState::Sealed,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn plan(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (who, wanted) = (actor.0.clone(), id.clone());
    let session = app.db.read(move |conn| own_session(conn, &who, &wanted, Action::PlanPublication)).await?;
    let now = app.clock().now();
    let is_now = raw.trimmed("quand") == "maintenant";
    let typed = raw.trimmed("instant").to_owned();
    let mut form = Form::from_raw(raw);
    let at = if is_now {
        // A few seconds ahead: the rule refuses an instant already past, and the courier publishes what is due.
        now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(now)
    } else {
        let academy = Academy::find(&session.academy_code).ok_or_else(AppError::not_found)?;
        match typed
            .parse::<DateTime>()
            .map_err(|_| "Indiquez une date et une heure complètes.".to_owned())
            .and_then(|local| academy.instant(local).map_err(|refused| refused.to_string()))
        {
            Ok(at) => at,
            Err(sentence) => {
                form.refuse("instant", sentence);
                return plan_page(&app, &shell, &actor, id, form).await;
            }
        }
    };
    let session_id = id.clone();
    match app.db.write(&actor, Lock::Session(id.clone()), move |tx| publication::plan(tx, &session_id, at)).await {
        Ok(()) => {
            let text = format!("La publication est programmée : {}.", shown_instant(&session, at));
            Ok(Flash::success(text).then(&format!("/gestion/sessions/{id}/publication")))
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("instant", no.to_string());
            plan_page(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

struct PublishedSession {
    title: String,
    when: String,
    admitted: Vec<String>,
}

#[derive(Template)]
#[template(path = "publication/results.html")]
struct ResultsPage {
    page: Page,
    sessions: Vec<PublishedSession>,
}

async fn results(State(app): State<AppState>, shell: Shell) -> Result<Response, AppError> {
    let sessions = app
        .db
        .read(|conn| {
            let mut shown = Vec::new();
            for session in publication::list_published(conn)?.into_iter().take(60) {
                let Some(people) = publication::list_admitted(conn, &session)? else { continue };
                let academy =
                    Academy::find(&session.academy_code).map(|academy| academy.full_name()).unwrap_or_default();
                shown.push(PublishedSession {
                    title: format!("Session {} – {academy}", session.year),
                    when: session.published_at.map(|at| shown_instant(&session, at.0)).unwrap_or_default(),
                    admitted: people.iter().map(crate::store::people::PersonRow::letter_name).collect(),
                });
            }
            Ok(shown)
        })
        .await?;
    let page = shell.page("Résultats").heading("Candidats admis");
    page::html(&ResultsPage { page, sessions })
}
