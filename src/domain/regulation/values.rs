//! The legal values of a pack, one by one, each under a stable dotted path: what the administration page
//! lists, and what an administrator validates. The same walk reads and marks, so none can be forgotten.

use serde::Serialize;

use super::{ModuleKind, PassMode, PeriodUnit, RegulationPack, Setting, Status, Valued};
use crate::domain::academy::french_date;
use crate::domain::ids::Mark;
use crate::domain::piece::megabytes;

/// One legal value as the administration page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackValue {
    /// Stable name, e.g. `pass.threshold`: validations are stored under it.
    pub path: String,
    pub label: String,
    /// The value in French, with its unit.
    pub shown: String,
    pub law: String,
    pub status: Status,
    pub note: Option<String>,
}

/// A mark in hundredths, as screens show it: `1250` is « 12,5 ».
pub(super) fn points(hundredths: i32) -> String {
    Mark::from_hundredths(hundredths).shown()
}

/// Minutes as hours: `7200` is « 120 h », `630` is « 10 h 30 ».
pub(in crate::domain) fn hours(minutes: u32) -> String {
    match minutes % 60 {
        0 => format!("{}\u{a0}h", minutes / 60),
        rest => format!("{}\u{a0}h\u{a0}{rest:02}", minutes / 60),
    }
}

/// Small numbers as letters write them.
pub(super) fn in_letters(number: u32) -> String {
    const WORDS: [&str; 13] =
        ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze"];
    usize::try_from(number)
        .ok()
        .and_then(|i| WORDS.get(i))
        .map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

fn minutes(value: u32) -> String {
    format!("{value}\u{a0}min")
}
fn yes_no(value: bool) -> String {
    if value { "oui" } else { "non" }.to_owned()
}
fn counted(value: u32, one: &str, many: &str) -> String {
    format!("{value}\u{a0}{}", if value > 1 { many } else { one })
}

/// Borrowed parts of one value: where it is, how to show it, and its status to read or to mark.
struct Entry<'a> {
    path: String,
    label: String,
    shown: String,
    law: &'a str,
    status: &'a mut Status,
    note: Option<&'a str>,
}

fn entry<'a, T>(
    path: impl Into<String>,
    label: impl Into<String>,
    valued: &'a mut Valued<T>,
    show: impl Fn(&T) -> String,
) -> Entry<'a> {
    let shown = show(&valued.value);
    Entry {
        path: path.into(),
        label: label.into(),
        shown,
        law: &valued.law,
        status: &mut valued.status,
        note: valued.note.as_deref(),
    }
}

impl RegulationPack {
    /// Every legal value, in the order of the pack.
    #[must_use]
    pub fn values(&self) -> Vec<PackValue> {
        let mut copy = self.clone();
        copy.entries()
            .into_iter()
            .map(|e| PackValue {
                path: e.path,
                label: e.label,
                shown: e.shown,
                law: e.law.to_owned(),
                status: *e.status,
                note: e.note.map(str::to_owned),
            })
            .collect()
    }

    /// Marks as validated the values an administrator has taken responsibility for.
    /// A confirmed value stays confirmed. Returns the paths this pack does not have (validated for another version).
    pub fn apply_validations<P: AsRef<str>>(&mut self, paths: &[P]) -> Vec<String> {
        let mut entries = self.entries();
        let mut unknown = Vec::new();
        for path in paths.iter().map(AsRef::as_ref) {
            match entries.iter_mut().find(|entry| entry.path == path) {
                Some(entry) if *entry.status == Status::ToCheck => *entry.status = Status::Validated,
                Some(_) => {}
                None => unknown.push(path.to_owned()),
            }
        }
        unknown
    }

    fn entries(&mut self) -> Vec<Entry<'_>> {
        let mut all =
            vec![entry("in_force_from", "Entrée en vigueur", &mut self.in_force_from, |date| french_date(*date))];
        for category in &mut self.categories {
            all.push(Entry {
                path: format!("categories.{}", category.code),
                label: "Public concerné".to_owned(),
                shown: category.label.clone(),
                law: &category.law,
                status: &mut category.status,
                note: category.note.as_deref(),
            });
        }
        let eligibility = &mut self.eligibility;
        all.push(entry(
            "eligibility.own_academy",
            "Inscription auprès du rectorat de son académie",
            &mut eligibility.own_academy,
            |v| yes_no(*v),
        ));
        all.push(entry(
            "eligibility.minimum_service_years",
            "Ancienneté minimale",
            &mut eligibility.minimum_service_years,
            |v| v.map_or_else(|| "aucune".to_owned(), |n| counted(n, "an", "ans")),
        ));
        let registration = &mut self.registration;
        all.push(entry(
            "registration.closing_grace_minutes",
            "Tolérance après l’heure de clôture",
            &mut registration.closing_grace_minutes,
            |v| if *v == 0 { "aucune".to_owned() } else { minutes(*v) },
        ));
        all.push(entry("registration.attempts", "Nombre de présentations", &mut registration.attempts, |v| {
            v.map_or_else(|| "sans limite".to_owned(), |n| n.to_string())
        }));
        if let Some(examination) = &mut self.examination {
            all.push(entry(
                "examination.request_days",
                "Délai laissé pour envoyer les pièces manquantes",
                &mut examination.request_days,
                |v| counted(*v, "jour", "jours"),
            ));
            all.push(entry(
                "examination.reminder_days",
                "Rappel avant la fin de ce délai",
                &mut examination.reminder_days,
                |v| counted(*v, "jour", "jours"),
            ));
        }
        for piece in &mut self.pieces {
            all.push(entry(
                format!("pieces.{}", piece.code),
                format!("Pièce justificative : {}", piece.label),
                &mut piece.required,
                |v| if *v { "exigée" } else { "facultative" }.to_owned(),
            ));
        }
        if let Some(limits) = &mut self.pieces_limits {
            all.push(entry(
                "pieces_limits.file_bytes",
                "Taille d’un fichier déposé",
                &mut limits.file_bytes,
                |v| format!("{} au plus", megabytes(*v)),
            ));
            all.push(entry(
                "pieces_limits.files_per_piece",
                "Fichiers pour une même pièce",
                &mut limits.files_per_piece,
                |v| format!("{v} au plus"),
            ));
            all.push(entry("pieces_limits.pdf_pages", "Pages d’un PDF déposé", &mut limits.pdf_pages, |v| {
                format!("{v} au plus")
            }));
            all.push(entry("pieces_limits.pdf_objects", "Objets d’un PDF déposé", &mut limits.pdf_objects, |v| {
                format!("{v} au plus")
            }));
            all.push(entry(
                "pieces_limits.pdf_inflated_bytes",
                "Taille d’un PDF une fois décompressé",
                &mut limits.pdf_inflated_bytes,
                |v| format!("{} au plus", megabytes(*v)),
            ));
            all.push(entry("pieces_limits.image_pixels", "Pixels d’une image", &mut limits.image_pixels, |v| {
                format!("{} millions au plus", v / 1_000_000)
            }));
        }
        for epreuve in &mut self.epreuves {
            let code = &epreuve.code;
            all.push(entry(
                format!("epreuves.{code}.setting"),
                format!("Épreuve {code} : lieu"),
                &mut epreuve.setting,
                |v| {
                    match v {
                        Setting::Site => "lieu d’exercice du candidat",
                        Setting::Centre => "centre d’examen",
                    }
                    .to_owned()
                },
            ));
            for part in &mut epreuve.parts {
                all.push(entry(
                    format!("epreuves.{code}.parts.{}", part.code),
                    format!("Épreuve {code} : {}", part.label),
                    &mut part.minutes,
                    |v| minutes(*v),
                ));
            }
            for line in &mut epreuve.grid {
                all.push(Entry {
                    path: format!("epreuves.{code}.grid.{}", line.code),
                    label: format!("Épreuve {code} : ligne de la grille d’évaluation"),
                    shown: line.label.clone(),
                    law: &line.law,
                    status: &mut line.status,
                    note: line.note.as_deref(),
                });
            }
        }
        let marks = &mut self.marks;
        all.push(entry("marks.minimum", "Note la plus basse", &mut marks.minimum, |v| points(*v)));
        all.push(entry("marks.maximum", "Note la plus haute", &mut marks.maximum, |v| points(*v)));
        all.push(entry("marks.step", "Pas de notation", &mut marks.step, |v| format!("{}\u{a0}point", points(*v))));
        let pass = &mut self.pass;
        all.push(entry("pass.mode", "Règle d’admission", &mut pass.mode, |v| {
            match v {
                PassMode::Each => "seuil à atteindre à chaque épreuve, sans compensation",
                PassMode::Average => "seuil à atteindre en moyenne",
            }
            .to_owned()
        }));
        all.push(entry("pass.threshold", "Seuil d’admission", &mut pass.threshold, |v| points(*v)));
        all.push(entry("pass.floor", "Note éliminatoire", &mut pass.floor, |v| {
            v.map_or_else(|| "aucune".to_owned(), points)
        }));
        let kept = &mut self.kept_marks;
        all.push(entry("kept_marks.threshold", "Note conservée à partir de", &mut kept.threshold, |v| points(*v)));
        all.push(entry(
            "kept_marks.valid_sessions",
            "Durée de conservation d’une note",
            &mut kept.valid_sessions,
            |v| v.map_or_else(|| "sans limite".to_owned(), |n| counted(n, "session", "sessions")),
        ));
        let jury = &mut self.jury;
        for role in &mut jury.roles {
            all.push(entry(
                format!("jury.roles.{}", role.code),
                format!("Jury : {}", role.label),
                &mut role.expected,
                |v| if *v { "attendu" } else { "possible" }.to_owned(),
            ));
        }
        all.push(entry("jury.quorum", "Quorum du jury", &mut jury.quorum, |v| {
            v.map_or_else(|| "aucun".to_owned(), |n| counted(n, "membre", "membres"))
        }));
        all.push(entry(
            "jury.commission_minimum",
            "Commission : effectif minimal",
            &mut jury.commission_minimum,
            |v| v.to_string(),
        ));
        all.push(entry(
            "jury.commission_maximum",
            "Commission : effectif maximal",
            &mut jury.commission_maximum,
            |v| v.to_string(),
        ));
        all.push(entry(
            "jury.commission_default",
            "Commission : effectif par défaut",
            &mut jury.commission_default,
            |v| v.to_string(),
        ));
        let training = &mut self.training;
        all.push(entry(
            "training.required_to_sit",
            "Formation exigée pour se présenter",
            &mut training.required_to_sit,
            |v| yes_no(*v),
        ));
        all.push(entry("training.theory_minutes", "Formation théorique", &mut training.theory_minutes, |v| hours(*v)));
        all.push(entry(
            "training.deepening_minutes",
            "Modules d’approfondissement",
            &mut training.deepening_minutes,
            |v| hours(*v),
        ));
        all.push(entry("training.practice_minutes", "Formation pratique", &mut training.practice_minutes, |v| {
            hours(*v)
        }));
        all.push(entry("training.tutor", "Tuteur", &mut training.tutor, Clone::clone));
        if let Some(load) = &mut training.tutor_load {
            all.push(entry("training.tutor_load", "Stagiaires par tuteur, au plus", load, ToString::to_string));
        }
        for module in &mut training.modules {
            let kind = match module.kind {
                ModuleKind::Theory => "théorie",
                ModuleKind::Deepening => "approfondissement",
                ModuleKind::Practice => "pratique",
            };
            all.push(entry(
                format!("training.modules.{}", module.code),
                format!("{} ({kind})", module.title),
                &mut module.minutes,
                |v| hours(*v),
            ));
        }
        if let Some(rules) = &mut self.competences {
            all.push(entry("competences.target_level", "Niveau de compétence visé", &mut rules.target_level, |v| {
                format!("{v} sur 4")
            }));
            for link in &mut rules.modules {
                all.push(entry(
                    format!("competences.modules.{}", link.module),
                    format!("Compétences travaillées par le module {}", link.module),
                    &mut link.competences,
                    |codes| codes.join(", "),
                ));
            }
        }
        if let Some(rules) = &mut self.service {
            let weekly = |v: &u32| format!("{} par semaine", hours(*v));
            all.push(entry(
                "service.school_weekly_minutes",
                "Service en établissement",
                &mut rules.school_weekly_minutes,
                weekly,
            ));
            all.push(entry(
                "service.school_weeks",
                "Semaines de service en établissement",
                &mut rules.school_weeks,
                |v| counted(*v, "semaine", "semaines"),
            ));
            all.push(entry(
                "service.office_weekly_minutes",
                "Service dans les services académiques",
                &mut rules.office_weekly_minutes,
                weekly,
            ));
            all.push(entry(
                "service.school_levels",
                "Niveaux d’affectation sous le régime des établissements",
                &mut rules.school_levels,
                |v| v.join(", "),
            ));
            all.push(entry(
                "service.teaching_family",
                "Famille de missions comptée en heures d’enseignement",
                &mut rules.teaching_family,
                Clone::clone,
            ));
            for own in &mut rules.teaching {
                all.push(entry(
                    format!("service.teaching.{}", own.corps),
                    format!("Service d’enseignement à temps plein : {}", own.corps),
                    &mut own.weekly_minutes,
                    weekly,
                ));
            }
            all.push(entry(
                "service.allowance",
                "Indemnité des personnels certifiés",
                &mut rules.allowance,
                Clone::clone,
            ));
        }
        for period in &mut self.data_periods {
            let unit = period.unit;
            all.push(entry(
                format!("data_periods.{}", period.code),
                format!("Conservation des données : {}", period.label),
                &mut period.period,
                |v| {
                    v.map_or_else(
                        || "permanente".to_owned(),
                        |n| match unit {
                            PeriodUnit::Months => counted(n, "mois", "mois"),
                            PeriodUnit::Days => counted(n, "jour", "jours"),
                        },
                    )
                },
            ));
        }
        let appeals = &mut self.appeals;
        all.push(entry("appeals.months", "Délai de recours", &mut appeals.months, |v| counted(*v, "mois", "mois")));
        all.push(entry("appeals.gracious", "Phrase sur le recours gracieux", &mut appeals.gracious, Clone::clone));
        all.push(entry(
            "appeals.contentious",
            "Phrase sur le recours contentieux",
            &mut appeals.contentious,
            Clone::clone,
        ));
        all.push(entry(
            "appeals.acknowledgement",
            "Phrase de l’accusé de réception",
            &mut appeals.acknowledgement,
            Clone::clone,
        ));
        all.push(entry(
            "appeals.algorithm_notice",
            "Mention du traitement algorithmique",
            &mut appeals.algorithm_notice,
            Clone::clone,
        ));
        all
    }
}
