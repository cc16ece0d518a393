//! Documents drawn from what the store remembers: read the facts, render outside any write, keep the bytes once.
//! Every function here may be asked again: it gives the bytes that were kept, and draws only what is missing.

use crate::clock::Clock;
use crate::domain::academy::{Academy, french_date};
use crate::domain::certificate::Snapshot;
use crate::domain::deliberation::Outcome;
use crate::domain::ids::Mark;
use crate::domain::permission::Actor;
use crate::domain::publication::is_public;
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;
use crate::pdf::certificate::{CertificateSheet, certificate};
use crate::pdf::minutes::{MinutesMember, MinutesRow, MinutesSheet, minutes};
use crate::pdf::orders::{OrderSheet, order};
use crate::pdf::transcript::{TranscriptLine, TranscriptSheet, transcript};
use crate::pdf::{Office, PdfError, Person, Signatory, SimpleTable};
use crate::store::certificate::CertificateRow;
use crate::store::deliberation::{self, CandidateLine};
use crate::store::documents::{self, DocumentRow, NewDocument};
use crate::store::people::PersonRow;
use crate::store::reference::AcademyRow;
use crate::store::session::SessionRow;
use crate::store::{Db, Lock, StoreError, Stored, audit, certificate as register, jury, publication, reference};

/// Who draws, in the audit chain.
fn drawer() -> Actor {
    Actor::system("documents")
}

impl From<PdfError> for StoreError {
    fn from(error: PdfError) -> Self {
        StoreError::Unavailable(format!("document : {error}"))
    }
}

/// The office as printed at the head of a document.
#[must_use]
pub fn office_of(academy: &AcademyRow) -> Office {
    Office {
        academy: academy.name.clone(),
        region: academy.region.clone(),
        service: academy.service.clone(),
        phone: academy.phone.clone(),
        email: academy.email.clone(),
        city: academy.city.clone(),
    }
}

/// Who signs for the academy today.
#[must_use]
pub fn signatory_of(academy: &AcademyRow) -> Signatory {
    Signatory {
        name: academy.signatory_name.clone(),
        title: academy.signatory_title.clone(),
        delegation: academy.delegation.clone(),
    }
}

fn person_of(row: &PersonRow) -> Person {
    Person {
        civility: row.civility.clone(),
        first_names: row.first_names.clone(),
        birth_name: row.birth_name.clone(),
        usage_name: row.usage_name.clone(),
    }
}

pub(super) fn today(session: &SessionRow, clock: &Clock) -> jiff::civil::Date {
    let now = clock.now();
    Academy::find(&session.academy_code)
        .map_or_else(|| now.to_zoned(jiff::tz::TimeZone::UTC).date(), |academy| academy.date(now))
}

pub(super) fn shown(session: &SessionRow, at: jiff::Timestamp) -> String {
    Academy::find(&session.academy_code).map_or_else(|| at.to_string(), |academy| academy.show(at))
}

/// The sheet of a certificate, from its snapshot alone: what changed since does not show.
///
/// # Errors
/// None in practice: every field serialises.
pub fn certificate_sheet(snapshot: &Snapshot) -> Stored<CertificateSheet> {
    Ok(CertificateSheet {
        person: Person {
            civility: snapshot.civility.clone(),
            first_names: snapshot.first_names.clone(),
            birth_name: snapshot.birth_name.clone(),
            usage_name: snapshot.usage_name.clone(),
        },
        birth_date: snapshot.birth_date,
        birth_place: snapshot.birth_place.clone(),
        office: Office {
            academy: snapshot.academy.clone(),
            region: snapshot.region.clone(),
            service: String::new(),
            phone: String::new(),
            email: String::new(),
            city: snapshot.issued_at.clone(),
        },
        session: snapshot.session,
        deliberated_on: snapshot.deliberated_on,
        texts: snapshot.texts.clone(),
        number: snapshot.number.clone(),
        control_key: snapshot.control_key.clone(),
        verify_url: snapshot.verify_url.clone(),
        issued_at_place: snapshot.issued_at.clone(),
        issued_on: snapshot.issued_on,
        signatory_name: snapshot.signatory_name.clone(),
        signatory_title: snapshot.signatory_title.clone(),
        delegation: snapshot.delegation.clone(),
        statement_json: snapshot.text()?,
        simulated: snapshot.simulated,
    })
}

/// Draws every certificate that has no document yet, on all cores, and keeps them; returns how many.
///
/// # Errors
/// The database's own, or a document that cannot be drawn.
pub fn draw_certificates(db: &Db) -> Stored<usize> {
    let mut drawn = 0;
    loop {
        let waiting = db.read_now(|conn| register::list_undrawn(conn, 512))?;
        if waiting.is_empty() {
            return Ok(drawn);
        }
        let made = in_parallel(&waiting, |row| {
            let bytes = certificate(&certificate_sheet(&row.read_snapshot()?)?)?;
            Ok(NewDocument {
                academy_code: row.academy_code.clone(),
                session_id: Some(row.session_id.clone()),
                subject_id: row.id.clone(),
                kind: "certificate".into(),
                file_name: format!("certificat-{}.pdf", row.number),
                content_type: "application/pdf".into(),
                bytes,
            })
        })?;
        drawn += made.len();
        keep_all(db, made)?;
    }
}

/// The document of one certificate, drawn now if nobody has asked before.
///
/// # Errors
/// The database's own, or a document that cannot be drawn.
pub fn certificate_document(db: &Db, row: &CertificateRow) -> Stored<DocumentRow> {
    if let Some(kept) = db.read_now(|conn| register::find_drawn(conn, &row.id))? {
        return Ok(kept);
    }
    draw_certificates(db)?;
    db.read_now(|conn| register::find_drawn(conn, &row.id))?.ok_or(StoreError::NotFound)
}

/// Draws the transcripts of a published session that have none yet; returns how many.
///
/// # Errors
/// A refusal before publication.
pub fn draw_transcripts(db: &Db, session: &SessionRow) -> Stored<usize> {
    if !is_public(session.state) {
        return Err(Refusal::new(
            "not_published",
            "Les relevés de notes s’établissent après la publication des résultats.",
        )
        .into());
    }
    let facts = SheetFacts::load(db, session)?;
    let kept: Vec<String> = db.read_now(|conn| documents::list_subjects(conn, &session.id, "transcript"))?;
    let kept: std::collections::HashSet<String> = kept.into_iter().collect();
    let lines: Vec<CandidateLine> = db
        .read_now(|conn| publication::list_results(conn, &session.id))?
        .into_iter()
        .filter(|line| !kept.contains(&line.registration.id))
        .collect();
    let mut drawn = 0;
    for chunk in lines.chunks(512) {
        let made = in_parallel(chunk, |line| facts.transcript(line))?;
        drawn += made.len();
        keep_all(db, made)?;
    }
    Ok(drawn)
}

/// One candidate's transcript; `None` before publication, whoever asks.
///
/// # Errors
/// The database's own.
pub fn transcript_document(db: &Db, session: &SessionRow, registration_id: &str) -> Stored<Option<DocumentRow>> {
    let Some(line) = db.read_now(|conn| publication::find_public_result(conn, session, registration_id))? else {
        return Ok(None);
    };
    if let Some(kept) = db.read_now(|conn| documents::find_document(conn, "transcript", registration_id))? {
        return Ok(Some(kept));
    }
    let made = SheetFacts::load(db, session)?.transcript(&line)?;
    keep_all(db, vec![made])?;
    db.read_now(|conn| documents::find_document(conn, "transcript", registration_id))
}

/// What all transcripts of a session share.
struct SheetFacts {
    session: SessionRow,
    academy: AcademyRow,
    pack: std::sync::Arc<RegulationPack>,
    deliberated_on: jiff::civil::Date,
    issued_on: jiff::civil::Date,
    appeal: Vec<String>,
    simulated: bool,
}

impl SheetFacts {
    fn load(db: &Db, session: &SessionRow) -> Stored<Self> {
        let clock = db.clock().clone();
        let (academy, pack, sealed_at) = db.read_now(|conn| {
            Ok((
                reference::get_academy(conn, &session.academy_code)?,
                reference::rules_of(conn, &session.regulation_id)?,
                deliberation::get_deliberation(conn, &session.id)?.sealed_at,
            ))
        })?;
        let zone = Academy::find(&session.academy_code).ok_or(StoreError::NotFound)?;
        let sealed_at = sealed_at.ok_or_else(|| StoreError::Broken("session publiée sans scellement".into()))?;
        Ok(SheetFacts {
            appeal: pack.appeals.sentences(&zone.with_article(), &zone.court_with_article()),
            deliberated_on: zone.date(sealed_at.0),
            issued_on: session.published_at.map_or_else(|| today(session, &clock), |at| zone.date(at.0)),
            simulated: clock.is_simulated(),
            session: session.clone(),
            academy,
            pack,
        })
    }

    fn transcript(&self, line: &CandidateLine) -> Stored<NewDocument> {
        let explained = line.explained.as_ref().ok_or_else(|| StoreError::Broken("résultat non calculé".into()))?;
        let threshold = Mark::from_hundredths(self.pack.pass.threshold.value).shown();
        let maximum = Mark::from_hundredths(self.pack.marks.maximum.value).shown();
        let lines = line
            .evaluations
            .iter()
            .map(|row| TranscriptLine {
                epreuve: self.pack.epreuve(&row.epreuve.to_string()).map_or_else(
                    || format!("Épreuve {}", row.epreuve),
                    |epreuve| format!("Épreuve {} : {}", row.epreuve, epreuve.title),
                ),
                mark: row.mark.map_or_else(
                    || "absence".to_owned(),
                    |mark| format!("{} / {maximum}", Mark::from_hundredths(mark).shown()),
                ),
                origin: row.origin_year.map(|year| format!("note conservée de la session {year}")),
                threshold: threshold.clone(),
                appraisal: row.appraisal.clone().filter(|text| !text.trim().is_empty()),
            })
            .collect();
        let mut reasons = explained.sentences.clone();
        reasons.push(format!("Texte appliqué : {}.", explained.law));
        let sheet = TranscriptSheet {
            person: person_of(&line.person),
            birth_date: line.person.birth_date.0,
            office: office_of(&self.academy),
            session: self.session.year16(),
            number: line.registration.number.clone(),
            lines,
            outcome: explained.outcome.agreed(&line.person.civility).to_owned(),
            reasons,
            deliberated_on: self.deliberated_on,
            issued_on: self.issued_on,
            appeal: if explained.outcome == Outcome::Admitted { Vec::new() } else { self.appeal.clone() },
            signatory: signatory_of(&self.academy),
            simulated: self.simulated,
        };
        Ok(NewDocument {
            academy_code: self.session.academy_code.clone(),
            session_id: Some(self.session.id.clone()),
            subject_id: line.registration.id.clone(),
            kind: "transcript".into(),
            file_name: format!("releve-{}.pdf", line.registration.number),
            content_type: "application/pdf".into(),
            bytes: transcript(&sheet)?,
        })
    }
}

/// The minutes of a sealed deliberation, for the president's hand.
///
/// # Errors
/// A refusal before the seal.
pub fn minutes_document(db: &Db, session: &SessionRow) -> Stored<DocumentRow> {
    if let Some(kept) = db.read_now(|conn| documents::find_document(conn, "minutes", &session.id))? {
        return Ok(kept);
    }
    let (academy, pack, row, lines, view, changes) = db.read_now(|conn| {
        let lines = deliberation::list_candidates(conn, &session.id)?;
        let changes = audit::list_acts_of_chain(conn, &Lock::Session(session.id.clone()), "change_mark")?;
        Ok((
            reference::get_academy(conn, &session.academy_code)?,
            reference::rules_of(conn, &session.regulation_id)?,
            deliberation::find_deliberation(conn, &session.id)?,
            lines,
            jury::get_jury(conn, session)?,
            changes,
        ))
    })?;
    let Some(row) = row.filter(|row| row.seal.is_some()) else {
        return Err(Refusal::new("not_sealed", "Le procès-verbal s’établit quand la délibération est scellée.")
            .under(deliberation::LAW)
            .into());
    };
    let numbers: std::collections::HashMap<&str, &str> = lines
        .iter()
        .flat_map(|line| line.evaluations.iter().map(move |mark| (mark.id.as_str(), line.registration.number.as_str())))
        .collect();
    let changes = changes
        .iter()
        .map(|act| {
            let detail: serde_json::Value = serde_json::from_str(&act.detail).unwrap_or_default();
            let mark = |key: &str| {
                detail[key]
                    .as_i64()
                    .and_then(|value| i32::try_from(value).ok())
                    .map_or_else(|| "absence".to_owned(), |value| Mark::from_hundredths(value).shown())
            };
            format!(
                "Candidat {}, épreuve {} : de {} à {}, par {}. Motif : {}",
                numbers.get(act.object_id.as_str()).copied().unwrap_or("?"),
                detail["epreuve"],
                mark("from"),
                mark("to"),
                act.actor_name,
                detail["reason"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let members = view
        .members
        .iter()
        .map(|juror| MinutesMember {
            name: format!("{} {} {}", juror.civility, juror.first_names, juror.last_name),
            role: if juror.is_president { "Présidence du jury".into() } else { "Membre".into() },
            quality: pack
                .jury
                .roles
                .iter()
                .find(|role| role.code == juror.quality)
                .map_or_else(|| juror.quality.clone(), |role| role.label.clone()),
        })
        .collect();
    let rows = lines
        .iter()
        .map(|line| MinutesRow {
            number: line.registration.number.clone(),
            name: line.person.shown_name(),
            birth_date: line.person.birth_date.0,
            marks: line
                .evaluations
                .iter()
                .map(|row| match (row.mark, row.origin_year) {
                    (Some(mark), Some(year)) => format!("{} (conservée, {year})", Mark::from_hundredths(mark).shown()),
                    (Some(mark), None) => Mark::from_hundredths(mark).shown(),
                    (None, _) => "absent".into(),
                })
                .collect(),
            outcome: line
                .explained
                .as_ref()
                .map(|explained| explained.outcome.agreed(&line.person.civility).to_owned())
                .unwrap_or_default(),
            note: String::new(),
        })
        .collect();
    let admitted = lines
        .iter()
        .filter(|line| line.explained.as_ref().is_some_and(|explained| explained.outcome == Outcome::Admitted))
        .map(|line| line.person.letter_name())
        .collect();
    let sheet = MinutesSheet {
        office: office_of(&academy),
        session: session.year16(),
        opened_at: shown(session, row.opened_at.0),
        sealed_at: row.sealed_at.map(|at| shown(session, at.0)),
        jury_order: view
            .order
            .as_ref()
            .map(|order| format!("Arrêté n° {} du {}", order.order_reference, french_date(order.signed_on.0)))
            .unwrap_or_default(),
        members,
        rows,
        epreuves: pack.epreuves.iter().map(|epreuve| format!("Épreuve {}", epreuve.code)).collect(),
        admitted,
        rules: vec![
            format!("Règlement : {} (version {}).", pack.title, pack.version),
            format!(
                "Seuil : {} à chaque épreuve ({}).",
                Mark::from_hundredths(pack.pass.threshold.value).shown(),
                pack.pass.threshold.law
            ),
            "Une absence n’est pas une note. Les admis sont listés par ordre alphabétique, sans rang.".into(),
        ],
        changes,
        seal: row.seal.clone(),
        president_name: row.president_name.clone(),
        simulated: db.clock().is_simulated(),
    };
    keep_one(db, session, "minutes", "pv.pdf", minutes(&sheet)?)
}

/// The list of the admitted, without rank, for the office to post once public.
///
/// # Errors
/// A refusal before the seal.
pub fn admitted_document(db: &Db, session: &SessionRow) -> Stored<DocumentRow> {
    if let Some(kept) = db.read_now(|conn| documents::find_document(conn, "admitted", &session.id))? {
        return Ok(kept);
    }
    let (academy, pack, people, row) = db.read_now(|conn| {
        Ok((
            reference::get_academy(conn, &session.academy_code)?,
            reference::rules_of(conn, &session.regulation_id)?,
            publication::admitted_people(conn, &session.id)?,
            deliberation::find_deliberation(conn, &session.id)?,
        ))
    })?;
    let Some(sealed_at) = row.and_then(|row| row.sealed_at) else {
        return Err(Refusal::new("not_sealed", "La liste des admis s’établit quand la délibération est scellée.")
            .under(deliberation::LAW)
            .into());
    };
    let sheet = OrderSheet {
        office: office_of(&academy),
        title: format!("Liste des candidats admis, session {}", session.year),
        visas: visas(&pack),
        articles: vec![(
            "Liste des admis".into(),
            vec![format!(
                "À la suite de la délibération du jury, {}, sont déclarés admis, par ordre alphabétique et sans rang :",
                shown(session, sealed_at.0)
            )],
        )],
        table: Some(SimpleTable {
            headers: vec!["Nom".into(), "Prénom".into()],
            rows: people
                .iter()
                .map(|person| {
                    vec![
                        person.usage_name.clone().unwrap_or_else(|| person.birth_name.clone()),
                        person.first_names.clone(),
                    ]
                })
                .collect(),
        }),
        place: academy.city.clone(),
        date: Academy::find(&session.academy_code)
            .map_or_else(|| today(session, db.clock()), |zone| zone.date(sealed_at.0)),
        signatory: signatory_of(&academy),
        simulated: db.clock().is_simulated(),
    };
    keep_one(db, session, "admitted", "admis.pdf", order(&sheet)?)
}

/// The texts an order rests on.
#[must_use]
pub fn visas(pack: &RegulationPack) -> Vec<String> {
    pack.texts
        .iter()
        .filter(|text| text.nor.is_some() && text.kind != "circulaire")
        .take(2)
        .map(|text| format!("Vu {} ;", lower_first(&text.title)))
        .collect()
}

fn lower_first(title: &str) -> String {
    let article = if title.starts_with("Décret") { "le " } else { "l’" };
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| format!("{article}{}{}", first.to_lowercase(), letters.as_str()))
}

pub(super) fn keep_one(
    db: &Db,
    session: &SessionRow,
    kind: &'static str,
    file_name: &str,
    bytes: Vec<u8>,
) -> Stored<DocumentRow> {
    let document = NewDocument {
        academy_code: session.academy_code.clone(),
        session_id: Some(session.id.clone()),
        subject_id: session.id.clone(),
        kind: kind.into(),
        file_name: file_name.into(),
        content_type: "application/pdf".into(),
        bytes,
    };
    keep_all(db, vec![document])?;
    db.read_now(|conn| documents::find_document(conn, kind, &session.id))?.ok_or(StoreError::NotFound)
}

/// Keeps rendered documents, a bounded batch per write.
///
/// # Errors
/// The database's own.
pub fn keep_all(db: &Db, made: Vec<NewDocument>) -> Stored<()> {
    let mut made = made.into_iter().peekable();
    while made.peek().is_some() {
        let batch: Vec<NewDocument> = made.by_ref().take(128).collect();
        db.write_now(&drawer(), Lock::House, move |tx| documents::keep_documents(tx, batch))?;
    }
    Ok(())
}

/// Renders on every core. The order of the results is the order of the facts.
///
/// # Errors
/// The first one met.
pub fn in_parallel<F: Sync, R: Send>(facts: &[F], render: impl Fn(&F) -> Stored<R> + Sync) -> Stored<Vec<R>> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(facts.len().max(1));
    let share = facts.len().div_ceil(workers).max(1);
    let render = &render;
    let parts: Vec<Stored<Vec<R>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = facts
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().map(render).collect::<Stored<Vec<R>>>()))
            .collect();
        handles
            .into_iter()
            .map(|handle| {
                handle
                    .join()
                    .unwrap_or_else(|_| Err(StoreError::Unavailable("le dessin d’un document s’est interrompu".into())))
            })
            .collect()
    });
    let mut all = Vec::with_capacity(facts.len());
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}
