//! Ten years of one person in one record: posting, training, two sessions of the exam, a certificate, a change of name,
//! another academy. Through the pages, on both engines; who may not see finds nothing.

use axum::http::StatusCode;
use cplds::domain::permission::{Actor, Role};
use cplds::store::staff::get_staff_file;
use cplds::store::training::{NewTraining, enrol, open_training};
use cplds::store::{StoreError, audit};
use jiff::civil::date;

use super::{Browser, act, actor, load_reference, posting};
use crate::support::web::Site;
use crate::support::{Fresh, each_engine, instant, tamper};

/// A session of Limoges that was published, with this person's result.
fn session(fresh: &Fresh, person_id: &str, year: i32, outcome: &str, marks: (i32, i32)) {
    tamper(
        fresh,
        &format!(
            "INSERT INTO exam_sessions (id, academy_code, year, state, regulation_id, framework_id, registration_opens_at, \
                 registration_closes_at, epreuves_from, epreuves_to, centre_name, published_at, created_by, created_at) \
             VALUES ('s{year}', '22', {year}, 'published', 'reglement-2017', 'referentiel-2016', '{year}-01-01 00:00:00', \
                 '{year}-01-02 00:00:00', '{year}-01-05', '{year}-03-31', 'Rectorat', '{year}-07-01 10:00:00', 'test', \
                 '{year}-01-01 00:00:00'); \
             INSERT INTO registrations (id, session_id, person_id, rank, number, state, eligibility, corps, status, school_name, \
                 department, trained, source, submitted_at) \
             VALUES ('r{year}', 's{year}', '{person_id}', 1, '22-{year}-0001', 'admitted', 'eligible', 'PLP', 'titulaire', \
                 'Lycée', '23', TRUE, 'import', '{year}-01-01 00:00:00'); \
             INSERT INTO evaluations (id, session_id, registration_id, epreuve, state, mark) \
             VALUES ('e{year}1', 's{year}', 'r{year}', 1, 'marked', {}), ('e{year}2', 's{year}', 'r{year}', 2, 'marked', {}); \
             INSERT INTO results (registration_id, session_id, outcome, explanation, decided_at) \
             VALUES ('r{year}', 's{year}', '{outcome}', '{{}}', '{year}-06-20 00:00:00');",
            marks.0, marks.1
        ),
    );
}

fn certificate(fresh: &Fresh, person_id: &str) {
    tamper(
        fresh,
        &format!(
            "INSERT INTO certificates (id, academy_code, session_id, year, rank, number, control_key, registration_id, \
                 person_id, snapshot, snapshot_sha256, state, issued_at, issued_by, previous_hash, hash) \
             VALUES ('c', '22', 's2023', 2023, 1, '22-2023-0001', 'K', 'r2023', '{person_id}', \
                 '{{\"birth_name\":\"Lefèvre\"}}', 'x', 'valid', '2023-07-05 00:00:00', 'test', 'a', 'b');"
        ),
    );
}

fn done(answer: &(StatusCode, String, String)) -> &str {
    assert_eq!(answer.0, StatusCode::SEE_OTHER, "{}", answer.2);
    &answer.1
}

#[test]
fn ten_years_of_one_person_stand_in_one_record() {
    each_engine(|fresh| {
        load_reference(fresh);
        let limoges = actor(Role::TrainingManager, "22");
        let officer = actor(Role::ExamOfficer, "22");
        let marseille = actor(Role::AcademyAdministrator, "13");
        let dec = actor(Role::ExamOfficer, "13");
        let browser = Browser::on(fresh, &[&limoges, &officer, &marseille, &dec]);
        let who = |actor: &Actor| actor.user_id.clone();

        // 2017: the record is opened, and the first posting.
        fresh.clock.set(instant("2017-10-02T08:00:00Z"));
        let fields = [
            ("civilite", "Mme"),
            ("nom", "Lefèvre"),
            ("prenoms", "Nadia"),
            ("naissance", "14/03/1984"),
            ("email", "n.lefevre@ac.example"),
            ("corps", "Contractuelle d’enseignement"),
            ("statut", "CDI"),
        ];
        let opened = browser.post(&who(&limoges), "/personnels/nouvelle-fiche", &fields);
        let path = done(&opened).to_owned();
        let id = path.rsplit('/').next().unwrap().to_owned();
        let fields = [
            ("niveau", "eple"),
            ("lieu", "Lycée Renoir"),
            ("quotite", "100"),
            ("debut", "2017-10-01"),
            ("exige", "oui"),
            ("certifie_avant", "2023-08-31"),
        ];
        done(&browser.post(&who(&limoges), &format!("{path}/affectations"), &fields));

        // 2021: the training; the corps has changed.
        fresh.clock.set(instant("2021-09-20T08:00:00Z"));
        let fields =
            [("corps", "PLP"), ("statut", "titulaire"), ("contrat_le", "2021-09-01"), ("depuis_le", "2021-09-01")];
        done(&browser.post(&who(&limoges), &format!("{path}/situation"), &fields));
        let new = NewTraining {
            academy_code: "22".into(),
            title: "Formation préparatoire 2021".into(),
            school_year: 2021,
            regulation_id: "reglement-2017".into(),
            starts_on: date(2021, 9, 20),
            ends_on: date(2022, 6, 17),
            place: "INSPÉ".into(),
        };
        let of = id.clone();
        act(fresh, &limoges, move |tx| {
            let training = open_training(tx, &new)?;
            enrol(tx, &training, &of, None)
        })
        .unwrap();

        // 2022 and 2023: two sessions, and the certificate. Nothing shows before publication.
        session(fresh, &id, 2022, "ajourne", (850, 1200));
        session(fresh, &id, 2023, "admis", (1300, 1200));
        certificate(fresh, &id);
        fresh.clock.set(instant("2022-06-30T10:00:00Z"));
        let (_, page) = browser.get(&who(&officer), &path);
        assert!(!page.contains("8,5") && page.contains("non publié"), "not before the instant");

        // 2024: she marries; the earlier name stays, and the certificate keeps the name it bears.
        fresh.clock.set(instant("2024-09-10T08:00:00Z"));
        let fields = [
            ("version", "1"),
            ("civilite", "Mme"),
            ("nom", "Lefèvre"),
            ("nom_usage", "Delorme"),
            ("prenoms", "Nadia"),
            ("change_le", "2024-06-15"),
            ("motif", "Acte de mariage du 15 juin 2024"),
        ];
        done(&browser.post(&who(&limoges), &format!("{path}/etat-civil"), &fields));
        let late = browser.post(&who(&limoges), &format!("{path}/etat-civil"), &fields);
        assert_eq!(late.0, StatusCode::UNPROCESSABLE_ENTITY, "twice is once");
        assert!(browser.get(&who(&limoges), "/personnels?nom=lefevre").1.contains("Delorme Nadia"));
        assert!(browser.get(&who(&limoges), "/personnels?nom=delorme").1.contains("Delorme Nadia"));

        // 2026: Marseille. Before the answer it reads the request alone.
        fresh.clock.set(instant("2026-06-20T08:00:00Z"));
        let fields = [("academie", "13"), ("effet_le", "2026-09-01"), ("motif", "Mutation interacadémique")];
        done(&browser.post(&who(&limoges), &format!("{path}/transmission"), &fields));
        assert_eq!(browser.get(&who(&marseille), &path).0, StatusCode::NOT_FOUND);
        let (_, requests) = browser.get(&who(&marseille), "/personnels/transmissions");
        assert!(requests.contains("Delorme Nadia") && requests.contains("en attente de réponse"));
        let request =
            requests.split("/personnels/transmissions/").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let request = format!("/personnels/transmissions/{request}");
        assert!(browser.get(&who(&marseille), &request).1.contains("Mutation interacadémique"));
        for stranger in [&limoges, &officer, &dec] {
            let refused = browser.post(&who(stranger), &format!("{request}/acceptation"), &[]);
            assert_eq!(refused.0, StatusCode::NOT_FOUND, "{}", stranger.name);
        }
        let accepted = browser.post(&who(&marseille), &format!("{request}/acceptation"), &[]);
        assert_eq!(done(&accepted), path);

        // One record, with ten years in it, for the academy that holds it now.
        let (status, page) = browser.get(&who(&marseille), &path);
        assert_eq!(status, StatusCode::OK);
        for shown in [
            "Delorme Nadia",
            "Mme Nadia Lefèvre",
            "Acte de mariage du 15 juin 2024",
            "Contractuelle d’enseignement",
            "01/09/2021",
            "Lycée Renoir",
            "31/08/2026",
            "Formation préparatoire 2021",
            "22-2022-0001",
            "22-2023-0001",
            "ajournée",
            "admise",
            "Limoges",
            "Mutation interacadémique",
            "information, sans valeur de décision",
        ] {
            assert!(page.contains(shown), "{shown} on {}", fresh.engine);
        }
        assert!(!page.contains("8,5"), "an administrator sees no mark");
        let (_, page) = browser.get(&who(&dec), &path);
        assert!(page.contains("épreuve 1\u{a0}: 8,5") && page.contains("épreuve 1\u{a0}: 13"), "the office sees marks");
        assert!(!page.contains("/gestion/sessions/s2022"), "the exam file stays in Limoges");

        // The former academy keeps its sessions' files, and nothing of the record.
        for stranger in [&limoges, &officer] {
            assert_eq!(browser.get(&who(stranger), &path).0, StatusCode::NOT_FOUND, "{}", stranger.name);
            assert!(!browser.get(&who(stranger), "/personnels?nom=lefevre").1.contains(&path));
        }
        // Opening a file leaves a presence, which names an account.
        tamper(
            fresh,
            &format!(
                "INSERT INTO users (id, email, email_key, name, created_at) VALUES ('{0}', '{0}@x.example', '{0}@x.example', \
                 'Agent', '2020-01-01 00:00:00')",
                officer.user_id
            ),
        );
        assert_eq!(browser.get(&who(&officer), "/gestion/sessions/s2023/dossiers/r2023").0, StatusCode::OK);
        for act in ["etat-civil", "numen", "transmission", "affectations", "lettres", "titres/certificats"] {
            let refused = browser.post(&who(&limoges), &format!("{path}/{act}"), &[("motif", "x")]);
            assert_eq!(refused.0, StatusCode::NOT_FOUND, "{act}");
        }
        fresh.db.read_now(audit::verify_chains).unwrap().unwrap();
    });
}

#[test]
fn a_numen_is_masked_on_every_page_and_read_by_an_act() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = super::person(fresh, "22", "Lefèvre", "Nadia");
        let (manager, officer) = (actor(Role::TrainingManager, "22"), actor(Role::ExamOfficer, "22"));
        let browser = Browser::on(fresh, &[&manager, &officer]);
        let who = manager.user_id.as_str();
        let (path, numen) = (format!("/personnels/{id}"), format!("/personnels/{id}/numen"));
        let (status, _, page) = browser.post(who, &numen, &[("numen", "22E05")]);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("13\u{a0}caractères"), "{page}");
        done(&browser.post(who, &numen, &[("numen", "22e0512345abc")]));
        for page in [browser.get(who, &path).1, browser.get(who, &numen).1, browser.get(who, "/personnels").1] {
            assert!(!page.contains("22E0512345ABC"));
        }
        assert!(browser.get(who, &path).1.contains("22E•••••••ABC"));
        assert!(!browser.get(&officer.user_id, &path).1.contains("22E•"), "not even masked for who does not manage");
        let (status, _, page) = browser.post(who, &format!("{numen}/lecture"), &[]);
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("22E0512345ABC"));
        let history = fresh.db.read_now(|conn| audit::list_history(conn, "person", &id)).unwrap();
        assert_eq!(history.last().map(|row| row.action.as_str()), Some("reveal_numen"));
        done(&browser.post(who, &format!("{numen}/retrait"), &[]));
        assert!(!browser.get(who, &path).1.contains("22E•"));
    });
}

#[test]
fn a_mission_letter_is_split_drawn_signed_and_kept() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let id = super::person(fresh, "22", "Lefèvre", "Nadia");
        let manager = site.user(Role::TrainingManager, "22");
        let running = posting(&id, "Lycée Renoir", 100, date(2025, 9, 1));
        act(fresh, &site.actor(&manager), move |tx| cplds::store::staff::record_posting(tx, &running)).unwrap();
        let mut browser = site.sign_in(&manager);
        let path = format!("/personnels/{id}/lettres");
        browser.get(&path);
        let fields = |teaching: &'static str| {
            [
                ("referentiel", "referentiel-2016"),
                ("debut", "2025-09-01"),
                ("fin", "2026-08-31"),
                ("lieu", "Lycée Renoir"),
                ("missions", "Animer des séquences.\nCoordonner le pôle."),
                ("part_F1", teaching),
                ("part_F2", "50"),
                ("part_F3", "20"),
            ]
        };
        let answer = browser.post(&path, &fields("40"));
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.says("Les parts font 110\u{a0}%") && answer.says("Animer des séquences."), "{}", answer.body);
        let answer = browser.post(&path, &fields("30"));
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let page = browser.follow(&answer);
        assert!(page.says("Version 1, du 01/09/2025 au 31/08/2026") && page.says("exemplaire signé attendu"));
        let letter = page.body.split(&format!("{path}/")).nth(1).unwrap().split('/').next().unwrap().to_owned();
        let draft = browser.get(&format!("{path}/{letter}/projet"));
        assert_eq!(draft.status, StatusCode::OK);
        assert!(draft.body.starts_with("%PDF-"), "the draft is a PDF");

        let copies = format!("{path}/{letter}/exemplaires");
        let pdf: &[u8] = b"%PDF-1.7\n1 0 obj\nsignee\n%%EOF\n";
        let answer =
            browser.upload(&copies, &[("signee_le", "2025-09-10")], &[("exemplaire", "lettre.pdf", b"<html>")]);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.says("n’est pas un PDF"), "{}", answer.body);
        let answer = browser.upload(&copies, &[("signee_le", "2027-09-10")], &[("exemplaire", "lettre.pdf", pdf)]);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "a signature to come");
        let answer = browser.upload(&copies, &[("signee_le", "2025-09-10")], &[("exemplaire", "../lettre.pdf", pdf)]);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let page = browser.follow(&answer);
        assert!(page.says("Exemplaire signé le 10/09/2025") && !page.says("../"));
        let copy = page.body.split(&format!("{copies}/")).nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(browser.get(&format!("{copies}/{copy}")).body.contains("signee"));
        // The split drives the explanation of the service obligations.
        assert!(browser.get(&format!("/personnels/{id}")).says("5\u{a0}h\u{a0}24 par semaine"));

        let stranger = site.user(Role::TrainingManager, "13");
        let mut stranger = site.sign_in(&stranger);
        for path in [&path, &format!("{path}/{letter}/projet"), &format!("{copies}/{copy}")] {
            assert_eq!(stranger.get(path).status, StatusCode::NOT_FOUND, "{path}");
        }
        let seen = fresh.db.read_now(|conn| get_staff_file(conn, "13", &id, fresh.clock.now()));
        assert!(matches!(seen, Err(StoreError::NotFound)));
    });
}

#[test]
fn what_comes_from_before_is_recorded_verified_and_attested_through_the_pages() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let id = super::person(fresh, "22", "Lefèvre", "Nadia");
        let (manager, officer) = (site.user(Role::TrainingManager, "22"), site.user(Role::ExamOfficer, "22"));
        let (mut manager, mut officer) = (site.sign_in(&manager), site.sign_in(&officer));
        let path = format!("/personnels/{id}/titres");
        manager.get(&path);
        let refused = manager.post(&format!("{path}/certificats"), &[("session", "2016"), ("piece", "PV")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("depuis la session 2018") && refused.says("value=\"2016\""), "{}", refused.body);
        let fields = [("fondement", "cpif"), ("piece_equivalence", "Arrêté de 2003")];
        assert_eq!(manager.post(&format!("{path}/equivalences"), &fields).status, StatusCode::SEE_OTHER);
        let fields = [("session_note", "2024"), ("epreuve", "1"), ("note", "12,5"), ("piece_note", "Relevé")];
        assert_eq!(manager.post(&format!("{path}/notes"), &fields).status, StatusCode::SEE_OTHER);
        assert!(!manager.get(&path).says("12,5"), "who trains records a mark and does not read marks");
        let attestation = format!("/personnels/{id}/attestation-d-equivalence");
        assert_eq!(manager.get(&attestation).status, StatusCode::NOT_FOUND, "not before it is verified");

        let page = officer.get(&path);
        assert!(page.says("12,5"));
        let mention = page.body.split("value=\"equivalence:").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let mention = format!("equivalence:{mention}");
        let answer = |note: &'static str| {
            vec![("mention", mention.clone()), ("reponse", "verifie".into()), ("constat", note.to_owned())]
        };
        let post = |browser: &mut crate::support::browser::Browser, fields: Vec<(&str, String)>| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post(&format!("{path}/verifications"), &fields)
        };
        assert_eq!(post(&mut manager, answer("Arrêté vu")).status, StatusCode::NOT_FOUND);
        assert_eq!(post(&mut officer, answer("")).status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(post(&mut officer, answer("Arrêté vu")).status, StatusCode::SEE_OTHER);
        assert!(officer.get("/personnels/equivalences").says("EQ-22-2026-0001"));
        let first = officer.get(&attestation);
        assert!(first.status == StatusCode::OK && first.body.starts_with("%PDF-"));
        assert_eq!(officer.get(&attestation).body, first.body, "the same bytes ever after");
        assert!(officer.get(&format!("/personnels/{id}")).says("section CPIF"));
        assert!(officer.get("/personnels?certification=equivalence").says("Lefèvre Nadia"));
    });
}
