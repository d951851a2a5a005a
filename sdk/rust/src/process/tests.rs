//! The connection against a scripted hub, in one process. `tests/process` has the whole of it as an executable.

use super::{
    connection::{Asked, Attached, Connection, Lost},
    socket::Socket,
};
use igloo_wire::{
    Decoder, FromProvider, MAX_FRAME, ToProvider,
    codec::decode,
    encode,
    message::{Order, Outcome, Reply, Request, RequestError},
    types::{CommandError, LogLevel, discovery::Finding},
};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::{
    cell::RefCell,
    io::{IoSlice, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    rc::Rc,
    thread::JoinHandle,
    time::Duration,
};

/// The hub's end, on a thread of its own.
struct Peer {
    socket: UnixStream,
    decoder: Decoder,
}

impl Peer {
    fn say(&mut self, message: &ToProvider) {
        self.socket.write_all(&frame(message)).unwrap();
    }

    fn answer(&mut self, id: u64, reply: Reply) {
        self.say(&ToProvider::Answer { id, result: Outcome::Ok(reply) });
    }

    fn hear(&mut self) -> FromProvider {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return decode(frame, |path| panic!("{path}")).unwrap();
            }
            let mut bytes = [0; 4096];
            let count = self.socket.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "it hung up");
            self.decoder.feed(&bytes[..count]);
        }
    }

    fn called(&mut self) -> u64 {
        match self.hear() {
            FromProvider::Call { id, .. } => id,
            other => panic!("no call: {other:?}"),
        }
    }
}

fn frame(message: &ToProvider) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(message, &mut frame).unwrap();
    frame
}

fn stop(id: u64) -> ToProvider {
    ToProvider::Call { id, request: Order::Stop {} }
}

/// A connection, and a hub that follows the script.
fn pair(script: impl FnOnce(&mut Peer) + Send + 'static) -> (Rc<Connection>, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let peer = std::thread::spawn(move || script(&mut Peer { socket: theirs, decoder: Decoder::default() }));
    (Rc::new(Connection::new(Socket::new(ours).unwrap())), peer)
}

/// Drives a connection to its end: the ids of the hub's calls in their order, and why it ended.
async fn drive(connection: &Connection) -> (Vec<u64>, Lost) {
    let calls = RefCell::new(Vec::new());
    let lost = connection.drive(|asked| {
        if let Asked::Order { call, .. } = asked {
            calls.borrow_mut().push(call);
        }
    });
    let lost = lost.await;
    (calls.into_inner(), lost)
}

#[tokio::test]
async fn what_arrives_during_a_blocking_call_waits_in_its_order() {
    let (connection, hub) = pair(|hub| {
        let id = hub.called();
        (1..=3).for_each(|call| hub.say(&stop(call)));
        hub.answer(id, Reply::Boolean(true));
        hub.say(&stop(4));
    });
    let answer = connection.call_blocking(Request::Remove { device: "d".to_owned() });
    assert_eq!(answer, Ok(Ok(Reply::Boolean(true))));
    assert_eq!(drive(&connection).await, (vec![1, 2, 3, 4], Lost::Closed));
    hub.join().unwrap();
}

#[tokio::test]
async fn a_hub_that_hangs_up_in_a_call_is_lost() {
    let (connection, hub) = pair(|hub| {
        hub.called();
    });
    let answer = connection.call_blocking(Request::SerialSlots {});
    assert_eq!(answer, Err(Lost::Closed));
    assert_eq!(connection.call_blocking(Request::SerialSlots {}), Err(Lost::Closed));
    assert_eq!(drive(&connection).await.1, Lost::Closed);
    hub.join().unwrap();
}

#[tokio::test]
async fn descriptors_belong_to_the_answers_in_their_order() {
    let (connection, hub) = pair(|hub| {
        let calls = [hub.called(), hub.called()];
        for (n, id) in calls.into_iter().enumerate() {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(&[b'0' + u8::try_from(n).unwrap()]).unwrap();
            let theirs = OwnedFd::from(there);
            let descriptors = [theirs.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
            // Other messages stand before and after it in what is sent at once.
            let answer = ToProvider::Answer { id, result: Outcome::Ok(Reply::Port(n as u64)) };
            let bytes = [frame(&stop(1)), frame(&answer), frame(&stop(2))].concat();
            sendmsg(&hub.socket, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::empty()).unwrap();
        }
    });
    let open = || async {
        let answer = connection.call(Request::SerialSlots {}).await;
        let (Ok(Reply::Port(port)), Attached::Port(descriptor, _)) = (answer.result, answer.attached) else {
            panic!("no port")
        };
        let mut byte = [0];
        UnixStream::from(descriptor).read_exact(&mut byte).unwrap();
        (port, byte[0])
    };
    let ((calls, lost), first, second) = tokio::join!(drive(&connection), open(), open());
    assert_eq!((calls, lost), (vec![1, 2, 1, 2], Lost::Closed));
    assert_eq!((first, second), ((0, b'0'), (1, b'1')));
    hub.join().unwrap();
}

#[tokio::test]
async fn a_port_without_its_descriptor_is_no_port() {
    let (connection, hub) = pair(|hub| {
        let id = hub.called();
        hub.answer(id, Reply::Port(1));
    });
    let answer = connection.call_blocking(Request::SerialSlots {});
    assert!(matches!(answer, Err(Lost::Failed(text)) if text.contains("descriptor")));
    hub.join().unwrap();
}

#[tokio::test]
async fn garbage_and_oversize_end_the_connection() {
    let (connection, hub) = pair(|hub| {
        let length = u32::try_from(MAX_FRAME + 1).unwrap();
        hub.socket.write_all(&length.to_be_bytes()).unwrap();
        hub.socket.write_all(b"x").unwrap();
    });
    assert!(matches!(drive(&connection).await.1, Lost::Failed(text) if text.contains("frame")));
    hub.join().unwrap();

    let (connection, hub) = pair(|hub| {
        for _ in 0..100 {
            let _ = hub.socket.write_all(b"\0\0\0\x01\xc0");
        }
    });
    assert!(matches!(drive(&connection).await.1, Lost::Failed(text) if text.contains("malformed")));
    hub.join().unwrap();
}

#[tokio::test]
async fn what_is_too_large_is_refused_here() {
    let (connection, hub) = pair(|hub| {
        let FromProvider::Answer { id: 1, result: Outcome::Error(CommandError::Other((code, _))) } = hub.hear() else {
            panic!("no answer")
        };
        assert_eq!(code, "too-large");
    });
    let device = "x".repeat(MAX_FRAME);
    let answer = connection.call_blocking(Request::Remove { device: device.clone() });
    assert!(matches!(answer, Ok(Err(RequestError::Malformed(_)))));
    connection.answer(1, Ok(Some(device)));
    connection.flush_all().unwrap();
    hub.join().unwrap();
}

#[tokio::test]
async fn a_full_buffer_waits_for_the_hub_and_loses_nothing() {
    const LINES: usize = 3000;
    let (connection, hub) = pair(|hub| {
        for n in 0..LINES {
            let FromProvider::Log { message, .. } = hub.hear() else { panic!("no line") };
            assert!(message.starts_with(&format!("{n} ")) && message.len() <= 4096);
        }
    });
    for n in 0..LINES {
        connection.log(LogLevel::Info, &format!("{n} {}", "é".repeat(3000)));
    }
    connection.flush_all().unwrap();
    hub.join().unwrap();
}

#[tokio::test]
async fn findings_that_nobody_takes_are_left_out() {
    let (connection, hub) = pair(|hub| {
        let browse = hub.called();
        hub.answer(browse, Reply::Done {});
        for n in 0..1000 {
            hub.say(&ToProvider::Finding { browse, finding: Finding::SsdpLost(n.to_string()) });
        }
    });
    let driven = drive(&connection);
    let browsed = connection.browse(Request::Search { target: "x".to_owned() });
    let ((_, lost), browsed) = tokio::join!(driven, browsed);
    let (_, mut findings) = browsed.unwrap();
    assert!(findings.len() <= 256, "{lost}");
    assert_eq!(findings.recv().await, Some(Finding::SsdpLost("0".to_owned())));
    hub.join().unwrap();
}
