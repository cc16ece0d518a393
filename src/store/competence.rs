//! What is known of people's competences: self-positioning, tutor's and trainer's assessments, the jury's evidence.
//! Rows are only added. Everything is read in the latest version of the framework, through the mappings.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::framework::{Lineage, latest, lineage};
use super::people::{PersonRow, fold_email};
use super::reference::{get_academy, regulation_for_year, rules_of};
use super::schema::{competence_targets as targets, enrolments, evidence as t, people, training_sessions};
use super::staff::{StaffFilter, selected, today_in};
use super::training::full_name;
use super::{Conn, Day, MultiBackend, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::competence::{
    self as rule, ByLevel, NeedLine, Observation, count_level, current_level, tie_corrections,
};
use crate::domain::framework::{Framework, Item};
use crate::domain::permission::{Action, Actor, Object, Role, may};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::{CompetenceRules, Status};
use crate::domain::staff::EvidenceSource;

/// Lines of the list on one page.
pub const PER_PAGE: usize = 50;
/// Published counts under this number are masked, as in the survey.
pub const MASKED_BELOW: u32 = 5;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
struct AssessmentRow {
    id: String,
    person_id: String,
    framework_id: String,
    item_code: String,
    source: EvidenceSource,
    level: i32,
    dated_on: Day,
    author: String,
    reference: Option<String>,
    created_at: Stamp,
    comment: Option<String>,
    corrects: Option<String>,
    author_id: Option<String>,
}

impl AssessmentRow {
    fn observation(self) -> Observation {
        Observation {
            id: self.id,
            framework_id: self.framework_id,
            code: self.item_code,
            source: self.source,
            level: self.level,
            dated_on: self.dated_on.0,
            author: self.author,
            author_id: self.author_id,
            reference: self.reference,
            comment: self.comment,
            corrects: self.corrects,
            corrected_by: None,
        }
    }
}

/// What somebody says of a competence of the latest version.
#[derive(Debug, Clone)]
pub struct NewAssessment {
    pub code: String,
    pub level: i32,
    pub dated_on: Date,
    pub comment: String,
    /// The observation it corrects.
    pub corrects: Option<String>,
}

/// The level an academy aims at, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub level: i32,
    /// « décision de l’académie », or the text of the regulation.
    pub law: String,
    pub status: Status,
}

// ---------------------------------------------------------------- commands

/// Adds what the actor says of a person's competence: as themselves, as the tutor, or as a trainer of the academy.
///
/// # Errors
/// Not found for whoever is none of these; refused for a wrong level, a day to come, an unknown competence, or the
/// correction of what somebody else said.
pub fn assess(tx: &mut Tx<'_>, person_id: &str, new: &NewAssessment) -> Stored<String> {
    let person: PersonRow = people::table.find(person_id).select(PersonRow::as_select()).first(tx.conn)?;
    let source = stance(tx.conn, tx.actor, &person)?.ok_or(StoreError::NotFound)?;
    let framework = latest(tx.conn)?.ok_or(StoreError::NotFound)?;
    let Some(Item::Competence(competence)) = framework.find(&new.code) else {
        return Err(Refusal::new(
            "no_such_item",
            format!(
                "«\u{a0}{}\u{a0}» n’est pas une compétence du référentiel «\u{a0}{}\u{a0}»\u{a0}: choisissez dans la liste.",
                new.code, framework.title
            ),
        )
        .into());
    };
    let comment = new.comment.trim();
    rule::check_assessment(new.level, new.dated_on, today_in(&person.academy_code, tx.at)?, comment)?;
    let known = observations_of(tx.conn, person_id)?;
    if let Some(corrected) = &new.corrects {
        let old = known.iter().find(|own| own.id == *corrected).ok_or(StoreError::NotFound)?;
        // The same form sent twice: the correction is already there.
        if let Some(by) = known.iter().find(|own| own.corrects.as_ref() == Some(corrected))
            && by.level == new.level
            && by.dated_on == new.dated_on
            && by.comment.as_deref().unwrap_or("") == comment
        {
            return Ok(by.id.clone());
        }
        rule::check_correction(old, source, &tx.actor.user_id)?;
    } else if let Some(same) = known.iter().find(|own| {
        own.framework_id == framework.id
            && own.code == competence.code
            && own.source == source
            && own.level == new.level
            && own.dated_on == new.dated_on
            && own.author_id.as_deref() == Some(tx.actor.user_id.as_str())
            && own.comment.as_deref().unwrap_or("") == comment
            && own.stands()
    }) {
        return Ok(same.id.clone());
    }
    let row = AssessmentRow {
        id: new_id(tx.at),
        person_id: person_id.to_owned(),
        framework_id: framework.id.clone(),
        item_code: competence.code.clone(),
        source,
        level: new.level,
        dated_on: Day(new.dated_on),
        author: tx.actor.name.clone(),
        reference: None,
        created_at: tx.stamp(),
        comment: (!comment.is_empty()).then(|| comment.to_owned()),
        corrects: new.corrects.clone(),
        author_id: Some(tx.actor.user_id.clone()),
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    let state = json!({
        "evidence": row.id, "framework": row.framework_id, "item": row.item_code, "source": row.source,
        "level": row.level, "dated_on": new.dated_on.to_string(), "corrects": row.corrects,
    });
    tx.audit("assess_competence", ("person", person_id), None, Some(&state), &state)?;
    Ok(row.id)
}

/// Sets the level the academy aims at, in place of that of the regulation.
///
/// # Errors
/// Not found for another academy; refused outside 1 to 4.
pub fn set_target(tx: &mut Tx<'_>, academy: &str, level: i32) -> Stored<()> {
    if !may(tx.actor, Action::ManageTraining, Object::academy(academy)) {
        return Err(StoreError::NotFound);
    }
    rule::check_target(level)?;
    get_academy(tx.conn, academy)?;
    let values = (
        targets::level.eq(level),
        targets::set_by.eq(tx.actor.user_id.clone()),
        targets::set_by_name.eq(tx.actor.name.clone()),
        targets::set_at.eq(tx.stamp()),
    );
    let before: Option<i32> = targets::table.find(academy).select(targets::level).first(tx.conn).optional()?;
    if before == Some(level) {
        return Ok(());
    }
    if before.is_some() {
        diesel::update(targets::table.find(academy)).set(values).execute(tx.conn)?;
    } else {
        diesel::insert_into(targets::table)
            .values((
                targets::academy_code.eq(academy),
                targets::level.eq(level),
                targets::set_by.eq(tx.actor.user_id.clone()),
                targets::set_by_name.eq(tx.actor.name.clone()),
                targets::set_at.eq(tx.stamp()),
            ))
            .execute(tx.conn)?;
    }
    let (was, is) = (before.map(|level| json!({ "level": level })), json!({ "level": level }));
    tx.audit("set_competence_target", ("academy", academy), was.as_ref(), Some(&is), &is)
}

// ---------------------------------------------------------------- who looks

/// As what the actor speaks of this person; `None` for whoever may say nothing.
fn stance(conn: &mut Conn, actor: &Actor, person: &PersonRow) -> Stored<Option<EvidenceSource>> {
    let academy = Object::academy(&person.academy_code);
    if let Some(owner) = &person.user_id
        && may(actor, Action::SeeOwnFile, academy.owned_by(owner))
        && !actor.is_system
    {
        return Ok(Some(EvidenceSource::Own));
    }
    if may(actor, Action::AssessCompetences, academy) {
        return Ok(Some(EvidenceSource::Trainer));
    }
    let tutors = if is_tutor_of(conn, actor, person)? { vec![actor.user_id.clone()] } else { Vec::new() };
    let sits = may(actor, Action::AssessCompetences, academy.with_members(&tutors));
    Ok(sits.then_some(EvidenceSource::Tutor))
}

fn is_tutor_of(conn: &mut Conn, actor: &Actor, person: &PersonRow) -> Stored<bool> {
    if !actor.academies(&[Role::Tutor]).contains(&person.academy_code.as_str()) {
        return Ok(false);
    }
    let followed = enrolments::table
        .inner_join(training_sessions::table)
        .filter(enrolments::person_id.eq(&person.id))
        .filter(training_sessions::academy_code.eq(&person.academy_code))
        .filter(enrolments::tutor_email_key.eq(fold_email(&actor.email)))
        .filter(enrolments::withdrawn_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(followed)).get_result(conn)?)
}

/// The record of the signed-in person; `None` when their account is tied to none.
///
/// # Errors
/// The database's own.
pub fn find_own_person(conn: &mut Conn, user_id: &str) -> Stored<Option<String>> {
    Ok(people::table
        .filter(people::user_id.eq(user_id))
        .order((people::created_at.desc(), people::id))
        .select(people::id)
        .first(conn)
        .optional()?)
}

// ---------------------------------------------------------------- one person

/// A competence of the latest version with what was seen of it, the latest first.
#[derive(Debug, Clone)]
pub struct CompetenceLine {
    pub code: String,
    pub label: String,
    pub seen: Vec<Observation>,
}

impl CompetenceLine {
    /// The level that counts, and its day.
    #[must_use]
    pub fn current(&self) -> Option<(i32, Date)> {
        current_level(&self.seen)
    }

    /// The level that counts for one source.
    #[must_use]
    pub fn of(&self, source: EvidenceSource) -> Option<(i32, Date)> {
        current_level(self.seen.iter().filter(|own| own.source == source))
    }
}

/// A module of the training that is thought to build a competence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestedModule {
    pub code: String,
    pub title: String,
    pub status: Status,
    pub law: String,
}

/// Everything shown of a person's competences.
#[derive(Debug, Clone)]
pub struct Profile {
    pub person: PersonRow,
    pub today: Date,
    pub framework: Framework,
    /// In the order of the framework.
    pub lines: Vec<CompetenceLine>,
    /// Seen under an earlier version, of what was dropped since.
    pub dropped: Vec<Observation>,
    /// `None` when neither the regulation nor the academy sets one.
    pub target: Option<Target>,
    /// Modules for each competence, by its code.
    pub modules: BTreeMap<String, Vec<SuggestedModule>>,
    /// As what the reader may speak; `None` for whoever only reads.
    pub stance: Option<EvidenceSource>,
}

impl Profile {
    /// Competences under the target, or never seen: code, label, level.
    #[must_use]
    pub fn gaps(&self) -> Vec<(&CompetenceLine, Option<i32>)> {
        let Some(target) = &self.target else { return Vec::new() };
        let lines = self.lines.iter().map(|line| (line, line.current().map(|(level, _)| level)));
        lines.filter(|(_, level)| level.is_none_or(|level| level < target.level)).collect()
    }

    #[must_use]
    pub fn modules_of(&self, code: &str) -> &[SuggestedModule] {
        self.modules.get(code).map_or(&[], Vec::as_slice)
    }

    /// Every observation once, the latest first.
    #[must_use]
    pub fn history(&self) -> Vec<&Observation> {
        let mut all: Vec<&Observation> = self.lines.iter().flat_map(|line| &line.seen).chain(&self.dropped).collect();
        all.sort_by(|a, b| (b.dated_on, &b.id).cmp(&(a.dated_on, &a.id)));
        // Of a split item, one observation stands in several lines.
        all.dedup_by(|a, b| a.id == b.id);
        all
    }
}

/// The competences of a person, for whoever may read them.
///
/// # Errors
/// Not found for whoever is not the person, their tutor, a trainer or an office of their academy.
pub fn get_profile(conn: &mut Conn, actor: &Actor, person_id: &str, at: jiff::Timestamp) -> Stored<Profile> {
    let person: PersonRow = people::table.find(person_id).select(PersonRow::as_select()).first(conn)?;
    let stance = stance(conn, actor, &person)?;
    if stance.is_none() && !may(actor, Action::SeeStaff, Object::academy(&person.academy_code)) {
        return Err(StoreError::NotFound);
    }
    let today = today_in(&person.academy_code, at)?;
    let framework = latest(conn)?.ok_or(StoreError::NotFound)?;
    let line = lineage(conn, &framework.id)?;
    let mut lines: Vec<CompetenceLine> = framework
        .competences
        .iter()
        .map(|own| CompetenceLine { code: own.code.clone(), label: own.label.clone(), seen: Vec::new() })
        .collect();
    let mut dropped = Vec::new();
    for own in observations_of(conn, person_id)? {
        let codes = line.shown(&own.framework_id, &own.code);
        let mut is_shown = false;
        for place in lines.iter_mut().filter(|place| codes.contains(&place.code.as_str())) {
            place.seen.push(own.clone());
            is_shown = true;
        }
        if !is_shown {
            dropped.push(own);
        }
    }
    let rules = competence_rules(conn, today)?;
    let target = find_target(conn, &person.academy_code, rules.as_ref().map(|(rules, _)| rules))?;
    let modules = rules.map(|(rules, titles)| suggestions(&rules, &titles, &line)).unwrap_or_default();
    Ok(Profile { person, today, framework, lines, dropped, target, modules, stance })
}

/// Observations of a person, the latest first, corrections tied.
fn observations_of(conn: &mut Conn, person_id: &str) -> Stored<Vec<Observation>> {
    let rows: Vec<AssessmentRow> = t::table
        .filter(t::person_id.eq(person_id))
        .order((t::dated_on.desc(), t::created_at.desc(), t::id.desc()))
        .select(AssessmentRow::as_select())
        .load(conn)?;
    let mut all: Vec<Observation> = rows.into_iter().map(AssessmentRow::observation).collect();
    tie_corrections(&mut all);
    Ok(all)
}

type Titles = HashMap<String, String>;

/// What the regulation in force says of competences, with the titles of its modules and the framework it cites.
fn competence_rules(conn: &mut Conn, today: Date) -> Stored<Option<(CompetenceRules, Titles)>> {
    let id = match regulation_for_year(conn, today.year()) {
        Ok(id) => id,
        Err(StoreError::NotFound) => return Ok(None),
        Err(other) => return Err(other),
    };
    let pack = rules_of(conn, &id)?;
    let titles = pack.training.modules.iter().map(|own| (own.code.clone(), own.title.clone())).collect();
    Ok(pack.competences.clone().map(|rules| (rules, titles)))
}

fn find_target(conn: &mut Conn, academy: &str, rules: Option<&CompetenceRules>) -> Stored<Option<Target>> {
    let own: Option<(i32, String)> =
        targets::table.find(academy).select((targets::level, targets::set_by_name)).first(conn).optional()?;
    Ok(match (own, rules) {
        (Some((level, by)), _) => {
            Some(Target { level, law: format!("décision de l’académie ({by})"), status: Status::Validated })
        }
        (None, Some(rules)) => Some(Target {
            level: rules.target_level.value,
            law: rules.target_level.law.clone(),
            status: rules.target_level.status,
        }),
        (None, None) => None,
    })
}

/// Modules by competence of the version shown: the regulation cites one version, read through the mappings.
fn suggestions(rules: &CompetenceRules, titles: &Titles, line: &Lineage) -> BTreeMap<String, Vec<SuggestedModule>> {
    let mut found: BTreeMap<String, Vec<SuggestedModule>> = BTreeMap::new();
    for link in &rules.modules {
        for cited in &link.competences.value {
            for code in line.shown(&rules.framework, cited) {
                let module = SuggestedModule {
                    code: link.module.clone(),
                    title: titles.get(&link.module).cloned().unwrap_or_default(),
                    status: link.competences.status,
                    law: link.competences.law.clone(),
                };
                let own = found.entry(code.to_owned()).or_default();
                if !own.contains(&module) {
                    own.push(module);
                }
            }
        }
    }
    found
}

// ---------------------------------------------------------------- lists

/// One person whose competences the reader follows.
#[derive(Debug, Clone)]
pub struct FollowedPerson {
    pub person_id: String,
    pub name: String,
    /// Observations that stand, and the latest day.
    pub seen: usize,
    pub latest: Option<Date>,
}

/// Whose competences are listed: all the academy's people, or those one tutor accompanies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Academy,
    TutoredBy { email_key: String },
}

fn within<'a>(academy: &'a str, filter: &'a StaffFilter, reach: &'a Reach) -> people::BoxedQuery<'a, MultiBackend> {
    // Without a department nothing depends on the day.
    let query = selected(academy, filter, Date::ZERO);
    let Reach::TutoredBy { email_key } = reach else { return query };
    let accompanied = enrolments::table
        .inner_join(training_sessions::table)
        .filter(training_sessions::academy_code.eq(academy))
        .filter(enrolments::tutor_email_key.eq(email_key))
        .filter(enrolments::withdrawn_at.is_null())
        .select(enrolments::person_id);
    query.filter(people::id.eq_any(accompanied))
}

/// People within reach, in alphabetical order: three queries whatever their number.
///
/// # Errors
/// The database's own.
pub fn list_followed(
    conn: &mut Conn,
    academy: &str,
    reach: &Reach,
    name: &str,
    page: usize,
) -> Stored<(Vec<FollowedPerson>, usize)> {
    let filter = StaffFilter { name: name.to_owned(), ..StaffFilter::default() };
    let total: i64 = within(academy, &filter, reach).count().get_result(conn)?;
    let total = usize::try_from(total).unwrap_or(0);
    let page = page.clamp(1, total.div_ceil(PER_PAGE).max(1));
    let rows: Vec<(String, String, Option<String>, String)> = within(academy, &filter, reach)
        .order((people::sort_key, people::id))
        .offset(i64::try_from((page - 1) * PER_PAGE).unwrap_or(0))
        .limit(i64::try_from(PER_PAGE).unwrap_or(50))
        .select((people::id, people::birth_name, people::usage_name, people::first_names))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let seen: Vec<(String, Day)> =
        t::table.filter(t::person_id.eq_any(&ids)).select((t::person_id, t::dated_on)).load(conn)?;
    let mut counts: HashMap<String, (usize, Date)> = HashMap::new();
    for (id, day) in seen {
        let own = counts.entry(id).or_insert((0, day.0));
        *own = (own.0 + 1, own.1.max(day.0));
    }
    let lines = rows.into_iter().map(|(person_id, birth, usage, first)| {
        let own = counts.get(&person_id);
        FollowedPerson {
            name: full_name(&birth, usage.as_deref(), &first),
            seen: own.map_or(0, |own| own.0),
            latest: own.map(|own| own.1),
            person_id,
        }
    });
    Ok((lines.collect(), total))
}

/// What an academy's people need, as counts: small ones are masked.
#[derive(Debug, Clone)]
pub struct Needs {
    pub target: Option<Target>,
    /// (code, label, published line).
    pub lines: Vec<(String, String, NeedLine)>,
    pub modules: BTreeMap<String, Vec<SuggestedModule>>,
}

/// The needs of an academy by competence and level, in a number of queries that does not depend on its people.
///
/// # Errors
/// The database's own.
pub fn needs(conn: &mut Conn, academy: &str, at: jiff::Timestamp) -> Stored<Needs> {
    let framework = latest(conn)?.ok_or(StoreError::NotFound)?;
    let line = lineage(conn, &framework.id)?;
    let rows: Vec<AssessmentRow> = t::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .order((t::person_id, t::dated_on, t::id))
        .select(AssessmentRow::as_select())
        .load(conn)?;
    let mut by_person: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
    for row in rows {
        by_person.entry(row.person_id.clone()).or_default().push(row.observation());
    }
    let mut counts: BTreeMap<&str, ByLevel> = BTreeMap::new();
    for seen in by_person.values_mut() {
        tie_corrections(seen);
        for competence in &framework.competences {
            let own =
                seen.iter().filter(|own| line.shown(&own.framework_id, &own.code).contains(&competence.code.as_str()));
            if let Some((level, _)) = current_level(own) {
                count_level(counts.entry(competence.code.as_str()).or_default(), level);
            }
        }
    }
    let ordered: Vec<ByLevel> =
        framework.competences.iter().map(|own| counts.get(own.code.as_str()).copied().unwrap_or_default()).collect();
    let rules = competence_rules(conn, today_in(academy, at)?)?;
    let target = find_target(conn, academy, rules.as_ref().map(|(rules, _)| rules))?;
    let published = rule::needs(&ordered, target.as_ref().map_or(1, |target| target.level), MASKED_BELOW);
    let lines = framework
        .competences
        .iter()
        .zip(published)
        .map(|(own, line)| (own.code.clone(), own.label.clone(), line))
        .collect();
    let modules = rules.map(|(rules, titles)| suggestions(&rules, &titles, &line)).unwrap_or_default();
    Ok(Needs { target, lines, modules })
}
