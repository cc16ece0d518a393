//! Guards the borders by reading the source: what each folder may name, who reads time, who names an engine,
//! how long a file grows. A border that must move is moved here, with its reason, in the same commit.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Beyond this, a file is split; see [`LONG`].
const LONGEST: usize = 600;

/// Files allowed to be longer, and why.
const LONG: &[(&str, &str)] = &[
    ("src/store/schema.rs", "one declaration per table, written from the migrations and compared with them"),
    (
        "src/store/registration.rs",
        "commands and queries of the largest step; its queries leave when it is next touched",
    ),
];

/// A file of the tree: its path from the root, its text, and its text without tests and comments.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// Every file below these folders (or these files), with the ending asked for; an empty ending takes all.
fn files(folders: &[&str], ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        let path = root().join(folder);
        if path.is_file() { found.push(path) } else { walk(&path, &mut found) }
    }
    found.sort();
    found
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(&path).unwrap()).ok()?;
            Some((path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text))
        })
        .collect()
}

fn sources(folder: &str) -> Vec<Source> {
    let found: Vec<Source> =
        files(&[folder], ".rs").into_iter().map(|(path, text)| Source { code: code_of(&text), path, text }).collect();
    assert!(!found.is_empty(), "{folder} holds no source: this guard looks at nothing");
    found
}

/// The code that runs: without comments, and without what follows `#[cfg(test)]` when that opens the file's tests.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'))
        {
            break;
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// True where `name` stands by itself: `axum` in `use axum::Router`, not inside a longer word.
fn names(code: &str, name: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (opens, closes) = (is_word(name.chars().next()), is_word(name.chars().next_back()));
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        !((opens && is_word(before)) || (closes && is_word(after)))
    })
}

/// Files that only tests compile: `#[cfg(test)] mod name;` in their parent.
fn only_for_tests() -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files(&["src"], ".rs") {
        let path = Path::new(&path);
        let is_root = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| path.ends_with(name));
        let folder = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
        for (_, rest) in text.match_indices("#[cfg(test)]\nmod ").map(|(at, mark)| text.split_at(at + mark.len())) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if rest[name.len()..].starts_with(';') {
                found.push(folder.join(name).with_extension("rs").to_string_lossy().into_owned());
            }
        }
    }
    assert!(!found.is_empty(), "no test file was recognised");
    found
}

/// Fails with every file of `folder` whose code (tests apart) names one of these.
fn forbid(folder: &str, forbidden: &[&str], except: &[&str]) {
    let mut found = String::new();
    let tests = only_for_tests();
    for source in sources(folder) {
        if except.contains(&source.path.as_str()) || tests.contains(&source.path) {
            continue;
        }
        for name in forbidden {
            if names(&source.code, name) {
                let _ = writeln!(found, "{} names {name}", source.path);
            }
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

/// What the rules never reach. Crates are written with `::`, for « lettre » is also a word of French sentences.
const OUTSIDE: &[&str] = &[
    "crate::clock",
    "crate::config",
    "crate::mail",
    "crate::office",
    "crate::password",
    "crate::pdf",
    "crate::secret",
    "crate::store",
    "crate::web",
    "crate::cli",
    "crate::demo",
];

const READS_TIME: &[&str] = &["Timestamp::now", "Zoned::now", "SystemTime", "Instant::now"];

#[test]
fn the_rules_know_no_database_no_page_no_file_and_no_clock() {
    let mut forbidden = vec![
        "diesel::",
        "axum::",
        "askama::",
        "lettre::",
        "tokio::",
        "printpdf::",
        "tracing::",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "getrandom::",
        "fastrand::",
        "uuid::",
    ];
    forbidden.extend_from_slice(OUTSIDE);
    forbidden.extend_from_slice(READS_TIME);
    forbid("src/domain", &forbidden, &[]);
}

#[test]
fn the_store_knows_no_page_no_drawing_and_no_post() {
    let forbidden = [
        "axum::",
        "askama::",
        "lettre::",
        "printpdf::",
        "crate::web",
        "crate::pdf",
        "crate::mail",
        "crate::office",
        "crate::cli",
        "crate::demo",
    ];
    forbid("src/store", &forbidden, &[]);
}

#[test]
fn drawing_and_post_know_no_page_and_drawing_knows_no_database() {
    forbid("src/mail", &["axum::", "crate::web", "crate::pdf", "crate::cli"], &[]);
    forbid(
        "src/pdf",
        &[
            "axum::",
            "askama::",
            "diesel::",
            "lettre::",
            "tokio::",
            "crate::web",
            "crate::store",
            "crate::mail",
            "crate::cli",
        ],
        &[],
    );
}

#[test]
fn the_office_and_the_commands_know_no_page() {
    forbid("src/office", &["axum::", "askama::", "crate::web"], &[]);
    forbid("src/demo", &["axum::", "askama::", "crate::web"], &[]);
}

#[test]
fn four_files_name_an_engine() {
    let engines =
        ["diesel::sqlite", "diesel::pg", "SqliteConnection", "PgConnection", "Conn::Sqlite", "Conn::Postgres"];
    let doors = ["src/store/mod.rs", "src/store/columns.rs", "src/store/migrate.rs", "src/store/writer.rs"];
    forbid("src", &engines, &doors);
}

#[test]
fn pages_ask_the_store_and_write_no_query() {
    // The store's own row types and errors pass; SQL and diesel's query language do not.
    forbid("src/web", &["diesel::", "store::schema", "sql_query"], &[]);
}

#[test]
fn only_the_clock_reads_time() {
    forbid("src", &["Timestamp::now", "Zoned::now", "SystemTime"], &["src/clock.rs"]);
    // These measure how long something lasted, with the monotonic clock: no instant leaves them.
    forbid("src", &["Instant::now"], &["src/mail/courier.rs", "src/cli/demo.rs", "src/demo/story.rs"]);
}

#[test]
fn nothing_that_runs_unwraps_expects_or_panics() {
    forbid(
        "src",
        &[".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!(", "dbg!(", "unsafe {"],
        &[],
    );
}

#[test]
fn every_file_says_what_it_is_in_its_first_line() {
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            assert!(source.text.starts_with("//! "), "{} has no header", source.path);
        }
    }
}

#[test]
fn no_file_grows_long_without_its_reason() {
    let mut found = String::new();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        let lines = source.text.lines().count();
        if lines > LONGEST && !LONG.iter().any(|(path, _)| *path == source.path) {
            let _ = writeln!(found, "{} has {lines} lines: split it by what it decides", source.path);
        }
    }
    for (path, reason) in LONG {
        assert!(root().join(path).exists(), "{path} is gone ({reason}): take it off the list");
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn no_module_is_a_drawer_for_what_has_no_name() {
    for (path, _) in files(&["src", "tests"], ".rs") {
        for stem in Path::new(&path).with_extension("").components() {
            let stem = stem.as_os_str().to_string_lossy().into_owned();
            let drawers = ["utils", "util", "helpers", "helper", "common", "manager", "service", "misc"];
            assert!(!drawers.contains(&stem.as_str()), "{path}: name what it does");
        }
    }
}

#[test]
fn every_step_has_its_rule_and_its_storage_under_one_stem() {
    let steps = [
        "registration",
        "eligibility",
        "jury",
        "schedule",
        "evaluation",
        "deliberation",
        "publication",
        "certificate",
        "staff",
        "training",
        "framework",
        "session",
    ];
    for step in steps {
        for layer in ["domain", "store", "web"] {
            let file = root().join(format!("src/{layer}/{step}.rs"));
            let folder = root().join(format!("src/{layer}/{step}/mod.rs"));
            // Pages may come after the rule and its storage; the reverse never.
            let may_wait = layer == "web";
            assert!(may_wait || file.exists() || folder.exists(), "{step} has nothing in src/{layer}");
        }
        let has_templates = root().join(format!("templates/{step}")).is_dir();
        let has_pages = root().join(format!("src/web/{step}.rs")).exists();
        // The other way round, pages may be drawn by the steps that all imports share.
        assert!(!has_templates || has_pages, "{step}: templates without pages");
    }
}

#[test]
fn the_project_stands_alone() {
    // Pieced together, so that this file does not find itself.
    let work = concat!("/wo", "rk/");
    let shared = concat!("shar", "ed/");
    let mut all = files(&["src", "tests", "docs", "templates", "migrations", "assets", "benches", ".ci"], "");
    all.extend(files(&["README.md", "Makefile", "Cargo.toml", "clippy.toml", "deny.toml", "rust-toolchain.toml"], ""));
    for (path, text) in all {
        if path.ends_with("package-lock.json") {
            continue;
        }
        assert!(!text.contains(work), "{path} names a folder of one machine");
        assert!(!text.contains(shared), "{path} reads what is not its own");
    }
}

#[test]
fn pages_carry_no_inline_style_and_no_inline_script() {
    for (path, text) in files(&["templates"], ".html") {
        // The arguments of macros are no attributes.
        let mut html = String::new();
        for (index, part) in text.split("{{").enumerate() {
            html.push_str(if index == 0 { part } else { part.split_once("}}").map_or("", |(_, after)| after) });
        }
        let html: String = html
            .split("{%")
            .enumerate()
            .map(|(i, part)| if i == 0 { part } else { part.split_once("%}").map_or("", |(_, after)| after) })
            .collect();
        let is_mail = path.starts_with("templates/mail/");
        assert!(is_mail || !html.contains(" style=\""), "{path}: the content policy refuses inline styles");
        assert!(
            !html.contains("<script>") && !html.contains(" onclick="),
            "{path}: the content policy refuses inline scripts"
        );
    }
}

#[test]
fn documents_name_files_that_exist() {
    for (path, text) in files(&["README.md", "docs"], ".md") {
        for (_, rest) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            let target = rest.split([')', '#', ' ']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let from = root().join(&path);
            assert!(from.parent().unwrap().join(target).exists(), "{path} leads to {target}, which does not exist");
        }
        for (_, rest) in text.match_indices("`src/").map(|(at, _)| text.split_at(at + 1)) {
            let target = rest.split('`').next().unwrap();
            if target.contains(['<', '{', '*', '…']) {
                continue;
            }
            assert!(root().join(target).exists(), "{path} names {target}, which does not exist");
        }
    }
}
