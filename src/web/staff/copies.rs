//! Signed copies as they are received: looked at by their content, kept sealed in the vault, given back whole.

use crate::domain::mission::check_copy;
use crate::store::mission::SignedRow;
use crate::vault::Vault;
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::UploadedFile;

/// A copy that was accepted and kept.
pub(super) struct Kept {
    pub sha256: String,
    pub file_name: String,
    pub content_type: String,
    pub size: i32,
}

/// Signed letters have a part of the vault of their own: what sweeps the pieces of exam files leaves them alone.
fn area(state: &AppState) -> Vault {
    state.vault.area("lettres")
}

/// Keeps the file when its content is a PDF of a reasonable size; otherwise the sentence for the form.
pub(super) async fn receive(state: &AppState, file: &UploadedFile) -> Result<Result<Kept, String>, AppError> {
    if let Err(refusal) = check_copy(&file.bytes) {
        return Ok(Err(refusal.to_string()));
    }
    let sha256 = area(state).put(&file.bytes).await?;
    let name: String = file.name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(120).collect();
    Ok(Ok(Kept {
        sha256,
        file_name: if name.trim().is_empty() { "lettre-signee.pdf".to_owned() } else { name },
        content_type: "application/pdf".to_owned(),
        size: i32::try_from(file.bytes.len()).unwrap_or(i32::MAX),
    }))
}

/// The bytes of a copy, exactly as received.
pub(super) async fn bytes_of(state: &AppState, row: &SignedRow) -> Result<Vec<u8>, AppError> {
    Ok(area(state).get(&row.sha256).await?.to_vec())
}
