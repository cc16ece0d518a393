//! The two texts of each migration say the same, `store/schema.rs` says what they make, and both engines
//! go up, up again, down and up. What is compared here is never compared by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cplds::store::{Conn, migrate};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::support::{Fresh, each_engine, sqlite};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of one engine's migrations, by its path below the engine's folder.
fn texts(engine: &str) -> BTreeMap<PathBuf, String> {
    let folder = root().join("migrations").join(engine);
    let mut texts = BTreeMap::new();
    for migration in std::fs::read_dir(&folder).unwrap() {
        for file in std::fs::read_dir(migration.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            texts.insert(path.strip_prefix(&folder).unwrap().to_owned(), text);
        }
    }
    texts
}

#[test]
fn the_two_engines_read_one_text_but_for_two_words() {
    let sqlite = texts("sqlite");
    let postgres = texts("postgres");
    assert!(sqlite.len() >= 2, "an up and a down at least: {sqlite:?}");
    let names: Vec<_> = sqlite.keys().collect();
    assert_eq!(names, postgres.keys().collect::<Vec<_>>(), "each migration stands on both sides under one name");
    for (name, text) in &sqlite {
        let translated = text.replace(" BLOB ", " BYTEA ").replace("COLLATE BINARY", "COLLATE \"C\"");
        for (number, (left, right)) in translated.lines().zip(postgres[name].lines()).enumerate() {
            assert_eq!(left, right, "{}, line {}", name.display(), number + 1);
        }
        assert_eq!(translated.lines().count(), postgres[name].lines().count(), "{}", name.display());
    }
}

/// Name of the column, its type as schema.rs writes it, whether it may be absent.
type Column = (String, String, bool);

/// What `store/schema.rs` says, read from its text: table, then columns in order.
fn declared() -> BTreeMap<String, Vec<Column>> {
    let text = std::fs::read_to_string(root().join("src/store/schema.rs")).unwrap();
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("diesel::")) {
        if let Some((name, kind)) = line.split_once(" -> ") {
            let kind = kind.trim_end_matches(',');
            let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let table = current.as_ref().unwrap_or_else(|| panic!("a column outside a table: {line}"));
            let column = (name.to_owned(), inner.unwrap_or(kind).to_owned(), inner.is_some());
            tables.get_mut(table).unwrap().push(column);
        } else if line.ends_with(") {")
            && let Some((name, _)) = line.split_once(" (")
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            assert!(tables.insert(name.to_owned(), Vec::new()).is_none(), "{name} is declared twice");
            current = Some(name.to_owned());
        }
    }
    tables
}

#[derive(QueryableByName, Debug)]
struct Described {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Integer)]
    nullable: i32,
}

const SQLITE_COLUMNS: &str = "SELECT m.name AS table_name, c.name AS column_name, c.type AS kind, \
     CASE WHEN c.\"notnull\" = 1 THEN 0 ELSE 1 END AS nullable \
     FROM sqlite_master m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";

const POSTGRES_COLUMNS: &str = "SELECT table_name::text AS table_name, column_name::text AS column_name, data_type::text AS kind, \
     CASE WHEN is_nullable = 'YES' THEN 1 ELSE 0 END AS nullable \
     FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";

/// What the migrated database says of itself, in the words of schema.rs.
fn migrated(fresh: &Fresh) -> BTreeMap<String, Vec<Column>> {
    let rows: Vec<Described> = fresh
        .db
        .read_now(|conn| {
            Ok(match conn {
                Conn::Sqlite(c) => diesel::sql_query(SQLITE_COLUMNS).load(c)?,
                Conn::Postgres(c) => diesel::sql_query(POSTGRES_COLUMNS).load(c)?,
            })
        })
        .unwrap();
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.table_name != "__diesel_schema_migrations") {
        let kind = match row.kind.to_lowercase().as_str() {
            "text" => "Text",
            "integer" => "Integer",
            "bigint" => "BigInt",
            "boolean" => "Bool",
            "timestamp" | "timestamp without time zone" => "Timestamp",
            "blob" | "bytea" => "Binary",
            other => panic!("{}.{}: {other} is not a portable type", row.table_name, row.column_name),
        };
        tables.entry(row.table_name).or_default().push((row.column_name, kind.to_owned(), row.nullable == 1));
    }
    tables
}

#[test]
fn the_schema_that_queries_are_checked_against_is_the_one_the_migrations_make() {
    let declared = declared();
    assert!(declared.len() > 30, "schema.rs was not understood: {:?}", declared.keys());
    each_engine(|fresh| {
        let migrated = migrated(fresh);
        let names = |tables: &BTreeMap<String, Vec<Column>>| tables.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&declared), names(&migrated), "tables on {}", fresh.engine);
        for (table, columns) in &declared {
            assert_eq!(columns, &migrated[table], "{table} on {}", fresh.engine);
        }
    });
}

#[test]
fn migrating_a_second_time_changes_nothing() {
    each_engine(|fresh| {
        let before = migrated(fresh);
        assert!(migrate::is_current(&fresh.db).unwrap());
        assert_eq!(migrate::run(&fresh.db).unwrap(), Vec::<String>::new());
        assert_eq!(migrated(fresh), before);
    });
}

#[test]
fn what_goes_up_comes_down_and_up_again() {
    each_engine(|fresh| {
        let before = migrated(fresh);
        let mut conn = crate::support::connect(fresh);
        let reverted = match &mut conn {
            Conn::Sqlite(c) => c.revert_all_migrations(SQLITE).unwrap().len(),
            Conn::Postgres(c) => c.revert_all_migrations(POSTGRES).unwrap().len(),
        };
        assert!(reverted > 0);
        assert!(migrated(fresh).is_empty(), "tables left behind on {}: {:?}", fresh.engine, migrated(fresh).keys());
        assert!(!migrate::is_current(&fresh.db).unwrap());
        assert_eq!(migrate::run(&fresh.db).unwrap().len(), reverted);
        assert_eq!(migrated(fresh), before);
    });
}

#[test]
fn a_reference_to_a_row_that_does_not_exist_is_refused_by_sqlite_too() {
    let fresh = sqlite();
    let refused =
        fresh.db.write_now(&cplds::domain::permission::Actor::system("test"), cplds::store::Lock::House, |tx| {
            let sql = "INSERT INTO required_pieces (session_id, code, label) VALUES ('nowhere', 'a', 'A')";
            Ok(diesel::sql_query(sql).execute(tx.conn)?)
        });
    assert!(refused.is_err(), "foreign keys are off");
}
