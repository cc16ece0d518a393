//! A few pieces handed in by the candidates of the open session, made here: an order drawn by the house's own letters, and
//! photographs of a card that is nobody's. They come in by the very inspection of the site.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use jiff::civil::date;

use crate::domain::piece::{inspect, shown_name};
use crate::office::documents::office_of;
use crate::pdf::Signatory;
use crate::pdf::letter::{LetterSheet, letter};
use crate::store::pieces::{self, NewFile};
use crate::store::{Conn, Db, Lock, StoreError, Stored, accounts, draft, reference, registration};
use crate::vault::Vault;

/// Whose pieces: a file submitted, and a draft that is ready.
const OWNERS: [(&str, &str); 2] = [
    ("inscription.deposee@ac-demo.example", "Mélanie BESSE"),
    ("inscription.prete@ac-demo.example", "Antoine VEYSSIÈRE"),
];

/// Sends an order of appointment as a PDF and both sides of a card as photographs, for each of the two.
///
/// # Errors
/// The database's own, the vault's, or a picture that cannot be made.
pub fn hand_in(db: &Db, vault: &Vault, academy_code: &str) -> Stored<()> {
    for (email, name) in OWNERS {
        let (actor, file_id, session_id) = db.read_now(|conn| {
            let user = accounts::find_user_by_email(conn, email)?.ok_or(StoreError::NotFound)?;
            let actor = accounts::find_actor(conn, &user.id)?.ok_or(StoreError::NotFound)?;
            let (file_id, session_id) = file_of(conn, &user.id, db.clock().now())?;
            Ok((actor, file_id, session_id))
        })?;
        let sent = [
            ("identite", vec![("carte-recto.jpg", card(false)?), ("carte-verso.jpg", card(true)?)]),
            ("titularisation_ou_contrat", vec![("arrete.pdf", order(db, academy_code, name)?)]),
        ];
        for (code, files) in sent {
            let mut kept = Vec::new();
            for (file_name, bytes) in files {
                kept.push(keep(db, vault, academy_code, file_name, &bytes)?);
            }
            let id = file_id.clone();
            db.write_now(&actor, Lock::Session(session_id.clone()), move |tx| {
                pieces::receive(tx, &id, code, &kept, false).map(|_| ())
            })?;
        }
    }
    Ok(())
}

/// The file of this user that is still to be completed: a draft first, else the latest registration.
fn file_of(conn: &mut Conn, user_id: &str, now: jiff::Timestamp) -> Stored<(String, String)> {
    if let Some(view) = draft::list_of_user(conn, user_id, now)?.into_iter().next() {
        return Ok((view.draft.id, view.session.id));
    }
    let latest = registration::list_files_of_user(conn, user_id)?.into_iter().next().ok_or(StoreError::NotFound)?;
    Ok((latest.registration.id, latest.session.id))
}

fn keep(db: &Db, vault: &Vault, academy_code: &str, file_name: &str, bytes: &[u8]) -> Stored<NewFile> {
    let limits = db.read_now(|conn| {
        let year = db.clock().now().to_zoned(jiff::tz::TimeZone::UTC).year() + 1;
        let id = reference::regulation_for_year(conn, year)?;
        let pack = reference::rules_of(conn, &id)?;
        pack.pieces_limits
            .clone()
            .ok_or_else(|| StoreError::Broken(format!("{academy_code}\u{a0}: pièces sans bornes")))
    })?;
    let inspected = inspect(bytes, &limits).map_err(|no| StoreError::Broken(no.to_string()))?;
    let bytes = bytes.get(..inspected.length).unwrap_or(bytes);
    let sha256 = vault.area("pieces").put_now(bytes).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    Ok(NewFile {
        file_name: shown_name(file_name, inspected.kind),
        kind: inspected.kind,
        size: bytes.len(),
        pages: inspected.pages,
        sha256,
    })
}

/// An order of appointment, as a rectorat would have sent it.
fn order(db: &Db, academy_code: &str, name: &str) -> Stored<Vec<u8>> {
    let academy = db.read_now(|conn| reference::get_academy(conn, academy_code))?;
    let sheet = LetterSheet {
        office: office_of(&academy),
        addressee: vec![name.to_owned()],
        subject: "Arrêté de titularisation".to_owned(),
        reference: None,
        paragraphs: vec![
            format!(
                "Article 1er. {name} est titularisé(e) dans le corps des conseillers principaux d’éducation à compter du 1er septembre 2014."
            ),
            "Article 2. Le secrétaire général de l’académie est chargé de l’exécution du présent arrêté.".to_owned(),
            "Pièce de démonstration\u{a0}: elle ne concerne personne.".to_owned(),
        ],
        appeal: Vec::new(),
        place: academy.city.clone(),
        date: date(2014, 7, 1),
        signatory: Signatory { name: String::new(), title: academy.service.clone(), delegation: None },
        simulated: true,
    };
    Ok(letter(&sheet)?)
}

/// A card on a table, as a telephone sees it: a portrait, or a band that machines read, and lines that say nothing.
fn card(is_verso: bool) -> Stored<Vec<u8>> {
    let (width, height) = (1200_u32, 800_u32);
    let inside = |x: u32, y: u32, (left, top, right, bottom): (u32, u32, u32, u32)| {
        (left..right).contains(&x) && (top..bottom).contains(&y)
    };
    let round = |x: u32, y: u32, (cx, cy, r): (u32, u32, u32)| {
        let (dx, dy) = (x.abs_diff(cx), y.abs_diff(cy));
        dx * dx + dy * dy < r * r
    };
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let grain = u8::try_from((x * 7 + y * 13) % 11).unwrap_or(0);
        let shade = |base: [u8; 3]| Rgb(base.map(|part| part.saturating_add(grain)));
        if !inside(x, y, (120, 100, 1080, 700)) {
            return shade([112, 84, 58]);
        }
        if is_verso {
            let is_band = inside(x, y, (160, 520, 1040, 560)) || inside(x, y, (160, 590, 1040, 630));
            let is_line = (170..470).contains(&y) && (y / 10) % 5 == 0 && inside(x, y, (180, 170, 760, 470));
            return if is_band && (x / 14) % 3 != 0 || is_line { shade([40, 44, 60]) } else { shade([206, 222, 232]) };
        }
        if round(x, y, (300, 310, 74)) || round(x, y, (300, 520, 130)) && y < 560 {
            return shade([96, 74, 66]);
        }
        if inside(x, y, (170, 190, 430, 560)) {
            return shade([226, 226, 222]);
        }
        let is_title = inside(x, y, (170, 130, 700, 160));
        let is_line = inside(x, y, (500, 230, 980, 560)) && (y / 12) % 4 == 0 && x < 980 - (y % 7) * 30;
        if is_title || is_line { shade([44, 62, 104]) } else { shade([214, 228, 238]) }
    });
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, ImageFormat::Jpeg).map_err(|e| StoreError::Broken(e.to_string()))?;
    Ok(out.into_inner())
}
