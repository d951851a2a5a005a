//! Landlock: the same files once more, by the kernel's other mechanism.
//!
//! Inside a mount namespace it is the second line; without one it is the only. It also keeps signals and abstract
//! sockets inside (ABI 6). It makes no rules for the network: sockets are the broker's.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
};

use super::root;
use crate::wire::Task;

/// The newest whose file rights are known here; on older kernels the crate takes away what they lack.
const NEWEST: ABI = ABI::V6;

/// Restricts the calling process for good.
pub(super) fn restrict(task: &Task, own_root: bool) -> Result<(), String> {
    apply(&rules(task, own_root)).map_err(|error| error.to_string()).and_then(|status| match status {
        RulesetStatus::NotEnforced => Err("the kernel has no Landlock, or it is switched off".to_owned()),
        _ => Ok(()),
    })
}

fn rules(task: &Task, own_root: bool) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let read = AccessFs::from_read(NEWEST);
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev});
    let everything = AccessFs::from_all(NEWEST) & !make_bitflags!(AccessFs::{MakeChar | MakeBlock | IoctlDev});
    let mut rules: Vec<(PathBuf, BitFlags<AccessFs>)> =
        root::SYSTEM.iter().map(|path| (PathBuf::from(path), read)).collect();
    rules.extend(root::DEVICES.iter().map(|path| (PathBuf::from(path), device)));
    if own_root {
        let list = make_bitflags!(AccessFs::{ReadDir});
        let look = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        rules.extend([("/", list), ("/proc", look), ("/etc", look), ("/app", read), ("/data", everything)].map(owned));
        rules.push(owned(("/tmp", everything)));
    } else {
        let look = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        let known = ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime", "/etc/nsswitch.conf", "/etc/hosts"];
        rules.extend(known.map(|path| owned((path, look & AccessFs::from_file(NEWEST)))));
        rules.push((task.program_directory.clone(), read));
        rules.push((task.private_directory.clone(), everything));
        rules.extend(task.roots_directory.iter().map(|roots| (roots.clone(), look)));
    }
    rules
}

fn owned((path, access): (&str, BitFlags<AccessFs>)) -> (PathBuf, BitFlags<AccessFs>) {
    (Path::new(path).to_owned(), access)
}

fn apply(rules: &[(PathBuf, BitFlags<AccessFs>)]) -> Result<RulesetStatus, landlock::RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for (path, access) in rules {
        // What the machine does not have needs no rule.
        if let Ok(fd) = PathFd::new(path) {
            let access = if path.is_dir() { *access } else { *access & AccessFs::from_file(NEWEST) };
            ruleset = ruleset.add_rule(PathBeneath::new(fd, access))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
