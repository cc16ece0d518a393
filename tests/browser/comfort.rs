//! What scripts add for whoever has them: the end of the session told and put off, single keys, wordings put in place;
//! and a form that came too late, given back after a sign-in by passkey.

use std::time::Duration;

use cplds::domain::permission::Role;
use fantoccini::Locator;
use jiff::SignedDuration;

use super::driver::{Driver, Window, serve};
use crate::account::pages::with_password;
use crate::draft::begin;
use crate::examination::{file_of, open_with};
use crate::registration::open_with_pieces;
use crate::support::browser::Browser;
use crate::support::web::Site;
use crate::support::{Fresh, sqlite};

const INES: &str = "ines@ac-limoges.example";
const OFFICER: &str = "bureau@ac-limoges.example";

fn in_a_window(fresh: &Fresh, tell: impl AsyncFn(&Window, &str)) {
    let driver = Driver::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let base = serve(fresh, None).await;
        let window = driver.window().await;
        tell(&window, &base).await;
        window.client.clone().close().await.unwrap();
    });
}

impl Window {
    async fn appears(&self, css: &str) {
        let patience = Duration::from_secs(60);
        self.client
            .wait()
            .at_most(patience)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|_| panic!("no {css}"));
    }

    async fn value(&self, field: &str) -> String {
        let script = "return document.querySelector(arguments[0]).value";
        let value = self.client.execute(script, vec![format!("[name=\"{field}\"]").into()]).await.unwrap();
        value.as_str().unwrap().to_owned()
    }

    async fn presses(&self, key: &str) {
        self.client.active_element().await.unwrap().send_keys(key).await.unwrap();
    }

    async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }
}

#[test]
fn the_end_of_a_session_is_told_before_it_and_staying_leaves_what_was_typed() {
    let fresh = sqlite();
    crate::account::loaded(&fresh);
    with_password(&fresh.db, INES, &[(Role::Candidate, Some("22"))]);
    in_a_window(&fresh, async |window, base| {
        window.sign_in_by_password(base, INES).await;
        window.go(base, "/compte/adresse").await;
        window.write("email", "ailleurs@exemple.fr").await;
        assert!(window.client.find(Locator::Css("dialog[open]")).await.is_err(), "nothing to tell yet");
        // Another tab knows that four minutes are left.
        let soon = "localStorage.setItem('cplds-session', String(Date.now() + 239000))";
        window.client.execute(soon, Vec::new()).await.unwrap();
        window.appears("dialog#session[open]").await;
        window.says("Vous serez déconnecté dans 4 minutes. Votre saisie reste sur cette page.").await;
        assert_eq!(window.faults().await, Vec::<String>::new());
        // The keyboard is inside the warning, and its first button stays signed in.
        let within = "return document.activeElement.closest('dialog') !== null";
        assert_eq!(window.client.execute(within, Vec::new()).await.unwrap(), true);
        let stay = window.client.find(Locator::Css("dialog [type=submit]")).await.unwrap();
        stay.click().await.unwrap();
        window.appears("dialog#session:not([open])").await;
        assert_eq!(window.value("email").await, "ailleurs@exemple.fr");
        let left = "return Number(localStorage.getItem('cplds-session')) - Date.now() > 3600000";
        assert_eq!(window.client.execute(left, Vec::new()).await.unwrap(), true, "hours again");
        // Dismissed, it does not come back before the end; then it says that nothing is lost.
        window.client.execute(soon, Vec::new()).await.unwrap();
        window.appears("dialog#session[open]").await;
        window.presses("\u{e00c}").await;
        window.appears("dialog#session:not([open])").await;
        let over = "localStorage.setItem('cplds-session', String(Date.now() - 1000))";
        window.client.execute(over, Vec::new()).await.unwrap();
        window.appears("dialog#session[open]").await;
        window.says("Votre session est terminée. Votre saisie est encore sur cette page").await;
    });
}

#[test]
fn single_keys_lead_through_a_file_and_a_wording_goes_to_the_end_of_what_is_typed() {
    let fresh = sqlite();
    let session = open_with(&fresh, 3);
    with_password(&fresh.db, OFFICER, &[(Role::ExamOfficer, Some("22"))]);
    let (file, _) = file_of(&fresh, "eligible");
    let page = format!("/gestion/sessions/{session}/dossiers/{file}");
    in_a_window(&fresh, async |window, base| {
        window.sign_in_by_password(base, OFFICER).await;
        window.go(base, "/gestion/modeles").await;
        let kind = window.client.find(Locator::Css("[name=genre]")).await.unwrap();
        kind.select_by_value("message").await.unwrap();
        window.write("titre", "Reçu").await;
        window.write("texte", "Votre dossier {numero} est reçu.").await;
        window.press("Enregistrer").await;
        window.go(base, &page).await;
        // « i » goes to the pieces, in the page; « m » to the messages.
        window.presses("i").await;
        let at = "return document.activeElement.id";
        assert_eq!(window.client.execute(at, Vec::new()).await.unwrap(), "pieces");
        window.presses("m").await;
        window.appears("form textarea[name=message]").await;
        assert_eq!(window.path().await, format!("{page}/messages"));
        window.write("message", "Bonjour,").await;
        window.click("Insérer ce modèle").await;
        let filled = window.value("message").await;
        assert!(filled.starts_with("Bonjour,\n\nVotre dossier 22-27-"), "{filled}");
        assert_eq!(window.path().await, format!("{page}/messages"), "the page was not left");
        // In a field, a letter is a letter; and the keys can be switched off.
        window.go(base, &page).await;
        window.write("note", "lmsi").await;
        assert_eq!((window.value("note").await.as_str(), window.path().await), ("lmsi", page.clone()));
        let help = window.client.find(Locator::Css("[data-shortcuts] summary")).await.unwrap();
        help.click().await.unwrap();
        window.client.find(Locator::Css("[data-shortcuts] input")).await.unwrap().click().await.unwrap();
        window.presses("m").await;
        assert_eq!(window.path().await, page, "switched off");
        window.go(base, &page).await;
        window.presses("m").await;
        assert_eq!(window.path().await, page, "and remembered");
    });
}

#[test]
fn a_form_that_came_too_late_is_given_back_after_a_sign_in_by_passkey() {
    let fresh = sqlite();
    let session = open_with_pieces(&fresh);
    with_password(&fresh.db, INES, &[(Role::Candidate, Some("22"))]);
    let site = Site::new(&fresh);
    let draft = {
        let mut browser: Browser = site.visitor();
        crate::account::pages::sign_in(&mut browser, INES);
        begin(&mut browser, &session)
    };
    in_a_window(&fresh, async |window, base| {
        let _device = window.plug_authenticator().await;
        window.sign_in_by_password(base, INES).await;
        window.add_key(base, "Téléphone").await;
        window.go(base, &format!("{draft}/identite")).await;
        window.write("nom", "L’ÉCUYER").await;
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_hours(13));
        window.press("Enregistrer et continuer").await;
        window.says("votre session a pris fin").await;
        window.press("Se connecter avec une clé d’accès").await;
        window.press("Utiliser ma clé d’accès").await;
        window.says("Reprendre votre saisie").await;
        window.press("Envoyer").await;
        assert_eq!(window.path().await, format!("{draft}/identite"));
        assert_eq!(window.value("nom").await, "L’ÉCUYER");
    });
}
