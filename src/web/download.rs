//! Files to keep: one made whole, or an export streamed. Of an export, what may refuse is asked first, then rows leave as they are read, through a short channel.
//! A download cut on the way is told so by its connection, never by a file that looks whole.

use std::io::{self, Write};

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::AppState;
use super::error::AppError;
use crate::domain::permission::Actor;
use crate::domain::table::FileKind;
use crate::store::StoreError;
use crate::store::export::{self, Exported, Planned};

/// Pieces under way between the writing and a slow reader.
const UNDER_WAY: usize = 8;
const PIECE: usize = 64 * 1024;

/// `marks.xlsx` in its two parts.
#[must_use]
pub fn asked(file: &str) -> Option<(&str, FileKind)> {
    let (name, ending) = file.rsplit_once('.')?;
    Some((name, FileKind::from_word(ending)?))
}

/// What goes before the bytes of a file.
#[must_use]
pub fn headers(kind: FileKind, name: &str) -> [(header::HeaderName, String); 2] {
    [
        (header::CONTENT_TYPE, kind.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ]
}

/// A file made whole, to be saved under this name. Names are ours (letters without accents, digits, hyphens, dots).
#[must_use]
pub fn attached(content_type: impl Into<String>, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, content_type.into()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}

/// Streams an export of an academy; `year` names the session, where there is one.
///
/// # Errors
/// Not found for those without the right; refusals, before anything has left.
pub async fn sheet(
    app: &AppState,
    actor: &Actor,
    what: Exported,
    academy: &str,
    year: i16,
    kind: FileKind,
) -> Result<Response, AppError> {
    let (who, code) = (actor.clone(), academy.to_owned());
    let planned = app.db.read(move |conn| export::plan(conn, &who, what, &code, year)).await?;
    Ok(stream(app, actor, planned, kind))
}

/// Streams an export that was planned.
#[must_use]
pub fn stream(app: &AppState, actor: &Actor, planned: Planned, kind: FileKind) -> Response {
    let name = planned.file_name(kind);
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    let (db, who) = (app.db.clone(), actor.clone());
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE) };
        let written = export::write(&db, &who, &planned, kind, &mut out)
            .and_then(|_| out.flush().map_err(|e| StoreError::Unavailable(e.to_string())));
        if let Err(cause) = written {
            tracing::warn!(%cause, "an export did not reach its end");
            let _ = sender.blocking_send(Err(io::Error::other("the export did not reach its end")));
        }
    });
    let stream = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (headers(kind, &name), Body::from_stream(stream)).into_response()
}

struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender
            .blocking_send(Ok(Bytes::from(piece)))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads this download any more"))
    }
}
