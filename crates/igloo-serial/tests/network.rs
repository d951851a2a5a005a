//! Ports on the network: ser2net (RFC 2217) in front of a pseudo-terminal, and plain TCP.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::Command;
use std::time::Duration;

use igloo_serial::{
    Buffers, DataBits, Error, FlowControl, Lines, Parity, Port, PortUrl, Settings, StopBits, wait_until_present,
};
use support::{Running, Wire, free_port, open, read_exactly, reason, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// ser2net serving the end `b` of a wire.
struct Ser2net {
    wire: Wire,
    process: Running,
    url: PortUrl,
}

impl Ser2net {
    async fn new() -> Self {
        let wire = Wire::new().await;
        let port = free_port();
        let process = Self::start(&wire, port);
        let url: PortUrl = format!("rfc2217://127.0.0.1:{port}").parse().expect("a URL");
        Self { wire, process, url }
    }

    fn start(wire: &Wire, port: u16) -> Running {
        let config = wire.path("ser2net.yaml");
        let device = wire.path("b");
        let yaml = format!(
            "connection: &port\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n  connector: \
             serialdev(nouucplock=true),{},9600n81,local\n",
            device.display()
        );
        std::fs::write(&config, yaml).expect("a configuration");
        Running::start(Command::new("ser2net").args(["-n", "-u", "-c"]).arg(config))
    }

    fn speed(&self) -> u32 {
        let device = std::fs::File::open(self.wire.path("b")).expect("the device");
        rustix::termios::tcgetattr(&device).expect("its settings").output_speed()
    }
}

#[tokio::test]
async fn settings_reach_the_far_port() {
    let server = Ser2net::new().await;
    let port = open(&server.url, Settings::at(19_200)).await;
    assert_eq!(server.speed(), 19_200);
    port.control().configure(Settings::at(38_400)).await.expect("configured");
    assert_eq!(server.speed(), 38_400);
    port.control().set_lines(Lines { dtr: Some(true), rts: Some(true) }).await.expect("sent");
    port.control().send_break(Duration::from_millis(5)).await.expect("sent");
    drop(port);
    // Closing made room for the next.
    let port = open(&server.url, Settings { flow_control: FlowControl::Software, ..Settings::default() }).await;
    assert_eq!(server.speed(), 115_200);
    // What ser2net makes of a pseudo-terminal's modem lines is its affair; the question must be answered.
    match soon("lines", port.control().lines()).await {
        Ok(_) | Err(Error::Unsupported { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn carries_every_byte_both_ways() {
    let server = Ser2net::new().await;
    let mut device = open(&server.wire.url("a"), Settings::default()).await;
    let port = open(&server.url, Settings::default()).await;
    // IAC (0xFF) above all, which telnet escapes.
    let data: Vec<u8> = (0..=255).chain([0xff; 300]).chain((0..20_000_u32).map(|i| (i * 7) as u8)).collect();
    let (mut reader, mut writer, control) = port.split();
    let there = data.clone();
    let sending = tokio::spawn(async move {
        writer.write_all(&there).await.expect("sent");
        writer
    });
    assert!(read_exactly(&mut device, data.len()).await == data, "bytes changed on the way there");
    let writer = soon("sending", sending).await.expect("no panic");
    soon("drain", control.drain()).await.expect("drained");

    let back = data.clone();
    let sending = tokio::spawn(async move {
        device.write_all(&back).await.expect("sent");
        device
    });
    assert!(read_exactly(&mut reader, data.len()).await == data, "bytes changed on the way back");
    let mut device = soon("sending", sending).await.expect("no panic");

    device.write_all(b"old").await.expect("sent");
    assert_eq!(read_exactly(&mut reader, 1).await, b"o");
    control.discard(Buffers::Both).await.expect("discarded");
    device.write_all(b"new").await.expect("sent");
    let mut got = read_exactly(&mut reader, 3).await;
    // What ser2net read from its device before the purge may come late: "ld" at most.
    while !got.ends_with(b"new") {
        assert!(got.len() < 6, "{got:?}");
        got.extend(read_exactly(&mut reader, 1).await);
    }
    drop((reader, writer, control));
}

#[tokio::test]
async fn a_server_that_ends_and_comes_back() {
    let mut server = Ser2net::new().await;
    let mut port = open(&server.url, Settings::default()).await;
    let control = port.control().clone();
    server.process.kill();
    let error = soon("the end", port.read(&mut [0; 16])).await.expect_err("ended");
    assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
    let error = port.write_all(b"x").await.expect_err("ended");
    assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
    let error = control.configure(Settings::default()).await.expect_err("ended");
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    let error = Port::open(&server.url, Settings::default()).await.expect_err("nobody listens");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");

    let waiting = tokio::spawn({
        let url = server.url.clone();
        async move { wait_until_present(&url).await }
    });
    let PortUrl::Rfc2217(endpoint) = &server.url else { panic!("another URL") };
    server.process = Ser2net::start(&server.wire, endpoint.port());
    soon("its return", waiting).await.expect("no panic").expect("present");
    let mut port = open(&server.url, Settings::default()).await;
    port.write_all(b"again").await.expect("sent");
}

#[tokio::test]
async fn unusual_settings_are_confirmed_or_refused() {
    let server = Ser2net::new().await;
    let settings = Settings {
        baud_rate: 1200,
        data_bits: DataBits::Seven,
        parity: Parity::Even,
        stop_bits: StopBits::Two,
        flow_control: FlowControl::None,
    };
    // A pseudo-terminal has no parity: ser2net either says so, or claims that it has. Neither may hang.
    let port = open(&server.url, Settings::default()).await;
    match soon("an answer", port.control().configure(settings)).await {
        Ok(()) | Err(Error::InvalidSettings { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    assert_eq!(server.speed(), 1200);
}

#[tokio::test]
async fn a_server_that_is_taken_or_lacks_its_device() {
    let mut server = Ser2net::new().await;
    let mut port = open(&server.url, Settings::default()).await;
    let error = Port::open(&server.url, Settings::default()).await.expect_err("taken");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(error.to_string().contains("somebody else"), "{error}");
    server.wire.pull();
    let error = soon("the end", port.read(&mut [0; 16])).await.expect_err("its device is gone");
    assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
    let error = Port::open(&server.url, Settings::default()).await.expect_err("its device is gone");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    server.wire.plug().await;
    open(&server.url, Settings::default()).await;
}

#[tokio::test]
async fn plain_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let url: PortUrl = format!("socket://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let (port, accepted) = tokio::join!(Port::open(&url, Settings::default()), listener.accept());
    let (mut port, (mut peer, _)) = (port.expect("open"), accepted.expect("accepted"));
    port.write_all(&[0xff, 0, 1]).await.expect("sent");
    assert_eq!(read_exactly(&mut peer, 3).await, [0xff, 0, 1]);
    peer.write_all(&[0xff, 2]).await.expect("sent");
    assert_eq!(read_exactly(&mut port, 2).await, [0xff, 2]);

    port.control().configure(Settings::at(300)).await.expect("ignored");
    port.control().set_lines(Lines { dtr: Some(false), rts: None }).await.expect("ignored");
    port.control().drain().await.expect("handed over");
    assert!(matches!(port.control().lines().await, Err(Error::Unsupported { .. })));
    assert!(matches!(port.control().send_break(Duration::ZERO).await, Err(Error::Unsupported { .. })));

    peer.write_all(b"old").await.expect("sent");
    assert_eq!(read_exactly(&mut port, 1).await, b"o");
    port.control().discard(Buffers::Input).await.expect("discarded");
    peer.write_all(b"new").await.expect("sent");
    assert_eq!(read_exactly(&mut port, 3).await, b"new");

    // Unread input must not turn the close into a reset.
    let (second, accepted) = tokio::join!(Port::open(&url, Settings::default()), listener.accept());
    let (mut second, (mut second_peer, _)) = (second.expect("open"), accepted.expect("accepted"));
    second_peer.write_all(b"unread").await.expect("sent");
    second.write_all(b"goodbye").await.expect("sent");
    drop(second);
    let mut got = Vec::new();
    soon("the end", second_peer.read_to_end(&mut got)).await.expect("a close in order");
    assert_eq!(got, b"goodbye");

    drop(peer);
    let error = soon("the end", port.read(&mut [0; 16])).await.expect_err("closed");
    assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
    drop(listener);
    let error = Port::open(&url, Settings::default()).await.expect_err("nobody listens");
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let error = Port::open(&"socket://no-such-host.invalid:1".parse().expect("a URL"), Settings::default()).await;
    assert!(matches!(error, Err(Error::NotFound { .. } | Error::Timeout { .. })), "{error:?}");
}
