//! Files handed in: by whom, what of them is kept, who may read them; on both engines, through the pages.

#[path = "pieces/bucket.rs"]
mod bucket;

use axum::http::{StatusCode, header};
use cplds::domain::permission::{Actor, Role};
use cplds::domain::table::read_csv;
use cplds::store::{Lock, audit, pieces, registration, schema};
use diesel::prelude::*;

use crate::registration::open_with_pieces;
use crate::support::browser::Browser;
use crate::support::web::Site;
use crate::support::{Fresh, data_dir, each_engine, tamper};

const HEADER: &str = "Civilité;Nom de naissance;Prénom;Date de naissance;Courriel;Corps;Statut;UAI;Département";
const LINES: &str = "Mme;DURAND;Inès;12/03/1985;ines.durand@ac-limoges.example;certifié;titulaire;0870015U;87\n\
                     M.;PETIT;Jean;04/07/1979;jean.petit@ac-limoges.example;PLP;titulaire;0870015U;87";

struct Story {
    site: Site,
    session: String,
    /// Ids of the two files, in order.
    files: Vec<String>,
}

/// A session of Limoges with two candidates, each with an account.
fn story(fresh: &Fresh) -> Story {
    let site = Site::new(fresh);
    let system = Actor::system("test");
    let session = open_with_pieces(fresh);
    let table = read_csv(format!("{HEADER}\n{LINES}\n").as_bytes()).unwrap();
    let id = session.clone();
    fresh
        .db
        .write_now(&system, Lock::Session(session.clone()), move |tx| {
            registration::import_candidates(tx, &id, &table, &[])
        })
        .unwrap();
    for (email, name) in
        [("ines.durand@ac-limoges.example", "Inès Durand"), ("jean.petit@ac-limoges.example", "Jean Petit")]
    {
        let user = site.user_called(email, name, &[(Role::Candidate, "22")]);
        tamper(fresh, &format!("UPDATE people SET user_id = '{user}' WHERE email = '{email}'"));
    }
    let files = fresh
        .db
        .read_now(|conn| {
            use schema::registrations::dsl as r;
            Ok(r::registrations.order(r::rank).select(r::id).load::<String>(conn)?)
        })
        .unwrap();
    Story { site, session, files }
}

impl Story {
    fn candidate(&self, name: &str) -> Browser {
        self.site.sign_in(&format!("{name}@ac-limoges.example"))
    }

    fn rows(&self) -> Vec<pieces::PieceFileRow> {
        let file = self.files[0].clone();
        self.site.db.read_now(move |conn| pieces::list_files(conn, &file)).unwrap()
    }
}

pub fn pdf(words: &str) -> Vec<u8> {
    let content = format!("BT /F1 24 Tf 72 700 Td ({words}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = "%PDF-1.7\n".to_owned();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = out.len();
    out.push_str("xref\n0 6\n0000000000 65535 f \n");
    for offset in offsets {
        out.push_str(&format!("{offset:010} 00000 n \n"));
    }
    out.push_str(&format!("trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    out.into_bytes()
}

pub fn photo(shade: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(640, 400, |x, _| image::Rgb([shade, u8::try_from(x % 256).unwrap(), 60]));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

#[test]
fn a_candidate_sends_replaces_and_reads_back_their_pieces() {
    each_engine(|fresh| {
        let story = story(fresh);
        let mut ines = story.candidate("ines.durand");
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        assert!(ines.get("/mon-dossier").says(&page), "one finds the page from one's file");
        assert!(ines.get(&page).says("À fournir"));
        let place = format!("{page}/identite");
        let (recto, verso) = (photo(10), photo(200));
        let files =
            [("fichiers-identite", "recto é.jpg", recto.as_slice()), ("fichiers-identite", "verso.JPG", &verso)];
        let sent = ines.upload(&place, &[], &files);
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let after = ines.follow(&sent);
        assert!(
            after.says("2\u{a0}fichiers sont enregistrés") && after.says("recto é.jpg") && after.says("Reçue"),
            "{}",
            after.body
        );
        // The same envoi again: nothing doubles.
        ines.upload(&place, &[], &files);
        assert_eq!(story.rows().len(), 2);
        let row = &story.rows()[0];
        let back = ines.get(&format!("{page}/fichiers/{}", row.id));
        assert_eq!(back.headers[header::CONTENT_TYPE], "image/jpeg");
        assert!(back.headers[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment;"));
        assert!(back.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
        assert_eq!(back.headers["x-content-type-options"], "nosniff");
        // A file is replaced, and what was there can still be read by the office.
        ines.get(&page);
        let better = pdf("Carte");
        let replaced = ines.upload(&place, &[("remplacer", "oui")], &[("fichiers-identite", "carte.pdf", &better)]);
        assert_eq!(replaced.status, StatusCode::SEE_OTHER, "{}", replaced.body);
        let rows = story.rows();
        assert_eq!(rows.iter().filter(|row| row.replaced_at.is_none()).count(), 1);
        assert_eq!(rows.len(), 3);
        // After submission nothing is taken back.
        let standing = rows.iter().find(|row| row.replaced_at.is_none()).unwrap();
        ines.get(&page);
        let refused = ines.post(&format!("{page}/fichiers/{}/retrait", standing.id), &[]);
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(fresh.db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn a_piece_as_large_as_the_pack_allows_is_kept_and_a_larger_one_is_refused_with_a_sentence() {
    each_engine(|fresh| {
        let story = story(fresh);
        let mut ines = story.candidate("ines.durand");
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        ines.get(&page);
        let place = format!("{page}/identite");
        let large = pdf(&"x".repeat(9_990_000));
        let sent = ines.upload(&place, &[], &[("fichiers-identite", "grand.pdf", &large)]);
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let larger = pdf(&"y".repeat(10_000_000));
        let refused = ines.upload(&place, &[], &[("fichiers-identite", "trop.pdf", &larger)]);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert!(refused.says("trop.pdf"), "{}", refused.body);
        assert_eq!(story.rows().len(), 1);
    });
}

#[test]
fn a_refused_file_says_why_beside_its_field_and_nothing_is_kept() {
    each_engine(|fresh| {
        let story = story(fresh);
        let mut ines = story.candidate("ines.durand");
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        ines.get(&page);
        let good = photo(1);
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0".as_slice();
        for (files, said) in [
            (vec![], "Choisissez un fichier"),
            (vec![("fichiers-identite", "photo.heic", heic)], "Réglages, Appareil photo"),
            (
                vec![
                    ("fichiers-identite", "bon.jpg", good.as_slice()),
                    ("fichiers-identite", "mauvais.pdf", b"<html>"),
                ],
                "mauvais.pdf",
            ),
            (vec![("fichiers-identite", "vide.pdf", b"".as_slice())], "Ce fichier est vide"),
        ] {
            let answer = ines.upload(&format!("{page}/identite"), &[], &files);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
            assert!(answer.says(said) && answer.says("champ-fichiers-identite"), "{said}\n{}", answer.body);
        }
        let seven: Vec<Vec<u8>> = (0..7).map(|shade| photo(shade * 30)).collect();
        let many: Vec<_> = seven.iter().map(|bytes| ("fichiers-identite", "a.jpg", bytes.as_slice())).collect();
        assert!(ines.upload(&format!("{page}/identite"), &[], &many).says("6\u{a0}fichiers au plus"));
        assert!(story.rows().is_empty());
        assert!(!data_dir(&fresh.db).join("pieces/pieces").exists(), "nothing half kept in the vault");
        assert_eq!(
            ines.upload(&format!("{page}/inconnue"), &[], &[("fichiers-inconnue", "a.jpg", &good)]).status,
            StatusCode::NOT_FOUND
        );
    });
}

#[test]
fn only_the_owner_and_the_office_of_the_academy_read_a_piece() {
    each_engine(|fresh| {
        let story = story(fresh);
        let mut ines = story.candidate("ines.durand");
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        ines.get(&page);
        let bytes = pdf("Lettre");
        assert_eq!(
            ines.upload(&format!("{page}/lettre_motivation"), &[], &[("fichiers-lettre_motivation", "l.pdf", &bytes)])
                .status,
            StatusCode::SEE_OTHER
        );
        let id = story.rows()[0].id.clone();
        let own = format!("{page}/fichiers/{id}");
        let theirs = format!("/gestion/sessions/{}/dossiers/{}/pieces/{id}", story.session, story.files[0]);
        let swapped = format!("/gestion/sessions/{}/dossiers/{}/pieces/{id}", story.session, story.files[1]);
        let mut jean = story.candidate("jean.petit");
        for path in [&own, &page, &theirs, &format!("/mon-dossier/{}/pieces/fichiers/{id}", story.files[1])] {
            assert_eq!(jean.get(path).status, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(
            jean.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "a.pdf", &bytes)]).status,
            StatusCode::NOT_FOUND
        );
        for role in Role::ALL {
            for academy in ["22", "13"] {
                let mut browser = story.site.sign_in(&story.site.user(*role, academy));
                let is_office = academy == "22" && matches!(role, Role::ExamOfficer | Role::ExamOfficeHead);
                let expected = if is_office { StatusCode::OK } else { StatusCode::NOT_FOUND };
                for path in [theirs.clone(), format!("{theirs}/apercu.png")] {
                    assert_eq!(browser.get(&path).status, expected, "{role} {academy} {path}");
                }
                assert_eq!(browser.get(&own).status, StatusCode::NOT_FOUND, "{role} {academy}");
                assert_eq!(browser.get(&swapped).status, StatusCode::NOT_FOUND, "{role} {academy}");
            }
        }
        assert_eq!(story.site.visitor().get(&theirs).status, StatusCode::SEE_OTHER);
        assert_eq!(ines.get(&own).status, StatusCode::OK);
    });
}

#[test]
fn an_accepted_piece_a_withdrawn_file_and_a_fixed_list_take_nothing_more() {
    each_engine(|fresh| {
        let story = story(fresh);
        let mut ines = story.candidate("ines.durand");
        let page = format!("/mon-dossier/{}/pieces", story.files[0]);
        let bytes = photo(3);
        let mut refused = |fresh: &Fresh, sql: String, said: &str| {
            tamper(fresh, &sql);
            ines.get(&page);
            let answer = ines.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "a.jpg", &bytes)]);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
            assert!(answer.says(said), "{said}\n{}", answer.body);
        };
        let file = &story.files[0];
        refused(
            fresh,
            format!("UPDATE pieces SET state = 'accepted' WHERE registration_id = '{file}'"),
            "est déjà acceptée",
        );
        refused(
            fresh,
            format!("UPDATE registrations SET state = 'withdrawn' WHERE id = '{file}'"),
            "candidature est retirée",
        );
        refused(
            fresh,
            format!(
                "UPDATE registrations SET state = 'submitted' WHERE id = '{file}'; UPDATE exam_sessions SET state = 'list_fixed'"
            ),
            "La liste des candidats est arrêtée",
        );
        assert!(story.rows().is_empty());
    });
}

#[test]
fn the_office_sees_a_small_picture_of_a_photograph_and_of_a_page() {
    use cplds::domain::piece::PieceKind;
    use cplds::office::thumbnail::draw;
    let photo = draw(PieceKind::Jpeg, &photo(90)).unwrap();
    let small = image::load_from_memory(&photo).unwrap();
    assert_eq!((small.width(), small.height()), (420, 263));
    let page = image::load_from_memory(&draw(PieceKind::Pdf, &pdf("Bonjour")).unwrap()).unwrap().into_rgb8();
    assert_eq!((page.width(), page.height()), (296, 420));
    assert!(page.pixels().any(|pixel| pixel.0[0] < 100), "the words are drawn");
    assert!(page.pixels().filter(|pixel| pixel.0 == [255; 3]).count() > 100_000, "on white");
    assert_eq!(draw(PieceKind::Pdf, b"%PDF-1.7 rien"), None);
    assert_eq!(draw(PieceKind::Png, b"\x89PNG\r\n\x1a\nrien"), None);
}

#[test]
fn what_no_row_names_leaves_the_vault_after_a_day_and_nothing_else_does() {
    let fresh = crate::support::sqlite();
    let story = story(&fresh);
    let mut ines = story.candidate("ines.durand");
    let page = format!("/mon-dossier/{}/pieces", story.files[0]);
    ines.get(&page);
    let kept = photo(7);
    ines.upload(&format!("{page}/identite"), &[], &[("fichiers-identite", "a.jpg", &kept)]);
    let secret = cplds::secret::Secret::from_bytes([7; 32]);
    let place = cplds::config::PiecesPlace::Folder(data_dir(&fresh.db).join("pieces"));
    let vault = cplds::vault::Vault::open(&place, &secret).unwrap();
    let orphan = vault.area("pieces").put_now(b"orphan").unwrap();
    let elsewhere = vault.put_now(b"a signed letter").unwrap();
    let named = fresh.db.read_now(pieces::list_named).unwrap();
    assert_eq!(named.len(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let written = runtime.block_on(vault.area("pieces").list()).unwrap()[0].written_at;
    let at = |hours: i64| jiff::Timestamp::from_second(written + hours * 3600).unwrap();
    let sweep = |hours| runtime.block_on(cplds::office::thumbnail::sweep(&vault, &named, at(hours))).unwrap();
    assert_eq!(sweep(23), 0, "an upload under way is left alone");
    assert_eq!(sweep(25), 1);
    assert!(vault.area("pieces").get_now(&orphan).is_err());
    assert_eq!(vault.area("pieces").get_now(&named[0]).unwrap().as_ref(), kept);
    assert!(vault.get_now(&elsewhere).is_ok());
    let unsent = vault.area("messages").put_now(b"the file of a message that went").unwrap();
    assert_eq!(sweep(26), 1);
    assert!(vault.area("messages").get_now(&unsent).is_err());
}
