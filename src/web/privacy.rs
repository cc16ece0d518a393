//! « Tout ce que vous détenez sur moi »: read on a page, taken away as a file; and the corrections one asks from there.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::account::shown_instant;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::outbox::note_page_opened;
use super::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use super::routes::{Gate, Routes};
use crate::domain::correction::Field;
use crate::domain::permission::Actor;
use crate::numen::NumenKeeper;
use crate::store::privacy::{self, Held};
use crate::store::{Lock, StoreError, correction};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/compte/donnees", Gate::SignedIn, show)
        .get("/compte/donnees.json", Gate::SignedIn, download)
        .post("/compte/donnees/corrections", Gate::SignedIn, ask)
}

struct Asked {
    label: &'static str,
    asked: String,
    answered: String,
    present: String,
    proposed: String,
    tone: Tone,
    state: &'static str,
    answer: String,
}

#[derive(Template)]
#[template(path = "privacy/show.html")]
struct HeldPage {
    page: Page,
    form: Form,
    held: Held,
    made: String,
    fields: Vec<(&'static str, &'static str)>,
    asked: Vec<Asked>,
}

/// The tag of a request, for its author and for the office.
pub(super) fn state_tag(state: &str) -> (Tone, &'static str) {
    match state {
        "accepted" => (Tone::Success, "acceptée"),
        "refused" => (Tone::Error, "refusée"),
        _ => (Tone::Info, "en attente"),
    }
}

/// The owner of a record reads their own NUMEN in clear.
fn open_numen(numens: &NumenKeeper) -> impl Fn(&str, &str) -> Option<String> {
    move |person, sealed| numens.open(person, sealed).ok().map(|numen| numen.in_clear().to_owned())
}

async fn page_of(app: &AppState, shell: &Shell, actor: &Actor, form: Form) -> Result<HeldPage, AppError> {
    let (now, who, numens) = (app.clock().now(), actor.clone(), app.numens.clone());
    let (held, asked, has_record) = app
        .db
        .read(move |conn| {
            let held = privacy::gather(conn, &who, now, &open_numen(&numens))?;
            let person = correction::find_own_person(conn, &who.user_id)?;
            let asked = match &person {
                Some(person) => correction::list_own_corrections(conn, &person.id)?,
                None => Vec::new(),
            };
            Ok((held, asked, person.is_some()))
        })
        .await?;
    let fields = Field::ALL.iter().filter(|_| has_record).map(|field| (field.as_str(), field.label())).collect();
    let asked = asked.into_iter().map(|row| {
        let (tone, state) = state_tag(&row.state);
        Asked {
            label: row.field.label(),
            asked: shown_instant(actor, row.asked_at.0),
            answered: row.answered_at.map(|at| shown_instant(actor, at.0)).unwrap_or_default(),
            present: row.present,
            proposed: row.proposed,
            tone,
            state,
            answer: row.answer.unwrap_or_default(),
        }
    });
    Ok(HeldPage {
        page: shell
            .page("Tout ce que vous détenez sur moi")
            .under("Mon compte", "/compte")
            .heading("Vos données")
            .with_errors(form.is_refused()),
        form,
        held,
        made: shown_instant(actor, now),
        fields,
        asked: asked.collect(),
    })
}

async fn show(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    note_page_opened(&app, &actor, "/compte/donnees").await?;
    html(&page_of(&app, &shell, &actor, Form::empty()).await?)
}

async fn download(State(app): State<AppState>, actor: CurrentActor) -> Result<Response, AppError> {
    let (now, numens) = (app.clock().now(), app.numens.clone());
    let held = app.db.read(move |conn| privacy::gather(conn, &actor, now, &open_numen(&numens))).await?;
    let text = serde_json::to_string_pretty(&held).map_err(AppError::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"mes-donnees.json\"")),
    ];
    Ok((headers, text).into_response())
}

async fn ask(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let value = raw.get("valeur").to_owned();
    let mut read = Reading::of(raw);
    let field = read.required("donnee", "Choisissez la donnée à corriger.", |word| {
        Field::from_word(word).ok_or("Choisissez la donnée à corriger dans la liste.")
    });
    let reason = read.text("motif", "Dites pourquoi, et quelle pièce le justifie.", 1000);
    let (Some(field), Some(reason)) = (field, reason) else {
        return html_to_correct(&page_of(&app, &shell, &actor, read.into_form()).await?);
    };
    match app.db.write(&actor, Lock::House, move |tx| correction::ask(tx, field, &value, &reason)).await {
        Ok(_) => Ok(Flash::success(
            "Votre demande est transmise à votre académie\u{a0}; la réponse paraîtra sur cette page, et un message vous préviendra.",
        )
        .then("/compte/donnees")),
        Err(StoreError::Refused(refused)) => {
            read.refuse("valeur", refused.to_string());
            html_to_correct(&page_of(&app, &shell, &actor, read.into_form()).await?)
        }
        Err(error) => Err(error.into()),
    }
}
