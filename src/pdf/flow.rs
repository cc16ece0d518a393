//! A4 portrait sheets that flow from page to page: paragraphs, lists, and on every page the same foot.
//! What repeats from page to page (foot, page numbers, specimen mark) is an artifact: readers hear it once or not at all.

use super::PdfError;
use super::draw::{A4, Artifact, Draw, GREY, RULE, Style};
use super::face::Face;
use super::frame::{Frame, stack};
use super::lines::{Align, Span, break_lines, height, single_line, span};
use super::structure::{ROOT, Role};

pub(super) const LEFT: f32 = 62.0;
pub(super) const MEASURE: f32 = A4.0 - 2.0 * LEFT;
const TOP: f32 = A4.1 - 54.0;
const BOTTOM: f32 = 74.0;

pub(super) const TITLE: Style = Style::new(Face::Serif, 21.0, 26.0);
pub(super) const HEADING: Style = Style::new(Face::SansBold, 10.5, 15.0);
pub(super) const TEXT: Style = Style::new(Face::Sans, 9.6, 14.2);
pub(super) const STRONG: Style = Style::new(Face::SansBold, 9.6, 14.2);
pub(super) const FINE: Style = Style::new(Face::Sans, 8.2, 11.8).ink(GREY);

/// How a paragraph stands: the space before it, its indent, its side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stand {
    pub before: f32,
    pub indent: f32,
    pub align: Align,
    /// Room to keep below it on the same page: a heading never ends one.
    pub keep: f32,
}

pub(super) const PLAIN: Stand = Stand { before: 6.0, indent: 0.0, align: Align::Left, keep: 0.0 };
pub(super) const TIGHT: Stand = Stand { before: 0.0, ..PLAIN };

pub(super) struct Flow<'a> {
    pub frame: &'a mut Frame,
    /// Where the next line goes.
    pub y: f32,
    pub rules: Vec<[f32; 4]>,
}

impl<'a> Flow<'a> {
    pub fn new(frame: &'a mut Frame) -> Flow<'a> {
        Flow { frame, y: TOP, rules: Vec::new() }
    }

    pub fn room(&self) -> f32 {
        self.y - BOTTOM
    }

    pub fn at_top(&self) -> bool {
        self.y >= TOP
    }

    pub fn turn_page(&mut self) {
        self.rule_off();
        self.frame.pages.push(super::draw::Page::default());
        self.y = TOP;
    }

    /// Turns the page unless `height` is left on this one.
    pub fn need(&mut self, height: f32) {
        if self.room() < height && !self.at_top() {
            self.turn_page();
        }
    }

    /// Draws the hairlines gathered on this page.
    pub fn rule_off(&mut self) {
        if !self.rules.is_empty() {
            let page = self.frame.pages.len() - 1;
            let boxes = std::mem::take(&mut self.rules);
            self.frame.artifact(page, Artifact::Layout, vec![Draw::Boxes { boxes, ink: RULE }]);
        }
    }

    pub fn space(&mut self, height: f32) {
        self.y -= height;
    }

    pub fn paragraph(&mut self, role: Role, spans: &[Span], stand: Stand) -> Result<(), PdfError> {
        self.block(ROOT, role, spans, stand)
    }

    pub fn text(&mut self, text: &str) -> Result<(), PdfError> {
        self.paragraph(Role::P, &[span(text, TEXT)], PLAIN)
    }

    pub fn title(&mut self, text: &str) -> Result<(), PdfError> {
        self.paragraph(Role::H1, &[span(text, TITLE)], Stand { before: 14.0, keep: 60.0, ..PLAIN })
    }

    pub fn heading(&mut self, text: &str) -> Result<(), PdfError> {
        self.paragraph(Role::H2, &[span(text, HEADING)], Stand { before: 15.0, keep: 34.0, ..PLAIN })
    }

    /// « Label : value », the value in bold.
    pub fn fact(&mut self, label: &str, value: &str) -> Result<(), PdfError> {
        let label = format!("{label}\u{A0}: ");
        self.paragraph(Role::P, &[span(&label, TEXT), span(value, STRONG)], TIGHT)
    }

    pub fn list(&mut self, items: &[String]) -> Result<(), PdfError> {
        if items.is_empty() {
            return Ok(());
        }
        let list = self.frame.structure.add(ROOT, Role::List);
        for item in items {
            self.need(2.0 * TEXT.leading);
            let entry = self.frame.structure.add(list, Role::ListItem);
            let label = self.frame.structure.add(entry, Role::Label);
            let dash = single_line(&mut self.frame.faces, "– ", TEXT)?;
            let (draws, _) = stack(vec![dash], LEFT, self.y - 3.0, 20.0, Align::Left);
            self.frame.mark(label, draws);
            self.block(entry, Role::ListBody, &[span(item, TEXT)], Stand { before: 3.0, indent: 12.0, ..PLAIN })?;
        }
        Ok(())
    }

    /// A paragraph under `parent`, over as many pages as it takes; never one line alone at the foot of a page.
    fn block(&mut self, parent: usize, role: Role, spans: &[Span], stand: Stand) -> Result<(), PdfError> {
        let measure = MEASURE - stand.indent;
        let mut lines = break_lines(&mut self.frame.faces, spans, measure)?;
        if lines.is_empty() {
            return Ok(());
        }
        let orphans = lines.iter().take(2).map(|line| line.leading).sum::<f32>();
        self.need(stand.before + orphans.max(if stand.keep > 0.0 { height(&lines) } else { 0.0 }) + stand.keep);
        if !self.at_top() {
            self.y -= stand.before;
        }
        let element = self.frame.structure.add(parent, role);
        while !lines.is_empty() {
            let mut left = self.room();
            let mut fit = lines
                .iter()
                .take_while(|line| {
                    left -= line.leading;
                    left >= 0.0
                })
                .count();
            if fit + 1 == lines.len() && fit > 2 {
                fit -= 1;
            }
            let rest = lines.split_off(fit.max(1).min(lines.len()));
            self.y = self.frame.set(element, lines, LEFT + stand.indent, self.y, measure, stand.align);
            lines = rest;
            if !lines.is_empty() {
                self.turn_page();
            }
        }
        Ok(())
    }

    /// Lines in a column of their own, placed where the caller says; answers where they end.
    pub fn column(&mut self, texts: &[(&str, Style)], x: f32, top: f32, measure: f32) -> Result<f32, PdfError> {
        let mut y = top;
        for (text, style) in texts {
            y = self.frame.place(Role::P, &[span(text, *style)], x, y, measure, Align::Left)?;
        }
        Ok(y)
    }

    /// The foot of every page: what the document is, and which page of how many.
    pub fn finish(mut self, foot: &str) -> Result<(), PdfError> {
        self.rule_off();
        let pages = self.frame.pages.len();
        let measure = MEASURE - 60.0;
        for page in 0..pages {
            let mut lines = break_lines(&mut self.frame.faces, &[span(foot, FINE)], measure)?;
            lines.truncate(2);
            let (mut draws, _) = stack(lines, LEFT, 50.0, measure, Align::Left);
            let number = single_line(&mut self.frame.faces, &format!("Page {}/{pages}", page + 1), FINE)?;
            draws.extend(stack(vec![number], LEFT, 50.0, MEASURE, Align::Right).0);
            draws.push(Draw::Boxes { boxes: vec![[LEFT, 54.0, MEASURE, 0.4]], ink: RULE });
            self.frame.artifact(page, Artifact::Footer, draws);
        }
        Ok(())
    }
}
