//! What every sheet of an office shares: its header, the ways of appeal, the room for a signature, the specimen mark.

use super::draw::{A4, BLUE, GREY, Style};
use super::face::Face;
use super::flow::{FINE, Flow, HEADING, LEFT, MEASURE, PLAIN, STRONG, Stand, TEXT};
use super::frame::{Facts, Frame, render};
use super::lines::{Align, break_lines, height, span};
use super::structure::{ROOT, Role};
use super::{Office, PdfError, Person, Signatory, french, specimen, table};
use jiff::civil::Date;

const STATE: Style = Style::new(Face::Serif, 9.6, 13.0).tracked(50);
const ACADEMY: Style = Style::new(Face::Serif, 17.0, 21.0).ink(BLUE);
const CONTACT: Style = Style::new(Face::Sans, 8.2, 11.8).ink(GREY);

/// What is needed to make a sheet of an office, whatever it says.
pub(super) struct Letterhead<'a> {
    pub office: &'a Office,
    /// The document's title, for its properties and its foot.
    pub title: String,
    pub dated: Option<Date>,
    pub simulated: bool,
}

impl Letterhead<'_> {
    pub fn sheet(&self, build: impl Fn(&mut Flow) -> Result<(), PdfError>) -> Result<Vec<u8>, PdfError> {
        let author = french::academy_title(&self.office.academy);
        let foot = format!("{author}\u{A0}– {}", self.title);
        let facts = Facts { title: self.title.clone(), author, dated: self.dated, attachment: None };
        render(&facts, A4, |frame: &mut Frame| {
            let mut flow = Flow::new(frame);
            self.header(&mut flow)?;
            build(&mut flow)?;
            if self.simulated {
                flow.paragraph(Role::P, &[span(specimen::LINE, STRONG)], Stand { before: 14.0, ..PLAIN })?;
            }
            flow.finish(&foot)?;
            if self.simulated {
                let mark = specimen::mark((A4.0 / 2.0, A4.1 / 2.0), 100.0, 52.0)?;
                (0..frame.pages.len()).for_each(|page| frame.backdrop(page, vec![mark.clone()]));
            }
            Ok(())
        })
    }

    fn header(&self, flow: &mut Flow) -> Result<(), PdfError> {
        let office = self.office;
        let top = flow.y;
        let academy = french::academy_title(&office.academy);
        let region = if office.region.trim().is_empty() {
            String::new()
        } else {
            format!("Région académique {}", office.region)
        };
        let half = MEASURE * 0.55;
        let left =
            flow.column(&[("RÉPUBLIQUE FRANÇAISE", STATE), (&academy, ACADEMY), (&region, CONTACT)], LEFT, top, half)?;
        let phone = if office.phone.is_empty() {
            String::new()
        } else {
            format!("Tél.\u{A0}: {}", office.phone.replace(' ', "\u{A0}"))
        };
        let service = Style { face: Face::SansBold, ..CONTACT };
        let column = LEFT + half + 16.0;
        let right = flow.column(
            &[(&office.service, service), (&phone, CONTACT), (&office.email, CONTACT), (&office.city, CONTACT)],
            column,
            top - 2.0,
            MEASURE - half - 16.0,
        )?;
        flow.y = left.min(right) - 8.0;
        table::line_across(flow, 0.8);
        Ok(())
    }
}

impl Flow<'_> {
    /// Who the sheet is about.
    pub fn person(&mut self, person: &Person, birth_date: Option<Date>) -> Result<(), PdfError> {
        let name = Style { face: Face::Serif, ..super::flow::TITLE }.scaled(0.72);
        self.paragraph(Role::P, &[span(&person.full_name(), name)], Stand { before: 8.0, ..PLAIN })?;
        if let Some(usage) = person.other_name() {
            self.fact("Nom d’usage", usage)?;
        }
        match birth_date {
            Some(date) => {
                let born = french::birth(&person.civility, date, None);
                self.paragraph(Role::P, &[span(&capital(&born), TEXT)], Stand { before: 0.0, ..PLAIN })
            }
            None => Ok(()),
        }
    }

    /// The ways and delays of appeal: every decision that may be appealed bears them.
    pub fn appeal(&mut self, paragraphs: &[String]) -> Result<(), PdfError> {
        if paragraphs.is_empty() {
            return Ok(());
        }
        self.heading("Voies et délais de recours")?;
        for text in paragraphs {
            self.paragraph(
                Role::P,
                &[span(text, Style { ink: TEXT.ink, ..FINE }.scaled(1.05))],
                Stand { before: 3.0, ..PLAIN },
            )?;
        }
        Ok(())
    }

    /// Place and date, title, the room for a hand, the name: always on one page.
    pub fn signature(&mut self, done: Option<&str>, signatory: &Signatory) -> Result<(), PdfError> {
        let measure = MEASURE * 0.5;
        let left = LEFT + MEASURE - measure;
        let italic = Style { face: Face::SerifItalic, ..TEXT }.scaled(1.1);
        let mut texts = Vec::new();
        texts.extend(done.map(|done| (done, TEXT)));
        texts.push((signatory.title.as_str(), STRONG));
        texts.extend(signatory.delegation.as_deref().filter(|text| !text.trim().is_empty()).map(|text| (text, italic)));
        let mut tall = 0.0;
        for (text, style) in &texts {
            tall += height(&break_lines(&mut self.frame.faces, &[span(text, *style)], measure)?);
        }
        self.need(tall + 18.0 + HAND + 2.0 * TEXT.leading);
        let mut y = self.y - 18.0;
        for (text, style) in texts {
            y = self.frame.place(Role::P, &[span(text, style)], left, y, measure, Align::Left)?;
        }
        let name = break_lines(&mut self.frame.faces, &[span(&signatory.name, TEXT)], measure)?;
        if !name.is_empty() {
            let element = self.frame.structure.add(ROOT, Role::P);
            y = self.frame.set(element, name, left, y - HAND, measure, Align::Left);
        }
        self.y = y;
        Ok(())
    }

    /// The lines of an address, on the right where a window envelope shows them.
    pub fn addressee(&mut self, lines: &[String]) -> Result<(), PdfError> {
        let left = LEFT + MEASURE * 0.53;
        let mut y = self.y - 16.0;
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            y = self.frame.place(Role::P, &[span(line, TEXT)], left, y, MEASURE * 0.47, Align::Left)?;
        }
        self.y = y - 8.0;
        Ok(())
    }

    pub fn section(&mut self, heading: &str, paragraphs: &[String]) -> Result<(), PdfError> {
        if paragraphs.is_empty() {
            return Ok(());
        }
        self.paragraph(Role::H2, &[span(heading, HEADING)], Stand { before: 15.0, keep: 34.0, ..PLAIN })?;
        paragraphs.iter().try_for_each(|text| self.text(text))
    }
}

/// The height left blank for a handwritten signature.
const HAND: f32 = 52.0;

/// « Fait à Limoges, le 1er juillet 2027 ».
pub(super) fn done_at(place: &str, date: Date) -> String {
    format!("Fait à {place}, le {}", french::day(date))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
