//! How long personal data is kept, and what goes at its end: kinds of data, each under a period of the pack.
//! Nothing goes by itself: a list is proposed, read by a person, and executed only as it was proposed.
//! Minutes, certificates and the register are permanent; marks stay with the minutes that hold them.

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

use super::refusal::Refusal;
use super::regulation::{PeriodUnit, RegulationPack};

words! {
    /// What a line of the list takes away.
    pub enum Kind {
        /// A form begun and never sent, with its files and its messages.
        Draft = "draft",
        /// An account opened and never used for an application.
        DraftAccount = "draft_account",
        /// Links mailed and over, sessions of browsers that ended, words and addresses of mails long gone.
        AccessTraces = "access_traces",
        /// What examiners wrote for themselves.
        WorkingNotes = "working_notes",
        /// Address and telephone of a juror.
        JuryContact = "jury_contact",
        /// Pieces, appraisals, contacts of one application; number and outcome stay.
        Registration = "registration",
    }
}

impl Kind {
    /// The periods of the pack that run one after the other before the data goes.
    #[must_use]
    pub const fn periods(self) -> &'static [&'static str] {
        match self {
            Kind::Draft | Kind::DraftAccount => &["draft_account"],
            Kind::AccessTraces => &["access_logs"],
            Kind::WorkingNotes => &["working_notes"],
            Kind::JuryContact => &["jury_contact"],
            Kind::Registration => &["registration_active", "registration_restricted"],
        }
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Kind::Draft => "Inscription restée au brouillon",
            Kind::DraftAccount => "Compte resté sans candidature",
            Kind::AccessTraces => "Liens et sessions de connexion échus, courriels anciens",
            Kind::WorkingNotes => "Notes de travail des examinateurs",
            Kind::JuryContact => "Coordonnées d’un membre du jury",
            Kind::Registration => "Dossier de candidature",
        }
    }
}

/// The end of a kind's retention, counted back from now, and the reference to quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What is older than this may go.
    pub before: Timestamp,
    /// « 6 mois, registre des traitements de l’académie (à vérifier) ».
    pub law: String,
}

/// The limit of a kind under a pack; `None` when the pack keeps it for ever or does not know it.
#[must_use]
pub fn limit(pack: &RegulationPack, kind: Kind, now: Timestamp) -> Option<Limit> {
    let mut before = now.to_zoned(TimeZone::UTC);
    let mut laws = Vec::new();
    for code in kind.periods() {
        let period = pack.data_period(code)?;
        let length = i64::from(period.period.value?);
        let (span, unit) = match period.unit {
            PeriodUnit::Months => (Span::new().months(length), "mois"),
            PeriodUnit::Days => (Span::new().days(length), "jours"),
        };
        before = before.checked_sub(span).ok()?;
        laws.push(format!("{length}\u{a0}{unit}, {} ({})", period.period.law, period.period.status.label()));
    }
    Some(Limit { before: before.timestamp(), law: laws.join(" puis ") })
}

/// A list is read and approved within this: older, what it says may no longer be true.
pub const LIST_LASTS: SignedDuration = SignedDuration::from_hours(24 * 30);

/// May a list proposed at this instant still be executed?
///
/// # Errors
/// `stale_list`, with what to do.
pub fn check_age(proposed_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if proposed_at <= now && now.duration_since(proposed_at) <= LIST_LASTS {
        return Ok(());
    }
    Err(Refusal::new(
        "stale_list",
        "Cette liste a plus de trente jours\u{a0}: proposez-en une nouvelle, faites-la approuver, puis exécutez-la.",
    )
    .under("code du patrimoine, article L. 212-2"))
}

/// The day of an instant, for lists that people read.
#[must_use]
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_those_of_the_calendar_and_two_periods_run_one_after_the_other() {
        let pack = &RegulationPack::embedded().unwrap();
        let now = at("2028-08-31T10:00:00Z");
        for (kind, before) in [
            (Kind::DraftAccount, "2028-02-29T10:00:00Z"),
            (Kind::AccessTraces, "2027-08-31T10:00:00Z"),
            (Kind::WorkingNotes, "2028-06-30T10:00:00Z"),
            (Kind::JuryContact, "2027-08-31T10:00:00Z"),
            (Kind::Registration, "2018-08-31T10:00:00Z"),
        ] {
            let limit = limit(pack, kind, now).unwrap();
            assert_eq!(limit.before, at(before), "{kind}");
            assert!(limit.law.contains("article") || limit.law.contains("registre des traitements"), "{limit:?}");
        }
    }

    #[test]
    fn a_list_is_executed_within_thirty_days_and_never_before_it_was_made() {
        let made = at("2027-01-01T00:00:00Z");
        assert!(check_age(made, at("2027-01-31T00:00:00Z")).is_ok());
        assert_eq!(check_age(made, at("2027-01-31T00:00:01Z")).unwrap_err().code, "stale_list");
        assert!(check_age(made, at("2026-12-31T23:59:59Z")).is_err());
    }
}
