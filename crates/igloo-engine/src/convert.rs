//! Between the contract's types, as each engine has them, and the crate `igloo-protocol`'s. What comes in is hostile and
//! is checked here for what types cannot say (dates that do not exist); limits and meaning are checked by the home.
//!
//! The generated types of the component engine ([`wit`]) and those of the wire form ([`wire`]) have the same names and
//! shapes, so one text converts both.

use igloo_model::limits;
use igloo_protocol::{BadUpdate, UpdateError};

/// For programs: the event is not one of its component's options.
pub(crate) const UNKNOWN_EVENT: &str = "unknown-event";

/// Not a date or a time of day.
pub(crate) struct NoSuchTime;

/// Refused updates that are told of one write.
const BAD_UPDATES: usize = 64;

macro_rules! conversions {
    ($module:ident, $types:path, $store:path) => {
        pub(crate) mod $module {
            use $store as store;
            use $types as wit;

            use igloo_model::{
                Access, Attributes, Color, ComponentDescription, Date, DeviceDescription, EntityDescription, TimeOfDay,
                Value,
            };
            use igloo_protocol::{
                BadUpdate, Command, CommandError, DescribeError, EmitError, LogLevel, StoreError, Update, UpdateError,
            };

            use super::{NoSuchTime, UNKNOWN_EVENT};

            fn color(color: wit::Color) -> Color {
                Color { red: color.red, green: color.green, blue: color.blue }
            }

            fn date(date: wit::Date) -> Result<Date, NoSuchTime> {
                let day = |number: u8| i8::try_from(number).map_err(|_| NoSuchTime);
                Date::new(i16::try_from(date.year).map_err(|_| NoSuchTime)?, day(date.month)?, day(date.day)?)
                    .map_err(|_| NoSuchTime)
            }

            fn time_of_day(time: wit::TimeOfDay) -> Result<TimeOfDay, NoSuchTime> {
                let small = |number: u8| i8::try_from(number).map_err(|_| NoSuchTime);
                let nanosecond = i32::try_from(time.nanosecond).map_err(|_| NoSuchTime)?;
                TimeOfDay::new(small(time.hour)?, small(time.minute)?, small(time.second)?, nanosecond)
                    .map_err(|_| NoSuchTime)
            }

            pub(crate) fn value(value: wit::Value) -> Result<Value, NoSuchTime> {
                Ok(match value {
                    wit::Value::Unknown => Value::Unknown,
                    wit::Value::Boolean(boolean) => Value::Boolean(boolean),
                    wit::Value::Integer(integer) => Value::Integer(integer),
                    wit::Value::Real(real) => Value::Real(real),
                    wit::Value::Text(text) => Value::Text(text),
                    wit::Value::Choice(index) => Value::Choice(index),
                    wit::Value::Color(c) => Value::Color(color(c)),
                    wit::Value::Date(d) => Value::Date(date(d)?),
                    wit::Value::TimeOfDay(time) => Value::TimeOfDay(time_of_day(time)?),
                    wit::Value::Timestamp(nanoseconds) => Value::Timestamp(nanoseconds),
                    wit::Value::Duration(nanoseconds) => Value::Duration(nanoseconds),
                    wit::Value::Booleans(list) => Value::Booleans(list),
                    wit::Value::Integers(list) => Value::Integers(list),
                    wit::Value::Reals(list) => Value::Reals(list),
                    wit::Value::Texts(list) => Value::Texts(list),
                    wit::Value::Colors(list) => Value::Colors(list.into_iter().map(color).collect()),
                    wit::Value::Dates(list) => Value::Dates(list.into_iter().map(date).collect::<Result<_, _>>()?),
                    wit::Value::TimesOfDay(list) => {
                        Value::TimesOfDay(list.into_iter().map(time_of_day).collect::<Result<_, _>>()?)
                    }
                })
            }

            pub(crate) fn value_out(value: Value) -> wit::Value {
                let color = |color: Color| wit::Color { red: color.red, green: color.green, blue: color.blue };
                // jiff keeps months, days, hours… within one byte and never below zero.
                let small = |number: i8| u8::try_from(number).unwrap_or_default();
                let date = |date: Date| wit::Date {
                    year: date.year().into(),
                    month: small(date.month()),
                    day: small(date.day()),
                };
                let time_of_day = |time: TimeOfDay| wit::TimeOfDay {
                    hour: small(time.hour()),
                    minute: small(time.minute()),
                    second: small(time.second()),
                    nanosecond: u32::try_from(time.subsec_nanosecond()).unwrap_or_default(),
                };
                match value {
                    Value::Unknown => wit::Value::Unknown,
                    Value::Boolean(boolean) => wit::Value::Boolean(boolean),
                    Value::Integer(integer) => wit::Value::Integer(integer),
                    Value::Real(real) => wit::Value::Real(real),
                    Value::Text(text) => wit::Value::Text(text),
                    Value::Choice(index) => wit::Value::Choice(index),
                    Value::Color(c) => wit::Value::Color(color(c)),
                    Value::Date(d) => wit::Value::Date(date(d)),
                    Value::TimeOfDay(time) => wit::Value::TimeOfDay(time_of_day(time)),
                    Value::Timestamp(nanoseconds) => wit::Value::Timestamp(nanoseconds),
                    Value::Duration(nanoseconds) => wit::Value::Duration(nanoseconds),
                    Value::Booleans(list) => wit::Value::Booleans(list),
                    Value::Integers(list) => wit::Value::Integers(list),
                    Value::Reals(list) => wit::Value::Reals(list),
                    Value::Texts(list) => wit::Value::Texts(list),
                    Value::Colors(list) => wit::Value::Colors(list.into_iter().map(color).collect()),
                    Value::Dates(list) => wit::Value::Dates(list.into_iter().map(date).collect()),
                    Value::TimesOfDay(list) => wit::Value::TimesOfDay(list.into_iter().map(time_of_day).collect()),
                }
            }

            pub(crate) fn update(update: wit::Update) -> Result<Update, NoSuchTime> {
                Ok(Update { component: update.component, value: value(update.value)?, time: update.time })
            }

            fn attributes(list: Vec<wit::Attribute>) -> Result<Attributes, NoSuchTime> {
                list.into_iter().map(|attribute| Ok((attribute.key, value(attribute.value)?))).collect()
            }

            pub(crate) fn device(device: wit::DeviceDescription) -> Result<DeviceDescription, NoSuchTime> {
                let component = |component: wit::ComponentDescription| {
                    Ok(ComponentDescription {
                        kind: component.kind,
                        access: match component.access {
                            wit::Access::Read => Access::Read,
                            wit::Access::ReadWrite => Access::ReadWrite,
                            wit::Access::Command => Access::Command,
                            wit::Access::Event => Access::Event,
                        },
                        attributes: attributes(component.attributes)?,
                    })
                };
                let entity = |entity: wit::EntityDescription| {
                    Ok(EntityDescription {
                        id: entity.id,
                        name: entity.name,
                        attributes: attributes(entity.attributes)?,
                        components: entity.components.into_iter().map(component).collect::<Result<_, NoSuchTime>>()?,
                    })
                };
                Ok(DeviceDescription {
                    id: device.id,
                    name: device.name,
                    attributes: attributes(device.attributes)?,
                    entities: device.entities.into_iter().map(entity).collect::<Result<_, NoSuchTime>>()?,
                })
            }

            pub(crate) fn bad_update(bad: &BadUpdate) -> wit::BadUpdate {
                let error = match bad.error {
                    UpdateError::UnknownComponent => wit::UpdateError::UnknownComponent,
                    UpdateError::WrongType => wit::UpdateError::WrongType,
                    UpdateError::Limit => wit::UpdateError::Limit,
                    UpdateError::NotWritable => wit::UpdateError::NotWritable,
                };
                wit::BadUpdate { index: bad.index, error }
            }

            pub(crate) fn describe_error(error: DescribeError) -> wit::DescribeError {
                match error {
                    DescribeError::Limit(text) => wit::DescribeError::Limit(text),
                    DescribeError::Invalid(text) => wit::DescribeError::Invalid(text),
                    DescribeError::Unavailable(text) => wit::DescribeError::Other((String::from("unavailable"), text)),
                }
            }

            pub(crate) fn emit_error(error: EmitError) -> wit::EmitError {
                match error {
                    EmitError::UnknownComponent => wit::EmitError::UnknownComponent,
                    EmitError::NotAnEvent => wit::EmitError::NotAnEvent,
                    EmitError::UnknownEvent => wit::EmitError::Other((String::from(UNKNOWN_EVENT), error.to_string())),
                    EmitError::Overflow(lost) => wit::EmitError::Overflow(lost),
                    EmitError::Limit => wit::EmitError::Limit,
                }
            }

            pub(crate) fn store_error(error: StoreError) -> store::ErrorCode {
                match error {
                    StoreError::Quota => store::ErrorCode::Quota,
                    StoreError::Unavailable(text) => store::ErrorCode::Unavailable(text),
                }
            }

            pub(crate) fn log_level(level: wit::LogLevel) -> LogLevel {
                match level {
                    wit::LogLevel::Trace => LogLevel::Trace,
                    wit::LogLevel::Debug => LogLevel::Debug,
                    wit::LogLevel::Info => LogLevel::Info,
                    wit::LogLevel::Warn => LogLevel::Warn,
                    wit::LogLevel::Error => LogLevel::Error,
                }
            }

            pub(crate) fn command(command: Command) -> wit::Command {
                let milliseconds =
                    |duration: std::time::Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
                wit::Command {
                    id: command.id,
                    device: command.device,
                    entity: command.entity,
                    changes: command
                        .changes
                        .into_iter()
                        .map(|(kind, value)| wit::Change { kind, value: value_out(value) })
                        .collect(),
                    transition_ms: command.transition.map(milliseconds),
                    deadline_ms: milliseconds(command.deadline),
                }
            }

            pub(crate) fn command_error(error: wit::CommandError) -> CommandError {
                match error {
                    wit::CommandError::Rejected(reason) => CommandError::Rejected(reason),
                    wit::CommandError::Busy => CommandError::Busy,
                    wit::CommandError::Unavailable => CommandError::Unavailable,
                    wit::CommandError::Other((code, text)) => CommandError::Other { code, text },
                }
            }

            /// Writes what a provider sent. Answers what was refused, by its place in the provider's list.
            pub(crate) fn write(home: &dyn crate::Home, updates: Vec<wit::Update>) -> Vec<wit::BadUpdate> {
                super::write(home, updates.into_iter().map(update)).iter().map(bad_update).collect()
            }
        }
    };
}

conversions!(
    wit,
    crate::component::bindings::igloo::provider::types,
    crate::component::bindings::igloo::provider::store
);
conversions!(wire, igloo_wire::types, igloo_wire::types::store);

/// Writes those updates that could be read.
fn write(
    home: &dyn crate::Home,
    updates: impl ExactSizeIterator<Item = Result<igloo_protocol::Update, NoSuchTime>>,
) -> Vec<BadUpdate> {
    let mut bad = Vec::new();
    let mut good = Vec::with_capacity(updates.len().min(limits::UPDATES_PER_WRITE));
    // Where each good update stood in the provider's list, if any before it was bad.
    let mut places: Vec<u32> = Vec::new();
    for (index, update) in (0_u32..).zip(updates) {
        let error = if index as usize >= limits::UPDATES_PER_WRITE {
            UpdateError::Limit
        } else {
            match update {
                Ok(update) => {
                    if !bad.is_empty() {
                        places.push(index);
                    }
                    good.push(update);
                    continue;
                }
                Err(NoSuchTime) => UpdateError::WrongType,
            }
        };
        bad.push(BadUpdate { index, error });
        if bad.len() == 1 {
            places = (0..index).collect();
        }
    }
    for refused in home.write(&mut good) {
        let index = places.get(refused.index as usize).copied().unwrap_or(refused.index);
        bad.push(BadUpdate { index, error: refused.error });
    }
    bad.sort_by_key(|bad| bad.index);
    bad.truncate(BAD_UPDATES);
    bad
}
