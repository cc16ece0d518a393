//! Convocations: one per candidate and per juror, told again only to those whose hours changed.
//! Facts are read here and rendered elsewhere; the write checks that nothing moved meanwhile, then queues each mail once.
//! Jurors' facts never hold a candidate's accommodation: only the times that follow from it.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::documents::{DocumentRow, NewDocument};
use super::jury::{self, JurorRow, OrderRow};
use super::outbox::{self, NewMail};
use super::people::PersonRow;
use super::reference::{self, AcademyRow};
use super::registration::RegistrationRow;
use super::schedule::{self, SlotFilter, SlotView};
use super::schema::{commission_members, documents, outbox as mails, people, registrations, slots};
use super::session::{self, SessionRow};
use super::{Conn, StoreError, Stored, Tx, new_id};
use crate::domain::audit::sha256_hex;
use crate::domain::jury::{IMPARTIALITY_LAW, JURY_LAW};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;
use crate::domain::schedule::part_minutes;
use crate::domain::session::{SessionState, require};
use crate::each_backend;

/// The kinds under which documents are kept, their subject being a registration or a juror.
pub const PDF_KIND: &str = "convocation";
pub const ICS_KIND: &str = "convocation_ics";
/// Name of the mail in the outbox.
pub const MAIL_KIND: &str = "convocation";

/// Who a convocation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Audience {
    Candidate,
    Juror,
}

/// One hour someone is convened to.
#[derive(Debug, Clone, Serialize)]
pub struct SlotFacts {
    pub slot_id: String,
    pub epreuve: i32,
    pub title: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// Each part with its minutes, extra third counted in.
    pub parts: Vec<(String, u32)>,
    pub site: String,
    pub uai: Option<String>,
    pub room: String,
    pub commission: String,
    /// Who is heard: number and name. Shown to jurors; empty for the candidate, who knows.
    pub candidate_number: String,
    pub candidate_name: String,
}

/// Everything a convocation says, and to whom.
#[derive(Debug, Clone, Serialize)]
pub struct ConvocationFacts {
    /// Registration or juror.
    pub subject_id: String,
    pub audience: Audience,
    pub civility: String,
    pub first_names: String,
    pub birth_name: String,
    pub usage_name: Option<String>,
    /// « Mme Hélène VERGNAUD ».
    pub letter_name: String,
    /// Empty when no address is known: the convocation is then to be posted.
    pub email: String,
    pub school_name: String,
    /// The candidate's number; empty for a juror.
    pub number: String,
    /// The juror's quality, as the pack writes it; empty for a candidate.
    pub quality: String,
    /// The measure granted to the candidate, never its reason; always `None` for a juror.
    pub accommodation: Option<String>,
    pub slots: Vec<SlotFacts>,
    /// Changes when anything above changes: the same version is sent once.
    #[serde(skip)]
    pub version: String,
}

/// All convocations of a session, ready to be rendered.
#[derive(Debug, Clone)]
pub struct ConvocationPlan {
    pub session: SessionRow,
    pub academy: AcademyRow,
    pub order: OrderRow,
    /// Candidates by number, then jurors by name.
    pub sheets: Vec<ConvocationFacts>,
    /// Of the whole plan: the write refuses when it is no longer the same.
    pub version: String,
}

/// What a sending did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ConvocationCount {
    pub candidates: usize,
    pub jurors: usize,
    /// Mails queued now; those already queued for the same hours are not queued again.
    pub queued: usize,
    /// People without an address, whose convocation is to be posted.
    pub to_post: usize,
}

/// What keeps convocations from leaving.
///
/// # Errors
/// The order that is not signed, the first slots that are not placed, or a juror placed before someone they may not examine.
pub fn check_ready(conn: &mut Conn, session: &SessionRow) -> Stored<OrderRow> {
    require(session.state, &[SessionState::ListFixed, SessionState::Convened], "L’envoi des convocations")?;
    let Some(order) = jury::find_order(conn, &session.id)? else {
        return Err(Refusal::new(
            "order_unsigned",
            "L’arrêté du jury n’est pas signé : enregistrez sa signature avant de convoquer.",
        )
        .under(JURY_LAW)
        .into());
    };
    let missing = schedule::list_missing(conn, session)?;
    if !missing.is_empty() {
        let shown: Vec<String> = missing
            .iter()
            .take(3)
            .map(|one| format!("{} ({}), épreuve {}", one.candidate_name, one.candidate_number, one.epreuve))
            .collect();
        let more = if missing.len() > shown.len() { "…" } else { "" };
        return Err(Refusal::new(
            "slots_missing",
            format!("{} créneau(x) restent à placer avant de convoquer : {}{more}", missing.len(), shown.join(" ; ")),
        )
        .into());
    }
    if let Some((juror, candidate, label)) = schedule::list_conflicted_slots(conn, &session.id)?.into_iter().next() {
        return Err(Refusal::new(
            "conflict_of_interest",
            format!("{juror} a un empêchement pour {candidate}, qui passe devant la commission « {label} » : déplacez ce passage, ou levez l’empêchement avec un motif."),
        )
        .under(IMPARTIALITY_LAW)
        .into());
    }
    Ok(order)
}

/// Everything needed to render the convocations of a session. The number of queries does not grow with it.
///
/// # Errors
/// As [`check_ready`].
pub fn plan(conn: &mut Conn, session_id: &str) -> Stored<ConvocationPlan> {
    let session = session::load_session(conn, session_id)?;
    let order = check_ready(conn, &session)?;
    let academy = reference::get_academy(conn, &session.academy_code)?;
    let pack = reference::rules_of(conn, &session.regulation_id)?;
    let slots = schedule::list_slots(conn, &session, &SlotFilter::default())?;
    let mut sheets = candidate_sheets(conn, &session, &pack, &slots)?;
    sheets.extend(juror_sheets(conn, &session, &pack, &slots)?);
    let mut whole = String::new();
    for sheet in &mut sheets {
        // Jurors read which order names them; candidates do not, and are not told again when it is amended.
        let named_by = if sheet.audience == Audience::Juror { order.order_reference.as_str() } else { "" };
        sheet.version = sha256_hex(format!("{named_by}{}", serde_json::to_string(sheet)?).as_bytes())[..16].to_owned();
        whole.push_str(&sheet.version);
    }
    Ok(ConvocationPlan { session, academy, order, version: sha256_hex(whole.as_bytes()), sheets })
}

fn slot_facts(pack: &RegulationPack, view: &SlotView, audience: Audience) -> SlotFacts {
    let epreuve = pack.epreuve(&view.slot.epreuve.to_string());
    let parts = epreuve
        .map(|epreuve| {
            epreuve.parts.iter().map(|part| (part.label.clone(), part_minutes(part, view.extra_third))).collect()
        })
        .unwrap_or_default();
    let for_juror = audience == Audience::Juror;
    SlotFacts {
        slot_id: view.slot.id.clone(),
        epreuve: view.slot.epreuve,
        title: epreuve.map(|epreuve| epreuve.title.clone()).unwrap_or_default(),
        starts_at: view.slot.starts_at.0,
        ends_at: view.slot.ends_at.0,
        parts,
        site: view.slot.site.clone(),
        uai: view.slot.uai.clone(),
        room: view.slot.room.clone(),
        commission: view.commission.clone(),
        candidate_number: if for_juror { view.candidate_number.clone() } else { String::new() },
        candidate_name: if for_juror { view.candidate_name.clone() } else { String::new() },
    }
}

fn candidate_sheets(
    conn: &mut Conn,
    session: &SessionRow,
    pack: &RegulationPack,
    slots: &[SlotView],
) -> Stored<Vec<ConvocationFacts>> {
    let mut by_registration: HashMap<&str, Vec<&SlotView>> = HashMap::new();
    for view in slots {
        by_registration.entry(&view.slot.registration_id).or_default().push(view);
    }
    let rows: Vec<(RegistrationRow, PersonRow)> = registrations::table
        .inner_join(people::table)
        .filter(registrations::session_id.eq(&session.id))
        .filter(registrations::state.eq("admitted"))
        .order(registrations::rank)
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(registration, person)| {
            let own = by_registration.get(registration.id.as_str())?;
            Some(ConvocationFacts {
                audience: Audience::Candidate,
                civility: person.civility.clone(),
                letter_name: person.letter_name(),
                first_names: person.first_names,
                birth_name: person.birth_name,
                usage_name: person.usage_name,
                email: person.email,
                school_name: registration.school_name,
                number: registration.number,
                quality: String::new(),
                accommodation: registration.accommodation.filter(|measure| !measure.trim().is_empty()),
                slots: own.iter().map(|view| slot_facts(pack, view, Audience::Candidate)).collect(),
                subject_id: registration.id,
                version: String::new(),
            })
        })
        .collect())
}

fn juror_sheets(
    conn: &mut Conn,
    session: &SessionRow,
    pack: &RegulationPack,
    slots: &[SlotView],
) -> Stored<Vec<ConvocationFacts>> {
    let mut by_commission: HashMap<&str, Vec<&SlotView>> = HashMap::new();
    for view in slots {
        by_commission.entry(&view.slot.commission_id).or_default().push(view);
    }
    let jurors = jury::list_jurors(conn, &session.id)?;
    let mut seats: HashMap<String, Vec<String>> = HashMap::new();
    for (juror, commission) in commission_members::table
        .inner_join(super::schema::commissions::table)
        .filter(super::schema::commissions::session_id.eq(&session.id))
        .order(commission_members::commission_id)
        .select((commission_members::juror_id, commission_members::commission_id))
        .load::<(String, String)>(conn)?
    {
        seats.entry(juror).or_default().push(commission);
    }
    let role = |code: &str| {
        pack.jury.roles.iter().find(|role| role.code == code).map_or(code, |role| role.label.as_str()).to_owned()
    };
    let sheet = |juror: JurorRow| {
        let mut own: BTreeMap<(Timestamp, &str), SlotFacts> = BTreeMap::new();
        for commission in seats.get(&juror.id).into_iter().flatten() {
            for view in by_commission.get(commission.as_str()).into_iter().flatten() {
                own.insert((view.slot.starts_at.0, &view.slot.id), slot_facts(pack, view, Audience::Juror));
            }
        }
        (!own.is_empty()).then(|| ConvocationFacts {
            audience: Audience::Juror,
            civility: juror.civility.clone(),
            letter_name: juror.letter_name(),
            first_names: juror.first_names,
            birth_name: juror.last_name,
            usage_name: None,
            email: juror.email,
            school_name: juror.school_name.unwrap_or_default(),
            number: String::new(),
            quality: role(&juror.quality),
            accommodation: None,
            slots: own.into_values().collect(),
            subject_id: juror.id,
            version: String::new(),
        })
    };
    Ok(jurors.into_iter().filter_map(sheet).collect())
}

/// The key under which a sheet's mail is queued once.
#[must_use]
pub fn dedupe_key(session_id: &str, sheet: &ConvocationFacts) -> String {
    format!("convocation:{session_id}:{}:{}", sheet.subject_id, sheet.version)
}

/// The sheets whose present version has not been queued yet: those to render and send.
///
/// # Errors
/// The database's own.
pub fn list_pending<'p>(conn: &mut Conn, plan: &'p ConvocationPlan) -> Stored<Vec<&'p ConvocationFacts>> {
    let known: HashSet<String> = mails::table
        .filter(mails::session_id.eq(&plan.session.id))
        .filter(mails::kind.eq(MAIL_KIND))
        .select(mails::dedupe_key)
        .load::<String>(conn)?
        .into_iter()
        .collect();
    Ok(plan.sheets.iter().filter(|sheet| !known.contains(&dedupe_key(&plan.session.id, sheet))).collect())
}

/// Keeps rendered convocations. One that differs takes the place of the former, which is kept beside it under
/// its own hash: what was sent can always be shown.
///
/// # Errors
/// The database's own.
pub fn keep(tx: &mut Tx<'_>, session_id: &str, new: Vec<NewDocument>) -> Stored<usize> {
    session::session_for(tx, session_id, Action::SendConvocations)?;
    let mut kept = 0;
    // Ten columns a row, and bytes: small batches keep the statement's memory small.
    for chunk in new.chunks(100) {
        let subjects: Vec<&str> = chunk.iter().map(|one| one.subject_id.as_str()).collect();
        let standing: HashMap<(String, String), (String, String)> = documents::table
            .filter(documents::subject_id.eq_any(subjects))
            .filter(documents::kind.eq_any([PDF_KIND, ICS_KIND]))
            .select((documents::kind, documents::subject_id, documents::id, documents::sha256))
            .load::<(String, String, String, String)>(tx.conn)?
            .into_iter()
            .map(|(kind, subject, id, sha256)| ((kind, subject), (id, sha256)))
            .collect();
        let mut rows = Vec::with_capacity(chunk.len());
        for one in chunk {
            let sha256 = sha256_hex(&one.bytes);
            if let Some((id, former)) = standing.get(&(one.kind.clone(), one.subject_id.clone())) {
                if *former == sha256 {
                    continue;
                }
                diesel::update(documents::table.find(id))
                    .set(documents::kind.eq(format!("{}@{}", one.kind, &former[..16])))
                    .execute(tx.conn)?;
            }
            rows.push(DocumentRow {
                id: new_id(tx.at),
                academy_code: one.academy_code.clone(),
                session_id: one.session_id.clone(),
                subject_id: one.subject_id.clone(),
                kind: one.kind.clone(),
                file_name: one.file_name.clone(),
                content_type: one.content_type.clone(),
                sha256,
                bytes: one.bytes.clone(),
                created_at: tx.stamp(),
            });
        }
        kept += rows.len();
        if !rows.is_empty() {
            each_backend!(&mut *tx.conn, c => diesel::insert_into(documents::table).values(&rows).execute(c))?;
        }
    }
    Ok(kept)
}

/// Sends the convocations: slots are marked, mails queued once each, and the session is at its épreuves.
///
/// `version` is that of the plan the mails were written from.
///
/// # Errors
/// As [`check_ready`]; [`StoreError::Conflict`] when the calendar or the jury changed since the plan was read.
pub fn send(tx: &mut Tx<'_>, session_id: &str, version: &str, outgoing: Vec<NewMail>) -> Stored<ConvocationCount> {
    let session = session::session_for(tx, session_id, Action::SendConvocations)?;
    let now = plan(tx.conn, session_id)?;
    if now.version != version {
        return Err(StoreError::Conflict(
            "Le calendrier ou le jury a changé pendant la préparation des convocations : rien n’est parti. Relancez l’envoi.".into(),
        ));
    }
    let queued = outbox::queue(tx, outgoing)?;
    diesel::update(slots::table.filter(slots::session_id.eq(session_id)).filter(slots::convoked_at.is_null()))
        .set(slots::convoked_at.eq(tx.stamp()))
        .execute(tx.conn)?;
    if session.state != SessionState::Convened {
        session::set_state(tx, session_id, SessionState::Convened)?;
    }
    let of = |audience| now.sheets.iter().filter(|sheet| sheet.audience == audience).count();
    let count = ConvocationCount {
        candidates: of(Audience::Candidate),
        jurors: of(Audience::Juror),
        queued,
        to_post: now.sheets.iter().filter(|sheet| sheet.email.is_empty()).count(),
    };
    let after = json!({ "plan": version, "count": count });
    tx.audit("send_convocations", ("session", session_id), Some(&json!(session)), Some(&after), &after)?;
    Ok(count)
}
