//! A whole session played through the same store functions as the site, with invented people and a clock set by hand.
//! Used by `cplds demo` and by `cplds serve --demo`; nothing here is a second way of doing anything.

mod competences;
pub mod examination;
pub mod files;
pub mod next;
pub mod people;
mod pieces;
mod registration;
mod staff;
pub mod story;
mod training;

/// The password of every demonstration account; printed at start, refused outside a demonstration.
pub const PASSWORD: &str = "Demonstration-2027";
