//! What an officer does to one file, each act a form of its page: done, one is back on the file with a word; refused, the
//! page comes back with what was typed. Letters are served here too, to the office and to their candidate.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::certificate::attachment;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{CurrentActor, Flash, Shell};
use super::super::pieces::keep_all;
use super::super::session::own_session;
use super::file::{back, file_page};
use crate::domain::examination::wording;
use crate::domain::permission::Action;
use crate::office::examination::{Post, letter_document, letter_for_candidate};
use crate::store::examination::{self, Judged, letters, requests};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, Stored};
use crate::store::{pieces, registration};

/// An act on one file: done, it goes back to the file with a word; refused, the page comes back with what was typed.
async fn act<F>(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    (id, registration_id, query): (String, String, Option<String>),
    mut form: Form,
    (field, done): (&str, &str),
    command: F,
) -> Result<Response, AppError>
where
    F: FnOnce(&mut crate::store::Tx<'_>, &str) -> Stored<()> + Send + 'static,
{
    if !form.is_refused() {
        let (file, session_id) = (registration_id.clone(), id.clone());
        let outcome = app
            .db
            .write(actor, Lock::Session(id.clone()), move |tx| {
                registration::must_be_of(tx.conn, &file, &session_id)?;
                command(tx, &file)
            })
            .await;
        match outcome {
            Ok(()) => return Ok(Flash::success(done).then(&back(&id, &registration_id, query.as_deref()))),
            Err(StoreError::Refused(no)) => form.refuse(field, no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    file_page(app, shell, actor, id, registration_id, query, form).await
}

/// Every piece of the file in one go: what the officer left as it was is not touched.
pub async fn judge_pieces(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let all_received = raw.trimmed("tout") == "accepted";
    let mut judged = Vec::new();
    let mut form = Form::from_raw(raw.clone());
    for (name, seen) in raw.fields() {
        let Some(code) = name.strip_prefix("vu-") else { continue };
        let field = format!("motif-{code}");
        let reason = raw.trimmed(&field).to_owned();
        if reason.chars().count() > wording::LONGEST {
            form.refuse(&field, "Le motif est trop long\u{a0}: 2 000 lettres au plus.");
        }
        let is_received = seen.starts_with("received:");
        let state = if all_received && is_received { "accepted" } else { raw.trimmed(&format!("etat-{code}")) };
        if all_received && !is_received {
            continue;
        }
        judged.push(Judged { code: code.to_owned(), state: state.to_owned(), reason, seen: seen.to_owned() });
    }
    if !form.is_refused() {
        let (file, session_id) = (registration_id.clone(), id.clone());
        let done = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| {
                registration::must_be_of(tx.conn, &file, &session_id)?;
                examination::judge_pieces(tx, &file, &judged)
            })
            .await;
        match done {
            Ok(Ok(noted)) => {
                let said = match noted {
                    0 => Flash::info("Aucune pièce n’a changé."),
                    1 => Flash::success("1 pièce est notée."),
                    many => Flash::success(format!("{many} pièces sont notées.")),
                };
                return Ok(said.then(&back(&id, &registration_id, query.as_deref())));
            }
            Ok(Err(faults)) => {
                for (code, no) in faults {
                    form.refuse(&format!("motif-{code}"), no.to_string());
                    // The page shows what stands now; the next judgement is on that.
                    form.forget(&format!("vu-{code}"));
                }
            }
            Err(StoreError::Refused(no)) => form.refuse("pieces", no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    file_page(&app, &shell, &actor, id, registration_id, query, form).await
}

/// A piece that came on paper or by hand, scanned by the office for its candidate.
pub async fn scan(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let (who, session_id, wanted) = (actor.0.clone(), id.clone(), registration_id.clone());
    let limits = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &session_id, Action::ExamineFiles)?;
            registration::must_be_of(conn, &wanted, &session.id)?;
            pieces::limits(conn, &session)
        })
        .await?;
    let code = raw.trimmed("piece").to_owned();
    let mut form = Form::from_raw(raw.clone());
    if code.is_empty() {
        form.refuse("piece", "Choisissez la pièce que vous avez numérisée.");
    }
    let sent = raw.files("numerisation");
    if sent.is_empty() {
        form.refuse("numerisation", "Choisissez le fichier numérisé.");
    }
    let mut kept = Vec::new();
    if !form.is_refused() {
        match keep_all(&app, "pieces", &sent, &limits).await? {
            Ok(files) => kept = files,
            Err(sentence) => form.refuse("numerisation", sentence),
        }
    }
    let replaces = raw.trimmed("remplacer") == "oui";
    let said = ("numerisation", "La pièce numérisée est au dossier\u{a0}: vous pouvez la noter.");
    act(&app, &shell, &actor, (id, registration_id, query), form, said, move |tx, file| {
        pieces::receive(tx, file, &code, &kept, replaces).map(|_| ())
    })
    .await
}

pub async fn assign(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let to = Some(raw.trimmed("agent").to_owned()).filter(|id| !id.is_empty());
    let done = if to.is_some() { "Le dossier est confié." } else { "Le dossier n’est plus confié à personne." };
    let form = Form::from_raw(raw);
    act(&app, &shell, &actor, (id, registration_id, query), form, ("agent", done), move |tx, file| {
        examination::assign(tx, &[file.to_owned()], to.as_deref())
    })
    .await
}

pub async fn add_note(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let body = reading.text("note", "Écrivez la note avant de l’enregistrer.", 4_000).unwrap_or_default();
    let form = reading.into_form();
    act(
        &app,
        &shell,
        &actor,
        (id, registration_id, query),
        form,
        ("note", "La note est enregistrée."),
        move |tx, file| examination::add_note(tx, file, &body),
    )
    .await
}

/// The post of the session's academy.
pub(super) async fn post_of(app: &AppState, actor: &CurrentActor, session_id: &str) -> Result<Post, AppError> {
    let (who, id, url) = (actor.0.clone(), session_id.to_owned(), app.config.public_url.clone());
    Ok(app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ExamineFiles)?;
            Post::of(conn, &session.academy_code, &url)
        })
        .await?)
}

pub async fn ask(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let post = post_of(&app, &actor, &id).await?;
    if !raw.trimmed("inserer").is_empty() {
        return file_page(&app, &shell, &actor, id, registration_id, query, Form::from_raw(raw)).await;
    }
    let mut reading = Reading::of(raw);
    let due = reading.required("echeance", "Indiquez jusqu’à quand le candidat peut répondre.", |text| {
        text.parse::<jiff::civil::Date>().map_err(|_| "Écrivez la date limite sous la forme AAAA-MM-JJ.")
    });
    let message = reading.free_text("message", wording::LONGEST).unwrap_or_default();
    let form = reading.into_form();
    let due = due.unwrap_or(jiff::civil::Date::ZERO);
    let said = ("echeance", "La demande est partie\u{a0}: le candidat reçoit un lien vers son dossier.");
    act(&app, &shell, &actor, (id, registration_id, query), form, said, move |tx, file| {
        let notify = |session: &SessionRow, person: &crate::store::people::PersonRow, key: &str| {
            post.request(session, person, key)
        };
        requests::ask_pieces(tx, file, &message, due, &notify).map(|_| ())
    })
    .await
}

pub async fn remind(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let post = post_of(&app, &actor, &id).await?;
    let said = ("echeance", "Le rappel est parti.");
    act(&app, &shell, &actor, (id, registration_id, query), Form::from_raw(raw), said, move |tx, file| {
        let notify = |session: &SessionRow, person: &crate::store::people::PersonRow, key: &str| {
            post.reminder(session, person, key)
        };
        requests::remind(tx, file, &notify)
    })
    .await
}

pub async fn close(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id, request)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let said = ("echeance", "La demande est fermée.");
    act(&app, &shell, &actor, (id, registration_id, query), Form::from_raw(raw), said, move |tx, file| {
        requests::close_request(tx, file, &request)
    })
    .await
}

pub async fn letter(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, registration_id, letter_id)): Path<(String, String, String)>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let letter_id = letter_id.strip_suffix(".pdf").unwrap_or(&letter_id).to_owned();
    let row = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeOffice)?;
            let row = letters::get_letter(conn, &registration_id, &letter_id)?;
            if row.session_id == session.id { Ok(row) } else { Err(StoreError::NotFound) }
        })
        .await?;
    let db = app.db.clone();
    let drawn =
        tokio::task::spawn_blocking(move || letter_document(&db, &row.id)).await.map_err(AppError::internal)??;
    Ok(attachment(drawn))
}

pub async fn posted(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id, letter_id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let day = reading.required("envoi", "Indiquez le jour de l’envoi par la poste.", |text| {
        text.parse::<jiff::civil::Date>().map_err(|_| "Écrivez la date sous la forme AAAA-MM-JJ.")
    });
    let form = reading.into_form();
    let day = day.unwrap_or(jiff::civil::Date::ZERO);
    let said = ("envoi", "Le jour d’envoi est noté.");
    act(&app, &shell, &actor, (id, registration_id, query), form, said, move |tx, file| {
        letters::note_posted(tx, file, &letter_id, day)
    })
    .await
}

/// The candidate reads the letter in force of their own file; the first reading is its notification.
pub async fn own_letter(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(registration_id): Path<String>,
) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    let files = app.db.read(move |conn| registration::list_files_of_user(conn, &user_id)).await?;
    let view =
        files.into_iter().find(|view| view.registration.id == registration_id).ok_or_else(AppError::not_found)?;
    let (db, who) = (app.db.clone(), actor.0.clone());
    let found =
        tokio::task::spawn_blocking(move || letter_for_candidate(&db, &who, &view.session, &view.registration.id))
            .await
            .map_err(AppError::internal)??;
    found.map(attachment).ok_or_else(AppError::not_found)
}
