//! How a client checks whom it speaks to.
//!
//! Chains, dates and names are webpki's to judge. What is added: two sets of roots without a copy of either, a server's
//! own certificate as a root, and names for what is self-signed. Whatever the mode, the handshake must be signed by the
//! certificate's key: who pins a certificate relies on it.

use std::{collections::HashSet, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved, RootCertStore,
    SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{
        WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
    },
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::ParsedCertificate,
};
use sha2::{Digest as _, Sha256};

use super::certificate::Outline;

/// What is checked of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Its chain, and that it is for the name.
    Full,
    /// Its chain.
    Chain,
    /// Nothing.
    Nothing,
}

/// Certificates that a guest gave, as what is known of each without it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) roots: RootCertStore,
    digests: HashSet<[u8; 32]>,
}

impl Given {
    pub(super) fn nothing() -> Self {
        Self { roots: RootCertStore::empty(), digests: HashSet::new() }
    }

    /// Takes one, if a verifier can use it.
    pub(super) fn add(&mut self, certificate: CertificateDer<'_>) -> bool {
        let digest = Sha256::digest(&certificate).into();
        let usable = self.roots.add(certificate).is_ok();
        if usable {
            self.digests.insert(digest);
        }
        usable
    }

    fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        self.digests.contains(&<[u8; 32]>::from(Sha256::digest(certificate)))
    }
}

/// A chain that ends in itself, and not in a root.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum SelfSigned {
    #[error("the certificate is self-signed and not trusted")]
    Itself,
    #[error("the chain ends in a self-signed certificate that is not trusted")]
    InChain,
}

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) check: Check,
    /// The home's, if they are asked for.
    pub(super) home: Option<Arc<RootCertStore>>,
    pub(super) given: Arc<Given>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn chain(
        &self,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let against = |roots: &RootCertStore| {
            verify_server_cert_signed_by_trust_anchor(parsed, roots, intermediates, now, self.algorithms.all)
        };
        let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let by_home = self.home.as_deref().map_or(unknown, against);
        match by_home {
            Ok(()) => Ok(()),
            // Whichever says more.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => against(&self.given.roots),
            Err(why) => against(&self.given.roots).map_err(|_| why),
        }
    }

    /// What is wrong with a chain that webpki refused; nothing, if the certificate itself is trusted.
    fn refused(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        why: Error,
    ) -> Result<(), Error> {
        use CertificateError as E;
        match &why {
            // webpki looks at the dates first, so what it refuses for another reason is of the time.
            Error::InvalidCertificate(
                E::Expired
                | E::ExpiredContext { .. }
                | E::NotValidYet
                | E::NotValidYetContext { .. }
                | E::InvalidPurpose
                | E::InvalidPurposeContext { .. },
            ) => Err(why),
            // It has no trust in an end entity itself, and never takes an authority's certificate as one. But many
            // devices have a single one of their own making, which is both.
            _ if self.given.contains(end_entity) => Ok(()),
            Error::InvalidCertificate(E::BadSignature) => Err(why),
            _ => {
                let self_issued =
                    |certificate: &CertificateDer<'_>| Outline::read(certificate).is_some_and(|o| o.is_self_issued());
                let named = |named: SelfSigned| E::Other(OtherError(Arc::new(named))).into();
                if self_issued(end_entity) {
                    Err(named(SelfSigned::Itself))
                } else if intermediates.iter().any(self_issued) {
                    Err(named(SelfSigned::InChain))
                } else {
                    Err(why)
                }
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.check == Check::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(end_entity)?;
        self.chain(&parsed, intermediates, now).or_else(|why| self.refused(end_entity, intermediates, why))?;
        if self.check == Check::Full {
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.check == Check::Nothing {
            return by_key(message, &outline(certificate)?, signed, &self.algorithms);
        }
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.check == Check::Nothing {
            let key_info = SubjectPublicKeyInfoDer::from(outline(certificate)?.key_info);
            return verify_tls13_signature_with_raw_key(message, &key_info, signed, &self.algorithms);
        }
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}

fn outline<'a>(certificate: &'a CertificateDer<'_>) -> Result<Outline<'a>, Error> {
    Outline::read(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// As rustls does it for TLS 1.2, with a key that came in any certificate.
fn by_key(
    message: &[u8],
    certificate: &Outline<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let (_, candidates) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let bad = Error::InvalidCertificate(CertificateError::BadSignature);
    let algorithm = candidates.iter().find(|candidate| *candidate.public_key_alg_id() == *certificate.algorithm);
    algorithm
        .and_then(|algorithm| algorithm.verify_signature(certificate.key, message, signed.signature()).ok())
        .map(|()| HandshakeSignatureValid::assertion())
        .ok_or(bad)
}
