//! A browser without a screen: it keeps cookies, follows nothing by itself, and sends the token of the last form it saw.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use cplds::config::Config;
use cplds::store::Db;
use cplds::web::account::StoredSessions;
use cplds::web::{self, AppState};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const FORM: &str = "application/x-www-form-urlencoded";

/// The site over this database, with these settings.
pub fn site_with(db: &Db, settings: &[(&str, &str)]) -> Router {
    let mut vars = vec![("CPLDS_DATA_DIR".to_owned(), super::data_dir(db).to_string_lossy().into_owned())];
    vars.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Config::from_vars(vars).unwrap();
    web::app(AppState::new(db.clone(), config, &[7; 32], StoredSessions::shared(db)).unwrap())
}

/// The site over this database, at this public address.
pub fn site_at(db: &Db, public_url: &str) -> Router {
    site_with(db, &[("CPLDS_PUBLIC_URL", public_url)])
}

pub fn site(db: &Db) -> Router {
    site_at(db, "http://127.0.0.1:8080")
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    pub fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// The whole line that sets this cookie.
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        let opening = format!("{name}=");
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).find(|line| line.starts_with(&opening))
    }
}

#[derive(Clone)]
pub struct Browser {
    site: Router,
    runtime: Arc<Runtime>,
    pub cookies: BTreeMap<String, String>,
    pub token: String,
}

impl Browser {
    pub fn new(site: &Router) -> Self {
        // One runtime per browser, so that a story mixes pages and commands, which block.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Browser { site: site.clone(), runtime: Arc::new(runtime), cookies: BTreeMap::new(), token: String::new() }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None)
    }

    /// Sends a form with the token of the last page, as a person would.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token.clone();
        let mut all = vec![("csrf", token.as_str())];
        all.extend_from_slice(fields);
        self.post_bare(path, &all)
    }

    /// Sends exactly these fields.
    pub fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some((FORM.to_owned(), body.into_bytes())))
    }

    /// Sends a form with files (field, file name, bytes) and the token of the last page.
    #[allow(dead_code)] // for the stories of pieces and imports
    pub fn upload(&mut self, path: &str, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Answer {
        const LINE: &str = "----cplds-test-boundary";
        let token = self.token.clone();
        let mut body = Vec::new();
        for (name, value) in [("csrf", token.as_str())].iter().chain(fields) {
            let part = format!("--{LINE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (field, name, bytes) in files {
            let part = format!(
                "--{LINE}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(part.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{LINE}--\r\n").as_bytes());
        self.send(Method::POST, path, Some((format!("multipart/form-data; boundary={LINE}"), body)))
    }

    /// Follows a redirection; any other answer stops the story.
    pub fn follow(&mut self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        self.get(answer.location())
    }

    fn send(&mut self, method: Method, path: &str, body: Option<(String, Vec<u8>)>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let (kind, body) = body.unzip();
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(body.unwrap_or_default())).unwrap();
        let site = self.site.clone();
        let (parts, body) = self.runtime.block_on(async {
            let (parts, body) = site.oneshot(request).await.unwrap().into_parts();
            (parts, body.collect().await.unwrap().to_bytes())
        });
        // A PDF or a spreadsheet is not text; what tests read in it is its status and headers.
        let body = String::from_utf8_lossy(&body).into_owned();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some((_, rest)) = body.split_once("name=\"csrf\" value=\"") {
            self.token = rest.split('"').next().unwrap().to_owned();
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }
}
