//! Ttys: pseudo-terminal pairs made by socat, which come, go and come back.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::symlink;
use std::time::Duration;

use igloo_serial::{
    Buffers, DataBits, Error, FlowControl, Lines, Parity, Port, Settings, StopBits, wait_until_present,
};
use support::{Wire, open, read_exactly, reason, soon, url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Every byte value, often enough to fill the kernel's buffers.
fn all_bytes() -> Vec<u8> {
    (0..256 * 1024_u32).map(|i| (i % 251 * 7 % 256) as u8).chain(0..=255).collect()
}

#[tokio::test]
async fn carries_every_byte_both_ways() {
    let wire = Wire::new().await;
    let settings = Settings {
        baud_rate: 9600,
        data_bits: DataBits::Seven,
        parity: Parity::Even,
        stop_bits: StopBits::Two,
        flow_control: FlowControl::None,
    };
    let a = open(&wire.url("a"), settings).await;
    let b = open(&wire.url("b"), Settings::default()).await;
    let (mut a_reader, mut a_writer, a_control) = a.split();
    let (mut b_reader, mut b_writer, _b_control) = b.split();
    let data = all_bytes();
    let (there, back) = (data.clone(), data.clone());
    let send_there = tokio::spawn(async move { a_writer.write_all(&there).await.map(|()| a_writer) });
    let send_back = tokio::spawn(async move { b_writer.write_all(&back).await });
    let (at_b, at_a) = tokio::join!(read_exactly(&mut b_reader, data.len()), read_exactly(&mut a_reader, data.len()));
    assert!(at_b == data && at_a == data, "bytes changed on the way");
    soon("sending", send_there).await.expect("no panic").expect("sent");
    soon("sending", send_back).await.expect("no panic").expect("sent");
    soon("drain", a_control.drain()).await.expect("drained");
}

#[tokio::test]
async fn settings_reach_the_device() {
    let wire = Wire::new().await;
    let port = open(&wire.url("a"), Settings::at(9600)).await;
    let device = std::fs::File::open(wire.path("a")).expect("the device");
    let speed = || rustix::termios::tcgetattr(&device).expect("its settings").output_speed();
    assert_eq!(speed(), 9600);
    // A rate without a constant of its own.
    port.control().configure(Settings::at(250_000)).await.expect("configured");
    assert_eq!(speed(), 250_000);
    let software = Settings { flow_control: FlowControl::Software, ..Settings::default() };
    port.control().configure(software).await.expect("configured");
    let modes = rustix::termios::tcgetattr(&device).expect("its settings").input_modes;
    assert!(modes.contains(rustix::termios::InputModes::IXON | rustix::termios::InputModes::IXOFF));
    let error = port.control().configure(Settings::at(1)).await.expect_err("too slow");
    assert!(matches!(error, Error::InvalidSettings { .. }), "{error}");
}

#[tokio::test]
async fn a_pseudo_terminal_has_no_lines() {
    let wire = Wire::new().await;
    let port = open(&wire.url("a"), Settings::default()).await;
    port.control().set_lines(Lines { dtr: Some(true), rts: Some(false) }).await.expect("ignored");
    let error = port.control().lines().await.expect_err("no lines");
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    port.control().send_break(Duration::from_millis(5)).await.expect("ignored");
}

#[tokio::test]
async fn discards_what_has_arrived() {
    let wire = Wire::new().await;
    let mut a = open(&wire.url("a"), Settings::default()).await;
    let mut b = open(&wire.url("b"), Settings::default()).await;
    b.write_all(b"old").await.expect("sent");
    // The first byte is there, and with it the rest of one write.
    assert_eq!(read_exactly(&mut a, 1).await, b"o");
    a.control().discard(Buffers::Input).await.expect("discarded");
    b.write_all(b"new").await.expect("sent");
    assert_eq!(read_exactly(&mut a, 3).await, b"new");
}

#[tokio::test]
async fn is_held_exclusively() {
    let wire = Wire::new().await;
    let first = open(&wire.url("a"), Settings::default()).await;
    let error = Port::open(&wire.url("a"), Settings::default()).await.expect_err("held");
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert!(error.to_string().contains(wire.path("a").to_str().expect("text")), "{error}");
    // Every handle holds it.
    let (reader, writer, control) = first.split();
    drop((reader, writer));
    Port::open(&wire.url("a"), Settings::default()).await.expect_err("still held");
    drop(control);
    Port::open(&wire.url("a"), Settings::default()).await.expect("free at once");
}

#[tokio::test]
async fn opens_nothing_but_serial_devices() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "text").expect("a file");
    let link = folder.path().join("link");
    symlink("/dev/null", &link).expect("a link");
    for path in [file.as_path(), folder.path(), link.as_path(), "/dev/null".as_ref(), "/dev/ptmx".as_ref()] {
        let error = Port::open(&url(path), Settings::default()).await.expect_err("no serial device");
        assert!(matches!(error, Error::NotASerialDevice { .. }), "{error}");
    }
    let error = Port::open(&url("/dev/ttyNOTHERE"), Settings::default()).await.expect_err("not there");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn unplugged_and_plugged_in_again() {
    let mut wire = Wire::new().await;
    let url = wire.url("a");
    for round in 0..3 {
        let (mut reader, mut writer, control) = open(&url, Settings::default()).await.split();
        let mut b = open(&wire.url("b"), Settings::default()).await;
        writer.write_all(b"ping").await.expect("sent");
        assert_eq!(read_exactly(&mut b, 4).await, b"ping");
        drop(b);

        let read = tokio::spawn(async move { reader.read(&mut [0; 16]).await });
        wire.pull();
        let error = soon("unplug", read).await.expect("no panic").expect_err("unplugged");
        assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
        let error = writer.write_all(b"x").await.expect_err("unplugged");
        assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
        let error = control.configure(Settings::default()).await.expect_err("unplugged");
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
        drop((writer, control));

        if round == 1 {
            // As after a clean end, or when udev removes the last link and its folder.
            for name in ["a", "b"] {
                let _ = std::fs::remove_file(wire.path(name));
            }
        }
        let back = tokio::spawn({
            let url = url.clone();
            async move { wait_until_present(&url).await }
        });
        wire.plug().await;
        soon("its return", back).await.expect("no panic").expect("present");
    }
}

#[tokio::test]
async fn waits_for_folders_and_links_on_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("serial/by-id/meter");
    let waiting = {
        let url = url(&path);
        tokio::spawn(async move { wait_until_present(&url).await })
    };
    let still_waits = async || {
        // Not a wait for something to happen, but for nothing to.
        tokio::time::sleep(Duration::from_millis(50)).await;
        !waiting.is_finished()
    };
    assert!(still_waits().await);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    assert!(still_waits().await);
    symlink("../../ttyUSB0", &path).expect("a link");
    assert!(still_waits().await);
    symlink("/dev/null", folder.path().join("ttyUSB0")).expect("a link");
    soon("the port", waiting).await.expect("no panic").expect("present");
}

#[tokio::test]
async fn what_is_there_is_found_at_once() {
    let wire = Wire::new().await;
    timeout(support::DEADLINE, wait_until_present(&wire.url("a"))).await.expect("at once").expect("present");
}

#[tokio::test]
async fn dropping_with_unsent_output_does_not_block() {
    let wire = Wire::new().await;
    let port = open(&wire.url("a"), Settings::default()).await;
    let (_reader, mut writer, control) = port.split();
    // Nobody reads at the other end, so that this fills every buffer on the way.
    let filled = async {
        loop {
            if timeout(Duration::from_millis(200), writer.write_all(&[0x55; 4096])).await.is_err() {
                break;
            }
        }
    };
    soon("full buffers", filled).await;
    let drain = tokio::spawn(async move { control.drain().await });
    drop((_reader, writer));
    drain.abort();
    let _ = drain.await;
    soon("reopening", open(&wire.url("a"), Settings::default())).await;
}
