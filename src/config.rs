//! Configuration: environment variables, or the TOML file named by `CPLDS_CONFIG` (the environment wins).
//! Unknown names and bad values stop the start with a sentence; nothing is guessed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::store::Source;

/// Every name the program understands.
const NAMES: &[&str] = &[
    "CPLDS_CONFIG",
    "CPLDS_DATABASE_URL",
    "CPLDS_DATA_DIR",
    "CPLDS_LISTEN",
    "CPLDS_PUBLIC_URL",
    "CPLDS_SMTP_URL",
    "CPLDS_SMTP_CA_FILE",
    "CPLDS_MAIL_FROM",
    "CPLDS_SECRET_KEY_FILE",
    "CPLDS_PIECES_URL",
    "CPLDS_PIECES_ENDPOINT",
    "CPLDS_PIECES_REGION",
    "CPLDS_PIECES_KEY_ID",
    "CPLDS_PIECES_KEY_FILE",
    "CPLDS_SEAL_KEY_FILE",
    "CPLDS_SEAL_CERT_FILE",
    "CPLDS_OIDC_ISSUER",
    "CPLDS_OIDC_CLIENT_ID",
    "CPLDS_OIDC_CLIENT_SECRET_FILE",
    "CPLDS_TRUSTED_PROXIES",
    "CPLDS_LOG",
    "CPLDS_MIGRATE",
];

/// Names that belong to the test suite and the benches; the program leaves them alone.
const FOREIGN: &str = "CPLDS_TEST_";

/// How this instance runs.
#[derive(Debug, Clone)]
pub struct Config {
    pub database: Source,
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub public_url: String,
    pub smtp_url: Option<String>,
    pub smtp_ca_file: Option<PathBuf>,
    pub mail_from: String,
    pub secret_key_file: PathBuf,
    pub pieces: PiecesPlace,
    pub trusted_proxies: Vec<std::net::IpAddr>,
    pub log: String,
    pub migrate: bool,
}

/// Where the files that people hand in are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PiecesPlace {
    /// A folder of this machine, or of a disk that all instances share.
    Folder(PathBuf),
    Bucket(Bucket),
}

/// A bucket of S3, or of a server that speaks its language.
#[derive(Clone, PartialEq, Eq)]
pub struct Bucket {
    pub name: String,
    /// Before every name in the bucket; empty for none.
    pub prefix: String,
    /// `None` for Amazon's own.
    pub endpoint: Option<String>,
    pub region: String,
    pub key_id: String,
    pub key: String,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket(s3://{}/{})", self.name, self.prefix)
    }
}

/// A sentence that says which setting is wrong and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigRefused(pub String);

impl Config {
    /// Reads the configuration from the process's environment.
    ///
    /// # Errors
    /// A sentence naming the setting.
    pub fn from_env() -> Result<Self, ConfigRefused> {
        Self::from_vars(std::env::vars().filter(|(name, _)| name.starts_with("CPLDS_")))
    }

    /// Reads the configuration from given variables (and the file they may name).
    ///
    /// # Errors
    /// A sentence naming the setting.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigRefused> {
        let mut set: BTreeMap<String, String> =
            vars.into_iter().filter(|(name, _)| !name.starts_with(FOREIGN)).collect();
        if let Some(file) = set.get("CPLDS_CONFIG").cloned() {
            for (name, value) in read_file(&file)? {
                set.entry(name).or_insert(value);
            }
        }
        if let Some(unknown) = set.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(ConfigRefused(format!("le réglage {unknown} n’existe pas ; vérifiez son orthographe")));
        }
        let data_dir = PathBuf::from(set.get("CPLDS_DATA_DIR").map_or("./data", String::as_str));
        let database = match set.get("CPLDS_DATABASE_URL") {
            Some(url) => Source::parse(url).map_err(|why| ConfigRefused(format!("CPLDS_DATABASE_URL : {why}")))?,
            None => Source::Sqlite(data_dir.join("cplds.db")),
        };
        let listen_text = set.get("CPLDS_LISTEN").map_or("127.0.0.1:8080", String::as_str);
        let listen: SocketAddr = listen_text.parse().map_err(|_| {
            ConfigRefused(format!("CPLDS_LISTEN : « {listen_text} » n’est pas une adresse (exemple : 127.0.0.1:8080)"))
        })?;
        let public_url = set.get("CPLDS_PUBLIC_URL").cloned().unwrap_or_else(|| format!("http://{listen}"));
        let public_url = public_url.trim_end_matches('/').to_owned();
        if !public_url.starts_with("http://") && !public_url.starts_with("https://") {
            return Err(ConfigRefused(format!(
                "CPLDS_PUBLIC_URL : « {public_url} » doit commencer par https:// ou http://"
            )));
        }
        let mut trusted_proxies = Vec::new();
        for part in set.get("CPLDS_TRUSTED_PROXIES").map_or("", String::as_str).split(',').map(str::trim) {
            if !part.is_empty() {
                trusted_proxies.push(part.parse().map_err(|_| {
                    ConfigRefused(format!("CPLDS_TRUSTED_PROXIES : « {part} » n’est pas une adresse IP"))
                })?);
            }
        }
        let migrate = match set.get("CPLDS_MIGRATE").map(String::as_str) {
            None | Some("auto") => true,
            Some("never") => false,
            Some(other) => {
                return Err(ConfigRefused(format!("CPLDS_MIGRATE : « {other} » inconnu ; attendu auto ou never")));
            }
        };
        Ok(Config {
            pieces: pieces_place(&set, &data_dir)?,
            database,
            secret_key_file: set
                .get("CPLDS_SECRET_KEY_FILE")
                .map_or_else(|| data_dir.join("secret.key"), PathBuf::from),
            listen,
            public_url,
            smtp_url: set.get("CPLDS_SMTP_URL").cloned(),
            smtp_ca_file: set.get("CPLDS_SMTP_CA_FILE").map(PathBuf::from),
            mail_from: set.get("CPLDS_MAIL_FROM").cloned().unwrap_or_else(|| "ne-pas-repondre@localhost".to_owned()),
            trusted_proxies,
            log: set.get("CPLDS_LOG").cloned().unwrap_or_else(|| "info".to_owned()),
            migrate,
            data_dir,
        })
    }

    /// True when certificates printed by this instance would point at this machine only.
    #[must_use]
    pub fn has_loopback_public_url(&self) -> bool {
        let host = self.public_url.split("://").nth(1).unwrap_or("");
        host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]")
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

fn pieces_place(set: &BTreeMap<String, String>, data_dir: &std::path::Path) -> Result<PiecesPlace, ConfigRefused> {
    const EXPECTED: &str = "attendu file:///dossier ou s3://seau/prefixe";
    let Some(url) = set.get("CPLDS_PIECES_URL") else { return Ok(PiecesPlace::Folder(data_dir.join("pieces"))) };
    if let Some(path) = url.strip_prefix("file://") {
        if !path.starts_with('/') {
            return Err(ConfigRefused(format!("CPLDS_PIECES_URL : « {url} » n’est pas un chemin absolu ; {EXPECTED}")));
        }
        return Ok(PiecesPlace::Folder(PathBuf::from(path)));
    }
    let Some(place) = url.strip_prefix("s3://") else {
        return Err(ConfigRefused(format!("CPLDS_PIECES_URL : « {url} » n’est pas compris ; {EXPECTED}")));
    };
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    if name.is_empty() {
        return Err(ConfigRefused(format!("CPLDS_PIECES_URL : « {url} » ne nomme aucun seau ; {EXPECTED}")));
    }
    let needed = |setting: &str| {
        let missing = || ConfigRefused(format!("{setting} : à renseigner quand CPLDS_PIECES_URL est un seau s3://"));
        set.get(setting).filter(|value| !value.trim().is_empty()).ok_or_else(missing)
    };
    // A secret stands in a file, never in the environment, which every child process inherits.
    let key_file = needed("CPLDS_PIECES_KEY_FILE")?;
    let key = std::fs::read_to_string(key_file)
        .map_err(|e| ConfigRefused(format!("CPLDS_PIECES_KEY_FILE : {key_file} : {e}")))?;
    Ok(PiecesPlace::Bucket(Bucket {
        name: name.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        endpoint: set.get("CPLDS_PIECES_ENDPOINT").cloned(),
        region: set.get("CPLDS_PIECES_REGION").map_or("us-east-1", String::as_str).to_owned(),
        key_id: needed("CPLDS_PIECES_KEY_ID")?.clone(),
        key: key.trim().to_owned(),
    }))
}

fn read_file(path: &str) -> Result<Vec<(String, String)>, ConfigRefused> {
    let text = std::fs::read_to_string(path).map_err(|e| ConfigRefused(format!("CPLDS_CONFIG : {path} : {e}")))?;
    let table: toml::Table =
        text.parse().map_err(|e| ConfigRefused(format!("CPLDS_CONFIG : {path} n’est pas du TOML : {e}")))?;
    table
        .into_iter()
        .map(|(name, value)| match value {
            toml::Value::String(text) => Ok((name, text)),
            toml::Value::Integer(number) => Ok((name, number.to_string())),
            other => Err(ConfigRefused(format!("CPLDS_CONFIG : {name} attend un texte, pas {}", other.type_str()))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Config, ConfigRefused> {
        Config::from_vars(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn defaults_serve_an_embedded_database_on_loopback() {
        let config = from(&[]).unwrap();
        assert_eq!(config.database, Source::Sqlite("./data/cplds.db".into()));
        assert_eq!(config.public_url, "http://127.0.0.1:8080");
        assert!(config.has_loopback_public_url());
        assert_eq!(config.pieces, PiecesPlace::Folder("./data/pieces".into()));
    }

    #[test]
    fn a_bucket_wants_its_key_in_a_file_and_never_shows_it() {
        let refused = from(&[("CPLDS_PIECES_URL", "s3://seau/cplds")]).unwrap_err();
        assert!(refused.0.contains("CPLDS_PIECES_KEY_FILE"), "{refused}");
        let file = std::env::temp_dir().join(format!("cplds-s3-key-{}", std::process::id()));
        std::fs::write(&file, "tres-secret\n").unwrap();
        let path = file.to_string_lossy().into_owned();
        let config = from(&[
            ("CPLDS_PIECES_URL", "s3://seau/cplds/"),
            ("CPLDS_PIECES_KEY_ID", "AKIA"),
            ("CPLDS_PIECES_KEY_FILE", &path),
        ])
        .unwrap();
        let PiecesPlace::Bucket(bucket) = &config.pieces else { panic!("a bucket") };
        assert_eq!(
            (bucket.name.as_str(), bucket.prefix.as_str(), bucket.key.as_str()),
            ("seau", "cplds", "tres-secret")
        );
        assert!(!format!("{config:?}").contains("tres-secret"));
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn unknown_names_and_bad_values_are_refused_with_the_name() {
        for (name, value) in [
            ("CPLDS_DATABASE", "x"),
            ("CPLDS_DATABASE_URL", "mysql://x"),
            ("CPLDS_LISTEN", "here"),
            ("CPLDS_PUBLIC_URL", "cplds.example"),
            ("CPLDS_MIGRATE", "sometimes"),
            ("CPLDS_TRUSTED_PROXIES", "proxy"),
            ("CPLDS_PIECES_URL", "ftp://x/y"),
            ("CPLDS_PIECES_URL", "file://relatif"),
            ("CPLDS_PIECES_URL", "s3:///prefixe"),
        ] {
            let refused = from(&[(name, value)]).unwrap_err();
            assert!(refused.0.contains(name), "{refused}");
        }
    }
}
