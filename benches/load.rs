//! `cargo bench --bench load`: pages per second over loopback with 64 connections, beside a hello-world served by the
//! same libraries in the same process; marks saved durably by 32 writers; how long the entrances of an account take for
//! an address that has one and for one that has none. Client and server share the two cores.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use cplds::clock::Clock;
use cplds::config::Config;
use cplds::demo::story::{Plan, play};
use cplds::domain::academy::Academy;
use cplds::domain::ids::EmailAddress;
use cplds::domain::permission::Actor;
use cplds::store::accounts::NewUser;
use cplds::store::schema::users;
use cplds::store::{Db, Lock, Source, accounts, migrate, sessions};
use cplds::web::account::StoredSessions;
use cplds::web::{self, AppState};
use diesel::prelude::*;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(4);

async fn one_connection(to: SocketAddr, request: Arc<String>, until: Instant, waits: &mut Vec<f64>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let mut buffer = vec![0u8; 64 * 1024];
    while Instant::now() < until {
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            if let Some(head) = buffer[..filled].windows(4).position(|end| end == b"\r\n\r\n") {
                let text = std::str::from_utf8(&buffer[..head]).unwrap().to_ascii_lowercase();
                assert!(text.starts_with("http/1.1 200"), "{text}");
                let length: usize =
                    text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
                if filled >= head + 4 + length {
                    break;
                }
            }
            if filled == buffer.len() {
                buffer.resize(filled * 2, 0);
            }
        }
        waits.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
}

async fn measure(name: &str, to: SocketAddr, request: String) -> f64 {
    let request = Arc::new(request);
    let until = Instant::now() + MEASURED;
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let request = Arc::clone(&request);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                one_connection(to, request, until, &mut waits).await;
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    waits.sort_by(f64::total_cmp);
    let rate = waits.len() as f64 / MEASURED.as_secs_f64();
    println!("{name}: {rate:.0}/s, p50 {:.1} ms, p99 {:.1} ms", waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    rate
}

fn main() {
    let dir = std::env::temp_dir().join(format!("cplds-load-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let clock = Clock::manual(Clock::system().now());
    let db = Db::open(Source::Sqlite(dir.join("cplds.db")), clock.clone(), 16).unwrap();
    migrate::run(&db).unwrap();
    let plan = Plan {
        academy: Academy::find("22").unwrap(),
        year: 2027,
        count: 200,
        seed: 1,
        table: None,
        public_url: "http://127.0.0.1:8080".into(),
    };
    let played = play(&db, &clock, &plan, &mut |_| {}).unwrap();
    let email = played.accounts.iter().find(|(role, _)| role.contains("admis")).unwrap().1.clone();
    let token = db
        .write_now(&Actor::system("load"), Lock::House, move |tx| {
            let user = accounts::find_user_by_email(tx.conn, &email)?.unwrap();
            sessions::open(tx, &user.id)
        })
        .unwrap();
    tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(16).build().unwrap().block_on(
        async {
            let hello = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let hello_at = hello.local_addr().unwrap();
            tokio::spawn(async move {
                axum::serve(hello, Router::new().route("/", get(|| async { "bonjour" }))).await.unwrap()
            });
            let site = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let site_at = site.local_addr().unwrap();
            let config = Config::from_vars([("CPLDS_PUBLIC_URL".to_owned(), format!("http://{site_at}"))]).unwrap();
            let state = AppState::new(db.clone(), config, &[7; 32], StoredSessions::shared(&db)).ok().unwrap();
            let service = web::app(state).into_make_service_with_connect_info::<SocketAddr>();
            tokio::spawn(async move { axum::serve(site, service).await.unwrap() });
            let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {site_at}\r\nCookie: cplds={token}\r\n\r\n");
            let floor = measure("hello world", hello_at, "GET / HTTP/1.1\r\nHost: x\r\n\r\n".into()).await;
            let page = measure("candidate page (/mon-dossier, signed in)", site_at, get("/mon-dossier")).await;
            println!("  ratio to hello world: {:.3}", page / floor);
            measure(
                "verification form (/verifier, nobody signed in)",
                site_at,
                format!("GET /verifier HTTP/1.1\r\nHost: {site_at}\r\n\r\n"),
            )
            .await;
        },
    );
    marks(&db);
    entrances(&db);
    drop(db);
    std::fs::remove_dir_all(&dir).unwrap();
}

/// How long each entrance of an account takes to answer for an address that has an account and for one that has none:
/// the median of each, asked in turn, and how far apart they are beside how far apart two halves of the same are.
fn entrances(db: &Db) {
    const ASKED: usize = 300;
    let known: Vec<String> = (0..ASKED).map(|n| format!("quelquun.{n}@ailleurs.example")).collect();
    let made = known.clone();
    db.write_now(&Actor::system("load"), Lock::House, move |tx| {
        let hash: Option<String> =
            users::table.filter(users::password_hash.is_not_null()).select(users::password_hash).first(tx.conn)?;
        for email in &made {
            let email = EmailAddress::parse(email).unwrap();
            let id = accounts::create_user(tx, &NewUser { email, name: "Quelqu’un".into() })?;
            diesel::update(users::table.find(id)).set(users::password_hash.eq(&hash)).execute(tx.conn)?;
        }
        Ok(())
    })
    .unwrap();
    let config = Config::from_vars([("CPLDS_TRUSTED_PROXIES".to_owned(), "127.0.0.1".to_owned())]).unwrap();
    let state = AppState::new(db.clone(), config, &[7; 32], StoredSessions::shared(db)).ok().unwrap();
    let site = web::app(state);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let send = |method: &str, path: &str, from: usize, cookie: &str, form: String| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            // A subscriber each: nobody is slowed down by having asked too often.
            .header("x-forwarded-for", format!("10.{}.{}.1", from / 250, from % 250))
            .body(Body::from(form))
            .unwrap();
        runtime.block_on(async {
            let answer = site.clone().oneshot(request).await.unwrap();
            let cookie = answer.headers().get("set-cookie").map(|line| line.to_str().unwrap().to_owned());
            (answer.status(), cookie, answer.into_body().collect().await.unwrap().to_bytes())
        })
    };
    for (path, more) in
        [("/mot-de-passe-oublie", ""), ("/compte/creation", ""), ("/connexion", "&motdepasse=pas+le+bon+mot")]
    {
        let (_, cookie, page) = send("GET", path, 0, "", String::new());
        let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
        let page = String::from_utf8_lossy(&page).into_owned();
        let token = page.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let mut taken = [Vec::new(), Vec::new()];
        for (n, email) in known.iter().enumerate() {
            let unknown = format!("personne.{n}@ailleurs.example");
            // Known first, then unknown first: neither always meets the warmer cache.
            for turn in [n % 2, 1 - n % 2] {
                let email = if turn == 0 { email } else { &unknown };
                let form = format!("csrf={token}&email={}{more}", email.replace('@', "%40"));
                let begun = Instant::now();
                let (status, ..) = send("POST", path, 2 * n + turn, &cookie, form);
                taken[turn].push(begun.elapsed().as_secs_f64() * 1_000.0);
                assert!(matches!(status.as_u16(), 200 | 422), "{path}: {status}");
            }
        }
        let median = |waits: &[f64]| {
            let mut waits = waits.to_vec();
            waits.sort_by(f64::total_cmp);
            waits[waits.len() / 2]
        };
        let halves = taken[0].split_at(taken[0].len() / 2);
        println!(
            "{path}: known address {:.2} ms, unknown {:.2} ms (ratio {:.3}; two halves of the known: {:.3}), {} each",
            median(&taken[0]),
            median(&taken[1]),
            median(&taken[0]) / median(&taken[1]),
            median(halves.0) / median(halves.1),
            taken[0].len(),
        );
    }
}

/// What saving a mark writes (a row compared and swapped, and its chained audit entry), by one and by 32 writers.
fn marks(db: &Db) {
    use cplds::store::schema::evaluations as t;
    let ids: Vec<String> = db.read_now(|conn| Ok(t::table.select(t::id).limit(64).load(conn)?)).unwrap();
    for writers in [1, 32] {
        let done = AtomicUsize::new(0);
        let until = Instant::now() + MEASURED;
        std::thread::scope(|scope| {
            for writer in 0..writers {
                let (db, done) = (db.clone(), &done);
                let id = ids[writer % ids.len()].clone();
                scope.spawn(move || {
                    let actor = Actor::system("load");
                    while Instant::now() < until {
                        let id = id.clone();
                        db.write_now(&actor, Lock::Session("load".into()), move |tx| {
                            let version: i32 = t::table.find(&id).select(t::version).first(tx.conn)?;
                            diesel::update(t::table.find(&id).filter(t::version.eq(version)))
                                .set((t::appraisal.eq("bon"), t::version.eq(version + 1)))
                                .execute(tx.conn)?;
                            tx.audit("enter_evaluation", ("evaluation", &id), None, Some(&json!(version)), &json!({}))
                        })
                        .unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let rate = done.load(Ordering::Relaxed) as f64 / MEASURED.as_secs_f64();
        println!("mark saved durably (synchronous=FULL), {writers} writer(s): {rate:.0}/s");
    }
}
