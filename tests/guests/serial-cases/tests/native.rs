//! The cases natively, over the real crates, against the same counterparts as in a component: the same source both
//! ways. `cargo test --release -p serial-cases --features native`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test's way to say that it failed")]

#[path = "../src/cases.rs"]
mod cases;
#[path = "../../../real/src/line.rs"]
#[allow(unreachable_pub, reason = "there it is a library's")]
mod line;

use std::{path::Path, process::Stdio, time::Duration};

use line::Line;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long anything may take: many times what it does.
const PATIENCE: Duration = Duration::from_secs(30);

fn near(line: &Line) -> String {
    line.near().to_str().unwrap().to_owned()
}

/// A counterpart in Python, once it says that it is ready. It ends with the answer.
async fn python(script: &str, arguments: &[&str]) -> Child {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(tests.join("../target/venv/bin/python"));
    command.arg(tests.join("real/py").join(script)).args(arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("run `cargo xtask setup`");
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    timeout(PATIENCE, output.next_line()).await.unwrap().unwrap().expect("it says that it is ready");
    // Nobody reads on: keep it open all the same.
    child.stdout = Some(output.into_inner().into_inner());
    child
}

#[tokio::test]
async fn streams_on_a_line() {
    let line = Line::new().await;
    let _echo = line.echo();
    let path = near(&line);
    assert_eq!(cases::echo(&path, 200_000, cases::LITTLE).await.unwrap()["same"], true);
    let answer = cases::ready(&path).await.unwrap();
    assert_eq!((&answer["nothing"], &answer["answer"]), (&json!("WouldBlock"), &json!("ready, steady")));
    let answer = cases::frames(&path, 5).await.unwrap();
    assert_eq!(answer["frames"], json!(["frame 0", "frame 1", "frame 2", "frame 3", "frame 4"]));
    assert_eq!(cases::order(&path).await.unwrap()["all"], true);
    assert_eq!(cases::reopen(&path, 20).await.unwrap()["opened"], 20);
    let answer = cases::blocking(&path).await.unwrap();
    assert_eq!((&answer["nothing"], &answer["answer"]), (&json!("TimedOut"), &json!("hello")));
    assert_eq!(cases::blocking_clone(&path).await.unwrap()["answer"], "both");
    let answer = cases::settings(&path).await.unwrap();
    assert_eq!(
        (&answer["baud_rate"], &answer["data_bits"], &answer["timeout"]),
        (&json!(38_400), &json!(8), &json!(0))
    );
    assert_eq!(cases::open_twice(&path).unwrap()["again"], "NoDevice");
    assert_eq!(cases::open(&path).await.unwrap()["open"], "ok");
    assert_eq!(cases::open("/dev/no-such-port").await.unwrap()["open"], "Io(NotFound)");
    assert!(cases::ports().unwrap()["ports"].is_array());
}

#[tokio::test]
async fn lines_of_a_talker() {
    let line = Line::new().await;
    let _talker = line.counterpart("SYSTEM:n=0; while echo line $n; do n=$((n+1)); sleep 0.01; done");
    let answer = cases::lines(&near(&line), 20).await.unwrap();
    assert_eq!(answer["lines"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn modbus_clients_on_a_bus() {
    let line = Line::new().await;
    let _server = python("modbus_server.py", &["rtu", line.far().to_str().unwrap()]).await;
    let answer = cases::modbus(&near(&line)).await.unwrap();
    assert_eq!((&answer["before"], &answer["after"]), (&json!([0, 0]), &json!([0xBEEF])));
    let answer = cases::embedded_modbus(&near(&line)).await.unwrap();
    assert_eq!((&answer["inputs"], &answer["written"]), (&json!([0, 0]), &json!([4711])));
}

#[tokio::test]
async fn a_sensor_for_microcontrollers() {
    let line = Line::new().await;
    let _sensor = python("sds011_sensor.py", &[line.far().to_str().unwrap()]).await;
    assert_eq!(cases::sensor(&near(&line)).await.unwrap()["id"], 0xA160);
}

#[tokio::test]
async fn a_driver_outlives_an_unplugged_port() {
    let mut line = Line::new().await;
    let path = near(&line);
    let notes = tempfile::tempdir().unwrap();
    let notes = notes.path().join("notes");
    let said = notes.display().to_string();
    let answers = |then: &str| {
        format!(
            "SYSTEM:while read said; do echo $said >> {said}; test $said = confirmed || echo heard $said; {then} done"
        )
    };
    let first = line.counterpart(&answers(""));
    let unplugging = async {
        let deadline = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(&notes).is_ok_and(|text| text.contains("confirmed")) {
            assert!(Instant::now() < deadline, "nothing was heard");
            sleep(Duration::from_millis(5)).await;
        }
        line.unplug().await;
        drop(first);
        // Long enough for the driver to find it gone, and to try again many times.
        sleep(Duration::from_secs(1)).await;
        line.plug().await;
        line.counterpart(&answers("echo enough;"))
    };
    let (answer, _second) = tokio::join!(cases::sessions(&path, 2), unplugging);
    let answer = answer.unwrap();
    assert_eq!(answer["lines"], json!(["heard session-0", "heard session-1", "enough"]));
    assert!(answer["failed"].as_u64().unwrap() > 0, "it never tried in vain: {answer}");
}
