//! The mark of a demonstration: « SPÉCIMEN » across the page, as drawn shapes and not as text, so that what is
//! read, searched or copied stays the document's own; a plain line says it in words.

use super::PdfError;
use super::draw::{Draw, SPECIMEN};
use super::face::{Face, Faces};
use rustybuzz::ttf_parser::{GlyphId, OutlineBuilder};

pub(super) const LINE: &str = "Spécimen\u{A0}– démonstration, sans valeur.";

/// `turn` is the angle of the word, in degrees.
pub(super) fn mark(centre: (f32, f32), size: f32, turn: f32) -> Result<Draw, PdfError> {
    let mut faces = Faces::default();
    let glyphs = faces.shape(Face::Serif, "SPÉCIMEN")?;
    let shaper = &faces.get(Face::Serif)?.shaper;
    let scale = size / 1000.0;
    let (sine, cosine) = turn.to_radians().sin_cos();
    let width: i32 = glyphs.iter().map(|glyph| glyph.advance).sum();
    let mut path = Path {
        steps: Vec::new(),
        at: (0.0, 0.0),
        last: (0.0, 0.0),
        matrix: [scale * cosine, scale * sine, centre.0, centre.1],
    };
    let mut pen = -(width as f32) / 2.0;
    for glyph in &glyphs {
        path.at = (pen, -320.0); // half the height of a capital
        shaper.outline_glyph(GlyphId(glyph.id), &mut path);
        pen += glyph.advance as f32;
    }
    Ok(Draw::Path { steps: path.steps, ink: SPECIMEN })
}

struct Path {
    steps: Vec<(&'static str, Vec<f32>)>,
    /// Where the glyph stands, and where the pen was last, in font units.
    at: (f32, f32),
    last: (f32, f32),
    matrix: [f32; 4],
}

impl Path {
    fn step(&mut self, operator: &'static str, points: &[(f32, f32)]) {
        let [cosine, sine, x, y] = self.matrix;
        let place = |(px, py): &(f32, f32)| {
            let (px, py) = (px + self.at.0, py + self.at.1);
            [x + px * cosine - py * sine, y + px * sine + py * cosine]
        };
        self.steps.push((operator, points.iter().flat_map(place).collect()));
        self.last = points.last().copied().unwrap_or(self.last);
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        self.step("m", &[(x, y)]);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.step("l", &[(x, y)]);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let third = |end: f32, control: f32| end + (control - end) * 2.0 / 3.0;
        let (x0, y0) = self.last;
        self.step("c", &[(third(x0, x1), third(y0, y1)), (third(x, x1), third(y, y1)), (x, y)]);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.step("c", &[(x1, y1), (x2, y2), (x, y)]);
    }
    fn close(&mut self) {
        self.step("h", &[]);
    }
}
