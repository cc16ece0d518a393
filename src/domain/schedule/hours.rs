//! The hours the proposer fills: Monday to Friday, 9:00 to 12:30 and 13:30 to 17:30 on the academy's clocks,
//! public holidays left out. An officer may place a slot at any other hour of the period.

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};

use crate::domain::academy::Academy;

const OPENS: u32 = 9 * 60;
const NOON_FROM: u32 = 12 * 60 + 30;
const NOON_TO: u32 = 13 * 60 + 30;
const CLOSES: u32 = 17 * 60 + 30;
pub(super) const DAY: u32 = 24 * 60;
const MORNING: u32 = NOON_FROM - OPENS;
const AFTERNOON: u32 = CLOSES - NOON_TO;

/// Working days of a period. A *tick* counts minutes: the index of the day times 1,440, plus the minute of that day.
#[derive(Debug, Clone)]
pub struct WorkingDays {
    openings: Vec<Timestamp>,
}

impl WorkingDays {
    #[must_use]
    pub fn of(academy: &Academy, from: Date, to: Date) -> Self {
        let worked =
            |date: &Date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_public_holiday(*date);
        let openings = from
            .series(jiff::Span::new().days(1))
            .take_while(|date| *date <= to)
            .filter(worked)
            .filter_map(|date| academy.instant(date.at(9, 0, 0, 0)).ok())
            .collect();
        WorkingDays { openings }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.openings.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.openings.is_empty()
    }

    /// First tick from `tick` on at which so many minutes fit before the noon break or the evening; `None` when
    /// the period ends before.
    pub(super) fn fit(&self, tick: u32, minutes: u32) -> Option<u32> {
        let whole_day = minutes > MORNING.max(AFTERNOON);
        if minutes > CLOSES - OPENS {
            return None;
        }
        let (mut day, mut minute) = (tick / DAY, (tick % DAY).max(OPENS));
        if !whole_day && minute < NOON_TO && minute + minutes > NOON_FROM {
            minute = NOON_TO;
        }
        if minute + minutes > CLOSES {
            day += 1;
            minute = if whole_day || minutes <= MORNING { OPENS } else { NOON_TO };
        }
        (usize::try_from(day).ok()? < self.openings.len()).then_some(day * DAY + minute)
    }

    /// The instant of a tick. Clocks change at night: within a working day, minutes simply add up.
    pub(super) fn instant(&self, tick: u32) -> Option<Timestamp> {
        let opening = self.openings.get(usize::try_from(tick / DAY).ok()?)?;
        opening.checked_add(SignedDuration::from_mins(i64::from(tick % DAY) - i64::from(OPENS))).ok()
    }

    /// The first tick that is not before this instant.
    pub(super) fn tick(&self, at: Timestamp) -> u32 {
        let after = self.openings.partition_point(|opening| *opening <= at);
        let Some(opening) = after.checked_sub(1).and_then(|day| self.openings.get(day)) else { return OPENS };
        let day = u32::try_from(after - 1).unwrap_or(u32::MAX / DAY);
        let seconds = u64::try_from(at.duration_since(*opening).as_secs()).unwrap_or(0);
        let minute = u32::try_from(seconds.div_ceil(60)).unwrap_or(DAY).saturating_add(OPENS);
        if minute >= CLOSES { (day + 1).saturating_mul(DAY) + OPENS } else { day * DAY + minute }
    }

    /// How many épreuves of this length a commission can hear in a day.
    pub(super) fn per_day(minutes: u32) -> u32 {
        if minutes == 0 || minutes > CLOSES - OPENS {
            return 0;
        }
        (MORNING / minutes + AFTERNOON / minutes).max(1)
    }
}

/// The eleven public holidays of the labour code (art. L. 3133-1).
fn is_public_holiday(date: Date) -> bool {
    const FIXED: [(i8, i8); 8] = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    // Easter Monday, Ascension Day, Whit Monday: days after Easter Sunday.
    const MOVABLE: [i32; 3] = [1, 39, 50];
    if FIXED.contains(&(date.month(), date.day())) {
        return true;
    }
    let Some(easter) = easter(date.year()) else { return false };
    MOVABLE.iter().any(|days| easter.checked_add(jiff::Span::new().days(*days)).is_ok_and(|holiday| holiday == date))
}

/// Easter Sunday of the Gregorian calendar, by the Meeus-Jones-Butcher computation.
fn easter(year: i16) -> Option<Date> {
    let year_of_era = i32::from(year);
    let (golden, century, rest) = (year_of_era % 19, year_of_era / 100, year_of_era % 100);
    let lunar_correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - lunar_correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    Date::new(year, i8::try_from(days / 31).ok()?, i8::try_from(days % 31 + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn holidays_move_with_easter_and_none_is_worked() {
        assert_eq!(
            [2025, 2026, 2027, 2028].map(|year| easter(year).unwrap()),
            [date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28), date(2028, 4, 16)]
        );
        for holiday in [date(2027, 3, 29), date(2027, 5, 6), date(2027, 5, 17), date(2027, 11, 11)] {
            assert!(is_public_holiday(holiday), "{holiday}");
        }
        let limoges = Academy::find("22").unwrap();
        // Friday 26 March to Tuesday 30 March 2027: the week-end, the clocks' change and Easter Monday in between.
        let days = WorkingDays::of(limoges, date(2027, 3, 26), date(2027, 3, 30));
        let instants: Vec<String> = days.openings.iter().map(ToString::to_string).collect();
        assert_eq!(instants, ["2027-03-26T08:00:00Z", "2027-03-30T07:00:00Z"]);
    }

    #[test]
    fn nothing_straddles_noon_nor_the_evening() {
        let limoges = Academy::find("22").unwrap();
        let days = WorkingDays::of(limoges, date(2027, 2, 1), date(2027, 2, 2));
        assert_eq!(days.fit(0, 90), Some(OPENS));
        assert_eq!(days.fit(11 * 60 + 15, 90), Some(NOON_TO));
        assert_eq!(days.fit(16 * 60 + 15, 90), Some(DAY + OPENS));
        assert_eq!(days.fit(DAY + 16 * 60 + 15, 90), None);
        assert_eq!(days.fit(0, 500), Some(OPENS));
        assert_eq!(days.fit(0, 600), None);
    }

    #[test]
    fn ticks_and_instants_agree_whatever_the_zone() {
        for code in ["22", "28"] {
            let academy = Academy::find(code).unwrap();
            let days = WorkingDays::of(academy, date(2027, 2, 1), date(2027, 2, 5));
            for tick in [OPENS, NOON_TO, DAY + 15 * 60, 4 * DAY + OPENS] {
                assert_eq!(days.tick(days.instant(tick).unwrap()), tick);
                let local = academy.local(days.instant(tick).unwrap());
                assert_eq!(
                    u32::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap(),
                    tick % DAY
                );
            }
        }
    }
}
