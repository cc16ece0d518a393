//! Every entrance of an account, tried as somebody who guesses would: nothing tells who has an account, a link serves
//! once however many use it together, and a passkey's question is answered once, in time, by whoever was asked.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::accounts::passkeys;
use cplds::store::schema::{account_requests, audit_entries, links, outbox, passkey_challenges, users};
use diesel::prelude::*;
use jiff::SignedDuration;

use super::pages::{PASSWORD, sign_in, story, with_password};
use super::{loaded, system, user, write};
use crate::support::browser::{Answer, Browser, site, site_at};
use crate::support::{Fresh, connect, each_engine};

const KNOWN: &str = "connue@ac-limoges.example";
const UNKNOWN: &str = "inconnu@ac-limoges.example";
const NAMED: &str = "http://localhost:8080";

/// What a page says once the address typed in it is taken out.
fn said(answer: &Answer, address: &str) -> (StatusCode, String, Vec<String>) {
    let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    (answer.status, answer.body.replace(address, "…"), headers)
}

fn link_of(fresh: &Fresh, address: &str, path: &str) -> String {
    let mails = outbox::table.filter(outbox::recipient.eq(address)).order(outbox::id.desc());
    let text: String = mails.select(outbox::body_text).first(&mut connect(fresh)).unwrap();
    let rest = text.split_once(path).expect("a link").1;
    format!("{path}{}", rest.split_whitespace().next().unwrap())
}

type Rows = [i64; 4];

/// How many links, requests, mails and lines of the audit there are.
fn written(fresh: &Fresh) -> Rows {
    let conn = &mut connect(fresh);
    [
        links::table.count().get_result(conn).unwrap(),
        account_requests::table.count().get_result(conn).unwrap(),
        outbox::table.count().get_result(conn).unwrap(),
        audit_entries::table.count().get_result(conn).unwrap(),
    ]
}

#[test]
fn no_entrance_tells_a_known_address_from_an_unknown_one() {
    story(|fresh, browser| {
        with_password(&fresh.db, KNOWN, &[(Role::Candidate, Some("22"))]);
        for (path, more) in [
            ("/connexion", Some(("motdepasse", "pas le bon mot"))),
            ("/mot-de-passe-oublie", None),
            ("/compte/creation", None),
        ] {
            browser.get(path);
            let mut ask = |address: &str| {
                let mut fields = vec![("email", address)];
                fields.extend(more);
                said(&browser.post(path, &fields), address)
            };
            let before = written(fresh);
            let known = ask(KNOWN);
            let between = written(fresh);
            let unknown = ask(UNKNOWN);
            let after = written(fresh);
            assert_eq!(known, unknown, "{path}");
            // The same rows are written for both: the time a page takes tells nothing either.
            let more = |from: Rows, to: Rows| [to[0] - from[0], to[1] - from[1], to[2] - from[2], to[3] - from[3]];
            assert_eq!(more(before, between), more(between, after), "{path}");
        }
        // The device is asked before anybody says who they are: there is nothing to tell.
        let mut named = Browser::new(&site_at(&fresh.db, NAMED));
        named.get("/connexion");
        let asked = named.post("/connexion/cle", &[]);
        assert_eq!(asked.status, StatusCode::OK);
        assert!(asked.says("&#34;allowCredentials&#34;:[]"), "{}", asked.body);
    });
}

#[test]
fn a_link_used_twenty_times_at_once_serves_once() {
    story(|fresh, browser| {
        with_password(&fresh.db, KNOWN, &[(Role::Candidate, Some("22"))]);
        browser.get("/mot-de-passe-oublie");
        browser.post("/mot-de-passe-oublie", &[("email", KNOWN)]);
        browser.get("/compte/creation");
        browser.post("/compte/creation", &[("email", UNKNOWN)]);
        for path in [link_of(fresh, KNOWN, "/lien/"), link_of(fresh, UNKNOWN, "/compte/creation/")] {
            let site = site(&fresh.db);
            let path = path.as_str();
            let answers: Vec<StatusCode> = std::thread::scope(|scope| {
                let tries: Vec<_> = (0..20)
                    .map(|_| {
                        let site = &site;
                        scope.spawn(move || {
                            let mut browser = Browser::new(site);
                            browser.get("/connexion");
                            let fields = [("nom", "Inès"), ("nouveau", PASSWORD), ("confirmation", PASSWORD)];
                            browser.post(path, &fields).status
                        })
                    })
                    .collect();
                tries.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let good = answers.iter().filter(|status| **status == StatusCode::SEE_OTHER).count();
            let gone = answers.iter().filter(|status| **status == StatusCode::GONE).count();
            assert_eq!((good, gone), (1, 19), "{path}: {answers:?}");
        }
        let accounts: i64 = users::table.count().get_result(&mut connect(fresh)).unwrap();
        assert_eq!(accounts, 2);
    });
}

#[test]
fn a_link_asked_for_by_mail_is_good_to_the_last_second_of_thirty_minutes() {
    story(|fresh, browser| {
        with_password(&fresh.db, KNOWN, &[(Role::Candidate, Some("22"))]);
        for (page, address, path) in
            [("/compte/creation", UNKNOWN, "/compte/creation/"), ("/mot-de-passe-oublie", KNOWN, "/lien/")]
        {
            browser.get(page);
            browser.post(page, &[("email", address)]);
            let link = link_of(fresh, address, path);
            fresh.clock.set(fresh.clock.now() + SignedDuration::from_secs(30 * 60 - 1));
            assert_eq!(browser.get(&link).status, StatusCode::OK, "{page}");
            fresh.clock.set(fresh.clock.now() + SignedDuration::from_secs(1));
            assert_eq!(browser.get(&link).status, StatusCode::GONE, "{page}");
        }
    });
}

#[test]
fn a_question_to_a_device_is_answered_once_in_time_and_by_whoever_was_asked() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let [a, b] = [KNOWN, UNKNOWN].map(|address| user(db, address, &[]).user_id);
        let keep = |user: Option<&str>| {
            let user = user.map(str::to_owned);
            write(db, &system(), move |tx| passkeys::keep_challenge(tx, user.as_deref(), "état")).unwrap()
        };
        let take = |token: &str, user: Option<&str>| {
            let (token, user) = (token.to_owned(), user.map(str::to_owned));
            write(db, &system(), move |tx| passkeys::take_challenge(tx, &token, user.as_deref())).is_ok()
        };
        let token = keep(Some(&a));
        assert!(!take(&token, Some(&b)), "somebody else's");
        let token = keep(Some(&a));
        assert!(!take(&token, None), "one of an addition is none of a sign-in");
        let token = keep(None);
        assert!(take(&token, None));
        assert!(!take(&token, None), "twice");
        assert!(!take("inconnu", None));
        let token = keep(None);
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(5));
        assert!(!take(&token, None), "too late");
        keep(None);
        let kept: i64 = passkey_challenges::table.count().get_result(&mut connect(fresh)).unwrap();
        assert!(kept <= 2, "those that are over leave: {kept}");
    });
}

#[test]
fn garbage_in_the_place_of_a_devices_answer_is_refused_and_huge_garbage_is_not_read() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        with_password(db, KNOWN, &[(Role::Candidate, Some("22"))]);
        let mut browser = Browser::new(&site_at(db, NAMED));
        browser.get("/connexion");
        let defi = |page: &Answer| {
            let rest = page.body.split_once("name=\"defi\" value=\"").unwrap().1;
            rest.split('"').next().unwrap().to_owned()
        };
        for garbage in [
            "",
            "{",
            "null",
            "[]",
            "{\"id\":\"a\",\"rawId\":\"a\",\"type\":\"public-key\",\"response\":{}}",
            "\u{0}\u{202e}é",
        ] {
            let asked = browser.post("/connexion/cle", &[]);
            let fields = [("defi", defi(&asked)), ("reponse", garbage.to_owned())];
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            let refused = browser.post("/connexion/cle/reponse", &fields);
            assert!(refused.status.is_client_error(), "{garbage}: {}", refused.status);
        }
        let huge = "x".repeat(300 * 1024);
        let refused = browser.post("/connexion/cle/reponse", &[("defi", "a"), ("reponse", &huge)]);
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);

        sign_in(&mut browser, KNOWN);
        browser.get("/compte/cles");
        let asked = browser.post("/compte/cles", &[("nom", "Ma clé")]);
        assert!(asked.says("data-with-passkeys hidden") && asked.says("data-without-passkeys"), "{}", asked.body);
        let question = defi(&asked);
        let refused = browser.post("/compte/cles/ajout", &[("defi", &question), ("reponse", "{"), ("nom", "Ma clé")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("n’a pas pu prouver") && refused.says("value=\"Ma clé\""), "{}", refused.body);
        let again = browser.post("/compte/cles/ajout", &[("defi", &question), ("reponse", "{"), ("nom", "Ma clé")]);
        assert!(again.says("ne sert qu’une fois"), "{}", again.body);
        for (method, path) in [("nom", "/compte/cles/inconnu/nom"), ("", "/compte/cles/inconnu/retrait")] {
            assert_eq!(browser.get(path).status, StatusCode::NOT_FOUND);
            assert_eq!(
                browser.post(path, &[(if method.is_empty() { "x" } else { method }, "N")]).status,
                StatusCode::NOT_FOUND
            );
        }
    });
}
