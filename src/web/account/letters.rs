//! The two mails accounts send: an invitation and a link to choose a new password.
//! Each holds one link, what it does and until when, and what to do when one did not expect it.

use crate::domain::audit::sha256_hex;
use crate::store::accounts::address::ChangeFacts;
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

/// Asked on the page « Créer un compte », for an address without one.
#[must_use]
pub fn opening_letter(to: &str, public_url: &str, token: &str) -> NewMail {
    let body = format!(
        "Bonjour,\n\n\
         Quelqu’un, sans doute vous, souhaite ouvrir un compte à cette adresse sur le site du certificat de \
         professionnalisation en matière de lutte contre le décrochage scolaire.\n\
         Pour l’ouvrir, suivez ce lien dans les trente minutes\u{a0}:\n\n\
         {public_url}/compte/creation/{token}\n\n\
         Il ne sert qu’une fois. Si vous n’avez rien demandé, ne faites rien\u{a0}: aucun compte ne sera ouvert.\n"
    );
    letter("account", "", to, token, "Ouvrir votre compte", body)
}

/// Asked on the same page, for an address that has an account: its owner alone reads this.
#[must_use]
pub fn known_letter(name: &str, to: &str, public_url: &str, token: &str) -> NewMail {
    let body = format!(
        "Bonjour {name},\n\n\
         Quelqu’un, sans doute vous, a demandé à ouvrir un compte à cette adresse. Vous en avez déjà un\u{a0}: il vaut \
         pour toutes les sessions et toutes les académies.\n\n\
         Pour vous connecter\u{a0}: {public_url}/connexion\n\
         Si vous avez oublié votre mot de passe, ou n’en avez jamais choisi\u{a0}: {public_url}/mot-de-passe-oublie\n\n\
         Si vous n’avez rien demandé, ne faites rien\u{a0}: votre compte reste comme il est.\n"
    );
    letter("account", name, to, token, "Vous avez déjà un compte", body)
}

/// The two mails of a change of address: the old mailbox may say no, the new one says yes.
#[must_use]
pub fn address_letters(facts: &ChangeFacts, public_url: &str) -> Vec<NewMail> {
    let ChangeFacts { name, old_email, new_email, .. } = facts;
    let told = format!(
        "Bonjour {name},\n\n\
         L’adresse de votre compte va devenir {new_email}, dès que cette nouvelle adresse aura confirmé.\n\n\
         Si vous n’avez rien demandé, ou changez d’avis, ouvrez ce lien dans les sept jours\u{a0}: il garde ou rétablit \
         votre adresse actuelle et ferme toutes les sessions.\n\n\
         {public_url}/compte/adresse/{}\n",
        facts.cancel_token
    );
    let confirm = if facts.is_taken {
        format!(
            "Bonjour,\n\n\
             Quelqu’un a demandé à rattacher un compte à cette adresse, qui en a déjà un. Rien n’est changé.\n\n\
             Pour vous connecter à votre compte\u{a0}: {public_url}/connexion\n\
             Si vous n’avez rien demandé, ne faites rien.\n"
        )
    } else {
        format!(
            "Bonjour {name},\n\n\
             Pour que cette adresse devienne celle de votre compte, ouvrez ce lien dans les vingt-quatre heures\u{a0}:\n\n\
             {public_url}/compte/adresse/{}\n\n\
             Si vous n’avez rien demandé, ne faites rien\u{a0}: rien ne change.\n",
            facts.confirm_token
        )
    };
    let to_name = if facts.is_taken { "" } else { name };
    vec![
        letter("address", name, old_email, &facts.cancel_token, "L’adresse de votre compte va changer", told),
        letter("address", to_name, new_email, &facts.confirm_token, "Confirmer votre nouvelle adresse", confirm),
    ]
}
