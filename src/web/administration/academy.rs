//! What an academy prints on its documents: service, contact, signatory. Documents already made keep what they said.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{ADMINISTRATION, TABS};
use crate::domain::academy::Academy;
use crate::domain::account::managed_academies;
use crate::domain::ids::{EmailAddress, Phone};
use crate::domain::permission::{Action, Object, may};
use crate::store::Lock;
use crate::store::reference::{self, AcademyContact, AcademyRow};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use crate::web::routes::Routes;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/administration/academies", ADMINISTRATION, list)
        .get("/administration/academies/{code}", ADMINISTRATION, edit)
        .post("/administration/academies/{code}", ADMINISTRATION, save)
}

struct AcademyLine {
    code: String,
    name: String,
    signatory: String,
    missing: Vec<&'static str>,
}

/// What documents would print blank.
fn missing(row: &AcademyRow) -> Vec<&'static str> {
    [
        (row.signatory_name.is_empty(), "le nom du signataire"),
        (row.email.is_empty(), "l’adresse électronique"),
        (row.phone.is_empty(), "le téléphone"),
    ]
    .into_iter()
    .filter_map(|(is_missing, what)| is_missing.then_some(what))
    .collect()
}

#[derive(Template)]
#[template(path = "administration/academies.html")]
struct ListPage {
    page: Page,
    tabs: &'static [(&'static str, &'static str)],
    lines: Vec<AcademyLine>,
}

async fn list(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let codes = managed_academies(&actor);
    let rows = app.db.read(reference::list_academies).await?;
    let lines = rows
        .into_iter()
        .filter(|row| codes.as_ref().is_none_or(|codes| codes.contains(&row.code)))
        .map(|row| AcademyLine {
            missing: missing(&row),
            code: row.code,
            name: row.name,
            signatory: row.signatory_name,
        })
        .collect();
    let page = shell
        .page("Coordonnées")
        .heading("Coordonnées et signataires")
        .under("Administration", "/administration")
        .wide();
    html(&ListPage { page, tabs: TABS, lines })
}

#[derive(Template)]
#[template(path = "administration/academy.html")]
struct EditPage {
    page: Page,
    form: Form,
    action: String,
}

fn edit_page(shell: &Shell, code: &str, form: Form) -> EditPage {
    let name = Academy::find(code).map_or_else(|| code.to_owned(), Academy::full_name);
    EditPage {
        page: shell
            .page(&name)
            .heading(&format!("Coordonnées de l’{name}"))
            .under("Administration", "/administration")
            .under("Coordonnées", "/administration/academies")
            .with_errors(form.is_refused()),
        form,
        action: format!("/administration/academies/{code}"),
    }
}

async fn edit(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(code): Path<String>,
) -> Result<Response, AppError> {
    if !may(&actor, Action::ManageUsers, Object::academy(&code)) {
        return Err(AppError::not_found());
    }
    let row = app.db.read(move |conn| reference::get_academy(conn, &code)).await?;
    let form = Form::filled([
        ("ville", row.city),
        ("service", row.service),
        ("telephone", row.phone),
        ("email", row.email),
        ("signataire", row.signatory_name),
        ("qualite", row.signatory_title),
        ("delegation", row.delegation.unwrap_or_default()),
    ]);
    html(&edit_page(&shell, &row.code, form))
}

async fn save(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(code): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    if !may(&actor, Action::ManageUsers, Object::academy(&code)) {
        return Err(AppError::not_found());
    }
    let mut read = Reading::of(raw);
    let city = read.text("ville", "Indiquez la ville du rectorat, imprimée avant la date.", 80);
    let service = read.text("service", "Indiquez le service qui organise l’examen.", 160);
    let phone = read.optional("telephone", Phone::parse);
    let email = read.optional("email", EmailAddress::parse);
    let signatory_name = read.free_text("signataire", 120);
    let signatory_title = read.text("qualite", "Indiquez la qualité du signataire.", 200);
    let delegation = read.free_text("delegation", 300);
    let (
        Some(city),
        Some(service),
        Some(phone),
        Some(email),
        Some(signatory_name),
        Some(signatory_title),
        Some(delegation),
    ) = (city, service, phone, email, signatory_name, signatory_title, delegation)
    else {
        return html_to_correct(&edit_page(&shell, &code, read.into_form()));
    };
    let contact = AcademyContact {
        city,
        service,
        // As typed: it is printed, not dialled.
        phone: phone.map_or_else(String::new, |_| read.raw().trimmed("telephone").to_owned()),
        email: email.map_or_else(String::new, |email| email.as_str().to_owned()),
        signatory_name,
        signatory_title,
        delegation: Some(delegation).filter(|text| !text.is_empty()),
    };
    let written = code.clone();
    app.db.write(&actor, Lock::House, move |tx| reference::describe_academy(tx, &written, &contact)).await?;
    Ok(Flash::success("Les coordonnées sont enregistrées. Les prochains documents les porteront.")
        .then("/administration/academies"))
}
