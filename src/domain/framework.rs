//! The framework (référentiel): domains, objectives, activities with their territorial level, and competences
//! linked to them many to many. It is versioned data: what was recorded under a version stays under it.
//! Codes are stable and safe in addresses (`D1.O2.A3`, `C04`): they are printed in grids and certificates' links.

pub mod diff;
mod import;
pub mod mapping;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use import::{FrameworkIdentity, Imported, TEMPLATE, read_identity, read_mapping};

use super::regulation::Status;

const EMBEDDED: &str = include_str!("../reference/framework-2016.toml");

words! {
    /// Where an activity takes place.
    pub enum Level {
        Academie = "academie",
        Departement = "departement",
        Bassin = "bassin",
        District = "district",
        Eple = "eple",
    }
}

impl Level {
    /// The French name shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Level::Academie => "académie",
            Level::Departement => "département",
            Level::Bassin => "bassin de formation",
            Level::District => "district scolaire",
            Level::Eple => "établissement (EPLE)",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub published: Option<String>,
    pub sources: Vec<FrameworkSource>,
    pub families: Vec<Family>,
    pub competences: Vec<Competence>,
    pub domains: Vec<Domain>,
}

/// A text an item was read in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameworkSource {
    pub code: String,
    pub label: String,
    pub url: Option<String>,
}

/// A family of missions, as the circular names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    pub code: String,
    pub label: String,
    pub source: String,
    pub status: Status,
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Competence {
    pub code: String,
    pub label: String,
    /// Codes of the families it serves.
    #[serde(default)]
    pub families: Vec<String>,
    pub source: String,
    pub status: Status,
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    pub code: String,
    pub label: String,
    pub source: String,
    pub status: Status,
    pub note: Option<String>,
    #[serde(default)]
    pub objectives: Vec<Objective>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    pub code: String,
    pub label: String,
    pub source: String,
    pub status: Status,
    pub note: Option<String>,
    #[serde(default)]
    pub activities: Vec<Activity>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    pub code: String,
    pub label: String,
    /// Empty when the source states none.
    #[serde(default)]
    pub levels: Vec<Level>,
    /// Codes of the competences it calls on.
    #[serde(default)]
    pub competences: Vec<String>,
    pub source: String,
    pub status: Status,
    pub note: Option<String>,
}

/// What a code designates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    Domain(&'a Domain),
    Objective(&'a Objective),
    Activity(&'a Activity),
    Competence(&'a Competence),
    Family(&'a Family),
}

impl<'a> Item<'a> {
    #[must_use]
    pub const fn code(&self) -> &'a str {
        match self {
            Item::Domain(x) => x.code.as_str(),
            Item::Objective(x) => x.code.as_str(),
            Item::Activity(x) => x.code.as_str(),
            Item::Competence(x) => x.code.as_str(),
            Item::Family(x) => x.code.as_str(),
        }
    }

    #[must_use]
    pub const fn label(&self) -> &'a str {
        match self {
            Item::Domain(x) => x.label.as_str(),
            Item::Objective(x) => x.label.as_str(),
            Item::Activity(x) => x.label.as_str(),
            Item::Competence(x) => x.label.as_str(),
            Item::Family(x) => x.label.as_str(),
        }
    }

    /// The French name of the kind of item.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Item::Domain(_) => "domaine",
            Item::Objective(_) => "objectif",
            Item::Activity(_) => "activité",
            Item::Competence(_) => "compétence",
            Item::Family(_) => "famille",
        }
    }

    /// Code of the source it was read in.
    #[must_use]
    pub const fn source(&self) -> &'a str {
        match self {
            Item::Domain(x) => x.source.as_str(),
            Item::Objective(x) => x.source.as_str(),
            Item::Activity(x) => x.source.as_str(),
            Item::Competence(x) => x.source.as_str(),
            Item::Family(x) => x.source.as_str(),
        }
    }

    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Item::Domain(x) => x.status,
            Item::Objective(x) => x.status,
            Item::Activity(x) => x.status,
            Item::Competence(x) => x.status,
            Item::Family(x) => x.status,
        }
    }

    /// Codes it is linked to: competences of an activity, families of a competence.
    #[must_use]
    pub fn links(&self) -> &'a [String] {
        match self {
            Item::Activity(x) => &x.competences,
            Item::Competence(x) => &x.families,
            Item::Domain(_) | Item::Objective(_) | Item::Family(_) => &[],
        }
    }

    #[must_use]
    pub fn note(&self) -> Option<&'a str> {
        match self {
            Item::Domain(x) => x.note.as_deref(),
            Item::Objective(x) => x.note.as_deref(),
            Item::Activity(x) => x.note.as_deref(),
            Item::Competence(x) => x.note.as_deref(),
            Item::Family(x) => x.note.as_deref(),
        }
    }
}

/// What the tree is narrowed to; empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    pub domain: String,
    pub objective: String,
    /// A territorial level, or activities whose source states none.
    pub level: Option<Option<Level>>,
    pub competence: String,
    /// Words of the activity, accents and case aside.
    pub words: String,
}

impl Narrowing {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn keeps(&self, activity: &Activity) -> bool {
        let within = |code: &str, parent: &str| {
            parent.is_empty() || code == parent || code.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
        };
        let label = super::ids::fold(&activity.label);
        within(&activity.code, &self.domain)
            && within(&activity.code, &self.objective)
            && match self.level {
                None => true,
                Some(Some(level)) => activity.levels.contains(&level),
                Some(None) => activity.levels.is_empty(),
            }
            && (self.competence.is_empty() || activity.competences.contains(&self.competence))
            && super::ids::fold(&self.words)
                .split_whitespace()
                .all(|word| label.contains(word) || activity.code.to_lowercase() == word)
    }
}

/// Why a framework cannot be used; every fault is listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Ce référentiel ne peut pas être utilisé : {}", .reasons.join(" "))]
pub struct FrameworkRefused {
    /// French sentences.
    pub reasons: Vec<String>,
}

impl Framework {
    /// Reads and checks a framework.
    ///
    /// # Errors
    /// Lists every fault: unreadable TOML, code given twice or unsafe in an address, link to nothing.
    pub fn parse(text: &str) -> Result<Self, FrameworkRefused> {
        let framework: Self = toml::from_str(text).map_err(|cause| FrameworkRefused {
            reasons: vec![format!("Le fichier n’est pas lisible : {}.", cause.message())],
        })?;
        framework.checked()
    }

    fn checked(self) -> Result<Self, FrameworkRefused> {
        let reasons = self.faults();
        if reasons.is_empty() { Ok(self) } else { Err(FrameworkRefused { reasons }) }
    }

    /// The framework shipped with the program.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn embedded() -> Result<Self, FrameworkRefused> {
        Self::parse(EMBEDDED)
    }

    /// The text of the shipped framework, for the store to keep and hash.
    #[must_use]
    pub const fn embedded_text() -> &'static str {
        EMBEDDED
    }

    /// The same framework with the activities that match, and their parents; competences and families stay whole.
    #[must_use]
    pub fn narrowed(&self, by: &Narrowing) -> Self {
        let mut copy = self.clone();
        if by.is_empty() {
            return copy;
        }
        for domain in &mut copy.domains {
            for objective in &mut domain.objectives {
                objective.activities.retain(|activity| by.keeps(activity));
            }
            domain.objectives.retain(|objective| !objective.activities.is_empty());
        }
        copy.domains.retain(|domain| !domain.objectives.is_empty());
        copy
    }

    /// The tree in reading order, with the depth of each item (0 domain, 1 objective, 2 activity).
    pub fn tree(&self) -> impl Iterator<Item = (usize, Item<'_>)> {
        self.domains.iter().flat_map(|domain| {
            std::iter::once((0, Item::Domain(domain))).chain(domain.objectives.iter().flat_map(|objective| {
                std::iter::once((1, Item::Objective(objective)))
                    .chain(objective.activities.iter().map(|activity| (2, Item::Activity(activity))))
            }))
        })
    }

    /// Every item: the tree, then competences, then families.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.tree()
            .map(|(_, item)| item)
            .chain(self.competences.iter().map(Item::Competence))
            .chain(self.families.iter().map(Item::Family))
    }

    /// The item of this code; addresses may change its case.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<Item<'_>> {
        self.items().find(|item| item.code().eq_ignore_ascii_case(code))
    }

    #[must_use]
    pub fn competences(&self) -> &[Competence] {
        &self.competences
    }

    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.domains.iter().flat_map(|domain| &domain.objectives).flat_map(|objective| &objective.activities)
    }

    /// Activities whose source states this level; `None` gives those for which it states none.
    pub fn activities_by_level(&self, level: Option<Level>) -> impl Iterator<Item = &Activity> {
        self.activities().filter(move |activity| match level {
            Some(level) => activity.levels.contains(&level),
            None => activity.levels.is_empty(),
        })
    }

    /// Activities that call on a competence: the links read the other way.
    pub fn activities_of_competence<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a Activity> {
        self.activities().filter(move |activity| activity.competences.iter().any(|own| own == code))
    }

    /// Competences of a family.
    pub fn competences_of_family<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a Competence> {
        self.competences.iter().filter(move |competence| competence.families.iter().any(|own| own == code))
    }

    #[must_use]
    pub fn source(&self, code: &str) -> Option<&FrameworkSource> {
        self.sources.iter().find(|source| source.code == code)
    }

    /// Codes that this version does not have, among those a grid or a record cites.
    pub fn missing<'c>(&self, codes: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
        codes.into_iter().filter(|code| !self.competences.iter().any(|competence| competence.code == **code)).collect()
    }

    fn faults(&self) -> Vec<String> {
        self.located_faults().into_iter().map(|fault| fault.sentence).collect()
    }

    /// Every fault with the item and the column it is about.
    fn located_faults(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        let mut say = |code: &str, column: &'static str, kind: &'static str, sentence: String| {
            found.push(Fault { code: code.to_owned(), column, kind, sentence });
        };
        let mut kinds: BTreeMap<String, &'static str> = BTreeMap::new();
        for item in self.items() {
            let code = item.code();
            if code.is_empty()
                || !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
                || code.starts_with('.')
            {
                say(
                    code,
                    "code",
                    "unsafe_code",
                    format!(
                        "Le code « {code} » ne peut pas figurer dans une adresse : lettres sans accent, chiffres, points et tirets seulement."
                    ),
                );
            }
            if let Some(kind) = kinds.insert(code.to_ascii_lowercase(), item.kind()) {
                say(
                    code,
                    "code",
                    "duplicate_code",
                    format!("Le code « {code} » est donné deux fois ({kind}, {}).", item.kind()),
                );
            }
            if item.label().trim().is_empty() {
                say(code, "intitulé", "no_label", format!("L’élément « {code} » n’a pas d’intitulé."));
            }
            if self.source(item.source()).is_none() {
                say(
                    code,
                    "source",
                    "unknown_source",
                    format!("L’élément « {code} » cite la source « {} », qui n’existe pas.", item.source()),
                );
            }
        }
        let competences: BTreeSet<&str> = self.competences.iter().map(|competence| competence.code.as_str()).collect();
        let families: BTreeSet<&str> = self.families.iter().map(|family| family.code.as_str()).collect();
        for activity in self.activities() {
            for code in activity.competences.iter().filter(|code| !competences.contains(code.as_str())) {
                say(
                    &activity.code,
                    "compétences",
                    "unknown_competence",
                    format!("L’activité « {} » cite la compétence « {code} », qui n’existe pas.", activity.code),
                );
            }
        }
        for competence in &self.competences {
            for code in competence.families.iter().filter(|code| !families.contains(code.as_str())) {
                say(
                    &competence.code,
                    "familles",
                    "unknown_family",
                    format!("La compétence « {} » cite la famille « {code} », qui n’existe pas.", competence.code),
                );
            }
        }
        let inside = |child: &str, parent: &str| child.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'));
        for domain in &self.domains {
            for objective in &domain.objectives {
                if !inside(&objective.code, &domain.code) {
                    say(
                        &objective.code,
                        "code",
                        "outside_parent",
                        format!(
                            "L’objectif « {} » ne porte pas le code de son domaine « {} ».",
                            objective.code, domain.code
                        ),
                    );
                }
                for activity in objective.activities.iter().filter(|activity| !inside(&activity.code, &objective.code))
                {
                    say(
                        &activity.code,
                        "code",
                        "outside_parent",
                        format!(
                            "L’activité « {} » ne porte pas le code de son objectif « {} ».",
                            activity.code, objective.code
                        ),
                    );
                }
            }
        }
        if self.domains.is_empty() && self.competences.is_empty() {
            say("", "code", "empty", "Le référentiel est vide.".to_owned());
        }
        found
    }
}

/// What is wrong with one item: its code, the column of a spreadsheet, a word for programs, a French sentence.
struct Fault {
    code: String,
    column: &'static str,
    kind: &'static str,
    sentence: String,
}

#[cfg(test)]
mod tests;
