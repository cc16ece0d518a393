//! Accounts people open themselves, and the change of their address: links used once, the same answer to all.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::people;
use jiff::SignedDuration;

use super::pages::{PASSWORD, sign_in, story, with_password};
use super::person;
use crate::support::browser::{Browser, site};
use crate::support::{Fresh, connect};

/// Subject and text of the last mail queued for this address.
fn last_mail(fresh: &Fresh, address: &str) -> Option<(String, String)> {
    use cplds::store::schema::outbox;
    use diesel::prelude::*;
    let mails = outbox::table.filter(outbox::recipient.eq(address)).order(outbox::id.desc());
    mails.select((outbox::subject, outbox::body_text)).first(&mut connect(fresh)).optional().unwrap()
}

fn link_in(mail: &str, path: &str) -> String {
    let (_, rest) = mail.split_once(&format!("http://127.0.0.1:8080{path}")).expect("a link");
    format!("{path}{}", rest.split_whitespace().next().unwrap())
}

const OPENING: [(&str, &str); 3] = [("nom", "Inès Durand"), ("nouveau", PASSWORD), ("confirmation", PASSWORD)];

#[test]
fn an_account_is_opened_by_a_link_used_once_within_thirty_minutes() {
    story(|fresh, browser| {
        browser.get("/compte/creation");
        let asked = browser.post("/compte/creation", &[("email", "Ines@ac-limoges.example")]);
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        let (_, mail) = last_mail(fresh, "Ines@ac-limoges.example").expect("a mail");
        let path = link_in(&mail, "/compte/creation/");
        assert_eq!(browser.get(&path).status, StatusCode::OK);
        assert_eq!(browser.get(&path).status, StatusCode::OK, "looking never uses the link");
        let blank = browser.post(&path, &[("nom", "Inès Durand"), ("nouveau", "court"), ("confirmation", "court")]);
        assert_eq!(blank.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(blank.says("value=\"Inès Durand\""), "what was typed stays");
        let done = browser.post(&path, &OPENING);
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/mon-dossier"), "{}", done.body);
        assert_eq!(browser.get("/mon-dossier").status, StatusCode::OK);
        assert_eq!(browser.get("/gestion").status, StatusCode::NOT_FOUND);
        let again = browser.post(&path, &OPENING);
        assert_eq!(again.status, StatusCode::GONE);
        assert!(again.says("a déjà servi"));

        let mut other = Browser::new(&site(&fresh.db));
        other.get("/compte/creation");
        other.post("/compte/creation", &[("email", "paul@ac-limoges.example")]);
        let (_, mail) = last_mail(fresh, "paul@ac-limoges.example").unwrap();
        let path = link_in(&mail, "/compte/creation/");
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(30));
        assert_eq!(other.get(&path).status, StatusCode::GONE);
        assert_eq!(other.post(&path, &OPENING).status, StatusCode::GONE);
        assert_eq!(other.get("/compte/creation/inconnu").status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_known_address_and_an_unknown_one_get_the_same_page_and_each_its_mail() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[(Role::ExamOfficer, Some("22"))]);
        browser.get("/compte/creation");
        let known = browser.post("/compte/creation", &[("email", "A@ac-limoges.example")]);
        let unknown = browser.post("/compte/creation", &[("email", "b@ac-limoges.example")]);
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
        let (_, told) = last_mail(fresh, "a@ac-limoges.example").expect("the owner is told");
        assert!(told.contains("/connexion") && !told.contains("/compte/creation/"), "{told}");
        assert!(last_mail(fresh, "b@ac-limoges.example").unwrap().1.contains("/compte/creation/"));
        let mut bodies = Vec::new();
        for _ in 0..4 {
            bodies.push(browser.post("/compte/creation", &[("email", "b@ac-limoges.example")]).body);
        }
        assert!(bodies.iter().all(|body| *body == unknown.body), "too many mails are not told either");
        for n in 0..50 {
            browser.post("/compte/creation", &[("email", &format!("c{n}@ac-limoges.example"))]);
        }
        let refused = browser.post("/compte/creation", &[("email", "d@ac-limoges.example")]);
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "one machine asks for so many and no more");
        assert!(last_mail(fresh, "d@ac-limoges.example").is_none());
    });
}

#[test]
fn a_file_known_under_the_address_is_seen_only_once_its_birth_date_is_given() {
    story(|fresh, browser| {
        let id = person(&fresh.db, "DURAND");
        browser.get("/compte/creation");
        browser.post("/compte/creation", &[("email", "ines@ac-limoges.example")]);
        let (_, mail) = last_mail(fresh, "ines@ac-limoges.example").unwrap();
        let path = link_in(&mail, "/compte/creation/");
        browser.get(&path);
        let done = browser.post(&path, &OPENING);
        assert_eq!(done.location(), "/compte/dossier");
        browser.get("/compte/dossier");
        let tied = |fresh: &Fresh| {
            let id = id.clone();
            fresh.db.read_now(move |conn| people::get_person(conn, &id)).unwrap().user_id
        };
        for _ in 0..5 {
            let wrong = browser.post("/compte/dossier", &[("naissance", "02/03/1985")]);
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let right = [("naissance", "1/3/1985")];
        assert_eq!(browser.post("/compte/dossier", &right).status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(tied(fresh), None);
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(15));
        assert_eq!(browser.post("/compte/dossier", &right).location(), "/mon-dossier");
        assert!(tied(fresh).is_some());
        assert_eq!(browser.get("/compte/dossier").status, StatusCode::NOT_FOUND, "nothing is left to tie");
    });
}

#[test]
fn an_address_changes_when_the_new_mailbox_says_yes_and_comes_back_when_the_old_one_says_no() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[(Role::Candidate, Some("22"))]);
        with_password(&fresh.db, "prise@ac-limoges.example", &[(Role::Candidate, Some("22"))]);
        sign_in(browser, "a@ac-limoges.example");
        browser.get("/compte/adresse");
        let wrong = browser.post("/compte/adresse", &[("email", "n@ac-limoges.example"), ("motdepasse", "faux")]);
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let free = browser.post("/compte/adresse", &[("email", "n@ac-limoges.example"), ("motdepasse", PASSWORD)]);
        assert_eq!(free.location(), "/compte", "{}", free.body);
        let cancel = link_in(&last_mail(fresh, "a@ac-limoges.example").unwrap().1, "/compte/adresse/");
        let confirm = link_in(&last_mail(fresh, "n@ac-limoges.example").unwrap().1, "/compte/adresse/");
        assert!(browser.get("/compte").says("n@ac-limoges.example"), "what waits is shown");

        let mut new = Browser::new(&site(&fresh.db));
        assert!(new.get(&confirm).says("n@ac-limoges.example"));
        assert_eq!(new.post(&confirm, &[]).location(), "/connexion");
        assert_eq!(new.post(&confirm, &[]).status, StatusCode::GONE);
        sign_in(&mut new, "n@ac-limoges.example");

        let mut old = Browser::new(&site(&fresh.db));
        old.get(&cancel);
        assert_eq!(old.post(&cancel, &[]).location(), "/connexion");
        assert!(new.get("/compte").location().starts_with("/connexion"), "every session is closed");
        sign_in(&mut old, "a@ac-limoges.example");

        // An address that has an account answers the same, gets no link, and nothing changes.
        old.get("/compte/adresse");
        let taken = old.post("/compte/adresse", &[("email", "prise@ac-limoges.example"), ("motdepasse", PASSWORD)]);
        assert_eq!(taken.location(), free.location());
        assert!(!last_mail(fresh, "prise@ac-limoges.example").unwrap().1.contains("/compte/adresse/"));
        // A second request closes the first: one change waits at a time.
        let first = link_in(&last_mail(fresh, "a@ac-limoges.example").unwrap().1, "/compte/adresse/");
        old.post("/compte/adresse", &[("email", "m@ac-limoges.example"), ("motdepasse", PASSWORD)]);
        assert_eq!(old.get(&first).status, StatusCode::NOT_FOUND);
    });
}
