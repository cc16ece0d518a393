//! Who is signed in, and how often sign-in was tried. Only the hash of a session's token is stored.
//! Exam sessions are in `session`; these are sessions of a browser.

use diesel::prelude::*;
use jiff::Timestamp;
use serde_json::json;

use super::schema::{login_sessions as t, login_throttles, role_grants, users};
use super::{Conn, Stamp, StoreError, Stored, Tx};
use crate::domain::account::{Counted, SESSION_LASTS, TOUCH_EVERY, Tries, may_try, prolonged_end, session_end};
use crate::domain::audit::sha256_hex;
use crate::domain::permission::{Actor, Grant, Role};
use crate::secret::{random_token, token_hash};

/// A live session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub token_hash: String,
    pub actor: Actor,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// When it ends if nothing more is asked: the end of the day or of the idle time.
    pub expires: Timestamp,
    /// When it ends however active its owner is, unless they prolong it.
    hard_end: Timestamp,
}

impl SignedIn {
    /// The same session, seen now.
    #[must_use]
    pub fn touched(mut self, now: Timestamp) -> Self {
        self.seen_at = now;
        self.expires = session_end(self.hard_end, now, &self.actor.grants);
        self
    }

    /// Whether prolonging it, when its end comes near, will move that end: pages ask long before.
    #[must_use]
    pub fn can_be_prolonged(&self) -> bool {
        let then = self.expires;
        session_end(prolonged_end(self.created_at, then).max(self.hard_end), then, &self.actor.grants) > self.expires
    }

    /// Whether the last sight is old enough to be written again.
    #[must_use]
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) >= TOUCH_EVERY
    }

    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.actor.user_id
    }
}

/// Opens a session for a user whose password was just verified (or whose link was just used) and returns its token.
///
/// # Errors
/// [`StoreError::NotFound`] for a disabled or missing account.
pub fn open(tx: &mut Tx<'_>, user_id: &str) -> Stored<String> {
    let is_active: Option<String> =
        users::table.find(user_id).filter(users::disabled_at.is_null()).select(users::id).first(tx.conn).optional()?;
    if is_active.is_none() {
        return Err(StoreError::NotFound);
    }
    // Sessions that are over leave here, so that the table stays as small as what is live.
    diesel::delete(t::table.filter(t::expires_at.le(tx.stamp()))).execute(tx.conn)?;
    let token = random_token().map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let end = tx.at.checked_add(SESSION_LASTS).map_err(|e| StoreError::Broken(e.to_string()))?;
    diesel::insert_into(t::table)
        .values((
            t::token_hash.eq(token_hash(&token)),
            t::user_id.eq(user_id),
            t::created_at.eq(tx.stamp()),
            t::seen_at.eq(tx.stamp()),
            t::expires_at.eq(Stamp(end)),
        ))
        .execute(tx.conn)?;
    tx.audit("sign_in", ("user", user_id), None, None, &json!({}))?;
    Ok(token)
}

/// The live session of this token: two queries, on every page.
///
/// # Errors
/// The database's own.
pub fn find(conn: &mut Conn, token: &str, now: Timestamp) -> Stored<Option<SignedIn>> {
    type Row = (String, Stamp, Stamp, Stamp, String, String, String);
    let row: Option<Row> = t::table
        .inner_join(users::table)
        .filter(t::token_hash.eq(token_hash(token)))
        .filter(t::expires_at.gt(Stamp(now)))
        .filter(users::disabled_at.is_null())
        .select((t::token_hash, t::created_at, t::seen_at, t::expires_at, users::id, users::name, users::email))
        .first(conn)
        .optional()?;
    let Some((hash, created_at, seen_at, expires_at, user_id, name, email)) = row else { return Ok(None) };
    let grants = load_grants(conn, &user_id)?;
    let expires = session_end(expires_at.0, seen_at.0, &grants);
    if expires <= now {
        return Ok(None);
    }
    Ok(Some(SignedIn {
        token_hash: hash,
        created_at: created_at.0,
        seen_at: seen_at.0,
        expires,
        hard_end: expires_at.0,
        actor: Actor { user_id, name, email, grants, is_system: false },
    }))
}

/// The roles of one user, in a fixed order.
pub(super) fn load_grants(conn: &mut Conn, user_id: &str) -> Stored<Vec<Grant>> {
    let rows: Vec<(Role, Option<String>)> = role_grants::table
        .filter(role_grants::user_id.eq(user_id))
        .order((role_grants::role, role_grants::academy_code))
        .select((role_grants::role, role_grants::academy_code))
        .load(conn)?;
    Ok(rows.into_iter().map(|(role, academy)| Grant { role, academy }).collect())
}

/// Writes that the session was seen now. Not an act: it leaves no audit line.
///
/// # Errors
/// The database's own.
pub fn touch(tx: &mut Tx<'_>, hash: &str) -> Stored<()> {
    diesel::update(t::table.find(hash)).set(t::seen_at.eq(tx.stamp())).execute(tx.conn)?;
    Ok(())
}

/// Prolongs a session of the acting user, who has just said that they are still there.
///
/// # Errors
/// [`StoreError::NotFound`] for a session that is over or someone else's.
pub fn prolong(tx: &mut Tx<'_>, hash: &str) -> Stored<()> {
    let user_id = tx.actor.user_id.clone();
    let own = t::table.find(hash).filter(t::user_id.eq(&user_id)).filter(t::expires_at.gt(tx.stamp()));
    let (opened, end): (Stamp, Stamp) = own.select((t::created_at, t::expires_at)).first(tx.conn)?;
    let end = prolonged_end(opened.0, tx.at).max(end.0);
    diesel::update(t::table.find(hash))
        .set((t::seen_at.eq(tx.stamp()), t::expires_at.eq(Stamp(end))))
        .execute(tx.conn)?;
    tx.audit("prolong_session", ("user", &user_id), None, None, &json!({}))
}

/// Ends one session of the acting user.
///
/// # Errors
/// The database's own; a session already over is no error.
pub fn close(tx: &mut Tx<'_>, hash: &str) -> Stored<()> {
    let user_id = tx.actor.user_id.clone();
    let ended = diesel::delete(t::table.find(hash).filter(t::user_id.eq(&user_id))).execute(tx.conn)?;
    if ended > 0 {
        tx.audit("sign_out", ("user", &user_id), None, None, &json!({}))?;
    }
    Ok(())
}

/// Ends every session of a user, but the one kept; returns how many ended.
///
/// # Errors
/// [`StoreError::NotFound`] for someone else's sessions.
pub fn close_all(tx: &mut Tx<'_>, user_id: &str, kept_hash: Option<&str>) -> Stored<usize> {
    if tx.actor.user_id != user_id && !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    let ended = end_sessions(tx, user_id, kept_hash)?;
    tx.audit("sign_out_everywhere", ("user", user_id), None, None, &json!({ "sessions": ended }))?;
    Ok(ended)
}

/// Part of commands that have already decided: a new password, a disabled account.
pub(super) fn end_sessions(tx: &mut Tx<'_>, user_id: &str, kept_hash: Option<&str>) -> Stored<usize> {
    Ok(diesel::delete(t::table.filter(t::user_id.eq(user_id)).filter(t::token_hash.ne(kept_hash.unwrap_or(""))))
        .execute(tx.conn)?)
}

/// A live session as its owner sees it.
#[derive(Debug, Clone, Queryable)]
pub struct SessionView {
    pub token_hash: String,
    pub created_at: Stamp,
    pub seen_at: Stamp,
    pub expires_at: Stamp,
}

/// The live sessions of a user, latest first.
///
/// # Errors
/// The database's own.
pub fn list(conn: &mut Conn, user_id: &str, now: Timestamp) -> Stored<Vec<SessionView>> {
    Ok(t::table
        .filter(t::user_id.eq(user_id))
        .filter(t::expires_at.gt(Stamp(now)))
        .order(t::created_at.desc())
        .select((t::token_hash, t::created_at, t::seen_at, t::expires_at))
        .load(conn)?)
}

/// Counts a try before it is made, so that tries made at the same time are all counted, and refuses one too many.
///
/// `subjects` are what is counted: the folded address of the account, the address of the machine.
///
/// # Errors
/// The refusal of [`may_try`]; nothing is then counted.
pub fn count_try(tx: &mut Tx<'_>, subjects: &[(Counted, &str)]) -> Stored<()> {
    let mut counts = Vec::with_capacity(subjects.len());
    for (counted, subject) in subjects {
        let key = throttle_key(*counted, subject);
        let known = load_tries(tx, &key)?;
        let fresh = Tries { failures: 0, window_started_at: tx.at };
        let tries = known.filter(|tries| !tries.is_over(tx.at)).unwrap_or(fresh);
        may_try(*counted, tries, tx.at)?;
        counts.push((key, known.is_some(), tries));
    }
    for (key, is_known, tries) in counts {
        let row = (
            login_throttles::failures.eq(tries.failures.saturating_add(1)),
            login_throttles::window_started_at.eq(Stamp(tries.window_started_at)),
        );
        if is_known {
            diesel::update(login_throttles::table.find(&key)).set(row).execute(tx.conn)?;
        } else {
            diesel::insert_into(login_throttles::table)
                .values((login_throttles::key.eq(&key), row.0, row.1))
                .execute(tx.conn)?;
        }
    }
    Ok(())
}

/// The try succeeded: the account starts again from nothing, and the address is given back the one it spent.
///
/// # Errors
/// The database's own.
pub fn forgive_try(tx: &mut Tx<'_>, account: &str, address: &str) -> Stored<()> {
    let key = throttle_key(Counted::Account, account);
    diesel::delete(login_throttles::table.find(key)).execute(tx.conn)?;
    let key = throttle_key(Counted::Address, address);
    diesel::update(login_throttles::table.find(key).filter(login_throttles::failures.gt(0)))
        .set(login_throttles::failures.eq(login_throttles::failures - 1))
        .execute(tx.conn)?;
    // Windows long over leave with whoever comes next.
    if let Ok(old) = tx.at.checked_sub(jiff::SignedDuration::from_hours(24)) {
        diesel::delete(login_throttles::table.filter(login_throttles::window_started_at.lt(Stamp(old))))
            .execute(tx.conn)?;
    }
    Ok(())
}

fn load_tries(tx: &mut Tx<'_>, key: &str) -> Stored<Option<Tries>> {
    let row: Option<(i32, Stamp)> = login_throttles::table
        .find(key)
        .select((login_throttles::failures, login_throttles::window_started_at))
        .first(tx.conn)
        .optional()?;
    Ok(row.map(|(failures, started)| Tries { failures, window_started_at: started.0 }))
}

/// Hashed: the table does not keep the addresses that strangers typed.
fn throttle_key(counted: Counted, subject: &str) -> String {
    let kind = match counted {
        Counted::Account => "account",
        Counted::Address => "address",
        Counted::Mail => "mail",
        Counted::Birth => "birth",
    };
    format!("{kind}:{}", sha256_hex(subject.as_bytes()))
}
