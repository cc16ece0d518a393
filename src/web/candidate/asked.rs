//! What the office still waits for from a candidate: each piece with its ground, each request with its words and its day.
//! The states are those of the office's checklist; nothing is asked of a file that is withdrawn, refused or on the list.

use std::collections::HashMap;

use crate::domain::academy::french_date;
use crate::store::examination::requests::{RequestView, local_day};
use crate::store::registration::{FileView, OPEN_STATES};
use crate::web::page::Tone;
use crate::web::session::shown_instant;

/// A piece to send, or to send again.
pub struct Wanted {
    pub label: String,
    pub href: String,
    /// Why the one that was sent is refused.
    pub ground: String,
    pub is_refused: bool,
}

/// A request of the office, as it was written.
pub struct Request {
    pub asked: String,
    pub due: String,
    pub message: Vec<String>,
    pub pieces: Vec<(String, &'static str)>,
    pub tone: Tone,
    pub status: &'static str,
    pub reminded: String,
}

fn is_awaited(state: &str) -> bool {
    state == "missing" || state == "refused"
}

/// Where one piece is sent from.
#[must_use]
pub fn place_of(registration_id: &str, code: &str) -> String {
    format!("/mon-dossier/{registration_id}/pieces#piece-{code}")
}

/// What is missing, as the office's checklist says it.
#[must_use]
pub fn wanted(view: &FileView, grounds: &HashMap<String, String>) -> Vec<Wanted> {
    if !OPEN_STATES.contains(&view.session.state) || view.registration.state != "submitted" {
        return Vec::new();
    }
    view.pieces
        .iter()
        .filter(|(_, _, state)| is_awaited(state))
        .map(|(code, label, state)| Wanted {
            label: label.clone(),
            href: place_of(&view.registration.id, code),
            ground: grounds.get(code).filter(|_| state == "refused").cloned().unwrap_or_default(),
            is_refused: state == "refused",
        })
        .collect()
}

/// The requests made to this candidate, latest first.
#[must_use]
pub fn requests(view: &FileView, rows: &[RequestView], now: jiff::Timestamp) -> Vec<Request> {
    let session = &view.session;
    let is_settled = !OPEN_STATES.contains(&session.state) || view.registration.state != "submitted";
    rows.iter()
        .map(|row| {
            let is_open = row.is_open() && !is_settled;
            let (tone, status) = if row.is_answered() {
                (Tone::Success, "Répondu")
            } else if !is_open {
                (Tone::Neutral, "Close")
            } else if row.request.due_on.0 < local_day(session, now) {
                (Tone::Error, "En retard\u{a0}: répondez sans attendre")
            } else {
                (Tone::Warning, "Votre réponse est attendue")
            };
            Request {
                asked: shown_instant(session, row.request.asked_at.0),
                due: french_date(row.request.due_on.0),
                message: row
                    .request
                    .message
                    .lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(str::to_owned)
                    .collect(),
                pieces: row
                    .pieces
                    .iter()
                    .map(|(label, state)| {
                        let said = match state.as_str() {
                            "received" => "reçue",
                            "accepted" => "acceptée",
                            "refused" => "refusée, à remplacer",
                            _ => "attendue",
                        };
                        (label.clone(), said)
                    })
                    .collect(),
                tone,
                status,
                reminded: row.request.reminded_at.map(|at| shown_instant(session, at.0)).unwrap_or_default(),
            }
        })
        .collect()
}
