//! Category, corps and contract over the years, line by line. `staff_records` repeats the line in force, which lists
//! read; here is where it changes. What an academy that does not hold the record is told is kept and never applied.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{StaffRecordRow, managed_person, today_in};
use crate::domain::staff::CareerSource;
use crate::domain::staff::career as rule;
use crate::each_backend;
use crate::store::audit::Act;
use crate::store::schema::{career_lines as t, people, staff_records};
use crate::store::{Conn, Day, Stamp, Stored, Tx, new_id};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct CareerRow {
    pub id: String,
    pub person_id: String,
    /// The order in which lines were recorded, from 1.
    pub rank: i32,
    /// The academy that recorded the line.
    pub academy_code: String,
    pub source: CareerSource,
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Day>,
    pub starts_on: Day,
    pub recorded_by_name: String,
    pub recorded_at: Stamp,
}

impl CareerRow {
    fn state(&self) -> Value {
        json!({
            "category": self.category, "corps": self.corps, "status": self.status,
            "contract_date": self.contract_date.map(|day| day.0.to_string()),
        })
    }

    fn says(&self, told: &Told) -> bool {
        let same_date = told.contract_date.is_none() || told.contract_date == self.contract_date.map(|day| day.0);
        self.corps == told.corps && self.status == told.status && same_date
    }
}

/// What a registration or an import says of somebody's situation.
#[derive(Debug, Clone)]
pub struct Told {
    pub person_id: String,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Date>,
}

#[derive(Debug, Clone)]
pub struct StatusChange {
    pub person_id: String,
    /// Code of a category of the regulation pack, when one fits.
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Date>,
    /// First day of this situation; `None` is today.
    pub starts_on: Option<Date>,
}

/// Says what the person is from a day on: category, corps, status, date of the contract. The lines before stay.
///
/// # Errors
/// Not found for a person of another academy; refused by [`rule::check_career`].
pub fn update_status(tx: &mut Tx<'_>, change: &StatusChange) -> Stored<()> {
    let academy = managed_person(tx, &change.person_id)?;
    let today = today_in(&academy, tx.at)?;
    let birth: Day = people::table.find(&change.person_id).select(people::birth_date).first(tx.conn)?;
    let starts_on = change.starts_on.unwrap_or(today);
    rule::check_career(starts_on, birth.0, today)?;
    let lines = list_career(tx.conn, &change.person_id)?;
    let before = line_on(&lines, starts_on).map(CareerRow::state);
    let row = CareerRow {
        id: new_id(tx.at),
        person_id: change.person_id.clone(),
        rank: next_rank(&lines),
        academy_code: academy,
        source: CareerSource::Office,
        category: change.category.clone(),
        corps: change.corps.clone(),
        status: change.status.clone(),
        contract_date: change.contract_date.map(Day),
        starts_on: Day(starts_on),
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
    };
    let is = row.state();
    if before.as_ref() == Some(&is) {
        return Ok(());
    }
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    put_in_force(tx, &change.person_id, today)?;
    let mut detail = is.clone();
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("starts_on".into(), json!(starts_on.to_string()));
    }
    tx.audit("update_status", ("person", &change.person_id), before.as_ref(), Some(&is), &detail)
}

/// First lines of people just recorded, and the record that repeats them.
pub(in crate::store) fn begin(tx: &mut Tx<'_>, academy: &str, all: &[Told]) -> Stored<()> {
    if all.is_empty() {
        return Ok(());
    }
    let today = today_in(academy, tx.at)?;
    let rows: Vec<CareerRow> =
        all.iter().map(|told| line(tx, academy, told, CareerSource::Registration, None, (1, today))).collect();
    let records: Vec<StaffRecordRow> = rows.iter().map(record_of).collect();
    each_backend!(&mut *tx.conn, c => {
        diesel::insert_into(staff_records::table).values(&records).execute(c)?;
        diesel::insert_into(t::table).values(&rows).execute(c)
    })?;
    Ok(())
}

/// What is told now of people already known. The academy that holds a record adds a line to it; what another one is
/// told stands beside, as a declaration. Nothing new is written when nothing is new.
pub(in crate::store) fn follow(tx: &mut Tx<'_>, academy: &str, all: &[Told]) -> Stored<()> {
    if all.is_empty() {
        return Ok(());
    }
    let today = today_in(academy, tx.at)?;
    let ids: Vec<&str> = all.iter().map(|told| told.person_id.as_str()).collect();
    let holders: HashMap<String, String> = people::table
        .filter(people::id.eq_any(&ids))
        .select((people::id, people::academy_code))
        .load::<(String, String)>(tx.conn)?
        .into_iter()
        .collect();
    let mut careers: HashMap<String, Vec<CareerRow>> = HashMap::new();
    let known: Vec<CareerRow> = t::table
        .filter(t::person_id.eq_any(&ids))
        .order((t::person_id, t::rank))
        .select(CareerRow::as_select())
        .load(tx.conn)?;
    for row in known {
        careers.entry(row.person_id.clone()).or_default().push(row);
    }
    let (mut rows, mut acts) = (Vec::new(), Vec::new());
    for told in all {
        let lines = careers.get(&told.person_id).map(Vec::as_slice).unwrap_or_default();
        let is_holder = holders.get(&told.person_id).is_some_and(|holder| holder == academy);
        let declared = |row: &&CareerRow| row.source == CareerSource::Declared && row.academy_code == academy;
        let (source, before) = match is_holder {
            true => (CareerSource::Registration, line_on(lines, today)),
            false => (CareerSource::Declared, lines.iter().rev().find(declared)),
        };
        if before.is_some_and(|row| row.says(told)) {
            continue;
        }
        let row = line(tx, academy, told, source, before, (next_rank(lines), today));
        acts.push(Act {
            action: if is_holder { "update_status" } else { "declare_status" },
            object_kind: "person",
            object_id: told.person_id.clone(),
            before: before.map(CareerRow::state),
            after: Some(row.state()),
            detail: json!({ "academy": academy, "corps": row.corps, "status": row.status }),
        });
        rows.push(row);
    }
    each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(&rows).execute(c))?;
    for row in rows.iter().filter(|row| row.source != CareerSource::Declared) {
        put_in_force(tx, &row.person_id, today)?;
    }
    tx.audit_all(acts)
}

fn line(
    tx: &Tx<'_>,
    academy: &str,
    told: &Told,
    source: CareerSource,
    before: Option<&CareerRow>,
    (rank, today): (i32, Date),
) -> CareerRow {
    // The category was decided for a corps and a status: it stands as long as they do.
    let same = before.filter(|row| row.corps == told.corps && row.status == told.status);
    CareerRow {
        id: new_id(tx.at),
        person_id: told.person_id.clone(),
        rank,
        academy_code: academy.to_owned(),
        source,
        category: same.and_then(|row| row.category.clone()),
        corps: told.corps.clone(),
        status: told.status.clone(),
        contract_date: told.contract_date.map(Day).or_else(|| same.and_then(|row| row.contract_date)),
        starts_on: Day(today),
        recorded_by_name: tx.actor.name.clone(),
        recorded_at: tx.stamp(),
    }
}

fn next_rank(lines: &[CareerRow]) -> i32 {
    lines.last().map_or(1, |row| row.rank + 1)
}

fn record_of(row: &CareerRow) -> StaffRecordRow {
    StaffRecordRow {
        person_id: row.person_id.clone(),
        category: row.category.clone(),
        corps: row.corps.clone(),
        status: row.status.clone(),
        contract_date: row.contract_date,
        updated_at: row.recorded_at,
    }
}

/// Makes the record repeat the line in force today.
fn put_in_force(tx: &mut Tx<'_>, person_id: &str, today: Date) -> Stored<()> {
    let lines = list_career(tx.conn, person_id)?;
    let Some(row) = line_on(&lines, today) else { return Ok(()) };
    let record = record_of(row);
    let changed = diesel::update(staff_records::table.find(person_id)).set(&record).execute(tx.conn)?;
    if changed == 0 {
        diesel::insert_into(staff_records::table).values(&record).execute(tx.conn)?;
    }
    Ok(())
}

// ---------------------------------------------------------------- queries

/// The lines of a career in the order they were recorded.
///
/// # Errors
/// The database's own.
pub fn list_career(conn: &mut Conn, person_id: &str) -> Stored<Vec<CareerRow>> {
    Ok(t::table.filter(t::person_id.eq(person_id)).order(t::rank).select(CareerRow::as_select()).load(conn)?)
}

/// The line in force on a day, among lines in the order they were recorded.
#[must_use]
pub fn line_on(lines: &[CareerRow], day: Date) -> Option<&CareerRow> {
    let facts: Vec<(Date, CareerSource)> = lines.iter().map(|row| (row.starts_on.0, row.source)).collect();
    rule::in_force(&facts, day).and_then(|at| lines.get(at))
}

/// The situation a registration starts from: the line of the career in force on that day.
///
/// # Errors
/// The database's own.
pub fn find_situation(conn: &mut Conn, person_id: &str, day: Date) -> Stored<Option<CareerRow>> {
    let lines = list_career(conn, person_id)?;
    Ok(line_on(&lines, day).cloned())
}
