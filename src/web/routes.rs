//! The map of the site. A route cannot be written without its gate: who may pass is said on the line of
//! its address, recorded in a table that tests walk, and applied to that route alone.
//! Gates are about roles; what a person may do to one file is asked of `domain::permission`.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::csrf;
use super::error::AppError;
use super::page::{Shell, see_other};
use crate::domain::permission::{Actor, Role};

/// Largest body of an ordinary form, and of a form with files, in bytes.
pub const FORM_LIMIT: usize = 256 * 1024;
pub const UPLOAD_LIMIT: usize = 24 * 1024 * 1024;

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Everyone, with or without an account.
    Public,
    /// Whoever is signed in; the handler asks whose file it is.
    SignedIn,
    /// Holders of one of these roles, in whatever academy.
    Roles(&'static [Role]),
    /// Programs, by a bearer token that the API itself checks; cookies mean nothing there.
    Bearer,
}

impl Gate {
    #[must_use]
    pub fn admits(self, actor: Option<&Actor>) -> bool {
        match (self, actor) {
            (Gate::Public | Gate::Bearer, _) | (Gate::SignedIn, Some(_)) => true,
            (Gate::Roles(roles), Some(actor)) => roles.iter().any(|role| actor.has_role(*role)),
            (Gate::SignedIn | Gate::Roles(_), None) => false,
        }
    }
}

/// One line of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    pub method: Method,
    pub path: &'static str,
    pub gate: Gate,
}

/// Routes of one part of the site, each with its gate.
pub struct Routes<S> {
    router: Router<S>,
    table: Vec<RouteRow>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    #[must_use]
    pub fn new() -> Self {
        Routes { router: Router::new(), table: Vec::new() }
    }

    #[must_use]
    pub fn get<H, T>(self, path: &'static str, gate: Gate, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::GET, path, gate, FORM_LIMIT, on(MethodFilter::GET, handler))
    }

    /// An act, from an ordinary form.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, gate: Gate, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.post_within(path, gate, FORM_LIMIT, handler)
    }

    /// An act with files; its form is multipart and its first field is the token.
    #[must_use]
    pub fn upload<H, T>(self, path: &'static str, gate: Gate, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.post_within(path, gate, UPLOAD_LIMIT, handler)
    }

    /// An act whose body has a limit of its own, in bytes.
    #[must_use]
    pub fn post_within<H, T>(self, path: &'static str, gate: Gate, limit: usize, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::POST, path, gate, limit, on(MethodFilter::POST, handler))
    }

    /// For the API: a method that forms do not have.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, gate: Gate, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::PUT, path, gate, FORM_LIMIT, on(MethodFilter::PUT, handler))
    }

    #[must_use]
    pub fn merge(mut self, other: Routes<S>) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// Every route of the site, for the map in the tests and the documentation.
    #[must_use]
    pub fn table(&self) -> &[RouteRow] {
        &self.table
    }

    pub fn into_router(self) -> Router<S> {
        self.router
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        gate: Gate,
        limit: usize,
        route: MethodRouter<S, Infallible>,
    ) -> Self {
        let mut route = route.layer(DefaultBodyLimit::max(limit)).layer(middleware::from_fn_with_state(gate, enforce));
        if gate != Gate::Bearer {
            // Outside the gate: an unsafe request without its token is refused before anything is said.
            route = route.layer(middleware::from_fn_with_state((limit, gate), csrf::check));
        }
        self.router = self.router.route(path, route);
        self.table.push(RouteRow { method, path, gate });
        self
    }
}

async fn enforce(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    if gate == Gate::Bearer {
        // No form token is asked there, so a cookie must not sign anybody in.
        request.extensions_mut().insert(Shell::default());
    }
    let actor = request.extensions().get::<Shell>().and_then(|shell| shell.actor.as_deref());
    if gate.admits(actor) {
        return next.run(request).await;
    }
    if actor.is_some() {
        // The same answer as for a page that does not exist.
        return AppError::not_found().into_response();
    }
    see_other(&sign_in_path(request.method(), request.uri()))
}

/// The sign-in page, with the way back when going back makes sense.
fn sign_in_path(method: &Method, uri: &Uri) -> String {
    if !method.is_safe() {
        return "/connexion".to_owned();
    }
    let back = uri.path_and_query().map_or("/", |path| path.as_str());
    let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    format!("/connexion?retour={back}")
}
