//! The audit chain in the database: append-only, one chain per lock key, written in the command's own transaction.
//! `verify_chains` reads all of it back and names the first entry that does not hold.

use diesel::prelude::*;
use serde_json::Value;

use super::schema::audit_entries as t;
use super::{Conn, Stamp, Stored, Tx};
use crate::domain::audit::{BrokenChain, Entry, GENESIS, check_link, sha256_hex};
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct AuditRow {
    pub lock_key: String,
    pub seq: i64,
    pub at: Stamp,
    pub actor_id: String,
    pub actor_name: String,
    pub action: String,
    pub object_kind: String,
    pub object_id: String,
    pub before_hash: Option<String>,
    pub after_hash: Option<String>,
    pub detail: String,
    pub previous_hash: String,
    pub hash: String,
}

impl AuditRow {
    fn entry(&self) -> Entry {
        Entry {
            lock_key: self.lock_key.clone(),
            seq: self.seq,
            at: self.at.0,
            actor_id: self.actor_id.clone(),
            actor_name: self.actor_name.clone(),
            action: self.action.clone(),
            object_kind: self.object_kind.clone(),
            object_id: self.object_id.clone(),
            before_hash: self.before_hash.clone(),
            after_hash: self.after_hash.clone(),
            detail: self.detail.clone(),
            previous_hash: self.previous_hash.clone(),
        }
    }
}

/// One act to write into the chain; see [`Tx::audit`].
#[derive(Debug, Clone)]
pub struct Act {
    pub action: &'static str,
    pub object_kind: &'static str,
    pub object_id: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub detail: Value,
}

impl Tx<'_> {
    /// Writes the act into the chain of this transaction's lock.
    ///
    /// `before` and `after` are the object's states as JSON, hashed; `detail` is kept in clear and must hold no secret.
    ///
    /// # Errors
    /// The database's own.
    pub fn audit(
        &mut self,
        action: &'static str,
        object: (&'static str, &str),
        before: Option<&Value>,
        after: Option<&Value>,
        detail: &Value,
    ) -> Stored<()> {
        self.audit_all(vec![Act {
            action,
            object_kind: object.0,
            object_id: object.1.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
            detail: detail.clone(),
        }])
    }

    /// Writes many acts of one command, in their order, with few statements.
    ///
    /// # Errors
    /// The database's own.
    pub fn audit_all(&mut self, acts: Vec<Act>) -> Stored<()> {
        let lock_key = self.lock.key();
        let last: Option<(i64, String)> = t::table
            .filter(t::lock_key.eq(&lock_key))
            .order(t::seq.desc())
            .select((t::seq, t::hash))
            .first(self.conn)
            .optional()?;
        let (mut seq, mut previous_hash) = last.unwrap_or((0, GENESIS.to_owned()));
        let state_hash = |state: &Value| sha256_hex(state.to_string().as_bytes());
        let mut rows = Vec::with_capacity(acts.len());
        for act in acts {
            seq += 1;
            let mut row = AuditRow {
                lock_key: lock_key.clone(),
                seq,
                at: self.stamp(),
                actor_id: self.actor.user_id.clone(),
                actor_name: self.actor.name.clone(),
                action: act.action.to_owned(),
                object_kind: act.object_kind.to_owned(),
                object_id: act.object_id,
                before_hash: act.before.as_ref().map(state_hash),
                after_hash: act.after.as_ref().map(state_hash),
                detail: act.detail.to_string(),
                previous_hash,
                hash: String::new(),
            };
            row.hash = row.entry().hash();
            previous_hash = row.hash.clone();
            rows.push(row);
        }
        for chunk in rows.chunks(500) {
            each_backend!(&mut *self.conn, c => diesel::insert_into(t::table).values(chunk).execute(c))?;
        }
        Ok(())
    }
}

/// Reads every chain and checks every link.
///
/// # Errors
/// The database's own; a broken chain is a value, not an error.
pub fn verify_chains(conn: &mut Conn) -> Stored<Result<u64, BrokenChain>> {
    let keys: Vec<String> = t::table.select(t::lock_key).distinct().order(t::lock_key).load(conn)?;
    let mut checked = 0;
    for key in keys {
        let mut previous: Option<(i64, String)> = None;
        loop {
            let after = previous.as_ref().map_or(i64::MIN, |(seq, _)| *seq);
            let rows: Vec<AuditRow> = t::table
                .filter(t::lock_key.eq(&key))
                .filter(t::seq.gt(after))
                .order(t::seq)
                .limit(2_000)
                .select(AuditRow::as_select())
                .load(conn)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let link = previous.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
                if let Err(broken) = check_link(link, &row.entry(), &row.hash) {
                    return Ok(Err(broken));
                }
                previous = Some((row.seq, row.hash));
                checked += 1;
            }
        }
    }
    Ok(Ok(checked))
}

/// The acts on one object, oldest first: the history shown on its page.
///
/// # Errors
/// The database's own.
pub fn list_history(conn: &mut Conn, kind: &str, id: &str) -> Stored<Vec<AuditRow>> {
    Ok(t::table
        .filter(t::object_kind.eq(kind))
        .filter(t::object_id.eq(id))
        .order((t::at, t::seq))
        .select(AuditRow::as_select())
        .load(conn)?)
}

/// The acts of one name in a chain, oldest first (the changes of marks, for the minutes).
///
/// # Errors
/// The database's own.
pub fn list_acts_of_chain(conn: &mut Conn, lock: &super::Lock, action: &str) -> Stored<Vec<AuditRow>> {
    Ok(t::table
        .filter(t::lock_key.eq(lock.key()))
        .filter(t::action.eq(action))
        .order(t::seq)
        .select(AuditRow::as_select())
        .load(conn)?)
}
