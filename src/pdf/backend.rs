//! From pages to printpdf: each item becomes marked content, each run of glyphs a text operation.
//! Names of fonts and marks come from the content, never from printpdf's counters, so bytes repeat.

use super::PdfError;
use super::draw::{Artifact, Draw, Ink, Item, Owner};
use super::face::{FACES, Face, Glyph};
use super::frame::Frame;
use super::structure::Structure;
use printpdf::{
    Codepoint, Color, DictItem, FontId, FontMetrics, Op, ParsedFont, PdfDocument, PdfFont, PdfFontHandle, PdfPage,
    PdfSaveOptions, Pt, Rgb, TextItem, TextMatrix,
};
use std::collections::{BTreeMap, BTreeSet};

/// The glyphs that a document draws of each face.
pub(super) type Usage = BTreeMap<Face, BTreeSet<u16>>;

pub(super) fn font_key(face: Face) -> String {
    format!("T{}", face as usize)
}

pub(super) fn draw(frame: &Frame) -> Result<(lopdf::Document, Usage), PdfError> {
    let mut usage = Usage::new();
    for draw in frame.pages.iter().flat_map(|page| &page.items).flat_map(|item| &item.draws) {
        if let Draw::Text { style, glyphs, .. } = draw {
            usage.entry(style.face).or_default().extend(glyphs.iter().map(|glyph| glyph.id));
        }
    }
    let mut document = PdfDocument::new("");
    for (face, used) in &usage {
        document.resources.fonts.map.insert(FontId(font_key(*face)), PdfFont::new(declared(frame, *face, used)?));
    }
    let (width, height) = (Pt(frame.size.0), Pt(frame.size.1));
    for page in &frame.pages {
        let mut pen = Pen { frame, ops: Vec::new(), ink: None };
        for item in &page.items {
            pen.item(item, &frame.structure)?;
        }
        document.pages.push(PdfPage::new(width.into(), height.into(), pen.ops));
    }
    let options = PdfSaveOptions { optimize: false, subset_fonts: false, secure: false, image_optimization: None };
    let mut warnings = Vec::new();
    let lowered = document.to_lopdf_document(&options, &mut warnings);
    match warnings.first() {
        Some(warning) => Err(PdfError::Assembly(warning.msg.clone())),
        None => Ok((lowered, usage)),
    }
}

/// The font as printpdf declares it. The program itself is put in by the next pass, already cut to the glyphs
/// used: here stands only the mark by which printpdf knows a TrueType font from another.
fn declared(frame: &Frame, face: Face, used: &BTreeSet<u16>) -> Result<ParsedFont, PdfError> {
    let typeface = frame.faces.get(face)?;
    let shaper = &typeface.shaper;
    let widths =
        used.iter().map(|glyph| (*glyph, u16::try_from(typeface.natural_width(*glyph)).unwrap_or_default())).collect();
    let metrics = FontMetrics { ascent: shaper.ascender(), descent: shaper.descender() };
    let name = format!("{}+{}", subset_tag(face, used), typeface.name);
    let mut font = ParsedFont::with_glyph_data(vec![0, 1, 0, 0], 0, Some(name), BTreeMap::new(), widths, 1000, metrics);
    let bounds = shaper.global_bounding_box();
    let stub = &mut font.pdf_font_metrics;
    (stub.x_min, stub.y_min, stub.x_max, stub.y_max) = (bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max);
    stub.us_weight_class = shaper.weight().to_number();
    if face == Face::SerifItalic {
        (stub.caret_slope_rise, stub.caret_slope_run) = (1000, 268);
    }
    Ok(font)
}

/// Six capitals that name the set of glyphs, as the format asks of a cut font.
fn subset_tag(face: Face, used: &BTreeSet<u16>) -> String {
    let seed = FACES.len() as u64 + face as u64;
    let mut hash =
        used.iter().fold(seed, |hash, glyph| (hash ^ u64::from(*glyph)).wrapping_mul(0x0100_0000_01b3).rotate_left(17));
    let mut tag = String::with_capacity(6);
    for _ in 0..6 {
        tag.push(char::from(b'A' + (hash % 26) as u8));
        hash /= 26;
    }
    tag
}

struct Pen<'a> {
    frame: &'a Frame,
    ops: Vec<Op>,
    ink: Option<Ink>,
}

impl Pen<'_> {
    fn item(&mut self, item: &Item, structure: &Structure) -> Result<(), PdfError> {
        let (tag, map) = match item.owner {
            Owner::Element { element, mark } => (
                structure.elements[element].role.tag(),
                BTreeMap::from([("MCID".to_owned(), DictItem::Int(mark as i64))]),
            ),
            Owner::Artifact(kind) => ("Artifact", artifact(kind)),
        };
        self.ops.push(Op::BeginMarkedContentWithProperties { tag: tag.to_owned(), properties: DictItem::Dict { map } });
        for draw in &item.draws {
            self.draw(draw)?;
        }
        self.ops.push(Op::EndMarkedContent);
        Ok(())
    }

    fn draw(&mut self, draw: &Draw) -> Result<(), PdfError> {
        match draw {
            Draw::Text { x, y, style, glyphs } => {
                self.colour(style.ink);
                let typeface = self.frame.faces.get(style.face)?;
                let codes = glyphs.iter().map(|glyph| code(glyph, typeface.natural_width(glyph.id))).collect();
                let matrix = TextMatrix::Raw([1.0, 0.0, 0.0, 1.0, neat(*x), neat(*y)]);
                self.ops.extend([
                    Op::StartTextSection,
                    Op::SetFont {
                        font: PdfFontHandle::External(FontId(font_key(style.face))),
                        size: Pt(neat(style.size)),
                    },
                    Op::SetTextMatrix { matrix },
                    Op::ShowText { items: vec![TextItem::GlyphIds(codes)] },
                    Op::EndTextSection,
                ]);
            }
            Draw::Boxes { boxes, ink } => {
                self.colour(*ink);
                boxes.iter().for_each(|sides| self.step("re", sides));
                self.step("f", &[]);
            }
            Draw::Path { steps, ink } => {
                self.colour(*ink);
                steps.iter().for_each(|(operator, points)| self.step(operator, points));
                self.step("f", &[]);
            }
        }
        Ok(())
    }

    /// printpdf has no operation for plain boxes: these are the format's own words.
    fn step(&mut self, operator: &str, numbers: &[f32]) {
        let value = numbers.iter().map(|number| DictItem::Real(neat(*number))).collect();
        self.ops.push(Op::Unknown { key: operator.to_owned(), value });
    }

    fn colour(&mut self, ink: Ink) {
        if self.ink != Some(ink) {
            let [r, g, b] = ink.0;
            self.ops.push(Op::SetFillColor { col: Color::Rgb(Rgb { r, g, b, icc_profile: None }) });
            self.ink = Some(ink);
        }
    }
}

/// The PDF moves the pen by the glyph's own width; kerning and tracking are what is taken back.
fn code(glyph: &Glyph, natural: i32) -> Codepoint {
    Codepoint::with_cid(glyph.id, (natural - glyph.advance) as f32, glyph.text())
}

fn artifact(kind: Artifact) -> BTreeMap<String, DictItem> {
    let name = |text: &str| DictItem::Name(text.as_bytes().to_vec());
    let (kind, subtype) = match kind {
        Artifact::Header => ("Pagination", Some("Header")),
        Artifact::Footer => ("Pagination", Some("Footer")),
        Artifact::Watermark => ("Pagination", Some("Watermark")),
        Artifact::Layout => ("Layout", None),
    };
    let mut map = BTreeMap::from([("Type".to_owned(), name(kind))]);
    map.extend(subtype.map(|subtype| ("Subtype".to_owned(), name(subtype))));
    map
}

/// Hundredths of a point are finer than any printer, and short to write.
fn neat(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}
