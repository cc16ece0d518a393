//! Imports and exports from the command line: the same checks, the same sentences and the same all-or-nothing as on the site.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Format, Outcome, open, operator};
use crate::config::Config;
use crate::domain::table::{self, Report, Severity, Table};
use crate::store::export::{self, Exported};
use crate::store::{Db, Lock, StoreError, jury, registration, session};

#[derive(Subcommand)]
pub enum ImportWhat {
    /// Les candidats d’une session.
    Candidates(ImportArgs),
    /// Les membres du jury d’une session.
    Jurors(ImportArgs),
    /// Une nouvelle version du référentiel, avec ce que devient chaque ancien élément.
    #[command(
        after_help = "Exemple : cplds import framework bo29.csv --id referentiel-2016-bo29 --version 2 --title \"Référentiel complet\" --mapping correspondances.csv --dry-run"
    )]
    Framework(super::framework::FrameworkArgs),
}

#[derive(Args)]
pub struct ImportArgs {
    /// Fichier XLSX, ODS ou CSV (UTF-8 ou Windows-1252 ; point-virgule, virgule ou tabulation).
    file: PathBuf,
    /// Code de l’académie, par exemple 22.
    #[arg(long)]
    academy: String,
    /// Année de la session.
    #[arg(long)]
    session: i16,
    /// Contrôle le fichier sans rien écrire ; la session n’a pas besoin d’être ouverte.
    #[arg(long)]
    dry_run: bool,
    /// Met une ligne de côté, avec sa raison ; à répéter pour chaque ligne.
    #[arg(long = "set-aside", value_name = "LIGNE:RAISON", value_parser = set_aside)]
    set_aside: Vec<(u64, String)>,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

fn set_aside(text: &str) -> Result<(u64, String), String> {
    let (line, reason) = text.split_once(':').ok_or("attendu LIGNE:RAISON, par exemple 14:date à corriger")?;
    let line = line.trim().parse().map_err(|_| format!("« {line} » n’est pas un numéro de ligne"))?;
    if reason.trim().is_empty() {
        return Err(format!("dites pourquoi la ligne {line} est mise de côté"));
    }
    Ok((line, reason.trim().to_owned()))
}

/// Reads a CSV, XLSX or ODS file within the bounds of an import.
pub fn read_table(path: &Path) -> Result<Table, Failure> {
    let size = std::fs::metadata(path).map_err(|e| Failure::new(format!("{} : {e}", path.display())))?.len();
    let too_large = usize::try_from(size).map_or(true, |size| size > crate::domain::table::MAX_BYTES);
    if too_large {
        return Err(Failure::new(format!("{} dépasse 20 Mio : découpez le fichier.", path.display())).with_code(2));
    }
    let bytes = std::fs::read(path).map_err(|e| Failure::new(format!("{} : {e}", path.display())))?;
    table::read(&bytes).map_err(|e| Failure::new(e.to_string()).with_code(2))
}

pub fn import(what: ImportWhat) -> Outcome {
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    match what {
        ImportWhat::Candidates(args) => import_candidates(&db, &args),
        ImportWhat::Jurors(args) => import_jurors(&db, &args),
        ImportWhat::Framework(args) => super::framework::import(&db, &args),
    }
}

fn import_candidates(db: &Db, args: &ImportArgs) -> Outcome {
    let table = read_table(&args.file)?;
    let now = db.clock().now();
    let (session, report) = db
        .read_now(|conn| {
            let session = session::find_session_of_year(conn, &args.academy, args.session)?;
            let report = registration::preview_import(
                conn,
                &args.academy,
                args.session,
                session.as_ref(),
                &table,
                &args.set_aside,
                now,
            )?;
            Ok((session, report))
        })
        .map_err(|error| unknown_academy(error, &args.academy))?;
    print_report(&report, args.format);
    if report.is_blocked() {
        return Err(Failure::new("import refusé, rien n’a été écrit").with_code(2));
    }
    if args.dry_run {
        return Ok(());
    }
    let session = session.ok_or_else(|| not_open(args))?;
    let aside = args.set_aside.clone();
    let done = db.write_now(&operator("import"), Lock::Session(session.id.clone()), move |tx| {
        registration::import_candidates(tx, &session.id, &table, &aside)
    })?;
    if args.format == Format::Text {
        println!(
            "{} candidature(s) enregistrée(s), {} ligne(s) mise(s) de côté, {} refus proposé(s), {} à instruire.",
            done.registered, done.set_aside, done.refusals_proposed, done.to_examine
        );
    }
    Ok(())
}

fn import_jurors(db: &Db, args: &ImportArgs) -> Outcome {
    let table = read_table(&args.file)?;
    let session = db
        .read_now(|conn| session::find_session_of_year(conn, &args.academy, args.session))?
        .ok_or_else(|| not_open(args))?;
    let report = db.read_now(|conn| jury::preview_jurors(conn, &session, &table, &args.set_aside))?;
    print_report(&report, args.format);
    if report.is_blocked() {
        return Err(Failure::new("import refusé, rien n’a été écrit").with_code(2));
    }
    if args.dry_run {
        return Ok(());
    }
    let count = db.write_now(&operator("import"), Lock::Session(session.id.clone()), move |tx| {
        jury::import_jurors(tx, &session.id, &report.accepted)
    })?;
    if args.format == Format::Text {
        println!("{count} juré(s) enregistré(s).");
    }
    Ok(())
}

fn not_open(args: &ImportArgs) -> Failure {
    Failure::new(format!(
        "la session {} n’est pas ouverte dans l’académie {} : ouvrez-la avant d’importer, ou ajoutez --dry-run pour un simple contrôle",
        args.session, args.academy
    ))
    .with_code(2)
}

fn unknown_academy(error: StoreError, code: &str) -> Failure {
    match error {
        StoreError::NotFound => {
            Failure::new(format!("l’académie {code} ou un règlement pour cette année est introuvable")).with_code(2)
        }
        other => other.into(),
    }
}

pub(super) fn print_report<D>(report: &Report<D>, format: Format) {
    if format == Format::Json {
        println!("{}", report.to_json());
        return;
    }
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Error => "erreur",
            Severity::Warning => "avertissement",
        };
        let column = finding.column.as_ref().map(|name| format!(", colonne « {name} »")).unwrap_or_default();
        println!("ligne {}{column} : {severity} [{}] {}", finding.line, finding.code, finding.message);
    }
    for (line, reason) in &report.set_aside {
        println!("ligne {line} : mise de côté, {reason}");
    }
    println!("{} ligne(s) acceptée(s) sur {}.", report.accepted.len(), report.total_rows);
}

#[derive(Args)]
pub struct ExportArgs {
    #[arg(value_enum)]
    what: What,
    #[arg(long)]
    academy: String,
    #[arg(long)]
    session: i16,
    #[arg(long, value_enum, default_value = "csv")]
    format: FileFormat,
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Candidates,
    Marks,
    Results,
    Register,
    Staff,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Csv,
    Xlsx,
    Ods,
}

pub fn export(args: &ExportArgs) -> Outcome {
    if args.format != FileFormat::Csv {
        return Err(Failure::new("seul le format csv est disponible dans cette version : relancez avec --format csv")
            .with_code(2));
    }
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    let what = match args.what {
        What::Candidates => Exported::Candidates,
        What::Marks => Exported::Marks,
        What::Results => Exported::Results,
        What::Register => Exported::Register,
        What::Staff => Exported::Staff,
    };
    // Written beside and renamed: a file that stands is a whole export.
    let partial = args.out.with_extension("partial");
    let mut out =
        BufWriter::new(File::create(&partial).map_err(|e| Failure::new(format!("{} : {e}", partial.display())))?);
    let written = export::export(&db, &operator("export"), what, &args.academy, args.session, &mut out);
    match written.and_then(|rows| {
        std::io::Write::flush(&mut out).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(rows)
    }) {
        Ok(rows) => {
            std::fs::rename(&partial, &args.out)?;
            eprintln!("{rows} ligne(s) dans {}.", args.out.display());
            Ok(())
        }
        Err(error) => {
            std::fs::remove_file(&partial)?;
            Err(error.into())
        }
    }
}
