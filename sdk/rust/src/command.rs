//! What somebody asks of one entity.

use crate::{
    device::Component,
    kinds::{self, Kind, KnownKind},
    value::Value,
};
use std::time::Duration;

/// A command: changes of one entity that belong together. Apply all of them or none.
///
/// ```no_run
/// # use igloo::prelude::*;
/// # fn carry_out(command: &Command, switch: &Component<kinds::Switch>) {
/// if let Some(on) = command.switch() { /* by kind, whatever the device and the entity */ }
/// if let Some(on) = command.asks(switch) { /* by component: of this very device and entity */ }
/// # }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn a_command_asks_for_one_entitys_components() {
        let mut lamp = Device::new("lamp", "Lamp");
        let (left, right) = (lamp.entity("left", "Left").switch(), lamp.entity("right", "Right").switch());
        let mode = lamp.entity("left", "Left").component("climate-mode");
        let command = Command {
            id: 1,
            device: "lamp".to_owned(),
            entity: "left".to_owned(),
            changes: vec![
                Change { kind: "switch".to_owned(), value: Value::Boolean(true) },
                Change { kind: "climate-mode".to_owned(), value: Value::Choice(2) },
            ],
            transition: None,
            deadline: Duration::from_secs(1),
        };
        assert_eq!(command.switch(), Some(true));
        assert_eq!(command.asks(&left), Some(true));
        assert_eq!(command.asks(&right), None);
        assert_eq!(command.climate_mode(), Some(kinds::ClimateMode::Heat));
        assert_eq!(command.asks(&mode), Some(Value::Choice(2)));
        assert_eq!(command.dimmer(), None);
    }
}
