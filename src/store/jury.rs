//! The jury of a session: its members, its commissions, the order that names them, and who may not examine whom.
//! Once the order is signed the composition stands: an amendment is opened with a reason, then signed in its turn.

mod commission;
mod conflicts;
mod queries;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use super::audit::Act;
use super::exchange::Place;
use super::schema::{
    commission_members, commissions, conflicts as conflict_rows, juries, jurors as t, people, registrations, slots,
    users,
};
use super::session::{self, SessionRow};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id, reference};
use crate::domain::academy::Academy;
use crate::domain::ids::{Civility, EmailAddress, Phone, Uai, fold, sort_key};
use crate::domain::jury::{
    JURY_LAW, JurorContext, JurorDraft, JurorReport, check_jurors, check_signature, conformity, find_role,
};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;
use crate::domain::session::{SessionState, require};
use crate::domain::table::Table;
use crate::each_backend;

pub use commission::{dissolve_commission, make_commission, seat, unseat};
pub use conflicts::{ConflictRow, declare_conflict, dismiss_conflict, find_conflicts};
pub use queries::{
    CommissionView, ConflictView, JuryView, SeatView, commission_members_user_ids, commissions_of_user, find_order,
    get_juror, get_jury, list_commissions, list_conflicts, list_jurors, list_panels, list_seated,
};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset, serde::Serialize)]
#[diesel(table_name = t)]
#[diesel(treat_none_as_null = true)]
pub struct JurorRow {
    pub id: String,
    pub session_id: String,
    pub user_id: Option<String>,
    pub civility: String,
    pub last_name: String,
    pub first_names: String,
    pub email: String,
    pub email_key: String,
    pub phone: Option<String>,
    /// The pack's code of the quality they sit in.
    pub quality: String,
    pub uai: Option<String>,
    pub school_name: Option<String>,
    pub is_president: bool,
    /// `unknown`, `available` or `unavailable`, as the juror says.
    pub availability: String,
    pub sort_key: String,
    pub created_at: Stamp,
}

impl JurorRow {
    /// « VERGNAUD Hélène ».
    #[must_use]
    pub fn shown_name(&self) -> String {
        format!("{} {}", self.last_name, self.first_names)
    }

    /// « Mme Hélène VERGNAUD ».
    #[must_use]
    pub fn letter_name(&self) -> String {
        format!("{} {} {}", self.civility, self.first_names, self.last_name)
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = commissions)]
pub struct CommissionRow {
    pub id: String,
    pub session_id: String,
    pub label: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = commission_members)]
pub struct MemberRow {
    pub commission_id: String,
    pub juror_id: String,
    pub is_chair: bool,
}

/// The recteur's order that names the jury; there is one when the composition stands.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = juries)]
pub struct OrderRow {
    pub session_id: String,
    pub order_reference: String,
    pub signed_on: Day,
    /// Who recorded the signature here; the signature itself is handwritten or made elsewhere.
    pub signed_by: String,
}

/// A juror as an officer enters them, already parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJuror {
    pub civility: Civility,
    pub name: String,
    pub first_names: String,
    pub email: EmailAddress,
    pub phone: Option<Phone>,
    pub role: String,
    pub uai: Option<Uai>,
    pub school_name: Option<String>,
}

/// States in which a jury may be composed; in the last one, to replace someone.
const OPEN_STATES: &[SessionState] = &[
    SessionState::Preparation,
    SessionState::Registration,
    SessionState::Examination,
    SessionState::ListFixed,
    SessionState::Convened,
];

const CHUNK: usize = 400;

/// The session, when its jury may still be changed by this actor.
fn open_jury(tx: &mut Tx<'_>, session_id: &str) -> Stored<SessionRow> {
    let session = session::session_for(tx, session_id, Action::ManageJury)?;
    require(session.state, OPEN_STATES, "La composition du jury").map_err(|no| no.under(JURY_LAW))?;
    if let Some(order) = find_order(tx.conn, session_id)? {
        return Err(Refusal::new(
            "jury_signed",
            format!(
                "Le jury est nommé par l’arrêté {} : sa composition ne change plus. Pour remplacer un membre, ouvrez un arrêté modificatif.",
                order.order_reference
            ),
        )
        .under(JURY_LAW)
        .into());
    }
    Ok(session)
}

fn juror_of_session(tx: &mut Tx<'_>, session_id: &str, juror_id: &str) -> Stored<JurorRow> {
    Ok(t::table.find(juror_id).filter(t::session_id.eq(session_id)).select(JurorRow::as_select()).first(tx.conn)?)
}

fn commission_of_session(tx: &mut Tx<'_>, session_id: &str, commission_id: &str) -> Stored<CommissionRow> {
    Ok(commissions::table
        .find(commission_id)
        .filter(commissions::session_id.eq(session_id))
        .select(CommissionRow::as_select())
        .first(tx.conn)?)
}

/// The rules of a session, or those its year would have.
fn rules_for(conn: &mut Conn, place: &Place) -> Stored<Arc<RegulationPack>> {
    let id = match &place.session {
        Some(session) => session.regulation_id.clone(),
        None => reference::regulation_for_year(conn, place.year)?,
    };
    reference::rules_of(conn, &id)
}

/// Code to label, of the qualities in which one may sit.
pub(super) fn qualities(conn: &mut Conn, place: &Place) -> Stored<HashMap<String, String>> {
    let pack = rules_for(conn, place)?;
    Ok(pack.jury.roles.iter().map(|role| (role.code.clone(), role.label.clone())).collect())
}

/// Checks a list of jurors against the pack and the candidates; what the jury already holds is compared by the import.
///
/// # Errors
/// Not found for an unknown academy or a year without rules; the database's own.
pub(super) fn preview_jurors(
    conn: &mut Conn,
    place: &Place,
    table: &Table,
    set_aside: &[(u64, String)],
) -> Stored<JurorReport> {
    let academy = Academy::find(&place.academy_code).ok_or(StoreError::NotFound)?;
    let pack = rules_for(conn, place)?;
    let roles = || pack.jury.roles.iter().map(|role| (role.code.as_str(), role.label.as_str()));
    let role_of = |typed: &str| find_role(typed, roles()).map(str::to_owned);
    let size = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let candidate_emails = match &place.session {
        Some(session) => candidate_emails(conn, &session.id)?,
        None => HashMap::new(),
    };
    let context = JurorContext {
        academy_departments: academy.departments.clone(),
        role_of: &role_of,
        role_labels: pack.jury.roles.iter().map(|role| role.label.clone()).collect(),
        commission_size: size(pack.jury.commission_minimum.value)..=size(pack.jury.commission_maximum.value),
        candidate_emails,
        set_aside: set_aside.to_vec(),
    };
    Ok(check_jurors(table, &context))
}

/// Address to number, for the candidates of a session who have not withdrawn.
fn candidate_emails(conn: &mut Conn, session_id: &str) -> Stored<HashMap<String, String>> {
    Ok(registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(session_id))
        .filter(registrations::state.ne("withdrawn"))
        .filter(people::email_key.ne(""))
        .select((people::email_key, registrations::number))
        .load::<(String, String)>(conn)?
        .into_iter()
        .collect())
}

/// Writes checked jurors, with the commissions they name; all of them, or none.
///
/// # Errors
/// A refusal when the order is signed, a role is unknown, or an address is already a juror's or a candidate's.
pub(super) fn import_jurors(tx: &mut Tx<'_>, session_id: &str, drafts: &[JurorDraft]) -> Stored<()> {
    let session = open_jury(tx, session_id)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let mut known: HashSet<String> =
        t::table.filter(t::session_id.eq(session_id)).select(t::email_key).load(tx.conn)?.into_iter().collect();
    let presided: bool = president_of(tx, session_id)?.is_some();
    let candidates = candidate_emails(tx.conn, session_id)?;
    let mut labels: HashMap<String, String> = HashMap::new();
    let stood: HashMap<String, String> =
        list_commissions(tx.conn, session_id)?.into_iter().map(|row| (fold(&row.label), row.id)).collect();
    let keys: Vec<String> = drafts.iter().map(|draft| draft.email.key()).collect();
    let accounts = accounts_of(tx, &keys)?;
    let (mut rows, mut seats, mut new_commissions, mut acts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut standing = Vec::new();
    for draft in drafts {
        let key = draft.email.key();
        check_role(&pack, &draft.role)?;
        check_address(&key, draft.email.as_str(), &candidates, !known.insert(key.clone()))?;
        if draft.president && presided {
            return Err(already_presided().into());
        }
        let new = NewJuror {
            civility: draft.civility,
            name: draft.name.clone(),
            first_names: draft.first_names.clone(),
            email: draft.email.clone(),
            phone: draft.phone.clone(),
            role: draft.role.clone(),
            uai: draft.uai.clone(),
            school_name: draft.school_name.clone(),
        };
        let row =
            JurorRow { is_president: draft.president, ..row_of(tx, session_id, &new, accounts.get(&key).cloned()) };
        if let Some(label) = &draft.commission {
            if let Some(id) = stood.get(&fold(label)) {
                standing.push((id.clone(), row.id.clone(), draft.commission_chair));
            } else {
                let commission_id = labels.entry(fold(label)).or_insert_with(|| {
                    let row =
                        CommissionRow { id: new_id(tx.at), session_id: session_id.to_owned(), label: label.clone() };
                    let id = row.id.clone();
                    new_commissions.push(row);
                    id
                });
                seats.push(MemberRow {
                    commission_id: commission_id.clone(),
                    juror_id: row.id.clone(),
                    is_chair: draft.commission_chair,
                });
            }
        }
        acts.push(Act {
            action: "add_juror",
            object_kind: "juror",
            object_id: row.id.clone(),
            before: None,
            after: Some(json!(row)),
            detail: json!({ "quality": row.quality, "line": draft.line, "commission": draft.commission }),
        });
        rows.push(row);
    }
    for chunk in rows.chunks(CHUNK) {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(chunk).execute(c))?;
    }
    for chunk in new_commissions.chunks(CHUNK) {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(commissions::table).values(chunk).execute(c))?;
    }
    for chunk in seats.chunks(CHUNK) {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(commission_members::table).values(chunk).execute(c))?;
    }
    tx.audit_all(acts)?;
    let detail = json!({ "jurors": rows.len(), "commissions": new_commissions.len() });
    tx.audit("import_jurors", ("session", session_id), None, None, &detail)?;
    // Where slots may already stand, each seat is asked about as on the jury's page.
    for (commission_id, juror_id, is_chair) in standing {
        seat(tx, session_id, &commission_id, &juror_id, is_chair)?;
    }
    Ok(())
}

fn check_role(pack: &RegulationPack, role: &str) -> Result<(), Refusal> {
    if pack.jury.roles.iter().any(|known| known.code == role) {
        return Ok(());
    }
    Err(Refusal::new(
        "role_unknown",
        format!("La qualité « {role} » n’est pas prévue pour ce jury : choisissez dans la liste."),
    )
    .under(JURY_LAW))
}

fn check_address(key: &str, shown: &str, candidates: &HashMap<String, String>, taken: bool) -> Result<(), Refusal> {
    if let Some(number) = candidates.get(key) {
        return Err(Refusal::new(
            "juror_is_candidate",
            format!(
                "L’adresse {shown} est celle du candidat {number} de cette session : on ne peut pas être juge et candidat."
            ),
        ));
    }
    if taken {
        return Err(Refusal::new(
            "already_juror",
            format!("L’adresse {shown} est déjà celle d’un membre de ce jury : modifiez sa fiche."),
        ));
    }
    Ok(())
}

fn already_presided() -> Refusal {
    Refusal::new("several_presidents", "Ce jury a déjà un président ou une présidente : il n’a qu’une présidence.")
        .under(JURY_LAW)
}

/// Accounts that already exist under these addresses: the juror finds their commissions at once.
fn accounts_of(tx: &mut Tx<'_>, keys: &[String]) -> Stored<HashMap<String, String>> {
    let mut found = HashMap::new();
    for chunk in keys.chunks(CHUNK) {
        let rows: Vec<(String, String)> = users::table
            .filter(users::email_key.eq_any(chunk))
            .filter(users::verified_at.is_not_null())
            .filter(users::disabled_at.is_null())
            .select((users::email_key, users::id))
            .load(tx.conn)?;
        found.extend(rows);
    }
    Ok(found)
}

fn row_of(tx: &Tx<'_>, session_id: &str, new: &NewJuror, user_id: Option<String>) -> JurorRow {
    JurorRow {
        id: new_id(tx.at),
        session_id: session_id.to_owned(),
        user_id,
        civility: new.civility.as_str().to_owned(),
        last_name: new.name.clone(),
        first_names: new.first_names.clone(),
        email: new.email.as_str().to_owned(),
        email_key: new.email.key(),
        phone: new.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        quality: new.role.clone(),
        uai: new.uai.as_ref().map(|uai| uai.as_str().to_owned()),
        school_name: new.school_name.clone(),
        is_president: false,
        availability: "unknown".into(),
        sort_key: sort_key(&new.name, &new.first_names),
        created_at: tx.stamp(),
    }
}

/// # Errors
/// As [`import_jurors`].
pub fn add_juror(tx: &mut Tx<'_>, session_id: &str, new: &NewJuror) -> Stored<String> {
    let session = open_jury(tx, session_id)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    check_role(&pack, &new.role)?;
    let key = new.email.key();
    check_address(
        &key,
        new.email.as_str(),
        &candidate_emails(tx.conn, session_id)?,
        is_taken(tx, session_id, &key, "")?,
    )?;
    let account = accounts_of(tx, std::slice::from_ref(&key))?.remove(&key);
    let row = row_of(tx, session_id, new, account);
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    tx.audit("add_juror", ("juror", &row.id), None, Some(&json!(row)), &json!({ "quality": row.quality }))?;
    Ok(row.id)
}

fn is_taken(tx: &mut Tx<'_>, session_id: &str, key: &str, but: &str) -> Stored<bool> {
    let others: i64 = t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::email_key.eq(key))
        .filter(t::id.ne(but))
        .count()
        .get_result(tx.conn)?;
    Ok(others > 0)
}

/// Corrects a juror. Contact details may be corrected at any time; the name and the quality stand in the order.
///
/// # Errors
/// As [`add_juror`]; a refusal when the order is signed and more than contact details change.
pub fn update_juror(tx: &mut Tx<'_>, session_id: &str, juror_id: &str, new: &NewJuror) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::ManageJury)?;
    let former = juror_of_session(tx, session_id, juror_id)?;
    let mut row = row_of(tx, session_id, new, former.user_id.clone());
    row.id = former.id.clone();
    row.is_president = former.is_president;
    row.availability = former.availability.clone();
    row.created_at = former.created_at;
    let named =
        |row: &JurorRow| (row.civility.clone(), row.last_name.clone(), row.first_names.clone(), row.quality.clone());
    if named(&row) != named(&former) {
        open_jury(tx, session_id)?;
    }
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    check_role(&pack, &new.role)?;
    let taken = is_taken(tx, session_id, &row.email_key, juror_id)?;
    check_address(&row.email_key, &row.email, &candidate_emails(tx.conn, session_id)?, taken)?;
    if row.email_key != former.email_key {
        // Another address is another account: the former one loses its sight of the commissions.
        row.user_id = accounts_of(tx, std::slice::from_ref(&row.email_key))?.remove(&row.email_key);
    }
    diesel::update(t::table.find(juror_id)).set(&row).execute(tx.conn)?;
    tx.audit("update_juror", ("juror", juror_id), Some(&json!(former)), Some(&json!(row)), &json!({}))
}

/// Takes someone off the jury.
///
/// # Errors
/// A refusal when the order is signed, or when they sit in a commission that already has slots.
pub fn remove_juror(tx: &mut Tx<'_>, session_id: &str, juror_id: &str) -> Stored<()> {
    open_jury(tx, session_id)?;
    let row = juror_of_session(tx, session_id, juror_id)?;
    let busy: Option<String> = commission_members::table
        .inner_join(commissions::table)
        .filter(commission_members::juror_id.eq(juror_id))
        .filter(
            commissions::id.eq_any(slots::table.filter(slots::session_id.eq(session_id)).select(slots::commission_id)),
        )
        .select(commissions::label)
        .first(tx.conn)
        .optional()?;
    if let Some(label) = busy {
        return Err(Refusal::new(
            "juror_has_slots",
            format!("{} siège dans la commission « {label} », qui a des créneaux : remplacez d’abord ce membre dans la commission.", row.shown_name()),
        )
        .into());
    }
    diesel::delete(conflict_rows::table.filter(conflict_rows::juror_id.eq(juror_id))).execute(tx.conn)?;
    diesel::delete(commission_members::table.filter(commission_members::juror_id.eq(juror_id))).execute(tx.conn)?;
    diesel::delete(super::schema::links::table.filter(super::schema::links::juror_id.eq(juror_id))).execute(tx.conn)?;
    diesel::delete(t::table.find(juror_id)).execute(tx.conn)?;
    tx.audit("remove_juror", ("juror", juror_id), Some(&json!(row)), None, &json!({}))
}

fn president_of(tx: &mut Tx<'_>, session_id: &str) -> Stored<Option<String>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::is_president.eq(true))
        .select(t::id)
        .first(tx.conn)
        .optional()?)
}

/// Names the president of the jury, who takes the place of whoever presided before.
///
/// # Errors
/// A refusal when the order is signed.
pub fn name_president(tx: &mut Tx<'_>, session_id: &str, juror_id: &str) -> Stored<()> {
    open_jury(tx, session_id)?;
    juror_of_session(tx, session_id, juror_id)?;
    let former = president_of(tx, session_id)?;
    diesel::update(t::table.filter(t::session_id.eq(session_id)))
        .set(t::is_president.eq(t::id.eq(juror_id)))
        .execute(tx.conn)?;
    tx.audit(
        "name_president",
        ("session", session_id),
        Some(&json!(former)),
        Some(&json!(juror_id)),
        &json!({ "juror": juror_id }),
    )
}

/// Records the signature of the order that names the jury. From then on the composition stands.
///
/// # Errors
/// A refusal when something blocks in the composition, when the reference is missing or the date is to come, or when
/// the order is already signed. Conflicts with candidates already placed keep the convocations from leaving.
pub fn sign_order(tx: &mut Tx<'_>, session_id: &str, order_reference: &str, signed_on: Date) -> Stored<()> {
    let session = open_jury(tx, session_id)?;
    let order_reference = order_reference.trim();
    if order_reference.is_empty() || order_reference.chars().count() > 120 {
        return Err(Refusal::new(
            "order_reference",
            "Donnez la référence de l’arrêté, telle qu’elle figure sur le document signé (120 caractères au plus).",
        )
        .into());
    }
    let academy = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    if signed_on > academy.date(tx.at) {
        return Err(Refusal::new(
            "order_date",
            "La date de signature est dans l’avenir : enregistrez l’arrêté une fois signé.",
        )
        .into());
    }
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let composition = queries::composition(tx.conn, session_id)?;
    check_signature(&conformity(&pack, &composition))?;
    let row = OrderRow {
        session_id: session_id.to_owned(),
        order_reference: order_reference.to_owned(),
        signed_on: Day(signed_on),
        signed_by: tx.actor.user_id.clone(),
    };
    diesel::insert_into(juries::table).values(&row).execute(tx.conn)?;
    let members: Vec<(&str, &str)> =
        composition.members.iter().map(|member| (member.name.as_str(), member.role.as_str())).collect();
    let after = json!({ "order": row, "members": members });
    tx.audit(
        "sign_order",
        ("jury", session_id),
        None,
        Some(&after),
        &json!({ "reference": row.order_reference, "members": members.len() }),
    )
}

/// Opens an amending order: the composition may change again, until a new order is signed.
/// The former order's reference and the reason stay in the audit chain.
///
/// # Errors
/// A refusal without a reason, after the épreuves, or when no order is signed.
pub fn amend_order(tx: &mut Tx<'_>, session_id: &str, reason: &str) -> Stored<()> {
    let session = session::session_for(tx, session_id, Action::ManageJury)?;
    require(session.state, OPEN_STATES, "La modification du jury").map_err(|no| no.under(JURY_LAW))?;
    let Some(order) = find_order(tx.conn, session_id)? else {
        return Err(Refusal::new(
            "no_order",
            "Aucun arrêté n’est signé : la composition du jury peut être modifiée directement.",
        )
        .into());
    };
    if reason.trim().chars().count() < 10 {
        return Err(Refusal::new(
            "amendment_reason",
            "Dites en une phrase pourquoi le jury est modifié : le motif est conservé.",
        )
        .into());
    }
    diesel::delete(juries::table.find(session_id)).execute(tx.conn)?;
    let detail = json!({ "amended": order.order_reference, "reason": reason.trim() });
    tx.audit("amend_order", ("jury", session_id), Some(&json!(order)), None, &detail)
}

/// A juror says whether they are available; the office may note it for them.
///
/// # Errors
/// [`StoreError::NotFound`] for anyone else; a refusal for an answer that is not understood.
pub fn answer_availability(tx: &mut Tx<'_>, juror_id: &str, answer: &str) -> Stored<()> {
    let (row, session) = own_seat(tx, juror_id)?;
    require(session.state, OPEN_STATES, "La réponse sur la disponibilité")?;
    if !["available", "unavailable", "unknown"].contains(&answer) {
        return Err(Refusal::new(
            "availability",
            "La réponse n’est pas comprise : choisissez disponible ou indisponible.",
        )
        .into());
    }
    diesel::update(t::table.find(juror_id)).set(t::availability.eq(answer)).execute(tx.conn)?;
    tx.audit(
        "answer_availability",
        ("juror", juror_id),
        Some(&json!(row.availability)),
        Some(&json!(answer)),
        &json!({ "answer": answer }),
    )
}

/// The juror, for themselves or for the office; anyone else finds nothing.
fn own_seat(tx: &mut Tx<'_>, juror_id: &str) -> Stored<(JurorRow, SessionRow)> {
    let row: JurorRow = t::table.find(juror_id).select(JurorRow::as_select()).first(tx.conn)?;
    let session = session::load_session(tx.conn, &row.session_id)?;
    let is_own = row.user_id.as_deref() == Some(tx.actor.user_id.as_str());
    if !is_own && !may(tx.actor, Action::ManageJury, Object::academy(&session.academy_code)) {
        return Err(StoreError::NotFound);
    }
    Ok((row, session))
}
