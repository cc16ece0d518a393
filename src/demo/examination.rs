//! The office at work on the session that is open: wordings, files confided, pieces refused, answers awaited and late,
//! a refusal with its letter. Played at earlier instants of the same clock, through the site's own functions.

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};

use super::story::Plan;
use crate::clock::Clock;
use crate::domain::examination::wording::WordingKind;
use crate::domain::permission::Actor;
use crate::office::examination::{Post, draw_letters};
use crate::store::eligibility::{self, Verdict};
use crate::store::examination::queue::{self, FileLine, QueueFilter, Sort};
use crate::store::examination::requests::{ask_pieces, local_day};
use crate::store::examination::{self, views, wordings};
use crate::store::people::PersonRow;
use crate::store::session::{self, SessionRow};
use crate::store::{Conn, Db, Lock, StoreError, Stored, Tx, accounts};

const WORDINGS: [(WordingKind, &str, &str); 5] = [
    (
        WordingKind::PieceRefusal,
        "Pièce illisible",
        "La pièce n’est pas lisible\u{a0}: déposez une photographie nette de la page entière.",
    ),
    (
        WordingKind::PieceRefusal,
        "Pièce périmée",
        "La pièce n’est plus valable\u{a0}: déposez une pièce d’identité en cours de validité.",
    ),
    (
        WordingKind::PieceRequest,
        "Demande habituelle",
        "Bonjour {candidat}, il manque à votre dossier {numero}\u{a0}: {pieces}. Merci de répondre avant le {date}. {service}",
    ),
    (
        WordingKind::FileRefusal,
        "Contrat à durée déterminée",
        "Votre contrat est à durée déterminée\u{a0}: le décret réserve l’examen aux personnels titulaires ou en contrat à durée indéterminée.",
    ),
    (
        WordingKind::Message,
        "Dossier bien reçu",
        "Bonjour,\n\nVotre dossier {numero} est bien reçu\u{a0}: le bureau des examens l’étudie et vous écrira ici.\n\n{service}",
    ),
];

/// The first files of a session in alphabetical order, as the office's queue lists them.
pub fn files(conn: &mut Conn, session_id: &str, state: Option<&str>, most: i64) -> Stored<Vec<FileLine>> {
    let filter = QueueFilter { state: state.map(str::to_owned), ..QueueFilter::default() };
    // Only requests that are late depend on the day, and none is asked for.
    let lines = queue::list_queue(conn, session_id, &filter, (Sort::Name, false), Date::ZERO, (most, 0))?;
    Ok(lines.into_iter().map(|line| line.file).collect())
}

/// Examines the files of the open session, some three weeks ago and since.
///
/// # Errors
/// The database's own.
pub fn play(db: &Db, clock: &Clock, plan: &Plan, session_id: &str) -> Stored<()> {
    let now = clock.now();
    let (officer, post) = db.read_now(|conn| {
        let user = accounts::find_user_by_email(conn, "gestion@ac-demo.example")?.ok_or(StoreError::NotFound)?;
        let officer = accounts::find_actor(conn, &user.id)?.ok_or(StoreError::NotFound)?;
        Ok((officer, Post::of(conn, &plan.academy.code, &plan.public_url)?))
    })?;
    let code = plan.academy.code.clone();
    db.write_now(&officer, Lock::House, move |tx| {
        for (kind, title, body) in WORDINGS {
            wordings::add_wording(tx, &code, kind, title, body)?;
        }
        views::save_view(tx, "Mes dossiers incomplets", "piece=toutes&agent=moi", false)
    })?;
    clock.set(now.checked_sub(SignedDuration::from_hours(20 * 24)).unwrap_or(now));
    let id = session_id.to_owned();
    write(db, &officer, session_id, move |tx| examine(tx, &id, &post))?;
    clock.set(now);
    draw_letters(db).map(|_| ())
}

fn write(
    db: &Db,
    officer: &Actor,
    session_id: &str,
    command: impl FnOnce(&mut Tx<'_>) -> Stored<()> + Send + 'static,
) -> Stored<()> {
    db.write_now(officer, Lock::Session(session_id.to_owned()), command)
}

fn examine(tx: &mut Tx<'_>, session_id: &str, post: &Post) -> Stored<()> {
    let session: SessionRow = session::load_session(tx.conn, session_id)?;
    let today = local_day(&session, tx.at);
    let notify = |session: &SessionRow, person: &PersonRow, key: &str| post.request(session, person, key);
    let wanted = session::list_required_pieces(tx.conn, session_id)?;
    let lines = queue::list_queue(tx.conn, session_id, &QueueFilter::default(), (Sort::Name, false), today, (200, 0))?;
    let mine = tx.actor.user_id.clone();
    let mut is_refused = false;
    for (n, line) in lines.iter().enumerate() {
        let file = &line.file.registration;
        for (place, (code, _)) in wanted.iter().enumerate() {
            match (n % 4, place) {
                (0, _) => examination::judge_piece(tx, &file.id, code, "accepted", "")?,
                (1, 0) => examination::judge_piece(tx, &file.id, code, "refused", WORDINGS[1].2)?,
                (1 | 2, 1) => examination::judge_piece(tx, &file.id, code, "received", "")?,
                _ => {}
            }
        }
        if n % 3 == 0 {
            examination::assign(tx, std::slice::from_ref(&file.id), Some(&mine))?;
        }
        if n % 4 == 1 || n % 4 == 2 {
            // Some answers are late by now, others are awaited.
            let days = if n % 4 == 1 { 15 } else { 26 };
            let due = today.checked_add(days.days()).unwrap_or(today);
            ask_pieces(tx, &file.id, "Merci de compléter votre dossier.", due, &notify)?;
        }
        if n == 1 {
            examination::add_note(tx, &file.id, "La DPE confirme le contrat par téléphone\u{a0}; l’arrêté suit.")?;
        }
        if file.eligibility == "refusal_proposed" && !is_refused {
            is_refused = true;
            let one = [(file.id.clone(), file.version)];
            let tell = |session: &SessionRow, person: &PersonRow, key: &str| post.decision(session, person, key);
            eligibility::decide_and_tell(tx, &one, Verdict::Refused, WORDINGS[3].2, Some(&tell))?;
        }
    }
    Ok(())
}
