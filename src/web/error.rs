//! What a visitor is told when something cannot be done: a status, a sentence, what to do next.
//! A handler answers `Err(AppError)`; the value travels in the response and one middleware renders it,
//! as a page for people and as `problem+json` for programs. The cause goes to the log, never to the screen.

use std::any::Any;
use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::page::{Page, Shell};
use super::security::RequestId;
use crate::store::StoreError;
use crate::vault::VaultError;

/// A refusal or a failure, ready to be shown.
#[derive(Debug, Clone)]
pub struct AppError {
    pub status: StatusCode,
    /// Stable word for programs and tests, for example `not_found`.
    pub kind: &'static str,
    pub title: &'static str,
    pub sentence: String,
    pub what_next: String,
    /// Seconds to wait before asking again, said to programs as `Retry-After`.
    retry_after: Option<u32>,
    /// Said to the log only.
    cause: Option<Arc<str>>,
}

impl AppError {
    #[must_use]
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        sentence: impl Into<String>,
        what_next: impl Into<String>,
    ) -> Self {
        AppError {
            status,
            kind,
            title,
            sentence: sentence.into(),
            what_next: what_next.into(),
            retry_after: None,
            cause: None,
        }
    }

    #[must_use]
    const fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Keeps what really happened for the log.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(Arc::from(cause.to_string()));
        self
    }

    /// Missing, or belonging to someone else: the same answer for both.
    #[must_use]
    pub fn not_found() -> Self {
        AppError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Page introuvable",
            "Cette page n’existe pas, ou vous n’y avez pas accès.",
            "Vérifiez l’adresse. Si vous avez suivi un lien reçu par message, connectez-vous avec le compte auquel ce message a été adressé.",
        )
    }

    /// The rules of the exam refuse the act; `sentence` says which one, with its article.
    #[must_use]
    pub fn refused(sentence: impl Into<String>) -> Self {
        AppError::new(
            StatusCode::CONFLICT,
            "refused",
            "Action impossible en l’état",
            sentence,
            "Revenez à la page précédente : elle indique ce qui manque ou ce qui bloque.",
        )
    }

    /// Somebody else changed the thing in between.
    #[must_use]
    pub fn changed_meanwhile(sentence: impl Into<String>) -> Self {
        AppError::new(
            StatusCode::CONFLICT,
            "changed_meanwhile",
            "Quelqu’un a modifié cette fiche entre-temps",
            sentence,
            "Rechargez la page pour voir la dernière version, puis reportez votre modification si elle reste utile.",
        )
    }

    #[must_use]
    pub fn bad_request(sentence: impl Into<String>) -> Self {
        AppError::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "Demande incompréhensible",
            sentence,
            "Revenez à la page précédente et recommencez. Si le problème persiste, écrivez à l’assistance.",
        )
    }

    /// The request does not prove that it comes from one of our own pages.
    #[must_use]
    pub fn forged(sentence: impl Into<String>) -> Self {
        AppError::new(
            StatusCode::FORBIDDEN,
            "forged_request",
            "Envoi refusé par sécurité",
            sentence,
            "Revenez à la page précédente (votre navigateur conserve en général ce que vous avez saisi), rechargez-la, puis envoyez de nouveau. Rien n’a été enregistré.",
        )
    }

    #[must_use]
    pub fn method_not_allowed() -> Self {
        AppError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Cette adresse ne s’utilise pas ainsi",
            "Cette adresse existe, mais pas pour ce type de demande.",
            "Repartez de la page qui contient le lien ou le formulaire. Rien n’a été enregistré.",
        )
    }

    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        AppError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "Envoi trop volumineux",
            format!("Ce que vous avez envoyé dépasse la taille acceptée ici ({}).", size_in_words(limit)),
            "Réduisez la taille du fichier (par exemple en numérisant en 150 points par pouce) ou envoyez les pièces une par une. Rien n’a été enregistré.",
        )
    }

    /// The body is not in a form or an alphabet we read.
    #[must_use]
    pub fn unreadable(sentence: impl Into<String>) -> Self {
        AppError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unreadable",
            "Envoi illisible",
            sentence,
            "Utilisez le formulaire de la page, dans un navigateur à jour. Rien n’a été enregistré.",
        )
    }

    #[must_use]
    pub fn unprocessable(sentence: impl Into<String>) -> Self {
        AppError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unprocessable",
            "Saisie à corriger",
            sentence,
            "Revenez à la page précédente pour corriger votre saisie.",
        )
    }

    #[must_use]
    pub fn too_many(wait_seconds: u32) -> Self {
        AppError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "Trop de tentatives",
            "Vous avez fait trop de tentatives en peu de temps.",
            format!(
                "Attendez {} avant de recommencer.",
                if wait_seconds <= 90 {
                    "une minute".to_owned()
                } else {
                    format!("{} minutes", wait_seconds.div_ceil(60))
                }
            ),
        )
        .after(wait_seconds)
    }

    #[must_use]
    pub fn internal(cause: impl ToString) -> Self {
        AppError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Une erreur est survenue",
            "Le service a rencontré une erreur que nous n’avions pas prévue.",
            "Vérifiez sur la page précédente si votre action a été enregistrée avant de la refaire. Si l’erreur se répète, transmettez à l’assistance la référence ci-dessous.",
        )
        .because(cause)
    }

    #[must_use]
    pub fn unavailable(cause: impl ToString) -> Self {
        AppError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Service momentanément indisponible",
            "Le service ne peut pas répondre pour le moment.",
            "Réessayez dans quelques minutes. Si vous veniez d’envoyer un formulaire, vérifiez d’abord s’il a été enregistré.",
        )
        .after(60)
        .because(cause)
    }

    /// Nothing more can be kept; what was there is safe.
    #[must_use]
    fn full(cause: impl ToString) -> Self {
        AppError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "full",
            "Plus de place pour votre fichier",
            "Le service n’a plus de place pour garder votre fichier. Rien n’a été enregistré, et ce que vous aviez déjà envoyé est intact.",
            "Prévenez l’assistance, puis renvoyez ce fichier plus tard.",
        )
        .because(cause)
    }

    /// The same answer for a status given by a library, without a sentence of its own.
    #[must_use]
    fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => AppError::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => AppError::method_not_allowed(),
            StatusCode::PAYLOAD_TOO_LARGE => AppError::new(
                status,
                "too_large",
                "Envoi trop volumineux",
                "Ce que vous avez envoyé dépasse la taille acceptée ici.",
                "Réduisez la taille du fichier, ou envoyez les pièces une par une. Rien n’a été enregistré.",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => AppError::unreadable("Le format de cet envoi n’est pas reconnu."),
            StatusCode::UNPROCESSABLE_ENTITY => AppError::unprocessable("Une valeur envoyée n’est pas acceptée."),
            StatusCode::SERVICE_UNAVAILABLE => AppError::unavailable("library answer"),
            status if status.is_client_error() => {
                let mut error = AppError::bad_request("L’adresse ou les valeurs envoyées sont mal formées.");
                error.status = status;
                error
            }
            status => AppError::internal(format!("library answer {status}")),
        }
    }
}

/// `256 Kio`, `12 Mio`: as an office would read it.
fn size_in_words(bytes: usize) -> String {
    if bytes >= 1024 * 1024 {
        format!("{}\u{a0}Mo", bytes / (1024 * 1024))
    } else {
        format!("{}\u{a0}Ko", bytes / 1024)
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        AppError::internal(format!("template: {error}"))
    }
}

/// What went wrong below becomes a status and a sentence here, and nowhere else.
impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => AppError::refused(refusal.to_string()),
            StoreError::NotFound => AppError::not_found(),
            StoreError::Conflict(sentence) => AppError::changed_meanwhile(sentence),
            StoreError::Connection(_) | StoreError::Unavailable(_) => AppError::unavailable(error),
            StoreError::Database(_) | StoreError::Broken(_) => AppError::internal(error),
        }
    }
}

/// A file that cannot be kept or read: its row exists, so it is never « introuvable » for its owner.
impl From<VaultError> for AppError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Full(_) => AppError::full(error),
            VaultError::Unavailable(_) => AppError::unavailable(error),
            VaultError::Missing(_) | VaultError::Altered(_) => AppError::internal(error),
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What a caught panic becomes. The message goes to the log with the request id of its span.
pub fn from_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let cause = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "panic without message".to_owned());
    AppError::internal(format!("panic: {cause}")).into_response()
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Page,
    error: &'a AppError,
    request_id: &'a str,
}

/// The middleware that gives errors their face. It stands outside the session, so that a failure
/// to read the session is rendered too.
pub async fn render(request: Request, next: Next) -> Response {
    let for_program = wants_json(request.uri().path(), request.headers());
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let mut response = next.run(request).await;
    let error = match response.extensions_mut().remove::<AppError>() {
        Some(error) => error,
        None if is_bare_failure(&response) => AppError::from_status(response.status()),
        None => return response,
    };
    let cause = error.cause.as_deref().unwrap_or("");
    if error.status.is_server_error() {
        tracing::error!(request_id, kind = error.kind, cause, "request failed");
    } else {
        tracing::info!(request_id, kind = error.kind, cause, "request refused");
    }
    let body = if for_program {
        as_problem(&error, &request_id)
    } else {
        let shell = response.extensions_mut().remove::<Shell>();
        as_page(&error, &request_id, &shell.unwrap_or_default())
    };
    // Headers set with the refusal (Allow, Retry-After, cookies) stay.
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    let mut answer = (error.status, body).into_response();
    for (name, value) in &headers {
        answer.headers_mut().append(name, value.clone());
    }
    answer
}

/// A failure written by a library: no page of ours, at best a line of English text.
fn is_bare_failure(response: &Response) -> bool {
    let status = response.status();
    let bare = match response.headers().get(header::CONTENT_TYPE) {
        None => true,
        Some(kind) => kind.as_bytes().starts_with(b"text/plain"),
    };
    (status.is_client_error() || status.is_server_error()) && bare
}

fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    path.starts_with("/api/") || (accept.contains("json") && !accept.contains("text/html"))
}

fn as_problem(error: &AppError, request_id: &str) -> Response {
    let mut response = Json(serde_json::json!({
        "type": "about:blank",
        "code": error.kind,
        "title": error.title,
        "status": error.status.as_u16(),
        "detail": error.sentence,
        "what_next": error.what_next,
        "request_id": request_id,
    }))
    .into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn as_page(error: &AppError, request_id: &str, shell: &Shell) -> Response {
    let page = shell.page(error.title).without_flash();
    let shown = ErrorPage { page, error, request_id }.render();
    match shown {
        Ok(html) => axum::response::Html(html).into_response(),
        Err(cause) => {
            tracing::error!(request_id, %cause, "the error page itself failed");
            format!("{}\n{}\n{request_id}\n", error.sentence, error.what_next).into_response()
        }
    }
}
