//! Key agreement. A private key is made here, used once, and never leaves.

use ring::{
    agreement::{Algorithm, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    rand::SystemRandom,
};
use wasmtime::component::Resource;

use super::{SMALL, check_length};
use crate::component::{
    bindings::igloo::crypto::{
        agreement::{Host, HostPrivateKey},
        types::ErrorCode,
    },
    state::State,
};

/// A private key, and its public one.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct PrivateKey {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
}

impl PrivateKey {
    fn generate(algorithm: &str) -> Result<Self, ErrorCode> {
        let algorithm: &'static Algorithm = match algorithm {
            "x25519" => &X25519,
            "p256" => &ECDH_P256,
            "p384" => &ECDH_P384,
            _ => return Err(ErrorCode::Unsupported),
        };
        let no_random = |_| ErrorCode::Other(("random".to_owned(), "the system has no random numbers".to_owned()));
        let private = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(no_random)?;
        let public = private.compute_public_key().map_err(no_random)?.as_ref().to_vec();
        Ok(Self { private, public })
    }

    /// Refuses points that are not on the curve, and those of X25519 that make the secret nothing.
    fn agree(self, peer: &[u8]) -> Result<Vec<u8>, ErrorCode> {
        check_length(peer, SMALL)?;
        let peer = UnparsedPublicKey::new(self.private.algorithm(), peer);
        agree_ephemeral(self.private, &peer, <[u8]>::to_vec).map_err(|_| ErrorCode::Refused)
    }
}

impl Host for State {}

impl HostPrivateKey for State {
    fn generate(&mut self, algorithm: String) -> wasmtime::Result<Result<Resource<PrivateKey>, ErrorCode>> {
        self.keep(PrivateKey::generate(&algorithm))
    }

    fn public_key(&mut self, key: Resource<PrivateKey>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.keys.get(&key)?.public.clone())
    }

    fn agree(&mut self, key: Resource<PrivateKey>, peer: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.delete(key)?.agree(&peer))
    }

    fn drop(&mut self, key: Resource<PrivateKey>) -> wasmtime::Result<()> {
        self.keys.delete(key)?;
        Ok(())
    }
}
