//! A spreadsheet as the office hands it over: headers and rows of text, each row with its physical line.
//! `read` takes a CSV, an XLSX or an ODS, told apart by what they hold and never by their name; `writer`
//! writes files that no spreadsheet executes, `sheet` finds columns by their names, `report` collects what
//! is wrong, line by line.

mod csv;
mod envelope;
mod gather;
mod ods;
mod package;
mod refused;
mod report;
mod sheet;
mod workbook;
mod writer;
mod xlsx;
mod xml;

pub use csv::read_csv;
use gather::{MAX_CELL_CHARS, MAX_COLUMNS};
pub use refused::TableRefused;
pub use report::{Finding, Report, Severity};
pub(in crate::domain) use sheet::check_set_aside;
pub use sheet::{ColumnSpec, Columns, Line, recognised, rename, tidy};
pub use workbook::Choices;
pub use writer::{CsvWriter, FileKind, SheetWriter, csv_cell};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub headers: Vec<String>,
    pub rows: Vec<Row>,
    pub encoding: Encoding,
    /// Of a CSV.
    pub delimiter: Option<char>,
    /// Of a workbook: the sheet read, and all its visible sheets.
    pub sheet: Option<String>,
    pub sheets: Vec<String>,
}

/// Largest file read, in bytes.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;

/// The table of a file of any kind; of a workbook, the first visible sheet that is not blank.
///
/// # Errors
/// A sentence that says what to do with a file we do not read.
pub fn read(bytes: &[u8]) -> Result<Table, TableRefused> {
    read_sheet(bytes, None)
}

/// The same, where a workbook's sheet may be chosen by its name.
///
/// # Errors
/// A sentence that says what to do with a file we do not read.
pub fn read_sheet(bytes: &[u8], sheet: Option<&str>) -> Result<Table, TableRefused> {
    if bytes.len() > MAX_BYTES {
        return Err(TableRefused::TooLarge);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        // The same envelope holds an old workbook and a new one behind a password; its directory says which.
        let locked: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_locked = bytes.windows(locked.len()).any(|window| window == locked);
        return Err(if is_locked { TableRefused::Encrypted } else { TableRefused::OldWorkbook });
    }
    if bytes.starts_with(b"%PDF-") {
        return Err(TableRefused::Pdf);
    }
    if !bytes.starts_with(b"PK") {
        return read_csv(bytes);
    }
    let mut package = package::Package::open(bytes)?;
    match package.kind()? {
        package::Kind::Xlsx => xlsx::read(&mut package, sheet),
        package::Kind::Ods => ods::read(&mut package, sheet),
    }
}

/// `line` is the physical line where the row begins, the header being line 1. Cells missing at the
/// end of a row are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub cells: Vec<String>,
}

impl Row {
    pub fn cell(&self, place: usize) -> &str {
        self.cells.get(place).map_or("", String::as_str)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
    Windows1252,
    Xlsx,
    Ods,
}

impl Encoding {
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16 => "UTF-16",
            Encoding::Windows1252 => "Windows-1252",
            Encoding::Xlsx => "XLSX",
            Encoding::Ods => "ODS",
        }
    }
}

#[cfg(test)]
mod tests;
