//! What no honest guest does with `igloo:crypto`, below the SDK: each answer is the name of an error.

use crate::Outcome;
use igloo::{
    __private::bindings::igloo::crypto::{
        aead::Key,
        agreement::{PrivateKey, StaticKey},
        cipher::Running,
        mac::authenticate,
        signature::{SigningKey, verify},
        types::ErrorCode,
    },
    json,
};

fn say<T>(result: Result<T, ErrorCode>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(ErrorCode::Unsupported) => "unsupported".to_owned(),
        Err(ErrorCode::InvalidKey(_)) => "invalid-key".to_owned(),
        Err(ErrorCode::InvalidArgument(_)) => "invalid-argument".to_owned(),
        Err(ErrorCode::Refused) => "refused".to_owned(),
        Err(ErrorCode::Limit) => "limit".to_owned(),
        Err(ErrorCode::Other((code, _))) => code,
    }
}

pub(crate) fn hostile() -> Outcome {
    let key = Key::import_raw("aes-128-gcm", &[7; 16]).map_err(|_| igloo::Error::new("no key"))?;
    let mut sealed = key.seal(&[0; 12], b"more", b"text").map_err(|_| igloo::Error::new("not sealed"))?;
    let opened = key.open(&[0; 12], b"more", &sealed);
    let wrong_additional = key.open(&[0; 12], b"less", &sealed);
    sealed[0] ^= 1;
    let (mut kept, mut refused) = (Vec::new(), "never".to_owned());
    for _ in 0..5000 {
        match Key::import_raw("aes-128-gcm", &[7; 16]) {
            Ok(key) => kept.push(key),
            Err(code) => {
                refused = say::<()>(Err(code));
                break;
            }
        }
    }
    let full = (say(PrivateKey::generate("x25519")), kept.len());
    drop(kept);
    let agree = |algorithm: &str, peer: &[u8]| {
        say(PrivateKey::generate(algorithm).and_then(|private| PrivateKey::agree(private, peer)))
    };
    let large = vec![0; (1 << 20) + 1];
    Ok(json!({
        "opened": opened.is_ok_and(|text| text == b"text"),
        "wrong_additional": say(wrong_additional),
        "tampered": say(key.open(&[0; 12], b"more", &sealed)),
        "no_tag": say(key.open(&[0; 12], b"", &[])),
        "short_nonce": say(key.seal(&[0; 11], b"", b"")),
        "no_nonce": say(key.seal(&[], b"", b"")),
        "empty": say(key.seal(&[0; 12], b"", b"")),
        "largest": say(key.seal(&[0; 12], b"", &large[1..])),
        "too_large": say(key.seal(&[0; 12], b"", &large)),
        "large_additional": say(key.seal(&[0; 12], &large, b"")),
        "unknown_aead": say(Key::import_raw("rot13", &[])),
        "short_key": say(Key::import_raw("aes-256-gcm", &[0; 16])),
        "keys": full.1,
        "too_many": refused,
        "too_many_of_another_kind": full.0,
        "after_dropping": say(PrivateKey::generate("x25519")),
        "unknown_group": say(PrivateKey::generate("p521")),
        "low_order": agree("x25519", &[0; 32]),
        "short_point": agree("x25519", &[9; 31]),
        "off_the_curve": agree("p256", &[4; 65]),
        "huge_point": agree("p256", &large),
        "unknown_signature": say(verify("dsa", &[], &[], &[])),
        "empty_signature": say(verify("ed25519", &[], &[], &[])),
        "huge_message": say(verify("ed25519", &[0; 32], &large, &[0; 64])),
        "huge_public_key": say(verify("rsa-pkcs1-sha256", &large, &[], &[0; 256])),
        "no_private_key": say(SigningKey::import_der("pkcs8", &[])),
        "garbage_private_key": say(SigningKey::import_der("sec1", &[0x30; 200])),
        "huge_private_key": say(SigningKey::import_der("pkcs1", &large)),
        "blocks": say(Running::encrypt("aes-128-cbc", &[7; 16], &[0; 16]).and_then(|running| running.update(&[0; 64]))),
        "half_a_block": say(Running::decrypt("aes-128-ecb", &[7; 16], &[]).and_then(|running| running.update(&[0; 8]))),
        "no_vector": say(Running::encrypt("aes-256-ctr", &[7; 32], &[])),
        "unknown_cipher": say(Running::encrypt("des-cbc", &[7; 8], &[0; 8])),
        "huge_piece": say(Running::encrypt("chacha20", &[7; 32], &[0; 16]).and_then(|running| running.update(&large))),
        "ccm": say(Key::import_raw("aes-128-ccm-4", &[7; 16]).and_then(|key| key.seal(&[0; 13], b"", b"text"))),
        "ccm_too_long": say(Key::import_raw("aes-128-ccm", &[7; 16]).and_then(|key| key.seal(&[0; 13], b"", &large[1..]))),
        "code": say(authenticate("aes-cmac", &[7; 16], b"text")),
        "unknown_code": say(authenticate("md5", &[7; 16], b"text")),
        "kept_key": kept_key(),
        "zero_scalar": say(StaticKey::import_raw("p256", &[0; 32])),
        "seed": say(SigningKey::import_raw("ed25519", &[7; 32]).and_then(|key| key.sign("ed25519", b"text"))),
        "short_seed": say(SigningKey::import_raw("ed25519", &[7; 31])),
        "unknown_format": say(SigningKey::import_der("jwk", b"{}")),
    }))
}

/// Whether a key that came out and in again agrees as it did.
fn kept_key() -> bool {
    let again = || {
        let (key, peer) = (StaticKey::generate("x25519")?, StaticKey::generate("x25519")?);
        let copy = StaticKey::import_raw("x25519", &key.export_raw())?;
        Ok::<_, ErrorCode>(key.agree(&peer.public_key())? == peer.agree(&copy.public_key())?)
    };
    again().unwrap_or_default()
}
