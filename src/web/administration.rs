//! Accounts of an academy (of the country for the platform): who they are, which roles they hold, invitations.
//! Roles of other academies are neither shown nor touched; the regulation's values are in the file below.

mod academy;
mod regulation;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::AppState;
use super::account::{invitation_letter, shown_grant, shown_instant};
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::french::count;
use super::page::{CurrentActor, Flash, Page, Pages, Shell, Tone, html, html_to_correct};
use super::routes::{Gate, Routes};
use crate::domain::academy::Academy;
use crate::domain::account::{INVITATION_LASTS, LinkPurpose, check_grant, managed_academies};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::{Actor, Role};
use crate::store::accounts::{self, NewUser, UserFilter, UserRow, UserView};
use crate::store::links::{self, Link};
use crate::store::{Lock, StoreError, Tx, audit, outbox};

/// Who administers accounts; in which academy is asked of the store.
pub(super) const ADMINISTRATION: Gate = Gate::Roles(&[Role::AcademyAdministrator, Role::PlatformAdministrator]);
const PER_PAGE: usize = 50;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/administration", ADMINISTRATION, list)
        .get("/administration/comptes/nouveau", ADMINISTRATION, new)
        .post("/administration/comptes", ADMINISTRATION, invite)
        .get("/administration/comptes/{id}", ADMINISTRATION, show)
        .post("/administration/comptes/{id}/roles", ADMINISTRATION, grant)
        .post("/administration/comptes/{id}/roles/retrait", ADMINISTRATION, revoke)
        .post("/administration/comptes/{id}/invitation", ADMINISTRATION, invite_again)
        .post("/administration/comptes/{id}/desactivation", ADMINISTRATION, disable)
        .post("/administration/comptes/{id}/reactivation", ADMINISTRATION, enable)
        .merge(academy::routes())
        .merge(regulation::routes())
}

type Choices = Vec<(&'static str, String)>;

/// Roles this actor may give somewhere, by their French names.
fn role_choices(actor: &Actor) -> Choices {
    let everywhere = managed_academies(actor).is_none();
    Role::ALL
        .iter()
        .filter(|role| everywhere || !role.is_national())
        .map(|role| (role.as_str(), role.label().to_owned()))
        .collect()
}

fn academy_choices(actor: &Actor) -> Choices {
    let managed = managed_academies(actor);
    Academy::all()
        .iter()
        .filter(|academy| managed.as_ref().is_none_or(|codes| codes.contains(&academy.code)))
        .map(|academy| (academy.code.as_str(), academy.name.clone()))
        .collect()
}

fn status_of(user: &UserRow) -> (Tone, &'static str) {
    match user {
        UserRow { disabled_at: Some(_), .. } => (Tone::Error, "désactivé"),
        UserRow { password_hash: None, .. } => (Tone::Warning, "invité"),
        _ => (Tone::Success, "actif"),
    }
}

struct Line {
    id: String,
    name: String,
    email: String,
    roles: Vec<String>,
    seen: String,
    tone: Tone,
    status: &'static str,
}

impl Line {
    fn of(view: UserView, actor: &Actor) -> Self {
        let (tone, status) = status_of(&view.user);
        Line {
            roles: view.grants.iter().map(|grant| shown_grant(grant.role, grant.academy.as_deref())).collect(),
            seen: view.last_seen.map(|at| shown_instant(actor, at.0)).unwrap_or_default(),
            id: view.user.id,
            name: view.user.name,
            email: view.user.email,
            tone,
            status,
        }
    }
}

#[derive(Template)]
#[template(path = "administration/index.html")]
struct ListPage {
    page: Page,
    tabs: &'static [(&'static str, &'static str)],
    form: Form,
    roles: Choices,
    academies: Choices,
    lines: Vec<Line>,
    pages: Pages,
    found: String,
}

/// Views of the section; the first is the list of accounts.
pub(super) const TABS: &[(&str, &str)] = &[
    ("Comptes", "/administration"),
    ("Coordonnées", "/administration/academies"),
    ("Règlement", "/administration/reglement"),
    ("Référentiel", "/administration/referentiels"),
];

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let raw = RawForm::from_query(query.as_deref())?;
    let mut filter = UserFilter::managed_by(&actor);
    filter.role = Role::from_word(raw.get("role"));
    raw.trimmed("q").clone_into(&mut filter.typed);
    let academy = raw.get("academie").to_owned();
    if academy_choices(&actor).iter().any(|(code, _)| *code == academy) {
        filter.academies = Some(vec![academy]);
    }
    let asked = raw.get("page").parse::<usize>().unwrap_or(1).clamp(1, 100_000);
    let offset = i64::try_from((asked - 1) * PER_PAGE).unwrap_or(0);
    let limit = i64::try_from(PER_PAGE).unwrap_or(50);
    let (views, total) = app.db.read(move |conn| accounts::list_users(conn, &filter, limit, offset)).await?;
    let total = usize::try_from(total).unwrap_or(0);
    html(&ListPage {
        page: shell.page("Administration").heading("Comptes et rôles").wide(),
        tabs: TABS,
        roles: role_choices(&actor),
        academies: academy_choices(&actor),
        pages: Pages::new("/administration", raw.fields(), raw.get("page"), PER_PAGE, total),
        lines: views.into_iter().map(|view| Line::of(view, &actor)).collect(),
        found: count(total, "compte", "comptes"),
        form: Form::from_raw(raw),
    })
}

#[derive(Template)]
#[template(path = "administration/new.html")]
struct NewPage {
    page: Page,
    form: Form,
    roles: Choices,
    academies: Choices,
}

impl NewPage {
    fn of(shell: &Shell, actor: &Actor, form: Form) -> Self {
        NewPage {
            page: shell
                .page("Inviter un collègue")
                .under("Administration", "/administration")
                .with_errors(form.is_refused()),
            form,
            roles: role_choices(actor),
            academies: academy_choices(actor),
        }
    }
}

async fn new(shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    html(&NewPage::of(&shell, &actor, grant_form(&actor)))
}

/// A form to give a role: whoever administers one academy has it chosen already.
fn grant_form(actor: &Actor) -> Form {
    match academy_choices(actor).as_slice() {
        [(only, _)] => Form::filled([("academie", *only)]),
        _ => Form::empty(),
    }
}

/// Role and academy of a form, each fault beside its field; an academy that is not the actor's is no choice at all.
fn read_grant(read: &mut Reading, actor: &Actor) -> Option<(Role, Option<String>)> {
    let role = read.required("role", "Choisissez un rôle.", |word| {
        Role::from_word(word).ok_or("Choisissez un rôle de la liste.")
    })?;
    let academy = read.optional("academie", |code| {
        Academy::find(code).map(|academy| academy.code.clone()).ok_or("Choisissez une académie de la liste.")
    })?;
    match check_grant(actor, role, academy.as_deref()) {
        Ok(()) => Some((role, academy)),
        Err(refused) => {
            let sentence = refused
                .map_or_else(|| "Ce rôle n’est pas de ceux que vous donnez.".to_owned(), |refused| refused.sentence);
            read.refuse("academie", sentence);
            None
        }
    }
}

async fn invite(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let name = read.text("nom", "Indiquez le nom de la personne.", 120);
    let email = read.required("email", "Indiquez son adresse électronique.", EmailAddress::parse);
    let granted = read_grant(&mut read, &actor);
    let (Some(name), Some(email), Some((role, academy))) = (name, email, granted) else {
        return html_to_correct(&NewPage::of(&shell, &actor, read.into_form()));
    };
    let url = app.config.public_url.clone();
    let said = format!("{name} : le rôle est donné");
    let (id, was_invited) = app
        .db
        .write(&actor, Lock::House, move |tx| {
            let id = accounts::create_user(tx, &NewUser { email, name })?;
            accounts::grant_role(tx, &id, role, academy.as_deref())?;
            let user = accounts::get_user(tx.conn, &id)?;
            let was_invited = user.password_hash.is_none() && user.disabled_at.is_none();
            if was_invited {
                send_invitation(tx, &user, &url, &shown_grant(role, academy.as_deref()))?;
            }
            Ok((id, was_invited))
        })
        .await?;
    let said = if was_invited {
        format!("{said} et l’invitation part à son adresse.")
    } else {
        format!("{said} au compte qui existe déjà à cette adresse.")
    };
    Ok(Flash::success(said).then(&format!("/administration/comptes/{id}")))
}

/// The link goes to the mailbox and nowhere else: whoever invites must not be able to choose the password.
fn send_invitation(tx: &mut Tx<'_>, user: &UserRow, public_url: &str, what_for: &str) -> Result<(), StoreError> {
    let email = EmailAddress::parse(&user.email).map_err(|e| StoreError::Broken(e.to_string()))?;
    let expires = tx.at.checked_add(INVITATION_LASTS).map_err(|e| StoreError::Broken(e.to_string()))?;
    let link = Link {
        purpose: LinkPurpose::Invitation,
        email,
        name: user.name.clone(),
        user_id: Some(user.id.clone()),
        person_id: None,
        juror_id: None,
        expires,
    };
    let token = links::create_link(tx, &link)?;
    let what_for = format!("({what_for})");
    outbox::queue(tx, vec![invitation_letter(&user.name, &user.email, public_url, &token, &what_for)]).map(|_| ())
}

struct GrantLine {
    label: String,
    /// One's own administration is taken back by somebody else.
    is_fixed: bool,
    role: &'static str,
    academy: String,
}

struct HistoryLine {
    at: String,
    who: String,
    what: String,
}

#[derive(Template)]
#[template(path = "administration/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    /// Address of this page, under which its acts are.
    base: String,
    email: String,
    tone: Tone,
    status: &'static str,
    created: String,
    seen: String,
    is_disabled: bool,
    is_invited: bool,
    is_self: bool,
    grants: Vec<GrantLine>,
    history: Vec<HistoryLine>,
    roles: Choices,
    academies: Choices,
}

async fn show_page(app: &AppState, shell: &Shell, actor: &Actor, id: String, form: Form) -> Result<ShowPage, AppError> {
    let asking = actor.clone();
    let (view, history) = app
        .db
        .read(move |conn| {
            let view = accounts::get_managed_user(conn, &asking, &id)?;
            let history = accounts::list_latest_acts(conn, &id, 60)?;
            Ok((view, history))
        })
        .await?;
    let (tone, status) = status_of(&view.user);
    let managed = managed_academies(actor);
    Ok(ShowPage {
        page: shell.page(&view.user.name).under("Administration", "/administration").with_errors(form.is_refused()),
        form,
        tone,
        status,
        created: shown_instant(actor, view.user.created_at.0),
        seen: view.last_seen.map(|at| shown_instant(actor, at.0)).unwrap_or_default(),
        is_disabled: view.user.disabled_at.is_some(),
        is_invited: view.user.password_hash.is_none(),
        is_self: view.user.id == actor.user_id,
        grants: view
            .grants
            .iter()
            .map(|grant| GrantLine {
                label: shown_grant(grant.role, grant.academy.as_deref()),
                is_fixed: view.user.id == actor.user_id
                    && matches!(grant.role, Role::AcademyAdministrator | Role::PlatformAdministrator),
                role: grant.role.as_str(),
                academy: grant.academy.clone().unwrap_or_default(),
            })
            .collect(),
        history: history.iter().filter_map(|row| history_line(row, actor, managed.as_deref())).take(30).collect(),
        base: format!("/administration/comptes/{}", view.user.id),
        email: view.user.email,
        roles: role_choices(actor),
        academies: academy_choices(actor),
    })
}

/// One act on the account in French; what another academy gave or took is left out.
fn history_line(row: &audit::AuditRow, actor: &Actor, managed: Option<&[String]>) -> Option<HistoryLine> {
    let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap_or_default();
    let word = |key: &str| detail.get(key).and_then(serde_json::Value::as_str);
    let academy = word("academy");
    let grant = || word("role").and_then(Role::from_word).map(|role| shown_grant(role, academy)).unwrap_or_default();
    let is_foreign = managed.is_some_and(|codes| !academy.is_some_and(|code| codes.iter().any(|own| own == code)));
    let what = match row.action.as_str() {
        "grant_role" | "revoke_role" if is_foreign => return None,
        "grant_role" => format!("Rôle donné : {}", grant()),
        "revoke_role" => format!("Rôle retiré : {}", grant()),
        "create_user" => "Compte créé".to_owned(),
        "create_link" if word("purpose") == Some("password") => "Nouveau mot de passe demandé".to_owned(),
        "create_link" => "Invitation envoyée".to_owned(),
        "use_link" => "Lien utilisé".to_owned(),
        "set_password" => "Mot de passe changé".to_owned(),
        "sign_in" => "Connexion".to_owned(),
        "disable_user" => "Compte désactivé".to_owned(),
        "enable_user" => "Compte réactivé".to_owned(),
        _ => return None,
    };
    Some(HistoryLine { at: shown_instant(actor, row.at.0), who: row.actor_name.clone(), what })
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    html(&show_page(&app, &shell, &actor, id, grant_form(&actor)).await?)
}

async fn grant(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let Some((role, academy)) = read_grant(&mut read, &actor) else {
        return html_to_correct(&show_page(&app, &shell, &actor, id, read.into_form()).await?);
    };
    act(&app, &actor, id, "Le rôle est donné.", move |tx, id| accounts::grant_role(tx, id, role, academy.as_deref()))
        .await
}

async fn revoke(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let role = Role::from_word(raw.get("role")).ok_or_else(AppError::not_found)?;
    let academy = Some(raw.get("academie").to_owned()).filter(|code| !code.is_empty());
    let asked = id.clone();
    let asking = actor.0.clone();
    app.db
        .write(&actor, Lock::House, move |tx| {
            accounts::get_managed_user(tx.conn, &asking, &asked)?;
            accounts::revoke_role(tx, &asked, role, academy.as_deref())
        })
        .await?;
    // The last role taken back, the account is no longer one of this academy's.
    let asking = actor.0.clone();
    let asked = id.clone();
    let is_still_ours = app.db.read(move |conn| match accounts::get_managed_user(conn, &asking, &asked) {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error),
    });
    let to = if is_still_ours.await? { format!("/administration/comptes/{id}") } else { "/administration".to_owned() };
    Ok(Flash::success("Le rôle est retiré ; il ne compte plus dès la prochaine page.").then(&to))
}

async fn invite_again(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let url = app.config.public_url.clone();
    act(&app, &actor, id, "Une nouvelle invitation part à son adresse.", move |tx, id| {
        let user = accounts::get_user(tx.conn, id)?;
        if user.password_hash.is_some() {
            return Err(crate::domain::refusal::Refusal::new(
                "already_open",
                "Ce compte est déjà ouvert : la personne peut elle-même demander un nouveau mot de passe depuis la connexion.",
            )
            .into());
        }
        send_invitation(tx, &user, &url, "invitation renouvelée")
    })
    .await
}

async fn disable(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    act(&app, &actor, id, "Le compte est désactivé et ses sessions sont fermées.", accounts::disable_user).await
}

async fn enable(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    act(&app, &actor, id, "Le compte est réactivé.", accounts::enable_user).await
}

/// An act on an account of the actor's, then back to its page.
async fn act<F>(
    app: &AppState,
    actor: &CurrentActor,
    id: String,
    said: &'static str,
    command: F,
) -> Result<Response, AppError>
where
    F: FnOnce(&mut Tx<'_>, &str) -> Result<(), StoreError> + Send + 'static,
{
    let asked = id.clone();
    let asking = actor.0.clone();
    app.db
        .write(actor, Lock::House, move |tx| {
            accounts::get_managed_user(tx.conn, &asking, &asked)?;
            command(tx, &asked)
        })
        .await?;
    Ok(Flash::success(said).then(&format!("/administration/comptes/{id}")))
}
