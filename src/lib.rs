//! cplds runs the exam that certifies staff against school drop-out (décret n° 2017-791).
//! `domain` decides, `store` remembers, `web` shows; arrows go web -> store -> domain, never back.
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod mail;
pub mod numen;
pub mod office;
pub mod password;
pub mod pdf;
pub mod secret;
pub mod store;
pub mod web;
