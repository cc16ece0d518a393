//! A spreadsheet as the office hands it over: headers and rows of text, each row with its physical line.
//! `csv` reads bytes saved by Excel or LibreOffice, `writer` writes files that no spreadsheet executes,
//! `sheet` finds columns by their names, `report` collects what is wrong, line by line.

mod csv;
mod report;
mod sheet;
mod writer;

pub use csv::{MAX_BYTES, TableRefused, read_csv};
pub use report::{Finding, Report, Severity};
pub(in crate::domain) use sheet::check_set_aside;
pub use sheet::{ColumnSpec, Columns, Line, tidy};
pub use writer::{CsvWriter, csv_cell};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub headers: Vec<String>,
    pub rows: Vec<Row>,
    pub encoding: Encoding,
    pub delimiter: char,
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
}

impl Encoding {
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16 => "UTF-16",
            Encoding::Windows1252 => "Windows-1252",
        }
    }
}
