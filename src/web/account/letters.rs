//! The mails of accounts, as rows for the outbox: to whom, which link, and how long it serves.
//! The words stand with all the others in `mail::messages`.

use crate::domain::account::{ACCOUNT_LINK_LASTS, ADDRESS_CANCEL_LASTS, ADDRESS_LINK_LASTS, INVITATION_LASTS};
use crate::domain::audit::sha256_hex;
use crate::mail::messages::{self, Letterhead, Message};
use crate::store::accounts::address::ChangeFacts;
use crate::store::outbox::NewMail;

fn letter(kind: &str, name: &str, to: &str, token: &str, message: Message) -> NewMail {
    // One mail per link; the key must not hold the token.
    message.addressed(kind, format!("{kind}:{}", sha256_hex(token.as_bytes())), name, to)
}

/// Asked on the page « Mot de passe oublié ».
#[must_use]
pub fn password_letter(name: &str, to: &str, public_url: &str, token: &str) -> NewMail {
    let link = format!("{public_url}/lien/{token}");
    letter(
        "password",
        name,
        to,
        token,
        messages::password_link(&Letterhead::national(), name, &link, ACCOUNT_LINK_LASTS),
    )
}

/// Asked on the same page, for an address that no account in use bears: only its owner learns it.
#[must_use]
pub fn unknown_letter(to: &str, public_url: &str, token: &str) -> NewMail {
    let link = format!("{public_url}/compte/creation");
    letter("password", "", to, token, messages::account_unknown(&Letterhead::national(), &link))
}

/// Sent when a service opens an account for a colleague; `what_for` completes « Un compte vous est ouvert … ».
#[must_use]
pub fn invitation_letter(name: &str, to: &str, public_url: &str, token: &str, what_for: &str) -> NewMail {
    let link = format!("{public_url}/lien/{token}");
    let message = messages::account_invitation(&Letterhead::national(), name, what_for, &link, INVITATION_LASTS);
    letter("invitation", name, to, token, message)
}

/// Asked on the page « Créer un compte », for an address without one.
#[must_use]
pub fn opening_letter(to: &str, public_url: &str, token: &str) -> NewMail {
    let link = format!("{public_url}/compte/creation/{token}");
    letter("account", "", to, token, messages::account_opening(&Letterhead::national(), &link, ACCOUNT_LINK_LASTS))
}

/// Asked on the same page, for an address that has an account: its owner alone reads this.
#[must_use]
pub fn known_letter(name: &str, to: &str, public_url: &str, token: &str) -> NewMail {
    let link = format!("{public_url}/connexion");
    letter("account", name, to, token, messages::account_known(&Letterhead::national(), name, &link))
}

/// The two mails of a change of address: the old mailbox may say no, the new one says yes.
#[must_use]
pub fn address_letters(facts: &ChangeFacts, public_url: &str) -> Vec<NewMail> {
    let ChangeFacts { name, old_email, new_email, .. } = facts;
    let head = &Letterhead::national();
    let no = format!("{public_url}/compte/adresse/{}", facts.cancel_token);
    let told = messages::address_leaving(head, name, new_email, &no, ADDRESS_CANCEL_LASTS);
    let (to_name, confirm) = if facts.is_taken {
        ("", messages::address_taken(head, &format!("{public_url}/connexion")))
    } else {
        let yes = format!("{public_url}/compte/adresse/{}", facts.confirm_token);
        (name.as_str(), messages::address_confirming(head, name, &yes, ADDRESS_LINK_LASTS))
    };
    vec![
        letter("address", name, old_email, &facts.cancel_token, told),
        letter("address", to_name, new_email, &facts.confirm_token, confirm),
    ]
}
