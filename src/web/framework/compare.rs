//! Two versions of the framework side by side: what was added, removed, renamed, moved, linked otherwise.
//! Each change is said by a word and a sign; colour only helps.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, RawForm};
use super::super::page::{Page, Shell, Tone, html};
use super::super::routes::{Gate, Routes};
use super::{Choices, csv_file, kind_word};
use crate::domain::framework::Framework;
use crate::domain::framework::diff::{Change, Difference, compare};
use crate::domain::framework::mapping::{Fate, Mapping};
use crate::store::framework::{find_mapping, list_frameworks};
use crate::store::reference::get_framework;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new().get("/referentiel/comparaison", Gate::Public, show)
}

/// The tone of a change.
#[must_use]
pub fn tone(change: &Change) -> Tone {
    match change {
        Change::Added => Tone::Success,
        Change::Removed => Tone::Error,
        Change::Renamed(_) | Change::Moved(_) => Tone::Info,
        Change::Links { .. } | Change::Levels { .. } => Tone::Warning,
    }
}

/// One old item and what it became.
pub(super) struct Answer {
    pub code: String,
    pub label: String,
    pub kind: &'static str,
    pub became: Choices,
    pub reason: String,
}

pub(super) fn answers(old: &Framework, new: &Framework, mapping: &Mapping) -> Vec<Answer> {
    let lines = old.items().filter_map(|item| {
        let fate = mapping.fate(item.code())?;
        let named = |code: &String| (code.clone(), new.find(code).map_or("", |item| item.label()).to_owned());
        let (became, reason) = match fate {
            Fate::Became(codes) => (codes.iter().map(named).collect(), String::new()),
            Fate::Dropped(reason) => (Vec::new(), reason.clone()),
        };
        Some(Answer {
            code: item.code().to_owned(),
            label: item.label().to_owned(),
            kind: kind_word(mapping.kind(item.code())),
            became,
            reason,
        })
    });
    lines.collect()
}

#[derive(Template)]
#[template(path = "framework/compare.html")]
struct ComparePage {
    page: Page,
    form: Form,
    versions: Choices,
    old: String,
    new: String,
    differences: Vec<Difference>,
    /// How many of each word.
    counts: Vec<(&'static str, usize)>,
    answers: Vec<Answer>,
}

async fn show(State(state): State<AppState>, shell: Shell, RawQuery(query): RawQuery) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let (from, to) = (query.trimmed("de").to_owned(), query.trimmed("a").to_owned());
    let is_file = query.get("format") == "csv";
    let (versions, old, new, mapping) = state
        .db
        .read(move |conn| {
            let versions = list_frameworks(conn)?;
            // Unless one is chosen: the latest, beside the one before it.
            let pick = |asked: &str, rank: usize| match versions.iter().find(|own| own.id == asked) {
                Some(own) => Some(own.id.clone()),
                None => versions.get(rank).or(versions.last()).map(|own| own.id.clone()),
            };
            let (from, to) = (pick(&from, 1), pick(&to, 0));
            let (old, new) = match (from, to) {
                (Some(from), Some(to)) => (get_framework(conn, &from)?, get_framework(conn, &to)?),
                _ => return Err(crate::store::StoreError::NotFound),
            };
            let mapping = find_mapping(conn, &old.id, &new.id)?;
            Ok((versions, old, new, mapping))
        })
        .await?;
    let differences = compare(&old, &new);
    if is_file {
        let head = ["changement", "nature", "code", "intitule", "detail"].map(str::to_owned).to_vec();
        let rows = differences.iter().map(|own| {
            let change = &own.change;
            vec![change.label().to_owned(), own.kind.to_owned(), own.code.clone(), own.label.clone(), change.detail()]
        });
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        return csv_file(&format!("{}-{}.csv", old.id, new.id), &rows);
    }
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for difference in &differences {
        let word = difference.change.label();
        match counts.iter_mut().find(|(own, _)| *own == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    html(&ComparePage {
        page: shell.page("Comparer deux versions").under("Référentiel", "/referentiel").wide(),
        form: Form::filled([("de", old.id.as_str()), ("a", new.id.as_str())]),
        versions: versions
            .into_iter()
            .map(|own| (own.id.clone(), format!("{} ({}, version {})", own.title, own.id, own.version)))
            .collect(),
        answers: mapping.map(|mapping| answers(&old, &new, &mapping)).unwrap_or_default(),
        old: old.id,
        new: new.id,
        differences,
        counts,
    })
}
