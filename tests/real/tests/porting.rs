//! The small driver of docs/porting.md, as it was and as a provider, against mosquitto. `igloo build` has built the
//! provider.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's way to say that it failed")]

use igloo_real_tests::{Home, Program, ask, free_port, number};
use serde_json::json;

/// A broker with the station's last readings.
async fn broker() -> (Program, u16) {
    let port = free_port();
    let broker = Program::start("mosquitto", ["-v", "-p", &port.to_string()]);
    broker.says("running").await;
    for (topic, reading) in [("station/temperature", "21.5"), ("station/humidity", "48")] {
        let port = port.to_string();
        ask("mosquitto_pub", ["-h", "127.0.0.1", "-p", &port, "-q", "1", "-r", "-t", topic, "-m", reading], b"").await;
    }
    (broker, port)
}

#[tokio::test]
async fn the_driver_as_it_was_prints() {
    let (_broker, port) = broker().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("station.toml");
    std::fs::write(&config, format!("host = \"localhost\"\nport = {port}\n")).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/examples/release/station");
    let driver = Program::start(program, [config]);
    driver.says("temperature 21.5").await;
    driver.says("humidity 48").await;
}

#[tokio::test]
async fn the_provider_writes_and_finds_its_broker_again() {
    let (broker, port) = broker().await;
    let home = Home::open().await;
    let grants = [format!("tcp://localhost:{port}"), format!("tcp://127.0.0.1:{port}")];
    home.install("station", &grants, json!({ "host": "localhost", "port": port })).await;
    let reading = |kind: &'static str, expected: f64| {
        move |devices: &[_]| (number(devices, "station", "outside", kind)? == expected).then_some(())
    };
    home.until("21.5 °C", reading("temperature", 21.5)).await;
    home.until("48 %", reading("humidity", 48.0)).await;
    // A broker that went away, without its memory.
    drop(broker);
    let broker = Program::start("mosquitto", ["-v", "-p", &port.to_string()]);
    broker.says("running").await;
    broker.says("New client connected").await;
    let to = port.to_string();
    broker.says("Sending SUBACK to station").await;
    ask("mosquitto_pub", ["-h", "127.0.0.1", "-p", &to, "-t", "station/temperature", "-m", "-3.25"], b"").await;
    home.until("-3.25 °C", reading("temperature", -3.25)).await;
    home.hub.shutdown().await;
}
