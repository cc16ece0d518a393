//! Corrections people ask, as the academy answers them: accepted and applied at once, or refused with a reason.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use super::account::shown_instant;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::page::{CurrentActor, Flash, Page, Pages, Shell, Tone, html, html_to_correct};
use super::privacy::state_tag;
use super::routes::{Gate, Routes};
use crate::domain::permission::{Action, Actor, Role, roles_for};
use crate::mail::messages::Letterhead;
use crate::office::correction as office;
use crate::store::correction::CorrectionRow;
use crate::store::outbox::NewMail;
use crate::store::{Lock, StoreError, correction, reference};

const ANSWERING: Gate = Gate::Roles(&[Role::ExamOfficeHead, Role::AcademyAdministrator]);
const PER_PAGE: usize = 25;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/gestion/corrections", ANSWERING, list)
        .post("/gestion/corrections/{id}/acceptation", ANSWERING, accept)
        .post("/gestion/corrections/{id}/refus", ANSWERING, refuse)
}

struct Line {
    id: String,
    name: String,
    label: &'static str,
    present: String,
    proposed: String,
    reason: String,
    asked: String,
    is_waiting: bool,
    tone: Tone,
    state: &'static str,
    answer: String,
}

#[derive(Template)]
#[template(path = "correction/index.html")]
struct ListPage {
    page: Page,
    form: Form,
    lines: Vec<Line>,
    pages: Pages,
}

async fn page_of(
    app: &AppState,
    shell: &Shell,
    actor: &Actor,
    query: Option<&str>,
    form: Form,
) -> Result<ListPage, AppError> {
    let asked = RawForm::from_query(query)?;
    let number: usize = asked.trimmed("page").parse().unwrap_or(1).clamp(1, 100_000);
    let academies: Vec<String> =
        actor.academies(roles_for(Action::AnswerCorrections)).into_iter().map(str::to_owned).collect();
    let (views, total) = app
        .db
        .read(move |conn| {
            let codes: Vec<&str> = academies.iter().map(String::as_str).collect();
            let offset = i64::try_from((number - 1) * PER_PAGE).unwrap_or(0);
            correction::list_corrections(conn, &codes, PER_PAGE as i64, offset)
        })
        .await?;
    let lines = views.into_iter().map(|view| {
        let (tone, state) = state_tag(&view.row.state);
        Line {
            name: view.name,
            label: view.row.field.label(),
            present: view.row.present,
            proposed: view.row.proposed,
            reason: view.row.reason,
            asked: shown_instant(actor, view.row.asked_at.0),
            is_waiting: view.row.state == "asked",
            tone,
            state,
            answer: view.row.answer.unwrap_or_default(),
            id: view.row.id,
        }
    });
    Ok(ListPage {
        page: shell.page("Corrections demandées").wide().with_errors(form.is_refused()),
        form,
        lines: lines.collect(),
        pages: Pages::new(
            "/gestion/corrections",
            [],
            asked.trimmed("page"),
            PER_PAGE,
            usize::try_from(total).unwrap_or(0),
        ),
    })
}

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    html(&page_of(&app, &shell, &actor, query.as_deref(), Form::empty()).await?)
}

/// Who writes that an answer can be read, and from which site.
struct Post {
    head: Letterhead,
    public_url: String,
}

impl Post {
    async fn of(app: &AppState, id: &str) -> Result<Self, AppError> {
        let asked = id.to_owned();
        let head = app
            .db
            .read(move |conn| {
                let code = correction::get_academy_code(conn, &asked)?;
                Ok(Letterhead::of(&reference::get_academy(conn, &code)?))
            })
            .await?;
        Ok(Post { head, public_url: app.config.public_url.clone() })
    }

    fn notice(&self, row: &CorrectionRow, name: &str, email: &str) -> NewMail {
        office::notice(&self.head, row, name, email, &self.public_url)
    }
}

async fn accept(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let post = Post::of(&app, &id).await?;
    app.db
        .write(&actor, Lock::House, move |tx| {
            correction::accept(tx, &id, &|row, name, email| post.notice(row, name, email))
        })
        .await?;
    Ok(Flash::success("La correction est faite\u{a0}; la personne la voit sur sa page.").then("/gestion/corrections"))
}

async fn refuse(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let reason = read.free_text("motif", 1000);
    let asked = id.clone();
    let Some(reason) = reason else {
        return html_to_correct(&page_of(&app, &shell, &actor, None, read.into_form()).await?);
    };
    let post = Post::of(&app, &id).await?;
    let refused = app
        .db
        .write(&actor, Lock::House, move |tx| {
            correction::refuse(tx, &asked, &reason, &|row, name, email| post.notice(row, name, email))
        })
        .await;
    match refused {
        Ok(()) => {
            Ok(Flash::success("La demande est refusée\u{a0}; la personne lit votre motif.")
                .then("/gestion/corrections"))
        }
        Err(StoreError::Refused(refused)) => {
            read.refuse(&format!("motif-{id}"), refused.to_string());
            html_to_correct(&page_of(&app, &shell, &actor, None, read.into_form()).await?)
        }
        Err(error) => Err(error.into()),
    }
}
