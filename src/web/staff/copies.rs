//! Signed copies as they are received: looked at by their content, kept whole, given back as an attachment.

use crate::domain::mission::{COPY_LIMIT, check_copy};
use crate::store::documents::{NewDocument, find_document, keep_document};
use crate::store::mission::SignedRow;
use crate::store::{Lock, StoreError};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::UploadedFile;
use crate::web::page::CurrentActor;

/// The kind under which documents keep signed copies.
const KIND: &str = "signed_letter";

/// A copy that was accepted and kept.
pub(super) struct Kept {
    pub sha256: String,
    pub file_name: String,
    pub content_type: String,
    pub size: i32,
}

/// Keeps the file when its content is a PDF of a reasonable size; otherwise the sentence for the form.
pub(super) async fn receive(
    state: &AppState,
    actor: &CurrentActor,
    academy: &str,
    file: &UploadedFile,
) -> Result<Result<Kept, String>, AppError> {
    if let Err(refusal) = check_copy(&file.bytes) {
        return Ok(Err(refusal.to_string()));
    }
    let sha256 = crate::domain::audit::sha256_hex(&file.bytes);
    let name: String = file.name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(120).collect();
    let kept = Kept {
        sha256: sha256.clone(),
        file_name: if name.trim().is_empty() { "lettre-signee.pdf".to_owned() } else { name },
        content_type: "application/pdf".to_owned(),
        size: i32::try_from(file.bytes.len().min(COPY_LIMIT)).unwrap_or(i32::MAX),
    };
    let new = NewDocument {
        academy_code: academy.to_owned(),
        session_id: None,
        subject_id: sha256,
        kind: KIND.to_owned(),
        file_name: kept.file_name.clone(),
        content_type: kept.content_type.clone(),
        bytes: file.bytes.to_vec(),
    };
    state.db.write(&actor.0, Lock::House, move |tx| keep_document(tx, new)).await?;
    Ok(Ok(kept))
}

/// The bytes of a copy, exactly as received.
pub(super) async fn bytes_of(state: &AppState, row: &SignedRow) -> Result<Vec<u8>, AppError> {
    let sha256 = row.sha256.clone();
    let found = state.db.read(move |conn| find_document(conn, KIND, &sha256)).await?;
    Ok(found.ok_or(StoreError::NotFound)?.bytes)
}
