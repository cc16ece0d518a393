//! What comes in from the spreadsheets an office keeps, besides candidates and jurors: people, schools, certificates
//! and marks from before. `people` and `schools` read lines into drafts; a re-import is a comparison, field by field.

pub mod people;
pub mod schools;
pub mod template;

use crate::domain::jury;
use crate::domain::permission::Action;
use crate::domain::registration;
use crate::domain::table::ColumnSpec;

words! {
    /// What may be imported.
    pub enum ImportKind {
        Candidates = "candidates",
        Jurors = "jurors",
        Staff = "staff",
        Schools = "schools",
        Holders = "holders",
        KeptMarks = "kept-marks",
    }
}

impl ImportKind {
    /// As the address of its page says it.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            ImportKind::Candidates => "candidats",
            ImportKind::Jurors => "jures",
            ImportKind::Staff => "personnels",
            ImportKind::Schools => "etablissements",
            ImportKind::Holders => "certificats-anterieurs",
            ImportKind::KeptMarks => "notes-anterieures",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            ImportKind::Candidates => "Candidats",
            ImportKind::Jurors => "Membres du jury",
            ImportKind::Staff => "Personnels",
            ImportKind::Schools => "Établissements",
            ImportKind::Holders => "Certificats délivrés avant cplds",
            ImportKind::KeptMarks => "Notes obtenues avant cplds",
        }
    }

    /// Who may: the act an import of this kind does.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            ImportKind::Candidates => Action::ImportPeople,
            ImportKind::Jurors => Action::ManageJury,
            ImportKind::Staff => Action::ManageStaff,
            ImportKind::Schools => Action::ManageSchools,
            ImportKind::Holders | ImportKind::KeptMarks => Action::RecordHolder,
        }
    }

    /// The columns this import understands, in the order of its template.
    #[must_use]
    pub fn columns(self) -> Vec<ColumnSpec> {
        match self {
            ImportKind::Candidates => registration::COLUMNS.to_vec(),
            ImportKind::Jurors => jury::import::COLUMNS.to_vec(),
            ImportKind::Staff | ImportKind::Holders | ImportKind::KeptMarks => people::columns(self),
            ImportKind::Schools => schools::COLUMNS.to_vec(),
        }
    }
}

/// A field that is not what is held here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    pub column: &'static str,
    pub before: String,
    pub after: String,
}

/// Keeps what differs among (column, held, told). A field that the file leaves empty changes nothing.
#[must_use]
pub fn differences(fields: Vec<(&'static str, String, String)>) -> Vec<Change> {
    fields
        .into_iter()
        .filter(|(_, before, after)| !after.is_empty() && before != after)
        .map(|(column, before, after)| Change { column, before, after })
        .collect()
}

/// What an import would do with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    New,
    Unchanged,
    Changed(Vec<Change>),
}

/// Which of the proposed changes are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// What is new is written; what is held stays as it is.
    NewOnly,
    All,
    /// These lines of the file.
    Lines(std::collections::HashSet<u64>),
}

impl Accepted {
    #[must_use]
    pub fn takes(&self, line: u64) -> bool {
        match self {
            Accepted::NewOnly => false,
            Accepted::All => true,
            Accepted::Lines(lines) => lines.contains(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_changes_nothing_and_a_slug_finds_its_kind() {
        let told = |before: &str, after: &str| ("Courriel", before.to_owned(), after.to_owned());
        assert!(differences(vec![told("a", ""), told("a", "a")]).is_empty());
        assert_eq!(differences(vec![told("", "b")]).len(), 1);
        for kind in ImportKind::ALL {
            assert_eq!(ImportKind::from_slug(kind.slug()), Some(*kind));
            assert!(kind.columns().iter().any(|column| column.required), "{kind}");
        }
    }
}
