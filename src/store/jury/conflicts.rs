//! Conflicts of interest as they are found, declared and set aside. Finding them again keeps what was decided;
//! a conflict that facts no longer show goes, unless somebody declared it or decided on it.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::json;

use super::own_seat;
use crate::domain::jury::{Candidate, ConflictKind, Examiner, check_dismissal, conflicts};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::each_backend;
use crate::store::people::fold_email;
use crate::store::schema::{conflicts as t, enrolments, jurors, people, registrations};
use crate::store::{Conn, Stamp, Stored, Tx, new_id, session};

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct ConflictRow {
    pub id: String,
    pub session_id: String,
    pub juror_id: String,
    pub registration_id: String,
    pub kind: ConflictKind,
    pub detail: String,
    pub dismissed_reason: Option<String>,
    pub dismissed_by: Option<String>,
    pub dismissed_at: Option<Stamp>,
}

const CHUNK: usize = 1_000;

/// Finds the conflicts that facts show today. Returns how many stand, dismissed ones left out.
///
/// # Errors
/// The database's own.
pub fn find_conflicts(tx: &mut Tx<'_>, session_id: &str) -> Stored<usize> {
    session::session_for(tx, session_id, Action::ManageJury)?;
    let jurors: Vec<Examiner> = jurors::table
        .filter(jurors::session_id.eq(session_id))
        .order(jurors::sort_key)
        .select((jurors::id, jurors::email_key, jurors::user_id, jurors::uai))
        .load::<(String, String, Option<String>, Option<String>)>(tx.conn)?
        .into_iter()
        .map(|(id, email_key, user_id, uai)| Examiner { id, email_key, user_id, uai })
        .collect();
    let found = conflicts(&jurors, &candidates(tx.conn, session_id)?);
    let standing: Vec<ConflictRow> =
        t::table.filter(t::session_id.eq(session_id)).select(ConflictRow::as_select()).load(tx.conn)?;
    let key = |juror: &str, registration: &str, kind: ConflictKind| (juror.to_owned(), registration.to_owned(), kind);
    let known: HashSet<_> = standing.iter().map(|row| key(&row.juror_id, &row.registration_id, row.kind)).collect();
    let seen: HashSet<_> = found.iter().map(|one| key(&one.juror, &one.registration, one.kind)).collect();
    let gone: Vec<&str> = standing
        .iter()
        .filter(|row| row.kind != ConflictKind::Declared && row.dismissed_at.is_none())
        .filter(|row| !seen.contains(&key(&row.juror_id, &row.registration_id, row.kind)))
        .map(|row| row.id.as_str())
        .collect();
    for chunk in gone.chunks(CHUNK) {
        diesel::delete(t::table.filter(t::id.eq_any(chunk))).execute(tx.conn)?;
    }
    let new: Vec<ConflictRow> = found
        .iter()
        .filter(|one| !known.contains(&key(&one.juror, &one.registration, one.kind)))
        .map(|one| ConflictRow {
            id: new_id(tx.at),
            session_id: session_id.to_owned(),
            juror_id: one.juror.clone(),
            registration_id: one.registration.clone(),
            kind: one.kind,
            detail: one.detail.clone(),
            dismissed_reason: None,
            dismissed_by: None,
            dismissed_at: None,
        })
        .collect();
    for chunk in new.chunks(CHUNK) {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(chunk).execute(c))?;
    }
    let detail = json!({ "new": new.len(), "gone": gone.len() });
    tx.audit("find_conflicts", ("jury", session_id), None, None, &detail)?;
    let dismissed = standing.iter().filter(|row| row.dismissed_at.is_some()).count();
    Ok(standing.len() - gone.len() + new.len() - dismissed)
}

/// Those who may sit, with their school and the tutors of their training. Three queries, whatever the number.
fn candidates(conn: &mut Conn, session_id: &str) -> Stored<Vec<Candidate>> {
    type Tutorship = (String, Option<String>, Option<String>);
    let of_session = || {
        registrations::table
            .filter(registrations::session_id.eq(session_id.to_owned()))
            .filter(registrations::state.eq_any(["submitted", "admitted"]))
    };
    let tutorships: Vec<Tutorship> = enrolments::table
        .filter(enrolments::person_id.eq_any(of_session().select(registrations::person_id)))
        .filter(enrolments::withdrawn_at.is_null())
        .select((enrolments::person_id, enrolments::tutor_person_id, enrolments::tutor_email_key))
        .load(conn)?;
    let tutor_ids: Vec<&str> = tutorships.iter().filter_map(|(_, tutor, _)| tutor.as_deref()).collect();
    let mut tutors: HashMap<String, (String, Option<String>)> = HashMap::new();
    for chunk in tutor_ids.chunks(CHUNK) {
        let rows: Vec<(String, String, Option<String>)> = people::table
            .filter(people::id.eq_any(chunk))
            .select((people::id, people::email_key, people::user_id))
            .load(conn)?;
        tutors.extend(rows.into_iter().map(|(id, email, user)| (id, (email, user))));
    }
    let mut by_person: HashMap<String, (Vec<String>, Vec<String>)> = HashMap::new();
    for (person, tutor_id, email) in tutorships {
        let (emails, users) = by_person.entry(person).or_default();
        emails.extend(email.map(|email| fold_email(&email)).filter(|email| !email.is_empty()));
        if let Some((email, user)) = tutor_id.and_then(|id| tutors.get(&id)) {
            emails.extend((!email.is_empty()).then(|| email.clone()));
            users.extend(user.clone());
        }
    }
    let rows: Vec<(String, String, Option<String>)> = of_session()
        .order(registrations::rank)
        .select((registrations::id, registrations::person_id, registrations::uai))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(registration, person, uai)| {
            let (tutor_emails, tutor_users) = by_person.get(&person).cloned().unwrap_or_default();
            Candidate { registration, uai, tutor_emails, tutor_users }
        })
        .collect())
}

/// Sets a conflict aside, with a reason that is kept. A tutor's never is.
///
/// # Errors
/// The rule's refusal, or one when the conflict is already set aside.
pub fn dismiss_conflict(tx: &mut Tx<'_>, conflict_id: &str, reason: &str) -> Stored<()> {
    let row: ConflictRow = t::table.find(conflict_id).select(ConflictRow::as_select()).first(tx.conn)?;
    session::session_for(tx, &row.session_id, Action::ManageJury)?;
    check_dismissal(row.kind, reason)?;
    let changed = diesel::update(t::table.find(conflict_id).filter(t::dismissed_at.is_null()))
        .set((
            t::dismissed_reason.eq(reason.trim()),
            t::dismissed_by.eq(&tx.actor.user_id),
            t::dismissed_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    if changed == 0 {
        return Err(Refusal::new("already_dismissed", "Cet empêchement est déjà levé.").into());
    }
    tx.audit(
        "dismiss_conflict",
        ("conflict", conflict_id),
        Some(&json!(row)),
        None,
        &json!({ "kind": row.kind, "reason": reason.trim() }),
    )
}

/// A juror says that they cannot examine a candidate; the office may note it for them. Said twice, it is one conflict,
/// and it stands again if it had been set aside.
///
/// # Errors
/// [`crate::store::StoreError::NotFound`] for anyone else, or for a candidate of another session.
pub fn declare_conflict(tx: &mut Tx<'_>, juror_id: &str, registration_id: &str, detail: &str) -> Stored<String> {
    let (juror, _) = own_seat(tx, juror_id)?;
    let number: String = registrations::table
        .find(registration_id)
        .filter(registrations::session_id.eq(&juror.session_id))
        .select(registrations::number)
        .first(tx.conn)?;
    let detail = detail.trim();
    if detail.chars().count() > 300 {
        return Err(Refusal::new(
            "conflict_detail",
            "Décrivez l’empêchement en 300 caractères au plus, sans détail privé.",
        )
        .into());
    }
    let known: Option<String> = t::table
        .filter(t::juror_id.eq(juror_id))
        .filter(t::registration_id.eq(registration_id))
        .filter(t::kind.eq(ConflictKind::Declared))
        .select(t::id)
        .first(tx.conn)
        .optional()?;
    let id = match known {
        Some(id) => {
            diesel::update(t::table.find(&id))
                .set((
                    t::detail.eq(detail),
                    t::dismissed_reason.eq(None::<String>),
                    t::dismissed_by.eq(None::<String>),
                    t::dismissed_at.eq(None::<Stamp>),
                ))
                .execute(tx.conn)?;
            id
        }
        None => {
            let row = ConflictRow {
                id: new_id(tx.at),
                session_id: juror.session_id.clone(),
                juror_id: juror_id.to_owned(),
                registration_id: registration_id.to_owned(),
                kind: ConflictKind::Declared,
                detail: detail.to_owned(),
                dismissed_reason: None,
                dismissed_by: None,
                dismissed_at: None,
            };
            diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
            row.id
        }
    };
    tx.audit(
        "declare_conflict",
        ("conflict", &id),
        None,
        Some(&json!(detail)),
        &json!({ "juror": juror_id, "candidate": number }),
    )?;
    Ok(id)
}
