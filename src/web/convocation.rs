//! Convocations, as the office follows them: what keeps them from leaving, the sending itself, and each mail's fate.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use super::download::attached;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::french::count;
use super::page::{self, CurrentActor, Flash, Page, Pages, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::permission::{Action, OFFICE};
use crate::office;
use crate::store::convocation::{self as store, ConvocationFacts, PDF_KIND};
use crate::store::outbox::{self, OutboxRow};
use crate::store::session::SessionRow;
use crate::store::{StoreError, documents, schedule};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/convocations", office, show)
        .post("/gestion/sessions/{id}/convocations", office, send)
        .get("/gestion/sessions/{id}/convocations/documents/{subject}", office, document)
        .get("/gestion/sessions/{id}/jury/arrete.pdf", office, order)
}

const PER_PAGE: usize = 100;

fn path_of(id: &str) -> String {
    format!("/gestion/sessions/{id}/convocations")
}

fn mail_tag(state: &str) -> (Tone, &'static str) {
    match state {
        "sent" => (Tone::Success, "Parti"),
        "failed" => (Tone::Error, "Non remis"),
        "sending" => (Tone::Info, "En cours d’envoi"),
        _ => (Tone::Neutral, "En attente"),
    }
}

struct MailLine {
    id: String,
    name: String,
    address: String,
    subject: String,
    tag: (Tone, &'static str),
    when: String,
    error: String,
    failed: bool,
    document: String,
}

fn mail_line(session: &SessionRow, mail: OutboxRow) -> MailLine {
    let attached: Vec<outbox::AttachedDocument> = serde_json::from_str(&mail.attachments).unwrap_or_default();
    let document = attached.iter().find(|file| file.kind == PDF_KIND);
    MailLine {
        tag: mail_tag(&mail.state),
        when: shown_instant(session, mail.sent_at.unwrap_or(mail.created_at).0),
        failed: mail.state == "failed",
        error: mail.last_error.filter(|_| mail.state != "sent").unwrap_or_default(),
        document: document
            .map(|file| format!("{}/documents/{}", path_of(&session.id), file.subject_id))
            .unwrap_or_default(),
        id: mail.id,
        name: mail.recipient_name,
        address: mail.recipient,
        subject: mail.subject,
    }
}

#[derive(Template)]
#[template(path = "convocation/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    /// What keeps convocations from leaving; empty when they may.
    blocked: String,
    pending: usize,
    to_post: Vec<(String, String)>,
    slots: i64,
    counts: Vec<(Tone, &'static str, i64)>,
    mails: Vec<MailLine>,
    pages: Pages,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let number = asked.trimmed("page").to_owned();
    show_page(&app, &shell, &actor, id, number, Form::empty()).await
}

async fn show_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    number: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, readiness, slots, counts, mails, pages) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SendConvocations)?;
            let readiness = match store::plan(conn, &session.id) {
                Ok(plan) => {
                    let pending = store::list_pending(conn, &plan)?;
                    let unreachable = |sheet: &&ConvocationFacts| sheet.email.is_empty();
                    let to_post = plan
                        .sheets
                        .iter()
                        .filter(unreachable)
                        .map(|sheet| (sheet.subject_id.clone(), sheet.letter_name.clone()));
                    Ok((pending.iter().filter(|sheet| !sheet.email.is_empty()).count(), to_post.collect::<Vec<_>>()))
                }
                Err(StoreError::Refused(no)) => Err(no.to_string()),
                Err(other) => return Err(other),
            };
            let slots = schedule::count_slots(conn, &session.id)?.0;
            let counts = outbox::count_session_mails(conn, &session.id)?;
            let total = counts.iter().map(|(_, count)| *count).sum::<i64>();
            let pages = Pages::new(
                &path_of(&session.id),
                std::iter::empty(),
                &number,
                PER_PAGE,
                usize::try_from(total).unwrap_or(0),
            );
            let offset = i64::try_from(pages.offset()).unwrap_or(0);
            let mails = outbox::list_session_mails(conn, &session.id, PER_PAGE as i64, offset)?;
            Ok((session, readiness, slots, counts, mails, pages))
        })
        .await?;
    let refused = form.is_refused();
    let (blocked, pending, to_post) = match readiness {
        Ok((pending, to_post)) => (String::new(), pending, to_post),
        Err(sentence) => (sentence, 0, Vec::new()),
    };
    let template = ShowPage {
        page: page_of(shell, &session, "Convocations").with_errors(refused),
        form,
        blocked,
        pending,
        to_post,
        slots,
        counts: counts.into_iter().map(|(state, count)| (mail_tag(&state).0, mail_tag(&state).1, count)).collect(),
        mails: mails.into_iter().map(|mail| mail_line(&session, mail)).collect(),
        pages,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn send(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let session_id = id.clone();
    app.db.read(move |conn| own_session(conn, &who, &session_id, Action::SendConvocations).map(|_| ())).await?;
    let mut form = Form::from_raw(raw);
    if !form.has("confirmation", "oui") {
        form.refuse("confirmation", "Confirmez l’envoi : chacun reçoit sa convocation par courriel.");
        return show_page(&app, &shell, &actor, id, String::new(), form).await;
    }
    let (db, who, session_id, url) = (app.db.clone(), actor.0.clone(), id.clone(), app.config.public_url.clone());
    let sent = tokio::task::spawn_blocking(move || office::convocation::convoke(&db, &who, &session_id, &url))
        .await
        .map_err(AppError::internal)?;
    match sent {
        Ok(done) => {
            let said = format!(
                "{} ({}, {}).",
                count(done.queued, "convocation mise en file d’envoi", "convocations mises en file d’envoi"),
                count(done.candidates, "candidat", "candidats"),
                count(done.jurors, "membre du jury", "membres du jury")
            );
            Ok(Flash::success(said).then(&path_of(&id)))
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("confirmation", no.to_string());
            show_page(&app, &shell, &actor, id, String::new(), form).await
        }
        Err(StoreError::Conflict(sentence)) => Err(AppError::changed_meanwhile(sentence)),
        Err(other) => Err(other.into()),
    }
}

async fn document(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, subject)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let found = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SendConvocations)?;
            documents::find_document(conn, PDF_KIND, &subject)?
                .filter(|document| document.session_id.as_deref() == Some(session.id.as_str()))
                .ok_or(StoreError::NotFound)
        })
        .await?;
    Ok(attached("application/pdf", &found.file_name, found.bytes))
}

async fn order(State(app): State<AppState>, actor: CurrentActor, Path(id): Path<String>) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let session = app.db.read(move |conn| own_session(conn, &who, &id, Action::ManageJury)).await?;
    let db = app.db.clone();
    let (name, bytes) = tokio::task::spawn_blocking(move || office::jury::order_document(&db, &session))
        .await
        .map_err(AppError::internal)??;
    Ok(attached("application/pdf", &name, bytes))
}
