//! Mission letters from the record: written with their split, drawn to be signed, and the signed copies attached.
//! Each letter is a version; none replaces another.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{MANAGES, SEES, day, get_managed, write};
use crate::domain::framework::Framework;
use crate::domain::mission::Share;
use crate::domain::permission::{Action, Object, may};
use crate::office::mission::draw_letter;
use crate::store::framework::list_frameworks;
use crate::store::mission::{Letter, NewLetter, NewSigned, attach_signed, get_letter, list_letters, write_letter};
use crate::store::people::PersonRow;
use crate::store::reference::get_framework;
use crate::store::{Conn, StoreError, Stored};
use crate::web::AppState;
use crate::web::download::attached;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use crate::web::routes::Routes;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/personnels/{id}/lettres", SEES, show)
        .post("/personnels/{id}/lettres", MANAGES, create)
        .get("/personnels/{id}/lettres/{letter}/projet", SEES, draft)
        .upload("/personnels/{id}/lettres/{letter}/exemplaires", MANAGES, attach)
        .get("/personnels/{id}/lettres/{letter}/exemplaires/{copy}", SEES, copy)
}

#[derive(Template)]
#[template(path = "staff/letters.html")]
struct LettersPage {
    page: Page,
    person: PersonRow,
    letters: Vec<Letter>,
    framework: String,
    /// Families to split between: field, name.
    families: Vec<(String, String)>,
    form: Form,
    /// The letter whose copy was refused, and its form.
    copy: (String, Form),
    can_manage: bool,
}

impl LettersPage {
    fn copy_form(&self, letter: &Letter) -> Form {
        if self.copy.0 == letter.row.id { self.copy.1.clone() } else { Form::empty() }
    }
}

fn latest(conn: &mut Conn) -> Stored<Option<Framework>> {
    match list_frameworks(conn)?.first() {
        Some(latest) => Ok(Some(get_framework(conn, &latest.id)?)),
        None => Ok(None),
    }
}

async fn load(
    state: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: &str,
    form: Form,
    copy: (String, Form),
) -> Result<LettersPage, AppError> {
    let person = get_managed(state, actor, Action::SeeStaff, id).await?;
    let of = id.to_owned();
    let (letters, framework) = state.db.read(move |conn| Ok((list_letters(conn, &of)?, latest(conn)?))).await?;
    let is_refused = form.is_refused() || copy.1.is_refused();
    Ok(LettersPage {
        page: shell
            .page("Lettres de mission")
            .under("Personnels", "/personnels")
            .under(&person.shown_name(), &format!("/personnels/{id}"))
            .with_errors(is_refused),
        can_manage: may(actor, Action::ManageStaff, Object::academy(&person.academy_code)),
        families: framework
            .iter()
            .flat_map(|own| own.families.iter())
            .map(|family| (format!("part_{}", family.code), family.label.clone()))
            .collect(),
        framework: framework.map(|own| own.id).unwrap_or_default(),
        person,
        letters,
        form,
        copy,
    })
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    html(&load(&state, &shell, &actor, &id, Form::empty(), Default::default()).await?)
}

async fn create(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let framework_id = raw.get("referentiel").to_owned();
    let codes: Vec<String> =
        raw.fields().filter_map(|(name, _)| name.strip_prefix("part_")).map(str::to_owned).take(50).collect();
    let mut read = Reading::of(raw);
    let starts_on = read.required("debut", "Indiquez le premier jour.", day);
    let ends_on = read.required("fin", "Indiquez le dernier jour.", day);
    let place = read.text("lieu", "Indiquez le lieu d’exercice.", 150);
    let missions = read.text("missions", "Décrivez les missions confiées.", 4_000);
    let shares: Option<Vec<Share>> = codes
        .iter()
        .map(|code| {
            let share = read.optional(&format!("part_{code}"), |text| {
                let number = text.trim_end_matches(['%', ' ', '\u{a0}', '\u{202f}']);
                number.parse::<i32>().map_err(|_| "Une part est un nombre entier de 0 à 100, par exemple 40.")
            })?;
            Some(Share { family: code.clone(), share: share.unwrap_or(0) })
        })
        .collect::<Vec<Option<Share>>>()
        .into_iter()
        .collect();
    let new = (|| {
        Some(NewLetter {
            person_id: id.clone(),
            framework_id,
            starts_on: starts_on?,
            ends_on: ends_on?,
            place: place?,
            missions: missions?,
            shares: shares?,
        })
    })();
    let mut form = read.into_form();
    if let Some(new) = new {
        match write(&state, &actor, move |tx| write_letter(tx, &new)).await? {
            Ok(_) => {
                let done =
                    "La lettre est écrite. Imprimez le projet, faites-le signer, puis joignez l’exemplaire signé.";
                return Ok(Flash::success(done).then(&format!("/personnels/{id}/lettres")));
            }
            Err(refusal) => {
                let first = codes.first().map_or_else(|| "lieu".to_owned(), |code| format!("part_{code}"));
                let field = match refusal.code {
                    "dates_out_of_order" | "period_too_long" => "fin",
                    _ => first.as_str(),
                };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    html_to_correct(&load(&state, &shell, &actor, &id, form, Default::default()).await?)
}

async fn draft(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, letter)): Path<(String, String)>,
) -> Result<Response, AppError> {
    get_managed(&state, &actor, Action::SeeStaff, &id).await?;
    let db = state.db.clone();
    let drawn = tokio::task::spawn_blocking(move || draw_letter(&db, &id, &letter)).await;
    let (name, bytes) = drawn.map_err(|e| AppError::internal(e.to_string()))??;
    Ok(download("application/pdf", &name, bytes))
}

async fn attach(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, letter)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    get_managed(&state, &actor, Action::ManageStaff, &id).await?;
    let (of, asked) = (id.clone(), letter.clone());
    state.db.read(move |conn| get_letter(conn, &of, &asked)).await?;
    let file = raw.file("exemplaire").cloned();
    let mut read = Reading::of(raw);
    let signed_on = read.required("signee_le", "Indiquez la date de signature.", day);
    let kept = match &file {
        Some(file) => match super::copies::receive(&state, file).await? {
            Ok(kept) => Some(kept),
            Err(sentence) => {
                read.refuse("exemplaire", sentence);
                None
            }
        },
        None => {
            read.refuse("exemplaire", "Choisissez le fichier de l’exemplaire signé.");
            None
        }
    };
    let mut form = read.into_form();
    if let (Some(signed_on), Some(kept)) = (signed_on, kept) {
        let of = letter.clone();
        let new = NewSigned {
            sha256: kept.sha256,
            file_name: kept.file_name,
            content_type: kept.content_type,
            size: kept.size,
            signed_on,
        };
        match write(&state, &actor, move |tx| attach_signed(tx, &of, &new)).await? {
            Ok(_) => {
                let done = "L’exemplaire signé est joint à la lettre.";
                return Ok(Flash::success(done).then(&format!("/personnels/{id}/lettres")));
            }
            Err(refusal) => {
                let field = if refusal.code == "signature_ahead" { "signee_le" } else { "exemplaire" };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    html_to_correct(&load(&state, &shell, &actor, &id, Form::empty(), (letter, form)).await?)
}

async fn copy(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path((id, letter, copy)): Path<(String, String, String)>,
) -> Result<Response, AppError> {
    get_managed(&state, &actor, Action::SeeStaff, &id).await?;
    let found = state.db.read(move |conn| get_letter(conn, &id, &letter)).await?;
    let row = found.signed.into_iter().find(|row| row.id == copy).ok_or(StoreError::NotFound)?;
    let bytes = super::copies::bytes_of(&state, &row).await?;
    Ok(download(&row.content_type, &row.file_name, bytes))
}

fn download(content_type: &str, name: &str, bytes: Vec<u8>) -> Response {
    // Names come from people: nothing of them may leave the header.
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).take(80).collect();
    attached(content_type, &name, bytes)
}
