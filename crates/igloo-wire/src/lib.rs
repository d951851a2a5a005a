//! The contract of `wit/` as messages on a byte stream, for providers that are processes.
//!
//! `docs/process-protocol.md` describes it for people who write a provider without an SDK. [`types`] are the WIT's
//! records and variants under the WIT's names (a test compares them), [`message`] what each side may say, [`codec`] how
//! it stands on the stream.
//!
//! Promises: a message that decodes again after encoding; frames of at most [`MAX_FRAME`] bytes in both directions;
//! what a newer peer adds is skipped and can be told. Does no I/O and knows no meaning.

pub mod codec;
pub mod message;
pub mod types;

pub use codec::{DecodeError, Decoder, EncodeError, FrameTooLarge, MAX_FRAME, encode};
pub use message::{FromProvider, ToProvider};

/// The contract version of these messages.
pub const VERSION: &str = "0.1";

/// The descriptor on which a provider finds its socket when it starts.
pub const DESCRIPTOR: i32 = 3;
