//! What a commission may enter for an épreuve: present with a mark on the pack's scale, or absent without one.
//! Rule: arrêté du 5 mai 2017 (MENE1710931A), art. 3; the scale itself is the pack's. Absent is never zero.

use jiff::Timestamp;

use super::ids::Mark;
use super::refusal::Refusal;
use super::regulation::RegulationPack;

words! {
    /// Where the evaluation of one épreuve stands.
    pub enum EvaluationState {
        Expected = "expected",
        Marked = "marked",
        Absent = "absent",
        /// A mark of an earlier session, kept at the candidate's request; nothing is to be entered.
        Kept = "kept",
    }
}

/// The longest appraisal, in characters: what fits on a transcript.
pub const APPRAISAL_MAX: usize = 2_000;

/// What a juror types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `None` when the candidate is absent.
    pub mark: Option<Mark>,
    pub appraisal: String,
    /// (line of the grid, level from 1 to 4).
    pub lines: Vec<(String, i32)>,
}

/// Checks an entry against the pack and the hour of the épreuve.
///
/// # Errors
/// Too early, off the scale, an appraisal too long or a line that is not of this épreuve's grid.
pub fn check_entry(
    pack: &RegulationPack,
    epreuve: i32,
    starts_at: Timestamp,
    now: Timestamp,
    entry: &Entry,
) -> Result<(), Refusal> {
    if now < starts_at {
        return Err(Refusal::new(
            "too_early",
            "L’épreuve n’a pas encore commencé : l’évaluation se saisit à partir de son heure de début.",
        ));
    }
    if let Some(mark) = entry.mark
        && let Some(sentence) = pack.marks.refusal(mark.hundredths())
    {
        return Err(Refusal::new("mark_off_scale", sentence));
    }
    if entry.appraisal.chars().count() > APPRAISAL_MAX {
        return Err(Refusal::new(
            "appraisal_too_long",
            format!(
                "L’appréciation dépasse {APPRAISAL_MAX} caractères : raccourcissez-la, elle figure sur le relevé de notes."
            ),
        ));
    }
    let grid = pack.epreuve(&epreuve.to_string()).map(|epreuve| epreuve.grid.as_slice()).unwrap_or_default();
    for (code, level) in &entry.lines {
        if !grid.iter().any(|line| line.code == *code) || !(1..=4).contains(level) {
            return Err(Refusal::new(
                "grid_line",
                format!(
                    "La ligne « {code} » ou son niveau n’est pas de la grille de cette épreuve : rechargez la page."
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mark: Option<i32>) -> Entry {
        Entry { mark: mark.map(Mark::from_hundredths), appraisal: String::new(), lines: Vec::new() }
    }

    #[test]
    fn a_mark_follows_the_scale_and_the_step_and_an_absence_has_none() {
        let pack = RegulationPack::embedded().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        for (mark, code) in [
            (Some(0), None),
            (Some(2000), None),
            (Some(1250), None),
            (None, None),
            (Some(2050), Some("mark_off_scale")),
            (Some(-50), Some("mark_off_scale")),
            (Some(1225), Some("mark_off_scale")),
        ] {
            let refused = check_entry(&pack, 1, at, at, &entry(mark)).err().map(|no| no.code);
            assert_eq!(refused, code, "{mark:?}");
        }
    }

    #[test]
    fn nothing_is_entered_before_the_epreuve_begins() {
        let pack = RegulationPack::embedded().unwrap();
        let at = "2027-02-01T09:00:00Z".parse().unwrap();
        let before = "2027-02-01T08:59:59Z".parse().unwrap();
        assert_eq!(check_entry(&pack, 1, at, before, &entry(Some(1000))).unwrap_err().code, "too_early");
    }

    #[test]
    fn a_line_of_another_grid_is_refused() {
        let pack = RegulationPack::embedded().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let foreign = pack.epreuves[1].grid[0].code.clone();
        let mut typed = entry(Some(1000));
        typed.lines = vec![(foreign, 2)];
        assert_eq!(check_entry(&pack, 1, at, at, &typed).unwrap_err().code, "grid_line");
        typed.lines = vec![(pack.epreuves[0].grid[0].code.clone(), 5)];
        assert_eq!(check_entry(&pack, 1, at, at, &typed).unwrap_err().code, "grid_line");
    }
}
