//! Ciphers without authentication, piece by piece, for devices that speak them.
//!
//! It promises nothing about what it decrypts, and pads nothing: a wrong padding is the guest's to notice, and to say
//! nothing about.

use std::fmt;

use chacha20::ChaCha20;
use cipher::{
    BlockDecrypt as _, BlockDecryptMut as _, BlockEncrypt as _, BlockEncryptMut as _, InnerIvInit as _, KeyIvInit as _,
    StreamCipher, StreamCipherCoreWrapper, StreamCipherSeek as _, generic_array::GenericArray, inout::InOutBuf,
};
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::{
    MESSAGE,
    block::{Aes, BLOCK},
    check_length,
};
use crate::component::{
    bindings::igloo::crypto::{
        cipher::{Host, HostRunning},
        types::ErrorCode,
    },
    state::State,
};

/// Bytes of a key of ChaCha20.
const CHACHA20_KEY: usize = 32;
/// Bytes of a block of ChaCha20.
const CHACHA20_BLOCK: u64 = 64;

/// A step of a cipher: replaces a piece by what it becomes. False if the key stream is used up.
type Step = Box<dyn FnMut(&mut [u8]) -> bool + Send>;

/// A message on its way.
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct Running {
    step: Step,
    /// What a piece's length is a multiple of.
    unit: usize,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("unit", &self.unit).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Encrypt,
    Decrypt,
}

impl Running {
    fn start(algorithm: &str, key: &[u8], iv: &[u8], direction: Direction) -> Result<Self, ErrorCode> {
        if algorithm == "chacha20" {
            let key = check_key(key, CHACHA20_KEY)?;
            return Ok(Self { step: chacha20(key, check_iv(iv)?), unit: 1 });
        }
        let (length, mode) = Aes::name(algorithm).ok_or(ErrorCode::Unsupported)?;
        let aes = |key| Aes::new(check_key(key, length)?).map_err(|why| ErrorCode::InvalidKey(why.to_string()));
        let (encrypt, unit) = (direction == Direction::Encrypt, if matches!(mode, "ecb" | "cbc") { BLOCK } else { 1 });
        let step = match mode {
            "ecb" if !iv.is_empty() => {
                return Err(ErrorCode::InvalidArgument("ecb has no initialization vector".to_owned()));
            }
            "ecb" => ecb(aes(key)?, encrypt),
            "cbc" => cbc(aes(key)?, check_iv(iv)?, encrypt),
            "ctr" => stream(ctr::Ctr128BE::from_core(ctr::CtrCore::inner_iv_init(aes(key)?, check_iv(iv)?.into()))),
            "ofb" => {
                stream(StreamCipherCoreWrapper::from_core(ofb::OfbCore::inner_iv_init(aes(key)?, check_iv(iv)?.into())))
            }
            "cfb" => cfb(aes(key)?, check_iv(iv)?, encrypt),
            "cfb8" => cfb8(aes(key)?, check_iv(iv)?, encrypt),
            _ => return Err(ErrorCode::Unsupported),
        };
        Ok(Self { step, unit })
    }

    fn update(&mut self, mut piece: Vec<u8>) -> Result<Vec<u8>, ErrorCode> {
        check_length(&piece, MESSAGE)?;
        if !piece.len().is_multiple_of(self.unit) {
            let why = format!("a piece is a multiple of {} bytes, not {}", self.unit, piece.len());
            return Err(ErrorCode::InvalidArgument(why));
        }
        if (self.step)(&mut piece) { Ok(piece) } else { Err(ErrorCode::Limit) }
    }
}

fn check_key(key: &[u8], length: usize) -> Result<&[u8], ErrorCode> {
    if key.len() == length {
        Ok(key)
    } else {
        Err(ErrorCode::InvalidKey(format!("a key has {length} bytes, not {}", key.len())))
    }
}

fn check_iv(iv: &[u8]) -> Result<&[u8; BLOCK], ErrorCode> {
    iv.try_into().map_err(|_| {
        ErrorCode::InvalidArgument(format!("an initialization vector has {BLOCK} bytes, not {}", iv.len()))
    })
}

fn ecb(aes: Aes, encrypt: bool) -> Step {
    Box::new(move |piece| {
        let (blocks, _) = InOutBuf::from(piece).into_chunks();
        if encrypt {
            aes.encrypt_blocks_inout(blocks);
        } else {
            aes.decrypt_blocks_inout(blocks);
        }
        true
    })
}

fn cbc(aes: Aes, iv: &[u8; BLOCK], encrypt: bool) -> Step {
    if encrypt {
        let mut chain = cbc::Encryptor::inner_iv_init(aes, iv.into());
        Box::new(move |piece| {
            chain.encrypt_blocks_inout_mut(InOutBuf::from(piece).into_chunks().0);
            true
        })
    } else {
        let mut chain = cbc::Decryptor::inner_iv_init(aes, iv.into());
        Box::new(move |piece| {
            chain.decrypt_blocks_inout_mut(InOutBuf::from(piece).into_chunks().0);
            true
        })
    }
}

fn cfb(aes: Aes, iv: &[u8; BLOCK], encrypt: bool) -> Step {
    if encrypt {
        let mut chain = cfb_mode::BufEncryptor::inner_iv_init(aes, iv.into());
        Box::new(move |piece| {
            chain.encrypt(piece);
            true
        })
    } else {
        let mut chain = cfb_mode::BufDecryptor::inner_iv_init(aes, iv.into());
        Box::new(move |piece| {
            chain.decrypt(piece);
            true
        })
    }
}

/// Its blocks are single bytes.
fn cfb8(aes: Aes, iv: &[u8; BLOCK], encrypt: bool) -> Step {
    if encrypt {
        let mut chain = cfb8::Encryptor::inner_iv_init(aes, iv.into());
        Box::new(move |piece| {
            chain.encrypt_blocks_inout_mut(InOutBuf::from(piece).into_chunks().0);
            true
        })
    } else {
        let mut chain = cfb8::Decryptor::inner_iv_init(aes, iv.into());
        Box::new(move |piece| {
            chain.decrypt_blocks_inout_mut(InOutBuf::from(piece).into_chunks().0);
            true
        })
    }
}

/// The first four bytes of what OpenSSL calls its initialization vector are where the counter begins.
fn chacha20(key: &[u8], iv: &[u8; BLOCK]) -> Step {
    let [c0, c1, c2, c3, nonce @ ..] = *iv;
    let mut stream_cipher = ChaCha20::new(GenericArray::from_slice(key), &nonce.into());
    stream_cipher.seek(u64::from(u32::from_le_bytes([c0, c1, c2, c3])) * CHACHA20_BLOCK);
    stream(stream_cipher)
}

fn stream(mut cipher: impl StreamCipher + Send + 'static) -> Step {
    Box::new(move |piece| cipher.try_apply_keystream(piece).is_ok())
}

impl Host for State {}

impl HostRunning for State {
    fn encrypt(
        &mut self,
        algorithm: String,
        key: Vec<u8>,
        iv: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<Running>, ErrorCode>> {
        self.keep(Running::start(&algorithm, &Zeroizing::new(key), &iv, Direction::Encrypt))
    }

    fn decrypt(
        &mut self,
        algorithm: String,
        key: Vec<u8>,
        iv: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<Running>, ErrorCode>> {
        self.keep(Running::start(&algorithm, &Zeroizing::new(key), &iv, Direction::Decrypt))
    }

    fn update(&mut self, running: Resource<Running>, piece: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.get_mut(&running)?.update(piece))
    }

    fn drop(&mut self, running: Resource<Running>) -> wasmtime::Result<()> {
        self.keys.delete(running)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::{super::bytes, *};

    const IV: &str = "000102030405060708090a0b0c0d0e0f";
    const COUNTER: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
    /// NIST SP 800-38A, appendix F: the plaintext of every example.
    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    const KEYS: [&str; 3] = [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
    ];
    /// Each algorithm's first block of ciphertext, from the same appendix: F.1 to F.5.
    const KNOWN: [(&str, &str, &str, &str); 15] = [
        ("aes-128-ecb", KEYS[0], "", "3ad77bb40d7a3660a89ecaf32466ef97"),
        ("aes-192-ecb", KEYS[1], "", "bd334f1d6e45f25ff712a214571fa5cc"),
        ("aes-256-ecb", KEYS[2], "", "f3eed1bdb5d2a03c064b5a7e3db181f8"),
        ("aes-128-cbc", KEYS[0], IV, "7649abac8119b246cee98e9b12e9197d"),
        ("aes-192-cbc", KEYS[1], IV, "4f021db243bc633d7178183a9fa071e8"),
        ("aes-256-cbc", KEYS[2], IV, "f58c4c04d6e5f1ba779eabfb5f7bfbd6"),
        ("aes-128-cfb", KEYS[0], IV, "3b3fd92eb72dad20333449f8e83cfb4a"),
        ("aes-192-cfb", KEYS[1], IV, "cdc80d6fddf18cab34c25909c99a4174"),
        ("aes-256-cfb", KEYS[2], IV, "dc7e84bfda79164b7ecd8486985d3860"),
        ("aes-128-ofb", KEYS[0], IV, "3b3fd92eb72dad20333449f8e83cfb4a"),
        ("aes-192-ofb", KEYS[1], IV, "cdc80d6fddf18cab34c25909c99a4174"),
        ("aes-256-ofb", KEYS[2], IV, "dc7e84bfda79164b7ecd8486985d3860"),
        ("aes-128-ctr", KEYS[0], COUNTER, "874d6191b620e3261bef6864990db6ce"),
        ("aes-192-ctr", KEYS[1], COUNTER, "1abc932417521ca24f2b0459fe7e6e0b"),
        ("aes-256-ctr", KEYS[2], COUNTER, "601ec313775789a5b7a7f504bbf3d228"),
    ];

    fn run(algorithm: &str, key: &[u8], iv: &[u8], direction: Direction, text: &[u8]) -> Vec<u8> {
        Running::start(algorithm, key, iv, direction).unwrap().update(text.to_vec()).unwrap()
    }

    #[test]
    fn known_answers() {
        for (algorithm, key, iv, first) in KNOWN {
            let (key, iv) = (bytes(key), bytes(iv));
            let sealed = run(algorithm, &key, &iv, Direction::Encrypt, &bytes(PLAIN));
            assert_eq!(sealed[..BLOCK], bytes(first), "{algorithm}");
            assert_eq!(run(algorithm, &key, &iv, Direction::Decrypt, &sealed), bytes(PLAIN), "{algorithm}");
        }
        // F.3.7.
        let sealed = run("aes-128-cfb8", &bytes(KEYS[0]), &bytes(IV), Direction::Encrypt, &bytes(PLAIN));
        assert_eq!(sealed[..18], bytes("3b79424c9c0dd436bace9e0ed4586a4f32b9"));
        // RFC 8439, 2.4.2: the counter is 1.
        let key: Vec<u8> = (0..32).collect();
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                     sunscreen would be it.";
        let sealed = run("chacha20", &key, &bytes("01000000000000000000004a00000000"), Direction::Encrypt, text);
        assert_eq!(sealed[..16], bytes("6e2e359a2568f98041ba0728dd0d6981"));
        assert_eq!(sealed[112..], bytes("874d"));
    }

    #[test]
    fn openssl_says_the_same() {
        let text: Vec<u8> = (0..4096_u32).map(|n| ((n * 31) >> 3) as u8).collect();
        let names =
            KNOWN.map(|(algorithm, ..)| algorithm).into_iter().chain(["aes-128-cfb8", "aes-256-cfb8", "chacha20"]);
        for algorithm in names {
            let key: Vec<u8> = (0..Aes::name(algorithm).map_or(CHACHA20_KEY, |(length, _)| length) as u8).collect();
            let iv: Vec<u8> = if algorithm.ends_with("ecb") { Vec::new() } else { (0xf0..=0xff).collect() };
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let mut openssl = Command::new("openssl");
            openssl.args(["enc", &format!("-{algorithm}"), "-nopad", "-K", &hex(&key)]);
            if !iv.is_empty() {
                openssl.args(["-iv", &hex(&iv)]);
            }
            let mut child = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(&text).unwrap();
            let theirs = child.wait_with_output().unwrap().stdout;
            assert!(theirs == run(algorithm, &key, &iv, Direction::Encrypt, &text), "{algorithm}");
        }
    }

    #[test]
    fn pieces_are_the_whole() {
        let text: Vec<u8> = (0..=255).cycle().take(960).collect();
        for (algorithm, key, iv, _) in
            KNOWN.into_iter().chain([("aes-128-cfb8", KEYS[0], IV, ""), ("chacha20", KEYS[2], IV, "")])
        {
            let (key, iv) = (bytes(key), bytes(iv));
            let whole = run(algorithm, &key, &iv, Direction::Encrypt, &text);
            for direction in [Direction::Encrypt, Direction::Decrypt] {
                let mut running = Running::start(algorithm, &key, &iv, direction).unwrap();
                let (from, to) = if direction == Direction::Encrypt { (&text, &whole) } else { (&whole, &text) };
                let (mut pieces, mut at, mut length) = (Vec::new(), 0, 0);
                while at < from.len() {
                    let end = (at + length * running.unit).min(from.len());
                    pieces.extend(running.update(from[at..end].to_vec()).unwrap());
                    (at, length) = (end, (length + 1) % 7);
                }
                assert_eq!(&pieces, to, "{algorithm}");
            }
        }
    }

    #[test]
    fn any_length_is_taken_or_refused() {
        for (algorithm, key, iv, _) in KNOWN.into_iter().chain([("chacha20", KEYS[2], IV, "")]) {
            let (key, iv) = (bytes(key), bytes(iv));
            for length in 0..64 {
                let with_key = Running::start(algorithm, &vec![1; length], &iv, Direction::Encrypt);
                assert_eq!(with_key.is_ok(), length == key.len(), "{algorithm} {length}");
                let with_iv = Running::start(algorithm, &key, &vec![1; length], Direction::Decrypt);
                assert_eq!(with_iv.is_ok(), length == iv.len(), "{algorithm} {length}");
                let mut running = Running::start(algorithm, &key, &iv, Direction::Decrypt).unwrap();
                let updated = running.update(vec![1; length]);
                assert_eq!(updated.is_ok(), length.is_multiple_of(running.unit), "{algorithm} {length}");
            }
            let mut running = Running::start(algorithm, &key, &iv, Direction::Encrypt).unwrap();
            assert_eq!(running.update(vec![1; MESSAGE]).unwrap().len(), MESSAGE);
            assert_eq!(running.update(vec![1; MESSAGE + BLOCK]), Err(ErrorCode::Limit));
        }
        for unknown in ["", "aes", "aes-", "aes-128", "aes-128-", "aes-64-cbc", "aes-128-xts", "AES-128-CBC", "rot13"] {
            let started = Running::start(unknown, &[0; 16], &[0; 16], Direction::Encrypt);
            assert!(matches!(started, Err(ErrorCode::Unsupported)), "{unknown}");
        }
    }

    #[test]
    fn a_used_up_key_stream_is_a_limit() {
        let iv = bytes("feffffff000000000000000000000000");
        let mut running = Running::start("chacha20", &[1; 32], &iv, Direction::Encrypt).unwrap();
        let room = (0..8).take_while(|_| running.update(vec![0; 64]).is_ok()).count();
        assert!((1..=2).contains(&room), "{room}");
        assert_eq!(running.update(vec![0; 64]), Err(ErrorCode::Limit));
    }
}
