//! The registration form, one question a page: choosing the session, the list of tasks, abandoning.
//! The steps are in `step`, the answers read over and submitted in `review`, their wording in `answers`.
//! Whatever is typed is kept; what it is worth is said by `domain::registration::draft`.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::french::capital;
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::shown_instant;
use crate::domain::academy::Academy;
use crate::domain::permission::Role;
use crate::domain::registration::draft::{Answers, DAYS, Standing, Step, Typed, standings};
use crate::store::draft::{self as store, DraftView};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, message, pieces, reference};

mod answers;
mod review;
mod step;

pub(super) use answers::listed;

pub(super) const CANDIDATE: Gate = Gate::Roles(&[Role::Candidate]);

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/inscription/commencer", CANDIDATE, choose)
        .post("/inscription/commencer", CANDIDATE, start)
        .get("/inscription/{draft}", CANDIDATE, tasks)
        .get("/inscription/{draft}/abandon", CANDIDATE, confirm_abandon)
        .post("/inscription/{draft}/abandon", CANDIDATE, abandon)
        .get("/inscription/{draft}/verification", CANDIDATE, review::show)
        .post("/inscription/{draft}/depot", CANDIDATE, review::submit)
        .get("/inscription/{draft}/{step}", CANDIDATE, step::show)
        .post("/inscription/{draft}/{step}", CANDIDATE, step::save)
        .get("/mon-dossier/{registration}/depot", CANDIDATE, review::receipt)
}

/// How the office is reached, on the pages that send people to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Contact {
    pub service: String,
    pub phone: String,
    pub email: String,
}

pub(super) async fn contact(app: &AppState, academy_code: &str) -> Result<Contact, AppError> {
    let code = academy_code.to_owned();
    let row = app.db.read(move |conn| reference::get_academy(conn, &code)).await?;
    Ok(Contact { service: row.service, phone: row.phone, email: row.email })
}

/// « Session 2028 – académie de Limoges ».
pub(super) fn title_of(session: &SessionRow) -> String {
    let academy = Academy::find(&session.academy_code).map(Academy::full_name).unwrap_or_default();
    format!("Session {} – {academy}", session.year)
}

pub(super) async fn own(app: &AppState, actor: &CurrentActor, draft: String) -> Result<DraftView, AppError> {
    let user = actor.user_id.clone();
    let now = app.clock().now();
    Ok(app.db.read(move |conn| store::get_own(conn, &user, &draft, now)).await?)
}

/// The fields of a step, as they were sent.
pub(super) fn typed_in(raw: &RawForm, step: Step) -> Typed {
    let mut typed = Typed::new();
    for (name, value) in raw.fields().filter(|(name, _)| step.has_field(name)) {
        typed.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    typed
}

/// The same, for showing them again.
pub(super) fn flat(typed: &Typed) -> Vec<(String, String)> {
    typed.iter().flat_map(|(name, values)| values.iter().map(move |value| (name.clone(), value.clone()))).collect()
}

/// The first value of a field of a step.
pub(super) fn first<'a>(answers: &'a Answers, step: Step, field: &str) -> &'a str {
    answers
        .typed(step)
        .and_then(|typed| typed.get(field))
        .and_then(|values| values.first())
        .map_or("", |value| value.trim())
}

/// Where the session of épreuve 1 takes place until one says otherwise.
pub(super) const fn own_host(in_service: bool) -> &'static str {
    if in_service { "autre" } else { "mon_etablissement" }
}

/// The days that one may tick.
pub(super) fn days() -> Vec<(String, String)> {
    DAYS.iter().map(|day| ((*day).to_owned(), capital(day))).collect()
}

pub(super) fn page_of(shell: &Shell, view: &DraftView, title: &str) -> Page {
    shell
        .page(title)
        .under("Mon dossier", "/mon-dossier")
        .under(&format!("Inscription à la session {}", view.session.year), &format!("/inscription/{}", view.draft.id))
}

#[derive(Template)]
#[template(path = "draft/choose.html")]
struct ChoosePage {
    page: Page,
    form: Form,
    /// (identifier, title, deadline), the academies one may choose among.
    sessions: Vec<(String, String)>,
}

async fn choose(State(app): State<AppState>, shell: Shell) -> Result<Response, AppError> {
    choose_page(&app, &shell, Form::empty()).await
}

async fn choose_page(app: &AppState, shell: &Shell, form: Form) -> Result<Response, AppError> {
    let now = app.clock().now();
    let rows = app.db.read(move |conn| store::list_choices(conn, now)).await?;
    let sessions = rows
        .into_iter()
        .map(|row| {
            let until = shown_instant(&row, row.registration_closes_at.0);
            (row.id.clone(), format!("{}, jusqu’au {until}", title_of(&row)))
        })
        .collect();
    let refused = form.is_refused();
    let page = shell
        .page("Choisir une session")
        .under("Mon dossier", "/mon-dossier")
        .heading("Dans quelle académie vous inscrivez-vous ?")
        .with_errors(refused);
    let template = ChoosePage { page, form, sessions };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn start(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let session = raw.trimmed("session").to_owned();
    let mut form = Form::from_raw(raw);
    if session.is_empty() {
        form.refuse("session", "Choisissez la session de votre académie.");
        return choose_page(&app, &shell, form).await;
    }
    let wanted = session.clone();
    match app.db.write(&actor, Lock::Session(session), move |tx| store::start(tx, &wanted)).await {
        Ok(id) => Ok(page::see_other(&format!("/inscription/{id}"))),
        Err(StoreError::Refused(no)) => {
            form.refuse("session", no.to_string());
            choose_page(&app, &shell, form).await
        }
        Err(StoreError::NotFound) => {
            form.refuse("session", "Cette session n’est plus proposée : choisissez dans la liste.");
            choose_page(&app, &shell, form).await
        }
        Err(other) => Err(other.into()),
    }
}

struct Task {
    label: &'static str,
    href: String,
    tone: Tone,
    status: &'static str,
    hint: &'static str,
}

#[derive(Template)]
#[template(path = "draft/tasks.html")]
struct TasksPage {
    page: Page,
    draft: String,
    title: String,
    closes: String,
    saved: String,
    groups: Vec<(&'static str, Vec<Task>)>,
    done: usize,
    total: usize,
    ready: bool,
    waits_for_check: bool,
    contact: Contact,
    unread: i64,
}

/// How many of the pieces asked for have a file.
fn pieces_status(handed_in: usize, asked: usize) -> (Tone, &'static str) {
    match handed_in {
        _ if handed_in == asked => (Tone::Success, "Déposées"),
        0 => (Tone::Info, "À fournir"),
        _ => (Tone::Info, "En partie déposées"),
    }
}

async fn tasks(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(draft): Path<String>,
) -> Result<Response, AppError> {
    let view = own(&app, &actor, draft).await?;
    if !view.is_open {
        return closed_page(&app, &shell, &view, Vec::new(), false).await;
    }
    let contact = contact(&app, &view.session.academy_code).await?;
    let (id, who) = (view.draft.id.clone(), actor.0.clone());
    let (handed_in, asked) = app
        .db
        .read(move |conn| {
            let holder = pieces::get_own_holder(conn, &who, &id)?;
            let views = pieces::list_pieces(conn, &holder)?;
            Ok((views.iter().filter(|piece| !piece.files.is_empty()).count(), views.len()))
        })
        .await?;
    let id = view.draft.id.clone();
    let unread = app
        .db
        .read(move |conn| message::count_unread(conn, std::slice::from_ref(&id), message::Side::Candidate))
        .await?
        .get(&view.draft.id)
        .copied()
        .unwrap_or(0);
    let all = standings(&view.answers, &view.context());
    let counted: Vec<&(Step, Standing)> =
        all.iter().filter(|(step, standing)| *step != Step::Pieces && *standing != Standing::NotNeeded).collect();
    let done = counted.iter().filter(|(_, standing)| *standing == Standing::Done).count();
    let task = |step: Step| {
        let standing = all.iter().find(|(other, _)| *other == step).map_or(Standing::Todo, |(_, standing)| *standing);
        let (tone, status) = match standing {
            Standing::Done => (Tone::Success, "Complété"),
            Standing::Faulty => (Tone::Error, "En erreur"),
            Standing::NotNeeded => (Tone::Neutral, "Sans objet"),
            Standing::Todo if step == Step::Pieces => pieces_status(handed_in, asked),
            Standing::Todo => (Tone::Warning, "À compléter"),
        };
        let href = if standing == Standing::NotNeeded {
            String::new()
        } else if step == Step::Pieces {
            format!("/mon-dossier/{}/pieces", view.draft.id)
        } else {
            format!("/inscription/{}/{step}", view.draft.id)
        };
        let hint = match step {
            Step::Action if standing == Standing::NotNeeded => "Vous conservez la note de l’épreuve 1.",
            Step::Accommodation => "La mesure seule : le motif médical ne se dit jamais ici.",
            Step::Pieces => "Vous pourrez aussi les déposer après, depuis « Mon dossier ».",
            _ => "",
        };
        Task { label: step.label(), href, tone, status, hint }
    };
    let groups = vec![
        ("Vous", [Step::Identity, Step::Posting, Step::Situation, Step::Training].map(task).into_iter().collect()),
        ("Les épreuves", [Step::Kept, Step::Action, Step::Accommodation].map(task).into_iter().collect()),
        ("Les pièces", [Step::Pieces].map(task).into_iter().collect()),
    ];
    let page =
        shell.page(&format!("Inscription à la session {}", view.session.year)).under("Mon dossier", "/mon-dossier");
    page::html(&TasksPage {
        page,
        title: title_of(&view.session),
        closes: shown_instant(&view.session, view.session.registration_closes_at.0),
        saved: shown_instant(&view.session, view.draft.updated_at.0),
        ready: done == counted.len(),
        done,
        total: counted.len(),
        groups,
        waits_for_check: view.waits_for_check,
        contact,
        draft: view.draft.id,
        unread,
    })
}

#[derive(Template)]
#[template(path = "draft/closed.html")]
struct ClosedPage {
    page: Page,
    title: String,
    closed_on: String,
    contact: Contact,
    sections: Vec<answers::Section>,
    /// What had just been typed when the deadline passed.
    lost: Vec<(String, String)>,
}

/// Too late: what was written stays readable, with whom to ask.
pub(super) async fn closed_page(
    app: &AppState,
    shell: &Shell,
    view: &DraftView,
    lost: Vec<(String, String)>,
    is_act: bool,
) -> Result<Response, AppError> {
    let contact = contact(app, &view.session.academy_code).await?;
    let page = shell
        .page(&format!("Inscription à la session {}", view.session.year))
        .under("Mon dossier", "/mon-dossier")
        .heading("Les inscriptions sont closes");
    let template = ClosedPage {
        page,
        title: title_of(&view.session),
        closed_on: shown_instant(&view.session, view.session.registration_closes_at.0),
        contact,
        sections: answers::sections(view),
        lost,
    };
    if is_act { page::html_with(axum::http::StatusCode::CONFLICT, &template) } else { page::html(&template) }
}

#[derive(Template)]
#[template(path = "draft/abandon.html")]
struct AbandonPage {
    page: Page,
    draft: String,
    title: String,
}

async fn confirm_abandon(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(draft): Path<String>,
) -> Result<Response, AppError> {
    let view = own(&app, &actor, draft).await?;
    let page = page_of(&shell, &view, "Abandonner ce brouillon");
    page::html(&AbandonPage { page, title: title_of(&view.session), draft: view.draft.id })
}

async fn abandon(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(draft): Path<String>,
) -> Result<Response, AppError> {
    let view = own(&app, &actor, draft).await?;
    let id = view.draft.id;
    app.db.write(&actor, Lock::Session(view.session.id), move |tx| store::abandon(tx, &id)).await?;
    Ok(Flash::success("Votre brouillon est effacé.").then("/mon-dossier"))
}
