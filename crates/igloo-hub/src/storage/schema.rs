//! The database's schema and its migrations. A migration that was released is never changed: add another.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

use rusqlite::Connection;

use super::explain;
use crate::error::Error;

/// Marks the file as an Igloo database: "Iglo".
const APPLICATION_ID: i32 = 0x4967_6c6f;

/// Each brings the schema one version up; the first makes it.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE packages (
        id TEXT PRIMARY KEY,
        manifest TEXT NOT NULL,
        component_sha256 TEXT NOT NULL,
        size INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE instances (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        package TEXT NOT NULL REFERENCES packages (id),
        wanted INTEGER NOT NULL,
        config TEXT NOT NULL,
        grants TEXT NOT NULL
    ) STRICT;

    CREATE TABLE devices (
        id INTEGER PRIMARY KEY,
        instance INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        missing INTEGER NOT NULL,
        description TEXT NOT NULL,
        UNIQUE (instance, key)
    ) STRICT;

    CREATE TABLE component_values (
        device INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
        entity TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        updated INTEGER NOT NULL,
        time INTEGER,
        PRIMARY KEY (device, entity, kind)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE groups (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;

    CREATE TABLE group_devices (
        \"group\" INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        device INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
        PRIMARY KEY (\"group\", device)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX group_devices_by_device ON group_devices (device);

    CREATE TABLE store (
        instance INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (instance, key)
    ) STRICT;

    -- Kept beside the store, so that a quota is checked without reading it.
    CREATE TABLE store_used (
        instance INTEGER PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE,
        bytes INTEGER NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE roots (name TEXT PRIMARY KEY, certificate BLOB NOT NULL) STRICT;
",
    "
    -- A package without a component has '' in component_sha256, which cannot become NULL.
    ALTER TABLE packages ADD COLUMN executable_sha256 TEXT;
    -- The owner's choice: 'in-hub', 'isolated', 'process'; NULL is what the package says.
    ALTER TABLE instances ADD COLUMN run_as TEXT;
",
    "
    -- The digest of what a package's archive had.
    ALTER TABLE packages ADD COLUMN files_sha256 TEXT;
",
];

/// Opens the database, made if it is not there, with the newest schema. Blocks.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    // Made here, so that it is never readable by others; SQLite gives its other files the same mode.
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::Storage(format!("{}: {error}", path.display())))?;
    let mut connection = Connection::open(path).map_err(|error| explain(&error))?;
    prepare(&mut connection).map_err(|error| explain(&error))?;
    migrate(&mut connection, MIGRATIONS)
        .map_err(|error| explain(&error))?
        .map_err(|text| Error::Conflict(format!("{}: {text}", path.display())))?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A burst of values must not keep its room on the disk for ever.
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Brings the schema up to date, one transaction for each version. The inner error is a file that is not ours.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<Result<(), String>> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Ok(Err(String::from("this is not an Igloo database")));
    }
    if version as usize > migrations.len() {
        return Ok(Err(format!(
            "it was written by a newer Igloo (schema {version}, this one knows {}): update this one",
            migrations.len()
        )));
    }
    for (to, migration) in (1_u32..).zip(migrations).skip(version as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", to)?;
        transaction.commit()?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_private_and_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("igloo.db");
        for _ in 0..2 {
            let connection = open(&path).unwrap();
            let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!(version as usize, MIGRATIONS.len());
            connection.execute("INSERT INTO meta VALUES ('x', 1) ON CONFLICT DO NOTHING", []).unwrap();
            for entry in std::fs::read_dir(directory.path()).unwrap() {
                use std::os::unix::fs::PermissionsExt;
                let mode = entry.unwrap().metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0);
            }
        }
    }

    #[test]
    fn later_migrations_keep_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = open(&directory.path().join("igloo.db")).unwrap();
        connection.execute("INSERT INTO groups (name) VALUES ('kitchen')", []).unwrap();
        let later = [MIGRATIONS, &["ALTER TABLE groups ADD COLUMN icon TEXT"]].concat();
        migrate(&mut connection, &later).unwrap().unwrap();
        let name: String =
            connection.query_row("SELECT name FROM groups WHERE icon IS NULL", [], |row| row.get(0)).unwrap();
        assert_eq!(name, "kitchen");
        let newer = migrate(&mut connection, MIGRATIONS).unwrap().unwrap_err();
        assert!(newer.contains("newer Igloo"), "{newer}");
    }

    #[test]
    fn packages_and_instances_from_before_engines_could_be_chosen_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("igloo.db");
        let mut connection = Connection::open(&path).unwrap();
        prepare(&mut connection).unwrap();
        migrate(&mut connection, &MIGRATIONS[..2]).unwrap().unwrap();
        connection
            .execute_batch(
                "INSERT INTO packages VALUES ('p', 'manifest', 'hash', 7);
                 INSERT INTO instances VALUES (1, 'lamp', 'p', 1, '{}', '{\"list\": []}');",
            )
            .unwrap();
        drop(connection);
        let connection = open(&path).unwrap();
        let loaded = crate::storage::rows::load(&connection).unwrap();
        let (package, instance) = (&loaded.packages[0], &loaded.instances[0]);
        assert_eq!((package.component_sha256.as_deref(), &package.executable_sha256), (Some("hash"), &None));
        assert_eq!((instance.name.as_str(), instance.run_as), ("lamp", None));
    }

    #[test]
    fn other_databases_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(open(&path), Err(Error::Conflict(_))));
    }
}
