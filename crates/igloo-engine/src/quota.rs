//! The limit on an instance's private directory: who grows over it is ended.
//!
//! - Nothing polls: inotify(7) tells of changes. After one the directory is measured at once, and then at most every
//!   [`PACE`] while changes go on; a tenth of the time at most is spent on it.
//! - What counts is the larger of a file's size and its blocks, so holes count too: writing to them by mmap(2) is the
//!   one change that inotify does not tell. Nothing counts less than [`LEAST`], as on a disk. Files that were deleted
//!   and are still open count.
//! - Between two looks a disk may take more than the limit: it holds for what stays, not for each instant. A native
//!   process's single files are bounded by `RLIMIT_FSIZE` at each instant.
//! - Who is over the limit already at its start may run, so that it can delete; it may only shrink.
//!
//! Names are followed by descriptor and never through symbolic links: the directory is its provider's, and hostile.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    mem::MaybeUninit,
    os::{
        fd::{AsRawFd as _, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use igloo_protocol::{LogLevel, grants::size_text, limits::Limit};
use parking_lot::Mutex;
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat,
        inotify::{self, CreateFlags, ReadFlags, WatchFlags},
        openat, statat,
    },
    io::Errno,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::Notify,
    time::{sleep, timeout},
};

use crate::home::Home;

/// The shortest time between two looks.
const PACE: Duration = Duration::from_millis(100);
/// Between two looks is this many times what the last one took.
const REST: u32 = 10;
/// How often it is measured where the kernel gives no more watches.
const UNWATCHED: Duration = Duration::from_secs(2);
/// What a file or directory counts at least: a block of most file systems.
const LEAST: u64 = 4096;
/// Directories that an instance may have: each takes one watch, of which a user has 8192 on small machines
/// (`fs.inotify.max_user_watches`).
const DIRECTORIES: usize = 1024;
/// Files and directories that an instance may have: each is looked at.
const ENTRIES: usize = 65_536;
/// How deep directories may be inside one another: each level takes a descriptor while they are looked at.
const DEPTH: usize = 32;
/// Bytes of events that are read at a time.
const EVENTS: usize = 16 << 10;
/// Between two reads of events, so that a provider's many small writes cost the hub little.
const PAUSE: Duration = Duration::from_millis(10);

/// Hears of changes in the directories of all instances: a user has 128 inotify instances.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// `None` where the kernel gave none.
    inotify: Option<OwnedFd>,
    /// By watch: who is told.
    watches: Mutex<HashMap<i32, Arc<Notify>>>,
}

impl Watcher {
    /// Listens on this runtime, until that ends.
    pub(crate) fn start(runtime: &tokio::runtime::Handle) -> Arc<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        let inotify = inotify.inspect_err(|error| tracing::warn!(%error, "private directories are not watched")).ok();
        let events = inotify.as_ref().and_then(|inotify| inotify.try_clone().ok());
        let watcher = Arc::new(Self { inotify, watches: Mutex::default() });
        if let Some(events) = events {
            let own = watcher.clone();
            runtime.spawn(async move { own.listen(events).await });
        }
        watcher
    }

    async fn listen(&self, events: OwnedFd) {
        // SAFETY: an `OwnedFd` gives the same open descriptor as long as it lives, and it lives in the `AsyncFd`.
        let Ok(events) = (unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }) else { return };
        let mut buffer = vec![MaybeUninit::uninit(); EVENTS];
        while let Ok(mut ready) = events.readable().await {
            let mut reader = inotify::Reader::new(events.get_ref(), &mut buffer);
            loop {
                match reader.next() {
                    Ok(event) => self.tell(event.wd(), event.events()),
                    Err(_) => {
                        ready.clear_ready();
                        break;
                    }
                }
                if reader.is_buffer_empty() {
                    break;
                }
            }
            sleep(PAUSE).await;
        }
    }

    fn tell(&self, watch: i32, events: ReadFlags) {
        let mut watches = self.watches.lock();
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            watches.values().for_each(|changed| changed.notify_one());
        } else if events.contains(ReadFlags::IGNORED) {
            // The directory is gone. Numbers are not used again.
            watches.remove(&watch);
        } else if let Some(changed) = watches.get(&watch) {
            changed.notify_one();
        }
    }

    /// Watches a directory, or goes on to.
    fn watch(&self, directory: BorrowedFd<'_>, changed: &Arc<Notify>) -> Result<(), Errno> {
        let inotify = self.inotify.as_ref().ok_or(Errno::NOSYS)?;
        let growth = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE;
        let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
        // An event that comes at once finds its owner.
        let mut watches = self.watches.lock();
        let watch = inotify::add_watch(inotify, path, growth | WatchFlags::ONLYDIR)?;
        watches.insert(watch, changed.clone());
        Ok(())
    }
}

/// One instance's watches, removed with it.
#[derive(Debug)]
struct Watches {
    watcher: Arc<Watcher>,
    changed: Arc<Notify>,
}

impl Drop for Watches {
    fn drop(&mut self) {
        let mut watches = self.watcher.watches.lock();
        watches.retain(|watch, changed| {
            let others = !Arc::ptr_eq(changed, &self.changed);
            if let (false, Some(inotify)) = (others, &self.watcher.inotify) {
                // Its directory may be gone, and the watch with it.
                let _ = inotify::remove_watch(inotify, *watch);
            }
            others
        });
    }
}

/// Why a directory cannot be measured.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unmeasurable {
    #[error("its private directory holds more than {DIRECTORIES} directories")]
    Directories,
    #[error("its private directory holds more than {ENTRIES} files")]
    Entries,
    #[error("its private directory holds directories more than {DEPTH} levels deep")]
    Depth,
    #[error("its private directory cannot be measured: {0}")]
    Unreadable(Errno),
}

/// Counts the bytes of deleted files that are still open, on the file system of this device number.
pub(crate) type Deleted = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// One instance's private directory, while the instance runs.
pub(crate) struct Quota {
    directory: PathBuf,
    limit: u64,
    /// What it may hold: its limit, or what it held at the start and has not deleted.
    most: u64,
    /// Whether changes are told.
    watched: bool,
    watches: Arc<Watches>,
    home: Arc<dyn Home>,
}

impl Quota {
    /// Measures a directory before its provider starts, and watches it.
    pub(crate) async fn begin(
        watcher: &Arc<Watcher>,
        directory: PathBuf,
        limit: u64,
        home: Arc<dyn Home>,
    ) -> Result<Self, Unmeasurable> {
        let watches = Arc::new(Watches { watcher: watcher.clone(), changed: Arc::default() });
        let mut quota = Self { directory, limit, most: limit, watched: true, watches, home };
        let used = quota.measure(None).await?;
        if used > limit {
            quota.most = used;
            let text = format!("{}. It may delete, and is ended when it grows", over(used, limit));
            quota.home.log(LogLevel::Warn, &text);
        }
        Ok(quota)
    }

    /// Waits until there is more than there may be; says so.
    pub(crate) async fn exceeded(mut self, deleted: Deleted) -> String {
        let deleted = Arc::new(deleted);
        loop {
            let changed = self.watches.changed.notified();
            if self.watched {
                changed.await;
            } else {
                let _ = timeout(UNWATCHED, changed).await;
            }
            let before = Instant::now();
            match self.measure(Some(deleted.clone())).await {
                Ok(used) if used > self.most => return over(used, self.limit),
                Ok(used) => self.most = self.limit.max(used),
                Err(error) => return error.to_string(),
            }
            sleep(PACE.max(before.elapsed() * REST)).await;
        }
    }

    async fn measure(&mut self, deleted: Option<Arc<Deleted>>) -> Result<u64, Unmeasurable> {
        let (directory, watches) = (self.directory.clone(), self.watches.clone());
        let measured = tokio::task::spawn_blocking(move || {
            let mut measure = Measure::new(&watches);
            let root = open(CWD, &directory).map_err(Unmeasurable::Unreadable)?;
            let device = fstat(&root).map_err(Unmeasurable::Unreadable)?.st_dev;
            measure.directory(root, 0)?;
            let open = deleted.map_or(0, |deleted| deleted(device));
            Ok((measure.bytes.saturating_add(open), measure.unwatched))
        });
        // Whoever ends the runtime ends the instance too.
        let (bytes, unwatched) = measured.await.unwrap_or(Ok((0, None)))?;
        if let Some(error) = unwatched
            && std::mem::replace(&mut self.watched, false)
        {
            let seconds = UNWATCHED.as_secs();
            let text =
                format!("changes of its private directory are not told ({error}): it is measured every {seconds} s");
            self.home.log(LogLevel::Warn, &text);
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota").field("directory", &self.directory).field("limit", &self.limit).finish_non_exhaustive()
    }
}

fn over(used: u64, limit: u64) -> String {
    let step = if limit < 1 << 20 { 1 << 10 } else { 1 << 20 };
    let used = size_text(used.checked_next_multiple_of(step).unwrap_or(used));
    let (limit, more) = (Limit::Private(limit), Limit::Private(limit.saturating_mul(2)));
    format!("its private directory holds {used}, and its limit is {limit}; grant {more} for more")
}

/// One look at a directory.
struct Measure<'a> {
    watches: &'a Watches,
    bytes: u64,
    entries: usize,
    directories: usize,
    /// Files with several names, which count once.
    linked: HashSet<u64>,
    unwatched: Option<Errno>,
}

impl<'a> Measure<'a> {
    fn new(watches: &'a Watches) -> Self {
        Self { watches, bytes: 0, entries: 0, directories: 0, linked: HashSet::new(), unwatched: None }
    }

    fn directory(&mut self, directory: OwnedFd, depth: usize) -> Result<(), Unmeasurable> {
        self.directories += 1;
        if self.directories > DIRECTORIES {
            return Err(Unmeasurable::Directories);
        }
        if depth > DEPTH {
            return Err(Unmeasurable::Depth);
        }
        // Before it is read, so that nothing is made unseen in between.
        let Watches { watcher, changed } = self.watches;
        if let Err(error) = watcher.watch(std::os::fd::AsFd::as_fd(&directory), changed) {
            self.unwatched = Some(error);
        }
        let mut entries = Dir::new(directory).map_err(Unmeasurable::Unreadable)?;
        while let Some(entry) = entries.read() {
            let entry = entry.map_err(Unmeasurable::Unreadable)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES {
                return Err(Unmeasurable::Entries);
            }
            let parent = entries.fd().map_err(Unmeasurable::Unreadable)?;
            let stat = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(Unmeasurable::Unreadable(error)),
            };
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if is_directory || stat.st_nlink < 2 || self.linked.insert(stat.st_ino) {
                let blocks = u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512);
                let size = u64::try_from(stat.st_size).unwrap_or_default();
                self.bytes = self.bytes.saturating_add(size.max(blocks).max(LEAST));
            }
            if is_directory {
                match open(parent, name) {
                    Ok(inner) => self.directory(inner, depth + 1)?,
                    // Gone, or something else by now: that was a change, and there will be another look.
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                    Err(error) => return Err(Unmeasurable::Unreadable(error)),
                }
            }
        }
        Ok(())
    }
}

fn open(parent: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// The deleted files of this directory that this process has open: those of a component in the hub.
pub(crate) fn deleted_here(directory: &Path) -> Deleted {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    Box::new(move |device| {
        let mut seen = HashSet::new();
        let mut bytes = 0u64;
        for descriptor in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            let path = descriptor.path();
            let Ok(file) = fs::metadata(&path) else { continue };
            if file.nlink() > 0 || file.dev() != device || !file.is_file() {
                continue;
            }
            // proc_pid_fd(5): its former path, and that it is deleted.
            let is_ours = fs::read_link(&path).is_ok_and(|link| {
                let rest = link.as_os_str().as_bytes().strip_prefix(directory.as_os_str().as_bytes());
                rest.is_some_and(|rest| rest.starts_with(b"/"))
            });
            if is_ours && seen.insert(file.ino()) {
                bytes = bytes.saturating_add(file.len().max(file.blocks().saturating_mul(512)));
            }
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::symlink};

    use super::*;
    use crate::test_home::Recorder;

    const LIMIT: u64 = 1 << 20;

    async fn begin(directory: &Path) -> (Quota, Arc<Recorder>) {
        let watcher = Watcher::start(&tokio::runtime::Handle::current());
        let home = Arc::new(Recorder::default());
        (Quota::begin(&watcher, directory.to_owned(), LIMIT, home.clone()).await.unwrap(), home)
    }

    /// The reason, if there is one within a moment that is long beside the pace.
    async fn soon(exceeded: impl Future<Output = String>) -> String {
        timeout(Duration::from_secs(20), exceeded).await.expect("nobody noticed")
    }

    #[tokio::test]
    async fn who_grows_over_the_limit_is_told_what_it_was() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("small"), [1; 1000]).unwrap();
        let (quota, _) = begin(directory.path()).await;
        let exceeded = tokio::spawn(quota.exceeded(deleted_here(directory.path())));
        // In a directory that was not there at the start.
        let deep = directory.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        let mut file = fs::File::create(deep.join("large")).unwrap();
        for _ in 0..24 {
            file.write_all(&[1; 64 << 10]).unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let reason = soon(async { exceeded.await.unwrap() }).await;
        assert!(reason.contains("its limit is private=1MiB; grant private=2MiB for more"), "{reason}");
    }

    #[tokio::test]
    async fn who_is_over_at_the_start_may_shrink_and_not_grow() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            fs::write(directory.path().join(name), vec![1; 2 << 20]).unwrap();
        }
        let (mut quota, home) = begin(directory.path()).await;
        assert!(home.logs()[0].1.contains("holds 4MiB"), "{:?}", home.logs());
        fs::remove_file(directory.path().join("two")).unwrap();
        assert_eq!(quota.measure(None).await, Ok(2 << 20));
        quota.most = 2 << 20;
        let exceeded = tokio::spawn(quota.exceeded(deleted_here(directory.path())));
        fs::write(directory.path().join("three"), [1]).unwrap();
        soon(async { exceeded.await.unwrap() }).await;
    }

    #[tokio::test]
    async fn holes_and_deleted_files_count_and_links_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let (mut quota, _) = begin(directory.path()).await;
        assert_eq!(quota.measure(None).await, Ok(0));
        let hole = fs::File::create(directory.path().join("hole")).unwrap();
        hole.set_len(3 << 20).unwrap();
        fs::hard_link(directory.path().join("hole"), directory.path().join("again")).unwrap();
        assert_eq!(quota.measure(None).await, Ok(3 << 20));
        symlink("/", directory.path().join("everything")).unwrap();
        assert_eq!(quota.measure(None).await, Ok((3 << 20) + LEAST));
        for name in ["hole", "again", "everything"] {
            fs::remove_file(directory.path().join(name)).unwrap();
        }
        assert_eq!(quota.measure(None).await, Ok(0));
        let deleted = Arc::new(deleted_here(directory.path()));
        assert_eq!(quota.measure(Some(deleted.clone())).await, Ok(3 << 20));
        drop(hole);
        assert_eq!(quota.measure(Some(deleted)).await, Ok(0));
    }

    #[tokio::test]
    async fn what_is_too_deep_or_too_much_to_look_at_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let (mut quota, _) = begin(directory.path()).await;
        let mut deep = directory.path().to_owned();
        deep.extend(std::iter::repeat_n("d", DEPTH + 1));
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(quota.measure(None).await, Err(Unmeasurable::Depth));
        fs::remove_dir_all(directory.path().join("d")).unwrap();
        for number in 0..DIRECTORIES {
            fs::create_dir(directory.path().join(number.to_string())).unwrap();
        }
        assert_eq!(quota.measure(None).await, Err(Unmeasurable::Directories));
    }

    #[tokio::test]
    async fn nothing_is_left_of_an_instance_that_ended() {
        let directory = tempfile::tempdir().unwrap();
        let (quota, _) = begin(directory.path()).await;
        let watcher = quota.watches.watcher.clone();
        assert_eq!(watcher.watches.lock().len(), 1);
        drop(quota);
        assert_eq!(watcher.watches.lock().len(), 0);
    }
}
