//! The history of a file in words: each act of the audit chain as a sentence, with what it changed.

use super::super::session::shown_instant;
use crate::store::audit::AuditRow;
use crate::store::message::{MessageFileRow, MessageRow};
use crate::store::session::SessionRow;

/// One line of the history.
pub struct Told {
    pub when: String,
    pub who: String,
    pub what: String,
}

/// Everything done about a file, oldest first: its acts, and the messages of its thread without their words.
#[must_use]
pub fn whole(
    session: &SessionRow,
    acts: &[AuditRow],
    messages: &[(MessageRow, Vec<MessageFileRow>)],
    pieces: &[(String, String, String)],
) -> Vec<Told> {
    let mut lines: Vec<_> = acts.iter().map(|act| (act.at.0, told(session, act, pieces))).collect();
    lines.extend(messages.iter().map(|(row, files)| {
        let from = if row.from_office { "Message envoyé au candidat" } else { "Message du candidat" };
        let with = match files.len() {
            0 => String::new(),
            1 => ", avec 1 fichier".to_owned(),
            many => format!(", avec {many} fichiers"),
        };
        let what = format!("{from}{with}");
        (row.sent_at.0, Told { when: shown_instant(session, row.sent_at.0), who: row.author_name.clone(), what })
    }));
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// An act as a reader understands it; an act this page does not know is still told.
fn told(session: &SessionRow, act: &AuditRow, pieces: &[(String, String, String)]) -> Told {
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
                format!("Dossier complété\u{a0}: {}", fields.join(", "))
            }
        }
        "decide_eligibility" => {
            let verdict =
                if text("outcome") == "refused" { "Inscription refusée" } else { "Dossier déclaré recevable" };
            format!("{verdict}. Motif\u{a0}: {}", text("reasons"))
        }
        "note_piece" => {
            let state = match text("state").as_str() {
                "received" => "reçue",
                "accepted" => "acceptée",
                "refused" => "refusée",
                _ => "manquante",
            };
            format!("Pièce {state}\u{a0}: {}", piece(&text("piece")))
        }
        "receive_piece" => {
            let files = detail["files"].as_array().map_or(0, Vec::len);
            let (sent, aside) = (files.max(1), detail["replaced"].as_array().is_some_and(|ids| !ids.is_empty()));
            let word = if sent == 1 { "Fichier reçu" } else { "Fichiers reçus" };
            let replaced = if aside { ", à la place des précédents" } else { "" };
            format!("{word} pour la pièce\u{a0}: {}{replaced}", piece(&text("piece")))
        }
        "check_kept_mark" => "Note conservée vérifiée".to_owned(),
        "plan_action" => "Séance de l’épreuve 1 déclarée".to_owned(),
        "update_registration" => "Dossier mis à jour par import".to_owned(),
        "place" => "Passage placé au calendrier".to_owned(),
        "remove_slot" => "Passage retiré du calendrier".to_owned(),
        "ask_pieces" => {
            let asked: Vec<String> = list("pieces").iter().map(|code| piece(code)).collect();
            format!("Pièces demandées jusqu’au {}\u{a0}: {}", day("due_on"), asked.join(", "))
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
