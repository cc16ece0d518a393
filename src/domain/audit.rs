//! The audit chain: each entry carries the hash of the one before it under the same lock key.
//! Pure: how an entry is hashed and how a chain is checked. FORMATS.md describes it for other verifiers.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Hash that stands before the first entry of a chain.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One act, as it is hashed and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub lock_key: String,
    /// 1 for the first entry of its chain, then without gaps.
    pub seq: i64,
    pub at: Timestamp,
    pub actor_id: String,
    pub actor_name: String,
    pub action: String,
    pub object_kind: String,
    pub object_id: String,
    pub before_hash: Option<String>,
    pub after_hash: Option<String>,
    /// JSON text: what the act was about, for the reader in ten years.
    pub detail: String,
    pub previous_hash: String,
}

impl Entry {
    /// SHA-256, in lower-case hexadecimal, of the entry's fields as one JSON array of strings and nulls.
    #[must_use]
    pub fn hash(&self) -> String {
        let fields = serde_json::json!([
            self.lock_key,
            self.seq.to_string(),
            format!("{:.6}", self.at),
            self.actor_id,
            self.actor_name,
            self.action,
            self.object_kind,
            self.object_id,
            self.before_hash,
            self.after_hash,
            self.detail,
            self.previous_hash,
        ]);
        sha256_hex(fields.to_string().as_bytes())
    }
}

/// SHA-256 of bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let mut hex = String::with_capacity(64);
    for byte in digest {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    hex
}

/// The first entry of a chain that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenChain {
    pub lock_key: String,
    pub seq: i64,
    pub why: &'static str,
}

/// Checks the next entry of a chain against the one before it (`None` for the first) and its stored hash.
///
/// # Errors
/// The entry's place and why it does not hold: a gap in the sequence, a foreign predecessor, or altered content.
pub fn check_link(previous: Option<(i64, &str)>, entry: &Entry, stored_hash: &str) -> Result<(), BrokenChain> {
    let (expected_seq, expected_hash) = previous.map_or((1, GENESIS), |(seq, hash)| (seq + 1, hash));
    let broken = |why| BrokenChain { lock_key: entry.lock_key.clone(), seq: entry.seq, why };
    if entry.seq != expected_seq {
        return Err(broken("il manque une écriture avant celle-ci"));
    }
    if entry.previous_hash != expected_hash {
        return Err(broken("l’empreinte de l’écriture précédente ne correspond pas"));
    }
    if entry.hash() != stored_hash {
        return Err(broken("le contenu de l’écriture a été modifié"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64, previous: &str) -> Entry {
        Entry {
            lock_key: "house".into(),
            seq,
            at: Timestamp::UNIX_EPOCH,
            actor_id: "u".into(),
            actor_name: "U".into(),
            action: "test".into(),
            object_kind: "thing".into(),
            object_id: "1".into(),
            before_hash: None,
            after_hash: Some("a".into()),
            detail: "{}".into(),
            previous_hash: previous.into(),
        }
    }

    #[test]
    fn a_whole_chain_holds() {
        let first = entry(1, GENESIS);
        let second = entry(2, &first.hash());
        assert_eq!(check_link(None, &first, &first.hash()), Ok(()));
        assert_eq!(check_link(Some((1, &first.hash())), &second, &second.hash()), Ok(()));
    }

    #[test]
    fn an_edited_a_missing_and_a_foreign_entry_are_found() {
        let first = entry(1, GENESIS);
        let mut edited = first.clone();
        edited.detail = "{\"note\":20}".into();
        assert!(check_link(None, &edited, &first.hash()).is_err());
        assert!(check_link(None, &entry(2, GENESIS), &entry(2, GENESIS).hash()).is_err());
        let second = entry(2, GENESIS);
        assert!(check_link(Some((1, &first.hash())), &second, &second.hash()).is_err());
    }

    #[test]
    fn fields_cannot_slide_into_one_another() {
        let mut left = entry(1, GENESIS);
        let mut right = entry(1, GENESIS);
        left.action = "ab".into();
        left.object_kind = "c".into();
        right.action = "a".into();
        right.object_kind = "bc".into();
        assert_ne!(left.hash(), right.hash());
    }
}
