//! Documents and mails of a training: convocations with their calendar, sign-in sheets, the tutor's designation, news.
//! All is drawn outside any write; what was sent once under the same dates is not sent again.

use jiff::Timestamp;

use super::documents::{in_parallel, office_of, signatory_of, visas};
use crate::domain::academy::{Academy, french_date};
use crate::domain::permission::Actor;
use crate::domain::regulation::TrainingRules;
use crate::domain::training::place::RequestState;
use crate::domain::training::{find_module, school_year_label, shown};
use crate::mail::calendar::{Event, calendar};
use crate::mail::messages::{self, Letterhead, TrainingFacts};
use crate::pdf::Person;
use crate::pdf::attendance::{SignInRow, SignInSheet, sign_in};
use crate::pdf::convocation::{ConvocationItem, ConvocationSheet, convocation};
use crate::pdf::orders::{OrderSheet, order};
use crate::store::documents::NewDocument;
use crate::store::outbox::{AttachedDocument, NewMail};
use crate::store::people::PersonRow;
use crate::store::reference::AcademyRow;
use crate::store::training::{
    Convened, EnrolmentRow, MeetingRow, Sight, Trainee, TrainingFile, TrainingRow, get_meeting, get_training,
    list_to_convene, list_untold, mark_convened, mark_told,
};
use crate::store::{Db, Lock, StoreError, Stored, people, reference};

const PDF_KIND: &str = "training_convocation";
const ICS_KIND: &str = "training_convocation_ics";
/// Mails told in one write.
const BATCH: i64 = 50;

/// What every document of one training shares.
struct Sending {
    academy: AcademyRow,
    zone: &'static Academy,
    training: TrainingRow,
    rules: TrainingRules,
    at: Timestamp,
    simulated: bool,
}

impl Sending {
    fn read(db: &Db, academy: &str, training_id: &str) -> Stored<(Self, TrainingFile)> {
        let (row, file) = db.read_now(|conn| {
            Ok((reference::get_academy(conn, academy)?, get_training(conn, academy, training_id, &Sight::Academy)?))
        })?;
        let zone = Academy::find(academy).ok_or(StoreError::NotFound)?;
        let sending = Sending {
            academy: row,
            zone,
            training: file.training.clone(),
            rules: file.rules.clone(),
            at: db.clock().now(),
            simulated: db.clock().is_simulated(),
        };
        Ok((sending, file))
    }

    fn module(&self, code: &str) -> String {
        find_module(&self.rules, code).map_or_else(|| code.to_owned(), |module| format!("{code} – {}", module.title))
    }

    fn pdf(&self, person: &PersonRow, enrolment: &EnrolmentRow, meetings: &[MeetingRow]) -> Stored<Vec<u8>> {
        let items = meetings
            .iter()
            .map(|row| ConvocationItem {
                label: self.module(&row.module_code),
                date_time: self.zone.show(row.starts_at.0),
                place: vec![row.place.clone()],
                room: row.remote_link.as_deref().map(|link| format!("à distance : {link}")).unwrap_or_default(),
                duration: shown(row.minutes()),
                note: (!row.trainers.is_empty()).then(|| row.trainers.clone()),
            })
            .collect();
        let tail: String = enrolment.id.chars().rev().filter(char::is_ascii_alphanumeric).take(6).collect();
        let instructions = vec![
            format!(
                "Formation « {} », organisée en application de l’arrêté du 5 mai 2017 (NOR MENE1710932A).",
                self.training.title
            ),
            "Votre présence se signe à chaque séance, sur la feuille ou sur votre téléphone.".to_owned(),
            format!("En cas d’empêchement, prévenez sans attendre le service : {}.", self.academy.service),
        ];
        Ok(convocation(&ConvocationSheet {
            person: civil(person),
            office: office_of(&self.academy),
            occasion: format!("formation {}", school_year_label(self.training.school_year)),
            number: format!("F-{}", tail.chars().rev().collect::<String>().to_uppercase()),
            addressee: vec![person.letter_name()],
            items,
            instructions,
            accommodation: None,
            issued_on: self.zone.date(self.at),
            signatory: signatory_of(&self.academy),
            simulated: self.simulated,
        })?)
    }

    fn ics(&self, enrolment: &EnrolmentRow, meetings: &[MeetingRow]) -> Vec<u8> {
        let events: Vec<Event> = meetings
            .iter()
            .map(|row| Event {
                uid: format!("{}-{}@cplds", row.id, enrolment.id),
                starts: row.starts_at.0,
                ends: row.ends_at.0,
                title: format!("Formation CPLDS – {}", self.module(&row.module_code)),
                place: row.place.clone(),
                description: [row.trainers.as_str(), row.remote_link.as_deref().unwrap_or_default()].join("\n"),
            })
            .collect();
        calendar(&events, self.at)
    }

    /// The two files and the mail that carries them. Each sending has its own subject: an earlier one stays as it was.
    fn sent(&self, one: &Convened, public_url: &str) -> Stored<(Convened, Vec<NewDocument>, Option<NewMail>)> {
        let short = one.fingerprint.get(..16).unwrap_or(&one.fingerprint);
        let subject = format!("{}:{short}", one.enrolment.id);
        let document = |kind: &str, name: &str, content_type: &str, bytes: Vec<u8>| NewDocument {
            academy_code: self.training.academy_code.clone(),
            session_id: None,
            subject_id: subject.clone(),
            kind: kind.into(),
            file_name: name.into(),
            content_type: content_type.into(),
            bytes,
        };
        let documents = vec![
            document(
                PDF_KIND,
                "convocation-formation.pdf",
                "application/pdf",
                self.pdf(&one.person, &one.enrolment, &one.meetings)?,
            ),
            document(
                ICS_KIND,
                "formation.ics",
                "text/calendar; charset=utf-8",
                self.ics(&one.enrolment, &one.meetings),
            ),
        ];
        let head = Letterhead::of(&self.academy);
        let link = own_page(public_url);
        let name = one.person.letter_name();
        let message = messages::training_convocation(&TrainingFacts {
            head: &head,
            name: &name,
            training: &self.training.title,
            link: &link,
        });
        let attached = |kind: &str| AttachedDocument { kind: kind.into(), subject_id: subject.clone() };
        let mail = (!one.person.email.is_empty()).then(|| NewMail {
            academy_code: Some(self.training.academy_code.clone()),
            attachments: vec![attached(PDF_KIND), attached(ICS_KIND)],
            ..message.addressed(PDF_KIND, format!("{PDF_KIND}:{subject}"), &name, &one.person.email)
        });
        Ok((one.clone(), documents, mail))
    }
}

fn own_page(public_url: &str) -> String {
    format!("{}/formation/mes-formations", public_url.trim_end_matches('/'))
}

fn civil(person: &PersonRow) -> Person {
    Person {
        civility: person.civility.clone(),
        first_names: person.first_names.clone(),
        birth_name: person.birth_name.clone(),
        usage_name: person.usage_name.clone(),
    }
}

/// Convenes the trainees whose meetings to come are new to them; returns how many.
///
/// # Errors
/// Not found for another academy, or a document that cannot be drawn.
pub fn convene(db: &Db, actor: &Actor, academy: &str, training_id: &str, public_url: &str) -> Stored<usize> {
    let (sending, _) = Sending::read(db, academy, training_id)?;
    let waiting = db.read_now(|conn| list_to_convene(conn, training_id, sending.at, false))?;
    let sent = in_parallel(&waiting, |one| sending.sent(one, public_url))?;
    let id = training_id.to_owned();
    db.write_now(actor, Lock::House, move |tx| mark_convened(tx, &id, sent))
}

/// The convocation of one trainee to all the meetings to come, as it stands now: PDF or calendar.
///
/// # Errors
/// Not found for a trainee of another training.
pub fn convocation_of(
    db: &Db,
    academy: &str,
    training_id: &str,
    enrolment: &str,
    is_calendar: bool,
) -> Stored<Vec<u8>> {
    let (sending, _) = Sending::read(db, academy, training_id)?;
    let all = db.read_now(|conn| list_to_convene(conn, training_id, sending.at, true))?;
    let one = all.into_iter().find(|one| one.enrolment.id == enrolment).ok_or(StoreError::NotFound)?;
    if is_calendar {
        Ok(sending.ics(&one.enrolment, &one.meetings))
    } else {
        sending.pdf(&one.person, &one.enrolment, &one.meetings)
    }
}

/// The sheet that trainees sign at a meeting.
///
/// # Errors
/// Not found for a meeting of another training.
pub fn sign_in_sheet(db: &Db, academy: &str, training_id: &str, meeting_id: &str) -> Stored<Vec<u8>> {
    let (sending, file) = Sending::read(db, academy, training_id)?;
    let meeting = db.read_now(|conn| get_meeting(conn, training_id, meeting_id))?;
    let rows = file
        .trainees
        .iter()
        .filter(|trainee| trainee.enrolment.withdrawn_at.is_none())
        .map(|trainee| SignInRow { name: trainee.name.clone(), detail: exemption_of(trainee, &meeting.module_code) })
        .collect();
    Ok(sign_in(&SignInSheet {
        office: office_of(&sending.academy),
        title: format!(
            "{} – {}, {}",
            sending.module(&meeting.module_code),
            sending.zone.show(meeting.starts_at.0),
            meeting.place
        ),
        date: sending.zone.date(meeting.starts_at.0),
        rows,
        simulated: sending.simulated,
    })?)
}

fn exemption_of(trainee: &Trainee, module: &str) -> String {
    let excused = trainee.exemptions.iter().any(|row| row.module_code == module);
    if excused { "dispensé(e)".to_owned() } else { String::new() }
}

/// The order that designates a tutor (MENE1710932A, art. 2), for the recteur to sign by hand.
///
/// # Errors
/// Not found for a trainee of another training, or one without a tutor.
pub fn designation_order(db: &Db, academy: &str, training_id: &str, enrolment: &str) -> Stored<Vec<u8>> {
    let (sending, file) = Sending::read(db, academy, training_id)?;
    let trainee = file
        .trainees
        .iter()
        .find(|trainee| trainee.enrolment.id == enrolment && trainee.enrolment.withdrawn_at.is_none())
        .ok_or(StoreError::NotFound)?;
    let tutor = trainee.enrolment.tutor_name.clone().ok_or(StoreError::NotFound)?;
    let (person, pack) = db.read_now(|conn| {
        let person = people::get_person(conn, &trainee.enrolment.person_id)?;
        Ok((person, reference::get_regulation(conn, &sending.training.regulation_id)?))
    })?;
    let day = sending.zone.date(sending.at);
    Ok(order(&OrderSheet {
        office: office_of(&sending.academy),
        title: "Arrêté portant désignation d’un tuteur".into(),
        visas: visas(&pack),
        articles: vec![
            (
                "Article 1er".into(),
                vec![format!(
                    "{tutor} est désigné(e) comme tuteur ou tutrice de {}, stagiaire de la formation « {} », du {} jusqu’aux épreuves de l’examen.",
                    person.letter_name(),
                    sending.training.title,
                    french_date(sending.training.starts_on.0)
                )],
            ),
            (
                "Article 2".into(),
                vec![format!("Conditions remplies, selon {} : {}", sending.rules.tutor.law, sending.rules.tutor.value)],
            ),
            (
                "Article 3".into(),
                vec!["Le secrétaire général de l’académie est chargé de l’exécution du présent arrêté.".into()],
            ),
        ],
        table: None,
        place: sending.academy.city.clone(),
        date: day,
        signatory: signatory_of(&sending.academy),
        simulated: sending.simulated,
    })?)
}

/// Tells people that their request was answered; the answer itself stays on their page. Returns how many were told.
///
/// # Errors
/// The database's own.
pub fn tell_answers(db: &Db, public_url: &str) -> Stored<usize> {
    let (untold, academies) = db.read_now(|conn| {
        let untold = list_untold(conn, BATCH)?;
        if untold.is_empty() {
            return Ok((untold, Vec::new()));
        }
        Ok((untold, reference::list_academies(conn)?))
    })?;
    if untold.is_empty() {
        return Ok(0);
    }
    let link = own_page(public_url);
    let mut told: Vec<(String, RequestState)> = Vec::new();
    let mut mails = Vec::new();
    for one in &untold {
        told.push((one.request.id.clone(), one.request.state));
        let academy = academies.iter().find(|row| row.code == one.training.academy_code);
        let Some(academy) = academy.filter(|_| !one.person.email.is_empty()) else { continue };
        let (head, name) = (Letterhead::of(academy), one.person.letter_name());
        let message = messages::training_news(&TrainingFacts {
            head: &head,
            name: &name,
            training: &one.training.title,
            link: &link,
        });
        let asked = one.request.asked_at.0.as_microsecond();
        let key = format!("training_news:{}:{}:{asked}", one.request.id, one.request.state);
        mails.push(NewMail {
            academy_code: Some(academy.code.clone()),
            ..message.addressed("training_news", key, &name, &one.person.email)
        });
    }
    let count = told.len();
    db.write_now(&Actor::system("courier"), Lock::House, move |tx| mark_told(tx, &told, mails))?;
    Ok(count)
}
