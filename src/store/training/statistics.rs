//! What a school year of training comes to, in counts: trainees, hours held and attended, by module. No name leaves here.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use super::training_rules;
use crate::domain::regulation::ModuleKind;
use crate::store::schema::{attendances, enrolments, training_meetings, training_sessions};
use crate::store::{Conn, Stamp, Stored};

/// One module over the trainings of a school year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleLine {
    pub code: String,
    pub title: String,
    pub kind: ModuleKind,
    /// Minutes due by the rules, for one trainee.
    pub due: u32,
    /// Minutes of the meetings planned, those held included.
    pub planned: u32,
    /// Days of the first and last meeting.
    pub dates: Option<(Stamp, Stamp)>,
    /// Minutes attended, over all trainees.
    pub attended: u64,
    /// Minutes that every trainee would have attended, had they come to each meeting held.
    pub expected: u64,
}

impl ModuleLine {
    /// Share attended of what was held, in per cent; `None` before anything was held.
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        rate(self.attended, self.expected)
    }
}

/// A school year of an academy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    pub trainings: usize,
    pub trainees: usize,
    pub left: usize,
    pub attended: u64,
    pub expected: u64,
    pub modules: Vec<ModuleLine>,
    /// School years for which there is a training, the latest first.
    pub years: Vec<i32>,
}

impl Statistics {
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        rate(self.attended, self.expected)
    }
}

fn rate(attended: u64, expected: u64) -> Option<u32> {
    (expected > 0).then(|| u32::try_from(attended * 100 / expected).unwrap_or(100).min(100))
}

/// Counts of a school year: the plan by module, and what was attended of it. Six queries, whatever the numbers.
///
/// # Errors
/// The database's own.
pub fn statistics(conn: &mut Conn, academy: &str, school_year: i32, now: Stamp) -> Stored<Statistics> {
    let years: Vec<i32> = training_sessions::table
        .filter(training_sessions::academy_code.eq(academy))
        .select(training_sessions::school_year)
        .distinct()
        .order(training_sessions::school_year.desc())
        .load(conn)?;
    let of_year: Vec<(String, String)> = training_sessions::table
        .filter(training_sessions::academy_code.eq(academy))
        .filter(training_sessions::school_year.eq(school_year))
        .order(training_sessions::id)
        .select((training_sessions::id, training_sessions::regulation_id))
        .load(conn)?;
    let ids: Vec<&str> = of_year.iter().map(|(id, _)| id.as_str()).collect();
    let enrolled: Vec<(String, String, Option<Stamp>)> = enrolments::table
        .filter(enrolments::training_session_id.eq_any(&ids))
        .select((enrolments::id, enrolments::training_session_id, enrolments::withdrawn_at))
        .load(conn)?;
    let mut stayed: HashMap<&str, u64> = HashMap::new();
    for (_, training, withdrawn) in &enrolled {
        *stayed.entry(training.as_str()).or_default() += u64::from(withdrawn.is_none());
    }
    let meetings: Vec<(String, String, Stamp, Stamp)> = training_meetings::table
        .filter(training_meetings::training_session_id.eq_any(&ids))
        .filter(training_meetings::cancelled_at.is_null())
        .order(training_meetings::starts_at)
        .select((
            training_meetings::training_session_id,
            training_meetings::module_code,
            training_meetings::starts_at,
            training_meetings::ends_at,
        ))
        .load(conn)?;
    let attended: Vec<(String, Option<i64>)> = attendances::table
        .inner_join(enrolments::table)
        .filter(enrolments::training_session_id.eq_any(&ids))
        .filter(enrolments::withdrawn_at.is_null())
        .group_by(attendances::module_code)
        .select((attendances::module_code, diesel::dsl::sum(attendances::minutes)))
        .load(conn)?;
    let mut modules: BTreeMap<String, ModuleLine> = BTreeMap::new();
    let mut order = Vec::new();
    if let Some((_, regulation)) = of_year.first() {
        for module in training_rules(conn, regulation)?.modules {
            order.push(module.code.clone());
            let line = ModuleLine {
                code: module.code.clone(),
                title: module.title,
                kind: module.kind,
                due: module.minutes.value,
                planned: 0,
                dates: None,
                attended: 0,
                expected: 0,
            };
            modules.insert(module.code, line);
        }
    }
    for (training, module, starts, ends) in &meetings {
        let Some(line) = modules.get_mut(module) else { continue };
        let minutes = u32::try_from(ends.0.duration_since(starts.0).as_mins()).unwrap_or(0);
        line.planned += minutes;
        let first = line.dates.map_or(*starts, |(first, _)| first);
        line.dates = Some((first, *starts));
        if ends.0 <= now.0 {
            line.expected += u64::from(minutes) * stayed.get(training.as_str()).copied().unwrap_or(0);
        }
    }
    for (module, minutes) in attended {
        if let Some(line) = modules.get_mut(&module) {
            line.attended = minutes.and_then(|minutes| u64::try_from(minutes).ok()).unwrap_or(0);
        }
    }
    let lines: Vec<ModuleLine> = order.into_iter().filter_map(|code| modules.remove(&code)).collect();
    Ok(Statistics {
        trainings: of_year.len(),
        trainees: enrolled.iter().filter(|(_, _, withdrawn)| withdrawn.is_none()).count(),
        left: enrolled.iter().filter(|(_, _, withdrawn)| withdrawn.is_some()).count(),
        attended: lines.iter().map(|line| line.attended).sum(),
        expected: lines.iter().map(|line| line.expected).sum(),
        modules: lines,
        years,
    })
}
