//! The letters that tell a candidate what was decided on their registration: grounds, article, ways of appeal.
//! The words are composed once, at the decision, and kept: the drawing comes later and adds nothing.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

words! {
    /// What a letter tells.
    pub enum LetterKind {
        /// The registration is refused.
        Refusal = "refusal",
        /// The file is admissible; the list is still to be fixed.
        Eligible = "eligible",
        /// The candidate stands on the list that was fixed.
        Admission = "admission",
    }
}

impl LetterKind {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            LetterKind::Refusal => "Refus d’inscription",
            LetterKind::Eligible => "Dossier recevable",
            LetterKind::Admission => "Admission à se présenter",
        }
    }
}

/// Who writes, who signs and where, as they stood on the day of the letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    pub academy: String,
    pub region: String,
    pub service: String,
    pub phone: String,
    pub email: String,
    pub city: String,
    pub signatory_name: String,
    pub signatory_title: String,
    pub delegation: Option<String>,
}

/// A letter as it was written: nothing in it is looked up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterContent {
    pub sender: Sender,
    pub addressee: Vec<String>,
    pub subject: String,
    pub reference: String,
    pub paragraphs: Vec<String>,
    /// Ways and delays of appeal; empty for what nobody appeals against.
    pub appeal: Vec<String>,
    pub date: Date,
}

/// What a letter is composed from.
#[derive(Debug, Clone)]
pub struct LetterFacts<'a> {
    pub kind: LetterKind,
    pub civility: &'a str,
    pub year: i32,
    /// « l’académie de Limoges ».
    pub academy: &'a str,
    /// The written grounds of the officer.
    pub reasons: &'a str,
    /// The text the decision rests on.
    pub law: &'a str,
    /// The rules that led to it, each with its article.
    pub rules: Vec<String>,
    /// The regulation applied: title and version.
    pub regulation: String,
    pub algorithm_notice: &'a str,
    pub appeal: Vec<String>,
}

/// Subject, paragraphs and appeal of a letter.
#[must_use]
pub fn compose(facts: &LetterFacts<'_>) -> (String, Vec<String>, Vec<String>) {
    let year = facts.year;
    let exam = "l’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire";
    let greeting = if facts.civility == "M." { "Monsieur," } else { "Madame," };
    let mut paragraphs = vec![greeting.to_owned()];
    let subject = match facts.kind {
        LetterKind::Refusal => {
            paragraphs.push(format!(
                "Vous avez demandé à vous inscrire à {exam}, session {year}, dans {}. Après examen de votre dossier, j’ai le regret de vous informer que votre inscription est refusée.",
                facts.academy
            ));
            paragraphs.push(format!("Motif\u{a0}: {}", facts.reasons));
            paragraphs.push(format!("Texte appliqué\u{a0}: {}.", facts.law.trim_end_matches('.')));
            if !facts.rules.is_empty() {
                paragraphs.push(format!("Examen de votre situation\u{a0}: {}", facts.rules.join(" ")));
            }
            format!("Refus d’inscription à l’examen du CPLDS, session {year}")
        }
        LetterKind::Eligible => {
            paragraphs.push(format!(
                "Vous avez demandé à vous inscrire à {exam}, session {year}, dans {}. Après examen, votre dossier est déclaré recevable.",
                facts.academy
            ));
            paragraphs.push(format!("Motif\u{a0}: {}", facts.reasons));
            paragraphs.push(format!("Texte appliqué\u{a0}: {}.", facts.law.trim_end_matches('.')));
            paragraphs.push(
                "Le recteur arrêtera la liste des candidats admis à se présenter (arrêté du 5 mai 2017, NOR MENE1710931A, article 2). Vous serez ensuite convoqué aux épreuves."
                    .to_owned(),
            );
            format!("Recevabilité de votre dossier, examen du CPLDS, session {year}")
        }
        LetterKind::Admission => {
            paragraphs.push(format!(
                "Vous figurez sur la liste, arrêtée par le recteur, des candidats admis à se présenter à {exam}, session {year}, dans {}.",
                facts.academy
            ));
            paragraphs.push(format!("Texte appliqué\u{a0}: {}.", facts.law.trim_end_matches('.')));
            paragraphs.push(
                "Votre convocation vous dira le jour, l’heure et le lieu de chaque épreuve. Vous la recevrez par courriel et la trouverez dans «\u{a0}Mon dossier\u{a0}»."
                    .to_owned(),
            );
            format!("Admission à se présenter à l’examen du CPLDS, session {year}")
        }
    };
    paragraphs.push(format!("Règlement appliqué\u{a0}: {}.", facts.regulation.trim_end_matches('.')));
    if facts.kind != LetterKind::Admission {
        paragraphs.push(facts.algorithm_notice.to_owned());
    }
    let appeal = if facts.kind == LetterKind::Refusal { facts.appeal.clone() } else { Vec::new() };
    (subject, paragraphs, appeal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: LetterKind) -> LetterFacts<'static> {
        LetterFacts {
            kind,
            civility: "M.",
            year: 2027,
            academy: "l’académie de Limoges",
            reasons: "Votre contrat est à durée déterminée.",
            law: "décret n° 2017-791, publics concernés",
            rules: vec!["CDD : seule la catégorie en CDI peut se présenter.".into()],
            regulation: "Règlement du CPLDS, version 2".into(),
            algorithm_notice: "Cette décision a été préparée par un traitement algorithmique.",
            appeal: vec!["Vous pouvez saisir le tribunal administratif de Limoges.".into()],
        }
    }

    #[test]
    fn a_refusal_says_its_ground_its_article_the_algorithm_and_the_ways_of_appeal() {
        let (subject, paragraphs, appeal) = compose(&facts(LetterKind::Refusal));
        let text = paragraphs.join("\n");
        assert!(subject.starts_with("Refus d’inscription"));
        for said in
            ["Monsieur,", "contrat est à durée déterminée", "décret n° 2017-791", "seule la catégorie", "algorithmique"]
        {
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert_eq!(appeal.len(), 1);
    }

    #[test]
    fn nobody_is_told_how_to_appeal_against_an_admission() {
        for kind in [LetterKind::Eligible, LetterKind::Admission] {
            let (_, paragraphs, appeal) = compose(&facts(kind));
            assert!(appeal.is_empty() && !paragraphs.join(" ").contains("refus"), "{kind}");
        }
    }
}
