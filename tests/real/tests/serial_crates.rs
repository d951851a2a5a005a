//! Unmodified `tokio-serial`, `serialport`, `tokio-modbus` and drivers for microcontrollers in a component, on a serial
//! line with somebody real at its other end. The same cases run natively: `tests/guests/serial-cases/tests/native.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test's way to say that it failed")]

use std::path::Path;
use std::time::Duration;

use igloo_hub::{CommandFailure, InstanceInfo};
use igloo_real_tests::{Home, Line, PATIENCE, Python};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// The slot that the guest's manifest names.
const SLOT: &str = "meter";

struct Guest {
    home: Home,
    instance: InstanceInfo,
}

impl Guest {
    async fn on(port: &str) -> Self {
        let home = Home::open().await;
        let instance = home.install("serial-cases", &[format!("serial:{SLOT}={port}")], json!({})).await;
        Self { home, instance }
    }

    async fn on_line(line: &Line) -> Self {
        Self::on(line.near().to_str().unwrap()).await
    }

    async fn outcome(&self, case: &str, path: &str, count: usize) -> Result<Json, CommandFailure> {
        self.home.action(&self.instance, case, json!({ "path": path, "count": count })).await
    }

    /// A case's answer; anything else is a failure.
    async fn case(&self, case: &str, count: usize) -> Json {
        let outcome = self.outcome(case, SLOT, count).await;
        outcome.unwrap_or_else(|error| panic!("{case}: {error}\n{}", self.home.story()))
    }
}

/// A port on the network, each connection served by `serve`.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("socket://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

async fn echo_server() -> String {
    server(|mut stream| async move {
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    })
    .await
}

/// What holds against anybody who sends back what he gets; `count` bytes of it.
async fn against_an_echo(guest: &Guest, count: usize) {
    assert_eq!(guest.case("echo", count).await["same"], true);
    let answer = guest.case("ready", 0).await;
    assert_eq!((&answer["nothing"], &answer["answer"]), (&json!("WouldBlock"), &json!("ready, steady")));
    let answer = guest.case("frames", 5).await;
    assert_eq!(answer["frames"], json!(["frame 0", "frame 1", "frame 2", "frame 3", "frame 4"]));
    let answer = guest.case("order", 0).await;
    assert_eq!((&answer["all"], &answer["count"]), (&json!(true), &json!(20)));
    // Twenty times there and back, while `run` counts every 5 ms.
    assert!(answer["ticks"].as_u64().unwrap() > 0, "the provider stood still: {answer}");
    assert_eq!(guest.case("reopen", 20).await["opened"], 20);
    let answer = guest.case("blocking", 0).await;
    let expected = (&json!("TimedOut"), &json!("hello"), &json!(SLOT));
    assert_eq!((&answer["nothing"], &answer["answer"], &answer["name"]), expected);
    assert_eq!(guest.case("blocking-clone", 0).await["answer"], "both");
}

#[tokio::test]
async fn streams_on_a_line() {
    let line = Line::new().await;
    let guest = Guest::on_line(&line).await;
    let _echo = line.echo();
    against_an_echo(&guest, 200_000).await;
    let answer = guest.case("settings", 0).await;
    let expected = json!({
        "name": SLOT, "baud_rate": 38_400, "parity": "None", "data_bits": 8, "stop_bits": 1, "flow_control": "None",
        "timeout": 0, "unread": 0, "unsent": 0, "ticks": answer["ticks"],
    });
    assert_eq!(answer, expected);
    assert_eq!(guest.case("open-twice", 0).await["again"], "NoDevice");
    assert_eq!(guest.case("ports", 0).await["ports"], json!([SLOT]));
    guest.home.hub.shutdown().await;
}

#[tokio::test]
async fn streams_on_the_network() {
    let guest = Guest::on(&echo_server().await).await;
    against_an_echo(&guest, 1_000_000).await;
    // Here everything may be under way at once.
    assert_eq!(guest.case("flood", 2_000_000).await["same"], true);
    let answer = guest.case("refusals", 0).await;
    let expected = json!({
        "rate": "InvalidInput", "baud_rate": 9600, "break": "Unsupported", "then": true,
        "line": "Io(Unsupported)", "many": "Io(WouldBlock)", "ticks": answer["ticks"],
    });
    assert_eq!(answer, expected);
    guest.home.hub.shutdown().await;
}

/// The lines of somebody who talks all the time, with a codec.
#[tokio::test]
async fn lines_of_a_talker() {
    let line = Line::new().await;
    let guest = Guest::on_line(&line).await;
    let _talker = line.counterpart("SYSTEM:n=0; while echo line $n; do n=$((n+1)); sleep 0.01; done");
    let answer = guest.case("lines", 20).await;
    let numbers: Vec<u32> = answer["lines"].as_array().unwrap().iter().map(number_of_line).collect();
    assert_eq!(numbers.len(), 20);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{answer}");
    guest.home.hub.shutdown().await;
}

fn number_of_line(line: &Json) -> u32 {
    line.as_str().and_then(|line| line.strip_prefix("line ")).and_then(|number| number.parse().ok()).unwrap()
}

/// `tokio-modbus`, and a driver for microcontrollers on both streams, against pymodbus.
#[tokio::test]
async fn modbus_clients_on_a_bus() {
    let line = Line::new().await;
    let (mut server, _) = Python::start("modbus_server.py", &["rtu", line.far().to_str().unwrap()]).await;
    server.ask(json!({ "do": "set", "unit": 1, "table": "i", "address": 0, "values": [1234, 5678] })).await;
    let guest = Guest::on_line(&line).await;
    let answer = guest.case("modbus", 0).await;
    assert_eq!((&answer["before"], &answer["after"]), (&json!([1234, 5678]), &json!([0xBEEF])));
    assert!(answer["refused"].as_str().unwrap().contains("ddress"), "{answer}");
    assert_eq!(answer["other"], json!([0]));
    let holding = json!({ "do": "get", "unit": 1, "table": "h", "address": 16, "count": 1 });
    assert_eq!(server.ask(holding).await["values"], json!([0xBEEF]));
    let coils = json!({ "do": "get", "unit": 1, "table": "c", "address": 0, "count": 3 });
    assert_eq!(server.ask(coils).await["values"], json!([true, false, true]));
    for case in ["embedded-modbus", "embedded-modbus-sdk"] {
        server.ask(json!({ "do": "set", "unit": 1, "table": "h", "address": 17, "values": [0] })).await;
        let answer = guest.case(case, 0).await;
        assert_eq!((&answer["inputs"], &answer["written"]), (&json!([1234, 5678]), &json!([4711])), "{case}");
        let written = json!({ "do": "get", "unit": 1, "table": "h", "address": 17, "count": 1 });
        assert_eq!(server.ask(written).await["values"], json!([4711]), "{case}");
    }
    guest.home.hub.shutdown().await;
}

/// A particle sensor's driver.
#[tokio::test]
async fn a_sensor_for_microcontrollers() {
    let line = Line::new().await;
    let (_sensor, _) = Python::start("sds011_sensor.py", &[line.far().to_str().unwrap()]).await;
    let guest = Guest::on_line(&line).await;
    let answer = guest.case("sensor", 0).await;
    assert_eq!(answer["id"], 0xA160, "{answer}");
    let measured = answer["measured"].as_str().unwrap();
    assert!(measured.contains("12.3") && measured.contains("45.6"), "{answer}");
    guest.home.hub.shutdown().await;
}

/// Who answers every line, and notes what he heard.
fn listener(line: &Line, notes: &Path, then: &str) -> tokio::process::Child {
    let notes = notes.display();
    line.counterpart(&format!(
        "SYSTEM:while read said; do echo $said >> {notes}; test $said = confirmed || echo heard $said; {then} done"
    ))
}

async fn until_noted(notes: &Path, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(notes).is_ok_and(|text| text.contains(what)) {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_driver_outlives_an_unplugged_port() {
    let mut line = Line::new().await;
    let notes = tempfile::tempdir().unwrap();
    let notes = notes.path().join("notes");
    let guest = Guest::on_line(&line).await;
    let first = listener(&line, &notes, "");
    let unplugging = async {
        until_noted(&notes, "confirmed").await;
        line.unplug().await;
        drop(first);
        // Long enough for the driver to find it gone, and to try again many times.
        sleep(Duration::from_secs(1)).await;
        line.plug().await;
        let second = listener(&line, &notes, "echo enough;");
        until_noted(&notes, "session-1").await;
        second
    };
    let (answer, _second) = tokio::join!(guest.case("sessions", 2), unplugging);
    assert_eq!(answer["lines"], json!(["heard session-0", "heard session-1", "enough"]));
    assert!(answer["failed"].as_u64().unwrap() > 0, "it never tried in vain: {answer}");
    guest.home.hub.shutdown().await;
}

/// What is not there, and what was not granted, says so.
#[tokio::test]
async fn ports_that_are_not_there() {
    let mut line = Line::new().await;
    let guest = Guest::on_line(&line).await;
    let answer = guest.outcome("open", "/dev/ttyUSB0", 0).await.unwrap();
    assert_eq!(answer["open"], "NoDevice");
    let text = answer["text"].as_str().unwrap();
    for part in ["/dev/ttyUSB0", "serial:NAME=PORT", "granted now: meter"] {
        assert!(text.contains(part), "{text}");
    }
    line.unplug().await;
    let answer = guest.case("open", 0).await;
    assert_eq!(answer["use"], "NotFound", "{answer}");
    assert!(answer["text"].as_str().unwrap().contains(SLOT), "{answer}");
    line.plug().await;
    let _echo = line.echo();
    assert_eq!(guest.case("open", 0).await["open"], "ok");
    guest.home.hub.shutdown().await;
}

/// A blocking read with a timeout does not stop the provider: it says what to do instead, and logs it once.
#[tokio::test]
async fn a_read_that_would_block_says_so() {
    let line = Line::new().await;
    let guest = Guest::on_line(&line).await;
    let answer = guest.case("blocking-waits", 0).await;
    assert_eq!(answer["kind"], "Unsupported");
    assert_eq!(answer["text"], answer["again"]);
    let way_out = "use tokio-serial";
    assert!(answer["text"].as_str().unwrap().contains(way_out), "{answer}");
    let logged = guest.home.hub.logs(None, 50).unwrap();
    assert_eq!(logged.iter().filter(|line| line.text.contains(way_out)).count(), 1, "{}", guest.home.story());
    guest.home.hub.shutdown().await;
}

/// Somebody who never reads: what waits for him can be thrown away, and closing the port does not wait for ever.
#[tokio::test]
async fn a_stuck_port_can_be_cleared_and_closed() {
    let url = server(|mut stream| async move {
        let _ = stream.write_all(b"I never read\n").await;
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let guest = Guest::on(&url).await;
    let answer = guest.case("clear-stuck", 0).await;
    assert_eq!(answer["full"], "WouldBlock", "{answer}");
    assert!(answer["waiting"].as_u64().unwrap() >= 16 * 1024, "{answer}");
    assert_eq!((&answer["again"], answer["left"].as_u64().unwrap() <= 5), (&json!(5), true), "{answer}");
    let answer = timeout(Duration::from_secs(15), guest.case("lines", 1)).await.unwrap();
    assert_eq!(answer["lines"], json!(["I never read"]));
    guest.home.hub.shutdown().await;
}
