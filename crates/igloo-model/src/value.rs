//! Values of components, and how JSON carries them.
//!
//! JSON: unknown is `null`; integers beyond ±2⁵³ are decimal strings; a choice is its option's name; a colour is
//! `#rrggbb` or `{"red": …, "green": …, "blue": …}`; a date is `2026-02-28`; a time of day is `23:59:59.5`; a timestamp is RFC 3339
//! in UTC; a duration is its nanoseconds, as an integer.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    kinds::{Kind, ValueType},
    limits,
};

/// sRGB, each channel 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Color {
    /// Red, 0 to 1.
    pub red: f64,
    /// Green, 0 to 1.
    pub green: f64,
    /// Blue, 0 to 1.
    pub blue: f64,
}

/// A day of the Gregorian calendar.
pub type Date = jiff::civil::Date;
/// A time of day, without a zone.
pub type TimeOfDay = jiff::civil::Time;

/// A component's value. Its serde form names the type (for storage); [`Value::to_json`] is the form for people.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Not known now. Not the same as unavailable.
    #[default]
    Unknown,
    /// True or false.
    Boolean(bool),
    /// A 64-bit integer.
    Integer(i64),
    /// A finite float.
    Real(f64),
    /// Text.
    Text(String),
    /// A choice's index.
    Choice(u32),
    /// A colour.
    Color(Color),
    /// A day.
    Date(Date),
    /// A time of day.
    TimeOfDay(TimeOfDay),
    /// Nanoseconds since 1970 UTC.
    Timestamp(i64),
    /// Nanoseconds.
    Duration(i64),
    /// Booleans.
    Booleans(Vec<bool>),
    /// Integers.
    Integers(Vec<i64>),
    /// Reals.
    Reals(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
    /// Colours.
    Colors(Vec<Color>),
    /// Days.
    Dates(Vec<Date>),
    /// Times of day.
    TimesOfDay(Vec<TimeOfDay>),
}

/// Why a value does not fit a kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misfit {
    /// The wrong type, not finite, or not one of the options.
    #[error("{0}")]
    WrongType(String),
    /// Too long.
    #[error("{0}")]
    TooLarge(String),
}

/// The largest integer that every JSON reader carries exactly: 2⁵³ − 1 (RFC 8259, section 6).
const JSON_SAFE: i64 = (1 << 53) - 1;

impl Value {
    /// The type that this value has; `Any` for an unknown value.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Unknown => ValueType::Any,
            Self::Boolean(_) => ValueType::Boolean,
            Self::Integer(_) => ValueType::Integer,
            Self::Real(_) => ValueType::Real,
            Self::Text(_) => ValueType::Text,
            Self::Choice(_) => ValueType::Choice,
            Self::Color(_) => ValueType::Color,
            Self::Date(_) => ValueType::Date,
            Self::TimeOfDay(_) => ValueType::TimeOfDay,
            Self::Timestamp(_) => ValueType::Timestamp,
            Self::Duration(_) => ValueType::Duration,
            Self::Booleans(_) => ValueType::Booleans,
            Self::Integers(_) => ValueType::Integers,
            Self::Reals(_) => ValueType::Reals,
            Self::Texts(_) => ValueType::Texts,
            Self::Colors(_) => ValueType::Colors,
            Self::Dates(_) => ValueType::Dates,
            Self::TimesOfDay(_) => ValueType::TimesOfDay,
        }
    }

    /// Checks that a component of this kind may have this value.
    pub fn check(&self, kind: &Kind) -> Result<(), Misfit> {
        let wanted = kind.value_type;
        let fits = match self {
            Self::Unknown => !matches!(wanted, ValueType::Marker | ValueType::Event),
            value => wanted == ValueType::Any || wanted == value.value_type(),
        };
        if !fits {
            return Err(Misfit::WrongType(format!("{} takes {wanted:?}, not {:?}", kind.name, self.value_type())));
        }
        match self {
            Self::Choice(index) if wanted == ValueType::Choice && *index as usize >= kind.options.len() => {
                Err(Misfit::WrongType(format!("{} has no option {index}", kind.name)))
            }
            _ => self.check_size(),
        }
    }

    /// Checks that numbers are finite and lengths within the limits.
    pub fn check_size(&self) -> Result<(), Misfit> {
        let finite = match self {
            Self::Real(real) => real.is_finite(),
            Self::Color(color) => color.is_finite(),
            Self::Reals(reals) => reals.iter().all(|real| real.is_finite()),
            Self::Colors(colors) => colors.iter().all(Color::is_finite),
            _ => true,
        };
        if !finite {
            return Err(Misfit::WrongType(String::from("numbers must be finite")));
        }
        let items = match self {
            Self::Booleans(list) => list.len(),
            Self::Integers(list) => list.len(),
            Self::Reals(list) => list.len(),
            Self::Texts(list) => list.len(),
            Self::Colors(list) => list.len(),
            Self::Dates(list) => list.len(),
            Self::TimesOfDay(list) => list.len(),
            _ => 0,
        };
        let bytes = match self {
            Self::Text(text) => text.len(),
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
            _ => 0,
        };
        if items > limits::LIST_ITEMS {
            return Err(Misfit::TooLarge(format!(
                "a list has at most {} items, this one has {items}",
                limits::LIST_ITEMS
            )));
        }
        if bytes > limits::TEXT_BYTES {
            return Err(Misfit::TooLarge(format!(
                "a text has at most {} bytes, this one has {bytes}",
                limits::TEXT_BYTES
            )));
        }
        Ok(())
    }

    /// The value as JSON, for a component of this kind.
    #[must_use]
    pub fn to_json(&self, kind: &Kind) -> Json {
        match self {
            Self::Unknown => Json::Null,
            Self::Boolean(boolean) => json!(boolean),
            Self::Integer(integer) | Self::Duration(integer) => integer_json(*integer),
            Self::Real(real) => json!(real),
            Self::Text(text) => json!(text),
            Self::Choice(index) => {
                kind.options.get(*index as usize).map_or_else(|| json!(index), |option| json!(option))
            }
            Self::Color(color) => color.to_json(),
            Self::Date(date) => json!(date.to_string()),
            Self::TimeOfDay(time) => json!(time.to_string()),
            Self::Timestamp(nanoseconds) => json!(timestamp_text(*nanoseconds)),
            Self::Booleans(list) => json!(list),
            Self::Integers(list) => list.iter().copied().map(integer_json).collect(),
            Self::Reals(list) => json!(list),
            Self::Texts(list) => json!(list),
            Self::Colors(list) => list.iter().map(Color::to_json).collect(),
            Self::Dates(list) => list.iter().map(|date| json!(date.to_string())).collect(),
            Self::TimesOfDay(list) => list.iter().map(|time| json!(time.to_string())).collect(),
        }
    }

    /// Reads JSON as a value of this kind.
    pub fn from_json(json: &Json, kind: &Kind) -> Result<Self, Misfit> {
        if json.is_null() {
            let value = Self::Unknown;
            value.check(kind)?;
            return Ok(value);
        }
        let value = read_json(json, kind)
            .ok_or_else(|| Misfit::WrongType(format!("{} takes {}, not {json}", kind.name, wanted_text(kind))))?;
        value.check(kind)?;
        Ok(value)
    }
}

fn wanted_text(kind: &Kind) -> String {
    match kind.value_type {
        ValueType::Marker => String::from("no value (it only says what its entity is)"),
        ValueType::Event => String::from("no value (it happens, it is not set)"),
        ValueType::Boolean => String::from("true or false"),
        ValueType::Choice => format!("one of {}", kind.options.join(", ")),
        ValueType::Color => String::from("a colour such as \"#ff8800\""),
        ValueType::Date => String::from("a date such as \"2026-02-28\""),
        ValueType::TimeOfDay => String::from("a time such as \"23:59:00\""),
        ValueType::Timestamp => String::from("an instant such as \"2026-02-28T23:59:00Z\""),
        other => format!("a value of type {other:?}").to_lowercase(),
    }
}

fn read_json(json: &Json, kind: &Kind) -> Option<Value> {
    fn list<T>(json: &Json, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
        json.as_array()?.iter().map(read).collect()
    }
    let text = |json: &Json| json.as_str().map(str::to_owned);
    let date = |json: &Json| json.as_str()?.parse::<Date>().ok();
    let time = |json: &Json| json.as_str()?.parse::<TimeOfDay>().ok();
    Some(match kind.value_type {
        ValueType::Marker | ValueType::Event => return None,
        ValueType::Boolean => Value::Boolean(json.as_bool()?),
        ValueType::Integer => Value::Integer(read_integer(json)?),
        ValueType::Duration => Value::Duration(read_integer(json)?),
        ValueType::Real => Value::Real(json.as_f64()?),
        ValueType::Text => Value::Text(text(json)?),
        ValueType::Choice => {
            let option = json.as_str()?;
            Value::Choice(u32::try_from(kind.options.iter().position(|known| known == option)?).ok()?)
        }
        ValueType::Color => Value::Color(Color::from_json(json)?),
        ValueType::Date => Value::Date(date(json)?),
        ValueType::TimeOfDay => Value::TimeOfDay(time(json)?),
        ValueType::Timestamp => {
            Value::Timestamp(i64::try_from(json.as_str()?.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()?)
        }
        ValueType::Booleans => Value::Booleans(list(json, Json::as_bool)?),
        ValueType::Integers => Value::Integers(list(json, read_integer)?),
        ValueType::Reals => Value::Reals(list(json, Json::as_f64)?),
        ValueType::Texts => Value::Texts(list(json, text)?),
        ValueType::Colors => Value::Colors(list(json, Color::from_json)?),
        ValueType::Dates => Value::Dates(list(json, date)?),
        ValueType::TimesOfDay => Value::TimesOfDay(list(json, time)?),
        ValueType::Any => match json {
            Json::Bool(boolean) => Value::Boolean(*boolean),
            Json::Number(number) if number.is_i64() => Value::Integer(number.as_i64()?),
            Json::Number(number) => Value::Real(number.as_f64()?),
            Json::String(string) => Value::Text(string.clone()),
            _ => return None,
        },
    })
}

fn integer_json(integer: i64) -> Json {
    if (-JSON_SAFE..=JSON_SAFE).contains(&integer) { json!(integer) } else { json!(integer.to_string()) }
}

fn read_integer(json: &Json) -> Option<i64> {
    match json {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// An instant as RFC 3339 text in UTC.
#[must_use]
pub fn timestamp_text(nanoseconds: i64) -> String {
    // Every i64 of nanoseconds is within jiff's years −9999 to 9999.
    jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default().to_string()
}

impl Color {
    fn is_finite(&self) -> bool {
        self.red.is_finite() && self.green.is_finite() && self.blue.is_finite()
    }

    fn to_json(self: &Color) -> Json {
        json!({ "red": self.red, "green": self.green, "blue": self.blue })
    }

    fn from_json(json: &Json) -> Option<Self> {
        if let Some(text) = json.as_str() {
            let hex = text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.is_ascii())?;
            let channel =
                |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok().map(|byte| f64::from(byte) / 255.0);
            return Some(Self { red: channel(0)?, green: channel(2)?, blue: channel(4)? });
        }
        let channel = |name: &str| json.get(name)?.as_f64();
        Some(Self { red: channel("red")?, green: channel("green")?, blue: channel("blue")? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kinds::Kinds;

    fn a_value_of(value_type: ValueType) -> BoxedStrategy<Value> {
        let real = prop::num::f64::NORMAL | prop::num::f64::ZERO;
        let color = (0.0..=1.0, 0.0..=1.0, 0.0..=1.0).prop_map(|(red, green, blue)| Color { red, green, blue });
        match value_type {
            ValueType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
            ValueType::Integer => any::<i64>().prop_map(Value::Integer).boxed(),
            ValueType::Real => real.prop_map(Value::Real).boxed(),
            ValueType::Text => any::<String>().prop_map(Value::Text).boxed(),
            ValueType::Color => color.prop_map(Value::Color).boxed(),
            ValueType::Timestamp => any::<i64>().prop_map(Value::Timestamp).boxed(),
            ValueType::Integers => prop::collection::vec(any::<i64>(), 0..20).prop_map(Value::Integers).boxed(),
            _ => Just(Value::Unknown).boxed(),
        }
    }

    proptest! {
        #[test]
        fn json_carries_every_value_exactly((kind, value) in (0..Kinds::built_in().iter().count()).prop_flat_map(|index| {
            let kind = Kinds::built_in().iter().nth(index).unwrap().clone();
            let values = a_value_of(kind.value_type);
            (Just(kind), values)
        })) {
            prop_assume!(value.check(&kind).is_ok());
            let text = value.to_json(&kind).to_string();
            prop_assert_eq!(Value::from_json(&serde_json::from_str(&text).unwrap(), &kind).unwrap(), value);
        }
    }

    #[test]
    fn misfits_name_what_is_wanted() {
        let kinds = Kinds::built_in();
        let misfit = Value::from_json(&json!("bright"), &kinds.get("climate-mode")).unwrap_err();
        assert!(misfit.to_string().contains("one of off, auto, heat"), "{misfit}");
        assert!(Value::Real(f64::NAN).check(&kinds.get("power")).is_err());
        assert!(Value::Choice(99).check(&kinds.get("climate-mode")).is_err());
        assert!(Value::Unknown.check(&kinds.get("light")).is_err());
        assert!(Value::Text("x".repeat(limits::TEXT_BYTES + 1)).check(&kinds.get("text")).is_err());
    }

    #[test]
    fn large_integers_survive_json() {
        let kind = Kinds::built_in().get("integer");
        assert_eq!(Value::Integer(i64::MAX).to_json(&kind), json!("9223372036854775807"));
        assert_eq!(Value::Integer(JSON_SAFE).to_json(&kind), json!(9_007_199_254_740_991_i64));
    }
}
