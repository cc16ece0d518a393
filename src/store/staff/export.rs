//! The staff as it leaves in a spreadsheet, one line per posting of today, in columns that an import of staff reads
//! back without change. No NUMEN, no mark, no reason: what is confidential does not leave this way.

use diesel::prelude::*;
use jiff::civil::Date;

use super::{StaffRecordRow, current_postings};
use crate::store::holder::qualifications_of;
use crate::store::people::PersonRow;
use crate::store::schema::{people, staff_records};
use crate::store::{Conn, Stored};

/// Header of the staff export, in order; `qualification` is told and not read back.
pub const EXPORT_COLUMNS: &[&str] = &[
    "civilite",
    "nom_naissance",
    "nom_usage",
    "prenom",
    "date_naissance",
    "lieu_naissance",
    "courriel",
    "telephone",
    "categorie",
    "corps",
    "statut",
    "date_contrat",
    "niveau_affectation",
    "lieu_affectation",
    "uai",
    "departement",
    "quotite",
    "debut_affectation",
    "fin_affectation",
    "certificat_demande",
    "certificat_avant",
    "qualification",
];

/// The lines of up to `limit` people from `offset` on, in alphabetical order; empty at the end.
pub(in crate::store) fn export_lines(
    conn: &mut Conn,
    academy: &str,
    (offset, limit): (i64, i64),
    today: Date,
) -> Stored<Vec<Vec<String>>> {
    let rows: Vec<(PersonRow, Option<StaffRecordRow>)> = people::table
        .left_join(staff_records::table)
        .filter(people::academy_code.eq(academy))
        .order((people::sort_key, people::id))
        .limit(limit)
        .offset(offset)
        .select((PersonRow::as_select(), Option::<StaffRecordRow>::as_select()))
        .load(conn)?;
    let ids: Vec<&str> = rows.iter().map(|(person, _)| person.id.as_str()).collect();
    let mut posted = current_postings(conn, &ids, today)?;
    let held = qualifications_of(conn, &ids)?;
    let mut lines = Vec::with_capacity(rows.len());
    for (person, record) in &rows {
        let told = |value: fn(&StaffRecordRow) -> String| record.as_ref().map(value).unwrap_or_default();
        let identity = [
            person.civility.clone(),
            person.birth_name.clone(),
            person.usage_name.clone().unwrap_or_default(),
            person.first_names.clone(),
            person.birth_date.0.to_string(),
            person.birth_place.clone().unwrap_or_default(),
            person.email.clone(),
            person.phone.clone().unwrap_or_default(),
            told(|row| row.category.clone().unwrap_or_default()),
            told(|row| row.corps.clone()),
            told(|row| row.status.clone()),
            told(|row| row.contract_date.map(|day| day.0.to_string()).unwrap_or_default()),
        ];
        let qualification = held.get(&person.id).map(|own| own.shown()).unwrap_or_default();
        let postings = posted.remove(&person.id).unwrap_or_default();
        if postings.is_empty() {
            let nowhere = std::iter::repeat_n(String::new(), 9);
            lines.push(identity.iter().cloned().chain(nowhere).chain([qualification]).collect());
            continue;
        }
        for row in postings {
            let posting = [
                row.level.as_str().to_owned(),
                row.place,
                row.uai.unwrap_or_default(),
                row.department.unwrap_or_default(),
                row.quota.to_string(),
                row.starts_on.0.to_string(),
                row.ends_on.map(|day| day.0.to_string()).unwrap_or_default(),
                if row.requires_certificate { "oui" } else { "non" }.to_owned(),
                row.certificate_by.map(|day| day.0.to_string()).unwrap_or_default(),
            ];
            lines.push(identity.iter().cloned().chain(posting).chain([qualification.clone()]).collect());
        }
    }
    Ok(lines)
}
