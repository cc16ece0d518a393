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
use crate::mail::messages::{self, Facts, Invited, Letterhead};
use crate::store::invitations::{InvitationFacts, Opens, Progress, count_progress, invite_jurors, invite_people};
use crate::store::outbox::NewMail;
use crate::store::{Lock, reference};

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
    /// Where the message and its recipients are read before it leaves.
    preview: String,
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
    let preview = |message: &str| format!("/gestion/sessions/{}/courriels/apercu/{message}", session.id);
    html(&InvitationsPage {
        page: page_of(&shell, &session, "Invitations").heading("Ouvrir les comptes"),
        action: format!("/gestion/sessions/{}/invitations", session.id),
        guests: [
            Guests {
                who: "candidats",
                title: "Candidats",
                progress: candidates,
                button: button(candidates, "candidat", "candidats"),
                preview: preview("invitations-candidats"),
            },
            Guests {
                who: "jures",
                title: "Membres du jury",
                progress: jurors,
                button: button(jurors, "membre du jury", "membres du jury"),
                preview: preview("invitations-jury"),
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
            let session = own_session(tx.conn, tx.actor, &session_id, Action::SeeOffice)?;
            let head = Letterhead::of(&reference::get_academy(tx.conn, &session.academy_code)?);
            let message = |facts: &InvitationFacts<'_>| letter(facts, &head, &url);
            if is_jury { invite_jurors(tx, &session_id, &message) } else { invite_people(tx, &session_id, &message) }
        })
        .await?;
    let said = match sent {
        0 => "Personne n’était à inviter\u{a0}: aucun message n’est parti.".to_owned(),
        number => format!("{} en file d’envoi.", count(number, "invitation est", "invitations sont")),
    };
    Ok(Flash::success(said).then(&format!("/gestion/sessions/{id}/invitations")))
}

/// The mail of one guest: one link, until when, and what to do when one did not expect it.
pub(super) fn letter(facts: &InvitationFacts<'_>, head: &Letterhead, public_url: &str) -> NewMail {
    let until =
        Academy::find(&facts.session.academy_code).map(|academy| academy.show(facts.expires)).unwrap_or_default();
    let invited = match facts.opens {
        Opens::CandidateFile => Invited::Candidate,
        Opens::JurySeat => Invited::Juror,
    };
    let link = format!("{public_url}/lien/{}", facts.token);
    let said = Facts { head, name: &facts.name, year: facts.session.year, link: &link };
    let message = messages::invitation(&said, invited, &until);
    message.addressed("invitation", facts.dedupe_key.clone(), &facts.name, &facts.email).of_session(facts.session)
}
