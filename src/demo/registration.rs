//! Candidates who register by the form in the session that is open: drafts in several states, one file submitted,
//! a thread of messages, and an identity for the office to look into.

use jiff::SignedDuration;

use super::story::Plan;
use crate::clock::Clock;
use crate::domain::account::Password;
use crate::domain::ids::EmailAddress;
use crate::domain::permission::{Actor, Role};
use crate::domain::registration::draft::{Step, Typed};
use crate::mail::messages::Letterhead;
use crate::office::acknowledgement::{self, Wording};
use crate::store::accounts::{self, NewUser};
use crate::store::message::{self, NewMessage};
use crate::store::session::SessionRow;
use crate::store::{Db, Lock, StoreError, Stored, draft, new_id, reference, session};

type Filled = (Step, &'static [(&'static str, &'static str)]);

const IDENTITY: Filled = (
    Step::Identity,
    &[
        ("civilite", "Mme"),
        ("nom", "LACHAUD"),
        ("nom_usage", "BESSE"),
        ("prenoms", "Mélanie Jeanne"),
        ("naissance", "09/11/1988"),
        ("lieu_naissance", "Ussel"),
        ("telephone", "06 12 34 56 78"),
    ],
);
/// The same person, by the usage name alone and without accents.
const TWIN: Filled = (
    Step::Identity,
    &[
        ("civilite", "Mme"),
        ("nom", "Besse"),
        ("prenoms", "MELANIE JEANNE"),
        ("naissance", "09/11/1988"),
        ("lieu_naissance", "Ussel"),
    ],
);
const READY: Filled = (
    Step::Identity,
    &[
        ("civilite", "M."),
        ("nom", "VEYSSIÈRE"),
        ("prenoms", "Antoine"),
        ("naissance", "22/02/1979"),
        ("lieu_naissance", "Guéret"),
    ],
);
const BEGUN: Filled = (
    Step::Identity,
    &[
        ("civilite", "Mme"),
        ("nom", "CHASTANG"),
        ("prenoms", "Lucie"),
        ("naissance", "31/02/1990"),
        ("lieu_naissance", "Brive-la-Gaillarde"),
    ],
);
const REST: &[Filled] = &[
    (Step::Posting, &[("lieu", "etablissement"), ("uai", "0870015U"), ("etablissement", "Lycée Turgot, Limoges")]),
    (Step::Situation, &[("corps", "cpe"), ("statut", "titulaire"), ("depuis", "01/09/2014")]),
    (Step::Training, &[("formation", "en_cours")]),
    (Step::Kept, &[("note_1", "non"), ("note_2", "non")]),
    (
        Step::Action,
        &[
            ("accueil", "mon_etablissement"),
            ("action", "Module de remobilisation des élèves de seconde professionnelle"),
            ("effectif", "9"),
            ("jours", "mardi"),
            ("jours", "jeudi"),
            ("indisponible", "Du 1er au 19 février : stages des élèves."),
        ],
    ),
    (Step::Accommodation, &[("besoin", "non")]),
];

/// Fills the open session's form as four people would have left it.
///
/// # Errors
/// The database's own.
pub fn fill_forms(db: &Db, clock: &Clock, plan: &Plan, session_id: &str) -> Stored<()> {
    let password =
        Password::choose(super::PASSWORD, "demo@example.org").map_err(|e| StoreError::Broken(e.to_string()))?;
    let hash = crate::password::hash_now(&password)?;
    let mut forms = Forms { db, plan, hash, session: session_id.to_owned() };
    let later = |minutes: i64| {
        clock.set(clock.now().checked_add(SignedDuration::from_mins(minutes)).unwrap_or_else(|_| clock.now()));
    };

    let (begun, id) = forms.begin("inscription.commencee@ac-demo.example", "Lucie Chastang")?;
    forms.save(&begun, &id, &[BEGUN])?;
    forms.save(&begun, &id, &REST[..1])?;

    later(7);
    let (ready, id) = forms.begin("inscription.prete@ac-demo.example", "Antoine Veyssière")?;
    forms.save(&ready, &id, &[READY])?;
    forms.save(&ready, &id, REST)?;
    forms.say(&ready, &id, "Bonjour,\nmon arrêté de titularisation date de 2014 et porte mon ancienne académie. Faut-il aussi l’arrêté de mutation ?")?;
    later(52);
    forms.say(
        &Actor::system("bureau"),
        &id,
        "Bonjour,\nl’arrêté de titularisation suffit : il dit votre corps et sa date.",
    )?;

    later(11);
    let (done, id) = forms.begin("inscription.deposee@ac-demo.example", "Mélanie Besse")?;
    forms.save(&done, &id, &[IDENTITY])?;
    forms.save(&done, &id, REST)?;
    forms.submit(&done, &id)?;
    acknowledgement::document(db, &id)?;
    forms.say(
        &done,
        &id,
        "Bonjour, je dépose ma pièce d’identité dès que j’ai la nouvelle carte, la semaine prochaine.",
    )?;

    later(23);
    let (twin, id) = forms.begin("inscription.homonyme@ac-demo.example", "Mélanie Besse")?;
    forms.save(&twin, &id, &[TWIN])?;
    forms.save(&twin, &id, REST)?;
    forms.submit(&twin, &id)?;
    Ok(())
}

struct Forms<'a> {
    db: &'a Db,
    plan: &'a Plan,
    hash: String,
    session: String,
}

impl Forms<'_> {
    fn lock(&self) -> Lock {
        Lock::Session(self.session.clone())
    }

    /// An account of candidate, and the draft it begins.
    fn begin(&mut self, email: &str, name: &str) -> Stored<(Actor, String)> {
        let email = EmailAddress::parse(email).map_err(|e| StoreError::Broken(e.to_string()))?;
        let (name, hash, code) = (name.to_owned(), self.hash.clone(), self.plan.academy.code.clone());
        let user = self.db.write_now(&Actor::system("demo"), Lock::House, move |tx| {
            let id = accounts::create_user(tx, &NewUser { email, name })?;
            accounts::grant_role(tx, &id, Role::Candidate, Some(&code))?;
            accounts::set_password(tx, &id, &hash, None)?;
            Ok(id)
        })?;
        let actor = self
            .db
            .read_now(|conn| accounts::find_actor(conn, &user))?
            .ok_or_else(|| StoreError::Broken("compte de démonstration absent".into()))?;
        let session = self.session.clone();
        let draft = self.db.write_now(&actor, self.lock(), move |tx| draft::start(tx, &session))?;
        Ok((actor, draft))
    }

    fn save(&self, actor: &Actor, draft_id: &str, steps: &[Filled]) -> Stored<()> {
        for (step, fields) in steps {
            let mut typed = Typed::new();
            for (name, value) in *fields {
                typed.entry((*name).to_owned()).or_default().push((*value).to_owned());
            }
            let (id, step) = (draft_id.to_owned(), *step);
            self.db.write_now(actor, self.lock(), move |tx| draft::save_step(tx, &id, step, 0, typed))?;
        }
        Ok(())
    }

    fn submit(&self, actor: &Actor, draft_id: &str) -> Stored<()> {
        let (version, head) = self.db.read_now(|conn| {
            let view = draft::get_own(conn, &actor.user_id, draft_id, self.db.clock().now())?;
            let wording = view.pack.appeals.acknowledgement.value.clone();
            let academy = reference::get_academy(conn, &view.session.academy_code)?;
            Ok((view.draft.version, Wording { wording, academy }))
        })?;
        let (id, public_url) = (draft_id.to_owned(), self.plan.public_url.clone());
        self.db.write_now(actor, self.lock(), move |tx| {
            draft::submit(tx, &id, version, &|session, person, row| {
                acknowledgement::mail(&head, session, person, row, &public_url)
            })
            .map(|_| ())
        })
    }

    fn say(&self, actor: &Actor, file_id: &str, body: &str) -> Stored<()> {
        let session: SessionRow = self.db.read_now(|conn| session::load_session(conn, &self.session))?;
        let head =
            self.db.read_now(|conn| Ok(Letterhead::of(&reference::get_academy(conn, &session.academy_code)?)))?;
        let new = NewMessage {
            id: new_id(self.db.clock().now()),
            file_id: file_id.to_owned(),
            body: body.to_owned(),
            files: Vec::new(),
        };
        let link = format!("{}/mon-dossier/{file_id}/messages", self.plan.public_url);
        self.db.write_now(actor, self.lock(), move |tx| {
            message::send(tx, &new, &|file| crate::office::message::notice(&head, file, &link))
        })
    }
}
