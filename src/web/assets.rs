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
    file.metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// `GET /assets/{fingerprint}/{*path}`.
pub async fn serve(Path((asked, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = Files::get(&path) else {
        return AppError::not_found().into_response();
    };
    let current = fingerprint(&file);
    // During an upgrade a page of the former version may ask for its style: give today's, keep nothing.
    let caching = if asked == current { FOREVER } else { "no-cache" };
    let tag = format!("\"{current}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
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
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_style_sheet_stays_under_its_weight() {
        let file = Files::get("css/site.css").expect("the style sheet is embedded");
        assert!(file.data.len() < 25 * 1024, "{} bytes", file.data.len());
    }

    /// Colour tokens of the light scheme, then of the dark one (which changes some of them).
    fn schemes() -> [BTreeMap<String, String>; 2] {
        let file = Files::get("css/site.css").expect("the style sheet is embedded");
        let sheet = String::from_utf8(file.data.into_owned()).expect("UTF-8");
        let tokens = sheet.split("@layer base {").next().expect("tokens come first");
        let (light, dark) = tokens.split_once("@media (prefers-color-scheme: dark)").expect("both schemes");
        let read = |text: &str| {
            text.split("--")
                .filter_map(|part| part.split_once(": #"))
                .map(|(name, rest)| {
                    let value: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
                    (name.to_owned(), value)
                })
                .collect::<BTreeMap<_, _>>()
        };
        let light = read(light);
        let mut dark_tokens = light.clone();
        dark_tokens.extend(read(dark));
        [light, dark_tokens]
    }

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance(hex: &str) -> f64 {
        let long: String = match hex.len() {
            3 => hex.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => hex.to_owned(),
        };
        let channel = |at: usize| {
            let value = u8::from_str_radix(&long[at..at + 2], 16).expect("hexadecimal");
            let share = f64::from(value) / 255.0;
            if share <= 0.03928 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }

    #[test]
    fn texts_and_marks_stand_out_in_both_schemes() {
        let grounds = ["paper", "surface", "sunken", "brand-tint"];
        let mut pairs: Vec<(String, String, f64)> = Vec::new();
        for text in ["ink", "ink-soft", "brand", "brand-strong"] {
            pairs.extend(grounds.map(|ground| (text.to_owned(), ground.to_owned(), 4.5)));
        }
        for tone in ["info", "success", "warning", "error", "neutral"] {
            for text in [tone, "ink", "brand"] {
                pairs.push((text.to_owned(), format!("{tone}-tint"), 4.5));
            }
        }
        for (text, ground) in
            [("on-brand", "brand"), ("on-brand", "brand-strong"), ("paper", "error"), ("paper", "error-strong")]
        {
            pairs.push((text.to_owned(), ground.to_owned(), 4.5));
        }
        for ground in grounds {
            pairs.push(("focus".to_owned(), ground.to_owned(), 3.0));
        }
        for ground in ["paper", "surface"] {
            pairs.push(("line-strong".to_owned(), ground.to_owned(), 3.0));
        }
        for scheme in schemes() {
            for (front, ground, least) in &pairs {
                let (a, b) = (luminance(&scheme[front]), luminance(&scheme[ground]));
                let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(ratio >= *least, "{front} on {ground}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn an_address_carries_the_fingerprint_of_the_content() {
        let url = url("css/site.css");
        let hash = url.strip_prefix("/assets/").and_then(|rest| rest.strip_suffix("/css/site.css"));
        assert_eq!(hash.map(str::len), Some(16), "{url}");
    }
}
