//! Every route with every role: who is not let in learns nothing, and nobody makes the server fail.
//! The routes are read from the site's own table, so that a new page is walked the day it is added.

use axum::http::{Method, StatusCode};
use cplds::domain::permission::Role;
use cplds::store::sessions;
use cplds::web::routes::Gate;

use crate::account::{user, write};
use crate::support::browser::{Browser, site};
use crate::support::each_engine;

/// A path that matches the route and names nothing that exists.
fn example(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "inconnu" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn who_is_not_let_in_learns_nothing_and_nobody_makes_the_server_fail() {
    each_engine(|fresh| {
        let db = &fresh.db;
        write(db, &cplds::domain::permission::Actor::system("test"), cplds::store::reference::load).unwrap();
        let site = site(db);
        let mut visitors = vec![("anonymous".to_owned(), None, Browser::new(&site))];
        for role in Role::ALL {
            let academy = (!role.is_national()).then_some("22");
            let actor = user(db, &format!("{role}@ac-limoges.example"), &[(*role, academy)]);
            let id = actor.user_id.clone();
            let token = write(db, &actor, move |tx| sessions::open(tx, &id)).unwrap();
            let mut browser = Browser::new(&site);
            browser.cookies.insert("cplds".into(), token);
            visitors.push((role.to_string(), Some(actor), browser));
        }
        let table = cplds::web::routes();
        let mut walked = 0;
        for (name, actor, browser) in &mut visitors {
            browser.get("/deconnexion");
            if actor.is_none() {
                browser.get("/connexion");
            }
            let token = browser.token.clone();
            for row in table.table().iter().filter(|row| row.gate != Gate::Bearer && row.path != "/deconnexion") {
                let path = example(row.path);
                let answer = match row.method {
                    Method::GET => browser.get(&path),
                    _ => browser.post_bare(&path, &[("csrf", &token)]),
                };
                let what = format!("{} {path} as {name} on {}: {}", row.method, fresh.engine, answer.status);
                assert!(!answer.status.is_server_error(), "{what}");
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{what}");
                let is_sent_to_sign_in = answer.location().starts_with("/connexion");
                if row.gate.admits(actor.as_ref()) {
                    assert!(!is_sent_to_sign_in || actor.is_none(), "{what}");
                } else if actor.is_none() {
                    assert!(answer.status == StatusCode::SEE_OTHER && is_sent_to_sign_in, "{what}");
                } else {
                    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{what}");
                    assert!(answer.body.contains("Cette page n’existe pas, ou vous n’y avez pas accès."), "{what}");
                }
                walked += 1;
            }
        }
        assert!(walked > 13 * 25, "{walked} requests");
    });
}
