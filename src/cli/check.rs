//! Commands that check: the installation (`doctor`), the chains and registers (`verify`), one certificate's file.

use std::path::Path;

use serde_json::json;

use super::{Failure, Format, Outcome, open};
use crate::config::{Config, PiecesPlace};
use crate::domain::certificate::Verdict;
use crate::store::{Db, audit, certificate, deliberation, migrate};

pub fn verify(format: Format) -> Outcome {
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    let broken = whole(&db)?;
    match (&broken, format) {
        (Ok(counts), Format::Json) => println!(
            "{}",
            json!({ "intact": true, "audit_entries": counts.entries, "seals": counts.seals, "certificates": counts.certificates })
        ),
        (Ok(counts), Format::Text) => println!(
            "Intact : {} écritures d’audit, {} délibération(s) scellée(s), {} certificat(s).",
            counts.entries, counts.seals, counts.certificates
        ),
        (Err(bad), Format::Json) => println!("{}", json!({ "intact": false, "where": bad.place, "why": bad.why })),
        (Err(_), Format::Text) => {}
    }
    broken.map(|_| ()).map_err(|bad| Failure::new(format!("altéré : {} : {}", bad.place, bad.why)).with_code(3))
}

/// What was read when nothing is broken.
pub struct Counts {
    pub entries: u64,
    pub seals: u64,
    pub certificates: u64,
}

/// The first thing that does not hold.
pub struct Bad {
    pub place: String,
    pub why: String,
}

/// Audit chains, seals and register, all of them.
pub fn whole(db: &Db) -> Result<Result<Counts, Bad>, Failure> {
    let entries = match db.read_now(audit::verify_chains)? {
        Ok(entries) => entries,
        Err(broken) => {
            let place = format!("chaîne {}, écriture {}", broken.lock_key, broken.seq);
            return Ok(Err(Bad { place, why: broken.why.to_owned() }));
        }
    };
    let mut seals = 0;
    for session_id in db.read_now(deliberation::list_sealed)? {
        if !db.read_now(|conn| deliberation::seal_holds(conn, &session_id))? {
            let why = "les notes ou les décisions ne sont plus celles qui ont été scellées".to_owned();
            return Ok(Err(Bad { place: format!("session {session_id}"), why }));
        }
        seals += 1;
    }
    match db.read_now(certificate::verify_register)? {
        Ok(certificates) => Ok(Ok(Counts { entries, seals, certificates })),
        Err(broken) => Ok(Err(Bad { place: format!("certificat {}", broken.number), why: broken.why.to_owned() })),
    }
}

pub fn verify_certificate(file: &Path, format: Format) -> Outcome {
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    let size = std::fs::metadata(file).map_err(|e| Failure::new(format!("{} : {e}", file.display())))?.len();
    if size > 20 * 1024 * 1024 {
        return Err(Failure::new(format!("{} dépasse 20 Mio : ce n’est pas un certificat.", file.display())));
    }
    let bytes = std::fs::read(file)?;
    let named = crate::pdf::named::named_number(&bytes);
    let verdict = db.read_now(|conn| certificate::check_file(conn, &bytes, named.as_deref()))?;
    let holder = match &verdict {
        Verdict::Valid(snapshot) | Verdict::Revoked(snapshot) | Verdict::Replaced(snapshot) => Some(snapshot),
        Verdict::Altered | Verdict::Unknown => None,
    };
    match format {
        Format::Json => println!("{}", json!({ "verdict": verdict.word(), "certified": holder })),
        Format::Text => {
            println!("{}", verdict.word());
            if let Some(snapshot) = holder {
                println!(
                    "{} {} {}, certificat {}, académie de {}, session {}",
                    snapshot.civility,
                    snapshot.first_names,
                    snapshot.birth_name,
                    snapshot.number,
                    snapshot.academy,
                    snapshot.session
                );
            }
        }
    }
    match verdict {
        Verdict::Valid(_) => Ok(()),
        Verdict::Altered => Err(Failure::new("").with_code(3)),
        _ => Err(Failure::new("")),
    }
}

/// One check of the installation: what it is, whether it holds, and what to do.
struct Check {
    name: &'static str,
    result: Result<String, String>,
}

pub fn doctor(format: Format) -> Outcome {
    let config = Config::from_env()?;
    let checks = vec![
        Check { name: "dossier de données", result: data_dir(&config) },
        Check { name: "clé secrète", result: secret_key(&config) },
        Check { name: "base de données", result: database(&config) },
        Check { name: "pièces déposées", result: pieces(&config) },
        Check { name: "courrier", result: mail(&config) },
        Check { name: "adresse publique", result: public_url(&config) },
        Check { name: "horloge", result: clock() },
        Check { name: "polices", result: fonts() },
    ];
    if format == Format::Json {
        let lines: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({ "check": check.name, "ok": check.result.is_ok(),
                        "message": check.result.as_ref().map_or_else(Clone::clone, Clone::clone) })
            })
            .collect();
        println!("{}", json!(lines));
    } else {
        for check in &checks {
            match &check.result {
                Ok(message) => println!("bon      {} : {message}", check.name),
                Err(message) => println!("à revoir {} : {message}", check.name),
            }
        }
    }
    let failed = checks.iter().filter(|check| check.result.is_err()).count();
    if failed > 0 {
        return Err(Failure::new(format!("{failed} point(s) à revoir")));
    }
    Ok(())
}

fn data_dir(config: &Config) -> Result<String, String> {
    let dir = &config.data_dir;
    std::fs::create_dir_all(dir)
        .map_err(|e| format!("{} : {e} ; créez-le ou changez CPLDS_DATA_DIR", dir.display()))?;
    let probe = dir.join(".doctor");
    std::fs::write(&probe, b"x").map_err(|e| format!("{} : écriture impossible ({e})", dir.display()))?;
    std::fs::remove_file(&probe).map_err(|e| e.to_string())?;
    Ok(format!("{} accepte l’écriture", dir.display()))
}

fn secret_key(config: &Config) -> Result<String, String> {
    crate::secret::Secret::open(&config.secret_key_file)
        .map(|_| format!("{} lisible par son seul propriétaire", config.secret_key_file.display()))
        .map_err(|e| e.to_string())
}

/// Writes and reads a probe, as a first upload will.
fn pieces(config: &Config) -> Result<String, String> {
    let secret = crate::secret::Secret::open(&config.secret_key_file).map_err(|e| e.to_string())?;
    let vault = crate::vault::Vault::open(&config.pieces, &secret).map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(vault.probe()).map_err(|e| format!("{e} ; vérifiez CPLDS_PIECES_URL et ses droits"))?;
    Ok(match &config.pieces {
        PiecesPlace::Folder(path) => format!("{} garde les fichiers, chiffrés", path.display()),
        PiecesPlace::Bucket(bucket) => format!("s3://{}/{} garde les fichiers, chiffrés", bucket.name, bucket.prefix),
    })
}

fn database(config: &Config) -> Result<String, String> {
    let db = Db::open(config.database.clone(), crate::clock::Clock::system(), 1).map_err(|e| e.to_string())?;
    match migrate::is_current(&db) {
        Ok(true) => Ok(format!("{}, schéma à jour", migrate::engine_name(db.source()))),
        Ok(false) => Err("le schéma n’est pas à jour : lancez « cplds migrate »".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn mail(config: &Config) -> Result<String, String> {
    crate::mail::Mailer::from_config(
        config.smtp_url.as_deref(),
        config.smtp_ca_file.as_deref(),
        &config.data_dir,
        &config.mail_from,
    )
    .map_err(|e| e.to_string())?;
    Ok(match &config.smtp_url {
        Some(_) => "serveur SMTP configuré".into(),
        None => "aucun serveur : les messages vont dans le dossier « mails »".into(),
    })
}

fn public_url(config: &Config) -> Result<String, String> {
    if config.has_loopback_public_url() {
        return Err(format!(
            "{} ne mène qu’à cette machine : renseignez CPLDS_PUBLIC_URL avant de délivrer des certificats",
            config.public_url
        ));
    }
    Ok(config.public_url.clone())
}

fn clock() -> Result<String, String> {
    let now = crate::clock::Clock::system().now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if (2026..2100).contains(&year) {
        Ok(now.to_string())
    } else {
        Err(format!("{now} : réglez l’heure de la machine"))
    }
}

fn fonts() -> Result<String, String> {
    match crate::pdf::unprintable("ÀÉŒÇŠŁ’« »éèœçšł€").as_slice() {
        [] => Ok("les noms français et européens s’impriment".into()),
        missing => Err(format!("des lettres manquent aux polices : {missing:?}")),
    }
}
