//! An officer's evening: sixty files, a deadline tonight, a colleague beside, and another academy that sees nothing.

mod desk;
mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use cplds::domain::permission::{Actor, Role};
use cplds::domain::table::read_csv;
use cplds::office::examination::{draw_letters, remind_what_is_due};
use cplds::store::examination::queue::{self, QueueFilter, Sort};
use cplds::store::schema::{outbox, registrations};
use cplds::store::{Lock, registration};
use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use jiff::civil::date;

use crate::registration::open_with_pieces;
use crate::support::browser::{Answer, Browser};
use crate::support::web::Site;
use crate::support::{Fresh, connect, each_engine, instant};

const PLACES: [(&str, &str); 3] = [("0870015U", "87"), ("0190012K", "19"), ("0230002C", "23")];

/// A session with this many files: one in ten on a fixed-term contract, one in ten of a corps the decree does not name.
pub fn open_with(fresh: &Fresh, files: usize) -> String {
    let system = Actor::system("test");
    let id = open_with_pieces(fresh);
    let mut csv = "Civilité;Nom de naissance;Prénom;Date de naissance;Courriel;Corps;Statut;UAI;Établissement;Département;Formation suivie (O/N)\n".to_owned();
    for n in 0..files {
        let (corps, status) = match n % 10 {
            0 => ("Contractuel enseignant", "CDD"),
            1 => ("PsyEN", "Titulaire"),
            _ => ("Certifié", "Titulaire"),
        };
        let (uai, department) = PLACES[n % 3];
        csv.push_str(&format!(
            "Mme;NOM{};Anne;01/02/1980;anne.{n}@ac-limoges.example;{corps};{status};{uai};Lycée Gay-Lussac;{department};N\n",
            letters(n)
        ));
    }
    let table = read_csv(csv.as_bytes()).unwrap();
    let session_id = id.clone();
    fresh
        .db
        .write_now(&system, Lock::Session(id.clone()), move |tx| {
            registration::import_candidates(tx, &session_id, &table, &[])
        })
        .unwrap();
    id
}

/// `0` is « AA », `27` is « BB »: names that differ by letters.
fn letters(n: usize) -> String {
    let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).unwrap());
    [letter(n / 26), letter(n)].iter().collect()
}

pub fn mails(fresh: &Fresh, kind: &str) -> i64 {
    let kind = kind.to_owned();
    fresh.db.read_now(move |conn| Ok(outbox::table.filter(outbox::kind.eq(kind)).count().get_result(conn)?)).unwrap()
}

/// Every value of hidden fields of this name.
pub fn hidden(page: &Answer, name: &str) -> Vec<String> {
    let opening = format!("name=\"{name}\" value=\"");
    page.body.split(opening.as_str()).skip(1).map(|rest| unescaped(rest.split('"').next().unwrap())).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&").replace("&#39;", "'").replace("&#34;", "\"")
}

/// The first identifier of a file whose state and proposal are these.
pub fn file_of(fresh: &Fresh, proposal: &str) -> (String, i32) {
    let proposal = proposal.to_owned();
    fresh
        .db
        .read_now(move |conn| {
            Ok(registrations::table
                .filter(registrations::eligibility.eq(proposal))
                .filter(registrations::state.eq("submitted"))
                .order(registrations::rank)
                .select((registrations::id, registrations::version))
                .first(conn)?)
        })
        .unwrap()
}

/// Confirms a preview as a person would: every hidden field as it stands, and what was typed.
pub fn confirm(browser: &mut Browser, path: &str, preview: &Answer, typed: &[(&str, &str)]) -> Answer {
    let mut fields: Vec<(String, String)> = Vec::new();
    for name in ["acte", "cle", "filtres", "dossier", "regle-1", "regle-2"] {
        fields.extend(hidden(preview, name).into_iter().map(|value| (name.to_owned(), value)));
    }
    fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &fields)
}

/// Judges one piece on the page as it was read.
pub fn judge(browser: &mut Browser, path: &str, page: &Answer, piece: &str, state: &str) -> Answer {
    let seen = hidden(page, &format!("vu-{piece}")).remove(0);
    browser.post(path, &[(&format!("vu-{piece}"), &seen), (&format!("etat-{piece}"), state)])
}

#[test]
fn an_officers_evening_with_sixty_files() {
    each_engine(|fresh| {
        let id = open_with(fresh, 60);
        let site = Site::new(fresh);
        let email = site.user(Role::ExamOfficer, "22");
        let mut office = site.sign_in(&email);
        let queue_path = format!("/gestion/sessions/{id}/dossiers");
        let acts = format!("{queue_path}/actions");

        // Every offered view says how many files it holds, and holds them.
        let page = office.get(&format!("{queue_path}?vue=toutes"));
        assert!(
            page.says("Tous (60)") && page.says("À décider (12)") && page.says("Pièces manquantes (60)"),
            "{}",
            page.body
        );
        for (filter, wanted) in [
            ("a_decider=oui", 12),
            ("recevabilite=refusal_proposed", 6),
            ("departement=87", 20),
            ("piece=identite", 60),
            ("agent=personne", 60),
            ("retard=oui", 0),
        ] {
            let page = office.get(&format!("{queue_path}?{filter}"));
            let said = if wanted == 0 { "Aucun dossier ne correspond".to_owned() } else { format!("sur {wanted}.") };
            assert!(page.says(&said), "{filter} on {}", fresh.engine);
        }

        // The refusals alike are confirmed at once; confirmed twice, they have one effect.
        let preview = office.get(&format!("{acts}?acte=refuse&tous=oui&filtres=a_decider%3Doui"));
        assert_eq!(hidden(&preview, "dossier").len(), 6, "{}", preview.body);
        assert!(preview.says("aucun refus n’est proposé par le règlement"));
        assert_eq!(mails(fresh, "decision"), 0, "a preview does nothing");
        let bare = confirm(&mut office, &acts, &preview, &[("motif-1", "non")]);
        assert_eq!(bare.status, StatusCode::UNPROCESSABLE_ENTITY);
        let reason = "Votre contrat est à durée déterminée, ce que le décret ne prévoit pas.";
        let done = confirm(&mut office, &acts, &preview, &[("motif-1", reason)]);
        assert!(office.follow(&done).says("fait pour 6"), "{}", fresh.engine);
        let again = confirm(&mut office, &acts, &preview, &[("motif-1", reason)]);
        assert!(office.follow(&again).says("déjà faite"));
        assert_eq!(mails(fresh, "decision"), 6);

        // Missing pieces are asked from the others; the reminder leaves once, on its day.
        let preview = office.get(&format!("{acts}?acte=request&tous=oui&filtres=piece%3Dtoutes"));
        let done = confirm(&mut office, &acts, &preview, &[("echeance", "2026-07-10"), ("message", "Merci.")]);
        assert!(office.follow(&done).says("fait pour 54"), "{}", done.body);
        assert_eq!(mails(fresh, "pieces_requested"), 54);
        let url = "http://127.0.0.1:8080";
        assert_eq!(remind_what_is_due(&fresh.db, url).unwrap(), 0);
        fresh.clock.set(instant("2026-07-07T08:00:00Z"));
        assert_eq!(remind_what_is_due(&fresh.db, url).unwrap(), 54);
        assert_eq!(remind_what_is_due(&fresh.db, url).unwrap(), 0);
        assert_eq!(mails(fresh, "pieces_reminder"), 54);
        fresh.clock.set(instant("2026-07-11T08:00:00Z"));
        office = site.sign_in(&email);
        assert!(office.get(&format!("{queue_path}?vue=toutes")).says("En retard (54)"));

        // A file whose pieces arrive is no longer late; it can be declared admissible with a letter.
        let (file, _) = file_of(fresh, "eligible");
        for piece in ["identite", "lettre_motivation"] {
            office.get(&format!("{queue_path}/{file}"));
            let page = office.get(&format!("{queue_path}/{file}"));
            let noted = judge(&mut office, &format!("{queue_path}/{file}/pieces"), &page, piece, "accepted");
            assert_eq!(noted.status, StatusCode::SEE_OTHER);
        }
        assert!(office.get(&format!("{queue_path}/{file}")).says("Répondu"));
        assert!(office.get(&format!("{queue_path}?vue=toutes")).says("En retard (53)"));
        let page = office.get(&format!("{queue_path}/{file}"));
        let refused = judge(&mut office, &format!("{queue_path}/{file}/pieces"), &page, "identite", "refused");
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "a refused piece has a ground");

        // The undecided of the other corps are decided one by one, walking the view.
        let (doubt, version) = file_of(fresh, "to_examine");
        let walked = office.get(&format!("{queue_path}/{doubt}?a_decider=oui"));
        assert!(walked.says("1 sur 6") && walked.says("Dossier suivant"), "{}", walked.body);
        // A reply from a wording speaks of the day the request set; once answered, of a request made now.
        office.get("/gestion/modeles");
        office.post("/gestion/modeles", &[("genre", "message"), ("titre", "Délai"), ("texte", "Avant le {date}.")]);
        for (file, day) in [(&doubt, "10\u{a0}juillet 2026"), (&file, "26\u{a0}juillet 2026")] {
            let thread = office.get(&format!("{queue_path}/{file}/messages"));
            assert!(thread.says(&format!("data-text=\"Avant le {day}.\"")), "{day}: {}", thread.body);
        }
        let version = version.to_string();
        let path = format!("{queue_path}/{doubt}/decision?a_decider=oui");
        let fields =
            [("decision", "admissible"), ("motif", "Missions exercées depuis 2019."), ("version", version.as_str())];
        let decided = office.post(&path, &fields);
        assert!(office.follow(&decided).says("Dossier recevable"));
        assert_eq!(mails(fresh, "decision"), 7);

        // Letters are drawn outside, once each.
        assert_eq!(draw_letters(&fresh.db).unwrap(), 7);
        assert_eq!(draw_letters(&fresh.db).unwrap(), 0);
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn two_opposite_decisions_at_once_leave_one_a_letter_a_mail_and_both_values_to_read() {
    each_engine(|fresh| {
        let id = open_with(fresh, 11);
        let site = Site::new(fresh);
        let (file, version) = file_of(fresh, "refusal_proposed");
        let path = format!("/gestion/sessions/{id}/dossiers/{file}");
        let version = version.to_string();
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let tries: Vec<_> =
                [("admissible", "Contrat accepté après examen."), ("refused", "Contrat à durée déterminée.")]
                    .into_iter()
                    .map(|(verdict, reason)| {
                        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
                        officer.get(&path);
                        let (path, version) = (path.clone(), version.clone());
                        scope.spawn(move || {
                            let fields = [("decision", verdict), ("motif", reason), ("version", version.as_str())];
                            officer.post(&format!("{path}/decision"), &fields)
                        })
                    })
                    .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{}", fresh.engine);
        let loser = answers.iter().find(|answer| answer.status == StatusCode::CONFLICT).unwrap();
        assert!(
            loser.says("Contrat accepté après examen.") && loser.says("Contrat à durée déterminée."),
            "{}",
            loser.body
        );
        assert_eq!(mails(fresh, "decision"), 1);
        assert_eq!(draw_letters(&fresh.db).unwrap(), 1);
    });
}

#[test]
fn another_academy_finds_none_of_it_and_a_colleague_sees_who_is_there() {
    each_engine(|fresh| {
        let id = open_with(fresh, 3);
        let site = Site::new(fresh);
        let (file, _) = file_of(fresh, "eligible");
        let base = format!("/gestion/sessions/{id}/dossiers");
        let mut stranger = site.sign_in(&site.user(Role::ExamOfficer, "13"));
        for path in [
            base.clone(),
            format!("{base}/{file}"),
            format!("{base}/saisie"),
            format!("{base}/{file}/correction"),
            format!("{base}/actions?acte=assign&dossier={file}"),
            format!("/gestion/sessions/{id}/liste/projet.pdf"),
            format!("/gestion/sessions/{id}/exports/list.csv"),
            format!("/gestion/sessions/{id}/exports/queue.csv"),
        ] {
            assert_eq!(stranger.get(&path).status, StatusCode::NOT_FOUND, "{path}");
        }
        for (path, fields) in [
            (format!("{base}/{file}/notes"), vec![("note", "Bonjour")]),
            (format!("{base}/{file}/demandes"), vec![("echeance", "2026-07-10")]),
            (
                format!("{base}/{file}/decision"),
                vec![("decision", "refused"), ("motif", "Refusé sans titre."), ("version", "1")],
            ),
            (format!("{base}/{file}/agent"), vec![]),
        ] {
            assert_eq!(stranger.post(&path, &fields).status, StatusCode::NOT_FOUND, "{path}");
        }
        let first = site.user(Role::ExamOfficer, "22");
        site.sign_in(&first).get(&format!("{base}/{file}"));
        let mut second = site.sign_in(&site.user(Role::ExamOfficeHead, "22"));
        assert!(second.get(&format!("{base}/{file}")).says("ouvert en ce moment"));
        fresh.clock.set(instant("2026-06-15T08:03:00Z"));
        let mut third = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        assert!(!third.get(&format!("{base}/{file}")).says("ouvert en ce moment"), "two minutes later nobody is there");
        // An internal note stays in the office, and a file is confided to a colleague of the house alone.
        let noted = third.post(&format!("{base}/{file}/notes"), &[("note", "Vérifier le contrat avec la DPE.")]);
        assert!(third.follow(&noted).says("Vérifier le contrat"));
        let to = site.actor(&first).user_id;
        let given = third.post(&format!("{base}/{file}/agent"), &[("agent", to.as_str())]);
        assert!(third.follow(&given).says("Dossier confié à"));
        let foreign = site.user_called("ailleurs@ac-13.example", "Ailleurs", &[(Role::ExamOfficer, "13")]);
        let refused = third.post(&format!("{base}/{file}/agent"), &[("agent", foreign.as_str())]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    });
}

#[test]
fn a_file_on_paper_is_checked_like_a_line_and_completed_before_the_list() {
    each_engine(|fresh| {
        let id = open_with(fresh, 2);
        let site = Site::new(fresh);
        let mut office = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let path = format!("/gestion/sessions/{id}/dossiers/saisie");
        let typed = |email: &'static str, uai: &'static str, received: &'static str| {
            vec![
                ("recu", received),
                ("civilite", "M."),
                ("nom", "Béranger"),
                ("prenom", "Luc"),
                ("naissance", "03/04/1975"),
                ("courriel", email),
                ("corps", "Contractuel enseignant"),
                ("statut", "CDD"),
                ("uai", uai),
                ("departement", "87"),
                ("formation", "N"),
            ]
        };
        office.get(&path);
        let wrong = office.post(&path, &typed("luc@", "0870015A", "14/06/2026"));
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            wrong.says("erreur-courriel") && wrong.says("erreur-uai") && wrong.says("value=\"Béranger\""),
            "{}",
            wrong.body
        );
        let late = office.post(&path, &typed("luc@ac-limoges.example", "0870015U", "16/06/2026"));
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "a day that has not come");
        let entered = office.post(&path, &typed("luc@ac-limoges.example", "0870015U", "14/06/2026"));
        let file = office.follow(&entered);
        assert!(file.says("sur papier le 14"), "{}", file.body);
        assert!(file.says("Refus proposé"));
        let twice = office.post(&path, &typed("luc@ac-limoges.example", "0870015U", "14/06/2026"));
        assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY, "one person is registered once");
        // The contract turns out to be permanent: the file is completed, and the rule proposes anew.
        let place = entered.location().to_owned();
        let form = office.get(&format!("{place}/correction"));
        assert!(form.says("value=\"CDD\""), "{}", form.body);
        let mut fields = typed("luc@ac-limoges.example", "0870015U", "");
        fields.retain(|(name, _)| *name != "statut");
        fields.extend([("statut", "CDI"), ("version", "1")]);
        let done = office.post(&format!("{place}/correction"), &fields);
        let file = office.follow(&done);
        assert!(file.says("Recevable") && file.says("Dossier complété\u{a0}: Statut"), "{}", file.body);
        let stale = office.post(&format!("{place}/correction"), &fields);
        assert_eq!(stale.status, StatusCode::CONFLICT);
    });
}

#[test]
fn the_list_is_read_then_fixed_then_told_and_reopens_only_by_two() {
    each_engine(|fresh| {
        let id = open_with(fresh, 9);
        let site = Site::new(fresh);
        let officer = site.user(Role::ExamOfficer, "22");
        let mut office = site.sign_in(&officer);
        let base = format!("/gestion/sessions/{id}");
        for proposal in ["refusal_proposed", "to_examine"] {
            let (file, version) = file_of(fresh, proposal);
            office.get(&format!("{base}/dossiers/{file}"));
            let version = version.to_string();
            let fields =
                [("decision", "refused"), ("motif", "Public non nommé par le décret."), ("version", version.as_str())];
            assert_eq!(office.post(&format!("{base}/dossiers/{file}/decision"), &fields).status, StatusCode::SEE_OTHER);
        }
        fresh.clock.set(instant("2026-10-05T08:00:00Z"));
        let mut office = site.sign_in(&officer);
        assert!(office.get(&base).says("1\u{a0}liste à arrêter"));
        let page = office.get(&format!("{base}/liste"));
        assert!(page.says("qui seraient admis"), "{}", page.body);
        let project = office.get(&format!("{base}/liste/projet.pdf"));
        assert_eq!(project.status, StatusCode::OK);
        assert!(project.body.starts_with("%PDF"));
        let early = office.get(&format!("{base}/exports/list.csv"));
        assert!(early.says("La liste n’est pas encore arrêtée"), "not before the order: {}", early.body);
        office.get(&format!("{base}/liste"));
        let fixed = office.post(&format!("{base}/liste"), &[("confirmation", "oui")]);
        assert!(office.follow(&fixed).says("7"), "{}", fixed.body);
        let list = office.get(&format!("{base}/exports/list.csv"));
        assert_eq!(list.body.lines().count(), 8, "{}", list.body);
        // Read before they leave: who would get the letters of admission; nobody once they have left.
        let preview = format!("{base}/courriels/apercu/lettres-admission");
        let read = office.get(&preview);
        assert_eq!(read.body.matches("@ac-limoges.example</span></li>").count(), 7, "{}", read.body);
        assert!(office.get(&base).says("7\u{a0}lettres d’admission à se présenter à écrire"));
        office.get(&format!("{base}/liste"));
        let told = office.post(&format!("{base}/liste/lettres"), &[]);
        assert!(office.follow(&told).says("7"));
        assert!(!office.get(&base).says("lettres d’admission"));
        assert!(!office.get(&preview).says("@ac-limoges.example"));
        let again = office.post(&format!("{base}/liste/lettres"), &[]);
        assert!(office.follow(&again).says("rien n’est parti"));
        assert_eq!(mails(fresh, "decision"), 9);

        // One person asks, another grants; the order that was signed is kept.
        let asked =
            office.post(&format!("{base}/liste/reouverture"), &[("motif", "Un dossier reçu à temps a été oublié.")]);
        assert!(office.follow(&asked).says("Réouverture demandée"));
        assert_eq!(office.post(&format!("{base}/liste/reouverture/accord"), &[]).status, StatusCode::NOT_FOUND);
        let mut head = site.sign_in(&site.user(Role::ExamOfficeHead, "22"));
        head.get(&format!("{base}/liste"));
        let granted = head.post(&format!("{base}/liste/reouverture/accord"), &[]);
        assert!(head.follow(&granted).says("Arrêtés retirés"), "{}", granted.body);
        let refixed = head.post(&format!("{base}/liste"), &[("confirmation", "oui")]);
        assert_eq!(refixed.status, StatusCode::SEE_OTHER, "{}", refixed.body);
        assert!(fresh.db.read_now(cplds::store::audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn the_queue_asks_as_many_queries_for_six_hundred_files_as_for_six() {
    each_engine(|fresh| {
        let id = open_with(fresh, 600);
        let mut conn = connect(fresh);
        let asked = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&asked);
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut count = |limit: i64| {
            asked.store(0, Ordering::Relaxed);
            let filter = QueueFilter::default();
            let lines =
                queue::list_queue(&mut conn, &id, &filter, (Sort::Name, false), date(2026, 6, 15), (limit, 0)).unwrap();
            (lines.len(), asked.load(Ordering::Relaxed))
        };
        let (few, for_few) = count(6);
        let (many, for_many) = count(600);
        assert_eq!((few, many), (6, 600));
        assert!(for_few > 0 && for_few == for_many, "{for_few} and {for_many} on {}", fresh.engine);
    });
}
