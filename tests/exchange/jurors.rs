//! A jury handed over in several files: the same steps as for candidates, and what stands is compared, never doubled.

use axum::http::StatusCode;
use cplds::domain::exchange::{Accepted, ImportKind};
use cplds::domain::permission::{Actor, Role};
use cplds::domain::table::FileKind;
use cplds::store::exchange::{self, Place, Written};
use cplds::store::export::{self, Exported};
use cplds::store::{Db, Lock, StoreError, jury, session};

use super::workbook;
use crate::registration::open_session;
use crate::support::each_engine;
use crate::support::web::Site;

const JURORS: &[u8] = include_bytes!("../data/jures-limoges-2027.csv");

fn run(db: &Db, id: &str, bytes: Vec<u8>, accepted: Accepted) -> Result<Written, StoreError> {
    let id = id.to_owned();
    db.write_now(&Actor::system("test"), Lock::Session(id.clone()), move |tx| {
        let place = Place::session(&session::load_session(tx.conn, &id)?);
        let table = exchange::read_file(tx.conn, "22", ImportKind::Jurors, &bytes, None)?;
        exchange::import(tx, ImportKind::Jurors, &place, &table, &[], &accepted)
    })
}

#[test]
fn a_list_of_jurors_imported_again_shows_each_change_and_writes_what_is_accepted() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let id = open_session(fresh);
        let first = run(&fresh.db, &id, JURORS.to_vec(), Accepted::NewOnly).unwrap();
        assert_eq!((first.new, first.updated, first.unchanged), (9, 0, 0));
        let again = run(&fresh.db, &id, JURORS.to_vec(), Accepted::All).unwrap();
        assert_eq!((again.new, again.updated, again.unchanged), (0, 0, 9));

        // Through the pages: the columns under other titles, an address and a commission that change.
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let base = format!("/gestion/sessions/{id}/jury/import");
        let titles = ["Civilité", "Patronyme", "Prénom", "Adresse", "Qualité", "Commission"];
        let line = ["M.", "L’HERMITTE", "Benoît", "b.lhermitte@ac-limoges.example", "IEN-ET-EG", "Commission B"];
        let other = ["Mme", "NOUVELLE", "Ève", "eve.nouvelle@ac-limoges.example", "Formateur", ""];
        let book = workbook(FileKind::Ods, &[&titles, &line, &other]);
        assert!(office.get(&base).says("/modeles/jures.ods"));
        let answer = office.upload(&base, &[], &[("fichier", "jury.ods", &book)]);
        let columns = answer.location().to_owned();
        assert!(columns.ends_with("/colonnes"), "{columns} {}", answer.body);
        office.follow(&answer);
        let named = [
            ("colonne-0", "0"),
            ("colonne-1", "1"),
            ("colonne-2", "2"),
            ("colonne-3", "3"),
            ("colonne-5", "4"),
            ("colonne-9", "5"),
        ];
        let answer = office.post(&columns, &named);
        let preview = answer.location().to_owned();
        let seen = office.follow(&answer);
        assert!(
            seen.says("benoit.lhermitte@ac-limoges.example devient b.lhermitte@ac-limoges.example"),
            "{}",
            seen.body
        );
        assert!(seen.says("Commission A devient Commission B") && seen.says("Nouvelle"), "{}", seen.body);
        let emails = |fresh: &crate::support::Fresh| -> Vec<String> {
            let id = id.clone();
            fresh
                .db
                .read_now(move |conn| jury::list_jurors(conn, &id))
                .unwrap()
                .into_iter()
                .map(|row| row.email)
                .collect()
        };
        assert_eq!(emails(fresh).len(), 9, "nothing is written by the preview");
        let done = office.post(&preview, &[("accepter", "2")]);
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        assert!(emails(fresh).contains(&"b.lhermitte@ac-limoges.example".to_owned()));
        assert_eq!(emails(fresh).len(), 10);
        let sits: Vec<String> = fresh
            .db
            .read_now(|conn| {
                let moved =
                    jury::list_jurors(conn, &id)?.into_iter().find(|row| row.last_name == "L’HERMITTE").unwrap();
                Ok(jury::list_seated(conn, &id)?
                    .into_iter()
                    .filter(|(_, seat)| seat.juror_id == moved.id)
                    .map(|(one, _)| one.label)
                    .collect())
            })
            .unwrap();
        assert_eq!(sits, ["Commission B"]);
        // The columns are remembered for the academy.
        office.get(&base);
        let answer = office.upload(&base, &[], &[("fichier", "jury.ods", &book)]);
        assert!(!answer.location().ends_with("/colonnes"));
        assert_eq!(office.get("/gestion/sessions/inconnue/jury/import").status, StatusCode::NOT_FOUND);
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn what_a_list_says_against_the_jury_is_a_conflict_with_both_values() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        let text = String::from_utf8(JURORS.to_vec()).unwrap();
        run(&fresh.db, &id, JURORS.to_vec(), Accepted::NewOnly).unwrap();
        let header = text.lines().next().unwrap().to_owned();
        for (line, code, said) in [
            ("M.;AUTRE;Paul;helene.vergnaud@ac-limoges.example;;IA-IPR;;;N;;N", "other_person", "VERGNAUD Hélène"),
            (
                "M.;AUTRE;Paul;paul.autre@ac-limoges.example;;IA-IPR;;;O;;N",
                "other_president",
                "VERGNAUD Hélène préside déjà",
            ),
            (
                "M.;AUTRE;Paul;paul.autre@ac-limoges.example;;IA-IPR;;;N;Commission A;O",
                "other_chair",
                "L’HERMITTE Benoît préside déjà",
            ),
        ] {
            let bytes = format!("{header}\n{line}\n").into_bytes();
            let refused = run(&fresh.db, &id, bytes.clone(), Accepted::All);
            assert!(matches!(&refused, Err(StoreError::Refused(no)) if no.code == "import_blocked"), "{refused:?}");
            let findings = fresh
                .db
                .read_now(|conn| {
                    let place = Place::session(&session::load_session(conn, &id)?);
                    let table = exchange::read_file(conn, "22", ImportKind::Jurors, &bytes, None)?;
                    Ok(exchange::plan(conn, ImportKind::Jurors, &place, &table, &[], fresh.clock.now())?
                        .report
                        .findings)
                })
                .unwrap();
            let found = findings.iter().find(|finding| finding.code == code);
            assert!(found.is_some_and(|one| one.line == 2 && one.message.contains(said)), "{code}: {findings:?}");
        }
        let count = fresh.db.read_now(|conn| jury::list_jurors(conn, &id)).unwrap().len();
        assert_eq!(count, 9, "a conflict writes nothing");
    });
}

#[test]
fn an_export_of_jurors_imported_again_changes_nothing() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        run(&fresh.db, &id, JURORS.to_vec(), Accepted::NewOnly).unwrap();
        for kind in FileKind::ALL {
            let mut out = Vec::new();
            let actor = Actor::system("test");
            assert_eq!(export::export(&fresh.db, &actor, Exported::Jurors, "22", 2027, *kind, &mut out).unwrap(), 9);
            let again = run(&fresh.db, &id, out, Accepted::All).unwrap();
            assert_eq!((again.new, again.updated, again.unchanged), (0, 0, 9), "{kind}");
        }
    });
}

#[test]
fn two_identical_lists_at_once_are_one_jury() {
    each_engine(|fresh| {
        let id = open_session(fresh);
        let done: Vec<Written> = std::thread::scope(|scope| {
            let runs: Vec<_> =
                (0..4).map(|_| scope.spawn(|| run(&fresh.db, &id, JURORS.to_vec(), Accepted::All).unwrap())).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(done.iter().map(|one| one.new).sum::<usize>(), 9);
        assert_eq!(done.iter().map(|one| one.unchanged).sum::<usize>(), 27);
        assert_eq!(fresh.db.read_now(|conn| jury::list_jurors(conn, &id)).unwrap().len(), 9);
    });
}
