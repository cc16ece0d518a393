//! The portfolio of a person, drawn from their record on demand: for themselves, and for the offices that see staff.

use super::documents::office_of;
use crate::domain::academy::french_date;
use crate::domain::competence::level_label;
use crate::domain::ids::FrenchDate;
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::staff::EvidenceSource;
use crate::domain::training::{school_year_label, shown};
use crate::pdf::portfolio::{PortfolioSection, PortfolioSheet, portfolio};
use crate::pdf::{Person, SimpleTable};
use crate::store::competence::{Profile, get_profile};
use crate::store::reference::get_academy;
use crate::store::staff::{StaffFile, get_staff_file};
use crate::store::{Db, StoreError, Stored};

/// Draws the portfolio of a person.
///
/// # Errors
/// Not found for whoever is neither the person nor an office of their academy; a document that cannot be drawn.
pub fn draw_portfolio(db: &Db, actor: &Actor, person_id: &str) -> Stored<Vec<u8>> {
    let at = db.clock().now();
    let (profile, file, academy) = db.read_now(|conn| {
        let profile = get_profile(conn, actor, person_id, at)?;
        let code = profile.person.academy_code.clone();
        let is_own = profile.stance == Some(EvidenceSource::Own);
        if !is_own && !may(actor, Action::SeeStaff, Object::academy(&code)) {
            return Err(StoreError::NotFound);
        }
        Ok((profile, get_staff_file(conn, &code, person_id, at)?, get_academy(conn, &code)?))
    })?;
    let sheet = PortfolioSheet {
        person: Person {
            civility: profile.person.civility.clone(),
            first_names: profile.person.first_names.clone(),
            birth_name: profile.person.birth_name.clone(),
            usage_name: profile.person.usage_name.clone(),
        },
        birth_date: profile.person.birth_date.0,
        office: office_of(&academy),
        sections: vec![
            postings(&file),
            activities(&file),
            competences(&profile),
            evidence(&profile),
            training(&file),
            certificates(&file),
        ],
        date: profile.today,
        simulated: db.clock().is_simulated(),
    };
    Ok(portfolio(&sheet)?)
}

fn section(heading: &str, none: &str, headers: &[&str], rows: Vec<Vec<String>>) -> PortfolioSection {
    let is_empty = rows.is_empty();
    PortfolioSection {
        heading: heading.to_owned(),
        paragraphs: if is_empty { vec![none.to_owned()] } else { Vec::new() },
        table: (!is_empty)
            .then(|| SimpleTable { headers: headers.iter().map(|own| (*own).to_owned()).collect(), rows }),
    }
}

fn day(day: jiff::civil::Date) -> String {
    FrenchDate::from(day).to_string()
}

fn postings(file: &StaffFile) -> PortfolioSection {
    let rows = file.postings.iter().map(|own| {
        vec![
            own.place.clone(),
            own.level.label().to_owned(),
            format!("{}\u{a0}%", own.quota),
            day(own.starts_on.0),
            own.ends_on.map_or_else(|| "en cours".to_owned(), |end| day(end.0)),
        ]
    });
    let headers = ["Lieu", "Niveau", "Quotité", "Du", "Au"];
    section("Affectations", "Aucune affectation n’est enregistrée.", &headers, rows.collect())
}

fn activities(file: &StaffFile) -> PortfolioSection {
    let rows = file.activities.iter().map(|(row, item)| {
        vec![format!("{} – {}", item.code, item.label), day(row.since.0), item.framework_id.clone()]
    });
    let headers = ["Activité du référentiel", "Depuis le", "Version"];
    section("Activités exercées", "Aucune activité n’est notée.", &headers, rows.collect())
}

fn competences(profile: &Profile) -> PortfolioSection {
    let cell =
        |seen: Option<(i32, jiff::civil::Date)>| seen.map_or_else(|| "–".to_owned(), |(level, _)| level.to_string());
    let rows: Vec<Vec<String>> = profile
        .lines
        .iter()
        .filter(|line| line.current().is_some())
        .map(|line| {
            let mut row = vec![format!("{} – {}", line.code, line.label)];
            let sources = [EvidenceSource::Own, EvidenceSource::Tutor, EvidenceSource::Trainer, EvidenceSource::Jury];
            row.extend(sources.map(|source| cell(line.of(source))));
            row.push(line.current().map_or_else(String::new, |(level, _)| level_label(level)));
            row
        })
        .collect();
    let headers = ["Compétence", "Soi-même", "Tuteur", "Formateur", "Jury", "Niveau retenu (sur 4)"];
    let mut made = section("Compétences", "Aucune compétence n’est encore constatée.", &headers, rows);
    if made.table.is_some() {
        made.paragraphs.push(format!("Référentiel\u{a0}: {} ({}).", profile.framework.title, profile.framework.id));
    }
    made
}

fn evidence(profile: &Profile) -> PortfolioSection {
    let rows = profile.history().into_iter().filter(|own| own.stands()).map(|own| {
        vec![
            day(own.dated_on),
            own.code.clone(),
            own.level.to_string(),
            format!("{}, {}", own.source.label(), own.author),
            own.comment.clone().or_else(|| own.reference.clone()).unwrap_or_else(|| "–".to_owned()),
        ]
    });
    let headers = ["Le", "Code", "Niveau", "Constaté par", "À l’appui"];
    section("Constats", "Aucun constat n’est enregistré.", &headers, rows.collect())
}

fn training(file: &StaffFile) -> PortfolioSection {
    let rows = file.followed.iter().map(|own| {
        let total = own.hours.total();
        vec![
            own.training.title.clone(),
            school_year_label(own.training.school_year),
            format!("{} sur {}", shown(total.done), shown(total.due)),
        ]
    });
    section(
        "Formation",
        "Aucune formation n’est enregistrée.",
        &["Formation", "Année", "Heures suivies"],
        rows.collect(),
    )
}

fn certificates(file: &StaffFile) -> PortfolioSection {
    let rows = file
        .certificates
        .iter()
        .map(|own| vec![own.number.clone(), own.year.to_string(), own.state.label().to_owned()]);
    let none = format!("Aucun certificat n’est enregistré au {}.", french_date(file.today));
    section("Certificat", &none, &["Numéro", "Session", "État"], rows.collect())
}
