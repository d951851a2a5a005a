//! Providers as processes: the SDK's example `lamp` and the two of `examples/` that use no SDK, started with descriptor 3
//! by a hub that follows a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod document;
mod foreign;
mod hub;

use hub::Hub;
use igloo_wire::{
    FromProvider, ToProvider,
    message::{Order, Outcome, Reply, Request, RequestError, SerialControl},
    types::{BadUpdate, CommandError, LogLevel, UpdateError, Value, net, serial, store},
};
use std::{
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
    time::Instant,
};

/// The example, which cargo builds before a crate's tests, but not before one file of them.
fn lamp() -> PathBuf {
    static LAMP: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let tests = std::env::current_exe().unwrap();
        let folder = tests.ancestors().nth(2).unwrap();
        let profile = if folder.ends_with("release") { "release" } else { "dev" };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "igloo-provider", "--example", "lamp", "--profile", profile]);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).arg("--target-dir").arg(folder.parent().unwrap());
        assert!(cargo.status().unwrap().success());
        folder.join("examples/lamp")
    };
    LAMP.get_or_init(build).clone()
}

/// The lamp, described with the handles 7 and 8, and ready.
fn ready() -> Hub {
    let mut hub = Hub::start(&lamp());
    hub.welcome(r#"{"name": "Living lamp"}"#);
    let (id, Request::Describe { device }) = hub.called() else { panic!("it describes first") };
    assert_eq!((device.id.as_str(), device.name.as_str(), device.entities.len()), ("lamp-1", "Living lamp", 2));
    let kinds: Vec<&str> =
        device.entities.iter().flat_map(|entity| &entity.components).map(|c| c.kind.as_str()).collect();
    assert_eq!(kinds, ["light", "switch", "button"]);
    hub.answer(id, Ok(Reply::Handles(vec![6, 7, 8])));
    assert_eq!(hub.written(), (7, Value::Boolean(false)));
    assert_eq!(hub.hear(), FromProvider::Complete {});
    assert_eq!(hub.hear(), FromProvider::Ready {});
    hub
}

fn text(text: &str) -> Result<Option<String>, CommandError> {
    Ok(Some(text.to_owned()))
}

#[test]
fn a_life_from_hello_to_the_end() {
    let mut hub = ready();
    let call = hub.switch(true);
    assert_eq!(hub.written(), (7, Value::Boolean(true)));
    assert_eq!(hub.answered(call), Ok(None));
    let call = hub.action("no-such", "{}");
    assert!(matches!(hub.answered(call), Err(CommandError::Rejected(text)) if text.contains("no-such")));
    let call = hub.order(Order::Stop {});
    assert_eq!(hub.hear(), FromProvider::Log { level: LogLevel::Info, message: "good night".to_owned() });
    assert_eq!(hub.answered(call), Ok(None));
    assert_eq!(hub.hang_up().0.code(), Some(0));
}

#[test]
fn what_run_returns_is_the_last_message() {
    let mut hub = ready();
    let call = hub.action("end", "{}");
    assert_eq!(hub.answered(call), text("null"));
    assert_eq!(hub.hear(), FromProvider::Finished { error: None });
    assert_eq!(hub.ended().0.code(), Some(0));

    let mut hub = Hub::start(&lamp());
    hub.welcome(r#"{"name": 1}"#);
    let FromProvider::Finished { error: Some(error) } = hub.hear() else { panic!("a wrong configuration") };
    assert!(error.contains("configuration"), "{error}");
    assert_eq!(hub.ended().0.code(), Some(1));
}

#[test]
fn commands_that_arrive_while_a_call_blocks_are_carried_out_after_it_in_order() {
    let mut hub = ready();
    let press = hub.action("press", "{}");
    let (emit, request) = hub.called();
    assert_eq!(request, Request::Emit { component: 8, event: "press".to_owned(), data: None });
    let calls: Vec<u64> = (0..20).map(|n| hub.switch(n % 2 == 0)).collect();
    hub.answer(emit, Ok(Reply::Done {}));
    assert_eq!(hub.answered(press), text(r#"{"Ok":null}"#));
    for (n, call) in (0..).zip(calls) {
        assert_eq!(hub.written(), (7, Value::Boolean(n % 2 == 0)));
        assert_eq!(hub.answered(call), Ok(None));
    }
}

#[test]
fn asynchronous_calls_are_answered_in_any_order() {
    let mut hub = ready();
    let (store, resolve) = (hub.action("store", "[1]"), hub.action("resolve", "{}"));
    let (set, request) = hub.called();
    assert_eq!(request, Request::StoreSet { key: "key".to_owned(), value: b"[1]".to_vec().into() });
    let (lookup, request) = hub.called();
    assert_eq!(request, Request::Resolve { name: "lamp.local".to_owned() });
    hub.answer(lookup, Ok(Reply::Addresses(vec!["10.0.0.7".to_owned()])));
    assert_eq!(hub.answered(resolve), text(r#"{"Ok":["10.0.0.7"]}"#));
    hub.answer(set, Ok(Reply::Done {}));
    let (get, _) = hub.called();
    hub.answer(get, Ok(Reply::Bytes(Some(b"[1]".to_vec().into()))));
    assert_eq!(hub.answered(store), text("[1]"));

    let store = hub.action("store", "2");
    let (set, _) = hub.called();
    hub.answer(set, Err(RequestError::Store(store::ErrorCode::Quota)));
    assert!(matches!(hub.answered(store), Err(CommandError::Rejected(_))));
    let resolve = hub.action("resolve", "{}");
    let (lookup, _) = hub.called();
    hub.answer(lookup, Err(RequestError::Resolve(net::ResolveError::AccessDenied)));
    assert!(hub.answered(resolve).unwrap().unwrap().contains("not granted"));
}

#[test]
fn refused_updates_are_logged_and_threads_log_too() {
    let mut hub = ready();
    hub.say(&ToProvider::Refused { updates: vec![BadUpdate { index: 0, error: UpdateError::WrongType }] });
    let FromProvider::Log { level: LogLevel::Warn, message } = hub.hear() else { panic!("no warning") };
    assert!(message.contains("WrongType"), "{message}");
    let call = hub.action("thread", "{}");
    assert_eq!(hub.hear(), FromProvider::Log { level: LogLevel::Info, message: "from a thread".to_owned() });
    assert_eq!(hub.answered(call), text("2"));
}

#[test]
fn a_port_is_a_descriptor_and_its_end_has_a_reason() {
    let mut hub = ready();
    let call = hub.action("serial", "{}");
    let (open, request) = hub.called();
    assert!(matches!(request, Request::SerialOpen { slot, .. } if slot == "meter"));
    let (mut port, theirs) = UnixStream::pair().unwrap();
    hub.say_with(&ToProvider::Answer { id: open, result: Outcome::Ok(Reply::Port(5)) }, &OwnedFd::from(theirs));
    let (lines, request) = hub.called();
    assert_eq!(request, Request::SerialControl { port: 5, control: SerialControl::Lines {} });
    let modem =
        serial::ModemLines { clear_to_send: true, data_set_ready: false, ring_indicator: false, carrier_detect: false };
    hub.answer(lines, Ok(Reply::Lines(modem)));
    let mut echo = [0; 5];
    port.write_all(b"hello").unwrap();
    port.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello");
    hub.say(&ToProvider::PortEnded { port: 5, error: Some(serial::ErrorCode::Disconnected) });
    drop(port);
    let mut messages = [hub.hear(), hub.hear()];
    messages.sort_by_key(|message| matches!(message, FromProvider::Answer { .. }));
    let closed = Request::SerialControl { port: 5, control: SerialControl::Close {} };
    assert!(matches!(&messages[0], FromProvider::Call { request, .. } if *request == closed), "{messages:?}");
    let FromProvider::Answer { id, result: Outcome::Ok(Some(answer)) } = &messages[1] else { panic!("{messages:?}") };
    assert_eq!(*id, call);
    assert_eq!(answer, r#"{"count":5,"end":"the port went away","clear":true}"#);
}

#[test]
fn a_body_is_read_from_its_descriptor_and_may_fail() {
    let mut hub = ready();
    for failure in [None, Some(net::HttpError::Closed)] {
        let call = hub.action("fetch", "{}");
        let (http, request) = hub.called();
        assert!(
            matches!(request, Request::Http { request } if request.method == "GET" && request.timeout_ms.is_some())
        );
        let (mut body, theirs) = UnixStream::pair().unwrap();
        let head = net::HttpResponse { status: 200, headers: Vec::new() };
        hub.say_with(
            &ToProvider::Answer { id: http, result: Outcome::Ok(Reply::Response(head)) },
            &OwnedFd::from(theirs),
        );
        body.write_all(b"bright").unwrap();
        if let Some(error) = failure.clone() {
            hub.say(&ToProvider::BodyFailed { call: http, error });
        }
        drop(body);
        let wanted = if failure.is_none() { r#"{"Ok":"bright"}"# } else { r#"{"Err":"#.trim_end() };
        let answer = hub.answered(call).unwrap().unwrap();
        assert!(answer.starts_with(wanted), "{answer}");
    }
}

#[test]
fn what_is_newer_is_skipped_and_answered() {
    let mut hub = ready();
    // {"later": {}} and {"call": {"id": 9, "request": {"dance": {}}}}
    hub.say_bytes(b"\0\0\0\x08\x81\xa5later\x80");
    assert!(matches!(hub.hear(), FromProvider::Log { message, .. } if message.contains("`later`")));
    hub.say_bytes(b"\0\0\0\x1b\x81\xa4call\x82\xa2id\x09\xa7request\x81\xa5dance\x80");
    assert!(matches!(hub.hear(), FromProvider::Log { message, .. } if message.contains("`dance`")));
    assert!(matches!(hub.answered(9), Err(CommandError::Other((code, _))) if code == "unsupported"));
    let call = hub.switch(true);
    assert_eq!(hub.written(), (7, Value::Boolean(true)));
    assert_eq!(hub.answered(call), Ok(None));
}

#[test]
fn a_broken_stream_ends_the_process() {
    let mut hub = ready();
    hub.say_bytes(&[0xff; 64]);
    let (status, text) = hub.ended();
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("frame"), "{text}");

    let mut hub = ready();
    for _ in 0..20 {
        hub.say_bytes(b"\0\0\0\x01\xc0");
    }
    let (status, text) = hub.ended();
    assert_eq!(status.code(), Some(1), "{text}");
}

#[test]
fn a_hub_that_hangs_up_ends_the_process_even_in_a_call() {
    let mut hub = ready();
    hub.action("press", "{}");
    assert!(matches!(hub.called(), (_, Request::Emit { .. })));
    assert_eq!(hub.hang_up().0.code(), Some(0));
}

#[test]
fn a_panic_is_told_and_ends_the_process() {
    let mut hub = ready();
    hub.action("panic", "{}");
    let FromProvider::Log { level: LogLevel::Error, message } = hub.hear() else { panic!("no message") };
    assert!(message.starts_with("panic: as asked, at "), "{message}");
    assert_eq!(hub.ended().0.code(), Some(101));
}

#[test]
fn without_a_hub_it_says_what_it_is() {
    let output = Command::new(lamp()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("igloo install"));
}

/// Not a test of speed on a busy machine: it prints figures for people.
#[test]
#[ignore = "prints figures; for a quiet machine, with --release"]
fn figures() {
    let mut hub = ready();
    let mut median = |mut round: Box<dyn FnMut(&mut Hub)>| {
        let mut times: Vec<u128> = (0..20_000)
            .map(|_| {
                let began = Instant::now();
                round(&mut hub);
                began.elapsed().as_nanos()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let command = median(Box::new(|hub| {
        let call = hub.switch(true);
        hub.written();
        hub.answered(call).unwrap();
    }));
    let (mut here, mut there) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while there.read_exact(&mut bytes).is_ok() {
            there.write_all(&bytes).unwrap();
        }
    });
    let bare = median(Box::new(move |_| {
        let mut bytes = [0; 64];
        here.write_all(&bytes).unwrap();
        here.read_exact(&mut bytes).unwrap();
    }));
    #[allow(clippy::print_stdout, reason = "the figures")]
    {
        println!("command {:.1} µs, bare ping-pong {:.1} µs", command as f64 / 1e3, bare as f64 / 1e3);
    }
}
