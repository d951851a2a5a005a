//! What a telegram tells about which meter: the electricity meter itself, and up to four others that it reads over
//! M-Bus.
//!
//! The identifiers are those of DSMR 5.0.2 P1, 6.12, of DSMR 4.2.2 (limiter, breaker, valve) and of DSMR 2.2 (gas).

use igloo::{Timestamp, Value};

use crate::telegram::{Number, Object, Telegram, octets, timestamp};

/// A meter and its readings in one telegram.
#[derive(Clone, PartialEq, Debug)]
pub struct Meter {
    /// Its own serial number.
    pub id: String,
    /// For people.
    pub name: &'static str,
    /// All values that the telegram has for it.
    pub readings: Vec<Reading>,
}

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// What it is about.
    pub entity: Entity,
    /// The component kind.
    pub kind: &'static str,
    /// Of the kind's type and in its unit.
    pub value: Value,
    /// The meter's own time of it.
    pub time: Option<Timestamp>,
}

/// A part of a meter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Entity {
    /// Unique in the meter.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// Whether it tells about the meter itself.
    pub diagnostic: bool,
}

/// A part that an owner looks at.
const fn primary(id: &'static str, name: &'static str) -> Entity {
    Entity { id, name, diagnostic: false }
}

/// A part that tells about the meter itself.
pub(crate) const fn diagnostic(id: &'static str, name: &'static str) -> Entity {
    Entity { id, name, diagnostic: true }
}

/// What each object of the electricity meter is. `delivered` is to the home, `returned` is from it.
const OBJECTS: &[(&str, Entity, &str)] = &[
    ("1-0:1.8.1", primary("delivered-1", "Delivered, tariff 1"), "energy"),
    ("1-0:1.8.2", primary("delivered-2", "Delivered, tariff 2"), "energy"),
    ("1-0:2.8.1", primary("returned-1", "Returned, tariff 1"), "energy"),
    ("1-0:2.8.2", primary("returned-2", "Returned, tariff 2"), "energy"),
    ("0-0:96.14.0", primary("tariff", "Tariff"), "tariff"),
    ("1-0:1.7.0", primary("delivered", "Power delivered"), "power"),
    ("1-0:2.7.0", primary("returned", "Power returned"), "power"),
    ("1-0:32.7.0", primary("l1", "Phase L1"), "voltage"),
    ("1-0:52.7.0", primary("l2", "Phase L2"), "voltage"),
    ("1-0:72.7.0", primary("l3", "Phase L3"), "voltage"),
    ("1-0:31.7.0", primary("l1", "Phase L1"), "current"),
    ("1-0:51.7.0", primary("l2", "Phase L2"), "current"),
    ("1-0:71.7.0", primary("l3", "Phase L3"), "current"),
    ("1-0:21.7.0", primary("l1", "Phase L1"), "power"),
    ("1-0:41.7.0", primary("l2", "Phase L2"), "power"),
    ("1-0:61.7.0", primary("l3", "Phase L3"), "power"),
    ("1-0:22.7.0", primary("l1-returned", "Phase L1, returned"), "power"),
    ("1-0:42.7.0", primary("l2-returned", "Phase L2, returned"), "power"),
    ("1-0:62.7.0", primary("l3-returned", "Phase L3, returned"), "power"),
    ("0-0:96.13.0", primary("message", "Message"), "text"),
    ("0-0:96.13.1", diagnostic("message-code", "Message code"), "text"),
    ("0-0:96.7.21", diagnostic("failures", "Power failures"), "count"),
    ("0-0:96.7.9", diagnostic("long-failures", "Long power failures"), "count"),
    ("1-0:32.32.0", diagnostic("l1-sags", "Voltage sags, L1"), "count"),
    ("1-0:52.32.0", diagnostic("l2-sags", "Voltage sags, L2"), "count"),
    ("1-0:72.32.0", diagnostic("l3-sags", "Voltage sags, L3"), "count"),
    ("1-0:32.36.0", diagnostic("l1-swells", "Voltage swells, L1"), "count"),
    ("1-0:52.36.0", diagnostic("l2-swells", "Voltage swells, L2"), "count"),
    ("1-0:72.36.0", diagnostic("l3-swells", "Voltage swells, L3"), "count"),
    ("0-0:17.0.0", diagnostic("limiter", "Power limit"), "power"),
    ("0-0:96.3.10", diagnostic("breaker", "Breaker position"), "integer"),
];

/// All meters of a telegram, the electricity meter first.
#[must_use]
pub fn meters(telegram: &Telegram<'_>) -> Vec<Meter> {
    let electricity = electricity(telegram);
    let others: Vec<Meter> = (1..=4).filter_map(|channel| other(telegram, channel, &electricity.id)).collect();
    [vec![electricity], others].concat()
}

fn electricity(telegram: &Telegram<'_>) -> Meter {
    let id = telegram.value("0-0:96.1.1").and_then(identifier).unwrap_or_else(|| "meter".to_owned());
    let time = telegram.value("0-0:1.0.0").and_then(timestamp);
    let reading = |object: &Object<'_>| {
        let (_, entity, kind) = *OBJECTS.iter().find(|(reference, ..)| *reference == object.reference)?;
        Some(Reading { entity, kind, value: value(kind, object.values.first()?)?, time })
    };
    let mut readings: Vec<Reading> = telegram.objects.iter().filter_map(reading).collect();
    let power = |id| readings.iter().find(|reading| reading.entity.id == id).map(|reading| &reading.value);
    // What flows through the meter as one number: what most people want to see.
    if let (Some(Value::Real(delivered)), Some(Value::Real(returned))) = (power("delivered"), power("returned")) {
        let value = Value::Real(delivered - returned);
        readings.push(Reading { entity: primary("power", "Power"), kind: "power", value, time });
    }
    Meter { id, name: "Electricity meter", readings }
}

/// The meter on an M-Bus channel, if there is one that has been read.
fn other(telegram: &Telegram<'_>, channel: u8, electricity: &str) -> Option<Meter> {
    let value = |object: &str| telegram.value(&format!("0-{channel}:{object}"));
    // EN 13757-3, table "device types"; the P1 standards name gas, water and heat.
    let (name, kind) = match Number::parse(value("24.1.0")?)?.integer()? {
        2 => ("Electricity meter behind the meter", "energy"),
        3 => ("Gas meter", "gas-volume"),
        6 | 7 => ("Water meter", "water-volume"),
        4 | 10..=13 => ("Heat meter", "heat-energy"),
        _ => return None,
    };
    let (time, number) = telegram.objects.iter().find_map(|object| match object.reference.split_once(':')? {
        (place, "24.2.1" | "24.3.0") if place == format!("0-{channel}") => last_reading(object),
        _ => None,
    })?;
    let total = Value::Real(number.convert(ratio(kind, number.unit)?));
    let mut readings = vec![Reading { entity: primary("total", "Total"), kind, value: total, time }];
    if let Some(position) = value("24.4.0").and_then(|text| self::value("integer", text)) {
        let entity = diagnostic("valve", "Valve position");
        readings.push(Reading { entity, kind: "integer", value: position, time: None });
    }
    let id = value("96.1.0").and_then(identifier).unwrap_or_else(|| format!("{electricity}-{channel}"));
    Some(Meter { id, name, readings })
}

/// When another meter was read last, and its counter: `(time)(value*unit)`, or `(time)(…)(…)(…)(…)(unit)(value)` before
/// DSMR 4.
fn last_reading<'a>(object: &Object<'a>) -> Option<(Option<Timestamp>, Number<'a>)> {
    match object.values.as_slice() {
        [time, value] => Some((timestamp(time), Number::parse(value)?)),
        [_, _, _, _, _, unit, value] => Some((None, Number::parse(value)?.with_unit(unit))),
        _ => None,
    }
}

/// A serial number as a device's identifier: printable ASCII without spaces.
fn identifier(text: &str) -> Option<String> {
    // Some meters send only zeros, or plain text.
    let decoded = octets(text).filter(|text| !text.trim().is_empty()).unwrap_or_else(|| text.to_owned());
    let id: String = decoded.chars().filter(char::is_ascii_graphic).take(128).collect();
    (!id.is_empty()).then_some(id)
}

fn value(kind: &str, text: &str) -> Option<Value> {
    match kind {
        "text" => octets(text).map(Value::Text),
        "count" | "tariff" | "integer" => Number::parse(text)?.integer().map(Value::Integer),
        _ => {
            let number = Number::parse(text)?;
            Some(Value::Real(number.convert(ratio(kind, number.unit)?)))
        }
    }
}

/// How many of the kind's unit are how many of the telegram's; nothing if they do not belong together.
fn ratio(kind: &str, unit: &str) -> Option<(f64, f64)> {
    Some(match (kind, unit) {
        ("energy", "kWh") | ("power", "kW") => (1000.0, 1.0),
        // A Wh is 3600 J.
        ("heat-energy", "GJ") => (1e9, 3600.0),
        ("voltage", "V") | ("current", "A") | ("gas-volume" | "water-volume", "m3") => (1.0, 1.0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use igloo::{ValueType, kinds};

    use super::*;

    fn read(text: &str) -> Vec<Meter> {
        meters(&Telegram::parse(text.split_inclusive('!').next().unwrap()).unwrap())
    }

    fn find<'a>(meter: &'a Meter, entity: &str, kind: &str) -> &'a Reading {
        meter.readings.iter().find(|r| r.entity.id == entity && r.kind == kind).unwrap()
    }

    fn real(meter: &Meter, entity: &str, kind: &str) -> f64 {
        match find(meter, entity, kind).value {
            Value::Real(value) => value,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_esmr_5_example() {
        let [electricity, gas] = read(include_str!("../telegrams/esmr5.txt")).try_into().unwrap();
        assert_eq!((electricity.id.as_str(), gas.id.as_str()), ("K8EG004046395507", "2222ABCD123456789"));
        assert_eq!(real(&electricity, "delivered-1", "energy"), 123_456_789.0);
        assert_eq!(real(&electricity, "delivered", "power"), 1193.0);
        assert_eq!(real(&electricity, "power", "power"), 1193.0);
        assert_eq!(real(&electricity, "l2", "voltage"), 220.2);
        assert_eq!(real(&electricity, "l2", "current"), 2.0);
        assert_eq!(real(&electricity, "l3-returned", "power"), 6666.0);
        assert_eq!(find(&electricity, "tariff", "tariff").value, Value::Integer(2));
        assert_eq!(find(&electricity, "l2-swells", "count").value, Value::Integer(3));
        let message = "0123456789:;<=>?".repeat(5);
        assert_eq!(find(&electricity, "message", "text").value, Value::Text(message));
        assert_eq!(real(&gas, "total", "gas-volume"), 12_785.123);
        // Each meter has its own time: 11:30:20 and 11:25:00 in winter.
        assert_eq!(find(&electricity, "tariff", "tariff").time, Some(Timestamp::from_seconds(1_291_890_620)));
        assert_eq!(find(&gas, "total", "gas-volume").time, Some(Timestamp::from_seconds(1_291_890_300)));
    }

    #[test]
    fn older_meters() {
        let [electricity, gas] = read(include_str!("../telegrams/dsmr4.txt")).try_into().unwrap();
        assert_eq!(real(&electricity, "limiter", "power"), 16_100.0);
        assert_eq!(find(&electricity, "message-code", "text").value, Value::Text("01 61 81".to_owned()));
        assert_eq!(find(&gas, "valve", "integer").value, Value::Integer(1));
        let [electricity, gas] = read(include_str!("../telegrams/dsmr2.txt")).try_into().unwrap();
        assert_eq!(real(&electricity, "returned-2", "energy"), 4004.0);
        assert_eq!(real(&electricity, "delivered", "power"), 1010.0);
        assert_eq!(find(&electricity, "delivered", "power").time, None);
        assert_eq!(real(&gas, "total", "gas-volume"), 1.001);
    }

    #[test]
    fn other_meters_and_odd_ones() {
        let text = "/ABC5y\r\n\r\n0-0:96.1.1(00000000)\r\n0-1:24.1.0(007)\r\n0-1:24.2.1(251119120000W)(00012.500*m3)\r\n\
                    0-2:24.1.0(012)\r\n0-2:96.1.0(48656174)\r\n0-2:24.2.1(251119120000W)(00001.800*GJ)\r\n\
                    0-3:24.1.0(003)\r\n0-3:24.2.1(700101010000W)(00000000)\r\n0-4:24.1.0()\r\n\
                    1-0:31.7.0(000.85*A)\r\n1-0:1.7.0(01.000*kWh)\r\n1-0:2.7.0(-1.000*kW)\r\n!";
        let [electricity, water, heat] = read(text).try_into().unwrap();
        assert_eq!((electricity.id.as_str(), water.id.as_str()), ("00000000", "00000000-1"));
        assert_eq!(heat.id, "Heat");
        assert_eq!(real(&water, "total", "water-volume"), 12.5);
        assert_eq!(real(&heat, "total", "heat-energy"), 500_000.0);
        // A wrong unit and a negative number are no readings.
        assert_eq!(electricity.readings.len(), 1);
        assert_eq!(real(&electricity, "l1", "current"), 0.85);
    }

    #[test]
    fn kinds_and_values_fit() {
        let mut places: Vec<_> = OBJECTS.iter().map(|(_, entity, kind)| (entity.id, kind)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), OBJECTS.len());
        for meter in read(include_str!("../telegrams/esmr5.txt")) {
            for reading in meter.readings {
                let expected = kinds::find(reading.kind).unwrap().value;
                let fits = match reading.value {
                    Value::Real(_) => expected == ValueType::Real,
                    Value::Integer(_) => expected == ValueType::Integer,
                    Value::Text(_) => expected == ValueType::Text,
                    _ => false,
                };
                assert!(fits, "{reading:?}");
            }
        }
    }
}
