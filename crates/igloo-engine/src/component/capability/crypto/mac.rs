//! Authentication codes: CMAC with AES.

use cipher::{Block, BlockEncrypt as _};
use zeroize::Zeroizing;

use super::{
    MESSAGE,
    block::{Aes, BLOCK},
    check_length,
};
use crate::component::{
    bindings::igloo::crypto::{mac::Host, types::ErrorCode},
    state::State,
};

fn authenticate(algorithm: &str, key: &[u8], message: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    if algorithm != "aes-cmac" {
        return Err(ErrorCode::Unsupported);
    }
    check_length(message, MESSAGE)?;
    let aes =
        Aes::new(key).map_err(|_| ErrorCode::InvalidKey(format!("a key has 16, 24 or 32 bytes, not {}", key.len())))?;
    Ok(cmac(&aes, message).to_vec())
}

/// RFC 4493, section 2.4. (The crate `cmac` takes a feature of `digest` that would compile the runtime anew.)
fn cmac(aes: &Aes, message: &[u8]) -> Block<Aes> {
    let mut whole = Block::<Aes>::default();
    aes.encrypt_block(&mut whole);
    let whole = double(&whole);
    // The last block, whole or padded, is masked; an empty message has one too.
    let (before, last) = message.split_at(message.len().saturating_sub(1) / BLOCK * BLOCK);
    let mut end = if last.len() == BLOCK { whole } else { double(&whole) };
    xor(&mut end, last);
    if let Some(byte) = end.get_mut(last.len()) {
        *byte ^= 0x80;
    }
    let mut code = Block::<Aes>::default();
    for block in before.chunks(BLOCK).chain([&*end]) {
        xor(&mut code, block);
        aes.encrypt_block(&mut code);
    }
    code
}

/// Times x in GF(2^128), without a branch on what is secret.
fn double(block: &Block<Aes>) -> Block<Aes> {
    let number = u128::from_be_bytes((*block).into());
    let carry = (number >> 127) * 0x87;
    ((number << 1) ^ carry).to_be_bytes().into()
}

fn xor(block: &mut Block<Aes>, with: &[u8]) {
    block.iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
}

impl Host for State {
    fn authenticate(
        &mut self,
        algorithm: String,
        key: Vec<u8>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(authenticate(&algorithm, &Zeroizing::new(key), &message))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::bytes, *};

    const MESSAGE_64: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                              30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

    /// RFC 4493, section 4; and NIST SP 800-38B, examples D.2 and D.3, for longer keys.
    #[test]
    fn known_answers() {
        let keys = [
            "2b7e151628aed2a6abf7158809cf4f3c",
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        ];
        for (key, length, code) in [
            (0, 0, "bb1d6929e95937287fa37d129b756746"),
            (0, 16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (0, 40, "dfa66747de9ae63030ca32611497c827"),
            (0, 64, "51f0bebf7e3b9d92fc49741779363cfe"),
            (1, 0, "d17ddf46adaacde531cac483de7a9367"),
            (1, 16, "9e99a7bf31e710900662f65e617c5184"),
            (1, 64, "a1d5df0eed790f794d77589659f39a11"),
            (2, 0, "028962f61b7bf89efc6b551f4667d983"),
            (2, 16, "28a7023f452e8f82bd4bf28d8c37c35c"),
            (2, 64, "e1992190549f6ed5696a2c056c315410"),
        ] {
            let message = &bytes(MESSAGE_64)[..length];
            assert_eq!(authenticate("aes-cmac", &bytes(keys[key]), message).unwrap(), bytes(code), "{key} {length}");
        }
    }

    #[test]
    fn lengths_and_names() {
        for length in 0..64 {
            let ok = authenticate("aes-cmac", &vec![0; length], &[]).is_ok();
            assert_eq!(ok, matches!(length, 16 | 24 | 32), "{length}");
        }
        assert_eq!(authenticate("hmac", &[0; 16], &[]), Err(ErrorCode::Unsupported));
        assert_eq!(authenticate("aes-cmac", &[0; 16], &vec![0; MESSAGE + 1]), Err(ErrorCode::Limit));
        assert!(authenticate("aes-cmac", &[0; 16], &vec![0; MESSAGE]).is_ok());
    }
}
