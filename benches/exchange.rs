//! `cargo bench --bench exchange`: 10,000 candidates read and checked, exports of 50,000 rows in each format, and the most
//! memory each of them took. Each measure is a process of its own: one never hides behind another's peak.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::process::Command;
use std::time::Instant;

use cplds::clock::Clock;
use cplds::demo::people::candidates_csv;
use cplds::domain::academy::Academy;
use cplds::domain::permission::Actor;
use cplds::domain::piece::PieceKind;
use cplds::domain::regulation::RegulationPack;
use cplds::domain::table::{self, FileKind, SheetWriter};
use cplds::store::export::{self, Exported};
use cplds::store::{Db, Lock, Source, migrate, reference, registration, schema};
use diesel::prelude::*;

/// Which measure this process is for.
const MEASURE: &str = "CPLDS_TEST_MEASURE";
const MEASURES: [&str; 9] =
    ["nothing", "check-csv", "check-xlsx", "check-ods", "export-csv", "export-xlsx", "export-ods", "photo", "scan"];
const EXPORTED: usize = 50_000;

/// The most memory held so far, in MiB, where the system says it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

fn main() {
    let Ok(measure) = std::env::var(MEASURE) else {
        let own = std::env::current_exe().unwrap();
        let dir = std::env::temp_dir().join(format!("cplds-bench-exchange-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        prepare(&dir);
        for measure in MEASURES {
            let run = Command::new(&own).current_dir(&dir).env(MEASURE, measure).status().unwrap();
            assert!(run.success(), "{measure}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
        return;
    };
    let begun = Instant::now();
    let what = match measure.split_once('-') {
        Some(("check", kind)) => check(kind),
        Some(("export", kind)) => export_schools(FileKind::from_word(kind).unwrap()),
        _ => match measure.as_str() {
            "photo" => picture("photo.jpg", PieceKind::Jpeg),
            "scan" => picture("scan.png", PieceKind::Png),
            _ => "the process alone".to_owned(),
        },
    };
    println!("{measure}: {what}: {:.2} s, peak {} MiB", begun.elapsed().as_secs_f64(), peak());
}

fn open() -> Db {
    Db::open(Source::Sqlite("cplds.db".into()), Clock::system(), 2).unwrap()
}

/// The files and the database that the measures read.
fn prepare(dir: &std::path::Path) {
    let csv = candidates_csv(Academy::find("22").unwrap(), 2027, 10_000, 1);
    let plain = table::read(csv.as_bytes()).unwrap();
    for kind in [FileKind::Xlsx, FileKind::Ods] {
        let mut book = Vec::new();
        let mut sheet = SheetWriter::new(kind, &mut book, "Candidats").unwrap();
        sheet.row(plain.headers.iter().map(String::as_str)).unwrap();
        for row in &plain.rows {
            sheet.row(row.cells.iter().map(String::as_str)).unwrap();
        }
        sheet.finish().unwrap();
        std::fs::write(dir.join(format!("candidats.{kind}")), book).unwrap();
    }
    std::fs::write(dir.join("candidats.csv"), csv).unwrap();
    let db = Db::open(Source::Sqlite(dir.join("cplds.db")), Clock::system(), 2).unwrap();
    migrate::run(&db).unwrap();
    let system = Actor::system("bench");
    db.write_now(&system, Lock::House, reference::load).unwrap();
    db.write_now(&system, Lock::House, |tx| {
        use schema::schools::dsl as s;
        for line in 0..EXPORTED {
            diesel::insert_into(s::schools)
                .values((
                    s::uai.eq(format!("{line:07}A")),
                    s::academy_code.eq("22"),
                    s::name.eq(format!("Lycée n° {line}, annexe des Bénédictins")),
                    s::commune.eq("Saint-Léonard-de-Noblat"),
                    s::department.eq("87"),
                    s::kind.eq("Lycée polyvalent"),
                    s::sort_key.eq(format!("lycee {line:07}")),
                    s::updated_at.eq(tx.stamp()),
                ))
                .execute(tx.conn)?;
        }
        Ok(())
    })
    .unwrap();
    // A photograph of twelve million pixels and noise, some 10 MB: what a telephone makes of an identity card at its best.
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
    let photo = image::RgbImage::from_fn(4_000, 3_000, |x, y| {
        let [a, b, c, _] = noise(x / 2, y / 2);
        image::Rgb([a, b, c])
    });
    // As near to the ten megabytes a file may have as the quality allows.
    let photo = [98, 95, 90, 80, 70, 50, 30].into_iter().find_map(|quality| {
        let mut out = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality).encode_image(&photo).unwrap();
        (out.len() <= 10_000_000).then_some(out)
    });
    std::fs::write(dir.join("photo.jpg"), photo.unwrap()).unwrap();
    let scan = image::RgbImage::from_fn(1_900, 1_700, |x, y| {
        let [a, b, c, _] = noise(x, y);
        image::Rgb([a, b, c])
    });
    scan.save(dir.join("scan.png")).unwrap();
}

fn check(kind: &str) -> String {
    let bytes = std::fs::read(format!("candidats.{kind}")).unwrap();
    let db = open();
    let now = db.clock().now();
    let begun = Instant::now();
    let read = table::read(&bytes).unwrap();
    let report = db.read_now(|conn| registration::preview_import(conn, "22", 2027, None, &read, &[], now)).unwrap();
    format!(
        "{} candidates read and checked in {:.2} s, {} accepted (goals: 3 s, 200 MiB)",
        read.rows.len(),
        begun.elapsed().as_secs_f64(),
        report.accepted.len()
    )
}

/// The whole of an export: rows read page by page, written to a file, and the entry of the audit chain.
fn export_schools(kind: FileKind) -> String {
    let db = open();
    let mut out = std::io::BufWriter::new(std::fs::File::create("export").unwrap());
    let system = Actor::system("bench");
    let rows = export::export(&db, &system, Exported::Schools, "22", 0, kind, &mut out).unwrap();
    drop(out);
    let size = std::fs::metadata("export").unwrap().len() / 1024;
    format!("{rows} rows exported, {size} KiB (goal: 200 MiB)")
}

/// What the server does with a picture handed in: looked into, then drawn small.
fn picture(file: &str, kind: PieceKind) -> String {
    let bytes = std::fs::read(file).unwrap();
    let limits = RegulationPack::embedded().unwrap().pieces_limits.unwrap();
    let begun = Instant::now();
    let inspected = cplds::domain::piece::inspect(&bytes, &limits).map(|_| begun.elapsed());
    let inspected = inspected.unwrap_or_else(|refusal| panic!("{refusal}"));
    let begun = Instant::now();
    let small = cplds::office::thumbnail::draw(kind, &bytes).unwrap();
    format!(
        "{} KiB looked into in {:.3} s, drawn small ({} KiB) in {:.2} s",
        bytes.len() / 1024,
        inspected.as_secs_f64(),
        small.len() / 1024,
        begun.elapsed().as_secs_f64()
    )
}
