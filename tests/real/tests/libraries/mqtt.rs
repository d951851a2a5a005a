//! MQTT, with mosquitto.

use std::fs;

use igloo_real_tests::{Program, ask, free_port};
use serde_json::json;

use crate::bench::{Bench, saying, tcp};
use crate::certificates::Certificate;
use crate::table::Row;

const BROKER: &str = "mosquitto";

/// A broker on a free port, and the port.
async fn broker() -> (Program, u16) {
    let port = free_port();
    let broker = Program::start("mosquitto", ["-v", "-p", &port.to_string()]);
    broker.says("running").await;
    (broker, port)
}

/// Lets a library, by this action, get one message and give another at this port, and looks what other clients see.
async fn exchange(bench: &Bench, library: &str, action: &str, broker: &Program, plain: u16, port: u16) {
    let number = plain.to_string();
    let tool = ["-h", "127.0.0.1", "-p", &number, "-q", "1", "-t"];
    ask("mosquitto_pub", tool.iter().chain(&["lamp/set", "-r", "-m", "on"]), b"").await;
    let answer = bench.exchange(action, &[tcp(port)], saying(port, "it is on")).await;
    assert_eq!(answer, json!({ "topic": "lamp/set", "payload": "on", "retained": true }), "{broker:?}");
    let topic = format!("lamp/state/{library}");
    let state = ask("mosquitto_sub", tool.iter().copied().chain([&*topic, "-C", "1", "-W", "10"]), b"").await;
    assert_eq!(state, b"it is on\n");
    broker.says(&format!("Received DISCONNECT from {library}")).await;
}

pub(crate) async fn rumqttc(bench: Bench) -> Row {
    let (broker, port) = broker().await;
    exchange(&bench, "rumqttc", "rumqttc", &broker, port, port).await;
    Row::ran("rumqttc", BROKER, "Got a retained message; published one at QoS 1, which another client got")
}

pub(crate) async fn rumqttc_tls(bench: Bench) -> Row {
    let certificate = Certificate::trusted(&bench, "rumqttc").await;
    let [file, key] = certificate.files();
    let (plain, port) = (free_port(), free_port());
    let config = tempfile::NamedTempFile::new().unwrap();
    let lines = [
        "allow_anonymous true",
        // Where it is root, it stays so: the key is for this user alone.
        "user root",
        &format!("listener {plain} 127.0.0.1"),
        &format!("listener {port} 127.0.0.1"),
        &format!("certfile {file}"),
        &format!("keyfile {key}"),
    ];
    fs::write(config.path(), lines.join("\n")).unwrap();
    let broker = Program::start("mosquitto", ["-v", "-c", config.path().to_str().unwrap()]);
    broker.says("running").await;
    exchange(&bench, "rumqttc", "rumqttc-tls", &broker, plain, port).await;
    Row::ran(
        "rumqttc",
        BROKER,
        "The same over TLS (feature `use-rustls-no-provider`), with a root that the owner added",
    )
}

pub(crate) async fn rust_mqtt(bench: Bench) -> Row {
    let (broker, port) = broker().await;
    exchange(&bench, "rust-mqtt", "rust-mqtt", &broker, port, port).await;
    let what =
        "MQTT 5 by `embedded-io-adapters`: got a retained message; published one at QoS 2, which another client got";
    Row::ran("rust-mqtt", BROKER, what)
}
