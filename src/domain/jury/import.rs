//! Checks a spreadsheet of jurors before anything is written: who they are, in which quality they sit,
//! in which commission. Roles and sizes are the pack's; conflicts between a juror and a candidate are
//! judged when candidates are seated, not here, except being both at once.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use crate::domain::ids::{Civility, EmailAddress, Phone, Uai, UaiRefused, fold};
use crate::domain::table::{ColumnSpec, Columns, Finding, Line, Report, Severity, Table, check_set_aside};

pub type JurorReport = Report<JurorDraft>;

pub struct JurorContext<'a> {
    pub academy_departments: Vec<String>,
    /// Finds a role of the pack by its code or its label, and gives its code.
    pub role_of: &'a dyn Fn(&str) -> Option<String>,
    /// The roles of the pack as a reader knows them, for the sentence that refuses another.
    pub role_labels: Vec<String>,
    pub commission_size: RangeInclusive<usize>,
    /// Candidates of this session: `EmailAddress::key` to their number or name.
    pub candidate_emails: HashMap<String, String>,
    pub set_aside: Vec<(u64, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JurorDraft {
    pub line: u64,
    pub civility: Civility,
    pub name: String,
    pub first_names: String,
    pub email: EmailAddress,
    pub phone: Option<Phone>,
    /// The pack's code.
    pub role: String,
    /// A same-school conflict is seen through it; none for those who belong to no school.
    pub uai: Option<Uai>,
    pub school_name: Option<String>,
    pub president: bool,
    pub commission: Option<String>,
    pub commission_chair: bool,
}

const CIVILITY: usize = 0;
const NAME: usize = 1;
const FIRST_NAMES: usize = 2;
const EMAIL: usize = 3;
const PHONE: usize = 4;
const ROLE: usize = 5;
const UAI: usize = 6;
const SCHOOL: usize = 7;
const PRESIDENT: usize = 8;
const COMMISSION: usize = 9;
const CHAIR: usize = 10;

const fn column(label: &'static str, required: bool, aliases: &'static [&'static str]) -> ColumnSpec {
    ColumnSpec { label, aliases, required }
}

/// In the order of the constants above, which index it.
pub const COLUMNS: [ColumnSpec; 11] = [
    column("Civilité", true, &["Civ", "Titre"]),
    column("Nom", true, &["Nom d’usage", "Nom de famille"]),
    column("Prénom", true, &["Prénoms"]),
    column("Courriel", true, &["E-mail", "Email", "Mail", "Mél", "Adresse électronique", "Adresse mail"]),
    column("Téléphone", false, &["Tél", "Portable", "Mobile"]),
    column("Qualité", true, &["Rôle", "Fonction", "Qualité au jury"]),
    column("UAI", false, &["RNE", "Code UAI", "Code établissement"]),
    column("Établissement", false, &["Affectation", "Établissement d’exercice"]),
    column("Président (O/N)", false, &["Présidente", "Présidence", "Président du jury", "Présidence du jury"]),
    column("Commission", false, &["N° de commission", "Commission d’affectation"]),
    column(
        "Présidence de commission (O/N)",
        false,
        &["Président de commission", "Présidente de commission", "Responsable de commission"],
    ),
];

pub fn check_jurors(table: &Table, context: &JurorContext<'_>) -> JurorReport {
    let mut findings = Vec::new();
    let columns = Columns::locate(table, &COLUMNS, &mut findings);
    let aside = check_set_aside(table, &context.set_aside, &mut findings);
    let mut seen = Seen::default();
    let mut accepted: Vec<JurorDraft> = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let mut line = Line::open(row, &columns);
        let is_aside = aside.contains(&row.line);
        let draft = check_line(&mut line, context, &mut seen, is_aside);
        if let Some(draft) = draft.filter(|_| !is_aside && !line.has_errors()) {
            accepted.push(draft);
        }
        findings.append(&mut line.findings);
    }
    check_jury(&accepted, context, &mut findings);
    let set_aside = context.set_aside.iter().filter(|(line, _)| aside.contains(line)).cloned().collect();
    Report { accepted, findings, set_aside, encoding: table.encoding, total_rows: table.rows.len() }
}

/// Met higher in the file, by the line where they stand.
#[derive(Default)]
struct Seen {
    names: HashMap<String, u64>,
    emails: HashMap<String, u64>,
    president: Option<u64>,
    chairs: HashMap<String, u64>,
    /// Folded commission to the spelling met first, which all its members get.
    commissions: HashMap<String, String>,
}

fn check_line(line: &mut Line<'_>, context: &JurorContext<'_>, seen: &mut Seen, is_aside: bool) -> Option<JurorDraft> {
    let civility = line.required(CIVILITY, Civility::parse, |_| "civility_unknown");
    let name = line.required_text(NAME, 100);
    if name.as_deref() == Some(crate::domain::registration::EXAMPLE) {
        line.error(NAME, "example_line", "C’est la ligne d’exemple du modèle\u{a0}: effacez-la.");
    }
    let first_names = line.required_text(FIRST_NAMES, 100);
    let email = line.required(EMAIL, EmailAddress::parse, |_| "email_invalid");
    let phone = line.optional(PHONE, Phone::parse, |_| "phone_invalid");
    let role = check_role(line, context);
    let uai = check_school(line, context);
    let school_name = line.text(SCHOOL, 150);
    let president = line.yes_or_no(PRESIDENT);
    let commission = line.text(COMMISSION, 60);
    let commission_chair = line.yes_or_no(CHAIR);
    if commission_chair && commission.is_none() {
        line.error(
            CHAIR,
            "chair_without_commission",
            "Présider une commission demande de dire laquelle\u{a0}: remplissez la colonne «\u{a0}Commission\u{a0}».",
        );
    }
    let full_name =
        name.as_deref().zip(first_names.as_deref()).map(|(name, first)| format!("{}|{}", fold(name), fold(first)));
    check_identity(line, context, seen, is_aside, full_name, email.as_ref());
    let commission = commission
        .map(|label| if is_aside { label } else { seen.commissions.entry(fold(&label)).or_insert(label).clone() });
    if !is_aside {
        check_presidencies(line, seen, president, commission.as_deref().filter(|_| commission_chair));
    }
    Some(JurorDraft {
        line: line.number(),
        civility: civility?,
        name: name?,
        first_names: first_names?,
        email: email?,
        phone,
        role: role?,
        uai,
        school_name,
        president,
        commission,
        commission_chair,
    })
}

fn check_role(line: &mut Line<'_>, context: &JurorContext<'_>) -> Option<String> {
    let typed = line.required_text(ROLE, 120)?;
    let role = (context.role_of)(&typed);
    if role.is_none() {
        let known = context.role_labels.join(", ");
        line.error(
            ROLE,
            "role_unknown",
            format!("La qualité «\u{a0}{typed}\u{a0}» n’est pas prévue pour ce jury. Qualités prévues\u{a0}: {known}."),
        );
    }
    role
}

/// Finds what was typed among a pack's roles, given as (code, label): either will do, case, accents,
/// hyphens and strokes aside, with or without what the label says between parentheses.
pub fn find_role<'r>(typed: &str, roles: impl IntoIterator<Item = (&'r str, &'r str)>) -> Option<&'r str> {
    let key = |text: &str| fold(&text.replace('/', " "));
    let wanted = key(typed);
    let names_it = |label: &str| {
        let short = label.split('(').next().unwrap_or(label);
        key(label) == wanted || key(short) == wanted
    };
    roles.into_iter().find(|(code, label)| key(code) == wanted || names_it(label)).map(|(code, _)| code)
}

/// Nothing binds a juror to the academy: another one's school is only worth a look.
fn check_school(line: &mut Line<'_>, context: &JurorContext<'_>) -> Option<Uai> {
    let code = |refused: &UaiRefused| match refused {
        UaiRefused::CheckLetter { .. } => "uai_check_letter",
        UaiRefused::Shape(_) => "uai_invalid",
    };
    let uai = line.optional(UAI, Uai::parse, code)?;
    if uai.department().is_none_or(|place| !context.academy_departments.contains(&place)) {
        line.warn(
            UAI,
            "school_outside_academy",
            format!(
                "L’établissement {uai} n’est pas dans l’académie\u{a0}: vérifiez que ce membre vient bien d’ailleurs."
            ),
        );
    }
    Some(uai)
}

fn check_identity(
    line: &mut Line<'_>,
    context: &JurorContext<'_>,
    seen: &mut Seen,
    is_aside: bool,
    full_name: Option<String>,
    email: Option<&EmailAddress>,
) {
    let namesake = full_name.as_ref().and_then(|name| seen.names.get(name)).copied();
    if let Some(email) = email {
        let key = email.key();
        if let Some(known) = context.candidate_emails.get(&key) {
            line.error(EMAIL, "juror_is_candidate", format!("L’adresse {email} est celle d’un candidat de cette session ({known})\u{a0}: on ne peut pas être juge et candidat."));
        }
        match seen.emails.get(&key).copied() {
            Some(earlier) if namesake == Some(earlier) => {
                line.error(
                    NAME,
                    "duplicate_person",
                    format!("Même personne qu’à la ligne {earlier}\u{a0}: gardez une seule des deux lignes."),
                );
                return;
            }
            Some(earlier) => {
                line.error(EMAIL, "duplicate_email", format!("L’adresse {email} est déjà celle de la ligne {earlier}\u{a0}: chacun a la sienne, car les convocations partent par courriel."));
            }
            None if !is_aside => {
                seen.emails.insert(key, line.number());
            }
            None => {}
        }
    }
    if let Some(earlier) = namesake {
        line.warn(
            NAME,
            "same_name",
            format!("Mêmes nom et prénom qu’à la ligne {earlier}\u{a0}: vérifiez que ce sont deux personnes."),
        );
    } else if let Some(name) = full_name.filter(|_| !is_aside) {
        seen.names.insert(name, line.number());
    }
}

fn check_presidencies(line: &mut Line<'_>, seen: &mut Seen, president: bool, chaired: Option<&str>) {
    if president {
        match seen.president {
            Some(earlier) => line.error(
                PRESIDENT,
                "several_presidents",
                format!("La ligne {earlier} préside déjà le jury\u{a0}: il n’a qu’une présidence."),
            ),
            None => seen.president = Some(line.number()),
        }
    }
    if let Some(label) = chaired {
        match seen.chairs.get(&fold(label)) {
            Some(earlier) => line.error(
                CHAIR,
                "several_chairs",
                format!("La ligne {earlier} préside déjà la commission «\u{a0}{label}\u{a0}»."),
            ),
            None => {
                seen.chairs.insert(fold(label), line.number());
            }
        }
    }
}

/// What only the whole list shows. Warnings: a jury is often handed over in several files.
fn check_jury(accepted: &[JurorDraft], context: &JurorContext<'_>, findings: &mut Vec<Finding>) {
    if accepted.is_empty() {
        return;
    }
    let mut warn = |title: &str, code, message| {
        findings.push(Finding { line: 1, column: Some(title.to_owned()), code, severity: Severity::Warning, message });
    };
    if !accepted.iter().any(|juror| juror.president) {
        warn(
            "Président (O/N)",
            "no_president",
            "Personne ne préside le jury dans cette liste\u{a0}: la présidence reste à désigner.".to_owned(),
        );
    }
    let mut commissions: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for juror in accepted {
        if let Some(label) = juror.commission.as_deref() {
            let (members, chaired) = commissions.entry(label).or_default();
            *members += 1;
            *chaired |= juror.commission_chair;
        }
    }
    let (least, most) = (context.commission_size.start(), context.commission_size.end());
    for (label, (members, chaired)) in commissions {
        if !context.commission_size.contains(&members) {
            let s = if members > 1 { "s" } else { "" };
            warn(
                "Commission",
                "commission_size",
                format!(
                    "La commission «\u{a0}{label}\u{a0}» a {members} membre{s}\u{a0}: il en faut de {least} à {most}."
                ),
            );
        }
        if !chaired {
            warn(
                "Présidence de commission (O/N)",
                "no_chair",
                format!("Personne ne préside la commission «\u{a0}{label}\u{a0}»."),
            );
        }
    }
}

#[cfg(test)]
mod tests;
