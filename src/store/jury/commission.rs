//! Commissions and who sits in them, while the order is not signed; their size is the pack's (MENE1710931A, art. 5).
//! Who may be a juror at all is not decided here.

use diesel::prelude::*;
use serde_json::json;

use super::{CommissionRow, MemberRow, commission_of_session, juror_of_session, list_commissions, open_jury};
use crate::domain::ids::fold;
use crate::domain::refusal::Refusal;
use crate::store::schema::{commission_members, commissions, slots};
use crate::store::{StoreError, Stored, Tx, new_id, schedule};

/// Makes an empty commission.
///
/// # Errors
/// A refusal when the order is signed, the label is empty, or another commission has it.
pub fn make_commission(tx: &mut Tx<'_>, session_id: &str, label: &str) -> Stored<String> {
    open_jury(tx, session_id)?;
    let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
    if label.is_empty() || label.chars().count() > 60 {
        return Err(Refusal::new(
            "commission_label",
            "Donnez à la commission un nom de 60 caractères au plus, par exemple « Commission A ».",
        )
        .into());
    }
    if list_commissions(tx.conn, session_id)?.iter().any(|known| fold(&known.label) == fold(&label)) {
        return Err(Refusal::new(
            "commission_exists",
            format!("La commission « {label} » existe déjà : donnez-lui un autre nom."),
        )
        .into());
    }
    let row = CommissionRow { id: new_id(tx.at), session_id: session_id.to_owned(), label };
    diesel::insert_into(commissions::table).values(&row).execute(tx.conn)?;
    tx.audit("make_commission", ("commission", &row.id), None, Some(&json!(row)), &json!({ "label": row.label }))?;
    Ok(row.id)
}

/// Dissolves a commission that has no slot.
///
/// # Errors
/// A refusal when the order is signed or when slots stand before it.
pub fn dissolve_commission(tx: &mut Tx<'_>, session_id: &str, commission_id: &str) -> Stored<()> {
    open_jury(tx, session_id)?;
    let row = commission_of_session(tx, session_id, commission_id)?;
    let held: i64 = slots::table.filter(slots::commission_id.eq(commission_id)).count().get_result(tx.conn)?;
    if held > 0 {
        return Err(Refusal::new(
            "commission_has_slots",
            format!("La commission « {} » a {held} créneau(x) : déplacez-les d’abord.", row.label),
        )
        .into());
    }
    diesel::delete(commission_members::table.filter(commission_members::commission_id.eq(commission_id)))
        .execute(tx.conn)?;
    diesel::delete(commissions::table.find(commission_id)).execute(tx.conn)?;
    tx.audit(
        "dissolve_commission",
        ("commission", commission_id),
        Some(&json!(row)),
        None,
        &json!({ "label": row.label }),
    )
}

/// Seats a juror in a commission, or changes whether they chair it. A new chair takes the place of the former.
///
/// # Errors
/// A refusal when the order is signed, or when the commission's slots meet another seat or a conflict of this juror.
pub fn seat(tx: &mut Tx<'_>, session_id: &str, commission_id: &str, juror_id: &str, is_chair: bool) -> Stored<()> {
    let session = open_jury(tx, session_id)?;
    let juror = juror_of_session(tx, session_id, juror_id)?;
    let commission = commission_of_session(tx, session_id, commission_id)?;
    if juror.availability == "unavailable" {
        return Err(Refusal::new(
            "juror_unavailable",
            format!("{} a répondu ne pas être disponible : choisissez un autre membre.", juror.shown_name()),
        )
        .into());
    }
    let sits: i64 = commission_members::table
        .filter(commission_members::commission_id.eq(commission_id))
        .filter(commission_members::juror_id.eq(juror_id))
        .count()
        .get_result(tx.conn)?;
    if sits == 0 {
        schedule::check_seat(tx.conn, &session, &juror, &commission)?;
    }
    if is_chair {
        diesel::update(commission_members::table.filter(commission_members::commission_id.eq(commission_id)))
            .set(commission_members::is_chair.eq(false))
            .execute(tx.conn)?;
    }
    let seat = commission_members::table.find((commission_id, juror_id));
    if diesel::update(seat).set(commission_members::is_chair.eq(is_chair)).execute(tx.conn)? == 0 {
        let row = MemberRow { commission_id: commission_id.to_owned(), juror_id: juror_id.to_owned(), is_chair };
        diesel::insert_into(commission_members::table).values(&row).execute(tx.conn)?;
    }
    let detail = json!({ "juror": juror_id, "chair": is_chair });
    tx.audit("seat", ("commission", commission_id), None, Some(&detail), &detail)
}

/// # Errors
/// A refusal when the order is signed; [`StoreError::NotFound`] when they do not sit there.
pub fn unseat(tx: &mut Tx<'_>, session_id: &str, commission_id: &str, juror_id: &str) -> Stored<()> {
    open_jury(tx, session_id)?;
    commission_of_session(tx, session_id, commission_id)?;
    if diesel::delete(commission_members::table.find((commission_id, juror_id))).execute(tx.conn)? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.audit("unseat", ("commission", commission_id), None, None, &json!({ "juror": juror_id }))
}
