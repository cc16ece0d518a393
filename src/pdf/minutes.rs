//! The minutes (procès-verbal) of a deliberation: jury, rules, a row per candidate, the admitted in alphabetical
//! order and without rank. The fingerprint it may bear checks integrity and is never called a signature.

use super::flow::{FINE, Flow, PLAIN, STRONG, Stand, TEXT};
use super::letterhead::Letterhead;
use super::lines::span;
use super::structure::Role;
use super::table::Grid;
use super::{Office, PdfError, Signatory, french};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct MinutesSheet {
    pub office: Office,
    pub session: i16,
    /// When the deliberation opened and was sealed, already in French and in the academy's time.
    pub opened_at: String,
    pub sealed_at: Option<String>,
    /// The order that names the jury.
    pub jury_order: String,
    pub members: Vec<MinutesMember>,
    pub rows: Vec<MinutesRow>,
    pub epreuves: Vec<String>,
    /// In alphabetical order: the sheet prints the names as they come.
    pub admitted: Vec<String>,
    pub rules: Vec<String>,
    pub changes: Vec<String>,
    /// The integrity fingerprint.
    pub seal: Option<String>,
    pub president_name: String,
    pub simulated: bool,
}

#[derive(Debug, Clone)]
pub struct MinutesMember {
    pub name: String,
    pub role: String,
    pub quality: String,
}

#[derive(Debug, Clone)]
pub struct MinutesRow {
    pub number: String,
    pub name: String,
    pub birth_date: Date,
    /// One per épreuve, in the order of `epreuves`.
    pub marks: Vec<String>,
    pub outcome: String,
    pub note: String,
}

pub fn minutes(sheet: &MinutesSheet) -> Result<Vec<u8>, PdfError> {
    let head = Letterhead {
        office: &sheet.office,
        title: format!("Procès-verbal de délibération – session {}", sheet.session),
        dated: None,
        simulated: sheet.simulated,
    };
    head.sheet(|flow| {
        flow.title("Procès-verbal de délibération")?;
        flow.text(&format!(
            "Certificat de professionnalisation en matière de lutte contre le décrochage scolaire\u{A0}– session {}",
            sheet.session
        ))?;
        flow.space(6.0);
        flow.fact("Délibération ouverte", &sheet.opened_at)?;
        match &sheet.sealed_at {
            Some(sealed) => flow.fact("Délibération close", sealed)?,
            None => {
                flow.paragraph(Role::P, &[span("Projet\u{A0}: la délibération n’est pas close.", STRONG)], PLAIN)?
            }
        }
        flow.fact("Jury nommé par", &sheet.jury_order)?;
        jury(flow, sheet)?;
        if !sheet.rules.is_empty() {
            flow.heading("Règles appliquées")?;
            flow.list(&sheet.rules)?;
        }
        flow.heading("Résultats")?;
        flow.table(&results(sheet))?;
        admitted(flow, sheet)?;
        if !sheet.changes.is_empty() {
            flow.heading("Notes modifiées en délibération")?;
            flow.list(&sheet.changes)?;
        }
        let title = "Le président ou la présidente du jury".to_owned();
        flow.signature(None, &Signatory { name: sheet.president_name.clone(), title, delegation: None })?;
        match &sheet.seal {
            Some(seal) => integrity(flow, seal),
            None => Ok(()),
        }
    })
}

fn jury(flow: &mut Flow, sheet: &MinutesSheet) -> Result<(), PdfError> {
    if sheet.members.is_empty() {
        return Ok(());
    }
    flow.heading("Composition du jury")?;
    let headers = ["Membre", "Fonction dans le jury", "Qualité"].map(String::from).to_vec();
    let rows =
        sheet.members.iter().map(|member| vec![member.name.clone(), member.role.clone(), member.quality.clone()]);
    flow.table(&Grid::new(headers, rows.collect()))
}

fn results(sheet: &MinutesSheet) -> Grid {
    let noted = sheet.rows.iter().any(|row| !row.note.trim().is_empty());
    let mut headers = vec!["N°".to_owned(), "Candidat".to_owned(), "Date de naissance".to_owned()];
    headers.extend(sheet.epreuves.iter().cloned());
    headers.push("Décision".to_owned());
    headers.extend(noted.then(|| "Observation".to_owned()));
    let rows = sheet.rows.iter().map(|row| {
        let day = row.birth_date;
        let mut cells =
            vec![row.number.clone(), row.name.clone(), format!("{:02}/{:02}/{}", day.day(), day.month(), day.year())];
        cells.extend(
            (0..sheet.epreuves.len()).map(|epreuve| row.marks.get(epreuve).cloned().unwrap_or_else(|| "–".to_owned())),
        );
        cells.push(row.outcome.clone());
        cells.extend(noted.then(|| row.note.clone()));
        cells
    });
    Grid { size: 8.2, named_by: Some(1), ..Grid::new(headers, rows.collect()) }
}

fn admitted(flow: &mut Flow, sheet: &MinutesSheet) -> Result<(), PdfError> {
    let count = sheet.admitted.len();
    let said = match count {
        0 => "Le jury n’admet aucun candidat.".to_owned(),
        1 => "Le jury déclare admise une personne\u{A0}:".to_owned(),
        _ => format!("Le jury déclare admis {count} candidats, par ordre alphabétique et sans classement\u{A0}:"),
    };
    flow.heading(&format!("Candidats admis de l’{}", french::academy(&sheet.office.academy)))?;
    flow.paragraph(Role::P, &[span(&said, TEXT)], Stand { before: 3.0, keep: 20.0, ..PLAIN })?;
    flow.list(&sheet.admitted)
}

fn integrity(flow: &mut Flow, seal: &str) -> Result<(), PdfError> {
    let text = format!(
        "Empreinte d’intégrité\u{A0}: {seal}. Elle permet de vérifier que ce procès-verbal n’a pas été modifié depuis la clôture\u{202F}; elle ne vaut pas signature."
    );
    flow.paragraph(Role::P, &[span(&text, FINE)], Stand { before: 16.0, ..PLAIN })
}
