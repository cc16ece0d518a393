//! One meeting: planned, changed, cancelled; its presences by signed sheet, by phone or by the trainer; its code of the day.
//! The code is an address signed by the server for this meeting; the store lets it sign only around the meeting's hours.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use fast_qr::ECL;
use fast_qr::qr::QRBuilder;
use jiff::civil::{Date, Time};

use super::places::managed;
use super::{FOLLOWS, MANAGES, load, modules_of};
use crate::domain::academy::{Academy, french_time};
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::training as rule;
use crate::domain::training::meeting::PresenceMethod;
use crate::office::training as office;
use crate::store::training::{
    MeetingRow, NewMeeting, PresenceRow, TrainingFile, cancel_meeting, change_meeting, find_meeting, get_meeting,
    list_presences, note_meeting, plan_meeting, sign_presence,
};
use crate::store::{Lock, StoreError};
use crate::web::AppState;
use crate::web::download::attached;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use crate::web::routes::{Gate, Routes};
use crate::web::security::same;
use crate::web::staff::{day, write};

pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/formation/{id}/seances/nouvelle", MANAGES, new)
        .post("/formation/{id}/seances/nouvelle", MANAGES, create)
        .get("/formation/{id}/seances/{meeting}", FOLLOWS, show)
        .post("/formation/{id}/seances/{meeting}/presences", MANAGES, presences)
        .get("/formation/{id}/seances/{meeting}/modification", MANAGES, edit)
        .post("/formation/{id}/seances/{meeting}/modification", MANAGES, change)
        .post("/formation/{id}/seances/{meeting}/annulation", MANAGES, cancel)
        .get("/formation/{id}/seances/{meeting}/emargement.pdf", MANAGES, sheet)
        .get("/formation/{id}/seances/{meeting}/code", MANAGES, code)
        .get("/formation/presence/{meeting}/{code}", Gate::SignedIn, signing)
        .post("/formation/presence/{meeting}/{code}", Gate::SignedIn, sign)
}

/// « mardi 6 octobre 2026 de 9 h à 17 h », in the academy's zone.
pub fn when(academy: &str, row: &MeetingRow) -> String {
    let Some(academy) = Academy::find(academy) else { return String::new() };
    let end = french_time(academy.local(row.ends_at.0).time());
    format!("{}, jusqu’à {end}", academy.show(row.starts_at.0))
}

// ---------------------------------------------------------------- planning

#[derive(Template)]
#[template(path = "training/meeting_form.html")]
struct FormPage {
    page: Page,
    form: Form,
    modules: Vec<(String, String)>,
    action: String,
    back: String,
    is_new: bool,
}

fn form_page(shell: &Shell, file: &TrainingFile, meeting: Option<&MeetingRow>, form: Form) -> FormPage {
    let id = &file.training.id;
    let (title, action, back) = match meeting {
        None => ("Planifier une séance", format!("/formation/{id}/seances/nouvelle"), format!("/formation/{id}")),
        Some(row) => (
            "Modifier la séance",
            format!("/formation/{id}/seances/{}/modification", row.id),
            format!("/formation/{id}/seances/{}", row.id),
        ),
    };
    FormPage {
        page: shell
            .page(title)
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{id}"))
            .with_errors(form.is_refused()),
        modules: modules_of(file),
        form,
        action,
        back,
        is_new: meeting.is_none(),
    }
}

async fn new(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let form = Form::filled([("lieu", file.training.place.clone())]);
    html(&form_page(&shell, &file, None, form))
}

fn hour(text: &str) -> Result<Time, &'static str> {
    text.parse::<Time>().map_err(|_| "Écrivez l’heure ainsi : 09:30.")
}

fn read_meeting(read: &mut Reading) -> Option<NewMeeting> {
    let module = read.text("module", "Choisissez le module.", 20);
    let on: Option<Date> = read.required("jour", "Indiquez le jour.", day);
    let starts = read.required("debut", "Indiquez l’heure de début.", hour);
    let ends = read.required("fin", "Indiquez l’heure de fin.", hour);
    let place = read.free_text("lieu", 150);
    let link = read.free_text("lien", 300);
    let trainers = read.free_text("formateurs", 200);
    if let Some(link) = link.as_deref().filter(|link| !link.is_empty() && !link.starts_with("https://")) {
        read.refuse("lien", format!("Le lien « {link} » doit commencer par https://."));
    }
    if place.as_deref().is_none_or(str::is_empty) && link.as_deref().is_none_or(str::is_empty) {
        read.refuse("lieu", "Indiquez le lieu, ou le lien de la séance à distance.");
    }
    if read.is_refused() {
        return None;
    }
    let on = on?;
    Some(NewMeeting {
        module: module?,
        starts: on.to_datetime(starts?),
        ends: on.to_datetime(ends?),
        place: place?,
        remote_link: link.filter(|link| !link.is_empty()),
        trainers: trainers?,
    })
}

fn field_of(code: &str) -> &'static str {
    match code {
        "no_such_module" => "module",
        "outside_training" | "meeting_signed" | "meeting_cancelled" => "jour",
        _ => "fin",
    }
}

async fn create(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let new = read_meeting(&mut read);
    let mut form = read.into_form();
    if let Some(new) = new {
        let training = id.clone();
        match write(&state, &actor, move |tx| plan_meeting(tx, &training, &new)).await? {
            Ok(meeting) => {
                let done =
                    "La séance est planifiée. Les stagiaires la verront ; convoquez-les quand le calendrier est prêt.";
                return Ok(Flash::success(done).then(&format!("/formation/{id}/seances/{meeting}")));
            }
            Err(refusal) => form.refuse(field_of(refusal.code), refusal.to_string()),
        }
    }
    let file = managed(&state, &actor, &id).await?;
    html_to_correct(&form_page(&shell, &file, None, form))
}

async fn find(state: &AppState, training: &str, meeting: &str) -> Result<MeetingRow, AppError> {
    let (training, meeting) = (training.to_owned(), meeting.to_owned());
    Ok(state.db.read(move |conn| get_meeting(conn, &training, &meeting)).await?)
}

async fn edit(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let row = find(&state, &id, &meeting).await?;
    let academy = Academy::find(&file.training.academy_code).ok_or_else(AppError::not_found)?;
    let (starts, ends) = (academy.local(row.starts_at.0), academy.local(row.ends_at.0));
    let form = Form::filled([
        ("module", row.module_code.clone()),
        ("jour", starts.date().to_string()),
        ("debut", starts.strftime("%H:%M").to_string()),
        ("fin", ends.strftime("%H:%M").to_string()),
        ("lieu", row.place.clone()),
        ("lien", row.remote_link.clone().unwrap_or_default()),
        ("formateurs", row.trainers.clone()),
        ("version", row.version.to_string()),
    ]);
    html(&form_page(&shell, &file, Some(&row), form))
}

fn version_of(raw: &RawForm) -> Result<i32, AppError> {
    let version = raw.trimmed("version").parse();
    version.map_err(|_| AppError::bad_request("Rechargez la page de la séance avant de la modifier."))
}

async fn change(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version = version_of(&raw)?;
    let file = managed(&state, &actor, &id).await?;
    let row = find(&state, &id, &meeting).await?;
    let mut read = Reading::of(raw);
    let new = read_meeting(&mut read);
    let mut form = read.into_form();
    if let Some(new) = new {
        let of = meeting.clone();
        match write(&state, &actor, move |tx| change_meeting(tx, &of, version, &new)).await? {
            Ok(()) => {
                let done = "La séance est modifiée. Convoquez de nouveau : seules les personnes concernées recevront un message.";
                return Ok(Flash::success(done).then(&format!("/formation/{id}/seances/{meeting}")));
            }
            Err(refusal) => form.refuse(field_of(refusal.code), refusal.to_string()),
        }
    }
    html_to_correct(&form_page(&shell, &file, Some(&row), form))
}

async fn cancel(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version = version_of(&raw)?;
    managed(&state, &actor, &id).await?;
    find(&state, &id, &meeting).await?;
    match write(&state, &actor, move |tx| cancel_meeting(tx, &meeting, version)).await? {
        Ok(()) => Ok(Flash::success("La séance est annulée. Convoquez de nouveau pour prévenir les stagiaires.")
            .then(&format!("/formation/{id}"))),
        Err(refusal) => Err(AppError::refused(refusal.to_string())),
    }
}

// ---------------------------------------------------------------- presences

struct PresenceLine {
    enrolment: String,
    name: String,
    field: String,
    noted: Option<PresenceRow>,
    is_excused: bool,
}

#[derive(Template)]
#[template(path = "training/meeting.html")]
struct ShowPage {
    page: Page,
    form: Form,
    training_id: String,
    meeting: MeetingRow,
    when: String,
    module: String,
    lines: Vec<PresenceLine>,
    methods: Vec<(&'static str, &'static str)>,
    can_manage: bool,
    has_begun: bool,
}

async fn show_page(
    state: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    (id, meeting): (&str, &str),
    form: Option<Form>,
) -> Result<ShowPage, AppError> {
    let (file, _) = load(state, actor, id, "").await?;
    let row = find(state, id, meeting).await?;
    let of = row.id.clone();
    let noted = state.db.read(move |conn| list_presences(conn, &of)).await?;
    let mut filled: Vec<(String, String)> = vec![("methode".to_owned(), PresenceMethod::Paper.as_str().to_owned())];
    let mut lines = Vec::new();
    for trainee in file.trainees.iter().filter(|trainee| trainee.enrolment.withdrawn_at.is_none()) {
        let known = noted.iter().find(|presence| presence.enrolment_id == trainee.enrolment.id);
        let field = format!("duree-{}", trainee.enrolment.id);
        let minutes = known.map_or_else(String::new, |presence| rule::shown(presence.minutes.unsigned_abs()));
        filled.push((field.clone(), minutes));
        lines.push(PresenceLine {
            enrolment: trainee.enrolment.id.clone(),
            name: trainee.name.clone(),
            field,
            noted: known.cloned(),
            is_excused: trainee.exemptions.iter().any(|one| one.module_code == row.module_code),
        });
    }
    let form = form.unwrap_or_else(|| Form::filled(filled));
    let title = format!(
        "Séance du {}",
        Academy::find(&file.training.academy_code)
            .map_or_else(String::new, |academy| { crate::domain::academy::french_date(academy.date(row.starts_at.0)) })
    );
    let modules = modules_of(&file);
    Ok(ShowPage {
        page: shell
            .page(&title)
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{id}"))
            .with_errors(form.is_refused()),
        training_id: id.to_owned(),
        when: when(&file.training.academy_code, &row),
        module: modules
            .into_iter()
            .find(|(code, _)| *code == row.module_code)
            .map_or_else(|| row.module_code.clone(), |(_, label)| label),
        lines,
        methods: PresenceMethod::ALL
            .iter()
            .filter(|method| **method != PresenceMethod::Phone)
            .map(|method| (method.as_str(), method.label()))
            .collect(),
        can_manage: may(actor, Action::ManageTraining, Object::academy(&file.training.academy_code)),
        has_begun: row.starts_at.0 <= state.clock().now(),
        meeting: row,
        form,
    })
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
) -> Result<Response, AppError> {
    html(&show_page(&state, &shell, &actor, (&id, &meeting), None).await?)
}

async fn presences(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    managed(&state, &actor, &id).await?;
    let row = find(&state, &id, &meeting).await?;
    let typed: Vec<(String, String, String)> = raw
        .fields()
        .filter_map(|(name, value)| {
            let enrolment = name.strip_prefix("duree-")?;
            Some((name.to_owned(), enrolment.to_owned(), value.trim().to_owned()))
        })
        .collect();
    let here: Vec<String> = raw.all("presents").into_iter().map(str::to_owned).collect();
    let method = PresenceMethod::from_word(raw.trimmed("methode")).unwrap_or(PresenceMethod::Trainer);
    let mut read = Reading::of(raw);
    let reason = read.free_text("motif", 300);
    let mut lines = Vec::new();
    for (field, enrolment, text) in typed {
        // Ticked without a duration: the whole meeting. A duration typed says more.
        let minutes = match (text.is_empty(), here.contains(&enrolment)) {
            (true, true) => row.minutes(),
            (true, false) => continue,
            (false, _) => match rule::read_duration(&text) {
                Ok(minutes) => minutes,
                Err(sentence) => {
                    read.refuse(&field, sentence);
                    continue;
                }
            },
        };
        lines.push((enrolment, minutes));
    }
    let mut form = read.into_form();
    if let (Some(reason), false) = (reason, form.is_refused()) {
        let of = meeting.clone();
        match write(&state, &actor, move |tx| note_meeting(tx, &of, method, &lines, &reason)).await? {
            Ok(changed) => {
                let done = match changed {
                    0 => "Rien n’a changé.".to_owned(),
                    1 => "Une présence est notée.".to_owned(),
                    n => format!("{n}\u{a0}présences sont notées."),
                };
                return Ok(Flash::success(done).then(&format!("/formation/{id}/seances/{meeting}")));
            }
            Err(refusal) => {
                let field = if refusal.code == "module_exceeded" { "motif" } else { "presents" };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    html_to_correct(&show_page(&state, &shell, &actor, (&id, &meeting), Some(form)).await?)
}

async fn sheet(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let db = state.db.clone();
    let drawn =
        tokio::task::spawn_blocking(move || office::sign_in_sheet(&db, &file.training.academy_code, &id, &meeting))
            .await
            .map_err(AppError::internal)??;
    Ok(attached("application/pdf", "emargement.pdf", drawn))
}

// ---------------------------------------------------------------- the code of the day

fn code_of(state: &AppState, meeting: &MeetingRow) -> String {
    // The hours are part of it: a meeting moved to another day has another code.
    let text = format!("{}\n{}", meeting.id, meeting.starts_at.0);
    state.guard.fingerprint("training-presence", &text).chars().take(32).collect()
}

#[derive(Template)]
#[template(path = "training/code.html")]
struct CodePage {
    page: Page,
    address: String,
    when: String,
    side: usize,
    /// `M x y h 1 v 1 h -1 z` for each dark square.
    squares: String,
}

async fn code(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, meeting)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let row = find(&state, &id, &meeting).await?;
    let base = state.config.public_url.trim_end_matches('/');
    let address = format!("{base}/formation/presence/{}/{}", row.id, code_of(&state, &row));
    let qr = QRBuilder::new(address.as_str()).ecl(ECL::M).build().map_err(|e| AppError::internal(e.to_string()))?;
    let mut squares = String::new();
    for y in 0..qr.size {
        for x in 0..qr.size {
            if qr.data.get(y * qr.size + x).is_some_and(|module| module.value()) {
                squares.push_str(&format!("M{} {}h1v1h-1z", x + 4, y + 4));
            }
        }
    }
    html(&CodePage {
        page: shell
            .page("Code de présence du jour")
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{id}"))
            .under("Séance", &format!("/formation/{id}/seances/{meeting}")),
        when: when(&file.training.academy_code, &row),
        side: qr.size + 8,
        address,
        squares,
    })
}

#[derive(Template)]
#[template(path = "training/sign.html")]
struct SignPage {
    page: Page,
    action: String,
    name: String,
}

/// The meeting of an address that this server signed; any other does not exist.
async fn signed_meeting(state: &AppState, meeting: &str, code: &str) -> Result<MeetingRow, AppError> {
    let id = meeting.to_owned();
    let row = state.db.read(move |conn| find_meeting(conn, &id)?.ok_or(StoreError::NotFound)).await?;
    if same(&code_of(state, &row), code) { Ok(row) } else { Err(AppError::not_found()) }
}

async fn signing(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((meeting, code)): Path<(String, String)>,
) -> Result<Response, AppError> {
    signed_meeting(&state, &meeting, &code).await?;
    html(&SignPage {
        page: shell.page("Signer ma présence"),
        action: format!("/formation/presence/{meeting}/{code}"),
        name: Actor::clone(&actor).name,
    })
}

async fn sign(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((meeting, code)): Path<(String, String)>,
) -> Result<Response, AppError> {
    signed_meeting(&state, &meeting, &code).await?;
    match state.db.write(&actor.0, Lock::House, move |tx| sign_presence(tx, &meeting)).await {
        Ok(_) => Ok(Flash::success("Votre présence est signée.").then("/formation/mes-formations")),
        Err(StoreError::Refused(refusal)) => Err(AppError::refused(refusal.to_string())),
        Err(other) => Err(other.into()),
    }
}
