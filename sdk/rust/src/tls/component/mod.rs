//! rustls's provider in a component: keys live in the hub and are used there (`igloo:crypto`), hashes and what is made
//! of them are computed here, where the transcript is.

mod agreement;
mod hash;
mod record;
mod signature;
mod suites;

use crate::{
    bindings::{igloo::crypto::types::ErrorCode, wasi::random::random::get_random_bytes},
    log::{Level, log},
};
use rustls::{
    Error,
    crypto::{CryptoProvider, GetRandomFailed, SecureRandom},
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{fs, io};

/// Where the hub shows the roots that this home trusts.
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: suites::SUITES.to_vec(),
        kx_groups: agreement::GROUPS.to_vec(),
        signature_verification_algorithms: signature::ALGORITHMS,
        secure_random: &Hub,
        key_provider: &Hub,
    }
}

pub(super) fn certificates() -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = fs::read(ROOTS).map_err(|error| {
        io::Error::new(error.kind(), format!("{ROOTS}: {error} (the hub puts the roots of the home there)"))
    })?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(io::Error::other)
}

/// What comes from the hub: random numbers, and keys that sign (in [`signature`]).
#[derive(Debug)]
struct Hub;

impl SecureRandom for Hub {
    fn fill(&self, mut buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        while !buffer.is_empty() {
            // The host may give fewer than it is asked for.
            let bytes = get_random_bytes(buffer.len() as u64);
            let count = bytes.len().min(buffer.len());
            if count == 0 {
                return Err(GetRandomFailed);
            }
            let (filled, rest) = std::mem::take(&mut buffer).split_at_mut(count);
            filled.copy_from_slice(&bytes[..count]);
            buffer = rest;
        }
        Ok(())
    }
}

/// The hub's error, where rustls can carry one.
fn error(what: &str, code: &ErrorCode) -> Error {
    Error::General(format!("{what}: {}", describe(code)))
}

/// The hub's error, where rustls cannot.
fn complain(what: &str, code: &ErrorCode) {
    log(Level::Error, format_args!("TLS: {what}: {}", describe(code)));
}

fn describe(code: &ErrorCode) -> &str {
    match code {
        ErrorCode::Unsupported => "the hub does not know it",
        ErrorCode::InvalidKey(why) | ErrorCode::InvalidArgument(why) | ErrorCode::Other((_, why)) => why,
        ErrorCode::Refused => "it is wrong",
        ErrorCode::Limit => "too long, or there are too many keys: close connections that are not needed",
    }
}
