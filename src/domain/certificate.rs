//! What a certificate certifies, and how the register chains its certificates.
//! Rule: décret n° 2017-791, delivered by the recteur to the admitted. It never carries marks.
//! The snapshot is taken at issue; the PDF and every verification are made from it, whatever changes later.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::audit::sha256_hex;

words! {
    /// What a certificate is worth today.
    pub enum CertificateState {
        Valid = "valid",
        Revoked = "revoked",
        Replaced = "replaced",
    }
}

impl CertificateState {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            CertificateState::Valid => "valable",
            CertificateState::Revoked => "révoqué",
            CertificateState::Replaced => "remplacé",
        }
    }
}

/// Every certified field, as it stood on the day of issue. Field order is the hashed order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub number: String,
    pub control_key: String,
    pub civility: String,
    pub first_names: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub birth_date: Date,
    pub birth_place: Option<String>,
    pub academy_code: String,
    pub academy: String,
    pub region: String,
    pub session: i16,
    pub deliberated_on: Date,
    /// The texts the certificate cites, ready to print.
    pub texts: Vec<String>,
    pub issued_at: String,
    pub issued_on: Date,
    pub signatory_name: String,
    pub signatory_title: String,
    pub delegation: Option<String>,
    pub verify_url: String,
    /// True for a demonstration: such a certificate has no value and says so.
    pub simulated: bool,
}

impl Snapshot {
    /// SHA-256 of the snapshot as it is stored.
    ///
    /// # Errors
    /// None in practice: every field serialises.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Hash of a register entry: the number, the snapshot's hash and the entry before it in the same academy and session.
#[must_use]
pub fn register_hash(number: &str, snapshot_sha256: &str, previous_hash: &str) -> String {
    let value = serde_json::json!([number, snapshot_sha256, previous_hash]);
    sha256_hex(value.to_string().as_bytes())
}

/// The answer given to whoever checks a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Valid(Box<Snapshot>),
    Revoked(Box<Snapshot>),
    Replaced(Box<Snapshot>),
    /// The paper or file names a certificate of the register, but its content is not ours.
    Altered,
    Unknown,
}

impl Verdict {
    /// The word of the command line and of the page.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Verdict::Valid(_) => "valid",
            Verdict::Revoked(_) => "revoked",
            Verdict::Replaced(_) => "replaced",
            Verdict::Altered => "altered",
            Verdict::Unknown => "unknown",
        }
    }
}
