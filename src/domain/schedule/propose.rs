//! A first calendar in one click: every missing slot at the earliest hour a commission can take it.
//! Deterministic and greedy: no slot is moved afterwards, so a period that is almost full may leave some unplaced,
//! each with its reason. Time grows with the slots to place, not with slots times commissions.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::hours::{DAY, WorkingDays};
use super::{Agenda, Booking, Examinee, Frame, Panel, Placement, epreuve_minutes, expected_epreuves};
use crate::domain::regulation::{Epreuve, Setting};

/// How many commissions are compared before the earliest hour found among them is taken.
const COMPARED: usize = 6;

/// A slot for which no hour was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    pub registration: String,
    pub epreuve: i32,
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    pub placements: Vec<Placement>,
    pub unplaced: Vec<Unplaced>,
}

/// Fills what is missing. `candidates` come in the order of their numbers; those not admitted are left out.
/// `agenda` is what already stands, and holds the proposal afterwards.
#[must_use]
pub fn propose(frame: &Frame<'_>, agenda: &mut Agenda, panels: &[Panel], candidates: &[Examinee]) -> Proposal {
    let days = WorkingDays::of(frame.academy, frame.from, frame.to);
    let mut cursors = Cursors::new(panels);
    let mut proposal = Proposal::default();
    for (number, epreuve) in expected_epreuves(frame.pack, &[]) {
        let mut waiting: Vec<&Examinee> = candidates
            .iter()
            .filter(|candidate| {
                candidate.admitted
                    && !candidate.kept.contains(&number)
                    && !agenda.is_placed(&candidate.registration, number)
            })
            .collect();
        if epreuve.setting.value == Setting::Site {
            // One school after the other, so that a commission stays there for the day. The sort is stable.
            waiting.sort_by(|a, b| (&a.uai, &a.school_name).cmp(&(&b.uai, &b.school_name)));
        }
        let mut last: Option<(usize, String)> = None;
        for candidate in waiting {
            let asked = Asked { frame, days: &days, panels, candidate, number, epreuve };
            let sticky = last.as_ref().filter(|(_, place)| *place == asked.place()).map(|(at, _)| *at);
            match asked.find(agenda, &cursors, sticky) {
                Some((at, tick, booking)) => {
                    cursors.advance(at, tick + asked.minutes(), &days);
                    last = Some((at, asked.place()));
                    proposal.placements.push(Placement {
                        registration: booking.registration.clone(),
                        epreuve: number,
                        commission: booking.commission.clone(),
                        starts_at: booking.starts_at,
                        site: booking.site.clone(),
                        uai: booking.uai.clone(),
                        room: booking.room.clone(),
                    });
                    agenda.book(booking);
                }
                None => proposal.unplaced.push(Unplaced {
                    registration: candidate.registration.clone(),
                    epreuve: number,
                    reason: asked.why_not(agenda),
                }),
            }
        }
    }
    proposal
}

/// How many commissions this many candidates need, with one part in six to spare for conflicts and journeys.
#[must_use]
pub fn commissions_needed(frame: &Frame<'_>, candidates: usize) -> usize {
    let days = WorkingDays::of(frame.academy, frame.from, frame.to);
    // In thousandths of a day, so that no fraction is lost.
    let per_candidate: usize = expected_epreuves(frame.pack, &[])
        .map(|(_, epreuve)| {
            // Where candidates work, each may be at another place: a journey is counted for every one of them.
            let journey = if epreuve.setting.value == Setting::Site { frame.travel_minutes } else { 0 };
            let per_day = usize::try_from(WorkingDays::per_day(epreuve.total_minutes() + journey)).unwrap_or(1);
            1000_usize.div_ceil(per_day.max(1))
        })
        .sum();
    let wanted = candidates.saturating_mul(per_candidate).saturating_mul(6);
    wanted.div_ceil((days.len() * 1000 * 5).max(1)).max(1)
}

/// From when on each commission is free, the earliest first; those whose days are over are left out.
struct Cursors {
    of: Vec<u32>,
    queue: BTreeSet<(u32, usize)>,
}

impl Cursors {
    fn new(panels: &[Panel]) -> Self {
        let seated = panels.iter().enumerate().filter(|(_, panel)| !panel.jurors.is_empty());
        Cursors { of: vec![0; panels.len()], queue: seated.map(|(at, _)| (0, at)).collect() }
    }

    fn advance(&mut self, at: usize, tick: u32, days: &WorkingDays) {
        self.queue.remove(&(self.of[at], at));
        self.of[at] = tick;
        if days.fit(tick, 1).is_some() {
            self.queue.insert((tick, at));
        }
    }
}

struct Asked<'a> {
    frame: &'a Frame<'a>,
    days: &'a WorkingDays,
    panels: &'a [Panel],
    candidate: &'a Examinee,
    number: i32,
    epreuve: &'a Epreuve,
}

impl Asked<'_> {
    fn minutes(&self) -> u32 {
        epreuve_minutes(self.epreuve, self.candidate.accommodation.as_deref())
    }

    fn place(&self) -> String {
        let (site, uai) = self.frame.usual_site(self.epreuve, self.candidate);
        super::place_key(&site, uai.as_deref())
    }

    fn booking(&self, panel: &Panel, tick: u32) -> Option<Booking> {
        let starts_at = self.days.instant(tick)?;
        let (site, uai) = self.frame.usual_site(self.epreuve, self.candidate);
        Some(Booking {
            registration: self.candidate.registration.clone(),
            epreuve: self.number,
            commission: panel.id.clone(),
            starts_at,
            ends_at: starts_at.checked_add(SignedDuration::from_mins(i64::from(self.minutes()))).ok()?,
            site,
            uai,
            room: format!("Salle de la commission {}", panel.label.strip_prefix("Commission ").unwrap_or(&panel.label)),
        })
    }

    /// The earliest booking this commission can take from its cursor on.
    fn earliest(&self, agenda: &Agenda, at: usize, cursor: u32) -> Option<(u32, Booking)> {
        let panel = &self.panels[at];
        if agenda.conflicted.contains(&(panel.id.clone(), self.candidate.registration.clone())) {
            return None;
        }
        let minutes = self.minutes();
        let mut tick = self.days.fit(cursor, minutes)?;
        loop {
            let booking = self.booking(panel, tick)?;
            match agenda.freed_at(self.frame, &booking) {
                None => return Some((tick, booking)),
                Some(freed) => tick = self.days.fit(self.days.tick(freed).max(tick + 1), minutes)?,
            }
        }
    }

    /// The commission that can start first, with the hour and the booking. `sticky` is the commission that is already
    /// at this place: it stays while its day lasts.
    fn find(&self, agenda: &Agenda, cursors: &Cursors, sticky: Option<usize>) -> Option<(usize, u32, Booking)> {
        if let Some(at) = sticky
            && let Some((tick, booking)) = self.earliest(agenda, at, cursors.of[at])
            && cursors.of[at] / DAY == tick / DAY
        {
            return Some((at, tick, booking));
        }
        let mut best: Option<(usize, u32, Booking)> = None;
        let mut compared = 0;
        for (cursor, at) in &cursors.queue {
            if best.as_ref().is_some_and(|(_, tick, _)| cursor >= tick || compared >= COMPARED) {
                break;
            }
            if let Some((tick, booking)) = self.earliest(agenda, *at, *cursor) {
                compared += 1;
                if best.as_ref().is_none_or(|(_, known, _)| tick < *known) {
                    best = Some((*at, tick, booking));
                }
            }
        }
        best
    }

    fn why_not(&self, agenda: &Agenda) -> String {
        let name = &self.candidate.name;
        let apart =
            |panel: &&Panel| agenda.conflicted.contains(&(panel.id.clone(), self.candidate.registration.clone()));
        let seated: Vec<&Panel> = self.panels.iter().filter(|panel| !panel.jurors.is_empty()).collect();
        if seated.is_empty() {
            return "Aucune commission n’a de membre : composez-les d’abord.".to_owned();
        }
        if seated.iter().all(apart) {
            return format!(
                "Toutes les commissions ont un empêchement pour {name} : ajoutez une commission ou levez un empêchement."
            );
        }
        format!(
            "Aucune heure ouvrable ne reste avant la fin de la période pour {name} (épreuve {}) : ajoutez une commission ou allongez la période.",
            self.number
        )
    }
}
