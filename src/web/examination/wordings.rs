//! The wordings of an academy: sentences its officers use for refusing and asking, with the places the program fills.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading, Wording};
use super::super::page::{self, CurrentActor, Flash, Page, Shell};
use crate::domain::examination::wording::{LONGEST, PLACES, WordingKind, fill};
use crate::domain::permission::OFFICE;
use crate::store::examination::wordings::{self, WordingRow};
use crate::store::{Lock, StoreError};

struct Line {
    row: WordingRow,
    kind: &'static str,
}

#[derive(Template)]
#[template(path = "examination/wordings.html")]
struct WordingsPage {
    page: Page,
    form: Form,
    lines: Vec<Line>,
    kinds: Vec<(String, String)>,
    academies: Vec<(String, String)>,
    places: &'static [(&'static str, &'static str)],
    /// The wording being changed.
    changed: Option<String>,
}

/// The wordings of one kind, their places filled, ready for a field.
#[must_use]
pub fn fill_wordings(rows: &[WordingRow], kind: WordingKind, values: &[(&str, &str)]) -> Vec<Wording> {
    rows.iter()
        .filter(|row| row.kind == kind.as_str())
        .map(|row| Wording { id: row.id.clone(), title: row.title.clone(), text: fill(&row.body, values) })
        .collect()
}

fn academies_of(actor: &CurrentActor) -> Vec<String> {
    actor.academies(OFFICE).into_iter().map(str::to_owned).collect()
}

pub async fn list(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    wordings_page(&app, &shell, &actor, None, Form::empty()).await
}

pub async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let (codes, wanted) = (academies_of(&actor), id.clone());
    let row = app.db.read(move |conn| wordings::get_wording(conn, &codes, &wanted)).await?;
    let form = Form::filled([("titre", row.title), ("texte", row.body), ("version", row.version.to_string())]);
    wordings_page(&app, &shell, &actor, Some(id), form).await
}

async fn wordings_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    changed: Option<String>,
    form: Form,
) -> Result<Response, AppError> {
    let codes = academies_of(actor);
    let held = codes.clone();
    let rows = app.db.read(move |conn| wordings::list_wordings(conn, &held)).await?;
    let lines = rows
        .into_iter()
        .map(|row| Line { kind: WordingKind::from_word(&row.kind).map_or("", WordingKind::label), row })
        .collect();
    let refused = form.is_refused();
    let page = match &changed {
        Some(_) => shell.page("Modifier un modèle").under("Gestion", "/gestion").under("Modèles", "/gestion/modeles"),
        None => shell.page("Modèles").heading("Modèles de motifs et de messages").under("Gestion", "/gestion"),
    };
    let template = WordingsPage {
        page: page.wide().with_errors(refused),
        form,
        lines,
        kinds: WordingKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect(),
        academies: codes
            .into_iter()
            .map(|code| {
                let name = crate::domain::academy::Academy::find(&code).map(|academy| academy.full_name());
                (code, name.unwrap_or_default())
            })
            .collect(),
        places: PLACES,
        changed,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

pub async fn add(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let codes = academies_of(&actor);
    let mut reading = Reading::of(raw);
    let kind = reading.required("genre", "Choisissez à quoi sert le modèle.", |text| {
        WordingKind::from_word(text).ok_or("Choisissez dans la liste.")
    });
    let title = reading.text("titre", "Donnez un titre au modèle.", 80);
    let body = reading.text("texte", "Écrivez le texte du modèle.", LONGEST);
    let code = match codes.as_slice() {
        [one] => Some(one.clone()),
        many => reading.required("academie", "Choisissez l’académie.", |text| {
            many.iter().find(|code| *code == text).cloned().ok_or("Choisissez dans la liste.")
        }),
    };
    let mut form = reading.into_form();
    if let (Some(kind), Some(title), Some(body), Some(code)) = (kind, title, body, code) {
        let done =
            app.db.write(&actor, Lock::House, move |tx| wordings::add_wording(tx, &code, kind, &title, &body)).await;
        match done {
            Ok(_) => return Ok(Flash::success("Le modèle est enregistré.").then("/gestion/modeles")),
            Err(StoreError::Refused(no)) => form.refuse(field_of(no.code), no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    wordings_page(&app, &shell, &actor, None, form).await
}

/// The field a refusal is about.
fn field_of(code: &str) -> &'static str {
    if matches!(code, "wording_title" | "wording_taken") { "titre" } else { "texte" }
}

pub async fn change(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let title = reading.text("titre", "Donnez un titre au modèle.", 80);
    let body = reading.text("texte", "Écrivez le texte du modèle.", LONGEST);
    let version = reading.required("version", "Rechargez la page\u{a0}: la version du modèle manque.", |text| {
        text.parse::<i32>().map_err(|_| "Rechargez la page\u{a0}: la version du modèle est illisible.")
    });
    let mut form = reading.into_form();
    if let (Some(title), Some(body), Some(version)) = (title, body, version) {
        let wording = id.clone();
        let done = app
            .db
            .write(&actor, Lock::House, move |tx| wordings::change_wording(tx, &wording, version, &title, &body))
            .await;
        match done {
            Ok(()) => return Ok(Flash::success("Le modèle est modifié.").then("/gestion/modeles")),
            Err(StoreError::Refused(no)) => form.refuse(field_of(no.code), no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    wordings_page(&app, &shell, &actor, Some(id), form).await
}

pub async fn drop(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    app.db.write(&actor, Lock::House, move |tx| wordings::drop_wording(tx, &id)).await?;
    Ok(Flash::success("Le modèle est supprimé.").then("/gestion/modeles"))
}
