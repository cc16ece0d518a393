//! Small facts of the house that are not of one academy: which key signs here, whether this is a demonstration,
//! by how much its clock is shifted. One row per name.

use diesel::prelude::*;

use super::schema::settings as t;
use super::{Conn, Db, Lock, StoreError, Stored, Tx};
use crate::domain::permission::Actor;
use crate::domain::refusal::Refusal;
use crate::secret::Secret;

/// Fingerprint of the key this database was first opened with.
pub const SECRET_FINGERPRINT: &str = "secret_fingerprint";
/// `1` when all data here is fictitious.
pub const DEMO: &str = "demo";
/// Seconds to add to the real time; only in a demonstration.
pub const CLOCK_OFFSET: &str = "clock_offset_seconds";

/// # Errors
/// The database's own.
pub fn get(conn: &mut Conn, key: &str) -> Stored<Option<String>> {
    Ok(t::table.find(key).select(t::value).first(conn).optional()?)
}

/// Writes a setting; the acts that change one write their own audit line.
///
/// # Errors
/// The database's own.
pub fn set(tx: &mut Tx<'_>, key: &str, value: &str) -> Stored<()> {
    let changed = diesel::update(t::table.find(key)).set(t::value.eq(value)).execute(tx.conn)?;
    if changed == 0 {
        diesel::insert_into(t::table).values((t::key.eq(key), t::value.eq(value))).execute(tx.conn)?;
    }
    Ok(())
}

/// # Errors
/// The database's own.
pub fn is_demo(conn: &mut Conn) -> Stored<bool> {
    Ok(get(conn, DEMO)?.as_deref() == Some("1"))
}

/// Seconds by which the demonstration's clock is shifted; `None` where time is real.
///
/// # Errors
/// [`StoreError::Broken`] for a shift outside a demonstration: real deadlines never move.
pub fn clock(conn: &mut Conn) -> Stored<Option<i64>> {
    let Some(text) = get(conn, CLOCK_OFFSET)? else { return Ok(None) };
    if !is_demo(conn)? {
        return Err(StoreError::Broken(
            "l’horloge de cette base est décalée alors que ce n’est pas une démonstration".into(),
        ));
    }
    text.parse().map(Some).map_err(|_| StoreError::Broken(format!("décalage d’horloge « {text} »")))
}

/// Ties the database to the key at the first start, and refuses another key afterwards.
///
/// # Errors
/// `another_secret` when the database was opened with another key.
pub fn bind_secret(db: &Db, secret: &Secret) -> Stored<()> {
    let given = secret.fingerprint();
    let known = db.read_now(|conn| get(conn, SECRET_FINGERPRINT))?;
    match known {
        Some(known) if known == given => return Ok(()),
        Some(_) => return Err(another_secret()),
        None => {}
    }
    db.write_now(&Actor::system("start"), Lock::House, move |tx| {
        // Another instance may have started in between.
        match get(tx.conn, SECRET_FINGERPRINT)? {
            Some(known) if known == given => Ok(()),
            Some(_) => Err(another_secret()),
            None => {
                set(tx, SECRET_FINGERPRINT, &given)?;
                let detail = serde_json::json!({ "fingerprint": given });
                tx.audit("bind_secret", ("house", "secret"), None, None, &detail)
            }
        }
    })
}

fn another_secret() -> StoreError {
    Refusal::new(
        "another_secret",
        "La clé secrète n’est pas celle de cette base de données : indiquez dans CPLDS_SECRET_KEY_FILE le fichier de clé qui va avec elle, ou restaurez les deux de la même sauvegarde.",
    )
    .into()
}

/// Whether the database holds anything people have entered: accounts, sessions or people.
///
/// # Errors
/// The database's own.
pub fn holds_data(conn: &mut Conn) -> Stored<bool> {
    use super::schema::{exam_sessions, people, users};
    let counts = [
        users::table.count().get_result::<i64>(conn)?,
        exam_sessions::table.count().get_result::<i64>(conn)?,
        people::table.count().get_result::<i64>(conn)?,
    ];
    Ok(counts.iter().any(|count| *count > 0))
}
