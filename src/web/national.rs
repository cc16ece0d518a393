//! The country's page: candidates and admitted per academy and session, as counts and nothing else.
//! Counts under five are masked, and with them whatever would let them be computed.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::page::{CurrentActor, Page, Shell, html};
use super::routes::{Gate, Routes};
use crate::domain::academy::Academy;
use crate::domain::permission::{Action, roles_for};
use crate::domain::survey::mask::masks;
use crate::store::national::{SessionCount, list_session_counts};

/// Counts under this are not shown.
const MASKED_BELOW: u32 = 5;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new().get("/national", Gate::Roles(roles_for(Action::SeeNational)), show)
}

/// A line of a year: the academy and its counts as text, masked or not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    academy: String,
    cells: Vec<String>,
}

/// The sessions of one year.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Year {
    year: i32,
    published: Vec<Line>,
    running: Vec<Line>,
}

#[derive(Template)]
#[template(path = "national/index.html")]
struct NationalPage {
    page: Page,
    years: Vec<Year>,
    masked_below: u32,
}

async fn show(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let counts = app.db.read(move |conn| list_session_counts(conn, &actor)).await?;
    html(&NationalPage {
        page: shell.page("National").heading("Sessions des académies").wide(),
        years: by_year(&counts),
        masked_below: MASKED_BELOW,
    })
}

fn by_year(counts: &[SessionCount]) -> Vec<Year> {
    let mut years: Vec<i32> = counts.iter().map(|count| count.year).collect();
    years.dedup();
    years
        .into_iter()
        .map(|year| {
            let of_year: Vec<&SessionCount> = counts.iter().filter(|count| count.year == year).collect();
            Year { year, published: published(&of_year), running: running(&of_year) }
        })
        .collect()
}

/// Admitted, not admitted, candidates, and their totals over the academies that have published.
fn published(counts: &[&SessionCount]) -> Vec<Line> {
    let mut names = Vec::new();
    let mut full = Vec::new();
    for count in counts {
        let Some(admitted) = count.admitted else { continue };
        names.push(academy_name(&count.academy_code));
        full.push(vec![admitted, count.candidates.saturating_sub(admitted), count.candidates]);
    }
    if names.is_empty() {
        return Vec::new();
    }
    let total = |column: usize| full.iter().filter_map(|line: &Vec<u32>| line.get(column)).sum();
    full.push(vec![total(0), total(1), total(2)]);
    names.push("Ensemble".to_owned());
    let masked = masks(&full, MASKED_BELOW);
    let shown = |row: usize, line: &[u32]| {
        line.iter().enumerate().map(|(column, number)| cell(*number, masked.contains(&(row, column)))).collect()
    };
    names
        .into_iter()
        .zip(full.iter().enumerate())
        .map(|(academy, (row, line))| Line { academy, cells: shown(row, line) })
        .collect()
}

/// Candidates of the sessions without results yet; no total, from which a small count could be computed.
fn running(counts: &[&SessionCount]) -> Vec<Line> {
    let masked: BTreeSet<usize> =
        counts.iter().enumerate().filter(|(_, count)| count.candidates < MASKED_BELOW).map(|(at, _)| at).collect();
    counts
        .iter()
        .enumerate()
        .filter(|(_, count)| count.admitted.is_none())
        .map(|(at, count)| Line {
            academy: academy_name(&count.academy_code),
            cells: vec![cell(count.candidates, masked.contains(&at))],
        })
        .collect()
}

fn cell(number: u32, is_masked: bool) -> String {
    if is_masked { "masqué".to_owned() } else { number.to_string() }
}

fn academy_name(code: &str) -> String {
    Academy::find(code).map_or_else(|| code.to_owned(), |academy| academy.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(code: &str, candidates: u32, admitted: Option<u32>) -> SessionCount {
        SessionCount { academy_code: code.to_owned(), year: 2027, candidates, admitted }
    }

    #[test]
    fn a_small_count_is_masked_and_cannot_be_computed_from_the_others() {
        let counts = [count("22", 20, Some(18)), count("13", 40, Some(30)), count("12", 60, Some(40))];
        let years = by_year(&counts);
        let lines = &years[0].published;
        // Two not admitted in Limoges: hidden, and so are a second number of its line and of its column.
        assert_eq!(lines[0].cells[1], "masqué");
        for row in lines.iter() {
            let hidden = row.cells.iter().filter(|cell| *cell == "masqué").count();
            assert_ne!(hidden, 1, "{lines:?}");
        }
        for column in 0..3 {
            let hidden = lines.iter().filter(|row| row.cells[column] == "masqué").count();
            assert_ne!(hidden, 1, "{lines:?}");
        }
    }

    #[test]
    fn nothing_is_counted_as_a_result_before_publication() {
        let years = by_year(&[count("22", 20, None), count("13", 3, None)]);
        assert!(years[0].published.is_empty());
        let cells: Vec<&str> = years[0].running.iter().map(|line| line.cells[0].as_str()).collect();
        assert_eq!(cells, ["20", "masqué"]);
    }
}
