//! Proof that an unsafe request comes from one of our own pages: same origin, and the token of the session.
//! The body is read once, within the limit of its route, and handed on whole to the handler.
//! The token is the field `csrf` (in multipart forms: the first field) or the header `x-csrf-token`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::AppError;
use super::form::BodyKind;
use super::page::Shell;
use super::security::{Guard, same};

pub const FIELD: &str = "csrf";
const HEADER: &str = "x-csrf-token";

/// Layer of one route; `limit` is the size of the largest body it accepts, in bytes.
pub async fn check(State(limit): State<usize>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match proven(request, limit).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn proven(request: Request, limit: usize) -> Result<Request, AppError> {
    let missing = || AppError::internal("unsafe route outside the session middleware");
    let guard = request.extensions().get::<Arc<Guard>>().ok_or_else(missing)?;
    let shell = request.extensions().get::<Shell>().ok_or_else(missing)?;
    if !is_from_here(request.headers(), guard.origin()) {
        return Err(AppError::forged("Cet envoi vient d’un autre site."));
    }
    let expected = shell.csrf.clone();

    // What announces itself too large is refused before a byte of it is read.
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(AppError::too_large(limit));
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
        Some(token) if same(&token, expected.value()) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Some(_) => Err(AppError::forged(
            "Le jeton de sécurité de ce formulaire n’est plus valable\u{a0}: votre session a changé ou pris fin depuis l’affichage de la page.",
        )),
        None => Err(AppError::forged("Cet envoi ne porte pas le jeton de sécurité du formulaire.")),
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
