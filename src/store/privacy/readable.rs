//! The same data in words: days and instants as an academy writes them, codes by their names. The file that programs read
//! keeps both; a code without a name stays as it is, for nothing held is hidden.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;

use super::Section;
use crate::domain::academy::{Academy, french_date};
use crate::domain::correction::Field;
use crate::domain::eligibility::Outcome;
use crate::domain::examination::letter::LetterKind;
use crate::domain::handover::HandoverState;
use crate::domain::holder::{CheckState, EquivalenceGround};
use crate::domain::permission::Actor;
use crate::domain::staff::{EvidenceSource, PostingLevel};
use crate::domain::training::meeting::PresenceMethod;
use crate::domain::training::place::RequestState;
use crate::store::people::PersonRow;
use crate::store::schema::{drafts, people, registrations, required_pieces};
use crate::store::{Conn, Stored};

/// What names the codes of one person's data.
pub(super) struct Names {
    /// In whose time zone instants are told.
    pub academy: Option<&'static Academy>,
    /// Titles of the pieces asked for, by code.
    pub pieces: HashMap<String, String>,
}

impl Names {
    /// # Errors
    /// The database's own.
    pub(super) fn read(conn: &mut Conn, actor: &Actor, person: Option<&PersonRow>) -> Stored<Self> {
        let drafted: Vec<String> =
            drafts::table.filter(drafts::user_id.eq(&actor.user_id)).select(drafts::session_id).load(conn)?;
        let registered: Vec<String> = registrations::table
            .inner_join(people::table)
            .filter(people::user_id.eq(&actor.user_id))
            .select(registrations::session_id)
            .load(conn)?;
        let pieces: Vec<(String, String)> = required_pieces::table
            .filter(required_pieces::session_id.eq_any(drafted.into_iter().chain(registered)))
            .select((required_pieces::code, required_pieces::label))
            .load(conn)?;
        let code = person.map(|person| person.academy_code.as_str());
        let code = code.or_else(|| actor.grants.iter().find_map(|grant| grant.academy.as_deref()));
        Ok(Names { academy: code.and_then(Academy::find), pieces: pieces.into_iter().collect() })
    }
}

/// Adds to each fact what a person reads, where it differs from what is held.
pub(super) fn add(sections: &mut [Section], names: &Names) {
    for item in sections.iter_mut().flat_map(|section| &mut section.elements) {
        for fact in &mut item.lignes {
            let read = named(&item.titre, &fact.libelle, &fact.valeur, names).or_else(|| dated(&fact.valeur, names));
            fact.lisible = read.filter(|read| *read != fact.valeur);
        }
    }
}

fn dated(value: &str, names: &Names) -> Option<String> {
    match value.len() {
        10 => value.parse::<Date>().ok().map(french_date),
        20 if value.ends_with('Z') => {
            let at: jiff::Timestamp = value.parse().ok()?;
            Some(names.academy?.show(at))
        }
        _ => None,
    }
}

fn named(item: &str, label: &str, value: &str, names: &Names) -> Option<String> {
    let word = |word: Option<&'static str>| word.map(str::to_owned);
    match label {
        "Académie" | "Académie d’origine" | "De" | "Vers" => Academy::find(value).map(Academy::full_name),
        "Pièce" | "Pièces" => Some(
            value
                .split(", ")
                .map(|code| names.pieces.get(code).map_or(code, String::as_str))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        "Nature" => word(LetterKind::from_word(value).map(LetterKind::label)),
        "Fondement" => word(EquivalenceGround::from_word(value).map(EquivalenceGround::label)),
        "Source" => word(EvidenceSource::from_word(value).map(EvidenceSource::label)),
        "Constatée par" => word(PresenceMethod::from_word(value).map(PresenceMethod::label)),
        "Donnée" => word(Field::from_word(value).map(Field::label)),
        "Niveau" => word(PostingLevel::from_word(value).map(PostingLevel::label)),
        "Décision" => word(Outcome::from_word(value).map(Outcome::label)).or_else(|| word(state(value))),
        "Réponse" => word(state(value)),
        "Acte" => word(act(value)),
        "État" => word(match item {
            "Place demandée" => RequestState::from_word(value).map(RequestState::label),
            "Changement d’académie" => HandoverState::from_word(value).map(HandoverState::label),
            "Certificat antérieur" | "Note antérieure" | "Équivalence" => {
                CheckState::from_word(value).map(CheckState::label)
            }
            "Courriel" => mail_state(value),
            _ => state(value),
        }),
        _ => None,
    }
}

/// States of an application, of a piece, of a mark claimed, of a correction: all feminine nouns.
fn state(code: &str) -> Option<&'static str> {
    Some(match code {
        "submitted" => "déposée",
        "admitted" => "admise à se présenter",
        "refused" => "refusée",
        "withdrawn" => "retirée",
        "missing" => "manquante",
        "received" => "reçue",
        "accepted" => "acceptée",
        "claimed" => "à vérifier",
        "asked" | "waiting" => "en attente",
        "distinct" => "une autre personne",
        "same" => "la même personne",
        _ => return None,
    })
}

fn mail_state(code: &str) -> Option<&'static str> {
    Some(match code {
        "queued" | "sending" => "à envoyer",
        "sent" => "envoyé",
        "failed" => "refusé par la messagerie",
        _ => return None,
    })
}

/// Acts on an account or on a record, as the journal of the site names them.
fn act(action: &str) -> Option<&'static str> {
    Some(match action {
        "add_evidence" | "assess_competence" => "Compétence évaluée",
        "add_passkey" => "Clé d’accès ajoutée",
        "answer_correction" => "Correction demandée, réponse donnée",
        "ask_address" => "Changement d’adresse demandé",
        "ask_correction" => "Correction demandée",
        "ask_identity_check" => "Vérification d’identité demandée",
        "attach_signed_letter" => "Lettre de mission signée jointe",
        "cancel_address" => "Changement d’adresse annulé",
        "change_name" => "Nom changé",
        "check_earlier_mark" => "Note antérieure vérifiée",
        "check_equivalence" => "Équivalence vérifiée",
        "check_holder" => "Certificat antérieur vérifié",
        "confirm_address" => "Changement d’adresse confirmé",
        "correct_address" => "Adresse corrigée",
        "correct_holder" => "Certificat antérieur corrigé",
        "correct_person" => "État civil corrigé",
        "create_link" => "Lien envoyé",
        "create_user" => "Compte créé",
        "decide_identity" => "Identité vérifiée",
        "disable_user" => "Compte désactivé",
        "enable_user" => "Compte réactivé",
        "end_activity" => "Activité terminée",
        "end_posting" => "Affectation terminée",
        "grant_role" => "Rôle donné",
        "note_activity" => "Activité notée",
        "open_account" => "Compte ouvert",
        "prolong_session" => "Session prolongée",
        "propose_handover" => "Changement d’académie proposé",
        "record_earlier_mark" => "Note antérieure enregistrée",
        "record_equivalence" => "Équivalence enregistrée",
        "record_holder" => "Certificat antérieur enregistré",
        "record_numen" => "NUMEN enregistré",
        "record_person" => "Fiche enregistrée",
        "record_posting" => "Affectation enregistrée",
        "remove_numen" => "NUMEN effacé",
        "remove_passkey" => "Clé d’accès retirée",
        "rename_passkey" => "Clé d’accès renommée",
        "reveal_numen" => "NUMEN lu",
        "revoke_role" => "Rôle retiré",
        "set_password" => "Mot de passe changé",
        "sign_in" => "Connexion",
        "sign_out" => "Déconnexion",
        "sign_out_everywhere" => "Déconnexion de tous les appareils",
        "tie_account" | "tie_file" => "Dossier rattaché au compte",
        "update_contact" => "Coordonnées mises à jour",
        "update_status" => "Situation mise à jour",
        "use_link" => "Lien utilisé",
        "write_letter" => "Lettre de mission écrite",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::privacy::Item;

    #[test]
    fn codes_days_and_instants_are_said_in_french_and_kept_as_they_are() {
        let names = Names {
            academy: Academy::find("22"),
            pieces: HashMap::from([("identite".to_owned(), "Pièce d’identité".to_owned())]),
        };
        for (item, label, held, read) in [
            ("Session 2027 – candidature", "État", "submitted", Some("déposée")),
            ("Place demandée", "État", "refused", Some("refusée")),
            ("Courriel", "État", "sent", Some("envoyé")),
            ("Note antérieure", "État", "to_verify", Some("à vérifier")),
            ("Demande de pièces", "Pièces", "identite, inconnue", Some("Pièce d’identité, inconnue")),
            ("Rôle", "Académie", "22", Some("académie de Limoges")),
            ("Message", "De", "vous", None),
            ("Identité", "Date de naissance", "1988-11-09", Some("9\u{a0}novembre 1988")),
            ("Acte", "Le", "2027-06-14T08:40:00Z", Some("lundi 14\u{a0}juin 2027 à 10\u{a0}h\u{a0}40")),
            ("Acte", "Acte", "sign_in", Some("Connexion")),
            ("Acte", "Acte", "inconnu", None),
            ("Fichier", "Nom", "2027-13-45", None),
        ] {
            let mut sections = [Section { titre: String::new(), elements: vec![Item::new(item).with(label, held)] }];
            add(&mut sections, &names);
            let fact = &sections[0].elements[0].lignes[0];
            assert_eq!((fact.valeur.as_str(), fact.lisible.as_deref()), (held, read), "{item} {label}");
        }
    }
}
