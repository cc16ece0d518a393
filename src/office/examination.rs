//! Letters of decision drawn once from what was written, and the mails of the examination: a link, never a content.
//! Reminders leave by themselves on the day the regulation says; the store tells which ones are due.

use crate::domain::examination::BulkAct;
use crate::domain::permission::Actor;
use crate::mail::messages::{self, Facts, Letterhead, Message};
use crate::office::documents::{in_parallel, keep_all};
use crate::pdf::letter::{LetterSheet, letter};
use crate::pdf::{Office, Signatory};
use crate::store::documents::{self, DocumentRow, NewDocument};
use crate::store::examination::letters::{self, DOCUMENT, LetterRow};
use crate::store::examination::requests;
use crate::store::outbox::NewMail;
use crate::store::people::PersonRow;
use crate::store::session::SessionRow;
use crate::store::{Conn, Db, Lock, Stored, reference, session};

/// Who writes, and where the mails lead.
#[derive(Debug, Clone)]
pub struct Post {
    head: Letterhead,
    link: String,
}

impl Post {
    /// The post of an academy, whose links lead to the site at `public_url`.
    ///
    /// # Errors
    /// The database's own.
    pub fn of(conn: &mut Conn, academy_code: &str, public_url: &str) -> Stored<Self> {
        let head = Letterhead::of(&reference::get_academy(conn, academy_code)?);
        Ok(Post { head, link: format!("{public_url}/mon-dossier") })
    }

    fn mail(
        &self,
        kind: &str,
        write: fn(&Facts<'_>) -> Message,
        session: &SessionRow,
        person: &PersonRow,
        key: &str,
    ) -> NewMail {
        let name = person.letter_name();
        let message = write(&Facts { head: &self.head, name: &name, year: session.year, link: &self.link });
        message.addressed(kind, key.to_owned(), &name, &person.email).of_session(session)
    }

    /// A decision can be read.
    #[must_use]
    pub fn decision(&self, session: &SessionRow, person: &PersonRow, key: &str) -> NewMail {
        self.mail("decision", messages::decision_notice, session, person, key)
    }

    /// Pieces are asked for.
    #[must_use]
    pub fn request(&self, session: &SessionRow, person: &PersonRow, key: &str) -> NewMail {
        self.mail("pieces_requested", messages::pieces_requested, session, person, key)
    }

    /// Pieces are still awaited.
    #[must_use]
    pub fn reminder(&self, session: &SessionRow, person: &PersonRow, key: &str) -> NewMail {
        self.mail("pieces_reminder", messages::pieces_reminder, session, person, key)
    }

    /// The mail of a bulk act.
    #[must_use]
    pub fn of_act(&self, act: BulkAct, session: &SessionRow, person: &PersonRow, key: &str) -> NewMail {
        match act {
            BulkAct::Request => self.request(session, person, key),
            BulkAct::Remind => self.reminder(session, person, key),
            BulkAct::Assign | BulkAct::Admit | BulkAct::Refuse => self.decision(session, person, key),
        }
    }
}

/// Sends the reminders that are due; asking again sends none twice. Returns how many left.
///
/// # Errors
/// The database's own.
pub fn remind_what_is_due(db: &Db, public_url: &str) -> Stored<usize> {
    let now = db.clock().now();
    let due = db.read_now(|conn| requests::list_due_reminders(conn, now))?;
    let mut reminded = 0;
    for one in due {
        let post = db.read_now(|conn| {
            let session = session::load_session(conn, &one.session_id)?;
            Post::of(conn, &session.academy_code, public_url)
        })?;
        let done = db.write_now(&Actor::system("reminders"), Lock::Session(one.session_id.clone()), move |tx| {
            requests::remind_due(tx, &one.request_id, &|session, person, key| post.reminder(session, person, key))
        })?;
        reminded += usize::from(done);
    }
    Ok(reminded)
}

/// Draws every letter that has no document yet; returns how many.
///
/// # Errors
/// The database's own, or a letter that cannot be drawn.
pub fn draw_letters(db: &Db) -> Stored<usize> {
    let simulated = db.clock().is_simulated();
    let mut drawn = 0;
    loop {
        let waiting = db.read_now(|conn| letters::list_undrawn(conn, 256))?;
        if waiting.is_empty() {
            return Ok(drawn);
        }
        let made = in_parallel(&waiting, |(row, academy_code, number)| {
            Ok(NewDocument {
                academy_code: academy_code.clone(),
                session_id: Some(row.session_id.clone()),
                subject_id: row.id.clone(),
                kind: DOCUMENT.into(),
                file_name: format!("decision-{number}.pdf"),
                content_type: "application/pdf".into(),
                bytes: letter(&sheet_of(row, simulated)?)?,
            })
        })?;
        drawn += made.len();
        keep_all(db, made)?;
    }
}

fn sheet_of(row: &LetterRow, simulated: bool) -> Stored<LetterSheet> {
    let content = row.read_content()?;
    let sender = content.sender;
    Ok(LetterSheet {
        office: Office {
            academy: sender.academy,
            region: sender.region,
            service: sender.service,
            phone: sender.phone,
            email: sender.email,
            city: sender.city.clone(),
        },
        addressee: content.addressee,
        subject: content.subject,
        reference: Some(content.reference),
        paragraphs: content.paragraphs,
        appeal: content.appeal,
        place: sender.city,
        date: content.date,
        signatory: Signatory {
            name: sender.signatory_name,
            title: sender.signatory_title,
            delegation: sender.delegation,
        },
        simulated,
    })
}

/// The document of a letter, drawn now if nobody has asked before.
///
/// # Errors
/// The database's own, or a letter that cannot be drawn.
pub fn letter_document(db: &Db, letter_id: &str) -> Stored<DocumentRow> {
    let find = || db.read_now(|conn| documents::find_document(conn, DOCUMENT, letter_id));
    if let Some(kept) = find()? {
        return Ok(kept);
    }
    draw_letters(db)?;
    find()?.ok_or(crate::store::StoreError::NotFound)
}

/// The letter in force of a candidate's own file; opened for the first time, it is notified.
///
/// # Errors
/// The database's own.
pub fn letter_for_candidate(
    db: &Db,
    actor: &Actor,
    session: &SessionRow,
    registration_id: &str,
) -> Stored<Option<DocumentRow>> {
    let Some(row) = db.read_now(|conn| letters::find_letter(conn, registration_id))? else { return Ok(None) };
    let document = letter_document(db, &row.id)?;
    if row.opened_at.is_none() {
        let id = row.id;
        db.write_now(actor, Lock::Session(session.id.clone()), move |tx| letters::note_opened(tx, &id))?;
    }
    Ok(Some(document))
}
