//! Who holds the qualification: by a certificate issued here, by one delivered before this program, or by
//! equivalence. What comes from before is recorded with its evidence, then verified by the office; it is never
//! issued again, and an equivalence carries no mark.

use jiff::civil::Date;

use super::ids::{FrenchDate, Mark};
use super::refusal::Refusal;
use super::regulation::RegulationPack;

/// The first session of the certificate created in May 2017.
pub const FIRST_SESSION: i32 = 2018;

/// The decree that created the certificate and its equivalences.
pub const LAW: &str = "décret n° 2017-791 du 5 mai 2017";

words! {
    /// How far the office has verified what was recorded.
    pub enum CheckState {
        ToVerify = "to_verify",
        Verified = "verified",
        Rejected = "rejected",
    }
}

impl CheckState {
    /// The French word shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            CheckState::ToVerify => "à vérifier",
            CheckState::Verified => "vérifié",
            CheckState::Rejected => "écarté",
        }
    }
}

words! {
    /// Why somebody is deemed to hold the certificate.
    pub enum EquivalenceGround {
        Cpif = "cpif",
        ThreeYears = "three_years",
    }
}

impl EquivalenceGround {
    /// The French sentence shown on screens and printed on the attestation.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            EquivalenceGround::Cpif => {
                "titulaire du CAPES ou du CAPLP, section coordination pédagogique et ingénierie de formation (CPIF)"
            }
            EquivalenceGround::ThreeYears => {
                "exercice à temps complet des missions de lutte contre le décrochage scolaire depuis au moins trois ans à la rentrée 2017"
            }
        }
    }

    #[must_use]
    pub const fn short_label(self) -> &'static str {
        match self {
            EquivalenceGround::Cpif => "section CPIF",
            EquivalenceGround::ThreeYears => "trois ans à la rentrée 2017",
        }
    }
}

/// By what somebody holds the qualification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualification {
    /// Number of the valid certificate.
    Certificate(String),
    /// Session of the certificate delivered before this program.
    Earlier(i32),
    /// Number in the register of equivalences.
    Equivalence(String),
}

impl Qualification {
    /// What a list shows: « 22-2027-0007 », « session 2019, avant cplds », « équivalence EQ-22-2026-0001 ».
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Qualification::Certificate(number) => number.clone(),
            Qualification::Earlier(year) => format!("session {year}, délivré avant cplds"),
            Qualification::Equivalence(number) => format!("équivalence {number}"),
        }
    }

    #[must_use]
    pub const fn is_equivalence(&self) -> bool {
        matches!(self, Qualification::Equivalence(_))
    }
}

/// # Errors
/// A session before the first or not held yet, a day of issue that does not fit, or nothing that proves it.
pub fn check_earlier(year: i32, issued_on: Option<Date>, evidence: &str, today: Date) -> Result<(), Refusal> {
    check_year(year, today)?;
    if let Some(day) = issued_on
        && (i32::from(day.year()) < year || day > today)
    {
        return Err(Refusal::new(
            "issue_date_unlikely",
            format!(
                "Un certificat de la session {year} est délivré à partir de {year} et au plus tard aujourd’hui\u{a0}: le {} ne convient pas.",
                FrenchDate::from(day)
            ),
        ));
    }
    check_evidence(evidence)
}

/// # Errors
/// What the office has verified or set aside is not corrected by whoever recorded it.
pub fn check_correctable(state: CheckState) -> Result<(), Refusal> {
    if state == CheckState::ToVerify {
        return Ok(());
    }
    Err(Refusal::new(
        "already_checked",
        "Le bureau des examens a déjà répondu sur ce certificat\u{a0}: demandez-lui de le corriger, ou mettez la ligne de côté.",
    ))
}

/// # Errors
/// A mark off the scale of the pack, below what may be kept, for an épreuve that does not exist or a session not held.
pub fn check_earlier_mark(
    pack: &RegulationPack,
    epreuve: i32,
    mark: Mark,
    year: i32,
    evidence: &str,
    today: Date,
) -> Result<(), Refusal> {
    check_year(year, today)?;
    if pack.epreuve(&epreuve.to_string()).is_none() {
        return Err(Refusal::new(
            "no_such_epreuve",
            format!("L’épreuve {epreuve} n’existe pas\u{a0}: choisissez 1 ou 2."),
        ));
    }
    let (scale, threshold) = (&pack.marks, &pack.kept_marks.threshold);
    let points = mark.hundredths();
    let step = scale.step.value.max(1);
    if points < scale.minimum.value || points > scale.maximum.value || points % step != 0 {
        return Err(Refusal::new(
            "mark_off_scale",
            format!(
                "La note {} n’est pas sur l’échelle\u{a0}: de {} à {}, par pas de {}.",
                mark.shown(),
                Mark::from_hundredths(scale.minimum.value).shown(),
                Mark::from_hundredths(scale.maximum.value).shown(),
                Mark::from_hundredths(step).shown()
            ),
        )
        .under(&scale.maximum.law));
    }
    if points < threshold.value {
        return Err(Refusal::new(
            "mark_not_keepable",
            format!(
                "Seule une note d’au moins {} se conserve\u{a0}: {} n’est pas une note conservée.",
                Mark::from_hundredths(threshold.value).shown(),
                mark.shown()
            ),
        )
        .under(&threshold.law));
    }
    check_evidence(evidence)
}

/// # Errors
/// Nothing proves it.
pub fn check_equivalence(evidence: &str) -> Result<(), Refusal> {
    check_evidence(evidence).map_err(|no| no.under(LAW))
}

/// # Errors
/// It was verified or set aside already, or nobody says on what the answer rests.
pub fn check_verification(state: CheckState, note: &str) -> Result<(), Refusal> {
    if state != CheckState::ToVerify {
        return Err(Refusal::new(
            "already_checked",
            format!(
                "Cette mention est déjà enregistrée comme «\u{a0}{}\u{a0}»\u{a0}: il n’y a rien à faire.",
                state.label()
            ),
        ));
    }
    if note.trim().is_empty() {
        return Err(Refusal::new(
            "note_missing",
            "Dites en une phrase quelle pièce a été vue (procès-verbal, certificat, arrêté) et par quel service.",
        ));
    }
    Ok(())
}

fn check_year(year: i32, today: Date) -> Result<(), Refusal> {
    let this_year = i32::from(today.year());
    if (FIRST_SESSION..=this_year).contains(&year) {
        return Ok(());
    }
    Err(Refusal::new(
        "no_such_session",
        format!("La session {year} n’est pas possible\u{a0}: le certificat existe depuis la session {FIRST_SESSION}, et la session {this_year} est la dernière qui ait pu se tenir."),
    )
    .under(LAW))
}

fn check_evidence(evidence: &str) -> Result<(), Refusal> {
    if evidence.trim().is_empty() {
        return Err(Refusal::new(
            "evidence_missing",
            "Indiquez la pièce qui l’établit\u{a0}: procès-verbal, copie du certificat, arrêté, état de services.",
        ));
    }
    Ok(())
}

/// `EQ-22-2026-0001`: the number in the register of equivalences.
#[must_use]
pub fn equivalence_number(academy: &str, year: i32, rank: i32) -> String {
    format!("EQ-{academy}-{year}-{rank:04}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn an_earlier_certificate_is_of_a_session_that_was_held_and_is_proved() {
        let today = date(2026, 6, 15);
        let code = |year, day, evidence| check_earlier(year, day, evidence, today).err().map(|no| no.code);
        assert_eq!(code(2018, None, "PV du 4 juillet 2018"), None);
        assert_eq!(code(2019, Some(date(2019, 9, 2)), "copie"), None);
        assert_eq!(code(2017, None, "PV"), Some("no_such_session"));
        assert_eq!(code(2027, None, "PV"), Some("no_such_session"));
        assert_eq!(code(2019, Some(date(2018, 9, 2)), "PV"), Some("issue_date_unlikely"));
        assert_eq!(code(2019, None, " "), Some("evidence_missing"));
    }

    #[test]
    fn an_earlier_mark_is_one_that_may_be_kept() {
        let pack = RegulationPack::embedded().expect("embedded");
        let code = |epreuve, hundredths, year| {
            check_earlier_mark(&pack, epreuve, Mark::from_hundredths(hundredths), year, "PV", date(2026, 6, 15))
                .err()
                .map(|no| no.code)
        };
        assert_eq!(code(1, 1250, 2024), None);
        assert_eq!(code(2, 1000, 2024), None);
        assert_eq!(code(1, 950, 2024), Some("mark_not_keepable"));
        assert_eq!(code(1, 2050, 2024), Some("mark_off_scale"));
        assert_eq!(code(1, 1225, 2024), Some("mark_off_scale"));
        assert_eq!(code(3, 1250, 2024), Some("no_such_epreuve"));
        assert_eq!(code(1, 1250, 2016), Some("no_such_session"));
    }

    #[test]
    fn what_is_verified_is_verified_once_with_what_was_seen() {
        assert!(check_verification(CheckState::ToVerify, "PV vu").is_ok());
        assert_eq!(check_verification(CheckState::ToVerify, "").expect_err("no note").code, "note_missing");
        assert_eq!(check_verification(CheckState::Verified, "PV").expect_err("twice").code, "already_checked");
        assert_eq!(equivalence_number("22", 2026, 7), "EQ-22-2026-0007");
    }
}
