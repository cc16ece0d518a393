//! A training year through its pages: a place asked for, the last one given once, dated meetings, presences signed and
//! corrected, an exemption, opinions nobody can trace, and what another academy never sees.

use axum::http::StatusCode;
use cplds::domain::permission::{Actor, Role};
use cplds::office::training as office;
use cplds::store::training::{
    Answer, NewMeeting, Offer, Placed, PresenceMethod, Sight, answer, ask_place, describe_offer, exempt,
    find_follow_up, find_offer, find_opinion, get_training, list_clashes, list_requests, list_to_convene, note_meeting,
    place, plan_meeting, sign_presence, statistics, withdraw_trainee,
};
use cplds::store::{Lock, Stamp, accounts, schema};
use diesel::prelude::*;
use jiff::civil::datetime;

use super::{act, actor, enrolled, load_reference, opened, person, refused};
use crate::support::web::Site;
use crate::support::{Fresh, connect, each_engine, instant};

/// Links an account that can sign in to this person; returns its address.
fn account(fresh: &Fresh, site: &Site, person: &str, email: &str) -> (String, Actor) {
    let user = site.user_called(email, "Stagiaire", &[(Role::Candidate, "22")]);
    diesel::update(schema::people::table.find(person))
        .set(schema::people::user_id.eq(Some(&user)))
        .execute(&mut connect(fresh))
        .unwrap();
    let actor = fresh.db.read_now(|conn| accounts::find_actor(conn, &user)).unwrap().unwrap();
    (email.to_owned(), actor)
}

fn meeting(module: &str, day: i8, from: i8, to: i8) -> NewMeeting {
    NewMeeting {
        module: module.into(),
        starts: datetime(2026, 3, day, from, 0, 0, 0),
        ends: datetime(2026, 3, day, to, 0, 0, 0),
        place: "INSPÉ".into(),
        remote_link: None,
        trainers: "Mme Faure".into(),
    }
}

fn offer(training: &str, places: i32, version: i32) -> Offer {
    Offer {
        training_session_id: training.into(),
        places: Some(places),
        takes_requests: true,
        version,
        ..Offer::default()
    }
}

#[test]
fn the_last_place_is_given_once_and_the_next_in_turn_takes_the_one_that_frees() {
    each_engine(|fresh| {
        load_reference(fresh);
        fresh.clock.set(instant("2026-01-12T08:00:00Z"));
        let manager = actor(Role::TrainingManager, "22");
        let training = opened(fresh, &manager);
        let of = offer(&training, 1, 0);
        act(fresh, &manager, move |tx| describe_offer(tx, &of)).unwrap();
        let people: Vec<String> = ["Arnaud", "Benoit", "Colin", "Didier", "Evrard", "Fabre"]
            .iter()
            .map(|name| person(fresh, "22", name, "Léa"))
            .collect();
        let placed: Vec<Placed> = std::thread::scope(|scope| {
            let asked: Vec<_> = people
                .iter()
                .map(|person| {
                    let (training, manager, db) = (training.clone(), manager.clone(), fresh.db.clone());
                    let person = person.clone();
                    scope.spawn(move || {
                        db.write_now(&manager, Lock::House, move |tx| place(tx, &training, &person, "")).unwrap()
                    })
                })
                .collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let enrolled = placed.iter().filter(|one| matches!(one, Placed::Enrolled(_))).count();
        assert_eq!(enrolled, 1, "{placed:?}");
        let mut ranks: Vec<usize> =
            placed.iter().filter_map(|one| if let Placed::Waiting(rank) = one { Some(*rank) } else { None }).collect();
        ranks.sort_unstable();
        assert_eq!(ranks, [1, 2, 3, 4, 5]);

        let requests = fresh.db.read_now(|conn| list_requests(conn, &training)).unwrap();
        let first = requests[0].request.person_id.clone();
        let Some(Placed::Enrolled(enrolment)) = placed.iter().find(|one| matches!(one, Placed::Enrolled(_))) else {
            panic!("{placed:?}")
        };
        let gone = enrolment.clone();
        act(fresh, &manager, move |tx| withdraw_trainee(tx, &gone)).unwrap();
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        let stays: Vec<&str> = file
            .trainees
            .iter()
            .filter(|trainee| trainee.enrolment.withdrawn_at.is_none())
            .map(|trainee| trainee.enrolment.person_id.as_str())
            .collect();
        assert_eq!(stays, [first.as_str()], "who asked first comes in");
        // Two more places: two more come in, in order.
        let of = offer(&training, 3, 1);
        act(fresh, &manager, move |tx| describe_offer(tx, &of)).unwrap();
        assert_eq!(office::tell_answers(&fresh.db, "https://cplds.example").unwrap(), 5, "each is told once");
        assert_eq!(office::tell_answers(&fresh.db, "https://cplds.example").unwrap(), 0);
        let left = fresh.db.read_now(|conn| list_requests(conn, &training)).unwrap();
        assert_eq!(left.iter().filter(|view| view.request.state.is_open()).count(), 2);
    });
}

#[test]
fn a_trainee_asks_signs_on_a_phone_and_gives_an_opinion_through_the_pages() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        fresh.clock.set(instant("2026-03-02T08:00:00Z"));
        let manager_email = site.user(Role::TrainingManager, "22");
        let manager = site.actor(&manager_email);
        let training = opened(fresh, &manager);
        let nadia = person(fresh, "22", "Lefèvre", "Nadia");
        let (email, _) = account(fresh, &site, &nadia, "nadia.lefevre@ac-limoges.example");
        let stranger = person(fresh, "22", "Autre", "Zoé");
        let (other, _) = account(fresh, &site, &stranger, "zoe.autre@ac-limoges.example");

        let mut office = site.sign_in(&manager_email);
        office.get(&format!("/formation/{training}/offre"));
        let fields = [("version", "0"), ("places", "deux"), ("demandes", "oui"), ("prerequis", ""), ("formateurs", "")];
        let answer = office.post(&format!("/formation/{training}/offre"), &fields);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.says("value=\"deux\"") && answer.says("entre 1 et 1 000"));
        let mut right = fields;
        right[1] = ("places", "2");
        assert_eq!(office.post(&format!("/formation/{training}/offre"), &right).status, StatusCode::SEE_OTHER);

        let mut phone = site.sign_in(&email);
        let page = phone.get("/formation/mes-formations");
        assert!(page.says("Il reste 2 places"), "{}", page.body);
        let asked = phone.post(&format!("/formation/mes-formations/{training}/demande"), &[]);
        assert!(phone.follow(&asked).says("à examiner"));
        let requests = fresh.db.read_now(|conn| list_requests(conn, &training)).unwrap();
        assert_eq!(requests.len(), 1);
        office.get(&format!("/formation/{training}"));
        let request = format!("/formation/{training}/demandes/{}", requests[0].request.id);
        let refused = office.post(&request, &[("reponse", "refuser"), ("motif", "")]);
        assert!(office.follow(&refused).says("Indiquez le motif du refus"));
        assert_eq!(office.post(&request, &[("reponse", "accepter")]).status, StatusCode::SEE_OTHER);

        office.get(&format!("/formation/{training}/seances/nouvelle"));
        let planned = office.post(
            &format!("/formation/{training}/seances/nouvelle"),
            &[
                ("module", "MO1"),
                ("jour", "2026-03-03"),
                ("debut", "09:00"),
                ("fin", "15:00"),
                ("lieu", "INSPÉ"),
                ("lien", ""),
                ("formateurs", "Mme Faure"),
            ],
        );
        assert_eq!(planned.status, StatusCode::SEE_OTHER, "{}", planned.body);
        let meeting = planned.location().to_owned();
        let code = office.get(&format!("{meeting}/code"));
        let address = code.body.split("href=\"http://127.0.0.1:8080/formation/presence/").nth(1).unwrap();
        let address = format!("/formation/presence/{}", address.split('"').next().unwrap());

        // Too early, then in time; a made-up code and somebody who does not follow the training find nothing.
        assert!(phone.get(&address).says("Signer ma présence"));
        assert_eq!(phone.post(&address, &[]).status, StatusCode::CONFLICT);
        fresh.clock.set(instant("2026-03-03T08:30:00Z"));
        let mut phone = site.sign_in(&email);
        let forged = format!("{}{}", &address[..address.len() - 1], if address.ends_with('0') { "1" } else { "0" });
        assert_eq!(phone.get(&forged).status, StatusCode::NOT_FOUND);
        phone.get(&address);
        let signed = phone.post(&address, &[]);
        assert!(phone.follow(&signed).says("6\u{a0}h"));
        let mut elsewhere = site.sign_in(&other);
        elsewhere.get(&address);
        assert_eq!(elsewhere.post(&address, &[]).status, StatusCode::NOT_FOUND);

        // The sheet says less: the trainer corrects, and both stay to be read.
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        let enrolment = file.trainees[0].enrolment.id.clone();
        let mut office = site.sign_in(&manager_email);
        office.get(&meeting);
        let field = format!("duree-{enrolment}");
        let corrected = office.post(
            &format!("{meeting}/presences"),
            &[(&field, "5 h"), ("methode", "paper"), ("motif", "départ à 14 h")],
        );
        assert_eq!(corrected.status, StatusCode::SEE_OTHER, "{}", corrected.body);
        let trainee = office.get(&format!("/formation/{training}/stagiaires/{enrolment}"));
        assert!(trainee.says("6\u{a0}h devient 5\u{a0}h") && trainee.says("départ à 14 h"), "{}", trainee.body);
        for document in ["attestation.pdf", "convocation.pdf"] {
            let path = format!("/formation/mes-formations/{training}/{document}");
            let expected = if document == "attestation.pdf" { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(phone.get(&path).status, expected, "{document}: nothing is to come");
            assert_eq!(elsewhere.get(&path).status, StatusCode::NOT_FOUND, "{document}");
        }
        assert_eq!(office.get(&format!("{meeting}/emargement.pdf")).status, StatusCode::OK);

        let opinion = format!("/formation/mes-formations/{training}/avis");
        phone.get(&opinion);
        assert_eq!(phone.post(&opinion, &[("contenu", "4")]).status, StatusCode::UNPROCESSABLE_ENTITY);
        let given = [("contenu", "4"), ("organisation", "3"), ("utilite", "4"), ("remarque", "Très utile")];
        assert_eq!(phone.post(&opinion, &given).status, StatusCode::SEE_OTHER);
        assert!(!office.get(&format!("/formation/{training}/avis")).says("Très utile"), "one answer is not shown");
        let csv = office.get("/formation/annee/export.csv?annee=2025");
        assert!(csv.says("Lefèvre Nadia") && csv.says("300"), "{}", csv.body);

        let foreign_email = site.user(Role::TrainingManager, "13");
        let mut foreign = site.sign_in(&foreign_email);
        for path in [
            format!("/formation/{training}"),
            format!("/formation/{training}/offre"),
            meeting.clone(),
            format!("{meeting}/code"),
            format!("{meeting}/emargement.pdf"),
            format!("/formation/{training}/avis"),
            format!("/formation/{training}/stagiaires/{enrolment}/attestation.pdf"),
        ] {
            assert_eq!(foreign.get(&path).status, StatusCode::NOT_FOUND, "{path}");
        }
        foreign.get("/");
        assert_eq!(foreign.post(&request, &[("reponse", "accepter")]).status, StatusCode::NOT_FOUND);
        assert!(!foreign.get("/formation/annee/export.csv?annee=2025&academie=22").says("Lefèvre"));
    });
}

#[test]
fn two_meetings_of_a_module_on_one_day_add_up_and_a_correction_touches_its_own_only() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let training = opened(fresh, &manager);
        let nadia = person(fresh, "22", "Lefèvre", "Nadia");
        let enrolment = enrolled(fresh, &manager, &training, &nadia);
        let mut meetings = Vec::new();
        for (from, to) in [(9, 12), (14, 17)] {
            let (of, new) = (training.clone(), meeting("MO1", 3, from, to));
            meetings.push(act(fresh, &manager, move |tx| plan_meeting(tx, &of, &new)).unwrap());
        }
        let note = |meeting: &str, minutes: u32| {
            let (meeting, lines) = (meeting.to_owned(), vec![(enrolment.clone(), minutes)]);
            act(fresh, &manager, move |tx| note_meeting(tx, &meeting, PresenceMethod::Paper, &lines, ""))
        };
        note(&meetings[0], 180).unwrap();
        note(&meetings[1], 180).unwrap();
        assert_eq!(note(&meetings[1], 180).unwrap(), 0, "the same sheet again changes nothing");
        assert_eq!(refused(note(&meetings[1], 181)), "longer_than_meeting");
        note(&meetings[0], 60).unwrap();
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        assert_eq!(file.trainees[0].hours.theory.done, 240);
        let follow_up = fresh.db.read_now(|conn| find_follow_up(conn, &enrolment)).unwrap();
        assert_eq!(follow_up.changes.len(), 2);
        let of = enrolment.clone();
        assert_eq!(refused(act(fresh, &manager, move |tx| exempt(tx, &of, "MO2", " "))), "reason_missing");
        let of = enrolment.clone();
        act(fresh, &manager, move |tx| exempt(tx, &of, "MO2", "CAFFA")).unwrap();
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &training, &Sight::Academy)).unwrap();
        let theory = file.trainees[0].hours.theory;
        assert_eq!((theory.done, theory.exempted, theory.left()), (240, 1_200, 7_200 - 240 - 1_200));
        let counts = fresh.db.read_now(|conn| statistics(conn, "22", 2025, Stamp(fresh.clock.now()))).unwrap();
        assert_eq!((counts.trainees, counts.attended, counts.expected, counts.rate()), (1, 240, 360, Some(66)));
    });
}

#[test]
fn convocations_go_once_and_again_only_when_the_dates_change() {
    each_engine(|fresh| {
        load_reference(fresh);
        fresh.clock.set(instant("2026-02-02T08:00:00Z"));
        let manager = actor(Role::TrainingManager, "22");
        let training = opened(fresh, &manager);
        let people = [person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Le Goff", "Loïc")];
        let enrolments = people.clone().map(|one| enrolled(fresh, &manager, &training, &one));
        for day in [3, 4] {
            let (of, new) = (training.clone(), meeting("MO1", day, 9, 15));
            act(fresh, &manager, move |tx| plan_meeting(tx, &of, &new)).unwrap();
        }
        let convene = || office::convene(&fresh.db, &manager, "22", &training, "https://cplds.example").unwrap();
        assert_eq!((convene(), convene()), (2, 0));
        // An exemption takes the module off one trainee's dates: one new convocation.
        let of = enrolments[0].clone();
        act(fresh, &manager, move |tx| exempt(tx, &of, "MO1", "CAFFA")).unwrap();
        assert_eq!((convene(), convene()), (1, 0));
        let (of, new) = (training.clone(), meeting("MA1", 5, 9, 12));
        act(fresh, &manager, move |tx| plan_meeting(tx, &of, &new)).unwrap();
        let waiting = fresh.db.read_now(|conn| list_to_convene(conn, &training, fresh.clock.now(), false)).unwrap();
        assert_eq!(waiting.iter().map(|one| one.meetings.len()).collect::<Vec<_>>(), [3, 1]);
        let pdf = office::convocation_of(&fresh.db, "22", &training, &enrolments[1], false).unwrap();
        assert!(pdf.starts_with(b"%PDF-1.7"));
        let foreign = actor(Role::TrainingManager, "13");
        let error = office::convene(&fresh.db, &foreign, "22", &training, "https://cplds.example").unwrap_err();
        assert!(matches!(error, cplds::store::StoreError::NotFound), "{error}");

        // The same hour elsewhere is told, and so are school holidays; neither is forbidden.
        let mut second = super::training_of("22");
        second.title = "Approfondissement".into();
        let other = act(fresh, &manager, move |tx| cplds::store::training::open_training(tx, &second)).unwrap();
        enrolled(fresh, &manager, &other, &people[0]);
        let (of, new) = (other.clone(), meeting("MA2", 3, 10, 12));
        act(fresh, &manager, move |tx| plan_meeting(tx, &of, &new)).unwrap();
        let file = fresh.db.read_now(|conn| get_training(conn, "22", &other, &Sight::Academy)).unwrap();
        let clashes = fresh.db.read_now(|conn| list_clashes(conn, &file.training, fresh.clock.now())).unwrap();
        assert_eq!(clashes.len(), 1, "{clashes:?}");
        assert!(clashes[0].sentence.contains("Lefèvre Nadia"), "{clashes:?}");
    });
}

#[test]
fn opinions_say_nothing_of_their_authors_and_show_from_five() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let training = opened(fresh, &manager);
        for (place, name) in ["Arnaud", "Benoit", "Colin", "Didier", "Evrard"].iter().enumerate() {
            let someone = person(fresh, "22", name, "Léa");
            enrolled(fresh, &manager, &training, &someone);
            let (_, trainee) = account(fresh, &site, &someone, &format!("{name}@ac-limoges.example"));
            let remark = format!("remarque {place}");
            let (of, given) = (training.clone(), Answer { content: 4, organisation: 3, usefulness: 2, remark });
            for _ in 0..2 {
                let (of, given) = (of.clone(), given.clone());
                act(fresh, &trainee, move |tx| answer(tx, &of, &given)).unwrap();
            }
            let opinion = fresh.db.read_now(|conn| find_opinion(conn, &training)).unwrap();
            assert_eq!(opinion.answers, place + 1, "answering twice is answering once");
            assert_eq!(opinion.counts.is_empty(), place < 4);
        }
        let named: i64 = schema::audit_entries::table
            .filter(schema::audit_entries::action.eq("answer_training"))
            .count()
            .get_result(&mut connect(fresh))
            .unwrap();
        assert_eq!(named, 0, "the audit chain would date each answer");
        let outsider = person(fresh, "22", "Zola", "Ève");
        let (_, outsider) = account(fresh, &site, &outsider, "eve@ac-limoges.example");
        let (of, given) =
            (training.clone(), Answer { content: 1, organisation: 1, usefulness: 1, remark: String::new() });
        assert_eq!(refused(act(fresh, &outsider, move |tx| answer(tx, &of, &given))), "not_found");
        let of = training.clone();
        assert_eq!(refused(act(fresh, &outsider, move |tx| ask_place(tx, &of))), "training_over");
        fresh.clock.set(instant("2026-06-01T08:00:00Z"));
        let of = training.clone();
        assert_eq!(refused(act(fresh, &outsider, move |tx| ask_place(tx, &of))), "no_requests");
        let of = "inconnu".to_owned();
        assert_eq!(refused(act(fresh, &outsider, move |tx| sign_presence(tx, &of))), "not_found");
        assert_eq!(fresh.db.read_now(|conn| find_offer(conn, &training)).unwrap().version, 0);
    });
}
