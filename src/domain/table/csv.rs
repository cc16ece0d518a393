//! From bytes to a table: encoding, delimiter and quotes are found out, sizes are bounded before memory
//! is. Written by hand rather than with a library because every row must keep its physical line, blank
//! lines, CRLF and quoted line breaks included: that number is what people look up in their file.

use encoding_rs::{UTF_8, WINDOWS_1252};

use super::gather::{Gathering, MAX_CELL_CHARS, MAX_COLUMNS};
use super::writer::without_guard;
use super::{Encoding, MAX_BYTES, Row, Table, TableRefused};

pub fn read_csv(bytes: &[u8]) -> Result<Table, TableRefused> {
    if bytes.len() > MAX_BYTES {
        return Err(TableRefused::TooLarge);
    }
    let (text, encoding) = decode(bytes)?;
    if text.contains('\0') {
        return Err(TableRefused::NotText);
    }
    let delimiter = find_delimiter(&text);
    let mut records = Records { rest: &text, line: 1, delimiter };
    let mut gathering = Gathering::default();
    while let Some(row) = records.next()? {
        gathering.push(row.line, row.cells)?;
    }
    let table = gathering.finish(encoding)?;
    Ok(Table { delimiter: Some(delimiter), ..table })
}

/// A byte order mark decides; else valid UTF-8 is UTF-8; else it is what Excel saves in France.
fn decode(bytes: &[u8]) -> Result<(std::borrow::Cow<'_, str>, Encoding), TableRefused> {
    if let Some((found, length)) = encoding_rs::Encoding::for_bom(bytes) {
        let encoding = if found == UTF_8 { Encoding::Utf8 } else { Encoding::Utf16 };
        let body = bytes.get(length..).unwrap_or_default();
        let (text, broken) = found.decode_without_bom_handling(body);
        return if broken { Err(TableRefused::NotText) } else { Ok((text, encoding)) };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.into(), Encoding::Utf8)),
        Err(_) => Ok((WINDOWS_1252.decode_without_bom_handling(bytes).0, Encoding::Windows1252)),
    }
}

/// The commonest candidate of the first line with text, outside quotes; a tie goes to the semicolon.
fn find_delimiter(text: &str) -> char {
    let mut counts = [(';', 0), ('\t', 0), (',', 0)];
    let mut quoted = false;
    for c in text.trim_start_matches(['\r', '\n']).chars() {
        match c {
            '"' => quoted = !quoted,
            '\r' | '\n' if !quoted => break,
            c if !quoted => {
                for (_, count) in counts.iter_mut().filter(|(candidate, _)| *candidate == c) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(';', |(candidate, _)| *candidate)
}

struct Records<'t> {
    rest: &'t str,
    line: u64,
    delimiter: char,
}

impl Records<'_> {
    fn next(&mut self) -> Result<Option<Row>, TableRefused> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            if cells.len() >= MAX_COLUMNS {
                return Err(TableRefused::TooManyColumns { line });
            }
            let (cell, last) = self.cell(line)?;
            cells.push(cell);
            if last {
                return Ok(Some(Row { line, cells }));
            }
        }
    }

    /// One cell, and whether it ended its row.
    fn cell(&mut self, line: u64) -> Result<(String, bool), TableRefused> {
        let mut cell = String::new();
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let opened = self.line;
            self.rest = quoted;
            loop {
                let Some((inside, after)) = self.rest.split_once('"') else {
                    return Err(TableRefused::OpenQuote { line: opened });
                };
                cell.push_str(inside);
                self.line += line_breaks(inside);
                self.rest = after;
                match after.strip_prefix('"') {
                    Some(after) => {
                        cell.push('"');
                        self.rest = after;
                    }
                    None => break,
                }
            }
        }
        // Plain text, or what a careless program left behind a closing quote.
        let end = self.rest.find([self.delimiter, '\r', '\n']).unwrap_or(self.rest.len());
        let (plain, after) = self.rest.split_at(end);
        cell.push_str(plain);
        let last = !after.starts_with(self.delimiter);
        self.rest = match after.strip_prefix("\r\n") {
            Some(after) => after,
            None => {
                let mut chars = after.chars();
                chars.next();
                chars.as_str()
            }
        };
        if last && !after.is_empty() {
            self.line += 1;
        }
        if cell.len() > MAX_CELL_CHARS && cell.chars().count() > MAX_CELL_CHARS {
            return Err(TableRefused::CellTooLong { line });
        }
        if let Some(typed) = without_guard(&cell) {
            cell = typed.to_owned();
        }
        Ok((cell, last))
    }
}

/// CRLF, LF and a lone CR each end one physical line.
fn line_breaks(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let breaks = bytes.iter().enumerate().filter(|(i, b)| match b {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    breaks.fold(0, |n, _| n + 1)
}

#[cfg(test)]
mod tests {
    use super::super::gather::MAX_ROWS;
    use super::*;

    fn read(text: &str) -> Table {
        read_csv(text.as_bytes()).expect("a table")
    }

    fn cells(table: &Table) -> Vec<Vec<&str>> {
        table.rows.iter().map(|r| r.cells.iter().map(String::as_str).collect()).collect()
    }

    #[test]
    fn the_encoding_is_found_out() {
        for (bytes, encoding) in [
            ("Prénom\r\nŒil\r\n".as_bytes().to_vec(), Encoding::Utf8),
            ("\u{feff}Prénom\r\nŒil\r\n".as_bytes().to_vec(), Encoding::Utf8),
            (b"Pr\xe9nom\r\n\x8cil\r\n".to_vec(), Encoding::Windows1252),
            ("\u{feff}Prénom\r\nŒil\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect(), Encoding::Utf16),
            ("\u{feff}Prénom\r\nŒil\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect(), Encoding::Utf16),
        ] {
            let table = read_csv(&bytes).expect("readable");
            assert_eq!((table.encoding, table.headers), (encoding, vec!["Prénom".to_owned()]));
            assert_eq!(table.rows[0].cells, ["Œil"]);
        }
    }

    #[test]
    fn the_delimiter_is_found_out_outside_quotes() {
        for (text, delimiter) in
            [("a;b\n1;2", ';'), ("a,b\n1,2", ','), ("a\tb\n1\t2", '\t'), ("\"a,b,c\";d\n1;2", ';'), ("a\n1", ';')]
        {
            assert_eq!(read(text).delimiter, Some(delimiter), "{text}");
        }
        assert_eq!(cells(&read("a,b\n1;x,2")), [["1;x", "2"]]);
    }

    #[test]
    fn each_row_knows_its_physical_line() {
        let table = read("a;b\r\n\r\n\"x\r\ny\";1\r\n;;\r\nz;2\rw;3\n\n\n");
        let lines: Vec<u64> = table.rows.iter().map(|r| r.line).collect();
        assert_eq!(lines, [3, 6, 7]);
        assert_eq!(cells(&table), [["x\r\ny", "1"], ["z", "2"], ["w", "3"]]);
    }

    #[test]
    fn quotes_follow_what_spreadsheets_write() {
        assert_eq!(
            cells(&read("a;b\n\"il dit \"\"non\"\"\";\"x;y\"\n5\" ;\"z\"t")),
            [["il dit \"non\"", "x;y"], ["5\" ", "zt"]]
        );
        assert_eq!(read_csv(b"a;b\n1;2\n\"x;3\n4;5"), Err(TableRefused::OpenQuote { line: 3 }));
    }

    #[test]
    fn our_own_guard_is_taken_off_and_a_typed_formula_stays_text() {
        let table = read("a;b;c;d;e\n'=1+1;'+33555010203;=CMD|' /C calc'!A0;'tHooft;''-x");
        assert_eq!(cells(&table), [["=1+1", "+33555010203", "=CMD|' /C calc'!A0", "'tHooft", "'-x"]]);
    }

    #[test]
    fn every_bound_has_its_sentence() {
        let rows = |n: usize| format!("a\n{}", "1\n".repeat(n));
        assert_eq!(read(&rows(MAX_ROWS)).rows.len(), MAX_ROWS);
        for (bytes, refused) in [
            (vec![b'a'; MAX_BYTES + 1], TableRefused::TooLarge),
            (rows(MAX_ROWS + 1).into_bytes(), TableRefused::TooManyRows),
            (format!("a\n{}", ";".repeat(MAX_COLUMNS)).into_bytes(), TableRefused::TooManyColumns { line: 2 }),
            (format!("a\n{}", "é".repeat(MAX_CELL_CHARS + 1)).into_bytes(), TableRefused::CellTooLong { line: 2 }),
            (
                format!("a;b\n{}", format!("{}x\n", ";".repeat(99)).repeat(20_001)).into_bytes(),
                TableRefused::TooManyCells,
            ),
            (b"\r\n\r\n".to_vec(), TableRefused::Empty),
            (Vec::new(), TableRefused::Empty),
            (b"a;b\n\0;1".to_vec(), TableRefused::NotText),
        ] {
            assert_eq!(read_csv(&bytes).err(), Some(refused));
        }
        let widest = "é".repeat(MAX_CELL_CHARS);
        assert_eq!(read(&format!("a\n{widest}")).rows[0].cells, [widest]);
    }
}
