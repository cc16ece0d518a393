//! A supporting document as it arrives: what it really is, and whether the office can rely on it.
//! The content alone decides, never the name nor the type that a browser declares. Sizes, pages and pixels are read
//! **before** anything is inflated; a file that hides another, runs something or cannot be read whole is refused, each
//! with its own sentence, because the person in front of the screen has to know what to do next.

mod pdf;
mod picture;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::regulation::Valued;

words! {
    /// The three kinds that are kept.
    pub enum PieceKind {
        Pdf = "pdf",
        Jpeg = "jpeg",
        Png = "png",
    }
}

impl PieceKind {
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            PieceKind::Pdf => "application/pdf",
            PieceKind::Jpeg => "image/jpeg",
            PieceKind::Png => "image/png",
        }
    }

    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            PieceKind::Pdf => "pdf",
            PieceKind::Jpeg => "jpg",
            PieceKind::Png => "png",
        }
    }

    /// How screens call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            PieceKind::Pdf => "PDF",
            PieceKind::Jpeg => "photo JPEG",
            PieceKind::Png => "image PNG",
        }
    }
}

/// The bounds of a piece, from the pack: `[pieces_limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PieceLimits {
    /// Bytes of one file.
    pub file_bytes: Valued<u64>,
    /// Files that answer for one piece (the two sides of a card, the pages of a contract).
    pub files_per_piece: Valued<u32>,
    pub pdf_pages: Valued<u32>,
    pub pdf_objects: Valued<u32>,
    /// Bytes that a whole PDF may inflate to.
    pub pdf_inflated_bytes: Valued<u64>,
    /// Pixels of one picture, alone or within a PDF.
    pub image_pixels: Valued<u64>,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    pub kind: PieceKind,
    /// Bytes that belong to the document, from the first. Telephones add a film or a preview behind a photograph:
    /// it is not the piece, and it is not kept.
    pub length: usize,
    /// Pages of a PDF; 1 for a picture.
    pub pages: u32,
}

impl Inspected {
    /// The bytes to keep.
    #[must_use]
    pub fn kept<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..self.length).unwrap_or(bytes)
    }
}

/// Says what a file is, or why it cannot be a piece.
///
/// # Errors
/// A refusal whose code is stable and whose sentence says what to do.
pub fn inspect(bytes: &[u8], limits: &PieceLimits) -> Result<Inspected, Refusal> {
    let most = limits.file_bytes.value;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length == 0 {
        return Err(refuse(
            "piece_empty",
            "Ce fichier est vide\u{a0}: choisissez-en un autre, ou numérisez de nouveau la pièce.",
        ));
    }
    if length > most {
        return Err(refuse(
            "piece_too_heavy",
            format!(
                "Ce fichier pèse {}, et {} au plus sont acceptés\u{a0}: numérisez en 150 points par pouce, en niveaux de gris, ou envoyez les pages une par une.",
                megabytes(length),
                megabytes(most)
            ),
        ));
    }
    if bytes.starts_with(b"%PDF-") {
        no_page_inside(bytes)?;
        return pdf::inspect(bytes, limits);
    }
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        no_page_inside(bytes)?;
        return picture::inspect_jpeg(bytes, limits);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        no_page_inside(bytes)?;
        return picture::inspect_png(bytes, limits);
    }
    Err(not_accepted(bytes))
}

/// What the file seems to be, and how to get a PDF or a photograph from it.
fn not_accepted(bytes: &[u8]) -> Refusal {
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    let start = bytes.get(..bytes.len().min(1024)).unwrap_or(bytes);
    if at(4, b"ftyp") {
        let brand = bytes.get(8..12).unwrap_or_default();
        if [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"].iter().any(|known| brand == *known) {
            return refuse(
                "piece_heic",
                "Cette photo est au format HEIC, que tous les ordinateurs ne lisent pas. Sur un iPhone\u{a0}: Réglages, Appareil photo, Formats, «\u{a0}Le plus compatible\u{a0}», puis reprenez la photo\u{a0}; ou ouvrez-la dans Photos, Partager, «\u{a0}Enregistrer dans Fichiers\u{a0}» en JPEG. Sur Android\u{a0}: dans l’appareil photo, désactivez le format «\u{a0}haute efficacité\u{a0}».",
            );
        }
        if brand == b"avif" {
            return unknown_picture("AVIF");
        }
        return refuse("piece_video", "Ce fichier est une vidéo\u{a0}: envoyez une photo JPEG ou un PDF de la pièce.");
    }
    for (offset, mark, name) in [
        (0, b"GIF8".as_slice(), "GIF"),
        (0, b"II*\0".as_slice(), "TIFF"),
        (0, b"MM\0*".as_slice(), "TIFF"),
        (8, b"WEBP".as_slice(), "WebP"),
        (0, b"BM".as_slice(), "BMP"),
        (0, b"\0\0\0\x0cJXL".as_slice(), "JPEG XL"),
    ] {
        if at(offset, mark) {
            return unknown_picture(name);
        }
    }
    if at(0, b"PK\x03\x04") || at(0, b"\xd0\xcf\x11\xe0") {
        return refuse(
            "piece_office",
            "Ce fichier est un document Word, LibreOffice, un tableur ou une archive\u{a0}: ouvrez-le et exportez-le en PDF (Fichier, Exporter ou Enregistrer sous, PDF), puis envoyez le PDF.",
        );
    }
    if at(0, b"MZ") || at(0, b"\x7fELF") || at(0, b"#!") {
        return refuse(
            "piece_program",
            "Ce fichier est un programme, pas un document\u{a0}: envoyez un PDF ou une photo JPEG ou PNG de la pièce.",
        );
    }
    if contains(start, b"%PDF-") {
        return refuse(
            "piece_pdf_shifted",
            "Ce PDF est précédé d’autres données, qui peuvent cacher un second document\u{a0}: ouvrez-le, imprimez-le «\u{a0}vers un PDF\u{a0}», et envoyez le fichier obtenu.",
        );
    }
    if looks_like_a_page(start) {
        return refuse(
            "piece_web_page",
            "Ce fichier est une page web\u{a0}: imprimez-la «\u{a0}vers un PDF\u{a0}» et envoyez le PDF.",
        );
    }
    refuse(
        "piece_unknown",
        "Le contenu de ce fichier n’est ni un PDF, ni une photo JPEG, ni une image PNG, quel que soit son nom\u{a0}: convertissez-le en PDF, ou prenez la pièce en photo.",
    )
}

fn unknown_picture(name: &str) -> Refusal {
    refuse(
        "piece_picture_format",
        format!(
            "Cette image est au format {name}, qui n’est pas accepté\u{a0}: enregistrez-la en JPEG ou en PNG, ou imprimez-la «\u{a0}vers un PDF\u{a0}»."
        ),
    )
}

/// A document that a browser could also take for a page. Ours are served as files to save, but copies travel.
fn no_page_inside(bytes: &[u8]) -> Result<(), Refusal> {
    let start = bytes.get(..bytes.len().min(1024)).unwrap_or(bytes);
    if looks_like_a_page(start) {
        return Err(refuse(
            "piece_two_faces",
            "Ce fichier contient, en plus du document, du code de page web\u{a0}: imprimez la pièce «\u{a0}vers un PDF\u{a0}» ou reprenez-la en photo, et envoyez ce nouveau fichier.",
        ));
    }
    Ok(())
}

fn looks_like_a_page(start: &[u8]) -> bool {
    let folded = start.to_ascii_lowercase();
    [b"<html".as_slice(), b"<script", b"<!doctype", b"<svg", b"<?php", b"<iframe"]
        .iter()
        .any(|mark| contains(&folded, mark))
}

/// An archive hidden in the last part of a file: its table of contents is what unpacking programs look for.
fn archive_inside(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(66_000)..).unwrap_or(bytes);
    contains(tail, b"PK\x05\x06") && contains(bytes, b"PK\x01\x02")
}

fn archive_refusal() -> Refusal {
    refuse(
        "piece_archive_inside",
        "Ce fichier cache une archive derrière le document\u{a0}: imprimez la pièce «\u{a0}vers un PDF\u{a0}» ou reprenez-la en photo, et envoyez ce nouveau fichier.",
    )
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    find(bytes, mark).is_some()
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

fn refuse(code: &'static str, sentence: impl Into<String>) -> Refusal {
    Refusal::new(code, sentence)
}

/// The name to show and to give back: no folder, no control nor direction mark, and the ending of what the file is.
#[must_use]
pub fn shown_name(given: &str, kind: PieceKind) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '"')
    };
    let cleaned: String = last.chars().filter(is_plain).collect();
    let stem = cleaned.rsplit_once('.').map_or(cleaned.as_str(), |(stem, _)| stem).trim().trim_matches('.');
    let stem: String = stem.chars().take(80).collect();
    let stem = if stem.is_empty() { "piece" } else { &stem };
    format!("{stem}.{}", kind.extension())
}

/// « 12,4 Mo », as a person reads it beside a file.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        return format!("{}\u{a0}ko", bytes.div_ceil(1000));
    }
    let tenths = bytes / 100_000;
    match tenths % 10 {
        0 => format!("{}\u{a0}Mo", tenths / 10),
        rest => format!("{},{rest}\u{a0}Mo", tenths / 10),
    }
}

#[cfg(test)]
mod tests;
