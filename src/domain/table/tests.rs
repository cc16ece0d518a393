//! Workbooks read as tables: what ordinary ones give, what hostile ones are told, and that what we write we
//! read back. Ordinary workbooks come from another program's writer, and ours are read by another's reader.

use std::io::{Cursor, Write};

use calamine::{Data, Reader as _};
use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use zip::write::SimpleFileOptions;

use super::*;

/// A ZIP with these parts, as an intruder makes it.
pub(super) fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("memory");
        zip.write_all(content).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

const TYPES: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
const RELS: (&str, &[u8]) = (
    "xl/_rels/workbook.xml.rels",
    b"<Relationships><Relationship Id=\"a\" Type=\"x/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"b\" Type=\"x/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>",
);
const BOOK: (&str, &[u8]) =
    ("xl/workbook.xml", b"<workbook><sheets><sheet name=\"Liste\" sheetId=\"1\" r:id=\"a\"/></sheets></workbook>");

fn xlsx_with(sheet: &str, strings: Option<&str>) -> Vec<u8> {
    let mut parts = vec![TYPES, RELS, BOOK, ("xl/worksheets/sheet1.xml", sheet.as_bytes())];
    if let Some(strings) = strings {
        parts.push(("xl/sharedStrings.xml", strings.as_bytes()));
    }
    zipped(&parts)
}

fn ods_with(rows: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"Liste\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    zipped(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content.as_bytes())])
}

fn cells(table: &Table) -> Vec<(u64, Vec<&str>)> {
    table.rows.iter().map(|row| (row.line, row.cells.iter().map(String::as_str).collect())).collect()
}

#[test]
fn a_workbook_of_an_office_gives_the_table_its_csv_would() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Couverture").expect("named");
    let sheet = book.add_worksheet();
    sheet.set_name("Inscriptions").expect("named");
    let date = Format::new().set_num_format("dd/mm/yyyy");
    let padded = Format::new().set_num_format("00000");
    for (column, title) in ["Nom", "Né le", "Note", "Formé", "CP", "Calcul"].iter().enumerate() {
        sheet.write(0, u16::try_from(column).expect("small"), *title).expect("written");
    }
    sheet.write(2, 0, "N’Guessan\u{a0}😀").expect("written");
    sheet.write_with_format(2, 1, ExcelDateTime::from_ymd(1984, 3, 14).expect("a day"), &date).expect("written");
    sheet.write(2, 2, 12.5).expect("written");
    sheet.write(2, 3, true).expect("written");
    sheet.write_with_format(2, 4, 7_120, &padded).expect("written");
    sheet.write(2, 5, Formula::new("=1+1").set_result("2")).expect("written");
    sheet.write(4, 0, "=1+1").expect("written");
    sheet.write(4, 2, 14).expect("written");
    let table = read(&book.save_to_buffer().expect("a workbook")).expect("a table");
    assert_eq!(table.headers, ["Nom", "Né le", "Note", "Formé", "CP", "Calcul"]);
    assert_eq!(
        cells(&table),
        [(3, vec!["N’Guessan\u{a0}😀", "1984-03-14", "12.5", "oui", "07120", "2"]), (5, vec!["=1+1", "", "14"]),]
    );
    assert_eq!(table.sheet.as_deref(), Some("Inscriptions"), "the first sheet that is not blank");
    assert_eq!(table.sheets, ["Couverture", "Inscriptions"]);
    assert_eq!(table.encoding, Encoding::Xlsx);
}

#[test]
fn an_ods_gives_the_same_conventions() {
    let table = read(&ods_with(
        "<table:table-column/><table:table-row><table:table-cell office:value-type=\"string\"><text:p>Nom</text:p></table:table-cell><table:table-cell><text:p>Né le</text:p></table:table-cell>\
         <table:table-cell><text:p>CP</text:p></table:table-cell><table:table-cell><text:p>Note</text:p></table:table-cell></table:table-row>\
         <table:table-row table:number-rows-repeated=\"3\"><table:table-cell table:number-columns-repeated=\"1024\"/></table:table-row>\
         <table:table-row><table:table-cell office:value-type=\"string\"><office:annotation><text:p>note</text:p></office:annotation><text:p>Jean<text:s text:c=\"2\"/>\n  Noël &amp; fils</text:p><text:p>suite</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"date\" office:date-value=\"1984-03-14\"><text:p>14/03/84</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"float\" office:value=\"7120\"><text:p>07120</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"float\" office:value=\"12.5\"><text:p>12,50</text:p></table:table-cell></table:table-row>\
         <table:table-row table:number-rows-repeated=\"2\"><table:table-cell table:number-columns-repeated=\"2\" office:value-type=\"boolean\" office:boolean-value=\"true\"><text:p>VRAI</text:p></table:table-cell></table:table-row>\
         <table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>",
    ))
    .expect("a table");
    assert_eq!(
        cells(&table),
        [
            (5, vec!["Jean  Noël & fils\nsuite", "1984-03-14", "07120", "12.5"]),
            (6, vec!["oui", "oui"]),
            (7, vec!["oui", "oui"]),
        ]
    );
}

#[test]
fn a_sheet_is_chosen_by_its_name_and_a_hidden_one_is_passed_over() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Paramètres").expect("named").set_hidden(true).write(0, 0, "caché").expect("written");
    book.add_worksheet().set_name("2026").expect("named").write(0, 0, "ancien").expect("written");
    book.add_worksheet().set_name("2027").expect("named").set_active(true).write(0, 0, "nouveau").expect("written");
    let bytes = book.save_to_buffer().expect("a workbook");
    assert_eq!(read(&bytes).expect("a table").headers, ["ancien"]);
    assert_eq!(read_sheet(&bytes, Some("2027")).expect("a table").headers, ["nouveau"]);
    assert_eq!(read_sheet(&bytes, Some("2028")), Err(TableRefused::NoSuchSheet("2028".to_owned())));
}

#[test]
fn every_hostile_workbook_has_its_sentence() {
    let far = |cell: &str| {
        format!(
            "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>Nom</v></c></row>{cell}</sheetData></worksheet>"
        )
    };
    let laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;&lol;&lol;&lol;\">]><sst><si><t>&lol2;</t></si></sst>";
    let shared = "<sst><si><t>Nom</t></si></sst>";
    let many: Vec<(String, Vec<u8>)> = (0..2_100).map(|n| (format!("xl/{n}.xml"), Vec::new())).collect();
    let mut entries: Vec<(&str, &[u8])> = vec![TYPES];
    entries.extend(many.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    let ole = |name: &str| {
        let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    };
    let long = "é".repeat(10_001);
    let amplified = format!(
        "<worksheet><sheetData>{}</sheetData></worksheet>",
        (1..=300)
            .map(|row| format!("<row r=\"{row}\">{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(199)))
            .collect::<String>()
    );
    let cases: Vec<(&str, Vec<u8>, TableRefused)> = vec![
        (
            "a cell at the end of the world",
            xlsx_with(&far("<row r=\"1048576\"><c r=\"XFD1048576\" t=\"str\"><v>x</v></c></row>"), None),
            TableRefused::TooManyColumns { line: 1_048_576 },
        ),
        (
            "a row beyond the last",
            xlsx_with(&far("<row r=\"99999999999\"><c t=\"str\"><v>x</v></c></row>"), None),
            TableRefused::Damaged,
        ),
        (
            "a row that comes back",
            xlsx_with(&far("<row r=\"1\"><c t=\"str\"><v>x</v></c></row>"), None),
            TableRefused::Damaged,
        ),
        ("a thousand laughs", xlsx_with(&far(""), Some(laughs)), TableRefused::Hostile),
        (
            "an entity of its own",
            xlsx_with(&far("<row r=\"2\"><c t=\"str\"><v>&bomb;</v></c></row>"), Some(shared)),
            TableRefused::Hostile,
        ),
        (
            "a shared text that is not there",
            xlsx_with(&far("<row r=\"2\"><c t=\"s\"><v>7</v></c></row>"), Some(shared)),
            TableRefused::Damaged,
        ),
        (
            "a long cell",
            xlsx_with(&far(&format!("<row r=\"2\"><c t=\"str\"><v>{long}</v></c></row>")), None),
            TableRefused::CellTooLong { line: 2 },
        ),
        (
            "one text in every cell",
            xlsx_with(&amplified, Some(&format!("<sst><si><t>{}</t></si></sst>", "x".repeat(9_000)))),
            TableRefused::TooManyCells,
        ),
        ("depth", xlsx_with(&far(&format!("<row r=\"2\">{}", "<a>".repeat(100))), None), TableRefused::Hostile),
        (
            "a huge tag",
            xlsx_with(&far(&format!("<row r=\"2\" spans=\"{}\">", "9".repeat(3_000_000))), None),
            TableRefused::Bomb,
        ),
        (
            "a bomb",
            xlsx_with(&far(&format!("<row r=\"2\"><c t=\"str\"><v>{}</v></c></row>", " <b/>".repeat(6_000_000))), None),
            TableRefused::Bomb,
        ),
        (
            "cut in the middle",
            {
                let mut cut = xlsx_with(&far(""), None);
                cut.truncate(cut.len() / 2);
                cut
            },
            TableRefused::Damaged,
        ),
        (
            "not closed",
            xlsx_with("<worksheet><sheetData><row r=\"1\"><c t=\"str\"><v>x</v>", None),
            TableRefused::Damaged,
        ),
        ("a name that climbs", zipped(&[TYPES, ("../../etc/cron.d/x", b"x")]), TableRefused::Hostile),
        ("a name from the root", zipped(&[TYPES, ("/etc/passwd", b"x")]), TableRefused::Hostile),
        ("too many entries", zipped(&entries), TableRefused::Bomb),
        ("macros", zipped(&[TYPES, BOOK, ("xl/vbaProject.bin", b"x")]), TableRefused::Macros),
        ("binary", zipped(&[TYPES, ("xl/workbook.bin", b"x")]), TableRefused::ForeignWorkbook),
        ("a letter", zipped(&[TYPES, ("word/document.xml", b"<x/>")]), TableRefused::NotWorkbook),
        ("an archive", zipped(&[("photo.jpg", b"x")]), TableRefused::NotWorkbook),
        ("no workbook inside", zipped(&[TYPES]), TableRefused::NotWorkbook),
        ("an old workbook", ole("Workbook"), TableRefused::OldWorkbook),
        ("a locked workbook", ole("EncryptedPackage"), TableRefused::Encrypted),
        (
            "a locked ODS",
            zipped(&[("content.xml", b"x"), ("META-INF/manifest.xml", b"<manifest:encryption-data/>")]),
            TableRefused::Encrypted,
        ),
        ("ODS macros", zipped(&[("content.xml", b"x"), ("Basic/script-lc.xml", b"x")]), TableRefused::Macros),
        (
            "ODS text",
            zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"x")]),
            TableRefused::NotWorkbook,
        ),
        (
            "a row a million times",
            ods_with(
                "<table:table-row table:number-rows-repeated=\"1048576\"><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>",
            ),
            TableRefused::TooManyRows,
        ),
        (
            "a cell a billion times",
            ods_with(
                "<table:table-row><table:table-cell table:number-columns-repeated=\"1000000000\"><text:p>x</text:p></table:table-cell></table:table-row>",
            ),
            TableRefused::TooManyColumns { line: 1 },
        ),
        (
            "spaces a billion times",
            ods_with(
                "<table:table-row><table:table-cell><text:p>x<text:s text:c=\"1000000000\"/>x</text:p></table:table-cell></table:table-row>",
            ),
            TableRefused::CellTooLong { line: 1 },
        ),
        (
            "laughs in an ODS",
            zipped(&[("content.xml", b"<!DOCTYPE a [<!ENTITY b \"c\">]><office:document-content/>")]),
            TableRefused::Hostile,
        ),
        ("nothing written", xlsx_with("<worksheet><sheetData/></worksheet>", None), TableRefused::Empty),
    ];
    for (what, bytes, refused) in cases {
        assert_eq!(read(&bytes).err(), Some(refused), "{what}");
    }
}

fn written(kind: FileKind, rows: &[Vec<String>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = SheetWriter::new(kind, &mut out, "Candidats").expect("memory");
    for row in rows {
        writer.row(row.iter().map(String::as_str)).expect("memory");
    }
    writer.finish().expect("memory");
    out
}

#[test]
fn another_program_reads_our_workbooks_as_texts() {
    let rows: Vec<Vec<String>> = [
        vec!["nom", "téléphone", "note"],
        vec!["=CMD|' /C calc'!A0", "+33 5 55 01 02 03", "12,50"],
        vec!["<Noël> & \"fils\"", "", "a\nb"],
        vec!["_x000D_", "  deux  espaces ", "😀\u{a0}"],
    ]
    .into_iter()
    .map(|row| row.into_iter().map(str::to_owned).collect())
    .collect();
    for kind in [FileKind::Xlsx, FileKind::Ods] {
        let bytes = Cursor::new(written(kind, &rows));
        let mut book = calamine::open_workbook_auto_from_rs(bytes).expect("opens");
        let range = book.worksheet_range("Candidats").expect("the sheet");
        for (place, row) in rows.iter().enumerate() {
            for (column, text) in row.iter().enumerate() {
                let cell = range.get((place, column)).cloned().unwrap_or_default();
                let expected = if text.is_empty() { Data::Empty } else { Data::String(text.clone()) };
                // That reader keeps the escape of what looks escaped.
                let cell = match cell {
                    Data::String(text) => Data::String(text.replace("_x005F_", "_")),
                    other => other,
                };
                assert_eq!(cell, expected, "{kind} {place} {column}");
            }
        }
    }
}

#[test]
fn sheets_follow_each_other_and_the_same_rows_give_the_same_bytes() {
    for kind in [FileKind::Xlsx, FileKind::Ods] {
        let make = || {
            let mut out = Vec::new();
            let mut writer = SheetWriter::new(kind, &mut out, "Modèle").expect("memory");
            writer.row(["Nom"]).expect("memory");
            assert!(writer.next_sheet("Valeurs : [1]").expect("memory"));
            writer.row(["M."]).expect("memory");
            writer.finish().expect("memory");
            out
        };
        let bytes = make();
        assert_eq!(bytes, make(), "{kind}");
        let table = read(&bytes).expect("a table");
        assert_eq!(table.sheets, ["Modèle", "Valeurs  1"], "{kind}");
        assert_eq!(read_sheet(&bytes, Some("Valeurs  1")).expect("a table").headers, ["M."]);
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_from_every_kind(
        rows in prop::collection::vec(prop::collection::vec("[-=+@'\"; ,\t\r\na-cé\u{a0}_x0D😀<&>\u{202f}]{0,10}", 3), 1..5)
    ) {
        let mut all = vec![vec!["a".to_owned(), "b".to_owned(), "c".to_owned(), "cle".to_owned()]];
        all.extend(rows.into_iter().map(|mut row| { row.push("x".to_owned()); row }));
        for kind in FileKind::ALL {
            let table = read(&written(*kind, &all)).expect("our own file");
            let read: Vec<_> = table.rows.into_iter().map(|row| row.cells).collect();
            prop_assert_eq!(&read, &all[1..], "{}", kind);
        }
    }

    #[test]
    fn no_bytes_make_the_reading_fail_otherwise_than_by_a_sentence(mut bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..2000) {
        let _ = read(&bytes);
        bytes.splice(0..0, *b"PK\x03\x04");
        let _ = read(&bytes);
        let mut ours = written(FileKind::Xlsx, &[vec!["a".to_owned()], vec!["b".to_owned()]]);
        let place = cut % ours.len();
        ours[place] ^= 0x41;
        let _ = read(&ours);
    }
}
