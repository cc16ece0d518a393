//! The NUMEN at rest: sealed with a key that the server's secret gives, bound to the person it belongs to, and
//! compared by a keyed hash alone. Whoever copies the database without the key file reads none of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::domain::ids::Numen;
use crate::secret::Secret;

const NONCE: usize = 24;

/// A NUMEN as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedNumen {
    /// Nonce then ciphertext, in base64.
    pub sealed: String,
    /// The same for the same number, whoever holds it: two people never share one.
    pub keyed_hash: String,
}

/// Why a number cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("NUMEN illisible : {0}")]
pub struct NumenUnreadable(&'static str);

/// What seals and opens; holds the key in memory only.
#[derive(Clone)]
pub struct NumenKeeper {
    secret: Secret,
}

impl NumenKeeper {
    #[must_use]
    pub const fn new(secret: Secret) -> Self {
        NumenKeeper { secret }
    }

    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, person_id: &str, numen: &Numen) -> Result<SealedNumen, NumenUnreadable> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| NumenUnreadable("le système ne fournit pas d’aléa"))?;
        let payload = Payload { msg: numen.in_clear().as_bytes(), aad: person_id.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| NumenUnreadable("le chiffrement a échoué"))?;
        let keyed = self.secret.mac("numen-unique", numen.in_clear().as_bytes());
        Ok(SealedNumen {
            sealed: STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()),
            keyed_hash: keyed.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// # Errors
    /// A text sealed for somebody else, under another key, or altered.
    pub fn open(&self, person_id: &str, sealed: &str) -> Result<Numen, NumenUnreadable> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| NumenUnreadable("texte altéré"))?;
        let (nonce, text) = bytes.split_at_checked(NONCE).ok_or(NumenUnreadable("texte trop court"))?;
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| NumenUnreadable("texte trop court"))?;
        let payload = Payload { msg: text, aad: person_id.as_bytes() };
        let clear = self
            .cipher()
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| NumenUnreadable("la clé n’est pas celle qui l’a scellé, ou le texte a été altéré"))?;
        let clear = String::from_utf8(clear).map_err(|_| NumenUnreadable("texte altéré"))?;
        Numen::parse(&clear).map_err(|_| NumenUnreadable("texte altéré"))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.secret.mac("numen-sealing", b"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_number_opens_for_its_person_under_its_key_alone() {
        let keeper = NumenKeeper::new(Secret::from_bytes([7; 32]));
        let numen = Numen::parse("17E0512345ABC").unwrap();
        let one = keeper.seal("p1", &numen).unwrap();
        let two = keeper.seal("p1", &numen).unwrap();
        assert_eq!(keeper.open("p1", &one.sealed).unwrap(), numen);
        assert_ne!(one.sealed, two.sealed, "each sealing has its own nonce");
        assert_eq!(one.keyed_hash, two.keyed_hash);
        assert!(!one.sealed.contains("0512345") && !one.keyed_hash.contains("0512345"));
        assert!(keeper.open("p2", &one.sealed).is_err(), "moved to another person");
        let other = NumenKeeper::new(Secret::from_bytes([8; 32]));
        assert!(other.open("p1", &one.sealed).is_err(), "under another key");
        assert_ne!(other.seal("p1", &numen).unwrap().keyed_hash, one.keyed_hash);
        for altered in ["", "AAAA", "é", &one.sealed[..20]] {
            assert!(keeper.open("p1", altered).is_err());
        }
    }
}
