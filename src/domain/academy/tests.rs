//! Reference data whole, local times, and the way French writes them.

use super::*;
use jiff::civil::{date, datetime};

fn academy(code: &str) -> &'static Academy {
    Academy::find(code).unwrap()
}
/// No-break spaces shown as plain ones, so that the expected texts stay readable.
fn plain(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

#[test]
fn the_reference_file_gives_thirty_academies_eighteen_regions_and_101_departments() {
    let academies = parse(include_str!("../../reference/academies.csv")).unwrap();
    assert_eq!(academies.len(), 30);
    assert_eq!(academies.iter().map(|a| &a.region_code).collect::<BTreeSet<_>>().len(), 18);
    assert_eq!(academies.iter().map(|a| a.departments.len()).sum::<usize>(), 101);
    assert_eq!(academies.iter().filter(|a| a.time_zone != "Europe/Paris").count(), 5);
}

#[test]
fn every_academy_has_a_court_and_every_court_an_academy() {
    let courts = parse_courts(include_str!("../../reference/courts.csv")).unwrap();
    assert_eq!(courts.len(), 30);
    for academy in Academy::all() {
        assert!(courts.contains_key(&academy.code), "{}", academy.name);
    }
    assert_eq!(academy("22").court_with_article(), "le tribunal administratif de Limoges");
    assert_eq!(academy("24").court().unwrap().status, Status::ToCheck);
}

#[test]
fn a_damaged_reference_file_is_refused_with_its_line() {
    let cases = [
        ("h\n22;Limoges;NA;75;87;Europe/Nowhere\n", 2, "fuseau"),
        ("h\n22;Limoges;NA;75;87;Europe/Paris\n22;Poitiers;NA;75;86;Europe/Paris\n", 3, "deux fois"),
        ("h\n22;Limoges;NA;75;87;Europe/Paris\n13;Poitiers;NA;75;87;Europe/Paris\n", 3, "département 87"),
        ("h\n22;Limoges\n", 2, "colonnes"),
    ];
    for (text, line, word) in cases {
        let refused = parse(text).unwrap_err();
        assert_eq!(refused.line, line);
        assert!(refused.reason.contains(word), "{refused}");
    }
}

#[test]
fn an_academy_takes_its_article() {
    let cases = [
        ("22", "académie de Limoges"),
        ("20", "académie d’Amiens"),
        ("18", "académie d’Orléans-Tours"),
        ("02", "académie d’Aix-Marseille"),
        ("31", "académie de la Martinique"),
        ("28", "académie de La Réunion"),
        ("17", "académie de Nantes"),
        ("43", "académie de Mayotte"),
        ("27", "académie de Corse"),
        ("33", "académie de la Guyane"),
    ];
    for (code, expected) in cases {
        assert_eq!(academy(code).full_name(), expected);
    }
    assert_eq!(academy("20").rectorat(), "rectorat de l’académie d’Amiens");
    assert_eq!(academy("23").region, "Provence-Alpes-Côte d’Azur");
}

#[test]
fn a_department_leads_to_its_academy() {
    for (department, code) in [("87", "22"), ("2a", "27"), ("974", "28"), ("76", "70")] {
        assert_eq!(Academy::of_department(department).unwrap().code, code);
    }
    assert!(!academy("22").has_department("86"));
    assert!(Academy::of_department("99").is_none());
    assert!(Academy::find("99").is_none());
}

#[test]
fn an_instant_is_shown_in_the_zone_of_the_academy() {
    let instant: Timestamp = "2027-02-03T13:30:00Z".parse().unwrap();
    for (code, expected) in [
        ("22", "mercredi 3 février 2027 à 14 h 30"),
        ("28", "mercredi 3 février 2027 à 17 h 30"),
        ("31", "mercredi 3 février 2027 à 9 h 30"),
    ] {
        assert_eq!(plain(&academy(code).show(instant)), expected);
    }
}

#[test]
fn a_deadline_at_midnight_is_a_different_instant_overseas() {
    let midnight = datetime(2026, 9, 30, 23, 59, 0, 0);
    let paris = academy("22").instant(midnight).unwrap();
    let martinique = academy("31").instant(midnight).unwrap();
    assert_eq!(paris.to_string(), "2026-09-30T21:59:00Z");
    assert_eq!(martinique.to_string(), "2026-10-01T03:59:00Z");
    assert_eq!(academy("31").date(martinique), date(2026, 9, 30));
}

#[test]
fn the_skipped_hour_of_march_is_refused_in_french() {
    let refused = academy("22").instant(datetime(2027, 3, 28, 2, 30, 0, 0)).unwrap_err();
    let text = plain(&refused.to_string());
    assert!(text.starts_with("Le dimanche 28 mars 2027 à 2 h 30 n’existe pas dans l’académie de Limoges"), "{text}");
    // No summer time at La Réunion: the same hour exists there.
    assert!(academy("28").instant(datetime(2027, 3, 28, 2, 30, 0, 0)).is_ok());
}

#[test]
fn the_doubled_hour_of_october_is_the_second_one() {
    let at = academy("22").instant(datetime(2027, 10, 31, 2, 30, 0, 0)).unwrap();
    assert_eq!(at.to_string(), "2027-10-31T01:30:00Z");
    // And showing it gives back what was typed.
    assert_eq!(academy("22").local(at).datetime(), datetime(2027, 10, 31, 2, 30, 0, 0));
}

#[test]
fn dates_and_times_are_written_in_french() {
    for (day, expected) in [
        (date(2027, 3, 1), "1er mars 2027"),
        (date(2028, 2, 29), "29 février 2028"),
        (date(2026, 12, 11), "11 décembre 2026"),
    ] {
        assert_eq!(plain(&french_date(day)), expected);
    }
    for (hour, minute, expected) in [(14, 30, "14 h 30"), (9, 0, "9 h"), (0, 5, "0 h 05")] {
        assert_eq!(plain(&french_time(jiff::civil::time(hour, minute, 0, 0))), expected);
    }
    assert_eq!(plain(&french_weekday_date(date(2027, 8, 1))), "dimanche 1er août 2027");
}
