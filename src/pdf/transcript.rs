//! The transcript (relevé de notes): each épreuve with its mark, threshold and appraisal, the outcome with its
//! reasons, and the ways of appeal. Working notes of the jury never come here.

use super::flow::{PLAIN, STRONG, Stand};
use super::letterhead::{Letterhead, done_at};
use super::lines::span;
use super::structure::Role;
use super::table::Grid;
use super::{Office, PdfError, Person, Signatory, french};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct TranscriptSheet {
    pub person: Person,
    pub birth_date: Date,
    pub office: Office,
    pub session: i16,
    /// The candidate's number.
    pub number: String,
    pub lines: Vec<TranscriptLine>,
    /// The outcome as the jury pronounced it: « Admise », « Ajourné ».
    pub outcome: String,
    pub reasons: Vec<String>,
    pub deliberated_on: Date,
    pub issued_on: Date,
    /// Ways and delays of appeal, one paragraph each.
    pub appeal: Vec<String>,
    pub signatory: Signatory,
    pub simulated: bool,
}

#[derive(Debug, Clone)]
pub struct TranscriptLine {
    pub epreuve: String,
    /// « 12,5 / 20 », « absent », « note conservée ».
    pub mark: String,
    /// The session a kept mark comes from.
    pub origin: Option<String>,
    pub threshold: String,
    pub appraisal: Option<String>,
}

pub fn transcript(sheet: &TranscriptSheet) -> Result<Vec<u8>, PdfError> {
    let head = Letterhead {
        office: &sheet.office,
        title: format!("Relevé de notes – session {} – candidat n°\u{A0}{}", sheet.session, sheet.number),
        dated: Some(sheet.issued_on),
        simulated: sheet.simulated,
    };
    head.sheet(|flow| {
        flow.title("Relevé de notes")?;
        flow.text(&format!(
            "Certificat de professionnalisation en matière de lutte contre le décrochage scolaire\u{A0}– session {}",
            sheet.session
        ))?;
        flow.person(&sheet.person, Some(sheet.birth_date))?;
        flow.fact("Numéro de candidat", &sheet.number)?;
        flow.heading("Notes et appréciations")?;
        flow.table(&grid(&sheet.lines))?;
        flow.heading("Décision du jury")?;
        let deliberated = format!("Délibération du {}\u{A0}: ", french::day(sheet.deliberated_on));
        flow.paragraph(
            Role::P,
            &[span(&deliberated, super::flow::TEXT), span(&sheet.outcome, STRONG)],
            Stand { before: 3.0, ..PLAIN },
        )?;
        for reason in &sheet.reasons {
            flow.text(reason)?;
        }
        flow.signature(Some(&done_at(&sheet.office.city, sheet.issued_on)), &sheet.signatory)?;
        flow.appeal(&sheet.appeal)
    })
}

fn grid(lines: &[TranscriptLine]) -> Grid {
    let kept = lines.iter().any(|line| line.origin.is_some());
    let told = lines.iter().any(|line| line.appraisal.is_some());
    let mut headers = vec!["Épreuve", "Note", "Seuil"];
    headers.extend(kept.then_some("Session d’origine"));
    headers.extend(told.then_some("Appréciation"));
    let rows = lines.iter().map(|line| {
        let mut row = vec![line.epreuve.clone(), together(&line.mark), together(&line.threshold)];
        row.extend(kept.then(|| line.origin.clone().unwrap_or_else(|| "–".to_owned())));
        row.extend(told.then(|| line.appraisal.clone().unwrap_or_else(|| "–".to_owned())));
        row
    });
    Grid { size: 9.2, ..Grid::new(headers.into_iter().map(String::from).collect(), rows.collect()) }
}

/// A mark is never broken over two lines: « 12,5 / 20 ».
fn together(mark: &str) -> String {
    mark.replace(" / ", "\u{A0}/\u{A0}")
}
