//! The rest of what is held about a person: drafts, exchanges with the office, files handed in, letters, the record of
//! their career and of their training. Who wrote or decided is never named: it is a service.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Item, Section, section, shown, shown_day};
use crate::domain::ids::Mark;
use crate::domain::permission::Actor;
use crate::domain::registration::draft::Step;
use crate::store::schema::{
    account_requests, action_plans, attendance_changes, decisions, drafts, earlier_certificates, earlier_marks,
    enrolments, equivalences, file_notes, handovers, identity_checks, kept_mark_claims, letters, links,
    meeting_presences, message_files, messages, mission_letters, mission_shares, module_choices, module_exemptions,
    numens, paper_files, people, piece_files, piece_reasons, piece_request_items, piece_requests, registrations,
    saved_views, signed_letters, training_answered, training_convocations, training_meetings, training_requests,
    tutor_meetings,
};
use crate::store::{Conn, Day, Stamp, Stored};

/// Drafts and registrations of this account: what they hold beyond the form, under one identifier each.
pub(super) fn exchanges(conn: &mut Conn, actor: &Actor) -> Stored<Section> {
    let mut elements = Vec::new();
    let mine: Vec<(String, String, Stamp, Stamp)> = drafts::table
        .filter(drafts::user_id.eq(&actor.user_id))
        .order(drafts::created_at)
        .select((drafts::id, drafts::answers, drafts::created_at, drafts::updated_at))
        .load(conn)?;
    let mut files: Vec<String> = Vec::new();
    for (id, answers, from, at) in mine {
        let mut draft =
            Item::new("Brouillon d’inscription").with("Commencé le", shown(from)).with("Enregistré le", shown(at));
        let steps: BTreeMap<String, BTreeMap<String, Vec<String>>> = match serde_json::from_str(&answers) {
            Ok(steps) => steps,
            // Kept in a form this program does not read: still theirs, as it stands.
            Err(_) => {
                draft = draft.with("Réponses", answers);
                BTreeMap::new()
            }
        };
        for (step, fields) in steps {
            let step = Step::from_word(&step).map_or(step.as_str(), |step| step.label());
            for (field, values) in fields {
                draft = draft.with(&format!("{step}, {}", field.replace('_', " ")), values.join(", "));
            }
        }
        elements.push(draft);
        files.push(id);
    }
    let registered: Vec<String> = registrations::table
        .inner_join(people::table)
        .filter(people::user_id.eq(&actor.user_id))
        .order(registrations::submitted_at)
        .select(registrations::id)
        .load(conn)?;
    for id in &registered {
        registered_file(conn, id, &mut elements)?;
    }
    files.extend(registered);
    for id in &files {
        thread(conn, id, &mut elements)?;
        handed_in(conn, id, &mut elements)?;
    }
    let checks: Vec<(Stamp, Option<String>, Option<String>, Option<Stamp>)> = identity_checks::table
        .filter(identity_checks::user_id.eq(&actor.user_id))
        .order(identity_checks::asked_at)
        .select((
            identity_checks::asked_at,
            identity_checks::verdict,
            identity_checks::reason,
            identity_checks::decided_at,
        ))
        .load(conn)?;
    for (at, verdict, reason, decided) in checks {
        elements.push(
            Item::new("Vérification de votre identité")
                .with("Demandée le", shown(at))
                .and("Réponse", verdict)
                .and("Motif", reason)
                .and("Le", decided.map(shown)),
        );
    }
    Ok(section("Vos brouillons, vos échanges et vos pièces", elements))
}

fn registered_file(conn: &mut Conn, id: &str, elements: &mut Vec<Item>) -> Stored<()> {
    let plan: Option<(String, Option<String>, String, i32, String, String)> = action_plans::table
        .find(id)
        .select((
            action_plans::host_name,
            action_plans::host_uai,
            action_plans::action,
            action_plans::young_people,
            action_plans::days,
            action_plans::unavailable,
        ))
        .first(conn)
        .optional()?;
    if let Some((host, uai, action, young, days, unavailable)) = plan {
        elements.push(
            Item::new("Épreuve 1")
                .with("Lieu d’accueil", host)
                .and("UAI", uai)
                .with("Action", action)
                .with("Effectif", young)
                .with("Jours possibles", days)
                .with("Indisponibilités", unavailable),
        );
    }
    let claims: Vec<(i32, i32, i32, String, String, Option<String>, Option<Stamp>)> = kept_mark_claims::table
        .filter(kept_mark_claims::registration_id.eq(id))
        .order(kept_mark_claims::epreuve)
        .select((
            kept_mark_claims::epreuve,
            kept_mark_claims::mark,
            kept_mark_claims::origin_year,
            kept_mark_claims::origin_academy,
            kept_mark_claims::state,
            kept_mark_claims::reason,
            kept_mark_claims::decided_at,
        ))
        .load(conn)?;
    for (epreuve, mark, year, academy, state, reason, at) in claims {
        elements.push(
            Item::new("Note à conserver")
                .with("Épreuve", epreuve)
                .with("Note", Mark::from_hundredths(mark).shown())
                .with("Session d’origine", year)
                .with("Académie d’origine", academy)
                .with("État", state)
                .and("Motif", reason)
                .and("Le", at.map(shown)),
        );
    }
    let paper: Option<(Day, Stamp)> = paper_files::table
        .find(id)
        .select((paper_files::received_on, paper_files::entered_at))
        .first(conn)
        .optional()?;
    if let Some((received, at)) = paper {
        elements.push(
            Item::new("Dossier papier").with("Reçu le", shown_day(received)).with("Saisi par le service le", shown(at)),
        );
    }
    notes_of_the_office(conn, id, elements)?;
    let reasons: Vec<(String, String)> = piece_reasons::table
        .filter(piece_reasons::registration_id.eq(id))
        .order(piece_reasons::code)
        .select((piece_reasons::code, piece_reasons::reason))
        .load(conn)?;
    for (code, reason) in reasons {
        elements.push(Item::new("Pièce à revoir").with("Pièce", code).with("Motif", reason));
    }
    let asked: Vec<(String, String, Day, Stamp, Option<Stamp>, Option<Stamp>)> = piece_requests::table
        .filter(piece_requests::registration_id.eq(id))
        .order(piece_requests::asked_at)
        .select((
            piece_requests::id,
            piece_requests::message,
            piece_requests::due_on,
            piece_requests::asked_at,
            piece_requests::reminded_at,
            piece_requests::closed_at,
        ))
        .load(conn)?;
    for (request, message, due, at, reminded, closed) in asked {
        let codes: Vec<String> = piece_request_items::table
            .filter(piece_request_items::request_id.eq(&request))
            .order(piece_request_items::code)
            .select(piece_request_items::code)
            .load(conn)?;
        elements.push(
            Item::new("Demande de pièces")
                .with("Pièces", codes.join(", "))
                .with("Message", message)
                .with("Pour le", shown_day(due))
                .with("Faite le", shown(at))
                .and("Rappelée le", reminded.map(shown))
                .and("Close le", closed.map(shown)),
        );
    }
    let sent: Vec<(String, Stamp, Option<Stamp>, Option<Day>, String)> = letters::table
        .inner_join(decisions::table)
        .filter(letters::registration_id.eq(id))
        .filter(decisions::decided_at.is_not_null())
        .order(letters::issued_at)
        .select((letters::kind, letters::issued_at, letters::opened_at, letters::posted_on, letters::id))
        .load(conn)?;
    for (kind, at, opened, posted, _) in sent {
        elements.push(
            Item::new("Lettre de décision")
                .with("Nature", kind)
                .with("Établie le", shown(at))
                .and("Ouverte le", opened.map(shown))
                .and("Postée le", posted.map(shown_day))
                .with("Où la télécharger", "Mon dossier"),
        );
    }
    Ok(())
}

/// What officers noted while they examined the file: preparatory until the decision, then its candidate's to read
/// (CRPA, article L. 311-2). Whoever wrote is not named.
fn notes_of_the_office(conn: &mut Conn, id: &str, elements: &mut Vec<Item>) -> Stored<()> {
    let decided: i64 = decisions::table
        .filter(decisions::registration_id.eq(id))
        .filter(decisions::decided_at.is_not_null())
        .count()
        .get_result(conn)?;
    if decided == 0 {
        return Ok(());
    }
    let notes: Vec<(String, Stamp)> = file_notes::table
        .filter(file_notes::registration_id.eq(id))
        .order(file_notes::created_at)
        .select((file_notes::body, file_notes::created_at))
        .load(conn)?;
    elements.extend(
        notes.into_iter().map(|(body, at)| Item::new("Remarque du bureau").with("Le", shown(at)).with("Texte", body)),
    );
    Ok(())
}

fn thread(conn: &mut Conn, id: &str, elements: &mut Vec<Item>) -> Stored<()> {
    let rows: Vec<(String, bool, String, Stamp, Option<Stamp>)> = messages::table
        .filter(messages::file_id.eq(id))
        .order((messages::sent_at, messages::id))
        .select((messages::id, messages::from_office, messages::body, messages::sent_at, messages::read_at))
        .load(conn)?;
    for (message, from_office, body, at, read) in rows {
        elements.push(
            Item::new("Message")
                .with("De", if from_office { "le service des examens" } else { "vous" })
                .with("Le", shown(at))
                .and("Lu le", read.map(shown))
                .with("Texte", body),
        );
        let attached: Vec<(String, String, i32, String)> = message_files::table
            .filter(message_files::message_id.eq(&message))
            .order(message_files::id)
            .select((message_files::id, message_files::file_name, message_files::size, message_files::sha256))
            .load(conn)?;
        for (file, name, size, hash) in attached {
            elements.push(
                Item::new("Fichier joint à un message")
                    .with("Nom", name)
                    .with("Taille (octets)", size)
                    .with("Empreinte SHA-256", hash)
                    .with("Où le télécharger", format!("/mon-dossier/{id}/messages/{file}")),
            );
        }
    }
    Ok(())
}

fn handed_in(conn: &mut Conn, id: &str, elements: &mut Vec<Item>) -> Stored<()> {
    let rows: Vec<(String, String, String, i32, i32, String, Stamp, Option<Stamp>)> = piece_files::table
        .filter(piece_files::file_id.eq(id))
        .order((piece_files::uploaded_at, piece_files::id))
        .select((
            piece_files::id,
            piece_files::code,
            piece_files::file_name,
            piece_files::size,
            piece_files::pages,
            piece_files::sha256,
            piece_files::uploaded_at,
            piece_files::replaced_at,
        ))
        .load(conn)?;
    for (file, code, name, size, pages, hash, at, replaced) in rows {
        elements.push(
            Item::new("Fichier déposé")
                .with("Pièce", code)
                .with("Nom", name)
                .with("Taille (octets)", size)
                .with("Pages", pages)
                .with("Empreinte SHA-256", hash)
                .with("Déposé le", shown(at))
                .and("Remplacé ou retiré le", replaced.map(shown))
                .with("Où le télécharger", format!("/mon-dossier/{id}/pieces/fichiers/{file}")),
        );
    }
    Ok(())
}

/// Reads a sealed NUMEN, for its owner.
pub type OpenNumen<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// What the record of a member of staff holds beyond the career.
pub(super) fn record(conn: &mut Conn, person_id: &str, open: OpenNumen<'_>) -> Stored<Section> {
    let mut elements = Vec::new();
    let numen: Option<(String, Stamp)> =
        numens::table.find(person_id).select((numens::sealed, numens::recorded_at)).first(conn).optional()?;
    if let Some((sealed, at)) = numen {
        let clear = open(person_id, &sealed).unwrap_or_else(|| "illisible avec la clé de ce serveur".to_owned());
        elements.push(Item::new("NUMEN").with("Numéro", clear).with("Enregistré le", shown(at)));
    }
    let missions: Vec<(String, i32, Day, Day, String, String)> = mission_letters::table
        .filter(mission_letters::person_id.eq(person_id))
        .order((mission_letters::starts_on, mission_letters::version))
        .select((
            mission_letters::id,
            mission_letters::version,
            mission_letters::starts_on,
            mission_letters::ends_on,
            mission_letters::place,
            mission_letters::missions,
        ))
        .load(conn)?;
    for (letter, version, from, until, place, text) in missions {
        let shares: Vec<(String, i32)> = mission_shares::table
            .filter(mission_shares::letter_id.eq(&letter))
            .order(mission_shares::family_code)
            .select((mission_shares::family_code, mission_shares::share))
            .load(conn)?;
        let shares: Vec<String> =
            shares.into_iter().map(|(family, share)| format!("{family}\u{a0}: {share}")).collect();
        elements.push(
            Item::new("Lettre de mission")
                .with("Version", version)
                .with("Du", shown_day(from))
                .with("Au", shown_day(until))
                .with("Lieu", place)
                .with("Missions", text)
                .with("Parts (%)", shares.join(", ")),
        );
        let signed: Vec<(String, i32, String, Day)> = signed_letters::table
            .filter(signed_letters::letter_id.eq(&letter))
            .order(signed_letters::attached_at)
            .select((
                signed_letters::file_name,
                signed_letters::size,
                signed_letters::sha256,
                signed_letters::signed_on,
            ))
            .load(conn)?;
        for (name, size, hash, day) in signed {
            elements.push(
                Item::new("Lettre de mission signée")
                    .with("Fichier", name)
                    .with("Taille (octets)", size)
                    .with("Empreinte SHA-256", hash)
                    .with("Signée le", shown_day(day))
                    .with("Comment en avoir copie", "auprès du service qui tient votre dossier"),
            );
        }
    }
    let certificates: Vec<(i32, Option<String>, Option<Day>, String, String)> = earlier_certificates::table
        .filter(earlier_certificates::person_id.eq(person_id))
        .order(earlier_certificates::year)
        .select((
            earlier_certificates::year,
            earlier_certificates::number,
            earlier_certificates::issued_on,
            earlier_certificates::evidence,
            earlier_certificates::state,
        ))
        .load(conn)?;
    for (year, number, issued, evidence, state) in certificates {
        elements.push(
            Item::new("Certificat antérieur")
                .with("Session", year)
                .and("Numéro", number)
                .and("Délivré le", issued.map(shown_day))
                .with("Justificatif", evidence)
                .with("État", state),
        );
    }
    let marks: Vec<(i32, i32, i32, String, String)> = earlier_marks::table
        .filter(earlier_marks::person_id.eq(person_id))
        .order((earlier_marks::year, earlier_marks::epreuve))
        .select((
            earlier_marks::year,
            earlier_marks::epreuve,
            earlier_marks::mark,
            earlier_marks::evidence,
            earlier_marks::state,
        ))
        .load(conn)?;
    for (year, epreuve, mark, evidence, state) in marks {
        elements.push(
            Item::new("Note antérieure")
                .with("Session", year)
                .with("Épreuve", epreuve)
                .with("Note", Mark::from_hundredths(mark).shown())
                .with("Justificatif", evidence)
                .with("État", state),
        );
    }
    let equals: Vec<(String, String, String, Option<String>, Option<String>)> = equivalences::table
        .filter(equivalences::person_id.eq(person_id))
        .order(equivalences::recorded_at)
        .select((
            equivalences::ground,
            equivalences::evidence,
            equivalences::state,
            equivalences::number,
            equivalences::check_note,
        ))
        .load(conn)?;
    for (ground, evidence, state, number, note) in equals {
        elements.push(
            Item::new("Équivalence")
                .with("Fondement", ground)
                .with("Justificatif", evidence)
                .with("État", state)
                .and("Numéro", number)
                .and("Motif", note),
        );
    }
    let moves: Vec<(String, String, Day, String, String, Option<String>)> = handovers::table
        .filter(handovers::person_id.eq(person_id))
        .order(handovers::proposed_at)
        .select((
            handovers::from_academy,
            handovers::to_academy,
            handovers::takes_effect_on,
            handovers::reason,
            handovers::state,
            handovers::answer,
        ))
        .load(conn)?;
    for (from, to, day, reason, state, answer) in moves {
        elements.push(
            Item::new("Changement d’académie")
                .with("De", from)
                .with("Vers", to)
                .with("Le", shown_day(day))
                .with("Motif", reason)
                .with("État", state)
                .and("Réponse", answer),
        );
    }
    Ok(section("Votre dossier de personnel", elements))
}

/// Places asked, meetings attended, corrections and exemptions, talks with the tutor.
pub(super) fn training(conn: &mut Conn, person_id: &str) -> Stored<Section> {
    let mut elements = Vec::new();
    let asked: Vec<(String, Stamp, Option<String>, Option<Stamp>)> = training_requests::table
        .filter(training_requests::person_id.eq(person_id))
        .order(training_requests::asked_at)
        .select((
            training_requests::state,
            training_requests::asked_at,
            training_requests::reason,
            training_requests::decided_at,
        ))
        .load(conn)?;
    for (state, at, reason, decided) in asked {
        elements.push(
            Item::new("Place demandée")
                .with("Le", shown(at))
                .with("État", state)
                .and("Motif", reason)
                .and("Décidée le", decided.map(shown)),
        );
    }
    let enrolled: Vec<String> = enrolments::table
        .filter(enrolments::person_id.eq(person_id))
        .order(enrolments::enrolled_at)
        .select(enrolments::id)
        .load(conn)?;
    for id in enrolled {
        let present: Vec<(String, Stamp, i32, String)> = meeting_presences::table
            .inner_join(training_meetings::table)
            .filter(meeting_presences::enrolment_id.eq(&id))
            .order(training_meetings::starts_at)
            .select((
                training_meetings::module_code,
                training_meetings::starts_at,
                meeting_presences::minutes,
                meeting_presences::method,
            ))
            .load(conn)?;
        for (module, at, minutes, method) in present {
            elements.push(
                Item::new("Présence à une séance")
                    .with("Module", module)
                    .with("Le", shown(at))
                    .with("Minutes", minutes)
                    .with("Constatée par", method),
            );
        }
        let changes: Vec<(String, Day, i32, i32, String)> = attendance_changes::table
            .filter(attendance_changes::enrolment_id.eq(&id))
            .order(attendance_changes::changed_at)
            .select((
                attendance_changes::module_code,
                attendance_changes::held_on,
                attendance_changes::minutes_before,
                attendance_changes::minutes_after,
                attendance_changes::reason,
            ))
            .load(conn)?;
        for (module, day, before, after, reason) in changes {
            elements.push(
                Item::new("Présence corrigée")
                    .with("Module", module)
                    .with("Le", shown_day(day))
                    .with("Minutes avant", before)
                    .with("Minutes après", after)
                    .with("Motif", reason),
            );
        }
        let exempted: Vec<(String, String)> = module_exemptions::table
            .filter(module_exemptions::enrolment_id.eq(&id))
            .order(module_exemptions::granted_at)
            .select((module_exemptions::module_code, module_exemptions::reason))
            .load(conn)?;
        for (module, reason) in exempted {
            elements.push(Item::new("Dispense").with("Module", module).with("Motif", reason));
        }
        let chosen: Vec<String> = module_choices::table
            .filter(module_choices::enrolment_id.eq(&id))
            .order(module_choices::module_code)
            .select(module_choices::module_code)
            .load(conn)?;
        for module in chosen {
            elements.push(Item::new("Module choisi").with("Module", module));
        }
        let talks: Vec<(Day, String)> = tutor_meetings::table
            .filter(tutor_meetings::enrolment_id.eq(&id))
            .order(tutor_meetings::held_on)
            .select((tutor_meetings::held_on, tutor_meetings::notes))
            .load(conn)?;
        for (day, notes) in talks {
            elements.push(Item::new("Entretien avec le tuteur").with("Le", shown_day(day)).with("Compte rendu", notes));
        }
        let convened: Option<Stamp> =
            training_convocations::table.find(&id).select(training_convocations::sent_at).first(conn).optional()?;
        if let Some(at) = convened {
            elements.push(Item::new("Convocation à la formation").with("Envoyée le", shown(at)));
        }
        let answered: i64 =
            training_answered::table.filter(training_answered::enrolment_id.eq(&id)).count().get_result(conn)?;
        if answered > 0 {
            elements.push(Item::new("Questionnaire de fin de formation").with("Réponse", "donnée, sans votre nom"));
        }
    }
    Ok(section("Votre suivi de formation", elements))
}

/// Links mailed to the account, never their keys; and the views one has saved.
pub(super) fn ways_in(conn: &mut Conn, actor: &Actor) -> Stored<Vec<Item>> {
    let mut elements = Vec::new();
    let mailed: Vec<(String, Stamp, Stamp, Option<Stamp>)> = links::table
        .filter(links::user_id.eq(&actor.user_id).or(links::email.eq(&actor.email)))
        .order(links::created_at)
        .select((links::purpose, links::created_at, links::expires_at, links::used_at))
        .load(conn)?;
    for (purpose, at, until, used) in mailed {
        let what = if purpose == "invitation" { "invitation" } else { "nouveau mot de passe" };
        elements.push(
            Item::new("Lien envoyé")
                .with("Objet", what)
                .with("Le", shown(at))
                .with("Valable jusqu’au", shown(until))
                .and("Utilisé le", used.map(shown)),
        );
    }
    let asked: Vec<(Stamp, Option<Stamp>)> = account_requests::table
        .filter(account_requests::email_key.eq(actor.email.to_lowercase()))
        .order(account_requests::created_at)
        .select((account_requests::created_at, account_requests::used_at))
        .load(conn)?;
    for (at, used) in asked {
        elements.push(Item::new("Demande de compte").with("Le", shown(at)).and("Close le", used.map(shown)));
    }
    let views: Vec<(String, String)> = saved_views::table
        .filter(saved_views::user_id.eq(&actor.user_id))
        .order(saved_views::created_at)
        .select((saved_views::name, saved_views::query))
        .load(conn)?;
    for (name, query) in views {
        elements.push(Item::new("Vue enregistrée").with("Nom", name).with("Filtres", query));
    }
    Ok(elements)
}
