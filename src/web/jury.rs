//! The office composes the jury: members, commissions, presidency, and the order whose signature closes all of it.
//! What blocks the signature is shown before anyone signs, with its text. Conflicts of interest have their own page.

mod conflicts;
mod member;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::civil::Date;

use super::AppState;
use super::error::AppError;
use super::exchange::session_routes;
use super::form::{Form, RawForm, Reading};
use super::page::{self, CurrentActor, Flash, Page, Shell, Tone};
use super::routes::{Gate, Routes};
use super::session::{own_session, page_of};
use crate::domain::academy::french_date;
use crate::domain::exchange::ImportKind;
use crate::domain::jury::Severity;
use crate::domain::permission::{Action, OFFICE};
use crate::domain::regulation::RegulationPack;
use crate::store::jury::{self, JuryView};
use crate::store::session::SessionRow;
use crate::store::{Lock, StoreError, Stored, Tx, reference};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/jury", office, show)
        .post("/gestion/sessions/{id}/jury/presidence", office, name_president)
        .post("/gestion/sessions/{id}/jury/commissions", office, make_commission)
        .post("/gestion/sessions/{id}/jury/commissions/{commission}/membres", office, seat)
        .post("/gestion/sessions/{id}/jury/commissions/{commission}/retraits", office, unseat)
        .post("/gestion/sessions/{id}/jury/commissions/{commission}/dissolution", office, dissolve)
        .post("/gestion/sessions/{id}/jury/arrete", office, sign)
        .post("/gestion/sessions/{id}/jury/arrete-modificatif", office, amend)
        .merge(session_routes(
            ImportKind::Jurors,
            [
                "/gestion/sessions/{id}/jury/import",
                "/gestion/sessions/{id}/jury/import/{draft}",
                "/gestion/sessions/{id}/jury/import/{draft}/colonnes",
            ],
        ))
        .merge(member::routes())
        .merge(conflicts::routes())
}

/// The French name of a quality.
fn quality_label(pack: &RegulationPack, code: &str) -> String {
    pack.jury.roles.iter().find(|role| role.code == code).map_or_else(|| code.to_owned(), |role| role.label.clone())
}

fn availability_tag(word: &str) -> (Tone, &'static str) {
    match word {
        "available" => (Tone::Success, "Disponible"),
        "unavailable" => (Tone::Error, "Indisponible"),
        _ => (Tone::Neutral, "Sans réponse"),
    }
}

struct MemberLine {
    id: String,
    name: String,
    quality: String,
    school: String,
    commissions: String,
    is_president: bool,
    availability: (Tone, &'static str),
}

struct SeatLine {
    juror_id: String,
    name: String,
    quality: String,
    is_chair: bool,
}

struct CommissionBlock {
    id: String,
    label: String,
    slots: i64,
    seats: Vec<SeatLine>,
    /// Members who may still join it.
    others: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "jury/show.html")]
struct ShowPage {
    page: Page,
    form: Form,
    session: SessionRow,
    members: Vec<MemberLine>,
    choices: Vec<(String, String)>,
    commissions: Vec<CommissionBlock>,
    observations: Vec<(Tone, &'static str, String, String)>,
    blocks: bool,
    standing: usize,
    order: Option<String>,
    open: bool,
}

async fn show(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    show_page(&app, &shell, &actor, id, Form::empty()).await
}

/// The page, with a refused form as it was typed.
async fn show_page(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    form: Form,
) -> Result<Response, AppError> {
    let who = actor.0.clone();
    let (session, pack, view) = app
        .db
        .read(move |conn| {
            let session = own_session(conn, &who, &id, Action::ManageJury)?;
            let pack = reference::rules_of(conn, &session.regulation_id)?;
            let view = jury::get_jury(conn, &session)?;
            Ok((session, pack, view))
        })
        .await?;
    let refused = form.is_refused();
    let president = view.members.iter().find(|juror| juror.is_president).map(|juror| juror.id.clone());
    let form = if refused { form } else { Form::filled([("presidence", president.unwrap_or_default())]) };
    let page = page_of(shell, &session, "Jury et commissions").with_errors(refused);
    let order =
        view.order.as_ref().map(|order| format!("{} du {}", order.order_reference, french_date(order.signed_on.0)));
    let template = ShowPage {
        page,
        form,
        members: members(&pack, &view),
        choices: view.members.iter().map(|juror| (juror.id.clone(), juror.shown_name())).collect(),
        commissions: commissions(&pack, &view),
        blocks: view.conformity.iter().any(|one| one.severity == Severity::Blocks),
        observations: view
            .conformity
            .iter()
            .map(|one| match one.severity {
                Severity::Blocks => (Tone::Error, "Bloque", one.sentence.clone(), one.law.clone()),
                Severity::Warns => (Tone::Warning, "Avertit", one.sentence.clone(), one.law.clone()),
            })
            .collect(),
        standing: view.conflicts.iter().filter(|one| one.conflict.dismissed_at.is_none()).count(),
        open: order.is_none(),
        order,
        session,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

fn members(pack: &RegulationPack, view: &JuryView) -> Vec<MemberLine> {
    view.members
        .iter()
        .map(|juror| {
            let seated = view.commissions.iter().filter(|one| one.seats.iter().any(|seat| seat.juror.id == juror.id));
            MemberLine {
                id: juror.id.clone(),
                name: juror.shown_name(),
                quality: quality_label(pack, &juror.quality),
                school: juror.school_name.clone().or_else(|| juror.uai.clone()).unwrap_or_default(),
                commissions: seated.map(|one| one.commission.label.as_str()).collect::<Vec<_>>().join(", "),
                is_president: juror.is_president,
                availability: availability_tag(&juror.availability),
            }
        })
        .collect()
}

fn commissions(pack: &RegulationPack, view: &JuryView) -> Vec<CommissionBlock> {
    view.commissions
        .iter()
        .map(|one| CommissionBlock {
            id: one.commission.id.clone(),
            label: one.commission.label.clone(),
            slots: one.slots,
            seats: one
                .seats
                .iter()
                .map(|seat| SeatLine {
                    juror_id: seat.juror.id.clone(),
                    name: seat.juror.shown_name(),
                    quality: quality_label(pack, &seat.juror.quality),
                    is_chair: seat.is_chair,
                })
                .collect(),
            others: view
                .members
                .iter()
                .filter(|juror| {
                    juror.availability != "unavailable" && !one.seats.iter().any(|seat| seat.juror.id == juror.id)
                })
                .map(|juror| (juror.id.clone(), juror.shown_name()))
                .collect(),
        })
        .collect()
}

fn jury_path(id: &str) -> String {
    format!("/gestion/sessions/{id}/jury")
}

/// Runs a command on the jury; a refusal comes back beside `field`, with everything that was typed.
#[allow(clippy::too_many_arguments)] // a page, its form, and what is done with it
async fn change<F>(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    id: String,
    mut form: Form,
    field: &str,
    done: &str,
    command: F,
) -> Result<Response, AppError>
where
    F: FnOnce(&mut Tx<'_>, &str) -> Stored<()> + Send + 'static,
{
    let session_id = id.clone();
    match app.db.write(actor, Lock::Session(id.clone()), move |tx| command(tx, &session_id)).await {
        Ok(()) => Ok(Flash::success(done).then(&jury_path(&id))),
        Err(StoreError::Refused(no)) => {
            form.refuse(field, no.to_string());
            show_page(app, shell, actor, id, form).await
        }
        Err(other) => Err(other.into()),
    }
}

async fn name_president(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let Some(juror) = reading.text("presidence", "Choisissez qui préside le jury.", 60) else {
        return show_page(&app, &shell, &actor, id, reading.into_form()).await;
    };
    let form = reading.into_form();
    let command = move |tx: &mut Tx<'_>, id: &str| jury::name_president(tx, id, &juror);
    change(&app, &shell, &actor, id, form, "presidence", "La présidence du jury est désignée.", command).await
}

async fn make_commission(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let Some(label) = reading.text("commission", "Donnez un nom à la commission, par exemple « Commission A ».", 60)
    else {
        return show_page(&app, &shell, &actor, id, reading.into_form()).await;
    };
    let form = reading.into_form();
    let command = move |tx: &mut Tx<'_>, id: &str| jury::make_commission(tx, id, &label).map(|_| ());
    change(&app, &shell, &actor, id, form, "commission", "La commission est créée : placez-y ses membres.", command)
        .await
}

async fn seat(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, commission)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let field = format!("membre-{commission}");
    let juror = raw.trimmed("membre").to_owned();
    let is_chair = raw.trimmed("preside") == "oui";
    let mut form = Form::from_raw(raw);
    if juror.is_empty() {
        form.refuse(&field, "Choisissez un membre du jury.");
        return show_page(&app, &shell, &actor, id, form).await;
    }
    let command = move |tx: &mut Tx<'_>, id: &str| jury::seat(tx, id, &commission, &juror, is_chair);
    change(&app, &shell, &actor, id, form, &field, "La commission est mise à jour.", command).await
}

async fn unseat(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, commission)): Path<(String, String)>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let field = format!("membre-{commission}");
    let juror = raw.trimmed("membre").to_owned();
    let command = move |tx: &mut Tx<'_>, id: &str| jury::unseat(tx, id, &commission, &juror);
    change(
        &app,
        &shell,
        &actor,
        id,
        Form::from_raw(raw),
        &field,
        "Le membre ne siège plus dans cette commission.",
        command,
    )
    .await
}

async fn dissolve(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path((id, commission)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let field = format!("membre-{commission}");
    let command = move |tx: &mut Tx<'_>, id: &str| jury::dissolve_commission(tx, id, &commission);
    change(&app, &shell, &actor, id, Form::empty(), &field, "La commission est dissoute.", command).await
}

async fn sign(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let reference = reading.text("reference", "Indiquez la référence de l’arrêté signé.", 120);
    let signed_on = reading.required("signe_le", "Indiquez la date de signature.", |text| {
        text.parse::<Date>().map_err(|_| "Indiquez la date de signature sous la forme AAAA-MM-JJ.")
    });
    if reading.raw().trimmed("confirmation") != "oui" {
        reading.refuse("confirmation", "Confirmez que l’arrêté est signé : la composition du jury ne changera plus.");
    }
    let form = reading.into_form();
    let (false, Some(reference), Some(signed_on)) = (form.is_refused(), reference, signed_on) else {
        return show_page(&app, &shell, &actor, id, form).await;
    };
    let command = move |tx: &mut Tx<'_>, id: &str| jury::sign_order(tx, id, &reference, signed_on);
    change(
        &app,
        &shell,
        &actor,
        id,
        form,
        "reference",
        "La signature de l’arrêté est enregistrée : le jury est nommé.",
        command,
    )
    .await
}

async fn amend(
    State(app): State<AppState>,
    shell: Shell,
    actor: CurrentActor,
    Path(id): Path<String>,
    raw: RawForm,
) -> Result<Response, AppError> {
    let mut reading = Reading::of(raw);
    let Some(reason) = reading.text("motif", "Dites pourquoi le jury est modifié.", 500) else {
        return show_page(&app, &shell, &actor, id, reading.into_form()).await;
    };
    let form = reading.into_form();
    let command = move |tx: &mut Tx<'_>, id: &str| jury::amend_order(tx, id, &reason);
    let done = "La composition peut être modifiée. Elle devra être arrêtée de nouveau avant tout envoi de convocation.";
    change(&app, &shell, &actor, id, form, "motif", done, command).await
}
