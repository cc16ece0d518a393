//! A list of jurors imported again: each line is compared with the member it tells of, found by address, else by name.
//! Who presides, the jury or a commission, is named once and on the jury's page: a list never takes it from somebody.

use std::collections::{HashMap, HashSet};

use super::super::jury::{self, JurorRow, NewJuror};
use super::super::{Conn, Stored, Tx};
use super::people::on_line;
use super::{Drafted, MOST_ABSENT, Place, Plan, Planned, counted, fate_of};
use crate::domain::exchange::{Change, Fate, differences};
use crate::domain::ids::{Phone, Uai, fold};
use crate::domain::jury::JurorDraft;
use crate::domain::table::{Finding, Report, Severity, Table};

/// A jury as it stands before an import.
#[derive(Default)]
struct Held {
    jurors: Vec<JurorRow>,
    /// Juror to the commissions they sit in, each with whether they chair it.
    seats: HashMap<String, Vec<(String, bool)>>,
    /// Folded label of a commission to the juror who chairs it.
    chairs: HashMap<String, String>,
}

impl Held {
    fn load(conn: &mut Conn, place: &Place) -> Stored<Self> {
        let Some(session) = &place.session else { return Ok(Held::default()) };
        let mut held = Held { jurors: jury::list_jurors(conn, &session.id)?, ..Held::default() };
        for (commission, seat) in jury::list_seated(conn, &session.id)? {
            if seat.is_chair {
                held.chairs.insert(fold(&commission.label), seat.juror_id.clone());
            }
            held.seats.entry(seat.juror_id).or_default().push((commission.label, seat.is_chair));
        }
        Ok(held)
    }

    /// The member of this address, else the only one of this name.
    fn find(&self, draft: &JurorDraft) -> Option<&JurorRow> {
        let key = draft.email.key();
        self.jurors.iter().find(|row| row.email_key == key).or_else(|| {
            let mut namesakes = self.jurors.iter().filter(|row| is_called(row, draft));
            namesakes.next().filter(|_| namesakes.next().is_none())
        })
    }

    fn president(&self) -> Option<&JurorRow> {
        self.jurors.iter().find(|row| row.is_president)
    }

    fn seats_of(&self, id: &str) -> &[(String, bool)] {
        self.seats.get(id).map_or(&[], Vec::as_slice)
    }

    fn name_of(&self, id: &str) -> String {
        self.jurors.iter().find(|row| row.id == id).map(JurorRow::shown_name).unwrap_or_default()
    }
}

fn is_called(row: &JurorRow, draft: &JurorDraft) -> bool {
    fold(&row.last_name) == fold(&draft.name) && fold(&row.first_names) == fold(&draft.first_names)
}

/// Checks a list of jurors and compares it with the jury; a session that is not open yet has none.
pub(super) fn plan(conn: &mut Conn, place: &Place, table: &Table, set_aside: &[(u64, String)]) -> Stored<Plan> {
    let mut report = jury::preview_jurors(conn, place, table, set_aside)?;
    let held = Held::load(conn, place)?;
    let qualities = jury::qualities(conn, place)?;
    let (mut lines, mut refused) = (Vec::new(), HashSet::new());
    let mut told: HashMap<String, u64> = HashMap::new();
    for draft in &report.accepted {
        let known = held.find(draft);
        let against = known.and_then(|row| told.insert(row.id.clone(), draft.line)).map(same_member);
        if let Some((column, code, message)) = against.or_else(|| conflict(&held, known, draft)) {
            refused.insert(draft.line);
            report.findings.push(Finding {
                line: draft.line,
                column: Some(column.to_owned()),
                code,
                severity: Severity::Error,
                message,
            });
            continue;
        }
        let fate = known.map_or(Fate::New, |row| fate_of(changes(&held, &qualities, row, draft)));
        lines.push(Planned {
            line: draft.line,
            label: format!("{} {}", draft.name, draft.first_names),
            fate,
            id: known.map(|row| row.id.clone()),
            draft: Drafted::Juror(Box::new(draft.clone())),
        });
    }
    forget_what_is_whole(&held, &mut report);
    report.accepted.retain(|draft| !refused.contains(&draft.line));
    report.findings.sort_by_key(|finding| finding.line);
    let absent: Vec<String> =
        held.jurors.iter().filter(|row| !told.contains_key(&row.id)).map(JurorRow::shown_name).collect();
    Ok(Plan {
        report: counted(report, |draft| draft.line),
        lines,
        absent_total: absent.len(),
        absent: absent.into_iter().take(MOST_ABSENT).collect(),
    })
}

/// What the list lacks as a whole is no news where a jury stands: its page says what the two together lack.
fn forget_what_is_whole(held: &Held, report: &mut Report<JurorDraft>) {
    if !held.jurors.is_empty() {
        report.findings.retain(|finding| !["no_president", "commission_size", "no_chair"].contains(&finding.code));
    }
}

fn same_member(earlier: u64) -> (&'static str, &'static str, String) {
    let message =
        format!("Cette ligne parle du même membre que la ligne {earlier}\u{a0}: gardez une seule des deux lignes.");
    ("Nom", "duplicate_person", message)
}

/// What a line says against what stands, and that no list decides: (column, code, sentence).
fn conflict(held: &Held, known: Option<&JurorRow>, draft: &JurorDraft) -> Option<(&'static str, &'static str, String)> {
    if let Some(row) = known.filter(|row| !is_called(row, draft)) {
        let message = format!(
            "L’adresse {} est celle de {} dans ce jury, et de {} {} dans le fichier\u{a0}: corrigez l’adresse, ou corrigez le nom sur la fiche du membre.",
            draft.email,
            row.shown_name(),
            draft.name,
            draft.first_names
        );
        return Some(("Courriel", "other_person", message));
    }
    let is_self = |id: &str| known.is_some_and(|row| row.id == id);
    if let Some(president) = held.president().filter(|row| draft.president && !is_self(&row.id)) {
        let message = format!(
            "{} préside déjà ce jury\u{a0}: une liste ne change pas la présidence. Écrivez «\u{a0}N\u{a0}» ici, ou désignez la présidence sur la page du jury.",
            president.shown_name()
        );
        return Some(("Président (O/N)", "other_president", message));
    }
    let label = draft.commission.as_deref().filter(|_| draft.commission_chair)?;
    let chair = held.chairs.get(&fold(label)).filter(|id| !is_self(id))?;
    let message = format!(
        "{} préside déjà la commission «\u{a0}{label}\u{a0}»\u{a0}: une liste ne change pas cette présidence. Écrivez «\u{a0}N\u{a0}» ici, ou changez-la sur la page du jury.",
        held.name_of(chair)
    );
    Some(("Présidence de commission (O/N)", "other_chair", message))
}

/// The columns that say where somebody sits, and not who they are.
const SEATS: [&str; 3] = ["Président (O/N)", "Commission", "Présidence de commission (O/N)"];

fn changes(held: &Held, qualities: &HashMap<String, String>, row: &JurorRow, draft: &JurorDraft) -> Vec<Change> {
    let quality = |code: &str| qualities.get(code).cloned().unwrap_or_else(|| code.to_owned());
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let seats = held.seats_of(&row.id);
    let sits = draft.commission.as_deref().and_then(|label| seats.iter().find(|(known, _)| fold(known) == fold(label)));
    let labels = || seats.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(", ");
    // « N » is what an empty cell says too: it takes nothing from anybody.
    let named = |is: bool, was: bool| if is && !was { ("N".to_owned(), "O".to_owned()) } else { Default::default() };
    let (was_president, president) = named(draft.president, row.is_president);
    let (was_chair, chair) = named(draft.commission_chair, sits.is_some_and(|(_, is_chair)| *is_chair));
    let (from, to) = match (&draft.commission, sits) {
        (Some(label), None) => (labels(), label.clone()),
        _ => Default::default(),
    };
    differences(vec![
        ("Civilité", row.civility.clone(), draft.civility.as_str().to_owned()),
        ("Nom", row.last_name.clone(), draft.name.clone()),
        ("Prénom", row.first_names.clone(), draft.first_names.clone()),
        ("Courriel", row.email.clone(), draft.email.to_string()),
        (
            "Téléphone",
            text(&row.phone),
            draft.phone.as_ref().map(|phone| phone.as_str().to_owned()).unwrap_or_default(),
        ),
        ("Qualité", quality(&row.quality), quality(&draft.role)),
        ("UAI", text(&row.uai), draft.uai.as_ref().map(|uai| uai.as_str().to_owned()).unwrap_or_default()),
        ("Établissement", text(&row.school_name), text(&draft.school_name)),
        ("Président (O/N)", was_president, president),
        ("Commission", from, to),
        ("Présidence de commission (O/N)", was_chair, chair),
    ])
}

/// Writes members who are new, then the accepted changes, through the acts of the jury's page.
pub(super) fn write(tx: &mut Tx<'_>, session_id: &str, lines: &[&Planned<Drafted>]) -> Stored<()> {
    let of = |line: &Planned<Drafted>| match &line.draft {
        Drafted::Juror(draft) => Some(draft.as_ref().clone()),
        _ => None,
    };
    let new: Vec<JurorDraft> = lines.iter().filter(|line| line.id.is_none()).filter_map(|line| of(line)).collect();
    if !new.is_empty() {
        jury::import_jurors(tx, session_id, &new)?;
    }
    for line in lines {
        let (Some(id), Some(draft), Fate::Changed(changes)) = (&line.id, of(line), &line.fate) else { continue };
        update(tx, session_id, id, &draft, changes).map_err(|error| on_line(line.line, error))?;
    }
    Ok(())
}

fn update(tx: &mut Tx<'_>, session_id: &str, juror_id: &str, draft: &JurorDraft, changes: &[Change]) -> Stored<()> {
    let row = jury::get_juror(tx.conn, session_id, juror_id)?;
    if changes.iter().any(|change| !SEATS.contains(&change.column)) {
        let held_phone = || row.phone.as_deref().and_then(|phone| Phone::parse(phone).ok());
        let held_uai = || row.uai.as_deref().and_then(|uai| Uai::parse(uai).ok());
        let new = NewJuror {
            civility: draft.civility,
            name: draft.name.clone(),
            first_names: draft.first_names.clone(),
            email: draft.email.clone(),
            phone: draft.phone.clone().or_else(held_phone),
            role: draft.role.clone(),
            uai: draft.uai.clone().or_else(held_uai),
            school_name: draft.school_name.clone().or_else(|| row.school_name.clone()),
        };
        jury::update_juror(tx, session_id, juror_id, &new)?;
    }
    if draft.president && !row.is_president {
        jury::name_president(tx, session_id, juror_id)?;
    }
    let Some(label) = &draft.commission else { return Ok(()) };
    let seats: Vec<_> =
        jury::list_seated(tx.conn, session_id)?.into_iter().filter(|(_, seat)| seat.juror_id == juror_id).collect();
    let sits = seats.iter().find(|(commission, _)| fold(&commission.label) == fold(label));
    if sits.is_some_and(|(_, seat)| seat.is_chair || !draft.commission_chair) {
        return Ok(());
    }
    let known = jury::list_commissions(tx.conn, session_id)?;
    let commission = match known.into_iter().find(|known| fold(&known.label) == fold(label)) {
        Some(known) => known.id,
        None => jury::make_commission(tx, session_id, label)?,
    };
    // Who sat in one commission moves; out of several, a list does not say which one is left.
    if let (None, [(former, _)]) = (sits, seats.as_slice()) {
        jury::unseat(tx, session_id, &former.id, juror_id)?;
    }
    jury::seat(tx, session_id, &commission, juror_id, draft.commission_chair)
}
