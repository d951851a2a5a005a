//! Waiting for a port to come (back).
//!
//! Paths are watched with inotify(7) along every symbolic link, so nothing is polled. For ports on the network there
//! is nothing to watch: there a connection is tried, and closed at once, with pauses that grow from 0.25 s to 30 s.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{Access, AtFlags, CWD, FileType};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error::Error;
use crate::network;
use crate::url::{Endpoint, PortUrl};

/// How long a device that is there may still lack its permissions: udev sets them after it has appeared.
const PERMISSION_GRACE: Duration = Duration::from_secs(2);
/// First and longest pause between two tries to connect.
const PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How long one try to connect may take.
const TRY: Duration = Duration::from_secs(10);
/// Symbolic links followed, as many as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Waits until the port is there, and returns at once if it is.
///
/// That says nothing about whether it can be opened: it may be busy, or forbidden. A device is given up to 2 s to get
/// its permissions. On the network, being there means that a connection was accepted; it is closed again, so a server
/// that takes one client at a time may need a moment before the next.
///
/// # Errors
/// [`Error::Io`] if the operating system refuses to watch (`fs.inotify.max_user_instances` is used up, say).
pub async fn wait_until_present(url: &PortUrl) -> Result<(), Error> {
    let port: Arc<str> = url.to_string().into();
    match url {
        PortUrl::Tty(path) => path_present(&port, path, FileType::CharacterDevice).await,
        PortUrl::Replay(replay) => path_present(&port, &replay.file, FileType::RegularFile).await,
        PortUrl::Rfc2217(endpoint) | PortUrl::Socket(endpoint) => {
            answering(&port, endpoint).await;
            Ok(())
        }
    }
}

async fn answering(port: &Arc<str>, endpoint: &Endpoint) {
    let mut pause = PAUSE;
    while !matches!(timeout(TRY, network::connect(port, endpoint)).await, Ok(Ok(_))) {
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Forbidden,
    Ready,
}

fn look(path: &Path, wanted: FileType) -> Seen {
    match rustix::fs::stat(path) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == wanted => {}
        // Opening it will say what is wrong.
        Ok(_) | Err(Errno::ACCESS) => return Seen::Ready,
        Err(_) => return Seen::Nothing,
    }
    let access = if wanted == FileType::CharacterDevice { Access::READ_OK | Access::WRITE_OK } else { Access::READ_OK };
    match rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS) {
        Ok(()) => Seen::Ready,
        Err(_) => Seen::Forbidden,
    }
}

async fn path_present(port: &Arc<str>, path: &Path, wanted: FileType) -> Result<(), Error> {
    let io = |error: std::io::Error| Error::Io { port: Arc::clone(port), source: Arc::new(error) };
    let mut forbidden_until = None;
    loop {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(|e| io(e.into()))?;
        let folders = folders(path);
        for folder in &folders {
            let events = WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::ATTRIB
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            match inotify::add_watch(&watch, folder, events) {
                // A folder that is gone by now shows below: the list is another one.
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(io(error.into())),
            }
        }
        // Watch first, look second: what comes in between is seen by both.
        let seen = look(path, wanted);
        if seen == Seen::Ready {
            return Ok(());
        }
        if self::folders(path) != folders {
            continue;
        }
        // SAFETY: an owned descriptor stays open, and the same, for as long as it is owned.
        #[allow(unsafe_code)]
        let watch = unsafe { AsyncFd::register(watch) }.map_err(|e| io(e.into()))?;
        match seen {
            Seen::Forbidden => {
                let until = *forbidden_until.get_or_insert_with(|| Instant::now() + PERMISSION_GRACE);
                match timeout_at(until, watch.readable()).await {
                    Err(_elapsed) => return Ok(()),
                    Ok(result) => drop(result.map_err(io)?),
                }
            }
            Seen::Nothing | Seen::Ready => {
                forbidden_until = None;
                // Whatever it was, look again with a fresh watch.
                drop(watch.readable().await.map_err(io)?);
            }
        }
    }
}

/// The folders in which a change can make the path come into being: where it is, or else the nearest folder above
/// that exists, and the same for what it links to.
fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(folder) = parent.ancestors().find(|folder| folder.is_dir()) else {
            folders.push(PathBuf::from("."));
            break;
        };
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
        match std::fs::read_link(&path) {
            Ok(target) => path = parent.join(target),
            Err(_) => break,
        }
    }
    folders
}
