//! The office invites a session: one mail each, a file claimed once, and nothing for another academy.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::schema::{outbox, people};
use diesel::prelude::*;

use crate::registration::{import, open_session};
use crate::support::each_engine;
use crate::support::web::{PASSWORD, Site};

const CHOSEN: &str = "quatre mots sans rapport";

/// Address and link of every invitation of the site's outbox, in their order.
fn invitations(site: &Site) -> Vec<(String, String)> {
    let mails: Vec<(String, String)> = site
        .db
        .read_now(|conn| {
            Ok(outbox::table
                .filter(outbox::kind.eq("invitation"))
                .order(outbox::id)
                .select((outbox::recipient, outbox::body_text))
                .load(conn)?)
        })
        .unwrap();
    let link = |body: &str| {
        let (_, rest) = body.split_once("http://127.0.0.1:8080").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    mails.into_iter().map(|(to, body)| (to, link(&body))).collect()
}

#[test]
fn every_candidate_is_invited_once_and_claims_their_file_with_the_password_they_choose() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        let registered = import(&fresh.db, &session, &[12, 14, 15, 18, 19]).unwrap().registered;
        let path = format!("/gestion/sessions/{session}/invitations");
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let page = office.get(&path);
        assert!(page.says("Inviter"), "{}", page.body);
        let sent = office.post(&path, &[("qui", "candidats")]);
        assert!(office.follow(&sent).says("file d’envoi"));
        let mails = invitations(&site);
        assert_eq!(mails.len(), registered);
        let again = office.post(&path, &[("qui", "candidats")]);
        assert!(office.follow(&again).says("aucun message n’est parti"));
        let nobody = office.post(&path, &[("qui", "jures")]);
        assert!(office.follow(&nobody).says("aucun message n’est parti"));
        assert_eq!(invitations(&site).len(), registered);

        let (email, link) = &mails[0];
        let mut candidate = site.visitor();
        assert!(candidate.get(link).says(email));
        let opened = candidate.post(link, &[("nouveau", CHOSEN), ("confirmation", CHOSEN)]);
        assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
        assert!(candidate.get("/").says("href=\"/mon-dossier\""));
        assert_eq!(site.visitor().get(link).status, StatusCode::GONE);
        let id = site.actor(email).user_id;
        let tied: i64 = site
            .db
            .read_now(|conn| Ok(people::table.filter(people::user_id.eq(&id)).count().get_result(conn)?))
            .unwrap();
        assert_eq!(tied, 1);
        assert_eq!(site.actor(email).academies(&[Role::Candidate]), ["22"]);
    });
}

#[test]
fn nobody_outside_the_academys_office_invites_its_session() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        import(&fresh.db, &session, &[12, 14, 15, 18, 19]).unwrap();
        let path = format!("/gestion/sessions/{session}/invitations");
        for (role, academy) in
            [(Role::ExamOfficer, "13"), (Role::TrainingManager, "22"), (Role::PlatformAdministrator, "")]
        {
            let mut browser = site.sign_in(&site.user(role, academy));
            assert_eq!(browser.get(&path).status, StatusCode::NOT_FOUND, "{role}");
            assert_eq!(browser.post(&path, &[("qui", "candidats")]).status, StatusCode::NOT_FOUND, "{role}");
        }
        assert!(invitations(&site).is_empty());
    });
}

#[test]
fn a_colleague_who_already_has_an_account_keeps_their_password_and_gains_a_file() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        import(&fresh.db, &session, &[12, 14, 15, 18, 19]).unwrap();
        let path = format!("/gestion/sessions/{session}/invitations");
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        office.get(&path);
        office.post(&path, &[("qui", "candidats")]);
        let (email, link) = invitations(&site).remove(0);
        site.user_called(&email, "Un tuteur", &[(Role::Tutor, "22")]);
        let mut visitor = site.visitor();
        let page = visitor.get(&link);
        assert!(!page.says("name=\"nouveau\""), "no password is asked of who has one");
        visitor.post(&link, &[]);
        let mut known = site.sign_in(&email);
        assert!(known.get("/").says("href=\"/mon-dossier\""), "the password {PASSWORD} still opens the account");
    });
}
