//! The regulation as the program applies it: every legal value with its article and how sure it is.
//! What is « à vérifier » says so until an administrator of the platform validates it, with a note that stays.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::account::shown_instant;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::french::count;
use super::super::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use super::super::routes::{Gate, Routes};
use super::TABS;
use crate::domain::permission::{Action, Actor, Object, Role, may};
use crate::domain::regulation::Status;
use crate::store::Lock;
use crate::store::reference::{self, ShownValue};

/// Whoever applies the values may read them with their sources.
const READERS: Gate =
    Gate::Roles(&[Role::AcademyAdministrator, Role::PlatformAdministrator, Role::ExamOfficer, Role::ExamOfficeHead]);
const VALIDATORS: Gate = Gate::Roles(&[Role::PlatformAdministrator]);

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().get("/administration/reglement", READERS, show).post(
        "/administration/reglement/validations",
        VALIDATORS,
        validate,
    )
}

struct ValueLine {
    path: String,
    /// For the address of the line within the page.
    anchor: String,
    label: String,
    shown: String,
    law: String,
    note: String,
    tone: Tone,
    status: &'static str,
    validation: String,
    /// This reader may validate it.
    is_theirs: bool,
}

fn line(shown: ShownValue, actor: &Actor, may_validate: bool) -> ValueLine {
    let status = if shown.validation.is_some() { Status::Validated } else { shown.value.status };
    ValueLine {
        anchor: format!("valeur-{}", shown.value.path.replace('.', "-")),
        path: shown.value.path,
        label: shown.value.label,
        shown: shown.value.shown,
        law: shown.value.law,
        note: shown.value.note.unwrap_or_default(),
        tone: match status {
            Status::Confirmed => Tone::Success,
            Status::ToCheck => Tone::Warning,
            Status::Validated => Tone::Info,
        },
        status: status.label(),
        is_theirs: may_validate && status == Status::ToCheck,
        validation: shown
            .validation
            .map(|row| {
                format!(
                    "Validé par {} le {} : {}",
                    row.validated_by_name,
                    shown_instant(actor, row.validated_at.0),
                    row.note
                )
            })
            .unwrap_or_default(),
    }
}

struct PackLink {
    id: String,
    title: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "administration/regulation.html")]
struct RegulationPage {
    page: Page,
    tabs: &'static [(&'static str, &'static str)],
    form: Form,
    pack_id: String,
    pack_title: String,
    packs: Vec<PackLink>,
    to_check: String,
    has_to_check: bool,
    lines: Vec<ValueLine>,
    manages_accounts: bool,
}

async fn page_of(
    app: &AppState,
    shell: &Shell,
    actor: &Actor,
    asked: String,
    form: Form,
) -> Result<RegulationPage, AppError> {
    let (packs, current, values) = app
        .db
        .read(move |conn| {
            let packs = reference::list_regulations(conn)?;
            let current = packs.iter().find(|pack| asked.is_empty() || pack.id == asked).cloned();
            let values = match &current {
                Some(pack) => reference::list_values(conn, &pack.id)?,
                None => Vec::new(),
            };
            Ok((packs, current, values))
        })
        .await?;
    let current = current.ok_or_else(AppError::not_found)?;
    let may_validate = may(actor, Action::ManageReference, Object::house());
    let lines: Vec<ValueLine> = values.into_iter().map(|value| line(value, actor, may_validate)).collect();
    let manages_accounts = crate::domain::account::manages_accounts(actor);
    let page = shell.page("Règlement appliqué").wide().with_errors(form.is_refused());
    let left = lines.iter().filter(|line| line.tone == Tone::Warning).count();
    Ok(RegulationPage {
        // The office reads the values without having the section above them.
        page: if manages_accounts { page.under("Administration", "/administration") } else { page },
        tabs: TABS,
        form,
        to_check: count(left, "valeur à vérifier", "valeurs à vérifier"),
        has_to_check: left > 0,
        packs: packs
            .into_iter()
            .map(|pack| PackLink { is_current: pack.id == current.id, id: pack.id, title: pack.title })
            .collect(),
        pack_id: current.id,
        pack_title: current.title,
        lines,
        manages_accounts,
    })
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let page = page_of(&app, &shell, &actor, query.get("version").to_owned(), Form::empty()).await?;
    html(&page)
}

async fn validate(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (pack, path) = (raw.get("version").to_owned(), raw.get("valeur").to_owned());
    let mut read = Reading::of(raw);
    let missing =
        "Dites en une phrase d’où vient la confirmation (texte, service, date) : elle restera à côté de la valeur.";
    let Some(note) = read.text("note", missing, 500) else {
        return html_to_correct(&page_of(&app, &shell, &actor, pack, read.into_form()).await?);
    };
    let version = pack.clone();
    app.db.write(&actor, Lock::House, move |tx| reference::validate_value(tx, &pack, &path, &note)).await?;
    let version: String = form_urlencoded::byte_serialize(version.as_bytes()).collect();
    Ok(Flash::success("La valeur est validée, avec votre nom et votre note.")
        .then(&format!("/administration/reglement?version={version}")))
}
