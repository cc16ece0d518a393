//! Mission letters: each is a version of its own, split between the families of the framework it was written under.
//! The signed copies that come back are attached beside it; none replaces another.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::reference::get_framework;
use super::schema::{mission_letters as t, mission_shares as s, signed_letters as f};
use super::staff::{managed_person, today_in};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::mission::{self as rule, Share};
use crate::domain::refusal::Refusal;
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct LetterRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    pub framework_id: String,
    /// From 1, by person.
    pub version: i32,
    pub starts_on: Day,
    pub ends_on: Day,
    pub place: String,
    pub missions: String,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
}

/// A signed copy, as received; its bytes stand in the vault.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = f)]
pub struct SignedRow {
    pub id: String,
    pub letter_id: String,
    pub sha256: String,
    pub file_name: String,
    pub content_type: String,
    pub size: i32,
    pub signed_on: Day,
    pub attached_by_name: String,
    pub attached_at: Stamp,
}

#[derive(Debug, Clone)]
pub struct NewLetter {
    pub person_id: String,
    pub framework_id: String,
    pub starts_on: Date,
    pub ends_on: Date,
    /// Where the missions are carried out.
    pub place: String,
    /// The missions, in words.
    pub missions: String,
    pub shares: Vec<Share>,
}

/// What the vault keeps of a signed copy.
#[derive(Debug, Clone)]
pub struct NewSigned {
    pub sha256: String,
    pub file_name: String,
    pub content_type: String,
    pub size: i32,
    pub signed_on: Date,
}

/// A letter with its split, as the framework named the families, and its signed copies.
#[derive(Debug, Clone)]
pub struct Letter {
    pub row: LetterRow,
    /// (family code, its name, per cent), in the order of the framework.
    pub shares: Vec<(String, String, i32)>,
    /// The latest first.
    pub signed: Vec<SignedRow>,
}

impl Letter {
    #[must_use]
    pub fn covers(&self, day: Date) -> bool {
        self.row.starts_on.0 <= day && day <= self.row.ends_on.0
    }

    #[must_use]
    pub fn split(&self) -> Vec<Share> {
        self.shares.iter().map(|(family, _, share)| Share { family: family.clone(), share: *share }).collect()
    }
}

// ---------------------------------------------------------------- commands

/// Writes a mission letter: a new version beside those before.
///
/// # Errors
/// Not found for another academy or an unknown framework; refused by [`rule::check_shares`] and [`rule::check_period`].
pub fn write_letter(tx: &mut Tx<'_>, new: &NewLetter) -> Stored<String> {
    let academy = managed_person(tx, &new.person_id)?;
    let framework = get_framework(tx.conn, &new.framework_id)?;
    rule::check_shares(&framework, &new.shares)?;
    rule::check_period(new.starts_on, new.ends_on)?;
    let letters = list_letters(tx.conn, &new.person_id)?;
    let same = |letter: &&Letter| {
        letter.row.starts_on.0 == new.starts_on
            && letter.row.ends_on.0 == new.ends_on
            && letter.row.place == new.place
            && letter.row.missions == new.missions
            && new.shares.iter().filter(|own| own.share > 0).all(|own| letter.split().contains(own))
    };
    if let Some(letter) = letters.first().filter(same) {
        // The same form sent twice writes one letter.
        return Ok(letter.row.id.clone());
    }
    let row = LetterRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        academy_code: academy,
        framework_id: new.framework_id.clone(),
        version: letters.first().map_or(1, |letter| letter.row.version + 1),
        starts_on: Day(new.starts_on),
        ends_on: Day(new.ends_on),
        place: new.place.clone(),
        missions: new.missions.clone(),
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
    };
    let shares: Vec<_> = new
        .shares
        .iter()
        .map(|own| (s::letter_id.eq(row.id.clone()), s::family_code.eq(own.family.clone()), s::share.eq(own.share)))
        .collect();
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    each_backend!(&mut *tx.conn, c => diesel::insert_into(s::table).values(&shares).execute(c))?;
    let split: HashMap<&str, i32> = new.shares.iter().map(|own| (own.family.as_str(), own.share)).collect();
    let detail = json!({
        "letter": row.id, "version": row.version, "shares": split,
        "starts_on": new.starts_on.to_string(), "ends_on": new.ends_on.to_string(),
    });
    tx.audit("write_letter", ("person", &row.person_id), None, Some(&detail), &detail)?;
    Ok(row.id)
}

/// Attaches a signed copy to a letter. The same file twice is attached once. Returns the person.
///
/// # Errors
/// Not found for another academy; refused for a signature to come.
pub fn attach_signed(tx: &mut Tx<'_>, letter_id: &str, new: &NewSigned) -> Stored<String> {
    let letter: LetterRow = t::table.find(letter_id).select(LetterRow::as_select()).first(tx.conn)?;
    let academy = managed_person(tx, &letter.person_id)?;
    rule::check_signature(new.signed_on, today_in(&academy, tx.at)?)?;
    let known: Option<String> = f::table
        .filter(f::letter_id.eq(letter_id))
        .filter(f::sha256.eq(&new.sha256))
        .select(f::id)
        .first(tx.conn)
        .optional()?;
    if known.is_some() {
        return Ok(letter.person_id);
    }
    let count: i64 = f::table.filter(f::letter_id.eq(letter_id)).count().get_result(tx.conn)?;
    if count >= 10 {
        return Err(Refusal::new(
            "too_many_copies",
            "Dix exemplaires signés sont déjà joints à cette lettre\u{a0}: écrivez une nouvelle version de la lettre.",
        )
        .into());
    }
    let row = SignedRow {
        id: new_id(tx.at),
        letter_id: letter_id.to_owned(),
        sha256: new.sha256.clone(),
        file_name: new.file_name.clone(),
        content_type: new.content_type.clone(),
        size: new.size,
        signed_on: Day(new.signed_on),
        attached_by_name: tx.actor.name.clone(),
        attached_at: tx.stamp(),
    };
    diesel::insert_into(f::table).values(&row).execute(tx.conn)?;
    let detail = json!({ "letter": letter_id, "sha256": row.sha256, "signed_on": new.signed_on.to_string() });
    tx.audit("attach_signed_letter", ("person", &letter.person_id), None, Some(&detail), &detail)?;
    Ok(letter.person_id)
}

// ---------------------------------------------------------------- queries

/// The letters of a person, the latest version first.
///
/// # Errors
/// The database's own.
pub fn list_letters(conn: &mut Conn, person_id: &str) -> Stored<Vec<Letter>> {
    let rows: Vec<LetterRow> = t::table
        .filter(t::person_id.eq(person_id))
        .order(t::version.desc())
        .select(LetterRow::as_select())
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let split: Vec<(String, String, i32)> =
        s::table.filter(s::letter_id.eq_any(&ids)).select((s::letter_id, s::family_code, s::share)).load(conn)?;
    let signed: Vec<SignedRow> = f::table
        .filter(f::letter_id.eq_any(&ids))
        .order((f::attached_at.desc(), f::id.desc()))
        .select(SignedRow::as_select())
        .load(conn)?;
    let mut frameworks = HashMap::new();
    let mut letters = Vec::with_capacity(rows.len());
    for row in rows {
        if !frameworks.contains_key(&row.framework_id) {
            frameworks.insert(row.framework_id.clone(), get_framework(conn, &row.framework_id)?);
        }
        let families = frameworks.get(&row.framework_id).map(|known| known.families.as_slice()).unwrap_or_default();
        let share_of = |code: &str| {
            split.iter().find(|(letter, family, _)| *letter == row.id && family == code).map(|(_, _, share)| *share)
        };
        let shares = families
            .iter()
            .filter_map(|family| Some((family.code.clone(), family.label.clone(), share_of(&family.code)?)))
            .collect();
        let copies = signed.iter().filter(|copy| copy.letter_id == row.id).cloned().collect();
        letters.push(Letter { row, shares, signed: copies });
    }
    Ok(letters)
}

/// One letter of a person of this academy.
///
/// # Errors
/// Not found elsewhere.
pub fn get_letter(conn: &mut Conn, person_id: &str, letter_id: &str) -> Stored<Letter> {
    list_letters(conn, person_id)?.into_iter().find(|letter| letter.row.id == letter_id).ok_or(StoreError::NotFound)
}
