//! One trainee: hours by module, presences and their corrections, exemptions, the tutor and their meetings, a departure.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{FOLLOWS, MANAGES, load, modules_of};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::regulation::ModuleKind;
use crate::store::holder::is_holder;
use crate::store::training::{
    Designation, FollowUp, Trainee, TrainingFile, Tutor, designate_tutor, find_follow_up, withdraw_trainee,
};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use crate::web::routes::Routes;
use crate::web::staff::write;

pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/formation/{id}/stagiaires/{enrolment}", FOLLOWS, trainee)
        .post("/formation/{id}/stagiaires/{enrolment}/tuteur", MANAGES, tutor)
        .post("/formation/{id}/stagiaires/{enrolment}/depart", MANAGES, departure)
}

#[derive(Template)]
#[template(path = "training/trainee.html")]
struct TraineePage {
    page: Page,
    training_id: String,
    trainee: Trainee,
    tutor_rule: String,
    tutor_law: String,
    form: Form,
    can_manage: bool,
    sees_record: bool,
    follow_up: FollowUp,
    /// The tutor's certificate or equivalence is known here.
    tutor_is_holder: bool,
    modules: Vec<(String, String)>,
    at_choice: Vec<(String, String)>,
    chosen: Form,
    blank: Form,
}

impl TraineePage {
    fn departure(&self) -> String {
        format!("/formation/{}/stagiaires/{}/depart", self.training_id, self.trainee.enrolment.id)
    }
}

fn trainee_page(
    shell: &Shell,
    actor: &Actor,
    file: TrainingFile,
    enrolment: &str,
    (follow_up, tutor_is_holder): (FollowUp, bool),
    form: Option<Form>,
) -> Result<TraineePage, AppError> {
    let modules = modules_of(&file);
    let at_choice = file
        .rules
        .modules
        .iter()
        .filter(|module| module.kind == ModuleKind::Deepening)
        .map(|module| (module.code.clone(), format!("{} – {}", module.code, module.title)))
        .collect();
    let chosen = Form::filled(follow_up.chosen.iter().map(|code| ("modules", code.clone())));
    let academy = Object::academy(&file.training.academy_code);
    let (can_manage, sees_record) =
        (may(actor, Action::ManageTraining, academy), may(actor, Action::SeeStaff, academy));
    let trainee = file.trainees.into_iter().find(|trainee| trainee.enrolment.id == enrolment);
    let trainee = trainee.ok_or_else(AppError::not_found)?;
    let known = Form::filled([
        ("tuteur_nom", trainee.enrolment.tutor_name.clone().unwrap_or_default()),
        ("tuteur_email", trainee.enrolment.tutor_email_key.clone().unwrap_or_default()),
    ]);
    let form = form.unwrap_or(known);
    Ok(TraineePage {
        page: shell
            .page(&trainee.name)
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{}", file.training.id))
            .with_errors(form.is_refused()),
        training_id: file.training.id,
        trainee,
        tutor_rule: file.rules.tutor.value,
        tutor_law: file.rules.tutor.law,
        form,
        can_manage,
        sees_record,
        follow_up,
        tutor_is_holder,
        modules,
        at_choice,
        chosen,
        blank: Form::empty(),
    })
}

/// What is known beside the hours, and whether the tutor is known here as a holder.
async fn beside(state: &AppState, file: &TrainingFile, enrolment: &str) -> Result<(FollowUp, bool), AppError> {
    let tutor = file
        .trainees
        .iter()
        .find(|trainee| trainee.enrolment.id == enrolment)
        .and_then(|trainee| trainee.enrolment.tutor_person_id.clone());
    let of = enrolment.to_owned();
    let read = state.db.read(move |conn| {
        let is_holder = match tutor {
            Some(person) => is_holder(conn, &person)?,
            None => false,
        };
        Ok((find_follow_up(conn, &of)?, is_holder))
    });
    Ok(read.await?)
}

async fn trainee(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let (file, _) = load(&state, &actor, &id, "").await?;
    let beside = beside(&state, &file, &enrolment).await?;
    html(&trainee_page(&shell, &actor, file, &enrolment, beside, None)?)
}

async fn tutor(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let is_qualified = raw.get("tuteur_qualifie") == "oui";
    let mut read = Reading::of(raw);
    let name = read.text("tuteur_nom", "Indiquez le nom et le prénom du tuteur.", 150);
    let email = read.required("tuteur_email", "Indiquez l’adresse électronique du tuteur.", EmailAddress::parse);
    let mut form = read.into_form();
    if let Some((name, email)) = name.zip(email) {
        let designation = Designation { tutor: Tutor::Outside { name, email }, is_qualified };
        let of = enrolment.clone();
        match write(&state, &actor, move |tx| designate_tutor(tx, &of, &designation)).await? {
            Ok(()) => {
                let back = format!("/formation/{id}/stagiaires/{enrolment}");
                return Ok(Flash::success("Le tuteur est désigné.").then(&back));
            }
            Err(refusal) => {
                let field = if refusal.code == "own_tutor" { "tuteur_email" } else { "tuteur_qualifie" };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    let (file, _) = load(&state, &actor, &id, "").await?;
    let beside = beside(&state, &file, &enrolment).await?;
    html_to_correct(&trainee_page(&shell, &actor, file, &enrolment, beside, Some(form))?)
}

async fn departure(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, enrolment)): Path<(String, String)>,
) -> Result<Response, AppError> {
    match write(&state, &actor, move |tx| withdraw_trainee(tx, &enrolment)).await? {
        Ok(()) => {
            Ok(Flash::success("Le départ est enregistré. Les heures suivies restent.")
                .then(&format!("/formation/{id}")))
        }
        Err(refusal) => Err(AppError::refused(refusal.to_string())),
    }
}
