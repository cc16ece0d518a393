//! The portfolio of a person: postings, activities, competences with what was seen of them, training, certificate.
//! A statement of what is recorded, made on demand: it carries no signature and no mark.

use super::flow::TIGHT;
use super::letterhead::Letterhead;
use super::lines::span;
use super::structure::Role;
use super::table::Grid;
use super::{Office, PdfError, Person, SimpleTable, french};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct PortfolioSheet {
    pub person: Person,
    pub birth_date: Date,
    pub office: Office,
    /// Sections in their order: heading, then tables and sentences.
    pub sections: Vec<PortfolioSection>,
    pub date: Date,
    pub simulated: bool,
}

#[derive(Debug, Clone)]
pub struct PortfolioSection {
    pub heading: String,
    /// Said before the table, or in its place.
    pub paragraphs: Vec<String>,
    pub table: Option<SimpleTable>,
}

pub fn portfolio(sheet: &PortfolioSheet) -> Result<Vec<u8>, PdfError> {
    let title = format!("Portfolio de compétences – {}", sheet.person.full_name());
    let head = Letterhead { office: &sheet.office, title, dated: Some(sheet.date), simulated: sheet.simulated };
    head.sheet(|flow| {
        flow.title("Portfolio de compétences")?;
        flow.person(&sheet.person, Some(sheet.birth_date))?;
        flow.text(&format!(
            "Ce document rassemble ce qui est enregistré au {}. Il ne porte ni note ni signature et ne vaut pas certificat.",
            french::day(sheet.date)
        ))?;
        for section in &sheet.sections {
            flow.heading(&section.heading)?;
            for paragraph in &section.paragraphs {
                flow.paragraph(Role::P, &[span(paragraph, super::flow::TEXT)], TIGHT)?;
            }
            if let Some(table) = &section.table {
                flow.table(&Grid::of(table))?;
            }
        }
        Ok(())
    })
}
