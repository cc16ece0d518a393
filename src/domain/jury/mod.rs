//! Who examines: jurors, their roles and their commissions. `import` reads a spreadsheet of jurors,
//! `composition` says whether a jury may be named, `conflict` finds who may not examine whom.

mod composition;
mod conflict;
pub mod import;

pub use composition::{
    Composition, JURY_LAW, Member, Observation, Seat, SeatedCommission, Severity, check_signature, conformity,
};
pub use conflict::{Candidate, ConflictKind, Examiner, FoundConflict, IMPARTIALITY_LAW, check_dismissal, conflicts};
pub use import::{JurorContext, JurorDraft, JurorReport, check_jurors, find_role};
