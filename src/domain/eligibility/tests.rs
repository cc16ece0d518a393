//! Who may sit, as tables: one row per situation an exam office meets.

use super::*;
use jiff::civil::date;

fn pack() -> RegulationPack {
    RegulationPack::embedded().unwrap()
}

fn facts(corps: &str, status: &str) -> Facts {
    Facts { corps: corps.to_owned(), status: status.to_owned(), ..Facts::default() }
}

#[test]
fn each_corps_and_status_gets_its_outcome_and_category() {
    use Outcome::{Eligible, RefusalProposed, ToExamine};
    let rows = [
        ("Certifié", "Titulaire", Eligible, Some("titulaires")),
        ("CPIF", "Titulaire", Eligible, Some("titulaires")),
        ("Agrégé", "Titulaire", Eligible, Some("titulaires")),
        ("PLP", "Titulaire", Eligible, Some("titulaires")),
        ("PEPS", "Titulaire", Eligible, Some("titulaires")),
        ("Professeur des écoles", "Titulaire", Eligible, Some("titulaires")),
        ("CPE", "Titulaire", Eligible, Some("titulaires")),
        ("Contractuel enseignant", "CDI", Eligible, Some("contractuels-cdi")),
        ("Contractuel CPE", "CDI", Eligible, Some("contractuels-cdi")),
        ("PLP", "CDI", Eligible, Some("contractuels-cdi")),
        ("Maître contractuel", "Contrat définitif", Eligible, Some("maitres-contractuels")),
        ("Maître délégué", "CDI", Eligible, Some("maitres-delegues-cdi")),
        ("Contractuel enseignant", "CDD", RefusalProposed, Some("contractuels-cdi")),
        ("CPE", "CDD", RefusalProposed, Some("contractuels-cdi")),
        ("Maître délégué", "CDD", RefusalProposed, Some("maitres-delegues-cdi")),
        ("PsyEN", "Titulaire", ToExamine, None),
        ("AED", "CDI", ToExamine, None),
        ("AED", "CDD", ToExamine, None),
        ("AESH", "CDI", ToExamine, None),
        ("Personnel administratif", "Titulaire", ToExamine, None),
        ("Proviseur adjoint", "Titulaire", ToExamine, None),
        ("Gardien de phare", "Titulaire", ToExamine, None),
        ("", "Titulaire", ToExamine, None),
        ("Certifié", "Stagiaire", ToExamine, None),
        ("Certifié", "", ToExamine, None),
        ("Contractuel enseignant", "Titulaire", ToExamine, None),
        ("Maître contractuel", "Contrat provisoire", ToExamine, None),
        ("Maître contractuel", "CDD", ToExamine, None),
    ];
    let pack = pack();
    for (corps, status, outcome, category) in rows {
        let found = assess(&pack, &facts(corps, status));
        assert_eq!(
            (found.outcome, found.category.as_deref()),
            (outcome, category),
            "{corps} / {status}: {:#?}",
            found.lines
        );
        assert!(!found.reasons().is_empty(), "{corps} / {status}");
    }
}

#[test]
fn spellings_of_one_corps_meet() {
    let rows = [
        (
            "agrege",
            &[
                "Agrégée",
                "AGREGE",
                "agrégé(e)",
                "Agrégé·e",
                "Professeure agrégée",
                "professeur agrégé hors classe",
                "Agrégé de mathématiques",
            ][..],
        ),
        (
            "certifie",
            &[
                "Certifiée",
                "certifié ",
                "Certifiés",
                "professeure certifiée d’anglais",
                "Certifié CPIF",
                "CERTIFIÉ(E)",
                "Certifié - CPIF",
            ],
        ),
        ("plp", &["plp", "P.L.P.", "Professeure de lycée professionnel", "PLP classe normale"]),
        ("pe", &["PE", "P.E.", "professeure des écoles", "Prof. des écoles", "Professeur des Ecoles"]),
        ("cpe", &["Conseillère principale d'éducation", "Conseiller principal d’éducation", "C.P.E"]),
        ("maitre_delegue", &["Maîtresse déléguée", "maître délégué auxiliaire", "MAITRE DELEGUE", "Maîtres délégués"]),
        ("maitre_contractuel", &["Maîtresse contractuelle", "Maître contractuel du privé"]),
        (
            "contractuel_enseignant",
            &["Contractuelle enseignante", "Enseignante contractuelle", "Professeur contractuel"],
        ),
        ("psyen", &["Psy-EN", "PsyEN", "Psychologue de l'Éducation nationale"]),
        ("aed", &["A.E.D.", "assistante d’éducation"]),
    ];
    let pack = pack();
    let neutral: Vec<String> = pack.eligibility.neutral_words.iter().map(|word| fold_wording(word)).collect();
    for (code, spellings) in rows {
        for typed in spellings {
            assert_eq!(
                recognise(&pack.corps, &neutral, typed).map(|alias| alias.code.as_str()),
                Some(code),
                "{typed} -> {}",
                fold_wording(typed)
            );
        }
    }
}

#[test]
fn a_doubtful_text_designates_nothing() {
    let pack = pack();
    let neutral: Vec<String> = pack.eligibility.neutral_words.iter().map(|word| fold_wording(word)).collect();
    for typed in ["faisant fonction de CPE", "ancien certifié", "AED puis CPE", "certifié ou PLP", "PLP retraité"] {
        assert!(recognise(&pack.corps, &neutral, typed).is_none(), "{typed}");
    }
    for typed in ["CDD puis CDI", "non titulaire", "bientôt en CDI", "CDI refusé"] {
        assert!(recognise(&pack.statuses, &neutral, typed).is_none(), "{typed}");
    }
    for (typed, code) in [
        ("C.D.I.", "cdi"),
        ("CDI depuis 2021", "cdi"),
        ("Contractuelle en CDD", "cdd"),
        ("contrat à durée indéterminée", "cdi"),
        ("Contrat definitif", "contrat_definitif"),
        ("TITULAIRE", "titulaire"),
    ] {
        assert_eq!(recognise(&pack.statuses, &neutral, typed).map(|alias| alias.code.as_str()), Some(code), "{typed}");
    }
}

#[test]
fn a_proposed_refusal_quotes_the_decree_and_waits_for_an_officer() {
    let found = assess(&pack(), &facts("Contractuel enseignant", "CDD"));
    let reasons = found.reasons();
    assert_eq!(reasons.len(), 1);
    let sentence = reasons[0].replace('\u{a0}', " ");
    assert!(sentence.contains("décret n° 2017-791") && sentence.contains("publics concernés"), "{sentence}");
    assert!(sentence.contains("confirmé par un agent"), "{sentence}");
}

#[test]
fn every_line_cites_a_text_and_its_sentence_carries_it() {
    let pack = pack();
    for (corps, status) in
        [("Certifié", "Titulaire"), ("PsyEN", "Titulaire"), ("?", "?"), ("Maître délégué", "CDD"), ("CPE", "?")]
    {
        let mut given = facts(corps, status);
        given.academy = Some("22".to_owned());
        given.department = Some("87".to_owned());
        for line in assess(&pack, &given).lines {
            assert!(!line.law.is_empty() && line.sentence.contains(&line.law), "{line:?}");
        }
    }
}

#[test]
fn a_school_of_another_academy_is_for_an_officer_to_examine() {
    let mut given = facts("Certifié", "Titulaire");
    given.academy = Some("22".to_owned());
    for (department, expected) in [("87", Outcome::Eligible), ("86", Outcome::ToExamine)] {
        given.department = Some(department.to_owned());
        assert_eq!(assess(&pack(), &given).outcome, expected, "{department}");
    }
}

#[test]
fn a_refusal_weighs_more_than_a_doubt() {
    let given =
        Facts {
            academy: Some("22".to_owned()), department: Some("86".to_owned()), ..facts("Maître délégué", "CDD")
        };
    assert_eq!(assess(&pack(), &given).outcome, Outcome::RefusalProposed);
}

#[test]
fn a_pack_that_asks_for_service_sends_the_file_to_an_officer() {
    let mut pack = pack();
    pack.eligibility.minimum_service_years.value = Some(3);
    let given = Facts { contract_date: Some(date(2025, 9, 1)), ..facts("Certifié", "Titulaire") };
    let found = assess(&pack, &given);
    assert_eq!(found.outcome, Outcome::ToExamine);
    assert!(found.lines.iter().any(|line| line.rule == "minimum_service" && line.facts.contains("septembre 2025")));
}

#[test]
fn a_stored_assessment_is_read_back_and_reproduced() {
    let pack = pack();
    let given = Facts { contract_date: Some(date(2021, 9, 1)), ..facts("Contractuel enseignant", "CDI") };
    let stored = serde_json::to_string(&assess(&pack, &given)).unwrap();
    let read: Assessment = serde_json::from_str(&stored).unwrap();
    assert!(read.is_reproduced_by(&pack));
    let mut altered = read;
    altered.outcome = Outcome::RefusalProposed;
    assert!(!altered.is_reproduced_by(&pack));
}

#[test]
fn the_deciding_line_names_the_rule_a_decision_record_keeps() {
    let rows = [
        ("Certifié", "Titulaire", "status"),
        ("Contractuel enseignant", "CDD", "status"),
        ("PsyEN", "Titulaire", "corps"),
        ("CPE", "?", "status"),
    ];
    for (corps, status, rule) in rows {
        let found = assess(&pack(), &facts(corps, status));
        assert_eq!(found.deciding_line().map(|line| line.rule.as_str()), Some(rule), "{corps} / {status}");
    }
}

proptest::proptest! {
    #[test]
    fn capitals_and_outer_spaces_never_change_what_is_recognised(typed in "[A-Za-zéèêÉœç·().' -]{0,30}") {
        proptest::prop_assert_eq!(fold_wording(&format!("  {} ", typed.to_uppercase())), fold_wording(&typed));
    }
}
