//! Providers that use no SDK, only `docs/process-protocol.md`.

use crate::hub::Hub;
use igloo_wire::{
    FromProvider,
    message::{Order, Reply, Request},
    types::{CommandError, Value},
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
