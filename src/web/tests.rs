//! The layers seen from outside: headers on every answer, errors with a face, forms that prove where they come from.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::form::RawForm;
use super::page::{CurrentActor, Flash, Shell, see_other};
use super::routes::{Gate, Routes};
use super::security::{Ending, Later, SignedIn};
use super::*;
use crate::domain::permission::{Actor, Grant, Role};

struct Nowhere;

impl Surroundings for Nowhere {
    fn simulated_now(&self) -> Option<String> {
        None
    }
    fn academy_name(&self, _: &str) -> Option<String> {
        None
    }
}

/// `jeton-gestion` belongs to an exam officer; `panne` is a database that does not answer.
struct Sessions;

impl SessionLookup for Sessions {
    fn find<'a>(&'a self, token: &'a str) -> Later<'a, Result<Option<SignedIn>, AppError>> {
        Box::pin(async move {
            match token {
                "panne" => Err(AppError::unavailable("no database")),
                "jeton-gestion" => Ok(Some(SignedIn {
                    token_hash: "empreinte".to_owned(),
                    ending: Ending { at: jiff::Timestamp::UNIX_EPOCH, seconds_left: 1800, can_be_prolonged: true },
                    actor: Actor {
                        grants: vec![Grant { role: Role::ExamOfficer, academy: Some("22".to_owned()) }],
                        is_system: false,
                        name: "Ada Martin".to_owned(),
                        ..Actor::system("test")
                    },
                })),
                _ => Ok(None),
            }
        })
    }
}

pub(super) fn guard(url: &str) -> Arc<Guard> {
    Arc::new(Guard::new(&[1; 32], url, Arc::new(Sessions), Arc::new(Nowhere)).expect("a guard"))
}

/// What an officer sees around a page of the demonstration, with a message.
pub(super) fn signed_in_page() -> Shell {
    let actor = Actor {
        name: "Marie-Anne de La Rochefoucauld-Liancourt".to_owned(),
        grants: [Role::ExamOfficer, Role::TrainingManager, Role::AcademyAdministrator]
            .map(|role| Grant { role, academy: Some("22".to_owned()) })
            .to_vec(),
        ..Actor::system("test")
    };
    Shell {
        actor: Some(Arc::new(actor)),
        academy: Some("Académie de Limoges".to_owned()),
        simulated_now: Some("1er mars 2027 à 9 h 05".to_owned()),
        flash: Some(Flash::success("Le dossier est enregistré.")),
        path: "/gestion/sessions".to_owned(),
        ..Shell::default()
    }
}

async fn echo(form: RawForm) -> String {
    let files: usize = form.files("piece").iter().map(|file| file.bytes.len()).sum();
    format!("nom={} fichiers={files}", form.get("nom"))
}

async fn form_page(shell: Shell) -> String {
    format!("jeton:{}", shell.page("Formulaire").csrf)
}

fn panic_now() -> String {
    panic!("boum")
}

fn site_at(url: &str) -> Router {
    const OFFICE: Gate = Gate::Roles(&[Role::ExamOfficer]);
    const CANDIDATE: Gate = Gate::Roles(&[Role::Candidate]);
    let routes: Routes<()> = Routes::new()
        .get("/formulaire", Gate::Public, form_page)
        .post("/formulaire", Gate::Public, echo)
        .upload("/pieces", Gate::Public, echo)
        .get("/panique", Gate::Public, || async { panic_now() })
        .get("/gestion", OFFICE, |actor: CurrentActor| async move { actor.name.clone() })
        .post("/gestion", OFFICE, || async { Flash::success("Fait.").then("/page") })
        .get("/mon-dossier", CANDIDATE, || async { "dossier" })
        .post("/api/v1/qui", Gate::Bearer, |shell: Shell| async move { format!("{:?}", shell.actor.is_some()) })
        .get("/trop", Gate::Public, || async { AppError::too_many(120) })
        .get("/compte", Gate::SignedIn, || async { see_other("/") })
        .merge(law::routes());
    protected(routes, &guard(url), ())
}

async fn ask(request: Request<Body>) -> Response {
    site_at("http://127.0.0.1:8080").oneshot(request).await.expect("an answer")
}

fn get(path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path)
}

fn post(path: &str) -> axum::http::request::Builder {
    Request::builder().method(Method::POST).uri(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn office_token() -> String {
    guard("http://127.0.0.1:8080").fingerprint("csrf:session", "empreinte")
}

#[tokio::test]
async fn every_answer_carries_the_protections_and_only_assets_are_kept() {
    for path in ["/aide", "/absente", "/panique", "/gestion", "/assets/x/absent.css", "/api/v1/absent"] {
        let answer = ask(get(path).body(Body::empty()).expect("request")).await;
        let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(!header("x-request-id").is_empty(), "{path}");
        assert!(!answer.headers().contains_key("strict-transport-security"), "{path}");
    }
    let asset = ask(get(&assets::url("css/site.css")).body(Body::empty()).expect("request")).await;
    assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(asset.headers()["x-content-type-options"], "nosniff");
    let https = site_at("https://cplds.example");
    let answer = https.oneshot(get("/aide").body(Body::empty()).expect("request")).await.expect("answer");
    assert!(answer.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn an_asset_already_known_is_not_sent_again() {
    let url = assets::url("css/site.css");
    let tag = ask(get(&url).body(Body::empty()).expect("request")).await.headers()[header::ETAG].clone();
    let again = ask(get(&url).header(header::IF_NONE_MATCH, tag).body(Body::empty()).expect("request")).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn errors_are_pages_for_people_and_problems_for_programs() {
    let page = ask(get("/absente").body(Body::empty()).expect("request")).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    let id = page.headers()["x-request-id"].to_str().expect("id").to_owned();
    let html = text(page).await;
    assert!(html.contains("<h1>Page introuvable</h1>") && html.contains(&id), "{html}");

    let problem = ask(get("/api/v1/absent").body(Body::empty()).expect("request")).await;
    assert_eq!(problem.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert!(text(problem).await.contains("\"code\":\"not_found\""));

    let wrong = ask(post("/aide").body(Body::empty()).expect("request")).await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()[header::ALLOW], "GET,HEAD");
    assert!(text(wrong).await.contains("<h1>"));
}

#[tokio::test]
async fn a_panic_and_a_dead_database_have_a_page_that_says_nothing_of_the_cause() {
    let panic = ask(get("/panique").body(Body::empty()).expect("request")).await;
    assert_eq!(panic.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!text(panic).await.contains("boum"));
    let dead = ask(get("/aide").header(header::COOKIE, "cplds=panne").body(Body::empty()).expect("request")).await;
    assert_eq!(dead.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(dead).await.contains("Service momentanément indisponible"));
}

#[tokio::test]
async fn gates_send_strangers_to_sign_in_and_hide_what_is_not_theirs() {
    let stranger = ask(get("/gestion?page=2").body(Body::empty()).expect("request")).await;
    assert_eq!(stranger.status(), StatusCode::SEE_OTHER);
    assert_eq!(stranger.headers()[header::LOCATION], "/connexion?retour=%2Fgestion%3Fpage%3D2");
    let signed =
        |path: &str| get(path).header(header::COOKIE, "cplds=jeton-gestion").body(Body::empty()).expect("request");
    assert_eq!(text(ask(signed("/gestion")).await).await, "Ada Martin");
    assert_eq!(ask(signed("/mon-dossier")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(signed("/compte")).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_without_its_token_or_from_another_site_changes_nothing() {
    let cookie = |builder: axum::http::request::Builder| builder.header(header::COOKIE, "cplds=jeton-gestion");
    let bare = ask(cookie(post("/gestion")).body(Body::empty()).expect("request")).await;
    assert_eq!(bare.status(), StatusCode::FORBIDDEN);
    let with_token = || Body::from(format!("csrf={}", office_token()));
    let foreign = cookie(post("/gestion")).header("origin", "https://mal.example").body(with_token()).expect("request");
    assert_eq!(ask(foreign).await.status(), StatusCode::FORBIDDEN);
    let anonymous = post("/gestion").body(with_token()).expect("request");
    assert_eq!(ask(anonymous).await.status(), StatusCode::FORBIDDEN);

    let good = ask(cookie(post("/gestion")).body(with_token()).expect("request")).await;
    assert_eq!(good.status(), StatusCode::SEE_OTHER);
    let set = good.headers()[header::SET_COOKIE].to_str().expect("cookie");
    assert!(set.starts_with("cplds-message="), "{set}");
}

#[tokio::test]
async fn a_visitor_without_account_gets_a_token_with_the_page_that_holds_a_form() {
    let quiet = ask(get("/aide").body(Body::empty()).expect("request")).await;
    assert!(!quiet.headers().contains_key(header::SET_COOKIE));

    let page = ask(get("/formulaire").body(Body::empty()).expect("request")).await;
    let set = page.headers()[header::SET_COOKIE].to_str().expect("cookie").to_owned();
    let cookie = set.split(';').next().expect("pair").to_owned();
    let body = text(page).await;
    let token = body.strip_prefix("jeton:").expect("token");
    let sent = post("/formulaire")
        .header(header::COOKIE, &cookie)
        .body(Body::from(format!("nom=No%C3%ABl&csrf={token}")))
        .expect("request");
    assert_eq!(text(ask(sent).await).await, "nom=Noël fichiers=0");
    let stolen = post("/formulaire").body(Body::from(format!("csrf={token}"))).expect("request");
    assert_eq!(ask(stolen).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_form_with_files_proves_itself_by_its_first_field() {
    let part = |name: &str, rest: &str, value: &str| {
        format!("--borne\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{value}\r\n")
    };
    let send = |body: String| {
        Request::builder()
            .method(Method::POST)
            .uri("/pieces")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=borne")
            .header(header::COOKIE, "cplds=jeton-gestion")
            .body(Body::from(body + "--borne--\r\n"))
            .expect("request")
    };
    let token = part("csrf", "", &office_token());
    let file = part("piece", "; filename=\"a.pdf\"", "12345");
    let name = part("nom", "", "Noël");
    let good = ask(send(format!("{token}{name}{file}"))).await;
    assert_eq!(text(good).await, "nom=Noël fichiers=5");
    let late = ask(send(format!("{file}{token}"))).await;
    assert_eq!(late.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn too_much_and_unreadable_bodies_are_refused_with_a_sentence() {
    let token = office_token();
    let with = |body: String| {
        post("/formulaire").header(header::COOKIE, "cplds=jeton-gestion").body(Body::from(body)).expect("request")
    };
    let large = ask(with(format!("csrf={token}&nom={}", "a".repeat(routes::FORM_LIMIT)))).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(large).await.contains("256\u{a0}Ko"));
    let latin = ask(with(format!("csrf={token}&nom=No%EBl"))).await;
    assert_eq!(latin.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(text(latin).await.contains("UTF-8"));
}

#[tokio::test]
async fn a_message_is_shown_once() {
    let site = guard("http://127.0.0.1:8080");
    let said = Flash::success("Dossier enregistré.");
    let cookie = format!("cplds-message={}", site.sign_flash(&said));
    let page = ask(get("/aide").header(header::COOKIE, cookie).body(Body::empty()).expect("request")).await;
    let forgotten = page.headers()[header::SET_COOKIE].to_str().expect("cookie").to_owned();
    assert!(forgotten.contains("Max-Age=0"), "{forgotten}");
    assert!(text(page).await.contains("Dossier enregistré."));
}

#[test]
fn every_route_of_the_site_is_in_the_table_with_its_gate() {
    let site = routes();
    assert!(site.table().iter().any(|row| row.path == "/accessibilite" && row.gate == Gate::Public));
}

#[test]
fn only_a_simulated_clock_is_announced_and_academies_are_named() {
    let at = "2027-03-01T08:05:00Z".parse().expect("instant");
    let demonstration = Around { clock: Clock::manual(at) };
    assert_eq!(demonstration.simulated_now().as_deref(), Some("lundi 1er\u{a0}mars 2027 à 9\u{a0}h\u{a0}05"));
    assert_eq!(Around { clock: Clock::system() }.simulated_now(), None);
    assert_eq!(demonstration.academy_name("22").as_deref(), Some("Académie de Limoges"));
}

#[tokio::test]
async fn a_cookie_signs_nobody_in_where_a_bearer_token_is_expected() {
    let request =
        post("/api/v1/qui").header(header::COOKIE, "cplds=jeton-gestion").body(Body::empty()).expect("request");
    assert_eq!(text(ask(request).await).await, "false");
}

#[tokio::test]
async fn too_many_attempts_are_told_how_long_to_wait() {
    let answer = ask(get("/trop").body(Body::empty()).expect("request")).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "120");
    assert!(text(answer).await.contains("2 minutes"));
}

#[tokio::test]
async fn the_whole_site_is_built_from_its_state_and_announces_the_demonstration() {
    let dir = std::env::temp_dir().join(format!("cplds-shell-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let at = "2027-03-01T08:05:00Z".parse().expect("instant");
    let source = crate::store::Source::Sqlite(dir.join("cplds.db"));
    let db = Db::open(source, Clock::manual(at), 1).expect("a database");
    let config = Config::from_vars([]).expect("defaults");
    let state = AppState::new(db, config, &[3; 32], Arc::new(Sessions)).expect("a state");
    let request = get("/aide").header(header::COOKIE, "cplds=jeton-gestion");
    let page = app(state).oneshot(request.body(Body::empty()).expect("request")).await.expect("answer");
    assert_eq!(page.status(), StatusCode::OK);
    let html = text(page).await;
    std::fs::remove_dir_all(&dir).expect("the folder goes");
    for expected in ["1er\u{a0}mars 2027 à 9\u{a0}h\u{a0}05", "Académie de Limoges", "Ada Martin", "href=\"/gestion\""]
    {
        assert!(html.contains(expected), "{expected} is missing");
    }
}
