//! What protects every page: headers on all answers, cookies, who is signed in, time limits.
//! The order of the layers is read in `web::app`; the token of forms is in `csrf`, permissions in `routes`.
//! Where sessions are kept is not known here: `SessionLookup` is the plug.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::client::TrustedProxies;
use super::error::AppError;
use super::page::{CsrfToken, Flash, Shell, Tone};
use crate::domain::permission::Actor;

/// Longest time a page may take, its upload included.
const TIME_LIMIT: Duration = Duration::from_secs(90);
/// Letters of a flash message kept in its cookie.
const FLASH_LIMIT: usize = 600;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
];

/// An answer that comes later, from a trait object.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A live session: the person, and the hash under which it is stored (the form token is derived from it).
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub token_hash: String,
    pub actor: Actor,
    pub ending: Ending,
}

/// When a session ends if nothing more is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub at: jiff::Timestamp,
    pub seconds_left: i64,
    pub can_be_prolonged: bool,
}

/// Where sessions live. `find` receives the token of the cookie and forgets sessions that are over.
pub trait SessionLookup: Send + Sync {
    fn find<'a>(&'a self, token: &'a str) -> Later<'a, Result<Option<SignedIn>, AppError>>;
}

/// Nobody is ever signed in: for tests and for the first start.
#[derive(Debug, Clone, Copy)]
pub struct NoSessions;

impl SessionLookup for NoSessions {
    fn find<'a>(&'a self, _: &'a str) -> Later<'a, Result<Option<SignedIn>, AppError>> {
        Box::pin(async { Ok(None) })
    }
}

/// Names things from the running program that pages show but this file does not decide.
pub trait Surroundings: Send + Sync {
    /// The simulated instant of the demonstration, in French; `None` outside it.
    fn simulated_now(&self) -> Option<String>;
    /// The name of an academy from its code.
    fn academy_name(&self, code: &str) -> Option<String>;
}

/// Keys and addresses the protections need.
pub struct Guard {
    key: Hmac<Sha256>,
    /// Scheme, host and port of the public address.
    origin: String,
    is_https: bool,
    sessions: Arc<dyn SessionLookup>,
    surroundings: Arc<dyn Surroundings>,
    proxies: TrustedProxies,
}

impl Guard {
    /// `secret` is the server's key (32 bytes or more), `public_url` the address people type.
    pub fn new(
        secret: &[u8],
        public_url: &str,
        sessions: Arc<dyn SessionLookup>,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, AppError> {
        let key = Hmac::new_from_slice(secret).map_err(|cause| AppError::internal(cause.to_string()))?;
        Ok(Guard {
            key,
            origin: origin_of(public_url).to_owned(),
            is_https: public_url.starts_with("https://"),
            sessions,
            surroundings,
            proxies: TrustedProxies::default(),
        })
    }

    /// The proxies that may say where a request comes from.
    #[must_use]
    pub fn trusting(mut self, proxies: &[IpAddr]) -> Self {
        self.proxies = TrustedProxies(Arc::from(proxies));
        self
    }

    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A keyed fingerprint, in hexadecimal; `purpose` keeps the uses apart.
    #[must_use]
    pub fn fingerprint(&self, purpose: &str, text: &str) -> String {
        let mut mac = self.key.clone();
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        in_hexadecimal(&mac.finalize().into_bytes())
    }

    fn cookie_name(&self, role: &str) -> String {
        // `__Host-` is only accepted with Secure, which plain http on the loopback cannot have.
        if self.is_https { format!("__Host-cplds{role}") } else { format!("cplds{role}") }
    }

    fn cookie(&self, role: &str, value: &str, max_age: Option<Duration>) -> Result<HeaderValue, AppError> {
        let name = self.cookie_name(role);
        let age = max_age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        let secure = if self.is_https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"))
            .map_err(AppError::internal)
    }

    /// `Set-Cookie` that opens a session; without an age it ends with the browser.
    pub fn session_cookie(&self, token: &str, max_age: Option<Duration>) -> Result<HeaderValue, AppError> {
        self.cookie("", token, max_age)
    }

    /// `Set-Cookie` that forgets the session.
    pub fn forget_session_cookie(&self) -> Result<HeaderValue, AppError> {
        self.cookie("", "", Some(Duration::ZERO))
    }

    /// The token of the session cookie of a request, if it carries one.
    #[must_use]
    pub fn session_token<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie(headers, &self.cookie_name("")).filter(|token| !token.is_empty())
    }

    pub(super) fn sign_flash(&self, flash: &Flash) -> String {
        let text: String = flash.text.chars().take(FLASH_LIMIT).collect();
        let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let said = format!("{}.{text}", flash.kind.class());
        format!("{}.{said}", self.fingerprint("flash", &said))
    }

    fn read_flash(&self, cookie: &str) -> Option<Flash> {
        let (mac, said) = cookie.split_once('.')?;
        if !same(mac, &self.fingerprint("flash", said)) {
            return None;
        }
        let (kind, text) = said.split_once('.')?;
        let (text, _) = form_urlencoded::parse(text.as_bytes()).next()?;
        Some(Flash { kind: Tone::from_class(kind)?, text: text.into_owned() })
    }

    /// The token of the forms of a session, from the hash under which it is kept.
    pub(super) fn session_csrf(&self, token_hash: &str) -> CsrfToken {
        CsrfToken::new(&self.fingerprint("csrf:session", token_hash))
    }

    /// Who asks, and with which token: the session's, or that of a visitor without an account.
    async fn visitor(&self, headers: &HeaderMap) -> Result<Visitor, AppError> {
        if let Some(token) = self.session_token(headers)
            && let Some(found) = self.sessions.find(token).await?
        {
            let csrf = self.session_csrf(&found.token_hash);
            let (actor, ending) = (Some(Arc::new(found.actor)), Some(found.ending));
            return Ok(Visitor { actor, ending, csrf, fresh: None });
        }
        let known = cookie(headers, &self.cookie_name("-visite")).filter(|value| value.len() == 32);
        let (value, fresh) = match known {
            Some(value) => (value.to_owned(), None),
            None => {
                let value = random_hexadecimal::<16>()?;
                (value.clone(), Some(value))
            }
        };
        let csrf = CsrfToken::new(&self.fingerprint("csrf:visit", &value));
        Ok(Visitor { actor: None, ending: None, csrf, fresh })
    }
}

struct Visitor {
    actor: Option<Arc<Actor>>,
    ending: Option<Ending>,
    csrf: CsrfToken,
    /// A visit cookie to set if the page writes its token.
    fresh: Option<String>,
}

/// Short reference of one request, said on error pages and in the log.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Outermost layer: a reference for the request, and the headers of every answer, errors and assets included.
pub async fn headers(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let id = random_hexadecimal::<6>().unwrap_or_else(|_| "sans-reference".to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(*name).or_insert(HeaderValue::from_static(value));
    }
    if guard.is_https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    // Only what says so itself (assets) may be kept by a browser or a proxy.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    response
}

/// Finds who asks, lets the page be made, then sets the cookies the answer calls for.
pub async fn session(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let visitor = match guard.visitor(request.headers()).await {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    let flash_cookie = cookie(request.headers(), &guard.cookie_name("-message"));
    let academy = visitor.actor.as_ref().and_then(|actor| {
        let code = actor.grants.iter().find_map(|grant| grant.academy.as_deref())?;
        guard.surroundings.academy_name(code)
    });
    let shell = Shell {
        flash: flash_cookie.and_then(|value| guard.read_flash(value)),
        academy,
        simulated_now: guard.surroundings.simulated_now(),
        path: request.uri().path().to_owned(),
        csrf: visitor.csrf,
        actor: visitor.actor,
        ending: visitor.ending,
        flash_was_shown: Arc::default(),
    };
    request.extensions_mut().insert(shell.clone());
    request.extensions_mut().insert(Arc::clone(&guard));
    request.extensions_mut().insert(guard.proxies.clone());
    let mut response = next.run(request).await;

    let mut cookies = Vec::new();
    if let Some(value) = visitor.fresh.filter(|_| shell.csrf.was_written()) {
        cookies.push(guard.cookie("-visite", &value, None));
    }
    if let Some(flash) = response.extensions_mut().remove::<Flash>() {
        cookies.push(guard.cookie("-message", &guard.sign_flash(&flash), Some(Duration::from_secs(300))));
    } else if shell.flash_was_shown() {
        cookies.push(guard.cookie("-message", "", Some(Duration::ZERO)));
    }
    for cookie in cookies {
        match cookie {
            Ok(value) => {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
            Err(error) => return error.into_response(),
        }
    }
    response.extensions_mut().insert(shell);
    response
}

/// Gives up on a page that takes too long, and says so.
pub async fn time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => AppError::unavailable("the request took too long").into_response(),
    }
}

/// Where to go after signing in: a path of this site, or nothing.
#[must_use]
pub fn local_path(text: &str) -> Option<&str> {
    let is_local = text.starts_with('/')
        && !text.starts_with("//")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_local.then_some(text)
}

/// Comparison whose time says nothing of where two texts differ.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// `N` random bytes, in hexadecimal.
pub fn random_hexadecimal<const N: usize>() -> Result<String, AppError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(AppError::internal)?;
    Ok(in_hexadecimal(&bytes))
}

fn in_hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// `https://host:port` of an address.
fn origin_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;
    impl Surroundings for Nowhere {
        fn simulated_now(&self) -> Option<String> {
            None
        }
        fn academy_name(&self, _: &str) -> Option<String> {
            None
        }
    }

    fn guard(url: &str) -> Guard {
        Guard::new(&[7; 32], url, Arc::new(NoSessions), Arc::new(Nowhere)).expect("a guard")
    }

    #[test]
    fn a_session_cookie_is_bound_to_the_host_under_https_only() {
        let cookie = guard("https://cplds.example").session_cookie("abc", None).expect("cookie");
        assert_eq!(cookie, "__Host-cplds=abc; Path=/; HttpOnly; SameSite=Lax; Secure");
        let cookie = guard("http://127.0.0.1:8080").session_cookie("abc", None).expect("cookie");
        assert_eq!(cookie, "cplds=abc; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_message_changed_in_its_cookie_is_not_shown() {
        let guard = guard("http://127.0.0.1:8080");
        let flash = Flash::success("Note enregistrée\u{a0}: 12,5 & « bien ».");
        let cookie = guard.sign_flash(&flash);
        assert_eq!(guard.read_flash(&cookie), Some(flash));
        assert_eq!(guard.read_flash(&cookie.replace("12", "20")), None);
    }

    #[test]
    fn the_way_back_after_signing_in_stays_on_this_site() {
        assert_eq!(local_path("/gestion?page=2"), Some("/gestion?page=2"));
        for foreign in ["//mal.example", "https://mal.example", "/\\mal.example", "gestion", "/a\r\nb"] {
            assert_eq!(local_path(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_origin_is_the_address_without_its_path() {
        assert_eq!(origin_of("https://cplds.example:444/a/b"), "https://cplds.example:444");
        assert_eq!(origin_of("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    }
}
