//! Libraries that do not compile for a component, as `cargo xtask libraries` and `cargo xtask test` found them, and what
//! a driver takes instead.

use std::collections::BTreeMap;
use std::fs;

use crate::table::{Row, workspace};

const INSTEAD: &[(&str, &str)] = &[
    ("mdns-sd", "WASI has no multicast; to look is the hub's (`igloo:discovery`)"),
    ("smol", "`tokio` runs"),
    ("quinn", "there is nothing yet; TCP and TLS run"),
    ("native-tls", "it is OpenSSL; take a crate's `rustls` feature"),
    ("aws-lc-rs", "it is C and assembler; the SDK's feature `tls` brings a provider for rustls"),
    ("paho-mqtt", "it is C; `rumqttc` and `rust-mqtt` run"),
    ("btleplug", "there is no Bluetooth; a proxy on the network can be reached"),
    ("rusb", "there is no USB; what is a serial port to the system is one here"),
];

/// A row for each of them, and none that is not here.
pub(crate) fn rows() -> Vec<Row> {
    let file = workspace().join("target/libraries/blocked.json");
    let text = fs::read(&file).unwrap_or_else(|error| panic!("{error}: run `cargo xtask libraries`"));
    let mut found: BTreeMap<String, Option<String>> = serde_json::from_slice(&text).unwrap();
    let rows = INSTEAD.iter().map(|(library, instead)| {
        let error = found.remove(*library).unwrap_or_else(|| panic!("{library} was not tried"));
        let error = error.unwrap_or_else(|| panic!("{library} compiles now: let it do something"));
        // Names in code style, as the compiler has them, are that in the table too.
        let error = error.replace('|', "\\|");
        Row::blocked(library, "`cargo check`", format!("Does not compile: {error}. Instead: {instead}"))
    });
    let rows = rows.collect();
    assert!(found.is_empty(), "not in the table: {found:?}");
    rows
}
