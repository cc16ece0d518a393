//! A mark in hundredths, as an integer: no float ever decides an exam. Shown with a comma on screens,
//! with a point in JSON. Bounds and step belong to the regulation pack and arrive as parameters.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(i32);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkRefused {
    #[error("La note «\u{a0}{0}\u{a0}» n’est pas un nombre à deux décimales au plus\u{a0}; écrivez par exemple 13,5.")]
    NotANumber(String),
    #[error("La note {given} n’est pas comprise entre {min} et {max}.")]
    OutOfRange { given: Mark, min: Mark, max: Mark },
    #[error(
        "La note {given} ne respecte pas le pas de {step} point\u{a0}: choisissez la valeur permise la plus proche."
    )]
    OffStep { given: Mark, step: Mark },
}

impl Mark {
    pub const fn from_hundredths(hundredths: i32) -> Self {
        Mark(hundredths)
    }

    pub const fn hundredths(self) -> i32 {
        self.0
    }

    /// Reads `13`, `13,5` or `13.50`. Signs, exponents and fractions are refused rather than guessed.
    pub fn parse(typed: &str) -> Result<Self, MarkRefused> {
        let text = typed.trim();
        let refused = || MarkRefused::NotANumber(text.chars().take(20).collect());
        let (whole, decimals) = match text.split_once([',', '.']) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (text, None),
        };
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || whole.len() > 4 {
            return Err(refused());
        }
        let whole: i32 = whole.parse().map_err(|_| refused())?;
        let hundredths = match decimals {
            None => 0,
            Some(d) if digits(d) && d.len() <= 2 => {
                let value: i32 = d.parse().map_err(|_| refused())?;
                if d.len() == 1 { value * 10 } else { value }
            }
            Some(_) => return Err(refused()),
        };
        Ok(Mark(whole * 100 + hundredths))
    }

    /// Checks the mark against the scale of the pack; a step of zero allows every hundredth.
    pub fn check(self, min: Mark, max: Mark, step: Mark) -> Result<(), MarkRefused> {
        if self < min || self > max {
            return Err(MarkRefused::OutOfRange { given: self, min, max });
        }
        if step.0 > 0 && (self.0 - min.0) % step.0 != 0 {
            return Err(MarkRefused::OffStep { given: self, step });
        }
        Ok(())
    }

    /// As on French screens: `12`, `13,5`, `12,25`.
    pub fn shown(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match rest {
            0 => format!("{sign}{whole}"),
            r if r % 10 == 0 => format!("{sign}{whole},{}", r / 10),
            r => format!("{sign}{whole},{r:02}"),
        }
    }

    /// As in JSON: always two decimals and a point, `12.50`.
    pub fn json(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mark_is_read_with_a_comma_or_a_point() {
        for (typed, hundredths) in [("13,5", 1350), ("13.50", 1350), (" 12 ", 1200), ("0,05", 5), ("20,00", 2000)] {
            assert_eq!(Mark::parse(typed), Ok(Mark(hundredths)), "{typed}");
        }
    }

    #[test]
    fn what_is_not_plainly_a_mark_is_refused() {
        for typed in ["", "13½", "-1", "+3", "1e1", "13,555", "13,", ",5", "12/20", "1 2", "١٢", "99999"] {
            assert!(Mark::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_mark_is_shown_in_french_and_written_in_json() {
        for (hundredths, shown, json) in
            [(1350, "13,5", "13.50"), (1200, "12", "12.00"), (1225, "12,25", "12.25"), (5, "0,05", "0.05")]
        {
            assert_eq!(Mark(hundredths).shown(), shown);
            assert_eq!(Mark(hundredths).json(), json);
        }
    }

    #[test]
    fn bounds_and_step_are_those_of_the_pack() {
        let (min, max, step) = (Mark(0), Mark(2000), Mark(50));
        assert_eq!(Mark(1350).check(min, max, step), Ok(()));
        assert!(matches!(Mark(2100).check(min, max, step), Err(MarkRefused::OutOfRange { .. })));
        assert!(matches!(Mark(1330).check(min, max, step), Err(MarkRefused::OffStep { .. })));
        assert_eq!(Mark(1333).check(min, max, Mark(0)), Ok(()));
    }

    proptest! {
        #[test]
        fn every_shown_mark_reads_back_as_itself(h in 0i32..=999_999) {
            prop_assert_eq!(Mark::parse(&Mark(h).shown()), Ok(Mark(h)));
            prop_assert_eq!(Mark::parse(&Mark(h).json()), Ok(Mark(h)));
        }
    }
}
