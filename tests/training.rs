//! From the opening of a training to the hours on a person's record, and to the tutors the jury must know.

mod year;

use axum::http::StatusCode;
use cplds::domain::ids::EmailAddress;
use cplds::domain::permission::{Actor, Role};
use cplds::store::staff::get_staff_file;
use cplds::store::training::{
    Designation, NewTraining, Sheet, Sight, Tutor, designate_tutor, enrol, get_training, list_enrollable,
    list_trainings, list_tutor_emails, note_attendance, note_sheet, open_training, withdraw_trainee,
};
use cplds::store::{StoreError, Stored};
use jiff::civil::{Date, date};

use crate::staff::{Browser, act, actor, load_reference, person};
use crate::support::{Fresh, each_engine, instant};

fn training_of(academy: &str) -> NewTraining {
    NewTraining {
        academy_code: academy.to_owned(),
        title: "Préparation au CPLDS 2025-2026".into(),
        school_year: 2025,
        regulation_id: "reglement-2017".into(),
        starts_on: date(2025, 9, 8),
        ends_on: date(2026, 6, 12),
        place: "INSPÉ de Limoges".into(),
    }
}

fn outside(name: &str, email: &str) -> Designation {
    Designation {
        tutor: Tutor::Outside { name: name.into(), email: EmailAddress::parse(email).unwrap() },
        is_qualified: true,
    }
}

fn opened(fresh: &Fresh, manager: &Actor) -> String {
    let new = training_of("22");
    act(fresh, manager, move |tx| open_training(tx, &new)).unwrap()
}

fn enrolled(fresh: &Fresh, manager: &Actor, training: &str, person: &str) -> String {
    let (training, person) = (training.to_owned(), person.to_owned());
    act(fresh, manager, move |tx| enrol(tx, &training, &person, None)).unwrap()
}

fn note(
    fresh: &Fresh,
    manager: &Actor,
    enrolment: &str,
    module: &'static str,
    on: Date,
    minutes: u32,
    reason: &'static str,
) -> Stored<usize> {
    let enrolment = enrolment.to_owned();
    act(fresh, manager, move |tx| note_attendance(tx, &enrolment, module, on, minutes, reason))
}

fn refused<T: std::fmt::Debug>(answer: Stored<T>) -> &'static str {
    match answer {
        Err(StoreError::Refused(refusal)) => refusal.code,
        Err(StoreError::NotFound) => "not_found",
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn hours_followed_show_on_the_record_against_hours_due() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let nadia = person(fresh, "22", "Lefèvre", "Nadia");
        let training = opened(fresh, &manager);
        assert_eq!(opened(fresh, &manager), training, "the same form sent twice opens one training");
        let enrolment = enrolled(fresh, &manager, &training, &nadia);
        for (day, module, minutes) in [(15, "MO1", 360), (16, "MO1", 390), (17, "MA1", 300), (18, "MP2", 240)] {
            note(fresh, &manager, &enrolment, module, date(2025, 9, day), minutes, "").unwrap();
        }
        // The same line again changes nothing; a correction replaces; zero takes back.
        assert_eq!(note(fresh, &manager, &enrolment, "MO1", date(2025, 9, 15), 360, "").unwrap(), 0);
        assert_eq!(note(fresh, &manager, &enrolment, "MO1", date(2025, 9, 16), 360, "").unwrap(), 1);
        assert_eq!(note(fresh, &manager, &enrolment, "MP2", date(2025, 9, 18), 0, "").unwrap(), 1);

        let file = fresh.db.read_now(|conn| get_staff_file(conn, "22", &nadia, fresh.clock.now())).unwrap();
        let hours = &file.followed[0].hours;
        assert_eq!((hours.theory.done, hours.theory.due), (720, 7_200));
        assert_eq!((hours.deepening.done, hours.deepening.due), (300, 1_800));
        assert_eq!((hours.practice.done, hours.practice.due), (0, 2_400));
        assert_eq!(hours.total().due, 11_400, "190 hours");
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        assert_eq!(file.days.len(), 3);
        assert_eq!(file.trainees[0].attendances.len(), 3);
    });
}

#[test]
fn a_sheet_is_noted_whole_or_not_at_all_and_names_who_blocks_it() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let (nadia, loic) = (person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Le Goff", "Loïc"));
        let training = opened(fresh, &manager);
        let (one, two) = (enrolled(fresh, &manager, &training, &nadia), enrolled(fresh, &manager, &training, &loic));
        note(fresh, &manager, &two, "MO1", date(2025, 10, 6), 700, "").unwrap();
        note(fresh, &manager, &two, "MO1", date(2025, 10, 7), 300, "").unwrap();
        let sheet = |reason: &str| Sheet {
            module: "MO1".into(),
            held_on: date(2025, 10, 8),
            reason: reason.into(),
            lines: vec![(one.clone(), 360), (two.clone(), 360)],
        };
        let (of, without) = (training.clone(), sheet(""));
        let error = act(fresh, &manager, move |tx| note_sheet(tx, &of, &without)).unwrap_err();
        let StoreError::Refused(refusal) = error else { panic!("{error}") };
        assert_eq!(refusal.code, "module_exceeded");
        assert!(refusal.sentence.starts_with("Le Goff Loïc\u{a0}: "), "{refusal}");
        assert!(refusal.law.as_deref().unwrap().contains("MENE1710932A"), "{refusal}");
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        assert!(file.trainees.iter().find(|trainee| trainee.enrolment.id == one).unwrap().attendances.is_empty());
        let (of, with) = (training.clone(), sheet("séance de rattrapage du groupe"));
        assert_eq!(act(fresh, &manager, move |tx| note_sheet(tx, &of, &with)).unwrap(), 2);
        // An hour too many in one module does not replace another module.
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        let hours = &file.trainees.iter().find(|trainee| trainee.enrolment.id == two).unwrap().hours;
        assert_eq!((hours.theory.done, hours.theory.counted), (1_360, 1_200));
    });
}

#[test]
fn presences_that_cannot_be_are_refused() {
    each_engine(|fresh| {
        load_reference(fresh);
        fresh.clock.set(instant("2026-06-01T08:00:00Z"));
        let manager = actor(Role::TrainingManager, "22");
        let nadia = person(fresh, "22", "Lefèvre", "Nadia");
        let training = opened(fresh, &manager);
        let enrolment = enrolled(fresh, &manager, &training, &nadia);
        let day = date(2025, 10, 6);
        assert_eq!(refused(note(fresh, &manager, &enrolment, "MO9", day, 60, "")), "no_such_module");
        assert_eq!(refused(note(fresh, &manager, &enrolment, "MO1", date(2025, 9, 7), 60, "")), "outside_training");
        assert_eq!(refused(note(fresh, &manager, &enrolment, "MO1", date(2026, 6, 2), 60, "")), "attendance_ahead");
        assert_eq!(refused(note(fresh, &manager, &enrolment, "MO1", day, 721, "")), "day_too_long");
        note(fresh, &manager, &enrolment, "MO1", day, 400, "").unwrap();
        assert_eq!(refused(note(fresh, &manager, &enrolment, "MO2", day, 321, "")), "day_too_long");
        let gone = enrolment.clone();
        act(fresh, &manager, move |tx| withdraw_trainee(tx, &gone)).unwrap();
        assert_eq!(refused(note(fresh, &manager, &enrolment, "MO2", day, 60, "")), "trainee_withdrawn");
        let mut late = training_of("22");
        late.ends_on = date(2026, 12, 1);
        assert_eq!(refused(act(fresh, &manager, move |tx| open_training(tx, &late))), "outside_school_year");
    });
}

#[test]
fn a_trainee_is_not_their_own_tutor_under_any_address() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let (nadia, loic) = (person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Le Goff", "Marc"));
        let training = opened(fresh, &manager);
        let enrolment = enrolled(fresh, &manager, &training, &nadia);
        let designate = |designation: Designation| {
            let of = enrolment.clone();
            act(fresh, &manager, move |tx| designate_tutor(tx, &of, &designation))
        };
        let own = Designation { tutor: Tutor::Person(nadia.clone()), is_qualified: true };
        assert_eq!(refused(designate(own)), "own_tutor");
        assert_eq!(refused(designate(outside("Quelqu’un", "NADIA@ac.example"))), "own_tutor");
        let unsure = Designation { is_qualified: false, ..outside("Anne Roy", "anne.roy@ac.example") };
        assert_eq!(refused(designate(unsure)), "tutor_not_qualified");
        designate(outside("Anne Roy", "Anne.Roy@ac.example")).unwrap();
        let known = |ids: Vec<String>| fresh.db.read_now(|conn| list_tutor_emails(conn, &ids)).unwrap();
        assert_eq!(known(vec![nadia.clone(), loic.clone()]), [(nadia.clone(), "anne.roy@ac.example".to_owned(), None)]);
        // A tutor named by an address that has a record here is linked to it.
        designate(outside("Marc Le Goff", "marc@ac.example")).unwrap();
        assert_eq!(known(vec![nadia.clone()])[0].2.as_deref(), Some(loic.as_str()));
    });
}

#[test]
fn a_training_is_seen_by_its_academy_and_by_the_tutor_of_its_trainees() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let (nadia, loic) = (person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Le Goff", "Loïc"));
        let stranger = person(fresh, "13", "Costa", "Inès");
        let training = opened(fresh, &manager);
        let of = (training.clone(), nadia.clone(), outside("Anne Roy", "anne.roy@ac.example"));
        act(fresh, &manager, move |tx| enrol(tx, &of.0, &of.1, Some(&of.2))).unwrap();
        let of = training.clone();
        assert_eq!(refused(act(fresh, &manager, move |tx| enrol(tx, &of, &stranger, None))), "not_found");
        let of = (training.clone(), loic.clone());
        let foreign = actor(Role::TrainingManager, "13");
        assert_eq!(refused(act(fresh, &foreign, move |tx| enrol(tx, &of.0, &of.1, None))), "not_found");
        enrolled(fresh, &manager, &training, &loic);

        let see =
            |academy: &str, sight: Sight| fresh.db.read_now(|conn| get_training(conn, academy, &training, &sight));
        let tutor = |email: &str| Sight::TutoredBy { email_key: email.into() };
        assert_eq!(see("22", Sight::Academy).unwrap().trainees.len(), 2);
        let own = see("22", tutor("anne.roy@ac.example")).unwrap();
        assert_eq!(own.trainees.len(), 1);
        assert_eq!(own.trainees[0].name, "Lefèvre Nadia");
        assert_eq!(refused(see("22", tutor("autre@ac.example"))), "not_found");
        assert_eq!(refused(see("13", Sight::Academy)), "not_found");

        let list =
            |academy: &str, sight: Sight| fresh.db.read_now(|conn| list_trainings(conn, academy, &sight)).unwrap();
        let all = list("22", Sight::Academy);
        assert_eq!((all[0].trainees, all[0].without_tutor), (2, 1));
        assert!(list("22", tutor("autre@ac.example")).is_empty());
        assert!(list("13", Sight::Academy).is_empty());
        assert!(fresh.db.read_now(|conn| list_enrollable(conn, "22", &training, "", 50)).unwrap().is_empty());
        let third = person(fresh, "22", "Noël", "Zoé");
        let found = fresh.db.read_now(|conn| list_enrollable(conn, "22", &training, "noel", 50)).unwrap();
        assert_eq!(found, [(third, "Noël Zoé".to_owned())]);
        assert!(fresh.db.read_now(|conn| list_enrollable(conn, "22", &training, "lefevre", 50)).unwrap().is_empty());
    });
}

#[test]
fn a_manager_opens_enrols_designates_and_notes_through_the_pages() {
    each_engine(|fresh| {
        load_reference(fresh);
        fresh.clock.set(instant("2026-11-23T08:00:00Z"));
        let manager = actor(Role::TrainingManager, "22");
        let (anne, other, foreign) =
            (actor(Role::Tutor, "22"), actor(Role::Tutor, "13"), actor(Role::TrainingManager, "13"));
        let browser = Browser::on(fresh, &[&manager, &anne, &other, &foreign]);
        let who = manager.user_id.as_str();
        let (nadia, loic) = (person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Le Goff", "Loïc"));

        let mut fields = vec![
            ("intitule", "Préparation au CPLDS"),
            ("annee", "2026"),
            ("reglement", "reglement-2017"),
            ("debut", "2026-09-07"),
            ("fin", "2027-09-30"),
            ("lieu", "INSPÉ de Limoges"),
        ];
        let (status, _, page) = browser.post(who, "/formation/nouvelle", &fields);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("une seule année scolaire") && page.contains("value=\"INSPÉ de Limoges\""));
        fields[4] = ("fin", "2027-06-11");
        let (status, training, _) = browser.post(who, "/formation/nouvelle", &fields);
        assert_eq!(status, StatusCode::SEE_OTHER);

        assert!(browser.get(who, &format!("{training}?personne=lefevre")).1.contains(&nadia));
        let mut enrolments = Vec::new();
        for person in [&nadia, &loic] {
            let (status, next, _) = browser.post(who, &format!("{training}/inscriptions"), &[("stagiaire", person)]);
            assert_eq!(status, StatusCode::SEE_OTHER);
            enrolments.push(next.rsplit('/').next().unwrap().to_owned());
        }
        let tutor = format!("{training}/stagiaires/{}/tuteur", enrolments[0]);
        let named = [("tuteur_nom", "Anne Roy"), ("tuteur_email", anne.email.as_str())];
        let (status, _, page) = browser.post(who, &tutor, &named);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("href=\"#champ-tuteur_qualifie\"") && page.contains("value=\"Anne Roy\""));
        let vouched = [named[0], named[1], ("tuteur_qualifie", "oui")];
        assert_eq!(browser.post(who, &tutor, &vouched).0, StatusCode::SEE_OTHER);

        let both = [("presents", enrolments[0].as_str()), ("presents", enrolments[1].as_str())];
        let sheet = |day: &'static str, duration: &'static str| {
            [("module", "MO1"), ("jour", day), ("duree", duration), ("motif", ""), both[0], both[1]]
        };
        let presences = format!("{training}/presences");
        let (status, _, page) = browser.post(who, &presences, &sheet("2026-11-24", "6 h"));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("le 24/11/2026 est à venir") && page.contains("value=\"6 h\""), "{page}");
        assert_eq!(browser.post(who, &presences, &sheet("2026-11-20", "6 h 30")).0, StatusCode::SEE_OTHER);
        let (_, page) = browser.get(who, &training);
        assert!(page.contains("6\u{a0}h\u{a0}30") && page.contains("20/11/2026"));
        let (_, record) = browser.get(who, &format!("/personnels/{nadia}"));
        assert!(record.contains("Modules obligatoires, 120\u{a0}h") && record.contains("6\u{a0}h\u{a0}30"));

        let (_, sheet_to_sign) = browser.get(who, &format!("{training}/emargement?module=MO1&jour=2026-11-20"));
        for shown in ["vendredi 20\u{a0}novembre 2026", "MO1 – Module obligatoire 1", "Le Goff Loïc"] {
            assert!(sheet_to_sign.contains(shown), "{shown}");
        }
        assert_eq!(browser.get(&anne.user_id, &format!("{training}/emargement")).0, StatusCode::NOT_FOUND);

        // A tutor sees their own trainee and changes nothing; elsewhere there is nothing to see.
        let (status, page) = browser.get(&anne.user_id, &training);
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("Lefèvre Nadia") && !page.contains("Le Goff") && !page.contains("/presences"));
        let stranger = format!("{training}/stagiaires/{}", enrolments[1]);
        assert_eq!(browser.get(&anne.user_id, &stranger).0, StatusCode::NOT_FOUND);
        assert_eq!(browser.post(&anne.user_id, &presences, &sheet("2026-11-19", "1 h")).0, StatusCode::NOT_FOUND);
        for who in [&other, &foreign] {
            assert_eq!(browser.get(&who.user_id, &training).0, StatusCode::NOT_FOUND, "{}", who.name);
        }
        for act in ["inscriptions", "presences"] {
            let (status, ..) =
                browser.post(&foreign.user_id, &format!("{training}/{act}"), &[("stagiaire", nadia.as_str())]);
            assert_eq!(status, StatusCode::NOT_FOUND, "{act}");
        }
        let leave = format!("{stranger}/depart");
        assert_eq!(browser.post(&foreign.user_id, &leave, &[]).0, StatusCode::NOT_FOUND);
        assert_eq!(browser.post(who, &leave, &[]).0, StatusCode::SEE_OTHER);
        assert!(browser.get(who, &stranger).1.contains("a quitté la formation"));
    });
}
