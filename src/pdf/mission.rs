//! The mission letter as it is handed over to be signed by hand: a draft until then. The split between families of
//! missions is a table; nothing on it is a signature.

use super::flow::TEXT;
use super::letterhead::{Letterhead, done_at};
use super::table::Grid;
use super::{Office, PdfError, Person, Signatory, SimpleTable, french};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct MissionSheet {
    pub person: Person,
    pub office: Office,
    /// From 1: each letter of a person has its own.
    pub version: i32,
    pub starts_on: Date,
    pub ends_on: Date,
    pub corps: String,
    pub missions_at: String,
    /// Paragraphs of the missions, in words.
    pub missions: Vec<String>,
    /// Families of missions and their shares.
    pub split: SimpleTable,
    pub law: String,
    pub place: String,
    pub date: Date,
    pub signatory: Signatory,
    pub simulated: bool,
}

/// Draws the letter, ready to print and sign.
///
/// # Errors
/// A font that does not load, or a letter that no font holds.
pub fn mission(sheet: &MissionSheet) -> Result<Vec<u8>, PdfError> {
    let title = format!("Lettre de mission – {}", sheet.person.full_name());
    let head = Letterhead { office: &sheet.office, title, dated: Some(sheet.date), simulated: sheet.simulated };
    head.sheet(|flow| {
        flow.title("Lettre de mission")?;
        flow.person(&sheet.person, None)?;
        flow.space(6.0);
        if !sheet.corps.is_empty() {
            flow.fact("Corps ou fonction", &sheet.corps)?;
        }
        flow.fact("Lieu d’exercice", &sheet.missions_at)?;
        flow.fact("Période", &format!("du {} au {}", french::day(sheet.starts_on), french::day(sheet.ends_on)))?;
        flow.fact("Version", &sheet.version.to_string())?;
        flow.section("Missions confiées", &sheet.missions)?;
        flow.heading("Répartition du temps de travail")?;
        flow.table(&Grid::of(&sheet.split))?;
        let reference = format!("Référence\u{A0}: {}.", sheet.law);
        flow.paragraph(super::structure::Role::P, &[super::lines::span(&reference, TEXT)], super::flow::PLAIN)?;
        flow.text("Projet établi pour être signé à la main par l’autorité compétente et par l’intéressé(e).")?;
        flow.signature(Some(&done_at(&sheet.place, sheet.date)), &sheet.signatory)
    })
}
