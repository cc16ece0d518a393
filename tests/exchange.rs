//! Spreadsheets in and out, through the pages and through the store, on both engines.

#[path = "exchange/again.rs"]
mod again;
#[path = "exchange/hostile.rs"]
mod hostile;
#[path = "exchange/jurors.rs"]
mod jurors;

use axum::http::StatusCode;
use cplds::domain::exchange::{Accepted, ImportKind};
use cplds::domain::permission::{Actor, Role};
use cplds::domain::table::{FileKind, SheetWriter};
use cplds::store::exchange::Place;
use cplds::store::export::{self, Exported};
use cplds::store::{Lock, StoreError, exchange, schools};

use crate::registration::open_session;
use crate::support::each_engine;
use crate::support::web::Site;

fn workbook(kind: FileKind, rows: &[&[&str]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sheet = SheetWriter::new(kind, &mut out, "Liste").unwrap();
    for row in rows {
        sheet.row(row.iter().copied()).unwrap();
    }
    sheet.finish().unwrap();
    out
}

const TITLES: &[&str] = &["Titre civil", "Patronyme", "Prénom", "Naissance", "Adresse", "Corps", "Statut", "RNE"];

fn candidate(email: &'static str) -> Vec<&'static str> {
    vec!["Mme", "AOÛT", "Zoé", "14/03/1984", email, "Certifié", "Titulaire", "0870015U"]
}

#[test]
fn columns_are_named_once_and_a_second_file_shows_what_changes() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_session(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let base = format!("/gestion/sessions/{session}/import");
        let first = workbook(FileKind::Xlsx, &[TITLES, &candidate("zoe.aout@ac-limoges.example")]);
        office.get(&base);
        let answer = office.upload(&base, &[], &[("fichier", "liste.xlsx", &first)]);
        let columns = answer.location().to_owned();
        assert!(columns.ends_with("/colonnes"), "{columns}");
        assert!(office.follow(&answer).says("Patronyme (AOÛT)"));
        let short = office.post(&columns, &[("colonne-0", "0")]);
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        let named = [
            ("colonne-0", "0"),
            ("colonne-1", "1"),
            ("colonne-3", "2"),
            ("colonne-4", "3"),
            ("colonne-5", "4"),
            ("colonne-7", "5"),
            ("colonne-8", "6"),
            ("colonne-9", "7"),
        ];
        let answer = office.post(&columns, &named);
        let preview = answer.location().to_owned();
        assert!(office.follow(&answer).says("à ajouter"));
        let done = office.post(&preview, &[]);
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        assert_eq!(office.get(&preview).status, StatusCode::NOT_FOUND, "an imported file is forgotten");

        let second = workbook(FileKind::Ods, &[TITLES, &candidate("nouvelle@ac-limoges.example")]);
        office.get(&base);
        let answer = office.upload(&base, &[], &[("fichier", "liste.ods", &second)]);
        assert!(!answer.location().ends_with("/colonnes"), "the columns are remembered: {}", answer.location());
        let preview = answer.location().to_owned();
        assert!(office.follow(&answer).says("devient nouvelle@ac-limoges.example"));
        office.post(&preview, &[("accepter", "2")]);

        office.get(&base);
        let answer = office.upload(&base, &[], &[("fichier", "liste.ods", &second)]);
        assert!(!office.follow(&answer).says("devient"), "the accepted change was written");
    });
}

#[test]
fn an_export_of_staff_imported_again_changes_nothing() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let system = Actor::system("test");
        let run = |bytes: Vec<u8>, accepted: Accepted| {
            site.db.write_now(&system, Lock::House, move |tx| {
                let table = exchange::read_file(tx.conn, "22", ImportKind::Staff, &bytes, None)?;
                exchange::import(tx, ImportKind::Staff, &Place::academy("22"), &table, &[], &accepted)
            })
        };
        let csv = "Civilité;Nom de naissance;Nom d’usage;Prénom;Date de naissance;Courriel;Téléphone;Corps;Statut;Date du contrat\n\
                   Mme;D'Août;;Zoé;14/03/1984;zoe@ac-limoges.example;+33 5 55 01 02 03;PLP;Titulaire;01/09/2010\n\
                   M.;Petit;Grand;Jean;02/02/1980;;;Certifié;Contractuel en CDI;\n";
        let first = run(csv.into(), Accepted::NewOnly).unwrap();
        assert_eq!((first.new, first.updated, first.unchanged), (2, 0, 0));
        for kind in FileKind::ALL {
            let mut out = Vec::new();
            assert_eq!(export::export(&site.db, &system, Exported::Staff, "22", 0, *kind, &mut out).unwrap(), 2);
            let again = run(out, Accepted::All).unwrap();
            assert_eq!((again.new, again.updated, again.unchanged), (0, 0, 2), "{kind}");
        }
        let changed = csv.replace("PLP", "Agrégé");
        assert_eq!(run(changed.clone().into(), Accepted::NewOnly).unwrap().left, 1);
        assert_eq!(run(changed.clone().into(), Accepted::All).unwrap().updated, 1);
        assert_eq!(run(changed.into(), Accepted::All).unwrap().unchanged, 2);
    });
}

#[test]
fn certificates_and_marks_from_before_come_in_once() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let system = Actor::system("test");
        let run = |what: ImportKind, text: &str| {
            let bytes = text.as_bytes().to_vec();
            site.db.write_now(&system, Lock::House, move |tx| {
                let table = exchange::read_file(tx.conn, "22", what, &bytes, None)?;
                exchange::import(tx, what, &Place::academy("22"), &table, &[], &Accepted::NewOnly)
            })
        };
        let holders = "Civilité;Nom;Prénom;Né le;Session;Numéro\nM.;Petit;Jean;14/03/1984;2019;LIM-12\n";
        assert_eq!(run(ImportKind::Holders, holders).unwrap().new, 1);
        assert_eq!(run(ImportKind::Holders, holders).unwrap().unchanged, 1);
        let marks = "Civilité;Nom;Prénom;Né le;Session d’origine;Épreuve;Note\nM.;Petit;Jean;14/03/1984;2025;1;12,5\n";
        assert_eq!(run(ImportKind::KeptMarks, marks).unwrap().new, 1);
        assert_eq!(run(ImportKind::KeptMarks, marks).unwrap().unchanged, 1);
        let other = run(ImportKind::KeptMarks, &marks.replace("12,5", "14"));
        assert!(matches!(&other, Err(StoreError::Refused(no)) if no.code == "import_blocked"), "{other:?}");
        let below = run(ImportKind::KeptMarks, &marks.replace("2025", "2024").replace("12,5", "9"));
        assert!(matches!(&below, Err(StoreError::Refused(no)) if no.sentence.starts_with("Ligne 2")), "{below:?}");
        assert!(site.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_file_under_way_belongs_to_its_academy() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let list = workbook(FileKind::Csv, &[&["UAI", "Nom", "Commune"], &["0870015U", "Lycée Turgot", "Limoges"]]);
        office.get("/personnels/imports/etablissements");
        let answer = office.upload("/personnels/imports/etablissements", &[], &[("fichier", "ecoles.csv", &list)]);
        let preview = answer.location().to_owned();
        assert!(office.follow(&answer).says("à ajouter"));
        let mut other = site.sign_in(&site.user(Role::ExamOfficer, "13"));
        assert_eq!(other.get(&preview).status, StatusCode::NOT_FOUND);
        assert_eq!(other.post(&preview, &[]).status, StatusCode::NOT_FOUND);
        let mut reader = site.sign_in(&site.user(Role::NationalReader, ""));
        assert_eq!(reader.get("/personnels/exports/schools.csv").status, StatusCode::NOT_FOUND);
        assert_eq!(office.post(&preview, &[]).status, StatusCode::SEE_OTHER);
        let school = site.db.read_now(|conn| schools::find(conn, "0870015u")).unwrap().unwrap();
        assert_eq!(school.shown(), "Lycée Turgot (Limoges)");
        let export = office.get("/personnels/exports/schools.csv");
        assert!(export.says("0870015U;Lycée Turgot;Limoges;87;"), "{}", export.body);
        assert_eq!(office.get("/personnels/exports/staff.exe").status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_workbook_we_do_not_read_is_told_on_the_page() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let page = "/personnels/imports/etablissements";
        for (bytes, sentence) in [
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), "ancien format (.xls)"),
            (b"PK\x03\x04rien".as_slice(), "abîmé ou incomplet"),
            (b"".as_slice(), "Le fichier est vide"),
        ] {
            office.get(page);
            let answer = office.upload(page, &[], &[("fichier", "x", bytes)]);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{sentence}");
            assert!(answer.says(sentence), "{sentence}");
        }
        let template = office.get("/modeles/etablissements.csv");
        assert!(template.says("UAI;Nom;Commune;Département;Type"), "{}", template.body);
    });
}

#[test]
fn a_template_explains_its_columns_and_offers_its_closed_lists() {
    use calamine::Reader as _;
    use cplds::domain::exchange::template;
    use std::io::Read as _;
    for what in ImportKind::ALL {
        for kind in [FileKind::Xlsx, FileKind::Ods] {
            let mut out = Vec::new();
            template::write(*what, kind, &mut out).unwrap();
            let mut book = calamine::open_workbook_auto_from_rs(std::io::Cursor::new(out.clone())).unwrap();
            let told = book.worksheet_range("Valeurs attendues").unwrap();
            assert_eq!(told.get((0, 0)).map(ToString::to_string).as_deref(), Some("Colonne"), "{what} {kind}");
            assert!(told.height() > what.columns().len(), "{what} {kind}");
            let mut package = zip::ZipArchive::new(std::io::Cursor::new(out)).unwrap();
            let part = if kind == FileKind::Xlsx { "xl/worksheets/sheet1.xml" } else { "content.xml" };
            let mut text = String::new();
            package.by_name(part).unwrap().read_to_string(&mut text).unwrap();
            let offers = text.contains("<formula1>Listes!$A$1:$A$2</formula1>")
                || text.contains("of:cell-content-is-in-list(&quot;Mme&quot;;&quot;M.&quot;)");
            assert_eq!(offers, *what != ImportKind::Schools, "{what} {kind}");
        }
    }
}
