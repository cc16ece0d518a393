//! Rows as they come, whatever the file: the first with text gives the headers, blank ones are passed
//! over, and the bounds on rows, cells and text hold before memory is taken.

use super::{Encoding, Row, Table, TableRefused};

pub(super) const MAX_ROWS: usize = 50_000;
pub(super) const MAX_COLUMNS: usize = 200;
pub(super) const MAX_CELL_CHARS: usize = 10_000;
/// Bounds memory where bytes do not: an empty cell costs one byte in the file, 24 once read, and in a
/// workbook one long text may stand in every cell.
const MAX_CELLS: usize = 2_000_000;
const MAX_TEXT_BYTES: usize = 40 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Gathering {
    headers: Option<Vec<String>>,
    rows: Vec<Row>,
    cells: usize,
    text: usize,
}

impl Gathering {
    pub(super) fn push(&mut self, line: u64, mut cells: Vec<String>) -> Result<(), TableRefused> {
        while cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(());
        }
        if cells.len() > MAX_COLUMNS {
            return Err(TableRefused::TooManyColumns { line });
        }
        for cell in &cells {
            if cell.len() > MAX_CELL_CHARS && cell.chars().count() > MAX_CELL_CHARS {
                return Err(TableRefused::CellTooLong { line });
            }
            self.text += cell.len();
        }
        self.cells += cells.len();
        if self.cells > MAX_CELLS || self.text > MAX_TEXT_BYTES {
            return Err(TableRefused::TooManyCells);
        }
        if self.headers.is_none() {
            self.headers = Some(cells);
            return Ok(());
        }
        if self.rows.len() >= MAX_ROWS {
            return Err(TableRefused::TooManyRows);
        }
        cells.shrink_to_fit();
        self.rows.push(Row { line, cells });
        Ok(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.headers.is_none()
    }

    pub(super) fn finish(self, encoding: Encoding) -> Result<Table, TableRefused> {
        let headers = self.headers.ok_or(TableRefused::Empty)?;
        Ok(Table { headers, rows: self.rows, encoding, delimiter: None, sheet: None, sheets: Vec::new() })
    }
}
