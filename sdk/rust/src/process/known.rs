//! What this session described, as far as a write must know it: a `write` is not answered, yet its author is to learn at
//! once what a component would. The hub checks again, by the same rules (`igloo-model`, `Component::check_write`).

use crate::{
    bindings::igloo::provider::types::{Access, Color, DeviceDescription, Update, UpdateError, Value},
    kinds::{self, KindInfo},
    value::ValueType,
};
use std::collections::HashMap;

/// Bytes of a text value, of all of a list's together (`wit/provider.wit`).
const TEXT_BYTES: usize = 16 * 1024;
/// Items of a list value (`wit/provider.wit`).
const LIST_ITEMS: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Known {
    components: HashMap<u32, Component>,
    /// The handles of each device.
    devices: HashMap<String, Vec<u32>>,
}

#[derive(Debug)]
struct Component {
    /// `None` for a kind that this SDK does not know: the hub may.
    kind: Option<&'static KindInfo>,
    has_state: bool,
}

impl Known {
    /// A device was described; the hub answered these handles.
    pub(crate) fn described(&mut self, device: &DeviceDescription, handles: &[u32]) {
        self.removed(&device.id);
        let components = device.entities.iter().flat_map(|entity| &entity.components);
        for (component, handle) in components.zip(handles) {
            let has_state = matches!(component.access, Access::Read | Access::ReadWrite);
            self.components.insert(*handle, Component { kind: kinds::find(&component.kind), has_state });
        }
        self.devices.insert(device.id.clone(), handles.to_vec());
    }

    pub(crate) fn removed(&mut self, device: &str) {
        for handle in self.devices.remove(device).unwrap_or_default() {
            self.components.remove(&handle);
        }
    }

    pub(crate) fn check(&self, update: &Update) -> Result<(), UpdateError> {
        let component = self.components.get(&update.component).ok_or(UpdateError::UnknownComponent)?;
        if !component.has_state {
            return Err(UpdateError::NotWritable);
        }
        if let Some(kind) = component.kind {
            check_type(&update.value, kind)?;
        }
        check_size(&update.value)
    }
}

fn check_type(value: &Value, kind: &KindInfo) -> Result<(), UpdateError> {
    let fits = match (value, kind.value) {
        (Value::Unknown, wanted) => wanted != ValueType::None,
        (Value::Choice(index), ValueType::Choice) => (*index as usize) < kind.options.len(),
        (Value::Boolean(_), ValueType::Boolean)
        | (Value::Integer(_), ValueType::Integer)
        | (Value::Real(_), ValueType::Real)
        | (Value::Text(_), ValueType::Text)
        | (Value::Color(_), ValueType::Color)
        | (Value::Date(_), ValueType::Date)
        | (Value::TimeOfDay(_), ValueType::TimeOfDay)
        | (Value::Timestamp(_), ValueType::Timestamp)
        | (Value::Duration(_), ValueType::Duration)
        | (Value::Booleans(_), ValueType::Booleans)
        | (Value::Integers(_), ValueType::Integers)
        | (Value::Reals(_), ValueType::Reals)
        | (Value::Texts(_), ValueType::Texts)
        | (Value::Colors(_), ValueType::Colors)
        | (Value::Dates(_), ValueType::Dates)
        | (Value::TimesOfDay(_), ValueType::TimesOfDay) => true,
        _ => false,
    };
    if fits { Ok(()) } else { Err(UpdateError::WrongType) }
}

fn check_size(value: &Value) -> Result<(), UpdateError> {
    let finite = |color: &Color| color.red.is_finite() && color.green.is_finite() && color.blue.is_finite();
    let (is_finite, items, bytes) = match value {
        Value::Real(real) => (real.is_finite(), 0, 0),
        Value::Color(color) => (finite(color), 0, 0),
        Value::Text(text) => (true, 0, text.len()),
        Value::Booleans(list) => (true, list.len(), 0),
        Value::Integers(list) => (true, list.len(), 0),
        Value::Reals(list) => (list.iter().all(|real| real.is_finite()), list.len(), 0),
        Value::Texts(list) => (true, list.len(), list.iter().map(String::len).sum()),
        Value::Colors(list) => (list.iter().all(finite), list.len(), 0),
        Value::Dates(list) => (true, list.len(), 0),
        Value::TimesOfDay(list) => (true, list.len(), 0),
        _ => (true, 0, 0),
    };
    match (is_finite, items > LIST_ITEMS || bytes > TEXT_BYTES) {
        (false, _) => Err(UpdateError::WrongType),
        (true, true) => Err(UpdateError::Limit),
        (true, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igloo_wire::types::{ComponentDescription, EntityDescription};

    #[test]
    fn a_write_is_checked_as_a_hub_would() {
        let component =
            |kind: &str, access| ComponentDescription { kind: kind.to_owned(), access, attributes: Vec::new() };
        let device = DeviceDescription {
            id: "d".to_owned(),
            name: "D".to_owned(),
            attributes: Vec::new(),
            entities: vec![EntityDescription {
                id: "e".to_owned(),
                name: "E".to_owned(),
                attributes: Vec::new(),
                components: vec![
                    component("power", Access::Read),
                    component("lock-state", Access::ReadWrite),
                    component("cover-command", Access::Command),
                    component("of-the-future", Access::Read),
                ],
            }],
        };
        let mut known = Known::default();
        known.described(&device, &[7, 8, 9, 10]);
        let check = |known: &Known, component, value| known.check(&Update { component, value, time: None });
        assert_eq!(check(&known, 7, Value::Real(1.0)), Ok(()));
        assert_eq!(check(&known, 7, Value::Unknown), Ok(()));
        assert_eq!(check(&known, 7, Value::Real(f64::NAN)), Err(UpdateError::WrongType));
        assert_eq!(check(&known, 7, Value::Integer(1)), Err(UpdateError::WrongType));
        assert_eq!(check(&known, 8, Value::Choice(0)), Ok(()));
        assert_eq!(check(&known, 8, Value::Choice(1000)), Err(UpdateError::WrongType));
        assert_eq!(check(&known, 9, Value::Choice(0)), Err(UpdateError::NotWritable));
        assert_eq!(check(&known, 10, Value::Text("x".repeat(TEXT_BYTES))), Ok(()));
        assert_eq!(check(&known, 10, Value::Text("x".repeat(TEXT_BYTES + 1))), Err(UpdateError::Limit));
        assert_eq!(check(&known, 11, Value::Unknown), Err(UpdateError::UnknownComponent));
        known.removed("d");
        assert_eq!(check(&known, 7, Value::Real(1.0)), Err(UpdateError::UnknownComponent));
    }
}
