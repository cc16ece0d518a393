//! Letters: decisions, refusals with their ways of appeal, acknowledgements of receipt.

use super::flow::{PLAIN, STRONG, Stand, TEXT};
use super::letterhead::Letterhead;
use super::lines::{Align, span};
use super::structure::Role;
use super::{Office, PdfError, Signatory, french};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct LetterSheet {
    pub office: Office,
    pub addressee: Vec<String>,
    pub subject: String,
    pub reference: Option<String>,
    pub paragraphs: Vec<String>,
    /// Ways and delays of appeal; empty for a letter that decides nothing.
    pub appeal: Vec<String>,
    pub place: String,
    pub date: Date,
    pub signatory: Signatory,
    pub simulated: bool,
}

pub fn letter(sheet: &LetterSheet) -> Result<Vec<u8>, PdfError> {
    let head = Letterhead {
        office: &sheet.office,
        title: sheet.subject.clone(),
        dated: Some(sheet.date),
        simulated: sheet.simulated,
    };
    head.sheet(|flow| {
        flow.addressee(&sheet.addressee)?;
        let done = format!("{}, le {}", sheet.place, french::day(sheet.date));
        flow.paragraph(Role::P, &[span(&done, TEXT)], Stand { before: 8.0, align: Align::Right, ..PLAIN })?;
        let subject = Stand { before: 18.0, keep: 40.0, ..PLAIN };
        flow.paragraph(Role::H1, &[span("Objet\u{A0}: ", TEXT), span(&sheet.subject, STRONG)], subject)?;
        if let Some(reference) = sheet.reference.as_deref().filter(|text| !text.trim().is_empty()) {
            let text = format!("Référence\u{A0}: {reference}");
            flow.paragraph(Role::P, &[span(&text, TEXT)], Stand { before: 1.0, ..PLAIN })?;
        }
        flow.space(10.0);
        for paragraph in &sheet.paragraphs {
            flow.paragraph(Role::P, &[span(paragraph, TEXT)], Stand { before: 8.0, ..PLAIN })?;
        }
        flow.signature(None, &sheet.signatory)?;
        flow.appeal(&sheet.appeal)
    })
}
