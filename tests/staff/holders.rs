//! Who holds the qualification from before this program, and records that pass from one academy to another.

use cplds::domain::holder::{CheckState, EquivalenceGround, Qualification};
use cplds::domain::ids::Mark;
use cplds::domain::permission::{Actor, Role};
use cplds::store::handover::{
    NewHandover, accept_handover, decline_handover, get_handover, list_handovers, propose_handover, withdraw_handover,
};
use cplds::store::holder::{
    Check, NewEarlierMark, NewHolder, check_equivalence, check_holder, check_kept_mark, find_equivalence,
    find_qualification, is_holder, list_earlier_marks, list_equivalences, record_equivalence, record_holder,
    record_kept_mark_earlier,
};
use cplds::store::staff::{get_staff_file, record_posting};
use cplds::store::{StoreError, Stored, audit};
use jiff::civil::date;

use super::{act, actor, load_reference, person, posting};
use crate::support::{Fresh, each_engine};

fn code<T: std::fmt::Debug>(result: Stored<T>) -> String {
    match result {
        Err(StoreError::Refused(refusal)) => refusal.code.to_owned(),
        Err(StoreError::NotFound) => "not_found".to_owned(),
        other => panic!("{other:?}"),
    }
}

fn check(id: &str, holds: bool) -> Check {
    Check { id: id.to_owned(), holds, note: "Procès-verbal de 2019 vu par la DEC".into() }
}

fn holds(fresh: &Fresh, id: &str) -> Option<Qualification> {
    let found = fresh.db.read_now(|conn| find_qualification(conn, id)).unwrap();
    assert_eq!(fresh.db.read_now(|conn| is_holder(conn, id)).unwrap(), found.is_some());
    found
}

#[test]
fn a_certificate_from_before_counts_once_the_office_has_verified_it() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let (manager, officer) = (actor(Role::TrainingManager, "22"), actor(Role::ExamOfficer, "22"));
        let new = NewHolder {
            person_id: id.clone(),
            year: 2019,
            number: Some("2019/07".into()),
            issued_on: Some(date(2019, 9, 2)),
            evidence: "Copie du certificat".into(),
        };
        let record = |who: &Actor, new: &NewHolder| {
            let new = new.clone();
            act(fresh, who, move |tx| record_holder(tx, &new))
        };
        for stranger in [actor(Role::ExamOfficer, "13"), actor(Role::Tutor, "22"), actor(Role::JuryMember, "22")] {
            assert_eq!(code(record(&stranger, &new)), "not_found", "{}", stranger.name);
        }
        let row = record(&manager, &new).unwrap();
        assert_eq!(record(&officer, &new).unwrap(), row, "the same certificate is recorded once");
        assert_eq!(code(record(&manager, &NewHolder { year: 2016, ..new.clone() })), "no_such_session");
        assert_eq!(holds(fresh, &id), None, "not before it is verified");
        let verify = |who: &Actor| {
            let check = check(&row, true);
            act(fresh, who, move |tx| check_holder(tx, &check))
        };
        assert_eq!(code(verify(&manager)), "not_found", "the office verifies, not who trains");
        assert_eq!(code(verify(&actor(Role::ExamOfficer, "13"))), "not_found");
        assert_eq!(verify(&officer).unwrap(), id);
        assert_eq!(code(verify(&officer)), "already_checked");
        assert_eq!(holds(fresh, &id), Some(Qualification::Earlier(2019)));
        fresh.db.read_now(audit::verify_chains).unwrap().unwrap();
    });
}

#[test]
fn a_mark_from_before_is_kept_when_it_may_be_and_once_verified() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let officer = actor(Role::ExamOfficer, "22");
        let new = |mark: i32| NewEarlierMark {
            person_id: id.clone(),
            year: 2024,
            epreuve: 1,
            mark: Mark::from_hundredths(mark),
            evidence: "PV du 2 juillet 2024".into(),
        };
        let record = |mark: i32| {
            let new = new(mark);
            act(fresh, &officer, move |tx| record_kept_mark_earlier(tx, &new))
        };
        assert_eq!(code(record(950)), "mark_not_keepable");
        let row = record(1250).unwrap();
        assert_eq!(record(1250).unwrap(), row);
        assert_eq!(code(record(1300)), "mark_known", "one mark by épreuve and session");
        let answer = check(&row, true);
        act(fresh, &officer, move |tx| check_kept_mark(tx, &answer)).unwrap();
        let marks = fresh.db.read_now(|conn| list_earlier_marks(conn, &id)).unwrap();
        assert_eq!((marks[0].mark, marks[0].state), (1250, CheckState::Verified));
        // The chain keeps the act, not the mark in clear.
        let history = fresh.db.read_now(|conn| audit::list_history(conn, "person", &id)).unwrap();
        assert!(history.iter().all(|row| !row.detail.contains("1250")));
    });
}

#[test]
fn equivalences_have_a_register_of_their_own_without_gaps() {
    each_engine(|fresh| {
        load_reference(fresh);
        let (manager, head) = (actor(Role::TrainingManager, "22"), actor(Role::ExamOfficeHead, "22"));
        let people: Vec<String> =
            ["Faure", "Costa", "Morel"].iter().map(|name| person(fresh, "22", name, "Nadia")).collect();
        for (n, id) in people.iter().enumerate() {
            let of = id.clone();
            let row = act(fresh, &manager, move |tx| {
                record_equivalence(tx, &of, EquivalenceGround::ThreeYears, "État de services")
            })
            .unwrap();
            let of = id.clone();
            let other = act(fresh, &manager, move |tx| record_equivalence(tx, &of, EquivalenceGround::Cpif, "Arrêté"));
            assert_eq!(code(other), "equivalence_known");
            // The second one is set aside: it takes no number.
            let answer = check(&row, n != 1);
            act(fresh, &head, move |tx| check_equivalence(tx, &answer)).unwrap();
        }
        assert_eq!(holds(fresh, &people[0]), Some(Qualification::Equivalence("EQ-22-2026-0001".into())));
        assert_eq!(holds(fresh, &people[1]), None);
        assert_eq!(holds(fresh, &people[2]), Some(Qualification::Equivalence("EQ-22-2026-0002".into())));
        let register = fresh.db.read_now(|conn| list_equivalences(conn, "22", 50)).unwrap();
        assert_eq!(register.len(), 3);
        assert!(fresh.db.read_now(|conn| list_equivalences(conn, "13", 50)).unwrap().is_empty());
        let kept = fresh.db.read_now(|conn| find_equivalence(conn, &people[0])).unwrap().unwrap();
        assert_eq!(kept.read_snapshot().unwrap().birth_name, "Faure");
    });
}

#[test]
fn a_record_passes_to_the_academy_that_accepts_it_and_is_seen_by_one_at_a_time() {
    each_engine(|fresh| {
        load_reference(fresh);
        let id = person(fresh, "22", "Lefèvre", "Nadia");
        let (from, to) = (actor(Role::TrainingManager, "22"), actor(Role::AcademyAdministrator, "13"));
        let running = posting(&id, "Lycée Renoir", 100, date(2025, 9, 1));
        act(fresh, &from, move |tx| record_posting(tx, &running)).unwrap();
        let new = |to: &str, reason: &str| NewHandover {
            person_id: id.clone(),
            to_academy: to.to_owned(),
            takes_effect_on: date(2026, 9, 1),
            reason: reason.to_owned(),
        };
        let propose = |who: &Actor, new: NewHandover| act(fresh, who, move |tx| propose_handover(tx, &new));
        assert_eq!(code(propose(&to, new("13", "mutation"))), "not_found", "nobody takes a record by themselves");
        assert_eq!(code(propose(&from, new("13", " "))), "reason_missing");
        assert_eq!(code(propose(&from, new("99", "mutation"))), "no_such_academy");
        let request = propose(&from, new("13", "Mutation au 1er septembre")).unwrap();
        assert_eq!(code(propose(&from, new("14", "autre"))), "handover_pending");

        let seen = |academy: &str| {
            let (of, academy) = (id.clone(), academy.to_owned());
            fresh.db.read_now(move |conn| get_staff_file(conn, &academy, &of, fresh.clock.now()))
        };
        assert!(seen("22").is_ok());
        assert!(matches!(seen("13"), Err(StoreError::NotFound)), "before the answer, the request alone");
        let line = fresh.db.read_now(|conn| get_handover(conn, "13", &request)).unwrap();
        assert_eq!((line.name.as_str(), line.row.reason.as_str()), ("Lefèvre Nadia", "Mutation au 1er septembre"));
        assert!(matches!(fresh.db.read_now(|conn| get_handover(conn, "14", &request)), Err(StoreError::NotFound)));

        let accept = |who: &Actor| {
            let request = request.clone();
            act(fresh, who, move |tx| accept_handover(tx, &request))
        };
        for stranger in
            [from.clone(), actor(Role::ExamOfficer, "13"), actor(Role::TrainingManager, "14"), actor(Role::Tutor, "13")]
        {
            assert_eq!(code(accept(&stranger)), "not_found", "{}", stranger.name);
        }
        let refused = request.clone();
        assert_eq!(code(act(fresh, &to, move |tx| decline_handover(tx, &refused, ""))), "reason_missing");
        assert_eq!(accept(&to).unwrap(), id);
        assert_eq!(code(accept(&to)), "handover_settled");

        assert!(matches!(seen("22"), Err(StoreError::NotFound)), "the former academy no longer reads the record");
        let file = seen("13").unwrap();
        assert_eq!(
            file.postings[0].ends_on.map(|day| day.0),
            Some(date(2026, 8, 31)),
            "its posting ends the day before"
        );
        let own = posting(&id, "Lycée Colbert", 50, date(2026, 9, 1));
        assert_eq!(
            code(act(fresh, &from, {
                let own = own.clone();
                move |tx| record_posting(tx, &own)
            })),
            "not_found"
        );
        act(fresh, &to, move |tx| record_posting(tx, &own)).unwrap();
        for academy in ["22", "13"] {
            let lines = fresh.db.read_now(|conn| list_handovers(conn, academy, 50)).unwrap();
            assert_eq!(lines.len(), 1, "{academy} remembers what it sent or received");
        }
        let back = request.clone();
        assert_eq!(code(act(fresh, &from, move |tx| withdraw_handover(tx, &back))), "handover_settled");
        fresh.db.read_now(audit::verify_chains).unwrap().unwrap();
    });
}
