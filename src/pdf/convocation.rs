//! The convocation: who is expected where, when, and with what. The same sheet calls candidates and jurors.
//! An accommodation is a measure (« tiers temps »), never its reason.

use super::flow::{PLAIN, STRONG, Stand, TEXT};
use super::letterhead::{Letterhead, done_at};
use super::lines::span;
use super::structure::Role;
use super::table::Grid;
use super::{Office, PdfError, Person, Signatory};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct ConvocationSheet {
    pub person: Person,
    pub office: Office,
    /// « session 2027 », « formation 2026-2027 ».
    pub occasion: String,
    /// The number of the candidate or of the convocation.
    pub number: String,
    pub addressee: Vec<String>,
    pub items: Vec<ConvocationItem>,
    pub instructions: Vec<String>,
    pub accommodation: Option<String>,
    pub issued_on: Date,
    pub signatory: Signatory,
    pub simulated: bool,
}

#[derive(Debug, Clone)]
pub struct ConvocationItem {
    /// « Épreuve 1 – animation d’une séance de formation ».
    pub label: String,
    /// « mardi 12 janvier 2027 à 9 h 30 », in the academy's own time.
    pub date_time: String,
    pub place: Vec<String>,
    pub room: String,
    pub duration: String,
    pub note: Option<String>,
}

pub fn convocation(sheet: &ConvocationSheet) -> Result<Vec<u8>, PdfError> {
    let head = Letterhead {
        office: &sheet.office,
        title: format!("Convocation – {} – n°\u{A0}{}", sheet.occasion, sheet.number),
        dated: Some(sheet.issued_on),
        simulated: sheet.simulated,
    };
    head.sheet(|flow| {
        flow.addressee(&sheet.addressee)?;
        flow.title("Convocation")?;
        flow.text(&format!(
            "Certificat de professionnalisation en matière de lutte contre le décrochage scolaire\u{A0}– {}",
            sheet.occasion
        ))?;
        flow.person(&sheet.person, None)?;
        flow.fact("Numéro", &sheet.number)?;
        let called = "Vous êtes attendu(e) aux jours, heures et lieux suivants.";
        flow.paragraph(Role::P, &[span(called, TEXT)], Stand { before: 10.0, keep: 60.0, ..PLAIN })?;
        flow.table(&Grid { size: 9.2, ..Grid::new(headers(), sheet.items.iter().map(row).collect()) })?;
        if let Some(measure) = sheet.accommodation.as_deref().filter(|text| !text.trim().is_empty()) {
            let label = "Aménagement accordé\u{A0}: ";
            flow.paragraph(Role::P, &[span(label, STRONG), span(measure, TEXT)], Stand { before: 8.0, ..PLAIN })?;
        }
        if !sheet.instructions.is_empty() {
            flow.heading("À savoir")?;
            flow.list(&sheet.instructions)?;
        }
        flow.signature(Some(&done_at(&sheet.office.city, sheet.issued_on)), &sheet.signatory)
    })
}

fn headers() -> Vec<String> {
    ["Objet", "Date et heure", "Lieu", "Durée"].map(String::from).to_vec()
}

fn row(item: &ConvocationItem) -> Vec<String> {
    let mut place = item.place.clone();
    place.push(item.room.trim().replace(' ', "\u{A0}"));
    place.retain(|line| !line.trim().is_empty());
    let label = match item.note.as_deref().map(str::trim).filter(|note| !note.is_empty()) {
        Some(note) => format!("{} ({note})", item.label),
        None => item.label.clone(),
    };
    vec![label, item.date_time.clone(), place.join(", "), item.duration.clone()]
}
