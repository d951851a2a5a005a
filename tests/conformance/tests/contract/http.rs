//! HTTP by the hub, against a small server that speaks it byte by byte.

use std::net::SocketAddr;

use igloo_conformance::{Subject, conformance};
use igloo_protocol::RunAs;
use igloo_real_tests::free_port;
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

conformance!(
    a_granted_origin_answers,
    a_body_comes_in_pieces,
    a_body_that_breaks_off_is_an_error,
    a_body_is_not_larger_than_wanted,
    other_origins_are_denied,
    a_redirect_goes_nowhere_by_itself,
    no_connection_is_told,
);

/// A server of HTTP/1.1, one answer for each connection.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; field("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).await?;
    match head.split(' ').nth(1).unwrap_or_default() {
        "/pieces" => {
            writer.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            for piece in ["one ", "two ", "three"] {
                writer.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await?;
                writer.flush().await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            writer.write_all(b"0\r\n\r\n").await
        }
        "/broken" => writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot all").await,
        "/large" => {
            writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n").await?;
            writer.write_all(&vec![b'x'; 4_000_000]).await
        }
        "/redirect" => {
            let elsewhere = "location: http://127.0.0.1:9/elsewhere\r\n";
            let text = format!("HTTP/1.1 302 Found\r\n{elsewhere}content-length: 0\r\n\r\n");
            writer.write_all(text.as_bytes()).await
        }
        path => {
            let case = field("x-case").unwrap_or_default();
            let text = format!("{path} {case} {}", String::from_utf8_lossy(&body));
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", text.len());
            writer.write_all((head + &text).as_bytes()).await
        }
    }
}

struct Client {
    subject: Subject,
    origin: String,
}

impl Client {
    async fn granted(run_as: RunAs) -> Self {
        let origin = format!("http://{}", server().await);
        Self { subject: Subject::ready(run_as, &[&origin]).await, origin }
    }

    async fn ask(&self, path: &str, more: Json) -> Json {
        let mut parameters = json!({ "url": format!("{}{path}", self.origin) });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.subject.case("http", parameters).await
    }
}

async fn a_granted_origin_answers(run_as: RunAs) {
    let client = Client::granted(run_as).await;
    let told = client.ask("/status?a=b", json!({})).await;
    assert_eq!((&told["status"], &told["type"]), (&json!(200), &json!("text/plain")));
    assert_eq!(told["text"], json!("/status?a=b conform "));
    let told = client.ask("/relay", json!({ "text": "on" })).await;
    assert_eq!(told["text"], json!("/relay conform on"));
    assert!(client.subject.denials().is_empty());
}

async fn a_body_comes_in_pieces(run_as: RunAs) {
    let client = Client::granted(run_as).await;
    assert_eq!(client.ask("/pieces", json!({})).await["text"], json!("one two three"));
    assert_eq!(client.ask("/large", json!({ "count": 5_000_000 })).await["size"], json!(4_000_000));
}

async fn a_body_that_breaks_off_is_an_error(run_as: RunAs) {
    let client = Client::granted(run_as).await;
    let told = client.ask("/broken", json!({})).await;
    assert!(told["error"].is_string(), "half a body passed for a whole one: {told}");
    // And it is no end of anything else.
    assert_eq!(client.ask("/status", json!({})).await["status"], json!(200));
}

async fn a_body_is_not_larger_than_wanted(run_as: RunAs) {
    let client = Client::granted(run_as).await;
    assert_eq!(client.ask("/large", json!({ "count": 1000 })).await["error"], json!("TooLarge(1000)"));
}

async fn other_origins_are_denied(run_as: RunAs) {
    let client = Client::granted(run_as).await;
    let other = server().await;
    let denied = json!({ "error": "Denied" });
    let url = format!("http://{other}/");
    assert_eq!(client.subject.case("http", json!({ "url": url })).await, denied);
    let (target, grant) = client.subject.denied("http").await;
    assert_eq!((target, grant), (format!("http://{other}"), Some(format!("http://{other}"))));
    // The same host by TLS is another origin.
    let tls = client.origin.replace("http:", "https:");
    assert_eq!(client.subject.case("http", json!({ "url": tls })).await, denied);
}

async fn a_redirect_goes_nowhere_by_itself(run_as: RunAs) {
    let client = Client::granted(run_as).await;
    let told = client.ask("/redirect", json!({})).await;
    assert_eq!((&told["status"], &told["location"]), (&json!(302), &json!("http://127.0.0.1:9/elsewhere")));
    // Who follows it needs the grant.
    let told = client.subject.case("http", json!({ "url": "http://127.0.0.1:9/elsewhere" })).await;
    assert_eq!(told, json!({ "error": "Denied" }));
}

async fn no_connection_is_told(run_as: RunAs) {
    let origin = format!("http://127.0.0.1:{}", free_port());
    let subject = Subject::ready(run_as, &[&origin]).await;
    let told = subject.case("http", json!({ "url": origin })).await;
    assert!(told["error"].as_str().unwrap().starts_with("Connection("), "{told}");
}
