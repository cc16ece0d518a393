//! Who holds the qualification, by whatever way: certificates issued here, certificates and kept marks from before
//! this program, equivalences. What comes from before is recorded, then verified by the office, and never issued
//! again. `is_holder` is the one question that tutors, juries and the directory ask.

mod equivalence;
mod pending;

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

pub use self::equivalence::{
    EquivalenceLine, EquivalenceRow, EquivalenceSnapshot, check_equivalence, find_equivalence, list_equivalences,
    record_equivalence,
};
pub use self::pending::{Waiting, WaitingLine, list_waiting};
use super::reference::{list_regulations, rules_of};
use super::schema::{certificates, earlier_certificates as t, earlier_marks as m, equivalences, people};
use super::staff::{may_or_hide, today_in};
use super::{Conn, Day, Stamp, Stored, Tx, new_id};
use crate::domain::certificate::CertificateState;
use crate::domain::holder::{self as rule, CheckState, Qualification};
use crate::domain::ids::Mark;
use crate::domain::permission::Action;

/// A certificate delivered before this program.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct EarlierCertificateRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    /// The session of the exam.
    pub year: i32,
    /// The number it bears on paper, when it bears one.
    pub number: Option<String>,
    pub issued_on: Option<Day>,
    pub evidence: String,
    pub state: CheckState,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
    pub checked_by_name: Option<String>,
    pub checked_at: Option<Stamp>,
    pub check_note: Option<String>,
}

/// A mark of 10 or more got before this program, that may serve at a later session.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = m)]
pub struct EarlierMarkRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    /// The session it was got at.
    pub year: i32,
    pub epreuve: i32,
    /// In hundredths.
    pub mark: i32,
    pub evidence: String,
    pub state: CheckState,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
    pub checked_by_name: Option<String>,
    pub checked_at: Option<Stamp>,
    pub check_note: Option<String>,
}

#[derive(Debug, Clone)]
pub struct NewHolder {
    pub person_id: String,
    pub year: i32,
    pub number: Option<String>,
    pub issued_on: Option<Date>,
    /// What proves it: minutes, a copy, an order.
    pub evidence: String,
}

#[derive(Debug, Clone)]
pub struct NewEarlierMark {
    pub person_id: String,
    pub year: i32,
    pub epreuve: i32,
    pub mark: Mark,
    pub evidence: String,
}

/// What the office answers after looking at the evidence.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: String,
    /// Verified, or set aside.
    pub holds: bool,
    /// What was seen.
    pub note: String,
}

impl Check {
    const fn state(&self) -> CheckState {
        if self.holds { CheckState::Verified } else { CheckState::Rejected }
    }
}

// ---------------------------------------------------------------- commands

/// Records a certificate delivered before this program, to be verified. The same one twice is recorded once.
///
/// # Errors
/// Not found for a person of another academy; refused by [`rule::check_earlier`].
pub fn record_holder(tx: &mut Tx<'_>, new: &NewHolder) -> Stored<String> {
    let academy = academy_for(tx, &new.person_id)?;
    rule::check_earlier(new.year, new.issued_on, &new.evidence, today_in(&academy, tx.at)?)?;
    let known: Option<String> = t::table
        .filter(t::person_id.eq(&new.person_id))
        .filter(t::year.eq(new.year))
        .select(t::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let row = EarlierCertificateRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        academy_code: academy,
        year: new.year,
        number: new.number.clone().map(|number| number.trim().to_owned()).filter(|number| !number.is_empty()),
        issued_on: new.issued_on.map(Day),
        evidence: new.evidence.trim().to_owned(),
        state: CheckState::ToVerify,
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
        checked_by_name: None,
        checked_at: None,
        check_note: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "year": row.year, "number": row.number, "evidence": row.evidence });
    tx.audit("record_holder", ("person", &row.person_id), None, Some(&json!(row)), &detail)?;
    Ok(row.id)
}

/// Corrects a certificate from before that nobody has verified yet.
///
/// # Errors
/// As [`record_holder`]; refused once the office has verified it or set it aside.
pub fn correct_holder(tx: &mut Tx<'_>, id: &str, told: &NewHolder) -> Stored<()> {
    let row: EarlierCertificateRow = t::table.find(id).select(EarlierCertificateRow::as_select()).first(tx.conn)?;
    let academy = academy_for(tx, &row.person_id)?;
    rule::check_earlier(told.year, told.issued_on, &told.evidence, today_in(&academy, tx.at)?)?;
    rule::check_correctable(row.state)?;
    let after = EarlierCertificateRow {
        number: told.number.clone(),
        issued_on: told.issued_on.map(Day),
        evidence: told.evidence.clone(),
        ..row.clone()
    };
    diesel::update(t::table.find(id))
        .set((t::number.eq(&after.number), t::issued_on.eq(after.issued_on), t::evidence.eq(&after.evidence)))
        .execute(tx.conn)?;
    let detail = json!({ "year": row.year, "number": after.number, "evidence": after.evidence });
    tx.audit("correct_holder", ("person", &row.person_id), Some(&json!(row)), Some(&json!(after)), &detail)
}

/// Records a mark got before this program, to be verified. The same one twice is recorded once.
///
/// # Errors
/// Not found for a person of another academy; refused by [`rule::check_earlier_mark`].
pub fn record_kept_mark_earlier(tx: &mut Tx<'_>, new: &NewEarlierMark) -> Stored<String> {
    let academy = academy_for(tx, &new.person_id)?;
    let latest = list_regulations(tx.conn)?.into_iter().next().ok_or(super::StoreError::NotFound)?;
    let pack = rules_of(tx.conn, &latest.id)?;
    let today = today_in(&academy, tx.at)?;
    rule::check_earlier_mark(&pack, new.epreuve, new.mark, new.year, &new.evidence, today)?;
    let known: Option<(String, i32)> = m::table
        .filter(m::person_id.eq(&new.person_id))
        .filter(m::epreuve.eq(new.epreuve))
        .filter(m::year.eq(new.year))
        .select((m::id, m::mark))
        .first(tx.conn)
        .optional()?;
    match known {
        Some((id, mark)) if mark == new.mark.hundredths() => return Ok(id),
        Some((_, mark)) => {
            return Err(crate::domain::refusal::Refusal::new(
                "mark_known",
                format!(
                    "Une autre note est déjà enregistrée pour l’épreuve {} de la session {}\u{a0}: {}. Faites-la vérifier ou écarter par le bureau des examens.",
                    new.epreuve,
                    new.year,
                    Mark::from_hundredths(mark).shown()
                ),
            )
            .into());
        }
        None => {}
    }
    let row = EarlierMarkRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        academy_code: academy,
        year: new.year,
        epreuve: new.epreuve,
        mark: new.mark.hundredths(),
        evidence: new.evidence.trim().to_owned(),
        state: CheckState::ToVerify,
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
        checked_by_name: None,
        checked_at: None,
        check_note: None,
    };
    diesel::insert_into(m::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "year": row.year, "epreuve": row.epreuve, "evidence": row.evidence });
    tx.audit("record_earlier_mark", ("person", &row.person_id), None, Some(&json!(row)), &detail)?;
    Ok(row.id)
}

/// Says that a certificate from before was verified against its evidence, or sets it aside. Returns the person.
///
/// # Errors
/// Not found for another academy; refused when it was answered already, or without a note.
pub fn check_holder(tx: &mut Tx<'_>, check: &Check) -> Stored<String> {
    let row: EarlierCertificateRow =
        t::table.find(&check.id).select(EarlierCertificateRow::as_select()).first(tx.conn)?;
    checked_academy(tx, &row.person_id)?;
    rule::check_verification(row.state, &check.note)?;
    diesel::update(t::table.find(&check.id))
        .set((
            t::state.eq(check.state()),
            t::checked_by_name.eq(Some(&tx.actor.name)),
            t::checked_at.eq(Some(tx.stamp())),
            t::check_note.eq(Some(check.note.trim())),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "year": row.year, "state": check.state(), "note": check.note.trim() });
    tx.audit("check_holder", ("person", &row.person_id), Some(&json!(row)), Some(&detail), &detail)?;
    Ok(row.person_id)
}

/// Says that a mark from before was verified against its evidence, or sets it aside. Returns the person.
///
/// # Errors
/// Not found for another academy; refused when it was answered already, or without a note.
pub fn check_kept_mark(tx: &mut Tx<'_>, check: &Check) -> Stored<String> {
    let row: EarlierMarkRow = m::table.find(&check.id).select(EarlierMarkRow::as_select()).first(tx.conn)?;
    checked_academy(tx, &row.person_id)?;
    rule::check_verification(row.state, &check.note)?;
    diesel::update(m::table.find(&check.id))
        .set((
            m::state.eq(check.state()),
            m::checked_by_name.eq(Some(&tx.actor.name)),
            m::checked_at.eq(Some(tx.stamp())),
            m::check_note.eq(Some(check.note.trim())),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "year": row.year, "epreuve": row.epreuve, "state": check.state(), "note": check.note.trim() });
    tx.audit("check_earlier_mark", ("person", &row.person_id), Some(&json!(row)), Some(&detail), &detail)?;
    Ok(row.person_id)
}

/// The academy that holds the record, for those who may record what comes from before.
fn academy_for(tx: &mut Tx<'_>, person_id: &str) -> Stored<String> {
    let academy: String = people::table.find(person_id).select(people::academy_code).first(tx.conn)?;
    may_or_hide(tx, Action::RecordHolder, &academy)?;
    Ok(academy)
}

/// The academy that holds the record, for the office that verifies.
fn checked_academy(tx: &mut Tx<'_>, person_id: &str) -> Stored<String> {
    let academy: String = people::table.find(person_id).select(people::academy_code).first(tx.conn)?;
    may_or_hide(tx, Action::CheckHolder, &academy)?;
    Ok(academy)
}

// ---------------------------------------------------------------- queries

/// Whether the person holds the qualification: a valid certificate, one from before that was verified, or a verified
/// equivalence.
///
/// # Errors
/// The database's own.
pub fn is_holder(conn: &mut Conn, person_id: &str) -> Stored<bool> {
    Ok(find_qualification(conn, person_id)?.is_some())
}

/// By what the person holds the qualification.
///
/// # Errors
/// The database's own.
pub fn find_qualification(conn: &mut Conn, person_id: &str) -> Stored<Option<Qualification>> {
    Ok(qualifications_of(conn, &[person_id])?.remove(person_id))
}

/// By what each of these people holds the qualification, in three queries; who holds none is absent.
///
/// # Errors
/// The database's own.
pub fn qualifications_of(conn: &mut Conn, people: &[&str]) -> Stored<HashMap<String, Qualification>> {
    let deemed: Vec<(String, Option<String>)> = equivalences::table
        .filter(equivalences::person_id.eq_any(people))
        .filter(equivalences::state.eq(CheckState::Verified))
        .select((equivalences::person_id, equivalences::number))
        .load(conn)?;
    let earlier: Vec<(String, i32)> = t::table
        .filter(t::person_id.eq_any(people))
        .filter(t::state.eq(CheckState::Verified))
        .order(t::year.desc())
        .select((t::person_id, t::year))
        .load(conn)?;
    let issued: Vec<(String, String)> = certificates::table
        .filter(certificates::person_id.eq_any(people))
        .filter(certificates::state.eq(CertificateState::Valid))
        .order(certificates::issued_at)
        .select((certificates::person_id, certificates::number))
        .load(conn)?;
    // The strongest title comes last and wins.
    let deemed = deemed.into_iter().map(|(id, number)| (id, Qualification::Equivalence(number.unwrap_or_default())));
    let earlier = earlier.into_iter().map(|(id, year)| (id, Qualification::Earlier(year)));
    let issued = issued.into_iter().map(|(id, number)| (id, Qualification::Certificate(number)));
    Ok(deemed.chain(earlier).chain(issued).collect())
}

/// Certificates of a person from before this program, the latest session first.
///
/// # Errors
/// The database's own.
pub fn list_earlier_certificates(conn: &mut Conn, person_id: &str) -> Stored<Vec<EarlierCertificateRow>> {
    Ok(t::table
        .filter(t::person_id.eq(person_id))
        .order(t::year.desc())
        .select(EarlierCertificateRow::as_select())
        .load(conn)?)
}

/// Marks of a person from before this program, for those who may see marks; a registration may keep the verified ones.
///
/// # Errors
/// The database's own.
pub fn list_earlier_marks(conn: &mut Conn, person_id: &str) -> Stored<Vec<EarlierMarkRow>> {
    Ok(m::table
        .filter(m::person_id.eq(person_id))
        .order((m::year.desc(), m::epreuve))
        .select(EarlierMarkRow::as_select())
        .load(conn)?)
}
