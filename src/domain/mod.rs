//! What is allowed: pure rules over facts, each with its article. No I/O, no clock, no randomness.

pub mod academy;
pub mod framework;
pub mod ids;
pub mod regulation;
pub mod jury;
pub mod registration;
pub mod table;
