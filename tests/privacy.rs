//! What a person reads of what is held about them: all of theirs, nothing of anyone else's, nothing before its time;
//! and the corrections they ask, answered by their own academy alone.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use diesel::prelude::*;

use crate::account::pages::{sign_in, story, with_password};
use crate::account::{open_session, person};
use crate::support::browser::{Browser, site};
use crate::support::{Fresh, connect, tamper};

const ADDRESS: &str = "ines@ac-limoges.example";
/// What must never be read, whenever.
const NEVER: [&str; 6] =
    ["NOTE-DE-TRAVAIL", "PROPOSITION-INTERNE", "COURRIEL-AUTRE", "AUTRE-NOM", "AGENT-NOMME", "LYCEE-AUTRE"];
/// What is read once results are public.
const THEN: [&str; 2] = ["APPRECIATION-TENUE", "13,5"];

/// A candidate with an account, in a session, beside somebody else; strings planted where they must not leak.
fn plant(fresh: &Fresh) -> String {
    use cplds::store::schema::exam_sessions;
    let db = &fresh.db;
    let (mine, other) = (person(db, "DURAND"), person(db, "AUTRE-NOM"));
    let candidate = with_password(db, ADDRESS, &[(Role::Candidate, Some("22"))]).user_id;
    let juror = with_password(db, "juror@ac-limoges.example", &[(Role::JuryMember, Some("22"))]).user_id;
    open_session(db);
    let session: String = exam_sessions::table.select(exam_sessions::id).first(&mut connect(fresh)).unwrap();
    let at = "'2026-06-15 08:00:00'";
    let file = |id: &str, person: &str, rank: i32, school: &str| {
        format!(
            "INSERT INTO registrations (id, session_id, person_id, rank, number, state, eligibility, corps, status, school_name, \
             department, trained, source, submitted_at) VALUES ('{id}', '{session}', '{person}', {rank}, '22-000{rank}', 'admitted', \
             'eligible', 'certifie', 'titulaire', '{school}', '087', TRUE, 'form', {at});"
        )
    };
    tamper(
        fresh,
        &format!(
            "UPDATE people SET user_id = '{candidate}' WHERE id = '{mine}'; {} {} \
             INSERT INTO evaluations (id, session_id, registration_id, epreuve, state, mark, appraisal, entered_by_name) \
             VALUES ('e1', '{session}', 'r1', 1, 'marked', 1350, 'APPRECIATION-TENUE', 'AGENT-NOMME'); \
             INSERT INTO working_notes (evaluation_id, user_id, notes, updated_at) VALUES ('e1', '{juror}', 'NOTE-DE-TRAVAIL', {at}); \
             INSERT INTO decisions (id, session_id, registration_id, kind, rule, law, pack_id, facts, explanation, proposed, proposed_at) \
             SELECT 'd1', id, 'r1', 'eligibility', 'r', 'l', regulation_id, '{{}}', '[]', 'PROPOSITION-INTERNE', {at} \
             FROM exam_sessions WHERE id = '{session}'; \
             INSERT INTO outbox (id, kind, dedupe_key, recipient, recipient_name, subject, body_text, attachments, state, \
             next_attempt_at, created_at) VALUES ('m1', 'k', 'k1', 'autre@ac-limoges.example', 'X', 'COURRIEL-AUTRE', 'b', '[]', 'sent', {at}, {at}), \
             ('m2', 'k', 'k2', '{ADDRESS}', 'X', 'COURRIEL-MIEN', 'http://x/lien/CLE-SECRETE fin', '[]', 'sent', {at}, {at});",
            file("r1", &mine, 1, "LYCEE-MIEN"),
            file("r2", &other, 2, "LYCEE-AUTRE")
        ),
    );
    session
}

#[test]
fn one_reads_all_of_ones_own_and_nothing_of_others_nor_before_its_time() {
    story(|fresh, browser| {
        let session = plant(fresh);
        sign_in(browser, ADDRESS);
        for published in [false, true] {
            if published {
                tamper(
                    fresh,
                    &format!(
                        "UPDATE exam_sessions SET state = 'published', published_at = '2026-06-15 08:00:00' WHERE id = '{session}'"
                    ),
                );
            }
            for path in ["/compte/donnees", "/compte/donnees.json"] {
                let answer = browser.get(path);
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                for mine in [ADDRESS, "DURAND", "1er\u{a0}mars 1985", "LYCEE-MIEN", "22-0001", "COURRIEL-MIEN", "fin"] {
                    assert!(answer.says(mine), "{path}: {mine}");
                }
                for never in NEVER.iter().chain(&["CLE-SECRETE", "argon2"]) {
                    assert!(!answer.says(never), "{path}: {never}");
                }
                for then in THEN {
                    assert_eq!(answer.says(then), published, "{path}: {then}");
                }
            }
        }
        let file = browser.get("/compte/donnees.json");
        assert_eq!(file.headers["content-disposition"], "attachment; filename=\"mes-donnees.json\"");
        let mut visitor = Browser::new(&site(&fresh.db));
        assert!(visitor.get("/compte/donnees.json").location().starts_with("/connexion"));
    });
}

#[test]
fn what_one_exchanged_with_the_office_and_what_ones_record_holds_is_all_there() {
    story(|fresh, browser| {
        let session = plant(fresh);
        let at = "'2026-06-15 08:00:00'";
        tamper(
            fresh,
            &format!(
                "INSERT INTO drafts (id, user_id, session_id, answers, version, created_at, updated_at) SELECT 'b1', user_id, '{session}', \
                 '{{\"identite\":{{\"nom\":[\"BROUILLON-MIEN\"]}}}}', 1, {at}, {at} FROM people WHERE birth_name = 'DURAND'; \
                 INSERT INTO messages (id, file_id, session_id, from_office, author_id, author_name, body, sent_at) VALUES \
                 ('g1', 'r1', '{session}', TRUE, 'x', 'AGENT-NOMME', 'MESSAGE-MIEN', {at}), \
                 ('g2', 'r2', '{session}', FALSE, 'x', 'AUTRE-NOM', 'LYCEE-AUTRE', {at}); \
                 INSERT INTO piece_files (id, file_id, session_id, code, file_name, kind, size, pages, sha256, uploaded_by, uploaded_at) \
                 VALUES ('f1', 'r1', '{session}', 'contrat', 'FICHIER-MIEN.pdf', 'pdf', 10, 1, 'EMPREINTE-MIENNE', 'AGENT-NOMME', {at}); \
                 INSERT INTO file_notes (id, registration_id, author_id, author_name, body, created_at) \
                 VALUES ('n1', 'r1', 'x', 'AGENT-NOMME', 'REMARQUE-DU-BUREAU', {at}); \
                 INSERT INTO earlier_marks (id, person_id, academy_code, year, epreuve, mark, evidence, state, recorded_by_name, recorded_at) \
                 SELECT 'em1', id, '22', 2024, 2, 1425, 'RELEVE-MIEN', 'to_verify', 'AGENT-NOMME', {at} FROM people WHERE birth_name = 'DURAND'; \
                 INSERT INTO kept_mark_claims (id, registration_id, epreuve, mark, origin_year, origin_academy, state) \
                 VALUES ('k1', 'r1', 2, 1425, 2024, 'ACADEMIE-MIENNE', 'claimed');"
            ),
        );
        sign_in(browser, ADDRESS);
        let mine = [
            "BROUILLON-MIEN",
            "MESSAGE-MIEN",
            "FICHIER-MIEN.pdf",
            "EMPREINTE-MIENNE",
            "/mon-dossier/r1/pieces/fichiers/f1",
            "RELEVE-MIEN",
            "14,25",
            "ACADEMIE-MIENNE",
        ];
        // Read in words on the page; the file has both the codes and the words.
        let page = browser.get("/compte/donnees");
        let file = browser.get("/compte/donnees.json");
        assert!(page.says("1er\u{a0}mars 1985") && !page.says("1985-03-01"), "{}", page.body);
        assert!(file.says("\"valeur\": \"1985-03-01\"") && file.says("\"lisible\": \"1er\u{a0}mars 1985\""));
        assert!(page.says("académie de Limoges") && !page.says(">22<"), "{}", page.body);
        for path in ["/compte/donnees", "/compte/donnees.json"] {
            let answer = browser.get(path);
            for mine in mine {
                assert!(answer.says(mine), "{path}: {mine} in {}", answer.body);
            }
            for never in NEVER.iter().chain(&["REMARQUE-DU-BUREAU"]) {
                assert!(!answer.says(never), "{path}: {never}");
            }
        }
        // What the office noted prepares the decision; once it is taken, it is theirs, without its author.
        tamper(fresh, &format!("UPDATE decisions SET decided_at = {at} WHERE registration_id = 'r1'"));
        for path in ["/compte/donnees", "/compte/donnees.json"] {
            let answer = browser.get(path);
            assert!(answer.says("REMARQUE-DU-BUREAU") && !answer.says("AGENT-NOMME"), "{path}: {}", answer.body);
        }
    });
}

/// A table that says something of a person is handed out to them, or says why it is not.
#[test]
fn no_table_linked_to_a_person_is_forgotten() {
    use cplds::store::privacy::{HELD, LEFT_OUT};
    const LINKS: [&str; 15] = [
        "user_id",
        "person_id",
        "registration_id",
        "enrolment_id",
        "draft_id",
        "file_id",
        "juror_id",
        "letter_id",
        "message_id",
        "request_id",
        "evaluation_id",
        "email_key",
        "recipient",
        "subject_id",
        "object_id",
    ];
    let root = env!("CARGO_MANIFEST_DIR");
    let text = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let schema = text("src/store/schema.rs");
    let mut linked = Vec::new();
    for table in schema.split("diesel::table! {").skip(1) {
        let (name, rest) = table.trim_start().split_once(" (").unwrap();
        let body = rest.split_once("\n    }").map_or(rest, |(body, _)| body);
        let is_linked = LINKS.iter().any(|link| body.contains(&format!(" {link} ->")));
        if is_linked || name == "users" {
            linked.push(name);
        }
    }
    assert!(linked.len() > 50, "{linked:?}");
    for name in &linked {
        let told = usize::from(HELD.contains(name)) + usize::from(LEFT_OUT.iter().any(|(left, _)| left == name));
        assert_eq!(told, 1, "{name} says something of a person: hand it out in store/privacy, or say why not");
    }
    for name in HELD.iter().chain(LEFT_OUT.iter().map(|(name, _)| name)) {
        assert!(schema.contains(&format!("\n    {name} (")), "{name} is no table");
    }
    // What is named is really read: here, or by the queries of its own step, which this file calls.
    let here = text("src/store/privacy.rs") + &text("src/store/privacy/own.rs");
    let elsewhere = [
        "users",
        "passkeys",
        "login_sessions",
        "address_changes",
        "role_grants",
        "registrations",
        "pieces",
        "kept_marks",
        "slots",
        "evaluations",
        "results",
        "certificates",
    ];
    for name in HELD.iter().filter(|name| !elsewhere.contains(name)) {
        assert!(here.contains(&format!("{name}::table")), "{name} is named and not read");
    }
}

#[test]
fn a_correction_is_asked_then_applied_or_refused_by_ones_own_academy() {
    story(|fresh, browser| {
        plant(fresh);
        let head = "head@ac-limoges.example";
        with_password(&fresh.db, head, &[(Role::ExamOfficeHead, Some("22"))]);
        with_password(&fresh.db, "head@ac-autre.example", &[(Role::ExamOfficeHead, Some("02"))]);
        sign_in(browser, ADDRESS);
        browser.get("/compte/donnees");
        let ask = |browser: &mut Browser, field: &str, value: &str| {
            browser
                .post("/compte/donnees/corrections", &[("donnee", field), ("valeur", value), ("motif", "Acte joint")])
        };
        let wrong = ask(browser, "birth_date", "31/02/1985");
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.says("value=\"31/02/1985\""), "what was typed stays");
        for (field, value) in [("birth_date", "02/03/1985"), ("birth_name", "LEFEVRE"), ("phone", "05 55 11 22 33")] {
            assert_eq!(ask(browser, field, value).location(), "/compte/donnees", "{field}");
        }
        assert_eq!(ask(browser, "phone", "05 55 11 22 34").status, StatusCode::UNPROCESSABLE_ENTITY, "one at a time");

        use cplds::store::schema::corrections;
        // In the order asked above, which their identifiers need not follow within one instant.
        let known: Vec<(String, String)> =
            corrections::table.select((corrections::field, corrections::id)).load(&mut connect(fresh)).unwrap();
        let ids = ["birth_date", "birth_name", "phone"]
            .map(|field| known.iter().find(|(of, _)| of == field).unwrap().1.clone());
        let mut office = Browser::new(&site(&fresh.db));
        sign_in(&mut office, head);
        assert!(office.get("/gestion").says("3 en attente"), "the desk leads there");
        assert!(browser.get("/mon-dossier").says("(3 en attente)"));
        let list = office.get("/gestion/corrections");
        assert!(list.says("1985-03-01") && list.says("1985-03-02") && list.says("LEFEVRE"), "{}", list.body);
        let mut foreign = Browser::new(&site(&fresh.db));
        sign_in(&mut foreign, "head@ac-autre.example");
        assert!(!foreign.get("/gestion/corrections").says("LEFEVRE"));
        let accept = |id: &str| format!("/gestion/corrections/{id}/acceptation");
        assert_eq!(foreign.post(&accept(&ids[0]), &[]).status, StatusCode::NOT_FOUND);
        for id in &ids[..2] {
            assert_eq!(office.post(&accept(id), &[]).location(), "/gestion/corrections");
        }
        assert_eq!(office.post(&accept(&ids[0]), &[]).status, StatusCode::CONFLICT);
        let refusal = format!("/gestion/corrections/{}/refus", ids[2]);
        assert_eq!(office.post(&refusal, &[("motif", " ")]).status, StatusCode::UNPROCESSABLE_ENTITY);
        office.post(&refusal, &[("motif", "PIECE-ILLISIBLE")]);
        assert!(office.get("/gestion").says("aucune n’attend"));
        use cplds::store::schema::outbox;
        let mails: Vec<(String, String)> = outbox::table
            .filter(outbox::kind.eq("correction"))
            .select((outbox::recipient, outbox::body_text))
            .load(&mut connect(fresh))
            .unwrap();
        assert_eq!(mails.len(), 3, "one for each answer");
        for (recipient, body) in &mails {
            assert_eq!(recipient, ADDRESS);
            assert!(body.contains("/compte/donnees#corrections"), "{body}");
            for content in ["LEFEVRE", "1985", "PIECE-ILLISIBLE", "refus", "accept"] {
                assert!(!body.contains(content), "{content} in {body}");
            }
        }
        let page = browser.get("/compte/donnees");
        for shown in ["1985-03-02", "LEFEVRE", "PIECE-ILLISIBLE", "Nom porté auparavant"] {
            assert!(page.says(shown), "{shown}: {}", page.body);
        }
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}
