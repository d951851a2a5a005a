//! The other direction: what a component says, for the wire; what a hub answers, from it.

use igloo_model::{DeviceDescription, Value};
use igloo_protocol::{Command, CommandError, DescribeError, EmitError, LogLevel, StoreError, Update};
use igloo_wire::types as wire;

use crate::convert::wire as convert;
pub(super) use crate::convert::wire::value_out;
use crate::convert::{NoSuchTime, UNKNOWN_EVENT};

fn attributes(attributes: igloo_model::Attributes) -> Vec<wire::Attribute> {
    attributes.into_iter().map(|(key, value)| wire::Attribute { key, value: value_out(value) }).collect()
}

pub(super) fn device(device: DeviceDescription) -> wire::DeviceDescription {
    let component = |component: igloo_model::ComponentDescription| wire::ComponentDescription {
        kind: component.kind,
        access: match component.access {
            igloo_model::Access::Read => wire::Access::Read,
            igloo_model::Access::ReadWrite => wire::Access::ReadWrite,
            igloo_model::Access::Command => wire::Access::Command,
            igloo_model::Access::Event => wire::Access::Event,
        },
        attributes: attributes(component.attributes),
    };
    let entity = |entity: igloo_model::EntityDescription| wire::EntityDescription {
        id: entity.id,
        name: entity.name,
        attributes: attributes(entity.attributes),
        components: entity.components.into_iter().map(component).collect(),
    };
    wire::DeviceDescription {
        id: device.id,
        name: device.name,
        attributes: attributes(device.attributes),
        entities: device.entities.into_iter().map(entity).collect(),
    }
}

pub(super) fn update(update: Update) -> wire::Update {
    wire::Update { component: update.component, value: value_out(update.value), time: update.time }
}

pub(super) fn log_level(level: LogLevel) -> wire::LogLevel {
    match level {
        LogLevel::Trace => wire::LogLevel::Trace,
        LogLevel::Debug => wire::LogLevel::Debug,
        LogLevel::Info => wire::LogLevel::Info,
        LogLevel::Warn => wire::LogLevel::Warn,
        LogLevel::Error => wire::LogLevel::Error,
    }
}

pub(super) fn command_error(error: CommandError) -> wire::CommandError {
    match error {
        CommandError::Rejected(reason) => wire::CommandError::Rejected(reason),
        CommandError::Busy => wire::CommandError::Busy,
        CommandError::Unavailable => wire::CommandError::Unavailable,
        CommandError::Other { code, text } => wire::CommandError::Other((code, text)),
    }
}

pub(super) fn command(command: wire::Command) -> Result<Command, NoSuchTime> {
    let milliseconds = |number: u32| std::time::Duration::from_millis(number.into());
    let change = |change: wire::Change| Ok((change.kind, convert::value(change.value)?));
    Ok(Command {
        id: command.id,
        device: command.device,
        entity: command.entity,
        changes: command.changes.into_iter().map(change).collect::<Result<Vec<(String, Value)>, _>>()?,
        transition: command.transition_ms.map(milliseconds),
        deadline: milliseconds(command.deadline_ms),
    })
}

pub(super) fn describe_error(error: wire::DescribeError) -> DescribeError {
    match error {
        wire::DescribeError::Limit(text) => DescribeError::Limit(text),
        wire::DescribeError::Invalid(text) => DescribeError::Invalid(text),
        wire::DescribeError::Other((_, text)) => DescribeError::Unavailable(text),
    }
}

pub(super) fn emit_error(error: &wire::EmitError) -> EmitError {
    match error {
        wire::EmitError::UnknownComponent => EmitError::UnknownComponent,
        wire::EmitError::NotAnEvent => EmitError::NotAnEvent,
        wire::EmitError::Overflow(lost) => EmitError::Overflow(*lost),
        wire::EmitError::Other((code, _)) if code == UNKNOWN_EVENT => EmitError::UnknownEvent,
        wire::EmitError::Limit | wire::EmitError::Other(_) => EmitError::Limit,
    }
}

pub(super) fn store_error(error: wire::store::ErrorCode) -> StoreError {
    match error {
        wire::store::ErrorCode::Quota => StoreError::Quota,
        wire::store::ErrorCode::Unavailable(text) | wire::store::ErrorCode::Other((_, text)) => {
            StoreError::Unavailable(text)
        }
    }
}
