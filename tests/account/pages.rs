//! Accounts as a visitor meets them: signing in and out, forgotten passwords, invitations, administration.

use axum::http::StatusCode;
use cplds::domain::account::{LinkPurpose, Password};
use cplds::domain::permission::{Actor, Role};
use cplds::password;
use cplds::store::schema::outbox;
use cplds::store::{Db, accounts};
use jiff::SignedDuration;

use super::{link, loaded, open_session, person, system, user, write};
use crate::support::browser::{Browser, site, site_at};
use crate::support::{Fresh, each_engine};

pub const PASSWORD: &str = "cheval pile agrafe";

/// Hashed once: the cost is on purpose.
fn hash() -> &'static str {
    static HASH: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| password::hash_now(&Password::choose(PASSWORD, "x@y.example").unwrap()).unwrap());
    &HASH
}

pub fn with_password(db: &Db, address: &str, roles: &[(Role, Option<&'static str>)]) -> Actor {
    let actor = user(db, address, roles);
    let id = actor.user_id.clone();
    write(db, &system(), move |tx| accounts::set_password(tx, &id, hash(), None)).unwrap();
    actor
}

pub fn sign_in(browser: &mut Browser, address: &str) {
    browser.get("/connexion");
    let answer = browser.post("/connexion", &[("email", address), ("motdepasse", PASSWORD)]);
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

/// The token in the last mail queued for this address.
fn mailed_token(db: &Db, address: &str) -> Option<String> {
    let body: Option<String> = db
        .read_now(|conn| {
            use diesel::prelude::*;
            let mails = outbox::table.filter(outbox::recipient.eq(address)).order(outbox::id.desc());
            Ok(mails.select(outbox::body_text).first(conn).optional()?)
        })
        .unwrap();
    let body = body?;
    let (_, rest) = body.split_once("/lien/")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

pub fn story(tell: impl Fn(&Fresh, &mut Browser)) {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let mut browser = Browser::new(&site(db));
        tell(fresh, &mut browser);
    });
}

#[test]
fn signing_in_leads_back_to_the_page_asked_for_and_signing_out_ends_the_session_on_the_server() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        let asked = browser.get("/administration?role=tutor");
        assert_eq!(asked.location(), "/connexion?retour=%2Fadministration%3Frole%3Dtutor");
        let form = browser.get(asked.location());
        assert!(form.body.contains("value=\"/administration?role=tutor\""));
        let fields =
            [("email", "A@ac-limoges.example"), ("motdepasse", PASSWORD), ("retour", "/administration?role=tutor")];
        let answer = browser.post("/connexion", &fields);
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/administration?role=tutor"));
        let cookie = answer.set_cookie("cplds").expect("a session cookie");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
        assert_eq!(browser.get("/administration").status, StatusCode::OK);

        let mut thief = browser.clone();
        browser.get("/deconnexion");
        let out = browser.post("/deconnexion", &[]);
        assert_eq!(out.status, StatusCode::SEE_OTHER);
        assert!(!browser.cookies.contains_key("cplds"));
        assert!(thief.get("/administration").location().starts_with("/connexion"), "a copied cookie is worth nothing");
    });
}

#[test]
fn under_https_the_session_cookie_is_secure_and_bound_to_the_host() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        with_password(db, "a@ac-limoges.example", &[]);
        let mut browser = Browser::new(&site_at(db, "https://cplds.example"));
        browser.get("/connexion");
        let answer = browser.post("/connexion", &[("email", "a@ac-limoges.example"), ("motdepasse", PASSWORD)]);
        let cookie = answer.set_cookie("__Host-cplds").expect("a session cookie");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    });
}

#[test]
fn an_unknown_address_a_wrong_password_and_a_disabled_account_get_the_same_bytes() {
    story(|fresh, browser| {
        let address = "inconnu@ac-limoges.example";
        browser.get("/connexion");
        let fields = [("email", address), ("motdepasse", "pas le bon mot de passe")];
        let unknown = browser.post("/connexion", &fields);
        let actor = with_password(&fresh.db, address, &[(Role::Candidate, Some("22"))]);
        let wrong = browser.post("/connexion", &fields);
        let id = actor.user_id.clone();
        write(&fresh.db, &system(), move |tx| accounts::disable_user(tx, &id)).unwrap();
        let disabled = browser.post("/connexion", &[("email", address), ("motdepasse", PASSWORD)]);
        assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(unknown.body.contains("Adresse électronique ou mot de passe incorrect"));
        assert!(unknown.body.contains(&format!("value=\"{address}\"")), "what was typed stays");
        for other in [wrong, disabled] {
            assert_eq!(other.status, unknown.status);
            assert_eq!(other.body, unknown.body);
        }
    });
}

#[test]
fn too_many_tries_are_answered_429_with_the_wait_even_with_the_right_password() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[]);
        browser.get("/connexion");
        for _ in 0..10 {
            let wrong = browser.post("/connexion", &[("email", "a@ac-limoges.example"), ("motdepasse", "x")]);
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let right = [("email", "a@ac-limoges.example"), ("motdepasse", PASSWORD)];
        let refused = browser.post("/connexion", &right);
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.body.contains("réessayez dans 15"), "{}", refused.body);
        assert!(refused.headers.contains_key("retry-after"));
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(15));
        assert_eq!(browser.post("/connexion", &right).status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn a_form_without_its_token_is_refused_before_anything_is_done() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[]);
        browser.get("/connexion");
        let fields = [("email", "a@ac-limoges.example"), ("motdepasse", PASSWORD)];
        for path in [
            "/connexion",
            "/mot-de-passe-oublie",
            "/deconnexion",
            "/compte/mot-de-passe",
            "/lien/x",
            "/administration/comptes",
        ] {
            let answer = browser.post_bare(path, &fields);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert!(answer.set_cookie("cplds").is_none(), "{path}");
        }
        assert_eq!(mailed_token(&fresh.db, "a@ac-limoges.example"), None);
    });
}

#[test]
fn a_token_planted_before_signing_in_never_becomes_a_session() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[]);
        let planted = "A".repeat(43);
        browser.cookies.insert("cplds".into(), planted.clone());
        sign_in(browser, "a@ac-limoges.example");
        let first = browser.cookies["cplds"].clone();
        assert_ne!(first, planted);
        let mut attacker = Browser::new(&site(&fresh.db));
        attacker.cookies.insert("cplds".into(), planted);
        assert!(attacker.get("/compte").location().starts_with("/connexion"));
        // Signing in again in the same browser makes another token, and ends the one before.
        browser.get("/compte");
        let again = browser.post("/connexion", &[("email", "a@ac-limoges.example"), ("motdepasse", PASSWORD)]);
        assert_eq!(again.status, StatusCode::SEE_OTHER);
        assert_ne!(browser.cookies["cplds"], first);
        attacker.cookies.insert("cplds".into(), first);
        assert!(attacker.get("/compte").location().starts_with("/connexion"));
    });
}

#[test]
fn a_forgotten_password_answers_the_same_to_all_and_gives_a_link_only_to_those_who_have_an_account() {
    story(|fresh, browser| {
        let db = &fresh.db;
        with_password(db, "a@ac-limoges.example", &[]);
        browser.get("/mot-de-passe-oublie");
        let known = browser.post("/mot-de-passe-oublie", &[("email", "A@ac-limoges.example")]);
        let unknown = browser.post("/mot-de-passe-oublie", &[("email", "b@ac-limoges.example")]);
        assert_eq!((known.status, &known.body), (StatusCode::OK, &unknown.body));
        assert_eq!(mailed_token(db, "b@ac-limoges.example"), None);
        let token = mailed_token(db, "a@ac-limoges.example").expect("a mail");

        let path = format!("/lien/{token}");
        for _ in 0..2 {
            assert_eq!(browser.get(&path).status, StatusCode::OK, "looking never uses the link");
        }
        let short = browser.post(&path, &[("nouveau", "court"), ("confirmation", "court")]);
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(short.body.contains("12"), "the rule is said");
        let differ = browser.post(&path, &[("nouveau", "quatre mots bien rangés"), ("confirmation", "autre")]);
        assert!(differ.body.contains("Les deux saisies diffèrent"));
        let chosen = [("nouveau", "quatre mots bien rangés"), ("confirmation", "quatre mots bien rangés")];
        let done = browser.post(&path, &chosen);
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/"));
        assert_eq!(browser.get("/compte").status, StatusCode::OK, "signed in");
        assert_eq!(browser.post(&path, &chosen).status, StatusCode::GONE);
        assert_eq!(browser.get(&path).status, StatusCode::GONE);

        let mut other = Browser::new(&site(db));
        other.get("/connexion");
        let old = other.post("/connexion", &[("email", "a@ac-limoges.example"), ("motdepasse", PASSWORD)]);
        assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY, "the old password is over");
    });
}

#[test]
fn a_mailbox_is_not_flooded_and_nobody_is_told() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[]);
        browser.get("/mot-de-passe-oublie");
        let mut bodies = Vec::new();
        for _ in 0..5 {
            bodies.push(browser.post("/mot-de-passe-oublie", &[("email", "a@ac-limoges.example")]).body);
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
        let queued: i64 = fresh
            .db
            .read_now(|conn| {
                use diesel::prelude::*;
                Ok(outbox::table.count().get_result(conn)?)
            })
            .unwrap();
        assert_eq!(queued, 3);
    });
}

#[test]
fn an_expired_link_says_how_to_get_another() {
    story(|fresh, browser| {
        let actor = with_password(&fresh.db, "a@ac-limoges.example", &[]);
        let token =
            link(&fresh.db, &system(), LinkPurpose::Password, "a@ac-limoges.example", None, Some(&actor.user_id))
                .unwrap();
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_hours(1));
        let gone = browser.get(&format!("/lien/{token}"));
        assert_eq!(gone.status, StatusCode::GONE);
        assert!(gone.body.contains("Mot de passe oublié"));
        assert_eq!(browser.get("/lien/inconnu").status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn an_invited_candidate_opens_an_account_tied_to_the_file() {
    story(|fresh, browser| {
        let db = &fresh.db;
        let id = person(db, "DURAND");
        let token = link(db, &system(), LinkPurpose::Invitation, "ines@ac-limoges.example", Some(&id), None).unwrap();
        let path = format!("/lien/{token}");
        let page = browser.get(&path);
        assert!(page.body.contains("Votre dossier de candidature sera rattaché"), "{}", page.body);
        let done = browser.post(&path, &[("nouveau", PASSWORD), ("confirmation", PASSWORD)]);
        assert_eq!(done.status, StatusCode::SEE_OTHER);
        let home = browser.get("/");
        assert!(home.body.contains("href=\"/mon-dossier\""));

        // A second invitation adds to the account without touching its password, and asks to sign in.
        let token = link(db, &system(), LinkPurpose::Invitation, "ines@ac-limoges.example", Some(&id), None).unwrap();
        let mut other = Browser::new(&site(db));
        let page = other.get(&format!("/lien/{token}"));
        assert!(page.body.contains("votre mot de passe ne change pas"));
        let done = other.post(&format!("/lien/{token}"), &[]);
        assert_eq!(done.location(), "/connexion");
        assert!(done.set_cookie("cplds").is_none());
        sign_in(&mut other, "ines@ac-limoges.example");
    });
}

#[test]
fn changing_ones_password_asks_the_old_one_and_ends_the_other_sessions() {
    story(|fresh, browser| {
        with_password(&fresh.db, "a@ac-limoges.example", &[(Role::ExamOfficer, Some("22"))]);
        let mut elsewhere = Browser::new(&site(&fresh.db));
        sign_in(&mut elsewhere, "a@ac-limoges.example");
        sign_in(browser, "a@ac-limoges.example");
        let page = browser.get("/compte");
        assert_eq!(page.body.matches("data-label=\"Appareil\"").count(), 2, "{}", page.body);
        let chosen = [("nouveau", "quatre mots bien rangés"), ("confirmation", "quatre mots bien rangés")];
        let wrong = browser.post("/compte/mot-de-passe", &[&[("actuel", "faux")], &chosen[..]].concat());
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let done = browser.post("/compte/mot-de-passe", &[&[("actuel", PASSWORD)], &chosen[..]].concat());
        assert_eq!(done.location(), "/compte");
        assert_eq!(browser.get("/compte").status, StatusCode::OK);
        assert!(elsewhere.get("/compte").location().starts_with("/connexion"));
    });
}

#[test]
fn an_administrator_invites_a_colleague_who_alone_chooses_the_password() {
    story(|fresh, browser| {
        let db = &fresh.db;
        with_password(db, "admin@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        sign_in(browser, "admin@ac-limoges.example");
        browser.get("/administration/comptes/nouveau");
        let fields = |role: &'static str, academy: &'static str| {
            [("nom", "Zoé Noël"), ("email", "zoe@ac-limoges.example"), ("role", role), ("academie", academy)]
        };
        for (role, academy) in
            [("exam_officer", "02"), ("platform_administrator", ""), ("exam_officer", ""), ("inconnu", "22")]
        {
            let refused = browser.post("/administration/comptes", &fields(role, academy));
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{role} {academy}");
            assert!(refused.body.contains("value=\"Zoé Noël\""));
        }
        let done = browser.post("/administration/comptes", &fields("exam_officer", "22"));
        let page = browser.get(done.location());
        let token = mailed_token(db, "zoe@ac-limoges.example").expect("an invitation");
        assert!(!page.body.contains(&token) && page.body.contains("invité"), "the link is in the mailbox only");
        let mut zoe = Browser::new(&site(db));
        zoe.get(&format!("/lien/{token}"));
        zoe.post(&format!("/lien/{token}"), &[("nouveau", PASSWORD), ("confirmation", PASSWORD)]);
        assert!(zoe.get("/").body.contains("href=\"/gestion\""));
        assert_eq!(zoe.get("/administration").status, StatusCode::NOT_FOUND);

        let account = done.location().to_owned();
        browser.get(&account);
        let removed =
            browser.post(&format!("{account}/roles/retrait"), &[("role", "exam_officer"), ("academie", "22")]);
        assert_eq!(removed.location(), "/administration", "without a role here the account is no longer ours");
        assert_eq!(browser.get(&account).status, StatusCode::NOT_FOUND);
        assert!(!zoe.get("/").body.contains("href=\"/gestion\""), "the role counts no more at once");
    });
}

#[test]
fn an_account_of_another_academy_is_as_missing_as_one_that_does_not_exist() {
    story(|fresh, browser| {
        let db = &fresh.db;
        with_password(db, "admin@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        let foreign = with_password(db, "b@ac-autre.example", &[(Role::ExamOfficer, Some("02"))]);
        sign_in(browser, "admin@ac-limoges.example");
        assert!(!browser.get("/administration").body.contains("b@ac-autre.example"));
        for id in [foreign.user_id.as_str(), "inconnu"] {
            let path = format!("/administration/comptes/{id}");
            assert_eq!(browser.get(&path).status, StatusCode::NOT_FOUND);
            for act in ["desactivation", "reactivation", "invitation"] {
                assert_eq!(browser.post(&format!("{path}/{act}"), &[]).status, StatusCode::NOT_FOUND, "{act}");
            }
            let role = [("role", "tutor"), ("academie", "22")];
            assert_eq!(browser.post(&format!("{path}/roles"), &role).status, StatusCode::NOT_FOUND);
        }
    });
}

#[test]
fn a_value_to_check_is_validated_by_the_platform_with_a_note_that_stays() {
    story(|fresh, browser| {
        let db = &fresh.db;
        with_password(db, "admin@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        with_password(db, "racine@national.example", &[(Role::PlatformAdministrator, None)]);
        sign_in(browser, "admin@ac-limoges.example");
        let page = browser.get("/administration/reglement");
        assert!(page.body.contains("à vérifier") && !page.body.contains("Valider cette valeur"));
        let fields =
            [("version", "reglement-2017-2"), ("valeur", "in_force_from"), ("note", "Lu au JO du 7 mai 2017.")];
        assert_eq!(browser.post("/administration/reglement/validations", &fields).status, StatusCode::NOT_FOUND);

        let mut platform = Browser::new(&site(db));
        sign_in(&mut platform, "racine@national.example");
        platform.get("/administration/reglement");
        let blank = [("version", "reglement-2017-2"), ("valeur", "in_force_from"), ("note", " ")];
        assert_eq!(
            platform.post("/administration/reglement/validations", &blank).status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let done = platform.post("/administration/reglement/validations", &fields);
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        let page = browser.get("/administration/reglement");
        assert!(page.body.contains("Lu au JO du 7 mai 2017."));
        assert!(page.body.contains("Validé par Nom de racine@national.example"));
    });
}

#[test]
fn the_home_page_has_three_doors_and_says_so_when_no_session_is_open() {
    story(|_, browser| {
        let home = browser.get("/");
        assert_eq!(home.status, StatusCode::OK);
        for door in ["/inscription", "/connexion", "/verifier"] {
            assert!(home.body.contains(&format!("<a href=\"{door}\">")), "{door}");
        }
        assert!(home.body.contains("Aucune académie n’a d’inscriptions ouvertes"));
        assert!(home.set_cookie("cplds-visite").is_none(), "no cookie without a form");
    });
}

#[test]
fn the_home_page_gives_the_calendar_at_the_hour_of_each_academy() {
    story(|fresh, browser| {
        open_session(&fresh.db);
        let home = browser.get("/").body;
        assert!(
            home.contains("Limoges") && home.contains("jusqu’au mercredi 30\u{a0}septembre 2026 à 17\u{a0}h"),
            "{home}"
        );
        assert!(home.contains("du 11/01/2027 au 26/03/2027") && home.contains("inscriptions ouvertes"));
        fresh.clock.set(crate::support::instant("2026-09-30T15:00:01Z"));
        assert!(browser.get("/").body.contains("Aucune académie"));
    });
}

/// Serves the site with a few accounts and a session, for whoever changes the pages.
#[test]
#[ignore = "serves until it is stopped"]
fn accounts_are_served() {
    let address = std::env::var("CPLDS_TEST_SERVE").expect("CPLDS_TEST_SERVE names an address");
    let fresh = crate::support::sqlite();
    let db = loaded(&fresh);
    with_password(db, "admin@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
    with_password(
        db,
        "racine@national.example",
        &[(Role::PlatformAdministrator, None), (Role::ExamOfficer, Some("22"))],
    );
    with_password(
        db,
        "marie-anne.de-la-rochefoucauld-liancourt@ac-limoges.example",
        &[(Role::ExamOfficeHead, Some("22")), (Role::TrainingManager, Some("22"))],
    );
    user(db, "invite@ac-limoges.example", &[(Role::Tutor, Some("22"))]);
    open_session(db);
    let site = site_at(db, &format!("http://{address}"));
    let token =
        link(db, &system(), LinkPurpose::Invitation, "ines@ac-limoges.example", Some(&person(db, "DURAND")), None)
            .unwrap();
    println!("http://{address}/lien/{token}");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        axum::serve(tokio::net::TcpListener::bind(&address).await.unwrap(), site).await.unwrap();
    });
}
