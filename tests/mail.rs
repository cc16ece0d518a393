//! Mail that really leaves: a server of its own with encryption and an account, and the courier that empties the outbox.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cplds::demo::next::open_next_session;
use cplds::demo::story::{Plan, play};
use cplds::domain::academy::Academy;
use cplds::domain::audit::sha256_hex;
use cplds::domain::permission::Actor;
use cplds::mail::courier::{self, Drained};
use cplds::mail::{Attachment, Letter, Mailer, SendFailed};
use cplds::store::documents::{self, NewDocument};
use cplds::store::outbox::{self, AttachedDocument, NewMail, OutboxRow};
use cplds::store::{Db, Lock, Stored, Tx, reference, schema};
use diesel::prelude::*;
use jiff::SignedDuration;
use serde_json::Value;

use crate::support::web::Site;
use crate::support::{Fresh, each_engine, temp_dir};

const USER: &str = "examens@exemple.fr";
const PASSWORD: &str = "mot de passe: é/%@";
/// The account above, as an address writes it.
const ACCOUNT: &str = "examens%40exemple.fr:mot%20de%20passe%3A%20%C3%A9%2F%25%40";

#[derive(Clone, Copy, PartialEq)]
enum Tls {
    None,
    Upgraded,
    FromTheStart,
}

/// A mail server for one test; it ends with it.
struct Server {
    process: Child,
    port: u16,
    dir: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Server {
    fn start(tls: Tls) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = std::env::var_os("CPLDS_TEST_TOOLS").map_or_else(|| here.join(".tools"), PathBuf::from);
        let python = tools.join("venv/bin/python");
        assert!(python.exists(), "{} is missing: run tests/tools/prepare.sh, or make test", python.display());
        let dir = temp_dir("smtp");
        let mut command = Command::new(python);
        command.arg(here.join("tests/tools/smtp_server.py")).arg("--out").arg(&dir);
        if tls != Tls::None {
            make_certificate(&dir);
            command.args(["--tls", if tls == Tls::Upgraded { "starttls" } else { "start" }]);
            command.arg("--cert").arg(dir.join("cert.pem")).arg("--key").arg(dir.join("key.pem"));
            command.args(["--user", USER, "--password", PASSWORD]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("the mail server did not start: {line:?}"));
        Server { process, port, dir }
    }

    fn certificate(&self) -> PathBuf {
        self.dir.join("cert.pem")
    }

    /// A mailer that trusts this server alone.
    fn mailer(&self, scheme_and_account: &str) -> Mailer {
        let url = format!("{scheme_and_account}127.0.0.1:{}", self.port);
        let ca = self.certificate();
        let ca = ca.exists().then_some(ca.as_path());
        Mailer::from_config(Some(&url), ca, &self.dir, "Examens <examens@exemple.fr>").unwrap()
    }

    fn received(&self) -> Vec<Value> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        files.sort();
        files.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }
}

/// A certificate that vouches for itself, for this address alone.
fn make_certificate(dir: &Path) {
    let config = dir.join("openssl.cnf");
    std::fs::write(
        &config,
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=localhost\n[ext]\n\
         basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .arg("-config")
        .arg(&config)
        .arg("-keyout")
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(dir.join("cert.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn letter() -> Letter {
    Letter {
        id: "0197a000-0000-7000-8000-00000000000a".into(),
        to: "ines.durand@exemple.fr".into(),
        to_name: "Inès « Nana » Durand".into(),
        subject: "Votre convocation à l’épreuve n°\u{a0}1 — session 2027, à conserver jusqu’à la fin des épreuves"
            .into(),
        text: "Bonjour Inès,\n\n.\nÉpreuve le 3\u{a0}février à 14\u{a0}h\u{a0}30.\n".into(),
        html: Some("<p>Épreuve le 3&nbsp;février – <b>Limoges</b></p>\n".into()),
        attachments: vec![
            Attachment {
                file_name: "convocation-Inès Durand.pdf".into(),
                content_type: "application/pdf".into(),
                bytes: (0..=255).cycle().take(100_000).collect(),
            },
            Attachment {
                file_name: "agenda.ics".into(),
                content_type: "text/calendar; charset=utf-8".into(),
                bytes: b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_vec(),
            },
        ],
    }
}

#[test]
fn a_letter_arrives_whole_over_both_encryptions_with_its_files_and_its_accents() {
    for (tls, scheme) in [(Tls::Upgraded, "smtp+starttls"), (Tls::FromTheStart, "smtps")] {
        let server = Server::start(tls);
        let mailer = server.mailer(&format!("{scheme}://{ACCOUNT}@"));
        wait(async { mailer.send(&letter()).await }).unwrap();
        let received = server.received();
        assert_eq!(received.len(), 1);
        let (seen, sent) = (&received[0], letter());
        assert_eq!(seen["encrypted"], true);
        assert_eq!(seen["authenticated"], true);
        assert_eq!(seen["recipients"], serde_json::json!(["ines.durand@exemple.fr"]));
        assert_eq!(seen["sender"], "examens@exemple.fr");
        assert!(seen["to"].as_str().unwrap().contains("Inès « Nana » Durand"), "{}", seen["to"]);
        assert_eq!(seen["subject"], sent.subject);
        assert_eq!(seen["message_id"], format!("<{}@exemple.fr>", sent.id));
        assert_eq!(seen["text"].as_str().unwrap().replace("\r\n", "\n").trim_end(), sent.text.trim_end());
        assert_eq!(seen["html"].as_str().unwrap().trim_end(), sent.html.as_deref().unwrap().trim_end());
        let files = seen["attachments"].as_array().unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0]["file_name"], sent.attachments[0].file_name);
        assert_eq!(files[0]["content_type"], "application/pdf");
        assert_eq!(files[0]["sha256"], sha256_hex(&sent.attachments[0].bytes));
        assert_eq!(files[1]["content_type"], "text/calendar");
    }
}

#[test]
fn a_server_without_starttls_gets_neither_the_letter_nor_the_password() {
    let server = Server::start(Tls::None);
    let refused = wait(async { server.mailer(&format!("smtp+starttls://{ACCOUNT}@")).send(&letter()).await });
    assert!(matches!(refused, Err(SendFailed::Transient(_))), "{refused:?}");
    assert!(server.received().is_empty());
    wait(async { server.mailer("smtp://").send(&letter()).await }).unwrap();
    assert_eq!(server.received()[0]["encrypted"], false);
}

#[test]
fn a_server_that_nobody_trusted_vouches_for_is_refused() {
    let server = Server::start(Tls::Upgraded);
    let url = format!("smtp+starttls://{ACCOUNT}@127.0.0.1:{}", server.port);
    let mailer = Mailer::from_config(Some(&url), None, &server.dir, USER).unwrap();
    let refused = wait(async { mailer.send(&letter()).await });
    assert!(matches!(refused, Err(SendFailed::Transient(_))), "{refused:?}");
    assert!(server.received().is_empty());
}

#[test]
fn a_wrong_password_keeps_the_mails_waiting_and_says_which_setting_to_correct() {
    let server = Server::start(Tls::Upgraded);
    let refused = wait(async { server.mailer("smtp+starttls://examens:faux@").send(&letter()).await }).unwrap_err();
    let SendFailed::Transient(why) = refused else { panic!("{refused:?}") };
    assert!(why.contains("CPLDS_SMTP_URL") && why.contains("535") && !why.contains("faux"), "{why}");
}

#[test]
fn an_unknown_mailbox_is_refused_for_good_and_a_busy_one_for_now() {
    let server = Server::start(Tls::Upgraded);
    let send = |to: &str| {
        wait(async {
            server.mailer(&format!("smtp+starttls://{ACCOUNT}@")).send(&Letter { to: to.into(), ..letter() }).await
        })
    };
    assert!(matches!(send("inconnu@exemple.fr"), Err(SendFailed::Permanent(why)) if why.contains("550")));
    assert!(matches!(send("plus-tard@exemple.fr"), Err(SendFailed::Transient(why)) if why.contains("451")));
    assert!(server.received().is_empty());
}

#[test]
fn a_server_that_is_away_is_tried_again_later() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = Mailer::from_config(Some(&format!("smtp://127.0.0.1:{port}")), None, Path::new("/"), USER).unwrap();
    let refused = wait(async { mailer.send(&letter()).await });
    assert!(matches!(refused, Err(SendFailed::Transient(_))), "{refused:?}");
}

fn mail(key: &str, recipient: &str) -> NewMail {
    NewMail {
        academy_code: Some("22".into()),
        session_id: None,
        kind: "test".into(),
        dedupe_key: key.into(),
        recipient: recipient.into(),
        recipient_name: "Inès Durand".into(),
        subject: "Un message".into(),
        body_text: "Bonjour.".into(),
        body_html: None,
        attachments: Vec::new(),
    }
}

fn write<T: Send + 'static>(db: &Db, act: impl FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static) -> T {
    db.write_now(&Actor::system("test"), Lock::House, act).unwrap()
}

fn queue(fresh: &Fresh, mails: Vec<NewMail>) -> usize {
    write(&fresh.db, |tx| outbox::queue(tx, mails))
}

fn row(fresh: &Fresh, key: &str) -> OutboxRow {
    let key = key.to_owned();
    fresh
        .db
        .read_now(|conn| {
            Ok(schema::outbox::table
                .filter(schema::outbox::dedupe_key.eq(key))
                .select(OutboxRow::as_select())
                .first(conn)?)
        })
        .unwrap()
}

fn later(fresh: &Fresh, by: SignedDuration) {
    fresh.clock.set(fresh.clock.now().checked_add(by).unwrap());
}

#[test]
fn the_courier_sends_what_it_can_and_writes_down_what_became_of_each() {
    let server = Server::start(Tls::Upgraded);
    let scheme = format!("smtp+starttls://{ACCOUNT}@");
    each_engine(|fresh| {
        let before = server.received().len();
        write(&fresh.db, reference::load);
        write(&fresh.db, |tx| {
            documents::keep_document(
                tx,
                NewDocument {
                    academy_code: "22".into(),
                    session_id: None,
                    subject_id: "r1".into(),
                    kind: "convocation".into(),
                    file_name: "convocation.pdf".into(),
                    content_type: "application/pdf".into(),
                    bytes: b"%PDF-1.7 essai".to_vec(),
                },
            )
        });
        let attached = AttachedDocument { kind: "convocation".into(), subject_id: "r1".into() };
        let missing = AttachedDocument { kind: "convocation".into(), subject_id: "r2".into() };
        queue(
            fresh,
            vec![
                NewMail { attachments: vec![attached], ..mail("sent", "ines.durand@exemple.fr") },
                mail("unknown", "inconnu@exemple.fr"),
                mail("busy", "plus-tard@exemple.fr"),
                NewMail { attachments: vec![missing], ..mail("unmade", "ines.durand@exemple.fr") },
            ],
        );
        wait(async {
            let mailer = server.mailer(&scheme);
            let drained = courier::drain(&fresh.db, &mailer, 4).await.unwrap();
            let why = row(fresh, "sent").last_error;
            assert_eq!(drained, Drained { sent: 1, failed: 1, retried: 1 }, "{why:?}");
            assert_eq!(courier::drain(&fresh.db, &mailer, 4).await.unwrap(), Drained::default());
        });
        let received = server.received();
        assert_eq!(received.len(), before + 1);
        assert_eq!(received[before]["attachments"][0]["sha256"], sha256_hex(b"%PDF-1.7 essai"));

        let sent = row(fresh, "sent");
        assert_eq!((sent.state.as_str(), sent.sent_at.map(|at| at.0)), ("sent", Some(fresh.clock.now())));
        let unknown = row(fresh, "unknown");
        assert_eq!(unknown.state, "failed");
        assert!(unknown.last_error.unwrap().contains("No such mailbox"));
        let busy = row(fresh, "busy");
        assert_eq!((busy.state.as_str(), busy.attempts), ("queued", 1));
        assert_eq!(busy.next_attempt_at.0.duration_since(fresh.clock.now()), SignedDuration::from_mins(1));
        assert_eq!(row(fresh, "unmade").state, "queued");

        // Patience grows, and ends at the sixth refusal.
        for minutes in [1, 5, 30, 120, 480] {
            later(fresh, SignedDuration::from_mins(minutes));
            let drained = wait(async { courier::drain(&fresh.db, &server.mailer(&scheme), 1).await.unwrap() });
            let expected = if minutes == 480 { (0, 1, 0) } else { (0, 0, 1) };
            assert_eq!((drained.sent, drained.failed, drained.retried), expected, "after {minutes} minutes");
        }
        assert_eq!((row(fresh, "busy").state.as_str(), row(fresh, "busy").attempts), ("failed", 6));
    });
}

#[test]
fn two_couriers_send_each_of_three_hundred_mails_once() {
    each_engine(|fresh| {
        write(&fresh.db, reference::load);
        let mails = (0..300).map(|n| mail(&format!("m{n}"), &format!("personne{n}@exemple.fr"))).collect();
        assert_eq!(queue(fresh, mails), 300);
        let mailer = Mailer::memory();
        let (one, two) =
            wait(async { tokio::join!(courier::drain(&fresh.db, &mailer, 3), courier::drain(&fresh.db, &mailer, 3)) });
        assert_eq!(one.unwrap().sent + two.unwrap().sent, 300);
        let mut told: Vec<String> = mailer.kept().into_iter().map(|letter| letter.to).collect();
        told.sort();
        told.dedup();
        assert_eq!((told.len(), mailer.kept().len()), (300, 300));
    });
}

#[test]
fn the_same_act_queues_one_mail_however_often_it_is_replayed() {
    each_engine(|fresh| {
        write(&fresh.db, reference::load);
        assert_eq!(queue(fresh, vec![mail("act:person", "a@exemple.fr"), mail("act:other", "b@exemple.fr")]), 2);
        assert_eq!(queue(fresh, vec![mail("act:person", "a@exemple.fr")]), 0);
        let mailer = Mailer::memory();
        assert_eq!(wait(courier::drain(&fresh.db, &mailer, 2)).unwrap().sent, 2);
        assert_eq!(queue(fresh, vec![mail("act:person", "a@exemple.fr")]), 0);
        assert_eq!(wait(courier::drain(&fresh.db, &mailer, 2)).unwrap(), Drained::default());
        assert_eq!(mailer.kept().len(), 2);
    });
}

#[test]
fn a_running_courier_sends_what_comes_and_stops_when_told() {
    each_engine(|fresh| {
        write(&fresh.db, reference::load);
        queue(fresh, vec![mail("one", "a@exemple.fr")]);
        let mailer = Mailer::memory();
        wait(async {
            let (stop, stopped) = tokio::sync::watch::channel(false);
            let courier = tokio::spawn(courier::run(fresh.db.clone(), mailer.clone(), stopped));
            let sent = async {
                while mailer.kept().is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), sent).await.unwrap();
            stop.send(true).unwrap();
            tokio::time::timeout(Duration::from_secs(30), courier).await.unwrap().unwrap();
        });
        assert_eq!(row(fresh, "one").state, "sent");
    });
}

/// A session played whole, then what accounts and invitations send, all through the site.
fn a_year_of_mails(fresh: &Fresh) {
    let plan = Plan {
        academy: Academy::find("22").unwrap(),
        year: 2027,
        count: 8,
        seed: 2027,
        table: None,
        public_url: "http://127.0.0.1:8080".into(),
    };
    play(&fresh.db, &fresh.clock, &plan, &mut |_| {}).unwrap();
    open_next_session(&fresh.db, &fresh.clock, &plan, &crate::support::vault(fresh)).unwrap();
    let site = Site::new(fresh);
    let known = "inscription.commencee@ac-demo.example";
    let mut visitor = site.visitor();
    for (page, email) in
        [("/compte/creation", "nouvelle@exemple.fr"), ("/compte/creation", known), ("/mot-de-passe-oublie", known)]
    {
        visitor.get(page);
        let asked = visitor.post(page, &[("email", email)]);
        assert!(!asked.status.is_client_error(), "{page} {email}: {}", asked.body);
    }
    let mut candidate = site.visitor();
    candidate.get("/connexion");
    candidate.post("/connexion", &[("email", known), ("motdepasse", cplds::demo::PASSWORD)]);
    candidate.get("/compte/adresse");
    let asked =
        candidate.post("/compte/adresse", &[("email", "ailleurs@exemple.fr"), ("motdepasse", cplds::demo::PASSWORD)]);
    assert!(!asked.status.is_client_error(), "{}", asked.body);
}

#[test]
fn every_message_of_a_year_leaves_whole_through_a_real_server_in_both_forms() {
    let server = Server::start(Tls::Upgraded);
    let scheme = format!("smtp+starttls://{ACCOUNT}@");
    each_engine(|fresh| {
        a_year_of_mails(fresh);
        let before = server.received().len();
        // The session lies in the past of this clock: whatever it left unsent is due now.
        let mailer = server.mailer(&scheme);
        wait(async { while courier::drain(&fresh.db, &mailer, 8).await.unwrap().sent > 0 {} });
        let received: std::collections::BTreeMap<String, Value> = server.received()[before..]
            .iter()
            .map(|seen| {
                let id = seen["message_id"].as_str().unwrap().trim_start_matches('<').split('@').next().unwrap();
                (id.to_owned(), seen.clone())
            })
            .collect();
        let rows: Vec<OutboxRow> =
            fresh.db.read_now(|conn| Ok(schema::outbox::table.select(OutboxRow::as_select()).load(conn)?)).unwrap();
        let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
        let mut kinds = std::collections::BTreeSet::new();
        for row in rows.iter().filter(|row| row.state == "sent") {
            let Some(seen) = received.get(&row.id) else { continue };
            assert_eq!(seen["recipients"], serde_json::json!([row.recipient]), "{}", row.kind);
            assert_eq!(seen["subject"], row.subject, "{}", row.kind);
            let text = outbox::without_tokens(&plain(seen["text"].as_str().unwrap()));
            assert_eq!(text, plain(&row.body_text), "{}", row.kind);
            let html = outbox::without_tokens(&plain(seen["html"].as_str().unwrap()));
            assert_eq!(html, plain(row.body_html.as_deref().unwrap_or_default()), "{}", row.kind);
            assert!(html.contains("<h1") && html.contains("lang=\"fr\""), "{}: {html}", row.kind);
            let files: Vec<AttachedDocument> = serde_json::from_str(&row.attachments).unwrap();
            assert_eq!(seen["attachments"].as_array().unwrap().len(), files.len(), "{}", row.kind);
            assert_eq!(seen["encrypted"], true);
            kinds.insert(row.kind.clone());
        }
        let waiting: Vec<_> =
            rows.iter().filter(|row| row.state != "sent").map(|row| (&row.kind, &row.last_error)).collect();
        assert!(waiting.is_empty(), "{waiting:?}");
        println!("{} mails, of kinds {kinds:?}", received.len());
        for kind in KINDS {
            assert!(kinds.contains(*kind), "no {kind} among {kinds:?}");
        }
    });
}

const KINDS: &[&str] =
    &["account", "acknowledgement", "address", "certificate", "convocation", "decision", "password", "results"];
