//! `cargo bench --bench session`: a whole session, import to certificates, for 1,000 and 2,000 candidates, and their ratio.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::time::Instant;

use cplds::clock::Clock;
use cplds::demo::story::{Plan, play};
use cplds::domain::academy::Academy;
use cplds::store::{Db, Source, migrate};

fn session(count: usize) -> f64 {
    let dir = std::env::temp_dir().join(format!("cplds-bench-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let clock = Clock::manual(Clock::system().now());
    let db = Db::open(Source::Sqlite(dir.join("cplds.db")), clock.clone(), 18).unwrap();
    migrate::run(&db).unwrap();
    let plan = Plan {
        academy: Academy::find("22").unwrap(),
        year: 2027,
        count,
        seed: 1,
        table: None,
        public_url: "http://127.0.0.1:8080".into(),
    };
    let begun = Instant::now();
    let played = play(&db, &clock, &plan, &mut |_| {}).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    for (step, seconds) in &played.seconds {
        println!("  {count:>6} {step:<14} {seconds:>8.2} s");
    }
    drop(db);
    std::fs::remove_dir_all(&dir).unwrap();
    seconds
}

fn main() {
    let one = session(1_000);
    println!("session of 1,000 candidates: {one:.2} s");
    let two = session(2_000);
    println!("session of 2,000 candidates: {two:.2} s, {:.2} times (goal: at most 2.2 times)", two / one);
}
