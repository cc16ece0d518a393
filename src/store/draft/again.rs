//! A candidature withdrawn, then posted again while registration is open: one file a person and a session, whose number stays.
//! The answers, the pieces sent anew and the thread of the draft become the file's; what was decided before is history.

use diesel::prelude::*;
use serde_json::json;

use super::plan::plan_action;
use super::submission::{file_of, keep_marks, take_year};
use super::{ClaimRow, DraftView, list_claims};
use crate::domain::registration::draft::{Complete, KeptChoice};
use crate::store::registration::{KeptMarkRow, RegistrationRow};
use crate::store::schema::{
    action_plans, decisions, documents, kept_mark_claims, kept_marks, letters, messages, piece_files, piece_requests,
    pieces, registrations as t, resumed_drafts,
};
use crate::store::{Conn, Stored, Tx, eligibility, new_id, session};

/// The file that this person withdrew from this session.
pub(super) fn find_withdrawn(conn: &mut Conn, session_id: &str, person_id: &str) -> Stored<Option<RegistrationRow>> {
    Ok(t::table
        .filter(t::session_id.eq(session_id))
        .filter(t::person_id.eq(person_id))
        .filter(t::state.eq("withdrawn"))
        .select(RegistrationRow::as_select())
        .first(conn)
        .optional()?)
}

/// Takes the file up again with the answers of the draft.
pub(super) fn resume(
    tx: &mut Tx<'_>,
    view: &DraftView,
    complete: &Complete,
    before: RegistrationRow,
) -> Stored<RegistrationRow> {
    let place = (before.id.clone(), before.rank);
    let (mut row, assessment) = file_of(view, complete, &before.person_id, place, tx.stamp());
    row.version = before.version + 1;
    diesel::update(t::table.find(&row.id)).set(&row).execute(tx.conn)?;
    take_year(tx, &view.session, &row)?;
    diesel::insert_into(resumed_drafts::table)
        .values((
            resumed_drafts::draft_id.eq(&view.draft.id),
            resumed_drafts::registration_id.eq(&row.id),
            resumed_drafts::resumed_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    take_pieces(tx, view, &row.id)?;
    diesel::update(messages::table.filter(messages::file_id.eq(&view.draft.id)))
        .set(messages::file_id.eq(&row.id))
        .execute(tx.conn)?;
    take_marks(tx, &row.id, &complete.kept)?;
    diesel::delete(action_plans::table.find(&row.id)).execute(tx.conn)?;
    plan_action(tx, &row.id, complete.plan.as_ref())?;
    forget_course(tx, &row.id, &view.draft.id)?;
    let decision = eligibility::proposed(tx, &view.session, &row.id, &assessment)?;
    diesel::insert_into(decisions::table).values(&decision).execute(tx.conn)?;
    let detail = json!({
        "number": row.number,
        "eligibility": row.eligibility,
        "source": "form",
        "draft": view.draft.id,
        "draft_version": view.draft.version,
    });
    tx.audit("register_again", ("registration", &row.id), Some(&json!(before)), Some(&json!(row)), &detail)?;
    Ok(row)
}

/// Files of the draft take the place of those of the same piece; a piece not sent anew stays as it was.
fn take_pieces(tx: &mut Tx<'_>, view: &DraftView, id: &str) -> Stored<()> {
    let sent: Vec<String> = piece_files::table
        .filter(piece_files::file_id.eq(&view.draft.id))
        .filter(piece_files::replaced_at.is_null())
        .select(piece_files::code)
        .distinct()
        .load(tx.conn)?;
    diesel::update(
        piece_files::table
            .filter(piece_files::file_id.eq(id))
            .filter(piece_files::code.eq_any(&sent))
            .filter(piece_files::replaced_at.is_null()),
    )
    .set(piece_files::replaced_at.eq(Some(tx.stamp())))
    .execute(tx.conn)?;
    diesel::update(piece_files::table.filter(piece_files::file_id.eq(&view.draft.id)))
        .set(piece_files::file_id.eq(id))
        .execute(tx.conn)?;
    let noted: Vec<String> = pieces::table.filter(pieces::registration_id.eq(id)).select(pieces::code).load(tx.conn)?;
    for (code, _) in session::list_required_pieces(tx.conn, &view.session.id)? {
        let is_sent = sent.contains(&code);
        if noted.contains(&code) {
            if is_sent {
                diesel::update(pieces::table.find((id, &code)))
                    .set((
                        pieces::state.eq("received"),
                        pieces::noted_by.eq(&tx.actor.user_id),
                        pieces::noted_at.eq(tx.stamp()),
                    ))
                    .execute(tx.conn)?;
            }
            continue;
        }
        diesel::insert_into(pieces::table)
            .values((
                pieces::registration_id.eq(id),
                pieces::code.eq(code),
                pieces::state.eq(if is_sent { "received" } else { "missing" }),
                pieces::noted_by.eq(&tx.actor.user_id),
                pieces::noted_at.eq(tx.stamp()),
            ))
            .execute(tx.conn)?;
    }
    Ok(())
}

/// The marks chosen now, and no other. A claim made in the same words keeps the answer that an officer gave it.
fn take_marks(tx: &mut Tx<'_>, id: &str, kept: &[KeptChoice]) -> Stored<()> {
    let same = |claim: &ClaimRow, choice: &KeptChoice| {
        !choice.known
            && claim.epreuve == i32::from(choice.epreuve)
            && claim.mark == choice.mark.hundredths()
            && claim.origin_year == i32::from(choice.origin)
            && claim.origin_academy == choice.origin_academy
    };
    let (standing, gone): (Vec<ClaimRow>, Vec<ClaimRow>) =
        list_claims(tx.conn, id)?.into_iter().partition(|claim| kept.iter().any(|choice| same(claim, choice)));
    let gone: Vec<String> = gone.into_iter().map(|claim| claim.id).collect();
    diesel::delete(kept_mark_claims::table.filter(kept_mark_claims::id.eq_any(&gone))).execute(tx.conn)?;
    diesel::delete(kept_marks::table.filter(kept_marks::registration_id.eq(id))).execute(tx.conn)?;
    let new: Vec<KeptChoice> =
        kept.iter().filter(|choice| !standing.iter().any(|claim| same(claim, choice))).cloned().collect();
    keep_marks(tx, id, &new)?;
    for claim in standing.into_iter().filter(|claim| claim.state == "accepted") {
        diesel::insert_into(kept_marks::table)
            .values(&KeptMarkRow {
                id: new_id(tx.at),
                registration_id: id.to_owned(),
                epreuve: claim.epreuve,
                mark: claim.mark,
                origin_year: claim.origin_year,
            })
            .execute(tx.conn)?;
    }
    Ok(())
}

/// What was asked and decided before the withdrawal no longer stands; it stays readable in the history.
fn forget_course(tx: &mut Tx<'_>, id: &str, draft_id: &str) -> Stored<()> {
    diesel::update(
        decisions::table.filter(decisions::registration_id.eq(id)).filter(decisions::superseded_at.is_null()),
    )
    .set(decisions::superseded_at.eq(tx.stamp()))
    .execute(tx.conn)?;
    diesel::update(letters::table.filter(letters::registration_id.eq(id)).filter(letters::superseded_at.is_null()))
        .set(letters::superseded_at.eq(tx.stamp()))
        .execute(tx.conn)?;
    diesel::update(
        piece_requests::table
            .filter(piece_requests::registration_id.eq(id))
            .filter(piece_requests::closed_at.is_null()),
    )
    .set(piece_requests::closed_at.eq(tx.stamp()))
    .execute(tx.conn)?;
    // The acknowledgement of the first submission is kept beside the one that will be drawn.
    diesel::update(documents::table.filter(documents::kind.eq("acknowledgement")).filter(documents::subject_id.eq(id)))
        .set((documents::kind.eq("acknowledgement_before"), documents::subject_id.eq(draft_id)))
        .execute(tx.conn)?;
    Ok(())
}
