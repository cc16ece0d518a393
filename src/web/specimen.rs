//! A page with every component in every state: its structure is checked here, and the ignored test serves it
//! for whoever changes the style sheet (`CPLDS_TEST_SPECIMEN=127.0.0.1:8090 cargo test specimen_is_served -- --ignored`).

use std::collections::BTreeSet;

use askama::Template;

use super::form::Form;
use super::page::{Page, Pages, Shell, Tone};
use super::routes::{Gate, Routes};
use super::tests::{guard, signed_in_page};
use super::*;

const CHOICES: &[(&str, &str)] = &[
    ("certifie", "Professeur certifié"),
    ("plp", "Professeur de lycée professionnel"),
    ("cdi", "Contractuel en contrat à durée indéterminée, de l’enseignement public ou privé sous contrat"),
];

#[derive(Template)]
#[template(path = "specimen.html")]
struct Specimen {
    page: Page,
    form: Form,
    choices: &'static [(&'static str, &'static str)],
    yes_no: &'static [(&'static str, &'static str)],
    tabs: &'static [(&'static str, &'static str)],
    tones: [Tone; 5],
    steps: Vec<(&'static str, &'static str, &'static str)>,
    rows: Vec<(&'static str, Tone, &'static str)>,
    pages: Pages,
}

fn specimen(shell: &Shell) -> Specimen {
    let mut form = Form::filled([
        ("nom", "d’Ormesson \"& fils\""),
        ("email", "marie@"),
        ("contrat", "cdi"),
        ("note", "21"),
        ("motif", "Premier paragraphe.\n\nSecond."),
        ("secret", "jamais-réaffiché"),
    ]);
    form.refuse("email", "Complétez l’adresse électronique, par exemple prenom.nom@ac-limoges.fr.");
    form.refuse("note", "La note va de 0 à 20.");
    form.refuse("contrat", "Choisissez la nature de votre contrat.");
    form.refuse("piece", "Ajoutez une pièce d’identité.");
    let labels = [
        "Création du compte",
        "Dépôt du dossier",
        "Vérification des pièces",
        "Liste arrêtée",
        "Convocation",
        "Épreuve 1",
        "Épreuve 2",
        "Délibération",
        "Publication",
        "Relevé de notes",
        "Certificat",
        "Registre",
    ];
    let state = |index: usize| ["done", "done", "current"].get(index).copied().unwrap_or("todo");
    Specimen {
        page: shell.page("Composants").under("Aide", "/aide").with_errors(form.is_refused()),
        form,
        choices: CHOICES,
        yes_no: &[("oui", "Oui"), ("non", "Non")],
        tabs: &[("Résumé", "/specimen"), ("Pièces", "/aide"), ("Historique", "/plan-du-site")],
        tones: [Tone::Info, Tone::Success, Tone::Warning, Tone::Error, Tone::Neutral],
        steps: labels.iter().enumerate().map(|(i, label)| (*label, state(i), "12 septembre 2026")).collect(),
        rows: vec![
            ("ABADIE Jean", Tone::Success, "Recevable"),
            ("DE LA ROCHEFOUCAULD-LIANCOURT Marie-Anne", Tone::Warning, "À instruire"),
            ("NOËL Zoé", Tone::Error, "Refusé"),
        ],
        pages: Pages::new("/specimen", [], "5", 50, 480),
    }
}

fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    let opening = format!(" {attribute}=\"");
    html.split(&opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_field_is_labelled_described_and_linked_from_the_summary() {
    let html = specimen(&Shell::default()).render().expect("renders");
    let ids: Vec<&str> = values(&html, "id");
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len(), "an id is used twice: {ids:?}");
    for attribute in ["for", "aria-labelledby"] {
        for target in values(&html, attribute) {
            assert!(known.contains(target), "{attribute} leads nowhere: {target}");
        }
    }
    for targets in values(&html, "aria-describedby") {
        assert!(targets.split(' ').all(|target| known.contains(target)), "{targets}");
    }
    for target in values(&html, "href").into_iter().filter_map(|href| href.strip_prefix('#')) {
        assert!(known.contains(target), "a link of the page leads nowhere: {target}");
    }
    assert_eq!(html.matches("<h1").count(), 1);
}

#[test]
fn typed_text_comes_back_escaped_and_a_password_never_does() {
    let html = specimen(&Shell::default()).render().expect("renders");
    assert!(html.contains("value=\"d’Ormesson &#34;&#38; fils&#34;\""), "the typed name");
    assert!(html.contains("Premier paragraphe.\n\nSecond.</textarea>"), "the typed lines");
    assert!(!html.contains("jamais-réaffiché"));
}

#[test]
fn no_page_needs_style_or_script_of_its_own() {
    let html = specimen(&Shell::default()).render().expect("renders");
    for forbidden in [" style=", "<style", " onclick=", "javascript:", "src=\"http", "href=\"//"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
#[ignore = "serves until it is stopped"]
async fn specimen_is_served() {
    let address = std::env::var("CPLDS_TEST_SPECIMEN").expect("CPLDS_TEST_SPECIMEN names an address");
    let show = |shell: Shell| async move { page::html(&specimen(&shell)) };
    let signed = || async { page::html(&specimen(&signed_in_page())) };
    let routes: Routes<()> = Routes::new()
        .get("/specimen", Gate::Public, show)
        .get("/specimen/connecte", Gate::Public, signed)
        .merge(law::routes());
    let site = protected(routes, &guard(&format!("http://{address}")), ());
    let listener = tokio::net::TcpListener::bind(&address).await.expect("the address is free");
    axum::serve(listener, site).await.expect("serves");
}
