//! Files that people hand in, kept outside the database and outside the web's root, under the hash of their content.
//! Each is sealed with a key that the server's secret gives: a copy of the folder or of the bucket alone reads nothing.
//! A file is whole or absent: it is written beside and renamed (the folder), or put at once (S3). What is read back is
//! opened, hashed again and compared: a flipped byte is found, never served.
//! What a file is, and whether it may come in, is `domain::piece`'s; who may read it, the store's.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};

use crate::config::PiecesPlace;
use crate::domain::audit::sha256_hex;
use crate::secret::Secret;

/// First bytes of a sealed file: the format can change without guessing what was written before.
const MAGIC: &[u8; 8] = b"cplds-1\n";
const NONCE: usize = 24;

/// Why a file could not be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("le fichier {0} n’est pas dans le coffre")]
    Missing(String),
    /// Changed since it was written, or sealed under another key.
    #[error("le fichier {0} est altéré, ou scellé par une autre clé")]
    Altered(String),
    #[error("il n’y a plus de place dans le coffre : {0}")]
    Full(String),
    #[error("le coffre ne répond pas : {0}")]
    Unavailable(String),
}

/// A file of the vault, as a sweep sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub sha256: String,
    /// Seconds since 1970 at which it was last written.
    pub written_at: i64,
}

/// Where sealed files stand: cheap to clone.
#[derive(Clone)]
pub struct Vault {
    place: Arc<Place>,
    cipher: XChaCha20Poly1305,
    /// Empty for the whole vault, or the name of a part of it.
    area: &'static str,
}

enum Place {
    /// The folder is made by the first file, so that reading a configuration writes nothing.
    Folder(PathBuf, OnceLock<LocalFileSystem>),
    Bucket(Box<dyn ObjectStore>, Path),
}

impl Vault {
    /// # Errors
    /// A configuration of S3 that cannot be used: the sentence names the setting.
    pub fn open(place: &PiecesPlace, secret: &Secret) -> Result<Self, VaultError> {
        let place = match place {
            PiecesPlace::Folder(path) => Place::Folder(path.clone(), OnceLock::new()),
            PiecesPlace::Bucket(bucket) => {
                // Somebody waits in front of a page: a server that is gone is told in seconds, not in minutes.
                let retry =
                    RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(8), ..RetryConfig::default() };
                let client = ClientOptions::new()
                    .with_connect_timeout(Duration::from_secs(3))
                    .with_timeout(Duration::from_secs(20))
                    .with_allow_http(bucket.endpoint.as_deref().is_some_and(|place| place.starts_with("http://")));
                let mut builder = AmazonS3Builder::new()
                    .with_retry(retry)
                    .with_client_options(client)
                    .with_bucket_name(&bucket.name)
                    .with_region(&bucket.region)
                    .with_access_key_id(&bucket.key_id)
                    .with_secret_access_key(&bucket.key);
                if let Some(endpoint) = &bucket.endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                Place::Bucket(Box::new(builder.build().map_err(failed)?), Path::from(bucket.prefix.as_str()))
            }
        };
        let cipher = XChaCha20Poly1305::new(&Key::from(secret.mac("vault-sealing", b"")));
        Ok(Vault { place: Arc::new(place), cipher, area: "" })
    }

    /// A part of the vault with its own names, so that sweeping one part never touches what another keeps.
    #[must_use]
    pub fn area(&self, name: &'static str) -> Vault {
        Vault { area: name, ..self.clone() }
    }

    /// Keeps a file and returns the hash of its content, its name from then on. Keeping it twice is keeping it once.
    ///
    /// # Errors
    /// [`VaultError::Full`] or [`VaultError::Unavailable`]; nothing half written is ever seen.
    pub async fn put(&self, bytes: &[u8]) -> Result<String, VaultError> {
        let sha256 = sha256_hex(bytes);
        self.put_named(&sha256, bytes).await?;
        Ok(sha256)
    }

    /// Keeps what was made from a file (a thumbnail) under that file's own hash, which is not that of these bytes.
    ///
    /// # Errors
    /// As [`Vault::put`].
    pub async fn put_made(&self, from: &str, bytes: &[u8]) -> Result<(), VaultError> {
        self.put_named(from, bytes).await
    }

    /// Always written anew: a damaged copy is thereby mended, and the date says that somebody counts on the file.
    async fn put_named(&self, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|e| VaultError::Unavailable(e.to_string()))?;
        let payload = Payload { msg: bytes, aad: name.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Unavailable("le chiffrement a échoué".to_owned()))?;
        let whole = [MAGIC.as_slice(), nonce.as_slice(), sealed.as_slice()].concat();
        let location = self.location(name)?;
        match &*self.place {
            Place::Folder(..) => {
                let folder = self.folder()?;
                private_parents(folder, &location)?;
                folder.put(&location, Bytes::from(whole).into()).await.map_err(failed)?;
                let path = folder.path_to_filesystem(&location).map_err(failed)?;
                private(&path, 0o600)
            }
            Place::Bucket(bucket, _) => {
                bucket.put(&location, Bytes::from(whole).into()).await.map(|_| ()).map_err(failed)
            }
        }
    }

    /// The file of this hash, proven to be what was put.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Altered`], or the place's own.
    pub async fn get(&self, sha256: &str) -> Result<Bytes, VaultError> {
        let bytes = self.get_made(sha256).await?;
        if sha256_hex(&bytes) == sha256 { Ok(bytes) } else { Err(VaultError::Altered(sha256.to_owned())) }
    }

    /// What was kept by [`Vault::put_made`].
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub async fn get_made(&self, from: &str) -> Result<Bytes, VaultError> {
        let location = self.location(from)?;
        let found = match &*self.place {
            Place::Folder(path, _) if !path.is_dir() => return Err(VaultError::Missing(from.to_owned())),
            Place::Folder(..) => self.folder()?.get(&location).await,
            Place::Bucket(bucket, _) => bucket.get(&location).await,
        };
        let whole = match found {
            Ok(found) => found.bytes().await.map_err(failed)?,
            // A bucket that is not there says « not found » like a file: the two are told apart.
            Err(error @ object_store::Error::NotFound { .. }) if lacks_bucket(&error) => return Err(failed(error)),
            Err(object_store::Error::NotFound { .. }) => return Err(VaultError::Missing(from.to_owned())),
            Err(error) => return Err(failed(error)),
        };
        self.unsealed(from, &whole).ok_or_else(|| VaultError::Altered(from.to_owned()))
    }

    fn unsealed(&self, name: &str, whole: &[u8]) -> Option<Bytes> {
        let (nonce, sealed) = whole.strip_prefix(MAGIC.as_slice())?.split_at_checked(NONCE)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).ok()?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        self.cipher.decrypt(&XNonce::from(nonce), payload).ok().map(Bytes::from)
    }

    /// Forgets a file; one that is not there is forgotten already.
    ///
    /// # Errors
    /// The place's own.
    pub async fn remove(&self, sha256: &str) -> Result<(), VaultError> {
        let location = self.location(sha256)?;
        let removed = match &*self.place {
            Place::Folder(path, _) if !path.is_dir() => return Ok(()),
            Place::Folder(..) => self.folder()?.delete(&location).await,
            Place::Bucket(bucket, _) => bucket.delete(&location).await,
        };
        match removed {
            Ok(()) => Ok(()),
            Err(error @ object_store::Error::NotFound { .. }) if !lacks_bucket(&error) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Everything of this area, for a sweep; what does not bear a hash for a name is left out, and left alone.
    ///
    /// # Errors
    /// The place's own.
    pub async fn list(&self) -> Result<Vec<Kept>, VaultError> {
        let under = match &*self.place {
            Place::Folder(path, _) if !path.is_dir() => return Ok(Vec::new()),
            Place::Folder(..) => Path::from(self.area),
            Place::Bucket(_, prefix) => prefix.clone().join(self.area),
        };
        let found = match &*self.place {
            Place::Folder(..) => self.folder()?.list(Some(&under)),
            Place::Bucket(bucket, _) => bucket.list(Some(&under)),
        };
        let objects: Vec<_> = found.try_collect().await.map_err(failed)?;
        let kept = objects.into_iter().filter_map(|object| {
            let name = object.location.filename()?.to_owned();
            let parts = object.location.parts().count().saturating_sub(under.parts().count());
            let is_ours = parts == 2 && is_hash(&name);
            is_ours.then(|| Kept { sha256: name, written_at: object.last_modified.timestamp() })
        });
        Ok(kept.collect())
    }

    /// Writes, reads and removes a probe: for `doctor`.
    ///
    /// # Errors
    /// What stopped it.
    pub async fn probe(&self) -> Result<(), VaultError> {
        let probe = self.area("doctor");
        let sha256 = probe.put(b"doctor").await?;
        probe.get(&sha256).await?;
        probe.remove(&sha256).await
    }

    /// [`Vault::put`] for commands, which have no runtime.
    ///
    /// # Errors
    /// As [`Vault::put`].
    pub fn put_now(&self, bytes: &[u8]) -> Result<String, VaultError> {
        alone()?.block_on(self.put(bytes))
    }

    /// [`Vault::get`] for commands, which have no runtime.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub fn get_now(&self, sha256: &str) -> Result<Bytes, VaultError> {
        alone()?.block_on(self.get(sha256))
    }

    /// Names come from the database, but one that is no hash would be a path: it is never looked for.
    fn location(&self, name: &str) -> Result<Path, VaultError> {
        if !is_hash(name) {
            return Err(VaultError::Missing(name.to_owned()));
        }
        let shelf = name.get(..2).unwrap_or_default();
        let inside = Path::from_iter([self.area, shelf, name].into_iter().filter(|part| !part.is_empty()));
        Ok(match &*self.place {
            Place::Folder(..) => inside,
            Place::Bucket(_, prefix) => prefix.parts().chain(inside.parts()).collect(),
        })
    }

    fn folder(&self) -> Result<&LocalFileSystem, VaultError> {
        let Place::Folder(path, made) = &*self.place else {
            return Err(VaultError::Unavailable("ce coffre n’est pas un dossier".to_owned()));
        };
        if let Some(folder) = made.get() {
            return Ok(folder);
        }
        std::fs::create_dir_all(path).map_err(unusable)?;
        private(path, 0o700)?;
        // fsync: a file that was acknowledged survives a power cut, like the row that names it.
        let folder = LocalFileSystem::new_with_prefix(path).map_err(failed)?.with_fsync(true);
        Ok(made.get_or_init(|| folder))
    }
}

/// A runtime of one thread, for the time of one file.
fn alone() -> Result<tokio::runtime::Runtime, VaultError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unusable)
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The shelves are made with the rights of the house before the first file needs them.
fn private_parents(folder: &LocalFileSystem, location: &Path) -> Result<(), VaultError> {
    let path = folder.path_to_filesystem(location).map_err(failed)?;
    let Some(parent) = path.parent() else { return Ok(()) };
    if parent.is_dir() {
        return Ok(());
    }
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(unusable)
}

fn private(path: &std::path::Path, mode: u32) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(unusable)
}

fn unusable(error: std::io::Error) -> VaultError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => VaultError::Full(error.to_string()),
        _ => VaultError::Unavailable(error.to_string()),
    }
}

/// A full disk, a refused key and a missing bucket hide below the library's own errors.
fn failed(error: object_store::Error) -> VaultError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut told = Vec::new();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        {
            return VaultError::Full(error.to_string());
        }
        told.push(inner.to_string());
        cause = inner.source();
    }
    let told = told.join(" ; ");
    let why = if lacks_bucket(&error) {
        "le seau n’existe pas\u{a0}: créez-le, ou corrigez CPLDS_PIECES_URL"
    } else if KEY_REFUSED.iter().any(|code| told.contains(code)) {
        "la clé d’accès est refusée\u{a0}: corrigez CPLDS_PIECES_KEY_ID et CPLDS_PIECES_KEY_FILE"
    } else if told.contains("AccessDenied") {
        "cette clé n’a pas tous les droits sur le seau\u{a0}: il faut lire, écrire, supprimer et lister"
    } else {
        return VaultError::Unavailable(told);
    };
    VaultError::Unavailable(format!("{why} ({error})"))
}

/// What servers that speak S3 answer to a key they do not know, or whose secret is another.
const KEY_REFUSED: [&str; 3] = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId"];

fn lacks_bucket(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.to_string().contains("NoSuchBucket") {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("cplds-vault-{}", crate::secret::random_token().unwrap()))
    }

    fn vault(path: &std::path::Path, key: u8) -> Vault {
        Vault::open(&PiecesPlace::Folder(path.to_owned()), &Secret::from_bytes([key; 32])).unwrap()
    }

    fn file_of(path: &std::path::Path, sha256: &str) -> PathBuf {
        path.join(&sha256[..2]).join(sha256)
    }

    #[test]
    fn a_file_is_kept_sealed_under_its_hash_for_its_owner_alone_and_read_back() {
        let path = folder();
        let vault = vault(&path, 7);
        assert!(!path.exists(), "opening writes nothing");
        let sha256 = vault.put_now(b"une piece d'identite").unwrap();
        assert_eq!(sha256, sha256_hex(b"une piece d'identite"));
        assert_eq!(vault.put_now(b"une piece d'identite").unwrap(), sha256, "twice is once");
        assert_eq!(vault.get_now(&sha256).unwrap().as_ref(), b"une piece d'identite");
        let kept = file_of(&path, &sha256);
        let sealed = std::fs::read(&kept).unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"piece"), "nothing is readable at rest");
        assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        for shelf in [path.as_path(), kept.parent().unwrap()] {
            assert_eq!(std::fs::metadata(shelf).unwrap().permissions().mode() & 0o777, 0o700, "{}", shelf.display());
        }
        let beside = std::fs::read_dir(kept.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "nothing half written stays beside");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_flipped_byte_a_cut_file_another_key_and_a_swapped_name_are_found() {
        let path = folder();
        let vault = vault(&path, 7);
        let sha256 = vault.put_now(b"contenu").unwrap();
        let other = vault.put_now(b"autre contenu").unwrap();
        let kept = file_of(&path, &sha256);
        let good = std::fs::read(&kept).unwrap();
        for at in [0, 9, 33, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&kept, &bad).unwrap();
            assert_eq!(vault.get_now(&sha256), Err(VaultError::Altered(sha256.clone())), "byte {at}");
        }
        std::fs::write(&kept, &good[..20]).unwrap();
        assert_eq!(vault.get_now(&sha256), Err(VaultError::Altered(sha256.clone())));
        std::fs::copy(file_of(&path, &other), &kept).unwrap();
        assert_eq!(vault.get_now(&sha256), Err(VaultError::Altered(sha256.clone())), "a file under another's name");
        assert_eq!(super::tests::vault(&path, 8).get_now(&other), Err(VaultError::Altered(other.clone())));
        // Handing the same file in again mends what was damaged.
        vault.put_now(b"contenu").unwrap();
        assert_eq!(vault.get_now(&sha256).unwrap().as_ref(), b"contenu");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn an_area_lists_and_forgets_its_own_files_only_and_a_path_is_no_name() {
        let path = folder();
        let vault = vault(&path, 7);
        let pieces = vault.area("pieces");
        let kept = vault.put_now(b"lettre de mission").unwrap();
        let piece = pieces.put_now(b"piece").unwrap();
        let runtime = alone().unwrap();
        let names = |vault: &Vault| -> Vec<String> {
            runtime.block_on(vault.list()).unwrap().into_iter().map(|kept| kept.sha256).collect()
        };
        assert_eq!(names(&pieces), std::slice::from_ref(&piece));
        assert_eq!(names(&vault), std::slice::from_ref(&kept));
        runtime.block_on(pieces.remove(&piece)).unwrap();
        runtime.block_on(pieces.remove(&piece)).unwrap();
        assert_eq!(pieces.get_now(&piece), Err(VaultError::Missing(piece)));
        assert_eq!(vault.get_now(&kept).unwrap().as_ref(), b"lettre de mission");
        for name in ["../../etc/passwd", "", &"g".repeat(64), &"A".repeat(64)] {
            assert_eq!(vault.get_now(name), Err(VaultError::Missing(name.to_owned())));
        }
        std::fs::remove_dir_all(path).unwrap();
    }
}
