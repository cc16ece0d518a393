//! `cplds purge`: retention in two steps. The list is read and approved by people between the two.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Format, Outcome, open, operator};
use crate::config::Config;
use crate::domain::retention::Kind;
use crate::store::Lock;
use crate::store::retention::{self, Proposal};

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// Écrit dans ce fichier (JSON) la liste de ce qui peut être supprimé, avec la durée et son texte ; ne supprime rien.
    #[arg(long, value_name = "FICHIER")]
    propose: Option<PathBuf>,
    /// Supprime exactement ce que dit cette liste, si elle est intacte, récente et toujours vraie.
    #[arg(long, value_name = "FICHIER")]
    execute: Option<PathBuf>,
}

#[derive(Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    what: What,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn purge(args: PurgeArgs) -> Outcome {
    let config = Config::from_env()?;
    match (args.what.propose, args.what.execute) {
        (Some(file), _) => propose(&config, &file, args.format),
        (None, Some(file)) => execute(&config, &file, args.format),
        (None, None) => Err(Failure::new("indiquez --propose ou --execute").with_code(2)),
    }
}

fn propose(config: &Config, file: &PathBuf, format: Format) -> Outcome {
    // A list already written may be under approval: it is never replaced.
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|e| Failure::new(format!("{} : {e}", file.display())).with_code(2))?;
    let db = open(config, 2)?;
    let text = db.write_now(&operator("purge"), Lock::House, retention::propose)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    let proposal: Proposal = serde_json::from_str(&text).map_err(|e| Failure::new(e.to_string()))?;
    match format {
        Format::Json => print!("{text}"),
        Format::Text => {
            for kind in Kind::ALL {
                let lines = proposal.lines.iter().filter(|line| line.kind == kind.as_str());
                let (number, law) = lines.fold((0, ""), |(number, _), line| (number + line.count, line.law.as_str()));
                if number > 0 {
                    println!("{number:>6}  {} – {law}", kind.label());
                }
            }
            println!(
                "{} lignes dans {} : faites approuver la liste, puis « cplds purge --execute ».",
                proposal.lines.len(),
                file.display()
            );
        }
    }
    Ok(())
}

fn execute(config: &Config, file: &PathBuf, format: Format) -> Outcome {
    let text =
        std::fs::read_to_string(file).map_err(|e| Failure::new(format!("{} : {e}", file.display())).with_code(2))?;
    let db = open(config, 2)?;
    let counts = db.write_now(&operator("purge"), Lock::House, move |tx| retention::execute(tx, &text))?;
    match format {
        Format::Json => println!("{}", serde_json::json!({ "purged": counts })),
        Format::Text => {
            for (kind, number) in &counts {
                println!(
                    "{number:>6}  {}",
                    Kind::from_word(kind).map_or_else(|| (*kind).to_string(), |kind| kind.label().to_owned())
                );
            }
            println!("La liste est exécutée ; la trace reste dans le journal.");
        }
    }
    Ok(())
}
