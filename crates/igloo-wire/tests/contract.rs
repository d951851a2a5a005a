//! The types of the wire form are those of `wit/`: every record has the same fields, every variant the same cases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use igloo_wire::types::{self as t, discovery, serial, store};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

/// Records, variants and enums of a WIT file by name, with their fields' or cases' names.
fn wit(file: &str) -> BTreeMap<String, BTreeSet<String>> {
    let path = format!("{}/../../wit/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let text: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n");
    let mut found = BTreeMap::new();
    for keyword in ["record ", "variant ", "enum "] {
        for (at, _) in text.match_indices(keyword) {
            let (head, rest) = text[at + keyword.len()..].split_once('{').unwrap();
            let body = rest.split_once('}').unwrap().0;
            let names = items(body).map(|item| item.split([':', '(']).next().unwrap().trim().to_owned());
            found.insert(head.trim().to_owned(), names.filter(|name| !name.is_empty()).collect());
        }
    }
    found
}

/// What stands between commas outside brackets.
fn items(body: &str) -> impl Iterator<Item = String> {
    let mut depth = 0;
    let mut all = vec![String::new()];
    for c in body.chars() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().unwrap().push(c);
    }
    all.into_iter()
}

/// The fields of a record, from one that has every field.
fn fields<T: Serialize>(sample: &T) -> BTreeSet<String> {
    serde_json::to_value(sample).unwrap().as_object().unwrap().keys().cloned().collect()
}

/// The cases that an enumeration says it has.
fn cases<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!("no-such-case")).err().unwrap().to_string();
    // `unknown variant `no-such-case`, expected one of `a`, `b``
    let list = error.split_once("expected ").unwrap_or_else(|| panic!("{error}")).1;
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn names_are_those_of_the_contract() {
    let attribute = t::Attribute { key: String::new(), value: t::Value::Unknown };
    let component =
        t::ComponentDescription { kind: String::new(), access: t::Access::Read, attributes: vec![attribute.clone()] };
    let entity = t::EntityDescription {
        id: String::new(),
        name: String::new(),
        attributes: Vec::new(),
        components: vec![component.clone()],
    };
    let device = t::DeviceDescription {
        id: String::new(),
        name: String::new(),
        attributes: Vec::new(),
        entities: vec![entity.clone()],
    };
    let update = t::Update { component: 0, value: t::Value::Unknown, time: Some(0) };
    let change = t::Change { kind: String::new(), value: t::Value::Unknown };
    let command = t::Command {
        id: 0,
        device: String::new(),
        entity: String::new(),
        changes: Vec::new(),
        transition_ms: None,
        deadline_ms: 0,
    };
    let provider = [
        ("color", fields(&t::Color { red: 0.0, green: 0.0, blue: 0.0 })),
        ("date", fields(&t::Date { year: 0, month: 0, day: 0 })),
        ("time-of-day", fields(&t::TimeOfDay { hour: 0, minute: 0, second: 0, nanosecond: 0 })),
        ("value", cases::<t::Value>()),
        ("attribute", fields(&attribute)),
        ("access", cases::<t::Access>()),
        ("component-description", fields(&component)),
        ("entity-description", fields(&entity)),
        ("device-description", fields(&device)),
        ("describe-error", cases::<t::DescribeError>()),
        ("update", fields(&update)),
        ("update-error", cases::<t::UpdateError>()),
        ("bad-update", fields(&t::BadUpdate { index: 0, error: t::UpdateError::Limit })),
        ("emit-error", cases::<t::EmitError>()),
        ("command-error", cases::<t::CommandError>()),
        ("change", fields(&change)),
        ("command", fields(&command)),
        ("log-level", cases::<t::LogLevel>()),
        ("error-code", cases::<store::ErrorCode>()),
    ];
    let settings = serial::Settings {
        baud_rate: 0,
        data_bits: 8,
        parity: serial::Parity::None,
        stop_bits: 1,
        flow_control: serial::FlowControl::None,
    };
    let modem = serial::ModemLines {
        clear_to_send: false,
        data_set_ready: false,
        ring_indicator: false,
        carrier_detect: false,
    };
    let ports = [
        ("parity", cases::<serial::Parity>()),
        ("flow-control", cases::<serial::FlowControl>()),
        ("settings", fields(&settings)),
        ("modem-lines", fields(&modem)),
        ("control-lines", fields(&serial::ControlLines { data_terminal_ready: None, request_to_send: None })),
        ("buffers", cases::<serial::Buffers>()),
        ("error-code", cases::<serial::ErrorCode>()),
        ("slot", fields(&serial::Slot { name: String::new(), bound: false })),
    ];
    let service = discovery::Service {
        kind: String::new(),
        name: String::new(),
        host: String::new(),
        port: 0,
        addresses: Vec::new(),
        properties: Vec::new(),
    };
    let ssdp = discovery::SsdpDevice {
        target: String::new(),
        usn: String::new(),
        location: String::new(),
        headers: Vec::new(),
    };
    let browser = [
        ("service", fields(&service)),
        ("ssdp-device", fields(&ssdp)),
        ("finding", cases::<discovery::Finding>()),
        ("error-code", cases::<discovery::ErrorCode>()),
    ];
    for (file, ours) in
        [("provider.wit", &provider[..]), ("deps/igloo-serial.wit", &ports), ("deps/igloo-discovery.wit", &browser)]
    {
        let theirs = wit(file);
        let ours: BTreeMap<String, BTreeSet<String>> =
            ours.iter().map(|(name, names)| ((*name).to_owned(), names.clone())).collect();
        assert_eq!(ours, theirs, "{file}");
    }
}

#[test]
fn the_messages_have_the_names_that_decoding_knows() {
    use igloo_wire::{FromProvider, ToProvider, codec::Message};
    let names = |known: &[&str]| known.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(cases::<FromProvider>(), names(FromProvider::NAMES));
    assert_eq!(cases::<ToProvider>(), names(ToProvider::NAMES));
    let _: Json = json!(null);
}
