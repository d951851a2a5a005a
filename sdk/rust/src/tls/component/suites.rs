//! The cipher suites, the preferred first.

use super::{
    hash::{Function, SHA256, SHA384, Sha},
    record::{Aead, Tls12, Tls13},
};
use rustls::{
    CipherSuite, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
    crypto::{CipherSuiteCommon, KeyExchangeAlgorithm, tls12::PrfUsingHmac, tls13::HkdfUsingHmac},
};

/// Records that one key may protect: NIST's bound for AES-GCM with records of TLS's size. ChaCha20-Poly1305 has none
/// that is ever reached.
const GCM_RECORDS: u64 = 1 << 24;

const ECDSA: &[SignatureScheme] =
    &[SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ECDSA_NISTP256_SHA256];
const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

pub(super) static SUITES: &[SupportedCipherSuite] = &[
    SupportedCipherSuite::Tls13(&TLS13_AES_256_GCM_SHA384),
    SupportedCipherSuite::Tls13(&TLS13_AES_128_GCM_SHA256),
    SupportedCipherSuite::Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
    SupportedCipherSuite::Tls12(&TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    SupportedCipherSuite::Tls12(&TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    SupportedCipherSuite::Tls12(&TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    SupportedCipherSuite::Tls12(&TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    SupportedCipherSuite::Tls12(&TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    SupportedCipherSuite::Tls12(&TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

const fn common<D: Function>(suite: CipherSuite, hash: &'static Sha<D>, records: u64) -> CipherSuiteCommon {
    CipherSuiteCommon { suite, hash_provider: hash, confidentiality_limit: records }
}

const fn tls13(
    common: CipherSuiteCommon,
    hkdf: &'static HkdfUsingHmac<'static>,
    aead: &'static Tls13,
) -> Tls13CipherSuite {
    Tls13CipherSuite { common, hkdf_provider: hkdf, aead_alg: aead, quic: None }
}

const fn tls12(
    common: CipherSuiteCommon,
    sign: &'static [SignatureScheme],
    prf: &'static PrfUsingHmac<'static>,
    aead: &'static Tls12,
) -> Tls12CipherSuite {
    Tls12CipherSuite { common, kx: KeyExchangeAlgorithm::ECDHE, sign, prf_provider: prf, aead_alg: aead }
}

static HKDF_SHA256: HkdfUsingHmac<'static> = HkdfUsingHmac(&SHA256);
static HKDF_SHA384: HkdfUsingHmac<'static> = HkdfUsingHmac(&SHA384);
static PRF_SHA256: PrfUsingHmac<'static> = PrfUsingHmac(&SHA256);
static PRF_SHA384: PrfUsingHmac<'static> = PrfUsingHmac(&SHA384);

static TLS13_AES_256_GCM_SHA384: Tls13CipherSuite =
    tls13(common(CipherSuite::TLS13_AES_256_GCM_SHA384, &SHA384, GCM_RECORDS), &HKDF_SHA384, &Tls13(Aead::Aes256Gcm));
static TLS13_AES_128_GCM_SHA256: Tls13CipherSuite =
    tls13(common(CipherSuite::TLS13_AES_128_GCM_SHA256, &SHA256, GCM_RECORDS), &HKDF_SHA256, &Tls13(Aead::Aes128Gcm));
static TLS13_CHACHA20_POLY1305_SHA256: Tls13CipherSuite = tls13(
    common(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, &SHA256, u64::MAX),
    &HKDF_SHA256,
    &Tls13(Aead::ChaCha20Poly1305),
);
static TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: Tls12CipherSuite = tls12(
    common(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, &SHA384, GCM_RECORDS),
    ECDSA,
    &PRF_SHA384,
    &Tls12(Aead::Aes256Gcm),
);
static TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: Tls12CipherSuite = tls12(
    common(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, &SHA256, GCM_RECORDS),
    ECDSA,
    &PRF_SHA256,
    &Tls12(Aead::Aes128Gcm),
);
static TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: Tls12CipherSuite = tls12(
    common(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, &SHA256, u64::MAX),
    ECDSA,
    &PRF_SHA256,
    &Tls12(Aead::ChaCha20Poly1305),
);
static TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: Tls12CipherSuite = tls12(
    common(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, &SHA384, GCM_RECORDS),
    RSA,
    &PRF_SHA384,
    &Tls12(Aead::Aes256Gcm),
);
static TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: Tls12CipherSuite = tls12(
    common(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, &SHA256, GCM_RECORDS),
    RSA,
    &PRF_SHA256,
    &Tls12(Aead::Aes128Gcm),
);
static TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: Tls12CipherSuite = tls12(
    common(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, &SHA256, u64::MAX),
    RSA,
    &PRF_SHA256,
    &Tls12(Aead::ChaCha20Poly1305),
);
