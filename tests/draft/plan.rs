//! What may change between the form and the épreuves: a mark that can no longer be kept, and where épreuve 1 is seen.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::people::find_person_of_user;
use cplds::store::{audit, draft};

use super::{IDENTITY, begin, fill, fill_all, hidden, submit};
use crate::registration::open_with_pieces;
use crate::support::browser::{Answer, Browser};
use crate::support::web::Site;
use crate::support::{Fresh, each_engine, tamper};

const CLAIM: [(&str, &str); 5] = [
    ("note_1", "ailleurs"),
    ("note_1_valeur", "12,5"),
    ("note_1_session", "2025"),
    ("note_1_academie", "04"),
    ("note_2", "non"),
];

/// A session elsewhere than in one's own school.
const HOST: [(&str, &str); 6] = [
    ("accueil", "autre"),
    ("accueil_uai", "0190012K"),
    ("accueil_nom", "Lycée d’Arsonval"),
    ("action", "Atelier du GPDS"),
    ("effectif", "6"),
    ("jours", "jeudi"),
];

/// An officer sets aside the mark that this file claims.
fn set_aside(site: &Site, session: &str, id: &str) {
    let page = format!("/gestion/sessions/{session}/dossiers/{id}/notes-conservees");
    let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
    let shown = officer.get(&page);
    let claim = shown.body.split("/notes-conservees/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (answer, reason) = (format!("constat-{claim}"), format!("motif-{claim}"));
    let fields = [(answer.as_str(), "ecarter"), (reason.as_str(), "Le relevé de 2025 porte une autre note")];
    assert_eq!(officer.post(&format!("{page}/{claim}"), &fields).status, StatusCode::SEE_OTHER);
}

fn plan_of(fresh: &Fresh, id: &str) -> Option<(String, Option<String>, i32, String)> {
    let plan = fresh.db.read_now(|conn| draft::find_plan(conn, id)).unwrap()?;
    Some((plan.host_name, plan.host_uai, plan.young_people, plan.days))
}

fn declare(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    browser.get(path);
    browser.post(path, fields)
}

#[test]
fn whoever_must_sit_epreuve_1_after_all_says_where_and_changes_it_until_the_convocations_leave() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let email = site.user(Role::Candidate, "22");
        let mut browser = site.sign_in(&email);
        let form = begin(&mut browser, &session);
        fill_all(&mut browser, &form, IDENTITY);
        fill(&mut browser, &form, "notes", &CLAIM);
        submit(&mut browser, &form);
        let id = form.rsplit('/').next().unwrap().to_owned();
        let path = format!("/mon-dossier/{id}/seance");
        // As long as the mark may be kept, nothing is asked.
        assert_eq!(browser.get(&path).status, StatusCode::NOT_FOUND);
        assert!(!browser.get("/mon-dossier").says(&path));
        set_aside(&site, &session, &id);
        assert!(browser.get("/mon-dossier").says(&format!("<a href=\"{path}\">dites où")));
        let page = browser.get(&path);
        assert!(page.says("Lycée Turgot") && page.says("22-27-0001"), "{}", page.body);

        // What is wrong is said beside its field, and what was typed stays.
        let mut wrong = HOST;
        wrong[4] = ("effectif", "1");
        let refused = declare(&mut browser, &path, &wrong);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("plusieurs jeunes") && refused.says("value=\"Lycée d’Arsonval\""), "{}", refused.body);
        assert_eq!(declare(&mut browser, &path, &[]).status, StatusCode::UNPROCESSABLE_ENTITY, "nothing typed");
        assert_eq!(plan_of(fresh, &id), None);

        let done = declare(&mut browser, &path, &HOST);
        assert!(browser.follow(&done).says("Lycée d’Arsonval"), "{}", done.body);
        let host = ("Lycée d’Arsonval".to_owned(), Some("0190012K".to_owned()), 6, "jeudi".to_owned());
        assert_eq!(plan_of(fresh, &id), Some(host));
        // Shown again as it stands, and changed.
        let page = browser.get(&path);
        assert!(page.says("value=\"0190012K\"") && page.says("value=\"Atelier du GPDS\""), "{}", page.body);
        let own = [
            ("accueil", "mon_etablissement"),
            ("action", "Module"),
            ("effectif", "9"),
            ("jours", "lundi"),
            ("jours", "mardi"),
        ];
        assert_eq!(declare(&mut browser, &path, &own).status, StatusCode::SEE_OTHER);
        let turgot = ("Lycée Turgot".to_owned(), Some("0870015U".to_owned()), 9, "lundi, mardi".to_owned());
        assert_eq!(plan_of(fresh, &id), Some(turgot.clone()));
        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let file = officer.get(&format!("/gestion/sessions/{session}/dossiers/{id}"));
        assert!(file.says("Séance de l’épreuve 1 déclarée"), "{}", file.body);

        // Nobody else's, and not once the convocations have left.
        let mut other = site.sign_in(&site.user(Role::Candidate, "22"));
        assert_eq!(other.get(&path).status, StatusCode::NOT_FOUND);
        assert_eq!(other.post(&path, &HOST).status, StatusCode::NOT_FOUND);
        tamper(fresh, "UPDATE exam_sessions SET state = 'convened'");
        let late = browser.post(&path, &HOST);
        assert!(late.status.is_client_error() && late.says("séance"), "{} {}", late.status, late.body);
        assert!(!browser.get("/mon-dossier").says(&path));
        assert_eq!(plan_of(fresh, &id), Some(turgot));
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn the_office_says_where_for_whoever_has_no_account() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = crate::examination::open_with(fresh, 3);
        let (file, _) = crate::examination::file_of(fresh, "eligible");
        let base = format!("/gestion/sessions/{session}/dossiers/{file}");
        let path = format!("{base}/seance");
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        assert!(office.get(&base).says(&format!("{base}/notes-conservees")));
        assert!(office.get(&format!("{base}/notes-conservees")).says("Saisir la séance de l’épreuve 1"));
        let refused = declare(&mut office, &path, &[("accueil", "autre"), ("accueil_nom", "Lycée d’Arsonval")]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("value=\"Lycée d’Arsonval\""), "{}", refused.body);
        let done = declare(&mut office, &path, &HOST);
        assert_eq!(done.location(), base, "{}", done.body);
        assert!(office.get(&base).says("Séance de l’épreuve 1 déclarée"));
        assert_eq!(plan_of(fresh, &file).unwrap().0, "Lycée d’Arsonval");
        // Through another session, by another academy, by a candidate: nothing is there.
        let other = format!("/gestion/sessions/inconnue/dossiers/{file}/seance");
        assert_eq!(office.post(&other, &HOST).status, StatusCode::NOT_FOUND);
        assert_eq!(office.get(&format!("/mon-dossier/{file}/seance")).status, StatusCode::NOT_FOUND);
        let mut stranger = site.sign_in(&site.user(Role::ExamOfficer, "02"));
        assert_eq!(stranger.get(&path).status, StatusCode::NOT_FOUND);
        assert_eq!(stranger.post(&path, &HOST).status, StatusCode::NOT_FOUND);
        let mut candidate = site.sign_in(&site.user(Role::Candidate, "22"));
        assert_eq!(candidate.post(&path, &HOST).status, StatusCode::NOT_FOUND);
        tamper(fresh, "UPDATE exam_sessions SET state = 'convened'");
        assert!(office.post(&path, &HOST).status.is_client_error());
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_mark_that_can_no_longer_be_kept_sends_back_to_its_question_before_the_submission() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let email = site.user(Role::Candidate, "22");
        let person = crate::account::person(&fresh.db, "DUPONT");
        let user = site.actor(&email).user_id;
        tamper(fresh, &format!("UPDATE people SET user_id = '{user}' WHERE id = '{person}'"));
        assert!(fresh.db.read_now(|conn| find_person_of_user(conn, &user)).unwrap().is_some());
        tamper(
            fresh,
            &format!(
                "INSERT INTO earlier_marks (id, person_id, academy_code, year, epreuve, mark, evidence, state, recorded_by_name, recorded_at) VALUES ('m', '{person}', '22', 2025, 2, 1250, 'Relevé', 'verified', 'Bureau', '2026-06-01 08:00:00')"
            ),
        );
        let mut browser = site.sign_in(&email);
        let form = begin(&mut browser, &session);
        let identity = [
            ("civilite", "Mme"),
            ("nom", "DUPONT"),
            ("prenoms", "Inès"),
            ("naissance", "01/03/1985"),
            ("lieu_naissance", "Tulle"),
        ];
        fill_all(&mut browser, &form, &identity);
        let page = browser.get(&format!("{form}/notes"));
        assert!(page.says("value=\"2025-1250\""), "{}", page.body);
        let kept = fill(&mut browser, &form, "notes", &[("note_1", "non"), ("note_2", "2025-1250")]);
        assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
        let read = browser.get(&format!("{form}/verification"));
        assert!(read.says("12,5 sur 20"), "{}", read.body);
        // The office finds that the transcript was somebody else's, meanwhile.
        tamper(fresh, "UPDATE earlier_marks SET state = 'rejected'");
        let shown = browser.get(&format!("{form}/verification"));
        assert!(!shown.says("name=\"declaration\""), "the file is not offered to be sent any more");
        let refused =
            browser.post(&format!("{form}/depot"), &[("version", &hidden(&read, "version")), ("declaration", "oui")]);
        assert!(!refused.location().ends_with("/depot"), "{}", refused.location());
        let registered = fresh.db.read_now(|conn| cplds::store::registration::list_files_of_user(conn, &user)).unwrap();
        assert!(registered.is_empty());
        let page = browser.get(&format!("{form}/notes"));
        assert!(page.says("<title>Erreur") && !page.says("value=\"2025-1250\""), "{}", page.body);
        // Nothing else was lost: with the épreuve chosen again, the file leaves.
        fill(&mut browser, &form, "notes", &[("note_1", "non"), ("note_2", "non")]);
        let done = submit(&mut browser, &form);
        assert!(done.location().ends_with("/depot"), "{}", done.body);
    });
}
