//! How messages stand on the stream: a length of four bytes, most significant first, then so many bytes of
//! MessagePack (the specification of 2017-08-09), structures as maps with their fields' names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::message::{FromProvider, ToProvider};

/// The largest frame, without its length, in either direction.
pub const MAX_FRAME: usize = 4 << 20;

const LENGTH_BYTES: usize = 4;
/// How deep maps and lists may be nested: three times what any message is.
const DEPTH: usize = 32;
/// Names of unknown fields that are told of one message.
const TOLD_FIELDS: usize = 8;

/// A message does not fit into a frame.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Too large.
    #[error("a message of {0} bytes does not fit into a frame of at most {MAX_FRAME}")]
    TooLarge(usize),
    /// It cannot be written down.
    #[error("a message cannot be encoded: {0}")]
    Format(#[from] rmp_serde::encode::Error),
}

/// A frame is longer than allowed: the stream cannot be followed any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of {0} bytes; the largest has {MAX_FRAME}")]
pub struct FrameTooLarge(pub usize);

/// A frame is not a message of this version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// A message, or a request, that this side does not know. It can be skipped; a call is to be answered.
    #[error("unknown message `{name}`")]
    Unknown {
        /// Its name.
        name: String,
        /// The call's id, if it is one.
        call: Option<u64>,
    },
    /// Not a message at all, or a field is missing or wrong.
    #[error("malformed message: {text}")]
    Malformed {
        /// What is wrong.
        text: String,
        /// The call's id, if it is one.
        call: Option<u64>,
    },
}

/// Appends a message's frame.
pub fn encode<M: Serialize>(message: &M, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend([0; LENGTH_BYTES]);
    let written = message.serialize(&mut rmp_serde::Serializer::new(&mut *out).with_struct_map());
    let length = out.len() - start - LENGTH_BYTES;
    match (written, u32::try_from(length)) {
        (Ok(()), Ok(prefix)) if length <= MAX_FRAME => {
            if let Some(place) = out.get_mut(start..start + LENGTH_BYTES) {
                place.copy_from_slice(&prefix.to_be_bytes());
            }
            Ok(())
        }
        (result, _) => {
            out.truncate(start);
            Err(result.map_or_else(EncodeError::from, |()| EncodeError::TooLarge(length)))
        }
    }
}

/// A message that either side may send.
pub trait Message: for<'de> Deserialize<'de> {
    /// The names of all such messages.
    const NAMES: &'static [&'static str];
}

impl Message for FromProvider {
    const NAMES: &'static [&'static str] =
        &["hello", "complete", "ready", "write", "log", "call", "answer", "finished"];
}

impl Message for ToProvider {
    const NAMES: &'static [&'static str] =
        &["welcome", "call", "answer", "refused", "port-ended", "body-failed", "finding"];
}

/// Reads a frame's content. `skipped` is told the path of each field that this version does not know.
pub fn decode<M: Message>(frame: &[u8], mut skipped: impl FnMut(String)) -> Result<M, DecodeError> {
    let mut told = 0;
    let mut reader = reader(frame);
    let decoded = serde_ignored::deserialize(&mut reader, |path| {
        if told < TOLD_FIELDS {
            skipped(path.to_string());
        }
        told += 1;
    });
    decoded.map_err(|error: rmp_serde::decode::Error| explain::<M>(frame, &error.to_string()))
}

fn reader(frame: &[u8]) -> rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(frame);
    reader.set_max_depth(DEPTH);
    reader
}

/// What a frame that does not decode is: something newer, or something wrong.
fn explain<M: Message>(frame: &[u8], text: &str) -> DecodeError {
    /// Any message, as far as it can be read.
    #[derive(Deserialize)]
    struct Call {
        id: u64,
        request: BTreeMap<String, IgnoredAny>,
    }
    let names = BTreeMap::<String, IgnoredAny>::deserialize(&mut reader(frame)).ok();
    let name = names.filter(|names| names.len() == 1).and_then(|names| names.into_keys().next());
    let calls = BTreeMap::<String, Call>::deserialize(&mut reader(frame)).ok();
    let call = calls.and_then(|mut calls| calls.remove("call"));
    let id = call.as_ref().map(|call| call.id);
    match (name, call) {
        (Some(name), _) if !M::NAMES.contains(&name.as_str()) => {
            DecodeError::Unknown { name: name.chars().take(64).collect(), call: None }
        }
        (Some(_), Some(call)) if text.contains("unknown variant") && call.request.len() == 1 => {
            let name = call.request.into_keys().next().unwrap_or_default();
            DecodeError::Unknown { name: name.chars().take(64).collect(), call: id }
        }
        _ => DecodeError::Malformed { text: text.chars().take(256).collect(), call: id },
    }
}

/// Finds frames in bytes that arrive in pieces. Holds at most one frame and what was read beyond it.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// What is before this was taken.
    start: usize,
}

impl Decoder {
    /// Appends what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
        // What one large frame needed is given back.
        if self.bytes.capacity() > 1 << 20 && self.bytes.len() < 1 << 16 {
            self.bytes.shrink_to(1 << 16);
        }
    }

    /// The next whole frame's content.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameTooLarge> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let Some((prefix, content)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_FRAME {
            return Err(FrameTooLarge(length));
        }
        if content.len() < length {
            return Ok(None);
        }
        let from = self.start + LENGTH_BYTES;
        self.start = from + length;
        Ok(self.bytes.get(from..from + length))
    }

    /// Whether the stream may end here: not in the middle of a frame.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        self.start == self.bytes.len()
    }
}
