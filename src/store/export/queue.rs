//! Files of the office's queue as a spreadsheet, and the list as it is published: the words that the screens use.

use std::collections::HashMap;

use super::super::examination::list::list_candidates;
use super::super::examination::queue::{QueueLine, list_named};
use super::super::{Conn, Stored};
use super::{After, PAGE, Page, Planned};

pub(super) const HEADER: &[&str] = &[
    "numero_candidat",
    "candidat",
    "corps",
    "statut",
    "etablissement",
    "departement",
    "recevabilite",
    "etat",
    "decide",
    "pieces_manquantes",
    "reponse_attendue",
    "messages_a_lire",
    "confie_a",
];

pub(super) fn lines(conn: &mut Conn, planned: &Planned, after: &mut After) -> Stored<Page> {
    let Some(session) = &planned.session else { return Ok(Page::new()) };
    let from = usize::try_from(after.number).unwrap_or(0);
    let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let ids: Vec<String> = planned.files.iter().skip(from).take(most).cloned().collect();
    after.number = i32::try_from(from + ids.len()).unwrap_or(i32::MAX);
    let mut read: HashMap<String, QueueLine> = list_named(conn, &session.id, &ids)?
        .into_iter()
        .map(|line| (line.file.registration.id.clone(), line))
        .collect();
    // In the order of the queue, whatever the order they were read in.
    Ok(ids.iter().filter_map(|id| read.remove(id)).map(cells).collect())
}

fn cells(line: QueueLine) -> Vec<String> {
    let file = line.file.registration;
    vec![
        file.number,
        line.file.person.shown_name(),
        file.corps,
        file.status,
        file.school_name,
        file.department,
        file.eligibility,
        file.state,
        if line.is_decided { "O" } else { "N" }.to_owned(),
        line.file.missing_pieces.to_string(),
        line.waits_until.map(|day| day.to_string()).unwrap_or_default(),
        line.unread.to_string(),
        line.care.unwrap_or_default(),
    ]
}

/// Whole at once: a list is some hundreds of names, and its homonyms are told apart by looking at all of them.
pub(super) fn listed(conn: &mut Conn, planned: &Planned, after: &mut After) -> Stored<Page> {
    let Some(session) = planned.session.as_ref().filter(|_| after.number == 0) else { return Ok(Page::new()) };
    after.number = 1;
    Ok(list_candidates(conn, session)?.into_iter().map(super::super::examination::list::Listed::cells).collect())
}
