//! What each item of a version becomes in the next: the same, another, several, or nothing with a reason.
//! Every old item is answered exactly once; what was recorded under the old version is shown in the new through it.

use std::collections::BTreeMap;

use super::diff::pairs;
use super::{Framework, Item};
use crate::domain::ids::fold;

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Codes of the newer version, at least one.
    Became(Vec<String>),
    /// No longer in the framework, because.
    Dropped(String),
}

words! {
    /// How an item went from one version to the next.
    pub enum MappingKind {
        Same = "same",
        Split = "split",
        Merged = "merged",
        Dropped = "dropped",
    }
}

impl MappingKind {
    /// The French name shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            MappingKind::Same => "repris",
            MappingKind::Split => "scindé",
            MappingKind::Merged => "regroupé",
            MappingKind::Dropped => "abandonné",
        }
    }
}

/// Old code to its fate. A mapping may be incomplete while it is prepared; [`Mapping::faults`] says what it lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    fates: BTreeMap<String, Fate>,
}

/// What keeps a mapping from being used: the old code it is about, and a French sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFault {
    pub code: String,
    pub sentence: String,
}

impl Mapping {
    /// What the two texts say by themselves: same code, or same wording. The rest waits for the office.
    #[must_use]
    pub fn proposed(old: &Framework, new: &Framework) -> Self {
        let fates = pairs(old, new).into_iter().map(|(from, to)| (from, Fate::Became(vec![to]))).collect();
        Mapping { fates }
    }

    /// Answers for one item; a later answer replaces the earlier one.
    pub fn set(&mut self, code: &str, fate: Fate) {
        self.fates.insert(code.to_owned(), fate);
    }

    pub fn remove(&mut self, code: &str) {
        self.fates.remove(code);
    }

    #[must_use]
    pub fn fate(&self, code: &str) -> Option<&Fate> {
        self.fates.get(code)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fate)> {
        self.fates.iter().map(|(code, fate)| (code.as_str(), fate))
    }

    /// Codes that an item became; none when it was dropped or is unknown.
    #[must_use]
    pub fn through(&self, code: &str) -> &[String] {
        match self.fates.get(code) {
            Some(Fate::Became(codes)) => codes,
            Some(Fate::Dropped(_)) | None => &[],
        }
    }

    /// How an item went: split when it became several, merged when another became the same.
    #[must_use]
    pub fn kind(&self, code: &str) -> Option<MappingKind> {
        match self.fates.get(code)? {
            Fate::Dropped(_) => Some(MappingKind::Dropped),
            Fate::Became(to) if to.len() > 1 => Some(MappingKind::Split),
            Fate::Became(to) => {
                let shared = self.fates.iter().any(|(other, fate)| {
                    other != code && matches!(fate, Fate::Became(codes) if to.iter().any(|code| codes.contains(code)))
                });
                Some(if shared { MappingKind::Merged } else { MappingKind::Same })
            }
        }
    }

    /// Two steps as one: what an item of the first version is in the third.
    #[must_use]
    pub fn then(&self, next: &Mapping) -> Mapping {
        let fates = self
            .fates
            .iter()
            .map(|(code, fate)| {
                let fate = match fate {
                    Fate::Dropped(reason) => Fate::Dropped(reason.clone()),
                    Fate::Became(codes) => {
                        let mut reached: Vec<String> =
                            codes.iter().flat_map(|code| next.through(code)).cloned().collect();
                        reached.sort();
                        reached.dedup();
                        if reached.is_empty() {
                            let reasons = codes.iter().filter_map(|code| match next.fate(code) {
                                Some(Fate::Dropped(reason)) => Some(reason.as_str()),
                                _ => None,
                            });
                            Fate::Dropped(reasons.collect::<Vec<_>>().join(" "))
                        } else {
                            Fate::Became(reached)
                        }
                    }
                };
                (code.clone(), fate)
            })
            .collect();
        Mapping { fates }
    }

    /// Everything that keeps this mapping from being used; none when every old item is answered rightly.
    #[must_use]
    pub fn faults(&self, old: &Framework, new: &Framework) -> Vec<MappingFault> {
        let mut found = Vec::new();
        let mut say = |code: &str, sentence: String| found.push(MappingFault { code: code.to_owned(), sentence });
        for item in old.items() {
            let code = item.code();
            match self.fates.get(code) {
                None => say(
                    code,
                    format!(
                        "Dites ce que devient «\u{a0}{code}\u{a0}»\u{a0}: un ou plusieurs codes du nouveau référentiel, ou un motif d’abandon."
                    ),
                ),
                Some(Fate::Dropped(reason)) if reason.trim().is_empty() => say(
                    code,
                    format!(
                        "Donnez le motif pour lequel «\u{a0}{code}\u{a0}» est abandonné\u{a0}: il restera affiché à son adresse."
                    ),
                ),
                Some(Fate::Dropped(_)) => {}
                Some(Fate::Became(codes)) if codes.is_empty() => {
                    say(code, format!("Dites ce que devient «\u{a0}{code}\u{a0}»."));
                }
                Some(Fate::Became(codes)) => {
                    for (place, target) in codes.iter().enumerate() {
                        if codes.iter().take(place).any(|other| other == target) {
                            say(
                                code,
                                format!(
                                    "«\u{a0}{code}\u{a0}»\u{a0}: le code «\u{a0}{target}\u{a0}» est donné deux fois."
                                ),
                            );
                        }
                        match new.items().find(|item| item.code() == target) {
                            None => say(
                                code,
                                format!(
                                    "«\u{a0}{code}\u{a0}»\u{a0}: le code «\u{a0}{target}\u{a0}» n’existe pas dans le nouveau référentiel."
                                ),
                            ),
                            Some(other) if other.kind() != item.kind() => say(
                                code,
                                format!(
                                    "«\u{a0}{code}\u{a0}» ({}) ne peut pas devenir «\u{a0}{target}\u{a0}» ({})\u{a0}: choisissez un élément de même nature.",
                                    item.kind(),
                                    other.kind()
                                ),
                            ),
                            Some(_) => {}
                        }
                    }
                }
            }
        }
        for (code, _) in self.iter().filter(|(code, _)| !old.items().any(|item| item.code() == *code)) {
            say(
                code,
                format!("Le code «\u{a0}{code}\u{a0}» n’est pas de l’ancien référentiel\u{a0}: retirez sa ligne."),
            );
        }
        found
    }

    /// Old items that the texts do not answer and whose wording is nearest to a new one, for the form to suggest.
    #[must_use]
    pub fn nearest(old: &Item<'_>, new: &Framework) -> Option<String> {
        let words = |label: &str| {
            fold(label)
                .split_whitespace()
                .filter(|word| word.len() > 3)
                .map(str::to_owned)
                .collect::<std::collections::BTreeSet<_>>()
        };
        let own = words(old.label());
        new.items()
            .filter(|item| item.kind() == old.kind())
            .map(|item| (words(item.label()).intersection(&own).count(), item))
            .filter(|(shared, _)| *shared * 2 > own.len())
            .max_by_key(|(shared, _)| *shared)
            .map(|(_, item)| item.code().to_owned())
    }
}
