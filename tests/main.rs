//! One test binary: stories through the outside of the program, each on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod administration;
mod browser;
mod support;

mod architecture;
mod competence;
mod doors;
mod draft;
mod examination;
mod exchange;
mod framework;
mod gates;
mod invitation;
mod jury;
mod mail;
mod message;
mod migrations;
mod outbox;
mod pieces;
mod privacy;
mod registration;
mod retention;
mod schedule;
mod served;
mod staff;
mod training;
