//! Candidates from a spreadsheet: the file is checked line by line, compared with the files already there, and shown
//! before anything is written. The uploaded file stays on the server between the preview and the import.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{AppState, load};
use crate::domain::exchange::{Accepted, ImportKind};
use crate::domain::permission::{Action, OFFICE};
use crate::store::exchange::{self, DraftRow};
use crate::store::registration::{self, OPEN_STATES};
use crate::store::session::SessionRow;
use crate::store::{Conn, Lock, StoreError, Stored};
use crate::web::error::AppError;
use crate::web::exchange::{
    ChangedLine, Destination, PreviewLine, accepted, changed_lines, columns_page, lines_aside, preview_lines, receive,
    save_columns,
};
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use crate::web::routes::{Gate, Routes};
use crate::web::session::page_of;

pub(super) fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/import", office, upload_form)
        .upload("/gestion/sessions/{id}/import", office, upload)
        .get("/gestion/sessions/{id}/import/{draft}", office, preview)
        .post("/gestion/sessions/{id}/import/{draft}", office, import)
        .get("/gestion/sessions/{id}/import/{draft}/colonnes", office, columns)
        .post("/gestion/sessions/{id}/import/{draft}/colonnes", office, name_columns)
}

const WHAT: ImportKind = ImportKind::Candidates;

fn base(session: &SessionRow) -> String {
    format!("/gestion/sessions/{}/import", session.id)
}

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

async fn upload(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    let to = Destination {
        academy: session.academy_code.clone(),
        session_id: Some(session.id.clone()),
        what: WHAT,
        base: base(&session),
        lock: Lock::Session(session.id.clone()),
    };
    match receive(&app, &actor, &raw, to).await? {
        Ok(next) => Ok(page::see_other(&next)),
        Err(sentence) => {
            let mut form = Form::from_raw(raw);
            form.refuse("fichier", sentence);
            upload_page(&shell, session, form)
        }
    }
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
    unchanged: usize,
    changed_total: usize,
    blocking: usize,
    warnings: usize,
    lines: Vec<PreviewLine>,
    changes: Vec<ChangedLine>,
    absent: Vec<String>,
    absent_total: usize,
}

fn draft_of(conn: &mut Conn, session: &SessionRow, draft: &str) -> Stored<DraftRow> {
    let row = exchange::get_draft(conn, &session.academy_code, WHAT, draft)?;
    if row.session_id.as_deref() == Some(session.id.as_str()) { Ok(row) } else { Err(StoreError::NotFound) }
}

async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    preview_page(&app, &shell, session, draft, Form::empty(), Vec::new(), Accepted::NewOnly).await
}

async fn preview_page(
    app: &AppState,
    shell: &Shell,
    session: SessionRow,
    draft: String,
    form: Form,
    aside: Vec<(u64, String)>,
    taken: Accepted,
) -> Result<Response, AppError> {
    let now = app.clock().now();
    let (of, kept, reasons) = (session.clone(), draft.clone(), aside.clone());
    let (file_name, report, plan) = app
        .db
        .read(move |conn| {
            let row = draft_of(conn, &of, &kept)?;
            let table = exchange::read_file(conn, &of.academy_code, WHAT, &row.bytes, row.sheet.as_deref())?;
            let mut report =
                registration::preview_import(conn, &of.academy_code, of.year16(), Some(&of), &table, &reasons, now)?;
            let plan = exchange::plan_candidates(conn, Some(&of), &mut report)?;
            Ok((row.file_name, report, plan))
        })
        .await?;
    let mut blocking: Vec<u64> = report.blocking().map(|finding| finding.line).collect();
    blocking.dedup();
    let errors = report.blocking().count();
    let (fresh, unchanged, changed_total) = exchange::fates(&plan.lines);
    let refused = form.is_refused();
    let template = PreviewPage {
        page: page_of(shell, &session, "Vérifier l’import").with_errors(refused),
        form,
        draft,
        file_name,
        encoding: report.encoding.name(),
        total: report.total_rows,
        accepted: fresh,
        unchanged,
        changed_total,
        blocking: blocking.len(),
        warnings: report.findings.len().saturating_sub(errors),
        lines: preview_lines(&report.findings, &aside),
        changes: changed_lines(&plan.lines, &taken),
        absent: plan.absent,
        absent_total: plan.absent_total,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn import(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    let (aside, taken) = (lines_aside(&raw), accepted(&raw));
    let (of, kept, reasons, chosen) = (session.clone(), draft.clone(), aside.clone(), taken.clone());
    let done = app
        .db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| {
            let row = draft_of(tx.conn, &of, &kept)?;
            let table = exchange::read_file(tx.conn, &of.academy_code, WHAT, &row.bytes, row.sheet.as_deref())?;
            let done = registration::reimport_candidates(tx, &of.id, &table, &reasons, &chosen)?;
            exchange::drop_draft(tx, &kept)?;
            Ok(done)
        })
        .await;
    match done {
        Ok(done) => {
            let mut text = format!(
                "{} candidatures enregistrées, {} lignes mises de côté ; {} refus proposés et {} dossiers à instruire attendent une décision.",
                done.registered, done.set_aside, done.refusals_proposed, done.to_examine
            );
            if done.updated + done.unchanged + done.left > 0 {
                text.push_str(&format!(
                    " Dossiers déjà inscrits : {} mis à jour, {} inchangés, {} laissés tels quels.",
                    done.updated, done.unchanged, done.left
                ));
            }
            Ok(Flash::success(text).then(&format!("/gestion/sessions/{}/dossiers", session.id)))
        }
        Err(StoreError::Refused(no)) => {
            let mut form = Form::from_raw(raw);
            form.refuse("lignes", no.to_string());
            preview_page(&app, &shell, session, draft, form, aside, taken).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn columns(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    session_columns(&app, &shell, session, draft, Form::empty()).await
}

async fn session_columns(
    app: &AppState,
    shell: &Shell,
    session: SessionRow,
    draft: String,
    form: Form,
) -> Result<Response, AppError> {
    let back = base(&session);
    let page = page_of(shell, &session, "Reconnaître les colonnes");
    let of = (session.academy_code.clone(), WHAT, draft.clone());
    columns_page(app, page, of, (format!("{back}/{draft}"), back), form).await
}

async fn name_columns(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ImportPeople).await?;
    let of = (session.academy_code.clone(), WHAT, draft.clone());
    match save_columns(&app, &actor, of, Lock::Session(session.id.clone()), raw).await? {
        None => Ok(page::see_other(&format!("{}/{draft}", base(&session)))),
        Some(form) => session_columns(&app, &shell, session, draft, form).await,
    }
}
