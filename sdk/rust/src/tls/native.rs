//! TLS outside a component: rustls's own provider, and the system's roots.

use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::CertificateDer,
};
use std::io;

pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}

pub(super) fn certificates() -> io::Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.into_iter().next() {
        Some(error) if found.certs.is_empty() => Err(io::Error::other(error)),
        _ => Ok(found.certs),
    }
}
