//! Opening one's own account: the address first, a link in its mailbox, then a password or a passkey.
//! The page answers the same to every address. A file already known is tied once its birth date is given.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::AppState;
use super::super::client::ClientAddress;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct, see_other};
use super::chosen_password;
use super::letters::{known_letter, opening_letter};
use super::sign_in::{network, open_session, throttled, too_many};
use crate::domain::account::Counted;
use crate::domain::ids::{EmailAddress, FrenchDate};
use crate::domain::permission::Actor;
use crate::password;
use crate::store::accounts::own;
use crate::store::{Lock, StoreError, sessions};

#[derive(Template)]
#[template(path = "account/creation.html")]
struct CreationPage {
    page: Page,
    form: Form,
    was_sent: bool,
}

impl CreationPage {
    fn new(shell: &Shell, form: Form, was_sent: bool) -> Self {
        let page = shell.page("Créer un compte").under("S’inscrire", "/inscription").with_errors(form.is_refused());
        CreationPage { page: if was_sent { page.heading("Consultez votre messagerie") } else { page }, form, was_sent }
    }
}

pub(super) async fn ask(shell: Shell) -> Result<Response, AppError> {
    if shell.actor.is_some() {
        return Ok(see_other("/compte"));
    }
    html(&CreationPage::new(&shell, Form::empty(), false))
}

pub(super) async fn send(
    State(app): State<AppState>,
    shell: Shell,
    address: ClientAddress,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let Some(email) = read.required("email", "Indiquez votre adresse électronique.", EmailAddress::parse) else {
        return html_to_correct(&CreationPage::new(&shell, read.into_form(), false));
    };
    let (place, url) = (network(address.0), app.config.public_url.clone());
    let sent = app
        .db
        .write(&Actor::system("own-account"), Lock::House, move |tx| {
            sessions::count_try(tx, &[(Counted::Address, &place)])?;
            match sessions::count_try(tx, &[(Counted::Mail, &email.key())]) {
                Ok(()) => own::request_account(
                    tx,
                    &email,
                    &|token| opening_letter(email.as_str(), &url, token),
                    &|user, token| known_letter(&user.name, &user.email, &url, token),
                ),
                // Enough mails are already on their way; saying so would tell that somebody asked for this address.
                Err(StoreError::Refused(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await;
    if let Err(refused) = throttled(sent)? {
        read.refuse("email", refused.sentence);
        return too_many(&CreationPage::new(&shell, read.into_form(), false));
    }
    html(&CreationPage::new(&shell, Form::empty(), true))
}

/// A link that is over is gone for good, and says how to get another.
fn gone(error: StoreError) -> AppError {
    match error {
        StoreError::Refused(refused) if matches!(refused.code, "link_used" | "link_expired" | "account_exists") => {
            AppError::new(
                StatusCode::GONE,
                refused.code,
                "Ce lien n’est plus valable",
                refused.sentence,
                "La page «\u{a0}Créer un compte\u{a0}», accessible depuis «\u{a0}S’inscrire\u{a0}», envoie un nouveau lien.",
            )
        }
        error => error.into(),
    }
}

#[derive(Template)]
#[template(path = "account/opening.html")]
struct OpeningPage {
    page: Page,
    form: Form,
    email: String,
    token: String,
    takes_passkeys: bool,
}

impl OpeningPage {
    fn new(app: &AppState, shell: &Shell, form: Form, email: String, token: &str) -> Self {
        OpeningPage {
            page: shell.page("Ouvrir votre compte").under("S’inscrire", "/inscription").with_errors(form.is_refused()),
            form,
            email,
            token: token.to_owned(),
            takes_passkeys: super::passkey::webauthn(&app.config.public_url).is_some(),
        }
    }
}

async fn address_of(app: &AppState, token: &str) -> Result<String, AppError> {
    let (token, now) = (token.to_owned(), app.clock().now());
    app.db.read(move |conn| own::get_requested_address(conn, &token, now)).await.map_err(gone)
}

pub(super) async fn show(
    State(app): State<AppState>,
    shell: Shell,
    Path(token): Path<String>,
) -> Result<Response, AppError> {
    let email = address_of(&app, &token).await?;
    html(&OpeningPage::new(&app, &shell, Form::empty(), email, &token))
}

pub(super) async fn open(
    State(app): State<AppState>,
    shell: Shell,
    Path(token): Path<String>,
    headers: HeaderMap,
    raw: RawForm,
) -> Result<Response, AppError> {
    let email = address_of(&app, &token).await?;
    let (chosen, again) = (raw.get("nouveau").to_owned(), raw.get("confirmation").to_owned());
    let by_passkey = raw.get("moyen") == "cle" && super::passkey::webauthn(&app.config.public_url).is_some();
    let mut read = Reading::of(raw);
    let name = read.text("nom", "Indiquez vos prénom et nom.", 120);
    let password = if by_passkey { None } else { chosen_password(&mut read, &chosen, &again, &email) };
    let Some(name) = name.filter(|_| !read.is_refused()) else {
        return html_to_correct(&OpeningPage::new(&app, &shell, read.into_form(), email, &token));
    };
    let hash = match password {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    let (user_id, has_file) = app
        .db
        .write(&Actor::system("own-account"), Lock::House, move |tx| {
            let id = own::open_account(tx, &token, &name, hash.as_deref())?;
            let has_file = own::has_file_to_tie(tx.conn, &id)?;
            Ok((id, has_file))
        })
        .await
        .map_err(gone)?;
    let next = match (by_passkey, has_file) {
        (true, _) => "/compte/cles",
        (false, true) => "/compte/dossier",
        (false, false) => "/mon-dossier",
    };
    let said = Flash::success("Votre compte est ouvert. Vous êtes connecté.").then(next);
    open_session(&app, &shell, &headers, &user_id, said).await
}

#[derive(Template)]
#[template(path = "account/tie.html")]
struct TiePage {
    page: Page,
    form: Form,
}

impl TiePage {
    fn new(shell: &Shell, form: Form) -> Self {
        let page = shell.page("Retrouver votre dossier").under("Mon compte", "/compte").with_errors(form.is_refused());
        TiePage { page, form }
    }
}

pub(super) async fn ask_birth(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    if !app.db.read(move |conn| own::has_file_to_tie(conn, &user_id)).await? {
        return Err(AppError::not_found());
    }
    html(&TiePage::new(&shell, Form::empty()))
}

pub(super) async fn tie(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let born = read.required("naissance", "Indiquez votre date de naissance.", FrenchDate::parse);
    let Some(born) = born else {
        return html_to_correct(&TiePage::new(&shell, read.into_form()));
    };
    let user_id = actor.user_id.clone();
    // Counted apart from the try itself, so that a wrong date stays counted.
    let counted =
        app.db.write(&actor, Lock::House, move |tx| sessions::count_try(tx, &[(Counted::Birth, &user_id)])).await;
    if let Err(refused) = throttled(counted)? {
        read.refuse("naissance", refused.sentence);
        return too_many(&TiePage::new(&shell, read.into_form()));
    }
    let user_id = actor.user_id.clone();
    match app.db.write(&actor, Lock::House, move |tx| own::tie_file(tx, &user_id, born.date())).await {
        Ok(()) => Ok(Flash::success("Votre dossier est rattaché à votre compte.").then("/mon-dossier")),
        Err(StoreError::Refused(refused)) => {
            read.refuse("naissance", refused.sentence);
            html_to_correct(&TiePage::new(&shell, read.into_form()))
        }
        Err(error) => Err(error.into()),
    }
}
