//! The thread between a candidate and the office: the same page on both sides, and the office's list of threads.
//! Opening a thread marks what the other side wrote as read. The mail that tells of an answer holds a link only.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::AppError;
use super::examination::fill_wordings;
use super::form::{Form, RawForm, Wording};
use super::page::{self, CurrentActor, Flash, Page, Pages, Shell};
use super::pieces::keep_all;
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::academy::french_date;
use crate::domain::examination::wording::WordingKind;
use crate::domain::message::{MOST_FILES, bounds, check_body};
use crate::domain::permission::{Action, OFFICE, Role};
use crate::domain::piece::{PieceLimits, megabytes};
use crate::mail::messages::Letterhead;
use crate::office::message as office;
use crate::store::examination::requests;
use crate::store::examination::wordings;
use crate::store::message::{self as store, MessageFileRow, MessageRow, NewFile, NewMessage, Side, ThreadFile};
use crate::store::session::SessionRow;
use crate::store::{Conn, Lock, StoreError, Stored, new_id, pieces, reference};

const CANDIDATE: Gate = Gate::Roles(&[Role::Candidate]);

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/mon-dossier/{registration}/messages", CANDIDATE, own_thread)
        .upload("/mon-dossier/{registration}/messages", CANDIDATE, write_own)
        .get("/mon-dossier/{registration}/messages/{attached}", CANDIDATE, own_attached)
        .get("/gestion/sessions/{id}/messages", office, list)
        .get("/gestion/sessions/{id}/dossiers/{registration}/messages", office, office_thread)
        .upload("/gestion/sessions/{id}/dossiers/{registration}/messages", office, write_office)
        .get("/gestion/sessions/{id}/dossiers/{registration}/messages/{attached}", office, office_attached)
}

struct Line {
    author: String,
    when: String,
    mine: bool,
    /// One paragraph a line of what was typed.
    paragraphs: Vec<String>,
    files: Vec<(String, String)>,
    read: String,
}

#[derive(Template)]
#[template(path = "message/thread.html")]
struct ThreadPage {
    page: Page,
    form: Form,
    action: String,
    key: String,
    side: Side,
    lines: Vec<Line>,
    about: String,
    back: (String, String),
    /// What the office keeps ready to answer with.
    wordings: Vec<Wording>,
    hint: String,
}

fn path_of(file: &ThreadFile, side: Side) -> String {
    match side {
        Side::Candidate => format!("/mon-dossier/{}/messages", file.id),
        Side::Office => format!("/gestion/sessions/{}/dossiers/{}/messages", file.session.id, file.id),
    }
}

fn line(session: &SessionRow, row: MessageRow, files: &[MessageFileRow], side: Side) -> Line {
    let mine = row.from_office == (side == Side::Office);
    // The candidate writes to an office, not to a person.
    let author = match (side, row.from_office, mine) {
        (Side::Candidate, true, _) => "Le bureau des examens".to_owned(),
        (Side::Candidate, _, true) => "Vous".to_owned(),
        _ => row.author_name,
    };
    Line {
        author,
        when: shown_instant(session, row.sent_at.0),
        mine,
        paragraphs: row.body.lines().filter(|text| !text.trim().is_empty()).map(str::to_owned).collect(),
        files: files.iter().map(|file| (file.id.clone(), file.file_name.clone())).collect(),
        read: row.read_at.map(|at| shown_instant(session, at.0)).unwrap_or_default(),
    }
}

/// The file of a thread, for whoever is on this side of it; a foreign one does not exist.
async fn file_for(
    app: &AppState,
    actor: &CurrentActor,
    session: Option<String>,
    file_id: String,
    side: Side,
) -> Result<ThreadFile, AppError> {
    let who = actor.0.clone();
    let file = app
        .db
        .read(move |conn| {
            let file = store::get_file(conn, &file_id)?;
            let here = session.is_none_or(|id| id == file.session.id);
            if here && file.side_of(&who) == Some(side) { Ok(file) } else { Err(StoreError::NotFound) }
        })
        .await?;
    Ok(file)
}

async fn own_thread(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(file): Path<String>,
) -> Result<Response, AppError> {
    let file = file_for(&app, &actor, None, file, Side::Candidate).await?;
    thread_page(&app, &shell, &actor, file, Side::Candidate, Form::empty()).await
}

async fn office_thread(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let file = file_for(&app, &actor, Some(id), file, Side::Office).await?;
    thread_page(&app, &shell, &actor, file, Side::Office, Form::empty()).await
}

async fn thread_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    file: ThreadFile,
    side: Side,
    mut form: Form,
) -> Result<Response, AppError> {
    let (about, now) = (file.clone(), app.clock().now());
    let (rows, limits, wordings) = app
        .db
        .read(move |conn| {
            let rows = store::list_thread(conn, &about.id)?;
            let limits = bounds(pieces::limits(conn, &about.session)?);
            let wordings = if side == Side::Office { ready_answers(conn, &about, now)? } else { Vec::new() };
            Ok((rows, limits, wordings))
        })
        .await?;
    form.insert_wording("message", &wordings);
    let is_news = rows.iter().any(|(row, _)| row.from_office == (side == Side::Candidate) && row.read_at.is_none());
    if is_news {
        let id = file.id.clone();
        app.db.write(actor, Lock::Session(file.session.id.clone()), move |tx| store::mark_read(tx, &id)).await?;
    }
    let lines = rows.into_iter().map(|(row, files)| line(&file.session, row, &files, side)).collect();
    let refused = form.is_refused();
    let (page, back) = match side {
        Side::Candidate => {
            let back = match &file.number {
                Some(_) => ("/mon-dossier".to_owned(), "Revenir à mon dossier".to_owned()),
                None => (format!("/inscription/{}", file.id), "Revenir à mon inscription".to_owned()),
            };
            (shell.page("Messages").under("Mon dossier", "/mon-dossier").heading("Écrire au bureau des examens"), back)
        }
        Side::Office => {
            let list = format!("/gestion/sessions/{}/messages", file.session.id);
            let back = match &file.number {
                Some(number) => (
                    format!("/gestion/sessions/{}/dossiers/{}", file.session.id, file.id),
                    format!("Revenir au dossier {number}"),
                ),
                None => (list.clone(), "Revenir aux messages".to_owned()),
            };
            let title = format!("Messages avec {}", file.name);
            (page_of(shell, &file.session, &title).under("Messages", &list), back)
        }
    };
    let key = match form.value("cle") {
        "" => new_id(app.clock().now()),
        key => key.to_owned(),
    };
    let template = ThreadPage {
        page: page.with_errors(refused),
        form,
        action: path_of(&file, side),
        key,
        side,
        lines,
        about: match &file.number {
            Some(number) => format!("Dossier {number}, session {}", file.session.year),
            None => format!("Brouillon d’inscription à la session {}", file.session.year),
        },
        back,
        wordings,
        hint: format!(
            "PDF, JPEG ou PNG, {MOST_FILES}\u{a0}fichiers au plus, de {} chacun.",
            megabytes(limits.file_bytes.value)
        ),
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// The wordings of the office for answers, with what is known of the candidate.
fn ready_answers(conn: &mut Conn, file: &ThreadFile, now: jiff::Timestamp) -> Stored<Vec<Wording>> {
    let rows = wordings::list_wordings(conn, std::slice::from_ref(&file.session.academy_code))?;
    if rows.iter().all(|row| row.kind != WordingKind::Message.as_str()) {
        return Ok(Vec::new());
    }
    let holder = pieces::get_holder(conn, &file.id)?;
    let lacking: Vec<String> = pieces::list_pieces(conn, &holder)?
        .into_iter()
        .filter(|piece| piece.state == "missing" || piece.state == "refused")
        .map(|piece| piece.label)
        .collect();
    let service = reference::get_academy(conn, &file.session.academy_code)?.service;
    let (year, lacking) = (file.session.year.to_string(), lacking.join(", "));
    let until = french_date(requests::answer_due(conn, &file.session, &file.id, now)?);
    let values = [
        ("candidat", file.name.as_str()),
        ("numero", file.number.as_deref().unwrap_or("en préparation")),
        ("session", year.as_str()),
        ("pieces", lacking.as_str()),
        ("date", until.as_str()),
        ("service", service.as_str()),
    ];
    Ok(fill_wordings(&rows, WordingKind::Message, &values))
}

async fn write_own(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(file): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let file = file_for(&app, &actor, None, file, Side::Candidate).await?;
    write(&app, &shell, &actor, file, Side::Candidate, raw).await
}

async fn write_office(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, file)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let file = file_for(&app, &actor, Some(id), file, Side::Office).await?;
    write(&app, &shell, &actor, file, Side::Office, raw).await
}

async fn write(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    file: ThreadFile,
    side: Side,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut form = Form::from_raw(raw.clone());
    if !raw.trimmed("inserer").is_empty() {
        return thread_page(app, shell, actor, file, side, form).await;
    }
    let files = keep_files(app, &file, &raw, &mut form).await?;
    if form.is_refused() {
        choose_again(&raw, &mut form);
        return thread_page(app, shell, actor, file, side, form).await;
    }
    // The key made with the page: the same page sent twice is one message.
    let key = uuid::Uuid::parse_str(raw.trimmed("cle")).map(|id| id.to_string()).ok();
    let new = NewMessage {
        id: key.unwrap_or_else(|| new_id(app.clock().now())),
        file_id: file.id.clone(),
        body: raw.get("message").to_owned(),
        files,
    };
    let code = file.session.academy_code.clone();
    let head = app.db.read(move |conn| Ok(Letterhead::of(&reference::get_academy(conn, &code)?))).await?;
    let link = format!("{}{}", app.config.public_url, path_of(&file, Side::Candidate));
    let sent = app
        .db
        .write(actor, Lock::Session(file.session.id.clone()), move |tx| {
            store::send(tx, &new, &|file| office::notice(&head, file, &link))
        })
        .await;
    match sent {
        Ok(()) => Ok(Flash::success("Votre message est envoyé.").then(&path_of(&file, side))),
        Err(StoreError::Refused(no)) => {
            form.refuse("message", no.to_string());
            choose_again(&raw, &mut form);
            thread_page(app, shell, actor, file, side, form).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The text comes back with a refusal; browsers never give files back.
fn choose_again(raw: &RawForm, form: &mut Form) {
    if !raw.files("pieces").is_empty() {
        form.refuse("pieces", "Choisissez de nouveau vos fichiers\u{a0}: aucun n’a été envoyé.");
    }
}

/// Files that go with a message, looked into as pieces are and kept in the vault; a bad one is said beside the field.
async fn keep_files(
    app: &AppState,
    about: &ThreadFile,
    raw: &RawForm,
    form: &mut Form,
) -> Result<Vec<NewFile>, AppError> {
    if let Err(no) = check_body(raw.get("message")) {
        form.refuse("message", no.to_string());
    }
    let sent = raw.files("pieces");
    if sent.len() > MOST_FILES {
        form.refuse(
            "pieces",
            format!("Un message emporte {MOST_FILES}\u{a0}fichiers au plus\u{a0}: envoyez les autres ensuite."),
        );
    }
    if form.is_refused() || sent.is_empty() {
        return Ok(Vec::new());
    }
    let session = about.session.clone();
    let limits: PieceLimits = bounds(app.db.read(move |conn| pieces::limits(conn, &session)).await?);
    let kept = match keep_all(app, AREA, &sent, &limits).await? {
        Ok(kept) => kept,
        Err(sentence) => {
            form.refuse("pieces", sentence);
            return Ok(Vec::new());
        }
    };
    Ok(kept
        .into_iter()
        .map(|file| NewFile {
            file_name: file.file_name,
            content_type: file.kind.content_type().to_owned(),
            size: i32::try_from(file.size).unwrap_or(i32::MAX),
            sha256: file.sha256,
        })
        .collect())
}

async fn own_attached(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((file, attached)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let file = file_for(&app, &actor, None, file, Side::Candidate).await?;
    give_attached(&app, file, attached).await
}

async fn office_attached(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, file, attached)): Path<(String, String, String)>,
) -> Result<Response, AppError> {
    let file = file_for(&app, &actor, Some(id), file, Side::Office).await?;
    give_attached(&app, file, attached).await
}

async fn give_attached(app: &AppState, file: ThreadFile, attached: String) -> Result<Response, AppError> {
    let row = app.db.read(move |conn| store::get_attached(conn, &file.id, &attached)).await?;
    let bytes = app.vault.area(AREA).get(&row.sha256).await?;
    let name: String = form_urlencoded::byte_serialize(row.file_name.as_bytes()).collect();
    // Always to be saved, never shown in our own pages' origin.
    let disposition = format!("attachment; filename*=UTF-8''{}", name.replace('+', "%20"));
    Ok(([(header::CONTENT_TYPE, row.content_type), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

/// The part of the vault where files of messages stand.
const AREA: &str = "messages";

const PER_PAGE: usize = 50;

struct Entry {
    href: String,
    name: String,
    number: String,
    last: String,
    unread: i64,
}

#[derive(Template)]
#[template(path = "message/list.html")]
struct ListPage {
    page: Page,
    entries: Vec<Entry>,
    pages: Pages,
    base: String,
    all: i64,
    waiting: i64,
    unread: bool,
}

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let (number, unread) = (asked.trimmed("page").to_owned(), asked.trimmed("a_lire") == "oui");
    let who = actor.0.clone();
    let (session, threads, names, pages, (all, waiting)) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ExamineFiles)?;
            let counts = store::count_threads(conn, &session.id)?;
            let total = usize::try_from(if unread { counts.1 } else { counts.0 }).unwrap_or(0);
            let base = format!("/gestion/sessions/{}/messages", session.id);
            let kept = unread.then_some(("a_lire", "oui"));
            let pages = Pages::new(&base, kept, &number, PER_PAGE, total);
            let offset = i64::try_from(pages.offset()).unwrap_or(0);
            let threads = store::list_threads(conn, &session.id, unread, PER_PAGE as i64, offset)?;
            let ids: Vec<String> = threads.iter().map(|thread| thread.file_id.clone()).collect();
            let names = store::list_names(conn, &ids)?;
            Ok((session, threads, names, pages, counts))
        })
        .await?;
    let entries = threads
        .into_iter()
        .map(|thread| {
            let (name, number) =
                names.get(&thread.file_id).cloned().unwrap_or_else(|| ("Brouillon effacé".to_owned(), None));
            Entry {
                href: format!("/gestion/sessions/{}/dossiers/{}/messages", session.id, thread.file_id),
                name,
                number: number.unwrap_or_else(|| "Brouillon".to_owned()),
                last: shown_instant(&session, thread.last_at.0),
                unread: thread.unread,
            }
        })
        .collect();
    let base = format!("/gestion/sessions/{}/messages", session.id);
    page::html(&ListPage { page: page_of(&shell, &session, "Messages"), entries, pages, base, all, waiting, unread })
}
