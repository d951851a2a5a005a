//! HTTP and WebSockets, with aiohttp, curl and the websockets package.

use igloo_hub::CommandFailure;
use igloo_real_tests::{Program, Python, ask, free_port};
use serde_json::json;

use crate::bench::{Bench, at, port_of, saying, tcp};
use crate::certificates::Certificate;
use crate::table::Row;

pub(crate) async fn hyper(bench: Bench) -> Row {
    let (_server, ready) = Python::start("http_server.py", &[]).await;
    let port = port_of(&ready);
    let answer = bench.exchange("hyper", &[tcp(port)], saying(port, "on")).await;
    assert_eq!(answer, json!({ "chunked": true, "parts": "one two three", "status": 201, "upper": "ON" }));
    Row::ran("hyper", "aiohttp", "HTTP/1.1 client: two requests on one connection, one answered in chunks")
}

async fn requests(bench: &Bench, action: &str, arguments: &[&str]) {
    let (_server, ready) = Python::start("http_server.py", arguments).await;
    let port = port_of(&ready);
    let answer = bench.exchange(action, &[tcp(port)], at(port)).await;
    assert_eq!(answer["stated"], json!({ "state": { "on": true }, "type": "application/json" }));
    assert_eq!((&answer["path"], &answer["moved"]), (&json!("/room"), &json!({ "room": "küche" })));
    assert_eq!(answer["error"], 503);
}

pub(crate) async fn reqwest(bench: Bench) -> Row {
    requests(&bench, "reqwest", &[]).await;
    Row::ran("reqwest", "aiohttp", "JSON both ways, a query, a redirect that it follows, a server's error")
}

pub(crate) async fn reqwest_https(bench: Bench) -> Row {
    let certificate = Certificate::trusted(&bench, "reqwest").await;
    requests(&bench, "reqwest-https", &certificate.files().each_ref().map(String::as_str)).await;
    Row::ran(
        "reqwest",
        "aiohttp",
        "The same over HTTPS (feature `rustls-no-provider`), with a root that the owner added",
    )
}

pub(crate) async fn axum(bench: Bench) -> Row {
    let port = free_port();
    let guest = bench.guest(&[format!("listen:tcp://127.0.0.1:{port}?from=127.0.0.1/32")]).await;
    let curl = async |arguments: &[&str], path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        // The server may be a moment behind.
        let patient = ["--silent", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", "--max-time", "20"];
        let answer = ask("curl", patient.iter().chain(arguments).copied().chain([url.as_str()]), b"").await;
        String::from_utf8(answer).unwrap()
    };
    let say = ["--write-out", "%{http_code}", "--json"];
    let (answer, ()) = tokio::join!(guest.exchange("axum", at(port)), async {
        assert_eq!(curl(&[&say[..], &[r#"{"on":true}"#]].concat(), "/lamps/hall").await, "204");
        assert_eq!(curl(&[&say[..], &[r#"{"on":1}"#]].concat(), "/lamps/hall").await, "422");
        assert_eq!(curl(&[], "/lamps").await, r#"["hall true"]"#);
        curl(&["--request", "POST"], "/end").await;
    });
    assert_eq!(answer, json!({ "seen": ["hall true"] }));
    Row::ran(
        "axum",
        "curl",
        "Server: routes, JSON and typed paths, four requests, and an end that waits for the last one",
    )
}

async fn talk(bench: &Bench, action: &str, arguments: &[&str]) {
    let (mut server, ready) = Python::start("websocket_server.py", arguments).await;
    let port = port_of(&ready);
    let answer = bench.exchange(action, &[tcp(port)], saying(port, "grüezi")).await;
    assert_eq!((&answer["status"], &answer["texts"]), (&json!(101), &json!(["grüezi"])));
    assert_eq!((&answer["bytes"], &answer["pings"]), (&json!(70_000), &json!(1)));
    assert_eq!(answer["close"], json!([4001, "enough"]));
    let heard = server.line().await;
    assert_eq!(heard, json!({ "text": "grüezi", "bytes": 70_000, "pong": true, "path": "/api" }));
}

pub(crate) async fn tokio_tungstenite(bench: Bench) -> Row {
    talk(&bench, "tokio-tungstenite", &[]).await;
    Row::ran(
        "tokio-tungstenite",
        "websockets (Python)",
        "WebSocket: text, 70 kB in fragments, a ping answered, a close with its reason",
    )
}

pub(crate) async fn tokio_tungstenite_wss(bench: Bench) -> Row {
    let certificate = Certificate::trusted(&bench, "tokio-tungstenite").await;
    talk(&bench, "tokio-tungstenite-wss", &certificate.files().each_ref().map(String::as_str)).await;
    Row::ran(
        "tokio-tungstenite",
        "websockets (Python)",
        "The same over TLS (feature `rustls-tls-native-roots`), with a root that the owner added",
    )
}

pub(crate) async fn tokio_rustls(bench: Bench) -> Row {
    let certificate = Certificate::trusted(&bench, "tokio-rustls").await;
    let [file, key] = certificate.files();
    let port = free_port();
    let accept = format!("127.0.0.1:{port}");
    let server = Program::start("openssl", ["s_server", "-accept", &accept, "-cert", &file, "-key", &key, "-rev"]);
    server.says("ACCEPT").await;
    let answer = bench.exchange("tokio-rustls", &[tcp(port)], saying(port, "stressed")).await;
    assert_eq!((&answer["line"], &answer["version"]), (&json!("desserts"), &json!("TLSv1_3")), "{server:?}");
    assert!(answer["stranger"].as_str().unwrap().contains("not valid for name"), "{answer}");
    Row::ran(
        "tokio-rustls",
        "openssl s_server",
        "TLS 1.3 with a root that the owner added: a line each way, and a certificate for another name refused",
    )
}

pub(crate) async fn embedded_io_async(bench: Bench) -> Row {
    let (_server, ready) = Python::start("http_server.py", &[]).await;
    let port = port_of(&ready);
    let answer = bench.exchange("embedded-io-async", &[tcp(port)], saying(port, "dim the hall")).await;
    assert_eq!(answer, json!({ "answer": "DIM THE HALL", "ended": true }));
    Row::ran(
        "embedded-io-async",
        "aiohttp",
        "HTTP/1.0 by code that knows these traits alone, on a socket of tokio's by `embedded-io-adapters`",
    )
}

pub(crate) async fn ureq(bench: Bench) -> Row {
    let (_server, ready) = Python::start("http_server.py", &[]).await;
    let port = port_of(&ready);
    let guest = bench.guest(&[tcp(port)]).await;
    let outcome = guest.action("ureq", at(port)).await;
    assert!(matches!(outcome, Err(CommandFailure::Interrupted)), "{outcome:?}");
    let log = guest.log();
    let panic = log.lines().find_map(|line| line.strip_prefix("panic: ")?.split(", at ").next());
    let panic = panic.unwrap_or_else(|| panic!("it ended without a word: {log}"));
    assert!(panic.contains("blocking socket I/O"), "{panic}");
    Row::blocked(
        "ureq",
        "aiohttp",
        format!("Compiles, and its first request ends the provider: {panic}. Instead: `reqwest` runs"),
    )
}
