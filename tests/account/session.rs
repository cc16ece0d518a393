//! The end of a session: told, put off, and nothing typed is lost when it comes.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use jiff::SignedDuration;

use super::pages::{PASSWORD, sign_in, story, with_password};
use crate::draft::begin;
use crate::registration::open_session;
use crate::support::browser::{Answer, Browser};
use crate::support::{Fresh, each_engine};

const ADDRESS: &str = "ines@ac-limoges.example";

fn later(fresh: &Fresh, minutes: i64) {
    fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(minutes));
}

/// The hidden field of this name in the main part of a page.
fn hidden(page: &Answer, name: &str) -> String {
    let opening = format!("name=\"{name}\" value=\"");
    let (_, main) = page.body.split_once("<main").unwrap();
    let (_, rest) = main.split_once(&opening).unwrap_or_else(|| panic!("no {name} in {}", page.body));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&").replace("&#43;", "+")
}

#[test]
fn a_session_is_prolonged_by_its_owner_up_to_a_day() {
    story(|fresh, browser| {
        with_password(&fresh.db, ADDRESS, &[(Role::Candidate, Some("22"))]);
        sign_in(browser, ADDRESS);
        let page = browser.get("/compte");
        assert!(page.says("data-left=\"43200\"") && page.says("vous serez déconnecté le"), "{}", page.body);
        assert!(page.says("data-more=\"oui\""));
        later(fresh, 11 * 60);
        assert!(browser.get("/compte").says("data-left=\"3600\""));
        assert_eq!(browser.post("/session/prolonger", &[]).location(), "/compte");
        let page = browser.get("/compte");
        assert!(page.says("data-left=\"43200\"") && page.says("Vous restez connecté jusqu’au"), "{}", page.body);
        later(fresh, 11 * 60);
        browser.get("/compte");
        browser.post("/session/prolonger", &[]);
        let page = browser.get("/compte");
        assert!(page.says("data-left=\"7200\"") && page.says("data-more=\"non\""), "{}", page.body);
        later(fresh, 2 * 60);
        assert!(browser.get("/compte").location().starts_with("/connexion"), "a day is over");
    });
}

#[test]
fn an_unattended_screen_of_the_office_says_when_it_closes() {
    story(|fresh, browser| {
        with_password(&fresh.db, "agent@ac-limoges.example", &[(Role::ExamOfficer, Some("22"))]);
        sign_in(browser, "agent@ac-limoges.example");
        let page = browser.get("/compte");
        // Asked long before the end: it is then that one may stay.
        assert!(page.says("data-left=\"1800\"") && page.says("data-more=\"oui\""), "{}", page.body);
        later(fresh, 29);
        browser.post("/session/prolonger", &[]);
        later(fresh, 29);
        assert_eq!(browser.get("/compte").status, StatusCode::OK);
        later(fresh, 30);
        let asked = browser.get("/compte");
        let page = browser.follow(&asked);
        assert!(page.says("votre session a pris fin"), "{}", page.body);
        assert_eq!(browser.post_bare("/session/prolonger", &[]).status, StatusCode::FORBIDDEN);
    });
}

#[test]
fn a_step_sent_after_the_end_of_the_session_is_kept_through_the_sign_in() {
    each_engine(|fresh| {
        let site = crate::support::web::Site::new(fresh);
        let session = open_session(fresh);
        let email = site.user(Role::Candidate, "22");
        let mut browser = site.sign_in(&email);
        let draft = begin(&mut browser, &session);
        let step = format!("{draft}/identite");
        let version = hidden(&browser.get(&step), "version");
        later(fresh, 12 * 60);
        let typed =
            [("version", version.as_str()), ("civilite", "Mme"), ("nom", "L’ÉCUYER & FILS"), ("prenoms", "Inès")];
        let late = browser.post(&step, &typed);
        assert_eq!(late.status, StatusCode::FORBIDDEN, "{}", late.body);
        assert!(late.says("votre session a pris fin") && late.says("L’ÉCUYER"), "{}", late.body);
        let carried = [("reprise", hidden(&late, "reprise")), ("reprise_vers", hidden(&late, "reprise_vers"))];
        assert_eq!(carried[1].1, step);
        let back = |browser: &mut Browser, password: &str| {
            let mut fields = vec![("email", email.as_str()), ("motdepasse", password)];
            fields.extend(carried.iter().map(|(name, value)| (*name, value.as_str())));
            browser.post("/connexion", &fields)
        };
        let wrong = back(&mut browser, "pas le bon");
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(hidden(&wrong, "reprise"), carried[0].1, "a wrong password loses nothing either");
        let again = back(&mut browser, crate::support::web::PASSWORD);
        assert_eq!(again.status, StatusCode::OK, "{}", again.body);
        assert!(again.says(&format!("action=\"{step}\"")) && again.says("L’ÉCUYER"), "{}", again.body);
        assert!(!browser.get(&step).says("L’ÉCUYER"), "nothing is sent without its owner");
        let saved = browser.post(&step, &typed);
        assert_ne!(saved.status, StatusCode::FORBIDDEN);
        assert!(browser.get(&step).says("L’ÉCUYER &#38; FILS"), "{}", browser.get(&step).body);
    });
}

#[test]
fn a_password_is_never_carried_and_a_strange_form_never_shown_again() {
    story(|fresh, browser| {
        with_password(&fresh.db, ADDRESS, &[(Role::Candidate, Some("22"))]);
        sign_in(browser, ADDRESS);
        browser.get("/compte");
        let mut stranger = browser.clone();
        later(fresh, 12 * 60);
        let late = browser.post("/compte/mot-de-passe", &[("actuel", PASSWORD), ("nouveau", "lampe verte océan")]);
        assert_eq!(late.status, StatusCode::FORBIDDEN);
        assert!(late.says("un mot de passe n’est jamais gardé"), "{}", late.body);
        for secret in [PASSWORD, "lampe verte", "name=\"reprise\""] {
            assert!(!late.says(secret), "{secret}");
        }
        stranger.token = "0".repeat(64);
        let forged = stranger.post("/compte/cles", &[("nom", "CHOSE-GLISSÉE")]);
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        assert!(!forged.says("CHOSE-GLISSÉE"));
        // The way of the form stays on this site.
        stranger.get("/connexion");
        let fields = [
            ("email", ADDRESS),
            ("motdepasse", PASSWORD),
            ("reprise_vers", "https://mal.example/"),
            ("reprise", "a=b"),
        ];
        assert_eq!(stranger.post("/connexion", &fields).location(), "/");
    });
}
