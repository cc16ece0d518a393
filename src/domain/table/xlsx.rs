//! A sheet of an XLSX workbook, as text. Dates come out in ISO, numbers without their `.0`, what a format
//! pads (`00000`) padded; formulas give the value last computed. Styles and shared texts are read first,
//! then the rows as a stream.

use std::collections::HashMap;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use super::gather::{Gathering, MAX_COLUMNS};
use super::package::Package;
use super::xml::{Node, Xml};
use super::{Encoding, Table, TableRefused};

const MAX_SHEETS: usize = 500;
const MAX_STRINGS: usize = 2_000_000;
const MAX_STRINGS_BYTES: usize = 40 * 1024 * 1024;
const MAX_STYLES: usize = 70_000;
const LAST_ROW: u64 = 1_048_576;

/// What a number format makes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Date,
    /// As many digits, zeros in front: postcodes, telephones.
    Padded(usize),
}

struct Book {
    sheets: Vec<(String, String)>,
    since_1904: bool,
    shapes: Vec<Shape>,
    strings: Strings,
}

/// Texts that cells share, end to end in one allocation.
#[derive(Default)]
struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    fn get(&self, index: usize) -> Option<&str> {
        let end = usize::try_from(*self.ends.get(index)?).ok()?;
        let start = match index.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()?,
            None => 0,
        };
        self.text.get(start..end)
    }
}

pub(super) fn read(package: &mut Package<'_>, wanted: Option<&str>) -> Result<Table, TableRefused> {
    let book = read_book(package)?;
    let names: Vec<String> = book.sheets.iter().map(|(name, _)| name.clone()).collect();
    let mut found = None;
    for (name, part) in &book.sheets {
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let gathering = package.read_part(part, |xml| read_rows(xml, &book))?;
        if wanted.is_some() || !gathering.is_empty() {
            found = Some((name.clone(), gathering));
            break;
        }
    }
    let (name, gathering) = match (found, wanted) {
        (Some(found), _) => found,
        (None, Some(wanted)) => return Err(TableRefused::NoSuchSheet(wanted.chars().take(60).collect())),
        (None, None) => return Err(TableRefused::Empty),
    };
    let table = gathering.finish(Encoding::Xlsx)?;
    Ok(Table { sheet: Some(name), sheets: names, ..table })
}

fn read_book(package: &mut Package<'_>) -> Result<Book, TableRefused> {
    let root = read_relations(package, "_rels/.rels", "")?;
    let book = root.into_values().find(|(kind, _)| kind.ends_with("/officeDocument")).map(|(_, target)| target);
    let book = book.unwrap_or_else(|| "xl/workbook.xml".to_owned());
    if !package.has(&book) {
        return Err(TableRefused::NotWorkbook);
    }
    let (folder, file) = book.rsplit_once('/').unwrap_or(("", &book));
    let rels = if folder.is_empty() { format!("_rels/{file}.rels") } else { format!("{folder}/_rels/{file}.rels") };
    let relations = read_relations(package, &rels, folder)?;
    let (named, since_1904) = package.read_part(&book, read_sheets)?;
    let sheets = named
        .into_iter()
        .filter_map(|(name, id)| {
            let (kind, target) = relations.get(&id)?;
            kind.ends_with("/worksheet").then(|| (name, target.clone()))
        })
        .collect();
    let of_kind =
        |wanted: &str| relations.values().find(|(kind, _)| kind.ends_with(wanted)).map(|(_, part)| part.clone());
    let shapes = match of_kind("/styles") {
        Some(part) if package.has(&part) => package.read_part(&part, read_shapes)?,
        _ => Vec::new(),
    };
    let strings = match of_kind("/sharedStrings") {
        Some(part) if package.has(&part) => package.read_part(&part, read_strings)?,
        _ => Strings::default(),
    };
    Ok(Book { sheets, since_1904, shapes, strings })
}

/// Identifier to (kind, part). A package without this part has no relations.
fn read_relations(
    package: &mut Package<'_>,
    part: &str,
    folder: &str,
) -> Result<HashMap<String, (String, String)>, TableRefused> {
    let mut found = HashMap::new();
    if !package.has(part) {
        return Ok(found);
    }
    package.read_part(part, |xml| {
        let mut buffer = Vec::new();
        loop {
            match xml.next(&mut buffer)? {
                Node::Open(tag) if tag.local() == "Relationship" => {
                    let (id, kind, target) = (tag.attribute("Id"), tag.attribute("Type"), tag.attribute("Target"));
                    if let (Some(id), Some(kind), Some(target)) = (id, kind, target)
                        && found.len() < 4 * MAX_SHEETS
                    {
                        found.insert(id, (kind, resolved(folder, &target)));
                    }
                }
                Node::End => return Ok(()),
                _ => {}
            }
        }
    })?;
    Ok(found)
}

/// `worksheets/sheet1.xml` beside `xl/workbook.xml`, or `/xl/worksheets/sheet1.xml` from the root.
fn resolved(folder: &str, target: &str) -> String {
    if let Some(whole) = target.strip_prefix('/') {
        return whole.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Visible sheets (name, relation), in the order of the tabs, and whether days are counted from 1904.
fn read_sheets(xml: &mut Xml<'_>) -> Result<(Vec<(String, String)>, bool), TableRefused> {
    let (mut sheets, mut since_1904, mut buffer) = (Vec::new(), false, Vec::new());
    loop {
        match xml.next(&mut buffer)? {
            Node::Open(tag) if tag.local() == "workbookPr" => {
                since_1904 = matches!(tag.attribute("date1904").as_deref(), Some("1" | "true"));
            }
            Node::Open(tag) if tag.local() == "sheet" => {
                let hidden = tag.attribute("state").is_some_and(|state| state != "visible");
                if let (Some(name), Some(id), false) = (tag.attribute("name"), tag.attribute("id"), hidden)
                    && sheets.len() < MAX_SHEETS
                {
                    sheets.push((name, id));
                }
            }
            Node::End => return Ok((sheets, since_1904)),
            _ => {}
        }
    }
}

fn read_shapes(xml: &mut Xml<'_>) -> Result<Vec<Shape>, TableRefused> {
    let mut codes: HashMap<u32, Shape> = HashMap::new();
    let (mut shapes, mut in_cells, mut buffer) = (Vec::new(), 0, Vec::new());
    loop {
        match xml.next(&mut buffer)? {
            Node::Open(tag) => match tag.local() {
                "numFmt" => {
                    let id = tag.attribute("numFmtId").and_then(|id| id.parse().ok());
                    if let (Some(id), Some(code)) = (id, tag.attribute("formatCode"))
                        && codes.len() < MAX_STYLES
                    {
                        codes.insert(id, shape_of(&code));
                    }
                }
                "cellXfs" => in_cells = xml.depth(),
                "xf" if in_cells > 0 => {
                    let id: u32 = tag.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    let built_in = match id {
                        14..=22 | 27..=36 | 45..=47 | 50..=58 => Shape::Date,
                        _ => Shape::Plain,
                    };
                    if shapes.len() >= MAX_STYLES {
                        return Err(TableRefused::Bomb);
                    }
                    shapes.push(codes.get(&id).copied().unwrap_or(built_in));
                }
                _ => {}
            },
            Node::Close if xml.depth() + 1 == in_cells => in_cells = 0,
            Node::End => return Ok(shapes),
            _ => {}
        }
    }
}

/// A format speaks of dates when a letter of dates stands outside its quotes and brackets.
fn shape_of(code: &str) -> Shape {
    let first = code.split(';').next().unwrap_or(code);
    let (mut quoted, mut bracketed, mut escaped, mut is_date) = (false, false, false, false);
    let (mut digits, mut only_digits, mut begins_with_zero) = (0usize, true, None);
    for c in first.chars() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' if !bracketed => quoted = !quoted,
            '[' if !quoted => bracketed = true,
            ']' if !quoted => bracketed = false,
            _ if quoted || bracketed => {}
            'd' | 'm' | 'y' | 'h' | 's' | 'D' | 'M' | 'Y' | 'H' | 'S' | 'j' | 'a' => is_date = true,
            '0' | '#' => {
                begins_with_zero.get_or_insert(c == '0');
                digits += 1;
            }
            ' ' | '.' | '-' if digits > 0 && c != '.' => {}
            _ => only_digits = false,
        }
    }
    if is_date && !first.eq_ignore_ascii_case("standard") && !first.eq_ignore_ascii_case("general") {
        Shape::Date
    } else if only_digits && digits > 1 && digits <= 20 && begins_with_zero == Some(true) {
        Shape::Padded(digits)
    } else {
        Shape::Plain
    }
}

fn read_strings(xml: &mut Xml<'_>) -> Result<Strings, TableRefused> {
    let (mut strings, mut buffer) = (Strings::default(), Vec::new());
    loop {
        match xml.next(&mut buffer)? {
            Node::Open(tag) if tag.local() == "si" => {
                let text = rich_text(xml, &mut buffer)?;
                strings.text.push_str(&text);
                let end = u32::try_from(strings.text.len()).map_err(|_| TableRefused::Bomb)?;
                if strings.ends.len() >= MAX_STRINGS || strings.text.len() > MAX_STRINGS_BYTES {
                    return Err(TableRefused::Bomb);
                }
                strings.ends.push(end);
            }
            Node::End => return Ok(strings),
            _ => {}
        }
    }
}

/// The texts below the tag just opened, without what only helps to pronounce them.
fn rich_text(xml: &mut Xml<'_>, buffer: &mut Vec<u8>) -> Result<String, TableRefused> {
    let outside = xml.depth().saturating_sub(1);
    let (mut text, mut in_text) = (String::new(), false);
    while xml.depth() > outside {
        match xml.next(buffer)? {
            Node::Open(tag) if tag.local() == "rPh" => xml.skip(buffer)?,
            Node::Open(tag) => in_text = tag.local() == "t",
            Node::Close => in_text = false,
            Node::Text(found) if in_text => {
                text.push_str(&found);
                if text.len() > 200_000 {
                    return Err(TableRefused::Bomb);
                }
            }
            Node::End => return Err(TableRefused::Damaged),
            _ => {}
        }
    }
    Ok(unescaped(text))
}

/// `_x000D_` is how a workbook writes what XML cannot; a text that looks so is written `_x005F_x000D_`.
fn unescaped(text: String) -> String {
    if !text.contains("_x") {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("_x") {
        plain.push_str(before);
        let code = after.get(..4).filter(|_| after.get(4..5) == Some("_"));
        let letter = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        match letter {
            Some(letter) => {
                plain.push(letter);
                rest = after.get(5..).unwrap_or("");
            }
            None => {
                plain.push_str("_x");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn read_rows(xml: &mut Xml<'_>, book: &Book) -> Result<Gathering, TableRefused> {
    let (mut gathering, mut line, mut buffer) = (Gathering::default(), 0u64, Vec::new());
    let mut inside = 0;
    loop {
        match xml.next(&mut buffer)? {
            Node::Open(tag) if tag.local() == "sheetData" => inside = xml.depth(),
            Node::Open(tag) if inside > 0 && tag.local() == "row" => {
                let said = match tag.attribute("r") {
                    Some(number) => number.parse().map_err(|_| TableRefused::Damaged)?,
                    None => line + 1,
                };
                if said <= line || said > LAST_ROW {
                    return Err(TableRefused::Damaged);
                }
                line = said;
                let cells = read_cells(xml, &mut buffer, book, line)?;
                gathering.push(line, cells)?;
            }
            // What follows the rows (filters, validations, links) is nobody's data.
            Node::Close if inside > 0 && xml.depth() < inside => return Ok(gathering),
            Node::End => return Ok(gathering),
            _ => {}
        }
    }
}

fn read_cells(xml: &mut Xml<'_>, buffer: &mut Vec<u8>, book: &Book, line: u64) -> Result<Vec<String>, TableRefused> {
    let outside = xml.depth().saturating_sub(1);
    let (mut cells, mut next_column) = (Vec::new(), 0);
    while xml.depth() > outside {
        let (kind, style, column) = match xml.next(buffer)? {
            Node::Open(tag) if tag.local() == "c" => {
                let column = match tag.attribute("r") {
                    Some(reference) => column_of(&reference).ok_or(TableRefused::Damaged)?,
                    None => next_column,
                };
                let style = tag.attribute("s").and_then(|style| style.parse::<usize>().ok());
                (tag.attribute("t"), style, column)
            }
            Node::Open(_) => {
                xml.skip(buffer)?;
                continue;
            }
            Node::End => return Err(TableRefused::Damaged),
            _ => continue,
        };
        let value = read_value(xml, buffer, book, kind.as_deref(), style)?;
        next_column = column + 1;
        if value.is_empty() {
            continue;
        }
        if column >= MAX_COLUMNS {
            if value.trim().is_empty() {
                continue;
            }
            return Err(TableRefused::TooManyColumns { line });
        }
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = value;
    }
    Ok(cells)
}

/// `C12` is the third column, numbered 2.
fn column_of(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic);
    let mut column = 0usize;
    for (place, letter) in letters.enumerate() {
        if place >= 3 {
            return None;
        }
        column = column * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1;
    }
    column.checked_sub(1)
}

fn read_value(
    xml: &mut Xml<'_>,
    buffer: &mut Vec<u8>,
    book: &Book,
    kind: Option<&str>,
    style: Option<usize>,
) -> Result<String, TableRefused> {
    let outside = xml.depth().saturating_sub(1);
    let (mut value, mut inline, mut in_value) = (String::new(), None, false);
    while xml.depth() > outside {
        match xml.next(buffer)? {
            Node::Open(tag) => match tag.local() {
                "v" => in_value = true,
                "is" => inline = Some(rich_text(xml, buffer)?),
                _ => xml.skip(buffer)?,
            },
            Node::Close => in_value = false,
            Node::Text(text) if in_value => {
                value.push_str(&text);
                if value.len() > 200_000 {
                    return Err(TableRefused::Bomb);
                }
            }
            Node::End => return Err(TableRefused::Damaged),
            _ => {}
        }
    }
    if let Some(text) = inline {
        return Ok(text);
    }
    Ok(match kind {
        Some("s") => {
            let index = value.trim().parse().map_err(|_| TableRefused::Damaged)?;
            book.strings.get(index).ok_or(TableRefused::Damaged)?.to_owned()
        }
        Some("b") => match value.trim() {
            "1" | "true" => "oui".to_owned(),
            "" => String::new(),
            _ => "non".to_owned(),
        },
        Some("str") => unescaped(value),
        Some("e" | "inlineStr") => value,
        Some("d") => value.strip_suffix("T00:00:00").map(str::to_owned).unwrap_or(value),
        _ => {
            let shape = style.and_then(|style| book.shapes.get(style)).copied().unwrap_or(Shape::Plain);
            number(value.trim(), shape, book.since_1904)
        }
    })
}

fn number(written: &str, shape: Shape, since_1904: bool) -> String {
    let Some(value) = written.parse::<f64>().ok().filter(|value| value.is_finite()) else {
        return written.to_owned();
    };
    match shape {
        Shape::Date => day(value, since_1904).unwrap_or_else(|| plain(value)),
        Shape::Padded(digits) if value >= 0.0 => format!("{:0>digits$}", plain(value)),
        _ => plain(value),
    }
}

/// The fifteen digits a spreadsheet shows of a number, without the dust of its binary form.
pub(super) fn plain(value: f64) -> String {
    let rounded: f64 = format!("{value:.14e}").parse().unwrap_or(value);
    if rounded == 0.0 { "0".to_owned() } else { format!("{rounded}") }
}

/// A count of days since the end of 1899 (or 1904), in ISO; with its hour when it has one.
fn day(value: f64, since_1904: bool) -> Option<String> {
    let whole = value.floor();
    // An integer well within i64: dates end before 3 millions.
    if !(0.0..3_000_000.0).contains(&whole) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation)]
    let (days, seconds) = (whole as i64, ((value - whole) * 86_400.0).round() as i64);
    if days == 0 && !since_1904 {
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        return Some(format!("{hours:02}:{minutes:02}"));
    }
    let (year, month, first) = if since_1904 { (1904, 1, 1) } else { (1899, 12, 30) };
    // The calendar of 1900 has a 29 February that never was: days before it are one further.
    let days = if !since_1904 && days < 60 { days + 1 } else { days };
    let origin: DateTime = Date::new(year, month, first).ok()?.at(0, 0, 0, 0);
    let at = origin.checked_add(days.days()).ok()?.checked_add(seconds.seconds()).ok()?;
    if seconds == 0 {
        return Some(at.date().to_string());
    }
    Some(format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_a_date_a_padding_or_nothing() {
        for (code, shape) in [
            ("dd/mm/yyyy", Shape::Date),
            ("[$-40C]d mmmm yyyy;@", Shape::Date),
            ("General", Shape::Plain),
            ("0.00", Shape::Plain),
            ("#,##0", Shape::Plain),
            ("0", Shape::Plain),
            ("00000", Shape::Padded(5)),
            ("0#\" \"##\" \"##\" \"##\" \"##", Shape::Padded(10)),
            ("0\" jours\"", Shape::Plain),
            ("[Red]0.0", Shape::Plain),
            ("@", Shape::Plain),
        ] {
            assert_eq!(shape_of(code), shape, "{code}");
        }
    }

    #[test]
    fn a_number_is_written_as_people_read_it() {
        for (written, shape, text) in [
            ("12", Shape::Plain, "12"),
            ("12.5", Shape::Plain, "12.5"),
            ("0.30000000000000004", Shape::Plain, "0.3"),
            ("1E-3", Shape::Plain, "0.001"),
            ("612345678", Shape::Padded(10), "0612345678"),
            ("1", Shape::Padded(2), "01"),
            ("30755", Shape::Date, "1984-03-14"),
            ("30755.5", Shape::Date, "1984-03-14 12:00"),
            ("1", Shape::Date, "1900-01-01"),
            ("61", Shape::Date, "1900-03-01"),
            ("0.5", Shape::Date, "12:00"),
            ("-3", Shape::Date, "-3"),
            ("9e99", Shape::Date, &format!("{}", 9e99)),
        ] {
            assert_eq!(number(written, shape, false), text, "{written}");
        }
        assert_eq!(number("29293", Shape::Date, true), "1984-03-14");
    }

    #[test]
    fn a_column_has_its_letters() {
        for (reference, column) in [("A1", Some(0)), ("Z9", Some(25)), ("AA10", Some(26)), ("XFD1048576", Some(16_383))]
        {
            assert_eq!(column_of(reference), column);
        }
        assert_eq!(column_of("12"), None);
        assert_eq!(column_of("ABCD1"), None);
    }

    #[test]
    fn what_a_workbook_escapes_is_read_back() {
        assert_eq!(unescaped("a_x000D_\nb".to_owned()), "a\r\nb");
        assert_eq!(unescaped("_x005F_x000D_".to_owned()), "_x000D_");
        assert_eq!(unescaped("mon_xylophone_x00".to_owned()), "mon_xylophone_x00");
    }
}
