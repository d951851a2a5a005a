//! `docs/process-protocol.md` is true: each message in it is one, and the bytes are its bytes.

use igloo_wire::{
    FromProvider, ToProvider,
    codec::{Message, decode},
    encode,
};

fn page() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/process-protocol.md");
    std::fs::read_to_string(path).unwrap()
}

/// The code blocks in this language, each with the language of the block after it and its content.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut parts = page.split("```");
    parts.next();
    parts.step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

/// The frame of a message, if it is one of this side's.
fn frame<M: Message + serde::Serialize>(json: &str) -> Option<Vec<u8>> {
    let message: M = serde_json::from_str(json).ok()?;
    let mut frame = Vec::new();
    encode(&message, &mut frame).unwrap();
    decode::<M>(&frame[4..], |path| panic!("{path} is not known: {json}")).unwrap();
    Some(frame)
}

#[test]
fn its_messages_are_messages_and_its_bytes_are_theirs() {
    let page = page();
    let (mut messages, mut bytes, mut last) = (0, 0, Vec::new());
    for (language, content) in blocks(&page) {
        match language {
            "json" => {
                let frame = frame::<FromProvider>(content).or_else(|| frame::<ToProvider>(content));
                last = frame.unwrap_or_else(|| panic!("no message: {content}"));
                messages += 1;
            }
            "text" => {
                let hex: Vec<String> = last.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(content.trim(), hex.join(" "));
                bytes += 1;
            }
            _ => {}
        }
    }
    assert!(messages > 20 && bytes >= 3, "{messages} messages, {bytes} in bytes");
}

#[test]
fn it_has_every_message() {
    let page = page();
    for name in FromProvider::NAMES.iter().chain(ToProvider::NAMES) {
        assert!(page.contains(&format!("{{\"{name}\": {{")), "docs/process-protocol.md does not show `{name}`");
    }
}
