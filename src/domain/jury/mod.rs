//! Who examines: jurors, their roles and their commissions.

pub mod import;

pub use import::{JurorContext, JurorDraft, JurorReport, check_jurors, find_role};
