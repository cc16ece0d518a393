//! The shipped framework holds what public texts state, and a damaged one is refused with its faults.

use super::*;
use crate::domain::regulation::RegulationPack;

fn framework() -> Framework {
    Framework::embedded().unwrap()
}
fn plain(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

#[test]
fn the_shipped_tree_has_the_domains_and_objectives_public_texts_name() {
    let framework = framework();
    let labels =
        |depth| framework.tree().filter(|(own, _)| *own == depth).map(|(_, item)| item.label()).collect::<Vec<_>>();
    assert_eq!(
        labels(0),
        [
            "Prévention",
            "Intervention et remédiation",
            "Droit au retour en formation et obligation de formation des 16-18\u{a0}ans",
            "Activité pédagogique"
        ]
    );
    assert_eq!(
        labels(1),
        [
            "Prévenir les ruptures",
            "Mobiliser les ressources de proximité",
            "Former et qualifier",
            "Accueillir et accompagner",
            "Concevoir et assurer des séquences de formation"
        ]
    );
    assert_eq!(framework.families.len(), 3);
    assert_eq!(framework.competences().len(), 8);
    assert_eq!(framework.find("D4.O1").map(|item| item.source()), Some("bo-29"));
}

#[test]
fn the_tree_is_walked_parents_first() {
    let framework = framework();
    let codes: Vec<_> = framework.tree().take(3).map(|(depth, item)| (depth, item.code())).collect();
    assert_eq!(codes, [(0, "D1"), (1, "D1.O1"), (2, "D1.O1.A1")]);
    assert_eq!(framework.tree().filter(|(depth, _)| *depth == 2).count(), framework.activities().count());
}

#[test]
fn every_competence_is_flagged_and_reached_by_an_activity() {
    let framework = framework();
    for competence in framework.competences() {
        assert_eq!(competence.status, Status::ToCheck, "{}", competence.code);
        assert!(framework.activities_of_competence(&competence.code).next().is_some(), "{}", competence.code);
    }
    for family in &framework.families {
        assert!(framework.competences_of_family(&family.code).next().is_some(), "{}", family.code);
    }
}

#[test]
fn a_code_is_found_whatever_its_case_and_says_what_it_is() {
    let framework = framework();
    for (code, kind) in
        [("D2", "domaine"), ("d1.o2", "objectif"), ("D3.O1.A3", "activité"), ("c04", "compétence"), ("F3", "famille")]
    {
        assert_eq!(framework.find(code).map(|item| item.kind()), Some(kind), "{code}");
    }
    assert!(framework.find("D9").is_none());
}

#[test]
fn activities_are_listed_by_the_level_their_source_states() {
    let framework = framework();
    let codes = |level| framework.activities_by_level(level).map(|activity| activity.code.as_str()).collect::<Vec<_>>();
    assert_eq!(codes(Some(Level::Eple)), ["D1.O1.A2", "D1.O1.A3", "D1.O1.A4"]);
    assert_eq!(codes(Some(Level::Bassin)), ["D1.O1.A4"]);
    let stated = framework.activities().filter(|activity| !activity.levels.is_empty()).count();
    assert_eq!(codes(None).len() + stated, framework.activities().count());
}

#[test]
fn the_grids_of_the_shipped_regulation_cite_competences_of_the_shipped_framework() {
    let framework = framework();
    let pack = RegulationPack::embedded().unwrap();
    assert_eq!(pack.framework, framework.id);
    let cited =
        pack.epreuves.iter().flat_map(|epreuve| &epreuve.grid).flat_map(|line| &line.competences).map(String::as_str);
    assert_eq!(framework.missing(cited), Vec::<&str>::new());
    assert_eq!(framework.missing(["C01", "C99", "D1"]), ["C99", "D1"]);
}

#[test]
fn a_damaged_framework_is_refused_with_its_faults_in_french() {
    let rows = [
        ("code = \"C02\"", "code = \"c01\"", "Le code « c01 » est donné deux fois (compétence, compétence)"),
        ("code = \"C01\"", "code = \"C/01\"", "ne peut pas figurer dans une adresse"),
        (
            "code = \"D1.O1.A1\"",
            "code = \"D2.O1.A9\"",
            "L’activité « D2.O1.A9 » ne porte pas le code de son objectif « D1.O1 »",
        ),
        ("code = \"D2.O1\"", "code = \"D1.O9\"", "L’objectif « D1.O9 » ne porte pas le code de son domaine « D2 »"),
        ("competences = [\"C05\"]", "competences = [\"C55\"]", "cite la compétence « C55 », qui n’existe pas"),
        ("families = [\"F1\"]", "families = [\"F9\"]", "cite la famille « F9 », qui n’existe pas"),
        ("source = \"circular\"", "source = \"rumour\"", "cite la source « rumour », qui n’existe pas"),
        ("label = \"Conseil\"", "label = \" \"", "L’élément « C01 » n’a pas d’intitulé"),
        ("levels = [\"eple\"]", "levels = [\"moon\"]", "n’est pas lisible"),
        ("version = 1", "version = 1\ncolour = 2", "n’est pas lisible"),
    ];
    for (from, to, expected) in rows {
        assert!(EMBEDDED.contains(from), "{from}");
        let refused =
            Framework::parse(&EMBEDDED.replacen(from, to, 1)).err().unwrap_or_else(|| panic!("accepted: {to}"));
        assert!(plain(&refused.to_string()).contains(expected), "{to}: {refused}");
    }
}

#[test]
fn a_framework_survives_being_stored_as_json() {
    let framework = framework();
    let stored = serde_json::to_string(&framework).unwrap();
    assert_eq!(serde_json::from_str::<Framework>(&stored).unwrap(), framework);
}

const SHEET: &str = "\u{feff}Code;Nature;Intitulé;Niveaux;Compétences;Familles;Source;Note\r
F1;famille;Enseignement;;;;Circulaire;\r
C1;Compétence;Conseil;;;F1;BO 29;\r
D1;domaine;Prévention;;;;BO 29;\r
D1.O1;objectif;Prévenir;;;;BO 29;\r
D1.O1.A1;activité;\"Repérer ; alerter\";EPLE, bassin;C1;;BO 29;à relire\r
";

fn identity() -> FrameworkIdentity {
    FrameworkIdentity {
        id: "referentiel-bo-29".to_owned(),
        version: 2,
        title: "Référentiel complet".to_owned(),
        published: None,
    }
}

#[test]
fn the_office_imports_a_spreadsheet_as_a_new_version() {
    let framework = Framework::parse_csv(identity(), SHEET).unwrap();
    assert_eq!((framework.id.as_str(), framework.version), ("referentiel-bo-29", 2));
    let activity = framework.activities().next().unwrap();
    assert_eq!((activity.label.as_str(), activity.note.as_deref()), ("Repérer ; alerter", Some("à relire")));
    assert_eq!(activity.levels, [Level::Eple, Level::Bassin]);
    assert_eq!(activity.competences, ["C1"]);
    assert_eq!(framework.source(&activity.source).map(|source| source.label.as_str()), Some("BO 29"));
    assert!(framework.items().all(|item| item.status() == Status::ToCheck));
    let json = serde_json::to_string(&framework).unwrap();
    assert_eq!(Framework::parse_json(&json).unwrap(), framework);
}

#[test]
fn a_faulty_spreadsheet_is_refused_with_its_lines() {
    let rows = [
        ("activité;", "action;", "Ligne 6 : la nature « action » n’est pas reconnue"),
        ("EPLE, bassin", "canton", "Ligne 6 : le niveau « canton » n’est pas reconnu"),
        ("D1.O1.A1;", "D1.O2.A1;", "Ligne 6 : l’activité « D1.O2.A1 » vient avant son objectif « D1.O2 », ou sans lui"),
        ("D1;domaine", "D2;domaine", "Ligne 5 : l’objectif « D1.O1 » vient avant son domaine « D1 », ou sans lui"),
        (";C1;;BO 29;à", ";C7;;BO 29;à", "cite la compétence « C7 », qui n’existe pas"),
        ("Prévention;;;;BO 29", "Prévention;;;;", "Ligne 4 : la source n’est pas indiquée"),
        ("Code;Nature", "Nature;Code", "La première ligne doit être"),
        ("D1.O1;objectif;Prévenir;;;;BO 29;", "D1.O1;objectif", "n’est pas lisible à la ligne 5"),
        ("C1;Compétence", "F1;Compétence", "est donné deux fois"),
    ];
    for (from, to, expected) in rows {
        assert!(SHEET.contains(from), "{from}");
        let refused = Framework::parse_csv(identity(), &SHEET.replacen(from, to, 1)).unwrap_err();
        assert!(plain(&refused.to_string()).contains(expected), "{to}: {refused}");
    }
    assert!(Framework::parse_json("{}").is_err());
    assert!(Framework::parse_csv(identity(), "").is_err());
}
