//! Acts on several files: the officer chooses, reads what would happen and what would not, then confirms once.
//! Nothing is done by the preview; a confirmation repeated has one effect.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::AppState;
use super::super::error::AppError;
use super::super::form::{Form, RawForm};
use super::super::french::count;
use super::super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::super::session::{own_session, page_of};
use super::acts::post_of;
use super::queue::Asked;
use crate::domain::academy::french_date;
use crate::domain::eligibility::decided;
use crate::domain::examination::{BulkAct, wording};
use crate::domain::permission::Action;
use crate::office::examination::Post;
use crate::store::examination::bulk::{self, BulkPlan, BulkWork};
use crate::store::examination::requests::{self, local_day};
use crate::store::examination::{self, queue};
use crate::store::outbox::NewMail;
use crate::store::people::PersonRow;
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, new_id};

struct TakenLine {
    /// `id:version`, as the confirmation sends it back.
    value: String,
    name: String,
    number: String,
    effect: String,
}

struct LeftLine {
    name: String,
    number: String,
    why: &'static str,
}

/// Refusals alike: one rule, one written ground.
struct Ground {
    field: String,
    key: String,
    law: String,
    sentence: String,
    files: usize,
}

#[derive(Template)]
#[template(path = "examination/bulk.html")]
struct BulkPage {
    page: Page,
    form: Form,
    session: SessionRow,
    act: BulkAct,
    act_id: String,
    taken: Vec<TakenLine>,
    left_out: Vec<LeftLine>,
    grounds: Vec<Ground>,
    agents: Vec<(String, String)>,
    filters: String,
    list_href: String,
    sentence: String,
    confirm: &'static str,
    /// The mail as the first of these candidates will receive it; the others differ by the name.
    mail: Option<NewMail>,
}

pub async fn preview(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let raw = RawForm::from_query(query.as_deref())?;
    let Some(act) = BulkAct::from_word(raw.trimmed("acte")) else {
        return Ok(
            Flash::warning("Choisissez une action.").then(&format!("/gestion/sessions/{id}/dossiers?vue=toutes"))
        );
    };
    let asked = Asked::of_query(Some(raw.get("filtres")), &actor.user_id)?;
    let ids: Vec<String> = raw.all("dossier").into_iter().map(str::to_owned).collect();
    let everything = raw.trimmed("tous") == "oui";
    if ids.is_empty() && !everything {
        let to = if asked.query.is_empty() { "?vue=toutes".to_owned() } else { asked.suffix() };
        return Ok(Flash::warning("Cochez au moins un dossier, puis choisissez l’action.")
            .then(&format!("/gestion/sessions/{id}/dossiers{to}")));
    }
    bulk_page(&app, &shell, &actor, id, act, Chosen { ids, everything, asked, act_id: None }, Form::empty(), None).await
}

/// The files an officer chose.
struct Chosen {
    ids: Vec<String>,
    /// All files of the view, and not those ticked.
    everything: bool,
    asked: Asked,
    act_id: Option<String>,
}

/// Grounds of the refusals, in the order they first appear.
fn grounds_of(plan: &BulkPlan) -> Vec<Ground> {
    let mut grounds: Vec<Ground> = Vec::new();
    for one in &plan.taken {
        let key = one.ground();
        if let Some(known) = grounds.iter_mut().find(|ground| ground.key == key) {
            known.files += 1;
            continue;
        }
        grounds.push(Ground {
            field: format!("motif-{}", grounds.len() + 1),
            key,
            law: one.law.clone(),
            sentence: one.sentence.clone(),
            files: 1,
        });
    }
    grounds
}

#[allow(clippy::too_many_arguments)] // what the page shows again after a refusal
async fn bulk_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    act: BulkAct,
    chosen: Chosen,
    mut form: Form,
    changed: Option<StatusCode>,
) -> Result<Response, AppError> {
    let (who, now) = (actor.0.clone(), app.clock().now());
    let url = app.config.public_url.clone();
    let (filter, sort, ids, everything) =
        (chosen.asked.filter.clone(), chosen.asked.sort, chosen.ids, chosen.everything);
    let read = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ExamineFiles)?;
            let today = local_day(&session, now);
            let ids = if everything { queue::list_queue_ids(conn, &session.id, &filter, sort, today)? } else { ids };
            let plan = bulk::preview(conn, &session, act, &ids, now)?;
            let agents = examination::list_colleagues(conn, &session.academy_code)?;
            let due = requests::proposed_due(conn, &session, today)?;
            let post = Post::of(conn, &session.academy_code, &url)?;
            let first = plan.taken.iter().map(|one| &one.line.file.person).find(|person| !person.email.is_empty());
            let mail = first.filter(|_| act.writes()).map(|person| post.of_act(act, &session, person, "aperçu"));
            Ok((session, plan, agents, due, mail))
        })
        .await;
    let (session, plan, agents, due, mail) = match read {
        Ok(read) => read,
        Err(StoreError::Refused(no)) => {
            return Err(AppError::bad_request(no.to_string()));
        }
        Err(other) => return Err(other.into()),
    };
    let grounds = if act == BulkAct::Refuse { grounds_of(&plan) } else { Vec::new() };
    if !form.is_refused() {
        if let Some(due) = due {
            form.start("echeance", due.to_string());
        }
        if act == BulkAct::Admit {
            form.start("motif", "Votre situation est de celles que le décret nomme, et votre dossier est complet.");
        }
        for ground in &grounds {
            form.start(&ground.field, decided(&ground.sentence));
        }
    }
    let files = plan.taken.len();
    let sentence = match act {
        BulkAct::Assign => format!("{} à confier.", count(files, "dossier", "dossiers")),
        BulkAct::Request => format!("{}\u{a0}: un message à chaque candidat.", count(files, "demande", "demandes")),
        BulkAct::Remind => format!("{}\u{a0}: un message à chaque candidat.", count(files, "rappel", "rappels")),
        BulkAct::Admit => format!(
            "{} à déclarer recevables\u{a0}: une lettre et un message à chacun.",
            count(files, "dossier", "dossiers")
        ),
        BulkAct::Refuse => {
            format!("{} à confirmer\u{a0}: une lettre et un message à chacun.", count(files, "refus", "refus"))
        }
    };
    let taken =
        plan.taken
            .iter()
            .map(|one| {
                let file = &one.line.file.registration;
                TakenLine {
                    value: format!("{}:{}", file.id, file.version),
                    name: one.line.file.person.shown_name(),
                    number: file.number.clone(),
                    effect: match act {
                        BulkAct::Assign => one.line.care.as_ref().map_or_else(
                            || "n’est confié à personne".to_owned(),
                            |name| format!("est confié à {name}"),
                        ),
                        BulkAct::Request => count(
                            usize::try_from(one.line.file.missing_pieces).unwrap_or(0),
                            "pièce demandée",
                            "pièces demandées",
                        ),
                        BulkAct::Remind => one
                            .line
                            .waits_until
                            .map(|due| format!("réponse attendue jusqu’au {}", french_date(due)))
                            .unwrap_or_default(),
                        BulkAct::Admit => "déclaré recevable".to_owned(),
                        BulkAct::Refuse => one.sentence.clone(),
                    },
                }
            })
            .collect();
    let left_out = plan
        .left_out
        .iter()
        .map(|(line, why)| LeftLine {
            name: line.file.person.shown_name(),
            number: line.file.registration.number.clone(),
            why,
        })
        .collect();
    let status = changed.or_else(|| form.is_refused().then_some(StatusCode::UNPROCESSABLE_ENTITY));
    let list_href = format!(
        "/gestion/sessions/{}/dossiers{}",
        session.id,
        if chosen.asked.query.is_empty() { "?vue=toutes".to_owned() } else { chosen.asked.suffix() }
    );
    let page = page_of(shell, &session, act.label())
        .under("Dossiers", &format!("/gestion/sessions/{}/dossiers", session.id))
        .with_errors(form.is_refused());
    let template = BulkPage {
        page,
        form,
        act,
        act_id: chosen.act_id.unwrap_or_else(|| new_id(now)),
        taken,
        left_out,
        grounds,
        agents,
        filters: chosen.asked.query,
        list_href,
        sentence,
        mail,
        confirm: match act {
            BulkAct::Assign => "Confier ces dossiers",
            BulkAct::Request => "Envoyer les demandes",
            BulkAct::Remind => "Envoyer les rappels",
            BulkAct::Admit => "Déclarer ces dossiers recevables",
            BulkAct::Refuse => "Confirmer ces refus",
        },
        session,
    };
    match status {
        Some(status) => page::html_with(status, &template),
        None => page::html(&template),
    }
}

pub async fn confirm(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let act = BulkAct::from_word(raw.trimmed("acte"))
        .ok_or_else(|| AppError::bad_request("L’action manque\u{a0}: revenez à la liste et choisissez-la."))?;
    let act_id = raw.trimmed("cle").to_owned();
    if act_id.is_empty() || act_id.len() > 64 {
        return Err(AppError::bad_request("L’aperçu manque\u{a0}: revenez à la liste et choisissez les dossiers."));
    }
    let files: Vec<(String, i32)> = raw
        .all("dossier")
        .into_iter()
        .filter_map(|value| {
            let (file, version) = value.rsplit_once(':')?;
            Some((file.to_owned(), version.parse().ok()?))
        })
        .collect();
    let ids: Vec<String> = files.iter().map(|(file, _)| file.clone()).collect();
    let asked = Asked::of_query(Some(raw.get("filtres")), &actor.user_id)?;
    let mut form = Form::from_raw(raw.clone());
    let work = match act {
        BulkAct::Assign => BulkWork::Assign(Some(raw.trimmed("agent").to_owned()).filter(|who| !who.is_empty())),
        BulkAct::Remind => BulkWork::Remind,
        BulkAct::Request => {
            let due = raw.trimmed("echeance").parse::<jiff::civil::Date>();
            if due.is_err() {
                form.refuse("echeance", "Indiquez jusqu’à quand les candidats peuvent répondre.");
            }
            let message = raw.trimmed("message").to_owned();
            if message.chars().count() > wording::LONGEST {
                form.refuse("message", "Le message est trop long\u{a0}: 2 000 lettres au plus.");
            }
            BulkWork::Request { due_on: due.unwrap_or(jiff::civil::Date::ZERO), message }
        }
        BulkAct::Admit => BulkWork::Admit { reasons: written(&mut form, &raw, "motif") },
        BulkAct::Refuse => {
            let mut reasons = HashMap::new();
            for (name, ground) in raw.fields().filter_map(|(name, key)| Some((name.strip_prefix("regle-")?, key))) {
                reasons.insert(ground.to_owned(), written(&mut form, &raw, &format!("motif-{name}")));
            }
            BulkWork::Refuse { reasons }
        }
    };
    let chosen =
        |act_id: String| Chosen { ids: ids.clone(), everything: false, asked: asked.clone(), act_id: Some(act_id) };
    if form.is_refused() {
        return bulk_page(&app, &shell, &actor, id, act, chosen(act_id), form, None).await;
    }
    let post = post_of(&app, &actor, &id).await?;
    let (session_id, key, taken) = (id.clone(), act_id.clone(), files.clone());
    let done = app
        .db
        .write(&actor, Lock::Session(id.clone()), move |tx| {
            let notify = |session: &SessionRow, person: &PersonRow, key: &str| post.of_act(act, session, person, key);
            bulk::carry_out(tx, &key, &session_id, &taken, &work, &notify)
        })
        .await;
    match done {
        Ok(done) => {
            let files = count(usize::try_from(done.files).unwrap_or(0), "dossier", "dossiers");
            let to = if asked.query.is_empty() { "?vue=toutes".to_owned() } else { asked.suffix() };
            let said = if done.was_done {
                Flash::info(format!("Cette action était déjà faite, sur {files}\u{a0}: elle n’a pas été répétée."))
            } else if done.left_out.is_empty() {
                Flash::success(format!("{}\u{a0}: fait pour {files}.", act.label()))
            } else {
                Flash::warning(format!(
                    "{}\u{a0}: fait pour {files}. {}",
                    act.label(),
                    left_out_sentence(&done.left_out)
                ))
            };
            Ok(said.then(&format!("/gestion/sessions/{id}/dossiers{to}")))
        }
        Err(StoreError::Refused(no)) => {
            form.refuse(field_of(act), no.to_string());
            bulk_page(&app, &shell, &actor, id, act, chosen(act_id), form, None).await
        }
        Err(StoreError::Conflict(sentence)) => {
            form.refuse(field_of(act), sentence);
            // A new preview is a new act.
            let again = Chosen { act_id: None, ..chosen(String::new()) };
            bulk_page(&app, &shell, &actor, id, act, again, form, Some(StatusCode::CONFLICT)).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Files left out are named, as many as a message holds.
const NAMED: usize = 12;

fn left_out_sentence(left_out: &[(String, &'static str)]) -> String {
    let named: Vec<String> = left_out.iter().take(NAMED).map(|(number, why)| format!("{number} ({why})")).collect();
    let more = match left_out.len().saturating_sub(NAMED) {
        0 => String::new(),
        1 => " et 1 autre".to_owned(),
        many => format!(" et {many} autres"),
    };
    let said = if left_out.len() == 1 {
        "Laissé de côté, sans rien y changer"
    } else {
        "Laissés de côté, sans rien y changer"
    };
    format!("{said}\u{a0}: {}{more}.", named.join(", "))
}

/// The field beside which a refusal of the whole act is shown.
const fn field_of(act: BulkAct) -> &'static str {
    match act {
        BulkAct::Assign => "agent",
        BulkAct::Request => "echeance",
        BulkAct::Remind => "dossiers",
        BulkAct::Admit => "motif",
        BulkAct::Refuse => "motif-1",
    }
}

fn written(form: &mut Form, raw: &RawForm, field: &str) -> String {
    let text = raw.trimmed(field);
    let letters = text.chars().count();
    if letters < 10 {
        form.refuse(field, "Motivez la décision en une phrase au moins\u{a0}: le motif figurera dans la lettre.");
    } else if letters > wording::LONGEST {
        form.refuse(field, "Le motif est trop long\u{a0}: 2 000 lettres au plus.");
    }
    text.to_owned()
}
