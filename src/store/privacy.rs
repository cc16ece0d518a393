//! All that is held about one person, for that person: account, identity, applications, decisions, results once public,
//! training, competences, mails, traces. Nothing of anyone else: no working notes of examiners, no name of an officer.
//! Lines are in French and in order, so that the same value makes the page people read and the file programs read.

mod own;
mod readable;

use diesel::prelude::*;
use serde::Serialize;

pub use own::OpenNumen;

use super::schema::{
    attendances, audit_entries, career_lines, corrections, decisions, enrolments, evidence, exam_sessions,
    exercised_activities, former_names, jurors, outbox, people, postings, staff_records, training_sessions,
};
use super::{Conn, Day, Stamp, Stored, accounts, publication, registration, schedule, sessions};
use crate::domain::ids::Mark;
use crate::domain::permission::Actor;
use crate::store::people::PersonRow;

/// The tables that say something of a person and are read here, by the file that reads them.
pub const HELD: &[&str] = &[
    "account_requests",
    "action_plans",
    "address_changes",
    "attendance_changes",
    "attendances",
    "audit_entries",
    "career_lines",
    "certificates",
    "corrections",
    "decisions",
    "drafts",
    "earlier_certificates",
    "earlier_marks",
    "enrolments",
    "equivalences",
    "evaluations",
    "evidence",
    "exercised_activities",
    "file_notes",
    "former_names",
    "handovers",
    "identity_checks",
    "jurors",
    "kept_mark_claims",
    "kept_marks",
    "letters",
    "links",
    "login_sessions",
    "meeting_presences",
    "message_files",
    "messages",
    "mission_letters",
    "mission_shares",
    "module_choices",
    "module_exemptions",
    "numens",
    "outbox",
    "paper_files",
    "passkeys",
    "people",
    "piece_files",
    "piece_reasons",
    "piece_request_items",
    "piece_requests",
    "pieces",
    "postings",
    "registrations",
    "results",
    "role_grants",
    "saved_views",
    "signed_letters",
    "slots",
    "staff_records",
    "training_answered",
    "training_convocations",
    "training_requests",
    "tutor_meetings",
    "users",
];

/// The tables that are linked to a person and are not handed out, each with its reason.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("assignments", "the officer a file is given to: the work of somebody else"),
    ("commission_members", "the composition of commissions names other jurors; one's own seat is said"),
    ("conflicts", "a comparison of a juror with a candidate: each would learn of the other"),
    ("documents", "the documents themselves are downloaded from « Mon dossier »"),
    ("evaluation_lines", "a working document of the jury until the results; each level is then given as evidence"),
    ("file_presences", "which officer has a file open, for minutes"),
    ("jobs", "the program's own work: it says nothing that the documents do not say"),
    ("passkey_challenges", "random, for five minutes, then gone"),
    ("person_identities", "the names of the civil status folded for comparison: nothing that is not in it"),
    ("resumed_drafts", "which form took the place of which: both are given"),
    (
        "working_notes",
        "an examiner's unfinished draft; only finished documents are handed out (CRPA, article L. 311-2)",
    ),
    ("yearly_registrations", "an index of the registrations already given"),
];

#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    pub libelle: String,
    /// As it is held: codes, ISO 8601 days and instants.
    pub valeur: String,
    /// The same in words, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lisible: Option<String>,
}

impl Fact {
    /// What a person reads.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.lisible.as_deref().unwrap_or(&self.valeur)
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Item {
    pub titre: String,
    pub lignes: Vec<Fact>,
}

impl Item {
    fn new(titre: impl Into<String>) -> Self {
        Item { titre: titre.into(), lignes: Vec::new() }
    }

    fn with(mut self, libelle: &str, valeur: impl ToString) -> Self {
        let valeur = valeur.to_string();
        if !valeur.is_empty() {
            self.lignes.push(Fact { libelle: libelle.to_owned(), valeur, lisible: None });
        }
        self
    }

    fn and(self, libelle: &str, valeur: Option<impl ToString>) -> Self {
        match valeur {
            Some(valeur) => self.with(libelle, valeur),
            None => self,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Section {
    pub titre: String,
    pub elements: Vec<Item>,
}

/// Everything, in the order of a life.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    pub etabli_le: String,
    pub sections: Vec<Section>,
}

fn shown(at: Stamp) -> String {
    at.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn shown_day(day: Day) -> String {
    day.0.to_string()
}

/// Gathers all of it, for its owner alone.
///
/// # Errors
/// The database's own.
pub fn gather(conn: &mut Conn, actor: &Actor, now: jiff::Timestamp, open: OpenNumen<'_>) -> Stored<Held> {
    let person: Option<PersonRow> = people::table
        .filter(people::user_id.eq(&actor.user_id))
        .select(PersonRow::as_select())
        .first(conn)
        .optional()?;
    let mut sections = vec![account(conn, actor, now)?];
    let exchanges = own::exchanges(conn, actor)?;
    if let Some(person) = &person {
        sections.push(identity(conn, person)?);
        sections.push(applications(conn, actor)?);
        sections.push(exchanges);
        sections.push(training(conn, &person.id)?);
        sections.push(own::training(conn, &person.id)?);
        sections.push(career(conn, &person.id)?);
        sections.push(own::record(conn, &person.id, open)?);
        sections.push(asked_corrections(conn, &person.id)?);
    } else {
        sections.push(exchanges);
    }
    sections.push(seats(conn, actor)?);
    sections.push(mails(conn, actor)?);
    sections.push(traces(conn, actor, person.as_ref())?);
    sections.retain(|section| !section.elements.is_empty());
    let names = readable::Names::read(conn, actor, person.as_ref())?;
    readable::add(&mut sections, &names);
    Ok(Held { etabli_le: shown(Stamp(now)), sections })
}

fn section(titre: &str, elements: Vec<Item>) -> Section {
    Section { titre: titre.to_owned(), elements }
}

fn account(conn: &mut Conn, actor: &Actor, now: jiff::Timestamp) -> Stored<Section> {
    let user = accounts::get_user(conn, &actor.user_id)?;
    let mut elements = vec![
        Item::new("Compte")
            .with("Nom", &user.name)
            .with("Adresse électronique", &user.email)
            .with("Ouvert le", shown(user.created_at))
            .and("Adresse vérifiée le", user.verified_at.map(shown))
            .with(
                "Mot de passe",
                if user.password_hash.is_some() { "choisi (seule son empreinte est gardée)" } else { "aucun" },
            ),
    ];
    for grant in &actor.grants {
        let place = grant.academy.as_deref().unwrap_or("");
        elements.push(Item::new("Rôle").with("Rôle", grant.role.label()).with("Académie", place));
    }
    for key in accounts::passkeys::list_passkeys(conn, &actor.user_id)? {
        let used = key.used_at.map(shown);
        elements.push(
            Item::new("Clé d’accès")
                .with("Nom", key.name)
                .with("Ajoutée le", shown(key.created_at))
                .and("Dernier usage", used),
        );
    }
    for session in sessions::list(conn, &actor.user_id, now)? {
        elements.push(
            Item::new("Session ouverte")
                .with("Ouverte le", shown(session.created_at))
                .with("Dernière action", shown(session.seen_at)),
        );
    }
    if let Some(change) = accounts::address::find_waiting_change(conn, &actor.user_id, now)? {
        elements.push(
            Item::new("Changement d’adresse demandé")
                .with("Nouvelle adresse", change.new_email)
                .with("Le", shown(change.asked_at)),
        );
    }
    elements.extend(own::ways_in(conn, actor)?);
    Ok(section("Votre compte", elements))
}

fn identity(conn: &mut Conn, person: &PersonRow) -> Stored<Section> {
    let mut elements = vec![
        Item::new("État civil et coordonnées")
            .with("Civilité", &person.civility)
            .with("Nom de naissance", &person.birth_name)
            .and("Nom d’usage", person.usage_name.as_ref())
            .with("Prénoms", &person.first_names)
            .with("Date de naissance", shown_day(person.birth_date))
            .and("Lieu de naissance", person.birth_place.as_ref())
            .with("Adresse électronique", &person.email)
            .and("Téléphone", person.phone.as_ref())
            .with("Académie", &person.academy_code)
            .with("Enregistré le", shown(person.created_at)),
    ];
    let staff: Option<(Option<String>, String, String, Option<Day>)> = staff_records::table
        .find(&person.id)
        .select((staff_records::category, staff_records::corps, staff_records::status, staff_records::contract_date))
        .first(conn)
        .optional()?;
    if let Some((category, corps, status, contract)) = staff {
        elements.push(
            Item::new("Situation professionnelle")
                .and("Catégorie", category)
                .with("Corps", corps)
                .with("Statut", status)
                .and("Date du contrat", contract.map(shown_day)),
        );
    }
    let former: Vec<(String, Option<String>, String, Day, String)> = former_names::table
        .filter(former_names::person_id.eq(&person.id))
        .order(former_names::changed_on)
        .select((
            former_names::birth_name,
            former_names::usage_name,
            former_names::first_names,
            former_names::changed_on,
            former_names::reason,
        ))
        .load(conn)?;
    for (birth, usage, first, until, reason) in former {
        elements.push(
            Item::new("Nom porté auparavant")
                .with("Nom de naissance", birth)
                .and("Nom d’usage", usage)
                .with("Prénoms", first)
                .with("Jusqu’au", shown_day(until))
                .with("Justification", reason),
        );
    }
    Ok(section("Votre identité", elements))
}

fn applications(conn: &mut Conn, actor: &Actor) -> Stored<Section> {
    let mut elements = Vec::new();
    for view in registration::list_files_of_user(conn, &actor.user_id)? {
        let (file, session) = (&view.registration, &view.session);
        let name = format!("Session {}", session.year);
        elements.push(
            Item::new(format!("{name} – candidature"))
                .with("Numéro", &file.number)
                .with("État", &file.state)
                .with("Corps", &file.corps)
                .with("Statut", &file.status)
                .and("Date du contrat", file.contract_date.map(shown_day))
                .with("Établissement", &file.school_name)
                .and("UAI", file.uai.as_ref())
                .with("Département", &file.department)
                .and("Aménagement", file.accommodation.as_ref())
                .with("Déposée le", shown(file.submitted_at)),
        );
        for (_, label, state) in &view.pieces {
            elements.push(Item::new(format!("{name} – pièce")).with("Pièce", label).with("État", state));
        }
        for mark in &view.kept_marks {
            elements.push(
                Item::new(format!("{name} – note conservée"))
                    .with("Épreuve", mark.epreuve)
                    .with("Note", Mark::from_hundredths(mark.mark).shown())
                    .with("Session d’origine", mark.origin_year),
            );
        }
        // A proposal is a draft of the office; a decision is told.
        let decided: Vec<(String, String, Option<String>, Option<String>, Option<Stamp>)> = decisions::table
            .filter(decisions::registration_id.eq(&file.id))
            .filter(decisions::kind.eq("eligibility"))
            .filter(decisions::decided_at.is_not_null())
            .order(decisions::decided_at)
            .select((decisions::rule, decisions::law, decisions::outcome, decisions::reasons, decisions::decided_at))
            .load(conn)?;
        for (rule, law, outcome, reasons, at) in decided {
            elements.push(
                Item::new(format!("{name} – décision"))
                    .with("Règle", rule)
                    .with("Texte", law)
                    .and("Décision", outcome)
                    .and("Motifs", reasons)
                    .and("Le", at.map(shown)),
            );
        }
        if session.state.is_convened() {
            for slot in schedule::slots_of_registration(conn, &file.id)? {
                elements.push(
                    Item::new(format!("{name} – convocation"))
                        .with("Épreuve", slot.slot.epreuve)
                        .with("Début", shown(slot.slot.starts_at))
                        .with("Fin", shown(slot.slot.ends_at))
                        .with("Lieu", format!("{}, {}", slot.slot.site, slot.slot.room)),
                );
            }
        }
        if let Some(line) = publication::find_public_result(conn, session, &file.id)? {
            for row in &line.evaluations {
                elements.push(
                    Item::new(format!("{name} – note publiée"))
                        .with("Épreuve", row.epreuve)
                        .and("Note", row.mark.map(|mark| Mark::from_hundredths(mark).shown()))
                        .and("Appréciation", row.appraisal.as_ref()),
                );
            }
            if let Some(explained) = &line.explained {
                elements.push(
                    Item::new(format!("{name} – résultat"))
                        .with("Résultat", explained.outcome.agreed(&line.person.civility))
                        .with("Comment il a été établi", explained.sentences.join(" "))
                        .with("Texte", &explained.law),
                );
                if let Some(issued) = super::certificate::find_of_registration(conn, &file.id)? {
                    elements.push(Item::new(format!("{name} – certificat")).with("Numéro", issued.number));
                }
            }
        }
    }
    Ok(section("Vos candidatures", elements))
}

fn training(conn: &mut Conn, person_id: &str) -> Stored<Section> {
    let mut elements = Vec::new();
    let rows: Vec<(String, String, i32, Stamp, Option<Stamp>)> = enrolments::table
        .inner_join(training_sessions::table)
        .filter(enrolments::person_id.eq(person_id))
        .order(enrolments::enrolled_at)
        .select((
            enrolments::id,
            training_sessions::title,
            training_sessions::school_year,
            enrolments::enrolled_at,
            enrolments::withdrawn_at,
        ))
        .load(conn)?;
    for (id, title, year, from, until) in rows {
        elements.push(
            Item::new("Formation")
                .with("Intitulé", title)
                .with("Année scolaire", year)
                .with("Inscrit le", shown(from))
                .and("Retiré le", until.map(shown)),
        );
        let hours: Vec<(String, Day, i32)> = attendances::table
            .filter(attendances::enrolment_id.eq(&id))
            .order((attendances::held_on, attendances::module_code))
            .select((attendances::module_code, attendances::held_on, attendances::minutes))
            .load(conn)?;
        for (module, day, minutes) in hours {
            elements
                .push(Item::new("Présence").with("Module", module).with("Le", shown_day(day)).with("Minutes", minutes));
        }
    }
    let known: Vec<(String, String, i32, Day)> = evidence::table
        .filter(evidence::person_id.eq(person_id))
        .order((evidence::dated_on, evidence::id))
        .select((evidence::item_code, evidence::source, evidence::level, evidence::dated_on))
        .load(conn)?;
    for (item, source, level, day) in known {
        elements.push(
            Item::new("Compétence")
                .with("Élément du référentiel", item)
                .with("Source", source)
                .with("Niveau", level)
                .with("Le", shown_day(day)),
        );
    }
    Ok(section("Votre formation et vos compétences", elements))
}

fn career(conn: &mut Conn, person_id: &str) -> Stored<Section> {
    let mut elements = Vec::new();
    let lines: Vec<(String, String, Day)> = career_lines::table
        .filter(career_lines::person_id.eq(person_id))
        .order(career_lines::rank)
        .select((career_lines::corps, career_lines::status, career_lines::starts_on))
        .load(conn)?;
    for (corps, status, from) in lines {
        elements
            .push(Item::new("Carrière").with("Corps", corps).with("Statut", status).with("Depuis le", shown_day(from)));
    }
    let places: Vec<(String, String, i32, Day, Option<Day>)> = postings::table
        .filter(postings::person_id.eq(person_id))
        .order(postings::starts_on)
        .select((postings::level, postings::place, postings::quota, postings::starts_on, postings::ends_on))
        .load(conn)?;
    for (level, place, quota, from, until) in places {
        elements.push(
            Item::new("Affectation")
                .with("Niveau", level)
                .with("Lieu", place)
                .with("Quotité (%)", quota)
                .with("Du", shown_day(from))
                .and("Au", until.map(shown_day)),
        );
    }
    let acts: Vec<(String, Day)> = exercised_activities::table
        .filter(exercised_activities::person_id.eq(person_id))
        .order(exercised_activities::since)
        .select((exercised_activities::item_code, exercised_activities::since))
        .load(conn)?;
    for (item, since) in acts {
        elements.push(
            Item::new("Activité exercée").with("Élément du référentiel", item).with("Depuis le", shown_day(since)),
        );
    }
    Ok(section("Votre parcours", elements))
}

fn asked_corrections(conn: &mut Conn, person_id: &str) -> Stored<Section> {
    let rows: Vec<(String, String, String, String, Stamp, Option<String>)> = corrections::table
        .filter(corrections::person_id.eq(person_id))
        .order(corrections::asked_at)
        .select((
            corrections::field,
            corrections::proposed,
            corrections::reason,
            corrections::state,
            corrections::asked_at,
            corrections::answer,
        ))
        .load(conn)?;
    let shown_one =
        |(field, proposed, reason, state, at, answer): (String, String, String, String, Stamp, Option<String>)| {
            Item::new("Correction demandée")
                .with("Donnée", field)
                .with("Valeur proposée", proposed)
                .with("Motif", reason)
                .with("État", state)
                .with("Le", shown(at))
                .and("Réponse", answer)
        };
    Ok(section("Vos demandes de correction", rows.into_iter().map(shown_one).collect()))
}

fn seats(conn: &mut Conn, actor: &Actor) -> Stored<Section> {
    let rows: Vec<(i32, String, String, String, Option<String>, String)> = jurors::table
        .inner_join(exam_sessions::table)
        .filter(jurors::user_id.eq(&actor.user_id))
        .order(exam_sessions::year)
        .select((
            exam_sessions::year,
            exam_sessions::academy_code,
            jurors::quality,
            jurors::email,
            jurors::phone,
            jurors::availability,
        ))
        .load(conn)?;
    let shown_one = |(year, academy, quality, email, phone, availability): (
        i32,
        String,
        String,
        String,
        Option<String>,
        String,
    )| {
        Item::new(format!("Session {year}"))
            .with("Académie", academy)
            .with("Qualité", quality)
            .with("Adresse électronique", email)
            .and("Téléphone", phone)
            .with("Disponibilité", availability)
    };
    Ok(section("Votre place au jury", rows.into_iter().map(shown_one).collect()))
}

/// Messages sent to the account's address; a personal link in them is a key, so that it is not written again.
fn mails(conn: &mut Conn, actor: &Actor) -> Stored<Section> {
    let rows: Vec<(String, String, String, Stamp)> = outbox::table
        .filter(outbox::recipient.eq(&actor.email))
        .order((outbox::created_at, outbox::id))
        .select((outbox::subject, outbox::body_text, outbox::state, outbox::created_at))
        .load(conn)?;
    let shown_one = |(subject, body, state, at): (String, String, String, Stamp)| {
        Item::new("Courriel")
            .with("Objet", subject)
            .with("Le", shown(at))
            .with("État", state)
            .with("Texte", without_keys(&body))
    };
    Ok(section("Les courriels qui vous ont été adressés", rows.into_iter().map(shown_one).collect()))
}

fn without_keys(body: &str) -> String {
    let is_key =
        |word: &str| ["/lien/", "/compte/creation/", "/compte/adresse/"].iter().any(|path| word.contains(path));
    body.split_inclusive(char::is_whitespace)
        .map(|word| if is_key(word) { "[lien personnel] " } else { word })
        .collect()
}

/// The acts on one's account and files; who else acted is said by their quality, not by their name.
fn traces(conn: &mut Conn, actor: &Actor, person: Option<&PersonRow>) -> Stored<Section> {
    let person_id = person.map_or("", |person| person.id.as_str());
    let rows: Vec<(Stamp, String, String)> = audit_entries::table
        .filter(
            audit_entries::object_kind
                .eq("user")
                .and(audit_entries::object_id.eq(&actor.user_id))
                .or(audit_entries::object_kind.eq("person").and(audit_entries::object_id.eq(person_id))),
        )
        .order((audit_entries::at, audit_entries::seq))
        .select((audit_entries::at, audit_entries::action, audit_entries::actor_id))
        .load(conn)?;
    let shown_one = |(at, action, who): (Stamp, String, String)| {
        let who = match who.as_str() {
            own if own == actor.user_id => "vous",
            program if program.starts_with("system:") => "le programme",
            _ => "un service",
        };
        Item::new("Acte").with("Le", shown(at)).with("Acte", action).with("Par", who)
    };
    Ok(section("Le journal de ce qui vous concerne", rows.into_iter().map(shown_one).collect()))
}

#[cfg(test)]
mod tests {
    use super::without_keys;

    #[test]
    fn a_personal_link_is_never_written_again() {
        let kept = without_keys("Ouvrez ce lien\u{a0}:\n\nhttps://cplds.example/lien/AbC_1\n\nMerci.");
        assert!(!kept.contains("AbC_1") && kept.contains("[lien personnel]") && kept.contains("Merci."), "{kept}");
    }
}
