//! Signing in and out. An unknown address, a wrong password and a disabled account get the same page after the
//! same work; tries are counted before they are made, by account and by address.

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::super::AppState;
use super::super::client::ClientAddress;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct, html_with, see_other};
use super::super::security::local_path;
use super::current_hash;
use super::resume::Onward;
use crate::domain::account::{Counted, Password, THROTTLE_WINDOW, TOO_MANY_TRIES};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Actor;
use crate::domain::refusal::Refusal;
use crate::password;
use crate::secret::token_hash;
use crate::store::{Lock, StoreError, accounts, sessions};

#[derive(Template)]
#[template(path = "account/sign_in.html")]
pub(super) struct SignInPage {
    page: Page,
    form: Form,
    onward: Onward,
    takes_passkeys: bool,
    /// What happened before one came here.
    told: Vec<String>,
}

impl SignInPage {
    pub(super) fn new(public_url: &str, shell: &Shell, form: Form, onward: Onward) -> Self {
        SignInPage {
            page: shell.page("Connexion").heading("Se connecter").with_errors(form.is_refused()),
            form,
            onward,
            takes_passkeys: super::passkey::webauthn(public_url).is_some(),
            told: Vec::new(),
        }
    }

    pub(super) fn telling(mut self, told: Vec<String>) -> Self {
        self.told = told;
        self
    }
}

/// Where a sign-in may lead: a page of this site that is not about signing in.
pub(super) fn way_back(asked: &str) -> Option<&str> {
    local_path(asked).filter(|path| {
        !["/connexion", "/deconnexion", "/session/", "/lien/", "/compte/creation", "/compte/adresse/"]
            .iter()
            .any(|own| path.starts_with(own))
    })
}

pub(super) async fn show(
    State(app): State<AppState>,
    shell: Shell,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let back = way_back(query.get("retour"));
    if shell.actor.is_some() {
        return Ok(see_other(back.unwrap_or("/")));
    }
    // The cookie of a session goes with a sign-out, and with the browser: one that is left had an end.
    let told = match app.guard.session_token(&headers) {
        Some(_) => vec!["votre session a pris fin\u{a0}: reconnectez-vous.".to_owned()],
        None => Vec::new(),
    };
    html(&SignInPage::new(app.guard.origin(), &shell, Form::empty(), Onward::to(back)).telling(told))
}

pub(super) async fn sign_in(
    State(app): State<AppState>,
    shell: Shell,
    address: ClientAddress,
    headers: HeaderMap,
    raw: RawForm,
) -> Result<Response, AppError> {
    let onward = Onward::read(&raw);
    let typed = raw.get("motdepasse").to_owned();
    let mut read = Reading::of(raw);
    let email = read.required("email", "Indiquez votre adresse électronique.", EmailAddress::parse);
    if typed.is_empty() {
        read.refuse("motdepasse", "Saisissez votre mot de passe.");
    }
    let page = |form: Form, onward: Onward| SignInPage::new(app.guard.origin(), &shell, form, onward);
    let Some(email) = email.filter(|_| !read.is_refused()) else {
        return html_to_correct(&page(read.into_form(), onward));
    };
    let account = email.key();
    if let Err(refused) = count_try(&app, &account, address).await? {
        read.refuse("email", refused.sentence);
        return too_many(&page(read.into_form(), onward));
    }
    let key = account.clone();
    let known = app.db.read(move |conn| accounts::find_user_by_email(conn, &key)).await?;
    let known = known.filter(|user| user.disabled_at.is_none());
    let stored = known.as_ref().and_then(|user| user.password_hash.clone());
    let is_right = password::verify(stored, Password::typed(&typed)).await?;
    let Some(user) = known.filter(|_| is_right) else {
        read.refuse(
            "email",
            "Adresse électronique ou mot de passe incorrect : vérifiez les deux, ou demandez un nouveau mot de passe.",
        );
        return html_to_correct(&page(read.into_form(), onward));
    };
    forgive_try(&app, &account, address).await?;
    arrive(&app, &shell, &headers, &user.id, onward).await
}

/// Opens a session, then goes where the sign-in was to lead.
pub(super) async fn arrive(
    app: &AppState,
    shell: &Shell,
    headers: &HeaderMap,
    user_id: &str,
    onward: Onward,
) -> Result<Response, AppError> {
    let (token, actor) = opened(app, shell, headers, user_id).await?;
    let csrf = app.guard.session_csrf(&token_hash(&token));
    let inside = Shell { actor: Some(Arc::new(actor)), csrf, ..shell.clone() };
    let mut response = onward.lead(&inside)?;
    response.headers_mut().append(header::SET_COOKIE, app.guard.session_cookie(&token, None)?);
    Ok(response)
}

/// Opens a new session in this browser, ends the one it had, and gives the answer its cookie.
pub(super) async fn open_session(
    app: &AppState,
    shell: &Shell,
    headers: &HeaderMap,
    user_id: &str,
    mut response: Response,
) -> Result<Response, AppError> {
    let (token, _) = opened(app, shell, headers, user_id).await?;
    response.headers_mut().append(header::SET_COOKIE, app.guard.session_cookie(&token, None)?);
    Ok(response)
}

async fn opened(
    app: &AppState,
    shell: &Shell,
    headers: &HeaderMap,
    user_id: &str,
) -> Result<(String, Actor), AppError> {
    end_current(app, shell, headers).await?;
    let id = user_id.to_owned();
    let actor = app.db.read(move |conn| accounts::find_actor(conn, &id)).await?.ok_or_else(AppError::not_found)?;
    let id = user_id.to_owned();
    // Always a token of our own making: one that a visitor brought along never becomes a session.
    let token = app.db.write(&actor, Lock::House, move |tx| sessions::open(tx, &id)).await?;
    Ok((token, actor))
}

async fn end_current(app: &AppState, shell: &Shell, headers: &HeaderMap) -> Result<(), AppError> {
    if let Some(actor) = &shell.actor {
        let hash = current_hash(app, headers);
        app.db.write(actor, Lock::House, move |tx| sessions::close(tx, &hash)).await?;
    }
    Ok(())
}

#[derive(Template)]
#[template(path = "account/sign_out.html")]
struct SignOutPage {
    page: Page,
}

pub(super) async fn confirm_sign_out(shell: Shell) -> Result<Response, AppError> {
    html(&SignOutPage { page: shell.page("Déconnexion").heading("Se déconnecter") })
}

pub(super) async fn sign_out(
    State(app): State<AppState>,
    shell: Shell,
    _actor: CurrentActor,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    end_current(&app, &shell, &headers).await?;
    let mut response = Flash::success("Vous êtes déconnecté.").then("/");
    response.headers_mut().append(header::SET_COOKIE, app.guard.forget_session_cookie()?);
    Ok(response)
}

/// Counts a try for this account and this address; the inner refusal is for the person.
pub(super) async fn count_try(
    app: &AppState,
    account: &str,
    address: ClientAddress,
) -> Result<Result<(), Refusal>, AppError> {
    let (account, place) = (account.to_owned(), network(address.0));
    let counted = app
        .db
        .write(&Actor::system("sign-in"), Lock::House, move |tx| {
            sessions::count_try(tx, &[(Counted::Account, &account), (Counted::Address, &place)])
        })
        .await;
    throttled(counted)
}

/// Sorts "one try too many" from what is an error.
pub(super) fn throttled<T>(counted: Result<T, StoreError>) -> Result<Result<T, Refusal>, AppError> {
    match counted {
        Ok(value) => Ok(Ok(value)),
        Err(StoreError::Refused(refused)) if refused.code == TOO_MANY_TRIES => Ok(Err(refused)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn forgive_try(app: &AppState, account: &str, address: ClientAddress) -> Result<(), AppError> {
    let (account, place) = (account.to_owned(), network(address.0));
    let actor = Actor::system("sign-in");
    Ok(app.db.write(&actor, Lock::House, move |tx| sessions::forgive_try(tx, &account, &place)).await?)
}

/// `429`, with the form and the sentence that says how long to wait.
pub(super) fn too_many(page: &impl Template) -> Result<Response, AppError> {
    let mut response = html_with(StatusCode::TOO_MANY_REQUESTS, page)?;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(THROTTLE_WINDOW.as_secs()));
    Ok(response)
}

/// What one subscriber holds: an IPv4 address, or the first half of an IPv6 one, whose other half they choose.
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here_and_never_leads_to_a_sign_out() {
        assert_eq!(way_back("/gestion?page=2"), Some("/gestion?page=2"));
        for refused in ["", "//mal.example", "https://mal.example", "/deconnexion", "/connexion?retour=/", "/lien/abc"]
        {
            assert_eq!(way_back(refused), None, "{refused}");
        }
    }

    #[test]
    fn an_ipv6_subscriber_is_counted_once_whatever_the_second_half() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
