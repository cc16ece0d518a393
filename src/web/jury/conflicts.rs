//! Conflicts of interest: found from schools and tutors, declared by jurors, set aside one by one with a reason.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use crate::domain::jury::ConflictKind;
use crate::domain::permission::{Action, OFFICE};
use crate::store::jury::{self, ConflictView};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError};
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::french::count;
use crate::web::page::{self, CurrentActor, Flash, Page, Pages, Shell, Tone};
use crate::web::routes::{Gate, Routes};
use crate::web::session::{own_session, page_of};

pub(super) fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/conflits", office, list)
        .post("/gestion/sessions/{id}/conflits/recherche", office, search)
        .get("/gestion/sessions/{id}/conflits/{conflict}", office, show)
        .post("/gestion/sessions/{id}/conflits/{conflict}/levee", office, dismiss)
}

const PER_PAGE: usize = 100;

fn path_of(id: &str) -> String {
    format!("/gestion/sessions/{id}/conflits")
}

async fn load(app: &AppState, actor: &CurrentActor, id: String) -> Result<(SessionRow, Vec<ConflictView>), AppError> {
    let who = actor.0.clone();
    let found = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ManageJury)?;
            let conflicts = jury::list_conflicts(conn, &session.id)?;
            Ok((session, conflicts))
        })
        .await?;
    Ok(found)
}

#[derive(Template)]
#[template(path = "jury/conflicts.html")]
struct ListPage {
    page: Page,
    session: SessionRow,
    lines: Vec<ConflictView>,
    pages: Pages,
    standing: usize,
    dismissed: usize,
}

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let (session, conflicts) = load(&app, &actor, id).await?;
    let dismissed = conflicts.iter().filter(|one| one.conflict.dismissed_at.is_some()).count();
    let standing = conflicts.len() - dismissed;
    let pages = Pages::new(&path_of(&session.id), std::iter::empty(), asked.trimmed("page"), PER_PAGE, conflicts.len());
    let lines = conflicts.into_iter().skip(pages.offset()).take(PER_PAGE).collect();
    let page = page_of(&shell, &session, "Conflits d’intérêts");
    page::html(&ListPage { page, lines, pages, standing, dismissed, session })
}

async fn search(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let session_id = id.clone();
    let found =
        app.db.write(&actor, Lock::Session(id.clone()), move |tx| jury::find_conflicts(tx, &session_id)).await?;
    let said = match found {
        0 => "Aucun conflit d’intérêts n’apparaît entre les membres du jury et les candidats.".to_owned(),
        n => format!("{} à examiner.", count(n, "conflit d’intérêts", "conflits d’intérêts")),
    };
    Ok(Flash::success(said).then(&path_of(&id)))
}

#[derive(Template)]
#[template(path = "jury/conflict.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    view: ConflictView,
    may_dismiss: bool,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, conflict)): Path<(String, String)>,
) -> Result<Response, AppError> {
    show_page(&app, &shell, &actor, id, conflict, Form::empty()).await
}

async fn show_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    conflict: String,
    form: Form,
) -> Result<Response, AppError> {
    let (session, conflicts) = load(app, actor, id).await?;
    let view = conflicts.into_iter().find(|one| one.conflict.id == conflict).ok_or_else(AppError::not_found)?;
    let refused = form.is_refused();
    let title = format!("{} et {}", view.juror_name, view.candidate_name);
    let page =
        page_of(shell, &session, &title).under("Conflits d’intérêts", &path_of(&session.id)).with_errors(refused);
    let may_dismiss = view.conflict.dismissed_at.is_none() && view.conflict.kind != ConflictKind::Tutor;
    let template = ShowPage { page, form, may_dismiss, view, session };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn dismiss(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, conflict)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let reason = reading.text("motif", "Dites pourquoi cet empêchement peut être levé.", 500);
    let mut form = reading.into_form();
    if let Some(reason) = reason {
        let (session_id, of) = (id.clone(), conflict.clone());
        let done = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| {
                let known = jury::list_conflicts(tx.conn, &session_id)?;
                if !known.iter().any(|one| one.conflict.id == of) {
                    return Err(StoreError::NotFound);
                }
                jury::dismiss_conflict(tx, &of, &reason)
            })
            .await;
        match done {
            Ok(()) => return Ok(Flash::success("L’empêchement est levé, avec son motif.").then(&path_of(&id))),
            Err(StoreError::Refused(no)) => form.refuse("motif", no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    show_page(&app, &shell, &actor, id, conflict, form).await
}
