//! Text into lines: shapes spans of text and breaks them where French allows, at plain spaces and after hyphens.
//! No-break spaces hold; a word wider than the measure is cut between letters rather than left to run out.

use super::PdfError;
use super::draw::{Draw, Style};
use super::face::{Faces, Glyph};

#[derive(Debug, Clone)]
pub(super) struct Span<'a> {
    pub text: &'a str,
    pub style: Style,
}

pub(super) fn span(text: &str, style: Style) -> Span<'_> {
    Span { text, style }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// Runs of one style each, in order.
    runs: Vec<(Style, Vec<Glyph>)>,
    /// Without the spaces that hang at its end.
    pub width: f32,
    pub leading: f32,
}

impl Line {
    fn push(&mut self, style: Style, glyph: Glyph) {
        match self.runs.last_mut() {
            Some((last, glyphs)) if *last == style => glyphs.push(glyph),
            _ => self.runs.push((style, vec![glyph])),
        }
        self.leading = self.leading.max(style.leading);
    }

    /// The distance from the top of the line's slot to its baseline: the same share of every leading.
    pub fn ascent(&self) -> f32 {
        let size = self.runs.iter().map(|(style, _)| style.size).fold(0.0, f32::max);
        (self.leading - size) / 2.0 + size * 0.8
    }

    /// What to draw, the baseline at `y`, within `[x, x + measure]`.
    pub fn draws(self, x: f32, y: f32, measure: f32, align: Align) -> Vec<Draw> {
        let mut x = match align {
            Align::Left => x,
            Align::Centre => x + (measure - self.width) / 2.0,
            Align::Right => x + measure - self.width,
        };
        let mut draws = Vec::with_capacity(self.runs.len());
        for (style, glyphs) in self.runs {
            let advance: i32 = glyphs.iter().map(|glyph| glyph.advance).sum();
            draws.push(Draw::Text { x, y, style, glyphs });
            x += advance as f32 * style.size / 1000.0;
        }
        draws
    }
}

pub(super) fn height(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.leading).sum()
}

/// One line, whatever its width.
pub(super) fn single_line(faces: &mut Faces, text: &str, style: Style) -> Result<Line, PdfError> {
    Ok(break_lines(faces, &[span(text, style)], f32::INFINITY)?.into_iter().next().unwrap_or_default())
}

pub(super) type Shaped = Vec<(Style, Glyph)>;

pub(super) fn shape(faces: &mut Faces, spans: &[Span]) -> Result<Shaped, PdfError> {
    let mut glyphs = Vec::new();
    for span in spans {
        let shaped = faces.shape(span.style.face, span.text)?;
        glyphs.extend(shaped.into_iter().map(|mut glyph| {
            glyph.advance += span.style.tracking;
            (span.style, glyph)
        }));
    }
    Ok(glyphs)
}

/// The width of the text on one line, and that of its widest part that cannot be broken.
pub(super) fn widths(glyphs: &Shaped) -> (f32, f32) {
    let (mut whole, mut word, mut widest) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (at, (style, glyph)) in glyphs.iter().enumerate() {
        let advance = glyph.advance as f32 * style.size / 1000.0;
        whole += advance;
        word = if glyph.first == ' ' { 0.0 } else { word + advance };
        widest = widest.max(word);
        if breaks_after(glyphs, at + 1) {
            word = 0.0;
        }
    }
    (whole, widest)
}

/// The same number of lines as in `measure`, with the least difference between them: for centred titles and names.
pub(super) fn balanced(faces: &mut Faces, text: &str, style: Style, measure: f32) -> Result<Vec<Line>, PdfError> {
    let shaped = shape(faces, &[span(text, style)])?;
    let lines = break_shaped(shaped.clone(), measure);
    let count = lines.len();
    if count < 2 {
        return Ok(lines);
    }
    let (mut low, mut high) = (measure * 0.3, measure);
    for _ in 0..8 {
        let middle = (low + high) / 2.0;
        let same = break_shaped(shaped.clone(), middle).len() == count;
        (low, high) = if same { (low, middle) } else { (middle, high) };
    }
    Ok(break_shaped(shaped, high))
}

pub(super) fn break_lines(faces: &mut Faces, spans: &[Span], measure: f32) -> Result<Vec<Line>, PdfError> {
    Ok(break_shaped(shape(faces, spans)?, measure))
}

pub(super) fn break_shaped(glyphs: Shaped, measure: f32) -> Vec<Line> {
    let mut breaks = Vec::new(); // the index after the last glyph of each line
    let (mut start, mut candidate) = (0, None);
    let (mut width, mut at) = (0.0, 0);
    while at < glyphs.len() {
        let (style, glyph) = &glyphs[at];
        let advance = glyph.advance as f32 * style.size / 1000.0;
        let hangs = glyph.first == ' ';
        if width + advance > measure && !hangs && at > start {
            let end = candidate.unwrap_or(at);
            breaks.push(end);
            (start, candidate, width, at) = (end, None, 0.0, end);
            continue;
        }
        width += advance;
        at += 1;
        if hangs || breaks_after(&glyphs, at) {
            candidate = Some(at);
        }
    }
    if start < glyphs.len() {
        breaks.push(glyphs.len());
    }
    let mut lines = Vec::with_capacity(breaks.len());
    let mut glyphs = glyphs.into_iter();
    let mut before = 0;
    for end in breaks {
        let mut line = Line::default();
        let (mut pen, mut seen) = (0.0, 0.0);
        for (style, glyph) in glyphs.by_ref().take(end - before) {
            pen += glyph.advance as f32 * style.size / 1000.0;
            if glyph.first != ' ' {
                seen = pen - style.tracking as f32 * style.size / 1000.0;
            }
            line.push(style, glyph);
        }
        line.width = seen;
        lines.push(line);
        before = end;
    }
    lines
}

/// After a hyphen or a slash inside a word, never before a digit (dates, numbers of texts) and never at an end.
fn breaks_after(glyphs: &[(Style, Glyph)], at: usize) -> bool {
    let letter = |index: usize| glyphs.get(index).map(|(_, glyph)| glyph.first);
    at >= 2
        && matches!(letter(at - 1), Some('-' | '/' | '–' | '@'))
        && letter(at - 2).is_some_and(char::is_alphabetic)
        && letter(at).is_some_and(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::super::face::Face;
    use super::*;

    const STYLE: Style = Style::new(Face::Sans, 10.0, 14.0);

    fn texts(text: &str, measure: f32) -> Vec<String> {
        let lines = break_lines(&mut Faces::default(), &[span(text, STYLE)], measure).unwrap();
        lines.iter().map(|line| line.runs.iter().flat_map(|(_, glyphs)| glyphs).map(Glyph::text).collect()).collect()
    }

    #[test]
    fn nothing_is_lost_when_text_is_broken_and_every_line_fits() {
        let text = "Les candidats convoqués se présentent munis d’une pièce d’identité, à l’heure dite.";
        for measure in [20.0, 60.0, 120.0, 500.0] {
            assert_eq!(texts(text, measure).concat(), text);
            for line in break_lines(&mut Faces::default(), &[span(text, STYLE)], measure).unwrap() {
                assert!(line.width <= measure, "{} > {measure}", line.width);
            }
        }
    }

    #[test]
    fn a_no_break_space_holds_and_a_compound_name_breaks_at_its_hyphen() {
        assert_eq!(texts("décision\u{A0}: oui", 45.0), ["décision\u{A0}: ", "oui"].map(String::from));
        assert_eq!(texts("Villeneuve-Saint-Georges", 75.0), ["Villeneuve-", "Saint-Georges"].map(String::from));
        assert_eq!(texts("2017-791", 25.0).len(), 2, "a number is cut only for want of room");
    }

    #[test]
    fn an_empty_text_has_no_line() {
        assert!(break_lines(&mut Faces::default(), &[span("", STYLE)], 100.0).unwrap().is_empty());
    }
}
