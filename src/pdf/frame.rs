//! A document being drawn: its pages, its structure and its faces; and the one way from there to bytes.

use super::PdfError;
use super::draw::{Artifact, Draw, Item, Owner, Page};
use super::face::Faces;
use super::lines::{Align, Line, Span, break_lines};
use super::structure::{ROOT, Role, Structure};
use jiff::civil::Date;

/// What is known of a document beside its pages.
pub(super) struct Facts {
    pub title: String,
    pub author: String,
    /// The day the document bears; written as its date of making, so that the clock never enters.
    pub dated: Option<Date>,
    pub attachment: Option<Attachment>,
}

pub(super) struct Attachment {
    pub name: &'static str,
    pub mime: &'static str,
    pub description: &'static str,
    pub bytes: Vec<u8>,
}

pub(super) struct Frame {
    pub faces: Faces,
    pub structure: Structure,
    pub pages: Vec<Page>,
    pub size: (f32, f32),
}

impl Frame {
    fn new(faces: Faces, size: (f32, f32)) -> Frame {
        Frame { faces, structure: Structure::new(), pages: vec![Page::default()], size }
    }

    fn last(&self) -> usize {
        self.pages.len() - 1
    }

    /// Draws on the last page as part of `element`.
    pub fn mark(&mut self, element: usize, draws: Vec<Draw>) {
        let at = self.last();
        let page = &mut self.pages[at];
        match page.items.last_mut() {
            Some(Item { owner: Owner::Element { element: same, .. }, draws: before }) if *same == element => {
                before.extend(draws)
            }
            _ => {
                let mark = page.marks.len();
                page.marks.push(element);
                page.items.push(Item { owner: Owner::Element { element, mark }, draws });
                self.structure.mark(element, at, mark);
            }
        }
    }

    pub fn artifact(&mut self, page: usize, kind: Artifact, draws: Vec<Draw>) {
        self.pages[page].items.push(Item { owner: Owner::Artifact(kind), draws });
    }

    /// Behind everything else on the page.
    pub fn backdrop(&mut self, page: usize, draws: Vec<Draw>) {
        self.pages[page].items.insert(0, Item { owner: Owner::Artifact(Artifact::Watermark), draws });
    }

    /// A paragraph at a fixed place of the last page; answers where it ends.
    pub fn place(
        &mut self,
        role: Role,
        spans: &[Span],
        x: f32,
        top: f32,
        measure: f32,
        align: Align,
    ) -> Result<f32, PdfError> {
        let lines = break_lines(&mut self.faces, spans, measure)?;
        if lines.is_empty() {
            return Ok(top);
        }
        let element = self.structure.add(ROOT, role);
        Ok(self.set(element, lines, x, top, measure, align))
    }

    pub fn set(&mut self, element: usize, lines: Vec<Line>, x: f32, top: f32, measure: f32, align: Align) -> f32 {
        let (draws, bottom) = stack(lines, x, top, measure, align);
        self.mark(element, draws);
        bottom
    }
}

/// Lines one under the other, from `top` down; answers where they end.
pub(super) fn stack(lines: Vec<Line>, x: f32, top: f32, measure: f32, align: Align) -> (Vec<Draw>, f32) {
    let mut y = top;
    let mut draws = Vec::with_capacity(lines.len());
    for line in lines {
        let leading = line.leading;
        let baseline = y - line.ascent();
        draws.extend(line.draws(x, baseline, measure, align));
        y -= leading;
    }
    (draws, y)
}

/// Lays a document out (once more with wider cuts when its names ask for them) and writes it.
pub(super) fn render(
    facts: &Facts,
    size: (f32, f32),
    build: impl Fn(&mut Frame) -> Result<(), PdfError>,
) -> Result<Vec<u8>, PdfError> {
    let mut frame = Frame::new(Faces::default(), size);
    build(&mut frame)?;
    if let Some(wider) = frame.faces.widened() {
        frame = Frame::new(wider, size);
        build(&mut frame)?;
    }
    if !frame.faces.missing().is_empty() {
        tracing::warn!(letters = ?frame.faces.missing(), "letters that no typeface has were drawn as boxes");
    }
    let (document, usage) = super::backend::draw(&frame)?;
    super::conform::conform(document, &frame, facts, &usage)
}
