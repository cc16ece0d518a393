//! From marks to an outcome, by the pack's pass rule, explained line by line.
//! Rule: arrêté du 5 mai 2017 (MENE1710931A), art. 3 to 5; the thresholds are the pack's, with their own reference.
//! The program proposes and explains (CRPA L. 311-3-1); the jury decides and its president signs.

use serde::{Deserialize, Serialize};

use super::audit::sha256_hex;
use super::ids::Mark;
use super::regulation::{PassMode, RegulationPack};

words! {
    /// The result of a candidate. The words are those of the exported results.
    pub enum Outcome {
        Admitted = "admis",
        Adjourned = "ajourne",
        Absent = "absent",
    }
}

impl Outcome {
    /// As written in the results (`admis`, `ajourné`, `absent`).
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Outcome::Admitted => "admis",
            Outcome::Adjourned => "ajourné",
            Outcome::Absent => "absent",
        }
    }

    /// As told to a person, agreeing with their civility.
    #[must_use]
    pub fn agreed(self, civility: &str) -> &'static str {
        match (self, civility) {
            (Outcome::Admitted, "Mme") => "admise",
            (Outcome::Admitted, _) => "admis",
            (Outcome::Adjourned, "Mme") => "ajournée",
            (Outcome::Adjourned, _) => "ajourné",
            (Outcome::Absent, "Mme") => "ajournée, absente",
            (Outcome::Absent, _) => "ajourné, absent",
        }
    }
}

/// What the jury has for one épreuve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpreuveFact {
    pub epreuve: i32,
    /// Hundredths; `None` for an absence.
    pub mark: Option<i32>,
    /// Session a kept mark comes from.
    pub origin: Option<i32>,
}

/// An outcome with what it rests on: enough to compute it again in ten years.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub outcome: Outcome,
    pub regulation: String,
    pub regulation_version: u32,
    pub facts: Vec<EpreuveFact>,
    /// French sentences, one per épreuve then the conclusion.
    pub sentences: Vec<String>,
    /// Reference of the pass rule.
    pub law: String,
}

/// Applies the pass rule. `facts` holds one line per épreuve of the pack, all settled.
#[must_use]
pub fn decide(pack: &RegulationPack, facts: &[EpreuveFact]) -> Explained {
    let threshold = pack.pass.threshold.value;
    let shown = |hundredths: i32| Mark::from_hundredths(hundredths).shown();
    let mut sentences = Vec::new();
    let mut absent = false;
    let mut each_reached = true;
    for fact in facts {
        match (fact.mark, fact.origin) {
            (None, _) => {
                absent = true;
                sentences.push(format!("Épreuve {} : absence. Une absence n’est pas une note.", fact.epreuve));
            }
            (Some(mark), origin) => {
                let kept = origin.map(|year| format!(" (note conservée de la session {year})")).unwrap_or_default();
                let compared = if mark >= threshold { "au moins égale" } else { "inférieure" };
                each_reached &= mark >= threshold;
                sentences.push(format!(
                    "Épreuve {} : {} sur {}{kept}, note {compared} au seuil de {}.",
                    fact.epreuve,
                    shown(mark),
                    shown(pack.marks.maximum.value),
                    shown(threshold)
                ));
            }
        }
    }
    let outcome = if absent {
        Outcome::Absent
    } else {
        let passes = match pack.pass.mode.value {
            PassMode::Each => each_reached,
            PassMode::Average => average_reached(pack, facts),
        };
        if passes { Outcome::Admitted } else { Outcome::Adjourned }
    };
    sentences.push(match (outcome, pack.pass.mode.value) {
        (Outcome::Absent, _) => {
            "Une épreuve n’a pas été passée : le certificat ne peut pas être délivré à cette session.".into()
        }
        (Outcome::Admitted, PassMode::Each) => "Le seuil est atteint à chaque épreuve : admission.".into(),
        (Outcome::Adjourned, PassMode::Each) => {
            "Le seuil n’est pas atteint à chaque épreuve, et les notes ne se compensent pas : ajournement.".into()
        }
        (Outcome::Admitted, PassMode::Average) => "La moyenne atteint le seuil : admission.".into(),
        (Outcome::Adjourned, PassMode::Average) => {
            "La moyenne n’atteint pas le seuil, ou une note est éliminatoire : ajournement.".into()
        }
    });
    Explained {
        outcome,
        regulation: pack.id.clone(),
        regulation_version: pack.version,
        facts: facts.to_vec(),
        sentences,
        law: pack.pass.threshold.law.clone(),
    }
}

fn average_reached(pack: &RegulationPack, facts: &[EpreuveFact]) -> bool {
    let marks: Vec<i64> = facts.iter().filter_map(|fact| fact.mark.map(i64::from)).collect();
    let sum: i64 = marks.iter().sum();
    let count = i64::try_from(marks.len()).unwrap_or(i64::MAX);
    // Compared without dividing: a mean of 9.995 is not 10.
    let reached = count > 0 && sum >= i64::from(pack.pass.threshold.value) * count;
    let floor = pack.pass.floor.value.map_or(i64::MIN, i64::from);
    reached && marks.iter().all(|mark| *mark >= floor)
}

/// Marks of this session that the candidate may ask to keep, in hundredths, by épreuve.
#[must_use]
pub fn may_be_kept(pack: &RegulationPack, facts: &[EpreuveFact]) -> Vec<(i32, i32)> {
    facts
        .iter()
        .filter_map(|fact| fact.mark.map(|mark| (fact.epreuve, mark)))
        .filter(|(_, mark)| *mark >= pack.kept_marks.threshold.value)
        .collect()
}

/// One line of what is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedLine {
    pub number: String,
    pub facts: Vec<(i32, Option<i32>)>,
    pub outcome: Outcome,
}

/// Fingerprint of a deliberation: what was decided, in the order of the candidates' numbers. A seal is not a signature.
#[must_use]
pub fn seal(session_id: &str, lines: &[SealedLine]) -> String {
    let value = serde_json::json!([session_id, lines]);
    sha256_hex(value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(epreuve: i32, mark: Option<i32>) -> EpreuveFact {
        EpreuveFact { epreuve, mark, origin: None }
    }

    #[test]
    fn ten_is_needed_at_each_epreuve_without_compensation() {
        let pack = RegulationPack::embedded().unwrap();
        for (one, two, outcome) in [
            (Some(1000), Some(1000), Outcome::Admitted),
            (Some(2000), Some(950), Outcome::Adjourned),
            (Some(950), Some(2000), Outcome::Adjourned),
            (Some(0), Some(0), Outcome::Adjourned),
            (None, Some(2000), Outcome::Absent),
            (Some(1500), None, Outcome::Absent),
            (None, None, Outcome::Absent),
        ] {
            let explained = decide(&pack, &[fact(1, one), fact(2, two)]);
            assert_eq!(explained.outcome, outcome, "{one:?} {two:?}");
            assert_eq!(explained.sentences.len(), 3);
            assert!(!explained.law.is_empty());
        }
    }

    #[test]
    fn an_average_rule_compares_without_rounding_and_keeps_its_floor() {
        let mut pack = RegulationPack::embedded().unwrap();
        pack.pass.mode.value = PassMode::Average;
        pack.pass.floor.value = Some(600);
        for (one, two, outcome) in [
            (1400, 600, Outcome::Admitted),
            (1450, 550, Outcome::Adjourned),
            (1000, 999, Outcome::Adjourned),
            (1001, 999, Outcome::Admitted),
        ] {
            assert_eq!(decide(&pack, &[fact(1, Some(one)), fact(2, Some(two))]).outcome, outcome, "{one} {two}");
        }
    }

    #[test]
    fn the_other_mark_of_an_absent_candidate_may_be_kept() {
        let pack = RegulationPack::embedded().unwrap();
        assert_eq!(may_be_kept(&pack, &[fact(1, None), fact(2, Some(1200))]), [(2, 1200)]);
        assert_eq!(may_be_kept(&pack, &[fact(1, Some(999)), fact(2, Some(1000))]), [(2, 1000)]);
    }

    #[test]
    fn the_seal_changes_with_any_mark() {
        let line =
            |mark| SealedLine { number: "22-27-0001".into(), facts: vec![(1, Some(mark))], outcome: Outcome::Admitted };
        assert_ne!(seal("s", &[line(1000)]), seal("s", &[line(1050)]));
        assert_eq!(seal("s", &[line(1000)]), seal("s", &[line(1000)]));
    }
}
