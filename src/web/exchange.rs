//! Spreadsheets of an academy on their way in and out: people, schools, certificates and marks from before; templates to
//! fill. The steps of an import are the same for all, and for the imports of a session: they stand in `steps`.

mod columns;
mod steps;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};

use self::steps::Import;
use super::AppState;
use super::download;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, CurrentActor, Page, Shell};
use super::routes::{Gate, Routes};
use super::staff::{academies_for, academy_name, chosen_academy, in_any};
use crate::domain::exchange::{ImportKind, template};
use crate::domain::permission::{Action, Object, may, roles_for};
use crate::store::exchange::{self, Place};
use crate::store::export::Exported;

pub(super) use self::steps::session_routes;

const IMPORTERS: Gate = Gate::Roles(roles_for(Action::RecordHolder));

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/personnels/imports", IMPORTERS, index)
        .get("/personnels/imports/{what}", IMPORTERS, upload_form)
        .upload("/personnels/imports/{what}", IMPORTERS, upload)
        .get("/personnels/imports/{what}/{draft}", IMPORTERS, preview)
        .post("/personnels/imports/{what}/{draft}", IMPORTERS, write)
        .get("/personnels/imports/{what}/{draft}/colonnes", IMPORTERS, show_columns)
        .post("/personnels/imports/{what}/{draft}/colonnes", IMPORTERS, name_columns)
        .get("/personnels/exports/{file}", IMPORTERS, download_list)
        .get("/modeles/{file}", IMPORTERS, download_template)
}

const HOUSE: &[ImportKind] = &[ImportKind::Staff, ImportKind::Schools, ImportKind::Holders, ImportKind::KeptMarks];

fn house_kind(slug: &str) -> Result<ImportKind, AppError> {
    ImportKind::from_slug(slug).filter(|kind| HOUSE.contains(kind)).ok_or_else(AppError::not_found)
}

/// The import of this slug for an academy of the officer: the one asked, else the first.
fn import_of(actor: &CurrentActor, slug: &str, asked: &str) -> Result<Import, AppError> {
    let what = house_kind(slug)?;
    let academy = chosen_academy(actor, what.action(), asked)?;
    let academies = academies_for(actor, what.action());
    Ok(Import {
        what,
        place: Place::academy(&academy),
        base: format!("/personnels/imports/{slug}"),
        home: "/personnels/imports".to_owned(),
        academies: if academies.len() > 1 {
            academies.into_iter().map(|code| (code.clone(), academy_name(&code))).collect()
        } else {
            Vec::new()
        },
    })
}

/// The import a file under way belongs to, in any academy of the officer.
async fn import_under_way(app: &AppState, actor: &CurrentActor, slug: &str, draft: &str) -> Result<Import, AppError> {
    let what = house_kind(slug)?;
    let (academies, id) = (academies_for(actor, what.action()), draft.to_owned());
    let find = move |code: &str, conn: &mut _| exchange::get_draft(conn, &Place::academy(code), what, &id);
    let row = app.db.read(move |conn| in_any(&academies, |code| find(code, conn))).await?;
    import_of(actor, slug, &row.academy_code)
}

struct IndexLine {
    label: &'static str,
    href: String,
    templates: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "exchange/index.html")]
struct IndexPage {
    page: Page,
    lines: Vec<IndexLine>,
    exports: Vec<(&'static str, String, String)>,
    /// To choose from, when there are several; the first is the one shown.
    academies: Vec<(String, String)>,
    academy: String,
}

fn templates_of(kind: ImportKind) -> Vec<(String, String)> {
    ["xlsx", "ods", "csv"]
        .into_iter()
        .map(|ending| (ending.to_uppercase(), format!("/modeles/{}.{ending}", kind.slug())))
        .collect()
}

async fn index(shell: Shell, actor: CurrentActor, RawQuery(query): RawQuery) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::RecordHolder, query.get("academie"))?;
    let can = |action: Action| may(&actor, action, Object::academy(&academy));
    let lines = HOUSE
        .iter()
        .filter(|kind| can(kind.action()))
        .map(|kind| IndexLine {
            label: kind.label(),
            href: format!("/personnels/imports/{}?academie={academy}", kind.slug()),
            templates: templates_of(*kind),
        })
        .collect();
    let mut exports = Vec::new();
    for what in [Exported::Staff, Exported::Schools, Exported::Holders, Exported::KeptMarks] {
        if can(what.action()) {
            let href = |ending: &str| format!("/personnels/exports/{what}.{ending}?academie={academy}");
            exports.extend(["xlsx", "ods", "csv"].map(|ending| (what.label(), ending.to_uppercase(), href(ending))));
        }
    }
    let academies = academies_for(&actor, Action::RecordHolder);
    let academies = if academies.len() > 1 {
        academies.into_iter().map(|code| (code.clone(), academy_name(&code))).collect()
    } else {
        Vec::new()
    };
    let page = shell.page("Imports et exports").under("Personnels", "/personnels");
    page::html(&IndexPage { page, lines, exports, academies, academy })
}

fn page_under(shell: &Shell, title: &str) -> Page {
    shell.page(title).under("Personnels", "/personnels").under("Imports et exports", "/personnels/imports").wide()
}

async fn upload_form(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let import = import_of(&actor, &slug, query.get("academie"))?;
    steps::upload_page(&app, &shell, &import, Form::empty()).await
}

async fn upload(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(slug): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let import = import_of(&actor, &slug, raw.get("academie"))?;
    steps::upload(&app, &shell, &actor, &import, raw).await
}

async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let import = import_under_way(&app, &actor, &slug, &draft).await?;
    steps::preview(&app, &shell, &import, draft).await
}

async fn write(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let import = import_under_way(&app, &actor, &slug, &draft).await?;
    steps::write(&app, &shell, &actor, &import, draft, raw).await
}

async fn show_columns(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let import = import_under_way(&app, &actor, &slug, &draft).await?;
    columns::columns_page(&app, &shell, &import, draft, Form::empty()).await
}

async fn name_columns(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((slug, draft)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let import = import_under_way(&app, &actor, &slug, &draft).await?;
    columns::name_columns(&app, &shell, &actor, &import, draft, raw).await
}

async fn download_list(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (name, kind) = download::asked(&file).ok_or_else(AppError::not_found)?;
    let what = Exported::from_word(name).filter(|what| !what.is_of_a_session()).ok_or_else(AppError::not_found)?;
    let academy = chosen_academy(&actor, what.action(), query.get("academie"))?;
    download::sheet(&app, &actor, what, &academy, 0, kind).await
}

async fn download_template(actor: CurrentActor, Path(file): Path<String>) -> Result<Response, AppError> {
    let (name, kind) = download::asked(&file).ok_or_else(AppError::not_found)?;
    let what = ImportKind::from_slug(name).ok_or_else(AppError::not_found)?;
    let academies = academies_for(&actor, what.action());
    if !academies.iter().any(|academy| may(&actor, what.action(), Object::academy(academy))) {
        return Err(AppError::not_found());
    }
    let mut out = Vec::new();
    template::write(what, kind, &mut out).map_err(AppError::internal)?;
    Ok((download::headers(kind, &format!("modele-{file}")), out).into_response())
}
