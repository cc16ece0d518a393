//! From the spreadsheet of jurors to the signed order, and the conflicts of interest in between, on both engines.

use cplds::domain::exchange::{Accepted, ImportKind};
use cplds::domain::jury::{ConflictKind, Severity};
use cplds::domain::permission::{Actor, Grant, Role};
use cplds::domain::table::read_csv;
use cplds::store::eligibility::{self, Verdict};
use cplds::store::exchange::{self, Place};
use cplds::store::jury::{self, JuryView};
use cplds::store::{Db, Lock, StoreError, Stored, Tx, session};
use jiff::civil::date;

use crate::registration::{import, officer, open_session};
use crate::support::{Fresh, each_engine, instant, tamper};

mod pages;

const JURORS: &[u8] = include_bytes!("data/jures-limoges-2027.csv");

/// A session of Limoges whose list is fixed: thirteen candidates, one of whom keeps the mark of épreuve 1.
pub fn fixed_list(fresh: &Fresh) -> String {
    let id = open_session(fresh);
    import(&fresh.db, &id, &[12, 14, 15, 18, 19]).unwrap();
    fresh.clock.set(instant("2026-10-05T08:00:00Z"));
    let waiting = fresh.db.read_now(|conn| eligibility::list_undecided(conn, &id)).unwrap();
    let files: Vec<(String, i32)> = waiting.into_iter().map(|(file, _)| (file.id, file.version)).collect();
    act(&fresh.db, &id, move |tx, _| {
        eligibility::decide(tx, &files, Verdict::Admissible, "Situation vérifiée par le service")
    })
    .unwrap();
    act(&fresh.db, &id, eligibility::fix_list).unwrap();
    id
}

/// One command of the officer in the session's lock.
pub fn act<T: Send + 'static>(
    db: &Db,
    session_id: &str,
    command: impl FnOnce(&mut Tx<'_>, &str) -> Stored<T> + Send + 'static,
) -> Stored<T> {
    act_as(db, &officer(), session_id, command)
}

pub fn act_as<T: Send + 'static>(
    db: &Db,
    actor: &Actor,
    session_id: &str,
    command: impl FnOnce(&mut Tx<'_>, &str) -> Stored<T> + Send + 'static,
) -> Stored<T> {
    let id = session_id.to_owned();
    db.write_now(actor, Lock::Session(id.clone()), move |tx| command(tx, &id))
}

pub fn code<T: std::fmt::Debug>(outcome: Stored<T>) -> &'static str {
    match outcome {
        Err(StoreError::Refused(no)) => no.code,
        Err(StoreError::NotFound) => "not_found",
        Err(StoreError::Conflict(_)) => "conflict",
        other => panic!("no refusal but {other:?}"),
    }
}

pub fn import_jurors(db: &Db, session_id: &str) -> usize {
    let table = read_csv(JURORS).unwrap();
    act(db, session_id, move |tx, id| {
        let place = Place::session(&session::load_session(tx.conn, id)?);
        exchange::import(tx, ImportKind::Jurors, &place, &table, &[], &Accepted::NewOnly)
    })
    .unwrap()
    .new
}

pub fn view(db: &Db, session_id: &str) -> JuryView {
    db.read_now(|conn| {
        let session = session::load_session(conn, session_id)?;
        jury::get_jury(conn, &session)
    })
    .unwrap()
}

pub fn juror_named(db: &Db, session_id: &str, last_name: &str) -> String {
    view(db, session_id).members.into_iter().find(|juror| juror.last_name == last_name).unwrap().id
}

pub fn commission_named(db: &Db, session_id: &str, label: &str) -> String {
    view(db, session_id).commissions.into_iter().find(|one| one.commission.label == label).unwrap().commission.id
}

pub fn sign(db: &Db, session_id: &str, reference: &'static str) -> Stored<()> {
    act(db, session_id, move |tx, id| jury::sign_order(tx, id, reference, date(2026, 10, 5)))
}

#[test]
fn a_spreadsheet_becomes_a_jury_that_may_be_signed_once() {
    each_engine(|fresh| {
        let id = fixed_list(fresh);
        assert_eq!(code(sign(&fresh.db, &id, "DEC-2026-41")), "jury_not_conform");
        assert_eq!(import_jurors(&fresh.db, &id), 9);
        let jury = view(&fresh.db, &id);
        let sizes: Vec<(String, usize, String)> = jury
            .commissions
            .iter()
            .map(|one| (one.commission.label.clone(), one.seats.len(), one.seats[0].juror.last_name.clone()))
            .collect();
        assert_eq!(
            sizes,
            [("Commission A".into(), 3, "L’HERMITTE".into()), ("Commission B".into(), 3, "TRAORÉ".into())]
        );
        let said: Vec<(Severity, &str)> = jury.conformity.iter().map(|one| (one.severity, one.code)).collect();
        assert_eq!(said, [(Severity::Warns, "not_seated")]);
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        assert_eq!(view(&fresh.db, &id).order.unwrap().order_reference, "DEC-2026-41");
        assert_eq!(code(sign(&fresh.db, &id, "DEC-2026-42")), "jury_signed");
    });
}

#[test]
fn a_signed_jury_changes_only_by_an_amending_order() {
    each_engine(|fresh| {
        let id = fixed_list(fresh);
        import_jurors(&fresh.db, &id);
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        let president = juror_named(&fresh.db, &id, "CHASSAGNE");
        let a = commission_named(&fresh.db, &id, "Commission A");
        type Change = Box<dyn FnOnce(&mut Tx<'_>, &str) -> Stored<()> + Send>;
        let changes = || -> Vec<Change> {
            let (juror, other, commission, leaving) = (president.clone(), president.clone(), a.clone(), a.clone());
            vec![
                Box::new(move |tx, id| jury::name_president(tx, id, &juror)),
                Box::new(move |tx, id| jury::seat(tx, id, &commission, &other, false)),
                Box::new(|tx, id| jury::make_commission(tx, id, "Commission C").map(|_| ())),
                Box::new(move |tx, id| jury::dissolve_commission(tx, id, &leaving)),
            ]
        };
        for change in changes() {
            assert_eq!(code(act(&fresh.db, &id, change)), "jury_signed");
        }
        assert_eq!(code(act(&fresh.db, &id, |tx, id| jury::amend_order(tx, id, "bref"))), "amendment_reason");
        act(&fresh.db, &id, |tx, id| jury::amend_order(tx, id, "Le président a été muté dans une autre académie"))
            .unwrap();
        for change in changes() {
            act(&fresh.db, &id, change).unwrap();
        }
        assert_eq!(code(sign(&fresh.db, &id, "DEC-2026-50")), "jury_not_conform");
        let c = commission_named(&fresh.db, &id, "Commission C");
        act(&fresh.db, &id, move |tx, id| jury::dissolve_commission(tx, id, &c)).unwrap();
        sign(&fresh.db, &id, "DEC-2026-50").unwrap();
        let president = view(&fresh.db, &id).members.into_iter().find(|juror| juror.is_president).unwrap();
        assert_eq!(president.last_name, "CHASSAGNE");
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn nobody_is_judge_and_candidate_nor_a_juror_twice() {
    each_engine(|fresh| {
        let id = fixed_list(fresh);
        import_jurors(&fresh.db, &id);
        let new = |email: &str| jury::NewJuror {
            civility: cplds::domain::ids::Civility::parse("Mme").unwrap(),
            name: "ROUX".into(),
            first_names: "Claire".into(),
            email: cplds::domain::ids::EmailAddress::parse(email).unwrap(),
            phone: None,
            role: "formateur".into(),
            uai: None,
            school_name: None,
        };
        let add = |juror: jury::NewJuror| act(&fresh.db, &id, move |tx, id| jury::add_juror(tx, id, &juror));
        assert_eq!(code(add(new("elodie.lachaud@ac-limoges.example"))), "juror_is_candidate");
        assert_eq!(code(add(new("Helene.Vergnaud@ac-limoges.example"))), "already_juror");
        assert_eq!(
            code(add(jury::NewJuror { role: "curieux".into(), ..new("c.roux@ac-limoges.example") })),
            "role_unknown"
        );
        add(new("c.roux@ac-limoges.example")).unwrap();
        assert_eq!(view(&fresh.db, &id).members.len(), 10);
    });
}

fn conflicts_of(db: &Db, session_id: &str) -> Vec<(String, String, ConflictKind, bool)> {
    view(db, session_id)
        .conflicts
        .into_iter()
        .map(|one| {
            let last = |name: &str| name.split(' ').next().unwrap().to_owned();
            (last(&one.juror_name), last(&one.candidate_name), one.conflict.kind, one.conflict.dismissed_at.is_some())
        })
        .collect()
}

/// A trainee of this session, followed by a juror known by their address.
fn tutor(fresh: &Fresh, candidate_name: &str, tutor_email: &str) {
    tamper(
        fresh,
        &format!(
            "INSERT INTO training_sessions (id, academy_code, title, school_year, regulation_id, starts_on, ends_on, place, created_at)
             SELECT 'f1', '22', 'Formation', 2026, 'reglement-2017', '2026-09-01', '2027-06-30', 'Limoges', created_at FROM exam_sessions;
             INSERT INTO enrolments (id, training_session_id, person_id, tutor_email_key, enrolled_at)
             SELECT 'e1', 'f1', id, '{tutor_email}', created_at FROM people WHERE birth_name = '{candidate_name}';"
        ),
    );
}

#[test]
fn conflicts_are_found_for_a_school_and_a_tutor_and_dismissals_survive_a_new_search() {
    each_engine(|fresh| {
        let id = fixed_list(fresh);
        import_jurors(&fresh.db, &id);
        tutor(fresh, "LE GUYADER", "benoit.lhermitte@ac-limoges.example");
        let find = || act(&fresh.db, &id, jury::find_conflicts).unwrap();
        let standing = find();
        let found = conflicts_of(&fresh.db, &id);
        assert_eq!(found.len(), standing);
        for expected in [
            ("LAVERGNE-PUYBAREAU", "LACHAUD", ConflictKind::SameSchool),
            ("DESCHAMPS", "N’GUESSAN", ConflictKind::SameSchool),
            ("L’HERMITTE", "LE", ConflictKind::Tutor),
        ] {
            let (juror, candidate, kind) = expected;
            let known =
                found.iter().any(|one| one.0 == juror && one.1.replace('\'', "’") == candidate && one.2 == kind);
            assert!(known, "{expected:?} among {found:?}");
        }
        assert!(!found.iter().any(|one| one.0 == "CHASSAGNE"), "no school, no conflict: {found:?}");
        let by_kind = |kind: ConflictKind| {
            view(&fresh.db, &id)
                .conflicts
                .into_iter()
                .find(|one| one.conflict.kind == kind && one.conflict.dismissed_at.is_none())
                .unwrap()
                .conflict
        };
        let dismiss = |row: jury::ConflictRow, reason: &'static str| {
            act(&fresh.db, &id, move |tx, _| jury::dismiss_conflict(tx, &row.id, reason))
        };
        assert_eq!(code(dismiss(by_kind(ConflictKind::Tutor), "Une raison pourtant bien écrite")), "tutor_conflict");
        let school = by_kind(ConflictKind::SameSchool);
        assert_eq!(code(dismiss(school.clone(), "non")), "dismissal_reason");
        dismiss(school.clone(), "Le membre a quitté l’établissement en 2019").unwrap();
        assert_eq!(code(dismiss(school.clone(), "Le membre a quitté l’établissement en 2019")), "already_dismissed");
        assert_eq!(find(), standing - 1);
        assert_eq!(conflicts_of(&fresh.db, &id).len(), found.len());
        let kept = view(&fresh.db, &id).conflicts.into_iter().find(|one| one.conflict.id == school.id).unwrap();
        assert!(kept.conflict.dismissed_reason.unwrap().contains("2019"));
        // The tutorship ends: nothing shows the conflict any more.
        tamper(fresh, "UPDATE enrolments SET withdrawn_at = enrolled_at");
        assert_eq!(find(), standing - 2);
    });
}

#[test]
fn a_juror_declares_for_themselves_and_for_nobody_else() {
    each_engine(|fresh| {
        let id = fixed_list(fresh);
        import_jurors(&fresh.db, &id);
        let (own, other) = (juror_named(&fresh.db, &id, "TRAORÉ"), juror_named(&fresh.db, &id, "DESCHAMPS"));
        tamper(
            fresh,
            &format!(
                "INSERT INTO users (id, email, email_key, name, created_at) SELECT 'u1', 'a', 'a', 'Aïssata Traoré', created_at FROM exam_sessions;
                 UPDATE jurors SET user_id = 'u1' WHERE id = '{own}';"
            ),
        );
        let juror = Actor {
            user_id: "u1".into(),
            name: "Aïssata Traoré".into(),
            email: "a".into(),
            grants: vec![Grant { role: Role::JuryMember, academy: Some("22".into()) }],
            is_system: false,
        };
        let candidate = fresh
            .db
            .read_now(|conn| cplds::store::evaluation::list_of_session(conn, &id))
            .unwrap()
            .into_iter()
            .find(|(_, _, person)| person.birth_name == "ESCANDE")
            .unwrap()
            .1
            .id;
        let declare = |juror_id: &str| {
            let (juror_id, candidate) = (juror_id.to_owned(), candidate.clone());
            act_as(&fresh.db, &juror, &id, move |tx, _| {
                jury::declare_conflict(tx, &juror_id, &candidate, "Ancien collègue")
            })
        };
        assert_eq!(code(declare(&other)), "not_found");
        assert_eq!(declare(&own).unwrap(), declare(&own).unwrap());
        assert_eq!(conflicts_of(&fresh.db, &id), [("TRAORÉ".into(), "ESCANDE".into(), ConflictKind::Declared, false)]);
        let answer = |juror_id: String, word: &'static str| {
            act_as(&fresh.db, &juror, &id, move |tx, _| jury::answer_availability(tx, &juror_id, word))
        };
        assert_eq!(code(answer(other.clone(), "unavailable")), "not_found");
        assert_eq!(code(answer(own.clone(), "peut-être")), "availability");
        answer(own.clone(), "unavailable").unwrap();
        let a = commission_named(&fresh.db, &id, "Commission A");
        assert_eq!(code(act(&fresh.db, &id, move |tx, id| jury::seat(tx, id, &a, &own, false))), "juror_unavailable");
        // A juror sees their commissions, and composes none.
        assert_eq!(
            code(act_as(&fresh.db, &juror, &id, |tx, id| jury::make_commission(tx, id, "Commission C"))),
            "not_found"
        );
        let seen = fresh.db.read_now(|conn| jury::commissions_of_user(conn, &id, "u1")).unwrap();
        assert_eq!(seen.iter().map(|one| one.label.as_str()).collect::<Vec<_>>(), ["Commission B"]);
    });
}
