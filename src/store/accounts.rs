//! Users and their roles: created by an invitation, given roles academy by academy, disabled and never deleted.
//! A user is one folded e-mail address; what they may do is in their grants alone. Links are in `store::links`.

pub mod address;
pub mod own;
pub mod passkeys;

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::audit::AuditRow;
use super::schema::{audit_entries, login_sessions, role_grants, users as t};
use super::sessions::{end_sessions, load_grants};
use super::{Conn, MultiBackend, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::account::{check_grant, managed_academies, manages_accounts};
use crate::domain::ids::EmailAddress;
use crate::domain::permission::{Action, Actor, Grant, Object, Role, may};
use crate::domain::refusal::Refusal;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct UserRow {
    pub id: String,
    pub email: String,
    pub email_key: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub created_at: Stamp,
    pub verified_at: Option<Stamp>,
    pub disabled_at: Option<Stamp>,
}

/// Somebody to open an account for; the address is already parsed.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: EmailAddress,
    pub name: String,
}

/// Creates the account, or finds the one this address already has; its name is then left as it is.
///
/// # Errors
/// [`StoreError::NotFound`] for who administers no accounts.
pub fn create_user(tx: &mut Tx<'_>, new: &NewUser) -> Stored<String> {
    if !manages_accounts(tx.actor) {
        return Err(StoreError::NotFound);
    }
    let email_key = new.email.key();
    if let Some(known) = find_user_by_email(tx.conn, &email_key)? {
        return Ok(known.id);
    }
    let row = UserRow {
        id: new_id(tx.at),
        email: new.email.as_str().to_owned(),
        email_key,
        name: new.name.trim().to_owned(),
        password_hash: None,
        created_at: tx.stamp(),
        verified_at: None,
        disabled_at: None,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    tx.audit("create_user", ("user", &row.id), None, None, &json!({ "email": row.email }))?;
    Ok(row.id)
}

/// Gives a role; giving it again changes nothing.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not the actor's to give, or a refusal when role and academy do not fit.
pub fn grant_role(tx: &mut Tx<'_>, user_id: &str, role: Role, academy: Option<&str>) -> Stored<()> {
    check_grant(tx.actor, role, academy).map_err(refused_or_missing)?;
    if let Some(code) = academy {
        super::reference::get_academy(tx.conn, code)?;
    }
    get_user(tx.conn, user_id)?;
    give(tx, user_id, role, academy)
}

fn refused_or_missing(no: Option<Refusal>) -> StoreError {
    no.map_or(StoreError::NotFound, StoreError::Refused)
}

/// Part of commands that have already decided: a claimed invitation gives its role.
pub(super) fn give(tx: &mut Tx<'_>, user_id: &str, role: Role, academy: Option<&str>) -> Stored<()> {
    if find_grant(tx, user_id, role, academy)?.is_some() {
        return Ok(());
    }
    diesel::insert_into(role_grants::table)
        .values((
            role_grants::id.eq(new_id(tx.at)),
            role_grants::user_id.eq(user_id),
            role_grants::role.eq(role),
            role_grants::academy_code.eq(academy),
            role_grants::granted_by.eq(&tx.actor.user_id),
            role_grants::granted_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    tx.audit("grant_role", ("user", user_id), None, None, &json!({ "role": role, "academy": academy }))
}

/// Takes a role back; it counts from the next page on.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not the actor's to take, and a refusal for one's own administration.
pub fn revoke_role(tx: &mut Tx<'_>, user_id: &str, role: Role, academy: Option<&str>) -> Stored<()> {
    check_grant(tx.actor, role, academy).map_err(refused_or_missing)?;
    let is_administration = matches!(role, Role::AcademyAdministrator | Role::PlatformAdministrator);
    if tx.actor.user_id == user_id && is_administration {
        return Err(Refusal::new(
            "own_administration",
            "Vous ne pouvez pas vous retirer votre propre rôle d’administration : demandez-le à un autre administrateur.",
        )
        .into());
    }
    let Some(id) = find_grant(tx, user_id, role, academy)? else { return Err(StoreError::NotFound) };
    diesel::delete(role_grants::table.find(id)).execute(tx.conn)?;
    tx.audit("revoke_role", ("user", user_id), None, None, &json!({ "role": role, "academy": academy }))
}

fn find_grant(tx: &mut Tx<'_>, user_id: &str, role: Role, academy: Option<&str>) -> Stored<Option<String>> {
    let rows: Vec<(String, Option<String>)> = role_grants::table
        .filter(role_grants::user_id.eq(user_id))
        .filter(role_grants::role.eq(role))
        .select((role_grants::id, role_grants::academy_code))
        .load(tx.conn)?;
    Ok(rows.into_iter().find(|(_, code)| code.as_deref() == academy).map(|(id, _)| id))
}

/// Keeps the hash of a new password and ends the user's sessions, but the one the change was made in.
///
/// # Errors
/// [`StoreError::NotFound`] for someone else's account.
pub fn set_password(tx: &mut Tx<'_>, user_id: &str, hash: &str, kept_session: Option<&str>) -> Stored<()> {
    if tx.actor.user_id != user_id && !tx.actor.is_system {
        return Err(StoreError::NotFound);
    }
    get_user(tx.conn, user_id)?;
    diesel::update(t::table.find(user_id)).set(t::password_hash.eq(hash)).execute(tx.conn)?;
    end_sessions(tx, user_id, kept_session)?;
    tx.audit("set_password", ("user", user_id), None, None, &json!({}))
}

/// Closes an account: nobody signs in with it any more, its history stays.
///
/// # Errors
/// [`StoreError::NotFound`], or a refusal for one's own account and for one that serves elsewhere.
pub fn disable_user(tx: &mut Tx<'_>, user_id: &str) -> Stored<()> {
    may_administer(tx, user_id)?;
    if tx.actor.user_id == user_id {
        return Err(Refusal::new(
            "own_account",
            "Vous ne pouvez pas désactiver votre propre compte : demandez-le à un autre administrateur.",
        )
        .into());
    }
    diesel::update(t::table.find(user_id)).set(t::disabled_at.eq(Some(tx.stamp()))).execute(tx.conn)?;
    end_sessions(tx, user_id, None)?;
    tx.audit("disable_user", ("user", user_id), None, None, &json!({}))
}

/// Opens again a closed account.
///
/// # Errors
/// Those of [`disable_user`].
pub fn enable_user(tx: &mut Tx<'_>, user_id: &str) -> Stored<()> {
    may_administer(tx, user_id)?;
    diesel::update(t::table.find(user_id)).set(t::disabled_at.eq(None::<Stamp>)).execute(tx.conn)?;
    tx.audit("enable_user", ("user", user_id), None, None, &json!({}))
}

/// The whole account is the actor's to close when each of its roles is theirs to give.
fn may_administer(tx: &mut Tx<'_>, user_id: &str) -> Stored<()> {
    get_user(tx.conn, user_id)?;
    let grants = load_grants(tx.conn, user_id)?;
    let is_mine = |grant: &Grant| {
        may(tx.actor, Action::ManageUsers, Object { academy: grant.academy.as_deref(), ..Object::house() })
    };
    let is_platform = may(tx.actor, Action::ManageUsers, Object::house());
    if !is_platform && !grants.iter().any(is_mine) {
        return Err(StoreError::NotFound);
    }
    if !is_platform && !grants.iter().all(is_mine) {
        return Err(Refusal::new(
            "serves_elsewhere",
            "Ce compte sert aussi hors de votre académie : retirez les rôles que vous avez donnés, ou demandez sa désactivation à l’administrateur de la plateforme.",
        )
        .into());
    }
    Ok(())
}

/// # Errors
/// [`StoreError::NotFound`].
pub fn get_user(conn: &mut Conn, id: &str) -> Stored<UserRow> {
    Ok(t::table.find(id).select(UserRow::as_select()).first(conn)?)
}

/// `email_key` is the folded address ([`EmailAddress::key`]).
///
/// # Errors
/// The database's own.
pub fn find_user_by_email(conn: &mut Conn, email_key: &str) -> Stored<Option<UserRow>> {
    Ok(t::table.filter(t::email_key.eq(email_key)).select(UserRow::as_select()).first(conn).optional()?)
}

/// The user as an actor, with their roles; nobody for a missing or disabled account.
///
/// # Errors
/// The database's own.
pub fn find_actor(conn: &mut Conn, user_id: &str) -> Stored<Option<Actor>> {
    let row: Option<(String, String)> =
        t::table.find(user_id).filter(t::disabled_at.is_null()).select((t::name, t::email)).first(conn).optional()?;
    let Some((name, email)) = row else { return Ok(None) };
    let grants = load_grants(conn, user_id)?;
    Ok(Some(Actor { user_id: user_id.to_owned(), name, email, grants, is_system: false }))
}

/// Which accounts to list.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Accounts holding a role in one of these academies; `None` for all accounts of the house.
    pub academies: Option<Vec<String>>,
    pub role: Option<Role>,
    /// Beginning or piece of a name or address, as typed.
    pub typed: String,
}

impl UserFilter {
    /// What this actor administers.
    #[must_use]
    pub fn managed_by(actor: &Actor) -> Self {
        UserFilter { academies: managed_academies(actor), ..UserFilter::default() }
    }
}

/// An account with its roles, as an administrator sees it: roles of other academies are left out.
#[derive(Debug, Clone)]
pub struct UserView {
    pub user: UserRow,
    pub grants: Vec<Grant>,
    pub last_seen: Option<Stamp>,
}

type Filtered = diesel::helper_types::IntoBoxed<'static, t::table, MultiBackend>;

fn filtered(filter: &UserFilter) -> Filtered {
    let mut query = t::table.into_boxed();
    let holders = || role_grants::table.select(role_grants::user_id);
    query = match (filter.academies.clone(), filter.role) {
        (Some(codes), Some(role)) => query.filter(
            t::id.eq_any(holders().filter(role_grants::academy_code.eq_any(codes)).filter(role_grants::role.eq(role))),
        ),
        (Some(codes), None) => query.filter(t::id.eq_any(holders().filter(role_grants::academy_code.eq_any(codes)))),
        (None, Some(role)) => query.filter(t::id.eq_any(holders().filter(role_grants::role.eq(role)))),
        (None, None) => query,
    };
    let typed = filter.typed.trim().to_lowercase().replace(['%', '_', '\\'], "");
    if !typed.is_empty() {
        let pattern = format!("%{typed}%");
        // Neither engine folds accents here; the name is also looked for as typed.
        let as_typed = format!("%{}%", filter.typed.trim().replace(['%', '_', '\\'], ""));
        query = query.filter(t::email_key.like(pattern).or(t::name.like(as_typed)));
    }
    query
}

/// A page of accounts with their roles, by name, and how many there are: four queries whatever the number.
///
/// # Errors
/// The database's own.
pub fn list_users(conn: &mut Conn, filter: &UserFilter, limit: i64, offset: i64) -> Stored<(Vec<UserView>, i64)> {
    let total: i64 = filtered(filter).count().get_result(conn)?;
    let rows: Vec<UserRow> = filtered(filter)
        .order((t::name, t::email_key))
        .limit(limit)
        .offset(offset)
        .select(UserRow::as_select())
        .load(conn)?;
    let views = with_grants(conn, rows, filter.academies.as_deref())?;
    Ok((views, total))
}

/// One account, when this actor administers at least one of its roles.
///
/// # Errors
/// [`StoreError::NotFound`] for every other account.
pub fn get_managed_user(conn: &mut Conn, actor: &Actor, id: &str) -> Stored<UserView> {
    let user = get_user(conn, id)?;
    let academies = managed_academies(actor);
    let view = with_grants(conn, vec![user], academies.as_deref())?.pop().ok_or(StoreError::NotFound)?;
    if academies.is_some() && view.grants.is_empty() {
        return Err(StoreError::NotFound);
    }
    Ok(view)
}

/// The latest acts on an account, the newest first: somebody who signs in every day has thousands.
///
/// # Errors
/// The database's own.
pub fn list_latest_acts(conn: &mut Conn, user_id: &str, limit: i64) -> Stored<Vec<AuditRow>> {
    Ok(audit_entries::table
        .filter(audit_entries::object_kind.eq("user"))
        .filter(audit_entries::object_id.eq(user_id))
        .order((audit_entries::at.desc(), audit_entries::seq.desc()))
        .limit(limit)
        .select(AuditRow::as_select())
        .load(conn)?)
}

fn with_grants(conn: &mut Conn, rows: Vec<UserRow>, academies: Option<&[String]>) -> Stored<Vec<UserView>> {
    let ids: Vec<&str> = rows.iter().map(|user| user.id.as_str()).collect();
    let grants: Vec<(String, Role, Option<String>)> = role_grants::table
        .filter(role_grants::user_id.eq_any(&ids))
        .order((role_grants::role, role_grants::academy_code))
        .select((role_grants::user_id, role_grants::role, role_grants::academy_code))
        .load(conn)?;
    let seen: Vec<(String, Option<Stamp>)> = login_sessions::table
        .filter(login_sessions::user_id.eq_any(&ids))
        .group_by(login_sessions::user_id)
        .select((login_sessions::user_id, diesel::dsl::max(login_sessions::seen_at)))
        .load(conn)?;
    let mut seen: HashMap<String, Option<Stamp>> = seen.into_iter().collect();
    let mut by_user: HashMap<String, Vec<Grant>> = HashMap::new();
    for (user_id, role, academy) in grants {
        let is_shown = academies.is_none_or(|codes| academy.as_ref().is_some_and(|code| codes.contains(code)));
        if is_shown {
            by_user.entry(user_id).or_default().push(Grant { role, academy });
        }
    }
    Ok(rows
        .into_iter()
        .map(|user| UserView {
            grants: by_user.remove(&user.id).unwrap_or_default(),
            last_seen: seen.remove(&user.id).flatten(),
            user,
        })
        .collect())
}

/// Accounts to sign in with in a demonstration: their roles in French, and their address; jurors beyond the first are left out.
///
/// # Errors
/// The database's own.
pub fn list_for_demo(conn: &mut Conn) -> Stored<Vec<(String, String)>> {
    use super::schema::role_grants;
    let rows: Vec<(String, Role)> = t::table
        .inner_join(role_grants::table)
        .filter(t::password_hash.is_not_null())
        .order((t::created_at, t::email_key))
        .select((t::email, role_grants::role))
        .load(conn)?;
    let mut accounts: Vec<(String, String)> = Vec::new();
    let mut jurors = 0;
    for (email, role) in rows {
        if let Some((roles, _)) = accounts.iter_mut().find(|(_, known)| *known == email) {
            roles.push_str(", ");
            roles.push_str(role.label());
            continue;
        }
        if role == Role::JuryMember {
            jurors += 1;
            if jurors > 4 {
                continue;
            }
        }
        accounts.push((role.label().to_owned(), email));
    }
    Ok(accounts)
}
