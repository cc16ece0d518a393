//! The typefaces: shipped cut (see fonts/cut.sh), parsed once, and shaped with rustybuzz.
//! A document uses the narrow cut of a face, or its wide one when a name in it asks for more letters.
//! A letter that neither has is drawn as an empty box, never as a missing glyph, and is reported.

use super::PdfError;
use rustybuzz::{Direction, ShapePlan, UnicodeBuffer, script};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Face {
    Serif,
    SerifItalic,
    Sans,
    SansBold,
}

pub(super) const FACES: [Face; 4] = [Face::Serif, Face::SerifItalic, Face::Sans, Face::SansBold];

/// U+FFFD: the cut fonts draw it as an empty box.
const BOX: char = '\u{FFFD}';

pub(super) struct Typeface {
    /// The name written in the PDF, without its subset tag.
    pub name: &'static str,
    pub shaper: rustybuzz::Face<'static>,
    pub program: super::program::Program,
    plan: ShapePlan,
    covered: Vec<u64>,
}

impl Typeface {
    fn load(name: &'static str, bytes: &'static [u8]) -> Option<Typeface> {
        let shaper = rustybuzz::Face::from_slice(bytes, 0)?;
        let plan = ShapePlan::new(&shaper, Direction::LeftToRight, Some(script::LATIN), None, &[]);
        let mut covered = vec![0u64; 0x1_0000 / 64];
        for table in shaper.tables().cmap.iter().flat_map(|cmap| cmap.subtables).filter(|table| table.is_unicode()) {
            table.codepoints(|code| {
                if let Some(word) = covered.get_mut(code as usize / 64) {
                    *word |= 1 << (code % 64);
                }
            });
        }
        let program = super::program::Program::from_sfnt(bytes)?;
        Some(Typeface { name, shaper, program, plan, covered })
    }

    fn has(&self, letter: char) -> bool {
        let code = letter as usize;
        self.covered.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
    }

    /// Every cut has 1,000 units per em, so font units are the thousandths that PDF counts in.
    pub fn natural_width(&self, glyph: u16) -> i32 {
        self.shaper.glyph_hor_advance(rustybuzz::ttf_parser::GlyphId(glyph)).map_or(0, i32::from)
    }
}

macro_rules! faces {
    ($($face:ident $wide:literal $name:literal $file:literal,)*) => {
        pub(super) fn typeface(face: Face, wide: bool) -> Result<&'static Typeface, PdfError> {
            match (face, wide) {
                $((Face::$face, $wide) => {
                    static LOADED: LazyLock<Option<Typeface>> =
                        LazyLock::new(|| Typeface::load($name, include_bytes!(concat!("../../fonts/", $file))));
                    LOADED.as_ref().ok_or(PdfError::Typeface($file))
                })*
            }
        }
    };
}

faces! {
    Serif false "EBGaramond-Regular" "serif-narrow.ttf",
    Serif true "EBGaramond-Regular" "serif-wide.ttf",
    SerifItalic false "EBGaramond-Italic" "serif-italic-narrow.ttf",
    SerifItalic true "EBGaramond-Italic" "serif-italic-wide.ttf",
    Sans false "LibreFranklin-Regular" "sans-narrow.ttf",
    Sans true "LibreFranklin-Regular" "sans-wide.ttf",
    SansBold false "LibreFranklin-SemiBold" "sans-bold-narrow.ttf",
    SansBold true "LibreFranklin-SemiBold" "sans-bold-wide.ttf",
}

/// A glyph, how far it moves the pen (in thousandths of an em), and the text it stands for.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub id: u16,
    pub advance: i32,
    pub first: char,
    /// What follows `first` when one glyph draws several letters (a ligature).
    pub rest: Option<Box<str>>,
}

impl Glyph {
    pub fn text(&self) -> String {
        let mut text = String::from(self.first);
        text.push_str(self.rest.as_deref().unwrap_or_default());
        text
    }
}

/// The typefaces of one document: which cut each face uses, and what was found missing.
#[derive(Default)]
pub(super) struct Faces {
    wide: [bool; FACES.len()],
    wanted: [bool; FACES.len()],
    missing: BTreeSet<char>,
    spare: Option<UnicodeBuffer>,
    /// What was shaped already: measured then drawn, or said on every row of a table.
    known: [HashMap<String, Vec<Glyph>>; FACES.len()],
}

impl Faces {
    pub fn get(&self, face: Face) -> Result<&'static Typeface, PdfError> {
        typeface(face, self.wide[face as usize])
    }

    /// After a first layout: the same faces with the wide cuts it asked for, or `None` when it asked for none.
    pub fn widened(&self) -> Option<Faces> {
        let news = (0..FACES.len()).any(|face| self.wanted[face] && !self.wide[face]);
        news.then(|| Faces {
            wide: std::array::from_fn(|face| self.wide[face] || self.wanted[face]),
            ..Faces::default()
        })
    }

    pub fn missing(&self) -> &BTreeSet<char> {
        &self.missing
    }

    pub fn shape(&mut self, face: Face, text: &str) -> Result<Vec<Glyph>, PdfError> {
        if let Some(glyphs) = self.known[face as usize].get(text) {
            return Ok(glyphs.clone());
        }
        let glyphs = self.shape_anew(face, text)?;
        self.known[face as usize].insert(text.to_owned(), glyphs.clone());
        Ok(glyphs)
    }

    fn shape_anew(&mut self, face: Face, text: &str) -> Result<Vec<Glyph>, PdfError> {
        let typeface = self.get(face)?;
        let plain = self.printable(face, typeface, text)?;
        let mut buffer = self.spare.take().unwrap_or_default();
        buffer.push_str(&plain);
        buffer.set_direction(Direction::LeftToRight);
        buffer.set_script(script::LATIN);
        let shaped = rustybuzz::shape_with_plan(&typeface.shaper, &typeface.plan, buffer);
        let (infos, positions) = (shaped.glyph_infos(), shaped.glyph_positions());
        let mut glyphs = Vec::with_capacity(infos.len());
        for (index, (info, position)) in infos.iter().zip(positions).enumerate() {
            let start = info.cluster as usize;
            let end = infos[index..]
                .iter()
                .map(|next| next.cluster as usize)
                .find(|cluster| *cluster > start)
                .unwrap_or(plain.len());
            let shared = infos[..index].iter().rev().take_while(|before| before.cluster == info.cluster).count();
            let last = infos.get(index + 1).is_none_or(|next| next.cluster != info.cluster);
            // A cluster of several glyphs (a letter and a loose accent) shares its letters out in order.
            let mut letters = plain.get(start..end).unwrap_or_default().chars().skip(shared);
            let first = letters.next().unwrap_or('\u{200B}');
            let rest: String = if last { letters.collect() } else { String::new() };
            glyphs.push(Glyph {
                id: info.glyph_id as u16,
                advance: position.x_advance,
                first,
                rest: (!rest.is_empty()).then(|| rest.into_boxed_str()),
            });
        }
        self.spare = Some(shaped.clear());
        Ok(glyphs)
    }

    /// The text as it can be drawn: composed, without control characters, its missing letters boxed.
    fn printable(&mut self, face: Face, typeface: &Typeface, text: &str) -> Result<String, PdfError> {
        let mut plain = String::with_capacity(text.len());
        for letter in clean(text) {
            if typeface.has(letter) {
                plain.push(letter);
            } else if self::typeface(face, true)?.has(letter) {
                self.wanted[face as usize] = true;
                plain.push(BOX);
            } else {
                self.missing.insert(letter);
                plain.push(BOX);
            }
        }
        Ok(plain)
    }
}

/// Composed letters, white space as plain spaces; invisible marks that could reorder or hide text are dropped.
fn clean(text: &str) -> impl Iterator<Item = char> {
    text.nfc().filter_map(|letter| match letter {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' => None,
        letter if letter.is_control() => None,
        letter => Some(letter),
    })
}

/// The letters of `text` that no typeface of the program has: a form can warn before a document shows boxes.
pub fn unprintable(text: &str) -> Vec<char> {
    let faces: Vec<_> = FACES.iter().filter_map(|face| typeface(*face, true).ok()).collect();
    let lost: BTreeSet<char> = clean(text).filter(|letter| !faces.iter().all(|face| face.has(*letter))).collect();
    lost.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_face_loads_counts_in_thousandths_and_has_the_french_letters() {
        for face in FACES {
            for wide in [false, true] {
                let typeface = typeface(face, wide).unwrap();
                assert_eq!(typeface.shaper.units_per_em(), 1000);
                for letter in "ÀÂÇÉÈÊËÎÏÔŒÙÛÜŸàâçéèêëîïôœùûüÿ«»’…–—°€\u{A0}\u{202F}\u{FFFD}".chars()
                {
                    assert!(typeface.has(letter), "{face:?} {wide} lacks {letter:?}");
                }
            }
        }
    }

    #[test]
    fn spaces_that_look_alike_keep_glyphs_of_their_own() {
        for face in FACES {
            let glyphs = Faces::default().shape(face, "a b\u{A0}c\u{202F}d-e\u{2011}f").unwrap();
            let ids: BTreeSet<u16> = [1, 3, 5, 7, 9].iter().map(|at| glyphs[*at].id).collect();
            assert_eq!(ids.len(), 5, "{face:?}");
        }
    }

    #[test]
    fn a_name_beyond_french_asks_for_the_wide_cut_and_a_name_beyond_latin_gets_a_box() {
        let mut faces = Faces::default();
        faces.shape(Face::Serif, "DUPONT").unwrap();
        assert!(faces.widened().is_none());
        faces.shape(Face::Serif, "Nguyễn ČELIK").unwrap();
        let mut wide = faces.widened().unwrap();
        let glyphs = wide.shape(Face::Serif, "Nguyễn Č Ж").unwrap();
        assert!(glyphs.iter().all(|glyph| glyph.id != 0));
        assert_eq!(wide.missing().iter().collect::<String>(), "Ж");
        assert!(wide.widened().is_none());
        assert_eq!(unprintable("Anh Nguyễn Ж 中 e\u{301}"), vec!['Ж', '中']);
    }

    #[test]
    fn decomposed_letters_are_composed_and_hidden_marks_are_dropped() {
        let text: String = clean("Cle\u{301}mence\u{202E}\u{200B}\u{7}\nO").collect();
        assert_eq!(text, "Clémence O");
    }
}
