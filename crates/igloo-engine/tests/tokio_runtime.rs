//! Unmodified tokio inside a component: the guest `tokio-cases` runs one case for each action, against servers here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::{Running, command, start};
use igloo_engine::{ActionOutcome, Outcome};
use igloo_model::Value;
use igloo_protocol::CommandError;
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

/// A running guest that may reach these ports of 127.0.0.1.
async fn guest(grants: &[&str]) -> Running {
    let mut all = vec!["cpu=400%", "memory=256MiB"];
    all.extend(grants);
    start("tokio-cases", &all, "{}").await
}

async fn outcome(running: &Running, name: &str, parameters: Json) -> ActionOutcome {
    running.instance.action(name.to_owned(), parameters.to_string(), Duration::from_secs(60)).await
}

/// A case's answer; anything else is a failure.
async fn case(running: &Running, name: &str, parameters: Json) -> Json {
    match outcome(running, name, parameters).await {
        ActionOutcome::Ok(answer) => serde_json::from_str(&answer).unwrap(),
        other => panic!(
            "{name}: {other:?}\ndenied: {:?}\nlog: {:?}\nexit: {:?}",
            running.home.denials(),
            running.home.logs(),
            tokio::time::timeout(Duration::from_millis(100), running.instance.ended()).await,
        ),
    }
}

fn tcp(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// Serves each connection with `serve`, for as long as the test runs.
async fn serve<F>(address: &str, serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

async fn echo_server(address: &str) -> u16 {
    serve(address, |mut stream| async move {
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
        let _ = writer.shutdown().await;
    })
    .await
}

async fn udp_echo_server(address: &str) -> SocketAddr {
    let socket = UdpSocket::bind(address).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2000];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..count], from).await;
        }
    });
    address
}

/// A port where nobody listens.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn timers_and_tasks() {
    let running = guest(&[]).await;
    let answer = case(&running, "timers", json!({})).await;
    assert_eq!((&answer["task"], &answer["timed_out"]), (&json!(5), &json!(true)));
    assert!((30..500).contains(&answer["ms"].as_u64().unwrap()), "{answer}");
}

#[tokio::test]
async fn run_ticks_on_while_commands_wait_and_entities_take_turns() {
    let running = guest(&[]).await;
    let before = case(&running, "ticks", json!({})).await["ticks"].as_u64().unwrap();
    let begin = Instant::now();
    let commands = (0..4).map(|_| running.instance.command(command("cases", "switch", "switch", Value::Boolean(true))));
    for outcome in futures::future::join_all(commands).await {
        assert_eq!(outcome, Outcome::Ok);
    }
    // 50 ms each, one after the other.
    assert!(begin.elapsed() >= Duration::from_millis(190), "{:?}", begin.elapsed());
    assert_eq!(case(&running, "most-waiting", json!({})).await["most"], 1);
    let after = case(&running, "ticks", json!({})).await["ticks"].as_u64().unwrap();
    assert!(after > before + 10, "{before} {after}");
}

#[tokio::test]
async fn many_calls_wait_at_the_same_time() {
    let running = guest(&[]).await;
    let begin = Instant::now();
    let sleeps = (0..100).map(|_| case(&running, "sleep", json!({ "ms": 100 })));
    futures::future::join_all(sleeps).await;
    // One after the other they would take ten seconds.
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_busy_task_stops_nobody() {
    let running = guest(&[]).await;
    let before = case(&running, "ticks", json!({})).await["ticks"].as_u64().unwrap();
    let (_, sleep) =
        tokio::join!(case(&running, "busy", json!({ "ms": 400 })), case(&running, "sleep", json!({ "ms": 20 })));
    assert!(sleep["us"].as_u64().unwrap() < 350_000, "{sleep}");
    let after = case(&running, "ticks", json!({})).await["ticks"].as_u64().unwrap();
    assert!(after > before + 10, "{before} {after}");
}

#[tokio::test]
async fn a_provider_that_waits_takes_no_processor() {
    let running = start("bench", &[], "{}").await;
    running.instance.command(command("bench", "switch", "switch", Value::Boolean(true))).await;
    // On a busy machine the time of one short turn can be long: one window of ten without any is enough, and a
    // provider that polls has none.
    let mut used = Vec::new();
    for _ in 0..10 {
        let before = running.instance.stats().cpu_microseconds;
        tokio::time::sleep(Duration::from_millis(200)).await;
        used.push(running.instance.stats().cpu_microseconds - before);
    }
    assert!(used.contains(&0), "{used:?}");
}

#[tokio::test]
async fn tcp_echo_and_bulk() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&tcp(port)]).await;
    let answer = case(&running, "tcp-echo", json!({ "port": port })).await;
    assert_eq!(answer["answer"], "hello");
    assert_eq!(answer["peer"], format!("127.0.0.1:{port}"));
    let bulk = case(&running, "tcp-bulk", json!({ "port": port, "count": 32 })).await;
    assert_eq!((&bulk["received"], &bulk["wrong"]), (&json!(32 << 20), &json!(0)));
    println!("32 MiB echoed: {bulk}");
}

#[tokio::test]
async fn tcp_over_ipv6() {
    let port = echo_server("[::1]:0").await;
    let running = guest(&[&format!("tcp://[::1]:{port}")]).await;
    let answer = case(&running, "tcp-echo", json!({ "host": "[::1]", "port": port })).await;
    assert_eq!(answer["answer"], "hello");
    assert_eq!(answer["peer"], format!("[::1]:{port}"));
}

#[tokio::test]
async fn refused_and_denied_connections_say_so() {
    let (refused, denied) = (free_port().await, free_port().await);
    let running = guest(&[&tcp(refused)]).await;
    let answer = case(&running, "tcp-refused", json!({ "port": refused })).await;
    assert_eq!(answer["result"], "ConnectionRefused");
    let answer = case(&running, "tcp-denied", json!({ "port": denied })).await;
    assert_eq!(answer["connect"], "PermissionDenied");
    assert_eq!(answer["listen"], "PermissionDenied");
    assert!(!running.home.denials().is_empty());
}

#[tokio::test]
async fn listening_and_connecting_to_itself() {
    let port = free_port().await;
    let running = guest(&[&tcp(port), &format!("listen:tcp://127.0.0.1:{port}")]).await;
    let answer = case(&running, "tcp-listen", json!({ "port": port })).await;
    assert_eq!((&answer["answer"], &answer["peer_is_client"]), (&json!("abc"), &json!(true)));
}

#[tokio::test]
async fn half_a_connection_goes_on() {
    let port = serve("127.0.0.1:0", |mut stream| async move {
        let mut all = String::new();
        let _ = stream.read_to_string(&mut all).await;
        let _ = stream.write_all(format!("got {all}").as_bytes()).await;
    })
    .await;
    let running = guest(&[&tcp(port)]).await;
    let answer = case(&running, "tcp-half-close", json!({ "port": port })).await;
    assert_eq!(answer["answer"], "got all of it");
    assert_eq!(answer["late_write"], "BrokenPipe");
}

#[tokio::test]
async fn a_reset_is_an_error_and_not_the_end() {
    let port = serve("127.0.0.1:0", |mut stream| async move {
        let _ = stream.read_u8().await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let running = guest(&[&tcp(port)]).await;
    let answer = case(&running, "tcp-reset", json!({ "port": port })).await;
    assert_eq!(answer["read"], "ConnectionReset", "{answer}");
    assert_ne!(answer["peer"], "ok", "{answer}");
    assert!(["ConnectionReset", "BrokenPipe"].contains(&answer["write"].as_str().unwrap()), "{answer}");
}

#[tokio::test]
async fn dropped_reads_and_connects_lose_nothing() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&tcp(port), "tcp://10.255.255.1:81"]).await;
    let answer = case(&running, "tcp-cancel", json!({ "port": port })).await;
    assert_eq!((&answer["cancelled"], &answer["answer"]), (&json!(20), &json!("late")));
    // Where the network answers at once there is nothing to time out; it must still come back.
    case(&running, "tcp-connect-timeout", json!({ "host": "10.255.255.1", "port": 81, "count": 20 })).await;
    assert_eq!(case(&running, "tcp-echo", json!({ "port": port })).await["answer"], "hello");
}

#[tokio::test]
async fn a_thousand_connections_at_once() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&tcp(port), "sockets=1100"]).await;
    let answer = case(&running, "tcp-many", json!({ "port": port, "count": 1000 })).await;
    assert_eq!(answer["right"], 1000);
    println!("1000 connections: {answer}");
}

#[tokio::test]
async fn connections_leave_nothing_behind() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&tcp(port)]).await;
    let answer = case(&running, "tcp-churn", json!({ "port": port, "count": 3000 })).await;
    let (before, after) = (answer["memory_before"].as_u64().unwrap(), answer["memory_after"].as_u64().unwrap());
    assert!(after <= before + 128 * 1024, "{answer}");
}

#[tokio::test]
async fn what_is_not_read_waits_at_the_sender() {
    let port = serve("127.0.0.1:0", |mut stream| async move {
        let chunk = vec![1; 1 << 16];
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let running = guest(&[&tcp(port)]).await;
    let answer = case(&running, "tcp-slow-reader", json!({ "port": port, "ms": 500 })).await;
    let (before, after) = (answer["memory_before"].as_u64().unwrap(), answer["memory_after"].as_u64().unwrap());
    assert!(after <= before + 512 * 1024, "{answer}");
}

#[tokio::test]
async fn a_flood_of_connections_is_accepted_in_turn() {
    let port = free_port().await;
    let running = guest(&[&format!("listen:tcp://127.0.0.1:{port}")]).await;
    let clients = async {
        let mut greeted = 0;
        let mut streams = Vec::new();
        while streams.len() < 100 {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => streams.push(stream),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        for stream in &mut streams {
            let mut hi = [0; 2];
            greeted += usize::from(stream.read_exact(&mut hi).await.is_ok());
        }
        greeted
    };
    let flood = case(&running, "tcp-accept-flood", json!({ "port": port, "count": 100 }));
    let (answer, greeted) = tokio::join!(flood, clients);
    assert_eq!((&answer["accepted"], greeted), (&json!(100), 100));
}

#[tokio::test]
async fn udp_echo() {
    let address = udp_echo_server("127.0.0.1:0").await;
    let running = guest(&[&format!("udp://{address}")]).await;
    let answer = case(&running, "udp-echo", json!({ "port": address.port() })).await;
    assert_eq!((&answer["unconnected"], &answer["connected"]), (&json!("ping"), &json!("pong")));
}

#[tokio::test]
async fn udp_over_ipv6() {
    let address = udp_echo_server("[::1]:0").await;
    let running = guest(&[&format!("udp://{address}")]).await;
    let answer = case(&running, "udp-echo", json!({ "host": "[::1]", "port": address.port() })).await;
    assert_eq!((&answer["unconnected"], &answer["connected"]), (&json!("ping"), &json!("pong")));
}

#[tokio::test]
async fn a_flood_of_datagrams_is_bounded() {
    let address = udp_echo_server("127.0.0.1:0").await;
    let running = guest(&[&format!("udp://{address}")]).await;
    let answer = case(&running, "udp-flood", json!({ "port": address.port(), "count": 5000 })).await;
    assert_eq!(answer["sent"], 5000);
    assert!(answer["received"].as_u64().unwrap() > 0);
    assert!(running.instance.stats().memory_bytes < 16 << 20, "{:?}", running.instance.stats());
}

#[tokio::test]
async fn a_refused_datagram_is_an_error() {
    let port = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let running = guest(&[&format!("udp://127.0.0.1:{port}")]).await;
    let answer = case(&running, "udp-refused", json!({ "port": port })).await;
    assert_eq!(answer["result"], "ConnectionRefused");
}

#[tokio::test]
async fn names_resolve_and_connect_through_the_sdk() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&format!("tcp://localhost:{port}"), &tcp(port)]).await;
    let answer = case(&running, "resolve", json!({ "name": "not-granted.example" })).await;
    assert_eq!(answer["error"], "PermissionDenied");
    let answer = case(&running, "resolve", json!({ "name": "127.0.0.1" })).await;
    assert_eq!(answer["addresses"], json!(["127.0.0.1"]));
    let answer = case(&running, "resolve", json!({ "name": "localhost" })).await;
    assert!(answer["addresses"].as_array().unwrap().contains(&json!("127.0.0.1")), "{answer}");
    for name in ["127.0.0.1", "localhost"] {
        let answer = case(&running, "connect-name", json!({ "name": name, "port": port })).await;
        assert_eq!(answer["answer"], "named", "{name}: {answer}");
    }
}

#[tokio::test]
async fn tokio_connects_by_name() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&format!("tcp://localhost:{port}"), &tcp(port)]).await;
    let p = json!({ "name": "localhost", "port": port });
    // Many at once: all wait for the same lookup, and nothing else does.
    let (answers, sleep) = tokio::join!(
        futures::future::join_all((0..20).map(|_| case(&running, "tokio-connect-name", p.clone()))),
        case(&running, "sleep", json!({ "ms": 1 })),
    );
    for answer in answers {
        assert_eq!(answer["answer"], "named", "{answer}");
        assert!(answer["all"].as_array().unwrap().contains(&json!(format!("127.0.0.1:{port}"))), "{answer}");
    }
    assert!(sleep["us"].as_u64().unwrap() < 500_000, "{sleep}");
    let denied = case(&running, "tokio-connect-name", json!({ "name": "not-granted.example", "port": port })).await;
    assert!(denied["error"].as_str().unwrap().contains("Permission denied"), "{denied}");
    assert!(running.home.denials().iter().any(|denial| denial.target.contains("not-granted.example")));
}

#[tokio::test]
async fn a_lookup_that_cannot_wait_says_to_try_again() {
    let running = guest(&["tcp://localhost:80", "tcp://127.0.0.1:80"]).await;
    let answer = case(&running, "std-lookup", json!({ "name": "localhost", "port": 80 })).await;
    let answers = answer["answers"].as_array().unwrap();
    assert!(answers[0].as_str().unwrap().contains("ry again"), "{answer}");
    assert!(answers[1].as_str().unwrap().contains("127.0.0.1:80"), "{answer}");
    assert!(running.home.logs().iter().any(|(_, line)| line.contains("igloo::net::resolve")));
}

#[tokio::test]
async fn blocking_tasks_run_at_once() {
    let running = guest(&["storage=16MiB"]).await;
    assert_eq!(case(&running, "spawn-blocking", json!({})).await["answers"], json!([0, 1, 4]));
    assert_eq!(case(&running, "tokio-files", json!({})).await["text"], "kept");
    assert_eq!(case(&running, "thread-spawn", json!({})).await["refused"], "Unsupported");
}

#[tokio::test]
async fn http_requests() {
    let port = serve("127.0.0.1:0", |mut stream| async move {
        let mut request = vec![0; 4096];
        let mut length = 0;
        // The head, then as much body as it says.
        let head = loop {
            length += stream.read(&mut request[length..]).await.unwrap();
            if let Some(end) = request[..length].windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
        let wanted: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse().unwrap());
        while length < head + wanted {
            length += stream.read(&mut request[length..]).await.unwrap();
        }
        let body = format!("{} {}", text.lines().next().unwrap(), String::from_utf8_lossy(&request[head..length]));
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let running = guest(&[&format!("http://127.0.0.1:{port}")]).await;
    let url = format!("http://127.0.0.1:{port}/a?b=c");
    let answer = case(&running, "http", json!({ "url": url })).await;
    assert_eq!(answer, json!({ "status": 200, "body": "get /a?b=c http/1.1 " }));
    let answer = case(&running, "http", json!({ "url": url, "name": "sent" })).await;
    assert_eq!(answer, json!({ "status": 200, "body": "post /a?b=c http/1.1 sent" }));
    let answer = case(&running, "http", json!({ "url": url, "count": 3 })).await;
    assert_eq!(answer["error"], "the answer is larger than 3 bytes");
    let answer = case(&running, "http", json!({ "url": "http://127.0.0.1:1/" })).await;
    assert_eq!(answer["error"], "this origin is not granted to this provider");
}

#[tokio::test]
async fn the_store_keeps_and_forgets() {
    let running = guest(&[]).await;
    let answer = case(&running, "store", json!({})).await;
    assert_eq!((&answer["a"], &answer["b"]), (&json!("1"), &json!({ "n": 2 })));
    assert_eq!((&answer["keys"], &answer["gone"]), (&json!(["case/a", "case/b"]), &json!(true)));
}

#[tokio::test]
async fn the_private_directory_and_the_environment() {
    let running = guest(&["storage=16MiB"]).await;
    let answer = case(&running, "files", json!({})).await;
    assert_eq!((&answer["text"], &answer["names"]), (&json!("kept"), &json!(["file"])));
    assert_ne!(answer["passwd"], "ok");
    assert_ne!(answer["above"], "ok");
    let answer = case(&running, "environment", json!({})).await;
    assert_eq!((&answer["variables"], &answer["arguments"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_serial_port_is_a_byte_stream() {
    let port = echo_server("127.0.0.1:0").await;
    let running = guest(&[&format!("serial:port=socket://127.0.0.1:{port}")]).await;
    let answer = case(&running, "serial-echo", json!({ "count": 100_000 })).await;
    assert_eq!(answer["same"], true, "{answer}");
    assert_eq!(answer["slots"], json!(["port"]));
    assert_ne!(answer["second_open"], "ok", "a port has one opener: {answer}");
    let gone = serve("127.0.0.1:0", |mut stream| async move {
        let _ = stream.write_all(&[7; 1000]).await;
    })
    .await;
    let running = guest(&[&format!("serial:port=socket://127.0.0.1:{gone}")]).await;
    let answer = case(&running, "serial-until-gone", json!({})).await;
    assert_eq!(answer["bytes"], 1000, "{answer}");
    let denied = outcome(&running, "serial-until-gone", json!({ "slot": "other" })).await;
    assert!(
        matches!(&denied, ActionOutcome::Error(CommandError::Other { text, .. }) if text.contains("granted")),
        "{denied:?}"
    );
}

#[tokio::test]
async fn blocking_ends_with_the_way_out() {
    let port = echo_server("127.0.0.1:0").await;
    let cases = [
        ("thread-sleep", "tokio::time::sleep"),
        ("blocking-sleep", "tokio::time::sleep"),
        ("thread-spawn", "no threads"),
        ("std-blocking", "tokio::net"),
    ];
    for (name, way_out) in cases {
        let running = guest(&[&tcp(port)]).await;
        assert_eq!(
            outcome(&running, name, json!({ "port": port, "count": 1 })).await,
            ActionOutcome::Interrupted,
            "{name}"
        );
        let logs = running.home.logs();
        assert!(logs.iter().any(|(_, line)| line.contains(way_out)), "{name}: {logs:?}");
    }
}

/// Prints what a command through the runtime costs: `cargo test --release -- --ignored --nocapture figures`.
#[tokio::test]
#[ignore = "measures"]
async fn figures() {
    let running = start("bench", &["cpu=400%"], "{}").await;
    let mut times = Vec::new();
    for on in (0..20_000).map(|n| n % 2 == 0) {
        let begin = Instant::now();
        running.instance.command(command("bench", "switch", "switch", Value::Boolean(on))).await;
        times.push(begin.elapsed());
    }
    times.sort();
    println!("a command and its write: p50 {:?}, p99 {:?}", times[10_000], times[19_800]);
    for batch in [1, 10, 100, 1000] {
        let parameters = json!({ "count": 50_000, "batch": batch });
        let elapsed = case(&running, "flood", parameters).await["elapsed_ns"].as_f64().unwrap();
        println!("writes in lists of {batch}: {:.0} ns each", elapsed / 50_000.0);
    }
    println!("memory: {} KiB", running.instance.stats().memory_bytes / 1024);
}
