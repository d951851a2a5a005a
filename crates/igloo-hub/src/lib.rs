//! The home: what is installed, what runs, what its devices are and do.
//!
//! A [`Hub`] owns one data directory. It starts, watches and restarts instances, routes commands to them, keeps the
//! tree of devices and its watches, and stores what must outlive it.
//!
//! Promises: what it acknowledged survives `kill -9` at any instant; a full disk is an error to whoever asked and
//! nobody else's business; whatever one provider does, the others and the hub's callers do not notice; every command
//! has one outcome, and is delivered at most once. It opens no socket and runs no provider's code on the threads that
//! call it.

mod admin;
mod archive;
mod backoff;
mod commands;
mod core;
mod denials;
mod directory;
mod doctor;
mod engines;
mod error;
mod events;
mod groups;
mod hub;
mod idempotency;
mod info;
mod logs;
mod managed;
mod package_files;
mod packages;
mod pending;
mod rate;
mod registry;
mod roots;
mod secrets;
mod session;
mod shared_tree;
mod snapshot;
mod storage;
mod supervisor;
mod view;
mod watch;
mod weight;

pub use denials::DenialRecord;
pub use doctor::{Diagnosis, ProviderDiagnosis};
pub use error::Error;
pub use events::{EventStream, HubEvent};
pub use hub::{Hub, Options};
pub use info::{
    CommandFailure, CommandOutcome, CommandRequest, CommandResult, CompileState, Failures, GroupId, GroupInfo,
    InstanceInfo, InstanceRef, NewInstance, PackageId, PackageInfo, RootInfo, State, Target,
};
pub use logs::{LogLine, LogSource, LogStream, Logged};
pub use package_files::PackageFiles;
pub use view::{ComponentView, DeviceView, EntityView};
pub use watch::Watch;
