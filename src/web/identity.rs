//! What the form leaves to an officer's word: an account whose person is already known, a mark kept from elsewhere.
//! Until then the candidate's draft waits, so that nobody takes over somebody's record by typing their name.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Flash, Page, Shell};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::academy::{Academy, french_date};
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, OFFICE};
use crate::domain::registration::draft::IdentityVerdict as Verdict;
use crate::mail::messages::Letterhead;
use crate::office::examination::Post;
use crate::store::draft::{self, ClaimRow, PlanRow};
use crate::store::identity::{self as store, CheckView};
use crate::store::people::PersonRow;
use crate::store::registration::get_file;
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, reference};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/homonymes", office, show)
        .post("/gestion/sessions/{id}/homonymes/{check}", office, decide)
        .get("/gestion/sessions/{id}/dossiers/{registration}/notes-conservees", office, claims)
        .post("/gestion/sessions/{id}/dossiers/{registration}/notes-conservees/{claim}", office, decide_claim)
}

struct Question {
    id: String,
    /// (what, in the draft, already known).
    rows: Vec<(&'static str, String, String)>,
    account: String,
    asked: String,
    has_account: bool,
    decided: String,
    reason_field: String,
    verdict_field: String,
}

#[derive(Template)]
#[template(path = "identity/index.html")]
struct IndexPage {
    page: Page,
    form: Form,
    session: SessionRow,
    questions: Vec<Question>,
}

fn question(session: &SessionRow, view: CheckView) -> Question {
    let typed = |field: &str| {
        view.typed.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let person = &view.person;
    let academy = Academy::find(&person.academy_code).map(|academy| academy.name.clone()).unwrap_or_default();
    Question {
        rows: vec![
            ("Civilité", typed("civilite"), person.civility.clone()),
            ("Prénoms", typed("prenoms"), person.first_names.clone()),
            ("Nom de naissance", typed("nom"), person.birth_name.clone()),
            ("Nom d’usage", typed("nom_usage"), person.usage_name.clone().unwrap_or_default()),
            ("Date de naissance", typed("naissance"), french_date(person.birth_date.0)),
            ("Lieu de naissance", typed("lieu_naissance"), person.birth_place.clone().unwrap_or_default()),
            ("Académie", String::new(), academy),
        ],
        account: format!("{}, {}", view.user_name, view.user_email),
        asked: shown_instant(session, view.check.asked_at.0),
        has_account: person.user_id.is_some(),
        decided: match (&view.check.verdict, view.check.decided_at) {
            (Some(verdict), Some(at)) => format!(
                "{} : dit par {}, {}. Motif : {}",
                if verdict == "same" { "Même personne" } else { "Deux personnes distinctes" },
                view.check.decided_by_name.as_deref().unwrap_or("le bureau"),
                shown_instant(session, at.0),
                view.check.reason.as_deref().unwrap_or_default()
            ),
            _ => String::new(),
        },
        reason_field: format!("motif-{}", view.check.id),
        verdict_field: format!("verdict-{}", view.check.id),
        id: view.check.id,
    }
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    index_page(&app, &shell, &actor, id, Form::empty()).await
}

async fn index_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, views) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ExamineFiles)?;
            let views = store::list_checks(conn, &session.id)?;
            Ok((session, views))
        })
        .await?;
    let refused = form.is_refused();
    let template = IndexPage {
        page: page_of(shell, &session, "Homonymes").with_errors(refused),
        form,
        questions: views.into_iter().map(|view| question(&session, view)).collect(),
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn decide(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, check)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let wanted = id.clone();
    let (session, is_here) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &wanted, Action::ExamineFiles)?;
            let here = store::list_checks(conn, &session.id)?;
            Ok((session, here))
        })
        .await?;
    if !is_here.iter().any(|view| view.check.id == check) {
        return Err(AppError::not_found());
    }
    let (verdict_field, reason_field) = (format!("verdict-{check}"), format!("motif-{check}"));
    let verdict = Verdict::from_word(raw.trimmed(&verdict_field));
    let reason = raw.trimmed(&reason_field).to_owned();
    let mut form = Form::from_raw(raw);
    let Some(verdict) = verdict else {
        form.refuse(&verdict_field, "Dites s’il s’agit de la même personne ou de deux personnes distinctes.");
        return index_page(&app, &shell, &actor, id, form).await;
    };
    let code = session.academy_code.clone();
    let head = app.db.read(move |conn| Ok(Letterhead::of(&reference::get_academy(conn, &code)?))).await?;
    let public_url = app.config.public_url.clone();
    let done = app
        .db
        .write(&actor, Lock::Session(session.id.clone()), move |tx| {
            store::decide(tx, &check, verdict, &reason, &|file| {
                let link = format!("{public_url}/mon-dossier/{}/messages", file.id);
                crate::office::message::notice(&head, file, &link)
            })
        })
        .await;
    match done {
        Ok(()) => Ok(Flash::success("L’identité est vérifiée ; le candidat est prévenu.")
            .then(&format!("/gestion/sessions/{}/homonymes", session.id))),
        Err(StoreError::Refused(no)) => {
            let field = if no.code == "reason_missing" { reason_field } else { verdict_field };
            form.refuse(&field, no.to_string());
            index_page(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

struct Claim {
    id: String,
    heading: String,
    origin: String,
    waits: bool,
    decided: String,
    answer_field: String,
    reason_field: String,
}

#[derive(Template)]
#[template(path = "identity/claims.html")]
struct ClaimsPage {
    page: Page,
    form: Form,
    session: SessionRow,
    registration: String,
    claims: Vec<Claim>,
    plan: Option<PlanRow>,
    /// The épreuve is to be sat, and the convocations have not left.
    may_plan: bool,
}

fn claim(row: ClaimRow) -> Claim {
    let academy = Academy::find(&row.origin_academy).map(Academy::full_name).unwrap_or_default();
    Claim {
        heading: format!("Épreuve {} : {} sur 20", row.epreuve, Mark::from_hundredths(row.mark).shown()),
        origin: format!("Obtenue à la session {}, {academy}, d’après le candidat", row.origin_year),
        waits: row.state == "claimed",
        decided: format!(
            "{} par {}. Motif : {}",
            if row.state == "accepted" { "Retenue" } else { "Non retenue" },
            row.decided_by_name.as_deref().unwrap_or("le bureau"),
            row.reason.as_deref().unwrap_or_default()
        ),
        answer_field: format!("constat-{}", row.id),
        reason_field: format!("motif-{}", row.id),
        id: row.id,
    }
}

async fn claims(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration)): Path<(String, String)>,
) -> Result<Response, AppError> {
    claims_page(&app, &shell, &actor, id, registration, Form::empty()).await
}

async fn claims_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    registration: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let file = registration.clone();
    let (session, view, rows, plan) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ExamineFiles)?;
            let view = get_file(conn, &session.academy_code, &file)?;
            if view.session.id != session.id {
                return Err(StoreError::NotFound);
            }
            Ok((session, view, draft::list_claims(conn, &file)?, draft::find_plan(conn, &file)?))
        })
        .await?;
    let refused = form.is_refused();
    let may_plan = draft::is_plan_asked(&view, &rows);
    let list = format!("/gestion/sessions/{}/dossiers", session.id);
    let template = ClaimsPage {
        page: page_of(shell, &session, "Notes à vérifier")
            .under("Dossiers", &list)
            .under(&view.registration.number, &format!("{list}/{registration}"))
            .with_errors(refused),
        form,
        claims: rows.into_iter().map(claim).collect(),
        plan,
        may_plan,
        session,
        registration,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn decide_claim(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration, claim)): Path<(String, String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (answer_field, reason_field) = (format!("constat-{claim}"), format!("motif-{claim}"));
    let answer = raw.trimmed(&answer_field).to_owned();
    let reason = raw.trimmed(&reason_field).to_owned();
    let mut form = Form::from_raw(raw);
    if answer != "retenir" && answer != "ecarter" {
        form.refuse(&answer_field, "Dites si la note est retenue.");
        return claims_page(&app, &shell, &actor, id, registration, form).await;
    }
    let holds = answer == "retenir";
    let (who, session_id, url) = (actor.0.clone(), id.clone(), app.config.public_url.clone());
    let post = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &session_id, Action::ExamineFiles)?;
            Post::of(conn, &session.academy_code, &url)
        })
        .await?;
    let done = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let notify = |session: &SessionRow, person: &PersonRow, key: &str| post.decision(session, person, key);
            draft::decide_claim(tx, &claim, holds, &reason, &notify)
        })
        .await;
    match done {
        Ok(()) => Ok(Flash::success("La note est vérifiée.")
            .then(&format!("/gestion/sessions/{id}/dossiers/{registration}/notes-conservees"))),
        Err(StoreError::Refused(no)) => {
            let field = if no.code == "reason_missing" { reason_field } else { answer_field };
            form.refuse(&field, no.to_string());
            claims_page(&app, &shell, &actor, id, registration, form).await
        }
        Err(other) => Err(other.into()),
    }
}
