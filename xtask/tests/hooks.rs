//! What the sources put in place of serial crates declare, and what the SDK defines, are the same word for word: the linker
//! compares names only, and the safety of every call between them rests on it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeMap, fs, path::Path};

const PREFIX: &str = "__igloo_serial_";

/// The signatures in a source, by name: the arguments and the answer, however rustfmt broke the lines.
fn signatures(path: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let source = fs::read_to_string(path).unwrap();
    let hooks = source.split("fn ").filter(|rest| rest.starts_with(PREFIX));
    hooks
        .map(|hook| {
            let (name, rest) = hook.split_once('(').unwrap();
            // An array's type has a semicolon, too.
            let mut brackets = 0;
            let end = rest.find(|c| {
                brackets += i32::from(c == '[') - i32::from(c == ']');
                c == '{' || (c == ';' && brackets == 0)
            });
            let words: String = rest[..end.unwrap()].split_whitespace().collect();
            (name.to_owned(), words.replace(",)", ")"))
        })
        .collect()
}

#[test]
fn hooks_are_declared_as_they_are_defined() {
    let defined = signatures("sdk/rust/src/serial/hooks.rs");
    let mut declared = BTreeMap::new();
    for overlay in ["serialport", "tokio-serial"] {
        for (name, signature) in signatures(&format!("crates/igloo-build/overlays/{overlay}.rs")) {
            assert_eq!(defined.get(&name), Some(&signature), "{name} in {overlay}.rs");
            declared.insert(name, signature);
        }
    }
    // None is left over, and the reader above found what there is.
    assert_eq!(defined, declared);
    assert_eq!(defined["__igloo_serial_1_settings"], "handle:u64)->io::Result<[u32;5]>");
    assert_eq!(defined["__igloo_serial_1_open"], "slot:&str,numbers:[u32;5],dtr:Option<bool>)->io::Result<u64>");
}

#[test]
fn the_hook_of_tokios_lookups_is_declared_as_it_is_defined() {
    let hook = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        let source = fs::read_to_string(path).unwrap();
        let (_, rest) = source.split_once("fn __igloo_lookup_under_way").unwrap();
        rest[..rest.find([';', '{']).unwrap()].trim().to_owned()
    };
    let defined = hook("sdk/rust/src/runtime/wasi2/names.rs");
    assert_eq!(defined, "() -> Option<Pin<Box<dyn Future<Output = ()> + Send>>>");
    assert_eq!(hook("crates/igloo-build/overlays/tokio.toml"), defined);
}
