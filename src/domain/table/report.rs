//! What an import found: drafts that may be written, and findings, each with its line, its column, a
//! code for programs and a French sentence for people. An error on a line not set aside blocks all.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Encoding;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub line: u64,
    pub column: Option<String>,
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Report<D> {
    pub accepted: Vec<D>,
    pub findings: Vec<Finding>,
    pub set_aside: Vec<(u64, String)>,
    pub encoding: Encoding,
    pub total_rows: usize,
}

impl<D> Report<D> {
    pub fn is_blocked(&self) -> bool {
        self.blocking().next().is_some()
    }

    /// Errors that nobody has set aside yet.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        let aside: HashSet<u64> = self.set_aside.iter().map(|(line, _)| *line).collect();
        self.findings.iter().filter(move |f| f.severity == Severity::Error && !aside.contains(&f.line))
    }

    pub fn to_json(&self) -> Value {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|f| {
                json!({
                    "line": f.line,
                    "column": f.column,
                    "code": f.code,
                    "severity": f.severity.as_str(),
                    "message": f.message,
                })
            })
            .collect();
        let set_aside: Vec<Value> =
            self.set_aside.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
        json!({
            "accepted": self.accepted.len(),
            "findings": findings,
            "blocked": self.is_blocked(),
            "set_aside": set_aside,
            "total_rows": self.total_rows,
            "encoding": self.encoding.name(),
        })
    }
}
