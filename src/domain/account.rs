//! Accounts: what makes a password acceptable, how many tries are allowed, how long a session and a link last,
//! which role may be given where. Pure rules; hashing is in `crate::password`, storage in `store::accounts` and `store::sessions`.

use jiff::{SignedDuration, Timestamp};
use unicode_normalization::UnicodeNormalization;

use super::permission::{Action, Actor, Grant, Object, Role, may};
use super::refusal::Refusal;

words! {
    /// What a link sent by mail is for.
    pub enum LinkPurpose {
        /// Opens an account, and ties it to a candidate's file or a juror's seat when the link names one.
        Invitation = "invitation",
        /// Chooses a new password.
        Password = "password",
    }
}

/// A session never outlives this, however active: a working day.
pub const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(12);
/// What its owner may prolong a session to, from its opening; longer than a night, so that nobody is cut off while working.
pub const SESSION_AT_MOST: SignedDuration = SignedDuration::from_hours(24);
/// Staff see other people's data: an unattended screen closes by itself.
pub const STAFF_IDLE: SignedDuration = SignedDuration::from_mins(30);
/// A juror listens and writes away from the screen: an épreuve and its exchange last less than this.
pub const JURY_IDLE: SignedDuration = SignedDuration::from_hours(2);
/// The last sight of a session is written at most this often.
pub const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// An invitation waits for its reader's return from leave.
pub const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(24 * 14);
/// A link that opens an account or chooses a password is used at once, on the page one has just left.
pub const ACCOUNT_LINK_LASTS: SignedDuration = SignedDuration::from_mins(30);
/// The new mailbox confirms a change of address within a day.
pub const ADDRESS_LINK_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// The old mailbox may undo it for a week: long enough for whoever lost their account to read their mail.
pub const ADDRESS_CANCEL_LASTS: SignedDuration = SignedDuration::from_hours(24 * 7);
/// A passkey answers its challenge while one stands in front of the screen.
pub const PASSKEY_CHALLENGE_LASTS: SignedDuration = SignedDuration::from_mins(5);
/// Passkeys one account may have: a few devices and a spare.
pub const PASSKEYS_AT_MOST: i64 = 10;

/// Length of the window in which tries are counted.
pub const THROTTLE_WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// What tries are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Passwords tried for one account, existing or not.
    Account,
    /// Passwords tried from one address: a school shares one, hence the larger number.
    Address,
    /// Mails asked for one account.
    Mail,
    /// Birth dates given to claim a file: there are few of them.
    Birth,
}

impl Counted {
    /// Tries allowed in one window.
    #[must_use]
    pub const fn limit(self) -> i32 {
        match self {
            Counted::Account => 10,
            Counted::Address => 50,
            Counted::Mail => 3,
            Counted::Birth => 5,
        }
    }
}

/// Tries already counted in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    pub failures: i32,
    pub window_started_at: Timestamp,
}

impl Tries {
    /// True once the window is over: the count starts again.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.window_started_at) >= THROTTLE_WINDOW
    }

    /// Seconds until the window is over.
    #[must_use]
    pub fn seconds_left(&self, now: Timestamp) -> u32 {
        let left = THROTTLE_WINDOW - now.duration_since(self.window_started_at);
        u32::try_from(left.as_secs().max(1)).unwrap_or(u32::MAX)
    }
}

/// May one more try be made?
///
/// # Errors
/// `too_many_tries`, with the minutes to wait.
pub fn may_try(counted: Counted, tries: Tries, now: Timestamp) -> Result<(), Refusal> {
    if tries.is_over(now) || tries.failures < counted.limit() {
        return Ok(());
    }
    let minutes = tries.seconds_left(now).div_ceil(60);
    let or_else = match counted {
        Counted::Birth => "adressez-vous au bureau des examens de votre académie.",
        _ => "demandez un nouveau mot de passe par « Mot de passe oublié ».",
    };
    Err(Refusal::new(
        TOO_MANY_TRIES,
        format!(
            "Trop de tentatives : réessayez dans {minutes} minute{}, ou {or_else}",
            if minutes > 1 { "s" } else { "" }
        ),
    ))
}

/// Code of the refusal of [`may_try`]: pages answer it with status 429.
pub const TOO_MANY_TRIES: &str = "too_many_tries";

/// How long an untouched session of this person stays open; `None` for candidates, who see only their own file.
#[must_use]
pub fn idle_limit(grants: &[Grant]) -> Option<SignedDuration> {
    grants
        .iter()
        .filter_map(|grant| match grant.role {
            Role::Candidate => None,
            Role::JuryMember | Role::CommissionChair | Role::JuryPresident => Some(JURY_IDLE),
            _ => Some(STAFF_IDLE),
        })
        .min()
}

/// The instant at which a session is over.
#[must_use]
pub fn session_end(expires_at: Timestamp, seen_at: Timestamp, grants: &[Grant]) -> Timestamp {
    idle_limit(grants)
        .and_then(|idle| seen_at.checked_add(idle).ok())
        .map_or(expires_at, |idle_end| idle_end.min(expires_at))
}

/// The end of a session that its owner has just prolonged: as long again, within what is allowed since its opening.
#[must_use]
pub fn prolonged_end(opened_at: Timestamp, now: Timestamp) -> Timestamp {
    let again = now.checked_add(SESSION_LASTS).unwrap_or(now);
    opened_at.checked_add(SESSION_AT_MOST).map_or(again, |last| again.min(last))
}

/// A password that may be chosen: NFKC-normalised, so that every keyboard types the same one.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Shortest and longest password, in characters.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// Beginnings of passwords that everyone tries first, compared without case, digits' lookalikes kept.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890",
    "azertyuiop",
    "qwertyuiop",
    "qwertzuiop",
    "motdepasse",
    "mot de passe",
    "password",
    "passw0rd",
    "bonjour",
    "soleil",
    "loulou",
    "doudou",
    "marseille",
    "chouchou",
    "iloveyou",
    "administrateur",
    "administrator",
    "welcome",
    "bienvenue",
    "letmein",
    "superman",
    "football",
    "princesse",
    "nicolas",
    "education",
    "décrochage",
    "decrochage",
    "changeme",
    "changezmoi",
    "secret",
];

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    #[error(
        "Ce mot de passe est trop court : choisissez au moins 12 caractères, par exemple quatre mots sans rapport entre eux."
    )]
    TooShort,
    #[error("Ce mot de passe dépasse 128 caractères : raccourcissez-le.")]
    TooLong,
    #[error(
        "Ce mot de passe contient votre adresse électronique : choisissez-en un qui ne se devine pas à partir d’elle."
    )]
    ContainsEmail,
    #[error(
        "Ce mot de passe fait partie des plus courants : choisissez par exemple quatre mots sans rapport entre eux."
    )]
    Common,
}

impl Password {
    /// Reads a password someone chooses for the account of this address.
    ///
    /// # Errors
    /// The first reason it is not acceptable.
    pub fn choose(typed: &str, email: &str) -> Result<Self, PasswordRefused> {
        let text = normalised(typed);
        let length = text.chars().count();
        if length < *PASSWORD_LENGTH.start() {
            return Err(PasswordRefused::TooShort);
        }
        if length > *PASSWORD_LENGTH.end() {
            return Err(PasswordRefused::TooLong);
        }
        let lower = text.to_lowercase();
        let email = email.trim().to_lowercase();
        let local = email.split('@').next().unwrap_or("");
        // A local part of two or three letters is inside many honest passwords.
        if (!email.is_empty() && lower.contains(&email)) || (local.chars().count() >= 5 && lower.contains(local)) {
            return Err(PasswordRefused::ContainsEmail);
        }
        if is_common(&lower) {
            return Err(PasswordRefused::Common);
        }
        Ok(Password(text))
    }

    /// A password typed to sign in: whatever was typed, within the bounds of what may be hashed.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Password(normalised(text).chars().take(*PASSWORD_LENGTH.end()).collect())
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn normalised(typed: &str) -> String {
    typed.nfkc().collect()
}

/// A common word padded with digits or signs is still a common word, and so is one character repeated.
fn is_common(lower: &str) -> bool {
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 5 {
        return true;
    }
    let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
    COMMON.iter().any(|word| {
        let rest = lower.replace(word, "");
        bare == *word || rest.chars().all(|c| !c.is_alphabetic()) && rest.chars().count() < lower.chars().count()
    })
}

/// Checks that a role is given where it can be held, by someone who may give it.
///
/// National roles have no academy and only the administrator of the platform gives them; every other role has one,
/// and its administrators give it in their own academy.
///
/// # Errors
/// `role_academy` when role and academy do not fit; `None` inside means "not yours to give".
pub fn check_grant(actor: &Actor, role: Role, academy: Option<&str>) -> Result<(), Option<Refusal>> {
    match (role.is_national(), academy) {
        (true, Some(_)) => Err(Some(Refusal::new(
            "role_academy",
            format!("Le rôle « {} » vaut pour tout le pays : ne choisissez pas d’académie.", role.label()),
        ))),
        (false, None) => Err(Some(Refusal::new(
            "role_academy",
            format!("Le rôle « {} » s’exerce dans une académie : choisissez laquelle.", role.label()),
        ))),
        (_, academy) if may(actor, Action::ManageUsers, Object { academy, ..Object::house() }) => Ok(()),
        _ => Err(None),
    }
}

/// Whether this actor administers accounts anywhere.
#[must_use]
pub fn manages_accounts(actor: &Actor) -> bool {
    actor.is_system || actor.has_role(Role::AcademyAdministrator) || actor.has_role(Role::PlatformAdministrator)
}

/// The academies whose accounts this actor administers; `None` means all.
#[must_use]
pub fn managed_academies(actor: &Actor) -> Option<Vec<String>> {
    if may(actor, Action::ManageUsers, Object::house()) {
        return None;
    }
    Some(actor.academies(&[Role::AcademyAdministrator]).into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn grant(role: Role) -> Grant {
        Grant { role, academy: (!role.is_national()).then(|| "22".to_owned()) }
    }

    fn actor(role: Role) -> Actor {
        Actor { grants: vec![grant(role)], is_system: false, ..Actor::system("test") }
    }

    #[test]
    fn the_eleventh_try_waits_for_the_end_of_the_window() {
        let tries = |failures| Tries { failures, window_started_at: at(0) };
        assert!(may_try(Counted::Account, tries(9), at(60)).is_ok());
        let refused = may_try(Counted::Account, tries(10), at(60)).unwrap_err();
        assert_eq!(refused.code, TOO_MANY_TRIES);
        assert!(refused.sentence.contains("14 minutes"), "{refused}");
        assert!(may_try(Counted::Account, tries(10), at(899)).is_err());
        assert!(may_try(Counted::Account, tries(10), at(900)).is_ok());
        assert!(may_try(Counted::Address, tries(49), at(60)).is_ok());
        assert!(may_try(Counted::Address, tries(50), at(60)).is_err());
    }

    #[test]
    fn an_honest_password_is_accepted_and_typed_the_same_on_every_keyboard() {
        let email = "ines.durand@ac-limoges.example";
        for typed in ["cheval pile agrafe vélo", "Tr0is-petits-chats!", "ça fait douze !"] {
            assert!(Password::choose(typed, email).is_ok(), "{typed}");
        }
        let composed = Password::choose("pêche et métro", email).unwrap();
        let decomposed = Password::choose("pe\u{302}che et me\u{301}tro", email).unwrap();
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
        assert_eq!(Password::typed("pe\u{302}che et métro").as_bytes(), composed.as_bytes());
    }

    #[test]
    fn a_password_that_would_be_guessed_says_why_it_is_refused() {
        let email = "ines.durand@ac-limoges.example";
        for (typed, why) in [
            ("onze lettre", PasswordRefused::TooShort),
            (&*"é".repeat(129), PasswordRefused::TooLong),
            ("Ines.Durand2027", PasswordRefused::ContainsEmail),
            ("motdepasse2027!", PasswordRefused::Common),
            ("Azertyuiop123", PasswordRefused::Common),
            ("aaaaaaaaaaaaaaaa", PasswordRefused::Common),
            ("123456789012", PasswordRefused::Common),
            ("passwordpassword", PasswordRefused::Common),
        ] {
            assert_eq!(Password::choose(typed, email), Err(why), "{typed}");
        }
        assert!(!format!("{:?}", Password::typed("cheval pile agrafe")).contains("cheval"));
    }

    #[test]
    fn a_national_role_has_no_academy_and_every_other_has_one() {
        let system = Actor::system("test");
        for role in Role::ALL {
            assert_eq!(check_grant(&system, *role, None).is_ok(), role.is_national(), "{role}");
            assert_eq!(check_grant(&system, *role, Some("22")).is_ok(), !role.is_national(), "{role}");
        }
    }

    #[test]
    fn an_academy_administrator_gives_roles_in_their_own_academy_only() {
        let administrator = actor(Role::AcademyAdministrator);
        assert_eq!(check_grant(&administrator, Role::ExamOfficer, Some("22")), Ok(()));
        assert_eq!(check_grant(&administrator, Role::ExamOfficer, Some("13")), Err(None));
        assert_eq!(check_grant(&administrator, Role::PlatformAdministrator, None), Err(None));
        assert_eq!(check_grant(&actor(Role::ExamOfficeHead), Role::ExamOfficer, Some("22")), Err(None));
        assert_eq!(check_grant(&actor(Role::PlatformAdministrator), Role::PlatformAdministrator, None), Ok(()));
    }

    #[test]
    fn an_unattended_session_of_staff_closes_before_a_jurors_and_a_candidates_only_at_the_end_of_the_day() {
        let end = |role| session_end(at(43_200), at(0), &[grant(role)]);
        assert_eq!(end(Role::ExamOfficer), at(1_800));
        assert_eq!(end(Role::JuryMember), at(7_200));
        assert_eq!(end(Role::Candidate), at(43_200));
        assert_eq!(session_end(at(43_200), at(43_000), &[grant(Role::ExamOfficer)]), at(43_200));
        assert_eq!(prolonged_end(at(0), at(40_000)), at(83_200));
        assert_eq!(prolonged_end(at(0), at(80_000)), at(86_400));
        let both = [grant(Role::Candidate), grant(Role::JuryMember), grant(Role::TrainingManager)];
        assert_eq!(session_end(at(43_200), at(0), &both), at(1_800));
    }
}
