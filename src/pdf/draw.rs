//! What a page holds: pieces of text and filled boxes, each inside one marked item.
//! An item belongs to a structure element (it has a reading order) or is an artifact (readers skip it).

use super::face::{Face, Glyph};

/// A4, in points.
pub(super) const A4: (f32, f32) = (595.28, 841.89);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink(pub [f32; 3]);

pub(super) const BLACK: Ink = Ink([0.09, 0.09, 0.11]);
/// Secondary text: a contrast of more than 7 to 1 on white.
pub(super) const GREY: Ink = Ink([0.32, 0.33, 0.36]);
pub(super) const RULE: Ink = Ink([0.62, 0.63, 0.66]);
pub(super) const FAINT: Ink = Ink([0.945, 0.95, 0.955]);
pub(super) const BLUE: Ink = Ink([0.07, 0.15, 0.36]);
pub(super) const SPECIMEN: Ink = Ink([0.93, 0.93, 0.94]);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    pub face: Face,
    pub size: f32,
    /// Distance between two baselines.
    pub leading: f32,
    pub ink: Ink,
    /// Space added after each letter, in thousandths of an em.
    pub tracking: i32,
}

impl Style {
    pub const fn new(face: Face, size: f32, leading: f32) -> Style {
        Style { face, size, leading, ink: BLACK, tracking: 0 }
    }
    pub const fn ink(self, ink: Ink) -> Style {
        Style { ink, ..self }
    }
    pub const fn tracked(self, tracking: i32) -> Style {
        Style { tracking, ..self }
    }
    pub fn scaled(self, by: f32) -> Style {
        Style { size: self.size * by, leading: self.leading * by, ..self }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Draw {
    /// A run of glyphs, from the start of its baseline.
    Text { x: f32, y: f32, style: Style, glyphs: Vec<Glyph> },
    /// Filled boxes `[x, y, width, height]`, from the bottom left of the page.
    Boxes { boxes: Vec<[f32; 4]>, ink: Ink },
    /// A filled path: operators of the format and their points.
    Path { steps: Vec<(&'static str, Vec<f32>)>, ink: Ink },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Artifact {
    Header,
    Footer,
    Watermark,
    Layout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A structure element, and the number of this item in its page's marks.
    Element {
        element: usize,
        mark: usize,
    },
    Artifact(Artifact),
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub owner: Owner,
    pub draws: Vec<Draw>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    pub items: Vec<Item>,
    /// The structure element of each marked item, by mark number.
    pub marks: Vec<usize>,
}
