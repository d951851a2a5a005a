//! TLS for the crates that use rustls: tokio-rustls, reqwest, rumqttc, tokio-tungstenite and others, unmodified.
//!
//! With this crate's feature `tls` they work without another line: before [`Provider::new`](crate::Provider::new) the
//! SDK makes [`provider`] the process's default. Certificates are checked against [`roots`]: those of the hub's system
//! and those that the owner added with `igloo roots add`. Nothing here turns the check off.
//!
//! ```no_run
//! # async fn example(address: std::net::SocketAddr) -> igloo::Result<()> {
//! let config = std::sync::Arc::new(igloo::tls::client_config()?);
//! // tokio_rustls::TlsConnector::from(config.clone())
//! // reqwest::Client::builder().tls_backend_preconfigured(config)
//! // rumqttc::TlsConfiguration::Rustls(config)
//! # Ok(()) }
//! ```
//!
//! Crates must be told not to bring a provider of their own, as a rule by a feature: `rustls-no-provider` of reqwest,
//! `use-rustls-no-provider` of rumqttc; tokio-rustls with `default-features = false, features = ["tls12"]`.
//!
//! In a component the protocol runs here and the operations with keys in the hub (`igloo:crypto`): TLS 1.3 and 1.2 with
//! AES-GCM and ChaCha20-Poly1305, X25519, P-256 and P-384. Natively all of it is rustls's `ring` provider.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
use component as here;
#[cfg(not(target_family = "wasm"))]
use native as here;

pub use rustls;
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use std::{io, sync::Arc};

/// What rustls computes with: suites, groups, signatures, random numbers.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    install();
    // There is one now: this one, or the one that was there before.
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(here::provider()))
}

/// The roots that this home trusts, as they are now: the owner may change them while the provider runs.
pub fn roots() -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // The system's store has certificates that no verifier reads; they are no roots for anybody.
    roots.add_parsable_certificates(here::certificates()?);
    Ok(roots)
}

/// A client's configuration with these roots and no certificate of its own.
pub fn client_config() -> io::Result<ClientConfig> {
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    Ok(versions.map_err(io::Error::other)?.with_root_certificates(roots()?).with_no_client_auth())
}

/// Makes [`provider`] the default of crates that ask for none. One that is installed already stays.
pub(crate) fn install() {
    if CryptoProvider::get_default().is_none() {
        let _ = here::provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_a_provider_and_both_versions() {
        let config = client_config().unwrap();
        assert!(CryptoProvider::get_default().is_some());
        assert!(config.crypto_provider().cipher_suites.len() >= 9);
    }
}
