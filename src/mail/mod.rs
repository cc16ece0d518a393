//! Messages and how they leave the house: over SMTP, into a folder when no server is named, or kept for a test.
//! `messages` writes them, `calendar` dates them, `courier` empties the outbox. Nothing here decides who is written to.

pub mod bounce;
pub mod calendar;
pub mod courier;
pub mod messages;
mod route;
mod wire;

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Mailbox;

pub use route::MailConfigRefused;
use route::Route;

/// A message ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The id of the queued mail; the `Message-ID` is made of it, so that a mail sent twice is seen to be one.
    pub id: String,
    pub to: String,
    pub to_name: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub file_name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// Why a message did not leave, in words for the office.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFailed {
    /// The server will never take it, or the address is none: somebody must correct something.
    #[error("{0}")]
    Permanent(String),
    /// It may pass later: the server is away, full, or refuses our own account.
    #[error("{0}")]
    Transient(String),
}

/// Where messages go.
#[derive(Debug, Clone)]
pub enum Mailer {
    Smtp(Arc<Route>),
    /// One `.eml` file a message, readable by the account of the program alone.
    Folder(Folder),
    Memory(Arc<Mutex<Vec<Letter>>>),
}

#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    from: Mailbox,
}

impl Mailer {
    /// The mailer of `CPLDS_SMTP_URL`; without it, the folder `mails` of the data folder.
    ///
    /// # Errors
    /// A sentence naming the setting that cannot be used.
    pub fn from_config(
        smtp_url: Option<&str>,
        ca_file: Option<&Path>,
        data_dir: &Path,
        from: &str,
    ) -> Result<Self, MailConfigRefused> {
        let from = route::sender(from)?;
        match smtp_url {
            Some(url) => Ok(Mailer::Smtp(Arc::new(Route::parse(url, ca_file, from)?))),
            None => Ok(Mailer::Folder(Folder { path: data_dir.join("mails"), from })),
        }
    }

    /// A mailer that keeps what it is given.
    #[must_use]
    pub fn memory() -> Self {
        Mailer::Memory(Arc::default())
    }

    /// What a memory mailer was given so far; nothing for the others.
    #[must_use]
    pub fn kept(&self) -> Vec<Letter> {
        match self {
            Mailer::Memory(letters) => letters.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Mailer::Smtp(_) | Mailer::Folder(_) => Vec::new(),
        }
    }

    /// Where mails go, for the office and for `doctor`; never a password.
    #[must_use]
    pub fn destination(&self) -> String {
        match self {
            Mailer::Smtp(route) => route.to_string(),
            Mailer::Folder(folder) => format!("dossier {}", folder.path.display()),
            Mailer::Memory(_) => "mémoire".to_owned(),
        }
    }

    /// Sends one message; returns once the server has taken it, or the file is on disk.
    ///
    /// # Errors
    /// [`SendFailed`], which says whether trying again can help.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendFailed> {
        match self {
            Mailer::Smtp(route) => route.send(wire::compose(letter, route.from())?).await,
            Mailer::Folder(folder) => {
                let bytes = wire::compose(letter, &folder.from)?.formatted();
                let (path, name) = (folder.path.clone(), wire::file_stem(&letter.id));
                tokio::task::spawn_blocking(move || write_whole(&path, &name, &bytes))
                    .await
                    .map_err(|error| SendFailed::Transient(error.to_string()))?
                    .map_err(|error| SendFailed::Transient(format!("Le message n’a pas pu être écrit\u{a0}: {error}.")))
            }
            Mailer::Memory(letters) => {
                // The same refusals as the others: a test that passes here passes there.
                wire::compose(letter, &route::sender("essai@exemple.fr").map_err(|e| SendFailed::Permanent(e.0))?)?;
                letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter.clone());
                Ok(())
            }
        }
    }
}

/// Writes `<name>.eml` so that a reader of the folder sees the whole message or none.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{name}.tmp"));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, folder.join(format!("{name}.eml")))
}

/// How long to wait after the `attempt`-th failure (the first is 1); `None` when it was the last.
#[must_use]
pub const fn backoff(attempt: u32) -> Option<Duration> {
    const MINUTE: u64 = 60;
    match attempt {
        0 | 1 => Some(Duration::from_secs(MINUTE)),
        2 => Some(Duration::from_secs(5 * MINUTE)),
        3 => Some(Duration::from_secs(30 * MINUTE)),
        4 => Some(Duration::from_secs(120 * MINUTE)),
        5 => Some(Duration::from_secs(480 * MINUTE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
