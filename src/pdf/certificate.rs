//! The certificate: A4 landscape, in type alone. It says who holds it, under which texts, since which deliberation,
//! who delivers it, and how anyone may check it. Never a mark; nothing on it is called an electronic signature.

use super::draw::{A4, Artifact, BLACK, BLUE, Draw, GREY, Ink, RULE, Style};
use super::face::Face;
use super::frame::{Attachment, Facts, Frame, render};
use super::lines::{Align, Span, balanced, break_lines, height, single_line, span};
use super::structure::{ROOT, Role};
use super::{Office, PdfError, Person, french, specimen};
use fast_qr::{ECL, qr::QRBuilder};
use jiff::civil::Date;

#[derive(Debug, Clone)]
pub struct CertificateSheet {
    pub person: Person,
    pub birth_date: Date,
    pub birth_place: Option<String>,
    pub office: Office,
    pub session: i16,
    pub deliberated_on: Date,
    /// The texts cited, as ready sentences: « Vu le décret n° 2017-791 du 5 mai 2017… ».
    pub texts: Vec<String>,
    pub number: String,
    pub control_key: String,
    /// The address in the QR code.
    pub verify_url: String,
    pub issued_at_place: String,
    pub issued_on: Date,
    pub signatory_name: String,
    pub signatory_title: String,
    pub delegation: Option<String>,
    /// What is certified, for machines; attached as `certificat.json`.
    pub statement_json: String,
    /// A demonstration: marked as a specimen, on its face and behind it.
    pub simulated: bool,
}

const WIDTH: f32 = A4.1;
const HEIGHT: f32 = A4.0;
/// Left and right of the text.
const MARGIN: f32 = 78.0;
const MEASURE: f32 = WIDTH - 2.0 * MARGIN;
/// The frame's distance from the edge of the paper.
const FRAME: f32 = 30.0;
const QR_SIDE: f32 = 76.0;

const STATE: Style = Style::new(Face::Serif, 12.5, 17.0).tracked(50);
const ACADEMY: Style = Style::new(Face::SerifItalic, 15.0, 19.0);
const REGION: Style = Style::new(Face::Sans, 8.2, 11.0).ink(GREY);
const TITLE: Style = Style::new(Face::Serif, 30.0, 35.0).ink(BLUE);
const TEXTS: Style = Style::new(Face::Serif, 11.0, 14.5).ink(GREY);
const BODY: Style = Style::new(Face::SerifItalic, 14.0, 19.0);
const NAME: Style = Style::new(Face::Serif, 31.0, 38.0);
const BIRTH: Style = Style::new(Face::Serif, 13.5, 18.0);
const SIGNED: Style = Style::new(Face::Serif, 12.0, 16.0);
const SMALL: Style = Style::new(Face::Sans, 7.6, 10.6).ink(GREY);
const PROOF: Style = Style::new(Face::Sans, 8.6, 12.0);

pub fn certificate(sheet: &CertificateSheet) -> Result<Vec<u8>, PdfError> {
    let facts = Facts {
        title: format!("Certificat n° {} – {}", sheet.number, sheet.person.full_name()),
        author: french::academy_title(&sheet.office.academy),
        dated: Some(sheet.issued_on),
        attachment: Some(Attachment {
            name: "certificat.json",
            mime: "application/json",
            description: "Ce que certifie ce document, lisible par un programme",
            bytes: sheet.statement_json.clone().into_bytes(),
        }),
    };
    let modules = qr(&sheet.verify_url)?;
    render(&facts, (WIDTH, HEIGHT), |frame| {
        ornament(frame, sheet.simulated)?;
        let top = head(frame, sheet)?;
        holder(frame, sheet, top)?;
        verification(frame, sheet, &modules)?;
        signature(frame, sheet)
    })
}

/// A double frame of hairlines, and behind everything the word that a demonstration must bear.
fn ornament(frame: &mut Frame, simulated: bool) -> Result<(), PdfError> {
    let mut boxes = outline(FRAME, 0.9);
    boxes.extend(outline(FRAME + 4.0, 0.35));
    frame.artifact(0, Artifact::Layout, vec![Draw::Boxes { boxes, ink: BLUE }]);
    if simulated {
        frame.backdrop(0, vec![specimen::mark((WIDTH / 2.0, HEIGHT / 2.0), 132.0, 24.0)?]);
    }
    Ok(())
}

fn outline(inset: f32, weight: f32) -> Vec<[f32; 4]> {
    let (width, height) = (WIDTH - 2.0 * inset, HEIGHT - 2.0 * inset);
    vec![
        [inset, inset, width, weight],
        [inset, HEIGHT - inset - weight, width, weight],
        [inset, inset, weight, height],
        [WIDTH - inset - weight, inset, weight, height],
    ]
}

fn rule(frame: &mut Frame, y: f32, half: f32, ink: Ink) {
    let boxes = vec![[WIDTH / 2.0 - half, y, 2.0 * half, 0.5]];
    frame.artifact(0, Artifact::Layout, vec![Draw::Boxes { boxes, ink }]);
}

fn head(frame: &mut Frame, sheet: &CertificateSheet) -> Result<f32, PdfError> {
    let mut y = HEIGHT - FRAME - 24.0;
    y = frame.place(Role::P, &[span("RÉPUBLIQUE FRANÇAISE", STATE)], MARGIN, y, MEASURE, Align::Centre)?;
    let academy = french::academy_title(&sheet.office.academy);
    y = frame.place(Role::P, &[span(&academy, ACADEMY)], MARGIN, y - 1.0, MEASURE, Align::Centre)?;
    if !sheet.office.region.trim().is_empty() {
        let region = format!("Région académique {}", sheet.office.region.trim());
        y = frame.place(Role::P, &[span(&region, REGION)], MARGIN, y - 1.0, MEASURE, Align::Centre)?;
    }
    rule(frame, y - 8.0, 26.0, RULE);
    y -= 20.0;
    let text = "Certificat de professionnalisation en matière de lutte contre le décrochage scolaire";
    let lines = balanced(&mut frame.faces, text, TITLE, MEASURE)?;
    let title = frame.structure.add(ROOT, Role::H1);
    y = frame.set(title, lines, MARGIN, y, MEASURE, Align::Centre);
    Ok(y - 8.0)
}

/// From the texts to the name: each part gives way a little when the texts are many or the name is long.
fn holder(frame: &mut Frame, sheet: &CertificateSheet, top: f32) -> Result<(), PdfError> {
    let deliberation = format!(
        "Vu la délibération du jury de l’{} en date du {}, session {},",
        french::academy(&sheet.office.academy),
        french::day(sheet.deliberated_on),
        sheet.session
    );
    let cited: Vec<&str> = sheet.texts.iter().map(String::as_str).chain([deliberation.as_str()]).collect();
    let room = top - (FRAME + 148.0);
    let name = sheet.person.full_name();
    let (mut texts, mut title) = (TEXTS, fitted(frame, &name, NAME, MEASURE, 19.0)?);
    let mut body = BODY;
    let other = sheet.person.other_name().map(|usage| format!("nom d’usage\u{A0}: {usage}"));
    let birth = french::birth(&sheet.person.civility, sheet.birth_date, sheet.birth_place.as_deref());
    let mut blocks = Vec::new();
    let mut tall = 0.0;
    for _ in 0..12 {
        blocks.clear();
        for text in &cited {
            blocks.push((span(text, texts), 1.5));
        }
        blocks.push((span("le certificat est délivré à", body), 9.0));
        blocks.push((span(&name, title), 3.0));
        blocks.extend(other.as_deref().map(|other| (span(other, BIRTH), 0.0)));
        blocks.push((span(&birth, BIRTH), 1.0));
        tall = tallness(frame, &blocks)?;
        if tall <= room {
            break;
        }
        (texts, title, body) = (texts.scaled(0.95), title.scaled(0.94), body.scaled(0.96));
    }
    let mut y = top - (room - tall).max(0.0) * 0.45;
    for (block, before) in blocks {
        let lines = balanced(&mut frame.faces, block.text, block.style, MEASURE)?;
        let element = frame.structure.add(ROOT, Role::P);
        y = frame.set(element, lines, MARGIN, y - before, MEASURE, Align::Centre);
    }
    Ok(())
}

fn tallness(frame: &mut Frame, blocks: &[(Span, f32)]) -> Result<f32, PdfError> {
    blocks.iter().try_fold(0.0, |sum, (block, before)| {
        let lines = break_lines(&mut frame.faces, std::slice::from_ref(block), MEASURE)?;
        Ok(sum + before + height(&lines))
    })
}

/// The style made smaller until the text holds on one line, down to a floor where it wraps instead.
fn fitted(frame: &mut Frame, text: &str, style: Style, measure: f32, floor: f32) -> Result<Style, PdfError> {
    let width = single_line(&mut frame.faces, text, style)?.width;
    let factor = (measure / width.max(1.0)).min(1.0);
    Ok(style.scaled(factor.max(floor / style.size)))
}

fn verification(frame: &mut Frame, sheet: &CertificateSheet, modules: &Modules) -> Result<(), PdfError> {
    let (left, bottom) = (MARGIN - 16.0, FRAME + 22.0);
    let beside = left + QR_SIDE + 14.0;
    let measure = 250.0;
    let number = format!("Certificat n°\u{A0}{}", sheet.number);
    let key = format!("Clé de contrôle\u{A0}: {}", sheet.control_key);
    let how = "Pour vérifier ce certificat, lisez le code ou saisissez le numéro et la clé de contrôle sur la page de vérification\u{A0}:";
    let mut spans =
        vec![(number, PROOF), (key, PROOF), (how.to_owned(), SMALL), (shown_address(&sheet.verify_url), SMALL)];
    if sheet.simulated {
        spans.push((specimen::LINE.to_owned(), SMALL.ink(BLACK)));
    }
    let mut tall = 0.0;
    for (text, style) in &spans {
        tall += height(&break_lines(&mut frame.faces, &[span(text, *style)], measure)?);
    }
    let mut y = bottom + QR_SIDE - (QR_SIDE - tall).max(0.0) / 2.0;
    for (text, style) in &spans {
        y = frame.place(Role::P, &[span(text, *style)], beside, y, measure, Align::Left)?;
    }
    let figure = frame.structure.add(ROOT, Role::Figure);
    frame.mark(figure, vec![Draw::Boxes { boxes: modules.boxes(left, bottom, QR_SIDE), ink: Ink([0.0; 3]) }]);
    let alt = format!("Code QR menant à la page qui vérifie le certificat n° {} : {}", sheet.number, sheet.verify_url);
    frame.structure.describe(figure, &alt, [left, bottom, left + QR_SIDE, bottom + QR_SIDE]);
    Ok(())
}

/// The address without what the QR code adds for machines.
fn shown_address(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or(url).trim_end_matches('/').to_owned()
}

fn signature(frame: &mut Frame, sheet: &CertificateSheet) -> Result<(), PdfError> {
    let measure = 260.0;
    let left = WIDTH - MARGIN - measure + 16.0;
    let done = format!("Fait à {}, le {}", sheet.issued_at_place, french::day(sheet.issued_on));
    let mut y = FRAME + 132.0;
    y = frame.place(Role::P, &[span(&done, SIGNED)], left, y, measure, Align::Centre)?;
    y = frame.place(Role::P, &[span(&sheet.signatory_title, SIGNED)], left, y - 3.0, measure, Align::Centre)?;
    if let Some(delegation) = sheet.delegation.as_deref().filter(|text| !text.trim().is_empty()) {
        let style = Style { face: Face::SerifItalic, ..SIGNED }.scaled(0.9);
        frame.place(Role::P, &[span(delegation, style)], left, y, measure, Align::Centre)?;
    }
    // Between the title and the name: the room for a hand.
    let name = break_lines(&mut frame.faces, &[span(&sheet.signatory_name, SIGNED)], measure)?;
    let top = FRAME + 20.0 + height(&name);
    let element = frame.structure.add(ROOT, Role::P);
    frame.set(element, name, left, top, measure, Align::Centre);
    Ok(())
}

/// A QR code as rows of dark runs.
struct Modules {
    side: usize,
    /// Row, first column, length.
    runs: Vec<(usize, usize, usize)>,
}

fn qr(url: &str) -> Result<Modules, PdfError> {
    let code = QRBuilder::new(url).ecl(ECL::M).build().map_err(|_| PdfError::QrTooLong(url.len()))?;
    let mut runs = Vec::new();
    for row in 0..code.size {
        let mut column = 0;
        while column < code.size {
            let length = code[row][column..].iter().take_while(|module| module.value()).count();
            if length > 0 {
                runs.push((row, column, length));
            }
            column += length.max(1);
        }
    }
    Ok(Modules { side: code.size, runs })
}

impl Modules {
    fn boxes(&self, left: f32, bottom: f32, side: f32) -> Vec<[f32; 4]> {
        let module = side / self.side as f32;
        let place = |(row, column, length): &(usize, usize, usize)| {
            [
                left + *column as f32 * module,
                bottom + side - (*row + 1) as f32 * module,
                *length as f32 * module,
                module,
            ]
        };
        self.runs.iter().map(place).collect()
    }
}
