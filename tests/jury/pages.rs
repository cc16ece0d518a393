//! The office's pages of the jury, its conflicts, the calendar and the convocations, as an officer goes through them.

use axum::http::StatusCode;
use cplds::domain::account::Password;
use cplds::domain::permission::Role;
use cplds::password;
use cplds::store::{Db, accounts, jury, outbox};

use super::{act, fixed_list, import_jurors, juror_named, view};
use crate::account::{user, write};
use crate::support::browser::{Answer, Browser, site};
use crate::support::each_engine;

const PASSWORD: &str = "cheval pile agrafe";

/// An officer of this academy, signed in.
fn officer_of(db: &Db, academy: &'static str) -> Browser {
    let address = format!("dec@ac-{academy}.example");
    let actor = user(db, &address, &[(Role::ExamOfficer, Some(academy))]);
    let hash = password::hash_now(&Password::choose(PASSWORD, &address).unwrap()).unwrap();
    write(db, &cplds::domain::permission::Actor::system("test"), move |tx| {
        accounts::set_password(tx, &actor.user_id, &hash, None)
    })
    .unwrap();
    let mut browser = Browser::new(&site(db));
    browser.get("/connexion");
    assert_eq!(
        browser.post("/connexion", &[("email", &address), ("motdepasse", PASSWORD)]).status,
        StatusCode::SEE_OTHER
    );
    browser
}

fn done(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

#[test]
fn an_officer_goes_from_a_list_of_members_to_convocations_in_the_queue() {
    each_engine(|fresh| {
        let db = &fresh.db;
        let id = fixed_list(fresh);
        let mut browser = officer_of(db, "22");
        let base = format!("/gestion/sessions/{id}");
        let at = |path: &str| format!("{base}{path}");

        let empty = browser.get(&at("/jury"));
        assert!(empty.body.contains("Personne ne préside le jury"), "{}", empty.body);
        import_jurors(db, &id);
        browser.get(&at("/jury"));
        let refused = browser.post(
            &at("/jury/membres/nouveau"),
            &[("civilite", "Mme"), ("nom", "ROUX"), ("courriel", "pas une adresse")],
        );
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains("pas une adresse") && refused.body.contains("href=\"#champ-prenom\""));
        let whole = [
            ("civilite", "Mme"),
            ("nom", "ROUX"),
            ("prenom", "Claire"),
            ("courriel", "c.roux@ac-limoges.example"),
            ("qualite", "formateur"),
        ];
        done(&browser.post(&at("/jury/membres/nouveau"), &whole));
        let roux = juror_named(db, &id, "ROUX");
        let a = view(db, &id).commissions[0].commission.id.clone();
        done(&browser.post(&at(&format!("/jury/commissions/{a}/membres")), &[("membre", &roux)]));
        assert_eq!(browser.post(&at(&format!("/jury/commissions/{a}/dissolution")), &[]).status, StatusCode::SEE_OTHER);
        done(&browser.post(&at("/jury/commissions"), &[("commission", "Commission A")]));
        let a = view(db, &id).commissions[0].commission.id.clone();
        for (name, chairs) in [("L’HERMITTE", "oui"), ("LAVERGNE-PUYBAREAU", ""), ("ŒHLSCHLÄGER", "")] {
            let juror = juror_named(db, &id, name);
            done(
                &browser
                    .post(&at(&format!("/jury/commissions/{a}/membres")), &[("membre", &juror), ("preside", chairs)]),
            );
        }
        done(&browser.post(&at("/conflits/recherche"), &[]));
        let standing = view(db, &id).conflicts;
        let first = standing.iter().find(|one| one.juror_name.starts_with("LAVERGNE")).unwrap().conflict.id.clone();
        let short = browser.post(&at(&format!("/conflits/{first}/levee")), &[("motif", "non")]);
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        done(
            &browser
                .post(&at(&format!("/conflits/{first}/levee")), &[("motif", "N’exerce plus dans cet établissement")]),
        );

        let hasty = browser.post(&at("/jury/arrete"), &[("reference", "DEC-2026-41"), ("signe_le", "2026-10-05")]);
        assert_eq!(hasty.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(hasty.body.contains("DEC-2026-41") && hasty.body.contains("champ-confirmation"));
        let waiting = browser.get(&at("/convocations"));
        assert!(waiting.body.contains("L’arrêté du jury n’est pas signé"), "{}", waiting.body);
        done(&browser.post(
            &at("/jury/arrete"),
            &[("reference", "DEC-2026-41"), ("signe_le", "2026-10-05"), ("confirmation", "oui")],
        ));

        let proposed = browser.get(&at("/calendrier/proposition"));
        assert!(proposed.body.contains("24"), "{}", proposed.body);
        done(&browser.post(&at("/calendrier/proposition"), &[]));
        let day = browser.get(&at("/calendrier"));
        let (_, rest) = day.body.split_once(&format!("href=\"{base}/calendrier/0")).unwrap();
        let slot = format!("0{}", rest.split('"').next().unwrap());
        let form = browser.get(&at(&format!("/calendrier/{slot}")));
        assert!(form.body.contains("Déplacer un passage"));
        let far = [
            ("version", "1"),
            ("jour", "2027-07-01"),
            ("heure", "09:00"),
            ("commission", a.as_str()),
            ("lieu", ""),
            ("salle", "Salle 1"),
        ];
        let outside = browser.post(&at(&format!("/calendrier/{slot}")), &far);
        assert_eq!(outside.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(outside.body.contains("hors de la période") && outside.body.contains("value=\"2027-07-01\""));

        assert_eq!(browser.post(&at("/convocations"), &[]).status, StatusCode::UNPROCESSABLE_ENTITY);
        done(&browser.post(&at("/convocations"), &[("confirmation", "oui")]));
        let sent = browser.get(&at("/convocations"));
        assert!(sent.body.contains("19\u{a0}convocations mises en file d’envoi"), "{}", sent.body);
        assert!(!sent.body.contains("Envoyer les convocations"));
        assert_eq!(db.read_now(|conn| outbox::count_session_mails(conn, &id)).unwrap(), [("queued".to_owned(), 19)]);
    });
}

#[test]
fn the_jury_of_another_academy_does_not_exist() {
    each_engine(|fresh| {
        let db = &fresh.db;
        let id = fixed_list(fresh);
        import_jurors(db, &id);
        act(db, &id, jury::find_conflicts).unwrap();
        let juror = juror_named(db, &id, "VERGNAUD");
        let conflict = view(db, &id).conflicts[0].conflict.id.clone();
        let mut stranger = officer_of(db, "13");
        for path in [
            "/jury",
            &format!("/jury/membres/{juror}"),
            "/conflits",
            &format!("/conflits/{conflict}"),
            "/calendrier",
            "/convocations",
            "/jury/arrete.pdf",
        ] {
            assert_eq!(stranger.get(&format!("/gestion/sessions/{id}{path}")).status, StatusCode::NOT_FOUND, "{path}");
        }
        stranger.get("/gestion");
        for (path, fields) in [
            ("/jury/commissions", vec![("commission", "Commission Z")]),
            ("/jury/presidence", vec![("presidence", juror.as_str())]),
            ("/conflits/recherche", vec![]),
            ("/calendrier/proposition", vec![]),
            ("/convocations", vec![("confirmation", "oui")]),
        ] {
            assert_eq!(
                stranger.post(&format!("/gestion/sessions/{id}{path}"), &fields).status,
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
        assert_eq!(view(db, &id).commissions.len(), 2);
    });
}
