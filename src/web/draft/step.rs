//! One step of the form: shown with what was typed, saved whatever it is worth, corrected in place.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::answers::{known_label, listed};
use super::{closed_page, days, first, flat, own, own_host, page_of, typed_in};
use crate::domain::academy::Academy;
use crate::domain::registration::draft::{MEASURES, OTHER, Standing, Step, measure_of, read_step, standings};
use crate::store::draft::{self as store, DraftView};
use crate::store::{Lock, StoreError};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Flash, Page, Shell};

type Choices = Vec<(String, String)>;

/// One épreuve of the step about kept marks.
struct KeptQuestion {
    field: String,
    legend: String,
    hint: String,
    choices: Choices,
    value: String,
    session: String,
    academy: String,
}

#[derive(Template)]
#[template(path = "draft/step.html")]
struct StepPage {
    page: Page,
    form: Form,
    draft: String,
    step: Step,
    /// The saving this page was made from.
    version: u32,
    position: String,
    back: String,
    from_review: bool,
    /// Another tab saved this step meanwhile: what stands there now.
    stands: Vec<(String, String)>,
    email: String,
    is_known: bool,
    corps: Choices,
    statuses: Choices,
    departments: Choices,
    academies: Choices,
    questions: Vec<KeptQuestion>,
    has_known: bool,
    days: Choices,
    measures: Choices,
    pieces: Vec<String>,
    in_service: bool,
    school: String,
    /// What the academy's list says of the codes typed: of the posting, of the host school.
    listed: String,
    host_listed: String,
    own_law: String,
    training_law: String,
}

fn read_path(step: &str) -> Result<Step, AppError> {
    Step::from_word(step).ok_or_else(AppError::not_found)
}

pub async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((draft, step)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let step = read_path(&step)?;
    let from_review = RawForm::from_query(query.as_deref())?.trimmed("retour") == "verification";
    let view = own(&app, &actor, draft).await?;
    if !view.is_open {
        return closed_page(&app, &shell, &view, Vec::new(), false).await;
    }
    let form = form_of(&view, step);
    let template = page_for(&app, &shell, &actor, &view, step, form, from_review).await?;
    page::html(&template)
}

/// The form as it was left, with its faults; a new one begins with what the person's record already says.
fn form_of(view: &DraftView, step: Step) -> Form {
    let Some(typed) = view.answers.typed(step) else {
        let mut known: Vec<(&str, String)> = Vec::new();
        if step == Step::Identity
            && let Some(person) = &view.person
        {
            known.extend([
                ("civilite", person.civility.clone()),
                ("nom", person.birth_name.clone()),
                ("nom_usage", person.usage_name.clone().unwrap_or_default()),
                ("prenoms", person.first_names.clone()),
                ("naissance", crate::domain::ids::FrenchDate::from(person.birth_date.0).shown()),
                ("lieu_naissance", person.birth_place.clone().unwrap_or_default()),
                ("telephone", person.phone.clone().unwrap_or_default()),
            ]);
        }
        if step == Step::Action {
            known.push(("accueil", own_host(in_service(view)).to_owned()));
        }
        return Form::filled(known);
    };
    let mut form = Form::filled(flat(typed));
    for fault in read_step(step, &view.answers, &view.context()) {
        form.refuse(&fault.field, fault.sentence);
    }
    form
}

fn in_service(view: &DraftView) -> bool {
    first(&view.answers, Step::Posting, "lieu") == "service"
}

async fn page_for(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    view: &DraftView,
    step: Step,
    form: Form,
    from_review: bool,
) -> Result<StepPage, AppError> {
    let session_id = view.session.id.clone();
    let pieces = app.db.read(move |conn| crate::store::session::list_required_pieces(conn, &session_id)).await?;
    let steps: Vec<Step> = standings(&view.answers, &view.context())
        .into_iter()
        .filter(|(_, standing)| *standing != Standing::NotNeeded)
        .map(|(step, _)| step)
        .collect();
    let at = steps.iter().position(|one| *one == step).unwrap_or(0);
    let back = match at.checked_sub(1).and_then(|before| steps.get(before)) {
        _ if from_review => format!("/inscription/{}/verification", view.draft.id),
        Some(before) => format!("/inscription/{}/{before}", view.draft.id),
        None => format!("/inscription/{}", view.draft.id),
    };
    let list = |aliases: &[crate::domain::regulation::Alias]| -> Choices {
        aliases.iter().map(|alias| (alias.code.clone(), alias.label.clone())).collect()
    };
    let mut corps = list(&view.pack.corps);
    corps.push((OTHER.to_owned(), "Autre".to_owned()));
    Ok(StepPage {
        page: page_of(shell, view, step.label()).with_errors(form.is_refused()),
        draft: view.draft.id.clone(),
        version: view.answers.version(step),
        position: format!("Étape {} sur {}", at + 1, steps.len()),
        back,
        from_review,
        stands: Vec::new(),
        email: actor.email.clone(),
        is_known: view.person.is_some(),
        corps,
        statuses: list(&view.pack.statuses),
        departments: view.academy.departments.iter().map(|code| (code.clone(), code.clone())).collect(),
        academies: Academy::all().iter().map(|academy| (academy.code.clone(), academy.name.clone())).collect(),
        questions: questions(view),
        has_known: !view.known.is_empty(),
        days: days(),
        measures: MEASURES.iter().map(|(code, label)| ((*code).to_owned(), (*label).to_owned())).collect(),
        pieces: pieces.into_iter().map(|(_, label)| label).collect(),
        in_service: in_service(view),
        school: listed(&view.context(), first(&view.answers, Step::Posting, "uai"))
            .unwrap_or_else(|| first(&view.answers, Step::Posting, "etablissement").to_owned()),
        listed: listed(&view.context(), first(&view.answers, Step::Posting, "uai")).unwrap_or_default(),
        host_listed: listed(&view.context(), first(&view.answers, Step::Action, "accueil_uai")).unwrap_or_default(),
        own_law: view.pack.eligibility.own_academy.law.clone(),
        training_law: view.pack.training.required_to_sit.law.clone(),
        step,
        form,
    })
}

fn questions(view: &DraftView) -> Vec<KeptQuestion> {
    view.pack
        .epreuves
        .iter()
        .map(|epreuve| {
            let field = format!("note_{}", epreuve.code);
            let mut choices: Choices = vec![("non".to_owned(), "Je passe cette épreuve".to_owned())];
            for known in view.known.iter().filter(|known| known.epreuve.to_string() == epreuve.code) {
                let value = format!("{}-{}", known.origin, known.mark.hundredths());
                let label = known_label(&view.pack, &value).unwrap_or_default();
                choices.push((value, label));
            }
            choices
                .push(("ailleurs".to_owned(), "Je conserve une note obtenue ailleurs ou avant ce service".to_owned()));
            KeptQuestion {
                legend: format!("Épreuve {} : {}", epreuve.code, lower_first(&epreuve.title)),
                hint:
                    "Une note conservée ne se repasse pas : elle compte comme si vous l’aviez obtenue à cette session."
                        .to_owned(),
                value: format!("{field}_valeur"),
                session: format!("{field}_session"),
                academy: format!("{field}_academie"),
                field,
                choices,
            }
        })
        .collect()
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

pub async fn save(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((draft, step)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let step = read_path(&step)?;
    let view = own(&app, &actor, draft.clone()).await?;
    let typed = typed_in(&raw, step);
    let version: u32 = raw.trimmed("version").parse().unwrap_or(0);
    let from_review = raw.trimmed("retour") == "verification";
    let to_list = raw.trimmed("puis") == "liste";
    let reduced = step == Step::Accommodation
        && measure_of(raw.get("autre")) != raw.trimmed("autre")
        && !raw.trimmed("autre").is_empty();
    let (kept, id) = (typed.clone(), view.draft.id.clone());
    let saved = app
        .db
        .write(&actor, Lock::Session(view.session.id.clone()), move |tx| store::save_step(tx, &id, step, version, kept))
        .await;
    match saved {
        Ok(()) => {}
        Err(StoreError::Refused(no)) if no.code == "registration_closed" => {
            return closed_page(&app, &shell, &view, flat(&typed), true).await;
        }
        Err(StoreError::Conflict(sentence)) => {
            // Both are shown; saving again, from the version now read, is a choice made knowingly.
            let view = own(&app, &actor, draft).await?;
            let mut form = Form::filled(flat(&typed));
            form.refuse(
                "conflit",
                format!("{sentence} Comparez, puis enregistrez de nouveau pour garder votre saisie."),
            );
            let mut template = page_for(&app, &shell, &actor, &view, step, form, from_review).await?;
            template.stands = super::answers::sections(&view)
                .into_iter()
                .find(|section| section.step == step)
                .map(|section| section.rows)
                .unwrap_or_default();
            return page::html_with(axum::http::StatusCode::CONFLICT, &template);
        }
        Err(other) => return Err(other.into()),
    }
    let view = own(&app, &actor, draft).await?;
    let list = format!("/inscription/{}", view.draft.id);
    if to_list {
        return Ok(Flash::success("Votre saisie est enregistrée.").then(&list));
    }
    let form = form_of(&view, step);
    if form.is_refused() {
        let template = page_for(&app, &shell, &actor, &view, step, form, from_review).await?;
        return page::html_to_correct(&template);
    }
    let path = if from_review {
        format!("{list}/verification")
    } else {
        let needed = standings(&view.answers, &view.context());
        let next = needed
            .iter()
            .skip_while(|(one, _)| *one != step)
            .skip(1)
            .find(|(_, standing)| *standing != Standing::NotNeeded);
        next.map_or_else(|| format!("{list}/verification"), |(next, _)| format!("{list}/{next}"))
    };
    if reduced {
        return Ok(Flash::info(
            "Seule la mesure demandée est conservée : ce qui pouvait dire votre état de santé a été effacé.",
        )
        .then(&path));
    }
    Ok(page::see_other(&path))
}
