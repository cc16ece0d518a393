//! Work that joins the store with the documents and the mail: facts are read, rendered outside any write, then kept.

pub mod attestation;
pub mod convocation;
pub mod documents;
pub mod jury;
pub mod portfolio;
pub mod publication;
