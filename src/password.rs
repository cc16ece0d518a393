//! Passwords are kept as Argon2id hashes with the parameters OWASP asks for. Hashing costs 19 MiB and tens of
//! milliseconds on purpose: it runs away from the runtime, two at a time, and never inside a write.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::domain::account::Password;
use crate::store::StoreError;

/// Hashes computed at the same time: more would only slow each other down and fill the memory.
static TURNS: Semaphore = Semaphore::const_new(2);

/// A well-formed hash of nothing, verified for unknown accounts so that they take as long as known ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhlcmUgaXM$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hasher() -> Result<Argon2<'static>, StoreError> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|e| StoreError::Broken(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The text to store for a chosen password.
///
/// # Errors
/// When the system has no randomness for the salt.
pub fn hash_now(password: &Password) -> Result<String, StoreError> {
    let hash: PasswordHash = hasher()?
        .hash_password(password.as_bytes())
        .map_err(|e| StoreError::Unavailable(format!("empreinte du mot de passe : {e}")))?;
    Ok(hash.to_string())
}

/// Whether the typed password is the one of the stored hash; with no hash, no, after as long a work.
///
/// # Errors
/// A stored hash that does not read.
pub fn verify_now(stored: Option<&str>, typed: &Password) -> Result<bool, StoreError> {
    let broken = |e: argon2::password_hash::phc::Error| StoreError::Broken(format!("empreinte de mot de passe : {e}"));
    let hash = PasswordHash::new(stored.unwrap_or(NOBODY)).map_err(broken)?;
    let is_right = hasher()?.verify_password(typed.as_bytes(), &hash).is_ok();
    Ok(is_right && stored.is_some())
}

/// [`hash_now`] when it is our turn, away from the runtime.
///
/// # Errors
/// Those of [`hash_now`].
pub async fn hash(password: Password) -> Result<String, StoreError> {
    in_turn(move || hash_now(&password)).await
}

/// [`verify_now`] when it is our turn, away from the runtime.
///
/// # Errors
/// Those of [`verify_now`].
pub async fn verify(stored: Option<String>, typed: Password) -> Result<bool, StoreError> {
    in_turn(move || verify_now(stored.as_deref(), &typed)).await
}

async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let _turn = TURNS.acquire().await.map_err(|e| StoreError::Unavailable(e.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|e| StoreError::Unavailable(e.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_recognises_its_password_and_no_other() {
        let password = Password::choose("cheval pile agrafe", "a@b.example").unwrap();
        let hash = hash_now(&password).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hash_now(&password).unwrap(), "each hash has its salt");
        assert!(verify_now(Some(&hash), &Password::typed("cheval pile agrafe")).unwrap());
        assert!(!verify_now(Some(&hash), &Password::typed("cheval pile agrafes")).unwrap());
    }

    #[test]
    fn nobody_has_a_password_although_one_is_verified_at_the_same_cost() {
        assert!(!verify_now(None, &Password::typed("")).unwrap());
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let real = hash_now(&Password::typed("cheval pile agrafe")).unwrap();
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(nobody.params, real.params);
        assert_eq!(nobody.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        assert!(verify_now(Some("$argon2id$v=19$"), &Password::typed("x")).is_err());
    }
}
