//! Invented candidates, jurors and schools for demonstrations: drawn from a seed, written as the spreadsheet an office keeps,
//! so that they come in by the same import as real ones. Addresses end in `.example`; nobody here exists.

use std::collections::HashSet;
use std::fmt::Write;

use fastrand::Rng;

use crate::domain::academy::Academy;
use crate::domain::ids::{Uai, fold};

const BIRTH_NAMES: &[&str] = &[
    "ABADIE",
    "AUBRY",
    "BAILLY",
    "BEAUMONT",
    "BŒUF",
    "BOUCHARD",
    "BRUNET",
    "CARON",
    "ÇELIK",
    "CHABROL",
    "CLÉMENÇON",
    "COLLIN",
    "D’ALMEIDA",
    "DA SILVA",
    "DE LA ROCHE",
    "DELAUNAY",
    "DIALLO",
    "DUBOIS-MARTEL",
    "DUMAS",
    "ESTÈVE",
    "FABRE",
    "FAUGERON",
    "FERREIRA",
    "GARCIA",
    "GIRAUD",
    "GUÉRIN",
    "HAMON",
    "HOARAU",
    "JOUBERT",
    "KACI",
    "KOWALSKI",
    "LACOMBE",
    "LAFONT",
    "LE GALL",
    "LE GOFF",
    "LEMAÎTRE",
    "L’HOSTIS",
    "MALLET",
    "MARCHAND",
    "MASSÉ",
    "MÉNARD",
    "MOREAU",
    "N’DIAYE",
    "NICOLAÏ",
    "NOËL",
    "NOWAK",
    "O’CONNOR",
    "PAYET",
    "PÉREZ",
    "PERRIN",
    "PICARD",
    "POIRIER",
    "QUÉRÉ",
    "RAMOS",
    "RENARD",
    "RIVIÈRE",
    "ROBERT",
    "SAINT-AMAND",
    "ŠIMIĆ",
    "TESSIER",
    "THÉVENIN",
    "TRAN",
    "VASSEUR",
    "VIGNE",
    "WEBER",
    "YILMAZ",
    "ZAMORA",
];

const WOMEN: &[&str] = &[
    "Adèle",
    "Agnès",
    "Aïcha",
    "Anne-Lise",
    "Camille",
    "Cécile",
    "Chloé",
    "Clémence",
    "Élodie",
    "Émilie",
    "Fatou",
    "Gaëlle",
    "Hélène",
    "Inès",
    "Jeanne",
    "Léa",
    "Maëlle",
    "Marie-France",
    "Naïma",
    "Océane",
    "Ophélie",
    "Sarah",
    "Solène",
    "Thi Mai",
    "Zoé",
];

const MEN: &[&str] = &[
    "Adrien",
    "Aurélien",
    "Benoît",
    "Cédric",
    "Damien",
    "Étienne",
    "François",
    "Gaël",
    "Hugo",
    "Ibrahim",
    "Jean-Marc",
    "Joël",
    "Karim",
    "Loïc",
    "Mathieu",
    "Mickaël",
    "Noé",
    "Olivier",
    "Pierre-Yves",
    "Rémi",
    "Seán",
    "Théo",
    "Ulysse",
    "Vincent",
    "Yannick",
];

const PUBLICS: &[(&str, &str, u32)] = &[
    ("Certifié", "Titulaire", 34),
    ("PLP", "Titulaire", 22),
    ("CPE", "Titulaire", 12),
    ("Agrégé", "Titulaire", 6),
    ("PEPS", "Titulaire", 5),
    ("Professeur des écoles", "Titulaire", 5),
    ("Contractuel enseignant", "CDI", 6),
    ("Maître contractuel", "Contrat définitif", 3),
    ("Maître délégué", "CDI", 1),
    ("Contractuel enseignant", "CDD", 3),
    ("PsyEN", "Titulaire", 3),
];

const SCHOOL_NAMES: &[&str] = &[
    "Camille-Claudel",
    "des Peupliers",
    "Marie-Curie",
    "du Vieux-Pont",
    "George-Sand",
    "de la Prairie",
    "Jean-Zay",
    "des Cordeliers",
];

/// A school that exists for the demonstration only; its code has a right check letter.
#[derive(Debug, Clone)]
pub struct School {
    pub uai: String,
    pub name: String,
    pub department: String,
}

/// Schools of an academy, a handful per department.
#[must_use]
pub fn schools(academy: &Academy) -> Vec<School> {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
    let mut schools = Vec::new();
    for department in &academy.departments {
        let prefix = match department.as_str() {
            "2A" => "620".to_owned(),
            "2B" => "720".to_owned(),
            overseas if overseas.len() == 3 => overseas.to_owned(),
            metropolitan => format!("0{metropolitan}"),
        };
        for (index, name) in SCHOOL_NAMES.iter().enumerate() {
            let digits = format!("{prefix}9{:03}", 10 + index * 7);
            let Ok(number) = digits.parse::<usize>() else { continue };
            let letter = char::from(LETTERS[number % LETTERS.len()]);
            let Ok(uai) = Uai::parse(&format!("{digits}{letter}")) else { continue };
            let kind = ["Lycée", "Collège", "LP"][index % 3];
            schools.push(School {
                uai: uai.as_str().to_owned(),
                name: format!("{kind} {name}"),
                department: department.clone(),
            });
        }
    }
    schools
}

/// The spreadsheet of `count` candidates, as UTF-8 CSV with the columns an office uses.
#[must_use]
pub fn candidates_csv(academy: &Academy, session: i16, count: usize, seed: u64) -> String {
    let mut rng = Rng::with_seed(seed);
    let schools = schools(academy);
    let mut seen = HashSet::with_capacity(count);
    let mut csv = String::with_capacity(count * 160);
    csv.push_str(
        "Civilité;Nom de naissance;Nom d'usage;Prénom;Date de naissance;Courriel;Téléphone;Corps;Statut;UAI;Établissement;Département;\
         Date de titularisation ou du contrat;Formation suivie (O/N);Note conservée épreuve 1;Note conservée épreuve 2;Session d'origine;Aménagement\r\n",
    );
    let total: u32 = PUBLICS.iter().map(|(_, _, weight)| weight).sum();
    while seen.len() < count {
        let woman = rng.u32(0..100) < 62;
        let first = if woman { WOMEN[rng.usize(0..WOMEN.len())] } else { MEN[rng.usize(0..MEN.len())] };
        let name = BIRTH_NAMES[rng.usize(0..BIRTH_NAMES.len())];
        let (day, month, year) = (rng.u32(1..=28), rng.u32(1..=12), rng.u32(1966..=1997));
        if !seen.insert((name, first, day, month, year)) {
            continue;
        }
        let usage = if woman && rng.u32(0..100) < 18 { BIRTH_NAMES[rng.usize(0..BIRTH_NAMES.len())] } else { "" };
        let mut draw = rng.u32(0..total);
        let (corps, status) = PUBLICS
            .iter()
            .find_map(|(corps, status, weight)| {
                if draw < *weight {
                    return Some((*corps, *status));
                }
                draw -= weight;
                None
            })
            .unwrap_or(("Certifié", "Titulaire"));
        let school = &schools[rng.usize(0..schools.len())];
        let (kept_1, kept_2, origin) = match rng.u32(0..100) {
            0..=3 => (["10", "12,5", "14"][rng.usize(0..3)], "", i32::from(session) - 1),
            4..=6 => ("", ["11", "13", "15,5"][rng.usize(0..3)], i32::from(session) - 2),
            _ => ("", "", 0),
        };
        let origin = if origin == 0 { String::new() } else { origin.to_string() };
        let number = seen.len();
        let address = format!("{}.{}.{number}", fold(first).replace(' ', "-"), fold(name).replace(' ', "-"));
        let _ = write!(
            csv,
            "{};{name};{usage};{first};{day:02}/{month:02}/{year};{address}@ac-demo.example;06 {:02} {:02} {:02} {:02};{corps};{status};{};{};{};01/09/{};{};{kept_1};{kept_2};{origin};{}\r\n",
            if woman { "Mme" } else { "M." },
            rng.u32(10..99),
            rng.u32(10..99),
            rng.u32(10..99),
            rng.u32(10..99),
            school.uai,
            school.name,
            school.department,
            rng.u32((year + 24).min(2024)..=2024),
            if rng.u32(0..100) < 70 { "O" } else { "N" },
            if rng.u32(0..100) < 4 { "Tiers temps" } else { "" },
        );
    }
    csv
}

/// The spreadsheet of a jury whose commissions are enough for `count` candidates.
#[must_use]
pub fn jurors_csv(count: usize, seed: u64) -> String {
    let mut rng = Rng::with_seed(seed ^ 0x6a75_7279);
    let commissions = (count / 30).max(2);
    let mut csv = String::from(
        "Civilité;Nom;Prénom;Courriel;Téléphone;Qualité;UAI;Établissement;Président (O/N);Commission;Présidence de commission (O/N)\r\n\
         Mme;VERGNAUD;Hélène;presidence.jury@ac-demo.example;;IA-IPR;;Rectorat;O;;N\r\n\
         M.;CHASSAGNE;Étienne;csaio@ac-demo.example;;CSAIO;;Rectorat;N;;N\r\n",
    );
    const QUALITIES: [&str; 6] = [
        "IEN-ET-EG",
        "Chef d’établissement",
        "Titulaire du CPLDS ou de la CPIF",
        "IEN-IO",
        "Formateur",
        "Titulaire du CPLDS ou de la CPIF",
    ];
    for commission in 0..commissions {
        for seat in 0..3 {
            let woman = rng.bool();
            let first = if woman { WOMEN[rng.usize(0..WOMEN.len())] } else { MEN[rng.usize(0..MEN.len())] };
            let name = BIRTH_NAMES[rng.usize(0..BIRTH_NAMES.len())];
            let _ = write!(
                csv,
                "{};{name};{first};jury.{}.{}@ac-demo.example;;{};;Rectorat;N;{};{}\r\n",
                if woman { "Mme" } else { "M." },
                commission + 1,
                seat + 1,
                QUALITIES[(commission * 3 + seat) % QUALITIES.len()],
                commission_label(commission),
                if seat == 0 { "O" } else { "N" },
            );
        }
    }
    csv
}

/// `Commission A`, then `B`… and by number after `Z`.
#[must_use]
pub fn commission_label(index: usize) -> String {
    match u8::try_from(index) {
        Ok(index) if index < 26 => format!("Commission {}", char::from(b'A' + index)),
        _ => format!("Commission {}", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_people_and_another_seed_draws_others() {
        let academy = Academy::find("22").unwrap();
        assert_eq!(candidates_csv(academy, 2027, 50, 1), candidates_csv(academy, 2027, 50, 1));
        assert_ne!(candidates_csv(academy, 2027, 50, 1), candidates_csv(academy, 2027, 50, 2));
        assert_eq!(candidates_csv(academy, 2027, 50, 1).lines().count(), 51);
    }

    #[test]
    fn every_academy_has_schools_in_each_of_its_departments() {
        for academy in Academy::all() {
            let schools = schools(academy);
            for department in &academy.departments {
                let found = schools.iter().find(|school| school.department == *department).unwrap();
                assert_eq!(Uai::parse(&found.uai).unwrap().department().as_deref(), Some(department.as_str()));
            }
        }
    }
}
