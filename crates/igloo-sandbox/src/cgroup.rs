//! Control groups: the limits on memory, processes and processor time that hold for a whole tree.
//!
//! Both versions are used, each controller where the machine has it: a group of the provider's own is made below the
//! hub's own, per hierarchy, and removed with it. Groups of hubs that died are removed when the first one is made. What
//! cannot be had is told with the reason; nothing here stops a start.
//!
//! It must not touch groups that it has not made, except that it moves the hub itself into a leaf where version 2's rule
//! of "no internal processes" demands it (cgroups(7)).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::time::Duration;

use crate::protection::{Outcome, Protection, Report};
use crate::spec::Limits;

/// cfs_period_us, and cpu.max's second number: the kernel's default.
const PERIOD_US: u64 = 100_000;
/// Init, beside the provider's own.
const OWN_PROCESSES: u64 = 1;
/// Init, the process that makes it, and the provider: fewer cannot start.
const LEAST_PROCESSES: u64 = 3;
/// How often removing is tried while the kernel still counts the dead, and how long is waited in between.
const REMOVE_TRIES: u32 = 20;
const REMOVE_PAUSE: Duration = Duration::from_millis(5);
/// Groups of this crate; behind it the hub's pid, its start time, a number, and the provider's name.
const PREFIX: &str = "igloo.";
/// The hub's own leaf.
const HUB_LEAF: &str = "igloo-hub";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// Where a controller's groups may be made.
#[derive(Debug, Clone)]
struct Place {
    version: Version,
    directory: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Memory,
    Pids,
    Cpu,
    CpuAccounting,
}

impl Controller {
    const ALL: [Self; 4] = [Self::Memory, Self::Pids, Self::Cpu, Self::CpuAccounting];

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
            Self::CpuAccounting => "cpuacct",
        }
    }

    const fn protection(self) -> Option<Protection> {
        match self {
            Self::Memory => Some(Protection::MemoryLimit),
            Self::Pids => Some(Protection::ProcessLimit),
            Self::Cpu => Some(Protection::CpuLimit),
            Self::CpuAccounting => None,
        }
    }
}

/// A provider's groups. They are removed when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Group {
    parts: Vec<(Controller, Place)>,
}

impl Group {
    /// Makes what the machine has, and writes down what it has not.
    pub(crate) fn create(name: &str, limits: &Limits, without: &BTreeSet<Protection>, report: &mut Report) -> Self {
        static STALE: Once = Once::new();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let places = &*PLACES;
        STALE.call_once(|| places.iter().filter_map(|(_, place)| place.as_ref().ok()).for_each(remove_stale));
        let harmless: String =
            name.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').take(32).collect();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}.{}.{number}.{harmless}", std::process::id(), start_time(std::process::id()));

        let mut group = Self::default();
        for (controller, place) in places {
            let protection = controller.protection();
            let made = match place {
                _ if protection.is_some_and(|one| without.contains(&one)) => Err("it was left out".to_owned()),
                Ok(place) => group.make(*controller, place, &name, limits).map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            };
            if let Some(protection) = protection {
                report.set(protection, made.map_or_else(Outcome::Lacking, |()| Outcome::InForce));
            }
        }
        group
    }

    fn make(&mut self, controller: Controller, place: &Place, name: &str, limits: &Limits) -> io::Result<()> {
        let directory = place.directory.join(name);
        match fs::create_dir(&directory) {
            // Version 2 has one directory for all controllers.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => named(other, "make", &directory)?,
        }
        let place = Place { version: place.version, directory };
        self.parts.push((controller, place.clone()));
        let set = |file: &str, value: u64| write(&place.directory.join(file), &value.to_string());
        match (controller, place.version) {
            (Controller::Memory, version) => {
                let Some(bytes) = limits.memory_bytes else { return Ok(()) };
                if version == Version::V1 {
                    set("memory.limit_in_bytes", bytes)?;
                    // Absent where swap is not accounted.
                    let _ = set("memory.memsw.limit_in_bytes", bytes);
                    Ok(())
                } else {
                    let _ = set("memory.swap.max", 0);
                    set("memory.max", bytes)
                }
            }
            (Controller::Pids, _) => limits
                .processes
                .map_or(Ok(()), |count| set("pids.max", (u64::from(count) + OWN_PROCESSES).max(LEAST_PROCESSES))),
            (Controller::Cpu, version) => {
                let Some(percent) = limits.cpu_percent else { return Ok(()) };
                let quota = u64::from(percent.max(1)) * PERIOD_US / 100;
                if version == Version::V1 {
                    set("cpu.cfs_period_us", PERIOD_US)?;
                    set("cpu.cfs_quota_us", quota)
                } else {
                    write(&place.directory.join("cpu.max"), &format!("{quota} {PERIOD_US}"))
                }
            }
            (Controller::CpuAccounting, _) => Ok(()),
        }
    }

    /// Puts a process in; its children will be too. A group that does not take it is given up.
    pub(crate) fn add(&mut self, pid: u32, report: &mut Report) {
        self.parts.retain(|(controller, place)| {
            let Err(error) = write(&place.directory.join("cgroup.procs"), &pid.to_string()) else { return true };
            if let Some(protection) = controller.protection() {
                report.set(protection, Outcome::Lacking(error.to_string()));
            }
            let _ = fs::remove_dir(&place.directory);
            false
        });
    }

    /// Whether the kernel has killed for memory here.
    pub(crate) fn out_of_memory(&self) -> bool {
        self.part(Controller::Memory).is_some_and(|place| {
            let file = if place.version == Version::V1 { "memory.oom_control" } else { "memory.events" };
            field(&place.directory.join(file), "oom_kill").is_some_and(|count| count > 0)
        })
    }

    /// How often the kernel refused a process here, in both versions (pids.events: "max").
    pub(crate) fn refused_processes(&self) -> u64 {
        let refused = |place: &Place| field(&place.directory.join("pids.events"), "max");
        self.part(Controller::Pids).and_then(refused).unwrap_or(0)
    }

    /// What is counted here; `None` for what is not.
    pub(crate) fn usage(&self) -> (Option<Duration>, Option<u64>, Option<u64>) {
        let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let cpu = self.part(Controller::CpuAccounting).map_or_else(
            || {
                let place = self.part(Controller::Cpu).filter(|place| place.version == Version::V2)?;
                field(&place.directory.join("cpu.stat"), "usage_usec").map(Duration::from_micros)
            },
            |place| number(place.directory.join("cpuacct.usage")).map(Duration::from_nanos),
        );
        let memory = self.part(Controller::Memory).and_then(|place| {
            let v1 = place.version == Version::V1;
            let file = if v1 { "memory.usage_in_bytes" } else { "memory.current" };
            let cache = if v1 { "total_inactive_file" } else { "inactive_file" };
            let all = number(place.directory.join(file))?;
            Some(all.saturating_sub(field(&place.directory.join("memory.stat"), cache).unwrap_or(0)))
        });
        let processes = self.part(Controller::Pids).and_then(|place| number(place.directory.join("pids.current")));
        (cpu, memory, processes)
    }

    /// Kills whoever is inside: once, where the kernel does that (`cgroup.kill`, Linux 5.14), else each.
    pub(crate) fn kill(&self) {
        for (_, place) in &self.parts {
            if place.version == Version::V2 && write(&place.directory.join("cgroup.kill"), "1").is_ok() {
                continue;
            }
            let list = fs::read_to_string(place.directory.join("cgroup.procs")).unwrap_or_default();
            for pid in list.lines().filter_map(|line| line.parse::<libc::pid_t>().ok()).filter(|pid| *pid > 0) {
                // SAFETY: takes no pointers. The list is of our own group, read just now.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
    }

    fn part(&self, controller: Controller) -> Option<&Place> {
        self.parts.iter().find(|(one, _)| *one == controller).map(|(_, place)| place)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let mut left: Vec<_> = self.parts.drain(..).map(|(_, place)| place.directory).collect();
        for _ in 0..REMOVE_TRIES {
            left.retain(|directory| {
                fs::remove_dir(directory).is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
            });
            if left.is_empty() {
                return;
            }
            std::thread::sleep(REMOVE_PAUSE);
        }
        tracing::warn!(groups = ?left, "control groups could not be removed; the hub's next start tries again");
    }
}

/// For each controller where its groups go, or why there is none. Found once.
static PLACES: LazyLock<Vec<(Controller, Result<Place, String>)>> = LazyLock::new(|| {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<_> = Controller::ALL.map(|one| (one, find(one, &groups, &mounts))).into();
    let mut prepared: Option<Result<(), String>> = None;
    for (controller, place) in &mut found {
        if let Ok(one) = place
            && one.version == Version::V2
        {
            let wanted = *controller;
            let result = prepared.get_or_insert_with(|| leaf_for_hub(&one.directory, wanted));
            let result =
                result.clone().and_then(|()| enable(&one.directory, wanted).map_err(|error| error.to_string()));
            if let Err(why) = result {
                *place = Err(why);
            }
        }
    }
    found
});

/// Finds the hub's own group of a controller: version 2 where it has the controller, else version 1.
fn find(controller: Controller, groups: &str, mounts: &str) -> Result<Place, String> {
    let name = controller.name();
    let own = |wanted: &dyn Fn(&str) -> bool| {
        groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            wanted(controllers).then_some(path)
        })
    };
    let v2 = own(&|controllers| controllers.is_empty())
        .and_then(|path| mounted(mounts, path, &|kind, _| kind == "cgroup2"))
        .filter(|directory| {
            fs::read_to_string(directory.join("cgroup.controllers"))
                .is_ok_and(|list| list.split_ascii_whitespace().any(|one| one == name))
        });
    if let Some(directory) = v2 {
        return Ok(Place { version: Version::V2, directory });
    }
    let has = |list: &str| list.split(',').any(|one| one == name);
    own(&has)
        .and_then(|path| mounted(mounts, path, &|kind, options| kind == "cgroup" && has(options)))
        .map(|directory| Place { version: Version::V1, directory })
        .ok_or_else(|| format!("no control group has the {name} controller here"))
}

/// The directory of group `path`, by the mount that shows it (proc_pid_mountinfo(5)).
fn mounted(mounts: &str, path: &str, wanted: &dyn Fn(&str, &str) -> bool) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        if !wanted(kind, options) {
            return None;
        }
        let below = Path::new(path).strip_prefix(root).ok()?;
        Some(Path::new(point).join(below))
    })
}

fn enable(directory: &Path, controller: Controller) -> io::Result<()> {
    write(&directory.join("cgroup.subtree_control"), &format!("+{}", controller.name()))
}

/// Version 2 gives controllers only to children of a group without processes (the root excepted): the hub moves.
fn leaf_for_hub(directory: &Path, controller: Controller) -> Result<(), String> {
    match enable(directory, controller) {
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
        other => return other.map_err(|error| error.to_string()),
    }
    let leaf = directory.join(HUB_LEAF);
    match fs::create_dir(&leaf) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => named(other, "make", &leaf).map_err(|error| error.to_string())?,
    }
    write(&leaf.join("cgroup.procs"), &std::process::id().to_string()).map_err(|error| error.to_string())
}

/// Removes empty groups whose hub is gone.
fn remove_stale(place: &Place) {
    let Ok(entries) = fs::read_dir(&place.directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let mut parts = rest.split('.').map(str::parse::<u64>);
        let (Some(Ok(pid)), Some(Ok(started))) = (parts.next(), parts.next()) else { continue };
        let alive = u32::try_from(pid).is_ok_and(|pid| started != 0 && start_time(pid) == started);
        if !alive {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// When a process started, in ticks since boot (proc_pid_stat(5), field 22); 0 if it is not there.
fn start_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may contain anything, comes field 3.
    stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19)?.parse().ok()).unwrap_or(0)
}

fn field(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    named(fs::write(path, text), "write", path)
}

/// Names the file, keeping the kernel's number.
fn named(result: io::Result<()>, what: &str, path: &Path) -> io::Result<()> {
    result.map_err(|error| match error.raw_os_error() {
        Some(libc::EBUSY) => error,
        _ => io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "9:name=systemd:/\n4:memory:/box/a\n3:cpu,cpuacct:/\n0::/user/igloo.service\n";

    #[test]
    fn version_1_is_found_by_its_controllers_and_the_part_of_it_that_is_mounted() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
            35 31 0:32 /box /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory\n";
        let at = |controller| find(controller, GROUPS, mounts).map(|place| (place.version, place.directory));
        assert_eq!(at(Controller::Memory), Ok((Version::V1, "/sys/fs/cgroup/memory/a".into())));
        assert_eq!(at(Controller::CpuAccounting), Ok((Version::V1, "/sys/fs/cgroup/cpu/".into())));
        assert_eq!(at(Controller::Pids), Err("no control group has the pids controller here".to_owned()));
        assert!(find(Controller::Memory, "4:memory:/other\n", mounts).is_err());
        assert!(find(Controller::Memory, "nonsense\n:::\n", "nonsense - \n - - -\n").is_err());
    }

    #[test]
    fn version_2_is_taken_where_it_has_the_controller() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("user/igloo.service");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        let mounts = format!("30 23 0:27 / {} rw - cgroup2 cgroup2 rw\n", root.path().display());
        for controller in [Controller::Memory, Controller::Pids, Controller::Cpu] {
            let place = find(controller, GROUPS, &mounts).unwrap();
            assert_eq!((place.version, &place.directory), (Version::V2, &own));
        }

        // What the kernel would read there.
        let limits =
            Limits { memory_bytes: Some(1 << 20), cpu_percent: Some(50), processes: Some(8), ..Limits::default() };
        let place = Place { version: Version::V2, directory: own.clone() };
        let mut group = Group::default();
        for controller in [Controller::Memory, Controller::Pids, Controller::Cpu] {
            group.make(controller, &place, "one", &limits).unwrap();
        }
        let read = |file: &str| fs::read_to_string(own.join("one").join(file)).unwrap();
        assert_eq!(read("memory.max"), "1048576");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("pids.max"), "9");
        assert_eq!(read("cpu.max"), "50000 100000");

        fs::write(own.join("one/memory.events"), "low 0\noom 1\noom_kill 2\noom_group_kill 0\n").unwrap();
        fs::write(own.join("one/memory.current"), "5000\n").unwrap();
        fs::write(own.join("one/memory.stat"), "anon 1\ninactive_file 1000\n").unwrap();
        fs::write(own.join("one/cpu.stat"), "usage_usec 1500\n").unwrap();
        fs::write(own.join("one/pids.current"), "3\n").unwrap();
        fs::write(own.join("one/pids.events"), "max 2\n").unwrap();
        assert_eq!(group.refused_processes(), 2);
        assert!(group.out_of_memory());
        assert_eq!(group.usage(), (Some(Duration::from_micros(1500)), Some(4000), Some(3)));
        // Nobody but the kernel can remove such a group.
        std::mem::forget(group);
    }

    #[test]
    fn groups_of_hubs_that_are_gone_are_removed_and_no_others() {
        let root = tempfile::tempdir().unwrap();
        let me = std::process::id();
        let mine = format!("{PREFIX}{me}.{}.0.mine", start_time(me));
        let earlier = format!("{PREFIX}{me}.1.0.earlier");
        for name in [&mine, &earlier, "igloo.nonsense", "other.1.1.0.x", "igloo.4194305.7.0.gone"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        remove_stale(&Place { version: Version::V1, directory: root.path().to_owned() });
        let mut left: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [mine.as_str(), "igloo.nonsense", "other.1.1.0.x"]);
    }
}
