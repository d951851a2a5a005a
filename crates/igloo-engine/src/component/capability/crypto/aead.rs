//! Authenticated encryption.

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
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
        let key = UnboundKey::new(algorithm, raw).map_err(|_| {
            ErrorCode::InvalidKey(format!("a key has {} bytes, not {}", algorithm.key_len(), raw.len()))
        })?;
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

#[cfg(test)]
mod tests {
    use super::{super::bytes, *};

    /// An algorithm, and a known answer of it: key, nonce, additional data, plaintext, ciphertext with tag.
    const KNOWN: [(&str, [&str; 5]); 3] = [
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 4 and 16, which NIST took over.
        (
            "aes-128-gcm",
            [
                "feffe9928665731c6d6a8f9467308308",
                "cafebabefacedbaddecaf888",
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
                 b16aedf5aa0de657ba637b39",
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05\
                 1ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
            ],
        ),
        (
            "aes-256-gcm",
            [
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                "cafebabefacedbaddecaf888",
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
                 b16aedf5aa0de657ba637b39",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838\
                 c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
            ],
        ),
        // RFC 8439, 2.8.2.
        (
            "chacha20-poly1305",
            [
                "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
                "070000004041424344454647",
                "50515253c0c1c2c3c4c5c6c7",
                "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f\
                 756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e736372\
                 65656e20776f756c642062652069742e",
                "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a\
                 71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4\
                 def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
            ],
        ),
    ];

    #[test]
    fn known_answers() {
        for (algorithm, answer) in KNOWN {
            let [key, nonce, additional, plain, sealed] = answer.map(bytes);
            let key = AeadKey::import(algorithm, &key).unwrap();
            assert_eq!(key.seal(&nonce, &additional, plain.clone()).unwrap(), sealed, "{algorithm}");
            assert_eq!(key.open(&nonce, &additional, sealed).unwrap(), plain, "{algorithm}");
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        for (algorithm, answer) in KNOWN {
            let [key, nonce, additional, _, sealed] = answer.map(bytes);
            let key = AeadKey::import(algorithm, &key).unwrap();
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(key.open(&nonce, &additional, flipped), Err(ErrorCode::Refused), "{algorithm} {bit}");
            }
            for length in 0..sealed.len() {
                assert_eq!(key.open(&nonce, &additional, sealed[..length].to_vec()), Err(ErrorCode::Refused));
            }
        }
    }

    #[test]
    fn any_length_comes_back_or_is_refused() {
        for (algorithm, answer) in KNOWN {
            let [key, nonce, ..] = answer.map(bytes);
            for length in 0..64 {
                let imported = AeadKey::import(algorithm, &vec![1; length]);
                assert_eq!(imported.is_ok(), length == key.len(), "{algorithm} {length}");
            }
            let key = AeadKey::import(algorithm, &key).unwrap();
            for length in [0, 1, 15, 16, 17, 16_384, MESSAGE] {
                let sealed = key.seal(&nonce, &[], vec![5; length]).unwrap();
                assert_eq!(sealed.len(), length + TAG);
                assert_eq!(key.open(&nonce, &[], sealed).unwrap(), vec![5; length]);
            }
            assert_eq!(key.seal(&nonce, &[], vec![5; MESSAGE + 1]), Err(ErrorCode::Limit));
            assert_eq!(key.open(&nonce, &[], vec![5; MESSAGE + TAG + 1]), Err(ErrorCode::Limit));
        }
    }
}
