//! The person behind the candidate: a record that grows, is never overwritten, and is seen by its academy alone.

use cplds::domain::ids::Uai;
use cplds::domain::permission::{Actor, Grant, Role};
use cplds::domain::staff::{EvidenceSource, PostingLevel};
use cplds::store::people::{NewPerson, record_person};
use cplds::store::staff::{
    NewEvidence, NewPosting, StaffFilter, StatusChange, add_evidence, end_posting, get_staff_file, list_staff, note_activity,
    record_posting, update_status,
};
use cplds::store::{Lock, StoreError, Stored, Tx, audit, reference};
use jiff::civil::{Date, date};

use crate::support::{Fresh, each_engine, tamper};

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
        let new = NewPosting { department: Some("87".into()), uai: None, ..posting(&nadia, "Bassin de Limoges", 100, date(2025, 9, 1)) };
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
        assert!(names(StaffFilter { certified: Some(true), ..StaffFilter::default() }).is_empty());
        assert_eq!(names(StaffFilter { certified: Some(false), ..StaffFilter::default() }).len(), 2);
        // A posting that is over no longer places anybody.
        tamper(fresh, "UPDATE postings SET ends_on = '2026-06-14'");
        assert!(names(StaffFilter { department: "87".into(), ..StaffFilter::default() }).is_empty());
    });
}

#[test]
fn a_page_beyond_the_last_shows_the_last() {
    each_engine(|fresh| {
        load_reference(fresh);
        for n in 0..53 {
            person(fresh, "22", &format!("Nom {n:02}"), "Jean");
        }
        let page = fresh.db.read_now(|conn| list_staff(conn, "22", &StaffFilter::default(), 99, fresh.clock.now())).unwrap();
        assert_eq!((page.page, page.total), (2, 53));
        let names: Vec<&str> = page.lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["Nom 50 Jean", "Nom 51 Jean", "Nom 52 Jean"]);
    });
}
