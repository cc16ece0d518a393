//! The only reader of time. Everything else receives an instant.
//! A demonstration shifts the clock by a constant kept in its database; tests and `cplds demo` set it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where "now" comes from.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Shifted(SignedDuration),
    /// Microseconds since the epoch, moved by whoever holds a clone.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    #[must_use]
    pub const fn system() -> Self {
        Clock(Kind::System)
    }

    /// The system clock plus a constant: the demonstration's simulated time, which still flows.
    #[must_use]
    pub const fn shifted(by: SignedDuration) -> Self {
        Clock(Kind::Shifted(by))
    }

    /// A clock that stands still until `set` moves it.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Clock(Kind::Manual(Arc::new(AtomicI64::new(at.as_microsecond()))))
    }

    /// The present instant, to the microsecond: what both databases keep.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the one place that reads it
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => to_microsecond(Timestamp::now()),
            Kind::Shifted(by) => to_microsecond(Timestamp::now().checked_add(*by).unwrap_or(Timestamp::MAX)),
            Kind::Manual(at) => {
                Timestamp::from_microsecond(at.load(Ordering::Relaxed)).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }

    /// Moves a manual clock; the others keep their own time.
    pub fn set(&self, at: Timestamp) {
        if let Kind::Manual(clock) = &self.0 {
            clock.store(at.as_microsecond(), Ordering::Relaxed);
        }
    }

    /// True when what is shown is not the real time, so that every page must say so.
    #[must_use]
    pub const fn is_simulated(&self) -> bool {
        !matches!(self.0, Kind::System)
    }
}

fn to_microsecond(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
