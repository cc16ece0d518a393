//! Reads a finished document back, for tests: its catalogue, its text through ToUnicode, its structure.

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId};
use std::collections::BTreeMap;

pub(super) struct Read(pub Document);

impl Read {
    pub fn of(bytes: &[u8]) -> Read {
        Read(Document::load_mem(bytes).expect("a document that lopdf reads"))
    }

    pub fn catalog(&self) -> &Dictionary {
        self.0.catalog().unwrap()
    }

    fn resolve<'a>(&'a self, object: &'a Object) -> &'a Object {
        self.0.dereference(object).unwrap().1
    }

    pub fn dict<'a>(&'a self, from: &'a Dictionary, key: &[u8]) -> &'a Dictionary {
        self.resolve(from.get(key).unwrap()).as_dict().unwrap()
    }

    pub fn pages(&self) -> Vec<ObjectId> {
        self.0.page_iter().collect()
    }

    /// The words of a text string (UTF-16 with its mark).
    pub fn string(object: &Object) -> String {
        let bytes = object.as_str().unwrap();
        let units: Vec<u16> = bytes[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        String::from_utf16(&units).unwrap()
    }

    pub fn title(&self) -> String {
        let info = self.dict(&self.0.trailer, b"Info");
        Self::string(info.get(b"Title").unwrap())
    }

    pub fn metadata(&self) -> String {
        let Object::Stream(stream) = self.resolve(self.catalog().get(b"Metadata").unwrap()) else {
            panic!("no metadata")
        };
        assert!(!stream.dict.has(b"Filter"), "the metadata must stay readable");
        String::from_utf8(stream.content.clone()).unwrap()
    }

    pub fn attachment(&self) -> Vec<u8> {
        let file = self.resolve(&self.catalog().get(b"AF").unwrap().as_array().unwrap()[0]).as_dict().unwrap();
        let Object::Stream(stream) = self.resolve(self.dict(file, b"EF").get(b"F").unwrap()) else { panic!("no file") };
        stream.decompressed_content().unwrap()
    }

    /// Glyph number to text, by font name.
    fn maps(&self, page: ObjectId) -> BTreeMap<Vec<u8>, BTreeMap<u16, String>> {
        let fonts = self.0.get_page_fonts(page).unwrap();
        let map = |font: &Dictionary| {
            let Object::Stream(stream) = self.resolve(font.get(b"ToUnicode").unwrap()) else { panic!("no ToUnicode") };
            to_unicode(&String::from_utf8(stream.decompressed_content().unwrap()).unwrap())
        };
        fonts.into_iter().map(|(name, font)| (name, map(font))).collect()
    }

    /// The text of each piece of marked content of a page: its tag, its number when it has one, what it says.
    pub fn marked(&self, page: ObjectId) -> Vec<(String, Option<i64>, String)> {
        let maps = self.maps(page);
        let content = Content::decode(&self.0.get_page_content(page)).unwrap();
        let (mut out, mut open, mut font) = (Vec::new(), false, Vec::new());
        for operation in &content.operations {
            match operation.operator.as_str() {
                "BDC" => {
                    assert!(!open, "marked content inside marked content");
                    open = true;
                    let tag = String::from_utf8(operation.operands[0].as_name().unwrap().to_vec()).unwrap();
                    let number =
                        operation.operands[1].as_dict().unwrap().get(b"MCID").ok().map(|id| id.as_i64().unwrap());
                    assert_eq!(number.is_none(), tag == "Artifact");
                    out.push((tag, number, String::new()));
                }
                "EMC" => open = false,
                "Tf" => font = operation.operands[0].as_name().unwrap().to_vec(),
                "TJ" => {
                    assert!(open, "text outside marked content");
                    for item in operation.operands[0].as_array().unwrap() {
                        let Ok(code) = item.as_str() else { continue };
                        for pair in code.chunks(2) {
                            let glyph = u16::from_be_bytes([pair[0], pair[1]]);
                            assert_ne!(glyph, 0, "a missing glyph was drawn");
                            out.last_mut().unwrap().2.push_str(&maps[&font][&glyph]);
                        }
                    }
                }
                "f" => assert!(open, "drawing outside marked content"),
                _ => {}
            }
        }
        out
    }

    /// What a reader hears: the marked content that is no artifact.
    pub fn text(&self) -> String {
        let pages = self.pages();
        let parts = pages.iter().flat_map(|page| self.marked(*page)).filter(|(tag, _, _)| tag != "Artifact");
        parts.map(|(_, _, text)| text).collect::<Vec<_>>().join("\n")
    }

    pub fn artifacts(&self) -> Vec<String> {
        let pages = self.pages();
        let parts = pages
            .iter()
            .flat_map(|page| self.marked(*page))
            .filter(|(tag, _, text)| tag == "Artifact" && !text.is_empty());
        parts.map(|(_, _, text)| text).collect()
    }

    /// The tags of the structure tree in reading order; checks on the way that every mark of every page has
    /// exactly one element, and that the parent tree leads back to it.
    pub fn tags(&self) -> Vec<String> {
        let root = self.dict(self.catalog(), b"StructTreeRoot");
        let mut tags = Vec::new();
        let mut owners = BTreeMap::new();
        self.walk(root.get(b"K").unwrap().as_reference().unwrap(), &mut tags, &mut owners);
        let numbers = self.dict(root, b"ParentTree").get(b"Nums").unwrap().as_array().unwrap();
        for (index, page) in self.pages().into_iter().enumerate() {
            assert_eq!(
                self.0.get_dictionary(page).unwrap().get(b"StructParents").unwrap().as_i64().unwrap(),
                index as i64
            );
            let parents = numbers[index * 2 + 1].as_array().unwrap();
            let marks: Vec<i64> = self.marked(page).iter().filter_map(|(_, mark, _)| *mark).collect();
            assert_eq!(marks, (0..parents.len() as i64).collect::<Vec<_>>());
            for mark in marks {
                assert_eq!(owners.remove(&(page, mark)), Some(parents[mark as usize].as_reference().unwrap()));
            }
        }
        assert!(owners.is_empty(), "elements point at marks that no page has");
        tags
    }

    fn walk(&self, id: ObjectId, tags: &mut Vec<String>, owners: &mut BTreeMap<(ObjectId, i64), ObjectId>) {
        let element = self.0.get_dictionary(id).unwrap();
        tags.push(String::from_utf8(element.get(b"S").unwrap().as_name().unwrap().to_vec()).unwrap());
        let page = element.get(b"Pg").ok().map(|page| page.as_reference().unwrap());
        let kids = match element.get(b"K").unwrap() {
            Object::Array(kids) => kids.clone(),
            one => vec![one.clone()],
        };
        for kid in kids {
            match kid {
                Object::Integer(mark) => assert_eq!(owners.insert((page.unwrap(), mark), id), None),
                Object::Dictionary(mark) => {
                    let page = mark.get(b"Pg").unwrap().as_reference().unwrap();
                    assert_eq!(owners.insert((page, mark.get(b"MCID").unwrap().as_i64().unwrap()), id), None);
                }
                Object::Reference(kid) => self.walk(kid, tags, owners),
                other => panic!("an unexpected kid: {other:?}"),
            }
        }
    }
}

/// Reads `bfchar` and `bfrange` lines.
fn to_unicode(cmap: &str) -> BTreeMap<u16, String> {
    let text = |hex: &str| {
        let units: Vec<u16> = hex
            .as_bytes()
            .chunks(4)
            .map(|unit| u16::from_str_radix(std::str::from_utf8(unit).unwrap(), 16).unwrap())
            .collect();
        String::from_utf16(&units).unwrap()
    };
    let mut map = BTreeMap::new();
    for line in cmap.lines() {
        let words: Vec<&str> = line.split(['<', '>', ' ']).filter(|word| !word.is_empty()).collect();
        if !line.starts_with('<') || line.contains("<0000> <ffff>") || line.contains("<0000> <FFFF>") {
            continue;
        }
        let code = |hex: &str| u16::from_str_radix(hex, 16).unwrap();
        match words.as_slice() {
            [glyph, unicode] => drop(map.insert(code(glyph), text(unicode))),
            [first, last, unicode] => {
                let start = text(unicode);
                let base = start.chars().next().unwrap() as u32;
                for (step, glyph) in (code(first)..=code(last)).enumerate() {
                    let said =
                        if step == 0 { start.clone() } else { char::from_u32(base + step as u32).unwrap().to_string() };
                    map.insert(glyph, said);
                }
            }
            other => panic!("an unexpected line: {other:?}"),
        }
    }
    map
}
