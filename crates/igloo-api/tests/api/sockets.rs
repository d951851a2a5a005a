//! WebSockets: what they tell, and that slow or silent readers hurt nobody.

use std::time::{Duration, Instant};

use igloo_api::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::support::Home;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_tells_what_is_there_then_what_changes() {
    let home = Home::start().await;
    let mut empty = home.socket("/v1/watch?query=*/living-lamp/*/switch", &home.token(Scope::Read).await).await;
    assert_eq!(empty.next().await.unwrap()["type"], "synced");
    home.install("demo-home").await;
    let device = empty.until(|message| message["type"] == "device").await["device"].clone();
    assert_eq!(device["path"], "demo-home/living-lamp");

    let mut watch = home.socket("/v1/watch?query=*/living-lamp/*/switch", &home.admin).await;
    let first = watch.next().await.unwrap();
    assert_eq!(first["type"], "device", "{first}");
    let kinds: Vec<&Value> = first["device"]["entities"][0]["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| &component["kind"])
        .collect();
    assert_eq!(kinds, ["switch"], "only what the query matches");
    let value = watch.next().await.unwrap();
    assert_eq!((&value["type"], &value["path"]), (&json!("value"), &json!("demo-home/living-lamp/bulb/switch")));
    assert_eq!(watch.next().await.unwrap()["type"], "synced");

    let path = format!("/v1/devices/{}/entities/bulb/command", device["id"].as_str().unwrap());
    let on = value["value"] != json!(true);
    let (status, _) = home.call(Method::POST, &path, &json!({"changes": {"switch": on}})).await;
    assert_eq!(status, 200);
    let changed = watch.until(|message| message["type"] == "value").await;
    assert_eq!(changed["value"], json!(on));
    assert!(changed["revision"].as_u64() > value["revision"].as_u64());

    home.call(Method::POST, "/v1/instances/demo-home/stop", &Value::Null).await;
    let gone = watch.until(|message| message["device"]["available"] == json!(false)).await;
    assert_eq!(gone["device"]["connected"], json!(false));
    home.call(Method::DELETE, "/v1/instances/demo-home", &Value::Null).await;
    assert_eq!(watch.until(|message| message["type"] == "removed").await["device"], device["id"]);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_end_with_their_token_and_with_the_hub() {
    let home = Home::start().await;
    let made = home.tokens.create("panel", Scope::Read).await.unwrap();
    let mut revoked = home.socket("/v1/watch", &made.token).await;
    let mut other = home.socket("/v1/watch", &home.admin).await;
    assert_eq!(revoked.next().await.unwrap()["type"], "synced");
    home.tokens.revoke(&made.about.id).await.unwrap();
    assert_eq!(revoked.next().await, None, "closed at once");
    assert_eq!(other.next().await.unwrap()["type"], "synced");
    // Clients have nothing to say, and not much room to say it in.
    let mut loud = home.socket("/v1/watch", &home.admin).await;
    loud.send("x".repeat(100_000)).await;
    loud.until_closed().await;
    home.stop().await;
    assert_eq!(other.next().await, None);
}

impl crate::support::Socket {
    async fn until_closed(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// Resident memory of this process, in bytes.
fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of a minute"]
async fn readers_that_do_not_read_are_let_go_and_nothing_grows() {
    let home = Home::start().await;
    home.install("bench").await;
    let before = memory();
    // Readers with little room that never read.
    let mut readers = Vec::new();
    for _ in 0..20 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(home.address).await.unwrap();
        let request = format!(
            "GET /v1/watch HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            home.address, home.admin
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        readers.push(stream);
    }
    let mut reader = home.socket("/v1/watch?query=bench/bench/switch", &home.admin).await;
    let begun = Instant::now();
    let mut largest = 0;
    while begun.elapsed() < Duration::from_secs(16) {
        let flood = json!({"parameters": {"count": 20_000, "batch": 100}});
        let (status, answer) = home.call(Method::POST, "/v1/instances/bench/actions/flood", &flood).await;
        assert!(status.is_success() || status == 503, "{answer}");
        largest = largest.max(memory());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let grown = largest.saturating_sub(before) >> 20;
    assert!(grown < 48, "{grown} MiB more for 20 readers");
    for mut stream in readers {
        let closed = async {
            let mut buffer = vec![0; 65536];
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(2), closed).await.expect("the hub has let it go");
    }
    // Others did not notice.
    reader.until(|message| message["type"] == "synced").await;
    home.stop().await;
}
