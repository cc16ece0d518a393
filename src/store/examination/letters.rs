//! Letters of decision: composed at the decision and kept whole; a corrected decision makes a new one beside the old.
//! The day of notification is a fact: the instant the candidate opened the letter, or the day it was posted.

use diesel::prelude::*;
use serde_json::json;

use super::super::eligibility::{self, DecisionRow};
use super::super::registration::{self, RegistrationRow};
use super::super::schema::{documents, letters as t, people, registrations};
use super::super::session::{self, SessionRow};
use super::super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id, reference};
use super::requests::{local_day, tell};
use super::{Notify, file_for};
use crate::domain::academy::Academy;
use crate::domain::eligibility::decided;
use crate::domain::examination::letter::{LetterContent, LetterFacts, LetterKind, Sender, compose};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::session::LIST_LAW;
use crate::store::people::PersonRow;

/// Kind of the documents drawn from letters.
pub const DOCUMENT: &str = "decision_letter";

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct LetterRow {
    pub id: String,
    pub session_id: String,
    pub registration_id: String,
    pub decision_id: String,
    pub kind: String,
    /// A [`LetterContent`], as JSON.
    pub content: String,
    pub issued_at: Stamp,
    pub issued_by_name: String,
    pub opened_at: Option<Stamp>,
    pub posted_on: Option<Day>,
    pub superseded_at: Option<Stamp>,
}

impl LetterRow {
    /// # Errors
    /// [`StoreError::Broken`] when the record does not read.
    pub fn read_content(&self) -> Stored<LetterContent> {
        Ok(serde_json::from_str(&self.content)?)
    }

    #[must_use]
    pub fn label(&self) -> &'static str {
        LetterKind::from_word(&self.kind).map_or("Lettre", LetterKind::label)
    }
}

/// Writes the letter of a decision and queues its mail; earlier letters of the file stay, superseded.
///
/// # Errors
/// The database's own.
pub(in crate::store) fn issue(
    tx: &mut Tx<'_>,
    session: &SessionRow,
    file: &RegistrationRow,
    decision: &DecisionRow,
    kind: LetterKind,
    notify: Option<Notify<'_>>,
) -> Stored<()> {
    let person: PersonRow = people::table.find(&file.person_id).select(PersonRow::as_select()).first(tx.conn)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let office = reference::get_academy(tx.conn, &session.academy_code)?;
    let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    let assessment = registration::assessment_of(decision)?;
    let decided_by_rule = assessment.deciding_line().map_or_else(|| decision.law.clone(), |line| line.law.clone());
    let rules: Vec<String> = assessment.reasons().into_iter().map(decided).collect();
    let facts = LetterFacts {
        kind,
        civility: &person.civility,
        year: session.year,
        academy: &academy.with_article(),
        reasons: decision.reasons.as_deref().unwrap_or_default(),
        law: if kind == LetterKind::Admission { LIST_LAW } else { &decided_by_rule },
        rules: if decision.proposed == "eligible" { Vec::new() } else { rules },
        regulation: format!("{} (version {})", pack.title, pack.version),
        algorithm_notice: &pack.appeals.algorithm_notice.value,
        appeal: pack.appeals.sentences(&academy.with_article(), &academy.court_with_article()),
    };
    let (subject, paragraphs, appeal) = compose(&facts);
    let mut addressee = vec![person.letter_name()];
    if !file.school_name.is_empty() {
        addressee.push(file.school_name.clone());
    }
    let content = LetterContent {
        sender: Sender {
            academy: office.name,
            region: office.region,
            service: office.service,
            phone: office.phone,
            email: office.email,
            city: office.city,
            signatory_name: office.signatory_name,
            signatory_title: office.signatory_title,
            delegation: office.delegation,
        },
        addressee,
        subject,
        reference: format!("dossier {}", file.number),
        paragraphs,
        appeal,
        date: local_day(session, tx.at),
    };
    diesel::update(t::table.filter(t::registration_id.eq(&file.id)).filter(t::superseded_at.is_null()))
        .set(t::superseded_at.eq(tx.stamp()))
        .execute(tx.conn)?;
    let row = LetterRow {
        id: new_id(tx.at),
        session_id: session.id.clone(),
        registration_id: file.id.clone(),
        decision_id: decision.id.clone(),
        kind: kind.as_str().to_owned(),
        content: serde_json::to_string(&content)?,
        issued_at: tx.stamp(),
        issued_by_name: tx.actor.name.clone(),
        opened_at: None,
        posted_on: None,
        superseded_at: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    if let Some(notify) = notify {
        tell(tx, session, &file.person_id, &format!("decision:{}", row.id), notify)?;
    }
    Ok(())
}

/// Writes to every candidate of the fixed list who has no letter of admission yet; returns how many.
///
/// # Errors
/// A refusal while the list is not fixed.
pub fn tell_admitted(tx: &mut Tx<'_>, session_id: &str, notify: Notify<'_>) -> Stored<usize> {
    let session = session::session_for(tx, session_id, Action::FixList)?;
    if session.list_fixed_at.is_none() {
        return Err(Refusal::new("list_not_fixed", "Les lettres d’admission s’écrivent quand la liste est arrêtée.")
            .under(LIST_LAW)
            .into());
    }
    let files = list_untold(tx.conn, session_id)?;
    let mut written = 0;
    for (file, _) in &files {
        let decision = eligibility::find_decision(tx.conn, &file.id)?.ok_or(StoreError::NotFound)?;
        issue(tx, &session, file, &decision, LetterKind::Admission, Some(notify))?;
        written += 1;
    }
    if written > 0 {
        tx.audit("tell_admitted", ("session", session_id), None, None, &json!({ "letters": written }))?;
    }
    Ok(written)
}

/// The files of the session whose letter of admission is in force.
#[diesel::dsl::auto_type]
fn told<'a>(session_id: &'a str) -> _ {
    t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::kind.eq("admission"))
        .filter(t::superseded_at.is_null())
        .select(t::registration_id)
}

/// Candidates of the list who have no letter of admission yet, in the order of their files.
///
/// # Errors
/// The database's own.
pub fn list_untold(conn: &mut Conn, session_id: &str) -> Stored<Vec<(RegistrationRow, PersonRow)>> {
    Ok(registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq("admitted"))
        .filter(registrations::id.ne_all(told(session_id)))
        .order(registrations::rank)
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?)
}

/// Candidates of the fixed list who have no letter of admission yet.
///
/// # Errors
/// The database's own.
pub fn count_untold(conn: &mut Conn, session_id: &str) -> Stored<i64> {
    Ok(registrations::table
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.eq("admitted"))
        .filter(registrations::id.ne_all(told(session_id)))
        .count()
        .get_result(conn)?)
}

/// Notes the day a letter was posted: it counts from there when the candidate does not open it.
///
/// # Errors
/// A refusal for a day before the letter or after today.
pub fn note_posted(tx: &mut Tx<'_>, registration_id: &str, letter_id: &str, day: jiff::civil::Date) -> Stored<()> {
    let (row, session) = file_for(tx, registration_id)?;
    let letter: LetterRow = t::table
        .find(letter_id)
        .filter(t::registration_id.eq(registration_id))
        .select(LetterRow::as_select())
        .first(tx.conn)?;
    if day < local_day(&session, letter.issued_at.0) || day > local_day(&session, tx.at) {
        return Err(Refusal::new(
            "posted_on",
            "La date d’envoi se situe entre le jour de la lettre et aujourd’hui\u{a0}: vérifiez-la.",
        )
        .into());
    }
    diesel::update(t::table.find(letter_id)).set(t::posted_on.eq(Day(day))).execute(tx.conn)?;
    let detail = json!({ "number": row.number, "posted_on": day.to_string() });
    tx.audit("note_posted", ("registration", registration_id), None, None, &detail)
}

/// Notes the first time a candidate opens their letter: the day of its notification.
///
/// # Errors
/// [`StoreError::NotFound`] for a letter of someone else.
pub fn note_opened(tx: &mut Tx<'_>, letter_id: &str) -> Stored<()> {
    let letter: LetterRow = t::table.find(letter_id).select(LetterRow::as_select()).first(tx.conn)?;
    let owner: Option<String> = registrations::table
        .inner_join(people::table)
        .filter(registrations::id.eq(&letter.registration_id))
        .select(people::user_id)
        .first(tx.conn)?;
    if !may(tx.actor, Action::SeeOwnFile, Object { academy: None, owner: owner.as_deref(), members: &[] }) {
        return Err(StoreError::NotFound);
    }
    if letter.opened_at.is_some() {
        return Ok(());
    }
    diesel::update(t::table.find(letter_id)).set(t::opened_at.eq(tx.stamp())).execute(tx.conn)?;
    tx.audit("open_letter", ("registration", &letter.registration_id), None, None, &json!({ "letter": letter.kind }))
}

/// Letters of a file, latest first.
///
/// # Errors
/// The database's own.
pub fn list_letters(conn: &mut Conn, registration_id: &str) -> Stored<Vec<LetterRow>> {
    Ok(t::table
        .filter(t::registration_id.eq(registration_id))
        .order((t::issued_at.desc(), t::id.desc()))
        .select(LetterRow::as_select())
        .load(conn)?)
}

/// The letter in force of a file: what its candidate reads.
///
/// # Errors
/// The database's own.
pub fn find_letter(conn: &mut Conn, registration_id: &str) -> Stored<Option<LetterRow>> {
    Ok(t::table
        .filter(t::registration_id.eq(registration_id))
        .filter(t::superseded_at.is_null())
        .select(LetterRow::as_select())
        .first(conn)
        .optional()?)
}

/// One letter of a file.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_letter(conn: &mut Conn, registration_id: &str, letter_id: &str) -> Stored<LetterRow> {
    Ok(t::table
        .find(letter_id)
        .filter(t::registration_id.eq(registration_id))
        .select(LetterRow::as_select())
        .first(conn)?)
}

/// Letters without a document yet, with the academy and number of each: (letter, academy, number).
///
/// # Errors
/// The database's own.
pub fn list_undrawn(conn: &mut Conn, limit: i64) -> Stored<Vec<(LetterRow, String, String)>> {
    use super::super::schema::exam_sessions;
    let drawn = documents::table.filter(documents::kind.eq(DOCUMENT)).filter(documents::subject_id.eq(t::id));
    Ok(t::table
        .inner_join(exam_sessions::table)
        .inner_join(registrations::table)
        .filter(diesel::dsl::not(diesel::dsl::exists(drawn)))
        .order(t::id)
        .limit(limit)
        .select((LetterRow::as_select(), exam_sessions::academy_code, registrations::number))
        .load(conn)?)
}
