//! What may be written in the thread between a candidate and the office: plain text, neither empty nor endless.
//! A message is no act of procedure: what decides something has its own step and its own document.

use super::refusal::Refusal;

/// Longest message, in letters.
pub const LONGEST: usize = 4000;
/// Most files that go with one message.
pub const MOST_FILES: usize = 3;

/// Most bytes of one attached file.
pub const HEAVIEST: usize = 5 * 1024 * 1024;

/// What a file is, by its content: its name and what the browser says of it count for nothing.
///
/// # Errors
/// Anything but a PDF, a JPEG or a PNG; an empty file or one too heavy.
pub fn sniff(bytes: &[u8]) -> Result<&'static str, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new("file_empty", "Ce fichier est vide\u{a0}: choisissez-en un autre."));
    }
    if bytes.len() > HEAVIEST {
        return Err(Refusal::new(
            "file_too_heavy",
            "Ce fichier dépasse 5\u{a0}Mo\u{a0}: numérisez-le en 150 points par pouce, ou envoyez-le en plusieurs fois.",
        ));
    }
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => Ok("application/pdf"),
        [0xff, 0xd8, 0xff, ..] => Ok("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok("image/png"),
        _ => Err(Refusal::new(
            "file_kind",
            "Ce fichier n’est ni un PDF, ni une image JPEG ou PNG\u{a0}: enregistrez-le dans l’un de ces formats.",
        )),
    }
}

/// A name one may give back to a browser: the end of what it said, without what could be taken for a path or a header.
#[must_use]
pub fn file_name(typed: &str, content_type: &str) -> String {
    let last = typed.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '-' })
        .take(80)
        .collect();
    let ending = match content_type {
        "application/pdf" => "pdf",
        "image/jpeg" => "jpg",
        _ => "png",
    };
    let stem = kept.rsplit_once('.').map_or(kept.as_str(), |(stem, _)| stem).trim_matches(['.', ' ']);
    if stem.is_empty() { format!("piece-jointe.{ending}") } else { format!("{stem}.{ending}") }
}

/// The text as it is kept.
///
/// # Errors
/// An empty message, or one too long to be read.
pub fn check_body(typed: &str) -> Result<String, Refusal> {
    let text: String = typed.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let length = text.chars().count();
    if length == 0 {
        return Err(Refusal::new("message_empty", "Écrivez votre message avant de l’envoyer."));
    }
    if length > LONGEST {
        return Err(Refusal::new(
            "message_too_long",
            format!("Ce message compte {length}\u{a0}caractères\u{a0}: raccourcissez-le à {LONGEST} au plus."),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_holds_and_not_what_it_is_called() {
        assert_eq!(sniff(b"%PDF-1.7 ...").unwrap(), "application/pdf");
        assert_eq!(sniff(&[0xff, 0xd8, 0xff, 0xe0]).unwrap(), "image/jpeg");
        for (bytes, code) in [(&b""[..], "file_empty"), (b"MZ\x90", "file_kind"), (b"<html>", "file_kind")] {
            assert_eq!(sniff(bytes).unwrap_err().code, code);
        }
        assert_eq!(sniff(&vec![b'%'; HEAVIEST + 1]).unwrap_err().code, "file_too_heavy");
        for (typed, kept) in [
            ("C:\\Users\\a\\contrat.PDF", "contrat.pdf"),
            ("../../etc/passwd", "passwd.pdf"),
            ("relevé \"2025\"\r\nX: y.pdf.exe", "relevé -2025---X- y.pdf.pdf"),
            ("", "piece-jointe.pdf"),
        ] {
            assert_eq!(file_name(typed, "application/pdf"), kept, "{typed}");
        }
    }

    #[test]
    fn a_message_is_neither_empty_nor_endless_and_keeps_its_lines() {
        assert_eq!(check_body("  Bonjour,\nmerci.\u{7} ").unwrap(), "Bonjour,\nmerci.");
        assert_eq!(check_body(" \n ").unwrap_err().code, "message_empty");
        assert_eq!(check_body(&"é".repeat(LONGEST)).unwrap().chars().count(), LONGEST);
        assert_eq!(check_body(&"é".repeat(LONGEST + 1)).unwrap_err().code, "message_too_long");
    }
}
