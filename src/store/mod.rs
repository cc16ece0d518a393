//! What happened: all SQL, one file per step, commands first, then queries.
//! `Db::read` and `Db::write` are the only doors to the data. This file and `migrate` alone name an engine.
//!
//! SQLite has one writer thread that groups the commits waiting for it (one fsync for many);
//! PostgreSQL serialises what shares a lock key with an advisory lock, over several instances.

pub mod accounts;
pub mod audit;
pub mod certificate;
pub mod columns;
pub mod competence;
pub mod convocation;
pub mod correction;
pub mod deliberation;
pub mod documents;
pub mod draft;
pub mod eligibility;
pub mod error;
pub mod evaluation;
pub mod examination;
pub mod exchange;
pub mod export;
pub mod framework;
pub mod handover;
pub mod holder;
pub mod identity;
pub mod invitations;
pub mod jury;
pub mod links;
pub mod message;
pub mod migrate;
pub mod mission;
pub mod national;
pub mod outbox;
pub mod people;
pub mod pieces;
pub mod privacy;
pub mod publication;
pub mod reference;
pub mod registration;
pub mod retention;
pub mod schedule;
pub mod schema;
pub mod schools;
pub mod session;
pub mod sessions;
pub mod settings;
pub mod staff;
pub mod training;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::permission::Actor;
pub use columns::{Day, Stamp};
pub use error::{StoreError, Stored};

/// A connection to either engine; every query of the house is written once, against this.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

/// Compiles one body for each engine, for what `MultiConnection` cannot do: batch insert, `on_conflict`.
#[macro_export]
macro_rules! each_backend {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::store::Conn::Sqlite($c) => $body,
            $crate::store::Conn::Postgres($c) => $body,
        }
    };
}

/// What a transaction excludes others from. Two transactions with the same key never overlap.
///
/// Taken in this order when several are needed: a session, then the house, then the register.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lock {
    /// Everything of one exam session.
    Session(String),
    /// Accounts, packs, staff, training: all that is not of one session.
    House,
    /// The register of certificates.
    Register,
}

impl Lock {
    /// The key under which the audit chain of these transactions is kept.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Lock::Session(id) => format!("session:{id}"),
            Lock::House => "house".to_owned(),
            Lock::Register => "register".to_owned(),
        }
    }

    fn advisory(&self) -> i64 {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(self.key().as_bytes());
        i64::from_be_bytes([digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]])
    }
}

/// A write in progress: the connection, the instant all its rows carry, and who acts.
pub struct Tx<'a> {
    pub conn: &'a mut Conn,
    pub at: Timestamp,
    pub actor: &'a Actor,
    lock: Lock,
}

impl Tx<'_> {
    /// The instant of this transaction as a column.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        Stamp(self.at)
    }

    /// Takes one more lock, in the fixed order of [`Lock`].
    ///
    /// # Errors
    /// The database's own, when the lock cannot be taken.
    pub fn also_lock(&mut self, lock: &Lock) -> Stored<()> {
        take_lock(self.conn, lock)
    }
}

/// A new identifier, sortable by the instant it was made at (UUIDv7).
#[must_use]
pub fn new_id(at: Timestamp) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let mut random = [0u8; 10];
    // Without randomness from the system no token of this house is safe either: the all-zero id then collides loudly.
    if getrandom::fill(&mut random).is_err() {
        return uuid::Uuid::nil().to_string();
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

/// Where the data stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Source {
    /// Reads `sqlite:///path/file.db` or `postgres://...`; anything else is refused.
    ///
    /// # Errors
    /// A sentence that says which addresses are understood.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err(
                    "l’adresse sqlite:// ne nomme aucun fichier (exemple : sqlite:///var/lib/cplds/cplds.db)".into()
                );
            }
            return Ok(Source::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Source::Postgres(url.to_owned()));
        }
        Err(format!(
            "l’adresse de base de données « {} » n’est pas comprise : attendu sqlite:///chemin/fichier.db ou postgres://…",
            url.split_once("://").map_or(url, |(scheme, _)| scheme)
        ))
    }

    fn connect(&self, for_reading: bool) -> Result<Conn, ConnectionError> {
        match self {
            Source::Sqlite(path) => {
                let mut conn = diesel::SqliteConnection::establish(&path.to_string_lossy())?;
                // FULL: an acknowledged commit survives a power cut. NORMAL loses the tail of the log.
                conn.batch_execute(
                    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 268435456;",
                )
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                if for_reading {
                    conn.batch_execute("PRAGMA query_only = ON;")
                        .map_err(ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(Conn::Sqlite(conn))
            }
            Source::Postgres(url) => {
                let mut conn = diesel::PgConnection::establish(url)?;
                conn.batch_execute("SET TIME ZONE 'UTC'; SET client_encoding TO 'UTF8';")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Postgres(conn))
            }
        }
    }
}

/// Opens connections for the pool; built by hand because SQLite's `establish` accepts any string.
struct Opener {
    source: Source,
    for_reading: bool,
}

impl r2d2::ManageConnection for Opener {
    type Connection = Conn;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Conn, Self::Error> {
        self.source.connect(self.for_reading).map_err(diesel::r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Self::Error> {
        conn.batch_execute("SELECT 1").map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, _conn: &mut Conn) -> bool {
        std::thread::panicking()
    }
}

/// The database: cheap to clone, shared by pages, jobs and commands.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Opener>,
    writer: Option<writer::Writer>,
    clock: Clock,
    source: Source,
}

impl Db {
    /// Opens the database. Migrations are a step of their own ([`migrate::run`]).
    ///
    /// # Errors
    /// [`StoreError::Connection`] when it cannot be reached.
    pub fn open(source: Source, clock: Clock, connections: u32) -> Stored<Self> {
        let for_reading = matches!(source, Source::Sqlite(_));
        if let Source::Sqlite(path) = &source {
            make_private(path)?;
        }
        let writer = match &source {
            Source::Sqlite(_) => {
                let conn = source.connect(false).map_err(|e| StoreError::Connection(e.to_string()))?;
                Some(writer::Writer::start(conn)?)
            }
            Source::Postgres(_) => None,
        };
        let pool = r2d2::Pool::builder()
            .max_size(connections.max(1))
            .min_idle(Some(1))
            .test_on_check_out(matches!(source, Source::Postgres(_)))
            .connection_timeout(Duration::from_secs(10))
            .build(Opener { source: source.clone(), for_reading })
            .map_err(|e| StoreError::Connection(e.to_string()))?;
        Ok(Db { pool, writer, clock, source })
    }

    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The same data seen with another clock (a demonstration reads its shift after opening).
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// All reads of a page, in one read transaction: they see one state of the data.
    ///
    /// # Errors
    /// Those of `query`, or of the connection.
    pub async fn read<T, F>(&self, query: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Stored<T> + Send + 'static,
    {
        let db = self.clone();
        tokio::task::spawn_blocking(move || db.read_now(query))
            .await
            .map_err(|e| StoreError::Unavailable(e.to_string()))?
    }

    /// [`Db::read`] for commands, which have no runtime.
    ///
    /// # Errors
    /// Those of `query`, or of the connection.
    pub fn read_now<T>(&self, query: impl FnOnce(&mut Conn) -> Stored<T>) -> Stored<T> {
        let mut conn = self.pool.get().map_err(|e| StoreError::Connection(e.to_string()))?;
        let begin_with = match &*conn {
            Conn::Sqlite(_) => "BEGIN",
            Conn::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        begin(&mut conn, begin_with)?;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| query(&mut conn)));
        let ended = roll_back(&mut conn);
        match result {
            Ok(result) => {
                ended?;
                result
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// One state change: facts, rule, rows, audit line and queued mail in one transaction, durable when this returns.
    ///
    /// Never hash a password, render a document or send mail inside: the writer would wait for it.
    ///
    /// # Errors
    /// Those of `command` (nothing is then applied), or of the database.
    pub async fn write<T, F>(&self, actor: &Actor, lock: Lock, command: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static,
    {
        let actor = actor.clone();
        let clock = self.clock.clone();
        match &self.writer {
            Some(writer) => {
                let run = move |conn: &mut Conn| command(&mut Tx { conn, at: clock.now(), actor: &actor, lock });
                writer.submit(run)?.await.map_err(|_| writer_gone())?
            }
            None => {
                let db = self.clone();
                tokio::task::spawn_blocking(move || db.write_postgres(&actor, lock, command))
                    .await
                    .map_err(|e| StoreError::Unavailable(e.to_string()))?
            }
        }
    }

    /// [`Db::write`] for commands, which have no runtime.
    ///
    /// # Errors
    /// Those of `command` (nothing is then applied), or of the database.
    pub fn write_now<T, F>(&self, actor: &Actor, lock: Lock, command: F) -> Stored<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => {
                let actor = actor.clone();
                let clock = self.clock.clone();
                let run = move |conn: &mut Conn| command(&mut Tx { conn, at: clock.now(), actor: &actor, lock });
                writer.submit(run)?.blocking_recv().map_err(|_| writer_gone())?
            }
            None => self.write_postgres(actor, lock, command),
        }
    }

    fn write_postgres<T>(
        &self,
        actor: &Actor,
        lock: Lock,
        command: impl FnOnce(&mut Tx<'_>) -> Stored<T>,
    ) -> Stored<T> {
        let mut conn = self.pool.get().map_err(|e| StoreError::Connection(e.to_string()))?;
        begin(&mut conn, "BEGIN")?;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            take_lock(&mut conn, &lock)?;
            let value = command(&mut Tx { conn: &mut conn, at: self.clock.now(), actor, lock })?;
            // A transaction that already failed answers COMMIT with a silent rollback: ask it before.
            conn.batch_execute("SELECT 1")?;
            Ok(value)
        }));
        match result {
            Ok(Ok(value)) => {
                commit(&mut conn)?;
                Ok(value)
            }
            Ok(Err(error)) => {
                roll_back(&mut conn)?;
                Err(error)
            }
            Err(panic) => {
                roll_back(&mut conn)?;
                std::panic::resume_unwind(panic)
            }
        }
    }
}

// Through diesel's manager, so that what it nests by itself (a batch insert on SQLite) becomes a savepoint.
fn begin(conn: &mut Conn, sql: &str) -> diesel::QueryResult<()> {
    each_backend!(conn, c => AnsiTransactionManager::begin_transaction_sql(c, sql))
}

fn commit(conn: &mut Conn) -> diesel::QueryResult<()> {
    each_backend!(conn, c => AnsiTransactionManager::commit_transaction(c))
}

fn roll_back(conn: &mut Conn) -> diesel::QueryResult<()> {
    each_backend!(conn, c => AnsiTransactionManager::rollback_transaction(c))
}

fn take_lock(conn: &mut Conn, lock: &Lock) -> Stored<()> {
    match conn {
        // BEGIN IMMEDIATE already excludes every other writer of the file.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(c) => {
            diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(lock.advisory()).execute(c)?;
            Ok(())
        }
    }
}

fn writer_gone() -> StoreError {
    StoreError::Unavailable("le fil d’écriture s’est arrêté".into())
}

/// Creates the file with rights for its owner alone, before SQLite does it with the process's mask.
fn make_private(path: &std::path::Path) -> Stored<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if path.exists() {
        return Ok(());
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(|_| ())
        .map_err(|e| StoreError::Connection(format!("{} : {e}", path.display())))
}
