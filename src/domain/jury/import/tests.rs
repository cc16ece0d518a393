//! The import of jurors against a whole jury, then rule by rule.

use super::*;
use crate::domain::table::read_csv;

const LIMOGES: &[u8] = include_bytes!("../../../../tests/data/jures-limoges-2027.csv");

const ROLES: [(&str, &str); 6] = [
    ("ia-ipr", "IA-IPR"),
    ("ien-et-eg", "IEN enseignement technique ou général"),
    ("ien-io", "IEN information et orientation"),
    ("csaio", "Chef du service académique d’information et d’orientation (CSAIO)"),
    ("chef-etablissement", "Chef d’établissement"),
    ("formateur", "Formateur"),
];

fn role_of(typed: &str) -> Option<String> {
    let holder = ("titulaire-cplds-cpif", "Titulaire du CPLDS ou de la CPIF");
    find_role(typed, ROLES.into_iter().chain([holder])).map(str::to_owned)
}

#[test]
fn a_role_is_found_by_its_code_or_its_label() {
    for (typed, code) in [
        ("IEN-ET/EG", Some("ien-et-eg")),
        ("ien enseignement technique ou general", Some("ien-et-eg")),
        ("Csaio", Some("csaio")),
        ("Chef du service académique d'information et d'orientation", Some("csaio")),
        ("Chef d'etablissement", Some("chef-etablissement")),
        ("Chef", None),
    ] {
        assert_eq!(role_of(typed).as_deref(), code, "{typed}");
    }
}

fn context() -> JurorContext<'static> {
    JurorContext {
        academy_departments: ["19", "23", "87"].map(str::to_owned).to_vec(),
        role_of: &role_of,
        role_labels: vec!["IA-IPR".into(), "Formateur".into()],
        commission_size: 2..=4,
        candidate_emails: HashMap::new(),
        set_aside: vec![],
    }
}

fn check(text: &str, context: &JurorContext<'_>) -> JurorReport {
    check_jurors(&read_csv(text.as_bytes()).expect("a table"), context)
}

fn codes(report: &JurorReport) -> Vec<(u64, &'static str, Severity)> {
    report.findings.iter().map(|f| (f.line, f.code, f.severity)).collect()
}

const HEADER: &str = "Civilité;Nom;Prénom;Courriel;Qualité;UAI;Président;Commission;Présidence de commission\n";

#[test]
fn the_jury_of_limoges_is_read_whole() {
    let report = check_jurors(&read_csv(LIMOGES).expect("a table"), &context());
    assert_eq!(codes(&report), []);
    assert_eq!(report.accepted.len(), 9);
    let members = |label: &str| report.accepted.iter().filter(|j| j.commission.as_deref() == Some(label)).count();
    assert_eq!((members("Commission A"), members("Commission B")), (3, 3));
    assert_eq!(report.accepted.iter().filter(|j| j.president).count(), 1);
    assert_eq!(report.accepted.iter().filter(|j| j.commission_chair).count(), 2);
    let school = report.accepted.iter().find(|j| j.uai.as_ref().is_some_and(|u| u.as_str() == "0870015U"));
    assert_eq!(school.map(|j| j.role.as_str()), Some("chef-etablissement"));
}

#[test]
fn each_rule_on_a_juror_has_its_code() {
    use Severity::{Error, Warning};
    let mut context = context();
    context.candidate_emails.insert("c@ac.example".into(), "22-0001".into());
    for (row, code, severity) in [
        ("Dr;A;B;a@ac.example;CSAIO;;O;;", "civility_unknown", Error),
        ("M.;A;B;a@ac;CSAIO;;O;;", "email_invalid", Error),
        ("M.;A;B;a@ac.example;Voisin;;O;;", "role_unknown", Error),
        ("M.;A;B;a@ac.example;CSAIO;0870056I;O;;", "uai_check_letter", Error),
        ("M.;A;B;a@ac.example;CSAIO;0750655E;O;;", "school_outside_academy", Warning),
        ("M.;A;B;a@ac.example;CSAIO;;O;;O", "chair_without_commission", Error),
        ("M.;A;B;c@ac.example;CSAIO;;O;;", "juror_is_candidate", Error),
        ("M.;;B;a@ac.example;CSAIO;;O;;", "missing_value", Error),
    ] {
        let report = check(&format!("{HEADER}{row}\n"), &context);
        assert_eq!(codes(&report), [(2, code, severity)], "{row}");
    }
}

#[test]
fn a_jury_has_one_president_and_a_commission_one_chair() {
    let text = format!(
        "{HEADER}M.;A;A;a@ac.example;CSAIO;;O;Commission A;O\nM.;B;B;b@ac.example;CSAIO;;O;COMMISSION A;N\nM.;C;C;c@ac.example;CSAIO;;N;commission-a;O\nM.;D;D;d@ac.example;CSAIO;;N;Commission a;N\n"
    );
    let report = check(&text, &context());
    assert_eq!(codes(&report), [(3, "several_presidents", Severity::Error), (4, "several_chairs", Severity::Error)]);
    assert!(report.accepted.iter().all(|j| j.commission.as_deref() == Some("Commission A")));
}

#[test]
fn what_the_whole_jury_lacks_is_a_warning() {
    let report = check(&format!("{HEADER}M.;A;A;a@ac.example;CSAIO;;N;1;N\n"), &context());
    assert_eq!(
        codes(&report),
        [
            (1, "no_president", Severity::Warning),
            (1, "commission_size", Severity::Warning),
            (1, "no_chair", Severity::Warning)
        ]
    );
    assert!(!report.is_blocked());
}

#[test]
fn one_person_is_listed_once_and_namesakes_are_looked_at() {
    let text = format!(
        "{HEADER}M.;Noël;A;a@ac.example;CSAIO;;O;;\nM.;NOEL;a;A@ac.example;CSAIO;;N;;\nM.;NOEL;A;b@ac.example;CSAIO;;N;;\nM.;AUTRE;A;a@ac.example;CSAIO;;N;;\n"
    );
    let report = check(&text, &context());
    assert_eq!(
        codes(&report),
        [
            (3, "duplicate_person", Severity::Error),
            (4, "same_name", Severity::Warning),
            (5, "duplicate_email", Severity::Error),
        ]
    );
    let mut aside = context();
    aside.set_aside = vec![(2, "remplacé".into()), (5, "faute".into())];
    let report = check(&text, &aside);
    assert_eq!(report.accepted.iter().map(|j| j.line).collect::<Vec<_>>(), [3, 4]);
    assert!(!report.is_blocked());
}
