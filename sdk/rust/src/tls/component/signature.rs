//! Signatures: those of others are checked, and our own are made, in the hub.

use super::{Hub, error};
use crate::bindings::igloo::crypto::signature::{self as wit, SigningKey as Handle};
use rustls::{
    Error, SignatureAlgorithm, SignatureScheme,
    crypto::{KeyProvider, WebPkiSupportedAlgorithms},
    pki_types::{
        AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer,
        alg_id,
    },
    sign::{Signer, SigningKey, public_key_to_spki},
};
use std::sync::Arc;

/// How a signature is checked.
#[derive(Debug)]
struct Check {
    /// The hub's name of the algorithm.
    name: &'static str,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Check {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        wit::verify(self.name, key, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

const fn check(name: &'static str, key: AlgorithmIdentifier, signature: AlgorithmIdentifier) -> Check {
    Check { name, key, signature }
}

const P256_SHA256: Algorithm = &check("ecdsa-p256-sha256", alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
const P256_SHA384: Algorithm = &check("ecdsa-p256-sha384", alg_id::ECDSA_P256, alg_id::ECDSA_SHA384);
const P384_SHA256: Algorithm = &check("ecdsa-p384-sha256", alg_id::ECDSA_P384, alg_id::ECDSA_SHA256);
const P384_SHA384: Algorithm = &check("ecdsa-p384-sha384", alg_id::ECDSA_P384, alg_id::ECDSA_SHA384);
const ED25519: Algorithm = &check("ed25519", alg_id::ED25519, alg_id::ED25519);
const PSS_SHA256: Algorithm = &check("rsa-pss-sha256", alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256);
const PSS_SHA384: Algorithm = &check("rsa-pss-sha384", alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384);
const PSS_SHA512: Algorithm = &check("rsa-pss-sha512", alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512);
const PKCS1_SHA256: Algorithm = &check("rsa-pkcs1-sha256", alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256);
const PKCS1_SHA384: Algorithm = &check("rsa-pkcs1-sha384", alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384);
const PKCS1_SHA512: Algorithm = &check("rsa-pkcs1-sha512", alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512);

/// PKCS#1's identifiers without the NULL that belongs after them: RFC 4055 says to accept them.
const fn without_null(digest: &'static [u8; 11]) -> AlgorithmIdentifier {
    AlgorithmIdentifier::from_slice(digest)
}
const PKCS1_SHA256_SHORT: AlgorithmIdentifier =
    without_null(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]);
const PKCS1_SHA384_SHORT: AlgorithmIdentifier =
    without_null(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c]);
const PKCS1_SHA512_SHORT: AlgorithmIdentifier =
    without_null(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d]);

/// What certificates and handshakes may be signed with. In TLS 1.2 a scheme does not tell the curve.
pub(super) const ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        P256_SHA256,
        P256_SHA384,
        P384_SHA256,
        P384_SHA384,
        ED25519,
        PSS_SHA256,
        PSS_SHA384,
        PSS_SHA512,
        PKCS1_SHA256,
        PKCS1_SHA384,
        PKCS1_SHA512,
        &check("rsa-pkcs1-sha256", alg_id::RSA_ENCRYPTION, PKCS1_SHA256_SHORT),
        &check("rsa-pkcs1-sha384", alg_id::RSA_ENCRYPTION, PKCS1_SHA384_SHORT),
        &check("rsa-pkcs1-sha512", alg_id::RSA_ENCRYPTION, PKCS1_SHA512_SHORT),
    ],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[P384_SHA384, P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[P256_SHA256, P384_SHA256]),
        (SignatureScheme::ED25519, &[ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[PKCS1_SHA256]),
    ],
};

/// How TLS and how the hub name what a key signs with.
const SCHEMES: &[(SignatureScheme, &str)] = &[
    (SignatureScheme::ECDSA_NISTP256_SHA256, "ecdsa-p256-sha256"),
    (SignatureScheme::ECDSA_NISTP384_SHA384, "ecdsa-p384-sha384"),
    (SignatureScheme::ED25519, "ed25519"),
    (SignatureScheme::RSA_PSS_SHA512, "rsa-pss-sha512"),
    (SignatureScheme::RSA_PSS_SHA384, "rsa-pss-sha384"),
    (SignatureScheme::RSA_PSS_SHA256, "rsa-pss-sha256"),
    (SignatureScheme::RSA_PKCS1_SHA512, "rsa-pkcs1-sha512"),
    (SignatureScheme::RSA_PKCS1_SHA384, "rsa-pkcs1-sha384"),
    (SignatureScheme::RSA_PKCS1_SHA256, "rsa-pkcs1-sha256"),
];

impl KeyProvider for Hub {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let format = match &key {
            PrivateKeyDer::Pkcs8(_) => "pkcs8",
            PrivateKeyDer::Sec1(_) => "sec1",
            PrivateKeyDer::Pkcs1(_) => "pkcs1",
            _ => return Err(Error::General("a private key of a form that is not known".to_owned())),
        };
        let handle = Handle::import_der(format, key.secret_der()).map_err(|code| error("the private key", &code))?;
        let names = handle.algorithms();
        // The key's own order: the strongest first.
        let schemes: Vec<_> =
            names.iter().filter_map(|name| SCHEMES.iter().find(|(_, known)| known == name).copied()).collect();
        let Some((first, _)) = schemes.first() else {
            return Err(Error::General("a private key that cannot sign for TLS".to_owned()));
        };
        let (kind, identifier) = match *first {
            SignatureScheme::ECDSA_NISTP256_SHA256 => (SignatureAlgorithm::ECDSA, alg_id::ECDSA_P256),
            SignatureScheme::ECDSA_NISTP384_SHA384 => (SignatureAlgorithm::ECDSA, alg_id::ECDSA_P384),
            SignatureScheme::ED25519 => (SignatureAlgorithm::ED25519, alg_id::ED25519),
            _ => (SignatureAlgorithm::RSA, alg_id::RSA_ENCRYPTION),
        };
        Ok(Arc::new(Key(Arc::new(Shared { handle, kind, identifier, schemes }))))
    }
}

#[derive(Debug)]
struct Shared {
    handle: Handle,
    kind: SignatureAlgorithm,
    /// Of its public key.
    identifier: AlgorithmIdentifier,
    schemes: Vec<(SignatureScheme, &'static str)>,
}

/// A key in the hub.
#[derive(Debug)]
struct Key(Arc<Shared>);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let chosen = self.0.schemes.iter().find(|(scheme, _)| offered.contains(scheme))?;
        Some(Box::new(Chosen { key: self.0.clone(), scheme: chosen.0, name: chosen.1 }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(public_key_to_spki(&self.0.identifier, self.0.handle.public_key()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.kind
    }
}

/// A key with the scheme that both ends agreed on.
#[derive(Debug)]
struct Chosen {
    key: Arc<Shared>,
    scheme: SignatureScheme,
    name: &'static str,
}

impl Signer for Chosen {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.handle.sign(self.name, message).map_err(|code| error("signing", &code))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
