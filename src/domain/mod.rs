//! What is allowed: pure rules over facts, each with its article. No I/O, no clock, no randomness.
//! Modules follow the life of an exam session; `ids` and `academy` carry the identifiers they share.

/// Declares an enum that is stored, logged and exported as one fixed word per variant.
///
/// The word is the contract (database CHECK, JSON, audit): renaming a variant in Rust never changes it.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word stored and exported.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// Reads the word back; `None` for any other text.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

pub mod academy;
pub mod account;
pub mod audit;
pub mod certificate;
pub mod competence;
pub mod correction;
pub mod deliberation;
pub mod eligibility;
pub mod evaluation;
pub mod examination;
pub mod exchange;
pub mod framework;
pub mod handover;
pub mod holder;
pub mod ids;
pub mod jury;
pub mod message;
pub mod mission;
pub mod obligations;
pub mod permission;
pub mod piece;
pub mod publication;
pub mod refusal;
pub mod registration;
pub mod regulation;
pub mod retention;
pub mod schedule;
pub mod session;
pub mod staff;
pub mod survey;
pub mod table;
pub mod training;
