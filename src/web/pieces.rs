//! Pieces handed in, before and after submission: one page for the owner, the files themselves, and the office's sight of them.
//! A file is inspected, then kept, then named by a row; a refusal leaves nothing behind and says what to do.
//! Files leave as downloads alone, in a sandbox: nothing that was handed in is ever a page of this site.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, UploadedFile};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::shown_instant;
use crate::domain::permission::{OFFICE, Role};
use crate::domain::piece::{self, PieceLimits, megabytes, shown_name};
use crate::domain::refusal::Refusal;
use crate::office::thumbnail;
use crate::store::examination::list_reasons;
use crate::store::pieces::{self, Holder, NewFile, PieceFileRow, PieceView};
use crate::store::{Lock, StoreError};

const CANDIDATE: Gate = Gate::Roles(&[Role::Candidate]);

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/mon-dossier/{registration}/pieces", CANDIDATE, show)
        .upload("/mon-dossier/{registration}/pieces/{code}", CANDIDATE, receive)
        .get("/mon-dossier/{registration}/pieces/fichiers/{file}", CANDIDATE, own_file)
        .post("/mon-dossier/{registration}/pieces/fichiers/{file}/retrait", CANDIDATE, take_back)
        .get("/gestion/sessions/{id}/dossiers/{registration}/pieces/{file}", Gate::Roles(OFFICE), office_file)
        .get("/gestion/sessions/{id}/dossiers/{registration}/pieces/{file}/apercu.png", Gate::Roles(OFFICE), picture)
}

struct FileLine {
    id: String,
    name: String,
    about: String,
    removable: bool,
    remove: String,
}

struct PieceCard {
    code: String,
    label: String,
    field: String,
    question: String,
    hint: String,
    tone: Tone,
    status: &'static str,
    files: Vec<FileLine>,
    replaced: usize,
    open: bool,
    /// Why the office refused what was sent.
    ground: String,
    is_refused: bool,
}

#[derive(Template)]
#[template(path = "pieces/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    file_id: String,
    lead: String,
    closed: &'static str,
    most: String,
    open: bool,
    pieces: Vec<PieceCard>,
    back: String,
    back_label: &'static str,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(file_id): Path<String>,
) -> Result<Response, AppError> {
    shown(&app, &shell, &actor, file_id, Form::empty()).await
}

async fn shown(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    file_id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (holder, limits, views, grounds) = app
        .db
        .read(move |conn| {
            let holder = pieces::get_own_holder(conn, &who, &file_id)?;
            let limits = pieces::limits(conn, &holder.session)?;
            let views = pieces::list_pieces(conn, &holder)?;
            let grounds = list_reasons(conn, &holder.file_id)?;
            Ok((holder, limits, views, grounds))
        })
        .await?;
    let open = holder.takes_files(app.clock().now());
    let refused = form.is_refused();
    let (back, back_label) = if holder.is_draft() {
        (format!("/inscription/{}", holder.file_id), "Revenir à mon inscription")
    } else {
        ("/mon-dossier".to_owned(), "Revenir à mon dossier")
    };
    let lead = match &holder.number {
        Some(number) => format!("Dossier {number}, session {}.", holder.session.year),
        None => format!(
            "Inscription en cours, session {}\u{a0}: vous pourrez encore changer ces fichiers avant d’envoyer votre dossier.",
            holder.session.year
        ),
    };
    let page = shell.page("Pièces justificatives").under("Mon dossier", "/mon-dossier").with_errors(refused);
    let template = ShowPage {
        page,
        form,
        lead,
        closed: if holder.is_withdrawn {
            "cette candidature est retirée\u{a0}: ses pièces ne changent plus."
        } else {
            "les pièces de ce dossier ne changent plus\u{a0}: écrivez au bureau des examens de votre académie pour toute correction."
        },
        most: megabytes(limits.file_bytes.value),
        open,
        pieces: views
            .into_iter()
            .map(|view| {
                let ground = grounds.get(&view.code).cloned().unwrap_or_default();
                card(&holder, view, &limits, open, ground)
            })
            .collect(),
        file_id: holder.file_id.clone(),
        back,
        back_label,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

fn card(holder: &Holder, view: PieceView, limits: &PieceLimits, open: bool, ground: String) -> PieceCard {
    let (tone, status) = match view.state.as_str() {
        "accepted" => (Tone::Success, "Acceptée"),
        "received" => (Tone::Info, "Reçue"),
        "refused" => (Tone::Error, "Refusée\u{a0}: à renvoyer"),
        _ => (Tone::Warning, "À fournir"),
    };
    let is_open = open && view.state != "accepted";
    let files = view
        .files
        .iter()
        .map(|file| FileLine {
            id: file.id.clone(),
            name: file.file_name.clone(),
            about: about(holder, file),
            removable: is_open && holder.is_draft(),
            remove: format!("/mon-dossier/{}/pieces/fichiers/{}/retrait", holder.file_id, file.id),
        })
        .collect::<Vec<_>>();
    PieceCard {
        field: format!("fichiers-{}", view.code),
        question: if files.is_empty() {
            "Choisir un ou plusieurs fichiers".to_owned()
        } else {
            "Ajouter des fichiers".to_owned()
        },
        hint: format!(
            "Jusqu’à {}\u{a0}fichiers\u{a0}: recto et verso, ou une photo par page.",
            limits.files_per_piece.value
        ),
        tone,
        status,
        files,
        replaced: view.replaced.len(),
        open: is_open,
        is_refused: view.state == "refused",
        ground: if view.state == "refused" { ground } else { String::new() },
        code: view.code,
        label: view.label,
    }
}

fn about(holder: &Holder, file: &PieceFileRow) -> String {
    let size = megabytes(u64::try_from(file.size).unwrap_or(0));
    let pages = if file.pages > 1 { format!(", {}\u{a0}pages", file.pages) } else { String::new() };
    format!("{}{pages}, {size}, envoyé le {}", file.kind().label(), shown_instant(&holder.session, file.uploaded_at.0))
}

async fn receive(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((file_id, code)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (who, asked) = (actor.0.clone(), file_id.clone());
    let (holder, limits) = app
        .db
        .read(move |conn| {
            let holder = pieces::get_own_holder(conn, &who, &asked)?;
            let limits = pieces::limits(conn, &holder.session)?;
            Ok((holder, limits))
        })
        .await?;
    let field = format!("fichiers-{code}");
    let mut form = Form::empty();
    let sent = raw.files(&field);
    if sent.is_empty() {
        form.refuse(&field, "Choisissez un fichier avant d’envoyer.");
        return shown(&app, &shell, &actor, file_id, form).await;
    }
    if sent.len() > usize::try_from(limits.files_per_piece.value).unwrap_or(usize::MAX) {
        form.refuse(
            &field,
            format!(
                "Choisissez {}\u{a0}fichiers au plus, ou réunissez-les en un seul PDF.",
                limits.files_per_piece.value
            ),
        );
        return shown(&app, &shell, &actor, file_id, form).await;
    }
    let files = match keep_all(&app, "pieces", &sent, &limits).await? {
        Ok(files) => files,
        Err(sentence) => {
            form.refuse(&field, sentence);
            return shown(&app, &shell, &actor, file_id, form).await;
        }
    };
    let replaces = raw.trimmed("remplacer") == "oui";
    let (id, piece_code) = (file_id.clone(), code.clone());
    let written = app
        .db
        .write(&actor, Lock::Session(holder.session.id.clone()), move |tx| {
            pieces::receive(tx, &id, &piece_code, &files, replaces)
        })
        .await;
    match written {
        Ok(0) => Ok(Flash::success("Ce fichier était déjà au dossier\u{a0}: rien n’a changé.").then(&place(&file_id))),
        Ok(1) => Ok(Flash::success("Le fichier est enregistré.").then(&place(&file_id))),
        Ok(count) => Ok(Flash::success(format!("{count}\u{a0}fichiers sont enregistrés.")).then(&place(&file_id))),
        Err(StoreError::Refused(refusal)) => {
            form.refuse(&field, refusal.to_string());
            shown(&app, &shell, &actor, file_id, form).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Files looked into and sealed at the same time.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Looks into files handed in, then keeps them in this area of the vault; the first bad one is a sentence that names it,
/// and none is kept. The file first, the row after: a cut between the two leaves a file that nobody names, and the sweep
/// takes it.
///
/// # Errors
/// When the machine or the vault fails.
pub async fn keep_all(
    app: &AppState,
    area: &'static str,
    sent: &[&UploadedFile],
    limits: &PieceLimits,
) -> Result<Result<Vec<NewFile>, String>, AppError> {
    // Each file looked into may hold several times its size: they wait their turn here, however many people send at once.
    let Ok(_place) = PLACES.acquire().await else { return Err(AppError::unavailable("no place to look into a file")) };
    let mut read = Vec::with_capacity(sent.len());
    for file in sent {
        let (bytes, bounds) = (file.bytes.clone(), limits.clone());
        let inspected = tokio::task::spawn_blocking(move || {
            piece::inspect(&bytes, &bounds).map(|inspected| (inspected, bytes.slice(..inspected.length)))
        })
        .await
        .map_err(AppError::internal)?;
        match inspected {
            Ok((inspected, bytes)) => read.push((&file.name, inspected, bytes)),
            Err(refusal) => return Ok(Err(refused_sentence(&file.name, &refusal))),
        }
    }
    let vault = app.vault.area(area);
    let mut files = Vec::with_capacity(read.len());
    for (name, inspected, bytes) in read {
        files.push(NewFile {
            file_name: shown_name(name, inspected.kind),
            kind: inspected.kind,
            size: bytes.len(),
            pages: inspected.pages,
            sha256: vault.put(&bytes).await?,
        });
    }
    Ok(Ok(files))
}

fn place(file_id: &str) -> String {
    format!("/mon-dossier/{file_id}/pieces")
}

/// Which of the files, then why.
fn refused_sentence(name: &str, refusal: &Refusal) -> String {
    let short: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("«\u{a0}{short}\u{a0}»\u{a0}: {refusal} Rien n’a été enregistré.")
}

async fn take_back(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((file_id, file)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let (who, asked) = (actor.0.clone(), file_id.clone());
    let holder = app.db.read(move |conn| pieces::get_own_holder(conn, &who, &asked)).await?;
    let id = file_id.clone();
    app.db.write(&actor, Lock::Session(holder.session.id), move |tx| pieces::take_back(tx, &id, &file)).await?;
    Ok(Flash::success("Le fichier est retiré.").then(&place(&file_id)))
}

async fn own_file(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((file_id, file)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let row = app.db.read(move |conn| pieces::get_own_file(conn, &who, &file_id, &file)).await?;
    download(&app, row).await
}

async fn office_file(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, registration, file)): Path<(String, String, String)>,
) -> Result<Response, AppError> {
    let row = office_row(&app, &actor, id, registration, file).await?;
    download(&app, row).await
}

async fn office_row(
    app: &AppState,
    actor: &CurrentActor,
    session: String,
    registration: String,
    file: String,
) -> Result<PieceFileRow, AppError> {
    let who = actor.0.clone();
    Ok(app.db.read(move |conn| pieces::get_office_file(conn, &who, &session, &registration, &file)).await?)
}

/// What a browser may do with a file: save it. Even opened, it runs nothing and reaches nothing.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

async fn download(app: &AppState, row: PieceFileRow) -> Result<Response, AppError> {
    let bytes = app.vault.area("pieces").get(&row.sha256).await?;
    let headers = [
        (header::CONTENT_TYPE, row.kind().content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&row.file_name)),
        (header::CONTENT_SECURITY_POLICY, SANDBOX.to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// `attachment`, with the name for every browser: letters of ASCII first, then the true one (RFC 6266).
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .collect();
    let mut whole = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            whole.push(char::from(byte));
        } else {
            whole.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

async fn picture(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, registration, file)): Path<(String, String, String)>,
) -> Result<Response, AppError> {
    let row = office_row(&app, &actor, id, registration, file).await?;
    let drawn = thumbnail::picture(&app.vault, &row.sha256, row.kind()).await?;
    let png = match drawn {
        Some(png) => png,
        None => Bytes::from(thumbnail::blank_page()),
    };
    let headers = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        // The hash of a file never changes what its picture is; only this person's browser keeps it.
        (header::CACHE_CONTROL, "private, max-age=3600"),
    ];
    Ok((headers, png).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_accents_or_tricks_stays_one_header() {
        assert_eq!(
            disposition("identité recto.pdf"),
            "attachment; filename=\"identit_ recto.pdf\"; filename*=UTF-8''identit%C3%A9%20recto.pdf"
        );
        assert!(!disposition("a\"\r\nX: y.pdf").contains(['\r', '\n']));
    }
}
