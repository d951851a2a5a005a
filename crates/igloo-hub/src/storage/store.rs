//! The providers' key-value stores. Each function is a part of a job.
//!
//! What a store uses is kept as a number beside it, in the same transaction. A key costs [`KEY_COST`] bytes besides
//! its own and its value's, so that a quota bounds the number of keys too.

use igloo_model::InstanceId;
use igloo_protocol::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

/// Bytes in a key.
pub(crate) const KEY_BYTES: usize = 256;
/// Bytes in a value.
pub(crate) const VALUE_BYTES: usize = 1 << 20;
/// Bytes that a key counts for by being there.
const KEY_COST: i64 = 64;

fn sql(instance: InstanceId) -> i64 {
    i64::try_from(instance.0).unwrap_or(i64::MAX)
}

/// Reads a key.
pub(crate) fn get(connection: &Connection, instance: InstanceId, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM store WHERE instance = ?1 AND key = ?2")?
        .query_row(params![sql(instance), key], |row| row.get(0))
        .optional()
}

/// Writes a key, unless the store would grow over its quota.
pub(crate) fn set(
    connection: &Connection,
    instance: InstanceId,
    key: &str,
    value: &[u8],
    quota: u64,
) -> rusqlite::Result<Result<(), StoreError>> {
    let size = KEY_COST + i64::try_from(key.len() + value.len()).unwrap_or(i64::MAX / 2);
    let before = cost(connection, instance, key)?;
    let used = used(connection, instance)? - before + size;
    // A store that is over a quota that was lowered may still shrink.
    if size > before && u64::try_from(used).is_ok_and(|used| used > quota) {
        return Ok(Err(StoreError::Quota));
    }
    connection
        .prepare_cached(
            "INSERT INTO store (instance, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (instance, key) DO UPDATE SET value = ?3",
        )?
        .execute(params![sql(instance), key, value])?;
    set_used(connection, instance, used)?;
    Ok(Ok(()))
}

/// Deletes a key. One that is not there is no error.
pub(crate) fn delete(connection: &Connection, instance: InstanceId, key: &str) -> rusqlite::Result<()> {
    let used = used(connection, instance)? - cost(connection, instance, key)?;
    connection
        .prepare_cached("DELETE FROM store WHERE instance = ?1 AND key = ?2")?
        .execute(params![sql(instance), key])?;
    set_used(connection, instance, used)
}

/// The keys that begin with a prefix, in byte order.
pub(crate) fn keys(connection: &Connection, instance: InstanceId, prefix: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT key FROM store WHERE instance = ?1 AND key >= ?2 ORDER BY key")?;
    let mut rows = statement.query(params![sql(instance), prefix])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        keys.push(key);
    }
    Ok(keys)
}

fn cost(connection: &Connection, instance: InstanceId, key: &str) -> rusqlite::Result<i64> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT LENGTH(CAST(key AS BLOB)) + LENGTH(value) FROM store WHERE instance = ?1 AND key = ?2")?
        .query_row(params![sql(instance), key], |row| row.get(0))
        .optional()?;
    Ok(found.map_or(0, |size| KEY_COST + size))
}

fn used(connection: &Connection, instance: InstanceId) -> rusqlite::Result<i64> {
    let found = connection
        .prepare_cached("SELECT bytes FROM store_used WHERE instance = ?1")?
        .query_row([sql(instance)], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0))
}

fn set_used(connection: &Connection, instance: InstanceId, bytes: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO store_used VALUES (?1, ?2)")?
        .execute([sql(instance), bytes])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::open;

    #[test]
    fn quotas_order_and_replacement() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(&directory.path().join("igloo.db")).unwrap();
        connection
            .execute_batch(
                "INSERT INTO packages (id, manifest, component_sha256, size) VALUES ('p', '', '', 0);
                 INSERT INTO instances (name, package, wanted, config, grants) VALUES ('a', 'p', 0, '', '')",
            )
            .unwrap();
        let me = InstanceId(1);
        let set = |key: &str, size: usize| set(&connection, me, key, &vec![7; size], 1000).unwrap();
        set("b", 10).unwrap();
        set("é", 10).unwrap();
        set("a/1", 10).unwrap();
        set("a/2", 10).unwrap();
        assert_eq!(keys(&connection, me, "").unwrap(), ["a/1", "a/2", "b", "é"]);
        assert_eq!(keys(&connection, me, "a/").unwrap(), ["a/1", "a/2"]);
        assert_eq!(set("big", 900), Err(StoreError::Quota));
        assert_eq!(get(&connection, me, "big").unwrap(), None);
        set("b", 300).unwrap();
        set("b", 20).unwrap();
        assert_eq!(get(&connection, me, "b").unwrap().unwrap().len(), 20);
        for key in ["a/1", "a/2", "é", "b", "never"] {
            delete(&connection, me, key).unwrap();
        }
        assert_eq!(used(&connection, me).unwrap(), 0);
        assert!(get(&connection, InstanceId(2), "b").unwrap().is_none());
    }
}
