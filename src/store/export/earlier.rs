//! What an academy holds from before this program, as its own imports read it: certificates, and marks that may be kept.

use diesel::prelude::*;

use super::{After, PAGE, Page, who};
use crate::domain::ids::Mark;
use crate::store::holder::{EarlierCertificateRow, EarlierMarkRow};
use crate::store::people::PersonRow;
use crate::store::schema::{earlier_certificates as c, earlier_marks as m, people};
use crate::store::{Conn, Stored};

/// The answer of the office comes last: an import passes over it.
pub(super) const CERTIFICATE_TITLES: [&str; 11] = [
    "civilite",
    "nom_naissance",
    "nom_usage",
    "prenom",
    "date_naissance",
    "courriel",
    "session",
    "justificatif",
    "numero",
    "delivre_le",
    "verification",
];

pub(super) const MARK_TITLES: [&str; 11] = [
    "civilite",
    "nom_naissance",
    "nom_usage",
    "prenom",
    "date_naissance",
    "courriel",
    "session_origine",
    "justificatif",
    "epreuve",
    "note",
    "verification",
];

pub(super) fn certificates(conn: &mut Conn, academy: &str, after: &mut After) -> Stored<Page> {
    let rows: Vec<(PersonRow, EarlierCertificateRow)> = c::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(c::id.gt(after.id.clone()))
        .order(c::id)
        .limit(PAGE)
        .select((PersonRow::as_select(), EarlierCertificateRow::as_select()))
        .load(conn)?;
    after.id = rows.last().map_or_else(|| after.id.clone(), |(_, row)| row.id.clone());
    Ok(rows
        .into_iter()
        .map(|(person, row)| {
            let mut cells = who(person);
            cells.extend([
                row.year.to_string(),
                row.evidence,
                row.number.unwrap_or_default(),
                row.issued_on.map(|day| day.0.to_string()).unwrap_or_default(),
                row.state.label().to_owned(),
            ]);
            cells
        })
        .collect())
}

pub(super) fn marks(conn: &mut Conn, academy: &str, after: &mut After) -> Stored<Page> {
    let rows: Vec<(PersonRow, EarlierMarkRow)> = m::table
        .inner_join(people::table)
        .filter(people::academy_code.eq(academy))
        .filter(m::id.gt(after.id.clone()))
        .order(m::id)
        .limit(PAGE)
        .select((PersonRow::as_select(), EarlierMarkRow::as_select()))
        .load(conn)?;
    after.id = rows.last().map_or_else(|| after.id.clone(), |(_, row)| row.id.clone());
    Ok(rows
        .into_iter()
        .map(|(person, row)| {
            let mut cells = who(person);
            cells.extend([
                row.year.to_string(),
                row.evidence,
                row.epreuve.to_string(),
                Mark::from_hundredths(row.mark).shown(),
                row.state.label().to_owned(),
            ]);
            cells
        })
        .collect())
}
