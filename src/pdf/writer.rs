//! The file itself: streams, then every other object packed in compressed object streams, then one
//! compressed cross-reference stream. lopdf writes objects; it leaves its own cross-references uncompressed.

use flate2::{Compression, write::ZlibEncoder};
use lopdf::{Dictionary, Object, Stream, dictionary};
use sha2::{Digest, Sha256};
use std::io::{Result, Write};

/// An object already written out (structure elements, by the thousand), or one of lopdf's.
pub(super) enum Body {
    Raw(Vec<u8>),
    Object(Object),
}

/// Few large packs compress better; readers unpack only those they need.
const PACK: usize = 800;

/// How hard to compress: outlines of letters hardly shrink more for being tried harder, words and numbers do.
#[derive(Clone, Copy)]
pub(super) enum Effort {
    Outlines = 1,
    Words = 4,
}

pub(super) fn compressed(mut dict: Dictionary, bytes: &[u8], effort: Effort) -> Result<Stream> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(effort as u32));
    encoder.write_all(bytes)?;
    dict.set("Filter", "FlateDecode");
    Ok(Stream::new(dict, encoder.finish()?))
}

/// Where an object stands: at an offset, or in a pack.
#[derive(Clone, Copy)]
enum Place {
    Free,
    At(usize),
    In { pack: u32, index: usize },
}

/// Writes the objects numbered from 1 on, in order.
pub(super) fn write(objects: Vec<Body>, root: u32, info: u32) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(64 * 1024);
    out.extend_from_slice(b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n");
    let mut places = vec![Place::Free; objects.len() + 1];
    let mut packed: Vec<(usize, Vec<u8>)> = Vec::new();
    for (number, body) in (1..).zip(objects) {
        match body {
            Body::Object(Object::Stream(stream)) => {
                places[number] = Place::At(out.len());
                write_stream(&mut out, number, stream)?;
            }
            Body::Object(object) => {
                let mut bytes = Vec::new();
                put(&mut bytes, &object)?;
                packed.push((number, bytes));
            }
            Body::Raw(bytes) => packed.push((number, bytes)),
        }
    }
    for chunk in packed.chunks(PACK) {
        let number = places.len();
        let (mut index, mut content) = (String::new(), Vec::new());
        for (at, (object, bytes)) in chunk.iter().enumerate() {
            index.push_str(&format!("{object} {} ", content.len()));
            content.extend_from_slice(bytes);
            content.push(b'\n');
            places[*object] = Place::In { pack: number as u32, index: at };
        }
        let first = index.len() as i64;
        let dict = dictionary! { "Type" => "ObjStm", "N" => chunk.len() as i64, "First" => first };
        places.push(Place::At(out.len()));
        let bytes = [index.as_bytes(), &content].concat();
        write_stream(&mut out, number, compressed(dict, &bytes, Effort::Words)?)?;
    }
    let start = out.len();
    let number = places.len();
    places.push(Place::At(start));
    let identity = Object::String(Sha256::digest(&out)[..16].to_vec(), lopdf::StringFormat::Hexadecimal);
    let dict = dictionary! {
        "Type" => "XRef",
        "Size" => places.len() as i64,
        "W" => vec![1.into(), 3.into(), 2.into()],
        "DecodeParms" => dictionary! { "Predictor" => 12, "Columns" => 6 },
        "Root" => (root, 0),
        "Info" => (info, 0),
        "ID" => vec![identity.clone(), identity],
    };
    write_stream(&mut out, number, compressed(dict, &cross_references(&places), Effort::Words)?)?;
    write!(out, "startxref\n{start}\n%%EOF\n")?;
    Ok(out)
}

fn write_stream(out: &mut Vec<u8>, number: usize, stream: Stream) -> Result<()> {
    writeln!(out, "{number} 0 obj")?;
    put(out, &Object::Stream(stream))?;
    out.extend_from_slice(b"\nendobj\n");
    Ok(())
}

/// Rows of six bytes, each written as its difference from the row above (PNG predictor « up »).
fn cross_references(places: &[Place]) -> Vec<u8> {
    let mut rows = Vec::with_capacity(places.len() * 7);
    let mut above = [0u8; 6];
    for place in places {
        let (kind, field, last) = match *place {
            Place::Free => (0, 0, u16::MAX),
            Place::At(offset) => (1, offset as u32, 0),
            Place::In { pack, index } => (2, pack, index as u16),
        };
        let [_, a, b, c] = field.to_be_bytes();
        let [d, e] = last.to_be_bytes();
        let row = [kind, a, b, c, d, e];
        rows.push(2);
        rows.extend(row.iter().zip(above).map(|(byte, up)| byte.wrapping_sub(up)));
        above = row;
    }
    rows
}

/// An object in the format's own words.
fn put(out: &mut Vec<u8>, object: &Object) -> Result<()> {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(value) => write!(out, "{value}")?,
        Object::Integer(value) => write!(out, "{value}")?,
        Object::Real(value) => write!(out, "{value}")?,
        Object::Name(name) => put_name(out, name)?,
        Object::String(bytes, _) => {
            out.push(b'<');
            bytes.iter().try_for_each(|byte| write!(out, "{byte:02X}"))?;
            out.push(b'>');
        }
        Object::Array(items) => {
            out.push(b'[');
            for item in items {
                put(out, item)?;
                out.push(b' ');
            }
            out.push(b']');
        }
        Object::Dictionary(dict) => put_dictionary(out, dict)?,
        Object::Stream(stream) => {
            put_dictionary(out, &stream.dict)?;
            out.extend_from_slice(b"stream\n");
            out.extend_from_slice(&stream.content);
            out.extend_from_slice(b"\nendstream");
        }
        Object::Reference((number, generation)) => write!(out, "{number} {generation} R")?,
    }
    Ok(())
}

fn put_dictionary(out: &mut Vec<u8>, dict: &Dictionary) -> Result<()> {
    out.extend_from_slice(b"<<");
    for (key, value) in dict {
        put_name(out, key)?;
        out.push(b' ');
        put(out, value)?;
    }
    out.extend_from_slice(b">>");
    Ok(())
}

fn put_name(out: &mut Vec<u8>, name: &[u8]) -> Result<()> {
    out.push(b'/');
    for byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(byte) {
            out.push(*byte)
        } else {
            write!(out, "#{byte:02X}")?
        }
    }
    Ok(())
}
