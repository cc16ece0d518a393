//! `cargo bench --bench certificate`: how long a certificate and the minutes of 400 candidates take, and how large they are.
//! One thread; the fonts are read once before the clock starts, as in a server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use cplds::pdf::certificate::{CertificateSheet, certificate};
use cplds::pdf::minutes::{MinutesMember, MinutesRow, MinutesSheet, minutes};
use cplds::pdf::{Office, Person};
use jiff::civil::date;

fn office() -> Office {
    Office {
        academy: "Limoges".into(),
        region: "Nouvelle-Aquitaine".into(),
        service: "Division des examens et concours".into(),
        phone: "05 55 00 00 00".into(),
        email: "dec@ac-demo.example".into(),
        city: "Limoges".into(),
    }
}

fn sheet(rank: u32) -> CertificateSheet {
    CertificateSheet {
        person: Person {
            civility: "Mme".into(),
            first_names: "Anne-Sophie".into(),
            birth_name: format!("BŒUF{rank:04}"),
            usage_name: Some("DUPUY-BŒUF".into()),
        },
        birth_date: date(1988, 2, 29),
        birth_place: Some("Tulle (Corrèze)".into()),
        office: office(),
        session: 2027,
        deliberated_on: date(2027, 6, 22),
        texts: vec![
            "Décret n° 2017-791 du 5 mai 2017 relatif au certificat de professionnalisation en matière de lutte contre le décrochage scolaire".into(),
            "Arrêté du 5 mai 2017 relatif à l’organisation de l’examen pour l’obtention du certificat".into(),
        ],
        number: format!("22-2027-{rank:04}"),
        control_key: "9RP4HXE8VN".into(),
        verify_url: format!("https://cplds.example/verifier/22-2027-{rank:04}?cle=9RP4HXE8VN"),
        issued_at_place: "Limoges".into(),
        issued_on: date(2027, 7, 2),
        signatory_name: "Claire Montfort".into(),
        signatory_title: "Rectrice de l’académie de Limoges".into(),
        delegation: None,
        statement_json: format!("{{\"number\":\"22-2027-{rank:04}\"}}"),
        simulated: false,
    }
}

fn long_minutes() -> MinutesSheet {
    MinutesSheet {
        office: office(),
        session: 2027,
        opened_at: "mardi 22 juin 2027 à 14 h".into(),
        sealed_at: Some("mardi 22 juin 2027 à 17 h".into()),
        jury_order: "Arrêté n° 114 du 16 novembre 2026".into(),
        members: (0..9)
            .map(|n| MinutesMember {
                name: format!("Mme Membre Numéro{n}"),
                role: "Membre".into(),
                quality: "IEN-IO".into(),
            })
            .collect(),
        rows: (1..=400)
            .map(|n| MinutesRow {
                number: format!("22-27-{n:04}"),
                name: format!("DELAUNAY-{n} Clémence"),
                birth_date: date(1984, 3, 14),
                marks: vec!["12,5".into(), "14".into()],
                outcome: "admise".into(),
                note: String::new(),
            })
            .collect(),
        epreuves: vec!["Épreuve 1".into(), "Épreuve 2".into()],
        admitted: (1..=400).map(|n| format!("Mme Clémence DELAUNAY-{n}")).collect(),
        rules: vec!["Seuil : 10 à chaque épreuve.".into()],
        changes: Vec::new(),
        seal: Some("0".repeat(64)),
        president_name: "Hélène VERGNAUD".into(),
        simulated: false,
    }
}

/// Median milliseconds of `times` runs.
fn median(times: usize, mut run: impl FnMut(usize)) -> f64 {
    let mut all: Vec<f64> = (0..times)
        .map(|n| {
            let begun = Instant::now();
            run(n);
            begun.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all[times / 2]
}

fn main() {
    let size = certificate(&sheet(0)).unwrap().len();
    let one = median(400, |n| {
        black_box(certificate(&sheet(u32::try_from(n).unwrap())).unwrap());
    });
    println!("certificate: median {one:.2} ms, {size} bytes (goal 1.0 ms, 60 KB)");
    let long = long_minutes();
    let size = minutes(&long).unwrap().len();
    let many = median(40, |_| {
        black_box(minutes(&long).unwrap());
    });
    println!("minutes of 400: median {many:.1} ms, {size} bytes (goal 20 ms, 120 KB)");
}
