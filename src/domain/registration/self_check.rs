//! The self-check before any account: five answers, and what each of them changes, with its text.
//! Rules: publics concernés (décret n° 2017-791), own rectorat, épreuves and kept marks (MENE1710931A), training
//! (MENE1710932A), all read in the pack. It decides nothing, and nothing of it is kept.

use crate::domain::academy::Academy;
use crate::domain::eligibility::{Assessment, Facts, Outcome, assess};
use crate::domain::ids::Mark;
use crate::domain::regulation::{Alias, Epreuve, ModuleKind, RegulationPack, Status, Valued};

words! {
    /// Whether the training was followed.
    pub enum Trained {
        Yes = "oui",
        Ongoing = "en_cours",
        No = "non",
    }
}

/// What is answered when no mark, or every mark, is to be kept.
pub const NO_MARK: &str = "non";
pub const EVERY_MARK: &str = "toutes";

/// The five answers, read.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    pub corps: &'a Alias,
    pub status: &'a Alias,
    pub academy: &'a Academy,
    pub trained: Trained,
    /// [`NO_MARK`], [`EVERY_MARK`] or the code of an épreuve.
    pub kept: &'a str,
}

/// What one answer changes, under its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub topic: &'static str,
    pub sentences: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfCheck {
    pub assessment: Assessment,
    /// The pack asks for the training, and it was not followed.
    pub lacks_training: bool,
    pub said: Vec<Said>,
}

impl SelfCheck {
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.assessment.outcome {
            Outcome::Eligible if self.lacks_training => Outcome::ToExamine,
            outcome => outcome,
        }
    }
}

/// What the pack says to these answers, for the session of this year.
#[must_use]
pub fn check(pack: &RegulationPack, year: i16, answers: &Answers<'_>) -> SelfCheck {
    let spelled = |alias: &Alias| alias.names.first().cloned().unwrap_or_else(|| alias.code.clone());
    let facts = Facts { corps: spelled(answers.corps), status: spelled(answers.status), ..Facts::default() };
    let assessment = assess(pack, &facts);
    let own = &pack.eligibility.own_academy;
    let place = if own.value {
        format!(
            "L’inscription se prend au rectorat de votre académie, celle de {} ({}).",
            answers.academy.name, own.law
        )
    } else {
        format!("L’inscription peut se prendre dans toute académie ({}).", own.law)
    };
    let lacks_training = pack.training.required_to_sit.value && answers.trained == Trained::No;
    let said = vec![
        Said {
            topic: "Votre corps et votre statut",
            sentences: assessment.lines.iter().map(|line| line.sentence.clone()).collect(),
        },
        Said { topic: "Votre académie", sentences: vec![place] },
        Said { topic: "La formation", sentences: training(pack, answers.trained) },
        Said { topic: "Les épreuves à passer", sentences: marks(pack, year, answers.kept) },
    ];
    SelfCheck { assessment, lacks_training, said }
}

/// « (arrêté …, article 1, à vérifier) »: the reference, and how sure it is when it is not.
fn law<T>(value: &Valued<T>) -> String {
    let doubt = value.status.label();
    // Some references say by themselves that their article is still to be found.
    match value.status {
        Status::ToCheck if !value.law.contains(doubt) => format!("({}, {doubt})", value.law),
        _ => format!("({})", value.law),
    }
}

fn hours(minutes: u32) -> String {
    match minutes % 60 {
        0 => format!("{}\u{a0}heures", minutes / 60),
        rest => format!("{}\u{a0}h\u{a0}{rest:02}", minutes / 60),
    }
}

fn training(pack: &RegulationPack, trained: Trained) -> Vec<String> {
    let rules = &pack.training;
    let parts: Vec<String> = [
        (ModuleKind::Theory, "de modules obligatoires"),
        (ModuleKind::Deepening, "d’approfondissement"),
        (ModuleKind::Practice, "de pratique"),
    ]
    .into_iter()
    .filter(|(kind, _)| rules.minutes(*kind).value > 0)
    .map(|(kind, what)| format!("{} {what}", hours(rules.minutes(kind).value)))
    .collect();
    let length = format!(
        "La formation compte {}\u{a0}: {} {}.",
        hours(rules.total_minutes()),
        parts.join(", "),
        law(&rules.theory_minutes)
    );
    let required = law(&rules.required_to_sit);
    let effect = match (trained, rules.required_to_sit.value) {
        (Trained::Yes, true) => format!("Vous l’avez suivie, comme il est exigé pour se présenter {required}."),
        (Trained::Yes, false) => {
            format!(
                "Vous l’avez suivie\u{a0}: elle prépare aux deux épreuves et n’en dispense d’aucune ; elle n’est pas exigée pour se présenter {required}."
            )
        }
        (Trained::Ongoing, true) => {
            format!("Elle est exigée pour se présenter\u{a0}: terminez-la avant les épreuves {required}.")
        }
        (Trained::Ongoing, false) => {
            format!(
                "Vous pouvez vous inscrire sans attendre sa fin\u{a0}: elle n’est pas exigée pour se présenter {required}."
            )
        }
        (Trained::No, true) => {
            format!(
                "Elle est exigée pour se présenter\u{a0}: suivez-la d’abord, ou demandez au bureau des examens si une dispense existe {required}."
            )
        }
        (Trained::No, false) => {
            format!(
                "Vous pouvez vous présenter sans l’avoir suivie\u{a0}: elle n’est pas exigée {required}. Elle se demande à l’école académique de la formation continue."
            )
        }
    };
    vec![effect, length]
}

fn named(epreuve: &Epreuve) -> String {
    format!("l’épreuve {} («\u{a0}{}\u{a0}»)", epreuve.code, epreuve.title)
}

fn marks(pack: &RegulationPack, year: i16, kept: &str) -> Vec<String> {
    let is_kept = |epreuve: &&Epreuve| kept == EVERY_MARK || kept == epreuve.code;
    let (spared, sat): (Vec<&Epreuve>, Vec<&Epreuve>) = pack.epreuves.iter().partition(is_kept);
    let mut sentences = Vec::new();
    for epreuve in &spared {
        sentences.push(format!(
            "Vous n’avez pas à repasser {}\u{a0}: une note d’au moins {} se conserve à votre demande {}.",
            named(epreuve),
            Mark::from_hundredths(pack.kept_marks.threshold.value).shown(),
            law(&pack.kept_marks.threshold)
        ));
    }
    if !spared.is_empty() {
        let limit = &pack.kept_marks.valid_sessions;
        sentences.push(match limit.value {
            None => format!("Aucune limite de durée n’est fixée à ce jour\u{a0}: elle sert à toute session ultérieure {}.", law(limit)),
            Some(count) => format!(
                "Elle sert pendant {count}\u{a0}sessions\u{a0}: à la session {year}, elle doit venir de la session {} ou d’une session plus récente {}.",
                i32::from(year) - i32::try_from(count).unwrap_or(i32::MAX / 2),
                law(limit)
            ),
        });
        sentences.push("Si votre note vient d’une autre académie ou d’avant ce service, le bureau des examens la vérifie sur votre relevé.".to_owned());
    }
    match sat.as_slice() {
        [] => sentences.push("Il ne vous reste alors aucune épreuve à passer\u{a0}: dites-le au bureau des examens, qui vérifie d’abord ces notes.".to_owned()),
        [one] => sentences.push(format!("Vous passez {} ({}).", named(one), one.law)),
        several => {
            let names: Vec<String> = several.iter().map(|epreuve| named(epreuve)).collect();
            let law = several.first().map(|epreuve| epreuve.law.clone()).unwrap_or_default();
            sentences.push(format!("Vous passez {} ({law}).", names.join(" et ")));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack() -> RegulationPack {
        RegulationPack::parse(include_str!("../../reference/regulation-2017-2.toml")).unwrap()
    }

    fn checked(pack: &RegulationPack, corps: &str, status: &str, trained: Trained, kept: &str) -> SelfCheck {
        let find = |list: &[Alias], code: &str| list.iter().find(|alias| alias.code == code).unwrap().clone();
        let (corps, status) = (find(&pack.corps, corps), find(&pack.statuses, status));
        let academy = Academy::find("22").unwrap();
        check(pack, 2027, &Answers { corps: &corps, status: &status, academy, trained, kept })
    }

    fn of(checked: &SelfCheck, topic: &str) -> String {
        checked.said.iter().find(|said| said.topic == topic).unwrap().sentences.join(" ")
    }

    #[test]
    fn each_of_the_five_answers_changes_what_is_said_and_cites_its_text() {
        let pack = pack();
        let base = checked(&pack, "certifie", "titulaire", Trained::No, NO_MARK);
        assert_eq!(base.outcome(), Outcome::Eligible);
        for (other, topic) in [
            (checked(&pack, "psyen", "titulaire", Trained::No, NO_MARK), "Votre corps et votre statut"),
            (checked(&pack, "certifie", "cdd", Trained::No, NO_MARK), "Votre corps et votre statut"),
            (checked(&pack, "certifie", "titulaire", Trained::Yes, NO_MARK), "La formation"),
            (checked(&pack, "certifie", "titulaire", Trained::Ongoing, NO_MARK), "La formation"),
            (checked(&pack, "certifie", "titulaire", Trained::No, "1"), "Les épreuves à passer"),
            (checked(&pack, "certifie", "titulaire", Trained::No, "2"), "Les épreuves à passer"),
            (checked(&pack, "certifie", "titulaire", Trained::No, EVERY_MARK), "Les épreuves à passer"),
        ] {
            assert_ne!(of(&other, topic), of(&base, topic), "{topic}");
            for said in &other.said {
                let text = said.sentences.join(" ");
                assert!(text.contains("décret n°") || text.contains("MENE17109"), "{}: {text}", said.topic);
            }
        }
    }

    #[test]
    fn the_training_is_told_with_its_hours_and_its_absence_refuses_only_where_the_pack_says_so() {
        let mut pack = pack();
        let not = checked(&pack, "cpe", "titulaire", Trained::No, NO_MARK);
        let said = of(&not, "La formation");
        for part in ["190\u{a0}heures", "120\u{a0}heures", "30\u{a0}heures", "40\u{a0}heures", "n’est pas exigée"] {
            assert!(said.contains(part), "{part} in {said}");
        }
        pack.training.required_to_sit.value = true;
        for (trained, outcome) in [
            (Trained::Yes, Outcome::Eligible),
            (Trained::Ongoing, Outcome::Eligible),
            (Trained::No, Outcome::ToExamine),
        ] {
            assert_eq!(checked(&pack, "cpe", "titulaire", trained, NO_MARK).outcome(), outcome, "{trained}");
        }
    }

    #[test]
    fn a_kept_mark_spares_its_epreuve_for_as_long_as_the_pack_says() {
        let mut pack = pack();
        let said = of(&checked(&pack, "pe", "titulaire", Trained::Yes, "1"), "Les épreuves à passer");
        assert!(said.contains("pas à repasser l’épreuve 1") && said.contains("Vous passez l’épreuve 2"), "{said}");
        assert!(said.contains("Aucune limite de durée") && !said.contains("vérifier, à vérifier"), "{said}");
        pack.kept_marks.valid_sessions.value = Some(3);
        let said = of(&checked(&pack, "pe", "titulaire", Trained::Yes, "2"), "Les épreuves à passer");
        assert!(said.contains("3\u{a0}sessions") && said.contains("session 2024"), "{said}");
        assert!(said.contains("pas à repasser l’épreuve 2") && said.contains("Vous passez l’épreuve 1"), "{said}");
        let none = of(&checked(&pack, "pe", "titulaire", Trained::Yes, NO_MARK), "Les épreuves à passer");
        assert!(none.contains("l’épreuve 1") && none.contains("l’épreuve 2") && !none.contains("conserve"), "{none}");
    }
}
