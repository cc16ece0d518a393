//! A letter as it travels (RFC 5322 and MIME): the text, its page, its files.
//! What people typed is data: a line break in a name or a subject cannot begin a header.

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as File, Mailbox, Message, MultiPart, SinglePart};

use super::{Letter, SendFailed};
use crate::domain::audit::sha256_hex;

/// Composes the message.
pub(super) fn compose(letter: &Letter, from: &Mailbox) -> Result<Message, SendFailed> {
    let address: Address = letter.to.parse().map_err(|_| {
        SendFailed::Permanent(format!("«\u{a0}{}\u{a0}» n’est pas une adresse électronique.", one_line(&letter.to)))
    })?;
    let name = one_line(&letter.to_name);
    let to = Mailbox::new((!name.is_empty()).then_some(name), address);
    let text = SinglePart::plain(letter.text.clone());
    // A reader takes a part that is not the text nor a file for a file: no empty wrapping.
    let whole = match (&letter.html, letter.attachments.is_empty()) {
        (None, _) => MultiPart::mixed().singlepart(text),
        (Some(html), true) => alternative(text, html),
        (Some(html), false) => MultiPart::mixed().multipart(alternative(text, html)),
    };
    let whole = letter.attachments.iter().fold(whole, |parts, file| {
        let kind = ContentType::parse(&one_line(&file.content_type));
        match kind.or_else(|_| ContentType::parse("application/octet-stream")) {
            Ok(kind) => parts.singlepart(File::new(one_line(&file.file_name)).body(file.bytes.clone(), kind)),
            Err(_) => parts,
        }
    });
    let message_id = format!("<{}@{}>", file_stem(&letter.id), from.email.domain());
    Message::builder()
        .from(from.clone())
        .to(to)
        .subject(one_line(&letter.subject))
        .message_id(Some(message_id))
        // Keeps holiday answers from answering a machine (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(whole)
        .map_err(|error| SendFailed::Permanent(format!("Le message n’a pas pu être composé\u{a0}: {error}.")))
}

fn alternative(text: SinglePart, html: &str) -> MultiPart {
    MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.to_owned()))
}

/// Without line breaks nor control characters, and without spaces around.
fn one_line(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect();
    line.trim().to_owned()
}

/// A name for the file and the `Message-ID` of a letter: its id, or its hash if the id holds anything but letters, digits and dashes.
pub(super) fn file_stem(id: &str) -> String {
    let is_plain = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_plain { id.to_owned() } else { sha256_hex(id.as_bytes()) }
}
