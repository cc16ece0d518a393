//! Convening a session: facts are read, each convocation is rendered outside any write, then mails are queued once.
//! Documents are kept in batches, so that ten thousand of them never stand in memory together; the last write
//! refuses when the calendar changed meanwhile, and a second call sends only what changed.

use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::academy::Academy;
use crate::domain::permission::Actor;
use crate::mail::calendar::{Event, calendar};
use crate::mail::messages::{self, Facts, Letterhead};
use crate::office::documents::{in_parallel, office_of, signatory_of};
use crate::pdf::Person;
use crate::pdf::convocation::{ConvocationItem, ConvocationSheet, convocation as draw};
use crate::store::convocation::{
    self, Audience, ConvocationCount, ConvocationFacts, ConvocationPlan, ICS_KIND, MAIL_KIND, PDF_KIND, SlotFacts,
};
use crate::store::documents::NewDocument;
use crate::store::outbox::{AttachedDocument, NewMail};
use crate::store::{Db, Lock, StoreError, Stored};

/// Convocations rendered and kept together.
const BATCH: usize = 400;

/// What is the same on every convocation of a sending.
struct Sending<'a> {
    plan: &'a ConvocationPlan,
    academy: &'a Academy,
    public_url: &'a str,
    at: Timestamp,
    simulated: bool,
}

/// Sends the convocations of a session to everyone whose hours are new. Mails link to the site at `public_url`.
///
/// # Errors
/// The order that is not signed, slots that are missing, or a calendar that changed meanwhile.
pub fn convoke(db: &Db, actor: &Actor, session_id: &str, public_url: &str) -> Stored<ConvocationCount> {
    let id = session_id.to_owned();
    let (plan, pending) = db.read_now(move |conn| {
        let plan = convocation::plan(conn, &id)?;
        let pending: Vec<ConvocationFacts> = convocation::list_pending(conn, &plan)?.into_iter().cloned().collect();
        Ok((plan, pending))
    })?;
    let clock: &Clock = db.clock();
    let sending = Sending {
        plan: &plan,
        academy: Academy::find(&plan.session.academy_code).ok_or(StoreError::NotFound)?,
        public_url,
        at: clock.now(),
        simulated: clock.is_simulated(),
    };
    let mut mails = Vec::with_capacity(pending.len());
    for batch in pending.chunks(BATCH) {
        let documents: Vec<NewDocument> =
            in_parallel(batch, |sheet| sending.render(sheet))?.into_iter().flatten().collect();
        let id = session_id.to_owned();
        db.write_now(actor, Lock::Session(id.clone()), move |tx| convocation::keep(tx, &id, documents))?;
        mails.extend(batch.iter().filter(|sheet| !sheet.email.is_empty()).map(|sheet| sending.mail(sheet)));
    }
    let (id, version) = (session_id.to_owned(), plan.version.clone());
    db.write_now(actor, Lock::Session(id.clone()), move |tx| convocation::send(tx, &id, &version, mails))
}

impl Sending<'_> {
    fn render(&self, sheet: &ConvocationFacts) -> Stored<[NewDocument; 2]> {
        let name = match sheet.audience {
            Audience::Candidate => format!("convocation-{}", sheet.number),
            Audience::Juror => format!("convocation-jury-{}", juror_number(sheet)),
        };
        let document = |kind: &str, ending: &str, content_type: &str, bytes| NewDocument {
            academy_code: self.plan.session.academy_code.clone(),
            session_id: Some(self.plan.session.id.clone()),
            subject_id: sheet.subject_id.clone(),
            kind: kind.into(),
            file_name: format!("{name}.{ending}"),
            content_type: content_type.into(),
            bytes,
        };
        let pdf = draw(&self.pdf_sheet(sheet))?;
        let events: Vec<Event> = sheet.slots.iter().map(|slot| self.event(sheet, slot)).collect();
        Ok([
            document(PDF_KIND, "pdf", "application/pdf", pdf),
            document(ICS_KIND, "ics", "text/calendar; charset=utf-8", calendar(&events, self.at)),
        ])
    }

    fn pdf_sheet(&self, sheet: &ConvocationFacts) -> ConvocationSheet {
        let addressee =
            [&sheet.letter_name, &sheet.school_name].into_iter().filter(|line| !line.is_empty()).cloned().collect();
        ConvocationSheet {
            person: Person {
                civility: sheet.civility.clone(),
                first_names: sheet.first_names.clone(),
                birth_name: sheet.birth_name.clone(),
                usage_name: sheet.usage_name.clone(),
            },
            office: office_of(&self.plan.academy),
            occasion: format!("session {}", self.plan.session.year),
            number: if sheet.number.is_empty() { juror_number(sheet) } else { sheet.number.clone() },
            addressee,
            items: sheet.slots.iter().map(|slot| self.item(sheet, slot)).collect(),
            instructions: self.instructions(sheet),
            accommodation: sheet.accommodation.clone(),
            issued_on: self.academy.date(self.at),
            signatory: signatory_of(&self.plan.academy),
            simulated: self.simulated,
        }
    }

    fn item(&self, sheet: &ConvocationFacts, slot: &SlotFacts) -> ConvocationItem {
        let parts: Vec<String> = slot.parts.iter().map(|(label, minutes)| format!("{label} : {minutes} min")).collect();
        let (label, note) = match sheet.audience {
            Audience::Candidate => (format!("Épreuve {} – {}", slot.epreuve, slot.title), None),
            Audience::Juror => (
                format!("Épreuve {} – {}", slot.epreuve, slot.candidate_name),
                Some(format!("{}, {}", slot.candidate_number, slot.commission)),
            ),
        };
        ConvocationItem {
            label,
            date_time: self.academy.show(slot.starts_at),
            place: vec![slot.site.clone()],
            room: slot.room.clone(),
            duration: parts.join(" ; "),
            note,
        }
    }

    fn instructions(&self, sheet: &ConvocationFacts) -> Vec<String> {
        let academy = &self.plan.academy;
        let reach = match (academy.phone.as_str(), academy.email.as_str()) {
            ("", "") => String::new(),
            (phone, "") => format!(" (téléphone : {phone})"),
            ("", email) => format!(" ({email})"),
            (phone, email) => format!(" (téléphone : {phone} ; {email})"),
        };
        let absence = format!("En cas d’empêchement, prévenez sans attendre le service : {}{reach}.", academy.service);
        match sheet.audience {
            Audience::Candidate => vec![
                "Présentez-vous un quart d’heure avant l’heure indiquée, avec cette convocation et une pièce d’identité.".into(),
                "L’heure indiquée est celle du début de l’épreuve, préparation comprise.".into(),
                "Une absence à une épreuve entraîne l’ajournement.".into(),
                absence,
            ],
            Audience::Juror => vec![
                format!("Vous siégez au jury en qualité de : {}. Arrêté de nomination : {}.", sheet.quality, self.plan.order.order_reference),
                "Si vous connaissez un candidat au point de ne pouvoir l’examiner, dites-le avant les épreuves : il sera confié à une autre commission.".into(),
                absence,
            ],
        }
    }

    fn event(&self, sheet: &ConvocationFacts, slot: &SlotFacts) -> Event {
        let place =
            [slot.site.as_str(), slot.room.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let (title, description) = match sheet.audience {
            Audience::Candidate => (
                format!("CPLDS – épreuve {}", slot.epreuve),
                format!("{}\nNuméro de candidat : {}", slot.title, sheet.number),
            ),
            Audience::Juror => (
                format!("Jury CPLDS – épreuve {}", slot.epreuve),
                format!(
                    "{}\nCandidat : {} ({})\n{}",
                    slot.title, slot.candidate_name, slot.candidate_number, slot.commission
                ),
            ),
        };
        Event {
            // The slot and who is told of it: a later file replaces this event in their calendar.
            uid: format!("{}-{}@cplds", slot.slot_id, sheet.subject_id),
            starts: slot.starts_at,
            ends: slot.ends_at,
            title,
            place: place.join(", "),
            description,
        }
    }

    fn mail(&self, sheet: &ConvocationFacts) -> NewMail {
        let head = Letterhead::of(&self.plan.academy);
        let (path, write): (&str, fn(&Facts<'_>) -> messages::Message) = match sheet.audience {
            Audience::Candidate => ("/mon-dossier", messages::convocation_candidate),
            Audience::Juror => ("/jury", messages::convocation_juror),
        };
        let link = format!("{}{path}", self.public_url.trim_end_matches('/'));
        let message =
            write(&Facts { head: &head, name: &sheet.letter_name, year: self.plan.session.year, link: &link });
        let attached = |kind: &str| AttachedDocument { kind: kind.into(), subject_id: sheet.subject_id.clone() };
        let key = convocation::dedupe_key(&self.plan.session.id, sheet);
        let mail = message.addressed(MAIL_KIND, key, &sheet.letter_name, &sheet.email);
        NewMail { attachments: vec![attached(PDF_KIND), attached(ICS_KIND)], ..mail.of_session(&self.plan.session) }
    }
}

/// A juror has no number of their own in the exam: the end of their record's identifier tells their sheets apart.
fn juror_number(sheet: &ConvocationFacts) -> String {
    let tail: String = sheet.subject_id.chars().rev().filter(char::is_ascii_alphanumeric).take(6).collect();
    format!("J-{}", tail.chars().rev().collect::<String>().to_uppercase())
}
