//! Who asks to sit: candidates' registrations, one by one or from a spreadsheet.

pub mod accommodation;
pub mod draft;
pub mod import;
pub mod self_check;

pub use import::{
    COLUMNS, CandidateDraft, EXAMPLE, ImportContext, ImportReport, KeptMarkDraft, MarkScale, ProposedOutcome,
    check_candidates,
};
