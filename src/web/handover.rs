//! Records that pass from one academy to another: proposed from the record, listed on both sides, accepted or
//! declined by the destination, which reads the request alone until then.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use super::routes::{Gate, Routes};
use super::staff::{academies_for, academy_name, chosen_academy, day, get_managed, in_any, write};
use crate::domain::academy::Academy;
use crate::domain::handover::HandoverState;
use crate::domain::permission::{Action, Object, may, roles_for};
use crate::store::handover::{
    HandoverLine, NewHandover, accept_handover, decline_handover, get_handover, list_handovers, propose_handover,
    withdraw_handover,
};
use crate::store::people::PersonRow;

const SEES: Gate = Gate::Roles(roles_for(Action::SeeStaff));
const MANAGES: Gate = Gate::Roles(roles_for(Action::ManageStaff));
const ANSWERS: Gate = Gate::Roles(roles_for(Action::AnswerHandover));
/// Requests shown: those that wait come first.
const SHOWN: i64 = 200;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/personnels/{id}/transmission", MANAGES, form)
        .post("/personnels/{id}/transmission", MANAGES, propose)
        .get("/personnels/transmissions", SEES, index)
        .get("/personnels/transmissions/{request}", SEES, show)
        .post("/personnels/transmissions/{request}/acceptation", ANSWERS, accept)
        .post("/personnels/transmissions/{request}/refus", ANSWERS, decline)
        .post("/personnels/transmissions/{request}/retrait", MANAGES, withdraw)
}

// ---------------------------------------------------------------- proposal

#[derive(Template)]
#[template(path = "handover/form.html")]
struct FormPage {
    page: Page,
    person: PersonRow,
    form: Form,
    academies: Vec<(String, String)>,
}

fn form_page(shell: &Shell, person: PersonRow, form: Form) -> FormPage {
    let page = shell
        .page("Transmettre la fiche")
        .under("Personnels", "/personnels")
        .under(&person.shown_name(), &format!("/personnels/{}", person.id))
        .with_errors(form.is_refused());
    let mut academies: Vec<(String, String)> = Academy::all()
        .iter()
        .filter(|academy| academy.code != person.academy_code)
        .map(|academy| (academy.code.clone(), academy.name.clone()))
        .collect();
    academies.sort_by_key(|(_, name)| crate::domain::ids::fold(name));
    FormPage { page, person, form, academies }
}

async fn form(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    html(&form_page(&shell, person, Form::empty()))
}

async fn propose(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let mut read = Reading::of(raw);
    let to = read.text("academie", "Choisissez l’académie d’accueil.", 3);
    let takes_effect_on = read.required("effet_le", "Indiquez le premier jour dans l’académie d’accueil.", day);
    let reason = read.text("motif", "Indiquez le motif, par exemple la mutation et sa date.", 500);
    let new = (|| {
        Some(NewHandover { person_id: id.clone(), to_academy: to?, takes_effect_on: takes_effect_on?, reason: reason? })
    })();
    let mut form = read.into_form();
    if let Some(new) = new {
        match write(&state, &actor, move |tx| propose_handover(tx, &new)).await? {
            Ok(_) => {
                let done = "La transmission est proposée. L’autre académie ne voit que cette demande tant qu’elle n’a pas accepté.";
                return Ok(Flash::success(done).then(&format!("/personnels/{id}")));
            }
            Err(refusal) => {
                let field = if refusal.code == "reason_missing" { "motif" } else { "academie" };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    html_to_correct(&form_page(&shell, person, form))
}

// ---------------------------------------------------------------- requests

#[derive(Template)]
#[template(path = "handover/index.html")]
struct IndexPage {
    page: Page,
    lines: Vec<HandoverLine>,
    academies: Vec<String>,
    academy: String,
}

async fn index(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::SeeStaff, query.get("academie"))?;
    let of = academy.clone();
    let lines = state.db.read(move |conn| list_handovers(conn, &of, SHOWN)).await?;
    let mut academies = academies_for(&actor, Action::SeeStaff);
    if academies.len() < 2 {
        academies.clear();
    }
    let page = shell.page("Transmissions").under("Personnels", "/personnels").wide();
    html(&IndexPage { page, lines, academies, academy })
}

#[derive(Template)]
#[template(path = "handover/show.html")]
struct ShowPage {
    page: Page,
    line: HandoverLine,
    form: Form,
    /// The record may be opened: it is still here, or already here.
    sees_record: bool,
    can_answer: bool,
    can_withdraw: bool,
}

async fn load(
    state: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    request: &str,
    form: Form,
) -> Result<ShowPage, AppError> {
    let (academies, id) = (academies_for(actor, Action::SeeStaff), request.to_owned());
    let line = state.db.read(move |conn| in_any(&academies, |academy| get_handover(conn, academy, &id))).await?;
    let row = &line.row;
    let waits = row.state == HandoverState::Proposed;
    let holder = if row.state == HandoverState::Accepted { &row.to_academy } else { &row.from_academy };
    Ok(ShowPage {
        page: shell
            .page(&format!("Transmission de {}", line.name))
            .under("Personnels", "/personnels")
            .under("Transmissions", "/personnels/transmissions")
            .with_errors(form.is_refused()),
        sees_record: may(actor, Action::SeeStaff, Object::academy(holder)),
        can_answer: waits && may(actor, Action::AnswerHandover, Object::academy(&row.to_academy)),
        can_withdraw: waits && may(actor, Action::ManageStaff, Object::academy(&row.from_academy)),
        line,
        form,
    })
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(request): Path<String>,
) -> Result<Response, AppError> {
    html(&load(&state, &shell, &actor, &request, Form::empty()).await?)
}

async fn accept(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(request): Path<String>,
) -> Result<Response, AppError> {
    let id = request.clone();
    match write(&state, &actor, move |tx| accept_handover(tx, &id)).await? {
        Ok(person) => {
            Ok(Flash::success("La fiche est reprise, avec son historique.").then(&format!("/personnels/{person}")))
        }
        Err(refusal) => Ok(Flash::warning(refusal.to_string()).then(&format!("/personnels/transmissions/{request}"))),
    }
}

async fn decline(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(request): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let reason = read.text("motif", "Indiquez pourquoi la fiche n’est pas reprise.", 500);
    let mut form = read.into_form();
    if let Some(reason) = reason {
        let id = request.clone();
        match write(&state, &actor, move |tx| decline_handover(tx, &id, &reason)).await? {
            Ok(()) => {
                return Ok(Flash::success("La transmission est déclinée.").then("/personnels/transmissions"));
            }
            Err(refusal) => form.refuse("motif", refusal.to_string()),
        }
    }
    html_to_correct(&load(&state, &shell, &actor, &request, form).await?)
}

async fn withdraw(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(request): Path<String>,
) -> Result<Response, AppError> {
    let id = request.clone();
    let flash = match write(&state, &actor, move |tx| withdraw_handover(tx, &id)).await? {
        Ok(_) => Flash::success("La proposition est retirée."),
        Err(refusal) => Flash::warning(refusal.to_string()),
    };
    Ok(flash.then(&format!("/personnels/transmissions/{request}")))
}

/// The tone of a request's state; templates hand over references.
#[must_use]
pub fn tone(state: &HandoverState) -> Tone {
    match state {
        HandoverState::Proposed => Tone::Warning,
        HandoverState::Accepted => Tone::Success,
        HandoverState::Declined => Tone::Error,
        HandoverState::Withdrawn => Tone::Neutral,
    }
}

/// « Limoges ».
#[must_use]
pub fn name_of(code: &str) -> String {
    academy_name(code)
}
