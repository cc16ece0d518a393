//! The session after the one that was played, open to registration: something to do on the demonstration's site.

use jiff::civil::{DateTime, date, datetime};

use super::story::Plan;
use super::{examination, people, pieces, training};
use crate::clock::Clock;
use crate::domain::permission::Actor;
use crate::domain::session::Calendar;
use crate::domain::table::read_csv;
use crate::store::session::{self, OpenSession};
use crate::store::{Db, Lock, StoreError, Stored, reference, registration};
use crate::vault::Vault;

/// The session after, open to registration at the end of the story: something to do on the site, with the pieces that
/// two candidates handed in.
///
/// # Errors
/// The database's own, and the vault's.
pub fn open_next_session(db: &Db, clock: &Clock, plan: &Plan, vault: &Vault) -> Stored<()> {
    let officer = Actor::system("demo");
    let academy = plan.academy;
    let year = plan.year + 1;
    let at = |local: DateTime| academy.instant(local).map_err(|e| StoreError::Broken(e.to_string()));
    let calendar = Calendar {
        registration_opens_at: at(datetime(year - 1, 6, 1, 8, 0, 0, 0))?,
        registration_closes_at: at(datetime(year - 1, 9, 30, 23, 59, 59, 0))?,
        epreuves_from: date(year, 1, 10),
        epreuves_to: date(year, 6, 16),
    };
    let code = academy.code.clone();
    let centre_name = format!("Lycée des Cordeliers, {}", academy.name);
    let id = db.write_now(&officer, Lock::House, move |tx| {
        let regulation_id = reference::regulation_for_year(tx.conn, year)?;
        let pieces =
            reference::rules_of(tx.conn, &regulation_id)?.required_pieces().map(|piece| piece.code.clone()).collect();
        session::open_session(
            tx,
            &OpenSession { academy_code: code, year, calendar, centre_name, centre_uai: None, regulation_id, pieces },
        )
    })?;
    let csv = people::candidates_csv(academy, year, 16, plan.seed ^ 0x6e65_7874);
    let table = read_csv(csv.as_bytes()).map_err(|e| StoreError::Broken(e.to_string()))?;
    let now = clock.now();
    // Files came in over the weeks before; the office has begun its work on them.
    clock.set(now.checked_sub(jiff::SignedDuration::from_hours(21 * 24)).unwrap_or(now));
    let blocked: Vec<(u64, String)> = db.read_now(|conn| {
        let session = session::load_session(conn, &id)?;
        let report = registration::preview_import(conn, &session.academy_code, year, Some(&session), &table, &[], now)?;
        Ok(report.blocking().map(|finding| (finding.line, "démonstration".to_owned())).collect())
    })?;
    let (session_id, imported) = (id.clone(), id.clone());
    db.write_now(&officer, Lock::Session(id.clone()), move |tx| {
        registration::import_candidates(tx, &imported, &table, &blocked).map(|_| ())
    })?;
    let (regulation_id, asked) = db.read_now(|conn| {
        let session = session::load_session(conn, &session_id)?;
        let files = examination::files(conn, &session_id, None, 3)?;
        Ok((session.regulation_id, files.into_iter().map(|file| file.person.id).collect()))
    })?;
    training::open_next_year(db, &academy.code, &regulation_id, year, asked)?;
    super::registration::fill_forms(db, clock, plan, &id)?;
    pieces::hand_in(db, vault, &academy.code)?;
    clock.set(now);
    examination::play(db, clock, plan, &id)
}
