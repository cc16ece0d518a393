//! What comes in, what stays out, and the code of each refusal: every hostile file is made here, byte by byte.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;
use crate::domain::regulation::RegulationPack;

fn limits() -> PieceLimits {
    RegulationPack::embedded().unwrap().pieces_limits.unwrap()
}

fn code(bytes: &[u8]) -> &'static str {
    match inspect(bytes, &limits()) {
        Ok(inspected) => inspected.kind.as_str(),
        Err(refusal) => {
            assert!(
                refusal.sentence.ends_with(['.', '»']) && refusal.sentence.chars().count() > 40,
                "{}",
                refusal.sentence
            );
            refusal.code
        }
    }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A PDF of these objects (1 is the catalogue, 2 the pages), its table written as it must be.
fn pdf_with(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n", index + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    out.extend(
        format!("trailer\n<< /Size {} /Root 1 0 R {trailer} >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1)
            .bytes(),
    );
    out
}

fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let mut out = format!("<< /Length {} {dictionary} >>\nstream\n", content.len()).into_bytes();
    out.extend(content);
    out.extend(b"\nendstream");
    out
}

const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";
const PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>";

fn pdf(catalog: &str, more: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>").into_bytes(),
        PAGES.into(),
        PAGE.into(),
        stream("", b"0 0 m 100 100 l S"),
    ];
    objects.extend_from_slice(more);
    pdf_with(&objects, trailer)
}

fn good_pdf() -> Vec<u8> {
    pdf("", &[], "")
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend(name);
    out.extend(body);
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(body);
    out.extend(crc.sum().to_be_bytes());
    out
}

fn png_of(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    out.extend(chunk(b"IHDR", &header));
    out.extend(chunk(b"IDAT", &zlib(pixels)));
    out.extend(chunk(b"IEND", b""));
    out
}

fn good_png() -> Vec<u8> {
    png_of(10, 4, &[0; 44])
}

fn good_jpeg() -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(24, 16, image::Rgb([90, 120, 200]));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// The same JPEG, its header telling another size.
fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = good_jpeg();
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn with(mut bytes: Vec<u8>, more: &[u8]) -> Vec<u8> {
    bytes.extend(more);
    bytes
}

fn zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("a.txt", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(b"bonjour").unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn documents_and_photographs_come_in_by_what_they_are() {
    assert_eq!(code(&good_pdf()), "pdf");
    assert_eq!(code(&good_png()), "png");
    assert_eq!(code(&good_jpeg()), "jpeg");
    assert_eq!(code(&with(good_pdf(), b"\r\n\0\0\0")), "pdf", "printers end with blanks");
    let inspected = inspect(&good_pdf(), &limits()).unwrap();
    assert_eq!((inspected.pages, inspected.length), (1, good_pdf().len()));
}

#[test]
fn what_a_telephone_adds_behind_a_photograph_is_left_behind() {
    let photo = good_jpeg();
    let film = b"\0\0\0\x18ftypmp42film";
    for more in [film.as_slice(), &[0; 32], &good_jpeg(), b"...SEFH....SEFT"] {
        let whole = with(photo.clone(), more);
        let inspected = inspect(&whole, &limits()).unwrap();
        assert_eq!(inspected.kept(&whole), photo);
    }
}

#[test]
fn each_hostile_or_useless_file_has_its_own_refusal() {
    let script = "<< /S /JavaScript /JS (app.alert\\(1\\)) >>";
    let hidden = pdf("/OpenAction << /S /J#61vaScript /J#53 (x) >>", &[], "");
    let many_pages = {
        let kids: Vec<String> = (0..200).map(|_| "3 0 R".to_owned()).collect();
        let mut objects: Vec<Vec<u8>> = vec![b"<< /Type /Catalog /Pages 2 0 R >>".to_vec()];
        let kids_refs: Vec<String> = (3..203).map(|id| format!("{id} 0 R")).collect();
        assert_eq!(kids.len(), kids_refs.len());
        objects.push(format!("<< /Type /Pages /Kids [{}] /Count 200 >>", kids_refs.join(" ")).into_bytes());
        objects.extend((0..200).map(|_| b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>".to_vec()));
        pdf_with(&objects, "")
    };
    let bomb = zlib(&vec![0u8; 300 * 1024 * 1024]);
    let twice = zlib(&bomb);
    let crowd: Vec<Vec<u8>> = (0..limits().pdf_objects.value + 10).map(|_| b"null".to_vec()).collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "piece_empty"),
        ("more than the bound", vec![b'x'; 11_000_000], "piece_too_heavy"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "piece_heic"),
        ("AVIF", b"\0\0\0\x18ftypavif\0\0\0\0".to_vec(), "piece_picture_format"),
        ("film", b"\0\0\0\x18ftypmp42\0\0\0\0".to_vec(), "piece_video"),
        ("GIF", b"GIF89a\x01\0\x01\0".to_vec(), "piece_picture_format"),
        ("TIFF", b"II*\0\x08\0\0\0".to_vec(), "piece_picture_format"),
        ("WebP", b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), "piece_picture_format"),
        ("Word", zip(), "piece_office"),
        ("old Word", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "piece_office"),
        ("program", b"MZ\x90\0".to_vec(), "piece_program"),
        ("page", b"<!DOCTYPE html><html><script>alert(1)</script>".to_vec(), "piece_web_page"),
        ("text called .pdf", "Ceci n’est pas un PDF.".into(), "piece_unknown"),
        ("PDF not at the start", with(b"GARBAGE\n".to_vec(), &good_pdf()), "piece_pdf_shifted"),
        ("page within a PDF", with(b"%PDF-1.7\n<html><script>x</script>".to_vec(), &good_pdf()), "piece_two_faces"),
        ("archive behind a PDF", with(good_pdf(), &zip()), "piece_archive_inside"),
        ("archive behind a JPEG", with(good_jpeg(), &zip()), "piece_archive_inside"),
        ("archive behind a PNG", with(good_png(), &zip()), "piece_archive_inside"),
        ("text behind a PDF", with(good_pdf(), b"et la suite"), "piece_pdf_trailing"),
        ("text behind a JPEG", with(good_jpeg(), b"et la suite"), "piece_picture_trailing"),
        ("text behind a PNG", with(good_png(), b"et la suite"), "piece_picture_trailing"),
        ("cut PDF", good_pdf()[..200].to_vec(), "piece_pdf_cut"),
        ("PDF without objects", b"%PDF-1.7\nrien\n%%EOF\n".to_vec(), "piece_pdf_broken"),
        ("PDF without pages", pdf_with(&[b"<< /Type /Catalog >>".to_vec()], ""), "piece_pdf_broken"),
        ("cut JPEG", good_jpeg()[..good_jpeg().len() - 30].to_vec(), "piece_picture_cut"),
        ("JPEG of two bytes more", vec![0xff, 0xd8, 0xff, 0xe0], "piece_picture_cut"),
        ("JPEG without pixels", vec![0xff, 0xd8, 0xff, 0xd9], "piece_picture_broken"),
        ("cut PNG", good_png()[..good_png().len() - 14].to_vec(), "piece_picture_cut"),
        ("flipped PNG", { let mut b = good_png(); b[20] ^= 1; b }, "piece_picture_broken"),
        ("PNG with fewer pixels than announced", png_of(100, 100, &[0; 50]), "piece_picture_cut"),
        ("PNG bomb", png_of(10, 10, &vec![0; 8_000_000]), "piece_picture_bomb"),
        ("PNG of a billion pixels", png_of(40_000, 40_000, &[0; 64]), "piece_picture_too_large"),
        ("JPEG of four billion pixels", jpeg_of(65_000, 65_000), "piece_picture_too_large"),
        ("JPEG of no pixel", jpeg_of(0, 10), "piece_picture_broken"),
        ("JavaScript", pdf(&format!("/OpenAction {script}"), &[], ""), "piece_pdf_script"),
        ("JavaScript spelt otherwise", hidden, "piece_pdf_script"),
        ("JavaScript in an object apart", pdf("/Names 5 0 R", &[b"<< /JavaScript 6 0 R >>".to_vec(), b"<< >>".to_vec()], ""), "piece_pdf_script"),
        ("launching", pdf("/OpenAction << /S /Launch /F (cmd.exe) >>", &[], ""), "piece_pdf_launch"),
        ("submitting", pdf("/OpenAction << /S /SubmitForm /F (http://x) >>", &[], ""), "piece_pdf_launch"),
        ("attached files", pdf("/Names << /EmbeddedFiles << >> >>", &[], ""), "piece_pdf_attachment"),
        ("film in a PDF", pdf("", &[b"<< /Type /Annot /Subtype /RichMedia >>".to_vec()], ""), "piece_pdf_media"),
        ("XFA form", pdf("/AcroForm << /XFA 5 0 R >>", &[b"()".to_vec()], ""), "piece_pdf_form"),
        ("password", pdf("", &[b"<< /Filter /Standard /V 1 /R 2 /O (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) /U (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb) /P -44 >>".to_vec()], "/Encrypt 5 0 R /ID [(a) (b)]"), "piece_pdf_encrypted"),
        ("too many pages", many_pages, "piece_pdf_pages"),
        ("too many objects", pdf("", &crowd, ""), "piece_pdf_objects"),
        ("bomb", pdf("", &[stream("/Filter /FlateDecode", &bomb)], ""), "piece_pdf_bomb"),
        ("bomb within a bomb", pdf("", &[stream("/Filter [/FlateDecode /FlateDecode]", &twice)], ""), "piece_pdf_bomb"),
        ("picture of a billion pixels", pdf("", &[stream("/Subtype /Image /Width 40000 /Height 40000 /Filter /DCTDecode", b"x")], ""), "piece_pdf_picture_too_large"),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(code(&bytes), expected, "{what}");
    }
}

#[test]
fn no_cut_and_no_flipped_byte_brings_anything_down() {
    for (whole, step) in [(good_pdf(), 7), (good_png(), 1), (good_jpeg(), 3)] {
        for at in (0..whole.len()).step_by(step) {
            let _ = inspect(&whole[..at], &limits());
            for bit in [1u8, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= bit;
                let _ = inspect(&changed, &limits());
            }
        }
    }
}

#[test]
fn brackets_within_brackets_do_not_exhaust_the_stack() {
    let deep = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
    let refused = inspect(&pdf("", &[deep], ""), &limits());
    // The reader stops there: the page remains, or the file is said broken. What matters is to come back.
    assert!(refused.is_ok() || refused.is_err_and(|refusal| refusal.code == "piece_pdf_broken"));
}

#[test]
fn a_name_keeps_its_words_and_loses_its_tricks() {
    for (given, shown) in [
        ("Arrêté de titularisation.PDF", "Arrêté de titularisation.pdf"),
        ("C:\\Users\\moi\\scan.jpeg.exe", "scan.jpeg.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("facture\u{202e}fdp.exe", "facturefdp.pdf"),
        ("a\r\nb\".pdf", "ab.pdf"),
        ("", "piece.pdf"),
        (".pdf", "piece.pdf"),
    ] {
        assert_eq!(shown_name(given, PieceKind::Pdf), shown, "{given:?}");
    }
    assert_eq!(shown_name(&"é".repeat(300), PieceKind::Png).chars().count(), 84);
}

#[test]
fn a_size_is_said_as_people_read_it() {
    for (bytes, shown) in
        [(1, "1\u{a0}ko"), (999_000, "999\u{a0}ko"), (10_000_000, "10\u{a0}Mo"), (12_430_000, "12,4\u{a0}Mo")]
    {
        assert_eq!(megabytes(bytes), shown);
    }
}
