//! Attestations (attendance, training) and sign-in sheets with room for a hand on each row.

use super::flow::TEXT;
use super::letterhead::{Letterhead, done_at};
use super::table::Grid;
use super::{Office, PdfError, Person, Signatory, SimpleTable, french};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct AttestationSheet {
    pub person: Person,
    pub birth_date: Option<Date>,
    pub office: Office,
    pub title: String,
    pub paragraphs: Vec<String>,
    pub table: Option<SimpleTable>,
    pub place: String,
    pub date: Date,
    pub signatory: Signatory,
    pub simulated: bool,
}

pub fn attestation(sheet: &AttestationSheet) -> Result<Vec<u8>, PdfError> {
    let title = format!("{} – {}", sheet.title, sheet.person.full_name());
    let head = Letterhead { office: &sheet.office, title, dated: Some(sheet.date), simulated: sheet.simulated };
    head.sheet(|flow| {
        flow.title(&sheet.title)?;
        flow.person(&sheet.person, sheet.birth_date)?;
        flow.space(6.0);
        for paragraph in &sheet.paragraphs {
            flow.text(paragraph)?;
        }
        if let Some(table) = &sheet.table {
            flow.table(&Grid::of(table))?;
        }
        flow.signature(Some(&done_at(&sheet.place, sheet.date)), &sheet.signatory)
    })
}

#[derive(Debug, Clone)]
pub struct SignInSheet {
    pub office: Office,
    pub title: String,
    pub date: Date,
    pub rows: Vec<SignInRow>,
    pub simulated: bool,
}

#[derive(Debug, Clone)]
pub struct SignInRow {
    pub name: String,
    /// A time, a role, a candidate's number.
    pub detail: String,
}

pub fn sign_in(sheet: &SignInSheet) -> Result<Vec<u8>, PdfError> {
    let title = format!("{} – {}", sheet.title, french::day(sheet.date));
    let head = Letterhead { office: &sheet.office, title, dated: Some(sheet.date), simulated: sheet.simulated };
    head.sheet(|flow| {
        flow.title(&sheet.title)?;
        let day = format!("Feuille d’émargement du {}", french::day(sheet.date));
        flow.paragraph(super::structure::Role::P, &[super::lines::span(&day, TEXT)], super::flow::PLAIN)?;
        let headers = ["Nom et prénoms", "Précision", "Signature"].map(String::from).to_vec();
        let rows = sheet.rows.iter().map(|row| vec![row.name.clone(), row.detail.clone(), String::new()]);
        flow.table(&Grid { row_height: 34.0, floors: vec![(2, 0.36)], ..Grid::new(headers, rows.collect()) })
    })
}
