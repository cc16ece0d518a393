//! The framework, open to all: its tree and its matrix, narrowed as one likes, its versions side by side, one page per item.
//! Addresses are printed on documents and stay: `/referentiel/{version}/{code}`, also for items a later version dropped.

mod compare;
mod import;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

pub use compare::tone as change_tone;

use super::AppState;
use super::download::attached;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{Page, Shell, Tone, html};
use super::routes::{Gate, Routes};
use crate::domain::framework::mapping::{Fate, MappingKind};
use crate::domain::framework::{Activity, Competence, Framework, Item, Level, Narrowing, TEMPLATE};
use crate::domain::permission::{Action, Object, may};
use crate::domain::regulation::Status;
use crate::domain::table::CsvWriter;
use crate::store::framework::{
    FrameworkVersion, Lineage, find_mapping, latest as latest_framework, lineage, list_frameworks,
};
use crate::store::reference::get_framework;
use crate::store::{Conn, StoreError, Stored};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/referentiel", Gate::Public, latest)
        .get("/referentiel/modele.csv", Gate::Public, template_csv)
        .get("/referentiel/modele.json", Gate::Public, template_json)
        .merge(compare::routes())
        .get("/referentiel/{version}", Gate::Public, version)
        .get("/referentiel/{version}/{code}", Gate::Public, item)
        .merge(import::routes())
}

type Choices = Vec<(String, String)>;

/// What the reader chose in the address.
struct View {
    form: Form,
    narrowing: Narrowing,
    is_matrix: bool,
}

impl View {
    fn of(query: RawForm) -> Self {
        let code = |name: &str| query.trimmed(name).chars().take(60).collect::<String>();
        let narrowing = Narrowing {
            domain: code("domaine"),
            objective: code("objectif"),
            level: match query.trimmed("niveau") {
                "" => None,
                word => Some(Level::from_word(word)),
            },
            competence: code("competence"),
            words: code("activite"),
        };
        View { is_matrix: query.get("vue") == "matrice", narrowing, form: Form::from_raw(query) }
    }
}

#[derive(Template)]
#[template(path = "framework/index.html")]
struct IndexPage {
    page: Page,
    framework: Option<Framework>,
    /// The same, with the activities that the filters keep.
    narrowed: Option<Framework>,
    is_narrowed: bool,
    is_matrix: bool,
    form: Form,
    domains: Choices,
    objectives: Choices,
    levels: Choices,
    competences: Choices,
    /// The other versions.
    others: Vec<FrameworkVersion>,
    activities: usize,
    shown: usize,
    to_check: usize,
    can_manage: bool,
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
    /// What it is in the versions after this one, and was in those before.
    later: Vec<Destiny>,
    earlier: Vec<(String, String)>,
    /// The version in which it no longer stands; empty while it does.
    gone_from: String,
}

/// What an item became in a later version.
struct Destiny {
    version: String,
    kind: &'static str,
    reason: String,
    /// (code, wording) in that version.
    items: Choices,
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

/// The word of a change of version, for templates.
#[must_use]
fn kind_word(kind: Option<MappingKind>) -> &'static str {
    kind.map_or("repris", MappingKind::label)
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

    /// Activities of one domain at one level, in the narrowed framework.
    fn at<'a>(&self, domain: &'a crate::domain::framework::Domain, level: &Option<Level>) -> Vec<&'a Activity> {
        let activities = domain.objectives.iter().flat_map(|objective| &objective.activities);
        activities
            .filter(|activity| match level {
                Some(level) => activity.levels.contains(level),
                None => activity.levels.is_empty(),
            })
            .collect()
    }

    fn calls_on(&self, activity: &Activity, code: &str) -> bool {
        activity.competences.iter().any(|own| own == code)
    }
}

/// The columns of the second matrix: each level, then what the source does not state.
fn columns() -> Vec<(Option<Level>, &'static str)> {
    Level::ALL.iter().map(|level| (Some(*level), level.label())).chain([(None, "non précisé")]).collect()
}

async fn latest(State(state): State<AppState>, shell: Shell, RawQuery(query): RawQuery) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (framework, versions) = state.db.read(|conn| Ok((latest_framework(conn)?, list_frameworks(conn)?))).await?;
    index(shell.page("Référentiel d’activités et de compétences"), &shell, framework, versions, query)
}

async fn version(
    State(state): State<AppState>,
    shell: Shell,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (framework, versions) =
        state.db.read(move |conn| Ok((get_framework(conn, &id)?, list_frameworks(conn)?))).await?;
    match query.get("format") {
        "csv" => return csv_file(&format!("{}.csv", framework.id), &framework.rows()),
        "json" => return json_file(&format!("{}.json", framework.id), &framework),
        _ => {}
    }
    let page = shell.page(&format!("Version {}", framework.id)).under("Référentiel", "/referentiel");
    index(page, &shell, Some(framework), versions, query)
}

fn index(
    page: Page,
    shell: &Shell,
    framework: Option<Framework>,
    versions: Vec<FrameworkVersion>,
    query: RawForm,
) -> Result<Response, AppError> {
    let view = View::of(query);
    let shown = framework.as_ref().map_or("", |framework| framework.id.as_str());
    let others = versions.into_iter().filter(|version| version.id != shown).collect();
    let items = || framework.iter().flat_map(Framework::items);
    let named = |item: Item<'_>| (item.code().to_owned(), format!("{} – {}", item.code(), item.label()));
    let of_kind = |kind: &str| items().filter(|item| item.kind() == kind).map(named).collect::<Choices>();
    let narrowed = framework.as_ref().map(|framework| framework.narrowed(&view.narrowing));
    let mut levels: Choices =
        Level::ALL.iter().map(|level| (level.as_str().to_owned(), level.label().to_owned())).collect();
    levels.push(("non-precise".to_owned(), "non précisé par la source".to_owned()));
    html(&IndexPage {
        page: if view.is_matrix { page.wide() } else { page },
        domains: of_kind("domaine"),
        objectives: of_kind("objectif"),
        competences: of_kind("compétence"),
        levels,
        activities: framework.iter().flat_map(Framework::activities).count(),
        shown: narrowed.iter().flat_map(Framework::activities).count(),
        to_check: items().filter(|item| item.status() == Status::ToCheck).count(),
        is_narrowed: !view.narrowing.is_empty(),
        is_matrix: view.is_matrix,
        form: view.form,
        narrowed,
        others,
        can_manage: shell.actor.as_ref().is_some_and(|actor| may(actor, Action::ManageReference, Object::house())),
        framework,
    })
}

/// A spreadsheet as a download; names are ours and need no escaping.
pub(super) fn csv_file<R: AsRef<[String]>>(name: &str, rows: &[R]) -> Result<Response, AppError> {
    let mut bytes = Vec::new();
    let mut writer = CsvWriter::new(&mut bytes).map_err(AppError::internal)?;
    for row in rows {
        writer.row(row.as_ref().iter().map(String::as_str)).map_err(AppError::internal)?;
    }
    writer.finish().map_err(AppError::internal)?;
    Ok(attached("text/csv; charset=utf-8", name, bytes))
}

fn json_file(name: &str, framework: &Framework) -> Result<Response, AppError> {
    let text = serde_json::to_vec_pretty(framework).map_err(AppError::internal)?;
    Ok(attached("application/json", name, text))
}

async fn template_csv() -> Result<Response, AppError> {
    let rows: Vec<[String; 8]> = TEMPLATE.iter().map(|row| row.map(str::to_owned)).collect();
    csv_file("modele-referentiel.csv", &rows)
}

/// The shipped version, as a complete example of the JSON form.
async fn template_json() -> Result<Response, AppError> {
    let framework = Framework::embedded().map_err(AppError::internal)?;
    json_file("modele-referentiel.json", &framework)
}

// ---------------------------------------------------------------- one item

/// An item where it stands: in the version asked, or in the last earlier version that had it.
struct Found {
    framework: Framework,
    /// The version asked, when the item no longer stands there.
    gone_from: Option<Framework>,
    code: String,
    later: Vec<Destiny>,
    earlier: Vec<(String, String)>,
}

fn find_item(conn: &mut Conn, version: &str, code: &str) -> Stored<Found> {
    let asked = get_framework(conn, version)?;
    // Oldest first.
    let mut order: Vec<String> = list_frameworks(conn)?.into_iter().map(|own| own.id).collect();
    order.reverse();
    let at = order.iter().position(|id| *id == asked.id).unwrap_or(0);
    let mut standing = None;
    if asked.find(code).is_none() {
        for id in order.iter().take(at).rev() {
            let earlier = get_framework(conn, id)?;
            if earlier.find(code).is_some() {
                standing = Some(earlier);
                break;
            }
        }
        if standing.is_none() {
            return Err(StoreError::NotFound);
        }
    }
    let (framework, gone_from) = match standing {
        Some(earlier) => (earlier, Some(asked)),
        None => (asked, None),
    };
    let code = framework.find(code).map(|item| item.code().to_owned()).ok_or(StoreError::NotFound)?;
    let from = order.iter().position(|id| *id == framework.id).unwrap_or(0);
    let mut later = Vec::new();
    for id in order.iter().skip(from + 1) {
        later.extend(destiny(conn, &framework.id, &code, id)?);
    }
    let lineage: Lineage = lineage(conn, &framework.id)?;
    let earlier = lineage.ancestors(&code).into_iter().map(|(id, code)| (id.to_owned(), code.to_owned())).collect();
    Ok(Found { framework, gone_from, code, later, earlier })
}

/// What an item became in a later version, through every version between.
fn destiny(conn: &mut Conn, from: &str, code: &str, to: &str) -> Stored<Option<Destiny>> {
    let line = lineage(conn, to)?;
    let Some(fate) = line.fate(from, code) else { return Ok(None) };
    let target = get_framework(conn, to)?;
    // Between neighbours the recorded kind is known; further on only what remains is.
    let recorded = find_mapping(conn, from, to)?.and_then(|mapping| mapping.kind(code));
    Ok(Some(match fate {
        Fate::Dropped(reason) => Destiny {
            version: to.to_owned(),
            kind: kind_word(Some(MappingKind::Dropped)),
            reason: reason.clone(),
            items: Vec::new(),
        },
        Fate::Became(codes) => Destiny {
            version: to.to_owned(),
            kind: kind_word(recorded),
            reason: String::new(),
            items: codes
                .iter()
                .filter_map(|code| target.find(code))
                .map(|item| (item.code().to_owned(), item.label().to_owned()))
                .collect(),
        },
    }))
}

async fn item(
    State(state): State<AppState>,
    shell: Shell,
    Path((version, code)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let found = state.db.read(move |conn| find_item(conn, &version, &code)).await?;
    let framework = found.framework;
    let item = framework.find(&found.code).ok_or_else(AppError::not_found)?;
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
        later: found.later,
        earlier: found.earlier,
        gone_from: found.gone_from.map(|own| own.id).unwrap_or_default(),
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
