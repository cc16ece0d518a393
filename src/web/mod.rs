//! How it looks: pages in French over HTTP, one file per step of the exam's life.
//! This file is the map: the routes of every part, in the order of the life cycle, and the layers
//! every request goes through. A handler only translates; what is allowed is decided in `domain`.

pub mod assets;
pub mod csrf;
pub mod error;
pub mod form;
pub mod law;
pub mod page;
pub mod routes;
pub mod security;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

use error::AppError;
use routes::Routes;
use security::Guard;

/// Puts the layers around the routes, the outermost last.
pub fn protected<S: Clone + Send + Sync + 'static>(
    routes: Routes<S>,
    guard: &Arc<Guard>,
    state: S,
) -> Router {
    let pages = routes
        .into_router()
        .fallback(|| async { AppError::not_found() })
        .method_not_allowed_fallback(|| async { AppError::method_not_allowed() })
        .layer(from_fn(security::time_limit))
        .layer(CatchPanicLayer::custom(error::from_panic))
        .layer(from_fn_with_state(Arc::clone(guard), security::session))
        .with_state(state);
    Router::new()
        // Outside the session: the theme is the same for everyone.
        .route("/assets/{fingerprint}/{*path}", get(assets::serve))
        .fallback_service(pages)
        .layer(from_fn(error::render))
        .layer(from_fn_with_state(Arc::clone(guard), security::headers))
}
