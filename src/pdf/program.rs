//! Font programs as they are embedded: only the tables that draw glyphs, only the glyphs a document uses.
//! Glyph numbers never change, so what was shaped with the shipped font reads the embedded one.

use std::collections::BTreeSet;

/// The tables a PDF reader draws a CID TrueType font with; what shapes text stays out of the file.
const KEPT: [&[u8; 4]; 6] = [b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp"];

pub(super) struct Program {
    tables: [&'static [u8]; KEPT.len()],
    long_offsets: bool,
}

impl Program {
    pub fn from_sfnt(bytes: &'static [u8]) -> Option<Program> {
        let count = u16_at(bytes, 4)?;
        let mut tables: [&'static [u8]; KEPT.len()] = [&[]; KEPT.len()];
        for record in 0..usize::from(count) {
            let at = 12 + 16 * record;
            let tag = bytes.get(at..at + 4)?;
            if let Some(index) = KEPT.iter().position(|kept| kept.as_slice() == tag) {
                let (start, length) = (u32_at(bytes, at + 8)? as usize, u32_at(bytes, at + 12)? as usize);
                tables[index] = bytes.get(start..start + length)?;
            }
        }
        let long_offsets = u16_at(tables[1], 50)? != 0;
        tables.iter().all(|table| !table.is_empty()).then_some(Program { tables, long_offsets })
    }

    fn offset(&self, glyph: usize) -> Option<usize> {
        let loca = self.tables[4];
        if self.long_offsets {
            u32_at(loca, glyph * 4).map(|at| at as usize)
        } else {
            u16_at(loca, glyph * 2).map(|at| usize::from(at) * 2)
        }
    }

    fn outline(&self, glyph: u16) -> &'static [u8] {
        let range = self.offset(usize::from(glyph)).zip(self.offset(usize::from(glyph) + 1));
        range.and_then(|(start, end)| self.tables[0].get(start..end)).unwrap_or_default()
    }

    /// The glyphs that `glyph` is composed of.
    fn parts(&self, glyph: u16) -> Vec<u16> {
        let outline = self.outline(glyph);
        let mut parts = Vec::new();
        if u16_at(outline, 0).is_none_or(|contours| (contours as i16) >= 0) {
            return parts;
        }
        let mut at = 10;
        while let (Some(flags), Some(part)) = (u16_at(outline, at), u16_at(outline, at + 2)) {
            parts.push(part);
            at += 4 + if flags & 0x1 != 0 { 4 } else { 2 };
            at += match flags & (0x8 | 0x40 | 0x80) {
                0x8 => 2,
                0x40 => 4,
                0x80 => 8,
                _ => 0,
            };
            if flags & 0x20 == 0 {
                break;
            }
        }
        parts
    }

    /// The program with the outlines of `used` alone, and of what they are composed of.
    pub fn only(&self, used: impl IntoIterator<Item = u16>) -> Vec<u8> {
        let mut kept: BTreeSet<u16> = BTreeSet::from([0]);
        let mut waiting: Vec<u16> = used.into_iter().collect();
        while let Some(glyph) = waiting.pop() {
            if kept.insert(glyph) {
                waiting.extend(self.parts(glyph));
            }
        }
        let count = u16_at(self.tables[5], 4).unwrap_or_default();
        let (mut glyf, mut loca) = (Vec::new(), Vec::with_capacity(usize::from(count) * 4 + 4));
        for glyph in 0..count {
            loca.extend((glyf.len() as u32).to_be_bytes());
            if kept.contains(&glyph) {
                glyf.extend_from_slice(self.outline(glyph));
                glyf.resize(glyf.len().next_multiple_of(4), 0);
            }
        }
        loca.extend((glyf.len() as u32).to_be_bytes());
        let mut head = self.tables[1].to_vec();
        head[51] = 1; // indexToLocFormat: long offsets
        let mut hmtx = self.tables[3].to_vec();
        let metrics = usize::from(u16_at(self.tables[2], 34).unwrap_or_default()).min(hmtx.len() / 4);
        for glyph in (0..metrics.saturating_sub(1)).filter(|glyph| !kept.contains(&(*glyph as u16))) {
            hmtx[glyph * 4..glyph * 4 + 4].fill(0);
        }
        sfnt(&[&glyf, &head, self.tables[2], &hmtx, &loca, self.tables[5]])
    }
}

fn sfnt(tables: &[&[u8]; KEPT.len()]) -> Vec<u8> {
    let mut out = Vec::with_capacity(tables.iter().map(|table| table.len() + 20).sum::<usize>() + 12);
    out.extend([0, 1, 0, 0, 0, KEPT.len() as u8, 0, 64, 0, 2, 0, 32]);
    let mut at = 12 + 16 * tables.len();
    for (tag, table) in KEPT.iter().zip(tables) {
        out.extend_from_slice(tag.as_slice());
        out.extend(checksum(table).to_be_bytes());
        out.extend((at as u32).to_be_bytes());
        out.extend((table.len() as u32).to_be_bytes());
        at += table.len().next_multiple_of(4);
    }
    for table in tables {
        out.extend_from_slice(table);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

fn checksum(table: &[u8]) -> u32 {
    table.chunks(4).fold(0, |sum, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::wrapping_add(sum, u32::from_be_bytes(word))
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

#[cfg(test)]
mod tests {
    use super::super::face::{Face, Faces, typeface};
    use rustybuzz::ttf_parser::Face as Parsed;

    #[test]
    fn the_embedded_program_keeps_the_outlines_and_widths_of_the_letters_used_and_only_those() {
        let mut faces = Faces::default();
        faces.shape(Face::Serif, "É").unwrap();
        for wide in [false, true] {
            let face = typeface(Face::Serif, wide).unwrap();
            let glyph = |letter| face.shaper.glyph_index(letter).unwrap();
            let bytes = face.program.only([glyph('É').0, glyph('q').0]);
            let cut = Parsed::parse(&bytes, 0).unwrap();
            for letter in ['É', 'q'] {
                assert_eq!(cut.glyph_bounding_box(glyph(letter)), face.shaper.glyph_bounding_box(glyph(letter)));
                assert_eq!(cut.glyph_hor_advance(glyph(letter)), face.shaper.glyph_hor_advance(glyph(letter)));
            }
            assert_eq!(cut.glyph_bounding_box(glyph('W')), None);
            assert!(bytes.len() < 10_000);
        }
    }
}
