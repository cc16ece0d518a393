//! The register of certificates: issued in one transaction with numbers without gaps, chained by hash, then verified.
//! The document is drawn later from the snapshot and kept once; every later copy is those bytes.

use diesel::prelude::*;
use serde_json::json;

use super::audit::Act;
use super::outbox::{self, NewMail};
use super::people::PersonRow;
use super::registration::RegistrationRow;
use super::schema::{certificates as t, documents, people, registrations, results};
use super::session::{self, SessionRow};
use super::{Conn, Lock, Stamp, StoreError, Stored, Tx, deliberation, documents as files, new_id, reference};
use crate::domain::academy::{Academy, french_date};
use crate::domain::audit::{GENESIS, sha256_hex};
use crate::domain::certificate::{CertificateState, Snapshot, Verdict, register_hash};
use crate::domain::deliberation::Outcome;
use crate::domain::ids::{CertificateNumber, check_control_key, control_key_from_random};
use crate::domain::permission::Action;
use crate::domain::refusal::Refusal;
use crate::domain::session::{SessionState, require};
use crate::each_backend;

/// Reference of the delivery.
pub const LAW: &str = "décret n° 2017-791 du 5 mai 2017";

#[derive(Debug, Clone, Queryable, Selectable, Insertable, serde::Serialize)]
#[diesel(table_name = t)]
pub struct CertificateRow {
    pub id: String,
    pub academy_code: String,
    pub session_id: String,
    pub year: i32,
    pub rank: i32,
    pub number: String,
    pub control_key: String,
    pub registration_id: String,
    pub person_id: String,
    pub snapshot: String,
    pub snapshot_sha256: String,
    pub state: CertificateState,
    pub state_reason: Option<String>,
    pub state_changed_at: Option<Stamp>,
    pub issued_at: Stamp,
    pub issued_by: String,
    pub previous_hash: String,
    pub hash: String,
}

impl CertificateRow {
    /// # Errors
    /// [`StoreError::Broken`] when the snapshot does not read.
    pub fn read_snapshot(&self) -> Stored<Snapshot> {
        Ok(serde_json::from_str(&self.snapshot)?)
    }
}

/// How certificates of this instance are printed.
#[derive(Debug, Clone)]
pub struct IssueSettings {
    pub public_url: String,
    /// A demonstration may issue with a loopback address, and prints that it has no value.
    pub simulated: bool,
    pub loopback: bool,
}

/// Issues the certificates of every admitted candidate who has none: alphabetical, numbered without gaps.
/// Each is told of by a mail of the same transaction. Asking again issues nothing more. Returns how many were issued.
///
/// # Errors
/// A refusal before publication, without a signatory, or when the public address is this machine's only.
pub fn issue(
    tx: &mut Tx<'_>,
    session_id: &str,
    settings: &IssueSettings,
    notify: &dyn Fn(&SessionRow, &PersonRow) -> NewMail,
) -> Stored<usize> {
    let session = session::session_for(tx, session_id, Action::IssueCertificates)?;
    require(session.state, &[SessionState::Published], "La délivrance des certificats").map_err(|no| no.under(LAW))?;
    if settings.loopback && !settings.simulated {
        return Err(Refusal::new(
            "loopback_public_url",
            "L’adresse publique du site (CPLDS_PUBLIC_URL) ne mène qu’à cette machine : un certificat imprimé serait invérifiable. Renseignez l’adresse réelle, puis recommencez.",
        )
        .into());
    }
    let academy = reference::get_academy(tx.conn, &session.academy_code)?;
    if academy.signatory_name.trim().is_empty() {
        return Err(Refusal::new(
            "no_signatory",
            "L’académie n’a pas de signataire : renseignez son nom et sa qualité dans l’administration avant de délivrer.",
        )
        .into());
    }
    tx.also_lock(&Lock::Register)?;
    let waiting = waiting_for_certificate(tx.conn, &session)?;
    let pack = reference::rules_of(tx.conn, &session.regulation_id)?;
    let texts: Vec<String> =
        pack.texts.iter().filter(|text| text.nor.is_some()).take(2).map(|text| text.title.clone()).collect();
    let sealed_at = deliberation::get_deliberation(tx.conn, session_id)?
        .sealed_at
        .ok_or_else(|| StoreError::Broken("délibération publiée sans scellement".into()))?;
    let zone = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
    let last: Option<(i32, String)> = t::table
        .filter(t::academy_code.eq(&session.academy_code))
        .filter(t::year.eq(session.year))
        .order(t::rank.desc())
        .select((t::rank, t::hash))
        .first(tx.conn)
        .optional()?;
    let (mut rank, mut previous_hash) = last.unwrap_or((0, GENESIS.to_owned()));
    let mut issued = 0;
    for chunk in waiting.chunks(300) {
        let mut rows = Vec::with_capacity(chunk.len());
        let mut acts = Vec::with_capacity(chunk.len());
        for (registration, person) in chunk {
            rank += 1;
            let number = CertificateNumber {
                academy: session.academy_code.clone(),
                session_year: session.year16(),
                rank: u32::try_from(rank).unwrap_or(u32::MAX),
            }
            .to_string();
            let control_key = new_control_key()?;
            let verify_url = format!("{}/verifier/{number}?cle={control_key}", settings.public_url);
            let snapshot = Snapshot {
                number: number.clone(),
                control_key: control_key.clone(),
                civility: person.civility.clone(),
                first_names: person.first_names.clone(),
                birth_name: person.birth_name.clone(),
                usage_name: person.usage_name.clone(),
                birth_date: person.birth_date.0,
                birth_place: person.birth_place.clone(),
                academy_code: academy.code.clone(),
                academy: academy.name.clone(),
                region: academy.region.clone(),
                session: session.year16(),
                deliberated_on: zone.date(sealed_at.0),
                texts: texts.clone(),
                issued_at: academy.city.clone(),
                issued_on: zone.date(tx.at),
                signatory_name: academy.signatory_name.clone(),
                signatory_title: academy.signatory_title.clone(),
                delegation: academy.delegation.clone(),
                verify_url,
                simulated: settings.simulated,
            };
            let text = snapshot.text()?;
            let snapshot_sha256 = sha256_hex(text.as_bytes());
            let hash = register_hash(&number, &snapshot_sha256, &previous_hash);
            let row = CertificateRow {
                id: new_id(tx.at),
                academy_code: session.academy_code.clone(),
                session_id: session.id.clone(),
                year: session.year,
                rank,
                number: number.clone(),
                control_key,
                registration_id: registration.id.clone(),
                person_id: person.id.clone(),
                snapshot: text,
                snapshot_sha256: snapshot_sha256.clone(),
                state: CertificateState::Valid,
                state_reason: None,
                state_changed_at: None,
                issued_at: tx.stamp(),
                issued_by: tx.actor.user_id.clone(),
                previous_hash,
                hash: hash.clone(),
            };
            previous_hash = hash;
            acts.push(Act {
                action: "issue_certificate",
                object_kind: "certificate",
                object_id: row.id.clone(),
                before: None,
                after: Some(json!({ "snapshot": snapshot_sha256, "hash": row.hash })),
                detail: json!({ "number": number }),
            });
            rows.push(row);
        }
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(&rows).execute(c))?;
        tx.audit_all(acts)?;
        let reachable = chunk.iter().filter(|(_, person)| !person.email.is_empty());
        outbox::queue(tx, reachable.map(|(_, person)| notify(&session, person)).collect())?;
        issued += rows.len();
    }
    Ok(issued)
}

fn waiting_for_certificate(conn: &mut Conn, session: &SessionRow) -> Stored<Vec<(RegistrationRow, PersonRow)>> {
    Ok(results::table
        .inner_join(registrations::table.inner_join(people::table))
        .left_join(t::table.on(t::registration_id.eq(results::registration_id)))
        .filter(results::session_id.eq(&session.id))
        .filter(results::outcome.eq(Outcome::Admitted))
        .filter(t::id.nullable().is_null())
        .order((people::sort_key, registrations::rank))
        .select((RegistrationRow::as_select(), PersonRow::as_select()))
        .load(conn)?)
}

/// Nine symbols from the system's generator and a check symbol; never from a counter or a clock.
fn new_control_key() -> Stored<String> {
    let mut random = [0u8; 9];
    getrandom::fill(&mut random).map_err(|e| StoreError::Unavailable(format!("hasard du système : {e}")))?;
    Ok(control_key_from_random(random).as_str().to_owned())
}

/// Revokes a certificate, with the reason that its holder is told.
///
/// # Errors
/// A refusal without a reason or when it is no longer valid.
pub fn revoke(tx: &mut Tx<'_>, certificate_id: &str, reason: &str) -> Stored<()> {
    let row: CertificateRow = t::table.find(certificate_id).select(CertificateRow::as_select()).first(tx.conn)?;
    session::session_for(tx, &row.session_id, Action::RevokeCertificate)?;
    if row.state != CertificateState::Valid {
        return Err(Refusal::new(
            "not_valid",
            format!("Le certificat {} n’est plus valable : il est {}.", row.number, row.state.label()),
        )
        .into());
    }
    if reason.trim().chars().count() < 10 {
        return Err(Refusal::new(
            "reason_missing",
            "Motivez la révocation : le motif figure dans la décision notifiée.",
        )
        .under("code des relations entre le public et l’administration, art. L. 211-2")
        .into());
    }
    tx.also_lock(&Lock::Register)?;
    diesel::update(t::table.find(certificate_id))
        .set((
            t::state.eq(CertificateState::Revoked),
            t::state_reason.eq(reason.trim()),
            t::state_changed_at.eq(tx.stamp()),
        ))
        .execute(tx.conn)?;
    let detail = json!({ "number": row.number, "reason": reason.trim() });
    tx.audit(
        "revoke_certificate",
        ("certificate", certificate_id),
        Some(&json!({ "state": row.state })),
        Some(&detail),
        &detail,
    )
}

/// Checks a number and a key typed or scanned by anyone. A wrong key and a missing number get the same answer.
///
/// # Errors
/// The database's own.
pub fn check(conn: &mut Conn, number: &str, key: &str) -> Stored<Verdict> {
    let (Ok(number), Ok(key)) = (CertificateNumber::parse(number), check_control_key(key)) else {
        return Ok(Verdict::Unknown);
    };
    let row: Option<CertificateRow> =
        t::table.filter(t::number.eq(number.to_string())).select(CertificateRow::as_select()).first(conn).optional()?;
    match row {
        Some(row) if constant_time_eq(&row.control_key, key.as_str()) => verdict(&row),
        _ => Ok(Verdict::Unknown),
    }
}

/// Checks a file by its bytes: ours to the last bit, or altered when it names one of our certificates.
///
/// # Errors
/// The database's own.
pub fn check_file(conn: &mut Conn, bytes: &[u8], named: Option<&str>) -> Stored<Verdict> {
    let kept: Option<String> = documents::table
        .filter(documents::sha256.eq(sha256_hex(bytes)))
        .filter(documents::kind.eq("certificate"))
        .select(documents::subject_id)
        .first(conn)
        .optional()?;
    if let Some(id) = kept {
        let row: CertificateRow = t::table.find(id).select(CertificateRow::as_select()).first(conn)?;
        return verdict(&row);
    }
    let Some(number) = named.and_then(|text| CertificateNumber::parse(text).ok()) else {
        return Ok(Verdict::Unknown);
    };
    let known: i64 = t::table.filter(t::number.eq(number.to_string())).count().get_result(conn)?;
    Ok(if known > 0 { Verdict::Altered } else { Verdict::Unknown })
}

fn verdict(row: &CertificateRow) -> Stored<Verdict> {
    // What is shown is the snapshot; a snapshot edited in the database no longer matches its hash.
    if sha256_hex(row.snapshot.as_bytes()) != row.snapshot_sha256 {
        return Ok(Verdict::Altered);
    }
    let snapshot = Box::new(row.read_snapshot()?);
    Ok(match row.state {
        CertificateState::Valid => Verdict::Valid(snapshot),
        CertificateState::Revoked => Verdict::Revoked(snapshot),
        CertificateState::Replaced => Verdict::Replaced(snapshot),
    })
}

fn constant_time_eq(left: &str, right: &str) -> bool {
    use subtle::ConstantTimeEq;
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// Certificates of a session in the order of their numbers.
///
/// # Errors
/// The database's own.
pub fn list_of_session(conn: &mut Conn, session_id: &str) -> Stored<Vec<CertificateRow>> {
    Ok(t::table.filter(t::session_id.eq(session_id)).order(t::rank).select(CertificateRow::as_select()).load(conn)?)
}

/// The certificate of a file, if it was issued.
///
/// # Errors
/// The database's own.
pub fn find_of_registration(conn: &mut Conn, registration_id: &str) -> Stored<Option<CertificateRow>> {
    Ok(t::table
        .filter(t::registration_id.eq(registration_id))
        .select(CertificateRow::as_select())
        .first(conn)
        .optional()?)
}

/// Certificates whose document is not drawn yet, oldest first.
///
/// # Errors
/// The database's own.
pub fn list_undrawn(conn: &mut Conn, limit: i64) -> Stored<Vec<CertificateRow>> {
    Ok(t::table
        .left_join(documents::table.on(documents::subject_id.eq(t::id).and(documents::kind.eq("certificate"))))
        .filter(documents::id.nullable().is_null())
        .order((t::academy_code, t::year, t::rank))
        .limit(limit)
        .select(CertificateRow::as_select())
        .load(conn)?)
}

/// The drawn document of a certificate.
///
/// # Errors
/// The database's own.
pub fn find_drawn(conn: &mut Conn, certificate_id: &str) -> Stored<Option<files::DocumentRow>> {
    files::find_document(conn, "certificate", certificate_id)
}

/// The first entry of the register that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRegister {
    pub number: String,
    pub why: &'static str,
}

/// Reads the whole register back: numbers without gaps, chained hashes, snapshots and documents unaltered.
///
/// # Errors
/// The database's own; a broken register is a value, not an error.
pub fn verify_register(conn: &mut Conn) -> Stored<Result<u64, BrokenRegister>> {
    let mut previous: Option<(String, i32, i32, String)> = None;
    let mut checked = 0;
    let mut offset = 0;
    loop {
        let rows: Vec<(CertificateRow, Option<String>, Option<Vec<u8>>)> = t::table
            .left_join(documents::table.on(documents::subject_id.eq(t::id).and(documents::kind.eq("certificate"))))
            .order((t::academy_code, t::year, t::rank))
            .limit(200)
            .offset(offset)
            .select((CertificateRow::as_select(), documents::sha256.nullable(), documents::bytes.nullable()))
            .load(conn)?;
        if rows.is_empty() {
            return Ok(Ok(checked));
        }
        offset += 200;
        for (row, sha256, bytes) in rows {
            let broken = |why| Ok(Err(BrokenRegister { number: row.number.clone(), why }));
            let (rank, chained) = match &previous {
                Some((academy, year, rank, hash)) if *academy == row.academy_code && *year == row.year => {
                    (rank + 1, hash.as_str())
                }
                _ => (1, GENESIS),
            };
            if row.rank != rank {
                return broken("un numéro manque avant celui-ci");
            }
            if row.previous_hash != chained {
                return broken("l’entrée précédente du registre n’est plus la même");
            }
            if sha256_hex(row.snapshot.as_bytes()) != row.snapshot_sha256 {
                return broken("les mentions certifiées ont été modifiées");
            }
            let Ok(snapshot) = row.read_snapshot() else { return broken("les mentions certifiées sont illisibles") };
            if snapshot.number != row.number || snapshot.control_key != row.control_key {
                return broken("le numéro ou la clé ne sont plus ceux des mentions certifiées");
            }
            if register_hash(&row.number, &row.snapshot_sha256, &row.previous_hash) != row.hash {
                return broken("l’empreinte de l’entrée ne correspond pas");
            }
            if let (Some(sha256), Some(bytes)) = (sha256, bytes)
                && sha256_hex(&bytes) != sha256
            {
                return broken("le document conservé a été modifié");
            }
            previous = Some((row.academy_code, row.year, row.rank, row.hash));
            checked += 1;
        }
    }
}

/// `le 1er juillet 2027`, for pages that show a snapshot.
#[must_use]
pub fn shown_date(date: jiff::civil::Date) -> String {
    french_date(date)
}

/// A certificate of this session.
///
/// # Errors
/// [`StoreError::NotFound`] for a foreign one as for a missing one.
pub fn get_of_session(conn: &mut Conn, session_id: &str, certificate_id: &str) -> Stored<CertificateRow> {
    Ok(t::table
        .find(certificate_id)
        .filter(t::session_id.eq(session_id))
        .select(CertificateRow::as_select())
        .first(conn)?)
}
