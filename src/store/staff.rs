//! One record per person: category and contract, postings, activities exercised, competences evidenced.
//! Evidence is only ever added. Here are the rows and the commands; `directory` and `file` read them back.

pub mod career;
mod directory;
mod file;
pub mod names;
pub mod numen;

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

pub use self::career::{CareerRow, StatusChange, find_situation, list_career, update_status};
pub(super) use self::directory::selected;
pub use self::directory::{PER_PAGE, StaffFilter, StaffLine, StaffPage, list_departments, list_staff};
pub use self::file::{CertificateLine, ExamLine, Identity, NamedItem, StaffFile, get_staff_file, list_published_marks};
pub use self::names::{FormerNameRow, NameChange, change_name, list_former_names};
pub use self::numen::{find_sealed_numen, record_numen, remove_numen, reveal_numen};
use super::people::{NewPerson, find_known, record_person};
use super::reference::get_framework;
use super::schema::{evidence, exercised_activities, people, postings, staff_records};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::academy::Academy;
use crate::domain::framework::Item;
use crate::domain::ids::{Uai, person_key};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::staff::{self as rule, EvidenceSource, Period, PostingLevel};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = staff_records, treat_none_as_null = true)]
pub struct StaffRecordRow {
    pub person_id: String,
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Day>,
    pub updated_at: Stamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = postings)]
pub struct PostingRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    pub level: PostingLevel,
    pub place: String,
    pub uai: Option<String>,
    pub department: Option<String>,
    pub quota: i32,
    pub starts_on: Day,
    pub ends_on: Option<Day>,
    /// The post asks for the certificate.
    pub requires_certificate: bool,
    /// The day by which somebody without it undertook to hold it.
    pub certificate_by: Option<Day>,
}

impl PostingRow {
    #[must_use]
    pub fn period(&self) -> Period {
        Period { quota: self.quota, starts_on: self.starts_on.0, ends_on: self.ends_on.map(|day| day.0) }
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = exercised_activities)]
pub struct ActivityRow {
    pub id: String,
    pub person_id: String,
    pub framework_id: String,
    pub item_code: String,
    pub since: Day,
    /// Last day, once the activity is left.
    pub until_on: Option<Day>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evidence)]
pub struct EvidenceRow {
    pub id: String,
    pub person_id: String,
    pub framework_id: String,
    pub item_code: String,
    pub source: EvidenceSource,
    pub level: i32,
    pub dated_on: Day,
    pub author: String,
    pub reference: Option<String>,
    pub created_at: Stamp,
}

#[derive(Debug, Clone)]
pub struct NewPosting {
    pub person_id: String,
    pub level: PostingLevel,
    pub place: String,
    pub uai: Option<Uai>,
    pub department: Option<String>,
    pub quota: i32,
    pub starts_on: Date,
    pub ends_on: Option<Date>,
    pub requires_certificate: bool,
    /// The day by which somebody without the certificate undertakes to hold it.
    pub certificate_by: Option<Date>,
}

#[derive(Debug, Clone)]
pub struct NewEvidence {
    pub person_id: String,
    pub framework_id: String,
    /// Code of a competence of that framework.
    pub item_code: String,
    pub source: EvidenceSource,
    pub level: i32,
    pub dated_on: Date,
    /// What it rests on: a report, a visit, a session of the exam.
    pub reference: Option<String>,
}

// ---------------------------------------------------------------- commands

/// Opens the record of somebody who is no candidate; a person who already has one keeps it as it is.
///
/// # Errors
/// Not found for another academy; refused when another academy already holds this person's record.
pub fn open_record(tx: &mut Tx<'_>, new: &NewPerson) -> Stored<(String, bool)> {
    may_or_hide(tx, Action::ManageStaff, &new.academy_code)?;
    let key = person_key(&new.birth_name, &new.first_names, new.birth_date);
    let known = match find_known(tx.conn, &[&key])?.remove(&key) {
        Some(id) => {
            let academy: String = people::table.find(&id).select(people::academy_code).first(tx.conn)?;
            Some((id, academy))
        }
        None => None,
    };
    match known {
        Some((id, academy)) if academy == new.academy_code => Ok((id, false)),
        Some(_) => Err(Refusal::new(
            "known_elsewhere",
            "Une personne de même nom, mêmes prénoms et même date de naissance a déjà une fiche dans une autre académie\u{a0}: \
             demandez à cette académie de vous la transmettre.",
        )
        .into()),
        None => Ok((record_person(tx, new)?, true)),
    }
}

/// Adds a posting. The quotas of postings that overlap never exceed 100 %.
///
/// # Errors
/// Not found for a person of another academy; refused by [`rule::check_posting`].
pub fn record_posting(tx: &mut Tx<'_>, new: &NewPosting) -> Stored<String> {
    let academy = managed_person(tx, &new.person_id)?;
    let existing: Vec<PostingRow> =
        postings::table.filter(postings::person_id.eq(&new.person_id)).select(PostingRow::as_select()).load(tx.conn)?;
    let period = Period { quota: new.quota, starts_on: new.starts_on, ends_on: new.ends_on };
    let same = |row: &&PostingRow| row.period() == period && row.level == new.level && row.place == new.place;
    if let Some(row) = existing.iter().find(same) {
        // The same form sent twice records one posting.
        return Ok(row.id.clone());
    }
    let periods: Vec<Period> = existing.iter().map(PostingRow::period).collect();
    rule::check_posting(&periods, &period)?;
    let row = PostingRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        academy_code: academy,
        level: new.level,
        place: new.place.clone(),
        uai: new.uai.as_ref().map(|uai| uai.as_str().to_owned()),
        department: new.department.clone().or_else(|| new.uai.as_ref().and_then(Uai::department)),
        quota: new.quota,
        starts_on: Day(new.starts_on),
        ends_on: new.ends_on.map(Day),
        requires_certificate: new.requires_certificate,
        certificate_by: new.certificate_by.filter(|_| new.requires_certificate).map(Day),
    };
    diesel::insert_into(postings::table).values(&row).execute(tx.conn)?;
    let state = json!({
        "posting": row.id, "level": row.level, "place": row.place, "uai": row.uai, "quota": row.quota,
        "starts_on": new.starts_on.to_string(), "ends_on": new.ends_on.map(|day| day.to_string()),
        "requires_certificate": row.requires_certificate, "certificate_by": row.certificate_by,
    });
    tx.audit("record_posting", ("person", &row.person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

/// Says when a posting ends (or ended); its last day is included.
///
/// # Errors
/// Not found for another academy; refused when it already ended otherwise, or for an end before the start.
pub fn end_posting(tx: &mut Tx<'_>, posting_id: &str, ends_on: Date) -> Stored<String> {
    let row: PostingRow = postings::table.find(posting_id).select(PostingRow::as_select()).first(tx.conn)?;
    managed_person(tx, &row.person_id)?;
    rule::check_ending(&row.period(), ends_on)?;
    if row.ends_on.is_some() {
        return Ok(row.person_id);
    }
    diesel::update(postings::table.find(posting_id)).set(postings::ends_on.eq(Some(Day(ends_on)))).execute(tx.conn)?;
    let detail = json!({ "posting": posting_id, "place": row.place, "ends_on": ends_on.to_string() });
    tx.audit("end_posting", ("person", &row.person_id), None, Some(&detail), &detail)?;
    Ok(row.person_id)
}

/// Notes a domain, an objective or an activity that the person exercises, as named by one version of the framework.
/// What was left may be taken up again: it is another line.
///
/// # Errors
/// Not found for another academy or an unknown framework; refused when the item is no activity of it.
pub fn note_activity(
    tx: &mut Tx<'_>,
    person_id: &str,
    framework_id: &str,
    item_code: &str,
    since: Date,
) -> Stored<String> {
    managed_person(tx, person_id)?;
    let item_code = cited_item(tx.conn, framework_id, item_code, Cited::Activity)?;
    let known: Option<String> = exercised_activities::table
        .filter(exercised_activities::person_id.eq(person_id))
        .filter(exercised_activities::framework_id.eq(framework_id))
        .filter(exercised_activities::item_code.eq(&item_code))
        .filter(exercised_activities::until_on.is_null().or(exercised_activities::since.eq(Day(since))))
        .select(exercised_activities::id)
        .first(tx.conn)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let row = ActivityRow {
        id: new_id(tx.at),
        person_id: person_id.to_owned(),
        framework_id: framework_id.to_owned(),
        item_code,
        since: Day(since),
        until_on: None,
    };
    diesel::insert_into(exercised_activities::table).values(&row).execute(tx.conn)?;
    let state = json!({ "framework": framework_id, "item": row.item_code, "since": since.to_string() });
    tx.audit("note_activity", ("person", person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

/// Says when an activity was left; its last day is included. Returns the person.
///
/// # Errors
/// Not found for another academy; refused for a day before the start or to come.
pub fn end_activity(tx: &mut Tx<'_>, activity_id: &str, until: Date) -> Stored<String> {
    let row: ActivityRow =
        exercised_activities::table.find(activity_id).select(ActivityRow::as_select()).first(tx.conn)?;
    let academy = managed_person(tx, &row.person_id)?;
    if row.until_on.is_some() {
        return Ok(row.person_id);
    }
    rule::career::check_activity_end(row.since.0, until, today_in(&academy, tx.at)?)?;
    diesel::update(exercised_activities::table.find(activity_id))
        .set(exercised_activities::until_on.eq(Some(Day(until))))
        .execute(tx.conn)?;
    let detail = json!({ "framework": row.framework_id, "item": row.item_code, "until": until.to_string() });
    tx.audit("end_activity", ("person", &row.person_id), None, Some(&detail), &detail)?;
    Ok(row.person_id)
}

/// Adds what was seen of a competence. Nothing is ever overwritten: a later evidence stands beside the earlier ones.
///
/// # Errors
/// Not found for another academy or an unknown framework; refused for a wrong level, a day to come, or an item that
/// is no competence of that framework.
pub fn add_evidence(tx: &mut Tx<'_>, new: &NewEvidence) -> Stored<String> {
    let academy = managed_person(tx, &new.person_id)?;
    let item_code = cited_item(tx.conn, &new.framework_id, &new.item_code, Cited::Competence)?;
    let today = today_in(&academy, tx.at)?;
    rule::check_evidence(new.level, new.dated_on, today)?;
    let same: Vec<EvidenceRow> = evidence::table
        .filter(evidence::person_id.eq(&new.person_id))
        .filter(evidence::framework_id.eq(&new.framework_id))
        .filter(evidence::item_code.eq(&item_code))
        .filter(evidence::source.eq(new.source))
        .filter(evidence::level.eq(new.level))
        .filter(evidence::dated_on.eq(Day(new.dated_on)))
        .select(EvidenceRow::as_select())
        .load(tx.conn)?;
    let author = tx.actor.name.clone();
    if let Some(row) = same.into_iter().find(|row| row.author == author && row.reference == new.reference) {
        return Ok(row.id);
    }
    let row = EvidenceRow {
        id: new_id(tx.at),
        person_id: new.person_id.clone(),
        framework_id: new.framework_id.clone(),
        item_code,
        source: new.source,
        level: new.level,
        dated_on: Day(new.dated_on),
        author,
        reference: new.reference.clone(),
        created_at: tx.stamp(),
    };
    diesel::insert_into(evidence::table).values(&row).execute(tx.conn)?;
    let state = json!({
        "evidence": row.id, "framework": row.framework_id, "item": row.item_code, "source": row.source,
        "level": row.level, "dated_on": new.dated_on.to_string(),
    });
    tx.audit("add_evidence", ("person", &row.person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

// ---------------------------------------------------------------- shared with the training

/// Asks the table of permissions; whoever may not is told that the thing does not exist.
pub(super) fn may_or_hide(tx: &Tx<'_>, action: Action, academy: &str) -> Stored<()> {
    if may(tx.actor, action, Object::academy(academy)) { Ok(()) } else { Err(StoreError::NotFound) }
}

/// The day it is in an academy at an instant: five of them live far from Paris.
pub(super) fn today_in(academy: &str, at: Timestamp) -> Stored<Date> {
    let academy = Academy::find(academy).ok_or(StoreError::NotFound)?;
    Ok(academy.date(at))
}

/// The academy of a person whose record the actor may change.
pub(super) fn managed_person(tx: &mut Tx<'_>, person_id: &str) -> Stored<String> {
    let academy: String = people::table.find(person_id).select(people::academy_code).first(tx.conn)?;
    may_or_hide(tx, Action::ManageStaff, &academy)?;
    Ok(academy)
}

/// What a record may cite of a framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cited {
    Activity,
    Competence,
}

/// The code as the framework writes it.
fn cited_item(conn: &mut Conn, framework_id: &str, code: &str, kind: Cited) -> Stored<String> {
    let framework = get_framework(conn, framework_id)?;
    match (framework.find(code), kind) {
        (Some(item @ (Item::Domain(_) | Item::Objective(_) | Item::Activity(_))), Cited::Activity) => {
            return Ok(item.code().to_owned());
        }
        (Some(Item::Competence(item)), Cited::Competence) => return Ok(item.code.clone()),
        _ => {}
    }
    let what = match kind {
        Cited::Activity => "une activité",
        Cited::Competence => "une compétence",
    };
    Err(Refusal::new(
        "no_such_item",
        format!(
            "«\u{a0}{code}\u{a0}» n’est pas {what} du référentiel «\u{a0}{}\u{a0}»\u{a0}: choisissez dans la liste.",
            framework.title
        ),
    )
    .into())
}
