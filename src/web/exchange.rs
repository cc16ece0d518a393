//! Spreadsheets of an academy on their way in and out: people, schools, certificates and marks from before; templates to
//! fill; the page where columns are given their names, which candidates and jurors use too.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::download;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::staff::{academies_for, chosen_academy, in_any};
use crate::domain::exchange::{Accepted, Change, Fate, ImportKind, template};
use crate::domain::permission::{Action, Object, may, roles_for};
use crate::domain::table::{Finding, Severity, recognised};
use crate::store::exchange::{self, NewDraft, Planned};
use crate::store::export::Exported;
use crate::store::{Conn, Lock, StoreError, Stored};

const IMPORTERS: Gate = Gate::Roles(roles_for(Action::RecordHolder));

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/personnels/imports", IMPORTERS, index)
        .get("/personnels/imports/{what}", IMPORTERS, upload_form)
        .upload("/personnels/imports/{what}", IMPORTERS, upload)
        .get("/personnels/imports/{what}/{draft}", IMPORTERS, preview)
        .post("/personnels/imports/{what}/{draft}", IMPORTERS, import)
        .get("/personnels/imports/{what}/{draft}/colonnes", IMPORTERS, columns)
        .post("/personnels/imports/{what}/{draft}/colonnes", IMPORTERS, name_columns)
        .get("/personnels/exports/{file}", IMPORTERS, download_list)
        .get("/modeles/{file}", IMPORTERS, download_template)
}

const HOUSE: &[ImportKind] = &[ImportKind::Staff, ImportKind::Schools, ImportKind::Holders, ImportKind::KeptMarks];

fn house_kind(slug: &str) -> Result<ImportKind, AppError> {
    ImportKind::from_slug(slug).filter(|kind| HOUSE.contains(kind)).ok_or_else(AppError::not_found)
}

// ---------------------------------------------------------------- shared with candidates and jurors

/// Where a file goes: whose, what for, and the address of its pages.
pub(super) struct Destination {
    pub academy: String,
    pub session_id: Option<String>,
    pub what: ImportKind,
    pub base: String,
    pub lock: Lock,
}

/// Keeps the file of a form. Gives the address of the next page, or the sentence that refuses the file.
pub(super) async fn receive(
    app: &AppState,
    actor: &CurrentActor,
    raw: &RawForm,
    to: Destination,
) -> Result<Result<String, String>, AppError> {
    let Some(file) = raw.file("fichier").filter(|file| !file.bytes.is_empty()) else {
        return Ok(Err("Choisissez le fichier à importer : il est vide ou n’a pas été reçu.".to_owned()));
    };
    let sheet = Some(raw.trimmed("feuille").to_owned()).filter(|name| !name.is_empty());
    let (bytes, academy, what, named) = (file.bytes.to_vec(), to.academy.clone(), to.what, sheet.clone());
    let read = app
        .db
        .read(move |conn| {
            let table = exchange::read_file(conn, &academy, what, &bytes, named.as_deref())?;
            let columns = what.columns();
            let places = recognised(&table, &columns);
            let is_known = columns.iter().zip(&places).all(|(column, place)| !column.required || place.is_some());
            Ok((bytes, is_known))
        })
        .await;
    let (bytes, is_known) = match read {
        Ok(read) => read,
        Err(StoreError::Refused(no)) => return Ok(Err(no.sentence)),
        Err(other) => return Err(other.into()),
    };
    let new = NewDraft {
        academy_code: to.academy,
        session_id: to.session_id,
        what: to.what,
        file_name: file.name.clone(),
        sheet,
        bytes,
    };
    let draft = app.db.write(actor, to.lock, move |tx| exchange::keep_draft(tx, new)).await?;
    let step = if is_known { "" } else { "/colonnes" };
    Ok(Ok(format!("{}/{draft}{step}", to.base)))
}

/// The lines set aside with a reason, from the fields `ligne-12`.
pub(super) fn lines_aside(raw: &RawForm) -> Vec<(u64, String)> {
    raw.fields()
        .filter_map(|(name, value)| {
            let line = name.strip_prefix("ligne-")?.parse().ok()?;
            let reason = value.trim();
            (!reason.is_empty()).then(|| (line, reason.to_owned()))
        })
        .collect()
}

/// The changes accepted: all of them, or those whose box is ticked.
pub(super) fn accepted(raw: &RawForm) -> Accepted {
    if raw.trimmed("tout") == "oui" {
        return Accepted::All;
    }
    Accepted::Lines(raw.all("accepter").into_iter().filter_map(|line| line.parse().ok()).collect::<HashSet<u64>>())
}

/// One line with something to say about it.
pub(super) struct PreviewLine {
    pub line: u64,
    /// True when the line blocks the import unless it is set aside.
    pub blocks: bool,
    pub findings: Vec<(Tone, String, String, String)>,
    pub field: String,
    pub reason: String,
}

/// Lines shown of a file in which thousands have something to say.
pub(super) const MOST_LINES: usize = 500;

pub(super) fn preview_lines(findings: &[Finding], aside: &[(u64, String)]) -> Vec<PreviewLine> {
    let mut lines: BTreeMap<u64, PreviewLine> = BTreeMap::new();
    for finding in findings {
        if lines.len() >= MOST_LINES && !lines.contains_key(&finding.line) {
            continue;
        }
        let tone = if finding.severity == Severity::Error { Tone::Error } else { Tone::Warning };
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
        line.blocks |= tone == Tone::Error && finding.line > 1;
        line.findings.push((
            tone,
            finding.column.clone().unwrap_or_default(),
            finding.code.to_owned(),
            finding.message.clone(),
        ));
    }
    lines.into_values().collect()
}

/// A line that would change what is held.
pub(super) struct ChangedLine {
    pub line: u64,
    pub label: String,
    pub changes: Vec<Change>,
    pub ticked: bool,
}

/// The changes a page shows, at most [`MOST_LINES`], ticked as they were.
pub(super) fn changed_lines<T>(lines: &[Planned<T>], accepted: &Accepted) -> Vec<ChangedLine> {
    lines
        .iter()
        .filter_map(|line| match &line.fate {
            Fate::Changed(changes) => Some(ChangedLine {
                line: line.line,
                label: line.label.clone(),
                changes: changes.clone(),
                ticked: accepted.takes(line.line),
            }),
            _ => None,
        })
        .take(MOST_LINES)
        .collect()
}

struct ColumnField {
    name: String,
    label: &'static str,
    is_required: bool,
    chosen: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "exchange/columns.html")]
struct ColumnsPage {
    page: Page,
    form: Form,
    action: String,
    back: String,
    fields: Vec<ColumnField>,
    /// Place in the file, and its title with the first value below.
    choices: Vec<(String, String)>,
}

/// The page that asks which column of the file is which of ours. `base` is the address of the draft.
pub(super) async fn columns_page(
    app: &AppState,
    page: Page,
    (academy, what, draft): (String, ImportKind, String),
    (base, back): (String, String),
    form: Form,
) -> Result<Response, AppError> {
    let (choices, places) = app
        .db
        .read(move |conn| {
            let row = exchange::get_draft(conn, &academy, what, &draft)?;
            let bare = exchange::read_bare(&row.bytes, row.sheet.as_deref())?;
            let named = exchange::read_file(conn, &academy, what, &row.bytes, row.sheet.as_deref())?;
            let first = bare.rows.first();
            let choices: Vec<(String, String)> = bare
                .headers
                .iter()
                .enumerate()
                .map(|(place, title)| {
                    let shown: String = first.map_or("", |row| row.cell(place)).chars().take(30).collect();
                    let title = if title.trim().is_empty() { format!("colonne {}", place + 1) } else { title.clone() };
                    (place.to_string(), if shown.is_empty() { title } else { format!("{title} ({shown})") })
                })
                .collect();
            Ok((choices, recognised(&named, &what.columns())))
        })
        .await?;
    let refused = form.is_refused();
    let fields = what
        .columns()
        .iter()
        .zip(places)
        .enumerate()
        .map(|(index, (column, place))| {
            let name = format!("colonne-{index}");
            let known = place.map(|place| place.to_string()).unwrap_or_default();
            ColumnField {
                chosen: if refused { form.value(&name).to_owned() } else { known },
                error: form.error(&name).map(str::to_owned),
                label: column.label,
                is_required: column.required,
                name,
            }
        })
        .collect();
    let page = page.with_errors(refused);
    let template = ColumnsPage { page, form, action: format!("{base}/colonnes"), back, fields, choices };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// Remembers the columns a form names; gives the form back when something is missing.
pub(super) async fn save_columns(
    app: &AppState,
    actor: &CurrentActor,
    (academy, what, draft): (String, ImportKind, String),
    lock: Lock,
    raw: RawForm,
) -> Result<Option<Form>, AppError> {
    let columns = what.columns();
    let mut mapping = Vec::new();
    let mut missing = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let name = format!("colonne-{index}");
        match raw.trimmed(&name).parse::<usize>() {
            Ok(place) => mapping.push((column.label.to_owned(), place)),
            Err(_) if column.required => missing.push((name, column.label)),
            Err(_) => {}
        }
    }
    let mut form = Form::from_raw(raw);
    for (name, label) in missing {
        form.refuse(&name, format!("Dites quelle colonne du fichier donne « {label} »."));
    }
    if form.is_refused() {
        return Ok(Some(form));
    }
    let done = app
        .db
        .write(actor, lock, move |tx| {
            let row = exchange::get_draft(tx.conn, &academy, what, &draft)?;
            let table = exchange::read_bare(&row.bytes, row.sheet.as_deref())?;
            exchange::remember_columns(tx, &academy, what, &table, &mapping)
        })
        .await;
    match done {
        Ok(()) => Ok(None),
        Err(StoreError::Refused(no)) => {
            form.refuse("colonne-0", no.to_string());
            Ok(Some(form))
        }
        Err(other) => Err(other.into()),
    }
}

// ---------------------------------------------------------------- pages of the academy

struct IndexLine {
    label: &'static str,
    href: String,
    templates: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "exchange/index.html")]
struct IndexPage {
    page: Page,
    lines: Vec<IndexLine>,
    exports: Vec<(&'static str, String)>,
}

fn templates_of(kind: ImportKind) -> Vec<(String, String)> {
    ["xlsx", "ods", "csv"]
        .into_iter()
        .map(|ending| (ending.to_uppercase(), format!("/modeles/{}.{ending}", kind.slug())))
        .collect()
}

async fn index(shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let can = |action: Action| !academies_for(&actor, action).is_empty();
    let lines = HOUSE
        .iter()
        .filter(|kind| can(kind.action()))
        .map(|kind| IndexLine {
            label: kind.label(),
            href: format!("/personnels/imports/{}", kind.slug()),
            templates: templates_of(*kind),
        })
        .collect();
    let mut exports = Vec::new();
    for (label, what) in [("Personnels", Exported::Staff), ("Établissements", Exported::Schools)] {
        if can(what.action()) {
            exports
                .extend(["xlsx", "ods", "csv"].map(|ending| (label, format!("/personnels/exports/{what}.{ending}"))));
        }
    }
    let page = shell.page("Imports et exports").under("Personnels", "/personnels");
    page::html(&IndexPage { page, lines, exports })
}

#[derive(Template)]
#[template(path = "exchange/upload.html")]
struct UploadPage {
    page: Page,
    form: Form,
    action: String,
    label: &'static str,
    columns: String,
    templates: Vec<(String, String)>,
}

fn page_under(shell: &Shell, title: &str) -> Page {
    shell.page(title).under("Personnels", "/personnels").under("Imports et exports", "/personnels/imports").wide()
}

async fn upload_form(shell: Shell, actor: CurrentActor, Path(slug): Path<String>) -> Result<Response, AppError> {
    let what = house_kind(&slug)?;
    chosen_academy(&actor, what.action(), "")?;
    upload_page(&shell, what, Form::empty())
}

fn upload_page(shell: &Shell, what: ImportKind, form: Form) -> Result<Response, AppError> {
    let refused = form.is_refused();
    let columns = what.columns();
    let titles: Vec<String> = columns
        .iter()
        .map(|column| if column.required { column.label.to_owned() } else { format!("{} (facultatif)", column.label) })
        .collect();
    let template = UploadPage {
        page: page_under(shell, what.label()).with_errors(refused),
        form,
        action: format!("/personnels/imports/{}", what.slug()),
        label: what.label(),
        columns: titles.join(", "),
        templates: templates_of(what),
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn upload(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let what = house_kind(&slug)?;
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, what.action(), query.get("academie"))?;
    let base = format!("/personnels/imports/{slug}");
    let to = Destination { academy, session_id: None, what, base, lock: Lock::House };
    match receive(&app, &actor, &raw, to).await? {
        Ok(next) => Ok(page::see_other(&next)),
        Err(sentence) => {
            let mut form = Form::from_raw(raw);
            form.refuse("fichier", sentence);
            upload_page(&shell, what, form)
        }
    }
}

#[derive(Template)]
#[template(path = "exchange/preview.html")]
struct PreviewPage {
    page: Page,
    form: Form,
    action: String,
    back: String,
    file_name: String,
    encoding: &'static str,
    total: usize,
    fresh: usize,
    unchanged: usize,
    changed_total: usize,
    blocking: usize,
    lines: Vec<PreviewLine>,
    changes: Vec<ChangedLine>,
    absent: Vec<String>,
    absent_total: usize,
}

fn own_draft(conn: &mut Conn, academies: &[String], what: ImportKind, id: &str) -> Stored<exchange::DraftRow> {
    in_any(academies, |academy| exchange::get_draft(conn, academy, what, id))
}

async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let what = house_kind(&slug)?;
    preview_page(&app, &shell, &actor, (what, draft), Form::empty(), Vec::new(), Accepted::NewOnly).await
}

async fn preview_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    (what, draft): (ImportKind, String),
    form: Form,
    aside: Vec<(u64, String)>,
    accepted: Accepted,
) -> Result<Response, AppError> {
    let now = app.clock().now();
    let academies = academies_for(actor, what.action());
    let (id, reasons) = (draft.clone(), aside.clone());
    let (file_name, plan) = app
        .db
        .read(move |conn| {
            let row = own_draft(conn, &academies, what, &id)?;
            let table = exchange::read_file(conn, &row.academy_code, what, &row.bytes, row.sheet.as_deref())?;
            let plan = exchange::plan(conn, what, &row.academy_code, &table, &reasons, now)?;
            Ok((row.file_name, plan))
        })
        .await?;
    let mut blocking: Vec<u64> = plan.report.blocking().map(|finding| finding.line).collect();
    blocking.dedup();
    let (fresh, unchanged, changed_total) = exchange::fates(&plan.lines);
    let refused = form.is_refused();
    let base = format!("/personnels/imports/{}", what.slug());
    let template = PreviewPage {
        page: page_under(shell, "Vérifier l’import").under(what.label(), &base).with_errors(refused),
        form,
        action: format!("{base}/{draft}"),
        back: base,
        file_name,
        encoding: plan.report.encoding.name(),
        total: plan.report.total_rows,
        fresh,
        unchanged,
        changed_total,
        blocking: blocking.len(),
        lines: preview_lines(&plan.report.findings, &aside),
        changes: changed_lines(&plan.lines, &accepted),
        absent: plan.absent,
        absent_total: plan.absent_total,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn import(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let what = house_kind(&slug)?;
    let (aside, taken) = (lines_aside(&raw), accepted(&raw));
    let academies = academies_for(&actor, what.action());
    let (id, reasons, chosen) = (draft.clone(), aside.clone(), taken.clone());
    let done = app
        .db
        .write(&actor, Lock::House, move |tx| {
            let row = own_draft(tx.conn, &academies, what, &id)?;
            let table = exchange::read_file(tx.conn, &row.academy_code, what, &row.bytes, row.sheet.as_deref())?;
            let done = exchange::import(tx, what, &row.academy_code, &table, &reasons, &chosen)?;
            exchange::drop_draft(tx, &id)?;
            Ok(done)
        })
        .await;
    match done {
        Ok(done) => {
            let text = format!(
                "Import terminé : nouvelles lignes {}, mises à jour {}, inchangées {}, laissées telles quelles {}, mises de côté {}.",
                done.new, done.updated, done.unchanged, done.left, done.set_aside
            );
            Ok(Flash::success(text).then("/personnels/imports"))
        }
        Err(StoreError::Refused(no)) => {
            let mut form = Form::from_raw(raw);
            form.refuse("lignes", no.to_string());
            preview_page(&app, &shell, &actor, (what, draft), form, aside, taken).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn columns(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let what = house_kind(&slug)?;
    house_columns(&app, &shell, &actor, what, draft, Form::empty()).await
}

async fn house_columns(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    what: ImportKind,
    draft: String,
    form: Form,
) -> Result<Response, AppError> {
    let academy = academy_of(app, actor, what, &draft).await?;
    let back = format!("/personnels/imports/{}", what.slug());
    let page = page_under(shell, "Reconnaître les colonnes").under(what.label(), &back);
    columns_page(app, page, (academy, what, draft.clone()), (format!("{back}/{draft}"), back), form).await
}

async fn academy_of(app: &AppState, actor: &CurrentActor, what: ImportKind, draft: &str) -> Result<String, AppError> {
    let (academies, id) = (academies_for(actor, what.action()), draft.to_owned());
    Ok(app.db.read(move |conn| Ok(own_draft(conn, &academies, what, &id)?.academy_code)).await?)
}

async fn name_columns(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let what = house_kind(&slug)?;
    let academy = academy_of(&app, &actor, what, &draft).await?;
    match save_columns(&app, &actor, (academy, what, draft.clone()), Lock::House, raw).await? {
        None => Ok(page::see_other(&format!("/personnels/imports/{slug}/{draft}"))),
        Some(form) => house_columns(&app, &shell, &actor, what, draft, form).await,
    }
}

async fn download_list(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (name, kind) = download::asked(&file).ok_or_else(AppError::not_found)?;
    let what = match name {
        "staff" => Exported::Staff,
        "schools" => Exported::Schools,
        _ => return Err(AppError::not_found()),
    };
    let academy = chosen_academy(&actor, what.action(), query.get("academie"))?;
    download::sheet(&app, &actor, what, &academy, 0, kind).await
}

async fn download_template(actor: CurrentActor, Path(file): Path<String>) -> Result<Response, AppError> {
    let (name, kind) = download::asked(&file).ok_or_else(AppError::not_found)?;
    let what = ImportKind::from_slug(name).ok_or_else(AppError::not_found)?;
    let academies = academies_for(&actor, what.action());
    if !academies.iter().any(|academy| may(&actor, what.action(), Object::academy(academy))) {
        return Err(AppError::not_found());
    }
    let mut out = Vec::new();
    template::write(what, kind, &mut out).map_err(AppError::internal)?;
    Ok((download::headers(kind, &format!("modele-{file}")), out).into_response())
}
