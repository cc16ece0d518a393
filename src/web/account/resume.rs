//! A session that ends loses nothing typed: the form that arrives too late comes back inside the sign-in page, and is
//! sent again, by a button, once its owner is back. Nothing of it is kept on the server; passwords and files are not
//! carried, and the page says so. Prolonging a session before its end is here too.

use askama::Template;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::AppState;
use super::super::csrf;
use super::super::error::AppError;
use super::super::form::{Form, RawForm};
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_with, see_other};
use super::super::security::Guard;
use super::sign_in::{SignInPage, way_back};
use super::{current_hash, shown_instant};
use crate::store::{Lock, sessions};

/// Longest form carried through a sign-in, in bytes: encoded a second time, it still fits in a form.
const CARRIED_AT_MOST: usize = 64 * 1024;
/// Fields that are never written in a page.
const SECRET: &[&str] = &["motdepasse", "actuel", "nouveau", "confirmation"];

/// A form that arrived too late.
#[derive(Debug, Clone)]
pub(in crate::web) struct Kept {
    pub path: String,
    pub fields: Vec<(String, String)>,
    /// Names of the files that came with it, which are not carried.
    pub files: String,
}

impl Kept {
    pub(super) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    /// What its owner typed or chose, as far as a page can say it.
    pub(super) fn typed(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.iter().filter(|(name, value)| !value.trim().is_empty() && name != "version" && name != "retour")
    }
}

/// Where a sign-in leads: to the page asked for, or to the form that was on its way.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Onward {
    pub back: String,
    pub kept: Option<Kept>,
}

impl Onward {
    /// As the fields of the sign-in pages carry it.
    pub(super) fn read(raw: &RawForm) -> Self {
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(raw.get("reprise").as_bytes()).into_owned().collect();
        let path = way_back(raw.get("reprise_vers")).filter(|_| !fields.is_empty());
        let files = raw.get("reprise_fichiers").to_owned();
        Onward {
            back: way_back(raw.get("retour")).unwrap_or_default().to_owned(),
            kept: path.map(|path| Kept { path: path.to_owned(), fields, files }),
        }
    }

    pub(super) fn to(back: Option<&str>) -> Self {
        Onward { back: back.unwrap_or_default().to_owned(), kept: None }
    }

    /// The answer to a sign-in; `shell` is that of the session just opened.
    pub(super) fn lead(self, shell: &Shell) -> Result<Response, AppError> {
        match self.kept {
            Some(kept) => html(&ResumePage::new(shell, self.back, kept)),
            None => Ok(see_other(if self.back.is_empty() { "/" } else { &self.back })),
        }
    }
}

#[derive(Template)]
#[template(path = "account/resume.html")]
struct ResumePage {
    page: Page,
    back: String,
    kept: Kept,
}

impl ResumePage {
    fn new(shell: &Shell, back: String, kept: Kept) -> Self {
        let back = if back.is_empty() { "/".to_owned() } else { back };
        ResumePage { page: shell.page("Reprendre votre saisie"), back, kept }
    }
}

/// Answers a form of our own whose session is over, or was followed by another one.
pub(in crate::web) async fn answer(guard: &Guard, shell: &Shell, parts: Parts, bytes: Bytes) -> Response {
    let path = parts.uri.path().to_owned();
    let back = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let back =
        back.and_then(|address| address.split_once("://")?.1.split_once('/').map(|(_, path)| format!("/{path}")));
    let back = back.as_deref().and_then(way_back).map(str::to_owned);
    let length = bytes.len();
    let raw = RawForm::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await.unwrap_or_default();
    let files: Vec<&str> = raw.file_names().collect();
    let fields: Vec<(String, String)> = raw
        .fields()
        .filter(|(name, _)| *name != csrf::FIELD)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let is_secret = fields.iter().any(|(name, _)| SECRET.contains(&name.as_str()));
    let is_long = files.is_empty() && length > CARRIED_AT_MOST;
    let mut told = Vec::new();
    if is_secret {
        told.push(
            "un mot de passe n’est jamais gardé\u{a0}: votre demande est à refaire une fois reconnecté.".to_owned(),
        );
    } else if is_long {
        told.push("ce que vous veniez d’envoyer est trop long pour être gardé. Avant de vous reconnecter, revenez en arrière dans votre navigateur et copiez votre texte.".to_owned());
    }
    if !files.is_empty() {
        told.push(format!(
            "les fichiers ne sont pas gardés\u{a0}: vous les choisirez de nouveau ({}).",
            files.join(", ")
        ));
    }
    let text: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let carries = !is_secret && !is_long && !fields.is_empty() && text <= CARRIED_AT_MOST && way_back(&path).is_some();
    let kept = carries.then(|| Kept { path, fields, files: files.join(", ") });
    let onward = Onward { back: back.unwrap_or_default(), kept };
    let shown = match (&shell.actor, onward) {
        (Some(_), Onward { back, kept: Some(kept) }) => {
            html_with(StatusCode::CONFLICT, &ResumePage::new(shell, back, kept))
        }
        (Some(_), _) => Err(AppError::forged(
            "Vous vous êtes reconnecté depuis l’affichage de cette page\u{a0}: rien n’a été fait.",
        )),
        (None, onward) => {
            let saved =
                if onward.kept.is_some() { " Ce que vous veniez d’envoyer est gardé dans cette page." } else { "" };
            told.insert(0, format!("votre session a pris fin\u{a0}: reconnectez-vous.{saved}"));
            let page = SignInPage::new(guard.origin(), shell, Form::empty(), onward).telling(told);
            html_with(StatusCode::FORBIDDEN, &page)
        }
    };
    shown.unwrap_or_else(IntoResponse::into_response)
}

/// « Rester connecté »: from the warning of the page, which stays where it is, or from « Mon compte ».
pub(super) async fn prolong(
    State(app): State<AppState>,
    actor: CurrentActor,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let hash = current_hash(&app, &headers);
    app.db.write(&actor, Lock::House, move |tx| sessions::prolong(tx, &hash)).await?;
    let token = app.guard.session_token(&headers).unwrap_or_default().to_owned();
    let now = app.clock().now();
    let session = app.db.read(move |conn| sessions::find(conn, &token, now)).await?.ok_or_else(AppError::not_found)?;
    let until = shown_instant(&actor, session.expires);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accept.starts_with("application/json") {
        return Ok(Json(serde_json::json!({
            "reste": session.expires.duration_since(now).as_secs(),
            "prolongeable": session.can_be_prolonged(),
        }))
        .into_response());
    }
    Ok(Flash::success(format!("Vous restez connecté jusqu’au {until}.")).then("/compte"))
}
