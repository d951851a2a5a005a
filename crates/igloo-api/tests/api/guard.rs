//! Requests that are not meant for this hub, or come from another site's page, are refused.

use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::Home;

/// The status of a request written by hand.
async fn status(home: &Home, request: &str) -> u16 {
    let mut stream = TcpStream::connect(home.address).await.unwrap();
    let request =
        request.replace("ADDRESS", &home.address.to_string()).replace("PORT", &home.address.port().to_string());
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{request}: {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_hosts_and_origins_are_refused() {
    let home = Home::start().await;
    for (head, expected) in [
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS", 200),
        ("GET /v1/health HTTP/1.1\nHost: localhost:PORT", 200),
        ("GET /v1/health HTTP/1.1\nHost: igloo.example", 200),
        ("GET /v1/health HTTP/1.1\nHost: igloo.example:8080", 200),
        ("GET /v1/health HTTP/1.1\nHost: evil.example", 421),
        ("GET /v1/health HTTP/1.1\nHost: evil.example:PORT", 421),
        ("GET /v1/health HTTP/1.1\nHost: 127.0.0.1.evil.example:PORT", 421),
        ("GET /v1/health HTTP/1.1\nHost: 127.0.0.1", 421),
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS\nHost: evil.example", 421),
        ("GET /v1/health HTTP/1.1\nHost:", 421),
        ("GET /v1/health HTTP/1.1\nX: y", 421),
        ("GET /v1/health HTTP/1.0\nX: y", 421),
        ("GET http://evil.example/v1/health HTTP/1.1\nHost: ADDRESS", 421),
        ("GET http://ADDRESS/v1/health HTTP/1.1\nHost: ADDRESS", 200),
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS\nOrigin: http://ADDRESS", 200),
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS\nOrigin: http://evil.example", 403),
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS\nOrigin: null", 403),
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS\nOrigin: http://localhost:1", 403),
        ("GET /v1/health HTTP/1.1\nHost: ADDRESS\nOrigin: http://ADDRESS\nOrigin: http://evil.example", 403),
        ("OPTIONS /v1/health HTTP/1.1\nHost: ADDRESS\nOrigin: http://evil.example", 403),
    ] {
        let request = format!("{head}\nConnection: close\n\n");
        assert_eq!(status(&home, &request).await, expected, "{head}");
    }
    home.stop().await;
}

/// The original let any web page follow and change the home.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn original_a_foreign_origin_on_the_websocket_is_refused() {
    let home = Home::start().await;
    let upgrade = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let token = format!("Authorization: Bearer {}", home.admin);
    for (head, expected) in [
        (format!("Host: ADDRESS\n{token}"), 101),
        (format!("Host: ADDRESS\nOrigin: http://ADDRESS\n{token}"), 101),
        (format!("Host: ADDRESS\nOrigin: http://evil.example\n{token}"), 403),
        (format!("Host: evil.example\nOrigin: http://evil.example\n{token}"), 421),
        (String::from("Host: ADDRESS"), 401),
    ] {
        let request = format!("GET /v1/watch HTTP/1.1\n{head}\n{upgrade}\n\n");
        assert_eq!(status(&home, &request).await, expected, "{head}");
    }
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_not_for_other_pages() {
    let home = Home::start().await;
    let response = home.http.get(home.url("/v1/devices")).bearer_auth(&home.admin).send().await.unwrap();
    for (name, expected) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(response.headers().get(name).unwrap(), expected);
    }
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    // A token in the URL is no token.
    let (status, problem) =
        home.call_as(None, Method::GET, &format!("/v1/devices?access_token={}", home.admin), &Value::Null).await;
    assert_eq!(status, 401);
    assert!(!problem.to_string().contains(&home.admin));
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_keep_others_out() {
    let home = Home::start().await;
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(TcpStream::connect(home.address).await.unwrap());
    }
    let (status, _) = home.call(Method::GET, "/v1/health", &Value::Null).await;
    assert_eq!(status, 200);
    drop(idle);
    home.stop().await;
}
