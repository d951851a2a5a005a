//! Signatures: checked with a public key, made with a private one that never leaves.

use ring::{
    rand::SystemRandom,
    signature::{
        self, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RsaEncoding, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::{MESSAGE, SMALL, check_length};
use crate::component::{
    bindings::igloo::crypto::{
        signature::{Host, HostSigningKey},
        types::ErrorCode,
    },
    state::State,
};

const P256: &str = "ecdsa-p256-sha256";
const P384: &str = "ecdsa-p384-sha384";
const ED25519: &str = "ed25519";
/// What RSA keys sign with, the strongest first.
const RSA: [(&str, &dyn RsaEncoding); 6] = [
    ("rsa-pss-sha512", &signature::RSA_PSS_SHA512),
    ("rsa-pss-sha384", &signature::RSA_PSS_SHA384),
    ("rsa-pss-sha256", &signature::RSA_PSS_SHA256),
    ("rsa-pkcs1-sha512", &signature::RSA_PKCS1_SHA512),
    ("rsa-pkcs1-sha384", &signature::RSA_PKCS1_SHA384),
    ("rsa-pkcs1-sha256", &signature::RSA_PKCS1_SHA256),
];

fn verify(algorithm: &str, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
    let algorithm: &dyn VerificationAlgorithm = match algorithm {
        P256 => &signature::ECDSA_P256_SHA256_ASN1,
        "ecdsa-p256-sha384" => &signature::ECDSA_P256_SHA384_ASN1,
        "ecdsa-p384-sha256" => &signature::ECDSA_P384_SHA256_ASN1,
        P384 => &signature::ECDSA_P384_SHA384_ASN1,
        ED25519 => &signature::ED25519,
        "rsa-pkcs1-sha256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "rsa-pkcs1-sha384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "rsa-pkcs1-sha512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "rsa-pss-sha256" => &signature::RSA_PSS_2048_8192_SHA256,
        "rsa-pss-sha384" => &signature::RSA_PSS_2048_8192_SHA384,
        "rsa-pss-sha512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return Err(ErrorCode::Unsupported),
    };
    check_length(key, SMALL)?;
    check_length(message, MESSAGE)?;
    check_length(signature, SMALL)?;
    UnparsedPublicKey::new(algorithm, key).verify(message, signature).map_err(|_| ErrorCode::Refused)
}

/// A private key that signs.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct SigningKey(Kind);

#[derive(Debug)]
enum Kind {
    Rsa(RsaKeyPair),
    /// With the one algorithm of its curve.
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    fn import(format: &str, der: &[u8]) -> Result<Self, ErrorCode> {
        check_length(der, SMALL)?;
        match format {
            "pkcs8" => pkcs8(der),
            "sec1" => {
                let wrapped = [P256_IDENTIFIER, P384_IDENTIFIER].into_iter().find_map(|curve| {
                    let wrapped = Zeroizing::new(wrap_sec1(curve, der));
                    ecdsa(&wrapped)
                });
                wrapped.ok_or_else(|| invalid("not an EC key of P-256 or P-384, with its public key, in SEC 1's form"))
            }
            "pkcs1" => RsaKeyPair::from_der(der).map(Kind::Rsa).map_err(|why| invalid(&format!("an RSA key: {why}"))),
            _ => Err(ErrorCode::Unsupported),
        }
        .map(Self)
    }

    fn algorithms(&self) -> Vec<String> {
        match &self.0 {
            Kind::Rsa(_) => RSA.iter().map(|(name, _)| (*name).to_owned()).collect(),
            Kind::Ecdsa(_, name) => vec![(*name).to_owned()],
            Kind::Ed25519(_) => vec![ED25519.to_owned()],
        }
    }

    fn public_key(&self) -> &[u8] {
        match &self.0 {
            Kind::Rsa(key) => key.public_key().as_ref(),
            Kind::Ecdsa(key, _) => key.public_key().as_ref(),
            Kind::Ed25519(key) => key.public_key().as_ref(),
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Result<Vec<u8>, ErrorCode> {
        check_length(message, MESSAGE)?;
        let failed = |_| ErrorCode::Other(("failed".to_owned(), "the key could not sign".to_owned()));
        match &self.0 {
            Kind::Rsa(key) => {
                let (_, padding) =
                    RSA.into_iter().find(|(name, _)| *name == algorithm).ok_or(ErrorCode::Unsupported)?;
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Kind::Ecdsa(key, name) if *name == algorithm => {
                Ok(key.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec())
            }
            Kind::Ed25519(key) if algorithm == ED25519 => Ok(key.sign(message).as_ref().to_vec()),
            Kind::Ecdsa(..) | Kind::Ed25519(_) => Err(ErrorCode::Unsupported),
        }
    }
}

fn invalid(why: &str) -> ErrorCode {
    ErrorCode::InvalidKey(why.to_owned())
}

fn pkcs8(der: &[u8]) -> Result<Kind, ErrorCode> {
    if let Some(key) = ecdsa(der) {
        return Ok(key);
    }
    // OpenSSL leaves the public key out, so it cannot be compared.
    if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        return Ok(Kind::Ed25519(key));
    }
    match RsaKeyPair::from_pkcs8(der) {
        Ok(key) => Ok(Kind::Rsa(key)),
        Err(why) => Err(invalid(&format!("neither P-256, P-384 nor Ed25519, and as an RSA key: {why}"))),
    }
}

fn ecdsa(pkcs8: &[u8]) -> Option<Kind> {
    let random = SystemRandom::new();
    [(&ECDSA_P256_SHA256_ASN1_SIGNING, P256), (&ECDSA_P384_SHA384_ASN1_SIGNING, P384)]
        .into_iter()
        .find_map(|(curve, name)| Some(Kind::Ecdsa(EcdsaKeyPair::from_pkcs8(curve, pkcs8, &random).ok()?, name)))
}

/// `SEQUENCE { id-ecPublicKey, prime256v1 }`
const P256_IDENTIFIER: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// `SEQUENCE { id-ecPublicKey, secp384r1 }`
const P384_IDENTIFIER: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
];

/// A PKCS#8 around a SEC 1 key (RFC 5958, RFC 5915).
fn wrap_sec1(curve: &[u8], sec1: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    const OCTET_STRING: u8 = 0x04;
    const VERSION_0: [u8; 3] = [0x02, 0x01, 0x00];
    let key = Zeroizing::new(der(OCTET_STRING, &[sec1]));
    der(SEQUENCE, &[&VERSION_0, curve, &key])
}

/// One DER element. Its content is at most a little more than [`SMALL`], so two bytes hold its length.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 4);
    out.push(tag);
    let [.., high, low] = length.to_be_bytes();
    match length {
        0..=0x7f => out.push(low),
        0x80..=0xff => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    content.iter().for_each(|part| out.extend_from_slice(part));
    out
}

impl Host for State {
    fn verify(
        &mut self,
        algorithm: String,
        key: Vec<u8>,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        Ok(verify(&algorithm, &key, &message, &signature))
    }
}

impl HostSigningKey for State {
    fn import_der(
        &mut self,
        format: String,
        der: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<SigningKey>, ErrorCode>> {
        self.keep(SigningKey::import(&format, &Zeroizing::new(der)))
    }

    fn algorithms(&mut self, key: Resource<SigningKey>) -> wasmtime::Result<Vec<String>> {
        Ok(self.keys.get(&key)?.algorithms())
    }

    fn public_key(&mut self, key: Resource<SigningKey>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.keys.get(&key)?.public_key().to_vec())
    }

    fn sign(
        &mut self,
        key: Resource<SigningKey>,
        algorithm: String,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.get(&key)?.sign(&algorithm, &message))
    }

    fn drop(&mut self, key: Resource<SigningKey>) -> wasmtime::Result<()> {
        self.keys.delete(key)?;
        Ok(())
    }
}
