//! The office invites a session's candidates and jurors to open their accounts: one mail each, however often it asks.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::RawForm;
use super::french::count;
use super::page::{CurrentActor, Flash, Page, Shell, html};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of};
use crate::domain::academy::Academy;
use crate::domain::permission::{Action, OFFICE};
use crate::store::Lock;
use crate::store::invitations::{InvitationFacts, Opens, Progress, count_progress, invite_jurors, invite_people};
use crate::store::outbox::NewMail;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new().get("/gestion/sessions/{id}/invitations", Gate::Roles(OFFICE), show).post(
        "/gestion/sessions/{id}/invitations",
        Gate::Roles(OFFICE),
        send,
    )
}

/// One kind of guests, with the word that names it in the form.
struct Guests {
    who: &'static str,
    title: &'static str,
    progress: Progress,
    button: String,
}

#[derive(Template)]
#[template(path = "invitation/show.html")]
struct InvitationsPage {
    page: Page,
    action: String,
    guests: [Guests; 2],
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let (session, candidates, jurors) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &actor, &id, Action::SeeOffice)?;
            let (candidates, jurors) = count_progress(conn, &session.id)?;
            Ok((session, candidates, jurors))
        })
        .await?;
    let button = |progress: Progress, one, many| match progress.to_invite {
        0 => String::new(),
        number => format!("Inviter {}", count(number, one, many)),
    };
    html(&InvitationsPage {
        page: page_of(&shell, &session, "Invitations").heading("Ouvrir les comptes"),
        action: format!("/gestion/sessions/{}/invitations", session.id),
        guests: [
            Guests {
                who: "candidats",
                title: "Candidats",
                progress: candidates,
                button: button(candidates, "candidat", "candidats"),
            },
            Guests {
                who: "jures",
                title: "Membres du jury",
                progress: jurors,
                button: button(jurors, "membre du jury", "membres du jury"),
            },
        ],
    })
}

async fn send(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let is_jury = match raw.get("qui") {
        "candidats" => false,
        "jures" => true,
        _ => return Err(AppError::unprocessable("Choisissez qui inviter\u{a0}: les candidats ou le jury.")),
    };
    let url = app.config.public_url.clone();
    let session_id = id.clone();
    let sent = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let message = |facts: &InvitationFacts<'_>| letter(facts, &url);
            if is_jury { invite_jurors(tx, &session_id, &message) } else { invite_people(tx, &session_id, &message) }
        })
        .await?;
    let said = match sent {
        0 => "Personne n’était à inviter\u{a0}: aucun message n’est parti.".to_owned(),
        number => format!("{} en file d’envoi.", count(number, "invitation est", "invitations sont")),
    };
    Ok(Flash::success(said).then(&format!("/gestion/sessions/{id}/invitations")))
}

/// The mail of one guest. Plain text, one link, until when, and what to do when one did not expect it.
fn letter(facts: &InvitationFacts<'_>, public_url: &str) -> NewMail {
    let year = facts.session.year;
    let academy = Academy::find(&facts.session.academy_code);
    let whose = academy.map(Academy::full_name).unwrap_or_default();
    let until = academy.map(|academy| academy.show(facts.expires)).unwrap_or_default();
    let (subject, what) = match facts.opens {
        Opens::CandidateFile => (
            format!("Votre dossier de candidature, session {year}"),
            format!(
                "Votre dossier de candidature à la session {year} de l’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire ({whose}) est ouvert. Vous y suivrez son instruction, y trouverez votre convocation, puis votre résultat."
            ),
        ),
        Opens::JurySeat => (
            format!("Votre place au jury, session {year}"),
            format!(
                "Vous êtes membre du jury de la session {year} de l’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire ({whose}). Votre espace donne votre planning, les candidats que vous entendez et la saisie des évaluations."
            ),
        ),
    };
    NewMail {
        academy_code: Some(facts.session.academy_code.clone()),
        session_id: Some(facts.session.id.clone()),
        kind: "invitation".to_owned(),
        dedupe_key: facts.dedupe_key.clone(),
        recipient: facts.email.clone(),
        recipient_name: facts.name.clone(),
        subject,
        body_text: format!(
            "Bonjour {},\n\n{what}\n\nPour y accéder, ouvrez ce lien avant le {until}\u{a0}:\n\n{public_url}/lien/{}\n\nCe lien est personnel\u{a0}: ne le transmettez pas. Si ce message ne vous concerne pas, supprimez-le.\n",
            facts.name, facts.token
        ),
        body_html: None,
        attachments: Vec::new(),
    }
}
