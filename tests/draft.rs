//! A registration by the form, from the choice of a session to the list: each error, going back, too late, twice at once.

use axum::http::StatusCode;
use cplds::domain::permission::{Actor, Role};
use cplds::domain::registration::draft::{Step, Typed};
use cplds::domain::session::Calendar;
use cplds::store::draft;
use cplds::store::examination::queue::{self, QueueFilter};
use cplds::store::registration;
use cplds::store::session::{self, OpenSession};
use cplds::store::{Lock, StoreError, eligibility, outbox};
use jiff::civil::{Date, date};

use crate::registration::open_session;
use crate::support::browser::{Answer, Browser};
use crate::support::web::Site;
use crate::support::{Fresh, each_engine, instant};

mod plan;
pub mod whole;

pub const IDENTITY: &[(&str, &str)] = &[
    ("civilite", "Mme"),
    ("nom", "DUPONT"),
    ("nom_usage", "MARTIN"),
    ("prenoms", "Inès"),
    ("naissance", "14/03/1984"),
    ("lieu_naissance", "Tulle"),
];

pub const REST: &[(&str, &[(&str, &str)])] = &[
    ("affectation", &[("lieu", "etablissement"), ("uai", "0870015U"), ("etablissement", "Lycée Turgot")]),
    ("situation", &[("corps", "certifie"), ("statut", "titulaire"), ("depuis", "01/09/2010")]),
    ("formation", &[("formation", "oui")]),
    ("notes", &[("note_1", "non"), ("note_2", "non")]),
    (
        "seance",
        &[
            ("accueil", "mon_etablissement"),
            ("action", "Module de remobilisation"),
            ("effectif", "8"),
            ("jours", "mardi"),
        ],
    ),
    ("amenagement", &[("besoin", "oui"), ("mesures", "tiers_temps")]),
];

/// Begins a draft of this session and returns its address.
pub fn begin(browser: &mut Browser, session: &str) -> String {
    browser.get("/inscription/commencer");
    let answer = browser.post("/inscription/commencer", &[("session", session)]);
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser.get(answer.location());
    answer.location().to_owned()
}

/// Fills a step from its page, with the version the page carries.
pub fn fill(browser: &mut Browser, draft: &str, step: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get(&format!("{draft}/{step}"));
    let version = hidden(&page, "version");
    let mut all = vec![("version", version.as_str())];
    all.extend_from_slice(fields);
    browser.post(&format!("{draft}/{step}"), &all)
}

pub fn hidden(page: &Answer, name: &str) -> String {
    let opening = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.body.split_once(&opening).unwrap_or_else(|| panic!("no {name} in {}", page.body));
    rest.split('"').next().unwrap().to_owned()
}

pub fn fill_all(browser: &mut Browser, draft: &str, identity: &[(&str, &str)]) {
    let saved = fill(browser, draft, "identite", identity);
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    for (step, fields) in REST {
        let saved = fill(browser, draft, step, fields);
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{step}: {}", saved.body);
    }
}

pub fn submit(browser: &mut Browser, draft: &str) -> Answer {
    let page = browser.get(&format!("{draft}/verification"));
    let version = hidden(&page, "version");
    browser.post(&format!("{draft}/depot"), &[("version", &version), ("declaration", "oui")])
}

fn count(fresh: &Fresh, session: &str) -> i64 {
    fresh.db.read_now(|conn| queue::count_queue(conn, session, &QueueFilter::default(), Date::ZERO)).unwrap()
}

#[test]
fn a_registration_goes_from_the_choice_of_a_session_to_the_list() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        let tasks = browser.get(&draft);
        assert!(tasks.says("À compléter") && tasks.says("Votre identité"), "{}", tasks.body);
        fill_all(&mut browser, &draft, IDENTITY);
        let review = browser.get(&format!("{draft}/verification"));
        for said in ["DUPONT", "14/03/1984", "Lycée Turgot", "Module de remobilisation", "Tiers temps", "Modifier"] {
            assert!(review.says(said), "{said} in {}", review.body);
        }
        // Without the declaration nothing is submitted, and the page says so beside its box.
        let refused = browser.post(&format!("{draft}/depot"), &[("version", "1")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(count(fresh, &session), 0);
        let done = submit(&mut browser, &draft);
        let receipt = browser.follow(&done);
        assert!(receipt.says("22-27-0001") && receipt.says("La suite"), "{}", receipt.body);
        let id = draft.rsplit('/').next().unwrap().to_owned();
        let pdf = browser.get(&format!("/mon-dossier/{id}/accuse-reception.pdf"));
        assert_eq!(pdf.headers.get("content-type").unwrap(), "application/pdf");
        let mails = fresh.db.read_now(|conn| outbox::list_session_mails(conn, &session, 10, 0)).unwrap();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].body_text.contains("22-27-0001") && mails[0].body_text.contains("R.\u{a0}112-5"));
        let mine = browser.get("/mon-dossier");
        assert!(mine.says("22-27-0001") && mine.says("Accusé de réception (PDF)"), "{}", mine.body);
        assert_eq!(browser.get(&draft).status, StatusCode::NOT_FOUND, "the draft is a registration now");
        fresh.clock.set(instant("2026-10-05T08:00:00Z"));
        let fixed = session.clone();
        let listed = fresh.db.write_now(&Actor::system("test"), Lock::Session(session.clone()), move |tx| {
            eligibility::fix_list(tx, &fixed)
        });
        assert_eq!(listed.unwrap(), 1);
        let row = fresh.db.read_now(|conn| registration::get_file(conn, "22", &id)).unwrap().registration;
        assert_eq!((row.source.as_str(), row.accommodation.as_deref()), ("form", Some("Tiers temps")));
        let plan = fresh.db.read_now(|conn| draft::find_plan(conn, &id)).unwrap().unwrap();
        assert_eq!((plan.host_name.as_str(), plan.young_people), ("Lycée Turgot", 8));
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_wrong_answer_is_said_in_place_and_what_was_typed_stays() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let email = site.user(Role::Candidate, "22");
        let mut browser = site.sign_in(&email);
        let draft = begin(&mut browser, &session);
        let wrong: Vec<(&str, &str)> = IDENTITY
            .iter()
            .map(|(name, value)| (*name, if *name == "naissance" { "31/02/1984" } else { *value }))
            .collect();
        let refused = fill(&mut browser, &draft, "identite", &wrong);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("erreur-naissance") && refused.says("value=\"31/02/1984\""), "{}", refused.body);
        // On another device, the wrong text and its fault are still there, and the task says so.
        let mut elsewhere = site.sign_in(&email);
        assert!(elsewhere.get(&draft).says("En erreur"));
        let page = elsewhere.get(&format!("{draft}/identite"));
        assert!(page.says("value=\"31/02/1984\"") && page.says("value=\"DUPONT\""), "{}", page.body);
        let review = elsewhere.get(&format!("{draft}/verification"));
        assert!(!review.says("Déposer mon dossier"), "{}", review.body);
        let forced = elsewhere.post(&format!("{draft}/depot"), &[("version", "2"), ("declaration", "oui")]);
        assert_eq!(forced.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(forced.says("Votre identité"), "{}", forced.body);
        // « Reprendre plus tard » keeps a step whatever it is worth.
        let later = fill(
            &mut elsewhere,
            &draft,
            "affectation",
            &[("lieu", "etablissement"), ("uai", "0870015A"), ("puis", "liste")],
        );
        assert_eq!(later.location(), draft);
        assert!(elsewhere.get(&format!("{draft}/affectation")).says("lettre de contrôle"));
        let far = fill(
            &mut elsewhere,
            &draft,
            "affectation",
            &[("lieu", "etablissement"), ("uai", "0130001F"), ("etablissement", "Lycée du Sud")],
        );
        assert!(far.says("Aix-Marseille") && far.says("sa propre académie"), "{}", far.body);
        assert_eq!(count(fresh, &session), 0);
    });
}

#[test]
fn two_tabs_on_one_step_lose_nothing_and_two_steps_do_not_collide() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        let address = format!("{draft}/formation");
        browser.get(&address);
        assert_eq!(browser.post(&address, &[("version", "0"), ("formation", "oui")]).status, StatusCode::SEE_OTHER);
        // The other tab still shows the page of before.
        let late = browser.post(&address, &[("version", "0"), ("formation", "non")]);
        assert_eq!(late.status, StatusCode::CONFLICT);
        assert!(late.says("autre onglet") && late.says("Suivie"), "{}", late.body);
        assert_eq!(fill(&mut browser, &draft, "identite", IDENTITY).status, StatusCode::SEE_OTHER);
        let again = browser.post(&address, &[("version", "1"), ("formation", "non")]);
        assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    });
}

#[test]
fn a_draft_is_its_owners_alone() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        let mut other = site.sign_in(&site.user(Role::Candidate, "22"));
        other.get("/inscription/commencer");
        for path in
            [draft.clone(), format!("{draft}/identite"), format!("{draft}/verification"), format!("{draft}/abandon")]
        {
            assert_eq!(other.get(&path).status, StatusCode::NOT_FOUND, "{path}");
        }
        for path in [format!("{draft}/identite"), format!("{draft}/depot"), format!("{draft}/abandon")] {
            let answer = other.post(&path, &[("version", "0"), ("declaration", "oui")]);
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
        fill_all(&mut browser, &draft, IDENTITY);
        submit(&mut browser, &draft);
        let file = draft.replace("/inscription/", "/mon-dossier/");
        for path in [format!("{file}/depot"), format!("{file}/accuse-reception.pdf"), format!("{file}/retrait")] {
            assert_eq!(browser.get(&path).status, StatusCode::OK, "{path}");
            assert_eq!(other.get(&path).status, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(other.post(&format!("{draft}/depot"), &[("declaration", "oui")]).status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn fifty_submissions_at_once_give_one_registration_and_one_answer() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        fill_all(&mut browser, &draft, IDENTITY);
        let version = hidden(&browser.get(&format!("{draft}/verification")), "version");
        let answers: Vec<(StatusCode, String)> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..50)
                .map(|_| {
                    let (mut one, draft, version) = (browser.clone(), draft.clone(), version.clone());
                    scope.spawn(move || {
                        let fields = [("version", version.as_str()), ("declaration", "oui")];
                        let answer = one.post(&format!("{draft}/depot"), &fields);
                        (answer.status, answer.location().to_owned())
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let expected = (StatusCode::SEE_OTHER, format!("{}/depot", draft.replace("/inscription/", "/mon-dossier/")));
        assert!(answers.iter().all(|answer| *answer == expected), "{answers:?}");
        assert_eq!(count(fresh, &session), 1);
        let mails = fresh.db.read_now(|conn| outbox::list_session_mails(conn, &session, 100, 0)).unwrap();
        assert_eq!(mails.len(), 1, "one acknowledgement");
    });
}

fn second_session(fresh: &Fresh, academy: &str, closes: &str) -> String {
    let open = OpenSession {
        academy_code: academy.into(),
        year: 2027,
        calendar: Calendar {
            registration_opens_at: instant("2026-06-01T06:00:00Z"),
            registration_closes_at: instant(closes),
            epreuves_from: date(2027, 1, 11),
            epreuves_to: date(2027, 4, 30),
        },
        centre_name: "Rectorat".into(),
        centre_uai: None,
        regulation_id: "reglement-2017".into(),
        pieces: Vec::new(),
    };
    fresh.db.write_now(&Actor::system("test"), Lock::House, move |tx| session::open_session(tx, &open)).unwrap()
}

#[test]
fn the_same_person_under_another_account_waits_for_an_officer() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut first = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut first, &session);
        fill_all(&mut first, &draft, IDENTITY);
        submit(&mut first, &draft);
        // Accents and hyphens aside, and the usage name signed as the birth name.
        let twin = [
            ("civilite", "Mme"),
            ("nom", "Martin"),
            ("prenoms", "INES"),
            ("naissance", "14/03/1984"),
            ("lieu_naissance", "Tulle"),
        ];
        let mut second = site.sign_in(&site.user(Role::Candidate, "22"));
        let again = begin(&mut second, &session);
        fill_all(&mut second, &again, &twin);
        let held = submit(&mut second, &again);
        assert_eq!(held.location(), again);
        assert!(second.follow(&held).says("bureau des examens doit"));
        assert_eq!(count(fresh, &session), 1);
        // Another academy's officer knows nothing of it; this one says they are two people.
        let page = format!("/gestion/sessions/{session}/homonymes");
        let mut stranger = site.sign_in(&site.user(Role::ExamOfficer, "02"));
        assert_eq!(stranger.get(&page).status, StatusCode::NOT_FOUND);
        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let shown = officer.get(&page);
        assert!(shown.says("DUPONT") && shown.says("Martin"), "{}", shown.body);
        let check = shown.body.split("/homonymes/").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (verdict, reason) = (format!("verdict-{check}"), format!("motif-{check}"));
        let act = format!("{page}/{check}");
        let short = officer.post(&act, &[(verdict.as_str(), "distinct"), (reason.as_str(), "non")]);
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        let same = officer.post(&act, &[(verdict.as_str(), "same"), (reason.as_str(), "Pièces d’identité comparées")]);
        assert!(same.says("déjà rattachée à un autre compte"), "{}", same.body);
        let said =
            officer.post(&act, &[(verdict.as_str(), "distinct"), (reason.as_str(), "Pièces d’identité comparées")]);
        assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.body);
        let done = submit(&mut second, &again);
        assert!(second.follow(&done).says("22-27-0002"));
        assert_eq!(count(fresh, &session), 2);
    });
}

#[test]
fn one_registers_once_a_year_at_ones_own_rectorat() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let limoges = open_session(fresh);
        let bordeaux = second_session(fresh, "04", "2026-09-30T21:59:59Z");
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &limoges);
        fill_all(&mut browser, &draft, IDENTITY);
        submit(&mut browser, &draft);
        browser.get("/inscription/commencer");
        let refused = browser.post("/inscription/commencer", &[("session", &bordeaux)]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("académie de Limoges") && refused.says("article 2"), "{}", refused.body);
        // Withdrawn here, one may register there: people move.
        let file = draft.replace("/inscription/", "/mon-dossier/");
        let page = browser.get(&format!("{file}/retrait"));
        let version = hidden(&page, "version");
        let gone = browser.post(&format!("{file}/retrait"), &[("version", &version)]);
        assert!(browser.follow(&gone).says("Candidature retirée"));
        let moved = browser.post("/inscription/commencer", &[("session", &bordeaux)]);
        assert_eq!(moved.status, StatusCode::SEE_OTHER, "{}", moved.body);
    });
}

#[test]
fn the_deadline_is_the_academys_to_the_second() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        open_session(fresh);
        // Midnight of 30 September in Limoges, Martinique and La Réunion; the night summer time ends; the night it begins.
        for (academy, closes, before, after) in [
            ("22", "2026-09-30T21:59:59Z", "2026-09-30T21:59:59.9Z", "2026-09-30T22:00:00Z"),
            ("31", "2026-10-01T03:59:59Z", "2026-10-01T03:59:59Z", "2026-10-01T04:00:00Z"),
            ("28", "2026-09-30T19:59:59Z", "2026-09-30T19:59:59Z", "2026-09-30T20:00:00Z"),
            ("04", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:30:01Z"),
        ] {
            fresh.clock.set(instant("2026-06-15T08:00:00Z"));
            let known =
                fresh.db.read_now(|conn| session::find_session_of_year(conn, academy, 2027)).unwrap().map(|row| row.id);
            let session = known.unwrap_or_else(|| second_session(fresh, academy, closes));
            let email = site.user(Role::Candidate, academy);
            let actor = site.actor(&email);
            let id = session.clone();
            let draft =
                fresh.db.write_now(&actor, Lock::Session(session.clone()), move |tx| draft::start(tx, &id)).unwrap();
            let save = |version: u32| {
                let (id, typed) = (draft.clone(), Typed::from([("formation".to_owned(), vec!["oui".to_owned()])]));
                fresh.db.write_now(&actor, Lock::Session(session.clone()), move |tx| {
                    draft::save_step(tx, &id, Step::Training, version, typed)
                })
            };
            fresh.clock.set(instant(before));
            assert!(save(0).is_ok(), "{academy} at {before}");
            fresh.clock.set(instant(after));
            assert!(
                matches!(save(1), Err(StoreError::Refused(no)) if no.code == "registration_closed"),
                "{academy} at {after}"
            );
            let mut browser = site.sign_in(&email);
            let page = browser.get(&format!("/inscription/{draft}"));
            assert!(page.says("Les inscriptions sont closes") && page.says("Suivie"), "{}", page.body);
            let late =
                browser.post(&format!("/inscription/{draft}/formation"), &[("formation", "non"), ("version", "1")]);
            assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
            assert!(late.says("elle n’est pas enregistrée"), "{}", late.body);
        }
    });
}

#[test]
fn an_account_is_tied_to_the_imported_record_of_its_own_address_only() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        site.user_called("ines.durand@ac-limoges.example", "Inès Durand", &[(Role::Candidate, "22")]);
        let known = cplds::store::people::NewPerson {
            academy_code: "22".into(),
            civility: "Mme".into(),
            birth_name: "DUPONT".into(),
            usage_name: None,
            first_names: "Inès".into(),
            birth_date: date(1984, 3, 14),
            birth_place: None,
            email: "ines.durand@ac-limoges.example".into(),
            phone: None,
            corps: "certifié".into(),
            status: "titulaire".into(),
            contract_date: None,
        };
        let person = fresh
            .db
            .write_now(&Actor::system("test"), Lock::House, move |tx| cplds::store::people::record_person(tx, &known))
            .unwrap();
        // Whoever types her name from another address gets nothing of hers.
        let mut thief = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut thief, &session);
        fill_all(&mut thief, &draft, IDENTITY);
        assert_eq!(submit(&mut thief, &draft).location(), draft);
        let mut browser = site.sign_in("ines.durand@ac-limoges.example");
        let own = begin(&mut browser, &session);
        fill_all(&mut browser, &own, IDENTITY);
        let done = submit(&mut browser, &own);
        assert!(done.location().ends_with("/depot"), "{}", done.location());
        let id = own.rsplit('/').next().unwrap();
        let file = fresh.db.read_now(|conn| registration::get_file(conn, "22", id)).unwrap();
        assert_eq!(file.person.id, person);
    });
}

#[test]
fn a_mark_of_elsewhere_is_kept_once_an_officer_has_read_the_transcript() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        fill_all(&mut browser, &draft, IDENTITY);
        let claimed = [
            ("note_1", "ailleurs"),
            ("note_1_valeur", "12,5"),
            ("note_1_session", "2025"),
            ("note_1_academie", "04"),
            ("note_2", "non"),
        ];
        let saved = fill(&mut browser, &draft, "notes", &claimed);
        // Whoever keeps épreuve 1 is not asked for its session.
        assert!(saved.location().ends_with("/amenagement"), "{}", saved.location());
        assert!(browser.get(&draft).says("Sans objet"));
        submit(&mut browser, &draft);
        assert!(browser.get("/mon-dossier").says("à vérifier par le bureau"));
        let id = draft.rsplit('/').next().unwrap();
        let kept = || fresh.db.read_now(|conn| registration::get_file(conn, "22", id)).unwrap().kept_marks.len();
        assert_eq!(kept(), 0);
        let page = format!("/gestion/sessions/{session}/dossiers/{id}/notes-conservees");
        let mut stranger = site.sign_in(&site.user(Role::ExamOfficer, "02"));
        assert_eq!(stranger.get(&page).status, StatusCode::NOT_FOUND);
        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let shown = officer.get(&page);
        assert!(shown.says("12,5 sur 20") && shown.says("académie de Bordeaux"), "{}", shown.body);
        let claim = shown.body.split("/notes-conservees/").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (answer, reason) = (format!("constat-{claim}"), format!("motif-{claim}"));
        let fields = [(answer.as_str(), "retenir"), (reason.as_str(), "Relevé de notes de 2025, original vu")];
        let act = format!("{page}/{claim}");
        assert_eq!(stranger.post(&act, &fields).status, StatusCode::NOT_FOUND);
        assert_eq!(officer.post(&act, &fields).status, StatusCode::SEE_OTHER);
        assert_eq!(officer.post(&act, &fields).status, StatusCode::CONFLICT, "twice is once");
        assert_eq!(kept(), 1);
        assert!(browser.get("/mon-dossier").says("retenue"));
    });
}
