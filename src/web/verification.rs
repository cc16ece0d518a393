//! Anyone checks a certificate: by number and key, by the QR's address, or by the file itself.
//! Every certified field is shown, so that an edited paper is caught. A wrong key and an unknown number get one answer.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::form::{Form, RawForm};
use super::page::{self, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use crate::domain::academy::{Academy, french_date};
use crate::domain::certificate::{Snapshot, Verdict};
use crate::store::certificate;

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new().get("/verifier", Gate::Public, ask).upload("/verifier", Gate::Public, check_file).get(
        "/verifier/{number}",
        Gate::Public,
        check,
    )
}

#[derive(Template)]
#[template(path = "verification/index.html")]
struct AskPage {
    page: Page,
    form: Form,
}

async fn ask(State(app): State<AppState>, shell: Shell, RawQuery(query): RawQuery) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let (number, key) = (asked.trimmed("numero").to_owned(), asked.trimmed("cle").to_owned());
    let mut form = Form::from_raw(asked);
    if number.is_empty() && key.is_empty() {
        return page::html(&AskPage { page: shell.page("Vérifier un certificat"), form: Form::empty() });
    }
    if number.is_empty() {
        form.refuse("numero", "Recopiez le numéro du certificat, par exemple 22-2027-0007.");
    }
    if key.is_empty() {
        form.refuse("cle", "Recopiez la clé de contrôle imprimée à côté du numéro.");
    }
    if form.is_refused() {
        let page = shell.page("Vérifier un certificat").with_errors(true);
        return page::html_to_correct(&AskPage { page, form });
    }
    answer(&app, &shell, number, key).await
}

async fn check(
    State(app): State<AppState>,
    shell: Shell,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let key = asked.trimmed("cle").to_owned();
    answer(&app, &shell, number, key).await
}

async fn answer(app: &AppState, shell: &Shell, number: String, key: String) -> Result<Response, AppError> {
    let asked = number.clone();
    let verdict = app.db.read(move |conn| certificate::check(conn, &number, &key)).await?;
    verdict_page(shell, verdict, &asked)
}

async fn check_file(State(app): State<AppState>, shell: Shell, raw: RawForm) -> Result<Response, AppError> {
    let Some(file) = raw.file("fichier").filter(|file| !file.bytes.is_empty()) else {
        let mut form = Form::empty();
        form.refuse("fichier", "Choisissez le fichier PDF du certificat : rien n’a été reçu.");
        let page = shell.page("Vérifier un certificat").with_errors(true);
        return page::html_to_correct(&AskPage { page, form });
    };
    let bytes = file.bytes.to_vec();
    let verdict = app
        .db
        .read(move |conn| {
            let named = crate::pdf::named::named_number(&bytes);
            certificate::check_file(conn, &bytes, named.as_deref())
        })
        .await?;
    verdict_page(&shell, verdict, "")
}

#[derive(Template)]
#[template(path = "verification/show.html")]
struct VerdictPage {
    page: Page,
    tone: Tone,
    word: &'static str,
    title: &'static str,
    explanation: &'static str,
    fields: Vec<(&'static str, String)>,
    simulated: bool,
}

fn verdict_page(shell: &Shell, verdict: Verdict, asked: &str) -> Result<Response, AppError> {
    let word = verdict.word();
    let (tone, title, explanation) = match &verdict {
        Verdict::Valid(_) => (
            Tone::Success,
            "Certificat valable",
            "Ce certificat figure au registre. Comparez chaque mention ci-dessous avec le document que vous tenez : si l’une diffère, le document a été modifié.",
        ),
        Verdict::Revoked(_) => {
            (Tone::Error, "Certificat révoqué", "Ce certificat a été délivré puis révoqué : il n’a plus de valeur.")
        }
        Verdict::Replaced(_) => (
            Tone::Warning,
            "Certificat remplacé",
            "Ce certificat a été remplacé par un autre : demandez le document à jour à son titulaire.",
        ),
        Verdict::Altered => (
            Tone::Error,
            "Document modifié",
            "Ce document nomme un certificat du registre, mais son contenu n’est pas celui qui a été délivré.",
        ),
        Verdict::Unknown => (
            Tone::Neutral,
            "Certificat inconnu",
            "Aucun certificat ne correspond à ce numéro et à cette clé. Vérifiez votre saisie ; si elle est exacte, le document n’a pas été délivré par ce service.",
        ),
    };
    let mut fields = Vec::new();
    let mut simulated = false;
    if let Verdict::Valid(snapshot) | Verdict::Revoked(snapshot) | Verdict::Replaced(snapshot) = &verdict {
        fields = certified(snapshot);
        simulated = snapshot.simulated;
    } else if !asked.is_empty() {
        fields.push(("Numéro demandé", asked.chars().take(40).collect()));
    }
    let page = shell.page(title).under("Vérifier un certificat", "/verifier");
    let template = VerdictPage { page, tone, word, title, explanation, fields, simulated };
    let status = if matches!(verdict, Verdict::Unknown) { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let mut response = page::html_with(status, &template)?;
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    Ok(response)
}

/// Every certified field, in the order of the paper.
fn certified(snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let academy =
        Academy::find(&snapshot.academy_code).map_or_else(|| snapshot.academy.clone(), |academy| academy.full_name());
    vec![
        ("Civilité", snapshot.civility.clone()),
        ("Prénoms", snapshot.first_names.clone()),
        ("Nom de naissance", snapshot.birth_name.clone()),
        ("Nom d’usage", snapshot.usage_name.clone().unwrap_or_else(|| "aucun".into())),
        ("Date de naissance", french_date(snapshot.birth_date)),
        ("Lieu de naissance", snapshot.birth_place.clone().unwrap_or_else(|| "non mentionné".into())),
        ("Académie", academy),
        ("Session", snapshot.session.to_string()),
        ("Date de la délibération", french_date(snapshot.deliberated_on)),
        ("Textes", snapshot.texts.join(" ; ")),
        ("Fait à", snapshot.issued_at.clone()),
        ("Le", french_date(snapshot.issued_on)),
        (
            "Signataire",
            match &snapshot.delegation {
                Some(delegation) => format!("{}, {} ({delegation})", snapshot.signatory_name, snapshot.signatory_title),
                None => format!("{}, {}", snapshot.signatory_name, snapshot.signatory_title),
            },
        ),
        ("Numéro", snapshot.number.clone()),
        ("Clé de contrôle", snapshot.control_key.clone()),
    ]
}
