//! What somebody asks of one entity.

use crate::{
    device::Component,
    kinds::{self, Kind, KnownKind},
    value::Value,
};
use std::time::Duration;

/// A command: changes of one entity that belong together. Apply all of them or none.
///
/// ```ignore
/// if let Some(on) = command.switch() { … }              // by kind
/// if let Some(on) = command.asks(&self.switch) { … }    // by component: of this very device and entity
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Command {
    /// Unique in the hub. The same command is never delivered twice.
    pub id: u64,
    /// The provider's own identifier of the device.
    pub device: String,
    /// The provider's own identifier of the entity.
    pub entity: String,
    /// At least one.
    pub changes: Vec<Change>,
    /// How long the change may take to complete, for lights and covers.
    pub transition: Option<Duration>,
    /// How long from delivery until the asker is told `timeout` and an answer is discarded.
    pub deadline: Duration,
}

/// One wanted value.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The component's kind, such as `switch`.
    pub kind: String,
    /// A value of the kind's type.
    pub value: Value,
}

impl Command {
    /// The value wanted of this component, if the command is about its entity and asks for it.
    pub fn asks<K: Kind>(&self, component: &Component<K>) -> Option<K::Value> {
        let shared = &component.shared;
        if self.device != *shared.device || self.entity != *shared.entity {
            return None;
        }
        K::decode(self.value(&shared.kind)?)
    }

    /// The value wanted of the component of the kind with this name.
    pub fn value(&self, kind: &str) -> Option<&Value> {
        self.changes.iter().find(|change| change.kind == kind).map(|change| &change.value)
    }

    fn of_kind<K: KnownKind>(&self) -> Option<K::Value> {
        K::decode(self.value(K::INFO.name)?)
    }
}

include!(concat!(env!("OUT_DIR"), "/command_kinds.rs"));
