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

use super::{MESSAGE, SMALL, check_length, static_key::StaticKey};
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

    fn import_raw(algorithm: &str, raw: Zeroizing<Vec<u8>>) -> Result<Self, ErrorCode> {
        check_length(&raw, SMALL)?;
        let (curve, group, name) = match algorithm {
            ED25519 => {
                let key = Ed25519KeyPair::from_seed_unchecked(&raw);
                return key.map(|key| Self(Kind::Ed25519(key))).map_err(|_| invalid("a seed has 32 bytes"));
            }
            P256 => (&ECDSA_P256_SHA256_ASN1_SIGNING, "p256", P256),
            P384 => (&ECDSA_P384_SHA384_ASN1_SIGNING, "p384", P384),
            _ => return Err(ErrorCode::Unsupported),
        };
        let key = StaticKey::import(group, raw)?;
        EcdsaKeyPair::from_private_key_and_public_key(curve, key.secret(), key.public(), &SystemRandom::new())
            .map(|key| Self(Kind::Ecdsa(key, name)))
            .map_err(|why| invalid(&why.to_string()))
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
const P384_IDENTIFIER: &[u8] =
    &[0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

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

    fn import_raw(
        &mut self,
        algorithm: String,
        raw: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<SigningKey>, ErrorCode>> {
        self.keep(SigningKey::import_raw(&algorithm, Zeroizing::new(raw)))
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

#[cfg(test)]
mod tests {
    use super::{super::bytes, *};

    /// Algorithm, public key, message, signature.
    const KNOWN: [(&str, [&str; 3]); 2] = [
        // RFC 8032, 7.1, test 2.
        (
            "ed25519",
            [
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
                 387b2eaeb4302aeeb00d291612bb0c00",
            ],
        ),
        // RFC 6979, A.2.5, "sample"; its r and s as ASN.1.
        (
            "ecdsa-p256-sha256",
            [
                "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64\
                 f2f1b20c2d7e9f5177a3c294d4462299",
                "73616d706c65",
                "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c942d657c41d4\
                 36c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            ],
        ),
    ];

    #[test]
    fn known_signatures_and_no_others() {
        for (algorithm, answer) in KNOWN {
            let [key, message, signature] = answer.map(bytes);
            verify(algorithm, &key, &message, &signature).unwrap();
            assert_eq!(verify(algorithm, &key, b"another", &signature), Err(ErrorCode::Refused));
            for byte in 0..signature.len() {
                let mut changed = signature.clone();
                changed[byte] ^= 0x10;
                assert_eq!(verify(algorithm, &key, &message, &changed), Err(ErrorCode::Refused), "{algorithm} {byte}");
                assert_eq!(verify(algorithm, &key, &message, &signature[..byte]), Err(ErrorCode::Refused));
            }
            for length in (0..200).filter(|length| *length != key.len()) {
                assert_eq!(verify(algorithm, &vec![4; length], &message, &signature), Err(ErrorCode::Refused));
            }
        }
        assert_eq!(verify("md5", &[], &[], &[]), Err(ErrorCode::Unsupported));
    }

    #[test]
    fn private_keys_are_read_or_refused() {
        for format in ["pkcs8", "sec1", "pkcs1"] {
            for length in 0..300 {
                for fill in [0x00, 0x02, 0x30, 0xff] {
                    let imported = SigningKey::import(format, &vec![fill; length]);
                    assert!(matches!(imported, Err(ErrorCode::InvalidKey(_))), "{format} {length} {fill:x}");
                }
            }
            assert!(matches!(SigningKey::import(format, &[0; SMALL + 1]), Err(ErrorCode::Limit)));
        }
    }

    /// RFC 8032, 7.1, test 2, with the key as RFC 8410 has it: nothing random is in it.
    #[test]
    fn a_known_key_signs_as_it_is_known_to() {
        let der =
            bytes("302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SigningKey::import("pkcs8", &der).unwrap();
        let [public, message, signature] = KNOWN[0].1.map(bytes);
        assert_eq!((key.public_key(), key.algorithms()), (&*public, vec!["ed25519".to_owned()]));
        assert_eq!(key.sign("ed25519", &message).unwrap(), signature);
        assert_eq!(key.sign("rsa-pss-sha256", &message), Err(ErrorCode::Unsupported));
        assert_eq!(key.sign("ed25519", &vec![0; MESSAGE + 1]), Err(ErrorCode::Limit));
    }

    /// RFC 8032, 7.1, test 2; and RFC 6979, A.2.5 and A.2.6, whose public keys these are.
    #[test]
    fn bare_secrets_are_keys() {
        let import = |algorithm: &str, raw: &str| SigningKey::import_raw(algorithm, Zeroizing::new(bytes(raw)));
        let key = import(ED25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
        let [public, message, signature] = KNOWN[0].1.map(bytes);
        assert_eq!((key.public_key(), key.sign(ED25519, &message).unwrap()), (&*public, signature));
        for (algorithm, secret, public) in [
            (
                P256,
                "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
                "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64\
                 f2f1b20c2d7e9f5177a3c294d4462299",
            ),
            (
                P384,
                "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
                "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13\
                 8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
            ),
        ] {
            let key = import(algorithm, secret).unwrap();
            assert_eq!((key.public_key(), key.algorithms()), (&*bytes(public), vec![algorithm.to_owned()]));
            let signature = key.sign(algorithm, b"sample").unwrap();
            verify(algorithm, &bytes(public), b"sample", &signature).unwrap();
            assert!(matches!(import(algorithm, &"00".repeat(secret.len() / 2)), Err(ErrorCode::InvalidKey(_))));
        }
        for length in (0..100).filter(|length| *length != 32) {
            assert!(matches!(import(ED25519, &"01".repeat(length)), Err(ErrorCode::InvalidKey(_))), "{length}");
        }
        assert!(matches!(import("rsa-pss-sha256", "01"), Err(ErrorCode::Unsupported)));
    }

    #[test]
    fn lengths_of_der() {
        assert_eq!(der(4, &[&[1; 3]])[..2], [4, 3]);
        assert_eq!(der(4, &[&[1; 0x7f]])[..2], [4, 0x7f]);
        assert_eq!(der(4, &[&[1; 0x80]])[..3], [4, 0x81, 0x80]);
        assert_eq!(der(4, &[&[1; 0x100]])[..4], [4, 0x82, 1, 0]);
        assert_eq!(der(4, &[&[1; SMALL]]).len(), SMALL + 4);
    }
}
