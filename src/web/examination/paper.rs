//! « Saisir un dossier papier », and « Compléter le dossier »: the import's line as a form, with the import's own checks.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, RawForm};
use super::super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::super::session::{own_session, page_of};
use super::file::back;
use crate::domain::academy::{Academy, french_date};
use crate::domain::ids::FrenchDate;
use crate::domain::permission::Action;
use crate::store::examination::paper::{self, field_of, line_of};
use crate::store::registration::{self, OPEN_STATES};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, reference};

#[derive(Template)]
#[template(path = "examination/paper.html")]
struct PaperPage {
    page: Page,
    form: Form,
    action: String,
    cancel: String,
    /// A file that stands already: its identity is shown, and not typed.
    standing: Option<(String, i32)>,
    corps_hint: String,
    status_hint: String,
    departments: Vec<(String, String)>,
    open: bool,
    received_hint: String,
}

pub async fn new(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    paper_page(&app, &shell, &actor, id, None, None, Form::filled([("formation", "N")])).await
}

async fn paper_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    registration_id: Option<String>,
    query: Option<String>,
    mut form: Form,
) -> Result<Response, AppError> {
    let (who, wanted) = (actor.0.clone(), registration_id.clone());
    let (session, view, pack) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ExamineFiles)?;
            let view = match &wanted {
                Some(file) => {
                    let view = registration::get_file(conn, &session.academy_code, file)?;
                    if view.session.id != session.id {
                        return Err(StoreError::NotFound);
                    }
                    Some(view)
                }
                None => None,
            };
            let pack = reference::rules_of(conn, &session.regulation_id)?;
            Ok((session, view, pack))
        })
        .await?;
    let refused = form.is_refused();
    let academy = Academy::find(&session.academy_code);
    let day = |at: jiff::Timestamp| academy.map(|academy| french_date(academy.date(at))).unwrap_or_default();
    let names = |aliases: &[crate::domain::regulation::Alias]| -> Vec<String> {
        aliases.iter().filter_map(|alias| alias.names.first().cloned()).collect()
    };
    let base = format!("/gestion/sessions/{}/dossiers", session.id);
    let page = match &view {
        Some(view) => page_of(shell, &session, "Compléter le dossier")
            .under("Dossiers", &base)
            .under(
                &format!("Dossier {}", view.registration.number),
                &back(&session.id, &view.registration.id, query.as_deref()),
            )
            .heading(&format!("Compléter le dossier {} – {}", view.registration.number, view.person.shown_name())),
        None => page_of(shell, &session, "Saisir un dossier papier").under("Dossiers", &base),
    };
    let suffix =
        query.as_deref().filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
    let standing = view.as_ref().map(|view| {
        let person = &view.person;
        let sentence = format!("{}, {}", person.letter_name(), french_date(person.birth_date.0));
        (sentence, view.registration.version)
    });
    if let Some(view) = view.as_ref().filter(|_| !refused) {
        for (name, value) in paper::fields_of(&view.registration, &view.person) {
            form.start(name, value);
        }
        form.start("version", view.registration.version.to_string());
    }
    let template = PaperPage {
        page: page.with_errors(refused),
        form,
        action: match &view {
            Some(view) => format!("{base}/{}/correction{suffix}", view.registration.id),
            None => format!("{base}/saisie"),
        },
        cancel: match &view {
            Some(view) => back(&session.id, &view.registration.id, query.as_deref()),
            None => base,
        },
        standing,
        corps_hint: format!("Par exemple\u{a0}: {}.", names(&pack.corps).join(", ")),
        status_hint: format!("Par exemple\u{a0}: {}.", names(&pack.statuses).join(", ")),
        departments: academy
            .map(|academy| academy.departments.iter().map(|code| (code.clone(), code.clone())).collect())
            .unwrap_or_default(),
        open: OPEN_STATES.contains(&session.state),
        received_hint: format!(
            "JJ/MM/AAAA, jour de réception ou cachet de la poste. Inscriptions du {} au {}.",
            day(session.registration_opens_at.0),
            day(session.registration_closes_at.0)
        ),
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

pub async fn enter(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut form = Form::from_raw(raw.clone());
    let received = match FrenchDate::parse(raw.trimmed("recu")) {
        Ok(day) => Some(day.date()),
        Err(_) => {
            form.refuse("recu", "Indiquez le jour de réception sous la forme JJ/MM/AAAA.");
            None
        }
    };
    let table = line_of(|name| raw.trimmed(name).to_owned());
    let session_id = id.clone();
    let done = match received {
        Some(received) => {
            app.db
                .write(&actor, Lock::Session(id.clone()), move |tx| {
                    paper::enter_paper_file(tx, &session_id, &table, received)
                })
                .await
        }
        None => Ok(Err(Vec::new())),
    };
    match done {
        Ok(Ok(file)) => Ok(Flash::success("Le dossier est enregistré.").then(&back(&id, &file, None))),
        Ok(Err(findings)) => {
            refuse_all(&mut form, &findings);
            paper_page(&app, &shell, &actor, id, None, None, form).await
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("recu", no.to_string());
            paper_page(&app, &shell, &actor, id, None, None, form).await
        }
        Err(other) => Err(other.into()),
    }
}

fn refuse_all(form: &mut Form, findings: &[crate::domain::table::Finding]) {
    for finding in findings {
        form.refuse(field_of(finding), finding.message.clone());
    }
    if !form.is_refused() {
        form.refuse("nom", "Le dossier n’a pas pu être lu\u{a0}: vérifiez chaque champ.");
    }
}

pub async fn edit(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    paper_page(&app, &shell, &actor, id, Some(registration_id), query, Form::empty()).await
}

pub async fn complete(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let version: i32 = raw
        .trimmed("version")
        .parse()
        .map_err(|_| AppError::bad_request("La version du dossier manque\u{a0}: rechargez la page."))?;
    let mut form = Form::from_raw(raw.clone());
    let (file, session_id, who) = (registration_id.clone(), id.clone(), actor.0.clone());
    let done = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let session: SessionRow = own_session(tx.conn, &who, &session_id, Action::ExamineFiles)?;
            registration::must_be_of(tx.conn, &file, &session.id)?;
            paper::complete_file(tx, &file, version, |name| raw.trimmed(name).to_owned())
        })
        .await;
    match done {
        Ok(Ok(())) => {
            Ok(Flash::success("Le dossier est complété.").then(&back(&id, &registration_id, query.as_deref())))
        }
        Ok(Err(findings)) => {
            refuse_all(&mut form, &findings);
            paper_page(&app, &shell, &actor, id, Some(registration_id), query, form).await
        }
        Err(StoreError::Refused(no)) => {
            form.refuse("corps", no.to_string());
            paper_page(&app, &shell, &actor, id, Some(registration_id), query, form).await
        }
        Err(other) => Err(other.into()),
    }
}
