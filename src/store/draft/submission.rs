//! The submission of a draft: who the person is, one registration a year, the rule's proposal, the number, the acknowledgement.
//! Submitted twice, or fifty times at once, a draft gives one registration and the same answer.

use diesel::prelude::*;
use serde_json::json;

use super::plan::plan_action;
use super::{DraftView, again, closed, get_own, refuse_second};
use crate::domain::eligibility::{Assessment, Facts, assess};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::registration::draft::{Complete, KeptChoice, read_all};
use crate::store::outbox::{self, NewMail};
use crate::store::people::{NewPerson, PersonRow, add_identities, find_by_identity, fold_email, identity_keys};
use crate::store::registration::{KeptMarkRow, RegistrationRow, candidate_number};
use crate::store::schema::{
    decisions, drafts, identity_checks, kept_mark_claims, kept_marks, people, person_identities, piece_files, pieces,
    registrations as t, resumed_drafts, yearly_registrations,
};
use crate::store::session::{self, SessionRow};
use crate::store::staff::career::{self, Told};
use crate::store::{Conn, Day, Stamp, StoreError, Stored, Tx, eligibility, new_id, people as records};

/// What a submission came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// The registration, now or already.
    Registered(String),
    /// Somebody is already known under this identity: an officer says who is who first.
    IdentityToCheck,
}

/// Writes the acknowledgement of a registration just made.
pub type Acknowledge<'a> = &'a dyn Fn(&SessionRow, &PersonRow, &RegistrationRow) -> NewMail;

/// Submits a draft as it was reviewed at `version`.
///
/// # Errors
/// A refusal when registration is closed, an answer is missing, or the person is registered already this year;
/// [`StoreError::Conflict`] when the draft changed since it was reviewed; [`StoreError::NotFound`] for another's draft.
pub fn submit(tx: &mut Tx<'_>, draft_id: &str, version: i32, acknowledge: Acknowledge<'_>) -> Stored<Submitted> {
    let user_id = tx.actor.user_id.clone();
    if let Some(id) = find_submitted(tx.conn, &user_id, draft_id)? {
        return Ok(Submitted::Registered(id));
    }
    let view = get_own(tx.conn, &tx.actor.user_id, draft_id, tx.at)?;
    if !may(tx.actor, Action::Apply, Object::academy(&view.session.academy_code).owned_by(&view.draft.user_id)) {
        return Err(StoreError::NotFound);
    }
    if !view.is_open {
        return Err(closed(&view.session, tx.at).into());
    }
    if view.draft.version != version {
        return Err(StoreError::Conflict(
            "Votre brouillon a changé depuis que vous avez relu vos réponses : relisez-les avant de déposer.".into(),
        ));
    }
    let complete = read_all(&view.answers, &view.context()).map_err(|step| {
        Refusal::new(
            "draft_incomplete",
            format!("L’étape « {} » est à compléter ou à corriger avant le dépôt.", step.label()),
        )
    })?;
    let Some(person) = settle_person(tx, &view, &complete)? else {
        return Ok(Submitted::IdentityToCheck);
    };
    refuse_second(tx.conn, &view.session, &person.id, &view.pack)?;
    let row = match again::find_withdrawn(tx.conn, &view.session.id, &person.id)? {
        Some(before) => again::resume(tx, &view, &complete, before)?,
        None => register(tx, &view, &complete, &person)?,
    };
    diesel::delete(drafts::table.find(draft_id)).execute(tx.conn)?;
    outbox::queue(tx, vec![acknowledge(&view.session, &person, &row)])?;
    Ok(Submitted::Registered(row.id))
}

/// The registration that this user's draft became, or was taken up into.
///
/// # Errors
/// The database's own.
pub fn find_submitted(conn: &mut Conn, user_id: &str, draft_id: &str) -> Stored<Option<String>> {
    let resumed: Option<String> =
        resumed_drafts::table.find(draft_id).select(resumed_drafts::registration_id).first(conn).optional()?;
    Ok(t::table
        .inner_join(people::table)
        .filter(t::id.eq(resumed.as_deref().unwrap_or(draft_id)))
        .filter(people::user_id.eq(user_id))
        .select(t::id)
        .first(conn)
        .optional()?)
}

/// The person's record, found or made; none when an officer must first say who is who.
///
/// An account never takes over the record of somebody else by typing their name: the address must be the one the
/// office knows, or an officer decides.
fn settle_person(tx: &mut Tx<'_>, view: &DraftView, complete: &Complete) -> Stored<Option<PersonRow>> {
    let identity = &complete.identity;
    let keys =
        identity_keys(&identity.birth_name, identity.usage_name.as_deref(), &identity.first_names, identity.birth_date);
    if let Some(own) = &view.person {
        let own_keys: Vec<String> = person_identities::table
            .filter(person_identities::person_id.eq(&own.id))
            .select(person_identities::identity_key)
            .load(tx.conn)?;
        if !keys.iter().any(|key| own_keys.contains(key)) {
            return Err(Refusal::new(
                "identity_differs",
                format!(
                    "Votre compte est celui de {} : les nom, prénoms et date de naissance saisis n’y correspondent pas. Corrigez l’étape « Votre identité », ou demandez la correction de votre fiche.",
                    own.shown_name()
                ),
            )
            .into());
        }
        return refreshed(tx, &view.session.academy_code, own.clone(), complete).map(Some);
    }
    let found = find_by_identity(tx.conn, &keys)?;
    let verdicts: Vec<(String, Option<String>)> = identity_checks::table
        .filter(identity_checks::draft_id.eq(&view.draft.id))
        .select((identity_checks::person_id, identity_checks::verdict))
        .load(tx.conn)?;
    let verdict = |id: &str| verdicts.iter().find(|(person, _)| person == id).and_then(|(_, said)| said.as_deref());
    let email_key = fold_email(&tx.actor.email);
    let open: Vec<&PersonRow> = found.iter().filter(|person| verdict(&person.id) != Some("distinct")).collect();
    let is_theirs = |person: &PersonRow| {
        person.user_id.is_none()
            && (verdict(&person.id) == Some("same") || (!email_key.is_empty() && person.email_key == email_key))
    };
    match open.as_slice() {
        [] => {
            let homonym = found.iter().map(|person| person.homonym + 1).max().unwrap_or(0);
            make_person(tx, view, complete, homonym, &keys).map(Some)
        }
        [one] if is_theirs(one) => {
            let mut known = (*one).clone();
            diesel::update(people::table.find(&known.id))
                .set(people::user_id.eq(&tx.actor.user_id))
                .execute(tx.conn)?;
            known.user_id = Some(tx.actor.user_id.clone());
            let detail = json!({ "user": tx.actor.user_id });
            tx.audit("tie_account", ("person", &known.id), None, None, &detail)?;
            add_identities(tx, &known.id, known.homonym, &keys)?;
            refreshed(tx, &view.session.academy_code, known, complete).map(Some)
        }
        several => {
            for person in several {
                ask_check(tx, view, &person.id)?;
            }
            Ok(None)
        }
    }
}

fn ask_check(tx: &mut Tx<'_>, view: &DraftView, person_id: &str) -> Stored<()> {
    let asked: i64 = identity_checks::table
        .filter(identity_checks::draft_id.eq(&view.draft.id))
        .filter(identity_checks::person_id.eq(person_id))
        .count()
        .get_result(tx.conn)?;
    if asked > 0 {
        return Ok(());
    }
    diesel::insert_into(identity_checks::table)
        .values((
            identity_checks::id.eq(new_id(tx.at)),
            identity_checks::draft_id.eq(&view.draft.id),
            identity_checks::session_id.eq(&view.session.id),
            identity_checks::user_id.eq(&view.draft.user_id),
            identity_checks::person_id.eq(person_id),
            identity_checks::asked_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "draft": view.draft.id });
    tx.audit("ask_identity_check", ("person", person_id), None, None, &detail)
}

/// Contact details and service follow what the person declares now; the civil status recorded stays.
fn refreshed(tx: &mut Tx<'_>, academy_code: &str, mut person: PersonRow, complete: &Complete) -> Stored<PersonRow> {
    person.email.clone_from(&tx.actor.email);
    person.email_key = fold_email(&person.email);
    if let Some(phone) = &complete.identity.phone {
        person.phone = Some(phone.as_str().to_owned());
    }
    person.birth_place = person.birth_place.or_else(|| Some(complete.identity.birth_place.clone()));
    diesel::update(people::table.find(&person.id))
        .set((
            people::email.eq(&person.email),
            people::email_key.eq(&person.email_key),
            people::phone.eq(&person.phone),
            people::birth_place.eq(&person.birth_place),
            people::version.eq(people::version + 1),
        ))
        .execute(tx.conn)?;
    let told = Told {
        person_id: person.id.clone(),
        corps: complete.situation.corps.clone(),
        status: complete.situation.status.clone(),
        contract_date: complete.situation.since,
    };
    career::follow(tx, academy_code, &[told])?;
    Ok(person)
}

fn make_person(
    tx: &mut Tx<'_>,
    view: &DraftView,
    complete: &Complete,
    homonym: i32,
    keys: &[String],
) -> Stored<PersonRow> {
    let identity = &complete.identity;
    let new = NewPerson {
        academy_code: view.session.academy_code.clone(),
        civility: identity.civility.as_str().to_owned(),
        birth_name: identity.birth_name.clone(),
        usage_name: identity.usage_name.clone(),
        first_names: identity.first_names.clone(),
        birth_date: identity.birth_date,
        birth_place: Some(identity.birth_place.clone()),
        email: tx.actor.email.clone(),
        phone: identity.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        corps: complete.situation.corps.clone(),
        status: complete.situation.status.clone(),
        contract_date: complete.situation.since,
    };
    records::record_new(tx, &new, homonym, keys, Some(tx.actor.user_id.clone()))
}

/// What the answers say of a file, and what the rule proposes; the place in the session is the caller's.
pub(super) fn file_of(
    view: &DraftView,
    complete: &Complete,
    person_id: &str,
    place: (String, i32),
    at: Stamp,
) -> (RegistrationRow, Assessment) {
    let session = &view.session;
    let (id, rank) = place;
    let assessment = assess(
        &view.pack,
        &Facts {
            corps: complete.situation.corps.clone(),
            status: complete.situation.status.clone(),
            contract_date: complete.situation.since,
            academy: Some(session.academy_code.clone()),
            department: Some(complete.posting.department.clone()),
        },
    );
    let row = RegistrationRow {
        id,
        session_id: session.id.clone(),
        person_id: person_id.to_owned(),
        rank,
        number: candidate_number(&session.academy_code, session.year, rank),
        state: "submitted".into(),
        eligibility: assessment.outcome.as_str().into(),
        category: assessment.category.clone(),
        corps: complete.situation.corps.clone(),
        status: complete.situation.status.clone(),
        contract_date: complete.situation.since.map(Day),
        uai: complete.posting.uai.as_ref().map(|uai| uai.as_str().to_owned()),
        school_name: complete.posting.place.clone(),
        department: complete.posting.department.clone(),
        trained: complete.trained,
        accommodation: complete.accommodation.clone(),
        source: "form".into(),
        submitted_at: at,
        version: 1,
    };
    (row, assessment)
}

/// The place that a person takes among those registered this year.
pub(super) fn take_year(tx: &mut Tx<'_>, session: &SessionRow, row: &RegistrationRow) -> Stored<()> {
    diesel::insert_into(yearly_registrations::table)
        .values((
            yearly_registrations::person_id.eq(&row.person_id),
            yearly_registrations::year.eq(session.year),
            yearly_registrations::registration_id.eq(&row.id),
        ))
        .execute(tx.conn)?;
    Ok(())
}

fn register(tx: &mut Tx<'_>, view: &DraftView, complete: &Complete, person: &PersonRow) -> Stored<RegistrationRow> {
    let session = &view.session;
    let last: Option<i32> =
        t::table.filter(t::session_id.eq(&session.id)).select(diesel::dsl::max(t::rank)).first(tx.conn)?;
    let place = (view.draft.id.clone(), last.unwrap_or(0) + 1);
    let (row, assessment) = file_of(view, complete, &person.id, place, tx.stamp());
    diesel::insert_into(t::table).values(&row).execute(tx.conn)?;
    take_year(tx, session, &row)?;
    // The draft's files are the registration's: it keeps the draft's identifier.
    let handed_in: Vec<String> = piece_files::table
        .filter(piece_files::file_id.eq(&row.id))
        .filter(piece_files::replaced_at.is_null())
        .select(piece_files::code)
        .distinct()
        .load(tx.conn)?;
    for (code, _) in session::list_required_pieces(tx.conn, &session.id)? {
        let state = if handed_in.contains(&code) { "received" } else { "missing" };
        diesel::insert_into(pieces::table)
            .values((
                pieces::registration_id.eq(&row.id),
                pieces::code.eq(code),
                pieces::state.eq(state),
                pieces::noted_by.eq(&tx.actor.user_id),
                pieces::noted_at.eq(tx.stamp()),
            ))
            .execute(tx.conn)?;
    }
    keep_marks(tx, &row.id, &complete.kept)?;
    plan_action(tx, &row.id, complete.plan.as_ref())?;
    let decision = eligibility::proposed(tx, session, &row.id, &assessment)?;
    diesel::insert_into(decisions::table).values(&decision).execute(tx.conn)?;
    let detail = json!({
        "number": row.number,
        "eligibility": row.eligibility,
        "source": "form",
        "draft_version": view.draft.version,
    });
    tx.audit("register", ("registration", &row.id), None, Some(&json!(row)), &detail)?;
    Ok(row)
}

/// Marks this house holds are kept at once; the others are claims that an officer reads on the transcript.
pub(super) fn keep_marks(tx: &mut Tx<'_>, registration_id: &str, kept: &[KeptChoice]) -> Stored<()> {
    for choice in kept {
        if choice.known {
            let kept = KeptMarkRow {
                id: new_id(tx.at),
                registration_id: registration_id.to_owned(),
                epreuve: i32::from(choice.epreuve),
                mark: choice.mark.hundredths(),
                origin_year: i32::from(choice.origin),
            };
            diesel::insert_into(kept_marks::table).values(&kept).execute(tx.conn)?;
        } else {
            diesel::insert_into(kept_mark_claims::table)
                .values((
                    kept_mark_claims::id.eq(new_id(tx.at)),
                    kept_mark_claims::registration_id.eq(registration_id),
                    kept_mark_claims::epreuve.eq(i32::from(choice.epreuve)),
                    kept_mark_claims::mark.eq(choice.mark.hundredths()),
                    kept_mark_claims::origin_year.eq(i32::from(choice.origin)),
                    kept_mark_claims::origin_academy.eq(&choice.origin_academy),
                    kept_mark_claims::state.eq("claimed"),
                ))
                .execute(tx.conn)?;
        }
    }
    Ok(())
}
