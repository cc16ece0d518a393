//! The shipped pack holds what the texts say, and a faulty pack is refused with every fault named.

use super::*;
use std::collections::BTreeSet;

fn pack() -> RegulationPack {
    RegulationPack::embedded().unwrap()
}
/// The text of the latest pack: the one new sessions take.
fn latest() -> &'static str {
    EMBEDDED[EMBEDDED.len() - 1]
}
fn plain(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

/// The shipped text with one piece replaced; the piece must be there.
fn with(from: &str, to: &str) -> Result<RegulationPack, PackRefused> {
    assert!(latest().contains(from), "{from}");
    RegulationPack::parse(&latest().replacen(from, to, 1))
}

#[test]
fn the_shipped_pack_says_what_the_orders_of_may_2017_say() {
    let pack = pack();
    assert_eq!((pack.id.as_str(), pack.version), ("reglement-2017-2", 2));
    let first = pack.epreuve("1").unwrap();
    let second = pack.epreuve("2").unwrap();
    assert_eq!((first.setting.value, first.total_minutes(), first.commission_minutes()), (Setting::Site, 45, 45));
    assert_eq!((second.setting.value, second.total_minutes(), second.commission_minutes()), (Setting::Centre, 90, 30));
    assert_eq!((pack.marks.minimum.value, pack.marks.maximum.value, pack.marks.step.value), (0, 2000, 50));
    assert_eq!((pack.pass.mode.value, pack.pass.threshold.value, pack.pass.floor.value), (PassMode::Each, 1000, None));
    assert_eq!((pack.kept_marks.threshold.value, pack.kept_marks.valid_sessions.value), (1000, None));
    assert_eq!(pack.training.total_minutes(), 190 * 60);
    assert_eq!(
        (pack.jury.commission_minimum.value, pack.jury.commission_default.value, pack.jury.commission_maximum.value),
        (2, 3, 4)
    );
    assert_eq!((pack.jury.quorum.value, pack.registration.attempts.value), (None, None));
    assert_eq!(pack.required_pieces().count(), 3);
    assert_eq!(pack.data_period("backups").unwrap().period.value, Some(35));
}

#[test]
fn what_was_not_read_in_a_text_is_to_check_and_says_why() {
    for value in pack().values() {
        assert!(!value.law.is_empty(), "{}", value.path);
        if value.status == Status::ToCheck {
            assert!(value.note.is_some(), "{} is to check without a note", value.path);
        }
    }
    for path in
        ["marks.step", "pass.threshold", "kept_marks.valid_sessions", "jury.quorum", "epreuves.2.parts.presentation"]
    {
        assert_eq!(pack().values().into_iter().find(|v| v.path == path).unwrap().status, Status::ToCheck, "{path}");
    }
}

#[test]
fn every_legal_value_has_a_path_of_its_own_and_is_shown_in_french() {
    let values = pack().values();
    let paths: BTreeSet<_> = values.iter().map(|value| value.path.as_str()).collect();
    assert_eq!(paths.len(), values.len());
    for (path, shown) in [
        ("in_force_from", "1er septembre 2017"),
        ("marks.step", "0,5 point"),
        ("marks.maximum", "20"),
        ("training.theory_minutes", "120 h"),
        ("pass.floor", "aucune"),
        ("kept_marks.valid_sessions", "sans limite"),
        ("data_periods.draft_account", "6 mois"),
        ("data_periods.minutes_and_register", "permanente"),
        ("epreuves.1.parts.seance", "30 min"),
        ("jury.quorum", "aucun"),
        ("pieces.identite", "exigée"),
        ("appeals.months", "2 mois"),
    ] {
        let value = values.iter().find(|value| value.path == path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(plain(&value.shown), shown, "{path}");
    }
}

#[test]
fn validating_a_value_marks_it_and_nothing_else() {
    let mut pack = pack();
    let before = pack.values();
    let unknown =
        pack.apply_validations(&["marks.step", "epreuves.1.grid.E1-CHOIX", "categories.titulaires", "no.such.value"]);
    assert_eq!(unknown, ["no.such.value"]);
    let changed: Vec<_> = pack
        .values()
        .into_iter()
        .zip(before)
        .filter(|(now, then)| now != then)
        .map(|(now, _)| (now.path, now.status))
        .collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(changed.iter().all(|(_, status)| *status == Status::Validated));
    assert_eq!(pack.category("titulaires").unwrap().status, Status::Confirmed);
}

#[test]
fn a_faulty_pack_is_refused_with_the_fault_in_french() {
    let rows = [
        ("step = { value = 50,", "step = { value = 30,", "Le pas de notation (0,3 point) ne divise pas l’échelle"),
        ("step = { value = 50,", "step = { value = 0,", "Le pas de notation"),
        ("maximum = { value = 2000,", "maximum = { value = 0,", "le maximum doit dépasser le minimum"),
        (
            "threshold = { value = 1000,",
            "threshold = { value = 2100,",
            "Le seuil d’admission (21) est hors de l’échelle",
        ),
        ("floor = { law", "floor = { value = -100, law", "Le plancher éliminatoire (-1) est hors de l’échelle"),
        (
            "theory_minutes = { value = 7200,",
            "theory_minutes = { value = 7260,",
            "Les modules théoriques totalisent 120 h, le règlement en prévoit 121 h",
        ),
        (
            "corps = [\"maitre_delegue\"]",
            "corps = [\"maitre_pirate\"]",
            "cite le corps « maitre_pirate », qui n’existe pas",
        ),
        (
            "statuses = [\"contrat_definitif\"]",
            "statuses = [\"contrat_secret\"]",
            "cite le statut « contrat_secret », qui n’existe pas",
        ),
        ("refused_statuses = [\"cdd\"]", "refused_statuses = [\"cdi\"]", "admet et refuse à la fois"),
        (
            "refused_statuses = [\"cdd\"]",
            "refused_statuses = [\"titulaire\"]",
            "est admis par la catégorie « titulaires » et refusé",
        ),
        ("names = [\"AED\"", "names = [\"Certifiée\", \"AED\"", "désigne deux corps"),
        ("code = \"MO2\"", "code = \"MO1\"", "Le code « MO1 » (module) est donné deux fois"),
        ("code = \"identite\"", "code = \"pièce d’identité\"", "ne doit contenir que des lettres sans accent"),
        ("commission_default = { value = 3,", "commission_default = { value = 5,", "ces nombres se contredisent"),
        ("version = 2", "version = 0", "La version du règlement commence à 1"),
        ("saisir {court}", "saisir le juge", "doit contenir {court}"),
        (
            "step = { value = 50, law = \"",
            "step = { value = 50, law = \"\" } # \"",
            "La valeur « Pas de notation » (marks.step) ne cite aucun texte",
        ),
        ("id = \"reglement-2017-2\"", "id = ", "n’est pas lisible à la ligne 8"),
        ("value = \"each\"", "value = \"best\"", "n’est pas lisible"),
        ("[marks]", "[marks]\nbonus = 3", "n’est pas lisible"),
    ];
    for (from, to, expected) in rows {
        let result = if from.starts_with("step") && to.contains("law = \"\"") {
            RegulationPack::parse(&latest().replacen(
                from,
                "step = { value = 50, status = \"to_check\", law = \"\" } # \"",
                1,
            ))
        } else {
            with(from, to)
        };
        let refused = result.err().unwrap_or_else(|| panic!("accepted: {to}"));
        assert!(plain(&refused.to_string()).contains(expected), "{to}: {refused}");
    }
}

#[test]
fn all_faults_are_named_at_once() {
    let text =
        latest().replacen("step = { value = 50,", "step = { value = 30,", 1).replacen("version = 2", "version = 0", 1);
    assert_eq!(RegulationPack::parse(&text).unwrap_err().reasons.len(), 2);
}

#[test]
fn a_pack_may_pass_on_the_mean_with_a_floor() {
    let text = latest().replacen("mode = { value = \"each\"", "mode = { value = \"average\"", 1);
    let low = RegulationPack::parse(&text.replacen("floor = { law", "floor = { value = 600, law", 1)).unwrap();
    assert_eq!((low.pass.mode.value, low.pass.floor.value), (PassMode::Average, Some(600)));
    let high = RegulationPack::parse(&text.replacen("floor = { law", "floor = { value = 1200, law", 1)).unwrap_err();
    assert!(high.to_string().contains("dépasse le seuil"), "{high}");
}

#[test]
fn a_mark_off_the_scale_or_the_step_is_refused() {
    let scale = pack().marks;
    for (mark, refused) in
        [(0, false), (50, false), (1250, false), (2000, false), (-50, true), (2050, true), (1225, true), (1, true)]
    {
        assert_eq!(scale.refusal(mark).is_some(), refused, "{mark}");
    }
    assert!(scale.refusal(1225).unwrap().contains("12,25"));
}

#[test]
fn a_mark_is_kept_from_ten_for_a_later_session() {
    let mut pack = pack();
    let rows = [
        (1000, 2026, None),
        (1350, 2015, None),
        (2000, 2026, None),
        (950, 2026, Some("entre 10 et 20")),
        (2100, 2026, Some("entre 10 et 20")),
        (1200, 2027, Some("antérieure")),
    ];
    for (mark, origin, expected) in rows {
        let refusal = pack.kept_marks.refusal(&pack.marks, mark, origin, 2027);
        assert_eq!(refusal.is_some(), expected.is_some(), "{mark} {origin}");
        assert!(refusal.unwrap_or_default().contains(expected.unwrap_or_default()));
    }
    pack.kept_marks.valid_sessions.value = Some(3);
    for (origin, refused) in [(2024, false), (2023, true)] {
        assert_eq!(pack.kept_marks.refusal(&pack.marks, 1200, origin, 2027).is_some(), refused, "{origin}");
    }
}

#[test]
fn appeal_sentences_name_the_court_and_the_code() {
    let sentences = pack().appeals.sentences("l’académie de Limoges", "le tribunal administratif de Limoges");
    assert_eq!(sentences.len(), 2);
    assert!(
        sentences[0].contains("recteur de l’académie de Limoges") && sentences[0].contains("deux mois"),
        "{}",
        sentences[0]
    );
    assert!(
        plain(&sentences[1]).contains("saisir le tribunal administratif de Limoges")
            && plain(&sentences[1]).contains("R. 421-5"),
        "{}",
        sentences[1]
    );
    assert!(!sentences.concat().contains('{'));
}

#[test]
fn ten_is_asked_at_each_epreuve_without_compensation() {
    let pass = pack().pass;
    for (one, two, shortfalls) in [(1000, 1000, 0), (2000, 950, 1), (950, 2000, 1), (0, 950, 2), (1050, 1350, 0)] {
        assert_eq!(pass.shortfalls(&[("1", one), ("2", two)]).len(), shortfalls, "{one} {two}");
    }
    let sentence = plain(&pass.shortfalls(&[("1", 2000), ("2", 950)])[0]);
    assert!(sentence.contains("l’épreuve 2 est de 9,5") && sentence.contains("MENE1710931A"), "{sentence}");
}

#[test]
fn a_mean_is_compared_without_rounding_and_a_floor_eliminates() {
    let mut pass = pack().pass;
    pass.mode.value = PassMode::Average;
    pass.floor.value = Some(600);
    for (one, two, shortfalls) in
        [(1000, 1000, 0), (1999, 0, 2), (1400, 600, 0), (1400, 599, 2), (1999, 550, 1), (1000, 999, 1), (650, 1350, 0)]
    {
        assert_eq!(pass.shortfalls(&[("1", one), ("2", two)]).len(), shortfalls, "{one} {two}");
    }
}

#[test]
fn what_the_packs_show_keeps_its_punctuation_on_the_line() {
    let wrong = [" :", " ;", " !", " ?", " »", "« ", "n° 2", "'"];
    for (name, text) in [
        ("regulation", latest()),
        ("framework", crate::domain::framework::Framework::embedded_text()),
        ("survey", crate::domain::survey::Survey::embedded_text()),
    ] {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            for mark in wrong {
                assert!(!line.contains(mark), "{name}, line {}: {mark:?} in {line}", index + 1);
            }
        }
    }
}
