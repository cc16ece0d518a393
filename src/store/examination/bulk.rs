//! One act on several files: previewed, then carried out on the versions that were previewed. A file that changed in
//! between is left as it is, and named; what goes wrong otherwise undoes the whole.
//! The preview gives the act an identifier: confirmed twice, it has one effect.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::super::eligibility::{self, DecisionRow, Verdict};
use super::super::schema::{bulk_acts, decisions};
use super::super::session::{self, SessionRow};
use super::super::{Conn, Stamp, StoreError, Stored, Tx, registration};
use super::queue::{QueueLine, list_named};
use super::requests::{self, ask_pieces, local_day, remind};
use super::{Notify, assign};
use crate::domain::examination::{BulkAct, FileFacts, takes};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;

/// Files that one act may take.
pub const MOST: usize = 500;

/// A file that the act takes, with what the rule says of it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub line: QueueLine,
    /// Code, article and sentence of the rule that decides: refusals alike are written once.
    pub rule: String,
    pub law: String,
    pub sentence: String,
}

/// What an act would do, and what it would leave.
#[derive(Debug, Clone)]
pub struct BulkPlan {
    pub taken: Vec<Taken>,
    pub left_out: Vec<(QueueLine, &'static str)>,
}

/// What an officer wrote for the act.
#[derive(Debug, Clone)]
pub enum BulkWork {
    Assign(Option<String>),
    Request {
        due_on: jiff::civil::Date,
        message: String,
    },
    Remind,
    Admit {
        reasons: String,
    },
    /// One written ground for each rule, by its code and article.
    Refuse {
        reasons: HashMap<String, String>,
    },
}

impl BulkWork {
    #[must_use]
    pub const fn act(&self) -> BulkAct {
        match self {
            BulkWork::Assign(_) => BulkAct::Assign,
            BulkWork::Request { .. } => BulkAct::Request,
            BulkWork::Remind => BulkAct::Remind,
            BulkWork::Admit { .. } => BulkAct::Admit,
            BulkWork::Refuse { .. } => BulkAct::Refuse,
        }
    }
}

/// Looks at the files an officer chose: which ones the act takes, which ones it leaves and why.
///
/// # Errors
/// A refusal when too many were chosen.
pub fn preview(
    conn: &mut Conn,
    session: &SessionRow,
    act: BulkAct,
    ids: &[String],
    now: jiff::Timestamp,
) -> Stored<BulkPlan> {
    if ids.len() > MOST {
        return Err(Refusal::new(
            "bulk_many",
            format!(
                "{} dossiers sont choisis\u{a0}: une action groupée en prend {MOST} au plus. Filtrez davantage.",
                ids.len()
            ),
        )
        .into());
    }
    let today = local_day(session, now);
    let lines = list_named(conn, &session.id, ids)?;
    let reminded = requests::list_reminded(conn, session, ids)?;
    let decided: HashMap<String, DecisionRow> = decisions::table
        .filter(decisions::registration_id.eq_any(ids))
        .filter(decisions::kind.eq("eligibility"))
        .filter(decisions::superseded_at.is_null())
        .select(DecisionRow::as_select())
        .load(conn)?
        .into_iter()
        .map(|row| (row.registration_id.clone(), row))
        .collect();
    let mut plan = BulkPlan { taken: Vec::new(), left_out: Vec::new() };
    for line in lines {
        let file = &line.file.registration;
        let facts = FileFacts {
            state: file.state.clone(),
            proposal: file.eligibility.clone(),
            is_decided: line.is_decided,
            missing: usize::try_from(line.file.missing_pieces).unwrap_or(0),
            waits_until: line.waits_until,
            reminded_on: reminded.get(&file.id).copied(),
            has_address: !line.file.person.email.is_empty(),
        };
        if let Err(why) = takes(act, &facts, today) {
            plan.left_out.push((line, why));
            continue;
        }
        let assessment = decided.get(&file.id).map(registration::assessment_of).transpose()?;
        let deciding = assessment.as_ref().and_then(|assessment| assessment.deciding_line());
        plan.taken.push(Taken {
            rule: deciding.map(|line| line.rule.clone()).unwrap_or_default(),
            law: deciding.map(|line| line.law.clone()).unwrap_or_default(),
            sentence: deciding.map(|line| line.sentence.clone()).unwrap_or_default(),
            line,
        });
    }
    Ok(plan)
}

impl Taken {
    /// What refusals alike share: the rule and its article.
    #[must_use]
    pub fn ground(&self) -> String {
        format!("{} – {}", self.rule, self.law)
    }

    fn seen(&self) -> (String, i32) {
        let file = &self.line.file.registration;
        (file.id.clone(), file.version)
    }
}

/// What was done, whether it had been done before under the same identifier, and the files left as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkDone {
    pub files: i32,
    pub was_done: bool,
    /// Numbers of the files that changed since the preview, with why: what was not previewed is not done.
    pub left_out: Vec<(String, &'static str)>,
}

/// Carries the act out on the files of the preview, each in the version that was seen; a file that a colleague or its
/// candidate changed meanwhile is left as it is, and named.
///
/// # Errors
/// A conflict when every file changed since the preview: nothing is done then, and a new preview is due.
pub fn carry_out(
    tx: &mut Tx<'_>,
    act_id: &str,
    session_id: &str,
    files: &[(String, i32)],
    work: &BulkWork,
    notify: Notify<'_>,
) -> Stored<BulkDone> {
    let session = session::session_for(tx, session_id, Action::ExamineFiles)?;
    let before: Option<(String, i32)> =
        bulk_acts::table.find(act_id).select((bulk_acts::session_id, bulk_acts::files)).first(tx.conn).optional()?;
    match before {
        Some((of, files)) if of == session.id => {
            return Ok(BulkDone { files, was_done: true, left_out: Vec::new() });
        }
        Some(_) => return Err(StoreError::NotFound),
        None => {}
    }
    if files.is_empty() {
        return Err(Refusal::new(
            "bulk_empty",
            "Aucun dossier n’est retenu\u{a0}: revenez à la liste et choisissez-en.",
        )
        .into());
    }
    let versions: HashMap<&str, i32> = files.iter().map(|(id, version)| (id.as_str(), *version)).collect();
    let asked: Vec<String> = versions.keys().map(|id| (*id).to_owned()).collect();
    let plan = preview(tx.conn, &session, work.act(), &asked, tx.at)?;
    let (kept, changed): (Vec<Taken>, Vec<Taken>) = plan.taken.into_iter().partition(|one| {
        let file = &one.line.file.registration;
        versions.get(file.id.as_str()) == Some(&file.version)
    });
    let mut left_out: Vec<(String, &'static str)> = changed
        .into_iter()
        .map(|one| (one.line.file.registration.number, "le dossier a changé depuis l’aperçu"))
        .chain(plan.left_out.into_iter().map(|(line, why)| (line.file.registration.number, why)))
        .collect();
    left_out.sort_unstable();
    if kept.is_empty() {
        let numbers: Vec<&str> = left_out.iter().map(|(number, _)| number.as_str()).collect();
        return Err(StoreError::Conflict(format!(
            "Depuis l’aperçu, {}\u{a0}: rien n’a été fait. Vérifiez le nouvel aperçu, puis confirmez.",
            match numbers.as_slice() {
                [] => "la liste a changé".to_owned(),
                [one] => format!("le dossier {one} a changé"),
                many => format!("les dossiers {} ont changé", many.join(", ")),
            }
        )));
    }
    let ids: Vec<String> = kept.iter().map(|one| one.line.file.registration.id.clone()).collect();
    let count = i32::try_from(kept.len()).unwrap_or(i32::MAX);
    match work {
        BulkWork::Assign(to) => assign(tx, &ids, to.as_deref())?,
        BulkWork::Request { due_on, message } => {
            for id in &ids {
                ask_pieces(tx, id, message, *due_on, notify)?;
            }
        }
        BulkWork::Remind => {
            for id in &ids {
                remind(tx, id, notify)?;
            }
        }
        BulkWork::Admit { reasons } => {
            let seen: Vec<(String, i32)> = kept.iter().map(Taken::seen).collect();
            eligibility::decide_and_tell(tx, &seen, Verdict::Admissible, reasons, Some(notify))?;
        }
        BulkWork::Refuse { reasons } => {
            for one in &kept {
                let text = reasons.get(&one.ground()).map(String::as_str).unwrap_or_default();
                eligibility::decide_and_tell(tx, &[one.seen()], Verdict::Refused, text, Some(notify))?;
            }
        }
    }
    diesel::insert_into(bulk_acts::table)
        .values((
            bulk_acts::id.eq(act_id),
            bulk_acts::session_id.eq(&session.id),
            bulk_acts::act.eq(work.act().as_str()),
            bulk_acts::done_by.eq(&tx.actor.user_id),
            bulk_acts::done_at.eq(Stamp(tx.at)),
            bulk_acts::files.eq(count),
        ))
        .execute(tx.conn)?;
    let left: Vec<&String> = left_out.iter().map(|(number, _)| number).collect();
    let detail = json!({ "act": work.act().as_str(), "files": count, "left_out": left });
    tx.audit("bulk_act", ("session", &session.id), None, None, &detail)?;
    Ok(BulkDone { files: count, was_done: false, left_out })
}
