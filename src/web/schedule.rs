//! The calendar of the épreuves: one day at a time, what is missing, a proposal to look at before it is written,
//! and each slot placed or moved by hand. Hours are typed and shown on the academy's clocks.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::civil::{Date, DateTime};

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::french::count;
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of};
use crate::domain::academy::{Academy, french_time, french_weekday_date};
use crate::domain::permission::{Action, OFFICE};
use crate::domain::schedule::Placement;
use crate::domain::session::SessionState;
use crate::store::schedule::{self, Missing, Move, SlotFilter, SlotView};
use crate::store::session::SessionRow;
use crate::store::{Conn, Lock, StoreError, Stored, jury};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/calendrier", office, index)
        .get("/gestion/sessions/{id}/calendrier/proposition", office, proposal)
        .post("/gestion/sessions/{id}/calendrier/proposition", office, apply_proposal)
        .get("/gestion/sessions/{id}/calendrier/nouveau", office, new)
        .post("/gestion/sessions/{id}/calendrier/nouveau", office, place)
        .get("/gestion/sessions/{id}/calendrier/{slot}", office, show)
        .post("/gestion/sessions/{id}/calendrier/{slot}", office, change)
        .post("/gestion/sessions/{id}/calendrier/{slot}/retrait", office, remove)
}

/// Slots that are still to be placed, shown at once.
const SHOWN_MISSING: usize = 50;
/// Slots of a proposal shown before it is written.
const SHOWN_PROPOSED: usize = 60;

fn calendar_path(id: &str) -> String {
    format!("/gestion/sessions/{id}/calendrier")
}

fn academy_of(session: &SessionRow) -> Stored<&'static Academy> {
    Academy::find(&session.academy_code).ok_or(StoreError::NotFound)
}

fn may_change(session: &SessionRow) -> bool {
    matches!(session.state, SessionState::ListFixed | SessionState::Convened)
}

/// One slot in the table of a day.
struct Line {
    id: String,
    hours: String,
    candidate: String,
    number: String,
    epreuve: i32,
    commission: String,
    place: String,
    extended: bool,
    untold: bool,
}

fn line(academy: &Academy, view: SlotView) -> Line {
    let (start, end) = (academy.local(view.slot.starts_at.0), academy.local(view.slot.ends_at.0));
    let room = if view.slot.room.is_empty() { String::new() } else { format!(", {}", view.slot.room) };
    Line {
        hours: format!("{} – {}", french_time(start.time()), french_time(end.time())),
        candidate: view.candidate_name,
        number: view.candidate_number,
        epreuve: view.slot.epreuve,
        commission: view.commission,
        place: format!("{}{room}", view.slot.site),
        extended: view.extra_third,
        untold: view.slot.convoked_at.is_none(),
        id: view.slot.id,
    }
}

#[derive(Template)]
#[template(path = "schedule/index.html")]
struct IndexPage {
    page: Page,
    form: Form,
    session: SessionRow,
    days: Vec<(String, String)>,
    commissions: Vec<(String, String)>,
    shown_day: Option<String>,
    lines: Vec<Line>,
    missing: Vec<Missing>,
    missing_total: usize,
    placed: i64,
    untold: i64,
    open: bool,
}

async fn index(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let day: Option<Date> = asked.trimmed("jour").parse().ok();
    let commission = Some(asked.trimmed("commission").to_owned()).filter(|id| !id.is_empty());
    let who = actor.0.clone();
    let (session, academy, days, commissions, day, slots, missing, counts) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ManageSchedule)?;
            let academy = academy_of(&session)?;
            let days = schedule::list_days(conn, &session)?;
            let day = day.or_else(|| days.keys().next().copied());
            let commissions = jury::list_commissions(conn, &session.id)?;
            let slots = match day {
                Some(_) => schedule::list_slots(conn, &session, &SlotFilter { day, commission })?,
                None => Vec::new(),
            };
            let missing = schedule::list_missing(conn, &session)?;
            let counts = schedule::count_slots(conn, &session.id)?;
            Ok((session, academy, days, commissions, day, slots, missing, counts))
        })
        .await?;
    let form = Form::filled([
        ("jour", day.map(|day| day.to_string()).unwrap_or_default()),
        ("commission", asked.trimmed("commission").to_owned()),
    ]);
    let page = page_of(&shell, &session, "Calendrier des épreuves");
    page::html(&IndexPage {
        page,
        form,
        days: days
            .iter()
            .map(|(day, slots)| {
                (day.to_string(), format!("{} ({})", french_weekday_date(*day), count(*slots, "passage", "passages")))
            })
            .collect(),
        commissions: commissions.into_iter().map(|row| (row.id, row.label)).collect(),
        shown_day: day.map(french_weekday_date),
        lines: slots.into_iter().map(|view| line(academy, view)).collect(),
        missing_total: missing.len(),
        missing: missing.into_iter().take(SHOWN_MISSING).collect(),
        placed: counts.0,
        untold: counts.1,
        open: may_change(&session),
        session,
    })
}

/// A slot that is proposed, as the preview shows it.
struct Proposed {
    when: String,
    candidate: String,
    epreuve: i32,
    commission: String,
    place: String,
}

#[derive(Template)]
#[template(path = "schedule/proposal.html")]
struct ProposalPage {
    page: Page,
    session: SessionRow,
    total: usize,
    lines: Vec<Proposed>,
    unplaced: Vec<String>,
    unplaced_total: usize,
}

async fn proposal(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, academy, proposal, names, labels) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ManageSchedule)?;
            let academy = academy_of(&session)?;
            let proposal = schedule::plan_missing(conn, &session)?;
            let names: BTreeMap<String, String> = schedule::list_missing(conn, &session)?
                .into_iter()
                .map(|one| (one.registration_id, format!("{} ({})", one.candidate_name, one.candidate_number)))
                .collect();
            let labels: BTreeMap<String, String> =
                jury::list_commissions(conn, &session.id)?.into_iter().map(|row| (row.id, row.label)).collect();
            Ok((session, academy, proposal, names, labels))
        })
        .await?;
    let of = |map: &BTreeMap<String, String>, key: &str| map.get(key).cloned().unwrap_or_default();
    let mut placements = proposal.placements.clone();
    placements.sort_by_key(|one| one.starts_at);
    let lines = placements
        .iter()
        .take(SHOWN_PROPOSED)
        .map(|one| Proposed {
            when: academy.show(one.starts_at),
            candidate: of(&names, &one.registration),
            epreuve: one.epreuve,
            commission: of(&labels, &one.commission),
            place: format!("{}, {}", one.site, one.room),
        })
        .collect();
    let page = page_of(&shell, &session, "Proposer un calendrier")
        .under("Calendrier des épreuves", &calendar_path(&session.id));
    page::html(&ProposalPage {
        page,
        total: placements.len(),
        lines,
        unplaced_total: proposal.unplaced.len(),
        unplaced: proposal.unplaced.into_iter().take(SHOWN_MISSING).map(|one| one.reason).collect(),
        session,
    })
}

async fn apply_proposal(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let (who, session_id) = (actor.0.clone(), id.clone());
    // Computed again outside the write, which checks every slot once more against what stands then.
    let placements = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &session_id, Action::ManageSchedule)?;
            Ok(schedule::plan_missing(conn, &session)?.placements)
        })
        .await?;
    let session_id = id.clone();
    let placed = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| schedule::place_all(tx, &session_id, &placements))
        .await?;
    Ok(Flash::success(format!("{}.", count(placed, "passage placé", "passages placés"))).then(&calendar_path(&id)))
}

#[derive(Template)]
#[template(path = "schedule/form.html")]
struct FormPage {
    page: Page,
    form: Form,
    session: SessionRow,
    facts: Vec<(String, String)>,
    commissions: Vec<(String, String)>,
    action: String,
    hidden: Vec<(String, String)>,
    removal: Option<(String, i32)>,
    usual_site: String,
    first_day: String,
    last_day: String,
    open: bool,
}

/// The candidate and épreuve of a slot, or of one that is still missing.
struct Subject {
    registration: String,
    epreuve: i32,
    name: String,
    number: String,
    slot: Option<SlotView>,
}

fn missing_of(conn: &mut Conn, session: &SessionRow, registration: &str, epreuve: i32) -> Stored<Subject> {
    let one = schedule::list_missing(conn, session)?
        .into_iter()
        .find(|one| one.registration_id == registration && one.epreuve == epreuve)
        .ok_or(StoreError::NotFound)?;
    Ok(Subject {
        registration: one.registration_id,
        epreuve,
        name: one.candidate_name,
        number: one.candidate_number,
        slot: None,
    })
}

/// What the address names: a slot, or a candidate and an épreuve.
#[derive(Clone)]
enum Target {
    Slot(String),
    Missing(String, i32),
}

fn subject_of(conn: &mut Conn, session: &SessionRow, target: &Target) -> Stored<Subject> {
    match target {
        Target::Missing(registration, epreuve) => missing_of(conn, session, registration, *epreuve),
        Target::Slot(slot) => {
            let view = schedule::get_slot(conn, &session.id, slot)?;
            Ok(Subject {
                registration: view.slot.registration_id.clone(),
                epreuve: view.slot.epreuve,
                name: view.candidate_name.clone(),
                number: view.candidate_number.clone(),
                slot: Some(view),
            })
        }
    }
}

async fn form_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    target: Target,
    form: Option<Form>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, academy, subject, commissions, title, minutes, usual_site) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ManageSchedule)?;
            let academy = academy_of(&session)?;
            let subject = subject_of(conn, &session, &target)?;
            let (title, minutes, site) = schedule::describe(conn, &session, &subject.registration, subject.epreuve)?;
            let commissions = jury::list_commissions(conn, &session.id)?;
            Ok((session, academy, subject, commissions, title, minutes, site))
        })
        .await?;
    let mut facts = vec![
        ("Candidat".to_owned(), format!("{} ({})", subject.name, subject.number)),
        ("Épreuve".to_owned(), format!("{} – {title}", subject.epreuve)),
        ("Durée pour ce candidat".to_owned(), format!("{minutes} minutes, préparation comprise")),
    ];
    if let Some(view) = &subject.slot {
        facts.push(("Passage actuel".to_owned(), academy.show(view.slot.starts_at.0)));
    }
    let form = form.unwrap_or_else(|| subject.slot.as_ref().map_or_else(Form::empty, |view| typed(academy, view)));
    let refused = form.is_refused();
    let heading = if subject.slot.is_some() { "Déplacer un passage" } else { "Placer un passage" };
    let page = page_of(shell, &session, heading)
        .under("Calendrier des épreuves", &calendar_path(&session.id))
        .with_errors(refused);
    let base = calendar_path(&session.id);
    let template = FormPage {
        page,
        form,
        facts,
        commissions: commissions.into_iter().map(|row| (row.id, row.label)).collect(),
        action: subject
            .slot
            .as_ref()
            .map_or_else(|| format!("{base}/nouveau"), |view| format!("{base}/{}", view.slot.id)),
        hidden: match &subject.slot {
            Some(view) => vec![("version".to_owned(), view.slot.version.to_string())],
            None => vec![
                ("candidat".to_owned(), subject.registration.clone()),
                ("epreuve".to_owned(), subject.epreuve.to_string()),
            ],
        },
        removal: subject.slot.as_ref().map(|view| (format!("{base}/{}/retrait", view.slot.id), view.slot.version)),
        usual_site,
        first_day: french_weekday_date(session.epreuves_from.0),
        last_day: french_weekday_date(session.epreuves_to.0),
        open: may_change(&session),
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// What stands, as a form shows it.
fn typed(academy: &Academy, view: &SlotView) -> Form {
    let local = academy.local(view.slot.starts_at.0);
    Form::filled([
        ("jour", local.date().to_string()),
        ("heure", local.strftime("%H:%M").to_string()),
        ("commission", view.slot.commission_id.clone()),
        ("lieu", view.slot.site.clone()),
        ("salle", view.slot.room.clone()),
    ])
}

/// What was typed, as instants and places; the UAI goes with the place it was known for.
struct Typed {
    starts: DateTime,
    commission: String,
    site: String,
    room: String,
}

fn read(reading: &mut Reading) -> Option<Typed> {
    let day = reading.required("jour", "Indiquez le jour du passage.", |text| {
        text.parse::<Date>().map_err(|_| "Indiquez le jour sous la forme AAAA-MM-JJ.")
    });
    let hour = reading.required("heure", "Indiquez l’heure de début.", |text| {
        text.parse::<jiff::civil::Time>().map_err(|_| "Indiquez l’heure sous la forme 14:30.")
    });
    let commission = reading.text("commission", "Choisissez la commission.", 60);
    let site = reading.free_text("lieu", 150);
    let room = reading.free_text("salle", 60);
    Some(Typed { starts: day?.to_datetime(hour?), commission: commission?, site: site?, room: room? })
}

/// The field a refusal of the rules is about.
fn field_of(code: &str) -> &'static str {
    match code {
        "outside_period" => "jour",
        "candidate_busy" => "heure",
        "room_busy" | "place_too_long" => "salle",
        "session_state" | "already_evaluated" | "not_admitted" | "mark_kept" | "already_placed" => "jour",
        _ => "commission",
    }
}

async fn new(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let target = missing_target(&asked)?;
    form_page(&app, &shell, &actor, id, target, None).await
}

fn missing_target(asked: &RawForm) -> Result<Target, AppError> {
    let epreuve = asked.trimmed("epreuve").parse().map_err(|_| AppError::not_found())?;
    Ok(Target::Missing(asked.trimmed("candidat").to_owned(), epreuve))
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, slot)): Path<(String, String)>,
) -> Result<Response, AppError> {
    form_page(&app, &shell, &actor, id, Target::Slot(slot), None).await
}

async fn place(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let target = missing_target(&raw)?;
    save(app, shell, actor, id, target, 0, raw).await
}

async fn change(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, slot)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("La version du passage manque : rechargez la page."))?;
    save(app, shell, actor, id, Target::Slot(slot), version, raw).await
}

async fn save(
    app: AppState,
    shell: Shell,
    actor: CurrentActor,
    id: String,
    target: Target,
    version: i32,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let typed = read(&mut reading);
    let mut form = reading.into_form();
    if let Some(typed) = typed.filter(|_| !form.is_refused()) {
        let (session_id, of, who) = (id.clone(), target.clone(), actor.0.clone());
        let saved = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| {
                let session = own_session(tx.conn, &who, &session_id, Action::ManageSchedule)?;
                let subject = subject_of(tx.conn, &session, &of)?;
                let starts_at = match academy_of(&session)?.instant(typed.starts) {
                    Ok(at) => at,
                    Err(no) => {
                        return Err(crate::domain::refusal::Refusal::new("candidate_busy", no.to_string()).into());
                    }
                };
                // A place left as it was keeps its UAI; one typed anew has none, unless it is the usual one.
                let uai = subject
                    .slot
                    .as_ref()
                    .filter(|view| view.slot.site == typed.site)
                    .and_then(|view| view.slot.uai.clone());
                let usual = schedule::describe(tx.conn, &session, &subject.registration, subject.epreuve)?.2;
                let site = if typed.site == usual { String::new() } else { typed.site };
                match of {
                    Target::Slot(slot) => {
                        let to = Move { commission: typed.commission, starts_at, site, uai, room: typed.room };
                        schedule::move_slot(tx, &slot, version, &to).map(|_| starts_at)
                    }
                    Target::Missing(registration, epreuve) => {
                        let asked = Placement {
                            registration,
                            epreuve,
                            commission: typed.commission,
                            starts_at,
                            site,
                            uai,
                            room: typed.room,
                        };
                        schedule::place(tx, &session_id, &asked).map(|_| starts_at)
                    }
                }
            })
            .await;
        match saved {
            Ok(_) => {
                let back = format!("{}?jour={}", calendar_path(&id), typed_day(&form));
                return Ok(Flash::success("Le passage est enregistré.").then(&back));
            }
            Err(StoreError::Refused(no)) => form.refuse(field_of(no.code), no.to_string()),
            Err(StoreError::Conflict(sentence)) => return Err(AppError::changed_meanwhile(sentence)),
            Err(other) => return Err(other.into()),
        }
    }
    form_page(&app, &shell, &actor, id, target, Some(form)).await
}

/// The day typed, when it reads as one: it goes into an address.
fn typed_day(form: &Form) -> String {
    form.value("jour").trim().parse::<Date>().map(|day| day.to_string()).unwrap_or_default()
}

async fn remove(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, slot)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version: i32 = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("La version du passage manque : rechargez la page."))?;
    let session_id = id.clone();
    app.db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            schedule::get_slot(tx.conn, &session_id, &slot)?;
            schedule::remove_slot(tx, &slot, version)
        })
        .await?;
    Ok(Flash::success("Le passage est retiré : il reste à placer.").then(&calendar_path(&id)))
}
