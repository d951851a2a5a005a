//! The API's JSON bodies: what the OpenAPI document describes, and what the `igloo` command reads.
//!
//! Names are kebab-case. Times are RFC 3339 in UTC. Readers skip fields they do not know, so that fields can be added.
//! The hub's own types become these in `convert`; nothing else knows both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::tokens::Scope;

/// The hub is there.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// Always `ok`: a hub that is not does not answer.
    pub status: String,
    /// The hub's version.
    pub version: String,
    /// The version of the contract with providers that it speaks.
    pub contract: String,
}

/// A package: a provider as it was uploaded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// The hash of its manifest and files.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// What it asks its owner for.
    pub wants: Vec<Want>,
    /// Operations that it offers, by name.
    pub actions: BTreeMap<String, Action>,
    /// A JSON schema of its configuration, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<Value>,
    /// Bytes of its component and its executable.
    pub size: u64,
    /// How it runs where its owner chooses nothing else.
    pub run_as: RunAs,
    /// The ways to run that it has files for.
    pub runs_as: Vec<RunAs>,
    /// Protections without which its process does not start.
    pub requires: Vec<String>,
    /// Whether it has been compiled for this machine.
    pub compiled: Compiled,
    /// Why compiling failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile_error: Option<String>,
}

/// What runs a provider's code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// WebAssembly's runtime runs its component.
    Component,
    /// The system runs its executable.
    Process,
}

/// Where a provider's code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// In the hub.
    InHub,
    /// In a sandboxed process of its own; a native process always is.
    Isolated,
}

/// How a provider runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunAs {
    /// What runs it.
    pub engine: Engine,
    /// Where it runs.
    pub placement: Placement,
}

impl std::fmt::Display for RunAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.engine, self.placement) {
            (Engine::Component, Placement::InHub) => "component",
            (Engine::Component, Placement::Isolated) => "isolated component",
            (Engine::Process, _) => "process",
        })
    }
}

/// How a provider is to run. What is left out is as its package says; `{}` is all of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunAsChoice {
    /// What is to run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Where it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

/// Whether a package has been compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compiled {
    /// Under way.
    Compiling,
    /// It has.
    Ready,
    /// It cannot be.
    Failed,
}

/// A grant that a package asks for. Parts that only the owner knows are `?`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Want {
    /// The grant's text.
    pub grant: String,
    /// Why.
    pub why: String,
    /// Whether the provider works without it.
    pub optional: bool,
}

/// An operation that a provider offers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Action {
    /// One line for people.
    pub description: String,
    /// A JSON schema of its parameters, if it takes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
}

/// An instance: one configured copy of a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Instance {
    /// The hub's id; never used again.
    pub id: String,
    /// The owner's name for it.
    pub name: String,
    /// Its package.
    pub package: String,
    /// Its package's name.
    pub package_name: String,
    /// Its package's version.
    pub version: String,
    /// How it runs.
    pub run_as: RunAs,
    /// Whether its owner chose that; if not, its package says so.
    pub run_as_chosen: bool,
    /// What it does now.
    pub state: State,
    /// Why it is in this state, if something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is started again, while it backs off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
    /// Whether it should run.
    pub wanted: bool,
    /// Whether it said that it takes commands.
    pub ready: bool,
    /// How often it was started again since the hub started.
    pub restarts: u32,
    /// Since when it has been in this state.
    pub since: String,
    /// Its configuration, without secrets.
    pub config: Value,
    /// What it may do.
    pub grants: Vec<String>,
    /// Whether what is not granted is refused.
    pub mode: Mode,
    /// What its package wants and it was not granted.
    pub missing_wants: Vec<Want>,
    /// The numbers that bound it.
    pub limits: Limits,
    /// What it uses.
    pub stats: Stats,
}

/// What an instance does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing, as its owner wants.
    Stopped,
    /// It waits for its package to be compiled.
    Compiling,
    /// It begins.
    Starting,
    /// It runs.
    Running,
    /// It failed and will be started again.
    BackingOff,
    /// It failed too often.
    Quarantined,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped",
            Self::Compiling => "compiling",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::BackingOff => "backing-off",
            Self::Quarantined => "quarantined",
        })
    }
}

/// Whether what is not granted is refused, or only recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Refused and recorded.
    Enforce,
    /// Allowed and recorded.
    Audit,
}

/// The numbers that bound an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Percent of one core.
    pub cpu_percent: u32,
    /// Bytes in its key-value store.
    pub storage: u64,
    /// Bytes in its private directory.
    pub private: u64,
    /// Bytes that its streams may hold in the hub.
    pub buffers: u64,
    /// Updates published in a second.
    pub writes_per_second: u32,
    /// Events emitted in a second.
    pub events_per_second: u32,
    /// Log lines kept in a second.
    pub logs_per_second: u32,
    /// Commands and actions under way at a time.
    pub queue: u32,
    /// Sockets and other resources open at a time.
    pub sockets: u32,
    /// Serial ports open at a time.
    pub serial_ports: u32,
    /// Processes and threads, where it is a process.
    pub processes: u32,
}

/// What an instance uses, and what it has done since the hub started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// Time spent running its code since the hub started.
    pub cpu_microseconds: u64,
    /// Its memory in bytes.
    pub memory_bytes: u64,
    /// Calls that it was asked and has not answered in time.
    pub stuck_calls: u32,
    /// Its devices.
    pub devices: u64,
    /// Values it wrote.
    pub writes: u64,
    /// Events it emitted.
    pub events: u64,
    /// Events that were lost, because it emitted too many.
    pub lost_events: u64,
    /// Commands it was asked.
    pub commands: u64,
    /// Commands and actions under way.
    #[serde(default)]
    pub queue: u32,
    /// Commands and actions that did not succeed.
    #[serde(default)]
    pub failures: Failures,
    /// Sockets open, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u64>,
    /// Serial ports open, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_ports: Option<u64>,
    /// Bytes that its streams hold in the hub, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffered_bytes: Option<u64>,
    /// Its processes and threads, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Log lines that were not kept.
    pub lost_log_lines: u64,
    /// Things it asked for that are not granted.
    pub denials: u64,
}

/// How many commands and actions did not succeed, by how they ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
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

/// Which protections providers have, and which the hub's machine lacks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Diagnosis {
    /// What the machine offers to providers that are processes.
    pub machine: Vec<Protection>,
    /// The providers, by name.
    pub providers: Vec<ProviderDiagnosis>,
}

/// A protection of a provider's process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Protection {
    /// Its name, as in manifests and in `without=` grants.
    pub name: String,
    /// What it is good for.
    pub means: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One provider's protections.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProviderDiagnosis {
    /// The instance's name.
    pub instance: String,
    /// How it runs.
    pub run_as: RunAs,
    /// What it does now.
    pub state: State,
    /// Why it is in this state, if something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Protections without which its package does not start.
    pub requires: Vec<String>,
    /// Protections that its owner accepts to be lacking.
    pub without: Vec<String>,
    /// What its process has, or would have if it ran. Empty for a component in the hub, which has no process.
    pub protections: Vec<Protection>,
}

/// A new instance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewInstance {
    /// Its package's id.
    pub package: String,
    /// Its name; the package's name if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its configuration.
    #[serde(default)]
    pub config: Value,
    /// What it may do.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Whether what is not granted is refused.
    #[serde(default = "enforce")]
    pub mode: Mode,
    /// How it is to run, where that is not what its package says.
    #[serde(default)]
    pub run_as: RunAsChoice,
    /// Whether to start it.
    #[serde(default = "yes")]
    pub start: bool,
}

fn enforce() -> Mode {
    Mode::Enforce
}

fn yes() -> bool {
    true
}

/// A change of one thing of an instance. Exactly one field.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum InstanceChange {
    /// A new name.
    Name(String),
    /// Changes of the configuration, as a JSON merge patch (RFC 7396): what is not named stays, `null` takes away.
    Config(Value),
    /// Whether what is not granted is refused.
    Mode(Mode),
    /// Another version of its package, by id.
    Package(String),
    /// Another way to run. It starts anew.
    RunAs(RunAsChoice),
}

/// A grant to give.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GrantBody {
    /// Its text, such as `tcp://192.168.1.20:502`.
    pub grant: String,
}

/// A grant to take back.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GrantQuery {
    /// Its text.
    #[param(example = "memory=32MiB")]
    pub grant: String,
}

/// An action's parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ActionCall {
    /// What it is asked, by the schema of the package.
    #[serde(default)]
    pub parameters: Value,
    /// How long to wait; 30 s if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 300_000)]
    pub deadline_ms: Option<u64>,
}

/// An action's result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ActionResult {
    /// What the provider answered.
    pub result: Value,
}

/// A device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Device {
    /// The hub's id.
    pub id: String,
    /// `instance/device`: its path in queries.
    pub path: String,
    /// Its instance's id.
    pub instance_id: String,
    /// Its instance's name.
    pub instance: String,
    /// The provider's identifier.
    pub key: String,
    /// For people.
    pub name: String,
    /// Manufacturer, model…
    pub attributes: BTreeMap<String, Value>,
    /// Whether commands can reach it now.
    pub available: bool,
    /// Its instance runs and has described it.
    pub connected: bool,
    /// The provider says that it can be reached.
    pub reachable: bool,
    /// Its instance described its devices without it.
    pub missing: bool,
    /// The ids of the groups that it is in.
    pub groups: Vec<String>,
    /// Its entities.
    pub entities: Vec<Entity>,
}

/// An entity of a device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Entity {
    /// The provider's identifier.
    pub id: String,
    /// For people.
    pub name: String,
    /// Category, icon…
    pub attributes: BTreeMap<String, Value>,
    /// Its components.
    pub components: Vec<Component>,
}

/// A component of an entity.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Component {
    /// What it is, such as `switch`.
    pub kind: String,
    /// Who may change it: `read`, `read-write`, `command` or `event`.
    pub access: String,
    /// Its newest value; `null` if it is not known.
    pub value: Value,
    /// The unit of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The home's revision when it was written; 0 if it never was.
    pub revision: u64,
    /// When the hub got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// The device's own time of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Restored from before the hub's start, and not written since.
    pub stale: bool,
    /// Range, options…
    pub attributes: BTreeMap<String, Value>,
}

/// Which devices or components.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueryParameter {
    /// `instance/device/entity/kind`, each part with `*` for anything; parts left out at the end mean all.
    #[serde(default)]
    #[param(example = "*/lamp-*")]
    pub query: String,
}

/// What somebody asks of an entity.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Command {
    /// Values by kind, applied as one.
    #[schema(example = json!({"switch": true}))]
    pub changes: serde_json::Map<String, Value>,
    /// How long the change may take to complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 86_400_000)]
    pub transition_ms: Option<u64>,
    /// How long to wait for the outcome; 5 s if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60_000)]
    pub deadline_ms: Option<u64>,
}

/// A command that was done.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CommandResult {
    /// The command's id, as in the logs.
    pub command: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed_ms: f64,
}

/// How a command or an action ended. All but `ok` come as a problem.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The device accepted it.
    Ok,
    /// The provider will not do it.
    Rejected,
    /// Something else is under way.
    Busy,
    /// The device cannot be reached.
    Unavailable,
    /// No answer in time: whether it took effect is not known.
    Timeout,
    /// The provider ended before it answered: whether it took effect is not known.
    Interrupted,
    /// The request makes no sense for this entity.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// It failed in the provider's own way.
    Failed,
}

/// Devices that belong together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// The hub's id.
    pub id: String,
    /// For people.
    pub name: String,
    /// The ids of its devices.
    pub devices: Vec<String>,
}

/// A group's name.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GroupName {
    /// 1 to 64 characters.
    pub name: String,
}

/// A root certificate that this home trusts beside the system's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Root {
    /// For people; unique.
    pub name: String,
    /// Whose it is, as the certificate says.
    pub subject: String,
    /// When it ends.
    pub expires: String,
    /// Whether that is past: then nothing that it signed is trusted.
    pub expired: bool,
    /// Its fingerprint: the SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
}

/// A root certificate to trust.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewRoot {
    /// Its name; the common name of its subject if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An authority's certificate, as PEM.
    pub certificate: String,
}

/// A line that a provider, or the hub about it, logged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// When.
    pub time: String,
    /// Whose: the instance's name.
    pub instance: String,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// Who said it: `provider`, or `hub` about the instance.
    pub source: String,
    /// The text, of several lines perhaps. Other control characters are escaped; for HTML it is not.
    pub text: String,
}

/// Which log lines.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// An instance's name or id; all instances if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// At most so many of the newest; 200 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<usize>,
}

/// Which instance.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstanceParameter {
    /// An instance's name or id; all instances if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// Something that a provider asked for and is not granted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Denial {
    /// Whose: the instance's name.
    pub instance: String,
    /// Such as `connect` or `serial`.
    pub capability: String,
    /// What it asked for.
    pub target: String,
    /// The grant that would allow it, if one could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Why no grant could allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it was refused; not in audit mode.
    pub enforced: bool,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: String,
    /// When last.
    pub last: String,
}

/// A token, without the token itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// When it was made.
    pub created: String,
}

/// A token to make.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenRequest {
    /// What to call it.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
}

/// A token that was just made. It is never shown again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NewToken {
    /// The token itself: keep it secret.
    pub token: String,
    /// What is kept of it.
    pub about: Token,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("about", &self.about).finish_non_exhaustive()
    }
}

/// A message of `/v1/watch`. First the home as it is (devices, then values), then `synced`, then what changes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum WatchMessage {
    /// A device is new, or changed in something other than values.
    Device {
        /// The whole device, as it is now.
        device: Box<Device>,
    },
    /// A device is gone.
    Removed {
        /// Its id.
        device: String,
    },
    /// A component has a new value.
    Value {
        /// Which device: its id.
        device: String,
        /// `instance/device/entity/kind`.
        path: String,
        /// The newest value; `null` if it is not known.
        value: Value,
        /// The unit of the value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        /// The home's revision of this value: what orders everything.
        revision: u64,
        /// When the hub got it; absent if it never was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        updated: Option<String>,
        /// The device's own time of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        /// Restored from before the hub's start, and not written since.
        stale: bool,
        /// Values between the last one told and this one.
        skipped: u32,
    },
    /// Something happened.
    Event {
        /// Which device: its id.
        device: String,
        /// `instance/device/entity/kind`.
        path: String,
        /// Such as `press`.
        event: String,
        /// What came with it.
        data: Value,
        /// The home's revision of it.
        revision: u64,
        /// When the hub got it.
        updated: String,
    },
    /// So many events were lost, because the reader was slow.
    Lost {
        /// How many.
        events: u64,
    },
    /// Everything that was there when the watch began has been told.
    Synced,
}

/// A message of `/v1/events`: what happens in the hub, other than to devices.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum HubMessage {
    /// An instance is in another state.
    Instance {
        /// The instance as it is now.
        instance: Box<Instance>,
    },
    /// An instance was added, removed, renamed, configured or granted something: read the list again.
    Instances,
    /// A package was added or removed, or its compilation ended: read the list again.
    Packages,
    /// A group was added, changed or removed: read the list again.
    Groups,
    /// A root certificate was added or removed: read the list again.
    Roots,
    /// An instance asked for something that is not granted.
    Denial {
        /// What.
        denial: Box<Denial>,
    },
    /// So many messages were lost, because the reader was slow: read the lists again.
    Lost {
        /// How many.
        events: u64,
    },
}

/// A message of `/v1/logs/follow`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum LogMessage {
    /// A line.
    Line {
        /// The line.
        line: LogLine,
    },
    /// So many lines were lost, because the reader was slow.
    Lost {
        /// How many.
        lines: u64,
    },
}
