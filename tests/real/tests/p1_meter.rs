//! `p1-meter` on a serial line, against dsmr-parser: every reading of every telegram is the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's way to say that it failed")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use igloo_hub::DeviceView;
use igloo_model::Query;
use igloo_real_tests::{Home, Line, component, device, number, run, value};
use serde_json::{Value as Json, json};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::interval;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers/p1-meter/telegrams").join(name)
}

fn telegrams(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file(name)).unwrap();
    text.split_inclusive("\r\n/")
        .map(|part| part.trim_end_matches('/').trim_start_matches('/'))
        .map(|part| format!("/{part}"))
        .collect()
}

async fn oracle(version: &str, name: &str) -> Vec<Json> {
    run("dsmr_oracle.py", &[version, file(name).to_str().unwrap()]).await
}

/// The far end of a line, written to at the pace of 115200 8N1: 11520 bytes a second.
struct Meter(File);

impl Meter {
    async fn at(path: &Path) -> Self {
        Self(OpenOptions::new().write(true).open(path).await.unwrap())
    }

    async fn send(&mut self, bytes: &[u8]) {
        let mut pace = interval(Duration::from_millis(10));
        for piece in bytes.chunks(115) {
            pace.tick().await;
            self.0.write_all(piece).await.unwrap();
            self.0.flush().await.unwrap();
        }
    }
}

/// dsmr-parser's name, our entity and kind, and how many of the kind's unit are one of the telegram's.
const NAMES: &[(&str, &str, &str, f64)] = &[
    ("ELECTRICITY_USED_TARIFF_1", "delivered-1", "energy", 1000.0),
    ("ELECTRICITY_USED_TARIFF_2", "delivered-2", "energy", 1000.0),
    ("ELECTRICITY_DELIVERED_TARIFF_1", "returned-1", "energy", 1000.0),
    ("ELECTRICITY_DELIVERED_TARIFF_2", "returned-2", "energy", 1000.0),
    ("ELECTRICITY_ACTIVE_TARIFF", "tariff", "tariff", 1.0),
    ("CURRENT_ELECTRICITY_USAGE", "delivered", "power", 1000.0),
    ("CURRENT_ELECTRICITY_DELIVERY", "returned", "power", 1000.0),
    ("ACTUAL_TRESHOLD_ELECTRICITY", "limiter", "power", 1000.0),
    ("ACTUAL_SWITCH_POSITION", "breaker", "integer", 1.0),
    ("LONG_POWER_FAILURE_COUNT", "long-failures", "count", 1.0),
    ("SHORT_POWER_FAILURE_COUNT", "failures", "count", 1.0),
    ("VOLTAGE_SAG_L1_COUNT", "l1-sags", "count", 1.0),
    ("VOLTAGE_SAG_L2_COUNT", "l2-sags", "count", 1.0),
    ("VOLTAGE_SAG_L3_COUNT", "l3-sags", "count", 1.0),
    ("VOLTAGE_SWELL_L1_COUNT", "l1-swells", "count", 1.0),
    ("VOLTAGE_SWELL_L2_COUNT", "l2-swells", "count", 1.0),
    ("VOLTAGE_SWELL_L3_COUNT", "l3-swells", "count", 1.0),
    ("INSTANTANEOUS_VOLTAGE_L1", "l1", "voltage", 1.0),
    ("INSTANTANEOUS_VOLTAGE_L2", "l2", "voltage", 1.0),
    ("INSTANTANEOUS_VOLTAGE_L3", "l3", "voltage", 1.0),
    ("INSTANTANEOUS_CURRENT_L1", "l1", "current", 1.0),
    ("INSTANTANEOUS_CURRENT_L2", "l2", "current", 1.0),
    ("INSTANTANEOUS_CURRENT_L3", "l3", "current", 1.0),
    ("INSTANTANEOUS_ACTIVE_POWER_L1_POSITIVE", "l1", "power", 1000.0),
    ("INSTANTANEOUS_ACTIVE_POWER_L2_POSITIVE", "l2", "power", 1000.0),
    ("INSTANTANEOUS_ACTIVE_POWER_L3_POSITIVE", "l3", "power", 1000.0),
    ("INSTANTANEOUS_ACTIVE_POWER_L1_NEGATIVE", "l1-returned", "power", 1000.0),
    ("INSTANTANEOUS_ACTIVE_POWER_L2_NEGATIVE", "l2-returned", "power", 1000.0),
    ("INSTANTANEOUS_ACTIVE_POWER_L3_NEGATIVE", "l3-returned", "power", 1000.0),
    ("MBUS_METER_READING", "total", "", 1.0),
    ("HOURLY_GAS_METER_READING", "total", "", 1.0),
    ("GAS_METER_READING", "total", "", 1.0),
    ("VALVE_POSITION_GAS", "valve", "integer", 1.0),
];

fn text(reading: &Json) -> String {
    reading["value"].as_str().map_or_else(|| reading["value"].to_string(), ToOwned::to_owned)
}

fn octets(hex: &str) -> String {
    let octet = |at| char::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    (0..hex.len()).step_by(2).map(octet).collect()
}

/// The part of a time that two ways to write it share.
fn seconds(time: &str) -> String {
    time[..19].to_owned()
}

/// The time of a telegram.
fn clock(expected: &Json) -> Option<String> {
    let time = expected.as_array().unwrap().iter().find(|reading| reading["name"] == "P1_MESSAGE_TIMESTAMP")?;
    Some(seconds(&text(time)))
}

/// Checks that the home shows all that dsmr-parser finds in a telegram, and says how many readings that were.
fn compare(devices: &[DeviceView], expected: &Json) -> usize {
    let readings = expected.as_array().unwrap();
    let find = |name: &str, channel: &Json| readings.iter().find(|r| r["name"] == name && r["channel"] == *channel);
    let id = |channel: &Json| {
        ["EQUIPMENT_IDENTIFIER", "MBUS_EQUIPMENT_IDENTIFIER", "EQUIPMENT_IDENTIFIER_GAS"]
            .iter()
            .find_map(|name| find(name, channel))
            .map(|reading| octets(&text(reading)))
            .unwrap()
    };
    let clock = clock(expected);
    let mut compared = 0;
    for reading in readings {
        let (name, channel) = (reading["name"].as_str().unwrap(), &reading["channel"]);
        let key = id(channel);
        let Some((_, entity, kind, factor)) = NAMES.iter().find(|(known, ..)| *known == name) else {
            let known = ["HEADER", "TIMESTAMP", "IDENTIFIER", "DEVICE_TYPE", "TEXT_MESSAGE"];
            assert!(known.iter().any(|part| name.contains(part)), "{name} is not compared");
            continue;
        };
        let kind = match (*kind, device(devices, &key).unwrap().name.as_str()) {
            ("", "Water meter") => "water-volume",
            ("", _) => "gas-volume",
            (kind, _) => kind,
        };
        let shown = component(devices, &key, entity, kind).unwrap_or_else(|| panic!("{key}/{entity}/{kind}"));
        let expected = text(reading).parse::<f64>().unwrap() * factor;
        let value = shown.value.as_f64().unwrap();
        assert!((value - expected).abs() <= 1e-9 * expected.abs(), "{name}: {value}, dsmr-parser says {expected}");
        // Before DSMR 4 dsmr-parser guesses whether it is summer; we do not.
        let time = if name == "GAS_METER_READING" { None } else { reading["time"].as_str().map(seconds) };
        let time = time.or_else(|| clock.clone().filter(|_| *channel == json!(0)));
        let shown = shown.time.map(|time| seconds(&igloo_model::value::timestamp_text(time)));
        assert_eq!(shown, time, "{name}");
        compared += 1;
    }
    if let Some(message) = find("TEXT_MESSAGE", &json!(0)).filter(|message| !message["value"].is_null()) {
        let shown = value(devices, &id(&json!(0)), "message", "text").unwrap();
        assert_eq!(shown, json!(octets(&text(message))));
        compared += 1;
    }
    compared
}

fn config(line: &str, silence: u64) -> Json {
    json!({ "line": line, "silence_seconds": silence })
}

const METER: &str = "E0047000012345620";

/// Waits until so many good telegrams were counted, and answers what the home shows then.
async fn after(home: &Home, meter: &str, telegrams: usize) -> Vec<DeviceView> {
    let what = format!("{telegrams} telegrams");
    home.until(&what, |devices| {
        let count = number(devices, meter, "telegrams", "count")?;
        assert!(count <= telegrams as f64, "{count} telegrams, {telegrams} were sent");
        (count == telegrams as f64).then(|| devices.to_vec())
    })
    .await
}

/// Damage of all kinds that a line can do, the same in every run.
fn damage(telegram: &str, step: usize) -> Vec<u8> {
    let mut bytes = telegram.as_bytes().to_vec();
    let at = step * 7919 % bytes.len();
    match step % 6 {
        0 => bytes[at] ^= 1 << (step % 8),
        1 => drop(bytes.drain(at..(at + 1 + step).min(bytes.len()))),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(..at)),
        4 => drop(bytes.splice(at..at, (0..step).map(|n| u8::try_from(n * 37 % 256).unwrap()))),
        _ => bytes = (0..400 + step).map(|n| u8::try_from((n * n * 31 + step) % 256).unwrap()).collect(),
    }
    bytes
}

#[tokio::test]
async fn every_reading_of_a_noisy_line_is_dsmr_parsers() {
    let telegrams = telegrams("home.txt");
    let expected = oracle("5", "home.txt").await;
    assert_eq!((telegrams.len(), expected.len()), (60, 60));
    let line = Line::new().await;
    let home = Home::open().await;
    home.install("p1-meter", &[format!("serial:meter={}", line.near().display())], config("115200 8N1", 35)).await;
    let mut meter = Meter::at(&line.far()).await;

    let mut compared = 0;
    for (step, telegram) in telegrams.iter().enumerate() {
        meter.send(&damage(telegram, step)).await;
        meter.send(telegram.as_bytes()).await;
        let devices = after(&home, METER, step + 1).await;
        compared += compare(&devices, &expected[step]);
    }
    assert_eq!(compared, 60 * 29);
    assert!(home.now(METER, "telegram-errors", "count").as_u64().unwrap() > 20);
    home.hub.shutdown().await;
}

#[tokio::test]
async fn the_published_telegrams_of_all_versions() {
    for (version, name, line, readings) in
        [("5", "esmr5.txt", "115200 8N1", 29), ("4", "dsmr4.txt", "115200 8N1", 17), ("2", "dsmr2.txt", "9600 7E1", 11)]
    {
        let expected = oracle(version, name).await;
        // A pseudo-terminal has no 7E1, the network does not care.
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let home = Home::open().await;
        home.install("p1-meter", &[format!("serial:meter=socket://127.0.0.1:{port}")], config(line, 35)).await;
        let (mut stream, _) = server.accept().await.unwrap();
        let telegram = std::fs::read(file(name)).unwrap();
        // Without a checksum a meter is believed the second time.
        let times = if version == "2" { 2 } else { 1 };
        for _ in 0..times {
            stream.write_all(&telegram).await.unwrap();
        }
        let devices = after(&home, "K8EG004046395507", 1).await;
        assert_eq!(compare(&devices, &expected[0]), readings, "{name}");
        assert_eq!(device(&devices, "2222ABCD123456789").unwrap().name, "Gas meter");
        home.hub.shutdown().await;
    }
}

#[tokio::test]
async fn a_meter_is_unavailable_while_it_is_unplugged_or_silent() {
    let telegrams = telegrams("home.txt");
    let mut line = Line::new().await;
    let home = Home::open().await;
    home.install("p1-meter", &[format!("serial:meter={}", line.near().display())], config("115200 8N1", 2)).await;
    let mut meter = Meter::at(&line.far()).await;
    let available = |wanted: bool| {
        move |devices: &[DeviceView]| {
            let all = devices.iter().filter(|device| device.reachable == wanted).count();
            (devices.len() == 3 && all == 3).then_some(())
        }
    };

    meter.send(telegrams[0].as_bytes()).await;
    home.until("the meter is there", available(true)).await;
    let before = home.hub.devices(&Query::all());

    home.until("the meter is silent", available(false)).await;
    meter.send(telegrams[1].as_bytes()).await;
    home.until("the meter is there again", available(true)).await;

    // Half a telegram is in the provider's hands when the cable is pulled out.
    meter.send(&telegrams[2].as_bytes()[..500]).await;
    line.unplug().await;
    home.until("the meter is unplugged", available(false)).await;
    let during = home.hub.devices(&Query::all());
    assert_eq!(number(&during, METER, "telegrams", "count"), Some(2.0));
    assert!(number(&during, METER, "delivered-2", "energy").is_some(), "values stay");

    line.plug().await;
    let mut meter = Meter::at(&line.far()).await;
    let expected = oracle("5", "home.txt").await;
    // What is sent before the port is open again is lost, as with any meter.
    let mut sent = 3;
    let seen = loop {
        meter.send(telegrams[sent].as_bytes()).await;
        let devices = home.hub.devices(&Query::all());
        if available(true)(&devices).is_some() {
            break devices;
        }
        sent += 1;
    };
    let ids = |devices: &[DeviceView]| devices.iter().map(|device| device.id).collect::<Vec<_>>();
    assert_eq!(ids(&seen), ids(&before), "the same devices");
    meter.send(telegrams[sent + 1].as_bytes()).await;
    let time = clock(&expected[sent + 1]);
    let devices = home
        .until("the telegram's values", |devices| {
            let shown = component(devices, METER, "power", "power")?.time.map(igloo_model::value::timestamp_text);
            (shown.map(|shown| seconds(&shown)) == time).then(|| devices.to_vec())
        })
        .await;
    compare(&devices, &expected[sent + 1]);
    home.hub.shutdown().await;
}
