//! French as documents write it: dates, agreement with the civility, the academy's article.

use jiff::civil::Date;

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// « 1er juillet 2027 ».
pub(super) fn day(date: Date) -> String {
    let month = MONTHS.get(usize::from(date.month().unsigned_abs()) - 1).copied().unwrap_or_default();
    let day = if date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    format!("{day}\u{A0}{month} {}", date.year())
}

/// « née » for a woman, « né » for a man, both when the civility does not tell.
pub(super) fn born(civility: &str) -> &'static str {
    match civility.trim().trim_end_matches('.').to_lowercase().as_str() {
        "mme" | "madame" | "mlle" | "mademoiselle" => "née",
        "m" | "mr" | "monsieur" => "né",
        _ => "né(e)",
    }
}

/// « née le 29 février 1988 à Brive-la-Gaillarde ».
pub(super) fn birth(civility: &str, date: Date, place: Option<&str>) -> String {
    let known = place.map(str::trim).filter(|place| !place.is_empty());
    let place = known.map_or(String::new(), |place| format!(" à {place}"));
    format!("{} le {}{place}", born(civility), day(date))
}

/// « académie de Limoges », « académie d’Amiens ».
pub(super) fn academy(name: &str) -> String {
    let vowel = name.trim().to_lowercase().starts_with(['a', 'e', 'é', 'i', 'î', 'o', 'u', 'y']);
    format!("académie {}{}", if vowel { "d’" } else { "de " }, name.trim())
}

/// The same with a capital, for headers.
pub(super) fn academy_title(name: &str) -> String {
    academy(name).replacen('a', "A", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_first_of_a_month_is_ordinal_and_the_others_are_not() {
        assert_eq!(day(date(2027, 7, 1)), "1er\u{A0}juillet 2027");
        assert_eq!(day(date(2027, 8, 11)), "11\u{A0}août 2027");
    }

    #[test]
    fn birth_agrees_with_the_civility_and_does_without_a_place() {
        assert_eq!(birth("Mme", date(1988, 2, 29), Some("Tulle")), "née le 29\u{A0}février 1988 à Tulle");
        assert_eq!(birth("M.", date(1988, 12, 1), Some(" ")), "né le 1er\u{A0}décembre 1988");
        assert_eq!(born("Docteur"), "né(e)");
    }

    #[test]
    fn the_academy_takes_its_article() {
        assert_eq!(academy("Amiens"), "académie d’Amiens");
        assert_eq!(academy("La Réunion"), "académie de La Réunion");
        assert_eq!(academy_title("Orléans-Tours"), "Académie d’Orléans-Tours");
    }
}
