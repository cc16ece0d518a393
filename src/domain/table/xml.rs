//! XML of a workbook as a stream of tags and text. Declarations of types are refused, so that no entity is
//! ever expanded, and nesting is bounded.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::TableRefused;
use super::package::Meter;

const MAX_DEPTH: usize = 64;

/// One event. Names are given without their prefix.
pub(super) enum Node<'b> {
    Open(Tag<'b>),
    Close,
    Text(Cow<'b, str>),
    /// Comments and instructions.
    Nothing,
    End,
}

pub(super) struct Tag<'b>(BytesStart<'b>);

impl Tag<'_> {
    /// The name, prefix included: the writers of both formats always use the same ones.
    pub(super) fn name(&self) -> &str {
        self.0.name().0
    }

    pub(super) fn local(&self) -> &str {
        let name = self.name();
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }

    /// An attribute by its local name.
    pub(super) fn attribute(&self, wanted: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        attributes.with_checks(false);
        attributes.flatten().find_map(|attribute| {
            let key = attribute.key.0;
            let local = key.rsplit_once(':').map_or(key, |(_, local)| local);
            (local == wanted)
                .then(|| attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(Cow::into_owned))
                .flatten()
        })
    }
}

pub(super) struct Xml<'a> {
    reader: Reader<Meter<'a>>,
    depth: usize,
}

impl<'a> Xml<'a> {
    pub(super) fn new(source: Meter<'a>) -> Self {
        let mut reader = Reader::from_reader(source);
        // `<c/>` is `<c></c>`: one way to read both.
        reader.config_mut().expand_empty_elements = true;
        Xml { reader, depth: 0 }
    }

    pub(super) fn into_inner(self) -> Meter<'a> {
        self.reader.into_inner()
    }

    pub(super) fn next<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<Node<'b>, TableRefused> {
        buffer.clear();
        self.reader.get_mut().next_event();
        match self.reader.read_event_into(buffer).map_err(|_| TableRefused::Damaged)? {
            Event::Start(tag) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(TableRefused::Hostile);
                }
                Ok(Node::Open(Tag(tag)))
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(Node::Close)
            }
            Event::Text(text) => Ok(Node::Text(Cow::Owned(text.xml10_content().into_owned()))),
            Event::CData(text) => Ok(Node::Text(Cow::Owned(text.xml10_content().into_owned()))),
            Event::GeneralRef(named) => {
                if let Some(c) = named.resolve_char_ref().map_err(|_| TableRefused::Damaged)? {
                    return Ok(Node::Text(Cow::Owned(c.to_string())));
                }
                match named.into_inner().as_ref() {
                    "lt" => Ok(Node::Text(Cow::Borrowed("<"))),
                    "gt" => Ok(Node::Text(Cow::Borrowed(">"))),
                    "amp" => Ok(Node::Text(Cow::Borrowed("&"))),
                    "quot" => Ok(Node::Text(Cow::Borrowed("\""))),
                    "apos" => Ok(Node::Text(Cow::Borrowed("'"))),
                    _ => Err(TableRefused::Hostile),
                }
            }
            Event::DocType(_) => Err(TableRefused::Hostile),
            Event::Eof => Ok(Node::End),
            _ => Ok(Node::Nothing),
        }
    }

    /// Passes over what the tag just opened holds.
    pub(super) fn skip(&mut self, buffer: &mut Vec<u8>) -> Result<(), TableRefused> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if matches!(self.next(buffer)?, Node::End) {
                return Err(TableRefused::Damaged);
            }
        }
        Ok(())
    }

    pub(super) const fn depth(&self) -> usize {
        self.depth
    }
}
