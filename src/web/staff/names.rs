//! Civil status that changes, and the NUMEN: both from the record, each on a page of its own. The number is masked
//! everywhere; whoever manages the record reads it by a button, and the audit chain says who did.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{MANAGES, day, get_managed, write};
use crate::domain::ids::Numen;
use crate::domain::permission::Action;
use crate::domain::staff::career::CivilStatus;
use crate::store::people::PersonRow;
use crate::store::staff::{
    FormerNameRow, NameChange, change_name, find_sealed_numen, list_former_names, record_numen, remove_numen,
    reveal_numen,
};
use crate::store::{Lock, StoreError};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use crate::web::routes::Routes;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/personnels/{id}/etat-civil", MANAGES, name)
        .post("/personnels/{id}/etat-civil", MANAGES, rename)
        .get("/personnels/{id}/numen", MANAGES, numen)
        .post("/personnels/{id}/numen", MANAGES, note_numen)
        .post("/personnels/{id}/numen/lecture", MANAGES, read_numen)
        .post("/personnels/{id}/numen/retrait", MANAGES, drop_numen)
}

#[derive(Template)]
#[template(path = "staff/name.html")]
struct NamePage {
    page: Page,
    person: PersonRow,
    form: Form,
    former: Vec<FormerNameRow>,
    civilities: &'static [(&'static str, &'static str)],
}

fn under_record(shell: &Shell, title: &str, person: &PersonRow) -> Page {
    shell
        .page(title)
        .under("Personnels", "/personnels")
        .under(&person.shown_name(), &format!("/personnels/{}", person.id))
}

async fn name_page(state: &AppState, shell: &Shell, person: PersonRow, form: Form) -> Result<NamePage, AppError> {
    let id = person.id.clone();
    let former = state.db.read(move |conn| list_former_names(conn, &id)).await?;
    let page = under_record(shell, "Changer l’état civil", &person).with_errors(form.is_refused());
    Ok(NamePage { page, person, form, former, civilities: &[("Mme", "Mme"), ("M.", "M.")] })
}

async fn name(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let form = Form::filled([
        ("version", person.version.to_string()),
        ("civilite", person.civility.clone()),
        ("nom", person.birth_name.clone()),
        ("nom_usage", person.usage_name.clone().unwrap_or_default()),
        ("prenoms", person.first_names.clone()),
    ]);
    html(&name_page(&state, &shell, person, form).await?)
}

async fn rename(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let mut read = Reading::of(raw);
    let version = read.raw().get("version").parse::<i32>().unwrap_or(person.version);
    let civility = read.required("civilite", "Indiquez la civilité.", |text| {
        ["Mme", "M."].into_iter().find(|word| *word == text).ok_or("Choisissez une réponse dans la liste.")
    });
    let birth_name = read.text("nom", "Indiquez le nom de naissance.", 100);
    let usage_name = read.free_text("nom_usage", 100);
    let first_names = read.text("prenoms", "Indiquez le ou les prénoms.", 100);
    let changed_on = read.required("change_le", "Indiquez la date du changement.", day);
    let reason = read.text("motif", "Indiquez le justificatif vu.", 300);
    let change = (|| {
        Some(NameChange {
            person_id: id.clone(),
            version,
            status: CivilStatus {
                civility: civility?.to_owned(),
                birth_name: birth_name?,
                usage_name: Some(usage_name?).filter(|name| !name.is_empty()),
                first_names: first_names?,
            },
            changed_on: changed_on?,
            reason: reason?,
        })
    })();
    let mut form = read.into_form();
    if let Some(change) = change {
        match write(&state, &actor, move |tx| change_name(tx, &change)).await? {
            Ok(()) => {
                let done = "L’état civil est changé. L’ancien nom reste sur la fiche et dans la recherche ; les certificats déjà délivrés gardent le nom qu’ils portent.";
                return Ok(Flash::success(done.replace(" ;", "\u{a0};")).then(&format!("/personnels/{id}")));
            }
            Err(refusal) => {
                let field = match refusal.code {
                    "name_ahead" | "name_before_birth" => "change_le",
                    "reason_missing" => "motif",
                    _ => "nom",
                };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    html_to_correct(&name_page(&state, &shell, person, form).await?)
}

// ---------------------------------------------------------------- NUMEN

#[derive(Template)]
#[template(path = "staff/numen.html")]
struct NumenPage {
    page: Page,
    person: PersonRow,
    form: Form,
    masked: Option<String>,
    /// In clear, right after it was asked for.
    clear: Option<String>,
}

async fn numen_page(state: &AppState, shell: &Shell, person: PersonRow, form: Form) -> Result<NumenPage, AppError> {
    let masked = masked_numen(state, &person.id).await?;
    let page = under_record(shell, "NUMEN", &person).with_errors(form.is_refused());
    Ok(NumenPage { page, person, form, masked, clear: None })
}

/// `22E•••••••ABC`, or what is wrong when the key is another one.
pub(super) async fn masked_numen(state: &AppState, person_id: &str) -> Result<Option<String>, AppError> {
    let id = person_id.to_owned();
    let sealed = state.db.read(move |conn| find_sealed_numen(conn, &id)).await?;
    Ok(sealed.map(|sealed| match state.numens.open(person_id, &sealed) {
        Ok(numen) => numen.masked(),
        Err(_) => "enregistré, illisible avec la clé de ce serveur".to_owned(),
    }))
}

async fn numen(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    html(&numen_page(&state, &shell, person, Form::empty()).await?)
}

async fn note_numen(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let mut read = Reading::of(raw);
    let numen = read.required("numen", "Saisissez le NUMEN.", Numen::parse);
    let mut form = read.into_form();
    if let Some(numen) = numen {
        let sealed = state.numens.seal(&id, &numen).map_err(|e| AppError::internal(e.to_string()))?;
        let of = id.clone();
        match write(&state, &actor, move |tx| record_numen(tx, &of, &sealed)).await? {
            Ok(()) => return Ok(Flash::success("Le NUMEN est enregistré, chiffré.").then(&format!("/personnels/{id}"))),
            Err(refusal) => form.refuse("numen", refusal.to_string()),
        }
    }
    html_to_correct(&numen_page(&state, &shell, person, form).await?)
}

async fn read_numen(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let person = get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let of = id.clone();
    let sealed = state.db.write(&actor.0, Lock::House, move |tx| reveal_numen(tx, &of)).await?;
    let numen = state.numens.open(&id, &sealed).map_err(|e| StoreError::Broken(e.to_string()))?;
    let mut page = numen_page(&state, &shell, person, Form::empty()).await?;
    page.clear = Some(numen.in_clear().to_owned());
    html(&page)
}

async fn drop_numen(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let of = id.clone();
    state.db.write(&actor.0, Lock::House, move |tx| remove_numen(tx, &of)).await?;
    Ok(Flash::success("Le NUMEN est retiré de la fiche.").then(&format!("/personnels/{id}")))
}
