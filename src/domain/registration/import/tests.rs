//! The import against a list as an office keeps it, then rule by rule.

use jiff::civil::date;

use super::*;
use crate::domain::table::{Encoding, Finding, Severity, read_csv};

const LIMOGES: &[u8] = include_bytes!("../../../../tests/data/inscriptions-limoges-2027.csv");

fn assess(corps: &str, status: &str) -> ProposedOutcome {
    match (corps, status) {
        (_, "CDD") => ProposedOutcome::RefusalProposed("CDD : refus proposé (décret n° 2017-791).".into()),
        ("PsyEN", _) => ProposedOutcome::ToExamine("PsyEN : à instruire.".into()),
        _ => ProposedOutcome::Eligible,
    }
}

fn context() -> ImportContext<'static> {
    ImportContext {
        may_update: false,
        academy_name: "Limoges".into(),
        academy_departments: ["19", "23", "87"].map(str::to_owned).to_vec(),
        session_year: 2027,
        registration_reference: "arrêté du 5 mai 2017, NOR MENE1710931A, art. 2".into(),
        mark_scale: MarkScale {
            min: Mark::from_hundredths(0),
            max: Mark::from_hundredths(2000),
            step: Mark::from_hundredths(50),
        },
        kept_threshold: Mark::from_hundredths(1000),
        known_sessions: vec![],
        registered: HashMap::new(),
        registered_emails: HashMap::new(),
        set_aside: vec![],
        today: date(2026, 9, 15),
        assess: &assess,
    }
}

fn limoges(context: &ImportContext<'_>) -> ImportReport {
    check_candidates(&read_csv(LIMOGES).expect("the office's file reads"), context)
}

fn summary(findings: &[Finding]) -> Vec<(u64, &str, &'static str, &'static str)> {
    findings.iter().map(|f| (f.line, f.column.as_deref().unwrap_or(""), f.code, f.severity.as_str())).collect()
}

/// A file of one valid person (or several), with some cells changed.
fn with(rows: &[&[(&str, &str)]]) -> Table {
    let mut headers: Vec<&str> =
        vec!["Civilité", "Nom de naissance", "Prénom", "Date de naissance", "Courriel", "Corps", "Statut", "UAI"];
    for (title, _) in rows.iter().copied().flatten() {
        if !headers.contains(title) {
            headers.push(title);
        }
    }
    let mut text = headers.join(";");
    for (n, changes) in rows.iter().enumerate() {
        let name = format!("NOM{}", char::from(b'A' + u8::try_from(n).expect("few rows")));
        let email = format!("{name}@ac-limoges.example");
        let cells: Vec<&str> = headers
            .iter()
            .map(|title| {
                let usual = match *title {
                    "Civilité" => "Mme",
                    "Nom de naissance" => &name,
                    "Prénom" => "Anne",
                    "Date de naissance" => "14/03/1984",
                    "Courriel" => &email,
                    "Corps" => "Certifié",
                    "Statut" => "Titulaire",
                    "UAI" => "0870015U",
                    _ => "",
                };
                changes.iter().find(|(t, _)| t == title).map_or(usual, |(_, v)| *v)
            })
            .collect();
        text.push('\n');
        text.push_str(&cells.join(";"));
    }
    read_csv(text.as_bytes()).expect("a table")
}

fn codes(rows: &[&[(&str, &str)]]) -> Vec<(u64, &'static str, Severity)> {
    let report = check_candidates(&with(rows), &context());
    report.findings.iter().map(|f| (f.line, f.code, f.severity)).collect()
}

#[test]
fn the_list_of_limoges_gives_exactly_what_the_office_expects() {
    let report = limoges(&context());
    let lines: Vec<u64> = report.accepted.iter().map(|d| d.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 16, 17]);
    assert_eq!(
        summary(&report.findings),
        [
            (7, "Session d'origine", "kept_mark_origin_unknown", "warning"),
            (9, "Session d'origine", "kept_mark_origin_unknown", "warning"),
            (12, "Nom de naissance", "duplicate_person", "error"),
            (13, "Statut", "eligibility_refusal_proposed", "warning"),
            (14, "Date de naissance", "date_impossible", "error"),
            (15, "Courriel", "email_invalid", "error"),
            (15, "UAI", "uai_check_letter", "error"),
            (16, "Corps", "eligibility_to_examine", "warning"),
            (18, "UAI", "school_outside_academy", "error"),
            (19, "Note conservée épreuve 1", "kept_mark_out_of_range", "error"),
        ]
    );
    assert!(report.is_blocked());
    assert_eq!((report.total_rows, report.encoding), (18, Encoding::Windows1252));
}

#[test]
fn what_was_typed_is_kept_as_typed() {
    let report = limoges(&context());
    let of = |line| report.accepted.iter().find(|d| d.line == line).expect("accepted");
    assert_eq!(of(2).first_names, "Élodie");
    assert_eq!(of(2).phone.as_ref().map(Phone::as_str), Some("+33555010203"));
    assert_eq!(of(3).birth_name, "N'GUESSAN");
    assert_eq!((of(4).birth_name.as_str(), of(4).usage_name.as_deref()), ("BŒUF", Some("DUPUY-BŒUF")));
    assert_eq!((of(5).birth_name.as_str(), of(5).accommodation.as_deref()), ("O’BRIEN", Some("Tiers temps")));
    assert_eq!(of(5).phone.as_ref().map(Phone::as_str), Some("+33555010205"));
    let kept = |line: u64| of(line).kept.iter().map(|k| (k.epreuve, k.mark.json(), k.origin)).collect::<Vec<_>>();
    assert_eq!(kept(7), [(1, "13.50".to_owned(), 2026)]);
    assert_eq!(kept(9), [(2, "12.00".to_owned(), 2025)]);
    assert_eq!((of(10).birth_name.as_str(), of(10).department.as_str()), ("ŠIMUNKOVÁ", "19"));
    assert_eq!(of(17).birth_name, "=CMD|' /C calc'!A0");
    assert!(of(2).trained && !of(4).trained);
}

#[test]
fn the_sentences_can_be_acted_on() {
    let report = limoges(&context());
    let of = |code| report.findings.iter().find(|f| f.code == code).map(|f| f.message.as_str()).expect(code);
    assert!(of("duplicate_person").contains("ligne 11"));
    assert!(of("date_impossible").contains("février 1987 a 28 jours"));
    assert!(of("school_outside_academy").contains("l’académie de Limoges"));
    assert!(of("school_outside_academy").contains("art. 2"));
    assert!(of("kept_mark_out_of_range").contains("entre 10 et 20"));
}

#[test]
fn setting_every_blocked_line_aside_unblocks_the_rest() {
    let mut context = context();
    context.set_aside = [12, 14, 15, 18].map(|line| (line, "à revoir".to_owned())).to_vec();
    assert!(limoges(&context).is_blocked(), "line 19 still blocks");
    context.set_aside.push((19, "note à vérifier".into()));
    let report = limoges(&context);
    assert!(!report.is_blocked());
    assert_eq!(report.accepted.len(), 13);
    assert_eq!(report.set_aside.len(), 5);
}

#[test]
fn a_line_set_aside_no_longer_makes_another_a_duplicate() {
    let mut context = context();
    context.set_aside = vec![(11, "l’autre ligne est la bonne".into())];
    let report = limoges(&context);
    assert!(report.accepted.iter().any(|d| d.line == 12));
    assert!(report.findings.iter().all(|f| f.line != 12));
}

#[test]
fn a_line_is_set_aside_only_if_it_exists_and_with_a_reason() {
    let mut context = context();
    context.set_aside = vec![(99, "x".into()), (1, "x".into()), (12, " ".into())];
    let report = limoges(&context);
    let on_header: Vec<_> = report.blocking().filter(|f| f.line == 1).map(|f| f.code).collect();
    assert_eq!(on_header, ["set_aside_unknown_line", "set_aside_unknown_line", "set_aside_without_reason"]);
}

#[test]
fn someone_already_registered_is_named_by_their_number() {
    let mut context = context();
    context.registered.insert(person_key("Lachaud", "Elodie", date(1984, 3, 14)), "22-0001".into());
    context.registered_emails.insert("elodie.lachaud@ac-limoges.example".into(), "22-0001".into());
    context.registered_emails.insert("kouame.nguessan@ac-limoges.example".into(), "22-0002".into());
    let report = limoges(&context);
    let first: Vec<_> = report.findings.iter().filter(|f| f.line <= 3).collect();
    assert_eq!(
        first.iter().map(|f| (f.line, f.code)).collect::<Vec<_>>(),
        [(2, "already_registered"), (3, "duplicate_email")]
    );
    assert!(first[0].message.contains("22-0001") && first[1].message.contains("22-0002"));
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let text = "COURRIEL,uai,Statut,corps,Née le,PRENOM,Nom,civilite,Note interne\n\
                a@b.example,0870015U,Titulaire,PLP,1984-03-14,Anne,MOREAU,Mme,x\n";
    let report = check_candidates(&read_csv(text.as_bytes()).expect("a table"), &context());
    assert_eq!(summary(&report.findings), [(1, "Note interne", "unknown_column", "warning")]);
    assert_eq!(report.accepted.len(), 1);
}

#[test]
fn a_missing_column_is_said_once_and_a_missing_value_on_its_line() {
    let text = "Civilité;Nom;Prénom;Date de naissance;Courriel;Corps;Statut\nMme;-;Anne;14/03/1984;;PLP;Titulaire\n";
    let report = check_candidates(&read_csv(text.as_bytes()).expect("a table"), &context());
    assert_eq!(
        summary(&report.findings),
        [
            (1, "UAI", "missing_column", "error"),
            (2, "Nom", "missing_value", "error"),
            (2, "Courriel", "missing_value", "error"),
        ]
    );
    assert!(report.accepted.is_empty());
    let empty = check_candidates(&read_csv("Nom;Nom\n".as_bytes()).expect("a table"), &context());
    assert!(empty.findings.iter().any(|f| f.code == "duplicate_column"));
    assert!(empty.findings.iter().any(|f| f.code == "no_rows"));
}

#[test]
fn each_rule_has_its_code() {
    use Severity::{Error, Warning};
    for (title, value, code, severity) in [
        ("Civilité", "Dr", "civility_unknown", Error),
        ("Date de naissance", "14/03/84", "date_invalid", Error),
        ("Date de naissance", "14/03/2030", "date_impossible", Error),
        ("Date de naissance", "14/03/2015", "birth_date_unlikely", Warning),
        ("Téléphone", "05 55", "phone_invalid", Error),
        ("UAI", "Gay-Lussac", "uai_invalid", Error),
        ("Département", "19", "department_mismatch", Warning),
        ("Département", "Creuse", "department_unknown", Warning),
        ("Date du contrat", "01/09/1970", "contract_date_impossible", Error),
        ("Date du contrat", "01/09/2027", "contract_date_in_future", Warning),
        ("Formation suivie", "peut-être", "yes_no_invalid", Error),
        ("Session d’origine", "2026", "kept_mark_origin_unused", Warning),
        ("Aménagement", "Pupitre réglable", "accommodation_to_read", Warning),
        ("Aménagement", "Tiers temps (dyslexie)", "accommodation_reduced", Warning),
        ("Établissement", &"x".repeat(151), "value_too_long", Error),
        ("Prénom", "An\u{7}ne", "control_character", Error),
    ] {
        assert_eq!(codes(&[&[(title, value)]]), [(2, code, severity)], "{title} = {value}");
    }
    assert_eq!(codes(&[&[]]), []);
}

#[test]
fn a_kept_mark_needs_a_past_session() {
    use Severity::{Error, Warning};
    for (mark, origin, expected) in [
        ("13,5", "", vec![(2, "kept_mark_origin_missing", Error)]),
        ("13,5", "2027", vec![(2, "kept_mark_origin_invalid", Error)]),
        ("13,5", "2025/2026", vec![(2, "kept_mark_origin_invalid", Error)]),
        ("9,5", "2026", vec![(2, "kept_mark_out_of_range", Error)]),
        ("13,3", "2026", vec![(2, "kept_mark_invalid", Error)]),
        ("treize", "2026", vec![(2, "kept_mark_invalid", Error)]),
        ("10", "2026", vec![(2, "kept_mark_origin_unknown", Warning)]),
    ] {
        let changes: &[_] = &[("Note conservée épreuve 1", mark), ("Session d'origine", origin)];
        assert_eq!(codes(&[changes]), expected, "{mark} {origin}");
    }
    let mut known = context();
    known.known_sessions = vec![2026];
    let both: &[_] =
        &[("Note conservée épreuve 1", "12"), ("Note conservée épreuve 2", "11"), ("Session d'origine", "2026")];
    let report = check_candidates(&with(&[both]), &known);
    assert_eq!(report.findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["no_epreuve_to_sit"]);
    assert_eq!(report.accepted[0].kept.len(), 2);
}

#[test]
fn an_address_belongs_to_one_person() {
    let shared: &[(&str, &str)] = &[("Courriel", "Bureau@ac-limoges.example")];
    let lower: &[(&str, &str)] = &[("Courriel", "bureau@ac-limoges.example")];
    assert_eq!(codes(&[shared, lower]), [(3, "duplicate_email", Severity::Error)]);
    let twice: &[(&str, &str)] = &[("Nom de naissance", "X"), ("Courriel", "x@ac-limoges.example")];
    assert_eq!(codes(&[twice, twice]), [(3, "duplicate_person", Severity::Error)]);
}

#[test]
fn a_text_spilt_over_the_last_column_is_an_error() {
    let text = "Civilité;Nom;Prénom;Date de naissance;Courriel;Corps;Statut;UAI\nMme;A;B;14/03/1984;a@b.example;PLP;Titulaire;0870015U;reste\n";
    let report = check_candidates(&read_csv(text.as_bytes()).expect("a table"), &context());
    assert_eq!(report.findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["too_many_cells"]);
}

#[test]
fn no_sentence_repeats_a_diagnosis() {
    let report = check_candidates(&with(&[&[("Aménagement", "Tiers temps, sclérose en plaques")]]), &context());
    assert_eq!(report.accepted[0].accommodation.as_deref(), Some("Tiers temps"));
    assert!(!report.to_json().to_string().contains("sclérose"));
}

#[test]
fn the_report_has_the_shape_scripts_rely_on() {
    let json = limoges(&context()).to_json();
    assert_eq!(json["accepted"], 13);
    let finding = &json["findings"][2];
    assert_eq!(finding["line"], 12);
    assert_eq!(finding["column"], "Nom de naissance");
    assert_eq!(finding["code"], "duplicate_person");
    assert_eq!(finding["severity"], "error");
    assert!(finding["message"].is_string());
}

#[test]
fn ten_thousand_people_are_all_checked() {
    let mut text = String::from("Civilité;Nom;Prénom;Date de naissance;Courriel;Corps;Statut;UAI\n");
    for n in 0..10_000 {
        text.push_str(&format!("Mme;NÉE {n};Zoé;14/03/1984;p{n}@ac-limoges.example;PLP;Titulaire;0870015U\n"));
    }
    text.push_str("M.;NEE 9999;ZOE;14/03/1984;autre@ac-limoges.example;PLP;Titulaire;0870015U\n");
    let report = check_candidates(&read_csv(text.as_bytes()).expect("a table"), &context());
    assert_eq!(report.accepted.len(), 10_000);
    assert_eq!(summary(&report.findings), [(10_002, "Nom", "duplicate_person", "error")]);
}

#[test]
fn who_signs_once_with_the_usage_name_and_once_with_the_birth_name_is_one_person() {
    let text = "Civilité;Nom de naissance;Nom d’usage;Prénom;Date de naissance;Courriel;Corps;Statut;UAI\n\
                Mme;DURAND;LE GOFF;Inès;14/03/1984;a@ac-limoges.example;PLP;Titulaire;0870015U\n\
                Mme;Le Goff;;INES;14/03/1984;b@ac-limoges.example;PLP;Titulaire;0870015U\n";
    let report = check_candidates(&read_csv(text.as_bytes()).expect("a table"), &context());
    assert_eq!(summary(&report.findings), [(3, "Nom de naissance", "duplicate_person", "error")]);
}

#[test]
fn our_own_title_wins_over_another_name_of_the_same_thing() {
    let phones: &[_] = &[("Portable", "06"), ("Téléphone", "0555010203")];
    let report = check_candidates(&with(&[phones]), &context());
    assert_eq!(summary(&report.findings), [(1, "Portable", "unknown_column", "warning")]);
    assert_eq!(report.accepted[0].phone.as_ref().map(Phone::as_str), Some("+33555010203"));
}

#[test]
fn columns_without_a_title_are_ignored_with_a_word() {
    let text = "Civilité;;Nom;;Prénom;Date de naissance;Courriel;Corps;Statut;UAI\n\
                M.;x;A;;B;14/03/1984;a@b.example;PLP;Titulaire;0870015U\n";
    let report = check_candidates(&read_csv(text.as_bytes()).expect("a table"), &context());
    assert_eq!(summary(&report.findings), [(1, "", "unknown_column", "warning"), (1, "", "unknown_column", "warning")]);
    assert_eq!(report.accepted.len(), 1);
}
