//! Pages the law asks for: accessibility, legal notice, personal data, site map, help.
//! The accessibility page never claims a conformity that no human audit has established.

use askama::Template;
use axum::response::Response;

use super::error::AppError;
use super::page::{Page, Shell, html};
use super::routes::{Gate, Routes};

#[must_use]
pub fn routes<S: Clone + Send + Sync + 'static>() -> Routes<S> {
    Routes::new()
        .get("/accessibilite", Gate::Public, accessibility)
        .get("/mentions-legales", Gate::Public, notice)
        .get("/donnees-personnelles", Gate::Public, privacy)
        .get("/plan-du-site", Gate::Public, map)
        .get("/aide", Gate::Public, help)
}

#[derive(Template)]
#[template(path = "law/accessibility.html")]
struct AccessibilityPage {
    page: Page,
}

#[derive(Template)]
#[template(path = "law/notice.html")]
struct NoticePage {
    page: Page,
}

#[derive(Template)]
#[template(path = "law/privacy.html")]
struct PrivacyPage {
    page: Page,
}

#[derive(Template)]
#[template(path = "law/map.html")]
struct MapPage {
    page: Page,
}

#[derive(Template)]
#[template(path = "law/help.html")]
struct HelpPage {
    page: Page,
}

async fn accessibility(shell: Shell) -> Result<Response, AppError> {
    html(&AccessibilityPage { page: shell.page("Accessibilité") })
}

async fn notice(shell: Shell) -> Result<Response, AppError> {
    html(&NoticePage { page: shell.page("Mentions légales") })
}

async fn privacy(shell: Shell) -> Result<Response, AppError> {
    html(&PrivacyPage { page: shell.page("Données personnelles") })
}

async fn map(shell: Shell) -> Result<Response, AppError> {
    html(&MapPage { page: shell.page("Plan du site") })
}

async fn help(shell: Shell) -> Result<Response, AppError> {
    html(&HelpPage { page: shell.page("Aide et contact") })
}
