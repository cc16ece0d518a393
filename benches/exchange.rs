//! `cargo bench --bench exchange`: 10,000 candidates read from a workbook and checked, 50,000 rows written, and the most
//! memory the process ever held.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::time::Instant;

use cplds::clock::Clock;
use cplds::demo::people::candidates_csv;
use cplds::domain::academy::Academy;
use cplds::domain::permission::Actor;
use cplds::domain::table::{self, FileKind, SheetWriter};
use cplds::store::{Db, Lock, Source, migrate, reference, registration};

/// The most memory held so far, in MiB, where the system says it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

fn main() {
    let begun = Instant::now();
    let mut sheet = SheetWriter::new(FileKind::Xlsx, std::io::sink(), "export").unwrap();
    for line in 0..50_000 {
        let number = line.to_string();
        sheet.row(std::iter::repeat_n(number.as_str(), 15)).unwrap();
    }
    sheet.finish().unwrap();
    println!("50,000 rows of 15 cells written as XLSX: {:.2} s, peak {} MiB", begun.elapsed().as_secs_f64(), peak());

    let csv = candidates_csv(Academy::find("22").unwrap(), 2027, 10_000, 1);
    let plain = table::read(csv.as_bytes()).unwrap();
    let mut book = Vec::new();
    let mut sheet = SheetWriter::new(FileKind::Xlsx, &mut book, "Candidats").unwrap();
    sheet.row(plain.headers.iter().map(String::as_str)).unwrap();
    for row in &plain.rows {
        sheet.row(row.cells.iter().map(String::as_str)).unwrap();
    }
    sheet.finish().unwrap();
    drop(plain);

    let dir = std::env::temp_dir().join(format!("cplds-bench-exchange-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let db = Db::open(Source::Sqlite(dir.join("cplds.db")), Clock::system(), 2).unwrap();
    migrate::run(&db).unwrap();
    db.write_now(&Actor::system("bench"), Lock::House, reference::load).unwrap();
    for (name, bytes) in [("CSV", csv.as_bytes()), ("XLSX", book.as_slice())] {
        let begun = Instant::now();
        let read = table::read(bytes).unwrap();
        let now = db.clock().now();
        let report = db.read_now(|conn| registration::preview_import(conn, "22", 2027, None, &read, &[], now)).unwrap();
        println!(
            "{} candidates read from {name} and checked, {} accepted: {:.2} s, peak {} MiB (goals: 3 s, 200 MiB)",
            read.rows.len(),
            report.accepted.len(),
            begun.elapsed().as_secs_f64(),
            peak()
        );
    }
    drop(db);
    std::fs::remove_dir_all(&dir).unwrap();
}
