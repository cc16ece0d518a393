//! The answers of a draft as they are read over: label and value, in the words of the form.

use crate::domain::academy::Academy;
use crate::domain::ids::{Mark, Uai};
use crate::domain::registration::draft::{Context, MEASURES, OTHER, Standing, Step, standings};
use crate::domain::regulation::{Alias, RegulationPack};
use crate::store::draft::DraftView;

/// One step read over.
pub struct Section {
    pub step: Step,
    pub rows: Vec<(String, String)>,
    pub standing: Standing,
}

impl Section {
    pub fn is_faulty(&self) -> bool {
        matches!(self.standing, Standing::Faulty | Standing::Todo)
    }
}

fn label(list: &[Alias], code: &str) -> String {
    list.iter().find(|alias| alias.code == code).map_or_else(|| code.to_owned(), |alias| alias.label.clone())
}

/// Every step that has a say, with what was answered.
pub fn sections(view: &DraftView) -> Vec<Section> {
    standings(&view.answers, &view.context())
        .into_iter()
        .filter(|(step, standing)| *step != Step::Pieces && *standing != Standing::NotNeeded)
        .map(|(step, standing)| Section { step, rows: rows(view, step), standing })
        .collect()
}

fn rows(view: &DraftView, step: Step) -> Vec<(String, String)> {
    let typed = view.answers.typed(step);
    let all = |field: &str| {
        typed
            .and_then(|typed| typed.get(field))
            .map(|values| {
                values.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
            })
            .unwrap_or_default()
    };
    let row = |name: &str, field: &str| (name.to_owned(), all(field));
    match step {
        Step::Identity => vec![
            row("Civilité", "civilite"),
            row("Nom de naissance", "nom"),
            ("Nom d’usage".to_owned(), or(all("nom_usage"), "Aucun")),
            row("Prénoms", "prenoms"),
            row("Date de naissance", "naissance"),
            row("Lieu de naissance", "lieu_naissance"),
            ("Téléphone".to_owned(), or(all("telephone"), "Non communiqué")),
        ],
        Step::Posting if all("lieu") == "service" => vec![row("Service", "service"), row("Département", "departement")],
        Step::Posting => vec![
            ("Établissement".to_owned(), listed(&view.context(), &all("uai")).unwrap_or_else(|| all("etablissement"))),
            row("Code UAI", "uai"),
        ],
        Step::Situation => {
            let corps = match all("corps").as_str() {
                OTHER => all("autre_corps"),
                code => label(&view.pack.corps, code),
            };
            vec![
                ("Corps ou emploi".to_owned(), corps),
                ("Statut".to_owned(), label(&view.pack.statuses, &all("statut"))),
                row("Depuis le", "depuis"),
            ]
        }
        Step::Training => {
            let answer = match all("formation").as_str() {
                "oui" => "Suivie",
                "en_cours" => "En cours",
                "non" => "Non suivie",
                _ => "",
            };
            vec![("Formation préparatoire".to_owned(), answer.to_owned())]
        }
        Step::Kept => kept_rows(view, &all),
        Step::Action => {
            let place = if all("accueil") == "autre" {
                let code = all("accueil_uai");
                format!("{} ({code})", listed(&view.context(), &code).unwrap_or_else(|| all("accueil_nom")))
            } else {
                "Mon établissement".to_owned()
            };
            vec![
                ("Lieu de la séance".to_owned(), place),
                row("Action", "action"),
                row("Nombre de jeunes", "effectif"),
                row("Jours possibles", "jours"),
                ("Dates impossibles".to_owned(), or(all("indisponible"), "Aucune")),
            ]
        }
        Step::Accommodation => {
            let answer = match all("besoin").as_str() {
                "oui" => {
                    let ticked = all("mesures");
                    let mut measures: Vec<String> = MEASURES
                        .iter()
                        .filter(|(code, _)| ticked.split(", ").any(|one| one == *code))
                        .map(|(_, label)| (*label).to_owned())
                        .collect();
                    measures.extend(Some(all("autre")).filter(|other| !other.is_empty()));
                    or(measures.join(", "), "À convenir avec le bureau des examens")
                }
                "non" => "Aucun".to_owned(),
                _ => String::new(),
            };
            vec![("Aménagement demandé".to_owned(), answer)]
        }
        Step::Pieces => Vec::new(),
    }
}

/// The name under which the academy lists the school of this code.
pub fn listed(context: &Context<'_>, code: &str) -> Option<String> {
    context.school(&Uai::parse(code).ok()?).map(str::to_owned)
}

fn or(text: String, empty: &str) -> String {
    if text.is_empty() { empty.to_owned() } else { text }
}

fn kept_rows(view: &DraftView, all: &dyn Fn(&str) -> String) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for epreuve in &view.pack.epreuves {
        let code = &epreuve.code;
        let answer = match all(&format!("note_{code}")).as_str() {
            "" => String::new(),
            "non" => "Je passe l’épreuve".to_owned(),
            "ailleurs" => {
                let academy = all(&format!("note_{code}_academie"));
                format!(
                    "Note de {} obtenue à la session {} ({}), à vérifier sur le relevé",
                    all(&format!("note_{code}_valeur")),
                    all(&format!("note_{code}_session")),
                    Academy::find(&academy).map(Academy::full_name).unwrap_or_default()
                )
            }
            known => known_label(&view.pack, known).unwrap_or_else(|| "Je passe l’épreuve".to_owned()),
        };
        rows.push((format!("Épreuve {code}"), answer));
    }
    rows
}

/// « Je conserve ma note de 12,5 sur 20, de la session 2027 (utilisable jusqu’à la session 2030) », from `2027-1250`.
pub fn known_label(pack: &RegulationPack, value: &str) -> Option<String> {
    let (year, hundredths) = value.split_once('-')?;
    let mark = Mark::from_hundredths(hundredths.parse().ok()?);
    let until = match pack.kept_marks.last_session(year.parse().ok()?) {
        Some(last) => format!("utilisable jusqu’à la session {last}"),
        None => "sans limite de durée à ce jour".to_owned(),
    };
    Some(format!("Je conserve ma note de {} sur 20, de la session {year} ({until})", mark.shown()))
}
