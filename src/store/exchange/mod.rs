//! Spreadsheets on their way in: the file between its upload and its import, the columns an academy has named once, and
//! what an import would change. `people` and `candidates` compare lines with what is held; nothing is written before.

mod candidates;
mod jurors;
mod people;

use diesel::prelude::*;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

pub(super) use self::candidates::{compare as compare_candidates, update_candidates};
use super::schema::{column_mappings as m, import_drafts as d};
use super::session::SessionRow;
use super::staff::{may_or_hide, today_in};
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id, registration, schools};
use crate::domain::academy::Academy;
use crate::domain::audit::sha256_hex;
use crate::domain::exchange::people::{PersonDraft, check_people};
use crate::domain::exchange::schools::{SchoolDraft, check_schools};
use crate::domain::exchange::{Accepted, Change, Fate, ImportKind, differences};
use crate::domain::ids::fold;
use crate::domain::jury::JurorDraft;
use crate::domain::refusal::Refusal;
use crate::domain::registration::CandidateDraft;
use crate::domain::table::{self, Report, Table};

// ---------------------------------------------------------------- the file between upload and import

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = d)]
pub struct DraftRow {
    pub id: String,
    pub academy_code: String,
    pub session_id: Option<String>,
    pub what: String,
    pub file_name: String,
    pub sheet: Option<String>,
    pub bytes: Vec<u8>,
    pub made_by: String,
    pub created_at: Stamp,
}

#[derive(Debug, Clone)]
pub struct NewDraft {
    pub academy_code: String,
    pub session_id: Option<String>,
    pub what: ImportKind,
    pub file_name: String,
    pub sheet: Option<String>,
    pub bytes: Vec<u8>,
}

/// Files one person may have under way: the oldest makes room.
const DRAFTS_PER_PERSON: usize = 5;
const DRAFT_HOURS: i64 = 24;

/// Keeps an uploaded file until it is imported, a day at most.
///
/// # Errors
/// Not found for those without the right.
pub fn keep_draft(tx: &mut Tx<'_>, new: NewDraft) -> Stored<String> {
    may_or_hide(tx, new.what.action(), &new.academy_code)?;
    drop_old_drafts(tx)?;
    let mine: Vec<String> = d::table
        .filter(d::made_by.eq(&tx.actor.user_id))
        .order((d::created_at.desc(), d::id.desc()))
        .select(d::id)
        .load(tx.conn)?;
    for id in mine.iter().skip(DRAFTS_PER_PERSON - 1) {
        diesel::delete(d::table.find(id)).execute(tx.conn)?;
    }
    let row = DraftRow {
        id: new_id(tx.at),
        academy_code: new.academy_code,
        session_id: new.session_id,
        what: new.what.as_str().to_owned(),
        file_name: new.file_name.chars().take(200).collect(),
        sheet: new.sheet,
        bytes: new.bytes,
        made_by: tx.actor.user_id.clone(),
        created_at: tx.stamp(),
    };
    diesel::insert_into(d::table).values(&row).execute(tx.conn)?;
    Ok(row.id)
}

/// Forgets the files nobody imported within a day.
///
/// # Errors
/// The database's own.
pub fn drop_old_drafts(tx: &mut Tx<'_>) -> Stored<usize> {
    let limit = tx.at.checked_sub(DRAFT_HOURS.hours()).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(diesel::delete(d::table.filter(d::created_at.lt(Stamp(limit)))).execute(tx.conn)?)
}

/// # Errors
/// The database's own.
pub fn drop_draft(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    diesel::delete(d::table.find(id)).execute(tx.conn)?;
    Ok(())
}

/// A file under way, of this kind, for this academy or session.
///
/// # Errors
/// Not found when it expired, was imported, or is another academy's.
pub fn get_draft(conn: &mut Conn, place: &Place, what: ImportKind, id: &str) -> Stored<DraftRow> {
    let session = place.session.as_ref().map(|session| session.id.clone());
    let row: DraftRow = d::table
        .find(id)
        .filter(d::academy_code.eq(&place.academy_code))
        .filter(d::what.eq(what.as_str()))
        .select(DraftRow::as_select())
        .first(conn)?;
    if row.session_id == session { Ok(row) } else { Err(StoreError::NotFound) }
}

// ---------------------------------------------------------------- columns named once

/// What a file's columns are remembered under: their titles, in their order.
fn headers_key(table: &Table) -> String {
    let titles: Vec<String> = table.headers.iter().map(|title| fold(title)).collect();
    sha256_hex(titles.join("\u{1f}").as_bytes())
}

/// Reads a file, its columns under the names this academy gave them the last time.
///
/// # Errors
/// A refusal that says what to do with a file we do not read.
pub fn read_file(
    conn: &mut Conn,
    academy_code: &str,
    what: ImportKind,
    bytes: &[u8],
    sheet: Option<&str>,
) -> Stored<Table> {
    let mut table = read_bare(bytes, sheet)?;
    let known: Option<String> =
        m::table.find((academy_code, what.as_str(), headers_key(&table))).select(m::mapping).first(conn).optional()?;
    if let Some(mapping) = known {
        let mapping: Vec<(String, usize)> = serde_json::from_str(&mapping)?;
        table::rename(&mut table, &mapping);
    }
    Ok(table)
}

/// The file as it is, its own titles kept.
///
/// # Errors
/// A refusal that says what to do with a file we do not read.
pub fn read_bare(bytes: &[u8], sheet: Option<&str>) -> Stored<Table> {
    table::read_sheet(bytes, sheet).map_err(|no| Refusal::new("unreadable_file", no.to_string()).into())
}

/// Remembers which column of such a file is which of ours: (our title, place in the file).
///
/// # Errors
/// Not found for those without the right; refused when one column is given twice.
pub fn remember_columns(
    tx: &mut Tx<'_>,
    academy_code: &str,
    what: ImportKind,
    table: &Table,
    mapping: &[(String, usize)],
) -> Stored<()> {
    may_or_hide(tx, what.action(), academy_code)?;
    let mut places: Vec<usize> = mapping.iter().map(|(_, place)| *place).collect();
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0] == pair[1])
        || places.last().is_some_and(|last| *last >= table.headers.len())
    {
        let sentence = "Une colonne du fichier est choisie deux fois : donnez à chaque colonne attendue la sienne.";
        return Err(Refusal::new("column_twice", sentence).into());
    }
    let key = headers_key(table);
    let text = serde_json::to_string(mapping)?;
    diesel::delete(m::table.find((academy_code, what.as_str(), &key))).execute(tx.conn)?;
    diesel::insert_into(m::table)
        .values((
            m::academy_code.eq(academy_code),
            m::what.eq(what.as_str()),
            m::headers_key.eq(&key),
            m::mapping.eq(&text),
            m::updated_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "what": what, "columns": mapping });
    tx.audit("remember_columns", ("academy", academy_code), None, Some(&detail), &detail)
}

// ---------------------------------------------------------------- what an import would do

/// A line that may be written, and what it would do.
#[derive(Debug, Clone)]
pub struct Planned<T> {
    pub line: u64,
    /// Who or what the line is about.
    pub label: String,
    pub fate: Fate,
    pub draft: T,
    /// The row it would change.
    pub id: Option<String>,
}

/// A preview of an import.
pub struct Plan {
    pub report: Report<u64>,
    pub lines: Vec<Planned<Drafted>>,
    /// Held here, and not in the file; at most [`MOST_ABSENT`] of them, with their whole number.
    pub absent: Vec<String>,
    pub absent_total: usize,
}

#[derive(Debug, Clone)]
pub enum Drafted {
    Person(Box<PersonDraft>),
    School(SchoolDraft),
    Candidate(Box<CandidateDraft>),
    Juror(Box<JurorDraft>),
}

/// What an import is for: an academy, or one of its sessions, which a mere check does not need to be open.
#[derive(Debug, Clone)]
pub struct Place {
    pub academy_code: String,
    pub year: i16,
    pub session: Option<SessionRow>,
}

impl Place {
    #[must_use]
    pub fn academy(code: &str) -> Self {
        Place { academy_code: code.to_owned(), year: 0, session: None }
    }

    #[must_use]
    pub fn session(row: &SessionRow) -> Self {
        Place { academy_code: row.academy_code.clone(), year: row.year16(), session: Some(row.clone()) }
    }
}

pub const MOST_ABSENT: usize = 200;

/// How many lines are new, the same, or changed.
#[must_use]
pub fn fates<T>(lines: &[Planned<T>]) -> (usize, usize, usize) {
    lines.iter().fold((0, 0, 0), |(new, same, changed), line| match line.fate {
        Fate::New => (new + 1, same, changed),
        Fate::Unchanged => (new, same + 1, changed),
        Fate::Changed(_) => (new, same, changed + 1),
    })
}

/// The report of the contract, with what a re-import would change beside.
#[must_use]
pub fn report_json<D, T>(report: &Report<D>, lines: &[Planned<T>], absent_total: usize) -> Value {
    let (new, unchanged, _) = fates(lines);
    let changed: Vec<Value> = lines
        .iter()
        .filter_map(|line| match &line.fate {
            Fate::Changed(changes) => Some(json!({ "line": line.line, "label": line.label, "changes": changes })),
            _ => None,
        })
        .collect();
    let mut whole = report.to_json();
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("new".into(), json!(new));
        whole.insert("unchanged".into(), json!(unchanged));
        whole.insert("changed".into(), json!(changed));
        whole.insert("absent".into(), json!(absent_total));
    }
    whole
}

/// Checks a file and compares it with what is held.
///
/// # Errors
/// Not found for an unknown academy, or a year without rules.
pub fn plan(
    conn: &mut Conn,
    what: ImportKind,
    place: &Place,
    table: &Table,
    set_aside: &[(u64, String)],
    now: Timestamp,
) -> Stored<Plan> {
    let academy = Academy::find(&place.academy_code).ok_or(StoreError::NotFound)?;
    match what {
        ImportKind::Candidates => candidates::plan(conn, place, table, set_aside, now),
        ImportKind::Jurors => jurors::plan(conn, place, table, set_aside),
        ImportKind::Schools => plan_schools(conn, academy, table, set_aside),
        ImportKind::Staff | ImportKind::Holders | ImportKind::KeptMarks => {
            let report = check_people(what, table, set_aside, academy.date(now));
            people::plan(conn, what, &place.academy_code, report)
        }
    }
}

fn plan_schools(conn: &mut Conn, academy: &Academy, table: &Table, set_aside: &[(u64, String)]) -> Stored<Plan> {
    let report = check_schools(table, &academy.departments, set_aside);
    let codes: Vec<&str> = report.accepted.iter().map(|draft| draft.uai.as_str()).collect();
    let held = schools::find_many(conn, &codes)?;
    let mut lines = Vec::with_capacity(report.accepted.len());
    for draft in &report.accepted {
        let fate = match held.get(draft.uai.as_str()) {
            None => Fate::New,
            Some(row) => fate_of(differences(vec![
                ("Nom", row.name.clone(), draft.name.clone()),
                ("Commune", row.commune.clone(), draft.commune.clone()),
                ("Département", row.department.clone(), draft.department.clone()),
                ("Type", row.kind.clone(), draft.kind.clone()),
            ])),
        };
        let label = format!("{} {}", draft.uai, draft.name);
        lines.push(Planned { line: draft.line, label, fate, draft: Drafted::School(draft.clone()), id: None });
    }
    let (mut absent, mut absent_total, mut after) = (Vec::new(), 0, (String::new(), String::new()));
    let told: std::collections::HashSet<&str> = codes.into_iter().collect();
    loop {
        let page = schools::list_schools(conn, &academy.code, (&after.0, &after.1), 1_000)?;
        let Some(last) = page.last() else { break };
        after = (last.sort_key.clone(), last.uai.clone());
        for row in page.iter().filter(|row| !told.contains(row.uai.as_str())) {
            absent_total += 1;
            if absent.len() < MOST_ABSENT {
                absent.push(format!("{} {}", row.uai, row.name));
            }
        }
    }
    Ok(Plan { report: counted(report, |draft| draft.line), lines, absent, absent_total })
}

fn fate_of(changes: Vec<Change>) -> Fate {
    if changes.is_empty() { Fate::Unchanged } else { Fate::Changed(changes) }
}

/// The same report, holding only the lines it accepts.
fn counted<D>(report: Report<D>, line: impl Fn(&D) -> u64) -> Report<u64> {
    Report {
        accepted: report.accepted.iter().map(line).collect(),
        findings: report.findings,
        set_aside: report.set_aside,
        encoding: report.encoding,
        total_rows: report.total_rows,
    }
}

/// What an import wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub new: usize,
    pub updated: usize,
    pub unchanged: usize,
    /// Changes proposed and not accepted.
    pub left: usize,
    pub set_aside: usize,
    /// Of candidates: what the rule proposes for the new files.
    pub refusals_proposed: usize,
    pub to_examine: usize,
}

/// Writes a file checked again inside the transaction: all of what is new and the accepted changes, or nothing.
///
/// # Errors
/// Not found for those without the right, or without a session where one is needed; refused when an error is left or
/// when the file holds nothing to write.
pub fn import(
    tx: &mut Tx<'_>,
    what: ImportKind,
    place: &Place,
    table: &Table,
    set_aside: &[(u64, String)],
    accepted: &Accepted,
) -> Stored<Written> {
    let academy_code = place.academy_code.as_str();
    may_or_hide(tx, what.action(), academy_code)?;
    today_in(academy_code, tx.at)?;
    if what == ImportKind::Candidates {
        let session = place.session.as_ref().ok_or(StoreError::NotFound)?;
        let done = registration::reimport_candidates(tx, &session.id, table, set_aside, accepted)?;
        return Ok(Written {
            new: done.registered,
            updated: done.updated,
            unchanged: done.unchanged,
            left: done.left,
            set_aside: done.set_aside,
            refusals_proposed: done.refusals_proposed,
            to_examine: done.to_examine,
        });
    }
    let plan = plan(tx.conn, what, place, table, set_aside, tx.at)?;
    let blocking = plan.report.blocking().count();
    if blocking > 0 {
        return Err(blocked(blocking));
    }
    if plan.lines.is_empty() {
        return Err(Refusal::new(
            "import_empty",
            "Aucune ligne à importer : le fichier n’en contient aucune d’acceptée.",
        )
        .into());
    }
    let (new, unchanged, changed) = fates(&plan.lines);
    let taken = |line: &&Planned<Drafted>| {
        matches!(line.fate, Fate::New) || (matches!(line.fate, Fate::Changed(_)) && accepted.takes(line.line))
    };
    let lines: Vec<&Planned<Drafted>> = plan.lines.iter().filter(taken).collect();
    let updated = lines.len() - new;
    match what {
        ImportKind::Schools => write_schools(tx, academy_code, &lines)?,
        ImportKind::Jurors => {
            let session = place.session.as_ref().ok_or(StoreError::NotFound)?;
            jurors::write(tx, &session.id, &lines)?;
        }
        _ => people::write(tx, academy_code, &lines)?,
    }
    let written =
        Written { new, updated, unchanged, left: changed - updated, set_aside: set_aside.len(), ..Written::default() };
    let aside: Vec<Value> = set_aside.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
    let detail = json!({ "what": what, "new": new, "updated": updated, "unchanged": unchanged, "set_aside": aside });
    let object = place.session.as_ref().map_or(("academy", academy_code), |session| ("session", session.id.as_str()));
    tx.audit("import", object, None, None, &detail)?;
    Ok(written)
}

fn write_schools(tx: &mut Tx<'_>, academy_code: &str, lines: &[&Planned<Drafted>]) -> Stored<()> {
    let of = |is_new: bool| -> Vec<&SchoolDraft> {
        let wanted = lines.iter().filter(|line| matches!(line.fate, Fate::New) == is_new);
        wanted
            .filter_map(|line| match &line.draft {
                Drafted::School(draft) => Some(draft),
                _ => None,
            })
            .collect()
    };
    schools::record_schools(tx, academy_code, &of(true), &of(false)).map(drop)
}

pub(super) fn blocked(blocking: usize) -> StoreError {
    let sentence = format!(
        "{blocking} erreur(s) empêchent l’import : corrigez le fichier ou mettez ces lignes de côté une par une. Rien n’a été écrit."
    );
    Refusal::new("import_blocked", sentence).into()
}
