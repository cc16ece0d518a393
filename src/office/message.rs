//! The mail that tells a candidate that the office has written in their thread: a link, nothing of the text.

use crate::mail::messages::{self, Facts, Letterhead};
use crate::store::message::ThreadFile;
use crate::store::outbox::NewMail;

/// The mail that tells the candidate of an answer.
#[must_use]
pub fn notice(head: &Letterhead, file: &ThreadFile, link: &str) -> NewMail {
    let message = messages::new_message(&Facts { head, name: &file.name, year: file.session.year, link });
    message.addressed("message", String::new(), &file.name, &file.email).of_session(&file.session)
}
