//! Frames survive the stream, and nothing that arrives does harm.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use igloo_wire::{
    DecodeError, Decoder, EncodeError, FromProvider, MAX_FRAME, ToProvider,
    codec::{decode, encode},
    message::{Order, Outcome, Reply, Request},
    types::{Command, LogLevel, Update, Value},
};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<FromProvider, DecodeError> {
    decode(bytes, |field| panic!("unexpected field {field}"))
}

fn content<M: serde::Serialize>(message: &M) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    bytes.split_off(4)
}

/// A message of fields that Rust's types do not have.
fn pack(json: &serde_json::Value) -> Vec<u8> {
    content(json)
}

#[test]
fn messages_come_out_as_they_went_in() {
    let update = Update { component: 3, value: Value::Real(21.5), time: None };
    let messages = [
        FromProvider::Ready {},
        FromProvider::Write { updates: vec![update] },
        FromProvider::Log { level: LogLevel::Warn, message: "ü".into() },
        FromProvider::Call { id: u64::MAX, request: Request::StoreSet { key: "k".into(), value: vec![0, 255].into() } },
        FromProvider::Answer { id: 1, result: Outcome::Ok(None) },
    ];
    let mut stream = Vec::new();
    messages.iter().for_each(|message| encode(message, &mut stream).unwrap());
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    for piece in stream.chunks(7) {
        decoder.feed(piece);
        while let Some(frame) = decoder.next_frame().unwrap() {
            found.push(read(frame).unwrap());
        }
    }
    assert_eq!(found, messages);
    assert!(decoder.is_at_boundary());
}

#[test]
fn the_documented_bytes_of_a_write() {
    // {"write": {"updates": [{"component": 3, "value": {"boolean": true}}]}}
    let expected = b"\x81\xa5write\x81\xa7updates\x91\x82\xa9component\x03\xa5value\x81\xa7boolean\xc3";
    let update = Update { component: 3, value: Value::Boolean(true), time: None };
    assert_eq!(content(&FromProvider::Write { updates: vec![update] }), expected);
}

#[test]
fn what_is_newer_is_skipped_and_told() {
    let mut skipped = Vec::new();
    let bytes = pack(&serde_json::json!({"log": {"level": "info", "message": "x", "colour": {"deep": [1]}}}));
    let message: FromProvider = decode(&bytes, |field| skipped.push(field)).unwrap();
    assert_eq!(message, FromProvider::Log { level: LogLevel::Info, message: "x".into() });
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].contains("colour"), "{skipped:?}");

    let unknown = |name: &str, call| Err(DecodeError::Unknown { name: name.into(), call });
    assert_eq!(read(&pack(&serde_json::json!({"sing": {"song": 1}}))), unknown("sing", None));
    assert_eq!(read(&pack(&serde_json::json!({"call": {"id": 7, "request": {"sing": {}}}}))), unknown("sing", Some(7)));
    let error = read(&pack(&serde_json::json!({"call": {"id": 7, "request": {"remove": {}}}}))).unwrap_err();
    assert!(matches!(&error, DecodeError::Malformed { text, call: Some(7) } if text.contains("device")), "{error:?}");
}

#[test]
fn lengths_are_limited_both_ways() {
    let mut decoder = Decoder::default();
    decoder.feed(&u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes());
    assert_eq!(decoder.next_frame().unwrap_err().0, MAX_FRAME + 1);
    let mut out = vec![1, 2, 3];
    let error = encode(&FromProvider::Log { level: LogLevel::Info, message: "x".repeat(MAX_FRAME) }, &mut out);
    assert!(matches!(error, Err(EncodeError::TooLarge(_))));
    assert_eq!(out, [1, 2, 3], "nothing of it is left behind");
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let mut bytes = b"\x81\xa3log\x81\xa1x".to_vec();
    bytes.extend(vec![0x91; 1 << 20]);
    assert!(matches!(decode::<FromProvider>(&bytes, |_| ()), Err(DecodeError::Malformed { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = decode::<FromProvider>(&bytes, |_| ());
        let _ = decode::<ToProvider>(&bytes, |_| ());
        let mut decoder = Decoder::default();
        decoder.feed(&bytes);
        while let Ok(Some(frame)) = decoder.next_frame() {
            let _ = decode::<FromProvider>(frame, |_| ());
        }
    }

    #[test]
    fn damaged_messages_are_read_or_refused(at in 0_usize..200, byte: u8) {
        let command = Command {
            id: 9, device: "lamp".into(), entity: "bulb".into(), changes: Vec::new(), transition_ms: Some(3), deadline_ms: 5,
        };
        let mut bytes = content(&ToProvider::Call { id: 4, request: Order::Command(command) });
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = decode::<ToProvider>(&bytes, |_| ());
        let answer = ToProvider::Answer { id: 4, result: Outcome::Ok(Reply::Handles(vec![1, 2])) };
        prop_assert_eq!(decode::<ToProvider>(&content(&answer), |_| ()).unwrap(), answer);
    }
}
