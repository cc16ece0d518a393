//! The home page: what the certificate is, the doors of each kind of visitor, the calendar of open sessions.
//! Whoever is signed in gets their own doors first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::AppState;
use super::error::AppError;
use super::french::short_date;
use super::page::{Page, Shell, Tone, html};
use super::routes::{Gate, Routes};
use crate::domain::academy::Academy;
use crate::domain::permission::{Actor, JURY, OFFICE, Role};
use crate::store::session::{self, SessionRow};

#[must_use]
pub fn routes() -> Routes<AppState> {
    Routes::new().get("/", Gate::Public, show)
}

struct Door {
    title: &'static str,
    text: &'static str,
    href: &'static str,
    action: &'static str,
}

const CANDIDATE: Door = Door {
    title: "Se présenter à l’examen",
    text: "Vérifiez en cinq questions que vous pouvez vous inscrire, puis déposez votre dossier et suivez-le jusqu’au certificat.",
    href: "/inscription",
    action: "Vérifier et s’inscrire",
};
const COLLEAGUE: Door = Door {
    title: "Jury, bureau des examens, formation",
    text: "Avec le compte auquel vous avez été invité : dossiers, convocations, évaluations, délibération, formation.",
    href: "/connexion",
    action: "Se connecter",
};
const ANYONE: Door = Door {
    title: "Vérifier un certificat",
    text: "Un certificat vous est présenté : contrôlez son authenticité et chacune de ses mentions.",
    href: "/verifier",
    action: "Vérifier un certificat",
};

/// What each role comes for; the first match of each line gives a door.
const OWN: &[(&[Role], Door)] = &[
    (
        &[Role::Candidate],
        Door {
            title: "Mon dossier",
            text: "Où en est votre candidature, ce qui manque, la prochaine date.",
            href: "/mon-dossier",
            action: "Ouvrir mon dossier",
        },
    ),
    (
        JURY,
        Door {
            title: "Jury",
            text: "Vos commissions, le planning de vos journées, vos évaluations.",
            href: "/jury",
            action: "Ouvrir mes commissions",
        },
    ),
    (
        OFFICE,
        Door {
            title: "Gestion des sessions",
            text: "Le tableau de bord de chaque session : ce qui est en retard, ce qui bloque, ce qui vient.",
            href: "/gestion",
            action: "Ouvrir le tableau de bord",
        },
    ),
    (
        &[Role::TrainingManager, Role::Tutor],
        Door {
            title: "Formation",
            text: "Modules, stagiaires, tuteurs, présences et attestations.",
            href: "/formation",
            action: "Ouvrir la formation",
        },
    ),
    (
        &[Role::TrainingManager, Role::AcademyAdministrator],
        Door {
            title: "Personnels",
            text: "Affectations, lettres de mission, compétences et certifications.",
            href: "/personnels",
            action: "Ouvrir les personnels",
        },
    ),
    (
        &[Role::NationalReader],
        Door {
            title: "National",
            text: "Effectifs et résultats de toutes les académies, sans donnée nominative.",
            href: "/national",
            action: "Ouvrir les données nationales",
        },
    ),
    (
        &[Role::AcademyAdministrator, Role::PlatformAdministrator],
        Door {
            title: "Administration",
            text: "Comptes, rôles et valeurs réglementaires.",
            href: "/administration",
            action: "Ouvrir l’administration",
        },
    ),
];

fn doors(actor: Option<&Actor>) -> Vec<&'static Door> {
    let Some(actor) = actor else { return vec![&CANDIDATE, &COLLEAGUE, &ANYONE] };
    let mut doors: Vec<&Door> =
        OWN.iter().filter(|(roles, _)| roles.iter().any(|role| actor.has_role(*role))).map(|(_, door)| door).collect();
    // An account without a role yet is that of a candidate before the first file.
    if doors.is_empty() {
        doors.push(&CANDIDATE);
    }
    doors.push(&ANYONE);
    doors
}

struct CalendarLine {
    academy: String,
    year: i32,
    registration: String,
    epreuves: String,
    tone: Tone,
    state: &'static str,
    is_open: bool,
}

impl CalendarLine {
    /// `None` for a session of an academy this program does not know.
    fn of(row: &SessionRow, now: jiff::Timestamp) -> Option<Self> {
        let academy = Academy::find(&row.academy_code)?;
        let opens = row.registration_opens_at.0;
        let is_open = opens <= now;
        Some(CalendarLine {
            academy: academy.name.clone(),
            year: row.year,
            registration: if is_open {
                format!("jusqu’au {}", academy.show(row.registration_closes_at.0))
            } else {
                format!("à partir du {}", academy.show(opens))
            },
            epreuves: format!("du {} au {}", short_date(row.epreuves_from.0), short_date(row.epreuves_to.0)),
            tone: if is_open { Tone::Success } else { Tone::Neutral },
            state: if is_open { "inscriptions ouvertes" } else { "à venir" },
            is_open,
        })
    }
}

#[derive(Template)]
#[template(path = "home/index.html")]
struct HomePage {
    page: Page,
    doors: Vec<&'static Door>,
    calendar: Vec<CalendarLine>,
}

async fn show(State(app): State<AppState>, shell: Shell) -> Result<Response, AppError> {
    let now = app.clock().now();
    let rows = app.db.read(move |conn| session::list_open_registrations(conn, now)).await?;
    let heading = match &shell.actor {
        Some(_) => "Votre espace",
        None => "Certificat de professionnalisation en matière de lutte contre le décrochage scolaire",
    };
    html(&HomePage {
        page: shell.page("Accueil").heading(heading).without_crumbs(),
        doors: doors(shell.actor.as_deref()),
        calendar: rows.iter().filter_map(|row| CalendarLine::of(row, now)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permission::Grant;

    fn titles(roles: &[Role]) -> Vec<&'static str> {
        let grants = roles.iter().map(|role| Grant { role: *role, academy: Some("22".into()) }).collect();
        let actor = Actor { grants, ..Actor::system("test") };
        doors(Some(&actor)).iter().map(|door| door.title).collect()
    }

    #[test]
    fn everyone_gets_the_doors_of_their_roles_and_the_public_one() {
        assert_eq!(titles(&[Role::Candidate, Role::JuryMember]), ["Mon dossier", "Jury", "Vérifier un certificat"]);
        assert_eq!(titles(&[]), ["Se présenter à l’examen", "Vérifier un certificat"]);
        assert_eq!(doors(None).len(), 3);
    }

    #[test]
    fn every_role_of_a_person_has_a_door_of_its_own() {
        for role in Role::ALL.iter().filter(|role| **role != Role::ServiceAccount) {
            assert!(titles(&[*role]).len() > 1, "{role}");
            assert_ne!(titles(&[*role])[0], CANDIDATE.title, "{role}");
        }
    }
}
