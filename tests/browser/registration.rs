//! A registration on a telephone's width with scripts switched off: every page opened, filled and sent as a person would,
//! a file included. Then the same pages are read by axe-core, which needs a script of its own.

use cplds::store::schema::{outbox, registrations};
use diesel::prelude::*;
use fantoccini::Locator;

use super::driver::{Driver, Window};
use crate::draft::{IDENTITY, REST};
use crate::pieces::photo;
use crate::registration::open_with_pieces;
use crate::support::browser::site_at;
use crate::support::web::{PASSWORD, Site};
use crate::support::{connect, sqlite, temp_dir};

/// Gives each answer to its field: a choice is clicked, a list is opened, a text is typed.
async fn answer(window: &Window, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let choice = format!("input[name='{name}'][value='{value}']:is([type=radio],[type=checkbox])");
        if let Ok(found) = window.client.find(Locator::Css(&choice)).await {
            found.click().await.unwrap();
            continue;
        }
        let field = format!("[name='{name}']");
        let found = window.client.find(Locator::Css(&field)).await.unwrap_or_else(|_| panic!("no field {name}"));
        if found.tag_name().await.unwrap() == "select" {
            found.select_by_value(value).await.unwrap();
        } else {
            found.clear().await.unwrap();
            found.send_keys(value).await.unwrap();
        }
    }
}

/// Presses the first button of the page's own form, and waits for the page it leads to.
async fn send(window: &Window, button: &str) {
    let shown = window.client.find(Locator::Css("main")).await.unwrap();
    let path = format!("//main//button[contains(., '{button}')]");
    let pressed = window.client.find(Locator::XPath(&path)).await.unwrap_or_else(|_| panic!("no button {button}"));
    pressed.click().await.unwrap();
    // The page that was left is stale once the next one stands.
    let left = async {
        while shown.tag_name().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    assert!(tokio::time::timeout(patience, left).await.is_ok(), "{button} leads nowhere");
    window.client.wait().for_element(Locator::Css("main h1")).await.unwrap();
}

async fn text(window: &Window) -> String {
    window.client.find(Locator::Css("main")).await.unwrap().text().await.unwrap()
}

async fn says(window: &Window, said: &str) {
    let shown = text(window).await;
    assert!(shown.contains(said), "{said} is not in: {shown}");
}

#[test]
fn a_registration_is_made_on_a_telephones_width_with_scripts_switched_off() {
    let fresh = sqlite();
    let _site = Site::new(&fresh);
    let session = open_with_pieces(&fresh);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = temp_dir("photo");
    let photograph = folder.join("carte.jpg");
    std::fs::write(&photograph, photo(90)).unwrap();
    let driver = Driver::start();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = site_at(&fresh.db, &base).into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let window = driver.window().await;
        window.scripts(false).await;
        window.unroll(320).await;
        window.show("<!doctype html><title>sans</title><script>document.title = 'avec'</script>").await;
        assert_eq!(window.client.title().await.unwrap(), "sans", "no script of a page runs");
        let goto = async |path: &str| window.client.goto(&format!("{base}{path}")).await.unwrap();

        goto("/inscription").await;
        let five =
            [("corps", "certifie"), ("statut", "titulaire"), ("academie", "22"), ("formation", "oui"), ("note", "non")];
        answer(&window, &five).await;
        send(&window, "Voir la réponse").await;
        says(&window, "Vous pouvez vous inscrire").await;

        goto("/compte/creation").await;
        answer(&window, &[("email", "ines.martin@ac-limoges.example")]).await;
        send(&window, "Recevoir le lien").await;
        let mail: String = outbox::table.select(outbox::body_text).first(&mut connect(&fresh)).unwrap();
        let token = mail.split_once("/compte/creation/").unwrap().1.split_whitespace().next().unwrap().to_owned();
        goto(&format!("/compte/creation/{token}")).await;
        answer(&window, &[("nom", "Inès Martin"), ("nouveau", PASSWORD), ("confirmation", PASSWORD)]).await;
        send(&window, "Ouvrir mon compte").await;
        says(&window, "Aucun dossier n’est rattaché").await;

        goto("/inscription/commencer").await;
        answer(&window, &[("session", session.as_str())]).await;
        send(&window, "Commencer").await;
        let draft = window.client.current_url().await.unwrap().path().to_owned();
        goto(&format!("{draft}/identite")).await;
        answer(&window, IDENTITY).await;
        send(&window, "Enregistrer et continuer").await;
        // Each step leads to the next by itself.
        for (step, fields) in REST {
            assert!(window.client.current_url().await.unwrap().path().ends_with(step), "{step} comes next");
            answer(&window, fields).await;
            send(&window, "Enregistrer et continuer").await;
        }
        let pieces = draft.replace("/inscription/", "/mon-dossier/") + "/pieces";
        goto(&pieces).await;
        let field = window.client.find(Locator::Css("#champ-fichiers-identite")).await.unwrap();
        field.send_keys(&photograph.display().to_string()).await.unwrap();
        send(&window, "Envoyer").await;
        says(&window, "carte.jpg").await;
        goto(&format!("{draft}/verification")).await;
        says(&window, "Lycée Turgot").await;
        answer(&window, &[("declaration", "oui")]).await;
        send(&window, "Déposer mon dossier").await;
        says(&window, "22-27-0001").await;

        // The same pages, and those of errors, with scripts: wide, narrow, dark.
        let file = draft.replace("/inscription/", "/mon-dossier/");
        window.scripts(true).await;
        let mut faults = Vec::new();
        for path in [
            "/inscription?corps=certifie&statut=titulaire&academie=22&formation=non&note=1".to_owned(),
            "/inscription?corps=&statut=".to_owned(),
            "/mon-dossier".to_owned(),
            pieces,
            format!("{file}/depot"),
            format!("{file}/retrait"),
            "/compte/donnees".to_owned(),
        ] {
            goto(&path).await;
            for (width, is_dark) in [(1280, false), (320, true)] {
                window.shape(width, is_dark).await;
                faults.extend(window.faults().await.into_iter().map(|fault| format!("{path} at {width}: {fault}")));
            }
        }
        window.client.close().await.unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    });
    let number: String = registrations::table.select(registrations::number).first(&mut connect(&fresh)).unwrap();
    assert_eq!(number, "22-27-0001");
    let _ = std::fs::remove_dir_all(folder);
}
