//! The whole road of a candidate, page after page and without a script: from the self-check to the list of candidates.
//! Then what bends it: withdrawn and posted again, marks claimed, a school that the academy does not list, too late.

use std::io::Write;
use std::sync::LazyLock;

use axum::http::StatusCode;
use cplds::domain::permission::Role;
use cplds::store::schema::{
    kept_mark_claims, kept_marks, outbox, piece_files, registrations, resumed_drafts, schools, yearly_registrations,
};
use cplds::store::{Stamp, audit};
use diesel::prelude::*;

use super::{IDENTITY, REST, begin, fill, fill_all, hidden, submit};
use crate::pieces::{pdf, photo};
use crate::registration::open_with_pieces;
use crate::support::browser::{Answer, Browser};
use crate::support::web::{PASSWORD, Site};
use crate::support::{Fresh, connect, each_engine, instant, tamper};

const CHECK: &str = "/inscription?corps=certifie&statut=titulaire&academie=22&formation=en_cours&note=non";

/// The last mail to this address, of this kind.
fn mail(fresh: &Fresh, address: &str, kind: &str) -> String {
    outbox::table
        .filter(outbox::recipient.eq(address))
        .filter(outbox::kind.eq(kind))
        .order((outbox::created_at.desc(), outbox::id.desc()))
        .select(outbox::body_text)
        .first(&mut connect(fresh))
        .unwrap_or_else(|_| panic!("no mail {kind} to {address}"))
}

/// Opens an account by the link of the mail, as a person would.
pub fn open_account(fresh: &Fresh, browser: &mut Browser, address: &str) {
    browser.get("/compte/creation");
    assert_eq!(browser.post("/compte/creation", &[("email", address)]).status, StatusCode::OK);
    let body: String = outbox::table
        .filter(outbox::recipient.eq(address))
        .select(outbox::body_text)
        .first(&mut connect(fresh))
        .unwrap();
    let token = body.split_once("/compte/creation/").unwrap().1.split_whitespace().next().unwrap().to_owned();
    let path = format!("/compte/creation/{token}");
    assert!(browser.get(&path).says(address));
    let fields = [("nom", "Inès Martin"), ("nouveau", PASSWORD), ("confirmation", PASSWORD)];
    let opened = browser.post(&path, &fields);
    assert_eq!(opened.location(), "/mon-dossier", "{}", opened.body);
}

/// A PDF whose one stream grows to three hundred megabytes.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let blank = vec![0_u8; 1 << 20];
    for _ in 0..300 {
        packed.write_all(&blank).unwrap();
    }
    let packed = packed.finish().unwrap();
    let objects: [Vec<u8>; 4] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>".to_vec(),
        [format!("<< /Length {} /Filter /FlateDecode >>\nstream\n", packed.len()).as_bytes(), &packed, b"\nendstream"]
            .concat(),
    ];
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = "xref\n0 5\n0000000000 65535 f \n".to_owned();
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend(format!("{} 0 obj\n", index + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let start = out.len();
    out.extend(format!("{table}trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes());
    out
});

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(bytes.to_vec()).unwrap().replacen(from, to, 1).into_bytes()
}

#[test]
fn a_registration_from_self_check_to_list_without_javascript() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let (address, password) = ("ines.martin@ac-limoges.example", PASSWORD);
        let mut ines = site.visitor();
        let told = ines.get(CHECK);
        for said in
            ["Vous pouvez vous inscrire", "120\u{a0}heures", "l’épreuve 1", "MENE1710932A", "30\u{a0}septembre 2026"]
        {
            assert!(told.says(said), "{said} in {}", told.body);
        }
        assert!(ines.cookies.is_empty(), "a self-check sets nothing");
        open_account(fresh, &mut ines, address);
        let draft = begin(&mut ines, &session);
        fill_all(&mut ines, &draft, IDENTITY);
        pieces_of_the_draft(fresh, &mut ines, &draft);

        let review = ines.get(&format!("{draft}/verification"));
        for said in [
            "DUPONT",
            "MARTIN",
            "14/03/1984",
            "0870015U",
            "Lycée Turgot",
            "Titulaire",
            "Suivie",
            "mardi",
            "Tiers temps",
        ] {
            assert!(review.says(said), "{said} in {}", review.body);
        }
        let receipt = submit(&mut ines, &draft);
        let receipt = ines.follow(&receipt);
        for said in ["22-27-0001", "15\u{a0}juin 2026", "La suite", "Le service à joindre"] {
            assert!(receipt.says(said), "{said} in {}", receipt.body);
        }
        let told = mail(fresh, address, "acknowledgement");
        assert!(told.contains("22-27-0001") && told.contains("15\u{a0}juin 2026"), "{told}");
        let id = draft.rsplit('/').next().unwrap().to_owned();
        let document = ines.get(&format!("/mon-dossier/{id}/accuse-reception.pdf"));
        assert!(document.body.starts_with("%PDF"), "the acknowledgement is a PDF");

        office_asks_and_candidate_answers(fresh, &site, &mut ines, &session, &id);

        // After the closing the office fixes the list, and the candidate reads it.
        fresh.clock.set(instant("2026-10-05T08:00:00Z"));
        let mut head = site.sign_in(&site.user(Role::ExamOfficeHead, "22"));
        let list = format!("/gestion/sessions/{session}/liste");
        head.get(&list);
        let fixed = head.post(&list, &[("confirmation", "oui")]);
        assert_eq!(fixed.status, StatusCode::SEE_OTHER, "{}", fixed.body);
        let mut ines = site.visitor();
        ines.get("/connexion");
        ines.post("/connexion", &[("email", address), ("motdepasse", password)]);
        let mine = ines.get("/mon-dossier");
        assert!(mine.says("Admis à se présenter") && !mine.says("il manque des pièces"), "{}", mine.body);
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

/// Several files a piece, one replaced, and each bad one with its sentence; nothing of those is kept.
fn pieces_of_the_draft(fresh: &Fresh, ines: &mut Browser, draft: &str) {
    let page = draft.replace("/inscription/", "/mon-dossier/") + "/pieces";
    let place = format!("{page}/identite");
    ines.get(&page);
    let (recto, verso, card) = (photo(10), photo(200), pdf("Carte"));
    let sent = ines.upload(
        &place,
        &[],
        &[("fichiers-identite", "recto.jpg", &recto), ("fichiers-identite", "verso.jpg", &verso)],
    );
    assert!(ines.follow(&sent).says("verso.jpg"));
    let sent = ines.upload(&place, &[("remplacer", "oui")], &[("fichiers-identite", "carte.pdf", &card)]);
    let after = ines.follow(&sent);
    assert!(after.says("carte.pdf") && after.says("remplacés, restent au dossier"), "{}", after.body);
    let good = pdf("Bonjour");
    let letter = format!("{page}/lettre_motivation");
    let heavy = vec![b'x'; 10_000_001];
    for (name, bytes, said) in [
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "Réglages, Appareil photo"),
        ("secret.pdf", replaced(&good, "/Root 1 0 R", "/Root 1 0 R /Encrypt 5 0 R /ID [(a) (b)]"), "mot de passe"),
        ("deux.pdf", replaced(&good, "%PDF-1.7\n", "%PDF-1.7\n<html><script>x</script>\n"), "deux.pdf"),
        ("bombe.pdf", BOMB.clone(), "bombe.pdf"),
        ("lourd.pdf", heavy, "10"),
    ] {
        let refused = ines.upload(&letter, &[], &[("fichiers-lettre_motivation", name, &bytes)]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", refused.body);
        assert!(refused.says(said) && refused.says("erreur-fichiers-lettre_motivation"), "{name}: {}", refused.body);
    }
    let kept: Vec<(String, bool)> = piece_files::table
        .select((piece_files::file_name, piece_files::replaced_at.is_not_null()))
        .load::<(String, bool)>(&mut connect(fresh))
        .unwrap();
    assert_eq!(kept.iter().filter(|(_, is_replaced)| !is_replaced).count(), 1, "{kept:?}");
    assert_eq!(kept.len(), 3, "{kept:?}");
}

/// A piece refused and one missing, asked for with a day; answered after the closing; then all accepted.
fn office_asks_and_candidate_answers(fresh: &Fresh, site: &Site, ines: &mut Browser, session: &str, id: &str) {
    let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
    let file = format!("/gestion/sessions/{session}/dossiers/{id}");
    let read = officer.get(&file);
    assert!(read.says("apercu.png"));
    let ground = "La carte est périmée depuis 2025.";
    let seen = hidden(&read, "vu-identite");
    let judged = officer.post(
        &format!("{file}/pieces"),
        &[("vu-identite", seen.as_str()), ("etat-identite", "refused"), ("motif-identite", ground)],
    );
    assert_eq!(judged.status, StatusCode::SEE_OTHER, "{}", judged.body);
    let mine = ines.get("/mon-dossier");
    assert!(mine.says(ground) && mine.says(&format!("/mon-dossier/{id}/pieces#piece-identite")), "{}", mine.body);
    officer.get(&file);
    let asked = officer.post(
        &format!("{file}/demandes"),
        &[("echeance", "2026-10-02"), ("message", "Merci d’envoyer un passeport, ou la nouvelle carte.")],
    );
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    let mine = ines.get("/mon-dossier");
    for said in [
        "Merci d’envoyer un passeport",
        "2\u{a0}octobre 2026",
        "15\u{a0}juin 2026",
        "Lettre de motivation",
        "Votre réponse est attendue",
    ] {
        assert!(mine.says(said), "{said} in {}", mine.body);
    }
    // What is missing is what the office's checklist says, piece by piece.
    for (label, code) in [("Pièce d’identité", "identite"), ("Lettre de motivation", "lettre_motivation")] {
        assert!(mine.says(&format!("#piece-{code}")), "{label}");
    }
    fresh.clock.set(instant("2026-10-01T08:00:00Z"));
    let mut late = site.sign_in("ines.martin@ac-limoges.example");
    let page = format!("/mon-dossier/{id}/pieces");
    let shown = late.get(&page);
    assert!(shown.says(ground), "{}", shown.body);
    for (code, words) in [("identite", "Passeport"), ("lettre_motivation", "Lettre")] {
        let (field, bytes) = (format!("fichiers-{code}"), pdf(words));
        let sent = late.upload(
            &format!("{page}/{code}"),
            &[("remplacer", "oui")],
            &[(field.as_str(), "envoi.pdf", bytes.as_slice())],
        );
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    }
    let mine = late.get("/mon-dossier");
    assert!(mine.says("Répondu") && !mine.says(ground), "{}", mine.body);
    let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
    let read = officer.get(&file);
    let seen = ["identite", "lettre_motivation"].map(|code| hidden(&read, &format!("vu-{code}")));
    let judged = officer.post(
        &format!("{file}/pieces"),
        &[
            ("vu-identite", seen[0].as_str()),
            ("etat-identite", "accepted"),
            ("vu-lettre_motivation", seen[1].as_str()),
            ("etat-lettre_motivation", "accepted"),
        ],
    );
    assert_eq!(judged.status, StatusCode::SEE_OTHER, "{}", judged.body);
}

#[test]
fn the_self_check_stores_nothing_and_answers_whatever_is_asked() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let before: i64 = cplds::store::schema::audit_entries::table.count().get_result(&mut connect(fresh)).unwrap();
        let mut visitor = site.visitor();
        let said = |query: &str| -> Answer {
            let mut visitor = site.visitor();
            let answer = visitor.get(&format!("/inscription?{query}"));
            assert!(visitor.cookies.is_empty() && answer.headers.get("set-cookie").is_none(), "{query}");
            answer
        };
        // No session is open: the answer is the same, and says so.
        let base = said("corps=certifie&statut=titulaire&academie=22&formation=oui&note=non");
        assert!(base.says("Vous pouvez vous inscrire") && base.says("Aucune session n’est ouverte"), "{}", base.body);
        let one = said("corps=certifie&statut=titulaire&academie=22&formation=non&note=1");
        assert!(one.says("pas à repasser l’épreuve 1") && one.says("sans l’avoir suivie"), "{}", one.body);
        assert!(said("corps=certifie&statut=cdd&academie=22&formation=non&note=2").says("ne vous permet pas"));
        assert!(said("corps=aesh&statut=titulaire&academie=22&formation=non&note=non").says("à examiner"));
        for (query, faults) in [
            ("corps=&statut=&academie=&formation=&note=", 5),
            ("corps=certifie&statut=titulaire", 3),
            ("formation=oui", 4),
            ("corps=x&statut=y&academie=z&formation=peut-etre&note=9", 5),
            ("corps=%3Cscript%3E&statut=titulaire&academie=22&formation=oui&note=non", 1),
        ] {
            let answer = said(query);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
            assert_eq!(answer.body.matches("class=\"field__error\"").count(), faults, "{query}: {}", answer.body);
            assert!(!answer.says("id=\"reponse\"") && !answer.says("<script>"), "{query}");
        }
        assert_eq!(visitor.get("/inscription").status, StatusCode::OK);
        assert_eq!(visitor.get("/inscription?corps=%E9").status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let after: i64 = cplds::store::schema::audit_entries::table.count().get_result(&mut connect(fresh)).unwrap();
        assert_eq!(before, after);
    });
}

#[test]
fn no_log_of_any_level_holds_the_answers_of_a_self_check() {
    #[derive(Clone, Default)]
    struct Heard(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let fresh = crate::support::sqlite();
    let site = Site::new(&fresh);
    let heard = Heard::default();
    let copy = heard.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || copy.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut visitor = site.visitor();
        visitor.get("/inscription?corps=certifie&statut=titulaire&academie=22&formation=oui&note=non");
        visitor.get("/inscription?corps=certifie&statut=%E9");
        visitor.get("/inscription/absente?corps=certifie");
    });
    let heard = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
    assert!(heard.contains("request refused"), "the ear is open: {heard}");
    for answer in ["certifie", "titulaire", "corps="] {
        assert!(!heard.contains(answer), "{answer} in {heard}");
    }
}

#[test]
fn a_withdrawn_candidature_is_posted_again_under_its_number() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let email = site.user(Role::Candidate, "22");
        let mut browser = site.sign_in(&email);
        let first = begin(&mut browser, &session);
        fill_all(&mut browser, &first, IDENTITY);
        let page = first.replace("/inscription/", "/mon-dossier/") + "/pieces";
        browser.get(&page);
        let (old, new) = (pdf("Ancienne"), pdf("Nouvelle"));
        browser.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "a.pdf", &old)]);
        submit(&mut browser, &first);
        let file = first.replace("/inscription/", "/mon-dossier/");
        let version = hidden(&browser.get(&format!("{file}/retrait")), "version");
        let gone = browser.post(&format!("{file}/retrait"), &[("version", &version)]);
        assert!(browser.follow(&gone).says("vous inscrire de nouveau"));
        fresh.clock.set(instant("2026-06-16T08:00:00Z"));
        let mut browser = site.sign_in(&email);

        let again = begin(&mut browser, &session);
        assert_ne!(again, first);
        fill_all(&mut browser, &again, IDENTITY);
        let place = again.replace("/inscription/", "/mon-dossier/") + "/pieces";
        browser.get(&place);
        let sent = browser.upload(&format!("{place}/identite"), &[], &[("fichiers-identite", "b.pdf", &new)]);
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let version = hidden(&browser.get(&format!("{again}/verification")), "version");
        let fields = [("version", version.as_str()), ("declaration", "oui")];
        // Twenty times at once: one answer.
        let answers: Vec<String> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..20)
                .map(|_| {
                    let (mut one, again) = (browser.clone(), again.clone());
                    scope.spawn(move || one.post(&format!("{again}/depot"), &fields).location().to_owned())
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|place| *place == format!("{file}/depot")), "{answers:?}");
        let receipt = browser.get(&format!("{file}/depot"));
        assert!(receipt.says("22-27-0001") && receipt.says("16\u{a0}juin 2026"), "{}", receipt.body);
        let conn = &mut connect(fresh);
        let rows: Vec<(String, String)> =
            registrations::table.select((registrations::number, registrations::state)).load(conn).unwrap();
        assert_eq!(rows, [("22-27-0001".to_owned(), "submitted".to_owned())]);
        assert_eq!(yearly_registrations::table.count().get_result::<i64>(conn).unwrap(), 1);
        assert_eq!(resumed_drafts::table.count().get_result::<i64>(conn).unwrap(), 1);
        let standing: Vec<String> = piece_files::table
            .filter(piece_files::replaced_at.is_null())
            .select(piece_files::file_name)
            .load(conn)
            .unwrap();
        assert_eq!(standing, ["b.pdf"], "the piece sent anew stands, the first is kept as replaced");
        let mails: i64 = outbox::table.filter(outbox::kind.eq("acknowledgement")).count().get_result(conn).unwrap();
        assert_eq!(mails, 2, "each submission is acknowledged once");
        let pdf = browser.get(&format!("{file}/accuse-reception.pdf"));
        assert!(pdf.body.starts_with("%PDF"));
        let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
        let id = file.rsplit('/').next().unwrap();
        let office = officer.get(&format!("/gestion/sessions/{session}/dossiers/{id}"));
        assert!(office.says("Dossier déposé de nouveau après le retrait"), "{}", office.body);
        // Registered again, one is registered: not a second time.
        browser.get("/inscription/commencer");
        let refused = browser.post("/inscription/commencer", &[("session", &session)]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        // Once registration is closed, a withdrawal is for good.
        let version = hidden(&browser.get(&format!("{file}/retrait")), "version");
        browser.post(&format!("{file}/retrait"), &[("version", &version)]);
        fresh.clock.set(instant("2026-10-01T08:00:00Z"));
        let mut browser = site.sign_in(&email);
        assert!(!browser.get("/mon-dossier").says("vous inscrire de nouveau"));
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_claimed_mark_is_dropped_refused_or_claimed_again_without_a_trap() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        fill_all(&mut browser, &draft, IDENTITY);
        let claim = [
            ("note_1", "ailleurs"),
            ("note_1_valeur", "12,5"),
            ("note_1_session", "2025"),
            ("note_1_academie", "04"),
            ("note_2", "non"),
        ];
        fill(&mut browser, &draft, "notes", &claim);
        // Claimed, then the épreuve is chosen after all: nothing is claimed, and its session is asked for again.
        let mut sat = claim;
        sat[0] = ("note_1", "non");
        let saved = fill(&mut browser, &draft, "notes", &sat);
        assert!(saved.location().ends_with("/seance"), "{}", saved.location());
        assert!(browser.get(&format!("{draft}/verification")).says("Je passe l’épreuve"));
        fill(&mut browser, &draft, "notes", &claim);
        submit(&mut browser, &draft);
        let claims = |fresh: &Fresh| -> Vec<(String, i32)> {
            kept_mark_claims::table
                .select((kept_mark_claims::state, kept_mark_claims::mark))
                .load(&mut connect(fresh))
                .unwrap()
        };
        assert_eq!(claims(fresh), [("claimed".to_owned(), 1250)]);
        let id = draft.rsplit('/').next().unwrap().to_owned();
        let page = format!("/gestion/sessions/{session}/dossiers/{id}/notes-conservees");
        let decide = |verdict: &str| {
            let mut officer = site.sign_in(&site.user(Role::ExamOfficer, "22"));
            let shown = officer.get(&page);
            let claim = shown.body.split("/notes-conservees/").nth(1).unwrap().split('"').next().unwrap().to_owned();
            let (answer, reason) = (format!("constat-{claim}"), format!("motif-{claim}"));
            let fields = [(answer.as_str(), verdict), (reason.as_str(), "Relevé de notes de 2025 lu")];
            officer.post(&format!("{page}/{claim}"), &fields)
        };
        // A mark that the office entered meanwhile stands in the way: a sentence, not a failure.
        tamper(
            fresh,
            &format!(
                "INSERT INTO kept_marks (id, registration_id, epreuve, mark, origin_year) VALUES ('k', '{id}', 1, 1100, 2024)"
            ),
        );
        let twice = decide("retenir");
        assert!(twice.status.is_client_error() && twice.says("déjà conservée"), "{}", twice.body);
        tamper(fresh, "DELETE FROM kept_marks");
        assert_eq!(decide("ecarter").status, StatusCode::SEE_OTHER);
        let told: i64 =
            outbox::table.filter(outbox::kind.eq("decision")).count().get_result(&mut connect(fresh)).unwrap();
        assert_eq!(told, 1, "a mail says that a decision can be read");
        let mine = browser.get("/mon-dossier");
        assert!(
            mine.says("vous passez donc cette épreuve") && mine.says(&format!("/mon-dossier/{id}/seance")),
            "{}",
            mine.body
        );
        // Withdrawn and posted again with the same claim: the office has answered it. With another, it is read anew.
        for (mark, states) in [("12,5", [("refused".to_owned(), 1250)]), ("13", [("claimed".to_owned(), 1300)])] {
            let file = format!("/mon-dossier/{id}");
            let version = hidden(&browser.get(&format!("{file}/retrait")), "version");
            browser.post(&format!("{file}/retrait"), &[("version", &version)]);
            let again = begin(&mut browser, &session);
            fill_all(&mut browser, &again, IDENTITY);
            let mut claim = claim;
            claim[1] = ("note_1_valeur", mark);
            fill(&mut browser, &again, "notes", &claim);
            let done = submit(&mut browser, &again);
            assert_eq!(done.location(), format!("{file}/depot"), "{}", done.body);
            assert_eq!(claims(fresh), states, "{mark}");
        }
        assert_eq!(kept_marks::table.count().get_result::<i64>(&mut connect(fresh)).unwrap(), 0);
    });
}

#[test]
fn a_school_is_named_by_the_academys_list_and_an_unlisted_code_is_said_so() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let mut browser = site.sign_in(&site.user(Role::Candidate, "22"));
        let draft = begin(&mut browser, &session);
        let posting = |uai: &'static str, name: &'static str| {
            vec![("lieu", "etablissement"), ("uai", uai), ("etablissement", name)]
        };
        // No list: what is typed is taken.
        assert_eq!(
            fill(&mut browser, &draft, "affectation", &posting("0870015U", "Lycée Turgot")).status,
            StatusCode::SEE_OTHER
        );
        diesel::insert_into(schools::table)
            .values((
                schools::uai.eq("0870015U"),
                schools::academy_code.eq("22"),
                schools::name.eq("Lycée Turgot polyvalent"),
                schools::commune.eq("Limoges"),
                schools::department.eq("087"),
                schools::kind.eq("Lycée"),
                schools::sort_key.eq("lycee turgot"),
                schools::updated_at.eq(Stamp(instant("2026-06-15T08:00:00Z"))),
            ))
            .execute(&mut connect(fresh))
            .unwrap();
        let listed = fill(&mut browser, &draft, "affectation", &posting("0870015U", ""));
        assert_eq!(listed.status, StatusCode::SEE_OTHER, "{}", listed.body);
        for page in ["affectation", "verification"] {
            assert!(browser.get(&format!("{draft}/{page}")).says("Lycée Turgot polyvalent (Limoges)"), "{page}");
        }
        let unknown = fill(&mut browser, &draft, "affectation", &posting("0190012K", "Lycée fermé"));
        assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(unknown.says("n’est pas dans la liste des établissements ouverts"), "{}", unknown.body);
        let host = [
            ("accueil", "autre"),
            ("accueil_uai", "0190012K"),
            ("accueil_nom", "Lycée fermé"),
            ("action", "Module"),
            ("effectif", "8"),
            ("jours", "mardi"),
        ];
        assert!(fill(&mut browser, &draft, "seance", &host).says("n’est pas dans la liste"));
        for (step, fields) in REST.iter().filter(|(step, _)| *step != "affectation") {
            fill(&mut browser, &draft, step, fields);
        }
        fill(&mut browser, &draft, "identite", IDENTITY);
        fill(&mut browser, &draft, "affectation", &posting("0870015U", "Un autre nom"));
        let done = submit(&mut browser, &draft);
        assert!(done.location().ends_with("/depot"), "{}", done.body);
        let name: String = registrations::table.select(registrations::school_name).first(&mut connect(fresh)).unwrap();
        assert_eq!(name, "Lycée Turgot polyvalent (Limoges)");
    });
}

#[test]
fn what_comes_too_late_or_from_a_draft_given_up_is_not_kept() {
    each_engine(|fresh| {
        let site = Site::new(fresh);
        let session = open_with_pieces(fresh);
        let email = site.user(Role::Candidate, "22");
        let mut browser = site.sign_in(&email);
        let draft = begin(&mut browser, &session);
        let page = draft.replace("/inscription/", "/mon-dossier/") + "/pieces";
        browser.get(&page);
        let bytes = pdf("Lettre");
        let sent = browser.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "a.pdf", &bytes)]);
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
        // The closing passes between the page and the envoi.
        fresh.clock.set(instant("2026-09-30T21:59:00Z"));
        let mut browser = site.sign_in(&email);
        browser.get(&page);
        fresh.clock.set(instant("2026-09-30T22:00:00Z"));
        let other = pdf("Trop tard");
        let late = browser.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "b.pdf", &other)]);
        assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", late.body);
        assert!(late.says("Les inscriptions sont closes"), "{}", late.body);
        assert!(browser.get(&page).says("ne changent plus"));
        // Given up, the draft leaves nothing behind.
        let gone = browser.post(&format!("{draft}/abandon"), &[]);
        assert_eq!(gone.location(), "/mon-dossier", "{}", gone.body);
        assert_eq!(piece_files::table.count().get_result::<i64>(&mut connect(fresh)).unwrap(), 0);
    });
}
