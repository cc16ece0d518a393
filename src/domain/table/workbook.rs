//! Workbooks written row by row, every cell a text: nothing typed by a person runs as a formula, and a
//! telephone keeps its zero. Memory holds one row, whatever the number of rows.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::envelope::Envelope;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const SHEET_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// A sheet's name as both formats take it: no sign of addresses, 31 letters.
fn sheet_name(name: &str) -> String {
    name.chars().filter(|c| !"[]:*?/\\'".contains(*c) && !c.is_control()).take(31).collect()
}

/// The values a column of the first sheet offers in a list; where it is closed, a spreadsheet takes no other.
#[derive(Debug, Clone)]
pub struct Choices {
    pub column: usize,
    pub values: Vec<String>,
    pub is_closed: bool,
}

/// Lines below the titles that offer the lists.
const OFFERED: usize = 5_000;
/// The sheet that holds the lists: a formula of XLSX takes 255 letters, a column of it as many values as there are.
const LISTS: &str = "Listes";

pub(super) struct XlsxWriter<W: Write> {
    envelope: Envelope<W>,
    sheets: Vec<String>,
    line: u32,
    row: String,
    choices: Vec<Choices>,
}

impl<W: Write> XlsxWriter<W> {
    pub(super) fn new(out: W, sheet: &str, choices: &[Choices]) -> io::Result<Self> {
        let mut writer = XlsxWriter {
            envelope: Envelope::new(out),
            sheets: Vec::new(),
            line: 0,
            row: String::new(),
            choices: choices.to_vec(),
        };
        writer.open(sheet)?;
        Ok(writer)
    }

    fn open(&mut self, sheet: &str) -> io::Result<()> {
        self.sheets.push(sheet_name(sheet));
        self.line = 0;
        self.envelope.open(&format!("xl/worksheets/sheet{}.xml", self.sheets.len()))?;
        // The line of titles stays in sight.
        write!(
            self.envelope,
            "{XML}<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" \
             activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><sheetFormatPr defaultColWidth=\"22\" \
             defaultRowHeight=\"15\"/><sheetData>"
        )
    }

    fn close(&mut self) -> io::Result<()> {
        self.envelope.write_all(b"</sheetData>")?;
        if self.sheets.len() == 1 && !self.choices.is_empty() {
            self.offer()?;
        }
        self.envelope.write_all(b"</worksheet>")?;
        self.envelope.close()
    }

    /// Each list of the first sheet points at its column of the sheet of lists.
    fn offer(&mut self) -> io::Result<()> {
        write!(self.envelope, "<dataValidations count=\"{}\">", self.choices.len())?;
        for (place, choice) in self.choices.iter().enumerate() {
            let (column, list) = (Letters(choice.column), Letters(place));
            let error = if choice.is_closed { " showErrorMessage=\"1\"" } else { "" };
            write!(
                self.envelope,
                "<dataValidation type=\"list\" allowBlank=\"1\"{error} errorTitle=\"Valeur inattendue\" error=\"Choisissez une valeur de la liste.\" \
                 sqref=\"{column}2:{column}{OFFERED}\"><formula1>{LISTS}!${list}$1:${list}${}</formula1></dataValidation>",
                choice.values.len().max(1)
            )?;
        }
        self.envelope.write_all(b"</dataValidations>")
    }

    /// The last sheet, one list a column.
    fn write_lists(&mut self) -> io::Result<()> {
        let choices = std::mem::take(&mut self.choices);
        if choices.is_empty() {
            return Ok(());
        }
        self.next_sheet(LISTS)?;
        let longest = choices.iter().map(|choice| choice.values.len()).max().unwrap_or(0);
        for line in 0..longest {
            self.row(choices.iter().map(|choice| choice.values.get(line).map_or("", String::as_str)))?;
        }
        Ok(())
    }

    pub(super) fn next_sheet(&mut self, name: &str) -> io::Result<()> {
        self.close()?;
        self.open(name)
    }

    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> io::Result<()> {
        self.line += 1;
        let (line, style) = (self.line, if self.line == 1 { 2 } else { 1 });
        self.row.clear();
        let _ = write!(self.row, "<row r=\"{line}\">");
        for (column, cell) in cells.into_iter().enumerate() {
            if cell.is_empty() {
                continue;
            }
            let _ = write!(
                self.row,
                "<c r=\"{}{line}\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">",
                Letters(column)
            );
            escape_for_xlsx(cell, &mut self.row);
            self.row.push_str("</t></is></c>");
        }
        self.row.push_str("</row>");
        self.envelope.write_all(self.row.as_bytes())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_lists()?;
        self.close()?;
        let (mut types, mut sheets, mut links) = (String::new(), String::new(), String::new());
        for (place, name) in self.sheets.iter().enumerate() {
            let number = place + 1;
            let mut shown = String::new();
            escape(name, &mut shown);
            let _ = write!(
                types,
                "<Override PartName=\"/xl/worksheets/sheet{number}.xml\" ContentType=\"{SHEET_TYPE}.worksheet+xml\"/>"
            );
            let _ = write!(sheets, "<sheet name=\"{shown}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>");
            let _ = write!(
                links,
                "<Relationship Id=\"rId{number}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
            );
        }
        let styles = self.sheets.len() + 1;
        let _ = write!(links, "<Relationship Id=\"rId{styles}\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>");
        self.envelope.part(
            "xl/workbook.xml",
            &format!("{XML}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{sheets}</sheets></workbook>"),
        )?;
        self.envelope.part(
            "xl/_rels/workbook.xml.rels",
            &format!("{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">{links}</Relationships>"),
        )?;
        // Format 49 is text: what is typed over a cell stays text too.
        self.envelope.part("xl/styles.xml", &format!(
            "{XML}<styleSheet xmlns=\"{MAIN}\"><fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name \
             val=\"Calibri\"/></font></fonts><fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
             <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" \
             borderId=\"0\"/></cellStyleXfs><cellXfs count=\"3\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/><xf numFmtId=\"49\" fontId=\"0\" \
             fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/><xf numFmtId=\"49\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\" \
             applyFont=\"1\"/></cellXfs><cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>"
        ))?;
        self.envelope.part("_rels/.rels", &format!(
            "{XML}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ))?;
        self.envelope.part("[Content_Types].xml", &format!(
            "{XML}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default \
             Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"{SHEET_TYPE}.sheet.main+xml\"/>{types}<Override \
             PartName=\"/xl/styles.xml\" ContentType=\"{SHEET_TYPE}.styles+xml\"/></Types>"
        ))?;
        self.envelope.finish()
    }
}

/// A column by its letters: A, B… Z, AA.
struct Letters(usize);

impl std::fmt::Display for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 >= 26 {
            write!(f, "{}", Letters(self.0 / 26 - 1))?;
        }
        let letter = b'A' + u8::try_from(self.0 % 26).unwrap_or(0);
        f.write_char(char::from(letter))
    }
}

/// What XML 1.0 can hold at all.
const fn is_writable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            c if is_writable(c) => into.push(c),
            _ => into.push('\u{fffd}'),
        }
    }
}

/// A workbook writes `_x000D_` for what XML cannot hold, hence `_x005F_` before a text that looks so.
fn escape_for_xlsx(text: &str, into: &mut String) {
    for (at, c) in text.char_indices() {
        match c {
            '_' if text.get(at + 1..at + 7).is_some_and(|next| {
                next.starts_with('x') && next.ends_with('_') && next[1..5].bytes().all(|b| b.is_ascii_hexdigit())
            }) =>
            {
                into.push_str("_x005F_");
            }
            '\r' => into.push_str("_x000D_"),
            c if is_writable(c) => escape(c.encode_utf8(&mut [0; 4]), into),
            c => {
                let _ = write!(into, "_x{:04X}_", u32::from(c));
            }
        }
    }
}

pub(super) struct OdsWriter<W: Write> {
    envelope: Envelope<W>,
    is_first: bool,
    row: String,
    /// Columns that offer a list, while the first sheet is written.
    offered: Vec<usize>,
}

impl<W: Write> OdsWriter<W> {
    pub(super) fn new(out: W, sheet: &str, choices: &[Choices]) -> io::Result<Self> {
        let mut envelope = Envelope::new(out);
        let kind = "application/vnd.oasis.opendocument.spreadsheet";
        envelope.stored("mimetype", kind.as_bytes())?;
        envelope.part("META-INF/manifest.xml", &format!(
            "{XML}<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" manifest:version=\"1.3\"><manifest:file-entry \
             manifest:full-path=\"/\" manifest:version=\"1.3\" manifest:media-type=\"{kind}\"/><manifest:file-entry manifest:full-path=\"content.xml\" \
             manifest:media-type=\"text/xml\"/></manifest:manifest>"
        ))?;
        envelope.open("content.xml")?;
        let space = "urn:oasis:names:tc:opendocument:xmlns";
        write!(
            envelope,
            "{XML}<office:document-content xmlns:office=\"{space}:office:1.0\" xmlns:table=\"{space}:table:1.0\" xmlns:text=\"{space}:text:1.0\" \
             xmlns:of=\"{space}:of:1.2\" xmlns:style=\"{space}:style:1.0\" xmlns:number=\"{space}:datastyle:1.0\" xmlns:fo=\"{space}:xsl-fo-compatible:1.0\" office:version=\"1.3\">\
             <office:automatic-styles><style:style style:name=\"co\" style:family=\"table-column\"><style:table-column-properties style:column-width=\"4.5cm\"/></style:style>\
             <number:text-style style:name=\"N\"><number:text-content/></number:text-style><style:style style:name=\"t\" style:family=\"table-cell\" \
             style:data-style-name=\"N\"/><style:style style:name=\"h\" style:family=\"table-cell\" style:data-style-name=\"N\"><style:text-properties \
             fo:font-weight=\"bold\"/></style:style></office:automatic-styles><office:body><office:spreadsheet>"
        )?;
        let offered = choices.iter().map(|choice| choice.column).collect();
        let mut writer = OdsWriter { envelope, is_first: true, row: String::new(), offered };
        writer.declare(choices)?;
        writer.open(sheet)?;
        Ok(writer)
    }

    /// Lists are declared before any sheet, and named by their column.
    fn declare(&mut self, choices: &[Choices]) -> io::Result<()> {
        if choices.is_empty() {
            return Ok(());
        }
        self.envelope.write_all(b"<table:content-validations>")?;
        for choice in choices {
            let quoted: Vec<String> =
                choice.values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            let mut list = String::new();
            escape(&quoted.join(";"), &mut list);
            write!(
                self.envelope,
                "<table:content-validation table:name=\"v{}\" table:condition=\"of:cell-content-is-in-list({list})\" table:allow-empty-cell=\"true\" \
                 table:display-list=\"unsorted\"><table:error-message table:display=\"{}\" table:message-type=\"stop\" table:title=\"Valeur inattendue\">\
                 <text:p>Choisissez une valeur de la liste.</text:p></table:error-message></table:content-validation>",
                choice.column, choice.is_closed
            )?;
        }
        self.envelope.write_all(b"</table:content-validations>")
    }

    fn close_sheet(&mut self) -> io::Result<()> {
        let offered = std::mem::take(&mut self.offered);
        if let Some(last) = offered.iter().max() {
            write!(self.envelope, "<table:table-row table:number-rows-repeated=\"{OFFERED}\">")?;
            for column in 0..=*last {
                if offered.contains(&column) {
                    write!(
                        self.envelope,
                        "<table:table-cell table:style-name=\"t\" table:content-validation-name=\"v{column}\"/>"
                    )?;
                } else {
                    self.envelope.write_all(b"<table:table-cell table:style-name=\"t\"/>")?;
                }
            }
            self.envelope.write_all(b"</table:table-row>")?;
        }
        self.envelope.write_all(b"</table:table>")
    }

    fn open(&mut self, sheet: &str) -> io::Result<()> {
        let mut shown = String::new();
        escape(&sheet_name(sheet), &mut shown);
        self.is_first = true;
        write!(
            self.envelope,
            "<table:table table:name=\"{shown}\"><table:table-column table:style-name=\"co\" table:number-columns-repeated=\"40\"/>"
        )
    }

    pub(super) fn next_sheet(&mut self, name: &str) -> io::Result<()> {
        self.close_sheet()?;
        self.open(name)
    }

    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> io::Result<()> {
        let is_title = std::mem::take(&mut self.is_first);
        let style = if is_title { "h" } else { "t" };
        self.row.clear();
        self.row.push_str("<table:table-row>");
        let mut is_blank = true;
        for (column, cell) in cells.into_iter().enumerate() {
            is_blank = false;
            let list = !is_title && self.offered.contains(&column);
            if cell.is_empty() && list {
                let _ = write!(self.row, "<table:table-cell table:content-validation-name=\"v{column}\"/>");
                continue;
            }
            if cell.is_empty() {
                self.row.push_str("<table:table-cell/>");
                continue;
            }
            let _ = write!(self.row, "<table:table-cell table:style-name=\"{style}\" office:value-type=\"string\"");
            if list {
                let _ = write!(self.row, " table:content-validation-name=\"v{column}\"");
            }
            if cell.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
                self.row.push_str(" office:string-value=\"");
                escape_attribute(cell, &mut self.row);
                self.row.push('"');
            }
            self.row.push('>');
            for paragraph in cell.split('\n') {
                self.row.push_str("<text:p>");
                escape_paragraph(paragraph, &mut self.row);
                self.row.push_str("</text:p>");
            }
            self.row.push_str("</table:table-cell>");
        }
        if is_blank {
            self.row.push_str("<table:table-cell/>");
        }
        self.row.push_str("</table:table-row>");
        self.envelope.write_all(self.row.as_bytes())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.close_sheet()?;
        self.envelope.write_all(b"</office:spreadsheet></office:body></office:document-content>")?;
        self.envelope.close()?;
        self.envelope.finish()
    }
}

fn escape_attribute(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => {
                let _ = write!(into, "&#{};", u32::from(c));
            }
            c => escape(c.encode_utf8(&mut [0; 4]), into),
        }
    }
}

/// White space counts once in a paragraph: a space at its edge or after another is a tag.
fn escape_paragraph(text: &str, into: &mut String) {
    let mut after_blank = true;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            ' ' if after_blank || letters.peek().is_none() => into.push_str("<text:s/>"),
            '\t' => into.push_str("<text:tab/>"),
            '\r' => into.push(' '),
            c => escape(c.encode_utf8(&mut [0; 4]), into),
        }
        after_blank = matches!(c, ' ' | '\t' | '\r');
    }
}
