//! MQTT, with mosquitto.

use igloo_real_tests::{Program, ask, free_port};
use serde_json::json;

use crate::bench::{Bench, saying, tcp};
use crate::table::Row;

const BROKER: &str = "mosquitto";

/// A broker on a free port, and the port.
async fn broker() -> (Program, u16) {
    let port = free_port();
    let broker = Program::start("mosquitto", ["-v", "-p", &port.to_string()]);
    broker.says("running").await;
    (broker, port)
}

/// Lets a library get one message and give another, and looks what other clients see.
async fn exchange(bench: &Bench, library: &str) {
    let (broker, port) = broker().await;
    let number = port.to_string();
    let tool = ["-h", "127.0.0.1", "-p", &number, "-q", "1", "-t"];
    ask("mosquitto_pub", tool.iter().chain(&["lamp/set", "-r", "-m", "on"]), b"").await;
    let answer = bench.exchange(library, &[tcp(port)], saying(port, "it is on")).await;
    assert_eq!(answer, json!({ "topic": "lamp/set", "payload": "on", "retained": true }), "{broker:?}");
    let topic = format!("lamp/state/{library}");
    let state = ask("mosquitto_sub", tool.iter().copied().chain([&*topic, "-C", "1", "-W", "10"]), b"").await;
    assert_eq!(state, b"it is on\n");
    broker.says(&format!("Received DISCONNECT from {library}")).await;
}

pub(crate) async fn rumqttc(bench: Bench) -> Row {
    exchange(&bench, "rumqttc").await;
    Row::ran("rumqttc", BROKER, "Got a retained message; published one at QoS 1, which another client got")
}

pub(crate) async fn rust_mqtt(bench: Bench) -> Row {
    exchange(&bench, "rust-mqtt").await;
    let what =
        "MQTT 5 by `embedded-io-adapters`: got a retained message; published one at QoS 2, which another client got";
    Row::ran("rust-mqtt", BROKER, what)
}
