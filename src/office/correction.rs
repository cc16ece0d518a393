//! The mail that tells a person that a correction they asked was answered: a link, nothing of the answer.

use crate::mail::messages::{Facts, Letterhead, correction_answered};
use crate::store::correction::CorrectionRow;
use crate::store::outbox::NewMail;

/// The mail, to the account that asked: greeted by a corrected name, one would know the answer.
#[must_use]
pub fn notice(head: &Letterhead, row: &CorrectionRow, name: &str, email: &str, public_url: &str) -> NewMail {
    let link = format!("{public_url}/compte/donnees#corrections");
    let message = correction_answered(&Facts { head, name, year: 0, link: &link });
    NewMail {
        academy_code: Some(row.academy_code.clone()),
        ..message.addressed("correction", format!("correction:{}", row.id), name, email)
    }
}
