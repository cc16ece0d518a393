//! The people behind the candidates of a demonstration: postings, activities, competences, a mission letter, holders
//! from before, equivalences, a name that changed, records that pass between academies. All of it by the same commands.

use jiff::civil::{Date, date};

use super::story::Cast;
use crate::domain::academy::Academy;
use crate::domain::holder::EquivalenceGround;
use crate::domain::ids::Mark;
use crate::domain::mission::Share;
use crate::domain::permission::Actor;
use crate::domain::staff::career::CivilStatus;
use crate::domain::staff::{EvidenceSource, PostingLevel};
use crate::store::handover::{NewHandover, propose_handover};
use crate::store::holder::{
    Check, NewEarlierMark, NewHolder, check_equivalence, check_holder, check_kept_mark, record_equivalence,
    record_holder, record_kept_mark_earlier,
};
use crate::store::mission::{NewLetter, write_letter};
use crate::store::people::{NewPerson, get_person};
use crate::store::staff::{
    NameChange, NewEvidence, NewPosting, StatusChange, add_evidence, change_name, note_activity, open_record,
    record_posting, update_status,
};
use crate::store::{Db, Lock, Stored, Tx, framework};

/// Civility, birth name, first names, year of birth, corps, status.
type Someone = (&'static str, &'static str, &'static str, i16, &'static str, &'static str);

const COLLEAGUES: [Someone; 5] = [
    ("Mme", "FOURNIER", "Élise", 1975, "Professeure certifiée", "titulaire"),
    ("M.", "LACŒUILHE", "Bertrand", 1968, "PLP CPIF", "titulaire"),
    ("Mme", "MARCHETTI", "Solène", 1980, "CPE", "titulaire"),
    ("M.", "N’DIAYE", "Ousmane", 1986, "Contractuel d’enseignement", "CDI"),
    ("Mme", "PÉRIGNON", "Anne-Laure", 1990, "Professeure des écoles", "titulaire"),
];

/// Gives the candidates `people` and a few colleagues their records, at the end of the session of `year`.
pub fn play(db: &Db, cast: &Cast, year: i16, people: &[String]) -> Stored<()> {
    let departments: Vec<String> = cast.academy.departments.clone();
    let (trainer, officer) = (&cast.trainer, &cast.officer);
    let framework_id = db.read_now(framework::list_frameworks)?.into_iter().next().map(|pack| pack.id);
    let Some(framework_id) = framework_id else { return Ok(()) };
    let code = cast.academy.code.clone();
    let own = people.to_vec();
    let of = framework_id.clone();
    let colleagues = db.write_now(trainer, Lock::House, move |tx| {
        let mut ids = Vec::new();
        for someone in COLLEAGUES {
            ids.push(open_record(tx, &new_person(&code, someone))?.0);
        }
        for (at, id) in ids.iter().chain(&own).enumerate() {
            let department = departments.get(at % departments.len().max(1)).cloned();
            post(tx, id, at, year, department)?;
            exercise(tx, id, at, year, &of)?;
        }
        Ok(ids)
    })?;
    let [tutor, cpif, renamed, leaving, _] = &colleagues[..] else { return Ok(()) };
    let (tutor, cpif, renamed, leaving) = (tutor.clone(), cpif.clone(), renamed.clone(), leaving.clone());
    let elsewhere = if cast.academy.code == "13" { "14" } else { "13" };
    let (holder, marks, deemed) = {
        let (tutor, cpif, renamed, leaving) = (tutor.clone(), cpif.clone(), renamed.clone(), leaving.clone());
        db.write_now(trainer, Lock::House, move |tx| {
            change(tx, &renamed, year)?;
            letter(tx, &tutor, &framework_id, year)?;
            propose_handover(
                tx,
                &NewHandover {
                    person_id: leaving.clone(),
                    to_academy: elsewhere.to_owned(),
                    takes_effect_on: date(year, 9, 1),
                    reason: "Mutation à la rentrée, à la demande de l’intéressé.".into(),
                },
            )?;
            let new = NewHolder {
                person_id: tutor.clone(),
                year: 2019,
                number: Some("2019-04".into()),
                issued_on: Some(date(2019, 9, 2)),
                evidence: "Copie du certificat et procès-verbal du 4 juillet 2019".into(),
            };
            let holder = record_holder(tx, &new)?;
            let mark = NewEarlierMark {
                person_id: leaving,
                year: 2024,
                epreuve: 1,
                mark: Mark::from_hundredths(1250),
                evidence: "Relevé de notes de la session 2024".into(),
            };
            let marks = record_kept_mark_earlier(tx, &mark)?;
            let deemed = record_equivalence(
                tx,
                &cpif,
                EquivalenceGround::Cpif,
                "Arrêté de titularisation, CAPLP section CPIF, 1er septembre 2003",
            )?;
            record_equivalence(tx, &renamed, EquivalenceGround::ThreeYears, "État de services, à compléter")?;
            Ok((holder, marks, deemed))
        })?
    };
    db.write_now(officer, Lock::House, move |tx| {
        let check = |id: &str, note: &str| Check { id: id.to_owned(), holds: true, note: note.into() };
        check_holder(tx, &check(&holder, "Procès-verbal de 2019 vu aux archives de la DEC"))?;
        check_kept_mark(tx, &check(&marks, "Relevé de notes de 2024 vu par la DEC"))?;
        check_equivalence(tx, &check(&deemed, "Arrêté vu par la DEC")).map(|_| ())
    })?;
    receive(db, cast, elsewhere, year)
}

fn new_person(academy: &str, (civility, birth_name, first_names, born, corps, status): Someone) -> NewPerson {
    let address = crate::domain::ids::fold(&format!("{first_names}.{birth_name}")).replace(' ', "-");
    NewPerson {
        academy_code: academy.to_owned(),
        civility: civility.into(),
        birth_name: birth_name.into(),
        usage_name: None,
        first_names: first_names.into(),
        birth_date: date(born, 4, 12),
        birth_place: None,
        email: format!("{address}@ac-demo.example"),
        phone: None,
        corps: corps.into(),
        status: status.into(),
        contract_date: Some(date(born + 26, 9, 1)),
    }
}

/// One posting in three is mixed, one in two asks for the certificate.
fn post(tx: &mut Tx<'_>, id: &str, at: usize, year: i16, department: Option<String>) -> Stored<()> {
    const PLACES: [(PostingLevel, &str); 5] = [
        (PostingLevel::School, "Lycée professionnel, pôle de remobilisation"),
        (PostingLevel::Department, "DSDEN, coordination départementale de la MLDS"),
        (PostingLevel::Basin, "Bassin d’éducation, coordination"),
        (PostingLevel::District, "Réseau FOQUALE du district"),
        (PostingLevel::Academy, "Rectorat, SAIO"),
    ];
    let (level, place) = PLACES[at % PLACES.len()];
    let mixed = at % 3 == 2;
    let new = NewPosting {
        person_id: id.to_owned(),
        level,
        place: place.to_owned(),
        uai: None,
        department: department.filter(|_| level != PostingLevel::Academy),
        quota: if mixed { 50 } else { 100 },
        starts_on: date(year - 1 - i16::try_from(at % 4).unwrap_or(0), 9, 1),
        ends_on: None,
        requires_certificate: at.is_multiple_of(2),
        certificate_by: at.is_multiple_of(2).then(|| date(year + i16::try_from(at % 3).unwrap_or(0) - 1, 8, 31)),
    };
    record_posting(tx, &new)?;
    if mixed {
        let other = NewPosting {
            level: PostingLevel::School,
            place: "Lycée polyvalent, module d’accueil".into(),
            requires_certificate: false,
            certificate_by: None,
            ..new
        };
        record_posting(tx, &other)?;
    }
    Ok(())
}

/// Two activities and three competences seen over the year.
fn exercise(tx: &mut Tx<'_>, id: &str, at: usize, year: i16, framework_id: &str) -> Stored<()> {
    let framework = crate::store::reference::get_framework(tx.conn, framework_id)?;
    let activities: Vec<String> = framework.activities().map(|own| own.code.clone()).collect();
    let competences: Vec<String> = framework.competences().iter().map(|own| own.code.clone()).collect();
    for step in 0..2 {
        if let Some(code) = activities.get((at * 3 + step * 5) % activities.len().max(1)) {
            note_activity(tx, id, framework_id, code, date(year - 1, 9, 1))?;
        }
    }
    for step in 0..3 {
        let Some(code) = competences.get((at + step * 2) % competences.len().max(1)) else { continue };
        let new = NewEvidence {
            person_id: id.to_owned(),
            framework_id: framework_id.to_owned(),
            item_code: code.clone(),
            source: [EvidenceSource::Own, EvidenceSource::Tutor, EvidenceSource::Trainer][step % 3],
            level: i32::try_from((at + step) % 4).unwrap_or(0) + 1,
            dated_on: date(year, i8::try_from(step).unwrap_or(0) + 2, 12),
            reference: Some("Visite sur le lieu d’exercice".into()),
        };
        add_evidence(tx, &new)?;
    }
    Ok(())
}

/// A colleague who married, and whose corps changed two years before.
fn change(tx: &mut Tx<'_>, id: &str, year: i16) -> Stored<()> {
    let person = get_person(tx.conn, id)?;
    update_status(
        tx,
        &StatusChange {
            person_id: id.to_owned(),
            category: None,
            corps: "Assistante d’éducation".into(),
            status: "CDD".into(),
            contract_date: Some(date(2012, 9, 1)),
            starts_on: Some(date(2012, 9, 1)),
        },
    )?;
    change_name(
        tx,
        &NameChange {
            person_id: id.to_owned(),
            version: person.version,
            status: CivilStatus {
                civility: person.civility,
                birth_name: person.birth_name,
                usage_name: Some("DELORME".into()),
                first_names: person.first_names,
            },
            changed_on: date(year, 5, 23),
            reason: "Acte de mariage du 23 mai".into(),
        },
    )
}

fn letter(tx: &mut Tx<'_>, id: &str, framework_id: &str, year: i16) -> Stored<()> {
    let framework = crate::store::reference::get_framework(tx.conn, framework_id)?;
    let parts = [30, 50, 20];
    let shares = framework
        .families
        .iter()
        .zip(parts)
        .map(|(family, share)| Share { family: family.code.clone(), share })
        .collect();
    let new = NewLetter {
        person_id: id.to_owned(),
        framework_id: framework_id.to_owned(),
        starts_on: date(year - 1, 9, 1),
        ends_on: date(year, 8, 31),
        place: "Lycée professionnel, pôle de remobilisation".into(),
        missions: "Concevoir et animer des séquences de formation pour les jeunes accueillis.\n\
                   Coordonner le pôle, avec les référents décrochage des établissements du bassin.\n\
                   Accompagner deux collègues qui préparent le certificat."
            .into(),
        shares,
    };
    write_letter(tx, &new).map(|_| ())
}

/// A record that another academy proposes, waiting for its answer here.
fn receive(db: &Db, cast: &Cast, from: &str, year: i16) -> Stored<()> {
    let (from, to) = (from.to_owned(), cast.academy.code.clone());
    if Academy::find(&from).is_none() {
        return Ok(());
    }
    let arrives: Date = date(year, 9, 1);
    db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
        let someone: Someone = ("Mme", "VASSEUR-QUÉRÉ", "Maïwenn", 1988, "Professeure certifiée", "titulaire");
        let (id, _) = open_record(tx, &new_person(&from, someone))?;
        propose_handover(
            tx,
            &NewHandover {
                person_id: id,
                to_academy: to,
                takes_effect_on: arrives,
                reason: "Mutation interacadémique, mouvement de mars.".into(),
            },
        )
        .map(|_| ())
    })
}
