//! One chromedriver for one test, and windows that can be narrow, dark, and read by axe-core.
//! Only loopback is ever visited.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::{TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::account::pages::PASSWORD;
use crate::support::browser::site_at;
use crate::support::{Fresh, temp_dir};

/// The folder of the tools that `make test` installs.
pub fn tools() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("CPLDS_TEST_TOOLS").map_or_else(|| here.join(".tools"), PathBuf::from)
}

/// A chromedriver on a port of its own; it ends with the test.
pub struct Driver {
    process: Child,
    port: u16,
    profiles: PathBuf,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profiles);
    }
}

impl Driver {
    pub fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: run tests/tools/prepare.sh, or make test");
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "chromedriver stopped before it named its port");
            if let Some((_, port)) = line.trim().trim_end_matches('.').rsplit_once("started successfully on port ") {
                break port.parse().unwrap();
            }
        };
        // What it says later must have somewhere to go.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Driver { process, port, profiles: temp_dir("chromium") }
    }

    /// A window with an empty profile.
    pub async fn window(&self) -> Window {
        let profile = self.profiles.join(uuid::Uuid::now_v7().to_string());
        let mut args: Vec<String> = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
            --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars --force-prefers-reduced-motion"
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        args.push(format!("--user-data-dir={}", profile.display()));
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": args } });
        let Value::Object(wanted) = wanted else { unreachable!() };
        let address = format!("http://127.0.0.1:{}", self.port);
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(wanted)
            .connect(&address)
            .await;
        let client = client.unwrap();
        // A loaded machine reads a long page slowly; that is no fault of the page.
        let patience = TimeoutConfiguration::new(Some(Duration::from_secs(60)), None, None);
        client.update_timeouts(patience).await.unwrap();
        Window { client }
    }
}

/// A command that fantoccini has no word for: method, address under the session, what is sent.
#[derive(Debug)]
struct Asked(axum::http::Method, String, Option<Value>);

impl WebDriverCompatibleCommand for Asked {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.1))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (self.0.clone(), self.2.as_ref().map(Value::to_string))
    }
}

/// One window of the browser.
pub struct Window {
    pub client: Client,
}

impl Window {
    async fn ask(&self, method: axum::http::Method, path: &str, body: Option<Value>) -> Value {
        self.client.issue_cmd(Asked(method, path.to_owned(), body)).await.unwrap()
    }

    /// The browser's own protocol: sizes and colour schemes are not part of WebDriver.
    async fn devtools(&self, cmd: &str, params: Value) {
        let command = json!({ "cmd": cmd, "params": params });
        self.ask(axum::http::Method::POST, "goog/cdp/execute", Some(command)).await;
    }

    /// Plugs in a device that keeps passkeys and always knows its owner (WebAuthn, « User Agent Automation »).
    pub async fn plug_authenticator(&self) -> Authenticator<'_> {
        let device = json!({ "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true, "isUserConsenting": true });
        let id = self.ask(axum::http::Method::POST, "webauthn/authenticator", Some(device)).await;
        Authenticator { window: self, path: format!("webauthn/authenticator/{}", id.as_str().unwrap()) }
    }

    /// Becomes the browser that holds these cookies, and no other.
    pub async fn take_over(&self, base: &str, cookies: &BTreeMap<String, String>) {
        self.devtools("Network.clearBrowserCookies", json!({})).await;
        for (name, value) in cookies {
            let cookie = json!({ "name": name, "value": value, "url": base, "httpOnly": true });
            self.devtools("Network.setCookie", cookie).await;
        }
    }

    /// Shows pages this wide, in a light or a dark scheme, from now on.
    pub async fn shape(&self, width: u32, is_dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Shows pages this wide and whole: without scripts, the driver does not scroll to what it clicks.
    pub async fn unroll(&self, width: u32) {
        let size = json!({ "width": width, "height": 8000, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Lets the scripts of pages run, or not, from the next page on. WebDriver itself goes on either way.
    pub async fn scripts(&self, are_on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !are_on })).await;
    }

    /// Shows this text as a page that comes from no site.
    pub async fn show(&self, html: &str) {
        let text: String = html.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.client.goto(&format!("data:text/html;charset=utf-8,{text}")).await.unwrap();
    }

    /// What axe-core and the width find wrong in the page shown; empty when nothing is.
    pub async fn faults(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(tools().join("npm/node_modules/axe-core/axe.min.js"))
            .expect("axe-core is missing: run tests/tools/prepare.sh, or make test");
        self.client.execute(&axe, Vec::new()).await.unwrap();
        let read = "const done = arguments[arguments.length - 1]; \
            axe.run(document, { resultTypes: ['violations'] }).then(found => { \
              const faults = found.violations.map(v => v.id + ' (' + v.help + '): ' + \
                v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(' | ')); \
              const wide = document.documentElement.scrollWidth; \
              if (wide > innerWidth) faults.push('wider than the window: ' + wide + ' px in ' + innerWidth); \
              done(faults); })";
        match self.client.execute_async(read, Vec::new()).await {
            Ok(found) => serde_json::from_value(found).unwrap(),
            // Said as a fault of the page shown, so that the page is named and the others are still read.
            Err(error) => {
                vec![format!("axe-core did not answer: {}", error.to_string().chars().take(80).collect::<String>())]
            }
        }
    }
}

/// What a person does.
impl Window {
    pub async fn go(&self, base: &str, path: &str) {
        self.client.goto(&format!("{base}{path}")).await.unwrap();
    }

    pub async fn text(&self) -> String {
        self.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
    }

    pub async fn says(&self, text: &str) {
        let shown = self.text().await;
        assert!(shown.contains(text), "« {text} » is not in: {shown}");
    }

    pub async fn write(&self, field: &str, text: &str) {
        let field = self.client.find(Locator::Css(&format!("[name=\"{field}\"]"))).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses the button or the link that reads so, and waits for another page.
    pub async fn press(&self, label: &str) {
        let marked = "document.documentElement.dataset.before = '1'";
        self.client.execute(marked, Vec::new()).await.unwrap();
        self.click(label).await;
        let patience = std::time::Duration::from_secs(60);
        let other = Locator::Css("html:not([data-before]) footer");
        self.client.wait().at_most(patience).for_element(other).await.unwrap();
    }

    pub async fn click(&self, label: &str) {
        let path = format!("//main//*[self::a or self::button][starts-with(normalize-space(.), \"{label}\")]");
        self.client.find(Locator::XPath(&path)).await.unwrap().click().await.unwrap();
    }

    pub async fn sign_in_by_password(&self, base: &str, address: &str) {
        self.go(base, "/connexion").await;
        self.write("email", address).await;
        self.write("motdepasse", PASSWORD).await;
        self.press("Se connecter").await;
    }
}

/// Serves the site under a host name, which passkeys need; `behind` is another site over the same accounts.
pub async fn serve(fresh: &Fresh, public_url: Option<&str>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let service = site_at(&fresh.db, public_url.unwrap_or(&own));
    let service = service.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    own
}

/// A device of the window that keeps passkeys.
pub struct Authenticator<'w> {
    window: &'w Window,
    path: String,
}

impl Authenticator<'_> {
    /// Its keys, private part and counter included.
    pub async fn keys(&self) -> Vec<Value> {
        let path = format!("{}/credentials", self.path);
        serde_json::from_value(self.window.ask(axum::http::Method::GET, &path, None).await).unwrap()
    }

    /// Puts this key in the place of all those it has: a copy, with what was changed in it.
    pub async fn keep_only(&self, key: Value) {
        self.window.ask(axum::http::Method::DELETE, &format!("{}/credentials", self.path), None).await;
        self.window.ask(axum::http::Method::POST, &format!("{}/credential", self.path), Some(key)).await;
    }

    /// Whether its owner proves who they are from now on.
    pub async fn set_verified(&self, is_verified: bool) {
        let body = json!({ "isUserVerified": is_verified });
        self.window.ask(axum::http::Method::POST, &format!("{}/uv", self.path), Some(body)).await;
    }
}
