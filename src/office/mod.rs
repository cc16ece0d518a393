//! Work that joins the store with the documents and the mail: facts are read, rendered outside any write, then kept.

pub mod acknowledgement;
pub mod attestation;
pub mod convocation;
pub mod documents;
pub mod equivalence;
pub mod jury;
pub mod mission;
pub mod message;
pub mod publication;
pub mod thumbnail;
pub mod training;
