//! Corrections asked and answered: the person proposes a value with its reason; the head of office or the administrator
//! of the academy accepts, and the value is applied in the same transaction, or refuses with a reason. Never silently.

use diesel::prelude::*;
use serde_json::json;

use super::outbox::{self, NewMail};
use super::people::{PersonRow, get_person};
use super::schema::{corrections as t, people, users};
use super::staff::names::{self, NameChange};
use super::{Conn, Day, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::academy::Academy;
use crate::domain::correction::{Field, LAW, check_value};
use crate::domain::ids::person_key;
use crate::domain::permission::{Action, Actor, Object, may, roles_for};
use crate::domain::refusal::Refusal;
use crate::domain::staff::career::CivilStatus;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct CorrectionRow {
    pub id: String,
    pub person_id: String,
    pub academy_code: String,
    pub field: Field,
    pub present: String,
    pub proposed: String,
    pub reason: String,
    pub state: String,
    pub asked_by: String,
    pub asked_at: Stamp,
    pub answer: Option<String>,
    pub answered_by: Option<String>,
    pub answered_by_name: Option<String>,
    pub answered_at: Option<Stamp>,
    pub version: i32,
}

/// The value a person's record has now.
#[must_use]
pub fn present_value(person: &PersonRow, field: Field) -> String {
    match field {
        Field::Civility => person.civility.clone(),
        Field::BirthName => person.birth_name.clone(),
        Field::UsageName => person.usage_name.clone().unwrap_or_default(),
        Field::FirstNames => person.first_names.clone(),
        Field::BirthDate => person.birth_date.0.to_string(),
        Field::BirthPlace => person.birth_place.clone().unwrap_or_default(),
        Field::Phone => person.phone.clone().unwrap_or_default(),
    }
}

fn today(academy: &str, at: jiff::Timestamp) -> Stored<jiff::civil::Date> {
    Ok(Academy::find(academy).ok_or(StoreError::NotFound)?.date(at))
}

/// The person tied to this account, if any.
///
/// # Errors
/// The database's own.
pub fn find_own_person(conn: &mut Conn, user_id: &str) -> Stored<Option<PersonRow>> {
    Ok(people::table.filter(people::user_id.eq(user_id)).select(PersonRow::as_select()).first(conn).optional()?)
}

/// Asks for a correction of one's own record.
///
/// # Errors
/// `bad_value`, `same_value`, `already_asked`; [`StoreError::NotFound`] for who has no record.
pub fn ask(tx: &mut Tx<'_>, field: Field, typed: &str, reason: &str) -> Stored<String> {
    let user_id = tx.actor.user_id.clone();
    let person = find_own_person(tx.conn, &user_id)?.ok_or(StoreError::NotFound)?;
    let proposed = check_value(field, typed, today(&person.academy_code, tx.at)?)?;
    let present = present_value(&person, field);
    if proposed == present {
        return Err(
            Refusal::new("same_value", "C’est déjà la valeur enregistrée\u{a0}: il n’y a rien à corriger.").into()
        );
    }
    let waiting: i64 = t::table
        .filter(t::person_id.eq(&person.id))
        .filter(t::field.eq(field))
        .filter(t::state.eq("asked"))
        .count()
        .get_result(tx.conn)?;
    if waiting > 0 {
        return Err(Refusal::new("already_asked", "Une correction de cette donnée attend déjà sa réponse.")
            .under(LAW)
            .into());
    }
    let row = CorrectionRow {
        id: new_id(tx.at),
        person_id: person.id.clone(),
        academy_code: person.academy_code,
        field,
        present,
        proposed,
        reason: reason.trim().to_owned(),
        state: "asked".to_owned(),
        asked_by: user_id,
        asked_at: tx.stamp(),
        answer: None,
        answered_by: None,
        answered_by_name: None,
        answered_at: None,
        version: 1,
    };
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    tx.audit("ask_correction", ("person", &person.id), None, None, &json!({ "correction": row.id, "field": field }))?;
    Ok(row.id)
}

fn waiting_for(tx: &mut Tx<'_>, id: &str) -> Stored<CorrectionRow> {
    let row: CorrectionRow = t::table.find(id).select(CorrectionRow::as_select()).first(tx.conn)?;
    if !may(tx.actor, Action::AnswerCorrections, Object::academy(&row.academy_code)) {
        return Err(StoreError::NotFound);
    }
    if row.state != "asked" {
        return Err(StoreError::Conflict(
            "Cette demande a reçu sa réponse entre-temps\u{a0}: rechargez la liste.".into(),
        ));
    }
    Ok(row)
}

/// Writes the mail that tells somebody, by the name and the address of their account, that an answer can be read.
pub type Notify<'a> = &'a dyn Fn(&CorrectionRow, &str, &str) -> NewMail;

/// Accepts, and applies the value by the command that such a change has.
///
/// # Errors
/// [`StoreError::NotFound`] for another academy; a conflict when it was answered, or the record changed, meanwhile.
pub fn accept(tx: &mut Tx<'_>, id: &str, notify: Notify<'_>) -> Stored<()> {
    let row = waiting_for(tx, id)?;
    let person = get_person(tx.conn, &row.person_id)?;
    if present_value(&person, row.field) != row.present {
        return Err(StoreError::Conflict(
            "La valeur enregistrée a changé depuis la demande\u{a0}: relisez la fiche, puis refusez ou attendez une nouvelle demande.".into(),
        ));
    }
    if row.field.is_name() {
        rename(tx, &row, &person)?;
    } else {
        correct(tx, &row, &person)?;
    }
    close(tx, &row, "accepted", None, notify)
}

fn rename(tx: &mut Tx<'_>, row: &CorrectionRow, person: &PersonRow) -> Stored<()> {
    let mut status = CivilStatus {
        civility: person.civility.clone(),
        birth_name: person.birth_name.clone(),
        usage_name: person.usage_name.clone(),
        first_names: person.first_names.clone(),
    };
    match row.field {
        Field::Civility => status.civility.clone_from(&row.proposed),
        Field::BirthName => status.birth_name.clone_from(&row.proposed),
        Field::UsageName => status.usage_name = Some(row.proposed.clone()).filter(|name| !name.is_empty()),
        _ => status.first_names.clone_from(&row.proposed),
    }
    let change = NameChange {
        person_id: person.id.clone(),
        version: person.version,
        status,
        changed_on: today(&row.academy_code, tx.at)?,
        reason: format!("Correction demandée par la personne\u{a0}: {}", row.reason),
    };
    names::change_name(tx, &change)
}

fn correct(tx: &mut Tx<'_>, row: &CorrectionRow, person: &PersonRow) -> Stored<()> {
    let target = people::table.find(&person.id);
    match row.field {
        Field::BirthDate => {
            let date: jiff::civil::Date = row.proposed.parse().map_err(|_| StoreError::Broken(row.proposed.clone()))?;
            let key = person_key(&person.birth_name, &person.first_names, date);
            let borne: i64 = people::table
                .filter(people::identity_key.eq(&key))
                .filter(people::id.ne(&person.id))
                .count()
                .get_result(tx.conn)?;
            if borne > 0 {
                return Err(Refusal::new(
                    "identity_taken",
                    "Une autre personne est déjà connue sous ces nom, prénoms et date de naissance\u{a0}: vérifiez qu’il ne s’agit pas d’une seconde fiche de la même personne.",
                )
                .into());
            }
            diesel::update(target)
                .set((
                    people::birth_date.eq(Day(date)),
                    people::identity_key.eq(key),
                    people::version.eq(people::version + 1),
                ))
                .execute(tx.conn)?;
        }
        Field::BirthPlace => {
            diesel::update(target)
                .set((people::birth_place.eq(Some(&row.proposed)), people::version.eq(people::version + 1)))
                .execute(tx.conn)?;
        }
        _ => {
            diesel::update(target)
                .set((people::phone.eq(Some(&row.proposed)), people::version.eq(people::version + 1)))
                .execute(tx.conn)?;
        }
    }
    let after = get_person(tx.conn, &person.id)?;
    tx.audit(
        "correct_person",
        ("person", &person.id),
        Some(&json!(person)),
        Some(&json!(after)),
        &json!({ "field": row.field }),
    )
}

/// Refuses, with the reason the person reads.
///
/// # Errors
/// Those of [`accept`]; `reason_missing`.
pub fn refuse(tx: &mut Tx<'_>, id: &str, reason: &str, notify: Notify<'_>) -> Stored<()> {
    let row = waiting_for(tx, id)?;
    if reason.trim().is_empty() {
        return Err(Refusal::new("reason_missing", "Indiquez le motif du refus\u{a0}: la personne le lira.")
            .under(LAW)
            .into());
    }
    close(tx, &row, "refused", Some(reason.trim()), notify)
}

fn close(
    tx: &mut Tx<'_>,
    row: &CorrectionRow,
    state: &'static str,
    answer: Option<&str>,
    notify: Notify<'_>,
) -> Stored<()> {
    let changed = diesel::update(t::table.find(&row.id).filter(t::version.eq(row.version)))
        .set((
            t::state.eq(state),
            t::answer.eq(answer),
            t::answered_by.eq(Some(&tx.actor.user_id)),
            t::answered_by_name.eq(Some(&tx.actor.name)),
            t::answered_at.eq(Some(tx.stamp())),
            t::version.eq(t::version + 1),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(StoreError::Conflict(
            "Cette demande a reçu sa réponse entre-temps\u{a0}: rechargez la liste.".into(),
        ));
    }
    tx.audit(
        "answer_correction",
        ("person", &row.person_id),
        None,
        None,
        &json!({ "correction": row.id, "state": state }),
    )?;
    // Written to the account that asked, by its own name and address: those of the record may be what is being corrected.
    let account: Option<(String, String)> = users::table
        .find(&row.asked_by)
        .filter(users::disabled_at.is_null())
        .select((users::name, users::email))
        .first(tx.conn)
        .optional()?;
    match account {
        Some((name, email)) => outbox::queue(tx, vec![notify(row, &name, &email)]).map(|_| ()),
        None => Ok(()),
    }
}

/// A request as the office reads it.
#[derive(Debug, Clone)]
pub struct CorrectionView {
    pub row: CorrectionRow,
    pub name: String,
}

/// A page of the requests of these academies, those that wait first, and how many there are.
///
/// # Errors
/// The database's own.
pub fn list_corrections(
    conn: &mut Conn,
    academies: &[&str],
    limit: i64,
    offset: i64,
) -> Stored<(Vec<CorrectionView>, i64)> {
    let total = t::table.filter(t::academy_code.eq_any(academies)).count().get_result(conn)?;
    let rows: Vec<(CorrectionRow, PersonRow)> = t::table
        .inner_join(people::table)
        .filter(t::academy_code.eq_any(academies))
        // « asked » comes between « accepted » and « refused »: waiting is having no answer yet.
        .order((t::answered_at.is_not_null(), t::asked_at, t::id))
        .limit(limit)
        .offset(offset)
        .select((CorrectionRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    Ok((rows.into_iter().map(|(row, person)| CorrectionView { name: person.shown_name(), row }).collect(), total))
}

/// The academy that answers a request.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get_academy_code(conn: &mut Conn, id: &str) -> Stored<String> {
    Ok(t::table.find(id).select(t::academy_code).first(conn)?)
}

/// How many requests wait for this person's answer; none for whoever answers none.
///
/// # Errors
/// The database's own.
pub fn count_waiting_for(conn: &mut Conn, actor: &Actor) -> Stored<Option<i64>> {
    let academies = actor.academies(roles_for(Action::AnswerCorrections));
    if academies.is_empty() {
        return Ok(None);
    }
    let waiting = t::table.filter(t::state.eq("asked")).filter(t::academy_code.eq_any(academies));
    Ok(Some(waiting.count().get_result(conn)?))
}

/// How many requests of this person wait for an answer.
///
/// # Errors
/// The database's own.
pub fn count_waiting_of(conn: &mut Conn, person_id: &str) -> Stored<i64> {
    Ok(t::table.filter(t::state.eq("asked")).filter(t::person_id.eq(person_id)).count().get_result(conn)?)
}

/// One's own requests, the latest first.
///
/// # Errors
/// The database's own.
pub fn list_own_corrections(conn: &mut Conn, person_id: &str) -> Stored<Vec<CorrectionRow>> {
    Ok(t::table
        .filter(t::person_id.eq(person_id))
        .order(t::asked_at.desc())
        .select(CorrectionRow::as_select())
        .load(conn)?)
}
