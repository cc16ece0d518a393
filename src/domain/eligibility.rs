//! Who may sit the exam (décret n° 2017-791, publics concernés), line by line, with the article of each line.
//! The program only proposes: an officer confirms every refusal, and examines every doubt.
//! An assessment keeps its facts and the version of the pack, so that it can be recomputed years later.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::academy::{Academy, french_date};
use super::ids;
use super::regulation::{Alias, Category, RegulationPack};

/// What the file says, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub corps: String,
    pub status: String,
    /// Date of titularisation, or of the permanent contract.
    pub contract_date: Option<Date>,
    /// Academy of registration and department of the school; the rule on one's own academy is skipped when either is unknown.
    pub academy: Option<String>,
    pub department: Option<String>,
}

words! {
    /// What the program proposes for the whole file.
    pub enum Outcome {
        Eligible = "eligible",
        /// A text shuts the candidate out: an officer confirms, with written reasons.
        RefusalProposed = "refusal_proposed",
        /// The texts do not settle it, or the facts are unclear: an officer decides.
        ToExamine = "to_examine",
    }
}

impl Outcome {
    /// The French tag shown on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Outcome::Eligible => "recevable",
            Outcome::RefusalProposed => "refus proposé",
            Outcome::ToExamine => "à instruire",
        }
    }
}

words! {
    /// What one rule says of the facts.
    pub enum LineOutcome {
        Met = "met",
        NotMet = "not_met",
        Unsettled = "unsettled",
    }
}

/// One rule, the text it comes from, the facts it saw and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleLine {
    /// Stable code: `corps`, `status`, `own_academy`, `minimum_service`.
    pub rule: String,
    pub law: String,
    pub facts: String,
    pub outcome: LineOutcome,
    /// Explanation in French, with its reference: can be quoted in a letter.
    pub sentence: String,
}

/// The whole answer, with all it takes to compute it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub regulation: String,
    pub regulation_version: u32,
    pub facts: Facts,
    pub outcome: Outcome,
    /// Code of the category that fits, also when it shuts the candidate out.
    pub category: Option<String>,
    pub lines: Vec<RuleLine>,
}

/// A reason as a decision quotes it: the officer has decided, nothing is « proposed » any more.
#[must_use]
pub fn decided(sentence: &str) -> String {
    match sentence.split_once(". Un refus est proposé") {
        Some((said, proposal)) => {
            let law = proposal.split_once("par un agent").map_or(".", |(_, law)| law);
            format!("{said}{law}")
        }
        None => sentence.to_owned(),
    }
}

impl Assessment {
    /// Sentences that motivate the outcome: refused rules, else unsettled ones, else all.
    #[must_use]
    pub fn reasons(&self) -> Vec<&str> {
        let wanted = match self.outcome {
            Outcome::Eligible => LineOutcome::Met,
            Outcome::RefusalProposed => LineOutcome::NotMet,
            Outcome::ToExamine => LineOutcome::Unsettled,
        };
        self.lines.iter().filter(|line| line.outcome == wanted).map(|line| line.sentence.as_str()).collect()
    }

    /// The line that decides: the first of the refused, else of the unsettled, else of the met ones about the status.
    /// Its rule and law are those a decision record and a letter quote.
    #[must_use]
    pub fn deciding_line(&self) -> Option<&RuleLine> {
        let first = |wanted| self.lines.iter().find(|line| line.outcome == wanted);
        first(LineOutcome::NotMet)
            .or_else(|| first(LineOutcome::Unsettled))
            .or_else(|| self.lines.iter().find(|line| line.rule == "status"))
    }

    /// Whether this pack, read today, gives the same answer: `false` says the record or the pack was changed.
    #[must_use]
    pub fn is_reproduced_by(&self, pack: &RegulationPack) -> bool {
        assess(pack, &self.facts) == *self
    }
}

/// Assesses a file against a pack. Pure: the same pack and facts always give the same assessment.
#[must_use]
pub fn assess(pack: &RegulationPack, facts: &Facts) -> Assessment {
    let neutral: Vec<String> = pack.eligibility.neutral_words.iter().map(|word| fold_wording(word)).collect();
    let corps = recognise(&pack.corps, &neutral, &facts.corps);
    let status = recognise(&pack.statuses, &neutral, &facts.status);

    let (mut lines, category) = public_lines(pack, facts, corps, status);
    lines.extend(own_academy_line(pack, facts));
    lines.extend(service_line(pack, facts));

    let has = |outcome| lines.iter().any(|line| line.outcome == outcome);
    let outcome = if has(LineOutcome::NotMet) {
        Outcome::RefusalProposed
    } else if has(LineOutcome::Unsettled) {
        Outcome::ToExamine
    } else {
        Outcome::Eligible
    };
    Assessment {
        regulation: pack.id.clone(),
        regulation_version: pack.version,
        facts: facts.clone(),
        outcome,
        category: category.map(|category| category.code.clone()),
        lines,
    }
}

/// Code of the corps that a typed text names in this pack, when it names one.
#[must_use]
pub fn corps_code<'p>(pack: &'p RegulationPack, typed: &str) -> Option<&'p str> {
    let neutral: Vec<String> = pack.eligibility.neutral_words.iter().map(|word| fold_wording(word)).collect();
    recognise(&pack.corps, &neutral, typed).map(|alias| alias.code.as_str())
}

/// The corps must be of a public the decree names, and the status one it admits for that corps.
fn public_lines<'p>(
    pack: &'p RegulationPack,
    facts: &Facts,
    corps: Option<&Alias>,
    status: Option<&Alias>,
) -> (Vec<RuleLine>, Option<&'p Category>) {
    let law = pack.categories.first().map(|category| category.law.clone()).unwrap_or_default();
    let line = |rule: &str, law: &str, facts: String, outcome, sentence: String| RuleLine {
        rule: rule.to_owned(),
        law: law.to_owned(),
        facts,
        outcome,
        sentence,
    };
    let typed_corps = format!("Corps saisi : {}", quoted(&facts.corps));
    let typed_status = format!("Statut saisi : {}", quoted(&facts.status));

    let Some(corps) = corps else {
        let sentence = if facts.corps.trim().is_empty() {
            format!("Le corps n’est pas renseigné : demander au candidat de le préciser ({law}).")
        } else {
            format!(
                "Le corps {} n’est pas reconnu : vérifier l’arrêté ou le contrat joint au dossier ({law}).",
                quoted(&facts.corps)
            )
        };
        return (vec![line("corps", &law, typed_corps, LineOutcome::Unsettled, sentence)], None);
    };
    let naming: Vec<&Category> =
        pack.categories.iter().filter(|category| category.corps.contains(&corps.code)).collect();
    if naming.is_empty() {
        let sentence = format!(
            "{} : ce corps n’est pas nommé parmi les publics concernés ; le dossier est à instruire ({law}).",
            corps.label
        );
        return (vec![line("corps", &law, typed_corps, LineOutcome::Unsettled, sentence)], None);
    }

    let Some(status) = status else {
        let corps_line = line(
            "corps",
            &law,
            typed_corps,
            LineOutcome::Met,
            format!("{} : ce corps est nommé parmi les publics concernés ({law}).", corps.label),
        );
        let sentence = if facts.status.trim().is_empty() {
            format!("Le statut n’est pas renseigné : demander l’arrêté de titularisation ou le contrat ({law}).")
        } else {
            format!(
                "Le statut {} n’est pas reconnu : vérifier l’arrêté de titularisation ou le contrat ({law}).",
                quoted(&facts.status)
            )
        };
        return (vec![corps_line, line("status", &law, typed_status, LineOutcome::Unsettled, sentence)], None);
    };

    let admitted = naming.iter().find(|category| category.statuses.contains(&status.code));
    let refused = naming.iter().find(|category| category.refused_statuses.contains(&status.code));
    let settled = admitted.or(refused).copied();
    let law = settled.map_or(law, |category| category.law.clone());
    let corps_line = line(
        "corps",
        &law,
        typed_corps,
        LineOutcome::Met,
        format!("{} : ce corps est nommé parmi les publics concernés ({law}).", corps.label),
    );
    let shown = match facts.contract_date {
        Some(date) => format!("{typed_status}, depuis le {}", french_date(date)),
        None => typed_status,
    };
    let (outcome, sentence) = match (admitted, refused) {
        (Some(category), _) => {
            (LineOutcome::Met, format!("{} : catégorie « {} » ({law}).", status.label, category.label))
        }
        (None, Some(category)) => (
            LineOutcome::NotMet,
            format!(
                "{} : pour ce corps, seule la catégorie « {} » peut se présenter. Un refus est proposé ; il doit être confirmé par un agent ({law}).",
                status.label, category.label
            ),
        ),
        (None, None) => (
            LineOutcome::Unsettled,
            format!(
                "{} : les publics concernés ne disent rien de ce statut pour ce corps ({}) ; le dossier est à instruire ({law}).",
                status.label, corps.label
            ),
        ),
    };
    (vec![corps_line, line("status", &law, shown, outcome, sentence)], settled)
}

/// Registration is at one's own rectorat; said only when both facts are known.
fn own_academy_line(pack: &RegulationPack, facts: &Facts) -> Option<RuleLine> {
    let rule = &pack.eligibility.own_academy;
    if !rule.value {
        return None;
    }
    let academy = Academy::find(facts.academy.as_deref()?)?;
    let department = facts.department.as_deref()?;
    let (outcome, sentence) = if academy.has_department(department) {
        (LineOutcome::Met, format!("Le département {department} relève de {} ({}).", academy.with_article(), rule.law))
    } else {
        (
            LineOutcome::Unsettled,
            format!(
                "Le département {department} ne relève pas de {} : l’inscription se fait auprès du rectorat de sa propre académie ({}).",
                academy.with_article(),
                rule.law
            ),
        )
    };
    Some(RuleLine {
        rule: "own_academy".to_owned(),
        law: rule.law.clone(),
        facts: format!("Département d’exercice : {department}"),
        outcome,
        sentence,
    })
}

/// When a pack asks for a length of service, the program cannot count it alone: an officer does.
fn service_line(pack: &RegulationPack, facts: &Facts) -> Option<RuleLine> {
    let rule = &pack.eligibility.minimum_service_years;
    let years = rule.value?;
    let shown = facts
        .contract_date
        .map_or_else(|| "Date non renseignée".to_owned(), |date| format!("Depuis le {}", french_date(date)));
    Some(RuleLine {
        rule: "minimum_service".to_owned(),
        law: rule.law.clone(),
        facts: shown,
        outcome: LineOutcome::Unsettled,
        sentence: format!(
            "Une ancienneté de {years} ans est exigée : la vérifier sur l’état des services ({}).",
            rule.law
        ),
    })
}

fn quoted(typed: &str) -> String {
    if typed.trim().is_empty() { "(vide)".to_owned() } else { format!("«\u{a0}{}\u{a0}»", typed.trim()) }
}

/// The corps or status a text designates: one spelling, alone or beside words that change nothing.
/// Two different ones in the same text (« CDD puis CDI ») designate none: a person reads it.
fn recognise<'a>(list: &'a [Alias], neutral: &[String], typed: &str) -> Option<&'a Alias> {
    let folded = fold_wording(typed);
    if folded.is_empty() {
        return None;
    }
    let spellings = || list.iter().flat_map(|alias| alias.names.iter().map(move |name| (alias, fold_wording(name))));
    if let Some((alias, _)) = spellings().find(|(_, name)| *name == folded) {
        return Some(alias);
    }
    let padded = format!(" {folded} ");
    let mut found: Option<&Alias> = None;
    for (alias, name) in spellings() {
        let Some((before, after)) = padded.split_once(&format!(" {name} ")) else { continue };
        let changes_nothing =
            |word: &str| word.chars().all(|c| c.is_ascii_digit()) || neutral.iter().any(|known| known == word);
        if !before.split_whitespace().chain(after.split_whitespace()).all(changes_nothing) {
            continue;
        }
        match found {
            Some(other) if other.code != alias.code => return None,
            _ => found = Some(alias),
        }
    }
    found
}

/// Text as it is compared: no case, accent, punctuation, gender or plural.
///
/// « Maîtresses déléguées », « maître délégué » and « Maître(sse) délégué(e) » all give `maitre delegue`; « P.L.P. » gives `plp`.
#[must_use]
pub fn fold_wording(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    let mut in_ending = false;
    for c in ids::fold(text).chars() {
        match c {
            // « certifié(e) », « certifié·e·s »: the ending of the other gender is left out up to the next space.
            '(' if letters.ends_with(|last: char| last.is_alphanumeric()) => in_ending = true,
            '·' | '•' | '‧' => in_ending = true,
            '.' | ')' => {}
            c if c.is_alphanumeric() && in_ending => {}
            c if c.is_alphanumeric() => letters.push(c),
            _ => {
                in_ending = false;
                letters.push(' ');
            }
        }
    }
    letters.split_whitespace().map(without_gender).collect::<Vec<_>>().join(" ")
}

/// One folded word in the masculine singular, well enough for two spellings of one corps to meet.
fn without_gender(word: &str) -> String {
    const ENDINGS: [(&str, &str); 10] = [
        ("tresse", "tre"),
        ("trice", "teur"),
        ("euse", "eur"),
        ("eure", "eur"),
        ("elle", "el"),
        ("ere", "er"),
        ("ive", "if"),
        ("ante", "ant"),
        ("ee", "e"),
        ("ale", "al"),
    ];
    let singular = if word.len() > 3 { word.strip_suffix('s').unwrap_or(word) } else { word };
    ENDINGS
        .iter()
        .find_map(|(feminine, masculine)| {
            let stem = singular.strip_suffix(feminine)?;
            (stem.len() > 1).then(|| format!("{stem}{masculine}"))
        })
        .unwrap_or_else(|| singular.to_owned())
}

#[cfg(test)]
mod tests;
