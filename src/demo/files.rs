//! What `cplds demo` writes beside its database: every document of the session as files, and the summary.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::story::Played;
use crate::domain::deliberation::Outcome;
use crate::domain::table::CsvWriter;
use crate::office::{attestation, documents};
use crate::store::documents::{DocumentRow, list_of_kind};
use crate::store::{Db, StoreError, Stored, deliberation, session};

/// Folders of the documents, by kind.
const FOLDERS: &[(&str, &str)] = &[
    ("convocation", "convocations"),
    ("convocation_ics", "convocations"),
    ("transcript", "releves"),
    ("certificate", "certificats"),
];

/// Writes every document into `dir`; returns how many files.
///
/// # Errors
/// The database's own, or a folder that cannot be written.
pub fn write(db: &Db, dir: &Path, played: &Played) -> Stored<usize> {
    let mut written = 0;
    for (kind, folder) in FOLDERS {
        let target = dir.join(folder);
        fs::create_dir_all(&target).map_err(failed)?;
        let mut after = String::new();
        loop {
            let page = db.read_now(|conn| list_of_kind(conn, &played.session_id, kind, &after, 200))?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            for document in page {
                save(&target, &document)?;
                written += 1;
            }
        }
    }
    let target = dir.join("attestations");
    fs::create_dir_all(&target).map_err(failed)?;
    for document in attestation::draw_attestations(db, &played.training_id)? {
        save(&target, &document)?;
        written += 1;
    }
    let row = db.read_now(|conn| session::load_session(conn, &played.session_id))?;
    for (document, name) in [
        (documents::minutes_document(db, &row)?, "pv.pdf"),
        (crate::office::list::list_order_document(db, &row)?, "arrete-liste.pdf"),
        (documents::admitted_document(db, &row)?, "admis.pdf"),
    ] {
        fs::write(dir.join(name), document.bytes).map_err(failed)?;
        written += 1;
    }
    admitted(db, dir, &played.session_id)?;
    Ok(written + 1)
}

fn save(folder: &Path, document: &DocumentRow) -> Stored<()> {
    // Names are made by the program from numbers; a separator in one would be a bug, not a path.
    let name = document.file_name.replace(['/', '\\'], "-");
    fs::write(folder.join(name), &document.bytes).map_err(failed)
}

fn admitted(db: &Db, dir: &Path, session_id: &str) -> Stored<()> {
    let lines = db.read_now(|conn| deliberation::list_candidates(conn, session_id))?;
    let file = fs::File::create(dir.join("admis.csv")).map_err(failed)?;
    let mut sheet = CsvWriter::new(std::io::BufWriter::new(file)).map_err(failed)?;
    sheet.row(["numero_candidat", "nom", "prenom", "resultat"]).map_err(failed)?;
    for line in lines {
        if line.explained.is_some_and(|explained| explained.outcome == Outcome::Admitted) {
            let name = line.person.usage_name.as_deref().unwrap_or(&line.person.birth_name);
            sheet
                .row([
                    line.registration.number.as_str(),
                    name,
                    line.person.first_names.as_str(),
                    Outcome::Admitted.label(),
                ])
                .map_err(failed)?;
        }
    }
    sheet.finish().map_err(failed)
}

/// The summary of `resume.json`: counts and seconds per step.
#[must_use]
pub fn summary(played: &Played, academy: &str, year: i16) -> serde_json::Value {
    let counts: serde_json::Map<String, serde_json::Value> =
        played.counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
    let seconds: serde_json::Map<String, serde_json::Value> = played
        .seconds
        .iter()
        .map(|(name, seconds)| ((*name).to_owned(), json!((seconds * 1000.0).round() / 1000.0)))
        .collect();
    let total: f64 = played.seconds.iter().map(|(_, seconds)| seconds).sum();
    json!({
        "academy": academy,
        "session": year,
        "counts": counts,
        "seconds": seconds,
        "total_seconds": (total * 1000.0).round() / 1000.0,
        "set_aside": played.set_aside.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect::<Vec<_>>(),
        "refusals": played.refusals.iter().map(|(number, name, reasons)| json!({ "number": number, "name": name, "reasons": reasons })).collect::<Vec<_>>(),
    })
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("écriture du dossier de démonstration : {error}"))
}
