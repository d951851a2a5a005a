//! What the first Igloo did wrong at its sockets, and this one must not.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;

use crate::support::Home;

/// Reads one answer with a `content-length`, and gives its status.
fn answer(stream: &mut impl Read, pending: &mut Vec<u8>) -> u16 {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(pending[..end].to_vec()).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            if pending.len() >= whole {
                pending.drain(..whole);
                return head.split(' ').nth(1).unwrap().parse().unwrap();
            }
        }
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the connection ended in the middle of an answer");
        pending.extend(&chunk[..read]);
    }
}

/// The original dropped answers when its queue was full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn original_a_burst_of_3000_pipelined_sets_loses_no_answer() {
    const BURST: usize = 3000;
    let home = Home::start().await;
    home.install("bench").await;
    let (_, devices) = home.call(Method::GET, "/v1/devices?query=bench/bench", &Value::Null).await;
    let path = format!("/v1/devices/{}/entities/switch/command", devices[0]["id"].as_str().unwrap());
    let (address, token) = (home.address, home.admin.clone());
    let statuses = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            for number in 0..BURST {
                let body = format!("{{\"changes\":{{\"switch\":{}}}}}", number % 2 == 0);
                let request = format!(
                    "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                writer.write_all(request.as_bytes()).unwrap();
            }
        });
        let mut pending = Vec::new();
        let statuses: Vec<u16> = (0..BURST).map(|_| answer(&mut stream, &mut pending)).collect();
        sending.join().unwrap();
        assert!(pending.is_empty());
        statuses
    });
    let statuses = statuses.await.unwrap();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let (_, instance) = home.call(Method::GET, "/v1/instances/bench", &Value::Null).await;
    assert_eq!(instance["stats"]["commands"], BURST);
    home.stop().await;
}

/// The median of pairs of requests that are sent together: the second answer follows the first at once, which is what
/// Nagle's algorithm and a delayed acknowledgement make wait for some 40 ms.
fn median_of_pairs(address: SocketAddr, request: &[u8], mut receive: impl FnMut(&mut TcpStream)) -> Duration {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let pair = [request, request].concat();
    let mut took: Vec<Duration> = (0..200)
        .map(|_| {
            let began = Instant::now();
            stream.write_all(&pair).unwrap();
            receive(&mut stream);
            receive(&mut stream);
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

/// The original's answers waited 44 ms for an acknowledgement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn original_small_answers_do_not_wait_for_acknowledgements() {
    let home = Home::start().await;
    let address = home.address;
    let medians = tokio::task::spawn_blocking(move || {
        let request = format!("GET /v1/health HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes();
        // The same bytes there and back, without Nagle.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let echo = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                stream.write_all(&bytes[..read]).unwrap();
            }
        });
        let mut back = vec![0; request.len()];
        let bare = median_of_pairs(echo, &request, |stream| stream.read_exact(&mut back).unwrap());
        let mut pending = Vec::new();
        let hub = median_of_pairs(address, &request, |stream| assert_eq!(answer(stream, &mut pending), 200));
        (bare, hub)
    });
    let (bare, hub) = medians.await.unwrap();
    assert!(hub < (bare * 100).max(Duration::from_millis(10)), "the hub {hub:?}, a bare echo {bare:?}");
    home.stop().await;
}
