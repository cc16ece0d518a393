//! What a candidate sees: their files as a time line, what is missing, their result once it is public, their documents.
//! The open page of registration is in `self_check`, what the office waits for in `asked`.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::certificate::attachment;
use super::error::AppError;
use super::outbox::note_opened;
use super::page::{self, CurrentActor, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::shown_instant;
use crate::domain::academy::Academy;
use crate::domain::ids::Mark;
use crate::domain::permission::{OFFICE, Role};
use crate::domain::registration::draft::{Standing, Step, standings};
use crate::office::{acknowledgement, documents as office};
use crate::store::deliberation::CandidateLine;
use crate::store::examination::requests::{self as store_requests, RequestView};
use crate::store::registration::{self, FileView, OPEN_STATES};
use crate::store::{
    Stored, certificate, correction, documents, draft, examination, message, outbox, publication, schedule,
};

mod asked;
mod plan;
mod self_check;
mod timeline;
mod withdrawal;

use asked::{Request, Wanted};
use plan::Plan;
use timeline::{TimeStep, next_date, time_line};

const CANDIDATE: Gate = Gate::Roles(&[Role::Candidate]);

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/inscription", Gate::Public, self_check::show)
        .get("/mon-dossier", CANDIDATE, files)
        .get("/mon-dossier/{registration}/retrait", CANDIDATE, withdrawal::confirm)
        .post("/mon-dossier/{registration}/retrait", CANDIDATE, withdrawal::withdraw)
        .get("/mon-dossier/{registration}/seance", CANDIDATE, plan::show)
        .post("/mon-dossier/{registration}/seance", CANDIDATE, plan::save)
        .get("/gestion/sessions/{id}/dossiers/{registration}/seance", Gate::Roles(OFFICE), plan::show_office)
        .post("/gestion/sessions/{id}/dossiers/{registration}/seance", Gate::Roles(OFFICE), plan::save_office)
        .get("/mon-dossier/{registration}/{document}", CANDIDATE, document)
}

struct Passage {
    label: String,
    when: String,
    place: String,
}

struct FileCard {
    id: String,
    title: String,
    number: String,
    tone: Tone,
    status: String,
    steps: Vec<TimeStep>,
    missing: Vec<Wanted>,
    requests: Vec<Request>,
    /// Whether pieces may still be sent.
    takes_pieces: bool,
    /// A withdrawn file whose session still takes registrations.
    may_register_again: bool,
    plan: Plan,
    passages: Vec<Passage>,
    kept: Vec<String>,
    result: Option<ResultCard>,
    documents: Vec<(String, &'static str)>,
    can_withdraw: bool,
    refusal: Option<String>,
    unread: i64,
    next: String,
}

/// A draft to take up again, or to read once it is too late.
struct DraftCard {
    id: String,
    title: String,
    saved: String,
    closes: String,
    is_open: bool,
    waits: bool,
    progress: String,
    unread: i64,
}

struct ResultCard {
    title: String,
    marks: Vec<String>,
    sentences: Vec<String>,
    law: String,
}

#[derive(Template)]
#[template(path = "candidate/index.html")]
struct FilesPage {
    page: Page,
    cards: Vec<FileCard>,
    drafts: Vec<DraftCard>,
    /// Corrections asked: none when no record is tied to the account; how many wait else.
    corrections: Option<i64>,
}

/// What is read for one file, in one transaction.
struct Loaded {
    view: FileView,
    result: Option<CandidateLine>,
    slots: Vec<schedule::SlotView>,
    has_convocation: bool,
    certificate: Option<String>,
    unread: i64,
    claims: Vec<draft::ClaimRow>,
    grounds: HashMap<String, String>,
    requests: Vec<RequestView>,
    plan: Plan,
    may_register_again: bool,
}

async fn files(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    let now = app.clock().now();
    let address = actor.email.clone();
    let (loaded, drafts, corrections, waits) = app
        .db
        .read(move |conn| {
            let mut loaded = Vec::new();
            let files = registration::list_files_of_user(conn, &user_id)?;
            let drafts = draft::list_of_user(conn, &user_id, now)?;
            let ids: Vec<String> = files
                .iter()
                .map(|view| view.registration.id.clone())
                .chain(drafts.iter().map(|view| view.draft.id.clone()))
                .collect();
            let unread = message::count_unread(conn, &ids, message::Side::Candidate)?;
            // What only some files need is asked for them alone: this page is read all day by everyone.
            let is_withdrawn = |view: &FileView| view.registration.state == "withdrawn";
            let choices = if files.iter().any(is_withdrawn) { draft::list_choices(conn, now)? } else { Vec::new() };
            for view in files {
                let claims = draft::list_claims(conn, &view.registration.id)?;
                let grounds = if view.pieces.iter().any(|(_, _, state)| state == "refused") {
                    examination::list_reasons(conn, &view.registration.id)?
                } else {
                    HashMap::new()
                };
                let plan = plan::standing(conn, &view, &claims)?;
                let convened = view.session.state.is_convened();
                let slots =
                    if convened { schedule::slots_of_registration(conn, &view.registration.id)? } else { Vec::new() };
                let result = publication::find_public_result(conn, &view.session, &view.registration.id)?;
                // A certificate exists only once the result is public.
                let issued = match &result {
                    Some(_) => certificate::find_of_registration(conn, &view.registration.id)?,
                    None => None,
                };
                let has_convocation =
                    convened && documents::find_line(conn, "convocation", &view.registration.id)?.is_some();
                loaded.push(Loaded {
                    slots,
                    result,
                    has_convocation,
                    certificate: issued.map(|row| row.number),
                    unread: unread.get(&view.registration.id).copied().unwrap_or(0),
                    claims,
                    grounds,
                    requests: store_requests::list_requests(conn, &view.registration.id)?,
                    plan,
                    may_register_again: is_withdrawn(&view)
                        && choices.iter().any(|choice| choice.id == view.session.id),
                    view,
                });
            }
            let drafts: Vec<DraftCard> = drafts
                .into_iter()
                .map(|view| draft_card(&view, unread.get(&view.draft.id).copied().unwrap_or(0)))
                .collect();
            let person = match loaded.first() {
                Some(loaded) => Some(loaded.view.person.id.clone()),
                None => correction::find_own_person(conn, &user_id)?.map(|person| person.id),
            };
            let corrections = person.map(|id| correction::count_waiting_of(conn, &id)).transpose()?;
            let waits = outbox::count_unread_to(conn, &address, "/mon-dossier")?;
            Ok((loaded, drafts, corrections, waits))
        })
        .await?;
    note_opened(&app, &actor, "/mon-dossier", waits).await?;
    let cards = loaded.into_iter().map(|loaded| card(loaded, now)).collect();
    let page = shell.page("Mon dossier");
    page::html(&FilesPage { page, cards, drafts, corrections })
}

fn draft_card(view: &draft::DraftView, unread: i64) -> DraftCard {
    let counted: Vec<_> = standings(&view.answers, &view.context())
        .into_iter()
        .filter(|(step, standing)| *step != Step::Pieces && *standing != Standing::NotNeeded)
        .collect();
    let done = counted.iter().filter(|(_, standing)| *standing == Standing::Done).count();
    DraftCard {
        id: view.draft.id.clone(),
        title: super::draft::title_of(&view.session),
        saved: shown_instant(&view.session, view.draft.updated_at.0),
        closes: shown_instant(&view.session, view.session.registration_closes_at.0),
        is_open: view.is_open,
        waits: view.waits_for_check,
        progress: format!("{done} sur {}", counted.len()),
        unread,
    }
}

fn card(loaded: Loaded, now: jiff::Timestamp) -> FileCard {
    let Loaded {
        view,
        result,
        slots,
        has_convocation,
        certificate,
        unread,
        claims,
        grounds,
        requests,
        plan,
        may_register_again,
    } = loaded;
    let (session, file) = (&view.session, &view.registration);
    let academy = Academy::find(&session.academy_code).map(|academy| academy.full_name()).unwrap_or_default();
    let outcome = view.decision.as_ref().and_then(|decision| decision.outcome.clone());
    // The candidate is told what is decided, never what is only proposed.
    let (tone, status) = match file.state.as_str() {
        "withdrawn" => (Tone::Neutral, "Candidature retirée"),
        "refused" => (Tone::Error, "Inscription refusée"),
        "admitted" => (Tone::Success, "Admis à se présenter"),
        _ => (Tone::Info, "En cours d’examen"),
    };
    let refusal = (file.state == "refused" && outcome.as_deref() == Some("refused"))
        .then(|| view.decision.as_ref().and_then(|decision| decision.reasons.clone()))
        .flatten();
    let shown = result.as_ref().and_then(|line| {
        let explained = line.explained.as_ref()?;
        Some(ResultCard {
            title: format!("Vous êtes {}", explained.outcome.agreed(&view.person.civility)),
            marks: line
                .evaluations
                .iter()
                .map(|row| {
                    let mark = row.mark.map_or_else(
                        || "absence".to_owned(),
                        |mark| format!("{} sur 20", Mark::from_hundredths(mark).shown()),
                    );
                    let kept = row
                        .origin_year
                        .map(|year| format!(", note conservée de la session {year}"))
                        .unwrap_or_default();
                    format!("Épreuve {} : {mark}{kept}", row.epreuve)
                })
                .collect(),
            sentences: explained.sentences.clone(),
            law: explained.law.clone(),
        })
    });
    let mut offered = Vec::new();
    if file.source == "form" {
        offered.push((format!("/mon-dossier/{}/accuse-reception.pdf", file.id), "Accusé de réception (PDF)"));
    }
    if outcome.is_some() {
        offered.push((format!("/mon-dossier/{}/decision.pdf", file.id), "Lettre de décision (PDF)"));
    }
    if has_convocation {
        offered.push((format!("/mon-dossier/{}/convocation.pdf", file.id), "Convocation (PDF)"));
        offered.push((format!("/mon-dossier/{}/convocation.ics", file.id), "Convocation (calendrier)"));
    }
    if shown.is_some() {
        offered.push((format!("/mon-dossier/{}/releve.pdf", file.id), "Relevé de notes (PDF)"));
    }
    if certificate.is_some() {
        offered.push((format!("/mon-dossier/{}/certificat.pdf", file.id), "Certificat (PDF)"));
    }
    FileCard {
        id: file.id.clone(),
        title: format!("Session {} – {academy}", session.year),
        number: file.number.clone(),
        tone,
        status: status.to_owned(),
        steps: time_line(session, file.state.as_str(), file.submitted_at.0, certificate.is_some(), now),
        missing: asked::wanted(&view, &grounds),
        requests: asked::requests(&view, &requests, now),
        takes_pieces: OPEN_STATES.contains(&session.state) && file.state != "withdrawn",
        may_register_again,
        plan,
        passages: slots
            .iter()
            .map(|slot| Passage {
                label: format!("Épreuve {}", slot.slot.epreuve),
                when: shown_instant(session, slot.slot.starts_at.0),
                place: format!("{}, {}", slot.slot.site, slot.slot.room),
            })
            .collect(),
        kept: view
            .kept_marks
            .iter()
            .map(|row| {
                format!(
                    "Épreuve {} : {} sur 20, de la session {}",
                    row.epreuve,
                    Mark::from_hundredths(row.mark).shown(),
                    row.origin_year
                )
            })
            .chain(claims.iter().map(|claim| {
                let state = match claim.state.as_str() {
                    "accepted" => "retenue".to_owned(),
                    "refused" => format!(
                        "non retenue, vous passez donc cette épreuve\u{a0}: {}",
                        claim.reason.as_deref().unwrap_or_default()
                    ),
                    _ => "à vérifier par le bureau sur votre relevé".to_owned(),
                };
                format!(
                    "Épreuve {} : {} sur 20, de la session {} – {state}",
                    claim.epreuve,
                    Mark::from_hundredths(claim.mark).shown(),
                    claim.origin_year
                )
            }))
            .collect(),
        result: shown,
        documents: offered,
        can_withdraw: OPEN_STATES.contains(&session.state) && file.state == "submitted",
        refusal,
        unread,
        next: next_date(session, now),
    }
}

async fn own_file(app: &AppState, actor: &CurrentActor, registration_id: String) -> Result<FileView, AppError> {
    let user_id = actor.user_id.clone();
    let files = app.db.read(move |conn| registration::list_files_of_user(conn, &user_id)).await?;
    files.into_iter().find(|view| view.registration.id == registration_id).ok_or_else(AppError::not_found)
}

async fn document(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((registration_id, name)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let view = own_file(&app, &actor, registration_id).await?;
    let db = app.db.clone();
    let found = tokio::task::spawn_blocking(move || -> Stored<Option<documents::DocumentRow>> {
        let id = &view.registration.id;
        match name.as_str() {
            "accuse-reception.pdf" if view.registration.source == "form" => {
                acknowledgement::document(&db, id).map(Some)
            }
            "convocation.pdf" => db.read_now(|conn| documents::find_document(conn, "convocation", id)),
            "convocation.ics" => db.read_now(|conn| documents::find_document(conn, "convocation_ics", id)),
            // Both refuse by themselves before publication, whoever asks.
            "releve.pdf" => office::transcript_document(&db, &view.session, id),
            "certificat.pdf" => {
                let issued = db.read_now(|conn| match publication::find_public_result(conn, &view.session, id)? {
                    Some(_) => certificate::find_of_registration(conn, id),
                    None => Ok(None),
                })?;
                issued.map(|row| office::certificate_document(&db, &row)).transpose()
            }
            _ => Ok(None),
        }
    })
    .await
    .map_err(AppError::internal)??;
    found.map(attachment).ok_or_else(AppError::not_found)
}
