//! The envelope of a workbook we write: a ZIP made as it goes, to anything that takes bytes, without going
//! back. The same content gives the same bytes.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Bytes on their way, counted: the directory at the end says where each part began.
struct Counted<W> {
    out: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Entry {
    name: String,
    is_stored: bool,
    crc: u32,
    packed: u32,
    size: u32,
    offset: u32,
}

#[allow(clippy::large_enum_variant)] // one for a whole workbook
enum State<W: Write> {
    Between(Counted<W>),
    Inside(DeflateEncoder<Counted<W>>, Crc, Entry),
    /// Only while one state becomes another, or after a failure.
    Gone,
}

pub(super) struct Envelope<W: Write> {
    state: State<W>,
    entries: Vec<Entry>,
}

/// 1 January 1980, the first day a ZIP knows: no clock decides of the bytes.
const DAY: u16 = 0x0021;
const NAMES_IN_UTF8: u16 = 0x0800;
const SIZES_AFTER: u16 = 0x0008;

fn small(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| io::Error::other("more than 4 GiB in one workbook"))
}

fn gone() -> io::Error {
    io::Error::other("this workbook already failed")
}

impl<W: Write> Envelope<W> {
    pub(super) const fn new(out: W) -> Self {
        Envelope { state: State::Between(Counted { out, written: 0 }), entries: Vec::new() }
    }

    /// A short part as it is: the one that says what the file is must not be compressed.
    pub(super) fn stored(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let State::Between(out) = &mut self.state else { return Err(gone()) };
        let mut crc = Crc::new();
        crc.update(content);
        let size = small(content.len() as u64)?;
        let offset = small(out.written)?;
        let entry = Entry { name: name.to_owned(), is_stored: true, crc: crc.sum(), packed: size, size, offset };
        local_header(out, &entry)?;
        out.write_all(content)?;
        self.entries.push(entry);
        Ok(())
    }

    /// A whole part at once.
    pub(super) fn part(&mut self, name: &str, content: &str) -> io::Result<()> {
        self.open(name)?;
        self.write_all(content.as_bytes())?;
        self.close()
    }

    pub(super) fn open(&mut self, name: &str) -> io::Result<()> {
        let State::Between(mut out) = std::mem::replace(&mut self.state, State::Gone) else { return Err(gone()) };
        let offset = small(out.written)?;
        let entry = Entry { name: name.to_owned(), is_stored: false, crc: 0, packed: 0, size: 0, offset };
        local_header(&mut out, &entry)?;
        self.state = State::Inside(DeflateEncoder::new(out, Compression::fast()), Crc::new(), entry);
        Ok(())
    }

    pub(super) fn close(&mut self) -> io::Result<()> {
        let State::Inside(mut part, crc, mut entry) = std::mem::replace(&mut self.state, State::Gone) else {
            return Err(gone());
        };
        part.try_finish()?;
        (entry.crc, entry.packed, entry.size) = (crc.sum(), small(part.total_out())?, small(part.total_in())?);
        let mut out = part.finish()?;
        out.write_all(b"PK\x07\x08")?;
        for number in [entry.crc, entry.packed, entry.size] {
            out.write_all(&number.to_le_bytes())?;
        }
        self.entries.push(entry);
        self.state = State::Between(out);
        Ok(())
    }

    /// The directory, without which the file opens nowhere.
    pub(super) fn finish(self) -> io::Result<W> {
        let State::Between(mut out) = self.state else { return Err(gone()) };
        let start = small(out.written)?;
        for entry in &self.entries {
            out.write_all(b"PK\x01\x02")?;
            out.write_all(&20u16.to_le_bytes())?;
            about(&mut out, entry)?;
            // Comment, disk, attributes: none.
            out.write_all(&[0; 10])?;
            out.write_all(&entry.offset.to_le_bytes())?;
            out.write_all(entry.name.as_bytes())?;
        }
        let length = small(out.written)? - start;
        let count = u16::try_from(self.entries.len()).map_err(io::Error::other)?;
        out.write_all(b"PK\x05\x06\0\0\0\0")?;
        out.write_all(&count.to_le_bytes())?;
        out.write_all(&count.to_le_bytes())?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&start.to_le_bytes())?;
        out.write_all(&[0; 2])?;
        out.flush()?;
        Ok(out.out)
    }
}

impl<W: Write> Write for Envelope<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let State::Inside(part, crc, _) = &mut self.state else { return Err(gone()) };
        let written = part.write(bytes)?;
        crc.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn local_header(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    out.write_all(b"PK\x03\x04")?;
    about(out, entry)?;
    out.write_all(entry.name.as_bytes())
}

/// What both headers say of an entry, from the version needed to the length of the extra field.
fn about(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    let flags = if entry.is_stored { NAMES_IN_UTF8 } else { NAMES_IN_UTF8 | SIZES_AFTER };
    let method = if entry.is_stored { 0u16 } else { 8 };
    for number in [20, flags, method, 0, DAY] {
        out.write_all(&number.to_le_bytes())?;
    }
    for number in [entry.crc, entry.packed, entry.size] {
        out.write_all(&number.to_le_bytes())?;
    }
    let length = u16::try_from(entry.name.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&0u16.to_le_bytes())
}
