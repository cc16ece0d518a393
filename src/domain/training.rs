//! The training that prepares for the certificate: 190 hours over one school year, counted by module from the
//! attendance sheets (arrêté du 5 mai 2017, NOR MENE1710932A). Modules and hours come from the regulation pack.
//! It is no condition to sit: nothing here decides whether somebody is admitted.

pub mod holidays;
pub mod meeting;
pub mod place;

use jiff::civil::{Date, date};

use super::ids::FrenchDate;
use super::refusal::Refusal;
use super::regulation::{ModuleKind, TrainingModule, TrainingRules};
use super::staff::check_not_ahead;

/// Longest day of training, in minutes: beyond it, a typing mistake is far more likely.
pub const LONGEST_DAY: u32 = 720;

/// « 2026-2027 », for the school year that starts in 2026.
#[must_use]
pub fn school_year_label(year: i32) -> String {
    format!("{year}-{}", year + 1)
}

/// The school year a day belongs to, by its first calendar year; August belongs to the year that comes.
#[must_use]
pub fn school_year_of(day: Date) -> i32 {
    let year = i32::from(day.year());
    if day.month() >= 8 { year } else { year - 1 }
}

/// The training holds within one school year (MENE1710932A); the end of August before the start of classes counts in it.
///
/// # Errors
/// An end before the start, or a day outside the school year.
pub fn check_dates(school_year: i32, starts_on: Date, ends_on: Date) -> Result<(), Refusal> {
    if ends_on < starts_on {
        return Err(Refusal::new(
            "dates_out_of_order",
            format!(
                "La formation commence le {}\u{a0}: elle ne peut pas finir le {}, qui est avant.",
                FrenchDate::from(starts_on),
                FrenchDate::from(ends_on)
            ),
        ));
    }
    let bounds = i16::try_from(school_year)
        .ok()
        .filter(|year| (2017..=2200).contains(year))
        .map(|year| (date(year, 8, 1), date(year + 1, 8, 31)));
    match bounds {
        Some((first, last)) if first <= starts_on && ends_on <= last => Ok(()),
        Some((first, last)) => Err(Refusal::new(
            "outside_school_year",
            format!(
                "La formation se déroule sur une seule année scolaire\u{a0}: pour {}, choisissez des dates entre le {} et le {}.",
                school_year_label(school_year),
                FrenchDate::from(first),
                FrenchDate::from(last)
            ),
        )
        .under("arrêté du 5 mai 2017, NOR MENE1710932A")),
        None => Err(Refusal::new(
            "no_such_school_year",
            "L’année scolaire s’indique par son année de rentrée, à partir de 2017, par exemple 2026.",
        )),
    }
}

/// A tutor is somebody else, and the person who designates says that the tutor fulfils what the order asks.
///
/// # Errors
/// The tutor is the trainee, or nobody vouched for the tutor's qualification (MENE1710932A, art. 2).
pub fn check_tutor(rules: &TrainingRules, is_trainee: bool, is_qualified: bool) -> Result<(), Refusal> {
    if is_trainee {
        return Err(Refusal::new(
            "own_tutor",
            "Personne ne peut être son propre tuteur\u{a0}: désignez quelqu’un d’autre.",
        )
        .under(&rules.tutor.law));
    }
    if !is_qualified {
        return Err(Refusal::new(
            "tutor_not_qualified",
            format!(
                "Le tuteur doit remplir les conditions de l’arrêté\u{a0}: {} Confirmez-le avant de désigner cette personne.",
                rules.tutor.value
            ),
        )
        .under(&rules.tutor.law));
    }
    Ok(())
}

/// A tutor who accompanies more trainees than advised is told of, never refused.
#[must_use]
pub fn is_overloaded(rules: &TrainingRules, trainees: usize) -> bool {
    rules.tutor_load.as_ref().is_some_and(|most| trainees > most.value as usize)
}

/// What is already known when an attendance is noted.
#[derive(Debug, Clone, Copy)]
pub struct AttendanceFacts<'a> {
    pub rules: &'a TrainingRules,
    pub starts_on: Date,
    pub ends_on: Date,
    pub today: Date,
    /// Minutes of the same module on other days.
    pub module_minutes: u32,
    /// Minutes of other modules on the same day.
    pub day_minutes: u32,
}

/// One line of an attendance sheet.
#[derive(Debug, Clone, Copy)]
pub struct Presence<'a> {
    pub module: &'a str,
    pub held_on: Date,
    pub minutes: u32,
    /// Why the module takes more than its hours, when it does.
    pub reason: &'a str,
}

/// # Errors
/// An unknown module, a day outside the training or not come yet, a duration that no day holds, or more than
/// the module's hours without a reason.
pub fn check_attendance(facts: &AttendanceFacts<'_>, new: &Presence<'_>) -> Result<(), Refusal> {
    let Some(module) = find_module(facts.rules, new.module) else {
        return Err(Refusal::new(
            "no_such_module",
            format!(
                "Le module «\u{a0}{}\u{a0}» n’existe pas dans le règlement de cette formation\u{a0}: choisissez-le dans la liste.",
                new.module
            ),
        ));
    };
    if new.held_on < facts.starts_on || new.held_on > facts.ends_on {
        return Err(Refusal::new(
            "outside_training",
            format!(
                "Le {} est en dehors de la formation, qui va du {} au {}.",
                FrenchDate::from(new.held_on),
                FrenchDate::from(facts.starts_on),
                FrenchDate::from(facts.ends_on)
            ),
        ));
    }
    check_not_ahead("attendance_ahead", "Une présence se note le jour même ou après", new.held_on, facts.today)?;
    if new.minutes == 0 || facts.day_minutes.saturating_add(new.minutes) > LONGEST_DAY {
        return Err(Refusal::new(
            "day_too_long",
            format!(
                "Une journée de formation compte de 1\u{a0}minute à {}\u{a0}: {} le {} n’est pas possible.",
                shown(LONGEST_DAY),
                shown(facts.day_minutes.saturating_add(new.minutes)),
                FrenchDate::from(new.held_on)
            ),
        ));
    }
    let total = facts.module_minutes.saturating_add(new.minutes);
    if total > module.minutes.value && new.reason.trim().is_empty() {
        return Err(Refusal::new(
            "module_exceeded",
            format!(
                "Avec cette présence, le module {} atteindrait {} pour {} prévues\u{a0}: corrigez la durée, ou indiquez le motif du dépassement.",
                module.code,
                shown(total),
                shown(module.minutes.value)
            ),
        )
        .under(&module.minutes.law));
    }
    Ok(())
}

#[must_use]
pub fn find_module<'a>(rules: &'a TrainingRules, code: &str) -> Option<&'a TrainingModule> {
    rules.modules.iter().find(|module| module.code == code)
}

/// Minutes followed, minutes that count, minutes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// All that was attended.
    pub done: u32,
    /// What counts towards the hours due: an hour too many in one module does not replace another module.
    pub counted: u32,
    /// What an exemption takes off the hours due, beyond those followed: never hours of attendance.
    pub exempted: u32,
    pub due: u32,
}

impl Progress {
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.left() == 0
    }

    /// Minutes still to follow.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.due.saturating_sub(self.counted.saturating_add(self.exempted))
    }

    /// Share of the hours due, 0 to 100, rounded down so that 100 means complete.
    #[must_use]
    pub fn percent(&self) -> u32 {
        if self.due == 0 {
            return 100;
        }
        let share = u64::from(self.due.saturating_sub(self.left())) * 100 / u64::from(self.due);
        u32::try_from(share).unwrap_or(100)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleProgress {
    pub code: String,
    pub title: String,
    pub kind: ModuleKind,
    pub progress: Progress,
}

/// Hours followed against hours due, for one trainee of one training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Six compulsory modules, 120 h (MENE1710932A, art. 1).
    pub theory: Progress,
    /// Modules at choice, 30 h (MENE1710932A, art. 1).
    pub deepening: Progress,
    /// Two modules in a school, 40 h (MENE1710932A, art. 1).
    pub practice: Progress,
    pub modules: Vec<ModuleProgress>,
}

impl Hours {
    #[must_use]
    pub fn total(&self) -> Progress {
        let parts = [self.theory, self.deepening, self.practice];
        Progress {
            done: parts.iter().map(|part| part.done).sum(),
            counted: parts.iter().map(|part| part.counted).sum(),
            exempted: parts.iter().map(|part| part.exempted).sum(),
            due: parts.iter().map(|part| part.due).sum(),
        }
    }

    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.theory.is_complete() && self.deepening.is_complete() && self.practice.is_complete()
    }
}

/// Counts the hours of one trainee from `attendances`, pairs of module code and minutes, and `exempted`, codes of modules.
///
/// Totals of the three parts are those of the order (MENE1710932A, art. 1), as the pack gives them. Compulsory
/// modules count up to their own hours; modules at choice replace one another, up to the total of the part.
#[must_use]
pub fn hours<'a>(
    rules: &TrainingRules,
    attendances: impl IntoIterator<Item = (&'a str, u32)>,
    exempted: &[&str],
) -> Hours {
    let mut modules: Vec<ModuleProgress> = rules
        .modules
        .iter()
        .map(|module| ModuleProgress {
            code: module.code.clone(),
            title: module.title.clone(),
            kind: module.kind,
            progress: Progress { due: module.minutes.value, ..Progress::default() },
        })
        .collect();
    for (code, minutes) in attendances {
        if let Some(module) = modules.iter_mut().find(|module| module.code == code) {
            module.progress.done = module.progress.done.saturating_add(minutes);
            module.progress.counted = module.progress.done.min(module.progress.due);
        }
    }
    for module in modules.iter_mut().filter(|module| exempted.contains(&module.code.as_str())) {
        module.progress.exempted = module.progress.due - module.progress.counted;
    }
    let part = |kind: ModuleKind, due: u32| {
        let of_part = || modules.iter().filter(|module| module.kind == kind).map(|module| module.progress);
        let counted = match kind {
            ModuleKind::Deepening => of_part().map(|progress| progress.done).sum::<u32>(),
            ModuleKind::Theory | ModuleKind::Practice => of_part().map(|progress| progress.counted).sum(),
        };
        let counted = counted.min(due);
        let excused: u32 = of_part().map(|progress| progress.exempted).sum();
        Progress {
            done: of_part().map(|progress| progress.done).sum(),
            counted,
            exempted: excused.min(due - counted),
            due,
        }
    };
    Hours {
        theory: part(ModuleKind::Theory, rules.theory_minutes.value),
        deepening: part(ModuleKind::Deepening, rules.deepening_minutes.value),
        practice: part(ModuleKind::Practice, rules.practice_minutes.value),
        modules,
    }
}

/// A duration as an office writes it: `45 min`, `6 h`, `12 h 30`.
#[must_use]
pub fn shown(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, 0) => "0\u{a0}h".to_owned(),
        (0, minutes) => format!("{minutes}\u{a0}min"),
        (hours, 0) => format!("{hours}\u{a0}h"),
        (hours, minutes) => format!("{hours}\u{a0}h\u{a0}{minutes:02}"),
    }
}

/// Reads a duration as people type it: `6`, `6 h`, `6h30`, `6:30`, `3,5` (hours), `45 min`. Zero is a duration.
///
/// # Errors
/// A sentence that shows how to write it.
pub fn read_duration(typed: &str) -> Result<u32, String> {
    let text: String = typed.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let refused = || {
        format!(
            "«\u{a0}{}\u{a0}» n’est pas une durée\u{a0}: écrivez par exemple 6\u{a0}h, 3\u{a0}h\u{a0}30 ou 45\u{a0}min.",
            typed.trim().chars().take(20).collect::<String>()
        )
    };
    let number = |digits: &str| -> Result<u32, String> {
        let is_short = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_short { digits.parse().map_err(|_| refused()) } else { Err(refused()) }
    };
    if let Some(minutes) =
        text.strip_suffix("min").or_else(|| text.strip_suffix("mn")).filter(|rest| !rest.contains('h'))
    {
        return number(minutes);
    }
    if let Some((hours, minutes)) = text.split_once(['h', ':']) {
        let minutes = minutes.trim_end_matches("min").trim_end_matches("mn");
        let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
        return if minutes < 60 { Ok(number(hours)? * 60 + minutes) } else { Err(refused()) };
    }
    match text.split_once([',', '.']) {
        Some((hours, "5" | "50")) => Ok(number(hours)? * 60 + 30),
        Some((hours, "25")) => Ok(number(hours)? * 60 + 15),
        Some((hours, "75")) => Ok(number(hours)? * 60 + 45),
        Some((hours, "0" | "00")) => Ok(number(hours)? * 60),
        Some(_) => Err(refused()),
        None => Ok(number(&text)? * 60),
    }
}

/// The French name of a part of the training.
#[must_use]
pub const fn kind_label(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::Theory => "modules obligatoires",
        ModuleKind::Deepening => "modules d’approfondissement",
        ModuleKind::Practice => "modules pratiques en établissement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::regulation::RegulationPack;

    fn rules() -> TrainingRules {
        RegulationPack::embedded().expect("the embedded pack reads").training
    }

    #[test]
    fn the_order_asks_for_120_30_and_40_hours() {
        let hours = hours(&rules(), [], &[]);
        let due = [hours.theory.due, hours.deepening.due, hours.practice.due, hours.total().due];
        assert_eq!(due.map(|minutes| minutes / 60), [120, 30, 40, 190]);
        assert!(!hours.is_complete());
    }

    #[test]
    fn everything_followed_is_complete_and_a_minute_less_is_not() {
        let rules = rules();
        let full: Vec<(&str, u32)> =
            rules.modules.iter().map(|module| (module.code.as_str(), module.minutes.value)).collect();
        assert!(hours(&rules, full.clone(), &[]).is_complete());
        assert_eq!(hours(&rules, full.clone(), &[]).total().percent(), 100);
        let mut short = full;
        short[0].1 -= 1;
        let hours = hours(&rules, short, &[]);
        assert!(!hours.is_complete());
        assert_eq!(hours.theory.percent(), 99, "100 means complete");
    }

    #[test]
    fn compulsory_modules_do_not_replace_one_another_and_modules_at_choice_do() {
        let rules = rules();
        let theory = hours(&rules, [("MO1", 7_200)], &[]).theory;
        assert_eq!((theory.done, theory.counted), (7_200, 1_200));
        let deepening = hours(&rules, [("MA1", 1_000), ("MA2", 900)], &[]).deepening;
        assert_eq!((deepening.done, deepening.counted, deepening.due), (1_900, 1_800, 1_800));
        assert!(deepening.is_complete());
    }

    #[test]
    fn an_exemption_completes_a_module_and_is_never_an_hour_followed() {
        let rules = rules();
        let hours = hours(&rules, [("MO1", 300)], &["MO1", "MA2", "nothing"]);
        assert_eq!((hours.theory.done, hours.theory.counted, hours.theory.exempted), (300, 300, 900));
        assert_eq!((hours.deepening.done, hours.deepening.exempted, hours.deepening.left()), (0, 600, 1_200));
        assert!(hours.modules[0].progress.is_complete());
        assert_eq!(hours.total().left(), 11_400 - 1_200 - 600);
    }

    #[test]
    fn a_training_holds_within_its_school_year() {
        assert!(check_dates(2026, date(2026, 8, 31), date(2027, 7, 2)).is_ok());
        let code = |from, to| check_dates(2026, from, to).expect_err("refused").code;
        assert_eq!(code(date(2026, 9, 1), date(2027, 9, 1)), "outside_school_year");
        assert_eq!(code(date(2025, 9, 1), date(2027, 6, 1)), "outside_school_year");
        assert_eq!(code(date(2027, 1, 5), date(2027, 1, 4)), "dates_out_of_order");
        assert_eq!(check_dates(26, date(2026, 9, 1), date(2027, 6, 1)).expect_err("26").code, "no_such_school_year");
        assert_eq!(school_year_of(date(2026, 8, 31)), 2026);
        assert_eq!(school_year_of(date(2027, 7, 31)), 2026);
    }

    #[test]
    fn a_duration_reads_as_an_office_writes_it() {
        assert_eq!(shown(0), "0\u{a0}h");
        assert_eq!(shown(45), "45\u{a0}min");
        assert_eq!(shown(360), "6\u{a0}h");
        assert_eq!(shown(725), "12\u{a0}h\u{a0}05");
    }

    #[test]
    fn a_duration_is_read_as_people_type_it() {
        let read = |typed| read_duration(typed).expect(typed);
        assert_eq!([read("6"), read("6 h"), read("6H00"), read("3,5"), read("0")], [360, 360, 360, 210, 0]);
        assert_eq!(
            [read("3h30"), read("3 h 30 min"), read("3:30"), read("45 min"), read("3\u{a0}h\u{a0}05")],
            [210, 210, 210, 45, 185]
        );
        for typed in ["", "six", "3h75", "-1", "1,33", "h30", "99999", "6 h 30 h"] {
            assert!(read_duration(typed).is_err(), "{typed}");
        }
    }
}
