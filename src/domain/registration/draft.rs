//! The registration form: its steps, what was typed in each, and where each of them stands.
//! Typed text is kept as it came, right or wrong, so that going back loses nothing; `steps` reads it into facts.
//! Rule: registration at one's own rectorat within its calendar (MENE1710931A, art. 2). Nothing is decided here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod reader;
mod steps;

pub use reader::Fault;
pub use steps::{
    ActionPlan, Complete, Context, DAYS, Identity, KeptChoice, KnownMark, MEASURES, OTHER, Posting, Situation,
    read_all, read_identity, read_plan, read_step,
};

use super::accommodation::Accommodation;
use crate::domain::ids::Uai;

words! {
    /// The steps of the form, in their order; the word is the end of the page's address.
    pub enum Step {
        Identity = "identite",
        Posting = "affectation",
        Situation = "situation",
        Training = "formation",
        Kept = "notes",
        Action = "seance",
        Accommodation = "amenagement",
        Pieces = "pieces",
    }
}

impl Step {
    /// The name in the list of tasks.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Step::Identity => "Votre identité",
            Step::Posting => "Votre affectation",
            Step::Situation => "Votre corps et votre statut",
            Step::Training => "La formation suivie",
            Step::Kept => "Les notes à conserver",
            Step::Action => "La séance de l’épreuve 1",
            Step::Accommodation => "Un aménagement d’épreuve",
            Step::Pieces => "Vos pièces justificatives",
        }
    }

    #[must_use]
    pub fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|step| *step == self)?;
        Self::ALL.get(at + 1).copied()
    }

    #[must_use]
    pub fn previous(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|step| *step == self)?;
        Self::ALL.get(at.checked_sub(1)?).copied()
    }

    /// Whether a form of this step has such a field; anything else that is sent is not kept.
    #[must_use]
    pub fn has_field(self, name: &str) -> bool {
        let fields: &[&str] = match self {
            Step::Identity => &["civilite", "nom", "nom_usage", "prenoms", "naissance", "lieu_naissance", "telephone"],
            Step::Posting => &["lieu", "uai", "etablissement", "service", "departement"],
            Step::Situation => &["corps", "autre_corps", "statut", "depuis"],
            Step::Training => &["formation"],
            Step::Kept => return name.starts_with("note_"),
            Step::Action => &["accueil", "accueil_uai", "accueil_nom", "action", "effectif", "jours", "indisponible"],
            Step::Accommodation => &["besoin", "mesures", "autre"],
            Step::Pieces => &[],
        };
        fields.contains(&name)
    }
}

words! {
    /// What an officer says of an account whose person is already known.
    pub enum IdentityVerdict {
        Same = "same",
        Distinct = "distinct",
    }
}

/// Fields of one step as typed; a box ticked twice has two values.
pub type Typed = BTreeMap<String, Vec<String>>;

/// Longest text kept of one field: far over what any field accepts, so that a slip can still be corrected.
const LONGEST: usize = 4000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Saved {
    /// Counts the savings of this step, so that a second tab does not overwrite what it has not seen.
    version: u32,
    fields: Typed,
}

/// All that was typed in a draft.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    steps: BTreeMap<String, Saved>,
}

impl Answers {
    /// What was typed in a step; nothing before its first saving.
    #[must_use]
    pub fn typed(&self, step: Step) -> Option<&Typed> {
        self.steps.get(step.as_str()).map(|saved| &saved.fields)
    }

    /// How many times the step was saved.
    #[must_use]
    pub fn version(&self, step: Step) -> u32 {
        self.steps.get(step.as_str()).map_or(0, |saved| saved.version)
    }

    /// Codes of the schools that the answers name, as their list writes them.
    #[must_use]
    pub fn school_codes(&self) -> Vec<String> {
        [(Step::Posting, "uai"), (Step::Action, "accueil_uai")]
            .into_iter()
            .filter_map(|(step, field)| self.typed(step)?.get(field)?.first())
            .filter_map(|text| Uai::parse(text.trim()).ok())
            .map(|uai| uai.as_str().to_owned())
            .collect()
    }

    /// Keeps what was typed, whatever it is worth. Of an accommodation, only the measure: never the reason.
    pub fn keep(&mut self, step: Step, mut typed: Typed) {
        typed.retain(|name, _| step.has_field(name));
        for value in typed.values_mut().flatten() {
            if let Some((cut, _)) = value.char_indices().nth(LONGEST) {
                value.truncate(cut);
            }
        }
        if step == Step::Accommodation {
            for value in typed.get_mut("autre").into_iter().flatten() {
                *value = measure_of(value);
            }
        }
        let saved = self.steps.entry(step.as_str().to_owned()).or_default();
        saved.version += 1;
        saved.fields = typed;
    }
}

/// The measure a text asks for, without what it may tell of the person's health.
#[must_use]
pub fn measure_of(typed: &str) -> String {
    match Accommodation::read(typed) {
        Accommodation::None | Accommodation::Reduced(None) => String::new(),
        Accommodation::Measure(measure) | Accommodation::ToRead(measure) | Accommodation::Reduced(Some(measure)) => {
            measure
        }
    }
}

/// Where a step stands, for the list of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Todo,
    Done,
    Faulty,
    /// Another answer made it pointless: no session to describe when the mark of épreuve 1 is kept.
    NotNeeded,
}

/// Where each step stands, in their order.
#[must_use]
pub fn standings(answers: &Answers, context: &Context<'_>) -> Vec<(Step, Standing)> {
    Step::ALL
        .iter()
        .map(|step| {
            let standing = if *step == Step::Action && !steps::sits_first_epreuve(answers, context) {
                Standing::NotNeeded
            } else if answers.typed(*step).is_none() {
                Standing::Todo
            } else if read_step(*step, answers, context).is_empty() {
                Standing::Done
            } else {
                Standing::Faulty
            };
            (*step, standing)
        })
        .collect()
}

#[cfg(test)]
mod tests;
