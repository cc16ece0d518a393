//! The competences of a person: observations with their source, their day and their level, from 1 to 4. Nothing is overwritten;
//! a correction is a new observation that names the one it corrects. What falls under the target becomes a training need.

use jiff::civil::Date;

use super::refusal::Refusal;
use super::staff::{EvidenceSource, LEVELS, check_evidence};

/// The longest comment, in characters.
pub const COMMENT_MAX: usize = 1_000;

/// The levels, with the words of screens. The scale itself is a convention of the service, shown beside every chart.
pub const LEVEL_WORDS: [(i32, &str); 4] =
    [(1, "à acquérir"), (2, "en cours d’acquisition"), (3, "acquise"), (4, "maîtrisée et transmise")];

/// « 3 – acquise ».
#[must_use]
pub fn level_label(level: i32) -> String {
    let word = LEVEL_WORDS.iter().find(|(own, _)| *own == level).map_or("", |(_, word)| *word);
    format!("{level}\u{a0}– {word}")
}

/// One observation, as it was recorded: under a version of the framework, with that version's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub id: String,
    pub framework_id: String,
    pub code: String,
    pub source: EvidenceSource,
    pub level: i32,
    pub dated_on: Date,
    pub author: String,
    pub author_id: Option<String>,
    pub reference: Option<String>,
    pub comment: Option<String>,
    /// The observation that this one corrects.
    pub corrects: Option<String>,
    /// The observation that corrected this one: it is still shown, and no longer counts.
    pub corrected_by: Option<String>,
}

impl Observation {
    /// Whether it still counts.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.corrected_by.is_none()
    }
}

/// Marks each observation that another one corrects.
pub fn tie_corrections(observations: &mut [Observation]) {
    let ties: Vec<(String, String)> =
        observations.iter().filter_map(|own| Some((own.corrects.clone()?, own.id.clone()))).collect();
    for own in observations {
        own.corrected_by = ties.iter().find(|(corrected, _)| *corrected == own.id).map(|(_, by)| by.clone());
    }
}

/// The level that counts: of the latest day on which something stands, the lowest (a jury's grid may see one
/// competence in several lines on one day, and the benefit of the doubt goes to the training).
#[must_use]
pub fn current_level<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> Option<(i32, Date)> {
    let mut found: Option<(i32, Date)> = None;
    for own in observations.into_iter().filter(|own| own.stands()) {
        found = match found {
            Some((level, day)) if day > own.dated_on || (day == own.dated_on && level <= own.level) => {
                Some((level, day))
            }
            _ => Some((own.level, own.dated_on)),
        };
    }
    found
}

/// What is typed about a competence.
///
/// # Errors
/// A level outside 1 to 4, a day to come, or a comment too long.
pub fn check_assessment(level: i32, dated_on: Date, today: Date, comment: &str) -> Result<(), Refusal> {
    check_evidence(level, dated_on, today)?;
    let length = comment.chars().count();
    if length > COMMENT_MAX {
        return Err(Refusal::new(
            "comment_too_long",
            format!("Le commentaire compte {length}\u{a0}caractères\u{a0}: raccourcissez-le à {COMMENT_MAX} au plus."),
        ));
    }
    Ok(())
}

/// May an observation of this source, by this user, correct that one?
///
/// # Errors
/// What the jury saw is corrected by no one here; others correct only what they said themselves, once.
pub fn check_correction(old: &Observation, source: EvidenceSource, user_id: &str) -> Result<(), Refusal> {
    if old.source == EvidenceSource::Jury {
        return Err(Refusal::new(
            "jury_evidence",
            "Ce constat vient de la grille du jury, arrêtée à la délibération (arrêté du 5 mai 2017, NOR MENE1710931A, article 5)\u{a0}: il ne se corrige pas ici. Ajoutez votre propre constat.",
        ));
    }
    if !old.stands() {
        return Err(Refusal::new(
            "already_corrected",
            "Ce constat a déjà été corrigé\u{a0}: corrigez plutôt la correction, qui figure dans la liste.",
        ));
    }
    if old.source != source || old.author_id.as_deref().is_some_and(|author| author != user_id) {
        return Err(Refusal::new(
            "not_the_author",
            "Un constat se corrige par la personne qui l’a fait\u{a0}: ajoutez votre propre constat à côté du sien.",
        ));
    }
    Ok(())
}

/// A target level, typed by an academy.
///
/// # Errors
/// A level outside 1 to 4.
pub fn check_target(level: i32) -> Result<(), Refusal> {
    if LEVELS.contains(&level) {
        return Ok(());
    }
    Err(Refusal::new("level_out_of_range", format!("Le niveau visé va de 1 à 4\u{a0}: {level} n’existe pas.")))
}

/// Counts of people by level for one competence: from 1 to 4.
pub type ByLevel = [u32; 4];

/// Counts one person's level.
pub fn count_level(counts: &mut ByLevel, level: i32) {
    if let Some(count) = usize::try_from(level - 1).ok().and_then(|place| counts.get_mut(place)) {
        *count += 1;
    }
}

/// A published line of needs: levels 1 to 4, their total, and those under the target; `None` is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedLine {
    pub levels: Vec<Option<u32>>,
    pub total: Option<u32>,
    pub below: Option<u32>,
}

/// The lines as they may be published: no count under `masked_below`, and none that a subtraction would give away.
#[must_use]
pub fn needs(counts: &[ByLevel], target: i32, masked_below: u32) -> Vec<NeedLine> {
    let mut full: Vec<Vec<u32>> = counts
        .iter()
        .map(|levels| {
            let mut line = levels.to_vec();
            line.push(levels.iter().sum());
            line
        })
        .collect();
    let totals: Vec<u32> = (0..5).map(|c| full.iter().filter_map(|line| line.get(c)).sum()).collect();
    full.push(totals);
    let masked = super::survey::mask::masks(&full, masked_below);
    let shown = |r: usize, c: usize| {
        let count = full.get(r).and_then(|line| line.get(c)).copied();
        count.filter(|_| !masked.contains(&(r, c)))
    };
    (0..counts.len())
        .map(|r| {
            let levels: Vec<Option<u32>> = (0..4).map(|c| shown(r, c)).collect();
            // A sum of shown counts tells nothing new; a sum that holds a masked one would give it away.
            let under = usize::try_from(target - 1).unwrap_or(0).min(4);
            let below = levels.iter().take(under).copied().sum::<Option<u32>>();
            NeedLine { total: shown(r, 4), levels, below }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn seen(id: &str, source: EvidenceSource, level: i32, day: i8, corrects: Option<&str>) -> Observation {
        Observation {
            id: id.into(),
            framework_id: "f".into(),
            code: "C01".into(),
            source,
            level,
            dated_on: date(2027, 3, day),
            author: "A".into(),
            author_id: Some("u1".into()),
            reference: None,
            comment: None,
            corrects: corrects.map(str::to_owned),
            corrected_by: None,
        }
    }

    #[test]
    fn the_latest_day_counts_and_of_one_day_the_lowest_level() {
        use EvidenceSource::{Jury, Own, Tutor};
        let rows: [(&[(i32, i8)], Option<i32>); 5] = [
            (&[], None),
            (&[(2, 1)], Some(2)),
            (&[(4, 1), (2, 9)], Some(2)),
            (&[(2, 9), (4, 1)], Some(2)),
            (&[(4, 9), (3, 9), (1, 1)], Some(3)),
        ];
        for (given, expected) in rows {
            let sources = [Own, Tutor, Jury];
            let all: Vec<Observation> = given
                .iter()
                .enumerate()
                .map(|(n, (level, day))| seen("x", sources[n % 3], *level, *day, None))
                .collect();
            assert_eq!(current_level(&all).map(|(level, _)| level), expected, "{given:?}");
        }
    }

    #[test]
    fn a_corrected_observation_is_shown_and_no_longer_counts() {
        let mut all =
            vec![seen("a", EvidenceSource::Tutor, 4, 9, None), seen("b", EvidenceSource::Tutor, 2, 9, Some("a"))];
        tie_corrections(&mut all);
        assert_eq!(all[0].corrected_by.as_deref(), Some("b"));
        assert_eq!(current_level(&all).map(|(level, _)| level), Some(2));
        assert_eq!(check_correction(&all[0], EvidenceSource::Tutor, "u1").unwrap_err().code, "already_corrected");
        assert!(check_correction(&all[1], EvidenceSource::Tutor, "u1").is_ok());
    }

    #[test]
    fn only_the_author_corrects_and_nobody_corrects_the_jury() {
        let jury = seen("j", EvidenceSource::Jury, 3, 1, None);
        assert_eq!(check_correction(&jury, EvidenceSource::Jury, "u1").unwrap_err().code, "jury_evidence");
        let own = seen("o", EvidenceSource::Own, 3, 1, None);
        assert_eq!(check_correction(&own, EvidenceSource::Own, "u2").unwrap_err().code, "not_the_author");
        assert_eq!(check_correction(&own, EvidenceSource::Tutor, "u1").unwrap_err().code, "not_the_author");
        let long = "x".repeat(COMMENT_MAX + 1);
        let today = date(2027, 3, 1);
        assert_eq!(check_assessment(2, today, today, &long).unwrap_err().code, "comment_too_long");
        assert_eq!(check_target(5).unwrap_err().code, "level_out_of_range");
    }

    #[test]
    fn small_counts_are_masked_with_what_would_give_them_away() {
        let lines = needs(&[[10, 20, 3, 30], [12, 9, 8, 7]], 3, 5);
        assert_eq!(lines[0].levels[2], None, "3 people");
        assert!(
            lines[0].levels.iter().filter(|cell| cell.is_none()).count() + usize::from(lines[0].total.is_none()) >= 2
        );
        assert_eq!(needs(&[[10, 20, 30, 40]], 3, 5)[0].below, Some(30));
        assert_eq!(needs(&[[2, 20, 30, 40]], 3, 5)[0].below, None, "it would give the 2 away");
    }

    proptest! {
        #[test]
        fn no_count_under_the_threshold_ever_leaves(rows in prop::collection::vec(prop::array::uniform4(0u32..40), 1..8), target in 1..5) {
            for line in needs(&rows, target, 5) {
                for count in line.levels.iter().chain([&line.total]) {
                    prop_assert!(count.is_none_or(|count| count >= 5));
                }
                // One masked cell alone in its line could be computed from the total.
                let masked = line.levels.iter().chain([&line.total]).filter(|cell| cell.is_none()).count();
                prop_assert_ne!(masked, 1);
            }
        }
    }
}
