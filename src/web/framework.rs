//! The framework, open to all: its tree of domains, objectives and activities, its competences, and one page per item.
//! Addresses are printed on documents and stay: `/referentiel/{version}/{code}`. What is not yet established says so.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::page::{Page, Shell, Tone, html};
use super::routes::{Gate, Routes};
use crate::domain::framework::{Competence, Framework, Item, Level};
use crate::domain::regulation::Status;
use crate::store::framework::{FrameworkVersion, list_frameworks};
use crate::store::reference::get_framework;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new().get("/referentiel", Gate::Public, latest).get("/referentiel/{version}", Gate::Public, version).get(
        "/referentiel/{version}/{code}",
        Gate::Public,
        item,
    )
}

#[derive(Template)]
#[template(path = "framework/index.html")]
struct IndexPage {
    page: Page,
    framework: Option<Framework>,
    /// The other versions.
    others: Vec<FrameworkVersion>,
    activities: usize,
    to_check: usize,
}

#[derive(Template)]
#[template(path = "framework/show.html")]
struct ItemPage {
    page: Page,
    version: String,
    framework_title: String,
    kind: &'static str,
    code: String,
    status: Status,
    note: Option<String>,
    source: String,
    source_url: Option<String>,
    levels: String,
    /// Headings of lists of other items: what it contains, what it calls on.
    lists: Vec<LinkedItems>,
}

struct LinkedItems {
    heading: &'static str,
    items: Vec<(String, String)>,
}

/// The tag of a status, none for what is established.
#[must_use]
pub fn status_tag(status: &Status) -> Option<(Tone, &'static str)> {
    match status {
        Status::Confirmed => None,
        Status::ToCheck => Some((Tone::Warning, status.label())),
        Status::Validated => Some((Tone::Success, status.label())),
    }
}

/// « académie, bassin de formation », or nothing when the source states none.
pub(super) fn levels_text(levels: &[Level]) -> String {
    levels.iter().map(|level| level.label()).collect::<Vec<_>>().join(", ")
}

impl IndexPage {
    /// The label of a competence, for the links of an activity.
    fn competence(&self, code: &str) -> &str {
        let found = self.framework.iter().flat_map(Framework::competences).find(|own| own.code == code);
        found.map_or("", |competence| competence.label.as_str())
    }

    fn version_id(&self) -> &str {
        self.framework.as_ref().map_or("", |framework| framework.id.as_str())
    }
}

async fn latest(State(state): State<AppState>, shell: Shell) -> Result<Response, AppError> {
    let (framework, versions) = state
        .db
        .read(|conn| {
            let versions = list_frameworks(conn)?;
            let framework = versions.first().map(|latest| get_framework(conn, &latest.id)).transpose()?;
            Ok((framework, versions))
        })
        .await?;
    index(shell.page("Référentiel d’activités et de compétences"), framework, versions)
}

async fn version(State(state): State<AppState>, shell: Shell, Path(id): Path<String>) -> Result<Response, AppError> {
    let (framework, versions) =
        state.db.read(move |conn| Ok((get_framework(conn, &id)?, list_frameworks(conn)?))).await?;
    let page = shell.page(&format!("Version {}", framework.id)).under("Référentiel", "/referentiel");
    index(page, Some(framework), versions)
}

fn index(page: Page, framework: Option<Framework>, versions: Vec<FrameworkVersion>) -> Result<Response, AppError> {
    let shown = framework.as_ref().map_or("", |framework| framework.id.as_str());
    let others = versions.into_iter().filter(|version| version.id != shown).collect();
    let items = || framework.iter().flat_map(Framework::items);
    html(&IndexPage {
        page,
        activities: framework.iter().flat_map(Framework::activities).count(),
        to_check: items().filter(|item| item.status() == Status::ToCheck).count(),
        others,
        framework,
    })
}

async fn item(
    State(state): State<AppState>,
    shell: Shell,
    Path((version, code)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let framework = state.db.read(move |conn| get_framework(conn, &version)).await?;
    let item = framework.find(&code).ok_or_else(AppError::not_found)?;
    let root = format!("/referentiel/{}", framework.id);
    let mut page = shell
        .page(&format!("{} {}", item.code(), item.label()))
        .heading(item.label())
        .under("Référentiel", "/referentiel")
        .under(&format!("Version {}", framework.id), &root);
    for parent in parents(&framework, item.code()) {
        page = page.under(&format!("{} {}", parent.code(), parent.label()), &format!("{root}/{}", parent.code()));
    }
    let source = framework.source(item.source());
    html(&ItemPage {
        page,
        version: framework.id.clone(),
        framework_title: framework.title.clone(),
        kind: item.kind(),
        code: item.code().to_owned(),
        status: item.status(),
        note: item.note().map(str::to_owned),
        source: source.map_or_else(|| item.source().to_owned(), |source| source.label.clone()),
        source_url: source.and_then(|source| source.url.clone()),
        levels: match item {
            Item::Activity(activity) => levels_text(&activity.levels),
            _ => String::new(),
        },
        lists: linked(&framework, item),
    })
}

/// Items above a code of the tree, the widest first: `D1.O1.A1` stands under `D1` and `D1.O1`.
fn parents<'f>(framework: &'f Framework, code: &str) -> Vec<Item<'f>> {
    let cuts = code.char_indices().filter(|(_, letter)| *letter == '.');
    cuts.filter_map(|(at, _)| framework.find(code.get(..at)?)).collect()
}

fn linked(framework: &Framework, item: Item<'_>) -> Vec<LinkedItems> {
    let pair = |code: &str, label: &str| (code.to_owned(), label.to_owned());
    let named = |codes: &[String]| -> Vec<(String, String)> {
        codes.iter().filter_map(|code| framework.find(code)).map(|item| pair(item.code(), item.label())).collect()
    };
    let competences = |found: Vec<&Competence>| found.iter().map(|own| pair(&own.code, &own.label)).collect();
    let lists = match item {
        Item::Domain(domain) => {
            vec![("Objectifs", domain.objectives.iter().map(|own| pair(&own.code, &own.label)).collect())]
        }
        Item::Objective(objective) => {
            vec![("Activités", objective.activities.iter().map(|own| pair(&own.code, &own.label)).collect())]
        }
        Item::Activity(activity) => vec![("Compétences mobilisées", named(&activity.competences))],
        Item::Competence(competence) => vec![
            (
                "Activités qui la mobilisent",
                framework
                    .activities_of_competence(&competence.code)
                    .map(|own| pair(&own.code, &own.label))
                    .collect::<Vec<_>>(),
            ),
            ("Familles de missions", named(&competence.families)),
        ],
        Item::Family(family) => {
            vec![("Compétences", competences(framework.competences_of_family(&family.code).collect()))]
        }
    };
    lists
        .into_iter()
        .filter(|(_, items): &(_, Vec<_>)| !items.is_empty())
        .map(|(heading, items)| LinkedItems { heading, items })
        .collect()
}
