//! Publishes the sessions whose instant has come, and writes the mails that follow it: a link, never a mark.

use crate::domain::permission::Actor;
use crate::mail::messages::{self, Facts, Letterhead, Message};
use crate::store::outbox::NewMail;
use crate::store::people::PersonRow;
use crate::store::session::SessionRow;
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
        let (session_id, url) = (id.clone(), public_url.to_owned());
        let done = db.write_now(&Actor::system("publication"), Lock::Session(id), move |tx| {
            publication::publish_due(tx, &session_id, &|session, person| {
                notice(&head, &url, session, person, "results", messages::results_published)
            })
        })?;
        published += usize::from(done);
    }
    Ok(published)
}

/// The certificate of this person can be downloaded.
#[must_use]
pub fn certificate_notice(head: &Letterhead, public_url: &str, session: &SessionRow, person: &PersonRow) -> NewMail {
    notice(head, public_url, session, person, "certificate", messages::certificate_ready)
}

/// One mail a person, a session and a kind, that leads to their own page.
fn notice(
    head: &Letterhead,
    public_url: &str,
    session: &SessionRow,
    person: &PersonRow,
    kind: &str,
    words: fn(&Facts<'_>) -> Message,
) -> NewMail {
    let (name, link) = (person.letter_name(), format!("{public_url}/mon-dossier"));
    let message = words(&Facts { head, name: &name, year: session.year, link: &link });
    let key = format!("{kind}:{}:{}", session.id, person.id);
    message.addressed(kind, key, &name, &person.email).of_session(session)
}
