//! Proof that an unsafe request comes from one of our own pages: same origin, and the token of the session.
//! The body is read once, within the limit of its route, and handed on whole to the handler.
//! The token is the field `csrf` (in multipart forms: the first field) or the header `x-csrf-token`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::account::resume;
use super::error::AppError;
use super::form::BodyKind;
use super::page::Shell;
use super::routes::Gate;
use super::security::{Guard, same};
use crate::secret::token_hash;

pub const FIELD: &str = "csrf";
const HEADER: &str = "x-csrf-token";

/// Layer of one route; `limit` is the size of the largest body it accepts, in bytes.
pub async fn check(State((limit, gate)): State<(usize, Gate)>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match proven(request, limit).await {
        Ok(request) => next.run(request).await,
        Err(Unproven::Refused(error)) => error.into_response(),
        // Pages for everyone have no session to come back to.
        Err(Unproven::Late(_)) if gate == Gate::Public => late().into_response(),
        Err(Unproven::Late(late)) => {
            let (parts, bytes, guard, shell) = *late;
            resume::answer(&guard, &shell, parts, bytes).await
        }
    }
}

enum Unproven {
    Refused(AppError),
    /// One of our own forms, of a session that is over or was followed by another.
    Late(Box<(Parts, Bytes, Arc<Guard>, Shell)>),
}

impl From<AppError> for Unproven {
    fn from(error: AppError) -> Self {
        Unproven::Refused(error)
    }
}

fn late() -> AppError {
    AppError::forged(
        "Le jeton de sécurité de ce formulaire n’est plus valable\u{a0}: votre session a changé ou pris fin depuis l’affichage de la page.",
    )
}

async fn proven(request: Request, limit: usize) -> Result<Request, Unproven> {
    let missing = || AppError::internal("unsafe route outside the session middleware");
    let guard = request.extensions().get::<Arc<Guard>>().ok_or_else(missing)?;
    let shell = request.extensions().get::<Shell>().ok_or_else(missing)?;
    if !is_from_here(request.headers(), guard.origin()) {
        return Err(AppError::forged("Cet envoi vient d’un autre site.").into());
    }
    let (guard, shell) = (Arc::clone(guard), shell.clone());

    // What announces itself too large is refused before a byte of it is read.
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(AppError::too_large(limit).into());
    }
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|cause| {
        let is_limit =
            std::error::Error::source(&cause).is_some_and(|source| source.to_string().contains("length limit"));
        if is_limit {
            AppError::too_large(limit)
        } else {
            AppError::bad_request("L’envoi a été interrompu.").because(cause)
        }
    })?;
    let given = match given {
        Some(token) => Some(token),
        None => token_in_body(&parts.headers, &bytes).await?,
    };
    match given {
        Some(token) if same(&token, shell.csrf.value()) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Some(token) if was_ours(&guard, &parts.headers, &token) => {
            Err(Unproven::Late(Box::new((parts, bytes, guard, shell))))
        }
        Some(_) => Err(late().into()),
        None => Err(AppError::forged("Cet envoi ne porte pas le jeton de sécurité du formulaire.").into()),
    }
}

async fn token_in_body(headers: &HeaderMap, bytes: &Bytes) -> Result<Option<String>, AppError> {
    match BodyKind::of(headers) {
        Ok(BodyKind::UrlEncoded) => {
            let found = form_urlencoded::parse(bytes).find(|(name, _)| name == FIELD);
            Ok(found.map(|(_, value)| value.into_owned()))
        }
        Ok(BodyKind::Multipart) => {
            let mut copy = Request::new(Body::from(bytes.clone()));
            *copy.headers_mut() = headers.clone();
            // Already within the limit of its route: the library's own would hide the token of whatever is over 2 MB.
            DefaultBodyLimit::disable().apply(&mut copy);
            let Ok(mut parts) = Multipart::from_request(copy, &()).await else {
                return Ok(None);
            };
            // Only the first field is looked at, so that no file is unpacked before the proof.
            let Ok(Some(first)) = parts.next_field().await else {
                return Ok(None);
            };
            if first.name() != Some(FIELD) {
                return Ok(None);
            }
            Ok(first.text().await.ok())
        }
        // Without a form there is no field: the header was the only way.
        Err(_) => Ok(None),
    }
}

/// Whether a token that is not today's proves a page of ours: that of the session whose cookie is still here, or any
/// when the browser itself says that the form comes from this site. Such a form is never done, only shown again.
fn was_ours(guard: &Guard, headers: &HeaderMap, token: &str) -> bool {
    let is_of_cookie = guard
        .session_token(headers)
        .is_some_and(|session| same(token, guard.session_csrf(&token_hash(session)).value()));
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said.as_bytes() == value.as_bytes());
    is_of_cookie || says("sec-fetch-site", "same-origin") || says("origin", guard.origin())
}

/// What the browser itself says of where the request was made. A client that says nothing is not a
/// browser under attack; the token decides.
fn is_from_here(headers: &HeaderMap, public_origin: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text("origin") else {
        return true;
    };
    let host = text("host").unwrap_or("");
    let names_host = origin.split_once("://").is_some_and(|(_, name)| !host.is_empty() && name == host);
    origin == public_origin || names_host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect()
    }

    #[test]
    fn a_form_of_another_site_is_recognised_by_what_the_browser_says() {
        let here = "https://cplds.example";
        assert!(is_from_here(&headers(&[("sec-fetch-site", "same-origin")]), here));
        assert!(is_from_here(&headers(&[("origin", "https://cplds.example")]), here));
        assert!(is_from_here(&headers(&[("origin", "http://localhost:1"), ("host", "localhost:1")]), here));
        assert!(!is_from_here(&headers(&[("sec-fetch-site", "cross-site")]), here));
        assert!(!is_from_here(&headers(&[("sec-fetch-site", "same-site")]), here));
        assert!(!is_from_here(&headers(&[("origin", "https://mal.example"), ("host", "cplds.example")]), here));
        assert!(!is_from_here(&headers(&[("origin", "null"), ("host", "cplds.example")]), here));
    }
}
