//! What waits for the office, on the desk of a session: how many, why it matters, and the page where it is done.

use super::super::french::count;
use super::super::page::Tone;
use crate::domain::permission::{Action, Actor, Object, may};
use crate::domain::session::SessionState;
use crate::store::registration::OPEN_STATES;
use crate::store::session::SessionRow;
use crate::store::session::waiting::Waiting;

/// One line of the desk.
pub struct Due {
    /// « 3 dossiers à décider ».
    pub what: String,
    pub href: String,
    pub tone: Tone,
    /// « Bloque », « En retard », « À faire ».
    pub status: &'static str,
    /// What it keeps from going on, or who waits for it.
    pub why: &'static str,
}

/// What blocks first, then what is late, then the rest; what does not wait is not told.
pub fn list_due(session: &SessionRow, actor: &Actor, seen: &Waiting, now: jiff::Timestamp) -> Vec<Due> {
    let base = format!("/gestion/sessions/{}", session.id);
    let mut lines = Vec::new();
    let mut tell = |number: i64, words: (&str, &str), path: String, (tone, status): (Tone, &'static str), why| {
        if let Ok(number @ 1..) = usize::try_from(number) {
            lines.push(Due { what: count(number, words.0, words.1), href: path, tone, status, why });
        }
    };
    let (blocks, late, to_do) = ((Tone::Error, "Bloque"), (Tone::Warning, "En retard"), (Tone::Info, "À faire"));
    let is_open = OPEN_STATES.contains(&session.state);
    let is_closed = now >= session.registration_closes_at.0;
    tell(
        seen.undecided,
        ("dossier à décider", "dossiers à décider"),
        format!("{base}/dossiers?a_decider=oui"),
        blocks,
        "La liste ne peut pas être arrêtée tant qu’un dossier attend une décision.",
    );
    tell(
        seen.homonyms,
        ("identité à vérifier", "identités à vérifier"),
        format!("{base}/homonymes"),
        blocks,
        "Ces personnes ne peuvent pas déposer leur dossier tant que le bureau n’a pas dit qui est qui.",
    );
    tell(
        seen.claims,
        ("dossier avec une note conservée à vérifier", "dossiers avec une note conservée à vérifier"),
        format!("{base}/dossiers?notes=oui"),
        if is_open { blocks } else { late },
        "Une note non vérifiée avant l’arrêté de la liste n’est pas retenue\u{a0}: le candidat passe l’épreuve.",
    );
    if is_open && is_closed && seen.undecided == 0 {
        tell(
            1,
            ("liste à arrêter", "listes à arrêter"),
            format!("{base}/liste"),
            blocks,
            "Les inscriptions sont closes et chaque dossier est décidé\u{a0}: le calendrier et les convocations attendent la liste.",
        );
    }
    tell(
        seen.untold,
        ("lettre d’admission à se présenter à écrire", "lettres d’admission à se présenter à écrire"),
        format!("{base}/liste"),
        late,
        "La liste est arrêtée, et ces candidats n’ont pas encore leur lettre.",
    );
    tell(
        seen.late,
        ("dossier en retard de réponse", "dossiers en retard de réponse"),
        format!("{base}/dossiers?retard=oui"),
        late,
        "La date donnée au candidat est passée\u{a0}: rappelez-le, ou décidez sans la pièce.",
    );
    tell(
        seen.lost,
        ("courriel non remis", "courriels non remis"),
        format!("{base}/courriels?etat=perdus"),
        late,
        "Ces personnes n’ont pas été prévenues\u{a0}: corrigez l’adresse, puis renvoyez.",
    );
    tell(
        seen.unread,
        ("conversation à lire", "conversations à lire"),
        format!("{base}/messages?a_lire=oui"),
        to_do,
        "Ces candidats attendent une réponse.",
    );
    if may(actor, Action::AnswerCorrections, Object::academy(&session.academy_code)) {
        tell(
            seen.corrections,
            ("correction demandée", "corrections demandées"),
            "/gestion/corrections".to_owned(),
            to_do,
            "Une personne conteste ce qui est écrit d’elle, dans toute l’académie\u{a0}: il faut lui répondre.",
        );
    }
    if is_open && session.state != SessionState::Preparation {
        tell(
            seen.unassigned,
            ("dossier confié à personne", "dossiers confiés à personne"),
            format!("{base}/dossiers?etat=submitted&agent=personne"),
            to_do,
            "Aucun agent n’en prend soin\u{a0}: confiez-les, un par un ou ensemble.",
        );
    }
    lines
}
