//! One test binary: stories through the outside of the program, each on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod support;

mod doors;
mod mail;
mod registration;
mod staff;
mod training;
