//! Reference data in the database: the academies and the regulation and framework packs, loaded from what is embedded.
//! A pack's text is kept whole with its hash: a session recomputes its decisions from it years later.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use diesel::prelude::*;
use serde_json::json;

use super::schema::{academies, pack_validations, packs};
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::academy::Academy;
use crate::domain::audit::sha256_hex;
use crate::domain::framework::Framework;
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::domain::regulation::{PackValue, RegulationPack};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = academies)]
pub struct AcademyRow {
    pub code: String,
    pub name: String,
    pub region: String,
    pub region_code: String,
    pub departments: String,
    pub time_zone: String,
    pub city: String,
    pub court: String,
    pub service: String,
    pub phone: String,
    pub email: String,
    pub signatory_name: String,
    pub signatory_title: String,
    pub delegation: Option<String>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = packs)]
pub struct PackRow {
    pub id: String,
    pub kind: String,
    pub version: String,
    pub title: String,
    pub source: String,
    pub sha256: String,
    pub loaded_at: Stamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = pack_validations)]
pub struct ValidationRow {
    pub id: String,
    pub pack_id: String,
    pub path: String,
    pub validated_by: String,
    pub validated_by_name: String,
    pub validated_at: Stamp,
    pub note: String,
}

/// Loads the academies and the embedded packs; what an administrator has changed in an academy stays.
/// A pack already loaded under the same id keeps its text: a corrected pack comes under a new id.
///
/// # Errors
/// The database's own, or an embedded pack that does not read.
pub fn load(tx: &mut Tx<'_>) -> Stored<usize> {
    let known: Vec<String> = academies::table.select(academies::code).load(tx.conn)?;
    let mut added = 0;
    for academy in Academy::all().iter().filter(|academy| !known.contains(&academy.code)) {
        diesel::insert_into(academies::table).values(&default_academy(academy)).execute(tx.conn)?;
        added += 1;
    }
    let framework = Framework::embedded().map_err(|e| StoreError::Broken(e.to_string()))?;
    let mut embedded =
        vec![(framework.id, "framework", framework.version.to_string(), framework.title, Framework::embedded_text())];
    for text in RegulationPack::embedded_texts() {
        let pack = RegulationPack::parse(text).map_err(|e| StoreError::Broken(e.to_string()))?;
        embedded.push((pack.id, "regulation", pack.version.to_string(), pack.title, *text));
    }
    for (id, kind, version, title, source) in embedded {
        if packs::table.find(&id).select(packs::id).first::<String>(tx.conn).optional()?.is_some() {
            continue;
        }
        keep_pack(tx, &id, kind, version, title, source)?;
        added += 1;
    }
    Ok(added)
}

/// Keeps the text of a pack with its hash, once and for all.
pub(super) fn keep_pack(
    tx: &mut Tx<'_>,
    id: &str,
    kind: &str,
    version: String,
    title: String,
    source: &str,
) -> Stored<()> {
    let row = PackRow {
        id: id.to_owned(),
        kind: kind.to_owned(),
        version,
        title,
        source: source.to_owned(),
        sha256: sha256_hex(source.as_bytes()),
        loaded_at: tx.stamp(),
    };
    diesel::insert_into(packs::table).values(&row).execute(tx.conn)?;
    tx.audit("load_pack", ("pack", id), None, None, &json!({ "sha256": row.sha256 }))
}

/// What an academy starts with, until its administrator says better.
fn default_academy(academy: &Academy) -> AcademyRow {
    AcademyRow {
        code: academy.code.clone(),
        name: academy.name.clone(),
        region: academy.region.clone(),
        region_code: academy.region_code.clone(),
        departments: academy.departments.join(" "),
        time_zone: academy.time_zone.clone(),
        city: academy.name.clone(),
        court: academy.court().map(|court| court.name.clone()).unwrap_or_default(),
        service: "Division des examens et concours (DEC)".to_owned(),
        phone: String::new(),
        email: String::new(),
        signatory_name: String::new(),
        signatory_title: "Le recteur ou la rectrice de région académique, chancelier ou chancelière des universités"
            .to_owned(),
        delegation: None,
    }
}

/// # Errors
/// [`StoreError::NotFound`].
pub fn get_academy(conn: &mut Conn, code: &str) -> Stored<AcademyRow> {
    Ok(academies::table.find(code).select(AcademyRow::as_select()).first(conn)?)
}

/// # Errors
/// The database's own.
pub fn list_academies(conn: &mut Conn) -> Stored<Vec<AcademyRow>> {
    Ok(academies::table.order(academies::name).select(AcademyRow::as_select()).load(conn)?)
}

/// The service, signatory and contact of an academy, as printed on its documents.
#[derive(Debug, Clone)]
pub struct AcademyContact {
    pub city: String,
    pub service: String,
    pub phone: String,
    pub email: String,
    pub signatory_name: String,
    pub signatory_title: String,
    pub delegation: Option<String>,
}

/// Changes what the academy prints on its documents; those already made keep what they said.
///
/// # Errors
/// [`StoreError::NotFound`] for another academy's.
pub fn describe_academy(tx: &mut Tx<'_>, code: &str, contact: &AcademyContact) -> Stored<()> {
    if !may(tx.actor, Action::ManageUsers, Object::academy(code)) {
        return Err(StoreError::NotFound);
    }
    get_academy(tx.conn, code)?;
    diesel::update(academies::table.find(code))
        .set((
            academies::city.eq(&contact.city),
            academies::service.eq(&contact.service),
            academies::phone.eq(&contact.phone),
            academies::email.eq(&contact.email),
            academies::signatory_name.eq(&contact.signatory_name),
            academies::signatory_title.eq(&contact.signatory_title),
            academies::delegation.eq(&contact.delegation),
        ))
        .execute(tx.conn)?;
    tx.audit("describe_academy", ("academy", code), None, None, &json!({ "service": contact.service }))
}

/// The regulation of this id, with the values that administrators have validated marked so.
///
/// # Errors
/// [`StoreError::NotFound`], or [`StoreError::Broken`] when the stored text no longer matches its hash.
pub fn get_regulation(conn: &mut Conn, id: &str) -> Stored<RegulationPack> {
    let row = get_pack(conn, id, "regulation")?;
    let mut pack = RegulationPack::parse(&row.source).map_err(|e| StoreError::Broken(e.to_string()))?;
    let validated: Vec<String> =
        pack_validations::table.filter(pack_validations::pack_id.eq(id)).select(pack_validations::path).load(conn)?;
    pack.apply_validations(&validated);
    Ok(pack)
}

/// The rules of a pack for computing, without the tags of the administration page: parsed once per text.
///
/// # Errors
/// [`StoreError::NotFound`], or [`StoreError::Broken`] when the stored text no longer matches its hash.
pub fn rules_of(conn: &mut Conn, id: &str) -> Stored<Arc<RegulationPack>> {
    // Keyed by content, so that a cached pack is right for any database that holds the same text.
    static PARSED: LazyLock<Mutex<HashMap<String, Arc<RegulationPack>>>> = LazyLock::new(Mutex::default);
    let sha256: String = packs::table.find(id).select(packs::sha256).first(conn)?;
    let parsed = || PARSED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(pack) = parsed().get(&sha256) {
        return Ok(Arc::clone(pack));
    }
    let row = get_pack(conn, id, "regulation")?;
    let pack = Arc::new(RegulationPack::parse(&row.source).map_err(|e| StoreError::Broken(e.to_string()))?);
    parsed().insert(sha256, Arc::clone(&pack));
    Ok(pack)
}

/// # Errors
/// [`StoreError::NotFound`], or [`StoreError::Broken`] when the stored text no longer matches its hash.
pub fn get_framework(conn: &mut Conn, id: &str) -> Stored<Framework> {
    let row = get_pack(conn, id, "framework")?;
    // What is shipped is TOML; what the office imports is kept as JSON.
    let read = if row.source.starts_with('{') { Framework::parse_json } else { Framework::parse };
    read(&row.source).map_err(|e| StoreError::Broken(e.to_string()))
}

pub(super) fn get_pack(conn: &mut Conn, id: &str, kind: &str) -> Stored<PackRow> {
    let row: PackRow = packs::table.find(id).filter(packs::kind.eq(kind)).select(PackRow::as_select()).first(conn)?;
    if sha256_hex(row.source.as_bytes()) != row.sha256 {
        return Err(StoreError::Broken(format!("le texte du paquet {id} ne correspond plus à son empreinte")));
    }
    Ok(row)
}

/// Id of the regulation in force for a session of this year: the latest whose entry into force precedes it, and of those the latest version.
///
/// # Errors
/// [`StoreError::NotFound`] when no pack applies.
pub fn regulation_for_year(conn: &mut Conn, year: i16) -> Stored<String> {
    let rows: Vec<PackRow> =
        packs::table.filter(packs::kind.eq("regulation")).select(PackRow::as_select()).load(conn)?;
    let mut best: Option<(jiff::civil::Date, u32, String)> = None;
    for row in rows {
        let pack = RegulationPack::parse(&row.source).map_err(|e| StoreError::Broken(e.to_string()))?;
        let from = pack.in_force_from.value;
        if from.year() <= year
            && best.as_ref().is_none_or(|(known, version, _)| (*known, *version) < (from, pack.version))
        {
            best = Some((from, pack.version, row.id));
        }
    }
    best.map(|(_, _, id)| id).ok_or(StoreError::NotFound)
}

/// Regulation packs, latest first: (id, title, loaded at).
///
/// # Errors
/// The database's own.
pub fn list_regulations(conn: &mut Conn) -> Stored<Vec<PackRow>> {
    let mut rows: Vec<PackRow> = packs::table
        .filter(packs::kind.eq("regulation"))
        .order((packs::loaded_at.desc(), packs::id.desc()))
        .select(PackRow::as_select())
        .load(conn)?;
    // Packs shipped together are loaded at one instant: their version tells them apart.
    rows.sort_by_key(|row| std::cmp::Reverse((row.loaded_at, row.version.parse::<u32>().unwrap_or(0))));
    Ok(rows)
}

/// A legal value and who validated it, if anyone.
#[derive(Debug, Clone)]
pub struct ShownValue {
    pub value: PackValue,
    pub validation: Option<ValidationRow>,
}

/// Every legal value of a pack with its validation.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn list_values(conn: &mut Conn, pack_id: &str) -> Stored<Vec<ShownValue>> {
    let pack = get_regulation(conn, pack_id)?;
    let mut validations: Vec<ValidationRow> = pack_validations::table
        .filter(pack_validations::pack_id.eq(pack_id))
        .select(ValidationRow::as_select())
        .load(conn)?;
    Ok(pack
        .values()
        .into_iter()
        .map(|value| {
            let at = validations.iter().position(|row| row.path == value.path);
            let validation = at.map(|at| validations.swap_remove(at));
            ShownValue { value, validation }
        })
        .collect())
}

/// Records that an administrator of the platform has checked a value against its text.
///
/// # Errors
/// A refusal when the value is unknown, already established or already validated, or when no note says how it was checked.
pub fn validate_value(tx: &mut Tx<'_>, pack_id: &str, path: &str, note: &str) -> Stored<()> {
    if !may(tx.actor, Action::ManageReference, Object::house()) {
        return Err(StoreError::NotFound);
    }
    let shown = list_values(tx.conn, pack_id)?
        .into_iter()
        .find(|shown| shown.value.path == path)
        .ok_or(StoreError::NotFound)?;
    if shown.validation.is_some() || shown.value.status == crate::domain::regulation::Status::Confirmed {
        return Err(
            Refusal::new("value_settled", "Cette valeur est déjà établie ou validée : il n’y a rien à faire.").into()
        );
    }
    if note.trim().is_empty() {
        return Err(Refusal::new(
            "note_missing",
            "Dites en une phrase d’où vient la confirmation (texte, service, date) : elle restera à côté de la valeur.",
        )
        .into());
    }
    let row = ValidationRow {
        id: new_id(tx.at),
        pack_id: pack_id.to_owned(),
        path: path.to_owned(),
        validated_by: tx.actor.user_id.clone(),
        validated_by_name: tx.actor.name.clone(),
        validated_at: tx.stamp(),
        note: note.trim().to_owned(),
    };
    diesel::insert_into(pack_validations::table).values(&row).execute(tx.conn)?;
    tx.audit("validate_value", ("pack", pack_id), None, None, &json!({ "path": path, "note": row.note }))
}
