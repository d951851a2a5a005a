//! The calls to the hub, in the SDK's own types. The only module that knows the bindings of `home` and `store`; it holds no state and decides nothing.

use crate::{
    bindings::igloo::provider::{home as wit, store as wit_store, types as t},
    command::{Change, Command},
    device::{AttributeList, Device, Update},
    error::{CommandError, DescribeError, EmitError, Refusal, StoreError},
    kinds::Access,
    log::Level,
    runtime,
    value::{Color, Date, TimeOfDay, Timestamp, Value},
};
use std::time::Duration;

pub(crate) fn describe(device: &Device) -> Result<Vec<u32>, DescribeError> {
    let entities = device.entities.iter().map(|entity| t::EntityDescription {
        id: entity.id.to_string(),
        name: entity.name.clone(),
        attributes: attributes(&entity.attributes),
        components: entity
            .components
            .iter()
            .map(|component| t::ComponentDescription {
                kind: component.kind.to_string(),
                access: access(component.access.get()),
                attributes: attributes(&component.attributes.borrow()),
            })
            .collect(),
    });
    wit::describe(&t::DeviceDescription {
        id: device.id.to_string(),
        name: device.name.clone(),
        attributes: attributes(&device.attributes),
        entities: entities.collect(),
    })
    .map_err(|error| match error {
        t::DescribeError::Limit(text) => DescribeError::Limit(text),
        t::DescribeError::Invalid(text) => DescribeError::Invalid(text),
        t::DescribeError::Other((code, text)) => DescribeError::Other { code, text },
    })
}

pub(crate) fn remove(device: &str) -> bool {
    wit::remove(device)
}

pub(crate) fn complete() {
    wit::complete();
}

pub(crate) fn ready() {
    wit::ready();
}

/// Writes updates whose components all have handles; answers the positions of those refused.
pub(crate) fn write<'a>(updates: impl Iterator<Item = &'a Update>) -> Vec<(usize, Refusal)> {
    let updates: Vec<t::Update> = updates
        .map(|update| t::Update {
            component: update.component.handle.get().unwrap_or(u32::MAX),
            value: to_wit(&update.value),
            time: update.time.map(|time| time.0),
        })
        .collect();
    if updates.is_empty() {
        return Vec::new();
    }
    let Err(refused) = wit::write(&updates) else { return Vec::new() };
    refused
        .into_iter()
        .map(|bad| {
            let why = match bad.error {
                t::UpdateError::UnknownComponent => Refusal::NotDescribed,
                t::UpdateError::WrongType => Refusal::WrongType,
                t::UpdateError::Limit => Refusal::Limit,
                t::UpdateError::NotWritable => Refusal::NotWritable,
                t::UpdateError::Other((code, text)) => Refusal::Other { code, text },
            };
            (bad.index as usize, why)
        })
        .collect()
}

pub(crate) fn emit(handle: u32, event: &str, data: Option<&Value>) -> Result<(), EmitError> {
    wit::emit(handle, event, data.map(to_wit).as_ref()).map_err(|error| match error {
        t::EmitError::UnknownComponent => EmitError::NotDescribed,
        t::EmitError::NotAnEvent => EmitError::NotAnEvent,
        t::EmitError::Overflow(lost) => EmitError::Overflow(lost),
        t::EmitError::Limit => EmitError::Limit,
        t::EmitError::Other((code, text)) => EmitError::Other { code, text },
    })
}

pub(crate) fn set_available(device: &str, available: bool) -> bool {
    wit::set_available(device, available)
}

pub(crate) fn config() -> String {
    wit::config()
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Trace => t::LogLevel::Trace,
        Level::Debug => t::LogLevel::Debug,
        Level::Info => t::LogLevel::Info,
        Level::Warn => t::LogLevel::Warn,
        Level::Error => t::LogLevel::Error,
    };
    wit::log(level, message);
}

pub(crate) async fn store_get(key: String) -> Result<Option<Vec<u8>>, StoreError> {
    runtime::host_call(wit_store::get(key)).await.map_err(store_error)
}

pub(crate) async fn store_set(key: String, value: Vec<u8>) -> Result<(), StoreError> {
    runtime::host_call(wit_store::set(key, value)).await.map_err(store_error)
}

pub(crate) async fn store_delete(key: String) -> Result<(), StoreError> {
    runtime::host_call(wit_store::delete(key)).await.map_err(store_error)
}

pub(crate) async fn store_keys(prefix: String) -> Result<Vec<String>, StoreError> {
    runtime::host_call(wit_store::keys(prefix)).await.map_err(store_error)
}

fn store_error(error: wit_store::ErrorCode) -> StoreError {
    match error {
        wit_store::ErrorCode::Quota => StoreError::Quota,
        wit_store::ErrorCode::Unavailable(text) => StoreError::Unavailable(text),
        wit_store::ErrorCode::Other((code, text)) => StoreError::Other { code, text },
    }
}

pub(crate) fn command(command: t::Command) -> Command {
    Command {
        id: command.id,
        device: command.device,
        entity: command.entity,
        changes: command
            .changes
            .into_iter()
            .map(|change| Change { kind: change.kind, value: from_wit(change.value) })
            .collect(),
        transition: command.transition_ms.map(|ms| Duration::from_millis(ms.into())),
        deadline: Duration::from_millis(command.deadline_ms.into()),
    }
}

pub(crate) fn command_error(error: CommandError) -> t::CommandError {
    match error {
        CommandError::Rejected(reason) => t::CommandError::Rejected(reason),
        CommandError::Busy => t::CommandError::Busy,
        CommandError::Unavailable => t::CommandError::Unavailable,
        CommandError::Other { code, text } => t::CommandError::Other((code, text)),
    }
}

fn attributes(list: &AttributeList) -> Vec<t::Attribute> {
    list.0.iter().map(|(key, value)| t::Attribute { key: key.clone(), value: to_wit(value) }).collect()
}

fn access(access: Access) -> t::Access {
    match access {
        Access::Read => t::Access::Read,
        Access::ReadWrite => t::Access::ReadWrite,
        Access::Command => t::Access::Command,
        Access::Event => t::Access::Event,
    }
}

fn color(c: &Color) -> t::Color {
    t::Color { red: c.red, green: c.green, blue: c.blue }
}

fn date(d: &Date) -> t::Date {
    t::Date { year: d.year, month: d.month, day: d.day }
}

fn time(v: &TimeOfDay) -> t::TimeOfDay {
    t::TimeOfDay { hour: v.hour, minute: v.minute, second: v.second, nanosecond: v.nanosecond }
}

fn to_wit(value: &Value) -> t::Value {
    match value {
        Value::Unknown => t::Value::Unknown,
        Value::Boolean(v) => t::Value::Boolean(*v),
        Value::Integer(v) => t::Value::Integer(*v),
        Value::Real(v) => t::Value::Real(*v),
        Value::Text(v) => t::Value::Text(v.clone()),
        Value::Choice(v) => t::Value::Choice(*v),
        Value::Color(v) => t::Value::Color(color(v)),
        Value::Date(v) => t::Value::Date(date(v)),
        Value::TimeOfDay(v) => t::Value::TimeOfDay(time(v)),
        Value::Timestamp(v) => t::Value::Timestamp(v.0),
        Value::Duration(v) => t::Value::Duration(*v),
        Value::Booleans(v) => t::Value::Booleans(v.clone()),
        Value::Integers(v) => t::Value::Integers(v.clone()),
        Value::Reals(v) => t::Value::Reals(v.clone()),
        Value::Texts(v) => t::Value::Texts(v.clone()),
        Value::Colors(v) => t::Value::Colors(v.iter().map(color).collect()),
        Value::Dates(v) => t::Value::Dates(v.iter().map(date).collect()),
        Value::TimesOfDay(v) => t::Value::TimesOfDay(v.iter().map(time).collect()),
    }
}

fn from_wit(value: t::Value) -> Value {
    let color = |c: t::Color| Color { red: c.red, green: c.green, blue: c.blue };
    let date = |d: t::Date| Date { year: d.year, month: d.month, day: d.day };
    let time =
        |v: t::TimeOfDay| TimeOfDay { hour: v.hour, minute: v.minute, second: v.second, nanosecond: v.nanosecond };
    match value {
        t::Value::Unknown => Value::Unknown,
        t::Value::Boolean(v) => Value::Boolean(v),
        t::Value::Integer(v) => Value::Integer(v),
        t::Value::Real(v) => Value::Real(v),
        t::Value::Text(v) => Value::Text(v),
        t::Value::Choice(v) => Value::Choice(v),
        t::Value::Color(v) => Value::Color(color(v)),
        t::Value::Date(v) => Value::Date(date(v)),
        t::Value::TimeOfDay(v) => Value::TimeOfDay(time(v)),
        t::Value::Timestamp(v) => Value::Timestamp(Timestamp(v)),
        t::Value::Duration(v) => Value::Duration(v),
        t::Value::Booleans(v) => Value::Booleans(v),
        t::Value::Integers(v) => Value::Integers(v),
        t::Value::Reals(v) => Value::Reals(v),
        t::Value::Texts(v) => Value::Texts(v),
        t::Value::Colors(v) => Value::Colors(v.into_iter().map(color).collect()),
        t::Value::Dates(v) => Value::Dates(v.into_iter().map(date).collect()),
        t::Value::TimesOfDay(v) => Value::TimesOfDay(v.into_iter().map(time).collect()),
    }
}
