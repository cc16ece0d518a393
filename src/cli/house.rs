//! Commands of the house: bring the schema up to date, create the first accounts.

use clap::Subcommand;

use super::{Failure, Outcome, open, operator};
use crate::config::Config;
use crate::domain::account::LinkPurpose;
use crate::domain::ids::EmailAddress;
use crate::domain::permission::Role;
use crate::store::accounts::{self, NewUser};
use crate::store::links::{self, Link};
use crate::store::{Lock, reference};

#[derive(Subcommand)]
pub enum UserWhat {
    /// Crée le compte s’il n’existe pas, donne le rôle, et imprime le lien pour choisir un mot de passe.
    Create {
        #[arg(long)]
        email: String,
        /// exam_officer, exam_office_head, academy_administrator, platform_administrator, national_reader…
        #[arg(long)]
        role: String,
        /// Code de l’académie, par exemple 22 ; aucun pour un rôle national.
        #[arg(long)]
        academy: Option<String>,
        /// Nom affiché (par défaut, l’adresse).
        #[arg(long)]
        name: Option<String>,
    },
}

pub fn migrate() -> Outcome {
    let config = Config::from_env()?;
    let db = open(&Config { migrate: true, ..config }, 2)?;
    let academies = db.read_now(reference::list_academies)?.len();
    println!("Schéma à jour, {academies} académies et règlements chargés.");
    Ok(())
}

pub fn user(what: UserWhat) -> Outcome {
    let UserWhat::Create { email, role, academy, name } = what;
    let email = EmailAddress::parse(&email).map_err(|e| Failure::new(e.to_string()).with_code(2))?;
    let role = Role::from_word(&role).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        Failure::new(format!("le rôle « {role} » n’existe pas ; attendu : {}", known.join(", "))).with_code(2)
    })?;
    let config = Config::from_env()?;
    let db = open(&config, 2)?;
    let shown = name.unwrap_or_else(|| email.as_str().to_owned());
    let address = email.clone();
    let token = db.write_now(&operator("user"), Lock::House, move |tx| {
        let user_id = accounts::create_user(tx, &NewUser { email: address.clone(), name: shown.clone() })?;
        accounts::grant_role(tx, &user_id, role, academy.as_deref())?;
        let expires = tx.at.checked_add(jiff::SignedDuration::from_hours(72)).unwrap_or(tx.at);
        links::create_link(
            tx,
            &Link {
                purpose: LinkPurpose::Password,
                email: address,
                name: shown,
                user_id: Some(user_id),
                person_id: None,
                juror_id: None,
                expires,
            },
        )
    })?;
    println!("Compte {} prêt, rôle : {}.", email.as_str(), role.label());
    println!("Lien pour choisir un mot de passe (une fois, trois jours) :");
    println!("{}/lien/{token}", config.public_url);
    Ok(())
}
