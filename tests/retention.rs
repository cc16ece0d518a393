//! Retention in two steps: what is proposed, what is executed, and what is never taken away.

use cplds::domain::permission::{Actor, Role};
use cplds::store::retention::{self, Proposal};
use cplds::store::{StoreError, Stored, audit};
use diesel::prelude::*;
use jiff::SignedDuration;

use crate::account::pages::with_password;
use crate::account::{loaded, open_session, person, write};
use crate::support::{Fresh, connect, each_engine, instant, tamper};

fn machine() -> Actor {
    Actor::system("cli:purge")
}

fn propose(fresh: &Fresh) -> String {
    write(&fresh.db, &machine(), retention::propose).unwrap()
}

fn execute(fresh: &Fresh, text: &str) -> Stored<std::collections::BTreeMap<String, i64>> {
    let text = text.to_owned();
    write(&fresh.db, &machine(), move |tx| retention::execute(tx, &text))
}

fn code<T: std::fmt::Debug>(result: Stored<T>) -> &'static str {
    match result {
        Err(StoreError::Refused(refusal)) => refusal.code,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// A session published on this day, with one application, its mark, its appraisal and working notes.
fn published(fresh: &Fresh, on: &str) {
    use cplds::store::schema::exam_sessions;
    let juror = with_password(&fresh.db, "juror@ac-limoges.example", &[(Role::JuryMember, Some("22"))]).user_id;
    let mine = person(&fresh.db, "DURAND");
    open_session(&fresh.db);
    let session: String = exam_sessions::table.select(exam_sessions::id).first(&mut connect(fresh)).unwrap();
    tamper(
        fresh,
        &format!(
            "UPDATE exam_sessions SET state = 'published', published_at = '{on} 08:00:00' WHERE id = '{session}'; \
             INSERT INTO registrations (id, session_id, person_id, rank, number, state, eligibility, corps, status, school_name, \
             department, trained, source, submitted_at) VALUES ('r1', '{session}', '{mine}', 1, '22-0001', 'admitted', \
             'eligible', 'certifie', 'titulaire', 'LYCEE', '087', TRUE, 'form', '{on} 08:00:00'); \
             INSERT INTO evaluations (id, session_id, registration_id, epreuve, state, mark, appraisal) \
             VALUES ('e1', '{session}', 'r1', 1, 'marked', 1350, 'APPRECIATION'); \
             INSERT INTO working_notes (evaluation_id, user_id, notes, updated_at) VALUES ('e1', '{juror}', 'NOTES', '{on} 08:00:00');"
        ),
    );
}

fn kinds(text: &str) -> Vec<String> {
    let proposal: Proposal = serde_json::from_str(text).unwrap();
    let mut kinds: Vec<String> = proposal.lines.into_iter().map(|line| line.kind).collect();
    kinds.dedup();
    kinds
}

fn notes_left(fresh: &Fresh) -> i64 {
    use cplds::store::schema::working_notes;
    working_notes::table.count().get_result(&mut connect(fresh)).unwrap()
}

#[test]
fn a_list_is_executed_once_as_it_was_proposed_and_leaves_its_trace() {
    each_engine(|fresh| {
        loaded(fresh);
        published(fresh, "2026-04-14");
        let forgotten =
            with_password(&fresh.db, "brouillon@ac-limoges.example", &[(Role::Candidate, Some("22"))]).user_id;
        tamper(fresh, &format!("UPDATE role_grants SET academy_code = NULL WHERE user_id = '{forgotten}'"));
        tamper(fresh, &format!("UPDATE users SET created_at = '2025-12-14 00:00:00' WHERE id = '{forgotten}'"));
        let text = propose(fresh);
        assert_eq!(kinds(&text), ["draft_account", "working_notes"], "{text}");
        assert!(!text.contains("brouillon@") && !text.contains("DURAND"), "no name in the list");
        assert!(text.contains("R.\u{a0}421-1") && text.contains("registre des traitements"), "each line has its text");
        assert_eq!(notes_left(fresh), 1, "a proposal takes nothing away");

        assert_eq!(code(execute(fresh, &text.replace("working_notes", "registration"))), "unknown_list");
        assert_eq!(notes_left(fresh), 1);
        let counts = execute(fresh, &text).unwrap();
        assert_eq!(counts.get("working_notes"), Some(&1));
        assert_eq!(counts.get("draft_account"), Some(&1));
        assert_eq!(notes_left(fresh), 0);
        assert_eq!(code(execute(fresh, &text)), "executed_list");
        let again = propose(fresh);
        assert!(kinds(&again).is_empty(), "{again}");
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_list_whose_rows_changed_or_that_is_too_old_takes_nothing_away() {
    each_engine(|fresh| {
        loaded(fresh);
        published(fresh, "2026-04-14");
        let text = propose(fresh);
        tamper(fresh, "UPDATE working_notes SET updated_at = '2026-06-15 07:59:00'");
        assert_eq!(code(execute(fresh, &text)), "changed_rows");
        let text = propose(fresh);
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_hours(24 * 31));
        assert_eq!(code(execute(fresh, &text)), "stale_list");
        assert_eq!(notes_left(fresh), 1);
        let stranger = with_password(&fresh.db, "x@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        assert!(write(&fresh.db, &stranger, retention::propose).is_err(), "only at the machine");
    });
}

#[test]
fn after_ten_years_an_application_keeps_its_number_its_mark_and_nothing_else() {
    each_engine(|fresh| {
        use cplds::store::schema::{evaluations, registrations};
        fresh.clock.set(instant("2037-06-15T08:00:00Z"));
        loaded(fresh);
        fresh.clock.set(instant("2026-06-15T08:00:00Z"));
        published(fresh, "2027-06-14");
        fresh.clock.set(instant("2037-06-15T08:00:00Z"));
        let text = propose(fresh);
        assert!(kinds(&text).contains(&"registration".to_owned()), "{text}");
        execute(fresh, &text).unwrap();
        let mut conn = connect(fresh);
        let file: (String, String) =
            registrations::table.select((registrations::number, registrations::school_name)).first(&mut conn).unwrap();
        assert_eq!(file, ("22-0001".to_owned(), String::new()));
        let mark: (Option<i32>, Option<String>) =
            evaluations::table.select((evaluations::mark, evaluations::appraisal)).first(&mut conn).unwrap();
        assert_eq!(mark, (Some(1350), None), "the minutes rest on the mark; a mark of ten may still serve");
        assert!(!kinds(&propose(fresh)).contains(&"registration".to_owned()), "once");
    });
}

#[test]
fn a_form_left_alone_for_six_months_goes_with_its_files_and_messages_and_a_live_one_stays() {
    each_engine(|fresh| {
        use cplds::store::schema::{drafts, exam_sessions, messages, piece_files};
        loaded(fresh);
        published(fresh, "2026-06-14");
        let session: String = exam_sessions::table.select(exam_sessions::id).first(&mut connect(fresh)).unwrap();
        let owner = with_password(&fresh.db, "hesitant@ac-limoges.example", &[(Role::Candidate, Some("22"))]).user_id;
        for (id, user, at) in [("old", &owner, "2025-12-14"), ("live", &actor_id(fresh), "2025-12-16")] {
            tamper(
                fresh,
                &format!(
                    "INSERT INTO drafts (id, user_id, session_id, answers, version, created_at, updated_at)
                     VALUES ('{id}', '{user}', '{session}', '{{}}', 1, '{at} 00:00:00', '{at} 00:00:00');
                     INSERT INTO messages (id, file_id, session_id, from_office, author_id, author_name, body, sent_at)
                     VALUES ('m-{id}', '{id}', '{session}', FALSE, '{user}', 'X', 'Bonjour', '{at} 00:00:00');
                     INSERT INTO piece_files (id, file_id, session_id, code, file_name, kind, size, pages, sha256, uploaded_by, uploaded_at)
                     VALUES ('f-{id}', '{id}', '{session}', 'identite', 'a.pdf', 'pdf', 1, 1, '{id}', '{user}', '{at} 00:00:00');"
                ),
            );
        }
        let text = propose(fresh);
        assert!(kinds(&text).contains(&"draft".to_owned()), "{text}");
        assert!(text.contains("\"old\"") && !text.contains("\"live\""), "{text}");
        assert_eq!(execute(fresh, &text).unwrap().get("draft"), Some(&1));
        let mut conn = connect(fresh);
        let left: Vec<String> = drafts::table.select(drafts::id).load(&mut conn).unwrap();
        assert_eq!(left, ["live"]);
        let left: Vec<String> = messages::table.select(messages::id).load(&mut conn).unwrap();
        assert_eq!(left, ["m-live"]);
        let left: Vec<String> = piece_files::table.select(piece_files::id).load(&mut conn).unwrap();
        assert_eq!(left, ["f-live"]);
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

/// Tables that name an application or its form, by the column that does; read from the schema, so that a new one is seen.
fn tables_of_a_file() -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut table = "";
    for line in include_str!("../src/store/schema.rs").lines() {
        if let Some((name, _)) = line.strip_prefix("    ").and_then(|line| line.split_once(" ("))
            && !name.starts_with(' ')
        {
            table = name;
        }
        for column in ["registration_id", "file_id", "draft_id"] {
            if line.trim().starts_with(&format!("{column} ->")) {
                found.push((table.to_owned(), column));
            }
        }
    }
    found
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

#[test]
fn an_application_at_the_end_of_its_time_leaves_nothing_but_what_the_minutes_rest_on() {
    /// What stays, and why.
    const KEPT: &[(&str, &str)] = &[
        ("yearly_registrations", "one application a year, whoever asks again"),
        ("kept_marks", "a mark that may still serve"),
        ("decisions", "the outcome alone, sealed with the minutes"),
        ("evaluations", "the mark, without its appraisal"),
        ("results", "the minutes"),
        ("certificates", "the register is permanent"),
    ];
    each_engine(|fresh| {
        fresh.clock.set(instant("2037-06-15T08:00:00Z"));
        loaded(fresh);
        fresh.clock.set(instant("2026-06-15T08:00:00Z"));
        published(fresh, "2027-06-14");
        let user = actor_id(fresh);
        let at = "2027-06-14 08:00:00";
        let session = "(SELECT id FROM exam_sessions)";
        tamper(
            fresh,
            &format!(
                "INSERT INTO drafts (id, user_id, session_id, answers, version, created_at, updated_at)
                 VALUES ('r1', '{user}', {session}, '{{}}', 1, '{at}', '{at}');
                 INSERT INTO messages (id, file_id, session_id, from_office, author_id, author_name, body, sent_at)
                 VALUES ('m1', 'r1', {session}, FALSE, '{user}', 'X', 'Bonjour', '{at}');
                 INSERT INTO message_files (id, message_id, file_name, content_type, size, sha256)
                 VALUES ('mf1', 'm1', 'a.pdf', 'application/pdf', 1, 'a');
                 INSERT INTO piece_files (id, file_id, session_id, code, file_name, kind, size, pages, sha256, uploaded_by, uploaded_at)
                 VALUES ('f1', 'r1', {session}, 'identite', 'a.pdf', 'pdf', 1, 1, 'b', '{user}', '{at}');
                 INSERT INTO identity_checks (id, draft_id, session_id, person_id, user_id, asked_at)
                 SELECT 'i1', 'r1', {session}, id, '{user}', '{at}' FROM people;
                 INSERT INTO action_plans (registration_id, host_name, action, young_people, days, unavailable)
                 VALUES ('r1', 'LYCEE', 'ATELIER', 5, '', '');
                 INSERT INTO kept_mark_claims (id, registration_id, epreuve, mark, origin_year, origin_academy, state)
                 VALUES ('k1', 'r1', 1, 1200, 2025, '22', 'claimed');
                 INSERT INTO pieces (registration_id, code, state, noted_by, noted_at) VALUES ('r1', 'identite', 'refused', 'X', '{at}');
                 INSERT INTO piece_reasons (registration_id, code, reason) VALUES ('r1', 'identite', 'ILLISIBLE');
                 INSERT INTO piece_requests (id, session_id, registration_id, message, due_on, asked_at, asked_by, asked_by_name)
                 VALUES ('q1', {session}, 'r1', 'ENVOYEZ', '2027-06-20', '{at}', '{user}', 'X');
                 INSERT INTO piece_request_items (request_id, code) VALUES ('q1', 'identite');
                 INSERT INTO file_notes (id, registration_id, author_id, author_name, body, created_at)
                 VALUES ('n1', 'r1', '{user}', 'X', 'NOTE', '{at}');
                 INSERT INTO file_presences (registration_id, user_id, user_name, seen_at) VALUES ('r1', '{user}', 'X', '{at}');
                 INSERT INTO assignments (registration_id, user_id, user_name, assigned_by, assigned_at)
                 VALUES ('r1', '{user}', 'X', '{user}', '{at}');
                 INSERT INTO resumed_drafts (draft_id, registration_id, resumed_at) VALUES ('r1', 'r1', '{at}');
                 INSERT INTO paper_files (registration_id, received_on, entered_by_name, entered_at)
                 VALUES ('r1', '2027-06-14', 'X', '{at}');
                 INSERT INTO decisions (id, session_id, registration_id, kind, rule, law, pack_id, facts, explanation, proposed, proposed_at)
                 SELECT 'd1', id, 'r1', 'eligibility', 'R1', 'arrêté', regulation_id, '{{}}', 'X', 'refused', '{at}' FROM exam_sessions;
                 INSERT INTO letters (id, session_id, registration_id, decision_id, kind, content, issued_at, issued_by_name)
                 VALUES ('l1', {session}, 'r1', 'd1', 'refusal', '{{}}', '{at}', 'X');
                 INSERT INTO documents (id, academy_code, session_id, subject_id, kind, file_name, content_type, sha256, bytes, created_at)
                 VALUES ('doc1', '22', {session}, 'l1', 'letter', 'a.pdf', 'application/pdf', 'c', '', '{at}');"
            ),
        );
        let count = |table: &str, column: &str| {
            let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} = 'r1'");
            diesel::sql_query(sql).get_result::<Number>(&mut connect(fresh)).unwrap().n
        };
        let is_kept = |table: &str| KEPT.iter().any(|(kept, _)| *kept == table);
        for (table, column) in tables_of_a_file() {
            // The jury's own tables have their tests beside; here each one must really lose something.
            let jury = ["conflicts", "slots"].contains(&table.as_str());
            assert!(is_kept(&table) || jury || count(&table, column) == 1, "{table} is not in this story");
        }
        fresh.clock.set(instant("2037-06-15T08:00:00Z"));
        let text = propose(fresh);
        execute(fresh, &text).unwrap();
        for (table, column) in tables_of_a_file() {
            assert!(is_kept(&table) || count(&table, column) == 0, "{table} still names the application");
        }
        for table in ["message_files", "piece_request_items", "documents"] {
            let left = diesel::sql_query(format!("SELECT COUNT(*) AS n FROM {table}"));
            assert_eq!(left.get_result::<Number>(&mut connect(fresh)).unwrap().n, 0, "{table}");
        }
    });
}

#[test]
fn a_mail_long_gone_loses_its_words_and_its_recipient_and_is_still_not_sent_twice() {
    each_engine(|fresh| {
        use cplds::store::outbox::{self, NewMail};
        use cplds::store::schema::outbox as mails;
        loaded(fresh);
        let mail = || NewMail {
            academy_code: Some("22".into()),
            session_id: None,
            kind: "decision".into(),
            dedupe_key: "decision:r1".into(),
            recipient: "ines@ac-limoges.example".into(),
            recipient_name: "Inès Durand".into(),
            subject: "Une décision vous attend".into(),
            body_text: "Bonjour Inès".into(),
            body_html: Some("<p>Bonjour Inès</p>".into()),
            attachments: Vec::new(),
        };
        assert_eq!(write(&fresh.db, &machine(), move |tx| outbox::queue(tx, vec![mail()])).unwrap(), 1);
        let id: String = mails::table.select(mails::id).first(&mut connect(fresh)).unwrap();
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_hours(24 * 400));
        assert!(!kinds(&propose(fresh)).contains(&"access_traces".to_owned()), "a mail that waits is not over");
        write(&fresh.db, &machine(), move |tx| outbox::mark_sent(tx, &id)).unwrap();
        let text = propose(fresh);
        assert_eq!(execute(fresh, &text).unwrap().get("access_traces"), Some(&1));
        let left: (String, String, String, Option<String>) = mails::table
            .select((mails::recipient, mails::recipient_name, mails::body_text, mails::body_html))
            .first(&mut connect(fresh))
            .unwrap();
        assert_eq!(left, (String::new(), String::new(), String::new(), None));
        assert_eq!(write(&fresh.db, &machine(), move |tx| outbox::queue(tx, vec![mail()])).unwrap(), 0);
        assert!(kinds(&propose(fresh)).is_empty());
    });
}

/// Somebody else's account.
fn actor_id(fresh: &Fresh) -> String {
    with_password(&fresh.db, "presente@ac-limoges.example", &[(Role::Candidate, Some("22"))]).user_id
}
