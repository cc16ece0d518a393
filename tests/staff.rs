//! The person behind the candidate: a record that grows, is never overwritten, and is seen by its academy alone.

mod holders;
mod places;
mod story;
mod years;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use cplds::config::Config;
use cplds::domain::ids::Uai;
use cplds::domain::permission::{Actor, Grant, Role};
use cplds::domain::staff::{EvidenceSource, Holding, PostingLevel};
use cplds::store::people::{NewPerson, record_person};
use cplds::store::staff::{
    NewEvidence, NewPosting, StaffFilter, StatusChange, add_evidence, end_posting, get_staff_file, list_staff,
    note_activity, record_posting, update_status,
};
use cplds::store::{Lock, StoreError, Stored, Tx, audit, reference};
use cplds::web::error::AppError;
use cplds::web::security::{Ending, Later, SessionLookup, SignedIn};
use cplds::web::{AppState, app};
use diesel::connection::{Connection, InstrumentationEvent};
use http_body_util::BodyExt;
use jiff::civil::{Date, date};
use tower::ServiceExt;

use crate::support::{Fresh, each_engine, instant, tamper};

pub const FRAMEWORK: &str = "referentiel-2016";

pub fn actor(role: Role, academy: &str) -> Actor {
    Actor {
        user_id: format!("{role}-{academy}"),
        name: format!("{role} {academy}"),
        email: format!("{role}.{academy}@ac.example"),
        grants: vec![Grant { role, academy: Some(academy.to_owned()) }],
        is_system: false,
    }
}

/// One act under the lock of the house.
pub fn act<T: Send + 'static>(
    fresh: &Fresh,
    actor: &Actor,
    command: impl FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static,
) -> Stored<T> {
    fresh.db.write_now(actor, Lock::House, command)
}

pub fn load_reference(fresh: &Fresh) {
    act(fresh, &Actor::system("test"), reference::load).unwrap();
}

pub fn person(fresh: &Fresh, academy: &str, birth_name: &str, first_names: &str) -> String {
    let new = NewPerson {
        academy_code: academy.to_owned(),
        civility: "Mme".into(),
        birth_name: birth_name.to_owned(),
        usage_name: None,
        first_names: first_names.to_owned(),
        birth_date: date(1984, 3, 14),
        birth_place: Some("Guéret".into()),
        email: format!("{}@ac.example", first_names.to_lowercase()),
        phone: None,
        corps: "PLP".into(),
        status: "titulaire".into(),
        contract_date: None,
    };
    act(fresh, &Actor::system("test"), move |tx| record_person(tx, &new)).unwrap()
}

/// Sessions whose token is the user's id.
struct Known(Vec<Actor>);

impl SessionLookup for Known {
    fn find<'a>(&'a self, token: &'a str) -> Later<'a, Result<Option<SignedIn>, AppError>> {
        let found = self.0.iter().find(|actor| actor.user_id == token).cloned();
        let token_hash = format!("empreinte-{token}");
        let ending = Ending { at: jiff::Timestamp::UNIX_EPOCH, seconds_left: 1800, can_be_prolonged: true };
        Box::pin(async move { Ok(found.map(|actor| SignedIn { token_hash, actor, ending })) })
    }
}

/// A browser on the site; `who` is a user's id, empty for a visitor.
pub struct Browser {
    site: Router,
    runtime: tokio::runtime::Runtime,
}

impl Browser {
    pub fn on(fresh: &Fresh, actors: &[&Actor]) -> Self {
        let config = Config::from_vars([("CPLDS_DATA_DIR".to_owned(), "/nonexistent".to_owned())]).unwrap();
        let known = Known(actors.iter().map(|actor| (*actor).clone()).collect());
        let state = AppState::new(fresh.db.clone(), config, &[7; 32], Arc::new(known)).unwrap();
        Browser { site: app(state), runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    /// Status, where to go next, and the page.
    fn ask(&self, request: Request<Body>) -> (StatusCode, String, String) {
        self.runtime.block_on(async {
            let response = self.site.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let next = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            (status, next.unwrap_or_default(), String::from_utf8(bytes.to_vec()).unwrap())
        })
    }

    pub fn get(&self, who: &str, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::COOKIE, format!("cplds={who}")).body(Body::empty()).unwrap();
        let (status, _, page) = self.ask(request);
        (status, page)
    }

    /// Sends a form with the token of the session; answers like [`Browser::ask`].
    pub fn post(&self, who: &str, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String, String) {
        let (_, page) = self.get(who, "/aide");
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let fields: Vec<String> = fields
            .iter()
            .chain([&("csrf", token.as_str())])
            .map(|(name, value)| {
                format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
            })
            .collect();
        let request = Request::post(path)
            .header(header::COOKIE, format!("cplds={who}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(fields.join("&")))
            .unwrap();
        self.ask(request)
    }
}

fn posting(person_id: &str, place: &str, quota: i32, starts_on: Date) -> NewPosting {
    NewPosting {
        person_id: person_id.to_owned(),
        level: PostingLevel::School,
        place: place.to_owned(),
        uai: Some(Uai::parse("0750655E").unwrap()),
        department: None,
        quota,
        starts_on,
        ends_on: None,
        requires_certificate: false,
        certificate_by: None,
    }
}

#[test]
fn a_record_grows_and_keeps_all_it_held() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let manager = actor(Role::TrainingManager, "22");

        let change = StatusChange {
            person_id: id.clone(),
            category: Some("titulaires".into()),
            corps: "Professeure certifiée".into(),
            status: "titulaire".into(),
            contract_date: Some(date(2010, 9, 1)),
            starts_on: None,
        };
        act(fresh, &manager, move |tx| update_status(tx, &change)).unwrap();
        let first = posting(&id, "Lycée Renoir", 50, date(2025, 9, 1));
        let replay = first.clone();
        let first_id = act(fresh, &manager, move |tx| record_posting(tx, &first)).unwrap();
        assert_eq!(act(fresh, &manager, move |tx| record_posting(tx, &replay)).unwrap(), first_id);
        let ended = first_id.clone();
        act(fresh, &manager, move |tx| end_posting(tx, &ended, date(2026, 5, 31))).unwrap();
        let second = posting(&id, "Collège Maurois", 100, date(2026, 6, 1));
        act(fresh, &manager, move |tx| record_posting(tx, &second)).unwrap();

        for level in [2, 3] {
            let new = NewEvidence {
                person_id: id.clone(),
                framework_id: FRAMEWORK.into(),
                item_code: "c04".into(),
                source: EvidenceSource::Tutor,
                level,
                dated_on: date(2026, 3, 10 + i8::try_from(level).unwrap()),
                reference: None,
            };
            act(fresh, &manager, move |tx| add_evidence(tx, &new)).unwrap();
        }
        let of = id.clone();
        act(fresh, &manager, move |tx| note_activity(tx, &of, FRAMEWORK, "D1.O1.A1", date(2025, 9, 1))).unwrap();

        let of = id.clone();
        let file = fresh.db.read_now(|conn| get_staff_file(conn, "22", &of, fresh.clock.now())).unwrap();
        assert_eq!(file.identity.full_name(), "Lefèvre Nadia");
        assert_eq!(file.record.as_ref().unwrap().corps, "Professeure certifiée");
        let places: Vec<&str> = file.postings.iter().map(|row| row.place.as_str()).collect();
        assert_eq!(places, ["Collège Maurois", "Lycée Renoir"]);
        assert_eq!(file.quota_today, 100);
        assert_eq!(file.postings[0].department.as_deref(), Some("75"), "the school's code gives its department");
        let levels: Vec<i32> = file.evidence.iter().map(|(row, _)| row.level).collect();
        assert_eq!(levels, [3, 2], "evidence is added, never overwritten");
        let latest = file.latest_levels();
        assert_eq!(latest.len(), 1);
        assert_eq!((latest[0].0.code.as_str(), latest[0].1.level), ("C04", 3));
        assert_eq!(latest[0].0.label, "Conception et animation de séquences de formation");
        assert_eq!(file.activities[0].1.framework_version, 1);
        // Every act left its line, and the replay none.
        let history = fresh.db.read_now(|conn| audit::list_history(conn, "person", &of)).unwrap();
        let acts: Vec<&str> = history.iter().map(|row| row.action.as_str()).collect();
        let expected = [
            "record_person",
            "update_status",
            "record_posting",
            "end_posting",
            "record_posting",
            "add_evidence",
            "add_evidence",
            "note_activity",
        ];
        assert_eq!(acts, expected);
    });
}

#[test]
fn quotas_above_one_hundred_per_cent_are_refused_and_nothing_is_kept() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let manager = actor(Role::TrainingManager, "22");
        let first = posting(&id, "Lycée Renoir", 60, date(2025, 9, 1));
        act(fresh, &manager, move |tx| record_posting(tx, &first)).unwrap();
        let second = posting(&id, "Collège Maurois", 50, date(2026, 1, 5));
        let error = act(fresh, &manager, move |tx| record_posting(tx, &second)).unwrap_err();
        let StoreError::Refused(refusal) = error else { panic!("refused, not {error}") };
        assert_eq!(refusal.code, "quota_exceeded");
        assert!(refusal.sentence.contains("110\u{a0}%"), "{refusal}");
        let file = fresh.db.read_now(|conn| get_staff_file(conn, "22", &id, fresh.clock.now())).unwrap();
        assert_eq!(file.postings.len(), 1);
    });
}

#[test]
fn another_academy_and_a_role_without_the_right_find_nothing() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let of = id.clone();
        let seen = fresh.db.read_now(|conn| get_staff_file(conn, "13", &of, fresh.clock.now()));
        assert!(matches!(seen, Err(StoreError::NotFound)));
        for stranger in [actor(Role::TrainingManager, "13"), actor(Role::ExamOfficer, "22"), actor(Role::Tutor, "22")] {
            let new = posting(&id, "Lycée Renoir", 50, date(2025, 9, 1));
            let refused = act(fresh, &stranger, move |tx| record_posting(tx, &new));
            assert!(matches!(refused, Err(StoreError::NotFound)), "{}", stranger.name);
        }
    });
}

#[test]
fn only_a_competence_of_the_framework_is_evidenced() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let manager = actor(Role::TrainingManager, "22");
        let evidence = |item: &str, framework: &str, on: Date| NewEvidence {
            person_id: id.clone(),
            framework_id: framework.into(),
            item_code: item.into(),
            source: EvidenceSource::Own,
            level: 1,
            dated_on: on,
            reference: None,
        };
        let today = date(2026, 6, 15);
        let code = |new: NewEvidence| match act(fresh, &manager, move |tx| add_evidence(tx, &new)) {
            Err(StoreError::Refused(refusal)) => refusal.code,
            Err(StoreError::NotFound) => "not_found",
            other => panic!("{other:?}"),
        };
        assert_eq!(code(evidence("D1.O1.A1", FRAMEWORK, today)), "no_such_item");
        assert_eq!(code(evidence("C04", "referentiel-inconnu", today)), "not_found");
        assert_eq!(code(evidence("C04", FRAMEWORK, date(2026, 6, 16))), "competence_ahead");
    });
}

#[test]
fn the_directory_is_narrowed_by_name_department_and_certificate() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let nadia = person(fresh, "22", "Lefèvre", "Nadia");
        person(fresh, "22", "Le Goff_100%", "Loïc");
        person(fresh, "13", "Lefèvre", "Marc");
        let new = NewPosting {
            department: Some("87".into()),
            uai: None,
            ..posting(&nadia, "Bassin de Limoges", 100, date(2025, 9, 1))
        };
        act(fresh, &manager, move |tx| record_posting(tx, &new)).unwrap();
        let names = |filter: StaffFilter| -> Vec<String> {
            let page = fresh.db.read_now(|conn| list_staff(conn, "22", &filter, 1, fresh.clock.now())).unwrap();
            assert_eq!(page.total, page.lines.len());
            page.lines.into_iter().map(|line| line.name).collect()
        };
        assert_eq!(names(StaffFilter::default()), ["Le Goff_100% Loïc", "Lefèvre Nadia"]);
        assert_eq!(names(StaffFilter { name: "nadia LEFEVRE".into(), ..StaffFilter::default() }), ["Lefèvre Nadia"]);
        // What the engine would read as a joker is a letter like another.
        assert_eq!(names(StaffFilter { name: "0%".into(), ..StaffFilter::default() }), ["Le Goff_100% Loïc"]);
        assert!(names(StaffFilter { name: "a%a".into(), ..StaffFilter::default() }).is_empty());
        assert_eq!(names(StaffFilter { department: "87".into(), ..StaffFilter::default() }), ["Lefèvre Nadia"]);
        assert!(names(StaffFilter { department: "19".into(), ..StaffFilter::default() }).is_empty());
        assert!(names(StaffFilter { holding: Some(Holding::Certified), ..StaffFilter::default() }).is_empty());
        assert_eq!(names(StaffFilter { holding: Some(Holding::Nothing), ..StaffFilter::default() }).len(), 2);
        // A posting that is over no longer places anybody.
        tamper(fresh, "UPDATE postings SET ends_on = '2026-06-14'");
        assert!(names(StaffFilter { department: "87".into(), ..StaffFilter::default() }).is_empty());
    });
}

/// How many queries one page of the directory takes.
fn queries(fresh: &Fresh, page: usize) -> usize {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let read = fresh.db.read_now(move |conn| {
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let read = list_staff(conn, "22", &StaffFilter::default(), page, fresh.clock.now());
        conn.set_instrumentation(diesel::connection::get_default_instrumentation());
        read
    });
    assert!(!read.unwrap().lines.is_empty());
    let seen = seen.load(Ordering::Relaxed);
    assert!(seen > 0, "the queries were counted");
    seen
}

#[test]
fn a_page_beyond_the_last_shows_the_last() {
    each_engine(|fresh| {
        load_reference(fresh);
        for n in 0..53 {
            person(fresh, "22", &format!("Nom {n:02}"), "Jean");
        }
        let page =
            fresh.db.read_now(|conn| list_staff(conn, "22", &StaffFilter::default(), 99, fresh.clock.now())).unwrap();
        assert_eq!(queries(fresh, 1), queries(fresh, 2), "fifty lines cost as many queries as three");
        assert_eq!((page.page, page.total), (2, 53));
        let names: Vec<&str> = page.lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["Nom 50 Jean", "Nom 51 Jean", "Nom 52 Jean"]);
    });
}

#[test]
fn a_refused_form_of_the_record_keeps_what_was_typed_and_a_right_one_is_done() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let manager = actor(Role::TrainingManager, "22");
        let browser = Browser::on(fresh, &[&manager]);
        let (who, path) = (manager.user_id.as_str(), format!("/personnels/{id}/affectations"));
        let fields = |quota: &'static str| {
            [("niveau", "eple"), ("lieu", "Lycée d’Arsonval"), ("quotite", quota), ("debut", "2026-01-05"), ("fin", "")]
        };
        for (quota, sentence) in [("120", "de 1 à 100\u{a0}%"), ("moitié", "nombre entier")] {
            let (status, _, page) = browser.post(who, &path, &fields(quota));
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.contains("href=\"#champ-quotite\"") && page.contains(sentence), "{page}");
            assert!(page.contains("value=\"Lycée d’Arsonval\"") && page.contains("<title>Erreur"));
        }
        let (status, next, _) = browser.post(who, &path, &fields("50 %"));
        assert_eq!((status, next), (StatusCode::SEE_OTHER, format!("/personnels/{id}")));
        let fields = [
            ("referentiel", FRAMEWORK),
            ("competence", "C05"),
            ("niveau_constate", "3"),
            ("source", "tutor"),
            ("constate_le", "12/05/2026"),
        ];
        assert_eq!(browser.post(who, &format!("/personnels/{id}/competences"), &fields).0, StatusCode::SEE_OTHER);
        let (status, page) = browser.get(who, &format!("/personnels/{id}"));
        assert_eq!(status, StatusCode::OK);
        for shown in
            ["Lycée d’Arsonval", "50\u{a0}%", "Repérage des élèves en risque de décrochage", "3 sur 4", "12/05/2026"]
        {
            assert!(page.contains(shown), "{shown}");
        }
    });
}

#[test]
fn the_pages_of_a_record_exist_for_its_academy_and_its_forms_for_those_who_manage_it() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let (officer, foreign, tutor) =
            (actor(Role::ExamOfficer, "22"), actor(Role::TrainingManager, "13"), actor(Role::Tutor, "22"));
        let browser = Browser::on(fresh, &[&officer, &foreign, &tutor]);
        let path = format!("/personnels/{id}");
        let (status, page) = browser.get(&officer.user_id, &path);
        assert_eq!(status, StatusCode::OK);
        assert!(!page.contains(&format!("action=\"{path}")), "an exam officer reads the record");
        for who in [&foreign, &tutor] {
            assert_eq!(browser.get(&who.user_id, &path).0, StatusCode::NOT_FOUND, "{}", who.name);
        }
        assert_eq!(browser.get("", &path).0, StatusCode::SEE_OTHER, "a visitor is asked to sign in");
        for who in [&officer, &foreign, &tutor] {
            for act in ["situation", "affectations", "fins-d-affectation", "activites", "competences"] {
                let (status, ..) =
                    browser.post(&who.user_id, &format!("{path}/{act}"), &[("corps", "PLP"), ("statut", "CDI")]);
                assert_eq!(status, StatusCode::NOT_FOUND, "{} {act}", who.name);
            }
        }
        assert!(browser.get(&officer.user_id, "/personnels?nom=lefevre").1.contains(&path));
        assert!(!browser.get(&foreign.user_id, "/personnels").1.contains("Lefèvre"));
    });
}

#[test]
fn a_new_record_is_opened_once_and_never_over_that_of_another_academy() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let browser = Browser::on(fresh, &[&manager]);
        let who = manager.user_id.as_str();
        let fields = |name: &'static str| {
            [
                ("civilite", "Mme"),
                ("nom", name),
                ("prenoms", "Nadia"),
                ("naissance", "14/03/1984"),
                ("email", "n.l@ac.example"),
                ("corps", "CPE"),
                ("statut", "CDI"),
            ]
        };
        let (status, first, _) = browser.post(who, "/personnels/nouvelle-fiche", &fields("Lefèvre"));
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, again, _) = browser.post(who, "/personnels/nouvelle-fiche", &fields("LEFEVRE"));
        assert_eq!(again, first, "accents and case aside, it is the same person");
        person(fresh, "13", "Costa", "Nadia");
        let (status, _, page) = browser.post(who, "/personnels/nouvelle-fiche", &fields("Costa"));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("une autre académie") && page.contains("value=\"Costa\""));
        let (status, _, page) = browser.post(who, "/personnels/nouvelle-fiche", &[("naissance", "31/02/1984")]);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("février 1984 a 29 jours"), "the day that does not exist is named");
    });
}

#[test]
fn the_framework_is_open_to_all_and_says_what_is_to_be_verified() {
    each_engine(|fresh| {
        let browser = Browser::on(fresh, &[]);
        assert!(browser.get("", "/referentiel").1.contains("Aucun référentiel n’est encore chargé"));
        load_reference(fresh);
        let (status, page) = browser.get("", "/referentiel");
        assert_eq!(status, StatusCode::OK);
        for shown in ["D1.O1.A1", "à vérifier", "BO n°", "/referentiel/referentiel-2016/C04"] {
            assert!(page.contains(shown), "{shown}");
        }
        let (status, page) = browser.get("", "/referentiel/referentiel-2016/D1.O1.A1");
        assert_eq!(status, StatusCode::OK);
        for shown in ["Prévenir les ruptures", "Ingénierie de formation", "Présentation de la MLDS"] {
            assert!(page.contains(shown), "{shown}");
        }
        for missing in
            ["/referentiel/referentiel-2016/D9", "/referentiel/referentiel-1999", "/referentiel/reglement-2017"]
        {
            assert_eq!(browser.get("", missing).0, StatusCode::NOT_FOUND, "{missing}");
        }
    });
}

/// A session of Limoges whose results are decided, to be published at ten.
fn decided(fresh: &Fresh, person_id: &str) {
    tamper(
        fresh,
        &format!(
            "INSERT INTO exam_sessions (id, academy_code, year, state, regulation_id, framework_id, registration_opens_at, \
                 registration_closes_at, epreuves_from, epreuves_to, centre_name, published_at, created_by, created_at) \
             VALUES ('s', '22', 2026, 'published', 'reglement-2017', 'referentiel-2016', '2025-06-01 00:00:00', \
                 '2025-09-30 00:00:00', '2026-01-05', '2026-03-31', 'Rectorat', '2026-06-15 10:00:00', 'test', '2025-05-01 00:00:00'); \
             INSERT INTO registrations (id, session_id, person_id, rank, number, state, eligibility, corps, status, school_name, \
                 department, trained, source, submitted_at) \
             VALUES ('r', 's', '{person_id}', 1, '22-2026-0001', 'admitted', 'eligible', 'PLP', 'titulaire', 'Lycée', '23', \
                 TRUE, 'import', '2025-09-01 00:00:00'); \
             INSERT INTO evaluations (id, session_id, registration_id, epreuve, state, mark) \
             VALUES ('e1', 's', 'r', 1, 'marked', 1450), ('e2', 's', 'r', 2, 'kept', 1100); \
             INSERT INTO results (registration_id, session_id, outcome, explanation, decided_at) \
             VALUES ('r', 's', 'admis', '{{}}', '2026-05-20 00:00:00');"
        ),
    );
}

#[test]
fn a_result_shows_after_its_publication_and_marks_to_those_who_may_see_them() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        decided(fresh, &id);
        let (officer, manager) = (actor(Role::ExamOfficer, "22"), actor(Role::TrainingManager, "22"));
        let browser = Browser::on(fresh, &[&officer, &manager]);
        let seen = |who: &Actor| browser.get(&who.user_id, &format!("/personnels/{id}")).1;
        fresh.clock.set(instant("2026-06-15T09:59:59Z"));
        for who in [&officer, &manager] {
            let page = seen(who);
            assert!(page.contains("22-2026-0001") && page.contains("non publié"), "{}", who.name);
            assert!(!page.contains("admise</td>") && !page.contains("14,5"), "{}", who.name);
        }
        fresh.clock.set(instant("2026-06-15T10:00:00Z"));
        assert!(seen(&manager).contains("admise</td>") && !seen(&manager).contains("14,5"));
        let file = "/gestion/sessions/s/dossiers/r";
        assert!(seen(&officer).contains(file) && !seen(&manager).contains(file), "the exam file is the office's");
        let page = seen(&officer);
        assert!(
            page.contains("admise</td>")
                && page.contains("épreuve 1\u{a0}: 14,5\u{a0}; épreuve 2\u{a0}: 11 (note conservée)"),
            "{page}"
        );
        // The directory finds a candidate in the department they registered from.
        assert!(browser.get(&officer.user_id, "/personnels?departement=23").1.contains(&id));
    });
}
