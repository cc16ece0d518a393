//! The mails of a session, followed: to whom, in which state, what came back and why, and who opened the page they speak of.
//! Before a sending to many, the office reads what will leave, as its recipients will, and the list of them.
//! « Page ouverte » is known because the recipient signed in: no picture, no link that tells on anyone.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::invitation;
use super::page::{self, CurrentActor, Flash, Page, Pages, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of, shown_instant};
use crate::domain::academy::Academy;
use crate::domain::account::INVITATION_LASTS;
use crate::domain::ids::EmailAddress;
use crate::domain::permission::{Action, OFFICE};
use crate::mail::bounce;
use crate::mail::messages::{self, Facts, Invited, Letterhead, Message};
use crate::store::convocation::{self, Audience};
use crate::store::examination::letters;
use crate::store::invitations::InvitationFacts;
use crate::store::outbox::{self, Followed, OutboxRow};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, invitations, publication, reference};

const PER_PAGE: usize = 50;
/// Names shown under a preview; beyond, they are counted.
const NAMED: usize = 200;

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/courriels", office, list)
        .get("/gestion/sessions/{id}/courriels/apercu/{message}", office, preview)
        .get("/gestion/sessions/{id}/courriels/apercu/{message}/page.html", office, preview_page)
        .get("/gestion/sessions/{id}/courriels/{mail}", office, show)
        .post("/gestion/sessions/{id}/courriels/{mail}/renvoi", office, resend)
}

/// What a filter is called in the address and on the page.
const FILTERS: &[(&str, &str, Followed)] = &[
    ("tous", "Tous", Followed::All),
    ("attente", "En attente", Followed::Waiting),
    ("envoyes", "Envoyés", Followed::Sent),
    ("perdus", "Échoués ou revenus", Followed::Lost),
    ("lus", "Page ouverte", Followed::Read),
    ("non-lus", "Page non ouverte", Followed::Unread),
];

fn state_of(mail: &OutboxRow) -> (Tone, &'static str) {
    match (mail.state.as_str(), mail.bounced_at.is_some(), mail.read_at.is_some()) {
        ("sent", true, _) => (Tone::Error, "Revenu"),
        ("sent", false, true) => (Tone::Success, "Page ouverte"),
        ("sent", false, false) => (Tone::Info, "Envoyé"),
        ("failed", ..) => (Tone::Error, "Échec"),
        _ => (Tone::Neutral, "En attente"),
    }
}

struct Line {
    id: String,
    name: String,
    address: String,
    subject: String,
    tone: Tone,
    state: &'static str,
    when: String,
    why: String,
    lost: bool,
    is_invitation: bool,
}

fn line(session: &SessionRow, mail: &OutboxRow) -> Line {
    let (tone, state) = state_of(mail);
    let why = match (&mail.bounce_status, &mail.last_error) {
        (Some(status), _) => bounce::sentence_of(status).to_owned(),
        (None, Some(error)) if mail.state != "sent" => error.clone(),
        _ => String::new(),
    };
    let at = mail.read_at.or(mail.bounced_at).or(mail.sent_at).unwrap_or(mail.created_at);
    Line {
        id: mail.id.clone(),
        name: mail.recipient_name.clone(),
        address: mail.recipient.clone(),
        subject: mail.subject.clone(),
        tone,
        state,
        when: shown_instant(session, at.0),
        why,
        lost: mail.state == "failed" || mail.bounced_at.is_some(),
        is_invitation: mail.kind == "invitation",
    }
}

#[derive(Template)]
#[template(path = "outbox/index.html")]
struct ListPage {
    page: Page,
    session: SessionRow,
    filters: Vec<(String, String, bool)>,
    lines: Vec<Line>,
    pages: Pages,
}

async fn list(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let word = asked.trimmed("etat").to_owned();
    let (chosen, _, which) = FILTERS.iter().find(|(key, ..)| *key == word).copied().unwrap_or(FILTERS[0]);
    let number = asked.trimmed("page").to_owned();
    let who = actor.0.clone();
    let (session, counts, mails, pages) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SendConvocations)?;
            let mut counts = Vec::with_capacity(FILTERS.len());
            for (_, _, which) in FILTERS {
                counts.push(outbox::count_followed(conn, &session.id, *which)?);
            }
            let at = FILTERS.iter().position(|(key, ..)| *key == chosen).unwrap_or(0);
            let total = counts.get(at).copied().unwrap_or(0);
            let pages = Pages::new(
                &place(&session.id),
                [("etat", chosen)],
                &number,
                PER_PAGE,
                usize::try_from(total).unwrap_or(0),
            );
            let offset = i64::try_from(pages.offset()).unwrap_or(0);
            let mails = outbox::list_followed(conn, &session.id, which, PER_PAGE as i64, offset)?;
            Ok((session, counts, mails, pages))
        })
        .await?;
    let filters = FILTERS
        .iter()
        .zip(counts)
        .map(|((key, label, _), count)| {
            (format!("{label} ({count})"), format!("{}?etat={key}", place(&session.id)), *key == chosen)
        })
        .collect();
    page::html(&ListPage {
        page: page_of(&shell, &session, "Courriels"),
        filters,
        lines: mails.iter().map(|mail| line(&session, mail)).collect(),
        pages,
        session,
    })
}

fn place(session_id: &str) -> String {
    format!("/gestion/sessions/{session_id}/courriels")
}

#[derive(Template)]
#[template(path = "outbox/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    mail: Line,
    text: String,
    history: Vec<(&'static str, String)>,
    said: String,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, mail)): Path<(String, String)>,
) -> Result<Response, AppError> {
    show_page(&app, &shell, &actor, id, mail, Form::empty()).await
}

async fn show_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    mail: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, row) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SendConvocations)?;
            let row = outbox::get_session_mail(conn, &session.id, &mail)?;
            Ok((session, row))
        })
        .await?;
    let refused = form.is_refused();
    let mut history = vec![("Mis en file", shown_instant(&session, row.created_at.0))];
    for (what, at) in [("Envoyé", row.sent_at), ("Revenu", row.bounced_at), ("Page ouverte", row.read_at)] {
        history.extend(at.map(|at| (what, shown_instant(&session, at.0))));
    }
    let template = ShowPage {
        page: page_of(shell, &session, &row.subject).under("Courriels", &place(&session.id)).with_errors(refused),
        form,
        mail: line(&session, &row),
        said: row.bounce_reason.clone().unwrap_or_default(),
        // Before it leaves, its link still opens the account of whoever it is for.
        text: outbox::without_tokens(&row.body_text),
        history,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn resend(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, mail)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let address =
        reading.required("adresse", "Indiquez l’adresse à laquelle renvoyer le message.", EmailAddress::parse);
    let mut form = reading.into_form();
    if let Some(address) = address {
        let (session_id, mail_id, who) = (id.clone(), mail.clone(), actor.0.clone());
        let url = app.config.public_url.clone();
        let done = app
            .db
            .write(&actor, Lock::Session(id.clone()), move |tx| {
                let session = own_session(tx.conn, &who, &session_id, Action::SendConvocations)?;
                let head = Letterhead::of(&reference::get_academy(tx.conn, &session.academy_code)?);
                let words = |facts: &InvitationFacts<'_>| invitation::letter(facts, &head, &url);
                invitations::send_again(tx, &session_id, &mail_id, &address, &words)
            })
            .await;
        match done {
            Ok(corrected) => {
                let said = match corrected.as_slice() {
                    [] => "Le message est remis en file d’envoi.".to_owned(),
                    names => format!(
                        "Le message est remis en file d’envoi\u{a0}; l’adresse est corrigée sur la fiche de {}.",
                        names.join(", ")
                    ),
                };
                return Ok(Flash::success(said).then(&format!("{}/{mail}", place(&id))));
            }
            Err(StoreError::Refused(no)) => form.refuse("adresse", no.to_string()),
            Err(other) => return Err(other.into()),
        }
    }
    show_page(&app, &shell, &actor, id, mail, form).await
}

/// The page that mails speak of is open: written down once, and only when a mail that names it waits for it.
pub(super) async fn note_page_opened(app: &AppState, actor: &CurrentActor, page: &'static str) -> Result<(), AppError> {
    let address = actor.email.clone();
    let waits = app.db.read(move |conn| outbox::count_unread_to(conn, &address, page)).await?;
    note_opened(app, actor, page, waits).await
}

/// The same, for a page that has counted the mails among its own reads.
pub(super) async fn note_opened(
    app: &AppState,
    actor: &CurrentActor,
    page: &'static str,
    waits: i64,
) -> Result<(), AppError> {
    if waits > 0 {
        let address = actor.email.clone();
        app.db.write(actor, Lock::House, move |tx| outbox::note_read(tx, &address, page)).await?;
    }
    Ok(())
}

/// A sending to many that can be read before it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bulk {
    CandidateInvitations,
    JurorInvitations,
    AdmissionLetters,
    CandidateConvocations,
    JurorConvocations,
    Results,
}

impl Bulk {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "invitations-candidats" => Bulk::CandidateInvitations,
            "invitations-jury" => Bulk::JurorInvitations,
            "lettres-admission" => Bulk::AdmissionLetters,
            "convocations-candidats" => Bulk::CandidateConvocations,
            "convocations-jury" => Bulk::JurorConvocations,
            "resultats" => Bulk::Results,
            _ => return None,
        })
    }

    const fn title(self) -> &'static str {
        match self {
            Bulk::CandidateInvitations => "Invitations des candidats",
            Bulk::JurorInvitations => "Invitations du jury",
            Bulk::AdmissionLetters => "Lettres d’admission à se présenter",
            Bulk::CandidateConvocations => "Convocations des candidats",
            Bulk::JurorConvocations => "Convocations du jury",
            Bulk::Results => "Avis de publication des résultats",
        }
    }

    /// Where it is sent from, once read.
    const fn sent_from(self) -> (&'static str, &'static str) {
        match self {
            Bulk::CandidateInvitations | Bulk::JurorInvitations => ("invitations", "Aller aux invitations"),
            Bulk::AdmissionLetters => ("liste", "Aller à la liste"),
            Bulk::CandidateConvocations | Bulk::JurorConvocations => ("convocations", "Aller aux convocations"),
            Bulk::Results => ("publication", "Aller à la publication"),
        }
    }
}

struct Prepared {
    session: SessionRow,
    message: Message,
    /// Name and address of each recipient.
    recipients: Vec<(String, String)>,
    /// Why nothing can leave yet; empty when it may.
    blocked: String,
}

/// What would leave now: the same words and the same people as the sending itself, its link apart.
async fn prepare(app: &AppState, actor: &CurrentActor, id: String, bulk: Bulk) -> Result<Prepared, AppError> {
    let who = actor.0.clone();
    let url = app.config.public_url.clone();
    let until = app.clock().now().checked_add(INVITATION_LASTS).map_err(AppError::internal)?;
    let prepared = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SendConvocations)?;
            let head = Letterhead::of(&reference::get_academy(conn, &session.academy_code)?);
            let mut blocked = String::new();
            let recipients = match bulk {
                Bulk::CandidateInvitations => invitations::list_to_invite(conn, &session.id, false)?,
                Bulk::JurorInvitations => invitations::list_to_invite(conn, &session.id, true)?,
                Bulk::AdmissionLetters => {
                    if session.list_fixed_at.is_none() {
                        "Les lettres d’admission s’écrivent quand la liste est arrêtée.".clone_into(&mut blocked);
                    }
                    let untold = letters::list_untold(conn, &session.id)?.into_iter().map(|(_, person)| person);
                    let reachable = untold.filter(|person| session.list_fixed_at.is_some() && !person.email.is_empty());
                    reachable.map(|person| (person.letter_name(), person.email)).collect()
                }
                Bulk::CandidateConvocations | Bulk::JurorConvocations => {
                    let audience =
                        if bulk == Bulk::CandidateConvocations { Audience::Candidate } else { Audience::Juror };
                    match convocation::plan(conn, &session.id) {
                        Ok(plan) => convocation::list_pending(conn, &plan)?
                            .into_iter()
                            .filter(|sheet| sheet.audience == audience && !sheet.email.is_empty())
                            .map(|sheet| (sheet.letter_name.clone(), sheet.email.clone()))
                            .collect(),
                        Err(StoreError::Refused(no)) => {
                            blocked = no.to_string();
                            Vec::new()
                        }
                        Err(other) => return Err(other),
                    }
                }
                Bulk::Results => publication::list_to_tell(conn, &session.id)?,
            };
            let sample = recipients.first().map_or("Camille Exemple", |(name, _)| name.as_str());
            let link = match bulk {
                // The true link is made at the sending, for each, and is seen by nobody else.
                Bulk::CandidateInvitations | Bulk::JurorInvitations => format!("{url}/lien/(lien personnel)"),
                Bulk::AdmissionLetters | Bulk::CandidateConvocations | Bulk::Results => format!("{url}/mon-dossier"),
                Bulk::JurorConvocations => format!("{url}/jury"),
            };
            let facts = Facts { head: &head, name: sample, year: session.year, link: &link };
            let until = Academy::find(&session.academy_code).map(|academy| academy.show(until)).unwrap_or_default();
            let message = match bulk {
                Bulk::CandidateInvitations => messages::invitation(&facts, Invited::Candidate, &until),
                Bulk::JurorInvitations => messages::invitation(&facts, Invited::Juror, &until),
                Bulk::AdmissionLetters => messages::decision_notice(&facts),
                Bulk::CandidateConvocations => messages::convocation_candidate(&facts),
                Bulk::JurorConvocations => messages::convocation_juror(&facts),
                Bulk::Results => messages::results_published(&facts),
            };
            Ok(Prepared { session, message, recipients, blocked })
        })
        .await?;
    Ok(prepared)
}

#[derive(Template)]
#[template(path = "outbox/preview.html")]
struct PreviewPage {
    page: Page,
    blocked: String,
    subject: String,
    text: String,
    html_page: String,
    count: usize,
    recipients: Vec<(String, String)>,
    more: usize,
    go: String,
    go_label: &'static str,
}

async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, message)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let bulk = Bulk::from_word(&message).ok_or_else(AppError::not_found)?;
    let prepared = prepare(&app, &actor, id, bulk).await?;
    let session = prepared.session;
    let count = prepared.recipients.len();
    let (from, go_label) = bulk.sent_from();
    let mut recipients = prepared.recipients;
    recipients.truncate(NAMED);
    page::html(&PreviewPage {
        page: page_of(&shell, &session, &format!("Aperçu\u{a0}: {}", bulk.title()))
            .under("Courriels", &place(&session.id)),
        blocked: prepared.blocked,
        subject: prepared.message.subject,
        text: prepared.message.text,
        html_page: format!("{}/apercu/{message}/page.html", place(&session.id)),
        count,
        more: count.saturating_sub(recipients.len()),
        recipients,
        go: format!("/gestion/sessions/{}/{from}", session.id),
        go_label,
    })
}

/// The page of the mail as a mail reader shows it, in a sandbox: its own styles, nothing else.
async fn preview_page(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, message)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let bulk = Bulk::from_word(&message).ok_or_else(AppError::not_found)?;
    let prepared = prepare(&app, &actor, id, bulk).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ];
    Ok((headers, prepared.message.html).into_response())
}
