//! The school year of an academy: the plan by module, what was attended of it, the load of tutors, and the file for
//! the tools of in-service training. Counts on the page; names only in the file, for whoever manages training.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::MANAGES;
use super::places::managed;
use crate::domain::academy::{Academy, french_date};
use crate::domain::permission::Action;
use crate::domain::table::SheetWriter;
use crate::domain::training as rule;
use crate::store::Stamp;
use crate::store::training::{
    Opinion, Sight, Statistics, TutorLoad, find_opinion, get_training, list_trainings, list_tutor_loads, statistics,
};
use crate::web::AppState;
use crate::web::download::{asked, attached};
use crate::web::error::AppError;
use crate::web::form::RawForm;
use crate::web::page::{CurrentActor, Page, Shell, html};
use crate::web::routes::Routes;
use crate::web::staff::chosen_academy;

pub fn routes() -> Routes<AppState> {
    Routes::new().get("/formation/annee", MANAGES, year).get("/formation/annee/{file}", MANAGES, export).get(
        "/formation/{id}/avis",
        MANAGES,
        opinion,
    )
}

#[derive(Template)]
#[template(path = "training/year.html")]
struct YearPage {
    page: Page,
    year: i32,
    academy: String,
    counts: Statistics,
    tutors: Vec<TutorLoad>,
    /// Days of the first and last meeting of each module, in the order of the modules.
    dates: Vec<String>,
}

fn asked_year(query: &RawForm, academy: &str, now: jiff::Timestamp) -> i32 {
    let this = Academy::find(academy).map(|academy| rule::school_year_of(academy.date(now))).unwrap_or(2026);
    query.trimmed("annee").parse().ok().filter(|year| (2017..=2200).contains(year)).unwrap_or(this)
}

async fn year(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::ManageTraining, query.get("academie"))?;
    let now = state.clock().now();
    let year = asked_year(&query, &academy, now);
    let zone = Academy::find(&academy).ok_or_else(AppError::not_found)?;
    let (of, today) = (academy.clone(), zone.date(now));
    let (counts, tutors) = state
        .db
        .read(move |conn| Ok((statistics(conn, &of, year, Stamp(now))?, list_tutor_loads(conn, &of, today)?)))
        .await?;
    let dates = counts
        .modules
        .iter()
        .map(|line| match line.dates {
            Some((first, last)) if first == last => french_date(zone.date(first.0)),
            Some((first, last)) => {
                format!("du {} au {}", french_date(zone.date(first.0)), french_date(zone.date(last.0)))
            }
            None => "à planifier".to_owned(),
        })
        .collect();
    html(&YearPage {
        page: shell
            .page(&format!("Année de formation {}", rule::school_year_label(year)))
            .under("Formation", "/formation")
            .wide(),
        year,
        academy,
        counts,
        tutors,
        dates,
    })
}

/// One line per presence: what the tools of in-service training take in.
async fn export(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let kind = match asked(&file) {
        Some(("export", kind)) => kind,
        _ => return Err(AppError::not_found()),
    };
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::ManageTraining, query.get("academie"))?;
    let year = asked_year(&query, &academy, state.clock().now());
    let bytes = state
        .db
        .read(move |conn| {
            let mut out = Vec::new();
            let broken = |e: std::io::Error| crate::store::StoreError::Broken(e.to_string());
            let mut file = SheetWriter::new(kind, &mut out, "Présences").map_err(broken)?;
            let titles =
                ["formation", "annee_scolaire", "stagiaire", "module", "jour", "minutes", "note_par", "tuteur"];
            file.row(titles).map_err(broken)?;
            for line in list_trainings(conn, &academy, &Sight::Academy)? {
                if line.training.school_year != year {
                    continue;
                }
                let training = get_training(conn, &academy, &line.training.id, &Sight::Academy)?;
                for trainee in &training.trainees {
                    let tutor = trainee.enrolment.tutor_name.as_deref().unwrap_or_default();
                    for row in &trainee.attendances {
                        let (school_year, day, minutes) =
                            (rule::school_year_label(year), row.held_on.0.to_string(), row.minutes.to_string());
                        file.row([
                            line.training.title.as_str(),
                            &school_year,
                            &trainee.name,
                            &row.module_code,
                            &day,
                            &minutes,
                            &row.noted_by,
                            tutor,
                        ])
                        .map_err(broken)?;
                    }
                }
            }
            file.finish().map_err(broken)?;
            Ok(out)
        })
        .await?;
    let name = format!("formation-{}.{}", rule::school_year_label(year), kind.as_str());
    Ok(attached(kind.content_type(), &name, bytes))
}

#[derive(Template)]
#[template(path = "training/opinion.html")]
struct OpinionPage {
    page: Page,
    opinion: Opinion,
}

async fn opinion(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let file = managed(&state, &actor, &id).await?;
    let of = id.clone();
    let opinion = state.db.read(move |conn| find_opinion(conn, &of)).await?;
    html(&OpinionPage {
        page: shell
            .page("Avis des stagiaires")
            .under("Formation", "/formation")
            .under(&file.training.title, &format!("/formation/{id}")),
        opinion,
    })
}
