//! The twelve steps of a file as its candidate sees them, and the next date. Nothing after the seal shows before publication.

use crate::domain::academy::french_date;
use crate::domain::session::SessionState;
use crate::store::registration::OPEN_STATES;
use crate::store::session::SessionRow;
use crate::web::session::shown_instant;

pub struct TimeStep {
    pub label: &'static str,
    pub state: &'static str,
    pub when: String,
    pub detail: String,
}

/// What the candidate waits for, with its date when it has one.
pub fn next_date(session: &SessionRow, now: jiff::Timestamp) -> String {
    if now < session.registration_closes_at.0 {
        return format!(
            "Prochaine date : clôture des inscriptions, {}.",
            shown_instant(session, session.registration_closes_at.0)
        );
    }
    match session.state {
        SessionState::Published | SessionState::Archived | SessionState::Sealed | SessionState::Deliberation => {
            String::new()
        }
        _ if now.to_zoned(jiff::tz::TimeZone::UTC).date() <= session.epreuves_to.0 => format!(
            "Prochaine date : période des épreuves, du {} au {}.",
            french_date(session.epreuves_from.0),
            french_date(session.epreuves_to.0)
        ),
        _ => String::new(),
    }
}

/// The twelve steps, with the present one explained. Nothing after the seal shows before publication.
pub fn time_line(
    session: &SessionRow,
    file_state: &str,
    submitted_at: jiff::Timestamp,
    has_certificate: bool,
    now: jiff::Timestamp,
) -> Vec<TimeStep> {
    use SessionState as S;
    let passed = |states: &[S]| states.contains(&session.state);
    let listed = !passed(OPEN_STATES);
    let convened = listed && session.state != S::ListFixed;
    let examined = convened && now.to_zoned(jiff::tz::TimeZone::UTC).date() > session.epreuves_to.0;
    let published = passed(&[S::Published, S::Archived]);
    let over = matches!(file_state, "withdrawn" | "refused");
    let facts: [(&'static str, bool, String, &'static str); 12] = [
        (
            "Ouverture des inscriptions",
            now >= session.registration_opens_at.0,
            shown_instant(session, session.registration_opens_at.0),
            "Les inscriptions ne sont pas encore ouvertes.",
        ),
        ("Dossier déposé", true, shown_instant(session, submitted_at), ""),
        (
            "Clôture des inscriptions",
            now >= session.registration_closes_at.0,
            shown_instant(session, session.registration_closes_at.0),
            "Vous pouvez encore compléter ou retirer votre candidature.",
        ),
        (
            "Examen du dossier",
            listed || over,
            String::new(),
            "Le bureau des examens vérifie vos pièces et votre situation. Il vous écrira s’il manque quelque chose.",
        ),
        (
            "Liste des candidats arrêtée",
            listed,
            session.list_fixed_at.map(|at| shown_instant(session, at.0)).unwrap_or_default(),
            "Le recteur va arrêter la liste des candidats admis à se présenter.",
        ),
        ("Jury nommé", convened, String::new(), "Le jury et ses commissions sont en cours de nomination."),
        ("Convocation", convened, String::new(), "Votre convocation arrivera par courriel et ici même."),
        (
            "Épreuves",
            examined,
            format!("du {} au {}", french_date(session.epreuves_from.0), french_date(session.epreuves_to.0)),
            "Présentez-vous à l’heure et au lieu de votre convocation, avec une pièce d’identité.",
        ),
        (
            "Délibération du jury",
            published,
            String::new(),
            "Le jury délibère. Aucun résultat n’est connu avant la publication.",
        ),
        (
            "Publication des résultats",
            published,
            session.published_at.filter(|_| published).map(|at| shown_instant(session, at.0)).unwrap_or_default(),
            "",
        ),
        ("Relevé de notes", published, String::new(), ""),
        (
            "Certificat",
            has_certificate,
            String::new(),
            "Les certificats sont délivrés aux candidats admis après la publication.",
        ),
    ];
    let mut current_found = over;
    facts
        .into_iter()
        .map(|(label, done, when, detail)| {
            let state = if done {
                "done"
            } else if current_found {
                "todo"
            } else {
                current_found = true;
                "current"
            };
            let detail = if state == "current" { detail.to_owned() } else { String::new() };
            TimeStep { label, state, when, detail }
        })
        .collect()
}
