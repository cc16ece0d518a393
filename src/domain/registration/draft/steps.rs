//! What each step of the form may say: read field by field, every fault with its sentence beside its field.
//! Rules: identity of a person (ids), own rectorat (MENE1710931A, art. 2), a session with several young people (art. 3),
//! marks kept within the pack. Never a reason of health: an accommodation is a measure.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::reader::{Fault, Reader, one_line};
use super::{Answers, Step};
use crate::domain::academy::Academy;
use crate::domain::ids::{Civility, FrenchDate, Mark, Phone, Uai, parse_department};
use crate::domain::regulation::RegulationPack;

/// A mark this house holds for the person, from a published session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownMark {
    pub epreuve: u8,
    pub mark: Mark,
    pub origin: i16,
}

/// What the steps are read against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub pack: &'a RegulationPack,
    pub academy: &'a Academy,
    /// Year of the session one registers for.
    pub year: i16,
    /// Today in the academy.
    pub today: Date,
    pub known: &'a [KnownMark],
    /// Names of the academy's schools that the answers name, by code; none where the academy keeps no list.
    pub schools: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Context<'a> {
    /// The name under which the academy lists this school.
    #[must_use]
    pub fn school(&self, uai: &Uai) -> Option<&'a str> {
        self.schools?.get(uai.as_str()).map(String::as_str)
    }

    /// A school of this academy that its list does not hold: closed, or a slip.
    fn refuse_unlisted(&self, read: &mut Reader<'_>, field: &str, uai: &Uai) {
        let is_here = uai.department().is_some_and(|department| self.academy.has_department(&department));
        if is_here && self.schools.is_some() && self.school(uai).is_none() {
            read.refuse(
                field,
                format!(
                    "Le code UAI {uai} n’est pas dans la liste des établissements ouverts de l’académie\u{a0}: relisez-le sur votre arrêté d’affectation. S’il est exact, écrivez au bureau des examens pour qu’il l’ajoute."
                ),
            );
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub civility: Civility,
    pub birth_name: String,
    pub usage_name: Option<String>,
    pub first_names: String,
    pub birth_date: Date,
    pub birth_place: String,
    pub phone: Option<Phone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// None in a service that is not a school.
    pub uai: Option<Uai>,
    pub place: String,
    pub department: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub corps: String,
    pub status: String,
    pub since: Option<Date>,
}

/// A mark to use instead of sitting the épreuve; `known` when this house holds it, else an officer reads the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptChoice {
    pub epreuve: u8,
    pub mark: Mark,
    pub origin: i16,
    pub origin_academy: String,
    pub known: bool,
}

/// What the commission of épreuve 1 will come and see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionPlan {
    pub uai: Option<Uai>,
    pub place: String,
    pub action: String,
    pub young_people: i32,
    pub days: Vec<String>,
    pub unavailable: String,
}

/// A file whose every answer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    pub identity: Identity,
    pub posting: Posting,
    pub situation: Situation,
    pub trained: bool,
    pub kept: Vec<KeptChoice>,
    pub plan: Option<ActionPlan>,
    pub accommodation: Option<String>,
}

/// Reads one step after the other's answers; empty when nothing is to be corrected.
#[must_use]
pub fn read_step(step: Step, answers: &Answers, context: &Context<'_>) -> Vec<Fault> {
    let mut read = Reader::of(answers.typed(step));
    match step {
        Step::Identity => drop(identity(&mut read, context)),
        Step::Posting => drop(posting(&mut read, context)),
        Step::Situation => drop(situation(&mut read, context)),
        Step::Training => drop(training(&mut read)),
        Step::Kept => drop(kept(&mut read, context)),
        Step::Action => drop(action(&mut read, answers, context)),
        Step::Accommodation => drop(accommodation(&mut read)),
        Step::Pieces => {}
    }
    read.faults
}

/// The whole file, or the first step that keeps it from being submitted.
///
/// # Errors
/// The step to go back to.
pub fn read_all(answers: &Answers, context: &Context<'_>) -> Result<Complete, Step> {
    fn settled<T>(step: Step, answers: &Answers, read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Step> {
        let mut reader = Reader::of(answers.typed(step));
        let value = read(&mut reader);
        value.filter(|_| reader.faults.is_empty()).ok_or(step)
    }
    // The order of the form: the first refused is the first to go back to.
    let identity = settled(Step::Identity, answers, |read| identity(read, context))?;
    let posting = settled(Step::Posting, answers, |read| posting(read, context))?;
    let situation = settled(Step::Situation, answers, |read| situation(read, context))?;
    let trained = settled(Step::Training, answers, training)?;
    let kept = settled(Step::Kept, answers, |read| kept(read, context))?;
    let plan = if sits_first_epreuve(answers, context) {
        Some(settled(Step::Action, answers, |read| action(read, answers, context))?)
    } else {
        None
    };
    let accommodation = settled(Step::Accommodation, answers, accommodation)?;
    Ok(Complete { identity, posting, situation, trained, kept, plan, accommodation })
}

/// What épreuve 1 will be, alone: read against the posting, both as typed.
///
/// # Errors
/// Each fault beside its field.
pub fn read_plan(answers: &Answers, context: &Context<'_>) -> Result<ActionPlan, Vec<Fault>> {
    let mut read = Reader::of(answers.typed(Step::Action));
    match action(&mut read, answers, context) {
        Some(plan) if read.faults.is_empty() => Ok(plan),
        _ => Err(read.faults),
    }
}

/// The identity alone, once its step reads.
#[must_use]
pub fn read_identity(answers: &Answers, context: &Context<'_>) -> Option<Identity> {
    let mut read = Reader::of(answers.typed(Step::Identity));
    identity(&mut read, context).filter(|_| read.faults.is_empty())
}

/// Whether épreuve 1 is to be sat, as far as the answers tell.
pub(super) fn sits_first_epreuve(answers: &Answers, context: &Context<'_>) -> bool {
    let mut read = Reader::of(answers.typed(Step::Kept));
    !kept(&mut read, context).is_some_and(|marks| marks.iter().any(|mark| mark.epreuve == 1))
}

/// A name of the civil state holds letters, and never a figure.
fn name(text: &str) -> Result<String, String> {
    let text = one_line(text, 100)?;
    if !text.chars().any(char::is_alphabetic) || text.chars().any(|c| c.is_ascii_digit() || "@<>{}[]\\|;".contains(c)) {
        return Err(format!(
            "«\u{a0}{}\u{a0}» n’est pas un nom\u{a0}: écrivez-le en lettres, comme sur votre pièce d’identité.",
            text.chars().take(40).collect::<String>()
        ));
    }
    Ok(text)
}

fn identity(read: &mut Reader<'_>, context: &Context<'_>) -> Option<Identity> {
    let civility = read.required("civilite", "Choisissez la civilité.", Civility::parse);
    let birth_name = read.required("nom", "Écrivez votre nom de naissance.", name);
    let usage_name = read.optional("nom_usage", name);
    let first_names = read.required("prenoms", "Écrivez vos prénoms, dans l’ordre de l’état civil.", name);
    let born = read
        .required("naissance", "Écrivez votre date de naissance, par exemple 14/03/1984.", FrenchDate::parse)
        .map(FrenchDate::date);
    if let Some(born) = born {
        let years = context.today.year() - born.year();
        if born >= context.today || years > 100 {
            read.refuse(
                "naissance",
                format!("Une naissance le {} n’est pas possible\u{a0}: corrigez l’année.", FrenchDate::from(born)),
            );
        } else if years < 18 {
            read.refuse(
                "naissance",
                format!(
                    "Une naissance le {} ferait de vous un mineur\u{a0}: vérifiez l’année.",
                    FrenchDate::from(born)
                ),
            );
        }
    }
    let birth_place = read.text("lieu_naissance", "Écrivez la commune de naissance, ou la ville et le pays.", 120);
    let phone = read.optional("telephone", Phone::parse);
    let (birth_name, usage_name) = (birth_name?, usage_name?);
    Some(Identity {
        civility: civility?,
        usage_name: usage_name.filter(|usage| *usage != birth_name),
        birth_name,
        first_names: first_names?,
        birth_date: born?,
        birth_place: birth_place?,
        phone: phone?,
    })
}

fn posting(read: &mut Reader<'_>, context: &Context<'_>) -> Option<Posting> {
    let place = read.choice(
        "lieu",
        "Dites si vous exercez dans un établissement ou dans un service.",
        &["etablissement", "service"],
    )?;
    if place == "etablissement" {
        let uai = read.required("uai", "Écrivez le code UAI de l’établissement, par exemple 0870015U.", Uai::parse);
        // The academy's own name stands for the one that is typed.
        let name = match uai.as_ref().and_then(|uai| context.school(uai)) {
            Some(listed) => Some(listed.to_owned()),
            None => read.text("etablissement", "Écrivez le nom de l’établissement.", 150),
        };
        let uai = uai?;
        let Some(department) = uai.department() else {
            read.refuse(
                "uai",
                format!(
                    "Le code UAI {uai} ne désigne aucun département\u{a0}: vérifiez-le dans l’annuaire de l’éducation."
                ),
            );
            return None;
        };
        own_academy(read, context, "uai", &format!("L’établissement {uai}"), &department);
        context.refuse_unlisted(read, "uai", &uai);
        return Some(Posting { uai: Some(uai), place: name?, department });
    }
    let name = read.text("service", "Écrivez le nom du service, par exemple DSDEN de la Haute-Vienne.", 150);
    let department = read.required("departement", "Choisissez le département du service.", |text| {
        parse_department(text).ok_or("Ce département n’est pas connu\u{a0}: choisissez-le dans la liste.")
    })?;
    own_academy(read, context, "departement", "Ce service", &department);
    Some(Posting { uai: None, place: name?, department })
}

/// Registration is at one's own rectorat; the other academy is named, so that one knows where to go.
fn own_academy(read: &mut Reader<'_>, context: &Context<'_>, field: &str, what: &str, department: &str) {
    let rule = &context.pack.eligibility.own_academy;
    if !rule.value || context.academy.has_department(department) {
        return;
    }
    let there = Academy::of_department(department)
        .map_or_else(|| "d’une autre académie".to_owned(), |academy| format!("de {}", academy.with_article()));
    read.refuse(
        field,
        format!(
            "{what} (département {department}) relève {there}\u{a0}: l’inscription se prend au rectorat de sa propre académie ({}). Abandonnez ce brouillon et inscrivez-vous là-bas.",
            rule.law
        ),
    );
}

/// What is chosen when one's corps is not in the list.
pub const OTHER: &str = "autre";

fn situation(read: &mut Reader<'_>, context: &Context<'_>) -> Option<Situation> {
    let label = |list: &[crate::domain::regulation::Alias], code: &str| {
        list.iter().find(|alias| alias.code == code).map(|alias| alias.label.clone())
    };
    let corps = match read.get("corps") {
        "" => {
            read.refuse("corps", "Choisissez votre corps, ou «\u{a0}Autre\u{a0}» s’il n’est pas dans la liste.");
            None
        }
        OTHER => read.text("autre_corps", "Écrivez votre corps ou votre emploi.", 100),
        code => match context.pack.corps.iter().find(|alias| alias.code == code) {
            // The first spelling is the one the pack recognises for sure.
            Some(alias) => Some(alias.names.first().cloned().unwrap_or_else(|| alias.label.clone())),
            None => {
                read.refuse("corps", "Ce corps n’est pas connu\u{a0}: choisissez-le dans la liste.");
                None
            }
        },
    };
    let status = match read.get("statut") {
        "" => {
            read.refuse("statut", "Choisissez votre statut.");
            None
        }
        code => {
            let found = context.pack.statuses.iter().find(|alias| alias.code == code);
            let status =
                found.and_then(|alias| alias.names.first().cloned()).or_else(|| label(&context.pack.statuses, code));
            if status.is_none() {
                read.refuse("statut", "Ce statut n’est pas connu\u{a0}: choisissez-le dans la liste.");
            }
            status
        }
    };
    let since = read
        .required("depuis", "Écrivez la date de titularisation ou celle du contrat.", FrenchDate::parse)
        .map(FrenchDate::date);
    if let Some(since) = since
        && since > context.today
    {
        read.refuse(
            "depuis",
            format!(
                "La date du {} est à venir\u{a0}: écrivez celle de votre arrêté ou contrat actuel.",
                FrenchDate::from(since)
            ),
        );
    }
    Some(Situation { corps: corps?, status: status?, since })
}

fn training(read: &mut Reader<'_>) -> Option<bool> {
    let answer = read.choice("formation", "Dites si vous avez suivi la formation.", &["oui", "en_cours", "non"])?;
    Some(answer != "non")
}

fn kept(read: &mut Reader<'_>, context: &Context<'_>) -> Option<Vec<KeptChoice>> {
    let mut choices = Vec::new();
    let mut is_wrong = false;
    for epreuve in &context.pack.epreuves {
        let Ok(number) = epreuve.code.parse::<u8>() else { continue };
        let field = format!("note_{number}");
        let answer = read.get(&field);
        let choice = match answer {
            "non" => continue,
            "ailleurs" => claimed(read, context, number),
            known => {
                let offered = context.known.iter().find(|mark| {
                    mark.epreuve == number && known == format!("{}-{}", mark.origin, mark.mark.hundredths())
                });
                if offered.is_none() {
                    read.refuse(
                        &field,
                        format!("Épreuve {number}\u{a0}: dites si vous la passez ou si vous conservez une note."),
                    );
                }
                offered.map(|mark| KeptChoice {
                    epreuve: number,
                    mark: mark.mark,
                    origin: mark.origin,
                    origin_academy: context.academy.code.clone(),
                    known: true,
                })
            }
        };
        let Some(choice) = choice else {
            is_wrong = true;
            continue;
        };
        let refused =
            context.pack.kept_marks.refusal(&context.pack.marks, choice.mark.hundredths(), choice.origin, context.year);
        match refused {
            Some(sentence) => {
                let field = if choice.known { field } else { format!("note_{number}_valeur") };
                read.refuse(&field, sentence);
                is_wrong = true;
            }
            None => choices.push(choice),
        }
    }
    (!is_wrong).then_some(choices)
}

/// A mark that this house does not hold: an officer will read it on the transcript.
fn claimed(read: &mut Reader<'_>, context: &Context<'_>, epreuve: u8) -> Option<KeptChoice> {
    let scale = &context.pack.marks;
    let mark =
        read.required(&format!("note_{epreuve}_valeur"), "Écrivez la note à conserver, par exemple 12,5.", |text| {
            let mark = Mark::parse(text).map_err(|refused| refused.to_string())?;
            let of = Mark::from_hundredths;
            mark.check(of(scale.minimum.value), of(scale.maximum.value), of(scale.step.value))
                .map_err(|refused| refused.to_string())?;
            Ok::<Mark, String>(mark)
        });
    let origin = read.required(
        &format!("note_{epreuve}_session"),
        "Écrivez l’année de la session où vous avez obtenu cette note.",
        |text| {
            let year = text.parse::<i16>().ok().filter(|year| (2018..context.year).contains(year));
            year.ok_or_else(|| {
                format!(
                    "La session «\u{a0}{}\u{a0}» ne convient pas\u{a0}: écrivez une année entre 2018 et {}.",
                    text.chars().take(20).collect::<String>(),
                    context.year - 1
                )
            })
        },
    );
    let academy = read.required(
        &format!("note_{epreuve}_academie"),
        "Choisissez l’académie où vous avez obtenu cette note.",
        |code| Academy::find(code).map(|academy| academy.code.clone()).ok_or("Choisissez l’académie dans la liste."),
    );
    Some(KeptChoice { epreuve, mark: mark?, origin: origin?, origin_academy: academy?, known: false })
}

/// Days that one may tick, in their order.
pub const DAYS: [&str; 5] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi"];

fn action(read: &mut Reader<'_>, answers: &Answers, context: &Context<'_>) -> Option<ActionPlan> {
    const LAW: &str = "arrêté du 5 mai 2017, MENE1710931A, art. 3";
    let posting = Reader::of(answers.typed(Step::Posting));
    let in_service = posting.get("lieu") == "service";
    let host = read.choice("accueil", "Dites où la séance aura lieu.", &["mon_etablissement", "autre"]);
    let place = match host {
        Some("mon_etablissement") if in_service => {
            read.refuse(
                "accueil",
                format!("Vous exercez dans un service\u{a0}: nommez l’établissement qui accueillera la séance avec des jeunes ({LAW})."),
            );
            None
        }
        Some("mon_etablissement") => {
            let uai = Uai::parse(posting.get("uai")).ok();
            let listed = uai.as_ref().and_then(|uai| context.school(uai));
            let name = listed.unwrap_or_else(|| posting.get("etablissement")).to_owned();
            Some((uai, name))
        }
        Some(_) => {
            let uai = read.required("accueil_uai", "Écrivez le code UAI de l’établissement d’accueil.", Uai::parse);
            let name = match uai.as_ref().and_then(|uai| context.school(uai)) {
                Some(listed) => Some(listed.to_owned()),
                None => read.text("accueil_nom", "Écrivez le nom de l’établissement d’accueil.", 150),
            };
            if let Some(uai) = &uai {
                context.refuse_unlisted(read, "accueil_uai", uai);
            }
            uai.zip(name).map(|(uai, name)| (Some(uai), name))
        }
        None => None,
    };
    let action = read.text("action", "Dites dans quelle action la séance prendra place.", 300);
    let young_people = read.required("effectif", "Écrivez combien de jeunes suivront la séance.", |text| match text
        .parse::<i32>()
    {
        Ok(1) => Err(format!("La séance réunit plusieurs jeunes\u{a0}: écrivez au moins 2 ({LAW}).")),
        Ok(count) if (2..=60).contains(&count) => Ok(count),
        _ => Err("Écrivez un nombre de jeunes en chiffres, entre 2 et 60.".to_owned()),
    });
    let ticked = read.all("jours");
    let days: Vec<String> = DAYS.iter().filter(|day| ticked.contains(*day)).map(|day| (*day).to_owned()).collect();
    if days.is_empty() {
        read.refuse("jours", "Cochez au moins un jour où la commission peut venir.");
    }
    let unavailable = read.optional("indisponible", |text| one_line(text, 500));
    let (uai, place) = place?;
    Some(ActionPlan {
        uai,
        place,
        action: action?,
        young_people: young_people?,
        days,
        unavailable: unavailable?.unwrap_or_default(),
    })
}

/// Measures one may tick, each with the words kept.
pub const MEASURES: [(&str, &str); 8] = [
    ("tiers_temps", "Tiers temps"),
    ("salle", "Salle particulière"),
    ("agrandi", "Sujet agrandi"),
    ("braille", "Sujet en braille"),
    ("secretaire", "Secrétaire"),
    ("ordinateur", "Ordinateur"),
    ("acces", "Accès de plain-pied"),
    ("pauses", "Pauses"),
];

/// What is kept when a measure is asked for and none is named: the office asks, nobody is refused.
const TO_AGREE: &str = "Mesure à convenir avec le candidat";

#[allow(clippy::option_option)] // "no need" and "not answered" are different answers
fn accommodation(read: &mut Reader<'_>) -> Option<Option<String>> {
    let need = read.choice("besoin", "Dites si vous demandez un aménagement.", &["oui", "non"])?;
    if need == "non" {
        return Some(None);
    }
    let ticked = read.all("mesures");
    let mut measures: Vec<String> =
        MEASURES.iter().filter(|(code, _)| ticked.contains(code)).map(|(_, label)| (*label).to_owned()).collect();
    let other = super::measure_of(read.get("autre"));
    if !other.is_empty() && !measures.contains(&other) {
        measures.push(other);
    }
    Some(Some(if measures.is_empty() { TO_AGREE.to_owned() } else { measures.join(", ") }))
}
