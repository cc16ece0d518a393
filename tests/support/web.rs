//! The whole site over one database, with people who can sign in.
//! `Site::new(fresh)`, `site.user(role, "22")`, `site.sign_in(&email)`: a [`Browser`] that is at home.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::http::StatusCode;
use cplds::domain::account::Password;
use cplds::domain::ids::EmailAddress;
use cplds::domain::permission::{Actor, Role};
use cplds::store::accounts::{self, NewUser};
use cplds::store::{Db, Lock, reference};

use super::Fresh;
use super::browser::{Browser, site, site_with};

/// The password of every user made by [`Site::user`].
pub const PASSWORD: &str = "tortue lampe océan vis";

static HASH: LazyLock<String> = LazyLock::new(|| cplds::password::hash_now(&Password::typed(PASSWORD)).unwrap());
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The site, its academies and packs loaded.
pub struct Site {
    pub db: Db,
    router: Router,
}

impl Site {
    pub fn new(fresh: &Fresh) -> Self {
        fresh.db.write_now(&Actor::system("test"), Lock::House, reference::load).unwrap();
        Site { db: fresh.db.clone(), router: site(&fresh.db) }
    }

    /// The same people and data, behind a site set up otherwise.
    #[allow(dead_code)] // for the stories of an instance whose pieces stand elsewhere
    pub fn set_up(&self, settings: &[(&str, &str)]) -> Site {
        Site { db: self.db.clone(), router: site_with(&self.db, settings) }
    }

    /// A user who can sign in, with one role; returns the address. National roles ignore the academy.
    pub fn user(&self, role: Role, academy: &str) -> String {
        let place = if role.is_national() { "national" } else { academy };
        let word = role.as_str().replace('_', "-");
        let email = format!("{word}-{}@ac-{place}.example", NEXT.fetch_add(1, Ordering::Relaxed));
        self.user_called(&email, "Camille Roy", &[(role, academy)]);
        email
    }

    /// A user with this address, name and roles; returns the id.
    pub fn user_called(&self, email: &str, name: &str, roles: &[(Role, &str)]) -> String {
        let new = NewUser { email: EmailAddress::parse(email).unwrap(), name: name.to_owned() };
        let roles: Vec<(Role, Option<String>)> =
            roles.iter().map(|(role, academy)| (*role, (!role.is_national()).then(|| (*academy).to_owned()))).collect();
        self.db
            .write_now(&Actor::system("test"), Lock::House, move |tx| {
                let id = accounts::create_user(tx, &new)?;
                for (role, academy) in roles {
                    accounts::grant_role(tx, &id, role, academy.as_deref())?;
                }
                accounts::set_password(tx, &id, &HASH, None)?;
                Ok(id)
            })
            .unwrap()
    }

    /// The user of this address, as store commands want them.
    #[allow(dead_code)] // for stories that mix pages and commands
    pub fn actor(&self, email: &str) -> Actor {
        let key = email.to_lowercase();
        self.db
            .read_now(|conn| {
                let user = accounts::find_user_by_email(conn, &key)?.unwrap();
                Ok(accounts::find_actor(conn, &user.id)?.unwrap())
            })
            .unwrap()
    }

    /// A browser in which nobody is signed in.
    pub fn visitor(&self) -> Browser {
        Browser::new(&self.router)
    }

    /// A browser in which this user has signed in, through the page, and has seen their home page.
    pub fn sign_in(&self, email: &str) -> Browser {
        let mut browser = self.visitor();
        browser.get("/connexion");
        let answer = browser.post("/connexion", &[("email", email), ("motdepasse", PASSWORD)]);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser.get("/");
        browser
    }
}
