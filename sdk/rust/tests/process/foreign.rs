//! Providers that use no SDK, only `docs/process-protocol.md`.

use crate::hub::Hub;
use igloo_wire::{
    FromProvider,
    message::{Order, Reply, Request},
    types::{Change, Command as Asked, CommandError, Value},
};
use std::{path::Path, process::Command};

fn speaks_the_protocol(example: &str, interpreter: &str) {
    if Command::new(interpreter).arg("--version").output().is_err() {
        #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
        {
            println!("skipped: there is no {interpreter} here");
        }
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut hub = Hub::start(&root.join(example).join("lamp"));
    hub.welcome(r#"{"name": "Küche", "later": 1}"#);
    let (id, Request::Describe { device }) = hub.called() else { panic!("it describes first") };
    assert_eq!((device.id.as_str(), device.name.as_str()), ("lamp", "Küche"));
    hub.answer(id, Ok(Reply::Handles(vec![70_000])));
    assert_eq!(hub.written(), (70_000, Value::Boolean(false)));
    assert_eq!(hub.hear(), FromProvider::Complete {});
    assert_eq!(hub.hear(), FromProvider::Ready {});
    // {"later": {}} is skipped.
    hub.say_bytes(b"\0\0\0\x08\x81\xa5later\x80");
    for on in [true, false] {
        let call = hub.switch(on);
        assert_eq!(hub.written(), (70_000, Value::Boolean(on)));
        assert_eq!(hub.answered(call), Ok(None));
    }
    let call = hub.action("pair", "{}");
    assert!(matches!(hub.answered(call), Err(CommandError::Rejected(_))));
    let call = hub.order(Order::Stop {});
    assert_eq!(hub.answered(call), Ok(None));
    let (status, text) = hub.hang_up();
    assert_eq!(status.code(), Some(0), "{text}");
}

#[test]
fn plain_python() {
    speaks_the_protocol("process-python", "python3");
}

#[test]
fn plain_node() {
    speaks_the_protocol("process-node", "node");
}

/// A guest as `cargo xtask build-guests` makes it: optimised, stripped, and ending at a panic.
#[test]
fn the_demo_homes_executable_answers_a_command() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/packages/demo-home/demo-home");
    if !program.is_file() {
        #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
        {
            println!("skipped: `cargo xtask build-guests demo-home` makes {}", program.display());
        }
        return;
    }
    let mut hub = Hub::start(&program);
    hub.welcome("{}");
    let mut handles = 0;
    loop {
        match hub.hear() {
            FromProvider::Call { id, request: Request::Describe { device } } => {
                let first = handles;
                handles += device.entities.iter().map(|entity| entity.components.len() as u32).sum::<u32>();
                hub.answer(id, Ok(Reply::Handles((first..handles).collect())));
            }
            FromProvider::Ready {} => break,
            FromProvider::Write { .. } | FromProvider::Complete {} | FromProvider::Log { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(handles > 20, "{handles}");
    let call = hub.order(Order::Command(switch("living-lamp")));
    let mut written = false;
    // The home goes on beside what is asked.
    loop {
        match hub.hear() {
            FromProvider::Answer { id, result } if id == call => {
                assert_eq!(Result::from(result), Ok(None));
                assert!(written, "it answered before it wrote");
                break;
            }
            FromProvider::Write { updates } => {
                written |= updates.iter().any(|update| update.value == Value::Boolean(true));
            }
            FromProvider::Call { id, .. } => hub.answer(id, Ok(Reply::Done {})),
            FromProvider::Log { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let call = hub.order(Order::Stop {});
    while !matches!(hub.hear(), FromProvider::Answer { id, .. } if id == call) {}
    assert_eq!(hub.hang_up().0.code(), Some(0));
}

fn switch(device: &str) -> Asked {
    Asked {
        id: 1,
        device: device.to_owned(),
        entity: "bulb".to_owned(),
        changes: vec![Change { kind: "switch".to_owned(), value: Value::Boolean(true) }],
        transition_ms: None,
        deadline_ms: 5000,
    }
}
