//! The protections that a provider's process can have, by the names that manifests, grants and the API use.
//!
//! A manifest requires some; an owner may accept that some are lacking. What makes them, and whether they are in force,
//! is the engine's business. A component in the hub has no process: WebAssembly's sandbox stands for all of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! protections {
    ($($value:ident $name:literal $means:literal,)+) => {
        /// One thing that keeps a provider's process from harming the rest of the home.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Protection {
            $(#[doc = $means] $value,)+
        }

        impl Protection {
            /// All of them, in the order in which they are told.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The name: `network-namespace`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name),+ }
            }

            /// What it is good for, as one sentence for the owner.
            #[must_use]
            pub const fn means(self) -> &'static str {
                match self { $(Self::$value => $means),+ }
            }
        }
    };
}

protections! {
    NoNewPrivileges "no-new-privileges" "No program that it runs gains rights that it has not.",
    UserNamespace "user-namespace" "Its users and rights count inside its sandbox only.",
    MountNamespace "mount-namespace" "It sees a file system of its own, with its own directories and the system's programs.",
    PidNamespace "pid-namespace" "It sees only its own processes, and all of them end with it.",
    IpcNamespace "ipc-namespace" "It shares no memory segments, semaphores or message queues with others.",
    UtsNamespace "uts-namespace" "It does not see the machine's host name.",
    NetworkNamespace "network-namespace" "It has no network but what the hub hands to it.",
    Landlock "landlock" "The kernel refuses it every file that it was not given, and signals to others.",
    Seccomp "seccomp" "System calls that only attackers and administrators need are refused.",
    SocketBroker "socket-broker" "The hub answers each of its socket calls by its grants.",
    Capabilities "capabilities" "It holds none of root's rights, even where it runs as root.",
    MemoryLimit "memory-limit" "It cannot use more memory than its limit.",
    ProcessLimit "process-limit" "It cannot start more processes and threads than its limit.",
    CpuLimit "cpu-limit" "It cannot use more processor time than its share.",
    ResourceLimits "resource-limits" "Open files, file sizes and locked memory are bounded, and it leaves no core dumps.",
}

/// A text that names no protection.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not a protection: there are {names}", names = names())]
pub struct UnknownProtection(String);

fn names() -> String {
    Protection::ALL.iter().map(|protection| protection.name()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protection {
    type Err = UnknownProtection;

    fn from_str(text: &str) -> Result<Self, UnknownProtection> {
        let found = Self::ALL.iter().find(|protection| protection.name() == text);
        found.copied().ok_or_else(|| UnknownProtection(text.escape_debug().to_string()))
    }
}

impl From<Protection> for String {
    fn from(protection: Protection) -> Self {
        protection.name().to_owned()
    }
}

impl TryFrom<String> for Protection {
    type Error = UnknownProtection;

    fn try_from(text: String) -> Result<Self, UnknownProtection> {
        text.parse()
    }
}

/// Whether a protection is in force, for one provider or on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProtectionReport {
    /// Which.
    pub protection: Protection,
    /// Why it is not in force; nothing where it is.
    pub lacking: Option<String>,
}

impl ProtectionReport {
    /// Whether it holds.
    #[must_use]
    pub fn in_force(&self) -> bool {
        self.lacking.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for protection in Protection::ALL {
            assert_eq!(protection.name().parse(), Ok(*protection));
        }
        assert!("firewall".parse::<Protection>().unwrap_err().to_string().contains("network-namespace"));
    }
}
