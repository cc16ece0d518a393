//! The office's files: the import of a spreadsheet with its preview, the table of files, one file with everything it rests on.
//! The uploaded spreadsheet stays on the server between the preview and the import; the browser only holds its name.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Pages, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::academy::{Academy, french_date};
use crate::domain::eligibility::{Assessment, LineOutcome};
use crate::domain::ids::{Mark, Phone};
use crate::domain::permission::{Action, OFFICE};
use crate::domain::table::{self, Severity};
use crate::store::documents::{self, NewDocument};
use crate::store::export::{self, Exported};
use crate::store::registration::{self, FileFilter, FileLine, FileView, OPEN_STATES};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, audit, new_id};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/import", office, upload_form)
        .upload("/gestion/sessions/{id}/import", office, upload)
        .get("/gestion/sessions/{id}/import/{draft}", office, preview)
        .post("/gestion/sessions/{id}/import/{draft}", office, import)
        .get("/gestion/sessions/{id}/dossiers", office, list)
        .get("/gestion/sessions/{id}/dossiers/{registration}", office, show)
        .post("/gestion/sessions/{id}/dossiers/{registration}/pieces", office, note_piece)
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

struct ListLine {
    file: FileLine,
    tone: Tone,
    status: &'static str,
    name: String,
}

#[derive(Template)]
#[template(path = "registration/index.html")]
struct ListPage {
    page: Page,
    form: Form,
    session: SessionRow,
    lines: Vec<ListLine>,
    pages: Pages,
    states: &'static [(&'static str, &'static str)],
    proposals: &'static [(&'static str, &'static str)],
    departments: Vec<(String, String)>,
    open: bool,
    only_undecided: bool,
}

const STATES: &[(&str, &str)] =
    &[("submitted", "Reçu"), ("admitted", "Admis à se présenter"), ("refused", "Refusé"), ("withdrawn", "Retiré")];
const PROPOSALS: &[(&str, &str)] =
    &[("eligible", "Recevable"), ("refusal_proposed", "Refus proposé"), ("to_examine", "À instruire")];
const PER_PAGE: usize = 50;

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let some = |name: &str| Some(asked.trimmed(name).to_owned()).filter(|value| !value.is_empty());
    let filter = FileFilter {
        state: some("etat"),
        eligibility: some("recevabilite"),
        department: some("departement"),
        name: some("nom"),
        undecided: asked.trimmed("a_decider") == "oui",
    };
    let path = format!("/gestion/sessions/{id}/dossiers");
    let kept: Vec<(String, String)> = asked.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let number = asked.trimmed("page").to_owned();
    let (who, only_undecided) = (actor.0.clone(), filter.undecided);
    let (session, files, pages, decided) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeOffice)?;
            let total = registration::count_matching(conn, &session.id, &filter)?;
            let filters = kept.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let pages = Pages::new(&path, filters, &number, PER_PAGE, usize::try_from(total).unwrap_or(0));
            let offset = i64::try_from(pages.offset()).unwrap_or(0);
            let files = registration::list_files(conn, &session.id, &filter, PER_PAGE as i64, offset)?;
            let ids: Vec<String> = files.iter().map(|line| line.registration.id.clone()).collect();
            let decided = crate::store::eligibility::list_decided(conn, &ids)?;
            Ok((session, files, pages, decided))
        })
        .await?;
    let lines = files
        .into_iter()
        .map(|file| {
            let (tone, status) = state_tag(
                &file.registration.state,
                &file.registration.eligibility,
                decided.contains(&file.registration.id),
            );
            ListLine { name: file.person.shown_name(), file, tone, status }
        })
        .collect();
    let academy = Academy::find(&session.academy_code);
    let page = page_of(&shell, &session, "Dossiers");
    page::html(&ListPage {
        page,
        form: Form::from_raw(asked),
        lines,
        pages,
        states: STATES,
        proposals: PROPOSALS,
        departments: academy
            .map(|academy| academy.departments.iter().map(|code| (code.clone(), code.clone())).collect())
            .unwrap_or_default(),
        open: OPEN_STATES.contains(&session.state),
        only_undecided,
        session,
    })
}

struct HistoryLine {
    when: String,
    who: String,
    what: String,
}

#[derive(Template)]
#[template(path = "registration/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    view: FileView,
    assessment: Option<Assessment>,
    tone: Tone,
    status: &'static str,
    identity: Vec<(String, String)>,
    posting: Vec<(String, String)>,
    kept: Vec<String>,
    history: Vec<HistoryLine>,
    open: bool,
    undecided: bool,
    decided: Option<String>,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
) -> Result<Response, AppError> {
    file_page(&app, &shell, &actor, id, registration_id, Form::empty()).await
}

/// The file page, with the decision form as it was typed.
///
/// # Errors
/// Not found for a foreign file.
pub async fn file_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    session_id: String,
    registration_id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (view, acts) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &session_id, Action::SeeOffice)?;
            let view = registration::get_file(conn, &session.academy_code, &registration_id)?;
            if view.session.id != session.id {
                return Err(StoreError::NotFound);
            }
            let acts = audit::list_history(conn, "registration", &registration_id)?;
            Ok((view, acts))
        })
        .await?;
    let assessment = view.decision.as_ref().map(registration::assessment_of).transpose()?;
    let outcome = view.decision.as_ref().and_then(|decision| decision.outcome.clone());
    let (tone, status) = state_tag(&view.registration.state, &view.registration.eligibility, outcome.is_some());
    let person = &view.person;
    let file = &view.registration;
    let phone = person
        .phone
        .as_deref()
        .map(|phone| Phone::parse(phone).map_or_else(|_| phone.to_owned(), |phone| phone.shown()));
    let identity = vec![
        ("Civilité".to_owned(), person.civility.clone()),
        ("Nom de naissance".to_owned(), person.birth_name.clone()),
        ("Nom d’usage".to_owned(), person.usage_name.clone().unwrap_or_default()),
        ("Prénom".to_owned(), person.first_names.clone()),
        ("Date de naissance".to_owned(), french_date(person.birth_date.0)),
        ("Courriel".to_owned(), person.email.clone()),
        ("Téléphone".to_owned(), phone.unwrap_or_default()),
    ];
    let posting = vec![
        ("Corps".to_owned(), file.corps.clone()),
        ("Statut".to_owned(), file.status.clone()),
        ("Titularisation ou contrat".to_owned(), file.contract_date.map(|day| french_date(day.0)).unwrap_or_default()),
        (
            "Établissement".to_owned(),
            format!("{} ({})", file.school_name, file.uai.as_deref().unwrap_or("UAI inconnu")),
        ),
        ("Département".to_owned(), file.department.clone()),
        ("Formation suivie".to_owned(), if file.trained { "oui" } else { "non" }.to_owned()),
        ("Aménagement".to_owned(), file.accommodation.clone().unwrap_or_else(|| "aucun".to_owned())),
    ];
    let kept = view
        .kept_marks
        .iter()
        .map(|row| {
            format!(
                "Épreuve {} : {} sur 20, session {}",
                row.epreuve,
                Mark::from_hundredths(row.mark).shown(),
                row.origin_year
            )
        })
        .collect();
    let history = acts
        .into_iter()
        .map(|act| HistoryLine {
            when: shown_instant(&view.session, act.at.0),
            who: act.actor_name,
            what: act_label(&act.action).to_owned(),
        })
        .collect();
    let decided = view.decision.as_ref().and_then(|decision| {
        let at = decision.decided_at?;
        Some(format!(
            "{} par {}, {}. Motif : {}",
            if decision.outcome.as_deref() == Some("refused") { "Refus" } else { "Admission à se présenter" },
            decision.decided_by_name.as_deref().unwrap_or("le bureau"),
            shown_instant(&view.session, at.0),
            decision.reasons.as_deref().unwrap_or_default()
        ))
    });
    let refused = form.is_refused();
    let page = page_of(shell, &view.session, &format!("Dossier {}", file.number))
        .under("Dossiers", &format!("/gestion/sessions/{}/dossiers", view.session.id))
        .heading(&format!("{} – dossier {}", person.letter_name(), file.number))
        .with_errors(refused);
    let open = OPEN_STATES.contains(&view.session.state);
    let undecided = open && file.state == "submitted" && file.eligibility != "eligible" && outcome.is_none();
    let template = ShowPage {
        page,
        form,
        assessment,
        tone,
        status,
        identity,
        posting,
        kept,
        history,
        open,
        undecided,
        decided,
        view,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// What an act of the audit chain is called on a file's history.
fn act_label(action: &str) -> &'static str {
    match action {
        "register" => "Dossier enregistré",
        "decide_eligibility" => "Décision sur la recevabilité",
        "note_piece" => "Pièce mise à jour",
        "withdraw" => "Candidature retirée",
        "keep_mark" => "Note conservée reprise",
        "propose_outcome" => "Résultat calculé",
        _ => "Mise à jour",
    }
}

async fn note_piece(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = load(&app, &actor, id, Action::ExamineFiles).await?;
    let (code, state, file) =
        (raw.trimmed("piece").to_owned(), raw.trimmed("etat").to_owned(), registration_id.clone());
    app.db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| registration::note_piece(tx, &file, &code, &state))
        .await?;
    Ok(Flash::success("La pièce est mise à jour.")
        .then(&format!("/gestion/sessions/{}/dossiers/{registration_id}", session.id)))
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
