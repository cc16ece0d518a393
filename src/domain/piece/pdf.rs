//! PDF files: counted before they are read, read within bounds, then looked through for what runs, hides or explodes.
//! The names that matter are decoded first, for `/J#61vaScript` is `/JavaScript` to every reader.

use std::io::Read;

use flate2::read::ZlibDecoder;
use lopdf::{Dictionary, Document, LoadOptions, Object};

use super::{Inspected, PieceKind, PieceLimits, archive_inside, archive_refusal, refuse};
use crate::domain::refusal::Refusal;

/// What every refusal of a suspicious PDF advises: a printed copy holds pages and nothing else.
const PRINT_AGAIN: &str = "ouvrez-le, choisissez Imprimer, puis l’imprimante «\u{a0}PDF\u{a0}» ou «\u{a0}Enregistrer au format PDF\u{a0}», et envoyez le fichier obtenu";

/// Brackets within brackets: the reader stops there too, and so does this walk.
const DEEPEST: usize = 256;

fn broken() -> Refusal {
    refuse("piece_pdf_broken", format!("Ce PDF est abîmé et ne peut pas être lu en entier\u{a0}: {PRINT_AGAIN}."))
}

fn cut() -> Refusal {
    refuse(
        "piece_pdf_cut",
        "Ce PDF est incomplet, sans doute parce que l’envoi ou la copie s’est interrompu\u{a0}: vérifiez qu’il s’ouvre sur votre appareil, puis envoyez-le de nouveau.",
    )
}

fn bomb() -> Refusal {
    refuse(
        "piece_pdf_bomb",
        format!(
            "Ce PDF contient, une fois décompressé, beaucoup plus de données qu’un document ordinaire\u{a0}: {PRINT_AGAIN}."
        ),
    )
}

pub(super) fn inspect(bytes: &[u8], limits: &PieceLimits) -> Result<Inspected, Refusal> {
    let end = last(bytes, b"%%EOF").ok_or_else(cut)?;
    let behind = bytes.get(end + 5..).unwrap_or_default();
    if archive_inside(bytes) {
        return Err(archive_refusal());
    }
    // Some printers end with a page of zeros or blanks; nothing else may follow.
    if behind.iter().any(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)) {
        return Err(refuse(
            "piece_pdf_trailing",
            format!("D’autres données sont ajoutées derrière ce PDF\u{a0}: {PRINT_AGAIN}."),
        ));
    }
    let counts = Counts::of(bytes);
    let most = usize::try_from(limits.pdf_objects.value).unwrap_or(usize::MAX);
    if counts.objects > most || counts.object_streams > most / 20 {
        return Err(too_many_objects());
    }
    let document = load(bytes, &counts, limits)?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err(encrypted());
    }
    if document.objects.len() > most {
        return Err(too_many_objects());
    }
    for object in document.objects.values() {
        nothing_runs(object, 0)?;
    }
    let pages = document.get_pages().len();
    if pages == 0 {
        return Err(broken());
    }
    let most_pages = limits.pdf_pages.value;
    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
    if pages > most_pages {
        return Err(refuse(
            "piece_pdf_pages",
            format!(
                "Ce PDF compte {pages}\u{a0}pages, et {most_pages} au plus sont acceptées\u{a0}: n’envoyez que les pages de la pièce demandée."
            ),
        ));
    }
    within_bounds(&document, limits)?;
    Ok(Inspected { kind: PieceKind::Pdf, length: bytes.len(), pages })
}

fn too_many_objects() -> Refusal {
    refuse("piece_pdf_objects", format!("Ce PDF est beaucoup trop complexe pour une pièce\u{a0}: {PRINT_AGAIN}."))
}

fn encrypted() -> Refusal {
    refuse(
        "piece_pdf_encrypted",
        format!("Ce PDF est protégé par un mot de passe, et le service ne pourrait pas le lire\u{a0}: {PRINT_AGAIN}."),
    )
}

/// What is counted on the bytes, before any reader touches them.
#[derive(Default)]
struct Counts {
    objects: usize,
    object_streams: usize,
}

impl Counts {
    fn of(bytes: &[u8]) -> Self {
        let mut counts = Counts::default();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'o' if bytes[at..].starts_with(b"obj") && !bytes[..at].ends_with(b"end") => counts.objects += 1,
                b'/' if name_at(&bytes[at + 1..]) == b"ObjStm" => counts.object_streams += 1,
                _ => {}
            }
            at += 1;
        }
        counts
    }
}

/// A name of at most 12 letters, its `#xx` undone.
fn name_at(bytes: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        if name.len() > 12 {
            break;
        }
        let digits = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, digits.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'#', Some(decoded)) => {
                name.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            (byte, _) if byte.is_ascii_alphanumeric() => {
                name.push(byte);
                rest = after;
            }
            _ => break,
        }
    }
    name
}

fn load(bytes: &[u8], counts: &Counts, limits: &PieceLimits) -> Result<Document, Refusal> {
    // The whole budget, shared between the streams that a reader opens by itself; a document's are never this large.
    let budget = usize::try_from(limits.pdf_inflated_bytes.value).unwrap_or(usize::MAX);
    let each = (budget / 4 / counts.object_streams.max(1)).max(256 * 1024);
    let options = LoadOptions::with_max_decompressed_size(each);
    match Document::load_mem_with_options(bytes, options) {
        Ok(document) => Ok(document),
        Err(lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword) => Err(encrypted()),
        Err(lopdf::Error::Decompress(_)) => Err(bomb()),
        Err(_) if last(bytes, b"/Encrypt").is_some() => Err(encrypted()),
        Err(_) => Err(broken()),
    }
}

/// Programs, attached files and outward calls: a piece is pages, and nothing else.
fn nothing_runs(object: &Object, depth: usize) -> Result<(), Refusal> {
    if depth > DEEPEST {
        return Err(broken());
    }
    match object {
        Object::Array(items) => items.iter().try_for_each(|item| nothing_runs(item, depth + 1)),
        Object::Dictionary(dictionary) => nothing_runs_in(dictionary, depth),
        Object::Stream(stream) => nothing_runs_in(&stream.dict, depth),
        _ => Ok(()),
    }
}

fn nothing_runs_in(dictionary: &Dictionary, depth: usize) -> Result<(), Refusal> {
    for (key, value) in dictionary {
        match key.as_slice() {
            b"JS" | b"JavaScript" => {
                return Err(refuse(
                    "piece_pdf_script",
                    format!("Ce PDF contient un programme (JavaScript)\u{a0}: {PRINT_AGAIN}."),
                ));
            }
            b"EmbeddedFiles" | b"EF" => {
                return Err(refuse(
                    "piece_pdf_attachment",
                    format!(
                        "Ce PDF contient des fichiers joints\u{a0}: {PRINT_AGAIN}. Envoyez à part ce qui y était joint."
                    ),
                ));
            }
            b"XFA" => {
                return Err(refuse(
                    "piece_pdf_form",
                    format!(
                        "Ce PDF est un formulaire qui ne s’affiche que dans certains logiciels\u{a0}: {PRINT_AGAIN}."
                    ),
                ));
            }
            b"S" | b"Subtype" => match value.as_name().unwrap_or_default() {
                b"JavaScript" => {
                    return Err(refuse(
                        "piece_pdf_script",
                        format!("Ce PDF contient un programme (JavaScript)\u{a0}: {PRINT_AGAIN}."),
                    ));
                }
                b"Launch" | b"ImportData" | b"SubmitForm" | b"GoToR" | b"GoToE" | b"Rendition" => {
                    return Err(refuse(
                        "piece_pdf_launch",
                        format!("Ce PDF lance une action à l’ouverture ou au clic\u{a0}: {PRINT_AGAIN}."),
                    ));
                }
                b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D" | b"FileAttachment" => {
                    return Err(refuse(
                        "piece_pdf_media",
                        format!("Ce PDF contient un son, une vidéo ou un fichier joint\u{a0}: {PRINT_AGAIN}."),
                    ));
                }
                _ => {}
            },
            _ => {}
        }
        nothing_runs(value, depth + 1)?;
    }
    Ok(())
}

/// Every stream inflated once, into nothing, until the budget of the file is spent; pictures by what they announce.
fn within_bounds(document: &Document, limits: &PieceLimits) -> Result<(), Refusal> {
    let mut left = limits.pdf_inflated_bytes.value;
    for object in document.objects.values() {
        let Object::Stream(stream) = object else { continue };
        let number =
            |key: &[u8]| stream.dict.get(key).and_then(Object::as_i64).ok().and_then(|n| u64::try_from(n).ok());
        if let (Some(width), Some(height)) = (number(b"Width"), number(b"Height"))
            && width.saturating_mul(height) > limits.image_pixels.value
        {
            return Err(refuse(
                "piece_pdf_picture_too_large",
                format!(
                    "Ce PDF contient une image de {width}\u{a0}×\u{a0}{height} pixels, trop grande pour une pièce\u{a0}: numérisez de nouveau, en 150 ou 300 points par pouce."
                ),
            ));
        }
        let filters = stream.filters().unwrap_or_default();
        let compressed = filters
            .iter()
            .filter(|name| matches!(**name, b"FlateDecode" | b"Fl" | b"LZWDecode" | b"LZW" | b"RunLengthDecode"));
        match compressed.count() {
            0 => {}
            1 => {
                let spent = match filters.first() {
                    Some(&(b"FlateDecode" | b"Fl")) => inflated(&stream.content, left),
                    _ => {
                        let most = usize::try_from(left).unwrap_or(usize::MAX);
                        match stream.decompressed_content_with_limit(most) {
                            Ok(content) => content.len() as u64,
                            Err(lopdf::Error::Decompress(_)) => return Err(bomb()),
                            Err(_) => 0,
                        }
                    }
                };
                left = left.checked_sub(spent).ok_or_else(bomb)?;
            }
            // Compressed twice: what the first opening shows says nothing of the second.
            _ => return Err(bomb()),
        }
    }
    Ok(())
}

/// Bytes that a stream inflates to, counted no further than one past `most`; a damaged end counts as its end.
fn inflated(content: &[u8], most: u64) -> u64 {
    let mut decoder = ZlibDecoder::new(content).take(most.saturating_add(1));
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0u64;
    while let Ok(count @ 1..) = decoder.read(&mut buffer) {
        total += u64::try_from(count).unwrap_or(u64::MAX);
    }
    total
}

fn last(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).rposition(|window| window == mark)
}
