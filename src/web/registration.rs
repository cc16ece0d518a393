//! The office's files: the import of a spreadsheet with its preview, and withdrawals; the queue and the files are in `examination`.
//! The uploaded spreadsheet stays on the server between the preview and the import; the browser only holds its name.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of};
use crate::domain::permission::{Action, OFFICE};
use crate::domain::table::{self, Severity};
use crate::store::documents::{self, NewDocument};
use crate::store::export::{self, Exported};
use crate::store::registration::{self, OPEN_STATES};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, new_id};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/import", office, upload_form)
        .upload("/gestion/sessions/{id}/import", office, upload)
        .get("/gestion/sessions/{id}/import/{draft}", office, preview)
        .post("/gestion/sessions/{id}/import/{draft}", office, import)
        .post("/gestion/sessions/{id}/dossiers/{registration}/retrait", office, withdraw)
        .get("/gestion/sessions/{id}/exports/{file}", office, download)
}

/// Kind of the document that holds an uploaded spreadsheet until it is imported.
const DRAFT: &str = "import_draft";

#[derive(Template)]
#[template(path = "registration/upload.html")]
struct UploadPage {
    page: Page,
    form: Form,
    session: SessionRow,
    open: bool,
}

async fn upload_form(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    upload_page(&shell, session, Form::empty())
}

fn upload_page(shell: &Shell, session: SessionRow, form: Form) -> Result<Response, AppError> {
    let refused = form.is_refused();
    let page = page_of(shell, &session, "Importer des candidats").with_errors(refused);
    let open = OPEN_STATES.contains(&session.state);
    let template = UploadPage { page, form, session, open };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn load(app: &AppState, actor: &CurrentActor, id: String, action: Action) -> Result<SessionRow, AppError> {
    let who = actor.0.clone();
    Ok(app.db.read(move |conn| own_session(conn, &who, &id, action)).await?)
}

async fn upload(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    let mut form = Form::empty();
    let Some(file) = raw.file("fichier").filter(|file| !file.bytes.is_empty()) else {
        form.refuse("fichier", "Choisissez le fichier à importer : il est vide ou n’a pas été reçu.");
        return upload_page(&shell, session, form);
    };
    if let Err(refused) = table::read(&file.bytes) {
        form.refuse("fichier", refused.to_string());
        return upload_page(&shell, session, form);
    }
    let bytes = file.bytes.to_vec();
    let file_name = file.name.clone();
    let draft = new_id(app.clock().now());
    let (subject, session_id, academy_code) = (draft.clone(), session.id.clone(), session.academy_code.clone());
    app.db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| {
            documents::keep_document(
                tx,
                NewDocument {
                    academy_code,
                    session_id: Some(session_id),
                    subject_id: subject,
                    kind: DRAFT.into(),
                    file_name,
                    content_type: "text/csv".into(),
                    bytes,
                },
            )
        })
        .await?;
    Ok(page::see_other(&format!("/gestion/sessions/{}/import/{draft}", session.id)))
}

/// One line of the spreadsheet with something to say about it.
struct PreviewLine {
    line: u64,
    /// True when the line blocks the import unless it is set aside.
    blocks: bool,
    findings: Vec<(Tone, String, String, String)>,
    field: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "registration/preview.html")]
struct PreviewPage {
    page: Page,
    form: Form,
    session: SessionRow,
    draft: String,
    file_name: String,
    encoding: &'static str,
    total: usize,
    accepted: usize,
    blocking: usize,
    warnings: usize,
    lines: Vec<PreviewLine>,
}

async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    preview_page(&app, &shell, session, draft, Form::empty(), Vec::new()).await
}

async fn preview_page(
    app: &AppState,
    shell: &Shell,
    session: SessionRow,
    draft: String,
    form: Form,
    aside: Vec<(u64, String)>,
) -> Result<Response, AppError> {
    let now = app.clock().now();
    let (of, kept, reasons) = (session.clone(), draft.clone(), aside.clone());
    let (file_name, report) = app
        .db
        .read(move |conn| {
            let document = draft_of(conn, &of, &kept)?;
            let table = table::read(&document.bytes).map_err(|e| StoreError::Broken(e.to_string()))?;
            let report =
                registration::preview_import(conn, &of.academy_code, of.year16(), Some(&of), &table, &reasons, now)?;
            Ok((document.file_name, report))
        })
        .await?;
    let blocking: Vec<u64> = report.blocking().map(|finding| finding.line).collect();
    let mut lines: BTreeMap<u64, PreviewLine> = BTreeMap::new();
    let mut warnings = 0;
    for finding in &report.findings {
        let tone = match finding.severity {
            Severity::Error => Tone::Error,
            Severity::Warning => Tone::Warning,
        };
        warnings += usize::from(tone == Tone::Warning);
        let field = format!("ligne-{}", finding.line);
        let line = lines.entry(finding.line).or_insert_with(|| PreviewLine {
            line: finding.line,
            blocks: false,
            findings: Vec::new(),
            reason: aside
                .iter()
                .find(|(line, _)| *line == finding.line)
                .map(|(_, reason)| reason.clone())
                .unwrap_or_default(),
            field,
        });
        line.blocks |= tone == Tone::Error && finding.line > 1;
        line.findings.push((
            tone,
            finding.column.clone().unwrap_or_default(),
            finding.code.to_owned(),
            finding.message.clone(),
        ));
    }
    let refused = form.is_refused();
    let mut left = blocking;
    left.dedup();
    let page = page_of(shell, &session, "Vérifier l’import").with_errors(refused);
    let template = PreviewPage {
        page,
        form,
        draft,
        file_name,
        encoding: report.encoding.name(),
        total: report.total_rows,
        accepted: report.accepted.len(),
        blocking: left.len(),
        warnings,
        lines: lines.into_values().collect(),
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

fn draft_of(
    conn: &mut crate::store::Conn,
    session: &SessionRow,
    draft: &str,
) -> crate::store::Stored<documents::DocumentRow> {
    documents::find_document(conn, DRAFT, draft)?
        .filter(|document| document.session_id.as_deref() == Some(session.id.as_str()))
        .ok_or(StoreError::NotFound)
}

async fn import(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    let aside: Vec<(u64, String)> = raw
        .fields()
        .filter_map(|(name, value)| {
            let line = name.strip_prefix("ligne-")?.parse().ok()?;
            let reason = value.trim();
            (!reason.is_empty()).then(|| (line, reason.to_owned()))
        })
        .collect();
    let (of, kept, reasons, session_id) = (session.clone(), draft.clone(), aside.clone(), session.id.clone());
    let done = app
        .db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| {
            let document = draft_of(tx.conn, &of, &kept)?;
            let table = table::read(&document.bytes).map_err(|e| StoreError::Broken(e.to_string()))?;
            let done = registration::import_candidates(tx, &session_id, &table, &reasons)?;
            documents::drop_draft(tx, DRAFT, &kept)?;
            Ok(done)
        })
        .await;
    match done {
        Ok(done) => {
            let text = format!(
                "{} candidatures enregistrées, {} lignes mises de côté ; {} refus proposés et {} dossiers à instruire attendent une décision.",
                done.registered, done.set_aside, done.refusals_proposed, done.to_examine
            );
            Ok(Flash::success(text).then(&format!("/gestion/sessions/{}/dossiers", session.id)))
        }
        Err(StoreError::Refused(no)) => {
            let mut form = Form::from_raw(raw);
            form.refuse("lignes", no.to_string());
            preview_page(&app, &shell, session, draft, form, aside).await
        }
        Err(other) => Err(other.into()),
    }
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
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::Export).await?;
    let what = file.strip_suffix(".csv").and_then(Exported::from_word).ok_or_else(AppError::not_found)?;
    let (db, who) = (app.db.clone(), actor.0.clone());
    let name = format!("{what}-{}-{}.csv", session.academy_code, session.year);
    let bytes = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        export::export(&db, &who, what, &session.academy_code, session.year16(), &mut out).map(|_| out)
    })
    .await
    .map_err(AppError::internal)??;
    Ok((
        [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        ],
        bytes,
    )
        .into_response())
}
