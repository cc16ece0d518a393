//! Accounts through the store: who may open and give what, links used once, sessions that end, tries that are counted.

use cplds::domain::account::{Counted, LinkPurpose};
use cplds::domain::ids::EmailAddress;
use cplds::domain::permission::{Actor, Grant, Role};
use cplds::secret::Secret;
use cplds::store::accounts::{self, NewUser, UserFilter};
use cplds::store::links::{self, Link};
use cplds::store::people::{self, NewPerson};
use cplds::store::{Db, Lock, StoreError, Stored, Tx, audit, reference, sessions, settings};
use jiff::SignedDuration;

use crate::support::{Fresh, each_engine, tamper};

mod entrances;
mod own;
pub mod pages;
mod session;

fn system() -> Actor {
    Actor::system("test")
}

pub fn write<T: Send + 'static>(
    db: &Db,
    actor: &Actor,
    act: impl FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static,
) -> Stored<T> {
    db.write_now(actor, Lock::House, act)
}

pub fn loaded(fresh: &Fresh) -> &Db {
    write(&fresh.db, &system(), reference::load).unwrap();
    &fresh.db
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// A user with these roles, as an actor.
pub fn user(db: &Db, address: &str, roles: &[(Role, Option<&'static str>)]) -> Actor {
    let new = NewUser { email: email(address), name: format!("Nom de {address}") };
    let roles = roles.to_vec();
    write(db, &system(), move |tx| {
        let id = accounts::create_user(tx, &new)?;
        for (role, academy) in roles {
            accounts::grant_role(tx, &id, role, academy)?;
        }
        accounts::find_actor(tx.conn, &id)
    })
    .unwrap()
    .unwrap()
}

pub fn person(db: &Db, name: &str) -> String {
    let new = NewPerson {
        academy_code: "22".into(),
        civility: "Mme".into(),
        birth_name: name.into(),
        usage_name: None,
        first_names: "Inès".into(),
        birth_date: jiff::civil::date(1985, 3, 1),
        birth_place: None,
        email: "ines@ac-limoges.example".into(),
        phone: None,
        corps: "certifie".into(),
        status: "titulaire".into(),
        contract_date: None,
    };
    write(db, &system(), move |tx| people::record_person(tx, &new)).unwrap()
}

fn link(
    db: &Db,
    actor: &Actor,
    purpose: LinkPurpose,
    address: &str,
    person_id: Option<&str>,
    user_id: Option<&str>,
) -> Stored<String> {
    let link = Link {
        purpose,
        email: email(address),
        name: "Inès Durand".into(),
        user_id: user_id.map(str::to_owned),
        person_id: person_id.map(str::to_owned),
        juror_id: None,
        expires: db.clock().now() + SignedDuration::from_hours(1),
    };
    write(db, actor, move |tx| links::create_link(tx, &link))
}

fn claim(db: &Db, token: &str, hash: Option<&str>) -> Stored<links::Claimed> {
    let (token, hash) = (token.to_owned(), hash.map(str::to_owned));
    write(db, &system(), move |tx| links::use_link(tx, &token, hash.as_deref()))
}

fn refusal<T: std::fmt::Debug>(result: Stored<T>) -> &'static str {
    match result {
        Err(StoreError::Refused(refusal)) => refusal.code,
        other => panic!("not a refusal: {other:?}"),
    }
}

fn is_missing<T: std::fmt::Debug>(result: Stored<T>) -> bool {
    matches!(result, Err(StoreError::NotFound))
}

#[test]
fn one_address_is_one_account_however_it_is_written() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let first = user(db, "Ines.Durand@ac-limoges.example", &[]);
        let second = user(db, "ines.durand@AC-LIMOGES.example", &[]);
        assert_eq!(first.user_id, second.user_id);
        assert_eq!(second.email, "Ines.Durand@ac-limoges.example");
    });
}

#[test]
fn an_administrator_gives_and_takes_roles_in_their_own_academy_only() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let administrator = user(db, "admin@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        let colleague = user(db, "collegue@ac-limoges.example", &[(Role::ExamOfficer, Some("02"))]);
        let id = colleague.user_id.clone();
        let grant = |role, academy: Option<&'static str>| {
            let id = id.clone();
            write(db, &administrator, move |tx| accounts::grant_role(tx, &id, role, academy))
        };
        grant(Role::ExamOfficer, Some("22")).unwrap();
        grant(Role::ExamOfficer, Some("22")).unwrap();
        assert!(is_missing(grant(Role::ExamOfficer, Some("02"))));
        assert!(is_missing(grant(Role::PlatformAdministrator, None)));
        assert_eq!(refusal(grant(Role::ExamOfficer, None)), "role_academy");
        assert_eq!(refusal(grant(Role::NationalReader, Some("22"))), "role_academy");
        let actor = db.read_now(|conn| accounts::find_actor(conn, &id)).unwrap().unwrap();
        let held = |academy: &str| Grant { role: Role::ExamOfficer, academy: Some(academy.into()) };
        assert_eq!(actor.grants, [held("02"), held("22")]);

        // Somebody who serves elsewhere cannot be shut out by one academy, which sees only its own roles.
        let disabled = {
            let id = id.clone();
            write(db, &administrator, move |tx| accounts::disable_user(tx, &id))
        };
        assert_eq!(refusal(disabled), "serves_elsewhere");
        let view = db.read_now(|conn| accounts::get_managed_user(conn, &administrator, &id)).unwrap();
        assert_eq!(view.grants, [held("22")]);
        let revoked = {
            let id = id.clone();
            write(db, &administrator, move |tx| accounts::revoke_role(tx, &id, Role::ExamOfficer, Some("22")))
        };
        revoked.unwrap();
        assert!(is_missing(db.read_now(|conn| accounts::get_managed_user(conn, &administrator, &id))));
        let own = administrator.user_id.clone();
        let own = write(db, &administrator, move |tx| {
            accounts::revoke_role(tx, &own, Role::AcademyAdministrator, Some("22"))
        });
        assert_eq!(refusal(own), "own_administration");
        assert!(db.read_now(audit::verify_chains).unwrap().is_ok());
    });
}

#[test]
fn whoever_administers_nothing_opens_no_account_and_gives_no_role() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        for role in
            Role::ALL.iter().filter(|role| !matches!(role, Role::AcademyAdministrator | Role::PlatformAdministrator))
        {
            let academy = (!role.is_national()).then_some("22");
            let actor = user(db, &format!("{role}@ac-limoges.example"), &[(*role, academy)]);
            let new = NewUser { email: email("nouveau@ac-limoges.example"), name: "N".into() };
            assert!(is_missing(write(db, &actor, move |tx| accounts::create_user(tx, &new))), "{role}");
            let own = actor.user_id.clone();
            assert!(
                is_missing(write(db, &actor, move |tx| accounts::grant_role(tx, &own, Role::ExamOfficer, Some("22")))),
                "{role}"
            );
            let own = actor.user_id.clone();
            assert!(is_missing(write(db, &actor, move |tx| accounts::disable_user(tx, &own))), "{role}");
            assert!(is_missing(link(db, &actor, LinkPurpose::Password, "x@ac-limoges.example", None, None)), "{role}");
        }
    });
}

#[test]
fn accounts_are_listed_by_academy_with_their_roles() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        user(db, "a@ac-limoges.example", &[(Role::ExamOfficer, Some("22")), (Role::Tutor, Some("22"))]);
        user(db, "b@ac-limoges.example", &[(Role::Candidate, Some("22"))]);
        user(db, "c@ac-aix.example", &[(Role::ExamOfficer, Some("02"))]);
        user(db, "d@national.example", &[(Role::NationalReader, None)]);
        let list = |filter: UserFilter| {
            let (views, total) = db.read_now(move |conn| accounts::list_users(conn, &filter, 50, 0)).unwrap();
            (views.into_iter().map(|view| (view.user.email, view.grants.len())).collect::<Vec<_>>(), total)
        };
        let of_22 = UserFilter { academies: Some(vec!["22".into()]), ..UserFilter::default() };
        assert_eq!(
            list(of_22.clone()),
            (vec![("a@ac-limoges.example".into(), 2), ("b@ac-limoges.example".into(), 1)], 2)
        );
        assert_eq!(list(UserFilter { role: Some(Role::Candidate), ..of_22.clone() }).1, 1);
        assert_eq!(list(UserFilter { typed: "A@AC-LIM".into(), ..of_22 }).1, 1);
        assert_eq!(list(UserFilter::default()).1, 4);
        assert_eq!(list(UserFilter { role: Some(Role::NationalReader), ..UserFilter::default() }).1, 1);
        assert_eq!(list(UserFilter { academies: Some(vec![]), ..UserFilter::default() }).1, 0);
    });
}

#[test]
fn an_invitation_is_used_once_and_ties_the_file_to_the_account() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let id = person(db, "DURAND");
        let officer = user(db, "bureau@ac-limoges.example", &[(Role::ExamOfficer, Some("22"))]);
        let token = link(db, &officer, LinkPurpose::Invitation, "Ines@ac-limoges.example", Some(&id), None).unwrap();
        let now = db.clock().now();
        let seen = db.read_now(|conn| links::get_link(conn, &token, now)).unwrap();
        assert!(seen.for_candidate && !seen.has_password);
        assert_eq!(refusal(claim(db, &token, None)), "password_missing");
        let claimed = claim(db, &token, Some("empreinte")).unwrap();
        assert_eq!(refusal(claim(db, &token, Some("autre"))), "link_used");
        let actor = db.read_now(|conn| accounts::find_actor(conn, &claimed.user_id)).unwrap().unwrap();
        assert_eq!(actor.grants, [Grant { role: Role::Candidate, academy: Some("22".into()) }]);
        let row = db.read_now(|conn| accounts::get_user(conn, &claimed.user_id)).unwrap();
        assert!(row.verified_at.is_some());
        assert_eq!(row.password_hash.as_deref(), Some("empreinte"));
        let tied = db.read_now(|conn| people::get_person(conn, &id)).unwrap();
        assert_eq!(tied.user_id.as_deref(), Some(claimed.user_id.as_str()));

        // A corrected address closes the invitation that went to the wrong mailbox.
        let other = person(db, "DUVAL");
        let wrong =
            link(db, &officer, LinkPurpose::Invitation, "faute@ac-limoges.example", Some(&other), None).unwrap();
        link(db, &officer, LinkPurpose::Invitation, "duval@ac-limoges.example", Some(&other), None).unwrap();
        assert_eq!(refusal(claim(db, &wrong, Some("x"))), "link_expired");

        // The same file cannot be taken by another mailbox, and nothing of the attempt stays.
        let token = link(db, &officer, LinkPurpose::Invitation, "autre@ac-limoges.example", Some(&id), None).unwrap();
        assert_eq!(refusal(claim(db, &token, Some("x"))), "already_tied");
        assert!(db.read_now(|conn| accounts::find_user_by_email(conn, "autre@ac-limoges.example")).unwrap().is_none());

        // An invitation to an account that exists keeps its password when none is chosen.
        let token = link(db, &officer, LinkPurpose::Invitation, "INES@ac-limoges.example", Some(&id), None).unwrap();
        assert_eq!(claim(db, &token, None).unwrap().user_id, claimed.user_id);
    });
}

#[test]
fn a_link_is_not_made_for_another_academys_file_and_dies_at_its_end() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let id = person(db, "DURAND");
        let foreign = user(db, "bureau@ac-aix.example", &[(Role::ExamOfficer, Some("02"))]);
        assert!(is_missing(link(db, &foreign, LinkPurpose::Invitation, "i@ac-limoges.example", Some(&id), None)));
        let token = link(db, &system(), LinkPurpose::Invitation, "i@ac-limoges.example", Some(&id), None).unwrap();
        fresh.clock.set(db.clock().now() + SignedDuration::from_hours(1));
        assert_eq!(refusal(claim(db, &token, Some("x"))), "link_expired");
        assert!(is_missing(claim(db, "jeton-inventé", Some("x"))));
        let stored = db
            .read_now(|conn| {
                use diesel::prelude::*;
                Ok(cplds::store::schema::links::table
                    .select(cplds::store::schema::links::token_hash)
                    .load::<String>(conn)?)
            })
            .unwrap();
        assert!(!stored.contains(&token), "only the hash of a token is kept");
    });
}

#[test]
fn a_new_password_ends_the_other_sessions_and_the_other_links() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let actor = user(db, "a@ac-limoges.example", &[(Role::ExamOfficer, Some("22"))]);
        let open = || {
            let id = actor.user_id.clone();
            write(db, &actor, move |tx| sessions::open(tx, &id)).unwrap()
        };
        let (kept, other) = (open(), open());
        let (id, kept_hash) = (actor.user_id.clone(), cplds::secret::token_hash(&kept));
        write(db, &actor, move |tx| accounts::set_password(tx, &id, "h1", Some(&kept_hash))).unwrap();
        let now = db.clock().now();
        assert!(db.read_now(|conn| sessions::find(conn, &kept, now)).unwrap().is_some());
        assert!(db.read_now(|conn| sessions::find(conn, &other, now)).unwrap().is_none());

        let first =
            link(db, &system(), LinkPurpose::Password, "a@ac-limoges.example", None, Some(&actor.user_id)).unwrap();
        let second =
            link(db, &system(), LinkPurpose::Password, "a@ac-limoges.example", None, Some(&actor.user_id)).unwrap();
        claim(db, &first, Some("h2")).unwrap();
        assert_eq!(refusal(claim(db, &second, Some("h3"))), "link_used");
        assert!(db.read_now(|conn| sessions::find(conn, &kept, now)).unwrap().is_none());
    });
}

#[test]
fn a_session_ends_with_its_day_its_idleness_its_owner_or_its_account() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let officer = user(db, "a@ac-limoges.example", &[(Role::ExamOfficer, Some("22"))]);
        let candidate = user(db, "b@ac-limoges.example", &[(Role::Candidate, Some("22"))]);
        let open = |actor: &Actor| {
            let id = actor.user_id.clone();
            write(db, actor, move |tx| sessions::open(tx, &id)).unwrap()
        };
        let find = |token: &str| db.read_now(|conn| sessions::find(conn, token, db.clock().now())).unwrap();
        let later = |minutes| fresh.clock.set(db.clock().now() + SignedDuration::from_mins(minutes));

        let (of_officer, of_candidate) = (open(&officer), open(&candidate));
        assert_eq!(find(&of_officer).unwrap().actor, officer);
        later(29);
        let seen = find(&of_officer).unwrap();
        assert!(seen.wants_touch(db.clock().now()));
        write(db, &officer, move |tx| sessions::touch(tx, &seen.token_hash)).unwrap();
        later(29);
        assert!(!find(&of_officer).unwrap().token_hash.is_empty());
        later(1);
        assert!(find(&of_officer).is_none(), "thirty idle minutes");
        assert!(find(&of_candidate).is_some());
        later(11 * 60 + 1);
        assert!(find(&of_candidate).is_none(), "twelve hours");

        let (first, second) = (open(&officer), open(&officer));
        let foreign = cplds::secret::token_hash(&first);
        write(db, &candidate, move |tx| sessions::close(tx, &foreign)).unwrap();
        assert!(find(&first).is_some(), "nobody ends someone else's session");
        let own = cplds::secret::token_hash(&first);
        write(db, &officer, move |tx| sessions::close(tx, &own)).unwrap();
        assert!(find(&first).is_none() && find(&second).is_some());

        let administrator = user(db, "admin@ac-limoges.example", &[(Role::AcademyAdministrator, Some("22"))]);
        let id = officer.user_id.clone();
        write(db, &administrator, move |tx| accounts::disable_user(tx, &id)).unwrap();
        assert!(find(&second).is_none());
        let id = officer.user_id.clone();
        assert!(is_missing(write(db, &system(), move |tx| sessions::open(tx, &id))));
        assert!(db.read_now(|conn| accounts::find_actor(conn, &officer.user_id)).unwrap().is_none());
    });
}

#[test]
fn tries_are_counted_by_account_and_by_address_until_the_window_ends() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let attempt = |account: &'static str, address: &'static str| {
            write(db, &system(), move |tx| {
                sessions::count_try(tx, &[(Counted::Account, account), (Counted::Address, address)])
            })
        };
        for _ in 0..10 {
            attempt("a@x.example", "192.0.2.1").unwrap();
        }
        assert_eq!(refusal(attempt("a@x.example", "198.51.100.9")), "too_many_tries");
        attempt("b@x.example", "192.0.2.1").unwrap();
        write(db, &system(), |tx| sessions::forgive_try(tx, "b@x.example", "192.0.2.1")).unwrap();
        for account in ["c", "d", "e", "f"] {
            for _ in 0..10 {
                attempt(account, "192.0.2.1").unwrap();
            }
        }
        assert_eq!(refusal(attempt("g", "192.0.2.1")), "too_many_tries");
        fresh.clock.set(db.clock().now() + SignedDuration::from_mins(15));
        attempt("a@x.example", "192.0.2.1").unwrap();
        let keys = db
            .read_now(|conn| {
                use diesel::prelude::*;
                Ok(cplds::store::schema::login_throttles::table
                    .select(cplds::store::schema::login_throttles::key)
                    .load::<String>(conn)?)
            })
            .unwrap();
        assert!(keys.iter().all(|key| !key.contains("x.example") && !key.contains("192.0")), "{keys:?}");
    });
}

#[test]
fn a_database_refuses_another_key_and_a_shifted_clock_that_is_no_demonstration() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        settings::bind_secret(db, &Secret::from_bytes([1; 32])).unwrap();
        settings::bind_secret(db, &Secret::from_bytes([1; 32])).unwrap();
        assert_eq!(refusal(settings::bind_secret(db, &Secret::from_bytes([2; 32]))), "another_secret");
        assert_eq!(db.read_now(settings::clock).unwrap(), None);
        write(db, &system(), |tx| settings::set(tx, settings::CLOCK_OFFSET, "-86400")).unwrap();
        assert!(matches!(db.read_now(settings::clock), Err(StoreError::Broken(_))));
        tamper(fresh, "INSERT INTO settings (key, value) VALUES ('demo', '1')");
        assert_eq!(db.read_now(settings::clock).unwrap(), Some(-86_400));
    });
}

#[test]
fn what_is_asked_at_the_same_time_is_counted_and_used_once() {
    each_engine(|fresh| {
        let db = loaded(fresh);
        let token = link(db, &system(), LinkPurpose::Invitation, "a@ac-limoges.example", None, None).unwrap();
        let (used, tried) = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..8).map(|_| scope.spawn(|| claim(db, &token, Some("x")).is_ok())).collect();
            let tries: Vec<_> = (0..24)
                .map(|_| {
                    scope.spawn(|| {
                        write(db, &system(), |tx| sessions::count_try(tx, &[(Counted::Account, "cible")])).is_ok()
                    })
                })
                .collect();
            let count = |threads: Vec<std::thread::ScopedJoinHandle<'_, bool>>| {
                threads.into_iter().map(|thread| thread.join().unwrap()).filter(|done| *done).count()
            };
            (count(claims), count(tries))
        });
        assert_eq!((used, tried), (1, 10));
    });
}

/// A session of Limoges whose registration is open until the end of September.
pub fn open_session(db: &Db) -> String {
    use cplds::domain::session::Calendar;
    use cplds::store::session::{OpenSession, open_session};
    let open = OpenSession {
        academy_code: "22".into(),
        year: 2027,
        calendar: Calendar {
            registration_opens_at: crate::support::instant("2026-06-01T06:00:00Z"),
            registration_closes_at: crate::support::instant("2026-09-30T15:00:00Z"),
            epreuves_from: jiff::civil::date(2027, 1, 11),
            epreuves_to: jiff::civil::date(2027, 3, 26),
        },
        centre_name: "Rectorat de Limoges".into(),
        centre_uai: None,
        regulation_id: "reglement-2017".into(),
        pieces: Vec::new(),
    };
    write(db, &system(), move |tx| open_session(tx, &open)).unwrap()
}
