//! Consistency of a regulation pack: references that exist, totals that add up, values on their scale.
//! A pack with one fault is refused whole, with every fault named in French.

use std::collections::{BTreeMap, BTreeSet};

use super::values::{hours, points};
use super::{ModuleKind, PassMode, RegulationPack};
use crate::domain::eligibility::fold_wording;

/// The sentence for a file that is not a pack at all, with the line where reading stopped.
pub(super) fn unreadable(text: &str, cause: &toml::de::Error) -> String {
    let line =
        cause.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
    format!("Le fichier n’est pas lisible à la ligne {line} : {}.", cause.message())
}

pub(super) fn faults(pack: &RegulationPack) -> Vec<String> {
    let mut found = Vec::new();
    identity(pack, &mut found);
    publics(pack, &mut found);
    epreuves(pack, &mut found);
    marks(pack, &mut found);
    jury(pack, &mut found);
    training(pack, &mut found);
    obligations(pack, &mut found);
    competences(pack, &mut found);
    references(pack, &mut found);
    found
}

fn identity(pack: &RegulationPack, found: &mut Vec<String>) {
    let safe = |code: &str| !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let lists: [(&str, Vec<&str>); 10] = [
        ("texte", pack.texts.iter().map(|x| x.code.as_str()).collect()),
        ("corps", pack.corps.iter().map(|x| x.code.as_str()).collect()),
        ("statut", pack.statuses.iter().map(|x| x.code.as_str()).collect()),
        ("catégorie", pack.categories.iter().map(|x| x.code.as_str()).collect()),
        ("pièce", pack.pieces.iter().map(|x| x.code.as_str()).collect()),
        ("épreuve", pack.epreuves.iter().map(|x| x.code.as_str()).collect()),
        ("ligne de grille", pack.epreuves.iter().flat_map(|e| e.grid.iter().map(|x| x.code.as_str())).collect()),
        ("rôle du jury", pack.jury.roles.iter().map(|x| x.code.as_str()).collect()),
        ("module", pack.training.modules.iter().map(|x| x.code.as_str()).collect()),
        ("durée de conservation", pack.data_periods.iter().map(|x| x.code.as_str()).collect()),
    ];
    if !safe(&pack.id) {
        found.push(format!(
            "L’identifiant « {} » ne doit contenir que des lettres sans accent, des chiffres et des tirets.",
            pack.id
        ));
    }
    if pack.version == 0 {
        found.push("La version du règlement commence à 1.".to_owned());
    }
    for (kind, codes) in lists {
        let mut seen = BTreeSet::new();
        for code in codes {
            if !safe(code) {
                found.push(format!("Le code « {code} » ({kind}) ne doit contenir que des lettres sans accent, des chiffres et des tirets."));
            }
            if !seen.insert(code) {
                found.push(format!("Le code « {code} » ({kind}) est donné deux fois."));
            }
        }
    }
}

/// The target is a level, and links start from modules that exist.
fn competences(pack: &RegulationPack, found: &mut Vec<String>) {
    let Some(rules) = &pack.competences else { return };
    if !crate::domain::staff::LEVELS.contains(&rules.target_level.value) {
        found.push(format!("Le niveau de compétence visé va de 1 à 4 : {} n’existe pas.", rules.target_level.value));
    }
    for link in &rules.modules {
        if !pack.training.modules.iter().any(|module| module.code == link.module) {
            found.push(format!("Les compétences citent le module « {} », qui n’existe pas.", link.module));
        }
    }
}

/// Service obligations cite corps of the pack and levels that exist; durations fit a week.
fn obligations(pack: &RegulationPack, found: &mut Vec<String>) {
    let Some(rules) = &pack.service else { return };
    for own in &rules.teaching {
        if !pack.corps.iter().any(|corps| corps.code == own.corps) {
            found.push(format!("Le service d’enseignement cite le corps « {} », qui n’existe pas.", own.corps));
        }
    }
    for level in &rules.school_levels.value {
        if crate::domain::staff::PostingLevel::from_word(level).is_none() {
            found.push(format!("Le niveau d’affectation « {level} » n’existe pas."));
        }
    }
    let weekly = [rules.school_weekly_minutes.value, rules.office_weekly_minutes.value].into_iter();
    if weekly
        .chain(rules.teaching.iter().map(|own| own.weekly_minutes.value))
        .any(|minutes| !(1..=3_360).contains(&minutes))
    {
        found.push("Une durée hebdomadaire de service va d’une minute à 56 heures.".to_owned());
    }
    if !(1..=52).contains(&rules.school_weeks.value) {
        found.push("Le nombre de semaines de service va de 1 à 52.".to_owned());
    }
}

fn publics(pack: &RegulationPack, found: &mut Vec<String>) {
    for (kind, list) in [("corps", &pack.corps), ("statut", &pack.statuses)] {
        let mut owner: BTreeMap<String, &str> = BTreeMap::new();
        for alias in list {
            if alias.names.is_empty() {
                found.push(format!("Le {kind} « {} » n’a aucune écriture reconnue.", alias.code));
            }
            for name in &alias.names {
                let folded = fold_wording(name);
                if folded.is_empty() {
                    found.push(format!("Une écriture du {kind} « {} » est vide.", alias.code));
                }
                match owner.insert(folded, &alias.code) {
                    Some(other) if other != alias.code => {
                        found.push(format!(
                            "L’écriture « {name} » désigne deux {kind} : « {other} » et « {} ».",
                            alias.code
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
    if pack.categories.is_empty() {
        found.push("Aucune catégorie ne peut se présenter.".to_owned());
    }
    let mut named: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for category in &pack.categories {
        for corps in &category.corps {
            if !pack.corps.iter().any(|alias| alias.code == *corps) {
                found.push(format!("La catégorie « {} » cite le corps « {corps} », qui n’existe pas.", category.code));
            }
        }
        for status in category.statuses.iter().chain(&category.refused_statuses) {
            if !pack.statuses.iter().any(|alias| alias.code == *status) {
                found
                    .push(format!("La catégorie « {} » cite le statut « {status} », qui n’existe pas.", category.code));
            }
        }
        for status in category.statuses.iter().filter(|status| category.refused_statuses.contains(status)) {
            found.push(format!("La catégorie « {} » admet et refuse à la fois le statut « {status} ».", category.code));
        }
        for corps in &category.corps {
            for status in &category.statuses {
                if let Some(other) = named.insert((corps, status), &category.code) {
                    found.push(format!(
                        "Le corps « {corps} » avec le statut « {status} » relève de deux catégories : « {other} » et « {} ».",
                        category.code
                    ));
                }
            }
        }
    }
    for category in &pack.categories {
        for corps in &category.corps {
            for status in &category.refused_statuses {
                if let Some(other) = named.get(&(corps.as_str(), status.as_str())) {
                    found.push(format!(
                        "Le corps « {corps} » avec le statut « {status} » est admis par la catégorie « {other} » et refusé par « {} ».",
                        category.code
                    ));
                }
            }
        }
    }
}

fn epreuves(pack: &RegulationPack, found: &mut Vec<String>) {
    if pack.epreuves.is_empty() {
        found.push("Le règlement ne prévoit aucune épreuve.".to_owned());
    }
    for epreuve in &pack.epreuves {
        if epreuve.commission_minutes() == 0 {
            found.push(format!("L’épreuve {} ne prévoit aucun temps devant la commission.", epreuve.code));
        }
        for part in epreuve.parts.iter().filter(|part| part.minutes.value == 0) {
            found.push(format!("La partie « {} » de l’épreuve {} dure zéro minute.", part.label, epreuve.code));
        }
    }
}

fn marks(pack: &RegulationPack, found: &mut Vec<String>) {
    let (low, high, step) = (pack.marks.minimum.value, pack.marks.maximum.value, pack.marks.step.value);
    if low < 0 || high <= low {
        found.push(format!(
            "L’échelle des notes va de {} à {} : le maximum doit dépasser le minimum.",
            points(low),
            points(high)
        ));
        return;
    }
    if step <= 0 || (high - low) % step != 0 {
        found.push(format!(
            "Le pas de notation ({} point) ne divise pas l’échelle de {} à {}.",
            points(step),
            points(low),
            points(high)
        ));
    }
    let floor = pack.pass.floor.value;
    let bounds = [
        ("seuil d’admission", Some(pack.pass.threshold.value)),
        ("seuil de conservation d’une note", Some(pack.kept_marks.threshold.value)),
        ("plancher éliminatoire", floor),
    ];
    for (name, value) in bounds {
        if let Some(value) = value.filter(|value| *value < low || *value > high) {
            found.push(format!(
                "Le {name} ({}) est hors de l’échelle de {} à {}.",
                points(value),
                points(low),
                points(high)
            ));
        }
    }
    if let Some(floor) =
        floor.filter(|floor| *floor > pack.pass.threshold.value && pack.pass.mode.value == PassMode::Average)
    {
        found.push(format!(
            "Le plancher éliminatoire ({}) dépasse le seuil d’admission ({}).",
            points(floor),
            points(pack.pass.threshold.value)
        ));
    }
}

fn jury(pack: &RegulationPack, found: &mut Vec<String>) {
    let (low, high, usual) =
        (pack.jury.commission_minimum.value, pack.jury.commission_maximum.value, pack.jury.commission_default.value);
    if low == 0 || high < low || usual < low || usual > high {
        found.push(format!(
            "La commission compte de {low} à {high} membres, {usual} par défaut : ces nombres se contredisent."
        ));
    }
    if pack.jury.quorum.value == Some(0) {
        found.push("Un quorum de zéro membre n’a pas d’effet : laisser la valeur vide.".to_owned());
    }
}

fn training(pack: &RegulationPack, found: &mut Vec<String>) {
    let parts = [
        (ModuleKind::Theory, "théoriques"),
        (ModuleKind::Deepening, "d’approfondissement"),
        (ModuleKind::Practice, "pratiques"),
    ];
    for (kind, name) in parts {
        let stated = pack.training.minutes(kind).value;
        let summed: u32 =
            pack.training.modules.iter().filter(|module| module.kind == kind).map(|module| module.minutes.value).sum();
        if stated != summed {
            found.push(format!(
                "Les modules {name} totalisent {}, le règlement en prévoit {}.",
                hours(summed),
                hours(stated)
            ));
        }
    }
}

fn references(pack: &RegulationPack, found: &mut Vec<String>) {
    for value in pack.values() {
        if value.law.trim().is_empty() {
            found.push(format!("La valeur « {} » ({}) ne cite aucun texte.", value.label, value.path));
        }
    }
    for placeholder in ["{court}", "{months}"] {
        if !pack.appeals.contentious.value.contains(placeholder) {
            found.push(format!("La phrase sur le recours contentieux doit contenir {placeholder}."));
        }
    }
    if pack.appeals.months.value == 0 {
        found.push("Le délai de recours ne peut pas être de zéro mois.".to_owned());
    }
}
