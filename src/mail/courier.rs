//! Empties the outbox: claims what is due, sends over several connections, writes down what became of each.
//! A mail is claimed before it leaves and marked after: a crash between the two may send it twice, never lose it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Attachment, Letter, Mailer, SendFailed, backoff};
use crate::domain::permission::Actor;
use crate::store::documents::DocumentRow;
use crate::store::outbox::{self, OutboxRow};
use crate::store::{Db, Lock, Stored};

/// Claimed at once.
const BATCH: i64 = 100;
/// Sends at the same time, when the program runs by itself.
const CONNECTIONS: usize = 8;
/// Between two looks at the outbox.
const PAUSE: Duration = Duration::from_secs(3);
/// One send lasts no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
/// After this, the rest of a batch is put off: a claim holds ten minutes, and must not outlive its sender.
const BATCH_PATIENCE: Duration = Duration::from_secs(300);

/// What became of the mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    pub sent: usize,
    /// Given up, and shown to the office.
    pub failed: usize,
    /// Due again later.
    pub retried: usize,
}

impl Drained {
    const fn add(&mut self, other: Drained) {
        self.sent += other.sent;
        self.failed += other.failed;
        self.retried += other.retried;
    }
}

/// Sends everything that is due, `connections` at once.
///
/// # Errors
/// The database's own; a mail that does not leave is no error, it is marked.
pub async fn drain(db: &Db, mailer: &Mailer, connections: usize) -> Stored<Drained> {
    let mut all = Drained::default();
    while let Some(batch) = send_batch(db, mailer, connections).await? {
        all.add(batch);
    }
    Ok(all)
}

/// Empties the outbox again and again, until `stop` says true or is dropped; a batch begun is finished.
pub async fn run(db: Db, mailer: Mailer, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match send_batch(&db, &mailer, CONNECTIONS).await {
            Ok(Some(batch)) => {
                tracing::info!(sent = batch.sent, failed = batch.failed, retried = batch.retried, "mails");
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the outbox could not be read or marked"),
        }
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Sends one batch; `None` when nothing is due.
async fn send_batch(db: &Db, mailer: &Mailer, connections: usize) -> Stored<Option<Drained>> {
    let claimed = outbox::claim_batch(db, BATCH).await?;
    if claimed.is_empty() {
        return Ok(None);
    }
    let started = Instant::now();
    let places = Arc::new(Semaphore::new(connections.max(1)));
    let mut sends = JoinSet::new();
    for (row, files) in claimed {
        let (mailer, places) = (mailer.clone(), Arc::clone(&places));
        sends.spawn(async move {
            let _place = places.acquire_owned().await;
            let attempt = u32::try_from(row.attempts).unwrap_or(0) + 1;
            let letter = letter(row, files);
            let result = if started.elapsed() > BATCH_PATIENCE {
                Err(SendFailed::Transient("Le serveur de messagerie répond trop lentement.".to_owned()))
            } else {
                tokio::time::timeout(PATIENCE, mailer.send(&letter)).await.unwrap_or_else(|_| {
                    Err(SendFailed::Transient("Le serveur de messagerie n’a pas répondu à temps.".to_owned()))
                })
            };
            (letter.id, attempt, result)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(done) = sends.join_next().await {
        match done {
            Ok(outcome) => outcomes.push(outcome),
            // Its claim runs out by itself, and the mail is due again.
            Err(error) => tracing::error!(%error, "a send stopped before its end"),
        }
    }
    mark(db, outcomes).await.map(Some)
}

/// One write for the whole batch.
async fn mark(db: &Db, outcomes: Vec<(String, u32, Result<(), SendFailed>)>) -> Stored<Drained> {
    db.write(&Actor::system("courier"), Lock::House, move |tx| {
        let mut drained = Drained::default();
        for (id, attempt, result) in &outcomes {
            match result {
                Ok(()) => {
                    outbox::mark_sent(tx, id)?;
                    drained.sent += 1;
                }
                Err(failed) => {
                    let next = match failed {
                        SendFailed::Permanent(_) => None,
                        SendFailed::Transient(_) => backoff(*attempt),
                    };
                    outbox::mark_failed(tx, id, &failed.to_string(), next)?;
                    if next.is_some() {
                        drained.retried += 1;
                    } else {
                        drained.failed += 1;
                    }
                }
            }
        }
        Ok(drained)
    })
    .await
}

fn letter(row: OutboxRow, files: Vec<DocumentRow>) -> Letter {
    Letter {
        id: row.id,
        to: row.recipient,
        to_name: row.recipient_name,
        subject: row.subject,
        text: row.body_text,
        html: row.body_html,
        attachments: files
            .into_iter()
            .map(|file| Attachment { file_name: file.file_name, content_type: file.content_type, bytes: file.bytes })
            .collect(),
    }
}
