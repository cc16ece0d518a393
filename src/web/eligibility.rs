//! The officer's decision on a file that the rule does not settle, and the list of candidates fixed by order.
//! Both are legal acts: the form says what will happen, the store asks the permission again, the trace stays.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::AppState;
use super::certificate::attachment;
use super::download::attached;
use super::error::AppError;
use super::examination::{back, file_page};
use super::form::{Form, RawForm, Reading};
use super::french::count;
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::permission::{Action, OFFICE, Object, may};
use crate::domain::session::SessionState;
use crate::office::examination::Post;
use crate::office::list as order;
use crate::store::eligibility::{self, ListPlan, Verdict};
use crate::store::examination::letters;
use crate::store::examination::list::{Listed, list_candidates};
use crate::store::examination::reopening::{self, ReopeningRow};
use crate::store::people::PersonRow;
use crate::store::registration::OPEN_STATES;
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, documents};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    let both = Gate::Roles(super::session::OFFICE_AND_PRESIDENT);
    Routes::new()
        .post("/gestion/sessions/{id}/dossiers/{registration}/decision", office, decide)
        .get("/gestion/sessions/{id}/liste", both, list)
        .post("/gestion/sessions/{id}/liste", office, fix)
        .get("/gestion/sessions/{id}/liste/projet.pdf", office, project)
        .post("/gestion/sessions/{id}/liste/lettres", office, tell)
        .post("/gestion/sessions/{id}/liste/reouverture", office, ask)
        .post("/gestion/sessions/{id}/liste/reouverture/accord", both, grant)
        .get("/gestion/sessions/{id}/liste/arretes/{reopening}", office, withdrawn)
}

#[derive(Template)]
#[template(path = "examination/conflict.html")]
struct ConflictPage {
    page: Page,
    wanted: String,
    standing: String,
    href: String,
}

async fn decide(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    if !raw.trimmed("inserer").is_empty() {
        return file_page(&app, &shell, &actor, id, registration_id, query, Form::from_raw(raw)).await;
    }
    // The file to open afterwards, when the officer walks a view; whatever it names is asked for again there.
    let onwards = uuid::Uuid::parse_str(raw.trimmed("ensuite")).map(|id| id.to_string()).ok();
    let mut reading = Reading::of(raw);
    let verdict = reading.required("decision", "Choisissez la décision.", |text| match text {
        "admissible" => Ok(Verdict::Admissible),
        "refused" => Ok(Verdict::Refused),
        _ => Err("Choisissez la décision dans la liste."),
    });
    let reasons = reading.text("motif", "Écrivez le motif\u{a0}: il figurera dans la lettre au candidat.", 2_000);
    let version = reading.required("version", "Rechargez la page\u{a0}: la version du dossier manque.", |text| {
        text.parse::<i32>().map_err(|_| "Rechargez la page\u{a0}: la version du dossier est illisible.")
    });
    let mut form = reading.into_form();
    if let (false, Some(verdict), Some(reasons), Some(version)) = (form.is_refused(), verdict, reasons, version) {
        let (session_id, file, wanted) = (id.clone(), registration_id.clone(), reasons.clone());
        let (who, url) = (actor.0.clone(), app.config.public_url.clone());
        let done = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| {
                let session = own_session(tx.conn, &who, &session_id, Action::ExamineFiles)?;
                crate::store::registration::must_be_of(tx.conn, &file, &session.id)?;
                let post = Post::of(tx.conn, &session.academy_code, &url)?;
                let notify = |session: &SessionRow, person: &PersonRow, key: &str| post.decision(session, person, key);
                eligibility::decide_and_tell(tx, &[(file, version)], verdict, &reasons, Some(&notify))
            })
            .await;
        match done {
            Ok(()) => {
                return Ok(Flash::success(
                    "La décision est enregistrée\u{a0}: la lettre est écrite, le candidat est prévenu.",
                )
                .then(&back(&id, onwards.as_deref().unwrap_or(&registration_id), query.as_deref())));
            }
            Err(StoreError::Refused(no)) => form.refuse("motif", no.to_string()),
            Err(StoreError::Conflict(_)) => {
                return conflict(&app, &shell, &actor, id, registration_id, query, verdict, &wanted).await;
            }
            Err(other) => return Err(other.into()),
        }
    }
    file_page(&app, &shell, &actor, id, registration_id, query, form).await
}

/// What one wanted beside what stands: the officer who comes second sees both.
#[allow(clippy::too_many_arguments)] // the request, and the decision that lost
async fn conflict(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    registration_id: String,
    query: Option<String>,
    verdict: Verdict,
    reasons: &str,
) -> Result<Response, AppError> {
    let (who, session_id, file) = (actor.0.clone(), id.clone(), registration_id.clone());
    let (session, decision) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &session_id, Action::ExamineFiles)?;
            Ok((session, eligibility::find_decision(conn, &file)?))
        })
        .await?;
    let named = |is_refused: bool| if is_refused { "Refus d’inscription" } else { "Dossier recevable" };
    let standing = decision
        .and_then(|decision| {
            let at = decision.decided_at?;
            Some(format!(
                "{}, par {}, {}. Motif\u{a0}: {}",
                named(decision.outcome.as_deref() == Some("refused")),
                decision.decided_by_name.as_deref().unwrap_or("le bureau"),
                shown_instant(&session, at.0),
                decision.reasons.as_deref().unwrap_or_default()
            ))
        })
        .unwrap_or_else(|| "Le dossier a changé, sans qu’une décision soit prise.".to_owned());
    let page = page_of(shell, &session, "Décision déjà prise")
        .under("Dossiers", &format!("/gestion/sessions/{id}/dossiers"))
        .heading("Un autre agent a décidé avant vous");
    page::html_with(
        StatusCode::CONFLICT,
        &ConflictPage {
            page,
            wanted: format!("{}. Motif\u{a0}: {reasons}", named(verdict == Verdict::Refused)),
            standing,
            href: back(&id, &registration_id, query.as_deref()),
        },
    )
}

struct Withdrawn {
    href: String,
    label: String,
}

#[derive(Template)]
#[template(path = "eligibility/list.html")]
struct ListPage {
    page: Page,
    form: Form,
    session: SessionRow,
    plan: ListPlan,
    files: Vec<Listed>,
    fixed: Option<String>,
    closes: String,
    closed: bool,
    can_fix: bool,
    untold: i64,
    asked: Option<ReopeningRow>,
    can_reopen: bool,
    can_grant: bool,
    withdrawn: Vec<Withdrawn>,
    is_office: bool,
}

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    list_page(&app, &shell, &actor, id, Form::empty()).await
}

async fn list_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let now = app.clock().now();
    let read = app
        .db
        .read(move |conn| {
            // The president comes here to grant a reopening.
            let session = own_session(conn, &who, &id, Action::SeeOffice)
                .or_else(|_| own_session(conn, &who, &id, Action::GrantReopening))?;
            let plan = eligibility::plan_list(conn, &session.id)?;
            let files = list_candidates(conn, &session)?;
            let asked = reopening::find_asked(conn, &session.id)?;
            let past = reopening::list_reopenings(conn, &session.id)?;
            let untold = letters::count_untold(conn, &session.id)?;
            let is_office = may(&who, Action::SeeOffice, Object::academy(&session.academy_code));
            let may_grant = may(&who, Action::GrantReopening, Object::academy(&session.academy_code))
                && asked.as_ref().is_some_and(|asked| asked.asked_by != who.user_id);
            Ok((session, plan, files, asked, past, untold, is_office, may_grant))
        })
        .await?;
    let (session, plan, files, asked, past, untold, is_office, may_grant) = read;
    let refused = form.is_refused();
    let closed = now >= session.registration_closes_at.0;
    let page = page_of(shell, &session, "Liste des candidats").with_errors(refused);
    let template = ListPage {
        page,
        form,
        can_fix: is_office
            && OPEN_STATES.contains(&session.state)
            && closed
            && plan.undecided.is_empty()
            && plan.admitted > 0,
        fixed: session.list_fixed_at.map(|at| shown_instant(&session, at.0)),
        closes: shown_instant(&session, session.registration_closes_at.0),
        closed,
        plan,
        files,
        untold,
        can_reopen: is_office && session.state == SessionState::ListFixed && asked.is_none(),
        can_grant: may_grant && session.state == SessionState::ListFixed,
        asked,
        withdrawn: past
            .into_iter()
            .map(|row| Withdrawn {
                href: format!("/gestion/sessions/{}/liste/arretes/{}.pdf", session.id, row.id),
                label: format!(
                    "Arrêté retiré {} par {}. Motif\u{a0}: {}",
                    row.granted_at.map(|at| shown_instant(&session, at.0)).unwrap_or_default(),
                    row.granted_by_name.unwrap_or_default(),
                    row.reason
                ),
            })
            .collect(),
        is_office,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn fix(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut form = Form::from_raw(raw);
    if !form.has("confirmation", "oui") {
        form.refuse("confirmation", "Cochez la case pour confirmer\u{a0}: la liste arrêtée ne se modifie plus.");
        return list_page(&app, &shell, &actor, id, form).await;
    }
    let session_id = id.clone();
    let done = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let fixed = eligibility::fix_list(tx, &session_id)?;
            Ok((fixed, crate::store::session::load_session(tx.conn, &session_id)?))
        })
        .await;
    match done {
        Ok((fixed, session)) => {
            let db = app.db.clone();
            // Outside the write; were it to fail, the order is drawn when it is first asked for.
            let drawn = tokio::task::spawn_blocking(move || order::list_order_document(&db, &session)).await;
            if let Ok(Err(cause)) = drawn {
                tracing::error!(%cause, "the order of the list was not drawn; it will be when asked for");
            }
            let fixed = count(
                usize::try_from(fixed).unwrap_or(0),
                "candidat est admis à se présenter",
                "candidats sont admis à se présenter",
            );
            Ok(Flash::success(format!("La liste est arrêtée\u{a0}: {fixed}."))
                .then(&format!("/gestion/sessions/{id}/liste")))
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("confirmation", no.to_string());
            list_page(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn project(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let session = app.db.read(move |conn| own_session(conn, &who, &id, Action::FixList)).await?;
    let (db, year) = (app.db.clone(), session.year);
    let bytes =
        tokio::task::spawn_blocking(move || order::list_project(&db, &session)).await.map_err(AppError::internal)??;
    Ok(attached("application/pdf", &format!("projet-arrete-liste-{year}.pdf"), bytes))
}

async fn tell(State(app): State<AppState>, actor: CurrentActor, Path(id): Path<String>) -> Result<Response, AppError> {
    let (session_id, who, url) = (id.clone(), actor.0.clone(), app.config.public_url.clone());
    let written = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let session = own_session(tx.conn, &who, &session_id, Action::FixList)?;
            let post = Post::of(tx.conn, &session.academy_code, &url)?;
            let notify = |session: &SessionRow, person: &PersonRow, key: &str| post.decision(session, person, key);
            letters::tell_admitted(tx, &session_id, &notify)
        })
        .await?;
    let said = if written == 0 {
        Flash::info("Chaque candidat de la liste avait déjà sa lettre\u{a0}: rien n’est parti.")
    } else {
        Flash::success(format!("{}\u{a0}: chacun reçoit un lien.", count(written, "lettre écrite", "lettres écrites")))
    };
    Ok(said.then(&format!("/gestion/sessions/{id}/liste")))
}

async fn ask(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let reason = reading.text("motif", "Écrivez pourquoi la liste doit être rouverte.", 2_000);
    let mut form = reading.into_form();
    if let Some(reason) = reason {
        let session_id = id.clone();
        let done = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| reopening::ask_reopening(tx, &session_id, &reason))
            .await;
        match done {
            Ok(()) => {
                return Ok(Flash::success("La réouverture est demandée\u{a0}: une autre personne doit l’accorder.")
                    .then(&format!("/gestion/sessions/{id}/liste")));
            }
            Err(StoreError::Refused(no)) => form.refuse("motif", no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    list_page(&app, &shell, &actor, id, form).await
}

async fn grant(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session_id = id.clone();
    let done =
        app.db.write(&actor, Lock::Session(id.clone()), move |tx| reopening::grant_reopening(tx, &session_id)).await;
    match done {
        Ok(()) => Ok(Flash::success("La liste est rouverte. L’arrêté précédent est gardé.")
            .then(&format!("/gestion/sessions/{id}/liste"))),
        Err(StoreError::Refused(no)) => {
            let mut form = Form::from_raw(raw);
            form.refuse("accord", no.to_string());
            list_page(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn withdrawn(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, reopening_id)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let wanted = reopening_id.strip_suffix(".pdf").unwrap_or(&reopening_id).to_owned();
    let found = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeOffice)?;
            let row = reopening::get_reopening(conn, &session.id, &wanted)?;
            documents::find_document(conn, "list_order_withdrawn", &row.id)
        })
        .await?;
    found.map(attachment).ok_or_else(AppError::not_found)
}
