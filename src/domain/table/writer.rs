//! Files for spreadsheets, written so that nothing typed by a person runs as a formula: a cell that
//! begins like one gets an apostrophe, which our own reading takes off again. The two are inverse.

use std::borrow::Cow;
use std::io::{self, Write};

use super::workbook::{Choices, OdsWriter, XlsxWriter};

fn begins_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// The text as an export writes it. A text that already looks guarded is guarded once more, or its
/// own apostrophe would be lost on the way back.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    if begins_a_formula(text.trim_start_matches('\'')) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text without the apostrophe that `csv_cell` put before it, when there is one.
pub(super) fn without_guard(cell: &str) -> Option<&str> {
    let typed = cell.strip_prefix('\'')?;
    begins_a_formula(typed.trim_start_matches('\'')).then_some(typed)
}

/// UTF-8 with its mark, semicolons, CRLF: what a French Excel opens without asking.
pub struct CsvWriter<W: Write> {
    inner: csv::Writer<W>,
}

impl<W: Write> CsvWriter<W> {
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        let inner =
            csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).flexible(true).from_writer(out);
        Ok(CsvWriter { inner })
    }

    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> io::Result<()> {
        for cell in cells {
            self.inner.write_field(csv_cell(cell).as_bytes()).map_err(io::Error::from)?;
        }
        self.inner.write_record(None::<&[u8]>).map_err(io::Error::from)
    }

    /// Flushes what is left; without it the end of the file could fail in silence.
    pub fn finish(mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

words! {
    /// The files a spreadsheet opens.
    pub enum FileKind {
        Csv = "csv",
        Xlsx = "xlsx",
        Ods = "ods",
    }
}

impl FileKind {
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            FileKind::Csv => "text/csv; charset=utf-8",
            FileKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            FileKind::Ods => "application/vnd.oasis.opendocument.spreadsheet",
        }
    }
}

/// One file of any kind, written row by row; the first row of a sheet is its titles.
pub struct SheetWriter<W: Write>(Kind<W>);

enum Kind<W: Write> {
    Csv(CsvWriter<W>),
    Xlsx(XlsxWriter<W>),
    Ods(OdsWriter<W>),
}

impl<W: Write> SheetWriter<W> {
    /// # Errors
    /// Those of `out`.
    pub fn new(kind: FileKind, out: W, sheet: &str) -> io::Result<Self> {
        Self::with_choices(kind, out, sheet, &[])
    }

    /// The same, where columns of the first sheet offer lists of values; a CSV offers none.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn with_choices(kind: FileKind, out: W, sheet: &str, choices: &[Choices]) -> io::Result<Self> {
        Ok(SheetWriter(match kind {
            FileKind::Csv => Kind::Csv(CsvWriter::new(out)?),
            FileKind::Xlsx => Kind::Xlsx(XlsxWriter::new(out, sheet, choices)?),
            FileKind::Ods => Kind::Ods(OdsWriter::new(out, sheet, choices)?),
        }))
    }

    /// # Errors
    /// Those of the file written to.
    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> io::Result<()> {
        match &mut self.0 {
            Kind::Csv(writer) => writer.row(cells),
            Kind::Xlsx(writer) => writer.row(cells),
            Kind::Ods(writer) => writer.row(cells),
        }
    }

    /// Begins another sheet and says whether there is one: a CSV has only its first.
    ///
    /// # Errors
    /// Those of the file written to.
    pub fn next_sheet(&mut self, name: &str) -> io::Result<bool> {
        match &mut self.0 {
            Kind::Csv(_) => return Ok(false),
            Kind::Xlsx(writer) => writer.next_sheet(name)?,
            Kind::Ods(writer) => writer.next_sheet(name)?,
        }
        Ok(true)
    }

    /// Ends the file; without it nothing opens it.
    ///
    /// # Errors
    /// Those of the file written to.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Kind::Csv(writer) => writer.finish(),
            Kind::Xlsx(writer) => writer.finish().map(drop),
            Kind::Ods(writer) => writer.finish().map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_csv;
    use super::*;
    use proptest::prelude::*;

    fn written(rows: &[Vec<String>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = CsvWriter::new(&mut out).expect("memory");
        for row in rows {
            writer.row(row.iter().map(String::as_str)).expect("memory");
        }
        writer.finish().expect("memory");
        out
    }

    #[test]
    fn a_formula_leaves_as_text() {
        for (text, cell) in [
            ("=CMD|' /C calc'!A0", "'=CMD|' /C calc'!A0"),
            ("+33555010203", "'+33555010203"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("N'GUESSAN", "N'GUESSAN"),
            ("'t Hooft", "'t Hooft"),
            ("'=1", "''=1"),
            ("", ""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn a_file_has_its_mark_semicolons_and_crlf() {
        let rows = [vec!["nom".to_owned(), "note".to_owned()], vec!["=a;b".to_owned(), "12,5".to_owned()]];
        assert_eq!(written(&rows), "\u{feff}nom;note\r\n\"'=a;b\";12,5\r\n".as_bytes());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            rows in prop::collection::vec(prop::collection::vec("[-=+@'\"; ,\t\r\na-cé]{0,8}", 3), 1..6)
        ) {
            // The key column keeps a row from being blank, which reading skips.
            let mut all = vec![vec!["a".to_owned(), "b".to_owned(), "c".to_owned(), "cle".to_owned()]];
            all.extend(rows.into_iter().map(|mut r| { r.push("x".to_owned()); r }));
            let table = read_csv(&written(&all)).expect("our own file");
            let read: Vec<_> = table.rows.into_iter().map(|r| r.cells).collect();
            prop_assert_eq!(&read, &all[1..]);
        }

        #[test]
        fn no_written_cell_begins_a_formula(text in any::<String>()) {
            prop_assert!(!begins_a_formula(&csv_cell(&text)));
        }
    }
}
