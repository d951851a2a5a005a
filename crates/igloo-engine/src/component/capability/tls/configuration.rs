//! What connections have in common, as a guest says it; and rustls's own form of it, made anew for each connection.
//!
//! No session is resumed: what peers make this end keep for later would be one more thing to bound.

use std::sync::{Arc, LazyLock};

use rustls::{
    ClientConfig, InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion,
    client::Resumption,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use zeroize::Zeroizing;

use super::{
    INPUT, PROTOCOLS, ROOTS,
    verify::{Check, Given, Verifier},
};
use crate::{component::bindings::igloo::tls::types::ErrorCode, roots::Roots};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// The oldest first.
static VERSIONS: [(&str, &SupportedProtocolVersion); 2] = [("tls1.2", &TLS12), ("tls1.3", &TLS13)];
const OLD_VERSIONS: [&str; 3] = ["tls1.0", "tls1.1", "ssl3"];

/// How the peer is checked.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Verification {
    #[default]
    Full,
    Chain,
    Optional,
    None,
}

/// See the module.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct Configuration {
    home_roots: bool,
    given: Arc<Given>,
    /// Bytes of certificates that were given.
    pub(super) size: usize,
    pub(super) verification: Verification,
    shown: Option<Arc<CertifiedKey>>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Configuration {
    pub(super) fn new() -> Self {
        Self {
            home_roots: false,
            given: Arc::new(Given::nothing()),
            size: 0,
            verification: Verification::default(),
            shown: None,
            alpn: Vec::new(),
            versions: VERSIONS.iter().map(|(_, version)| *version).collect(),
        }
    }

    pub(super) fn add_home_roots(&mut self) {
        self.home_roots = true;
    }

    /// Answers how many were taken. `room` is for how many bytes more there is room.
    pub(super) fn add_roots(&mut self, certificates: &[u8], room: usize) -> Result<u32, ErrorCode> {
        let certificates = read_certificates(certificates)?;
        let size: usize = certificates.iter().map(|certificate| certificate.len()).sum();
        let given = Arc::make_mut(&mut self.given);
        if given.roots.len() + certificates.len() > ROOTS || self.size + size > INPUT || size > room {
            return Err(ErrorCode::Limit);
        }
        self.size += size;
        let taken = certificates.into_iter().filter(|certificate| given.add(certificate.clone())).count();
        Ok(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    pub(super) fn set_verification(&mut self, mode: &str) -> Result<(), ErrorCode> {
        self.verification = match mode {
            "full" => Verification::Full,
            "chain" => Verification::Chain,
            "optional" => Verification::Optional,
            "none" => Verification::None,
            _ => return Err(unsupported("this way of checking a peer")),
        };
        Ok(())
    }

    pub(super) fn set_certificate(&mut self, chain: &[u8], key: &Zeroizing<Vec<u8>>) -> Result<(), ErrorCode> {
        let chain = read_certificates(chain)?;
        if chain.is_empty() {
            return Err(invalid("there is no certificate"));
        }
        let key = read_key(key)?;
        let shown = CertifiedKey::from_der(chain, key, &PROVIDER).map_err(|why| match why {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                invalid("the private key is not the certificate's")
            }
            why => invalid(&why.to_string()),
        })?;
        self.shown = Some(Arc::new(shown));
        Ok(())
    }

    pub(super) fn set_alpn(&mut self, protocols: Vec<Vec<u8>>) -> Result<(), ErrorCode> {
        if protocols.len() > PROTOCOLS {
            return Err(ErrorCode::Limit);
        }
        // RFC 7301, section 3.1.
        if protocols.iter().any(|protocol| protocol.is_empty() || protocol.len() > 255) {
            return Err(invalid("a protocol's name has 1 to 255 bytes"));
        }
        self.alpn = protocols;
        Ok(())
    }

    pub(super) fn set_versions(&mut self, minimum: Option<&str>, maximum: Option<&str>) -> Result<(), ErrorCode> {
        let find = |name: &str| VERSIONS.iter().position(|(version, _)| *version == name);
        let from = match minimum {
            Some(old) if OLD_VERSIONS.contains(&old) => 0,
            Some(name) => find(name).ok_or_else(|| unsupported("this version"))?,
            None => 0,
        };
        let to = match maximum {
            Some(name) => find(name).ok_or_else(|| unsupported("a version this old, or unknown"))?,
            None => VERSIONS.len() - 1,
        };
        let chosen = VERSIONS.get(from..=to).filter(|chosen| !chosen.is_empty());
        let chosen = chosen.ok_or_else(|| invalid("the oldest version is newer than the newest"))?;
        self.versions = chosen.iter().map(|(_, version)| *version).collect();
        Ok(())
    }

    /// For a client.
    pub(super) fn client(&self, home: &Roots) -> Result<Arc<ClientConfig>, ErrorCode> {
        let check = match self.verification {
            Verification::Full => Check::Full,
            Verification::Chain => Check::Chain,
            Verification::None => Check::Nothing,
            Verification::Optional => return Err(unsupported("a client that checks only if it likes")),
        };
        let verifier = Verifier {
            check,
            home: self.home_roots.then(|| home.trusted()),
            given: self.given.clone(),
            algorithms: PROVIDER.signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
            .with_protocol_versions(&self.versions)
            .map_err(|why| super::error::code(&why))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.shown {
            Some(shown) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown.clone()))),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(Arc::new(config))
    }

    /// For a server.
    pub(super) fn server(&self, home: &Roots) -> Result<Arc<ServerConfig>, ErrorCode> {
        let shown = self.shown.clone().ok_or_else(|| invalid("a server needs a certificate"))?;
        let builder = ServerConfig::builder_with_provider(PROVIDER.clone())
            .with_protocol_versions(&self.versions)
            .map_err(|why| super::error::code(&why))?;
        let builder = if self.verification == Verification::None {
            builder.with_no_client_auth()
        } else {
            let roots = self.all_roots(home);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, PROVIDER.clone());
            let verifier = match self.verification {
                Verification::Optional => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|why| invalid(&why.to_string()))?)
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(Arc::new(config))
    }

    fn all_roots(&self, home: &Roots) -> Arc<RootCertStore> {
        let given = &self.given.roots;
        match self.home_roots.then(|| home.trusted()) {
            Some(home) if given.is_empty() => home,
            Some(home) => Arc::new(home.roots.iter().chain(&given.roots).cloned().collect()),
            None => Arc::new(given.clone()),
        }
    }
}

/// PEM, or one as DER.
fn read_certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, ErrorCode> {
    check_input(text)?;
    if is_pem(text) {
        return crate::roots::read_pem(text).map_err(|why| invalid(&format!("the certificates: {why}")));
    }
    match text {
        // A DER sequence.
        [0x30, ..] => Ok(vec![CertificateDer::from(text.to_vec())]),
        _ => Err(invalid("neither PEM nor DER")),
    }
}

fn read_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, ErrorCode> {
    check_input(text)?;
    if is_pem(text) {
        return PrivateKeyDer::from_pem_slice(text)
            .map_err(|_| invalid("there is no private key that is not encrypted"));
    }
    PrivateKeyDer::try_from(text.to_vec()).map_err(|_| invalid("the private key is neither PEM nor DER"))
}

fn is_pem(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    text.windows(BEGIN.len()).any(|window| window == BEGIN)
}

fn check_input(text: &[u8]) -> Result<(), ErrorCode> {
    if text.len() > INPUT { Err(ErrorCode::Limit) } else { Ok(()) }
}

pub(super) fn invalid(why: &str) -> ErrorCode {
    ErrorCode::InvalidArgument(why.to_owned())
}

fn unsupported(what: &str) -> ErrorCode {
    ErrorCode::Unsupported(format!("this hub does not do {what}"))
}
