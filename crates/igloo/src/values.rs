//! Reading values that people type: `on`, `50%`, `#ff8800`, `5m`.

use igloo_model::{Kind, Kinds, ValueType};
use serde_json::{Value, json};

/// A value of a kind, as JSON. Says what is wanted where it is none.
pub(crate) fn parse(kind: &str, text: &str) -> Result<Value, String> {
    let kind = Kinds::built_in().get(kind);
    if text == "unknown" && kind.value_type != ValueType::Text {
        return Ok(Value::Null);
    }
    let value = match kind.value_type {
        ValueType::Boolean => boolean(text).map(Value::from),
        ValueType::Integer => text.parse::<i64>().ok().map(Value::from),
        ValueType::Real => real(&kind, text).map(Value::from),
        ValueType::Duration => nanoseconds(text).map(Value::from),
        ValueType::Any => Some(any(text)),
        ValueType::Booleans
        | ValueType::Integers
        | ValueType::Reals
        | ValueType::Texts
        | ValueType::Colors
        | ValueType::Dates
        | ValueType::TimesOfDay => {
            serde_json::from_str::<Value>(text).ok().filter(Value::is_array).or_else(|| Some(list(&kind, text)))
        }
        _ => Some(json!(text)),
    };
    value.ok_or_else(|| format!("{} takes {}, not '{}'", kind.name, wanted(kind.value_type), text.escape_debug()))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A number; with `%`, a part of the kind's range where that is 0 to 1.
fn real(kind: &Kind, text: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|real| real.is_finite());
    let Some(percent) = text.strip_suffix('%') else { return number(text) };
    if kind.minimum == Some(0.0) && kind.maximum == Some(1.0) {
        return Some(number(percent)? / 100.0);
    }
    // Kinds in percent take the number itself.
    if kind.unit.as_deref() == Some("%") { number(percent) } else { None }
}

/// `90`, `90s`, `1.5h`, `200ms`: a number without a unit is seconds.
fn nanoseconds(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 6] = [("ms", 1e6), ("ns", 1.0), ("s", 1e9), ("min", 6e10), ("m", 6e10), ("h", 3.6e12)];
    let (number, factor) =
        UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor))).unwrap_or((text, 1e9));
    let nanoseconds = number.trim().parse::<f64>().ok()? * factor;
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    (nanoseconds.abs() < 9.2e18).then(|| nanoseconds.round() as i64)
}

/// What a kind that this command does not know may take.
fn any(text: &str) -> Value {
    boolean(text)
        .filter(|_| !matches!(text, "0" | "1"))
        .map(Value::from)
        .or_else(|| text.parse::<i64>().ok().map(Value::from))
        .or_else(|| text.parse::<f64>().ok().filter(|real| real.is_finite()).map(Value::from))
        .unwrap_or_else(|| json!(text))
}

/// `1,2,3`.
fn list(kind: &Kind, text: &str) -> Value {
    let item = |text: &str| match kind.value_type {
        ValueType::Booleans => boolean(text).map_or_else(|| json!(text), Value::from),
        ValueType::Integers => text.parse::<i64>().map_or_else(|_| json!(text), Value::from),
        ValueType::Reals => text.parse::<f64>().map_or_else(|_| json!(text), Value::from),
        _ => json!(text),
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(item).collect()
}

fn wanted(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Boolean => "on or off",
        ValueType::Integer => "a whole number",
        ValueType::Real => "a number, or a percentage where its range is 0 to 1",
        ValueType::Duration => "a length of time such as 90s or 5m",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type() {
        for (kind, text, expected) in [
            ("switch", "on", json!(true)),
            ("switch", "false", json!(false)),
            ("dimmer", "50%", json!(0.5)),
            ("dimmer", "0.25", json!(0.25)),
            ("humidity", "50%", json!(50.0)),
            ("temperature", "-3", json!(-3.0)),
            ("integer", "9223372036854775807", json!(i64::MAX)),
            ("color", "#ff8800", json!("#ff8800")),
            ("text", "on", json!("on")),
            ("integer-list", "1, 2", json!([1, 2])),
            ("text-list", r#"["a","b"]"#, json!(["a", "b"])),
            ("no-such-kind", "on", json!(true)),
            ("no-such-kind", "1", json!(1)),
            ("no-such-kind", "x", json!("x")),
            ("switch", "unknown", Value::Null),
        ] {
            assert_eq!(parse(kind, text).unwrap(), expected, "{kind}={text}");
        }
        for (kind, text) in [("switch", "bright"), ("temperature", "5%"), ("integer", "1.5"), ("dimmer", "NaN")] {
            assert!(parse(kind, text).unwrap_err().contains(kind));
        }
    }
}
