//! The competences of a person: their own page, the page their tutor, their trainers and their office read, and the
//! needs of an academy as counts. Whoever may speak adds an observation; nothing typed before is ever overwritten.

mod chart;
mod needs;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use chart::{Chart, SOURCES, evolution, levels};
pub use chart::{WIDTH as CHART_WIDTH, class as mark_class};
pub use needs::shown as shown_count;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::french::short_date;
use super::page::{CurrentActor, Flash, Page, Pages, Shell, Tone, html, html_to_correct};
use super::routes::{Gate, Routes};
use super::staff::{academies_for, chosen_academy, day, write};
use crate::domain::competence::{LEVEL_WORDS, Observation, level_label};
use crate::domain::permission::{Action, Actor, Object, Role, may};
use crate::domain::staff::EvidenceSource;
use crate::office::portfolio::draw_portfolio;
use crate::store::competence::{
    FollowedPerson, NewAssessment, PER_PAGE, Profile, Reach, assess, find_own_person, get_profile, list_followed,
};
use crate::store::people::fold_email;

/// Whoever accompanies or manages people; for whom is asked of the store.
const FOLLOWS: Gate = Gate::Roles(&[Role::TrainingManager, Role::Tutor]);
const READS: Gate = Gate::Roles(&[
    Role::TrainingManager,
    Role::Tutor,
    Role::ExamOfficer,
    Role::ExamOfficeHead,
    Role::AcademyAdministrator,
]);
const OWN: &str = "/mes-competences";

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/mes-competences", Gate::SignedIn, own)
        .post("/mes-competences", Gate::SignedIn, own_assessment)
        .get("/mes-competences/portfolio.pdf", Gate::SignedIn, own_portfolio)
        .get("/competences", FOLLOWS, index)
        .merge(needs::routes())
        .get("/competences/{person}", READS, show)
        .post("/competences/{person}", FOLLOWS, assessment)
        .get("/competences/{person}/portfolio.pdf", READS, portfolio)
}

// ---------------------------------------------------------------- people

#[derive(Template)]
#[template(path = "competence/index.html")]
struct IndexPage {
    page: Page,
    form: Form,
    lines: Vec<FollowedPerson>,
    pages: Pages,
    sees_needs: bool,
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
    let academy = chosen_academy(&actor, Action::FollowTrainee, query.get("academie"))?;
    let manages = may(&actor, Action::AssessCompetences, Object::academy(&academy));
    let reach = if manages { Reach::Academy } else { Reach::TutoredBy { email_key: fold_email(&actor.email) } };
    let name: String = query.trimmed("nom").chars().take(100).collect();
    let asked = query.get("page").to_owned();
    let number = asked.parse().unwrap_or(1);
    let of = academy.clone();
    let (lines, total) = state.db.read(move |conn| list_followed(conn, &of, &reach, &name, number)).await?;
    let mut academies = academies_for(&actor, Action::FollowTrainee);
    if academies.len() < 2 {
        academies.clear();
    }
    html(&IndexPage {
        page: shell.page("Compétences"),
        pages: Pages::new("/competences", query.fields(), &asked, PER_PAGE, total),
        form: Form::from_raw(query),
        lines,
        sees_needs: manages,
        academies,
        academy,
    })
}

// ---------------------------------------------------------------- one person

#[derive(Template)]
#[template(path = "competence/profile.html")]
struct ProfilePage {
    /// The portfolio is for the person, and for the offices that see records.
    can_print: bool,
    page: Page,
    profile: Profile,
    form: Form,
    /// The observation being corrected.
    corrected: Option<Observation>,
    competences: Vec<(String, String)>,
    level_choices: Vec<(String, String)>,
    by_level: Chart,
    over_time: Option<Chart>,
    /// Where the forms of this page go.
    path: String,
    is_own: bool,
    user_id: String,
}

impl ProfilePage {
    fn may_correct(&self, own: &Observation) -> bool {
        self.profile
            .stance
            .is_some_and(|source| crate::domain::competence::check_correction(own, source, &self.user_id).is_ok())
    }

    /// « C02 du référentiel-2016 », when it was recorded under another version.
    fn origin(&self, own: &Observation) -> String {
        if own.framework_id == self.profile.framework.id {
            return String::new();
        }
        format!("{} ({})", own.code, own.framework_id)
    }
}

/// The columns of the table of levels.
pub const fn sources() -> [EvidenceSource; 4] {
    SOURCES
}

/// A shape of the charts, for their legend.
#[must_use]
pub fn legend(source: &EvidenceSource) -> String {
    chart::shape(*source, 10, 10)
}

/// « 3 (12/03/2027) », or nothing.
#[must_use]
pub fn cell(seen: Option<(i32, jiff::civil::Date)>) -> String {
    seen.map_or_else(String::new, |(level, day)| format!("{level} ({})", short_date(day)))
}

/// « 3 – acquise »; templates hand over references.
#[must_use]
pub fn level_word(level: &i32) -> String {
    level_label(*level)
}

fn profile_page(shell: &Shell, actor: &Actor, profile: Profile, form: Form, path: String) -> ProfilePage {
    let is_own = path == OWN;
    let title = if is_own { "Mes compétences".to_owned() } else { profile.person.shown_name() };
    let page = shell.page(&title).with_errors(form.is_refused());
    let asked = form.value("corrige").to_owned();
    ProfilePage {
        page: match is_own {
            true => page,
            false if FOLLOWS.admits(Some(actor)) => page.under("Compétences", "/competences"),
            false => page.under("Personnels", "/personnels"),
        }
        .wide(),
        can_print: is_own || may(actor, Action::SeeStaff, Object::academy(&profile.person.academy_code)),
        corrected: profile.history().into_iter().find(|own| own.id == asked).cloned(),
        competences: profile
            .lines
            .iter()
            .map(|line| (line.code.clone(), format!("{} – {}", line.code, line.label)))
            .collect(),
        level_choices: LEVEL_WORDS.iter().map(|(level, _)| (level.to_string(), level_label(*level))).collect(),
        by_level: levels(&profile),
        over_time: evolution(&profile),
        path,
        is_own,
        user_id: actor.user_id.clone(),
        form,
        profile,
    }
}

async fn load(state: &AppState, actor: &CurrentActor, person: &str) -> Result<Profile, AppError> {
    let (actor, person, at) = (Arc::clone(&actor.0), person.to_owned(), state.clock().now());
    Ok(state.db.read(move |conn| get_profile(conn, &actor, &person, at)).await?)
}

/// The form as it opens: today, and what is corrected when an observation is chosen for that.
fn opened(profile: &Profile, corrects: &str) -> Form {
    let today = profile.today.to_string();
    match profile.history().into_iter().find(|own| own.id == corrects) {
        Some(old) => Form::filled([
            ("corrige", old.id.clone()),
            ("competence", old.code.clone()),
            ("niveau", old.level.to_string()),
            ("constate_le", old.dated_on.to_string()),
            ("commentaire", old.comment.clone().unwrap_or_default()),
        ]),
        None => Form::filled([("constate_le", today)]),
    }
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(person): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let profile = load(&state, &actor, &person).await?;
    let form = opened(&profile, query.get("corriger"));
    html(&profile_page(&shell, &actor, profile, form, format!("/competences/{person}")))
}

/// Reads an observation, records it, and comes back to `path`.
async fn record(
    (state, shell, actor): (AppState, Shell, CurrentActor),
    person: String,
    path: String,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let code = read.text("competence", "Choisissez la compétence.", 40);
    let level = read.required("niveau", "Choisissez le niveau.", |text| {
        text.parse::<i32>().map_err(|_| "Choisissez un niveau de 1 à 4.")
    });
    let dated_on = read.required("constate_le", "Indiquez la date du constat.", day);
    let comment = read.free_text("commentaire", crate::domain::competence::COMMENT_MAX);
    let corrects = read.raw().trimmed("corrige").to_owned();
    let mut form = read.into_form();
    if let (Some(code), Some(level), Some(dated_on), Some(comment)) = (code, level, dated_on, comment) {
        let corrects = (!corrects.is_empty()).then_some(corrects);
        let new = NewAssessment { code, level, dated_on, comment, corrects };
        let of = person.clone();
        match write(&state, &actor, move |tx| assess(tx, &of, &new)).await? {
            Ok(_) => {
                return Ok(
                    Flash::success("Le constat est ajouté. Les précédents restent dans l’historique.").then(&path)
                );
            }
            Err(refusal) => {
                let field = match refusal.code {
                    "level_out_of_range" => "niveau",
                    "competence_ahead" => "constate_le",
                    "comment_too_long" => "commentaire",
                    _ => "competence",
                };
                form.refuse(field, refusal.to_string());
            }
        }
    }
    let profile = load(&state, &actor, &person).await?;
    html_to_correct(&profile_page(&shell, &actor, profile, form, path))
}

async fn assessment(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(person): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let path = format!("/competences/{person}");
    record((state, shell, actor), person, path, raw).await
}

async fn portfolio(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(person): Path<String>,
) -> Result<Response, AppError> {
    drawn(&state, &actor, person).await
}

/// Drawn on demand from what is known today: it is no act of the office, and is not kept.
async fn drawn(state: &AppState, actor: &CurrentActor, person: String) -> Result<Response, AppError> {
    let (db, who) = (state.db.clone(), Arc::clone(&actor.0));
    let bytes =
        tokio::task::spawn_blocking(move || draw_portfolio(&db, &who, &person)).await.map_err(AppError::internal)??;
    Ok(super::download::attached("application/pdf", "portfolio.pdf", bytes))
}

// ---------------------------------------------------------------- one's own

#[derive(Template)]
#[template(path = "competence/unlinked.html")]
struct UnlinkedPage {
    page: Page,
}

async fn own_person(state: &AppState, actor: &CurrentActor) -> Result<Option<String>, AppError> {
    let user_id = actor.user_id.clone();
    Ok(state.db.read(move |conn| find_own_person(conn, &user_id)).await?)
}

async fn own(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let Some(person) = own_person(&state, &actor).await? else {
        return html(&UnlinkedPage { page: shell.page("Mes compétences") });
    };
    let profile = load(&state, &actor, &person).await?;
    let form = opened(&profile, query.get("corriger"));
    html(&profile_page(&shell, &actor, profile, form, OWN.to_owned()))
}

async fn own_assessment(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let person = own_person(&state, &actor).await?.ok_or_else(AppError::not_found)?;
    record((state, shell, actor), person, OWN.to_owned(), raw).await
}

async fn own_portfolio(State(state): State<AppState>, actor: CurrentActor) -> Result<Response, AppError> {
    let person = own_person(&state, &actor).await?.ok_or_else(AppError::not_found)?;
    drawn(&state, &actor, person).await
}

/// The tone of a gap: nothing seen yet, or seen under the target.
#[must_use]
pub fn gap_tag(level: &Option<i32>) -> (Tone, String) {
    match level {
        None => (Tone::Neutral, "non observée".to_owned()),
        Some(level) => (Tone::Warning, level_label(*level)),
    }
}
