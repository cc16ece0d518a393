//! The directory of an academy's people and the record of each: what the person is, where they work, what they do,
//! what has been seen of them, their training, their exam files and their certificate.
//! Every form of the record stands on the record's page and comes back there when something is to be corrected.

mod copies;
mod directory;
mod forms;
mod letters;
mod names;
mod titles;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;

pub use self::forms::{Forms, academy_name, day};
pub use self::titles::{check_tone, points};
use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::french::short_date;
use super::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use super::routes::{Gate, Routes};
use crate::domain::academy::french_date;
use crate::domain::certificate::CertificateState;
use crate::domain::evaluation::EvaluationState;
use crate::domain::framework::Framework;
use crate::domain::ids::Mark;
use crate::domain::obligations::{self, Line as ServiceLine, Obligations};
use crate::domain::permission::{Action, Actor, Object, may, roles_for};
use crate::domain::refusal::Refusal;
use crate::store::framework::list_frameworks;
use crate::store::people::{PersonRow, get_person};
use crate::store::reference::{get_framework, get_regulation, list_regulations};
use crate::store::staff::{
    StaffFile, add_evidence, end_activity, end_posting, get_staff_file, list_departments, list_published_marks,
    note_activity, open_record, record_posting, update_status,
};
use crate::store::{Conn, Lock, StoreError, Stored, Tx};

const SEES: Gate = Gate::Roles(roles_for(Action::SeeStaff));
const MANAGES: Gate = Gate::Roles(roles_for(Action::ManageStaff));

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .merge(directory::routes())
        .merge(names::routes())
        .merge(letters::routes())
        .merge(titles::routes())
        .get("/personnels/nouvelle-fiche", MANAGES, new)
        .post("/personnels/nouvelle-fiche", MANAGES, create)
        .get("/personnels/{id}", SEES, show)
        .post("/personnels/{id}/situation", MANAGES, situation)
        .post("/personnels/{id}/affectations", MANAGES, posting)
        .post("/personnels/{id}/fins-d-affectation", MANAGES, ending)
        .post("/personnels/{id}/activites", MANAGES, activity)
        .post("/personnels/{id}/fins-d-activite", MANAGES, activity_end)
        .post("/personnels/{id}/competences", MANAGES, competence)
}

/// Academies in which the actor may do this.
pub(super) fn academies_for(actor: &Actor, action: Action) -> Vec<String> {
    actor.academies(roles_for(action)).into_iter().map(str::to_owned).collect()
}

/// The academy a list is shown for: the one asked, when the actor holds it, else the first.
pub(super) fn chosen_academy(actor: &Actor, action: Action, asked: &str) -> Result<String, AppError> {
    let own = academies_for(actor, action);
    let chosen = own.iter().position(|code| code == asked).unwrap_or(0);
    own.into_iter().nth(chosen).ok_or_else(AppError::not_found)
}

/// Looks for a thing in each academy of the actor; elsewhere it does not exist.
pub(super) fn in_any<T>(academies: &[String], mut find: impl FnMut(&str) -> Stored<T>) -> Stored<T> {
    for academy in academies {
        match find(academy) {
            Err(StoreError::NotFound) => {}
            found => return found,
        }
    }
    Err(StoreError::NotFound)
}

// ---------------------------------------------------------------- new record

#[derive(Template)]
#[template(path = "staff/new.html")]
struct NewPage {
    page: Page,
    form: Form,
    academies: Vec<(String, String)>,
    civilities: &'static [(&'static str, &'static str)],
}

fn new_page(shell: &Shell, actor: &Actor, form: Form) -> NewPage {
    let page = shell.page("Nouvelle fiche").under("Personnels", "/personnels");
    NewPage {
        page: page.with_errors(form.is_refused()),
        academies: academies_for(actor, Action::ManageStaff)
            .into_iter()
            .map(|code| (code.clone(), forms::academy_name(&code)))
            .collect(),
        civilities: &[("Mme", "Mme"), ("M.", "M.")],
        form,
    }
}

async fn new(shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    html(&new_page(&shell, &actor, Form::empty()))
}

async fn create(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let academy = chosen_academy(&actor, Action::ManageStaff, raw.get("academie"))?;
    let (form, person) = forms::read_person(raw, &academy);
    let mut form = form;
    let Some(person) = person else {
        return html_to_correct(&new_page(&shell, &actor, form));
    };
    match write(&state, &actor, move |tx| open_record(tx, &person)).await? {
        Ok((id, true)) => Ok(Flash::success("La fiche est créée.").then(&format!("/personnels/{id}"))),
        Ok((id, false)) => {
            let known = "Cette personne avait déjà une fiche\u{a0}: la voici. Rien n’a été modifié.";
            Ok(Flash::info(known).then(&format!("/personnels/{id}")))
        }
        Err(refusal) => {
            form.refuse("nom", refusal.to_string());
            html_to_correct(&new_page(&shell, &actor, form))
        }
    }
}

// ---------------------------------------------------------------- record

/// Lists to choose from on the record.
#[derive(Debug, Clone, Default)]
struct Choices {
    categories: Vec<(String, String)>,
    departments: Vec<(String, String)>,
    framework: String,
    activities: Vec<(String, String)>,
    competences: Vec<(String, String)>,
    open_postings: Vec<(String, String)>,
    open_activities: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "staff/show.html")]
struct ShowPage {
    page: Page,
    /// Not called `file`: templates would read the macro of that name.
    record: StaffFile,
    choices: Choices,
    forms: Forms,
    can_manage: bool,
    can_train: bool,
    /// Exam files have pages of their own, for the office.
    sees_files: bool,
    /// Registration, épreuve and mark in words; empty for those who may not see marks.
    marks: Vec<(String, i32, String)>,
    sees_marks: bool,
    obligations: Option<Obligations>,
    allowance: Option<ServiceLine>,
    /// The masked NUMEN, for those who manage the record.
    masked: Option<String>,
    records_titles: bool,
}

impl ShowPage {
    /// The exam file has a page here: it is of a session of this academy.
    fn has_file(&self, academy: &str) -> bool {
        self.sees_files && academy == self.record.identity.academy_code
    }

    fn is_in_force(&self, line: &str) -> bool {
        self.record.in_force.as_deref() == Some(line)
    }

    fn category(&self) -> &str {
        let code = self.record.record.as_ref().and_then(|record| record.category.as_deref());
        let label = |(own, label): &'_ (String, String)| (Some(own.as_str()) == code).then(|| label.clone());
        match code {
            None => "",
            Some(code) => {
                let at = self.choices.categories.iter().position(|choice| label(choice).is_some());
                at.and_then(|at| self.choices.categories.get(at)).map_or(code, |(_, label)| label.as_str())
            }
        }
    }

    fn marks_of(&self, registration_id: &str) -> String {
        let own = self.marks.iter().filter(|(id, _, _)| id == registration_id);
        let told: Vec<String> = own.map(|(_, epreuve, mark)| format!("épreuve {epreuve}\u{a0}: {mark}")).collect();
        told.join(" ; ").replace(" ;", "\u{a0};")
    }
}

/// What the page of a record is made from, read in one transaction.
struct Loaded {
    file: StaffFile,
    choices: Choices,
    marks: Vec<(String, i32, String)>,
    sees_marks: bool,
    obligations: Option<Obligations>,
    allowance: Option<ServiceLine>,
    masked: Option<String>,
}

async fn load(state: &AppState, actor: &CurrentActor, id: &str) -> Result<Loaded, AppError> {
    let (actor, id, at) = (Arc::clone(&actor.0), id.to_owned(), state.clock().now());
    let loaded = state.db.read(move |conn| {
        let academies = academies_for(&actor, Action::SeeStaff);
        let file = in_any(&academies, |academy| get_staff_file(conn, academy, &id, at))?;
        let academy = file.identity.academy_code.clone();
        let sees_marks = may(&actor, Action::SeeMarks, Object::academy(&academy));
        let marks = if sees_marks { marks_in_words(conn, &academy, &id, at)? } else { Vec::new() };
        let choices = choices_for(conn, &file)?;
        let (obligations, allowance) = explained(conn, &file)?;
        Ok(Loaded { file, choices, marks, sees_marks, obligations, allowance, masked: None })
    });
    let mut loaded = loaded.await?;
    loaded.masked = names::masked_numen(state, &loaded.file.identity.id).await?;
    Ok(loaded)
}

/// What the latest regulation says of the person's working time and allowance, for information.
fn explained(conn: &mut Conn, file: &StaffFile) -> Stored<(Option<Obligations>, Option<ServiceLine>)> {
    let Some(latest) = list_regulations(conn)?.into_iter().next() else { return Ok((None, None)) };
    let pack = get_regulation(conn, &latest.id)?;
    let posts = file.posts_today();
    let corps = file.record.as_ref().map_or("", |record| record.corps.as_str());
    Ok((
        obligations::obligations(&pack, corps, &posts, &file.split_today()),
        obligations::allowance(&pack, file.held.as_ref(), &posts),
    ))
}

/// A person whose record the actor may see or change; anybody else does not exist.
pub(super) async fn get_managed(
    state: &AppState,
    actor: &CurrentActor,
    action: Action,
    id: &str,
) -> Result<PersonRow, AppError> {
    let id = id.to_owned();
    let person = state.db.read(move |conn| get_person(conn, &id)).await?;
    if may(actor, action, Object::academy(&person.academy_code)) { Ok(person) } else { Err(AppError::not_found()) }
}

fn marks_in_words(conn: &mut Conn, academy: &str, id: &str, at: Timestamp) -> Stored<Vec<(String, i32, String)>> {
    let marks = list_published_marks(conn, academy, id, at)?;
    let told = marks.into_iter().map(|published| {
        let words = match (published.state, published.mark) {
            (EvaluationState::Kept, Some(mark)) => format!("{} (note conservée)", Mark::from_hundredths(mark).shown()),
            (_, Some(mark)) => Mark::from_hundredths(mark).shown(),
            (EvaluationState::Absent, None) => "absent".to_owned(),
            _ => "–".to_owned(),
        };
        (published.registration_id, published.epreuve, words)
    });
    Ok(told.collect())
}

fn choices_for(conn: &mut Conn, file: &StaffFile) -> Stored<Choices> {
    let framework = match list_frameworks(conn)?.first() {
        Some(latest) => Some(get_framework(conn, &latest.id)?),
        None => None,
    };
    let categories = match list_regulations(conn)?.first() {
        Some(latest) => get_regulation(conn, &latest.id)?.categories,
        None => Vec::new(),
    };
    let departments = list_departments(conn, &file.identity.academy_code)?;
    let named = |code: &str, label: &str| (code.to_owned(), format!("{code} – {label}"));
    Ok(Choices {
        categories: categories.into_iter().map(|own| (own.code, own.label)).collect(),
        departments: departments.into_iter().map(|code| (code.clone(), code)).collect(),
        framework: framework.as_ref().map(|framework| framework.id.clone()).unwrap_or_default(),
        activities: framework.iter().flat_map(Framework::tree).map(|(_, own)| named(own.code(), own.label())).collect(),
        competences: framework
            .iter()
            .flat_map(Framework::competences)
            .map(|own| named(&own.code, &own.label))
            .collect(),
        open_postings: file
            .postings
            .iter()
            .filter(|row| row.ends_on.is_none())
            .map(|row| (row.id.clone(), format!("{} ({}\u{a0}%)", row.place, row.quota)))
            .collect(),
        open_activities: file
            .activities
            .iter()
            .filter(|(row, _)| row.until_on.is_none())
            .map(|(row, item)| (row.id.clone(), format!("{} – {}", item.code, item.label)))
            .collect(),
    })
}

fn show_page(shell: &Shell, actor: &Actor, loaded: Loaded, forms: Forms) -> ShowPage {
    let academy = Object::academy(&loaded.file.identity.academy_code);
    let page = shell
        .page(&loaded.file.identity.full_name())
        .under("Personnels", "/personnels")
        .with_errors(forms.refused().is_refused());
    ShowPage {
        page,
        can_manage: may(actor, Action::ManageStaff, academy),
        can_train: may(actor, Action::FollowTrainee, academy),
        sees_files: may(actor, Action::SeeOffice, academy),
        choices: loaded.choices,
        forms,
        marks: loaded.marks,
        sees_marks: loaded.sees_marks,
        obligations: loaded.obligations,
        allowance: loaded.allowance,
        masked: loaded.masked.filter(|_| may(actor, Action::ManageStaff, academy)),
        records_titles: may(actor, Action::RecordHolder, academy),
        record: loaded.file,
    }
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let loaded = load(&state, &actor, &id).await?;
    let forms = Forms::of(&loaded.file);
    html(&show_page(&shell, &actor, loaded, forms))
}

/// Where the answer to a form of the record goes.
struct Answer {
    /// Puts the refused form back in its place.
    put: fn(&mut Forms, Form),
    /// The field a refusal of the store is about.
    field: fn(&Refusal) -> &'static str,
    /// Said when it is done.
    done: &'static str,
}

/// One act on a record: done and said, or the record again with the form to correct.
async fn act<C: Send + 'static>(
    (state, shell, actor, id): (AppState, Shell, CurrentActor, String),
    (form, read): (Form, Option<C>),
    command: impl FnOnce(&mut Tx<'_>, C) -> Stored<()> + Send + 'static,
    answer: Answer,
) -> Result<Response, AppError> {
    let mut form = form;
    if let Some(read) = read {
        match write(&state, &actor, move |tx| command(tx, read)).await? {
            Ok(()) => return Ok(Flash::success(answer.done).then(&format!("/personnels/{id}"))),
            Err(refusal) => form.refuse((answer.field)(&refusal), refusal.to_string()),
        }
    }
    let loaded = load(&state, &actor, &id).await?;
    let mut forms = Forms::of(&loaded.file);
    (answer.put)(&mut forms, form);
    html_to_correct(&show_page(&shell, &actor, loaded, forms))
}

async fn situation(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let loaded = load(&state, &actor, &id).await?;
    let read = forms::read_situation(raw, &id, &loaded.choices.categories);
    let answer = Answer {
        put: |forms, form| forms.situation = form,
        field: |refusal| if refusal.code.starts_with("career_") { "depuis_le" } else { "corps" },
        done: "La situation est à jour ; celle d’avant reste dans la carrière.",
    };
    act((state, shell, actor, id), read, |tx, change| update_status(tx, &change), answer).await
}

async fn posting(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let read = forms::read_posting(raw, &id);
    let answer = Answer {
        put: |forms, form| forms.posting = form,
        field: |refusal| match refusal.code {
            "dates_out_of_order" => "fin",
            _ => "quotite",
        },
        done: "L’affectation est enregistrée.",
    };
    let command = |tx: &mut Tx<'_>, new| record_posting(tx, &new).map(|_| ());
    act((state, shell, actor, id), read, command, answer).await
}

async fn ending(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let loaded = load(&state, &actor, &id).await?;
    let read = forms::read_ending(raw, &loaded.choices.open_postings);
    let answer = Answer {
        put: |forms, form| forms.ending = form,
        field: |_| "fin_le",
        done: "La fin de l’affectation est enregistrée.",
    };
    let command = |tx: &mut Tx<'_>, (posting, day): (String, _)| end_posting(tx, &posting, day).map(|_| ());
    act((state, shell, actor, id), read, command, answer).await
}

async fn activity(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let read = forms::read_activity(raw);
    let answer =
        Answer { put: |forms, form| forms.activity = form, field: |_| "activite", done: "L’activité est notée." };
    let person = id.clone();
    let command = move |tx: &mut Tx<'_>, (framework, item, since): (String, String, _)| {
        note_activity(tx, &person, &framework, &item, since).map(|_| ())
    };
    act((state, shell, actor, id), read, command, answer).await
}

async fn activity_end(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let loaded = load(&state, &actor, &id).await?;
    let read = forms::read_activity_end(raw, &loaded.choices.open_activities);
    let answer = Answer {
        put: |forms, form| forms.activity_end = form,
        field: |_| "quittee_le",
        done: "La fin de l’activité est enregistrée.",
    };
    let command = |tx: &mut Tx<'_>, (activity, day): (String, _)| end_activity(tx, &activity, day).map(|_| ());
    act((state, shell, actor, id), read, command, answer).await
}

async fn competence(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let read = forms::read_evidence(raw, &id);
    let answer = Answer {
        put: |forms, form| forms.evidence = form,
        field: |refusal| match refusal.code {
            "competence_ahead" => "constate_le",
            "level_out_of_range" => "niveau_constate",
            _ => "competence",
        },
        done: "La compétence constatée est ajoutée.",
    };
    let command = |tx: &mut Tx<'_>, new| add_evidence(tx, &new).map(|_| ());
    act((state, shell, actor, id), read, command, answer).await
}

/// Runs a command of the house; a refusal is for the form, everything else for the error page.
pub(super) async fn write<T: Send + 'static>(
    state: &AppState,
    actor: &CurrentActor,
    command: impl FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static,
) -> Result<Result<T, Refusal>, AppError> {
    match state.db.write(&actor.0, Lock::House, command).await {
        Ok(value) => Ok(Ok(value)),
        Err(StoreError::Refused(refusal)) => Ok(Err(refusal)),
        // Who comes second keeps what they typed, and reads what stands now.
        Err(StoreError::Conflict(sentence)) => Ok(Err(Refusal::new("conflict", sentence))),
        Err(other) => Err(other.into()),
    }
}

/// `01/03/2027`; templates hand over references.
#[must_use]
pub fn on(day: &Date) -> String {
    short_date(*day)
}

/// « 1er mars 2027 ».
#[must_use]
pub fn on_long(day: &Date) -> String {
    french_date(*day)
}

/// The state of a registration, in words.
#[must_use]
pub fn registration_word(state: &str) -> &'static str {
    match state {
        "submitted" => "déposée",
        "admitted" => "admise à se présenter",
        "refused" => "refusée",
        "withdrawn" => "retirée",
        _ => "inconnue",
    }
}

/// The tone of a certificate's state.
#[must_use]
pub fn certificate_tone(state: &CertificateState) -> Tone {
    match state {
        CertificateState::Valid => Tone::Success,
        CertificateState::Revoked => Tone::Error,
        CertificateState::Replaced => Tone::Neutral,
    }
}
