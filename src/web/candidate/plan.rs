//! The session of épreuve 1 of a registered candidate: declared late, or changed, until the convocations leave; by its
//! candidate, or by the office for whoever has no account.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::domain::permission::Action;
use crate::domain::registration::draft::{Step, Typed};
use crate::store::draft::{self, ClaimRow, PlanView};
use crate::store::message::Side;
use crate::store::registration::FileView;
use crate::store::{Conn, Lock, StoreError, Stored};
use crate::web::AppState;
use crate::web::draft::{days, first, flat, listed, own_host, title_of, typed_in};
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell};
use crate::web::session::{own_session, page_of};

/// What is known of the session of épreuve 1, while it may still change.
pub enum Plan {
    /// A mark is kept or waits to be verified, or the convocations have left.
    NotAsked,
    /// Nothing says where it may be seen: a mark was set aside, or the file came on paper.
    Lacking,
    /// Where it will take place.
    Declared(String),
}

pub fn standing(conn: &mut Conn, view: &FileView, claims: &[ClaimRow]) -> Stored<Plan> {
    if !draft::is_plan_asked(view, claims) {
        return Ok(Plan::NotAsked);
    }
    let plan = draft::find_plan(conn, &view.registration.id)?;
    Ok(plan.map_or(Plan::Lacking, |plan| Plan::Declared(plan.host_name)))
}

#[derive(Template)]
#[template(path = "candidate/plan.html")]
struct PlanPage {
    page: Page,
    form: Form,
    action: String,
    back: String,
    title: String,
    number: String,
    days: Vec<(String, String)>,
    in_service: bool,
    school: String,
    /// What the academy's list says of the host's code.
    host_listed: String,
}

const TITLE: &str = "La séance de l’épreuve 1";

/// The page of the file, on this side.
fn file_page(view: &PlanView, side: Side) -> String {
    match side {
        Side::Candidate => "/mon-dossier".to_owned(),
        Side::Office => format!("/gestion/sessions/{}/dossiers/{}", view.session.id, view.registration.id),
    }
}

impl PlanPage {
    fn new(shell: &Shell, view: PlanView, form: Form, side: Side) -> Self {
        let back = file_page(&view, side);
        let (page, action) = match side {
            Side::Candidate => {
                let action = format!("/mon-dossier/{}/seance", view.registration.id);
                (shell.page(TITLE).under("Mon dossier", &back), action)
            }
            Side::Office => {
                let file = format!("Dossier {}", view.registration.number);
                (page_of(shell, &view.session, TITLE).under(&file, &back), format!("{back}/seance"))
            }
        };
        let host_listed = listed(&view.context(), first(&view.answers, Step::Action, "accueil_uai"));
        PlanPage {
            page: page.with_errors(form.is_refused()),
            form,
            action,
            back,
            title: title_of(&view.session),
            days: days(),
            in_service: view.registration.uai.is_none(),
            host_listed: host_listed.unwrap_or_default(),
            school: view.registration.school_name,
            number: view.registration.number,
        }
    }
}

/// One's own plan, or that of a file of this session for its office.
async fn plan_for(
    app: &AppState,
    actor: &CurrentActor,
    session: Option<String>,
    registration: String,
    typed: Option<Typed>,
) -> Result<PlanView, AppError> {
    let (who, now) = (actor.0.clone(), app.clock().now());
    let read = app.db.read(move |conn| {
        if let Some(id) = &session {
            own_session(conn, &who, id, Action::ExamineFiles)?;
        }
        let view = draft::get_plan(conn, &who, &registration, typed, now)?;
        let is_there = match &session {
            Some(id) => view.session.id == *id,
            None => view.owner.as_ref() == Some(&who.user_id),
        };
        if is_there { Ok(view) } else { Err(StoreError::NotFound) }
    });
    let view = read.await?;
    // Too late is said before anything is typed.
    draft::may_change_plan(&view.session).map_err(StoreError::from)?;
    Ok(view)
}

pub async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(registration): Path<String>,
) -> Result<Response, AppError> {
    let view = plan_for(&app, &actor, None, registration, None).await?;
    shown(&shell, view, Side::Candidate)
}

pub async fn show_office(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((session, registration)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let view = plan_for(&app, &actor, Some(session), registration, None).await?;
    shown(&shell, view, Side::Office)
}

fn shown(shell: &Shell, view: PlanView, side: Side) -> Result<Response, AppError> {
    let begun = || vec![("accueil".to_owned(), own_host(view.registration.uai.is_none()).to_owned())];
    let form = Form::filled(view.answers.typed(Step::Action).map_or_else(begun, flat));
    page::html(&PlanPage::new(shell, view, form, side))
}

pub async fn save(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(registration): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let typed = typed_in(&raw, Step::Action);
    let view = plan_for(&app, &actor, None, registration, Some(typed)).await?;
    kept(&app, &shell, &actor, view, Side::Candidate).await
}

pub async fn save_office(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((session, registration)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let typed = typed_in(&raw, Step::Action);
    let view = plan_for(&app, &actor, Some(session), registration, Some(typed)).await?;
    kept(&app, &shell, &actor, view, Side::Office).await
}

async fn kept(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    view: PlanView,
    side: Side,
) -> Result<Response, AppError> {
    let plan = match view.read() {
        Ok(plan) => plan,
        Err(faults) => {
            let mut form = Form::filled(view.answers.typed(Step::Action).map(flat).unwrap_or_default());
            for fault in faults {
                form.refuse(&fault.field, fault.sentence);
            }
            return page::html_to_correct(&PlanPage::new(shell, view, form, side));
        }
    };
    let (id, session) = (view.registration.id.clone(), view.session.id.clone());
    app.db.write(actor, Lock::Session(session), move |tx| draft::change_plan(tx, &id, &plan)).await?;
    let said = match side {
        Side::Candidate => {
            "La séance de l’épreuve 1 est enregistrée\u{a0}: le bureau des examens la voit dans votre dossier."
        }
        Side::Office => "La séance de l’épreuve 1 est enregistrée pour le candidat.",
    };
    Ok(Flash::success(said).then(&file_page(&view, side)))
}
