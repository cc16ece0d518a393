//! The shipped framework holds what public texts state, and a damaged one is refused with its faults.

use proptest::prelude::*;

use super::diff::{Change, compare};
use super::mapping::{Fate, Mapping, MappingKind};
use super::*;
use crate::domain::regulation::RegulationPack;
use crate::domain::table::{CsvWriter, read_csv};

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
    let rules = pack.competences.unwrap();
    assert_eq!(rules.framework, framework.id);
    let built: Vec<&str> = rules.modules.iter().flat_map(|link| &link.competences.value).map(String::as_str).collect();
    assert_eq!(framework.missing(built.iter().copied()), Vec::<&str>::new());
    assert!(framework.competences().iter().all(|own| built.contains(&own.code.as_str())), "each has a module");
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

fn read(text: &str) -> Imported {
    Framework::read_table(identity(), &read_csv(text.as_bytes()).unwrap())
}

#[test]
fn the_office_imports_a_spreadsheet_as_a_new_version() {
    let imported = read(SHEET);
    assert_eq!(imported.report.findings, []);
    let framework = imported.framework.unwrap();
    assert_eq!((framework.id.as_str(), framework.version), ("referentiel-bo-29", 2));
    let activity = framework.activities().next().unwrap();
    assert_eq!((activity.label.as_str(), activity.note.as_deref()), ("Repérer ; alerter", Some("à relire")));
    assert_eq!(activity.levels, [Level::Eple, Level::Bassin]);
    assert_eq!(activity.competences, ["C1"]);
    assert_eq!(framework.source(&activity.source).map(|source| source.label.as_str()), Some("BO 29"));
    assert!(framework.items().all(|item| item.status() == Status::ToCheck));
    let json = serde_json::to_string(&framework).unwrap();
    assert_eq!(Framework::parse_json(&json).unwrap(), framework);
    assert_eq!(Framework::read_json(&json).framework.unwrap(), framework);
}

#[test]
fn a_faulty_spreadsheet_is_refused_with_the_line_and_the_column_of_each_fault() {
    let rows = [
        ("activité;", "action;", 6, "nature", "unknown_kind"),
        ("EPLE, bassin", "canton", 6, "niveaux", "unknown_level"),
        ("D1.O1.A1;", "D1.O2.A1;", 6, "code", "no_parent"),
        ("D1;domaine", "D2;domaine", 5, "code", "no_parent"),
        (";C1;;BO 29;à", ";C7;;BO 29;à", 6, "compétences", "unknown_competence"),
        (";F1;BO 29", ";F7;BO 29", 3, "familles", "unknown_family"),
        ("Prévention;;;;BO 29", "Prévention;;;;", 4, "source", "missing_value"),
        ("D1;domaine;Prévention", "D1;domaine;", 4, "intitulé", "missing_value"),
        ("Code;Nature", "Repère;Nature", 1, "code", "missing_column"),
        ("C1;Compétence", "F1;Compétence", 3, "code", "duplicate_code"),
        ("C1;Compétence", "C/1;Compétence", 3, "code", "unsafe_code"),
    ];
    for (from, to, line, column, code) in rows {
        assert!(SHEET.contains(from), "{from}");
        let imported = read(&SHEET.replacen(from, to, 1));
        assert!(imported.framework.is_none(), "{to}");
        let found: Vec<_> = imported
            .report
            .blocking()
            .map(|f| (f.line, f.column.clone().unwrap_or_default().to_lowercase(), f.code))
            .collect();
        assert!(found.contains(&(line, column.to_owned(), code)), "{to}: {found:?}");
    }
    // Two faults on two lines are both said.
    let imported = read(&SHEET.replace("activité;", "action;").replace("Conseil;;;F1;BO 29", "Conseil;;;F1;"));
    let lines: Vec<u64> = imported.report.blocking().map(|finding| finding.line).collect();
    assert_eq!(lines, [3, 6]);
}

#[test]
fn a_faulty_json_file_is_refused_with_its_line() {
    let whole = serde_json::to_string_pretty(&framework()).unwrap();
    for (from, to, expected) in [
        ("\"Conseil\"", "\" \"", "n’a pas d’intitulé"),
        ("\"C05\"\n", "\"C55\"\n", "qui n’existe pas"),
        ("\"version\": 1,", "", "le champ « version » manque"),
        ("\"version\": 1,", "\"version\": 1,,", "ponctuation"),
    ] {
        assert!(whole.contains(from), "{from}");
        let imported = Framework::read_json(&whole.replacen(from, to, 1));
        let finding = imported.report.findings.first().unwrap_or_else(|| panic!("accepted: {to}"));
        assert!(plain(&finding.message).contains(expected), "{to}: {}", finding.message);
        assert!(finding.line > 1, "{to}: line {}", finding.line);
    }
    assert!(Framework::read_json("{}").framework.is_none());
}

#[test]
fn what_is_exported_reads_back_and_the_template_too() {
    let framework = framework();
    let text = |rows: &[[String; 8]]| {
        let mut out = Vec::new();
        let mut writer = CsvWriter::new(&mut out).unwrap();
        for row in rows {
            writer.row(row.iter().map(String::as_str)).unwrap();
        }
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    };
    let again = read(&text(&framework.rows())).framework.unwrap();
    assert_eq!(compare(&framework, &again), []);
    let template: Vec<[String; 8]> = TEMPLATE.iter().map(|row| row.map(str::to_owned)).collect();
    assert_eq!(read(&text(&template)).report.findings, []);
}

#[test]
fn a_version_has_an_address_that_nothing_else_has() {
    assert!(read_identity("referentiel-2016-bo29").is_ok());
    for wrong in ["", "Référentiel", "comparaison", "a/b", "2016", "x y", &"x".repeat(61)] {
        assert!(read_identity(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_tree_is_narrowed_by_each_of_its_sides() {
    let framework = framework();
    let codes = |by: &Narrowing| framework.narrowed(by).activities().map(|own| own.code.clone()).collect::<Vec<_>>();
    let by = Narrowing { domain: "D1".into(), competence: "C02".into(), ..Narrowing::default() };
    assert_eq!(codes(&by), ["D1.O1.A4", "D1.O2.A1", "D1.O2.A2", "D1.O2.A3"]);
    assert_eq!(codes(&Narrowing { objective: "D3.O1".into(), ..Narrowing::default() }).len(), 4);
    let by = Narrowing { level: Some(Some(Level::Departement)), ..Narrowing::default() };
    assert_eq!(codes(&by), ["D1.O2.A3"]);
    let by = Narrowing { words: "REPERAGE eleves".into(), ..Narrowing::default() };
    assert_eq!(codes(&by), ["D1.O1.A3"]);
    assert_eq!(codes(&Narrowing::default()).len(), framework.activities().count());
}

// ---------------------------------------------------------------- versions beside each other

fn changed(text: &str) -> Framework {
    Framework::parse(text).unwrap()
}

#[test]
fn each_kind_of_change_is_named() {
    let old = framework();
    let rows: [(&str, &str, &str, Change); 4] = [
        ("label = \"Conseil\"", "label = \"Conseil aux équipes\"", "C01", Change::Renamed("Conseil".into())),
        ("code = \"D1.O1.A1\"", "code = \"D1.O1.A9\"", "D1.O1.A9", Change::Moved("D1.O1.A1".into())),
        (
            "competences = [\"C05\"]",
            "competences = [\"C05\", \"C06\"]",
            "D1.O1.A3",
            Change::Links { added: vec!["C06".into()], removed: vec![] },
        ),
        (
            "levels = [\"academie\", \"departement\"]",
            "levels = [\"bassin\"]",
            "D1.O2.A3",
            Change::Levels { before: "académie, département".into(), after: "bassin de formation".into() },
        ),
    ];
    for (from, to, code, change) in rows {
        assert!(EMBEDDED.contains(from), "{from}");
        let found = compare(&old, &changed(&EMBEDDED.replacen(from, to, 1)));
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert_eq!((found[0].code.as_str(), &found[0].change), (code, &change));
    }
    let mut less = old.clone();
    less.domains.pop();
    let removed = compare(&old, &less);
    assert_eq!(removed.len(), 11, "a domain, its objective and nine activities");
    assert!(removed.iter().all(|difference| difference.change == Change::Removed));
    assert!(compare(&less, &old).iter().all(|difference| difference.change == Change::Added));
}

#[test]
fn a_competence_that_only_changes_its_code_changes_no_link() {
    let found = compare(&framework(), &changed(&EMBEDDED.replace("\"C05\"", "\"C15\"")));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].change, Change::Moved("C05".into()));
}

#[test]
fn a_mapping_answers_for_every_old_item_once_and_rightly() {
    let old = framework();
    let mut new = old.clone();
    new.competences.retain(|own| own.code != "C02");
    for activity in new.domains.iter_mut().flat_map(|d| &mut d.objectives).flat_map(|o| &mut o.activities) {
        activity.competences.retain(|code| code != "C02");
    }
    let proposed = Mapping::proposed(&old, &new);
    let missing: Vec<String> = proposed.faults(&old, &new).into_iter().map(|fault| fault.code).collect();
    assert_eq!(missing, ["C02"], "what the texts answer by themselves is answered");
    let with = |fate: Fate| {
        let mut mapping = proposed.clone();
        mapping.set("C02", fate);
        mapping
    };
    let split = with(Fate::Became(vec!["C01".into(), "C03".into()]));
    assert_eq!(split.faults(&old, &new), []);
    assert_eq!(split.kind("C02"), Some(MappingKind::Split));
    assert_eq!(split.kind("C01"), Some(MappingKind::Merged), "C01 now also holds part of C02");
    assert_eq!(split.kind("C08"), Some(MappingKind::Same));
    assert_eq!(with(Fate::Dropped("Absente du BO".into())).faults(&old, &new), []);
    for wrong in [
        Fate::Dropped(" ".into()),
        Fate::Became(vec![]),
        Fate::Became(vec!["C99".into()]),
        Fate::Became(vec!["D1".into()]),
        Fate::Became(vec!["C01".into(), "C01".into()]),
    ] {
        assert_eq!(with(wrong.clone()).faults(&old, &new).len(), 1, "{wrong:?}");
    }
    let mut foreign = split.clone();
    foreign.set("C77", Fate::Dropped("inconnu".into()));
    assert_eq!(foreign.faults(&old, &new).len(), 1);
}

#[test]
fn two_steps_of_mapping_read_as_one() {
    let step = |pairs: &[(&str, &[&str])]| {
        let mut mapping = Mapping::default();
        for (code, to) in pairs {
            let fate = if to.is_empty() {
                Fate::Dropped(format!("{code} disparaît."))
            } else {
                Fate::Became(to.iter().map(|code| (*code).to_owned()).collect())
            };
            mapping.set(code, fate);
        }
        mapping
    };
    let first = step(&[("A", &["B", "C"]), ("X", &["Y"]), ("Z", &[])]);
    let both = first.then(&step(&[("B", &["D"]), ("C", &["D", "E"]), ("Y", &[])]));
    assert_eq!(both.through("A"), ["D", "E"]);
    assert_eq!(both.fate("X"), Some(&Fate::Dropped("Y disparaît.".into())));
    assert_eq!(both.fate("Z"), Some(&Fate::Dropped("Z disparaît.".into())));
}

/// A framework of one domain and objective, with these activities and competences (code, wording).
fn small(activities: &[(u8, u8)], competences: &[(u8, u8)]) -> Framework {
    let mut text = "code;nature;intitulé;niveaux;compétences;familles;source;note\nD1;domaine;Domaine;;;;BO;\nD1.O1;objectif;Objectif;;;;BO;\n".to_owned();
    let unique = |pairs: &[(u8, u8)]| pairs.iter().copied().collect::<std::collections::BTreeMap<u8, u8>>();
    for (code, label) in unique(competences) {
        text.push_str(&format!("C{code};compétence;Savoir {label};;;;BO;\n"));
    }
    for (code, label) in unique(activities) {
        text.push_str(&format!("D1.O1.A{code};activité;Faire {label};;;;BO;\n"));
    }
    read(&text).framework.unwrap()
}

proptest! {
    #[test]
    fn a_version_does_not_differ_from_itself_and_all_it_loses_one_way_comes_the_other(
        a in prop::collection::vec((0u8..6, 0u8..6), 0..6), b in prop::collection::vec((0u8..6, 0u8..6), 0..6),
        c in prop::collection::vec((0u8..6, 0u8..6), 0..6), d in prop::collection::vec((0u8..6, 0u8..6), 0..6),
    ) {
        let (old, new) = (small(&a, &b), small(&c, &d));
        prop_assert_eq!(compare(&old, &old), vec![]);
        let said = |from: &Framework, to: &Framework, change: &Change| {
            let mut codes: Vec<String> =
                compare(from, to).into_iter().filter(|own| own.change == *change).map(|own| own.code).collect();
            codes.sort();
            codes
        };
        prop_assert_eq!(said(&old, &new, &Change::Removed), said(&new, &old, &Change::Added));
        prop_assert_eq!(said(&old, &new, &Change::Added), said(&new, &old, &Change::Removed));
    }

    #[test]
    fn every_old_item_is_mapped_or_waits_exactly_once(
        a in prop::collection::vec((0u8..6, 0u8..6), 0..6), b in prop::collection::vec((0u8..6, 0u8..6), 0..6),
        c in prop::collection::vec((0u8..6, 0u8..6), 0..6), d in prop::collection::vec((0u8..6, 0u8..6), 0..6),
    ) {
        let (old, new) = (small(&a, &b), small(&c, &d));
        let mut mapping = Mapping::proposed(&old, &new);
        let waiting: Vec<String> = mapping.faults(&old, &new).into_iter().map(|fault| fault.code).collect();
        let mut all: Vec<String> = mapping.iter().map(|(code, _)| code.to_owned()).chain(waiting.clone()).collect();
        all.sort();
        let mut items: Vec<String> = old.items().map(|item| item.code().to_owned()).collect();
        items.sort();
        prop_assert_eq!(&all, &items);
        for code in &waiting {
            mapping.set(code, Fate::Dropped("Retiré du texte.".into()));
        }
        prop_assert_eq!(mapping.faults(&old, &new), vec![]);
        // Nothing is proposed twice: two old items never become one without the office saying so.
        let mut targets: Vec<&String> = old.items().flat_map(|item| mapping.through(item.code())).collect();
        let count = targets.len();
        targets.sort();
        targets.dedup();
        prop_assert_eq!(targets.len(), count);
    }
}
