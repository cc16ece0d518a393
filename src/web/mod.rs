//! How it looks: pages in French over HTTP, one file per step of the exam's life.
//! This file is the map: the routes of every part, in the order of the life cycle, and the layers
//! every request goes through. A handler only translates; what is allowed is decided in `domain`.

pub mod account;
pub mod administration;
pub mod assets;
pub mod candidate;
pub mod certificate;
pub mod client;
pub mod competence;
pub mod convocation;
pub mod correction;
pub mod csrf;
pub mod deliberation;
pub mod download;
pub mod draft;
pub mod eligibility;
pub mod error;
pub mod evaluation;
pub mod examination;
pub mod exchange;
pub mod form;
pub mod framework;
pub mod french;
pub mod handover;
pub mod health;
pub mod home;
pub mod identity;
pub mod invitation;
pub mod jury;
pub mod law;
pub mod message;
pub mod national;
pub mod outbox;
pub mod page;
pub mod pagination;
pub mod pieces;
pub mod privacy;
pub mod publication;
pub mod registration;
pub mod routes;
pub mod schedule;
pub mod security;
pub mod session;
pub mod staff;
pub mod training;
pub mod verification;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use jiff::tz::TimeZone;
use tower_http::catch_panic::CatchPanicLayer;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::academy::{Academy, french_date_time};
use crate::numen::NumenKeeper;
use crate::secret::Secret;
use crate::store::Db;
use crate::vault::Vault;
use error::AppError;
use routes::Routes;
use security::{Guard, SessionLookup, Surroundings};

/// What every handler may ask for.
#[derive(Clone)]
pub struct AppState {
    pub db: Db,
    pub config: Arc<Config>,
    pub guard: Arc<Guard>,
    /// Seals and opens the NUMEN of the staff records.
    pub numens: NumenKeeper,
    /// Files that people hand in.
    pub vault: Vault,
}

impl AppState {
    /// `secret` is the content of the server's key file; `sessions` says who is signed in.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn new(db: Db, config: Config, secret: &[u8], sessions: Arc<dyn SessionLookup>) -> Result<Self, AppError> {
        let surroundings = Arc::new(Around { clock: db.clock().clone() });
        let guard = Guard::new(secret, &config.public_url, sessions, surroundings)?.trusting(&config.trusted_proxies);
        let key = <[u8; 32]>::try_from(secret).map_err(|_| AppError::internal("the key is not 32 bytes"))?;
        let secret = Secret::from_bytes(key);
        let vault = Vault::open(&config.pieces, &secret).map_err(AppError::internal)?;
        let numens = NumenKeeper::new(secret);
        Ok(AppState { db, config: Arc::new(config), guard: Arc::new(guard), numens, vault })
    }

    #[must_use]
    pub const fn clock(&self) -> &Clock {
        self.db.clock()
    }
}

struct Around {
    clock: Clock,
}

impl Surroundings for Around {
    fn simulated_now(&self) -> Option<String> {
        if !self.clock.is_simulated() {
            return None;
        }
        // The banner speaks to everyone at once: one zone, that of the law.
        let paris = TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC);
        Some(french_date_time(&self.clock.now().to_zoned(paris)))
    }

    fn academy_name(&self, code: &str) -> Option<String> {
        Academy::find(code).map(|academy| format!("Académie{}", academy.full_name().trim_start_matches("académie")))
    }
}

/// The whole site, in the order of the life cycle.
pub fn app(state: AppState) -> Router {
    let guard = Arc::clone(&state.guard);
    protected(routes(), &guard, state)
}

/// Every route with its gate. A new part of the site adds its line here.
#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .merge(home::routes())
        .merge(account::routes())
        .merge(candidate::routes())
        .merge(draft::routes())
        .merge(message::routes())
        .merge(identity::routes())
        .merge(privacy::routes())
        .merge(correction::routes())
        .merge(session::routes())
        .merge(registration::routes())
        .merge(pieces::routes())
        .merge(examination::routes())
        .merge(eligibility::routes())
        .merge(jury::routes())
        .merge(schedule::routes())
        .merge(evaluation::routes())
        .merge(deliberation::routes())
        .merge(publication::routes())
        .merge(certificate::routes())
        .merge(verification::routes())
        .merge(staff::routes())
        .merge(handover::routes())
        .merge(exchange::routes())
        .merge(training::routes())
        .merge(framework::routes())
        .merge(competence::routes())
        .merge(administration::routes())
        .merge(law::routes())
        .merge(health::routes())
        .merge(invitation::routes())
        .merge(convocation::routes())
        .merge(outbox::routes())
        .merge(national::routes())
}

/// Puts the layers around the routes, the outermost last.
pub fn protected<S: Clone + Send + Sync + 'static>(routes: Routes<S>, guard: &Arc<Guard>, state: S) -> Router {
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
        // The session layer may panic too, and the pages above it no longer catch that.
        .layer(CatchPanicLayer::custom(error::from_panic))
        .layer(from_fn(error::render))
        .layer(from_fn_with_state(Arc::clone(guard), security::headers))
}

#[cfg(test)]
mod specimen;
#[cfg(test)]
mod tests;
