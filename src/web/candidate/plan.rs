//! The session of épreuve 1 of a registered candidate: declared late, or changed, until the convocations leave.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::domain::registration::draft::{Step, Typed};
use crate::store::draft::{self, ClaimRow, PlanView};
use crate::store::registration::FileView;
use crate::store::{Conn, Lock, StoreError, Stored};
use crate::web::AppState;
use crate::web::draft::{days, flat, title_of, typed_in};
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell};

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
    let is_kept = view.kept_marks.iter().any(|mark| mark.epreuve == 1)
        || claims.iter().any(|claim| claim.epreuve == 1 && claim.state == "claimed");
    let stands = matches!(view.registration.state.as_str(), "submitted" | "admitted");
    if is_kept || !stands || draft::may_change_plan(&view.session).is_err() {
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
    id: String,
    title: String,
    number: String,
    days: Vec<(String, String)>,
    in_service: bool,
    school: String,
    /// What the academy's list says of the host's code.
    host_listed: String,
}

impl PlanPage {
    fn new(shell: &Shell, view: PlanView, form: Form) -> Self {
        let page =
            shell.page("La séance de l’épreuve 1").under("Mon dossier", "/mon-dossier").with_errors(form.is_refused());
        let typed = view.answers.typed(Step::Action);
        let host = typed.and_then(|typed| typed.get("accueil_uai")?.first()).map_or("", |code| code.trim());
        let host_listed = view.schools.as_ref().and_then(|schools| schools.get(&host.to_uppercase())).cloned();
        PlanPage {
            page,
            form,
            title: title_of(&view.session),
            days: days(),
            in_service: view.registration.uai.is_none(),
            host_listed: host_listed.unwrap_or_default(),
            school: view.registration.school_name,
            number: view.registration.number,
            id: view.registration.id,
        }
    }
}

async fn own_plan(
    app: &AppState,
    actor: &CurrentActor,
    registration: String,
    typed: Option<Typed>,
) -> Result<PlanView, AppError> {
    let (user, now) = (actor.user_id.clone(), app.clock().now());
    let view = app.db.read(move |conn| draft::get_own_plan(conn, &user, &registration, typed, now)).await?;
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
    let view = own_plan(&app, &actor, registration, None).await?;
    let begun = || {
        let host = if view.registration.uai.is_none() { "autre" } else { "mon_etablissement" };
        vec![("accueil".to_owned(), host.to_owned())]
    };
    let form = Form::filled(view.answers.typed(Step::Action).map_or_else(begun, flat));
    page::html(&PlanPage::new(&shell, view, form))
}

pub async fn save(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(registration): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let typed = typed_in(&raw, Step::Action);
    let mut form = Form::filled(flat(&typed));
    let view = own_plan(&app, &actor, registration, Some(typed)).await?;
    let plan = match view.read() {
        Ok(plan) => plan,
        Err(faults) => {
            for fault in faults {
                form.refuse(&fault.field, fault.sentence);
            }
            return page::html_to_correct(&PlanPage::new(&shell, view, form));
        }
    };
    let (id, session) = (view.registration.id.clone(), view.session.id.clone());
    app.db.write(&actor, Lock::Session(session), move |tx| draft::change_plan(tx, &id, &plan)).await?;
    Ok(Flash::success(
        "La séance de l’épreuve 1 est enregistrée\u{a0}: le bureau des examens la voit dans votre dossier.",
    )
    .then("/mon-dossier"))
}
