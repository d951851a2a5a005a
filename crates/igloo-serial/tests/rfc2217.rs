//! The RFC 2217 client against servers made for the test: one that does everything, and hostile ones.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use igloo_serial::{Buffers, Error, Lines, ModemLines, Port, PortUrl, Settings};
use proptest::prelude::*;
use rfc2217::{Client, ModemState, PortSettings, Purge, Server, ServerEvent};
use support::{read_exactly, reason, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Telnet's interpret-as-command, subnegotiation begin and end, and the verbs (RFC 854).
const IAC: u8 = 255;
const SB: u8 = 250;
const WILL: u8 = 251;
const DO: u8 = 253;
const DONT: u8 = 254;
/// COM-PORT-OPTION and the server's SET-BAUDRATE answer (RFC 2217 section 3).
const COM_PORT: u8 = 44;
const BAUDRATE_IS: u8 = 101;

async fn listen() -> (TcpListener, PortUrl) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address: SocketAddr = listener.local_addr().expect("an address");
    (listener, format!("rfc2217://{address}").parse().expect("a URL"))
}

/// A bridge whose device sends back what it receives. Bytes travel in pieces of `piece`.
async fn echo(listener: TcpListener, piece: usize, events: mpsc::UnboundedSender<ServerEvent>) {
    let (mut stream, _) = listener.accept().await.expect("accepted");
    stream.set_nodelay(true).expect("no delay");
    let mut server = Server::new(PortSettings::default());
    server.try_set_modem_state(ModemState::CTS | ModemState::CD).expect("there is room");
    let (mut rx, mut payload) = (vec![0; piece], [0; 64]);
    loop {
        while server.has_output() {
            let count = server.output().len().min(piece);
            let Ok(()) = stream.write_all(&server.output()[..count]).await else { return };
            server.consume_output(count);
        }
        let Ok(count @ 1..) = stream.read(&mut rx).await else { return };
        let mut rest = &rx[..count];
        while !rest.is_empty() {
            let progress = server.receive_into(rest, &mut payload);
            rest = &rest[progress.consumed..];
            while let Some(event) = server.poll_event() {
                let _ = events.send(event);
            }
            let mut echo = &payload[..progress.payload_len];
            while !echo.is_empty() || server.has_output() {
                echo = &echo[server.try_write_data(echo).unwrap_or(0)..];
                while server.has_output() {
                    let count = server.output().len().min(piece);
                    let Ok(()) = stream.write_all(&server.output()[..count]).await else { return };
                    server.consume_output(count);
                }
            }
        }
    }
}

#[tokio::test]
async fn lines_break_and_purge_reach_the_server() {
    let (listener, url) = listen().await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let server = tokio::spawn(echo(listener, 64, sender));
    let port = Port::open(&url, Settings::at(9600)).await.expect("open");
    let control = port.control();
    let expected = ModemLines { cts: true, cd: true, dsr: false, ri: false };
    assert_eq!(control.lines().await.expect("lines"), expected);
    control.set_lines(Lines { dtr: Some(false), rts: Some(true) }).await.expect("set");
    control.send_break(Duration::from_millis(20)).await.expect("sent");
    control.discard(Buffers::Both).await.expect("purged");
    control.discard(Buffers::Output).await.expect("purged");
    let mut seen = Vec::new();
    while seen.last() != Some(&ServerEvent::Purge(Purge::Transmit)) {
        let event = soon("an event", events.recv()).await.expect("an event");
        if !matches!(event, ServerEvent::ComPortActive | ServerEvent::SettingsChanged(_)) {
            seen.push(event);
        }
    }
    let expected = [
        ServerEvent::Dtr(false),
        ServerEvent::Rts(true),
        ServerEvent::Break(true),
        ServerEvent::Break(false),
        ServerEvent::Purge(Purge::Both),
        ServerEvent::Purge(Purge::Transmit),
    ];
    assert_eq!(seen, expected);
    drop(port);
    soon("the server's end", server).await.expect("no panic");
}

#[tokio::test]
async fn a_plain_telnet_server_is_unsupported() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        stream.write_all(&[IAC, DONT, COM_PORT]).await.expect("sent");
        stream
    };
    let (result, _stream) = tokio::join!(Port::open(&url, Settings::default()), server);
    let error = result.expect_err("refused");
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("socket://"), "{error}");
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let (listener, url) = listen().await;
    let (result, _stream) = tokio::join!(Port::open(&url, Settings::default()), listener.accept());
    let error = result.expect_err("silent");
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn another_baud_rate_than_asked_for_is_invalid() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        // 300 baud, and the other settings as asked for.
        let mut answer = vec![IAC, DO, COM_PORT, IAC, SB, COM_PORT, BAUDRATE_IS, 0, 0, 1, 44, IAC, 240];
        for (code, value) in [(102, 8), (103, 1), (104, 1), (105, 1)] {
            answer.extend([IAC, SB, COM_PORT, code, value, IAC, 240]);
        }
        // The answers count once the questions are out.
        stream.write_all(&answer[..3]).await.expect("sent");
        let mut asked = Vec::new();
        while !asked.windows(4).any(|w| w == [IAC, SB, COM_PORT, 5]) {
            asked.push(stream.read_u8().await.expect("a question"));
        }
        stream.write_all(&answer[3..]).await.expect("sent");
        stream
    };
    let (result, _stream) = tokio::join!(Port::open(&url, Settings::at(9600)), server);
    let error = result.expect_err("another rate");
    assert!(matches!(error, Error::InvalidSettings { .. }), "{error}");
}

/// A session with a server that does as it likes after the opening.
async fn session() -> (Port, TcpStream) {
    let (listener, url) = listen().await;
    let mut open = std::pin::pin!(Port::open(&url, Settings::at(9600)));
    let (mut stream, _) = tokio::select! {
        _ = &mut open => panic!("opened without an answer"),
        accepted = listener.accept() => accepted.expect("accepted"),
    };
    let mut server = Server::new(PortSettings::default());
    let mut rx = [0; 256];
    loop {
        while server.has_output() {
            let count = stream.write(server.output()).await.expect("sent");
            server.consume_output(count);
        }
        let count = tokio::select! {
            port = &mut open => return (port.expect("open"), stream),
            count = stream.read(&mut rx) => count.expect("read"),
        };
        let mut rest = &rx[..count];
        while !rest.is_empty() {
            let progress = server.receive_into(rest, &mut [0; 64]);
            rest = &rest[progress.consumed..];
            while server.poll_event().is_some() {}
            // One read's answers are small: the socket takes them.
            while server.has_output() {
                let count = stream.write(server.output()).await.expect("sent");
                server.consume_output(count);
            }
        }
    }
}

#[tokio::test]
async fn what_was_written_leaves_before_the_close() {
    let (mut port, mut stream) = session().await;
    // Unread input must not turn the close into a reset.
    stream.write_all(&[b'x'; 20_000]).await.expect("sent");
    port.write_all(b"goodbye").await.expect("taken");
    drop(port);
    let mut got = Vec::new();
    soon("the end", stream.read_to_end(&mut got)).await.expect("a close in order");
    assert_eq!(got, b"goodbye");
}

#[tokio::test]
async fn a_flood_is_held_back() {
    let (port, mut stream) = session().await;
    let flood = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while let Ok(result) = timeout(Duration::from_millis(500), stream.write(&flood)).await {
        sent += result.expect("connected");
        // The kernel holds some MB; a client without bounds would take it all.
        assert!(sent < 64 * 1024 * 1024, "nothing holds the server back");
    }
    // What needs no answer still works, and what needs one says why it has none.
    port.control().set_lines(Lines { dtr: Some(true), rts: None }).await.expect("sent");
    port.control().discard(Buffers::Input).await.expect("discarded");
}

#[tokio::test]
async fn negotiation_without_end_is_bounded_too() {
    let (mut port, stream) = session().await;
    let (mut rx, mut tx) = stream.into_split();
    // Each pair makes the client answer; nobody reads the answers.
    let pairs: Vec<u8> = [[IAC, WILL, 200], [IAC, DO, 200]].concat().repeat(10_000);
    let mut sent = 0;
    while let Ok(result) = timeout(Duration::from_millis(500), tx.write(&pairs)).await {
        sent += result.expect("connected");
        assert!(sent < 64 * 1024 * 1024, "nothing holds the server back");
    }
    // Once the answers are read, data flows again.
    let reading = tokio::spawn(async move {
        let mut sink = vec![0; 64 * 1024];
        while let Ok(1..) = rx.read(&mut sink).await {}
    });
    let ending = tokio::spawn(async move {
        tx.write_all(b"\0\0\0\0\0\0data").await.expect("sent");
        tx
    });
    let mut got = Vec::new();
    while !got.ends_with(b"data") {
        got.extend(read_exactly(&mut port, 1).await);
    }
    drop((port, ending));
    soon("the reader's end", reading).await.expect("no panic");
}

#[tokio::test]
async fn a_subnegotiation_without_end_is_given_up() {
    let (mut port, mut stream) = session().await;
    stream.write_all(&[IAC, SB, COM_PORT, BAUDRATE_IS]).await.expect("sent");
    let writing = tokio::spawn(async move {
        stream.write_all(&vec![b'x'; 1024 * 1024]).await.expect("sent");
        stream.write_all(b"end").await.expect("sent");
        stream
    });
    let mut got = Vec::new();
    while !got.ends_with(b"end") {
        let mut buffer = [0; 4096];
        let count = soon("bytes", port.read(&mut buffer)).await.expect("bytes");
        got.extend_from_slice(&buffer[..count]);
    }
    drop(soon("the writer", writing).await.expect("no panic"));
    let error = soon("the end", port.read(&mut [0; 1])).await.expect_err("closed");
    assert!(matches!(reason(&error), Error::Disconnected { .. }), "{error}");
}

/// What a client makes of these bytes from a server: the data, and what it says back.
fn receive(bytes: &[u8], chunks: &[usize], room: usize) -> (Vec<u8>, Vec<u8>) {
    let mut client = Client::new(PortSettings::default());
    let (mut data, mut output) = (Vec::new(), Vec::new());
    let mut payload = vec![0; room];
    let mut rest = bytes;
    let mut chunks = chunks.iter().copied().cycle();
    while !rest.is_empty() {
        let count = chunks.next().unwrap_or(1).clamp(1, rest.len());
        let (mut chunk, later) = rest.split_at(count);
        rest = later;
        while !chunk.is_empty() {
            let progress = client.receive_into(chunk, &mut payload);
            chunk = &chunk[progress.consumed..];
            data.extend_from_slice(&payload[..progress.payload_len]);
            while client.poll_event().is_some() {}
            while client.has_output() {
                output.extend_from_slice(client.output());
                client.consume_output(client.output().len());
            }
        }
    }
    (data, output)
}

/// Bytes in which telnet commands are frequent.
fn telnet() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(IAC), Just(SB), Just(240), 250..=255_u8, Just(COM_PORT), 100..=112_u8, any::<u8>()];
    prop::collection::vec(byte, 0..2000)
}

proptest! {
    /// However the network cuts the bytes, they mean the same.
    #[test]
    fn chunks_do_not_matter(bytes in telnet(), chunks in prop::collection::vec(1..50_usize, 1..10), room in 1..100_usize) {
        prop_assert_eq!(receive(&bytes, &chunks, room), receive(&bytes, &[usize::MAX], 4096));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Escaped, cut, unescaped, and all of it again on the way back: the same bytes, through a whole port.
    #[test]
    fn data_survives_the_way_there_and_back(
        data in prop::collection::vec(prop_oneof![Just(IAC), any::<u8>()], 1..5000),
        piece in 1..200_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let back = runtime.block_on(async {
            let (listener, url) = listen().await;
            let (sender, _events) = mpsc::unbounded_channel();
            tokio::spawn(echo(listener, piece, sender));
            let port = Port::open(&url, Settings::default()).await.expect("open");
            let (mut reader, mut writer, _control) = port.split();
            let (sent, back) = tokio::join!(writer.write_all(&data), read_exactly(&mut reader, data.len()));
            sent.expect("sent");
            back
        });
        prop_assert_eq!(back, data);
    }

    /// No bytes whatsoever make the port panic or hang: opening ends with an error.
    #[test]
    fn noise_ends_with_an_error(noise in telnet()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (listener, url) = listen().await;
            let server = async {
                let (mut stream, _) = listener.accept().await.expect("accepted");
                let _ = stream.write_all(&noise).await;
            };
            let (result, ()) = tokio::join!(Port::open(&url, Settings::default()), server);
            // Without five right answers in order there is no opening.
            assert!(result.is_err());
        });
    }
}
