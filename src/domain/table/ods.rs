//! A sheet of an ODS workbook, as text: the same conventions as for XLSX. Repeated rows and cells are
//! unfolded only where they hold something, and within the bounds of a table.

use super::gather::{Gathering, MAX_COLUMNS};
use super::package::Package;
use super::xlsx::plain;
use super::xml::{Node, Tag, Xml};
use super::{Encoding, Table, TableRefused};

const MAX_SHEETS: usize = 500;
const MAX_CELL_BYTES: usize = 200_000;

pub(super) fn read(package: &mut Package<'_>, wanted: Option<&str>) -> Result<Table, TableRefused> {
    package.read_part("content.xml", |xml| read_sheets(xml, wanted))
}

fn read_sheets(xml: &mut Xml<'_>, wanted: Option<&str>) -> Result<Table, TableRefused> {
    let (mut names, mut found, mut hidden, mut buffer) = (Vec::new(), None, Vec::new(), Vec::new());
    let mut style = None;
    loop {
        match xml.next(&mut buffer)? {
            // Sheets are hidden by their style, which comes before them.
            Node::Open(tag) if tag.name() == "style:style" => {
                style = (tag.attribute("family").as_deref() == Some("table")).then(|| tag.attribute("name")).flatten();
            }
            Node::Open(tag) if tag.name() == "style:table-properties" => {
                if let (Some("false"), Some(style)) = (tag.attribute("display").as_deref(), style.take())
                    && hidden.len() < MAX_SHEETS
                {
                    hidden.push(style);
                }
            }
            Node::Open(tag) if tag.name() == "table:tracked-changes" => xml.skip(&mut buffer)?,
            Node::Open(tag) if tag.name() == "table:table" => {
                let name = tag.attribute("name").unwrap_or_default();
                let is_hidden = tag.attribute("style-name").is_some_and(|style| hidden.contains(&style));
                let is_wanted = wanted.map_or(!is_hidden, |wanted| wanted == name);
                if found.is_some() || !is_wanted {
                    xml.skip(&mut buffer)?;
                } else {
                    let gathering = read_rows(xml, &mut buffer)?;
                    if wanted.is_some() || !gathering.is_empty() {
                        found = Some((name.clone(), gathering));
                    }
                }
                if !is_hidden && names.len() < MAX_SHEETS {
                    names.push(name);
                }
            }
            Node::End => break,
            _ => {}
        }
    }
    let (name, gathering) = match (found, wanted) {
        (Some(found), _) => found,
        (None, Some(wanted)) => return Err(TableRefused::NoSuchSheet(wanted.chars().take(60).collect())),
        (None, None) => return Err(TableRefused::Empty),
    };
    let table = gathering.finish(Encoding::Ods)?;
    Ok(Table { sheet: Some(name), sheets: names, ..table })
}

fn times(tag: &Tag<'_>, attribute: &str) -> u64 {
    tag.attribute(attribute).and_then(|times| times.parse().ok()).unwrap_or(1).max(1)
}

fn read_rows(xml: &mut Xml<'_>, buffer: &mut Vec<u8>) -> Result<Gathering, TableRefused> {
    let outside = xml.depth().saturating_sub(1);
    let (mut gathering, mut line) = (Gathering::default(), 1u64);
    while xml.depth() > outside {
        match xml.next(buffer)? {
            Node::Open(tag) => match tag.name() {
                "table:table-row" => {
                    let repeated = times(&tag, "number-rows-repeated");
                    let cells = read_cells(xml, buffer, line)?;
                    if cells.iter().any(|cell| !cell.trim().is_empty()) {
                        for row in 0..repeated {
                            gathering.push(line.saturating_add(row), cells.clone())?;
                        }
                    }
                    line = line.saturating_add(repeated);
                }
                // Rows also stand in groups and among headers.
                "table:table-header-rows" | "table:table-row-group" | "table:table-rows" => {}
                _ => xml.skip(buffer)?,
            },
            Node::End => return Err(TableRefused::Damaged),
            _ => {}
        }
    }
    Ok(gathering)
}

fn read_cells(xml: &mut Xml<'_>, buffer: &mut Vec<u8>, line: u64) -> Result<Vec<String>, TableRefused> {
    let outside = xml.depth().saturating_sub(1);
    let (mut cells, mut column): (Vec<String>, u64) = (Vec::new(), 0);
    let widest = u64::try_from(MAX_COLUMNS).unwrap_or(u64::MAX);
    while xml.depth() > outside {
        match xml.next(buffer)? {
            Node::Open(tag) if matches!(tag.name(), "table:table-cell" | "table:covered-table-cell") => {
                let repeated = times(&tag, "number-columns-repeated");
                let typed = Typed::of(&tag);
                let shown = read_text(xml, buffer)?;
                let value = typed.text(shown);
                let is_blank = value.trim().is_empty();
                let is_beyond = column.saturating_add(repeated) > widest;
                // Blanks that fill a row to its far end say nothing.
                let is_void = value.is_empty() || (is_blank && is_beyond);
                if !is_void {
                    if is_beyond {
                        return Err(TableRefused::TooManyColumns { line });
                    }
                    cells.resize(usize::try_from(column).unwrap_or(0), String::new());
                    for _ in 0..repeated {
                        cells.push(value.clone());
                    }
                }
                column = column.saturating_add(repeated);
            }
            Node::Open(_) => xml.skip(buffer)?,
            Node::End => return Err(TableRefused::Damaged),
            _ => {}
        }
    }
    Ok(cells)
}

/// What a cell says its value is, beside what it shows.
struct Typed {
    kind: Option<String>,
    value: Option<String>,
}

impl Typed {
    fn of(tag: &Tag<'_>) -> Self {
        let kind = tag.attribute("value-type");
        let value = match kind.as_deref() {
            Some("date") => tag.attribute("date-value"),
            Some("time") => tag.attribute("time-value"),
            Some("boolean") => tag.attribute("boolean-value"),
            Some("string") => tag.attribute("string-value"),
            Some(_) => tag.attribute("value"),
            None => None,
        };
        Typed { kind, value }
    }

    fn text(self, shown: String) -> String {
        let Some(value) = self.value else { return shown };
        match self.kind.as_deref() {
            Some("boolean") => if value == "true" { "oui" } else { "non" }.to_owned(),
            Some("date") => match value.split_once('T') {
                None | Some((_, "00:00:00")) => value.split('T').next().unwrap_or_default().to_owned(),
                Some((day, hour)) => format!("{day} {}", hour.get(..5).unwrap_or(hour)),
            },
            Some("time") => hour(&value).unwrap_or(shown),
            Some("string") => value,
            _ => {
                // Zeros that a format puts in front are part of a postcode or of a telephone number.
                let digits: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
                let padded = digits.starts_with('0') && digits.len() > 1 && digits.bytes().all(|b| b.is_ascii_digit());
                match value.parse::<f64>() {
                    Ok(number) if padded && digits.parse::<f64>() == Ok(number) => digits,
                    Ok(number) if number.is_finite() => plain(number),
                    _ => shown,
                }
            }
        }
    }
}

/// `PT09H30M00S` is 09:30.
fn hour(value: &str) -> Option<String> {
    let (hours, rest) = value.strip_prefix("PT")?.split_once('H')?;
    let (minutes, _) = rest.split_once('M')?;
    Some(format!("{hours:0>2}:{minutes:0>2}"))
}

/// The paragraphs of a cell, without the notes that hang on it.
fn read_text(xml: &mut Xml<'_>, buffer: &mut Vec<u8>) -> Result<String, TableRefused> {
    let outside = xml.depth().saturating_sub(1);
    let (mut text, mut paragraph) = (String::new(), 0usize);
    let mut first = true;
    while xml.depth() > outside {
        match xml.next(buffer)? {
            Node::Open(tag) => match tag.name() {
                "text:p" if paragraph == 0 => {
                    if !first {
                        text.push('\n');
                    }
                    first = false;
                    paragraph = xml.depth();
                }
                "text:s" if paragraph > 0 => {
                    let spaces = times(&tag, "c").min(10_001);
                    (0..spaces).for_each(|_| text.push(' '));
                }
                "text:tab" if paragraph > 0 => text.push('\t'),
                "text:line-break" if paragraph > 0 => text.push('\n'),
                "text:span" | "text:a" | "text:h" if paragraph > 0 => {}
                _ => xml.skip(buffer)?,
            },
            Node::Close if paragraph > 0 && xml.depth() < paragraph => paragraph = 0,
            // A line of the file is broken for its readers only: one space.
            Node::Text(found) if paragraph > 0 => collapse(&mut text, &found),
            Node::End => return Err(TableRefused::Damaged),
            _ => {}
        }
        if text.len() > MAX_CELL_BYTES {
            return Err(TableRefused::Bomb);
        }
    }
    Ok(text)
}

/// White space of the XML counts once; what must count more is a tag of its own.
fn collapse(text: &mut String, found: &str) {
    for c in found.chars() {
        let blank = matches!(c, ' ' | '\t' | '\n' | '\r');
        if !blank {
            text.push(c);
        } else if !text.ends_with([' ', '\n', '\t']) && !text.is_empty() {
            text.push(' ');
        }
    }
}
