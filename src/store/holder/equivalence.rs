//! The register of equivalences, beside that of certificates: people deemed to hold the certificate. A number is
//! given when the office has verified the evidence, without gaps by academy and year; there is no mark.

use diesel::prelude::*;
use serde_json::json;

use super::{Check, academy_for, checked_academy};
use crate::domain::academy::Academy;
use crate::domain::holder::{self as rule, CheckState, EquivalenceGround};
use crate::domain::refusal::Refusal;
use crate::store::people::get_person;
use crate::store::reference::get_academy;
use crate::store::schema::{equivalences as t, people};
use crate::store::{Conn, Stamp, StoreError, Stored, Tx, new_id};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct EquivalenceRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    pub ground: EquivalenceGround,
    pub evidence: String,
    pub state: CheckState,
    /// Year and rank of the register, from the verification on.
    pub year: Option<i32>,
    pub rank: Option<i32>,
    pub number: Option<String>,
    /// What the attestation says, as it stood when the office verified.
    pub snapshot: Option<String>,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
    pub checked_by_name: Option<String>,
    pub checked_at: Option<Stamp>,
    pub check_note: Option<String>,
}

/// What an attestation of equivalence says: fixed when it is verified, whatever changes later.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct EquivalenceSnapshot {
    pub number: String,
    pub civility: String,
    pub first_names: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub birth_date: jiff::civil::Date,
    pub ground: EquivalenceGround,
    pub decided_on: jiff::civil::Date,
    pub academy: String,
    pub region: String,
    pub service: String,
    pub city: String,
    pub signatory_name: String,
    pub signatory_title: String,
    pub delegation: Option<String>,
}

impl EquivalenceRow {
    /// # Errors
    /// [`StoreError::NotFound`] before the verification; [`StoreError::Broken`] when it does not read.
    pub fn read_snapshot(&self) -> Stored<EquivalenceSnapshot> {
        Ok(serde_json::from_str(self.snapshot.as_deref().ok_or(StoreError::NotFound)?)?)
    }
}

/// A line of the register, with who it is about.
#[derive(Debug, Clone)]
pub struct EquivalenceLine {
    pub row: EquivalenceRow,
    pub name: String,
}

/// Records that somebody is deemed to hold the certificate, to be verified. Twice is recorded once.
///
/// # Errors
/// Not found for a person of another academy; refused without evidence, or on another ground than the one recorded.
pub fn record_equivalence(
    tx: &mut Tx<'_>,
    person_id: &str,
    ground: EquivalenceGround,
    evidence: &str,
) -> Stored<String> {
    let academy = academy_for(tx, person_id)?;
    rule::check_equivalence(evidence)?;
    let known: Option<EquivalenceRow> =
        t::table.filter(t::person_id.eq(person_id)).select(EquivalenceRow::as_select()).first(tx.conn).optional()?;
    if let Some(known) = known {
        if known.ground == ground && known.state != CheckState::Rejected {
            return Ok(known.id);
        }
        return Err(Refusal::new(
            "equivalence_known",
            format!(
                "Une équivalence est déjà enregistrée pour cette personne («\u{a0}{}\u{a0}», {})\u{a0}: elle ne se remplace pas.",
                known.ground.short_label(),
                known.state.label()
            ),
        )
        .under(rule::LAW)
        .into());
    }
    let row = EquivalenceRow {
        id: new_id(tx.at),
        person_id: person_id.to_owned(),
        academy_code: academy,
        ground,
        evidence: evidence.trim().to_owned(),
        state: CheckState::ToVerify,
        year: None,
        rank: None,
        number: None,
        snapshot: None,
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
        checked_by_name: None,
        checked_at: None,
        check_note: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "ground": ground, "evidence": row.evidence });
    tx.audit("record_equivalence", ("person", person_id), None, Some(&json!(row)), &detail)?;
    Ok(row.id)
}

/// Verifies an equivalence, which takes its number in the register, or sets it aside. Returns the person.
///
/// # Errors
/// Not found for another academy; refused when it was answered already, or without a note.
pub fn check_equivalence(tx: &mut Tx<'_>, check: &Check) -> Stored<String> {
    let row: EquivalenceRow = t::table.find(&check.id).select(EquivalenceRow::as_select()).first(tx.conn)?;
    let code = checked_academy(tx, &row.person_id)?;
    rule::check_verification(row.state, &check.note)?;
    let today = Academy::find(&code).ok_or(StoreError::NotFound)?.date(tx.at);
    let numbered = if check.holds { Some(numbered(tx, &row, &code, today)?) } else { None };
    diesel::update(t::table.find(&check.id))
        .set((
            t::state.eq(check.state()),
            t::academy_code.eq(&code),
            t::year.eq(numbered.as_ref().map(|new| new.year)),
            t::rank.eq(numbered.as_ref().map(|new| new.rank)),
            t::number.eq(numbered.as_ref().map(|new| new.number.as_str())),
            t::snapshot.eq(numbered.as_ref().map(|new| new.snapshot.as_str())),
            t::checked_by_name.eq(Some(&tx.actor.name)),
            t::checked_at.eq(Some(tx.stamp())),
            t::check_note.eq(Some(check.note.trim())),
        ))
        .execute(tx.conn)?;
    let detail = json!({
        "ground": row.ground, "state": check.state(), "note": check.note.trim(),
        "number": numbered.as_ref().map(|new| new.number.as_str()),
    });
    tx.audit("check_equivalence", ("person", &row.person_id), Some(&json!(row)), Some(&detail), &detail)?;
    Ok(row.person_id)
}

struct Numbered {
    year: i32,
    rank: i32,
    number: String,
    snapshot: String,
}

fn numbered(tx: &mut Tx<'_>, row: &EquivalenceRow, code: &str, today: jiff::civil::Date) -> Stored<Numbered> {
    let year = i32::from(today.year());
    let last: Option<Option<i32>> = t::table
        .filter(t::academy_code.eq(code))
        .filter(t::year.eq(year))
        .order(t::rank.desc())
        .select(t::rank)
        .first(tx.conn)
        .optional()?;
    let rank = last.flatten().unwrap_or(0) + 1;
    let number = rule::equivalence_number(code, year, rank);
    let person = get_person(tx.conn, &row.person_id)?;
    let academy = get_academy(tx.conn, code)?;
    let snapshot = EquivalenceSnapshot {
        number: number.clone(),
        civility: person.civility,
        first_names: person.first_names,
        birth_name: person.birth_name,
        usage_name: person.usage_name,
        birth_date: person.birth_date.0,
        ground: row.ground,
        decided_on: today,
        academy: academy.name,
        region: academy.region,
        service: academy.service,
        city: academy.city,
        signatory_name: academy.signatory_name,
        signatory_title: academy.signatory_title,
        delegation: academy.delegation,
    };
    Ok(Numbered { year, rank, number, snapshot: serde_json::to_string(&snapshot)? })
}

/// The equivalence of a person, when there is one.
///
/// # Errors
/// The database's own.
pub fn find_equivalence(conn: &mut Conn, person_id: &str) -> Stored<Option<EquivalenceRow>> {
    Ok(t::table.filter(t::person_id.eq(person_id)).select(EquivalenceRow::as_select()).first(conn).optional()?)
}

/// The register of an academy, those to verify first, then by number.
///
/// # Errors
/// The database's own.
pub fn list_equivalences(conn: &mut Conn, academy: &str, limit: i64) -> Stored<Vec<EquivalenceLine>> {
    type Name = (String, Option<String>, String);
    let rows: Vec<(EquivalenceRow, Name)> = t::table
        .inner_join(people::table)
        .filter(t::academy_code.eq(academy))
        .order((t::state, t::year.desc(), t::rank.desc(), people::sort_key))
        .limit(limit)
        .select((EquivalenceRow::as_select(), (people::birth_name, people::usage_name, people::first_names)))
        .load(conn)?;
    let named = rows.into_iter().map(|(row, (birth, usage, first))| EquivalenceLine {
        name: crate::store::training::full_name(&birth, usage.as_deref(), &first),
        row,
    });
    Ok(named.collect())
}
