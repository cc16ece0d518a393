//! Registrations of a session: imported or typed, examined, put on the list, withdrawn.

use diesel::prelude::*;

use super::schema::{kept_marks, registrations as t};
use super::{Day, Stamp};



#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct RegistrationRow {
    pub id: String,
    pub session_id: String,
    pub person_id: String,
    pub rank: i32,
    /// `22-27-0001`: shown to the candidate, never a certificate's number.
    pub number: String,
    /// `submitted`, `admitted` (on the list), `refused`, `withdrawn`.
    pub state: String,
    /// `eligible`, `refusal_proposed`, `to_examine`: the rule's proposal.
    pub eligibility: String,
    pub category: Option<String>,
    pub corps: String,
    pub status: String,
    pub contract_date: Option<Day>,
    pub uai: Option<String>,
    pub school_name: String,
    pub department: String,
    pub trained: bool,
    pub accommodation: Option<String>,
    pub source: String,
    pub submitted_at: Stamp,
    pub version: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = kept_marks)]
pub struct KeptMarkRow {
    pub id: String,
    pub registration_id: String,
    pub epreuve: i32,
    pub mark: i32,
    pub origin_year: i32,
}
