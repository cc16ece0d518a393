//! Orders (arrêtés) and public lists: visas, articles, a table when there is one, place, date and signatory.

use super::flow::{PLAIN, Stand, TEXT};
use super::letterhead::{Letterhead, done_at};
use super::lines::span;
use super::structure::Role;
use super::table::Grid;
use super::{Office, PdfError, Signatory, SimpleTable};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct OrderSheet {
    pub office: Office,
    pub title: String,
    /// « Vu le code de l’éducation… ».
    pub visas: Vec<String>,
    /// Heading (« Article 1er ») and paragraphs.
    pub articles: Vec<(String, Vec<String>)>,
    pub table: Option<SimpleTable>,
    pub place: String,
    pub date: Date,
    pub signatory: Signatory,
    pub simulated: bool,
}

pub fn order(sheet: &OrderSheet) -> Result<Vec<u8>, PdfError> {
    let head = Letterhead {
        office: &sheet.office,
        title: sheet.title.clone(),
        dated: Some(sheet.date),
        simulated: sheet.simulated,
    };
    head.sheet(|flow| {
        flow.title(&sheet.title)?;
        for visa in &sheet.visas {
            flow.paragraph(Role::P, &[span(visa, TEXT)], Stand { before: 4.0, ..PLAIN })?;
        }
        for (heading, paragraphs) in &sheet.articles {
            flow.section(heading, paragraphs)?;
        }
        if let Some(table) = &sheet.table {
            flow.table(&Grid::of(table))?;
        }
        flow.signature(Some(&done_at(&sheet.place, sheet.date)), &sheet.signatory)
    })
}
