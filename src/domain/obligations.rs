//! Service obligations and the right to the allowance, computed and explained line by line from the pack. It is
//! information without the value of a decision: nothing here allows or refuses anything, and every line says its text.

use super::eligibility::corps_code;
use super::holder::Qualification;
use super::mission::Share;
use super::regulation::{RegulationPack, ServiceRules, Status, hours};
use super::staff::PostingLevel;

/// A posting in force on the day that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub place: String,
    pub level: PostingLevel,
    /// Per cent of full time.
    pub quota: i32,
}

/// One line of the explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub label: String,
    /// « 19 h 30 par semaine ».
    pub amount: String,
    /// How it was found, in one French sentence.
    pub why: String,
    pub law: String,
    pub status: Status,
}

/// What the pack says of somebody's working time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligations {
    pub lines: Vec<Line>,
    /// Weekly minutes over all the postings.
    pub weekly_minutes: u32,
}

/// The obligations of somebody with these postings; `None` without a posting, or when the pack says nothing.
#[must_use]
pub fn obligations(pack: &RegulationPack, corps: &str, posts: &[Post], shares: &[Share]) -> Option<Obligations> {
    let rules = pack.service.as_ref()?;
    if posts.is_empty() {
        return None;
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut total = 0;
    for post in posts {
        let (line, minutes) = post_line(rules, post);
        total += minutes;
        lines.push(line);
    }
    if posts.len() > 1 {
        lines.push(Line {
            label: "Ensemble des affectations".into(),
            amount: weekly(total),
            why: "Somme des lignes qui précèdent\u{a0}: sur un poste mixte, chaque régime s’applique au prorata de la quotité.".into(),
            law: rules.office_weekly_minutes.law.clone(),
            status: rules.office_weekly_minutes.status,
        });
    }
    lines.extend(teaching_line(pack, rules, corps, posts, shares));
    Some(Obligations { lines, weekly_minutes: total })
}

fn post_line(rules: &ServiceRules, post: &Post) -> (Line, u32) {
    let in_school = rules.school_levels.value.iter().any(|level| level == post.level.as_str());
    let full = if in_school { &rules.school_weekly_minutes } else { &rules.office_weekly_minutes };
    let minutes = part(full.value, post.quota);
    let (regime, over) = if in_school {
        let weeks = rules.school_weeks.value;
        ("en établissement", format!(" sur {weeks}\u{a0}semaines, soit {} par an", hours(minutes * weeks)))
    } else {
        ("dans les services académiques", String::new())
    };
    let line = Line {
        label: format!("{} ({})", post.place, post.level.label()),
        amount: format!("{}{over}", weekly(minutes)),
        why: format!("{} par semaine {regime} × {}\u{a0}% de quotité.", hours(full.value), post.quota),
        law: full.law.clone(),
        status: full.status,
    };
    (line, minutes)
}

/// The hours in front of pupils, for the share of teaching of the mission letter.
fn teaching_line(
    pack: &RegulationPack,
    rules: &ServiceRules,
    corps: &str,
    posts: &[Post],
    shares: &[Share],
) -> Option<Line> {
    let share = shares.iter().find(|own| own.family == rules.teaching_family.value)?.share;
    if share == 0 {
        return None;
    }
    let code = corps_code(pack, corps)?;
    let label = "Dont enseignement".to_owned();
    let Some(due) = rules.teaching.iter().find(|own| own.corps == code) else {
        return Some(Line {
            label,
            amount: "à déterminer".into(),
            why: format!(
                "La lettre de mission donne {share}\u{a0}% à l’enseignement, mais le règlement ne connaît pas de service d’enseignement pour ce corps."
            ),
            law: rules.teaching_family.law.clone(),
            status: rules.teaching_family.status,
        });
    };
    let quota: i32 = posts.iter().map(|post| post.quota).sum();
    let minutes = part(part(due.weekly_minutes.value, quota), share);
    Some(Line {
        label,
        amount: weekly(minutes),
        why: format!(
            "{} d’enseignement à temps plein pour ce corps × {quota}\u{a0}% de quotité × {share}\u{a0}% de la lettre de mission\u{a0}; ces heures sont comprises dans celles qui précèdent.",
            hours(due.weekly_minutes.value)
        ),
        law: due.weekly_minutes.law.clone(),
        status: due.weekly_minutes.status,
    })
}

/// What is said of the allowance, for information.
#[must_use]
pub fn allowance(pack: &RegulationPack, held: Option<&Qualification>, posts: &[Post]) -> Option<Line> {
    let rules = pack.service.as_ref()?;
    let is_posted = !posts.is_empty();
    let (amount, why) = match held {
        Some(held) if is_posted && !held.is_equivalence() => {
            ("pourrait ouvrir droit", format!("Certificat détenu ({}) et affectation en cours en MLDS.", held.shown()))
        }
        Some(held) if is_posted => (
            "à examiner",
            format!("Titulaire par équivalence ({})\u{a0}: vérifiez si le texte vise l’équivalence.", held.shown()),
        ),
        Some(_) => {
            ("n’ouvrirait pas droit aujourd’hui", "Certificat détenu, mais aucune affectation en cours en MLDS.".into())
        }
        None => {
            ("n’ouvrirait pas droit aujourd’hui", "Aucun certificat vérifié n’est enregistré sur cette fiche.".into())
        }
    };
    Some(Line {
        label: "Indemnité des personnels certifiés".into(),
        amount: amount.into(),
        why: format!("{why} {}", rules.allowance.value),
        law: rules.allowance.law.clone(),
        status: rules.allowance.status,
    })
}

fn weekly(minutes: u32) -> String {
    format!("{} par semaine", hours(minutes))
}

/// Per cent of a duration, rounded to the nearest minute.
fn part(minutes: u32, per_cent: i32) -> u32 {
    let per_cent = u32::try_from(per_cent).unwrap_or(0);
    (minutes * per_cent + 50) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(level: PostingLevel, quota: i32) -> Post {
        Post { place: "Limoges".into(), level, quota }
    }

    fn amounts(corps: &str, posts: &[Post], shares: &[(&str, i32)]) -> Vec<String> {
        let pack = RegulationPack::embedded().expect("embedded");
        let shares: Vec<Share> =
            shares.iter().map(|(family, share)| Share { family: (*family).into(), share: *share }).collect();
        let found = obligations(&pack, corps, posts, &shares).expect("obligations");
        assert!(found.lines.iter().all(|line| line.status == Status::ToCheck && !line.law.is_empty()));
        found.lines.into_iter().map(|line| line.amount.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn a_full_time_in_a_school_and_one_in_the_services() {
        assert_eq!(
            amounts("PLP", &[post(PostingLevel::School, 100)], &[]),
            ["39 h par semaine sur 36 semaines, soit 1404 h par an"]
        );
        assert_eq!(amounts("PLP", &[post(PostingLevel::Department, 100)], &[]), ["35 h par semaine"]);
    }

    #[test]
    fn a_mixed_post_is_pro_rata_and_teaching_follows_the_corps() {
        let posts = [post(PostingLevel::School, 50), post(PostingLevel::Basin, 50)];
        assert_eq!(
            amounts("professeure certifiée", &posts, &[("F1", 40), ("F2", 60)]),
            [
                "19 h 30 par semaine sur 36 semaines, soit 702 h par an",
                "17 h 30 par semaine",
                "37 h par semaine",
                "7 h 12 par semaine"
            ]
        );
        assert_eq!(amounts("agrégé", &posts[..1], &[("F1", 50), ("F2", 50)])[1], "3 h 45 par semaine");
        assert_eq!(amounts("CPE", &posts[..1], &[("F1", 50), ("F2", 50)])[1], "à déterminer");
    }

    #[test]
    fn the_allowance_is_said_with_its_conditions_and_decides_nothing() {
        let pack = RegulationPack::embedded().expect("embedded");
        let posted = [post(PostingLevel::School, 50)];
        let told =
            |held: Option<Qualification>, posts: &[Post]| allowance(&pack, held.as_ref(), posts).expect("said").amount;
        assert_eq!(told(Some(Qualification::Certificate("22-2027-0001".into())), &posted), "pourrait ouvrir droit");
        assert_eq!(told(Some(Qualification::Earlier(2019)), &posted), "pourrait ouvrir droit");
        assert_eq!(told(Some(Qualification::Equivalence("EQ".into())), &posted), "à examiner");
        assert_eq!(told(Some(Qualification::Earlier(2019)), &[]), "n’ouvrirait pas droit aujourd’hui");
        assert_eq!(told(None, &posted), "n’ouvrirait pas droit aujourd’hui");
    }

    #[test]
    fn a_pack_that_says_nothing_of_it_gives_nothing() {
        let first = RegulationPack::parse(RegulationPack::embedded_texts()[0]).expect("the first pack");
        assert_eq!(obligations(&first, "PLP", &[post(PostingLevel::School, 100)], &[]), None);
        assert_eq!(allowance(&first, None, &[]), None);
    }
}
