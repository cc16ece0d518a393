//! The two mails accounts send: an invitation and a link to choose a new password.
//! Each holds one link, what it does and until when, and what to do when one did not expect it.

use crate::domain::audit::sha256_hex;
use crate::store::outbox::NewMail;

fn letter(kind: &str, name: &str, to: &str, token: &str, subject: &str, body: String) -> NewMail {
    NewMail {
        academy_code: None,
        session_id: None,
        kind: kind.to_owned(),
        // One mail per link; the key must not hold the token.
        dedupe_key: format!("{kind}:{}", sha256_hex(token.as_bytes())),
        recipient: to.to_owned(),
        recipient_name: name.to_owned(),
        subject: subject.to_owned(),
        body_text: body,
        body_html: None,
        attachments: Vec::new(),
    }
}

/// Asked on the page « Mot de passe oublié ».
#[must_use]
pub fn password_letter(name: &str, to: &str, public_url: &str, token: &str) -> NewMail {
    let body = format!(
        "Bonjour {name},\n\n\
         Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte.\n\
         Pour le choisir, ouvrez ce lien dans l’heure :\n\n\
         {public_url}/lien/{token}\n\n\
         Si vous n’avez rien demandé, ne faites rien : votre mot de passe actuel reste valable.\n\
         Ne transmettez ce message à personne.\n"
    );
    letter("password", name, to, token, "Choisir un nouveau mot de passe", body)
}

/// Sent when a service opens an account for a colleague; `what_for` completes « Un compte vous est ouvert … ».
#[must_use]
pub fn invitation_letter(name: &str, to: &str, public_url: &str, token: &str, what_for: &str) -> NewMail {
    let body = format!(
        "Bonjour {name},\n\n\
         Un compte vous est ouvert {what_for} sur le site du certificat de professionnalisation \
         en matière de lutte contre le décrochage scolaire.\n\
         Pour choisir votre mot de passe, ouvrez ce lien dans les quatorze jours :\n\n\
         {public_url}/lien/{token}\n\n\
         Si ce message ne vous est pas destiné, supprimez-le : aucun compte ne sera utilisé à votre nom.\n"
    );
    letter("invitation", name, to, token, "Votre compte pour l’examen du CPLDS", body)
}
