//! `igloo:crypto`: primitives on `ring`, for TLS in guests and whatever else needs them; and on the crates of RustCrypto
//! what devices speak that ring has not. They reach nothing, so no grant is asked for; but every argument is hostile.
//!
//! Keys are in a table of their own, so that they are bounded without taking the place of sockets. What a call may
//! cost is bounded by the length of what it is given, and its time is the guest's, as all host calls are.

mod aead;
mod agreement;
mod block;
mod cipher;
mod mac;
mod signature;
mod static_key;

use wasmtime::component::{Linker, Resource, ResourceTable, ResourceTableError};

#[expect(unreachable_pub, reason = "named by generated code")]
pub use self::{aead::AeadKey, agreement::PrivateKey, cipher::Running, signature::SigningKey, static_key::StaticKey};
use crate::component::{
    bindings::igloo::crypto::{
        self,
        types::{self, ErrorCode},
    },
    state::{Everything, State},
};

/// Keys of all kinds in an instance: two for each of several hundred TLS connections.
const KEYS: usize = 1024;
/// Bytes of a message, a plaintext or a ciphertext.
const MESSAGE: usize = 1 << 20;
/// Bytes of additional data, a key or a signature.
const SMALL: usize = 16 << 10;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crypto::aead::add_to_linker::<_, Everything>(linker, |state| state)?;
    crypto::agreement::add_to_linker::<_, Everything>(linker, |state| state)?;
    crypto::signature::add_to_linker::<_, Everything>(linker, |state| state)?;
    crypto::cipher::add_to_linker::<_, Everything>(linker, |state| state)?;
    crypto::mac::add_to_linker::<_, Everything>(linker, |state| state)
}

/// A table for an instance's keys.
pub(crate) fn keys() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(KEYS);
    table
}

impl types::Host for State {}

impl State {
    /// Keeps a key, if there is room.
    fn keep<T: Send + 'static>(
        &mut self,
        key: Result<T, ErrorCode>,
    ) -> wasmtime::Result<Result<Resource<T>, ErrorCode>> {
        match key.map(|key| self.keys.push(key)) {
            Ok(Ok(key)) => Ok(Ok(key)),
            Ok(Err(ResourceTableError::Full)) => Ok(Err(ErrorCode::Limit)),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// Refuses what is too long.
fn check_length(bytes: &[u8], limit: usize) -> Result<(), ErrorCode> {
    if bytes.len() > limit { Err(ErrorCode::Limit) } else { Ok(()) }
}

#[cfg(test)]
fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[cfg(test)]
impl PartialEq for ErrorCode {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}
