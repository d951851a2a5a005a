//! How much of the hub's memory a provider's words take, so that a budget can hold them.
//!
//! Each length has a limit of its own in `igloo_model::limits`; all of them at once would be gigabytes.

use igloo_model::{Attributes, DeviceDescription, Value};

/// Bytes that one device's description may take.
pub(crate) const DEVICE: usize = 1 << 20;
/// Bytes that the descriptions of a session may take together.
pub(crate) const DESCRIPTIONS: usize = 16 << 20;
/// Bytes that the texts and lists among a session's values may take together.
pub(crate) const VALUES: usize = 16 << 20;
/// Values of up to so many bytes are not counted.
const LIGHT: usize = 64;

/// Bytes of a value beyond its fixed part; 0 for what is small.
pub(crate) fn of_value(value: &Value) -> usize {
    let bytes = match value {
        Value::Text(text) => text.len(),
        Value::Texts(texts) => texts.iter().map(|text| text.len() + 24).sum(),
        Value::Booleans(list) => list.len(),
        Value::Integers(list) => list.len() * 8,
        Value::Reals(list) => list.len() * 8,
        Value::Colors(list) => list.len() * 24,
        Value::Dates(list) => list.len() * 4,
        Value::TimesOfDay(list) => list.len() * 8,
        _ => 0,
    };
    if bytes > LIGHT { bytes } else { 0 }
}

fn of_attributes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(key, value)| key.len() + LIGHT + of_value(value)).sum()
}

/// Bytes of a description.
pub(crate) fn of_description(device: &DeviceDescription) -> usize {
    let of_entity = |entity: &igloo_model::EntityDescription| {
        let components = entity.components.iter();
        let components =
            components.map(|component| component.kind.len() + LIGHT + of_attributes(&component.attributes));
        entity.id.len() + entity.name.len() + LIGHT + of_attributes(&entity.attributes) + components.sum::<usize>()
    };
    let entities: usize = device.entities.iter().map(of_entity).sum();
    device.id.len() + device.name.len() + of_attributes(&device.attributes) + entities
}
