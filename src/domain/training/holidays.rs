//! School holidays of an academy's zone (code de l'éducation, L. 521-1), to show beside the dates of a training.
//! They warn and never forbid: adults may train while pupils rest.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::regulation::Status;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holidays {
    pub law: String,
    pub status: Status,
    pub note: String,
    zones: BTreeMap<String, Vec<String>>,
    holidays: Vec<Holiday>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// As it stands within a sentence: « vacances de Noël ».
    pub name: String,
    zones: Vec<String>,
    pub first: Date,
    pub last: Date,
}

impl Holidays {
    /// The calendar shipped with the program; `None` only if its text does not read, which a test forbids.
    #[must_use]
    pub fn embedded() -> Option<&'static Self> {
        static READ: LazyLock<Option<Holidays>> =
            LazyLock::new(|| toml::from_str(include_str!("../../reference/holidays.toml")).ok());
        READ.as_ref()
    }

    /// Zone of an academy; those that fix their own calendar have none.
    #[must_use]
    pub fn zone(&self, academy: &str) -> Option<&str> {
        self.zones.iter().find(|(_, codes)| codes.iter().any(|code| code == academy)).map(|(zone, _)| zone.as_str())
    }

    /// The holidays in which this day falls, for the pupils of an academy.
    #[must_use]
    pub fn on(&self, academy: &str, day: Date) -> Option<&Holiday> {
        let zone = self.zone(academy)?;
        self.holidays
            .iter()
            .find(|holiday| holiday.zones.iter().any(|own| own == zone) && holiday.first <= day && day <= holiday.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::academy::Academy;
    use jiff::civil::date;

    #[test]
    fn a_day_is_in_the_holidays_of_its_own_zone_only() {
        let holidays = Holidays::embedded().unwrap();
        assert_eq!(holidays.on("22", date(2027, 2, 13)).unwrap().name, "vacances d’hiver");
        assert!(holidays.on("24", date(2027, 2, 24)).is_none(), "Créteil is back on 22 February");
        assert!(holidays.on("22", date(2027, 3, 1)).is_none());
        assert!(holidays.on("28", date(2027, 2, 13)).is_none(), "La Réunion has a calendar of its own");
    }

    #[test]
    fn every_academy_of_the_mainland_has_one_zone_and_the_calendar_says_it_is_to_check() {
        let holidays = Holidays::embedded().unwrap();
        assert_eq!(holidays.status, Status::ToCheck);
        let own = ["27", "28", "31", "32", "33", "43"];
        for academy in Academy::all() {
            let zones = holidays.zones.values().flatten().filter(|code| **code == academy.code).count();
            assert_eq!(zones, usize::from(!own.contains(&academy.code.as_str())), "{}", academy.name);
        }
    }
}
