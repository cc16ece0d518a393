//! The mission letter: what somebody does, split between the families of missions that the framework names
//! (circulaire n° 2016-212), for a period. The letter is drawn to be signed by hand; what is signed is attached.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::framework::Framework;
use super::ids::FrenchDate;
use super::refusal::Refusal;

/// The text that asks for a mission letter.
pub const LAW: &str = "circulaire n° 2016-212 du 30 décembre 2016 (NOR MENH1619205C)";

/// Share of the working time given to one family, in per cent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub family: String,
    pub share: i32,
}

/// # Errors
/// A family that the framework does not have or names twice, a share outside 0 to 100, a sum other than 100 %.
pub fn check_shares(framework: &Framework, shares: &[Share]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for own in shares {
        let is_known = framework.families.iter().any(|family| family.code == own.family);
        if !is_known || !seen.insert(own.family.as_str()) {
            return Err(Refusal::new(
                "no_such_family",
                format!(
                    "«\u{a0}{}\u{a0}» n’est pas une famille de missions du référentiel, ou y figure deux fois.",
                    own.family
                ),
            )
            .under(LAW));
        }
        if !(0..=100).contains(&own.share) {
            return Err(Refusal::new(
                "share_out_of_range",
                format!("Une part va de 0 à 100\u{a0}%\u{a0}: {}\u{a0}% n’est pas possible.", own.share),
            ));
        }
    }
    let sum: i32 = shares.iter().map(|own| own.share).sum();
    if sum != 100 {
        return Err(Refusal::new(
            "shares_do_not_add_up",
            format!("Les parts font {sum}\u{a0}%\u{a0}: corrigez-les pour que leur somme soit de 100\u{a0}%."),
        )
        .under(LAW));
    }
    Ok(())
}

/// # Errors
/// An end before the start, or a letter for more than six years: surely a slip.
pub fn check_period(starts_on: Date, ends_on: Date) -> Result<(), Refusal> {
    if ends_on < starts_on {
        return Err(Refusal::new(
            "dates_out_of_order",
            format!(
                "La lettre prend effet le {}\u{a0}: elle ne peut pas s’achever le {}, qui est avant.",
                FrenchDate::from(starts_on),
                FrenchDate::from(ends_on)
            ),
        ));
    }
    if ends_on.year() - starts_on.year() > 6 {
        return Err(Refusal::new(
            "period_too_long",
            "Une lettre de mission ne dépasse pas six ans\u{a0}: vérifiez l’année de fin, ou prévoyez deux lettres.",
        ));
    }
    Ok(())
}

/// # Errors
/// A signature dated after today.
pub fn check_signature(signed_on: Date, today: Date) -> Result<(), Refusal> {
    super::staff::check_not_ahead("signature_ahead", "Une lettre est jointe une fois signée", signed_on, today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn code(shares: &[(&str, i32)]) -> Option<&'static str> {
        let framework = Framework::embedded().expect("embedded");
        let shares: Vec<Share> =
            shares.iter().map(|(family, share)| Share { family: (*family).into(), share: *share }).collect();
        check_shares(&framework, &shares).err().map(|no| no.code)
    }

    #[test]
    fn shares_are_those_of_the_families_and_make_one_hundred() {
        assert_eq!(code(&[("F1", 40), ("F2", 40), ("F3", 20)]), None);
        assert_eq!(code(&[("F1", 100), ("F2", 0)]), None);
        assert_eq!(code(&[("F1", 40), ("F2", 40), ("F3", 30)]), Some("shares_do_not_add_up"));
        assert_eq!(code(&[]), Some("shares_do_not_add_up"));
        assert_eq!(code(&[("F1", 50), ("F1", 50)]), Some("no_such_family"));
        assert_eq!(code(&[("F9", 100)]), Some("no_such_family"));
        assert_eq!(code(&[("F1", 150), ("F2", -50)]), Some("share_out_of_range"));
    }

    #[test]
    fn a_letter_ends_after_it_starts_and_within_six_years() {
        assert!(check_period(date(2026, 9, 1), date(2027, 8, 31)).is_ok());
        assert_eq!(check_period(date(2026, 9, 1), date(2026, 8, 31)).expect_err("before").code, "dates_out_of_order");
        assert_eq!(check_period(date(2026, 9, 1), date(2062, 8, 31)).expect_err("slip").code, "period_too_long");
        assert_eq!(check_signature(date(2026, 9, 2), date(2026, 9, 1)).expect_err("ahead").code, "signature_ahead");
    }
}
