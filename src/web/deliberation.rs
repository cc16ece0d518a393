//! The jury's room: every candidate with marks and the explained outcome, changes with their reason, the seal,
//! and a reopening that takes two people.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{OFFICE_AND_PRESIDENT, own_session, page_of, shown_instant};
use crate::domain::deliberation::Outcome;
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, Object, may};
use crate::domain::session::SessionState;
use crate::store::deliberation::{self, DeliberationRow};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let room = Gate::Roles(OFFICE_AND_PRESIDENT);
    Routes::new()
        .get("/gestion/sessions/{id}/deliberation", room, show)
        .post("/gestion/sessions/{id}/deliberation", room, open)
        .post("/gestion/sessions/{id}/deliberation/notes/{evaluation}", room, change)
        .post("/gestion/sessions/{id}/deliberation/scellement", room, seal)
        .post("/gestion/sessions/{id}/deliberation/demande-de-reouverture", room, ask)
        .post("/gestion/sessions/{id}/deliberation/reouverture", room, reopen)
}

struct MarkCell {
    evaluation_id: String,
    epreuve: i32,
    version: i32,
    shown: String,
    tone: Tone,
    is_kept: bool,
}

struct Line {
    name: String,
    number: String,
    marks: Vec<MarkCell>,
    outcome: Option<(Tone, &'static str)>,
    sentences: Vec<String>,
}

/// The tag of an outcome.
#[must_use]
pub const fn outcome_tag(outcome: Outcome) -> (Tone, &'static str) {
    match outcome {
        Outcome::Admitted => (Tone::Success, "Admis"),
        Outcome::Adjourned => (Tone::Error, "Ajourné"),
        Outcome::Absent => (Tone::Neutral, "Ajourné, absent"),
    }
}

#[derive(Template)]
#[template(path = "deliberation/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    deliberation: Option<DeliberationRow>,
    lines: Vec<Line>,
    sealed: Option<String>,
    law: String,
    can_open: bool,
    can_change: bool,
    can_ask: bool,
    can_grant: bool,
    counts: Vec<(usize, &'static str)>,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    room(&app, &shell, &actor, id, Form::empty()).await
}

async fn room(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, deliberation, candidates) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeMarks)?;
            let deliberation = deliberation::find_deliberation(conn, &session.id)?;
            let candidates = deliberation::list_candidates(conn, &session.id)?;
            Ok((session, deliberation, candidates))
        })
        .await?;
    let law = candidates
        .iter()
        .find_map(|line| line.explained.as_ref().map(|explained| explained.law.clone()))
        .unwrap_or_else(|| deliberation::LAW.to_owned());
    let mut counts = [0usize; 3];
    let lines = candidates
        .into_iter()
        .map(|line| {
            if let Some(explained) = &line.explained {
                counts[match explained.outcome {
                    Outcome::Admitted => 0,
                    Outcome::Adjourned => 1,
                    Outcome::Absent => 2,
                }] += 1;
            }
            Line {
                name: line.person.shown_name(),
                number: line.registration.number.clone(),
                marks: line
                    .evaluations
                    .iter()
                    .map(|row| {
                        let (tone, shown) = super::evaluation::state_tag(row);
                        MarkCell {
                            evaluation_id: row.id.clone(),
                            epreuve: row.epreuve,
                            version: row.version,
                            shown,
                            tone,
                            is_kept: row.origin_year.is_some(),
                        }
                    })
                    .collect(),
                outcome: line.explained.as_ref().map(|explained| outcome_tag(explained.outcome)),
                sentences: line.explained.map(|explained| explained.sentences).unwrap_or_default(),
            }
        })
        .collect();
    let object = Object::academy(&session.academy_code);
    let asked = deliberation.as_ref().and_then(|row| row.reopening_asked_by.clone());
    let is_sealed = session.state == SessionState::Sealed;
    let refused = form.is_refused();
    let page = page_of(shell, &session, "Délibération").with_errors(refused);
    let template = ShowPage {
        page,
        form,
        sealed: deliberation.as_ref().and_then(|row| row.sealed_at).map(|at| shown_instant(&session, at.0)),
        law,
        can_open: session.state == SessionState::Convened && may(actor, Action::Deliberate, object),
        can_change: session.state == SessionState::Deliberation && may(actor, Action::Deliberate, object),
        can_ask: is_sealed && asked.is_none() && may(actor, Action::AskReopening, object),
        can_grant: is_sealed
            && asked.as_deref().is_some_and(|asker| asker != actor.user_id)
            && may(actor, Action::GrantReopening, object),
        counts: vec![(counts[0], "admis"), (counts[1], "ajournés"), (counts[2], "absents")],
        deliberation,
        lines,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// Runs a command on the session; its refusal comes back on the page, beside `field`.
async fn act<F>(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    raw: RawForm,
    (field, done): (&str, &str),
    command: F,
) -> Result<Response, AppError>
where
    F: FnOnce(&mut crate::store::Tx<'_>, &str) -> crate::store::Stored<()> + Send + 'static,
{
    let session_id = id.clone();
    let outcome = app.db.write(actor, Lock::Session(id.clone()), move |tx| command(tx, &session_id)).await;
    match outcome {
        Ok(()) => Ok(Flash::success(done).then(&format!("/gestion/sessions/{id}/deliberation"))),
        Err(StoreError::Refused(no)) => {
            let mut form = Form::from_raw(raw);
            form.refuse(field, no.to_string());
            room(app, shell, actor, id, form).await
        }
        Err(StoreError::Conflict(sentence)) => Err(AppError::changed_meanwhile(sentence)),
        Err(other) => Err(other.into()),
    }
}

async fn open(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    act(&app, &shell, &actor, id, raw, ("ouverture", "La délibération est ouverte."), |tx, id| {
        deliberation::open(tx, id)
    })
    .await
}

async fn change(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, evaluation_id)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version: i32 =
        raw.trimmed("version").parse().map_err(|_| AppError::bad_request("La version manque : rechargez la page."))?;
    let typed = raw.trimmed("note").to_owned();
    let mark = if typed.eq_ignore_ascii_case("absent") { Ok(None) } else { Mark::parse(&typed).map(Some) };
    let mark = match mark {
        Ok(mark) => mark,
        Err(refused) => {
            let mut form = Form::from_raw(raw);
            form.refuse("notes", refused.to_string());
            return room(&app, &shell, &actor, id, form).await;
        }
    };
    let reason = raw.trimmed("motif").to_owned();
    act(
        &app,
        &shell,
        &actor,
        id,
        raw,
        ("notes", "La note est modifiée ; le motif figurera au procès-verbal."),
        move |tx, id| {
            let session = crate::store::session::session_for(tx, id, Action::Deliberate)?;
            deliberation::belongs(tx.conn, &session.id, &evaluation_id)?;
            deliberation::change_mark(tx, &evaluation_id, version, mark, &reason)
        },
    )
    .await
}

async fn seal(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    if raw.trimmed("confirmation") != "oui" {
        let mut form = Form::from_raw(raw);
        form.refuse("confirmation", "Cochez la case pour confirmer : après le scellement, aucune note ne change.");
        return room(&app, &shell, &actor, id, form).await;
    }
    act(&app, &shell, &actor, id, raw, ("confirmation", "La délibération est scellée."), |tx, id| {
        deliberation::seal_deliberation(tx, id).map(|_| ())
    })
    .await
}

async fn ask(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let reason = raw.trimmed("motif").to_owned();
    act(
        &app,
        &shell,
        &actor,
        id,
        raw,
        ("motif", "La réouverture est demandée ; une deuxième personne doit l’accorder."),
        move |tx, id| deliberation::ask_reopening(tx, id, &reason),
    )
    .await
}

async fn reopen(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    act(&app, &shell, &actor, id, raw, ("motif", "La délibération est rouverte."), |tx, id| {
        deliberation::grant_reopening(tx, id)
    })
    .await
}
