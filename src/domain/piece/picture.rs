//! Photographs and scans: JPEG and PNG walked mark by mark, without decoding a pixel.
//! The size is in the header, the end is where the format says: what stands behind it is another file.

use std::io::Read;

use flate2::Crc;
use flate2::read::ZlibDecoder;

use super::{Inspected, PieceKind, PieceLimits, archive_inside, archive_refusal, contains, refuse};
use crate::domain::refusal::Refusal;

fn broken() -> Refusal {
    refuse(
        "piece_picture_broken",
        "Cette image est abîmée\u{a0}: ouvrez-la pour vérifier qu’elle s’affiche en entier, enregistrez-la de nouveau, ou reprenez la photo.",
    )
}

fn cut() -> Refusal {
    refuse(
        "piece_picture_cut",
        "Cette image est incomplète, sans doute parce que l’envoi ou la copie s’est interrompu\u{a0}: envoyez-la de nouveau depuis l’appareil d’origine.",
    )
}

fn trailing() -> Refusal {
    refuse(
        "piece_picture_trailing",
        "D’autres données sont ajoutées derrière cette image\u{a0}: reprenez la photo, ou enregistrez-la de nouveau depuis un logiciel d’images.",
    )
}

fn bounded(width: u64, height: u64, limits: &PieceLimits) -> Result<(), Refusal> {
    if width == 0 || height == 0 {
        return Err(broken());
    }
    let pixels = width.saturating_mul(height);
    if pixels > limits.image_pixels.value {
        return Err(refuse(
            "piece_picture_too_large",
            format!(
                "Cette image mesure {width}\u{a0}×\u{a0}{height} pixels, et {} millions de pixels au plus sont acceptés\u{a0}: réduisez sa définition, ou reprenez-la avec les réglages ordinaires de l’appareil photo.",
                limits.image_pixels.value / 1_000_000
            ),
        ));
    }
    Ok(())
}

fn two(bytes: &[u8], at: usize) -> Option<u64> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u64::from(pair[0]) << 8 | u64::from(pair[1]))
}

fn four(bytes: &[u8], at: usize) -> Option<u64> {
    Some(two(bytes, at)? << 16 | two(bytes, at + 2)?)
}

pub(super) fn inspect_jpeg(bytes: &[u8], limits: &PieceLimits) -> Result<Inspected, Refusal> {
    let mut at = 2;
    let mut is_measured = false;
    let mut has_scan = false;
    loop {
        if *bytes.get(at).ok_or_else(cut)? != 0xff {
            return Err(broken());
        }
        // Marks may be preceded by any number of 0xff.
        while bytes.get(at) == Some(&0xff) {
            at += 1;
        }
        let mark = *bytes.get(at).ok_or_else(cut)?;
        at += 1;
        match mark {
            0xd9 => break,
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | 0xd8 => return Err(broken()),
            _ => {}
        }
        let length = usize::try_from(two(bytes, at).ok_or_else(cut)?).unwrap_or(usize::MAX);
        if length < 2 {
            return Err(broken());
        }
        // Start of frame: every coding but the tables that share its numbers (c4, c8, cc).
        if matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xc8 | 0xcc) {
            let height = two(bytes, at + 3).ok_or_else(cut)?;
            let width = two(bytes, at + 5).ok_or_else(cut)?;
            bounded(width, height, limits)?;
            is_measured = true;
        }
        at = at.checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        if mark == 0xda {
            if !is_measured {
                return Err(broken());
            }
            has_scan = true;
            at = end_of_scan(bytes, at).ok_or_else(cut)?;
        }
    }
    if !has_scan {
        return Err(broken());
    }
    let behind = bytes.get(at..).unwrap_or_default();
    if archive_inside(behind) {
        return Err(archive_refusal());
    }
    if !is_of_a_telephone(behind) {
        return Err(trailing());
    }
    Ok(Inspected { kind: PieceKind::Jpeg, length: at, pages: 1 })
}

/// Where the coded pixels end: at the first mark that is neither a stuffed byte nor a restart.
fn end_of_scan(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let step = bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        at += step;
        match bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

/// What cameras and telephones are known to add: zeros, a second JPEG (preview, gain map), a short film, Samsung's trailer.
fn is_of_a_telephone(behind: &[u8]) -> bool {
    behind.iter().all(|byte| *byte == 0)
        || behind.starts_with(&[0xff, 0xd8, 0xff])
        || behind.get(4..8) == Some(b"ftyp".as_slice())
        || (behind.ends_with(b"SEFT") && contains(behind, b"SEFH"))
}

pub(super) fn inspect_png(bytes: &[u8], limits: &PieceLimits) -> Result<Inspected, Refusal> {
    let mut at = 8;
    let mut header: Option<Header> = None;
    let mut data: Vec<&[u8]> = Vec::new();
    loop {
        let length = usize::try_from(four(bytes, at).ok_or_else(cut)?).unwrap_or(usize::MAX);
        let start = at + 8;
        let end = start.checked_add(length).ok_or_else(broken)?;
        let name = bytes.get(at + 4..start).ok_or_else(cut)?;
        let body = bytes.get(start..end).ok_or_else(cut)?;
        let sum = four(bytes, end).ok_or_else(cut)?;
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(body);
        if u64::from(crc.sum()) != sum {
            return Err(broken());
        }
        at = end + 4;
        match (name, &header) {
            (b"IHDR", None) => {
                let read = Header::read(body).ok_or_else(broken)?;
                bounded(read.width, read.height, limits)?;
                header = Some(read);
            }
            (b"IHDR", Some(_)) | (_, None) => return Err(broken()),
            (b"IDAT", Some(_)) => data.push(body),
            (b"IEND", Some(_)) => break,
            _ => {}
        }
    }
    let header = header.ok_or_else(broken)?;
    let behind = bytes.get(at..).unwrap_or_default();
    if archive_inside(behind) {
        return Err(archive_refusal());
    }
    if behind.iter().any(|byte| *byte != 0) {
        return Err(trailing());
    }
    header.holds(&data)?;
    Ok(Inspected { kind: PieceKind::Png, length: at, pages: 1 })
}

struct Header {
    width: u64,
    height: u64,
    bits: u64,
    is_interlaced: bool,
}

impl Header {
    fn read(body: &[u8]) -> Option<Self> {
        let depth = u64::from(*body.get(8)?);
        let channels = match *body.get(9)? {
            0 | 3 => 1,
            2 => 3,
            4 => 2,
            6 => 4,
            _ => return None,
        };
        let is_known = matches!(depth, 1 | 2 | 4 | 8 | 16) && body.len() == 13;
        let is_interlaced = *body.get(12)? == 1;
        is_known.then_some(Header {
            width: four(body, 0)?,
            height: four(body, 4)?,
            bits: depth * channels,
            is_interlaced,
        })
    }

    /// The pixels inflate to what the header announces, no more (a bomb), no less (a file cut and closed again).
    fn holds(&self, data: &[&[u8]]) -> Result<(), Refusal> {
        let rows = self.height * (1 + (self.width * self.bits).div_ceil(8));
        // Seven passes, each with its own row starts, never add more than this.
        let most = if self.is_interlaced { rows + self.height * 8 + 64 } else { rows };
        let joined = data.concat();
        let mut inflated = 0u64;
        let mut decoder = ZlibDecoder::new(joined.as_slice());
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match decoder.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => inflated += u64::try_from(count).unwrap_or(u64::MAX),
                Err(_) => return Err(broken()),
            }
            if inflated > most {
                return Err(refuse(
                    "piece_picture_bomb",
                    "Cette image contient bien plus de données que sa taille ne l’annonce\u{a0}: enregistrez-la de nouveau depuis un logiciel d’images, ou reprenez la photo.",
                ));
            }
        }
        if inflated < rows && !self.is_interlaced { Err(cut()) } else { Ok(()) }
    }
}
