//! SQLite's one writer: a thread that takes every command waiting, runs each in its own savepoint,
//! commits them with one fsync, and only then answers. A refused command undoes itself alone.

use std::sync::mpsc;

use diesel::connection::SimpleConnection;
use tokio::sync::oneshot;

use super::{Conn, StoreError, Stored};

/// More commands than this never share one commit, so that none waits for a very long batch.
const BATCH: usize = 128;

type Task = Box<dyn Waiting>;

/// The way to the writer thread; it stops when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Task>);

impl Writer {
    pub(super) fn start(mut conn: Conn) -> Stored<Self> {
        let (sender, receiver) = mpsc::channel::<Task>();
        std::thread::Builder::new()
            .name("cplds-writer".into())
            .spawn(move || {
                while let Ok(first) = receiver.recv() {
                    let mut batch = vec![first];
                    batch.extend(receiver.try_iter().take(BATCH - 1));
                    commit_together(&mut conn, batch);
                }
            })
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(Writer(sender))
    }

    /// Queues a command; the answer comes when it is durable, or undone.
    pub(super) fn submit<T, F>(&self, command: F) -> Stored<oneshot::Receiver<Stored<T>>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Stored<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Command { command: Some(command), result: None, reply };
        self.0.send(Box::new(task)).map_err(|_| super::writer_gone())?;
        Ok(answer)
    }
}

trait Waiting: Send {
    /// Runs the command; true when what it did may be kept.
    fn run(&mut self, conn: &mut Conn) -> bool;
    /// Answers: the command's own result, or why the commit failed for all.
    fn answer(self: Box<Self>, failed: Option<&str>);
}

struct Command<T, F> {
    command: Option<F>,
    result: Option<Stored<T>>,
    reply: oneshot::Sender<Stored<T>>,
}

impl<T, F> Waiting for Command<T, F>
where
    T: Send,
    F: FnOnce(&mut Conn) -> Stored<T> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> bool {
        let Some(command) = self.command.take() else {
            return false;
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| command(conn)))
            .unwrap_or_else(|_| Err(StoreError::Unavailable("la commande s’est interrompue".into())));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, failed: Option<&str>) {
        let result = match (self.result, failed) {
            // A command that was refused keeps its own reason even when the others could not be committed.
            (Some(Err(error)), _) => Err(error),
            (_, Some(why)) => Err(StoreError::Unavailable(why.to_owned())),
            (Some(done), None) => done,
            (None, None) => Err(StoreError::Unavailable("commande non exécutée".into())),
        };
        // The asker may have gone (a closed browser): the write is durable all the same.
        let _ = self.reply.send(result);
    }
}

fn commit_together(conn: &mut Conn, mut batch: Vec<Task>) {
    let failed = match run_all(conn, &mut batch) {
        Ok(()) => None,
        Err(error) => {
            // SQLite may already have rolled back by itself (disk full): then this says so and changes nothing.
            if let Err(rollback) = super::roll_back(conn) {
                tracing::debug!(%rollback, "nothing left to roll back");
            }
            tracing::error!(%error, "commit failed");
            Some(error.to_string())
        }
    };
    for task in batch {
        task.answer(failed.as_deref());
    }
}

fn run_all(conn: &mut Conn, batch: &mut [Task]) -> diesel::QueryResult<()> {
    super::begin(conn, "BEGIN IMMEDIATE")?;
    for task in batch.iter_mut() {
        conn.batch_execute("SAVEPOINT command")?;
        if !task.run(conn) {
            conn.batch_execute("ROLLBACK TO command")?;
        }
        conn.batch_execute("RELEASE command")?;
    }
    super::commit(conn)
}
