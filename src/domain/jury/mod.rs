//! Who examines: jurors, their roles and their commissions.

pub mod import;


