//! Who must be told of a training's dates: trainees whose meetings to come differ from what they were last sent.
//! The documents are drawn elsewhere, outside any write; here is only who, and that it was done once.

use diesel::prelude::*;
use jiff::Timestamp;

use super::{EnrolmentRow, MeetingRow, list_meetings, managed_training};
use crate::domain::audit::sha256_hex;
use crate::store::documents::{self, NewDocument};
use crate::store::outbox::{self, NewMail};
use crate::store::people::PersonRow;
use crate::store::schema::{enrolments, module_choices, module_exemptions, people, training_convocations as t};
use crate::store::{Conn, Stored, Tx};

/// A trainee to convene, with the meetings that concern them.
#[derive(Debug, Clone)]
pub struct Convened {
    pub enrolment: EnrolmentRow,
    pub person: PersonRow,
    pub meetings: Vec<MeetingRow>,
    /// Of the meetings: what was sent under the same one is not sent again.
    pub fingerprint: String,
}

/// The trainees of a training whose meetings to come are new to them. Six queries, whatever their number.
/// Modules excused are not convened, nor modules at choice that the trainee did not choose.
///
/// # Errors
/// The database's own.
pub fn list_to_convene(conn: &mut Conn, training_id: &str, now: Timestamp, all: bool) -> Stored<Vec<Convened>> {
    let coming: Vec<MeetingRow> = list_meetings(conn, training_id)?
        .into_iter()
        .filter(|row| row.cancelled_at.is_none() && row.starts_at.0 > now)
        .collect();
    let rows: Vec<(EnrolmentRow, PersonRow)> = enrolments::table
        .inner_join(people::table.on(people::id.eq(enrolments::person_id)))
        .filter(enrolments::training_session_id.eq(training_id))
        .filter(enrolments::withdrawn_at.is_null())
        .order((people::sort_key, enrolments::id))
        .select((EnrolmentRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|(row, _)| row.id.as_str()).collect();
    let sent: Vec<(String, String)> =
        t::table.filter(t::enrolment_id.eq_any(&ids)).select((t::enrolment_id, t::fingerprint)).load(conn)?;
    let excused: Vec<(String, String)> = module_exemptions::table
        .filter(module_exemptions::enrolment_id.eq_any(&ids))
        .select((module_exemptions::enrolment_id, module_exemptions::module_code))
        .load(conn)?;
    let chosen: Vec<(String, String)> = module_choices::table
        .filter(module_choices::enrolment_id.eq_any(&ids))
        .select((module_choices::enrolment_id, module_choices::module_code))
        .load(conn)?;
    let at_choice = super::places::modules_at_choice(conn, training_id)?;
    let mut found = Vec::new();
    for (enrolment, person) in rows {
        let own: Vec<&str> =
            chosen.iter().filter(|(id, _)| *id == enrolment.id).map(|(_, module)| module.as_str()).collect();
        let meetings: Vec<MeetingRow> = coming
            .iter()
            .filter(|row| !excused.iter().any(|(id, module)| *id == enrolment.id && *module == row.module_code))
            .filter(|row| {
                own.is_empty() || !at_choice.contains(&row.module_code) || own.contains(&row.module_code.as_str())
            })
            .cloned()
            .collect();
        let fingerprint = fingerprint(&meetings);
        let known = sent.iter().find(|(id, _)| *id == enrolment.id).map(|(_, known)| known.as_str());
        if meetings.is_empty() && known.is_none() {
            continue;
        }
        if all || known != Some(fingerprint.as_str()) {
            found.push(Convened { enrolment, person, meetings, fingerprint });
        }
    }
    Ok(found)
}

fn fingerprint(meetings: &[MeetingRow]) -> String {
    let mut text = String::new();
    for row in meetings {
        for part in [row.id.as_str(), &row.version.to_string(), &row.starts_at.0.to_string()] {
            text.push_str(part);
            text.push('\n');
        }
    }
    sha256_hex(text.as_bytes())
}

/// Keeps what was drawn and queues what tells it. A trainee whose dates changed meanwhile is left for the next call.
///
/// # Errors
/// Not found for another academy.
pub fn mark_convened(
    tx: &mut Tx<'_>,
    training_id: &str,
    sent: Vec<(Convened, Vec<NewDocument>, Option<NewMail>)>,
) -> Stored<usize> {
    managed_training(tx, training_id)?;
    let now = list_to_convene(tx.conn, training_id, tx.at, false)?;
    let mut mails = Vec::new();
    let mut count = 0;
    for (convened, documents, mail) in sent {
        let is_same =
            now.iter().any(|row| row.enrolment.id == convened.enrolment.id && row.fingerprint == convened.fingerprint);
        if !is_same {
            continue;
        }
        documents::keep_documents(tx, documents)?;
        diesel::delete(t::table.find(&convened.enrolment.id)).execute(tx.conn)?;
        diesel::insert_into(t::table)
            .values((
                t::enrolment_id.eq(&convened.enrolment.id),
                t::fingerprint.eq(&convened.fingerprint),
                t::sent_at.eq(tx.stamp()),
            ))
            .execute(tx.conn)?;
        mails.extend(mail);
        count += 1;
    }
    if count > 0 {
        let detail = serde_json::json!({ "trainees": count });
        tx.audit("convene_trainees", ("training", training_id), None, None, &detail)?;
    }
    outbox::queue(tx, mails)?;
    Ok(count)
}
