//! Several hands on the same files at once, and what waits counted the same everywhere.

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::examination::letters;
use cplds::store::schema::{messages, registrations};
use diesel::prelude::*;

use super::{confirm, file_of, hidden, judge, mails, open_with};
use crate::support::browser::Answer;
use crate::support::web::Site;
use crate::support::{connect, each_engine, instant};

#[test]
fn the_queue_filters_alone_and_together_and_leaves_as_it_is_filtered() {
    each_engine(|fresh| {
        let id = open_with(fresh, 30);
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let queue = format!("/gestion/sessions/{id}/dossiers");
        let (file, _) = file_of(fresh, "refusal_proposed");
        let officer = site.actor(&site.user(Role::ExamOfficer, "22")).user_id;
        let row = (
            messages::id.eq("00000000-0000-7000-8000-000000000001"),
            messages::file_id.eq(&file),
            messages::session_id.eq(&id),
            messages::from_office.eq(false),
            messages::author_id.eq(&officer),
            messages::author_name.eq("Anne"),
            messages::body.eq("Mon contrat est à durée indéterminée."),
            messages::sent_at.eq(cplds::store::Stamp(instant("2026-06-14T08:00:00Z"))),
        );
        diesel::insert_into(messages::table).values(row).execute(&mut connect(fresh)).unwrap();
        for (filter, wanted) in [
            ("non_lu=oui", 1),
            ("non_lu=oui&recevabilite=refusal_proposed", 1),
            ("non_lu=oui&recevabilite=eligible", 0),
            ("departement=87", 10),
            ("departement=87&recevabilite=refusal_proposed", 1),
            ("departement=87&piece=identite&a_decider=oui", 2),
            ("etat=submitted&agent=personne", 30),
            ("etat=withdrawn", 0),
            ("notes=oui", 0),
            ("attente=oui", 0),
            ("nom=nomAb", 1),
        ] {
            let page = office.get(&format!("{queue}?{filter}"));
            let rows = page.body.matches("name=\"dossier\"").count();
            assert_eq!(rows, wanted, "{filter} on {}", fresh.engine);
            let sheet = office.get(&format!("/gestion/sessions/{id}/exports/queue.csv?{filter}"));
            assert_eq!(sheet.body.lines().count(), wanted + 1, "{filter} on {}: {}", fresh.engine, sheet.body);
        }
        for kind in ["xlsx", "ods"] {
            let sheet = office.get(&format!("/gestion/sessions/{id}/exports/queue.{kind}?non_lu=oui"));
            assert_eq!(sheet.status, StatusCode::OK);
            assert!(sheet.body.starts_with("PK"), "{kind}");
        }
        // Kept under a name, the view holds the filter; the desk counts what the queue shows, and reading empties both.
        office.get(&format!("{queue}?non_lu=oui"));
        office.post(&format!("{queue}/vues"), &[("filtres", "non_lu=oui"), ("vue_nom", "À lire ce soir")]);
        let page = office.get(&format!("{queue}?vue=toutes"));
        assert!(page.says("?non_lu=oui\">À lire ce soir") && page.says("Messages à lire (1)"), "{}", page.body);
        let desk = office.get(&format!("/gestion/sessions/{id}"));
        for line in ["6\u{a0}dossiers à décider", "1\u{a0}conversation à lire", "30\u{a0}dossiers confiés à personne"]
        {
            assert!(desk.says(line), "{line} on {}: {}", fresh.engine, desk.body);
        }
        let threads = office.get(&format!("/gestion/sessions/{id}/messages?a_lire=oui"));
        assert!(threads.says("À lire (1)") && threads.says(&file), "{}", threads.body);
        office.get(&format!("{queue}/{file}/messages"));
        assert!(!office.get(&format!("/gestion/sessions/{id}")).says("conversation à lire"));
        assert!(office.get(&format!("{queue}?vue=toutes")).says("Messages à lire (0)"));
        assert!(office.get(&format!("{queue}/{file}")).says("Message du candidat, par Anne"));
    });
}

#[test]
fn a_piece_that_changed_since_it_was_read_is_not_judged_and_a_colleague_is_not_undone() {
    each_engine(|fresh| {
        let id = open_with(fresh, 2);
        let site = Site::new(fresh);
        let (file, _) = file_of(fresh, "refusal_proposed");
        let base = format!("/gestion/sessions/{id}/dossiers/{file}");
        let mut first = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let mut second = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let (read, also) = (first.get(&base), second.get(&base));
        // The office scans what came on paper; who looks at the older page judges nothing they have not seen.
        let scan: &[(&str, &str, &[u8])] = &[("numerisation", "identite.html", b"<html>")];
        let bad = first.upload(&format!("{base}/numerisations"), &[("piece", "identite")], scan);
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(bad.says("page web"), "{}", bad.body);
        let scanned = crate::pieces::pdf("Pièce numérisée");
        let scan: &[(&str, &str, &[u8])] = &[("numerisation", "identite.pdf", &scanned)];
        let kept = first.upload(&format!("{base}/numerisations"), &[("piece", "identite")], scan);
        let page = first.follow(&kept);
        assert!(page.says("identite.pdf") && page.says("Accepter toutes les pièces reçues"), "{}", page.body);
        let stale = judge(&mut second, &format!("{base}/pieces"), &also, "identite", "accepted");
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stale.body);
        assert!(stale.says("a changé pendant que vous la lisiez"));
        assert_ne!(hidden(&read, "vu-identite"), hidden(&stale, "vu-identite"), "the page shows what stands now");
        let seen = hidden(&page, "vu-identite").remove(0);
        let fields = [("vu-identite", seen.as_str()), ("etat-identite", "received"), ("tout", "accepted")];
        let all = first.post(&format!("{base}/pieces"), &fields);
        assert!(first.follow(&all).says("1 pièce est notée"), "{}", all.body);
    });
}

#[test]
fn a_file_decided_since_the_preview_is_left_out_and_named_and_the_others_are_done() {
    each_engine(|fresh| {
        let id = open_with(fresh, 60);
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let acts = format!("/gestion/sessions/{id}/dossiers/actions");
        let preview = office.get(&format!("{acts}?acte=refuse&tous=oui&filtres=a_decider%3Doui"));
        assert_eq!(hidden(&preview, "dossier").len(), 6);
        assert!(preview.says("Le courriel que chacun recevra") && preview.says("/mon-dossier"), "{}", preview.body);
        let (file, version) = file_of(fresh, "refusal_proposed");
        let version = version.to_string();
        let mut colleague = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        colleague.get(&format!("/gestion/sessions/{id}/dossiers/{file}"));
        let fields = [
            ("decision", "admissible"),
            ("motif", "Contrat à durée indéterminée produit."),
            ("version", version.as_str()),
        ];
        colleague.post(&format!("/gestion/sessions/{id}/dossiers/{file}/decision"), &fields);
        let number: String = fresh
            .db
            .read_now(|conn| Ok(registrations::table.find(&file).select(registrations::number).first(conn)?))
            .unwrap();
        let reason = "Votre contrat est à durée déterminée, ce que le décret ne prévoit pas.";
        let done = confirm(&mut office, &acts, &preview, &[("motif-1", reason)]);
        let said = office.follow(&done);
        assert!(said.says("fait pour 5\u{a0}dossiers") && said.says(&format!("{number} (")), "{}", said.body);
        assert_eq!(mails(fresh, "decision"), 6);
        assert!(office.get(&format!("/gestion/sessions/{id}/dossiers/{file}")).says("Dossier recevable"));
        let again = confirm(&mut office, &acts, &preview, &[("motif-1", reason)]);
        assert!(office.follow(&again).says("déjà faite"));
        assert_eq!(mails(fresh, "decision"), 6);
        // A letter of refusal is a decision: nothing in it is proposed any more, and it says whom to appeal to.
        let letter = fresh
            .db
            .read_now(|conn| {
                let refused: String = registrations::table
                    .filter(registrations::state.eq("refused"))
                    .select(registrations::id)
                    .first(conn)?;
                letters::list_letters(conn, &refused)?[0].read_content()
            })
            .unwrap();
        let text = [letter.paragraphs, letter.appeal].concat().join("\n");
        assert!(text.contains("auprès du recteur de l’académie de Limoges"), "{text}");
        assert!(text.contains("peut se présenter (décret") && !text.contains("refus est proposé"), "{text}");
    });
}

/// Two acts sent at the same instant; their answers in the order given.
fn at_once(left: impl FnOnce() -> Answer + Send, right: impl FnOnce() -> Answer + Send) -> (Answer, Answer) {
    let gate = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            gate.wait();
            left()
        });
        let second = scope.spawn(|| {
            gate.wait();
            right()
        });
        (first.join().unwrap(), second.join().unwrap())
    })
}

#[test]
fn a_decision_alone_and_one_in_a_group_at_once_are_one_decision_and_one_mail() {
    each_engine(|fresh| {
        let id = open_with(fresh, 1);
        let site = Site::new(fresh);
        let (file, version) = file_of(fresh, "refusal_proposed");
        let acts = format!("/gestion/sessions/{id}/dossiers/actions");
        let mut many = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let mut one = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let preview = many.get(&format!("{acts}?acte=refuse&dossier={file}&filtres="));
        let path = format!("/gestion/sessions/{id}/dossiers/{file}");
        one.get(&path);
        let version = version.to_string();
        let reason = "Votre contrat est à durée déterminée, ce que le décret ne prévoit pas.";
        let (group, single) = at_once(
            || confirm(&mut many, &acts, &preview, &[("motif-1", reason)]),
            || {
                let fields = [
                    ("decision", "admissible"),
                    ("motif", "Contrat à durée indéterminée produit."),
                    ("version", version.as_str()),
                ];
                one.post(&format!("{path}/decision"), &fields)
            },
        );
        let mut statuses = [group.status.as_u16(), single.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} on {}", group.body, fresh.engine);
        assert_eq!(mails(fresh, "decision"), 1);
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_list_fixed_and_a_decision_at_once_agree_on_who_stands_on_the_list() {
    each_engine(|fresh| {
        let id = open_with(fresh, 5);
        let site = Site::new(fresh);
        let path = format!("/gestion/sessions/{id}");
        let officer = site.user(Role::ExamOfficer, "22");
        let mut office = site.sign_in(&officer);
        for proposal in ["refusal_proposed", "to_examine"] {
            let (file, version) = file_of(fresh, proposal);
            let version = version.to_string();
            office.get(&format!("{path}/dossiers/{file}"));
            let fields =
                [("decision", "refused"), ("motif", "Public non nommé par le décret."), ("version", version.as_str())];
            office.post(&format!("{path}/dossiers/{file}/decision"), &fields);
        }
        fresh.clock.set(instant("2026-10-05T08:00:00Z"));
        let (file, version) = file_of(fresh, "eligible");
        let mut fixing = site.sign_in(&officer);
        let mut deciding = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        fixing.get(&format!("{path}/liste"));
        deciding.get(&format!("{path}/dossiers/{file}"));
        let version = version.to_string();
        let (fixed, decided) = at_once(
            || fixing.post(&format!("{path}/liste"), &[("confirmation", "oui")]),
            || {
                let fields = [
                    ("decision", "refused"),
                    ("motif", "Pièces jamais produites malgré la demande."),
                    ("version", version.as_str()),
                ];
                deciding.post(&format!("{path}/dossiers/{file}/decision"), &fields)
            },
        );
        assert_eq!(fixed.status, StatusCode::SEE_OTHER, "{}", fixed.body);
        let state: String = fresh
            .db
            .read_now(|conn| Ok(registrations::table.find(&file).select(registrations::state).first(conn)?))
            .unwrap();
        let listed = fixing.get(&format!("{path}/exports/list.csv")).body.lines().count() - 1;
        if decided.status == StatusCode::SEE_OTHER {
            assert_eq!((state.as_str(), listed), ("refused", 2), "{}", fresh.engine);
            assert_eq!(mails(fresh, "decision"), 3);
        } else {
            // The list came first: the decision is refused in a sentence, and no mail contradicts it.
            assert_eq!((state.as_str(), listed), ("admitted", 3), "{}", fresh.engine);
            assert_eq!(mails(fresh, "decision"), 2);
        }
    });
}
