//! From an office's spreadsheet to the list of candidates, on both engines.

use cplds::domain::permission::{Actor, Grant, Role};
use cplds::domain::session::Calendar;
use cplds::domain::table::{Table, read_csv};
use cplds::store::eligibility::{self, Verdict};
use cplds::store::examination::queue::{self, QueueFilter};
use cplds::store::registration::{self, Imported};
use cplds::store::session::{self, OpenSession};
use cplds::store::{Db, Lock, StoreError, reference};
use jiff::civil::{Date, date};

use crate::support::{Fresh, each_engine, instant};

const LIMOGES: &[u8] = include_bytes!("data/inscriptions-limoges-2027.csv");

pub fn officer() -> Actor {
    Actor {
        user_id: "officer-22".into(),
        name: "Gestionnaire de Limoges".into(),
        email: "dec@ac-limoges.example".into(),
        grants: vec![Grant { role: Role::ExamOfficer, academy: Some("22".into()) }],
        is_system: false,
    }
}

pub fn open_session(fresh: &Fresh) -> String {
    open_under(fresh, "reglement-2017", &[])
}

/// A session of Limoges that asks for two pieces, under the regulation in force.
pub fn open_with_pieces(fresh: &Fresh) -> String {
    open_under(fresh, "reglement-2017-2", &["identite", "lettre_motivation"])
}

fn open_under(fresh: &Fresh, regulation_id: &str, pieces: &[&str]) -> String {
    fresh.db.write_now(&Actor::system("test"), Lock::House, reference::load).unwrap();
    let open = OpenSession {
        academy_code: "22".into(),
        year: 2027,
        calendar: Calendar {
            registration_opens_at: instant("2026-06-01T06:00:00Z"),
            registration_closes_at: instant("2026-09-30T21:59:59Z"),
            epreuves_from: date(2027, 1, 11),
            epreuves_to: date(2027, 4, 30),
        },
        centre_name: "Lycée Turgot, Limoges".into(),
        centre_uai: None,
        regulation_id: regulation_id.to_owned(),
        pieces: pieces.iter().map(|code| (*code).to_owned()).collect(),
    };
    fresh.db.write_now(&officer(), Lock::House, move |tx| session::open_session(tx, &open)).unwrap()
}

fn table() -> Table {
    read_csv(LIMOGES).unwrap()
}

fn aside(lines: &[u64]) -> Vec<(u64, String)> {
    lines.iter().map(|line| (*line, "à corriger par le candidat".to_owned())).collect()
}

pub fn import(db: &Db, session_id: &str, lines: &[u64]) -> Result<Imported, StoreError> {
    let (id, aside) = (session_id.to_owned(), aside(lines));
    db.write_now(&officer(), Lock::Session(id.clone()), move |tx| {
        registration::import_candidates(tx, &id, &table(), &aside)
    })
}

const BLOCKED: &[u64] = &[12, 14, 15, 18, 19];

#[test]
fn the_limoges_file_blocks_on_its_five_bad_lines_and_writes_nothing() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        let report = fresh
            .db
            .read_now(|conn| registration::preview_import(conn, "22", 2027, None, &table(), &[], fresh.clock.now()))
            .unwrap();
        let mut lines: Vec<u64> = report.blocking().map(|finding| finding.line).collect();
        lines.dedup();
        assert_eq!(lines, BLOCKED);
        for missing in 0..BLOCKED.len() {
            let mut some = BLOCKED.to_vec();
            some.remove(missing);
            let refused = import(&fresh.db, &id, &some).unwrap_err();
            assert!(matches!(&refused, StoreError::Refused(no) if no.code == "import_blocked"), "{refused}");
        }
        let total = fresh.db.read_now(|conn| queue::count_queue(conn, &id, &QueueFilter::default(), Date::ZERO));
        assert_eq!(total.unwrap(), 0);
    });
}

#[test]
fn two_identical_imports_at_once_register_everyone_once() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..2).map(|_| scope.spawn(|| import(&fresh.db, &id, BLOCKED))).collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let mut done: Vec<Imported> = outcomes.into_iter().map(Result::unwrap).collect();
        done.sort_by_key(|one| one.registered);
        // The second finds every file already there, the same, and writes none.
        let second = Imported { set_aside: 5, unchanged: 13, ..Imported::default() };
        let first =
            Imported { registered: 13, set_aside: 5, refusals_proposed: 1, to_examine: 1, ..Imported::default() };
        assert_eq!(done, [second, first]);
    });
}

#[test]
fn the_list_waits_for_every_decision_and_keeps_earlier_marks() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        import(&fresh.db, &id, BLOCKED).unwrap();
        fresh.clock.set(instant("2026-10-05T08:00:00Z"));
        let fix = || {
            let session = id.clone();
            fresh.db.write_now(&officer(), Lock::Session(id.clone()), move |tx| eligibility::fix_list(tx, &session))
        };
        assert!(matches!(fix(), Err(StoreError::Refused(no)) if no.code == "files_undecided"));
        let waiting = fresh.db.read_now(|conn| eligibility::list_undecided(conn, &id)).unwrap();
        let proposals: Vec<&str> = waiting.iter().map(|(_, decision)| decision.proposed.as_str()).collect();
        assert_eq!(proposals, ["refusal_proposed", "to_examine"]);
        let decide = |at: usize, verdict: Verdict, reasons: &'static str| {
            let file = (waiting[at].0.id.clone(), waiting[at].0.version);
            fresh.db.write_now(&officer(), Lock::Session(id.clone()), move |tx| {
                eligibility::decide(tx, &[file], verdict, reasons)
            })
        };
        assert!(
            matches!(decide(0, Verdict::Refused, "non"), Err(StoreError::Refused(no)) if no.code == "reasons_missing")
        );
        decide(0, Verdict::Refused, "Contrat à durée déterminée, non prévu par le décret.").unwrap();
        // The officer beside them decided the opposite from the same page: one wins, the other is told.
        assert!(matches!(
            decide(0, Verdict::Admissible, "Contrat accepté après examen."),
            Err(StoreError::Conflict(_))
        ));
        decide(1, Verdict::Admissible, "Missions exercées auprès de la MLDS depuis 2019.").unwrap();
        assert_eq!(fix().unwrap(), 12);
        let marks = fresh.db.read_now(|conn| cplds::store::evaluation::list_of_session(conn, &id)).unwrap();
        assert_eq!(marks.len(), 24);
        let kept: Vec<(String, i32, Option<i32>, Option<i32>)> = marks
            .iter()
            .filter(|(row, ..)| row.state.as_str() == "kept")
            .map(|(row, _, person)| (person.birth_name.clone(), row.epreuve, row.mark, row.origin_year))
            .collect();
        assert_eq!(
            kept,
            [
                ("DE LA TOUR D’AUVERGNE".to_owned(), 2, Some(1200), Some(2025)),
                ("ESCANDE".to_owned(), 1, Some(1350), Some(2026)),
            ]
        );
        assert!(matches!(import(&fresh.db, &id, BLOCKED), Err(StoreError::Refused(no)) if no.code == "session_state"));
    });
}

#[test]
fn an_officer_of_another_academy_finds_nothing() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        let mut stranger = officer();
        stranger.grants[0].academy = Some("13".into());
        let session = id.clone();
        let refused = fresh.db.write_now(&stranger, Lock::Session(id.clone()), move |tx| {
            registration::import_candidates(tx, &session, &table(), &aside(BLOCKED))
        });
        assert!(matches!(refused, Err(StoreError::NotFound)));
        assert!(fresh.db.read_now(|conn| session::get_session(conn, "13", &id)).is_err());
    });
}

#[test]
fn every_import_leaves_a_chain_that_holds() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        import(&fresh.db, &id, BLOCKED).unwrap();
        let checked = fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().unwrap();
        assert!(checked > 13 * 2, "{checked}");
    });
}
