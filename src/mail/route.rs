//! The road to the mail server: the address of `CPLDS_SMTP_URL`, encryption, account, and what its replies mean.
//! A password never crosses the network in clear, and never stands in an error.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::SendFailed;

/// A sentence that says which mail setting is wrong and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MailConfigRefused(pub String);

/// Patience with a server that says nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// Connections kept open at most.
const CONNECTIONS: u32 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    None,
    StartTls,
    FromTheStart,
}

impl Encryption {
    const fn scheme(self) -> &'static str {
        match self {
            Encryption::None => "smtp",
            Encryption::StartTls => "smtp+starttls",
            Encryption::FromTheStart => "smtps",
        }
    }
}

/// A mail server, and how it is spoken to.
pub struct Route {
    host: String,
    port: u16,
    encryption: Encryption,
    account: Option<Credentials>,
    tls: Option<TlsParameters>,
    from: Mailbox,
    /// Made at the first message: its pool of connections wants a running executor.
    transport: OnceLock<AsyncSmtpTransport<Tokio1Executor>>,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.encryption.scheme(), self.host, self.port)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

impl Route {
    /// Reads `smtp://`, `smtps://` or `smtp+starttls://[user:password@]host[:port]`, user and password percent-encoded.
    /// With `ca_file` (PEM), only the servers it vouches for are trusted.
    ///
    /// # Errors
    /// A sentence naming the setting.
    pub(super) fn parse(url: &str, ca_file: Option<&Path>, from: Mailbox) -> Result<Self, MailConfigRefused> {
        let refused = |why: &str| MailConfigRefused(format!("CPLDS_SMTP_URL\u{a0}: {why}"));
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (encryption, usual_port) = match scheme {
            "smtp" => (Encryption::None, 25),
            "smtp+starttls" => (Encryption::StartTls, 587),
            "smtps" => (Encryption::FromTheStart, 465),
            _ => {
                return Err(refused(
                    "l’adresse doit commencer par smtps://, smtp+starttls:// ou smtp:// (exemple\u{a0}: smtp+starttls://compte:motdepasse@smtp.exemple.fr:587)",
                ));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (account, server) = rest.rsplit_once('@').map_or((None, rest), |(account, server)| (Some(account), server));
        let account = account
            .map(|account| {
                let (user, password) = account.split_once(':').ok_or_else(|| {
                    refused("un compte s’écrit avec son mot de passe\u{a0}: smtps://compte:motdepasse@serveur")
                })?;
                let decode = |text| {
                    percent_decode(text).ok_or_else(|| {
                        refused("le compte ou le mot de passe est mal encodé\u{a0}: écrivez %40 pour @, %3A pour :, %2F pour /, %25 pour %")
                    })
                };
                Ok(Credentials::new(decode(user)?, decode(password)?))
            })
            .transpose()?;
        let (host, port) = split_port(server)
            .ok_or_else(|| refused("le port n’est pas un nombre (exemple\u{a0}: smtps://smtp.exemple.fr:465)"))?;
        let port = port.unwrap_or(usual_port);
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        if host.is_empty() || !is_name || port == 0 {
            return Err(refused("l’adresse ne nomme aucun serveur (exemple\u{a0}: smtps://smtp.exemple.fr:465)"));
        }
        if account.is_some() && encryption == Encryption::None && !is_loopback(host) {
            return Err(refused(
                "avec smtp:// le mot de passe passerait en clair sur le réseau\u{a0}; employez smtp+starttls:// ou smtps://",
            ));
        }
        let tls = match encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::FromTheStart => Some(trust(host, ca_file)?),
        };
        Ok(Route { host: host.to_owned(), port, encryption, account, tls, from, transport: OnceLock::new() })
    }

    pub(super) const fn from(&self) -> &Mailbox {
        &self.from
    }

    fn transport(&self) -> &AsyncSmtpTransport<Tokio1Executor> {
        self.transport.get_or_init(|| {
            let tls = match (self.encryption, self.tls.clone()) {
                (Encryption::StartTls, Some(tls)) => Tls::Required(tls),
                (Encryption::FromTheStart, Some(tls)) => Tls::Wrapper(tls),
                _ => Tls::None,
            };
            let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare(&self.host))
                .port(self.port)
                .tls(tls)
                .timeout(Some(SILENCE))
                .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(SILENCE));
            if let Some(account) = &self.account {
                builder = builder.credentials(account.clone());
            }
            builder.build()
        })
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), SendFailed> {
        match self.transport().send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.meaning(&error)),
        }
    }

    fn meaning(&self, error: &lettre::transport::smtp::Error) -> SendFailed {
        // A reply stands in the source of the error, without the words the library puts around it.
        let said = error.status().and_then(|_| std::error::Error::source(error)).map(ToString::to_string);
        let reply = readable(&said.unwrap_or_else(|| error.to_string()));
        let Some(code) = error.status().map(u16::from) else {
            return SendFailed::Transient(format!(
                "Le serveur de messagerie {self} n’a pas pu être joint\u{a0}: {reply}."
            ));
        };
        match code {
            // Our account is refused, not the recipient: the mails wait until the setting is corrected.
            530 | 534 | 535 | 538 => SendFailed::Transient(format!(
                "Le serveur de messagerie {self} refuse le compte de CPLDS_SMTP_URL ({code})\u{a0}: {reply}."
            )),
            500.. => {
                SendFailed::Permanent(format!("Le serveur de messagerie refuse ce message ({code})\u{a0}: {reply}."))
            }
            _ => SendFailed::Transient(format!(
                "Le serveur de messagerie remet ce message à plus tard ({code})\u{a0}: {reply}."
            )),
        }
    }
}

impl Drop for Route {
    /// The transport says goodbye to its server from a task: at the very end of the program, there is nobody left to run one.
    fn drop(&mut self) {
        if tokio::runtime::Handle::try_current().is_err() {
            std::mem::forget(self.transport.take());
        }
    }
}

/// The sender: `adresse@exemple.fr` or `Examens <adresse@exemple.fr>`.
pub(super) fn sender(from: &str) -> Result<Mailbox, MailConfigRefused> {
    let refused = || {
        MailConfigRefused(format!(
            "CPLDS_MAIL_FROM\u{a0}: «\u{a0}{}\u{a0}» n’est pas une adresse d’expéditeur (exemple\u{a0}: Examens <examens@ac-limoges.fr>)",
            readable(from)
        ))
    };
    if from.chars().any(char::is_control) {
        return Err(refused());
    }
    from.trim().parse().map_err(|_| refused())
}

fn trust(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, MailConfigRefused> {
    let mut builder = TlsParameters::builder(bare(host).to_owned());
    if let Some(file) = ca_file {
        let refused =
            |why: String| MailConfigRefused(format!("CPLDS_SMTP_CA_FILE\u{a0}: {}\u{a0}: {why}", file.display()));
        let pem = std::fs::read(file).map_err(|error| refused(error.to_string()))?;
        let certificate =
            Certificate::from_pem(&pem).map_err(|_| refused("aucun certificat PEM lisible".to_owned()))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().map_err(|error| MailConfigRefused(format!("CPLDS_SMTP_URL\u{a0}: {error}")))
}

/// `[::1]` without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host and its port, if written; `None` when what follows the colon is no port.
fn split_port(server: &str) -> Option<(&str, Option<u16>)> {
    let after_brackets = server.rfind(']').map_or(0, |end| end + 1);
    match server[after_brackets..].rfind(':') {
        None => Some((server, None)),
        Some(colon) => {
            let (host, port) = server.split_at(after_brackets + colon);
            port[1..].parse().ok().map(|port| (host, Some(port)))
        }
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
            bytes.push(digit(rest.next())? << 4 | digit(rest.next())?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Words of a stranger, on one line and of a bounded length.
fn readable(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    line.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Route, MailConfigRefused> {
        Route::parse(url, None, sender("examens@exemple.fr").unwrap())
    }

    #[test]
    fn each_scheme_has_its_usual_port_and_a_written_port_wins() {
        for (url, shown) in [
            ("smtp://relais.exemple.fr", "smtp://relais.exemple.fr:25"),
            ("smtps://relais.exemple.fr/", "smtps://relais.exemple.fr:465"),
            ("smtp+starttls://a:b@relais.exemple.fr", "smtp+starttls://relais.exemple.fr:587"),
            ("smtp://relais.exemple.fr:2525", "smtp://relais.exemple.fr:2525"),
            ("smtp://[::1]:2525", "smtp://[::1]:2525"),
            ("smtp://[::1]", "smtp://[::1]:25"),
        ] {
            assert_eq!(parse(url).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn the_account_is_decoded_and_never_shown() {
        let route = parse("smtps://exam%40ac-limoges.fr:p%3Aa%C3%A9%25@smtp.exemple.fr").unwrap();
        assert_eq!(route.account, Some(Credentials::new("exam@ac-limoges.fr".into(), "p:aé%".into())));
        assert!(!format!("{route} {route:?}").contains("p:a"));
    }

    #[test]
    fn a_password_never_crosses_the_network_in_clear() {
        assert!(parse("smtp://a:b@smtp.exemple.fr").unwrap_err().0.contains("en clair"));
        assert!(parse("smtp://a:b@127.0.0.1:2525").is_ok());
        assert!(parse("smtp://smtp.exemple.fr").is_ok());
    }

    #[test]
    fn an_address_that_cannot_be_used_names_its_setting_and_not_its_password() {
        for url in [
            "",
            "smtp.exemple.fr",
            "http://smtp.exemple.fr",
            "smtps://",
            "smtps://secret@smtp.exemple.fr",
            "smtps://a:secret%4@smtp.exemple.fr",
            "smtps://a:secret%zz@smtp.exemple.fr",
            "smtps://a:secret%FF@smtp.exemple.fr",
            "smtps://a:secret@smtp.exemple.fr:port",
            "smtps://a:secret@smtp.exemple.fr:70000",
            "smtps://a:secret@smtp.exemple.fr:0",
            "smtps://a:secret@",
            "smtps://a:secret@smtp exemple.fr",
            "smtps://smtp.exemple.fr/boite",
        ] {
            let refused = parse(url).unwrap_err().0;
            assert!(refused.contains("CPLDS_SMTP_URL"), "{url}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn a_sender_is_one_address_with_or_without_a_name() {
        assert_eq!(sender("Examens <examens@exemple.fr>").unwrap().name.as_deref(), Some("Examens"));
        for from in ["", "examens", "a@b.fr\r\nBcc: c@d.fr", "Examens <a@b.fr>\nX: y"] {
            assert!(sender(from).unwrap_err().0.contains("CPLDS_MAIL_FROM"), "{from:?}");
        }
    }

    #[test]
    fn a_trust_file_that_holds_no_certificate_is_named() {
        let from = sender("examens@exemple.fr").unwrap();
        let missing = Path::new("/nulle/part.pem");
        let refused = Route::parse("smtps://smtp.exemple.fr", Some(missing), from).unwrap_err().0;
        assert!(refused.contains("CPLDS_SMTP_CA_FILE") && refused.contains("/nulle/part.pem"), "{refused}");
    }
}
