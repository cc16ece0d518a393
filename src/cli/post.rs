//! Commands of the post: reads the reports of mails that came back, and notes them beside each recipient.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Failure, Format, Outcome, open, operator};
use crate::config::Config;
use crate::mail::bounce;
use crate::store::outbox::{self, Returned};
use crate::store::{Db, Lock};

/// Larger than any report; what is more is not read.
const LARGEST: u64 = 4 * 1024 * 1024;

pub fn bounces(files: &[PathBuf], format: Format) -> Outcome {
    let db = open(&Config::from_env()?, 2)?;
    let mut read = 0;
    let mut noted = 0;
    for file in files {
        for path in reports(file)? {
            read += 1;
            noted += note(&db, &path)?;
        }
    }
    match format {
        Format::Json => println!("{}", json!({ "read": read, "noted": noted })),
        Format::Text => println!("{read} fichier(s) lu(s), {noted} message(s) revenu(s) noté(s)."),
    }
    Ok(())
}

/// The file itself, or the files of a folder, in the order of their names.
fn reports(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let why = |e: std::io::Error| Failure::new(format!("{} : {e}", path.display()));
    if !path.is_dir() {
        std::fs::metadata(path).map_err(why)?;
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(why)? {
        let entry = entry.map_err(why)?.path();
        if entry.is_file() {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

fn note(db: &Db, path: &Path) -> Result<usize, Failure> {
    let why = |e: std::io::Error| Failure::new(format!("{} : {e}", path.display()));
    if std::fs::metadata(path).map_err(why)?.len() > LARGEST {
        return Ok(0);
    }
    let bytes = std::fs::read(path).map_err(why)?;
    let returned: Vec<Returned> = bounce::read(&bytes)
        .into_iter()
        .map(|bounce| Returned { mail_id: bounce.mail_id, status: bounce.status, reason: bounce.reason })
        .collect();
    let noted = db.write_now(&operator("bounces"), Lock::House, move |tx| {
        let mut noted = 0;
        for one in &returned {
            noted += usize::from(outbox::note_return(tx, one)?);
        }
        Ok(noted)
    })?;
    Ok(noted)
}
