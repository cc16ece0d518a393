//! The directory and what is counted over it: the list with its filters, holders by place, posts without a holder.
//! Every number of the table of places is a link to the list that it counts.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::{SEES, academies_for, chosen_academy};
use crate::domain::framework::Framework;
use crate::domain::permission::{Action, Object, may};
use crate::domain::staff::{Holding, PostingLevel};
use crate::store::Conn;
use crate::store::Stored;
use crate::store::framework::list_frameworks;
use crate::store::handover::count_received;
use crate::store::reference::get_framework;
use crate::store::staff::{
    NO_DEPARTMENT, Order, PER_PAGE, PlaceRow, Places, Posted, StaffFilter, StaffLine, Vacancy, column_filter,
    corps_called, count_places, list_departments, list_staff, list_vacancies,
};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::french::count;
use crate::web::page::{CurrentActor, Page, Pages, Shell, html};
use crate::web::routes::Routes;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().get("/personnels", SEES, index).get("/personnels/carte", SEES, places).get(
        "/personnels/besoins",
        SEES,
        vacancies,
    )
}

type Choice = (String, String);

#[derive(Template)]
#[template(path = "staff/index.html")]
struct IndexPage {
    page: Page,
    form: Form,
    departments: Vec<Choice>,
    levels: Vec<Choice>,
    holdings: Vec<Choice>,
    domains: Vec<Choice>,
    lines: Vec<StaffLine>,
    pages: Pages,
    /// The address of this list up to `tri=`.
    sort_base: String,
    sort: &'static str,
    can_manage: bool,
    /// Records that other academies propose and that wait for an answer.
    received: usize,
    /// Codes of the academies the actor may look at, when there are several.
    academies: Vec<String>,
    academy: String,
}

async fn index(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::SeeStaff, query.get("academie"))?;
    let order = Order::parse(query.get("tri"));
    let mut filter = StaffFilter {
        name: query.trimmed("nom").chars().take(100).collect(),
        department: query.trimmed("departement").to_owned(),
        posted: posted(query.get("niveau")),
        corps: None,
        holding: Holding::from_word(query.get("certification")),
        exercised: Vec::new(),
        order,
    };
    let domain = query.trimmed("domaine").to_owned();
    let corps: String = query.trimmed("corps").chars().take(100).collect();
    let asked = query.get("page").to_owned();
    let number = asked.parse().unwrap_or(1);
    let (of, at) = (academy.clone(), state.clock().now());
    let (found, departments, framework, received) = state
        .db
        .read(move |conn| {
            let framework = latest_framework(conn)?;
            if !corps.is_empty() {
                filter.corps = Some(corps_called(conn, &of, &corps)?);
            }
            filter.exercised = framework.as_ref().map(|own| codes_under(own, &domain)).unwrap_or_default();
            Ok((
                list_staff(conn, &of, &filter, number, at)?,
                list_departments(conn, &of)?,
                framework,
                count_received(conn, &of)?,
            ))
        })
        .await?;
    let sort_base = Pages::new("/personnels", query.fields().filter(|(name, _)| *name != "tri"), "1", PER_PAGE, 0).base;
    html(&IndexPage {
        page: shell.page("Personnels").wide(),
        pages: Pages::new("/personnels", query.fields(), &asked, PER_PAGE, found.total),
        form: Form::from_raw(query),
        departments: departments
            .into_iter()
            .map(|code| (code.clone(), code))
            .chain([(NO_DEPARTMENT.to_owned(), "Sans département".to_owned())])
            .collect(),
        levels: level_choices(),
        holdings: Holding::ALL.iter().map(|own| (own.as_str().to_owned(), own.label().to_owned())).collect(),
        domains: framework.map(|own| domain_choices(&own)).unwrap_or_default(),
        lines: found.lines,
        received: usize::try_from(received).unwrap_or(0),
        sort_base: sort_base.replace("page=", "tri="),
        sort: order.as_str(),
        can_manage: may(&actor, Action::ManageStaff, Object::academy(&academy)),
        academies: several(academies_for(&actor, Action::SeeStaff)),
        academy,
    })
}

impl IndexPage {
    fn count(&self) -> String {
        count(self.pages.total, "personne", "personnes")
    }

    fn received(&self) -> String {
        count(self.received, "fiche vous est proposée", "fiches vous sont proposées")
    }
}

/// The academies to choose from; one alone is no choice.
fn several(mut academies: Vec<String>) -> Vec<String> {
    if academies.len() < 2 {
        academies.clear();
    }
    academies
}

fn posted(word: &str) -> Option<Posted> {
    match word {
        "sans" => Some(Posted::Nowhere),
        word => PostingLevel::from_word(word).map(Posted::At),
    }
}

fn posted_word(posted: Posted) -> &'static str {
    match posted {
        Posted::Nowhere => "sans",
        Posted::At(level) => level.as_str(),
    }
}

fn posted_label(posted: Posted) -> &'static str {
    match posted {
        Posted::Nowhere => "sans affectation",
        Posted::At(level) => level.label(),
    }
}

fn level_choices() -> Vec<Choice> {
    let all = PostingLevel::ALL.iter().map(|level| Posted::At(*level)).chain([Posted::Nowhere]);
    all.map(|own| (posted_word(own).to_owned(), posted_label(own).to_owned())).collect()
}

fn latest_framework(conn: &mut Conn) -> Stored<Option<Framework>> {
    match list_frameworks(conn)?.first() {
        Some(latest) => Ok(Some(get_framework(conn, &latest.id)?)),
        None => Ok(None),
    }
}

fn domain_choices(framework: &Framework) -> Vec<Choice> {
    framework.domains.iter().map(|own| (own.code.clone(), format!("{} – {}", own.code, own.label))).collect()
}

/// The codes of a domain, of its objectives and of their activities; empty for no domain.
fn codes_under(framework: &Framework, domain: &str) -> Vec<String> {
    let Some(domain) = framework.domains.iter().find(|own| own.code == domain) else { return Vec::new() };
    let below = domain.objectives.iter().flat_map(|objective| {
        std::iter::once(objective.code.clone()).chain(objective.activities.iter().map(|own| own.code.clone()))
    });
    std::iter::once(domain.code.clone()).chain(below).collect()
}

// ---------------------------------------------------------------- holders by place

#[derive(Template)]
#[template(path = "staff/places.html")]
struct PlacesPage {
    page: Page,
    places: Places,
    columns: Vec<&'static str>,
    holding: Holding,
    tabs: Vec<(&'static str, String)>,
    current_tab: String,
    academies: Vec<String>,
    academy: String,
}

async fn places(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::SeeStaff, query.get("academie"))?;
    let holding = Holding::from_word(query.get("certification")).unwrap_or(Holding::Certified);
    let (of, at) = (academy.clone(), state.clock().now());
    let places = state.db.read(move |conn| count_places(conn, &of, holding, at)).await?;
    html(&PlacesPage {
        page: shell.page("Titulaires par département").under("Personnels", "/personnels").wide(),
        columns: (0..crate::store::staff::COLUMNS).map(|at| posted_label(column_filter(at))).collect(),
        tabs: Holding::ALL
            .iter()
            .map(|own| (own.label(), format!("/personnels/carte?academie={academy}&certification={own}")))
            .collect(),
        current_tab: format!("/personnels/carte?academie={academy}&certification={holding}"),
        places,
        holding,
        academies: several(academies_for(&actor, Action::SeeStaff)),
        academy,
    })
}

impl PlacesPage {
    fn row_href(&self, row: &PlaceRow) -> String {
        format!("/personnels?academie={}&certification={}&departement={}", self.academy, self.holding, row.department)
    }

    fn cell_href(&self, row: &PlaceRow, column: &usize) -> String {
        format!("{}&niveau={}", self.row_href(row), posted_word(column_filter(*column)))
    }

    fn all_href(&self) -> String {
        format!("/personnels?academie={}&certification={}", self.academy, self.holding)
    }

    fn department(row: &PlaceRow) -> &str {
        if row.department == NO_DEPARTMENT { "Sans département" } else { row.department.as_str() }
    }

    /// The share of a department in the largest one, in per cent: the length of its bar.
    fn share(&self, row: &PlaceRow) -> usize {
        let largest = self.places.rows.iter().map(|own| own.total).max().unwrap_or(0).max(1);
        row.total * 100 / largest
    }

    fn total(&self) -> String {
        count(self.places.total, "personne", "personnes")
    }
}

// ---------------------------------------------------------------- posts without a holder

/// Posts shown on one page.
const POSTS: usize = 50;

#[derive(Template)]
#[template(path = "staff/vacancies.html")]
struct VacanciesPage {
    page: Page,
    lines: Vec<Vacancy>,
    pages: Pages,
    total: usize,
    overdue: usize,
    academies: Vec<String>,
    academy: String,
}

async fn vacancies(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::SeeStaff, query.get("academie"))?;
    let (of, at) = (academy.clone(), state.clock().now());
    let (total, found) = state.db.read(move |conn| list_vacancies(conn, &of, at)).await?;
    let pages = Pages::new("/personnels/besoins", query.fields(), query.get("page"), POSTS, found.len());
    html(&VacanciesPage {
        page: shell.page("Postes à certifier").under("Personnels", "/personnels").wide(),
        overdue: found.iter().filter(|line| line.is_overdue).count(),
        lines: found.into_iter().skip(pages.offset()).take(POSTS).collect(),
        pages,
        total,
        academies: several(academies_for(&actor, Action::SeeStaff)),
        academy,
    })
}

impl VacanciesPage {
    fn count(&self) -> String {
        count(self.pages.total, "poste sans titulaire", "postes sans titulaire")
    }
}
