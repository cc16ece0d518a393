//! For whatever watches the process: `/healthz` says it is alive, `/readyz` that its database answers with the right schema.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::AppError;
use super::routes::{Gate, Routes};
use crate::store::migrate;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new().get("/healthz", Gate::Public, alive).get("/readyz", Gate::Public, ready)
}

async fn alive() -> Response {
    "ok\n".into_response()
}

async fn ready(State(app): State<AppState>) -> Result<Response, AppError> {
    let db = app.db.clone();
    let current = tokio::task::spawn_blocking(move || migrate::is_current(&db)).await.map_err(AppError::internal)?;
    Ok(match current {
        Ok(true) => "ok\n".into_response(),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "schéma à mettre à jour\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "base de données injoignable\n").into_response()
        }
    })
}
