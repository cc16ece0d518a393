//! Passkeys: adding, naming and removing one's own, and signing in with one, without typing an address.
//! The browser's answer comes back as a field of an ordinary form; the challenge stays in the database.
//! The relying party is the host of the public address: an address without a domain name has no passkeys.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url,
    Uuid, Webauthn, WebauthnBuilder,
};

use super::super::AppState;
use super::super::client::ClientAddress;
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use super::resume::Onward;
use super::shown_instant;
use super::sign_in::{SignInPage, arrive, network, throttled, too_many};
use crate::domain::account::Counted;
use crate::domain::permission::Actor;
use crate::store::accounts::passkeys::{self, PasskeyRow};
use crate::store::{Lock, StoreError, sessions};

/// The library set for this site; nothing when the public address is a bare IP address.
pub(super) fn webauthn(public_url: &str) -> Option<Webauthn> {
    let origin = Url::parse(public_url).ok()?;
    let host = origin.domain()?.to_owned();
    let built = WebauthnBuilder::new(&host, &origin).and_then(|builder| builder.rp_name("cplds").build());
    match built {
        Ok(webauthn) => Some(webauthn),
        Err(cause) => {
            tracing::warn!(%cause, "no passkeys at this address");
            None
        }
    }
}

fn wanted(app: &AppState) -> Result<Webauthn, AppError> {
    webauthn(&app.config.public_url).ok_or_else(AppError::not_found)
}

const NAME_MISSING: &str = "Donnez un nom à cette clé, par exemple «\u{a0}Mon téléphone\u{a0}».";
/// In characters, as the fields of the pages say too.
const NAME_LENGTH: usize = 60;

struct ShownKey {
    id: String,
    name: String,
    added: String,
    used: String,
}

#[derive(Template)]
#[template(path = "account/passkeys.html")]
struct KeysPage {
    page: Page,
    form: Form,
    keys: Vec<ShownKey>,
    takes_passkeys: bool,
}

async fn keys_page(app: &AppState, shell: &Shell, actor: &Actor, form: Form) -> Result<KeysPage, AppError> {
    let user_id = actor.user_id.clone();
    let rows = app.db.read(move |conn| passkeys::list_passkeys(conn, &user_id)).await?;
    let shown = |row: PasskeyRow| ShownKey {
        added: shown_instant(actor, row.created_at.0),
        used: row.used_at.map_or_else(|| "jamais".to_owned(), |at| shown_instant(actor, at.0)),
        id: row.id,
        name: row.name,
    };
    Ok(KeysPage {
        page: shell.page("Clés d’accès").under("Mon compte", "/compte").with_errors(form.is_refused()),
        form,
        keys: rows.into_iter().map(shown).collect(),
        takes_passkeys: webauthn(&app.config.public_url).is_some(),
    })
}

pub(super) async fn list(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    html(&keys_page(&app, &shell, &actor, Form::empty()).await?)
}

/// A page that holds a challenge: the browser answers it, and sends its form.
#[derive(Template)]
#[template(path = "account/passkey.html")]
struct ChallengePage {
    page: Page,
    /// `creation` or `connexion`: what the script asks of the browser.
    kind: &'static str,
    options: String,
    challenge: String,
    name: String,
    onward: Onward,
    action: &'static str,
}

/// The name first; then the page that asks the device for a key.
pub(super) async fn start(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let webauthn = wanted(&app)?;
    let mut read = Reading::of(raw);
    let Some(name) = read.text("nom", NAME_MISSING, NAME_LENGTH) else {
        return html_to_correct(&keys_page(&app, &shell, &actor, read.into_form()).await?);
    };
    let user_id = actor.user_id.clone();
    let known = app.db.read(move |conn| passkeys::list_passkeys(conn, &user_id)).await?;
    let known = known.iter().filter_map(|row| serde_json::from_str::<Passkey>(&row.credential).ok());
    let known = known.map(|key| key.cred_id().clone()).collect();
    let handle = Uuid::parse_str(&actor.user_id).map_err(AppError::internal)?;
    let (options, state) = webauthn
        .start_passkey_registration(handle, &actor.email, &actor.name, Some(known))
        .map_err(AppError::internal)?;
    let mut options = serde_json::to_value(options).map_err(AppError::internal)?;
    if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
        // Kept on the device with its account, so that signing in asks for no address.
        selection["residentKey"] = "required".into();
        selection["requireResidentKey"] = true.into();
    }
    let state = serde_json::to_string(&state).map_err(AppError::internal)?;
    let user_id = actor.user_id.clone();
    let challenge =
        app.db.write(&actor, Lock::House, move |tx| passkeys::keep_challenge(tx, Some(&user_id), &state)).await?;
    html(&ChallengePage {
        page: shell
            .page("Ajouter une clé d’accès")
            .under("Mon compte", "/compte")
            .under("Clés d’accès", "/compte/cles"),
        kind: "creation",
        options: options.to_string(),
        challenge,
        name,
        onward: Onward::default(),
        action: "/compte/cles/ajout",
    })
}

/// What the person reads when the device's answer does not prove what it should.
const NOT_PROVEN: &str =
    "Votre appareil n’a pas pu prouver cette clé d’accès\u{a0}: recommencez, ou choisissez-en une autre.";

pub(super) async fn add(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let webauthn = wanted(&app)?;
    let (challenge, answer) = (raw.get("defi").to_owned(), raw.get("reponse").to_owned());
    let mut read = Reading::of(raw);
    let name = read.text("nom", NAME_MISSING, NAME_LENGTH).unwrap_or_default();
    let user_id = actor.user_id.clone();
    let taken =
        app.db.write(&actor, Lock::House, move |tx| passkeys::take_challenge(tx, &challenge, Some(&user_id))).await;
    let state = match taken {
        Ok(state) => state,
        Err(StoreError::Refused(refused)) => {
            read.refuse("nom", refused.sentence);
            return html_to_correct(&keys_page(&app, &shell, &actor, read.into_form()).await?);
        }
        Err(error) => return Err(error.into()),
    };
    let state: PasskeyRegistration = serde_json::from_str(&state).map_err(AppError::internal)?;
    let proven = serde_json::from_str::<RegisterPublicKeyCredential>(&answer)
        .map_err(|cause| cause.to_string())
        .and_then(|answer| webauthn.finish_passkey_registration(&answer, &state).map_err(|cause| cause.to_string()));
    let key = match proven {
        Ok(key) => key,
        Err(cause) => {
            tracing::info!(%cause, "a passkey was not proven");
            read.refuse("nom", NOT_PROVEN);
            return html_to_correct(&keys_page(&app, &shell, &actor, read.into_form()).await?);
        }
    };
    let id = credential_key(key.cred_id().as_ref());
    let text = serde_json::to_string(&key).map_err(AppError::internal)?;
    let user_id = actor.user_id.clone();
    let added =
        app.db.write(&actor, Lock::House, move |tx| passkeys::add_passkey(tx, &user_id, &name, &id, &text)).await;
    match added {
        Ok(_) => Ok(Flash::success("La clé d’accès est ajoutée\u{a0}: elle suffit désormais pour vous connecter.")
            .then("/compte/cles")),
        Err(StoreError::Refused(refused)) => {
            read.refuse("nom", refused.sentence);
            html_to_correct(&keys_page(&app, &shell, &actor, read.into_form()).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn credential_key(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Template)]
#[template(path = "account/passkey_removal.html")]
struct RemovalPage {
    page: Page,
    id: String,
    name: String,
}

/// One of one's own passkeys.
async fn own_key(app: &AppState, actor: &CurrentActor, id: &str) -> Result<PasskeyRow, AppError> {
    let user_id = actor.user_id.clone();
    let rows = app.db.read(move |conn| passkeys::list_passkeys(conn, &user_id)).await?;
    rows.into_iter().find(|row| row.id == id).ok_or_else(AppError::not_found)
}

pub(super) async fn confirm_removal(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let row = own_key(&app, &actor, &id).await?;
    let page =
        shell.page("Retirer une clé d’accès").under("Mon compte", "/compte").under("Clés d’accès", "/compte/cles");
    html(&RemovalPage { page, id: row.id, name: row.name })
}

pub(super) async fn remove(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    match app.db.write(&actor, Lock::House, move |tx| passkeys::remove_passkey(tx, &user_id, &id)).await {
        Ok(()) => Ok(Flash::success("La clé d’accès est retirée.").then("/compte/cles")),
        Err(StoreError::Refused(refused)) => Ok(Flash::warning(refused.sentence).then("/compte/cles")),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "account/passkey_name.html")]
struct NamePage {
    page: Page,
    form: Form,
    id: String,
}

impl NamePage {
    fn new(shell: &Shell, id: String, form: Form) -> Self {
        let page = shell
            .page("Renommer une clé d’accès")
            .under("Mon compte", "/compte")
            .under("Clés d’accès", "/compte/cles")
            .with_errors(form.is_refused());
        NamePage { page, form, id }
    }
}

pub(super) async fn ask_name(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let row = own_key(&app, &actor, &id).await?;
    html(&NamePage::new(&shell, row.id, Form::from_raw(RawForm::of([("nom", row.name)]))))
}

pub(super) async fn rename(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let Some(name) = read.text("nom", NAME_MISSING, NAME_LENGTH) else {
        return html_to_correct(&NamePage::new(&shell, id, read.into_form()));
    };
    let user_id = actor.user_id.clone();
    app.db.write(&actor, Lock::House, move |tx| passkeys::rename_passkey(tx, &user_id, &id, &name)).await?;
    Ok(Flash::success("La clé d’accès est renommée.").then("/compte/cles"))
}

/// Asks the device which of its keys opens an account here; nobody says who they are before.
pub(super) async fn ask(
    State(app): State<AppState>,
    shell: Shell,
    place: ClientAddress,
    raw: RawForm,
) -> Result<Response, AppError> {
    let webauthn = wanted(&app)?;
    let onward = Onward::read(&raw);
    let (options, state) = webauthn.start_discoverable_authentication().map_err(AppError::internal)?;
    let state = serde_json::to_string(&state).map_err(AppError::internal)?;
    let place = network(place.0);
    let kept = app
        .db
        .write(&Actor::system("sign-in"), Lock::House, move |tx| {
            sessions::count_try(tx, &[(Counted::Address, &place)])?;
            passkeys::keep_challenge(tx, None, &state)
        })
        .await;
    let page = shell.page("Clé d’accès").under("Connexion", "/connexion").heading("Se connecter avec une clé d’accès");
    match throttled(kept)? {
        Ok(challenge) => html(&ChallengePage {
            page,
            kind: "connexion",
            options: serde_json::to_string(&options).map_err(AppError::internal)?,
            challenge,
            name: String::new(),
            onward,
            action: "/connexion/cle/reponse",
        }),
        Err(refused) => {
            let mut form = Form::empty();
            form.refuse("email", refused.sentence);
            too_many(&SignInPage::new(app.guard.origin(), &shell, form, onward))
        }
    }
}

/// Signs in by the device's answer. An unknown key, a removed one and a closed account get the same page.
pub(super) async fn answer(
    State(app): State<AppState>,
    shell: Shell,
    headers: HeaderMap,
    raw: RawForm,
) -> Result<Response, AppError> {
    let webauthn = wanted(&app)?;
    let onward = Onward::read(&raw);
    match prove(&app, &webauthn, raw.get("defi").to_owned(), raw.get("reponse")).await? {
        Some(user_id) => arrive(&app, &shell, &headers, &user_id, onward).await,
        None => {
            let mut form = Form::empty();
            form.refuse(
                "email",
                "Cette clé d’accès n’ouvre aucun compte ici, ou la demande est trop ancienne\u{a0}: recommencez, ou connectez-vous avec votre mot de passe.",
            );
            html_to_correct(&SignInPage::new(app.guard.origin(), &shell, form, onward))
        }
    }
}

async fn prove(
    app: &AppState,
    webauthn: &Webauthn,
    challenge: String,
    answer: &str,
) -> Result<Option<String>, AppError> {
    let system = Actor::system("sign-in");
    let state = match app.db.write(&system, Lock::House, move |tx| passkeys::take_challenge(tx, &challenge, None)).await
    {
        Ok(state) => state,
        Err(StoreError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let state: DiscoverableAuthentication = serde_json::from_str(&state).map_err(AppError::internal)?;
    let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(answer) else { return Ok(None) };
    let Ok((handle, id)) = webauthn.identify_discoverable_authentication(&answer) else { return Ok(None) };
    let (user_id, id) = (handle.to_string(), credential_key(id));
    let Some(row) = app.db.read(move |conn| passkeys::find_passkey(conn, &user_id, &id)).await? else {
        return Ok(None);
    };
    let mut key: Passkey = serde_json::from_str(&row.credential).map_err(AppError::internal)?;
    let proven = match webauthn.finish_discoverable_authentication_v2(&answer, state, &key) {
        Ok(proven) => proven,
        Err(cause) => {
            tracing::info!(%cause, "a passkey did not sign in");
            return Ok(None);
        }
    };
    key.update_credential(&proven);
    let text = serde_json::to_string(&key).map_err(AppError::internal)?;
    let user_id = row.user_id.clone();
    let is_first = app.db.write(&system, Lock::House, move |tx| passkeys::note_use(tx, &row, &text)).await?;
    // Two answers proven against one counter: the second may come from a copy of the key.
    Ok(is_first.then_some(user_id))
}
