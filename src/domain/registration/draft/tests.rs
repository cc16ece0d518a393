//! The form's rules as tables: what each step accepts, what it says when it does not, and what is never kept.

use jiff::civil::date;

use super::*;
use crate::domain::academy::Academy;
use crate::domain::ids::Mark;
use crate::domain::regulation::RegulationPack;

fn pack() -> RegulationPack {
    RegulationPack::parse(include_str!("../../../reference/regulation-2017-2.toml")).unwrap()
}

fn typed(fields: &[(&str, &str)]) -> Typed {
    let mut typed = Typed::new();
    for (name, value) in fields {
        typed.entry((*name).to_owned()).or_default().push((*value).to_owned());
    }
    typed
}

const IDENTITY: &[(&str, &str)] = &[
    ("civilite", "Mme"),
    ("nom", "DUPONT"),
    ("nom_usage", "MARTIN"),
    ("prenoms", "Inès Aïcha"),
    ("naissance", "14/03/1984"),
    ("lieu_naissance", "Tulle"),
];
const POSTING: &[(&str, &str)] =
    &[("lieu", "etablissement"), ("uai", "0870015U"), ("etablissement", "Lycée Turgot, Limoges")];
const SITUATION: &[(&str, &str)] = &[("corps", "certifie"), ("statut", "titulaire"), ("depuis", "01/09/2010")];
const ACTION: &[(&str, &str)] = &[
    ("accueil", "mon_etablissement"),
    ("action", "Module de remobilisation"),
    ("effectif", "8"),
    ("jours", "mardi"),
    ("jours", "jeudi"),
];

fn whole() -> Answers {
    let mut answers = Answers::default();
    answers.keep(Step::Identity, typed(IDENTITY));
    answers.keep(Step::Posting, typed(POSTING));
    answers.keep(Step::Situation, typed(SITUATION));
    answers.keep(Step::Training, typed(&[("formation", "en_cours")]));
    answers.keep(Step::Kept, typed(&[("note_1", "non"), ("note_2", "non")]));
    answers.keep(Step::Action, typed(ACTION));
    answers.keep(Step::Accommodation, typed(&[("besoin", "non")]));
    answers
}

fn with<T>(known: &[KnownMark], test: impl FnOnce(&Context<'_>) -> T) -> T {
    let pack = pack();
    let academy = Academy::find("22").unwrap();
    test(&Context { pack: &pack, academy, year: 2028, today: date(2027, 7, 5), known, schools: None })
}

/// The faulty fields of a step typed so, the rest of the file being right.
fn faults(step: Step, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut answers = whole();
    answers.keep(step, typed(fields));
    with(&[], |context| {
        read_step(step, &answers, context).into_iter().map(|fault| (fault.field, fault.sentence)).collect()
    })
}

/// The same fields, one of them replaced.
fn but<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(field, old)| (*field, if *field == name { value } else { *old })).collect()
}

#[test]
fn a_whole_file_reads_into_facts() {
    let complete = with(&[], |context| read_all(&whole(), context)).unwrap();
    assert_eq!(complete.identity.birth_name, "DUPONT");
    assert_eq!(complete.identity.usage_name.as_deref(), Some("MARTIN"));
    assert_eq!(complete.posting.department, "87");
    assert_eq!(complete.situation.corps, "certifié");
    let plan = complete.plan.unwrap();
    assert_eq!((plan.place.as_str(), plan.young_people), ("Lycée Turgot, Limoges", 8));
    assert_eq!(plan.days, ["mardi", "jeudi"]);
    assert_eq!(complete.accommodation, None);
}

#[test]
fn each_wrong_answer_is_told_beside_its_field() {
    for (step, good, name, value, said) in [
        (Step::Identity, IDENTITY, "nom", "", "nom de naissance"),
        (Step::Identity, IDENTITY, "nom", "12345", "n’est pas un nom"),
        (Step::Identity, IDENTITY, "naissance", "31/02/1984", "février"),
        (Step::Identity, IDENTITY, "naissance", "14/03/2015", "mineur"),
        (Step::Identity, IDENTITY, "naissance", "14/03/2035", "n’est pas possible"),
        (Step::Posting, POSTING, "uai", "0870015A", "lettre de contrôle"),
        (Step::Posting, POSTING, "uai", "0130001F", "académie d’Aix-Marseille"),
        (Step::Posting, POSTING, "etablissement", " ", "nom de l’établissement"),
        (Step::Situation, SITUATION, "corps", "autre", "votre emploi"),
        (Step::Situation, SITUATION, "depuis", "01/09/2040", "à venir"),
        (Step::Action, ACTION, "effectif", "1", "plusieurs jeunes"),
        (Step::Action, ACTION, "effectif", "huit", "en chiffres"),
        (Step::Action, ACTION, "action", "", "quelle action"),
    ] {
        let found = faults(step, &but(good, name, value));
        let field = if value == "autre" { "autre_corps" } else { name };
        assert!(
            found.iter().any(|(at, sentence)| at == field && sentence.contains(said)),
            "{step} {name}={value:?}: {found:?}"
        );
    }
}

#[test]
fn who_exercises_in_a_service_names_the_school_of_the_session() {
    let mut answers = whole();
    answers.keep(
        Step::Posting,
        typed(&[("lieu", "service"), ("service", "DSDEN de la Haute-Vienne"), ("departement", "87")]),
    );
    let found = with(&[], |context| read_step(Step::Action, &answers, context));
    assert!(found.iter().any(|fault| fault.field == "accueil" && fault.sentence.contains("art. 3")), "{found:?}");
    let mut named = but(ACTION, "accueil", "autre");
    named.extend([("accueil_uai", "0870015U"), ("accueil_nom", "Lycée Turgot")]);
    answers.keep(Step::Action, typed(&named));
    let complete = with(&[], |context| read_all(&answers, context)).unwrap();
    assert_eq!(complete.posting.uai, None);
    assert_eq!(complete.plan.unwrap().place, "Lycée Turgot");
}

#[test]
fn a_mark_is_kept_when_this_house_holds_it_or_claimed_with_its_origin() {
    let known = [KnownMark { epreuve: 1, mark: Mark::from_hundredths(1250), origin: 2027 }];
    let mut answers = whole();
    answers.keep(Step::Kept, typed(&[("note_1", "2027-1250"), ("note_2", "non")]));
    let complete = with(&known, |context| read_all(&answers, context)).unwrap();
    assert_eq!(complete.kept.len(), 1);
    assert!(complete.kept[0].known);
    // Whoever keeps épreuve 1 has no session to describe.
    assert_eq!(complete.plan, None);
    assert!(with(&known, |context| standings(&answers, context)).contains(&(Step::Action, Standing::NotNeeded)));
    // The same answer forged by someone whose mark is not held here.
    assert_eq!(with(&[], |context| read_all(&answers, context)), Err(Step::Kept));
    for (mark, session, academy, field) in [
        ("9,5", "2027", "02", "note_1_valeur"),
        ("12,3", "2027", "02", "note_1_valeur"),
        ("12,5", "2028", "02", "note_1_session"),
        ("12,5", "2027", "99", "note_1_academie"),
    ] {
        let fields = [
            ("note_1", "ailleurs"),
            ("note_1_valeur", mark),
            ("note_1_session", session),
            ("note_1_academie", academy),
            ("note_2", "non"),
        ];
        let found = faults(Step::Kept, &fields);
        assert_eq!(found.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>(), [field], "{mark} {session}");
    }
}

#[test]
fn a_reason_of_health_is_not_kept_and_refuses_nobody() {
    let mut answers = whole();
    answers.keep(
        Step::Accommodation,
        typed(&[("besoin", "oui"), ("mesures", "tiers_temps"), ("autre", "sclérose en plaques")]),
    );
    assert!(!serde_json::to_string(&answers).unwrap().contains("plaques"));
    let complete = with(&[], |context| read_all(&answers, context)).unwrap();
    assert_eq!(complete.accommodation.as_deref(), Some("Tiers temps"));
    answers.keep(Step::Accommodation, typed(&[("besoin", "oui"), ("autre", "dyslexie")]));
    let complete = with(&[], |context| read_all(&answers, context)).unwrap();
    assert_eq!(complete.accommodation.as_deref(), Some("Mesure à convenir avec le candidat"));
}

#[test]
fn what_was_typed_stays_right_or_wrong_and_nothing_else_comes_in() {
    let mut answers = Answers::default();
    answers.keep(Step::Identity, typed(&[("naissance", "hier"), ("role", "platform_administrator")]));
    let kept = answers.typed(Step::Identity).unwrap();
    assert_eq!(kept.get("naissance").unwrap(), &["hier".to_owned()]);
    assert!(!kept.contains_key("role"));
    assert_eq!(answers.version(Step::Identity), 1);
    let states = with(&[], |context| standings(&answers, context));
    assert_eq!(states[0], (Step::Identity, Standing::Faulty));
    assert_eq!(states[1], (Step::Posting, Standing::Todo));
}
