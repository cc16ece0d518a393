//! One file, with everything it rests on and everything done to it: eligibility line by line, pieces, requests, letters,
//! internal notes, history. Opening it says to colleagues that one is there.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, Wording};
use super::super::page::{self, CurrentActor, Page, Shell, Tone};
use super::super::registration::state_tag;
use super::super::session::{own_session, page_of, shown_instant};
use super::history::{self, Told};
use super::queue::Asked;
use super::wordings::fill_wordings;
use crate::domain::academy::french_date;
use crate::domain::eligibility::{Assessment, LineOutcome};
use crate::domain::examination::wording::WordingKind;
use crate::domain::ids::{Mark, Phone};
use crate::domain::permission::Action;
use crate::store::examination::letters::{self, LetterRow};
use crate::store::examination::requests::{self, RequestView, local_day};
use crate::store::examination::{self, NoteRow, paper, queue, seen_piece, wordings};
use crate::store::message::{self, MessageFileRow, MessageRow};
use crate::store::pieces::{self, PieceFileRow};
use crate::store::registration::{self, FileView, OPEN_STATES};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, audit, eligibility, reference};

/// The page of a file, with the filters one came from.
#[must_use]
pub fn back(session_id: &str, registration_id: &str, query: Option<&str>) -> String {
    match query.filter(|query| !query.is_empty()) {
        Some(query) => format!("/gestion/sessions/{session_id}/dossiers/{registration_id}?{query}"),
        None => format!("/gestion/sessions/{session_id}/dossiers/{registration_id}"),
    }
}

struct PieceLine {
    code: String,
    label: String,
    state: String,
    /// What this page shows of it, for whoever judges it.
    seen: String,
    /// Received for it, the latest last; what was replaced is still shown.
    files: Vec<PieceFile>,
}

struct PieceFile {
    id: String,
    name: String,
    about: String,
}

struct RequestLine {
    id: String,
    asked: String,
    due: String,
    message: String,
    pieces: Vec<(String, String)>,
    tone: Tone,
    status: &'static str,
    reminded: String,
    is_open: bool,
}

struct LetterLine {
    id: String,
    label: &'static str,
    issued: String,
    notified: String,
    in_force: bool,
    can_post: bool,
}

struct NoteLine {
    who: String,
    when: String,
    body: String,
}

struct PastDecision {
    sentence: String,
}

#[derive(Template)]
#[template(path = "examination/show.html")]
struct FilePage {
    page: Page,
    form: Form,
    view: FileView,
    assessment: Option<Assessment>,
    tone: Tone,
    status: &'static str,
    identity: Vec<(String, String)>,
    posting: Vec<(String, String)>,
    kept: Vec<String>,
    pieces: Vec<PieceLine>,
    piece_wordings: Vec<Wording>,
    request_wordings: Vec<Wording>,
    has_received: bool,
    piece_choices: Vec<(String, String)>,
    unread: i64,
    requests: Vec<RequestLine>,
    can_ask: bool,
    letters: Vec<LetterLine>,
    notes: Vec<NoteLine>,
    history: Vec<Told>,
    present: Vec<String>,
    colleagues: Vec<(String, String)>,
    care: String,
    open: bool,
    undecided: bool,
    decided: Option<String>,
    past: Vec<PastDecision>,
    refusal_wordings: Vec<Wording>,
    received: String,
    base: String,
    suffix: String,
    list_href: String,
    previous: Option<String>,
    next: Option<String>,
    /// The next file's identifier, for deciding and going on in one press.
    next_id: String,
    /// Where the view begins again, once this file has left it.
    first: Option<String>,
    place: String,
    today: String,
}

pub async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, registration_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let file = registration_id.clone();
    // A foreign file says « not found » here already.
    app.db.write(&actor, Lock::Session(id.clone()), move |tx| examination::note_presence(tx, &file)).await?;
    file_page(&app, &shell, &actor, id, registration_id, query, Form::empty()).await
}

/// What one transaction reads for the page.
struct Read {
    view: FileView,
    acts: Vec<audit::AuditRow>,
    reasons: std::collections::HashMap<String, String>,
    files: Vec<PieceFileRow>,
    requests: Vec<RequestView>,
    messages: Vec<(MessageRow, Vec<MessageFileRow>)>,
    letters: Vec<LetterRow>,
    notes: Vec<NoteRow>,
    present: Vec<String>,
    colleagues: Vec<(String, String)>,
    care: Option<(String, String)>,
    decisions: Vec<eligibility::DecisionRow>,
    wordings: Vec<wordings::WordingRow>,
    service: String,
    received: Option<String>,
    order: Vec<String>,
    proposed_due: Option<jiff::civil::Date>,
    today: jiff::civil::Date,
}

/// The file page, with a form as it was typed.
///
/// # Errors
/// Not found for a foreign file.
#[allow(clippy::too_many_lines)] // one page, read in one transaction and shown in one template
pub async fn file_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    session_id: String,
    registration_id: String,
    query: Option<String>,
    mut form: Form,
) -> Result<Response, AppError> {
    let asked = Asked::of_query(query.as_deref(), &actor.user_id)?;
    let (who, now, filter, sort) = (actor.0.clone(), app.clock().now(), asked.filter.clone(), asked.sort);
    let read = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &session_id, Action::SeeOffice)?;
            let view = registration::get_file(conn, &session.academy_code, &registration_id)?;
            if view.session.id != session.id {
                return Err(StoreError::NotFound);
            }
            let id = &registration_id;
            let today = local_day(&session, now);
            Ok(Read {
                acts: audit::list_history(conn, "registration", id)?,
                reasons: examination::list_reasons(conn, id)?,
                files: pieces::list_files(conn, id)?,
                requests: requests::list_requests(conn, id)?,
                messages: message::list_thread(conn, id)?,
                letters: letters::list_letters(conn, id)?,
                notes: examination::list_notes(conn, id)?,
                present: examination::list_present(conn, id, &who.user_id, now)?,
                colleagues: examination::list_colleagues(conn, &session.academy_code)?,
                care: examination::list_assignments(conn, std::slice::from_ref(id))?.remove(id),
                decisions: eligibility::list_decisions(conn, id)?,
                wordings: wordings::list_wordings(conn, std::slice::from_ref(&session.academy_code))?,
                service: reference::get_academy(conn, &session.academy_code)?.service,
                received: paper::find_paper(conn, id)?
                    .map(|(day, by, _)| format!("sur papier le {}, saisi par {by}", french_date(day.0))),
                order: queue::list_queue_ids(conn, &session.id, &filter, sort, today)?,
                proposed_due: requests::proposed_due(conn, &session, today)?,
                today,
                view,
            })
        })
        .await?;
    let session = &read.view.session;
    let assessment = read.view.decision.as_ref().map(registration::assessment_of).transpose()?;
    let outcome = read.view.decision.as_ref().and_then(|decision| decision.outcome.clone());
    let (tone, status) =
        state_tag(&read.view.registration.state, &read.view.registration.eligibility, outcome.is_some());
    let (person, file) = (&read.view.person, &read.view.registration);
    let phone = person
        .phone
        .as_deref()
        .map(|phone| Phone::parse(phone).map_or_else(|_| phone.to_owned(), |phone| phone.shown()));
    let identity = vec![
        ("Civilité".to_owned(), person.civility.clone()),
        ("Nom de naissance".to_owned(), person.birth_name.clone()),
        ("Nom d’usage".to_owned(), person.usage_name.clone().unwrap_or_default()),
        ("Prénom".to_owned(), person.first_names.clone()),
        ("Date de naissance".to_owned(), french_date(person.birth_date.0)),
        ("Courriel".to_owned(), person.email.clone()),
        ("Téléphone".to_owned(), phone.unwrap_or_default()),
    ];
    let posting = vec![
        ("Corps".to_owned(), file.corps.clone()),
        ("Statut".to_owned(), file.status.clone()),
        ("Titularisation ou contrat".to_owned(), file.contract_date.map(|day| french_date(day.0)).unwrap_or_default()),
        (
            "Établissement".to_owned(),
            format!("{} ({})", file.school_name, file.uai.as_deref().unwrap_or("UAI inconnu")),
        ),
        ("Département".to_owned(), file.department.clone()),
        ("Formation suivie".to_owned(), if file.trained { "oui" } else { "non" }.to_owned()),
        ("Aménagement".to_owned(), file.accommodation.clone().unwrap_or_else(|| "aucun".to_owned())),
    ];
    let kept = read
        .view
        .kept_marks
        .iter()
        .map(|row| {
            let mark = Mark::from_hundredths(row.mark).shown();
            format!("Épreuve {}\u{a0}: {mark} sur 20, session {}", row.epreuve, row.origin_year)
        })
        .collect();
    let pieces: Vec<PieceLine> = read
        .view
        .pieces
        .iter()
        .map(|(code, label, state)| {
            let files: Vec<&PieceFileRow> = read.files.iter().filter(|row| row.code == *code).collect();
            let latest = files.iter().rfind(|row| row.replaced_at.is_none()).map(|row| row.id.as_str());
            PieceLine {
                seen: seen_piece(state, latest),
                code: code.clone(),
                label: label.clone(),
                state: state.clone(),
                files: files
                    .iter()
                    .map(|row| PieceFile {
                        id: row.id.clone(),
                        name: row.file_name.clone(),
                        about: row
                            .replaced_at
                            .map(|at| format!(" (remplacé le {})", shown_instant(session, at.0)))
                            .unwrap_or_default(),
                    })
                    .collect(),
            }
        })
        .collect();
    for piece in &pieces {
        let reason = read.reasons.get(&piece.code).filter(|_| piece.state == "refused");
        form.start(&format!("etat-{}", piece.code), &piece.state);
        form.start(&format!("motif-{}", piece.code), reason.map_or("", String::as_str));
        form.start(&format!("vu-{}", piece.code), &piece.seen);
    }
    let lacking: Vec<&str> = pieces
        .iter()
        .filter(|piece| piece.state == "missing" || piece.state == "refused")
        .map(|piece| piece.label.as_str())
        .collect();
    let (name, year, wanted) = (person.letter_name(), session.year.to_string(), lacking.join(", "));
    let until = read.proposed_due.map(french_date).unwrap_or_default();
    let values = [
        ("candidat", name.as_str()),
        ("numero", file.number.as_str()),
        ("session", year.as_str()),
        ("pieces", wanted.as_str()),
        ("date", until.as_str()),
        ("service", read.service.as_str()),
    ];
    let filled = |kind: WordingKind| fill_wordings(&read.wordings, kind, &values);
    let (refusal_wordings, request_wordings) = (filled(WordingKind::FileRefusal), filled(WordingKind::PieceRequest));
    form.insert_wording("motif", &refusal_wordings);
    form.insert_wording("message", &request_wordings);
    let history = history::whole(session, &read.acts, &read.messages, &read.view.pieces);
    let decided = read.view.decision.as_ref().and_then(|decision| decision_sentence(session, decision));
    let past = read
        .decisions
        .iter()
        .filter(|decision| decision.superseded_at.is_some())
        .filter_map(|decision| decision_sentence(session, decision))
        .map(|sentence| PastDecision { sentence })
        .collect();
    let at = read.order.iter().position(|id| *id == file.id);
    let beside = |place: Option<usize>| {
        place.and_then(|place| read.order.get(place)).map(|id| back(&session.id, id, Some(&asked.query)))
    };
    let open = OPEN_STATES.contains(&session.state);
    let undecided = open && file.state == "submitted" && file.eligibility != "eligible" && outcome.is_none();
    let has_open_request = read.requests.iter().any(RequestView::is_open);
    let refused = form.is_refused();
    if form.value("echeance").is_empty()
        && let Some(due) = read.proposed_due
    {
        form.start("echeance", due.to_string());
    }
    let page = page_of(shell, session, &format!("Dossier {}", file.number))
        .under("Dossiers", &format!("/gestion/sessions/{}/dossiers", session.id))
        .heading(&format!("{} – dossier {}", person.letter_name(), file.number))
        .with_errors(refused);
    let template = FilePage {
        page,
        assessment,
        tone,
        status,
        identity,
        posting,
        kept,
        can_ask: open && file.state == "submitted" && !lacking.is_empty() && !has_open_request,
        has_received: pieces.iter().any(|piece| piece.state == "received"),
        piece_choices: pieces.iter().map(|piece| (piece.code.clone(), piece.label.clone())).collect(),
        pieces,
        piece_wordings: filled(WordingKind::PieceRefusal),
        refusal_wordings,
        request_wordings,
        unread: unread_of(&read.messages),
        requests: read.requests.iter().map(|request| request_line(session, request, read.today)).collect(),
        letters: read.letters.iter().map(|letter| letter_line(session, letter)).collect(),
        notes: read
            .notes
            .iter()
            .map(|note| NoteLine {
                who: note.author_name.clone(),
                when: shown_instant(session, note.created_at.0),
                body: note.body.clone(),
            })
            .collect(),
        history,
        present: read.present,
        colleagues: read.colleagues,
        care: read.care.map(|(id, _)| id).unwrap_or_default(),
        open,
        undecided,
        decided,
        past,
        received: read.received.unwrap_or_else(|| match file.source.as_str() {
            "import" => format!("par import {}", shown_instant(session, file.submitted_at.0)),
            "form" => format!("en ligne {}", shown_instant(session, file.submitted_at.0)),
            _ => shown_instant(session, file.submitted_at.0),
        }),
        base: format!("/gestion/sessions/{}/dossiers/{}", session.id, file.id),
        list_href: format!("/gestion/sessions/{}/dossiers{}", session.id, asked.suffix()),
        previous: beside(at.and_then(|at| at.checked_sub(1))),
        next: beside(at.map(|at| at + 1)),
        next_id: at.and_then(|at| read.order.get(at + 1)).cloned().unwrap_or_default(),
        first: if at.is_none() { beside(Some(0)) } else { None },
        place: at.map(|at| format!("{} sur {}", at + 1, read.order.len())).unwrap_or_default(),
        today: read.today.to_string(),
        suffix: asked.suffix(),
        form,
        view: read.view,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

fn unread_of(messages: &[(MessageRow, Vec<MessageFileRow>)]) -> i64 {
    let waiting = messages.iter().filter(|(row, _)| !row.from_office && row.read_at.is_none()).count();
    i64::try_from(waiting).unwrap_or(i64::MAX)
}

fn decision_sentence(session: &SessionRow, decision: &eligibility::DecisionRow) -> Option<String> {
    let at = decision.decided_at?;
    Some(format!(
        "{} par {}, {}. Motif\u{a0}: {}",
        if decision.outcome.as_deref() == Some("refused") {
            "Refus d’inscription"
        } else {
            "Dossier déclaré recevable"
        },
        decision.decided_by_name.as_deref().unwrap_or("le bureau"),
        shown_instant(session, at.0),
        decision.reasons.as_deref().unwrap_or_default()
    ))
}

fn request_line(session: &SessionRow, view: &RequestView, today: jiff::civil::Date) -> RequestLine {
    let request = &view.request;
    let (tone, status) = if view.is_answered() {
        (Tone::Success, "Répondu")
    } else if request.closed_at.is_some() {
        (Tone::Neutral, "Fermée")
    } else if request.due_on.0 < today {
        (Tone::Error, "En retard")
    } else {
        (Tone::Info, "En attente")
    };
    RequestLine {
        id: request.id.clone(),
        asked: format!("{}, par {}", shown_instant(session, request.asked_at.0), request.asked_by_name),
        due: french_date(request.due_on.0),
        message: request.message.clone(),
        pieces: view
            .pieces
            .iter()
            .map(|(label, state)| {
                let said = match state.as_str() {
                    "received" => "reçue",
                    "accepted" => "acceptée",
                    "refused" => "refusée",
                    _ => "attendue",
                };
                (label.clone(), said.to_owned())
            })
            .collect(),
        tone,
        status,
        reminded: request.reminded_at.map(|at| shown_instant(session, at.0)).unwrap_or_default(),
        is_open: view.is_open(),
    }
}

fn letter_line(session: &SessionRow, letter: &LetterRow) -> LetterLine {
    let notified = match (letter.opened_at, letter.posted_on) {
        (Some(at), _) => format!("notifiée\u{a0}: ouverte par le candidat {}", shown_instant(session, at.0)),
        (None, Some(day)) => format!("envoyée par la poste le {}", french_date(day.0)),
        (None, None) => "pas encore ouverte par le candidat".to_owned(),
    };
    LetterLine {
        id: letter.id.clone(),
        label: letter.label(),
        issued: format!("{}, par {}", shown_instant(session, letter.issued_at.0), letter.issued_by_name),
        notified,
        in_force: letter.superseded_at.is_none(),
        can_post: letter.superseded_at.is_none() && letter.posted_on.is_none(),
    }
}
