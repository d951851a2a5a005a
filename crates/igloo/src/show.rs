//! Values, times and amounts as people read them.

use igloo_api::wire::{Component, State};
use igloo_model::{Kinds, ValueType};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::output::{Text, Tone};

/// Characters of a value in a list of values.
const LONGEST: usize = 60;

/// A component's value, with its unit, for a list of them.
pub(crate) fn component(component: &Component) -> Text {
    shown(component, LONGEST)
}

/// A component's value, with its unit, however long.
pub(crate) fn whole(component: &Component) -> Text {
    shown(component, usize::MAX)
}

fn shown(component: &Component, most: usize) -> Text {
    match component.access.as_str() {
        "event" => return Text::new("(event)", Tone::Faint),
        "command" => return Text::new("(command)", Tone::Faint),
        _ if Kinds::built_in().get(&component.kind).value_type == ValueType::Marker => return Text::from(""),
        _ => {}
    }
    let wanted_unit = component.attributes.get("unit").and_then(Value::as_str);
    let precision = component.attributes.get("precision").and_then(Value::as_u64);
    let text = match (component.unit.as_deref(), wanted_unit, component.value.as_f64()) {
        // The value is in the kind's own unit; where the provider wants another one to be shown, it is converted.
        (Some(own), Some(wanted), Some(real)) if own != wanted => match convert(real, own, wanted) {
            Some(real) => format!("{} {wanted}", real_text(real, None)),
            None => value_with_precision(&component.kind, &component.value, Some(own), precision),
        },
        (own, wanted, _) => value_with_precision(&component.kind, &component.value, own.or(wanted), precision),
    };
    let text = shortened(&text, most);
    let tone = if component.value.is_null() || component.stale { Tone::Faint } else { Tone::Plain };
    Text::new(text, tone)
}

/// A value of a kind, with its unit.
pub(crate) fn value(kind: &str, value: &Value, unit: Option<&str>) -> String {
    value_with_precision(kind, value, unit, None)
}

fn value_with_precision(kind: &str, value: &Value, unit: Option<&str>, precision: Option<u64>) -> String {
    let kind = Kinds::built_in().get(kind);
    let text = match (kind.value_type, value) {
        (_, Value::Null) => return String::from("unknown"),
        (ValueType::Boolean, Value::Bool(on)) if kind.name == "switch" => {
            return String::from(if *on { "on" } else { "off" });
        }
        (ValueType::Color, color) => return color_text(color),
        (ValueType::Duration, nanoseconds) => return nanoseconds.as_i64().map_or_else(|| plain(nanoseconds), duration),
        (ValueType::Timestamp, Value::String(text)) => return local(text),
        (ValueType::Real, Value::Number(number)) => {
            let real = number.as_f64().unwrap_or_default();
            if unit.is_none() && kind.minimum == Some(0.0) && kind.maximum == Some(1.0) {
                return format!("{} %", real_text(real * 100.0, precision.map(|decimals| decimals.saturating_sub(2))));
            }
            real_text(real, precision)
        }
        (_, other) => plain(other),
    };
    match unit {
        Some(unit) => format!("{text} {unit}"),
        None => text,
    }
}

/// A value in another unit.
fn convert(real: f64, own: &str, wanted: &str) -> Option<f64> {
    Some(match (own, wanted) {
        ("Wh" | "varh", "kWh" | "kvarh") | ("W" | "VA" | "var", "kW" | "kVA" | "kvar") | ("m", "km") => real / 1000.0,
        ("Wh", "MWh") => real / 1e6,
        ("A", "mA") | ("V", "mV") | ("m³", "L") | ("m", "mm") | ("kg", "g") => real * 1000.0,
        ("Pa", "hPa" | "mbar") => real / 100.0,
        ("Pa", "kPa") => real / 1000.0,
        ("Pa", "bar") => real / 1e5,
        ("m/s", "km/h") => real * 3.6,
        ("m", "cm") => real * 100.0,
        ("°C", "°F") => real * 1.8 + 32.0,
        ("°C", "K") => real + 273.15,
        ("s", "min") => real / 60.0,
        ("s", "h") => real / 3600.0,
        _ => return None,
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A number without noise: at most six digits that matter, or as many decimals as the provider says.
fn real_text(real: f64, precision: Option<u64>) -> String {
    if let Some(decimals) = precision {
        return format!("{real:.*}", usize::try_from(decimals).unwrap_or(6).min(12));
    }
    let whole_digits = if real.abs() < 1.0 { 1.0 } else { real.abs().log10().floor() + 1.0 };
    let text = match whole_digits {
        digits if digits > 15.0 => return format!("{real:e}"),
        digits if digits >= 6.0 => format!("{real:.0}"),
        digits if digits >= 4.0 => format!("{real:.2}"),
        digits if digits >= 2.0 => format!("{real:.3}"),
        _ => format!("{real:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn color_text(color: &Value) -> String {
    let channel =
        |name: &str| color.get(name).and_then(Value::as_f64).map(|part| (part.clamp(0.0, 1.0) * 255.0).round());
    match (channel("red"), channel("green"), channel("blue")) {
        (Some(red), Some(green), Some(blue)) => {
            format!("#{:02x}{:02x}{:02x}", byte(red), byte(green), byte(blue))
        }
        _ => plain(color),
    }
}

fn byte(part: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 255")]
    let byte = part as u8;
    byte
}

fn duration(nanoseconds: i64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    match seconds {
        0 if nanoseconds == 0 => String::from("0 s"),
        0 => format!("{} ms", nanoseconds / 1_000_000),
        _ => span(seconds),
    }
}

/// Seconds as the two largest units: `3 d 4 h`.
pub(crate) fn span(seconds: i64) -> String {
    let (sign, seconds) = if seconds < 0 { ("-", -seconds) } else { ("", seconds) };
    let text = match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    };
    format!("{sign}{text}")
}

fn two(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {large_unit}") } else { format!("{large} {large_unit} {small} {small_unit}") }
}

/// How long ago an RFC 3339 time was: `5 s ago`.
pub(crate) fn ago(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => format!("{} ago", span((Timestamp::now().as_second() - time.as_second()).max(0))),
        Err(_) => time.to_owned(),
    }
}

/// An RFC 3339 time in the local zone: `2026-11-23 09:15:02`.
pub(crate) fn local(time: &str) -> String {
    formatted(time, "%Y-%m-%d %H:%M:%S")
}

/// The time of day of an RFC 3339 time, in the local zone: `09:15:02.125`.
pub(crate) fn clock(time: &str) -> String {
    formatted(time, "%H:%M:%S.%3f")
}

fn formatted(time: &str, format: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.to_zoned(zone()).strftime(format).to_string(),
        Err(_) => time.to_owned(),
    }
}

/// The zone of this machine: `TZ`, or `/etc/localtime`; UTC if there is neither.
fn zone() -> TimeZone {
    static ZONE: std::sync::LazyLock<TimeZone> = std::sync::LazyLock::new(|| {
        let path = match std::env::var("TZ") {
            Ok(name) if !name.is_empty() && !name.contains("..") => {
                std::path::Path::new("/usr/share/zoneinfo").join(name.trim_start_matches(':'))
            }
            _ => "/etc/localtime".into(),
        };
        std::fs::read(path).ok().and_then(|bytes| TimeZone::tzif("local", &bytes).ok()).unwrap_or(TimeZone::UTC)
    });
    ZONE.clone()
}

/// The first line of a reason, cut to a length that fits beside other things. The hub writes line ends as `\n`.
pub(crate) fn first_line(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    shortened(line.split("\\n").next().unwrap_or_default(), 100)
}

/// Text cut to a number of characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// `1 device`, `2 devices`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Bytes: `1.2 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let text = |unit: u64, name: &str| format!("{:.1} {name}", count as f64 / unit as f64);
    UNITS.iter().find(|(unit, _)| count >= *unit).map_or_else(|| format!("{count} B"), |(unit, name)| text(*unit, name))
}

/// A state in its colour.
pub(crate) fn state(state: State) -> Text {
    let tone = match state {
        State::Running => Tone::Good,
        State::Starting | State::Compiling => Tone::Plain,
        State::Stopped => Tone::Faint,
        State::BackingOff => Tone::Warning,
        State::Quarantined => Tone::Bad,
    };
    Text::new(state.to_string(), tone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_as_people_read_them() {
        for (kind, value, unit, expected) in [
            ("switch", json!(true), None, "on"),
            ("dimmer", json!(0.4), None, "40 %"),
            ("dimmer", json!(0.123_456_7), None, "12.346 %"),
            ("power", json!(1_234.567_89), Some("W"), "1234.57 W"),
            ("power", json!(-0.5), Some("W"), "-0.5 W"),
            ("temperature", json!(21.300_000_190_734_863), Some("°C"), "21.3 °C"),
            ("temperature", json!(null), Some("°C"), "unknown"),
            ("color", json!({"red": 1.0, "green": 0.533, "blue": 0.0}), None, "#ff8800"),
            ("text", json!("hi"), None, "hi"),
            ("integer-list", json!([1, "9223372036854775807"]), None, "1, 9223372036854775807"),
        ] {
            assert_eq!(super::value(kind, &value, unit), expected, "{kind} {value}");
        }
    }

    #[test]
    fn components_in_the_unit_that_is_wanted() {
        let shown = |kind: &str, value: Value, unit: Option<&str>, attributes: Value| {
            let about = json!({"kind": kind, "access": "read", "value": value, "unit": unit, "revision": 1,
                               "stale": false, "attributes": attributes});
            component(&serde_json::from_value(about).unwrap()).to_string()
        };
        assert_eq!(shown("energy", json!(4_321_529.0), Some("Wh"), json!({"unit": "kWh"})), "4321.53 kWh");
        assert_eq!(shown("energy", json!(1.5), Some("Wh"), json!({"unit": "furlong"})), "1.5 Wh");
        assert_eq!(shown("real", json!(7), None, json!({"unit": "rpm"})), "7 rpm");
        assert_eq!(shown("dimmer", json!(0.8), None, json!({"precision": 2})), "80 %");
        assert_eq!(shown("temperature", json!(21.04), Some("°C"), json!({"precision": 1})), "21.0 °C");
    }

    #[test]
    fn amounts() {
        assert_eq!(span(5), "5 s");
        assert_eq!(span(90_061), "1 d 1 h");
        assert_eq!(span(3600), "1 h");
        assert_eq!(bytes(1_258_291), "1.2 MiB");
        assert_eq!(first_line("trapped: unreachable\\n  0: main"), "trapped: unreachable");
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(duration(1_500_000), "1 ms");
    }
}
