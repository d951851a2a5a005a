//! Single things to try, each answered with what came of it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
};

use crate::flows::{Flows, endless, hold_bodies, hold_body, line, pour, swallow};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// What an attempt is told.
#[derive(serde::Deserialize)]
pub(crate) struct Attempt {
    what: String,
    #[serde(default)]
    to: String,
}

/// What came of it.
pub(crate) async fn attempt(home: &igloo::Home, flows: &Flows, Attempt { what, to }: Attempt) -> String {
    match what.as_str() {
        "connect" => told(TcpStream::connect(&to).await.map(|_| "connected")),
        "send" => told(send(&to).await),
        "listen" => told(TcpListener::bind(&to).await.map(|_| "listens")),
        "resolve" => told(igloo::net::resolve(&to).await.map(|found| format!("{found:?}"))),
        "http" => told(igloo::http::get(&to).send().await.map(|answer| answer.status)),
        "serial" => told(igloo::serial::open(&to, igloo::serial::Settings::new(9600)).await.map(|_| "opened")),
        "discover" => told(igloo::discovery::browse(&to).await.map(|_| "browses")),
        "read" => told(fs::read(&to).map(|bytes| bytes.len())),
        "symlink" => told(through_link(symlink, &to)),
        "hard-link" => told(through_link(|to, link| fs::hard_link(to, link), &to)),
        "write" => told(fs::write(&to, "was here")),
        "environment" => format!("{:?}", std::env::vars().collect::<Vec<_>>()),
        "fill-disk" => fill_disk(),
        "fill-directory" => told(fill_directory()),
        "fill-store" => fill_store(&home.store()).await,
        "sockets" => sockets().await,
        "browsers" => browsers(&to).await,
        "hold-stream" => told(TcpStream::connect(&to).await.map(|stream| flows.keep(stream))),
        "hold-body" => told(hold_body(flows, &to).await),
        "hold-bodies" => hold_bodies(flows, &to).await,
        "hoard-body" => told(endless(&to).send().await.map(|answer| answer.body.len())),
        "hold-port" => told(igloo::serial::open(&to, line()).await.map(|port| flows.keep(port))),
        "pour" => told(match TcpStream::connect(&to).await {
            Ok(stream) => pour(stream).await,
            Err(error) => Err(error),
        }),
        "pour-body" => {
            let post = igloo::http::post(&to).body(vec![0; 8 << 20]).timeout(Duration::from_secs(1));
            told(post.send().await.map(|answer| answer.status))
        }
        "pour-port" => match igloo::serial::open(&to, line()).await {
            Ok(port) => told(pour(port).await),
            Err(error) => format!("refused: {error:?}"),
        },
        "swallow" => told(TcpStream::connect(&to).await.map(swallow)),
        "long-answer" => "x".repeat(32 << 20),
        other => format!("there is no attempt {other}"),
    }
}

fn told<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("done: {value:?}"),
        Err(error) => format!("refused: {error:?}"),
    }
}

async fn send(to: &str) -> io::Result<usize> {
    UdpSocket::bind("0.0.0.0:0").await?.send_to(b"stolen", to).await
}

#[allow(deprecated, reason = "the one that there is for a component")]
fn symlink(to: &str, link: &str) -> io::Result<()> {
    fs::soft_link(to, link)
}

fn through_link(link: impl FnOnce(&str, &str) -> io::Result<()>, to: &str) -> io::Result<usize> {
    const LINK: &str = "/data/link";
    // From an earlier attempt.
    let _ = fs::remove_file(LINK);
    link(to, LINK)?;
    fs::read(LINK).map(|bytes| bytes.len())
}

/// Writes until it is refused: after how many MiB, and why.
fn fill_disk() -> String {
    let chunk = vec![b'x'; 1 << 20];
    let mut written = 0;
    let error = 'full: {
        for file in 0..64 {
            let mut file = match File::create(format!("/data/fill-{file}")) {
                Ok(file) => file,
                Err(error) => break 'full error,
            };
            for _ in 0..64 {
                if let Err(error) = file.write_all(&chunk) {
                    break 'full error;
                }
                written += 1;
            }
        }
        return format!("done: {written} MiB");
    };
    format!("refused: {error} after {written} MiB")
}

/// Writes many files, none of them large.
fn fill_directory() -> io::Result<&'static str> {
    let chunk = vec![b'x'; 1 << 20];
    for file in 0..512 {
        fs::write(format!("/data/part-{file}"), &chunk)?;
    }
    Ok("512 MiB")
}

async fn fill_store(store: &igloo::store::Store) -> String {
    for n in 0..1000 {
        if let Err(error) = store.set(&format!("key-{n}"), vec![0; 64 << 10]).await {
            return format!("refused: {error}");
        }
    }
    String::from("done")
}

/// Opens sockets until it is refused.
async fn sockets() -> String {
    let mut open = Vec::new();
    for _ in 0..10_000 {
        match UdpSocket::bind("0.0.0.0:0").await {
            Ok(socket) => open.push(socket),
            Err(error) => return format!("refused: {error} after {}", open.len()),
        }
    }
    format!("done: {}", open.len())
}

/// Looks for a granted type until it is refused.
async fn browsers(service: &str) -> String {
    let mut open = Vec::new();
    for _ in 0..1000 {
        match igloo::discovery::browse(service).await {
            Ok(browser) => open.push(browser),
            Err(error) => return format!("refused: {error:?} after {}", open.len()),
        }
    }
    format!("done: {}", open.len())
}
