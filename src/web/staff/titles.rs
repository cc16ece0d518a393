//! What somebody holds from before this program: certificates, kept marks, equivalences. Recorded here with their
//! evidence, verified by the office, and the register of equivalences with its attestations.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::{SEES, academies_for, chosen_academy, day, get_managed, write};
use crate::domain::holder::{CheckState, EquivalenceGround};
use crate::domain::ids::Mark;
use crate::domain::permission::{Action, Object, may, roles_for};
use crate::office::equivalence::equivalence_attestation;
use crate::store::holder::{
    Check, EarlierCertificateRow, EarlierMarkRow, EquivalenceLine, EquivalenceRow, NewEarlierMark, NewHolder, Waiting,
    WaitingLine, check_equivalence, check_holder, check_kept_mark, find_equivalence, list_earlier_certificates,
    list_earlier_marks, list_equivalences, list_waiting, record_equivalence, record_holder, record_kept_mark_earlier,
};
use crate::store::people::PersonRow;
use crate::store::{StoreError, Stored, Tx};
use crate::web::AppState;
use crate::web::certificate::attachment;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm, Reading};
use crate::web::page::{CurrentActor, Flash, Page, Shell, Tone, html, html_to_correct};
use crate::web::routes::{Gate, Routes};

const RECORDS: Gate = Gate::Roles(roles_for(Action::RecordHolder));
const CHECKS: Gate = Gate::Roles(roles_for(Action::CheckHolder));
/// Lines of the register shown.
const SHOWN: i64 = 500;

pub(super) fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/personnels/equivalences", SEES, register)
        .get("/personnels/verifications", RECORDS, waiting)
        .get("/personnels/{id}/titres", RECORDS, show)
        .post("/personnels/{id}/titres/certificats", RECORDS, certificate)
        .post("/personnels/{id}/titres/notes", RECORDS, mark)
        .post("/personnels/{id}/titres/equivalences", RECORDS, equivalence)
        .post("/personnels/{id}/titres/verifications", CHECKS, verification)
        .get("/personnels/{id}/attestation-d-equivalence", SEES, attestation)
}

#[derive(Template)]
#[template(path = "staff/titles.html")]
struct TitlesPage {
    page: Page,
    person: PersonRow,
    certificates: Vec<EarlierCertificateRow>,
    marks: Vec<EarlierMarkRow>,
    equivalence: Option<EquivalenceRow>,
    grounds: Vec<(&'static str, &'static str)>,
    forms: Forms,
    sees_marks: bool,
    can_check: bool,
}

#[derive(Default)]
struct Forms {
    certificate: Form,
    mark: Form,
    equivalence: Form,
    check: Form,
}

impl Forms {
    fn refused(&self) -> &Form {
        let all = [&self.certificate, &self.mark, &self.equivalence, &self.check];
        all.into_iter().find(|form| form.is_refused()).unwrap_or(&self.check)
    }
}

impl TitlesPage {
    /// What waits for the office: its value in the form, and what it is.
    fn waiting(&self) -> Vec<(String, String)> {
        let certificates = self.certificates.iter().filter(|row| row.state == CheckState::ToVerify);
        let marks = self.marks.iter().filter(|row| row.state == CheckState::ToVerify);
        let deemed = self.equivalence.iter().filter(|row| row.state == CheckState::ToVerify);
        certificates
            .map(|row| (format!("certificat:{}", row.id), format!("Certificat de la session {}", row.year)))
            .chain(marks.map(|row| {
                let shown = Mark::from_hundredths(row.mark).shown();
                (format!("note:{}", row.id), format!("Note {shown}, épreuve {}, session {}", row.epreuve, row.year))
            }))
            .chain(
                deemed.map(|row| {
                    (format!("equivalence:{}", row.id), format!("Équivalence, {}", row.ground.short_label()))
                }),
            )
            .collect()
    }
}

async fn load(
    state: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: &str,
    forms: Forms,
) -> Result<TitlesPage, AppError> {
    let person = get_managed(state, actor, Action::RecordHolder, id).await?;
    let academy = Object::academy(&person.academy_code);
    let sees_marks = may(actor, Action::SeeMarks, academy);
    let can_check = may(actor, Action::CheckHolder, academy);
    let of = id.to_owned();
    let (certificates, marks, equivalence) = state
        .db
        .read(move |conn| {
            let marks = if sees_marks { list_earlier_marks(conn, &of)? } else { Vec::new() };
            Ok((list_earlier_certificates(conn, &of)?, marks, find_equivalence(conn, &of)?))
        })
        .await?;
    Ok(TitlesPage {
        page: shell
            .page("Titres antérieurs")
            .under("Personnels", "/personnels")
            .under(&person.shown_name(), &format!("/personnels/{id}"))
            .with_errors(forms.refused().is_refused()),
        person,
        certificates,
        marks,
        equivalence,
        grounds: EquivalenceGround::ALL.iter().map(|own| (own.as_str(), own.label())).collect(),
        forms,
        sees_marks,
        can_check,
    })
}

async fn show(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    html(&load(&state, &shell, &actor, &id, Forms::default()).await?)
}

/// One act on the page of titles: done and said, or the page again with the form to correct.
async fn act<C: Send + 'static>(
    (state, shell, actor, id): (AppState, Shell, CurrentActor, String),
    (mut form, read): (Form, Option<C>),
    command: impl FnOnce(&mut Tx<'_>, C) -> Stored<()> + Send + 'static,
    field: fn(&str) -> &'static str,
    put: fn(&mut Forms, Form),
) -> Result<Response, AppError> {
    if let Some(read) = read {
        match write(&state, &actor, move |tx| command(tx, read)).await? {
            Ok(()) => {
                return Ok(Flash::success("C’est enregistré sur la fiche.").then(&format!("/personnels/{id}/titres")));
            }
            Err(refusal) => form.refuse(field(refusal.code), refusal.to_string()),
        }
    }
    let mut forms = Forms::default();
    put(&mut forms, form);
    html_to_correct(&load(&state, &shell, &actor, &id, forms).await?)
}

fn session_year(read: &mut Reading, field: &str) -> Option<i32> {
    read.required(field, "Indiquez la session, par exemple 2019.", |text| {
        text.parse::<i32>().map_err(|_| "La session s’écrit en quatre chiffres, par exemple 2019.")
    })
}

async fn certificate(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let year = session_year(&mut read, "session");
    let number = read.free_text("numero", 40);
    let issued_on = read.optional("delivre_le", day);
    let evidence = read.text("piece", "Indiquez la pièce qui l’établit.", 300);
    let new = (|| {
        Some(NewHolder {
            person_id: id.clone(),
            year: year?,
            number: Some(number?).filter(|text| !text.is_empty()),
            issued_on: issued_on?,
            evidence: evidence?,
        })
    })();
    let field = |code: &str| match code {
        "issue_date_unlikely" => "delivre_le",
        "evidence_missing" => "piece",
        _ => "session",
    };
    let command = |tx: &mut Tx<'_>, new| record_holder(tx, &new).map(|_| ());
    act((state, shell, actor, id), (read.into_form(), new), command, field, |forms, form| forms.certificate = form)
        .await
}

async fn mark(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let year = session_year(&mut read, "session_note");
    let epreuve = read.required("epreuve", "Choisissez l’épreuve.", |text| {
        text.parse::<i32>().map_err(|_| "Choisissez l’épreuve 1 ou 2.")
    });
    let mark = read.required("note", "Saisissez la note.", Mark::parse);
    let evidence = read.text("piece_note", "Indiquez la pièce qui l’établit.", 300);
    let new = (|| {
        Some(NewEarlierMark { person_id: id.clone(), year: year?, epreuve: epreuve?, mark: mark?, evidence: evidence? })
    })();
    let field = |code: &str| match code {
        "no_such_epreuve" => "epreuve",
        "no_such_session" => "session_note",
        "evidence_missing" => "piece_note",
        _ => "note",
    };
    let command = |tx: &mut Tx<'_>, new| record_kept_mark_earlier(tx, &new).map(|_| ());
    act((state, shell, actor, id), (read.into_form(), new), command, field, |forms, form| forms.mark = form).await
}

async fn equivalence(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let ground = read.required("fondement", "Choisissez le fondement.", |text| {
        EquivalenceGround::from_word(text).ok_or("Choisissez une réponse dans la liste.")
    });
    let evidence = read.text("piece_equivalence", "Indiquez la pièce qui l’établit.", 300);
    let person = id.clone();
    let command = move |tx: &mut Tx<'_>, (ground, evidence): (EquivalenceGround, String)| {
        record_equivalence(tx, &person, ground, &evidence).map(|_| ())
    };
    let field = |code: &str| if code == "evidence_missing" { "piece_equivalence" } else { "fondement" };
    let read = (read.into_form(), ground.zip(evidence));
    act((state, shell, actor, id), read, command, field, |forms, form| forms.equivalence = form).await
}

async fn verification(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut read = Reading::of(raw);
    let what = read.text("mention", "Choisissez la mention à vérifier.", 80);
    let holds = read.required("reponse", "Choisissez la réponse.", |text| match text {
        "verifie" => Ok(true),
        "ecarte" => Ok(false),
        _ => Err("Choisissez une réponse dans la liste."),
    });
    let note = read.text("constat", "Dites quelle pièce a été vue.", 300);
    let answer = (|| Some((what?, holds?, note?)))();
    let person = id.clone();
    let command = move |tx: &mut Tx<'_>, (what, holds, note): (String, bool, String)| {
        let (kind, row) = what.split_once(':').ok_or(StoreError::NotFound)?;
        let check = Check { id: row.to_owned(), holds, note };
        let of = match kind {
            "certificat" => check_holder(tx, &check)?,
            "note" => check_kept_mark(tx, &check)?,
            "equivalence" => check_equivalence(tx, &check)?,
            _ => return Err(StoreError::NotFound),
        };
        if of == person { Ok(()) } else { Err(StoreError::NotFound) }
    };
    let field = |code: &str| if code == "note_missing" { "constat" } else { "mention" };
    act((state, shell, actor, id), (read.into_form(), answer), command, field, |forms, form| forms.check = form).await
}

// ---------------------------------------------------------------- what waits for the office

#[derive(Template)]
#[template(path = "staff/waiting.html")]
struct WaitingPage {
    page: Page,
    lines: Vec<WaitingLine>,
    academies: Vec<String>,
    academy: String,
}

async fn waiting(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::RecordHolder, query.get("academie"))?;
    let of = academy.clone();
    let lines = state.db.read(move |conn| list_waiting(conn, &of, SHOWN)).await?;
    let mut academies = academies_for(&actor, Action::RecordHolder);
    if academies.len() < 2 {
        academies.clear();
    }
    let page = shell.page("Titres à vérifier").under("Personnels", "/personnels").wide();
    html(&WaitingPage { page, lines, academies, academy })
}

impl WaitingPage {
    /// What waits, in words; a mark is named and never told.
    fn what(line: &WaitingLine) -> String {
        match line.what {
            Waiting::Certificate(year) => format!("Certificat de la session {year}"),
            Waiting::Mark(year, epreuve) => format!("Note conservée, épreuve {epreuve}, session {year}"),
            Waiting::Equivalence(ground) => format!("Équivalence, {}", ground.short_label()),
        }
    }
}

// ---------------------------------------------------------------- register of equivalences

#[derive(Template)]
#[template(path = "staff/equivalences.html")]
struct RegisterPage {
    page: Page,
    lines: Vec<EquivalenceLine>,
    academies: Vec<String>,
    academy: String,
}

async fn register(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = RawForm::from_query(query.as_deref())?;
    let academy = chosen_academy(&actor, Action::SeeStaff, query.get("academie"))?;
    let of = academy.clone();
    let lines = state.db.read(move |conn| list_equivalences(conn, &of, SHOWN)).await?;
    let mut academies = academies_for(&actor, Action::SeeStaff);
    if academies.len() < 2 {
        academies.clear();
    }
    let page = shell.page("Registre des équivalences").under("Personnels", "/personnels").wide();
    html(&RegisterPage { page, lines, academies, academy })
}

async fn attestation(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    get_managed(&state, &actor, Action::SeeStaff, &id).await?;
    let db = state.db.clone();
    let drawn = tokio::task::spawn_blocking(move || equivalence_attestation(&db, &id)).await;
    Ok(attachment(drawn.map_err(AppError::internal)??))
}

/// The tone of a verification; templates hand over references.
#[must_use]
pub fn check_tone(state: &CheckState) -> Tone {
    match state {
        CheckState::ToVerify => Tone::Warning,
        CheckState::Verified => Tone::Success,
        CheckState::Rejected => Tone::Neutral,
    }
}

/// A mark in hundredths, as screens show it.
#[must_use]
pub fn points(hundredths: &i32) -> String {
    Mark::from_hundredths(*hundredths).shown()
}
