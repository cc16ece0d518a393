//! One member of the jury: entered, corrected, taken off. Contact details may be corrected after the signature,
//! the name and the quality may not: they stand in the order.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{AppState, jury_path};
use crate::domain::ids::{Civility, EmailAddress, Phone, Uai};
use crate::domain::permission::{Action, OFFICE};
use crate::store::jury::{self, JurorRow, NewJuror};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, reference};
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use crate::web::routes::{Gate, Routes};
use crate::web::session::{own_session, page_of};

pub(super) fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/jury/membres/nouveau", office, new)
        .post("/gestion/sessions/{id}/jury/membres/nouveau", office, add)
        .get("/gestion/sessions/{id}/jury/membres/{juror}", office, show)
        .post("/gestion/sessions/{id}/jury/membres/{juror}", office, update)
        .post("/gestion/sessions/{id}/jury/membres/{juror}/retrait", office, remove)
}

#[derive(Template)]
#[template(path = "jury/member.html")]
struct MemberPage {
    page: Page,
    form: Form,
    session: SessionRow,
    juror: Option<JurorRow>,
    qualities: Vec<(String, String)>,
    signed: bool,
    action: String,
}

async fn member_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    juror_id: Option<String>,
    form: Option<Form>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, pack, juror, signed) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ManageJury)?;
            let pack = reference::rules_of(conn, &session.regulation_id)?;
            let juror = juror_id.map(|juror| jury::get_juror(conn, &session.id, &juror)).transpose()?;
            let signed = jury::find_order(conn, &session.id)?.is_some();
            Ok((session, pack, juror, signed))
        })
        .await?;
    let form = form.unwrap_or_else(|| juror.as_ref().map_or_else(Form::empty, typed));
    let refused = form.is_refused();
    let title = juror.as_ref().map_or_else(|| "Ajouter un membre".to_owned(), JurorRow::shown_name);
    let page =
        page_of(shell, &session, &title).under("Jury et commissions", &jury_path(&session.id)).with_errors(refused);
    let template = MemberPage {
        page,
        form,
        action: format!(
            "{}/membres/{}",
            jury_path(&session.id),
            juror.as_ref().map_or("nouveau", |row| row.id.as_str())
        ),
        qualities: pack.jury.roles.iter().map(|role| (role.code.clone(), role.label.clone())).collect(),
        juror,
        signed,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// What stands, as a form shows it.
fn typed(row: &JurorRow) -> Form {
    let some = |value: &Option<String>| value.clone().unwrap_or_default();
    Form::filled([
        ("civilite", row.civility.clone()),
        ("nom", row.last_name.clone()),
        ("prenom", row.first_names.clone()),
        ("courriel", row.email.clone()),
        ("telephone", some(&row.phone)),
        ("qualite", row.quality.clone()),
        ("uai", some(&row.uai)),
        ("etablissement", some(&row.school_name)),
    ])
}

fn read(raw: RawForm) -> (Form, Option<NewJuror>) {
    let mut reading = Reading::of(raw);
    let civility = reading.required("civilite", "Choisissez la civilité.", Civility::parse);
    let name = reading.text("nom", "Indiquez le nom.", 100);
    let first_names = reading.text("prenom", "Indiquez le prénom.", 100);
    let email = reading.required(
        "courriel",
        "Indiquez l’adresse électronique : la convocation y est envoyée.",
        EmailAddress::parse,
    );
    let phone = reading.optional("telephone", Phone::parse);
    let role = reading.text("qualite", "Choisissez en quelle qualité cette personne siège.", 60);
    let uai = reading.optional("uai", Uai::parse);
    let school = reading.free_text("etablissement", 150);
    let form = reading.into_form();
    let new = (|| {
        Some(NewJuror {
            civility: civility?,
            name: name?,
            first_names: first_names?,
            email: email?,
            phone: phone?,
            role: role?,
            uai: uai?,
            school_name: school.filter(|text| !text.is_empty()),
        })
    })();
    (form, new)
}

/// The field a refusal of the store is about.
fn field_of(code: &str) -> &'static str {
    match code {
        "role_unknown" => "qualite",
        "jury_signed" => "nom",
        _ => "courriel",
    }
}

async fn new(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    member_page(&app, &shell, &actor, id, None, None).await
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, juror)): Path<(String, String)>,
) -> Result<Response, AppError> {
    member_page(&app, &shell, &actor, id, Some(juror), None).await
}

async fn add(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    save(app, shell, actor, id, None, raw).await
}

async fn update(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, juror)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    save(app, shell, actor, id, Some(juror), raw).await
}

async fn save(
    app: AppState,
    shell: Shell,
    actor: CurrentActor,
    id: String,
    juror: Option<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (mut form, new) = read(raw);
    if let Some(new) = new.filter(|_| !form.is_refused()) {
        let (session_id, of) = (id.clone(), juror.clone());
        let saved = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| match of {
                Some(juror) => jury::update_juror(tx, &session_id, &juror, &new),
                None => jury::add_juror(tx, &session_id, &new).map(|_| ()),
            })
            .await;
        match saved {
            Ok(()) => return Ok(Flash::success("Le membre du jury est enregistré.").then(&jury_path(&id))),
            Err(StoreError::Refused(no)) => form.refuse(field_of(no.code), no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    member_page(&app, &shell, &actor, id, juror, Some(form)).await
}

async fn remove(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, juror)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let (session_id, of) = (id.clone(), juror.clone());
    match app.db.write(&actor, Lock::Session(id.clone()), move |tx| jury::remove_juror(tx, &session_id, &of)).await {
        Ok(()) => Ok(Flash::success("Cette personne ne fait plus partie du jury.").then(&jury_path(&id))),
        Err(StoreError::Refused(no)) => {
            let mut form = Form::empty();
            form.refuse("retrait", no.to_string());
            member_page(&app, &shell, &actor, id, Some(juror), Some(form)).await
        }
        Err(other) => Err(other.into()),
    }
}
