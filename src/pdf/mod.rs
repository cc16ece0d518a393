//! Documents as tagged PDF: what each sheet says, how it is laid out, and the pass that makes it PDF/A-3a and PDF/UA-1.
//! Every entry is a pure function of its sheet: same sheet, same bytes. No clock, no counter, no file is read.
//! Whoever issues a document decides what it states; nothing here decides, signs or stores.

mod backend;
mod conform;
mod draw;
mod face;
mod flow;
mod frame;
mod french;
mod letterhead;
mod lines;
mod program;
mod specimen;
mod structure;
mod table;
mod writer;
mod xmp;

pub mod attendance;
pub mod certificate;
pub mod convocation;
pub mod letter;
pub mod minutes;
pub mod mission;
pub mod named;
pub mod orders;
pub mod portfolio;
pub mod transcript;

#[cfg(test)]
mod reading;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use face::unprintable;

/// Why a document could not be made. None of these depends on what people type: a letter that no typeface
/// has is drawn as an empty box and reported in the log (see [`unprintable`] to ask beforehand).
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("the typeface {0} shipped with the program cannot be read")]
    Typeface(&'static str),
    #[error("the address to verify is too long for a QR code ({0} bytes)")]
    QrTooLong(usize),
    #[error("the PDF could not be assembled: {0}")]
    Assembly(String),
    #[error("the PDF could not be written")]
    Write(#[from] std::io::Error),
}

/// The person a document is about, spelt exactly as the civil state has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub civility: String,
    pub first_names: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
}

impl Person {
    /// « Mme Claire Élise DUPONT »: first names then birth name, no letter changed.
    pub fn full_name(&self) -> String {
        [self.civility.trim(), self.first_names.trim(), self.birth_name.trim()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The usage name, when it says something that the birth name does not.
    pub fn other_name(&self) -> Option<&str> {
        self.usage_name.as_deref().map(str::trim).filter(|name| !name.is_empty() && *name != self.birth_name.trim())
    }
}

/// The office that issues a document: an academy's examinations division, as the header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// The academy's name alone: « Limoges ».
    pub academy: String,
    pub region: String,
    pub service: String,
    pub phone: String,
    pub email: String,
    pub city: String,
}

/// Whose hand signs: the sheet leaves room for it and never calls a seal a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatory {
    pub name: String,
    pub title: String,
    pub delegation: Option<String>,
}

/// A plain table: column headers, then rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleTable {
    pub headers: Vec<String>,
    pub rows: Vec<Vec<String>>,
}
