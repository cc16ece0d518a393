//! What every page has around its content: title, breadcrumb, navigation, who is signed in, messages.
//! A handler takes `Shell` as an argument, asks it for a `Page`, and puts that `Page` in its template
//! as the field `page`; `templates/layout.html` does the rest.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::account::shown_instant;
use super::error::AppError;
pub use super::pagination::Pages;
use super::security::Ending;
use crate::domain::permission::{Actor, Role};

/// The tone of a message, with the word that says it without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Info,
    Success,
    Warning,
    Error,
    Neutral,
}

impl Tone {
    /// Class suffix in the style sheet, and the word kept in the cookie of a flash message.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Info => "info",
            Tone::Success => "success",
            Tone::Warning => "warning",
            Tone::Error => "error",
            Tone::Neutral => "neutral",
        }
    }

    /// The word read before the message.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Tone::Info => "Information",
            Tone::Success => "C’est fait",
            Tone::Warning => "Attention",
            Tone::Error => "Erreur",
            Tone::Neutral => "Note",
        }
    }

    #[must_use]
    pub fn from_class(class: &str) -> Option<Self> {
        [Tone::Info, Tone::Success, Tone::Warning, Tone::Error, Tone::Neutral]
            .into_iter()
            .find(|tone| tone.class() == class)
    }
}

/// A message shown once, on the page that follows an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    pub kind: Tone,
    pub text: String,
}

impl Flash {
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Flash { kind: Tone::Success, text: text.into() }
    }

    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Flash { kind: Tone::Info, text: text.into() }
    }

    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Flash { kind: Tone::Warning, text: text.into() }
    }

    /// `303` to `path`, where the message will be shown.
    #[must_use]
    pub fn then(self, path: &str) -> Response {
        let mut response = see_other(path);
        response.extensions_mut().insert(self);
        response
    }
}

/// `303 See Other`, the answer to every act that was done.
#[must_use]
pub fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(cause) => AppError::internal(format!("redirection to {path:?}: {cause}")).into_response(),
    }
}

/// A page, `200`.
pub fn html(template: &impl Template) -> Result<Response, AppError> {
    Ok(Html(template.render()?).into_response())
}

/// A page with another status: `422` for the form shown again with its errors.
pub fn html_with(status: StatusCode, template: &impl Template) -> Result<Response, AppError> {
    Ok((status, Html(template.render()?)).into_response())
}

/// The form shown again, `422`.
pub fn html_to_correct(template: &impl Template) -> Result<Response, AppError> {
    html_with(StatusCode::UNPROCESSABLE_ENTITY, template)
}

/// The token a form carries. Writing it on a page is noticed, so that a visitor without an account
/// receives a cookie only when a page holds a form.
#[derive(Debug, Clone, Default)]
pub struct CsrfToken {
    value: Arc<str>,
    written: Arc<AtomicBool>,
}

impl CsrfToken {
    #[must_use]
    pub fn new(value: &str) -> Self {
        CsrfToken { value: Arc::from(value), written: Arc::default() }
    }

    #[must_use]
    pub fn was_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    /// The bare value, to compare with what a request carries.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.store(true, Ordering::Relaxed);
        f.write_str(&self.value)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavItem {
    pub label: &'static str,
    pub href: &'static str,
    pub current: bool,
}

/// The sections of the site and who sees them; no role means everyone.
const SECTIONS: &[(&str, &str, Audience)] = &[
    ("/mon-dossier", "Mon dossier", Audience::Roles(&[Role::Candidate])),
    ("/jury", "Jury", Audience::Roles(&[Role::JuryMember, Role::CommissionChair, Role::JuryPresident])),
    ("/gestion", "Gestion", Audience::Roles(&[Role::ExamOfficer, Role::ExamOfficeHead])),
    ("/formation", "Formation", Audience::Roles(&[Role::TrainingManager, Role::Tutor])),
    ("/mes-competences", "Mes compétences", Audience::Roles(&[Role::Candidate])),
    ("/competences", "Compétences", Audience::Roles(&[Role::TrainingManager, Role::Tutor])),
    (
        "/personnels",
        "Personnels",
        Audience::Roles(&[Role::TrainingManager, Role::AcademyAdministrator, Role::ExamOfficer, Role::ExamOfficeHead]),
    ),
    ("/national", "National", Audience::Roles(&[Role::NationalReader])),
    ("/administration", "Administration", Audience::Roles(&[Role::AcademyAdministrator, Role::PlatformAdministrator])),
    ("/inscription", "S’inscrire", Audience::Anonymous),
    ("/referentiel", "Référentiel", Audience::Everyone),
    ("/verifier", "Vérifier un certificat", Audience::Everyone),
];

enum Audience {
    Everyone,
    Anonymous,
    Roles(&'static [Role]),
}

fn navigation(actor: Option<&Actor>, path: &str) -> Vec<NavItem> {
    SECTIONS
        .iter()
        .filter(|(_, _, audience)| match (audience, actor) {
            (Audience::Everyone, _) => true,
            (Audience::Anonymous, actor) => actor.is_none(),
            (Audience::Roles(_), None) => false,
            (Audience::Roles(roles), Some(actor)) => roles.iter().any(|role| actor.has_role(*role)),
        })
        .map(|(href, label, _)| NavItem {
            label,
            href,
            current: path == *href || path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')),
        })
        .collect()
}

/// Everything around the content of one page.
#[derive(Debug, Clone)]
pub struct Page {
    pub title: String,
    /// The h1, when it says more than the title.
    pub heading: String,
    /// Label and address of each step from the home page; the last one is the page itself.
    pub crumbs: Vec<(String, Option<String>)>,
    pub nav: Vec<NavItem>,
    pub signed_in: Option<String>,
    pub academy: Option<String>,
    pub csrf: CsrfToken,
    pub flash: Option<Flash>,
    /// Set in the demonstration only: the instant the site believes it is.
    pub simulated_now: Option<String>,
    /// When one is signed out without asking anything more.
    pub ending: Option<ShownEnding>,
    /// Dense pages of the office use the whole width.
    pub is_wide: bool,
    /// The form of this page came back with errors: said first in the title.
    pub has_errors: bool,
}

/// The end of one's session, as every page says it.
#[derive(Debug, Clone)]
pub struct ShownEnding {
    pub at: String,
    pub seconds_left: i64,
    pub can_be_prolonged: bool,
}

impl Page {
    #[must_use]
    pub fn heading(mut self, heading: &str) -> Self {
        heading.clone_into(&mut self.heading);
        self
    }

    /// Adds a step between the home page and this one.
    #[must_use]
    pub fn under(mut self, label: &str, href: &str) -> Self {
        let before_last = self.crumbs.len().saturating_sub(1);
        self.crumbs.insert(before_last, (label.to_owned(), Some(href.to_owned())));
        self
    }

    #[must_use]
    pub fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }

    #[must_use]
    pub fn with_errors(mut self, has_errors: bool) -> Self {
        self.has_errors = has_errors;
        self
    }

    /// The home page has no breadcrumb.
    #[must_use]
    pub fn without_crumbs(mut self) -> Self {
        self.crumbs.clear();
        self
    }

    #[must_use]
    pub fn without_flash(mut self) -> Self {
        self.flash = None;
        self
    }

    /// `Sous-page – Section – cplds`, from the narrowest to the widest.
    #[must_use]
    pub fn document_title(&self) -> String {
        let mut parts: Vec<&str> = vec![&self.title];
        let steps = self.crumbs.iter().rev().skip(1).map(|(label, _)| label.as_str());
        parts.extend(steps.filter(|label| *label != "Accueil"));
        parts.push("cplds");
        let title = parts.join(" – ");
        if self.has_errors { format!("Erreur\u{a0}: {title}") } else { title }
    }

    #[must_use]
    pub fn asset(&self, path: &str) -> String {
        super::assets::url(path)
    }
}

/// What the middleware knows of the visitor, from which pages are made.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    pub actor: Option<Arc<Actor>>,
    pub ending: Option<Ending>,
    pub csrf: CsrfToken,
    pub flash: Option<Flash>,
    pub academy: Option<String>,
    pub simulated_now: Option<String>,
    pub path: String,
    pub(super) flash_was_shown: Arc<AtomicBool>,
}

impl Shell {
    /// A page called `title`, directly under the home page until `under` says otherwise.
    #[must_use]
    pub fn page(&self, title: &str) -> Page {
        if self.flash.is_some() {
            self.flash_was_shown.store(true, Ordering::Relaxed);
        }
        Page {
            title: title.to_owned(),
            heading: title.to_owned(),
            crumbs: vec![("Accueil".to_owned(), Some("/".to_owned())), (title.to_owned(), None)],
            nav: navigation(self.actor.as_deref(), &self.path),
            signed_in: self.actor.as_ref().map(|actor| actor.name.clone()),
            academy: self.academy.clone(),
            csrf: self.csrf.clone(),
            flash: self.flash.clone(),
            simulated_now: self.simulated_now.clone(),
            ending: self.actor.as_deref().zip(self.ending).map(|(actor, ending)| ShownEnding {
                at: shown_instant(actor, ending.at),
                seconds_left: ending.seconds_left,
                can_be_prolonged: ending.can_be_prolonged,
            }),
            is_wide: false,
            has_errors: false,
        }
    }

    #[must_use]
    pub fn flash_was_shown(&self) -> bool {
        self.flash_was_shown.load(Ordering::Relaxed)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Shell {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        parts
            .extensions
            .get::<Shell>()
            .cloned()
            .ok_or_else(|| AppError::internal("page asked outside the session middleware"))
    }
}

/// The signed-in person, on pages whose gate is not public.
#[derive(Debug, Clone)]
pub struct CurrentActor(pub Arc<Actor>);

impl std::ops::Deref for CurrentActor {
    type Target = Actor;
    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentActor {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        let shell = parts.extensions.get::<Shell>();
        let actor = shell.and_then(|shell| shell.actor.clone());
        actor.map(CurrentActor).ok_or_else(AppError::not_found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_goes_from_the_page_to_the_site() {
        let shell = Shell::default();
        let page = shell.page("Jean Petit").under("Gestion", "/gestion").under("Dossiers", "/gestion/dossiers");
        assert_eq!(page.document_title(), "Jean Petit – Dossiers – Gestion – cplds");
        let labels: Vec<&str> = page.crumbs.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["Accueil", "Gestion", "Dossiers", "Jean Petit"]);
        let refused = shell.page("Connexion").with_errors(true);
        assert_eq!(refused.document_title(), "Erreur\u{a0}: Connexion – cplds");
    }

    #[test]
    fn a_section_is_current_on_its_pages_and_not_on_its_namesakes() {
        let at = |path: &str| {
            let items = navigation(None, path);
            items.into_iter().filter(|item| item.current).map(|item| item.href).collect::<Vec<_>>()
        };
        assert_eq!(at("/verifier/22-2027-0007"), ["/verifier"]);
        assert!(at("/verifierons").is_empty());
    }

    #[test]
    fn a_token_knows_that_a_page_wrote_it() {
        let token = CsrfToken::new("abc");
        let copy = token.clone();
        assert!(!token.was_written());
        assert_eq!(copy.to_string(), "abc");
        assert!(token.was_written());
    }
}
