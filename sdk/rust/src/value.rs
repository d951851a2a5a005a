//! Values, as components hold them and commands carry them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A component's value. Typed components make and read these; only generic code meets them.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "the cases are their types")]
#[non_exhaustive]
pub enum Value {
    /// Not known now. Not the same as a device that is unavailable.
    #[default]
    Unknown,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    /// A case of the kind's enumeration, by its index.
    Choice(u32),
    Color(Color),
    Date(Date),
    TimeOfDay(TimeOfDay),
    Timestamp(Timestamp),
    /// Nanoseconds.
    Duration(i64),
    Booleans(Vec<bool>),
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    Texts(Vec<String>),
    Colors(Vec<Color>),
    Dates(Vec<Date>),
    TimesOfDay(Vec<TimeOfDay>),
}

/// Which case of [`Value`] a kind takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the cases are those of `Value`")]
#[non_exhaustive]
pub enum ValueType {
    /// No value: a marker or an event.
    None,
    Boolean,
    Integer,
    Real,
    Text,
    Choice,
    Color,
    Date,
    TimeOfDay,
    Timestamp,
    Duration,
    Booleans,
    Integers,
    Reals,
    Texts,
    Colors,
    Dates,
    TimesOfDay,
}

/// Screen-like colour: sRGB, each channel 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are their names")]
pub struct Color {
    pub red: f64,
    pub green: f64,
    pub blue: f64,
}

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the fields are their names")]
pub struct Date {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

/// A time of day, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the fields are their names")]
pub struct TimeOfDay {
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub nanosecond: u32,
}

/// An instant: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant, by the hub's clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// From whole seconds since 1970-01-01T00:00:00Z.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanoseconds(after),
            Err(before) => -nanoseconds(before.duration()),
        })
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A Rust type that is the value of a kind.
pub(crate) trait Encode: Sized {
    fn encode(self) -> Value;
    fn decode(value: &Value) -> Option<Self>;
}

macro_rules! encode {
    ($($case:ident: $rust:ty),* $(,)?) => {$(
        impl Encode for $rust {
            fn encode(self) -> Value {
                Value::$case(self)
            }
            fn decode(value: &Value) -> Option<Self> {
                match value {
                    Value::$case(v) => Some(v.clone()),
                    _ => None,
                }
            }
        }
        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                value.encode()
            }
        }
    )*};
}

encode!(
    Boolean: bool,
    Integer: i64,
    Real: f64,
    Text: String,
    Color: Color,
    Date: Date,
    TimeOfDay: TimeOfDay,
    Timestamp: Timestamp,
    Booleans: Vec<bool>,
    Integers: Vec<i64>,
    Reals: Vec<f64>,
    Texts: Vec<String>,
    Colors: Vec<Color>,
    Dates: Vec<Date>,
    TimesOfDay: Vec<TimeOfDay>,
);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Encode for Duration {
    fn encode(self) -> Value {
        Value::Duration(nanoseconds(self))
    }
    fn decode(value: &Value) -> Option<Self> {
        match value {
            Value::Duration(ns) => Some(Self::from_nanos((*ns).try_into().unwrap_or(0))),
            _ => None,
        }
    }
}

impl Encode for () {
    fn encode(self) -> Value {
        Value::Unknown
    }
    fn decode(_: &Value) -> Option<Self> {
        Some(())
    }
}
