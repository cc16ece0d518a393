//! The record over the years: names that change, a career that grows, a NUMEN nobody reads without a trace.

use cplds::domain::ids::Numen;
use cplds::domain::permission::{Actor, Role};
use cplds::domain::staff::CareerSource;
use cplds::domain::staff::career::CivilStatus;
use cplds::numen::NumenKeeper;
use cplds::secret::Secret;
use cplds::store::people::{NewPerson, get_person, record_person};
use cplds::store::staff::{
    NameChange, StaffFilter, StatusChange, change_name, list_career, list_former_names, list_staff, record_numen,
    reveal_numen, update_status,
};
use cplds::store::{StoreError, audit};
use jiff::civil::date;

use super::{act, actor, load_reference, person};
use crate::support::{Fresh, each_engine, instant};

fn told(academy: &str, birth_name: &str, corps: &str) -> NewPerson {
    NewPerson {
        academy_code: academy.to_owned(),
        civility: "Mme".into(),
        birth_name: birth_name.to_owned(),
        usage_name: None,
        first_names: "Nadia".into(),
        birth_date: date(1984, 3, 14),
        birth_place: None,
        email: "nadia@ac.example".into(),
        phone: None,
        corps: corps.to_owned(),
        status: "titulaire".into(),
        contract_date: None,
    }
}

fn again(fresh: &Fresh, academy: &str, birth_name: &str, corps: &str) -> String {
    let new = told(academy, birth_name, corps);
    act(fresh, &Actor::system("import"), move |tx| record_person(tx, &new)).unwrap()
}

fn rename(person_id: &str, version: i32, birth_name: &str, usage_name: Option<&str>) -> NameChange {
    NameChange {
        person_id: person_id.to_owned(),
        version,
        status: CivilStatus {
            civility: "Mme".into(),
            birth_name: birth_name.to_owned(),
            usage_name: usage_name.map(str::to_owned),
            first_names: "Nadia".into(),
        },
        changed_on: date(2026, 6, 1),
        reason: "Acte de mariage du 30 mai 2026".into(),
    }
}

#[test]
fn a_person_is_found_again_by_every_name_they_bore() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let manager = actor(Role::TrainingManager, "22");
        let change = rename(&id, 1, "Morel", Some("Morel-Diaz"));
        let twice = change.clone();
        act(fresh, &manager, move |tx| change_name(tx, &change)).unwrap();
        let lost = act(fresh, &manager, move |tx| change_name(tx, &twice));
        assert!(matches!(lost, Err(StoreError::Conflict(_))), "the second of two writers reads again: {lost:?}");
        // A file that still bears the old name, and one that bears the new: one person.
        assert_eq!(again(fresh, "22", "LEFEVRE", "PLP"), id);
        assert_eq!(again(fresh, "22", "Morel", "PLP"), id);
        let names = |typed: &str| {
            let filter = StaffFilter { name: typed.into(), ..StaffFilter::default() };
            let page = fresh.db.read_now(|conn| list_staff(conn, "22", &filter, 1, fresh.clock.now())).unwrap();
            page.lines.into_iter().map(|line| line.name).collect::<Vec<_>>()
        };
        for typed in ["lefevre", "Morel", "morel diaz nadia", "Lefèvre Nadia"] {
            assert_eq!(names(typed), ["Morel-Diaz Nadia"], "{typed}");
        }
        let former = fresh.db.read_now(|conn| list_former_names(conn, &id)).unwrap();
        assert_eq!(former.len(), 1);
        assert_eq!(former[0].shown(), "Mme Nadia Lefèvre");
        assert_eq!(former[0].reason, "Acte de mariage du 30 mai 2026");
        // Nobody else takes a name that was this person's.
        let other = person(fresh, "22", "Costa", "Nadia");
        let taken = rename(&other, 1, "Lefèvre", None);
        let refused = act(fresh, &manager, move |tx| change_name(tx, &taken)).unwrap_err();
        assert!(matches!(&refused, StoreError::Refused(no) if no.code == "identity_taken"), "{refused}");
        // Another academy does not rename.
        let foreign = actor(Role::TrainingManager, "13");
        let change = rename(&id, 2, "Autre", None);
        assert!(matches!(act(fresh, &foreign, move |tx| change_name(tx, &change)), Err(StoreError::NotFound)));
        fresh.db.read_now(audit::verify_chains).unwrap().unwrap();
    });
}

#[test]
fn a_career_is_a_list_of_lines_and_an_import_adds_to_it() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let manager = actor(Role::TrainingManager, "22");
        let since = |corps: &str, from| StatusChange {
            person_id: id.clone(),
            category: Some("titulaires".into()),
            corps: corps.to_owned(),
            status: "titulaire".into(),
            contract_date: Some(date(2012, 9, 1)),
            starts_on: Some(from),
        };
        // What is learnt late takes its place in time, and does not replace what is in force.
        let (now, before) = (since("Professeure certifiée", date(2026, 6, 15)), since("CPE", date(2019, 9, 1)));
        act(fresh, &manager, move |tx| update_status(tx, &now)).unwrap();
        act(fresh, &manager, move |tx| update_status(tx, &before)).unwrap();
        let corps = || {
            let page = fresh
                .db
                .read_now(|conn| list_staff(conn, "22", &StaffFilter::default(), 1, fresh.clock.now()))
                .unwrap();
            page.lines[0].corps.clone()
        };
        assert_eq!(corps(), "Professeure certifiée");
        let ahead = since("PLP", date(2026, 9, 1));
        let refused = act(fresh, &manager, move |tx| update_status(tx, &ahead)).unwrap_err();
        assert!(matches!(&refused, StoreError::Refused(no) if no.code == "career_ahead"), "{refused}");
        // The same import twice adds one line; it is written in the audit chain.
        fresh.clock.set(instant("2026-09-20T08:00:00Z"));
        again(fresh, "22", "Lefèvre", "Professeure agrégée");
        again(fresh, "22", "Lefèvre", "Professeure agrégée");
        assert_eq!(corps(), "Professeure agrégée");
        let lines = fresh.db.read_now(|conn| list_career(conn, &id)).unwrap();
        let told: Vec<(&str, CareerSource)> = lines.iter().map(|row| (row.corps.as_str(), row.source)).collect();
        assert_eq!(
            told,
            [
                ("PLP", CareerSource::Registration),
                ("Professeure certifiée", CareerSource::Office),
                ("CPE", CareerSource::Office),
                ("Professeure agrégée", CareerSource::Registration),
            ]
        );
        let history = fresh.db.read_now(|conn| audit::list_history(conn, "person", &id)).unwrap();
        let acts: Vec<&str> = history.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(acts, ["record_person", "update_status", "update_status", "update_status"]);
    });
}

#[test]
fn what_another_academy_is_told_leaves_a_trace_and_changes_nothing() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        assert_eq!(again(fresh, "13", "Lefèvre", "Attachée d’administration"), id);
        assert_eq!(again(fresh, "13", "Lefèvre", "Attachée d’administration"), id);
        let person = fresh.db.read_now(|conn| get_person(conn, &id)).unwrap();
        assert_eq!(person.academy_code, "22");
        let page =
            fresh.db.read_now(|conn| list_staff(conn, "22", &StaffFilter::default(), 1, fresh.clock.now())).unwrap();
        assert_eq!(page.lines[0].corps, "PLP");
        let lines = fresh.db.read_now(|conn| list_career(conn, &id)).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[1].source, lines[1].academy_code.as_str()), (CareerSource::Declared, "13"));
        let history = fresh.db.read_now(|conn| audit::list_history(conn, "person", &id)).unwrap();
        assert_eq!(history.last().unwrap().action, "declare_status");
        assert!(history.last().unwrap().detail.contains("\"academy\":\"13\""));
    });
}

#[test]
fn a_numen_is_kept_sealed_is_one_persons_and_is_read_with_a_trace() {
    each_engine(|fresh| {
        load_reference(fresh);
        let keeper = NumenKeeper::new(Secret::from_bytes([7; 32]));
        let numen = Numen::parse("22E0512345ABC").unwrap();
        let (nadia, loic) = (person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Faure", "Loïc"));
        let manager = actor(Role::TrainingManager, "22");
        let record = |who: &Actor, person_id: &str| {
            let (id, sealed) = (person_id.to_owned(), keeper.seal(person_id, &numen).unwrap());
            act(fresh, who, move |tx| record_numen(tx, &id, &sealed))
        };
        record(&manager, &nadia).unwrap();
        record(&manager, &nadia).unwrap();
        let refused = record(&manager, &loic).unwrap_err();
        assert!(matches!(&refused, StoreError::Refused(no) if no.code == "numen_taken"), "{refused}");
        assert!(!refused.to_string().contains("0512345"));
        for stranger in [actor(Role::TrainingManager, "13"), actor(Role::ExamOfficer, "22"), actor(Role::Tutor, "22")] {
            assert!(matches!(record(&stranger, &nadia), Err(StoreError::NotFound)), "{}", stranger.name);
            let id = nadia.clone();
            let read = act(fresh, &stranger, move |tx| reveal_numen(tx, &id));
            assert!(matches!(read, Err(StoreError::NotFound)), "{}", stranger.name);
        }
        let id = nadia.clone();
        let sealed = act(fresh, &manager, move |tx| reveal_numen(tx, &id)).unwrap();
        assert_eq!(keeper.open(&nadia, &sealed).unwrap(), numen);
        let history = fresh.db.read_now(|conn| audit::list_history(conn, "person", &nadia)).unwrap();
        let acts: Vec<&str> = history.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(acts, ["record_person", "record_numen", "reveal_numen"]);
        assert!(history.iter().all(|row| !row.detail.contains("0512345")), "no number in the chain");
        if let cplds::store::Source::Sqlite(path) = fresh.db.source() {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
            assert!(!bytes.windows(13).any(|window| window == b"22E0512345ABC"), "no number in the file");
        }
    });
}
