//! What every document promises, read back from its bytes: tags, language, title, exact text, same bytes.

use super::reading::Read;
use super::*;
use super::{samples, unprintable};

fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("certificate", certificate::certificate(&samples::certificate()).unwrap()),
        ("strained certificate", certificate::certificate(&samples::strained_certificate()).unwrap()),
        ("transcript", transcript::transcript(&samples::transcript()).unwrap()),
        ("convocation", convocation::convocation(&samples::convocation()).unwrap()),
        ("minutes", minutes::minutes(&samples::minutes(60)).unwrap()),
        ("order", orders::order(&samples::order()).unwrap()),
        ("letter", letter::letter(&samples::letter()).unwrap()),
        ("attestation", attendance::attestation(&samples::attestation()).unwrap()),
        ("portfolio", portfolio::portfolio(&samples::portfolio()).unwrap()),
        ("sign-in", attendance::sign_in(&samples::sign_in()).unwrap()),
    ]
}

#[test]
fn every_document_is_tagged_titled_and_in_french() {
    for (name, bytes) in all() {
        let read = Read::of(&bytes);
        let catalog = read.catalog();
        assert_eq!(catalog.get(b"Lang").unwrap().as_str().unwrap(), b"fr-FR", "{name}");
        assert!(read.dict(catalog, b"MarkInfo").get(b"Marked").unwrap().as_bool().unwrap(), "{name}");
        assert!(read.dict(catalog, b"ViewerPreferences").get(b"DisplayDocTitle").unwrap().as_bool().unwrap(), "{name}");
        assert!(!read.title().is_empty(), "{name}");
        let metadata = read.metadata();
        for claim in ["<pdfaid:part>3<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<"] {
            assert!(metadata.contains(claim), "{name} lacks {claim}");
        }
        assert!(catalog.has(b"OutputIntents"), "{name}");
        for page in read.pages() {
            assert_eq!(read.0.get_dictionary(page).unwrap().get(b"Tabs").unwrap().as_name().unwrap(), b"S", "{name}");
        }
    }
}

#[test]
fn every_mark_has_one_element_and_every_document_one_title() {
    for (name, bytes) in all() {
        let tags = Read::of(&bytes).tags();
        assert_eq!(tags[0], "Document", "{name}");
        assert_eq!(tags.iter().filter(|tag| *tag == "H1").count(), 1, "{name}");
    }
}

#[test]
fn every_font_is_embedded_and_its_glyphs_are_numbered_as_they_are() {
    for (name, bytes) in all() {
        let read = Read::of(&bytes);
        let mut fonts = 0;
        for object in read.0.objects.values().filter_map(|object| object.as_dict().ok()) {
            if let Ok(descendants) = object.get(b"DescendantFonts") {
                let descendant = descendants.as_array().unwrap()[0].as_dict().unwrap();
                assert_eq!(descendant.get(b"CIDToGIDMap").unwrap().as_name().unwrap(), b"Identity", "{name}");
                let program =
                    read.dict(descendant, b"FontDescriptor").get(b"FontFile2").unwrap().as_reference().unwrap();
                let program = read.0.get_object(program).unwrap().as_stream().unwrap().decompressed_content().unwrap();
                assert!(rustybuzz::ttf_parser::Face::parse(&program, 0).unwrap().number_of_glyphs() > 200, "{name}");
                fonts += 1;
            }
        }
        assert!(fonts > 0, "{name}");
    }
}

#[test]
fn the_same_sheet_gives_the_same_bytes_even_with_another_document_in_between() {
    let first = certificate::certificate(&samples::certificate()).unwrap();
    let other = minutes::minutes(&samples::minutes(30)).unwrap();
    assert_eq!(first, certificate::certificate(&samples::certificate()).unwrap());
    assert_eq!(other, minutes::minutes(&samples::minutes(30)).unwrap());
    let mut changed = samples::certificate();
    changed.number.push('8');
    assert_ne!(first, certificate::certificate(&changed).unwrap());
}

#[test]
fn the_certificate_says_all_it_certifies_and_never_a_signature_of_its_own() {
    let sheet = samples::certificate();
    let read = Read::of(&certificate::certificate(&sheet).unwrap());
    let text = read.text();
    for said in [
        "RÉPUBLIQUE FRANÇAISE",
        "Académie de Limoges",
        "Mme Clémence Élise D’ŒUVRE-LEFÈVRE",
        "nom d’usage\u{A0}: LACŒUILHE",
        "née le 29\u{A0}février 1988 à Brive-la-Gaillarde (Corrèze)",
        "en date du 1er\u{A0}juillet 2027, session 2027",
        "Fait à Limoges, le 8\u{A0}juillet 2027",
        "Hélène Marchand-Roussel",
        "Pour la rectrice et par délégation",
        "Certificat n°\u{A0}CPLDS-22-2027-0042-7",
        "H4KD-92XW-PM7Q",
        "Pour vérifier ce certificat",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
    for cited in &sheet.texts {
        assert!(text.contains(cited.as_str()), "{cited}");
    }
    assert!(!text.to_lowercase().contains("signature"));
    assert!(!text.contains("Spécimen"));
    assert_eq!(read.attachment(), sheet.statement_json.as_bytes());
    assert!(read.title().contains("D’ŒUVRE-LEFÈVRE"));
}

#[test]
fn a_long_name_in_many_letters_keeps_every_one_of_them_on_one_page() {
    let sheet = samples::strained_certificate();
    let bytes = certificate::certificate(&sheet).unwrap();
    let read = Read::of(&bytes);
    assert_eq!(read.pages().len(), 1);
    assert!(
        read.text()
            .contains("M. Nguyễn Thị Phương Šárka Łucja ČELIK-ŠIMUNKOVÁ de la Rochefoucauld-Montmorency-Luxembourg")
    );
    assert!(read.text().contains("né le 29\u{A0}février 1988\n"), "without a place, nothing stands for it");
    assert!(bytes.len() < 60_000);
}

#[test]
fn the_figure_of_the_certificate_tells_where_its_code_leads() {
    let read = Read::of(&certificate::certificate(&samples::certificate()).unwrap());
    let figure =
        read.0.objects.values().filter_map(|object| object.as_dict().ok()).find(|dict| dict.has(b"Alt")).unwrap();
    let alt = Read::string(figure.get(b"Alt").unwrap());
    assert!(alt.contains("https://cplds.example/verifier"), "{alt}");
    assert!(read.dict(figure, b"A").has(b"BBox"));
}

#[test]
fn a_demonstration_says_so_in_words_and_its_mark_disturbs_no_text() {
    for bytes in [
        certificate::certificate(&samples::strained_certificate()).unwrap(),
        convocation::convocation(&samples::convocation()).unwrap(),
    ] {
        let read = Read::of(&bytes);
        assert!(read.text().contains(specimen::LINE));
        assert!(read.artifacts().iter().all(|text| !text.contains("SPÉCIMEN")));
    }
}

#[test]
fn a_table_over_several_pages_is_one_table_whose_repeated_headers_are_artifacts() {
    let read = Read::of(&minutes::minutes(&samples::minutes(120)).unwrap());
    let pages = read.pages().len();
    assert!(pages > 3);
    let tags = read.tags();
    let rows = tags.iter().filter(|tag| *tag == "TR").count();
    assert_eq!(rows, (120 + 1) + (2 + 1), "results, then the jury");
    let repeated = read.artifacts().iter().filter(|text| text.contains("Date de naissance")).count();
    assert!(repeated >= 2, "{repeated}");
    assert_eq!(read.text().matches("Date de naissance").count(), 1);
    let feet = read.artifacts();
    for page in 1..=pages {
        assert!(feet.iter().any(|text| text.contains(&format!("Page {page}/{pages}"))), "page {page}");
    }
}

#[test]
fn a_cell_taller_than_a_page_is_cut_and_nothing_of_it_is_lost() {
    let mut sheet = samples::transcript();
    let words: Vec<String> = (0..3000).map(|index| format!("mot{index}")).collect();
    sheet.lines[0].appraisal = Some(words.join(" "));
    let read = Read::of(&transcript::transcript(&sheet).unwrap());
    assert!(read.pages().len() > 1);
    read.tags();
    let text = read.text();
    for word in [0, 1500, 2999] {
        assert!(text.contains(&format!("mot{word}")), "mot{word}");
    }
}

#[test]
fn the_fingerprint_of_the_minutes_is_never_called_a_signature() {
    let text = Read::of(&minutes::minutes(&samples::minutes(3)).unwrap()).text();
    assert!(text.contains("9f2c4a7be1d05538"));
    assert!(text.contains("ne vaut pas signature"));
    assert!(!text.contains("cachet"));
}

#[test]
fn a_decision_bears_its_ways_of_appeal_and_a_letter_that_decides_nothing_has_none() {
    let mut sheet = samples::letter();
    assert!(Read::of(&letter::letter(&sheet).unwrap()).text().contains("Voies et délais de recours"));
    sheet.appeal.clear();
    assert!(!Read::of(&letter::letter(&sheet).unwrap()).text().contains("recours"));
}

#[test]
fn what_people_type_cannot_leave_its_place() {
    let mut sheet = samples::certificate();
    sheet.person.birth_name = "O’NEIL) Tj <</S/JavaScript>> \\ & <b>\u{202E}x\u{0}".into();
    let read = Read::of(&certificate::certificate(&sheet).unwrap());
    assert!(read.text().contains("O’NEIL) Tj <</S/JavaScript>> \\ & <b>x"));
    assert!(read.metadata().contains("&lt;b&gt;"));
    assert!(read.0.objects.values().filter_map(|object| object.as_dict().ok()).all(|dict| !dict.has(b"JS")));
}

#[test]
fn a_letter_no_typeface_has_is_shown_as_a_box_and_can_be_known_beforehand() {
    let mut sheet = samples::certificate();
    sheet.person.birth_name = "ЖУКОВ".into();
    assert_eq!(unprintable(&sheet.person.birth_name).len(), 5);
    let text = Read::of(&certificate::certificate(&sheet).unwrap()).text();
    assert!(text.contains("Mme Clémence Élise \u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"), "{text}");
}

#[test]
fn an_address_too_long_for_a_code_is_refused() {
    let mut sheet = samples::certificate();
    sheet.verify_url = "x".repeat(5000);
    assert!(matches!(certificate::certificate(&sheet), Err(PdfError::QrTooLong(5000))));
}
