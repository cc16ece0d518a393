//! Links received by mail: asking for one (the answer is the same for every address), seeing what it does,
//! and using it. Opening the page never uses the link, since mail filters open every link they see.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::SignedDuration;

use super::super::AppState;
use super::super::client::ClientAddress;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{Flash, Page, Shell, html, html_to_correct};
use super::chosen_password;
use super::letters::{password_letter, unknown_letter};
use super::sign_in::{network, open_session, throttled, too_many};
use crate::domain::account::{ACCOUNT_LINK_LASTS, Counted, LinkPurpose};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Actor;
use crate::password;
use crate::store::links::{self, Link, LinkView};
use crate::store::{Lock, StoreError, Tx, accounts, outbox, sessions};

#[derive(Template)]
#[template(path = "account/forgotten.html")]
struct ForgottenPage {
    page: Page,
    form: Form,
    was_sent: bool,
}

impl ForgottenPage {
    fn new(shell: &Shell, form: Form, was_sent: bool) -> Self {
        let page = shell.page("Mot de passe oublié").under("Connexion", "/connexion").with_errors(form.is_refused());
        ForgottenPage { page: if was_sent { page.heading("Consultez votre messagerie") } else { page }, form, was_sent }
    }
}

pub(super) async fn ask(shell: Shell) -> Result<Response, AppError> {
    html(&ForgottenPage::new(&shell, Form::empty(), false))
}

pub(super) async fn send(
    State(app): State<AppState>,
    shell: Shell,
    address: ClientAddress,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let Some(email) = read.required("email", "Indiquez votre adresse électronique.", EmailAddress::parse) else {
        return html_to_correct(&ForgottenPage::new(&shell, read.into_form(), false));
    };
    let (place, url) = (network(address.0), app.config.public_url.clone());
    let sent = app
        .db
        .write(&Actor::system("password"), Lock::House, move |tx| {
            sessions::count_try(tx, &[(Counted::Address, &place)])?;
            match sessions::count_try(tx, &[(Counted::Mail, &email.key())]) {
                Ok(()) => queue_letter(tx, &email, &url),
                // Enough mails are already on their way; saying so would tell that somebody asked for this address.
                Err(StoreError::Refused(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .await;
    if let Err(refused) = throttled(sent)? {
        read.refuse("email", refused.sentence);
        return too_many(&ForgottenPage::new(&shell, read.into_form(), false));
    }
    html(&ForgottenPage::new(&shell, Form::empty(), true))
}

/// The mail leaves to the address the account has, never to the spelling that was typed. An address without an account
/// in use costs the same work and gets a mail too: neither the page, nor the time it takes, nor a silence tells which it is.
fn queue_letter(tx: &mut Tx<'_>, email: &EmailAddress, public_url: &str) -> Result<(), StoreError> {
    let known = accounts::find_user_by_email(tx.conn, &email.key())?.filter(|user| user.disabled_at.is_none());
    let to = known.as_ref().map_or_else(|| Ok(email.clone()), |user| EmailAddress::parse(&user.email));
    let lasts = if known.is_some() { ACCOUNT_LINK_LASTS } else { SignedDuration::ZERO };
    let link = Link {
        purpose: LinkPurpose::Password,
        email: to.map_err(|e| StoreError::Broken(e.to_string()))?,
        name: known.as_ref().map(|user| user.name.clone()).unwrap_or_default(),
        user_id: known.as_ref().map(|user| user.id.clone()),
        person_id: None,
        juror_id: None,
        // Over as soon as it is made when it leads nowhere; its token is in no mail.
        expires: tx.at.checked_add(lasts).map_err(|e| StoreError::Broken(e.to_string()))?,
    };
    let token = links::create_link(tx, &link)?;
    let mail = match &known {
        Some(user) => password_letter(&user.name, &user.email, public_url, &token),
        None => unknown_letter(email.as_str(), public_url, &token),
    };
    outbox::queue(tx, vec![mail]).map(|_| ())
}

#[derive(Template)]
#[template(path = "account/link.html")]
struct LinkPage {
    page: Page,
    form: Form,
    link: LinkView,
    token: String,
}

impl LinkPage {
    fn new(shell: &Shell, form: Form, link: LinkView, token: &str) -> Self {
        let title = match (link.purpose, link.has_password) {
            (LinkPurpose::Password, _) => "Choisir un nouveau mot de passe",
            (LinkPurpose::Invitation, false) => "Ouvrir votre compte",
            (LinkPurpose::Invitation, true) => "Rattacher à votre compte",
        };
        LinkPage { page: shell.page(title).with_errors(form.is_refused()), form, link, token: token.to_owned() }
    }

    const fn wants_password(&self) -> bool {
        wants_password(&self.link)
    }
}

const fn wants_password(link: &LinkView) -> bool {
    matches!(link.purpose, LinkPurpose::Password) || !link.has_password
}

/// A link that is over is gone for good, and says how to get another.
fn gone(error: StoreError) -> AppError {
    match error {
        StoreError::Refused(refused) if matches!(refused.code, "link_used" | "link_expired") => AppError::new(
            StatusCode::GONE,
            refused.code,
            "Ce lien n’est plus valable",
            refused.sentence,
            "La page « Mot de passe oublié », accessible depuis la connexion, envoie un nouveau lien à l’adresse de votre compte.",
        ),
        error => error.into(),
    }
}

async fn look(app: &AppState, token: &str) -> Result<LinkView, AppError> {
    let (token, now) = (token.to_owned(), app.clock().now());
    app.db.read(move |conn| links::get_link(conn, &token, now)).await.map_err(gone)
}

pub(super) async fn show(
    State(app): State<AppState>,
    shell: Shell,
    Path(token): Path<String>,
) -> Result<Response, AppError> {
    let link = look(&app, &token).await?;
    html(&LinkPage::new(&shell, Form::empty(), link, &token))
}

pub(super) async fn claim(
    State(app): State<AppState>,
    shell: Shell,
    Path(token): Path<String>,
    headers: HeaderMap,
    raw: RawForm,
) -> Result<Response, AppError> {
    let link = look(&app, &token).await?;
    let hash = if wants_password(&link) {
        let (chosen, again) = (raw.get("nouveau").to_owned(), raw.get("confirmation").to_owned());
        let mut read = Reading::of(raw);
        let Some(password) = chosen_password(&mut read, &chosen, &again, &link.email) else {
            return html_to_correct(&LinkPage::new(&shell, read.into_form(), link, &token));
        };
        Some(password::hash(password).await?)
    } else {
        None
    };
    let is_new = hash.is_some();
    let used = app
        .db
        .write(&Actor::system("link"), Lock::House, move |tx| links::use_link(tx, &token, hash.as_deref()))
        .await
        .map_err(gone)?;
    if !is_new {
        // The link proves the mailbox; the account itself is opened by its password.
        let said = "C’est rattaché à votre compte. Connectez-vous pour le retrouver.";
        let is_signed_in = shell.actor.as_ref().is_some_and(|actor| actor.user_id == used.user_id);
        return Ok(Flash::success(said).then(if is_signed_in { "/" } else { "/connexion" }));
    }
    let said = match used.purpose {
        LinkPurpose::Password => "Votre mot de passe est changé. Vous êtes connecté.",
        LinkPurpose::Invitation => "Votre compte est ouvert. Vous êtes connecté.",
    };
    open_session(&app, &shell, &headers, &used.user_id, Flash::success(said).then("/")).await
}
