//! The pass that makes printpdf's document a PDF/A-3a and a PDF/UA-1: structure tree, language, title,
//! metadata, colour profile, fonts cut to what is drawn, associated file. Claims nothing it did not write.

use super::PdfError;
use super::backend::{Usage, font_key};
use super::frame::{Attachment, Facts, Frame};
use super::structure::{Element, Kid, Role, Scope};
use super::writer::{Body, Effort, compressed};
use super::xmp;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};
use std::fmt::Write as _;

/// sRGB, from LittleCMS (no copyright), 588 bytes.
const SRGB: &[u8] = include_bytes!("../../fonts/srgb.icc");

pub(super) fn conform(
    mut document: Document,
    frame: &Frame,
    facts: &Facts,
    usage: &Usage,
) -> Result<Vec<u8>, PdfError> {
    let pages: Vec<ObjectId> = document.page_iter().collect();
    for (index, id) in pages.iter().enumerate() {
        let page = document.get_dictionary_mut(*id).map_err(assembly)?;
        page.remove(b"Annots");
        page.set("StructParents", index as i64);
        page.set("Tabs", "S");
    }
    embed_fonts(&mut document, frame, usage)?;
    let info = document.add_object(information(facts));
    let catalog = document.trailer.get(b"Root").and_then(Object::as_reference).map_err(assembly)?;
    let said = statements(&mut document, facts)?;
    // Object numbers are settled here: the structure tree takes those that follow.
    let tree = document.max_id + 1;
    let root = document.get_dictionary_mut(catalog).map_err(assembly)?;
    root.extend(&said);
    root.set("StructTreeRoot", (tree, 0));

    let numbering = Numbering { tree, first: tree + 2, pages: &pages };
    let mut bodies = Vec::with_capacity(frame.structure.elements.len() + tree as usize + 2);
    for number in 1..tree {
        let object = document.objects.remove(&(number, 0)).unwrap_or(Object::Null);
        bodies.push(Body::Object(deflated(object)?));
    }
    bodies.push(Body::Raw(numbering.root()));
    bodies.push(Body::Raw(numbering.parents(frame)));
    bodies.extend(frame.structure.elements.iter().map(|element| Body::Raw(numbering.element(element))));
    Ok(super::writer::write(bodies, catalog.0, info.0)?)
}

fn assembly(error: lopdf::Error) -> PdfError {
    PdfError::Assembly(error.to_string())
}

fn deflated(object: Object) -> Result<Object, PdfError> {
    Ok(match object {
        // The metadata stays readable by tools that know nothing of PDF, as PDF/A advises.
        Object::Stream(stream) if !stream.dict.has(b"Filter") && !stream.dict.has_type(b"Metadata") => {
            Object::Stream(compressed(stream.dict, &stream.content, Effort::Words)?)
        }
        other => other,
    })
}

/// Puts the programs in, cut to the glyphs drawn, and states that glyph numbers are used as they are.
fn embed_fonts(document: &mut Document, frame: &Frame, usage: &Usage) -> Result<(), PdfError> {
    let fonts: Vec<(Vec<u8>, ObjectId)> = document
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok())
        .flat_map(|dict| dict.iter())
        .filter_map(|(key, value)| value.as_reference().ok().map(|id| (key.clone(), id)))
        .collect();
    for (face, used) in usage {
        let key = font_key(*face).into_bytes();
        let Some((_, font)) = fonts.iter().find(|(name, _)| *name == key) else {
            return Err(PdfError::Assembly(format!("font {} was not declared", font_key(*face))));
        };
        let descendants =
            document.get_dictionary_mut(*font).and_then(|font| font.get_mut(b"DescendantFonts")).map_err(assembly)?;
        let descendant = descendants.as_array_mut().map_err(assembly)?.first_mut().map(Object::as_dict_mut);
        let Some(Ok(descendant)) = descendant else {
            return Err(PdfError::Assembly("a font has no descendant".to_owned()));
        };
        descendant.set("CIDToGIDMap", "Identity");
        let descriptor = descendant.get(b"FontDescriptor").and_then(Object::as_reference).map_err(assembly)?;
        let descriptor = document.get_dictionary(descriptor).map_err(assembly)?;
        let file = descriptor.get(b"FontFile2").and_then(Object::as_reference).map_err(assembly)?;
        let program = frame.faces.get(*face)?.program.only(used.iter().copied());
        let stream = compressed(dictionary! { "Length1" => program.len() as i64 }, &program, Effort::Outlines)?;
        document.set_object(file, stream);
    }
    Ok(())
}

/// What the catalogue says of the whole document.
fn statements(document: &mut Document, facts: &Facts) -> Result<Dictionary, PdfError> {
    let profile = document.add_object(compressed(dictionary! { "N" => 3 }, SRGB, Effort::Words)?);
    let packet = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
    let metadata = document.add_object(Stream::new(packet, xmp::packet(facts).into_bytes()).with_compression(false));
    let mut said = dictionary! {
        "Lang" => Object::string_literal("fr-FR"),
        "MarkInfo" => dictionary! { "Marked" => true },
        "ViewerPreferences" => dictionary! { "DisplayDocTitle" => true },
        "Metadata" => metadata,
        "OutputIntents" => vec![Object::Dictionary(dictionary! {
            "Type" => "OutputIntent",
            "S" => "GTS_PDFA1",
            "OutputConditionIdentifier" => Object::string_literal("sRGB IEC61966-2.1"),
            "Info" => Object::string_literal("sRGB IEC61966-2.1"),
            "DestOutputProfile" => profile,
        })],
    };
    if let Some(attachment) = &facts.attachment {
        let file = attach(document, attachment, facts)?;
        said.set("AF", vec![Object::Reference(file)]);
        said.set("Names", dictionary! { "EmbeddedFiles" => dictionary! { "Names" => vec![text(attachment.name), Object::Reference(file)] } });
    }
    Ok(said)
}

fn attach(document: &mut Document, attachment: &Attachment, facts: &Facts) -> Result<ObjectId, PdfError> {
    let mut params = dictionary! { "Size" => attachment.bytes.len() as i64 };
    if let Some(day) = date(facts) {
        params.set("ModDate", day);
    }
    let dict = dictionary! { "Type" => "EmbeddedFile", "Subtype" => attachment.mime, "Params" => params };
    let stream = document.add_object(compressed(dict, &attachment.bytes, Effort::Words)?);
    Ok(document.add_object(dictionary! {
        "Type" => "Filespec",
        "F" => Object::string_literal(attachment.name),
        "UF" => text(attachment.name),
        "Desc" => text(attachment.description),
        "AFRelationship" => "Data",
        "EF" => dictionary! { "F" => stream, "UF" => stream },
    }))
}

fn information(facts: &Facts) -> Dictionary {
    let mut info = dictionary! {
        "Title" => text(&facts.title),
        "Author" => text(&facts.author),
        "Producer" => text(xmp::PRODUCER),
        "Creator" => text(xmp::PRODUCER),
    };
    if let Some(day) = date(facts) {
        info.set("CreationDate", day.clone());
        info.set("ModDate", day);
    }
    info
}

fn date(facts: &Facts) -> Option<Object> {
    facts
        .dated
        .map(|day| Object::string_literal(format!("D:{:04}{:02}{:02}000000Z", day.year(), day.month(), day.day())))
}

fn text(value: &str) -> Object {
    let utf16 = std::iter::once(0xFEFF).chain(value.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    Object::String(utf16, StringFormat::Hexadecimal)
}

/// The numbers of the structure tree's objects, and the tree written straight in the format's own words.
struct Numbering<'a> {
    tree: u32,
    first: u32,
    pages: &'a [ObjectId],
}

impl Numbering<'_> {
    fn root(&self) -> Vec<u8> {
        let (first, parents, next) = (self.first, self.tree + 1, self.pages.len());
        format!("<</Type/StructTreeRoot/K {first} 0 R/ParentTree {parents} 0 R/ParentTreeNextKey {next}>>").into_bytes()
    }

    /// From each marked item of each page back to its element.
    fn parents(&self, frame: &Frame) -> Vec<u8> {
        let mut out = String::from("<</Nums[");
        for (index, page) in frame.pages.iter().enumerate() {
            let _ = write!(out, "{index}[");
            for element in &page.marks {
                let _ = write!(out, "{} 0 R ", self.first as usize + element);
            }
            out.push(']');
        }
        out.push_str("]>>");
        out.into_bytes()
    }

    fn element(&self, element: &Element) -> Vec<u8> {
        let parent = element.parent.map_or(self.tree as usize, |parent| self.first as usize + parent);
        let mut out = format!("<</S/{}/P {parent} 0 R", element.role.tag());
        let own_page = element.kids.iter().find_map(|kid| match kid {
            Kid::Mark { page, .. } => Some(*page),
            Kid::Element(_) => None,
        });
        if let Some(page) = own_page.and_then(|page| self.pages.get(page)) {
            let _ = write!(out, "/Pg {} 0 R", page.0);
        }
        let alone = element.kids.len() == 1;
        out.push_str(if alone { "/K " } else { "/K[" });
        for kid in &element.kids {
            let _ = match kid {
                Kid::Element(kid) => write!(out, "{} 0 R ", self.first as usize + kid),
                Kid::Mark { page, mark } if Some(*page) == own_page => write!(out, "{mark} "),
                Kid::Mark { page, mark } => {
                    let page = self.pages.get(*page).map_or(0, |page| page.0);
                    write!(out, "<</Type/MCR/Pg {page} 0 R/MCID {mark}>>")
                }
            };
        }
        if !alone {
            out.push(']');
        }
        match element.role {
            Role::HeadCell(Scope::Column) => out.push_str("/A<</O/Table/Scope/Column>>"),
            Role::HeadCell(Scope::Row) => out.push_str("/A<</O/Table/Scope/Row>>"),
            Role::List => out.push_str("/A<</O/List/ListNumbering/Disc>>"),
            _ => {}
        }
        if let Some((alt, [left, bottom, right, top])) = &element.figure {
            out.push_str("/Alt<FEFF");
            for unit in alt.encode_utf16() {
                let _ = write!(out, "{unit:04X}");
            }
            let _ = write!(out, ">/A<</O/Layout/Placement/Block/BBox[{left:.2} {bottom:.2} {right:.2} {top:.2}]>>");
        }
        out.push_str(">>");
        out.into_bytes()
    }
}
