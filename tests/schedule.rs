//! Slots and convocations in the database, on both engines: what two officers do at once, and what is sent once.

use std::collections::HashSet;

use cplds::domain::academy::Academy;
use cplds::domain::schedule::Placement;
use cplds::store::convocation::{self, Audience};
use cplds::store::outbox::NewMail;
use cplds::store::schedule::{self, Move, SlotFilter, SlotView};
use cplds::store::{Db, Stored, audit, jury, outbox, session};
use jiff::civil::DateTime;

use crate::jury::{act, code, commission_named, fixed_list, import_jurors, juror_named, sign, view};
use crate::support::{Fresh, each_engine, tamper};

fn at(local: &str) -> jiff::Timestamp {
    Academy::find("22").unwrap().instant(local.parse::<DateTime>().unwrap()).unwrap()
}

/// (registration, name) of those admitted.
fn candidates(db: &Db, session_id: &str) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    db.read_now(|conn| cplds::store::evaluation::list_of_session(conn, session_id))
        .unwrap()
        .into_iter()
        .filter(|(_, registration, _)| seen.insert(registration.id.clone()))
        .map(|(_, registration, person)| (registration.id, person.birth_name))
        .collect()
}

fn named(db: &Db, session_id: &str, name: &str) -> String {
    candidates(db, session_id).into_iter().find(|(_, known)| known == name).unwrap().0
}

fn ask(registration: &str, epreuve: i32, commission: &str, local: &str, room: &str) -> Placement {
    Placement {
        registration: registration.into(),
        epreuve,
        commission: commission.into(),
        starts_at: at(local),
        site: String::new(),
        uai: None,
        room: room.into(),
    }
}

fn place(db: &Db, session_id: &str, asked: Placement) -> Stored<String> {
    act(db, session_id, move |tx, id| schedule::place(tx, id, &asked))
}

fn slots(db: &Db, session_id: &str) -> Vec<SlotView> {
    db.read_now(|conn| {
        let session = session::load_session(conn, session_id)?;
        schedule::list_slots(conn, &session, &SlotFilter::default())
    })
    .unwrap()
}

fn jury_ready(fresh: &Fresh) -> (String, String, String) {
    let id = fixed_list(fresh);
    import_jurors(&fresh.db, &id);
    act(&fresh.db, &id, jury::find_conflicts).unwrap();
    let (a, b) = (commission_named(&fresh.db, &id, "Commission A"), commission_named(&fresh.db, &id, "Commission B"));
    (id, a, b)
}

fn fill(db: &Db, session_id: &str) -> usize {
    let proposal = db
        .read_now(|conn| {
            let session = session::load_session(conn, session_id)?;
            schedule::plan_missing(conn, &session)
        })
        .unwrap();
    assert_eq!(proposal.unplaced, []);
    act(db, session_id, move |tx, id| schedule::place_all(tx, id, &proposal.placements)).unwrap()
}

#[test]
fn a_slot_that_meets_another_is_refused_and_one_at_its_end_is_not() {
    each_engine(|fresh| {
        let (id, a, b) = jury_ready(fresh);
        let (first, second) = (named(&fresh.db, &id, "LE GUYADER"), named(&fresh.db, &id, "ÇELIK"));
        place(&fresh.db, &id, ask(&first, 2, &b, "2027-02-03T09:00", "Salle 1")).unwrap();
        assert_eq!(code(place(&fresh.db, &id, ask(&second, 2, &b, "2027-02-03T10:29", "Salle 2"))), "commission_busy");
        assert_eq!(code(place(&fresh.db, &id, ask(&second, 2, &a, "2027-02-03T10:00", "salle 1"))), "room_busy");
        assert_eq!(code(place(&fresh.db, &id, ask(&first, 1, &a, "2027-02-03T10:00", ""))), "candidate_busy");
        assert_eq!(code(place(&fresh.db, &id, ask(&first, 2, &a, "2027-02-04T10:00", ""))), "already_placed");
        assert_eq!(code(place(&fresh.db, &id, ask(&second, 2, "ailleurs", "2027-02-03T10:30", ""))), "not_found");
        place(&fresh.db, &id, ask(&second, 2, &b, "2027-02-03T10:30", "Salle 1")).unwrap();
        // A juror of both commissions cannot be before two candidates.
        let shared = juror_named(&fresh.db, &id, "CHASSAGNE");
        for commission in [a.clone(), b.clone()] {
            let juror = shared.clone();
            act(&fresh.db, &id, move |tx, id| jury::seat(tx, id, &commission, &juror, false)).unwrap();
        }
        let third = named(&fresh.db, &id, "N'GUESSAN");
        assert_eq!(code(place(&fresh.db, &id, ask(&third, 2, &a, "2027-02-03T11:00", "Salle 9"))), "juror_busy");
        assert_eq!(slots(&fresh.db, &id).len(), 2);
    });
}

#[test]
fn a_conflict_of_interest_keeps_a_candidate_from_a_commission_until_it_is_set_aside() {
    each_engine(|fresh| {
        let (id, a, _) = jury_ready(fresh);
        let colleague = named(&fresh.db, &id, "LACHAUD");
        let asked = ask(&colleague, 2, &a, "2027-02-03T09:00", "Salle 1");
        assert_eq!(code(place(&fresh.db, &id, asked.clone())), "conflict_of_interest");
        let standing: Vec<String> = view(&fresh.db, &id)
            .conflicts
            .into_iter()
            .filter(|one| one.conflict.registration_id == colleague)
            .map(|one| one.conflict.id)
            .collect();
        for conflict in standing {
            act(&fresh.db, &id, move |tx, _| {
                jury::dismiss_conflict(tx, &conflict, "N’exerce plus dans cet établissement")
            })
            .unwrap();
        }
        place(&fresh.db, &id, asked).unwrap();
    });
}

#[test]
fn two_officers_give_one_room_at_once_and_one_of_them_is_told() {
    each_engine(|fresh| {
        let (id, a, b) = jury_ready(fresh);
        let (first, second) = (named(&fresh.db, &id, "LE GUYADER"), named(&fresh.db, &id, "ÇELIK"));
        let tries =
            [ask(&first, 2, &a, "2027-02-03T09:00", "Salle 1"), ask(&second, 2, &b, "2027-02-03T09:30", "Salle 1")];
        let outcomes: Vec<Stored<String>> = std::thread::scope(|scope| {
            let running: Vec<_> = tries.into_iter().map(|asked| scope.spawn(|| place(&fresh.db, &id, asked))).collect();
            running.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(code(outcomes.into_iter().find(Result::is_err).unwrap()), "room_busy");
        assert_eq!(slots(&fresh.db, &id).len(), 1);
    });
}

#[test]
fn of_two_who_move_a_slot_from_the_same_page_the_second_is_told() {
    each_engine(|fresh| {
        let (id, a, b) = jury_ready(fresh);
        let candidate = named(&fresh.db, &id, "LE GUYADER");
        let slot = place(&fresh.db, &id, ask(&candidate, 2, &a, "2027-02-03T09:00", "Salle 1")).unwrap();
        let to = |commission: &str, local: &str| Move {
            commission: commission.into(),
            starts_at: at(local),
            site: String::new(),
            uai: None,
            room: "Salle 2".into(),
        };
        let change = |version: i32, to: Move| {
            let slot = slot.clone();
            act(&fresh.db, &id, move |tx, _| schedule::move_slot(tx, &slot, version, &to))
        };
        // Its own former hour is not in its way.
        assert_eq!(change(1, to(&b, "2027-02-03T09:30")).unwrap(), 2);
        assert_eq!(code(change(1, to(&b, "2027-02-04T09:30"))), "conflict");
        assert_eq!(code(change(2, to(&b, "2027-06-04T09:30"))), "outside_period");
        let moved = &slots(&fresh.db, &id)[0];
        assert_eq!((moved.slot.starts_at.0, moved.slot.room.as_str()), (at("2027-02-03T09:30"), "Salle 2"));
        let remove = |version: i32| {
            let slot = slot.clone();
            act(&fresh.db, &id, move |tx, _| schedule::remove_slot(tx, &slot, version))
        };
        assert_eq!(code(remove(1)), "conflict");
        remove(2).unwrap();
        assert_eq!(slots(&fresh.db, &id).len(), 0);
    });
}

#[test]
fn a_slot_of_the_night_when_clocks_change_lasts_its_real_minutes() {
    each_engine(|fresh| {
        let (id, a, _) = jury_ready(fresh);
        let candidate = named(&fresh.db, &id, "LE GUYADER");
        place(&fresh.db, &id, ask(&candidate, 2, &a, "2027-03-28T01:30", "Salle 1")).unwrap();
        let held = &slots(&fresh.db, &id)[0].slot;
        assert_eq!(
            (held.starts_at.0.to_string(), held.ends_at.0.to_string()),
            ("2027-03-28T00:30:00Z".into(), "2027-03-28T02:00:00Z".into())
        );
        let on = |day: &str| {
            let day = day.parse().unwrap();
            fresh
                .db
                .read_now(|conn| {
                    let session = session::load_session(conn, &id)?;
                    schedule::list_slots(conn, &session, &SlotFilter { day: Some(day), commission: None })
                })
                .unwrap()
                .len()
        };
        assert_eq!((on("2027-03-27"), on("2027-03-28"), on("2027-03-29")), (0, 1, 0));
    });
}

#[test]
fn a_proposal_fills_every_slot_but_those_of_kept_marks() {
    each_engine(|fresh| {
        let (id, ..) = jury_ready(fresh);
        assert_eq!(fill(&fresh.db, &id), 24);
        let all = slots(&fresh.db, &id);
        assert!(!all.iter().any(|one| one.candidate_name.starts_with("ESCANDE") && one.slot.epreuve == 1));
        let extended = all.iter().find(|one| one.extra_third && one.slot.epreuve == 1).unwrap();
        assert_eq!(extended.slot.ends_at.0.duration_since(extended.slot.starts_at.0).as_mins(), 60);
        let first = all.iter().find(|one| one.slot.epreuve == 1).unwrap();
        assert_eq!(first.slot.site, first.school_name);
        assert!(all.iter().filter(|one| one.slot.epreuve == 2).all(|one| one.slot.site == "Lycée Turgot, Limoges"));
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_conflict_found_after_the_calendar_keeps_convocations_from_leaving() {
    each_engine(|fresh| {
        let (id, ..) = jury_ready(fresh);
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        fill(&fresh.db, &id);
        let slot = slots(&fresh.db, &id).remove(0);
        let seated = view(&fresh.db, &id)
            .commissions
            .into_iter()
            .find(|one| one.commission.id == slot.slot.commission_id)
            .unwrap();
        let (juror, candidate) = (seated.seats[0].juror.id.clone(), slot.slot.registration_id.clone());
        act(&fresh.db, &id, move |tx, _| jury::declare_conflict(tx, &juror, &candidate, "Ancien collègue")).unwrap();
        assert_eq!(code(send(&fresh.db, &id)), "conflict_of_interest");
        // Replaced under an amending order by someone who may examine this candidate, the commission is convened.
        act(&fresh.db, &id, |tx, id| jury::amend_order(tx, id, "Un membre connaît un candidat")).unwrap();
        let (chair, commission) = (seated.seats[0].juror.id.clone(), slot.slot.commission_id.clone());
        let other = juror_named(&fresh.db, &id, "D’ALMEIDA");
        act(&fresh.db, &id, move |tx, id| {
            jury::unseat(tx, id, &commission, &chair)?;
            jury::seat(tx, id, &commission, &other, true)
        })
        .unwrap();
        assert_eq!(code(send(&fresh.db, &id)), "order_unsigned");
        sign(&fresh.db, &id, "DEC-2026-44").unwrap();
        assert_eq!(send(&fresh.db, &id).unwrap().queued, 19);
    });
}

/// What the office's glue makes of a plan, without its documents.
fn mails(plan: &convocation::ConvocationPlan) -> Vec<NewMail> {
    plan.sheets
        .iter()
        .map(|sheet| NewMail {
            academy_code: Some("22".into()),
            session_id: Some(plan.session.id.clone()),
            kind: convocation::MAIL_KIND.into(),
            dedupe_key: convocation::dedupe_key(&plan.session.id, sheet),
            recipient: sheet.email.clone(),
            recipient_name: sheet.letter_name.clone(),
            subject: "Convocation".into(),
            body_text: "Vous êtes convoqué.".into(),
            body_html: None,
            attachments: Vec::new(),
        })
        .collect()
}

fn plan(db: &Db, session_id: &str) -> Stored<convocation::ConvocationPlan> {
    db.read_now(|conn| convocation::plan(conn, session_id))
}

fn send(db: &Db, session_id: &str) -> Stored<convocation::ConvocationCount> {
    let plan = plan(db, session_id)?;
    let mails = mails(&plan);
    act(db, session_id, move |tx, id| convocation::send(tx, id, &plan.version, mails))
}

#[test]
fn convocations_wait_for_the_order_and_for_every_slot() {
    each_engine(|fresh| {
        let (id, a, _) = jury_ready(fresh);
        assert_eq!(code(send(&fresh.db, &id)), "order_unsigned");
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        let first = named(&fresh.db, &id, "LE GUYADER");
        place(&fresh.db, &id, ask(&first, 2, &a, "2027-02-03T09:00", "Salle 1")).unwrap();
        let refused = send(&fresh.db, &id).unwrap_err().to_string();
        assert!(refused.contains("23 créneau") && refused.contains("LACHAUD"), "{refused}");
        fill(&fresh.db, &id);
        send(&fresh.db, &id).unwrap();
    });
}

#[test]
fn convocations_sent_twice_are_queued_once_and_a_move_tells_only_those_it_concerns() {
    each_engine(|fresh| {
        let (id, ..) = jury_ready(fresh);
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        fill(&fresh.db, &id);
        let once = send(&fresh.db, &id).unwrap();
        assert_eq!((once.candidates, once.jurors, once.queued), (13, 6, 19));
        assert_eq!(send(&fresh.db, &id).unwrap().queued, 0);
        let session = fresh.db.read_now(|conn| session::load_session(conn, &id)).unwrap();
        assert_eq!(session.state.as_str(), "convened");
        assert_eq!(fresh.db.read_now(|conn| schedule::count_slots(conn, &id)).unwrap(), (24, 0));
        // A plan read before a move is not sent after it.
        let stale = plan(&fresh.db, &id).unwrap();
        let slot = slots(&fresh.db, &id).pop().unwrap().slot;
        let to = Move {
            commission: slot.commission_id.clone(),
            starts_at: at("2027-04-15T09:00"),
            site: String::new(),
            uai: None,
            room: "Salle 4".into(),
        };
        let moved = slot.id.clone();
        act(&fresh.db, &id, move |tx, _| schedule::move_slot(tx, &moved, 1, &to)).unwrap();
        assert_eq!(fresh.db.read_now(|conn| schedule::count_slots(conn, &id)).unwrap(), (24, 1));
        let late = mails(&stale);
        assert_eq!(
            code(act(&fresh.db, &id, move |tx, id| convocation::send(tx, id, &stale.version, late))),
            "conflict"
        );
        // The candidate and the three jurors of the commission.
        let pending = fresh
            .db
            .read_now(|conn| {
                let plan = convocation::plan(conn, &id)?;
                Ok(convocation::list_pending(conn, &plan)?.len())
            })
            .unwrap();
        assert_eq!(pending, 4);
        assert_eq!(send(&fresh.db, &id).unwrap().queued, 4);
        let states = fresh.db.read_now(|conn| outbox::count_session_mails(conn, &id)).unwrap();
        assert_eq!(states, [("queued".to_owned(), 23)]);
    });
}

#[test]
fn jurors_read_the_extended_times_and_never_the_accommodation() {
    each_engine(|fresh| {
        let (id, ..) = jury_ready(fresh);
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        fill(&fresh.db, &id);
        let plan = plan(&fresh.db, &id).unwrap();
        let measured = plan.sheets.iter().find(|sheet| sheet.accommodation.as_deref() == Some("Tiers temps")).unwrap();
        assert_eq!(measured.audience, Audience::Candidate);
        for sheet in plan.sheets.iter().filter(|sheet| sheet.audience == Audience::Juror) {
            assert!(!serde_json::to_string(sheet).unwrap().contains("iers temps"));
        }
        let long = plan
            .sheets
            .iter()
            .filter(|sheet| sheet.audience == Audience::Juror)
            .flat_map(|sheet| &sheet.slots)
            .find(|slot| slot.candidate_number == measured.number && slot.epreuve == 2)
            .unwrap();
        let minutes: Vec<u32> = long.parts.iter().map(|(_, minutes)| *minutes).collect();
        assert_eq!(minutes, [80, 14, 27]);
        assert_eq!(long.ends_at.duration_since(long.starts_at).as_mins(), 121);
    });
}

#[test]
fn an_evaluated_slot_and_a_juror_with_slots_stay_where_they_are() {
    each_engine(|fresh| {
        let (id, a, _) = jury_ready(fresh);
        fill(&fresh.db, &id);
        let juror = juror_named(&fresh.db, &id, "L’HERMITTE");
        assert_eq!(code(act(&fresh.db, &id, move |tx, id| jury::remove_juror(tx, id, &juror))), "juror_has_slots");
        assert_eq!(
            code(act(&fresh.db, &id, move |tx, id| jury::dissolve_commission(tx, id, &a))),
            "commission_has_slots"
        );
        let idle = juror_named(&fresh.db, &id, "D’ALMEIDA");
        act(&fresh.db, &id, move |tx, id| jury::remove_juror(tx, id, &idle)).unwrap();
        tamper(fresh, "UPDATE evaluations SET state = 'absent' WHERE state = 'expected'");
        let slot = slots(&fresh.db, &id).remove(0).slot;
        assert_eq!(
            code(act(&fresh.db, &id, move |tx, _| schedule::remove_slot(tx, &slot.id, slot.version))),
            "already_evaluated"
        );
    });
}

#[test]
fn the_office_convenes_in_one_go_and_a_second_time_only_who_changed() {
    each_engine(|fresh| {
        let (id, ..) = jury_ready(fresh);
        sign(&fresh.db, &id, "DEC-2026-41").unwrap();
        fill(&fresh.db, &id);
        let convoke = || {
            cplds::office::convocation::convoke(
                &fresh.db,
                &crate::registration::officer(),
                &id,
                "https://cplds.example",
            )
            .unwrap()
        };
        assert_eq!(convoke().queued, 19);
        let mails = fresh.db.read_now(|conn| outbox::list_session_mails(conn, &id, 50, 0)).unwrap();
        assert_eq!(mails.len(), 19);
        assert!(mails.iter().all(|mail| mail.body_text.contains("https://cplds.example/")));
        assert_eq!(convoke().queued, 0);
    });
}
