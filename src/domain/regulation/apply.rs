//! What the values of a pack answer: lengths of an épreuve, marks on their scale, marks that pass or may be kept,
//! hours of training, sentences on appeals. Every refusal cites the text of the value it applies.

use super::{
    AppealWording, Epreuve, KeptMarkRule, MarkScale, ModuleKind, PassMode, PassRule, TrainingRules, Valued, values,
};

impl Epreuve {
    /// Whole length for the candidate, preparation included, in minutes.
    #[must_use]
    pub fn total_minutes(&self) -> u32 {
        self.parts.iter().map(|part| part.minutes.value).sum()
    }

    /// Time the commission spends with the candidate, in minutes.
    #[must_use]
    pub fn commission_minutes(&self) -> u32 {
        self.parts.iter().filter(|part| part.before_commission).map(|part| part.minutes.value).sum()
    }
}

impl MarkScale {
    /// The French sentence that refuses a mark off the scale or off the step; `None` when it may be given.
    #[must_use]
    pub fn refusal(&self, hundredths: i32) -> Option<String> {
        let (low, high, step) = (self.minimum.value, self.maximum.value, self.step.value);
        if hundredths < low || hundredths > high {
            return Some(format!(
                "La note {} est hors de l’échelle : elle va de {} à {} ({}).",
                values::points(hundredths),
                values::points(low),
                values::points(high),
                self.maximum.law,
            ));
        }
        if (hundredths - low) % step != 0 {
            return Some(format!(
                "La note {} ne suit pas le pas de notation, qui est de {} point ({}).",
                values::points(hundredths),
                values::points(step),
                self.step.law,
            ));
        }
        None
    }
}

impl PassRule {
    /// What keeps these marks from passing, as French sentences; none when they pass.
    ///
    /// `marks` has every épreuve's code and its mark in hundredths, kept marks included. An absence is not a mark:
    /// whoever was absent is not asked about here. Means are compared as sums, so that nothing is rounded.
    #[must_use]
    pub fn shortfalls(&self, marks: &[(&str, i32)]) -> Vec<String> {
        let threshold = self.threshold.value;
        let under = |limit: i32| marks.iter().filter(move |(_, mark)| *mark < limit);
        match self.mode.value {
            PassMode::Each => under(threshold)
                .map(|(code, mark)| {
                    format!(
                        "La note de l’épreuve {code} est de {}, inférieure au seuil de {} exigé à chaque épreuve ({}).",
                        values::points(*mark),
                        values::points(threshold),
                        self.mode.law,
                    )
                })
                .collect(),
            PassMode::Average => {
                let sum: i64 = marks.iter().map(|(_, mark)| i64::from(*mark)).sum();
                let count = i64::try_from(marks.len()).unwrap_or(i64::MAX);
                let floor = self.floor.value.unwrap_or(i32::MIN);
                let mut found: Vec<String> = under(floor)
                    .map(|(code, mark)| {
                        format!(
                            "La note de l’épreuve {code} est de {}, inférieure à la note éliminatoire de {} ({}).",
                            values::points(*mark),
                            values::points(floor),
                            self.floor.law,
                        )
                    })
                    .collect();
                if sum < i64::from(threshold).saturating_mul(count) {
                    found.push(format!(
                        "La moyenne des épreuves est inférieure au seuil de {} ({}).",
                        values::points(threshold),
                        self.threshold.law,
                    ));
                }
                found
            }
        }
    }
}

impl KeptMarkRule {
    /// The French sentence that refuses to keep a mark; `None` when it may be kept.
    /// Sessions are years: a mark of 2026 kept for 2027 serves its first later session.
    #[must_use]
    pub fn refusal(&self, scale: &MarkScale, hundredths: i32, origin: i16, session: i16) -> Option<String> {
        let (low, high) = (self.threshold.value, scale.maximum.value);
        if hundredths < low || hundredths > high {
            return Some(format!(
                "Une note conservée est comprise entre {} et {} : {} ne peut pas l’être ({}).",
                values::points(low),
                values::points(high),
                values::points(hundredths),
                self.threshold.law,
            ));
        }
        if origin >= session {
            return Some(format!(
                "Une note conservée vient d’une session antérieure à {session} : la session {origin} ne convient pas."
            ));
        }
        let age = i32::from(session) - i32::from(origin);
        match self.valid_sessions.value {
            Some(limit) if i64::from(age) > i64::from(limit) => Some(format!(
                "La note de la session {origin} n’est plus conservée en {session} : elle l’était pour {limit} sessions ({}).",
                self.valid_sessions.law,
            )),
            _ => None,
        }
    }
}

impl KeptMarkRule {
    /// The last session a mark of this one may serve; `None` is without limit.
    #[must_use]
    pub fn last_session(&self, origin: i16) -> Option<i16> {
        let limit = i16::try_from(self.valid_sessions.value?).unwrap_or(i16::MAX);
        Some(origin.saturating_add(limit))
    }
}

impl TrainingRules {
    /// Whole length of the training, in minutes.
    #[must_use]
    pub fn total_minutes(&self) -> u32 {
        ModuleKind::ALL.iter().map(|kind| self.minutes(*kind).value).sum()
    }

    /// Length the order sets for one part of the training.
    #[must_use]
    pub const fn minutes(&self, kind: ModuleKind) -> &Valued<u32> {
        match kind {
            ModuleKind::Theory => &self.theory_minutes,
            ModuleKind::Deepening => &self.deepening_minutes,
            ModuleKind::Practice => &self.practice_minutes,
        }
    }
}

impl AppealWording {
    /// The two sentences on appeals, ready for a letter, with their references.
    ///
    /// `academy` and `court` come with their article: « l’académie de Limoges », « le tribunal administratif de Limoges ».
    #[must_use]
    pub fn sentences(&self, academy: &str, court: &str) -> Vec<String> {
        [&self.gracious, &self.contentious]
            .map(|piece| {
                let text = piece
                    .value
                    .replace("{academy}", academy)
                    .replace("{court}", court)
                    .replace("{months}", &values::in_letters(self.months.value));
                format!("{text} ({})", piece.law)
            })
            .to_vec()
    }
}
