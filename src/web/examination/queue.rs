//! The queue of files: filters that stay in the address, counts that come from the same filters, views kept by name.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, RawForm};
use super::super::page::{self, CurrentActor, Flash, Page, Pages, Shell, Tone};
use super::super::registration::state_tag;
use super::super::session::{own_session, page_of};
use crate::domain::academy::Academy;
use crate::domain::examination::BulkAct;
use crate::domain::permission::Action;
use crate::store::examination::queue::{self, Care, QueueFilter, Sort};
use crate::store::examination::requests::local_day;
use crate::store::examination::{self, views};
use crate::store::registration::OPEN_STATES;
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, reference, session};

/// Fields of the filter, in the order they take in an address.
const FIELDS: [&str; 13] = [
    "nom",
    "etat",
    "recevabilite",
    "categorie",
    "departement",
    "piece",
    "a_decider",
    "attente",
    "retard",
    "non_lu",
    "notes",
    "agent",
    "tri",
];

/// The value of `piece` that means any of them.
const ANY: &str = "toutes";

/// What an address asks of the queue.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub filter: QueueFilter,
    pub sort: (Sort, bool),
    /// The filters alone, as an address holds them: neither page nor anything else.
    pub query: String,
}

impl Asked {
    /// Reads the fields of a filter; what is not understood is left out, so that an old address still opens.
    #[must_use]
    pub fn of(raw: &RawForm, user_id: &str) -> Self {
        let some = |name: &str| Some(raw.trimmed(name).to_owned()).filter(|value| !value.is_empty());
        let yes = |name: &str| raw.trimmed(name) == "oui";
        let filter = QueueFilter {
            name: some("nom"),
            state: some("etat"),
            proposal: some("recevabilite"),
            category: some("categorie"),
            department: some("departement"),
            missing: some("piece").map(|code| if code == ANY { String::new() } else { code }),
            undecided: yes("a_decider"),
            awaiting: yes("attente"),
            late: yes("retard"),
            unread: yes("non_lu"),
            claims: yes("notes"),
            care: some("agent").map(|who| match who.as_str() {
                "moi" => Care::User(user_id.to_owned()),
                "personne" => Care::Nobody,
                _ => Care::User(who),
            }),
        };
        let sorted = raw.trimmed("tri");
        let word = sorted.strip_prefix('-').unwrap_or(sorted);
        let sort = (Sort::from_word(word).unwrap_or_default(), sorted.starts_with('-'));
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in FIELDS {
            if let Some(value) = some(name) {
                query.append_pair(name, &value);
            }
        }
        Asked { filter, sort, query: query.finish() }
    }

    /// Reads the filters that an address carries.
    ///
    /// # Errors
    /// For text that is not UTF-8.
    pub fn of_query(query: Option<&str>, user_id: &str) -> Result<Self, AppError> {
        Ok(Self::of(&RawForm::from_query(query)?, user_id))
    }

    /// `?etat=submitted`, or nothing.
    #[must_use]
    pub fn suffix(&self) -> String {
        if self.query.is_empty() { String::new() } else { format!("?{}", self.query) }
    }
}

/// A view that the program offers, with how many files it holds.
struct Offered {
    label: &'static str,
    href: String,
    count: i64,
    is_current: bool,
}

/// Label and address of each offered view.
const OFFERED: [(&str, &str); 8] = [
    ("Tous", ""),
    ("À décider", "a_decider=oui"),
    ("Pièces manquantes", "piece=toutes"),
    ("Réponse attendue", "attente=oui"),
    ("En retard", "retard=oui"),
    ("Messages à lire", "non_lu=oui"),
    ("À moi", "agent=moi"),
    ("À personne", "agent=personne"),
];

struct Line {
    id: String,
    name: String,
    number: String,
    corps: String,
    school: String,
    tone: Tone,
    status: &'static str,
    missing: i64,
    care: String,
    waits: String,
    is_late: bool,
    unread: i64,
}

struct Kept {
    id: String,
    name: String,
    href: String,
    is_default: bool,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "examination/index.html")]
struct QueuePage {
    page: Page,
    form: Form,
    session: SessionRow,
    lines: Vec<Line>,
    pages: Pages,
    offered: Vec<Offered>,
    kept: Vec<Kept>,
    states: &'static [(&'static str, &'static str)],
    proposals: &'static [(&'static str, &'static str)],
    departments: Vec<(String, String)>,
    categories: Vec<(String, String)>,
    pieces: Vec<(String, String)>,
    agents: Vec<(String, String)>,
    acts: Vec<(String, String)>,
    /// `nom` or `-nom`, for the headers.
    sort: String,
    /// Address of the list up to `tri=`.
    sort_base: String,
    /// The filters in the address, for the links to the files.
    suffix: String,
    /// Address of the queue as a spreadsheet, but for its ending.
    sheet: String,
    query: String,
    open: bool,
    total: usize,
}

const STATES: &[(&str, &str)] =
    &[("submitted", "Reçu"), ("admitted", "Admis à se présenter"), ("refused", "Refusé"), ("withdrawn", "Retiré")];
const PROPOSALS: &[(&str, &str)] =
    &[("eligible", "Recevable"), ("refusal_proposed", "Refus proposé"), ("to_examine", "À instruire")];
const PER_PAGE: usize = 50;

pub async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let is_bare = query.as_deref().unwrap_or("").is_empty();
    let raw = RawForm::from_query(query.as_deref())?;
    queue_page(&app, &shell, &actor, id, raw, is_bare, None).await
}

#[allow(clippy::too_many_lines)] // one page, read in one transaction and shown in one template
async fn queue_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    raw: RawForm,
    is_bare: bool,
    refused: Option<String>,
) -> Result<Response, AppError> {
    let user_id = actor.user_id.clone();
    let asked = Asked::of(&raw, &user_id);
    let path = format!("/gestion/sessions/{id}/dossiers");
    let number = raw.trimmed("page").to_owned();
    let (who, now, me, wanted, at) = (actor.0.clone(), app.clock().now(), user_id.clone(), asked.clone(), path.clone());
    let read = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::SeeOffice)?;
            let kept = views::list_views(conn, &me)?;
            let today = local_day(&session, now);
            let filters = OFFERED
                .iter()
                .map(|(_, query)| Asked::of_query(Some(query), &me).map(|asked| asked.filter))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| StoreError::Broken("vue proposée illisible".into()))?;
            let counts = queue::count_views(conn, &session.id, &filters, today)?;
            let total = queue::count_queue(conn, &session.id, &wanted.filter, today)?;
            let fields = form_urlencoded::parse(wanted.query.as_bytes()).into_owned().collect::<Vec<_>>();
            let pages = Pages::new(
                &at,
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())),
                &number,
                PER_PAGE,
                usize::try_from(total).unwrap_or(0),
            );
            let window = (PER_PAGE as i64, i64::try_from(pages.offset()).unwrap_or(0));
            let lines = queue::list_queue(conn, &session.id, &wanted.filter, wanted.sort, today, window)?;
            let pieces = session::list_required_pieces(conn, &session.id)?;
            let pack = reference::rules_of(conn, &session.regulation_id)?;
            let colleagues = examination::list_colleagues(conn, &session.academy_code)?;
            Ok((session, kept, counts, pages, lines, pieces, pack, colleagues, today))
        })
        .await?;
    let (session, kept, counts, pages, lines, pieces, pack, colleagues, today) = read;
    if let (true, Some(view)) = (is_bare, kept.iter().find(|view| view.is_default && !view.query.is_empty())) {
        // The officer's own default view; « Tous » shows everything again.
        return Ok(page::see_other(&format!("{path}?{}", view.query)));
    }
    let lines = lines
        .into_iter()
        .map(|line| {
            let file = line.file.registration;
            let (tone, status) = state_tag(&file.state, &file.eligibility, line.is_decided);
            Line {
                name: line.file.person.shown_name(),
                corps: format!("{}, {}", file.corps, file.status),
                school: format!("{} ({})", file.school_name, file.department),
                number: file.number,
                id: file.id,
                tone,
                status,
                missing: line.file.missing_pieces,
                care: line.care.unwrap_or_default(),
                waits: line.waits_until.map(super::super::french::short_date).unwrap_or_default(),
                is_late: line.waits_until.is_some_and(|due| due < today),
                unread: line.unread,
            }
        })
        .collect();
    let offered = OFFERED
        .iter()
        .zip(counts)
        .map(|((label, query), count)| Offered {
            label,
            // « Tous » says so: a bare address opens the default view.
            href: if query.is_empty() { format!("{path}?vue=toutes") } else { format!("{path}?{query}") },
            count,
            is_current: asked.query == *query,
        })
        .collect();
    let kept = kept
        .into_iter()
        .map(|view| Kept {
            href: format!("{path}?{}", if view.query.is_empty() { "vue=toutes" } else { &view.query }),
            is_current: view.query == asked.query,
            id: view.id,
            name: view.name,
            is_default: view.is_default,
        })
        .collect();
    let mut agents = vec![("moi".to_owned(), "Moi".to_owned()), ("personne".to_owned(), "Personne".to_owned())];
    agents.extend(colleagues.into_iter().filter(|(id, _)| *id != user_id));
    let mut wanted_pieces = vec![(ANY.to_owned(), "N’importe laquelle".to_owned())];
    wanted_pieces.extend(pieces);
    let unsorted: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form_urlencoded::parse(asked.query.as_bytes()).filter(|(name, _)| name != "tri"))
        .finish();
    let sort_base = if unsorted.is_empty() { format!("{path}?tri=") } else { format!("{path}?{unsorted}&tri=") };
    let (sort, reversed) = asked.sort;
    let mut form = Form::from_raw(raw);
    if let Some(sentence) = &refused {
        form.refuse("vue_nom", sentence.clone());
    }
    let page = page_of(shell, &session, "Dossiers").with_errors(refused.is_some());
    let template = QueuePage {
        page,
        form,
        lines,
        total: pages.total,
        pages,
        offered,
        kept,
        states: STATES,
        proposals: PROPOSALS,
        departments: Academy::find(&session.academy_code)
            .map(|academy| academy.departments.iter().map(|code| (code.clone(), code.clone())).collect())
            .unwrap_or_default(),
        categories: pack.categories.iter().map(|one| (one.code.clone(), one.label.clone())).collect(),
        pieces: wanted_pieces,
        agents,
        acts: BulkAct::ALL.iter().map(|act| (act.as_str().to_owned(), act.label().to_owned())).collect(),
        sort: format!("{}{sort}", if reversed { "-" } else { "" }),
        sort_base,
        suffix: asked.suffix(),
        sheet: format!("/gestion/sessions/{}/exports/queue", session.id),
        query: asked.query,
        open: OPEN_STATES.contains(&session.state),
        session,
    };
    if refused.is_some() { page::html_to_correct(&template) } else { page::html(&template) }
}

/// Keeps the present filters under a name.
pub async fn save(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let asked = Asked::of_query(Some(raw.get("filtres")), &actor.user_id)?;
    let (name, is_default) = (raw.trimmed("vue_nom").to_owned(), raw.trimmed("par_defaut") == "oui");
    let (who, session_id, query) = (actor.0.clone(), id.clone(), asked.query.clone());
    let done = app
        .db
        .write(&actor, Lock::House, move |tx| {
            own_session(tx.conn, &who, &session_id, Action::SeeOffice)?;
            views::save_view(tx, &name, &query, is_default)
        })
        .await;
    match done {
        Ok(()) => {
            let to = if asked.query.is_empty() { "?vue=toutes".to_owned() } else { asked.suffix() };
            Ok(Flash::success("La vue est enregistrée.").then(&format!("/gestion/sessions/{id}/dossiers{to}")))
        }
        Err(StoreError::Refused(no)) => {
            let mut shown = RawForm::from_query(Some(&asked.query))?;
            shown.push("vue_nom", raw.trimmed("vue_nom"));
            queue_page(&app, &shell, &actor, id, shown, false, Some(no.to_string())).await
        }
        Err(other) => Err(other.into()),
    }
}

pub async fn forget(
    State(app): State<AppState>,
    actor: CurrentActor,
    Path((id, view)): Path<(String, String)>,
) -> Result<Response, AppError> {
    app.db.write(&actor, Lock::House, move |tx| views::drop_view(tx, &view)).await?;
    Ok(Flash::success("La vue est supprimée.").then(&format!("/gestion/sessions/{id}/dossiers?vue=toutes")))
}
