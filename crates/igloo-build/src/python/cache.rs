//! What one build makes for the next: tools, the SDK on the disk, dependencies.
//!
//! Everything here can be made again. A thing in it is whole or not there: two builds at once make it once, and one that
//! was interrupted leaves nothing that counts.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{Error, error::at};

/// Written last into a folder: it is whole.
const WHOLE: &str = ".whole";

/// `$XDG_CACHE_HOME/igloo`, or `~/.cache/igloo` (XDG Base Directory Specification 0.8).
pub(super) fn root() -> Result<PathBuf, Error> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| Error::Invalid {
        path: "$XDG_CACHE_HOME".into(),
        text: "neither it nor $HOME names a folder for what builds keep: set one of them".to_owned(),
    })?;
    Ok(cache.join("igloo"))
}

/// Makes a folder if it is not there, whole. It is made in its own place, because an environment of Python cannot be
/// moved; others wait meanwhile.
pub(super) fn once(folder: &Path, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    if is_whole(folder) {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(folder);
    fs::create_dir_all(above).map_err(at(above))?;
    let lock = folder.with_added_extension("lock");
    let held = File::create(&lock).map_err(at(&lock))?;
    // Let go of when it is closed, so also when this process is killed.
    held.lock().map_err(at(&lock))?;
    if is_whole(folder) {
        return Ok(());
    }
    forget(folder)?;
    fs::create_dir_all(folder).map_err(at(folder))?;
    make(folder)?;
    let whole = folder.join(WHOLE);
    fs::write(&whole, "").map_err(at(whole))
}

/// Whether a folder was made to its end.
pub(super) fn is_whole(folder: &Path) -> bool {
    folder.join(WHOLE).is_file()
}

/// Removes a folder with everything in it, if it is there.
pub(super) fn forget(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn made_once_by_many_at_a_time() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("a/b");
        let made = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    once(&folder, |new| {
                        made.fetch_add(1, Ordering::Relaxed);
                        fs::write(new.join("x"), "x").map_err(at(new))
                    })
                    .unwrap();
                    assert!(folder.join("x").is_file());
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn what_was_interrupted_is_made_again() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("b");
        let failed = once(&folder, |new| {
            fs::write(new.join("half"), "").map_err(at(new))?;
            Err(Error::Invalid { path: new.into(), text: "no".into() })
        });
        assert!(failed.is_err() && !is_whole(&folder));
        once(&folder, |_| Ok(())).unwrap();
        assert!(is_whole(&folder) && !folder.join("half").exists());
    }
}
