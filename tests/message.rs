//! Messages between a candidate and the office: both sides, what is read, who may not see, twice is once.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::{message, outbox};

use crate::draft::begin;
use crate::registration::open_session;
use crate::support::browser::Answer;
use crate::support::each_engine;
use crate::support::web::Site;

fn key(page: &Answer) -> String {
    page.body.split_once("name=\"cle\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

#[test]
fn a_candidate_and_the_office_write_to_each_other() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut candidate = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut candidate, &session);
        let id = draft.rsplit('/').next().unwrap().to_owned();
        let mine = format!("/mon-dossier/{id}/messages");
        let empty = candidate.get(&mine);
        let refused = candidate.post(&mine, &[("cle", &key(&empty)), ("message", " ")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let same = key(&candidate.get(&mine));
        let text = "Bonjour,\n<b>Mon contrat</b> date de 2019.";
        for _ in 0..2 {
            let sent = candidate.post(&mine, &[("cle", &same), ("message", text)]);
            assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        }
        let thread = fresh.db.read_now(|conn| message::list_thread(conn, &id)).unwrap();
        assert_eq!(thread.len(), 1, "the same page sent twice is one message");
        let waiting = fresh.db.read_now(|conn| message::count_unread_of_session(conn, &session)).unwrap();
        assert_eq!(waiting.get(&id), Some(&1));

        let theirs = format!("/gestion/sessions/{session}/dossiers/{id}/messages");
        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        assert!(officer.get(&format!("/gestion/sessions/{session}/messages")).says(&theirs));
        let read = officer.get(&theirs);
        assert!(read.says("date de 2019") && !read.says("<b>Mon contrat"), "{}", read.body);
        let waiting = fresh.db.read_now(|conn| message::count_unread_of_session(conn, &session)).unwrap();
        assert!(waiting.is_empty(), "opened is read");
        let answered = officer.post(&theirs, &[("cle", &key(&read)), ("message", "Joignez l’avenant de 2019.")]);
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.body);

        // Files are looked into: what is not a PDF or a picture is refused with the text kept.
        let again = candidate.get(&mine);
        let fields = [("cle", key(&again)), ("message", "Voici l’avenant.".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = candidate.upload(&mine, &fields, &[("pieces", "contrat.pdf", b"MZ\x90\x00")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("est un programme") && refused.says("Voici l’avenant."), "{}", refused.body);
        // Looked into as a piece is, and not by its first letters.
        let broken = candidate.upload(&mine, &fields, &[("pieces", "contrat.pdf", b"%PDF-1.7 avenant")]);
        assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", broken.body);
        let joined = crate::pieces::pdf("Avenant de 2019");
        let file: (&str, &str, &[u8]) = ("pieces", "avenant.PDF", &joined);
        let many = candidate.upload(&mine, &fields, &[file; 4]);
        assert!(many.says("3\u{a0}fichiers au plus") && many.says("Voici l’avenant."), "{}", many.body);
        let sent = candidate.upload(&mine, &fields, &[("pieces", "../avenant.PDF", &joined)]);
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let shown = officer.get(&theirs);
        let link = shown.body.split(&format!("{theirs}/")).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let file = officer.get(&format!("{theirs}/{link}"));
        assert_eq!(file.body, String::from_utf8_lossy(&joined));
        assert!(file.headers.get("content-disposition").unwrap().to_str().unwrap().ends_with("avenant.pdf"));
        assert!(file.headers.get("content-disposition").unwrap().to_str().unwrap().starts_with("attachment"));
        assert_eq!(candidate.get(&format!("{mine}/{link}")).status, StatusCode::OK);

        // The mail tells that something waits, and nothing of what.
        let mails = fresh.db.read_now(|conn| outbox::list_session_mails(conn, &session, 10, 0)).unwrap();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].body_text.contains(&mine) && !mails[0].body_text.contains("avenant"));
        // Whoever answers has read: nothing waits on the candidate's side any more.
        assert!(!candidate.get("/mon-dossier").says("à lire)"));
        let seen = candidate.get(&mine);
        assert!(seen.says("Joignez l’avenant") && seen.says("Le bureau des examens"), "{}", seen.body);
        assert!(!seen.says("Camille Roy, "), "the officer’s name stays inside");
        assert!(!candidate.get("/mon-dossier").says("1 à lire"));

        let mut other = site.sign_in(&site.user(Role::Candidate, "22"));
        let mut stranger = site.sign_in(&site.user(Role::ExamOfficer, "02"));
        assert_eq!(other.get(&mine).status, StatusCode::NOT_FOUND);
        assert_eq!(stranger.get(&theirs).status, StatusCode::NOT_FOUND);
        assert_eq!(stranger.get(&format!("{theirs}/{link}")).status, StatusCode::NOT_FOUND);
        assert_eq!(other.get(&format!("{mine}/{link}")).status, StatusCode::NOT_FOUND);
        assert_eq!(stranger.get(&format!("/gestion/sessions/{session}/messages")).status, StatusCode::NOT_FOUND);
        assert_eq!(stranger.post(&theirs, &[("message", "Bonjour")]).status, StatusCode::NOT_FOUND);
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn an_account_writes_so_many_messages_an_hour_and_loses_no_text() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut candidate = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut candidate, &session);
        let mine = format!("/mon-dossier/{}/messages", draft.rsplit('/').next().unwrap());
        let mut last = String::new();
        for n in 0..10 {
            last = key(&candidate.get(&mine));
            let sent = candidate.post(&mine, &[("cle", &last), ("message", &format!("Question {n}"))]);
            assert_eq!(sent.status, StatusCode::SEE_OTHER, "{n}: {}", sent.body);
        }
        // The tenth once more is still the tenth, and not one too many.
        let twice = candidate.post(&mine, &[("cle", &last), ("message", "Question 9")]);
        assert_eq!(twice.status, StatusCode::SEE_OTHER, "{}", twice.body);
        let fresh_key = key(&candidate.get(&mine));
        let refused = candidate.post(&mine, &[("cle", &fresh_key), ("message", "Une onzième question")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            refused.says("10\u{a0}messages en une heure") && refused.says("Une onzième question</textarea>"),
            "{}",
            refused.body
        );
        let later = fresh.clock.now().checked_add(jiff::SignedDuration::from_mins(61)).unwrap();
        fresh.clock.set(later);
        let sent = candidate.post(&mine, &[("cle", &fresh_key), ("message", "Une onzième question")]);
        assert!(sent.status == StatusCode::SEE_OTHER, "{} {}", sent.status, sent.body);
    });
}

#[test]
fn the_office_answers_from_a_wording_of_its_own_without_losing_what_is_typed() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut candidate = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut candidate, &session);
        let id = draft.rsplit('/').next().unwrap().to_owned();
        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        officer.get("/gestion/modeles");
        let typed = [
            ("genre", "message"),
            ("titre", "Contrat"),
            ("texte", "Session {session}\u{a0}: votre contrat avant le {date}."),
        ];
        assert_eq!(officer.post("/gestion/modeles", &typed).status, StatusCode::SEE_OTHER);
        let theirs = format!("/gestion/sessions/{session}/dossiers/{id}/messages");
        let page = officer.get(&theirs);
        let wording =
            page.body.split_once("name=\"modele\"><option value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let fields =
            [("cle", key(&page)), ("message", "Bonjour,".into()), ("modele", wording), ("inserer", "message".into())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let filled = officer.post(&theirs, &fields);
        assert_eq!(filled.status, StatusCode::OK, "{}", filled.body);
        // Nothing is asked of a draft: what counts is the day registrations close.
        let said = "Bonjour,\n\nSession 2027\u{a0}: votre contrat avant le 30\u{a0}septembre 2026.</textarea>";
        assert!(filled.says(said), "{}", filled.body);
        let thread = fresh.db.read_now(|conn| message::list_thread(conn, &id)).unwrap();
        assert!(thread.is_empty(), "a wording inserted is nothing sent");
    });
}
