//! The exam office's desk: its sessions, the opening of a new one, and the twelve steps of each with what blocks the next.
//! Every page about a session begins by `own_session`, which hides what is another academy's.

mod waiting;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::civil::{Date, DateTime};

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm, Reading};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use crate::domain::academy::{Academy, french_date};
use crate::domain::permission::{Action, Actor, OFFICE, Object, Role, may};
use crate::domain::session::{Calendar, SessionState};
use crate::store::examination::requests::local_day;
use crate::store::session::{self, OpenSession, Overview, SessionRow};
use crate::store::{Conn, Lock, StoreError, Stored, correction, reference};
use waiting::{Due, list_due};

/// The office, and the president who deliberates with it.
pub const OFFICE_AND_PRESIDENT: &[Role] = &[Role::ExamOfficer, Role::ExamOfficeHead, Role::JuryPresident];

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/gestion", Gate::Roles(OFFICE), desk)
        .get("/gestion/sessions/nouvelle", Gate::Roles(OFFICE), new)
        .post("/gestion/sessions/nouvelle", Gate::Roles(OFFICE), open)
        .get("/gestion/sessions/{id}", Gate::Roles(OFFICE), show)
}

/// The session, when the actor may do this to it; otherwise it does not exist.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn own_session(conn: &mut Conn, actor: &Actor, id: &str, action: Action) -> Stored<SessionRow> {
    let session = session::load_session(conn, id)?;
    if may(actor, action, Object::academy(&session.academy_code)) { Ok(session) } else { Err(StoreError::NotFound) }
}

/// `Session 2027`, under its desk: the beginning of every page about a session.
#[must_use]
pub fn page_of(shell: &Shell, session: &SessionRow, title: &str) -> Page {
    shell
        .page(title)
        .under("Gestion", "/gestion")
        .under(&format!("Session {}", session.year), &format!("/gestion/sessions/{}", session.id))
        .wide()
}

/// An instant in the academy's zone, as people read it.
#[must_use]
pub fn shown_instant(session: &SessionRow, at: jiff::Timestamp) -> String {
    Academy::find(&session.academy_code).map_or_else(|| at.to_string(), |academy| academy.show(at))
}

struct DeskLine {
    session: SessionRow,
    files_href: String,
    undecided_href: String,
    academy: String,
    overview: Overview,
    next: Step,
}

#[derive(Template)]
#[template(path = "session/index.html")]
struct DeskPage {
    page: Page,
    lines: Vec<DeskLine>,
    corrections: Option<i64>,
}

async fn desk(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let codes: Vec<String> = actor.academies(OFFICE).into_iter().map(str::to_owned).collect();
    let who = actor.0.clone();
    let now = app.clock().now();
    let (lines, corrections) = app
        .db
        .read(move |conn| {
            let mut lines = Vec::new();
            for code in &codes {
                for session in session::list_sessions(conn, code)? {
                    let overview = session::overview(conn, &session.id)?;
                    let steps = steps(&session, &overview, now);
                    let next = steps.into_iter().find(|step| step.tone != Tone::Success).unwrap_or_else(finished);
                    lines.push(DeskLine {
                        academy: Academy::find(code).map(|academy| academy.full_name()).unwrap_or_default(),
                        files_href: format!("/gestion/sessions/{}/dossiers", session.id),
                        undecided_href: format!("/gestion/sessions/{}/dossiers?a_decider=oui", session.id),
                        session,
                        overview,
                        next,
                    });
                }
            }
            Ok((lines, correction::count_waiting_for(conn, &who)?))
        })
        .await?;
    let page = shell.page("Gestion").heading("Tableau de bord").wide();
    page::html(&DeskPage { page, lines, corrections })
}

fn finished() -> Step {
    Step {
        label: "Session terminée".into(),
        href: String::new(),
        tone: Tone::Success,
        status: "Fait".into(),
        hint: String::new(),
    }
}

/// One step of a session on its desk.
#[derive(Debug, Clone)]
struct Step {
    label: String,
    /// Empty when nothing can be done there yet.
    href: String,
    tone: Tone,
    status: String,
    hint: String,
}

/// The steps of a session in their order, each with its state, what blocks it and where to act.
fn steps(session: &SessionRow, seen: &Overview, now: jiff::Timestamp) -> Vec<Step> {
    use SessionState as S;
    let base = format!("/gestion/sessions/{}", session.id);
    let rank = S::ALL.iter().position(|state| *state == session.state).unwrap_or(0);
    let reached = |state: S| S::ALL.iter().position(|other| *other == state).is_some_and(|at| rank >= at);
    let count = super::french::count;
    let number = |value: i64| usize::try_from(value).unwrap_or(0);
    let step = |label: &str, path: &str, tone, status: &str, hint: String| Step {
        label: label.to_owned(),
        href: if path.is_empty() { String::new() } else { format!("{base}{path}") },
        tone,
        status: status.to_owned(),
        hint,
    };
    let listed = reached(S::ListFixed);
    let open = session.calendar().is_open(now, 0);
    vec![
        if listed {
            step("Inscriptions", "/dossiers", Tone::Success, "Closes", count(number(seen.files), "dossier", "dossiers"))
        } else if open {
            let closes = format!("Clôture {}", shown_instant(session, session.registration_closes_at.0));
            step(
                "Inscriptions",
                "/import",
                Tone::Info,
                "Ouvertes",
                format!("{}. {closes}.", count(number(seen.files), "dossier reçu", "dossiers reçus")),
            )
        } else if now < session.registration_opens_at.0 {
            step(
                "Inscriptions",
                "",
                Tone::Neutral,
                "À venir",
                format!("Ouverture {}.", shown_instant(session, session.registration_opens_at.0)),
            )
        } else {
            step(
                "Inscriptions",
                "/import",
                Tone::Warning,
                "Closes",
                format!(
                    "{}\u{a0}; les dossiers reçus à temps peuvent encore être saisis.",
                    count(number(seen.files), "dossier", "dossiers")
                ),
            )
        },
        if listed {
            step(
                "Examen des dossiers",
                "/dossiers",
                Tone::Success,
                "Fait",
                format!(
                    "{}, {}.",
                    count(number(seen.admitted), "candidat admis à se présenter", "candidats admis à se présenter"),
                    count(number(seen.refused), "refus", "refus")
                ),
            )
        } else if seen.undecided > 0 {
            step(
                "Examen des dossiers",
                "/dossiers?a_decider=oui",
                Tone::Warning,
                "À décider",
                format!("{} une décision.", count(number(seen.undecided), "dossier attend", "dossiers attendent")),
            )
        } else {
            step(
                "Examen des dossiers",
                "/dossiers",
                if seen.files > 0 { Tone::Success } else { Tone::Neutral },
                if seen.files > 0 { "Fait" } else { "À venir" },
                String::new(),
            )
        },
        if listed {
            step(
                "Liste des candidats",
                "/liste",
                Tone::Success,
                "Arrêtée",
                session.list_fixed_at.map(|at| shown_instant(session, at.0)).unwrap_or_default(),
            )
        } else {
            let ready = seen.undecided == 0 && seen.files > 0 && now >= session.registration_closes_at.0;
            step(
                "Liste des candidats",
                "/liste",
                if ready { Tone::Info } else { Tone::Neutral },
                if ready { "À arrêter" } else { "Bloquée" },
                if ready {
                    String::new()
                } else {
                    "Il faut que les inscriptions soient closes et que chaque dossier soit décidé.".into()
                },
            )
        },
        if seen.jury_signed {
            step(
                "Jury et commissions",
                "/jury",
                Tone::Success,
                "Arrêté signé",
                format!(
                    "{}, {}.",
                    count(number(seen.jurors), "membre", "membres"),
                    count(number(seen.commissions), "commission", "commissions")
                ),
            )
        } else {
            step(
                "Jury et commissions",
                "/jury",
                Tone::Warning,
                "À composer",
                format!(
                    "{}, {}.",
                    count(number(seen.jurors), "membre", "membres"),
                    count(number(seen.commissions), "commission", "commissions")
                ),
            )
        },
        if seen.open_conflicts > 0 {
            step(
                "Conflits d’intérêts",
                "/conflits",
                Tone::Warning,
                "À traiter",
                count(number(seen.open_conflicts), "conflit à traiter", "conflits à traiter"),
            )
        } else {
            step(
                "Conflits d’intérêts",
                "/conflits",
                if seen.jurors > 0 { Tone::Success } else { Tone::Neutral },
                if seen.jurors > 0 { "Aucun en attente" } else { "À venir" },
                String::new(),
            )
        },
        if listed && seen.slots >= seen.slots_expected {
            step(
                "Calendrier des épreuves",
                "/calendrier",
                Tone::Success,
                "Complet",
                count(number(seen.slots), "passage", "passages"),
            )
        } else if listed {
            step(
                "Calendrier des épreuves",
                "/calendrier",
                Tone::Warning,
                "À compléter",
                format!(
                    "{} sur {}.",
                    count(number(seen.slots), "passage placé", "passages placés"),
                    seen.slots_expected
                ),
            )
        } else {
            step("Calendrier des épreuves", "", Tone::Neutral, "Après la liste", String::new())
        },
        if reached(S::Convened) {
            let failed = if seen.mails_failed > 0 {
                format!(" {} à reprendre.", count(number(seen.mails_failed), "message non remis", "messages non remis"))
            } else {
                String::new()
            };
            step(
                "Convocations",
                "/convocations",
                if seen.mails_failed > 0 { Tone::Warning } else { Tone::Success },
                "Envoyées",
                format!("{}.{failed}", count(number(seen.convoked), "passage convoqué", "passages convoqués")),
            )
        } else if listed {
            step(
                "Convocations",
                "/convocations",
                Tone::Neutral,
                "À envoyer",
                "Elles partent quand l’arrêté du jury est signé et le calendrier complet.".into(),
            )
        } else {
            step("Convocations", "", Tone::Neutral, "Après la liste", String::new())
        },
        if reached(S::Deliberation) {
            step(
                "Notes",
                "/notes",
                Tone::Success,
                "Complètes",
                count(number(seen.marks_expected), "évaluation", "évaluations"),
            )
        } else if reached(S::Convened) {
            step(
                "Notes",
                "/notes",
                if seen.marks_missing > 0 { Tone::Info } else { Tone::Success },
                if seen.marks_missing > 0 { "En cours" } else { "Complètes" },
                format!(
                    "{} sur {}.",
                    count(number(seen.marks_missing), "évaluation manque", "évaluations manquent"),
                    seen.marks_expected
                ),
            )
        } else {
            step("Notes", "", Tone::Neutral, "À venir", String::new())
        },
        if reached(S::Sealed) {
            step(
                "Délibération",
                "/deliberation",
                Tone::Success,
                "Scellée",
                count(number(seen.results_admitted), "candidat admis", "candidats admis"),
            )
        } else if reached(S::Convened) {
            step(
                "Délibération",
                "/deliberation",
                if seen.marks_missing == 0 { Tone::Info } else { Tone::Neutral },
                if reached(S::Deliberation) { "Ouverte" } else { "À ouvrir" },
                if seen.marks_missing > 0 {
                    "Toutes les évaluations doivent être saisies.".into()
                } else {
                    String::new()
                },
            )
        } else {
            step("Délibération", "", Tone::Neutral, "À venir", String::new())
        },
        match (reached(S::Published), session.publication_at) {
            (true, _) => step(
                "Publication des résultats",
                "/publication",
                Tone::Success,
                "Publiés",
                session.published_at.map(|at| shown_instant(session, at.0)).unwrap_or_default(),
            ),
            (false, Some(at)) => step(
                "Publication des résultats",
                "/publication",
                Tone::Info,
                "Programmée",
                shown_instant(session, at.0),
            ),
            (false, None) if reached(S::Sealed) => {
                step("Publication des résultats", "/publication", Tone::Warning, "À programmer", String::new())
            }
            _ => step("Publication des résultats", "", Tone::Neutral, "À venir", String::new()),
        },
        if seen.certificates > 0 && seen.certificates >= seen.results_admitted {
            step(
                "Certificats",
                "/certificats",
                Tone::Success,
                "Délivrés",
                count(number(seen.certificates), "certificat", "certificats"),
            )
        } else if reached(S::Published) {
            step(
                "Certificats",
                "/certificats",
                Tone::Warning,
                "À délivrer",
                count(
                    number(seen.results_admitted - seen.certificates),
                    "certificat à délivrer",
                    "certificats à délivrer",
                ),
            )
        } else {
            step("Certificats", "", Tone::Neutral, "À venir", String::new())
        },
    ]
}

#[derive(Template)]
#[template(path = "session/show.html")]
struct ShowPage {
    page: Page,
    session: SessionRow,
    state: &'static str,
    overview: Overview,
    steps: Vec<Step>,
    opens: String,
    closes: String,
    regulation: String,
    epreuves: String,
    due: Vec<Due>,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let now = app.clock().now();
    let (session, overview, regulation, seen) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeOffice)?;
            let overview = session::overview(conn, &session.id)?;
            let regulation = reference::rules_of(conn, &session.regulation_id)?.title.clone();
            let seen = session::waiting::count_waiting(conn, &session, local_day(&session, now))?;
            Ok((session, overview, regulation, seen))
        })
        .await?;
    let academy = Academy::find(&session.academy_code).map(|academy| academy.full_name()).unwrap_or_default();
    let page = shell
        .page(&format!("Session {}", session.year))
        .heading(&format!("Session {} – {academy}", session.year))
        .under("Gestion", "/gestion")
        .wide();
    page::html(&ShowPage {
        page,
        state: session.state.label(),
        steps: steps(&session, &overview, now),
        opens: shown_instant(&session, session.registration_opens_at.0),
        closes: shown_instant(&session, session.registration_closes_at.0),
        overview,
        regulation,
        due: list_due(&session, &actor, &seen, now),
        epreuves: format!("du {} au {}", french_date(session.epreuves_from.0), french_date(session.epreuves_to.0)),
        session,
    })
}

#[derive(Template)]
#[template(path = "session/form.html")]
struct NewPage {
    page: Page,
    form: Form,
    academies: Vec<(String, String)>,
    pieces: Vec<(String, String)>,
    regulation: String,
    zone_hint: String,
}

async fn new(State(app): State<AppState>, shell: Shell, actor: CurrentActor) -> Result<Response, AppError> {
    let form = Form::filled([("piece", ""), ("cloture_heure", "")]);
    form_page(&app, &shell, &actor, form).await
}

async fn form_page(app: &AppState, shell: &Shell, actor: &CurrentActor, form: Form) -> Result<Response, AppError> {
    let codes: Vec<String> = actor.academies(OFFICE).into_iter().map(str::to_owned).collect();
    let year = app.clock().now().to_zoned(jiff::tz::TimeZone::UTC).year() + 1;
    let pack = app
        .db
        .read(move |conn| {
            let id = reference::regulation_for_year(conn, year)?;
            reference::rules_of(conn, &id)
        })
        .await?;
    let academies: Vec<(String, String)> = codes
        .iter()
        .filter_map(|code| Academy::find(code).map(|academy| (code.clone(), academy.full_name())))
        .collect();
    let zone =
        codes.first().and_then(|code| Academy::find(code)).map(|academy| academy.time_zone.clone()).unwrap_or_default();
    let refused = form.is_refused();
    let page = shell.page("Ouvrir une session").under("Gestion", "/gestion").with_errors(refused);
    let template = NewPage {
        page,
        form,
        academies,
        pieces: pack.pieces.iter().map(|piece| (piece.code.clone(), piece.label.clone())).collect(),
        regulation: pack.title.clone(),
        zone_hint: format!("Heure de l’académie ({zone})."),
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

async fn open(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let pieces: Vec<String> = raw.all("pieces").into_iter().map(str::to_owned).collect();
    let mut reading = Reading::of(raw);
    let day = |text: &str| text.parse::<Date>().map_err(|_| "Indiquez une date complète.");
    let moment = |text: &str| text.parse::<DateTime>().map_err(|_| "Indiquez une date et une heure complètes.");
    let academy_code = reading.text("academie", "Choisissez l’académie.", 2);
    let year = reading.required("annee", "Indiquez l’année des épreuves.", |text| {
        text.parse::<i16>()
            .ok()
            .filter(|year| (2018..2100).contains(year))
            .ok_or("L’année s’écrit avec quatre chiffres, par exemple 2027.")
    });
    let opens = reading.required("ouverture", "Indiquez quand les inscriptions ouvrent.", moment);
    let closes = reading.required("cloture", "Indiquez quand les inscriptions se closent.", moment);
    let from = reading.required("epreuves_debut", "Indiquez le premier jour des épreuves.", day);
    let to = reading.required("epreuves_fin", "Indiquez le dernier jour des épreuves.", day);
    let centre_name = reading.text("centre", "Indiquez le centre des épreuves en salle.", 200);
    let academy = academy_code.as_deref().and_then(Academy::find);
    let instant = |reading: &mut Reading, field: &str, local: Option<DateTime>| {
        let at = academy?.instant(local?);
        match at {
            Ok(at) => Some(at),
            Err(refused) => {
                reading.refuse(field, refused.to_string());
                None
            }
        }
    };
    let opens_at = instant(&mut reading, "ouverture", opens);
    let closes_at = instant(&mut reading, "cloture", closes);
    let mut form = reading.into_form();
    if let (
        false,
        Some(academy_code),
        Some(year),
        Some(opens_at),
        Some(closes_at),
        Some(from),
        Some(to),
        Some(centre_name),
    ) = (form.is_refused(), academy_code, year, opens_at, closes_at, from, to, centre_name)
    {
        let calendar = Calendar {
            registration_opens_at: opens_at,
            registration_closes_at: closes_at,
            epreuves_from: from,
            epreuves_to: to,
        };
        let done = app
            .db
            .write(&actor, Lock::House, move |tx| {
                let regulation_id = reference::regulation_for_year(tx.conn, year)?;
                session::open_session(
                    tx,
                    &OpenSession { academy_code, year, calendar, centre_name, centre_uai: None, regulation_id, pieces },
                )
            })
            .await;
        match done {
            Ok(id) => {
                return Ok(
                    Flash::success(format!("La session {year} est ouverte.")).then(&format!("/gestion/sessions/{id}"))
                );
            }
            Err(StoreError::Refused(no)) => {
                let field = match no.code {
                    "calendar_registration" => "cloture",
                    "calendar_epreuves" => "epreuves_fin",
                    "calendar_order" => "epreuves_debut",
                    _ => "annee",
                };
                form.refuse(field, no.to_string());
            }
            Err(other) => return Err(other.into()),
        }
    }
    form_page(&app, &shell, &actor, form).await
}
