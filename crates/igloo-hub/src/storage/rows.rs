//! What is in the database's tables, and the statements that read and write it. Each function is a part of a job.

use std::collections::BTreeSet;

use igloo_model::{DeviceDescription, DeviceId, InstanceId, Value};
use igloo_protocol::{Grants, RunAs};
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::info::GroupId;

/// SQLite's integers are signed; ids never come near 2⁶³.
fn integer(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn id(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|id| u64::try_from(id).unwrap_or(0))
}

/// A package.
#[derive(Clone, Debug)]
pub(crate) struct PackageRow {
    pub(crate) id: String,
    pub(crate) manifest: String,
    pub(crate) component_sha256: Option<String>,
    pub(crate) executable_sha256: Option<String>,
    pub(crate) files_sha256: Option<String>,
    pub(crate) size: u64,
}

/// An instance, as its owner has it.
#[derive(Clone, Debug)]
pub(crate) struct InstanceRow {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) wanted: bool,
    pub(crate) config: Json,
    pub(crate) grants: Grants,
    /// The owner's choice, if there is one.
    pub(crate) run_as: Option<RunAs>,
}

/// A device that was described at some time.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRow {
    pub(crate) id: DeviceId,
    pub(crate) instance: InstanceId,
    pub(crate) key: String,
    pub(crate) missing: bool,
    /// A [`DeviceDescription`] as JSON.
    pub(crate) description: String,
}

/// A component's last value.
#[derive(Clone, Debug)]
pub(crate) struct ValueRow {
    pub(crate) device: DeviceId,
    pub(crate) entity: String,
    pub(crate) kind: String,
    pub(crate) value: Value,
    pub(crate) updated: i64,
    pub(crate) time: Option<i64>,
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    pub(crate) devices: BTreeSet<DeviceId>,
}

/// A root certificate of the owner's, in DER.
#[derive(Clone, Debug)]
pub(crate) struct RootRow {
    pub(crate) name: String,
    pub(crate) certificate: Vec<u8>,
}

/// Everything that a hub begins with.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) packages: Vec<PackageRow>,
    pub(crate) instances: Vec<InstanceRow>,
    pub(crate) devices: Vec<(DeviceRow, DeviceDescription)>,
    pub(crate) values: Vec<ValueRow>,
    pub(crate) groups: Vec<GroupRow>,
    pub(crate) roots: Vec<RootRow>,
}

/// JSON that this hub cannot read is left where it is, and said: one bad row must not keep the home dark.
fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Option<T> {
    serde_json::from_str(text).inspect_err(|error| tracing::error!("{what} in the database is skipped: {error}")).ok()
}

/// Reads everything.
pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut statement = connection.prepare(
        "SELECT id, manifest, NULLIF(component_sha256, ''), executable_sha256, files_sha256, size FROM packages",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(PackageRow {
            id: row.get(0)?,
            manifest: row.get(1)?,
            component_sha256: row.get(2)?,
            executable_sha256: row.get(3)?,
            files_sha256: row.get(4)?,
            size: id(row, 5)?,
        })
    })?;
    loaded.packages = rows.collect::<rusqlite::Result<_>>()?;

    let mut statement =
        connection.prepare("SELECT id, name, package, wanted, config, grants, run_as FROM instances")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (config, grants): (String, String) = (row.get(4)?, row.get(5)?);
        let (Some(config), Some(grants)) =
            (parse("an instance's configuration", &config), parse("an instance's grants", &grants))
        else {
            continue;
        };
        let (name, package, wanted) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let run_as = row.get::<_, Option<String>>(6)?.and_then(|text| {
            text.parse().inspect_err(|error| tracing::error!("an instance runs as its package says: {error}")).ok()
        });
        loaded.instances.push(InstanceRow {
            id: InstanceId(id(row, 0)?),
            name,
            package,
            wanted,
            config,
            grants,
            run_as,
        });
    }

    let mut statement =
        connection.prepare("SELECT id, instance, key, missing, description FROM devices ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let device = DeviceRow {
            id: DeviceId(id(row, 0)?),
            instance: InstanceId(id(row, 1)?),
            key: row.get(2)?,
            missing: row.get(3)?,
            description: row.get(4)?,
        };
        if let Some(description) = parse("a device", &device.description) {
            loaded.devices.push((device, description));
        }
    }

    let mut statement =
        connection.prepare("SELECT device, entity, kind, value, updated, time FROM component_values")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let value: String = row.get(3)?;
        let Some(value) = parse("a value", &value) else { continue };
        loaded.values.push(ValueRow {
            device: DeviceId(id(row, 0)?),
            entity: row.get(1)?,
            kind: row.get(2)?,
            value,
            updated: row.get(4)?,
            time: row.get(5)?,
        });
    }

    let mut statement = connection.prepare("SELECT id, name FROM groups ORDER BY id")?;
    let rows = statement
        .query_map([], |row| Ok(GroupRow { id: GroupId(id(row, 0)?), name: row.get(1)?, devices: BTreeSet::new() }))?;
    loaded.groups = rows.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare("SELECT device FROM group_devices WHERE \"group\" = ?1")?;
    for group in &mut loaded.groups {
        let devices = statement.query_map([integer(group.id.0)], |row| id(row, 0).map(DeviceId))?;
        group.devices = devices.collect::<rusqlite::Result<_>>()?;
    }

    let mut statement = connection.prepare("SELECT name, certificate FROM roots")?;
    let rows = statement.query_map([], |row| Ok(RootRow { name: row.get(0)?, certificate: row.get(1)? }))?;
    loaded.roots = rows.collect::<rusqlite::Result<_>>()?;
    Ok(loaded)
}

/// A number of the hub's own; 0 if it was never set.
pub(crate) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<u64> {
    let found = connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| id(row, 0)).optional()?;
    Ok(found.unwrap_or(0))
}

/// Sets a number of the hub's own.
pub(crate) fn set_meta(connection: &Connection, key: &str, value: u64) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![key, integer(value)]).map(drop)
}

/// Adds a package.
pub(crate) fn add_package(connection: &Connection, package: &PackageRow) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO packages (id, manifest, component_sha256, executable_sha256, files_sha256, size)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                package.id,
                package.manifest,
                package.component_sha256.as_deref().unwrap_or_default(),
                package.executable_sha256,
                package.files_sha256,
                integer(package.size)
            ],
        )
        .map(drop)
}

/// Removes a package. An error if an instance uses it.
pub(crate) fn remove_package(connection: &Connection, package: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM packages WHERE id = ?1", [package]).map(drop)
}

/// Adds an instance; its id is never one that another had.
pub(crate) fn add_instance(connection: &Connection, instance: &InstanceRow) -> rusqlite::Result<InstanceId> {
    connection.execute(
        "INSERT INTO instances (name, package, wanted, config, grants, run_as) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            instance.name,
            instance.package,
            instance.wanted,
            instance.config.to_string(),
            grants_text(instance),
            instance.run_as.map(RunAs::name)
        ],
    )?;
    Ok(InstanceId(u64::try_from(connection.last_insert_rowid()).unwrap_or(0)))
}

/// Changes an instance.
pub(crate) fn update_instance(connection: &Connection, instance: &InstanceRow) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE instances SET name = ?2, package = ?3, wanted = ?4, config = ?5, grants = ?6, run_as = ?7
             WHERE id = ?1",
            params![
                integer(instance.id.0),
                instance.name,
                instance.package,
                instance.wanted,
                instance.config.to_string(),
                grants_text(instance),
                instance.run_as.map(RunAs::name)
            ],
        )
        .map(drop)
}

fn grants_text(instance: &InstanceRow) -> String {
    // Grants are strings and a mode: they always have a JSON form.
    serde_json::to_string(&instance.grants).unwrap_or_default()
}

/// Removes an instance with its devices, values and store.
pub(crate) fn remove_instance(connection: &Connection, instance: InstanceId) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM instances WHERE id = ?1", [integer(instance.0)]).map(drop)
}

/// Keeps a device. One whose instance is gone is not kept.
pub(crate) fn keep_device(connection: &Connection, device: &DeviceRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO devices (id, instance, key, missing, description)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM instances WHERE id = ?2)
         ON CONFLICT (id) DO UPDATE SET missing = ?4, description = ?5",
    )?;
    let (id, instance) = (integer(device.id.0), integer(device.instance.0));
    statement.execute(params![id, instance, device.key, device.missing, device.description]).map(drop)
}

/// Forgets a device with its values and memberships.
pub(crate) fn forget_device(connection: &Connection, device: DeviceId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM devices WHERE id = ?1")?.execute([integer(device.0)]).map(drop)
}

/// Keeps a value. One whose device is gone is not kept.
pub(crate) fn keep_value(connection: &Connection, value: &ValueRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO component_values (device, entity, kind, value, updated, time)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM devices WHERE id = ?1)
         ON CONFLICT (device, entity, kind) DO UPDATE SET value = ?4, updated = ?5, time = ?6",
    )?;
    // Every value is finite, so it has a JSON form.
    let text = serde_json::to_string(&value.value).unwrap_or_default();
    statement
        .execute(params![integer(value.device.0), value.entity, value.kind, text, value.updated, value.time])
        .map(drop)
}

/// Adds a group.
pub(crate) fn add_group(connection: &Connection, name: &str) -> rusqlite::Result<GroupId> {
    connection.execute("INSERT INTO groups (name) VALUES (?1)", [name])?;
    Ok(GroupId(u64::try_from(connection.last_insert_rowid()).unwrap_or(0)))
}

/// Renames a group.
pub(crate) fn rename_group(connection: &Connection, group: GroupId, name: &str) -> rusqlite::Result<()> {
    connection.execute("UPDATE groups SET name = ?2 WHERE id = ?1", params![integer(group.0), name]).map(drop)
}

/// Removes a group.
pub(crate) fn remove_group(connection: &Connection, group: GroupId) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM groups WHERE id = ?1", [integer(group.0)]).map(drop)
}

/// Puts a device into a group. One that is gone is left out.
pub(crate) fn add_to_group(connection: &Connection, group: GroupId, device: DeviceId) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO group_devices SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM devices WHERE id = ?2)
             ON CONFLICT DO NOTHING",
            [integer(group.0), integer(device.0)],
        )
        .map(drop)
}

/// Takes a device out of a group.
pub(crate) fn remove_from_group(connection: &Connection, group: GroupId, device: DeviceId) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM group_devices WHERE \"group\" = ?1 AND device = ?2",
            [integer(group.0), integer(device.0)],
        )
        .map(drop)
}

/// Adds a root certificate.
pub(crate) fn add_root(connection: &Connection, root: &RootRow) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO roots VALUES (?1, ?2)", params![root.name, root.certificate]).map(drop)
}

/// Removes a root certificate.
pub(crate) fn remove_root(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM roots WHERE name = ?1", [name]).map(drop)
}
