//! What every story starts from: an empty database of each engine, and a clock that stands still.
//! PostgreSQL is started by `make test`, which names it in `CPLDS_TEST_POSTGRES_URL`.

pub mod browser;
pub mod web;

use std::sync::atomic::{AtomicU32, Ordering};

use cplds::clock::Clock;
use cplds::store::{Conn, Db, Source, migrate};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database made for one test; its files or its PostgreSQL database go with it.
pub struct Fresh {
    pub db: Db,
    pub clock: Clock,
    pub engine: &'static str,
    dir: Option<std::path::PathBuf>,
    admin: Option<(String, String)>,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(data_dir(&self.db));
        if let Some(dir) = &self.dir {
            let _ = std::fs::remove_dir_all(dir);
        }
        if let Some((url, name)) = &self.admin
            && let Ok(mut conn) = diesel::PgConnection::establish(url)
        {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

pub fn instant(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// Where the site over this database keeps files; gone with the database.
pub fn data_dir(db: &Db) -> std::path::PathBuf {
    match db.source() {
        Source::Sqlite(path) => path.with_extension("data"),
        Source::Postgres(url) => {
            let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap_or("cplds");
            std::env::temp_dir().join(format!("{name}.data"))
        }
    }
}

/// The vault of the site over this database.
pub fn vault(fresh: &Fresh) -> cplds::vault::Vault {
    let place = cplds::config::PiecesPlace::Folder(data_dir(&fresh.db).join("pieces"));
    cplds::vault::Vault::open(&place, &cplds::secret::Secret::from_bytes([7; 32])).unwrap()
}

pub fn temp_dir(label: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!(
        "cplds-test-{}-{label}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// An empty, migrated SQLite database.
pub fn sqlite() -> Fresh {
    let dir = temp_dir("sqlite");
    let clock = Clock::manual(instant("2026-06-15T08:00:00Z"));
    let db = Db::open(Source::Sqlite(dir.join("cplds.db")), clock.clone(), 4).unwrap();
    migrate::run(&db).unwrap();
    Fresh { db, clock, engine: "sqlite", dir: Some(dir), admin: None }
}

/// An empty, migrated PostgreSQL database, when the test command started a server.
pub fn postgres() -> Option<Fresh> {
    let url = std::env::var("CPLDS_TEST_POSTGRES_URL").ok()?;
    let name = format!("cplds_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut conn = diesel::PgConnection::establish(&url).unwrap();
    conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let (base, query) = url.split_once('?').map_or((url.as_str(), String::new()), |(b, q)| (b, format!("?{q}")));
    let (server, _) = base.rsplit_once('/').unwrap();
    let clock = Clock::manual(instant("2026-06-15T08:00:00Z"));
    let db = Db::open(Source::Postgres(format!("{server}/{name}{query}")), clock.clone(), 4).unwrap();
    migrate::run(&db).unwrap();
    Some(Fresh { db, clock, engine: "postgres", dir: None, admin: Some((url.clone(), name)) })
}

/// Runs a story on each engine, and says which one failed.
pub fn each_engine(story: impl Fn(&Fresh)) {
    for fresh in [Some(sqlite()), postgres()].into_iter().flatten() {
        println!("engine: {}", fresh.engine);
        story(&fresh);
    }
}

/// A connection of its own, past every door.
pub fn connect(fresh: &Fresh) -> Conn {
    match fresh.db.source() {
        Source::Sqlite(path) => Conn::Sqlite(diesel::SqliteConnection::establish(&path.to_string_lossy()).unwrap()),
        Source::Postgres(url) => Conn::Postgres(diesel::PgConnection::establish(url).unwrap()),
    }
}

/// Runs SQL as an intruder would, past every door.
pub fn tamper(fresh: &Fresh, sql: &str) {
    connect(fresh).batch_execute(sql).unwrap();
}
