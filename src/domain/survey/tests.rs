//! Answers checked, summed and masked; no small count can be found by subtraction.

use super::*;
use proptest::strategy::Strategy as _;

fn survey() -> Survey {
    Survey::embedded().unwrap()
}

/// Complete answers that agree: everyone in the first cell of each table.
fn answers(survey: &Survey, total: u32) -> Counts {
    let mut counts = Counts::new();
    for table in &survey.tables {
        for key in survey.keys(table).into_iter().flatten() {
            counts.insert(key, 0);
        }
        let first = survey.keys(table).concat().remove(0);
        counts.insert(first, total);
    }
    counts
}

#[test]
fn the_shipped_questionnaire_asks_what_the_survey_is_about() {
    let survey = survey();
    let codes: Vec<_> =
        survey.dimension("devenir").unwrap().categories.iter().map(|choice| choice.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "retour",
            "apprentissage",
            "formation",
            "service-civique",
            "emploi",
            "diplome",
            "partenaire",
            "poursuite",
            "sans-solution",
            "perdu-de-vue"
        ]
    );
    assert_eq!(survey.masked_below.value, 5);
    assert!(survey.tables.iter().all(|table| !survey.keys(table).is_empty()));
}

#[test]
fn complete_answers_that_agree_have_no_finding() {
    let survey = survey();
    assert_eq!(survey.check(&answers(&survey, 40)), []);
}

#[test]
fn each_fault_of_the_answers_is_found() {
    let survey = survey();
    type Damage = fn(&mut Counts);
    let rows: [(Damage, Severity, &str, &str); 5] = [
        (
            |counts| {
                counts.insert("T4.emploi.f".to_owned(), 3);
            },
            Severity::Error,
            "T4",
            "doivent être égaux",
        ),
        (
            |counts| {
                counts.remove("T2.lp.g");
            },
            Severity::Error,
            "T2",
            "1 case(s) vide(s)",
        ),
        (
            |counts| {
                counts.insert("T1.nom.Dupont".to_owned(), 1);
            },
            Severity::Error,
            "T1.nom.Dupont",
            "n’existe pas",
        ),
        (|counts| counts.values_mut().for_each(|count| *count = 0), Severity::Warning, "T1", "Aucun jeune"),
        (
            |counts| {
                counts.insert("T3.prevention.f".to_owned(), 12);
            },
            Severity::Warning,
            "T3",
            "moins que les 40",
        ),
    ];
    for (damage, severity, place, words) in rows {
        let mut counts = answers(&survey, 40);
        damage(&mut counts);
        let found = survey.check(&counts);
        assert!(
            found.iter().any(|f| f.severity == severity
                && f.place == place
                && f.sentence.replace('\u{a0}', " ").contains(words)),
            "{place}: {found:?}"
        );
    }
}

#[test]
fn the_national_sum_adds_academies_cell_by_cell() {
    let survey = survey();
    let (one, two) = (answers(&survey, 7), answers(&survey, 5));
    let sum = survey.sum([&one, &two]);
    assert_eq!(survey.total(survey.table("T4").unwrap(), &sum), 12);
    assert_eq!(survey.sum([]), Counts::new());
}

#[test]
fn no_masked_count_can_be_found_by_subtraction() {
    let rows: [&[&[u32]]; 6] = [
        &[&[10, 20], &[3, 30], &[40, 50]],
        &[&[10, 20], &[30, 40]],
        &[&[1, 2], &[0, 1]],
        &[&[4, 100], &[100, 100], &[100, 100]],
        &[&[3, 3], &[50, 60], &[70, 80]],
        &[&[0, 0], &[90, 90]],
    ];
    for counts in rows {
        let mut full: Vec<Vec<u32>> =
            counts.iter().map(|line| line.iter().copied().chain([line.iter().sum()]).collect()).collect();
        full.push((0..full[0].len()).map(|c| full.iter().map(|line| line[c]).sum()).collect());
        let masked = masks(&full, 5);
        for (r, line) in full.iter().enumerate() {
            assert!(line.iter().enumerate().all(|(c, count)| *count >= 5 || masked.contains(&(r, c))), "{counts:?}");
            assert_ne!((0..line.len()).filter(|c| masked.contains(&(r, *c))).count(), 1, "row {r} of {counts:?}");
        }
        for c in 0..full[0].len() {
            assert_ne!((0..full.len()).filter(|r| masked.contains(&(*r, c))).count(), 1, "column {c} of {counts:?}");
        }
    }
}

#[test]
fn a_table_without_small_counts_is_published_whole_with_its_totals() {
    let survey = survey();
    let table = survey.table("T1").unwrap();
    let counts: Counts = survey.keys(table).into_iter().flatten().zip(5..).collect();
    let published = survey.publish(table, &counts);
    assert_eq!(published.rows.last().map(String::as_str), Some("Ensemble"));
    assert!(published.cells.iter().flatten().all(Option::is_some));
    assert_eq!(published.cells.last().unwrap().last().unwrap(), &Some(survey.total(table, &counts)));
}

#[test]
fn a_damaged_questionnaire_is_refused() {
    for (from, to, expected) in [
        ("rows = \"age\"", "rows = \"taille\"", "qui n’existe pas"),
        ("code = \"T2\"", "code = \"T1\"", "est donné deux fois"),
        ("code = \"16-17\"", "code = \"16.17\"", "ne doit contenir que des lettres"),
        ("counts_each_once = true", "names = true", "n’est pas lisible"),
    ] {
        assert!(EMBEDDED.contains(from));
        let refused = Survey::parse(&EMBEDDED.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refused.contains(expected), "{to}: {refused}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_the_counts_no_line_hides_exactly_one(counts in (1..6usize).prop_flat_map(|width| proptest::collection::vec(proptest::collection::vec(0..40u32, width), 1..8))) {
        let mut full: Vec<Vec<u32>> = counts.iter().map(|line| line.iter().copied().chain([line.iter().sum()]).collect()).collect();
        full.push((0..full[0].len()).map(|c| full.iter().map(|line| line[c]).sum()).collect());
        let masked = masks(&full, 5);
        let (height, width) = (full.len(), full[0].len());
        for r in 0..height {
            proptest::prop_assert_ne!((0..width).filter(|c| masked.contains(&(r, *c))).count(), 1);
        }
        for c in 0..width {
            proptest::prop_assert_ne!((0..height).filter(|r| masked.contains(&(*r, c))).count(), 1);
        }
        proptest::prop_assert!((0..height).all(|r| (0..width).all(|c| full[r][c] >= 5 || masked.contains(&(r, c)))));
    }
}
