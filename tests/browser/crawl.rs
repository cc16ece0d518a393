//! Every page that a person of the demonstration can reach by following links, one example for each route.
//! Walked without a browser, so that what is not a page (a PDF, a spreadsheet) costs nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::http::{Method, header};

use crate::support::browser::{Answer, Browser};

/// A page reached: who saw it, where, and what was served.
pub struct Reached {
    pub who: usize,
    pub path: String,
    pub pattern: &'static str,
    pub html: String,
    /// Served in a sandbox, where no script runs: a reader has to be given its text elsewhere.
    pub is_sandboxed: bool,
}

/// The route of the site's table that answers this path.
pub fn pattern_of(method: &Method, path: &str) -> Option<&'static str> {
    thread_local! {
        static TABLE: Vec<(Method, &'static str)> =
            cplds::web::routes().table().iter().map(|row| (row.method.clone(), row.path)).collect();
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let fits = |pattern: &str| {
        let (mut asked, mut known) = (path.split('/'), pattern.split('/'));
        loop {
            match (asked.next(), known.next()) {
                (None, None) => return true,
                (Some(a), Some(k)) if a == k || (k.starts_with('{') && !a.is_empty()) => {}
                _ => return false,
            }
        }
    };
    TABLE.with(|table| {
        let mut matching: Vec<&'static str> =
            table.iter().filter(|(m, pattern)| m == method && fits(pattern)).map(|(_, pattern)| *pattern).collect();
        // A literal segment wins over a variable one, as in the router.
        matching.sort_by_key(|pattern| pattern.matches('{').count());
        matching.first().copied()
    })
}

fn is_page(answer: &Answer) -> bool {
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/html")
}

/// The values of an attribute in the page, as written, with the entities of addresses undone.
pub fn attributes<'a>(html: &'a str, tag: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let opening = format!("<{tag} ");
    let wanted = format!(" {name}=\"");
    html.match_indices(&opening).map(|(at, _)| at).collect::<Vec<_>>().into_iter().filter_map(move |at| {
        let rest = html.get(at..)?;
        let element = rest.get(..rest.find('>')?)?;
        let value = element.get(element.find(&wanted)? + wanted.len()..)?;
        Some(value.get(..value.find('"')?)?.replace("&#38;", "&").replace("&amp;", "&"))
    })
}

/// Follows links from `starts`, one example per route (and per set of query names), and fails on a broken link.
pub fn pages(who: usize, browser: &mut Browser, starts: &[&str]) -> (Vec<Reached>, Vec<String>) {
    let mut queue: VecDeque<(String, String)> =
        starts.iter().map(|start| ((*start).to_owned(), String::new())).collect();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let mut tried: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut reached = Vec::new();
    let mut faults: Vec<String> = Vec::new();
    let mut dead: BTreeSet<String> = BTreeSet::new();
    while let Some((path, from)) = queue.pop_front() {
        let plain = path.split('#').next().unwrap_or_default().to_owned();
        if !plain.starts_with('/') || plain.starts_with("//") || plain.starts_with("/deconnexion") {
            continue;
        }
        let Some(pattern) = pattern_of(&Method::GET, &plain) else {
            if !plain.starts_with("/assets") && dead.insert(plain.clone()) {
                faults.push(format!("{plain}, linked from {from}, is no route"));
            }
            continue;
        };
        let names = plain.split_once('?').map_or(String::new(), |(_, query)| {
            let names: BTreeSet<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
            names.into_iter().collect::<Vec<_>>().join(",")
        });
        let key = (pattern.to_owned(), names);
        // Two examples of a route: objects are in different states.
        let count = tried.entry(key).or_default();
        if *count >= 2 || !seen.insert((plain.clone(), String::new())) {
            continue;
        }
        *count += 1;
        let mut answer = browser.get(&plain);
        let mut shown = plain.clone();
        for _ in 0..3 {
            if !answer.status.is_redirection() {
                break;
            }
            shown = answer.location().to_owned();
            answer = browser.get(&shown);
        }
        if !answer.status.is_success() {
            faults.push(format!("{plain}, linked from {from}, answers {}", answer.status));
            continue;
        }
        if !is_page(&answer) {
            continue;
        }
        for link in attributes(&answer.body, "a", "href") {
            let link = if link.starts_with('?') {
                format!("{}{link}", shown.split('?').next().unwrap_or_default())
            } else {
                link
            };
            queue.push_back((link, shown.clone()));
        }
        let pattern = pattern_of(&Method::GET, &shown).unwrap_or(pattern);
        let policy = answer.headers.get(header::CONTENT_SECURITY_POLICY);
        let is_sandboxed = policy.is_some_and(|policy| policy.as_bytes().starts_with(b"sandbox"));
        reached.push(Reached { who, path: shown, pattern, html: answer.body, is_sandboxed });
    }
    (reached, faults)
}
