//! The program itself, served as an operator serves it: what it writes of the requests it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use cplds::clock::Clock;
use cplds::domain::account::LinkPurpose;
use cplds::domain::ids::EmailAddress;
use cplds::domain::permission::Actor;
use cplds::store::accounts::{self, NewUser};
use cplds::store::links::{self, Link};
use cplds::store::{Db, Lock, Source, migrate, reference};
use jiff::SignedDuration;

use crate::support::temp_dir;

const OWNER: &str = "ines.journal@ac-limoges.example";
const CHOSEN: &str = "quatre mots bien rangés";

/// A server of this database; stopped when the story ends, whatever its end.
struct Served {
    child: Child,
    at: SocketAddr,
    dir: std::path::PathBuf,
}

impl Served {
    /// Returns once the program says that it listens.
    fn start(dir: std::path::PathBuf) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_cplds"))
            .arg("serve")
            .env("CPLDS_DATA_DIR", &dir)
            .env("CPLDS_LISTEN", free.to_string())
            .env("CPLDS_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !said.contains("écoute") {
            said.clear();
            assert!(lines.read_line(&mut said).unwrap() > 0, "{}", std::fs::read_to_string(dir.join("log")).unwrap());
        }
        Served { child, at: free, dir }
    }

    fn ask(&self, method: &str, path: &str, cookies: &str, form: &str) -> String {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let length = form.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}",
            self.at
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Opens a page and sends its form with these fields, as its visitor would; the status line of the answer.
    fn fill(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let page = self.ask("GET", path, "", "");
        let cookie = page.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        let cookie = cookie.split(';').next().unwrap();
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form");
        let token = rest.split('"').next().unwrap();
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair("csrf", token).extend_pairs(fields).finish();
        self.ask("POST", path, cookie, &form).lines().next().unwrap().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A data directory whose only account waits for the password that its link chooses.
fn with_a_link() -> (std::path::PathBuf, String) {
    let dir = temp_dir("served");
    let db = Db::open(Source::Sqlite(dir.join("cplds.db")), Clock::system(), 2).unwrap();
    migrate::run(&db).unwrap();
    let system = Actor::system("test");
    db.write_now(&system, Lock::House, reference::load).unwrap();
    let email = EmailAddress::parse(OWNER).unwrap();
    let token = db
        .write_now(&system, Lock::House, move |tx| {
            let user = accounts::create_user(tx, &NewUser { email: email.clone(), name: "Inès Journal".into() })?;
            links::create_link(
                tx,
                &Link {
                    purpose: LinkPurpose::Password,
                    email,
                    name: "Inès Journal".into(),
                    user_id: Some(user),
                    person_id: None,
                    juror_id: None,
                    expires: tx.at + SignedDuration::from_hours(1),
                },
            )
        })
        .unwrap();
    (dir, token)
}

#[test]
fn what_is_logged_of_an_account_names_neither_its_link_nor_its_address_nor_its_password() {
    let (dir, token) = with_a_link();
    let served = Served::start(dir);
    let path = format!("/lien/{token}");
    let chosen = [("nouveau", CHOSEN), ("confirmation", CHOSEN)];
    assert!(served.fill("/mot-de-passe-oublie", &[("email", OWNER)]).contains(" 200 "));
    assert!(served.fill("/compte/creation", &[("email", OWNER)]).contains(" 200 "));
    assert!(served.fill("/connexion", &[("email", OWNER), ("motdepasse", CHOSEN)]).contains(" 422 "));
    assert!(served.fill(&path, &chosen).contains(" 303 "));
    assert!(served.ask("GET", &path, "", "").contains(" 410 "), "used");
    assert!(served.ask("POST", &path, "", "nouveau=x").contains(" 403 "), "without its token");
    let unknown = "jeton-que-personne-n-a-fait";
    for path in ["/lien/", "/compte/creation/", "/compte/adresse/"] {
        assert!(served.ask("GET", &format!("{path}{unknown}"), "", "").contains(" 404 "), "{path}");
    }
    let log = std::fs::read_to_string(served.dir.join("log")).unwrap();
    assert!(log.matches("request refused").count() >= 5, "what is refused is logged: {log}");
    for secret in [&token, unknown, OWNER, CHOSEN, &CHOSEN.replace(' ', "+")] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}
