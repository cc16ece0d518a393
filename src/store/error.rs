//! What can go wrong below the pages. A refusal is for the person; everything else is for the log.
//! Pages turn these into a status and a sentence in one place (`web::error`).

use crate::domain::refusal::Refusal;

/// Why a read or a write did not happen. Nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule said no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// There is no such thing, or it belongs to another academy: the two are never told apart.
    #[error("introuvable")]
    NotFound,
    /// Somebody else changed the thing since it was read (compare and swap lost).
    #[error("{0}")]
    Conflict(String),
    #[error("base de données : {0}")]
    Database(diesel::result::Error),
    #[error("connexion à la base de données : {0}")]
    Connection(String),
    /// What is stored does not read back: a bug or a hand in the database.
    #[error("donnée illisible : {0}")]
    Broken(String),
    /// The database holds, but cannot take more just now (disk full, writer gone).
    #[error("écriture impossible : {0}")]
    Unavailable(String),
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::NotFound => StoreError::NotFound,
            other => StoreError::Database(other),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError::Broken(error.to_string())
    }
}

impl StoreError {
    /// True when a unique index refused the row: somebody did the same thing first.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(
            self,
            StoreError::Database(diesel::result::Error::DatabaseError(
                diesel::result::DatabaseErrorKind::UniqueViolation,
                _
            ))
        )
    }
}

pub type Stored<T> = Result<T, StoreError>;
