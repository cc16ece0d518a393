//! Mails followed after they left: erased links, returns, the page opened, the second sending; on both engines.

use axum::http::StatusCode;
use cplds::domain::permission::{Actor, Role};
use cplds::mail::bounce;
use cplds::store::outbox::{self, NewMail, Returned};
use cplds::store::{Db, Lock, Stored, Tx, schema};
use diesel::prelude::*;

use crate::registration::open_session;
use crate::support::each_engine;
use crate::support::web::{PASSWORD, Site};

fn write<T: Send + 'static>(db: &Db, command: impl FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static) -> T {
    db.write_now(&Actor::system("test"), Lock::House, command).unwrap()
}

fn mail(session: &str, key: &str, to: &str, body: &str) -> NewMail {
    NewMail {
        academy_code: Some("22".into()),
        session_id: Some(session.to_owned()),
        kind: "test".into(),
        dedupe_key: key.to_owned(),
        recipient: to.to_owned(),
        recipient_name: "Inès Durand".into(),
        subject: format!("Votre dossier {key}"),
        body_text: body.to_owned(),
        body_html: Some(format!("<p>{body}</p>")),
        attachments: Vec::new(),
    }
}

/// Queues this mail, marks it sent, and returns its id.
fn sent(db: &Db, mail: NewMail) -> String {
    let key = mail.dedupe_key.clone();
    write(db, move |tx| {
        outbox::queue(tx, vec![mail])?;
        let id: String = schema::outbox::table
            .filter(schema::outbox::dedupe_key.eq(key))
            .select(schema::outbox::id)
            .first(tx.conn)?;
        outbox::mark_sent(tx, &id)?;
        Ok(id)
    })
}

#[test]
fn a_link_that_opens_an_account_does_not_stay_in_a_sent_mail() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        for door in ["/lien/", "/compte/creation/", "/compte/adresse/"] {
            let body =
                format!("Ouvrez https://cplds.example{door}abc-DEF_123, puis https://cplds.example/mon-dossier.");
            let id = sent(&fresh.db, mail(&session, door, "ines@ac-limoges.example", &body));
            let row = fresh.db.read_now(|conn| outbox::get_session_mail(conn, &session, &id)).unwrap();
            let kept = body.replace("abc-DEF_123", "lien-efface-apres-envoi");
            assert_eq!(row.body_text, kept);
            assert_eq!(row.body_html.unwrap(), format!("<p>{kept}</p>"));
        }
    });
}

#[test]
fn the_office_never_sees_a_link_that_opens_someone_elses_account() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        let waiting = mail(&session, "k1", "ines@ac-limoges.example", "Ouvrez https://x.example/lien/abc-DEF_123.");
        let id = write(&fresh.db, move |tx| {
            outbox::queue(tx, vec![waiting])?;
            Ok(schema::outbox::table.select(schema::outbox::id).first::<String>(tx.conn)?)
        });
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let page = office.get(&format!("/gestion/sessions/{session}/courriels/{id}"));
        assert!(page.says("https://x.example/lien/") && !page.says("abc-DEF_123"), "{}", page.body);
    });
}

#[test]
fn a_returned_mail_is_noted_once_shown_with_its_reason_and_sent_again_to_a_corrected_address() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        let id = sent(&fresh.db, mail(&session, "k1", "inse@ac-limoges.example", "Bonjour"));
        let report = format!(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=X\n\n--X\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; inse@ac-limoges.example\nAction: failed\nStatus: 5.1.1\n\
             Diagnostic-Code: smtp; 550 unknown\n\n--X\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{id}@cplds.example>\n\n--X--\n"
        );
        for expected in [true, false] {
            let found = bounce::read(report.as_bytes()).remove(0);
            let returned = Returned { mail_id: found.mail_id, status: found.status, reason: found.reason };
            assert_eq!(write(&fresh.db, move |tx| outbox::note_return(tx, &returned)), expected);
        }
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let list = format!("/gestion/sessions/{session}/courriels");
        let lost = office.get(&format!("{list}?etat=perdus"));
        assert!(lost.says("Revenu") && lost.says("Cette adresse n’existe pas ou plus."), "{}", lost.body);
        let page = format!("{list}/{id}");
        assert!(office.get(&page).says("550 unknown"));
        let bad = office.post(&format!("{page}/renvoi"), &[("adresse", "pas une adresse")]);
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(bad.says("pas une adresse"), "the typed text stays");
        let again = office.post(&format!("{page}/renvoi"), &[("adresse", "ines@ac-limoges.example")]);
        assert!(office.follow(&again).says("ines@ac-limoges.example"));
        let row = fresh.db.read_now(|conn| outbox::get_session_mail(conn, &session, &id)).unwrap();
        assert_eq!((row.state.as_str(), row.bounced_at.is_none()), ("queued", true));
        // A mail on its way cannot be sent again.
        office.get(&page);
        assert_eq!(office.post(&format!("{page}/renvoi"), &[("adresse", "x@y.fr")]).status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn an_invitation_that_came_back_leaves_again_with_a_new_link_and_the_record_is_corrected() {
    each_engine(|fresh| {
        use schema::{outbox as mails, people};
        let session = open_session(fresh);
        crate::registration::import(&fresh.db, &session, &[12, 14, 15, 18, 19]).unwrap();
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let path = format!("/gestion/sessions/{session}/invitations");
        office.get(&path);
        office.post(&path, &[("qui", "candidats")]);
        let (id, address, body): (String, String, String) = fresh
            .db
            .read_now(|conn| {
                Ok(mails::table
                    .filter(mails::kind.eq("invitation"))
                    .order(mails::id)
                    .select((mails::id, mails::recipient, mails::body_text))
                    .first(conn)?)
            })
            .unwrap();
        let link = |body: &str| body.split_whitespace().find(|word| word.contains("/lien/")).unwrap().to_owned();
        let first = link(&body).replace("http://127.0.0.1:8080", "");
        let returned = Returned { mail_id: id.clone(), status: "5.1.1".into(), reason: String::new() };
        let sent_id = id.clone();
        write(&fresh.db, move |tx| {
            outbox::mark_sent(tx, &sent_id)?;
            outbox::note_return(tx, &returned)
        });
        let page = format!("/gestion/sessions/{session}/courriels/{id}");
        assert!(office.get(&page).says("un nouveau lien personnel"));
        let again = office.post(&format!("{page}/renvoi"), &[("adresse", "Corrigee@ac-limoges.example")]);
        let told = office.follow(&again);
        assert!(told.says("l’adresse est corrigée sur la fiche de"), "{}", told.body);
        let row = fresh.db.read_now(|conn| outbox::get_session_mail(conn, &session, &id)).unwrap();
        assert_eq!((row.state.as_str(), row.recipient.as_str()), ("queued", "Corrigee@ac-limoges.example"));
        let second = link(&row.body_text).replace("http://127.0.0.1:8080", "");
        assert!(first != second && !second.contains("efface"), "{second}");
        let emails: Vec<String> =
            fresh.db.read_now(|conn| Ok(people::table.select(people::email).load(conn)?)).unwrap();
        assert!(emails.contains(&"Corrigee@ac-limoges.example".to_owned()) && !emails.contains(&address));
        assert_eq!(site.visitor().get(&first).status, StatusCode::GONE, "the mailbox that was wrong opens nothing");
        let mut guest = site.visitor();
        assert!(guest.get(&second).says("Corrigee@ac-limoges.example"));
        let chosen = [("nouveau", PASSWORD), ("confirmation", PASSWORD)];
        assert_eq!(guest.post(&second, &chosen).status, StatusCode::SEE_OTHER);
        // Once the account is open, its address is its owner's.
        let returned = Returned { mail_id: id.clone(), status: "5.1.1".into(), reason: String::new() };
        let sent_id = id.clone();
        write(&fresh.db, move |tx| {
            outbox::mark_sent(tx, &sent_id)?;
            outbox::note_return(tx, &returned)
        });
        office.get(&page);
        let refused = office.post(&format!("{page}/renvoi"), &[("adresse", "encore@ac-limoges.example")]);
        assert!(refused.says("a déjà ouvert son compte"), "{}", refused.body);
        let emails: Vec<String> =
            fresh.db.read_now(|conn| Ok(people::table.select(people::email).load(conn)?)).unwrap();
        assert!(!emails.contains(&"encore@ac-limoges.example".to_owned()));
    });
}

#[test]
fn a_mail_is_read_when_its_recipient_signed_in_opens_the_page_it_names() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        for (role, page) in
            [(Role::Candidate, "/mon-dossier"), (Role::JuryMember, "/jury"), (Role::Tutor, "/formation/mes-formations")]
        {
            let person = site.user(role, "22");
            let body = format!("Lire : https://cplds.example{page}\n");
            let own = sent(&fresh.db, mail(&session, &format!("{page}1"), &person, &body));
            let apart = sent(&fresh.db, mail(&session, &format!("{page}2"), &person, "https://cplds.example/aide"));
            let other = sent(&fresh.db, mail(&session, &format!("{page}3"), "jean@ac-limoges.example", &body));
            let read = |id: &str| {
                let (session, id) = (session.clone(), id.to_owned());
                fresh.db.read_now(move |conn| outbox::get_session_mail(conn, &session, &id)).unwrap().read_at.is_some()
            };
            let mut browser = site.sign_in(&person);
            assert!(!read(&own), "signing in is not opening the page");
            assert_eq!(browser.get(page).status, StatusCode::OK, "{page}");
            assert!(read(&own) && !read(&apart) && !read(&other), "{page}");
        }
    });
}

#[test]
fn the_office_reads_every_sending_before_it_leaves_and_nobody_else_does() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        crate::registration::import(&fresh.db, &session, &[12, 14, 15, 18, 19]).unwrap();
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let mut foreign = site.sign_in(&site.user(Role::ExamOfficer, "13"));
        for message in [
            "invitations-candidats",
            "invitations-jury",
            "lettres-admission",
            "convocations-candidats",
            "convocations-jury",
            "resultats",
        ] {
            let path = format!("/gestion/sessions/{session}/courriels/apercu/{message}");
            let page = office.get(&path);
            assert!(page.status == StatusCode::OK && page.says("Bonjour"), "{message}\n{}", page.body);
            let html = office.get(&format!("{path}/page.html"));
            assert!(html.body.starts_with("<!DOCTYPE html>"), "{message}");
            assert!(html.headers["content-security-policy"].to_str().unwrap().starts_with("sandbox"));
            assert_eq!(foreign.get(&path).status, StatusCode::NOT_FOUND, "{message}");
        }
        let page = office.get(&format!("/gestion/sessions/{session}/courriels/apercu/invitations-candidats"));
        assert!(page.says("personnes recevront ce message"), "{}", page.body);
        assert_eq!(
            office.get(&format!("/gestion/sessions/{session}/courriels/apercu/inconnu")).status,
            StatusCode::NOT_FOUND
        );
    });
}
