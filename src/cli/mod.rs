//! The command line: each command translates its arguments, calls the store as the site does, and says what happened.
//! Exit codes: 0 success, 1 failure, 2 refused input (nothing written), 3 something was altered.

mod check;
mod demo;
mod exchange;
mod framework;
mod house;
mod post;
mod purge;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::permission::Actor;
use crate::store::{Db, Lock, StoreError, migrate, reference, settings};

/// What a command failed with: one sentence and the exit code.
#[derive(Debug)]
pub struct Failure {
    pub sentence: String,
    pub code: u8,
}

impl Failure {
    #[must_use]
    pub fn new(sentence: impl Into<String>) -> Self {
        Failure { sentence: sentence.into(), code: 1 }
    }

    #[must_use]
    pub const fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = if matches!(error, StoreError::Refused(_) | StoreError::Conflict(_)) { 2 } else { 1 };
        Failure { sentence: error.to_string(), code }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<crate::config::ConfigRefused> for Failure {
    fn from(error: crate::config::ConfigRefused) -> Self {
        Failure::new(error.to_string())
    }
}

pub type Outcome = Result<(), Failure>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// L’examen du certificat de professionnalisation en matière de lutte contre le décrochage scolaire.
#[derive(Parser)]
#[command(name = "cplds", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sert le site (et met d’abord le schéma à jour, sauf CPLDS_MIGRATE=never).
    #[command(after_help = "Exemple : CPLDS_DATA_DIR=/var/lib/cplds cplds serve")]
    Serve {
        /// Démonstration : sur cette machine seulement, dans une base vide qu’elle remplit.
        #[arg(long)]
        demo: bool,
    },
    /// Joue une session entière dans un dossier, par les mêmes fonctions que le site.
    #[command(
        after_help = "Exemple : cplds demo --out /tmp/demo --candidates 60\n         cplds demo --out /tmp/demo --import inscriptions.csv"
    )]
    Demo(demo::DemoArgs),
    /// Met le schéma à jour et charge les académies et les règlements.
    #[command(after_help = "Exemple : cplds migrate")]
    Migrate,
    /// Vérifie la configuration, les droits, la base, le courrier, l’horloge et les polices.
    #[command(after_help = "Exemple : cplds doctor")]
    Doctor {
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Importe un tableau (CSV, XLSX, ODS) : tout ou rien.
    #[command(after_help = "Exemple : cplds import candidates inscriptions.csv --academy 22 --session 2027 --dry-run")]
    Import {
        #[command(subcommand)]
        what: exchange::ImportWhat,
    },
    /// Lit des rapports de non-remise (RFC 3464) et note les messages revenus.
    #[command(after_help = "Exemple : cplds bounces /var/mail/cplds/new/*")]
    Bounces {
        /// Fichiers .eml, ou dossiers qui en contiennent.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Exporte en CSV, XLSX ou ODS, à l’abri des formules.
    #[command(after_help = "Exemple : cplds export marks --academy 22 --session 2027 --format xlsx --out notes.xlsx")]
    Export(exchange::ExportArgs),
    /// Vérifie toute la chaîne d’audit, les scellés et le registre des certificats.
    #[command(after_help = "Exemple : cplds verify --format json")]
    Verify {
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Vérifie un certificat à partir de son fichier.
    #[command(after_help = "Exemple : cplds verify-certificate certificat-22-2027-0001.pdf")]
    VerifyCertificate {
        file: PathBuf,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Supprime, en deux temps, les données dont la durée de conservation est échue.
    #[command(after_help = "Exemple : cplds purge --propose liste.json\n         cplds purge --execute liste.json")]
    Purge(purge::PurgeArgs),
    /// Crée un compte et lui donne un rôle.
    #[command(
        after_help = "Exemple : cplds user create --email admin@ac-limoges.example --role academy_administrator --academy 22"
    )]
    User {
        #[command(subcommand)]
        what: house::UserWhat,
    },
}

/// Installs the one TLS provider of the process.
///
/// # Errors
/// A sentence when another one was installed first.
pub fn install_tls() -> Result<(), &'static str> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "un autre fournisseur TLS est déjà installé")
}

/// Runs the command of the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; anything else is a mistake on the line.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let outcome = match cli.command {
        Command::Serve { demo } => serve::serve(demo),
        Command::Demo(args) => demo::demo(&args),
        Command::Migrate => house::migrate(),
        Command::Doctor { format } => check::doctor(format),
        Command::Import { what } => exchange::import(what),
        Command::Bounces { files, format } => post::bounces(&files, format),
        Command::Export(args) => exchange::export(&args),
        Command::Verify { format } => check::verify(format),
        Command::VerifyCertificate { file, format } => check::verify_certificate(&file, format),
        Command::Purge(args) => purge::purge(args),
        Command::User { what } => house::user(what),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.sentence.is_empty() {
                eprintln!("cplds : {}", failure.sentence);
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Who the command line acts as, in the audit chain.
fn operator(command: &str) -> Actor {
    Actor::system(&format!("cli:{command}"))
}

/// Opens the configured database, its schema brought up to date and its reference data loaded.
fn open(config: &Config, connections: u32) -> Result<Db, Failure> {
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|e| Failure::new(format!("le dossier {} ne peut pas être créé : {e}", config.data_dir.display())))?;
    let db = Db::open(config.database.clone(), Clock::system(), connections)?;
    if config.migrate {
        migrate::run(&db)?;
    } else if !migrate::is_current(&db)? {
        return Err(Failure::new("le schéma n’est pas à jour et CPLDS_MIGRATE=never : lancez « cplds migrate »"));
    }
    let db = with_its_clock(db)?;
    db.write_now(&operator("migrate"), Lock::House, reference::load)?;
    Ok(db)
}

/// A demonstration database carries its own shift of the clock; any other is read with the system's.
fn with_its_clock(db: Db) -> Result<Db, Failure> {
    match db.read_now(settings::clock)? {
        Some(seconds) => Ok(db.with_clock(Clock::shifted(jiff::SignedDuration::from_secs(seconds)))),
        None => Ok(db),
    }
}
