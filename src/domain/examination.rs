//! The office examines files: what may be done to many at once, what is asked back from candidates and by when,
//! and the words of wordings and letters. Rule: arrêté du 5 mai 2017 (MENE1710931A), art. 2 (the list), code des
//! relations entre le public et l’administration, art. L. 114-5 (missing pieces) and L. 211-5 (grounds of a refusal).
//! Not here: whether a person may sit (`eligibility`).

pub mod letter;
pub mod wording;

use jiff::ToSpan;
use jiff::civil::Date;

use super::refusal::Refusal;

/// Reference quoted when pieces are asked for.
pub const PIECES_LAW: &str = "code des relations entre le public et l’administration, art. L. 114-5";

words! {
    /// What an officer does to several files at once, after a preview.
    pub enum BulkAct {
        Assign = "assign",
        Request = "request",
        Remind = "remind",
        Admit = "admit",
        Refuse = "refuse",
    }
}

impl BulkAct {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            BulkAct::Assign => "Confier à un agent",
            BulkAct::Request => "Demander les pièces manquantes",
            BulkAct::Remind => "Envoyer un rappel",
            BulkAct::Admit => "Déclarer recevables",
            BulkAct::Refuse => "Confirmer les refus proposés",
        }
    }

    /// Whether each candidate receives a mail.
    #[must_use]
    pub const fn writes(self) -> bool {
        !matches!(self, BulkAct::Assign)
    }
}

/// The facts of a file that a bulk act looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// `submitted`, `admitted`, `refused`, `withdrawn`.
    pub state: String,
    /// `eligible`, `refusal_proposed`, `to_examine`.
    pub proposal: String,
    pub is_decided: bool,
    /// Pieces missing or refused.
    pub missing: usize,
    /// The day until which a request already waits.
    pub waits_until: Option<Date>,
    /// The day of the last reminder of that request.
    pub reminded_on: Option<Date>,
    pub has_address: bool,
}

/// Whether a bulk act takes this file, on this day.
///
/// # Errors
/// Why it is left out, as the preview says it.
pub fn takes(act: BulkAct, file: &FileFacts, today: Date) -> Result<(), &'static str> {
    let settled = match file.state.as_str() {
        "withdrawn" => Some("la candidature est retirée"),
        "refused" if act != BulkAct::Assign => Some("l’inscription est déjà refusée"),
        "admitted" if act != BulkAct::Assign => Some("le candidat figure déjà sur la liste arrêtée"),
        _ => None,
    };
    if let Some(why) = settled {
        return Err(why);
    }
    match act {
        BulkAct::Assign => Ok(()),
        BulkAct::Request if file.missing == 0 => Err("aucune pièce ne manque"),
        BulkAct::Request if file.waits_until.is_some() => Err("une demande est déjà en cours"),
        BulkAct::Remind if file.waits_until.is_none() => Err("aucune demande n’attend de réponse"),
        BulkAct::Remind if file.reminded_on == Some(today) => Err("un rappel est déjà parti aujourd’hui"),
        BulkAct::Request | BulkAct::Remind if !file.has_address => {
            Err("le dossier ne porte pas de courriel\u{a0}: écrivez par courrier")
        }
        BulkAct::Admit | BulkAct::Refuse if file.is_decided => Err("une décision est déjà prise"),
        BulkAct::Admit if file.proposal != "eligible" => {
            Err("le programme ne le propose pas recevable\u{a0}: décidez-le un par un")
        }
        BulkAct::Admit if file.missing > 0 => Err("des pièces manquent ou sont refusées"),
        BulkAct::Refuse if file.proposal != "refusal_proposed" => Err("aucun refus n’est proposé par le règlement"),
        _ => Ok(()),
    }
}

/// Checks the day by which pieces are asked for.
///
/// # Errors
/// A day that leaves no time, or so far that it was mistyped.
pub fn check_due(due_on: Date, today: Date) -> Result<(), Refusal> {
    if due_on <= today {
        return Err(Refusal::new(
            "request_due",
            "Laissez au candidat le temps de répondre\u{a0}: la date limite doit être postérieure à aujourd’hui.",
        )
        .under(PIECES_LAW));
    }
    if today.checked_add(1.year()).is_ok_and(|far| due_on > far) {
        return Err(Refusal::new("request_due", "La date limite est à plus d’un an\u{a0}: vérifiez l’année."));
    }
    Ok(())
}

/// Whether the reminder of a request leaves on this day: `days` before the due day, and not after it.
#[must_use]
pub fn is_reminder_due(due_on: Date, today: Date, days: i64) -> bool {
    let from = due_on.checked_sub(days.days()).unwrap_or(due_on);
    from <= today && today <= due_on
}

/// Checks the day an application on paper was received, or posted, against the calendar of registration.
///
/// # Errors
/// A day outside the calendar, with what to do.
pub fn check_received(received_on: Date, opens_on: Date, closes_on: Date, today: Date) -> Result<(), Refusal> {
    if received_on > today {
        return Err(Refusal::new("received_on", "La date de réception est à venir\u{a0}: vérifiez le cachet."));
    }
    if received_on < opens_on {
        return Err(Refusal::new(
            "received_on",
            "La date de réception précède l’ouverture des inscriptions\u{a0}: vérifiez l’année.",
        )
        .under(super::session::CALENDAR_LAW));
    }
    if received_on > closes_on {
        return Err(Refusal::new(
            "received_late",
            "Le dossier a été reçu après la clôture des inscriptions\u{a0}: il ne peut pas être enregistré. Si le cachet de la poste est antérieur, saisissez cette date.",
        )
        .under(super::session::CALENDAR_LAW));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn file(state: &str, proposal: &str, missing: usize) -> FileFacts {
        FileFacts { state: state.into(), proposal: proposal.into(), missing, has_address: true, ..FileFacts::default() }
    }

    #[test]
    fn a_bulk_act_takes_only_the_files_it_fits() {
        use BulkAct::*;
        let today = date(2027, 9, 1);
        let waiting = FileFacts { waits_until: Some(date(2027, 9, 9)), ..file("submitted", "eligible", 1) };
        let reminded = FileFacts { reminded_on: Some(today), ..waiting.clone() };
        let decided = FileFacts { is_decided: true, ..file("submitted", "refusal_proposed", 0) };
        let unreachable = FileFacts { has_address: false, ..file("submitted", "eligible", 1) };
        let table = [
            (Assign, file("submitted", "eligible", 0), true),
            (Assign, file("refused", "refusal_proposed", 0), true),
            (Assign, file("withdrawn", "eligible", 0), false),
            (Request, file("submitted", "eligible", 2), true),
            (Request, file("submitted", "eligible", 0), false),
            (Request, waiting.clone(), false),
            (Request, unreachable, false),
            (Remind, waiting, true),
            (Remind, reminded, false),
            (Remind, file("submitted", "eligible", 2), false),
            (Admit, file("submitted", "eligible", 0), true),
            (Admit, file("submitted", "eligible", 1), false),
            (Admit, file("submitted", "to_examine", 0), false),
            (Admit, file("admitted", "eligible", 0), false),
            (Refuse, file("submitted", "refusal_proposed", 3), true),
            (Refuse, file("submitted", "eligible", 0), false),
            (Refuse, file("refused", "refusal_proposed", 0), false),
            (Refuse, decided, false),
        ];
        for (act, file, taken) in table {
            assert_eq!(takes(act, &file, today).is_ok(), taken, "{act} {file:?}");
        }
    }

    #[test]
    fn a_reminder_leaves_in_the_days_before_the_due_day_and_never_after() {
        let due = date(2027, 9, 20);
        for (today, leaves) in
            [(date(2027, 9, 16), false), (date(2027, 9, 17), true), (due, true), (date(2027, 9, 21), false)]
        {
            assert_eq!(is_reminder_due(due, today, 3), leaves, "{today}");
        }
    }

    #[test]
    fn a_due_day_leaves_time_and_a_paper_file_came_within_the_calendar() {
        let today = date(2027, 9, 1);
        for (due, fits) in [(today, false), (date(2027, 9, 2), true), (date(2028, 9, 2), false)] {
            assert_eq!(check_due(due, today).is_ok(), fits, "{due}");
        }
        let (opens, closes, today) = (date(2027, 6, 1), date(2027, 9, 30), date(2027, 10, 4));
        for (received, fits) in [
            (date(2027, 5, 31), false),
            (opens, true),
            (closes, true),
            (date(2027, 10, 1), false),
            (date(2027, 10, 5), false),
        ] {
            assert_eq!(check_received(received, opens, closes, today).is_ok(), fits, "{received}");
        }
    }
}
