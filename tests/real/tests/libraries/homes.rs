//! What homes are made of: ESPHome's API with aioesphomeapi, Zigbee coprocessors with bellows' frames.

use igloo_real_tests::{Line, Python, free_port, run};
use serde_json::json;

use crate::bench::{Bench, port_of, saying, tcp};
use crate::table::Row;

/// `0123456789abcdef` twice.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub(crate) async fn esphome_client(bench: Bench) -> Row {
    let (mut server, ready) = Python::start("esphome_server.py", &[KEY]).await;
    let port = port_of(&ready);
    let answer = bench.exchange("esphome-client", &[tcp(port)], saying(port, KEY)).await;
    let expected = json!({
        "device": ["porch", "AA:BB:CC:DD:EE:FF"],
        "switch": "Relay",
        "unit": "°C",
        "outside": -3.5,
        "states": [false, true],
    });
    assert_eq!(answer, expected);
    assert_eq!(server.line().await, json!({ "command": [11, true] }));
    assert_eq!(server.line().await, json!({ "pinged": true }));
    Row::ran(
        "esphome-client",
        "aioesphomeapi's messages, noiseprotocol",
        "A device's entities and states, encrypted; a ping answered, a switch set",
    )
}

pub(crate) async fn esphome_native_api(bench: Bench) -> Row {
    let port = free_port();
    let guest = bench.guest(&[format!("listen:tcp://127.0.0.1:{port}?from=127.0.0.1/32")]).await;
    let number = port.to_string();
    let arguments = [&*number, KEY];
    let client = run("esphome_client.py", &arguments);
    let (answer, client) = tokio::join!(guest.exchange("esphome-native-api", saying(port, KEY)), client);
    let expected = json!({
        "device": ["porch", "AA:BB:CC:DD:EE:FF", "component"],
        "entities": [["SwitchInfo", 11, "Relay"]],
        "states": [false, true],
    });
    assert_eq!((&answer, &client[0]), (&json!({ "states": [false, true] }), &expected));
    Row::ran(
        "esphome-native-api",
        "aioesphomeapi, Home Assistant's",
        "A device for it, encrypted: it listed a switch, watched it and switched it on",
    )
}

pub(crate) async fn ashv2(bench: Bench) -> Row {
    let line = Line::new().await;
    let (mut coprocessor, _) = Python::start("zigbee_coprocessor.py", &[line.far().to_str().unwrap()]).await;
    let guest = bench.guest(&[format!("serial:port={}", line.near().display())]).await;
    let answer = guest.exchange("ashv2", json!({ "text": "~echo\u{11}}" })).await;
    assert_eq!((&answer["count"], &answer["echo"]), (&json!(0x117E), &json!("~echo\u{11}}")), "escaped in the frames");
    assert_eq!(answer["address"], "00:12:4B:00:12:34:56:78");
    let mut asked = Vec::new();
    while asked.last() != Some(&json!("echo")) {
        asked.push(coprocessor.line().await["asked"].take());
    }
    assert!(asked.contains(&json!("setConfigurationValue")), "{asked:?}");
    Row::ran(
        "ashv2",
        "bellows' frames and commands",
        "A reset, the version, and commands of `ezsp` to a Zigbee coprocessor on a serial port, bytes escaped both ways",
    )
}
