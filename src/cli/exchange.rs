//! Imports and exports from the command line: the same checks, the same sentences and the same all-or-nothing as on the site.

use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Format, Outcome, open, operator};
use crate::config::Config;
use crate::domain::exchange::{Accepted, Fate, ImportKind};
use crate::domain::table::{self, FileKind, Report, Severity, Table};
use crate::store::exchange::{self, Planned};
use crate::store::export::{self, Exported};
use crate::store::{Db, Lock, StoreError, jury, registration, session};

#[derive(Subcommand)]
pub enum ImportWhat {
    /// Les candidats d’une session.
    #[command(after_help = "Exemple : cplds import candidates inscriptions.xlsx --academy 22 --session 2027 --dry-run")]
    Candidates(ImportArgs),
    /// Les membres du jury d’une session.
    #[command(after_help = "Exemple : cplds import jurors jures.csv --academy 22 --session 2027")]
    Jurors(ImportArgs),
    /// Les fiches des personnels de l’académie.
    #[command(after_help = "Exemple : cplds import staff personnels.ods --academy 22 --update")]
    Staff(HouseArgs),
    /// Les établissements de l’académie, sous leur code UAI.
    #[command(after_help = "Exemple : cplds import schools annuaire.csv --academy 22 --update")]
    Schools(HouseArgs),
    /// Les certificats délivrés avant ce logiciel.
    #[command(after_help = "Exemple : cplds import holders certificats-2018-2025.xlsx --academy 22")]
    Holders(HouseArgs),
    /// Les notes obtenues avant ce logiciel, qui peuvent être conservées.
    #[command(after_help = "Exemple : cplds import kept-marks notes-2025.csv --academy 22")]
    KeptMarks(HouseArgs),
    /// Une nouvelle version du référentiel, avec ce que devient chaque ancien élément.
    #[command(
        after_help = "Exemple : cplds import framework bo29.csv --id referentiel-2016-bo29 --version 2 --title \"Référentiel complet\" --mapping correspondances.csv --dry-run"
    )]
    Framework(super::framework::FrameworkArgs),
}

#[derive(Args)]
pub struct HouseArgs {
    /// Fichier XLSX, ODS ou CSV (UTF-8 ou Windows-1252 ; point-virgule, virgule ou tabulation).
    file: PathBuf,
    /// Code de l’académie, par exemple 22.
    #[arg(long)]
    academy: String,
    /// Nom de la feuille d’un classeur ; sans lui, la première qui n’est pas vide.
    #[arg(long)]
    sheet: Option<String>,
    /// Contrôle le fichier sans rien écrire.
    #[arg(long)]
    dry_run: bool,
    /// Applique aussi ce qui change dans les fiches déjà connues.
    #[arg(long)]
    update: bool,
    /// Met une ligne de côté, avec sa raison ; à répéter pour chaque ligne.
    #[arg(long = "set-aside", value_name = "LIGNE:RAISON", value_parser = set_aside)]
    set_aside: Vec<(u64, String)>,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
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
    /// Nom de la feuille d’un classeur ; sans lui, la première qui n’est pas vide.
    #[arg(long)]
    sheet: Option<String>,
    /// Applique aussi ce qui change dans les dossiers déjà inscrits.
    #[arg(long)]
    update: bool,
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
    table::read(&read_bytes(path)?).map_err(|e| Failure::new(e.to_string()).with_code(2))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path).map_err(|e| Failure::new(format!("{} : {e}", path.display())))?.len();
    let too_large = usize::try_from(size).map_or(true, |size| size > table::MAX_BYTES);
    if too_large {
        return Err(Failure::new(format!("{} dépasse 20 Mio : découpez le fichier.", path.display())).with_code(2));
    }
    std::fs::read(path).map_err(|e| Failure::new(format!("{} : {e}", path.display())))
}

/// Tells what goes on, to somebody who watches.
fn progress(format: Format, what: &str) {
    if format == Format::Text && std::io::stderr().is_terminal() {
        eprintln!("{what}…");
    }
}

pub fn import(what: ImportWhat) -> Outcome {
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    match what {
        ImportWhat::Candidates(args) => import_candidates(&db, &args),
        ImportWhat::Jurors(args) => import_jurors(&db, &args),
        ImportWhat::Staff(args) => import_house(&db, ImportKind::Staff, &args),
        ImportWhat::Schools(args) => import_house(&db, ImportKind::Schools, &args),
        ImportWhat::Holders(args) => import_house(&db, ImportKind::Holders, &args),
        ImportWhat::KeptMarks(args) => import_house(&db, ImportKind::KeptMarks, &args),
        ImportWhat::Framework(args) => super::framework::import(&db, &args),
    }
}

const fn accepted(update: bool) -> Accepted {
    if update { Accepted::All } else { Accepted::NewOnly }
}

fn import_house(db: &Db, what: ImportKind, args: &HouseArgs) -> Outcome {
    let bytes = read_bytes(&args.file)?;
    let now = db.clock().now();
    progress(args.format, "Contrôle du fichier");
    let (table, plan) = db
        .read_now(|conn| {
            let table = exchange::read_file(conn, &args.academy, what, &bytes, args.sheet.as_deref())?;
            let plan = exchange::plan(conn, what, &args.academy, &table, &args.set_aside, now)?;
            Ok((table, plan))
        })
        .map_err(|error| unknown_academy(error, &args.academy))?;
    match args.format {
        Format::Json => println!("{}", exchange::report_json(&plan.report, &plan.lines, plan.absent_total)),
        Format::Text => {
            print_report(&plan.report, args.format);
            print_fates(&plan.lines, plan.absent_total);
        }
    }
    if plan.report.is_blocked() {
        return Err(Failure::new("import refusé, rien n’a été écrit").with_code(2));
    }
    if args.dry_run {
        return Ok(());
    }
    progress(args.format, "Écriture");
    let (academy, aside, accepted) = (args.academy.clone(), args.set_aside.clone(), accepted(args.update));
    let done = db.write_now(&operator("import"), Lock::House, move |tx| {
        exchange::import(tx, what, &academy, &table, &aside, &accepted)
    })?;
    if args.format == Format::Text {
        println!(
            "{} ligne(s) nouvelle(s) enregistrée(s), {} mise(s) à jour, {} inchangée(s), {} mise(s) de côté.",
            done.new, done.updated, done.unchanged, done.set_aside
        );
        print_left(done.left);
    }
    Ok(())
}

/// What a re-import would change, on lines of their own.
fn print_fates<T>(lines: &[Planned<T>], absent: usize) {
    for line in lines {
        if let Fate::Changed(changes) = &line.fate {
            for change in changes {
                let before = if change.before.is_empty() { "(vide)" } else { &change.before };
                println!(
                    "ligne {}, colonne « {} » : {} : {before} → {}",
                    line.line, change.column, line.label, change.after
                );
            }
        }
    }
    let (new, unchanged, changed) = exchange::fates(lines);
    println!("{new} nouvelle(s), {changed} modifiée(s), {unchanged} inchangée(s), {absent} absente(s) du fichier.");
}

fn print_left(left: usize) {
    if left > 0 {
        println!("{left} modification(s) non appliquée(s) : relancez avec --update pour les accepter.");
    }
}

fn import_candidates(db: &Db, args: &ImportArgs) -> Outcome {
    let bytes = read_bytes(&args.file)?;
    let now = db.clock().now();
    progress(args.format, "Contrôle du fichier");
    let (table, session, report, plan) = db
        .read_now(|conn| {
            let table =
                exchange::read_file(conn, &args.academy, ImportKind::Candidates, &bytes, args.sheet.as_deref())?;
            let session = session::find_session_of_year(conn, &args.academy, args.session)?;
            let mut report = registration::preview_import(
                conn,
                &args.academy,
                args.session,
                session.as_ref(),
                &table,
                &args.set_aside,
                now,
            )?;
            let plan = exchange::plan_candidates(conn, session.as_ref(), &mut report)?;
            Ok((table, session, report, plan))
        })
        .map_err(|error| unknown_academy(error, &args.academy))?;
    match args.format {
        Format::Json => println!("{}", exchange::report_json(&report, &plan.lines, plan.absent_total)),
        Format::Text => {
            print_report(&report, args.format);
            print_fates(&plan.lines, plan.absent_total);
        }
    }
    if report.is_blocked() {
        return Err(Failure::new("import refusé, rien n’a été écrit").with_code(2));
    }
    if args.dry_run {
        return Ok(());
    }
    let session = session.ok_or_else(|| not_open(args))?;
    let (aside, accepted) = (args.set_aside.clone(), accepted(args.update));
    progress(args.format, "Écriture");
    let done = db.write_now(&operator("import"), Lock::Session(session.id.clone()), move |tx| {
        registration::reimport_candidates(tx, &session.id, &table, &aside, &accepted)
    })?;
    if args.format == Format::Text {
        println!(
            "{} candidature(s) enregistrée(s), {} mise(s) à jour, {} inchangée(s), {} ligne(s) mise(s) de côté, {} refus proposé(s), {} à instruire.",
            done.registered, done.updated, done.unchanged, done.set_aside, done.refusals_proposed, done.to_examine
        );
        print_left(done.left);
    }
    Ok(())
}

fn import_jurors(db: &Db, args: &ImportArgs) -> Outcome {
    let bytes = read_bytes(&args.file)?;
    let session = db
        .read_now(|conn| session::find_session_of_year(conn, &args.academy, args.session))?
        .ok_or_else(|| not_open(args))?;
    let table = db
        .read_now(|conn| exchange::read_file(conn, &args.academy, ImportKind::Jurors, &bytes, args.sheet.as_deref()))?;
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
    /// Année de la session ; sans objet pour staff et schools.
    #[arg(long)]
    session: Option<i16>,
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
    Jurors,
    Schools,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Csv,
    Xlsx,
    Ods,
}

pub fn export(args: &ExportArgs) -> Outcome {
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    let what = match args.what {
        What::Candidates => Exported::Candidates,
        What::Marks => Exported::Marks,
        What::Results => Exported::Results,
        What::Register => Exported::Register,
        What::Staff => Exported::Staff,
        What::Jurors => Exported::Jurors,
        What::Schools => Exported::Schools,
    };
    let kind = match args.format {
        FileFormat::Csv => FileKind::Csv,
        FileFormat::Xlsx => FileKind::Xlsx,
        FileFormat::Ods => FileKind::Ods,
    };
    let year = match (args.session, what) {
        (Some(year), _) => year,
        (None, Exported::Staff | Exported::Schools) => 0,
        (None, _) => return Err(Failure::new("dites de quelle session : ajoutez --session ANNÉE").with_code(2)),
    };
    // Written beside and renamed: a file that stands is a whole export.
    let partial = args.out.with_extension("partial");
    let mut out =
        BufWriter::new(File::create(&partial).map_err(|e| Failure::new(format!("{} : {e}", partial.display())))?);
    let written = export::export(&db, &operator("export"), what, &args.academy, year, kind, &mut out);
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
