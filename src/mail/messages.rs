//! What each mail says, one function a message; the words stand in `templates/mail/<message>/`.
//! No mail carries a mark, an outcome or a ground: it says that something waits, and where to read it once signed in.
//! What people typed is put on one line first, so that nobody writes a paragraph of ours by way of a name.

use askama::Template;
use jiff::SignedDuration;

use crate::domain::academy::Academy;
use crate::domain::ids::Phone;
use crate::store::outbox::NewMail;
use crate::store::reference::AcademyRow;

/// A message, ready for the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Message {
    /// The message on its way to someone, under no academy, no session and without files: whoever knows them adds them.
    #[must_use]
    pub fn addressed(self, kind: &str, dedupe_key: String, name: &str, email: &str) -> NewMail {
        NewMail {
            academy_code: None,
            session_id: None,
            kind: kind.to_owned(),
            dedupe_key,
            recipient: email.to_owned(),
            recipient_name: name.to_owned(),
            subject: self.subject,
            body_text: self.text,
            body_html: Some(self.html),
            attachments: Vec::new(),
        }
    }
}

/// Who writes, at the foot of every mail: « académie de Limoges », its service, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letterhead {
    pub academy: String,
    pub service: String,
    pub phone: String,
    pub email: String,
}

impl Letterhead {
    /// The academy as its administrator described it.
    #[must_use]
    pub fn of(row: &AcademyRow) -> Self {
        let academy = Academy::find(&row.code).map_or_else(|| line(&row.name), Academy::full_name);
        let phone = Phone::parse(&row.phone).map_or_else(|_| line(&row.phone), |phone| phone.shown());
        Letterhead { academy, service: line(&row.service), phone, email: line(&row.email) }
    }

    /// For accounts that no academy holds.
    #[must_use]
    pub fn national() -> Self {
        Letterhead {
            academy: "cplds".to_owned(),
            service: "certificat de professionnalisation en matière de lutte contre le décrochage scolaire".to_owned(),
            phone: String::new(),
            email: String::new(),
        }
    }

    /// « Téléphone : … – courriel : … », or nothing when the academy gave neither.
    fn contact(&self) -> String {
        let phone = (!self.phone.is_empty()).then(|| format!("téléphone\u{a0}: {}", self.phone));
        let email = (!self.email.is_empty()).then(|| format!("courriel\u{a0}: {}", self.email));
        phone.into_iter().chain(email).collect::<Vec<_>>().join(" – ")
    }
}

/// What one is invited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    Candidate,
    Juror,
}

/// The person and the training that has news for them.
#[derive(Debug, Clone, Copy)]
pub struct TrainingFacts<'a> {
    pub head: &'a Letterhead,
    pub name: &'a str,
    pub training: &'a str,
    /// The page to open.
    pub link: &'a str,
}

/// The person, the session (year of its épreuves) and the page to open.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub head: &'a Letterhead,
    pub name: &'a str,
    pub year: i32,
    pub link: &'a str,
}

/// What the acknowledgement of an application tells (CRPA, art. R. 112-5).
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The wording of the regulation pack, with `{date}`, `{service}` and `{telephone}`.
    pub wording: &'a str,
    pub number: &'a str,
    /// « 14 juin 2026 à 9 h 12 ».
    pub received_at: &'a str,
    /// « 30 septembre 2026 », the last day of registration.
    pub closes_on: &'a str,
    /// « 15 octobre 2026 », when the date at which the list is fixed is known.
    pub listed_on: Option<&'a str>,
}

/// All that a template may say; a message leaves empty what it does not use.
#[derive(Default)]
struct Words<'a> {
    academy: &'a str,
    service: &'a str,
    contact: String,
    name: String,
    year: i32,
    link: &'a str,
    is_juror: bool,
    /// A whole sentence.
    sentence: String,
    /// A day, or an instant, already written in French.
    until: &'a str,
    listed_on: Option<&'a str>,
    number: &'a str,
}

impl<'a> Words<'a> {
    fn of(head: &'a Letterhead, name: &str, link: &'a str) -> Self {
        Words {
            academy: &head.academy,
            service: &head.service,
            contact: head.contact(),
            name: line(name),
            link,
            ..Words::default()
        }
    }
}

impl<'a> Facts<'a> {
    fn words(&self) -> Words<'a> {
        Words { year: self.year, ..Words::of(self.head, self.name, self.link) }
    }
}

/// Fills the three templates of a message.
macro_rules! message {
    ($words:expr, $subject:tt, $text:tt, $html:tt) => {{
        #[derive(Template)]
        #[template(path = $subject)]
        #[allow(dead_code)]
        struct Subject<'a> {
            m: &'a Words<'a>,
        }
        #[derive(Template)]
        #[template(path = $text)]
        struct Text<'a> {
            m: &'a Words<'a>,
        }
        #[derive(Template)]
        #[template(path = $html)]
        struct Html<'a> {
            m: &'a Words<'a>,
            title: &'a str,
        }
        let m = &$words;
        let subject = line(&rendered(&Subject { m }));
        Message { text: rendered(&Text { m }), html: rendered(&Html { m, title: &subject }), subject }
    }};
}

/// An invitation to open one's account, as a candidate or a juror. The link works once, until the instant given.
#[must_use]
pub fn invitation(facts: &Facts<'_>, invited: Invited, until: &str) -> Message {
    message!(
        Words { is_juror: invited == Invited::Juror, until, ..facts.words() },
        "mail/invitation/subject.txt",
        "mail/invitation/body.txt",
        "mail/invitation/body.html"
    )
}

/// An account that a service opens for a colleague; `what_for` completes « Un compte vous est ouvert … ».
#[must_use]
pub fn account_invitation(head: &Letterhead, name: &str, what_for: &str, link: &str, lasts: SignedDuration) -> Message {
    let until = &lasting(lasts);
    message!(
        Words { sentence: line(what_for), until, ..Words::of(head, name, link) },
        "mail/account_invitation/subject.txt",
        "mail/account_invitation/body.txt",
        "mail/account_invitation/body.html"
    )
}

/// The link to open an account, for an address without one.
#[must_use]
pub fn account_opening(head: &Letterhead, link: &str, lasts: SignedDuration) -> Message {
    let until = &lasting(lasts);
    message!(
        Words { until, ..Words::of(head, "", link) },
        "mail/account_opening/subject.txt",
        "mail/account_opening/body.txt",
        "mail/account_opening/body.html"
    )
}

/// To an address that has an account, when someone asks to open one: its owner alone reads this.
#[must_use]
pub fn account_known(head: &Letterhead, name: &str, link: &str) -> Message {
    message!(
        Words::of(head, name, link),
        "mail/account_known/subject.txt",
        "mail/account_known/body.txt",
        "mail/account_known/body.html"
    )
}

/// To an address that no account in use bears, when someone asks for a new password.
#[must_use]
pub fn account_unknown(head: &Letterhead, link: &str) -> Message {
    message!(
        Words::of(head, "", link),
        "mail/account_unknown/subject.txt",
        "mail/account_unknown/body.txt",
        "mail/account_unknown/body.html"
    )
}

/// The link to choose a password, asked for by whoever knows the address.
#[must_use]
pub fn password_link(head: &Letterhead, name: &str, link: &str, lasts: SignedDuration) -> Message {
    let until = &lasting(lasts);
    message!(
        Words { until, ..Words::of(head, name, link) },
        "mail/password_link/subject.txt",
        "mail/password_link/body.txt",
        "mail/password_link/body.html"
    )
}

/// To the mailbox one leaves: which address comes, and the link that says no.
#[must_use]
pub fn address_leaving(head: &Letterhead, name: &str, coming: &str, link: &str, lasts: SignedDuration) -> Message {
    let until = &lasting(lasts);
    message!(
        Words { sentence: line(coming), until, ..Words::of(head, name, link) },
        "mail/address_leaving/subject.txt",
        "mail/address_leaving/body.txt",
        "mail/address_leaving/body.html"
    )
}

/// To the mailbox that comes: the link that says yes.
#[must_use]
pub fn address_confirming(head: &Letterhead, name: &str, link: &str, lasts: SignedDuration) -> Message {
    let until = &lasting(lasts);
    message!(
        Words { until, ..Words::of(head, name, link) },
        "mail/address_confirming/subject.txt",
        "mail/address_confirming/body.txt",
        "mail/address_confirming/body.html"
    )
}

/// To a mailbox that has an account of its own: nothing changes, and only its owner learns that it has one.
#[must_use]
pub fn address_taken(head: &Letterhead, link: &str) -> Message {
    message!(
        Words::of(head, "", link),
        "mail/address_taken/subject.txt",
        "mail/address_taken/body.txt",
        "mail/address_taken/body.html"
    )
}

/// The acknowledgement of an application: service, telephone and dates (CRPA, art. R. 112-5).
#[must_use]
pub fn acknowledgement(facts: &Facts<'_>, received: &Received<'_>) -> Message {
    let phone = if facts.head.phone.is_empty() { "non communiqué" } else { &facts.head.phone };
    let sentence = received
        .wording
        .replace("{date}", received.received_at)
        .replace("{service}", &facts.head.service)
        .replace("{telephone}", phone);
    message!(
        Words {
            sentence,
            number: received.number,
            until: received.closes_on,
            listed_on: received.listed_on,
            ..facts.words()
        },
        "mail/acknowledgement/subject.txt",
        "mail/acknowledgement/body.txt",
        "mail/acknowledgement/body.html"
    )
}

/// A decision on one's application can be read; which one, only the page says.
#[must_use]
pub fn decision_notice(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/decision_notice/subject.txt",
        "mail/decision_notice/body.txt",
        "mail/decision_notice/body.html"
    )
}

/// Pieces are missing: which ones and by when, only the page says.
#[must_use]
pub fn pieces_requested(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/pieces_requested/subject.txt",
        "mail/pieces_requested/body.txt",
        "mail/pieces_requested/body.html"
    )
}

/// Pieces asked for are still awaited.
#[must_use]
pub fn pieces_reminder(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/pieces_reminder/subject.txt",
        "mail/pieces_reminder/body.txt",
        "mail/pieces_reminder/body.html"
    )
}

/// The candidate's convocation, with its PDF and calendar file attached.
#[must_use]
pub fn convocation_candidate(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/convocation_candidate/subject.txt",
        "mail/convocation_candidate/body.txt",
        "mail/convocation_candidate/body.html"
    )
}

/// The juror's convocation, with its PDF and calendar file attached.
#[must_use]
pub fn convocation_juror(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/convocation_juror/subject.txt",
        "mail/convocation_juror/body.txt",
        "mail/convocation_juror/body.html"
    )
}

/// News of a training: an answer to a request, or dates that changed. What it is stays on the page.
#[must_use]
pub fn training_news(facts: &TrainingFacts<'_>) -> Message {
    let words = Words { sentence: line(facts.training), ..Words::of(facts.head, facts.name, facts.link) };
    message!(words, "mail/training_news/subject.txt", "mail/training_news/body.txt", "mail/training_news/body.html")
}

/// The convocation to a training's meetings, with its PDF and calendar file attached.
#[must_use]
pub fn training_convocation(facts: &TrainingFacts<'_>) -> Message {
    let words = Words { sentence: line(facts.training), ..Words::of(facts.head, facts.name, facts.link) };
    message!(
        words,
        "mail/training_convocation/subject.txt",
        "mail/training_convocation/body.txt",
        "mail/training_convocation/body.html"
    )
}

/// The results can be read; the same words for everyone, whatever theirs is.
#[must_use]
pub fn results_published(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/results_published/subject.txt",
        "mail/results_published/body.txt",
        "mail/results_published/body.html"
    )
}

/// The certificate can be downloaded.
#[must_use]
pub fn certificate_ready(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/certificate_ready/subject.txt",
        "mail/certificate_ready/body.txt",
        "mail/certificate_ready/body.html"
    )
}

/// The office has written in the candidate's thread; what, only the page says.
#[must_use]
pub fn new_message(facts: &Facts<'_>) -> Message {
    message!(facts.words(), "mail/new_message/subject.txt", "mail/new_message/body.txt", "mail/new_message/body.html")
}

/// A correction asked of one's data was answered; how, only the page says.
#[must_use]
pub fn correction_answered(facts: &Facts<'_>) -> Message {
    message!(
        facts.words(),
        "mail/correction_answered/subject.txt",
        "mail/correction_answered/body.txt",
        "mail/correction_answered/body.html"
    )
}

/// How long a link serves: « 30 minutes », « 1 heure », « 14 jours ».
fn lasting(lasts: SignedDuration) -> String {
    let (number, one, many) = match (lasts.as_mins(), lasts.as_hours()) {
        (mins, 0) => (mins, "minute", "minutes"),
        (_, hours) if hours < 48 => (hours, "heure", "heures"),
        (_, hours) => (hours / 24, "jour", "jours"),
    };
    format!("{number}\u{a0}{}", if number < 2 { one } else { many })
}

/// A template of ours fails only if memory does; a mail without text is then better seen than a panic.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}

/// Control characters and line breaks become spaces; spaces around go.
fn line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if is_break(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
