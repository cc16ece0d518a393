//! The rules of a slot as tables, and the proposer against the rules it must respect.

use std::collections::HashSet;

use jiff::civil::{DateTime, date};

use super::*;

fn pack() -> RegulationPack {
    RegulationPack::embedded().unwrap()
}

fn frame(pack: &RegulationPack) -> Frame<'_> {
    Frame {
        pack,
        academy: Academy::find("22").unwrap(),
        from: date(2027, 1, 11),
        to: date(2027, 4, 2),
        centre_name: "Rectorat",
        centre_uai: None,
        travel_minutes: 0,
    }
}

fn candidate(id: &str, uai: &str) -> Examinee {
    Examinee {
        registration: id.into(),
        number: format!("22-27-{id}"),
        name: format!("Candidate {id}"),
        admitted: true,
        school_name: format!("Lycée {uai}"),
        uai: Some(uai.into()),
        ..Examinee::default()
    }
}

fn panel(id: &str, jurors: &[&str]) -> Panel {
    Panel {
        id: id.into(),
        label: format!("Commission {id}"),
        jurors: jurors.iter().map(|j| ((*j).into(), format!("Juré {j}"))).collect(),
    }
}

fn at(local: &str) -> Timestamp {
    Academy::find("22").unwrap().instant(local.parse::<DateTime>().unwrap()).unwrap()
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

#[test]
fn an_extra_third_is_counted_part_by_part_and_rounded_up() {
    let pack = pack();
    let lengths = |measure: Option<&str>| {
        pack.epreuves.iter().map(|epreuve| epreuve_minutes(epreuve, measure)).collect::<Vec<_>>()
    };
    assert_eq!(lengths(None), [45, 90]);
    assert_eq!(lengths(Some("Salle particulière")), [45, 90]);
    // 30 + 15 become 40 + 20; 60 + 10 + 20 become 80 + 14 + 27.
    assert_eq!(lengths(Some("Tiers temps, Ordinateur")), [60, 121]);
    assert!(has_extra_third(Some("tiers-temps")));
}

#[test]
fn each_rule_refuses_its_own_case() {
    let pack = pack();
    let frame = frame(&pack);
    let panels = vec![panel("A", &["1", "2"]), panel("B", &["2", "3"]), panel("C", &["4", "5"])];
    let mut agenda = Agenda::new(panels, HashSet::from([("C".into(), "r2".into())]), Vec::new());
    let (first, second) = (candidate("r1", "0870015U"), candidate("r2", "0190012K"));
    let booked = agenda.check(&frame, &first, &ask("r1", 2, "A", "2027-02-03T14:00", "Salle 1")).unwrap();
    assert_eq!((booked.site.as_str(), booked.ends_at), ("Rectorat", at("2027-02-03T15:30")));
    agenda.book(booked);
    let refused = Examinee { admitted: false, ..second.clone() };
    let kept = Examinee { kept: vec![2], ..second.clone() };
    let cases = [
        ("not_admitted", &refused, ask("r2", 2, "B", "2027-02-04T14:00", "")),
        ("mark_kept", &kept, ask("r2", 2, "B", "2027-02-04T14:00", "")),
        ("unknown_epreuve", &second, ask("r2", 3, "B", "2027-02-04T14:00", "")),
        ("already_placed", &first, ask("r1", 2, "C", "2027-02-05T14:00", "")),
        ("outside_period", &second, ask("r2", 2, "B", "2027-01-10T23:30", "")),
        ("outside_period", &second, ask("r2", 2, "B", "2027-04-02T23:00", "")),
        ("candidate_busy", &first, ask("r1", 1, "C", "2027-02-03T15:29", "")),
        ("commission_busy", &second, ask("r2", 2, "A", "2027-02-03T13:00", "")),
        ("juror_busy", &second, ask("r2", 2, "B", "2027-02-03T15:00", "")),
        ("conflict_of_interest", &second, ask("r2", 2, "C", "2027-02-03T17:00", "")),
    ];
    for (code, who, asked) in cases {
        assert_eq!(agenda.check(&frame, who, &asked).unwrap_err().code, code);
    }
    let third = candidate("r3", "0190012K");
    assert_eq!(
        agenda.check(&frame, &third, &ask("r3", 2, "C", "2027-02-03T14:30", "SALLE  1")).unwrap_err().code,
        "room_busy"
    );
    assert!(agenda.check(&frame, &third, &ask("r3", 2, "C", "2027-02-03T14:30", "Salle 2")).is_ok());
    // End to end is not overlapping.
    assert!(agenda.check(&frame, &second, &ask("r2", 2, "B", "2027-02-03T15:30", "Salle 1")).is_ok());
    // The period is counted on the academy's clocks: 23:30 UTC on the day before is already the first day.
    assert!(agenda.check(&frame, &second, &ask("r2", 2, "B", "2027-01-11T00:30", "")).is_ok());
}

#[test]
fn a_journey_takes_its_time_between_two_places_and_none_at_one_place() {
    let pack = pack();
    let frame = Frame { travel_minutes: 30, ..frame(&pack) };
    let mut agenda = Agenda::new(vec![panel("A", &["1"])], HashSet::new(), Vec::new());
    let booked =
        agenda.check(&frame, &candidate("r1", "0870015U"), &ask("r1", 1, "A", "2027-02-03T09:00", "")).unwrap();
    agenda.book(booked);
    let colleague = candidate("r2", "0870015U");
    assert!(agenda.check(&frame, &colleague, &ask("r2", 1, "A", "2027-02-03T09:45", "")).is_ok());
    let elsewhere = candidate("r3", "0190012K");
    assert_eq!(
        agenda.check(&frame, &elsewhere, &ask("r3", 1, "A", "2027-02-03T09:50", "")).unwrap_err().code,
        "commission_busy"
    );
    assert!(agenda.check(&frame, &elsewhere, &ask("r3", 1, "A", "2027-02-03T10:15", "")).is_ok());
}

#[test]
fn a_night_of_changing_clocks_keeps_its_real_minutes() {
    let pack = pack();
    let frame = frame(&pack);
    let academy = frame.academy;
    // On 28 March 2027 the clocks jump from 2:00 to 3:00: the hour between does not exist and is refused at the door.
    assert!(academy.instant("2027-03-28T02:30".parse().unwrap()).is_err());
    let agenda = Agenda::new(vec![panel("A", &["1"])], HashSet::new(), Vec::new());
    let night = agenda.check(&frame, &candidate("r1", "0870015U"), &ask("r1", 2, "A", "2027-03-28T01:30", "")).unwrap();
    assert_eq!(night.ends_at, at("2027-03-28T04:00"));
    assert_eq!(
        frame.interval(night.starts_at, night.ends_at),
        "dimanche 28\u{a0}mars 2027, de 1\u{a0}h\u{a0}30 à 4\u{a0}h"
    );
}

#[test]
fn someone_who_joins_a_commission_must_be_free_at_its_hours() {
    let pack = pack();
    let frame = frame(&pack);
    let mut agenda = Agenda::new(vec![panel("A", &["1"]), panel("B", &["2"])], HashSet::new(), Vec::new());
    for (registration, commission, local) in [("r1", "A", "2027-02-03T09:00"), ("r2", "B", "2027-02-03T09:30")] {
        let booked = agenda
            .check(&frame, &candidate(registration, registration), &ask(registration, 1, commission, local, ""))
            .unwrap();
        agenda.book(booked);
    }
    assert_eq!(agenda.check_seat(&frame, ("2", "Juré 2"), "A").unwrap_err().code, "juror_busy");
    assert!(agenda.check_seat(&frame, ("3", "Juré 3"), "A").is_ok());
}

fn crowd(count: usize) -> Vec<Examinee> {
    (0..count)
        .map(|i| Examinee {
            accommodation: (i % 17 == 0).then(|| "Tiers temps".to_owned()),
            kept: if i % 11 == 0 { vec![1] } else { Vec::new() },
            admitted: i % 23 != 0,
            ..candidate(&format!("r{i:05}"), &format!("school{:03}", i % (count / 12 + 1)))
        })
        .collect()
}

#[test]
fn a_proposal_places_everyone_breaks_no_rule_and_is_always_the_same() {
    let pack = pack();
    let frame = Frame { travel_minutes: 45, ..frame(&pack) };
    let candidates = crowd(300);
    let panels: Vec<Panel> = (0..commissions_needed(&frame, 300) + 2)
        .map(|i| panel(&format!("{i:02}"), &[&format!("j{i}"), &format!("shared{}", i / 2)]))
        .collect();
    let conflicted: HashSet<(String, String)> = candidates
        .iter()
        .enumerate()
        .map(|(i, c)| (panels[i % panels.len()].id.clone(), c.registration.clone()))
        .collect();
    let mut agenda = Agenda::new(panels.clone(), conflicted.clone(), Vec::new());
    let proposal = propose(&frame, &mut agenda, &panels, &candidates);
    assert_eq!(proposal.unplaced, []);
    // Every placement passes, one after the other, the check an officer's own would pass.
    let mut again = Agenda::new(panels.clone(), conflicted.clone(), Vec::new());
    for asked in &proposal.placements {
        let who = candidates.iter().find(|c| c.registration == asked.registration).unwrap();
        let booked = again.check(&frame, who, asked).unwrap();
        let local = frame.academy.local(booked.starts_at);
        assert!((9..17).contains(&local.hour()), "{local}");
        again.book(booked);
    }
    let expected: usize =
        candidates.iter().filter(|c| c.admitted).map(|c| expected_epreuves(&pack, &c.kept).count()).sum();
    assert_eq!(proposal.placements.len(), expected);
    let mut other = Agenda::new(panels.clone(), conflicted, Vec::new());
    assert_eq!(propose(&frame, &mut other, &panels, &candidates), proposal);
    // Asked again over its own result, it has nothing to add.
    assert_eq!(propose(&frame, &mut agenda, &panels, &candidates), Proposal::default());
}

#[test]
fn a_period_too_short_leaves_some_out_and_says_why() {
    let pack = pack();
    let frame = Frame { to: date(2027, 1, 11), ..frame(&pack) };
    let panels = [panel("A", &["1"])];
    let mut agenda = Agenda::new(panels.to_vec(), HashSet::new(), Vec::new());
    let proposal = propose(&frame, &mut agenda, &panels, &crowd(30));
    assert!(!proposal.placements.is_empty() && !proposal.unplaced.is_empty());
    assert!(proposal.unplaced[0].reason.contains("Aucune heure ouvrable"), "{}", proposal.unplaced[0].reason);
    let none = propose(&frame, &mut Agenda::default(), &[], &crowd(2));
    assert!(none.unplaced[0].reason.contains("Aucune commission"));
}

#[test]
fn ten_thousand_candidates_are_placed() {
    let pack = pack();
    let frame = Frame { travel_minutes: 60, ..frame(&pack) };
    let candidates = crowd(10_000);
    let panels: Vec<Panel> = (0..commissions_needed(&frame, 10_000))
        .map(|i| panel(&format!("{i:03}"), &[&format!("a{i}"), &format!("b{i}")]))
        .collect();
    let mut agenda = Agenda::new(panels.clone(), HashSet::new(), Vec::new());
    assert_eq!(propose(&frame, &mut agenda, &panels, &candidates).unplaced, []);
}
