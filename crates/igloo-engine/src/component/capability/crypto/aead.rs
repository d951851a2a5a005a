//! Authenticated encryption: ring's, which TLS uses; and what devices speak beside it.

use aes_gcm::AesGcm;
use ccm::{
    Ccm,
    aead::{self, AeadInPlace, generic_array::GenericArray},
    consts::{U4, U6, U7, U8, U9, U10, U11, U12, U13, U14, U15, U16},
};
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::{MESSAGE, SMALL, block::Aes, check_length};
use crate::component::{
    bindings::igloo::crypto::{
        aead::{Host, HostKey},
        types::ErrorCode,
    },
    state::State,
};

/// Bytes of a tag, unless the algorithm's name says others.
const TAG: usize = 16;

/// A key. That no nonce is used twice is the guest's care: only it knows its protocol.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct AeadKey(Kind);

#[expect(clippy::large_enum_variant, reason = "the table has each in a box of its own")]
enum Kind {
    Ring(LessSafeKey),
    /// With the bytes of its tags.
    Gcm(Box<Aes>, usize),
    Ccm(Box<Aes>, usize),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ring(key) => key.fmt(f),
            Self::Gcm(_, tag) => f.debug_tuple("Gcm").field(tag).finish_non_exhaustive(),
            Self::Ccm(_, tag) => f.debug_tuple("Ccm").field(tag).finish_non_exhaustive(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Seal,
    Open,
}

impl AeadKey {
    fn import(algorithm: &str, raw: &[u8]) -> Result<Self, ErrorCode> {
        let in_ring: Option<&'static Algorithm> = match algorithm {
            "aes-128-gcm" => Some(&AES_128_GCM),
            "aes-256-gcm" => Some(&AES_256_GCM),
            "chacha20-poly1305" => Some(&CHACHA20_POLY1305),
            _ => None,
        };
        let wrong = |length| move |_| ErrorCode::InvalidKey(format!("a key has {length} bytes, not {}", raw.len()));
        if let Some(algorithm) = in_ring {
            let key = UnboundKey::new(algorithm, raw).map_err(|_| wrong(algorithm.key_len())(()))?;
            return Ok(Self(Kind::Ring(LessSafeKey::new(key))));
        }
        let (length, name) = Aes::name(algorithm).ok_or(ErrorCode::Unsupported)?;
        let (mode, tag) = name.split_once('-').unwrap_or((name, "16"));
        let kind = match (mode, tag) {
            ("gcm", "12" | "13" | "14" | "15" | "16") => Kind::Gcm as fn(_, _) -> _,
            ("ccm", "4" | "6" | "8" | "10" | "12" | "14" | "16") => Kind::Ccm,
            _ => return Err(ErrorCode::Unsupported),
        };
        let tag = tag.parse().map_err(|_| ErrorCode::Unsupported)?;
        if raw.len() != length {
            return Err(wrong(length)(()));
        }
        let aes = Aes::new(raw).map_err(|_| wrong(length)(()))?;
        Ok(Self(kind(Box::new(aes), tag)))
    }

    fn seal(&self, nonce: &[u8], additional: &[u8], mut text: Vec<u8>) -> Result<Vec<u8>, ErrorCode> {
        check(additional, &text, MESSAGE)?;
        let Kind::Ring(key) = &self.0 else {
            self.other(nonce, additional, &mut text, Direction::Seal)?;
            return Ok(text);
        };
        let tag = key.seal_in_place_separate_tag(twelve(nonce)?, Aad::from(additional), &mut text);
        text.extend_from_slice(tag.map_err(|_| ErrorCode::Limit)?.as_ref());
        Ok(text)
    }

    fn open(&self, nonce: &[u8], additional: &[u8], mut text: Vec<u8>) -> Result<Vec<u8>, ErrorCode> {
        check(additional, &text, MESSAGE + TAG)?;
        let Kind::Ring(key) = &self.0 else {
            self.other(nonce, additional, &mut text, Direction::Open)?;
            return Ok(text);
        };
        let opened = key.open_in_place(twelve(nonce)?, Aad::from(additional), &mut text);
        let length = opened.map_err(|_| ErrorCode::Refused)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// What ring has not.
    fn other(
        &self,
        nonce: &[u8],
        additional: &[u8],
        text: &mut Vec<u8>,
        direction: Direction,
    ) -> Result<(), ErrorCode> {
        let call = Call { nonce, additional, text, direction };
        match &self.0 {
            Kind::Gcm(aes, tag) => {
                twelve(nonce)?;
                match tag {
                    12 => call.on(&AesGcm::<Aes, U12, U12>::from(Aes::clone(aes))),
                    13 => call.on(&AesGcm::<Aes, U12, U13>::from(Aes::clone(aes))),
                    14 => call.on(&AesGcm::<Aes, U12, U14>::from(Aes::clone(aes))),
                    15 => call.on(&AesGcm::<Aes, U12, U15>::from(Aes::clone(aes))),
                    _ => call.on(&AesGcm::<Aes, U12, U16>::from(Aes::clone(aes))),
                }
            }
            Kind::Ccm(aes, tag) => match tag {
                4 => call.ccm::<U4>(aes),
                6 => call.ccm::<U6>(aes),
                8 => call.ccm::<U8>(aes),
                10 => call.ccm::<U10>(aes),
                12 => call.ccm::<U12>(aes),
                14 => call.ccm::<U14>(aes),
                _ => call.ccm::<U16>(aes),
            },
            Kind::Ring(_) => Err(ErrorCode::Unsupported),
        }
    }
}

/// One sealing or opening.
struct Call<'a> {
    nonce: &'a [u8],
    additional: &'a [u8],
    text: &'a mut Vec<u8>,
    direction: Direction,
}

impl Call<'_> {
    /// CCM with this tag; the nonce's length says which.
    fn ccm<Tag: ccm::TagSize + aead::generic_array::ArrayLength<u8>>(self, aes: &Aes) -> Result<(), ErrorCode> {
        let nonce = self.nonce.len();
        // RFC 3610, 2: what the nonce leaves of a block counts the message's bytes.
        let most = 1_usize.checked_shl(8 * (15 - nonce.min(15)) as u32).filter(|most| *most > 0);
        let length =
            self.text.len() - if self.direction == Direction::Open { Tag::USIZE.min(self.text.len()) } else { 0 };
        if (7..=13).contains(&nonce) && most.is_some_and(|most| length >= most) {
            return Err(ErrorCode::Limit);
        }
        match nonce {
            7 => self.on(&Ccm::<Aes, Tag, U7>::from(aes.clone())),
            8 => self.on(&Ccm::<Aes, Tag, U8>::from(aes.clone())),
            9 => self.on(&Ccm::<Aes, Tag, U9>::from(aes.clone())),
            10 => self.on(&Ccm::<Aes, Tag, U10>::from(aes.clone())),
            11 => self.on(&Ccm::<Aes, Tag, U11>::from(aes.clone())),
            12 => self.on(&Ccm::<Aes, Tag, U12>::from(aes.clone())),
            13 => self.on(&Ccm::<Aes, Tag, U13>::from(aes.clone())),
            _ => Err(ErrorCode::InvalidArgument(format!("a nonce has 7 to 13 bytes, not {nonce}"))),
        }
    }

    /// With a nonce whose length was checked.
    fn on<A: AeadInPlace>(self, key: &A) -> Result<(), ErrorCode> {
        let nonce = GenericArray::from_slice(self.nonce);
        match self.direction {
            Direction::Seal => {
                let tag = key.encrypt_in_place_detached(nonce, self.additional, self.text);
                self.text.extend_from_slice(&tag.map_err(|_| ErrorCode::Limit)?);
                Ok(())
            }
            Direction::Open => {
                let tag_size = GenericArray::<u8, A::TagSize>::default().len();
                let end = self.text.len().checked_sub(tag_size).ok_or(ErrorCode::Refused)?;
                let tag = GenericArray::clone_from_slice(&self.text[end..]);
                self.text.truncate(end);
                key.decrypt_in_place_detached(nonce, self.additional, self.text, &tag).map_err(|_| ErrorCode::Refused)
            }
        }
    }
}

fn check(additional: &[u8], text: &[u8], limit: usize) -> Result<(), ErrorCode> {
    check_length(text, limit)?;
    check_length(additional, SMALL)
}

fn twelve(nonce: &[u8]) -> Result<Nonce, ErrorCode> {
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
    const KNOWN: [(&str, [&str; 5]); 9] = [
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
        // McGrew and Viega, test case 10; and with what NIST SP 800-38D, 5.2.1.2, makes of its tag.
        ("aes-192-gcm", GCM_192),
        (
            "aes-192-gcm-12",
            [
                GCM_192[0],
                GCM_192[1],
                GCM_192[2],
                GCM_192[3],
                "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718\
                 e2448b2fe324d9ccda27102519498e80f1478f37ba55bd",
            ],
        ),
        // NIST SP 800-38C, examples 1 to 3.
        (
            "aes-128-ccm-4",
            ["404142434445464748494a4b4c4d4e4f", "10111213141516", "0001020304050607", "20212223", "7162015b4dac255d"],
        ),
        (
            "aes-128-ccm-6",
            [
                "404142434445464748494a4b4c4d4e4f",
                "1011121314151617",
                "000102030405060708090a0b0c0d0e0f",
                "202122232425262728292a2b2c2d2e2f",
                "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
            ],
        ),
        (
            "aes-128-ccm-8",
            [
                "404142434445464748494a4b4c4d4e4f",
                "101112131415161718191a1b",
                "000102030405060708090a0b0c0d0e0f10111213",
                "202122232425262728292a2b2c2d2e2f3031323334353637",
                "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
            ],
        ),
        // RFC 3610, 8: packet vector 1.
        (
            "aes-128-ccm-8",
            [
                "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
                "00000003020100a0a1a2a3a4a5",
                "0001020304050607",
                "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
                "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
            ],
        ),
    ];

    const GCM_192: [&str; 5] = [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
         b16aedf5aa0de657ba637b39",
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718\
         e2448b2fe324d9ccda27102519498e80f1478f37ba55bd6d27618c",
    ];

    /// Bytes of an algorithm's tags.
    fn tag(algorithm: &str) -> usize {
        algorithm.rsplit('-').next().unwrap().parse().unwrap_or(TAG)
    }

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
                if algorithm.contains("ccm") && nonce.len() > 12 && length > 0xffff {
                    assert_eq!(key.seal(&nonce, &[], vec![5; length]), Err(ErrorCode::Limit));
                    continue;
                }
                let sealed = key.seal(&nonce, &[], vec![5; length]).unwrap();
                assert_eq!(sealed.len(), length + tag(algorithm));
                assert_eq!(key.open(&nonce, &[], sealed).unwrap(), vec![5; length]);
            }
            assert_eq!(key.seal(&nonce, &[], vec![5; MESSAGE + 1]), Err(ErrorCode::Limit));
            assert_eq!(key.open(&nonce, &[], vec![5; MESSAGE + TAG + 1]), Err(ErrorCode::Limit));
        }
    }

    #[test]
    fn every_name_and_every_nonce() {
        let tags =
            |mode: &str| if mode == "gcm" { [12, 13, 14, 15, 16].as_slice() } else { &[4, 6, 8, 10, 12, 14, 16] };
        for (bits, mode) in [128, 192, 256].into_iter().flat_map(|bits| ["gcm", "ccm"].map(|mode| (bits, mode))) {
            for tag in 0..20 {
                let name = format!("aes-{bits}-{mode}-{tag}");
                let Ok(key) = AeadKey::import(&name, &vec![1; bits / 8]) else {
                    assert!(!tags(mode).contains(&tag), "{name}");
                    continue;
                };
                assert!(tags(mode).contains(&tag), "{name}");
                for length in 0..20 {
                    let sealed = key.seal(&vec![2; length], b"more", b"text".to_vec());
                    let fits = if mode == "gcm" { length == 12 } else { (7..=13).contains(&length) };
                    assert_eq!(sealed.is_ok(), fits, "{name} {length}");
                    if let Ok(sealed) = sealed {
                        assert_eq!(sealed.len(), 4 + tag, "{name}");
                        assert_eq!(key.open(&vec![2; length], b"more", sealed).unwrap(), b"text", "{name}");
                    }
                }
            }
        }
        // ring's and the others' are the same.
        let ours = AeadKey::import("aes-256-gcm-16", &[3; 32]).unwrap().seal(&[4; 12], b"more", vec![5; 100]);
        assert_eq!(ours, AeadKey::import("aes-256-gcm", &[3; 32]).unwrap().seal(&[4; 12], b"more", vec![5; 100]));
        for name in ["", "aes-128", "aes-128-ccm-5", "aes-128-ccm-04", "aes-128-ccm-", "aes-128-gcm-4", "aes-128-eax"] {
            assert!(matches!(AeadKey::import(name, &[0; 16]), Err(ErrorCode::Unsupported)), "{name}");
        }
    }
}
