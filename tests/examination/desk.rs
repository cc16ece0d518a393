//! What the desk says is waiting, followed to the page that shows it; and the order of a long list, as it prints.

use std::process::Command;

use axum::http::StatusCode;
use cplds::domain::permission::{Actor, Role};
use cplds::domain::table::read_csv;
use cplds::office::list::list_project;
use cplds::store::schema::outbox;
use cplds::store::{Lock, registration, session};
use diesel::prelude::*;

use crate::draft::{IDENTITY, begin, fill, fill_all, submit};
use crate::registration::open_with_pieces;
use crate::support::browser::Browser;
use crate::support::web::Site;
use crate::support::{connect, each_engine, instant, tamper, temp_dir};

/// Each line of the desk: how many, and where it leads.
fn lines(office: &mut Browser, session: &str) -> Vec<(usize, String, String)> {
    let desk = office.get(&format!("/gestion/sessions/{session}"));
    let rows = desk.body.split("<th scope=\"row\"><a href=\"").skip(1);
    rows.map(|row| {
        let (href, rest) = row.split_once("\">").unwrap();
        let (number, what) = rest.split_once("</a>").unwrap().0.split_once('\u{a0}').unwrap();
        (number.parse().unwrap(), what.to_owned(), href.to_owned())
    })
    .collect()
}

#[test]
fn each_line_of_the_desk_counts_what_its_page_shows() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let head = site.user(Role::ExamOfficeHead, "22");
        let mut office = site.sign_in(&head);
        assert_eq!(lines(&mut office, &session), [], "nothing waits for a session without files");
        let (mut ines, file) = candidate(&site, &session, IDENTITY, true);
        // The same person from another account, and somebody whose corps the decree does not name.
        candidate(&site, &session, IDENTITY, false);
        let mut other = IDENTITY.to_vec();
        other[1] = ("nom", "BERGER");
        other[2] = ("nom_usage", "");
        let (mut berger, doubtful) = candidate(&site, &session, &other, false);
        tamper(fresh, &format!("UPDATE decisions SET proposed = 'to_examine' WHERE registration_id = '{doubtful}'"));
        // Pieces asked and not sent in time, a question, a mail that came back, a correction.
        office.get(&format!("/gestion/sessions/{session}/dossiers/{file}"));
        let asked = office.post(
            &format!("/gestion/sessions/{session}/dossiers/{file}/demandes"),
            &[("echeance", "2026-07-01"), ("message", "")],
        );
        assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
        let thread = format!("/mon-dossier/{doubtful}/messages");
        let page = berger.get(&thread);
        let key = crate::draft::hidden(&page, "cle");
        assert_eq!(berger.post(&thread, &[("cle", &key), ("message", "Une question")]).status, StatusCode::SEE_OTHER);
        let one = outbox::table.filter(outbox::kind.eq("pieces_requested"));
        diesel::update(one).set(outbox::state.eq("failed")).execute(&mut connect(fresh)).unwrap();
        ines.get("/compte/donnees");
        let fields = [("donnee", "birth_place"), ("valeur", "Brive"), ("motif", "Acte de naissance joint")];
        assert_eq!(ines.post("/compte/donnees/corrections", &fields).status, StatusCode::SEE_OTHER);
        fresh.clock.set(instant("2026-07-02T08:00:00Z"));
        let mut office = site.sign_in(&head);
        let seen = lines(&mut office, &session);
        let told: Vec<(usize, &str)> = seen.iter().map(|(number, what, _)| (*number, what.as_str())).collect();
        assert_eq!(
            told,
            [
                (1, "dossier à décider"),
                (1, "identité à vérifier"),
                (1, "dossier avec une note conservée à vérifier"),
                (1, "dossier en retard de réponse"),
                (1, "courriel non remis"),
                (1, "conversation à lire"),
                (1, "correction demandée"),
                (2, "dossiers confiés à personne"),
            ],
            "{}",
            fresh.engine
        );
        // Where each leads, and that it shows as many as were told.
        let marks = [
            ("a_decider", "name=\"dossier\""),
            ("homonymes", "id=\"identite-"),
            ("notes=oui", "name=\"dossier\""),
            ("retard=oui", "name=\"dossier\""),
            ("etat=perdus", "/courriels/"),
            ("a_lire=oui", "/messages\">"),
            ("corrections", "id=\"demande-"),
            ("agent=personne", "name=\"dossier\""),
        ];
        for ((number, what, href), (part, mark)) in seen.iter().zip(marks) {
            assert!(href.contains(part), "{what}: {href}");
            let page = office.get(href);
            let table = page.body.split_once("<tbody").map_or("", |(_, rest)| rest.split("</tbody>").next().unwrap());
            let main = if mark.starts_with("id=") { page.body.as_str() } else { table };
            assert_eq!(main.matches(mark).count(), *number, "{what} on {}: {}", fresh.engine, page.body);
        }
        // A colleague of another academy has no such desk.
        let mut stranger = site.sign_in(&site.user(Role::ExamOfficeHead, "02"));
        assert_eq!(stranger.get(&format!("/gestion/sessions/{session}")).status, StatusCode::NOT_FOUND);
    });
}

/// What `pdftotext` and `pdfinfo` read in a document.
fn printed(pdf: &[u8]) -> (String, String) {
    let dir = temp_dir("printed");
    let path = dir.join("a.pdf");
    std::fs::write(&path, pdf).unwrap();
    let read = |program: &str, to: &[&str]| {
        let done = Command::new(program).arg(&path).args(to).output().unwrap();
        assert!(done.status.success(), "{program}");
        String::from_utf8(done.stdout).unwrap()
    };
    let said = (read("pdftotext", &["-"]), read("pdfinfo", &[]));
    std::fs::remove_dir_all(dir).unwrap();
    said
}

#[test]
fn a_list_of_four_hundred_prints_every_name_however_long_and_tells_homonyms_apart() {
    each_engine(|fresh| {
        let id = open_with_pieces(fresh);
        let mut csv = "Civilité;Nom de naissance;Prénom;Date de naissance;Courriel;Corps;Statut;UAI;Établissement;Département;Formation suivie (O/N)\n".to_owned();
        let mut line = |civility: &str, name: &str, first: &str, born: &str, n: usize| {
            csv.push_str(&format!("{civility};{name};{first};{born};p{n}@ac-limoges.example;Certifié;Titulaire;0870015U;Lycée polyvalent régional Gay-Lussac de Limoges-Montjovis;87;N\n"));
        };
        for n in 0..397 {
            line("Mme", &format!("NOM{}", super::letters(n)), "Anne", "01/02/1980", n);
        }
        let long = "DE LA ROCHEFOUCAULD-MONTBEL-SAINT-AULAIRE DE PUYSÉGUR";
        line("M.", long, "Barthélemy Jean-Chrysostome Maximilien", "01/02/1980", 397);
        line("Mme", "LEFÈVRE", "Zoé", "03/04/1981", 398);
        line("Mme", "LEFEVRE", "Zoe", "05/06/1982", 399);
        let table = read_csv(csv.as_bytes()).unwrap();
        let session_id = id.clone();
        fresh
            .db
            .write_now(&Actor::system("test"), Lock::Session(id.clone()), move |tx| {
                registration::import_candidates(tx, &session_id, &table, &[])
            })
            .unwrap();
        tamper(fresh, "UPDATE pieces SET state = 'accepted'");
        let session = fresh.db.read_now(|conn| session::load_session(conn, &id)).unwrap();
        let (text, info) = printed(&list_project(&fresh.db, &session).unwrap());
        assert!(info.contains("Tagged:          yes"), "{info}");
        let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for n in 1..=400 {
            assert!(plain.contains(&format!("22-27-{n:04}")), "{n} on {}", fresh.engine);
        }
        assert!(plain.contains("au nombre de 400"), "{plain}");
        // Broken over lines perhaps (pdftotext then drops the hyphens), never cut.
        for word in long.split_whitespace().chain(["Barthélemy", "Jean-Chrysostome", "Maximilien"]) {
            assert!(plain.replace('-', "").contains(&word.replace('-', "")), "{word}");
        }
        assert_eq!(plain.matches("née le").count(), 2, "only the homonyms");
        assert!(plain.contains("avril 1981") && plain.contains("juin 1982"));
    });
}

/// A candidate of this identity, with a file sent, and who claims a mark when told to.
fn candidate(site: &Site, session: &str, identity: &[(&str, &str)], claims: bool) -> (Browser, String) {
    let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
    let form = begin(&mut browser, session);
    fill_all(&mut browser, &form, identity);
    if claims {
        let claim = [
            ("note_1", "non"),
            ("note_2", "ailleurs"),
            ("note_2_valeur", "12,5"),
            ("note_2_session", "2025"),
            ("note_2_academie", "04"),
        ];
        fill(&mut browser, &form, "notes", &claim);
    }
    submit(&mut browser, &form);
    (browser, form.rsplit('/').next().unwrap().to_owned())
}
