//! A provider in Python that works for a long time: `tests/python/soak`. No wake-up may be lost and memory must be flat.
//!
//! The short run is part of `cargo test`; `an_hour` is ignored, and is run by name.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test's way to say what happened")]

use std::time::Duration;

use igloo_hub::{CommandOutcome, InstanceInfo, InstanceRef, State};
use igloo_real_tests::{Home, Line};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::{Instant, sleep};

/// The first readings do not count: caches fill, the allocator's pages come.
const WARM_UP: Duration = Duration::from_secs(10);
/// Between two readings.
const STEP: Duration = Duration::from_secs(5);
/// What memory may be above the first reading that counts: WebAssembly's memory never shrinks, and grows by pages.
const SLACK_BYTES: u64 = 4 * 1024 * 1024;
/// What Python's collector may know above the first reading that counts; what is under way varies.
const SLACK_OBJECTS: i64 = 2_000;

/// Sends back what it gets over TCP and UDP; the ports.
async fn echo() -> (u16, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut block = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = stream.read(&mut block).await {
                    if stream.write_all(&block[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let udp = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut datagram = [0; 2048];
        while let Ok((count, from)) = socket.recv_from(&mut datagram).await {
            let _ = socket.send_to(&datagram[..count], from).await;
        }
    });
    (tcp, udp)
}

/// What the provider tells of itself, and what the hub tells of it.
async fn reading(home: &Home, instance: &InstanceInfo) -> (Json, InstanceInfo) {
    let report = home.action(instance, "report", json!({})).await;
    let report = report.unwrap_or_else(|error| panic!("{error}\n{}", home.story()));
    (report, home.hub.instance(&InstanceRef::Id(instance.id)).unwrap())
}

/// All wake-ups that the provider has counted.
fn total(report: &Json, which: &str) -> i64 {
    report[which].as_object().unwrap().values().filter_map(Json::as_i64).sum()
}

async fn soak(time: Duration) {
    let home = Home::open().await;
    let (tcp, udp) = echo().await;
    let line = Line::new().await;
    let _far = line.echo();
    let grants = [
        format!("tcp://127.0.0.1:{tcp}"),
        format!("udp://127.0.0.1:{udp}"),
        format!("serial:noise={}", line.near().display()),
        "cpu=100%".to_owned(),
    ];
    let instance = home.install("python-soak", &grants, json!({ "tcp": tcp, "udp": udp })).await;
    home.ready(&instance).await;

    let end = Instant::now() + time;
    let count_from = Instant::now() + WARM_UP.min(time / 3);
    let mut next = Instant::now() + STEP.min(time / 4);
    let mut first: Option<(i64, u64)> = None;
    let mut commands = 0_u64;
    while Instant::now() < end {
        let outcome = home.command("soak", "switch", "switch", json!(commands.is_multiple_of(2))).await;
        assert!(matches!(outcome, CommandOutcome::Ok), "command {commands}: {outcome:?}\n{}", home.story());
        commands += 1;
        sleep(Duration::from_millis(20)).await;
        if Instant::now() < next {
            continue;
        }
        next += STEP.min(time / 4);
        let (report, info) = reading(&home, &instance).await;
        let objects = report["objects"].as_i64().unwrap();
        println!(
            "{:.0} s: {} expected, {} seen, {objects} objects, {} KiB",
            report["seconds"].as_f64().unwrap(),
            total(&report, "expected"),
            total(&report, "seen"),
            info.stats.memory_bytes / 1024,
        );
        assert_eq!(info.state, State::Running, "{}", home.story());
        assert_eq!(info.restarts, 0, "{}", home.story());
        assert_eq!(report["lost"], json!([]), "wake-ups are lost: {report:#}\n{}", home.story());
        let pending = report["pending"].as_i64().unwrap();
        assert_eq!(total(&report, "expected") - total(&report, "seen"), pending, "{report:#}");
        assert!(report["timers"].as_i64().unwrap() < 32, "timers pile up: {report:#}");
        assert!(report["watched"].as_i64().unwrap() < 256, "calls pile up: {report:#}");
        assert!(report["udp_waiting"].as_i64().unwrap() < 8, "UDP sockets pile up: {report:#}");
        if Instant::now() >= count_from {
            let (objects_before, memory_before) = *first.get_or_insert((objects, info.stats.memory_bytes));
            assert!(objects < objects_before + SLACK_OBJECTS, "objects pile up: {report:#}");
            assert!(info.stats.memory_bytes < memory_before + SLACK_BYTES, "memory grows: {}", info.stats.memory_bytes);
        }
    }
    let (report, _) = reading(&home, &instance).await;
    for kind in
        ["timer", "connect", "echo", "given up", "blocking", "datagram", "cancelled", "store", "pair", "command"]
    {
        assert!(report["seen"][kind].as_i64().unwrap_or(0) > 0, "{kind} was never seen: {report:#}");
    }
    assert!(report["noise"].as_i64().unwrap() > 0, "no noise was heard: {report:#}");
    assert!(first.is_some(), "no reading counts");
    home.hub.shutdown().await;
}

/// A call of the bindings that answers an empty list leaves 16 bytes behind; `write` was one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_leave_nothing_behind() {
    let home = Home::open().await;
    let instance = home.install("python-soak", &["cpu=100%".to_owned()], json!({})).await;
    home.ready(&instance).await;
    let write = async || {
        home.action(&instance, "write", json!({ "times": 100_000 })).await.unwrap();
        reading(&home, &instance).await.1.stats.memory_bytes
    };
    let before = write().await;
    let after = write().await;
    assert!(after < before + 512 * 1024, "100 000 writes took {} bytes", after - before);
    home.hub.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_while() {
    soak(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes an hour: cargo test --release -p igloo-real-tests --test python_soak -- --ignored --nocapture"]
async fn an_hour() {
    soak(Duration::from_secs(3600)).await;
}
