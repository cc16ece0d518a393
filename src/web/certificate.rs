//! The office's register: issuing for all the admitted at once, the list with each document, revocation with its reason.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::download::attached;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{OFFICE_AND_PRESIDENT, own_session, page_of};
use crate::domain::certificate::CertificateState;
use crate::domain::permission::{Action, OFFICE};
use crate::domain::session::SessionState;
use crate::mail::messages::Letterhead;
use crate::office::documents as office;
use crate::office::publication::certificate_notice;
use crate::store::certificate::{self, IssueSettings};
use crate::store::documents::DocumentRow;
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, reference};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/gestion/sessions/{id}/certificats", Gate::Roles(OFFICE), show)
        .post("/gestion/sessions/{id}/certificats", Gate::Roles(OFFICE), issue)
        .post("/gestion/sessions/{id}/certificats/{certificate}/revocation", Gate::Roles(OFFICE), revoke)
        .get("/gestion/sessions/{id}/certificats/{certificate}", Gate::Roles(OFFICE), document)
        .get("/gestion/sessions/{id}/pv.pdf", Gate::Roles(OFFICE_AND_PRESIDENT), minutes)
        .get("/gestion/sessions/{id}/liste.pdf", Gate::Roles(OFFICE), list_order)
        .get("/gestion/sessions/{id}/admis.pdf", Gate::Roles(OFFICE), admitted_list)
}

/// A document as a download, never shown by the browser as a page of ours.
#[must_use]
pub fn attachment(document: DocumentRow) -> Response {
    attached(document.content_type, &document.file_name, document.bytes)
}

struct Line {
    id: String,
    number: String,
    name: String,
    tone: Tone,
    state: &'static str,
    is_valid: bool,
}

#[derive(Template)]
#[template(path = "certificate/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    lines: Vec<Line>,
    waiting: i64,
    can_issue: bool,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    register(&app, &shell, &actor, id, Form::empty()).await
}

async fn register(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, rows, overview) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::IssueCertificates)?;
            let rows = certificate::list_of_session(conn, &session.id)?;
            let overview = crate::store::session::overview(conn, &session.id)?;
            Ok((session, rows, overview))
        })
        .await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let snapshot = row.read_snapshot()?;
        lines.push(Line {
            id: row.id,
            number: row.number,
            name: format!(
                "{} {}",
                snapshot.usage_name.as_deref().unwrap_or(&snapshot.birth_name),
                snapshot.first_names
            ),
            tone: if row.state == CertificateState::Valid { Tone::Success } else { Tone::Error },
            state: row.state.label(),
            is_valid: row.state == CertificateState::Valid,
        });
    }
    let refused = form.is_refused();
    let waiting = overview.results_admitted - overview.certificates;
    let page = page_of(shell, &session, "Certificats").with_errors(refused);
    let template = ShowPage {
        page,
        form,
        can_issue: session.state == SessionState::Published && waiting > 0,
        waiting,
        lines,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn issue(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut form = Form::from_raw(raw);
    if !form.has("confirmation", "oui") {
        form.refuse("confirmation", "Cochez la case pour confirmer : un numéro attribué ne se reprend pas.");
        return register(&app, &shell, &actor, id, form).await;
    }
    let settings = IssueSettings {
        public_url: app.config.public_url.clone(),
        simulated: app.clock().is_simulated(),
        loopback: app.config.has_loopback_public_url(),
    };
    let session_id = id.clone();
    match app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let session = own_session(tx.conn, tx.actor, &session_id, Action::IssueCertificates)?;
            let head = Letterhead::of(&reference::get_academy(tx.conn, &session.academy_code)?);
            certificate::issue(tx, &session_id, &settings, &|session, person| {
                certificate_notice(&head, &settings.public_url, session, person)
            })
        })
        .await
    {
        Ok(count) => {
            // Decision first, document later: a drawing that fails is drawn again at the next request.
            let db = app.db.clone();
            let drawn = tokio::task::spawn_blocking(move || office::draw_certificates(&db))
                .await
                .map_err(AppError::internal)?;
            if let Err(error) = drawn {
                tracing::error!(%error, "certificates not drawn yet");
            }
            Ok(Flash::success(format!("{count} certificats sont délivrés."))
                .then(&format!("/gestion/sessions/{id}/certificats")))
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("confirmation", no.to_string());
            register(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn revoke(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, certificate_id)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let reason = raw.trimmed("motif").to_owned();
    let mut form = Form::from_raw(raw);
    let (session_id, wanted, who) = (id.clone(), certificate_id, actor.0.clone());
    let done = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            own_session(tx.conn, &who, &session_id, Action::RevokeCertificate)?;
            certificate::get_of_session(tx.conn, &session_id, &wanted)?;
            certificate::revoke(tx, &wanted, &reason)
        })
        .await;
    match done {
        Ok(()) => Ok(Flash::success("Le certificat est révoqué ; sa vérification le dit dès maintenant.")
            .then(&format!("/gestion/sessions/{id}/certificats"))),
        Err(StoreError::Refused(no)) => {
            form.refuse("certificats", no.to_string());
            register(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn document(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, certificate_id)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let row = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::IssueCertificates)?;
            certificate::get_of_session(conn, &session.id, &certificate_id)
        })
        .await?;
    let db = app.db.clone();
    let drawn = tokio::task::spawn_blocking(move || office::certificate_document(&db, &row))
        .await
        .map_err(AppError::internal)??;
    Ok(attachment(drawn))
}

async fn minutes(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    session_document(&app, &actor, id, Action::SeeMarks, office::minutes_document).await
}

async fn list_order(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    session_document(&app, &actor, id, Action::SeeOffice, crate::office::list::list_order_document).await
}

async fn admitted_list(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    session_document(&app, &actor, id, Action::SeeOffice, office::admitted_document).await
}

async fn session_document(
    app: &AppState,
    actor: &CurrentActor,
    id: String,
    action: Action,
    draw: fn(&crate::store::Db, &SessionRow) -> crate::store::Stored<DocumentRow>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let session = app.db.read(move |conn| own_session(conn, &who, &id, action)).await?;
    let db = app.db.clone();
    let drawn = tokio::task::spawn_blocking(move || draw(&db, &session)).await.map_err(AppError::internal)??;
    Ok(attachment(drawn))
}
