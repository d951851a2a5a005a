//! The data directory: nobody's but the owner's, one hub's at a time.
//!
//! ```text
//! hub.lock                held while a hub runs
//! igloo.db                everything that is not a file below (SQLite)
//! packages/HASH/          igloo.toml and component.wasm of a package
//! instances/i3/           what an instance sees as /data
//! ssl/                    what every instance sees as /etc/ssl; written anew at each start
//! ```

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use igloo_model::InstanceId;
use parking_lot::Mutex;

use crate::error::Error;

/// The directory, locked while this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Closing it gives the directory to the next hub.
    lock: Mutex<Option<File>>,
}

impl Directory {
    /// Makes the directory where it is not there, makes it private, and takes its lock. Blocks.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::Storage(format!("{}: {error}", path.display()));
        make_private(path).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("hub.lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Conflict(format!(
                    "another hub is running with {}: stop it first, or choose another directory",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let directory = Self { path: path.to_owned(), lock: Mutex::new(Some(lock)) };
        for part in [directory.packages(), directory.instances()] {
            make_private(&part).map_err(failed)?;
        }
        // What is kept in a directory lasts only as long as the directory's own entry.
        sync(path).map_err(failed)?;
        if let Some(parent) = path.canonicalize().map_err(failed)?.parent() {
            // A parent that may not be read is not ours to make durable.
            let _ = sync(parent);
        }
        Ok(directory)
    }

    /// Gives the directory to the next hub.
    pub(crate) fn unlock(&self) {
        self.lock.lock().take();
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("igloo.db")
    }

    pub(crate) fn packages(&self) -> PathBuf {
        self.path.join("packages")
    }

    /// What every instance sees as `/etc/ssl`.
    pub(crate) fn ssl(&self) -> PathBuf {
        self.path.join("ssl")
    }

    fn instances(&self) -> PathBuf {
        self.path.join("instances")
    }

    /// What an instance sees as `/data`.
    pub(crate) fn private(&self, instance: InstanceId) -> PathBuf {
        self.instances().join(instance.to_string())
    }
}

/// Makes a directory that only its owner can enter, also where it was more open.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Makes what was done in a directory durable: files made, renamed, removed.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hub_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = Directory::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(Directory::open(&path), Err(Error::Conflict(_))));
        drop(first);
        Directory::open(&path).unwrap();
    }
}
