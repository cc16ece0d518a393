//! The needs of an academy, by competence and level: counts only, the small ones masked, never a name.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::framework::csv_file;
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use super::super::routes::{Gate, Routes};
use super::super::staff::{chosen_academy, write};
use crate::domain::permission::{Action, Actor, roles_for};
use crate::store::competence::{MASKED_BELOW, Needs, needs, set_target};

const MANAGES: Gate = Gate::Roles(roles_for(Action::ManageTraining));
const PATH: &str = "/competences/besoins";

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().get("/competences/besoins", MANAGES, show).get("/competences/besoins.csv", MANAGES, download).post(
        "/competences/besoins/cible",
        MANAGES,
        target,
    )
}

#[derive(Template)]
#[template(path = "competence/needs.html")]
struct NeedsPage {
    page: Page,
    form: Form,
    needs: Needs,
    level_choices: Vec<(String, String)>,
    masked_below: u32,
    academy: String,
}

/// A count as it is shown.
#[must_use]
pub fn shown(count: &Option<u32>) -> String {
    count.map_or_else(|| "masqué".to_owned(), |count| count.to_string())
}

async fn read(state: &AppState, actor: &Actor, asked: &str) -> Result<(String, Needs), AppError> {
    let academy = chosen_academy(actor, Action::ManageTraining, asked)?;
    let (of, at) = (academy.clone(), state.clock().now());
    let found = state.db.read(move |conn| needs(conn, &of, at)).await?;
    Ok((academy, found))
}

fn needs_page(shell: &Shell, academy: String, needs: Needs, form: Form) -> NeedsPage {
    NeedsPage {
        page: shell
            .page("Besoins de formation de l’académie")
            .under("Compétences", "/competences")
            .with_errors(form.is_refused())
            .wide(),
        level_choices: super::LEVEL_WORDS
            .iter()
            .map(|(level, _)| (level.to_string(), super::level_label(*level)))
            .collect(),
        masked_below: MASKED_BELOW,
        form,
        needs,
        academy,
    }
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (academy, needs) = read(&state, &actor, query.get("academie")).await?;
    let level = needs.target.as_ref().map(|target| target.level.to_string()).unwrap_or_default();
    html(&needs_page(&shell, academy, needs, Form::filled([("niveau", level)])))
}

async fn target(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let academy = chosen_academy(&actor, Action::ManageTraining, raw.get("academie"))?;
    let mut read_form = Reading::of(raw);
    let level = read_form.required("niveau", "Choisissez le niveau visé.", |text| {
        text.parse::<i32>().map_err(|_| "Choisissez un niveau de 1 à 4.")
    });
    let mut form = read_form.into_form();
    if let Some(level) = level {
        let of = academy.clone();
        match write(&state, &actor, move |tx| set_target(tx, &of, level)).await? {
            Ok(()) => return Ok(Flash::success("Le niveau visé est enregistré.").then(PATH)),
            Err(refusal) => form.refuse("niveau", refusal.to_string()),
        }
    }
    let (academy, needs) = read(&state, &actor, &academy).await?;
    html_to_correct(&needs_page(&shell, academy, needs, form))
}

async fn download(
    State(state): State<AppState>,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (academy, needs) = read(&state, &actor, query.get("academie")).await?;
    let head = ["code", "competence", "niveau_1", "niveau_2", "niveau_3", "niveau_4", "ensemble", "sous_la_cible"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (code, label, line) in &needs.lines {
        let mut row = vec![code.clone(), label.clone()];
        row.extend(line.levels.iter().chain([&line.total, &line.below]).map(shown));
        rows.push(row);
    }
    csv_file(&format!("besoins-{academy}.csv"), &rows)
}
