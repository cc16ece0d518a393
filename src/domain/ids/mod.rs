//! Values that are checked once, when they are read, and trusted afterwards: marks, school codes,
//! addresses, telephone numbers, dates, names folded into keys, certificate numbers and control keys.
//! Each refusal is a French sentence. Nothing here knows a regulation: bounds come from the pack.

mod certificate;
mod contact;
mod date;
mod mark;
mod numen;
mod person;
mod school;

pub use certificate::{
    CertificateNumber, CertificateNumberRefused, ControlKey, ControlKeyRefused, check_control_key,
    control_key_from_random,
};
pub use contact::{EmailAddress, EmailRefused, Phone, PhoneRefused};
pub use date::{DateRefused, FrenchDate};
pub use mark::{Mark, MarkRefused};
pub use numen::{Numen, NumenRefused};
pub(in crate::domain) use person::is_invisible;
pub use person::{Civility, CivilityRefused, fold, person_key, sort_key};
pub use school::{Uai, UaiRefused, parse_department};
