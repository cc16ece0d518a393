//! A new version of the framework, brought in by the administrator of the platform: the file is read and every fault shown
//! with its line and column; then what changes is shown, and every old item is answered for; only then is it published.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::super::AppState;
use super::super::administration::{ADMINISTRATION, TABS};
use super::super::error::AppError;
use super::super::form::{Form, RawForm, Reading};
use super::super::page::{CurrentActor, Flash, Page, Shell, html, html_to_correct};
use super::super::routes::{Gate, Routes};
use super::super::staff::write;
use crate::domain::framework::diff::{Difference, compare};
use crate::domain::framework::mapping::{Fate, Mapping};
use crate::domain::framework::{Framework, FrameworkIdentity, Imported, read_identity};
use crate::domain::permission::{Action, Object, may, roles_for};
use crate::domain::table::{self, Finding};
use crate::store::framework::{
    Draft, FrameworkVersion, draft_framework, drop_draft, get_draft, list_frameworks, publish_draft,
};

const ADMINISTERS: Gate = Gate::Roles(roles_for(Action::ManageReference));
const PATH: &str = "/administration/referentiels";

pub(super) fn routes() -> Routes<AppState> {
    Routes::new()
        .get("/administration/referentiels", ADMINISTRATION, upload_form)
        .upload("/administration/referentiels", ADMINISTERS, upload)
        .get("/administration/referentiels/{draft}", ADMINISTERS, show)
        .post("/administration/referentiels/{draft}", ADMINISTERS, publish)
        .post("/administration/referentiels/{draft}/abandon", ADMINISTERS, abandon)
}

#[derive(Template)]
#[template(path = "framework/import.html")]
struct UploadPage {
    page: Page,
    form: Form,
    findings: Vec<Finding>,
    versions: Vec<FrameworkVersion>,
    tabs: &'static [(&'static str, &'static str)],
    /// Academy administrators read; only the platform's imports.
    can_manage: bool,
}

async fn upload_page(
    state: &AppState,
    shell: &Shell,
    form: Form,
    findings: Vec<Finding>,
) -> Result<Response, AppError> {
    let versions = state.db.read(list_frameworks).await?;
    let refused = form.is_refused();
    let page = shell.page("Versions du référentiel").under("Administration", "/administration").with_errors(refused);
    let template = UploadPage {
        page,
        form,
        findings,
        versions,
        tabs: TABS,
        can_manage: shell.actor.as_ref().is_some_and(|actor| may(actor, Action::ManageReference, Object::house())),
    };
    if refused { html_to_correct(&template) } else { html(&template) }
}

async fn upload_form(State(state): State<AppState>, shell: Shell) -> Result<Response, AppError> {
    upload_page(&state, &shell, Form::empty(), Vec::new()).await
}

async fn upload(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    raw: RawForm,
) -> Result<Response, AppError> {
    let file = raw.file("fichier").filter(|file| !file.bytes.is_empty()).cloned();
    let mut read = Reading::of(raw);
    let Some(file) = file else {
        read.refuse("fichier", "Choisissez le fichier à importer\u{a0}: il est vide ou n’a pas été reçu.");
        return upload_page(&state, &shell, read.into_form(), Vec::new()).await;
    };
    let is_json = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        || file.name.to_ascii_lowercase().ends_with(".json");
    let imported = if is_json {
        match std::str::from_utf8(&file.bytes) {
            Ok(text) => Some(Framework::read_json(text)),
            Err(_) => {
                read.refuse("fichier", "Ce fichier JSON n’est pas en UTF-8\u{a0}: enregistrez-le dans ce codage.");
                None
            }
        }
    } else {
        read_sheet(&mut read, &file.bytes)
    };
    let Some(imported) = imported else {
        return upload_page(&state, &shell, read.into_form(), Vec::new()).await;
    };
    if let Some(framework) = &imported.framework
        && let Err(sentence) = read_identity(&framework.id)
    {
        read.refuse(if is_json { "fichier" } else { "identifiant" }, sentence);
    }
    let Some(framework) = imported.framework.filter(|_| !read.is_refused()) else {
        let faults = imported.report.blocking().count();
        if faults > 0 {
            read.refuse(
                "fichier",
                format!(
                    "{}\u{a0}: corrigez le fichier et déposez-le de nouveau. Rien n’a été écrit.",
                    super::super::french::count(faults, "erreur empêche l’import", "erreurs empêchent l’import")
                ),
            );
        }
        return upload_page(&state, &shell, read.into_form(), imported.report.findings).await;
    };
    let name = file.name.clone();
    match write(&state, &actor, move |tx| draft_framework(tx, &framework, &name)).await? {
        Ok(id) => Ok(super::super::page::see_other(&format!("{PATH}/{id}"))),
        Err(refusal) => {
            read.refuse(if is_json { "fichier" } else { "identifiant" }, refusal.to_string());
            upload_page(&state, &shell, read.into_form(), Vec::new()).await
        }
    }
}

/// A spreadsheet, with the identity typed beside it; `None` when something typed is to be corrected.
fn read_sheet(read: &mut Reading, bytes: &[u8]) -> Option<Imported> {
    let id = read.required("identifiant", "Donnez l’identifiant de cette version.", read_identity);
    let number = read.required("numero", "Donnez le numéro de cette version.", |text| {
        text.parse::<u32>()
            .ok()
            .filter(|number| (1..10_000).contains(number))
            .ok_or("Le numéro de version est un nombre entier, par exemple 2.")
    });
    let title = read.text("titre", "Donnez le titre du référentiel.", 200);
    let published = read.free_text("parution", 200);
    let sheet = match table::read(bytes) {
        Ok(sheet) => Some(sheet),
        Err(refused) => {
            read.refuse("fichier", refused.to_string());
            None
        }
    };
    let identity = FrameworkIdentity {
        id: id.unwrap_or_else(|| "brouillon".to_owned()),
        version: number.unwrap_or(1),
        title: title.unwrap_or_default(),
        published: published.filter(|text| !text.is_empty()),
    };
    // The faults of the file are said even when the identity is to be corrected: one correction for both.
    Some(Framework::read_table(identity, &sheet?))
}

// ---------------------------------------------------------------- what changes, and the mapping

/// One old item to answer for.
struct Question {
    field: String,
    reason_field: String,
    code: String,
    kind: &'static str,
    label: String,
    /// What the texts propose or the nearest wording, in words.
    hint: String,
    /// Answered by the texts themselves.
    is_proposed: bool,
}

#[derive(Template)]
#[template(path = "framework/draft.html")]
struct DraftPage {
    page: Page,
    form: Form,
    id: String,
    file_name: String,
    framework: Framework,
    previous: String,
    differences: Vec<Difference>,
    /// Those that wait for an answer, then those the texts answer.
    waiting: Vec<Question>,
    proposed: Vec<Question>,
}

/// The proposal of the texts as values of the form.
fn filled(draft: &Draft) -> Form {
    let Some(previous) = &draft.previous else { return Form::empty() };
    let mapping = Mapping::proposed(previous, &draft.framework);
    Form::filled(mapping.iter().filter_map(|(code, fate)| match fate {
        Fate::Became(codes) => Some((format!("devient-{code}"), codes.join(" "))),
        Fate::Dropped(_) => None,
    }))
}

fn draft_page(shell: &Shell, id: &str, draft: Draft, form: Form) -> DraftPage {
    let previous = draft.previous.as_ref();
    let proposed = previous.map(|old| Mapping::proposed(old, &draft.framework)).unwrap_or_default();
    let questions = previous.into_iter().flat_map(Framework::items).map(|item| {
        let answer = proposed.through(item.code()).first();
        let hint = match (answer, Mapping::nearest(&item, &draft.framework)) {
            (Some(code), _) => draft.framework.find(code).map_or_else(String::new, |own| own.label().to_owned()),
            (None, Some(near)) => {
                let label = draft.framework.find(&near).map_or("", |own| own.label());
                format!("Intitulé proche\u{a0}: {near} – {label}")
            }
            (None, None) => String::new(),
        };
        Question {
            field: format!("devient-{}", item.code()),
            reason_field: format!("motif-{}", item.code()),
            code: item.code().to_owned(),
            kind: item.kind(),
            label: item.label().to_owned(),
            hint,
            is_proposed: answer.is_some(),
        }
    });
    let (proposed, waiting) = questions.partition(|question: &Question| question.is_proposed);
    DraftPage {
        page: shell
            .page(&format!("Importer «\u{a0}{}\u{a0}»", draft.framework.id))
            .under("Administration", "/administration")
            .under("Versions du référentiel", PATH)
            .with_errors(form.is_refused())
            .wide(),
        form,
        id: id.to_owned(),
        file_name: draft.file_name,
        differences: previous.map(|old| compare(old, &draft.framework)).unwrap_or_default(),
        previous: previous.map(|old| old.id.clone()).unwrap_or_default(),
        framework: draft.framework,
        waiting,
        proposed,
    }
}

async fn show(State(state): State<AppState>, shell: Shell, Path(id): Path<String>) -> Result<Response, AppError> {
    let asked = id.clone();
    let draft = state.db.read(move |conn| get_draft(conn, &asked)).await?;
    let form = filled(&draft);
    html(&draft_page(&shell, &id, draft, form))
}

/// The answers typed: codes separated by spaces, or a reason.
fn read_answers(raw: &RawForm) -> Mapping {
    let mut mapping = Mapping::default();
    for (name, value) in raw.fields() {
        let Some(code) = name.strip_prefix("devient-") else { continue };
        let codes: Vec<String> =
            value.split([' ', ',', ';', '\n', '\u{a0}']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let reason = raw.trimmed(&format!("motif-{code}"));
        if !codes.is_empty() {
            mapping.set(code, Fate::Became(codes));
        } else if !reason.is_empty() {
            mapping.set(code, Fate::Dropped(reason.chars().take(500).collect()));
        }
    }
    mapping
}

async fn publish(
    State(state): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let asked = id.clone();
    let draft = state.db.read(move |conn| get_draft(conn, &asked)).await?;
    let mapping = read_answers(&raw);
    let mut form = Form::from_raw(raw);
    if let Some(previous) = &draft.previous {
        for fault in mapping.faults(previous, &draft.framework) {
            form.refuse(&format!("devient-{}", fault.code), fault.sentence);
        }
    }
    if !form.is_refused() {
        let asked = id.clone();
        match write(&state, &actor, move |tx| publish_draft(tx, &asked, &mapping)).await? {
            Ok(version) => {
                let done = "La nouvelle version est publiée. Ce qui était enregistré sous l’ancienne y reste, et se lit dans la nouvelle par les correspondances.";
                return Ok(Flash::success(done).then(&format!("/referentiel/{version}")));
            }
            Err(refusal) => form.refuse("version", refusal.to_string()),
        }
    }
    html_to_correct(&draft_page(&shell, &id, draft, form))
}

async fn abandon(
    State(state): State<AppState>,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    match write(&state, &actor, move |tx| drop_draft(tx, &id)).await? {
        Ok(()) => Ok(Flash::info("L’import est abandonné\u{a0}: rien n’a été publié.").then(PATH)),
        Err(refusal) => Ok(Flash::warning(refusal.to_string()).then(PATH)),
    }
}
