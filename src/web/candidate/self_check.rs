//! The open page of registration: who may sit, five questions before any account, the calendar of the open sessions.
//! The answers come in the address and go with the page: nothing is written, no cookie is set, no log holds them.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::domain::academy::Academy;
use crate::domain::eligibility::Outcome;
use crate::domain::permission::Role;
use crate::domain::registration::self_check::{Answers, EVERY_MARK, NO_MARK, SelfCheck, Trained, check};
use crate::domain::regulation::{Alias, RegulationPack};
use crate::store::{reference, session};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, Page, Shell, Tone};
use crate::web::session::shown_instant;

type Choices = Vec<(String, String)>;

/// The five questions, in their order, each with what is said when its answer is missing or is none of the list.
const QUESTIONS: [(&str, &str); 5] = [
    ("corps", "Choisissez votre corps ou votre catégorie dans la liste."),
    ("statut", "Choisissez votre statut dans la liste."),
    ("academie", "Choisissez dans la liste l’académie où vous exercez."),
    ("formation", "Dites si vous avez suivi la formation préparatoire."),
    ("note", "Dites si vous avez une note à conserver, et pour quelle épreuve."),
];

struct OpenSession {
    title: String,
    closes: String,
    office: String,
}

struct Answer {
    tone: Tone,
    title: &'static str,
    label: &'static str,
    checked: SelfCheck,
    /// What to do next, in one sentence.
    next: String,
}

#[derive(Template)]
#[template(path = "candidate/inscription.html")]
struct InscriptionPage {
    page: Page,
    form: Form,
    sessions: Vec<OpenSession>,
    corps: Choices,
    statuses: Choices,
    academies: Choices,
    trained: Vec<(&'static str, &'static str)>,
    marks: Choices,
    answer: Option<Answer>,
    /// Nobody yet, or somebody whose account may apply.
    may_apply: bool,
}

pub async fn show(State(app): State<AppState>, shell: Shell, RawQuery(query): RawQuery) -> Result<Response, AppError> {
    let asked = RawForm::from_query(query.as_deref())?;
    let now = app.clock().now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year() + 1;
    let (pack, open) = app
        .db
        .read(move |conn| {
            let id = reference::regulation_for_year(conn, year)?;
            let pack = reference::rules_of(conn, &id)?;
            let mut open = Vec::new();
            for row in session::list_open_registrations(conn, now)? {
                let office = reference::get_academy(conn, &row.academy_code)?;
                open.push((row, office));
            }
            Ok((pack, open))
        })
        .await?;
    let is_answered = QUESTIONS.iter().any(|(field, _)| asked.find(field).is_some());
    let mut form = Form::from_raw(asked);
    let answer = if is_answered { answer_of(&pack, year, &mut form) } else { None };
    let answer = answer.map(|checked| {
        let here = Academy::find(form.value("academie"));
        let open_here = open.iter().find(|(row, _)| here.is_some_and(|academy| academy.code == row.academy_code));
        let next = match open_here {
            Some((row, _)) if row.registration_opens_at.0 <= now => format!(
                "Les inscriptions de votre académie sont ouvertes jusqu’au {}.",
                shown_instant(row, row.registration_closes_at.0)
            ),
            Some((row, _)) => format!(
                "Les inscriptions de votre académie ouvrent le {}.",
                shown_instant(row, row.registration_opens_at.0)
            ),
            None => "Aucune session n’est ouverte dans votre académie en ce moment\u{a0}: le recteur fixe le calendrier chaque année.".to_owned(),
        };
        let (tone, title) = match checked.outcome() {
            Outcome::Eligible => (Tone::Success, "Vous pouvez vous inscrire"),
            Outcome::RefusalProposed => (Tone::Error, "Le décret ne vous permet pas de vous présenter"),
            Outcome::ToExamine if checked.lacks_training => (Tone::Warning, "Il vous manque la formation"),
            Outcome::ToExamine => (Tone::Warning, "Votre situation est à examiner par le bureau des examens"),
        };
        Answer { tone, title, label: checked.outcome().label(), checked, next }
    });
    let sessions = open
        .into_iter()
        .map(|(row, office)| OpenSession {
            title: crate::web::draft::title_of(&row),
            closes: if now < row.registration_opens_at.0 {
                format!("Ouverture {}", shown_instant(&row, row.registration_opens_at.0))
            } else {
                format!("Jusqu’au {}", shown_instant(&row, row.registration_closes_at.0))
            },
            office: [office.service, office.phone, office.email]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
        })
        .collect();
    let choices = |aliases: &[Alias]| aliases.iter().map(|alias| (alias.code.clone(), alias.label.clone())).collect();
    let refused = form.is_refused();
    let page = shell.page("S’inscrire").heading("S’inscrire à l’examen").with_errors(refused);
    let template = InscriptionPage {
        page,
        form,
        sessions,
        corps: choices(&pack.corps),
        statuses: choices(&pack.statuses),
        academies: Academy::all().iter().map(|academy| (academy.code.clone(), academy.name.clone())).collect(),
        trained: vec![
            (Trained::Yes.as_str(), "Oui"),
            (Trained::Ongoing.as_str(), "Je la suis en ce moment"),
            (Trained::No.as_str(), "Non"),
        ],
        marks: marks(&pack),
        answer,
        may_apply: shell.actor.as_ref().is_none_or(|actor| actor.has_role(Role::Candidate)),
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

fn marks(pack: &RegulationPack) -> Choices {
    let mut choices: Choices = vec![(NO_MARK.to_owned(), "Non".to_owned())];
    choices.extend(
        pack.epreuves.iter().map(|epreuve| (epreuve.code.clone(), format!("Oui, à l’épreuve {}", epreuve.code))),
    );
    choices.push((EVERY_MARK.to_owned(), "Oui, à chaque épreuve".to_owned()));
    choices
}

/// The answers read; none, and a sentence beside each question, when one is missing or is not of its list.
fn answer_of(pack: &RegulationPack, year: i16, form: &mut Form) -> Option<SelfCheck> {
    let value = |field: &str| form.value(field).trim().to_owned();
    let corps = pack.corps.iter().find(|alias| alias.code == value("corps"));
    let status = pack.statuses.iter().find(|alias| alias.code == value("statut"));
    let academy = Academy::find(&value("academie"));
    let trained = Trained::from_word(&value("formation"));
    let note = value("note");
    let kept = marks(pack).into_iter().map(|(code, _)| code).find(|code| *code == note);
    let found = [corps.is_some(), status.is_some(), academy.is_some(), trained.is_some(), kept.is_some()];
    for ((field, sentence), _) in QUESTIONS.iter().zip(found).filter(|(_, is_found)| !is_found) {
        form.refuse(field, *sentence);
    }
    let answers =
        Answers { corps: corps?, status: status?, academy: academy?, trained: trained?, kept: kept.as_deref()? };
    Some(check(pack, year, &answers))
}
