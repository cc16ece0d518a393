//! Imports and exports from the command line: the same checks, the same sentences and the same all-or-nothing as on the site.

use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, Format, Outcome, open, operator};
use crate::config::Config;
use crate::domain::exchange::{Accepted, Fate, ImportKind};
use crate::domain::table::{self, FileKind, Report, Severity, Table};
use crate::store::exchange::{self, Place, Planned};
use crate::store::export::{self, Exported};
use crate::store::{Db, Lock, StoreError, session};

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
    /// Applique aussi ce qui change dans les fiches ou les dossiers déjà connus.
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
    #[command(flatten)]
    list: HouseArgs,
    /// Année de la session ; avec --dry-run, elle n’a pas besoin d’être ouverte.
    #[arg(long)]
    session: i16,
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

/// Does some work; when it takes more than a second, tells whoever watches a terminal for how long it has gone on.
/// The work is one transaction, whose share done nobody knows: seconds are the honest measure.
fn watched<T: Send>(format: Format, what: &str, work: impl FnOnce() -> T + Send) -> T {
    if format == Format::Json || !std::io::stderr().is_terminal() {
        return work();
    }
    let (done, wait) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let told = scope.spawn(move || {
            let mut seconds = 0u32;
            while wait.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                seconds += 1;
                eprint!("\r{what}… {seconds}\u{a0}s");
            }
            if seconds > 0 {
                // Nothing stays of the line once there is something to read.
                eprint!("\r{}\r", " ".repeat(what.chars().count() + 20));
            }
        });
        let result = work();
        drop(done);
        let _ = told.join();
        result
    })
}

pub fn import(what: ImportWhat) -> Outcome {
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    match what {
        ImportWhat::Candidates(args) => import_session(&db, ImportKind::Candidates, &args),
        ImportWhat::Jurors(args) => import_session(&db, ImportKind::Jurors, &args),
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
    import_into(db, what, &Place::academy(&args.academy), args)
}

fn import_session(db: &Db, what: ImportKind, ImportArgs { list, session: year }: &ImportArgs) -> Outcome {
    let session = db.read_now(|conn| session::find_session_of_year(conn, &list.academy, *year))?;
    let place = Place { academy_code: list.academy.clone(), year: *year, session };
    import_into(db, what, &place, list)
}

fn import_into(db: &Db, what: ImportKind, place: &Place, asked: &HouseArgs) -> Outcome {
    let bytes = read_bytes(&asked.file)?;
    let now = db.clock().now();
    let (table, plan) = watched(asked.format, "Contrôle du fichier", || {
        db.read_now(|conn| {
            let table = exchange::read_file(conn, &place.academy_code, what, &bytes, asked.sheet.as_deref())?;
            let plan = exchange::plan(conn, what, place, &table, &asked.set_aside, now)?;
            Ok((table, plan))
        })
    })
    .map_err(|error| unknown_academy(error, &place.academy_code))?;
    match asked.format {
        Format::Json => println!("{}", exchange::report_json(&plan.report, &plan.lines, plan.absent_total)),
        Format::Text => {
            print_report(&plan.report, asked.format);
            print_fates(&plan.lines, plan.absent_total);
        }
    }
    if plan.report.is_blocked() {
        return Err(Failure::new("import refusé, rien n’a été écrit").with_code(2));
    }
    if asked.dry_run {
        return Ok(());
    }
    let lock = match (&place.session, what) {
        (Some(session), _) => Lock::Session(session.id.clone()),
        (None, ImportKind::Candidates | ImportKind::Jurors) => return Err(not_open(place)),
        (None, _) => Lock::House,
    };
    let (to, aside, accepted) = (place.clone(), asked.set_aside.clone(), accepted(asked.update));
    let done = watched(asked.format, "Écriture", || {
        db.write_now(&operator("import"), lock, move |tx| exchange::import(tx, what, &to, &table, &aside, &accepted))
    })
    .map_err(|error| match error {
        // The file as it is cannot be written: the same exit as for its faults.
        StoreError::Refused(no) => Failure::new(format!("{no} Rien n’a été écrit.")).with_code(2),
        other => other.into(),
    })?;
    if asked.format == Format::Text {
        println!(
            "{} nouvelle(s) ligne(s) enregistrée(s), {} mise(s) à jour, {} inchangée(s), {} mise(s) de côté.",
            done.new, done.updated, done.unchanged, done.set_aside
        );
        if what == ImportKind::Candidates {
            println!("{} refus proposé(s), {} dossier(s) à instruire.", done.refusals_proposed, done.to_examine);
        }
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

fn not_open(place: &Place) -> Failure {
    Failure::new(format!(
        "la session {} n’est pas ouverte dans l’académie {} : ouvrez-la avant d’importer, ou ajoutez --dry-run pour un simple contrôle",
        place.year, place.academy_code
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
    /// Année de la session ; sans objet pour staff, schools, holders et kept-marks.
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
    Queue,
    List,
    Marks,
    Results,
    Register,
    Staff,
    Jurors,
    Schools,
    Holders,
    KeptMarks,
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
        What::Queue => Exported::Queue,
        What::List => Exported::List,
        What::Marks => Exported::Marks,
        What::Results => Exported::Results,
        What::Register => Exported::Register,
        What::Staff => Exported::Staff,
        What::Jurors => Exported::Jurors,
        What::Schools => Exported::Schools,
        What::Holders => Exported::Holders,
        What::KeptMarks => Exported::KeptMarks,
    };
    let kind = match args.format {
        FileFormat::Csv => FileKind::Csv,
        FileFormat::Xlsx => FileKind::Xlsx,
        FileFormat::Ods => FileKind::Ods,
    };
    let year = match (args.session, what) {
        (Some(year), _) => year,
        (None, what) if !what.is_of_a_session() => 0,
        (None, _) => return Err(Failure::new("dites de quelle session : ajoutez --session ANNÉE").with_code(2)),
    };
    // Written beside and renamed: a file that stands is a whole export.
    let partial = args.out.with_extension("partial");
    let mut out =
        BufWriter::new(File::create(&partial).map_err(|e| Failure::new(format!("{} : {e}", partial.display())))?);
    let written = watched(Format::Text, "Export", || {
        export::export(&db, &operator("export"), what, &args.academy, year, kind, &mut out)
    });
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
