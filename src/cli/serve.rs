//! `cplds serve`: migrate, serve the pages, run the courier and the publications beside them, stop cleanly on SIGTERM.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

use super::demo::refuse_real_data;
use super::{Failure, Outcome, open, with_its_clock};
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::PASSWORD;
use crate::demo::next::open_next_session;
use crate::demo::story::{Plan, play};
use crate::domain::academy::Academy;
use crate::mail::Mailer;
use crate::mail::courier;
use crate::office::{documents, examination, publication, thumbnail, training};
use crate::secret::Secret;
use crate::store::{Db, Stored, pieces, settings};
use crate::vault::Vault;
use crate::web::account::StoredSessions;
use crate::web::{self, AppState};

/// Reads run on as many threads as there are connections: more would only wait for one another.
const READERS: u32 = 16;

pub fn serve(is_demo: bool) -> Outcome {
    let config = Config::from_env()?;
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_new(&config.log)
                .map_err(|e| Failure::new(format!("CPLDS_LOG : « {} » n’est pas compris : {e}", config.log)))?,
        )
        .with_writer(std::io::stderr)
        .init();
    if is_demo && !config.listen.ip().is_loopback() {
        return Err(Failure::new(
            "une démonstration ne s’écoute que sur cette machine : réglez CPLDS_LISTEN sur 127.0.0.1",
        )
        .with_code(2));
    }
    let mut db = open(&config, READERS)?;
    let secret = Secret::open(&config.secret_key_file).map_err(|e| Failure::new(e.to_string()))?;
    settings::bind_secret(&db, &secret)?;
    if db.read_now(settings::is_demo)? != is_demo {
        if !is_demo {
            return Err(Failure::new(
                "cette base est une démonstration, à l’horloge simulée : servez-la avec « serve --demo »",
            )
            .with_code(2));
        }
        refuse_real_data(&db)?;
        fill(&db, &config, &secret)?;
        db = with_its_clock(db)?;
    }
    if is_demo {
        print_accounts(&db)?;
    }
    let mailer = Mailer::from_config(
        config.smtp_url.as_deref(),
        config.smtp_ca_file.as_deref(),
        &config.data_dir,
        &config.mail_from,
    )
    .map_err(|e| Failure::new(e.to_string()))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(READERS as usize + 8)
        .build()
        .map_err(|e| Failure::new(e.to_string()))?
        .block_on(run(config, db, &secret, mailer))
}

/// Plays the story into the empty database, then opens the session after it.
fn fill(db: &Db, config: &Config, secret: &Secret) -> Outcome {
    eprintln!("Préparation de la démonstration…");
    let academy = Academy::find("22").ok_or_else(|| Failure::new("l’académie 22 manque aux données de référence"))?;
    let plan = Plan { academy, year: 2027, count: 60, seed: 2027, table: None, public_url: config.public_url.clone() };
    let clock = Clock::manual(Clock::system().now());
    let staged = db.clone().with_clock(clock.clone());
    play(&staged, &clock, &plan, &mut |_| {})?;
    let vault = Vault::open(&config.pieces, secret).map_err(|e| Failure::new(e.to_string()))?;
    open_next_session(&staged, &clock, &plan, &vault)?;
    Ok(())
}

fn print_accounts(db: &Db) -> Outcome {
    println!("Comptes de démonstration, mot de passe « {PASSWORD} » :");
    for (roles, email) in db.read_now(crate::store::accounts::list_for_demo)? {
        println!("  {email:<44}{roles}");
    }
    Ok(())
}

async fn run(config: Config, db: Db, secret: &Secret, mailer: Mailer) -> Outcome {
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|e| Failure::new(format!("l’adresse {} ne peut pas être ouverte : {e}", config.listen)))?;
    let (stop, stopped) = watch::channel(false);
    let sessions = StoredSessions::shared(&db);
    let public_url = config.public_url.clone();
    let state = AppState::new(db.clone(), config, secret.as_bytes(), sessions)
        .map_err(|_| Failure::new("la clé secrète ne peut pas servir"))?;
    let sweeping = tokio::spawn(sweep(db.clone(), state.vault.clone(), stopped.clone()));
    let jobs = tokio::spawn(keep_publishing(db.clone(), public_url.clone(), stopped.clone()));
    let mails = tokio::spawn(courier::run(db, mailer, stopped.clone()));
    println!("cplds écoute sur {public_url}");
    let service = web::app(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            wait_for_the_end().await;
            let _ = stop.send(true);
        })
        .await
        .map_err(|e| Failure::new(e.to_string()))?;
    for job in [jobs, mails, sweeping] {
        job.await.map_err(|e| Failure::new(e.to_string()))?;
    }
    Ok(())
}

/// Publishes what is due and draws what is missing, until the server stops.
async fn keep_publishing(db: Db, public_url: String, mut stopped: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.changed() => return,
        }
        let (db, url) = (db.clone(), public_url.clone());
        if let Err(error) = tokio::task::spawn_blocking(move || do_what_is_due(&db, &url)).await {
            tracing::error!(%error, "the publishing task stopped; tried again in a second");
        }
    }
}

/// Each work by itself: a letter that cannot be drawn keeps no certificate waiting.
fn do_what_is_due(db: &Db, url: &str) {
    let works: [(&str, &dyn Fn() -> Stored<usize>); 5] = [
        ("publication", &|| publication::publish_what_is_due(db, url)),
        ("answers of training", &|| training::tell_answers(db, url)),
        ("reminders", &|| examination::remind_what_is_due(db, url)),
        ("letters", &|| examination::draw_letters(db)),
        ("certificates", &|| documents::draw_certificates(db)),
    ];
    for (work, run) in works {
        if let Err(error) = run() {
            tracing::error!(%error, work, "what is due failed; tried again in a second");
        }
    }
}

/// Takes out of the vault, at the start and then every day, the files that no row names.
async fn sweep(db: Db, vault: Vault, mut stopped: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(Duration::from_secs(24 * 3600));
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.changed() => return,
        }
        // The vault's dates are the machine's: a demonstration's shifted clock says nothing of them.
        let now = Clock::system().now();
        match db.read(pieces::list_named).await {
            Ok(named) => match thumbnail::sweep(&vault, &named, now).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "files that no row names left the vault"),
                Err(error) => tracing::error!(%error, "the vault could not be swept"),
            },
            Err(error) => tracing::error!(%error, "the vault could not be swept"),
        }
    }
}

async fn wait_for_the_end() {
    let interrupt = tokio::signal::ctrl_c();
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be heard");
            let _ = interrupt.await;
            return;
        }
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
