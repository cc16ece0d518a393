//! The office examines files: the queue with its views, one file and everything done to it, acts on several at once,
//! files entered from paper, wordings. Handlers only translate; what is allowed is said by `domain::examination`.

mod acts;
mod bulk;
mod file;
mod history;
mod paper;
mod queue;
mod wordings;

pub use file::{back, file_page};
pub use queue::Asked;
pub use wordings::fill_wordings;

use super::AppState;
use super::routes::{Gate, Routes};
use crate::domain::permission::{OFFICE, Role};

#[must_use]
pub fn routes() -> Routes<AppState> {
    let office = Gate::Roles(OFFICE);
    Routes::new()
        .get("/gestion/sessions/{id}/dossiers", office, queue::show)
        .post("/gestion/sessions/{id}/dossiers/vues", office, queue::save)
        .post("/gestion/sessions/{id}/dossiers/vues/{view}/suppression", office, queue::forget)
        .get("/gestion/sessions/{id}/dossiers/actions", office, bulk::preview)
        .post("/gestion/sessions/{id}/dossiers/actions", office, bulk::confirm)
        .get("/gestion/sessions/{id}/dossiers/saisie", office, paper::new)
        .post("/gestion/sessions/{id}/dossiers/saisie", office, paper::enter)
        .get("/gestion/sessions/{id}/dossiers/{registration}", office, file::show)
        .get("/gestion/sessions/{id}/dossiers/{registration}/correction", office, paper::edit)
        .post("/gestion/sessions/{id}/dossiers/{registration}/correction", office, paper::complete)
        .post("/gestion/sessions/{id}/dossiers/{registration}/pieces", office, acts::judge_pieces)
        .upload("/gestion/sessions/{id}/dossiers/{registration}/numerisations", office, acts::scan)
        .post("/gestion/sessions/{id}/dossiers/{registration}/agent", office, acts::assign)
        .post("/gestion/sessions/{id}/dossiers/{registration}/notes", office, acts::add_note)
        .post("/gestion/sessions/{id}/dossiers/{registration}/demandes", office, acts::ask)
        .post("/gestion/sessions/{id}/dossiers/{registration}/rappels", office, acts::remind)
        .post("/gestion/sessions/{id}/dossiers/{registration}/demandes/{request}/fermeture", office, acts::close)
        .get("/gestion/sessions/{id}/dossiers/{registration}/lettres/{letter}", office, acts::letter)
        .post("/gestion/sessions/{id}/dossiers/{registration}/lettres/{letter}/envoi", office, acts::posted)
        .get("/mon-dossier/{registration}/decision.pdf", Gate::Roles(&[Role::Candidate]), acts::own_letter)
        .get("/gestion/modeles", office, wordings::list)
        .post("/gestion/modeles", office, wordings::add)
        .get("/gestion/modeles/{wording}", office, wordings::show)
        .post("/gestion/modeles/{wording}", office, wordings::change)
        .post("/gestion/modeles/{wording}/suppression", office, wordings::drop)
}
