//! The files of the theme, carried in the program and served under the fingerprint of their content:
//! a browser keeps them for a year, and a new version has a new address.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::error::AppError;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

const FOREVER: &str = "public, max-age=31536000, immutable";

/// The address of an asset, for example `css/site.css`; unknown names lead to the 404 page.
#[must_use]
pub fn url(path: &str) -> String {
    match Files::get(path) {
        Some(file) => format!("/assets/{}/{path}", fingerprint(&file)),
        None => format!("/assets/absent/{path}"),
    }
}

fn fingerprint(file: &rust_embed::EmbeddedFile) -> String {
    file.metadata
        .sha256_hash()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `GET /assets/{fingerprint}/{*path}`.
pub async fn serve(Path((asked, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = Files::get(&path) else {
        return AppError::not_found().into_response();
    };
    let current = fingerprint(&file);
    // During an upgrade a page of the former version may ask for its style: give today's, keep nothing.
    let caching = if asked == current {
        FOREVER
    } else {
        "no-cache"
    };
    let tag = format!("\"{current}\"");
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.into_owned().into_response()
    };
    let kind = match path.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_stays_under_its_weight() {
        let file = Files::get("css/site.css").expect("the style sheet is embedded");
        assert!(file.data.len() < 25 * 1024, "{} bytes", file.data.len());
    }

    #[test]
    fn an_address_carries_the_fingerprint_of_the_content() {
        let url = url("css/site.css");
        let hash = url
            .strip_prefix("/assets/")
            .and_then(|rest| rest.strip_suffix("/css/site.css"));
        assert_eq!(hash.map(str::len), Some(16), "{url}");
    }
}
