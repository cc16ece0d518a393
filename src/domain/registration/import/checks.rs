//! What one line of candidates may say: dates, department, kept marks, accommodation. Each check tells
//! what is wrong and hands back what can still be used.

use jiff::civil::Date;

use super::super::accommodation::Accommodation;
use super::{
    ACCOMMODATION, BIRTH_DATE, CONTRACT_DATE, DEPARTMENT, ImportContext, KEPT_1, KEPT_2, KeptMarkDraft, MarkScale,
    ORIGIN, UAI,
};
use crate::domain::ids::{DateRefused, FrenchDate, Mark, Uai, UaiRefused, fold, parse_department};
use crate::domain::table::Line;

pub(super) fn date_code(refused: &DateRefused) -> &'static str {
    match refused {
        DateRefused::NoSuchDay { .. } | DateRefused::NoSuchMonth { .. } => "date_impossible",
        DateRefused::Shape(_) | DateRefused::ShortYear(_) => "date_invalid",
    }
}

pub(super) fn uai_code(refused: &UaiRefused) -> &'static str {
    match refused {
        UaiRefused::CheckLetter { .. } => "uai_check_letter",
        UaiRefused::Shape(_) => "uai_invalid",
    }
}

/// No text sets an age: only what cannot be, or is surely a slip, is told.
pub(super) fn check_birth_date(line: &mut Line<'_>, born: Date, today: Date) {
    let years = today.year() - born.year();
    if born >= today || years > 100 {
        let message =
            format!("Une naissance le {} n’est pas possible\u{a0}: corrigez l’année.", FrenchDate::from(born));
        line.error(BIRTH_DATE, "date_impossible", message);
    } else if years < 18 {
        let message = format!("Naissance le {}\u{a0}: vérifiez l’année.", FrenchDate::from(born));
        line.warn(BIRTH_DATE, "birth_date_unlikely", message);
    }
}

pub(super) fn check_contract_date(line: &mut Line<'_>, contract: Option<Date>, born: Option<Date>, today: Date) {
    let Some(contract) = contract else { return };
    let shown = FrenchDate::from(contract);
    if born.is_some_and(|born| contract <= born) {
        line.error(
            CONTRACT_DATE,
            "contract_date_impossible",
            format!("La date du {shown} précède la naissance\u{a0}: corrigez l’une des deux."),
        );
    } else if contract > today {
        line.warn(
            CONTRACT_DATE,
            "contract_date_in_future",
            format!("La date du {shown} est à venir\u{a0}: vérifiez-la."),
        );
    }
}

/// The school's code decides the department; what was typed beside it can only disagree.
pub(super) fn check_department(line: &mut Line<'_>, uai: Option<&Uai>, context: &ImportContext<'_>) -> Option<String> {
    let typed = line.cell(DEPARTMENT);
    let typed_code = parse_department(typed);
    let from_school = uai.and_then(Uai::department);
    if !typed.is_empty() && typed_code.is_none() {
        line.warn(
            DEPARTMENT,
            "department_unknown",
            format!("Le département «\u{a0}{typed}\u{a0}» n’est pas connu\u{a0}: écrivez son code, 87 par exemple. Celui de l’établissement est retenu."),
        );
    }
    let (place, column, subject) = match (&from_school, &typed_code, uai) {
        (Some(school), typed, Some(uai)) => {
            if let Some(typed) = typed.as_ref().filter(|typed| *typed != school) {
                let message = format!(
                    "Le département {typed} n’est pas celui de l’établissement {uai}, qui est dans le {school}\u{a0}: le {school} est retenu."
                );
                line.warn(DEPARTMENT, "department_mismatch", message);
            }
            (school.clone(), UAI, format!("L’établissement {uai}, dans le département {school},"))
        }
        (_, Some(typed), _) => (typed.clone(), DEPARTMENT, format!("Le département {typed}")),
        (_, None, Some(uai)) => {
            line.error(UAI, "department_unknown", format!("Le code UAI {uai} ne dit pas le département\u{a0}: remplissez la colonne «\u{a0}Département\u{a0}»."));
            return None;
        }
        _ => return None,
    };
    if !context.academy_departments.contains(&place) {
        let message = format!(
            "{subject} n’est pas dans l’académie {}\u{a0}: on s’inscrit auprès du rectorat dont on relève ({}).",
            of_place(&context.academy_name),
            context.registration_reference
        );
        line.error(column, "school_outside_academy", message);
    }
    Some(place)
}

/// « de Limoges », « d’Amiens ».
fn of_place(name: &str) -> String {
    let vowel = fold(name).starts_with(['a', 'e', 'i', 'o', 'u', 'y']);
    if vowel { format!("d’{name}") } else { format!("de {name}") }
}

pub(super) fn check_kept_marks(line: &mut Line<'_>, context: &ImportContext<'_>) -> Vec<KeptMarkDraft> {
    let marks = [(1, KEPT_1), (2, KEPT_2)].map(|(epreuve, column)| (epreuve, check_kept_mark(line, context, column)));
    let typed = !line.cell(KEPT_1).is_empty() || !line.cell(KEPT_2).is_empty();
    let readable = marks.iter().any(|(_, mark)| mark.is_some());
    let origin = check_origin(line, context, typed, readable);
    let kept: Vec<KeptMarkDraft> = marks
        .into_iter()
        .filter_map(|(epreuve, mark)| Some(KeptMarkDraft { epreuve, mark: mark?, origin: origin? }))
        .collect();
    if kept.len() == 2 {
        line.warn(
            KEPT_2,
            "no_epreuve_to_sit",
            "Les deux notes sont conservées\u{a0}: aucune épreuve à passer. Vérifiez que cette inscription est voulue.",
        );
    }
    kept
}

fn check_kept_mark(line: &mut Line<'_>, context: &ImportContext<'_>, column: usize) -> Option<Mark> {
    let mark = line.optional(column, Mark::parse, |_| "kept_mark_invalid")?;
    let MarkScale { min, max, step } = context.mark_scale;
    if mark < context.kept_threshold || mark > max {
        let message = format!(
            "La note {mark} ne peut pas être conservée\u{a0}: une note conservée est comprise entre {} et {max}.",
            context.kept_threshold
        );
        line.error(column, "kept_mark_out_of_range", message);
        return None;
    }
    match mark.check(min, max, step) {
        Ok(()) => Some(mark),
        Err(refused) => {
            line.error(column, "kept_mark_invalid", refused.to_string());
            None
        }
    }
}

fn check_origin(line: &mut Line<'_>, context: &ImportContext<'_>, typed: bool, readable: bool) -> Option<i16> {
    let cell = line.cell(ORIGIN);
    if cell.is_empty() {
        if typed {
            line.error(
                ORIGIN,
                "kept_mark_origin_missing",
                "Une note conservée demande sa session d’origine\u{a0}: écrivez l’année, 2026 par exemple.",
            );
        }
        return None;
    }
    if !typed {
        line.warn(
            ORIGIN,
            "kept_mark_origin_unused",
            "Une session d’origine est donnée sans note conservée\u{a0}: elle est ignorée.",
        );
        return None;
    }
    let year = Some(cell)
        .filter(|c| c.len() == 4 && c.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|c| c.parse::<i16>().ok());
    let Some(year) = year else {
        line.error(
            ORIGIN,
            "kept_mark_origin_invalid",
            format!(
                "La session d’origine «\u{a0}{}\u{a0}» doit être une seule année, 2026 par exemple.",
                cell.chars().take(30).collect::<String>()
            ),
        );
        return None;
    };
    if year >= context.session_year {
        line.error(
            ORIGIN,
            "kept_mark_origin_invalid",
            format!(
                "Une note conservée vient d’une session passée\u{a0}: {year} n’est pas antérieure à {}.",
                context.session_year
            ),
        );
        return None;
    }
    if readable && !context.known_sessions.contains(&year) {
        line.warn(ORIGIN, "kept_mark_origin_unknown", format!("Les notes de la session {year} ne sont pas tenues ici\u{a0}: vérifiez la note conservée sur le relevé de notes."));
    }
    Some(year)
}

pub(super) fn check_accommodation(line: &mut Line<'_>) -> Option<String> {
    match Accommodation::read(line.cell(ACCOMMODATION)) {
        Accommodation::None => None,
        Accommodation::Measure(measure) => Some(measure),
        Accommodation::ToRead(text) => {
            line.warn(ACCOMMODATION, "accommodation_to_read", "Cet aménagement n’est pas dans la liste connue\u{a0}: vérifiez que son texte ne dit que la mesure accordée.");
            Some(text)
        }
        Accommodation::Reduced(Some(measure)) => {
            let message = format!(
                "Seule la mesure est conservée («\u{a0}{measure}\u{a0}»), jamais son motif\u{a0}; le reste du texte n’est pas enregistré."
            );
            line.warn(ACCOMMODATION, "accommodation_reduced", message);
            Some(measure)
        }
        Accommodation::Reduced(None) => {
            line.warn(ACCOMMODATION, "accommodation_reduced", "Ce texte ne dit aucune mesure connue et n’est pas enregistré\u{a0}: inscrivez la mesure accordée, sans son motif, dans le dossier.");
            None
        }
    }
}
