//! Trainings as the training manager keeps them and as a tutor follows them: trainees, tutors, hours against hours due,
//! attendance noted by module and day for several trainees at once. A tutor sees their own trainees, and changes nothing.

mod follow_up;
mod meetings;
mod own;
mod places;
mod trainee;
mod year;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::french::capital;
use super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use super::routes::{Gate, Routes};
use super::staff::{academies_for, chosen_academy, day, in_any, write};
use crate::domain::academy::{Academy, french_weekday_date};
use crate::domain::permission::{Action, Actor, Object, may, roles_for};
use crate::domain::regulation::ModuleKind;
use crate::domain::training::holidays::Holidays;
use crate::domain::training::{self as rule, Hours, Progress};
use crate::store::people::fold_email;
use crate::store::reference::list_regulations;
use crate::store::training::{
    MeetingRow, NewTraining, Offer, Placed, RequestView, Sheet, Sight, TrainingFile, TrainingLine, find_offer,
    get_training, list_clashes, list_enrollable, list_meetings, list_requests, list_trainings, note_sheet,
    open_training, place,
};

const FOLLOWS: Gate = Gate::Roles(roles_for(Action::FollowTrainee));
const MANAGES: Gate = Gate::Roles(roles_for(Action::ManageTraining));
/// People proposed for one name typed.
const PROPOSED: i64 = 30;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/formation", FOLLOWS, index)
        .get("/formation/nouvelle", MANAGES, new)
        .post("/formation/nouvelle", MANAGES, create)
        .get("/formation/{id}", FOLLOWS, show)
        .post("/formation/{id}/inscriptions", MANAGES, enrolment)
        .post("/formation/{id}/presences", MANAGES, attendance)
        .get("/formation/{id}/emargement", MANAGES, signing_sheet)
        .merge(year::routes())
        .merge(own::routes())
        .merge(places::routes())
        .merge(meetings::routes())
        .merge(trainee::routes())
        .merge(follow_up::routes())
}

/// The three parts of the training with their names, for the charts of hours.
#[must_use]
pub fn parts(hours: &Hours) -> Vec<(&'static str, Progress)> {
    vec![
        ("Modules obligatoires", hours.theory),
        ("Approfondissement", hours.deepening),
        ("Pratique en établissement", hours.practice),
        ("Ensemble", hours.total()),
    ]
}

/// A duration in words; templates hand over references.
#[must_use]
pub fn duration(minutes: &u32) -> String {
    rule::shown(*minutes)
}

/// « 2026-2027 ».
#[must_use]
pub fn school_year(year: &i32) -> String {
    rule::school_year_label(*year)
}

/// The part of the training a module belongs to.
#[must_use]
pub fn kind(kind: &ModuleKind) -> &'static str {
    rule::kind_label(*kind)
}

/// What the actor sees of an academy's trainings.
fn sight(actor: &Actor, academy: &str) -> Sight {
    if may(actor, Action::ManageTraining, Object::academy(academy)) {
        Sight::Academy
    } else {
        Sight::TutoredBy { email_key: fold_email(&actor.email) }
    }
}

// ---------------------------------------------------------------- list

#[derive(Template)]
#[template(path = "training/index.html")]
struct IndexPage {
    page: Page,
    lines: Vec<TrainingLine>,
    can_manage: bool,
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
    let academy = chosen_academy(&actor, Action::FollowTrainee, query.get("academie"))?;
    let (of, seen) = (academy.clone(), sight(&actor, &academy));
    let lines = state.db.read(move |conn| list_trainings(conn, &of, &seen)).await?;
    let mut academies = academies_for(&actor, Action::FollowTrainee);
    if academies.len() < 2 {
        academies.clear();
    }
    html(&IndexPage {
        page: shell.page("Formation"),
        lines,
        can_manage: may(&actor, Action::ManageTraining, Object::academy(&academy)),
        academies,
        academy,
    })
}

// ---------------------------------------------------------------- new training

#[derive(Template)]
#[template(path = "training/new.html")]
struct NewPage {
    page: Page,
    form: Form,
    academies: Vec<(String, String)>,
    regulations: Vec<(String, String)>,
}

async fn new_page(state: &AppState, shell: &Shell, actor: &Actor, form: Form) -> Result<NewPage, AppError> {
    let packs = state.db.read(list_regulations).await?;
    let name = |code: &str| Academy::find(code).map_or_else(|| code.to_owned(), |academy| academy.name.clone());
    Ok(NewPage {
        page: shell.page("Ouvrir une formation").under("Formation", "/formation").with_errors(form.is_refused()),
        form,
        academies: academies_for(actor, Action::ManageTraining)
            .into_iter()
            .map(|code| (code.clone(), name(&code)))
            .collect(),
        regulations: packs.into_iter().map(|pack| (pack.id, pack.title)).collect(),
    })
}

async fn new(State(state): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let academy = chosen_academy(&actor, Action::ManageTraining, "")?;
    let today = Academy::find(&academy).map(|academy| academy.date(state.clock().now()));
    let year = today.map_or_else(String::new, |today| rule::school_year_of(today).to_string());
    let form = Form::filled([("annee", year)]);
    html(&new_page(&state, &shell, &actor, form).await?)
}

async fn create(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let academy = chosen_academy(&actor, Action::ManageTraining, raw.get("academie"))?;
    let packs = state.db.read(list_regulations).await?;
    let mut read = Reading::of(raw);
    let title = read.text("intitule", "Indiquez l’intitulé de la formation.", 150);
    let school_year = read.required("annee", "Indiquez l’année de la rentrée.", |text| {
        text.parse::<i32>().map_err(|_| "Écrivez l’année de la rentrée, par exemple 2026.")
    });
    let regulation = read.required("reglement", "Choisissez le règlement.", |text| {
        let known = packs.iter().find(|pack| pack.id == text);
        known.map(|pack| pack.id.clone()).ok_or("Choisissez une réponse dans la liste.")
    });
    let starts_on = read.required("debut", "Indiquez le premier jour.", day);
    let ends_on = read.required("fin", "Indiquez le dernier jour.", day);
    let place = read.text("lieu", "Indiquez le lieu.", 150);
    let mut form = read.into_form();
    if let (Some(title), Some(school_year), Some(regulation_id), Some(starts_on), Some(ends_on), Some(place)) =
        (title, school_year, regulation, starts_on, ends_on, place)
    {
        let new = NewTraining { academy_code: academy, title, school_year, regulation_id, starts_on, ends_on, place };
        match write(&state, &actor, move |tx| open_training(tx, &new)).await? {
            Ok(id) => return Ok(Flash::success("La formation est ouverte.").then(&format!("/formation/{id}"))),
            Err(refusal) => {
                let field = if refusal.code == "no_such_school_year" { "annee" } else { "fin" };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    html_to_correct(&new_page(&state, &shell, &actor, form).await?)
}

// ---------------------------------------------------------------- one training

#[derive(Template)]
#[template(path = "training/show.html")]
struct ShowPage {
    page: Page,
    file: TrainingFile,
    can_manage: bool,
    modules: Vec<(String, String)>,
    present: Vec<(String, String)>,
    sheet: Form,
    search: Form,
    /// People found for the name typed; `None` before anything is typed.
    found: Option<Vec<(String, String)>>,
    enrolment: Form,
    around: Around,
}

/// What is offered, planned, asked for and in the way, around the trainees of a training.
#[derive(Default)]
struct Around {
    offer: Offer,
    meetings: Vec<ShownMeeting>,
    requests: Vec<RequestView>,
    clashes: Vec<String>,
    taken: usize,
    /// Why school holidays are not compared, when the academy has a calendar of its own.
    holiday_note: Option<&'static str>,
}

struct ShownMeeting {
    row: MeetingRow,
    when: String,
    is_past: bool,
}

impl ShowPage {
    fn refused(&self) -> &Form {
        if self.sheet.is_refused() { &self.sheet } else { &self.enrolment }
    }

    fn is_wide_list(&self) -> bool {
        self.found.as_ref().is_some_and(|found| i64::try_from(found.len()).unwrap_or(0) >= PROPOSED)
    }
}

/// Reads the training and what the forms of its page choose from.
async fn load(
    state: &AppState,
    actor: &CurrentActor,
    id: &str,
    typed: &str,
) -> Result<(TrainingFile, Option<Vec<(String, String)>>), AppError> {
    let (actor, id, typed) = (Arc::clone(&actor.0), id.to_owned(), typed.trim().to_owned());
    let loaded = state.db.read(move |conn| {
        let academies = academies_for(&actor, Action::FollowTrainee);
        let file = in_any(&academies, |academy| get_training(conn, academy, &id, &sight(&actor, academy)))?;
        let academy = &file.training.academy_code;
        let manages = may(&actor, Action::ManageTraining, Object::academy(academy));
        let found = if manages && !typed.is_empty() {
            Some(list_enrollable(conn, academy, &id, &typed, PROPOSED)?)
        } else {
            None
        };
        Ok((file, found))
    });
    Ok(loaded.await?)
}

async fn around(state: &AppState, file: &TrainingFile) -> Result<Around, AppError> {
    let (training, now) = (file.training.clone(), state.clock().now());
    let academy = training.academy_code.clone();
    let (offer, rows, requests, clashes) = state
        .db
        .read(move |conn| {
            Ok((
                find_offer(conn, &training.id)?,
                list_meetings(conn, &training.id)?,
                list_requests(conn, &training.id)?,
                list_clashes(conn, &training, now)?,
            ))
        })
        .await?;
    let meetings: Vec<ShownMeeting> = rows
        .into_iter()
        .map(|row| ShownMeeting { when: meetings::when(&academy, &row), is_past: row.ends_at.0 <= now, row })
        .collect();
    let clashes = clashes
        .into_iter()
        .map(|clash| {
            let when = meetings.iter().find(|shown| shown.row.id == clash.meeting_id).map(|shown| shown.when.as_str());
            format!("{}\u{a0}: {}", capital(when.unwrap_or_default()), clash.sentence)
        })
        .collect();
    let has_zone = Holidays::embedded().is_some_and(|holidays| holidays.zone(&academy).is_some());
    Ok(Around {
        offer,
        requests,
        clashes,
        taken: file.trainees.iter().filter(|trainee| trainee.enrolment.withdrawn_at.is_none()).count(),
        holiday_note: (!has_zone).then_some(
            "Les vacances scolaires de cette académie sont fixées par son recteur : elles ne sont pas comparées ici.",
        ),
        meetings,
    })
}

fn show_page(
    shell: &Shell,
    actor: &Actor,
    (file, found): (TrainingFile, Option<Vec<(String, String)>>),
    around: Around,
    (sheet, search, enrolment): (Form, Form, Form),
) -> ShowPage {
    let active = file.trainees.iter().filter(|trainee| trainee.enrolment.withdrawn_at.is_none());
    ShowPage {
        page: shell
            .page(&file.training.title)
            .under("Formation", "/formation")
            .with_errors(sheet.is_refused() || enrolment.is_refused())
            .wide(),
        can_manage: may(actor, Action::ManageTraining, Object::academy(&file.training.academy_code)),
        modules: modules_of(&file),
        present: active.map(|trainee| (trainee.enrolment.id.clone(), trainee.name.clone())).collect(),
        file,
        sheet,
        search,
        found,
        enrolment,
        around,
    }
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let loaded = load(&state, &actor, &id, query.get("personne")).await?;
    let forms = (Form::empty(), Form::from_raw(query), Form::empty());
    let around = around(&state, &loaded.0).await?;
    html(&show_page(&shell, &actor, loaded, around, forms))
}

async fn enrolment(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let typed = raw.get("personne").to_owned();
    let mut read = Reading::of(raw);
    let person = read.text("stagiaire", "Choisissez la personne à inscrire.", 60);
    let excuse = read.free_text("dispense", 300);
    let mut form = read.into_form();
    if let Some(person) = person {
        let training = id.clone();
        let reason = excuse.unwrap_or_default();
        match write(&state, &actor, move |tx| place(tx, &training, &person, &reason)).await? {
            Ok(Placed::Waiting(rank)) => {
                let done =
                    format!("Toutes les places sont prises : la personne est en liste d’attente, au rang {rank}.");
                return Ok(Flash::warning(done).then(&format!("/formation/{id}#demandes")));
            }
            Ok(Placed::Enrolled(enrolment)) => {
                let done = "La personne est inscrite. Désignez maintenant son tuteur.";
                return Ok(Flash::success(done).then(&format!("/formation/{id}/stagiaires/{enrolment}")));
            }
            Err(refusal) => form.refuse("stagiaire", refusal.to_string()),
        }
    }
    let loaded = load(&state, &actor, &id, &typed).await?;
    let search = Form::filled([("personne", typed)]);
    let around = around(&state, &loaded.0).await?;
    html_to_correct(&show_page(&shell, &actor, loaded, around, (Form::empty(), search, form)))
}

async fn attendance(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let present: Vec<String> = raw.all("presents").into_iter().map(str::to_owned).collect();
    let mut read = Reading::of(raw);
    let module = read.text("module", "Choisissez le module.", 20);
    let held_on = read.required("jour", "Indiquez le jour de la séance.", day);
    let minutes = read.required("duree", "Indiquez la durée suivie.", rule::read_duration);
    let reason = read.free_text("motif", 300);
    if present.is_empty() {
        read.refuse("presents", "Cochez au moins une personne.");
    }
    let mut form = read.into_form();
    if let (Some(module), Some(held_on), Some(minutes), Some(reason), false) =
        (module, held_on, minutes, reason, present.is_empty())
    {
        let sheet = Sheet {
            module,
            held_on,
            reason,
            lines: present.into_iter().map(|enrolment| (enrolment, minutes)).collect(),
        };
        let training = id.clone();
        match write(&state, &actor, move |tx| note_sheet(tx, &training, &sheet)).await? {
            Ok(changed) => {
                let done = match changed {
                    0 => "Ces présences étaient déjà notées.".to_owned(),
                    1 => "Une présence est notée.".to_owned(),
                    n => format!("{n}\u{a0}présences sont notées."),
                };
                return Ok(Flash::success(done).then(&format!("/formation/{id}")));
            }
            Err(refusal) => {
                let field = match refusal.code {
                    "no_such_module" => "module",
                    "outside_training" | "attendance_ahead" => "jour",
                    "module_exceeded" => "motif",
                    "trainee_withdrawn" => "presents",
                    _ => "duree",
                };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    let loaded = load(&state, &actor, &id, "").await?;
    let around = around(&state, &loaded.0).await?;
    html_to_correct(&show_page(&shell, &actor, loaded, around, (form, Form::empty(), Form::empty())))
}

/// The sheet to print and sign, for one module and one day.
#[derive(Template)]
#[template(path = "training/sheet.html")]
struct SheetPage {
    page: Page,
    file: TrainingFile,
    modules: Vec<(String, String)>,
    form: Form,
    module: String,
    /// The day in words, empty until it is chosen.
    held_on: String,
}

async fn signing_sheet(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let file = places::managed(&state, &actor, &id).await?;
    let modules = modules_of(&file);
    let chosen = modules.iter().find(|(code, _)| code == query.get("module"));
    let module = chosen.map_or_else(String::new, |(_, label)| label.clone());
    let mut read = Reading::of(query);
    let held_on = read.optional("jour", day).flatten().map_or_else(String::new, french_weekday_date);
    html(&SheetPage {
        page: shell
            .page("Feuille d’émargement")
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{id}")),
        form: read.into_form(),
        modules,
        module,
        held_on,
        file,
    })
}

fn modules_of(file: &TrainingFile) -> Vec<(String, String)> {
    let named = |code: &str, title: &str| (code.to_owned(), format!("{code} – {title}"));
    file.rules.modules.iter().map(|own| named(&own.code, &own.title)).collect()
}
