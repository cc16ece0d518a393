//! A rule says no: one value for every refusal, so that pages, mails and the command line say the same thing.
//! The sentence is French, complete, and tells what to do; the law is quoted beside it when there is one.

use std::fmt;

/// Why a command was refused. `code` is stable (tests, JSON); `sentence` is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub sentence: String,
    /// Legal reference to quote, in French, e.g. `arrêté du 5 mai 2017 (MENE1710931A), art. 2`.
    pub law: Option<String>,
}

impl Refusal {
    #[must_use]
    pub fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Refusal { code, sentence: sentence.into(), law: None }
    }

    #[must_use]
    pub fn under(mut self, law: impl Into<String>) -> Self {
        self.law = Some(law.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        match &self.law {
            Some(law) => write!(f, " ({law})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
