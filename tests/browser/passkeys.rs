//! Passkeys with a browser and a device that keeps them: added, named, used, removed; and every answer that must not open.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cplds::domain::permission::Role;
use cplds::store::schema::{passkeys, users};
use diesel::prelude::*;
use fantoccini::Locator;
use jiff::SignedDuration;
use serde_json::Value;

use super::driver::{Driver, Window, serve};
use crate::account::loaded;
use crate::account::pages::with_password;
use crate::support::{Fresh, connect, each_engine};

const ADDRESS: &str = "ines@ac-limoges.example";
const OTHER: &str = "paul@ac-limoges.example";

impl Window {
    async fn sign_out(&self, base: &str) {
        self.go(base, "/deconnexion").await;
        self.press("Se déconnecter").await;
    }

    /// From the sign-in page to whatever follows the device's answer.
    async fn sign_in_by_key(&self, base: &str) {
        self.go(base, "/connexion").await;
        self.press("Se connecter avec une clé d’accès").await;
        self.press("Utiliser ma clé d’accès").await;
    }

    pub async fn add_key(&self, base: &str, name: &str) {
        self.go(base, "/compte/cles").await;
        self.write("nom", name).await;
        self.press("Continuer").await;
        self.press("Enregistrer la clé d’accès").await;
    }

    async fn is_in(&self, base: &str) -> bool {
        self.go(base, "/compte").await;
        !self.client.current_url().await.unwrap().path().starts_with("/connexion")
    }

    /// The form that the device's answer fills, kept from leaving.
    async fn answered(&self, base: &str) -> String {
        self.go(base, "/connexion").await;
        self.press("Se connecter avec une clé d’accès").await;
        let keep = "HTMLFormElement.prototype.submit = function () { \
            document.body.dataset.kept = new URLSearchParams(new FormData(this)).toString(); }";
        self.client.execute(keep, Vec::new()).await.unwrap();
        self.click("Utiliser ma clé d’accès").await;
        let kept = self.client.wait().for_element(Locator::Css("body[data-kept]")).await.unwrap();
        kept.attr("data-kept").await.unwrap().unwrap()
    }

    /// Sends a kept answer again from the page shown, with the token of that page.
    async fn send_again(&self, kept: &str) -> StatusCode {
        let send = "const done = arguments[arguments.length - 1]; \
            const form = new URLSearchParams(arguments[0]); \
            form.set('csrf', document.querySelector('main [name=csrf]').value); \
            fetch('/connexion/cle/reponse', { method: 'POST', body: form }).then((answer) => done(answer.status));";
        let status = self.client.execute_async(send, vec![kept.into()]).await.unwrap();
        StatusCode::from_u16(u16::try_from(status.as_u64().unwrap()).unwrap()).unwrap()
    }
}

/// Tells a story in a window with a device, on each engine; `base` is the address of the site.
fn story(tell: impl AsyncFn(&Fresh, &Window, &str)) {
    each_engine(|fresh| {
        let db = loaded(fresh);
        for address in [ADDRESS, OTHER] {
            with_password(db, address, &[(Role::Candidate, Some("22"))]);
        }
        let driver = Driver::start();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let base = serve(fresh, None).await;
            let window = driver.window().await;
            tell(fresh, &window, &base).await;
            window.client.clone().close().await.unwrap();
        });
    });
}

fn changed(key: &Value, field: &str, value: Value) -> Value {
    let mut key = key.clone();
    key[field] = value;
    key
}

#[test]
fn a_passkey_is_added_named_used_and_once_removed_opens_no_more() {
    story(async |_, window, base| {
        let device = window.plug_authenticator().await;
        window.sign_in_by_password(base, ADDRESS).await;
        window.add_key(base, "Mon téléphone").await;
        window.says("La clé d’accès est ajoutée").await;
        window.says("Mon téléphone").await;
        window.says("jamais").await;
        let [key] = device.keys().await.try_into().unwrap();
        assert_eq!(key["isResidentCredential"], true, "it signs in without an address");
        assert_eq!(key["rpId"], "localhost");
        window.sign_out(base).await;
        assert!(!window.is_in(base).await);

        window.sign_in_by_key(base).await;
        assert!(window.is_in(base).await);
        window.says("Deux facteurs").await;
        window.go(base, "/compte/cles").await;
        assert!(!window.text().await.contains("jamais"), "its last use is shown");
        window.press("Renommer").await;
        window.write("nom", "  ").await;
        window.press("Enregistrer ce nom").await;
        window.says("Donnez un nom à cette clé").await;
        window.write("nom", "Mon ordinateur").await;
        window.press("Enregistrer ce nom").await;
        window.says("Mon ordinateur").await;

        // The same device is not asked to keep a second key of the account.
        window.write("nom", "Encore").await;
        window.press("Continuer").await;
        window.click("Enregistrer la clé d’accès").await;
        let told = Locator::XPath("//*[@data-passkey-status][contains(., 'Rien n’a été fait')]");
        window.client.wait().for_element(told).await.unwrap();

        window.go(base, "/compte/cles").await;
        window.press("Retirer").await;
        window.press("Retirer cette clé").await;
        window.says("Vous n’avez encore aucune clé d’accès").await;
        window.sign_out(base).await;
        window.sign_in_by_key(base).await;
        window.says("n’ouvre aucun compte ici").await;
        assert!(!window.is_in(base).await);
    });
}

#[test]
fn an_answer_is_worth_one_sign_in_within_five_minutes() {
    story(async |fresh, window, base| {
        let _device = window.plug_authenticator().await;
        window.sign_in_by_password(base, ADDRESS).await;
        window.add_key(base, "Clé").await;
        window.sign_out(base).await;
        let kept = window.answered(base).await;
        assert_eq!(window.send_again(&kept).await, StatusCode::OK);
        assert!(window.is_in(base).await, "the answer was good");
        window.sign_out(base).await;
        window.go(base, "/connexion").await;
        assert_eq!(window.send_again(&kept).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!window.is_in(base).await);

        let kept = window.answered(base).await;
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(5));
        assert_eq!(window.send_again(&kept).await, StatusCode::UNPROCESSABLE_ENTITY, "five minutes are over");
        let kept = window.answered(base).await;
        fresh.clock.set(fresh.clock.now() + SignedDuration::from_mins(5) - SignedDuration::from_secs(1));
        assert_eq!(window.send_again(&kept).await, StatusCode::OK);
    });
}

#[test]
fn a_copy_of_a_key_one_of_another_account_or_of_another_site_opens_nothing() {
    story(async |fresh, window, base| {
        let other: String =
            users::table.filter(users::email_key.eq(OTHER)).select(users::id).first(&mut connect(fresh)).unwrap();
        let device = window.plug_authenticator().await;
        window.sign_in_by_password(base, ADDRESS).await;
        window.add_key(base, "Clé").await;
        window.sign_out(base).await;
        let count = |fresh: &Fresh| -> String {
            let stored: String = passkeys::table.select(passkeys::credential).first(&mut connect(fresh)).unwrap();
            serde_json::from_str::<Value>(&stored).unwrap()["cred"]["counter"].to_string()
        };
        window.sign_in_by_key(base).await;
        assert!(window.is_in(base).await);
        let known = count(fresh);
        window.sign_out(base).await;
        let [key] = device.keys().await.try_into().unwrap();
        assert_eq!(key["signCount"].to_string(), known, "the counter is kept");

        // A copy that has signed less than its original.
        device.keep_only(changed(&key, "signCount", 1.into())).await;
        window.sign_in_by_key(base).await;
        window.says("n’ouvre aucun compte ici").await;
        assert_eq!(count(fresh), known);

        // The key says that it is somebody else's.
        let handle = uuid::Uuid::parse_str(&other).unwrap();
        let handle = URL_SAFE_NO_PAD.encode(handle.as_bytes());
        device.keep_only(changed(&key, "userHandle", handle.into())).await;
        window.sign_in_by_key(base).await;
        window.says("n’ouvre aucun compte ici").await;

        // A device that did not see its owner.
        device.keep_only(key.clone()).await;
        device.set_verified(false).await;
        window.go(base, "/connexion").await;
        window.press("Se connecter avec une clé d’accès").await;
        window.click("Utiliser ma clé d’accès").await;
        let told = Locator::XPath("//*[@data-passkey-status][contains(., 'Rien n’a été fait')]");
        window.client.wait().for_element(told).await.unwrap();
        device.set_verified(true).await;

        // Another port is another site, even with this site's pages and accounts.
        let elsewhere = serve(fresh, Some(base)).await;
        window.sign_in_by_key(&elsewhere).await;
        window.says("n’ouvre aucun compte ici").await;
        assert!(!window.is_in(&elsewhere).await);
        window.sign_in_by_key(base).await;
        assert!(window.is_in(base).await, "the key itself still opens");
    });
}
