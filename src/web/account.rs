//! Accounts seen from a browser: one's own account here, signing in and out and links in the files below.
//! Nothing on these pages tells whether an address has an account.

mod address;
mod letters;
mod link;
mod own;
mod passkey;
pub(super) mod resume;
mod sign_in;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

pub use letters::{invitation_letter, password_letter};

use super::AppState;
use super::client::ClientAddress;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use super::routes::{Gate, Routes};
use super::security::{Ending, Later, SessionLookup, SignedIn};
use crate::domain::academy::{Academy, french_date_time};
use crate::domain::account::{Password, idle_limit};
use crate::domain::permission::{Actor, Grant};
use crate::password;
use crate::secret::token_hash;
use crate::store::{Db, Lock, accounts, sessions};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/connexion", Gate::Public, sign_in::show)
        .post("/connexion", Gate::Public, sign_in::sign_in)
        .post("/connexion/cle", Gate::Public, passkey::ask)
        .post("/connexion/cle/reponse", Gate::Public, passkey::answer)
        .post("/session/prolonger", Gate::SignedIn, resume::prolong)
        .get("/deconnexion", Gate::SignedIn, sign_in::confirm_sign_out)
        .post("/deconnexion", Gate::SignedIn, sign_in::sign_out)
        .get("/mot-de-passe-oublie", Gate::Public, link::ask)
        .post("/mot-de-passe-oublie", Gate::Public, link::send)
        .get("/lien/{token}", Gate::Public, link::show)
        .post("/lien/{token}", Gate::Public, link::claim)
        .get("/compte/creation", Gate::Public, own::ask)
        .post("/compte/creation", Gate::Public, own::send)
        .get("/compte/creation/{token}", Gate::Public, own::show)
        .post("/compte/creation/{token}", Gate::Public, own::open)
        .get("/compte/dossier", Gate::SignedIn, own::ask_birth)
        .post("/compte/dossier", Gate::SignedIn, own::tie)
        .get("/compte", Gate::SignedIn, show)
        .get("/compte/adresse", Gate::SignedIn, address::show)
        .post("/compte/adresse", Gate::SignedIn, address::ask)
        .get("/compte/adresse/{token}", Gate::Public, address::look)
        .post("/compte/adresse/{token}", Gate::Public, address::follow)
        .get("/compte/cles", Gate::SignedIn, passkey::list)
        .post("/compte/cles", Gate::SignedIn, passkey::start)
        .post("/compte/cles/ajout", Gate::SignedIn, passkey::add)
        .get("/compte/cles/{id}/nom", Gate::SignedIn, passkey::ask_name)
        .post("/compte/cles/{id}/nom", Gate::SignedIn, passkey::rename)
        .get("/compte/cles/{id}/retrait", Gate::SignedIn, passkey::confirm_removal)
        .post("/compte/cles/{id}/retrait", Gate::SignedIn, passkey::remove)
        .post("/compte/mot-de-passe", Gate::SignedIn, change_password)
        .post("/compte/autres-sessions/fermeture", Gate::SignedIn, close_others)
}

/// Sessions as the store keeps them: what `AppState::new` is given to know who is signed in.
#[derive(Clone)]
pub struct StoredSessions(pub Db);

impl StoredSessions {
    #[must_use]
    pub fn shared(db: &Db) -> Arc<dyn SessionLookup> {
        Arc::new(StoredSessions(db.clone()))
    }
}

impl SessionLookup for StoredSessions {
    fn find<'a>(&'a self, token: &'a str) -> Later<'a, Result<Option<SignedIn>, AppError>> {
        Box::pin(async move {
            let now = self.0.clock().now();
            let token = token.to_owned();
            let Some(mut found) = self.0.read(move |conn| sessions::find(conn, &token, now)).await? else {
                return Ok(None);
            };
            if found.wants_touch(now) {
                let hash = found.token_hash.clone();
                let touched = self.0.write(&found.actor, Lock::House, move |tx| sessions::touch(tx, &hash)).await;
                match touched {
                    Ok(()) => found = found.touched(now),
                    // Reading goes on when nothing can be written (disk full): the session only ends a little earlier.
                    Err(error) => tracing::warn!(%error, "the last sight of a session was not written"),
                }
            }
            let ending = Ending {
                at: found.expires,
                seconds_left: found.expires.duration_since(now).as_secs(),
                can_be_prolonged: found.can_be_prolonged(),
            };
            Ok(Some(SignedIn { token_hash: found.token_hash, actor: found.actor, ending }))
        })
    }
}

/// An instant as the person's academy shows it; the law's zone for those who have none.
pub(in crate::web) fn shown_instant(actor: &Actor, at: jiff::Timestamp) -> String {
    let code = actor.grants.iter().find_map(|grant| grant.academy.as_deref());
    match code.and_then(Academy::find) {
        Some(academy) => academy.show(at),
        None => {
            let paris = jiff::tz::TimeZone::get("Europe/Paris").unwrap_or(jiff::tz::TimeZone::UTC);
            french_date_time(&at.to_zoned(paris))
        }
    }
}

/// « gestionnaire des examens, académie de Limoges ».
pub(super) fn shown_grant(role: crate::domain::permission::Role, academy: Option<&str>) -> String {
    match academy.and_then(Academy::find) {
        Some(academy) => format!("{}, {}", role.label(), academy.full_name()),
        None if role.is_national() => format!("{}, tout le pays", role.label()),
        // An account one opened oneself, before the first application.
        None => role.label().to_owned(),
    }
}

struct ShownSession {
    opened: String,
    seen: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    page: Page,
    form: Form,
    name: String,
    email: String,
    roles: Vec<String>,
    sessions: Vec<ShownSession>,
    ends: String,
    /// How the account is protected: tone, word, sentence.
    strength: (Tone, &'static str, String),
    has_password: bool,
    has_file: bool,
    /// The change of address that waits for its confirmation, as a sentence.
    waiting: String,
}

fn current_hash(app: &AppState, headers: &HeaderMap) -> String {
    app.guard.session_token(headers).map(token_hash).unwrap_or_default()
}

async fn account_page(
    app: &AppState,
    shell: &Shell,
    actor: &Actor,
    headers: &HeaderMap,
    form: Form,
) -> Result<AccountPage, AppError> {
    let now = app.clock().now();
    let user_id = actor.user_id.clone();
    let (rows, user, keys, has_file, change) = app
        .db
        .read(move |conn| {
            Ok((
                sessions::list(conn, &user_id, now)?,
                accounts::get_user(conn, &user_id)?,
                accounts::passkeys::count_passkeys(conn, &user_id)?,
                accounts::own::has_file_to_tie(conn, &user_id)?,
                accounts::address::find_waiting_change(conn, &user_id, now)?,
            ))
        })
        .await?;
    let current = current_hash(app, headers);
    let ends = rows
        .iter()
        .find(|row| row.token_hash == current)
        .map(|row| crate::domain::account::session_end(row.expires_at.0, now, &actor.grants));
    Ok(AccountPage {
        page: shell.page("Mon compte").with_errors(form.is_refused()),
        form,
        name: actor.name.clone(),
        email: actor.email.clone(),
        roles: actor.grants.iter().map(|grant| shown_grant(grant.role, grant.academy.as_deref())).collect(),
        strength: strength(keys, &actor.grants),
        has_password: user.password_hash.is_some(),
        has_file,
        waiting: change.map_or_else(String::new, |change| {
            format!(
                "votre adresse deviendra {} dès que cette adresse aura confirmé, avant le {}.",
                change.new_email,
                shown_instant(actor, change.expires_at.0)
            )
        }),
        ends: ends.map(|at| shown_instant(actor, at)).unwrap_or_default(),
        sessions: rows
            .iter()
            .filter(|row| crate::domain::account::session_end(row.expires_at.0, row.seen_at.0, &actor.grants) > now)
            .map(|row| ShownSession {
                opened: shown_instant(actor, row.created_at.0),
                seen: shown_instant(actor, row.seen_at.0),
                is_current: row.token_hash == current,
            })
            .collect(),
    })
}

/// A passkey is two factors in one: the device, and what unlocks it.
fn strength(keys: i64, grants: &[Grant]) -> (Tone, &'static str, String) {
    let sees_others = idle_limit(grants).is_some();
    match (keys, sees_others) {
        (0, true) => (
            Tone::Warning,
            "Un seul facteur",
            "Vous voyez les données d’autres personnes\u{a0}: ajoutez une clé d’accès, qui réunit deux facteurs (l’appareil, et ce qui le déverrouille).".to_owned(),
        ),
        (0, false) => (Tone::Neutral, "Mot de passe", "Une clé d’accès est plus sûre et plus simple.".to_owned()),
        (1, _) => (Tone::Success, "Deux facteurs", "Une clé d’accès est enregistrée\u{a0}; prévoyez-en une seconde.".to_owned()),
        (keys, _) => (Tone::Success, "Deux facteurs", format!("{keys} clés d’accès sont enregistrées.")),
    }
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    html(&account_page(&app, &shell, &actor, &headers, Form::empty()).await?)
}

/// The password is asked again before it is changed, and wrong answers count as failed sign-ins.
async fn change_password(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    address: ClientAddress,
    headers: HeaderMap,
    raw: RawForm,
) -> Result<Response, AppError> {
    let current = raw.get("actuel").to_owned();
    let (chosen, again) = (raw.get("nouveau").to_owned(), raw.get("confirmation").to_owned());
    let mut read = Reading::of(raw);
    if current.is_empty() {
        read.refuse("actuel", "Saisissez votre mot de passe actuel.");
    }
    let chosen = chosen_password(&mut read, &chosen, &again, &actor.email);
    if !read.is_refused() {
        let account = actor.email.to_lowercase();
        if let Err(refused) = sign_in::count_try(&app, &account, address).await? {
            read.refuse("actuel", refused.sentence);
            let page = account_page(&app, &shell, &actor, &headers, read.into_form()).await?;
            return sign_in::too_many(&page);
        }
        let user_id = actor.user_id.clone();
        let stored = app.db.read(move |conn| accounts::get_user(conn, &user_id)).await?.password_hash;
        if password::verify(stored, Password::typed(&current)).await? {
            sign_in::forgive_try(&app, &account, address).await?;
        } else {
            read.refuse("actuel", "Ce n’est pas votre mot de passe actuel : saisissez-le de nouveau.");
        }
    }
    let Some(chosen) = chosen.filter(|_| !read.is_refused()) else {
        return html_to_correct(&account_page(&app, &shell, &actor, &headers, read.into_form()).await?);
    };
    let hash = password::hash(chosen).await?;
    let (user_id, kept) = (actor.user_id.clone(), current_hash(&app, &headers));
    app.db.write(&actor, Lock::House, move |tx| accounts::set_password(tx, &user_id, &hash, Some(&kept))).await?;
    Ok(Flash::success("Votre mot de passe est changé ; vos autres sessions sont fermées.").then("/compte"))
}

/// Reads a password typed twice; what is wrong is said beside its field.
fn chosen_password(read: &mut Reading, chosen: &str, again: &str, email: &str) -> Option<Password> {
    if chosen.is_empty() {
        read.refuse("nouveau", "Choisissez un mot de passe.");
        return None;
    }
    match Password::choose(chosen, email) {
        Err(refused) => {
            read.refuse("nouveau", refused.to_string());
            None
        }
        Ok(_) if chosen != again => {
            read.refuse("confirmation", "Les deux saisies diffèrent : saisissez deux fois le même mot de passe.");
            None
        }
        Ok(password) => Some(password),
    }
}

async fn close_others(
    State(app): State<AppState>,
    actor: CurrentActor,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let (user_id, kept) = (actor.user_id.clone(), current_hash(&app, &headers));
    let ended = app.db.write(&actor, Lock::House, move |tx| sessions::close_all(tx, &user_id, Some(&kept))).await?;
    let said = match ended {
        0 => "Aucune autre session n’était ouverte.".to_owned(),
        1 => "Votre autre session est fermée.".to_owned(),
        ended => format!("Vos {ended} autres sessions sont fermées."),
    };
    Ok(Flash::success(said).then("/compte"))
}
