//! `cplds demo`: a whole session into a folder that is a complete data folder, its key included.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::exchange::read_table;
use super::{Failure, Outcome};
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::story::{Plan, play};
use crate::demo::{PASSWORD, files};
use crate::domain::academy::Academy;
use crate::secret::Secret;
use crate::store::{Db, Source, migrate, settings};

#[derive(Args)]
pub struct DemoArgs {
    /// Dossier à créer : base, clé, documents et résumé.
    #[arg(long)]
    out: PathBuf,
    /// Code de l’académie.
    #[arg(long, default_value = "22")]
    academy: String,
    /// Année de la session.
    #[arg(long, default_value_t = 2027, value_parser = clap::value_parser!(i16).range(2019..2100))]
    session: i16,
    /// Nombre de candidats inventés, jusqu’à 10 000.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    candidates: u32,
    /// Graine du tirage : la même donne les mêmes personnes.
    #[arg(long, default_value_t = 2027)]
    seed: u64,
    /// Fichier de candidats à la place des candidats inventés ; les lignes en erreur sont mises de côté.
    #[arg(long)]
    import: Option<PathBuf>,
}

pub fn demo(args: &DemoArgs) -> Outcome {
    let academy = Academy::find(&args.academy)
        .ok_or_else(|| Failure::new(format!("l’académie {} n’existe pas", args.academy)).with_code(2))?;
    let config = Config::from_env()?;
    let table = args.import.as_deref().map(read_table).transpose()?;
    std::fs::create_dir_all(&args.out).map_err(|e| Failure::new(format!("{} : {e}", args.out.display())))?;
    let source = match &config.database {
        Source::Postgres(url) => Source::Postgres(url.clone()),
        Source::Sqlite(_) => Source::Sqlite(args.out.join("cplds.db")),
    };
    if let Source::Sqlite(path) = &source
        && path.exists()
    {
        return Err(Failure::new(format!("{} existe déjà : choisissez un autre dossier", path.display())).with_code(2));
    }
    let count = table.as_ref().map_or(args.candidates as usize, |table| table.rows.len());
    let plan = Plan { academy, year: args.session, count, seed: args.seed, table, public_url: config.public_url };
    let secret = Secret::open(&args.out.join("secret.key")).map_err(|e| Failure::new(e.to_string()))?;
    let clock = Clock::manual(Clock::system().now());
    let db = Db::open(source, clock.clone(), 18)?;
    migrate::run(&db)?;
    refuse_real_data(&db)?;
    settings::bind_secret(&db, &secret)?;
    let begun = Instant::now();
    let is_terminal = std::io::stderr().is_terminal();
    let mut told = |step: &str| {
        if is_terminal {
            eprintln!("  {step} : {:.1} s", begun.elapsed().as_secs_f64());
        }
    };
    let mut played = play(&db, &clock, &plan, &mut told)?;
    let before = Instant::now();
    let written = files::write(&db, &args.out, &played)?;
    played.seconds.push(("fichiers", before.elapsed().as_secs_f64()));
    played.counts.push(("fichiers", i64::try_from(written).unwrap_or(i64::MAX)));
    let summary = files::summary(&played, &academy.code, args.session);
    std::fs::write(args.out.join("resume.json"), format!("{summary:#}\n"))?;
    print_table(&played, &mut std::io::stdout())?;
    Ok(())
}

/// A database that holds anything else than a demonstration is never played over.
pub fn refuse_real_data(db: &Db) -> Result<(), Failure> {
    if db.read_now(holds_data)? {
        return Err(
            Failure::new("cette base contient déjà des données : une démonstration demande une base vide").with_code(2)
        );
    }
    Ok(())
}

fn holds_data(conn: &mut crate::store::Conn) -> crate::store::Stored<bool> {
    crate::store::settings::holds_data(conn)
}

fn print_table(played: &crate::demo::story::Played, out: &mut impl Write) -> Result<(), Failure> {
    for (line, reason) in &played.set_aside {
        writeln!(out, "ligne {line} mise de côté : {reason}")?;
    }
    for (number, name, reasons) in &played.refusals {
        writeln!(out, "refus confirmé, dossier {number} ({name}) : {reasons}")?;
    }
    writeln!(out, "\n{:<24}{:>10}", "Compte", "Nombre")?;
    for (name, count) in &played.counts {
        writeln!(out, "{name:<24}{count:>10}")?;
    }
    writeln!(out, "\n{:<24}{:>10}", "Étape", "Secondes")?;
    for (name, seconds) in &played.seconds {
        writeln!(out, "{name:<24}{seconds:>10.3}")?;
    }
    writeln!(out, "\nComptes de démonstration, mot de passe « {PASSWORD} » :")?;
    for (role, email) in &played.accounts {
        writeln!(out, "{role:<34}{email}")?;
    }
    Ok(())
}
