//! The juror's pages: the plan of their own commissions, and the evaluation of one candidate on a phone or a laptop.
//! Two jurors at once lose nothing: the second sees what stands now beside what they typed.
//! Also the office's table of marks, read only.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::outbox::note_page_opened;
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{OFFICE_AND_PRESIDENT, own_session, page_of, shown_instant};
use crate::domain::evaluation::{Entry, EvaluationState};
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, JURY};
use crate::store::evaluation::{self, EvaluationRow, EvaluationView, SeatLine};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, reference};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/jury", Gate::Roles(JURY), plan)
        .get("/jury/evaluations/{id}", Gate::Roles(JURY), show)
        .post("/jury/evaluations/{id}", Gate::Roles(JURY), enter)
        .post("/jury/evaluations/{id}/notes", Gate::Roles(JURY), keep_notes)
        .get("/gestion/sessions/{id}/notes", Gate::Roles(OFFICE_AND_PRESIDENT), marks)
}

/// How an evaluation's state is told.
#[must_use]
pub fn state_tag(row: &EvaluationRow) -> (Tone, String) {
    let shown = row.mark.map(|mark| Mark::from_hundredths(mark).shown()).unwrap_or_default();
    match row.state {
        EvaluationState::Expected => (Tone::Warning, "À saisir".into()),
        EvaluationState::Marked => (Tone::Success, format!("{shown} sur 20")),
        EvaluationState::Absent => (Tone::Neutral, "Absent".into()),
        EvaluationState::Kept => (
            Tone::Info,
            format!("{shown}, conservée de {}", row.origin_year.map(|year| year.to_string()).unwrap_or_default()),
        ),
    }
}

struct PlanLine {
    line: SeatLine,
    when: String,
    tone: Tone,
    status: String,
}

#[derive(Template)]
#[template(path = "evaluation/index.html")]
struct PlanPage {
    page: Page,
    waiting: usize,
    lines: Vec<PlanLine>,
}

async fn plan(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    note_page_opened(&app, &actor, "/jury").await?;
    let lines = app.db.read(move |conn| evaluation::list_for_juror(conn, &user_id)).await?;
    let lines: Vec<PlanLine> = lines
        .into_iter()
        .map(|line| {
            let (tone, status) = state_tag(&line.evaluation);
            PlanLine { when: shown_instant(&line.session, line.starts_at.0), line, tone, status }
        })
        .collect();
    let waiting = lines.iter().filter(|line| line.line.evaluation.state == EvaluationState::Expected).count();
    let page = shell.page("Jury").heading("Vos candidats").wide();
    page::html(&PlanPage { page, waiting, lines })
}

struct GridField {
    name: String,
    label: String,
    competences: String,
    level: i32,
}

#[derive(Template)]
#[template(path = "evaluation/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    view: EvaluationView,
    epreuve: String,
    when: String,
    parts: String,
    grid: Vec<GridField>,
    status: String,
    tone: Tone,
    /// What stands now, when somebody else saved during this entry.
    conflict: Option<String>,
    step: String,
    open: bool,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    evaluation_page(&app, &shell, &actor, id, None, None).await
}

async fn evaluation_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    typed: Option<Form>,
    conflict: Option<String>,
) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    let (view, pack, framework) = app
        .db
        .read(move |conn| {
            let view = evaluation::get_for_juror(conn, &user_id, &id)?;
            let pack = reference::rules_of(conn, &view.line.session.regulation_id)?;
            let framework = reference::get_framework(conn, &view.line.session.framework_id)?;
            Ok((view, pack, framework))
        })
        .await?;
    let row = &view.line.evaluation;
    let epreuve =
        pack.epreuve(&row.epreuve.to_string()).ok_or_else(|| AppError::internal("épreuve absente du règlement"))?;
    let is_conflict = conflict.is_some();
    let form = typed.unwrap_or_else(|| {
        let mut fields = vec![
            (
                "presence".to_owned(),
                match row.state {
                    EvaluationState::Marked => "present".to_owned(),
                    EvaluationState::Absent => "absent".to_owned(),
                    _ => String::new(),
                },
            ),
            ("note".to_owned(), row.mark.map(|mark| Mark::from_hundredths(mark).shown()).unwrap_or_default()),
            ("appreciation".to_owned(), row.appraisal.clone().unwrap_or_default()),
        ];
        fields.extend(view.levels.iter().map(|(code, level)| (format!("grille-{code}"), level.to_string())));
        Form::filled(fields)
    });
    let grid = epreuve
        .grid
        .iter()
        .map(|line| {
            let name = format!("grille-{}", line.code);
            GridField {
                level: form.value(&name).parse().unwrap_or(0),
                name,
                label: line.label.clone(),
                competences: line
                    .competences
                    .iter()
                    .map(|code| {
                        framework.find(code).map_or_else(|| code.clone(), |item| format!("{} ({code})", item.label()))
                    })
                    .collect::<Vec<_>>()
                    .join(", "),
            }
        })
        .collect();
    let (tone, status) = state_tag(row);
    let parts = epreuve
        .parts
        .iter()
        .map(|part| format!("{} : {} min", part.label, part.minutes.value))
        .collect::<Vec<_>>()
        .join(" ; ");
    let refused = form.is_refused();
    let page = shell
        .page(&format!("Évaluation de {}", view.line.candidate_name))
        .under("Jury", "/jury")
        .with_errors(refused || is_conflict);
    let step = Mark::from_hundredths(pack.marks.step.value).shown();
    let template = ShowPage {
        page,
        epreuve: format!("Épreuve {} – {}", row.epreuve, epreuve.title),
        when: shown_instant(&view.line.session, view.line.starts_at.0),
        parts,
        grid,
        tone,
        status,
        conflict,
        step,
        open: view.line.session.state == crate::domain::session::SessionState::Convened
            && row.state != EvaluationState::Kept,
        form,
        view,
    };
    match (is_conflict, refused) {
        (true, _) => page::html_with(StatusCode::CONFLICT, &template),
        (_, true) => page::html_to_correct(&template),
        _ => page::html(&template),
    }
}

async fn enter(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version: i32 = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("La version manque : rechargez la page avant de saisir."))?;
    let lines: Vec<(String, i32)> = raw
        .fields()
        .filter_map(|(name, value)| Some((name.strip_prefix("grille-")?.to_owned(), value.trim().parse().ok()?)))
        .filter(|(_, level)| *level != 0)
        .collect();
    let presence = raw.trimmed("presence").to_owned();
    let note = raw.trimmed("note").to_owned();
    let appraisal = raw.trimmed("appreciation").to_owned();
    let mut form = Form::from_raw(raw);
    let mark = match presence.as_str() {
        "absent" if note.is_empty() => None,
        "absent" => {
            form.refuse(
                "note",
                "Un candidat absent n’a pas de note : effacez la note, ou indiquez qu’il était présent.",
            );
            None
        }
        "present" => match Mark::parse(&note) {
            Ok(mark) => Some(mark),
            Err(refused) => {
                form.refuse("note", refused.to_string());
                None
            }
        },
        _ => {
            form.refuse("presence", "Indiquez si le candidat était présent ou absent.");
            None
        }
    };
    if form.is_refused() {
        return evaluation_page(&app, &shell, &actor, id, Some(form), None).await;
    }
    let user_id = actor.user_id.clone();
    let wanted = id.clone();
    let session_id =
        app.db.read(move |conn| Ok(evaluation::get_for_juror(conn, &user_id, &wanted)?.line.session.id)).await?;
    let entry = Entry { mark, appraisal, lines };
    let evaluation_id = id.clone();
    let done = app
        .db
        .write(&actor, Lock::Session(session_id), move |tx| evaluation::enter(tx, &evaluation_id, version, &entry))
        .await;
    match done {
        Ok(_) => Ok(Flash::success("L’évaluation est enregistrée.").then("/jury")),
        Err(StoreError::Conflict(sentence)) => {
            evaluation_page(&app, &shell, &actor, id, Some(form), Some(sentence)).await
        }
        Err(StoreError::Refused(no)) => {
            let field = if no.code == "appraisal_too_long" { "appreciation" } else { "note" };
            form.refuse(field, no.to_string());
            evaluation_page(&app, &shell, &actor, id, Some(form), None).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn keep_notes(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let notes: String = raw.get("notes").chars().take(20_000).collect();
    let user_id = actor.user_id.clone();
    let wanted = id.clone();
    let session_id =
        app.db.read(move |conn| Ok(evaluation::get_for_juror(conn, &user_id, &wanted)?.line.session.id)).await?;
    let evaluation_id = id.clone();
    app.db
        .write(&actor, Lock::Session(session_id), move |tx| evaluation::keep_notes(tx, &evaluation_id, &notes))
        .await?;
    Ok(Flash::success("Vos notes de travail sont enregistrées ; vous seul les voyez.")
        .then(&format!("/jury/evaluations/{id}")))
}

struct MarkLine {
    name: String,
    number: String,
    epreuve: i32,
    tone: Tone,
    status: String,
    by: String,
}

#[derive(Template)]
#[template(path = "evaluation/marks.html")]
struct MarksPage {
    page: Page,
    session: SessionRow,
    lines: Vec<MarkLine>,
    missing: usize,
}

async fn marks(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, rows) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeMarks)?;
            let rows = evaluation::list_of_session(conn, &session.id)?;
            Ok((session, rows))
        })
        .await?;
    let missing = rows.iter().filter(|(row, ..)| row.state == EvaluationState::Expected).count();
    let lines = rows
        .into_iter()
        .map(|(row, file, person)| {
            let (tone, status) = state_tag(&row);
            MarkLine {
                name: person.shown_name(),
                number: file.number,
                epreuve: row.epreuve,
                tone,
                status,
                by: row.entered_by_name.unwrap_or_default(),
            }
        })
        .collect();
    let page = page_of(&shell, &session, "Notes");
    page::html(&MarksPage { page, session, lines, missing })
}
