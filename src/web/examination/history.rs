//! The history of a file in words: each act of the audit chain as a sentence, with what it changed.

use super::super::session::shown_instant;
use crate::store::audit::AuditRow;
use crate::store::session::SessionRow;

/// One line of the history.
pub struct Told {
    pub when: String,
    pub who: String,
    pub what: String,
}

/// An act as a reader understands it; an act this page does not know is still told.
#[must_use]
pub fn told(session: &SessionRow, act: &AuditRow, pieces: &[(String, String, String)]) -> Told {
    let detail: serde_json::Value = serde_json::from_str(&act.detail).unwrap_or_default();
    let text = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
    let piece = |code: &str| {
        pieces.iter().find(|(known, ..)| known == code).map_or_else(|| code.to_owned(), |(_, label, _)| label.clone())
    };
    let day = |key: &str| {
        text(key).parse::<jiff::civil::Date>().map_or_else(|_| text(key), crate::domain::academy::french_date)
    };
    let list = |key: &str| -> Vec<String> {
        let values = detail[key].as_array().cloned().unwrap_or_default();
        values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    let what = match act.action.as_str() {
        "register" => "Dossier enregistré".to_owned(),
        "register_again" => "Dossier déposé de nouveau après le retrait".to_owned(),
        "submit" => "Dossier déposé en ligne".to_owned(),
        "enter_paper_file" => format!("Dossier papier saisi, reçu le {}", day("received_on")),
        "complete_file" => {
            let fields = list("fields");
            if fields.is_empty() {
                "Dossier relu".to_owned()
            } else {
                format!("Dossier complété : {}", fields.join(", "))
            }
        }
        "decide_eligibility" => {
            let verdict =
                if text("outcome") == "refused" { "Inscription refusée" } else { "Dossier déclaré recevable" };
            format!("{verdict}. Motif : {}", text("reasons"))
        }
        "note_piece" => {
            let state = match text("state").as_str() {
                "received" => "reçue",
                "accepted" => "acceptée",
                "refused" => "refusée",
                _ => "manquante",
            };
            format!("Pièce {state} : {}", piece(&text("piece")))
        }
        "ask_pieces" => {
            let asked: Vec<String> = list("pieces").iter().map(|code| piece(code)).collect();
            format!("Pièces demandées jusqu’au {} : {}", day("due_on"), asked.join(", "))
        }
        "remind_pieces" => format!("Rappel envoyé, réponse attendue jusqu’au {}", day("due_on")),
        "close_request" => "Demande de pièces fermée".to_owned(),
        "assign_file" => match (text("from"), text("to")) {
            (from, to) if to.is_empty() => format!("Dossier retiré à {from}"),
            (from, to) if from.is_empty() => format!("Dossier confié à {to}"),
            (from, to) => format!("Dossier confié à {to}, auparavant à {from}"),
        },
        "add_note" => "Note interne ajoutée".to_owned(),
        "note_posted" => format!("Lettre envoyée par la poste le {}", day("posted_on")),
        "open_letter" => "Lettre ouverte par le candidat".to_owned(),
        "withdraw" => "Candidature retirée".to_owned(),
        "keep_mark" => "Note conservée reprise".to_owned(),
        "propose_outcome" => "Résultat calculé".to_owned(),
        _ => "Mise à jour".to_owned(),
    };
    Told { when: shown_instant(session, act.at.0), who: act.actor_name.clone(), what }
}
