//! Changing the address of one's account: asked with the password, told to the old mailbox, confirmed by the new one.
//! Opening a link shows what it does; only its button does it, since mail filters open every link they see.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::AppState;
use super::super::client::ClientAddress;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use super::letters::address_letters;
use super::sign_in::{self, too_many};
use crate::domain::account::{Counted, Password};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Actor;
use crate::password;
use crate::store::accounts::address::{self, ChangeLink, ChangeRow};
use crate::store::{Lock, StoreError, accounts, sessions};

#[derive(Template)]
#[template(path = "account/address.html")]
struct AddressPage {
    page: Page,
    form: Form,
    email: String,
    has_password: bool,
}

async fn page_of(app: &AppState, shell: &Shell, actor: &Actor, form: Form) -> Result<AddressPage, AppError> {
    let user_id = actor.user_id.clone();
    let user = app.db.read(move |conn| accounts::get_user(conn, &user_id)).await?;
    Ok(AddressPage {
        page: shell.page("Changer d’adresse").under("Mon compte", "/compte").with_errors(form.is_refused()),
        form,
        email: user.email,
        has_password: user.password_hash.is_some(),
    })
}

pub(super) async fn show(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    html(&page_of(&app, &shell, &actor, Form::empty()).await?)
}

pub(super) async fn ask(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    place: ClientAddress,
    raw: RawForm,
) -> Result<Response, AppError> {
    let typed = raw.get("motdepasse").to_owned();
    let mut read = Reading::of(raw);
    let new = read.required("email", "Indiquez la nouvelle adresse.", EmailAddress::parse);
    let user_id = actor.user_id.clone();
    let stored = app.db.read(move |conn| accounts::get_user(conn, &user_id)).await?.password_hash;
    if stored.is_some() {
        if typed.is_empty() {
            read.refuse("motdepasse", "Saisissez votre mot de passe.");
        } else if !read.is_refused() {
            let account = actor.email.to_lowercase();
            if let Err(refused) = sign_in::count_try(&app, &account, place).await? {
                read.refuse("motdepasse", refused.sentence);
                return too_many(&page_of(&app, &shell, &actor, read.into_form()).await?);
            }
            if password::verify(stored, Password::typed(&typed)).await? {
                sign_in::forgive_try(&app, &account, place).await?;
            } else {
                read.refuse("motdepasse", "Ce n’est pas votre mot de passe\u{a0}: saisissez-le de nouveau.");
            }
        }
    }
    let Some(new) = new.filter(|_| !read.is_refused()) else {
        return html_to_correct(&page_of(&app, &shell, &actor, read.into_form()).await?);
    };
    let (user_id, url) = (actor.user_id.clone(), app.config.public_url.clone());
    let asked = app
        .db
        .write(&actor, Lock::House, move |tx| {
            sessions::count_try(tx, &[(Counted::Mail, &format!("change:{user_id}"))])?;
            address::ask_address(tx, &user_id, &new, &|facts| address_letters(facts, &url))
        })
        .await;
    match asked {
        Ok(()) => Ok(Flash::info(
            "Un lien de confirmation part vers la nouvelle adresse\u{a0}; l’ancienne en est avertie. Votre adresse change quand vous ouvrez ce lien, dans les vingt-quatre heures.",
        )
        .then("/compte")),
        Err(StoreError::Refused(refused)) => {
            read.refuse("email", refused.sentence);
            html_to_correct(&page_of(&app, &shell, &actor, read.into_form()).await?)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "account/address_link.html")]
struct LinkPage {
    page: Page,
    confirms: bool,
    change: ChangeRow,
    token: String,
}

fn gone(error: StoreError) -> AppError {
    match error {
        StoreError::Refused(refused) if matches!(refused.code, "link_used" | "link_expired") => AppError::new(
            StatusCode::GONE,
            refused.code,
            "Ce lien n’est plus valable",
            refused.sentence,
            "Connectez-vous\u{a0}: «\u{a0}Mon compte\u{a0}» dit quelle est votre adresse.",
        ),
        error => error.into(),
    }
}

pub(super) async fn look(
    State(app): State<AppState>,
    shell: Shell,
    Path(token): Path<String>,
) -> Result<Response, AppError> {
    let (asked, now) = (token.clone(), app.clock().now());
    let (link, change) = app.db.read(move |conn| address::get_change(conn, &asked, now)).await.map_err(gone)?;
    let confirms = link == ChangeLink::Confirms;
    let title = if confirms { "Confirmer votre nouvelle adresse" } else { "Garder votre adresse" };
    html(&LinkPage { page: shell.page(title), confirms, change, token })
}

pub(super) async fn follow(
    State(app): State<AppState>,
    shell: Shell,
    Path(token): Path<String>,
    _headers: HeaderMap,
) -> Result<Response, AppError> {
    let done = app
        .db
        .write(&Actor::system("address"), Lock::House, move |tx| address::use_change(tx, &token))
        .await
        .map_err(gone)?;
    let next = if shell.actor.is_some() { "/compte" } else { "/connexion" };
    Ok(match done {
        ChangeLink::Confirms => {
            Flash::success("Votre adresse est changée\u{a0}: connectez-vous désormais avec elle.").then(next)
        }
        ChangeLink::Cancels => Flash::success(
            "Votre adresse reste la même, et toutes les sessions ouvertes sont fermées. Si vous n’aviez rien demandé, changez votre mot de passe.",
        )
        .then("/connexion"),
    })
}
