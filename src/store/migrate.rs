//! Brings the schema up to date, from any released state, and tells whether it is.
//! Each migration is one transaction; on PostgreSQL several instances starting at once wait for one another.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Db, Source, StoreError, Stored};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Advisory lock held while migrating ("cpldsmig" in bytes).
const MIGRATING: i64 = 0x6370_6c64_736d_6967;

/// Runs what is pending; returns the versions applied, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`] with the engine's message; the migration that failed left no trace.
pub fn run(db: &Db) -> Stored<Vec<String>> {
    let mut conn = db.source.connect(false).map_err(|e| StoreError::Connection(e.to_string()))?;
    let applied = match &mut conn {
        Conn::Sqlite(c) => c.run_pending_migrations(SQLITE).map(versions),
        Conn::Postgres(c) => {
            diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(MIGRATING).execute(c)?;
            let applied = c.run_pending_migrations(POSTGRES).map(versions);
            diesel::sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(MIGRATING).execute(c)?;
            applied
        }
    };
    applied.map_err(|e| StoreError::Unavailable(format!("migration : {e}")))
}

/// Whether the schema is the one this program was built for.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database cannot say.
pub fn is_current(db: &Db) -> Stored<bool> {
    let mut conn = db.source.connect(false).map_err(|e| StoreError::Connection(e.to_string()))?;
    let pending = match &mut conn {
        Conn::Sqlite(c) => c.has_pending_migration(SQLITE),
        Conn::Postgres(c) => c.has_pending_migration(POSTGRES),
    };
    pending.map(|pending| !pending).map_err(|e| StoreError::Unavailable(e.to_string()))
}

fn versions(applied: Vec<diesel::migration::MigrationVersion<'_>>) -> Vec<String> {
    applied.iter().map(ToString::to_string).collect()
}

/// The engine's name for people (`doctor`, logs).
#[must_use]
pub fn engine_name(source: &Source) -> &'static str {
    match source {
        Source::Sqlite(_) => "SQLite",
        Source::Postgres(_) => "PostgreSQL",
    }
}
