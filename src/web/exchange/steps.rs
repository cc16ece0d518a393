//! The steps of every import, whatever it holds: a file handed in, its columns named, what it would change, its writing.
//! The uploaded file stays on the server between them; the browser only holds its name. Nothing is written before the last.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::columns::{columns_page, name_columns};
use super::page_under;
use crate::domain::exchange::{Accepted, Change, Fate, ImportKind};
use crate::domain::permission::OFFICE;
use crate::domain::refusal::Refusal;
use crate::domain::table::{Finding, Severity, TableRefused, recognised};
use crate::store::exchange::{self, NewDraft, Place, Planned, Written};
use crate::store::registration::OPEN_STATES;
use crate::store::{Conn, Lock, StoreError, Stored, jury};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::french::count;
use crate::web::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use crate::web::routes::{Gate, Routes};
use crate::web::session::{own_session, page_of};

/// One import: of what, for whom, and where its pages stand.
#[derive(Clone)]
pub(super) struct Import {
    pub what: ImportKind,
    pub place: Place,
    /// Address of its first page; those of a file under way follow it.
    pub base: String,
    /// Where one lands once it is written, or given up.
    pub home: String,
    /// Academies to choose from, when the officer has several.
    pub academies: Vec<(String, String)>,
}

impl Import {
    pub(super) fn lock(&self) -> Lock {
        self.place.session.as_ref().map_or(Lock::House, |session| Lock::Session(session.id.clone()))
    }

    fn page(&self, shell: &Shell, title: &str) -> Page {
        match (&self.place.session, self.what) {
            (Some(session), ImportKind::Jurors) => {
                page_of(shell, session, title).under("Jury et commissions", &self.home)
            }
            (Some(session), _) => page_of(shell, session, title).under("Dossiers", &self.home),
            (None, _) => page_under(shell, title),
        }
    }

    /// A page that follows the first one.
    pub(super) fn next_page(&self, shell: &Shell, title: &str) -> Page {
        self.page(shell, title).under(self.what.label(), &self.base)
    }

    pub(super) fn of_draft(&self, draft: &str) -> String {
        format!("{}/{draft}", self.base)
    }
}

// ---------------------------------------------------------------- imports of a session

/// The routes of an import of a session: its first page, a file under way, the columns of that file.
pub(in crate::web) fn session_routes(what: ImportKind, paths: [&'static str; 3]) -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    let [first, under_way, columns] = paths;
    Routes::new()
        .get(
            first,
            office,
            move |State(app): State<AppState>, shell: Shell, actor: CurrentActor, Path(id): Path<String>| async move {
                let import = of_session(&app, &actor, what, id).await?;
                upload_page(&app, &shell, &import, Form::empty()).await
            },
        )
        .upload(
            first,
            office,
            move |State(app): State<AppState>,
                  shell: Shell,
                  actor: CurrentActor,
                  Path(id): Path<String>,
                  raw: RawForm| async move {
                let import = of_session(&app, &actor, what, id).await?;
                upload(&app, &shell, &actor, &import, raw).await
            },
        )
        .get(
            under_way,
            office,
            move |State(app): State<AppState>,
                  shell: Shell,
                  actor: CurrentActor,
                  Path((id, draft)): Path<(String, String)>| async move {
                let import = of_session(&app, &actor, what, id).await?;
                preview(&app, &shell, &import, draft).await
            },
        )
        .post(
            under_way,
            office,
            move |State(app): State<AppState>,
                  shell: Shell,
                  actor: CurrentActor,
                  Path((id, draft)): Path<(String, String)>,
                  raw: RawForm| async move {
                let import = of_session(&app, &actor, what, id).await?;
                write(&app, &shell, &actor, &import, draft, raw).await
            },
        )
        .get(
            columns,
            office,
            move |State(app): State<AppState>,
                  shell: Shell,
                  actor: CurrentActor,
                  Path((id, draft)): Path<(String, String)>| async move {
                let import = of_session(&app, &actor, what, id).await?;
                columns_page(&app, &shell, &import, draft, Form::empty()).await
            },
        )
        .post(
            columns,
            office,
            move |State(app): State<AppState>,
                  shell: Shell,
                  actor: CurrentActor,
                  Path((id, draft)): Path<(String, String)>,
                  raw: RawForm| async move {
                let import = of_session(&app, &actor, what, id).await?;
                name_columns(&app, &shell, &actor, &import, draft, raw).await
            },
        )
}

async fn of_session(app: &AppState, actor: &CurrentActor, what: ImportKind, id: String) -> Result<Import, AppError> {
    let who = actor.0.clone();
    let session = app.db.read(move |conn| own_session(conn, &who, &id, what.action())).await?;
    let desk = format!("/gestion/sessions/{}", session.id);
    let (base, home) = match what {
        ImportKind::Jurors => (format!("{desk}/jury/import"), format!("{desk}/jury")),
        _ => (format!("{desk}/import"), format!("{desk}/dossiers")),
    };
    Ok(Import { what, place: Place::session(&session), base, home, academies: Vec::new() })
}

/// Why nothing may be imported any more, when it is so.
fn closed(conn: &mut Conn, import: &Import) -> Stored<Option<String>> {
    let Some(session) = &import.place.session else { return Ok(None) };
    if import.what == ImportKind::Jurors {
        return Ok(jury::find_order(conn, &session.id)?.map(|order| {
            format!(
                "le jury est nommé par l’arrêté {}\u{a0}: une liste peut encore corriger les coordonnées de ses membres. Pour en ajouter, ouvrez d’abord un arrêté modificatif.",
                order.order_reference
            )
        }));
    }
    let is_open = OPEN_STATES.contains(&session.state);
    Ok((!is_open).then(|| {
        "la liste des candidats est arrêtée\u{a0}: aucun dossier ne peut plus être ajouté à cette session.".to_owned()
    }))
}

// ---------------------------------------------------------------- the file

#[derive(Template)]
#[template(path = "exchange/upload.html")]
struct UploadPage {
    page: Page,
    form: Form,
    import: Import,
    closed: Option<String>,
    columns: Vec<(&'static str, bool, String)>,
    templates: Vec<(String, String)>,
}

pub(super) async fn upload_page(
    app: &AppState,
    shell: &Shell,
    import: &Import,
    form: Form,
) -> Result<Response, AppError> {
    let of = import.clone();
    let closed = app.db.read(move |conn| closed(conn, &of)).await?;
    let refused = form.is_refused();
    let columns = import.what.columns();
    let template = UploadPage {
        page: import.page(shell, &format!("Import\u{a0}: {}", import.what.label().to_lowercase())).with_errors(refused),
        form,
        closed,
        columns: columns
            .iter()
            .map(|column| (column.label, column.required, crate::domain::exchange::template::expected(column.label)))
            .collect(),
        templates: super::templates_of(import.what),
        import: import.clone(),
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

pub(super) async fn upload(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    import: &Import,
    raw: RawForm,
) -> Result<Response, AppError> {
    match receive(app, actor, &raw, import).await? {
        Ok(next) => Ok(page::see_other(&next)),
        Err(sentence) => {
            let mut form = Form::from_raw(raw);
            form.refuse("fichier", sentence);
            upload_page(app, shell, import, form).await
        }
    }
}

/// Keeps the file of a form. Gives the address of the next page, or the sentence that refuses the file.
async fn receive(
    app: &AppState,
    actor: &CurrentActor,
    raw: &RawForm,
    import: &Import,
) -> Result<Result<String, String>, AppError> {
    // A form left without a file sends one that has neither name nor content.
    let Some(file) = raw.file("fichier").filter(|file| !file.name.is_empty() || !file.bytes.is_empty()) else {
        return Ok(Err("Choisissez le fichier à importer\u{a0}: aucun n’a été reçu.".to_owned()));
    };
    if file.bytes.is_empty() {
        return Ok(Err(TableRefused::Empty.to_string()));
    }
    let sheet = Some(raw.trimmed("feuille").to_owned()).filter(|name| !name.is_empty());
    let (bytes, what, named) = (file.bytes.to_vec(), import.what, sheet.clone());
    let academy = import.place.academy_code.clone();
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
        academy_code: import.place.academy_code.clone(),
        session_id: import.place.session.as_ref().map(|session| session.id.clone()),
        what: import.what,
        file_name: file.name.clone(),
        sheet,
        bytes,
    };
    let draft = app.db.write(actor, import.lock(), move |tx| exchange::keep_draft(tx, new)).await?;
    let step = if is_known { "" } else { "/colonnes" };
    Ok(Ok(format!("{}{step}", import.of_draft(&draft))))
}

// ---------------------------------------------------------------- what it would do

/// The lines set aside with a reason, from the fields `ligne-12`.
fn lines_aside(raw: &RawForm) -> Vec<(u64, String)> {
    raw.fields()
        .filter_map(|(name, value)| {
            let line = name.strip_prefix("ligne-")?.parse().ok()?;
            let reason = value.trim();
            (!reason.is_empty()).then(|| (line, reason.to_owned()))
        })
        .collect()
}

/// The changes accepted: all of them, or those whose box is ticked.
fn accepted(raw: &RawForm) -> Accepted {
    if raw.trimmed("tout") == "oui" {
        return Accepted::All;
    }
    Accepted::Lines(raw.all("accepter").into_iter().filter_map(|line| line.parse().ok()).collect::<HashSet<u64>>())
}

/// One line with something to say about it.
struct PreviewLine {
    pub line: u64,
    /// True when the line blocks the import unless it is set aside.
    pub blocks: bool,
    pub findings: Vec<(Tone, String, String, String)>,
    pub field: String,
    pub reason: String,
}

/// Lines shown of a file in which thousands have something to say.
const MOST_LINES: usize = 500;

fn preview_lines(findings: &[Finding], aside: &[(u64, String)]) -> Vec<PreviewLine> {
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
struct ChangedLine {
    pub line: u64,
    pub label: String,
    pub changes: Vec<Change>,
    pub ticked: bool,
}

/// The changes a page shows, at most [`MOST_LINES`], ticked as they were.
fn changed_lines<T>(lines: &[Planned<T>], accepted: &Accepted) -> Vec<ChangedLine> {
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

/// One line of the file and what becomes of it.
struct FateLine {
    line: u64,
    label: String,
    tone: Tone,
    fate: &'static str,
}

fn fate_lines<T>(lines: &[Planned<T>]) -> Vec<FateLine> {
    lines
        .iter()
        .take(MOST_LINES)
        .map(|line| {
            let (tone, fate) = match &line.fate {
                Fate::New => (Tone::Success, "Nouvelle"),
                Fate::Unchanged => (Tone::Neutral, "Inchangée"),
                Fate::Changed(_) => (Tone::Info, "Modifiée"),
            };
            FateLine { line: line.line, label: line.label.clone(), tone, fate }
        })
        .collect()
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
    warnings: usize,
    lines: Vec<PreviewLine>,
    changes: Vec<ChangedLine>,
    fates: Vec<FateLine>,
    fates_total: usize,
    absent: Vec<String>,
    absent_total: usize,
}

pub(super) async fn preview(
    app: &AppState,
    shell: &Shell,
    import: &Import,
    draft: String,
) -> Result<Response, AppError> {
    preview_page(app, shell, import, draft, Form::empty(), (Vec::new(), Accepted::NewOnly)).await
}

async fn preview_page(
    app: &AppState,
    shell: &Shell,
    import: &Import,
    draft: String,
    form: Form,
    (aside, taken): (Vec<(u64, String)>, Accepted),
) -> Result<Response, AppError> {
    let now = app.clock().now();
    let (of, kept, reasons) = (import.clone(), draft.clone(), aside.clone());
    let (file_name, plan) = app
        .db
        .read(move |conn| {
            let row = exchange::get_draft(conn, &of.place, of.what, &kept)?;
            let table = exchange::read_file(conn, &of.place.academy_code, of.what, &row.bytes, row.sheet.as_deref())?;
            let plan = exchange::plan(conn, of.what, &of.place, &table, &reasons, now)?;
            Ok((row.file_name, plan))
        })
        .await?;
    let blocking: HashSet<u64> = plan.report.blocking().map(|finding| finding.line).collect();
    let warnings = plan.report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let (fresh, unchanged, changed_total) = exchange::fates(&plan.lines);
    let refused = form.is_refused();
    let template = PreviewPage {
        page: import.next_page(shell, "Vérifier l’import").with_errors(refused),
        form,
        action: import.of_draft(&draft),
        back: import.base.clone(),
        file_name,
        encoding: plan.report.encoding.name(),
        total: plan.report.total_rows,
        fresh,
        unchanged,
        changed_total,
        blocking: blocking.len(),
        warnings,
        lines: preview_lines(&plan.report.findings, &aside),
        changes: changed_lines(&plan.lines, &taken),
        fates: fate_lines(&plan.lines),
        fates_total: plan.lines.len(),
        absent: plan.absent,
        absent_total: plan.absent_total,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

// ---------------------------------------------------------------- its writing

pub(super) async fn write(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    import: &Import,
    draft: String,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (aside, taken) = (lines_aside(&raw), accepted(&raw));
    let (of, kept, reasons, chosen) = (import.clone(), draft.clone(), aside.clone(), taken.clone());
    let done = app
        .db
        .write(actor, import.lock(), move |tx| {
            let row = exchange::get_draft(tx.conn, &of.place, of.what, &kept)?;
            let code = &of.place.academy_code;
            let table = exchange::read_file(tx.conn, code, of.what, &row.bytes, row.sheet.as_deref())?;
            let done = exchange::import(tx, of.what, &of.place, &table, &reasons, &chosen)?;
            exchange::drop_draft(tx, &kept)?;
            Ok(done)
        })
        .await;
    match done {
        Ok(done) => Ok(Flash::success(said(import.what, &done)).then(&import.home)),
        Err(StoreError::Refused(no)) => refused(app, shell, import, draft, raw, &no, (aside, taken)).await,
        Err(other) => Err(other.into()),
    }
}

async fn refused(
    app: &AppState,
    shell: &Shell,
    import: &Import,
    draft: String,
    raw: RawForm,
    no: &Refusal,
    chosen: (Vec<(u64, String)>, Accepted),
) -> Result<Response, AppError> {
    let mut form = Form::from_raw(raw);
    form.refuse("lignes", no.to_string());
    preview_page(app, shell, import, draft, form, chosen).await
}

/// What was done, each number with its words; what is none is not said.
fn said(what: ImportKind, done: &Written) -> String {
    let counts = [
        (done.new, "ligne nouvelle", "lignes nouvelles"),
        (done.updated, "mise à jour", "mises à jour"),
        (done.unchanged, "inchangée", "inchangées"),
        (done.left, "modification laissée de côté", "modifications laissées de côté"),
        (done.set_aside, "ligne écartée", "lignes écartées"),
    ];
    let told: Vec<String> = counts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    let mut text = format!("Import terminé\u{a0}: {}.", told.join(", "));
    match what {
        ImportKind::Candidates if done.refusals_proposed + done.to_examine > 0 => {
            let refusals = count(done.refusals_proposed, "refus proposé", "refus proposés");
            let examined = count(done.to_examine, "dossier à instruire", "dossiers à instruire");
            text.push_str(&format!(" À décider\u{a0}: {refusals}, {examined}."));
        }
        ImportKind::Jurors => text.push_str(" Cherchez maintenant les conflits d’intérêts."),
        _ => {}
    }
    text
}
