//! The mail that tells a person that a correction they asked was answered: a link, nothing of the answer.

use crate::mail::messages::{Facts, Letterhead, correction_answered};
use crate::store::correction::CorrectionRow;
use crate::store::outbox::NewMail;
use crate::store::people::PersonRow;

/// The mail, to the address of the account that asked.
#[must_use]
pub fn notice(head: &Letterhead, row: &CorrectionRow, person: &PersonRow, email: &str, public_url: &str) -> NewMail {
    let name = person.letter_name();
    let link = format!("{public_url}/compte/donnees#corrections");
    let message = correction_answered(&Facts { head, name: &name, year: 0, link: &link });
    NewMail {
        academy_code: Some(row.academy_code.clone()),
        session_id: None,
        kind: "correction".into(),
        dedupe_key: format!("correction:{}", row.id),
        recipient: email.to_owned(),
        recipient_name: name,
        subject: message.subject,
        body_text: message.text,
        body_html: Some(message.html),
        attachments: Vec::new(),
    }
}
