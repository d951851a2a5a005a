//! The protections a sandbox consists of: their names, what each means to the owner, and which must not be missing.
//!
//! It decides nothing about how they are made; that is `init`'s and `cgroup`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that keeps a provider from harming the rest of the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Protection {
    /// `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivileges,
    /// `CLONE_NEWUSER`.
    UserNamespace,
    /// `CLONE_NEWNS` and a root of its own.
    MountNamespace,
    /// `CLONE_NEWPID`.
    PidNamespace,
    /// `CLONE_NEWIPC`.
    IpcNamespace,
    /// `CLONE_NEWUTS`.
    UtsNamespace,
    /// `CLONE_NEWNET` with nothing but `lo`.
    NetworkNamespace,
    /// Landlock's rules for files, and its scopes.
    Landlock,
    /// The filter of system calls.
    Seccomp,
    /// The filter that has the hub answer socket calls.
    SocketBroker,
    /// Every capability set emptied, the bounding set too.
    Capabilities,
    /// The memory controller of a control group.
    MemoryLimit,
    /// The pids controller of a control group, or `RLIMIT_NPROC` inside a user namespace.
    ProcessLimit,
    /// The cpu controller of a control group.
    CpuLimit,
    /// `setrlimit(2)`.
    ResourceLimits,
}

impl Protection {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 15] = [
        Self::NoNewPrivileges,
        Self::UserNamespace,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::NetworkNamespace,
        Self::Landlock,
        Self::Seccomp,
        Self::SocketBroker,
        Self::Capabilities,
        Self::MemoryLimit,
        Self::ProcessLimit,
        Self::CpuLimit,
        Self::ResourceLimits,
    ];

    /// Of each group at least one must be in force, or nothing is a sandbox.
    pub const ESSENTIAL: [&'static [Self]; 5] = [
        &[Self::NoNewPrivileges],
        &[Self::Seccomp],
        &[Self::Capabilities],
        &[Self::MountNamespace, Self::Landlock],
        &[Self::NetworkNamespace, Self::SocketBroker],
    ];

    /// The name in manifests, settings and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "no-new-privileges",
            Self::UserNamespace => "user-namespace",
            Self::MountNamespace => "mount-namespace",
            Self::PidNamespace => "pid-namespace",
            Self::IpcNamespace => "ipc-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::NetworkNamespace => "network-namespace",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::SocketBroker => "socket-broker",
            Self::Capabilities => "capabilities",
            Self::MemoryLimit => "memory-limit",
            Self::ProcessLimit => "process-limit",
            Self::CpuLimit => "cpu-limit",
            Self::ResourceLimits => "resource-limits",
        }
    }

    /// One sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "No program that it runs gains rights that it has not.",
            Self::UserNamespace => "Its users and rights count inside its sandbox only.",
            Self::MountNamespace => {
                "It sees a file system of its own, with its own directories and the system's programs."
            }
            Self::PidNamespace => "It sees only its own processes, and all of them end with it.",
            Self::IpcNamespace => "It shares no memory segments, semaphores or message queues with others.",
            Self::UtsNamespace => "It does not see the machine's host name.",
            Self::NetworkNamespace => "It has no network but what the hub hands to it.",
            Self::Landlock => "The kernel refuses it every file that it was not given, and signals to others.",
            Self::Seccomp => "System calls that only attackers and administrators need are refused.",
            Self::SocketBroker => "The hub answers each of its socket calls by its grants.",
            Self::Capabilities => "It holds none of root's rights, even where it runs as root.",
            Self::MemoryLimit => "It cannot use more memory than its limit.",
            Self::ProcessLimit => "It cannot start more processes and threads than its limit.",
            Self::CpuLimit => "It cannot use more processor time than its share.",
            Self::ResourceLimits => {
                "Open files, file sizes and locked memory are bounded, and it leaves no core dumps."
            }
        }
    }

    /// Whether it is in a group of [`Protection::ESSENTIAL`].
    pub fn is_essential(self) -> bool {
        Self::ESSENTIAL.iter().any(|group| group.contains(&self))
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a protection holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It does.
    InForce,
    /// It does not, for this reason.
    Lacking(String),
}

/// Each protection's outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report(BTreeMap<Protection, Outcome>);

impl Report {
    /// Writes down what became of one protection. The last word counts.
    pub fn set(&mut self, protection: Protection, outcome: Outcome) {
        self.0.insert(protection, outcome);
    }

    /// As [`Report::set`], from a result whose error is the reason. Gives what succeeded.
    pub(crate) fn record<T, E: fmt::Display>(&mut self, protection: Protection, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.set(protection, Outcome::InForce);
                Some(value)
            }
            Err(error) => {
                self.set(protection, Outcome::Lacking(error.to_string()));
                None
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether one holds. One that was not told of does not.
    pub fn in_force(&self, protection: Protection) -> bool {
        self.0.get(&protection) == Some(&Outcome::InForce)
    }

    /// Why one does not hold; `None` if it does.
    pub fn why_lacking(&self, protection: Protection) -> Option<&str> {
        match self.0.get(&protection) {
            Some(Outcome::InForce) => None,
            Some(Outcome::Lacking(why)) => Some(why),
            None => Some("it was not tried"),
        }
    }

    /// Every protection with its outcome.
    pub fn iter(&self) -> impl Iterator<Item = (Protection, Option<&str>)> {
        Protection::ALL.into_iter().map(|protection| (protection, self.why_lacking(protection)))
    }

    /// The first protection without which a program must not start: an essential group of which nothing holds, or one
    /// that is `required` and does not hold, unless the owner accepts it.
    pub fn missing(
        &self,
        required: &BTreeSet<Protection>,
        accepted: &BTreeSet<Protection>,
    ) -> Option<(Protection, &str)> {
        let essential = Protection::ESSENTIAL
            .iter()
            .filter(|group| !group.iter().any(|one| self.in_force(*one) || accepted.contains(one)))
            .filter_map(|group| group.first().copied());
        let required = required.iter().copied().filter(|one| !self.in_force(*one) && !accepted.contains(one));
        essential.chain(required).find_map(|one| Some((one, self.why_lacking(one)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Report {
        let mut report = Report::default();
        for one in Protection::ALL {
            report.set(one, Outcome::InForce);
        }
        report
    }

    #[test]
    fn names_are_those_of_serde() {
        for one in Protection::ALL {
            assert_eq!(serde_json::to_value(one).unwrap(), one.name());
        }
    }

    #[test]
    fn one_of_an_essential_group_is_enough_and_the_owner_may_accept() {
        let none = BTreeSet::new();
        let mut report = all();
        assert_eq!(report.missing(&none, &none), None);
        report.set(Protection::MountNamespace, Outcome::Lacking("no".into()));
        assert_eq!(report.missing(&none, &none), None);
        report.set(Protection::Landlock, Outcome::Lacking("no".into()));
        assert_eq!(report.missing(&none, &none), Some((Protection::MountNamespace, "no")));
        assert_eq!(report.missing(&none, &BTreeSet::from([Protection::Landlock])), None);
    }

    #[test]
    fn what_is_required_must_hold() {
        let none = BTreeSet::new();
        let cpu = BTreeSet::from([Protection::CpuLimit]);
        let mut report = all();
        report.set(Protection::CpuLimit, Outcome::Lacking("no group".into()));
        assert_eq!(report.missing(&none, &none), None);
        assert_eq!(report.missing(&cpu, &none), Some((Protection::CpuLimit, "no group")));
        assert_eq!(report.missing(&cpu, &cpu), None);
    }
}
