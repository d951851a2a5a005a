//! What the hub tells of packages, instances, groups and commands, and what it is asked with. Plain data.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use igloo_engine::Stats;
use igloo_model::{DeviceId, InstanceId, InstanceName, ids::InvalidName, value::timestamp_text};
use igloo_protocol::{Grants, Limits, Protection, RunAs, RunAsChoice, Want, manifest::Action};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

pub(crate) fn timestamp<S: Serializer>(nanoseconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp_text(*nanoseconds))
}

pub(crate) fn optional_timestamp<S: Serializer>(nanoseconds: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    nanoseconds.map(timestamp_text).serialize(serializer)
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}

/// A package's identity: the SHA-256 of its manifest and files, as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PackageId(pub(crate) String);

impl PackageId {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PackageId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(format!("'{}' is not a package's id: 64 hexadecimal digits", text.escape_debug())))
        }
    }
}

impl From<PackageId> for String {
    fn from(id: PackageId) -> String {
        id.0
    }
}

impl TryFrom<String> for PackageId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

/// Whether a package's component is ready to run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CompileState {
    /// Being compiled, or loaded from the cache.
    Compiling {
        /// Since when.
        #[serde(serialize_with = "timestamp")]
        since: i64,
    },
    /// Instances start at once.
    Ready,
    /// It cannot be compiled.
    Failed {
        /// Why.
        reason: String,
    },
}

/// An installed package.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackageInfo {
    /// Its identity.
    pub id: PackageId,
    /// From its manifest.
    pub name: String,
    /// From its manifest.
    pub version: String,
    /// From its manifest.
    pub description: String,
    /// What it asks the owner for.
    pub wants: Vec<Want>,
    /// Its operations by name.
    pub actions: std::collections::BTreeMap<String, Action>,
    /// The JSON schema of its configuration.
    pub config_schema: Option<Json>,
    /// Bytes of its component and its executable.
    pub size: u64,
    /// How it runs where its owner chooses nothing else.
    pub run_as: RunAs,
    /// The ways to run that it has files for.
    pub runs_as: Vec<RunAs>,
    /// Protections that it requires of its process.
    pub requires: BTreeSet<Protection>,
    /// Whether it is ready to run.
    pub compiled: CompileState,
}

/// An instance to add.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// What it runs.
    pub package: PackageId,
    /// Its name; the package's name, made unique, where there is none.
    pub name: Option<InstanceName>,
    /// Its configuration, checked against the package's schema.
    pub config: Json,
    /// What its owner allows.
    pub grants: Grants,
    /// How it is to run, where that is not what the package says.
    pub run_as: RunAsChoice,
    /// Whether to start it.
    pub start: bool,
}

/// Which instance: by id (`i3`) or by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InstanceRef {
    /// By the hub's id.
    Id(InstanceId),
    /// By the owner's name.
    Name(InstanceName),
}

impl FromStr for InstanceRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::Name))
    }
}

impl fmt::Display for InstanceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl From<InstanceId> for InstanceRef {
    fn from(id: InstanceId) -> Self {
        Self::Id(id)
    }
}

/// What an instance is doing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Not running: its owner stopped it, or it finished.
    Stopped,
    /// Waiting for its package's compilation.
    Compiling,
    /// Running, and not yet ready for commands.
    Starting,
    /// Ready.
    Running,
    /// It failed and will be started again.
    BackingOff {
        /// When.
        #[serde(serialize_with = "timestamp")]
        until: i64,
        /// Why it failed.
        reason: String,
    },
    /// It failed too often and waits for its owner.
    Quarantined {
        /// Why it failed the last time.
        reason: String,
    },
}

/// An instance, as of now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InstanceInfo {
    /// The hub's id.
    pub id: InstanceId,
    /// The owner's name.
    pub name: InstanceName,
    /// What it runs.
    pub package: PackageId,
    /// Its package's name.
    pub package_name: String,
    /// Its package's version.
    pub version: String,
    /// How it runs.
    pub run_as: RunAs,
    /// Whether its owner chose that.
    pub run_as_chosen: bool,
    /// What it is doing.
    #[serde(flatten)]
    pub state: State,
    /// Whether its owner wants it to run.
    pub wanted: bool,
    /// Whether it takes commands.
    pub ready: bool,
    /// Restarts after failures since the hub started.
    pub restarts: u32,
    /// Since when it has been in this state.
    #[serde(serialize_with = "timestamp")]
    pub since: i64,
    /// Its configuration, secrets replaced by `•••`.
    pub config: Json,
    /// What its owner allows.
    pub grants: Grants,
    /// What its package asks for and its owner has not granted.
    pub missing_wants: Vec<Want>,
    /// The numbers in force.
    pub limits: Limits,
    /// Figures of the running session; CPU time is of all since the hub started.
    pub stats: Stats,
    /// How many devices it has.
    pub devices: usize,
    /// Values written since the hub started.
    pub writes: u64,
    /// Events emitted since the hub started.
    pub events: u64,
    /// Events lost to the rate limit since the hub started.
    pub lost_events: u64,
    /// Commands delivered since the hub started.
    pub commands: u64,
    /// Commands and actions under way.
    pub queue: u32,
    /// Commands and actions that did not succeed since the hub started.
    pub failures: Failures,
    /// Log lines left out since the hub started.
    pub lost_log_lines: u64,
    /// Denials since the hub started.
    pub denials: u64,
}

/// What somebody asks of one entity.
#[derive(Clone, PartialEq, Debug)]
pub struct CommandRequest {
    /// Which device.
    pub device: DeviceId,
    /// The provider's identifier of the entity.
    pub entity: String,
    /// Kind and value, applied as one.
    pub changes: Vec<(String, Json)>,
    /// How long the change may take to complete.
    pub transition: Option<Duration>,
    /// How long to wait for the outcome: at most [`CommandRequest::LONGEST`].
    pub deadline: Duration,
    /// Two requests with the same key are one command: the second gets the first's outcome.
    pub idempotency_key: Option<String>,
}

impl CommandRequest {
    /// How long to wait where nobody said.
    pub const USUAL: Duration = Duration::from_secs(5);
    /// The longest wait.
    pub const LONGEST: Duration = Duration::from_secs(60);
}

/// How a command ended.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommandResult {
    /// The command's number, unique in the hub. 0 where it never became a command.
    pub id: u64,
    /// How it ended.
    pub outcome: CommandOutcome,
    /// From the request to the outcome.
    #[serde(rename = "elapsed-ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandOutcome {
    /// The device accepted it; what it wrote before saying so is visible.
    Ok,
    /// The device or its provider will not do it.
    Rejected(String),
    /// Too much is under way, here or in the provider; it was not carried out.
    Busy(String),
    /// The device or its provider cannot be reached; it was not carried out.
    Unavailable(String),
    /// No answer in time: whether it took effect is not known.
    Timeout,
    /// The provider ended before it answered: whether it took effect is not known.
    Interrupted,
    /// The command is not well formed; it was not delivered.
    Invalid(String),
    /// There is no such device, entity or action.
    NotFound(String),
    /// The provider failed otherwise.
    Failed {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

/// Why an action has no result.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandFailure {
    /// The provider will not do it.
    #[error("rejected: {0}")]
    Rejected(String),
    /// Too much is under way, here or in the provider.
    #[error("busy: {0}")]
    Busy(String),
    /// The provider cannot be reached.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// No answer in time.
    #[error("no answer in time; whether it took effect is not known")]
    Timeout,
    /// The provider ended before it answered.
    #[error("the provider ended before it answered; whether it took effect is not known")]
    Interrupted,
    /// Not well formed.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The provider failed otherwise.
    #[error("{text} ({code})")]
    Failed {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
}

/// How many commands and actions did not succeed, by how they ended. Those that were not well formed are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failures {
    /// The provider would not do it.
    pub rejected: u64,
    /// Too much was under way.
    pub busy: u64,
    /// The provider or the device could not be reached.
    pub unavailable: u64,
    /// There was no answer in time.
    pub timeout: u64,
    /// The provider ended before it answered.
    pub interrupted: u64,
    /// The provider failed otherwise.
    pub failed: u64,
}

impl Failures {
    pub(crate) fn count(&mut self, failure: &CommandFailure) {
        match failure {
            CommandFailure::Rejected(_) => self.rejected += 1,
            CommandFailure::Busy(_) => self.busy += 1,
            CommandFailure::Unavailable(_) => self.unavailable += 1,
            CommandFailure::Timeout => self.timeout += 1,
            CommandFailure::Interrupted => self.interrupted += 1,
            CommandFailure::Failed { .. } => self.failed += 1,
            CommandFailure::Invalid(_) | CommandFailure::NotFound(_) => {}
        }
    }

    /// Each with its name.
    #[must_use]
    pub fn list(&self) -> [(&'static str, u64); 6] {
        [
            ("rejected", self.rejected),
            ("busy", self.busy),
            ("unavailable", self.unavailable),
            ("timeout", self.timeout),
            ("interrupted", self.interrupted),
            ("failed", self.failed),
        ]
    }
}

impl From<Result<(), CommandFailure>> for CommandOutcome {
    fn from(result: Result<(), CommandFailure>) -> Self {
        match result {
            Ok(()) => Self::Ok,
            Err(CommandFailure::Rejected(reason)) => Self::Rejected(reason),
            Err(CommandFailure::Busy(reason)) => Self::Busy(reason),
            Err(CommandFailure::Unavailable(reason)) => Self::Unavailable(reason),
            Err(CommandFailure::Timeout) => Self::Timeout,
            Err(CommandFailure::Interrupted) => Self::Interrupted,
            Err(CommandFailure::Invalid(reason)) => Self::Invalid(reason),
            Err(CommandFailure::NotFound(reason)) => Self::NotFound(reason),
            Err(CommandFailure::Failed { code, text }) => Self::Failed { code, text },
        }
    }
}

/// What a path names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The device.
    pub device: DeviceId,
    /// The entity, if the path names one.
    pub entity: Option<String>,
}

/// A group's id, never reused: `g2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GroupId(pub u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}", self.0)
    }
}

impl FromStr for GroupId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.strip_prefix('g')
            .and_then(|number| number.parse().ok())
            .map(Self)
            .ok_or_else(|| InvalidName(format!("'{}' is not an id like g7", text.escape_debug())))
    }
}

impl From<GroupId> for String {
    fn from(id: GroupId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for GroupId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

/// A root certificate of the owner's own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RootInfo {
    /// For people; unique.
    pub name: String,
    /// Whose it is, as the certificate says: `CN=Home,O=Me`.
    pub subject: String,
    /// When it ends, in nanoseconds since 1970.
    #[serde(serialize_with = "timestamp")]
    pub expires: i64,
    /// Whether that is past: then nothing that it signed is trusted.
    pub expired: bool,
    /// Its fingerprint: the SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
}

/// Devices that belong together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupInfo {
    /// The hub's id.
    pub id: GroupId,
    /// For people; unique.
    pub name: String,
    /// Its devices. A device may be in many groups.
    pub devices: Vec<DeviceId>,
}
