//! Which certificate a file says it is: the number in the statement attached to it, whatever was done to the rest.
//! The file comes from anyone: its size is bounded by the caller, what it inflates to is bounded here, and it is never trusted.

use lopdf::{Dictionary, Document, Object};

/// The statement attached to our certificates is a few hundred bytes.
const STATEMENT_MAX: usize = 64 * 1024;
/// Objects looked at in a file that claims to have very many.
const OBJECTS_MAX: usize = 5_000;

/// The certificate number that the attached statement names, if the file carries one that reads.
#[must_use]
pub fn named_number(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"%PDF-") {
        return None;
    }
    let document = Document::load_mem(bytes).ok()?;
    document.objects.values().take(OBJECTS_MAX).find_map(|object| {
        let Object::Stream(stream) = object else { return None };
        if !is_attachment(&stream.dict) || stream.content.len() > STATEMENT_MAX {
            return None;
        }
        let text = if stream.dict.has(b"Filter") { inflate(&stream.content)? } else { stream.content.clone() };
        let statement: serde_json::Value = serde_json::from_slice(&text).ok()?;
        statement.get("number")?.as_str().map(|number| number.chars().take(30).collect())
    })
}

fn is_attachment(dict: &Dictionary) -> bool {
    dict.get(b"Type").ok().and_then(|name| name.as_name().ok()) == Some(b"EmbeddedFile")
}

/// Inflates up to the bound: what would be larger is not our statement.
fn inflate(content: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    flate2::read::ZlibDecoder::new(content).take(STATEMENT_MAX as u64).read_to_end(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::named_number;

    #[test]
    fn anything_that_is_not_a_certificate_names_nothing() {
        for bytes in [&b""[..], b"%PDF-1.7\ngarbage", b"\x00\x01\x02", b"%PDF-"] {
            assert_eq!(named_number(bytes), None);
        }
    }
}
