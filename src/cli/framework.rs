//! A new version of the framework from the command line: the checks, the mapping and the all-or-nothing of the site.

use std::path::PathBuf;

use clap::Args;

use super::exchange::{print_report, read_table};
use super::{Failure, Format, Outcome, operator};
use crate::domain::framework::diff::compare;
use crate::domain::framework::mapping::Mapping;
use crate::domain::framework::{Framework, FrameworkIdentity, Imported, read_identity, read_mapping};
use crate::domain::table::{Encoding, Report};
use crate::store::framework::{import_framework, latest};
use crate::store::{Db, Lock};

#[derive(Args)]
pub struct FrameworkArgs {
    /// Fichier JSON, ou tableur (CSV, XLSX, ODS) avec --id, --version et --title.
    file: PathBuf,
    /// Identifiant de la version, pour un tableur ; il figure dans des adresses permanentes.
    #[arg(long)]
    id: Option<String>,
    #[arg(long)]
    version: Option<u32>,
    #[arg(long)]
    title: Option<String>,
    /// Parution, par exemple « BO n° 29 du 21 juillet 2016 ».
    #[arg(long)]
    published: Option<String>,
    /// Ce que devient chaque ancien élément : colonnes « ancien code », « nouveaux codes », « motif d’abandon ».
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Contrôle le fichier et montre les différences sans rien écrire.
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn import(db: &Db, args: &FrameworkArgs) -> Outcome {
    let imported = read(args)?;
    print_report(&imported.report, args.format);
    let Some(framework) = imported.framework else { return Err(refused()) };
    read_identity(&framework.id).map_err(|sentence| Failure::new(sentence).with_code(2))?;
    let previous = db.read_now(latest)?;
    let mapping = match &previous {
        Some(old) => answers(old, &framework, args)?,
        None => Mapping::default(),
    };
    if let Some(old) = &previous {
        if args.format == Format::Text {
            for own in compare(old, &framework) {
                let said = format!("{} {} {} {}", own.change.sign(), own.change.label(), own.code, own.change.detail());
                println!("{}", said.trim_end());
            }
        }
        let faults = mapping.faults(old, &framework);
        for fault in &faults {
            eprintln!("{}", fault.sentence);
        }
        if !faults.is_empty() {
            let said = format!(
                "{} élément(s) sans correspondance : complétez le fichier donné par --mapping. Rien n’a été écrit",
                faults.len()
            );
            return Err(Failure::new(said).with_code(2));
        }
    }
    if args.dry_run {
        return Ok(());
    }
    let id = framework.id.clone();
    db.write_now(&operator("import"), Lock::House, move |tx| import_framework(tx, &framework, &mapping))?;
    if args.format == Format::Text {
        println!("Le référentiel « {id} » est publié.");
    }
    Ok(())
}

fn refused() -> Failure {
    Failure::new("import refusé, rien n’a été écrit").with_code(2)
}

fn read(args: &FrameworkArgs) -> Result<Imported, Failure> {
    if args.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        let text = std::fs::read_to_string(&args.file)
            .map_err(|e| Failure::new(format!("{} : {e}", args.file.display())).with_code(2))?;
        return Ok(Framework::read_json(&text));
    }
    let (Some(id), Some(version), Some(title)) = (&args.id, args.version, &args.title) else {
        return Err(
            Failure::new("un tableur ne porte pas son identité : ajoutez --id, --version et --title").with_code(2)
        );
    };
    let identity =
        FrameworkIdentity { id: id.clone(), version, title: title.clone(), published: args.published.clone() };
    Ok(Framework::read_table(identity, &read_table(&args.file)?))
}

/// What the texts answer by themselves, and what the file of answers says instead.
fn answers(old: &Framework, new: &Framework, args: &FrameworkArgs) -> Result<Mapping, Failure> {
    let mut mapping = Mapping::proposed(old, new);
    let Some(path) = &args.mapping else { return Ok(mapping) };
    let table = read_table(path)?;
    let (typed, findings) = read_mapping(&table);
    let report: Report<String> = Report {
        accepted: typed.iter().map(|(code, _)| code.to_owned()).collect(),
        findings,
        set_aside: Vec::new(),
        encoding: Encoding::Utf8,
        total_rows: table.rows.len(),
    };
    if report.is_blocked() {
        print_report(&report, args.format);
        return Err(refused());
    }
    for (code, fate) in typed.iter() {
        mapping.set(code, fate.clone());
    }
    Ok(mapping)
}
