//! The versions of the framework: imported whole, never changed, each tied to the one before by its mapping.
//! What was recorded under a version stays under it; [`Lineage`] shows it in another version, through the mappings.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use serde_json::json;

use super::reference::{PackRow, get_framework, get_pack, keep_pack};
use super::schema::{framework_drafts as drafts, framework_mappings as mappings, packs};
use super::{Conn, Stamp, StoreError, Stored, Tx, new_id};
use crate::domain::audit::sha256_hex;
use crate::domain::framework::Framework;
use crate::domain::framework::mapping::{Fate, Mapping};
use crate::domain::permission::{Action, Object, may};
use crate::domain::refusal::Refusal;
use crate::each_backend;

/// A version in a list: id, title, and the version number it gives itself.
#[derive(Debug, Clone, Queryable)]
pub struct FrameworkVersion {
    pub id: String,
    pub title: String,
    pub version: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = drafts)]
struct DraftRow {
    id: String,
    file_name: String,
    source: String,
    made_by: String,
    made_at: Stamp,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = mappings)]
struct MappingRow {
    id: String,
    from_framework: String,
    from_code: String,
    to_framework: String,
    to_code: Option<String>,
    reason: Option<String>,
    recorded_by: String,
    recorded_at: Stamp,
}

/// A version that was read and waits for its mapping.
#[derive(Debug, Clone)]
pub struct Draft {
    pub file_name: String,
    pub framework: Framework,
    /// The latest version, whose items are to be answered for.
    pub previous: Option<Framework>,
}

// ---------------------------------------------------------------- commands

/// Keeps a version that was read without fault, until its mapping is given.
///
/// # Errors
/// Not found for whoever does not administer the platform; refused when its id is taken.
pub fn draft_framework(tx: &mut Tx<'_>, framework: &Framework, file_name: &str) -> Stored<String> {
    administers(tx)?;
    free_id(tx.conn, &framework.id)?;
    let row = DraftRow {
        id: new_id(tx.at),
        file_name: file_name.to_owned(),
        source: text_of(framework)?,
        made_by: tx.actor.user_id.clone(),
        made_at: tx.stamp(),
    };
    diesel::insert_into(drafts::table).values(&row).execute(tx.conn)?;
    Ok(row.id)
}

/// Puts a draft aside; nothing was published of it.
///
/// # Errors
/// Not found for whoever does not administer the platform.
pub fn drop_draft(tx: &mut Tx<'_>, id: &str) -> Stored<()> {
    administers(tx)?;
    diesel::delete(drafts::table.find(id)).execute(tx.conn)?;
    Ok(())
}

/// Publishes a draft with its mapping; the same form sent twice publishes once.
///
/// # Errors
/// Those of [`import_framework`].
pub fn publish_draft(tx: &mut Tx<'_>, id: &str, mapping: &Mapping) -> Stored<String> {
    administers(tx)?;
    let draft = get_draft(tx.conn, id)?;
    import_framework(tx, &draft.framework, mapping)?;
    drop_draft(tx, id)?;
    Ok(draft.framework.id)
}

/// Adds a version beside the others, with what every item of the latest becomes in it.
///
/// # Errors
/// Not found for whoever does not administer the platform; refused when its id is taken by another text or when
/// an old item is not answered for. The first fault is said, with the number of the others.
pub fn import_framework(tx: &mut Tx<'_>, framework: &Framework, mapping: &Mapping) -> Stored<()> {
    administers(tx)?;
    let source = text_of(framework)?;
    if get_pack(tx.conn, &framework.id, "framework").is_ok_and(|known| known.sha256 == sha256_hex(source.as_bytes())) {
        return Ok(());
    }
    free_id(tx.conn, &framework.id)?;
    let previous = latest(tx.conn)?;
    if let Some(previous) = &previous {
        let faults = mapping.faults(previous, framework);
        if let Some(first) = faults.first() {
            let others = match faults.len() - 1 {
                0 => String::new(),
                1 => " Une autre correspondance est à compléter.".to_owned(),
                more => format!(" {more}\u{a0}autres correspondances sont à compléter."),
            };
            return Err(Refusal::new("mapping_incomplete", format!("{}{others}", first.sentence)).into());
        }
    }
    keep_pack(tx, &framework.id, "framework", framework.version.to_string(), framework.title.clone(), &source)?;
    if let Some(previous) = previous {
        record_mapping(tx, &previous.id, &framework.id, mapping)?;
    }
    let detail = json!({ "version": framework.version, "items": framework.items().count() });
    tx.audit("import_framework", ("pack", &framework.id), None, None, &detail)
}

fn record_mapping(tx: &mut Tx<'_>, from: &str, to: &str, mapping: &Mapping) -> Stored<()> {
    let mut rows = Vec::new();
    for (code, fate) in mapping.iter() {
        let answers: Vec<(Option<String>, Option<String>)> = match fate {
            Fate::Became(codes) => codes.iter().map(|code| (Some(code.clone()), None)).collect(),
            Fate::Dropped(reason) => vec![(None, Some(reason.trim().to_owned()))],
        };
        rows.extend(answers.into_iter().map(|(to_code, reason)| MappingRow {
            id: new_id(tx.at),
            from_framework: from.to_owned(),
            from_code: code.to_owned(),
            to_framework: to.to_owned(),
            to_code,
            reason,
            recorded_by: tx.actor.name.clone(),
            recorded_at: tx.stamp(),
        }));
    }
    for chunk in rows.chunks(200) {
        let chunk = chunk.to_vec();
        each_backend!(&mut *tx.conn, c => diesel::insert_into(mappings::table).values(&chunk).execute(c))?;
    }
    Ok(())
}

fn administers(tx: &Tx<'_>) -> Stored<()> {
    if may(tx.actor, Action::ManageReference, Object::house()) { Ok(()) } else { Err(StoreError::NotFound) }
}

fn free_id(conn: &mut Conn, id: &str) -> Stored<()> {
    let known: Option<String> = packs::table.find(id).select(packs::id).first(conn).optional()?;
    match known {
        None => Ok(()),
        Some(_) => Err(Refusal::new(
            "framework_known",
            format!("Un référentiel ou un règlement porte déjà l’identifiant «\u{a0}{id}\u{a0}»\u{a0}: une version chargée ne change jamais, choisissez un autre identifiant."),
        )
        .into()),
    }
}

fn text_of(framework: &Framework) -> Stored<String> {
    serde_json::to_string(framework).map_err(|e| StoreError::Broken(e.to_string()))
}

// ---------------------------------------------------------------- queries

/// Every version, the latest loaded first.
///
/// # Errors
/// The database's own.
pub fn list_frameworks(conn: &mut Conn) -> Stored<Vec<FrameworkVersion>> {
    Ok(packs::table
        .filter(packs::kind.eq("framework"))
        .order((packs::loaded_at.desc(), packs::id.desc()))
        .select((packs::id, packs::title, packs::version))
        .load(conn)?)
}

/// The version loaded last; `None` in a house without any.
///
/// # Errors
/// The database's own.
pub fn latest(conn: &mut Conn) -> Stored<Option<Framework>> {
    let row: Option<PackRow> = packs::table
        .filter(packs::kind.eq("framework"))
        .order((packs::loaded_at.desc(), packs::id.desc()))
        .select(PackRow::as_select())
        .first(conn)
        .optional()?;
    row.map(|row| get_framework(conn, &row.id)).transpose()
}

/// # Errors
/// [`StoreError::NotFound`].
pub fn get_draft(conn: &mut Conn, id: &str) -> Stored<Draft> {
    let row: DraftRow = drafts::table.find(id).select(DraftRow::as_select()).first(conn)?;
    let framework = Framework::parse_json(&row.source).map_err(|e| StoreError::Broken(e.to_string()))?;
    Ok(Draft { file_name: row.file_name, framework, previous: latest(conn)? })
}

/// The mapping recorded from one version to the next; `None` when the two do not follow each other.
///
/// # Errors
/// The database's own.
pub fn find_mapping(conn: &mut Conn, from: &str, to: &str) -> Stored<Option<Mapping>> {
    let rows: Vec<MappingRow> = mappings::table
        .filter(mappings::from_framework.eq(from))
        .filter(mappings::to_framework.eq(to))
        .order((mappings::from_code, mappings::to_code))
        .select(MappingRow::as_select())
        .load(conn)?;
    Ok((!rows.is_empty()).then(|| read(rows)))
}

fn read(rows: Vec<MappingRow>) -> Mapping {
    let mut answers: BTreeMap<String, Fate> = BTreeMap::new();
    for row in rows {
        match (row.to_code, answers.get_mut(&row.from_code)) {
            (Some(code), Some(Fate::Became(codes))) => codes.push(code),
            (Some(code), _) => {
                answers.insert(row.from_code, Fate::Became(vec![code]));
            }
            (None, _) => {
                answers.insert(row.from_code, Fate::Dropped(row.reason.unwrap_or_default()));
            }
        }
    }
    let mut mapping = Mapping::default();
    for (code, fate) in answers {
        mapping.set(&code, fate);
    }
    mapping
}

/// How every earlier version reads in one version: its own codes as they are, older ones through the mappings.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    pub target: String,
    steps: HashMap<String, Mapping>,
}

impl Lineage {
    /// Codes of the target version that an item of a version became; none when it was dropped on the way.
    #[must_use]
    pub fn shown<'a>(&'a self, framework_id: &str, code: &'a str) -> Vec<&'a str> {
        if framework_id == self.target {
            return vec![code];
        }
        let through = self.steps.get(framework_id).map(|step| step.through(code)).unwrap_or_default();
        through.iter().map(String::as_str).collect()
    }

    /// What became of an item of an earlier version.
    #[must_use]
    pub fn fate(&self, framework_id: &str, code: &str) -> Option<&Fate> {
        self.steps.get(framework_id)?.fate(code)
    }

    /// Items of earlier versions that are read as this one: (version, code).
    #[must_use]
    pub fn ancestors(&self, code: &str) -> Vec<(&str, &str)> {
        let mut found: Vec<(&str, &str)> = self
            .steps
            .iter()
            .flat_map(|(version, step)| step.iter().map(move |(old, fate)| (version.as_str(), old, fate)))
            .filter(|(_, _, fate)| matches!(fate, Fate::Became(codes) if codes.iter().any(|own| own == code)))
            .map(|(version, old, _)| (version, old))
            .collect();
        found.sort_unstable();
        found
    }
}

/// The lineage of a version: one query, whatever the number of versions.
///
/// # Errors
/// The database's own.
pub fn lineage(conn: &mut Conn, target: &str) -> Stored<Lineage> {
    let rows: Vec<MappingRow> = mappings::table
        .order((mappings::recorded_at.desc(), mappings::from_code, mappings::to_code))
        .select(MappingRow::as_select())
        .load(conn)?;
    // Version before, with the rows that lead from it to the next.
    let mut into: BTreeMap<String, BTreeMap<String, Vec<MappingRow>>> = BTreeMap::new();
    for row in rows {
        let from = into.entry(row.to_framework.clone()).or_default();
        from.entry(row.from_framework.clone()).or_default().push(row);
    }
    let mut steps: HashMap<String, Mapping> = HashMap::new();
    let mut reached = vec![(target.to_owned(), None::<Mapping>)];
    while let Some((version, onward)) = reached.pop() {
        for (from, rows) in into.remove(&version).unwrap_or_default() {
            let own = read(rows);
            let whole = onward.as_ref().map_or_else(|| own.clone(), |next| own.then(next));
            reached.push((from.clone(), Some(whole.clone())));
            steps.insert(from, whole);
        }
    }
    Ok(Lineage { target: target.to_owned(), steps })
}
