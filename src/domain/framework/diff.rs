//! What changed from one version of the framework to another, item by item: added, removed, renamed, moved, other
//! links, other levels. Items are matched by code, then by kind and wording; who decides what an old item becomes
//! is the mapping, not this reading.

use std::collections::{BTreeMap, BTreeSet};

use super::{Framework, Item};
use crate::domain::ids::fold;
use crate::domain::table::tidy;

/// How an item differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Added,
    Removed,
    /// The wording before.
    Renamed(String),
    /// The code before: codes carry their parents, so that a moved item always changes its code.
    Moved(String),
    /// Linked competences or families that came and that left.
    Links {
        added: Vec<String>,
        removed: Vec<String>,
    },
    /// Territorial levels before and after, in words.
    Levels {
        before: String,
        after: String,
    },
}

impl Change {
    /// The word that says it without colour.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Change::Added => "Ajouté",
            Change::Removed => "Retiré",
            Change::Renamed(_) => "Renommé",
            Change::Moved(_) => "Déplacé",
            Change::Links { .. } => "Liens modifiés",
            Change::Levels { .. } => "Niveau modifié",
        }
    }

    /// A sign that reads in black and white, beside the word.
    #[must_use]
    pub const fn sign(&self) -> &'static str {
        match self {
            Change::Added => "+",
            Change::Removed => "−",
            Change::Renamed(_) => "≠",
            Change::Moved(_) => "→",
            Change::Links { .. } | Change::Levels { .. } => "~",
        }
    }

    /// What was and what is, in French; empty when the word says all.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Change::Added | Change::Removed => String::new(),
            Change::Renamed(before) => format!("Intitulé précédent\u{a0}: «\u{a0}{before}\u{a0}»."),
            Change::Moved(before) => format!("Code précédent\u{a0}: {before}."),
            Change::Links { added, removed } => {
                let mut said = Vec::new();
                if !added.is_empty() {
                    said.push(format!("lien ajouté avec {}", added.join(", ")));
                }
                if !removed.is_empty() {
                    said.push(format!("lien retiré avec {}", removed.join(", ")));
                }
                let said = said.join("\u{a0}; ");
                let mut letters = said.chars();
                letters.next().map_or_else(String::new, |first| {
                    format!("{}{}.", first.to_uppercase().collect::<String>(), letters.as_str())
                })
            }
            Change::Levels { before, after } => format!("De «\u{a0}{before}\u{a0}» à «\u{a0}{after}\u{a0}»."),
        }
    }
}

/// One item that differs: its code and wording in the newer version, or in the older one when it was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub kind: &'static str,
    pub code: String,
    pub label: String,
    pub change: Change,
}

/// Differences from `old` to `new`: the tree of the new version in its order, then what was removed in the order of the old.
#[must_use]
pub fn compare(old: &Framework, new: &Framework) -> Vec<Difference> {
    let pairs = pairs(old, new);
    let of_new: BTreeMap<&str, &str> = pairs.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
    let mut found = Vec::new();
    for item in new.items() {
        let mut say = |change: Change| found.push(difference(&item, change));
        let Some(before) = of_new.get(item.code()).and_then(|code| old.find(code)) else {
            say(Change::Added);
            continue;
        };
        if before.code() != item.code() {
            say(Change::Moved(before.code().to_owned()));
        }
        // A no-break space more or less is no new wording.
        if tidy(before.label()) != tidy(item.label()) {
            say(Change::Renamed(before.label().to_owned()));
        }
        // Links are compared by what they mean: a competence that only changed its code is no change of links.
        let was: BTreeSet<String> =
            before.links().iter().map(|code| pairs.get(code).cloned().unwrap_or_else(|| code.clone())).collect();
        let is: BTreeSet<String> = item.links().iter().cloned().collect();
        if was != is {
            say(Change::Links {
                added: is.difference(&was).cloned().collect(),
                removed: was.difference(&is).cloned().collect(),
            });
        }
        let (levels_before, levels_after) = (levels(&before), levels(&item));
        if levels_before != levels_after {
            say(Change::Levels { before: levels_before, after: levels_after });
        }
    }
    found.extend(
        old.items().filter(|item| !pairs.contains_key(item.code())).map(|item| difference(&item, Change::Removed)),
    );
    found
}

fn difference(item: &Item<'_>, change: Change) -> Difference {
    Difference { kind: item.kind(), code: item.code().to_owned(), label: item.label().to_owned(), change }
}

fn levels(item: &Item<'_>) -> String {
    let Item::Activity(activity) = item else { return String::new() };
    let mut levels: Vec<&str> = activity.levels.iter().map(|level| level.label()).collect();
    levels.sort_unstable();
    if levels.is_empty() { "non précisé".to_owned() } else { levels.join(", ") }
}

/// Old code to new code of what is one item in both: each is in one pair at most.
///
/// The same code and kind is the same item, unless its old wording now stands under another code.
pub(super) fn pairs(old: &Framework, new: &Framework) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    // Same code, same kind, same wording: no doubt.
    let alike = |a: &Item<'_>, b: &Item<'_>| a.kind() == b.kind() && fold(a.label()) == fold(b.label());
    for item in old.items() {
        if let Some(other) = new.find(item.code()).filter(|other| alike(&item, other)) {
            found.insert(item.code().to_owned(), other.code().to_owned());
            taken.insert(other.code());
        }
    }
    // The same wording under another code, where that wording is unique on both sides.
    let mut wordings: BTreeMap<(&str, String), Vec<Item<'_>>> = BTreeMap::new();
    for item in new.items().filter(|item| !taken.contains(item.code())) {
        wordings.entry((item.kind(), fold(item.label()))).or_default().push(item);
    }
    let mut claims: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in old.items().filter(|item| !found.contains_key(item.code())) {
        if let Some([only]) = wordings.get(&(item.kind(), fold(item.label()))).map(Vec::as_slice) {
            claims.entry(only.code()).or_default().push(item.code());
        }
    }
    for (to, from) in claims {
        if let [only] = from.as_slice() {
            found.insert((*only).to_owned(), to.to_owned());
            taken.insert(to);
        }
    }
    // The same code with another wording: the item was renamed.
    for item in old.items() {
        if found.contains_key(item.code()) {
            continue;
        }
        let same = new.find(item.code()).filter(|other| other.kind() == item.kind() && !taken.contains(other.code()));
        if let Some(other) = same {
            found.insert(item.code().to_owned(), other.code().to_owned());
            taken.insert(other.code());
        }
    }
    found
}
