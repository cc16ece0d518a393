//! Every page of the demonstration, by every role, read by axe-core at 1280 px in light and at 320 px in dark,
//! then every form sent empty, and all the HTML by a validator. A new page is read the day a link leads to it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::crawl::{self, Reached, attributes, pattern_of};
use super::driver::{Driver, Window, tools};
use crate::support::browser::{Browser, site_at};
use crate::support::{Fresh, sqlite, temp_dir, vault};
use axum::Router;
use axum::http::Method;
use cplds::clock::Clock;
use cplds::demo::next::open_next_session;
use cplds::demo::story::{Plan, play};
use cplds::domain::academy::Academy;
use cplds::store::{Db, accounts};

const STARTS: &[&str] = &[
    "/",
    "/mon-dossier",
    "/inscription",
    "/jury",
    "/gestion",
    "/formation",
    "/personnels",
    "/referentiel",
    "/national",
    "/administration",
    "/verifier",
    "/compte",
    "/plan-du-site",
    "/aide",
    "/accessibilite",
    "/mentions-legales",
    "/donnees-personnelles",
    "/resultats",
];

/// The demonstration, and someone of each role in it.
fn demonstration() -> (Fresh, Db) {
    let fresh = sqlite();
    let clock = Clock::manual(Clock::system().now());
    let db = fresh.db.clone().with_clock(clock.clone());
    let academy = Academy::find("22").unwrap();
    let plan = Plan { academy, year: 2027, count: 24, seed: 2027, table: None, public_url: "http://127.0.0.1".into() };
    play(&db, &clock, &plan, &mut |_| {}).unwrap();
    open_next_session(&db, &clock, &plan, &vault(&fresh)).unwrap();
    (fresh, db)
}

fn signed_in(site: &Router, email: &str) -> Browser {
    let mut browser = Browser::new(site);
    browser.get("/connexion");
    let answer = browser.post("/connexion", &[("email", email), ("motdepasse", cplds::demo::PASSWORD)]);
    assert!(answer.status.is_redirection(), "{email}: {}", answer.status);
    browser
}

/// Serves the site on loopback until the runtime ends; gives its address.
async fn serve(site: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = site.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://{address}")
}

async fn read(window: &Window, faults: &mut Vec<String>, what: &str) {
    for (width, is_dark) in [(1280, false), (320, true)] {
        window.shape(width, is_dark).await;
        for fault in window.faults().await {
            faults.push(format!("{what} at {width} px{}: {fault}", if is_dark { ", dark" } else { "" }));
        }
    }
}

#[test]
fn every_page_of_every_role_passes_axe_in_both_schemes_from_320_to_1280_pixels() {
    let (_fresh, db) = demonstration();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let site = site_at(&db, "http://127.0.0.1:8080");
    let base = runtime.block_on(serve(site.clone()));

    let mut who: Vec<(String, Browser)> = vec![("nobody".to_owned(), Browser::new(&site))];
    let mut roles = BTreeSet::new();
    for (role, email) in db.read_now(accounts::list_for_demo).unwrap() {
        if roles.insert(role.clone()) {
            let browser = signed_in(&site, &email);
            who.push((role, browser));
        }
    }
    let mut reached: Vec<Reached> = Vec::new();
    let mut faults = Vec::new();
    for (index, (name, browser)) in who.iter_mut().enumerate() {
        let starts: Vec<&str> = STARTS.iter().copied().filter(|start| browser.get(start).status.is_success()).collect();
        let (pages, broken) = crawl::pages(index, browser, &starts);
        faults.extend(broken.into_iter().map(|fault| format!("as {name}: {fault}")));
        reached.extend(pages);
    }
    // One role is enough for a page that several see, except where what it offers depends on who looks.
    let mut examples: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    let mut chosen: BTreeMap<&str, usize> = BTreeMap::new();
    reached.retain(|page| {
        let of_role = examples.entry((page.pattern, page.who)).or_default();
        let all = chosen.entry(page.pattern).or_default();
        *of_role += 1;
        let is_kept = *all < 3 && *of_role <= 2;
        *all += usize::from(is_kept);
        is_kept
    });
    validate(&reached, &mut faults);

    let driver = Driver::start();
    let read_pages = runtime.block_on(async {
        let window = driver.window().await;
        let mut faults = Vec::new();
        let mut forms: BTreeSet<&'static str> = BTreeSet::new();
        let mut inside = usize::MAX;
        for page in &reached {
            if inside != page.who {
                window.take_over(&base, &who[page.who].1.cookies).await;
                inside = page.who;
            }
            let what = format!("{} as {}", page.path, who[page.who].0);
            if page.is_sandboxed {
                window.show(&page.html).await;
            } else {
                window.client.goto(&format!("{base}{}", page.path)).await.unwrap();
            }
            read(&window, &mut faults, &what).await;
        }
        // Then each form once, sent empty: what is said of the faults is read too.
        for page in &reached {
            for action in attributes(&page.html, "form", "action").collect::<Vec<_>>() {
                let Some(pattern) = pattern_of(&Method::POST, &action) else { continue };
                if pattern == "/deconnexion" || !forms.insert(pattern) {
                    continue;
                }
                if inside != page.who {
                    window.take_over(&base, &who[page.who].1.cookies).await;
                    inside = page.who;
                }
                window.client.goto(&format!("{base}{}", page.path)).await.unwrap();
                let send = "const form = [...document.forms].find(f => f.getAttribute('action') === arguments[0]); \
                    if (!form) return false; \
                    for (const field of form.elements) { \
                      if (['text','email','tel','number','date','password','search',''].includes(field.type || '') \
                          || field.tagName === 'TEXTAREA') field.value = ''; \
                      if (field.type === 'checkbox' || field.type === 'radio') field.checked = false; } \
                    form.noValidate = true; form.submit(); return true;";
                let sent = window.client.execute(send, vec![action.clone().into()]).await.unwrap();
                if sent != true {
                    continue;
                }
                let what = format!("{action} sent empty from {} as {}", page.path, who[page.who].0);
                let shown = window.client.source().await.unwrap_or_default();
                if shown.contains("Une erreur est survenue") {
                    faults.push(format!("{what}: the server failed"));
                }
                if shown.contains("id=\"erreurs\"") {
                    read(&window, &mut faults, &what).await;
                }
            }
        }
        window.client.close().await.unwrap();
        println!("{} pages and {} forms read", reached.len(), forms.len());
        faults
    });
    faults.extend(read_pages);
    let patterns: BTreeSet<&str> = reached.iter().map(|page| page.pattern).collect();
    println!("{} routes seen", patterns.len());
    assert!(patterns.len() > 40, "the crawl saw {} routes only: {patterns:?}", patterns.len());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_readers_of_this_file_see_a_fault_when_there_is_one() {
    let faulty = "<!doctype html><html lang=\"fr\"><head><title>Essai</title></head><body><main><h1>Essai</h1>\
        <div style=\"width:900px\">large</div><img src=\"x.png\"></main></body></html>";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let driver = Driver::start();
    let mut faults = Vec::new();
    runtime.block_on(async {
        let window = driver.window().await;
        window.show(faulty).await;
        read(&window, &mut faults, "a faulty page").await;
        window.client.close().await.unwrap();
    });
    let page = Reached { who: 0, path: "/".to_owned(), pattern: "/", html: faulty.to_owned(), is_sandboxed: false };
    validate(&[page], &mut faults);
    for said in ["image-alt", "wider than the window", "html: "] {
        assert!(faults.iter().any(|fault| fault.contains(said)), "{said} is not in {faults:?}");
    }
}

/// All the HTML at once, by html-validate with the rules of the file beside its lock.
fn validate(pages: &[Reached], faults: &mut Vec<String>) {
    let dir = temp_dir("html");
    for (index, page) in pages.iter().enumerate() {
        let name = format!("{index:03}{}.html", page.pattern.replace(['/', '{', '}'], "_"));
        std::fs::write(dir.join(name), &page.html).unwrap();
    }
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/npm/htmlvalidate.json");
    let said = Command::new("node")
        .arg(tools().join("npm/node_modules/html-validate/bin/html-validate.mjs"))
        .args(["--config", rules, "--formatter", "text"])
        .arg(dir.join("*.html"))
        .output()
        .expect("node is missing: run tests/tools/prepare.sh, or make test");
    let out = String::from_utf8_lossy(&said.stdout);
    let shown =
        out.lines().filter(|line| !line.trim().is_empty()).map(|line| line.replace(&dir.display().to_string(), ""));
    faults.extend(shown.map(|line| format!("html: {line}")));
    assert!(said.status.success() || !out.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    let _ = std::fs::remove_dir_all(&dir);
}
