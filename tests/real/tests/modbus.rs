//! `modbus` against pymodbus, on a serial line and over TCP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's way to say that it failed")]

use std::time::Duration;

use futures::future::join_all;
use igloo_hub::{CommandOutcome, DeviceView};
use igloo_model::Value;
use igloo_model::tree::Change;
use igloo_real_tests::{Home, Line, Python, device, value};
use serde_json::{Value as Json, json};

/// Two units with the same points, and one register that they do not have.
fn units() -> Json {
    let unit = |address: u8| {
        json!({
            "address": address,
            "poll_seconds": 0.1,
            "coils": [
                { "address": 0, "name": "Pump" },
                { "address": 1, "name": "Fan", "inverted": true },
                { "address": 2, "name": "Bell" },
                { "address": 3, "name": "Lamp" },
            ],
            "discrete_inputs": [{ "address": 5, "name": "Door", "kind": "contact" }],
            "holding_registers": [
                {
                    "address": 16, "name": "Setpoint", "kind": "target-temperature", "type": "i16", "scale": 0.1,
                    "writable": true, "minimum": -10, "maximum": 60, "step": 0.5,
                },
                { "address": 17, "name": "Counter", "kind": "integer", "type": "u32", "writable": true },
                { "address": 19, "name": "Ramp", "type": "f32", "word_order": "low-first", "writable": true },
                { "address": 500, "name": "Not there" },
            ],
            "input_registers": [
                { "address": 0, "name": "Flow", "kind": "temperature", "type": "i16", "scale": 0.1 },
                { "address": 1, "name": "L1", "kind": "voltage", "type": "f32" },
                { "address": 3, "name": "Power", "kind": "power", "type": "i32", "word_order": "low-first" },
                { "address": 10, "name": "Yield", "kind": "energy", "type": "u32", "scale": 100 },
                { "address": 20, "name": "Twin", "kind": "energy", "type": "u32" },
            ],
        })
    };
    json!([unit(1), unit(2)])
}

async fn rtu(line: &Line) -> Python {
    Python::start("modbus_server.py", &["rtu", line.far().to_str().unwrap()]).await.0
}

async fn tcp(port: &str) -> (Python, String) {
    let (server, ready) = Python::start("modbus_server.py", &["tcp", port]).await;
    (server, ready["ready"].to_string())
}

async fn rtu_home(line: &Line) -> Home {
    let home = Home::open().await;
    let grants = [format!("serial:bus={}", line.near().display())];
    let config = json!({ "transport": "rtu", "baud": 19200, "timeout_ms": 300, "units": units() });
    home.install("modbus", &grants, config).await;
    home
}

async fn tcp_home(port: &str) -> Home {
    let home = Home::open().await;
    let number: u16 = port.parse().unwrap();
    let config =
        json!({ "transport": "tcp", "host": "127.0.0.1", "port": number, "timeout_ms": 300, "units": units() });
    home.install("modbus", &[format!("tcp://127.0.0.1:{port}")], config).await;
    home
}

async fn set(server: &mut Python, unit: u8, table: &str, address: u16, values: Json) {
    server.ask(json!({ "do": "set", "unit": unit, "table": table, "address": address, "values": values })).await;
}

async fn get(server: &mut Python, unit: u8, table: &str, address: u16, count: u16) -> Json {
    let question = json!({ "do": "get", "unit": unit, "table": table, "address": address, "count": count });
    server.ask(question).await["values"].clone()
}

/// Waits until a component has this value.
async fn shows(home: &Home, unit: &str, entity: &str, kind: &str, expected: Json) {
    let what = format!("{unit}/{entity}/{kind} is {expected}");
    home.until(&what, |devices| (value(devices, unit, entity, kind)? == expected).then_some(())).await;
}

/// Waits until a unit can be reached, or cannot.
async fn reachable(home: &Home, unit: &str, expected: bool) {
    let look = |devices: &[DeviceView]| (device(devices, unit)?.reachable == expected).then_some(());
    home.until(&format!("{unit} reachable: {expected}"), look).await;
}

/// What is read is what is there, whatever lies how in the registers.
async fn readings(home: &Home, server: &mut Python) {
    set(server, 1, "d", 5, json!([true])).await;
    // -12.5 °C; 230.25 V; -1500 W, low half first; 1 234 567 × 100 Wh.
    set(server, 1, "i", 0, json!([0xFF83, 0x4366, 0x4000, 0xFA24, 0xFFFF])).await;
    set(server, 1, "i", 10, json!([0x0012, 0xD687])).await;
    shows(home, "unit-1", "discrete-input-5", "contact", json!(true)).await;
    shows(home, "unit-1", "input-register-0", "temperature", json!(-12.5)).await;
    shows(home, "unit-1", "input-register-1", "voltage", json!(230.25)).await;
    shows(home, "unit-1", "input-register-3", "power", json!(-1500.0)).await;
    shows(home, "unit-1", "input-register-10", "energy", json!(123_456_700.0)).await;
    shows(home, "unit-2", "input-register-0", "temperature", json!(0.0)).await;
    // What the unit does not have is not known, and does no harm to the rest.
    assert_eq!(home.now("unit-1", "holding-register-500", "real"), Json::Null);
    set(server, 1, "i", 0, json!([215])).await;
    shows(home, "unit-1", "input-register-0", "temperature", json!(21.5)).await;
}

/// What is commanded is what is there, and is shown before the command's outcome.
async fn commands(home: &Home, server: &mut Python) {
    for (entity, kind, wanted, table, address, raw) in [
        ("coil-0", "switch", json!(true), "c", 0, json!([true])),
        ("coil-1", "switch", json!(true), "c", 1, json!([false])),
        ("coil-1", "switch", json!(false), "c", 1, json!([true])),
        ("holding-register-16", "target-temperature", json!(21.5), "h", 16, json!([215])),
        ("holding-register-16", "target-temperature", json!(-4.0), "h", 16, json!([0xFFD8])),
        ("holding-register-17", "integer", json!(305_419_896), "h", 17, json!([0x1234, 0x5678])),
        ("holding-register-19", "real", json!(0.5), "h", 19, json!([0x0000, 0x3F00])),
    ] {
        let outcome = home.command("unit-1", entity, kind, wanted.clone()).await;
        assert_eq!(outcome, CommandOutcome::Ok, "{entity} {wanted}\n{}", home.story());
        assert_eq!(home.now("unit-1", entity, kind), wanted, "{entity}");
        let count = u16::try_from(raw.as_array().unwrap().len()).unwrap();
        assert_eq!(get(server, 1, table, address, count).await, raw, "{entity} {wanted}");
    }
    // Out of range, not writable, and too large for the register.
    for (entity, kind, wanted) in [
        ("holding-register-16", "target-temperature", json!(61)),
        ("input-register-0", "temperature", json!(20)),
        ("holding-register-17", "integer", json!(-1)),
    ] {
        let outcome = home.command("unit-1", entity, kind, wanted).await;
        assert!(!matches!(outcome, CommandOutcome::Ok), "{entity}: {outcome:?}");
    }
    assert_eq!(get(server, 1, "h", 16, 3).await, json!([0xFFD8, 0x1234, 0x5678]));
}

/// Commands to all coils of both units at the same time, while both are read: a bus has one request at a time.
async fn at_once(home: &Home, server: &mut Python) {
    for on in [true, false] {
        let commands = (0..8).map(|index| {
            let (unit, coil) = (1 + index % 2, [0, 2, 3, 1][index / 2]);
            async move { home.command(&format!("unit-{unit}"), &format!("coil-{coil}"), "switch", json!(on)).await }
        });
        for outcome in join_all(commands).await {
            assert_eq!(outcome, CommandOutcome::Ok, "{}", home.story());
        }
        for unit in [1, 2] {
            assert_eq!(get(server, unit, "c", 0, 4).await, json!([on, !on, on, on]));
        }
    }
}

/// A unit that does not answer is unavailable, and the other one is not.
async fn silence(home: &Home, server: &mut Python) {
    server.ask(json!({ "do": "mute", "units": [2] })).await;
    reachable(home, "unit-2", false).await;
    match home.command("unit-2", "coil-0", "switch", json!(true)).await {
        // The hub may answer by itself, knowing that it is unreachable.
        CommandOutcome::Unavailable(_) => {}
        CommandOutcome::Failed { code, .. } => assert_eq!(code, "no-answer"),
        other => panic!("{other:?}"),
    }
    set(server, 1, "i", 0, json!([222])).await;
    shows(home, "unit-1", "input-register-0", "temperature", json!(22.2)).await;
    let outcome = home.command("unit-1", "coil-0", "switch", json!(true)).await;
    assert_eq!(outcome, CommandOutcome::Ok, "{}", home.story());
    server.ask(json!({ "do": "mute", "units": [] })).await;
    reachable(home, "unit-2", true).await;
}

/// An answer that comes too late is never taken for the next one, not even for one of the same form.
async fn late(home: &Home, server: &mut Python) {
    set(server, 1, "i", 10, json!([0, 7])).await;
    set(server, 1, "i", 20, json!([0, 3])).await;
    shows(home, "unit-1", "input-register-10", "energy", json!(700.0)).await;
    shows(home, "unit-1", "input-register-20", "energy", json!(3.0)).await;
    let mut watch = home.hub.watch("*/unit-1/input-register-*/energy".parse().unwrap());
    // The timeout is 300 ms.
    server.ask(json!({ "do": "delay", "seconds": [0.05, 0.5] })).await;
    server.ask(json!({ "do": "requests" })).await;
    let mut requests = 0;
    while requests < 12 {
        let changes = tokio::time::timeout(Duration::from_millis(200), watch.next()).await.unwrap_or_default();
        for change in changes {
            if let Change::Value { entity, value, .. } = change {
                let right = if &*entity == "input-register-10" { 700.0 } else { 3.0 };
                assert_eq!(value, Value::Real(right), "{entity}");
            }
        }
        let answer = server.ask(json!({ "do": "requests" })).await;
        requests += answer["requests"].as_array().unwrap().iter().filter(|request| request[2] == 20).count();
    }
    server.ask(json!({ "do": "delay", "seconds": [0, 0] })).await;
    reachable(home, "unit-1", true).await;
}

/// Neighbours are read with one request.
async fn requests(home: &Home, server: &mut Python) {
    server.ask(json!({ "do": "requests" })).await;
    set(server, 1, "i", 0, json!([333])).await;
    shows(home, "unit-1", "input-register-0", "temperature", json!(33.3)).await;
    set(server, 1, "i", 0, json!([334])).await;
    shows(home, "unit-1", "input-register-0", "temperature", json!(33.4)).await;
    let answer = server.ask(json!({ "do": "requests" })).await;
    let mut seen: Vec<Json> = answer["requests"].as_array().unwrap().clone();
    seen.retain(|request| request[0] == 1);
    seen.sort_by_key(ToString::to_string);
    seen.dedup();
    // Function, address, count.
    let expected = [
        json!([1, 1, 0, 4]),
        json!([1, 2, 5, 1]),
        json!([1, 3, 16, 5]),
        json!([1, 3, 500, 1]),
        json!([1, 4, 0, 5]),
        json!([1, 4, 10, 2]),
        json!([1, 4, 20, 2]),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn units_on_a_serial_bus() {
    let line = Line::new().await;
    let mut server = rtu(&line).await;
    let home = rtu_home(&line).await;
    readings(&home, &mut server).await;
    commands(&home, &mut server).await;
    at_once(&home, &mut server).await;
    requests(&home, &mut server).await;
    silence(&home, &mut server).await;
    late(&home, &mut server).await;
    home.hub.shutdown().await;
}

#[tokio::test]
async fn units_behind_a_tcp_port() {
    let (mut server, port) = tcp("0").await;
    let home = tcp_home(&port).await;
    readings(&home, &mut server).await;
    commands(&home, &mut server).await;
    at_once(&home, &mut server).await;
    requests(&home, &mut server).await;
    silence(&home, &mut server).await;
    late(&home, &mut server).await;
    home.hub.shutdown().await;
}

#[tokio::test]
async fn a_bus_that_is_unplugged_comes_back() {
    let mut line = Line::new().await;
    let server = rtu(&line).await;
    let home = rtu_home(&line).await;
    reachable(&home, "unit-1", true).await;
    shows(&home, "unit-1", "input-register-0", "temperature", json!(0.0)).await;
    line.unplug().await;
    reachable(&home, "unit-1", false).await;
    reachable(&home, "unit-2", false).await;
    let outcome = home.command("unit-1", "coil-0", "switch", json!(true)).await;
    assert!(matches!(outcome, CommandOutcome::Unavailable(_)), "{outcome:?}");
    server.kill().await;
    line.plug().await;
    let mut server = rtu(&line).await;
    reachable(&home, "unit-1", true).await;
    reachable(&home, "unit-2", true).await;
    commands(&home, &mut server).await;
    home.hub.shutdown().await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let (server, port) = tcp("0").await;
    let home = tcp_home(&port).await;
    shows(&home, "unit-1", "input-register-0", "temperature", json!(0.0)).await;
    server.kill().await;
    reachable(&home, "unit-1", false).await;
    let outcome = home.command("unit-1", "coil-0", "switch", json!(true)).await;
    assert!(matches!(outcome, CommandOutcome::Unavailable(_)), "{outcome:?}");
    let (mut server, _) = tcp(&port).await;
    reachable(&home, "unit-1", true).await;
    commands(&home, &mut server).await;
    home.hub.shutdown().await;
}
