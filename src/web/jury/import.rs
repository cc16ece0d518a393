//! Jurors from a spreadsheet: the file is checked line by line and shown before anything is written.
//! The uploaded file stays on the server between the preview and the import.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{AppState, jury_path};
use crate::domain::permission::{Action, OFFICE};
use crate::domain::refusal::Refusal;
use crate::domain::table::{self, Severity};
use crate::store::documents::{self, NewDocument};
use crate::store::jury;
use crate::store::session::SessionRow;
use crate::store::{Conn, Lock, StoreError, Stored, new_id};
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use crate::web::routes::{Gate, Routes};
use crate::web::session::{own_session, page_of};

pub(super) fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/jury/import", office, upload_form)
        .upload("/gestion/sessions/{id}/jury/import", office, upload)
        .get("/gestion/sessions/{id}/jury/import/{draft}", office, preview)
        .post("/gestion/sessions/{id}/jury/import/{draft}", office, import)
}

/// Kind of the document that holds an uploaded spreadsheet until it is imported.
const DRAFT: &str = "juror_import_draft";

#[derive(Template)]
#[template(path = "jury/upload.html")]
struct UploadPage {
    page: Page,
    form: Form,
    session: SessionRow,
}

async fn own(app: &AppState, actor: &CurrentActor, id: String) -> Result<SessionRow, AppError> {
    let who = actor.0.clone();
    Ok(app.db.read(move |conn| own_session(conn, &who, &id, Action::ManageJury)).await?)
}

async fn upload_form(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let session = own(&app, &actor, id).await?;
    upload_page(&shell, session, Form::empty())
}

fn upload_page(shell: &Shell, session: SessionRow, form: Form) -> Result<Response, AppError> {
    let refused = form.is_refused();
    let page = page_of(shell, &session, "Importer des membres")
        .under("Jury et commissions", &jury_path(&session.id))
        .with_errors(refused);
    let template = UploadPage { page, form, session };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn upload(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = own(&app, &actor, id).await?;
    let mut form = Form::empty();
    let Some(file) = raw.file("fichier").filter(|file| !file.bytes.is_empty()) else {
        form.refuse("fichier", "Choisissez le fichier à importer : il est vide ou n’a pas été reçu.");
        return upload_page(&shell, session, form);
    };
    if let Err(refused) = table::read(&file.bytes) {
        form.refuse("fichier", refused.to_string());
        return upload_page(&shell, session, form);
    }
    let draft = new_id(app.clock().now());
    let document = NewDocument {
        academy_code: session.academy_code.clone(),
        session_id: Some(session.id.clone()),
        subject_id: draft.clone(),
        kind: DRAFT.into(),
        file_name: file.name.clone(),
        content_type: "text/csv".into(),
        bytes: file.bytes.to_vec(),
    };
    app.db.write(&actor, Lock::Session(session.id.clone()), move |tx| documents::keep_document(tx, document)).await?;
    Ok(page::see_other(&format!("{}/import/{draft}", jury_path(&session.id))))
}

struct PreviewLine {
    line: u64,
    blocks: bool,
    findings: Vec<(Tone, String, String)>,
    field: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "jury/preview.html")]
struct PreviewPage {
    page: Page,
    form: Form,
    session: SessionRow,
    draft: String,
    file_name: String,
    total: usize,
    accepted: Vec<(String, String, String)>,
    lines: Vec<PreviewLine>,
}

fn draft_of(conn: &mut Conn, session: &SessionRow, draft: &str) -> Stored<documents::DocumentRow> {
    documents::find_document(conn, DRAFT, draft)?
        .filter(|document| document.session_id.as_deref() == Some(session.id.as_str()))
        .ok_or(StoreError::NotFound)
}

async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let session = own(&app, &actor, id).await?;
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
    let (of, kept, reasons) = (session.clone(), draft.clone(), aside.clone());
    let (file_name, report) = app
        .db
        .read(move |conn| {
            let document = draft_of(conn, &of, &kept)?;
            let table = table::read(&document.bytes).map_err(|e| StoreError::Broken(e.to_string()))?;
            Ok((document.file_name, jury::preview_jurors(conn, &of, &table, &reasons)?))
        })
        .await?;
    let mut lines: BTreeMap<u64, PreviewLine> = BTreeMap::new();
    for finding in &report.findings {
        let blocks = finding.severity == Severity::Error;
        let line = lines.entry(finding.line).or_insert_with(|| PreviewLine {
            line: finding.line,
            blocks: false,
            findings: Vec::new(),
            field: format!("ligne-{}", finding.line),
            reason: aside
                .iter()
                .find(|(line, _)| *line == finding.line)
                .map(|(_, reason)| reason.clone())
                .unwrap_or_default(),
        });
        line.blocks |= blocks && finding.line > 1;
        let tone = if blocks { Tone::Error } else { Tone::Warning };
        line.findings.push((tone, finding.column.clone().unwrap_or_default(), finding.message.clone()));
    }
    let refused = form.is_refused();
    let page = page_of(shell, &session, "Vérifier l’import")
        .under("Jury et commissions", &jury_path(&session.id))
        .with_errors(refused);
    let template = PreviewPage {
        page,
        form,
        draft,
        file_name,
        total: report.total_rows,
        accepted: report
            .accepted
            .iter()
            .map(|juror| {
                (
                    format!("{} {}", juror.name, juror.first_names),
                    juror.email.to_string(),
                    juror.commission.clone().unwrap_or_default(),
                )
            })
            .collect(),
        lines: lines.into_values().collect(),
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
    let session = own(&app, &actor, id).await?;
    let aside: Vec<(u64, String)> = raw
        .fields()
        .filter_map(|(name, value)| {
            let line = name.strip_prefix("ligne-")?.parse().ok()?;
            let reason = value.trim();
            (!reason.is_empty()).then(|| (line, reason.to_owned()))
        })
        .collect();
    let (of, kept, reasons) = (session.clone(), draft.clone(), aside.clone());
    let done = app
        .db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| {
            let document = draft_of(tx.conn, &of, &kept)?;
            let table = table::read(&document.bytes).map_err(|e| StoreError::Broken(e.to_string()))?;
            let report = jury::preview_jurors(tx.conn, &of, &table, &reasons)?;
            let blocking = report.blocking().count();
            if blocking > 0 {
                let sentence = format!("{blocking} erreur(s) empêchent l’import : corrigez le fichier ou mettez ces lignes de côté une par une. Rien n’a été écrit.");
                return Err(Refusal::new("import_blocked", sentence).into());
            }
            let done = jury::import_jurors(tx, &of.id, &report.accepted)?;
            documents::drop_draft(tx, DRAFT, &kept)?;
            Ok(done)
        })
        .await;
    match done {
        Ok(done) => {
            let said = crate::web::french::count(done, "membre enregistré", "membres enregistrés");
            Ok(Flash::success(format!("{said}. Cherchez maintenant les conflits d’intérêts."))
                .then(&jury_path(&session.id)))
        }
        Err(StoreError::Refused(no)) => {
            let mut form = Form::from_raw(raw);
            form.refuse("lignes", no.to_string());
            preview_page(&app, &shell, session, draft, form, aside).await
        }
        Err(other) => Err(other.into()),
    }
}
