//! The person behind the candidate: where they work and for how much of their time, what they do there, and what
//! has been seen of their competences. Postings share one working time, so that their quotas never exceed 100 %.
//! Evidence is dated, signed and added, never overwritten: a record shows how somebody grew.

pub mod career;

use jiff::civil::Date;

pub use self::career::CareerSource;
use super::ids::FrenchDate;
use super::refusal::Refusal;

words! {
    /// The territorial level of a posting, as in the framework of activities (BO n° 29, 21-7-2016).
    pub enum PostingLevel {
        Academy = "academie",
        Department = "departement",
        Basin = "bassin",
        District = "district",
        School = "eple",
    }
}

impl PostingLevel {
    /// The French name shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            PostingLevel::Academy => "académie",
            PostingLevel::Department => "département",
            PostingLevel::Basin => "bassin",
            PostingLevel::District => "district",
            PostingLevel::School => "établissement (EPLE)",
        }
    }
}

words! {
    /// Who saw the competence at work.
    pub enum EvidenceSource {
        Own = "self",
        Tutor = "tutor",
        Trainer = "trainer",
        Jury = "jury",
    }
}

impl EvidenceSource {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            EvidenceSource::Own => "auto-évaluation",
            EvidenceSource::Tutor => "tuteur",
            EvidenceSource::Trainer => "formateur",
            EvidenceSource::Jury => "jury",
        }
    }
}

/// Lowest and highest level of a competence.
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=4;

/// How much of somebody's working time goes to one place, and when. Both days are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Share of full time, in per cent, 1 to 100.
    pub quota: i32,
    pub starts_on: Date,
    /// Last day; `None` while it lasts.
    pub ends_on: Option<Date>,
}

impl Period {
    #[must_use]
    pub fn covers(&self, day: Date) -> bool {
        self.starts_on <= day && self.ends_on.is_none_or(|end| day <= end)
    }
}

/// The quota in use on one day, in per cent.
#[must_use]
pub fn quota_on(day: Date, postings: &[Period]) -> i32 {
    postings.iter().filter(|posting| posting.covers(day)).map(|posting| posting.quota).sum()
}

/// May this posting be added to those the person already has?
///
/// The load only rises on a first day, so that looking at the first days inside the new posting is enough.
///
/// # Errors
/// A quota outside 1 to 100 %, an end before the start, or a day on which the quotas would exceed 100 %.
pub fn check_posting(existing: &[Period], new: &Period) -> Result<(), Refusal> {
    if !(1..=100).contains(&new.quota) {
        return Err(Refusal::new(
            "quota_out_of_range",
            format!(
                "La quotité d’une affectation va de 1 à 100\u{a0}%\u{a0}: {}\u{a0}% n’est pas possible.",
                new.quota
            ),
        ));
    }
    check_end(new.starts_on, new.ends_on)?;
    let first_days =
        existing.iter().map(|posting| posting.starts_on).filter(|day| new.covers(*day)).chain([new.starts_on]);
    let worst = first_days
        .map(|day| (quota_on(day, existing) + new.quota, day))
        .max_by_key(|(total, day)| (*total, std::cmp::Reverse(*day)));
    match worst {
        Some((total, day)) if total > 100 => Err(Refusal::new(
            "quota_exceeded",
            format!(
                "Au {}, les quotités de cette personne atteindraient {total}\u{a0}%, au-delà de 100\u{a0}%\u{a0}: \
                 réduisez la quotité à {}\u{a0}% au plus, ou mettez d’abord fin à une autre affectation.",
                FrenchDate::from(day),
                (100 - (total - new.quota)).max(0)
            ),
        )),
        _ => Ok(()),
    }
}

/// # Errors
/// The end stands before the start.
pub fn check_end(starts_on: Date, ends_on: Option<Date>) -> Result<(), Refusal> {
    match ends_on {
        Some(end) if end < starts_on => Err(Refusal::new(
            "dates_out_of_order",
            format!(
                "L’affectation commence le {}\u{a0}: elle ne peut pas prendre fin le {}, qui est avant.",
                FrenchDate::from(starts_on),
                FrenchDate::from(end)
            ),
        )),
        _ => Ok(()),
    }
}

/// # Errors
/// A posting that is already over keeps its end: its history was told to others.
pub fn check_ending(posting: &Period, ends_on: Date) -> Result<(), Refusal> {
    if let Some(end) = posting.ends_on.filter(|end| *end != ends_on) {
        return Err(Refusal::new(
            "already_ended",
            format!(
                "Cette affectation a déjà une date de fin, le {}\u{a0}: enregistrez une nouvelle affectation si la personne est revenue.",
                FrenchDate::from(end)
            ),
        ));
    }
    check_end(posting.starts_on, Some(ends_on))
}

/// # Errors
/// A level outside 1 to 4, or a day that has not come yet.
pub fn check_evidence(level: i32, dated_on: Date, today: Date) -> Result<(), Refusal> {
    if !LEVELS.contains(&level) {
        return Err(Refusal::new(
            "level_out_of_range",
            format!("Le niveau d’une compétence va de 1 à 4\u{a0}: {level} n’existe pas."),
        ));
    }
    check_not_ahead("competence_ahead", "Une compétence est constatée après coup", dated_on, today)
}

/// # Errors
/// The day has not come yet; `law_of_things` starts the sentence.
pub(super) fn check_not_ahead(code: &'static str, law_of_things: &str, day: Date, today: Date) -> Result<(), Refusal> {
    if day <= today {
        return Ok(());
    }
    Err(Refusal::new(
        code,
        format!(
            "{law_of_things}\u{a0}: le {} est à venir. Indiquez une date au plus tard du {}.",
            FrenchDate::from(day),
            FrenchDate::from(today)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn period(quota: i32, from: (i16, i8, i8), to: Option<(i16, i8, i8)>) -> Period {
        let day = |(y, m, d)| date(y, m, d);
        Period { quota, starts_on: day(from), ends_on: to.map(day) }
    }

    #[test]
    fn quotas_that_overlap_never_exceed_one_hundred_per_cent() {
        let half = period(50, (2026, 9, 1), None);
        assert!(check_posting(&[half], &period(50, (2026, 9, 1), None)).is_ok());
        let refused = check_posting(&[half], &period(60, (2026, 9, 1), None)).expect_err("110 %");
        assert_eq!(refused.code, "quota_exceeded");
        assert!(refused.sentence.contains("01/09/2026"), "{refused}");
        assert!(refused.sentence.contains("réduisez la quotité à 50\u{a0}%"), "{refused}");
    }

    #[test]
    fn two_postings_that_follow_each_other_do_not_add_up() {
        let year = period(100, (2025, 9, 1), Some((2026, 8, 31)));
        assert!(check_posting(&[year], &period(100, (2026, 9, 1), None)).is_ok());
        // The last day is worked: one shared day is enough.
        let refused = check_posting(&[year], &period(1, (2026, 8, 31), None)).expect_err("shared day");
        assert!(refused.sentence.contains("31/08/2026"), "{refused}");
    }

    #[test]
    fn the_day_that_is_too_much_may_come_long_after_the_start() {
        let later = [period(60, (2027, 1, 4), None), period(30, (2027, 3, 1), None)];
        assert!(check_posting(&later, &period(50, (2026, 9, 1), Some((2027, 1, 3)))).is_ok());
        let refused = check_posting(&later, &period(20, (2026, 9, 1), None)).expect_err("110 % in March");
        assert!(refused.sentence.contains("01/03/2027"), "{refused}");
    }

    #[test]
    fn dates_stand_in_order_and_an_end_is_said_once() {
        let open = period(50, (2026, 9, 1), None);
        assert_eq!(check_ending(&open, date(2026, 8, 31)).expect_err("before").code, "dates_out_of_order");
        assert!(check_ending(&open, date(2026, 9, 1)).is_ok());
        let over = period(50, (2026, 9, 1), Some((2026, 12, 31)));
        assert_eq!(check_ending(&over, date(2027, 1, 31)).expect_err("twice").code, "already_ended");
        assert!(check_ending(&over, date(2026, 12, 31)).is_ok());
    }

    #[test]
    fn a_competence_is_seen_before_it_is_written() {
        let today = date(2026, 11, 23);
        assert!(check_evidence(4, today, today).is_ok());
        assert_eq!(check_evidence(5, today, today).expect_err("level").code, "level_out_of_range");
        assert_eq!(check_evidence(1, date(2026, 11, 24), today).expect_err("tomorrow").code, "competence_ahead");
    }
}
