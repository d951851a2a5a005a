//! AES with any of its key lengths as one type, so that modes are compiled once and chosen at run time.
//!
//! Constant time: the machine's instructions where it has them, bit-sliced elsewhere. The key is wiped when dropped.

use aes::{Aes128, Aes192, Aes256};
use cipher::{
    BlockCipher, BlockClosure, BlockDecrypt, BlockEncrypt, BlockSizeUser, InvalidLength, KeyInit as _, consts::U16,
};

/// Bytes of a block.
pub(super) const BLOCK: usize = 16;

/// A key's schedule.
#[derive(Clone)]
pub(super) enum Aes {
    Bits128(Aes128),
    Bits192(Aes192),
    Bits256(Aes256),
}

impl Aes {
    /// With a key of 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Result<Self, InvalidLength> {
        match key.len() {
            16 => Aes128::new_from_slice(key).map(Self::Bits128),
            24 => Aes192::new_from_slice(key).map(Self::Bits192),
            _ => Aes256::new_from_slice(key).map(Self::Bits256),
        }
    }

    /// Splits the name of an algorithm, such as `aes-192-cbc`, into the bytes of its key and what it does with it.
    pub(super) fn name(algorithm: &str) -> Option<(usize, &str)> {
        let (bits, mode) = algorithm.strip_prefix("aes-")?.split_once('-')?;
        let bytes = match bits {
            "128" => 16,
            "192" => 24,
            "256" => 32,
            _ => return None,
        };
        Some((bytes, mode))
    }
}

impl BlockSizeUser for Aes {
    type BlockSize = U16;
}

impl BlockCipher for Aes {}

impl BlockEncrypt for Aes {
    fn encrypt_with_backend(&self, closure: impl BlockClosure<BlockSize = U16>) {
        match self {
            Self::Bits128(aes) => aes.encrypt_with_backend(closure),
            Self::Bits192(aes) => aes.encrypt_with_backend(closure),
            Self::Bits256(aes) => aes.encrypt_with_backend(closure),
        }
    }
}

impl BlockDecrypt for Aes {
    fn decrypt_with_backend(&self, closure: impl BlockClosure<BlockSize = U16>) {
        match self {
            Self::Bits128(aes) => aes.decrypt_with_backend(closure),
            Self::Bits192(aes) => aes.decrypt_with_backend(closure),
            Self::Bits256(aes) => aes.decrypt_with_backend(closure),
        }
    }
}
