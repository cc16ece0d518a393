//! The officer's decision on a file that the rule does not settle, and the list of candidates fixed by order.
//! Both are legal acts: the form says what will happen, the store asks the permission again, the trace stays.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::registration::file_page;
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::permission::{Action, OFFICE};
use crate::store::eligibility::{self, ListPlan, Verdict};
use crate::store::registration::{self, FileFilter, FileLine, OPEN_STATES};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .post("/gestion/sessions/{id}/dossiers/{registration}/decision", office, decide)
        .get("/gestion/sessions/{id}/liste", office, list)
        .post("/gestion/sessions/{id}/liste", office, fix)
}

async fn decide(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let verdict = reading.required("decision", "Choisissez la décision.", |text| match text {
        "admissible" => Ok(Verdict::Admissible),
        "refused" => Ok(Verdict::Refused),
        _ => Err("Choisissez la décision dans la liste."),
    });
    let reasons = reading.text("motif", "Écrivez le motif : il figurera dans la lettre au candidat.", 2_000);
    let version = reading.required("version", "Rechargez la page : la version du dossier manque.", |text| {
        text.parse::<i32>().map_err(|_| "Rechargez la page : la version du dossier est illisible.")
    });
    let mut form = reading.into_form();
    if let (false, Some(verdict), Some(reasons), Some(version)) = (form.is_refused(), verdict, reasons, version) {
        let (session_id, file) = (id.clone(), registration_id.clone());
        let who = actor.0.clone();
        let done = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| {
                own_session(tx.conn, &who, &session_id, Action::ExamineFiles)?;
                eligibility::decide(tx, &[(file, version)], verdict, &reasons)
            })
            .await;
        match done {
            Ok(()) => {
                return Ok(Flash::success("La décision est enregistrée.")
                    .then(&format!("/gestion/sessions/{id}/dossiers/{registration_id}")));
            }
            Err(StoreError::Refused(no)) => form.refuse("motif", no.to_string()),
            Err(StoreError::Conflict(sentence)) => return Err(AppError::changed_meanwhile(sentence)),
            Err(other) => return Err(other.into()),
        }
    }
    file_page(&app, &shell, &actor, id, registration_id, form).await
}

#[derive(Template)]
#[template(path = "eligibility/list.html")]
struct ListPage {
    page: Page,
    form: Form,
    session: SessionRow,
    plan: ListPlan,
    files: Vec<FileLine>,
    fixed: Option<String>,
    closes: String,
    closed: bool,
    can_fix: bool,
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
    let (session, plan, files) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeOffice)?;
            let plan = eligibility::plan_list(conn, &session.id)?;
            let filter = FileFilter { state: Some("admitted".into()), ..FileFilter::default() };
            let files = if session.list_fixed_at.is_some() {
                registration::list_files(conn, &session.id, &filter, 2_000, 0)?
            } else {
                Vec::new()
            };
            Ok((session, plan, files))
        })
        .await?;
    let refused = form.is_refused();
    let closed = now >= session.registration_closes_at.0;
    let page = page_of(shell, &session, "Liste des candidats").with_errors(refused);
    let template = ListPage {
        page,
        form,
        can_fix: OPEN_STATES.contains(&session.state) && closed && plan.undecided.is_empty() && plan.admitted > 0,
        fixed: session.list_fixed_at.map(|at| shown_instant(&session, at.0)),
        closes: shown_instant(&session, session.registration_closes_at.0),
        closed,
        plan,
        files,
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
        form.refuse("confirmation", "Cochez la case pour confirmer : la liste arrêtée ne se modifie plus.");
        return list_page(&app, &shell, &actor, id, form).await;
    }
    let session_id = id.clone();
    let done = app.db.write(&actor, Lock::Session(id.clone()), move |tx| eligibility::fix_list(tx, &session_id)).await;
    match done {
        Ok(count) => Ok(Flash::success(format!("La liste est arrêtée : {count} candidats sont admis à se présenter."))
            .then(&format!("/gestion/sessions/{id}/liste"))),
        Err(StoreError::Refused(no)) => {
            form.refuse("confirmation", no.to_string());
            list_page(&app, &shell, &actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}
