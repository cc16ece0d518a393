//! What leaves comes back as it was: each export, imported again in each format, changes nothing. What a list of
//! certificates says otherwise than the record is shown with both values.

use axum::http::StatusCode;
use cplds::domain::exchange::{Accepted, Fate, ImportKind};
use cplds::domain::permission::{Actor, Role};
use cplds::domain::table::FileKind;
use cplds::store::exchange::{self, Place, Written};
use cplds::store::export::{self, Exported};
use cplds::store::{Lock, StoreError, session};

use crate::registration::open_session;
use crate::support::web::Site;
use crate::support::{Fresh, each_engine, tamper};

/// Imports a file of this kind, for the academy or for its session.
fn run(fresh: &Fresh, what: ImportKind, bytes: Vec<u8>, id: &str, accepted: Accepted) -> Result<Written, StoreError> {
    let id = id.to_owned();
    let lock = if id.is_empty() { Lock::House } else { Lock::Session(id.clone()) };
    fresh.db.write_now(&Actor::system("test"), lock, move |tx| {
        let place = match id.as_str() {
            "" => Place::academy("22"),
            id => Place::session(&session::load_session(tx.conn, id)?),
        };
        let table = exchange::read_file(tx.conn, "22", what, &bytes, None)?;
        exchange::import(tx, what, &place, &table, &[], &accepted)
    })
}

#[test]
fn every_export_imported_again_changes_nothing() {
    each_engine(|fresh| {
        Site::new(fresh);
        let id = open_session(fresh);
        let candidates = "Civilité;Nom de naissance;Nom d’usage;Prénom;Date de naissance;Courriel;Téléphone;Corps;Statut;UAI;Établissement;Département;Date de titularisation ou du contrat;Formation suivie (O/N);Aménagement\n\
            Mme;=DURAND;D'Août;Inès;12/03/1985;ines.durand@ac-limoges.example;+33 5 55 01 02 03;certifié;titulaire;0870015U;\"Lycée \"\"Turgot\"\"; annexe\";87;01/09/2010;O;tiers temps\n\
            M.;PETIT;;Jean;4 juillet 1979;jean.petit@ac-limoges.example;;PLP;titulaire;0870015U;;87;;N;\n";
        let schools = "UAI;Nom;Commune;Type\n0870015U;\"Lycée; Turgot\";Limoges;@Lycée\n";
        let holders = "Civilité;Nom;Prénom;Né le;Session;Justificatif;Numéro;Délivré le\nM.;Petit;Jean;14/03/1984;2019;PV de 2019;+LIM-12;2019-07-04\n";
        let marks = "Civilité;Nom;Prénom;Né le;Session d’origine;Épreuve;Note;Justificatif\nM.;Petit;Jean;14/03/1984;2025;1;12,5;PV\n";
        for (what, exported, text, id, count) in [
            (ImportKind::Candidates, Exported::Candidates, candidates, id.as_str(), 2),
            (ImportKind::Schools, Exported::Schools, schools, "", 1),
            (ImportKind::Holders, Exported::Holders, holders, "", 1),
            (ImportKind::KeptMarks, Exported::KeptMarks, marks, "", 1),
        ] {
            let first = run(fresh, what, text.into(), id, Accepted::NewOnly).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(first.new, count, "{what}");
            for kind in FileKind::ALL {
                let mut out = Vec::new();
                let actor = Actor::system("test");
                export::export(&fresh.db, &actor, exported, "22", 2027, *kind, &mut out).unwrap();
                let again = run(fresh, what, out, id, Accepted::All).unwrap_or_else(|e| panic!("{what} {kind}: {e}"));
                assert_eq!((again.new, again.updated, again.unchanged), (0, 0, count), "{what} {kind}");
            }
        }
    });
}

#[test]
fn a_certificate_told_otherwise_is_shown_with_both_values_and_a_verified_one_is_a_conflict() {
    each_engine(|fresh| {
        Site::new(fresh);
        let text = "Civilité;Nom;Prénom;Né le;Session;Numéro\nM.;Petit;Jean;14/03/1984;2019;LIM-12\n";
        run(fresh, ImportKind::Holders, text.into(), "", Accepted::NewOnly).unwrap();
        let other = text.replace("LIM-12", "LIM-21");
        let planned = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            fresh
                .db
                .read_now(|conn| {
                    let table = exchange::read_file(conn, "22", ImportKind::Holders, &bytes, None)?;
                    exchange::plan(conn, ImportKind::Holders, &Place::academy("22"), &table, &[], fresh.clock.now())
                })
                .unwrap()
        };
        let plan = planned(&other);
        let Fate::Changed(changes) = &plan.lines[0].fate else { panic!("{:?}", plan.lines[0].fate) };
        assert_eq!((changes[0].before.as_str(), changes[0].after.as_str()), ("LIM-12", "LIM-21"));
        assert_eq!(run(fresh, ImportKind::Holders, other.clone().into(), "", Accepted::NewOnly).unwrap().left, 1);
        assert_eq!(run(fresh, ImportKind::Holders, other.clone().into(), "", Accepted::All).unwrap().updated, 1);
        assert!(matches!(planned(&other).lines[0].fate, Fate::Unchanged));
        tamper(fresh, "UPDATE earlier_certificates SET state = 'verified'");
        let plan = planned(text);
        let found = plan.report.findings.iter().find(|one| one.code == "certificate_checked").unwrap();
        assert!(found.message.contains("LIM-21") && found.message.contains("LIM-12"), "{}", found.message);
        let refused = run(fresh, ImportKind::Holders, text.into(), "", Accepted::All);
        assert!(matches!(&refused, Err(StoreError::Refused(no)) if no.code == "import_blocked"), "{refused:?}");
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn an_officer_of_two_academies_chooses_which_one_a_list_is_for() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let email = "deux@ac-limoges.example";
        site.user_called(email, "Camille Roy", &[(Role::ExamOfficer, "22"), (Role::ExamOfficer, "13")]);
        let mut office = site.sign_in(email);
        let index = office.get("/personnels/imports");
        assert!(index.says("academie=13") && index.says("academie=22"), "{}", index.body);
        let page = "/personnels/imports/etablissements";
        assert!(office.get(&format!("{page}?academie=22")).says("<option value=\"22\" selected>"));
        let list = "UAI;Nom\n0870015U;Lycée Turgot\n".as_bytes();
        let answer = office.upload(page, &[("academie", "13")], &[("fichier", "e.csv", list)]);
        assert!(
            office.follow(&answer).says("n’est pas de cette académie"),
            "the departments are those of the academy chosen"
        );
        office.get(page);
        let answer = office.upload(page, &[("academie", "22")], &[("fichier", "e.csv", list)]);
        let preview = answer.location().to_owned();
        office.follow(&answer);
        assert_eq!(office.post(&preview, &[]).status, StatusCode::SEE_OTHER);
        assert!(office.get("/personnels/exports/schools.csv?academie=22").says("0870015U"));
        assert!(!office.get("/personnels/exports/schools.csv?academie=13").says("0870015U"));
    });
}
