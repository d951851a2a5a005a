//! Authenticated encryption.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::{MESSAGE, SMALL, check_length};
use crate::component::{
    bindings::igloo::crypto::{
        aead::{Host, HostKey},
        types::ErrorCode,
    },
    state::State,
};

/// Bytes of every algorithm's tag.
const TAG: usize = 16;

/// A key. That no nonce is used twice is the guest's care: only it knows its protocol.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct AeadKey(LessSafeKey);

impl AeadKey {
    fn import(algorithm: &str, raw: &[u8]) -> Result<Self, ErrorCode> {
        let algorithm: &'static Algorithm = match algorithm {
            "aes-128-gcm" => &AES_128_GCM,
            "aes-256-gcm" => &AES_256_GCM,
            "chacha20-poly1305" => &CHACHA20_POLY1305,
            _ => return Err(ErrorCode::Unsupported),
        };
        let key = UnboundKey::new(algorithm, raw)
            .map_err(|_| ErrorCode::InvalidKey(format!("a key has {} bytes, not {}", algorithm.key_len(), raw.len())))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    fn seal(&self, nonce: &[u8], additional: &[u8], mut text: Vec<u8>) -> Result<Vec<u8>, ErrorCode> {
        let nonce = check(nonce, additional, &text, MESSAGE)?;
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(additional), &mut text);
        text.extend_from_slice(tag.map_err(|_| ErrorCode::Limit)?.as_ref());
        Ok(text)
    }

    fn open(&self, nonce: &[u8], additional: &[u8], mut text: Vec<u8>) -> Result<Vec<u8>, ErrorCode> {
        let nonce = check(nonce, additional, &text, MESSAGE + TAG)?;
        let opened = self.0.open_in_place(nonce, Aad::from(additional), &mut text);
        let length = opened.map_err(|_| ErrorCode::Refused)?.len();
        text.truncate(length);
        Ok(text)
    }
}

fn check(nonce: &[u8], additional: &[u8], text: &[u8], limit: usize) -> Result<Nonce, ErrorCode> {
    check_length(text, limit)?;
    check_length(additional, SMALL)?;
    Nonce::try_assume_unique_for_key(nonce)
        .map_err(|_| ErrorCode::InvalidArgument(format!("a nonce has {NONCE_LEN} bytes, not {}", nonce.len())))
}

impl Host for State {}

impl HostKey for State {
    fn import_raw(
        &mut self,
        algorithm: String,
        raw: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<AeadKey>, ErrorCode>> {
        self.keep(AeadKey::import(&algorithm, &Zeroizing::new(raw)))
    }

    fn seal(
        &mut self,
        key: Resource<AeadKey>,
        nonce: Vec<u8>,
        additional: Vec<u8>,
        plaintext: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.get(&key)?.seal(&nonce, &additional, plaintext))
    }

    fn open(
        &mut self,
        key: Resource<AeadKey>,
        nonce: Vec<u8>,
        additional: Vec<u8>,
        ciphertext: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.get(&key)?.open(&nonce, &additional, ciphertext))
    }

    fn drop(&mut self, key: Resource<AeadKey>) -> wasmtime::Result<()> {
        self.keys.delete(key)?;
        Ok(())
    }
}
