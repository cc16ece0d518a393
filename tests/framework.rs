//! Versions of the framework: browsed by anyone, brought in by the platform alone, compared, and tied by mappings
//! so that what was recorded under an old version reads in the new and its addresses answer for ever.

use axum::http::StatusCode;
use cplds::domain::framework::Framework;
use cplds::domain::permission::Role;
use cplds::store::framework::{lineage, list_frameworks};

use crate::support::web::Site;
use crate::support::{each_engine, tamper};

/// The shipped version as a spreadsheet in which C02 is gone, C04 is renamed, and two competences take its place.
fn sheet() -> String {
    let framework = Framework::embedded().unwrap();
    let mut text = String::new();
    for row in framework.rows() {
        if row[0] == "C02" {
            continue;
        }
        let mut row = row;
        if row[0] == "C04" {
            row[2] = "Concevoir et animer des séquences".into();
        }
        row[4] = row[4].replace("C02", "C21 C22");
        let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        text.push_str(&cells.join(";"));
        text.push('\n');
        if row[0] == "C01" {
            text.push_str("C21;compétence;Expertise des parcours;;;F3;BO 29;\nC22;compétence;Expertise des partenariats;;;F3;BO 29;\n");
        }
    }
    text
}

const IDENTITY: &[(&str, &str)] =
    &[("identifiant", "referentiel-2026"), ("numero", "2"), ("titre", "Référentiel complet"), ("parution", "BO 29")];

#[test]
fn a_new_version_is_read_compared_mapped_and_published() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let mut browser = site.sign_in(&site.user(Role::PlatformAdministrator, ""));
        browser.get("/administration/referentiels");
        let text = sheet();
        let sent =
            browser.upload("/administration/referentiels", IDENTITY, &[("fichier", "bo29.csv", text.as_bytes())]);
        let draft = sent.location().to_owned();
        let page = browser.follow(&sent);
        assert!(page.says("Rien n’est encore publié"), "{}", page.body);
        for said in ["Renommé", "Ajouté", "Retiré", "Liens modifiés", "devient-C02"] {
            assert!(page.says(said), "{said}");
        }
        assert_eq!(site.db.read_now(list_frameworks).unwrap().len(), 1, "nothing is published yet");

        // The answers the page proposes, without one for C02.
        let old = Framework::embedded().unwrap();
        let mut fields: Vec<(String, String)> = old
            .items()
            .filter(|item| item.code() != "C02")
            .map(|item| (format!("devient-{}", item.code()), item.code().to_owned()))
            .collect();
        let send = |browser: &mut crate::support::browser::Browser, fields: &[(String, String)]| {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            browser.post(&draft, &fields)
        };
        let refused = send(&mut browser, &fields);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("Dites ce que devient «\u{a0}C02\u{a0}»"), "{}", refused.body);
        fields.push(("devient-C02".into(), "C21 C99".into()));
        let refused = send(&mut browser, &fields);
        assert!(refused.says("«\u{a0}C99\u{a0}» n’existe pas"), "{}", refused.body);
        assert!(refused.says("value=\"C21 C99\""), "what was typed stays");
        fields.pop();
        fields.push(("devient-C02".into(), "C21 C22".into()));
        let done = send(&mut browser, &fields);
        assert_eq!(done.location(), "/referentiel/referentiel-2026", "{}", done.body);
        assert_eq!(send(&mut browser, &fields).status, StatusCode::NOT_FOUND, "published once");

        let line = site.db.read_now(|conn| lineage(conn, "referentiel-2026")).unwrap();
        assert_eq!(line.shown("referentiel-2016", "C02"), ["C21", "C22"]);
        assert_eq!(line.shown("referentiel-2016", "D1.O1.A1"), ["D1.O1.A1"]);
        assert_eq!(line.shown("referentiel-2026", "C21"), ["C21"]);

        // Anyone reads it all, and every address ever printed answers.
        let mut visitor = site.visitor();
        let compared = visitor.get("/referentiel/comparaison");
        assert!(compared.says("Expertise des parcours") && compared.says("scindé"), "{}", compared.body);
        let kept = visitor.get("/referentiel/referentiel-2016/C02");
        assert!(kept.status.is_success() && kept.says("scindé") && kept.says("/referentiel/referentiel-2026/C21"));
        let gone = visitor.get("/referentiel/referentiel-2026/C02");
        assert!(gone.status.is_success() && gone.says("ne figure plus dans la version"), "{}", gone.body);
        let new = visitor.get("/referentiel/referentiel-2026/C21");
        assert!(new.says("/referentiel/referentiel-2016/C02"), "{}", new.body);
        assert_eq!(visitor.get("/referentiel/referentiel-2026/C99").status, StatusCode::NOT_FOUND);
        let matrix = visitor.get("/referentiel?vue=matrice&domaine=D1&competence=C21");
        assert!(matrix.says("D1.O1.A4") && !matrix.says("D2.O1.A1"), "{}", matrix.body);
        assert!(visitor.get("/referentiel/referentiel-2026?format=csv").says("C21;compétence"));
    });
}

#[test]
fn a_faulty_file_says_each_line_and_column_and_writes_nothing() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let mut browser = site.sign_in(&site.user(Role::PlatformAdministrator, ""));
        browser.get("/administration/referentiels");
        let text = "code;nature;intitulé;niveaux;compétences;familles;source;note\nD1;domaine;Prévention;;;;BO;\nD1.O1;but;Prévenir;;;;BO;\nC1;compétence;Conseil;;;F9;;\n";
        let refused =
            browser.upload("/administration/referentiels", IDENTITY, &[("fichier", "f.csv", text.as_bytes())]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        for said in [
            "2\u{a0}erreurs empêchent",
            "«\u{a0}but\u{a0}» n’est pas reconnue",
            "data-label=\"Colonne\">source",
            "value=\"referentiel-2026\"",
        ] {
            assert!(refused.says(said), "{said}: {}", refused.body);
        }
        let none = browser.upload("/administration/referentiels", IDENTITY, &[]);
        assert!(none.says("Choisissez le fichier"), "{}", none.body);
        let taken = [("identifiant", "referentiel-2016"), ("numero", "x"), ("titre", "T")];
        let refused =
            browser.upload("/administration/referentiels", &taken, &[("fichier", "f.csv", sheet().as_bytes())]);
        assert!(refused.says("nombre entier"), "{}", refused.body);
        let taken = [("identifiant", "referentiel-2016"), ("numero", "2"), ("titre", "T")];
        let refused =
            browser.upload("/administration/referentiels", &taken, &[("fichier", "f.csv", sheet().as_bytes())]);
        assert!(refused.says("ne change jamais"), "{}", refused.body);
        assert_eq!(site.db.read_now(list_frameworks).unwrap().len(), 1);
        tamper(fresh, "DELETE FROM framework_drafts");
    });
}

#[test]
fn only_the_platform_brings_a_version_in() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let mut browser = site.sign_in(&site.user(Role::AcademyAdministrator, "22"));
        let page = browser.get("/administration/referentiels");
        assert!(page.status.is_success() && !page.says("name=\"fichier\""));
        browser.get("/deconnexion");
        let sent =
            browser.upload("/administration/referentiels", IDENTITY, &[("fichier", "f.csv", sheet().as_bytes())]);
        assert_eq!(sent.status, StatusCode::NOT_FOUND);
    });
}
