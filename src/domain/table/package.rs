//! The envelope of a workbook, looked at before anything in it is inflated: how many entries, under which
//! names, how far it may grow. Nothing is ever written out; a part is read as a stream, within its bound.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::TableRefused;
use super::xml::Xml;

const MAX_ENTRIES: usize = 2_000;
/// All parts read together, inflated. A sheet of 50,000 people takes 60 MB of XML.
const MAX_INFLATED: u64 = 256 * 1024 * 1024;
/// A file of its own size inflates some 10 to 60 times; deflate can do a thousand.
const MAX_RATIO: u64 = 200;
const ALWAYS_ALLOWED: u64 = 16 * 1024 * 1024;
/// One tag or one text of the XML: far above any cell, far under what would hurt.
const MAX_EVENT: usize = 1024 * 1024;

pub(super) enum Kind {
    Xlsx,
    Ods,
}

pub(super) struct Package<'f> {
    archive: ZipArchive<Cursor<&'f [u8]>>,
    /// Names in lower case, as packages compare them, to their place.
    places: HashMap<String, usize>,
    left: u64,
}

impl<'f> Package<'f> {
    pub(super) fn open(bytes: &'f [u8]) -> Result<Self, TableRefused> {
        // Counted before the directory is read: a million empty entries fit in a small file.
        let entries = bytes.windows(4).filter(|window| *window == b"PK\x01\x02").take(MAX_ENTRIES + 1).count();
        if entries > MAX_ENTRIES {
            return Err(TableRefused::Bomb);
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| TableRefused::Damaged)?;
        let mut places = HashMap::with_capacity(archive.len());
        for place in 0..archive.len() {
            let name = match archive.name_for_index(place) {
                Some(Ok(name)) => name.replace('\\', "/"),
                _ => return Err(TableRefused::Hostile),
            };
            if name.starts_with('/') || name.contains('\0') || name.split('/').any(|part| part == "..") {
                return Err(TableRefused::Hostile);
            }
            if places.insert(name.to_lowercase(), place).is_some() {
                return Err(TableRefused::Hostile);
            }
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let left = size.saturating_mul(MAX_RATIO).clamp(ALWAYS_ALLOWED, MAX_INFLATED);
        Ok(Package { archive, places, left })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(&name.to_lowercase())
    }

    /// What kind of workbook this is, once it has been seen to carry no macro and no lock.
    pub(super) fn kind(&mut self) -> Result<Kind, TableRefused> {
        let any = |wanted: &dyn Fn(&str) -> bool| self.places.keys().any(|name| wanted(name));
        if any(&|name| name.ends_with("vbaproject.bin") || name.starts_with("basic/") || name.starts_with("scripts/")) {
            return Err(TableRefused::Macros);
        }
        if any(&|name| name == "encrypted-package") {
            return Err(TableRefused::Encrypted);
        }
        if any(&|name| name == "xl/workbook.bin" || name.ends_with(".iwa") || name == "index.zip") {
            return Err(TableRefused::ForeignWorkbook);
        }
        if self.has("[Content_Types].xml") {
            // A Word document has the same envelope.
            return if any(&|name| name.starts_with("word/") || name.starts_with("ppt/")) {
                Err(TableRefused::NotWorkbook)
            } else {
                Ok(Kind::Xlsx)
            };
        }
        if self.has("content.xml") {
            let mut kind = String::new();
            if self.has("mimetype") {
                self.part("mimetype")?.take(200).read_to_string(&mut kind).map_err(|_| TableRefused::Damaged)?;
            }
            if kind.contains("opendocument") && !kind.contains("spreadsheet") {
                return Err(TableRefused::NotWorkbook);
            }
            if self.has("META-INF/manifest.xml") {
                let mut manifest = Vec::new();
                let part = self.part("META-INF/manifest.xml")?;
                part.take(1024 * 1024).read_to_end(&mut manifest).map_err(|_| TableRefused::Damaged)?;
                if String::from_utf8_lossy(&manifest).contains("encryption-data") {
                    return Err(TableRefused::Encrypted);
                }
            }
            return Ok(Kind::Ods);
        }
        Err(TableRefused::NotWorkbook)
    }

    fn part(&mut self, name: &str) -> Result<ZipFile<'_, Cursor<&'f [u8]>>, TableRefused> {
        let place = self.places.get(&name.to_lowercase()).copied().ok_or(TableRefused::Damaged)?;
        self.archive.by_index(place).map_err(|cause| match cause {
            zip::result::ZipError::InvalidPassword => TableRefused::Encrypted,
            zip::result::ZipError::UnsupportedArchive(why) if why == zip::result::ZipError::PASSWORD_REQUIRED => {
                TableRefused::Encrypted
            }
            _ => TableRefused::Damaged,
        })
    }

    /// Reads one part as XML, within what is left to inflate.
    pub(super) fn read_part<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, TableRefused>,
    ) -> Result<T, TableRefused> {
        let left = self.left;
        let (result, refused, left) = {
            let part: Box<dyn Read + '_> = Box::new(self.part(name)?);
            let mut xml = Xml::new(Meter { inner: BufReader::new(part), left, event: 0, refused: None });
            let result = read(&mut xml);
            let meter = xml.into_inner();
            (result, meter.refused, meter.left)
        };
        self.left = left;
        match refused {
            Some(refused) => Err(refused),
            None => result,
        }
    }
}

/// Counts what is inflated, and how much of it one event holds.
pub(super) struct Meter<'a> {
    inner: BufReader<Box<dyn Read + 'a>>,
    left: u64,
    event: usize,
    refused: Option<TableRefused>,
}

impl Meter<'_> {
    pub(super) fn next_event(&mut self) {
        self.event = 0;
    }
}

impl Read for Meter<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let found = self.fill_buf()?;
        let length = found.len().min(into.len());
        into[..length].copy_from_slice(&found[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Meter<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.left == 0 || self.event > MAX_EVENT {
            self.refused = Some(TableRefused::Bomb);
            return Err(std::io::Error::other("bound"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.event += length;
        self.left = self.left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        self.inner.consume(length);
    }
}
