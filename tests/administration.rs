//! What an academy prints on its documents, and what the country sees of its sessions.

use axum::http::StatusCode;
use cplds::domain::permission::Role;

use crate::registration::{import, open_session};
use crate::support::each_engine;
use crate::support::web::Site;

#[test]
fn what_an_academy_prints_is_corrected_by_its_own_administrator() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let mut admin = site.sign_in(&site.user(Role::AcademyAdministrator, "22"));
        let list = admin.get("/administration/academies");
        assert!(list.says("le nom du signataire") && list.says("Limoges") && !list.says("Versailles"));
        let path = "/administration/academies/22";
        let bad = admin.post(path, &[("ville", "Limoges"), ("telephone", "abc"), ("signataire", "Claude Bernard")]);
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(bad.says("Claude Bernard"), "what was typed stays");
        let saved = admin.post(
            path,
            &[
                ("ville", "Limoges"),
                ("service", "DEC"),
                ("telephone", "05 55 11 40 40"),
                ("email", "dec@ac-limoges.example"),
                ("signataire", "Claude Bernard"),
                ("qualite", "Le recteur"),
            ],
        );
        assert!(admin.follow(&saved).says("Claude Bernard"));
        assert!(admin.get("/administration/academies").says("complet"));
        assert_eq!(admin.get("/administration/academies/13").status, StatusCode::NOT_FOUND);
        let foreign =
            admin.post("/administration/academies/13", &[("ville", "Marseille"), ("service", "x"), ("qualite", "x")]);
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        let mut platform = site.sign_in(&site.user(Role::PlatformAdministrator, ""));
        assert!(platform.get("/administration/academies").says("Versailles"));
    });
}

#[test]
fn the_country_sees_counts_and_never_a_name_or_a_result_before_its_publication() {
    each_engine(|fresh| {
        let session = open_session(fresh);
        let site = Site::new(fresh);
        let registered = import(&fresh.db, &session, &[12, 14, 15, 18, 19]).unwrap().registered;
        let mut reader = site.sign_in(&site.user(Role::NationalReader, ""));
        let page = reader.get("/national");
        assert_eq!(page.status, StatusCode::OK);
        let shown = if registered < 5 { "masqué".to_owned() } else { registered.to_string() };
        assert!(page.says(&format!("class=\"number\">{shown}</td>")), "{}", page.body);
        assert!(!page.says("Admis"), "no result stands there before the publication");
        for role in [Role::AcademyAdministrator, Role::ExamOfficeHead] {
            let mut other = site.sign_in(&site.user(role, "22"));
            assert_eq!(other.get("/national").status, StatusCode::NOT_FOUND, "{role}");
        }
    });
}
