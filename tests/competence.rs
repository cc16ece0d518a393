//! What is known of a person's competences: added by those who may speak, never overwritten, read through the versions
//! of the framework, turned into needs that give nobody away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use cplds::domain::framework::Framework;
use cplds::domain::framework::mapping::{Fate, Mapping};
use cplds::domain::ids::EmailAddress;
use cplds::domain::permission::{Actor, Role};
use cplds::domain::staff::EvidenceSource;
use cplds::store::competence::{NewAssessment, assess, get_profile, needs};
use cplds::store::framework::import_framework;
use cplds::store::training::{Designation, NewTraining, Tutor, enrol, open_training};
use cplds::store::{StoreError, audit};
use diesel::connection::{Connection, InstrumentationEvent};
use jiff::civil::date;

use crate::staff::{act, person};
use crate::support::web::Site;
use crate::support::{Fresh, each_engine, tamper};

fn said(code: &str, level: i32, day: i8, corrects: Option<&str>) -> NewAssessment {
    NewAssessment {
        code: code.into(),
        level,
        dated_on: date(2026, 3, day),
        comment: format!("Vu le {day} mars."),
        corrects: corrects.map(str::to_owned),
    }
}

/// A person of Limoges with an account, and her tutor.
struct Cast {
    site: Site,
    nadia: String,
    own: String,
    tutor: String,
    trainer: String,
}

fn cast(fresh: &Fresh) -> Cast {
    let site = Site::new(fresh);
    let nadia = person(fresh, "22", "Lefèvre", "Nadia");
    let own = "nadia@ac-limoges.example".to_owned();
    let user = site.user_called(&own, "Nadia Lefèvre", &[(Role::Candidate, "22")]);
    tamper(fresh, &format!("UPDATE people SET user_id = '{user}' WHERE id = '{nadia}'"));
    let (tutor, trainer) = (site.user(Role::Tutor, "22"), site.user(Role::TrainingManager, "22"));
    let manager = site.actor(&trainer);
    let training = NewTraining {
        academy_code: "22".into(),
        title: "Préparation".into(),
        school_year: 2025,
        regulation_id: "reglement-2017-2".into(),
        starts_on: date(2025, 9, 8),
        ends_on: date(2026, 6, 12),
        place: "INSPÉ".into(),
    };
    let (of, email) = (nadia.clone(), EmailAddress::parse(&tutor).unwrap());
    act(fresh, &manager, move |tx| {
        let id = open_training(tx, &training)?;
        let designation = Designation { tutor: Tutor::Outside { name: "Élise".into(), email }, is_qualified: true };
        enrol(tx, &id, &of, Some(&designation))
    })
    .unwrap();
    Cast { site, nadia, own, tutor, trainer }
}

fn profile(fresh: &Fresh, actor: &Actor, person: &str) -> cplds::store::competence::Profile {
    fresh.db.read_now(|conn| get_profile(conn, actor, person, fresh.clock.now())).unwrap()
}

#[test]
fn each_speaks_as_what_they_are_and_a_foreign_academy_sees_nothing() {
    each_engine(|fresh| {
        let cast = cast(fresh);
        let of = |email: &str| cast.site.actor(email);
        for (email, source) in [
            (&cast.own, EvidenceSource::Own),
            (&cast.tutor, EvidenceSource::Tutor),
            (&cast.trainer, EvidenceSource::Trainer),
        ] {
            let (actor, id) = (of(email), cast.nadia.clone());
            let first = act(fresh, &actor, move |tx| assess(tx, &id, &said("c04", 2, 3, None))).unwrap();
            let id = cast.nadia.clone();
            assert_eq!(
                act(fresh, &actor, move |tx| assess(tx, &id, &said("C04", 2, 3, None))).unwrap(),
                first,
                "twice is once"
            );
            assert_eq!(profile(fresh, &actor, &cast.nadia).stance, Some(source));
        }
        let strangers = [
            cast.site.user(Role::TrainingManager, "13"),
            cast.site.user(Role::Tutor, "22"),
            cast.site.user(Role::Tutor, "13"),
            cast.site.user(Role::Candidate, "22"),
            cast.site.user(Role::JuryMember, "22"),
            cast.site.user(Role::NationalReader, ""),
        ];
        for email in &strangers {
            let (actor, id) = (of(email), cast.nadia.clone());
            let refused = act(fresh, &actor, move |tx| assess(tx, &id, &said("C04", 4, 3, None)));
            assert!(matches!(refused, Err(StoreError::NotFound)), "{email}");
            let seen = fresh.db.read_now(|conn| get_profile(conn, &actor, &cast.nadia, fresh.clock.now()));
            assert!(matches!(seen, Err(StoreError::NotFound)), "{email}");
            let mut browser = cast.site.sign_in(email);
            for path in [format!("/competences/{}", cast.nadia), format!("/competences/{}/portfolio.pdf", cast.nadia)] {
                assert_eq!(browser.get(&path).status, StatusCode::NOT_FOUND, "{email} {path}");
            }
        }
        // An officer reads, and says nothing.
        let officer = of(&cast.site.user(Role::ExamOfficer, "22"));
        assert_eq!(profile(fresh, &officer, &cast.nadia).stance, None);
        let line = &profile(fresh, &officer, &cast.nadia).lines[3];
        assert_eq!((line.code.as_str(), line.seen.len()), ("C04", 3));
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_correction_is_a_new_line_and_nothing_is_overwritten() {
    each_engine(|fresh| {
        let cast = cast(fresh);
        let tutor = cast.site.actor(&cast.tutor);
        let id = cast.nadia.clone();
        let first = act(fresh, &tutor, move |tx| assess(tx, &id, &said("C05", 4, 9, None))).unwrap();
        let (id, old) = (cast.nadia.clone(), first.clone());
        let second = act(fresh, &tutor, move |tx| assess(tx, &id, &said("C05", 2, 9, Some(&old)))).unwrap();
        let (id, old) = (cast.nadia.clone(), first.clone());
        let again = act(fresh, &tutor, move |tx| assess(tx, &id, &said("C05", 2, 9, Some(&old)))).unwrap();
        assert_eq!(again, second, "twice is once");
        let shown = profile(fresh, &tutor, &cast.nadia);
        assert_eq!(shown.history().len(), 2);
        assert_eq!(shown.lines[4].current().map(|(level, _)| level), Some(2));
        let (id, old) = (cast.nadia.clone(), first.clone());
        let refused = act(fresh, &tutor, move |tx| assess(tx, &id, &said("C05", 3, 9, Some(&old))));
        assert!(matches!(refused, Err(StoreError::Refused(no)) if no.code == "already_corrected"));
        let (trainer, id, old) = (cast.site.actor(&cast.trainer), cast.nadia.clone(), second.clone());
        let refused = act(fresh, &trainer, move |tx| assess(tx, &id, &said("C05", 3, 9, Some(&old))));
        assert!(matches!(refused, Err(StoreError::Refused(no)) if no.code == "not_the_author"));
    });
}

#[test]
fn what_was_seen_under_an_old_version_is_shown_in_the_new_through_the_mapping() {
    each_engine(|fresh| {
        let cast = cast(fresh);
        let tutor = cast.site.actor(&cast.tutor);
        for code in ["C02", "C07", "C08"] {
            let id = cast.nadia.clone();
            act(fresh, &tutor, move |tx| assess(tx, &id, &said(code, 3, 9, None))).unwrap();
        }
        // C02 is split over C01 and C03, C07 joins C08, C06 is dropped.
        let old = Framework::embedded().unwrap();
        let mut new = old.clone();
        new.id = "referentiel-2026".into();
        new.version = 2;
        let gone = ["C02", "C06", "C07"];
        new.competences.retain(|own| !gone.contains(&own.code.as_str()));
        for activity in new.domains.iter_mut().flat_map(|d| &mut d.objectives).flat_map(|o| &mut o.activities) {
            activity.competences.retain(|code| !gone.contains(&code.as_str()));
        }
        let mut mapping = Mapping::proposed(&old, &new);
        mapping.set("C02", Fate::Became(vec!["C01".into(), "C03".into()]));
        mapping.set("C07", Fate::Became(vec!["C08".into()]));
        let incomplete = (new.clone(), mapping.clone());
        let platform = cast.site.actor(&cast.site.user(Role::PlatformAdministrator, ""));
        let refused = act(fresh, &platform, move |tx| import_framework(tx, &incomplete.0, &incomplete.1));
        assert!(
            matches!(refused, Err(StoreError::Refused(no)) if no.code == "mapping_incomplete" && no.sentence.contains("C06"))
        );
        mapping.set("C06", Fate::Dropped("Absente du texte publié.".into()));
        fresh.clock.set("2026-06-16T08:00:00Z".parse().unwrap());
        act(fresh, &platform, move |tx| import_framework(tx, &new, &mapping)).unwrap();

        let shown = profile(fresh, &tutor, &cast.nadia);
        assert_eq!(shown.framework.id, "referentiel-2026");
        let seen: Vec<(&str, usize)> = shown
            .lines
            .iter()
            .filter(|line| !line.seen.is_empty())
            .map(|line| (line.code.as_str(), line.seen.len()))
            .collect();
        assert_eq!(seen, [("C01", 1), ("C03", 1), ("C08", 2)]);
        assert!(shown.lines.iter().flat_map(|line| &line.seen).all(|own| own.framework_id == "referentiel-2016"));
        let page = cast.site.sign_in(&cast.tutor).get(&format!("/competences/{}", cast.nadia));
        assert!(page.says("constaté sous C02 (referentiel-2016)"), "{}", page.body);
        assert_eq!(shown.history().len(), 3, "a split observation is told once");
    });
}

#[test]
fn a_person_situates_themselves_sees_the_gaps_and_takes_the_portfolio() {
    each_engine(|fresh| {
        let cast = cast(fresh);
        let mut browser = cast.site.sign_in(&cast.own);
        let page = browser.get("/mes-competences");
        assert!(page.says("<svg class=\"chart\"") && page.says("non observée"), "{}", page.body);
        let refused = browser.post(
            "/mes-competences",
            &[("competence", "C04"), ("niveau", "9"), ("constate_le", "2026-03-03"), ("commentaire", "mon texte")],
        );
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("de 1 à 4") && refused.says("mon texte"), "{}", refused.body);
        let refused =
            browser.post("/mes-competences", &[("competence", "C04"), ("niveau", "2"), ("constate_le", "2026-12-03")]);
        assert!(refused.says("est à venir"), "{}", refused.body);
        let done = browser.post(
            "/mes-competences",
            &[
                ("competence", "C04"),
                ("niveau", "2"),
                ("constate_le", "2026-03-03"),
                ("commentaire", "Séances de remise à niveau."),
            ],
        );
        let page = browser.follow(&done);
        assert!(page.says("Séances de remise à niveau.") && page.says("auto-évaluation"), "{}", page.body);
        // Under the target of the regulation, with its modules, all « à vérifier ».
        assert!(page.says("2\u{a0}– en cours d’acquisition") && page.says("MO3") && page.says("à vérifier"));
        let portfolio = browser.get("/mes-competences/portfolio.pdf");
        assert_eq!(portfolio.status, StatusCode::OK);
        assert!(portfolio.body.starts_with("%PDF-"));
        let mut officer = cast.site.sign_in(&cast.site.user(Role::ExamOfficer, "22"));
        assert_eq!(officer.get(&format!("/competences/{}/portfolio.pdf", cast.nadia)).status, StatusCode::OK);
        // A tutor reads the competences, and not the whole record.
        let mut tutor = cast.site.sign_in(&cast.tutor);
        assert_eq!(tutor.get(&format!("/competences/{}", cast.nadia)).status, StatusCode::OK);
        assert_eq!(tutor.get(&format!("/competences/{}/portfolio.pdf", cast.nadia)).status, StatusCode::NOT_FOUND);
        assert!(tutor.get("/competences").says("Lefèvre Nadia"));
        let mut alone = cast.site.sign_in(&cast.site.user(Role::Candidate, "22"));
        assert!(alone.get("/mes-competences").says("pas encore relié"));
    });
}

#[test]
fn the_needs_of_an_academy_are_counts_without_small_ones() {
    each_engine(|fresh| {
        let cast = cast(fresh);
        let trainer = cast.site.actor(&cast.trainer);
        for rank in 0..18 {
            let id = person(fresh, "22", &format!("Nom {}", (b'a' + rank) as char), "Ange");
            let level = if rank < 3 {
                1
            } else if rank < 10 {
                2
            } else {
                3
            };
            act(fresh, &trainer, move |tx| assess(tx, &id, &said("C01", level, 3, None))).unwrap();
        }
        let found = fresh.db.read_now(|conn| needs(conn, "22", fresh.clock.now())).unwrap();
        let (code, _, line) = &found.lines[0];
        assert_eq!(code, "C01");
        assert_eq!(line.levels[0], None, "three people");
        assert_eq!(line.levels[2], Some(8));
        assert_eq!(line.below, None);
        let elsewhere = fresh.db.read_now(|conn| needs(conn, "13", fresh.clock.now())).unwrap();
        assert!(elsewhere.lines.iter().all(|(_, _, line)| line.levels.iter().all(Option::is_none)));
        let mut browser = cast.site.sign_in(&cast.trainer);
        let page = browser.get("/competences/besoins");
        assert!(page.says("masqué") && !page.says("Nom "), "{}", page.body);
        assert!(browser.get("/competences/besoins.csv").says("C01;Conseil;masqué"));
        let refused = browser.post("/competences/besoins/cible", &[("niveau", "7")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let done = browser.post("/competences/besoins/cible", &[("niveau", "2")]);
        assert!(browser.follow(&done).says("décision de l’académie"));
        let mut foreign = cast.site.sign_in(&cast.site.user(Role::TrainingManager, "13"));
        assert!(!foreign.get("/competences/besoins").says("décision de l’académie"));
    });
}

#[test]
fn a_page_of_people_costs_as_many_queries_for_one_as_for_many() {
    each_engine(|fresh| {
        let cast = cast(fresh);
        let count = || {
            let queries = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&queries);
            let mut conn = crate::support::connect(fresh);
            conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
            let reach = cplds::store::competence::Reach::Academy;
            cplds::store::competence::list_followed(&mut conn, "22", &reach, "", 1).unwrap();
            let list = queries.swap(0, Ordering::Relaxed);
            needs(&mut conn, "22", fresh.clock.now()).unwrap();
            (list, queries.load(Ordering::Relaxed))
        };
        // The rules are read once and kept.
        count();
        let before = count();
        let trainer = cast.site.actor(&cast.trainer);
        for rank in 0..12 {
            let id = person(fresh, "22", &format!("Nom {}", (b'a' + rank) as char), "Ange");
            act(fresh, &trainer, move |tx| assess(tx, &id, &said("C01", 2, 3, None))).unwrap();
        }
        assert_eq!(count(), before);
        assert_eq!(before.0, 3);
    });
}
