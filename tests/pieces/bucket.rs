//! Pieces kept in a bucket: a server that speaks S3 and checks signatures, started for the story and gone with it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use axum::http::StatusCode;
use cplds::config::Config;
use cplds::secret::Secret;
use cplds::store::pieces;
use cplds::vault::{Vault, VaultError};

use super::{photo, story};
use crate::support::{each_engine, temp_dir};

struct Server {
    process: Child,
    port: u16,
    key_id: String,
    /// Holds the file of the secret.
    dir: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Server {
    fn start() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = std::env::var_os("CPLDS_TEST_TOOLS").map_or_else(|| here.join(".tools"), PathBuf::from);
        let python = tools.join("venv/bin/python");
        assert!(python.exists(), "{} is missing: run tests/tools/prepare.sh, or make test", python.display());
        let mut command = Command::new(python);
        command.arg(here.join("tests/tools/s3_server.py")).args(["--bucket", "pieces"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Vec<&str> = line.split_whitespace().collect();
        let [port, key_id, secret] = told[..] else { panic!("the S3 server did not start: {line:?}") };
        let dir = temp_dir("s3");
        std::fs::write(dir.join("key"), format!("{secret}\n")).unwrap();
        std::fs::write(dir.join("other"), "un-autre-secret").unwrap();
        Server { process, port: port.parse().unwrap(), key_id: key_id.to_owned(), dir }
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn settings(&self, bucket: &str, key_id: &str, key_file: &str) -> Vec<(&'static str, String)> {
        vec![
            ("CPLDS_PIECES_URL", format!("s3://{bucket}/examens/2027")),
            ("CPLDS_PIECES_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("CPLDS_PIECES_KEY_ID", key_id.to_owned()),
            ("CPLDS_PIECES_KEY_FILE", self.dir.join(key_file).to_string_lossy().into_owned()),
        ]
    }

    fn good(&self) -> Vec<(&'static str, String)> {
        self.settings("pieces", &self.key_id, "key")
    }

    /// What `cplds doctor` says, set up so.
    fn doctor(&self, settings: &[(&'static str, String)]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cplds"));
        command.arg("doctor").env("CPLDS_DATA_DIR", self.dir.join("data")).envs(settings.iter().cloned());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    fn vault(&self, settings: &[(&'static str, String)]) -> Vault {
        let vars = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Vault::open(&Config::from_vars(vars).unwrap().pieces, &Secret::from_bytes([7; 32])).unwrap()
    }
}

fn borrowed<'s>(settings: &'s [(&'static str, String)]) -> Vec<(&'s str, &'s str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn pieces_in_a_bucket_are_shared_by_two_instances_and_swept_like_a_folder() {
    each_engine(|fresh| {
        let server = Server::start();
        let story = story(fresh);
        let settings = server.good();
        let one = story.site.set_up(&borrowed(&settings));
        let other = story.site.set_up(&borrowed(&settings));
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        let bytes = photo(42);
        let mut ines = one.sign_in("ines.durand@ac-limoges.example");
        ines.get(&page);
        let sent = ines.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "carte.jpg", &bytes)]);
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let row = story.rows().remove(0);
        // The other instance, the same account: what one received, the other gives back.
        let mut elsewhere = other.sign_in("ines.durand@ac-limoges.example");
        let back = elsewhere.get(&format!("{page}/fichiers/{}", row.id));
        assert_eq!((back.status, back.headers["content-type"].to_str().unwrap()), (StatusCode::OK, "image/jpeg"));
        let office = other.user(cplds::domain::permission::Role::ExamOfficer, "22");
        let seen = format!("/gestion/sessions/{}/dossiers/{}/pieces/{}", story.session, story.files[0], row.id);
        assert_eq!(other.sign_in(&office).get(&format!("{seen}/apercu.png")).status, StatusCode::OK);

        let vault = server.vault(&settings);
        let held = vault.area("pieces");
        assert_eq!(held.get_now(&row.sha256).unwrap().as_ref(), bytes);
        let orphan = held.put_now(b"orphan").unwrap();
        let letter = vault.put_now(b"a signed letter").unwrap();
        let named = fresh.db.read_now(pieces::list_named).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let written = runtime.block_on(held.list()).unwrap()[0].written_at;
        let at = |hours: i64| jiff::Timestamp::from_second(written + hours * 3600).unwrap();
        let sweep = |hours| runtime.block_on(cplds::office::thumbnail::sweep(&vault, &named, at(hours))).unwrap();
        assert_eq!((sweep(23), sweep(25)), (0, 1));
        assert_eq!(held.get_now(&orphan), Err(VaultError::Missing(orphan)));
        assert_eq!(held.get_now(&row.sha256).unwrap().as_ref(), bytes);
        assert!(vault.get_now(&letter).is_ok());
        runtime.block_on(vault.probe()).unwrap();
    });
}

#[test]
fn a_bucket_set_up_wrongly_says_what_to_correct() {
    let server = Server::start();
    for (settings, said) in [
        (server.settings("pieces", "AKIAINCONNU", "key"), "la clé d’accès est refusée"),
        (server.settings("pieces", &server.key_id, "other"), "CPLDS_PIECES_KEY_FILE"),
        (server.settings("absent", &server.key_id, "key"), "le seau n’existe pas"),
    ] {
        let vault = server.vault(&settings);
        let put = vault.put_now(b"x").unwrap_err();
        assert!(matches!(&put, VaultError::Unavailable(why) if why.contains(said)), "{put}");
        let get = vault.get_now(&"a".repeat(64)).unwrap_err();
        assert!(matches!(&get, VaultError::Unavailable(why) if why.contains(said)), "{get}");
        let told = server.doctor(&settings);
        assert!(told.contains("à revoir pièces déposées") && told.contains(said), "{told}");
        assert!(!told.contains(&server.key_id[4..]), "a key is never printed: {told}");
    }
    let told = server.doctor(&server.good());
    assert!(told.contains("bon      pièces déposées : s3://pieces/examens/2027"), "{told}");
}

#[test]
fn a_bucket_gone_on_the_way_is_told_on_the_page_and_nothing_is_recorded() {
    each_engine(|fresh| {
        let mut server = Server::start();
        let story = story(fresh);
        let settings = server.good();
        let site = story.site.set_up(&borrowed(&settings));
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        let mut ines = site.sign_in("ines.durand@ac-limoges.example");
        ines.get(&page);
        let first = photo(1);
        ines.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "a.jpg", &first)]);
        assert_eq!(story.rows().len(), 1);
        ines.get(&page);
        server.stop();
        let second = photo(200);
        let answer = ines.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "b.jpg", &second)]);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.says("<h1>") && !answer.says("127.0.0.1") && !answer.says("CPLDS_"), "{}", answer.body);
        assert_eq!(story.rows().len(), 1, "what could not be kept is not recorded");
        let row = story.rows().remove(0);
        assert_eq!(ines.get(&format!("{page}/fichiers/{}", row.id)).status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ines.get(&page).says("a.jpg"), "the file and its pieces are still shown");
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}
