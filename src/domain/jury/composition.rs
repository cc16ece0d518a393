//! Whether a jury may be named: its president, its commissions, the roles a session expects.
//! Rule: arrêté du 5 mai 2017 (MENE1710931A), art. 5, whose details are the pack's. What blocks forbids the
//! signature of the order; what warns is shown and left to the recteur. Not here: who may examine whom (`conflict`).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::fold;
use crate::domain::refusal::Refusal;
use crate::domain::regulation::RegulationPack;

/// Reference quoted when the composition of the jury is in question.
pub const JURY_LAW: &str = "arrêté du 5 mai 2017 (MENE1710931A), art. 5";

words! {
    pub enum Severity {
        Blocks = "blocks",
        Warns = "warns",
    }
}

/// Something to say about a composition, with the text it comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Observation {
    pub severity: Severity,
    /// Stable: tests and JSON.
    pub code: &'static str,
    pub sentence: String,
    pub law: String,
}

/// A member of the jury, as the rule sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub name: String,
    /// The pack's code of the quality they sit in.
    pub role: String,
    pub email_key: String,
    pub is_president: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub juror: String,
    pub is_chair: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatedCommission {
    pub label: String,
    pub seats: Vec<Seat>,
}

/// The whole jury of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composition {
    pub members: Vec<Member>,
    pub commissions: Vec<SeatedCommission>,
}

/// Everything there is to say about this composition: what blocks first, then what warns.
#[must_use]
pub fn conformity(pack: &RegulationPack, jury: &Composition) -> Vec<Observation> {
    let mut found = Vec::new();
    check_presidency(jury, &mut found);
    check_quorum(pack, jury, &mut found);
    check_commissions(pack, jury, &mut found);
    check_repetitions(jury, &mut found);
    check_roles(pack, jury, &mut found);
    check_idle(jury, &mut found);
    found.sort_by_key(|observation| observation.severity);
    found
}

/// Whether the order may be signed.
///
/// # Errors
/// The first thing that blocks, and how many there are.
pub fn check_signature(observations: &[Observation]) -> Result<(), Refusal> {
    let mut blocking = observations.iter().filter(|observation| observation.severity == Severity::Blocks);
    let Some(first) = blocking.next() else { return Ok(()) };
    let others = match blocking.count() {
        0 => String::new(),
        1 => " Un autre point bloque aussi.".to_owned(),
        n => format!(" {n} autres points bloquent aussi."),
    };
    Err(Refusal::new(
        "jury_not_conform",
        format!("L’arrêté du jury ne peut pas être signé : {}{others}", lower_first(&first.sentence)),
    )
    .under(first.law.clone()))
}

fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn blocks(code: &'static str, sentence: String, law: &str) -> Observation {
    Observation { severity: Severity::Blocks, code, sentence, law: law.to_owned() }
}

fn warns(code: &'static str, sentence: String, law: &str) -> Observation {
    Observation { severity: Severity::Warns, code, sentence, law: law.to_owned() }
}

fn check_presidency(jury: &Composition, found: &mut Vec<Observation>) {
    let presidents: Vec<&str> =
        jury.members.iter().filter(|member| member.is_president).map(|member| member.name.as_str()).collect();
    match presidents.as_slice() {
        [_] => {}
        [] => found.push(blocks(
            "no_president",
            "Personne ne préside le jury : désignez son président ou sa présidente parmi les membres.".into(),
            JURY_LAW,
        )),
        several => found.push(blocks(
            "several_presidents",
            format!("Le jury a {} présidents ({}) : n’en gardez qu’un.", several.len(), several.join(", ")),
            JURY_LAW,
        )),
    }
}

fn check_quorum(pack: &RegulationPack, jury: &Composition, found: &mut Vec<Observation>) {
    let Some(quorum) = pack.jury.quorum.value else { return };
    let members = jury.members.len();
    if members < usize::try_from(quorum).unwrap_or(usize::MAX) {
        found.push(blocks(
            "quorum",
            format!("Le jury compte {members} membre(s) et le quorum est de {quorum} : complétez la liste."),
            &pack.jury.quorum.law,
        ));
    }
}

fn check_commissions(pack: &RegulationPack, jury: &Composition, found: &mut Vec<Observation>) {
    if jury.commissions.is_empty() {
        found.push(blocks(
            "no_commission",
            "Aucune commission n’est constituée : les épreuves ont lieu devant une commission désignée par le jury."
                .into(),
            JURY_LAW,
        ));
    }
    let (least, most) = (pack.jury.commission_minimum.value, pack.jury.commission_maximum.value);
    for commission in &jury.commissions {
        let label = &commission.label;
        let size = u32::try_from(commission.seats.len()).unwrap_or(u32::MAX);
        if size < least || size > most {
            let law = if size < least { &pack.jury.commission_minimum.law } else { &pack.jury.commission_maximum.law };
            let members = match size {
                0 => "n’a aucun membre".to_owned(),
                1 => "a un seul membre".to_owned(),
                n => format!("a {n} membres"),
            };
            found.push(blocks(
                "commission_size",
                format!("La commission « {label} » {members} : il en faut de {least} à {most}."),
                law,
            ));
        }
        match commission.seats.iter().filter(|seat| seat.is_chair).count() {
            1 => {}
            0 => found.push(blocks(
                "no_chair",
                format!("Personne ne préside la commission « {label} » : désignez l’un de ses membres."),
                JURY_LAW,
            )),
            n => found.push(blocks(
                "several_chairs",
                format!("La commission « {label} » a {n} présidents : n’en gardez qu’un."),
                JURY_LAW,
            )),
        }
    }
}

/// Nobody sits twice: neither twice in the list under one address, nor twice in one commission.
/// Namesakes are only pointed at; sitting in two commissions is allowed, the schedule then keeps them apart.
fn check_repetitions(jury: &Composition, found: &mut Vec<Observation>) {
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for member in &jury.members {
        let known = (!member.email_key.is_empty()).then(|| addresses.insert(&member.email_key, &member.name)).flatten();
        if let Some(other) = known {
            found.push(blocks(
                "member_twice",
                format!(
                    "{} et {other} ont la même adresse électronique : une personne ne figure qu’une fois dans le jury.",
                    member.name
                ),
                JURY_LAW,
            ));
        } else if !names.insert(fold(&member.name)) {
            found.push(warns(
                "same_name",
                format!("Deux membres se nomment {} : vérifiez que ce sont deux personnes.", member.name),
                JURY_LAW,
            ));
        }
    }
    for commission in &jury.commissions {
        let mut seated = BTreeSet::new();
        for seat in &commission.seats {
            if !seated.insert(seat.juror.as_str()) {
                found.push(blocks(
                    "seat_twice",
                    format!(
                        "{} siège deux fois dans la commission « {} ».",
                        name_of(jury, &seat.juror),
                        commission.label
                    ),
                    JURY_LAW,
                ));
            }
        }
    }
}

fn name_of<'j>(jury: &'j Composition, id: &'j str) -> &'j str {
    jury.members.iter().find(|member| member.id == id).map_or(id, |member| member.name.as_str())
}

fn check_roles(pack: &RegulationPack, jury: &Composition, found: &mut Vec<Observation>) {
    for role in pack.jury.roles.iter().filter(|role| role.expected.value) {
        // The presidency is a charge before it is a quality: whoever presides holds it.
        let held = jury
            .members
            .iter()
            .any(|member| member.role == role.code || (role.code == "president" && member.is_president));
        if !held {
            found.push(warns(
                "role_missing",
                format!("Aucun membre ne siège en qualité de « {} ».", role.label),
                &role.expected.law,
            ));
        }
    }
}

fn check_idle(jury: &Composition, found: &mut Vec<Observation>) {
    let seated: BTreeSet<&str> =
        jury.commissions.iter().flat_map(|commission| &commission.seats).map(|seat| seat.juror.as_str()).collect();
    let idle: Vec<&str> = jury
        .members
        .iter()
        .filter(|member| !member.is_president && !seated.contains(member.id.as_str()))
        .map(|member| member.name.as_str())
        .collect();
    if !idle.is_empty() && !jury.commissions.is_empty() {
        found.push(warns("not_seated", format!("Ne siège dans aucune commission : {}.", idle.join(", ")), JURY_LAW));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack() -> RegulationPack {
        RegulationPack::embedded().unwrap()
    }

    fn member(id: &str, role: &str) -> Member {
        Member {
            id: id.into(),
            name: format!("Membre {id}"),
            role: role.into(),
            email_key: format!("{id}@ac.example"),
            is_president: false,
        }
    }

    /// A jury about which there is nothing to say.
    fn whole() -> Composition {
        let roles = ["ia-ipr", "chef-etablissement", "formateur", "titulaire-cplds-cpif"];
        let mut members: Vec<Member> = roles.iter().map(|role| member(role, role)).collect();
        members[0].is_president = true;
        let seats =
            roles[1..].iter().enumerate().map(|(i, id)| Seat { juror: (*id).into(), is_chair: i == 0 }).collect();
        Composition { members, commissions: vec![SeatedCommission { label: "Commission A".into(), seats }] }
    }

    fn said(pack: &RegulationPack, jury: &Composition) -> Vec<(Severity, &'static str)> {
        conformity(pack, jury).iter().map(|seen| (seen.severity, seen.code)).collect()
    }

    #[test]
    fn a_whole_jury_calls_for_nothing() {
        assert_eq!(said(&pack(), &whole()), []);
        assert_eq!(check_signature(&conformity(&pack(), &whole())), Ok(()));
    }

    #[test]
    fn each_fault_is_said_once_and_with_its_weight() {
        type Spoil = fn(&mut Composition);
        use Severity::{Blocks, Warns};
        let cases: [(Spoil, &[(Severity, &str)]); 9] = [
            (
                |jury| jury.members[0].is_president = false,
                &[(Blocks, "no_president"), (Warns, "role_missing"), (Warns, "not_seated")],
            ),
            (|jury| jury.members[1].is_president = true, &[(Blocks, "several_presidents")]),
            (|jury| jury.commissions.clear(), &[(Blocks, "no_commission")]),
            (|jury| jury.commissions[0].seats.truncate(1), &[(Blocks, "commission_size"), (Warns, "not_seated")]),
            (
                |jury| {
                    for extra in ["x", "y"] {
                        jury.members.push(member(extra, "formateur"));
                        jury.commissions[0].seats.push(Seat { juror: extra.into(), is_chair: false });
                    }
                },
                &[(Blocks, "commission_size")],
            ),
            (|jury| jury.commissions[0].seats[0].is_chair = false, &[(Blocks, "no_chair")]),
            (|jury| jury.commissions[0].seats[1].is_chair = true, &[(Blocks, "several_chairs")]),
            (|jury| jury.members[3].role = "formateur".into(), &[(Warns, "role_missing")]),
            (
                |jury| {
                    let twice = jury.commissions[0].seats[2].clone();
                    jury.commissions[0].seats.push(twice);
                },
                &[(Blocks, "seat_twice")],
            ),
        ];
        for (index, (spoil, expected)) in cases.into_iter().enumerate() {
            let mut jury = whole();
            spoil(&mut jury);
            assert_eq!(said(&pack(), &jury), expected, "case {index}");
            let may_sign = expected.iter().all(|(severity, _)| *severity == Warns);
            assert_eq!(check_signature(&conformity(&pack(), &jury)).is_ok(), may_sign, "case {index}");
        }
    }

    #[test]
    fn a_quorum_blocks_only_when_the_pack_sets_one() {
        let mut pack = pack();
        pack.jury.quorum.value = Some(5);
        assert_eq!(said(&pack, &whole()), [(Severity::Blocks, "quorum")]);
        pack.jury.quorum.value = Some(4);
        assert_eq!(said(&pack, &whole()), []);
    }

    #[test]
    fn one_address_is_one_person_and_one_name_may_be_two() {
        let mut jury = whole();
        jury.members[3].email_key = jury.members[1].email_key.clone();
        assert_eq!(said(&pack(), &jury), [(Severity::Blocks, "member_twice")]);
        let mut jury = whole();
        jury.members[3].name = jury.members[1].name.clone();
        assert_eq!(said(&pack(), &jury), [(Severity::Warns, "same_name")]);
    }

    #[test]
    fn the_refusal_names_what_blocks_and_its_text() {
        let mut jury = whole();
        jury.members[0].is_president = false;
        jury.commissions[0].seats.truncate(1);
        let no = check_signature(&conformity(&pack(), &jury)).unwrap_err();
        assert!(no.sentence.contains("personne ne préside le jury") && no.sentence.contains("Un autre point"), "{no}");
        assert_eq!(no.law.as_deref(), Some(JURY_LAW));
    }
}
