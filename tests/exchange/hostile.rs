//! Files as offices and intruders hand them in, by the command line and by the page: each ends in a sentence, with exit
//! code 2 or 422, and nothing is written. What the reader itself makes of each file is told in `domain/table`.

use std::io::Write;
use std::process::{Command, Output};

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::{Source, schema};
use diesel::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

use crate::registration::open_session;
use crate::support::web::Site;
use crate::support::{Fresh, data_dir, sqlite, temp_dir};

/// Each import with the titles it must have and one good line.
const KINDS: [(&str, &str, &str, &str); 5] = [
    (
        "candidates",
        "/gestion/sessions/{id}/import",
        "Civilité;Nom de naissance;Prénom;Date de naissance;Courriel;Corps;Statut;UAI;Département",
        "Mme;DURAND;Inès;12/03/1985;ines.durand@ac-limoges.example;certifié;titulaire;0870015U;87",
    ),
    (
        "jurors",
        "/gestion/sessions/{id}/jury/import",
        "Civilité;Nom;Prénom;Courriel;Qualité",
        "Mme;VERGNAUD;Hélène;helene.vergnaud@ac-limoges.example;IA-IPR",
    ),
    (
        "staff",
        "/personnels/imports/personnels",
        "Civilité;Nom de naissance;Prénom;Date de naissance;Corps;Statut",
        "M.;PETIT;Jean;14/03/1984;PLP;titulaire",
    ),
    ("schools", "/personnels/imports/etablissements", "UAI;Nom;Commune", "0870015U;Lycée Turgot;Limoges"),
    (
        "holders",
        "/personnels/imports/certificats-anterieurs",
        "Civilité;Nom;Prénom;Né le;Session",
        "M.;PETIT;Jean;14/03/1984;2019",
    ),
];

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn ole(name: &str) -> Vec<u8> {
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// Files that no reading makes a table of, and what is said of each.
fn unreadable() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let types: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
    let bomb = "<b/>".repeat(9_000_000);
    let laughs = "<!DOCTYPE a [<!ENTITY b \"cccc\">]><office:document-content/>";
    let mut far = Workbook::new();
    far.add_worksheet().write(1_048_575, 16_383, "x").unwrap();
    vec![
        ("vide.csv", Vec::new(), "Le fichier est vide"),
        ("blanc.csv", b"\r\n\r\n".to_vec(), "Le fichier est vide"),
        ("nul.csv", b"Nom;Pr\0nom\na;b\n".to_vec(), "ni un classeur"),
        ("guillemet.csv", b"Nom;Prenom\na;b\n\"c;d\n".to_vec(), "Ligne 3\u{a0}: un guillemet"),
        ("mega.csv", [b"Nom\n".to_vec(), vec![b'x'; 1_048_576]].concat(), "Ligne 2\u{a0}: une cellule dépasse"),
        ("cent-mille.csv", format!("Nom\n{}", "a\n".repeat(100_000)).into_bytes(), "plus de 50\u{202f}000 lignes"),
        ("large.csv", format!("Nom\n{}", ";".repeat(300)).into_bytes(), "La ligne 2 a plus de 200 colonnes"),
        ("utf16.csv", b"\xff\xfeN\0o\0m\0\n\0\x00\xd8".to_vec(), "ni un classeur"),
        ("loin.xlsx", far.save_to_buffer().unwrap(), "La ligne 1048576 a plus de 200 colonnes"),
        ("bombe.ods", zipped(&[("content.xml", bomb.as_bytes())]), "grossit démesurément"),
        ("escalade.xlsx", zipped(&[types, ("../../etc/cron.d/x", b"x")]), "nom interne qu’aucun tableur"),
        ("rires.ods", zipped(&[("content.xml", laughs.as_bytes())]), "déclaration"),
        ("ancien.xls", ole("Workbook"), "ancien format (.xls)"),
        ("verrou.xlsx", ole("EncryptedPackage"), "mot de passe"),
        ("macros.xlsx", zipped(&[types, ("xl/vbaProject.bin", b"x")]), "macros"),
        ("lettre.xlsx", zipped(&[types, ("word/document.xml", b"<x/>")]), "pas un classeur"),
        ("scan.xlsx", b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n1 0 obj\n".to_vec(), "est un PDF"),
        ("abime.xlsx", b"PK\x03\x04rien".to_vec(), "abîmé ou incomplet"),
    ]
}

fn cplds(fresh: &Fresh, args: &[&str]) -> Output {
    let Source::Sqlite(path) = fresh.db.source() else { panic!("an embedded database") };
    Command::new(env!("CARGO_BIN_EXE_cplds"))
        .args(args)
        .env("CPLDS_DATABASE_URL", format!("sqlite://{}", path.display()))
        .env("CPLDS_DATA_DIR", data_dir(&fresh.db))
        .output()
        .unwrap()
}

fn import(fresh: &Fresh, kind: &str, file: &std::path::Path, more: &[&str]) -> Output {
    let file = file.to_string_lossy();
    let mut args = vec!["import", kind, file.as_ref(), "--academy", "22"];
    if matches!(kind, "candidates" | "jurors") {
        args.extend(["--session", "2027"]);
    }
    args.extend(more);
    cplds(fresh, &args)
}

/// Everything said, on both outputs.
fn said(output: &Output) -> String {
    [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat()
}

/// Rows of everything an import may write.
fn rows(fresh: &Fresh) -> i64 {
    use schema::{earlier_certificates, jurors, people, registrations, schools};
    fresh
        .db
        .read_now(|conn| {
            Ok(people::table.count().get_result::<i64>(conn)?
                + jurors::table.count().get_result::<i64>(conn)?
                + registrations::table.count().get_result::<i64>(conn)?
                + schools::table.count().get_result::<i64>(conn)?
                + earlier_certificates::table.count().get_result::<i64>(conn)?)
        })
        .unwrap()
}

#[test]
fn a_file_that_is_no_table_ends_in_a_sentence_for_every_import_and_writes_nothing() {
    let fresh = sqlite();
    let site = Site::new(&fresh);
    let id = open_session(&fresh);
    let dir = temp_dir("hostile");
    let before = rows(&fresh);
    let mut office = site.sign_in(&site.user(Role::ExamOfficeHead, "22"));
    for (place, (name, bytes, sentence)) in unreadable().into_iter().enumerate() {
        let path = dir.join(name);
        std::fs::write(&path, &bytes).unwrap();
        // The command line is one road for all kinds: each file takes it once, with the next kind.
        let (kind, ..) = KINDS[place % KINDS.len()];
        let output = import(&fresh, kind, &path, &[]);
        assert_eq!(output.status.code(), Some(2), "{kind} {name}: {}", said(&output));
        assert!(said(&output).contains(sentence), "{kind} {name}: {}", said(&output));
        for (_, page, ..) in KINDS {
            let page = page.replace("{id}", &id);
            office.get(&page);
            let answer = office.upload(&page, &[], &[("fichier", name, &bytes)]);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{page} {name}");
            assert!(answer.says(sentence) && answer.says("champ-fichier"), "{page} {name}: {}", answer.body);
        }
    }
    assert_eq!(rows(&fresh), before);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_faulty_line_is_told_with_its_column_for_every_import_and_writes_nothing() {
    let fresh = sqlite();
    Site::new(&fresh);
    open_session(&fresh);
    let dir = temp_dir("faulty");
    let before = rows(&fresh);
    for (kind, _, titles, good) in KINDS {
        let path = dir.join(format!("{kind}.csv"));
        for (text, sentence) in [
            (format!("{titles}\n"), "n’a que sa ligne de titres"),
            (format!("{titles};{titles}\n{good}\n"), "figure deux fois"),
            (format!("Rien;Du;Tout\n{good}\n"), "manque"),
            (format!("{titles}\n{good}\n{good};en trop\n"), "ligne 3"),
            // A line that holds no value in its first column, which every import requires.
            (format!("{titles}\n{good}\n\n\"\";{}\n", good.split_once(';').unwrap().1), "ligne 4, colonne"),
        ] {
            std::fs::write(&path, text).unwrap();
            let output = import(&fresh, kind, &path, &["--update"]);
            assert_eq!(output.status.code(), Some(2), "{kind}: {}", said(&output));
            assert!(said(&output).contains(sentence), "{kind}: {sentence}\n{}", said(&output));
            assert!(said(&output).contains("rien n’a été écrit"), "{kind}: {}", said(&output));
        }
    }
    assert_eq!(rows(&fresh), before);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn every_ordinary_way_of_writing_a_list_is_read_alike() {
    let fresh = sqlite();
    Site::new(&fresh);
    open_session(&fresh);
    let dir = temp_dir("ordinary");
    for (kind, _, titles, good) in KINDS {
        let text = format!("{titles}\n{good}\n");
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let utf16 =
            |order: fn(u16) -> [u8; 2]| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(order).collect();
        let files: Vec<(&str, Vec<u8>)> = vec![
            ("bom", format!("\u{feff}{text}").into_bytes()),
            ("windows", latin),
            ("utf16le", utf16(u16::to_le_bytes)),
            ("utf16be", utf16(u16::to_be_bytes)),
            ("virgule", text.replace(';', ",").into_bytes()),
            ("tabulation", text.replace(';', "\t").into_bytes()),
            ("retour", text.replace('\n', "\r\n").replace(";Prénom", ";\"Prénom\r\n\"").into_bytes()),
            ("colonnes", format!("\n\n{}\n", text.replace('\n', "\r")).into_bytes()),
        ];
        for (name, bytes) in files {
            let path = dir.join(format!("{kind}-{name}"));
            std::fs::write(&path, bytes).unwrap();
            let output = import(&fresh, kind, &path, &["--dry-run", "--format", "json"]);
            let report: serde_json::Value =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{kind} {name}: {}", said(&output)));
            assert_eq!(output.status.code(), Some(0), "{kind} {name}: {report}");
            assert_eq!(
                (report["accepted"].as_u64(), report["new"].as_u64()),
                (Some(1), Some(1)),
                "{kind} {name}: {report}"
            );
        }
    }
    assert_eq!(rows(&fresh), 0, "a check writes nothing");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_workbook_as_people_keep_it_gives_its_dates_and_its_visible_sheet() {
    let fresh = sqlite();
    Site::new(&fresh);
    let dir = temp_dir("workbook");
    let titles = KINDS[2].2.split(';').collect::<Vec<_>>();
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Listes").unwrap().set_hidden(true).write(0, 0, "caché").unwrap();
    let sheet = book.add_worksheet();
    sheet.set_name("Personnels").unwrap().set_active(true);
    let date = Format::new().set_num_format("d mmmm yyyy");
    for (column, title) in titles.iter().enumerate() {
        sheet.write(0, u16::try_from(column).unwrap(), *title).unwrap();
    }
    for (row, (name, born)) in [("AOÛT", None), ("BRUN", Some("14 mars 1984")), ("CARO", Some("mercredi 14 mars 1984"))]
        .into_iter()
        .enumerate()
    {
        let row = u32::try_from(row).unwrap() + 1;
        sheet.write(row, 0, "Mme").unwrap();
        sheet.write(row, 1, rust_xlsxwriter::Formula::new(format!("=UPPER(\"{name}\")")).set_result(name)).unwrap();
        sheet.write(row, 2, "Zoé").unwrap();
        match born {
            Some(text) => sheet.write(row, 3, text).unwrap(),
            None => sheet.write_with_format(row, 3, ExcelDateTime::from_ymd(1984, 3, 14).unwrap(), &date).unwrap(),
        };
        sheet.write(row, 4, "PLP").unwrap();
        sheet.write(row, 5, "Titulaire").unwrap();
    }
    sheet.merge_range(5, 0, 5, 3, "", &Format::new()).unwrap();
    let path = dir.join("personnels.xlsx");
    book.save(&path).unwrap();
    let output = import(&fresh, "staff", &path, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let births: Vec<String> = fresh
        .db
        .read_now(|conn| {
            use schema::people::dsl as p;
            let days: Vec<cplds::store::Day> = p::people.order(p::birth_name).select(p::birth_date).load(conn)?;
            Ok(days.into_iter().map(|day| day.0.to_string()).collect())
        })
        .unwrap();
    assert_eq!(births, ["1984-03-14"; 3]);
    let again = import(&fresh, "staff", &path, &["--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(report["unchanged"], 3, "{report}");
    std::fs::remove_dir_all(dir).unwrap();
}
