//! Publishes the sessions whose instant has come, and writes the mail of each candidate: a link, never a mark.

use crate::domain::permission::Actor;
use crate::mail::messages::{self, Facts, Letterhead};
use crate::store::outbox::NewMail;
use crate::store::{Db, Lock, Stored, publication, reference, session};

/// Publishes what is due; asking again publishes nothing twice. Returns how many sessions were published.
///
/// # Errors
/// The database's own.
pub fn publish_what_is_due(db: &Db, public_url: &str) -> Stored<usize> {
    let now = db.clock().now();
    let due = db.read_now(|conn| publication::list_due(conn, now))?;
    let mut published = 0;
    for id in due {
        let head = db.read_now(|conn| {
            let session = session::load_session(conn, &id)?;
            Ok(Letterhead::of(&reference::get_academy(conn, &session.academy_code)?))
        })?;
        let link = format!("{public_url}/mon-dossier");
        let session_id = id.clone();
        let done = db.write_now(&Actor::system("publication"), Lock::Session(id), move |tx| {
            publication::publish_due(tx, &session_id, &|session, person| {
                let name = person.letter_name();
                let message =
                    messages::results_published(&Facts { head: &head, name: &name, year: session.year, link: &link });
                NewMail {
                    academy_code: Some(session.academy_code.clone()),
                    session_id: Some(session.id.clone()),
                    kind: "results".into(),
                    dedupe_key: format!("results:{}:{}", session.id, person.id),
                    recipient: person.email.clone(),
                    recipient_name: name.clone(),
                    subject: message.subject,
                    body_text: message.text,
                    body_html: Some(message.html),
                    attachments: Vec::new(),
                }
            })
        })?;
        published += usize::from(done);
    }
    Ok(published)
}
