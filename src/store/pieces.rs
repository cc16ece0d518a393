//! Files handed in for the pieces of a draft or of the registration it became (they bear the same identifier).
//! A file is replaced, never overwritten; its bytes stand in the vault, written before the row that names them.
//! Whoever is neither the owner nor the office of the academy is told the same as for a file that does not exist.

use diesel::prelude::*;
use serde_json::json;

use super::schema::{drafts, message_files, people, piece_files as t, pieces, registrations, required_pieces};
use super::session::{self, SessionRow};
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id, reference};
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::piece::{PieceKind, PieceLimits};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;
use crate::domain::session::{LIST_LAW, SessionState};
use crate::each_backend;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = t)]
pub struct PieceFileRow {
    pub id: String,
    pub file_id: String,
    pub session_id: String,
    /// Which piece of the file it answers for.
    pub code: String,
    /// As its owner called it; cleaned, shown, never a path.
    pub file_name: String,
    pub kind: String,
    pub size: i32,
    pub pages: i32,
    pub sha256: String,
    pub uploaded_by: String,
    pub uploaded_at: Stamp,
    /// Set once another file took its place: the office can still read it.
    pub replaced_at: Option<Stamp>,
}

impl PieceFileRow {
    #[must_use]
    pub fn kind(&self) -> PieceKind {
        PieceKind::from_word(&self.kind).unwrap_or(PieceKind::Pdf)
    }
}

/// A file already inspected, and already in the vault.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub file_name: String,
    pub kind: PieceKind,
    pub size: usize,
    pub pages: u32,
    pub sha256: String,
}

/// A draft or a registration, as far as its pieces are concerned.
#[derive(Debug, Clone)]
pub struct Holder {
    pub file_id: String,
    pub session: SessionRow,
    pub owner: Option<String>,
    /// `22-27-0001`, once submitted.
    pub number: Option<String>,
    pub is_withdrawn: bool,
    /// Minutes after the closing during which a draft is still its owner's to complete.
    pub grace_minutes: u32,
}

impl Holder {
    #[must_use]
    pub const fn is_draft(&self) -> bool {
        self.number.is_none()
    }

    /// Whether its owner may still hand files in: with a draft as long as it may be submitted, with a registration until
    /// the list is fixed, so that what the office asks for after the closing can be sent.
    #[must_use]
    pub fn takes_files(&self, now: jiff::Timestamp) -> bool {
        let is_open = match self.session.state {
            SessionState::Preparation | SessionState::Registration if self.is_draft() => {
                self.session.calendar().is_open(now, self.grace_minutes)
            }
            SessionState::Preparation | SessionState::Registration | SessionState::Examination => !self.is_draft(),
            _ => false,
        };
        is_open && !self.is_withdrawn
    }
}

/// A piece asked for, with its files.
#[derive(Debug, Clone)]
pub struct PieceView {
    pub code: String,
    pub label: String,
    /// `missing`, `received`, `accepted`, `refused`; a draft's are `missing` or `received`.
    pub state: String,
    pub files: Vec<PieceFileRow>,
    pub replaced: Vec<PieceFileRow>,
}

/// Who holds these pieces.
///
/// # Errors
/// [`StoreError::NotFound`] when neither a draft nor a registration bears this identifier.
pub fn get_holder(conn: &mut Conn, file_id: &str) -> Stored<Holder> {
    let registration: Option<(String, String, String, Option<String>)> = registrations::table
        .inner_join(people::table)
        .filter(registrations::id.eq(file_id))
        .select((registrations::session_id, registrations::number, registrations::state, people::user_id))
        .first(conn)
        .optional()?;
    if let Some((session_id, number, state, owner)) = registration {
        let session = session::load_session(conn, &session_id)?;
        return Ok(Holder {
            file_id: file_id.to_owned(),
            session,
            owner,
            number: Some(number),
            is_withdrawn: state == "withdrawn",
            grace_minutes: 0,
        });
    }
    let (session_id, owner): (String, String) =
        drafts::table.find(file_id).select((drafts::session_id, drafts::user_id)).first(conn)?;
    let session = session::load_session(conn, &session_id)?;
    let grace_minutes = reference::rules_of(conn, &session.regulation_id)?.registration.closing_grace_minutes.value;
    Ok(Holder {
        file_id: file_id.to_owned(),
        session,
        owner: Some(owner),
        number: None,
        is_withdrawn: false,
        grace_minutes,
    })
}

/// The same, for the person it belongs to.
///
/// # Errors
/// [`StoreError::NotFound`] for anybody else's.
pub fn get_own_holder(conn: &mut Conn, actor: &Actor, file_id: &str) -> Stored<Holder> {
    let holder = get_holder(conn, file_id)?;
    if owns(actor, &holder) { Ok(holder) } else { Err(StoreError::NotFound) }
}

fn owns(actor: &Actor, holder: &Holder) -> bool {
    let object = Object { academy: Some(&holder.session.academy_code), owner: holder.owner.as_deref(), members: &[] };
    may(actor, Action::SeeOwnFile, object)
}

/// The bounds of this session's pack; an older pack sets none, and the latest one's serve.
///
/// # Errors
/// The database's own.
pub fn limits(conn: &mut Conn, session: &SessionRow) -> Stored<PieceLimits> {
    let broken = || StoreError::Broken("le règlement ne borne pas les pièces".to_owned());
    match &reference::rules_of(conn, &session.regulation_id)?.pieces_limits {
        Some(limits) => Ok(limits.clone()),
        None => RegulationPack::embedded().ok().and_then(|pack| pack.pieces_limits).ok_or_else(broken),
    }
}

/// Files received for one piece. `replaces` puts the earlier ones aside; the same file again changes nothing.
/// Returns how many are new.
///
/// # Errors
/// [`StoreError::NotFound`] for a piece or a file of neither this person nor this office; a refusal once the list is fixed,
/// once the piece is accepted, or beyond the number of files that the pack allows.
pub fn receive(tx: &mut Tx<'_>, file_id: &str, code: &str, files: &[NewFile], replaces: bool) -> Stored<usize> {
    let holder = get_holder(tx.conn, file_id)?;
    let is_owner = owns(tx.actor, &holder);
    // The office scans what came on paper; a draft is its owner's alone.
    let examines = may(tx.actor, Action::ExamineFiles, Object::academy(&holder.session.academy_code));
    if !is_owner && (holder.is_draft() || !examines) {
        return Err(StoreError::NotFound);
    }
    if !holder.takes_files(tx.at) {
        return Err(too_late(&holder).into());
    }
    let label: String =
        required_pieces::table.find((&holder.session.id, code)).select(required_pieces::label).first(tx.conn)?;
    let state: Option<String> = pieces::table.find((file_id, code)).select(pieces::state).first(tx.conn).optional()?;
    if state.as_deref() == Some("accepted") && !is_owner {
        return Err(Refusal::new(
            "piece_accepted",
            format!("La pièce «\u{a0}{label}\u{a0}» est déjà acceptée\u{a0}: notez-la d’abord «\u{a0}reçue\u{a0}», puis ajoutez le fichier."),
        )
        .into());
    }
    if state.as_deref() == Some("accepted") {
        return Err(Refusal::new(
            "piece_accepted",
            format!("La pièce «\u{a0}{label}\u{a0}» est déjà acceptée\u{a0}: il n’y a rien à renvoyer. Pour signaler un changement, écrivez au bureau des examens."),
        )
        .into());
    }
    let limits = limits(tx.conn, &holder.session)?;
    let standing: Vec<(String, String)> = t::table
        .filter(t::file_id.eq(file_id))
        .filter(t::code.eq(code))
        .filter(t::replaced_at.is_null())
        .select((t::id, t::sha256))
        .load(tx.conn)?;
    let mut rows: Vec<PieceFileRow> = Vec::new();
    for file in files {
        let is_known =
            standing.iter().any(|(_, hash)| *hash == file.sha256) || rows.iter().any(|row| row.sha256 == file.sha256);
        if is_known {
            continue;
        }
        rows.push(PieceFileRow {
            id: new_id(tx.at),
            file_id: file_id.to_owned(),
            session_id: holder.session.id.clone(),
            code: code.to_owned(),
            file_name: file.file_name.clone(),
            kind: file.kind.as_str().to_owned(),
            size: i32::try_from(file.size).unwrap_or(i32::MAX),
            pages: i32::try_from(file.pages).unwrap_or(i32::MAX),
            sha256: file.sha256.clone(),
            uploaded_by: tx.actor.user_id.clone(),
            uploaded_at: tx.stamp(),
            replaced_at: None,
        });
    }
    let aside: Vec<String> = standing
        .iter()
        .filter(|(_, hash)| replaces && !files.iter().any(|file| file.sha256 == *hash))
        .map(|(id, _)| id.clone())
        .collect();
    let most = usize::try_from(limits.files_per_piece.value).unwrap_or(usize::MAX);
    if standing.len() - aside.len() + rows.len() > most {
        return Err(Refusal::new(
            "piece_too_many_files",
            format!("Une pièce compte au plus {most}\u{a0}fichiers\u{a0}: réunissez-les en un seul PDF, ou cochez «\u{a0}Remplacer les fichiers déjà envoyés\u{a0}»."),
        )
        .into());
    }
    diesel::update(t::table.filter(t::id.eq_any(&aside))).set(t::replaced_at.eq(Some(tx.stamp()))).execute(tx.conn)?;
    if !rows.is_empty() {
        each_backend!(&mut *tx.conn, c => diesel::insert_into(t::table).values(&rows).execute(c))?;
    }
    if rows.is_empty() && aside.is_empty() {
        return Ok(0);
    }
    // What was missing or refused waits for an officer again; what was received stays so.
    diesel::update(pieces::table.find((file_id, code)))
        .set((pieces::state.eq("received"), pieces::noted_by.eq(&tx.actor.user_id), pieces::noted_at.eq(tx.stamp())))
        .execute(tx.conn)?;
    let detail = json!({
        "piece": code,
        "files": rows.iter().map(|row| json!({ "id": row.id, "kind": row.kind, "size": row.size, "sha256": row.sha256 })).collect::<Vec<_>>(),
        "replaced": aside,
    });
    tx.audit("receive_piece", (object_kind(&holder), file_id), None, None, &detail)?;
    Ok(rows.len())
}

const fn object_kind(holder: &Holder) -> &'static str {
    if holder.is_draft() { "draft" } else { "registration" }
}

fn too_late(holder: &Holder) -> Refusal {
    let sentence = if holder.is_withdrawn {
        "Cette candidature est retirée\u{a0}: aucune pièce ne peut plus y être ajoutée."
    } else if holder.is_draft() {
        "Les inscriptions sont closes\u{a0}: ce dossier n’a pas été envoyé, et aucune pièce ne peut plus y être ajoutée. Écrivez au bureau des examens de votre académie."
    } else {
        "La liste des candidats est arrêtée\u{a0}: aucune pièce ne peut plus être ajoutée. Écrivez au bureau des examens de votre académie."
    };
    Refusal::new("piece_too_late", sentence).under(LIST_LAW)
}

/// Takes a file back, while the draft is its owner's alone. After submission a file is replaced, and stays readable.
///
/// # Errors
/// [`StoreError::NotFound`] for a file that is not this person's; a refusal after submission.
pub fn take_back(tx: &mut Tx<'_>, file_id: &str, id: &str) -> Stored<()> {
    let holder = get_holder(tx.conn, file_id)?;
    if !owns(tx.actor, &holder) {
        return Err(StoreError::NotFound);
    }
    if !holder.is_draft() {
        return Err(Refusal::new(
            "piece_submitted",
            "Votre dossier est envoyé\u{a0}: une pièce ne se retire plus, elle se remplace. Envoyez le bon fichier et cochez «\u{a0}Remplacer les fichiers déjà envoyés\u{a0}».",
        )
        .into());
    }
    if !holder.takes_files(tx.at) {
        return Err(too_late(&holder).into());
    }
    let removed = diesel::delete(t::table.find(id).filter(t::file_id.eq(file_id))).execute(tx.conn)?;
    if removed == 0 {
        return Err(StoreError::NotFound);
    }
    tx.audit("take_back_piece", ("draft", file_id), None, None, &json!({ "file": id }))
}

/// Every file of a draft or registration, replaced ones too, in the order they came.
///
/// # Errors
/// The database's own.
pub fn list_files(conn: &mut Conn, file_id: &str) -> Stored<Vec<PieceFileRow>> {
    Ok(t::table
        .filter(t::file_id.eq(file_id))
        .order((t::code, t::uploaded_at, t::id))
        .select(PieceFileRow::as_select())
        .load(conn)?)
}

/// The pieces asked for by the session, each with its state and its files.
///
/// # Errors
/// The database's own.
pub fn list_pieces(conn: &mut Conn, holder: &Holder) -> Stored<Vec<PieceView>> {
    let files = list_files(conn, &holder.file_id)?;
    let states: Vec<(String, String)> = pieces::table
        .filter(pieces::registration_id.eq(&holder.file_id))
        .select((pieces::code, pieces::state))
        .load(conn)?;
    let wanted = session::list_required_pieces(conn, &holder.session.id)?;
    Ok(wanted
        .into_iter()
        .map(|(code, label)| {
            let (replaced, standing): (Vec<_>, Vec<_>) =
                files.iter().filter(|file| file.code == code).cloned().partition(|file| file.replaced_at.is_some());
            let noted = states.iter().find(|(known, _)| *known == code).map(|(_, state)| state.clone());
            let received = if standing.is_empty() { "missing" } else { "received" };
            let state = noted.unwrap_or_else(|| received.to_owned());
            PieceView { code, label, state, files: standing, replaced }
        })
        .collect())
}

/// One file, for its owner.
///
/// # Errors
/// [`StoreError::NotFound`] for anybody else's.
pub fn get_own_file(conn: &mut Conn, actor: &Actor, file_id: &str, id: &str) -> Stored<PieceFileRow> {
    get_own_holder(conn, actor, file_id)?;
    find_of(conn, file_id, id)
}

/// One file, for the office of the academy; a draft is not the office's yet.
///
/// # Errors
/// [`StoreError::NotFound`] for a draft's, another session's or another academy's.
pub fn get_office_file(
    conn: &mut Conn,
    actor: &Actor,
    session_id: &str,
    file_id: &str,
    id: &str,
) -> Stored<PieceFileRow> {
    let holder = get_holder(conn, file_id)?;
    let is_theirs = may(actor, Action::ExamineFiles, Object::academy(&holder.session.academy_code));
    if !is_theirs || holder.is_draft() || holder.session.id != session_id {
        return Err(StoreError::NotFound);
    }
    find_of(conn, file_id, id)
}

fn find_of(conn: &mut Conn, file_id: &str, id: &str) -> Stored<PieceFileRow> {
    Ok(t::table.find(id).filter(t::file_id.eq(file_id)).select(PieceFileRow::as_select()).first(conn)?)
}

/// Hashes that a row still names, sorted: a sweep leaves them alone.
///
/// # Errors
/// The database's own.
pub fn list_named(conn: &mut Conn) -> Stored<Vec<String>> {
    let mut named: Vec<String> = t::table.select(t::sha256).distinct().load(conn)?;
    named.extend(message_files::table.select(message_files::sha256).distinct().load::<String>(conn)?);
    // Sorted here: the two engines do not order text alike.
    named.sort_unstable();
    Ok(named)
}
