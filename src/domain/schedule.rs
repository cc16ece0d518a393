//! When and where a candidate sits: a slot binds a candidate, an épreuve, a commission, an hour and a room.
//! Rule: arrêté du 5 mai 2017 (MENE1710931A), art. 1 (period) and 3 (épreuves, their length and their commission).
//! An [`Agenda`] knows who and what is taken; `propose` fills what is missing. Whole slots are reserved for everyone,
//! preparation included: a commission is never counted free while its candidate prepares.

mod hours;
mod propose;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::academy::{Academy, french_date, french_time, french_weekday_date};
use super::ids::fold;
use super::jury::IMPARTIALITY_LAW;
use super::refusal::Refusal;
use super::regulation::{Epreuve, EpreuvePart, RegulationPack, Setting};
use super::session::LIST_LAW;

pub use hours::WorkingDays;
pub use propose::{Proposal, Unplaced, commissions_needed, propose};

/// Reference quoted when the period of the épreuves is in question.
pub const PERIOD_LAW: &str = "arrêté du 5 mai 2017 (MENE1710931A), art. 1";

/// What is the same for all slots of a session.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub pack: &'a RegulationPack,
    pub academy: &'a Academy,
    pub from: Date,
    pub to: Date,
    pub centre_name: &'a str,
    pub centre_uai: Option<&'a str>,
    /// Minutes left to a juror or a candidate between two places; 0 when distances are not taken into account.
    pub travel_minutes: u32,
}

/// A candidate, as far as the schedule goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examinee {
    pub registration: String,
    pub number: String,
    pub name: String,
    /// On the list of candidates admitted to sit.
    pub admitted: bool,
    /// Épreuves whose mark is kept from an earlier session.
    pub kept: Vec<i32>,
    /// The measure granted, never its reason.
    pub accommodation: Option<String>,
    pub school_name: String,
    pub uai: Option<String>,
}

/// A commission with those who sit in it, (id, name).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Panel {
    pub id: String,
    pub label: String,
    pub jurors: Vec<(String, String)>,
}

/// What an officer, or the proposer, asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub registration: String,
    pub epreuve: i32,
    pub commission: String,
    pub starts_at: Timestamp,
    /// Empty: where the épreuve is held by default.
    pub site: String,
    pub uai: Option<String>,
    pub room: String,
}

/// A slot that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub registration: String,
    pub epreuve: i32,
    pub commission: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub site: String,
    pub uai: Option<String>,
    pub room: String,
}

impl Booking {
    fn place(&self) -> String {
        place_key(&self.site, self.uai.as_deref())
    }
}

/// Two ways of writing one place meet: by its UAI when it has one, by its folded name otherwise.
fn place_key(site: &str, uai: Option<&str>) -> String {
    uai.filter(|uai| !uai.is_empty()).map_or_else(|| fold(site), str::to_owned)
}

/// Whether the measure granted gives one third more time.
#[must_use]
pub fn has_extra_third(accommodation: Option<&str>) -> bool {
    accommodation.is_some_and(|measure| {
        let folded = fold(measure);
        folded.contains("tiers temps") || folded.contains("1/3 temps")
    })
}

/// Length of one part for this candidate: one third more when granted, rounded up to the minute.
#[must_use]
pub fn part_minutes(part: &EpreuvePart, extra_third: bool) -> u32 {
    let minutes = part.minutes.value;
    if extra_third { minutes + minutes.div_ceil(3) } else { minutes }
}

/// Length of a whole épreuve for this candidate, preparation included.
#[must_use]
pub fn epreuve_minutes(epreuve: &Epreuve, accommodation: Option<&str>) -> u32 {
    let extra = has_extra_third(accommodation);
    epreuve.parts.iter().map(|part| part_minutes(part, extra)).sum()
}

impl<'a> Frame<'a> {
    /// The épreuve of this number.
    ///
    /// # Errors
    /// A number the regulation does not have.
    pub fn epreuve(&self, number: i32) -> Result<&'a Epreuve, Refusal> {
        self.pack.epreuve(&number.to_string()).ok_or_else(|| {
            Refusal::new(
                "unknown_epreuve",
                format!("L’épreuve {number} n’existe pas dans le règlement {}.", self.pack.id),
            )
        })
    }

    /// Where an épreuve is held unless said otherwise: the candidate's school, or the examination centre.
    #[must_use]
    pub fn usual_site(&self, epreuve: &Epreuve, candidate: &Examinee) -> (String, Option<String>) {
        match epreuve.setting.value {
            Setting::Site if !candidate.school_name.is_empty() => {
                (candidate.school_name.clone(), candidate.uai.clone())
            }
            Setting::Site if candidate.uai.is_some() => {
                (format!("Établissement {}", candidate.uai.as_deref().unwrap_or_default()), candidate.uai.clone())
            }
            _ => (self.centre_name.to_owned(), self.centre_uai.map(str::to_owned)),
        }
    }

    fn travel(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.travel_minutes))
    }

    /// « mercredi 3 février 2027, de 9 h à 9 h 45 ».
    #[must_use]
    pub fn interval(&self, starts_at: Timestamp, ends_at: Timestamp) -> String {
        let (start, end) = (self.academy.local(starts_at), self.academy.local(ends_at));
        format!("{}, de {} à {}", french_weekday_date(start.date()), french_time(start.time()), french_time(end.time()))
    }
}

/// Épreuves a candidate still has to be placed for: those of the pack whose mark is not kept.
pub fn expected_epreuves<'p>(pack: &'p RegulationPack, kept: &'p [i32]) -> impl Iterator<Item = (i32, &'p Epreuve)> {
    pack.epreuves
        .iter()
        .filter_map(|epreuve| epreuve.code.parse::<i32>().ok().map(|number| (number, epreuve)))
        .filter(|(number, _)| !kept.contains(number))
}

/// What cannot be in two places at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Taken {
    Candidate(String),
    Commission(String),
    Juror(String),
    Room(String, String),
}

/// Who and what is taken, and when. Asking costs the logarithm of what is booked.
#[derive(Debug, Default)]
pub struct Agenda {
    panels: HashMap<String, Panel>,
    /// (commission, registration) kept apart by a conflict of interest that stands.
    conflicted: HashSet<(String, String)>,
    bookings: Vec<Booking>,
    taken: HashMap<Taken, BTreeMap<(Timestamp, usize), Timestamp>>,
    placed: HashSet<(String, i32)>,
}

impl Agenda {
    #[must_use]
    pub fn new(panels: Vec<Panel>, conflicted: HashSet<(String, String)>, bookings: Vec<Booking>) -> Self {
        let panels = panels.into_iter().map(|panel| (panel.id.clone(), panel)).collect();
        let mut agenda = Agenda { panels, conflicted, ..Agenda::default() };
        for booking in bookings {
            agenda.book(booking);
        }
        agenda
    }

    /// Adds a booking, checked before or already standing.
    pub fn book(&mut self, booking: Booking) {
        let index = self.bookings.len();
        let room = (!booking.room.trim().is_empty()).then(|| Taken::Room(booking.place(), fold(&booking.room)));
        let everyone = self.jurors_of(&booking.commission).map(|(id, _)| Taken::Juror(id.clone())).collect::<Vec<_>>();
        let all = [Taken::Candidate(booking.registration.clone()), Taken::Commission(booking.commission.clone())];
        for one in all.into_iter().chain(everyone).chain(room) {
            self.taken.entry(one).or_default().insert((booking.starts_at, index), booking.ends_at);
        }
        self.placed.insert((booking.registration.clone(), booking.epreuve));
        self.bookings.push(booking);
    }

    #[must_use]
    pub fn is_placed(&self, registration: &str, epreuve: i32) -> bool {
        self.placed.contains(&(registration.to_owned(), epreuve))
    }

    fn jurors_of(&self, commission: &str) -> impl Iterator<Item = &(String, String)> {
        self.panels.get(commission).into_iter().flat_map(|panel| &panel.jurors)
    }

    fn label_of<'b>(&'b self, commission: &'b str) -> &'b str {
        self.panels.get(commission).map_or(commission, |panel| panel.label.as_str())
    }

    /// What already takes `one` at that time, `gap` being added around what is held at another place.
    fn blocker(&self, one: &Taken, wanted: &Booking, gap: SignedDuration) -> Option<&Booking> {
        let held = self.taken.get(one)?;
        let latest = wanted.ends_at.checked_add(gap).unwrap_or(wanted.ends_at);
        let earliest = wanted.starts_at.checked_sub(gap).unwrap_or(wanted.starts_at);
        let place = (!gap.is_zero()).then(|| wanted.place());
        // Bookings of one person do not overlap, so that their ends are in the order of their starts.
        held.range(..(latest, 0))
            .rev()
            .take_while(|(_, ends_at)| **ends_at > earliest)
            .map(|((_, index), _)| &self.bookings[*index])
            .find(|other| {
                let overlaps = other.starts_at < wanted.ends_at && wanted.starts_at < other.ends_at;
                overlaps || place.as_ref().is_some_and(|place| *place != other.place())
            })
    }

    /// Checks a placement against everything that is known, and says what it becomes.
    ///
    /// # Errors
    /// The first rule that says no, with the name of who or what is in the way.
    pub fn check(&self, frame: &Frame<'_>, candidate: &Examinee, asked: &Placement) -> Result<Booking, Refusal> {
        let epreuve = frame.epreuve(asked.epreuve)?;
        check_candidate(frame, candidate, asked.epreuve)?;
        if self.is_placed(&candidate.registration, asked.epreuve) {
            return Err(Refusal::new(
                "already_placed",
                format!(
                    "{} a déjà un créneau pour l’épreuve {} : déplacez-le plutôt que d’en ajouter un.",
                    candidate.name, asked.epreuve
                ),
            ));
        }
        let wanted = booking(frame, epreuve, candidate, asked)?;
        check_period(frame, &wanted)?;
        if self.conflicted.contains(&(asked.commission.clone(), candidate.registration.clone())) {
            return Err(Refusal::new(
                "conflict_of_interest",
                format!(
                    "Un membre de la commission « {} » a un empêchement pour {} : choisissez une autre commission, ou levez l’empêchement avec un motif.",
                    self.label_of(&asked.commission),
                    candidate.name
                ),
            )
            .under(IMPARTIALITY_LAW));
        }
        self.check_free(frame, candidate, &wanted)?;
        Ok(wanted)
    }

    fn check_free(&self, frame: &Frame<'_>, candidate: &Examinee, wanted: &Booking) -> Result<(), Refusal> {
        let travel = frame.travel();
        let busy = |code, who_is: String, other: &Booking, what_to_do: &str| {
            let sentence = format!(
                "{who_is} le {} ({}) : {what_to_do}.",
                frame.interval(other.starts_at, other.ends_at),
                other.site
            );
            Err(Refusal::new(code, sentence))
        };
        if let Some(other) = self.blocker(&Taken::Candidate(candidate.registration.clone()), wanted, travel) {
            return busy(
                "candidate_busy",
                format!("{} a déjà une épreuve", candidate.name),
                other,
                "choisissez une autre heure",
            );
        }
        let elsewhere = "choisissez une autre heure ou une autre commission";
        if let Some(other) = self.blocker(&Taken::Commission(wanted.commission.clone()), wanted, travel) {
            return busy(
                "commission_busy",
                format!("La commission « {} » siège déjà", self.label_of(&wanted.commission)),
                other,
                elsewhere,
            );
        }
        for (id, name) in self.jurors_of(&wanted.commission) {
            if let Some(other) = self.blocker(&Taken::Juror(id.clone()), wanted, travel) {
                return busy("juror_busy", format!("{name} siège déjà"), other, elsewhere);
            }
        }
        if !wanted.room.trim().is_empty()
            && let Some(other) =
                self.blocker(&Taken::Room(wanted.place(), fold(&wanted.room)), wanted, SignedDuration::ZERO)
        {
            return Err(Refusal::new(
                "room_busy",
                format!(
                    "La salle « {} » ({}) est occupée le {} : choisissez une autre salle ou une autre heure.",
                    wanted.room,
                    wanted.site,
                    frame.interval(other.starts_at, other.ends_at)
                ),
            ));
        }
        Ok(())
    }

    /// Whether a juror may join a commission that already has slots: free at these hours, without conflict.
    ///
    /// # Errors
    /// The first slot that stands in the way.
    pub fn check_seat(&self, frame: &Frame<'_>, juror: (&str, &str), commission: &str) -> Result<(), Refusal> {
        let slots = self.bookings.iter().filter(|booking| booking.commission == commission);
        for slot in slots {
            if let Some(other) = self.blocker(&Taken::Juror(juror.0.to_owned()), slot, frame.travel()) {
                return Err(Refusal::new(
                    "juror_busy",
                    format!(
                        "{} siège déjà le {} dans la commission « {} » : les deux commissions se chevauchent.",
                        juror.1,
                        frame.interval(other.starts_at, other.ends_at),
                        self.label_of(&other.commission)
                    ),
                ));
            }
        }
        Ok(())
    }

    /// When what blocks this booking ends; `None` when nothing does.
    fn freed_at(&self, frame: &Frame<'_>, wanted: &Booking) -> Option<Timestamp> {
        let travel = frame.travel();
        let room = Taken::Room(wanted.place(), fold(&wanted.room));
        let people = [Taken::Candidate(wanted.registration.clone()), Taken::Commission(wanted.commission.clone())];
        let jurors = self.jurors_of(&wanted.commission).map(|(id, _)| Taken::Juror(id.clone()));
        let freed = people
            .into_iter()
            .chain(jurors)
            .filter_map(|one| self.blocker(&one, wanted, travel))
            .map(|other| {
                let gap = if other.place() == wanted.place() { SignedDuration::ZERO } else { travel };
                other.ends_at.checked_add(gap).unwrap_or(other.ends_at)
            })
            .max();
        freed.max(self.blocker(&room, wanted, SignedDuration::ZERO).map(|other| other.ends_at))
    }
}

fn check_candidate(frame: &Frame<'_>, candidate: &Examinee, epreuve: i32) -> Result<(), Refusal> {
    if !candidate.admitted {
        return Err(Refusal::new(
            "not_admitted",
            format!(
                "Le dossier {} n’est pas sur la liste des candidats admis à se présenter : il ne peut pas être placé.",
                candidate.number
            ),
        )
        .under(LIST_LAW));
    }
    if candidate.kept.contains(&epreuve) {
        return Err(Refusal::new(
            "mark_kept",
            format!("{} garde sa note de l’épreuve {epreuve} d’une session précédente : cette épreuve n’est pas à repasser.", candidate.name),
        )
        .under(frame.pack.kept_marks.threshold.law.clone()));
    }
    Ok(())
}

fn booking(frame: &Frame<'_>, epreuve: &Epreuve, candidate: &Examinee, asked: &Placement) -> Result<Booking, Refusal> {
    let minutes = epreuve_minutes(epreuve, candidate.accommodation.as_deref());
    let ends_at = asked.starts_at.checked_add(SignedDuration::from_mins(i64::from(minutes))).map_err(|_| {
        Refusal::new("out_of_calendar", "La date du créneau est hors du calendrier accepté. Vérifiez l’année.")
    })?;
    let (site, uai) = if asked.site.trim().is_empty() {
        frame.usual_site(epreuve, candidate)
    } else {
        (asked.site.trim().to_owned(), asked.uai.clone())
    };
    Ok(Booking {
        registration: candidate.registration.clone(),
        epreuve: asked.epreuve,
        commission: asked.commission.clone(),
        starts_at: asked.starts_at,
        ends_at,
        site,
        uai,
        room: asked.room.trim().to_owned(),
    })
}

fn check_period(frame: &Frame<'_>, wanted: &Booking) -> Result<(), Refusal> {
    let days = [frame.academy.date(wanted.starts_at), frame.academy.date(wanted.ends_at)];
    if days.iter().all(|day| frame.from <= *day && *day <= frame.to) {
        return Ok(());
    }
    Err(Refusal::new(
        "outside_period",
        format!(
            "Le {} est hors de la période des épreuves, fixée du {} au {}.",
            frame.interval(wanted.starts_at, wanted.ends_at),
            french_date(frame.from),
            french_date(frame.to)
        ),
    )
    .under(PERIOD_LAW))
}

#[cfg(test)]
mod tests;
