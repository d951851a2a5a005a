//! Replayed files: their pace, their repetition, their silence.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use igloo_serial::{Error, Port, PortUrl, Settings, wait_until_present};
use support::{open, read_exactly, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

fn file(content: &[u8], options: &str) -> (tempfile::NamedTempFile, PortUrl) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), content).expect("content");
    let url = format!("replay:{}{options}", file.path().display()).parse().expect("a URL");
    (file, url)
}

#[tokio::test]
async fn plays_at_the_pace_of_the_line() {
    let content: Vec<u8> = (0..960_u32).map(|i| i as u8).collect();
    // 960 characters of 10 bits at 9600 bit/s: one second. The URL decides, not the settings.
    let (_file, url) = file(&content, "?baud=9600");
    let start = Instant::now();
    let mut port = open(&url, Settings::at(4_000_000)).await;
    assert_eq!(read_exactly(&mut port, 960).await, content);
    assert!(start.elapsed() >= Duration::from_millis(990), "{:?}", start.elapsed());
    // Then silence.
    timeout(Duration::from_millis(100), port.read(&mut [0; 1])).await.expect_err("silent");
    port.write_all(b"written to nobody").await.expect("taken");
    assert!(matches!(port.control().lines().await, Err(Error::Unsupported { .. })));
}

#[tokio::test]
async fn the_settings_are_the_pace() {
    let (_file, url) = file(&[b'x'; 100], "");
    let mut port = open(&url, Settings::at(50)).await;
    // 20 s at 50 bit/s; but from the next piece on it is fast.
    port.control().configure(Settings::at(115_200)).await.expect("configured");
    let start = Instant::now();
    read_exactly(&mut port, 100).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn repeats_with_a_pause() {
    let (_file, url) = file(b"telegram\r\n", "?loop=true&interval_ms=200");
    let mut port = open(&url, Settings::default()).await;
    read_exactly(&mut port, 10).await;
    let start = Instant::now();
    assert_eq!(read_exactly(&mut port, 20).await, b"telegram\r\ntelegram\r\n");
    assert!(start.elapsed() >= Duration::from_millis(390), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_cannot_be_played() {
    let (_empty, url) = file(b"", "?loop=true");
    let error = Port::open(&url, Settings::default()).await.expect_err("empty");
    assert!(error.to_string().contains("nothing to play"), "{error}");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("later.txt");
    let url: PortUrl = format!("replay:{}", path.display()).parse().expect("a URL");
    let error = Port::open(&url, Settings::default()).await.expect_err("not there");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let waiting = tokio::spawn({
        let url = url.clone();
        async move { wait_until_present(&url).await }
    });
    std::fs::write(&path, "now").expect("a file");
    soon("the file", waiting).await.expect("no panic").expect("present");
}
