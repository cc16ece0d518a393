//! The secret of this house: 32 random bytes in a file of its owner alone, made at the first start.
//! Form tokens and messages are signed with it. Its fingerprint is kept in the database (`store::settings`),
//! so that a database and a key that do not belong together are noticed before anything is signed.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::audit::sha256_hex;

const LENGTH: usize = 32;

/// Why the key cannot be used; the sentence names the file and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretRefused(pub String);

#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; LENGTH]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}…)", self.fingerprint().get(..8).unwrap_or_default())
    }
}

impl Secret {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Secret(bytes)
    }

    /// Reads the key file, or makes it when there is none.
    ///
    /// # Errors
    /// A file that others may read, that is not 64 hexadecimal digits, or that cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, SecretRefused> {
        match std::fs::File::open(path) {
            Ok(file) => read(path, file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path),
            Err(error) => Err(unusable(path, &error)),
        }
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the database keeps to recognise the key: says nothing of the key itself.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hexadecimal(&self.mac("fingerprint", b"cplds"))
    }

    /// HMAC-SHA256 of `bytes`; `purpose` keeps the uses of the key apart.
    #[must_use]
    pub fn mac(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut inner = <Hmac<Sha256> as KeyInit>::new(&block(&self.0));
        inner.update(purpose.as_bytes());
        inner.update(b"\0");
        inner.update(bytes);
        inner.finalize().into_bytes().into()
    }
}

/// The key as HMAC itself pads it, so that no key length can be refused.
fn block(key: &[u8; LENGTH]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    block
}

/// A fresh random token of 256 bits, for cookies and links, as 43 characters that need no escaping.
///
/// # Errors
/// When the system has no randomness: nothing safe can then be made.
pub fn random_token() -> Result<String, getrandom::Error> {
    use base64::Engine;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// The form under which a token is stored: whoever reads the database cannot use it.
#[must_use]
pub fn token_hash(token: &str) -> String {
    sha256_hex(token.as_bytes())
}

fn read(path: &Path, mut file: std::fs::File) -> Result<Secret, SecretRefused> {
    let mode = file.metadata().map_err(|e| unusable(path, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SecretRefused(format!(
            "la clé {} est lisible par d’autres comptes de la machine : réservez-la à son propriétaire (chmod 600) puis relancez",
            path.display()
        )));
    }
    let mut text = String::new();
    // A key is 64 digits; what is larger is another file.
    Read::by_ref(&mut file).take(1024).read_to_string(&mut text).map_err(|e| unusable(path, &e))?;
    parse(text.trim()).ok_or_else(|| {
        SecretRefused(format!(
            "la clé {} n’est pas faite de 64 chiffres hexadécimaux : restaurez-la depuis votre sauvegarde",
            path.display()
        ))
    })
}

fn make(path: &Path) -> Result<Secret, SecretRefused> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| SecretRefused(format!("le système ne fournit pas d’aléa : {e}")))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| unusable(path, &e))?;
    }
    // Written beside and linked in place: two instances starting at once end with the same key, and never with half of one.
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(format!("{}\n", hexadecimal(&bytes)).as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::hard_link(&beside, path));
    let cleaned = std::fs::remove_file(&beside);
    match written {
        Ok(()) => cleaned.map(|()| Secret(bytes)).map_err(|e| unusable(path, &e)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::File::open(path).map_err(|e| unusable(path, &e)).and_then(|file| read(path, file))
        }
        Err(error) => Err(unusable(path, &error)),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> SecretRefused {
    SecretRefused(format!("la clé {} ne peut être ni lue ni créée : {error}", path.display()))
}

fn parse(text: &str) -> Option<Secret> {
    if text.len() != 2 * LENGTH || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (slot, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
        *slot = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(Secret(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("cplds-secret-{}", random_token().unwrap()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_read_back() {
        let folder = folder();
        let path = folder.join("sub/secret.key");
        let made = Secret::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Secret::open(&path).unwrap(), made);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside the key");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_what_to_do() {
        let folder = folder();
        let path = folder.join("secret.key");
        Secret::open(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Secret::open(&path).unwrap_err().0.contains("chmod 600"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let folder = folder();
        let path = folder.join("secret.key");
        for text in ["", "00", &"zz".repeat(32), &"é".repeat(32)] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert!(Secret::open(&path).is_err(), "{text:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn uses_of_the_key_are_apart_and_its_debug_form_hides_it() {
        let secret = Secret::from_bytes([7; 32]);
        assert_ne!(secret.mac("a", b"x"), secret.mac("b", b"x"));
        assert_ne!(secret.mac("a", b"x"), Secret::from_bytes([8; 32]).mac("a", b"x"));
        assert!(!format!("{secret:?}").contains("0707"));
        // HMAC-SHA256 of "fingerprint\0cplds" under this key, computed by Python's hmac module.
        assert_eq!(secret.fingerprint(), "60f97e9f9568f6b7ed461d98d572cbc44a4864447dbe450ae06d34d9c930621b");
    }
}
