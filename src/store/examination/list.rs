//! The candidates of the list that the recteur fixes, as the order and its files name them: in alphabetical order,
//! without rank, and nothing of anyone but what tells them apart. Source: arrêté du 5 mai 2017 (MENE1710931A), art. 2.

use std::collections::HashMap;

use super::super::session::SessionRow;
use super::super::{Conn, Stored, eligibility};
use super::queue::{self, QueueFilter, Sort};
use crate::domain::academy::french_date;
use crate::domain::ids::fold;

/// One candidate of the list, as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub number: String,
    /// Civility, name, first names; the birth date too where another candidate of the list bears the same.
    pub name: String,
    pub school: String,
    pub department: String,
}

impl Listed {
    /// The cells of a line, in the order of [`HEADER`].
    #[must_use]
    pub fn cells(self) -> Vec<String> {
        vec![self.number, self.name, self.school, self.department]
    }
}

/// First line of the list as a spreadsheet.
pub const HEADER: &[&str] = &["numero_candidat", "candidat", "etablissement", "departement"];

/// The candidates of the fixed list; before it is fixed, those who would stand on it. In alphabetical order.
///
/// # Errors
/// The database's own.
pub fn list_candidates(conn: &mut Conn, session: &SessionRow) -> Stored<Vec<Listed>> {
    let is_fixed = session.list_fixed_at.is_some();
    let state = if is_fixed { "admitted" } else { "submitted" };
    let filter = QueueFilter { state: Some(state.into()), ..QueueFilter::default() };
    // The day only matters for late answers, which this filter does not look at.
    let day = session.epreuves_from.0;
    let mut lines = queue::list_queue(conn, &session.id, &filter, (Sort::Name, false), day, (i64::from(i32::MAX), 0))?;
    if !is_fixed {
        let kept = eligibility::list_admissible(conn, &session.id)?;
        lines.retain(|line| kept.contains(&line.file.registration.id));
    }
    let mut bearers: HashMap<String, usize> = HashMap::new();
    for line in &lines {
        *bearers.entry(fold(&line.file.person.shown_name())).or_default() += 1;
    }
    Ok(lines
        .into_iter()
        .map(|line| {
            let person = line.file.person;
            let born = match bearers.get(&fold(&person.shown_name())) {
                Some(2..) => {
                    let word = if person.civility == "M." { "né" } else { "née" };
                    format!(", {word} le {}", french_date(person.birth_date.0))
                }
                _ => String::new(),
            };
            Listed {
                name: format!("{} {}{born}", person.civility, person.shown_name()),
                number: line.file.registration.number,
                school: line.file.registration.school_name,
                department: line.file.registration.department,
            }
        })
        .collect())
}
