//! Work that joins the store with the documents and the mail: facts are read, rendered outside any write, then kept.

pub mod acknowledgement;
pub mod attestation;
pub mod convocation;
pub mod correction;
pub mod documents;
pub mod equivalence;
pub mod examination;
pub mod jury;
pub mod list;
pub mod message;
pub mod mission;
pub mod portfolio;
pub mod publication;
pub mod thumbnail;
pub mod training;
